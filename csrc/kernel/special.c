#include "kernel/special_f64.h"

#include <stdbool.h>

static double not_a_number(void) {
    return kb_f64_from_bits(KB_F64_NAN);
}

/* Nearest integer, for |x| < 2^51. */
static double nearest(double x) {
    return x + KB_SPECIAL_SHIFTER_ - KB_SPECIAL_SHIFTER_;
}

static kb_pair add(kb_pair a, kb_pair b) {
    kb_pair sum = kb_pair_sum(a.hi, b.hi);
    return kb_pair_quick_sum(sum.hi, sum.lo + (a.lo + b.lo));
}

/* 2^k * x in two steps, so that neither power of two leaves the range; |k| < 2000. */
static double scale(double x, double k) {
    int64_t all = (int64_t)k, half = all / 2, rest = all - half;
    x *= kb_f64_from_bits((uint64_t)(1023 + half) << 52);
    return x * kb_f64_from_bits((uint64_t)(1023 + rest) << 52);
}

/* --- exp ------------------------------------------------------------------------------------- */

/* e^r - 1 - r.hi for |r| <= 0.35: Taylor's series, its first term and r.lo apart. */
static double exp_tail(kb_pair r) {
    static const double factorials[] = {1.0 / 6227020800.0, 1.0 / 479001600.0, 1.0 / 39916800.0,
                                        1.0 / 3628800.0,    1.0 / 362880.0,    1.0 / 40320.0,
                                        1.0 / 5040.0,       1.0 / 720.0,       1.0 / 120.0,
                                        1.0 / 24.0,         1.0 / 6.0,         1.0 / 2.0};
    double q = 0.0;
    for (unsigned i = 0; i < sizeof factorials / sizeof *factorials; i++)
        q = q * r.hi + factorials[i];
    return q * r.hi * r.hi + r.lo * (1.0 + r.hi);
}

/* x = k ln 2 + r */
static kb_pair reduce_exp(kb_pair x, double *k) {
    *k = nearest(x.hi * 0x1.71547652b82fep+0);
    double high = x.hi - *k * 0x1.62e42fefa2000p-1; /* both exact */
    kb_pair r = kb_pair_sum(high, -*k * 0x1.9ef35793c7673p-41);
    return kb_pair_quick_sum(r.hi, r.lo + x.lo);
}

static double exp_of(kb_pair x) {
    if (x.hi > 710.0) return __builtin_inf();
    if (x.hi < -746.0) return 0.0;
    double k;
    kb_pair r = reduce_exp(x, &k);
    return scale(1.0 + (r.hi + exp_tail(r)), k);
}

double kb_exp_f64(double x) {
    if (!kb_exp_is_rare_f64(x)) return kb_exp_common_f64(x);
    return x == x ? exp_of((kb_pair){x, 0.0}) : not_a_number();
}

double kb_exp2_f64(double x) {
    if (!kb_exp2_is_rare_f64(x)) return kb_exp2_common_f64(x);
    if (x != x) return not_a_number();
    if (x > 1024.0) return __builtin_inf();
    if (x < -1076.0) return 0.0;
    double k = nearest(x), f = x - k;
    kb_pair r = kb_pair_product(f, 0x1.62e42fefa39efp-1);
    r = kb_pair_quick_sum(r.hi, r.lo + f * 0x1.abc9e3b39803fp-56);
    return scale(1.0 + (r.hi + exp_tail(r)), k);
}

double kb_sigmoid_f64(double x) {
    if (!kb_sigmoid_is_rare_f64(x)) return kb_sigmoid_common_f64(x);
    if (x != x) return not_a_number();
    double power = kb_exp_f64(x < 0.0 ? x : -x);
    kb_pair divisor = kb_pair_quick_sum(1.0, power);
    double result = (x < 0.0 ? power : 1.0) / divisor.hi;
    return result - result * divisor.lo / divisor.hi;
}

double kb_tanh_f64(double x) {
    return kb_tanh_all_f64(x);
}

/* --- log ------------------------------------------------------------------------------------- */

/* x = 2^*exponent * m with m in [sqrt(1/2), sqrt(2)), which is returned; x positive and finite. */
static double split_log(double x, double *exponent) {
    const uint64_t root_half = UINT64_C(0x3fe6a09e667f3bcd), one = UINT64_C(0x3ff0000000000000);
    double offset = -1023.0;
    if (x < 0x1p-1022) {
        x *= 0x1p54;
        offset -= 54.0;
    }
    uint64_t shifted = kb_f64_bits(x) + (one - root_half);
    *exponent = (double)(shifted >> 52) + offset;
    return kb_f64_from_bits((shifted & UINT64_C(0x000fffffffffffff)) + root_half);
}

/* log(m), m as above, by the series of atanh. */
static kb_pair log_part(double x, double *exponent) {
    double f = split_log(x, exponent) - 1.0;
    kb_pair divisor = kb_pair_quick_sum(2.0, f);
    double s_high = f / divisor.hi;
    kb_pair back = kb_pair_product(s_high, divisor.hi);
    double s_low = ((f - back.hi) - back.lo - s_high * divisor.lo) / divisor.hi;
    kb_pair s = kb_pair_quick_sum(s_high, s_low), z = kb_pair_multiply(s, s);
    static const double terms[] = {1.0 / 25, 1.0 / 23, 1.0 / 21, 1.0 / 19, 1.0 / 17,
                                   1.0 / 15, 1.0 / 13, 1.0 / 11, 1.0 / 9,  1.0 / 7};
    double q = 0.0;
    for (unsigned i = 0; i < sizeof terms / sizeof *terms; i++) q = q * z.hi + terms[i];
    kb_pair series = add((kb_pair){0x1.999999999999ap-3, -0x1.999999999999ap-57}, /* 1/5 */
                         (kb_pair){q * z.hi, 0.0});
    series =
        add((kb_pair){0x1.5555555555555p-2, 0x1.5555555555555p-56}, kb_pair_multiply(series, z));
    series = add((kb_pair){1.0, 0.0}, kb_pair_multiply(series, z));
    return kb_pair_multiply((kb_pair){2.0 * s.hi, 2.0 * s.lo}, series);
}

static kb_pair log_of(double x) {
    double exponent;
    kb_pair part = log_part(x, &exponent);
    kb_pair whole = kb_pair_product(exponent, 0x1.62e42fefa39efp-1);
    whole.lo += exponent * 0x1.abc9e3b39803fp-56;
    return add(whole, part);
}

/* What log and log2 share: true when x is none of 0, negative, infinite and NaN. */
static bool has_log(double x, double *special) {
    *special = x;
    if (x == 0.0) *special = -__builtin_inf();
    else if (!(x > 0.0)) *special = not_a_number();
    return x > 0.0 && x <= 0x1.fffffffffffffp+1023;
}

/* With m = 1 + f and s = f / (2 + f): log(m) = f - f^2/2 + s (f^2/2 + 2 s^2/3 + 2 s^4/5 + ...). */
double kb_log_f64(double x) {
    if (!kb_log_is_rare_f64(x)) return kb_log_common_f64(x);
    static const double terms[] = {2.0 / 21, 2.0 / 19, 2.0 / 17, 2.0 / 15, 2.0 / 13,
                                   2.0 / 11, 2.0 / 9,  2.0 / 7,  2.0 / 5,  2.0 / 3};
    double special, exponent;
    if (!has_log(x, &special)) return special;
    double f = split_log(x, &exponent) - 1.0;
    double s = f / (2.0 + f), z = s * s, half = 0.5 * f * f, q = 0.0;
    for (unsigned i = 0; i < sizeof terms / sizeof *terms; i++) q = q * z + terms[i];
    double low = s * (half + q * z) + exponent * 0x1.9ef35793c7673p-41;
    return exponent * 0x1.62e42fefa2000p-1 - ((half - low) - f);
}

double kb_log2_f64(double x) {
    if (!kb_log2_is_rare_f64(x)) return kb_log2_common_f64(x);
    double special, exponent;
    if (!has_log(x, &special)) return special;
    kb_pair part = log_part(x, &exponent);
    part = kb_pair_multiply(part, (kb_pair){0x1.71547652b82fep+0, 0x1.777d0ffda0d24p-56});
    kb_pair result = add((kb_pair){exponent, 0.0}, part);
    return result.hi + result.lo;
}

/* --- pow ------------------------------------------------------------------------------------- */

/* 0: no integer; 1: an odd one; 2: an even one. */
static int parity(double y) {
    double size = __builtin_fabs(y);
    if (size >= 0x1p53) return 2;
    uint64_t whole = (uint64_t)size;
    if ((double)whole != size) return 0;
    return whole & 1 ? 1 : 2;
}

double kb_pow_f64(double x, double y) {
    int rare;
    double common = kb_pow_common_f64(x, y, &rare);
    if (!rare) return common;
    if (x == 1.0 || y == 0.0) return 1.0;
    if (x != x || y != y) return not_a_number();
    double size = __builtin_fabs(x);
    bool is_infinite = __builtin_fabs(y) > 0x1.fffffffffffffp+1023;
    if (size == 1.0 && is_infinite) return 1.0;
    bool is_negative = kb_f64_bits(x) >> 63 != 0;
    int kind = parity(y);
    double sign = is_negative && kind == 1 ? -1.0 : 1.0;
    bool is_limit = size == 0.0 || size > 0x1.fffffffffffffp+1023;
    if (is_limit) return sign * ((size == 0.0) == (y < 0.0) ? __builtin_inf() : 0.0);
    if (is_infinite) return (size > 1.0) == (y > 0.0) ? __builtin_inf() : 0.0;
    if (is_negative && kind == 0) return not_a_number();
    if (__builtin_fabs(y) > 0x1p70)
        y = y < 0.0 ? -0x1p70 : 0x1p70; /* over- or underflows all the same */
    return sign * exp_of(kb_pair_multiply(log_of(size), (kb_pair){y, 0.0}));
}

float kb_log_f32(float x) {
    return kb_log_is_rare_f32(x) ? kb_special_single_(kb_log_f64((double)x)) : kb_log_common_f32(x);
}

float kb_log2_f32(float x) {
    return kb_log2_is_rare_f32(x) ? kb_special_single_(kb_log2_f64((double)x))
                                  : kb_log2_common_f32(x);
}

/* C's special cases on top.  A float of 2^24 or more is even. */
float kb_pow_f32(float x, float y) {
    int rare;
    float common = kb_pow_common_f32(x, y, &rare);
    return rare ? kb_special_single_(kb_pow_f64((double)x, (double)y)) : common;
}

/* --- erf ------------------------------------------------------------------------------------- */

/* Near 0, x + x P(x^2). */
static double erf_near_0(double x) {
    static const double terms[] = {-1.0 / 918086400.0, 1.0 / 76204800.0, -1.0 / 6894720.0,
                                   1.0 / 685440.0,     -1.0 / 75600.0,   1.0 / 9360.0,
                                   -1.0 / 1320.0,      1.0 / 216.0,      -1.0 / 42.0,
                                   1.0 / 10.0,         -1.0 / 3.0};
    double z = x * x, p = 0.0;
    for (unsigned i = 0; i < sizeof terms / sizeof *terms; i++) p = p * z + terms[i];
    return x + x * (p * z * 0x1.20dd750429b6dp+0 + 0x1.06eba8214db69p-3);
}

/* Taylor's series about the nearest centre c: erf' = slope e^-(2ch + h^2), and the coefficients u
 * of that power obey (n + 1) u[n + 1] = -2c u[n] - 2 u[n - 1]. */
double kb_erf_f64(double x) {
    static const struct {
        double at, value, value_low, slope;
    } centres[] = {
        {0.75, 0x1.6c1c9759d0e5fp-1, 4.697e-17, 0x1.492e42d78d2c5p-1},
        {1.25, 0x1.d8865d98abe01p-1, -5.518e-17, 0x1.e4652fadcb6b2p-3},
        {1.75, 0x1.f92d077f8d56dp-1, 2.143e-17, 0x1.b055303221015p-5},
        {2.25, 0x1.ff404760319b4p-1, 2.696e-17, 0x1.d4143a9dfe965p-8},
        {2.75, 0x1.fff2cfb0453d9p-1, 4.451e-17, 0x1.3360ccd23db3ap-11},
        {3.25, 0x1.ffff6f9f67e55p-1, 5.225e-17, 0x1.e9b5e8d00ce77p-16},
        {3.75, 0x1.fffffc2f171e3p-1, 4.228e-17, 0x1.d9371e2ff7c35p-21},
        {4.25, 0x1.fffffff01a8b6p-1, 9.867e-19, 0x1.155a09065d4f7p-26},
        {4.75, 0x1.ffffffffd759dp-1, 5.462e-17, 0x1.8a61745ec7d1dp-33},
        {5.25, 0x1.ffffffffffc05p-1, 2.859e-17, 0x1.5422ef5d8949dp-40},
        {5.75, 0x1.ffffffffffffcp-1, 2.088e-17, 0x1.63daf8b4b1e0cp-48},
    };
    if (x != x) return not_a_number();
    double size = __builtin_fabs(x);
    if (size < 0.5) return erf_near_0(x);
    if (size >= 6.0) return x < 0.0 ? -1.0 : 1.0;
    unsigned i = (unsigned)(size * 2.0) - 1;
    double h = size - centres[i].at, u = 1.0, before = 0.0, power = h, sum = 0.0;
    for (int n = 0; n < 48; n++) {
        sum += u * power / (n + 1);
        double after = (-2.0 * centres[i].at * u - 2.0 * before) / (n + 1);
        before = u;
        u = after;
        power *= h;
    }
    double result = centres[i].value + (centres[i].value_low + centres[i].slope * sum);
    return x < 0.0 ? -result : result;
}
