/* Operations of two fp8 operands at one go, in registers; part of loops_template.h where there is half_x86.h.
 *
 * 32 codes at a time.  Where one of them is NaN or infinite, or 0 is divided by 0, those 32 go by way of float in
 * memory, as other operations do; narrowing makes the NaN of e4m3 by itself.
 */

/* Whether there is a code beyond `limit`, which is the last that is a number. */
static inline bool any_beyond(__m256i x, __m256i y, char limit) {
    const __m256i all = _mm256_set1_epi8(0x7f);
    __m256i size = _mm256_max_epu8(_mm256_and_si256(x, all), _mm256_and_si256(y, all));
    return _mm256_movemask_epi8(_mm256_cmpgt_epi8(size, _mm256_set1_epi8(limit))) != 0;
}

static inline bool any_beyond_or_0_by_0(__m256i x, __m256i y, char limit) {
    __m256i size = _mm256_and_si256(_mm256_or_si256(x, y), _mm256_set1_epi8(0x7f));
    __m256i both = _mm256_cmpeq_epi8(size, _mm256_setzero_si256());
    return any_beyond(x, y, limit) || _mm256_movemask_epi8(both);
}

/* At most 32. */
static void by_float(uint8_t *out, const uint8_t *a, const uint8_t *b, size_t count,
                     kb_convert_loop *widen, kb_math_loop *op, kb_convert_loop *narrow) {
    float x[32], y[32], result[32];
    widen(x, a, count);
    widen(y, b, count);
    op(result, x, y, NULL, count);
    narrow(out, result, count);
}

/* `shift`: the result is 2^shift times what it means. */
#define LOOP_F8(format, op, is_special, limit, is_e5m2, shift, expr)                           \
    static void format##_##op(void *restrict dst, const void *a, const void *b, const void *c, \
                              size_t count) {                                                  \
        uint8_t *restrict out = dst;                                                           \
        const uint8_t *left = a, *right = b;                                                   \
        size_t i = 0;                                                                          \
        (void)c;                                                                               \
        for (; i + 32 <= count; i += 32) {                                                     \
            __m256i codes_x = _mm256_loadu_si256((const void *)(left + i));                    \
            __m256i codes_y = _mm256_loadu_si256((const void *)(right + i));                   \
            if (is_special(codes_x, codes_y, limit)) {                                         \
                by_float(out + i, left + i, right + i, 32, widen_##format, f32_##op,           \
                         narrow_##format);                                                     \
                continue;                                                                      \
            }                                                                                  \
            __m256 value[4], other[4];                                                         \
            widen_16_##format(_mm256_castsi256_si128(codes_x), value);                         \
            widen_16_##format(_mm256_extracti128_si256(codes_x, 1), value + 2);                \
            widen_16_##format(_mm256_castsi256_si128(codes_y), other);                         \
            widen_16_##format(_mm256_extracti128_si256(codes_y, 1), other + 2);                \
            for (int k = 0; k < 4; k++) {                                                      \
                __m256 x = value[k], y = other[k];                                             \
                value[k] = expr;                                                               \
            }                                                                                  \
            _mm256_storeu_si256((void *)(out + i), narrow_32(value, is_e5m2, shift));          \
        }                                                                                      \
        by_float(out + i, left + i, right + i, count - i, widen_##format, f32_##op,            \
                 narrow_##format);                                                             \
    }

/* e4m3 is read as 2^-8 of itself.  is_special: for div.  MIN and MAX: the first operand where both are equal. */
#define LOOPS_F8(format, is_special, limit, is_e5m2, shift)                          \
    LOOP_F8(format, add, any_beyond, limit, is_e5m2, shift, _mm256_add_ps(x, y))     \
    LOOP_F8(format, sub, any_beyond, limit, is_e5m2, shift, _mm256_sub_ps(x, y))     \
    LOOP_F8(format, mul, any_beyond, limit, is_e5m2, 2 * shift, _mm256_mul_ps(x, y)) \
    LOOP_F8(format, div, is_special, limit, is_e5m2, 0, _mm256_div_ps(x, y))         \
    LOOP_F8(format, min, any_beyond, limit, is_e5m2, shift, _mm256_min_ps(y, x))     \
    LOOP_F8(format, max, any_beyond, limit, is_e5m2, shift, _mm256_max_ps(y, x))
LOOPS_F8(e4m3, any_beyond, 0x7e, false, (-8))
LOOPS_F8(e5m2, any_beyond_or_0_by_0, 0x7b, true, 0)

#define ROW_F8(format)                                                  \
    {                                                                   \
        [KB_MATHOP_ADD] = format##_add, [KB_MATHOP_SUB] = format##_sub, \
        [KB_MATHOP_MUL] = format##_mul, [KB_MATHOP_DIV] = format##_div, \
        [KB_MATHOP_MIN] = format##_min, [KB_MATHOP_MAX] = format##_max}
#define ISA_F8 , [KB_FLOAT8E4NV] = ROW_F8(e4m3), [KB_FLOAT8E5] = ROW_F8(e5m2)
