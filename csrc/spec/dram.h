/* DRAM standards: named geometries and timing sets of HBM, and the memory that a topology makes of one.
 *
 * Times are in CK, the cycles of the standard; t_ck is the length of one.  What a set says:
 *
 *     ACT ──tRCDRD──> RD ──tCL──> burst (tBL) ──> data        RD ──tRTP──> PRE ──tRP──> ACT
 *         ──tRCDWR──> WR ──tCWL─> burst (tBL) ──tWR──> PRE    ACT ──tRAS─> PRE, ACT ──tRC──> ACT
 *     CAS to CAS: tCCD_S, same bank group tCCD_L, other stack id tCCD_R.  ACT to ACT: tRRD_S, same bank
 *     group tRRD_L; five in more than tFAW.  WR's burst to RD: tWTR_S, tWTR_L; RD to WR: tRTW.
 *     Refresh every tREFI: all banks for tRFC, or one after the other for tRFCpb each.
 *
 * Sources: Ramulator 2.1, python/ramulator/dram/{hbm2,hbm3,hbm4}.py @c5b1c3a [S]; HBM2E and HBM3E are
 * the nanoseconds of HBM2_2400 and HBM3_6400 at their own clocks, rounded up to cycles [D].
 */
#ifndef KB_SPEC_DRAM_H
#define KB_SPEC_DRAM_H

#include "mem/dram_map.h"
#include "spec/params.h"

/* X(key, field, minimum, "meaning"): integers in CK, but for the first, which a topology may overwrite */
#define KB_DRAM_TIMING_LIST(X)                            \
    X("tRCDRD", rcd_rd, 1, "ACT to RD")                   \
    X("tRCDWR", rcd_wr, 1, "ACT to WR")                   \
    X("tRP", rp, 1, "PRE to ACT")                         \
    X("tCL", cl, 1, "RD to its burst")                    \
    X("tCWL", cwl, 1, "WR to its burst")                  \
    X("tRAS", ras, 1, "ACT to PRE")                       \
    X("tRC", rc, 1, "ACT to ACT of one bank")             \
    X("tWR", wr, 1, "end of a written burst to PRE")      \
    X("tRTP", rtp, 1, "RD to PRE")                        \
    X("tBL", bl, 1, "a burst on the data bus")            \
    X("tCCD_S", ccd_s, 1, "CAS to CAS, other bank group") \
    X("tCCD_L", ccd_l, 1, "CAS to CAS, same bank group")  \
    X("tCCD_R", ccd_r, 1, "CAS to CAS, other stack id")   \
    X("tRRD_S", rrd_s, 1, "ACT to ACT, other bank group") \
    X("tRRD_L", rrd_l, 1, "ACT to ACT, same bank group")  \
    X("tFAW", faw, 1, "four ACTs")                        \
    X("tWTR_S", wtr_s, 1, "end of a written burst to RD") \
    X("tWTR_L", wtr_l, 1, "the same, same bank group")    \
    X("tRTW", rtw, 1, "RD to WR")                         \
    X("tRFC", rfc, 1, "a refresh of all banks")           \
    X("tRFCpb", rfc_pb, 1, "a refresh of one bank")       \
    X("tREFI", refi, 1, "from one refresh to the next")

typedef struct kb_dram_timing {
    int64_t ck_fs;
#define X(key, field, minimum, meaning) int64_t field;
    KB_DRAM_TIMING_LIST(X)
#undef X
} kb_dram_timing;

/* One channel's geometry. */
typedef struct kb_dram_geometry {
    int64_t channels; /* of a stack */
    int64_t pcs, sids, bank_groups, banks, rows, columns;
    int64_t burst_nbytes;
    int64_t act_half_cks, pre_half_cks; /* what they take of the row bus, in CK / 2 */
} kb_dram_geometry;

typedef struct kb_dram_standard {
    const char *name;
    kb_dram_geometry geometry;
    kb_dram_timing timing;
} kb_dram_standard;

/* What a memory with a standard is made of; `standard` NULL: it has none. */
typedef struct kb_dram {
    const kb_dram_standard *standard;
    int64_t n_pcs, n_slices; /* of the memory; a slice has n_pcs / n_slices of them */
    kb_dram_timing timing;
    kb_dram_map map; /* of one slice */
    bool maps;       /* the topology wrote the mapping itself */
} kb_dram;

/* The standard of a choice of `standard:` in params.h; NULL for none. */
const kb_dram_standard *kb_dram_standard_at(int64_t choice);

/* Bytes of a memory of `channels` channels. */
int64_t kb_dram_capacity(const kb_dram_standard *standard, int64_t channels);

#endif
