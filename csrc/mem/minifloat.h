/* Scalar conversions between the float formats, all exact or rounded once (nearest, ties to even).
 *
 * Inline and nearly free of branches, so that loops over them vectorise for every instruction set
 * without intrinsics; kb_dtype_convert and the replay are such loops.  Small formats are carried in
 * the unsigned integer of their width.  Every NaN result is positive and quiet with payload 0.
 *
 * A format is (m, bias): m explicit mantissa bits, exponent bias.  `top` is the largest code that is
 * not NaN: infinity where the format has one, else the largest number; `nan` is its canonical NaN.
 */
#ifndef KB_MEM_MINIFLOAT_H
#define KB_MEM_MINIFLOAT_H

#include <stdint.h>
#include <string.h>

#define KB_F32_INFINITY UINT32_C(0x7f800000)
#define KB_F32_NAN UINT32_C(0x7fc00000)
#define KB_F64_NAN UINT64_C(0x7ff8000000000000)

static inline uint32_t kb_f32_bits(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static inline float kb_f32_from_bits(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline uint64_t kb_f64_bits(double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static inline double kb_f64_from_bits(uint64_t bits) {
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* `yes` where the condition holds.  A mask, not a branch: the compiler must not skip the arithmetic
 * of one side, else loops do not vectorise. */
static inline uint32_t kb_minifloat_select_(int condition, uint32_t yes, uint32_t no) {
    return no ^ ((yes ^ no) & (0 - (uint32_t)condition));
}

/* Rounds to a small format.  The normal result is made by integer rounding and rebiasing; the
 * subnormal one by adding a power of two whose last place is the format's smallest step.  A float
 * whose magnitude has bits above `last` gives `nan`. */
static inline uint32_t kb_minifloat_narrow_(float value, unsigned m, unsigned bias, uint32_t top,
                                            uint32_t last, uint32_t nan, uint32_t sign_bit) {
    uint32_t bits = kb_f32_bits(value);
    uint32_t magnitude = bits & UINT32_C(0x7fffffff);
    uint32_t sign = (bits >> 31) * sign_bit;
    uint32_t half_less = (UINT32_C(1) << (22 - m)) - 1;
    uint32_t rounded = magnitude + half_less + (magnitude >> (23 - m) & 1);
    uint32_t normal = (rounded - ((127 - bias) << 23)) >> (23 - m);
    uint32_t magic = (127 - bias + 1 + 23 - m) << 23;
    uint32_t subnormal = kb_f32_bits(kb_f32_from_bits(magnitude) + kb_f32_from_bits(magic)) - magic;
    uint32_t code = kb_minifloat_select_(magnitude < (128 - bias) << 23, subnormal, normal);
    code = kb_minifloat_select_(code > top, top, code) | sign;
    return kb_minifloat_select_(magnitude > last, nan, code);
}

/* Widens a small format, exactly. `infinity` is its code, or one above every code if it has none. */
static inline float kb_minifloat_widen_(uint32_t code, unsigned m, unsigned bias, uint32_t top,
                                        uint32_t infinity, uint32_t sign_bit) {
    uint32_t magnitude = code & (sign_bit - 1);
    uint32_t sign = (code & sign_bit) != 0 ? UINT32_C(0x80000000) : 0;
    uint32_t step = (128 - bias) << 23;
    uint32_t shifted = magnitude << (23 - m);
    uint32_t normal = shifted + ((127 - bias) << 23);
    uint32_t subnormal = kb_f32_bits(kb_f32_from_bits(step + shifted) - kb_f32_from_bits(step));
    uint32_t bits = kb_minifloat_select_(magnitude >> m == 0, subnormal, normal);
    bits = kb_minifloat_select_(magnitude == infinity, KB_F32_INFINITY, bits) | sign;
    return kb_f32_from_bits(kb_minifloat_select_(magnitude > top, KB_F32_NAN, bits));
}

static inline float kb_f16_to_f32(uint16_t code) {
    return kb_minifloat_widen_(code, 10, 15, 0x7c00, 0x7c00, 0x8000);
}

static inline uint16_t kb_f32_to_f16(float value) {
    return (uint16_t)kb_minifloat_narrow_(value, 10, 15, 0x7c00, KB_F32_INFINITY, 0x7e00, 0x8000);
}

static inline float kb_e5m2_to_f32(uint8_t code) {
    return kb_minifloat_widen_(code, 2, 15, 0x7c, 0x7c, 0x80);
}

static inline uint8_t kb_f32_to_e5m2(float value) {
    return (uint8_t)kb_minifloat_narrow_(value, 2, 15, 0x7c, KB_F32_INFINITY, 0x7e, 0x80);
}

static inline float kb_e4m3_to_f32(uint8_t code) {
    return kb_minifloat_widen_(code, 3, 7, 0x7e, 0x80, 0x80);
}

static inline uint8_t kb_f32_to_e4m3(float value) {
    return (uint8_t)kb_minifloat_narrow_(value, 3, 7, 0x7e, 0x43e80000 /* 464 */, 0x7f, 0x80);
}

/* bfloat16 is the upper half of a float: same exponents, so subnormals need no care. */
static inline float kb_bf16_to_f32(uint16_t code) {
    uint32_t bits = (uint32_t)code << 16;
    return kb_f32_from_bits((bits & 0x7fffffff) > KB_F32_INFINITY ? KB_F32_NAN : bits);
}

static inline uint16_t kb_f32_to_bf16(float value) {
    uint32_t bits = kb_f32_bits(value);
    uint32_t rounded = (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
    return (uint16_t)((bits & 0x7fffffff) > KB_F32_INFINITY ? 0x7fc0 : rounded);
}

static inline double kb_f32_to_f64(float value) {
    return value == value ? (double)value : kb_f64_from_bits(KB_F64_NAN);
}

static inline float kb_f64_to_f32(double value) {
    return value == value ? (float)value : kb_f32_from_bits(KB_F32_NAN);
}

/* Rounds to odd: toward zero, and the last bit set when anything was lost.  The result still knows
 * on which side of every midpoint of a smaller format it lies, so rounding it again is exact. */
static inline float kb_f64_to_f32_odd(double value) {
    float nearest = (float)value;
    double back = (double)nearest;
    uint32_t bits = kb_f32_bits(nearest);
    bits -= __builtin_fabs(back) > __builtin_fabs(value);
    bits |= back != value;
    return kb_f32_from_bits(bits);
}

static inline uint16_t kb_f64_to_f16(double value) {
    return kb_f32_to_f16(kb_f64_to_f32_odd(value));
}

static inline uint16_t kb_f64_to_bf16(double value) {
    return kb_f32_to_bf16(kb_f64_to_f32_odd(value));
}

static inline uint8_t kb_f64_to_e4m3(double value) {
    return kb_f32_to_e4m3(kb_f64_to_f32_odd(value));
}

static inline uint8_t kb_f64_to_e5m2(double value) {
    return kb_f32_to_e5m2(kb_f64_to_f32_odd(value));
}

#endif
