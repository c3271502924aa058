#include "kernel/rule.h"
#include "kernel/scalar.h"

kb_status kb_rule_math(kb_rule *self) {
    kb_mathop op = (kb_mathop)self->inst->sub;
    KB_REQUIRE(self, op < KB_MATHOP_COUNT, "expected an operation below %d, got %u",
               KB_MATHOP_COUNT, op);
    int arity = kb_mathop_arity(op), first = op == KB_MATHOP_WHERE, n_pointers = 0, n_lanes = 0;
    for (int i = 0; i < 3; i++) {
        const kb_kir_type *type = self->operand[i];
        KB_REQUIRE(self, (type != NULL) == (i < arity), "%s takes %d operands", kb_mathop_name(op),
                   arity);
        if (!type) continue;
        KB_REQUIRE(self, kb_kir_type_broadcasts(type, self->dst),
                   "operand %c does not broadcast to the result", 'a' + i);
        if (i >= first) n_pointers += type->pointer;
        n_lanes += type->kind != KB_SCALAR;
    }
    if (op == KB_MATHOP_WHERE)
        KB_REQUIRE(self, self->operand[0]->dtype == KB_BOOL && !self->operand[0]->pointer,
                   "where: expected a bool condition, got %s",
                   kb_dtype_name(self->operand[0]->dtype));
    const kb_kir_type *model = self->operand[first];
    for (int i = first; i < arity; i++)
        KB_REQUIRE(self, kb_kir_type_same_element(self->operand[i], model),
                   "%s: operands differ: %s and %s", kb_mathop_name(op),
                   kb_dtype_name(model->dtype), kb_dtype_name(self->operand[i]->dtype));
    bool casts = op == KB_MATHOP_CAST || op == KB_MATHOP_BITCAST;
    bool passes = op == KB_MATHOP_WHERE || op == KB_MATHOP_MOVE;
    bool compares = kb_mathop_result(op) == KB_RESULT_BOOL;
    KB_REQUIRE(self, n_pointers == 0 || casts || passes || compares,
               "%s is not defined on pointers", kb_mathop_name(op));
    KB_REQUIRE(self, casts || self->dst->pointer == (passes ? model->pointer : 0),
               "%s: pointer and number differ", kb_mathop_name(op));
    KB_REQUIRE(
        self,
        kb_scalar_defined(op, kb_kir_type_seen_dtype(model), kb_kir_type_seen_dtype(self->dst)),
        "%s is not defined from %s to %s", kb_mathop_name(op),
        kb_dtype_name(kb_kir_type_seen_dtype(model)),
        kb_dtype_name(kb_kir_type_seen_dtype(self->dst)));
    if (self->inst->op == KB_KIR_MATH)
        KB_REQUIRE(self, n_lanes > 0, "expected at least one tile or block");
    return KB_OK;
}

kb_status kb_rule_block_math(kb_rule *self) {
    for (int i = 0; i < 3; i++) {
        const kb_kir_type *type = self->operand[i];
        bool is_float = type && !type->pointer && kb_dtype_get_kind(type->dtype) == KB_KIND_FLOAT;
        KB_REQUIRE(self, !is_float, "operand %c: expected integers, got %s", 'a' + i,
                   kb_dtype_name(type->dtype));
    }
    return kb_rule_math(self);
}

kb_status kb_rule_const(kb_rule *self) {
    uint64_t bits = self->kernel->consts[self->inst->imm];
    KB_REQUIRE(
        self, self->dst->pointer || kb_scalar_is_value((kb_dtype)self->dst->dtype, bits),
        "constant %llx is no value of %s (integers as int64, floats as the double of equal value)",
        (unsigned long long)bits, kb_dtype_name(self->dst->dtype));
    return KB_OK;
}

kb_status kb_rule_arange(kb_rule *self) {
    int64_t start = (int64_t)self->kernel->consts[self->inst->imm], last;
    KB_REQUIRE(self, self->dst->rank == 1 && kb_kir_type_is_integer(self->dst),
               "expected a rank-1 block of integers");
    bool over = __builtin_add_overflow(start, (int64_t)self->dst->dims[0] - 1, &last);
    KB_REQUIRE(self,
               !over && start >= kb_scalar_least((kb_dtype)self->dst->dtype) &&
                   last <= kb_scalar_greatest((kb_dtype)self->dst->dtype),
               "%u values from %lld on do not fit %s", self->dst->dims[0], (long long)start,
               kb_dtype_name(self->dst->dtype));
    return KB_OK;
}
