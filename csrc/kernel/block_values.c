/* The values of index blocks and masks: read one by one or by rows, taken from memory, copied. */
#include <string.h>

#include "kernel/scalar.h"
#include "kernel/separable.h"

enum { NO_DIMENSION = -1 };

/* One value of f_d. */
static uint64_t term_at(const kb_block *a, int d, uint32_t i) {
    return a->vector[d] ? (uint64_t)a->vector[d][i] : (uint64_t)a->stride[d] * i;
}

/* Where an index lies in all values, and how far apart those along dimension d are. */
static int64_t place_of(uint8_t rank, const uint32_t *dims, const uint32_t *index, int d,
                        int64_t *step) {
    int64_t place = 0;
    *step = 0;
    for (int e = 0; e < rank; e++) {
        place = place * dims[e] + (dims[e] == 1 ? 0 : index[e]);
        *step = e == d ? dims[e] > 1 : *step * dims[e];
    }
    return place;
}

static void block_row(const kb_block *a, const uint32_t *index, int d, uint32_t count,
                      int64_t *values) {
    bool varies = d >= 0 && a->dims[d] > 1;
    uint32_t first = varies ? index[d] : 0;
    uint64_t start = (uint64_t)a->base;
    if (a->dense) {
        int64_t step, place = place_of(a->rank, a->dims, index, d, &step);
        for (uint32_t i = 0; i < count; i++) values[i] = a->dense[place + i * step];
        return;
    }
    for (int e = 0; e < a->rank; e++)
        if (e != d || !varies) start += term_at(a, e, a->dims[e] == 1 ? 0 : index[e]);
    if (varies && a->vector[d]) {
        const int64_t *vector = a->vector[d] + first;
        for (uint32_t i = 0; i < count; i++) values[i] = (int64_t)(start + (uint64_t)vector[i]);
        return;
    }
    uint64_t stride = varies ? (uint64_t)a->stride[d] : 0;
    start += stride * first;
    for (uint32_t i = 0; i < count; i++, start += stride) values[i] = (int64_t)start;
}

static void mask_row(const kb_mask *a, const uint32_t *index, int d, uint32_t count,
                     int64_t *values) {
    if (a->dense) {
        int64_t step, place = place_of(a->rank, a->dims, index, d, &step);
        for (uint32_t i = 0; i < count; i++) values[i] = a->dense[place + i * step];
        return;
    }
    bool varies = d >= 0 && a->dims[d] > 1, on = true;
    uint32_t first = varies ? index[d] : 0;
    kb_wide planes[KB_MAX_PLANES];
    for (int p = 0; p < a->n_planes; p++) planes[p] = a->planes[p].constant;
    for (int e = 0; e < a->rank; e++) {
        if (e == d && varies) continue;
        uint32_t i = a->dims[e] == 1 ? 0 : index[e];
        on = on && i >= a->lo[e] && i < a->hi[e] && (!a->bits[e] || a->bits[e][i]);
        for (int p = 0; p < a->n_planes; p++) planes[p] += (kb_wide)a->planes[p].coefficient[e] * i;
    }
    for (uint32_t k = 0; k < count; k++) {
        uint32_t i = varies ? first + k : 0;
        bool truth =
            on && (!varies || (i >= a->lo[d] && i < a->hi[d] && (!a->bits[d] || a->bits[d][i])));
        for (int p = 0; p < a->n_planes && truth; p++)
            truth = planes[p] + (varies ? (kb_wide)a->planes[p].coefficient[d] * i : 0) <= 0;
        values[k] = truth;
    }
}

void kb_block_row(const kb_blockval *a, const uint32_t *index, int d, uint32_t count,
                  int64_t *values) {
    if (a->is_mask) mask_row(&a->mask, index, d, count, values);
    else block_row(&a->block, index, d, count, values);
}

int64_t kb_block_at(const kb_blockval *a, const uint32_t *index) {
    int64_t value;
    kb_block_row(a, index, NO_DIMENSION, 1, &value);
    return value;
}

void kb_block_expand(const kb_blockval *a, int64_t *values) {
    uint8_t rank = a->is_mask ? a->mask.rank : a->block.rank;
    const uint32_t *dims = a->is_mask ? a->mask.dims : a->block.dims;
    uint32_t index[KB_MAX_RANK] = {0}, count = rank > 0 ? dims[rank - 1] : 1;
    uint8_t n_outer = rank > 0 ? rank - 1 : 0;
    do {
        kb_block_row(a, index, rank - 1, count, values);
        values += count;
    } while (kb_index_next(n_outer, dims, index));
}

kb_status kb_block_from_memory(kb_arena *arena, const kb_kir_type *type, const void *memory,
                               kb_blockval *dst, kb_error *err) {
    kb_dtype dtype = type->pointer ? KB_INT64 : (kb_dtype)type->dtype;
    size_t count = (size_t)kb_dims_count(type->rank, type->dims), nbytes = kb_dtype_nbytes(dtype);
    kb_blockval result = kb_block_splat(type, 0);
    int64_t *values = result.is_mask ? NULL : kb_arena_take(arena, count, sizeof *values);
    uint8_t *bits = result.is_mask ? kb_arena_take(arena, count, sizeof *bits) : NULL;
    if (!values && !bits) return kb_error_nomem(err, "an index block");
    for (size_t i = 0; i < count; i++) {
        int64_t value = (int64_t)kb_scalar_load(dtype, (const unsigned char *)memory + i * nbytes);
        if (values) values[i] = value;
        else bits[i] = value != 0;
    }
    if (type->rank == 1 && values) result.block = kb_block_from_vector(type, 0, values);
    else if (type->rank == 1) result.mask = kb_mask_from_bits(type, 0, bits);
    else if (values) result.block.dense = values;
    else result.mask.dense = bits;
    *dst = result;
    return KB_OK;
}

static const void *copy_items(kb_arena *arena, const void *items, int64_t count, size_t nbytes) {
    void *copy = items ? kb_arena_take(arena, (size_t)count, nbytes) : NULL;
    if (copy) memcpy(copy, items, (size_t)count * nbytes);
    return copy;
}

kb_status kb_block_copy(kb_arena *arena, const kb_blockval *a, kb_blockval *dst, kb_error *err) {
    kb_blockval copy = *a;
    bool done = true;
    if (a->is_mask) {
        copy.mask.dense =
            copy_items(arena, a->mask.dense, kb_dims_count(a->mask.rank, a->mask.dims), 1);
        done = !copy.mask.dense == !a->mask.dense;
        for (int d = 0; d < a->mask.rank; d++) {
            copy.mask.bits[d] = copy_items(arena, a->mask.bits[d], a->mask.dims[d], 1);
            done = done && !copy.mask.bits[d] == !a->mask.bits[d];
        }
    } else {
        int64_t count = kb_dims_count(a->block.rank, a->block.dims);
        copy.block.dense = copy_items(arena, a->block.dense, count, sizeof *a->block.dense);
        done = !copy.block.dense == !a->block.dense;
        for (int d = 0; d < a->block.rank; d++) {
            copy.block.vector[d] =
                copy_items(arena, a->block.vector[d], a->block.dims[d], sizeof(int64_t));
            done = done && !copy.block.vector[d] == !a->block.vector[d];
        }
    }
    if (!done) return kb_error_nomem(err, "an index block");
    *dst = copy;
    return KB_OK;
}
