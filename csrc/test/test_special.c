/* exp, log, sin and their kin against long double libm, and a golden hash of the bits of each.
 *
 *     test_special [STEP]     tries every STEPth float instead of one in 1021; 1 takes an hour */
#include <math.h>
#include <stdlib.h>

#include "base/hash.h"
#include "kernel/special.h"
#include "tap.h"

typedef long double
    real; /* 64 bits of mantissa where the reference is libm's x87, else at least 53 */

static uint32_t step = 1021;
static uint64_t state = 88172645463325252u;

static uint64_t draw(void) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static double draw_unit(void) {
    return (double)(draw() >> 11) * 0x1p-53;
}

static real sigmoidl(real x) {
    return 1 / (1 + expl(-x));
}

/* The error in units of the last place of a format with `bits` of mantissa; `least`: the exponent
 * below which numbers are subnormal.  A NaN that is not the canonical one counts as wrong. */
static double error_ulp(double got, bool is_canonical, real exact, int bits, int least,
                        real largest) {
    if (isnan(exact)) return is_canonical ? 0 : INFINITY;
    if (isnan(got)) return INFINITY;
    if (isinf(got)) return fabsl(exact) > largest && (got > 0) == (exact > 0) ? 0 : INFINITY;
    int exponent;
    if (exact == 0 || isinf(exact)) return got == exact ? 0 : INFINITY;
    (void)frexpl(exact, &exponent);
    if (exponent < least) exponent = least;
    return (double)(fabsl((real)got - exact) / ldexpl(1, exponent - bits));
}

static double error_f32(float got, real exact) {
    return error_ulp((double)got, kb_f32_bits(got) == KB_F32_NAN, exact, 24, -125,
                     (real)0x1.fffffep127);
}

static double error_f64(double got, real exact) {
    return error_ulp(got, kb_f64_bits(got) == KB_F64_NAN, exact, 53, -1021,
                     (real)0x1.fffffffffffffp1023);
}

typedef struct function {
    const char *name;
    float (*f32)(float);
    double (*f64)(double);
    real (*exact)(real);
    double low, high; /* where it is interesting */
    uint64_t hash_f32, hash_f64;
} function;

/* No machine, compiler or instruction set may give other hashes (test_loops: the loops of each). */
static const function functions[] = {
    {"exp", kb_exp_f32, kb_exp_f64, expl, -750, 711, UINT64_C(0x63415214e0ceb39d),
     UINT64_C(0xcecc72e842c3fc04)},
    {"exp2", kb_exp2_f32, kb_exp2_f64, exp2l, -1080, 1025, UINT64_C(0x337cd919bdb56c3b),
     UINT64_C(0xa65c3e524ea461a2)},
    {"log", kb_log_f32, kb_log_f64, logl, 0.5, 2, UINT64_C(0x89bc7dec84fb7230),
     UINT64_C(0x933f6bfdf5600337)},
    {"log2", kb_log2_f32, kb_log2_f64, log2l, 0.5, 2, UINT64_C(0x963fed2f128c973e),
     UINT64_C(0xc442e3fcf4156922)},
    {"sin", kb_sin_f32, kb_sin_f64, sinl, -1e4, 1e4, UINT64_C(0x6fa488c729bace7f),
     UINT64_C(0x68d2b802b9cf49c7)},
    {"cos", kb_cos_f32, kb_cos_f64, cosl, -1e2, 1e2, UINT64_C(0x6b52e6ae69e6e176),
     UINT64_C(0xcdf981ff7da18be0)},
    {"tanh", kb_tanh_f32, kb_tanh_f64, tanhl, -3, 3, UINT64_C(0x4e386486dac6d67c),
     UINT64_C(0xe993ddaa8b2838a3)},
    {"erf", kb_erf_f32, kb_erf_f64, erfl, -6.5, 6.5, UINT64_C(0x211317f50eaf2e37),
     UINT64_C(0xe0d76426aa437d00)},
    {"sigmoid", kb_sigmoid_f32, kb_sigmoid_f64, sigmoidl, -750, 50, UINT64_C(0x93dab3f4d1315129),
     UINT64_C(0xbac779fde2bf60d8)},
};
enum { N_FUNCTIONS = sizeof functions / sizeof *functions };

static void fp32_within_1_ulp(void) {
    for (int f = 0; f < N_FUNCTIONS; f++) {
        double worst = 0;
        float where = 0;
        for (uint64_t bits = 0; bits <= UINT32_MAX; bits += step) {
            float x = kb_f32_from_bits((uint32_t)bits);
            double error = error_f32(functions[f].f32(x), functions[f].exact((real)x));
            if (error > worst) worst = error, where = x;
        }
        if (!CHECK(worst <= 1.0))
            printf("# %s: %.3f ulp at %a\n", functions[f].name, worst, (double)where);
    }
}

static void fp64_within_2_ulp(void) {
    for (int f = 0; f < N_FUNCTIONS; f++) {
        double worst = 0, where = 0;
        for (int i = 0; i < 200000; i++) {
            double x = functions[f].low + (functions[f].high - functions[f].low) * draw_unit();
            if (i & 1) x = kb_f64_from_bits(draw());
            if (i % 8 == 7) x = ldexp(draw_unit() - 0.5, -(i % 60));
            double error = error_f64(functions[f].f64(x), functions[f].exact((real)x));
            if (error > worst) worst = error, where = x;
        }
        if (!CHECK(worst <= 2.0)) printf("# %s: %.3f ulp at %a\n", functions[f].name, worst, where);
    }
}

static void pow_of_many(void) {
    double worst32 = 0, worst64 = 0;
    for (int i = 0; i < 400000; i++) {
        double x = ldexp(0.5 + draw_unit(), i & 1 ? 0 : (int)(draw() % 200) - 100);
        double y = (draw_unit() - 0.5) * (i & 2 ? 20 : 1000);
        if (i & 4) y = rint(y), x = i & 8 ? -x : x;
        float fx = (float)x, fy = (float)y;
        if (i % 16 == 3)
            fx = kb_f32_from_bits((uint32_t)draw()), fy = kb_f32_from_bits((uint32_t)draw());
        double error32 = error_f32(kb_pow_f32(fx, fy), powl((real)fx, (real)fy));
        double error64 = error_f64(kb_pow_f64(x, y), powl((real)x, (real)y));
        if (error32 > worst32) worst32 = error32;
        if (error64 > worst64) worst64 = error64;
    }
    if (!CHECK(worst32 <= 1.0)) printf("# fp32: %.3f ulp\n", worst32);
    if (!CHECK(worst64 <= 2.0)) printf("# fp64: %.3f ulp\n", worst64);
}

/* Powers just inside the range, where an error of the logarithm counts most. */
static void pow_of_large_exponents(void) {
    double worst32 = 0, worst64 = 0;
    for (int i = 0; i < 400000; i++) {
        double x =
            i & 1 ? 1 + (draw_unit() - 0.5) / 4 : ldexp(0.5 + draw_unit(), (int)(i % 40) - 20);
        double log = log2(x), part = 0.9 + 0.1 * draw_unit();
        if (fabs(log) < 1e-9) continue;
        float fx = (float)x, fy = (float)((i & 2 ? 126 : -125) * part / log);
        double y = (i & 2 ? 1022 : -1021) * part / log;
        double error32 = error_f32(kb_pow_f32(fx, fy), powl((real)fx, (real)fy));
        double error64 = error_f64(kb_pow_f64(x, y), powl((real)x, (real)y));
        if (error32 > worst32) worst32 = error32;
        if (error64 > worst64) worst64 = error64;
    }
    if (!CHECK(worst32 <= 1.0)) printf("# fp32: %.3f ulp\n", worst32);
    if (!CHECK(worst64 <= 2.0)) printf("# fp64: %.3f ulp\n", worst64);
}

/* libm's double functions are right in all of C's special cases. */
static void special_cases(void) {
    static const double values[] = {
        0.0,  -0.0, 1.0,  -1.0,     INFINITY,  -INFINITY, NAN,     2.0,        -2.0,   3.0,
        -3.0, 0.5,  -0.5, 0x1p-149, -0x1p-149, 0x1p24,    -0x1p24, 16777215.0, 0x1p127};
    enum { N = sizeof values / sizeof *values };
    for (int i = 0; i < N; i++) {
        double x = values[i];
        for (int f = 0; f < N_FUNCTIONS; f++) {
            double exact = (double)functions[f].exact((real)x);
            if (!isnan(exact) && exact != 0 && !isinf(exact)) continue;
            float got32 = functions[f].f32((float)x), exact32 = (float)exact;
            double got64 = functions[f].f64(x);
            CHECK_EQ(kb_f32_bits(got32), isnan(exact) ? KB_F32_NAN : kb_f32_bits(exact32));
            CHECK_EQ(kb_f64_bits(got64), isnan(exact) ? KB_F64_NAN : kb_f64_bits(exact));
        }
        for (int j = 0; j < N; j++) {
            double exact = pow(x, values[j]);
            if (!isnan(exact) && exact != 0 && !isinf(exact) && exact != 1) continue;
            CHECK_EQ(kb_f64_bits(kb_pow_f64(x, values[j])),
                     isnan(exact) ? KB_F64_NAN : kb_f64_bits(exact));
            CHECK_EQ(kb_f32_bits(kb_pow_f32((float)x, (float)values[j])),
                     isnan(exact) ? KB_F32_NAN : kb_f32_bits((float)exact));
        }
    }
    CHECK(kb_exp_f32(0) == 1 && kb_exp2_f32(-126) == 0x1p-126f && kb_exp2_f32(-149) == 0x1p-149f);
    CHECK(kb_exp_f64(0) == 1 && kb_exp2_f64(-1074) == 0x1p-1074 && kb_exp2_f64(1023) == 0x1p1023);
    CHECK(kb_log2_f32(0x1p-149f) == -149 && kb_log2_f64(0x1p-1074) == -1074 && kb_log_f64(1) == 0);
    CHECK(kb_tanh_f32(50) == 1 && kb_tanh_f64(-50) == -1 && kb_erf_f32(5) == 1 &&
          kb_erf_f64(-7) == -1);
    CHECK(fabs(kb_sin_f64(1e22) - -0.8522008497671888018) < 1e-16);
    CHECK(fabs(kb_cos_f64(0x1.fffffffffffffp1023) - -0.99998768942655991108) < 2e-16);
}

static void roots(void) {
    double worst = 0;
    for (uint64_t bits = 0; bits <= UINT32_MAX; bits += step) {
        float x = kb_f32_from_bits((uint32_t)bits);
        float root = kb_sqrt_f32(x), exact = sqrtf(x);
        if (kb_f32_bits(root) != (isnan(exact) ? KB_F32_NAN : kb_f32_bits(exact))) CHECK(false);
        real reverse = 1 / sqrtl((real)x);
        double error = x == 0 ? 0 : error_f32(kb_rsqrt_f32(x), reverse);
        if (error > worst) worst = error;
    }
    if (!CHECK(worst <= 1.0)) printf("# rsqrt: %.3f ulp\n", worst);
    CHECK_EQ(kb_f64_bits(kb_sqrt_f64(-1)), KB_F64_NAN);
    CHECK(kb_sqrt_f64(2) == sqrt(2) && kb_rsqrt_f64(4) == 0.5 && kb_rsqrt_f32(4) == 0.5f);
    CHECK(isinf(kb_rsqrt_f32(0)) && isinf(kb_rsqrt_f64(0)));
}

static void golden_hashes(void) {
    for (int f = 0; f < N_FUNCTIONS; f++) {
        uint64_t hash32 = KB_HASH_SEED, hash64 = KB_HASH_SEED;
        for (uint64_t i = 0; i < 1 << 16; i++) {
            float x = kb_f32_from_bits((uint32_t)(i << 16 | i));
            double y = kb_f64_from_bits(i << 48 | i << 32 | i << 16 | i);
            hash32 = kb_hash_u64(hash32, kb_f32_bits(functions[f].f32(x)));
            hash64 = kb_hash_u64(hash64, kb_f64_bits(functions[f].f64(y)));
        }
        hash32 = kb_hash_finish(hash32);
        hash64 = kb_hash_finish(hash64);
        bool equal =
            CHECK_EQ(hash32, functions[f].hash_f32) & CHECK_EQ(hash64, functions[f].hash_f64);
        if (!equal)
            printf("# %s: 0x%016llx 0x%016llx\n", functions[f].name, (unsigned long long)hash32,
                   (unsigned long long)hash64);
    }
    uint64_t hash32 = KB_HASH_SEED, hash64 = KB_HASH_SEED;
    for (uint64_t i = 0; i < 1 << 16; i++) {
        uint64_t j = (i * 40503 + 11) & 0xffff;
        float x = kb_f32_from_bits((uint32_t)(i << 16 | j)),
              y = kb_f32_from_bits((uint32_t)(j << 16 | i));
        hash32 = kb_hash_u64(hash32, kb_f32_bits(kb_pow_f32(x, y)));
        x = (float)(i + 1) / 4096, y = (float)j / 4096 - 8;
        hash32 = kb_hash_u64(hash32, kb_f32_bits(kb_pow_f32(x, y)));
        hash64 = kb_hash_u64(hash64, kb_f64_bits(kb_pow_f64((double)x, (double)y)));
    }
    CHECK_EQ(kb_hash_finish(hash32), UINT64_C(0xfc7b01b034160a5f));
    CHECK_EQ(kb_hash_finish(hash64), UINT64_C(0x5eb314c1ae297628));
}

int main(int argc, char **argv) {
    if (argc > 1 && atoi(argv[1]) > 0) step = (uint32_t)atoi(argv[1]);
    TAP_RUN(fp32_within_1_ulp);
    TAP_RUN(fp64_within_2_ulp);
    TAP_RUN(pow_of_many);
    TAP_RUN(pow_of_large_exponents);
    TAP_RUN(special_cases);
    TAP_RUN(roots);
    TAP_RUN(golden_hashes);
    return tap_finish();
}
