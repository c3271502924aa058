/* fp16 and fp8 by the instructions for fp16; included by the objects of x86 that have them.
 *
 * fp8e5 is the upper half of fp16.  To narrow to it without rounding twice, the step to fp16 rounds
 * to odd: toward zero, and the last bit set when anything was lost.  fp8e4nv has the exponents of
 * fp16 once the number is divided by 2^8, and 3 bits of mantissa: so it is widened; it is narrowed
 * by integers.
 */
#include <immintrin.h>

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

/* 16 codes, each in the low half of 16 bits. */
static inline __m256i load_codes(const uint8_t *in) {
    return _mm256_cvtepu8_epi16(_mm_loadu_si128((const void *)in));
}

static void widen_e5m2(void *restrict dst, const void *restrict src, size_t count) {
    float *restrict out = dst;
    const uint8_t *in = src;
    size_t i = 0;
    for (; i + 16 <= count; i += 16) {
        __m256i halves = _mm256_slli_epi16(load_codes(in + i), 8);
        _mm256_storeu_ps(out + i, _mm256_cvtph_ps(_mm256_castsi256_si128(halves)));
        _mm256_storeu_ps(out + i + 8, _mm256_cvtph_ps(_mm256_extracti128_si256(halves, 1)));
    }
    for (; i < count; i++) out[i] = kb_e5m2_to_f32(in[i]);
}

/* The sign moves up by 8 bits, the rest by 7; a code of all ones becomes a NaN of fp16. */
static void widen_e4m3(void *restrict dst, const void *restrict src, size_t count) {
    float *restrict out = dst;
    const uint8_t *in = src;
    const __m256 scale = _mm256_set1_ps(0x1p8f);
    size_t i = 0;
    for (; i + 16 <= count; i += 16) {
        __m256i codes = load_codes(in + i);
        __m256i sign = _mm256_and_si256(codes, _mm256_set1_epi16(0x80));
        __m256i magnitude = _mm256_xor_si256(codes, sign);
        __m256i is_nan = _mm256_cmpeq_epi16(magnitude, _mm256_set1_epi16(0x7f));
        __m256i halves = _mm256_slli_epi16(_mm256_add_epi16(codes, sign), 7);
        halves = _mm256_or_si256(halves, _mm256_slli_epi16(is_nan, 10));
        __m128i low = _mm256_castsi256_si128(halves), high = _mm256_extracti128_si256(halves, 1);
        _mm256_storeu_ps(out + i, _mm256_mul_ps(_mm256_cvtph_ps(low), scale));
        _mm256_storeu_ps(out + i + 8, _mm256_mul_ps(_mm256_cvtph_ps(high), scale));
    }
    for (; i < count; i++) out[i] = kb_e4m3_to_f32(in[i]);
}

/* Two masks of 8 x 32 bits as one of 16 x 16, in order. */
static inline __m256i pack_masks(__m256 low, __m256 high) {
    __m256i mixed = _mm256_packs_epi32(_mm256_castps_si256(low), _mm256_castps_si256(high));
    return _mm256_permute4x64_epi64(mixed, 0xd8);
}

/* 16 floats to fp16, rounded to odd. */
static inline __m256i odd_f16(__m256 low, __m256 high) {
    __m128i low_half = _mm256_cvtps_ph(low, _MM_FROUND_TO_ZERO);
    __m128i high_half = _mm256_cvtps_ph(high, _MM_FROUND_TO_ZERO);
    __m256i inexact = pack_masks(_mm256_cmp_ps(_mm256_cvtph_ps(low_half), low, _CMP_NEQ_UQ),
                                 _mm256_cmp_ps(_mm256_cvtph_ps(high_half), high, _CMP_NEQ_UQ));
    __m256i halves = _mm256_set_m128i(high_half, low_half);
    return _mm256_or_si256(halves, _mm256_and_si256(inexact, _mm256_set1_epi16(1)));
}

/* The upper half of each, to nearest, ties to even. */
static inline __m256i upper_halves(__m256i halves) {
    __m256i even = _mm256_and_si256(_mm256_srli_epi16(halves, 8), _mm256_set1_epi16(1));
    __m256i rounded = _mm256_add_epi16(halves, _mm256_add_epi16(even, _mm256_set1_epi16(0x7f)));
    return _mm256_srli_epi16(rounded, 8);
}

static inline void store_codes(uint8_t *out, __m256i codes) {
    _mm_storeu_si128((void *)out, _mm_packus_epi16(_mm256_castsi256_si128(codes),
                                                   _mm256_extracti128_si256(codes, 1)));
}

static void narrow_e5m2(void *restrict dst, const void *restrict src, size_t count) {
    uint8_t *restrict out = dst;
    const float *in = src;
    size_t i = 0;
    for (; i + 16 <= count; i += 16) {
        __m256i halves = odd_f16(_mm256_loadu_ps(in + i), _mm256_loadu_ps(in + i + 8));
        store_codes(out + i, upper_halves(halves));
    }
    for (; i < count; i++) out[i] = kb_f32_to_e5m2(in[i]);
}

/* 8 floats to codes, a NaN perhaps with a sign.  `fine` counts in steps of the float's own octave, `even`
 * in those of the numbers below 2^-6; up to there the latter is the greater and right. */
static inline __m256i e4m3_codes(const float *in) {
    const __m256i magic = _mm256_set1_epi32(141 << 23); /* 2^14: its last place is 2^-9 */
    __m256i bits = _mm256_loadu_si256((const void *)in);
    __m256i magnitude = _mm256_and_si256(bits, _mm256_set1_epi32(0x7fffffff));
    __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 20), _mm256_set1_epi32(1));
    __m256i rounded = _mm256_add_epi32(magnitude, _mm256_set1_epi32(0x7ffff - (120 << 23)));
    __m256i fine = _mm256_srai_epi32(_mm256_add_epi32(rounded, odd), 20);
    __m256 sum = _mm256_add_ps(_mm256_castsi256_ps(magnitude), _mm256_castsi256_ps(magic));
    __m256i even = _mm256_sub_epi32(_mm256_castps_si256(sum), magic);
    even = _mm256_min_epu32(even, _mm256_set1_epi32(8));
    __m256i code = _mm256_min_epi32(_mm256_max_epi32(fine, even), _mm256_set1_epi32(0x7f));
    __m256i sign = _mm256_and_si256(_mm256_srli_epi32(bits, 24), _mm256_set1_epi32(0x80));
    return _mm256_or_si256(code, sign);
}

static void narrow_e4m3(void *restrict dst, const void *restrict src, size_t count) {
    uint8_t *restrict out = dst;
    const float *in = src;
    const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7); /* packing mixes the halves */
    size_t i = 0;
    for (; i + 32 <= count; i += 32) {
        __m256i low = _mm256_packus_epi32(e4m3_codes(in + i), e4m3_codes(in + i + 8));
        __m256i high = _mm256_packus_epi32(e4m3_codes(in + i + 16), e4m3_codes(in + i + 24));
        __m256i codes = _mm256_permutevar8x32_epi32(_mm256_packus_epi16(low, high), order);
        __m256i negative_nan = _mm256_cmpeq_epi8(codes, _mm256_set1_epi8(-1));
        codes = _mm256_xor_si256(codes, _mm256_and_si256(negative_nan, _mm256_set1_epi8(-128)));
        _mm256_storeu_si256((void *)(out + i), codes);
    }
    for (; i < count; i++) out[i] = kb_f32_to_e4m3(in[i]);
}
