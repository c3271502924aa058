/* A TLB: the pages that a PE has looked up lately (ADR-0065).  Fully associative; the
 * least recently used one goes.
 *
 *   kb_tlb_has ─no─> a walk of the page table (hw/pe/pe_dma.h) ─> kb_tlb_insert
 */
#ifndef KB_HW_PE_TLB_H
#define KB_HW_PE_TLB_H

#include <stdbool.h>
#include <stdint.h>

#include "base/alloc.h"
#include "base/status.h"

typedef struct kb_tlb_entry {
    uint64_t page;
    uint64_t used; /* 0: free */
} kb_tlb_entry;

typedef struct kb_tlb {
    kb_tlb_entry *entries;
    uint32_t n_entries;
    uint32_t last; /* found last */
    uint64_t clock;
} kb_tlb;

/* False when there is no memory. */
bool kb_tlb_init(kb_tlb *tlb, kb_alloc *alloc, uint32_t n_entries) KB_MUST_CHECK;
void kb_tlb_deinit(kb_tlb *tlb, kb_alloc *alloc);

/* Whether the page is there; it has been used then. */
bool kb_tlb_has(kb_tlb *tlb, uint64_t page);

void kb_tlb_insert(kb_tlb *tlb, uint64_t page);

/* Drops the pages from `first` to `last`: their map has changed. */
void kb_tlb_forget(kb_tlb *tlb, uint64_t first, uint64_t last);

#endif
