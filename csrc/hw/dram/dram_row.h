/* Row commands of a pseudo-channel: ACT and PRE for banks that nothing hits, and refresh (hw/dram/dram_pc.h). */
#ifndef KB_HW_DRAM_DRAM_ROW_H
#define KB_HW_DRAM_DRAM_ROW_H

#include "hw/dram/dram_pc.h"

/* The next ACT or PRE: the first that can be issued, then for the oldest. */
void kb_dram_find_row_command_(kb_dram_pc *pc, const kb_dram_core *core);
void kb_dram_issue_row_command_(kb_dram_pc *pc, kb_dram_core *core);

/* Those before end_fs. */
void kb_dram_issue_row_commands_(kb_dram_pc *pc, kb_dram_core *core, int64_t end_fs);

/* What is due by until_fs at the latest: one refresh, and before it those that nobody saw. */
void kb_dram_refresh_(kb_dram_pc *pc, kb_dram_core *core, int64_t until_fs);

/* A bank that is waited for and that no waiting run hits comes to the others, or one leaves them, before its row
 * is opened or closed. */
void kb_dram_add_other_(kb_dram_pc *pc, const kb_dram_core *core, uint32_t b);
void kb_dram_remove_other_(kb_dram_pc *pc, uint32_t b);

/* The others are those that are waited for and that nothing hits. */
void kb_dram_gather_others_(kb_dram_pc *pc, const kb_dram_core *core);

#endif
