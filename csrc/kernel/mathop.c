#include "kernel/mathop.h"

#include <stddef.h>

static const struct {
    const char *name;
    uint8_t arity, cost, result;
} mathops[] = {
#define X(name, text, arity, cost, result) {text, arity, KB_MATH_##cost, KB_RESULT_##result},
    KB_MATHOP_LIST(X)
#undef X
};

static const char *const reduceops[] = {
#define X(name, text) text,
    KB_REDUCEOP_LIST(X)
#undef X
};

const char *kb_mathop_name(kb_mathop op) {
    return (size_t)op < KB_MATHOP_COUNT ? mathops[op].name : "unknown";
}

int kb_mathop_arity(kb_mathop op) {
    return (size_t)op < KB_MATHOP_COUNT ? mathops[op].arity : 0;
}

kb_math_cost kb_mathop_cost(kb_mathop op) {
    return (size_t)op < KB_MATHOP_COUNT ? (kb_math_cost)mathops[op].cost : KB_MATH_SIMPLE;
}

kb_math_result kb_mathop_result(kb_mathop op) {
    return (size_t)op < KB_MATHOP_COUNT ? (kb_math_result)mathops[op].result : KB_RESULT_ANY;
}

const char *kb_reduceop_name(kb_reduceop op) {
    return (size_t)op < KB_REDUCEOP_COUNT ? reduceops[op] : "unknown";
}
