/* Functions of kernel/special.h by instructions of AVX-512: the same steps, so the same bits, with fewer
 * instructions where there is one for several (exponents, scaling, a choice from a table in registers).
 * Included by isa_avx512.c.
 */
#include <immintrin.h>

#include "kernel/special_f64.h"

#define KB_ISA_HAS_SPECIAL
#define KB_ISA_HAS_TANH

/* --- short names ----------------------------------------------------------------------------- */

static inline __m512 all_ps(float value) {
    return _mm512_set1_ps(value);
}

static inline __m512d all_pd(double value) {
    return _mm512_set1_pd(value);
}

static inline __m512 madd_ps(float a, __m512 b, float c) {
    return _mm512_fmadd_ps(all_ps(a), b, all_ps(c));
}

static inline __m512d madd_pd(double a, __m512d b, double c) {
    return _mm512_fmadd_pd(all_pd(a), b, all_pd(c));
}

/* table[index % 32] */
static inline __m512 choose_ps(const float table[32], __m512i index) {
    return _mm512_permutex2var_ps(_mm512_loadu_ps(table), index, _mm512_loadu_ps(table + 16));
}

/* table[index % 16] */
static inline __m512d choose_pd(const double table[16], __m512i index) {
    return _mm512_permutex2var_pd(_mm512_loadu_pd(table), index, _mm512_loadu_pd(table + 8));
}

/* Canonical where x is NaN. */
static inline __m512 nan_of_ps(__m512 x, __m512 result) {
    return _mm512_mask_mov_ps(result, _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q),
                              all_ps(kb_f32_from_bits(KB_F32_NAN)));
}

/* kb_log_is_rare: what is not positive, normal and finite. */
enum { RARE_CLASSES = 0x01 | 0x02 | 0x04 | 0x08 | 0x10 | 0x20 | 0x40 | 0x80 };

static inline __mmask16 log_is_rare_ps(__m512 x) {
    return _mm512_fpclass_ps_mask(x, RARE_CLASSES);
}

/* --- fp32 ------------------------------------------------------------------------------------ */

static inline __m512 exp_ps(__m512 x) {
    __m512 inside = _mm512_max_ps(all_ps(-110.0f), _mm512_min_ps(all_ps(110.0f), x));
    __m512 k = madd_ps(0x1.715476p+0f, inside, KB_SPECIAL_SHIFTER_F32_);
    k = _mm512_sub_ps(k, all_ps(KB_SPECIAL_SHIFTER_F32_));
    __m512 high = _mm512_fnmadd_ps(k, all_ps(0x1.62e400p-1f), inside);
    __m512 r = _mm512_fnmadd_ps(k, all_ps(0x1.7f7d1cp-20f), high);
    __m512 low = _mm512_fnmadd_ps(k, all_ps(0x1.7f7d1cp-20f), _mm512_sub_ps(high, r));
    __m512 r2 = _mm512_mul_ps(r, r);
    __m512 p01 = madd_ps(0x1.55548ep-3f, r, 0x1.000000p-1f);
    __m512 p23 = madd_ps(0x1.123b84p-7f, r, 0x1.55545cp-5f);
    p23 = _mm512_fmadd_ps(all_ps(0x1.6db50ep-10f), r2, p23);
    low = _mm512_fmadd_ps(_mm512_fmadd_ps(p23, r2, p01), r2, low);
    __m512 power = _mm512_add_ps(all_ps(1.0f), _mm512_add_ps(r, low));
    return nan_of_ps(x, _mm512_scalef_ps(power, k));
}

/* What is left of infinity is 0, and scaling by it gives infinity or 0. */
static inline __m512 exp2_ps(__m512 x) {
    __m512 k = _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    __m512 f = _mm512_reduce_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    __m512 f2 = _mm512_mul_ps(f, f);
    __m512 p01 = madd_ps(0x1.c6af84p-5f, f, 0x1.ebfbe0p-3f);
    __m512 p23 = madd_ps(0x1.5f05fap-10f, f, 0x1.3b29d2p-7f);
    p23 = _mm512_fmadd_ps(all_ps(0x1.4478a2p-13f), f2, p23);
    __m512 p = _mm512_mul_ps(_mm512_fmadd_ps(p23, f2, p01), f2);
    p = _mm512_add_ps(all_ps(1.0f), _mm512_fmadd_ps(f, all_ps(0x1.62e430p-1f), p));
    return nan_of_ps(x, _mm512_scalef_ps(p, k));
}

/* kb_special_split_f32_ */
static inline __m512 split_ps(__m512 x, __m512 *exponent, __m512i *i) {
    __m512i bits = _mm512_castps_si512(x);
    *exponent = _mm512_getexp_ps(x);
    *i = _mm512_srli_epi32(bits, 18);
    __m512 m = _mm512_getmant_ps(x, _MM_MANT_NORM_1_2, _MM_MANT_SIGN_src);
    return _mm512_fmsub_ps(m, choose_ps(kb_inverse_f32_, *i), all_ps(1.0f));
}

static inline __m512 log_ps(__m512 x) {
    __m512i i;
    __m512 exponent, r = split_ps(x, &exponent, &i), r2 = _mm512_mul_ps(r, r);
    __m512 whole =
        _mm512_fmadd_ps(exponent, all_ps(0x1.62e400p-1f), choose_ps(kb_log_high_f32_, i));
    __m512 low = _mm512_fmadd_ps(exponent, all_ps(0x1.7f7d1cp-20f), choose_ps(kb_log_low_f32_, i));
    __m512 p01 = madd_ps(0x1.5555bap-2f, r, -0.5f);
    __m512 p23 = madd_ps(0x1.917a16p-3f, r, -0x1.001712p-2f);
    __m512 sum = _mm512_add_ps(whole, r), lost = _mm512_add_ps(_mm512_sub_ps(whole, sum), r);
    low = _mm512_fmadd_ps(_mm512_fmadd_ps(p23, r2, p01), r2, low);
    return _mm512_add_ps(sum, _mm512_add_ps(lost, low));
}

static inline __m512 log2_ps(__m512 x) {
    __m512i i;
    __m512 exponent, r = split_ps(x, &exponent, &i), r2 = _mm512_mul_ps(r, r);
    __m512 whole = _mm512_add_ps(exponent, choose_ps(kb_log2_high_f32_, i));
    __m512 low = _mm512_fmadd_ps(r, all_ps(0x1.4ae0c0p-26f), choose_ps(kb_log2_low_f32_, i));
    __m512 p01 = madd_ps(0x1.ec712ep-2f, r, -0x1.715476p-1f);
    __m512 p23 = madd_ps(0x1.219ab8p-2f, r, -0x1.7175c0p-2f);
    __m512 sum = _mm512_fmadd_ps(r, all_ps(0x1.715476p+0f), whole);
    __m512 lost = _mm512_fmadd_ps(r, all_ps(0x1.715476p+0f), _mm512_sub_ps(whole, sum));
    low = _mm512_fmadd_ps(_mm512_fmadd_ps(p23, r2, p01), r2, low);
    return _mm512_add_ps(sum, _mm512_add_ps(lost, low));
}

static inline __m512 pow_ps(__m512 x, __m512 y, __mmask16 *rare) {
    __m512i i;
    __m512 exponent, r = split_ps(x, &exponent, &i), r2 = _mm512_mul_ps(r, r);
    __m512 half = _mm512_mul_ps(all_ps(0.5f), r), r3 = _mm512_mul_ps(r, r2);
    __m512 p = madd_ps(-0x1.001150p-2f, r, 0x1.5555b2p-2f);
    p = _mm512_fmadd_ps(all_ps(0x1.9112e6p-3f), r2, p);
    __m512 first = _mm512_fmadd_ps(r3, p, _mm512_fnmadd_ps(half, r, r));
    __m512 second = _mm512_fmadd_ps(r3, p, _mm512_fnmadd_ps(half, r, _mm512_sub_ps(r, first)));
    __m512 whole = _mm512_add_ps(exponent, choose_ps(kb_log2_high_f32_, i));
    __m512 sum = _mm512_fmadd_ps(first, all_ps(0x1.715476p+0f), whole);
    __m512 lost = _mm512_fmadd_ps(first, all_ps(0x1.715476p+0f), _mm512_sub_ps(whole, sum));
    __m512 low = _mm512_fmadd_ps(first, all_ps(0x1.4ae0c0p-26f), choose_ps(kb_log2_low_f32_, i));
    low = _mm512_add_ps(lost, _mm512_fmadd_ps(second, all_ps(0x1.715476p+0f), low));
    __m512 product = _mm512_mul_ps(y, sum);
    __m512 rest = _mm512_fmadd_ps(y, low, _mm512_fmsub_ps(y, sum, product));
    __m512 shifted = _mm512_add_ps(product, all_ps(KB_SPECIAL_SHIFTER_F32_));
    __m512 k = _mm512_sub_ps(shifted, all_ps(KB_SPECIAL_SHIFTER_F32_));
    *rare = log_is_rare_ps(x) | _mm512_cmp_ps_mask(_mm512_abs_ps(k), all_ps(126.0f), _CMP_NLT_UQ);
    __m512 f = _mm512_sub_ps(product, k), g = _mm512_add_ps(f, rest), g2 = _mm512_mul_ps(g, g);
    __m512 q01 = madd_ps(0x1.c6aed0p-5f, g, 0x1.ebfbe0p-3f);
    __m512 q23 = madd_ps(0x1.5f47b0p-10f, g, 0x1.3b29aap-7f);
    q23 = _mm512_fmadd_ps(all_ps(0x1.448f94p-13f), g2, q23);
    __m512 q = _mm512_fmadd_ps(q23, g2, q01);
    __m512 power = madd_ps(0x1.62e430p-1f, f, 1.0f);
    __m512 left = _mm512_fmadd_ps(all_ps(0x1.62e430p-1f), f, _mm512_sub_ps(all_ps(1.0f), power));
    left = _mm512_fmadd_ps(rest, all_ps(0x1.62e430p-1f), left);
    power = _mm512_add_ps(power, _mm512_fmadd_ps(q, g2, left));
    return _mm512_castsi512_ps(_mm512_add_epi32(
        _mm512_castps_si512(power), _mm512_slli_epi32(_mm512_castps_si512(shifted), 23)));
}

/* The table by columns. */
#define TANH_0(a, b, c, d, e, f, g, h) a,
#define TANH_1(a, b, c, d, e, f, g, h) b,
#define TANH_2(a, b, c, d, e, f, g, h) c,
#define TANH_3(a, b, c, d, e, f, g, h) d,
#define TANH_4(a, b, c, d, e, f, g, h) e,
#define TANH_5(a, b, c, d, e, f, g, h) f,
#define TANH_6(a, b, c, d, e, f, g, h) g,
#define TANH_7(a, b, c, d, e, f, g, h) h,
static const float tanh_columns[8][32] = {
    {KB_TANH_F32_(TANH_0)}, {KB_TANH_F32_(TANH_1)}, {KB_TANH_F32_(TANH_2)}, {KB_TANH_F32_(TANH_3)},
    {KB_TANH_F32_(TANH_4)}, {KB_TANH_F32_(TANH_5)}, {KB_TANH_F32_(TANH_6)}, {KB_TANH_F32_(TANH_7)}};

static inline __m512 tanh_ps(__m512 x) {
    __m512 size = _mm512_min_ps(_mm512_abs_ps(x), all_ps(10.0f));
    __m512i quarter = _mm512_srli_epi32(_mm512_castps_si512(size), 21);
    quarter = _mm512_max_epu32(quarter, _mm512_set1_epi32(491));
    __m512 r = _mm512_sub_ps(size, choose_ps(tanh_columns[0], quarter));
    __m512 r2 = _mm512_mul_ps(r, r), c0 = choose_ps(tanh_columns[1], quarter);
    __m512 c1 = choose_ps(tanh_columns[2], quarter), sum = _mm512_fmadd_ps(r, c1, c0);
    __m512 lost = _mm512_fmadd_ps(r, c1, _mm512_sub_ps(c0, sum));
    __m512 p23 = _mm512_fmadd_ps(choose_ps(tanh_columns[4], quarter), r,
                                 choose_ps(tanh_columns[3], quarter));
    __m512 p45 = _mm512_fmadd_ps(choose_ps(tanh_columns[6], quarter), r,
                                 choose_ps(tanh_columns[5], quarter));
    p45 = _mm512_fmadd_ps(choose_ps(tanh_columns[7], quarter), r2, p45);
    __m512 p = _mm512_fmadd_ps(p45, r2, p23);
    __m512 wave = _mm512_add_ps(sum, _mm512_fmadd_ps(p, r2, lost));
    /* with the sign of x: a bit of the mask chooses from x */
    wave = _mm512_castsi512_ps(_mm512_ternarylogic_epi32(
        _mm512_set1_epi32(INT32_MIN), _mm512_castps_si512(x), _mm512_castps_si512(wave), 0xca));
    return nan_of_ps(x, wave);
}

#define LOOP_PS(op)                                                                       \
    static void f32_##op(void *restrict dst, const void *a, const void *b, const void *c, \
                         size_t count) {                                                  \
        float *restrict out = dst;                                                        \
        const float *in = a;                                                              \
        size_t i = 0;                                                                     \
        (void)b, (void)c;                                                                 \
        for (; i + 16 <= count; i += 16)                                                  \
            _mm512_storeu_ps(out + i, op##_ps(_mm512_loadu_ps(in + i)));                  \
        for (; i < count; i++) out[i] = kb_##op##_f32(in[i]);                             \
    }
LOOP_PS(exp)
LOOP_PS(exp2)
LOOP_PS(tanh)

#define RARE_LOOP_PS(op)                                                                  \
    static void f32_##op(void *restrict dst, const void *a, const void *b, const void *c, \
                         size_t count) {                                                  \
        float *restrict out = dst;                                                        \
        const float *in = a;                                                              \
        size_t i = 0;                                                                     \
        unsigned any_rare = 0;                                                            \
        (void)b, (void)c;                                                                 \
        for (; i + 16 <= count; i += 16) {                                                \
            __m512 x = _mm512_loadu_ps(in + i);                                           \
            any_rare |= log_is_rare_ps(x);                                                \
            _mm512_storeu_ps(out + i, op##_ps(x));                                        \
        }                                                                                 \
        for (size_t j = any_rare ? 0 : i; j < count; j++)                                 \
            if (j >= i || kb_log_is_rare_f32(in[j])) out[j] = kb_##op##_f32(in[j]);       \
    }
RARE_LOOP_PS(log)
RARE_LOOP_PS(log2)

static void f32_pow(void *restrict dst, const void *a, const void *b, const void *c, size_t count) {
    float *restrict out = dst;
    const float *base = a, *power = b;
    size_t i = 0;
    (void)c;
    for (; i + 16 <= count; i += 16) {
        __mmask16 rare;
        _mm512_storeu_ps(out + i,
                         pow_ps(_mm512_loadu_ps(base + i), _mm512_loadu_ps(power + i), &rare));
        for (unsigned left = rare; left; left &= left - 1) {
            size_t j = i + (size_t)__builtin_ctz(left);
            out[j] = kb_pow_f32(base[j], power[j]);
        }
    }
    for (; i < count; i++) out[i] = kb_pow_f32(base[i], power[i]);
}

/* --- fp16 ------------------------------------------------------------------------------------ */

static inline __m512 load_f16(const uint16_t *in) {
    return _mm512_cvtph_ps(_mm256_loadu_si256((const void *)in));
}

static inline void store_f16(uint16_t *out, __m512 x) {
    _mm256_storeu_si256((void *)out, _mm512_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT));
}

/* Shorter ways, without what makes a float right to its last bit: every fp16 is rounded from them as from the
 * functions above (test_small: every fp16). */

static inline __m512 log_short_ps(__m512 x) {
    __m512i i;
    __m512 exponent, r = split_ps(x, &exponent, &i);
    __m512 whole =
        _mm512_fmadd_ps(exponent, all_ps(0x1.62e400p-1f), choose_ps(kb_log_high_f32_, i));
    __m512 low = _mm512_fmadd_ps(exponent, all_ps(0x1.7f7d1cp-20f), choose_ps(kb_log_low_f32_, i));
    __m512 p =
        _mm512_fmadd_ps(madd_ps(0x1.917a16p-3f, r, -0x1.001712p-2f), r, all_ps(0x1.5555bap-2f));
    p = _mm512_fmadd_ps(_mm512_fmadd_ps(p, r, all_ps(-0.5f)), r, all_ps(1.0f));
    return _mm512_add_ps(whole, _mm512_fmadd_ps(p, r, low));
}

static inline __m512 log2_short_ps(__m512 x) {
    __m512i i;
    __m512 exponent, r = split_ps(x, &exponent, &i);
    __m512 whole = _mm512_add_ps(exponent, choose_ps(kb_log2_high_f32_, i));
    __m512 p =
        _mm512_fmadd_ps(madd_ps(0x1.219ab8p-2f, r, -0x1.7175c0p-2f), r, all_ps(0x1.ec712ep-2f));
    p = _mm512_fmadd_ps(_mm512_fmadd_ps(p, r, all_ps(-0x1.715476p-1f)), r, all_ps(0x1.715476p+0f));
    return _mm512_add_ps(whole, _mm512_fmadd_ps(p, r, choose_ps(kb_log2_low_f32_, i)));
}

/* sin(x + quarter * pi/2).  Subtracting the first part of pi/2, 24 bits, is exact. */
static inline __m512 wave_short_ps(__m512 x, int quarter) {
    __m512 shifted = madd_ps(0x1.45f306p-1f, x, KB_SPECIAL_SHIFTER_F32_);
    __m512 n = _mm512_sub_ps(shifted, all_ps(KB_SPECIAL_SHIFTER_F32_));
    __m512 r = _mm512_fnmadd_ps(n, all_ps(0x1.921fb4p+0f), x);
    r = _mm512_fnmadd_ps(n, all_ps(0x1.4442d2p-24f), r);
    __m512 z = _mm512_mul_ps(r, r);
    __m512 s =
        _mm512_fmadd_ps(madd_ps(-0x1.994b66p-13f, z, 0x1.110758p-7f), z, all_ps(-0x1.555546p-3f));
    s = _mm512_mul_ps(r, _mm512_fmadd_ps(s, z, all_ps(1.0f)));
    __m512 c =
        _mm512_fmadd_ps(madd_ps(0x1.99ffbcp-16f, z, -0x1.6c0c84p-10f), z, all_ps(0x1.55554ap-5f));
    c = _mm512_fmadd_ps(_mm512_fmadd_ps(c, z, all_ps(-0.5f)), z, all_ps(1.0f));
    __m512i turn = _mm512_add_epi32(_mm512_castps_si512(shifted), _mm512_set1_epi32(quarter));
    __m512 wave = _mm512_mask_mov_ps(s, _mm512_test_epi32_mask(turn, _mm512_set1_epi32(1)), c);
    turn = _mm512_and_epi32(_mm512_slli_epi32(turn, 30), _mm512_set1_epi32(INT32_MIN));
    wave = _mm512_castsi512_ps(_mm512_xor_epi32(_mm512_castps_si512(wave), turn));
    return nan_of_ps(wave, wave);
}

static inline __m512 sin_short_ps(__m512 x) {
    return wave_short_ps(x, 0);
}

static inline __m512 cos_short_ps(__m512 x) {
    return wave_short_ps(x, 1);
}

#define LOOP_F16(op, function)                                                              \
    static void f16_##op(void *restrict dst, const void *a, const void *b, const void *c,   \
                         size_t count) {                                                    \
        uint16_t *restrict out = dst;                                                       \
        const uint16_t *in = a;                                                             \
        size_t i = 0;                                                                       \
        (void)b, (void)c;                                                                   \
        for (; i + 16 <= count; i += 16) store_f16(out + i, function(load_f16(in + i)));    \
        for (; i < count; i++) out[i] = kb_f32_to_f16(kb_##op##_f32(kb_f16_to_f32(in[i]))); \
    }
LOOP_F16(exp, exp_ps)
LOOP_F16(exp2, exp2_ps)
LOOP_F16(tanh, tanh_ps)
LOOP_F16(sin, sin_short_ps)
LOOP_F16(cos, cos_short_ps)

#define RARE_LOOP_F16(op)                                                                  \
    static void f16_##op(void *restrict dst, const void *a, const void *b, const void *c,  \
                         size_t count) {                                                   \
        uint16_t *restrict out = dst;                                                      \
        const uint16_t *in = a;                                                            \
        size_t i = 0;                                                                      \
        unsigned any_rare = 0;                                                             \
        (void)b, (void)c;                                                                  \
        for (; i + 16 <= count; i += 16) {                                                 \
            __m512 x = load_f16(in + i);                                                   \
            any_rare |= log_is_rare_ps(x);                                                 \
            store_f16(out + i, op##_short_ps(x));                                          \
        }                                                                                  \
        for (size_t j = any_rare ? 0 : i; j < count; j++) {                                \
            float x = kb_f16_to_f32(in[j]);                                                \
            if (j >= i || kb_log_is_rare_f32(x)) out[j] = kb_f32_to_f16(kb_##op##_f32(x)); \
        }                                                                                  \
    }
RARE_LOOP_F16(log)
RARE_LOOP_F16(log2)

/* --- fp64 ------------------------------------------------------------------------------------ */

/* kb_special_split_by_table_; getexp would take the last exponent but one, moved up, for infinity's. */
static inline __m512d split_pd(__m512d x, __m512d *exponent, __m512i *i) {
    const __m512i first = _mm512_set1_epi64(KB_LOG_FIRST_F64_);
    const __m512i one = _mm512_set1_epi64(0x3ff0000000000000);
    __m512i shifted = _mm512_add_epi64(_mm512_castpd_si512(x), _mm512_sub_epi64(one, first));
    __m512i biased =
        _mm512_or_si512(_mm512_srli_epi64(shifted, 52), _mm512_set1_epi64(0x4330000000000000));
    *exponent = _mm512_sub_pd(_mm512_castsi512_pd(biased), all_pd(0x1p52 + 1023.0));
    *i = _mm512_srli_epi64(shifted, 48);
    __m512i mantissa = _mm512_and_epi64(shifted, _mm512_set1_epi64(0x000fffffffffffff));
    __m512d m = _mm512_castsi512_pd(_mm512_add_epi64(mantissa, first));
    return _mm512_fmsub_pd(m, choose_pd(kb_inverse_f64_, *i), all_pd(1.0));
}

static inline __m512d log2_pd(__m512d x) {
    __m512i i;
    __m512d exponent, r = split_pd(x, &exponent, &i);
    __m512d r2 = _mm512_mul_pd(r, r), r4 = _mm512_mul_pd(r2, r2);
    __m512d whole = _mm512_add_pd(exponent, choose_pd(kb_log2_high_f64_, i));
    __m512d low = _mm512_fmadd_pd(r, all_pd(KB_LOG2_E_LOW_), choose_pd(kb_log2_low_f64_, i));
    __m512d p01 = madd_pd(0x1.ec709dc39ef49p-2, r, -0x1.71547652b82cfp-1);
    __m512d p23 = madd_pd(0x1.2776c530c6aa4p-2, r, -0x1.71547653f4edap-2);
    __m512d p45 = madd_pd(0x1.a6156aeca3769p-3, r, -0x1.ec707b7a3b72ap-3);
    __m512d p67 = madd_pd(0x1.4ce6a1a992ad2p-3, r, -0x1.7202d55fefae9p-3);
    __m512d p = _mm512_fmadd_pd(_mm512_fmadd_pd(p67, r2, p45), r4, _mm512_fmadd_pd(p23, r2, p01));
    __m512d sum = _mm512_fmadd_pd(r, all_pd(KB_LOG2_E_), whole);
    __m512d lost = _mm512_fmadd_pd(r, all_pd(KB_LOG2_E_), _mm512_sub_pd(whole, sum));
    return _mm512_add_pd(sum, _mm512_add_pd(lost, _mm512_fmadd_pd(p, r2, low)));
}

static void f64_log2(void *restrict dst, const void *a, const void *b, const void *c,
                     size_t count) {
    double *restrict out = dst;
    const double *in = a;
    size_t i = 0;
    unsigned any_rare = 0;
    (void)b, (void)c;
    for (; i + 8 <= count; i += 8) {
        __m512d x = _mm512_loadu_pd(in + i);
        any_rare |= _mm512_fpclass_pd_mask(x, RARE_CLASSES);
        _mm512_storeu_pd(out + i, log2_pd(x));
    }
    for (size_t j = any_rare ? 0 : i; j < count; j++)
        if (j >= i || kb_log2_is_rare_f64(in[j])) out[j] = kb_log2_f64(in[j]);
}
