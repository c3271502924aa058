#include "hw/dram_pc.h"

#include "base/checked.h"
#include "sim/sim.h"

enum { READ, WRITE };
enum { PATIENCE = 4 }; /* how many times the look-ahead a burst is passed at most */

static const int64_t long_ago_fs = INT64_MIN / 2, far_ahead = INT64_MAX / 2;

kb_dram_rules kb_dram_rules_of(const kb_dram *dram, const kb_params_hbm *params) {
    const kb_dram_timing *t = &dram->timing;
    const kb_dram_geometry *g = &dram->standard->geometry;
    int64_t ck = t->ck_fs, n_groups = g->sids * g->bank_groups;
    bool refreshes = params->refresh != KB_REFRESH_NONE;
    bool per_bank = params->refresh == KB_REFRESH_PER_BANK;
    kb_dram_rules rules = {.rcd = {t->rcd_rd * ck, t->rcd_wr * ck},
                           .cas_burst = {(t->cl + t->bl) * ck, (t->cwl + t->bl) * ck},
                           .cas_pre = {t->rtp * ck, (t->cwl + t->bl + t->wr) * ck},
                           .rp = t->rp * ck,
                           .ras = t->ras * ck,
                           .rc = t->rc * ck,
                           .ccd_s = t->ccd_s * ck,
                           .ccd_l = t->ccd_l * ck,
                           .ccd_r = t->ccd_r * ck,
                           .rrd_s = t->rrd_s * ck,
                           .rrd_l = t->rrd_l * ck,
                           .faw = t->faw * ck,
                           .bl = t->bl * ck,
                           .write_read_s = (t->cwl + t->bl + t->wtr_s) * ck,
                           .write_read_l = (t->cwl + t->bl + t->wtr_l) * ck,
                           .read_write = t->rtw * ck,
                           .rfc = (per_bank ? t->rfc_pb : t->rfc) * ck,
                           .act_bus = g->act_half_cks * ck / 2,
                           .pre_bus = g->pre_half_cks * ck / 2,
                           .per_bank = per_bank,
                           .n_banks = (uint32_t)(n_groups * g->banks),
                           .queue = (uint32_t)params->queue,
                           .high = (uint32_t)kb_ceil_div(params->queue * params->write_high, 100),
                           .low = (uint32_t)(params->queue * params->write_low / 100),
                           .write_wait = (uint32_t)params->write_wait};
    if (refreshes) rules.refi = per_bank ? t->refi * ck / rules.n_banks : t->refi * ck;
    for (uint32_t b = 0; b < rules.n_banks; b++) {
        rules.group[b] = (uint8_t)(b / (uint32_t)g->banks);
        rules.sid[b] = (uint8_t)(b / (uint32_t)(g->banks * g->bank_groups));
    }
    return rules;
}

void kb_dram_pc_init(kb_dram_pc *pc, const kb_dram_rules *rules, kb_dram_bank *banks) {
    *pc = (kb_dram_pc){.column_fs = long_ago_fs,
                       .bus_free_fs = long_ago_fs,
                       .refresh_fs = rules->refi,
                       .act_any_fs = 0,
                       .banks = banks};
    for (int i = 0; i < 4; i++) pc->acts_fs[i] = long_ago_fs;
    for (int d = 0; d < 2; d++) {
        kb_dram_side *side = &pc->sides[d];
        side->backlog_first = side->backlog_last = side->oldest = side->youngest = KB_NONE;
        side->next_fs = KB_TIME_MAX;
        side->oldest_seq = far_ahead;
    }
    for (uint32_t b = 0; b < rules->n_banks; b++)
        banks[b] = (kb_dram_bank){.open_row = -1,
                                  .acted_fs = long_ago_fs,
                                  .closed_fs = long_ago_fs,
                                  .first = {KB_NONE, KB_NONE},
                                  .last = {KB_NONE, KB_NONE},
                                  .hit = {KB_NONE, KB_NONE}};
}

/* --- what commands are held to (ADR-0061) ------------------------------------------------------------ */

__attribute__((cold, noinline)) static void broken(const kb_dram_pc *pc, const kb_dram_core *core,
                                                   uint32_t bank, int64_t at_fs, int64_t free_fs) {
    if (core->fault) core->fault(core->self, pc, bank, at_fs, free_fs);
}

static inline void hold_act(const kb_dram_pc *pc, const kb_dram_core *core, uint32_t b,
                            int64_t at_fs) {
    const kb_dram_bank *bank = &pc->banks[b];
    int64_t free_fs = kb_max_i64(bank->acted_fs + core->rules.rc, bank->closed_fs + core->rules.rp);
    free_fs = kb_max_i64(free_fs, pc->acts_fs[pc->n_acts & 3] + core->rules.faw);
    if (at_fs < free_fs) broken(pc, core, b, at_fs, free_fs);
}

static inline void hold_pre(const kb_dram_pc *pc, const kb_dram_core *core, uint32_t b,
                            int64_t at_fs) {
    int64_t free_fs = pc->banks[b].acted_fs + core->rules.ras;
    if (at_fs < free_fs) broken(pc, core, b, at_fs, free_fs);
}

static inline void hold_cas(const kb_dram_pc *pc, const kb_dram_core *core, uint32_t b, int d,
                            int64_t at_fs) {
    int64_t free_fs = pc->banks[b].acted_fs + core->rules.rcd[d];
    if (at_fs < free_fs) broken(pc, core, b, at_fs, free_fs);
}

/* Bursts whose data end at first_fs, ... last_fs.  Those that alternate with another bank's come first of all
 * of one bank, so that only what both carried by the end of the last shows that the bus never carried two. */
static inline void hold_bus(kb_dram_pc *pc, const kb_dram_core *core, int64_t first_fs,
                            int64_t last_fs, int64_t busy_fs) {
    int64_t start_fs = first_fs - core->rules.bl;
    pc->bus_free_fs = kb_max_i64(pc->bus_free_fs, start_fs) + busy_fs;
    if (last_fs < pc->bus_free_fs) broken(pc, core, KB_NONE, last_fs, pc->bus_free_fs);
}

/* --- what waits ----------------------------------------------------------------------------------- */

void kb_dram_pc_add(kb_dram_pc *pc, kb_dram_core *core, uint32_t number) {
    kb_dram_run *run = &core->runs.items[number];
    kb_dram_side *side = &pc->sides[run->write];
    run->seq = side->n_added;
    run->next = KB_NONE;
    run->n_served = 0;
    run->opened = run->closed = false;
    side->n_added += run->count;
    if (side->backlog_first == KB_NONE) {
        side->backlog_first = number;
        side->next_fs = run->when_fs;
        side->next_seq = (int64_t)run->seq;
    } else {
        core->runs.items[side->backlog_last].next = number;
    }
    side->backlog_last = number;
}

/* Why the first of the backlog has no room: so many bursts have to be served, and so many of the oldest
 * run; <= 0: not for that. */
static int64_t excess(const kb_dram_side *side, const kb_dram_rules *rules) {
    return side->n_pending - rules->queue + 1;
}

static int64_t distance(const kb_dram_side *side, const kb_dram_rules *rules) {
    return side->next_seq - side->oldest_seq - PATIENCE * (int64_t)rules->queue + 1;
}

static bool has_room(const kb_dram_side *side, const kb_dram_rules *rules) {
    return excess(side, rules) <= 0 && distance(side, rules) <= 0;
}

static void note_oldest(kb_dram_side *side, const kb_dram_core *core) {
    const kb_dram_run *items = core->runs.items;
    side->oldest_seq = far_ahead;
    if (side->oldest != KB_NONE)
        side->oldest_seq = (int64_t)items[side->oldest].seq + items[side->oldest].n_served;
}

static void set_hit(kb_dram_pc *pc, const kb_dram_core *core, uint32_t b, int d, uint32_t number) {
    pc->banks[b].hit[d] = number;
    uint64_t bit = UINT64_C(1) << b;
    kb_dram_side *side = &pc->sides[d];
    side->hits &= ~bit;
    side->others &= ~bit;
    uint32_t first = pc->banks[b].first[d];
    if (first == KB_NONE) return;
    pc->banks[b].age[d] = core->runs.items[number == KB_NONE ? first : number].seq;
    if (number == KB_NONE) side->others |= bit;
    else side->hits |= bit;
}

/* The first run from `number` on, of one bank, that hits its open row. */
static uint32_t next_hit(const kb_dram_pc *pc, const kb_dram_core *core, uint32_t b,
                         uint32_t number) {
    const kb_dram_run *items = core->runs.items;
    while (number != KB_NONE && items[number].row != pc->banks[b].open_row)
        number = items[number].after;
    return number;
}

/* The first of some banks to be ready, not before floor_fs; of those the oldest.  `ready` is theirs. */
typedef struct pick {
    int64_t at_fs; /* KB_TIME_MAX: none */
    uint64_t age;
    uint32_t bank;
} pick;

static inline void consider(pick *best, int64_t at_fs, uint64_t age, uint32_t bank) {
    if (at_fs > best->at_fs || (at_fs == best->at_fs && age > best->age)) return;
    *best = (pick){at_fs, age, bank};
}

/* When an ACT or PRE for a bank that no waiting run hits can be issued. */
static inline int64_t row_command_fs(const kb_dram_pc *pc, const kb_dram_rules *rules, uint32_t b) {
    const kb_dram_bank *bank = &pc->banks[b];
    int64_t at_fs = kb_max_i64(pc->row_bus_fs, pc->now_fs);
    if (bank->open_row >= 0) return kb_max_i64(at_fs, bank->pre_fs);
    at_fs = kb_max_i64(at_fs, kb_max_i64(bank->act_fs, pc->groups[rules->group[b]].act_fs));
    return kb_max_i64(at_fs, pc->act_any_fs);
}

/* A bank whose runs hit no more, or that waits for the first time: its command may be the next. */
static void offer_row_command(kb_dram_pc *pc, const kb_dram_core *core, uint32_t b, int d) {
    if (!pc->row_known || d != pc->writing || pc->banks[b].hit[d] != KB_NONE ||
        pc->banks[b].first[d] == KB_NONE)
        return;
    pick best = {pc->row_command_fs, pc->row_age, pc->row_bank};
    consider(&best, row_command_fs(pc, &core->rules, b), pc->banks[b].age[d], b);
    pc->row_command_fs = best.at_fs;
    pc->row_age = best.age;
    pc->row_bank = best.bank;
}

static void enter_window(kb_dram_pc *pc, kb_dram_core *core, int d) {
    kb_dram_side *side = &pc->sides[d];
    uint32_t number = side->backlog_first;
    kb_dram_run *items = core->runs.items, *run = &items[number];
    kb_dram_bank *bank = &pc->banks[run->bank];
    side->backlog_first = run->next;
    side->next_fs = KB_TIME_MAX;
    if (run->next != KB_NONE) {
        side->next_fs = items[run->next].when_fs;
        side->next_seq = (int64_t)items[run->next].seq;
    }
    run->older = side->youngest;
    run->younger = run->after = KB_NONE;
    if (side->youngest == KB_NONE) {
        side->oldest = number;
        side->oldest_seq = (int64_t)run->seq;
    } else {
        items[side->youngest].younger = number;
    }
    side->youngest = number;
    run->before = bank->last[d];
    if (bank->last[d] == KB_NONE) bank->first[d] = number;
    else items[bank->last[d]].after = number;
    bank->last[d] = number;
    side->n_pending += run->count;
    if (bank->hit[d] == KB_NONE) {
        set_hit(pc, core, run->bank, d, bank->open_row == run->row ? number : KB_NONE);
        if (bank->first[d] == number) offer_row_command(pc, core, run->bank, d);
        else if (bank->hit[d] == number) pc->row_known = false;
    }
    pc->statistics.peak_queue = kb_max_i64(pc->statistics.peak_queue,
                                           pc->sides[READ].n_pending + pc->sides[WRITE].n_pending);
}

static void leave_window(kb_dram_pc *pc, kb_dram_core *core, uint32_t number) {
    kb_dram_run *items = core->runs.items, *run = &items[number];
    int d = run->write;
    kb_dram_side *side = &pc->sides[d];
    kb_dram_bank *bank = &pc->banks[run->bank];
    uint32_t after = run->after;
    if (run->older == KB_NONE) side->oldest = run->younger;
    else items[run->older].younger = run->younger;
    if (run->younger == KB_NONE) side->youngest = run->older;
    else items[run->younger].older = run->older;
    if (run->before == KB_NONE) bank->first[d] = after;
    else items[run->before].after = after;
    if (after == KB_NONE) bank->last[d] = run->before;
    else items[after].before = run->before;
    set_hit(pc, core, run->bank, d, next_hit(pc, core, run->bank, after));
    offer_row_command(pc, core, run->bank, d);
    KB_POOL_GIVE(&core->runs, number);
}

static void admit(kb_dram_pc *pc, kb_dram_core *core) {
    for (int d = READ; d <= WRITE; d++) {
        const kb_dram_side *side = &pc->sides[d];
        while (side->next_fs <= pc->now_fs && has_room(side, &core->rules))
            enter_window(pc, core, d);
    }
}

/* When the next run enters by itself, not because another one leaves. */
static int64_t next_arrival(const kb_dram_pc *pc, const kb_dram_rules *rules) {
    int64_t least_fs = KB_TIME_MAX;
    for (int d = READ; d <= WRITE; d++)
        if (pc->sides[d].next_fs < least_fs && has_room(&pc->sides[d], rules))
            least_fs = pc->sides[d].next_fs;
    return least_fs;
}

/* --- reads or writes -------------------------------------------------------------------------------- */

static void begin_writing(kb_dram_pc *pc, const kb_dram_rules *rules, int64_t n_reads) {
    int64_t n_writes = pc->sides[WRITE].n_pending;
    bool full = n_writes >= rules->high, waited = pc->n_passed >= rules->write_wait;
    if (n_writes == 0 || (n_reads > 0 && !full && !waited)) return;
    pc->writing = true;
    pc->row_known = false;
    pc->draining = full || waited;
    pc->drain_to = full ? rules->low : 0;
    pc->n_passed = 0;
}

static void choose_direction(kb_dram_pc *pc, const kb_dram_rules *rules) {
    int64_t n_reads = pc->sides[READ].n_pending, n_writes = pc->sides[WRITE].n_pending;
    if (!pc->writing) {
        begin_writing(pc, rules, n_reads);
        return;
    }
    if (pc->draining && n_writes <= pc->drain_to) pc->draining = false;
    if (!pc->draining && n_writes >= rules->high) {
        pc->draining = true;
        pc->drain_to = rules->low;
    }
    if (n_reads > 0 && (n_writes == 0 || !pc->draining)) {
        pc->writing = pc->draining = false;
        pc->row_known = false;
    }
}

/* --- row commands ----------------------------------------------------------------------------------- */

/* The next ACT or PRE: the first that can be issued, then for the oldest. */
static void find_row_command(kb_dram_pc *pc, const kb_dram_core *core) {
    int d = pc->writing;
    pick best = {KB_TIME_MAX, UINT64_MAX, 0};
    for (uint64_t left = pc->sides[d].others; left; left &= left - 1) {
        uint32_t b = (uint32_t)__builtin_ctzll(left);
        consider(&best, row_command_fs(pc, &core->rules, b), pc->banks[b].age[d], b);
    }
    pc->row_command_fs = best.at_fs;
    pc->row_age = best.age;
    pc->row_bank = best.bank;
    pc->row_known = true;
}

static void close_row(kb_dram_pc *pc, const kb_dram_core *core, uint32_t b) {
    pc->banks[b].open_row = -1;
    set_hit(pc, core, b, READ, KB_NONE);
    set_hit(pc, core, b, WRITE, KB_NONE);
}

static void issue_row_command(kb_dram_pc *pc, kb_dram_core *core) {
    const kb_dram_rules *rules = &core->rules;
    int64_t at_fs = pc->now_fs = pc->row_command_fs;
    uint32_t b = pc->row_bank, group = rules->group[b];
    kb_dram_bank *bank = &pc->banks[b];
    kb_dram_run *run = &core->runs.items[bank->first[pc->writing]];
    pc->row_known = false;
    if (bank->open_row >= 0) {
        run->closed = true;
        hold_pre(pc, core, b, at_fs);
        bank->closed_fs = at_fs;
        bank->act_fs = kb_max_i64(bank->act_fs, at_fs + rules->rp);
        pc->row_bus_fs = at_fs + rules->pre_bus;
        close_row(pc, core, b);
        return;
    }
    run->opened = true;
    hold_act(pc, core, b, at_fs);
    bank->acted_fs = at_fs;
    bank->open_row = run->row;
    bank->act_fs = at_fs + rules->rc;
    bank->pre_fs = at_fs + rules->ras;
    for (int d = READ; d <= WRITE; d++) {
        bank->cas_fs[d] = at_fs + rules->rcd[d];
        set_hit(pc, core, b, d, next_hit(pc, core, b, bank->first[d]));
    }
    pc->row_bus_fs = at_fs + rules->act_bus;
    pc->groups[group].act_fs = at_fs + rules->rrd_l;
    pc->acts_fs[pc->n_acts++ & 3] = at_fs;
    pc->act_any_fs = kb_max_i64(at_fs + rules->rrd_s, pc->acts_fs[pc->n_acts & 3] + rules->faw);
}

/* --- refresh ---------------------------------------------------------------------------------------- */

/* When the bank can be refreshed, its row being closed for it. */
static int64_t ready_to_refresh(const kb_dram_pc *pc, const kb_dram_rules *rules, uint32_t b) {
    const kb_dram_bank *bank = &pc->banks[b];
    if (bank->open_row < 0) return bank->act_fs;
    return kb_max_i64(bank->pre_fs, pc->refresh_fs) + rules->rp;
}

/* What is due by until_fs at the latest: one, and before it those that nobody saw. */
static void refresh(kb_dram_pc *pc, const kb_dram_core *core, int64_t until_fs) {
    const kb_dram_rules *rules = &core->rules;
    int64_t round = rules->per_bank ? rules->n_banks : 1;
    int64_t n_unseen = (until_fs - pc->refresh_fs) / rules->refi / round - 1;
    if (n_unseen > 0) {
        pc->refresh_fs += n_unseen * round * rules->refi;
        pc->statistics.refreshes += n_unseen * round;
    }
    uint32_t first = rules->per_bank ? pc->refresh_bank : 0;
    uint32_t end = rules->per_bank ? first + 1 : rules->n_banks;
    int64_t at_fs = pc->refresh_fs;
    for (uint32_t b = first; b < end; b++)
        at_fs = kb_max_i64(at_fs, ready_to_refresh(pc, rules, b));
    for (uint32_t b = first; b < end; b++) {
        if (pc->banks[b].open_row >= 0) {
            hold_pre(pc, core, b, at_fs - rules->rp);
            close_row(pc, core, b);
        }
        pc->banks[b].act_fs = at_fs + rules->rfc;
        pc->banks[b].closed_fs = at_fs + rules->rfc - rules->rp;
    }
    pc->now_fs = kb_max_i64(pc->now_fs, pc->refresh_fs);
    pc->refresh_fs += rules->refi;
    pc->refresh_bank = (pc->refresh_bank + 1) % rules->n_banks;
    pc->statistics.refreshes++;
    pc->row_known = false;
}

/* --- column commands -------------------------------------------------------------------------------- */

/* When a bank's hit is ready to be read or written, as if it were in the stack that was accessed last: were
 * that preferred, an old burst in another one might wait for ever. */
static int64_t ready_fs(const kb_dram_pc *pc, const kb_dram_rules *rules, uint32_t b, int d) {
    uint32_t group = rules->group[b];
    int64_t at_fs = kb_max_i64(pc->banks[b].cas_fs[d], pc->column_fs + rules->ccd_s);
    at_fs = kb_max_i64(at_fs, kb_max_i64(pc->groups[group].cas_fs, pc->cas_any_fs[d]));
    if (d == READ) at_fs = kb_max_i64(at_fs, pc->groups[group].read_fs);
    return kb_max_i64(at_fs, pc->now_fs);
}

static pick pick_cas(const kb_dram_pc *pc, const kb_dram_rules *rules) {
    int d = pc->writing;
    pick best = {KB_TIME_MAX, UINT64_MAX, 0};
    for (uint64_t left = pc->sides[d].hits; left; left &= left - 1) {
        uint32_t b = (uint32_t)__builtin_ctzll(left);
        consider(&best, ready_fs(pc, rules, b, d), pc->banks[b].age[d], b);
    }
    if (best.at_fs < KB_TIME_MAX && rules->sid[best.bank] != pc->column_sid)
        best.at_fs = kb_max_i64(best.at_fs, pc->column_fs + rules->ccd_r);
    return best;
}

static void count_hits(kb_dram_pc *pc, const kb_dram_run *run, int64_t count) {
    if (run->n_served == 0) {
        if (run->opened && run->closed) pc->statistics.conflicts++;
        else if (run->opened) pc->statistics.misses++;
        else pc->statistics.hits++;
        count--;
    }
    pc->statistics.hits += count;
}

/* `count` bursts of the hit of a bank, from at_fs on. */
static void issue_cas(kb_dram_pc *pc, kb_dram_core *core, uint32_t b, int64_t at_fs, int64_t count,
                      int64_t period_fs) {
    const kb_dram_rules *rules = &core->rules;
    int d = pc->writing;
    kb_dram_bank *bank = &pc->banks[b];
    uint32_t number = bank->hit[d], group = rules->group[b];
    kb_dram_run *run = &core->runs.items[number];
    int64_t last_fs = at_fs + (count - 1) * period_fs;
    kb_dram_statistics *s = &pc->statistics;
    if (run->n_served == 0) hold_cas(pc, core, b, d, at_fs);
    count_hits(pc, run, count);
    *(d == READ ? &s->reads : &s->writes) += count;
    s->turnarounds += d != pc->wrote && s->reads + s->writes > count;
    int64_t busy_fs = count * rules->bl, there_fs = at_fs + rules->cas_burst[d];
    s->busy_fs += busy_fs;
    hold_bus(pc, core, there_fs, there_fs + (last_fs - at_fs), busy_fs);
    s->wait_fs += count * (at_fs - run->when_fs) + (count - 1) * count / 2 * period_fs;
    bank->pre_fs = kb_max_i64(bank->pre_fs, last_fs + rules->cas_pre[d]);
    pc->groups[group].cas_fs = last_fs + rules->ccd_l;
    pc->column_fs = last_fs;
    pc->column_sid = rules->sid[b];
    pc->wrote = d == WRITE;
    if (d == READ) {
        pc->cas_any_fs[WRITE] = last_fs + rules->read_write;
        if (pc->sides[WRITE].n_pending > 0) pc->n_passed += count;
    } else {
        pc->cas_any_fs[READ] = last_fs + rules->write_read_s;
        pc->groups[group].read_fs = last_fs + rules->write_read_l;
    }
    pc->now_fs = kb_max_i64(pc->now_fs, last_fs);
    pc->sides[d].n_pending -= count;
    core->served(core->self, run, (uint32_t)count, there_fs, period_fs);
    run = &core->runs.items[number];
    run->n_served += (uint32_t)count;
    if (run->n_served == run->count) leave_window(pc, core, number);
    note_oldest(&pc->sides[d], core);
}

/* So many bursts may be served before the direction changes. */
static int64_t until_turn(const kb_dram_pc *pc, const kb_dram_rules *rules) {
    if (pc->writing) return pc->draining ? pc->sides[WRITE].n_pending - pc->drain_to : INT64_MAX;
    return pc->sides[WRITE].n_pending > 0 ? rules->write_wait - pc->n_passed : INT64_MAX;
}

static int64_t left_of(const kb_dram_core *core, uint32_t number) {
    return core->runs.items[number].count - core->runs.items[number].n_served;
}

/* So many bursts may be served before one of the backlog has room, or so many of the oldest run. */
static void until_admission(const kb_dram_pc *pc, const kb_dram_core *core, int64_t *n_any,
                            int64_t *n_oldest) {
    const kb_dram_side *side = &pc->sides[pc->writing];
    bool waits = side->next_fs < KB_TIME_MAX;
    int64_t any = excess(side, &core->rules), oldest = distance(side, &core->rules);
    *n_any = waits && any > 0 ? any : INT64_MAX;
    *n_oldest = waits && oldest > 0 ? oldest : INT64_MAX;
}

/* The bank whose hits alternate with those of `a` from at_fs on, a CAS each tCCD_S: it is next, and no
 * other hit is older than either.  KB_NONE when there is none. */
static uint32_t find_partner(kb_dram_pc *pc, const kb_dram_core *core, pick a) {
    const kb_dram_rules *rules = &core->rules;
    int d = pc->writing;
    uint64_t others = pc->sides[d].hits & ~(UINT64_C(1) << a.bank);
    if (rules->ccd_l != 2 * rules->ccd_s || !others) return KB_NONE;
    uint32_t b = KB_NONE;
    uint64_t least = UINT64_MAX, second = UINT64_MAX;
    for (uint64_t left = others; left; left &= left - 1) {
        uint32_t each = (uint32_t)__builtin_ctzll(left);
        uint64_t its = pc->banks[each].age[d];
        if (its < least) second = least, least = its, b = each;
        else if (its < second) second = its;
    }
    if (second < pc->banks[a.bank].age[d] || rules->group[b] == rules->group[a.bank] ||
        rules->sid[b] != rules->sid[a.bank])
        return KB_NONE;
    int64_t at_fs = kb_max_i64(pc->banks[b].cas_fs[d], pc->groups[rules->group[b]].cas_fs);
    at_fs = kb_max_i64(at_fs, pc->cas_any_fs[d]);
    if (d == READ) at_fs = kb_max_i64(at_fs, pc->groups[rules->group[b]].read_fs);
    return at_fs <= a.at_fs + rules->ccd_s ? b : KB_NONE;
}

/* Serves the pick, and what follows it as a matter of course up to limit_fs. */
static void serve(kb_dram_pc *pc, kb_dram_core *core, pick a, int64_t limit_fs) {
    const kb_dram_rules *rules = &core->rules;
    int d = pc->writing;
    uint32_t run_a = pc->banks[a.bank].hit[d], oldest = pc->sides[d].oldest;
    int64_t n_any, n_oldest;
    until_admission(pc, core, &n_any, &n_oldest);
    n_any = kb_min_i64(n_any, until_turn(pc, rules));
    bool alone = pc->sides[d].hits == UINT64_C(1) << a.bank;
    int64_t ahead = limit_fs > a.at_fs ? limit_fs - a.at_fs : 0;
    if (alone) {
        int64_t n = kb_min_i64(left_of(core, run_a), n_any);
        n = kb_min_i64(n, ahead / rules->ccd_l + 1);
        if (oldest == run_a) n = kb_min_i64(n, n_oldest);
        issue_cas(pc, core, a.bank, a.at_fs, kb_max_i64(n, 1), rules->ccd_l);
        return;
    }
    uint32_t b = ahead < 3 * rules->ccd_s ? KB_NONE : find_partner(pc, core, a);
    int64_t n = 0;
    if (b != KB_NONE) {
        uint32_t run_b = pc->banks[b].hit[d];
        n = kb_min_i64(kb_min_i64(left_of(core, run_a) - 1, left_of(core, run_b)), n_any / 2);
        n = kb_min_i64(n, (ahead / rules->ccd_s + 1) / 2);
        if (oldest == run_a && n_oldest < INT64_MAX) n = kb_min_i64(n, n_oldest - 1);
        if (oldest == run_b) n = kb_min_i64(n, n_oldest);
    }
    if (n < 2) {
        issue_cas(pc, core, a.bank, a.at_fs, 1, 0);
        return;
    }
    issue_cas(pc, core, a.bank, a.at_fs, n, 2 * rules->ccd_s);
    issue_cas(pc, core, b, a.at_fs + rules->ccd_s, n, 2 * rules->ccd_s);
}

/* --- time ------------------------------------------------------------------------------------------- */

void kb_dram_pc_advance(kb_dram_pc *pc, kb_dram_core *core, int64_t until_fs) {
    for (;;) {
        admit(pc, core);
        choose_direction(pc, &core->rules);
        if (!pc->row_known) find_row_command(pc, core);
        int64_t arrival_fs = next_arrival(pc, &core->rules);
        pick cas = pick_cas(pc, &core->rules);
        int64_t command_fs = kb_min_i64(cas.at_fs, pc->row_command_fs);
        int64_t next_fs = kb_min_i64(command_fs, arrival_fs);
        bool refreshes = core->rules.refi > 0 && pc->refresh_fs <= next_fs;
        if (next_fs == KB_TIME_MAX || (refreshes ? pc->refresh_fs : next_fs) > until_fs) return;
        if (refreshes) {
            refresh(pc, core, kb_min_i64(next_fs, until_fs));
        } else if (arrival_fs <= command_fs) {
            pc->now_fs = arrival_fs;
        } else if (pc->row_command_fs < cas.at_fs) {
            issue_row_command(pc, core);
        } else {
            int64_t limit_fs = kb_min_i64(kb_min_i64(arrival_fs, pc->row_command_fs) - 1, until_fs);
            if (core->rules.refi > 0) limit_fs = kb_min_i64(limit_fs, pc->refresh_fs - 1);
            serve(pc, core, cas, limit_fs);
        }
    }
}
