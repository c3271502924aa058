/* Inside of kernel/block*.c and mask*.c: separable forms, and what does not fit them.
 *
 * A function that may find its result not separable sets *fits to false and leaves *dst alone; the
 * caller then computes element by element (kb_block_elementwise), which always works: one dimension
 * gives a vector or bits, none a single value, more a dense block.
 */
#ifndef KB_KERNEL_SEPARABLE_H
#define KB_KERNEL_SEPARABLE_H

#include <stddef.h>
#include <string.h>

#include "kernel/block.h"

__extension__ typedef __int128 kb_wide;

/* Least and greatest value that a form can have; exact but for dense sums of several vectors. */
typedef struct kb_range {
    kb_wide lo, hi;
} kb_range;

static inline bool kb_wide_fits(kb_wide value) {
    return value >= INT64_MIN && value <= INT64_MAX;
}

static inline kb_wide kb_wide_floor_div(kb_wide a, kb_wide b) {
    if (a >= -INT64_MAX && a <= INT64_MAX &&
        kb_wide_fits(b)) { /* division in 64 bits is far faster */
        int64_t narrow = (int64_t)a / (int64_t)b;
        return narrow - ((int64_t)a % (int64_t)b != 0 && (a < 0) != (b < 0));
    }
    kb_wide quotient = a / b;
    return quotient - (a % b != 0 && (a < 0) != (b < 0));
}

static inline int64_t kb_dims_count(uint8_t rank, const uint32_t *dims) {
    int64_t count = 1;
    for (int d = 0; d < rank; d++) count *= dims[d];
    return count;
}

/* Row-major, last dimension fastest; false after the last. */
static inline bool kb_index_next(uint8_t rank, const uint32_t *dims, uint32_t *index) {
    for (int d = rank; d-- > 0;) {
        if (++index[d] < dims[d]) return true;
        index[d] = 0;
    }
    return false;
}

/* The `count` values along dimension d from `index` on, the others as `index` says (at most up to the end of
 * that dimension, or any number where it is 1: dims of 1 broadcast); d < 0: the one at `index`. */
void kb_block_row(const kb_blockval *a, const uint32_t *index, int d, uint32_t count,
                  int64_t *values);

/* Elements that loops over rows take at a time. */
enum { KB_ROW_CHUNK = 128 };

kb_range kb_block_range(const kb_block *a);

/* Dimensions along which a value varies, one bit each. */
uint32_t kb_block_active(const kb_block *a);
uint32_t kb_mask_active(const kb_mask *a);
uint32_t kb_blockval_active(const kb_blockval *a);

/* The same values seen with the dims of `type`.  *fits is false for a dense one whose dims differ. */
kb_block kb_block_widen(const kb_block *a, const kb_kir_type *type, bool *fits);
kb_mask kb_mask_widen(const kb_mask *a, const kb_kir_type *type, bool *fits);

/* *dst = *a, without the planes that it does not have. */
static inline void kb_mask_copy(kb_mask *dst, const kb_mask *a) {
    memcpy(dst, a, offsetof(kb_mask, planes) + a->n_planes * sizeof *a->planes);
}

/* One value everywhere; all true or all false. */
kb_block kb_block_constant(const kb_kir_type *type, int64_t value);
kb_mask kb_mask_constant(uint8_t rank, const uint32_t *dims, bool value);
bool kb_mask_is_constant(const kb_mask *a, bool *value);

/* ca * a + cb * b + k of blocks with the dims of `type`, where it stays within `type`'s dtype. */
kb_status kb_block_linear(kb_arena *arena, const kb_kir_type *type, int64_t ca, const kb_block *a,
                          int64_t cb, const kb_block *b, kb_wide k, kb_block *dst, bool *fits,
                          int64_t *work, kb_error *err) KB_MUST_CHECK;

/* Along dimension `d` only: an arithmetic progression becomes affine; bits without a gap an interval.
 * The vector must live in an arena. */
kb_block kb_block_from_vector(const kb_kir_type *type, int d, const int64_t *values);
kb_mask kb_mask_from_bits(const kb_kir_type *type, int d, const uint8_t *bits);

/* Decides planes by the box, turns those of one dimension into intervals; the empty mask has one form. */
void kb_mask_normalise(kb_mask *mask);

/* Where `difference` < 0, <= 0, == 0 ... (op is a comparison). */
kb_status kb_mask_compare(kb_arena *arena, kb_mathop op, const kb_kir_type *type,
                          const kb_block *difference, kb_mask *dst, bool *fits, int64_t *work,
                          kb_error *err) KB_MUST_CHECK;

/* and, or, not ... of masks with the dims of `type`; b is NULL for one operand. */
kb_status kb_mask_logic(kb_arena *arena, kb_mathop op, const kb_mask *a, const kb_mask *b,
                        kb_mask *dst, bool *fits, int64_t *work, kb_error *err) KB_MUST_CHECK;

/* op of each element. */
kb_status kb_block_elementwise(kb_arena *arena, kb_mathop op, const kb_kir_type *type,
                               const kb_blockval *const operands[3], kb_blockval *dst,
                               int64_t *work, kb_error *err) KB_MUST_CHECK;

#endif
