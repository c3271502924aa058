/* Masks out of comparisons, and of other masks. */
#include "kernel/scalar.h"
#include "kernel/separable.h"

/* --- comparisons --------------------------------------------------------------------------------- */

/* Adds `sign * difference + offset <= 0`; false when a coefficient does not fit. */
static bool add_plane(kb_mask *mask, const kb_block *difference, int sign, int offset) {
    kb_plane plane = {{0}, 0};
    kb_wide constant = (kb_wide)difference->base * sign + offset;
    if (!kb_wide_fits(constant) || mask->n_planes == KB_MAX_PLANES) return false;
    plane.constant = (int64_t)constant;
    for (int d = 0; d < difference->rank; d++) {
        kb_wide coefficient = (kb_wide)difference->stride[d] * sign;
        if (!kb_wide_fits(coefficient)) return false;
        plane.coefficient[d] = (int64_t)coefficient;
    }
    mask->planes[mask->n_planes++] = plane;
    return true;
}

static bool decide(kb_mathop op, const kb_range *range, bool *value) {
    bool below = range->hi < 0, above = range->lo > 0, zero = range->lo == 0 && range->hi == 0;
    bool not_above = range->hi <= 0, not_below = range->lo >= 0;
    switch (op) {
    case KB_MATHOP_LT: *value = below; return below || not_below;
    case KB_MATHOP_LE: *value = not_above; return not_above || above;
    case KB_MATHOP_GT: *value = above; return above || not_above;
    case KB_MATHOP_GE: *value = not_below; return not_below || below;
    case KB_MATHOP_EQ: *value = zero; return zero || below || above;
    default: *value = !zero; return zero || below || above;
    }
}

kb_status kb_mask_compare(kb_arena *arena, kb_mathop op, const kb_kir_type *type,
                          const kb_block *difference, kb_mask *dst, bool *fits, int64_t *work,
                          kb_error *err) {
    kb_range range = kb_block_range(difference);
    uint32_t active = kb_block_active(difference);
    bool value, affine = true;
    if (decide(op, &range, &value)) {
        *dst = kb_mask_constant(type->rank, type->dims, value);
        return KB_OK;
    }
    for (int d = 0; d < type->rank; d++) affine = affine && !difference->vector[d];
    kb_mask mask = kb_mask_constant(type->rank, type->dims, true);
    if (affine && op != KB_MATHOP_NE) {
        *fits = op == KB_MATHOP_LT   ? add_plane(&mask, difference, 1, 1)
                : op == KB_MATHOP_LE ? add_plane(&mask, difference, 1, 0)
                : op == KB_MATHOP_GT ? add_plane(&mask, difference, -1, 1)
                : op == KB_MATHOP_GE
                    ? add_plane(&mask, difference, -1, 0)
                    : add_plane(&mask, difference, 1, 0) && add_plane(&mask, difference, -1, 0);
        if (*fits) kb_mask_normalise(&mask);
        kb_mask_copy(dst, &mask);
        return KB_OK;
    }
    *fits = (active & (active - 1)) == 0;
    if (!*fits) return KB_OK;
    int d = __builtin_ctz(active);
    uint8_t *bits = kb_arena_take(arena, type->dims[d], 1);
    if (!bits) return kb_error_nomem(err, "a mask");
    kb_blockval values = {.is_mask = false, .block = *difference};
    uint32_t index[KB_MAX_RANK] = {0};
    const int64_t zeros[KB_ROW_CHUNK] = {0};
    int64_t row[KB_ROW_CHUNK];
    for (uint32_t n; index[d] < type->dims[d]; index[d] += n) {
        n = type->dims[d] - index[d] < KB_ROW_CHUNK ? type->dims[d] - index[d] : KB_ROW_CHUNK;
        kb_block_row(&values, index, d, n, row);
        KB_TRY(kb_scalar_row(op, KB_INT64, KB_BOOL, row, zeros, zeros, n, row, err));
        for (uint32_t i = 0; i < n; i++) bits[index[d] + i] = row[i] != 0;
    }
    *work += type->dims[d];
    *dst = kb_mask_from_bits(type, d, bits);
    return KB_OK;
}

/* --- logic --------------------------------------------------------------------------------------- */

static kb_status intersect(kb_arena *arena, const kb_mask *a, const kb_mask *b, kb_mask *dst,
                           bool *fits, int64_t *work, kb_error *err) {
    kb_mask both = *a;
    *fits = !a->dense && !b->dense && a->n_planes + b->n_planes <= KB_MAX_PLANES;
    if (!*fits) return KB_OK;
    for (int p = 0; p < b->n_planes; p++) both.planes[both.n_planes++] = b->planes[p];
    for (int d = 0; d < a->rank; d++) {
        if (b->lo[d] > both.lo[d]) both.lo[d] = b->lo[d];
        if (b->hi[d] < both.hi[d]) both.hi[d] = b->hi[d];
        if (!b->bits[d]) continue;
        both.bits[d] = b->bits[d];
        if (!a->bits[d]) continue;
        uint8_t *bits = kb_arena_take(arena, a->dims[d], 1);
        if (!bits) return kb_error_nomem(err, "a mask");
        for (uint32_t i = 0; i < a->dims[d]; i++) bits[i] = a->bits[d][i] & b->bits[d][i];
        both.bits[d] = bits;
        *work += a->dims[d];
    }
    kb_mask_normalise(&both);
    *dst = both;
    return KB_OK;
}

/* The complement of an interval at one end of one dimension, or of one plane. */
static void complement(const kb_mask *a, kb_mask *dst, bool *fits) {
    uint32_t active = kb_mask_active(a);
    kb_mask rest = *a;
    *fits = !a->dense;
    for (int d = 0; d < a->rank; d++) *fits = *fits && !a->bits[d];
    if (a->n_planes == 0 && (active & (active - 1)) == 0 && *fits) {
        int d = __builtin_ctz(active);
        *fits = a->lo[d] == 0 || a->hi[d] == a->dims[d];
        rest.lo[d] = a->lo[d] == 0 ? a->hi[d] : 0;
        rest.hi[d] = a->lo[d] == 0 ? a->dims[d] : a->lo[d];
    } else {
        for (int d = 0; d < a->rank; d++) *fits = *fits && a->lo[d] == 0 && a->hi[d] == a->dims[d];
        *fits = *fits && a->n_planes == 1;
        kb_plane *plane = &rest.planes[0];
        *fits = *fits && plane->constant > INT64_MIN + 1;
        if (*fits) plane->constant = 1 - plane->constant;
        for (int d = 0; d < a->rank && *fits; d++) {
            *fits = plane->coefficient[d] > INT64_MIN;
            if (*fits) plane->coefficient[d] = -plane->coefficient[d];
        }
    }
    if (*fits) *dst = rest;
}

kb_status kb_mask_logic(kb_arena *arena, kb_mathop op, const kb_mask *a, const kb_mask *b,
                        kb_mask *dst, bool *fits, int64_t *work, kb_error *err) {
    bool value;
    if (b && kb_mask_is_constant(a, &value)) {
        const kb_mask *swap = a;
        a = b;
        b = swap;
    }
    bool constant = kb_mask_is_constant(b ? b : a, &value);
    *fits = true;
    switch (op) {
    case KB_MATHOP_AND:
        if (constant) *dst = value ? *a : *b;
        else return intersect(arena, a, b, dst, fits, work, err);
        return KB_OK;
    case KB_MATHOP_OR:
        if (constant) *dst = value ? *b : *a;
        else *fits = false;
        return KB_OK;
    case KB_MATHOP_NOT:
        if (constant) *dst = kb_mask_constant(a->rank, a->dims, !value);
        else complement(a, dst, fits);
        return KB_OK;
    case KB_MATHOP_XOR:
    case KB_MATHOP_NE:
    case KB_MATHOP_EQ:
        *fits = constant;
        if (constant && value == (op == KB_MATHOP_EQ)) *dst = *a;
        else if (constant)
            return kb_mask_logic(arena, KB_MATHOP_NOT, a, NULL, dst, fits, work, err);
        return KB_OK;
    default: *fits = false; return KB_OK;
    }
}
