#include "mem/store.h"

#include <inttypes.h>
#include <string.h>

#include "base/checked.h"
#include "base/vec.h"

enum { WORD_BITS = 64 };

typedef struct entry {
    kb_va va; /* of the extent, kept here so that a search touches this array alone */
    kb_extent *extent;
} entry;

struct kb_store {
    kb_alloc *alloc;
    bool keep_data;
    KB_VEC(entry) entries; /* sorted by address */
    kb_extent *last_hit;
};

static size_t bitmap_words(const kb_extent *extent) {
    return (size_t)(extent->nbytes / WORD_BITS + (extent->nbytes % WORD_BITS != 0));
}

static void free_bitmap(kb_extent *extent) {
    kb_alloc_free(extent->alloc, extent->bitmap, bitmap_words(extent), sizeof *extent->bitmap);
    extent->bitmap = NULL;
}

static void free_block(kb_extent *extent) {
    kb_alloc_free(extent->alloc, extent->block, (size_t)extent->nbytes, 1);
    extent->block = NULL;
}

static void extent_release(kb_extent *extent) {
    extent->mapped = false;
    if (extent->pins) return;
    free_bitmap(extent);
    free_block(extent);
    kb_alloc_free(extent->alloc, extent, 1, sizeof *extent);
}

kb_status kb_store_create(kb_alloc *alloc, bool keep_data, kb_store **store, kb_error *err) {
    kb_store *made = kb_alloc_zeroed(alloc, 1, sizeof *made);
    if (!made) return kb_error_nomem(err, "memory store");
    made->alloc = alloc;
    made->keep_data = keep_data;
    *store = made;
    return KB_OK;
}

void kb_store_destroy(kb_store *store) {
    if (!store) return;
    for (size_t i = 0; i < store->entries.count; i++)
        extent_release(store->entries.items[i].extent);
    KB_VEC_FREE(&store->entries, store->alloc);
    kb_alloc_free(store->alloc, store, 1, sizeof *store);
}

/* Number of extents that start at or before va; the last of them may hold it. */
static size_t count_upto(const kb_store *store, kb_va va) {
    size_t low = 0, high = store->entries.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (store->entries.items[middle].va > va) high = middle;
        else low = middle + 1;
    }
    return low;
}

static bool holds(const kb_extent *extent, kb_va va) {
    return va - extent->va < extent->nbytes;
}

static kb_status check_free(const kb_store *store, kb_va va, uint64_t nbytes, size_t index,
                            kb_error *err) {
    uint64_t offset = kb_va_offset(va);
    if (va >> (KB_VA_SIP_BITS + KB_VA_OFFSET_BITS) || kb_va_is_null(va) || nbytes == 0 ||
        nbytes > KB_VA_SIP_NBYTES - offset)
        return kb_error_set(err, KB_INVALID,
                            "memory store: expected 1 byte or more in the virtual space of one SIP "
                            "and above its first %d bytes, got %" PRIu64 " bytes at 0x%" PRIx64,
                            KB_VA_GUARD_NBYTES, nbytes, va);
    const kb_extent *before = index > 0 ? store->entries.items[index - 1].extent : NULL;
    const kb_extent *after =
        index < store->entries.count ? store->entries.items[index].extent : NULL;
    const kb_extent *other = before && holds(before, va)        ? before
                             : after && after->va - va < nbytes ? after
                                                                : NULL;
    if (!other) return KB_OK;
    return kb_error_set(err, KB_INVALID,
                        "memory store: expected unmapped addresses, got %" PRIu64
                        " bytes at 0x%" PRIx64 ", where %" PRIu64 " bytes are mapped at 0x%" PRIx64,
                        nbytes, va, other->nbytes, other->va);
}

kb_status kb_store_map(kb_store *store, kb_va va, uint64_t nbytes, unsigned flags,
                       kb_extent **extent, kb_error *err) {
    size_t index = count_upto(store, va);
    KB_TRY(check_free(store, va, nbytes, index, err));
    if (!KB_VEC_RESERVE(&store->entries, store->alloc, 1))
        return kb_error_nomem(err, "memory store");
    kb_extent *made = kb_alloc_zeroed(store->alloc, 1, sizeof *made);
    if (!made) return kb_error_nomem(err, "memory store");
    *made = (kb_extent){.va = va, .nbytes = nbytes, .mapped = true, .alloc = store->alloc};
    bool has_data = store->keep_data || (flags & KB_MAP_KEEP);
    if (has_data) {
        made->block = kb_alloc_zeroed(store->alloc, (size_t)nbytes, 1);
        if (!made->block) {
            kb_alloc_free(store->alloc, made, 1, sizeof *made);
            return kb_error_set(err, KB_NOMEM,
                                "memory store: the host has no memory left for %" PRIu64
                                " bytes of data; run without data, or on a host with more",
                                nbytes);
        }
        made->bytes = made->block;
    }
    made->written = has_data && !(flags & KB_MAP_ZEROED) ? KB_WRITTEN_NOTHING : KB_WRITTEN_ALL;
    entry *slot = &store->entries.items[index];
    memmove(slot + 1, slot, (store->entries.count - index) * sizeof *slot);
    *slot = (entry){va, made};
    store->entries.count++;
    *extent = made;
    return KB_OK;
}

kb_status kb_store_unmap(kb_store *store, kb_va va, kb_error *err) {
    size_t index = count_upto(store, va);
    if (index == 0 || store->entries.items[index - 1].va != va)
        return kb_error_set(err, KB_PAGE_FAULT,
                            "memory store: expected the start of a mapping, got 0x%" PRIx64, va);
    entry *slot = &store->entries.items[index - 1];
    if (store->last_hit == slot->extent) store->last_hit = NULL;
    extent_release(slot->extent);
    memmove(slot, slot + 1, (store->entries.count - index) * sizeof *slot);
    store->entries.count--;
    return KB_OK;
}

kb_extent *kb_store_find(kb_store *store, kb_va va) {
    if (store->last_hit && holds(store->last_hit, va)) return store->last_hit;
    size_t index = count_upto(store, va);
    if (index == 0) return NULL;
    kb_extent *extent = store->entries.items[index - 1].extent;
    if (!holds(extent, va)) return NULL;
    store->last_hit = extent;
    return extent;
}

kb_status kb_store_access(kb_store *store, kb_va va, uint64_t nbytes, kb_extent **extent,
                          kb_error *err) {
    kb_extent *found = kb_store_find(store, va);
    if (!found)
        return kb_error_set(err, KB_PAGE_FAULT,
                            "expected mapped memory, got %" PRIu64 " bytes at 0x%" PRIx64
                            ", where nothing is mapped",
                            nbytes, va);
    if (nbytes > found->nbytes - (va - found->va))
        return kb_error_set(err, KB_PAGE_FAULT,
                            "expected mapped memory, got %" PRIu64 " bytes at 0x%" PRIx64
                            ", past the end of the %" PRIu64 " bytes mapped at 0x%" PRIx64,
                            nbytes, va, found->nbytes, found->va);
    *extent = found;
    return KB_OK;
}

/* Bits [begin, end) of word `index` of a bitmap, as a mask of that word. */
static uint64_t word_mask(uint64_t index, uint64_t begin, uint64_t end) {
    uint64_t first = index * WORD_BITS;
    uint64_t mask = UINT64_MAX;
    if (begin > first) mask &= UINT64_MAX << (begin - first);
    if (end - first < WORD_BITS) mask &= (UINT64_C(1) << (end - first)) - 1;
    return mask;
}

static void set_all(kb_extent *extent) {
    free_bitmap(extent);
    extent->written = KB_WRITTEN_ALL;
}

/* Sets bits [begin, end) of an extent that has a bitmap. */
static void set_bits(kb_extent *extent, uint64_t begin, uint64_t end) {
    for (uint64_t i = begin / WORD_BITS; i * WORD_BITS < end; i++) {
        uint64_t fresh = word_mask(i, begin, end) & ~extent->bitmap[i];
        extent->bitmap[i] |= fresh;
        extent->n_written += (uint64_t)__builtin_popcountll(fresh);
    }
    if (extent->n_written == extent->nbytes) set_all(extent);
}

kb_status kb_store_mark_rows(kb_store *store, kb_va va, uint64_t row_nbytes, uint64_t n_rows,
                             int64_t stride, kb_error *err) {
    if (n_rows == 0 || row_nbytes == 0) return KB_OK;
    kb_extent *extent, *last_extent;
    int64_t distance;
    KB_TRY(kb_store_access(store, va, row_nbytes, &extent, err));
    if (n_rows > INT64_MAX || kb_mul_i64((int64_t)n_rows - 1, stride, &distance))
        return kb_error_set(err, KB_PAGE_FAULT,
                            "expected rows of one mapping, got %" PRIu64 " rows %" PRId64
                            " bytes apart",
                            n_rows, stride);
    KB_TRY(kb_store_access(store, va + (uint64_t)distance, row_nbytes, &last_extent, err));
    if (extent != last_extent)
        return kb_error_set(err, KB_PAGE_FAULT,
                            "expected rows of one mapping, got rows from 0x%" PRIx64
                            " on that end in another, at 0x%" PRIx64,
                            va, va + (uint64_t)distance);
    if (extent->written == KB_WRITTEN_ALL) return KB_OK;
    if (row_nbytes == extent->nbytes) {
        set_all(extent);
        return KB_OK;
    }
    if (!extent->bitmap) {
        extent->bitmap =
            kb_alloc_zeroed(extent->alloc, bitmap_words(extent), sizeof *extent->bitmap);
        if (!extent->bitmap) return kb_error_nomem(err, "which bytes of a tensor are written");
        extent->written = KB_WRITTEN_SOME;
        extent->n_written = 0;
    }
    uint64_t offset = va - extent->va;
    for (uint64_t row = 0; row < n_rows && extent->bitmap; row++, offset += (uint64_t)stride)
        set_bits(extent, offset, offset + row_nbytes);
    return KB_OK;
}

kb_status kb_store_mark(kb_store *store, kb_va va, uint64_t nbytes, kb_error *err) {
    return kb_store_mark_rows(store, va, nbytes, 1, 0, err);
}

kb_status kb_store_first_unwritten(kb_store *store, kb_va va, uint64_t nbytes, kb_va *unwritten,
                                   kb_error *err) {
    kb_extent *extent;
    *unwritten = va + nbytes;
    if (nbytes == 0) return KB_OK;
    KB_TRY(kb_store_access(store, va, nbytes, &extent, err));
    if (extent->written == KB_WRITTEN_NOTHING) *unwritten = va;
    if (extent->written != KB_WRITTEN_SOME) return KB_OK;
    uint64_t begin = va - extent->va, end = begin + nbytes;
    for (uint64_t i = begin / WORD_BITS; i * WORD_BITS < end; i++) {
        uint64_t missing = word_mask(i, begin, end) & ~extent->bitmap[i];
        if (missing == 0) continue;
        *unwritten = extent->va + i * WORD_BITS + (uint64_t)__builtin_ctzll(missing);
        return KB_OK;
    }
    return KB_OK;
}

void kb_extent_drop_bytes(kb_extent *extent) {
    extent->bytes = NULL;
    set_all(extent);
    if (extent->pins == 0) free_block(extent);
}

uint64_t kb_store_nbytes(const kb_store *store) {
    uint64_t nbytes = 0;
    for (size_t i = 0; i < store->entries.count; i++) {
        const kb_extent *extent = store->entries.items[i].extent;
        if (extent->bytes) nbytes += extent->nbytes;
    }
    return nbytes;
}

void kb_extent_pin(kb_extent *extent) {
    extent->pins++;
}

void kb_extent_unpin(kb_extent *extent) {
    if (--extent->pins) return;
    if (!extent->mapped) extent_release(extent);
    else if (!extent->bytes) free_block(extent);
}
