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
    TAP_RUN(dims_of_1_repeat);
    TAP_RUN(any_number_of_threads);
    TAP_RUN(scalars_and_blocks);
    TAP_RUN(refuses_what_does_not_fit);
    return tap_finish();
}
