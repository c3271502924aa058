/* Telling who asked that bursts are served (hw/dram/dram_pc.h, D4). */
#ifndef KB_HW_DRAM_DRAM_TELL_H
#define KB_HW_DRAM_DRAM_TELL_H

#include "hw/dram/dram_pc.h"

/* Of the bursts of a hit that nobody was told of; there are some. */
void kb_dram_tell_(kb_dram_pc *pc, kb_dram_core *core, kb_dram_hit *hit);

static inline void kb_dram_tell_all_(kb_dram_pc *pc, kb_dram_core *core) {
    for (uint32_t i = 0; i < pc->n_hits; i++)
        if (pc->hits[i].n_untold) kb_dram_tell_(pc, core, &pc->hits[i]);
}

/* Counts that follow from the others. */
static inline void kb_dram_sum_up_(kb_dram_statistics *s, const kb_dram_rules *rules) {
    int64_t n = s->reads + s->writes;
    s->hits = n - s->misses - s->conflicts;
    s->busy_fs = n * rules->bl;
}

#endif
