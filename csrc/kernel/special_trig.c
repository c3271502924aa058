/* sin and cos where the common way (special_f64.h) is not exact enough: of any argument, to the last digits of
 * pi that it needs. */
#include <stdbool.h>

#include "kernel/special_f64.h"

/* 2/pi: bit i (weight 2^-i, i >= 1) is bit 63 + i of the array, counted from the left. */
static const uint64_t two_over_pi[] = {
    UINT64_C(0x0000000000000000), UINT64_C(0xa2f9836e4e441529), UINT64_C(0xfc2757d1f534ddc0),
    UINT64_C(0xdb6295993c439041), UINT64_C(0xfe5163abdebbc561), UINT64_C(0xb7246e3a424dd2e0),
    UINT64_C(0x06492eea09d1921c), UINT64_C(0xfe1deb1cb129a73e), UINT64_C(0xe88235f52ebb4484),
    UINT64_C(0xe99c7026b45f7e41), UINT64_C(0x3991d639835339f4), UINT64_C(0x9c845f8bbdf9283b),
    UINT64_C(0x1ff897ffde05980f), UINT64_C(0xef2f118b5a0a6d1f), UINT64_C(0x6d367ecf27cb09b7),
    UINT64_C(0x4f463f669e5fea2d), UINT64_C(0x7527bac7ebe5f17b), UINT64_C(0x3d0739f78a5292ea),
    UINT64_C(0x6bfb5fb11f8d5d08), UINT64_C(0x56033046fc7b6bab), UINT64_C(0xf0cfbc209af4361d)};

__extension__ typedef unsigned __int128 wide;

/* 64 bits of the array from bit `at` on. */
static uint64_t window(unsigned at) {
    unsigned word = at / 64, shift = at % 64;
    if (shift == 0) return two_over_pi[word];
    return two_over_pi[word] << shift | two_over_pi[word + 1] >> (64 - shift);
}

/* x = n pi/2 + r with |r| <= pi/4 and n modulo 4, for pi/4 < |x| < infinity (Payne and Hanek).  x
 * is m 2^e; of 2/pi only the 192 bits count whose product with it is below 4 and not too small. */
static kb_pair reduce_trig(double x, uint64_t *n) {
    uint64_t bits = kb_f64_bits(x);
    uint64_t m = (bits & UINT64_C(0x000fffffffffffff)) | UINT64_C(0x0010000000000000);
    unsigned first = (unsigned)(bits >> 52 & 2047) - (1075 - 62); /* bit e - 1, of weight 2 */
    wide low = (wide)m * window(first + 128), middle = (wide)m * window(first + 64);
    middle += low >> 64;
    uint64_t high = m * window(first) + (uint64_t)(middle >> 64);
    uint64_t part[3] = {high << 2 | (uint64_t)middle >> 62,
                        (uint64_t)middle << 2 | (uint64_t)low >> 62, (uint64_t)low << 2};
    *n = high >> 62;
    bool up = part[0] >> 63 != 0; /* nearer to the next multiple: the fraction less one */
    if (up) {
        *n += 1;
        for (int i = 0; i < 3; i++) part[i] = ~part[i];
    }
    wide fraction = (wide)part[0] << 64 | part[1];
    int shift = 0;
    while (shift < 64 && fraction >> 127 == 0) {
        fraction <<= 1;
        shift++;
    }
    if (shift) fraction |= part[2] >> (64 - shift);
    double unit = kb_f64_from_bits((uint64_t)(1023 - 64 - shift) << 52);
    kb_pair turned = {(double)(uint64_t)(fraction >> 75) * 2048.0 * unit,
                      (double)(uint64_t)(fraction >> 22 & ((UINT64_C(1) << 53) - 1)) * 0x1p-42 *
                          unit};
    kb_pair r = kb_pair_multiply(turned, (kb_pair){0x1.921fb54442d18p+0, 0x1.1a62633145c07p-54});
    bool negate = up != (bits >> 63 != 0);
    if (bits >> 63) *n = 0 - *n;
    return negate ? (kb_pair){-r.hi, -r.lo} : r;
}

static double sin_part(kb_pair r) {
    static const double terms[] = {
        1.0 / 355687428096000.0, -1.0 / 1307674368000.0, 1.0 / 6227020800.0, -1.0 / 39916800.0,
        1.0 / 362880.0,          -1.0 / 5040.0,          1.0 / 120.0,        -1.0 / 6.0};
    double z = r.hi * r.hi, p = 0.0;
    for (unsigned i = 0; i < sizeof terms / sizeof *terms; i++) p = p * z + terms[i];
    return r.hi + (p * z * r.hi + r.lo * (1.0 - 0.5 * z));
}

static double cos_part(kb_pair r) {
    static const double terms[] = {
        -1.0 / 6402373705728000.0, 1.0 / 20922789888000.0, -1.0 / 87178291200.0, 1.0 / 479001600.0,
        -1.0 / 3628800.0,          1.0 / 40320.0,          -1.0 / 720.0,         1.0 / 24.0};
    double z = r.hi * r.hi, p = 0.0;
    for (unsigned i = 0; i < sizeof terms / sizeof *terms; i++) p = p * z + terms[i];
    double half = 0.5 * z, top = 1.0 - half;
    return top + (((1.0 - top) - half) + (p * z * z - r.hi * r.lo));
}

static double wave(double x, uint64_t quarter) {
    if (!(__builtin_fabs(x) <= 0x1.fffffffffffffp+1023)) return kb_f64_from_bits(KB_F64_NAN);
    uint64_t n = 0;
    kb_pair r = {x, 0.0};
    if (__builtin_fabs(x) > 0x1.921fb54442d18p-1) r = reduce_trig(x, &n);
    n += quarter;
    double result = n & 1 ? cos_part(r) : sin_part(r);
    return n & 2 ? -result : result;
}

double kb_sin_f64(double x) {
    if (!kb_sin_is_rare_f64(x)) return kb_sin_common_f64(x);
    return x == 0.0 ? x : wave(x, 0);
}

double kb_cos_f64(double x) {
    if (!kb_cos_is_rare_f64(x)) return kb_cos_common_f64(x);
    return wave(x, 1);
}

float kb_sin_large_f32(float x) {
    return kb_special_single_(kb_sin_f64((double)x));
}

float kb_cos_large_f32(float x) {
    return kb_special_single_(kb_cos_f64((double)x));
}
