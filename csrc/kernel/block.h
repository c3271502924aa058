/* Index blocks and masks: separable, so that a loop that advances pointers costs O(1) (ADR-0041).
 *
 *     value(i_0 .. i_r-1) = base + sum_d f_d(i_d)      f_d affine (stride_d * i_d) or a 1-D vector
 *
 * What fits neither is dense in full.  A mask is a conjunction: per dimension an interval [lo, hi) and at
 * most one bit vector, plus up to KB_MAX_PLANES inequalities sum_d c_d * i_d + c <= 0 that tie dimensions
 * together; or dense bits in full.  A pointer block is an index block whose values are virtual addresses
 * (in bytes).
 *
 * Blocks are values: small, copied by assignment; the vectors they point to are immutable, live in the
 * arena that the call is given (one per running program) and are never freed singly.
 * Arithmetic is in int64 and wraps to the block's dtype as Triton's does: a result whose interval leaves
 * the dtype's range becomes a wrapped dense vector, so nothing is ever silently unwrapped.
 */
#ifndef KB_KERNEL_BLOCK_H
#define KB_KERNEL_BLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "kernel/kir.h"

enum { KB_MAX_PLANES = 4 };

typedef struct kb_block {
    uint8_t rank;
    uint8_t dtype; /* kb_dtype of the values; KB_INT64 for addresses; KB_BOOL: see mask */
    uint32_t dims[KB_MAX_RANK]; /* unused ones 1 */
    int64_t base;
    int64_t stride[KB_MAX_RANK];        /* f_d(i) = stride[d] * i where vector[d] is NULL */
    const int64_t *vector[KB_MAX_RANK]; /* f_d(i) = vector[d][i] */
    const int64_t *dense;               /* all values, row-major, base included; else NULL */
} kb_block;

typedef struct kb_plane {
    int64_t coefficient[KB_MAX_RANK];
    int64_t constant; /* true where sum coefficient[d] * i_d + constant <= 0 */
} kb_plane;

typedef struct kb_mask {
    uint8_t rank;
    uint32_t dims[KB_MAX_RANK];
    uint32_t lo[KB_MAX_RANK], hi[KB_MAX_RANK]; /* lo >= hi in some dimension: all false */
    const uint8_t *bits[KB_MAX_RANK];          /* one byte per index; NULL: all true */
    const uint8_t *dense;                      /* one byte per element, row-major; else NULL */
    uint8_t n_planes;
    kb_plane planes[KB_MAX_PLANES]; /* those beyond n_planes are of no account */
} kb_mask;

/* What a BLOCK register or operand holds: a mask where is_mask, else a block. */
typedef struct kb_blockval {
    bool is_mask;
    union {
        kb_block block;
        kb_mask mask;
    };
} kb_blockval;

/* start, start + 1, ... */
kb_block kb_block_arange(kb_dtype dtype, int64_t start, uint32_t count);

/* One value (or truth) everywhere, with the dims of `type`. */
kb_blockval kb_block_splat(const kb_kir_type *type, int64_t value);

/* dst = op(a, b, c) in the dims of `type`; operands have its rank, dims of 1 broadcast; unused ones NULL.
 * The elements of dense vectors that were computed are added to *work (none: affine throughout), here and
 * below: the VM's cost. */
kb_status kb_block_math(kb_arena *arena, kb_mathop op, const kb_kir_type *type,
                        const kb_blockval *a, const kb_blockval *b, const kb_blockval *c,
                        kb_blockval *dst, int64_t *work, kb_error *err) KB_MUST_CHECK;

/* dst = a + k, the commonest operation of all (a loop advances its pointers), where `a` is affine and stays
 * so; false: nothing is done, kb_block_math will do it.  dst may be a. */
bool kb_block_shift(const kb_blockval *a, int64_t k, kb_blockval *dst);

/* The addresses pointer + nbytes * index, where `index` is affine; false: nothing is done, kb_block_ptradd will
 * do it. */
bool kb_block_spread(const kb_blockval *index, int64_t nbytes, int64_t pointer, kb_blockval *dst);

/* Addresses: pointers + index * element size. */
kb_status kb_block_ptradd(kb_arena *arena, const kb_kir_type *type, const kb_blockval *pointers,
                          const kb_blockval *index, kb_blockval *dst, int64_t *work,
                          kb_error *err) KB_MUST_CHECK;

kb_status kb_block_reshape(kb_arena *arena, const kb_kir_type *type, const kb_blockval *a,
                           kb_blockval *dst, int64_t *work, kb_error *err) KB_MUST_CHECK;
kb_status kb_block_broadcast(kb_arena *arena, const kb_kir_type *type, const kb_blockval *a,
                             kb_blockval *dst, int64_t *work, kb_error *err) KB_MUST_CHECK;
kb_status kb_block_trans(kb_arena *arena, const kb_kir_type *type, uint64_t permutation,
                         const kb_blockval *a, kb_blockval *dst, int64_t *work,
                         kb_error *err) KB_MUST_CHECK;

/* The value, or truth, at one index (0 where the block has a dim of 1). */
int64_t kb_block_at(const kb_blockval *a, const uint32_t *index);

/* All values row-major, for MATH's lanes and tests: dims product int64 values. */
void kb_block_expand(const kb_blockval *a, int64_t *values);

/* The block, or mask, whose values lie in memory, row-major, as `type` says; rank >= 1. */
kb_status kb_block_from_memory(kb_arena *arena, const kb_kir_type *type, const void *memory,
                               kb_blockval *dst, kb_error *err) KB_MUST_CHECK;

/* A copy whose vectors lie in `arena`. */
kb_status kb_block_copy(kb_arena *arena, const kb_blockval *a, kb_blockval *dst,
                        kb_error *err) KB_MUST_CHECK;

#endif
