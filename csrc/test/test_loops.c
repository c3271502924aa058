/* The loops of each instruction set against the portable ones, bit by bit. */
#include <math.h>

#include "replay_rig.h"

static uint64_t state = 9;

enum { N_LANES = 1 << 16 };

static unsigned char lanes[3][N_LANES * 8], results[2][N_LANES * 8];

static void compare_loops(kb_lane lane, const char *what) {
    const kb_isa *portable = NULL, *isa = NULL;
    CHECK_EQ(kb_isa_find("portable", &portable, NULL), KB_OK);
    for (int number = 0; rig_isa(number); number++)
        for (int op = 0; op < KB_MATHOP_COUNT; op++) {
            CHECK_EQ(kb_isa_find(rig_isa(number), &isa, NULL), KB_OK);
            if (!isa->math[lane][op] || isa == portable) continue;
            bool compares = kb_mathop_result((kb_mathop)op) == KB_RESULT_BOOL;
            size_t nbytes = compares ? 1 : kb_lane_nbytes(lane);
            const void *a = lanes[0], *b = lanes[1], *c = lanes[2];
            portable->math[lane][op](results[0], a, b, c, N_LANES);
            isa->math[lane][op](results[1], a, b, c, N_LANES);
            if (!CHECK_EQ(memcmp(results[0], results[1], N_LANES * nbytes), 0))
                printf("# %s: %s, lane type %d, %s\n", isa->name, kb_mathop_name((kb_mathop)op),
                       lane, what);
        }
}

/* Every fp16, every bf16, and so every fp8; each beside another one. */
static void every_16_bit_float_on_every_instruction_set(void) {
    static uint16_t codes[N_LANES];
    for (int turn = 0; turn < 2; turn++) {
        kb_dtype dtype = turn ? KB_BFLOAT16 : KB_FLOAT16;
        for (int i = 0; i < N_LANES; i++) codes[i] = (uint16_t)i;
        kb_dtype_convert(KB_FLOAT32, lanes[0], dtype, codes, N_LANES);
        for (int i = 0; i < N_LANES; i++) codes[i] = (uint16_t)(i * 40503 + 11);
        kb_dtype_convert(KB_FLOAT32, lanes[1], dtype, codes, N_LANES);
        memcpy(lanes[2], lanes[0], sizeof lanes[0]);
        compare_loops(KB_LANE_F32, kb_dtype_name(dtype));
    }
}

/* Every pair of bytes. */
static void every_byte_on_every_instruction_set(void) {
    for (int i = 0; i < N_LANES; i++) {
        lanes[0][i] = (unsigned char)i;
        lanes[1][i] = (unsigned char)(i >> 8);
        lanes[2][i] = (unsigned char)(i * 7);
    }
    compare_loops(KB_LANE_I8, "all pairs");
    compare_loops(KB_LANE_U8, "all pairs");
}

/* Any bits at all, and numbers of usual size. */
static void any_bits_on_every_instruction_set(void) {
    for (int lane = 0; lane < KB_LANE_COUNT; lane++)
        for (int turn = 0; turn < 6; turn++) {
            bool is_f32 = lane == KB_LANE_F32, is_usual = is_f32 || lane == KB_LANE_F64;
            for (int j = 0; j < 3; j++)
                for (int i = 0; i < N_LANES; i++) {
                    uint64_t bits = rig_random(&state);
                    double number = ((double)(bits >> 11) * 0x1p-53 - (turn & 2 ? 0.5 : 0)) * 64;
                    float single = (float)number;
                    size_t nbytes = kb_lane_nbytes((kb_lane)lane), at = (size_t)i * nbytes;
                    const void *from = &bits;
                    if (is_usual && turn & 1) from = is_f32 ? (void *)&single : (void *)&number;
                    memcpy(lanes[j] + at, from, nbytes);
                }
            compare_loops((kb_lane)lane, turn & 1 ? "usual numbers" : "any bits");
        }
}

/* The two smallest exponents and the two largest: 0, subnormals, infinities, NaN, and numbers beside them. */
static void ends_of_the_range_on_every_instruction_set(void) {
    static const uint64_t doubles[] = {0, 1, 2046, 2047}, floats[] = {0, 1, 254, 255};
    for (int turn = 0; turn < 2; turn++) {
        for (int i = 0; i < 3 * N_LANES; i++) {
            uint64_t bits = rig_random(&state), sign = bits >> 2 & 1;
            uint64_t wide = sign << 63 | doubles[bits & 3] << 52 | bits >> 12;
            uint32_t single = (uint32_t)(sign << 31 | floats[bits & 3] << 23 | bits >> 41);
            if (turn) memcpy(lanes[i % 3] + (size_t)(i / 3) * 4, &single, 4);
            else memcpy(lanes[i % 3] + (size_t)(i / 3) * 8, &wide, 8);
        }
        compare_loops(turn ? KB_LANE_F32 : KB_LANE_F64, "ends of the range");
    }
}

/* Multiples and what lies just beside them, where a rounded quotient may be one too large; and quotients too
 * large for it. */
static void remainders_beside_multiples(void) {
    double *left = (double *)lanes[0], *right = (double *)lanes[1], *got = (double *)results[0];
    for (int number = 0; rig_isa(number); number++)
        for (int turn = 0; turn < 2; turn++) {
            const kb_isa *isa = NULL;
            CHECK_EQ(kb_isa_find(rig_isa(number), &isa, NULL), KB_OK);
            for (int i = 0; i < N_LANES; i++) {
                uint64_t bits = rig_random(&state);
                double factor = (double)(bits >> (turn ? 1 : 12 + bits % 52));
                right[i] = ((double)(rig_random(&state) >> 11) * 0x1p-53 + 0x1p-40) * 100;
                left[i] = kb_f64_from_bits(kb_f64_bits(factor * right[i]) + bits % 3 - 1);
                if (bits & 8) left[i] = -left[i];
                if (bits & 16) right[i] = -right[i];
            }
            isa->math[KB_LANE_F64][KB_MATHOP_MOD](got, left, right, NULL, N_LANES);
            int wrong = 0;
            for (int i = 0; i < N_LANES; i++) {
                double exact = fmod(left[i], right[i]);
                uint64_t bits = exact == exact ? kb_f64_bits(exact) : KB_F64_NAN;
                wrong += kb_f64_bits(got[i]) != bits;
            }
            if (!CHECK_EQ(wrong, 0)) printf("# %s\n", isa->name);
        }
}

int main(void) {
    TAP_RUN(every_16_bit_float_on_every_instruction_set);
    TAP_RUN(every_byte_on_every_instruction_set);
    TAP_RUN(any_bits_on_every_instruction_set);
    TAP_RUN(ends_of_the_range_on_every_instruction_set);
    TAP_RUN(remainders_beside_multiples);
    return tap_finish();
}
