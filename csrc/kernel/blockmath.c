#include <string.h>

#include "kernel/scalar.h"
#include "kernel/separable.h"

/* --- separable arithmetic ------------------------------------------------------------------------ */

/* One operation on integer blocks with the dims of the result. */
typedef struct job {
    kb_arena *arena;
    const kb_kir_type *type;
    kb_block operand[3];
    kb_range range[3];
    int64_t *work;
    kb_error *err;
} job;

static bool is_uniform(const kb_block *a) {
    return kb_block_active(a) == 0 && !a->dense;
}

static kb_status linear(const job *self, int64_t ca, int a, int64_t cb, int b, kb_wide k,
                        kb_block *dst, bool *fits) {
    return kb_block_linear(self->arena, self->type, ca, &self->operand[a], cb,
                           b < 0 ? NULL : &self->operand[b], k, dst, fits, self->work, self->err);
}

/* x // m and x % m: x = m * whole + rest, where the rest crosses no multiple of m. */
static kb_status split_by(const job *self, kb_wide m, bool want_rest, kb_block *dst, bool *fits) {
    const kb_block *x = &self->operand[0];
    kb_block whole = kb_block_constant(self->type, 0), rest = *x;
    *fits = m != 0 && kb_wide_fits(m) && !x->dense;
    if (!*fits) return KB_OK;
    kb_wide quotient = self->range[0].lo / m;
    if (self->range[0].hi / m != quotient) {
        *fits = m > 0 && self->range[0].lo >= 0;
        for (int d = 0; d < x->rank && *fits; d++) {
            if (x->vector[d] || x->stride[d] % m != 0) continue;
            whole.stride[d] = (int64_t)(x->stride[d] / m);
            rest.stride[d] = 0;
        }
        kb_range range = kb_block_range(&rest);
        if (*fits) quotient = kb_wide_floor_div(range.lo, m);
        *fits = *fits && kb_wide_floor_div(range.hi, m) == quotient;
    }
    kb_wide base = want_rest ? rest.base - quotient * m : quotient;
    /* the least number by -1 wraps */
    *fits = *fits && base >= INT64_MIN && base <= kb_scalar_greatest((kb_dtype)x->dtype);
    if (!*fits) return KB_OK;
    *dst = want_rest ? rest : whole;
    dst->base = (int64_t)base;
    dst->dtype = kb_block_constant(self->type, 0).dtype;
    return KB_OK;
}

static kb_status pick(const job *self, bool first, bool second, kb_block *dst, bool *fits) {
    *fits = first || second;
    if (first) *dst = self->operand[0];
    else if (second) *dst = self->operand[1];
    return KB_OK;
}

/* a * b where one of them is uniform. */
static kb_status multiply(const job *self, kb_block *dst, bool *fits) {
    if (is_uniform(&self->operand[1]))
        return linear(self, self->operand[1].base, 0, 0, -1, 0, dst, fits);
    if (is_uniform(&self->operand[0]))
        return linear(self, self->operand[0].base, 1, 0, -1, 0, dst, fits);
    *fits = false;
    return KB_OK;
}

/* Shifts and masks by a uniform b as products and quotients of powers of two. */
static kb_status by_power(const job *self, kb_mathop op, kb_block *dst, bool *fits) {
    int64_t b = self->operand[1].base;
    *fits =
        is_uniform(&self->operand[1]) && b >= 0 && (op == KB_MATHOP_AND ? b < INT64_MAX : b < 62);
    if (*fits && op == KB_MATHOP_AND) *fits = (b & (b + 1)) == 0;
    if (*fits && op != KB_MATHOP_SHL) *fits = self->range[0].lo >= 0;
    /* a count of the width or more shifts everything out */
    if (*fits && op != KB_MATHOP_AND)
        *fits = b < 8 * (int64_t)kb_dtype_nbytes(self->operand[0].dtype);
    if (!*fits) return KB_OK;
    if (op == KB_MATHOP_SHL) return linear(self, INT64_C(1) << b, 0, 0, -1, 0, dst, fits);
    if (op == KB_MATHOP_SHR) return split_by(self, (kb_wide)1 << b, false, dst, fits);
    return split_by(self, (kb_wide)b + 1, true, dst, fits);
}

static kb_status integer_job(const job *self, kb_mathop op, kb_block *dst, bool *fits) {
    const kb_range *a = &self->range[0], *b = &self->range[1];
    kb_dtype dtype = (kb_dtype)self->operand[0].dtype;
    bool wraps = kb_dtype_get_kind(dtype) == KB_KIND_INT || dtype == KB_UINT64;
    kb_wide all_ones = wraps ? -1 : kb_scalar_greatest(dtype);
    switch (op) {
    case KB_MATHOP_MOVE:
    case KB_MATHOP_CAST:
    case KB_MATHOP_BITCAST: return linear(self, 1, 0, 0, -1, 0, dst, fits);
    case KB_MATHOP_NEG: return linear(self, -1, 0, 0, -1, 0, dst, fits);
    case KB_MATHOP_NOT: return linear(self, -1, 0, 0, -1, all_ones, dst, fits);
    case KB_MATHOP_ABS:
        *fits = a->lo >= 0 || a->hi <= 0;
        return *fits ? linear(self, a->lo >= 0 ? 1 : -1, 0, 0, -1, 0, dst, fits) : KB_OK;
    case KB_MATHOP_ADD: return linear(self, 1, 0, 1, 1, 0, dst, fits);
    case KB_MATHOP_SUB: return linear(self, 1, 0, -1, 1, 0, dst, fits);
    case KB_MATHOP_MUL: return multiply(self, dst, fits);
    case KB_MATHOP_FLOORDIV:
    case KB_MATHOP_MOD:
        *fits = is_uniform(&self->operand[1]);
        if (!*fits) return KB_OK;
        return split_by(self, self->operand[1].base, op == KB_MATHOP_MOD, dst, fits);
    case KB_MATHOP_SHL:
    case KB_MATHOP_SHR:
    case KB_MATHOP_AND: return by_power(self, op, dst, fits);
    case KB_MATHOP_MIN: return pick(self, a->hi <= b->lo, b->hi <= a->lo, dst, fits);
    case KB_MATHOP_MAX: return pick(self, a->lo >= b->hi, b->lo >= a->hi, dst, fits);
    default: *fits = false; return KB_OK;
    }
}

static kb_status compare_job(const job *self, kb_mathop op, kb_mask *dst, bool *fits) {
    kb_kir_type wide = *self->type;
    kb_block difference;
    wide.dtype = KB_INT64;
    KB_TRY(kb_block_linear(self->arena, &wide, 1, &self->operand[0], -1, &self->operand[1], 0,
                           &difference, fits, self->work, self->err));
    if (!*fits) return KB_OK;
    return kb_mask_compare(self->arena, op, self->type, &difference, dst, fits, self->work,
                           self->err);
}

/* --- dispatch ------------------------------------------------------------------------------------ */

static kb_status on_masks(kb_arena *arena, kb_mathop op, const kb_kir_type *type, int arity,
                          const kb_blockval *const operands[3], kb_mask *dst, bool *fits,
                          int64_t *work, kb_error *err) {
    kb_mask masks[2];
    for (int i = 0; i < arity; i++) masks[i] = kb_mask_widen(&operands[i]->mask, type, fits);
    if (!*fits) return KB_OK;
    switch (op) {
    case KB_MATHOP_MOVE:
    case KB_MATHOP_CAST:
    case KB_MATHOP_BITCAST: *dst = masks[0]; return KB_OK;
    case KB_MATHOP_MIN:
    case KB_MATHOP_MUL: op = KB_MATHOP_AND; break;
    case KB_MATHOP_MAX: op = KB_MATHOP_OR; break;
    default: break;
    }
    return kb_mask_logic(arena, op, &masks[0], arity > 1 ? &masks[1] : NULL, dst, fits, work, err);
}

static kb_status on_blocks(kb_arena *arena, kb_mathop op, const kb_kir_type *type, int arity,
                           const kb_blockval *const operands[3], kb_blockval *dst, bool *fits,
                           int64_t *work, kb_error *err) {
    job self;
    self.arena = arena;
    self.type = type;
    self.work = work;
    self.err = err;
    for (int i = 0; i < arity; i++) {
        self.operand[i] = kb_block_widen(&operands[i]->block, type, fits);
        if (!*fits) return KB_OK;
        self.range[i] = kb_block_range(&self.operand[i]);
        if (operands[i]->block.dtype == KB_UINT64 && self.range[i].lo < 0) *fits = false;
    }
    if (!*fits) return KB_OK;
    if (kb_mathop_result(op) == KB_RESULT_BOOL) return compare_job(&self, op, &dst->mask, fits);
    if (dst->is_mask) { /* a cast to bool */
        self.operand[1] = kb_block_constant(type, 0);
        return compare_job(&self, KB_MATHOP_NE, &dst->mask, fits);
    }
    return integer_job(&self, op, &dst->block, fits);
}

/* A uniform condition picks a side. */
static kb_status where(const kb_kir_type *type, const kb_blockval *const operands[3],
                       kb_blockval *dst, bool *fits) {
    bool value;
    *fits = kb_mask_is_constant(&operands[0]->mask, &value);
    if (!*fits) return KB_OK;
    const kb_blockval *side = operands[value ? 1 : 2];
    if (dst->is_mask) dst->mask = kb_mask_widen(&side->mask, type, fits);
    else dst->block = kb_block_widen(&side->block, type, fits);
    return KB_OK;
}

kb_status kb_block_math(kb_arena *arena, kb_mathop op, const kb_kir_type *type,
                        const kb_blockval *a, const kb_blockval *b, const kb_blockval *c,
                        kb_blockval *dst, int64_t *work, kb_error *err) {
    const kb_blockval *const operands[3] = {a, b, c};
    int arity = kb_mathop_arity(op), n_masks = 0;
    bool fits = true;
    kb_blockval result;
    result.is_mask = !type->pointer && type->dtype == KB_BOOL;
    for (int i = 0; i < arity; i++) n_masks += operands[i]->is_mask;
    if (op == KB_MATHOP_WHERE) KB_TRY(where(type, operands, &result, &fits));
    else if (arity > 2) fits = false;
    else if (n_masks == arity && result.is_mask)
        KB_TRY(on_masks(arena, op, type, arity, operands, &result.mask, &fits, work, err));
    else if (n_masks == 0)
        KB_TRY(on_blocks(arena, op, type, arity, operands, &result, &fits, work, err));
    else fits = false;
    if (!fits) return kb_block_elementwise(arena, op, type, operands, dst, work, err);
    dst->is_mask = result.is_mask;
    if (result.is_mask) kb_mask_copy(&dst->mask, &result.mask);
    else dst->block = result.block;
    return KB_OK;
}

kb_status kb_block_ptradd(kb_arena *arena, const kb_kir_type *type, const kb_blockval *pointers,
                          const kb_blockval *index, kb_blockval *dst, int64_t *work,
                          kb_error *err) {
    kb_kir_type wide = *type;
    wide.pointer = 0;
    wide.dtype = KB_INT64;
    kb_blockval size = kb_block_splat(&wide, (int64_t)kb_dtype_nbytes((kb_dtype)type->dtype)),
                nbytes;
    KB_TRY(kb_block_math(arena, KB_MATHOP_CAST, &wide, index, NULL, NULL, &nbytes, work, err));
    KB_TRY(kb_block_math(arena, KB_MATHOP_MUL, &wide, &nbytes, &size, NULL, &nbytes, work, err));
    return kb_block_math(arena, KB_MATHOP_ADD, &wide, pointers, &nbytes, NULL, dst, work, err);
}
