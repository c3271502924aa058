/* A range allocator: hands out parts of [first, first + nbytes), first fit, lowest address first.
 *
 *     first                                             end
 *     |  taken  |   hole   |taken|      hole             |     holes are kept sorted and coalesced
 *
 * kb_range_take_last hands out from the end, for what stays: what comes and goes then lies where it would
 * without it.
 *
 * Numbers only, no memory behind them: it serves virtual ranges and the offsets within each HBM
 * slice.  Room for the hole that a give may make is reserved by the take, so giving never fails
 * for want of host memory.
 */
#ifndef KB_MEM_RANGE_H
#define KB_MEM_RANGE_H

#include "base/alloc.h"
#include "base/error.h"
#include "base/vec.h"

typedef struct kb_range_hole {
    uint64_t at;
    uint64_t nbytes;
} kb_range_hole;

typedef struct kb_range {
    kb_alloc *alloc; /* borrowed */
    uint64_t first;
    uint64_t nbytes;
    uint64_t free_nbytes;
    size_t n_taken;
    KB_VEC(kb_range_hole) holes; /* sorted; no two touch */
} kb_range;

/* `alloc` is borrowed and must outlive the range.  nbytes may be 0: then nothing can be taken.
 * Fails when first + nbytes overflows (KB_INVALID) or without host memory. */
KB_MUST_CHECK kb_status kb_range_init(kb_range *range, kb_alloc *alloc, uint64_t first,
                                      uint64_t nbytes, kb_error *err);

/* Valid after a failed init, too. */
void kb_range_deinit(kb_range *range);

/* Takes nbytes > 0 at a multiple of `alignment` (a power of two).  KB_DEVICE_MEMORY says what was
 * wanted, how much is free, and how large the largest hole is. */
KB_MUST_CHECK kb_status kb_range_take(kb_range *range, uint64_t nbytes, uint64_t alignment,
                                      uint64_t *at, kb_error *err);

/* The same, of the last hole that has room, at its end. */
KB_MUST_CHECK kb_status kb_range_take_last(kb_range *range, uint64_t nbytes, uint64_t alignment,
                                           uint64_t *at, kb_error *err);

/* Returns exactly what one take gave.  Fails (KB_INVALID) and changes nothing when that overlaps a
 * hole or lies outside, so when it was given twice. */
KB_MUST_CHECK kb_status kb_range_give(kb_range *range, uint64_t at, uint64_t nbytes, kb_error *err);

uint64_t kb_range_largest_hole(const kb_range *range);

#endif
