#include "kernel/scalar.h"

#include <math.h>
#include <string.h>

#include "kernel/special.h"
#include "mem/minifloat.h"

/* Which kinds of dtype an operation works on. */
enum { ON_INTEGERS = 1, ON_FLOATS = 2 };

static int domain(kb_mathop op) {
    switch (op) {
    case KB_MATHOP_NOT:
    case KB_MATHOP_FLOORDIV:
    case KB_MATHOP_AND:
    case KB_MATHOP_OR:
    case KB_MATHOP_XOR:
    case KB_MATHOP_SHL:
    case KB_MATHOP_SHR: return ON_INTEGERS;
    case KB_MATHOP_DIV:
    case KB_MATHOP_SQRT:
    case KB_MATHOP_RSQRT:
    case KB_MATHOP_FLOOR:
    case KB_MATHOP_CEIL: return ON_FLOATS;
    default: return kb_mathop_cost(op) == KB_MATH_SPECIAL ? ON_FLOATS : ON_INTEGERS | ON_FLOATS;
    }
}

bool kb_scalar_defined(kb_mathop op, kb_dtype operand, kb_dtype result) {
    if ((unsigned)op >= KB_MATHOP_COUNT || (unsigned)operand >= KB_DTYPE_COUNT ||
        (unsigned)result >= KB_DTYPE_COUNT)
        return false;
    bool is_float = kb_dtype_get_kind(operand) == KB_KIND_FLOAT;
    if (!(domain(op) & (is_float ? ON_FLOATS : ON_INTEGERS))) return false;
    if (op == KB_MATHOP_BITCAST) return kb_dtype_nbytes(operand) == kb_dtype_nbytes(result);
    switch (kb_mathop_result(op)) {
    case KB_RESULT_SAME: return operand == result;
    case KB_RESULT_BOOL: return result == KB_BOOL;
    default: return true;
    }
}

uint64_t kb_scalar_load(kb_dtype dtype, const void *memory) {
    uint64_t bits = 0;
    switch (kb_dtype_get_kind(dtype)) {
    case KB_KIND_FLOAT: kb_dtype_convert(KB_FLOAT64, &bits, dtype, memory, 1); break;
    case KB_KIND_UINT: kb_dtype_convert(KB_UINT64, &bits, dtype, memory, 1); break;
    default: kb_dtype_convert(KB_INT64, &bits, dtype, memory, 1); break;
    }
    double number;
    memcpy(&number, &bits, sizeof number);
    return dtype == KB_FLOAT64 && number != number ? KB_F64_NAN : bits;
}

void kb_scalar_store(kb_dtype dtype, uint64_t bits, void *memory) {
    kb_dtype wide = kb_dtype_get_kind(dtype) == KB_KIND_FLOAT ? KB_FLOAT64 : KB_INT64;
    if (dtype == KB_UINT64) wide = KB_UINT64;
    kb_dtype_convert(dtype, memory, wide, &bits, 1);
}

bool kb_scalar_is_value(kb_dtype dtype, uint64_t bits) {
    unsigned char memory[8];
    kb_scalar_store(dtype, bits, memory);
    return kb_scalar_load(dtype, memory) == bits;
}

static uint64_t cast(kb_dtype from, kb_dtype to, uint64_t bits) {
    unsigned char memory[8];
    kb_dtype wide = from == KB_UINT64 ? KB_UINT64 : KB_INT64;
    if (kb_dtype_get_kind(from) == KB_KIND_FLOAT) wide = KB_FLOAT64;
    kb_dtype_convert(to, memory, wide, &bits, 1);
    return kb_scalar_load(to, memory);
}

/* --- integers ------------------------------------------------------------------------------------ */

static int64_t divide(bool is_unsigned, int64_t a, int64_t b) {
    if (b == 0) return 0;
    if (is_unsigned) return (int64_t)((uint64_t)a / (uint64_t)b);
    return b == -1 ? (int64_t)(0 - (uint64_t)a) : a / b;
}

static int64_t shift(bool left, bool is_unsigned, int width, int64_t a, uint64_t count) {
    if (count >= (uint64_t)width) return left || is_unsigned || a >= 0 ? 0 : -1;
    if (left) return (int64_t)((uint64_t)a << count);
    return is_unsigned ? (int64_t)((uint64_t)a >> count) : a >> count;
}

/* What an operation has to know of an integer dtype. */
typedef struct integers {
    bool is_unsigned;
    int width;
} integers;

static integers integers_of(kb_dtype dtype) {
    return (integers){.is_unsigned = kb_dtype_get_kind(dtype) != KB_KIND_INT,
                      .width = dtype == KB_BOOL ? 1 : 8 * (int)kb_dtype_nbytes(dtype)};
}

/* Inline, so that a loop with a fixed op is one of that operation alone. */
static inline __attribute__((always_inline)) int64_t integer_math(kb_mathop op, integers dtype,
                                                                  int64_t a, int64_t b, int64_t c) {
    bool is_unsigned = dtype.is_unsigned;
    bool less = is_unsigned ? (uint64_t)a < (uint64_t)b : a < b;
    int width = dtype.width;
    uint64_t ua = (uint64_t)a, ub = (uint64_t)b;
    switch (op) {
    case KB_MATHOP_NEG: return (int64_t)(0 - ua);
    case KB_MATHOP_ABS: return is_unsigned || a >= 0 ? a : (int64_t)(0 - ua);
    case KB_MATHOP_NOT: return ~a;
    case KB_MATHOP_ADD: return (int64_t)(ua + ub);
    case KB_MATHOP_SUB: return (int64_t)(ua - ub);
    case KB_MATHOP_MUL: return (int64_t)(ua * ub);
    case KB_MATHOP_FLOORDIV: return divide(is_unsigned, a, b);
    case KB_MATHOP_MOD: return (int64_t)(ua - (uint64_t)divide(is_unsigned, a, b) * ub);
    case KB_MATHOP_MIN: return less ? a : b;
    case KB_MATHOP_MAX: return less ? b : a;
    case KB_MATHOP_AND: return a & b;
    case KB_MATHOP_OR: return a | b;
    case KB_MATHOP_XOR: return a ^ b;
    case KB_MATHOP_SHL: return shift(true, is_unsigned, width, a, ub);
    case KB_MATHOP_SHR: return shift(false, is_unsigned, width, a, ub);
    case KB_MATHOP_EQ: return a == b;
    case KB_MATHOP_NE: return a != b;
    case KB_MATHOP_LT: return less;
    case KB_MATHOP_LE: return less || a == b;
    case KB_MATHOP_GT: return !less && a != b;
    case KB_MATHOP_GE: return !less;
    case KB_MATHOP_FMA: return (int64_t)(ua * ub + (uint64_t)c);
    case KB_MATHOP_WHERE: return a ? b : c;
    default: return a;
    }
}

static void integer_row(kb_mathop op, integers dtype, const int64_t *a, const int64_t *b,
                        const int64_t *c, uint32_t count, int64_t *values) {
    switch (op) {
#define X(name, text, arity, cost, result)                                       \
    case KB_MATHOP_##name:                                                       \
        for (uint32_t i = 0; i < count; i++)                                     \
            values[i] = integer_math(KB_MATHOP_##name, dtype, a[i], b[i], c[i]); \
        return;
        KB_MATHOP_LIST(X)
#undef X
    default: return;
    }
}

static void wrap_row(kb_dtype dtype, int64_t *values, uint32_t count) {
    switch (dtype) {
#define WRAP(name)                                                                        \
    case name:                                                                            \
        for (uint32_t i = 0; i < count; i++) values[i] = kb_scalar_wrap(name, values[i]); \
        return;
        WRAP(KB_BOOL)
        WRAP(KB_INT8)
        WRAP(KB_INT16)
        WRAP(KB_INT32)
        WRAP(KB_UINT8)
        WRAP(KB_UINT16)
        WRAP(KB_UINT32)
#undef WRAP
    default: return; /* 64 bits are as they are */
    }
}

/* --- floats -------------------------------------------------------------------------------------- */

static bool compare(kb_mathop op, double a, double b) {
    switch (op) {
    case KB_MATHOP_EQ: return a == b;
    case KB_MATHOP_NE: return a != b;
    case KB_MATHOP_LT: return a < b;
    case KB_MATHOP_LE: return a <= b;
    case KB_MATHOP_GT: return a > b;
    default: return a >= b;
    }
}

/* Once for float and once for double; LIBM are functions that are exact by definition. */
#define FLOAT_MATH(name, type, LIBM, OURS)                   \
    static type name(kb_mathop op, type a, type b, type c) { \
        switch (op) {                                        \
        case KB_MATHOP_NEG: return -a;                       \
        case KB_MATHOP_ABS: return LIBM(fabs)(a);            \
        case KB_MATHOP_ADD: return a + b;                    \
        case KB_MATHOP_SUB: return a - b;                    \
        case KB_MATHOP_MUL: return a * b;                    \
        case KB_MATHOP_DIV: return a / b;                    \
        case KB_MATHOP_MOD: return LIBM(fmod)(a, b);         \
        case KB_MATHOP_MIN: return b != b || a <= b ? a : b; \
        case KB_MATHOP_MAX: return b != b || a >= b ? a : b; \
        case KB_MATHOP_FMA: return LIBM(fma)(a, b, c);       \
        case KB_MATHOP_FLOOR: return LIBM(floor)(a);         \
        case KB_MATHOP_CEIL: return LIBM(ceil)(a);           \
        case KB_MATHOP_SQRT: return OURS(sqrt)(a);           \
        case KB_MATHOP_RSQRT: return OURS(rsqrt)(a);         \
        case KB_MATHOP_EXP: return OURS(exp)(a);             \
        case KB_MATHOP_EXP2: return OURS(exp2)(a);           \
        case KB_MATHOP_LOG: return OURS(log)(a);             \
        case KB_MATHOP_LOG2: return OURS(log2)(a);           \
        case KB_MATHOP_SIN: return OURS(sin)(a);             \
        case KB_MATHOP_COS: return OURS(cos)(a);             \
        case KB_MATHOP_TANH: return OURS(tanh)(a);           \
        case KB_MATHOP_ERF: return OURS(erf)(a);             \
        case KB_MATHOP_SIGMOID: return OURS(sigmoid)(a);     \
        case KB_MATHOP_POW: return OURS(pow)(a, b);          \
        default: return a;                                   \
        }                                                    \
    }
#define LIBM_SINGLE(fn) fn##f
#define LIBM_DOUBLE(fn) fn
#define OURS_SINGLE(fn) kb_##fn##_f32
#define OURS_DOUBLE(fn) kb_##fn##_f64
FLOAT_MATH(float_math, float, LIBM_SINGLE, OURS_SINGLE)
FLOAT_MATH(double_math, double, LIBM_DOUBLE, OURS_DOUBLE)

static uint64_t from_double(double value) {
    return value == value ? kb_f64_bits(value) : KB_F64_NAN;
}

static uint64_t floating_math(kb_mathop op, kb_dtype dtype, uint64_t a, uint64_t b, uint64_t c) {
    double da = kb_f64_from_bits(a), db = kb_f64_from_bits(b), dc = kb_f64_from_bits(c);
    if (kb_mathop_result(op) == KB_RESULT_BOOL) return compare(op, da, db);
    if (dtype == KB_FLOAT64) return from_double(double_math(op, da, db, dc));
    float single = float_math(op, (float)da, (float)db, (float)dc);
    uint64_t wide = from_double((double)single);
    return dtype == KB_FLOAT32 ? wide : cast(KB_FLOAT64, dtype, wide);
}

kb_status kb_scalar_math(kb_mathop op, kb_dtype operand, kb_dtype result, uint64_t a, uint64_t b,
                         uint64_t c, uint64_t *bits, kb_error *err) {
    if (!kb_scalar_defined(op, operand, result))
        return kb_error_set(err, KB_COMPILE, "operation %s is not available from %s to %s",
                            kb_mathop_name(op), kb_dtype_name(operand), kb_dtype_name(result));
    unsigned char memory[8];
    if (op == KB_MATHOP_WHERE) {
        *bits = a ? b : c;
    } else if (op == KB_MATHOP_MOVE) {
        *bits = a;
    } else if (op == KB_MATHOP_CAST) {
        *bits = cast(operand, result, a);
    } else if (op == KB_MATHOP_BITCAST) {
        kb_scalar_store(operand, a, memory);
        *bits = kb_scalar_load(result, memory);
    } else if (kb_dtype_get_kind(operand) == KB_KIND_FLOAT) {
        *bits = floating_math(op, operand, a, b, c);
    } else {
        int64_t value = integer_math(op, integers_of(operand), (int64_t)a, (int64_t)b, (int64_t)c);
        *bits = (uint64_t)kb_scalar_wrap(result, value);
    }
    return KB_OK;
}

kb_status kb_scalar_row(kb_mathop op, kb_dtype operand, kb_dtype result, const int64_t *a,
                        const int64_t *b, const int64_t *c, uint32_t count, int64_t *values,
                        kb_error *err) {
    bool converts = op == KB_MATHOP_CAST || op == KB_MATHOP_BITCAST;
    if (converts || !kb_scalar_defined(op, operand, result)) {
        for (uint32_t i = 0; i < count; i++)
            KB_TRY(kb_scalar_math(op, operand, result, (uint64_t)a[i], 0, 0, (uint64_t *)&values[i],
                                  err));
        return KB_OK;
    }
    integer_row(op, integers_of(operand), a, b, c, count, values);
    wrap_row(result, values, count);
    return KB_OK;
}
