/* An access: what one load or store touches, clipped by its mask - the DMA descriptor.
 *
 *   BOX    a separable affine pointer block with a box-shaped mask: lanes lo[d] <= i_d < lo[d] + count[d],
 *          address va + sum_d stride_nbytes[d] * i_d (va is the address of lane 0, which may be masked off)
 *   RUNS   anything else: a list of runs, each `count` lanes from `lane` on (row-major lane number) at
 *          `count` adjacent elements from `va` on, in order of lanes
 *
 * Both timing (which memory, which chunks) and replay (which bytes) walk it as rows, so they cannot
 * disagree.
 */
#ifndef KB_KERNEL_ACCESS_H
#define KB_KERNEL_ACCESS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "kernel/block.h"

typedef struct kb_run {
    uint32_t lane, count;
    uint64_t va;
} kb_run;

typedef struct kb_access {
    uint8_t dtype;              /* of an element */
    uint8_t rank;               /* 0: one element */
    bool masked;                /* some lanes are off: `other` fills them (loads) */
    uint32_t dims[KB_MAX_RANK]; /* of the tile */
    uint64_t n_elements;        /* lanes that are on */
    /* BOX */
    uint64_t va;
    uint32_t lo[KB_MAX_RANK], count[KB_MAX_RANK];
    int64_t stride_nbytes[KB_MAX_RANK];
    /* RUNS when n_runs > 0 */
    uint32_t n_runs;
    const kb_run *runs;
    /* least address touched and one past the greatest; equal when nothing is */
    uint64_t first_va, end_va;
} kb_access;

/* The access of `pointers` (addresses of elements of `dtype`; rank 0: one pointer) under `mask` (NULL: all
 * lanes).  Runs go to the arena. */
kb_status kb_access_make(kb_arena *arena, kb_dtype dtype, const kb_blockval *pointers,
                         const kb_mask *mask, kb_access *access, int64_t *work,
                         kb_error *err) KB_MUST_CHECK;

/* Drops the elements that do not lie within [first_va, end_va), and says how many: the rest is RUNS, and
 * their lanes are as if masked off. */
kb_status kb_access_clip(kb_arena *arena, uint64_t first_va, uint64_t end_va, kb_access *access,
                         uint64_t *n_dropped, kb_error *err) KB_MUST_CHECK;

/* Walks the rows: stretches of adjacent elements of adjacent lanes, in order of lanes, as long as the
 * dimensions of a BOX allow.
 *     kb_access_walk walk = kb_access_begin(&access);
 *     kb_run row;
 *     while (kb_access_next(&walk, &row)) ...
 */
typedef struct kb_access_walk {
    const kb_access *access;
    uint32_t index[KB_MAX_RANK];
    uint32_t next_run;
    uint32_t row_lanes; /* lanes of one row of a BOX */
    uint8_t row_rank;   /* dimensions below this one make up a row */
    bool done;
} kb_access_walk;

kb_access_walk kb_access_begin(const kb_access *access);
bool kb_access_next(kb_access_walk *walk, kb_run *row);

/* As words, for the op log: kb_access_words says how many; decode borrows the words. */
uint32_t kb_access_words(const kb_access *access);
void kb_access_encode(const kb_access *access, int64_t *words);
kb_status kb_access_decode(const int64_t *words, uint32_t n_words, kb_access *access,
                           uint32_t *n_used, kb_error *err) KB_MUST_CHECK;

#endif
