/* tanh of kernel/special.h by instructions of AVX2, which has no quick way to choose single floats from a table:
 * whole rows are read and turned.  Included by isa_avx2.c.
 */
#include <immintrin.h>

#include "kernel/special.h"

#define KB_ISA_HAS_TANH

/* Four numbers of each of the 8 rows, one number of all rows in each of `columns`. */
static inline void read_columns(const uint32_t row[8], int first, __m256 columns[4]) {
    __m256 lines[4];
    for (int i = 0; i < 4; i++)
        lines[i] = _mm256_set_m128(_mm_loadu_ps(kb_tanh_f32_[row[i + 4]] + first),
                                   _mm_loadu_ps(kb_tanh_f32_[row[i]] + first));
    __m256 low01 = _mm256_unpacklo_ps(lines[0], lines[1]);
    __m256 low23 = _mm256_unpacklo_ps(lines[2], lines[3]);
    __m256 high01 = _mm256_unpackhi_ps(lines[0], lines[1]);
    __m256 high23 = _mm256_unpackhi_ps(lines[2], lines[3]);
    columns[0] = _mm256_shuffle_ps(low01, low23, 0x44);
    columns[1] = _mm256_shuffle_ps(low01, low23, 0xee);
    columns[2] = _mm256_shuffle_ps(high01, high23, 0x44);
    columns[3] = _mm256_shuffle_ps(high01, high23, 0xee);
}

static inline __m256 tanh_ps(__m256 x) {
    const __m256 sign = _mm256_set1_ps(-0.0f);
    __m256 size = _mm256_min_ps(_mm256_andnot_ps(sign, x), _mm256_set1_ps(10.0f));
    __m256i quarter = _mm256_srli_epi32(_mm256_castps_si256(size), 21);
    quarter = _mm256_max_epu32(quarter, _mm256_set1_epi32(491));
    quarter = _mm256_and_si256(quarter, _mm256_set1_epi32(31));
    uint32_t row[8];
    _mm256_storeu_si256((void *)row, quarter);
    __m256 c[8];
    read_columns(row, 0, c);
    read_columns(row, 4, c + 4);
    __m256 r = _mm256_sub_ps(size, c[0]), r2 = _mm256_mul_ps(r, r);
    __m256 sum = _mm256_fmadd_ps(r, c[2], c[1]);
    __m256 lost = _mm256_fmadd_ps(r, c[2], _mm256_sub_ps(c[1], sum));
    __m256 p23 = _mm256_fmadd_ps(c[4], r, c[3]), p45 = _mm256_fmadd_ps(c[6], r, c[5]);
    __m256 p = _mm256_fmadd_ps(_mm256_fmadd_ps(c[7], r2, p45), r2, p23);
    __m256 wave = _mm256_add_ps(sum, _mm256_fmadd_ps(p, r2, lost));
    wave = _mm256_or_ps(wave, _mm256_and_ps(x, sign));
    return _mm256_blendv_ps(wave, _mm256_set1_ps(kb_f32_from_bits(KB_F32_NAN)),
                            _mm256_cmp_ps(x, x, _CMP_UNORD_Q));
}

static void f32_tanh(void *restrict dst, const void *a, const void *b, const void *c,
                     size_t count) {
    float *restrict out = dst;
    const float *in = a;
    size_t i = 0;
    (void)b, (void)c;
    for (; i + 8 <= count; i += 8) _mm256_storeu_ps(out + i, tanh_ps(_mm256_loadu_ps(in + i)));
    for (; i < count; i++) out[i] = kb_tanh_f32(in[i]);
}
