/* Speed of replay's arithmetic: a line of JSON for each figure.
 *
 *     bench_replay [isa=NAME] [threads=N] [only=dot|math|thread|asked]
 *
 * Nanoseconds an element, and GFLOP/s of dots; the best of several, in CPU time, so that other
 * programs count little.  With threads=N the time is that of the clock on the wall.  only=asked measures
 * once what each line of standard input names, "float32 add row": a peer takes turns with it. */
#define _POSIX_C_SOURCE 199309L

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/workload.h"
#include "kernel/scalar.h"
#include "replay/gemm.h"
#include "replay/math.h"
#include "replay/reduce.h"
#include "replay/trans.h"

enum { M = 128, N = 128, ROUNDS = 8 };

static kb_alloc alloc;
static kb_tiles tiles;
static kb_exec exec;
static kb_error err;
static bool by_wall;
static int n_rounds = ROUNDS;
static const char *asked = ""; /* the one operation that is measured; "": all */

static double now(void) {
    bench_clock clock = bench_now();
    return by_wall ? clock.wall_s : clock.cpu_s;
}

static kb_operand tile(kb_dtype dtype, uint32_t m, uint32_t n, uint64_t version) {
    return (kb_operand){KB_OPERAND_TILE, (uint8_t)dtype, 2, false, {m, n, 1, 1, 1}, version, NULL};
}

/* The values are 1.000 to 5.000, and small shifts for integers. */
static void make(kb_operand operand) {
    size_t count = (size_t)operand.dims[0] * operand.dims[1];
    float *values = malloc(count * sizeof *values);
    kb_tiles_drop(&tiles, operand.bits);
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

static void must(kb_status status) {
    if (!status) return;
    (void)fprintf(stderr, "%s\n", err.message);
    exit(1);
}

/* Seconds of one execution, after one that warms the caches. */
static double measure(kb_opkind kind, int op, const kb_payload *payload) {
    double best = 1e9;
    must(once(kind, op, payload));
    for (int round = 0; round < n_rounds; round++) {
        double begin = now(), end = begin;
        int n = 0;
        for (; end - begin < (by_wall ? 0.05 : 0.002); n++, end = now())
            must(once(kind, op, payload));
        if ((end - begin) / n < best) best = (end - begin) / n;
    }
    return best;
}

static void report(const char *what, kb_dtype dtype, double value, const char *unit) {
    printf("{\"what\":\"%s\",\"dtype\":\"%s\",\"value\":%.4f,\"unit\":\"%s\"}\n", what,
           kb_dtype_name(dtype), value, unit);
    (void)fflush(stdout);
}

static bool is_asked(const char *what) {
    return !*asked || strcmp(asked, what) == 0;
}

static void report_elements(const char *what, kb_dtype dtype, kb_opkind kind, int op,
                            const kb_payload *payload) {
    if (is_asked(what)) report(what, dtype, measure(kind, op, payload) * 1e9 / (M * N), "ns");
}

static void dot(kb_dtype dtype, uint32_t m, uint32_t n, uint32_t k) {
    kb_dtype sums = dtype == KB_INT8 ? KB_INT32 : dtype == KB_FLOAT64 ? KB_FLOAT64 : KB_FLOAT32;
    kb_payload p = {.result = tile(sums, m, n, 3), .n_operands = 2};
    p.operand[0] = tile(dtype, m, k, 1);
    p.operand[1] = tile(dtype, k, n, 2);
    make(p.operand[0]);
    make(p.operand[1]);
    char what[64];
    (void)snprintf(what, sizeof what, "dot %ux%ux%u", m, n, k);
    report(what, dtype, 2e-9 * m * n * k / measure(KB_OP_GEMM, 0, &p), "GFLOP/s");
}

static void dots(void) {
    static const uint32_t sizes[][3] = {{512, 512, 512}, {128, 128, 64},  {128, 128, 128},
                                        {64, 64, 64},    {256, 256, 256}, {2048, 2048, 256}};
    static const kb_dtype dtypes[] = {KB_FLOAT32,    KB_FLOAT16, KB_BFLOAT16,
                                      KB_FLOAT8E4NV, KB_INT8,    KB_FLOAT64};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (size_t j = 0; j < sizeof dtypes / sizeof *dtypes; j++)
            dot(dtypes[j], sizes[i][0], sizes[i][1], sizes[i][2]);
}

static void math(kb_dtype dtype, kb_mathop op) {
    bool compares = kb_mathop_result(op) == KB_RESULT_BOOL;
    kb_dtype result = compares ? KB_BOOL : dtype;
    if (op <= KB_MATHOP_BITCAST || !kb_scalar_defined(op, dtype, result)) return;
    if (!is_asked(kb_mathop_name(op))) return;
    kb_payload p = {.result = tile(result, M, N, 4), .n_operands = (uint32_t)kb_mathop_arity(op)};
    for (uint32_t i = 0; i < p.n_operands; i++) {
        p.operand[i] = tile(op == KB_MATHOP_WHERE && i == 0 ? KB_BOOL : dtype, M, N, i + 1);
        make(p.operand[i]);
    }
    report_elements(kb_mathop_name(op), dtype, KB_OP_MATH, (int)op, &p);
}

static void shapes(kb_dtype dtype) {
    kb_payload p = {.result = tile(dtype, M, N, 4), .n_operands = 2};
    p.operand[0] = tile(dtype, M, N, 1);
    p.operand[1] = tile(dtype, 1, N, 2);
    make(p.operand[0]);
    make(p.operand[1]);
    report_elements("add row", dtype, KB_OP_MATH, KB_MATHOP_ADD, &p);
    p.operand[1] = tile(dtype, M, 1, 2);
    make(p.operand[1]);
    report_elements("add column", dtype, KB_OP_MATH, KB_MATHOP_ADD, &p);
    p.n_operands = 1;
    p.result.dtype = KB_FLOAT32;
    report_elements("to float32", dtype, KB_OP_MATH, KB_MATHOP_CAST, &p);
    p.result = (kb_operand){KB_OPERAND_TILE, (uint8_t)dtype, 1, false, {M, 1, 1, 1, 1}, 4, NULL};
    report_elements("sum of columns", dtype, KB_OP_REDUCE, KB_REDUCEOP_SUM, &p);
    report_elements("max of columns", dtype, KB_OP_REDUCE, KB_REDUCEOP_MAX, &p);
    p.axis = 1;
    report_elements("sum of rows", dtype, KB_OP_REDUCE, KB_REDUCEOP_SUM, &p);
    report_elements("max of rows", dtype, KB_OP_REDUCE, KB_REDUCEOP_MAX, &p);
    p.result = tile(dtype, N, M, 4);
    p.permutation = 0x01;
    report_elements("transpose", dtype, KB_OP_TRANS, 0, &p);
}

static void element_wise(kb_dtype dtype) {
    for (int op = 0; op < KB_MATHOP_COUNT; op++) math(dtype, (kb_mathop)op);
    shapes(dtype);
}

static const kb_dtype dtypes[] = {KB_FLOAT32, KB_FLOAT16, KB_BFLOAT16, KB_FLOAT8E4NV, KB_FLOAT8E5,
                                  KB_FLOAT64, KB_INT8,    KB_INT16,    KB_INT32,      KB_INT64,
                                  KB_UINT8,   KB_UINT16,  KB_UINT32,   KB_UINT64};
enum { N_DTYPES = sizeof dtypes / sizeof *dtypes };

static void answer(void) {
    char line[64], dtype[16], what[32];
    n_rounds = 1;
    asked = what;
    while (fgets(line, sizeof line, stdin) && sscanf(line, "%15s %31[^\n]", dtype, what) == 2)
        for (size_t i = 0; i < N_DTYPES; i++)
            if (strcmp(dtype, kb_dtype_name(dtypes[i])) == 0) element_wise(dtypes[i]);
}

/* Large tiles, which threads share. */
static void threads(void) {
    dot(KB_FLOAT32, 512, 512, 512);
    dot(KB_FLOAT16, 512, 512, 512);
    dot(KB_FLOAT16, 128, 128, 64);
    kb_payload p = {.result = tile(KB_FLOAT32, 2048, 512, 4), .n_operands = 1};
    p.operand[0] = tile(KB_FLOAT32, 2048, 512, 1);
    make(p.operand[0]);
    report("exp of 2048x512", KB_FLOAT32,
           measure(KB_OP_MATH, KB_MATHOP_EXP, &p) * 1e9 / (2048 * 512), "ns");
}

int main(int n_args, char **values) {
    bench_args args = {.n = n_args - 1, .items = values + 1};
    const char *only = bench_text(args, "only", "");
    int32_t n_threads = (int32_t)bench_number(args, "threads", 1);
    by_wall = bench_text(args, "threads", NULL) != NULL;
    alloc = kb_alloc_system();
    kb_tiles_init(&tiles, &alloc);
    exec.tiles = &tiles;
    must(kb_isa_find(bench_text(args, "isa", NULL), &exec.isa, &err));
    must(kb_crew_create(&alloc, n_threads > 0 ? n_threads : 1, &exec.crew, &err));
    printf("{\"isa\":\"%s\"}\n", exec.isa->name);
    (void)fflush(stdout);
    if (strcmp(only, "thread") == 0) threads();
    if (!*only || strcmp(only, "dot") == 0) dots();
    for (size_t i = 0; i < N_DTYPES; i++)
        if (!*only || strcmp(only, "math") == 0) element_wise(dtypes[i]);
    if (strcmp(only, "asked") == 0) answer();
    kb_crew_destroy(exec.crew);
    kb_tiles_deinit(&tiles);
    return 0;
}
