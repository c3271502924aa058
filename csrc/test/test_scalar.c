#include "kernel/scalar.h"

#include "kernel/special.h"
#include "mem/minifloat.h"
#include "tap.h"

static uint64_t math(kb_mathop op, kb_dtype operand, kb_dtype result, uint64_t a, uint64_t b,
                     uint64_t c) {
    uint64_t bits = UINT64_C(0xdeadbeef);
    kb_error err = KB_ERROR_INIT;
    if (!CHECK_EQ(kb_scalar_math(op, operand, result, a, b, c, &bits, &err), KB_OK))
        printf("#     %s\n", err.message);
    return bits;
}

static int64_t ints(kb_mathop op, kb_dtype dtype, int64_t a, int64_t b) {
    kb_dtype result = kb_mathop_result(op) == KB_RESULT_BOOL ? KB_BOOL : dtype;
    return (int64_t)math(op, dtype, result, (uint64_t)a, (uint64_t)b, 0);
}

static double floats(kb_mathop op, kb_dtype dtype, double a, double b) {
    return kb_f64_from_bits(math(op, dtype, dtype, kb_f64_bits(a), kb_f64_bits(b), 0));
}

static void integers_wrap_to_their_width(void) {
    CHECK_EQ(ints(KB_MATHOP_ADD, KB_INT8, 127, 1), -128);
    CHECK_EQ(ints(KB_MATHOP_SUB, KB_UINT8, 0, 1), 255);
    CHECK_EQ(ints(KB_MATHOP_MUL, KB_INT32, 65536, 65536), 0);
    CHECK_EQ(ints(KB_MATHOP_MUL, KB_INT32, 46341, 46341), -2147479015);
    CHECK_EQ(ints(KB_MATHOP_ADD, KB_INT64, INT64_MAX, 1), INT64_MIN);
    CHECK_EQ(ints(KB_MATHOP_NEG, KB_INT16, -32768, 0), -32768);
    CHECK_EQ(ints(KB_MATHOP_ABS, KB_INT16, -32768, 0), -32768);
    CHECK_EQ(ints(KB_MATHOP_NOT, KB_UINT16, 1, 0), 65534);
    CHECK_EQ(ints(KB_MATHOP_NOT, KB_BOOL, 1, 0), 0);
    CHECK_EQ((int64_t)math(KB_MATHOP_FMA, KB_INT8, KB_INT8, 16, 16, 5), 5);
}

static void division_truncates_and_never_traps(void) {
    CHECK_EQ(ints(KB_MATHOP_FLOORDIV, KB_INT32, -7, 2), -3);
    CHECK_EQ(ints(KB_MATHOP_MOD, KB_INT32, -7, 2), -1);
    CHECK_EQ(ints(KB_MATHOP_FLOORDIV, KB_INT32, 7, -2), -3);
    CHECK_EQ(ints(KB_MATHOP_MOD, KB_INT32, 7, -2), 1);
    CHECK_EQ(ints(KB_MATHOP_FLOORDIV, KB_INT32, 7, 0), 0);
    CHECK_EQ(ints(KB_MATHOP_MOD, KB_INT32, 7, 0), 7);
    CHECK_EQ(ints(KB_MATHOP_FLOORDIV, KB_INT64, INT64_MIN, -1), INT64_MIN);
    CHECK_EQ(ints(KB_MATHOP_MOD, KB_INT64, INT64_MIN, -1), 0);
    CHECK_EQ(ints(KB_MATHOP_FLOORDIV, KB_INT32, INT32_MIN, -1), INT32_MIN);
    CHECK_EQ(ints(KB_MATHOP_FLOORDIV, KB_UINT64, -1, 2), INT64_MAX);
    CHECK_EQ(ints(KB_MATHOP_MOD, KB_UINT64, -1, 10), 5);
}

static void shifts_are_defined(void) {
    CHECK_EQ(ints(KB_MATHOP_SHL, KB_INT32, 1, 31), INT32_MIN);
    CHECK_EQ(ints(KB_MATHOP_SHL, KB_INT32, 1, 32), 0);
    CHECK_EQ(ints(KB_MATHOP_SHL, KB_INT32, 1, -1), 0);
    CHECK_EQ(ints(KB_MATHOP_SHR, KB_INT32, -8, 1), -4);
    CHECK_EQ(ints(KB_MATHOP_SHR, KB_INT32, -8, 99), -1);
    CHECK_EQ(ints(KB_MATHOP_SHR, KB_UINT32, INT64_C(0x80000000), 31), 1);
    CHECK_EQ(ints(KB_MATHOP_SHR, KB_UINT64, -1, 63), 1);
    CHECK_EQ(ints(KB_MATHOP_SHR, KB_UINT64, -1, 64), 0);
}

static void comparisons_know_signs(void) {
    CHECK_EQ(ints(KB_MATHOP_LT, KB_INT64, -1, 1), 1);
    CHECK_EQ(ints(KB_MATHOP_LT, KB_UINT64, -1, 1), 0);
    CHECK_EQ(ints(KB_MATHOP_GE, KB_UINT64, -1, 1), 1);
    CHECK_EQ(ints(KB_MATHOP_LE, KB_INT32, 3, 3), 1);
    CHECK_EQ(ints(KB_MATHOP_GT, KB_INT32, 3, 3), 0);
    CHECK_EQ(ints(KB_MATHOP_NE, KB_INT32, 3, 3), 0);
    CHECK_EQ(ints(KB_MATHOP_MIN, KB_UINT64, -1, 1), 1);
    CHECK_EQ(ints(KB_MATHOP_MAX, KB_INT64, -1, 1), 1);
}

static void floats_round_once_to_their_dtype(void) {
    CHECK(floats(KB_MATHOP_ADD, KB_FLOAT16, 2048, 1) == 2048);
    CHECK(floats(KB_MATHOP_ADD, KB_FLOAT16, 2050, 1) == 2052);
    CHECK(floats(KB_MATHOP_MUL, KB_FLOAT16, 60000, 2) == __builtin_inf());
    CHECK(floats(KB_MATHOP_ADD, KB_BFLOAT16, 256, 1) == 256);
    CHECK(floats(KB_MATHOP_ADD, KB_FLOAT32, 16777216, 1) == 16777216);
    CHECK(floats(KB_MATHOP_ADD, KB_FLOAT64, 16777216, 1) == 16777217);
    CHECK(floats(KB_MATHOP_DIV, KB_FLOAT32, 1, 3) == (double)(1.0f / 3.0f));
    CHECK(floats(KB_MATHOP_SQRT, KB_FLOAT32, 2, 0) == (double)1.41421354f);
    CHECK(floats(KB_MATHOP_RSQRT, KB_FLOAT64, 4, 0) == 0.5);
    CHECK(floats(KB_MATHOP_FLOOR, KB_FLOAT32, -1.5, 0) == -2);
    CHECK(floats(KB_MATHOP_CEIL, KB_FLOAT32, -1.5, 0) == -1);
    CHECK(floats(KB_MATHOP_MOD, KB_FLOAT32, -7.5, 2) == -1.5);
    CHECK(floats(KB_MATHOP_ADD, KB_FLOAT8E4NV, 16, 1) == 16);
    double big = 1 + 0x1p-12;
    uint64_t exact = math(KB_MATHOP_FMA, KB_FLOAT32, KB_FLOAT32, kb_f64_bits(big), kb_f64_bits(big),
                          kb_f64_bits(-1 - 0x1p-11));
    CHECK(kb_f64_from_bits(exact) == 0x1p-24);
}

static void nan_is_canonical_and_loses_to_numbers(void) {
    double nan = kb_f64_from_bits(KB_F64_NAN);
    CHECK(floats(KB_MATHOP_MIN, KB_FLOAT32, nan, 3) == 3);
    CHECK(floats(KB_MATHOP_MAX, KB_FLOAT32, 3, nan) == 3);
    CHECK_EQ(math(KB_MATHOP_DIV, KB_FLOAT32, KB_FLOAT32, 0, 0, 0), KB_F64_NAN);
    CHECK_EQ(math(KB_MATHOP_SQRT, KB_FLOAT16, KB_FLOAT16, kb_f64_bits(-1), 0, 0), KB_F64_NAN);
    CHECK_EQ(math(KB_MATHOP_NEG, KB_FLOAT64, KB_FLOAT64, KB_F64_NAN, 0, 0), KB_F64_NAN);
    CHECK_EQ(math(KB_MATHOP_EQ, KB_FLOAT32, KB_BOOL, KB_F64_NAN, KB_F64_NAN, 0), 0);
    CHECK_EQ(math(KB_MATHOP_NE, KB_FLOAT32, KB_BOOL, KB_F64_NAN, KB_F64_NAN, 0), 1);
    CHECK(kb_scalar_is_true(KB_FLOAT32, KB_F64_NAN));
    CHECK(!kb_scalar_is_true(KB_FLOAT32, kb_f64_bits(-0.0)));
    CHECK(kb_scalar_is_true(KB_INT64, UINT64_C(1) << 63));
}

static void special_functions_are_ours(void) {
    CHECK(floats(KB_MATHOP_EXP, KB_FLOAT32, 1, 0) == (double)kb_exp_f32(1));
    CHECK(floats(KB_MATHOP_EXP, KB_FLOAT64, 1, 0) == kb_exp_f64(1));
    CHECK(floats(KB_MATHOP_EXP2, KB_FLOAT16, 3, 0) == 8);
    CHECK(floats(KB_MATHOP_EXP, KB_FLOAT16, 1, 0) ==
          (double)kb_f16_to_f32(kb_f32_to_f16(kb_exp_f32(1))));
    CHECK(floats(KB_MATHOP_LOG2, KB_FLOAT32, 8, 0) == 3);
    CHECK(floats(KB_MATHOP_POW, KB_FLOAT64, 2, 10) == 1024);
    CHECK(floats(KB_MATHOP_SIGMOID, KB_FLOAT32, 0, 0) == 0.5);
    CHECK_EQ(math(KB_MATHOP_LOG, KB_FLOAT32, KB_FLOAT32, kb_f64_bits(-1), 0, 0), KB_F64_NAN);
    double x = 0.7;
    for (int op = 0; op < KB_MATHOP_COUNT; op++) /* each is one of its own */
        if (kb_mathop_cost((kb_mathop)op) == KB_MATH_SPECIAL)
            CHECK(floats((kb_mathop)op, KB_FLOAT64, x, x) != x);
}

static void casts(void) {
    CHECK_EQ(math(KB_MATHOP_CAST, KB_INT32, KB_INT8, 300, 0, 0), 44);
    CHECK_EQ((int64_t)math(KB_MATHOP_CAST, KB_FLOAT32, KB_INT32, kb_f64_bits(-2.9), 0, 0), -2);
    CHECK_EQ((int64_t)math(KB_MATHOP_CAST, KB_FLOAT32, KB_INT8, kb_f64_bits(1000), 0, 0), 127);
    CHECK_EQ(math(KB_MATHOP_CAST, KB_INT64, KB_FLOAT32, 16777217, 0, 0), kb_f64_bits(16777216));
    CHECK_EQ(math(KB_MATHOP_CAST, KB_UINT64, KB_FLOAT64, UINT64_MAX, 0, 0), kb_f64_bits(0x1p64));
    CHECK_EQ(math(KB_MATHOP_CAST, KB_INT32, KB_BOOL, 256, 0, 0), 1);
    CHECK_EQ(math(KB_MATHOP_BITCAST, KB_FLOAT32, KB_UINT32, kb_f64_bits(1), 0, 0), 0x3f800000);
    CHECK_EQ((int64_t)math(KB_MATHOP_BITCAST, KB_UINT32, KB_INT32, UINT32_MAX, 0, 0), -1);
    CHECK_EQ(math(KB_MATHOP_BITCAST, KB_UINT16, KB_FLOAT16, 0x3c00, 0, 0), kb_f64_bits(1));
    CHECK_EQ(math(KB_MATHOP_WHERE, KB_INT32, KB_INT32, 1, 7, 9), 7);
    CHECK_EQ(math(KB_MATHOP_WHERE, KB_INT32, KB_INT32, 0, 7, 9), 9);
}

static void what_is_not_defined_says_so(void) {
    uint64_t bits;
    kb_error err = KB_ERROR_INIT;
    CHECK_EQ(kb_scalar_math(KB_MATHOP_AND, KB_FLOAT32, KB_FLOAT32, 0, 0, 0, &bits, &err),
             KB_COMPILE);
    CHECK_STR(err.message, "operation and is not available from float32 to float32");
    CHECK_EQ(kb_scalar_math(KB_MATHOP_DIV, KB_INT32, KB_INT32, 1, 1, 0, &bits, &err), KB_COMPILE);
    CHECK_EQ(kb_scalar_math(KB_MATHOP_ADD, KB_INT32, KB_INT64, 1, 1, 0, &bits, &err), KB_COMPILE);
    CHECK_EQ(kb_scalar_math(KB_MATHOP_LT, KB_INT32, KB_INT32, 1, 1, 0, &bits, &err), KB_COMPILE);
    CHECK_EQ(kb_scalar_math(KB_MATHOP_BITCAST, KB_INT32, KB_INT64, 1, 1, 0, &bits, &err),
             KB_COMPILE);
    CHECK_EQ(kb_scalar_math((kb_mathop)200, KB_INT32, KB_INT32, 1, 1, 0, &bits, &err), KB_COMPILE);
    CHECK(kb_scalar_defined(KB_MATHOP_EXP, KB_FLOAT16, KB_FLOAT16));
    CHECK(!kb_scalar_defined(KB_MATHOP_EXP, KB_INT32, KB_INT32));
    CHECK(!kb_scalar_defined(KB_MATHOP_ADD, (kb_dtype)99, (kb_dtype)99));
}

static void values_of_a_dtype(void) {
    CHECK(kb_scalar_is_value(KB_INT8, (uint64_t)-128));
    CHECK(!kb_scalar_is_value(KB_INT8, 128));
    CHECK(kb_scalar_is_value(KB_UINT64, UINT64_MAX));
    CHECK(kb_scalar_is_value(KB_FLOAT16, kb_f64_bits(0.5)));
    CHECK(!kb_scalar_is_value(KB_FLOAT16, kb_f64_bits(0.1)));
    CHECK(kb_scalar_is_value(KB_FLOAT64, KB_F64_NAN));
    CHECK(!kb_scalar_is_value(KB_FLOAT64, KB_F64_NAN + 1));
    CHECK(!kb_scalar_is_value(KB_BOOL, 2));
    CHECK_EQ(kb_scalar_least(KB_INT16), INT16_MIN);
    CHECK_EQ(kb_scalar_greatest(KB_UINT32), UINT32_MAX);
    CHECK_EQ(kb_scalar_greatest(KB_UINT64), INT64_MAX);
    CHECK_EQ(kb_scalar_least(KB_INT64), INT64_MIN);
    CHECK_EQ(kb_scalar_greatest(KB_BOOL), 1);
    CHECK_EQ(kb_scalar_wrap(KB_UINT32, -1), UINT32_MAX);
}

int main(void) {
    TAP_RUN(integers_wrap_to_their_width);
    TAP_RUN(division_truncates_and_never_traps);
    TAP_RUN(shifts_are_defined);
    TAP_RUN(comparisons_know_signs);
    TAP_RUN(floats_round_once_to_their_dtype);
    TAP_RUN(nan_is_canonical_and_loses_to_numbers);
    TAP_RUN(special_functions_are_ours);
    TAP_RUN(casts);
    TAP_RUN(what_is_not_defined_says_so);
    TAP_RUN(values_of_a_dtype);
    return tap_finish();
}
