/* The element-wise loops of one instruction set; included once by each isa_*.c.
 *
 * Plain C, which compilers vectorise for the flags of that object.  What differs between
 * instruction sets comes as macros: KB_ISA_FMAF, KB_ISA_FMA (exact fused multiply-adds).
 */
#include <string.h>

#include "kernel/special_f64.h"
#include "replay/isa.h"

/* --- arithmetic ------------------------------------------------------------------------------ */

#define LOOP1(lane, type, result, op, expr)                                                  \
    static void lane##_##op(void *restrict dst, const void *a, const void *b, const void *c, \
                            size_t count) {                                                  \
        result *restrict out = dst;                                                          \
        const type *in = a;                                                                  \
        (void)b, (void)c;                                                                    \
        for (size_t i = 0; i < count; i++) {                                                 \
            type x = in[i];                                                                  \
            out[i] = (result)(expr);                                                         \
        }                                                                                    \
    }

#define LOOP2(lane, type, result, op, expr)                                                  \
    static void lane##_##op(void *restrict dst, const void *a, const void *b, const void *c, \
                            size_t count) {                                                  \
        result *restrict out = dst;                                                          \
        const type *left = a, *right = b;                                                    \
        (void)c;                                                                             \
        for (size_t i = 0; i < count; i++) {                                                 \
            type x = left[i], y = right[i];                                                  \
            out[i] = (result)(expr);                                                         \
        }                                                                                    \
    }

#define LOOP3(lane, type, result, op, expr)                                                  \
    static void lane##_##op(void *restrict dst, const void *a, const void *b, const void *c, \
                            size_t count) {                                                  \
        result *restrict out = dst;                                                          \
        const type *first = a, *second = b, *third = c;                                      \
        for (size_t i = 0; i < count; i++) {                                                 \
            type x = first[i], y = second[i], z = third[i];                                  \
            out[i] = (result)(expr);                                                         \
        }                                                                                    \
    }

static inline float canonical_f32(float x) {
    return x == x ? x : kb_f32_from_bits(KB_F32_NAN);
}

static inline double canonical_f64(double x) {
    return x == x ? x : kb_f64_from_bits(KB_F64_NAN);
}

#define COMPARISONS(lane, type)            \
    LOOP2(lane, type, uint8_t, eq, x == y) \
    LOOP2(lane, type, uint8_t, ne, x != y) \
    LOOP2(lane, type, uint8_t, lt, x < y)  \
    LOOP2(lane, type, uint8_t, le, x <= y) \
    LOOP2(lane, type, uint8_t, gt, x > y)  \
    LOOP2(lane, type, uint8_t, ge, x >= y)

/* MIN and MAX as kernel/scalar.h has them: the other operand when one is NaN. */
#define FLOAT_LOOPS(lane, type, fn)                                             \
    LOOP1(lane, type, type, neg, canonical_##lane(-x))                          \
    LOOP1(lane, type, type, abs, canonical_##lane(fn(fabs)(x)))                 \
    LOOP2(lane, type, type, add, canonical_##lane(x + y))                       \
    LOOP2(lane, type, type, sub, canonical_##lane(x - y))                       \
    LOOP2(lane, type, type, mul, canonical_##lane(x *y))                        \
    LOOP2(lane, type, type, div, canonical_##lane(x / y))                       \
    LOOP2(lane, type, type, min, canonical_##lane((y != y) | (x <= y) ? x : y)) \
    LOOP2(lane, type, type, max, canonical_##lane((y != y) | (x >= y) ? x : y)) \
    LOOP1(lane, type, type, sqrt, kb_sqrt_##lane(x))                            \
    LOOP1(lane, type, type, rsqrt, kb_rsqrt_##lane(x))                          \
    LOOP1(lane, type, type, floor, canonical_##lane(fn(floor)(x)))              \
    LOOP1(lane, type, type, ceil, canonical_##lane(fn(ceil)(x)))                \
    COMPARISONS(lane, type)

#define SINGLE(fn) __builtin_##fn##f
#define DOUBLE(fn) __builtin_##fn
FLOAT_LOOPS(f32, float, SINGLE)
FLOAT_LOOPS(f64, double, DOUBLE)
LOOP1(f32, float, float, cast, canonical_f32(x))
LOOP3(f32, float, float, fma, canonical_f32(KB_ISA_FMAF(x, y, z)))
LOOP3(f64, double, double, fma, canonical_f64(KB_ISA_FMA(x, y, z)))

#include "replay/special_template.h"

/* While the quotient has at most 24 bits, it and its product with y are exact in double; then the
 * others singly. */
static inline double small_quotient(float x, float y) {
    return __builtin_trunc((double)x / (double)y);
}

static inline int is_small_quotient(double quotient, float y) {
    return (__builtin_fabs(quotient) < 0x1p24) & (__builtin_fabsf(y) < __builtin_inff());
}

static void f32_mod(void *restrict dst, const void *a, const void *b, const void *c, size_t count) {
    float *restrict out = dst;
    const float *left = a, *right = b;
    (void)c;
    int any_large = 0;
    for (size_t i = 0; i < count; i++) {
        float x = left[i], y = right[i];
        double quotient = small_quotient(x, y);
        any_large |= !is_small_quotient(quotient, y);
        out[i] = __builtin_copysignf((float)((double)x - quotient * (double)y), x);
    }
    for (size_t i = 0; any_large && i < count; i++)
        if (!is_small_quotient(small_quotient(left[i], right[i]), right[i]))
            out[i] = canonical_f32(__builtin_fmodf(left[i], right[i]));
}

/* While the quotient is below 2^52, rounding takes it at most to the next whole number: a remainder below 0
 * tells.  It is exact either way; then the others singly. */
static inline double whole_quotient(double x, double y) {
    return __builtin_trunc(__builtin_fabs(x) / __builtin_fabs(y));
}

static inline int is_whole_quotient(double quotient, double y) {
    return (quotient < 0x1p52) & (__builtin_fabs(y) < __builtin_inf());
}

static void f64_mod(void *restrict dst, const void *a, const void *b, const void *c, size_t count) {
    double *restrict out = dst;
    const double *left = a, *right = b;
    (void)c;
    int64_t any_large = 0;
    for (size_t i = 0; i < count; i++) {
        double x = left[i], y = right[i], divisor = __builtin_fabs(y);
        double quotient = whole_quotient(x, y);
        any_large |= is_whole_quotient(quotient, y) ? 0 : 1;
        double rest = KB_ISA_FMA(-quotient, divisor, __builtin_fabs(x));
        out[i] = __builtin_copysign(rest < 0.0 ? rest + divisor : rest, x);
    }
    for (size_t i = 0; any_large && i < count; i++)
        if (!is_whole_quotient(whole_quotient(left[i], right[i]), right[i]))
            out[i] = canonical_f64(__builtin_fmod(left[i], right[i]));
}

/* Integers wrap: all arithmetic is unsigned, also where C widens to int.  See kernel/scalar.h for division and
 * shifts. */
#define INTEGER_LOOPS(lane, type, utype, bits, negative, quotient)                             \
    static inline type lane##_divide(type x, type y) {                                         \
        return quotient;                                                                       \
    }                                                                                          \
    LOOP1(lane, type, type, neg, 0 - (utype)x)                                                 \
    LOOP1(lane, type, type, abs, negative ? 0 - (utype)x : (utype)x)                           \
    LOOP1(lane, type, type, not, ~x)                                                           \
    LOOP2(lane, type, type, add, (utype)x + (utype)y)                                          \
    LOOP2(lane, type, type, sub, (utype)x - (utype)y)                                          \
    LOOP2(lane, type, type, mul, 1u * (utype)x * (utype)y)                                     \
    LOOP2(lane, type, type, floordiv, lane##_divide(x, y))                                     \
    LOOP2(lane, type, type, mod, (utype)x - 1u * (utype)lane##_divide(x, y) * (utype)y)        \
    LOOP2(lane, type, type, min, x < y ? x : y)                                                \
    LOOP2(lane, type, type, max, x < y ? y : x)                                                \
    LOOP2(lane, type, type, and, x &y)                                                         \
    LOOP2(lane, type, type, or, x | y)                                                         \
    LOOP2(lane, type, type, xor, x ^ y)                                                        \
    LOOP2(lane, type, type, shl, (utype)y < bits ? (utype)x << ((utype)y % bits) : 0)          \
    LOOP2(lane, type, type, shr, (utype)y < bits ? x >> ((utype)y % bits) : negative ? -1 : 0) \
    LOOP3(lane, type, type, fma, 1u * (utype)x * (utype)y + (utype)z)                          \
    COMPARISONS(lane, type)

/* By a float type that holds both numbers: its quotient, truncated, is right, because the next whole number
 * is further away than its rounding.  0 and -1, by which nothing may be divided, are dealt with apart. */
#define SIGNED_QUOTIENT(type, utype, real)   \
    (type)(y == 0    ? (utype)0              \
           : y == -1 ? (utype)(0 - (utype)x) \
                     : (utype)(type)((real)x / (real)(y + (y == 0) + 2 * (y == -1))))
#define UNSIGNED_QUOTIENT(type, real) (type)(y == 0 ? 0 : (int32_t)((real)x / (real)(y + (y == 0))))
INTEGER_LOOPS(i8, int8_t, uint8_t, 8, x < 0, SIGNED_QUOTIENT(int8_t, uint8_t, float))
INTEGER_LOOPS(i16, int16_t, uint16_t, 16, x < 0, SIGNED_QUOTIENT(int16_t, uint16_t, float))
INTEGER_LOOPS(i32, int32_t, uint32_t, 32, x < 0, SIGNED_QUOTIENT(int32_t, uint32_t, double))
INTEGER_LOOPS(i64, int64_t, uint64_t, 64, x < 0,
              (int64_t)(y == 0    ? 0
                        : y == -1 ? (0 - (uint64_t)x)
                                  : (uint64_t)(x / y)))
INTEGER_LOOPS(u8, uint8_t, uint8_t, 8, 0, UNSIGNED_QUOTIENT(uint8_t, float))
INTEGER_LOOPS(u16, uint16_t, uint16_t, 16, 0, UNSIGNED_QUOTIENT(uint16_t, float))
INTEGER_LOOPS(u32, uint32_t, uint32_t, 32, 0, y == 0 ? 0 : x / y)
INTEGER_LOOPS(u64, uint64_t, uint64_t, 64, 0, y == 0 ? 0 : x / y)

/* fp16 whose sign alone changes. */
static inline uint16_t canonical_f16(uint16_t x) {
    return (x & 0x7fff) > 0x7c00 ? 0x7e00 : x;
}
LOOP1(f16, uint16_t, uint16_t, neg, canonical_f16(x ^ 0x8000))
LOOP1(f16, uint16_t, uint16_t, abs, canonical_f16(x & 0x7fff))

/* WHERE moves bits, whatever they mean. */
#define SELECT_LOOP(type)                                                                      \
    static void select_##type(void *restrict dst, const void *a, const void *b, const void *c, \
                              size_t count) {                                                  \
        type *restrict out = dst;                                                              \
        const uint8_t *condition = a;                                                          \
        const type *yes = b, *no = c;                                                          \
        for (size_t i = 0; i < count; i++) {                                                   \
            type x = yes[i], y = no[i];                                                        \
            out[i] = condition[i] ? x : y;                                                     \
        }                                                                                      \
    }
SELECT_LOOP(uint8_t)
SELECT_LOOP(uint16_t)
SELECT_LOOP(uint32_t)
SELECT_LOOP(uint64_t)

/* A column repeats along its rows. */
#define SPLAT_LOOP(type)                                                            \
    static void splat_##type(void *restrict dst, const void *value, size_t count) { \
        type *restrict out = dst, element;                                          \
        memcpy(&element, value, sizeof element);                                    \
        for (size_t i = 0; i < count; i++) out[i] = element;                        \
    }
SPLAT_LOOP(uint8_t)
SPLAT_LOOP(uint16_t)
SPLAT_LOOP(uint32_t)
SPLAT_LOOP(uint64_t)

/* --- reductions ------------------------------------------------------------------------------ */

/* Rows i and i + h meet, for all i at once: what is added lies h rows apart and does not overlap.
 * A row that is alone becomes `single`. */
#define TREE_LOOP(lane, type, op, expr, single)                                 \
    static const void *lane##_tree_##op(void *values, size_t n, size_t width) { \
        type *value = values;                                                   \
        for (size_t i = 0; n == 1 && i < width; i++) {                          \
            type x = value[i];                                                  \
            value[i] = single;                                                  \
        }                                                                       \
        while (n > 1) {                                                         \
            size_t h = n - n / 2, count = n / 2 * width;                        \
            type *restrict low = value;                                         \
            const type *restrict high = value + h * width;                      \
            for (size_t i = 0; i < count; i++) {                                \
                type x = low[i], y = high[i];                                   \
                low[i] = (type)(expr);                                          \
            }                                                                   \
            n = h;                                                              \
        }                                                                       \
        return value;                                                           \
    }

/* The first row holds the best so far.  A number beats NaN; x != x only for NaN. */
#define ARG_LOOP(lane, type, op, better)                                        \
    static const void *lane##_tree_##op(void *values, size_t n, size_t width) { \
        type *best = values;                                                    \
        int32_t *index = (int32_t *)(void *)(best + n * width);                 \
        memset(index, 0, width * sizeof *index);                                \
        for (size_t row = 1; row < n; row++) {                                  \
            const type *value = best + row * width;                             \
            for (size_t i = 0; i < width; i++) {                                \
                type x = value[i], y = best[i];                                 \
                int wins = (x better y) | ((x == x) & (y != y));                \
                best[i] = wins ? x : y;                                         \
                index[i] = wins ? (int32_t)row : index[i];                      \
            }                                                                   \
        }                                                                       \
        return index;                                                           \
    }

#define FLOAT_TREES(lane, type)                                                                    \
    TREE_LOOP(lane, type, sum, canonical_##lane(x + y), canonical_##lane(x))                       \
    TREE_LOOP(lane, type, min, canonical_##lane((y != y) | (x <= y) ? x : y), canonical_##lane(x)) \
    TREE_LOOP(lane, type, max, canonical_##lane((y != y) | (x >= y) ? x : y), canonical_##lane(x)) \
    ARG_LOOP(lane, type, argmax, >)                                                                \
    ARG_LOOP(lane, type, argmin, <)

#define INTEGER_TREES(lane, type, utype)               \
    TREE_LOOP(lane, type, sum, (utype)x + (utype)y, x) \
    TREE_LOOP(lane, type, min, x < y ? x : y, x)       \
    TREE_LOOP(lane, type, max, x < y ? y : x, x)       \
    TREE_LOOP(lane, type, xor, x ^ y, x)               \
    ARG_LOOP(lane, type, argmax, >)                    \
    ARG_LOOP(lane, type, argmin, <)

FLOAT_TREES(f32, float)
FLOAT_TREES(f64, double)
INTEGER_TREES(i32, int32_t, uint32_t)
INTEGER_TREES(u32, uint32_t, uint32_t)
INTEGER_TREES(i64, int64_t, uint64_t)
INTEGER_TREES(u64, uint64_t, uint64_t)

#include "replay/convert_template.h"

/* --- the tables ------------------------------------------------------------------------------ */

#define COMPARISON_ROW(lane)                                                            \
    [KB_MATHOP_EQ] = lane##_eq, [KB_MATHOP_NE] = lane##_ne, [KB_MATHOP_LT] = lane##_lt, \
    [KB_MATHOP_LE] = lane##_le, [KB_MATHOP_GT] = lane##_gt, [KB_MATHOP_GE] = lane##_ge

#define COMMON_ROW(lane)                                                                          \
    COMPARISON_ROW(lane),                                                                         \
        [KB_MATHOP_NEG] = lane##_neg, [KB_MATHOP_ABS] = lane##_abs, [KB_MATHOP_ADD] = lane##_add, \
        [KB_MATHOP_SUB] = lane##_sub, [KB_MATHOP_MUL] = lane##_mul, [KB_MATHOP_MOD] = lane##_mod, \
        [KB_MATHOP_MIN] = lane##_min, [KB_MATHOP_MAX] = lane##_max, [KB_MATHOP_FMA] = lane##_fma

#define FLOAT_ROW(lane)                                                                   \
    COMMON_ROW(lane), [KB_MATHOP_DIV] = lane##_div, [KB_MATHOP_SQRT] = lane##_sqrt,       \
                      [KB_MATHOP_RSQRT] = lane##_rsqrt, [KB_MATHOP_FLOOR] = lane##_floor, \
                      [KB_MATHOP_CEIL] = lane##_ceil, [KB_MATHOP_EXP] = lane##_exp,       \
                      [KB_MATHOP_EXP2] = lane##_exp2, [KB_MATHOP_LOG] = lane##_log,       \
                      [KB_MATHOP_LOG2] = lane##_log2, [KB_MATHOP_SIN] = lane##_sin,       \
                      [KB_MATHOP_COS] = lane##_cos, [KB_MATHOP_TANH] = lane##_tanh,       \
                      [KB_MATHOP_ERF] = lane##_erf, [KB_MATHOP_SIGMOID] = lane##_sigmoid, \
                      [KB_MATHOP_POW] = lane##_pow

#define INTEGER_ROW(lane)                    \
    {COMMON_ROW(lane),                       \
     [KB_MATHOP_NOT] = lane##_not,           \
     [KB_MATHOP_FLOORDIV] = lane##_floordiv, \
     [KB_MATHOP_AND] = lane##_and,           \
     [KB_MATHOP_OR] = lane##_or,             \
     [KB_MATHOP_XOR] = lane##_xor,           \
     [KB_MATHOP_SHL] = lane##_shl,           \
     [KB_MATHOP_SHR] = lane##_shr}

#define ISA_MATH                                                    \
    {[KB_LANE_F32] = {FLOAT_ROW(f32), [KB_MATHOP_CAST] = f32_cast}, \
     [KB_LANE_F64] = {FLOAT_ROW(f64)},                              \
     [KB_LANE_I8] = INTEGER_ROW(i8),                                \
     [KB_LANE_U8] = INTEGER_ROW(u8),                                \
     [KB_LANE_I16] = INTEGER_ROW(i16),                              \
     [KB_LANE_U16] = INTEGER_ROW(u16),                              \
     [KB_LANE_I32] = INTEGER_ROW(i32),                              \
     [KB_LANE_U32] = INTEGER_ROW(u32),                              \
     [KB_LANE_I64] = INTEGER_ROW(i64),                              \
     [KB_LANE_U64] = INTEGER_ROW(u64)}

#define FLOAT_TREE_ROW(lane)                    \
    {[KB_REDUCEOP_SUM] = lane##_tree_sum,       \
     [KB_REDUCEOP_MAX] = lane##_tree_max,       \
     [KB_REDUCEOP_MIN] = lane##_tree_min,       \
     [KB_REDUCEOP_ARGMAX] = lane##_tree_argmax, \
     [KB_REDUCEOP_ARGMIN] = lane##_tree_argmin}

#define INTEGER_TREE_ROW(lane)                                                       \
    {[KB_REDUCEOP_SUM] = lane##_tree_sum,       [KB_REDUCEOP_MAX] = lane##_tree_max, \
     [KB_REDUCEOP_MIN] = lane##_tree_min,       [KB_REDUCEOP_XOR] = lane##_tree_xor, \
     [KB_REDUCEOP_ARGMAX] = lane##_tree_argmax, [KB_REDUCEOP_ARGMIN] = lane##_tree_argmin}

#define ISA_TREE                                                                   \
    {[KB_LANE_F32] = FLOAT_TREE_ROW(f32),   [KB_LANE_F64] = FLOAT_TREE_ROW(f64),   \
     [KB_LANE_I32] = INTEGER_TREE_ROW(i32), [KB_LANE_U32] = INTEGER_TREE_ROW(u32), \
     [KB_LANE_I64] = INTEGER_TREE_ROW(i64), [KB_LANE_U64] = INTEGER_TREE_ROW(u64)}

#ifdef KB_ISA_HAS_SPECIAL
#define ISA_F16_SPECIAL                                                                    \
    , [KB_MATHOP_EXP] = f16_exp, [KB_MATHOP_EXP2] = f16_exp2, [KB_MATHOP_LOG] = f16_log,   \
      [KB_MATHOP_LOG2] = f16_log2, [KB_MATHOP_TANH] = f16_tanh, [KB_MATHOP_SIN] = f16_sin, \
      [KB_MATHOP_COS] = f16_cos
#else
#define ISA_F16_SPECIAL
#endif
#ifdef KB_ISA_HAS_HALF
#include "replay/eight_x86.h"
#else
#define ISA_F8
#endif
#define ISA_SMALL \
    {[KB_FLOAT16] = {[KB_MATHOP_NEG] = f16_neg, [KB_MATHOP_ABS] = f16_abs ISA_F16_SPECIAL} ISA_F8}

#define ISA_SELECT {select_uint8_t, select_uint16_t, select_uint32_t, select_uint64_t}

#define ISA_SPLAT {splat_uint8_t, splat_uint16_t, splat_uint32_t, splat_uint64_t}

#define ISA_WIDEN                                                                        \
    {[KB_BOOL] = widen_bool,     [KB_INT8] = widen_i8,     [KB_INT16] = widen_i16,       \
     [KB_UINT8] = widen_u8,      [KB_UINT16] = widen_u16,  [KB_FLOAT8E4NV] = widen_e4m3, \
     [KB_FLOAT8E5] = widen_e5m2, [KB_FLOAT16] = widen_f16, [KB_BFLOAT16] = widen_bf16}

#define ISA_NARROW                                                                          \
    {[KB_BOOL] = narrow_bool,     [KB_INT8] = narrow_8,      [KB_INT16] = narrow_16,        \
     [KB_UINT8] = narrow_8,       [KB_UINT16] = narrow_16,   [KB_FLOAT8E4NV] = narrow_e4m3, \
     [KB_FLOAT8E5] = narrow_e5m2, [KB_FLOAT16] = narrow_f16, [KB_BFLOAT16] = narrow_bf16}

#define ISA_TO_F32                                                                        \
    {[KB_BOOL] = f32_of_bool,   [KB_INT8] = f32_of_i8,        [KB_INT16] = f32_of_i16,    \
     [KB_INT32] = f32_of_i32,   [KB_INT64] = f32_of_i64,      [KB_UINT8] = f32_of_u8,     \
     [KB_UINT16] = f32_of_u16,  [KB_UINT32] = f32_of_u32,     [KB_UINT64] = f32_of_u64,   \
     [KB_FLOAT64] = f32_of_f64, [KB_FLOAT8E4NV] = widen_e4m3, [KB_FLOAT8E5] = widen_e5m2, \
     [KB_FLOAT16] = widen_f16,  [KB_BFLOAT16] = widen_bf16}

#define ISA_TABLE                                                                   \
    .math = ISA_MATH, .small = ISA_SMALL, .select = ISA_SELECT, .splat = ISA_SPLAT, \
    .tree = ISA_TREE, .widen = ISA_WIDEN, .narrow = ISA_NARROW, .look_up = look_up, \
    .to_f32 = ISA_TO_F32, .to_tf32 = to_tf32, .canonical_f32 = all_canonical_f32,   \
    .canonical_f64 = all_canonical_f64
