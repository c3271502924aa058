/* Row commands of a pseudo-channel: ACT and PRE for banks that nothing hits, and refresh (hw/dram/dram_pc.h). */
#ifndef KB_HW_DRAM_DRAM_ROW_H
#define KB_HW_DRAM_DRAM_ROW_H

#include "base/checked.h"
#include "hw/dram/dram_pc.h"

/* The next ACT or PRE: the first that can be issued, then for the oldest. */
void kb_dram_find_row_command_(kb_dram_pc *pc, const kb_dram_core *core);
void kb_dram_issue_row_command_(kb_dram_pc *pc, kb_dram_core *core);

/* Those before end_fs. */
void kb_dram_issue_row_commands_(kb_dram_pc *pc, kb_dram_core *core, int64_t end_fs);

/* What is due by until_fs at the latest: one refresh, and before it those that nobody saw. */
void kb_dram_refresh_(kb_dram_pc *pc, kb_dram_core *core, int64_t until_fs);

/* When an ACT or PRE for a bank that no waiting run hits can be issued. */
static inline int64_t kb_dram_row_command_fs_(const kb_dram_pc *pc, const kb_dram_rules *rules,
                                              uint32_t b) {
    const kb_dram_bank *bank = &pc->banks[b];
    int64_t at_fs = kb_max_i64(pc->row_bus_fs, pc->now_fs);
    if (bank->open_row >= 0) return kb_max_i64(at_fs, bank->pre_fs);
    at_fs = kb_max_i64(at_fs, kb_max_i64(bank->act_fs, pc->groups[rules->group[b]].act_fs));
    return kb_max_i64(at_fs, pc->act_any_fs);
}

/* The bank's command may be the next. */
static inline void kb_dram_offer_row_command_(kb_dram_pc *pc, const kb_dram_core *core,
                                              uint32_t b) {
    int64_t at_fs = kb_dram_row_command_fs_(pc, &core->rules, b);
    uint32_t age = pc->banks[b].age;
    if (at_fs > pc->row_command_fs) return;
    if (at_fs == pc->row_command_fs && (int32_t)(age - pc->row_age) >= 0) return;
    pc->row_command_fs = at_fs;
    pc->row_age = age;
    pc->row_bank = (uint8_t)b;
}

#endif
