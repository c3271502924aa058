#include "replay/gather.h"

#include <inttypes.h>

#include "replay/lanes.h"

/* The source as (outer, n, inner) with the axis in the middle, the indices and the result as (outer, m,
 * inner). */
typedef struct shape {
    size_t outer, n, m, inner;
} shape;

static kb_status plan(const kb_payload *payload, shape *self, kb_error *err) {
    const kb_operand *from = &payload->operand[0], *to = &payload->result;
    const kb_operand *index = &payload->operand[1];
    kb_dtype_kind kind = kb_dtype_get_kind((kb_dtype)index->dtype);
    bool fits = payload->n_operands == 2 && payload->axis < from->rank && to->rank == from->rank &&
                index->rank == to->rank && to->dtype == from->dtype &&
                from->kind == KB_OPERAND_TILE && (kind == KB_KIND_INT || kind == KB_KIND_UINT);
    for (uint8_t d = 0; fits && d < to->rank; d++)
        fits =
            index->dims[d] == to->dims[d] && (d == payload->axis || to->dims[d] == from->dims[d]);
    if (!fits)
        return kb_error_set(err, KB_INTERNAL,
                            "gather: the types of source, index and result do "
                            "not fit");
    *self = (shape){
        kb_lanes_count(payload->axis, from->dims), from->dims[payload->axis],
        to->dims[payload->axis],
        kb_lanes_count((uint8_t)(from->rank - payload->axis - 1), from->dims + payload->axis + 1)};
    return KB_OK;
}

/* Negative ones become large. */
static kb_status check_indices(const uint64_t *index, size_t count, size_t n, kb_error *err) {
    for (size_t i = 0; i < count; i++)
        if (index[i] >= n)
            return kb_error_set(err, KB_BOUNDS,
                                "gather: expected indices from 0 to %zu, got %" PRId64
                                " at element %zu of them",
                                n - 1, (int64_t)index[i], i);
    return KB_OK;
}

#define MOVE(type)                                                                     \
    static void move_##type(const shape *self, const uint64_t *index, const void *src, \
                            void *dst) {                                               \
        const type *in = src;                                                          \
        type *out = dst;                                                               \
        size_t at = 0;                                                                 \
        for (size_t o = 0; o < self->outer; o++, in += self->n * self->inner)          \
            for (size_t m = 0; m < self->m; m++)                                       \
                for (size_t i = 0; i < self->inner; i++, at++)                         \
                    out[at] = in[index[at] * self->inner + i];                         \
    }
MOVE(uint8_t)
MOVE(uint16_t)
MOVE(uint32_t)
MOVE(uint64_t)

kb_status kb_gather_run(kb_exec *exec, const kb_payload *payload, kb_error *err) {
    const kb_operand *result = &payload->result;
    shape self = {0};
    kb_lanes lanes, indices;
    KB_TRY(plan(payload, &self, err));
    KB_TRY(kb_lanes_open(exec->tiles, &payload->operand[0], result->rank, payload->operand[0].dims,
                         &lanes, err));
    KB_TRY(kb_lanes_open(exec->tiles, &payload->operand[1], result->rank, result->dims, &indices,
                         err));
    size_t count = kb_lanes_count(result->rank, result->dims);
    uint64_t *index = kb_tiles_scratch(exec->tiles, count * sizeof *index);
    if (!index) return kb_error_nomem(err, "the indices of a gather");
    kb_dtype_convert(KB_INT64, index, indices.dtype, indices.elements, count);
    KB_TRY(check_indices(index, count, self.n, err));
    void *data;
    KB_TRY(kb_exec_result(exec, result, count, &data, err));
    switch (lanes.nbytes) {
    case 1: move_uint8_t(&self, index, lanes.elements, data); break;
    case 2: move_uint16_t(&self, index, lanes.elements, data); break;
    case 4: move_uint32_t(&self, index, lanes.elements, data); break;
    default: move_uint64_t(&self, index, lanes.elements, data);
    }
    return KB_OK;
}
