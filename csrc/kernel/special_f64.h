/* The fp64 functions where their arguments are ordinary: inline and free of branches, so that loops over
 * them vectorise.
 *
 *     kb_F_f64(x)  =  kb_F_is_rare_f64(x) ? an exact but slow way in special.c : kb_F_common_f64(x)
 *
 * A rare argument gives anything, and traps nothing.
 */
#ifndef KB_KERNEL_SPECIAL_F64_H
#define KB_KERNEL_SPECIAL_F64_H

#include "kernel/special.h"

/* A number as the unevaluated sum hi + lo, |lo| at most half of hi's last place: 106 bits. */
typedef struct kb_pair {
    double hi, lo;
} kb_pair;

static inline kb_pair kb_pair_quick_sum(double a, double b) { /* |a| >= |b|, or a = 0 */
    double sum = a + b;
    return (kb_pair){sum, b - (sum - a)};
}

static inline kb_pair kb_pair_sum(double a, double b) {
    double sum = a + b, b_part = sum - a;
    return (kb_pair){sum, (a - (sum - b_part)) + (b - b_part)};
}

static inline kb_pair kb_pair_product(double a, double b) {
    double product = a * b;
    return (kb_pair){product, kb_madd_f64_(a, b, -product)};
}

/* True for what is not within (-limit, limit), NaN too. */
static inline int kb_special_is_beyond_(double x, double limit) {
    return !(__builtin_fabs(x) < limit);
}

/* --- exp and its kin ------------------------------------------------------------------------- */

#define KB_LN2_HIGH_ 0x1.62e42fefa2000p-1 /* times 11 bits: exact */
#define KB_LN2_LOW_ 0x1.9ef35793c7673p-41

/* e^r - 1 - r for |r| <= 0.35. */
static inline double kb_special_exp_tail_(double r) {
    double r2 = r * r, r4 = r2 * r2;
    double p01 = kb_madd_f64_(0x1.5555555555561p-3, r, 0x1.000000000000bp-1);
    double p23 = kb_madd_f64_(0x1.111111110d62ep-7, r, 0x1.555555555008ep-5);
    double p45 = kb_madd_f64_(0x1.a01a01bae6becp-13, r, 0x1.6c16c1859712cp-10);
    double p67 = kb_madd_f64_(0x1.71dddfc1acdbdp-19, r, 0x1.a01996b8ac15cp-16);
    double p89 = kb_madd_f64_(0x1.af859768df007p-26, r, 0x1.28b02b8506adep-22);
    double high = kb_madd_f64_(p89, r4, kb_madd_f64_(p67, r2, p45));
    return kb_madd_f64_(high, r4, kb_madd_f64_(p23, r2, p01)) * r2;
}

/* x.hi + x.lo = k ln 2 + r, with k in the low bits of *shifted. */
static inline kb_pair kb_special_reduce_exp_(double hi, double lo, double *shifted) {
    *shifted = kb_madd_f64_(hi, 0x1.71547652b82fep+0, KB_SPECIAL_SHIFTER_);
    double k = *shifted - KB_SPECIAL_SHIFTER_;
    double high = kb_madd_f64_(-k, KB_LN2_HIGH_, hi), low = kb_madd_f64_(k, KB_LN2_LOW_, -lo);
    double r = high - low;
    return (kb_pair){r, (high - r) - low};
}

static inline double kb_special_exp_(double hi, double lo) {
    double shifted;
    kb_pair r = kb_special_reduce_exp_(hi, lo, &shifted);
    double sum = r.hi + (kb_special_exp_tail_(r.hi) + r.lo);
    return kb_special_scale_(1.0 + sum, shifted);
}

static inline int kb_exp_is_rare_f64(double x) {
    return kb_special_is_beyond_(x, 700.0);
}

static inline double kb_exp_common_f64(double x) {
    return kb_special_exp_(x, 0.0);
}

static inline int kb_exp2_is_rare_f64(double x) {
    return kb_special_is_beyond_(x, 1020.0);
}

static inline double kb_exp2_common_f64(double x) {
    double shifted = x + KB_SPECIAL_SHIFTER_;
    double f = x - (shifted - KB_SPECIAL_SHIFTER_);
    double r = f * 0x1.62e42fefa39efp-1;
    double tail = kb_madd_f64_(f, 0x1.62e42fefa39efp-1, -r) + kb_special_exp_tail_(r);
    return kb_special_scale_(1.0 + (r + tail), shifted);
}

static inline int kb_sigmoid_is_rare_f64(double x) {
    return kb_special_is_beyond_(x, 700.0);
}

/* 1 / (1 + e^-x), with what the sum loses put back. */
static inline double kb_sigmoid_common_f64(double x) {
    double shifted;
    kb_pair r = kb_special_reduce_exp_(-x, 0.0, &shifted);
    kb_pair power = kb_pair_quick_sum(1.0, r.hi + (kb_special_exp_tail_(r.hi) + r.lo));
    double high = kb_special_scale_(power.hi, shifted);
    double low = power.lo * kb_special_scale_(1.0, shifted);
    kb_pair divisor = kb_pair_sum(1.0, high);
    double result = 1.0 / divisor.hi;
    return kb_madd_f64_(-result * result, divisor.lo + low, result);
}

/* E / (E + 2) with E = e^2|x| - 1 = 2^k (e^r - 1) + (2^k - 1), as pairs. */
static inline double kb_tanh_all_f64(double x) {
    double size = __builtin_fabs(x);
    size = size > 22.0 ? 22.0 : size;
    double shifted;
    kb_pair r = kb_special_reduce_exp_(2.0 * size, 0.0, &shifted);
    double power = kb_special_scale_(1.0, shifted);
    kb_pair less_one = kb_pair_quick_sum(power - 1.0, power * r.hi);
    less_one = kb_pair_quick_sum(
        less_one.hi, kb_madd_f64_(power, kb_special_exp_tail_(r.hi) + r.lo, less_one.lo));
    kb_pair divisor = kb_pair_sum(2.0, less_one.hi);
    double reciprocal = 1.0 / divisor.hi, result = less_one.hi * reciprocal;
    double left = kb_madd_f64_(-result, divisor.hi, less_one.hi) + less_one.lo;
    left = kb_madd_f64_(-result, divisor.lo + less_one.lo, left);
    result = kb_madd_f64_(left, reciprocal, result);
    double wave = kb_f64_from_bits(kb_f64_bits(result) | (kb_f64_bits(x) >> 63) << 63);
    return x == x ? wave : kb_f64_from_bits(KB_F64_NAN);
}

/* --- log and its kin ------------------------------------------------------------------------- */

/* Numbers that are positive, normal and finite are not rare. */
static inline int kb_log_is_rare_f64(double x) {
    return !(x >= 0x1p-1022) | (x > 0x1.fffffffffffffp+1023);
}

#define kb_log2_is_rare_f64 kb_log_is_rare_f64

/* x = 2^*exponent * (1 + f), which is between the roots of 1/2 and 2. */
static inline double kb_special_split_(double x, double *exponent) {
    const uint64_t root_half = UINT64_C(0x3fe6a09e667f3bcd), one = UINT64_C(0x3ff0000000000000);
    uint64_t shifted = kb_f64_bits(x) + (one - root_half);
    /* The exponent as the mantissa of a number around 2^52 becomes a number. */
    *exponent =
        kb_f64_from_bits((shifted >> 52) | UINT64_C(0x4330000000000000)) - (0x1p52 + 1023.0);
    return kb_f64_from_bits((shifted & UINT64_C(0x000fffffffffffff)) + root_half) - 1.0;
}

/* With s = f / (2 + f): log(1 + f) = f - half + s * (half + 2 s^2 / 3 + 2 s^4 / 5 ...), where half = f^2 / 2; gives
 * the last term. */
static inline double kb_special_log_rest_(double f, double half) {
    double s = f / (2.0 + f), z = s * s, z2 = z * z, z4 = z2 * z2;
    double p12 = kb_madd_f64_(0x1.999999997fec3p-2, z, 0x1.5555555555592p-1);
    double p34 = kb_madd_f64_(0x1.c71c520f9787dp-3, z, 0x1.24924941e6951p-2);
    double p56 = kb_madd_f64_(0x1.39a1cace2dce5p-3, z, 0x1.74663dfe67560p-3);
    double p =
        kb_madd_f64_(kb_madd_f64_(0x1.2f05005a7f17ep-3, z2, p56), z4, kb_madd_f64_(p34, z2, p12));
    return s * kb_madd_f64_(p, z, half);
}

static inline double kb_log_common_f64(double x) {
    double exponent, f = kb_special_split_(x, &exponent), half = 0.5 * f * f;
    double low = kb_madd_f64_(exponent, KB_LN2_LOW_, kb_special_log_rest_(f, half));
    return kb_madd_f64_(exponent, KB_LN2_HIGH_, -((half - low) - f));
}

/* log(1 + f) as a pair, times 1 / ln 2 as another. */
static inline double kb_log2_common_f64(double x) {
    const double factor = 0x1.71547652b82fep+0, factor_low = 0x1.777d0ffda0d24p-56;
    double exponent, f = kb_special_split_(x, &exponent), half = 0.5 * f * f;
    double hi = f - half, lo = ((f - hi) - half) + kb_special_log_rest_(f, half);
    lo += kb_madd_f64_(-0.5 * f, f, half); /* what half lost */
    kb_pair product = kb_pair_product(hi, factor);
    product.lo = kb_madd_f64_(hi, factor_low, kb_madd_f64_(lo, factor, product.lo));
    kb_pair sum = kb_pair_quick_sum(exponent, product.hi);
    return sum.hi + (sum.lo + product.lo);
}

/* log(x), to 2^-65 of itself. */
static inline kb_pair kb_special_log_pair_(double x) {
    double exponent, f = kb_special_split_(x, &exponent);
    kb_pair divisor = kb_pair_quick_sum(2.0, f);
    double reciprocal = 1.0 / divisor.hi, s = f * reciprocal;
    kb_pair back = kb_pair_product(s, divisor.hi);
    double s_low = kb_madd_f64_(-s, divisor.lo, (f - back.hi) - back.lo) * reciprocal;
    kb_pair z = kb_pair_product(s, s);
    double z_low = kb_madd_f64_(2.0 * s, s_low, z.lo), z2 = z.hi * z.hi, z4 = z2 * z2;
    double p23 = kb_madd_f64_(0x1.249249245823bp-2, z.hi, 0x1.9999999999b2dp-2);
    double p45 = kb_madd_f64_(0x1.745ce9fdf420bp-3, z.hi, 0x1.c71c722d0b778p-3);
    double p67 = kb_madd_f64_(0x1.0f803eabb2a9ap-3, z.hi, 0x1.3b1ee7e24df88p-3);
    double p =
        kb_madd_f64_(kb_madd_f64_(0x1.0e3ff178524fep-3, z2, p67), z4, kb_madd_f64_(p45, z2, p23));
    /* log(1 + f) = 2 s + s (2/3 z + p z^2) */
    kb_pair third = kb_pair_product(z.hi, 0x1.5555555555555p-1);
    kb_pair inner = kb_pair_quick_sum(third.hi, p * z2);
    inner.lo += kb_madd_f64_(z.hi, 0x1.5555555555555p-55, third.lo);
    inner.lo = kb_madd_f64_(z_low, 0x1.5555555555555p-1, inner.lo);
    kb_pair outer = kb_pair_product(s, inner.hi);
    outer.lo = kb_madd_f64_(s, inner.lo, kb_madd_f64_(s_low, inner.hi, outer.lo));
    kb_pair part = kb_pair_quick_sum(2.0 * s, outer.hi);
    part.lo += kb_madd_f64_(2.0, s_low, outer.lo);
    kb_pair whole = kb_pair_quick_sum(exponent * KB_LN2_HIGH_, part.hi);
    return kb_pair_quick_sum(whole.hi, whole.lo + kb_madd_f64_(exponent, KB_LN2_LOW_, part.lo));
}

/* e^(y log x) of a positive x; *rare is set when that is not for here. */
static inline double kb_pow_common_f64(double x, double y, int *rare) {
    kb_pair log = kb_special_log_pair_(x), power = kb_pair_product(log.hi, y);
    *rare = kb_log_is_rare_f64(x) | kb_special_is_beyond_(power.hi, 700.0) |
            kb_special_is_beyond_(y, 0x1p900);
    return kb_special_exp_(power.hi, kb_madd_f64_(log.lo, y, power.lo));
}

/* --- sin and cos ----------------------------------------------------------------------------- */

static inline int kb_sin_is_rare_f64(double x) {
    return kb_special_is_beyond_(x, 0x1p20);
}

#define kb_cos_is_rare_f64 kb_sin_is_rare_f64

/* x = n pi/2 + r, n in the low bits of *shifted.  pi/2 in four parts; products with three of them are exact. */
static inline kb_pair kb_special_reduce_trig_(double x, double *shifted) {
    *shifted = kb_madd_f64_(x, 0x1.45f306dc9c883p-1, KB_SPECIAL_SHIFTER_);
    double n = *shifted - KB_SPECIAL_SHIFTER_;
    kb_pair r = kb_pair_sum(kb_madd_f64_(-n, 0x1.921fb54400000p+0, x), -n * 0x1.0b4611a600000p-34);
    kb_pair s = kb_pair_sum(r.hi, -n * 0x1.3198a2e000000p-69);
    return kb_pair_quick_sum(s.hi, kb_madd_f64_(-n, 0x1.b839a252049c1p-104, s.lo + r.lo));
}

/* sin(r + quarter * pi/2) of what x was reduced to. */
static inline double kb_special_wave_f64_(kb_pair r, double shifted, uint64_t quarter) {
    double z = r.hi * r.hi, z2 = z * z, z4 = z2 * z2, half = 0.5 * z, top = 1.0 - half;
    double s01 = kb_madd_f64_(0x1.111111110f87bp-7, z, -0x1.5555555555549p-3);
    double s23 = kb_madd_f64_(0x1.71de3577c4027p-19, z, -0x1.a01a019c11ad8p-13);
    double s45 = kb_madd_f64_(0x1.5d9302f9af476p-33, z, -0x1.ae5e6642f2d28p-26);
    double s = kb_madd_f64_(s45, z4, kb_madd_f64_(s23, z2, s01));
    s = kb_madd_f64_(s, z * r.hi, r.lo * top);
    double c01 = kb_madd_f64_(-0x1.6c16c16c1517ep-10, z, 0x1.555555555554cp-5);
    double c23 = kb_madd_f64_(-0x1.27e4f809f2373p-22, z, 0x1.a01a019cb1c07p-16);
    double c45 = kb_madd_f64_(-0x1.8fae9cc11964cp-37, z, 0x1.1ee9ebe9fc401p-29);
    double c = kb_madd_f64_(c45, z4, kb_madd_f64_(c23, z2, c01));
    c = kb_madd_f64_(c, z2, -r.hi * r.lo);
    uint64_t n = kb_f64_bits(shifted) + quarter;
    double wave = n & 1 ? top + (((1.0 - top) - half) + c) : r.hi + s;
    return kb_f64_from_bits(kb_f64_bits(wave) ^ (n & 2) << 62);
}

static inline double kb_sin_common_f64(double x) {
    double shifted;
    kb_pair r = kb_special_reduce_trig_(x, &shifted);
    double wave = kb_special_wave_f64_(r, shifted, 0);
    return x == 0.0 ? x : wave;
}

static inline double kb_cos_common_f64(double x) {
    double shifted;
    kb_pair r = kb_special_reduce_trig_(x, &shifted);
    return kb_special_wave_f64_(r, shifted, 1);
}

#endif
