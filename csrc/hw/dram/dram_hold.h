/* What the commands of a pseudo-channel are held to (ADR-0061): the times of those before, not the bounds by which
 * each was chosen. */
#ifndef KB_HW_DRAM_DRAM_HOLD_H
#define KB_HW_DRAM_DRAM_HOLD_H

#include "base/checked.h"
#include "hw/dram/dram_pc.h"

void kb_dram_broken_(const kb_dram_pc *pc, const kb_dram_core *core, uint32_t bank, int64_t at_fs,
                     int64_t free_fs);

static inline void kb_dram_hold_act_(kb_dram_pc *pc, const kb_dram_core *core, uint32_t b,
                                     int64_t at_fs) {
    int64_t free_fs = kb_max_i64(pc->banks[b].open_fs + core->rules.rc,
                                 pc->acts_fs[pc->n_acts & 3] + core->rules.faw);
    free_fs = kb_max_i64(free_fs, pc->refreshed_fs);
    if (at_fs < free_fs) kb_dram_broken_(pc, core, b, at_fs, free_fs);
    pc->banks[b].open_fs = at_fs;
}

/* From the PRE on, open_fs is an ACT that the next one may follow as soon, by tRC, as it may the PRE by tRP. */
static inline void kb_dram_hold_pre_(kb_dram_pc *pc, const kb_dram_core *core, uint32_t b,
                                     int64_t at_fs) {
    int64_t *open_fs = &pc->banks[b].open_fs, free_fs = *open_fs + core->rules.ras;
    if (at_fs < free_fs) kb_dram_broken_(pc, core, b, at_fs, free_fs);
    *open_fs = kb_max_i64(*open_fs, at_fs + core->rules.rp - core->rules.rc);
}

static inline void kb_dram_hold_cas_(const kb_dram_pc *pc, const kb_dram_core *core, uint32_t b,
                                     bool write, int64_t at_fs) {
    int64_t free_fs = pc->banks[b].open_fs + core->rules.rcd[write];
    if (at_fs < free_fs) kb_dram_broken_(pc, core, b, at_fs, free_fs);
}

/* Bursts one each step_fs, the first from start_fs and the last until end_fs on the bus. */
static inline void kb_dram_hold_bus_(kb_dram_pc *pc, const kb_dram_core *core, int64_t start_fs,
                                     int64_t end_fs, int64_t step_fs) {
    int64_t bl = core->rules.bl;
    if (start_fs < pc->bus_free_fs || (step_fs < bl && end_fs > start_fs + bl))
        kb_dram_broken_(pc, core, KB_NONE, start_fs, kb_max_i64(pc->bus_free_fs, start_fs + 1));
    pc->bus_free_fs = end_fs;
}

#endif
