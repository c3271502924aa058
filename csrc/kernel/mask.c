#include <string.h>

#include "kernel/separable.h"

/* --- forms --------------------------------------------------------------------------------------- */

kb_mask kb_mask_constant(uint8_t rank, const uint32_t *dims, bool value) {
    kb_mask mask;
    memset(&mask, 0, offsetof(kb_mask, planes));
    mask.rank = rank;
    memcpy(mask.dims, dims, sizeof mask.dims);
    if (value) memcpy(mask.hi, dims, sizeof mask.hi);
    if (value || rank > 0) return mask;
    mask.dense = (const uint8_t *)""; /* rank 0 has no interval to be empty */
    return mask;
}

bool kb_mask_is_constant(const kb_mask *a, bool *value) {
    if (a->dense) {
        *value = a->dense[0];
        return a->rank == 0;
    }
    bool full = a->n_planes == 0;
    *value = true;
    for (int d = 0; d < a->rank; d++) {
        if (a->lo[d] >= a->hi[d]) {
            *value = false;
            return true;
        }
        full = full && a->lo[d] == 0 && a->hi[d] == a->dims[d] && !a->bits[d];
    }
    return full;
}

uint32_t kb_mask_active(const kb_mask *a) {
    uint32_t active = 0;
    bool value;
    if (kb_mask_is_constant(a, &value)) return 0;
    for (int d = 0; d < a->rank; d++) {
        bool varies = a->dense || a->lo[d] > 0 || a->hi[d] < a->dims[d] || a->bits[d];
        for (int p = 0; p < a->n_planes; p++) varies = varies || a->planes[p].coefficient[d] != 0;
        if (varies && a->dims[d] > 1) active |= UINT32_C(1) << d;
    }
    return active;
}

kb_mask kb_mask_widen(const kb_mask *a, const kb_kir_type *type, bool *fits) {
    kb_mask wide;
    bool value;
    if (kb_mask_is_constant(a, &value)) {
        wide = kb_mask_constant(type->rank, type->dims, value);
        return wide;
    }
    kb_mask_copy(&wide, a);
    memcpy(wide.dims, type->dims, sizeof wide.dims);
    if (a->dense) {
        *fits = *fits && memcmp(a->dims, type->dims, sizeof a->dims) == 0;
        return wide;
    }
    for (int d = 0; d < a->rank; d++) {
        if (a->dims[d] != 1) continue;
        if (a->bits[d] && !a->bits[d][0]) {
            wide = kb_mask_constant(type->rank, type->dims, false);
            return wide;
        }
        wide.hi[d] = type->dims[d];
        wide.bits[d] = NULL;
        for (int p = 0; p < a->n_planes; p++) wide.planes[p].coefficient[d] = 0;
    }
    return wide;
}

kb_mask kb_mask_from_bits(const kb_kir_type *type, int d, const uint8_t *bits) {
    kb_mask mask = kb_mask_constant(type->rank, type->dims, true);
    uint32_t count = type->dims[d], lo = 0, hi = count;
    while (lo < count && !bits[lo]) lo++;
    while (hi > lo && !bits[hi - 1]) hi--;
    if (lo == hi) return kb_mask_constant(type->rank, type->dims, false);
    mask.lo[d] = lo;
    mask.hi[d] = hi;
    for (uint32_t i = lo; i < hi; i++)
        if (!bits[i]) mask.bits[d] = bits;
    return mask;
}

/* Cuts dimension d to where coefficient * i + constant <= 0. */
static void cut(kb_mask *mask, int d, kb_wide coefficient, kb_wide constant) {
    kb_wide lo = mask->lo[d], hi = mask->hi[d];
    if (coefficient > 0) {
        kb_wide last = kb_wide_floor_div(-constant, coefficient);
        if (last + 1 < hi) hi = last + 1;
    } else {
        kb_wide first = -kb_wide_floor_div(-constant, -coefficient);
        if (first > lo) lo = first;
    }
    if (hi < lo) hi = lo = 0;
    mask->lo[d] = (uint32_t)lo;
    mask->hi[d] = (uint32_t)hi;
}

/* Where a plane stands to the box: dimensions it varies along, and its greatest and least value. */
static uint32_t survey(const kb_mask *mask, const kb_plane *plane, kb_range *range,
                       kb_wide *fixed) {
    uint32_t active = 0;
    *range = (kb_range){plane->constant, plane->constant};
    *fixed = plane->constant;
    for (int d = 0; d < mask->rank; d++) {
        kb_wide first = (kb_wide)plane->coefficient[d] * mask->lo[d];
        kb_wide last = (kb_wide)plane->coefficient[d] * ((kb_wide)mask->hi[d] - 1);
        range->lo += first < last ? first : last;
        range->hi += first < last ? last : first;
        if (first != last) active |= UINT32_C(1) << d;
        else *fixed += first;
    }
    return active;
}

void kb_mask_normalise(kb_mask *mask) {
    bool changed = !mask->dense;
    while (changed) {
        changed = false;
        for (int d = 0; d < mask->rank; d++) {
            if (mask->lo[d] < mask->hi[d]) continue;
            *mask = kb_mask_constant(mask->rank, mask->dims, false);
            return;
        }
        for (int p = mask->n_planes; p-- > 0;) {
            kb_plane *plane = &mask->planes[p];
            kb_range range;
            kb_wide fixed;
            uint32_t active = survey(mask, plane, &range, &fixed);
            if (range.lo > 0) {
                *mask = kb_mask_constant(mask->rank, mask->dims, false);
                return;
            }
            bool single = (active & (active - 1)) == 0;
            if (range.hi > 0 && !single) continue;
            if (range.hi > 0) {
                int d = __builtin_ctz(active);
                cut(mask, d, plane->coefficient[d], fixed);
                changed = true;
            }
            *plane = mask->planes[--mask->n_planes];
        }
    }
}
