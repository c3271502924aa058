/* Reductions of every instruction set against the tree of replay/reduce.h, bit by bit;
 * permutations. */
#include <math.h>

#include "replay_rig.h"

static uint64_t state = 77;

enum { MAX_COUNT = 1 << 18 };

static unsigned char values[MAX_COUNT * 8], expected[MAX_COUNT * 8];

static void fill(kb_dtype dtype, size_t count, bool wild) {
    for (size_t i = 0; i < count; i++) {
        uint64_t bits = rig_random(&state);
        unsigned char *to = values + i * kb_dtype_nbytes(dtype);
        double number = (double)(int64_t)(bits % 4001) / 16 - 125;
        int64_t integer = (int64_t)bits;
        if (bits >> 40 & 1) integer = integer % 5;
        if (wild && (bits >> 32) % 3 == 0) number = NAN;
        if (dtype == KB_BOOL) *to = bits >> 33 & 1;
        else if (kb_dtype_get_kind(dtype) == KB_KIND_FLOAT)
            kb_dtype_convert(dtype, to, KB_FLOAT64, &number, 1);
        else kb_dtype_convert(dtype, to, KB_INT64, &integer, 1);
    }
}

/* The dtype in which the tree adds. */
static kb_dtype wide_of(kb_dtype dtype) {
    if (kb_dtype_get_kind(dtype) != KB_KIND_FLOAT || dtype == KB_FLOAT64) return dtype;
    return KB_FLOAT32;
}

static uint64_t combine(kb_reduceop op, kb_dtype wide, uint64_t a, uint64_t b) {
    static const kb_mathop ops[] = {[KB_REDUCEOP_SUM] = KB_MATHOP_ADD,
                                    [KB_REDUCEOP_MAX] = KB_MATHOP_MAX,
                                    [KB_REDUCEOP_MIN] = KB_MATHOP_MIN,
                                    [KB_REDUCEOP_XOR] = KB_MATHOP_XOR};
    uint64_t bits = 0;
    CHECK_EQ(kb_scalar_math(ops[op], wide, wide, a, b, 0, &bits, NULL), KB_OK);
    return bits;
}

/* True when a is before b in the order of ARGMAX or ARGMIN; a NaN is after all. */
static bool beats(kb_reduceop op, kb_dtype dtype, uint64_t a, uint64_t b) {
    uint64_t bits = 0;
    kb_mathop less = op == KB_REDUCEOP_ARGMAX ? KB_MATHOP_GT : KB_MATHOP_LT;
    CHECK_EQ(kb_scalar_math(less, dtype, KB_BOOL, a, b, 0, &bits, NULL), KB_OK);
    bool is_float = kb_dtype_get_kind(dtype) == KB_KIND_FLOAT;
    return bits || (is_float && isnan(kb_f64_from_bits(b)) && !isnan(kb_f64_from_bits(a)));
}

static void oracle(kb_reduceop op, kb_dtype dtype, size_t first, size_t n, size_t step, size_t to) {
    static uint64_t lanes[MAX_COUNT];
    size_t nbytes = kb_dtype_nbytes(dtype);
    for (size_t i = 0; i < n; i++)
        lanes[i] = kb_scalar_load(dtype, values + (first + i * step) * nbytes);
    if (op == KB_REDUCEOP_ARGMAX || op == KB_REDUCEOP_ARGMIN) {
        int32_t best = 0;
        for (size_t i = 1; i < n; i++)
            if (beats(op, dtype, lanes[i], lanes[best])) best = (int32_t)i;
        memcpy(expected + to * 4, &best, 4);
        return;
    }
    while (n > 1) {
        size_t h = (n + 1) / 2;
        for (size_t i = 0; i < n - h; i++)
            lanes[i] = combine(op, wide_of(dtype), lanes[i], lanes[i + h]);
        n = h;
    }
    kb_scalar_store(dtype, lanes[0], expected + to * nbytes);
}

static void check(kb_reduceop op, kb_dtype dtype, int rank, const uint32_t *dims, int axis,
                  bool wild, int threads) {
    size_t outer = 1, inner = 1, n = dims[axis];
    uint32_t left[KB_MAX_RANK];
    for (int d = 0, to = 0; d < rank; d++) {
        if (d < axis) outer *= dims[d];
        if (d > axis) inner *= dims[d];
        if (d != axis) left[to++] = dims[d];
    }
    bool is_index = op == KB_REDUCEOP_ARGMAX || op == KB_REDUCEOP_ARGMIN;
    kb_dtype result = is_index ? KB_INT32 : dtype;
    fill(dtype, outer * n * inner, wild);
    for (size_t o = 0; o < outer; o++)
        for (size_t i = 0; i < inner; i++)
            oracle(op, dtype, o * n * inner + i, n, inner, o * inner + i);
    for (int number = 0; rig_isa(number); number++) {
        rig r;
        kb_replay_options options = {.threads = threads, .isa = rig_isa(number)};
        rig_init(&r, &options);
        kb_va va = rig_tensor(&r, dtype, outer * n * inner, values);
        rig_load(&r, rig_box(dtype, rank, dims, va), 1, NULL);
        kb_payload payload = {
            .result = rig_tile(result, rank - 1, left, 2), .n_operands = 1, .axis = (uint8_t)axis};
        payload.operand[0] = rig_tile(dtype, rank, dims, 1);
        rig_append(&r, KB_OP_REDUCE, (int)op, &payload);
        if (!CHECK_EQ(rig_run(&r), KB_OK)) printf("# %s\n", r.err.message);
        int64_t nbytes = 0;
        const void *got = kb_replay_tile(r.replay, 2, &nbytes);
        CHECK_EQ(nbytes, outer * inner * kb_dtype_nbytes(result));
        if (!CHECK(got && memcmp(got, expected, (size_t)nbytes) == 0))
            printf("# %s: %s of %s, axis %d, %zu x %zu x %zu\n", options.isa, kb_reduceop_name(op),
                   kb_dtype_name(dtype), axis, outer, n, inner);
        rig_free(&r);
    }
}

static bool is_defined(int op, int dtype) {
    return op != KB_REDUCEOP_XOR || kb_dtype_get_kind((kb_dtype)dtype) != KB_KIND_FLOAT;
}

static void every_operation_on_every_dtype(void) {
    const uint32_t dims[] = {3, 37, 19};
    for (int op = 0; op < KB_REDUCEOP_COUNT; op++)
        for (int dtype = 0; dtype < KB_DTYPE_COUNT; dtype++)
            for (int axis = 0; axis < 3 && is_defined(op, dtype); axis++)
                check((kb_reduceop)op, (kb_dtype)dtype, 3, dims, axis, false, 1);
}

static void every_length(void) {
    for (uint32_t n = 1; n < 80; n++) {
        const uint32_t dims[] = {4, n};
        check(KB_REDUCEOP_SUM, KB_FLOAT32, 2, dims, 1, false, 1);
        check(KB_REDUCEOP_ARGMAX, KB_FLOAT16, 2, dims, 1, true, 1);
        const uint32_t turned[] = {n, 9};
        check(KB_REDUCEOP_SUM, KB_FLOAT32, 2, turned, 0, false, 1);
    }
    const uint32_t line[] = {100001}, wide[] = {7, 20000}, tall[] = {40000, 5};
    check(KB_REDUCEOP_SUM, KB_FLOAT32, 1, line, 0, false, 1);
    check(KB_REDUCEOP_ARGMIN, KB_INT32, 1, line, 0, false, 1);
    check(KB_REDUCEOP_SUM, KB_FLOAT16, 2, wide, 0, false, 1);
    check(KB_REDUCEOP_MAX, KB_BFLOAT16, 2, tall, 0, false, 1);
}

static void nans(void) {
    static const kb_dtype dtypes[] = {KB_FLOAT16, KB_FLOAT32, KB_FLOAT64, KB_FLOAT8E4NV};
    for (uint32_t n = 1; n < 9; n++)
        for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; i++)
            for (int op = 0; op < KB_REDUCEOP_COUNT; op++) {
                const uint32_t dims[] = {50, n};
                if (is_defined(op, (int)dtypes[i]))
                    check((kb_reduceop)op, dtypes[i], 2, dims, 1, true, 1);
            }
    /* A row of one element is a result, too: its NaN becomes the canonical one. */
    rig r;
    rig_init(&r, NULL);
    const uint32_t odd_nan[] = {0xffc12345}, dims[] = {1, 1}, left[] = {1};
    rig_load(&r, rig_box(KB_FLOAT32, 2, dims, rig_tensor(&r, KB_FLOAT32, 1, odd_nan)), 1, NULL);
    kb_payload payload = {.result = rig_tile(KB_FLOAT32, 1, left, 2), .n_operands = 1};
    payload.operand[0] = rig_tile(KB_FLOAT32, 2, dims, 1);
    rig_append(&r, KB_OP_REDUCE, KB_REDUCEOP_SUM, &payload);
    CHECK_EQ(rig_run(&r), KB_OK);
    int64_t nbytes;
    const uint32_t *got = kb_replay_tile(r.replay, 2, &nbytes);
    CHECK(got && *got == KB_F32_NAN);
    rig_free(&r);
}

static void any_number_of_threads(void) {
    const uint32_t dims[] = {31, 64, 33};
    for (int threads = 1; threads <= 4; threads++)
        for (int axis = 0; axis < 3; axis++)
            check(KB_REDUCEOP_SUM, KB_FLOAT32, 3, dims, axis, false, threads);
}

/* --- permutations ---------------------------------------------------------------------------- */

static void check_trans(kb_dtype dtype, int rank, const uint32_t *dims, const int *axes) {
    size_t count = 1, nbytes = kb_dtype_nbytes(dtype), stride[KB_MAX_RANK];
    uint32_t turned[KB_MAX_RANK], index[KB_MAX_RANK] = {0};
    kb_payload payload = {.n_operands = 1};
    for (int d = rank; d-- > 0; count *= dims[d]) stride[d] = count;
    for (int d = 0; d < rank; d++) {
        turned[d] = dims[axes[d]];
        payload.permutation |= (uint64_t)axes[d] << (4 * d);
    }
    for (size_t i = 0; i < count * nbytes; i++) values[i] = (unsigned char)rig_random(&state);
    if (dtype == KB_BOOL)
        for (size_t i = 0; i < count; i++) values[i] &= 1;
    rig r;
    rig_init(&r, NULL);
    rig_load(&r, rig_box(dtype, rank, dims, rig_tensor(&r, dtype, count, values)), 1, NULL);
    payload.result = rig_tile(dtype, rank, turned, 2);
    payload.operand[0] = rig_tile(dtype, rank, dims, 1);
    rig_append(&r, KB_OP_TRANS, 0, &payload);
    if (!CHECK_EQ(rig_run(&r), KB_OK)) printf("# %s\n", r.err.message);
    int64_t there;
    const unsigned char *got = kb_replay_tile(r.replay, 2, &there);
    size_t wrong = 0;
    for (size_t i = 0; got && i < count; i++) {
        size_t from = 0;
        for (int d = 0; d < rank; d++) from += index[d] * stride[axes[d]];
        wrong += memcmp(got + i * nbytes, values + from * nbytes, nbytes) != 0;
        for (int d = rank; d-- > 0 && ++index[d] == turned[d];) index[d] = 0;
    }
    CHECK_EQ(wrong, 0);
    rig_free(&r);
}

static void permutations(void) {
    static const kb_dtype dtypes[] = {KB_BOOL, KB_INT8, KB_FLOAT16, KB_FLOAT32, KB_INT64};
    static const uint32_t shapes[][KB_MAX_RANK] = {
        {9}, {33, 70}, {1, 40}, {16, 16}, {5, 17, 6}, {3, 4, 5, 6}, {2, 3, 4, 5, 6}};
    static const int ranks[] = {1, 2, 2, 2, 3, 4, 5};
    for (size_t t = 0; t < sizeof dtypes / sizeof *dtypes; t++)
        for (int s = 0; s < 7; s++)
            for (int trial = 0; trial < 12; trial++) {
                int axes[KB_MAX_RANK] = {0, 1, 2, 3, 4};
                for (int d = ranks[s] - 1; d > 0; d--) {
                    int other = (int)(rig_random(&state) % (uint64_t)(d + 1)), axis = axes[d];
                    axes[d] = axes[other];
                    axes[other] = axis;
                }
                check_trans(dtypes[t], ranks[s], shapes[s], axes);
            }
}

static void refuses_what_does_not_fit(void) {
    const float x[6] = {1};
    const uint32_t dims[] = {2, 3}, three[] = {3}, turned[] = {3, 2};
    for (int i = 0; i < 5; i++) {
        rig r;
        rig_init(&r, NULL);
        rig_load(&r, rig_box(KB_FLOAT32, 2, dims, rig_tensor(&r, KB_FLOAT32, 6, x)), 1, NULL);
        kb_payload payload = {.n_operands = 1, .permutation = 0x01};
        payload.operand[0] = rig_tile(KB_FLOAT32, 2, dims, 1);
        if (i < 2) payload.result = rig_tile(KB_FLOAT32, 2, i ? turned : dims, 2);
        else payload.result = rig_tile(i == 2 ? KB_INT32 : KB_FLOAT32, 1, three, 2);
        if (i == 1) payload.permutation = 0x00;
        if (i == 3) payload.axis = 2;
        rig_append(&r, i < 2 ? KB_OP_TRANS : KB_OP_REDUCE,
                   i == 4 ? KB_REDUCEOP_XOR : KB_REDUCEOP_SUM, &payload);
        CHECK_EQ(rig_run(&r), KB_INTERNAL);
        CHECK_EQ(kb_replay_tiles(r.replay), 1);
        rig_free(&r);
    }
}

int main(void) {
    TAP_RUN(every_operation_on_every_dtype);
    TAP_RUN(every_length);
    TAP_RUN(nans);
    TAP_RUN(any_number_of_threads);
    TAP_RUN(permutations);
    TAP_RUN(refuses_what_does_not_fit);
    return tap_finish();
}
