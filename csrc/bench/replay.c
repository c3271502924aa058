/* Speed of replay's arithmetic, one thread: GFLOP/s of dots, nanoseconds an element of the rest.
 *
 *     replay [isa]
 *
 * Compare with NumPy and its OpenBLAS on the same machine, one thread, OPENBLAS_CORETYPE unset. */
#define _POSIX_C_SOURCE 199309L

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "replay/gemm.h"
#include "replay/math.h"
#include "replay/reduce.h"
#include "replay/trans.h"

static kb_alloc alloc;
static kb_tiles tiles;
static kb_exec exec;
static kb_error err;

static double now(void) {
    struct timespec t;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static kb_operand tile(kb_dtype dtype, uint32_t m, uint32_t n, uint64_t version) {
    return (kb_operand){KB_OPERAND_TILE, (uint8_t)dtype, 2, false, {m, n, 1, 1, 1}, version, NULL};
}

static void make(kb_operand operand) {
    size_t count = (size_t)operand.dims[0] * operand.dims[1];
    float *values = malloc(count * sizeof *values);
    void *data = kb_tiles_add(&tiles, operand.bits, count * kb_dtype_nbytes(operand.dtype));
    if (!values || !data) exit(1);
    for (size_t i = 0; i < count; i++) values[i] = 1.0f + (float)(i * 7919 % 4001) / 1000;
    kb_dtype_convert(operand.dtype, data, KB_FLOAT32, values, count);
    free(values);
}

static kb_status once(kb_opkind kind, int op, const kb_payload *payload) {
    kb_status status = kind == KB_OP_GEMM     ? kb_gemm_run(&exec, payload, &err)
                       : kind == KB_OP_REDUCE ? kb_reduce_run(&exec, (kb_reduceop)op, payload, &err)
                       : kind == KB_OP_TRANS  ? kb_trans_run(&exec, payload, &err)
                                              : kb_math_run(&exec, (kb_mathop)op, payload, &err);
    kb_tiles_end_record(&tiles);
    kb_tiles_drop(&tiles, payload->result.bits);
    return status;
}

/* The best of several, in seconds of processor time, so that other programs do not count. */
static double measure(kb_opkind kind, int op, const kb_payload *payload) {
    double best = 1e9;
    for (int round = 0; round < 20; round++) {
        double begin = now(), end = begin;
        int n = 0;
        for (; end - begin < 0.004; n++, end = now())
            if (once(kind, op, payload)) {
                printf("%s\n", err.message);
                exit(1);
            }
        if ((end - begin) / n < best) best = (end - begin) / n;
    }
    return best;
}

static void clear(void) {
    kb_tiles_deinit(&tiles);
    kb_tiles_init(&tiles, &alloc);
}

static void dots(void) {
    static const uint32_t sizes[][3] = {{512, 512, 512}, {128, 128, 64},  {128, 128, 128},
                                        {64, 64, 64},    {256, 256, 256}, {2048, 2048, 256}};
    static const kb_dtype dtypes[] = {KB_FLOAT32,    KB_FLOAT16, KB_BFLOAT16,
                                      KB_FLOAT8E4NV, KB_INT8,    KB_FLOAT64};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        uint32_t m = sizes[i][0], n = sizes[i][1], k = sizes[i][2];
        printf("dot %ux%ux%u  ", m, n, k);
        for (size_t j = 0; j < sizeof dtypes / sizeof *dtypes; j++) {
            kb_dtype sums = dtypes[j] == KB_INT8      ? KB_INT32
                            : dtypes[j] == KB_FLOAT64 ? KB_FLOAT64
                                                      : KB_FLOAT32;
            kb_payload p = {.result = tile(sums, m, n, 3), .n_operands = 2};
            p.operand[0] = tile(dtypes[j], m, k, 1);
            p.operand[1] = tile(dtypes[j], k, n, 2);
            make(p.operand[0]);
            make(p.operand[1]);
            double seconds = measure(KB_OP_GEMM, 0, &p);
            printf(" %s %.1f", kb_dtype_name(dtypes[j]), 2e-9 * m * n * k / seconds);
            clear();
        }
        printf(" GFLOP/s\n");
    }
}

static void element_wise(void) {
    static const kb_dtype dtypes[] = {KB_FLOAT32,  KB_FLOAT16, KB_BFLOAT16, KB_FLOAT8E4NV,
                                      KB_FLOAT8E5, KB_FLOAT64, KB_INT32,    KB_INT8};
    static const kb_mathop ops[] = {
        KB_MATHOP_ADD, KB_MATHOP_MUL,  KB_MATHOP_MAX,     KB_MATHOP_LT,
        KB_MATHOP_DIV, KB_MATHOP_SQRT, KB_MATHOP_EXP,     KB_MATHOP_EXP2,
        KB_MATHOP_LOG, KB_MATHOP_LOG2, KB_MATHOP_SIN,     KB_MATHOP_TANH,
        KB_MATHOP_ERF, KB_MATHOP_POW,  KB_MATHOP_SIGMOID, KB_MATHOP_RSQRT};
    enum { M = 128, N = 128 };
    for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; i++) {
        kb_dtype dtype = dtypes[i];
        printf("%-10s", kb_dtype_name(dtype));
        kb_payload p = {.result = tile(dtype, M, N, 3)};
        p.operand[0] = tile(dtype, M, N, 1);
        p.operand[1] = tile(dtype, M, N, 2);
        make(p.operand[0]);
        make(p.operand[1]);
        for (size_t j = 0; j < sizeof ops / sizeof *ops; j++) {
            if (!exec.isa->math[kb_lane_of(dtype)][ops[j]]) continue;
            p.n_operands = (uint32_t)kb_mathop_arity(ops[j]);
            bool compares = kb_mathop_result(ops[j]) == KB_RESULT_BOOL;
            p.result.dtype = (uint8_t)(compares ? KB_BOOL : dtype);
            printf(" %s %.2f", kb_mathop_name(ops[j]),
                   measure(KB_OP_MATH, (int)ops[j], &p) * 1e9 / (M * N));
        }
        p.result.dtype = (uint8_t)dtype;
        p.operand[1].dims[0] = 1;
        kb_tiles_drop(&tiles, 2);
        make(p.operand[1]);
        p.n_operands = 2;
        printf(" add-row %.2f", measure(KB_OP_MATH, KB_MATHOP_ADD, &p) * 1e9 / (M * N));
        p.operand[1].dims[0] = M;
        p.operand[1].dims[1] = 1;
        kb_tiles_drop(&tiles, 2);
        make(p.operand[1]);
        printf(" add-column %.2f", measure(KB_OP_MATH, KB_MATHOP_ADD, &p) * 1e9 / (M * N));
        p.n_operands = 1;
        p.result.dtype = KB_FLOAT32;
        printf(" to-float32 %.2f", measure(KB_OP_MATH, KB_MATHOP_CAST, &p) * 1e9 / (M * N));
        p.result =
            (kb_operand){KB_OPERAND_TILE, (uint8_t)dtype, 1, false, {M, 1, 1, 1, 1}, 3, NULL};
        for (p.axis = 0; p.axis < 2; p.axis++)
            for (int op = KB_REDUCEOP_SUM; op <= KB_REDUCEOP_MAX; op++)
                printf(" %s%d %.2f", kb_reduceop_name((kb_reduceop)op), p.axis,
                       measure(KB_OP_REDUCE, op, &p) * 1e9 / (M * N));
        p.result = tile(dtype, N, M, 3);
        p.permutation = 0x01;
        printf(" trans %.2f ns\n", measure(KB_OP_TRANS, 0, &p) * 1e9 / (M * N));
        clear();
    }
}

int main(int argc, char **argv) {
    alloc = kb_alloc_system();
    kb_tiles_init(&tiles, &alloc);
    exec.tiles = &tiles;
    if (kb_isa_find(argc > 1 ? argv[1] : NULL, &exec.isa, &err) ||
        kb_crew_create(&alloc, 1, &exec.crew, &err)) {
        printf("%s\n", err.message);
        return 1;
    }
    printf("isa %s\n", exec.isa->name);
    dots();
    element_wise();
    kb_crew_destroy(exec.crew);
    kb_tiles_deinit(&tiles);
    return 0;
}
