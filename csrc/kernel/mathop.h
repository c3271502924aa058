/* Arithmetic, once for all: the operations that PE_CPU does on scalars and index blocks, and PE_MATH on
 * tiles.  One list gives the enumerators, the names that the compiler uses, the number of operands,
 * and the cost class of PE_MATH.
 *
 * Operands of an operation have one dtype (the compiler inserts casts, by Triton's promotion), except:
 * WHERE's first is a bool; CAST converts.  Comparisons give bool.  FLOORDIV and MOD of integers truncate
 * toward zero, as Triton's do; by zero they give 0 and the dividend, never a trap.
 */
#ifndef KB_KERNEL_MATHOP_H
#define KB_KERNEL_MATHOP_H

#include <stdint.h>

/* X(enumerator, "name", operands, cost class: SIMPLE DIVIDE SPECIAL, result: SAME BOOL ANY) */
#define KB_MATHOP_LIST(X)                    \
    X(MOVE, "move", 1, SIMPLE, SAME)         \
    X(CAST, "cast", 1, SIMPLE, ANY)          \
    X(BITCAST, "bitcast", 1, SIMPLE, ANY)    \
    X(NEG, "neg", 1, SIMPLE, SAME)           \
    X(ABS, "abs", 1, SIMPLE, SAME)           \
    X(NOT, "not", 1, SIMPLE, SAME)           \
    X(ADD, "add", 2, SIMPLE, SAME)           \
    X(SUB, "sub", 2, SIMPLE, SAME)           \
    X(MUL, "mul", 2, SIMPLE, SAME)           \
    X(DIV, "div", 2, DIVIDE, SAME)           \
    X(FLOORDIV, "floordiv", 2, DIVIDE, SAME) \
    X(MOD, "mod", 2, DIVIDE, SAME)           \
    X(MIN, "min", 2, SIMPLE, SAME)           \
    X(MAX, "max", 2, SIMPLE, SAME)           \
    X(AND, "and", 2, SIMPLE, SAME)           \
    X(OR, "or", 2, SIMPLE, SAME)             \
    X(XOR, "xor", 2, SIMPLE, SAME)           \
    X(SHL, "shl", 2, SIMPLE, SAME)           \
    X(SHR, "shr", 2, SIMPLE, SAME)           \
    X(EQ, "eq", 2, SIMPLE, BOOL)             \
    X(NE, "ne", 2, SIMPLE, BOOL)             \
    X(LT, "lt", 2, SIMPLE, BOOL)             \
    X(LE, "le", 2, SIMPLE, BOOL)             \
    X(GT, "gt", 2, SIMPLE, BOOL)             \
    X(GE, "ge", 2, SIMPLE, BOOL)             \
    X(WHERE, "where", 3, SIMPLE, SAME)       \
    X(FMA, "fma", 3, SIMPLE, SAME)           \
    X(SQRT, "sqrt", 1, DIVIDE, SAME)         \
    X(RSQRT, "rsqrt", 1, DIVIDE, SAME)       \
    X(FLOOR, "floor", 1, SIMPLE, SAME)       \
    X(CEIL, "ceil", 1, SIMPLE, SAME)         \
    X(EXP, "exp", 1, SPECIAL, SAME)          \
    X(EXP2, "exp2", 1, SPECIAL, SAME)        \
    X(LOG, "log", 1, SPECIAL, SAME)          \
    X(LOG2, "log2", 1, SPECIAL, SAME)        \
    X(SIN, "sin", 1, SPECIAL, SAME)          \
    X(COS, "cos", 1, SPECIAL, SAME)          \
    X(TANH, "tanh", 1, SPECIAL, SAME)        \
    X(ERF, "erf", 1, SPECIAL, SAME)          \
    X(SIGMOID, "sigmoid", 1, SPECIAL, SAME)  \
    X(POW, "pow", 2, SPECIAL, SAME)

typedef enum kb_mathop {
#define X(name, text, arity, cost, result) KB_MATHOP_##name,
    KB_MATHOP_LIST(X)
#undef X
        KB_MATHOP_COUNT
} kb_mathop;

/* X(enumerator, "name").  Reductions have one fixed tree (ADR-0047): lanes pairwise, see replay/reduce.h.
 * ARGMAX and ARGMIN give int32 indices, the leftmost of equals. */
#define KB_REDUCEOP_LIST(X) \
    X(SUM, "sum")           \
    X(MAX, "max")           \
    X(MIN, "min")           \
    X(XOR, "xor")           \
    X(ARGMAX, "argmax")     \
    X(ARGMIN, "argmin")

typedef enum kb_reduceop {
#define X(name, text) KB_REDUCEOP_##name,
    KB_REDUCEOP_LIST(X)
#undef X
        KB_REDUCEOP_COUNT
} kb_reduceop;

typedef enum kb_math_cost { KB_MATH_SIMPLE, KB_MATH_DIVIDE, KB_MATH_SPECIAL } kb_math_cost;

/* The dtype of a result: that of the operands, bool, or whatever is asked for. */
typedef enum kb_math_result { KB_RESULT_SAME, KB_RESULT_BOOL, KB_RESULT_ANY } kb_math_result;

/* For a number that is no operation: "unknown", 0 operands, KB_MATH_SIMPLE, KB_RESULT_ANY. */
const char *kb_mathop_name(kb_mathop op);
int kb_mathop_arity(kb_mathop op);
kb_math_cost kb_mathop_cost(kb_mathop op);
kb_math_result kb_mathop_result(kb_mathop op);
const char *kb_reduceop_name(kb_reduceop op);

#endif
