/* Column commands of a pseudo-channel: RD and WR, issued as trains (hw/dram/dram_pc.h). */
#ifndef KB_HW_DRAM_DRAM_COLUMN_H
#define KB_HW_DRAM_DRAM_COLUMN_H

#include "hw/dram/dram_pc.h"

/* The hit that can be served first, of those the oldest, and when; there is one. */
void kb_dram_find_cas_(kb_dram_pc *pc, const kb_dram_rules *rules);

/* Serves it from then on, and whatever follows as a matter of course: no other direction's run enters, and no
 * refresh is due, before limit_fs is over. */
void kb_dram_issue_train_(kb_dram_pc *pc, kb_dram_core *core, int64_t limit_fs);

#endif
