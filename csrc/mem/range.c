#include "mem/range.h"

#include <inttypes.h>
#include <string.h>

#include "base/checked.h"

kb_status kb_range_init(kb_range *range, kb_alloc *alloc, uint64_t first, uint64_t nbytes,
                        kb_error *err) {
    *range = (kb_range){.alloc = alloc, .first = first, .nbytes = nbytes};
    if (nbytes > UINT64_MAX - first)
        return kb_error_set(err, KB_INVALID,
                            "range: expected an end below 2^64, got %" PRIu64
                            " bytes at 0x%" PRIx64,
                            nbytes, first);
    if (nbytes == 0) return KB_OK;
    kb_range_hole *hole = KB_VEC_PUSH(&range->holes, alloc);
    if (!hole) return kb_error_nomem(err, "range allocator");
    *hole = (kb_range_hole){first, nbytes};
    range->free_nbytes = nbytes;
    return KB_OK;
}

void kb_range_deinit(kb_range *range) {
    KB_VEC_FREE(&range->holes, range->alloc);
}

uint64_t kb_range_largest_hole(const kb_range *range) {
    uint64_t largest = 0;
    for (size_t i = 0; i < range->holes.count; i++)
        if (range->holes.items[i].nbytes > largest) largest = range->holes.items[i].nbytes;
    return largest;
}

static void insert_hole(kb_range *range, size_t index, kb_range_hole hole) {
    kb_range_hole *at = &range->holes.items[index];
    memmove(at + 1, at, (range->holes.count - index) * sizeof *at);
    *at = hole;
    range->holes.count++;
}

static void remove_hole(kb_range *range, size_t index) {
    kb_range_hole *at = &range->holes.items[index];
    range->holes.count--;
    memmove(at, at + 1, (range->holes.count - index) * sizeof *at);
}

/* Bytes to skip from `at` to the next multiple of the alignment. */
static uint64_t padding(uint64_t at, uint64_t alignment) {
    return (0 - at) & (alignment - 1);
}

static void carve(kb_range *range, size_t index, uint64_t before, uint64_t nbytes) {
    kb_range_hole *hole = &range->holes.items[index];
    kb_range_hole after = {hole->at + before + nbytes, hole->nbytes - before - nbytes};
    hole->nbytes = before;
    if (after.nbytes && before) insert_hole(range, index + 1, after);
    else if (after.nbytes) *hole = after;
    else if (!before) remove_hole(range, index);
}

static kb_status prepare(kb_range *range, uint64_t nbytes, uint64_t alignment, kb_error *err) {
    if (nbytes == 0) return kb_error_set(err, KB_INVALID, "range: expected 1 byte or more, got 0");
    if (alignment == 0 || (alignment & (alignment - 1)))
        return kb_error_set(err, KB_INVALID,
                            "range: expected an alignment that is a power of two, got %" PRIu64,
                            alignment);
    /* n taken parts leave at most n + 1 holes. */
    size_t max_holes = range->n_taken + 2;
    if (max_holes > range->holes.capacity &&
        !KB_VEC_RESERVE(&range->holes, range->alloc, max_holes - range->holes.count))
        return kb_error_nomem(err, "range allocator");
    return KB_OK;
}

static kb_status take(kb_range *range, size_t index, uint64_t before, uint64_t nbytes,
                      uint64_t *at) {
    *at = range->holes.items[index].at + before;
    carve(range, index, before, nbytes);
    range->free_nbytes -= nbytes;
    range->n_taken++;
    return KB_OK;
}

static kb_status no_room(const kb_range *range, uint64_t nbytes, uint64_t alignment,
                         kb_error *err) {
    return kb_error_set(
        err, KB_DEVICE_MEMORY,
        "expected room for %" PRIu64 " bytes at a multiple of %" PRIu64 ", got %" PRIu64
        " of %" PRIu64 " bytes free, the largest hole %" PRIu64 " bytes",
        nbytes, alignment, range->free_nbytes, range->nbytes, kb_range_largest_hole(range));
}

kb_status kb_range_take(kb_range *range, uint64_t nbytes, uint64_t alignment, uint64_t *at,
                        kb_error *err) {
    KB_TRY(prepare(range, nbytes, alignment, err));
    for (size_t i = 0; i < range->holes.count; i++) {
        kb_range_hole hole = range->holes.items[i];
        uint64_t before = padding(hole.at, alignment);
        if (before <= hole.nbytes && hole.nbytes - before >= nbytes)
            return take(range, i, before, nbytes, at);
    }
    return no_room(range, nbytes, alignment, err);
}

kb_status kb_range_take_last(kb_range *range, uint64_t nbytes, uint64_t alignment, uint64_t *at,
                             kb_error *err) {
    KB_TRY(prepare(range, nbytes, alignment, err));
    for (size_t i = range->holes.count; i-- > 0;) {
        kb_range_hole hole = range->holes.items[i];
        if (hole.nbytes < nbytes) continue;
        uint64_t last = (hole.at + (hole.nbytes - nbytes)) & ~(alignment - 1);
        if (last >= hole.at) return take(range, i, last - hole.at, nbytes, at);
    }
    return no_room(range, nbytes, alignment, err);
}

/* Index of the first hole that starts after `at`. */
static size_t hole_after(const kb_range *range, uint64_t at) {
    size_t low = 0, high = range->holes.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (range->holes.items[middle].at > at) high = middle;
        else low = middle + 1;
    }
    return low;
}

kb_status kb_range_give(kb_range *range, uint64_t at, uint64_t nbytes, kb_error *err) {
    size_t index = hole_after(range, at);
    kb_range_hole *next = index < range->holes.count ? &range->holes.items[index] : NULL;
    kb_range_hole *previous = index > 0 ? &range->holes.items[index - 1] : NULL;
    bool inside = nbytes > 0 && at >= range->first && nbytes <= range->nbytes &&
                  at - range->first <= range->nbytes - nbytes;
    if (!inside || range->n_taken == 0 || (next && next->at - at < nbytes) ||
        (previous && at - previous->at < previous->nbytes))
        return kb_error_set(err, KB_INVALID,
                            "range: expected a part that was taken, got %" PRIu64
                            " bytes at 0x%" PRIx64 ", which are free or outside",
                            nbytes, at);
    bool joins_previous = previous && previous->at + previous->nbytes == at;
    bool joins_next = next && at + nbytes == next->at;
    if (joins_previous) {
        previous->nbytes += nbytes;
        if (joins_next) {
            previous->nbytes += next->nbytes;
            remove_hole(range, index);
        }
    } else if (joins_next) {
        next->at = at;
        next->nbytes += nbytes;
    } else {
        insert_hole(range, index, (kb_range_hole){at, nbytes});
    }
    range->free_nbytes += nbytes;
    range->n_taken--;
    return KB_OK;
}
