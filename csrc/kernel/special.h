/* exp, log, sin and their kin: our own, the same bits on every machine (ADR-0047 D5).
 *
 * Tiles (replay) and PE_CPU's scalars use these and never libm, whose results differ between
 * versions.  Only what IEEE 754 defines to the last bit is used: + - * / sqrt, the fused multiply-add (which
 * a machine without it computes slowly) and integer operations.  So any compiler without contraction and any
 * vector width gives these bits.
 *
 *   _f32   at most 1 ulp (tested; subnormal results too).  Inline and free of branches, so that loops over
 *          them vectorise.  Most are computed in float, of which a vector holds most, some in double.
 *   _f64   at most 2 ulp (tested; pow included).  See special_f64.h.
 *
 * Every NaN result is the canonical quiet NaN.  Special cases are those of C (annex F).
 */
#ifndef KB_KERNEL_SPECIAL_H
#define KB_KERNEL_SPECIAL_H

#include "kernel/special_tables.h"
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

/* sin and cos go to double from the first limit on, where float has too few digits of pi; from the second on
 * they are not inline, and the argument is reduced with as many as it needs.  Loops do the small arguments first
 * and then the others. */
#define KB_TRIG_MEDIUM_F32 128.0f
#define KB_TRIG_LARGE_F32 0x1p20f

float kb_sin_large_f32(float x);
float kb_cos_large_f32(float x);

/* --- steps in double ------------------------------------------------------------------------- */

static inline double kb_madd_f64_(double a, double b, double c) {
    return __builtin_fma(a, b, c);
}

static inline float kb_madd_f32_(float a, float b, float c) {
    return __builtin_fmaf(a, b, c);
}

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

/* 2^k * value for the integer k in the low bits of `shifted`, well within double's range. */
static inline double kb_special_scale_(double value, double shifted) {
    return kb_f64_from_bits(kb_f64_bits(value) + (kb_f64_bits(shifted) << 52));
}

/* 2^t to 2.5e-9, for |t| <= 1000. */
static inline double kb_special_exp2_(double t) {
    double shifted = t + KB_SPECIAL_SHIFTER_;
    double f = t - (shifted - KB_SPECIAL_SHIFTER_);
    double f2 = f * f;
    double p01 = kb_madd_f64_(0x1.62e430d034702p-1, f, 1.0);
    double p23 = kb_madd_f64_(0x1.c6aecc669b6ddp-5, f, 0x1.ebfbe045f4d3cp-3);
    double p45 = kb_madd_f64_(0x1.5f48c04f62e50p-10, f, 0x1.3b2a1b7152befp-7);
    double p456 = kb_madd_f64_(0x1.443fffc90db59p-13, f2, p45);
    return kb_special_scale_(kb_madd_f64_(kb_madd_f64_(p456, f2, p23), f2, p01), shifted);
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

/* --- steps in float -------------------------------------------------------------------------- */

#define KB_SPECIAL_SHIFTER_F32_ 0x1.8p23f

static inline float kb_special_clamp_f32_(float value, float limit) {
    value = value > limit ? limit : value;
    return value < -limit ? -limit : value;
}

/* 2^k * value for the integer k in the low bits of `shifted`, |k| <= 250, rounded once: in two steps, so that
 * neither power leaves the range.  `value` is around 1. */
static inline float kb_special_scale_f32_(float value, float shifted) {
    uint32_t half = kb_f32_bits(shifted) << 22 & UINT32_C(0xff800000);
    uint32_t rest = (kb_f32_bits(shifted) << 23) - half;
    return kb_f32_from_bits(kb_f32_bits(value) + half) *
           kb_f32_from_bits(rest + (UINT32_C(127) << 23));
}

/* (e^r - 1 - r) / r^2 for |r| <= 0.35. */
static inline float kb_special_exp_rest_f32_(float r) {
    float r2 = r * r;
    float p01 = kb_madd_f32_(0x1.55548ep-3f, r, 0x1.000000p-1f);
    float p23 = kb_madd_f32_(0x1.123b84p-7f, r, 0x1.55545cp-5f);
    return kb_madd_f32_(kb_madd_f32_(0x1.6db50ep-10f, r2, p23), r2, p01);
}

/* x = k ln 2 + r + *low, with k in the low bits of *shifted; |x| <= 250. */
static inline float kb_special_reduce_exp_f32_(float x, float *low, float *shifted) {
    *shifted = kb_madd_f32_(x, 0x1.715476p+0f, KB_SPECIAL_SHIFTER_F32_);
    float k = *shifted - KB_SPECIAL_SHIFTER_F32_;
    float high = kb_madd_f32_(-k, 0x1.62e400p-1f, x); /* exact */
    float r = kb_madd_f32_(-k, 0x1.7f7d1cp-20f, high);
    *low = kb_madd_f32_(-k, 0x1.7f7d1cp-20f, high - r);
    return r;
}

/* x = 2^*exponent / inverse[*i] * (1 + r), see special_tables.h; x positive, normal and finite. */
static inline float kb_special_split_f32_(float x, float *exponent, uint32_t *i) {
    uint32_t bits = kb_f32_bits(x);
    *exponent = (float)((int32_t)(bits >> 23) - 127);
    *i = bits >> 18 & 31;
    float m = kb_f32_from_bits((bits & UINT32_C(0x007fffff)) | UINT32_C(0x3f800000));
    return kb_madd_f32_(m, kb_inverse_f32_[*i], -1.0f);
}

/* --- fp32 ------------------------------------------------------------------------------------ */

static inline float kb_exp_f32(float x) {
    float low, shifted, r;
    r = kb_special_reduce_exp_f32_(kb_special_clamp_f32_(x, 110.0f), &low, &shifted);
    float power = 1.0f + (r + kb_madd_f32_(kb_special_exp_rest_f32_(r), r * r, low));
    return x == x ? kb_special_scale_f32_(power, shifted) : kb_f32_from_bits(KB_F32_NAN);
}

/* 2^f = 1 + f ln 2 + f^2 P(f) */
static inline float kb_exp2_f32(float x) {
    float clamped = kb_special_clamp_f32_(x, 160.0f);
    float shifted = clamped + KB_SPECIAL_SHIFTER_F32_;
    float f = clamped - (shifted - KB_SPECIAL_SHIFTER_F32_), f2 = f * f;
    float p01 = kb_madd_f32_(0x1.c6af84p-5f, f, 0x1.ebfbe0p-3f);
    float p23 = kb_madd_f32_(0x1.5f05fap-10f, f, 0x1.3b29d2p-7f);
    float p = kb_madd_f32_(kb_madd_f32_(0x1.4478a2p-13f, f2, p23), f2, p01);
    float power = 1.0f + kb_madd_f32_(f, 0x1.62e430p-1f, p * f2);
    return x == x ? kb_special_scale_f32_(power, shifted) : kb_f32_from_bits(KB_F32_NAN);
}

/* Numbers that are not positive, normal and finite go by way of double; a loop does them last. */
static inline int kb_log_is_rare_f32(float x) {
    return !(x >= 0x1p-126f) | !(x <= 0x1.fffffep127f);
}

#define kb_log2_is_rare_f32 kb_log_is_rare_f32

/* log(1 + r) = r + r^2 P(r); what the sum with the exponent's part loses is put back. */
static inline float kb_log_common_f32(float x) {
    uint32_t i;
    float exponent, r = kb_special_split_f32_(x, &exponent, &i), r2 = r * r;
    float whole = kb_madd_f32_(exponent, 0x1.62e400p-1f, kb_log_high_f32_[i]); /* exact */
    float low = kb_madd_f32_(exponent, 0x1.7f7d1cp-20f, kb_log_low_f32_[i]);
    float p01 = kb_madd_f32_(0x1.5555bap-2f, r, -0.5f);
    float p23 = kb_madd_f32_(0x1.917a16p-3f, r, -0x1.001712p-2f);
    float sum = whole + r, lost = (whole - sum) + r;
    return sum + (lost + kb_madd_f32_(kb_madd_f32_(p23, r2, p01), r2, low));
}

/* log2(1 + r) = r / ln 2 + r^2 P(r), with 1 / ln 2 in two parts. */
static inline float kb_log2_common_f32(float x) {
    uint32_t i;
    float exponent, r = kb_special_split_f32_(x, &exponent, &i), r2 = r * r;
    float whole = exponent + kb_log2_high_f32_[i]; /* exact */
    float low = kb_madd_f32_(r, 0x1.4ae0c0p-26f, kb_log2_low_f32_[i]);
    float p01 = kb_madd_f32_(0x1.ec712ep-2f, r, -0x1.715476p-1f);
    float p23 = kb_madd_f32_(0x1.219ab8p-2f, r, -0x1.7175c0p-2f);
    float sum = kb_madd_f32_(r, 0x1.715476p+0f, whole);
    float lost = kb_madd_f32_(r, 0x1.715476p+0f, whole - sum);
    return sum + (lost + kb_madd_f32_(kb_madd_f32_(p23, r2, p01), r2, low));
}

float kb_log_f32(float x);
float kb_log2_f32(float x);

/* sin(x + quarter * pi/2) for |x| < KB_TRIG_MEDIUM_F32.  pi/2 in three parts, of 17 bits each but for the last. */
static inline float kb_special_small_trig_(float x, uint32_t quarter) {
    float shifted = kb_madd_f32_(x, 0x1.45f306p-1f, KB_SPECIAL_SHIFTER_F32_);
    float n = shifted - KB_SPECIAL_SHIFTER_F32_;
    float high = kb_madd_f32_(-n, 0x1.921f00p+0f, x); /* this and the next product are exact */
    float sum = kb_madd_f32_(-n, 0x1.6a8800p-17f, high);
    float rest = kb_madd_f32_(-n, 0x1.6a8800p-17f, high - sum);
    rest = kb_madd_f32_(-n, 0x1.0b4612p-34f, rest);
    float r = sum + rest, low = (sum - r) + rest;
    float z = r * r, half = 0.5f * z, top = 1.0f - half;
    float s = kb_madd_f32_(kb_madd_f32_(-0x1.994b66p-13f, z, 0x1.110758p-7f), z, -0x1.555546p-3f);
    float c = kb_madd_f32_(kb_madd_f32_(0x1.99ffbcp-16f, z, -0x1.6c0c84p-10f), z, 0x1.55554ap-5f);
    s = r + kb_madd_f32_(s, z * r, low);
    c = top + (((1.0f - top) - half) + kb_madd_f32_(c, z * z, -r * low));
    uint32_t turn = kb_f32_bits(shifted) + quarter;
    float wave = turn & 1 ? c : s;
    return kb_f32_from_bits(kb_f32_bits(wave) ^ (turn & 2) << 30);
}

static inline float kb_sin_small_f32(float x) {
    float wave = kb_special_small_trig_(x, 0);
    return x == 0.0f ? x : wave;
}

static inline float kb_cos_small_f32(float x) {
    return kb_special_small_trig_(x, 1);
}

/* For |x| < KB_TRIG_LARGE_F32. */
static inline float kb_sin_medium_f32(float x) {
    return kb_special_trig_(x, 0);
}

static inline float kb_cos_medium_f32(float x) {
    return kb_special_trig_(x, 1);
}

static inline float kb_sin_f32(float x) {
    float size = __builtin_fabsf(x);
    return size < KB_TRIG_MEDIUM_F32  ? kb_sin_small_f32(x)
           : size < KB_TRIG_LARGE_F32 ? kb_sin_medium_f32(x)
                                      : kb_sin_large_f32(x);
}

static inline float kb_cos_f32(float x) {
    float size = __builtin_fabsf(x);
    return size < KB_TRIG_MEDIUM_F32  ? kb_cos_small_f32(x)
           : size < KB_TRIG_LARGE_F32 ? kb_cos_medium_f32(x)
                                      : kb_cos_large_f32(x);
}

/* A polynomial about the centre of the interval that the leading bits name; what its first sum loses is put
 * back. */
static inline float kb_tanh_f32(float x) {
    float size = __builtin_fabsf(x);
    size = size < 10.0f ? size : 10.0f;
    uint32_t quarter = kb_f32_bits(size) >> 21;
    const float *row = kb_tanh_f32_[(quarter > 491 ? quarter : 491) & 31];
    float r = size - row[0], r2 = r * r;
    float sum = kb_madd_f32_(r, row[2], row[1]), lost = kb_madd_f32_(r, row[2], row[1] - sum);
    float p23 = kb_madd_f32_(row[4], r, row[3]), p45 = kb_madd_f32_(row[6], r, row[5]);
    float p = kb_madd_f32_(kb_madd_f32_(row[7], r2, p45), r2, p23);
    float wave = sum + kb_madd_f32_(p, r2, lost);
    wave = kb_f32_from_bits(kb_f32_bits(wave) | (kb_f32_bits(x) & UINT32_C(0x80000000)));
    return x == x ? wave : kb_f32_from_bits(KB_F32_NAN);
}

/* 1 / (1 + e^-x) */
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

/* 2^(y log2 x) of a positive x, with log2 x as a sum of two; *rare is set when it is not for here. */
static inline float kb_pow_common_f32(float x, float y, int *rare) {
    uint32_t i;
    float exponent, r = kb_special_split_f32_(x, &exponent, &i), r2 = r * r, half = 0.5f * r;
    /* log(1 + r) = r - r^2 / 2 + r^3 P(r) as first + second */
    float p = kb_madd_f32_(0x1.9112e6p-3f, r2, kb_madd_f32_(-0x1.001150p-2f, r, 0x1.5555b2p-2f));
    float first = kb_madd_f32_(r * r2, p, kb_madd_f32_(-half, r, r));
    float second = kb_madd_f32_(r * r2, p, kb_madd_f32_(-half, r, r - first));
    float whole = exponent + kb_log2_high_f32_[i]; /* exact */
    float sum = kb_madd_f32_(first, 0x1.715476p+0f, whole);
    float lost = kb_madd_f32_(first, 0x1.715476p+0f, whole - sum);
    float low = kb_madd_f32_(first, 0x1.4ae0c0p-26f, kb_log2_low_f32_[i]);
    low = lost + kb_madd_f32_(second, 0x1.715476p+0f, low);
    float product = y * sum, rest = kb_madd_f32_(y, low, kb_madd_f32_(y, sum, -product));
    float shifted = product + KB_SPECIAL_SHIFTER_F32_, k = shifted - KB_SPECIAL_SHIFTER_F32_;
    *rare = kb_log_is_rare_f32(x) | !(__builtin_fabsf(k) < 126.0f);
    float f = product - k, g = f + rest; /* 2^(f + rest) = 1 + (f + rest) ln 2 + g^2 Q(g) */
    float q01 = kb_madd_f32_(0x1.c6aed0p-5f, g, 0x1.ebfbe0p-3f);
    float q23 = kb_madd_f32_(0x1.5f47b0p-10f, g, 0x1.3b29aap-7f), g2 = g * g;
    float q = kb_madd_f32_(kb_madd_f32_(0x1.448f94p-13f, g2, q23), g2, q01);
    float power = kb_madd_f32_(f, 0x1.62e430p-1f, 1.0f);
    float left = kb_madd_f32_(f, 0x1.62e430p-1f, 1.0f - power);
    power += kb_madd_f32_(q, g2, kb_madd_f32_(rest, 0x1.62e430p-1f, left));
    return kb_f32_from_bits(kb_f32_bits(power) + (kb_f32_bits(shifted) << 23));
}

float kb_pow_f32(float x, float y);

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
