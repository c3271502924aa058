/* hold: n events pending; take the earliest, file one for the same place an exponential time later. */
#include <stdlib.h>

#include "bench/workload.h"
#include "sim/eventq.h"

enum { TABLE = 1 << 16, WARM = 20000 };

int bench_hold(bench_args args) {
    uint32_t n = (uint32_t)bench_number(args, "n", 1000);
    uint64_t n_ops = (uint64_t)bench_number(args, "ops", 1e6), check = 0, k = 0;
    uint32_t *gaps = malloc(TABLE * sizeof *gaps);
    kb_alloc alloc = kb_alloc_system();
    kb_eventq queue;
    kb_eventq_init(&queue, &alloc);
    if (!gaps || !kb_eventq_reserve(&queue, n)) return 1;
    bench_random random = bench_random_make(12345, 1);
    for (int i = 0; i < TABLE; i++) gaps[i] = (uint32_t)bench_exponential_ps(&random, 16777216.0);

    bool pushed = true;
    for (uint32_t i = 0; i < n; i++)
        pushed &= kb_eventq_push(&queue, kb_event_of(gaps[k++ % TABLE], 0, i));
    bench_clock begin = bench_now();
    for (uint64_t i = 0; i < WARM + n_ops; i++) {
        if (i == WARM) begin = bench_now();
        kb_event event = kb_eventq_peek(&queue);
        kb_eventq_pop(&queue);
        if (i < WARM) check = bench_mix(check, event.when_fs);
        event.when_fs += gaps[k++ % TABLE];
        pushed &= kb_eventq_push(&queue, event);
    }
    bench_clock end = bench_now();
    if (!pushed) return 1;
    bench_report("hold", args, (double)n_ops, (double)n_ops, begin, end, check, "");
    kb_eventq_deinit(&queue);
    free(gaps);
    return 0;
}
