#include "kernel/verify.h"

#include <stdbool.h>
#include <string.h>

#include "kernel/scalar.h"

enum { MAX_INSTS = 1 << 20, MAX_TYPE_TEXT = 96 };

/* One instruction under check, with the types of its registers (NULL where there is none). */
typedef struct check {
    const kb_kernel *kernel;
    const kb_kir_inst *inst;
    uint32_t index;
    const kb_kir_type *dst;
    const kb_kir_type *operand[3];
    kb_error *err;
} check;

#define FAULT(self, ...) kb_kernel_fault((self)->kernel, (self)->index, (self)->err, __VA_ARGS__)

#define REQUIRE(self, condition, ...)                      \
    do {                                                   \
        if (!(condition)) return FAULT(self, __VA_ARGS__); \
    } while (0)

/* --- types --------------------------------------------------------------------------------------- */

static int64_t n_elements(const kb_kir_type *type) {
    int64_t count = 1;
    for (int d = 0; d < type->rank; d++) count *= type->dims[d];
    return count;
}

static kb_status check_type(const kb_kernel *kernel, uint32_t index, kb_error *err) {
    const kb_kir_type *type = &kernel->types[index];
    bool valid = type->kind < KB_KIND_COUNT && type->dtype < KB_DTYPE_COUNT && type->pointer <= 1 &&
                 type->rank <= KB_MAX_RANK;
    if (valid && type->kind == KB_SCALAR) valid = type->rank == 0;
    if (valid && type->kind == KB_BLOCK)
        valid =
            type->rank >= 1 && (type->pointer || kb_dtype_get_kind(type->dtype) != KB_KIND_FLOAT);
    int64_t count = 1;
    for (int d = 0; valid && d < KB_MAX_RANK; d++) {
        valid = d < type->rank ? type->dims[d] >= 1 : type->dims[d] == 1;
        count *= type->dims[d];
        valid = valid && count <= KB_MAX_TILE_ELEMENTS;
    }
    if (valid) return KB_OK;
    return kb_error_set(
        err, KB_COMPILE,
        "kernel %s: type %u: expected a scalar, a block of integers or a tile with at "
        "most %d dimensions and %d elements, got kind %u, dtype %u, pointer %u, rank %u",
        kernel->name, index, KB_MAX_RANK, KB_MAX_TILE_ELEMENTS, type->kind, type->dtype,
        type->pointer, type->rank);
}

static bool is_integer(const kb_kir_type *type) {
    return !type->pointer && (kb_dtype_get_kind(type->dtype) == KB_KIND_INT ||
                              kb_dtype_get_kind(type->dtype) == KB_KIND_UINT);
}

static bool same_element(const kb_kir_type *a, const kb_kir_type *b) {
    return a->dtype == b->dtype && a->pointer == b->pointer;
}

static bool same_dims(const kb_kir_type *a, const kb_kir_type *b) {
    return a->rank == b->rank && memcmp(a->dims, b->dims, sizeof a->dims) == 0;
}

static bool same_type(const kb_kir_type *a, const kb_kir_type *b) {
    return a->kind == b->kind && same_element(a, b) && same_dims(a, b);
}

/* Whether a value of type `from` can be seen with the dims of `to`. */
static bool broadcasts(const kb_kir_type *from, const kb_kir_type *to) {
    if (from->rank == 0) return true;
    if (from->rank != to->rank) return false;
    for (int d = 0; d < to->rank; d++)
        if (from->dims[d] != 1 && from->dims[d] != to->dims[d]) return false;
    return true;
}

/* The dtype in which arithmetic sees a value: addresses are int64. */
static kb_dtype seen_dtype(const kb_kir_type *type) {
    return type->pointer ? KB_INT64 : (kb_dtype)type->dtype;
}

/* --- operands ------------------------------------------------------------------------------------ */

static bool letter_allows(char letter, const kb_kir_type *type, const kb_kir_type *dst) {
    switch (letter) {
    case 's': return type->kind == KB_SCALAR;
    case 'i': return type->kind == KB_SCALAR && is_integer(type);
    case 'p': return type->kind == KB_SCALAR && type->pointer;
    case 'k': return type->kind == KB_BLOCK;
    case 't': return type->kind == KB_TILE;
    case 'b': return type->kind != KB_TILE;
    case 'q': return type->kind != KB_TILE && type->pointer;
    case 'm': return type->kind != KB_TILE && !type->pointer && type->dtype == KB_BOOL;
    case 'v': return true;
    case '*': return dst && same_type(type, dst);
    default: return false;
    }
}

static kb_status take_operand(check *self, const char *letters, uint16_t reg, const char *which,
                              const kb_kir_type **type) {
    *type = NULL;
    bool optional = letters[0] == '?';
    char letter = letters[optional ? 1 : 0];
    if (reg == KB_NO_REG) {
        REQUIRE(self, optional || letter == '-', "expected an operand %s", which);
        return KB_OK;
    }
    REQUIRE(self, letter != '-', "expected no operand %s, got register %u", which, reg);
    REQUIRE(self, reg < self->kernel->n_regs, "operand %s: expected a register below %u, got %u",
            which, self->kernel->n_regs, reg);
    *type = kb_kernel_type(self->kernel, reg);
    REQUIRE(self, letter_allows(letter, *type, self->dst),
            "operand %s: register %u is not of the kind that \"%s\" stands for", which, reg,
            letters);
    return KB_OK;
}

static kb_status check_operands(check *self) {
    const kb_kir_signature *signature = &kb_kir_signatures[self->inst->op];
    const kb_kir_inst *inst = self->inst;
    KB_TRY(take_operand(self, signature->dst, inst->dst, "dst", &self->dst));
    KB_TRY(take_operand(self, signature->a, inst->a, "a", &self->operand[0]));
    KB_TRY(take_operand(self, signature->b, inst->b, "b", &self->operand[1]));
    KB_TRY(take_operand(self, signature->c, inst->c, "c", &self->operand[2]));
    REQUIRE(self, inst->reserved == 0, "expected a reserved byte of 0, got %u", inst->reserved);
    REQUIRE(self, inst->flags <= 7, "expected last-use bits a, b, c, got flags %u", inst->flags);
    for (int i = 0; i < 3; i++) {
        bool is_tile = self->operand[i] && self->operand[i]->kind == KB_TILE;
        REQUIRE(self, is_tile || !(inst->flags >> i & 1),
                "the last-use bit of operand %c is set on no tile", 'a' + i);
    }
    return KB_OK;
}

static kb_status check_immediate(check *self) {
    const kb_kernel *kernel = self->kernel;
    uint32_t imm = self->inst->imm;
    switch (kb_kir_signatures[self->inst->op].imm) {
    case 'c':
        REQUIRE(self, imm < kernel->n_consts, "expected a constant below %u, got %u",
                kernel->n_consts, imm);
        break;
    case 'j':
        REQUIRE(self, imm < kernel->n_insts, "expected a target below %u, got %u", kernel->n_insts,
                imm);
        break;
    case 'n':
        REQUIRE(self, imm < kernel->n_text, "expected text below %u, got %u", kernel->n_text, imm);
        break;
    case 'x':
    case 'd': break;
    default: REQUIRE(self, imm == 0, "expected an unused immediate of 0, got %u", imm);
    }
    return KB_OK;
}

/* --- the rules of single opcodes ----------------------------------------------------------------- */

/* Permutation consts[imm] takes the dims of `from` to those of `to`. */
static kb_status check_permutation(check *self, const kb_kir_type *from, const kb_kir_type *to) {
    uint64_t nibbles = self->kernel->consts[self->inst->imm];
    uint32_t seen = 0;
    REQUIRE(self, same_element(from, to) && from->rank == to->rank,
            "expected equal dtypes and ranks, got ranks %u and %u", from->rank, to->rank);
    for (unsigned d = 0; d < to->rank; d++) {
        uint32_t source = (uint32_t)(nibbles >> 4 * d) & 15;
        REQUIRE(self,
                source < to->rank && !(seen >> source & 1) && to->dims[d] == from->dims[source],
                "expected a permutation that fits the dims, got %llx", (unsigned long long)nibbles);
        seen |= UINT32_C(1) << source;
    }
    REQUIRE(self, nibbles >> 4 * to->rank == 0, "expected a permutation of %u dims, got %llx",
            to->rank, (unsigned long long)nibbles);
    return KB_OK;
}

/* dst = sub(a, b, c): number, dtypes and dims of operands. */
static kb_status check_math(check *self) {
    kb_mathop op = (kb_mathop)self->inst->sub;
    REQUIRE(self, op < KB_MATHOP_COUNT, "expected an operation below %d, got %u", KB_MATHOP_COUNT,
            op);
    int arity = kb_mathop_arity(op), first = op == KB_MATHOP_WHERE, n_pointers = 0, n_lanes = 0;
    for (int i = 0; i < 3; i++) {
        const kb_kir_type *type = self->operand[i];
        REQUIRE(self, (type != NULL) == (i < arity), "%s takes %d operands", kb_mathop_name(op),
                arity);
        if (!type) continue;
        REQUIRE(self, broadcasts(type, self->dst), "operand %c does not broadcast to the result",
                'a' + i);
        if (i >= first) n_pointers += type->pointer;
        n_lanes += type->kind != KB_SCALAR;
    }
    if (op == KB_MATHOP_WHERE)
        REQUIRE(self, self->operand[0]->dtype == KB_BOOL && !self->operand[0]->pointer,
                "where: expected a bool condition, got %s", kb_dtype_name(self->operand[0]->dtype));
    const kb_kir_type *model = self->operand[first];
    for (int i = first; i < arity; i++)
        REQUIRE(self, same_element(self->operand[i], model), "%s: operands differ: %s and %s",
                kb_mathop_name(op), kb_dtype_name(model->dtype),
                kb_dtype_name(self->operand[i]->dtype));
    bool casts = op == KB_MATHOP_CAST || op == KB_MATHOP_BITCAST;
    bool passes = op == KB_MATHOP_WHERE || op == KB_MATHOP_MOVE;
    bool compares = kb_mathop_result(op) == KB_RESULT_BOOL;
    REQUIRE(self, n_pointers == 0 || casts || passes || compares, "%s is not defined on pointers",
            kb_mathop_name(op));
    REQUIRE(self, casts || self->dst->pointer == (passes ? model->pointer : 0),
            "%s: pointer and number differ", kb_mathop_name(op));
    REQUIRE(self, kb_scalar_defined(op, seen_dtype(model), seen_dtype(self->dst)),
            "%s is not defined from %s to %s", kb_mathop_name(op), kb_dtype_name(seen_dtype(model)),
            kb_dtype_name(seen_dtype(self->dst)));
    if (self->inst->op == KB_KIR_MATH)
        REQUIRE(self, n_lanes > 0, "expected at least one tile or block");
    return KB_OK;
}

/* Scalars and blocks have no memory of their own: their vectors are of integers. */
static kb_status check_block_math(check *self) {
    for (int i = 0; i < 3; i++) {
        const kb_kir_type *type = self->operand[i];
        bool is_float = type && !type->pointer && kb_dtype_get_kind(type->dtype) == KB_KIND_FLOAT;
        REQUIRE(self, !is_float, "operand %c: expected integers, got %s", 'a' + i,
                kb_dtype_name(type->dtype));
    }
    return check_math(self);
}

static kb_status check_const(check *self) {
    uint64_t bits = self->kernel->consts[self->inst->imm];
    REQUIRE(
        self, self->dst->pointer || kb_scalar_is_value((kb_dtype)self->dst->dtype, bits),
        "constant %llx is no value of %s (integers as int64, floats as the double of equal value)",
        (unsigned long long)bits, kb_dtype_name(self->dst->dtype));
    return KB_OK;
}

static kb_status check_arange(check *self) {
    int64_t start = (int64_t)self->kernel->consts[self->inst->imm], last;
    REQUIRE(self, self->dst->rank == 1 && is_integer(self->dst),
            "expected a rank-1 block of integers");
    bool over = __builtin_add_overflow(start, (int64_t)self->dst->dims[0] - 1, &last);
    REQUIRE(self,
            !over && start >= kb_scalar_least((kb_dtype)self->dst->dtype) &&
                last <= kb_scalar_greatest((kb_dtype)self->dst->dtype),
            "%u values from %lld on do not fit %s", self->dst->dims[0], (long long)start,
            kb_dtype_name(self->dst->dtype));
    return KB_OK;
}

/* The pointer, and the mask at `mask`, of a load or store of elements of `value`'s dtype. */
static kb_status check_memory(check *self, const kb_kir_type *value, int mask) {
    const kb_kir_type *pointer = self->operand[0], *lanes = self->operand[mask];
    REQUIRE(self, !value->pointer && value->dtype == pointer->dtype,
            "expected elements of %s, got %s%s", kb_dtype_name(pointer->dtype),
            value->pointer ? "pointers to " : "", kb_dtype_name(value->dtype));
    REQUIRE(self, !lanes || broadcasts(lanes, pointer),
            "the mask does not broadcast to the pointers");
    return KB_OK;
}

static kb_status check_load(check *self) {
    KB_TRY(check_memory(self, self->dst, 1));
    REQUIRE(self, same_dims(self->dst, self->operand[0]), "tile and pointers differ in shape");
    REQUIRE(self, !self->operand[2] || same_element(self->operand[2], self->dst),
            "expected `other` of %s", kb_dtype_name(self->dst->dtype));
    return KB_OK;
}

static kb_status check_store(check *self) {
    KB_TRY(check_memory(self, self->operand[1], 2));
    REQUIRE(self, broadcasts(self->operand[1], self->operand[0]),
            "the value does not broadcast to the pointers");
    return KB_OK;
}

static kb_status check_dot(check *self) {
    const kb_kir_type *a = self->operand[0], *b = self->operand[1], *acc = self->operand[2];
    kb_dtype_kind in = kb_dtype_get_kind(a->dtype), out = kb_dtype_get_kind(self->dst->dtype);
    bool small =
        in == KB_KIND_FLOAT && kb_dtype_nbytes(a->dtype) == 1 && kb_dtype_nbytes(b->dtype) == 1;
    REQUIRE(self, self->inst->sub < KB_PRECISION_COUNT, "expected a precision below %d, got %u",
            KB_PRECISION_COUNT, self->inst->sub);
    REQUIRE(self,
            a->rank == 2 && b->rank == 2 && self->dst->rank == 2 && a->dims[1] == b->dims[0] &&
                a->dims[0] == self->dst->dims[0] && b->dims[1] == self->dst->dims[1],
            "expected shapes (M, K) @ (K, N) -> (M, N)");
    REQUIRE(self,
            !a->pointer && !b->pointer && !self->dst->pointer &&
                in == kb_dtype_get_kind(b->dtype) && (a->dtype == b->dtype || small) &&
                in != KB_KIND_BOOL,
            "expected operands of one dtype, got %s and %s", kb_dtype_name(a->dtype),
            kb_dtype_name(b->dtype));
    REQUIRE(self,
            in == KB_KIND_FLOAT ? out == KB_KIND_FLOAT
                                : self->dst->dtype == KB_INT32 && kb_dtype_nbytes(a->dtype) == 1,
            "expected a result of floats, or of int32 from 8-bit integers, got %s from %s",
            kb_dtype_name(self->dst->dtype), kb_dtype_name(a->dtype));
    REQUIRE(self, !acc || same_type(acc, self->dst),
            "expected an accumulator of the result's type");
    return KB_OK;
}

static kb_status check_reduce(check *self) {
    const kb_kir_type *a = self->operand[0];
    kb_reduceop op = (kb_reduceop)self->inst->sub;
    REQUIRE(self, op < KB_REDUCEOP_COUNT, "expected a reduction below %d, got %u",
            KB_REDUCEOP_COUNT, op);
    REQUIRE(self, self->inst->imm < a->rank, "expected an axis below %u, got %u", a->rank,
            self->inst->imm);
    REQUIRE(self, self->dst->rank == a->rank - 1, "expected a result of rank %d", a->rank - 1);
    for (uint32_t d = 0, from = 0; d < self->dst->rank; d++, from++) {
        if (from == self->inst->imm) from++;
        REQUIRE(self, self->dst->dims[d] == a->dims[from], "the result's dims do not fit");
    }
    bool index = op == KB_REDUCEOP_ARGMAX || op == KB_REDUCEOP_ARGMIN;
    REQUIRE(self,
            !a->pointer && !self->dst->pointer && self->dst->dtype == (index ? KB_INT32 : a->dtype),
            "%s of %s cannot give %s", kb_reduceop_name(op), kb_dtype_name(a->dtype),
            kb_dtype_name(self->dst->dtype));
    REQUIRE(self, op != KB_REDUCEOP_XOR || kb_dtype_get_kind(a->dtype) != KB_KIND_FLOAT,
            "xor is not defined on %s", kb_dtype_name(a->dtype));
    return KB_OK;
}

/* Every element of the result has an index of its own, and its other coordinates from its place. */
static kb_status check_gather(check *self) {
    const kb_kir_type *a = self->operand[0], *index = self->operand[1];
    REQUIRE(self, same_element(self->dst, a) && !a->pointer,
            "expected a result of the operand's dtype");
    REQUIRE(self, index->kind != KB_SCALAR && is_integer(index) && same_dims(index, self->dst),
            "expected an index of integers for each element of the result");
    REQUIRE(self, self->inst->imm < a->rank && a->rank == index->rank,
            "expected operands of one rank above axis %u, got %u and %u", self->inst->imm, a->rank,
            index->rank);
    for (uint32_t d = 0; d < a->rank; d++)
        REQUIRE(self, d == self->inst->imm || a->dims[d] == index->dims[d],
                "dimension %u: expected %u indices, got %u", d, a->dims[d], index->dims[d]);
    return KB_OK;
}

static kb_status check_meaning(check *self) {
    const kb_kir_type *dst = self->dst, *a = self->operand[0];
    switch (self->inst->op) {
    case KB_KIR_CONST: return check_const(self);
    case KB_KIR_SCALAR:
    case KB_KIR_MATH: return check_math(self);
    case KB_KIR_BLOCK: return check_block_math(self);
    case KB_KIR_PTRADD:
        REQUIRE(self, same_element(dst, a), "expected pointers to one dtype");
        break;
    case KB_KIR_PROGRAM_ID:
    case KB_KIR_NUM_PROGRAMS:
        REQUIRE(self, self->inst->imm < 3, "expected an axis below 3, got %u", self->inst->imm);
        break;
    case KB_KIR_ARANGE: return check_arange(self);
    case KB_KIR_SPLAT:
    case KB_KIR_FULL:
        REQUIRE(self, same_element(dst, a), "expected a scalar of the result's dtype");
        break;
    case KB_KIR_BLOCK_PTRADD:
        REQUIRE(self, dst->pointer && same_element(dst, a), "expected pointers to one dtype");
        REQUIRE(self, is_integer(self->operand[1]), "expected integer offsets");
        REQUIRE(self, broadcasts(a, dst) && broadcasts(self->operand[1], dst),
                "operands do not broadcast");
        break;
    case KB_KIR_BLOCK_RESHAPE:
    case KB_KIR_ALIAS:
        REQUIRE(self, same_element(dst, a) && n_elements(dst) == n_elements(a),
                "expected equal dtypes and numbers of elements");
        break;
    case KB_KIR_BLOCK_BROADCAST:
        REQUIRE(self, same_element(dst, a) && broadcasts(a, dst), "the block does not broadcast");
        break;
    case KB_KIR_BLOCK_TRANS:
    case KB_KIR_TRANS: return check_permutation(self, a, dst);
    case KB_KIR_LOAD: return check_load(self);
    case KB_KIR_STORE: return check_store(self);
    case KB_KIR_DOT: return check_dot(self);
    case KB_KIR_REDUCE: return check_reduce(self);
    case KB_KIR_GATHER: return check_gather(self);
    case KB_KIR_COMPOSITE:
    case KB_KIR_COMPOSITE_WAIT:
        REQUIRE(self, (dst ? dst : a)->dtype == KB_INT64, "expected a handle of int64");
        break;
    case KB_KIR_PLACE:
        REQUIRE(self, self->inst->imm < KB_AT_COUNT, "expected a place below %d, got %u",
                KB_AT_COUNT, self->inst->imm);
        break;
    case KB_KIR_REDUCE_SEND:
        REQUIRE(self,
                self->inst->sub < KB_MATHOP_COUNT && kb_mathop_arity(self->inst->sub) == 2 &&
                    kb_mathop_result(self->inst->sub) == KB_RESULT_SAME,
                "expected an operation of two operands, got %s", kb_mathop_name(self->inst->sub));
        REQUIRE(self, !self->operand[1]->pointer, "expected numbers to combine, got pointers");
        break;
    case KB_KIR_SEND:
        REQUIRE(self, !self->operand[1]->pointer, "expected numbers to send, got pointers");
        break;
    case KB_KIR_RECV:
    case KB_KIR_REDUCE_RECV:
        REQUIRE(self, !dst->pointer, "expected numbers to receive, got pointers");
        break;
    case KB_KIR_MATERIALISE:
        REQUIRE(self, same_element(dst, a) && same_dims(dst, a), "tile and result differ in type");
        break;
    default: break;
    }
    return KB_OK;
}

static bool has_sub(uint8_t op) {
    return op == KB_KIR_SCALAR || op == KB_KIR_BLOCK || op == KB_KIR_MATH || op == KB_KIR_REDUCE ||
           op == KB_KIR_DOT || op == KB_KIR_REDUCE_SEND;
}

static kb_status check_inst(const kb_kernel *kernel, uint32_t index, kb_error *err) {
    check self = {.kernel = kernel, .inst = &kernel->insts[index], .index = index, .err = err};
    REQUIRE(&self, self.inst->op < KB_KIR_COUNT, "expected an opcode below %d, got %u",
            KB_KIR_COUNT, self.inst->op);
    KB_TRY(check_operands(&self));
    KB_TRY(check_immediate(&self));
    REQUIRE(&self, has_sub(self.inst->op) || self.inst->sub == 0,
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
