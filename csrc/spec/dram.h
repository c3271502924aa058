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

/* Every standard: X(name,
 *   channels of a stack, PCs of a channel, stack ids, bank groups, banks of one, rows, columns, burst bytes,
 *   halves of a CK that an ACT, a PRE takes of the row bus,
 *   fs of a CK, and the times of KB_DRAM_TIMING_LIST in its order). */
#define KB_DRAM_STANDARDS(X)                                                                       \
    X("HBM2_2000_16Gb_8hi", 8, 2, 1, 4, 4, 65536, 32, 32, 4, 2, 1000000, 14, 12, 14, 14, 5, 34,    \
      48, 16, 5, 2, 2, 4, 2, 4, 4, 15, 6, 8, 13, 450, 160, 3900)                                   \
    X("HBM2_2400_16Gb_8hi", 8, 2, 1, 4, 4, 65536, 32, 32, 4, 2, 833334, 17, 14, 17, 17, 6, 40, 57, \
      19, 6, 2, 2, 4, 2, 5, 5, 19, 8, 10, 15, 540, 192, 4680)                                      \
    X("HBM2E_3600_16Gb_8hi", 8, 2, 1, 4, 4, 65536, 32, 32, 4, 2, 555556, 26, 21, 26, 26, 9, 60,    \
      86, 29, 9, 2, 2, 4, 2, 8, 8, 29, 12, 15, 21, 810, 288, 7020)                                 \
    X("HBM3_6400_16Gb_8hi", 16, 2, 2, 4, 4, 16384, 32, 32, 3, 1, 625000, 31, 15, 26, 20, 10, 45,   \
      72, 33, 9, 2, 2, 4, 3, 4, 5, 24, 7, 10, 20, 560, 320, 6240)                                  \
    X("HBM3E_9600_16Gb_8hi", 16, 2, 2, 4, 4, 16384, 32, 32, 3, 1, 416667, 47, 23, 39, 30, 15, 68,  \
      108, 50, 14, 2, 2, 4, 3, 6, 8, 36, 11, 15, 30, 840, 480, 9360)                               \
    X("HBM4_8000_16Gb_8hi", 32, 2, 2, 2, 8, 16384, 32, 32, 3, 1, 500000, 39, 19, 33, 20, 10, 57,   \
      90, 42, 12, 2, 2, 4, 2, 5, 7, 30, 9, 13, 25, 900, 560, 7800)

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
