#include "hw/pe/tlb.h"

bool kb_tlb_init(kb_tlb *tlb, kb_alloc *alloc, uint32_t n_entries) {
    *tlb = (kb_tlb){.n_entries = n_entries};
    tlb->entries = kb_alloc_zeroed(alloc, n_entries, sizeof *tlb->entries);
    return tlb->entries != NULL;
}

void kb_tlb_deinit(kb_tlb *tlb, kb_alloc *alloc) {
    kb_alloc_free(alloc, tlb->entries, tlb->n_entries, sizeof *tlb->entries);
    *tlb = (kb_tlb){0};
}

static bool is_at(const kb_tlb *tlb, uint32_t place, uint64_t page) {
    return tlb->entries[place].used > 0 && tlb->entries[place].page == page;
}

bool kb_tlb_has(kb_tlb *tlb, uint64_t page) {
    uint32_t place = tlb->last;
    if (!is_at(tlb, place, page))
        for (place = 0; place < tlb->n_entries && !is_at(tlb, place, page);) place++;
    if (place == tlb->n_entries) return false;
    tlb->last = place;
    tlb->entries[place].used = ++tlb->clock;
    return true;
}

void kb_tlb_insert(kb_tlb *tlb, uint64_t page) {
    uint32_t oldest = 0;
    if (kb_tlb_has(tlb, page)) return;
    for (uint32_t i = 1; i < tlb->n_entries; i++)
        if (tlb->entries[i].used < tlb->entries[oldest].used) oldest = i;
    tlb->entries[oldest] = (kb_tlb_entry){page, ++tlb->clock};
    tlb->last = oldest;
}

void kb_tlb_forget(kb_tlb *tlb, uint64_t first, uint64_t last) {
    for (uint32_t i = 0; i < tlb->n_entries; i++)
        if (tlb->entries[i].page >= first && tlb->entries[i].page <= last) tlb->entries[i].used = 0;
}
