/* The loops between dtypes and lanes; part of loops_template.h. */

#define CONVERT_LOOP(name, src_type, dst_type, expr)                               \
    static void name(void *restrict dst, const void *restrict src, size_t count) { \
        dst_type *restrict out = dst;                                              \
        const src_type *in = src;                                                  \
        for (size_t i = 0; i < count; i++) {                                       \
            src_type x = in[i];                                                    \
            out[i] = (dst_type)(expr);                                             \
        }                                                                          \
    }

CONVERT_LOOP(widen_bool, uint8_t, uint32_t, x != 0)
CONVERT_LOOP(widen_u8, uint8_t, uint32_t, x)
CONVERT_LOOP(widen_u16, uint16_t, uint32_t, x)
CONVERT_LOOP(widen_i8, int8_t, int32_t, x)
CONVERT_LOOP(widen_i16, int16_t, int32_t, x)
CONVERT_LOOP(widen_bf16, uint16_t, float, kb_f32_from_bits((uint32_t)x << 16))
CONVERT_LOOP(narrow_bool, uint32_t, uint8_t, x & 1)
CONVERT_LOOP(narrow_8, uint32_t, uint8_t, x)
CONVERT_LOOP(narrow_16, uint32_t, uint16_t, x)
CONVERT_LOOP(narrow_bf16, float, uint16_t,
             (kb_f32_bits(x) + 0x7fff + (kb_f32_bits(x) >> 16 & 1)) >> 16)
CONVERT_LOOP(f32_of_bool, uint8_t, float, x != 0)
CONVERT_LOOP(f32_of_i8, int8_t, float, x)
CONVERT_LOOP(f32_of_i16, int16_t, float, x)
CONVERT_LOOP(f32_of_i32, int32_t, float, x)
CONVERT_LOOP(f32_of_u8, uint8_t, float, x)
CONVERT_LOOP(f32_of_u16, uint16_t, float, x)
CONVERT_LOOP(f32_of_u32, uint32_t, float, x)
CONVERT_LOOP(f32_of_f64, double, float, canonical_f32((float)x))
/* Few machines convert vectors of 64 bits.  Below 2^51, the number is in the mantissa of `shifter` plus it, and
 * exact in double; then the large ones singly. */
#define LONG_LOOP(name, type, bias, shifter)                                               \
    static void name(void *restrict dst, const void *restrict src, size_t count) {         \
        float *restrict out = dst;                                                         \
        const type *in = src;                                                              \
        uint64_t any_large = 0;                                                            \
        for (size_t i = 0; i < count; i++) {                                               \
            uint64_t x = (uint64_t)in[i];                                                  \
            any_large |= (x + (bias)) >> 52;                                               \
            out[i] = (float)(kb_f64_from_bits(x + (shifter)) - kb_f64_from_bits(shifter)); \
        }                                                                                  \
        for (size_t i = 0; any_large && i < count; i++)                                    \
            if (((uint64_t)in[i] + (bias)) >> 52) out[i] = (float)in[i];                   \
    }
LONG_LOOP(f32_of_i64, int64_t, UINT64_C(1) << 51, UINT64_C(0x4338000000000000))
LONG_LOOP(f32_of_u64, uint64_t, 0, UINT64_C(0x4330000000000000))
#ifndef KB_ISA_HAS_HALF
CONVERT_LOOP(widen_f16, uint16_t, float, kb_f16_to_f32(x))
CONVERT_LOOP(widen_e4m3, uint8_t, float, kb_e4m3_to_f32(x))
CONVERT_LOOP(widen_e5m2, uint8_t, float, kb_e5m2_to_f32(x))
CONVERT_LOOP(narrow_f16, float, uint16_t, kb_f32_to_f16(x))
CONVERT_LOOP(narrow_e4m3, float, uint8_t, kb_f32_to_e4m3(x))
CONVERT_LOOP(narrow_e5m2, float, uint8_t, kb_f32_to_e5m2(x))
static void look_up(void *restrict dst, const void *restrict src, const uint8_t table[256],
                    size_t count) {
    uint8_t *restrict out = dst;
    const uint8_t *in = src;
    for (size_t i = 0; i < count; i++) out[i] = table[in[i]];
}
#endif

static inline float round_tf32(float x) {
    uint32_t bits = kb_f32_bits(x);
    uint32_t rounded = (bits + 0x1000) & UINT32_C(0xffffe000);
    return kb_f32_from_bits((bits & KB_F32_INFINITY) == KB_F32_INFINITY ? bits : rounded);
}
CONVERT_LOOP(to_tf32, float, float, round_tf32(x))

#define CANONICAL_LOOP(lane, type)                                                \
    static void all_canonical_##lane(void *values, size_t count) {                \
        type *value = values;                                                     \
        for (size_t i = 0; i < count; i++) value[i] = canonical_##lane(value[i]); \
    }
CANONICAL_LOOP(f32, float)
CANONICAL_LOOP(f64, double)
