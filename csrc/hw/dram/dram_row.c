#include "hw/dram/dram_row.h"

#include "base/checked.h"
#include "hw/dram/dram_hold.h"
#include "hw/dram/dram_tell.h"
#include "hw/dram/dram_window.h"

/* --- ACT and PRE -------------------------------------------------------------------------------------- */

/* When any can be issued at the earliest. */
static inline int64_t least_command_fs(const kb_dram_pc *pc, bool open) {
    int64_t at_fs = kb_max_i64(pc->row_bus_fs, pc->now_fs);
    return open ? at_fs : kb_max_i64(at_fs, pc->act_any_fs);
}

static inline int64_t command_fs(const kb_dram_pc *pc, const kb_dram_rules *rules, bool open,
                                 uint32_t b, int64_t least_fs) {
    const kb_dram_bank *bank = &pc->banks[b];
    if (open) return kb_max_i64(least_fs, bank->pre_fs);
    return kb_max_i64(kb_max_i64(least_fs, bank->act_fs), pc->group_act_fs[rules->group[b]]);
}

static inline bool is_older(const kb_dram_pc *pc, uint32_t a, uint32_t b) {
    return (int32_t)(pc->banks[a].age - pc->banks[b].age) < 0;
}

/* The bank's command may be the next. */
static inline void offer(kb_dram_pc *pc, uint32_t b, int64_t at_fs) {
    if (at_fs > pc->row_command_fs) return;
    if (at_fs == pc->row_command_fs && !is_older(pc, b, pc->row_bank)) return;
    pc->row_command_fs = at_fs;
    pc->row_bank = (uint8_t)b;
}

static inline void find(kb_dram_pc *pc, const kb_dram_rules *rules, bool open) {
    int64_t least_fs = least_command_fs(pc, open), best_fs = KB_TIME_MAX;
    uint32_t best = KB_DRAM_NO_BANK, b = pc->others[open].younger;
    for (; b != KB_DRAM_NO_BANK && best_fs > least_fs; b = pc->links[b].younger) {
        int64_t at_fs = command_fs(pc, rules, open, b, least_fs);
        if (at_fs >= best_fs) continue;
        best_fs = at_fs;
        best = b;
    }
    if (best != KB_DRAM_NO_BANK) offer(pc, best, best_fs);
}

void kb_dram_find_row_command_(kb_dram_pc *pc, const kb_dram_core *core) {
    pc->row_command_fs = KB_TIME_MAX;
    find(pc, &core->rules, false);
    find(pc, &core->rules, true);
    pc->row_known = true;
    if (pc->row_command_fs == KB_TIME_MAX) return;
    __builtin_prefetch(&core->runs.items[pc->banks[pc->row_bank].first[pc->writing]]);
}

/* A chain's end is its own link: its oldest is `younger`, its youngest `older`. */
static inline kb_dram_link *link_of(kb_dram_pc *pc, bool open, uint32_t b) {
    return b == KB_DRAM_NO_BANK ? &pc->others[open] : &pc->links[b];
}

void kb_dram_add_other_(kb_dram_pc *pc, const kb_dram_core *core, uint32_t b) {
    bool open = pc->banks[b].open_row >= 0;
    uint32_t older = pc->others[open].older, younger = KB_DRAM_NO_BANK;
    if (older != KB_DRAM_NO_BANK && is_older(pc, b, older)) {
        older = KB_DRAM_NO_BANK;
        younger = pc->others[open].younger;
        for (; is_older(pc, younger, b); younger = pc->links[younger].younger) older = younger;
    }
    pc->links[b] = (kb_dram_link){.older = (uint8_t)older, .younger = (uint8_t)younger};
    link_of(pc, open, older)->younger = link_of(pc, open, younger)->older = (uint8_t)b;
    if (!pc->row_known) return;
    offer(pc, b, command_fs(pc, &core->rules, open, b, least_command_fs(pc, open)));
}

void kb_dram_remove_other_(kb_dram_pc *pc, uint32_t b) {
    bool open = pc->banks[b].open_row >= 0;
    kb_dram_link gone = pc->links[b];
    link_of(pc, open, gone.older)->younger = gone.younger;
    link_of(pc, open, gone.younger)->older = gone.older;
    pc->row_known = false;
}

void kb_dram_gather_others_(kb_dram_pc *pc, const kb_dram_core *core) {
    pc->row_known = false;
    for (int open = 0; open < 2; open++)
        pc->others[open] = (kb_dram_link){KB_DRAM_NO_BANK, KB_DRAM_NO_BANK};
    for (uint64_t left = pc->sides[pc->writing].banks & ~pc->hitting; left; left &= left - 1)
        kb_dram_add_other_(pc, core, (uint32_t)__builtin_ctzll(left));
}

void kb_dram_issue_row_command_(kb_dram_pc *pc, kb_dram_core *core) {
    const kb_dram_rules *rules = &core->rules;
    int64_t at_fs = pc->now_fs = pc->row_command_fs;
    uint32_t b = pc->row_bank;
    kb_dram_bank *bank = &pc->banks[b];
    uint32_t first = bank->first[pc->writing];
    kb_dram_run *run = &core->runs.items[first];
    kb_dram_remove_other_(pc, b);
    if (bank->open_row >= 0) {
        run->closed = true;
        kb_dram_hold_pre_(pc, core, b, at_fs);
        bank->act_fs = kb_max_i64(bank->act_fs, at_fs + rules->rp);
        bank->open_row = -1;
        pc->open &= ~(UINT64_C(1) << b);
        pc->closed_fs = kb_max_i64(pc->closed_fs, bank->act_fs);
        pc->row_bus_fs = at_fs + rules->pre_bus;
        kb_dram_add_other_(pc, core, b);
        return;
    }
    run->opened = true;
    bank->open_row = (int32_t)run->row;
    pc->open |= UINT64_C(1) << b;
    kb_dram_hold_act_(pc, core, b, at_fs);
    bank->act_fs = at_fs + rules->rc;
    bank->pre_fs = at_fs + rules->ras;
    pc->row_bus_fs = at_fs + rules->act_bus;
    pc->group_act_fs[rules->group[b]] = at_fs + rules->rrd_l;
    pc->acts_fs[pc->n_acts++ & 3] = at_fs;
    pc->act_any_fs = kb_max_i64(at_fs + rules->rrd_s, pc->acts_fs[pc->n_acts & 3] + rules->faw);
    kb_dram_add_hit_(pc, core, b, first);
}

void kb_dram_issue_row_commands_(kb_dram_pc *pc, kb_dram_core *core, int64_t end_fs) {
    for (;;) {
        if (!pc->row_known) kb_dram_find_row_command_(pc, core);
        if (pc->row_command_fs >= end_fs) return;
        kb_dram_issue_row_command_(pc, core);
    }
}

/* --- refresh ---------------------------------------------------------------------------------------- */

/* When those banks can be refreshed, their rows being closed for it: all, or the next one. */
static int64_t ready_to_refresh(const kb_dram_pc *pc, const kb_dram_rules *rules, uint64_t banks) {
    int64_t at_fs = pc->refresh_fs;
    if (!rules->per_bank) at_fs = kb_max_i64(at_fs, pc->closed_fs);
    else if (!(pc->open & banks)) at_fs = kb_max_i64(at_fs, pc->banks[pc->refresh_bank].act_fs);
    for (uint64_t left = pc->open & banks; left; left &= left - 1) {
        const kb_dram_bank *bank = &pc->banks[__builtin_ctzll(left)];
        at_fs = kb_max_i64(at_fs, kb_max_i64(bank->pre_fs, pc->refresh_fs) + rules->rp);
    }
    return at_fs;
}

static void close_row(kb_dram_pc *pc, const kb_dram_core *core, uint32_t b, int64_t at_fs) {
    kb_dram_hold_pre_(pc, core, b, at_fs);
    pc->banks[b].open_row = -1;
    pc->open &= ~(UINT64_C(1) << b);
}

/* Banks that are closed are not looked at when all are refreshed: none is opened before all may be. */
void kb_dram_refresh_(kb_dram_pc *pc, kb_dram_core *core, int64_t until_fs) {
    const kb_dram_rules *rules = &core->rules;
    int64_t round = rules->per_bank ? rules->n_banks : 1;
    int64_t n_unseen = (until_fs - pc->refresh_fs) / rules->refi / round - 1;
    if (n_unseen > 0) {
        pc->refresh_fs += n_unseen * round * rules->refi;
        pc->statistics.refreshes += n_unseen * round;
    }
    kb_dram_tell_all_(pc, core);
    uint64_t banks = rules->per_bank ? UINT64_C(1) << pc->refresh_bank : UINT64_MAX;
    int64_t at_fs = ready_to_refresh(pc, rules, banks), end_fs = at_fs + rules->rfc;
    for (uint64_t left = pc->open & banks; left; left &= left - 1)
        close_row(pc, core, (uint32_t)__builtin_ctzll(left), at_fs - rules->rp);
    if (rules->per_bank) {
        pc->banks[pc->refresh_bank].act_fs = end_fs;
        pc->banks[pc->refresh_bank].open_fs = end_fs - rules->rc;
    } else {
        pc->closed_fs = pc->refreshed_fs = end_fs;
        pc->act_any_fs = kb_max_i64(pc->act_any_fs, end_fs);
    }
    for (uint32_t i = pc->n_hits; i-- > 0;) {
        uint32_t b = core->runs.items[pc->hits[i].run].bank;
        if (banks >> b & 1) kb_dram_remove_hit_(pc, b, i);
    }
    kb_dram_gather_others_(pc, core);
    pc->now_fs = kb_max_i64(pc->now_fs, pc->refresh_fs);
    pc->refresh_fs += rules->refi;
    pc->refresh_bank = (pc->refresh_bank + 1) % rules->n_banks;
    pc->statistics.refreshes++;
}
