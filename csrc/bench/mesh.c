/* mesh: n messages of F flits on a w x w mesh, from anywhere to anywhere, at `load` flits a node and
 * service time; mode = train or flit; buffer = places behind each link (0: without limit), and with
 * elsewhere = 1 they are in another part of the machine. */
#include <stdio.h>

#include "bench/machine.h"
#include "bench/workload.h"

int bench_mesh(bench_args args) {
    uint32_t width = (uint32_t)bench_number(args, "w", 8), n_nodes = width * width;
    size_t n = (size_t)bench_number(args, "n", 20000);
    uint64_t n_flits = (uint64_t)bench_number(args, "F", 64);
    double load = bench_number(args, "load", 0.1);
    bench_machine machine = {.mode = bench_text(args, "mode", "train"),
                             .buffer_flits = (uint32_t)bench_number(args, "buffer", 0),
                             .elsewhere = bench_number(args, "elsewhere", 0) > 0};
    bench_add_mesh(&machine, width);
    bench_build(&machine);
    bench_transfers t = bench_take_transfers(n);
    bench_random random = bench_random_make(777, 1);
    uint64_t at_ps = 0, check = 0;
    for (size_t i = 0; i < n; i++) {
        at_ps += bench_exponential_ps(&random, 1000.0 * (double)n_flits / (n_nodes * load));
        t.src[i] = bench_random_next(&random) % n_nodes;
        t.dst[i] = (t.src[i] + 1 + bench_random_next(&random) % (n_nodes - 1)) % n_nodes;
        t.nbytes[i] = (int64_t)(n_flits * BENCH_FLIT_NBYTES);
        t.at_fs[i] = (int64_t)(at_ps * 1000);
    }
    bench_clock begin = bench_now();
    bench_run(&machine, &t);
    bench_clock end = bench_now();
    for (size_t i = 0; i < n; i++) check = bench_mix(check, (uint64_t)t.end_fs[i]);
    kb_counters counters = kb_engine_count(machine.engine);
    char extra[192];
    (void)snprintf(
        extra, sizeof extra, ",\"flit_hops\":%llu,\"train_pieces\":%llu,\"by_flit\":%llu",
        (unsigned long long)counters.flit_hops, (unsigned long long)counters.train_pieces,
        (unsigned long long)counters.messages_by_flit);
    bench_report("mesh", args, (double)n, (double)counters.events, begin, end, check, extra);
    bench_destroy(&machine);
    bench_free_transfers(&t);
    return 0;
}
