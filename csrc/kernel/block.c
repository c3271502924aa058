#include "kernel/block.h"

#include <string.h>

#include "base/checked.h"
#include "kernel/scalar.h"
#include "kernel/separable.h"

/* --- making -------------------------------------------------------------------------------------- */

kb_block kb_block_arange(kb_dtype dtype, int64_t start, uint32_t count) {
    kb_block block = {
        .rank = 1, .dtype = (uint8_t)dtype, .dims = {count, 1, 1, 1, 1}, .base = start};
    block.stride[0] = count > 1;
    return block;
}

kb_block kb_block_constant(const kb_kir_type *type, int64_t value) {
    kb_block block = {
        .rank = type->rank, .dtype = type->pointer ? KB_INT64 : type->dtype, .base = value};
    memcpy(block.dims, type->dims, sizeof block.dims);
    return block;
}

kb_blockval kb_block_splat(const kb_kir_type *type, int64_t value) {
    kb_blockval result;
    result.is_mask = !type->pointer && type->dtype == KB_BOOL;
    if (result.is_mask) result.mask = kb_mask_constant(type->rank, type->dims, value != 0);
    else result.block = kb_block_constant(type, value);
    return result;
}

/* --- ranges and forms ---------------------------------------------------------------------------- */

static kb_range range_of(const int64_t *values, int64_t count) {
    kb_range range = {values[0], values[0]};
    for (int64_t i = 1; i < count; i++) {
        if (values[i] < range.lo) range.lo = values[i];
        if (values[i] > range.hi) range.hi = values[i];
    }
    return range;
}

kb_range kb_block_range(const kb_block *a) {
    if (a->dense) return range_of(a->dense, kb_dims_count(a->rank, a->dims));
    kb_range sum = {a->base, a->base};
    for (int d = 0; d < a->rank; d++) {
        kb_range part = {0, 0};
        if (a->vector[d]) part = range_of(a->vector[d], a->dims[d]);
        else if (a->stride[d] > 0) part.hi = (kb_wide)a->stride[d] * (a->dims[d] - 1);
        else part.lo = (kb_wide)a->stride[d] * (a->dims[d] - 1);
        sum.lo += part.lo;
        sum.hi += part.hi;
    }
    return sum;
}

uint32_t kb_block_active(const kb_block *a) {
    uint32_t active = 0;
    for (int d = 0; d < a->rank; d++)
        if (a->dims[d] > 1 && (a->dense || a->vector[d] || a->stride[d] != 0))
            active |= UINT32_C(1) << d;
    return active;
}

uint32_t kb_blockval_active(const kb_blockval *a) {
    return a->is_mask ? kb_mask_active(&a->mask) : kb_block_active(&a->block);
}

kb_block kb_block_widen(const kb_block *a, const kb_kir_type *type, bool *fits) {
    kb_block wide = *a;
    memcpy(wide.dims, type->dims, sizeof wide.dims);
    if (a->dense) {
        *fits = *fits && memcmp(a->dims, type->dims, sizeof a->dims) == 0;
        return wide;
    }
    for (int d = 0; d < a->rank; d++) {
        if (a->dims[d] != 1) continue;
        if (a->vector[d]) wide.base = (int64_t)((uint64_t)wide.base + (uint64_t)a->vector[d][0]);
        wide.vector[d] = NULL;
        wide.stride[d] = 0;
    }
    return wide;
}

kb_block kb_block_from_vector(const kb_kir_type *type, int d, const int64_t *values) {
    uint32_t count = type->dims[d];
    kb_block block = kb_block_constant(type, 0);
    uint64_t step = count > 1 ? (uint64_t)values[1] - (uint64_t)values[0] : 0;
    bool affine = true;
    for (uint32_t i = 2; i < count && affine; i++)
        affine = (uint64_t)values[i] - (uint64_t)values[i - 1] == step;
    if (affine) {
        block.base = values[0];
        block.stride[d] = (int64_t)step;
        kb_range range = kb_block_range(&block); /* a progression that wraps is none */
        affine = range.lo >= INT64_MIN && range.hi <= INT64_MAX;
    }
    if (affine) return block;
    block = kb_block_constant(type, 0);
    block.vector[d] = values;
    return block;
}

/* --- linear combinations ------------------------------------------------------------------------- */

bool kb_block_shift(const kb_blockval *a, int64_t k, kb_blockval *dst) {
    const kb_block *block = &a->block;
    int64_t base, lo, hi, span;
    if (a->is_mask || block->dense || block->dtype == KB_UINT64) return false;
    bool over = kb_add_i64(block->base, k, &base);
    lo = hi = base;
    for (int d = 0; d < block->rank; d++) {
        if (block->vector[d]) return false;
        over |= kb_mul_i64(block->stride[d], (int64_t)block->dims[d] - 1, &span);
        over |= kb_add_i64(lo, span < 0 ? span : 0, &lo) | kb_add_i64(hi, span > 0 ? span : 0, &hi);
    }
    if (over || kb_scalar_wrap((kb_dtype)block->dtype, lo) != lo ||
        kb_scalar_wrap((kb_dtype)block->dtype, hi) != hi)
        return false;
    if (dst != a) {
        dst->is_mask = false;
        dst->block = *block;
    }
    dst->block.base = base;
    return true;
}

bool kb_block_spread(const kb_blockval *index, int64_t nbytes, int64_t pointer, kb_blockval *dst) {
    const kb_block *from = &index->block;
    if (index->is_mask || from->dense || from->dtype == KB_UINT64) return false;
    kb_block spread = {.rank = from->rank, .dtype = KB_INT64};
    int64_t base, lo, hi, span;
    bool over = kb_mul_i64(from->base, nbytes, &base);
    lo = hi = base;
    for (int d = 0; d < KB_MAX_RANK; d++) {
        spread.dims[d] = from->dims[d];
        if (d < from->rank && from->vector[d]) return false;
        if (d >= from->rank || from->dims[d] == 1) continue;
        over |= kb_mul_i64(from->stride[d], nbytes, &spread.stride[d]);
        over |= kb_mul_i64(spread.stride[d], (int64_t)from->dims[d] - 1, &span);
        over |= kb_add_i64(lo, span < 0 ? span : 0, &lo) | kb_add_i64(hi, span > 0 ? span : 0, &hi);
    }
    over |= kb_add_i64(base, pointer, &spread.base);
    over |= kb_add_i64(lo, pointer, &lo) | kb_add_i64(hi, pointer, &hi);
    if (over) return false;
    dst->is_mask = false;
    dst->block = spread;
    return true;
}

static kb_wide term(const kb_block *a, int d, uint32_t i) {
    if (!a) return 0;
    return a->vector[d] ? (kb_wide)a->vector[d][i] : (kb_wide)a->stride[d] * i;
}

kb_status kb_block_linear(kb_arena *arena, const kb_kir_type *type, int64_t ca, const kb_block *a,
                          int64_t cb, const kb_block *b, kb_wide k, kb_block *dst, bool *fits,
                          int64_t *work, kb_error *err) {
    *fits = !a->dense && (!b || !b->dense);
    if (!*fits) return KB_OK;
    kb_block sum = kb_block_constant(type, 0);
    kb_wide base = (kb_wide)ca * a->base + k + (b ? (kb_wide)cb * b->base : 0);
    *fits = kb_wide_fits(base);
    sum.base = (int64_t)base;
    for (int d = 0; d < type->rank && *fits; d++) {
        if (!a->vector[d] && (!b || !b->vector[d])) {
            kb_wide stride = (kb_wide)ca * a->stride[d] + (b ? (kb_wide)cb * b->stride[d] : 0);
            *fits = kb_wide_fits(stride);
            sum.stride[d] = (int64_t)stride;
            continue;
        }
        int64_t *vector = kb_arena_take(arena, type->dims[d], sizeof *vector);
        if (!vector) return kb_error_nomem(err, "an index block");
        *work += type->dims[d];
        for (uint32_t i = 0; i < type->dims[d]; i++) {
            kb_wide value = (kb_wide)ca * term(a, d, i) + (kb_wide)cb * term(b, d, i);
            *fits = *fits && kb_wide_fits(value);
            vector[i] = (int64_t)value;
        }
        sum.vector[d] = vector;
    }
    if (!*fits) return KB_OK;
    kb_range range = kb_block_range(&sum);
    *fits = range.lo >= kb_scalar_least((kb_dtype)sum.dtype) &&
            range.hi <= kb_scalar_greatest((kb_dtype)sum.dtype);
    if (*fits) *dst = sum;
    return KB_OK;
}
