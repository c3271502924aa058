#include "hw/dram/dram_pc.h"

#include "hw/dram/dram_column.h"
#include "hw/dram/dram_row.h"
#include "hw/dram/dram_tell.h"
#include "hw/dram/dram_window.h"

static const int64_t long_ago_fs = INT64_MIN / 2;

void kb_dram_pc_init(kb_dram_pc *pc, const kb_dram_rules *rules, uint32_t number,
                     kb_dram_hit *hits) {
    *pc = (kb_dram_pc){
        .column_fs = long_ago_fs,
        .cas_until_fs = -1,
        .refresh_fs = rules->refi,
        .bus_free_fs = long_ago_fs,
        .hits = hits,
        .number = number,
        .others = {{KB_DRAM_NO_BANK, KB_DRAM_NO_BANK}, {KB_DRAM_NO_BANK, KB_DRAM_NO_BANK}}};
    for (int i = 0; i < 4; i++) pc->acts_fs[i] = long_ago_fs;
    for (uint32_t b = 0; b < rules->n_banks; b++)
        pc->banks[b] = (kb_dram_bank){.open_row = -1, .open_fs = long_ago_fs};
    kb_dram_sides_init_(pc);
}

/* --- reads or writes -------------------------------------------------------------------------------- */

/* The bank groups are ready as the other direction asks for: after a WR, a RD is later than another WR. */
static void turn_groups(kb_dram_pc *pc, const kb_dram_rules *rules) {
    int64_t later_fs = rules->group_gap[1][0] - rules->group_gap[1][1];
    for (uint32_t g = 0; g < rules->n_groups; g++) {
        uint32_t bit = UINT32_C(1) << g;
        if (pc->group_cas_fs[g] != pc->turned_fs[g])
            pc->written = pc->writing ? pc->written | bit : pc->written & ~bit;
        if (pc->written & bit) pc->group_cas_fs[g] += pc->writing ? later_fs : -later_fs;
        pc->turned_fs[g] = pc->group_cas_fs[g];
    }
}

static void turn(kb_dram_pc *pc, kb_dram_core *core, bool writing) {
    kb_dram_tell_all_(pc, core);
    turn_groups(pc, &core->rules);
    pc->writing = writing;
    kb_dram_look_anew_(pc, core);
}

static void choose_direction(kb_dram_pc *pc, kb_dram_core *core) {
    const kb_dram_rules *rules = &core->rules;
    int64_t n_reads = pc->sides[KB_DRAM_READ].n_pending;
    int64_t n_writes = pc->sides[KB_DRAM_WRITE].n_pending;
    bool full = n_writes >= rules->high;
    if (!pc->writing) {
        bool waited = pc->n_passed >= (int64_t)rules->write_wait;
        if (n_writes == 0 || (n_reads > 0 && !full && !waited)) return;
        pc->draining = full || waited;
        pc->drain_to = full ? (int32_t)rules->low : 0;
        pc->n_passed = 0;
        turn(pc, core, true);
        return;
    }
    if (pc->draining && n_writes <= pc->drain_to) pc->draining = false;
    if (!pc->draining && full) {
        pc->draining = true;
        pc->drain_to = (int32_t)rules->low;
    }
    if (n_reads > 0 && (n_writes == 0 || !pc->draining)) {
        pc->draining = false;
        turn(pc, core, false);
    }
}

/* --- time ------------------------------------------------------------------------------------------- */

/* Goes on until limit_fs, or until the direction turns.  When the next command is, or arrival. */
static int64_t advance_side(kb_dram_pc *pc, kb_dram_core *core, int64_t limit_fs) {
    int d = pc->writing;
    for (;;) {
        int64_t arrival_fs = kb_dram_admit_(pc, core, d, limit_fs), cas_fs = KB_TIME_MAX;
        if (d || pc->sides[KB_DRAM_WRITE].n_pending > 0) {
            choose_direction(pc, core);
            if (pc->writing != d) return pc->now_fs;
        }
        if (!pc->row_known) kb_dram_find_row_command_(pc, core);
        int64_t end_fs = kb_min_i64(limit_fs, arrival_fs - 1);
        if (pc->n_hits) {
            cas_fs = pc->cas_fs;
            if (pc->now_fs > pc->cas_until_fs || cas_fs <= kb_min_i64(end_fs, pc->row_command_fs))
                cas_fs = kb_dram_serve_(pc, core, end_fs, limit_fs);
        }
        if (cas_fs == KB_DRAM_SERVED) continue;
        if (pc->row_command_fs <= end_fs) {
            kb_dram_issue_row_command_(pc, core);
        } else if (arrival_fs <= limit_fs) {
            pc->now_fs = arrival_fs;
        } else {
            return kb_min_i64(kb_min_i64(cas_fs, pc->row_command_fs), arrival_fs);
        }
    }
}

static int64_t advance(kb_dram_pc *pc, kb_dram_core *core, int64_t until_fs) {
    bool refreshes = core->rules.refi > 0;
    for (;;) {
        bool d = pc->writing;
        int64_t arrival_fs = kb_dram_admit_(pc, core, !d, until_fs);
        if (d || pc->sides[KB_DRAM_WRITE].n_pending > 0) choose_direction(pc, core);
        if (pc->writing != d) continue;
        int64_t limit_fs = kb_min_i64(arrival_fs - 1, until_fs);
        if (refreshes) limit_fs = kb_min_i64(limit_fs, pc->refresh_fs - 1);
        int64_t next_fs = advance_side(pc, core, limit_fs);
        if (pc->writing != d) continue;
        next_fs = kb_min_i64(next_fs, arrival_fs);
        bool refreshed = refreshes && next_fs < KB_TIME_MAX && pc->refresh_fs <= next_fs;
        int64_t due_fs = refreshed ? pc->refresh_fs : next_fs;
        if (due_fs > until_fs || due_fs == KB_TIME_MAX) return due_fs;
        if (refreshed) kb_dram_refresh_(pc, core, kb_min_i64(next_fs, until_fs));
        else pc->now_fs = next_fs;
    }
}

int64_t kb_dram_pc_advance(kb_dram_pc *pc, kb_dram_core *core, kb_dram_inbox inboxes[2],
                           int64_t until_fs) {
    for (int d = 0; d < 2; d++)
        if (inboxes[d].first != KB_NONE)
            kb_dram_take_in_(&pc->sides[d], core->runs.items, &inboxes[d]);
    int64_t due_fs = advance(pc, core, until_fs);
    kb_dram_tell_all_(pc, core);
    kb_dram_sum_up_(&pc->statistics, &core->rules);
    return due_fs;
}
