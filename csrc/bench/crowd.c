/* crowd: n messages of F flits of each of `senders` at one instant, all over one port: hundreds of thousands wait
 * there; op = one message.  mode = train or flit. */
#include <stdio.h>

#include "bench/machine.h"
#include "bench/workload.h"

int bench_crowd(bench_args args) {
    uint32_t n_senders = (uint32_t)bench_number(args, "senders", 100);
    size_t n_each = (size_t)bench_number(args, "n", 500), n = n_each * n_senders;
    int64_t n_flits = (int64_t)bench_number(args, "F", 4);
    bench_machine machine = {.mode = bench_text(args, "mode", "train")};
    bench_add_nodes(&machine, 2 + n_senders, 2.0);
    for (uint32_t i = 0; i < n_senders; i++) bench_add_link(&machine, 2 + i, 1, 1000, 1000);
    bench_add_link(&machine, 1, 0, 1000, 1000);
    bench_build(&machine);
    bench_transfers t = bench_take_transfers(n);
    for (size_t i = 0; i < n; i++) {
        t.src[i] = 2 + (uint32_t)(i / n_each);
        t.dst[i] = 0;
        t.nbytes[i] = n_flits * BENCH_FLIT_NBYTES;
        t.at_fs[i] = 0;
    }
    bench_clock begin = bench_now();
    bench_run(&machine, &t);
    bench_clock end = bench_now();
    uint64_t check = 0;
    for (size_t i = 0; i < n; i++) check = bench_mix(check, (uint64_t)t.end_fs[i]);
    kb_counters counters = kb_engine_count(machine.engine);
    char extra[96];
    (void)snprintf(extra, sizeof extra, ",\"train_pieces\":%llu",
                   (unsigned long long)counters.train_pieces);
    bench_report("crowd", args, (double)n, (double)counters.events, begin, end, check, extra);
    bench_destroy(&machine);
    bench_free_transfers(&t);
    return 0;
}
