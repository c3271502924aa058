/* The loops of exp, log, sin and their kin; part of loops_template.h.
 *
 * First all arguments as if they were common, as a loop that vectorises; then the rare ones singly, if there are
 * any (kernel/special.h, kernel/special_f64.h).
 */

#ifndef KB_ISA_HAS_SPECIAL
LOOP1(f32, float, float, exp, kb_exp_f32(x))
LOOP1(f32, float, float, exp2, kb_exp2_f32(x))
#endif
#ifndef KB_ISA_HAS_TANH
LOOP1(f32, float, float, tanh, kb_tanh_f32(x))
#endif
LOOP1(f32, float, float, erf, kb_erf_f32(x))
LOOP1(f32, float, float, sigmoid, kb_sigmoid_f32(x))
LOOP1(f64, double, double, tanh, kb_tanh_all_f64(x))
LOOP1(f64, double, double, erf, kb_erf_f64(x))

#define RARE_LOOP(lane, type, flags, op)                                                     \
    static void lane##_##op(void *restrict dst, const void *a, const void *b, const void *c, \
                            size_t count) {                                                  \
        type *restrict out = dst;                                                            \
        const type *in = a;                                                                  \
        (void)b, (void)c;                                                                    \
        flags any_rare = 0;                                                                  \
        for (size_t i = 0; i < count; i++) {                                                 \
            type x = in[i];                                                                  \
            any_rare |= kb_##op##_is_rare_##lane(x) ? 1 : 0;                                 \
            out[i] = kb_##op##_common_##lane(x);                                             \
        }                                                                                    \
        for (size_t i = 0; any_rare && i < count; i++)                                       \
            if (kb_##op##_is_rare_##lane(in[i])) out[i] = kb_##op##_##lane(in[i]);           \
    }
#ifndef KB_ISA_HAS_SPECIAL
RARE_LOOP(f32, float, int32_t, log)
RARE_LOOP(f32, float, int32_t, log2)
#endif
RARE_LOOP(f64, double, int64_t, exp)
RARE_LOOP(f64, double, int64_t, exp2)
RARE_LOOP(f64, double, int64_t, log)
#ifndef KB_ISA_HAS_SPECIAL
RARE_LOOP(f64, double, int64_t, log2)
#endif
RARE_LOOP(f64, double, int64_t, sin)
RARE_LOOP(f64, double, int64_t, cos)
RARE_LOOP(f64, double, int64_t, sigmoid)

#define POW_LOOP(lane, type, flags)                                                         \
    static void lane##_pow(void *restrict dst, const void *a, const void *b, const void *c, \
                           size_t count) {                                                  \
        type *restrict out = dst;                                                           \
        const type *base = a, *power = b;                                                   \
        (void)c;                                                                            \
        flags any_rare = 0;                                                                 \
        for (size_t i = 0; i < count; i++) {                                                \
            int rare;                                                                       \
            out[i] = kb_pow_common_##lane(base[i], power[i], &rare);                        \
            any_rare |= rare ? 1 : 0;                                                       \
        }                                                                                   \
        for (size_t i = 0; any_rare && i < count; i++) {                                    \
            int rare;                                                                       \
            (void)kb_pow_common_##lane(base[i], power[i], &rare);                           \
            if (rare) out[i] = kb_pow_##lane(base[i], power[i]);                            \
        }                                                                                   \
    }
#ifndef KB_ISA_HAS_SPECIAL
POW_LOOP(f32, float, int32_t)
#endif
POW_LOOP(f64, double, int64_t)

/* All arguments as if they were small, then as if they were medium where they are not, both as loops that
 * vectorise; then the large ones singly. */
#define TRIG_LOOP(op)                                                                             \
    static void f32_##op(void *restrict dst, const void *a, const void *b, const void *c,         \
                         size_t count) {                                                          \
        float *restrict out = dst;                                                                \
        const float *in = a;                                                                      \
        (void)b, (void)c;                                                                         \
        int any_medium = 0, any_large = 0;                                                        \
        for (size_t i = 0; i < count; i++) {                                                      \
            float x = in[i];                                                                      \
            any_medium |= !(__builtin_fabsf(x) < KB_TRIG_MEDIUM_F32);                             \
            out[i] = kb_##op##_small_f32(x);                                                      \
        }                                                                                         \
        for (size_t i = 0; any_medium && i < count; i++) {                                        \
            float x = in[i], small = out[i], medium = kb_##op##_medium_f32(x);                    \
            any_large |= __builtin_fabsf(x) >= KB_TRIG_LARGE_F32;                                 \
            out[i] = __builtin_fabsf(x) < KB_TRIG_MEDIUM_F32 ? small : medium;                    \
        }                                                                                         \
        for (size_t i = 0; any_large && i < count; i++)                                           \
            if (__builtin_fabsf(in[i]) >= KB_TRIG_LARGE_F32) out[i] = kb_##op##_large_f32(in[i]); \
    }
TRIG_LOOP(sin)
TRIG_LOOP(cos)
