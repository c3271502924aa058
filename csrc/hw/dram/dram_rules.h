/* What a DRAM's timing set says, in femtoseconds, as its pseudo-channels need it. */
#ifndef KB_HW_DRAM_DRAM_RULES_H
#define KB_HW_DRAM_DRAM_RULES_H

#include <stdbool.h>
#include <stdint.h>

#include "spec/topology.h"

enum { KB_DRAM_MAX_BANKS = 64, KB_DRAM_MAX_GROUPS = 32 };

/* Made once per memory. */
typedef struct kb_dram_rules {
    int64_t rcd[2], cas_burst[2],
        cas_pre[2]; /* by direction: ACT to CAS, CAS to its burst's end, to PRE */
    int64_t rp, ras, rc, ccd_s, ccd_l, ccd_r, rrd_s, rrd_l, faw, bl;
    int64_t turn[2];         /* CAS to CAS of the other direction, by the latter's */
    int64_t group_gap[2][2]; /* in its bank group: after one of a direction, of one of the other */
    int64_t rfc, refi;       /* refi 0: no refresh */
    int64_t act_bus, pre_bus;
    bool per_bank;
    /* Two bank groups by turns fill the bus: tCCD_S < tCCD_L <= 2 tCCD_S.  Neither is ready when the other is
     * due, tCCD_R <= tCCD_L, and no bank is closed before the other's CAS: tRTP, tCWL + tBL + tWR >= tCCD_R. */
    bool alternates;
    uint32_t n_banks, n_groups;
    uint8_t group[KB_DRAM_MAX_BANKS],
        sid[KB_DRAM_MAX_BANKS];            /* of each bank; groups through all sids */
    uint32_t queue, high, low, write_wait; /* bursts */
} kb_dram_rules;

kb_dram_rules kb_dram_rules_of(const kb_dram *dram, const kb_params_hbm *params);

#endif
