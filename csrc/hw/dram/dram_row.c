#include "hw/dram/dram_row.h"

#include "hw/dram/dram_hold.h"
#include "hw/dram/dram_tell.h"
#include "hw/dram/dram_window.h"

/* --- ACT and PRE -------------------------------------------------------------------------------------- */

void kb_dram_find_row_command_(kb_dram_pc *pc, const kb_dram_core *core) {
    pc->row_command_fs = KB_TIME_MAX;
    for (uint64_t left = pc->others; left; left &= left - 1)
        kb_dram_offer_row_command_(pc, core, (uint32_t)__builtin_ctzll(left));
    pc->row_known = true;
}

void kb_dram_issue_row_command_(kb_dram_pc *pc, kb_dram_core *core) {
    const kb_dram_rules *rules = &core->rules;
    int64_t at_fs = pc->now_fs = pc->row_command_fs;
    uint32_t b = pc->row_bank;
    kb_dram_bank *bank = &pc->banks[b];
    uint32_t first = bank->first[pc->writing];
    kb_dram_run *run = &core->runs.items[first];
    pc->row_known = false;
    if (bank->open_row >= 0) {
        run->closed = true;
        kb_dram_hold_pre_(pc, core, b, at_fs);
        bank->act_fs = kb_max_i64(bank->act_fs, at_fs + rules->rp);
        bank->open_row = -1;
        pc->row_bus_fs = at_fs + rules->pre_bus;
        return;
    }
    run->opened = true;
    bank->open_row = (int32_t)run->row;
    kb_dram_hold_act_(pc, core, b, at_fs);
    bank->act_fs = at_fs + rules->rc;
    bank->pre_fs = at_fs + rules->ras;
    pc->row_bus_fs = at_fs + rules->act_bus;
    pc->groups[rules->group[b]].act_fs = at_fs + rules->rrd_l;
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

/* When the bank can be refreshed, its row being closed for it. */
static int64_t ready_to_refresh(const kb_dram_pc *pc, const kb_dram_rules *rules, uint32_t b) {
    const kb_dram_bank *bank = &pc->banks[b];
    if (bank->open_row < 0) return bank->act_fs;
    return kb_max_i64(bank->pre_fs, pc->refresh_fs) + rules->rp;
}

void kb_dram_refresh_(kb_dram_pc *pc, kb_dram_core *core, int64_t until_fs) {
    const kb_dram_rules *rules = &core->rules;
    int64_t round = rules->per_bank ? rules->n_banks : 1;
    int64_t n_unseen = (until_fs - pc->refresh_fs) / rules->refi / round - 1;
    if (n_unseen > 0) {
        pc->refresh_fs += n_unseen * round * rules->refi;
        pc->statistics.refreshes += n_unseen * round;
    }
    kb_dram_tell_all_(pc, core);
    uint32_t first = rules->per_bank ? pc->refresh_bank : 0;
    uint32_t end = rules->per_bank ? first + 1 : rules->n_banks;
    int64_t at_fs = pc->refresh_fs;
    for (uint32_t b = first; b < end; b++)
        at_fs = kb_max_i64(at_fs, ready_to_refresh(pc, rules, b));
    for (uint32_t b = first; b < end; b++) {
        if (pc->banks[b].open_row >= 0) kb_dram_hold_pre_(pc, core, b, at_fs - rules->rp);
        pc->banks[b].open_row = -1;
        pc->banks[b].act_fs = at_fs + rules->rfc;
        pc->banks[b].open_fs = at_fs + rules->rfc - rules->rc;
    }
    for (uint32_t i = pc->n_hits; i-- > 0;) {
        uint32_t b = pc->hits[i].bank;
        if (b < first || b >= end) continue;
        kb_dram_remove_hit_(pc, i);
        pc->others |= UINT64_C(1) << b;
    }
    pc->now_fs = kb_max_i64(pc->now_fs, pc->refresh_fs);
    pc->refresh_fs += rules->refi;
    pc->refresh_bank = (pc->refresh_bank + 1) % rules->n_banks;
    pc->statistics.refreshes++;
    pc->row_known = false;
}
