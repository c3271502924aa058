#include "hw/dram_pc.h"

#include "base/checked.h"
#include "sim/sim.h"

enum { READ, WRITE };
enum { PATIENCE = 4 }; /* how many times the look-ahead a burst is passed at most */

static const int64_t long_ago_fs = INT64_MIN / 2;

void kb_dram_pc_init(kb_dram_pc *pc, const kb_dram_rules *rules, kb_dram_bank *banks,
                     kb_dram_hit *hits) {
    *pc = (kb_dram_pc){.column_fs = long_ago_fs,
                       .refresh_fs = rules->refi,
                       .bus_free_fs = long_ago_fs,
                       .banks = banks,
                       .hits = hits};
    for (int i = 0; i < 4; i++) pc->acts_fs[i] = long_ago_fs;
    for (int i = 0; i < KB_DRAM_MAX_GROUPS; i++) pc->group_cas_fs[i] = long_ago_fs;
    for (int d = 0; d < 2; d++)
        pc->sides[d] = (kb_dram_side){
            .oldest = KB_NONE, .youngest = KB_NONE, .backlog = KB_NONE, .next_fs = KB_TIME_MAX};
    for (uint32_t b = 0; b < rules->n_banks; b++)
        banks[b] = (kb_dram_bank){.open_row = -1, .open_fs = long_ago_fs};
}

/* --- what commands are held to (ADR-0061) ------------------------------------------------------------ */

__attribute__((cold, noinline)) static void broken(const kb_dram_pc *pc, const kb_dram_core *core,
                                                   uint32_t bank, int64_t at_fs, int64_t free_fs) {
    if (core->fault) core->fault(core->self, pc, bank, at_fs, free_fs);
}

static inline void hold_act(kb_dram_pc *pc, const kb_dram_core *core, uint32_t b, int64_t at_fs) {
    int64_t free_fs = kb_max_i64(pc->banks[b].open_fs + core->rules.rc,
                                 pc->acts_fs[pc->n_acts & 3] + core->rules.faw);
    if (at_fs < free_fs) broken(pc, core, b, at_fs, free_fs);
    pc->banks[b].open_fs = at_fs;
}

/* From the PRE on, open_fs is an ACT that the next one may follow as soon, by tRC, as it may the PRE by tRP. */
static inline void hold_pre(kb_dram_pc *pc, const kb_dram_core *core, uint32_t b, int64_t at_fs) {
    int64_t free_fs = pc->banks[b].open_fs + core->rules.ras;
    if (at_fs < free_fs) broken(pc, core, b, at_fs, free_fs);
    pc->banks[b].open_fs =
        kb_max_i64(pc->banks[b].open_fs, at_fs + core->rules.rp - core->rules.rc);
}

static inline void hold_cas(const kb_dram_pc *pc, const kb_dram_core *core, uint32_t b,
                            int64_t at_fs) {
    int64_t free_fs = pc->banks[b].open_fs + core->rules.rcd[pc->writing];
    if (at_fs < free_fs) broken(pc, core, b, at_fs, free_fs);
}

/* Bursts one each step_fs, the first from start_fs and the last until end_fs on the bus. */
static inline void hold_bus(kb_dram_pc *pc, const kb_dram_core *core, int64_t start_fs,
                            int64_t end_fs, int64_t step_fs) {
    if (start_fs < pc->bus_free_fs ||
        (step_fs < core->rules.bl && end_fs > start_fs + core->rules.bl))
        broken(pc, core, KB_NONE, start_fs, kb_max_i64(pc->bus_free_fs, start_fs + 1));
    pc->bus_free_fs = end_fs;
}

/* --- telling who asked ------------------------------------------------------------------------------ */

/* A row is opened for a flit: its other bursts, and all of those that come then, hit it. */
static void count_hits(kb_dram_pc *pc, kb_dram_run *run, int64_t count) {
    if (run->opened && run->n_served % run->flit == 0) {
        if (run->closed) pc->statistics.conflicts++;
        else pc->statistics.misses++;
        count--;
    }
    run->opened = run->closed = false;
    pc->statistics.hits += count;
}

/* The sum of when each of the next bursts of a run came. */
static inline int64_t arrivals_fs(const kb_dram_run *run, int64_t count) {
    int64_t sum_fs = count * run->when_fs;
    if (run->flit == run->count) return sum_fs;
    int64_t flit = run->n_served / run->flit, left = (flit + 1) * run->flit - run->n_served;
    for (; count > 0; count -= left, left = run->flit, flit++)
        sum_fs += kb_min_i64(left, count) * flit * run->period_fs;
    return sum_fs;
}

static void tell(kb_dram_pc *pc, kb_dram_core *core, kb_dram_hit *hit) {
    const kb_dram_rules *rules = &core->rules;
    kb_dram_run *run = &core->runs.items[hit->run];
    kb_dram_bank *bank = &pc->banks[hit->bank];
    kb_dram_statistics *s = &pc->statistics;
    int64_t count = hit->n_untold, period_fs = count > 1 ? hit->period_fs : 0;
    int64_t first_fs = hit->last_fs - (count - 1) * period_fs;
    bank->pre_fs = kb_max_i64(bank->pre_fs, hit->last_fs + rules->cas_pre[run->write]);
    *(run->write ? &s->writes : &s->reads) += count;
    s->busy_fs += count * rules->bl;
    run->n_served = (uint16_t)(run->n_served - count);
    s->wait_fs += count * first_fs + (count - 1) * count / 2 * period_fs - arrivals_fs(run, count);
    count_hits(pc, run, count);
    core->served(core->self, run, (uint32_t)count, first_fs + rules->cas_burst[run->write],
                 period_fs);
    run->n_served = (uint16_t)(run->n_served + count);
    hit->n_untold = 0;
}

static void tell_all(kb_dram_pc *pc, kb_dram_core *core) {
    for (uint32_t i = 0; i < pc->n_hits; i++)
        if (pc->hits[i].n_untold) tell(pc, core, &pc->hits[i]);
}

/* Bursts of a hit are issued: n of them from at_fs on, one each period. */
static inline void note_bursts(kb_dram_pc *pc, kb_dram_core *core, kb_dram_hit *hit, int64_t at_fs,
                               int64_t n, int64_t period_fs) {
    kb_dram_run *run = &core->runs.items[hit->run];
    int64_t gap_fs = at_fs - hit->last_fs;
    if (n == 1) period_fs = hit->n_untold == 1 ? gap_fs : hit->period_fs;
    if (hit->n_untold &&
        (gap_fs != period_fs || (hit->n_untold > 1 && hit->period_fs != period_fs)))
        tell(pc, core, hit);
    hit->period_fs = period_fs;
    hit->last_fs = at_fs + (n - 1) * period_fs;
    hit->n_untold = (uint16_t)(hit->n_untold + n);
    run->n_served = (uint16_t)(run->n_served + n);
    pc->group_cas_fs[hit->group] = hit->last_fs;
    if (pc->writing) pc->written_groups |= UINT32_C(1) << hit->group;
    else pc->written_groups &= ~(UINT32_C(1) << hit->group);
}

/* --- what waits ----------------------------------------------------------------------------------- */

static inline bool is_before(const kb_dram_run *a, const kb_dram_run *b) {
    return (int32_t)(a->seq - b->seq) < 0;
}

/* All of it that is in the window. */
static inline bool is_served(const kb_dram_run *run) {
    return run->n_served == run->n_entered;
}

static void take_in(kb_dram_side *side, kb_dram_run *items, kb_dram_inbox *inbox) {
    uint32_t first = inbox->first;
    if (first == KB_NONE) return;
    if (side->oldest == KB_NONE) side->oldest = first;
    else items[side->youngest].next = first;
    side->youngest = inbox->last;
    inbox->first = KB_NONE;
    if (side->backlog != KB_NONE) return;
    side->backlog = first;
    side->next_fs = items[first].when_fs;
}

/* Why the first of the backlog has no room: so many bursts have to be served, and so many of the oldest
 * run; <= 0: not for that. */
static inline int64_t excess(const kb_dram_side *side, const kb_dram_rules *rules) {
    return side->n_pending - rules->queue + 1;
}

static inline int64_t distance(const kb_dram_side *side, const kb_dram_core *core) {
    const kb_dram_run *items = core->runs.items, *oldest = &items[side->oldest];
    const kb_dram_run *next = &items[side->backlog];
    int32_t apart = (int32_t)(next->seq + next->n_entered - oldest->seq - oldest->n_served);
    return apart - PATIENCE * (int64_t)core->rules.queue + 1;
}

/* There is a backlog. */
static inline bool has_room(const kb_dram_side *side, const kb_dram_core *core) {
    return excess(side, &core->rules) <= 0 && distance(side, core) <= 0;
}

/* The first run from `number` on, of one bank, that hits its open row. */
static uint32_t next_hit(const kb_dram_bank *bank, const kb_dram_run *items, uint32_t number) {
    while (number != KB_NONE &&
           ((int32_t)items[number].row != bank->open_row || is_served(&items[number])))
        number = items[number].after;
    return number;
}

/* The bank's open row is hit by a run: it goes where its age says. */
static void add_hit(kb_dram_pc *pc, const kb_dram_core *core, uint32_t b, uint32_t number) {
    const kb_dram_run *items = core->runs.items;
    kb_dram_hit *hits = pc->hits;
    uint32_t place = pc->n_hits++;
    for (; place && is_before(&items[number], &items[hits[place - 1].run]); place--)
        hits[place] = hits[place - 1];
    hits[place] = (kb_dram_hit){.ready_fs = pc->banks[b].open_fs + core->rules.rcd[pc->writing],
                                .run = number,
                                .bank = (uint8_t)b,
                                .group = core->rules.group[b],
                                .sid = core->rules.sid[b]};
    pc->hitting |= UINT64_C(1) << b;
    pc->others &= ~(UINT64_C(1) << b);
}

static void remove_hit(kb_dram_pc *pc, uint32_t place) {
    pc->hitting &= ~(UINT64_C(1) << pc->hits[place].bank);
    for (pc->n_hits--; place < pc->n_hits; place++) pc->hits[place] = pc->hits[place + 1];
}

/* When an ACT or PRE for a bank that no waiting run hits can be issued. */
static inline int64_t row_command_fs(const kb_dram_pc *pc, const kb_dram_rules *rules, uint32_t b) {
    const kb_dram_bank *bank = &pc->banks[b];
    int64_t at_fs = kb_max_i64(pc->row_bus_fs, pc->now_fs);
    if (bank->open_row >= 0) return kb_max_i64(at_fs, bank->pre_fs);
    at_fs = kb_max_i64(at_fs, kb_max_i64(bank->act_fs, pc->group_act_fs[rules->group[b]]));
    return kb_max_i64(at_fs, pc->act_any_fs);
}

/* The bank's command may be the next. */
static inline void offer_row_command(kb_dram_pc *pc, const kb_dram_core *core, uint32_t b) {
    int64_t at_fs = row_command_fs(pc, &core->rules, b);
    uint32_t age = pc->banks[b].age[pc->writing];
    if (at_fs > pc->row_command_fs) return;
    if (at_fs == pc->row_command_fs && (int32_t)(age - pc->row_age) >= 0) return;
    pc->row_command_fs = at_fs;
    pc->row_age = age;
    pc->row_bank = (uint8_t)b;
}

/* A bank whose runs hit no more, or that waits for the first time. */
static void add_other(kb_dram_pc *pc, const kb_dram_core *core, uint32_t b) {
    pc->others |= UINT64_C(1) << b;
    if (pc->row_known) offer_row_command(pc, core, b);
}

/* The next flit of the backlog. */
static void enter_window(kb_dram_pc *pc, kb_dram_core *core, int d) {
    kb_dram_side *side = &pc->sides[d];
    uint32_t number = side->backlog;
    kb_dram_run *items = core->runs.items, *run = &items[number];
    kb_dram_bank *bank = &pc->banks[run->bank];
    uint64_t bit = UINT64_C(1) << run->bank;
    bool is_first = !(side->banks & bit);
    int64_t left = run->count - run->n_entered, n = kb_min_i64(run->flit, left);
    run->n_entered = (uint16_t)(run->n_entered + n);
    side->next_fs += run->period_fs;
    if (n == left) {
        side->backlog = run->next;
        side->next_fs = run->next == KB_NONE ? KB_TIME_MAX : items[run->next].when_fs;
    }
    side->n_pending += n;
    pc->statistics.peak_queue = kb_max_i64(pc->statistics.peak_queue,
                                           pc->sides[READ].n_pending + pc->sides[WRITE].n_pending);
    if (!run->linked) {
        run->linked = true;
        run->after = KB_NONE;
        if (is_first) bank->first[d] = number, bank->age[d] = run->seq;
        else items[bank->last[d]].after = number;
        bank->last[d] = number;
        side->banks |= bit;
    }
    if (d != pc->writing || pc->hitting & bit) return;
    if (bank->open_row == (int32_t)run->row) {
        add_hit(pc, core, run->bank, number);
        if (!is_first) pc->row_known = false;
    } else if (is_first) {
        add_other(pc, core, run->bank);
    }
}

/* The run of a hit is served. */
static void leave_window(kb_dram_pc *pc, kb_dram_core *core, uint32_t place) {
    kb_dram_run *items = core->runs.items;
    uint32_t number = pc->hits[place].run, b = pc->hits[place].bank;
    int d = pc->writing;
    kb_dram_side *side = &pc->sides[d];
    kb_dram_bank *bank = &pc->banks[b];
    uint32_t hit = next_hit(bank, items, items[number].after);
    while (bank->first[d] != KB_NONE && is_served(&items[bank->first[d]])) {
        items[bank->first[d]].linked = false;
        bank->first[d] = items[bank->first[d]].after;
    }
    if (bank->first[d] == KB_NONE) side->banks &= ~(UINT64_C(1) << b);
    else bank->age[d] = items[bank->first[d]].seq;
    if (hit == KB_NONE) {
        remove_hit(pc, place);
        if (bank->first[d] != KB_NONE) add_other(pc, core, b);
    } else {
        kb_dram_hit moved = pc->hits[place];
        moved.run = hit;
        for (; place + 1 < pc->n_hits && is_before(&items[pc->hits[place + 1].run], &items[hit]);
             place++)
            pc->hits[place] = pc->hits[place + 1];
        pc->hits[place] = moved;
    }
    while (side->oldest != KB_NONE && items[side->oldest].n_served == items[side->oldest].count) {
        uint32_t served = side->oldest;
        side->oldest = items[served].next;
        KB_POOL_GIVE(&core->runs, served);
    }
}

/* All that have arrived and have room.  When the next enters by itself, not because another one leaves. */
static inline int64_t admit(kb_dram_pc *pc, kb_dram_core *core, int d) {
    const kb_dram_side *side = &pc->sides[d];
    while (side->backlog != KB_NONE && has_room(side, core)) {
        if (side->next_fs > pc->now_fs) return side->next_fs;
        enter_window(pc, core, d);
    }
    return KB_TIME_MAX;
}

/* --- reads or writes -------------------------------------------------------------------------------- */

static void turn(kb_dram_pc *pc, kb_dram_core *core, bool writing) {
    tell_all(pc, core);
    pc->writing = writing;
    pc->row_known = false;
    pc->n_hits = 0;
    pc->hitting = 0;
    pc->others = pc->sides[writing].banks;
    for (uint64_t left = pc->others; left; left &= left - 1) {
        uint32_t b = (uint32_t)__builtin_ctzll(left);
        const kb_dram_bank *bank = &pc->banks[b];
        uint32_t hit = next_hit(bank, core->runs.items, bank->first[writing]);
        if (hit != KB_NONE) add_hit(pc, core, b, hit);
    }
}

/* Writes that fill the window to the mark are drained. */
static inline void note_full(kb_dram_pc *pc, const kb_dram_rules *rules) {
    if (pc->draining || pc->sides[WRITE].n_pending < rules->high) return;
    pc->draining = true;
    pc->drain_to = rules->low;
}

static void choose_direction(kb_dram_pc *pc, kb_dram_core *core) {
    const kb_dram_rules *rules = &core->rules;
    int64_t n_reads = pc->sides[READ].n_pending, n_writes = pc->sides[WRITE].n_pending;
    if (n_writes == 0 && !pc->writing) return;
    bool full = n_writes >= rules->high;
    if (!pc->writing) {
        bool waited = pc->n_passed >= rules->write_wait;
        if (n_reads > 0 && !full && !waited) return;
        pc->draining = full || waited;
        pc->drain_to = full ? rules->low : 0;
        pc->n_passed = 0;
        turn(pc, core, true);
        return;
    }
    if (pc->draining && n_writes <= pc->drain_to) pc->draining = false;
    note_full(pc, rules);
    if (n_reads > 0 && (n_writes == 0 || !pc->draining)) {
        pc->draining = false;
        turn(pc, core, false);
    }
}

/* --- row commands ----------------------------------------------------------------------------------- */

/* The next ACT or PRE: the first that can be issued, then for the oldest. */
static void find_row_command(kb_dram_pc *pc, const kb_dram_core *core) {
    pc->row_command_fs = KB_TIME_MAX;
    for (uint64_t left = pc->others; left; left &= left - 1)
        offer_row_command(pc, core, (uint32_t)__builtin_ctzll(left));
    pc->row_known = true;
}

static void issue_row_command(kb_dram_pc *pc, kb_dram_core *core) {
    const kb_dram_rules *rules = &core->rules;
    int64_t at_fs = pc->now_fs = pc->row_command_fs;
    uint32_t b = pc->row_bank;
    kb_dram_bank *bank = &pc->banks[b];
    uint32_t first = bank->first[pc->writing];
    kb_dram_run *run = &core->runs.items[first];
    pc->row_known = false;
    if (bank->open_row >= 0) {
        run->closed = true;
        hold_pre(pc, core, b, at_fs);
        bank->act_fs = kb_max_i64(bank->act_fs, at_fs + rules->rp);
        bank->open_row = -1;
        pc->row_bus_fs = at_fs + rules->pre_bus;
        return;
    }
    run->opened = true;
    bank->open_row = (int32_t)run->row;
    hold_act(pc, core, b, at_fs);
    bank->act_fs = at_fs + rules->rc;
    bank->pre_fs = at_fs + rules->ras;
    pc->row_bus_fs = at_fs + rules->act_bus;
    pc->group_act_fs[rules->group[b]] = at_fs + rules->rrd_l;
    pc->acts_fs[pc->n_acts++ & 3] = at_fs;
    pc->act_any_fs = kb_max_i64(at_fs + rules->rrd_s, pc->acts_fs[pc->n_acts & 3] + rules->faw);
    add_hit(pc, core, b, first);
}

/* --- refresh ---------------------------------------------------------------------------------------- */

/* When the bank can be refreshed, its row being closed for it. */
static int64_t ready_to_refresh(const kb_dram_pc *pc, const kb_dram_rules *rules, uint32_t b) {
    const kb_dram_bank *bank = &pc->banks[b];
    if (bank->open_row < 0) return bank->act_fs;
    return kb_max_i64(bank->pre_fs, pc->refresh_fs) + rules->rp;
}

/* What is due by until_fs at the latest: one, and before it those that nobody saw. */
static void refresh(kb_dram_pc *pc, kb_dram_core *core, int64_t until_fs) {
    const kb_dram_rules *rules = &core->rules;
    int64_t round = rules->per_bank ? rules->n_banks : 1;
    int64_t n_unseen = (until_fs - pc->refresh_fs) / rules->refi / round - 1;
    if (n_unseen > 0) {
        pc->refresh_fs += n_unseen * round * rules->refi;
        pc->statistics.refreshes += n_unseen * round;
    }
    tell_all(pc, core);
    uint32_t first = rules->per_bank ? pc->refresh_bank : 0;
    uint32_t end = rules->per_bank ? first + 1 : rules->n_banks;
    int64_t at_fs = pc->refresh_fs;
    for (uint32_t b = first; b < end; b++)
        at_fs = kb_max_i64(at_fs, ready_to_refresh(pc, rules, b));
    for (uint32_t b = first; b < end; b++) {
        if (pc->banks[b].open_row >= 0) hold_pre(pc, core, b, at_fs - rules->rp);
        pc->banks[b].open_row = -1;
        pc->banks[b].act_fs = at_fs + rules->rfc;
        pc->banks[b].open_fs = at_fs + rules->rfc - rules->rc;
    }
    for (uint32_t i = pc->n_hits; i-- > 0;) {
        uint32_t b = pc->hits[i].bank;
        if (b < first || b >= end) continue;
        remove_hit(pc, i);
        pc->others |= UINT64_C(1) << b;
    }
    pc->now_fs = kb_max_i64(pc->now_fs, pc->refresh_fs);
    pc->refresh_fs += rules->refi;
    pc->refresh_bank = (pc->refresh_bank + 1) % rules->n_banks;
    pc->statistics.refreshes++;
    pc->row_known = false;
}

/* --- column commands -------------------------------------------------------------------------------- */

/* When the next burst of a hit can be issued, for all that its bank and its group ask for. */
static inline int64_t hit_ready_fs(const kb_dram_pc *pc, const kb_dram_rules *rules,
                                   const kb_dram_hit *hit) {
    bool turned = !pc->writing && pc->written_groups >> hit->group & 1;
    int64_t gap_fs = turned ? rules->write_read_l : rules->ccd_l;
    return kb_max_i64(hit->ready_fs, pc->group_cas_fs[hit->group] + gap_fs);
}

/* The first of the hits to be ready, the oldest of those, and when: as if it were in the stack that was
 * accessed last: were that preferred, an old burst in another one might wait for ever. */
static inline uint32_t pick(const kb_dram_pc *pc, const kb_dram_rules *rules, int64_t least_fs,
                            int64_t *at_fs) {
    uint32_t best = 0;
    int64_t best_fs = KB_TIME_MAX;
    for (uint32_t i = 0; i < pc->n_hits; i++) {
        int64_t ready_fs = hit_ready_fs(pc, rules, &pc->hits[i]);
        if (ready_fs >= best_fs) continue;
        best_fs = ready_fs;
        best = i;
        if (ready_fs <= least_fs) break;
    }
    *at_fs = kb_max_i64(best_fs, least_fs);
    return best;
}

/* So many bursts may be served before the direction may change. */
static int64_t until_turn(const kb_dram_pc *pc, const kb_dram_rules *rules) {
    if (pc->draining) return pc->sides[WRITE].n_pending - pc->drain_to;
    if (pc->writing || pc->sides[WRITE].n_pending == 0) return INT64_MAX;
    return rules->write_wait - pc->n_passed;
}

/* So many bursts at at_fs and from then on: of the pick alone, or of it and its partner by turns. */
typedef struct train {
    int64_t at_fs, step_fs, n;
    uint32_t place, partner; /* in hits; KB_NONE: none */
} train;

/* When n bursts are served of those from at_fs on, one each step. */
static inline int64_t nth_fs(const train *t, int64_t n) {
    return t->at_fs + (n - 1) * t->step_fs;
}

/* Of m bursts of a train how many before one of the backlog enters that stands too far behind the oldest,
 * or might hit in a bank that is not of `banks`. */
static int64_t admitted_within(const kb_dram_pc *pc, const kb_dram_core *core, const train *t,
                               int64_t m, uint64_t banks) {
    const kb_dram_run *items = core->runs.items;
    const kb_dram_side *side = &pc->sides[pc->writing];
    int64_t n = excess(side, &core->rules), when_fs = side->next_fs;
    uint32_t oldest = items[side->oldest].seq + items[side->oldest].n_served;
    for (uint32_t i = side->backlog; i != KB_NONE && n < m; i = items[i].next) {
        const kb_dram_run *run = &items[i];
        if (run->n_entered == 0) when_fs = run->when_fs;
        uint32_t last = run->flit == run->count ? 0 : run->count - 1u;
        int32_t apart = (int32_t)(run->seq + last - oldest);
        if (when_fs > nth_fs(t, m)) return m;
        if (apart >= PATIENCE * (int64_t)core->rules.queue) return kb_max_i64(n, 1);
        if (!(banks >> run->bank & 1)) {
            if (when_fs > nth_fs(t, n)) n = (when_fs - t->at_fs) / t->step_fs;
            return kb_max_i64(n, 1);
        }
        n += run->count - run->n_entered;
    }
    return m;
}

static void issue_row_commands(kb_dram_pc *pc, kb_dram_core *core, int64_t end_fs) {
    for (;;) {
        if (!pc->row_known) find_row_command(pc, core);
        if (pc->row_command_fs >= end_fs) return;
        issue_row_command(pc, core);
    }
}

/* A train is served while others enter, and rows are opened for them. */
static void enter_meanwhile(kb_dram_pc *pc, kb_dram_core *core, const train *t) {
    kb_dram_side *side = &pc->sides[pc->writing];
    int64_t n = 0;
    while (side->backlog != KB_NONE) {
        int64_t next = kb_max_i64(n + excess(side, &core->rules), n), enter_fs = nth_fs(t, next);
        if (side->next_fs > enter_fs) {
            enter_fs = side->next_fs;
            next = kb_max_i64(kb_ceil_div(enter_fs - t->at_fs, t->step_fs), next);
        }
        if (next >= t->n) break;
        side->n_pending -= next - n;
        n = next;
        if (pc->draining && side->n_pending <= pc->drain_to) pc->draining = false;
        issue_row_commands(pc, core, enter_fs);
        pc->now_fs = enter_fs;
        enter_window(pc, core, pc->writing);
        if (pc->writing) note_full(pc, &core->rules);
    }
    side->n_pending -= t->n - n;
    issue_row_commands(pc, core, nth_fs(t, t->n));
}

/* Of a hit's bursts, one each step_fs from at_fs on, those that are there by then: in the window, or of flits
 * that come in time and have room.  Nothing else may become of their bank, or of the bus, before they come. */
static inline int64_t left_of(const kb_dram_pc *pc, const kb_dram_core *core,
                              const kb_dram_hit *hit, int64_t at_fs, int64_t step_fs) {
    const kb_dram_run *run = &core->runs.items[hit->run];
    int64_t n = run->n_entered - run->n_served;
    if (run->n_entered == run->count || core->rules.cas_pre[pc->writing] < step_fs) return n;
    if (!pc->writing && pc->sides[WRITE].n_pending > 0) return n;
    const kb_dram_side *side = &pc->sides[pc->writing];
    int64_t end = run->count - run->n_served, queue = core->rules.queue;
    int64_t most = kb_min_i64(queue - side->n_pending, -distance(side, core) + 1) + n;
    int64_t when_fs = side->next_fs;
    while (n < end && n < most && when_fs <= at_fs + n * step_fs) {
        n = kb_min_i64(n + run->flit, end);
        when_fs += run->period_fs;
    }
    return n;
}

/* The hit that comes after t's at the next step, where two by turns fill the bus; until when no other hit
 * comes instead of them, or of t's alone, goes into *end_fs.  Both are the first of all then: one that is
 * younger than either never comes between, nor does one that shares the bank group of the older.  */
static inline uint32_t find_partner(const kb_dram_pc *pc, const kb_dram_rules *rules,
                                    const train *t, int64_t *end_fs) {
    const kb_dram_hit *hits = pc->hits;
    uint32_t partner = KB_NONE, group = hits[t->place].group;
    int64_t next_fs = rules->alternates ? t->at_fs + rules->ccd_s : INT64_MIN, least_fs = *end_fs;
    for (uint32_t i = 0; i < pc->n_hits; i++) {
        const kb_dram_hit *hit = &hits[i];
        int64_t ready_fs = hit->ready_fs;
        if (i == t->place) {
            if (partner != KB_NONE) break;
            continue;
        }
        if (hit->group != group) {
            ready_fs = hit_ready_fs(pc, rules, hit);
            if (partner == KB_NONE && ready_fs <= next_fs) {
                partner = i;
                if (i > t->place) break;
                continue;
            }
        } else if (i > t->place) {
            continue;
        }
        least_fs = kb_min_i64(least_fs, ready_fs - 1);
    }
    *end_fs = least_fs;
    return partner;
}

/* What is served as a matter of course from at_fs on: nothing enters from outside, and no refresh is due,
 * before limit_fs is over; most_n bursts at most. */
static inline void plan(const kb_dram_pc *pc, const kb_dram_core *core, int64_t limit_fs,
                        int64_t most_n, train *t) {
    const kb_dram_rules *rules = &core->rules;
    const kb_dram_hit *a = &pc->hits[t->place];
    int64_t n, row_fs = pc->row_command_fs;
    t->n = 1;
    t->partner = KB_NONE;
    if (pc->n_hits > 1) t->partner = find_partner(pc, rules, t, &limit_fs);
    if (t->partner != KB_NONE) {
        const kb_dram_hit *b = &pc->hits[t->partner];
        t->step_fs = a->sid == b->sid ? rules->ccd_s : rules->ccd_r;
        n = left_of(pc, core, a, t->at_fs, 2 * t->step_fs);
        int64_t left_b = left_of(pc, core, b, t->at_fs + t->step_fs, 2 * t->step_fs);
        n = n <= left_b ? 2 * n : 2 * left_b + 1;
        if (row_fs < limit_fs) row_fs += rules->rcd[pc->writing] - 1;
    } else {
        t->step_fs = rules->ccd_l;
        n = left_of(pc, core, a, t->at_fs, t->step_fs);
    }
    n = kb_min_i64(n, most_n);
    limit_fs = kb_min_i64(limit_fs, row_fs);
    if (t->at_fs + (n - 1) * t->step_fs > limit_fs)
        n = kb_max_i64((limit_fs - t->at_fs) / t->step_fs + 1, 1);
    if (n > 1 && pc->sides[pc->writing].backlog != KB_NONE)
        n = admitted_within(pc, core, t, n, t->partner == KB_NONE ? pc->hitting : UINT64_MAX);
    if (n == 1) t->partner = KB_NONE;
    t->n = n;
}

/* The run of a bank's hit may be over. */
static inline void end_run(kb_dram_pc *pc, kb_dram_core *core, uint32_t bank) {
    uint32_t place = 0;
    while (pc->hits[place].bank != bank) place++;
    kb_dram_hit *hit = &pc->hits[place];
    if (!is_served(&core->runs.items[hit->run])) return;
    tell(pc, core, hit);
    leave_window(pc, core, place);
}

/* One of a pair may be over a step before the train is: what follows it in its bank comes later. */
static inline void issue(kb_dram_pc *pc, kb_dram_core *core, const train *t) {
    kb_dram_hit *a = &pc->hits[t->place], *last = a;
    uint32_t before = KB_NONE, bank;
    pc->statistics.turnarounds += pc->wrote != pc->writing && pc->column_fs > long_ago_fs;
    pc->wrote = pc->writing;
    int64_t ends_fs = core->rules.cas_burst[pc->writing];
    hold_cas(pc, core, a->bank, t->at_fs);
    hold_bus(pc, core, t->at_fs + ends_fs - core->rules.bl, nth_fs(t, t->n) + ends_fs, t->step_fs);
    if (!pc->writing && pc->sides[WRITE].n_pending > 0) pc->n_passed += t->n;
    if (t->partner == KB_NONE) {
        note_bursts(pc, core, a, t->at_fs, t->n, t->step_fs);
    } else {
        kb_dram_hit *b = &pc->hits[t->partner];
        int64_t n_b = t->n / 2;
        hold_cas(pc, core, b->bank, t->at_fs + t->step_fs);
        note_bursts(pc, core, a, t->at_fs, t->n - n_b, 2 * t->step_fs);
        note_bursts(pc, core, b, t->at_fs + t->step_fs, n_b, 2 * t->step_fs);
        bool ends_with_b = 2 * n_b == t->n;
        before = ends_with_b ? a->bank : b->bank;
        if (ends_with_b) last = b;
    }
    bank = last->bank;
    pc->column_sid = last->sid;
    if (t->n > 1) enter_meanwhile(pc, core, t);
    else pc->sides[pc->writing].n_pending--;
    pc->now_fs = pc->column_fs = nth_fs(t, t->n);
    if (before != KB_NONE) end_run(pc, core, before);
    end_run(pc, core, bank);
}

/* --- time ------------------------------------------------------------------------------------------- */

/* The first hit that can be served, and when. */
static inline uint32_t next_cas(const kb_dram_pc *pc, const kb_dram_rules *rules, int64_t *at_fs) {
    int64_t gap_fs = pc->wrote == pc->writing ? rules->ccd_s : rules->turn[pc->writing];
    uint32_t place = pick(pc, rules, kb_max_i64(pc->now_fs, pc->column_fs + gap_fs), at_fs);
    if (pc->hits[place].sid != pc->column_sid)
        *at_fs = kb_max_i64(*at_fs, pc->column_fs + rules->ccd_r);
    return place;
}

/* Goes on until limit_fs, or until the direction turns.  When the next command is, or arrival. */
static int64_t advance_side(kb_dram_pc *pc, kb_dram_core *core, int64_t limit_fs) {
    int d = pc->writing;
    for (;;) {
        int64_t arrival_fs = admit(pc, core, d), cas_fs = KB_TIME_MAX;
        if (d || pc->sides[WRITE].n_pending > 0) {
            choose_direction(pc, core);
            if (pc->writing != d) return pc->now_fs;
        }
        if (!pc->row_known) find_row_command(pc, core);
        int64_t end_fs = kb_min_i64(limit_fs, arrival_fs - 1);
        uint32_t place = 0;
        if (pc->n_hits) place = next_cas(pc, &core->rules, &cas_fs);
        if (cas_fs <= pc->row_command_fs && cas_fs <= end_fs) {
            train t = {.at_fs = cas_fs, .place = place};
            plan(pc, core, limit_fs, until_turn(pc, &core->rules), &t);
            issue(pc, core, &t);
        } else if (pc->row_command_fs <= end_fs) {
            issue_row_command(pc, core);
        } else if (arrival_fs <= limit_fs) {
            pc->now_fs = arrival_fs;
        } else {
            return kb_min_i64(kb_min_i64(cas_fs, pc->row_command_fs), arrival_fs);
        }
    }
}

int64_t kb_dram_pc_advance(kb_dram_pc *pc, kb_dram_core *core, kb_dram_inbox inboxes[2],
                           int64_t until_fs) {
    bool refreshes = core->rules.refi > 0;
    take_in(&pc->sides[READ], core->runs.items, &inboxes[READ]);
    take_in(&pc->sides[WRITE], core->runs.items, &inboxes[WRITE]);
    for (;;) {
        bool d = pc->writing;
        int64_t arrival_fs = admit(pc, core, !d);
        choose_direction(pc, core);
        if (pc->writing != d) continue;
        int64_t limit_fs = kb_min_i64(arrival_fs - 1, until_fs);
        if (refreshes) limit_fs = kb_min_i64(limit_fs, pc->refresh_fs - 1);
        int64_t next_fs = advance_side(pc, core, limit_fs);
        if (pc->writing != d) continue;
        next_fs = kb_min_i64(next_fs, arrival_fs);
        bool refreshed = refreshes && next_fs < KB_TIME_MAX && pc->refresh_fs <= next_fs;
        int64_t due_fs = refreshed ? pc->refresh_fs : next_fs;
        if (due_fs > until_fs || due_fs == KB_TIME_MAX) {
            tell_all(pc, core);
            return due_fs;
        }
        if (refreshed) refresh(pc, core, kb_min_i64(next_fs, until_fs));
        else pc->now_fs = next_fs;
    }
}
