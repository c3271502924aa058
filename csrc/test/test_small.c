/* fp16, bf16 and fp8 on each instruction set: every code converted, and through the loops that take them at one
 * go, against kernel/scalar.h. */
#include "replay_rig.h"

enum { N_CODES = 1 << 16 };

/* --- conversions ----------------------------------------------------------------------------- */

static bool is_nan(kb_dtype dtype, const void *element) {
    double value;
    kb_dtype_convert(KB_FLOAT64, &value, dtype, element, 1);
    return value != value;
}

/* Every code of the small floats, there and back; and floats at, and just beside, every rounding
 * edge. */
static void small_floats_convert_as_memory_does(void) {
    static const kb_dtype dtypes[] = {KB_FLOAT8E4NV, KB_FLOAT8E5, KB_FLOAT16, KB_BFLOAT16};
    enum { COUNT = 1 << 16 };
    static uint16_t codes[COUNT], narrowed[COUNT], exact[COUNT];
    static float floats[COUNT], widened[COUNT];
    for (int number = 0; rig_isa(number); number++)
        for (size_t d = 0; d < sizeof dtypes / sizeof *dtypes; d++) {
            const kb_isa *isa = NULL;
            kb_dtype dtype = dtypes[d];
            CHECK_EQ(kb_isa_find(rig_isa(number), &isa, NULL), KB_OK);
            size_t nbytes = kb_dtype_nbytes(dtype), count = nbytes == 1 ? 256 : COUNT, wrong = 0;
            for (size_t i = 0; i < count; i++)
                if (nbytes == 1) ((uint8_t *)codes)[i] = (uint8_t)i;
                else codes[i] = (uint16_t)i;
            kb_dtype_convert(KB_FLOAT32, floats, dtype, codes, count);
            isa->widen[dtype](widened, codes, count);
            for (size_t i = 0; i < count; i++)
                wrong += is_nan(KB_FLOAT32, &floats[i])
                             ? widened[i] == widened[i]
                             : kb_f32_bits(widened[i]) != kb_f32_bits(floats[i]);
            /* The middle between a number and the next one, and the floats around it. */
            for (int offset = -2; offset <= 2; offset++) {
                for (size_t i = 0; i < count; i++) {
                    float next = i + 1 < count ? floats[i + 1] : floats[i];
                    uint32_t bits = kb_f32_bits((float)(((double)floats[i] + (double)next) / 2));
                    widened[i] = kb_f32_from_bits(bits + (uint32_t)offset);
                    if (is_nan(KB_FLOAT32, &widened[i])) widened[i] = kb_f32_from_bits(KB_F32_NAN);
                }
                isa->narrow[dtype](narrowed, widened, count);
                kb_dtype_convert(dtype, exact, KB_FLOAT32, widened, count);
                wrong += memcmp(narrowed, exact, count * nbytes) != 0;
            }
            for (uint32_t begin = 0, step = 977; begin < step * 64; begin += step) {
                for (size_t i = 0; i < COUNT; i++) {
                    widened[i] = kb_f32_from_bits((uint32_t)i << 16 | (begin & 0xffff));
                    if (is_nan(KB_FLOAT32, &widened[i])) widened[i] = kb_f32_from_bits(KB_F32_NAN);
                }
                isa->narrow[dtype](narrowed, widened, COUNT);
                kb_dtype_convert(dtype, exact, KB_FLOAT32, widened, COUNT);
                wrong += memcmp(narrowed, exact, COUNT * nbytes) != 0;
            }
            if (!CHECK_EQ(wrong, 0)) printf("# %s: %s\n", isa->name, kb_dtype_name(dtype));
        }
}

/* --- at one go ------------------------------------------------------------------------------- */

/* Every fp16, by the loops that take it at one go. */
static void every_fp16_at_one_go(void) {
    static uint16_t codes[N_CODES], got[N_CODES];
    for (int i = 0; i < N_CODES; i++) codes[i] = (uint16_t)i;
    for (int number = 0; rig_isa(number); number++)
        for (int op = 0; op < KB_MATHOP_COUNT; op++) {
            const kb_isa *isa = NULL;
            CHECK_EQ(kb_isa_find(rig_isa(number), &isa, NULL), KB_OK);
            CHECK(isa->small[KB_FLOAT16][KB_MATHOP_ABS] && isa->small[KB_FLOAT16][KB_MATHOP_NEG]);
            if (!isa->small[KB_FLOAT16][op]) continue;
            isa->small[KB_FLOAT16][op](got, codes, NULL, NULL, N_CODES - 1); /* and a rest */
            int wrong = 0;
            for (int i = 0; i < N_CODES - 1; i++) {
                uint64_t bits = 0;
                uint16_t exact;
                CHECK_EQ(kb_scalar_math((kb_mathop)op, KB_FLOAT16, KB_FLOAT16,
                                        kb_scalar_load(KB_FLOAT16, &codes[i]), 0, 0, &bits, NULL),
                         KB_OK);
                kb_scalar_store(KB_FLOAT16, bits, &exact);
                wrong += got[i] != exact;
            }
            if (!CHECK_EQ(wrong, 0)) printf("# %s: %s\n", isa->name, kb_mathop_name((kb_mathop)op));
        }
}

/* How many of the results of an operation on these codes are wrong. */
static int wrong_pairs(const kb_isa *isa, kb_dtype dtype, kb_mathop op, const uint8_t *left,
                       const uint8_t *right) {
    static uint8_t got[N_CODES];
    int wrong = 0;
    isa->small[dtype][op](got, left, right, NULL, N_CODES - 1); /* and a rest */
    for (int i = 0; i < N_CODES - 1; i++) {
        uint64_t bits = 0;
        uint8_t exact;
        CHECK_EQ(kb_scalar_math(op, dtype, dtype, kb_scalar_load(dtype, &left[i]),
                                kb_scalar_load(dtype, &right[i]), 0, &bits, NULL),
                 KB_OK);
        kb_scalar_store(dtype, bits, &exact);
        wrong += got[i] != exact;
    }
    return wrong;
}

/* Loops that take two fp8: every pair, and every pair of numbers with no NaN and no infinity around, which would make
 * the loops take another way. */
static void every_pair_of_fp8_at_one_go(void) {
    static uint8_t left[N_CODES], right[N_CODES];
    int n_checked = 0;
    for (int number = 0; rig_isa(number); number++)
        for (int what = 0; what < KB_MATHOP_COUNT * 4; what++) {
            const kb_isa *isa = NULL;
            kb_mathop op = (kb_mathop)(what / 4);
            kb_dtype dtype = what & 1 ? KB_FLOAT8E5 : KB_FLOAT8E4NV;
            CHECK_EQ(kb_isa_find(rig_isa(number), &isa, NULL), KB_OK);
            if (!isa->small[dtype][op] || kb_mathop_arity(op) != 2) continue;
            for (int i = 0; i < N_CODES; i++) {
                left[i] = (uint8_t)i;
                right[i] = (uint8_t)(i >> 8);
                bool is_number = (left[i] & 0x7f) <= (what & 1 ? 0x7b : 0x7e);
                if (what & 2 && !is_number) left[i] &= 0x83;
            }
            int wrong = wrong_pairs(isa, dtype, op, left, right);
            n_checked++;
            if (!CHECK_EQ(wrong, 0))
                printf("# %s: %s of %s\n", isa->name, kb_mathop_name(op), kb_dtype_name(dtype));
        }
    CHECK(n_checked == 0 || n_checked >= 24);
}

int main(void) {
    TAP_RUN(small_floats_convert_as_memory_does);
    TAP_RUN(every_fp16_at_one_go);
    TAP_RUN(every_pair_of_fp8_at_one_go);
    return tap_finish();
}
