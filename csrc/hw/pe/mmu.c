#include "hw/pe/mmu.h"

#include <inttypes.h>
#include <string.h>

#include "base/vec.h"

struct kb_mmu {
    kb_alloc *alloc;
    KB_VEC(kb_mapping) mappings; /* sorted by va; none overlap */
    size_t last;                 /* found last */
};

kb_status kb_mmu_create(kb_alloc *alloc, kb_mmu **mmu, kb_error *err) {
    kb_mmu *made = kb_alloc_zeroed(alloc, 1, sizeof *made);
    if (!made) return kb_error_nomem(err, "the page table");
    made->alloc = alloc;
    *mmu = made;
    return KB_OK;
}

void kb_mmu_destroy(kb_mmu *mmu) {
    if (!mmu) return;
    KB_VEC_FREE(&mmu->mappings, mmu->alloc);
    kb_alloc_free(mmu->alloc, mmu, 1, sizeof *mmu);
}

/* How many mappings start at or before va. */
static size_t count_up_to(const kb_mmu *mmu, kb_va va) {
    size_t low = 0, high = mmu->mappings.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (mmu->mappings.items[middle].va <= va) low = middle + 1;
        else high = middle;
    }
    return low;
}

static bool holds(const kb_mapping *mapping, kb_va va) {
    return va - mapping->va < mapping->nbytes;
}

kb_status kb_mmu_map(kb_mmu *mmu, const kb_mapping *mapping, kb_error *err) {
    size_t at = count_up_to(mmu, mapping->va);
    const kb_mapping *items = mmu->mappings.items;
    bool overlaps = (at > 0 && holds(&items[at - 1], mapping->va)) ||
                    (at < mmu->mappings.count && holds(mapping, items[at].va));
    if (mapping->nbytes == 0 || overlaps)
        return kb_error_set(err, KB_INVALID,
                            "page table: expected a range clear of the others, got 0x%" PRIx64
                            " and %" PRIu64 " bytes",
                            mapping->va, mapping->nbytes);
    if (!KB_VEC_RESERVE(&mmu->mappings, mmu->alloc, 1))
        return kb_error_nomem(err, "the page table");
    kb_mapping *slot = &mmu->mappings.items[at];
    memmove(slot + 1, slot, (mmu->mappings.count - at) * sizeof *slot);
    *slot = *mapping;
    mmu->mappings.count++;
    return KB_OK;
}

kb_status kb_mmu_unmap(kb_mmu *mmu, kb_va va, kb_error *err) {
    size_t after = count_up_to(mmu, va);
    if (after == 0 || mmu->mappings.items[after - 1].va != va)
        return kb_error_set(err, KB_PAGE_FAULT,
                            "page table: expected the start of a tensor, got 0x%" PRIx64, va);
    kb_mapping *slot = &mmu->mappings.items[after - 1];
    memmove(slot, slot + 1, (mmu->mappings.count - after) * sizeof *slot);
    mmu->mappings.count--;
    mmu->last = 0;
    return KB_OK;
}

const kb_mapping *kb_mmu_find(kb_mmu *mmu, kb_va va) {
    const kb_mapping *items = mmu->mappings.items;
    if (mmu->last < mmu->mappings.count && holds(&items[mmu->last], va)) return &items[mmu->last];
    size_t after = count_up_to(mmu, va);
    if (after == 0 || !holds(&items[after - 1], va)) return NULL;
    mmu->last = after - 1;
    return &items[after - 1];
}

kb_status kb_mmu_check(kb_mmu *mmu, kb_va first, kb_va end, kb_error *err) {
    const kb_mapping *mapping = kb_mmu_find(mmu, first);
    if (!mapping)
        return kb_error_set(err, KB_PAGE_FAULT,
                            "expected an address within a tensor, got 0x%" PRIx64 "%s", first,
                            kb_va_is_null(first) ? " (a null pointer)" : "");
    uint64_t room = mapping->nbytes - (first - mapping->va);
    if (end - first <= room) return KB_OK;
    return kb_error_set(
        err, KB_BOUNDS,
        "expected addresses within tensor %" PRId32 " of %" PRIu64 " bytes at 0x%" PRIx64
        ", got 0x%" PRIx64 " to 0x%" PRIx64 ", %" PRIu64 " bytes past its end",
        mapping->tensor, mapping->nbytes, mapping->va, first, end, end - first - room);
}
