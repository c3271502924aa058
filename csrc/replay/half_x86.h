/* fp16 and fp8 by the instructions for fp16; included by the objects of x86 that have them.
 *
 * fp8e5 is the upper half of fp16.  fp8e4nv has the exponents of fp16 once the number is divided by
 * 2^8, and 3 bits of mantissa.  What is narrowed is rounded first, as a float, so that the step to fp16
 * is exact.
 */
#include <immintrin.h>
#include <stdbool.h>

#include "mem/minifloat.h"

#define KB_ISA_HAS_HALF

static void widen_f16(void *restrict dst, const void *restrict src, size_t count) {
    float *restrict out = dst;
    const uint16_t *in = src;
    size_t i = 0;
    for (; i + 8 <= count; i += 8)
        _mm256_storeu_ps(out + i, _mm256_cvtph_ps(_mm_loadu_si128((const void *)(in + i))));
    for (; i < count; i++) out[i] = kb_f16_to_f32(in[i]);
}

static void narrow_f16(void *restrict dst, const void *restrict src, size_t count) {
    uint16_t *restrict out = dst;
    const float *in = src;
    size_t i = 0;
    for (; i + 8 <= count; i += 8)
        _mm_storeu_si128((void *)(out + i),
                         _mm256_cvtps_ph(_mm256_loadu_ps(in + i), _MM_FROUND_TO_NEAREST_INT));
    for (; i < count; i++) out[i] = kb_f32_to_f16(in[i]);
}

static inline void widen_16_e5m2(__m128i codes, __m256 value[2]) {
    __m256i halves = _mm256_slli_epi16(_mm256_cvtepu8_epi16(codes), 8);
    value[0] = _mm256_cvtph_ps(_mm256_castsi256_si128(halves));
    value[1] = _mm256_cvtph_ps(_mm256_extracti128_si256(halves, 1));
}

static void widen_e5m2(void *restrict dst, const void *restrict src, size_t count) {
    float *restrict out = dst;
    const uint8_t *in = src;
    size_t i = 0;
    for (; i + 16 <= count; i += 16) {
        __m256 value[2];
        widen_16_e5m2(_mm_loadu_si128((const void *)(in + i)), value);
        _mm256_storeu_ps(out + i, value[0]);
        _mm256_storeu_ps(out + i + 8, value[1]);
    }
    for (; i < count; i++) out[i] = kb_e5m2_to_f32(in[i]);
}

/* 16 codes, none of them NaN, divided by 2^8: with the sign drawn out they move up by 7 bits, and bit 14 has a sign
 * too many. */
static inline void widen_16_e4m3(__m128i codes, __m256 value[2]) {
    __m256i halves = _mm256_slli_epi16(_mm256_cvtepi8_epi16(codes), 7);
    halves = _mm256_and_si256(halves, _mm256_set1_epi16((short)0xbfff));
    value[0] = _mm256_cvtph_ps(_mm256_castsi256_si128(halves));
    value[1] = _mm256_cvtph_ps(_mm256_extracti128_si256(halves, 1));
}

static void widen_e4m3(void *restrict dst, const void *restrict src, size_t count) {
    float *restrict out = dst;
    const uint8_t *in = src;
    const __m256i all = _mm256_set1_epi8(0x7f); /* the magnitude of NaN */
    size_t i = 0;
    for (; i + 32 <= count; i += 32) {
        __m256i codes = _mm256_loadu_si256((const void *)(in + i));
        __m256i is_nan = _mm256_cmpeq_epi8(_mm256_and_si256(codes, all), all);
        __m256 value[4];
        widen_16_e4m3(_mm256_castsi256_si128(codes), value);
        widen_16_e4m3(_mm256_extracti128_si256(codes, 1), value + 2);
        for (int k = 0; k < 4; k++)
            _mm256_storeu_ps(out + i + 8 * k, _mm256_mul_ps(value[k], _mm256_set1_ps(0x1p8f)));
        for (uint32_t left = (uint32_t)_mm256_movemask_epi8(is_nan); left; left &= left - 1)
            out[i + (size_t)__builtin_ctz(left)] = kb_f32_from_bits(KB_F32_NAN);
    }
    for (; i < count; i++) out[i] = kb_e4m3_to_f32(in[i]);
}

/* 8 floats rounded to `mantissa` bits, or to the steps of numbers below 2^exponent.  Adding a power of two
 * rounds to the last place of the sum; that place is chosen by the float's own exponent.  NaN and infinity stay
 * what they are, or become NaN where there is no infinity; a zero may lose its sign. */
static inline __attribute__((always_inline)) __m256 round_octave(__m256 value, int mantissa,
                                                                 int exponent, bool has_infinity) {
    __m256i octave =
        _mm256_and_si256(_mm256_castps_si256(value), _mm256_set1_epi32((int)KB_F32_INFINITY));
    octave = _mm256_max_epu32(octave, _mm256_set1_epi32((127 + exponent) << 23));
    if (has_infinity) octave = _mm256_min_epu32(octave, _mm256_set1_epi32((127 + 17) << 23));
    /* saturates to a NaN */
    const __m256i up = _mm256_set1_epi32(((23 - mantissa) << 23) + (1 << 22));
    __m256 magic = _mm256_castsi256_ps(_mm256_adds_epi16(octave, up));
    return _mm256_sub_ps(_mm256_add_ps(value, magic), magic);
}

/* 16 floats times `scale` as halves, in order. */
static inline __m256i to_halves(__m256 low, __m256 high, float scale) {
    __m256 factor = _mm256_set1_ps(scale);
    return _mm256_set_m128i(_mm256_cvtps_ph(_mm256_mul_ps(high, factor), _MM_FROUND_TO_NEAREST_INT),
                            _mm256_cvtps_ph(_mm256_mul_ps(low, factor), _MM_FROUND_TO_NEAREST_INT));
}

/* The upper bits of 4 x 8 floats as bytes, in order. */
static inline __m256i sign_bytes(const __m256 value[4]) {
    const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    __m256i low = _mm256_packs_epi32(_mm256_castps_si256(value[0]), _mm256_castps_si256(value[1]));
    __m256i high = _mm256_packs_epi32(_mm256_castps_si256(value[2]), _mm256_castps_si256(value[3]));
    __m256i bytes = _mm256_permutevar8x32_epi32(_mm256_packs_epi16(low, high), order);
    return _mm256_and_si256(bytes, _mm256_set1_epi8(-128));
}

/* 32 floats, which are 2^shift times what they mean, to codes. */
static inline __attribute__((always_inline)) __m256i narrow_32(const __m256 value[4], bool is_e5m2,
                                                               int shift) {
    __m256 rounded[4];
    for (int i = 0; i < 4; i++)
        rounded[i] = is_e5m2 ? round_octave(value[i], 2, -14, true)
                             : round_octave(value[i], 3, shift - 6, false);
    const float scale = is_e5m2 ? 1.0f : kb_f32_from_bits((uint32_t)(127 - 8 - shift) << 23);
    __m256i low = to_halves(rounded[0], rounded[1], scale);
    __m256i high = to_halves(rounded[2], rounded[3], scale);
    low = _mm256_srli_epi16(_mm256_slli_epi16(low, 1), is_e5m2 ? 9 : 8);
    high = _mm256_srli_epi16(_mm256_slli_epi16(high, 1), is_e5m2 ? 9 : 8);
    __m256i codes = _mm256_permute4x64_epi64(_mm256_packus_epi16(low, high), 0xd8);
    __m256i sign = sign_bytes(value);
    if (!is_e5m2) {
        const __m256i nan = _mm256_set1_epi8(0x7f);
        codes = _mm256_min_epu8(codes, nan);
        sign = _mm256_andnot_si256(_mm256_cmpeq_epi8(codes, nan), sign);
    }
    return _mm256_or_si256(codes, sign);
}

static inline void load_32(const float *in, __m256 value[4]) {
    for (int i = 0; i < 4; i++) value[i] = _mm256_loadu_ps(in + 8 * i);
}

static void narrow_e5m2(void *restrict dst, const void *restrict src, size_t count) {
    uint8_t *restrict out = dst;
    const float *in = src;
    size_t i = 0;
    for (; i + 32 <= count; i += 32) {
        __m256 value[4];
        load_32(in + i, value);
        _mm256_storeu_si256((void *)(out + i), narrow_32(value, true, 0));
    }
    for (; i < count; i++) out[i] = kb_f32_to_e5m2(in[i]);
}

/* What is too large is NaN, which has no sign. */
static void narrow_e4m3(void *restrict dst, const void *restrict src, size_t count) {
    uint8_t *restrict out = dst;
    const float *in = src;
    size_t i = 0;
    for (; i + 32 <= count; i += 32) {
        __m256 value[4];
        load_32(in + i, value);
        _mm256_storeu_si256((void *)(out + i), narrow_32(value, false, 0));
    }
    for (; i < count; i++) out[i] = kb_f32_to_e4m3(in[i]);
}

/* 32 codes at a time: their low halves choose from each row of 16, and the row that their high half names is the one
 * that does not come out as 0. */
static void look_up(void *restrict dst, const void *restrict src, const uint8_t table[256],
                    size_t count) {
    uint8_t *restrict out = dst;
    const uint8_t *in = src;
    __m256i rows[16];
    for (int row = 0; row < 16; row++)
        rows[row] = _mm256_broadcastsi128_si256(_mm_loadu_si128((const void *)(table + 16 * row)));
    size_t i = 0;
    for (; i + 32 <= count; i += 32) {
        __m256i codes = _mm256_loadu_si256((const void *)(in + i)), found = _mm256_setzero_si256();
        _Pragma("GCC unroll 16") for (int row = 0; row < 16; row++) {
            __m256i other = _mm256_xor_si256(codes, _mm256_set1_epi8((char)(row << 4)));
            __m256i index = _mm256_adds_epu8(other, _mm256_set1_epi8(0x70));
            found = _mm256_or_si256(found, _mm256_shuffle_epi8(rows[row], index));
        }
        _mm256_storeu_si256((void *)(out + i), found);
    }
    for (; i < count; i++) out[i] = table[in[i]];
}
