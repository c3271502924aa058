/* The work of the pipeline bench, for everyone who does it. */
#ifndef KB_BENCH_PIPELINE_H
#define KB_BENCH_PIPELINE_H

#include <stdbool.h>
#include <stddef.h>

#include "bench/workload.h"

enum { BENCH_SERVERS = 8, BENCH_OWN_SERVERS = 4 };

typedef struct bench_pipeline_work {
    uint32_t n_sources;
    size_t n_transfers; /* of each source */
    uint64_t n_flits, service_ps, hop_ps, gap_ps;
    double load;
    bool random, ties;
} bench_pipeline_work;

bench_pipeline_work bench_pipeline_read(bench_args args);

/* When each transfer of source m may start, in order. */
void bench_pipeline_starts(const bench_pipeline_work *work, uint32_t m, uint64_t *starts_ps);

#endif
