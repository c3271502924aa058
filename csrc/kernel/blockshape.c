#include <string.h>

#include "kernel/separable.h"

static const uint32_t *dims_of(const kb_blockval *a) {
    return a->is_mask ? a->mask.dims : a->block.dims;
}

static uint8_t rank_of(const kb_blockval *a) {
    return a->is_mask ? a->mask.rank : a->block.rank;
}

/* --- dense results ------------------------------------------------------------------------------- */

/* A dense block of `type`'s dims, to be filled in by the caller. */
static kb_status blank(kb_arena *arena, const kb_kir_type *type, bool is_mask, kb_blockval *dst,
                       int64_t **values, uint8_t **bits, kb_error *err) {
    size_t count = (size_t)kb_dims_count(type->rank, type->dims);
    *values = is_mask ? NULL : kb_arena_take(arena, count, sizeof **values);
    *bits = is_mask ? kb_arena_take(arena, count, sizeof **bits) : NULL;
    if (!*values && !*bits) return kb_error_nomem(err, "an index block");
    *dst = kb_block_splat(type, 0);
    if (is_mask) dst->mask.dense = *bits;
    else dst->block.dense = *values;
    return KB_OK;
}

/* dst[i] = a[place of i], where place[d] says which dimension of the result gives a's index d. */
static kb_status gather(kb_arena *arena, const kb_kir_type *type, const kb_blockval *a,
                        const uint8_t *place, kb_blockval *dst, int64_t *work, kb_error *err) {
    uint32_t index[KB_MAX_RANK] = {0}, from[KB_MAX_RANK] = {0};
    int64_t *values;
    uint8_t *bits;
    size_t i = 0;
    kb_blockval result;
    KB_TRY(blank(arena, type, a->is_mask, &result, &values, &bits, err));
    do {
        for (int d = 0; d < rank_of(a); d++) from[d] = index[place[d]];
        int64_t value = kb_block_at(a, from);
        if (values) values[i++] = value;
        else bits[i++] = value != 0;
    } while (kb_index_next(type->rank, type->dims, index));
    *work += (int64_t)i;
    *dst = result;
    return KB_OK;
}

/* All elements in order, under other dims. */
static kb_status flatten(kb_arena *arena, const kb_kir_type *type, const kb_blockval *a,
                         kb_blockval *dst, int64_t *work, kb_error *err) {
    uint32_t from[KB_MAX_RANK] = {0};
    int64_t *values;
    uint8_t *bits;
    size_t i = 0;
    kb_blockval result;
    KB_TRY(blank(arena, type, a->is_mask, &result, &values, &bits, err));
    do {
        int64_t value = kb_block_at(a, from);
        if (values) values[i++] = value;
        else bits[i++] = value != 0;
    } while (kb_index_next(rank_of(a), dims_of(a), from));
    *work += (int64_t)i;
    *dst = result;
    return KB_OK;
}

/* --- broadcast and transposition ----------------------------------------------------------------- */

kb_status kb_block_broadcast(kb_arena *arena, const kb_kir_type *type, const kb_blockval *a,
                             kb_blockval *dst, int64_t *work, kb_error *err) {
    static const uint8_t in_place[KB_MAX_RANK] = {0, 1, 2, 3, 4};
    kb_blockval wide = {.is_mask = a->is_mask};
    bool fits = true;
    if (a->is_mask) wide.mask = kb_mask_widen(&a->mask, type, &fits);
    else wide.block = kb_block_widen(&a->block, type, &fits);
    if (!fits) return gather(arena, type, a, in_place, dst, work, err);
    *dst = wide;
    return KB_OK;
}

kb_status kb_block_trans(kb_arena *arena, const kb_kir_type *type, uint64_t permutation,
                         const kb_blockval *a, kb_blockval *dst, int64_t *work, kb_error *err) {
    uint8_t source[KB_MAX_RANK] = {0}, place[KB_MAX_RANK] = {0};
    for (uint8_t d = 0; d < type->rank; d++) {
        source[d] = permutation >> 4 * d & 15;
        place[source[d]] = d;
    }
    if (a->is_mask ? a->mask.dense != NULL : a->block.dense != NULL)
        return gather(arena, type, a, place, dst, work, err);
    kb_blockval turned = *a;
    for (int d = 0; d < type->rank; d++) {
        int from = source[d];
        if (!a->is_mask) {
            turned.block.dims[d] = a->block.dims[from];
            turned.block.stride[d] = a->block.stride[from];
            turned.block.vector[d] = a->block.vector[from];
            continue;
        }
        turned.mask.dims[d] = a->mask.dims[from];
        turned.mask.lo[d] = a->mask.lo[from];
        turned.mask.hi[d] = a->mask.hi[from];
        turned.mask.bits[d] = a->mask.bits[from];
        for (int p = 0; p < a->mask.n_planes; p++)
            turned.mask.planes[p].coefficient[d] = a->mask.planes[p].coefficient[from];
    }
    *dst = turned;
    return KB_OK;
}

/* --- reshape ------------------------------------------------------------------------------------- */

/* Dimensions [from, from + n_from) of the old shape hold the elements of [to, to + n_to) of the new one;
 * no smaller pair does. */
typedef struct group {
    int from, n_from, to, n_to;
    uint32_t count;
} group;

static bool next_group(const uint32_t *old_dims, int old_rank, const kb_kir_type *type,
                       group *self) {
    self->from += self->n_from;
    self->to += self->n_to;
    self->n_from = self->n_to = 0;
    uint64_t old_count = 1, new_count = 1;
    if (self->from == old_rank && self->to == type->rank) return false;
    if (self->from < old_rank) old_count = old_dims[self->from + self->n_from++];
    if (self->to < type->rank) new_count = type->dims[self->to + self->n_to++];
    while (old_count != new_count) {
        if (old_count < new_count) old_count *= old_dims[self->from + self->n_from++];
        else new_count *= type->dims[self->to + self->n_to++];
    }
    /* ones at the end of a shape belong to the group before them */
    if (self->to + self->n_to == type->rank)
        while (self->from + self->n_from < old_rank) self->n_from++;
    if (self->from + self->n_from == old_rank)
        while (self->to + self->n_to < type->rank) self->n_to++;
    self->count = (uint32_t)old_count;
    return true;
}

/* The only dimension of size > 1 among [first, first + n), or -1 for none, -2 for several. */
static int sole(const uint32_t *dims, int first, int n) {
    int found = -1;
    for (int d = first; d < first + n; d++)
        if (dims[d] > 1) found = found == -1 ? d : -2;
    return found;
}

/* Strides s such that value = s * row-major place within the group. */
static bool group_is_linear(const group *self, const uint32_t *dims, const int64_t *stride,
                            int64_t *step) {
    kb_wide expected = 0;
    for (int d = self->from + self->n_from; d-- > self->from;) {
        if (dims[d] == 1) continue;
        if (expected != 0 && stride[d] != expected) return false;
        if (expected == 0) *step = stride[d];
        expected = (kb_wide)stride[d] * dims[d];
        if (stride[d] == 0) {
            for (int e = d; e-- > self->from;)
                if (dims[e] > 1 && stride[e] != 0) return false;
            return true;
        }
    }
    if (expected == 0) *step = 0;
    return true;
}

static bool spread(const group *self, const kb_kir_type *type, int64_t step, int64_t *stride) {
    kb_wide each = step;
    for (int d = self->to + self->n_to; d-- > self->to;) {
        if (!kb_wide_fits(each)) return false;
        stride[d] = type->dims[d] > 1 ? (int64_t)each : 0;
        each *= type->dims[d];
    }
    return true;
}

/* Old index d of row-major place i within a group. */
static void place_in_group(const group *self, const uint32_t *dims, uint32_t i, uint32_t *index) {
    for (int d = self->from + self->n_from; d-- > self->from;) {
        index[d] = i % dims[d];
        i /= dims[d];
    }
}

static kb_status reshape_block(kb_arena *arena, const kb_kir_type *type, const kb_block *a,
                               kb_block *dst, bool *fits, int64_t *work, kb_error *err) {
    kb_block result = kb_block_constant(type, a->base);
    kb_blockval only = {.is_mask = false, .block = *a};
    group g = {0};
    *fits = !a->dense;
    while (*fits && next_group(a->dims, a->rank, type, &g)) {
        int64_t step = 0;
        bool affine = true;
        for (int d = g.from; d < g.from + g.n_from; d++) affine = affine && !a->vector[d];
        int from = sole(a->dims, g.from, g.n_from), to = sole(type->dims, g.to, g.n_to);
        if (affine && group_is_linear(&g, a->dims, a->stride, &step)) {
            *fits = spread(&g, type, step, result.stride);
        } else if (to == -2) {
            *fits = false;
        } else if (from >= 0 && to >= 0 && g.n_from == 1) {
            result.vector[to] = a->vector[from];
        } else { /* to == -1: one element, whose vectors count for one */
            uint32_t index[KB_MAX_RANK] = {0};
            int64_t *vector = kb_arena_take(arena, g.count, sizeof *vector);
            if (!vector) return kb_error_nomem(err, "an index block");
            only.block = *a;
            only.block.base = 0;
            for (int d = 0; d < a->rank; d++) {
                bool inside = d >= g.from && d < g.from + g.n_from;
                if (!inside) only.block.vector[d] = NULL, only.block.stride[d] = 0;
            }
            for (uint32_t i = 0; i < g.count; i++) {
                place_in_group(&g, a->dims, i, index);
                vector[i] = kb_block_at(&only, index);
            }
            *work += g.count;
            if (to >= 0) result.vector[to] = vector;
            else result.base = (int64_t)((uint64_t)result.base + (uint64_t)vector[0]);
        }
    }
    if (*fits) *dst = result;
    return KB_OK;
}

/* Planes: their coefficients are strides.  Intervals and bits: a group of one dimension keeps them, a
 * group that is free of them stays so. */
static kb_status reshape_mask(const kb_kir_type *type, const kb_mask *a, kb_mask *dst, bool *fits) {
    kb_mask result = kb_mask_constant(type->rank, type->dims, true);
    bool value;
    *fits = true;
    if (kb_mask_is_constant(a, &value)) {
        *dst = kb_mask_constant(type->rank, type->dims, value);
        return KB_OK;
    }
    group g = {0};
    *fits = !a->dense;
    result.n_planes = a->n_planes;
    for (int p = 0; p < a->n_planes; p++) result.planes[p].constant = a->planes[p].constant;
    while (*fits && next_group(a->dims, a->rank, type, &g)) {
        int from = sole(a->dims, g.from, g.n_from), to = sole(type->dims, g.to, g.n_to);
        for (int p = 0; p < a->n_planes && *fits; p++) {
            int64_t step = 0;
            *fits = group_is_linear(&g, a->dims, a->planes[p].coefficient, &step) &&
                    spread(&g, type, step, result.planes[p].coefficient);
        }
        bool is_free = true;
        for (int d = g.from; d < g.from + g.n_from; d++)
            is_free = is_free && a->lo[d] == 0 && a->hi[d] == a->dims[d] && !a->bits[d];
        if (is_free) continue;
        bool ones_free = true;
        for (int d = g.from; d < g.from + g.n_from; d++)
            if (d != from) ones_free = ones_free && a->hi[d] == a->dims[d] && !a->bits[d];
        *fits = *fits && from >= 0 && to >= 0 && ones_free;
        if (!*fits) break;
        result.lo[to] = a->lo[from];
        result.hi[to] = a->hi[from];
        result.bits[to] = a->bits[from];
    }
    if (*fits) *dst = result;
    return KB_OK;
}

kb_status kb_block_reshape(kb_arena *arena, const kb_kir_type *type, const kb_blockval *a,
                           kb_blockval *dst, int64_t *work, kb_error *err) {
    kb_blockval result = {.is_mask = a->is_mask};
    bool fits;
    if (a->is_mask) KB_TRY(reshape_mask(type, &a->mask, &result.mask, &fits));
    else KB_TRY(reshape_block(arena, type, &a->block, &result.block, &fits, work, err));
    if (!fits) {
        if (a->is_mask ? a->mask.dense == NULL : a->block.dense == NULL)
            return flatten(arena, type, a, dst, work, err);
        result = kb_block_splat(type, 0); /* dense values are in row-major order already */
        if (a->is_mask) result.mask.dense = a->mask.dense;
        else result.block.dense = a->block.dense;
    }
    *dst = result;
    return KB_OK;
}
