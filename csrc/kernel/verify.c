#include "kernel/verify.h"

#include "kernel/rule.h"

enum { MAX_INSTS = 1 << 20 };

static kb_status check_type(const kb_kernel *kernel, uint32_t index, kb_error *err) {
    const kb_kir_type *type = &kernel->types[index];
    if (kb_kir_type_is_valid(type)) return KB_OK;
    return kb_error_set(
        err, KB_COMPILE,
        "kernel %s: type %u: expected a scalar, a block of integers or a tile with at "
        "most %d dimensions and %d elements, got kind %u, dtype %u, pointer %u, rank %u",
        kernel->name, index, KB_MAX_RANK, KB_MAX_TILE_ELEMENTS, type->kind, type->dtype,
        type->pointer, type->rank);
}

/* --- operands ------------------------------------------------------------------------------------ */

static bool letter_allows(char letter, const kb_kir_type *type, const kb_kir_type *dst) {
    switch (letter) {
    case 's': return type->kind == KB_SCALAR;
    case 'i': return type->kind == KB_SCALAR && kb_kir_type_is_integer(type);
    case 'p': return type->kind == KB_SCALAR && type->pointer;
    case 'k': return type->kind == KB_BLOCK;
    case 't': return type->kind == KB_TILE;
    case 'b': return type->kind != KB_TILE;
    case 'q': return type->kind != KB_TILE && type->pointer;
    case 'm': return type->kind != KB_TILE && !type->pointer && type->dtype == KB_BOOL;
    case 'v': return true;
    case '*': return dst && kb_kir_type_same(type, dst);
    default: return false;
    }
}

static kb_status take_operand(kb_rule *self, const char *letters, uint16_t reg, const char *which,
                              const kb_kir_type **type) {
    *type = NULL;
    bool optional = letters[0] == '?';
    char letter = letters[optional ? 1 : 0];
    if (reg == KB_NO_REG) {
        KB_REQUIRE(self, optional || letter == '-', "expected an operand %s", which);
        return KB_OK;
    }
    KB_REQUIRE(self, letter != '-', "expected no operand %s, got register %u", which, reg);
    KB_REQUIRE(self, reg < self->kernel->n_regs, "operand %s: expected a register below %u, got %u",
               which, self->kernel->n_regs, reg);
    *type = kb_kernel_type(self->kernel, reg);
    KB_REQUIRE(self, letter_allows(letter, *type, self->dst),
               "operand %s: register %u is not of the kind that \"%s\" stands for", which, reg,
               letters);
    return KB_OK;
}

static kb_status check_operands(kb_rule *self) {
    const kb_kir_signature *signature = &kb_kir_signatures[self->inst->op];
    const kb_kir_inst *inst = self->inst;
    KB_TRY(take_operand(self, signature->dst, inst->dst, "dst", &self->dst));
    KB_TRY(take_operand(self, signature->a, inst->a, "a", &self->operand[0]));
    KB_TRY(take_operand(self, signature->b, inst->b, "b", &self->operand[1]));
    KB_TRY(take_operand(self, signature->c, inst->c, "c", &self->operand[2]));
    KB_REQUIRE(self, inst->reserved == 0, "expected a reserved byte of 0, got %u", inst->reserved);
    KB_REQUIRE(self, inst->flags <= 7, "expected last-use bits a, b, c, got flags %u", inst->flags);
    for (int i = 0; i < 3; i++) {
        bool is_tile = self->operand[i] && self->operand[i]->kind == KB_TILE;
        KB_REQUIRE(self, is_tile || !(inst->flags >> i & 1),
                   "the last-use bit of operand %c is set on no tile", 'a' + i);
    }
    return KB_OK;
}

static kb_status check_immediate(kb_rule *self) {
    const kb_kernel *kernel = self->kernel;
    uint32_t imm = self->inst->imm;
    switch (kb_kir_signatures[self->inst->op].imm) {
    case 'c':
        KB_REQUIRE(self, imm < kernel->n_consts, "expected a constant below %u, got %u",
                   kernel->n_consts, imm);
        break;
    case 'j':
        KB_REQUIRE(self, imm < kernel->n_insts, "expected a target below %u, got %u",
                   kernel->n_insts, imm);
        break;
    case 'n':
        KB_REQUIRE(self, imm < kernel->n_text, "expected text below %u, got %u", kernel->n_text,
                   imm);
        break;
    case 'x':
    case 'd': break;
    default: KB_REQUIRE(self, imm == 0, "expected an unused immediate of 0, got %u", imm);
    }
    return KB_OK;
}

static kb_status check_meaning(kb_rule *self) {
    const kb_kir_type *dst = self->dst, *a = self->operand[0];
    switch (self->inst->op) {
    case KB_KIR_CONST: return kb_rule_const(self);
    case KB_KIR_SCALAR:
    case KB_KIR_MATH: return kb_rule_math(self);
    case KB_KIR_BLOCK: return kb_rule_block_math(self);
    case KB_KIR_PTRADD:
        KB_REQUIRE(self, kb_kir_type_same_element(dst, a), "expected pointers to one dtype");
        break;
    case KB_KIR_PROGRAM_ID:
    case KB_KIR_NUM_PROGRAMS:
        KB_REQUIRE(self, self->inst->imm < 3, "expected an axis below 3, got %u", self->inst->imm);
        break;
    case KB_KIR_ARANGE: return kb_rule_arange(self);
    case KB_KIR_SPLAT:
    case KB_KIR_FULL:
        KB_REQUIRE(self, kb_kir_type_same_element(dst, a),
                   "expected a scalar of the result's dtype");
        break;
    case KB_KIR_BLOCK_PTRADD:
        KB_REQUIRE(self, dst->pointer && kb_kir_type_same_element(dst, a),
                   "expected pointers to one dtype");
        KB_REQUIRE(self, kb_kir_type_is_integer(self->operand[1]), "expected integer offsets");
        KB_REQUIRE(self,
                   kb_kir_type_broadcasts(a, dst) && kb_kir_type_broadcasts(self->operand[1], dst),
                   "operands do not broadcast");
        break;
    case KB_KIR_BLOCK_RESHAPE:
    case KB_KIR_ALIAS:
        KB_REQUIRE(self,
                   kb_kir_type_same_element(dst, a) &&
                       kb_kir_type_n_elements(dst) == kb_kir_type_n_elements(a),
                   "expected equal dtypes and numbers of elements");
        break;
    case KB_KIR_BLOCK_BROADCAST:
        KB_REQUIRE(self, kb_kir_type_same_element(dst, a) && kb_kir_type_broadcasts(a, dst),
                   "the block does not broadcast");
        break;
    case KB_KIR_BLOCK_TRANS:
    case KB_KIR_TRANS: return kb_rule_permutation(self, a, dst);
    case KB_KIR_LOAD: return kb_rule_load(self);
    case KB_KIR_STORE: return kb_rule_store(self);
    case KB_KIR_DOT: return kb_rule_dot(self);
    case KB_KIR_REDUCE: return kb_rule_reduce(self);
    case KB_KIR_GATHER: return kb_rule_gather(self);
    case KB_KIR_COMPOSITE:
    case KB_KIR_COMPOSITE_WAIT:
        KB_REQUIRE(self, (dst ? dst : a)->dtype == KB_INT64, "expected a handle of int64");
        break;
    case KB_KIR_PLACE:
        KB_REQUIRE(self, self->inst->imm < KB_AT_COUNT, "expected a place below %d, got %u",
                   KB_AT_COUNT, self->inst->imm);
        break;
    case KB_KIR_REDUCE_SEND:
        KB_REQUIRE(self,
                   self->inst->sub < KB_MATHOP_COUNT && kb_mathop_arity(self->inst->sub) == 2 &&
                       kb_mathop_result(self->inst->sub) == KB_RESULT_SAME,
                   "expected an operation of two operands, got %s",
                   kb_mathop_name(self->inst->sub));
        KB_REQUIRE(self, !self->operand[1]->pointer, "expected numbers to combine, got pointers");
        break;
    case KB_KIR_SEND:
        KB_REQUIRE(self, !self->operand[1]->pointer, "expected numbers to send, got pointers");
        break;
    case KB_KIR_RECV:
    case KB_KIR_REDUCE_RECV:
        KB_REQUIRE(self, !dst->pointer, "expected numbers to receive, got pointers");
        break;
    case KB_KIR_MATERIALISE:
        KB_REQUIRE(self, kb_kir_type_same_element(dst, a) && kb_kir_type_same_dims(dst, a),
                   "tile and result differ in type");
        break;
    case KB_KIR_PRINT:
        KB_REQUIRE(self, self->inst->sub <= 1, "expected 0, or 1 for hexadecimal, got %u",
                   self->inst->sub);
        break;
    default: break;
    }
    return KB_OK;
}

static bool has_sub(uint8_t op) {
    return op == KB_KIR_SCALAR || op == KB_KIR_BLOCK || op == KB_KIR_MATH || op == KB_KIR_REDUCE ||
           op == KB_KIR_DOT || op == KB_KIR_REDUCE_SEND || op == KB_KIR_PRINT;
}

static kb_status check_inst(const kb_kernel *kernel, uint32_t index, kb_error *err) {
    kb_rule self = {.kernel = kernel, .inst = &kernel->insts[index], .index = index, .err = err};
    KB_REQUIRE(&self, self.inst->op < KB_KIR_COUNT, "expected an opcode below %d, got %u",
               KB_KIR_COUNT, self.inst->op);
    KB_TRY(check_operands(&self));
    KB_TRY(check_immediate(&self));
    KB_REQUIRE(&self, has_sub(self.inst->op) || self.inst->sub == 0,
               "expected an unused sub of 0, got %u", self.inst->sub);
    return check_meaning(&self);
}

static kb_status check_params(const kb_kernel *kernel, kb_error *err) {
    if (kernel->n_params > kernel->n_regs)
        return kb_error_set(err, KB_COMPILE,
                            "kernel %s: %u parameters need as many registers, got %u", kernel->name,
                            kernel->n_params, kernel->n_regs);
    for (uint32_t i = 0; i < kernel->n_params; i++) {
        const kb_kir_param *param = &kernel->params[i];
        if (param->type >= kernel->n_types || kernel->types[param->type].kind != KB_SCALAR ||
            kernel->regs[i] != param->type || param->reserved || param->name >= kernel->n_text)
            return kb_error_set(
                err, KB_COMPILE,
                "kernel %s: parameter %u: expected a named scalar whose type is register "
                "%u's, got type %u",
                kernel->name, i, i, param->type);
    }
    return KB_OK;
}

kb_status kb_kernel_verify(kb_alloc *alloc, const kb_kernel *kernel, kb_error *err) {
    if (kernel->n_regs >= KB_NO_REG || kernel->n_insts == 0 || kernel->n_insts > MAX_INSTS)
        return kb_error_set(
            err, KB_COMPILE,
            "kernel %s: expected at most %d registers and 1 to %d instructions, got %u "
            "and %u",
            kernel->name, KB_NO_REG - 1, MAX_INSTS, kernel->n_regs, kernel->n_insts);
    for (uint32_t i = 0; i < kernel->n_types; i++) KB_TRY(check_type(kernel, i, err));
    for (uint32_t i = 0; i < kernel->n_regs; i++)
        if (kernel->regs[i] >= kernel->n_types)
            return kb_error_set(err, KB_COMPILE,
                                "kernel %s: register %u: expected a type below %u, got %u",
                                kernel->name, i, kernel->n_types, kernel->regs[i]);
    KB_TRY(check_params(kernel, err));
    for (uint32_t i = 0; i < kernel->n_insts; i++) KB_TRY(check_inst(kernel, i, err));
    uint8_t last = kernel->insts[kernel->n_insts - 1].op;
    if (last != KB_KIR_JUMP && last != KB_KIR_RETURN)
        return kb_kernel_fault(kernel, kernel->n_insts - 1, err,
                               "expected a jump or return at the end");
    KB_TRY(kb_kernel_verify_composites(kernel, err));
    return kb_kernel_verify_flow(alloc, kernel, err);
}
