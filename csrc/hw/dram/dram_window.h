/* Which runs wait for a pseudo-channel, and which of them hit: the part of hw/dram/dram_pc.h that invariants D1 to D3
 * are about.
 *
 *   backlog ─kb_dram_enter_, flit by flit─> the bank's chain ─its row is open─> hits ─all served─> left
 */
#ifndef KB_HW_DRAM_DRAM_WINDOW_H
#define KB_HW_DRAM_DRAM_WINDOW_H

#include "base/checked.h"
#include "hw/dram/dram_pc.h"
#include "sim/sim.h"

enum { KB_DRAM_READ, KB_DRAM_WRITE };
enum { KB_DRAM_PATIENCE = 4 }; /* how many times the look-ahead a burst is passed at most */

void kb_dram_sides_init_(kb_dram_pc *pc);

/* Appends what came to the backlog. */
void kb_dram_take_in_(kb_dram_side *side, kb_dram_run *items, kb_dram_inbox *inbox);

/* The next flit of the backlog enters. */
void kb_dram_enter_(kb_dram_pc *pc, kb_dram_core *core, int d);

/* What was in the window of the run of a hit is served. */
void kb_dram_leave_(kb_dram_pc *pc, kb_dram_core *core, kb_dram_hit *place);

/* The oldest runs, as far as all of them is served: those have left. */
void kb_dram_give_back_(kb_dram_side *side, kb_dram_core *core);

/* The direction of the bus changed: what hits, and what does not. */
void kb_dram_look_anew_(kb_dram_pc *pc, kb_dram_core *core);

/* The bank's open row is hit by a run: it goes where its age says. */
void kb_dram_add_hit_(kb_dram_pc *pc, const kb_dram_core *core, uint32_t b, uint32_t number);
void kb_dram_remove_hit_(kb_dram_pc *pc, uint32_t b, uint32_t place);

/* Which hit is served next has to be found anew. */
static inline void kb_dram_forget_cas_(kb_dram_pc *pc) {
    pc->cas_until_fs = -1;
}

/* Why the first of the backlog has no room: so many bursts have to be served, and so many of the oldest
 * run; <= 0: not for that. */
static inline int64_t kb_dram_excess_(const kb_dram_side *side, const kb_dram_rules *rules) {
    return side->n_pending - rules->queue + 1;
}

/* Of a burst with that seq. */
static inline int64_t kb_dram_distance_(const kb_dram_side *side, const kb_dram_core *core,
                                        uint32_t seq) {
    int64_t most = KB_DRAM_PATIENCE * (int64_t)core->rules.queue;
    int32_t apart = (int32_t)(seq - side->oldest_seq);
    return apart - core->runs.items[side->oldest].n_served - most + 1;
}

/* Whether it is not too far behind, which most are not even of the oldest run's first burst. */
static inline bool kb_dram_is_near_(const kb_dram_side *side, const kb_dram_core *core,
                                    uint32_t seq) {
    int32_t apart = (int32_t)(seq - side->oldest_seq);
    return apart < KB_DRAM_PATIENCE * (int64_t)core->rules.queue ||
           kb_dram_distance_(side, core, seq) <= 0;
}

/* All that have arrived and have room enter.  When the next does so by itself, not because another one leaves;
 * one that is later than limit_fs is not asked whether it has room. */
static inline int64_t kb_dram_admit_(kb_dram_pc *pc, kb_dram_core *core, int d, int64_t limit_fs) {
    const kb_dram_side *side = &pc->sides[d];
    while (side->next_fs < KB_TIME_MAX) {
        if (side->next_fs > limit_fs) return side->next_fs;
        if (kb_dram_excess_(side, &core->rules) > 0) break;
        if (!kb_dram_is_near_(side, core, side->next_seq)) break;
        if (side->next_fs > pc->now_fs) return side->next_fs;
        kb_dram_enter_(pc, core, d);
    }
    return KB_TIME_MAX;
}

#endif
