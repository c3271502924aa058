/* Dots of every instruction set against a chain of fmaf, bit by bit. */
#include <math.h>

#include "replay_rig.h"

static const kb_operand none;

enum { MAX_ELEMENTS = 1 << 17 };

static uint64_t state = 42;

/* Numbers of many magnitudes, a few zeros of both signs; with `wild`, infinities and NaNs too. */
static double number(bool wild) {
    uint64_t bits = rig_random(&state);
    int kind = (int)(bits >> 20 & 255);
    if (kind == 0) return 0.0;
    if (kind == 1) return -0.0;
    if (wild && kind == 2) return INFINITY;
    if (wild && kind == 3) return NAN;
    double magnitude = 1.0 + (double)(bits >> 32) * 0x1p-32;
    return ldexp(bits & 1 ? magnitude : -magnitude, (int)(bits >> 1 & 7) - 4);
}

static void fill(kb_dtype dtype, void *values, size_t count, bool wild) {
    for (size_t i = 0; i < count; i++) {
        double value = number(wild);
        int64_t integer = (int64_t)rig_random(&state);
        unsigned char *to = (unsigned char *)values + i * kb_dtype_nbytes(dtype);
        if (kb_dtype_get_kind(dtype) == KB_KIND_FLOAT)
            kb_dtype_convert(dtype, to, KB_FLOAT64, &value, 1);
        else kb_dtype_convert(dtype, to, KB_INT64, &integer, 1);
    }
}

typedef struct problem {
    uint32_t m, n, k;
    kb_dtype a, b, acc, c; /* acc KB_DTYPE_COUNT: none */
    kb_precision precision;
    bool in_place, wild;
    int threads;
} problem;

static float tf32_of(float x) {
    uint32_t bits = kb_f32_bits(x);
    if (!isfinite(x)) return x;
    /* To nearest, ties away from zero: half a last place added to the magnitude, the rest cut
     * off. */
    return kb_f32_from_bits((bits + (1u << 12)) >> 13 << 13);
}

/* One element by the definition: widen, one chain, round once. */
static void oracle(const problem *p, const void *a, const void *b, const void *acc, size_t i,
                   size_t j, void *result) {
    size_t asize = kb_dtype_nbytes(p->a), bsize = kb_dtype_nbytes(p->b),
           csize = kb_dtype_nbytes(p->c);
    bool has_acc = p->acc != KB_DTYPE_COUNT;
    const unsigned char *at = (const unsigned char *)acc + (i * p->n + j) * csize;
    float sum32 = 0.0f;
    double sum64 = 0.0;
    int64_t sum_int = 0;
    if (has_acc && p->c == KB_INT32) kb_dtype_convert(KB_INT64, &sum_int, p->acc, at, 1);
    else if (has_acc) {
        kb_dtype_convert(KB_FLOAT32, &sum32, p->acc, at, 1);
        kb_dtype_convert(KB_FLOAT64, &sum64, p->acc, at, 1);
    }
    for (size_t k = 0; k < p->k; k++) {
        const unsigned char *ap = (const unsigned char *)a + (i * p->k + k) * asize;
        const unsigned char *bp = (const unsigned char *)b + (k * p->n + j) * bsize;
        if (p->c == KB_INT32) {
            int64_t x, y;
            kb_dtype_convert(KB_INT64, &x, p->a, ap, 1);
            kb_dtype_convert(KB_INT64, &y, p->b, bp, 1);
            sum_int = (int32_t)(sum_int + x * y);
        } else if (p->a == KB_FLOAT64) {
            double x, y;
            memcpy(&x, ap, 8);
            memcpy(&y, bp, 8);
            sum64 = fma(x, y, sum64);
        } else {
            float x, y;
            kb_dtype_convert(KB_FLOAT32, &x, p->a, ap, 1);
            kb_dtype_convert(KB_FLOAT32, &y, p->b, bp, 1);
            if (p->precision == KB_TF32 && p->a == KB_FLOAT32) x = tf32_of(x), y = tf32_of(y);
            sum32 = fmaf(x, y, sum32);
        }
    }
    if (p->c == KB_INT32) kb_dtype_convert(p->c, result, KB_INT64, &sum_int, 1);
    else if (p->a == KB_FLOAT64) {
        if (isnan(sum64)) sum64 = kb_f64_from_bits(KB_F64_NAN);
        kb_dtype_convert(p->c, result, KB_FLOAT64, &sum64, 1);
    } else {
        if (isnan(sum32)) sum32 = kb_f32_from_bits(KB_F32_NAN);
        kb_dtype_convert(p->c, result, KB_FLOAT32, &sum32, 1);
    }
}

static unsigned char a_values[MAX_ELEMENTS * 8], b_values[MAX_ELEMENTS * 8],
    acc_values[MAX_ELEMENTS * 8];
static unsigned char expected[MAX_ELEMENTS * 8];

/* Every instruction set gives the oracle's bits. */
static void check(const problem *p) {
    size_t csize = kb_dtype_nbytes(p->c), count = (size_t)p->m * p->n;
    fill(p->a, a_values, (size_t)p->m * p->k, p->wild);
    fill(p->b, b_values, (size_t)p->k * p->n, p->wild);
    fill(p->c, acc_values, count, p->wild);
    for (size_t i = 0; i < p->m; i++)
        for (size_t j = 0; j < p->n; j++)
            oracle(p, a_values, b_values, acc_values, i, j, expected + (i * p->n + j) * csize);
    const uint32_t da[] = {p->m, p->k}, db[] = {p->k, p->n}, dc[] = {p->m, p->n};
    for (int number_of = 0; rig_isa(number_of); number_of++) {
        rig r;
        kb_replay_options options = {.threads = p->threads, .isa = rig_isa(number_of)};
        rig_init(&r, &options);
        kb_va va = rig_tensor(&r, p->a, (size_t)p->m * p->k, a_values);
        kb_va vb = rig_tensor(&r, p->b, (size_t)p->k * p->n, b_values);
        kb_va vc = rig_tensor(&r, p->c, count, acc_values);
        rig_load(&r, rig_box(p->a, 2, da, va), 1, NULL);
        rig_load(&r, rig_box(p->b, 2, db, vb), 2, NULL);
        rig_load(&r, rig_box(p->c, 2, dc, vc), 3, NULL);
        kb_payload payload = {.result = rig_tile(p->c, 2, dc, 4),
                              .n_operands = 3,
                              .precision = (uint8_t)p->precision};
        payload.operand[0] = rig_tile(p->a, 2, da, 1);
        payload.operand[1] = rig_tile(p->b, 2, db, 2);
        if (p->acc != KB_DTYPE_COUNT) payload.operand[2] = rig_tile(p->c, 2, dc, 3);
        payload.operand[2].last_use = p->in_place;
        rig_append(&r, KB_OP_GEMM, 0, &payload);
        int64_t nbytes = 0;
        if (!CHECK_EQ(rig_run(&r), KB_OK)) printf("# %s\n", r.err.message);
        else {
            const void *got = kb_replay_tile(r.replay, 4, &nbytes);
            CHECK_EQ(nbytes, count * csize);
            if (!CHECK(got && memcmp(got, expected, count * csize) == 0))
                printf("# %s: %u x %u x %u of %s to %s\n", options.isa, p->m, p->n, p->k,
                       kb_dtype_name(p->a), kb_dtype_name(p->c));
            CHECK_EQ(kb_replay_tiles(r.replay), p->in_place ? 3 : 4);
        }
        rig_free(&r);
    }
}

static problem plain(uint32_t m, uint32_t n, uint32_t k, kb_dtype in, kb_dtype out) {
    return (problem){m, n, k, in, in, KB_DTYPE_COUNT, out, KB_IEEE, false, false, 1};
}

static void sizes_around_every_edge(void) {
    static const uint32_t ms[] = {1, 2, 5, 6, 7, 12, 13, 144, 145},
                          ns[] = {1, 7, 8, 9, 15, 16, 17, 31, 33, 64};
    static const uint32_t ks[] = {1, 2, 17, 64};
    for (size_t i = 0; i < sizeof ms / sizeof *ms; i++)
        for (size_t j = 0; j < sizeof ns / sizeof *ns; j++)
            for (size_t l = 0; l < sizeof ks / sizeof *ks; l++) {
                problem p = plain(ms[i], ns[j], ks[l], KB_FLOAT32, KB_FLOAT32);
                check(&p);
            }
}

static void depths_around_every_edge(void) {
    static const uint32_t ks[] = {191, 192, 193, 383, 384, 385, 769, 3073};
    for (size_t l = 0; l < sizeof ks / sizeof *ks; l++) {
        problem p = plain(14, 35, ks[l], KB_FLOAT32, KB_FLOAT32);
        check(&p);
        p.acc = KB_FLOAT32;
        p.in_place = true;
        check(&p);
        p = plain(14, 19, ks[l], KB_FLOAT64, KB_FLOAT64);
        check(&p);
        p = plain(14, 35, ks[l], KB_INT8, KB_INT32);
        check(&p);
    }
}

static void every_dtype(void) {
    static const kb_dtype in[] = {KB_FLOAT8E4NV, KB_FLOAT8E5, KB_FLOAT16,
                                  KB_BFLOAT16,   KB_FLOAT32,  KB_FLOAT64};
    for (size_t i = 0; i < sizeof in / sizeof *in; i++)
        for (size_t j = 0; j < sizeof in / sizeof *in; j++)
            for (int variant = 0; variant < 3; variant++) {
                problem p = plain(20, 33, 70, in[i], in[j]);
                if (variant) p.acc = p.c;
                p.in_place = variant == 2;
                /* An accumulator whose buffer becomes the result's, or one that is dropped. */
                check(&p);
            }
    for (int variant = 0; variant < 3; variant++) {
        problem p = plain(20, 33, 70, variant & 1 ? KB_UINT8 : KB_INT8, KB_INT32);
        if (variant == 2) p.acc = KB_INT32, p.in_place = true;
        check(&p);
    }
    problem mixed = plain(9, 10, 11, KB_FLOAT8E4NV, KB_FLOAT32);
    mixed.b = KB_FLOAT8E5;
    check(&mixed);
}

static void precisions(void) {
    static const kb_precision precisions[] = {KB_TF32, KB_TF32X3};
    for (int i = 0; i < 2; i++) {
        problem p = plain(20, 33, 70, KB_FLOAT32, KB_FLOAT32);
        p.precision = precisions[i];
        check(&p);
        p.wild = true;
        p.acc = KB_FLOAT32;
        check(&p);
        p = plain(7, 8, 9, KB_FLOAT16, KB_FLOAT32);
        p.precision = precisions[i];
        check(&p);
    }
}

static void nans_and_infinities(void) {
    static const kb_dtype dtypes[] = {KB_FLOAT16, KB_BFLOAT16, KB_FLOAT32, KB_FLOAT64, KB_FLOAT8E5};
    for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; i++) {
        problem p = plain(40, 40, 5, dtypes[i], dtypes[i]);
        p.wild = true;
        p.acc = dtypes[i];
        check(&p);
    }
}

/* Sums whose exact value lies just beside a tie of float: rounding twice would go the other way. */
static void chains_round_once(void) {
    enum { N = 64 };
    const uint32_t dims[] = {N, 1}, row[] = {1, N}, square[] = {N, N};
    float a[N], b[N], acc[N * N];
    for (int i = 0; i < N; i++) {
        a[i] = 1.0f + (float)(i * 977 + 1) * 0x1p-23f;
        b[i] = ldexpf(1.0f + (float)(i * 1409 + 3) * 0x1p-23f, -(i % 40));
    }
    for (int i = 0; i < N * N; i++)
        acc[i] = ldexpf((float)(i * 7919 % 16777216 | 1), (i % 90) - 60);
    for (int number_of = 0; rig_isa(number_of); number_of++) {
        rig r;
        kb_replay_options options = {.threads = 1, .isa = rig_isa(number_of)};
        rig_init(&r, &options);
        rig_load(&r, rig_box(KB_FLOAT32, 2, dims, rig_tensor(&r, KB_FLOAT32, N, a)), 1, NULL);
        rig_load(&r, rig_box(KB_FLOAT32, 2, row, rig_tensor(&r, KB_FLOAT32, N, b)), 2, NULL);
        rig_load(&r, rig_box(KB_FLOAT32, 2, square, rig_tensor(&r, KB_FLOAT32, N * N, acc)), 3,
                 NULL);
        rig_op(&r, KB_OP_GEMM, 0, rig_tile(KB_FLOAT32, 2, square, 4),
               rig_tile(KB_FLOAT32, 2, dims, 1), rig_tile(KB_FLOAT32, 2, row, 2),
               rig_tile(KB_FLOAT32, 2, square, 3));
        CHECK_EQ(rig_run(&r), KB_OK);
        int64_t nbytes;
        const float *got = kb_replay_tile(r.replay, 4, &nbytes);
        for (int i = 0; got && i < N * N; i++)
            CHECK_EQ(kb_f32_bits(got[i]), kb_f32_bits(fmaf(a[i / N], b[i % N], acc[i])));
        rig_free(&r);
    }
}

static void any_number_of_threads(void) {
    for (int threads = 1; threads <= 4; threads++) {
        state = 5;
        problem p = plain(200, 40, 300, KB_FLOAT32, KB_FLOAT32);
        p.threads = threads;
        check(&p);
    }
}

static void refuses_what_does_not_fit(void) {
    rig r;
    rig_init(&r, NULL);
    const float x[16] = {1};
    const uint32_t dims[] = {4, 4}, wide[] = {4, 5};
    kb_va va = rig_tensor(&r, KB_FLOAT32, 16, x);
    kb_operand a = rig_tile(KB_FLOAT32, 2, dims, 1);
    rig_load(&r, rig_box(KB_FLOAT32, 2, dims, va), 1, NULL);
    rig_op(&r, KB_OP_GEMM, 0, rig_tile(KB_FLOAT32, 2, wide, 2), a, a, none);
    CHECK_EQ(rig_run(&r), KB_INTERNAL);
    CHECK_STR(r.err.message,
              "kernel:2: dot: expected tiles (M, K) @ (K, N) -> (M, N) (PE 3, program 7)");
    rig_free(&r);
    rig_init(&r, NULL);
    va = rig_tensor(&r, KB_FLOAT32, 16, x);
    rig_load(&r, rig_box(KB_FLOAT32, 2, dims, va), 1, NULL);
    rig_op(&r, KB_OP_GEMM, 0, rig_tile(KB_INT32, 2, dims, 2), a, a, none);
    CHECK_EQ(rig_run(&r), KB_INTERNAL);
    CHECK_EQ(kb_replay_tiles(r.replay), 1);
    rig_free(&r);
}

int main(void) {
    TAP_RUN(sizes_around_every_edge);
    TAP_RUN(depths_around_every_edge);
    TAP_RUN(every_dtype);
    TAP_RUN(precisions);
    TAP_RUN(nans_and_infinities);
    TAP_RUN(chains_round_once);
    TAP_RUN(any_number_of_threads);
    TAP_RUN(refuses_what_does_not_fit);
    return tap_finish();
}
