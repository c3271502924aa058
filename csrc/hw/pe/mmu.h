/* Translation: which tensor a virtual address belongs to, and where its bytes lie.
 *
 * One table for the machine, sorted by address.  What a look-up costs, and which pages a PE has at hand,
 * is PE_DMA's (hw/pe/pe_dma.h).
 */
#ifndef KB_HW_PE_MMU_H
#define KB_HW_PE_MMU_H

#include <stdint.h>

#include "base/alloc.h"
#include "base/error.h"
#include "mem/address.h"
#include "mem/placement.h"

typedef struct kb_mapping {
    kb_va va;
    uint64_t nbytes;
    const kb_placement *placement; /* borrowed; NULL for nothing but bounds */
    int32_t tensor;                /* the engine's number, for messages */
} kb_mapping;

typedef struct kb_mmu kb_mmu;

kb_status kb_mmu_create(kb_alloc *alloc, kb_mmu **mmu, kb_error *err) KB_MUST_CHECK;
void kb_mmu_destroy(kb_mmu *mmu); /* accepts NULL */

/* Adds [va, va + nbytes), nbytes > 0, which overlaps no other; removes the one that starts at
 * va. */
kb_status kb_mmu_map(kb_mmu *mmu, const kb_mapping *mapping, kb_error *err) KB_MUST_CHECK;
kb_status kb_mmu_unmap(kb_mmu *mmu, kb_va va, kb_error *err) KB_MUST_CHECK;

/* The mapping that holds this byte; NULL when none does.  Valid until the next map or unmap. */
const kb_mapping *kb_mmu_find(kb_mmu *mmu, kb_va va);

/* KB_OK when one mapping holds all of [first, end).  KB_PAGE_FAULT when none holds `first`,
 * KB_BOUNDS when its tensor ends before `end`; the message names address, tensor and the
 * distance. */
kb_status kb_mmu_check(kb_mmu *mmu, kb_va first, kb_va end, kb_error *err) KB_MUST_CHECK;

#endif
