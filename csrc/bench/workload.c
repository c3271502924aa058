#define _POSIX_C_SOURCE 199309L
#include "bench/workload.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

bench_random bench_random_make(uint64_t seed, uint64_t stream) {
    bench_random random = {0, stream << 1 | 1};
    (void)bench_random_next(&random);
    random.state += seed;
    (void)bench_random_next(&random);
    return random;
}

uint32_t bench_random_next(bench_random *random) {
    uint64_t old = random->state;
    random->state = old * UINT64_C(6364136223846793005) + random->increment;
    uint32_t mixed = (uint32_t)((old >> 18 ^ old) >> 27), turn = (uint32_t)(old >> 59);
    return mixed >> turn | mixed << ((32 - turn) & 31);
}

uint64_t bench_exponential_ps(bench_random *random, double mean_ps) {
    double u = (bench_random_next(random) + 0.5) * (1.0 / 4294967296.0);
    return 1 + (uint64_t)(-log(u) * mean_ps);
}

const char *bench_text(bench_args args, const char *key, const char *otherwise) {
    size_t length = strlen(key);
    for (int i = 0; i < args.n; i++)
        if (strncmp(args.items[i], key, length) == 0 && args.items[i][length] == '=')
            return args.items[i] + length + 1;
    return otherwise;
}

double bench_number(bench_args args, const char *key, double otherwise) {
    const char *text = bench_text(args, key, NULL);
    return text ? atof(text) : otherwise;
}

static double read_clock(clockid_t id) {
    struct timespec t;
    (void)clock_gettime(id, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

bench_clock bench_now(void) {
    return (bench_clock){read_clock(CLOCK_MONOTONIC), read_clock(CLOCK_PROCESS_CPUTIME_ID)};
}

static double peak_mb(void) {
    char line[256];
    double kb = 0;
    FILE *file = fopen("/proc/self/status", "r");
    if (!file) return 0;
    while (fgets(line, sizeof line, file))
        if (sscanf(line, "VmHWM: %lf", &kb) == 1) break;
    (void)fclose(file);
    return kb / 1024;
}

void bench_report(const char *bench, bench_args args, double n_ops, double n_events,
                  bench_clock begin, bench_clock end, uint64_t check, const char *extra) {
    printf("{\"bench\":\"%s\",\"impl\":\"%s\",\"ops\":%.0f,\"events\":%.0f,\"wall_s\":%.6f,"
           "\"cpu_s\":%.6f,\"check\":\"%016" PRIx64 "\",\"peak_mb\":%.1f%s}\n",
           bench, bench_text(args, "impl", "kernbench"), n_ops, n_events, end.wall_s - begin.wall_s,
           end.cpu_s - begin.cpu_s, check, peak_mb(), extra);
}
