/* Quick code: a kernel's commonest instructions, decoded once so that PE_CPU runs them fast.
 *
 *   instructions   0 const   1 load   2 scalar.add   3 scalar.lt   4 jump_if   5 return
 *   quick code     0 CONST   1 NONE   2 ADD32        3 LT_IF       4 JUMP_IF   5 NONE
 *
 * There is one quick instruction per instruction, so program counters are the same.  NONE is any that has
 * no quick form: the VM does it its own way.  A comparison whose result the next instruction jumps by does
 * both; that jump keeps its own form, for those who come from elsewhere.
 *
 * It may run unchecked because kb_kernel_create has checked the kernel.  What the operations mean is said
 * by kernel/scalar.h and kernel/block.h; quick forms are the cases where C's own operators, or a shift of
 * a block's base, mean the same.  test_quick compares the two.
 */
#ifndef KB_KERNEL_QUICK_H
#define KB_KERNEL_QUICK_H

#include <stdint.h>

#include "kernel/block.h"

/* What a register holds. */
typedef union kb_reg {
    uint64_t bits;      /* scalar */
    uint32_t tile;      /* tile; its number in TCM */
    kb_blockval *block; /* block: the register's own place */
} kb_reg;

/* dst = value of a and b.  X(enumerator, kb_mathop, dtypes of the operands, value) */
#define KB_QUICK_MATH_LIST(X)                                  \
    X(ADD32, ADD, INT32, (uint64_t)(int32_t)(uint32_t)(a + b)) \
    X(SUB32, SUB, INT32, (uint64_t)(int32_t)(uint32_t)(a - b)) \
    X(MUL32, MUL, INT32, (uint64_t)(int32_t)(uint32_t)(a * b)) \
    X(ADD64, ADD, INT64, a + b)                                \
    X(SUB64, SUB, INT64, a - b)                                \
    X(MUL64, MUL, INT64, a *b)                                 \
    X(MIN, MIN, ORDERED, (int64_t)a < (int64_t)b ? a : b)      \
    X(MAX, MAX, ORDERED, (int64_t)a > (int64_t)b ? a : b)      \
    X(AND, AND, INTEGERS, a &b)                                \
    X(OR, OR, INTEGERS, a | b)                                 \
    X(XOR, XOR, INTEGERS, a ^ b)

/* The same of ORDERED operands, as long as the divisor is above 0. */
#define KB_QUICK_DIVIDE_LIST(X) X(DIV, FLOORDIV, /) X(MOD, MOD, %)

/* Comparisons of ORDERED operands, each alone, with a JUMP_IF and with a JUMP_UNLESS after it. */
#define KB_QUICK_COMPARE_LIST(X) X(EQ, ==) X(NE, !=) X(LT, <) X(LE, <=) X(GT, >) X(GE, >=)

/* X(enumerator) of the others */
#define KB_QUICK_OTHER_LIST(X)                                           \
    X(NONE)         /* it has no quick form */                           \
    X(CONST)        /* dst = imm */                                      \
    X(MOVE)         /* dst = a */                                        \
    X(MOVE32)       /* dst = a, wrapped to int32 */                      \
    X(MOVE_POINTER) /* dst = a, its origin too */                        \
    X(PTRADD)       /* dst = a + b * imm, with a's origin */             \
    X(SHIFT)        /* block dst = block a + b * imm, with a's origin */ \
    X(SPREAD)       /* block dst = a + block b * imm, with a's origin */ \
    X(JUMP)         /* to imm */                                         \
    X(JUMP_IF)                                                           \
    X(JUMP_UNLESS)

typedef enum kb_quick_op {
#define X(name) KB_QUICK_##name,
    KB_QUICK_OTHER_LIST(X)
#undef X
#define X(name, op, dtypes, value) KB_QUICK_##name,
        KB_QUICK_MATH_LIST(X)
#undef X
#define X(name, op, sign) KB_QUICK_##name,
            KB_QUICK_DIVIDE_LIST(X)
#undef X
#define X(name, sign) KB_QUICK_##name, KB_QUICK_##name##_IF, KB_QUICK_##name##_UNLESS,
                KB_QUICK_COMPARE_LIST(X)
#undef X
                    KB_QUICK_COUNT
} kb_quick_op;

typedef struct kb_quick {
    uint16_t op, dst, a, b;
    uint64_t imm;
} kb_quick;

/* Where a run stands, and what it has done. */
typedef struct kb_quick_run {
    uint32_t pc;
    int64_t left;                 /* instructions that it may still do */
    int64_t n_branches, n_blocks; /* those that were jumps, or on blocks; the others were scalar */
} kb_quick_run;

/* The quick code of a checked kernel, n_insts of them. */
void kb_quick_decode(const kb_kernel *kernel, kb_quick *code);

/* Goes on from run->pc until an instruction has no quick form, or fewer than two may be done (a comparison
 * and its jump are two).  `origins` is a number per register that pointers carry along. */
void kb_quick_go(const kb_quick *code, kb_reg *regs, uint64_t *origins, kb_quick_run *run);

#endif
