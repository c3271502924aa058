/* Column commands of a pseudo-channel: RD and WR, issued as trains (hw/dram/dram_pc.h). */
#ifndef KB_HW_DRAM_DRAM_COLUMN_H
#define KB_HW_DRAM_DRAM_COLUMN_H

#include "hw/dram/dram_pc.h"

/* Serves hits, of which there are some, until end_fs at the latest, each with whatever follows as a matter of course:
 * no other direction's run enters, and no refresh is due, before limit_fs is over.  When the next one is served;
 * KB_DRAM_SERVED: what may come before that has changed. */
int64_t kb_dram_serve_(kb_dram_pc *pc, kb_dram_core *core, int64_t end_fs, int64_t limit_fs);

enum { KB_DRAM_SERVED = -1 };

#endif
