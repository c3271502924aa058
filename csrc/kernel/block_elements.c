/* Arithmetic of blocks that is not separable: element by element, by rows. */
#include "kernel/scalar.h"
#include "kernel/separable.h"

static kb_dtype dtype_of(const kb_blockval *a) {
    return a->is_mask ? KB_BOOL : (kb_dtype)a->block.dtype;
}

static kb_status element(kb_mathop op, const kb_kir_type *type,
                         const kb_blockval *const operands[3], const uint32_t *index,
                         int64_t *value, kb_error *err) {
    uint64_t bits[3] = {0};
    kb_dtype result = type->pointer ? KB_INT64 : (kb_dtype)type->dtype;
    int arity = kb_mathop_arity(op);
    for (int i = 0; i < arity; i++) bits[i] = (uint64_t)kb_block_at(operands[i], index);
    return kb_scalar_math(op, dtype_of(operands[arity - 1]), result, bits[0], bits[1], bits[2],
                          (uint64_t *)value, err);
}

/* What is being computed, and where to: numbers, or truths. */
typedef struct elements {
    kb_mathop op;
    const kb_kir_type *type;
    const kb_blockval *const *operands;
    int64_t *values;
    uint8_t *bits;
} elements;

static bool take_room(elements *self, kb_arena *arena, size_t count, bool is_mask) {
    if (is_mask) self->bits = kb_arena_take(arena, count, sizeof *self->bits);
    else self->values = kb_arena_take(arena, count, sizeof *self->values);
    return self->bits || self->values;
}

/* The elements along dimension d, the others at `index`, to place `at` on. */
static kb_status along(const elements *self, uint32_t *index, int d, size_t at, kb_error *err) {
    const kb_kir_type *type = self->type;
    kb_dtype result = type->pointer ? KB_INT64 : (kb_dtype)type->dtype;
    int64_t lanes[3][KB_ROW_CHUNK], values[KB_ROW_CHUNK];
    int arity = kb_mathop_arity(self->op);
    const int64_t *b = lanes[arity > 1 ? 1 : 0], *c = lanes[arity > 2 ? 2 : 0];
    kb_dtype operand = dtype_of(self->operands[arity - 1]);
    uint32_t n;
    for (uint32_t i = 0; i < type->dims[d]; i += n) {
        n = type->dims[d] - i < KB_ROW_CHUNK ? type->dims[d] - i : KB_ROW_CHUNK;
        index[d] = i;
        for (int o = 0; o < arity; o++) kb_block_row(self->operands[o], index, d, n, lanes[o]);
        KB_TRY(kb_scalar_row(self->op, operand, result, lanes[0], b, c, n,
                             self->values ? self->values + at + i : values, err));
        for (uint32_t k = 0; self->bits && k < n; k++) self->bits[at + i + k] = values[k] != 0;
    }
    index[d] = 0;
    return KB_OK;
}

static kb_status along_one(kb_arena *arena, elements *self, int d, kb_blockval *dst,
                           kb_error *err) {
    uint32_t index[KB_MAX_RANK] = {0};
    if (!take_room(self, arena, self->type->dims[d], dst->is_mask))
        return kb_error_nomem(err, "an index block");
    KB_TRY(along(self, index, d, 0, err));
    if (self->values) dst->block = kb_block_from_vector(self->type, d, self->values);
    else dst->mask = kb_mask_from_bits(self->type, d, self->bits);
    return KB_OK;
}

static kb_status along_all(kb_arena *arena, elements *self, kb_blockval *dst, kb_error *err) {
    const kb_kir_type *type = self->type;
    uint32_t index[KB_MAX_RANK] = {0};
    uint8_t inner = type->rank - 1;
    size_t at = 0;
    if (!take_room(self, arena, (size_t)kb_dims_count(type->rank, type->dims), dst->is_mask))
        return kb_error_nomem(err, "an index block");
    do {
        KB_TRY(along(self, index, inner, at, err));
        at += type->dims[inner];
    } while (kb_index_next(inner, type->dims, index));
    if (self->values) dst->block.dense = self->values;
    else dst->mask.dense = self->bits;
    return KB_OK;
}

kb_status kb_block_elementwise(kb_arena *arena, kb_mathop op, const kb_kir_type *type,
                               const kb_blockval *const operands[3], kb_blockval *dst,
                               int64_t *work, kb_error *err) {
    uint32_t active = 0, index[KB_MAX_RANK] = {0};
    for (int i = 0; i < kb_mathop_arity(op); i++) active |= kb_blockval_active(operands[i]);
    kb_blockval result = kb_block_splat(type, 0);
    elements all = {.op = op, .type = type, .operands = operands};
    if (active == 0) {
        int64_t value;
        KB_TRY(element(op, type, operands, index, &value, err));
        result = kb_block_splat(type, value);
    } else if ((active & (active - 1)) == 0) {
        int d = __builtin_ctz(active);
        KB_TRY(along_one(arena, &all, d, &result, err));
        *work += type->dims[d];
    } else {
        KB_TRY(along_all(arena, &all, &result, err));
        *work += kb_dims_count(type->rank, type->dims);
    }
    *dst = result;
    return KB_OK;
}
