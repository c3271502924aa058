/* Element-wise operations of every instruction set against kernel/scalar.h, bit by bit. */
#include <math.h>

#include "replay_rig.h"

static const kb_operand none;
static uint64_t state = 9;

/* --- every operation on every dtype ---------------------------------------------------------- */

enum { N = 1100 }; /* more than two blocks of lanes, and a rest */

static unsigned char values[3][N * 8], expected[N * 8];

/* Edges, whole numbers, and any bits at all. */
static void draw(kb_dtype dtype, void *element, int i) {
    static const double edges[] = {0,   -0.0, 1,  -1, 2,  -2,  0.5,    -0.5, 1.5, -1.5, 127, -128,
                                   255, 3,    -3, 10, 64, -64, 0x1p24, 88,   -88, 448,  1e5, 1e38};
    enum { N_EDGES = sizeof edges / sizeof *edges };
    uint64_t bits = rig_random(&state);
    size_t nbytes = kb_dtype_nbytes(dtype);
    if (dtype == KB_BOOL) {
        bits &= 1;
        memcpy(element, &bits, 1);
        return;
    }
    memcpy(element, &bits, nbytes);
    if (i % 3 == 0) return;
    bool is_float = kb_dtype_get_kind(dtype) == KB_KIND_FLOAT;
    if (i % 3 == 1)
        kb_dtype_convert(dtype, element, KB_FLOAT64, &edges[bits >> 20 & 0xff ? bits % N_EDGES : 0],
                         1);
    else if (is_float) {
        double value = ((double)(bits >> 11) * 0x1p-53 - 0.5) * 40;
        kb_dtype_convert(dtype, element, KB_FLOAT64, &value, 1);
    } else {
        int64_t value = (int64_t)(bits >> 8) % 80 - 10;
        kb_dtype_convert(dtype, element, KB_INT64, &value, 1);
    }
}

static bool keeps_bits(kb_mathop op, kb_dtype operand, kb_dtype result) {
    return op == KB_MATHOP_MOVE || op == KB_MATHOP_WHERE || op == KB_MATHOP_BITCAST ||
           (op == KB_MATHOP_CAST && operand == result);
}

/* What the element should be.  Operations that only move bits keep those of NaNs, too. */
static void oracle(kb_mathop op, kb_dtype operand, kb_dtype result, int i, void *element) {
    size_t nbytes = kb_dtype_nbytes(operand);
    if (keeps_bits(op, operand, result)) {
        int from = op == KB_MATHOP_WHERE ? (values[0][i] ? 1 : 2) : 0;
        memcpy(element, values[from] + (size_t)i * nbytes, nbytes);
        return;
    }
    uint64_t bits[3] = {0, 0, 0}, computed = 0;
    for (int j = 0; j < kb_mathop_arity(op); j++)
        bits[j] = kb_scalar_load(operand, values[j] + (size_t)i * nbytes);
    CHECK_EQ(kb_scalar_math(op, operand, result, bits[0], bits[1], bits[2], &computed, NULL),
             KB_OK);
    kb_scalar_store(result, computed, element);
}

static void check_op(kb_mathop op, kb_dtype operand, kb_dtype result) {
    int arity = kb_mathop_arity(op);
    size_t nbytes = kb_dtype_nbytes(result);
    const uint32_t dims[] = {N};
    kb_dtype dtypes[3] = {operand, operand, operand};
    if (op == KB_MATHOP_WHERE) dtypes[0] = KB_BOOL;
    for (int j = 0; j < arity; j++)
        for (int i = 0; i < N; i++)
            draw(dtypes[j], values[j] + (size_t)i * kb_dtype_nbytes(dtypes[j]), i + j * 7);
    for (int i = 0; i < N; i++) oracle(op, operand, result, i, expected + (size_t)i * nbytes);
    for (int number = 0; rig_isa(number); number++) {
        rig r;
        kb_replay_options options = {.threads = 1, .isa = rig_isa(number)};
        rig_init(&r, &options);
        kb_operand operands[3] = {none, none, none};
        for (int j = 0; j < arity; j++) {
            kb_va va = rig_tensor(&r, dtypes[j], N, values[j]);
            rig_load(&r, rig_box(dtypes[j], 1, dims, va), (uint64_t)j, NULL);
            operands[j] = rig_tile(dtypes[j], 1, dims, (uint64_t)j);
        }
        rig_op(&r, KB_OP_MATH, (int)op, rig_tile(result, 1, dims, 9), operands[0], operands[1],
               operands[2]);
        if (!CHECK_EQ(rig_run(&r), KB_OK)) printf("# %s\n", r.err.message);
        int64_t there = 0;
        const unsigned char *got = kb_replay_tile(r.replay, 9, &there);
        CHECK_EQ(there, N * nbytes);
        int wrong = 0;
        for (int i = 0; got && i < N; i++) {
            const unsigned char *g = got + (size_t)i * nbytes, *e = expected + (size_t)i * nbytes;
            if (memcmp(g, e, nbytes) == 0 || wrong++) continue;
            uint64_t a = 0, b = 0, x = 0, y = 0;
            memcpy(&a, g, nbytes);
            memcpy(&b, e, nbytes);
            memcpy(&x, values[0] + (size_t)i * kb_dtype_nbytes(operand), kb_dtype_nbytes(operand));
            memcpy(&y, values[1] + (size_t)i * kb_dtype_nbytes(operand), kb_dtype_nbytes(operand));
            printf("# %s: %s of %s to %s: (%llx, %llx): got %llx, expected %llx\n", options.isa,
                   kb_mathop_name(op), kb_dtype_name(operand), kb_dtype_name(result),
                   (unsigned long long)x, (unsigned long long)y, (unsigned long long)a,
                   (unsigned long long)b);
        }
        CHECK_EQ(wrong, 0);
        rig_free(&r);
    }
}

static void every_operation_on_every_dtype(void) {
    int n_checked = 0;
    for (int op = 0; op < KB_MATHOP_COUNT; op++)
        for (int from = 0; from < KB_DTYPE_COUNT; from++)
            for (int to = 0; to < KB_DTYPE_COUNT; to++) {
                if (!kb_scalar_defined((kb_mathop)op, (kb_dtype)from, (kb_dtype)to)) continue;
                check_op((kb_mathop)op, (kb_dtype)from, (kb_dtype)to);
                n_checked++;
            }
    CHECK(n_checked > 600);
}

/* --- the loops of one instruction set against those of the portable one --------------------- */

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

/* Every fp16, by the loops that take it at one go. */
static void every_fp16_at_one_go(void) {
    static uint16_t codes[N_LANES], got[N_LANES];
    for (int i = 0; i < N_LANES; i++) codes[i] = (uint16_t)i;
    for (int number = 0; rig_isa(number); number++)
        for (int op = 0; op < KB_MATHOP_COUNT; op++) {
            const kb_isa *isa = NULL;
            CHECK_EQ(kb_isa_find(rig_isa(number), &isa, NULL), KB_OK);
            CHECK(isa->small[KB_FLOAT16][KB_MATHOP_ABS] && isa->small[KB_FLOAT16][KB_MATHOP_NEG]);
            if (!isa->small[KB_FLOAT16][op]) continue;
            isa->small[KB_FLOAT16][op](got, codes, NULL, NULL, N_LANES - 1); /* and a rest */
            int wrong = 0;
            for (int i = 0; i < N_LANES - 1; i++) {
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

/* --- shapes ---------------------------------------------------------------------------------- */

enum { MAX_COUNT = 1 << 17 };

static uint16_t halves[3][MAX_COUNT];

/* Element of an operand at an index of the result. */
static size_t element_of(const kb_operand *operand, const uint32_t *index, int rank) {
    size_t at = 0;
    for (int d = 0; d < rank; d++)
        at = at * operand->dims[d] + (operand->dims[d] == 1 ? 0 : index[d]);
    return at;
}

/* WHERE(a, b, c) over fp16 b and c, each with its own dims of 1. */
static void check_shape(int rank, const uint32_t *dims, const unsigned repeats[3], int threads) {
    rig r;
    kb_replay_options options = {.threads = threads};
    rig_init(&r, &options);
    kb_operand operands[3];
    size_t count = 1;
    for (int d = 0; d < rank; d++) count *= dims[d];
    for (int j = 0; j < 3; j++) {
        uint32_t own[KB_MAX_RANK];
        size_t own_count = 1;
        for (int d = 0; d < rank; d++) own_count *= own[d] = repeats[j] >> d & 1 ? 1 : dims[d];
        kb_dtype dtype = j ? KB_FLOAT16 : KB_BOOL;
        unsigned char *bools = (unsigned char *)halves[0];
        for (size_t i = 0; i < own_count; i++)
            if (j) halves[j][i] = (uint16_t)(i * 31 + (size_t)j * 7);
            else bools[i] = i % 3 == 0 || i % 7 == 1;
        kb_va va = rig_tensor(&r, dtype, own_count, halves[j]);
        kb_access access = rig_box(dtype, rank, own, va);
        rig_load(&r, access, (uint64_t)j, NULL);
        operands[j] = rig_tile(dtype, rank, own, (uint64_t)j);
    }
    rig_op(&r, KB_OP_MATH, KB_MATHOP_WHERE, rig_tile(KB_FLOAT16, rank, dims, 5), operands[0],
           operands[1], operands[2]);
    if (!CHECK_EQ(rig_run(&r), KB_OK)) printf("# %s\n", r.err.message);
    int64_t nbytes = 0;
    const uint16_t *got = kb_replay_tile(r.replay, 5, &nbytes);
    CHECK_EQ(nbytes, 2 * count);
    uint32_t index[KB_MAX_RANK] = {0};
    size_t wrong = 0;
    for (size_t i = 0; got && i < count; i++) {
        int from =
            ((const unsigned char *)halves[0])[element_of(&operands[0], index, rank)] ? 1 : 2;
        wrong += got[i] != halves[from][element_of(&operands[from], index, rank)];
        for (int d = rank; d-- > 0 && ++index[d] == dims[d];) index[d] = 0;
    }
    CHECK_EQ(wrong, 0);
    rig_free(&r);
}

static void dims_of_1_repeat(void) {
    static const uint32_t shapes[][KB_MAX_RANK] = {
        {700},    {1},       {30, 40},    {1, 600},        {600, 1},
        {513, 3}, {5, 6, 7}, {2, 1, 300}, {3, 4, 5, 6, 7}, {2, 2, 2, 2, 2}};
    static const int ranks[] = {1, 1, 2, 2, 2, 2, 3, 3, 5, 5};
    for (int s = 0; s < 10; s++)
        for (int i = 0; i < 64; i++) {
            uint64_t bits = rig_random(&state);
            unsigned all = (1u << ranks[s]) - 1;
            const unsigned repeats[3] = {(unsigned)bits & all, (unsigned)(bits >> 8) & all,
                                         (unsigned)(bits >> 16) & all};
            check_shape(ranks[s], shapes[s], repeats, 1);
        }
    check_shape(0, shapes[0], (const unsigned[3]){0, 0, 0}, 1);
}

static void any_number_of_threads(void) {
    const uint32_t dims[] = {300, 400};
    for (int threads = 1; threads <= 4; threads++) {
        check_shape(2, dims, (const unsigned[3]){0, 0, 0}, threads);
        check_shape(2, dims, (const unsigned[3]){1, 2, 0}, threads);
    }
}

static void scalars_and_blocks(void) {
    rig r;
    rig_init(&r, NULL);
    const uint32_t dims[] = {3, 400}, row[] = {1, 400}, column[] = {3, 1};
    kb_blockval index = {
        .block = {.rank = 2, .dtype = KB_INT32, .dims = {1, 400, 1, 1, 1}, .base = -5}};
    index.block.stride[1] = 2;
    kb_blockval mask = {.is_mask = true, .mask = {.rank = 2, .dims = {3, 1, 1, 1, 1}}};
    mask.mask.lo[0] = 1;
    mask.mask.hi[0] = 3;
    mask.mask.hi[1] = 1;
    kb_operand a = rig_operand(KB_OPERAND_BLOCK, KB_INT32, 2, row);
    kb_operand b = rig_operand(KB_OPERAND_BLOCK, KB_BOOL, 2, column);
    a.block = &index;
    b.block = &mask;
    rig_op(&r, KB_OP_MATH, KB_MATHOP_MUL, rig_tile(KB_INT32, 2, dims, 1), a,
           rig_scalar(KB_INT32, -3), none);
    rig_op(&r, KB_OP_MATH, KB_MATHOP_WHERE, rig_tile(KB_INT32, 2, dims, 2), b,
           rig_tile(KB_INT32, 2, dims, 1), rig_scalar(KB_INT32, 77));
    rig_op(&r, KB_OP_MATH, KB_MATHOP_CAST, rig_tile(KB_FLOAT16, 2, dims, 3),
           rig_tile(KB_INT32, 2, dims, 2), none, none);
    rig_op(&r, KB_OP_MATH, KB_MATHOP_MOVE, rig_tile(KB_FLOAT64, 2, dims, 4),
           rig_scalar(KB_FLOAT64, 0.1), none, none);
    rig_op(&r, KB_OP_MATH, KB_MATHOP_CAST, rig_tile(KB_FLOAT8E5, 2, dims, 5),
           rig_scalar(KB_INT32, 3), none, none);
    if (!CHECK_EQ(rig_run(&r), KB_OK)) printf("# %s\n", r.err.message);
    int64_t nbytes = 0;
    const int32_t *product = kb_replay_tile(r.replay, 1, &nbytes),
                  *chosen = kb_replay_tile(r.replay, 2, &nbytes);
    const uint16_t *half = kb_replay_tile(r.replay, 3, &nbytes);
    const double *tenth = kb_replay_tile(r.replay, 4, &nbytes);
    const uint8_t *three = kb_replay_tile(r.replay, 5, &nbytes);
    for (int i = 0; half && tenth && three && i < 1200; i++) {
        int value = -3 * (2 * (i % 400) - 5);
        CHECK_EQ(product[i], value);
        value = i < 400 ? 77 : value;
        CHECK_EQ(chosen[i], value);
        CHECK_EQ(half[i], kb_f32_to_f16((float)value));
        CHECK(tenth[i] == 0.1);
        CHECK_EQ(three[i], 0x42);
    }
    rig_free(&r);
}

static void refuses_what_does_not_fit(void) {
    static const struct {
        int op;
        kb_dtype operand, result;
        uint32_t columns;
    } bad[] = {{KB_MATHOP_ADD, KB_INT32, KB_INT64, 4},     {KB_MATHOP_ADD, KB_INT32, KB_INT32, 5},
               {KB_MATHOP_EXP, KB_INT32, KB_INT32, 4},     {KB_MATHOP_NEG, KB_INT32, KB_INT32, 4},
               {KB_MATHOP_AND, KB_FLOAT32, KB_FLOAT32, 4}, {200, KB_INT32, KB_INT32, 4}};
    const int32_t x[4] = {1, 2, 3, 4};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        rig r;
        rig_init(&r, NULL);
        const uint32_t dims[] = {4}, other[] = {bad[i].columns};
        kb_va va = rig_tensor(&r, KB_INT32, 4, x);
        rig_load(&r, rig_box(KB_INT32, 1, dims, va), 1, NULL);
        kb_operand a = rig_tile(bad[i].operand, 1, dims, 1);
        rig_op(&r, KB_OP_MATH, bad[i].op, rig_tile(bad[i].result, 1, other, 2), a, a, none);
        CHECK_EQ(rig_run(&r), KB_INTERNAL);
        CHECK_EQ(kb_replay_cursor(r.replay), 1);
        CHECK_EQ(kb_replay_tiles(r.replay), 1);
        rig_free(&r);
    }
}

int main(void) {
    TAP_RUN(every_operation_on_every_dtype);
    TAP_RUN(every_16_bit_float_on_every_instruction_set);
    TAP_RUN(every_fp16_at_one_go);
    TAP_RUN(every_byte_on_every_instruction_set);
    TAP_RUN(any_bits_on_every_instruction_set);
    TAP_RUN(remainders_beside_multiples);
    TAP_RUN(small_floats_convert_as_memory_does);
    TAP_RUN(dims_of_1_repeat);
    TAP_RUN(any_number_of_threads);
    TAP_RUN(scalars_and_blocks);
    TAP_RUN(refuses_what_does_not_fit);
    return tap_finish();
}
