/* exp, log, sin and their kin: our own, the same bits on every machine (ADR-0047 D5).
 *
 * Tiles (replay) and PE_CPU's scalars use these and never libm, whose results differ between
 * versions.  Only + - * / and sqrt of IEEE arithmetic and integer operations are used, no fused
 * multiply-add, so any compiler without contraction and any vector width gives these bits.
 *
 *   _f32   at most 0.6 ulp (tested; subnormal results too).  Computed in double, from which one
 *          rounding leads to the result.  Inline and free of branches, so that loops over them vectorise.
 *   _f64   at most 2 ulp (tested; pow included).  Plain scalar code in special.c.
 *
 * Every NaN result is the canonical quiet NaN.  Special cases are those of C (annex F).
 */
#ifndef KB_KERNEL_SPECIAL_H
#define KB_KERNEL_SPECIAL_H

#include "mem/minifloat.h"

double kb_exp_f64(double x);
double kb_exp2_f64(double x);
double kb_log_f64(double x);
double kb_log2_f64(double x);
double kb_sin_f64(double x);
double kb_cos_f64(double x);
double kb_tanh_f64(double x);
double kb_erf_f64(double x);
double kb_sigmoid_f64(double x);
double kb_pow_f64(double x, double y);

/* sin and cos from here on are not inline: the argument is reduced with as many digits of pi as it
 * needs.  Loops do the small arguments first and then these one by one. */
#define KB_TRIG_LARGE_F32 0x1p20f

float kb_sin_large_f32(float x);
float kb_cos_large_f32(float x);

/* --- steps in double ------------------------------------------------------------------------- */

/* Polynomials go by pairs of terms: what does not wait for the other runs beside it. */

#define KB_SPECIAL_SHIFTER_ 0x1.8p52 /* adding it leaves the nearest integer in the low bits */

/* What can be done in float is: a vector holds twice as many. */
static inline float kb_special_single_(double value) {
    float single = (float)value;
    return single == single ? single : kb_f32_from_bits(KB_F32_NAN);
}

static inline double kb_special_clamp_(float value, float limit) {
    value = value > limit ? limit : value;
    return (double)(value < -limit ? -limit : value);
}

static inline double kb_special_clamp_f64_(double value, double limit) {
    value = value > limit ? limit : value;
    return value < -limit ? -limit : value;
}

/* 2^k * value for the integer k in the low bits of `shifted`, well within double's range. */
static inline double kb_special_scale_(double value, double shifted) {
    return kb_f64_from_bits(kb_f64_bits(value) + (kb_f64_bits(shifted) << 52));
}

/* 2^t to 2.5e-9, for |t| <= 1000. */
static inline double kb_special_exp2_(double t) {
    double shifted = t + KB_SPECIAL_SHIFTER_;
    double f = t - (shifted - KB_SPECIAL_SHIFTER_);
    double f2 = f * f;
    double p01 = 0x1.62e430d034702p-1 * f + 1.0;
    double p23 = 0x1.c6aecc669b6ddp-5 * f + 0x1.ebfbe045f4d3cp-3;
    double p45 = 0x1.5f48c04f62e50p-10 * f + 0x1.3b2a1b7152befp-7;
    double p456 = 0x1.443fffc90db59p-13 * f2 + p45;
    return kb_special_scale_((p456 * f2 + p23) * f2 + p01, shifted);
}

/* x = 2^*exponent * m with m near 1; log(m) to 4e-12 of itself.  x positive, finite and normal. */
static inline double kb_special_log_(double x, double *exponent) {
    const uint64_t root_half = UINT64_C(0x3fe6a09e667f3bcd), one = UINT64_C(0x3ff0000000000000);
    uint64_t shifted = kb_f64_bits(x) + (one - root_half);
    /* The exponent as the mantissa of a number around 2^52 becomes a number. */
    *exponent =
        kb_f64_from_bits((shifted >> 52) | UINT64_C(0x4330000000000000)) - (0x1p52 + 1023.0);
    double m = kb_f64_from_bits((shifted & UINT64_C(0x000fffffffffffff)) + root_half);
    double s = (m - 1.0) / (m + 1.0);
    double z = s * s;
    double z2 = z * z;
    double p01 = 0x1.555554db60926p-1 * z + 0x1.0000000004991p+1;
    double p23 = 0x1.2432e793be352p-2 * z + 0x1.999a9bd409d25p-2;
    return ((0x1.e3aa7f87f0870p-3 * z2 + p23) * z2 + p01) * s;
}

/* sin(r + n * pi/2), for |r| <= pi/4 and n in the low bits. */
static inline double kb_special_wave_(double r, uint64_t n) {
    double z = r * r, z2 = z * z;
    double s01 = 0x1.11110deeb33b2p-7 * z + -0x1.555555545dd83p-3;
    double s23 = 0x1.6dbdd26f56cb7p-19 * z + -0x1.a013a6edc8f32p-13;
    double s = (s23 * z2 + s01) * (z * r) + r;
    double c01 = 0x1.555555514ea4bp-5 * z + -0x1.fffffffffe691p-2;
    double c23 = 0x1.a0129816d86c5p-16 * z + -0x1.6c16bae4ef840p-10;
    double c = ((-0x1.2474b4d8b6d5cp-22 * z2 + c23) * z2 + c01) * z + 1.0;
    double wave = n & 1 ? c : s;
    return kb_f64_from_bits(kb_f64_bits(wave) ^ (n & 2) << 62);
}

static inline float kb_special_trig_(float x, uint64_t quarter) {
    double wide = (double)x;
    double shifted = wide * 0x1.45f306dc9c883p-1 + KB_SPECIAL_SHIFTER_;
    double n = shifted - KB_SPECIAL_SHIFTER_;
    double r = wide - n * 0x1.921fb54400000p+0; /* pi/2 in two parts; the first product is exact */
    r = r - n * 0x1.0b4611a626331p-34;
    return kb_special_single_(kb_special_wave_(r, kb_f64_bits(shifted) + quarter));
}

/* --- fp32 ------------------------------------------------------------------------------------ */

static inline float kb_exp_f32(float x) {
    return kb_special_single_(
        kb_special_exp2_(kb_special_clamp_(x, 140.0f) * 0x1.71547652b82fep+0));
}

static inline float kb_exp2_f32(float x) {
    return kb_special_single_(kb_special_exp2_(kb_special_clamp_(x, 200.0f)));
}

/* What log and log2 share: infinity is itself, 0 gives -infinity, less and NaN give NaN. */
static inline float kb_special_log_result_(float x, double value) {
    float result = (float)value;
    result = x > 0x1.fffffep127f ? x : result;
    result = x > 0.0f ? result : kb_f32_from_bits(KB_F32_NAN);
    return x == 0.0f ? -__builtin_inff() : result;
}

static inline float kb_log_f32(float x) {
    double exponent, part = kb_special_log_((double)x, &exponent);
    return kb_special_log_result_(x, exponent * 0x1.62e42fefa39efp-1 + part);
}

static inline float kb_log2_f32(float x) {
    double exponent, part = kb_special_log_((double)x, &exponent);
    return kb_special_log_result_(x, exponent + part * 0x1.71547652b82fep+0);
}

/* For |x| < KB_TRIG_LARGE_F32. */
static inline float kb_sin_small_f32(float x) {
    return x == 0.0f ? x : kb_special_trig_(x, 0);
}

static inline float kb_cos_small_f32(float x) {
    return kb_special_trig_(x, 1);
}

static inline float kb_sin_f32(float x) {
    return __builtin_fabsf(x) < KB_TRIG_LARGE_F32 ? kb_sin_small_f32(x) : kb_sin_large_f32(x);
}

static inline float kb_cos_f32(float x) {
    return __builtin_fabsf(x) < KB_TRIG_LARGE_F32 ? kb_cos_small_f32(x) : kb_cos_large_f32(x);
}

/* (e^2x - 1) / (e^2x + 1), where e^2x - 1 = 2^k (e^r - 1) + (2^k - 1) loses nothing near 0. */
static inline float kb_tanh_f32(float x) {
    double wide = kb_special_clamp_(x, 16.0f) * 2.0;
    double shifted = wide * 0x1.71547652b82fep+0 + KB_SPECIAL_SHIFTER_;
    double k = shifted - KB_SPECIAL_SHIFTER_;
    double r = wide - k * 0x1.62e42fefa2000p-1 - k * 0x1.9ef35793c7673p-41;
    double r2 = r * r;
    double q01 = 0x1.5555555a7b04dp-3 * r + 0x1.0000000b95df5p-1;
    double q23 = 0x1.1110e0e528fc9p-7 * r + 0x1.5554e8e8cf598p-5;
    double q45 = 0x1.a12515da60daep-13 * r + 0x1.6d434d32cc595p-10;
    double q = (q45 * r2 + q23) * r2 + q01;
    double power = kb_special_scale_(1.0, shifted);
    double less_one = power * (q * r2 + r) + (power - 1.0);
    float result = kb_special_single_(less_one / (less_one + 2.0));
    return x == 0.0f ? x : result;
}

static inline float kb_sigmoid_f32(float x) {
    double power = kb_special_exp2_(kb_special_clamp_(x, 140.0f) * -0x1.71547652b82fep+0);
    return kb_special_single_(1.0 / (1.0 + power));
}

/* x * P(t), t = x^2 / 7.75 - 1: one polynomial up to where erf rounds to 1, in four strands. */
static inline float kb_erf_f32(float x) {
    double wide = kb_special_clamp_(x, 3.9296875f);
    double t = wide * wide * (1.0 / 7.75) - 1.0;
    double t2 = t * t, t4 = t2 * t2;
    double a = 0x1.28abc9a645f03p-13;
    a = a * t4 + 0x1.0a69e17b30826p-8;
    a = a * t4 + 0x1.fd047d1515e33p-6;
    a = a * t4 + 0x1.72e687506863ep-4;
    a = a * t4 + 0x1.6fcd22af732c2p-2;
    double b = -0x1.6ab898bd6d63fp-13;
    b = b * t4 + -0x1.339beb0cdc68fp-9;
    b = b * t4 + -0x1.52fcec9290499p-6;
    b = b * t4 + -0x1.2fe4a372507e1p-4;
    b = b * t4 + -0x1.6f4db9414ca87p-3;
    double c = 0x1.0d81877559bdep-14;
    c = c * t4 + 0x1.236a1e511fd69p-10;
    c = c * t4 + 0x1.a5913852232b2p-7;
    c = c * t4 + 0x1.dfd2f04bc9758p-5;
    c = c * t4 + 0x1.118c9171b04cfp-3;
    double d = -0x1.2a2308624fd70p-12;
    d = d * t4 + -0x1.e1f42b5c46eddp-8;
    d = d * t4 + -0x1.67d852614c698p-5;
    d = d * t4 + -0x1.bdf3444dbf888p-4;
    double p = (d * t + c) * t2 + (b * t + a);
    return kb_special_single_(wide * p);
}

/* 2^(y log2|x|), with C's special cases on top. */
static inline float kb_pow_f32(float x, float y) {
    const double nan = kb_f64_from_bits(KB_F64_NAN);
    double base = (double)x, wide = __builtin_fabs(base), power = (double)y, exponent;
    double part = kb_special_log_(wide, &exponent);
    double log2 = exponent + part * 0x1.71547652b82fep+0;
    log2 = wide == 0.0 ? -0x1p400 : log2;
    log2 = wide > 0x1p200 ? 0x1p400 : log2;
    double result = kb_special_exp2_(kb_special_clamp_f64_(log2 * power, 200.0));
    /* A float of 2^24 or more is even; below, its integers and odd integers survive the shifter. */
    double small = kb_special_clamp_f64_(power, 0x1p25);
    double shifted = small + KB_SPECIAL_SHIFTER_;
    double fraction = shifted - KB_SPECIAL_SHIFTER_ - small;
    double whole_sign = kb_f64_from_bits(kb_f64_bits(result) ^ kb_f64_bits(shifted) << 63);
    double broken = wide == 0.0 ? result : nan;
    broken = wide > 0x1p200 ? result : broken;
    double negative = fraction == 0.0 ? whole_sign : broken;
    result = kb_f64_bits(base) >> 63 ? negative : result;
    double one_or = wide == 1.0 ? 1.0 : result;
    result = __builtin_fabs(power) > 0x1p200 ? one_or : result;
    result = x == x ? result : nan;
    result = y == y ? result : nan;
    result = base == 1.0 ? 1.0 : result;
    result = power == 0.0 ? 1.0 : result;
    return kb_special_single_(result);
}

/* Correctly rounded, as IEEE 754 wants it, but for the NaN. */
static inline float kb_sqrt_f32(float x) {
    float root = __builtin_sqrtf(x);
    return root == root ? root : kb_f32_from_bits(KB_F32_NAN);
}

static inline double kb_sqrt_f64(double x) {
    double root = __builtin_sqrt(x);
    return root == root ? root : kb_f64_from_bits(KB_F64_NAN);
}

static inline float kb_rsqrt_f32(float x) {
    return kb_special_single_(1.0 / __builtin_sqrt((double)x));
}

static inline double kb_rsqrt_f64(double x) {
    return 1.0 / kb_sqrt_f64(x);
}

#endif
