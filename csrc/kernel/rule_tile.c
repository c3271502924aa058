#include "kernel/rule.h"

kb_status kb_rule_permutation(kb_rule *self, const kb_kir_type *from, const kb_kir_type *to) {
    uint64_t nibbles = self->kernel->consts[self->inst->imm];
    uint32_t seen = 0;
    KB_REQUIRE(self, kb_kir_type_same_element(from, to) && from->rank == to->rank,
               "expected equal dtypes and ranks, got ranks %u and %u", from->rank, to->rank);
    for (unsigned d = 0; d < to->rank; d++) {
        uint32_t source = (uint32_t)(nibbles >> 4 * d) & 15;
        KB_REQUIRE(
            self, source < to->rank && !(seen >> source & 1) && to->dims[d] == from->dims[source],
            "expected a permutation that fits the dims, got %llx", (unsigned long long)nibbles);
        seen |= UINT32_C(1) << source;
    }
    KB_REQUIRE(self, nibbles >> 4 * to->rank == 0, "expected a permutation of %u dims, got %llx",
               to->rank, (unsigned long long)nibbles);
    return KB_OK;
}

/* The pointer, and the mask at `mask`, of a load or store of elements of `value`'s dtype. */
static kb_status check_memory(kb_rule *self, const kb_kir_type *value, int mask) {
    const kb_kir_type *pointer = self->operand[0], *lanes = self->operand[mask];
    KB_REQUIRE(self, !value->pointer && value->dtype == pointer->dtype,
               "expected elements of %s, got %s%s", kb_dtype_name(pointer->dtype),
               value->pointer ? "pointers to " : "", kb_dtype_name(value->dtype));
    KB_REQUIRE(self, !lanes || kb_kir_type_broadcasts(lanes, pointer),
               "the mask does not broadcast to the pointers");
    return KB_OK;
}

kb_status kb_rule_load(kb_rule *self) {
    KB_TRY(check_memory(self, self->dst, 1));
    KB_REQUIRE(self, kb_kir_type_same_dims(self->dst, self->operand[0]),
               "tile and pointers differ in shape");
    KB_REQUIRE(self, !self->operand[2] || kb_kir_type_same_element(self->operand[2], self->dst),
               "expected `other` of %s", kb_dtype_name(self->dst->dtype));
    return KB_OK;
}

kb_status kb_rule_store(kb_rule *self) {
    KB_TRY(check_memory(self, self->operand[1], 2));
    KB_REQUIRE(self, kb_kir_type_broadcasts(self->operand[1], self->operand[0]),
               "the value does not broadcast to the pointers");
    return KB_OK;
}

kb_status kb_rule_dot(kb_rule *self) {
    const kb_kir_type *a = self->operand[0], *b = self->operand[1], *acc = self->operand[2];
    kb_dtype_kind in = kb_dtype_get_kind(a->dtype), out = kb_dtype_get_kind(self->dst->dtype);
    bool small =
        in == KB_KIND_FLOAT && kb_dtype_nbytes(a->dtype) == 1 && kb_dtype_nbytes(b->dtype) == 1;
    KB_REQUIRE(self, self->inst->sub < KB_PRECISION_COUNT, "expected a precision below %d, got %u",
               KB_PRECISION_COUNT, self->inst->sub);
    KB_REQUIRE(self,
               a->rank == 2 && b->rank == 2 && self->dst->rank == 2 && a->dims[1] == b->dims[0] &&
                   a->dims[0] == self->dst->dims[0] && b->dims[1] == self->dst->dims[1],
               "expected shapes (M, K) @ (K, N) -> (M, N)");
    KB_REQUIRE(self,
               !a->pointer && !b->pointer && !self->dst->pointer &&
                   in == kb_dtype_get_kind(b->dtype) && (a->dtype == b->dtype || small) &&
                   in != KB_KIND_BOOL,
               "expected operands of one dtype, got %s and %s", kb_dtype_name(a->dtype),
               kb_dtype_name(b->dtype));
    KB_REQUIRE(self,
               in == KB_KIND_FLOAT ? out == KB_KIND_FLOAT
                                   : self->dst->dtype == KB_INT32 && kb_dtype_nbytes(a->dtype) == 1,
               "expected a result of floats, or of int32 from 8-bit integers, got %s from %s",
               kb_dtype_name(self->dst->dtype), kb_dtype_name(a->dtype));
    KB_REQUIRE(self, !acc || kb_kir_type_same(acc, self->dst),
               "expected an accumulator of the result's type");
    return KB_OK;
}

kb_status kb_rule_reduce(kb_rule *self) {
    const kb_kir_type *a = self->operand[0];
    kb_reduceop op = (kb_reduceop)self->inst->sub;
    KB_REQUIRE(self, op < KB_REDUCEOP_COUNT, "expected a reduction below %d, got %u",
               KB_REDUCEOP_COUNT, op);
    KB_REQUIRE(self, self->inst->imm < a->rank, "expected an axis below %u, got %u", a->rank,
               self->inst->imm);
    KB_REQUIRE(self, self->dst->rank == a->rank - 1, "expected a result of rank %d", a->rank - 1);
    for (uint32_t d = 0, from = 0; d < self->dst->rank; d++, from++) {
        if (from == self->inst->imm) from++;
        KB_REQUIRE(self, self->dst->dims[d] == a->dims[from], "the result's dims do not fit");
    }
    bool index = op == KB_REDUCEOP_ARGMAX || op == KB_REDUCEOP_ARGMIN;
    KB_REQUIRE(self,
               !a->pointer && !self->dst->pointer &&
                   self->dst->dtype == (index ? KB_INT32 : a->dtype),
               "%s of %s cannot give %s", kb_reduceop_name(op), kb_dtype_name(a->dtype),
               kb_dtype_name(self->dst->dtype));
    KB_REQUIRE(self, op != KB_REDUCEOP_XOR || kb_dtype_get_kind(a->dtype) != KB_KIND_FLOAT,
               "xor is not defined on %s", kb_dtype_name(a->dtype));
    return KB_OK;
}

kb_status kb_rule_gather(kb_rule *self) {
    const kb_kir_type *a = self->operand[0], *index = self->operand[1];
    KB_REQUIRE(self, kb_kir_type_same_element(self->dst, a) && !a->pointer,
               "expected a result of the operand's dtype");
    KB_REQUIRE(self,
               index->kind != KB_SCALAR && kb_kir_type_is_integer(index) &&
                   kb_kir_type_same_dims(index, self->dst),
               "expected an index of integers for each element of the result");
    KB_REQUIRE(self, self->inst->imm < a->rank && a->rank == index->rank,
               "expected operands of one rank above axis %u, got %u and %u", self->inst->imm,
               a->rank, index->rank);
    for (uint32_t d = 0; d < a->rank; d++)
        KB_REQUIRE(self, d == self->inst->imm || a->dims[d] == index->dims[d],
                   "dimension %u: expected %u indices, got %u", d, a->dims[d], index->dims[d]);
    return KB_OK;
}
