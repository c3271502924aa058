/* All pseudo-channels of a memory with a standard: bytes in, bursts served.
 *
 * Knows nothing of messages: who adds bytes says when they are there, and is told, as each decision is
 * made, when they are served (hw/memory/hbm_banked.h; the benchmark drives it alone).
 */
#ifndef KB_HW_DRAM_DRAM_STACK_H
#define KB_HW_DRAM_DRAM_STACK_H

#include "base/alloc.h"
#include "base/error.h"
#include "hw/dram/dram_pc.h"

typedef struct kb_dram_stack {
    kb_alloc *alloc;
    const kb_dram *dram;
    kb_dram_core core;
    uint32_t n_pcs, slice_pcs;
    kb_dram_pc **pcs;  /* each a block of its own: small enough for a huge page (base/pages.h) */
    kb_dram_hit *hits; /* of all PCs, one after the other */
    kb_dram_inbox (*inboxes)[2]; /* of each PC: reads, writes */
    uint32_t *waiting;           /* PCs with something that waits, n_waiting of them, */
    int64_t
        *due_fs; /* and when the next decision of each may be, at the least; KB_TIME_MAX: none */
    uint32_t n_waiting;
} kb_dram_stack;

/* dram and params are borrowed.  `served` is called within kb_dram_stack_advance. */
kb_status kb_dram_stack_init(kb_dram_stack *stack, kb_alloc *alloc, const kb_dram *dram,
                             const kb_params_hbm *params, kb_dram_served_fn served, void *self,
                             kb_error *err) KB_MUST_CHECK;
void kb_dram_stack_deinit(kb_dram_stack *stack);

/* Bytes of a slice, and of a job where they begin at `packed`: `flit_nbytes` of them, the last fewer, can be served
 * from when_fs on, and so many more each period_fs later. */
typedef struct kb_dram_bytes {
    uint64_t offset, nbytes, packed;
    uint32_t slice, job;
    bool write;
    int64_t when_fs, period_fs;
    uint64_t flit_nbytes; /* not less than nbytes: all at once */
} kb_dram_bytes;

/* when_fs is no earlier than of any bytes added before.  False without memory. */
bool kb_dram_stack_add(kb_dram_stack *stack, const kb_dram_bytes *bytes) KB_MUST_CHECK;

/* n rows of such bytes, all there at once, each `stride` behind the one before; of the job they follow each other. */
bool kb_dram_stack_add_rows(kb_dram_stack *stack, const kb_dram_bytes *row, uint64_t stride,
                            uint64_t n) KB_MUST_CHECK;

/* Makes every decision up to until_fs: all that can be served by then has been added.  The next is made no
 * earlier than it returns, if nothing is added; KB_TIME_MAX: nothing waits. */
int64_t kb_dram_stack_advance(kb_dram_stack *stack, int64_t until_fs);

#endif
