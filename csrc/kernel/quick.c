#include "kernel/quick.h"

#include <stdbool.h>
#include <string.h>

#include "base/checked.h"

/* --- decoding ------------------------------------------------------------------------------------ */

typedef enum dtypes { INT32, INT64, ORDERED, INTEGERS } dtypes;

/* ORDERED are the integers that compare as the int64 that stands for them does: all but uint64. */
static bool covers(dtypes set, const kb_kir_type *type) {
    kb_dtype dtype = type->pointer ? KB_INT64 : (kb_dtype)type->dtype;
    switch (set) {
    case INT32: return dtype == KB_INT32;
    case INT64: return dtype == KB_INT64;
    case ORDERED: return kb_dtype_get_kind(dtype) != KB_KIND_FLOAT && dtype != KB_UINT64;
    default: return kb_dtype_get_kind(dtype) != KB_KIND_FLOAT;
    }
}

static bool is_integer(const kb_kernel *kernel, uint16_t reg) {
    return covers(INTEGERS, kb_kernel_type(kernel, reg));
}

static kb_quick_op decode_cast(const kb_kernel *kernel, const kb_kir_inst *inst) {
    const kb_kir_type *dst = kb_kernel_type(kernel, inst->dst);
    if (dst->pointer || !is_integer(kernel, inst->a)) return KB_QUICK_NONE;
    return covers(INT64, dst)   ? KB_QUICK_MOVE
           : covers(INT32, dst) ? KB_QUICK_MOVE32
                                : KB_QUICK_NONE;
}

static kb_quick_op decode_scalar(const kb_kernel *kernel, const kb_kir_inst *inst) {
    const kb_kir_type *operand = kb_kernel_type(kernel, inst->a);
    if (inst->sub == KB_MATHOP_CAST) return decode_cast(kernel, inst);
#define X(name, mathop, set, value) \
    if (inst->sub == KB_MATHOP_##mathop && covers(set, operand)) return KB_QUICK_##name;
    KB_QUICK_MATH_LIST(X)
#undef X
#define X(name, mathop, sign) \
    if (inst->sub == KB_MATHOP_##mathop && covers(ORDERED, operand)) return KB_QUICK_##name;
    KB_QUICK_DIVIDE_LIST(X)
#undef X
    const kb_kir_inst *next = inst + 1; /* there is one: a kernel ends with a jump or return */
    bool jumps = (next->op == KB_KIR_JUMP_IF || next->op == KB_KIR_JUMP_UNLESS) &&
                 next->a == inst->dst && covers(ORDERED, operand);
#define X(name, sign)                                              \
    if (inst->sub == KB_MATHOP_##name && covers(ORDERED, operand)) \
        return !jumps                       ? KB_QUICK_##name      \
               : next->op == KB_KIR_JUMP_IF ? KB_QUICK_##name##_IF \
                                            : KB_QUICK_##name##_UNLESS;
    KB_QUICK_COMPARE_LIST(X)
#undef X
    return KB_QUICK_NONE;
}

static kb_quick_op decode_move(const kb_kernel *kernel, const kb_kir_inst *inst) {
    const kb_kir_type *type = kb_kernel_type(kernel, inst->dst);
    if (type->kind != KB_SCALAR) return KB_QUICK_NONE;
    return type->pointer ? KB_QUICK_MOVE_POINTER : KB_QUICK_MOVE;
}

/* A number added to each element of a block, or the elements of a block that a pointer points to. */
static kb_quick_op decode_shift(const kb_kernel *kernel, const kb_kir_inst *inst) {
    if (inst->op == KB_KIR_BLOCK && inst->sub != KB_MATHOP_ADD && inst->sub != KB_MATHOP_SUB)
        return KB_QUICK_NONE;
    const kb_kir_type *a = kb_kernel_type(kernel, inst->a), *b = kb_kernel_type(kernel, inst->b);
    const kb_kir_type *dst = kb_kernel_type(kernel, inst->dst);
    if (a->kind == KB_BLOCK && b->kind == KB_SCALAR)
        return memcmp(a->dims, dst->dims, sizeof a->dims) == 0 ? KB_QUICK_SHIFT : KB_QUICK_NONE;
    bool same_dims = memcmp(b->dims, dst->dims, sizeof b->dims) == 0;
    if (a->kind != KB_SCALAR || b->kind != KB_BLOCK || !same_dims) return KB_QUICK_NONE;
    if (inst->op == KB_KIR_BLOCK_PTRADD) return KB_QUICK_SPREAD;
    return inst->sub == KB_MATHOP_ADD ? KB_QUICK_SHIFT : KB_QUICK_NONE;
}

static uint64_t immediate(const kb_kernel *kernel, const kb_kir_inst *inst, kb_quick_op op) {
    switch (op) {
    case KB_QUICK_CONST: return kernel->consts[inst->imm];
    case KB_QUICK_JUMP:
    case KB_QUICK_JUMP_IF:
    case KB_QUICK_JUMP_UNLESS: return inst->imm;
    case KB_QUICK_SHIFT:
        if (inst->op == KB_KIR_BLOCK) return inst->sub == KB_MATHOP_ADD ? 1 : UINT64_MAX;
        break;
    case KB_QUICK_SPREAD:
    case KB_QUICK_PTRADD: break;
    default: return inst[1].imm; /* of the jump after a comparison; others have no use for it */
    }
    return kb_dtype_nbytes((kb_dtype)kb_kernel_type(kernel, inst->dst)->dtype);
}

static kb_quick_op decode(const kb_kernel *kernel, const kb_kir_inst *inst) {
    switch (inst->op) {
    case KB_KIR_CONST: return KB_QUICK_CONST;
    case KB_KIR_MOV: return decode_move(kernel, inst);
    case KB_KIR_SCALAR: return decode_scalar(kernel, inst);
    case KB_KIR_PTRADD: return KB_QUICK_PTRADD;
    case KB_KIR_BLOCK:
    case KB_KIR_BLOCK_PTRADD: return decode_shift(kernel, inst);
    case KB_KIR_JUMP: return KB_QUICK_JUMP;
    case KB_KIR_JUMP_IF: return is_integer(kernel, inst->a) ? KB_QUICK_JUMP_IF : KB_QUICK_NONE;
    case KB_KIR_JUMP_UNLESS:
        return is_integer(kernel, inst->a) ? KB_QUICK_JUMP_UNLESS : KB_QUICK_NONE;
    default: return KB_QUICK_NONE;
    }
}

void kb_quick_decode(const kb_kernel *kernel, kb_quick *code) {
    for (uint32_t i = 0; i < kernel->n_insts; i++) {
        const kb_kir_inst *inst = &kernel->insts[i];
        kb_quick_op op = decode(kernel, inst);
        code[i] = (kb_quick){.op = (uint16_t)op, .dst = inst->dst, .a = inst->a, .b = inst->b};
        if (op == KB_QUICK_SHIFT && kb_kernel_type(kernel, inst->a)->kind == KB_SCALAR) {
            code[i].a = inst->b;
            code[i].b = inst->a;
        }
        if (op != KB_QUICK_NONE) code[i].imm = immediate(kernel, inst, op);
    }
}

/* --- running ------------------------------------------------------------------------------------- */

/* Each instruction jumps to the next one's code itself where the compiler can take a label's address;
 * elsewhere a loop over a switch does.  OP(name) begins one, GO ends it. */
#if defined(__GNUC__)
#pragma GCC diagnostic ignored "-Wpedantic" /* labels as values */
#define LABEL(name) [KB_QUICK_##name] = &&do_##name,
#define LABELS(name, sign) LABEL(name) LABEL(name##_IF) LABEL(name##_UNLESS)
#define LABEL_MATH(name, op, set, value) LABEL(name)
#define LABEL_DIVIDE(name, op, sign) LABEL(name)
#define BEGIN                                                                    \
    static const void *const labels[] = {KB_QUICK_OTHER_LIST(LABEL) /* */        \
                                         KB_QUICK_MATH_LIST(LABEL_MATH)          \
                                             KB_QUICK_DIVIDE_LIST(LABEL_DIVIDE)  \
                                                 KB_QUICK_COMPARE_LIST(LABELS)}; \
    NEXT;
#define OP(name) do_##name:
#define NEXT                    \
    do {                        \
        if (left < 2) goto out; \
        goto *labels[at->op];   \
    } while (0)
#define END
#else
#define BEGIN             \
    while (left >= 2) {   \
        switch (at->op) { \
        default:
#define OP(name) case KB_QUICK_##name:
#define NEXT continue
#define END \
    }       \
    }
#endif

#define GO(to, n)    \
    do {             \
        at = (to);   \
        left -= (n); \
        NEXT;        \
    } while (0)

#define BRANCH(taken, n)                              \
    do {                                              \
        n_branches++;                                 \
        GO((taken) ? code + at->imm : at + (n), (n)); \
    } while (0)

void kb_quick_go(const kb_quick *code, kb_reg *regs, uint64_t *origins, kb_quick_run *run) {
    const kb_quick *at = code + run->pc;
    int64_t left = run->left, n_branches = 0, n_blocks = 0;
    BEGIN
    OP(NONE) goto out;
    OP(CONST) {
        regs[at->dst].bits = at->imm;
        GO(at + 1, 1);
    }
    OP(MOVE) {
        regs[at->dst].bits = regs[at->a].bits;
        GO(at + 1, 1);
    }
    OP(MOVE32) {
        regs[at->dst].bits = (uint64_t)(int32_t)(uint32_t)regs[at->a].bits;
        GO(at + 1, 1);
    }
    OP(MOVE_POINTER) {
        regs[at->dst].bits = regs[at->a].bits;
        origins[at->dst] = origins[at->a];
        GO(at + 1, 1);
    }
    OP(PTRADD) {
        regs[at->dst].bits = regs[at->a].bits + regs[at->b].bits * at->imm;
        origins[at->dst] = origins[at->a];
        GO(at + 1, 1);
    }
    OP(SHIFT) {
        int64_t k;
        if (kb_mul_i64((int64_t)regs[at->b].bits, (int64_t)at->imm, &k)) goto out;
        if (!kb_block_shift(regs[at->a].block, k, regs[at->dst].block)) goto out;
        origins[at->dst] = origins[at->a];
        n_blocks++;
        GO(at + 1, 1);
    }
    OP(SPREAD) {
        int64_t pointer = (int64_t)regs[at->a].bits, nbytes = (int64_t)at->imm;
        if (!kb_block_spread(regs[at->b].block, nbytes, pointer, regs[at->dst].block)) goto out;
        origins[at->dst] = origins[at->a];
        n_blocks++;
        GO(at + 1, 1);
    }
    OP(JUMP) BRANCH(true, 1);
    OP(JUMP_IF) BRANCH(regs[at->a].bits != 0, 1);
    OP(JUMP_UNLESS) BRANCH(regs[at->a].bits == 0, 1);
#define X(name, mathop, set, value)                          \
    OP(name) {                                               \
        uint64_t a = regs[at->a].bits, b = regs[at->b].bits; \
        regs[at->dst].bits = (value);                        \
        GO(at + 1, 1);                                       \
    }
    KB_QUICK_MATH_LIST(X)
#undef X
#define X(name, mathop, sign)                                                    \
    OP(name) {                                                                   \
        int64_t divisor = (int64_t)regs[at->b].bits;                             \
        if (divisor <= 0) goto out;                                              \
        regs[at->dst].bits = (uint64_t)((int64_t)regs[at->a].bits sign divisor); \
        GO(at + 1, 1);                                                           \
    }
    KB_QUICK_DIVIDE_LIST(X)
#undef X
#define COMPARE(sign)                                                        \
    bool truth = (int64_t)regs[at->a].bits sign(int64_t) regs[at -> b].bits; \
    regs[at->dst].bits = truth;
#define X(name, sign)      \
    OP(name) {             \
        COMPARE(sign)      \
        GO(at + 1, 1);     \
    }                      \
    OP(name##_IF) {        \
        COMPARE(sign)      \
        BRANCH(truth, 2);  \
    }                      \
    OP(name##_UNLESS) {    \
        COMPARE(sign)      \
        BRANCH(!truth, 2); \
    }
    KB_QUICK_COMPARE_LIST(X)
#undef X
    END out : run->pc = (uint32_t)(at - code);
    run->left = left;
    run->n_branches = n_branches;
    run->n_blocks = n_blocks;
}
