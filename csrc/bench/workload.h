/* What the benchmarks share: the random numbers, arguments and checks of the peers that they are compared
 * with, so that every implementation does the same work and says the same of its result.
 *
 *     peers [longer=K] [mode=train|flit] BENCH impl=NAME key=value ...
 *
 * prints one line of JSON; status 3: no such bench.
 *
 * longer=K says that n is K times what the peers are given (they are given less, being slower), so the
 * check of mm1, a sum over all customers, is taken after n / K of them.
 */
#ifndef KB_BENCH_WORKLOAD_H
#define KB_BENCH_WORKLOAD_H

#include <stdint.h>

/* PCG32 (XSH-RR) by stream. */
typedef struct bench_random {
    uint64_t state, increment;
} bench_random;

bench_random bench_random_make(uint64_t seed, uint64_t stream);
uint32_t bench_random_next(bench_random *random);

/* A whole number of picoseconds >= 1, exponential. */
uint64_t bench_exponential_ps(bench_random *random, double mean_ps);

/* An order-dependent sum. */
static inline uint64_t bench_mix(uint64_t sum, uint64_t value) {
    return (sum ^ value) * UINT64_C(0x100000001b3) + UINT64_C(0x9e3779b97f4a7c15);
}

typedef struct bench_args {
    int n;
    char **items; /* "key=value" */
    int longer;
} bench_args;

const char *bench_text(bench_args args, const char *key, const char *otherwise);
double bench_number(bench_args args, const char *key, double otherwise);

typedef struct bench_clock {
    double wall_s, cpu_s;
} bench_clock;

bench_clock bench_now(void);

/* Prints the line.  `extra` is "" or more JSON after a comma. */
void bench_report(const char *bench, bench_args args, double n_ops, double n_events,
                  bench_clock begin, bench_clock end, uint64_t check, const char *extra);

/* One function a bench; the result is the exit status. */
int bench_hold(bench_args args);
int bench_mm1(bench_args args);
int bench_pipeline(bench_args args);
int bench_fabric(bench_args args);
int bench_mesh(bench_args args);
int bench_crowd(bench_args args);
int bench_plain_hold(bench_args args);
int bench_plain_pipeline(bench_args args);
int bench_memory(bench_args args);

#endif
