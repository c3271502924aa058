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

static inline kb_pair kb_pair_multiply(kb_pair a, kb_pair b) {
    kb_pair product = kb_pair_product(a.hi, b.hi);
    return kb_pair_quick_sum(product.hi, product.lo + (a.hi * b.lo + a.lo * b.hi));
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

/* The exponent as the mantissa of a number around 2^52 becomes a number. */
static inline double kb_special_exponent_(uint64_t bits) {
    return kb_f64_from_bits((bits >> 52) | UINT64_C(0x4330000000000000)) - (0x1p52 + 1023.0);
}

/* x = 2^*exponent * (1 + f), which is between the roots of 1/2 and 2. */
static inline double kb_special_split_(double x, double *exponent) {
    const uint64_t root_half = UINT64_C(0x3fe6a09e667f3bcd), one = UINT64_C(0x3ff0000000000000);
    uint64_t shifted = kb_f64_bits(x) + (one - root_half);
    *exponent = kb_special_exponent_(shifted);
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

#define KB_LOG_FIRST_F64_ UINT64_C(0x3fef800000000000) /* 63/64 */
#define KB_LOG2_E_ 0x1.71547652b82fep+0
#define KB_LOG2_E_LOW_ 0x1.777d0ffda0d24p-56

/* x = 2^*exponent / inverse[*i] * (1 + r), see special_tables.h. */
static inline double kb_special_split_by_table_(double x, double *exponent, uint64_t *i) {
    uint64_t shifted = kb_f64_bits(x) + (UINT64_C(0x3ff0000000000000) - KB_LOG_FIRST_F64_);
    *exponent = kb_special_exponent_(shifted);
    *i = shifted >> 48 & 15;
    double m = kb_f64_from_bits((shifted & UINT64_C(0x000fffffffffffff)) + KB_LOG_FIRST_F64_);
    return kb_madd_f64_(m, kb_inverse_f64_[*i], -1.0);
}

/* log2(1 + r) = r / ln 2 + r^2 P(r), with 1 / ln 2 in two parts. */
static inline double kb_log2_common_f64(double x) {
    uint64_t i;
    double exponent, r = kb_special_split_by_table_(x, &exponent, &i), r2 = r * r, r4 = r2 * r2;
    double whole = exponent + kb_log2_high_f64_[i]; /* exact */
    double low = kb_madd_f64_(r, KB_LOG2_E_LOW_, kb_log2_low_f64_[i]);
    double p01 = kb_madd_f64_(0x1.ec709dc39ef49p-2, r, -0x1.71547652b82cfp-1);
    double p23 = kb_madd_f64_(0x1.2776c530c6aa4p-2, r, -0x1.71547653f4edap-2);
    double p45 = kb_madd_f64_(0x1.a6156aeca3769p-3, r, -0x1.ec707b7a3b72ap-3);
    double p67 = kb_madd_f64_(0x1.4ce6a1a992ad2p-3, r, -0x1.7202d55fefae9p-3);
    double p = kb_madd_f64_(kb_madd_f64_(p67, r2, p45), r4, kb_madd_f64_(p23, r2, p01));
    double sum = kb_madd_f64_(r, KB_LOG2_E_, whole);
    double lost = kb_madd_f64_(r, KB_LOG2_E_, whole - sum);
    return sum + (lost + kb_madd_f64_(p, r2, low));
}

/* 2^(y log2 x) of a positive x, with log2 x as a sum of two; *rare is set when that is not for here. */
static inline double kb_pow_common_f64(double x, double y, int *rare) {
    uint64_t i;
    double exponent, r = kb_special_split_by_table_(x, &exponent, &i), half = 0.5 * r;
    double r2 = r * r, r4 = r2 * r2;
    double p01 = kb_madd_f64_(-0x1.ffffffffffe7fp-3, r, 0x1.5555555555556p-2);
    double p23 = kb_madd_f64_(-0x1.5555555825a8ap-3, r, 0x1.99999999937b4p-3);
    double p45 = kb_madd_f64_(-0x1.ffffc78ab47eap-4, r, 0x1.24924979996f7p-3);
    double p67 = kb_madd_f64_(-0x1.9a82bf03ed570p-4, r, 0x1.c718eaeade469p-4);
    double high = kb_madd_f64_(0x1.7af93318e2438p-4, r4, kb_madd_f64_(p67, r2, p45));
    double p = kb_madd_f64_(high, r4, kb_madd_f64_(p23, r2, p01));
    /* log(1 + r) = r - r^2 / 2 + r^3 P(r) as first + second */
    double first = kb_madd_f64_(r * r2, p, kb_madd_f64_(-half, r, r));
    double second = kb_madd_f64_(r * r2, p, kb_madd_f64_(-half, r, r - first));
    double whole = exponent + kb_log2_high_f64_[i]; /* exact */
    double sum = kb_madd_f64_(first, KB_LOG2_E_, whole);
    double lost = kb_madd_f64_(first, KB_LOG2_E_, whole - sum);
    double low = kb_madd_f64_(first, KB_LOG2_E_LOW_, kb_log2_low_f64_[i]);
    low = lost + kb_madd_f64_(second, KB_LOG2_E_, low);
    double shifted = kb_madd_f64_(y, sum, KB_SPECIAL_SHIFTER_), k = shifted - KB_SPECIAL_SHIFTER_;
    *rare = kb_log_is_rare_f64(x) | kb_special_is_beyond_(k, 1022.0);
    double f = kb_madd_f64_(y, low, kb_madd_f64_(y, sum, -k)), f2 = f * f, f4 = f2 * f2;
    double q01 = kb_madd_f64_(0x1.ebfbdff82c5a5p-3, f, 0x1.62e42fefa39efp-1);
    double q23 = kb_madd_f64_(0x1.3b2ab6fb9ff54p-7, f, 0x1.c6b08d704a0d7p-5);
    double q45 = kb_madd_f64_(0x1.4309130f2fbe7p-13, f, 0x1.5d87fe78a0e58p-10);
    double q67 = kb_madd_f64_(0x1.62bfc6cc222bdp-20, f, 0x1.ffcbfc7c3eb70p-17);
    double q89 = kb_madd_f64_(0x1.e61ca9745109ep-28, f, 0x1.b524cdf6618fap-24);
    q89 = kb_madd_f64_(0x1.ea183a865a4e8p-32, f2, q89);
    double top = kb_madd_f64_(q89, f4, kb_madd_f64_(q67, f2, q45));
    double q = kb_madd_f64_(top, f4, kb_madd_f64_(q23, f2, q01));
    return kb_special_scale_(kb_madd_f64_(q, f, 1.0), shifted);
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
