/* fabric: raw messages through `transfers`, one after the other over a chain of `hops` links, at
 * `load`; op = one message.  hops=1 and 5 are the figures of the fast engine's table; mode = train
 * or flit. */
#include <stdio.h>

#include "bench/machine.h"
#include "bench/workload.h"

int bench_fabric(bench_args args) {
    uint32_t n_hops = (uint32_t)bench_number(args, "hops", 5);
    size_t n = (size_t)bench_number(args, "n", 1e6);
    uint64_t n_flits = (uint64_t)bench_number(args, "F", 1);
    double load = bench_number(args, "load", 0.8);
    bench_machine machine = {.mode = bench_text(args, "mode", "train")};
    bench_add_nodes(&machine, n_hops + 1, 2.0);
    for (uint32_t i = 0; i < n_hops; i++) bench_add_link(&machine, i, i + 1, 1000, 1000);
    bench_build(&machine);
    bench_transfers t = bench_take_transfers(n);
    bench_random random = bench_random_make(777, 1);
    uint64_t at_ps = 0, check = 0;
    for (size_t i = 0; i < n; i++) {
        at_ps += bench_exponential_ps(&random, 1000.0 * (double)n_flits / load);
        t.src[i] = 0;
        t.dst[i] = n_hops;
        t.nbytes[i] = (int64_t)(n_flits * BENCH_FLIT_NBYTES);
        t.at_fs[i] = (int64_t)(at_ps * 1000);
    }
    bench_clock begin = bench_now();
    bench_run(&machine, &t);
    bench_clock end = bench_now();
    for (size_t i = 0; i < n; i++) check = bench_mix(check, (uint64_t)t.end_fs[i]);
    kb_counters counters = kb_engine_count(machine.engine);
    char extra[192];
    (void)snprintf(extra, sizeof extra,
                   ",\"flit_hops\":%llu,\"ns_per_flit_hop\":%.2f,\"by_flit\":%llu",
                   (unsigned long long)counters.flit_hops,
                   (end.cpu_s - begin.cpu_s) * 1e9 / (double)counters.flit_hops,
                   (unsigned long long)counters.messages_by_flit);
    bench_report("fabric", args, (double)n, (double)counters.events, begin, end, check, extra);
    bench_destroy(&machine);
    bench_free_transfers(&t);
    return 0;
}
