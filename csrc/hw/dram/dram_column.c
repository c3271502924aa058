#include "hw/dram/dram_column.h"

#include "hw/dram/dram_hold.h"
#include "hw/dram/dram_row.h"
#include "hw/dram/dram_tell.h"
#include "hw/dram/dram_window.h"

/* So many bursts at at_fs and from then on: of a hit alone, or of it and its partner by turns. */
typedef struct train {
    int64_t at_fs, step_fs, n;
    uint32_t place, partner; /* in hits; KB_NONE: none */
} train;

/* When n bursts are served of those from at_fs on, one each step. */
static inline int64_t nth_fs(const train *t, int64_t n) {
    return t->at_fs + (n - 1) * t->step_fs;
}

/* --- which, and when -------------------------------------------------------------------------------- */

/* When the next burst of a hit can be issued, for all that its bank and its group ask for. */
static inline int64_t hit_ready_fs(const kb_dram_pc *pc, const kb_dram_hit *hit) {
    return kb_max_i64(hit->ready_fs, pc->group_cas_fs[hit->group]);
}

/* The hit that can be served first, of those the oldest, and when.  As if it were in the stack that was accessed last:
 * were that preferred, an old burst in another one might wait for ever.  It is in another one, so an older one may be
 * ready at a later look. */
static inline void find_cas(kb_dram_pc *pc, const kb_dram_rules *rules) {
    int64_t gap_fs = pc->wrote == pc->writing ? rules->ccd_s : rules->turn[pc->writing];
    int64_t least_fs = kb_max_i64(pc->now_fs, pc->column_fs + gap_fs);
    int64_t best_fs = hit_ready_fs(pc, &pc->hits[0]);
    uint32_t best = 0;
    for (uint32_t i = 1; i < pc->n_hits && best_fs > least_fs; i++) {
        int64_t ready_fs = hit_ready_fs(pc, &pc->hits[i]);
        if (ready_fs >= best_fs) continue;
        best_fs = ready_fs;
        best = i;
    }
    pc->cas_place = best;
    pc->cas_fs = kb_max_i64(best_fs, least_fs);
    pc->cas_until_fs = KB_TIME_MAX;
    if (pc->hits[best].sid == pc->column_sid) return;
    pc->cas_until_fs = least_fs;
    pc->cas_fs = kb_max_i64(pc->cas_fs, pc->column_fs + rules->ccd_r);
}

/* --- how many --------------------------------------------------------------------------------------- */

/* So many bursts may be served before the direction may change. */
static inline int64_t until_turn(const kb_dram_pc *pc, const kb_dram_rules *rules) {
    int64_t n_writes = pc->sides[KB_DRAM_WRITE].n_pending;
    if (pc->draining) return n_writes - pc->drain_to;
    return pc->writing || n_writes == 0 ? INT64_MAX : (int64_t)rules->write_wait - pc->n_passed;
}

/* Of m bursts of a train how many before one of the backlog enters that stands too far behind the oldest, or before
 * one that enters might hit in a bank that is not of `banks`: at once, or tRCD later where its row is not open. */
static int64_t admitted_within(const kb_dram_pc *pc, const kb_dram_core *core, const train *t,
                               int64_t m, uint64_t banks) {
    const kb_dram_run *items = core->runs.items;
    const kb_dram_side *side = &pc->sides[pc->writing];
    int64_t n = kb_dram_excess_(side, &core->rules), when_fs = side->next_fs, end_fs = nth_fs(t, m);
    for (uint32_t i = side->backlog; i != KB_NONE && n < m; i = items[i].next) {
        const kb_dram_run *run = &items[i];
        if (run->n_entered == 0) when_fs = run->when_fs;
        if (when_fs > end_fs) return m;
        uint32_t last = run->flit == run->count ? 0 : run->count - 1u;
        if (!kb_dram_is_near_(side, core, run->seq + last)) return kb_max_i64(n, 1);
        if (!(banks >> run->bank & 1)) {
            int64_t hit_fs = kb_max_i64(when_fs, nth_fs(t, n) + 1);
            if (pc->banks[run->bank].open_row != (int32_t)run->row)
                hit_fs += core->rules.rcd[pc->writing] - 1;
            m = kb_min_i64(m, kb_max_i64(kb_ceil_div(hit_fs - t->at_fs, t->step_fs), 1));
        }
        n += run->count - run->n_entered;
    }
    return m;
}

/* Of a hit's bursts, one each step_fs from at_fs on, those of flits that come in time and have room, beside the
 * n that are there.  Nothing else may become of their bank, or of the bus, before they come. */
static int64_t with_flits_to_come(const kb_dram_pc *pc, const kb_dram_core *core,
                                  const kb_dram_run *run, int64_t n, int64_t at_fs,
                                  int64_t step_fs) {
    const kb_dram_side *side = &pc->sides[pc->writing];
    if (core->rules.cas_pre[pc->writing] < step_fs) return n;
    if (!pc->writing && pc->sides[KB_DRAM_WRITE].n_pending > 0) return n;
    int64_t end = run->count - run->n_served, room = core->rules.queue - side->n_pending;
    int64_t near = 1 - kb_dram_distance_(side, core, run->seq + run->n_entered);
    int64_t most = kb_min_i64(room, near) + n, when_fs = side->next_fs;
    while (n < end && n < most && when_fs <= at_fs + n * step_fs) {
        n = kb_min_i64(n + run->flit, end);
        when_fs += run->period_fs;
    }
    return n;
}

/* Those that are there by then. */
static inline int64_t left_of(const kb_dram_pc *pc, const kb_dram_core *core,
                              const kb_dram_hit *hit, int64_t at_fs, int64_t step_fs) {
    const kb_dram_run *run = &core->runs.items[hit->run];
    int64_t n = run->n_entered - run->n_served;
    if (run->n_entered == run->count) return n;
    return with_flits_to_come(pc, core, run, n, at_fs, step_fs);
}

/* The hit that comes after t's at the next step, where two by turns fill the bus; until when no other hit
 * comes instead of them, or of t's alone, goes into *end_fs.  Both are the first of all then: one that is
 * younger than either never comes between, nor does one that shares the bank group of the older.  */
static inline uint32_t find_partner(const kb_dram_pc *pc, const kb_dram_rules *rules,
                                    const train *t, int64_t *end_fs) {
    const kb_dram_hit *hits = pc->hits;
    uint32_t partner = KB_NONE, group = hits[t->place].group;
    int64_t next_fs = rules->alternates ? t->at_fs + rules->ccd_s : INT64_MIN, least_fs = *end_fs;
    for (uint32_t i = 0; i < t->place; i++) {
        int64_t ready_fs = hits[i].group == group ? hits[i].ready_fs : hit_ready_fs(pc, &hits[i]);
        if (partner == KB_NONE && ready_fs <= next_fs && hits[i].group != group) partner = i;
        else least_fs = kb_min_i64(least_fs, ready_fs - 1);
    }
    for (uint32_t i = t->place + 1; i < pc->n_hits && partner == KB_NONE; i++) {
        if (hits[i].group == group) continue;
        int64_t ready_fs = hit_ready_fs(pc, &hits[i]);
        if (ready_fs <= next_fs) partner = i;
        else least_fs = kb_min_i64(least_fs, ready_fs - 1);
    }
    *end_fs = least_fs;
    return partner;
}

static inline void plan(const kb_dram_pc *pc, const kb_dram_core *core, int64_t limit_fs,
                        train *t) {
    const kb_dram_rules *rules = &core->rules;
    const kb_dram_hit *a = &pc->hits[t->place];
    int64_t n, row_fs = kb_later_fs(pc->row_command_fs, rules->rcd[pc->writing] - 1);
    t->partner = KB_NONE;
    if (pc->n_hits > 1) t->partner = find_partner(pc, rules, t, &limit_fs);
    if (t->partner != KB_NONE) {
        const kb_dram_hit *b = &pc->hits[t->partner];
        t->step_fs = a->sid == b->sid ? rules->ccd_s : rules->ccd_r;
        n = left_of(pc, core, a, t->at_fs, 2 * t->step_fs);
        int64_t left_b = left_of(pc, core, b, t->at_fs + t->step_fs, 2 * t->step_fs);
        n = n <= left_b ? 2 * n : 2 * left_b + 1;
    } else {
        t->step_fs = rules->ccd_l;
        n = left_of(pc, core, a, t->at_fs, t->step_fs);
    }
    n = kb_min_i64(n, until_turn(pc, rules));
    limit_fs = kb_min_i64(limit_fs, row_fs);
    if (t->at_fs + (n - 1) * t->step_fs > limit_fs)
        n = kb_max_i64((limit_fs - t->at_fs) / t->step_fs + 1, 1);
    if (n > 1 && pc->sides[pc->writing].backlog != KB_NONE)
        n = admitted_within(pc, core, t, n, t->partner == KB_NONE ? pc->hitting : UINT64_MAX);
    if (n == 1) t->partner = KB_NONE;
    t->n = n;
}

/* --- issuing them ------------------------------------------------------------------------------------- */

/* Bursts of a hit: n of them from at_fs on, one each period. */
static inline void issue_bursts(kb_dram_pc *pc, kb_dram_core *core, kb_dram_hit *hit, int64_t at_fs,
                                int64_t n, int64_t period_fs) {
    kb_dram_run *run = &core->runs.items[hit->run];
    if (hit->n_untold) {
        int64_t gap_fs = at_fs - hit->last_fs;
        if (n == 1) period_fs = hit->n_untold == 1 ? gap_fs : hit->period_fs;
        if (gap_fs != period_fs || (hit->n_untold > 1 && hit->period_fs != period_fs))
            kb_dram_tell_(pc, core, hit);
    }
    hit->period_fs = period_fs;
    int64_t last_fs = hit->last_fs = at_fs + (n - 1) * period_fs;
    if (run->after != KB_NONE) __builtin_prefetch(&core->runs.items[run->after]);
    hit->n_untold = (uint16_t)(hit->n_untold + n);
    run->n_served = (uint16_t)(run->n_served + n);
    pc->group_cas_fs[hit->group] = last_fs + core->rules.ccd_l;
}

/* Writes that fill the window to the mark are drained. */
static inline void note_full(kb_dram_pc *pc, const kb_dram_rules *rules) {
    if (pc->draining || pc->sides[KB_DRAM_WRITE].n_pending < rules->high) return;
    pc->draining = true;
    pc->drain_to = (int32_t)rules->low;
}

/* A train is served while others enter, and rows are opened for them. */
static inline void enter_meanwhile(kb_dram_pc *pc, kb_dram_core *core, const train *t) {
    kb_dram_side *side = &pc->sides[pc->writing];
    int64_t n = 0, end_fs = nth_fs(t, t->n);
    while (side->backlog != KB_NONE && side->next_fs <= end_fs) {
        int64_t next = kb_max_i64(n + kb_dram_excess_(side, &core->rules), n);
        int64_t enter_fs = nth_fs(t, next);
        if (side->next_fs > enter_fs) {
            enter_fs = side->next_fs;
            next = kb_max_i64(kb_ceil_div(enter_fs - t->at_fs, t->step_fs), next);
        }
        if (next >= t->n) break;
        side->n_pending -= next - n;
        n = next;
        if (pc->draining && side->n_pending <= pc->drain_to) pc->draining = false;
        if (!pc->row_known || pc->row_command_fs < enter_fs)
            kb_dram_issue_row_commands_(pc, core, enter_fs);
        pc->now_fs = enter_fs;
        kb_dram_enter_(pc, core, pc->writing);
        if (pc->writing) note_full(pc, &core->rules);
    }
    side->n_pending -= t->n - n;
    if (!pc->row_known || pc->row_command_fs < end_fs)
        kb_dram_issue_row_commands_(pc, core, end_fs);
}

/* The run of a hit may be over, as far as it is in the window. */
static inline void end_run(kb_dram_pc *pc, kb_dram_core *core, uint32_t number) {
    const kb_dram_run *run = &core->runs.items[number];
    kb_dram_hit *hit = pc->hits;
    if (!kb_dram_run_is_served(run)) return;
    while (hit->run != number) hit++;
    kb_dram_tell_(pc, core, hit);
    kb_dram_leave_(pc, core, hit);
    if (run->n_served == run->count) pc->sides[pc->writing].n_over++;
}

/* The bus is turned, where the last command was of the other direction. */
static inline void note_turn(kb_dram_pc *pc) {
    if (pc->wrote == pc->writing) return;
    pc->statistics.turnarounds += pc->column_fs > INT64_MIN / 2;
    pc->wrote = pc->writing;
}

/* One of a pair may be over a step before the train is: what follows it in its bank comes later. */
static inline void issue(kb_dram_pc *pc, kb_dram_core *core, const train *t) {
    kb_dram_hit *a = &pc->hits[t->place], *last = a;
    uint32_t before = KB_NONE;
    note_turn(pc);
    int64_t ends_fs = core->rules.cas_burst[pc->writing];
    kb_dram_hold_bus_(pc, core, t->at_fs + ends_fs - core->rules.bl, nth_fs(t, t->n) + ends_fs,
                      t->step_fs);
    if (!pc->writing && pc->sides[KB_DRAM_WRITE].n_pending > 0) pc->n_passed += (int32_t)t->n;
    if (t->partner == KB_NONE) {
        issue_bursts(pc, core, a, t->at_fs, t->n, t->step_fs);
    } else {
        kb_dram_hit *b = &pc->hits[t->partner];
        int64_t n_b = t->n / 2;
        issue_bursts(pc, core, a, t->at_fs, t->n - n_b, 2 * t->step_fs);
        issue_bursts(pc, core, b, t->at_fs + t->step_fs, n_b, 2 * t->step_fs);
        bool ends_with_b = 2 * n_b == t->n;
        before = ends_with_b ? a->run : b->run;
        if (ends_with_b) last = b;
    }
    uint32_t number = last->run;
    pc->column_sid = last->sid;
    if (t->n > 1) enter_meanwhile(pc, core, t);
    else pc->sides[pc->writing].n_pending--;
    pc->now_fs = pc->column_fs = nth_fs(t, t->n);
    if (before != KB_NONE) end_run(pc, core, before);
    end_run(pc, core, number);
    if (pc->sides[pc->writing].n_over > 0) kb_dram_give_back_(&pc->sides[pc->writing], core);
}

/* One train after the other, as long as the bus stays, no row command has to be looked for, and nothing enters before
 * limit_fs is over. */
int64_t kb_dram_serve_(kb_dram_pc *pc, kb_dram_core *core, int64_t end_fs, int64_t limit_fs) {
    const kb_dram_side *side = &pc->sides[pc->writing], *writes = &pc->sides[KB_DRAM_WRITE];
    do {
        if (pc->now_fs > pc->cas_until_fs) find_cas(pc, &core->rules);
        if (pc->cas_fs > end_fs || pc->cas_fs > pc->row_command_fs) return pc->cas_fs;
        train t = {.at_fs = pc->cas_fs, .place = pc->cas_place};
        plan(pc, core, limit_fs, &t);
        kb_dram_forget_cas_(pc);
        issue(pc, core, &t);
        kb_dram_forget_cas_(pc);
        end_fs = limit_fs;
    } while (pc->n_hits > 0 && pc->row_known && side->next_fs > limit_fs && writes->n_pending == 0);
    return KB_DRAM_SERVED;
}
