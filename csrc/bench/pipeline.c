/* pipeline: M sources, each with four servers of its own, then four that they share; X transfers of F
 * flits from each source, a flit every g picoseconds.
 *
 *     source m ──g──> [ ]─hop─[ ]─hop─[ ]─hop─[ ]─hop─┐
 *                                                     ├─[ ]─hop─[ ]─hop─[ ]─hop─[ ]─hop─> end
 *     source n ──g──> [ ]─hop─ ...                   ─┘
 *
 * A server is a port, a flit takes s in it.  A paced source is a port too, with s = g and no hop, so all
 * ends come g later than they are counted.  mode = train or flit. */
#include <stdlib.h>
#include <string.h>

#include "bench/machine.h"
#include "bench/pipeline.h"

typedef bench_pipeline_work work;

work bench_pipeline_read(bench_args args) {
    work w = {.n_sources = (uint32_t)bench_number(args, "M", 1),
              .n_transfers = (size_t)bench_number(args, "X", 100),
              .n_flits = (uint64_t)bench_number(args, "F", 64),
              .service_ps = (uint64_t)bench_number(args, "s", 1600),
              .hop_ps = (uint64_t)bench_number(args, "hop", 4000),
              .load = bench_number(args, "load", 0.7),
              .random = strcmp(bench_text(args, "case", "single"), "random") == 0,
              .ties = bench_number(args, "tie", 0) != 0};
    w.gap_ps = (uint64_t)bench_number(args, "g", (double)w.service_ps);
    return w;
}

/* Nodes: the end, the four shared servers, then five for each source. */
static void build(bench_machine *machine, const work *w) {
    bench_add_nodes(machine, 1 + BENCH_OWN_SERVERS + w->n_sources * (1 + BENCH_OWN_SERVERS), 0);
    for (uint32_t i = 0; i < BENCH_OWN_SERVERS; i++)
        bench_add_link(machine, 1 + i, i + 1 < BENCH_OWN_SERVERS ? 2 + i : 0, w->service_ps,
                       w->hop_ps);
    for (uint32_t m = 0; m < w->n_sources; m++) {
        uint32_t source = 1 + BENCH_OWN_SERVERS + m * (1 + BENCH_OWN_SERVERS);
        bench_add_link(machine, source, source + 1, w->gap_ps, 0);
        for (uint32_t i = 1; i <= BENCH_OWN_SERVERS; i++)
            bench_add_link(machine, source + i, i < BENCH_OWN_SERVERS ? source + i + 1 : 1,
                           w->service_ps, w->hop_ps);
    }
    bench_build(machine);
}

void bench_pipeline_starts(const work *w, uint32_t m, uint64_t *starts_ps) {
    double mean_ps = (double)w->n_flits * (double)w->service_ps * w->n_sources / w->load / 16.0;
    bench_random random = bench_random_make(777, m + 1);
    uint64_t at_ps = w->ties ? 0 : m;
    for (size_t i = 0; i < w->n_transfers; i++) {
        if (w->random) at_ps += 16 * bench_exponential_ps(&random, mean_ps);
        starts_ps[i] = at_ps;
    }
}

static void fill(const work *w, bench_transfers *t) {
    uint64_t *starts_ps = malloc(w->n_transfers * sizeof *starts_ps);
    if (!starts_ps) exit(1);
    for (uint32_t m = 0; m < w->n_sources; m++) {
        bench_pipeline_starts(w, m, starts_ps);
        for (size_t i = 0; i < w->n_transfers; i++) {
            size_t k = i * w->n_sources + m;
            t->src[k] = 1 + BENCH_OWN_SERVERS + m * (1 + BENCH_OWN_SERVERS);
            t->dst[k] = 0;
            t->nbytes[k] = (int64_t)(w->n_flits * BENCH_FLIT_NBYTES);
            t->at_fs[k] = (int64_t)(starts_ps[i] * 1000);
        }
    }
    free(starts_ps);
}

int bench_pipeline(bench_args args) {
    if (bench_number(args, "window", 0) > 0 || bench_number(args, "gstep", 0) > 0) return 3;
    work w = bench_pipeline_read(args);
    size_t n = w.n_sources * w.n_transfers;
    bench_machine machine = {.mode = bench_text(args, "mode", "train")};
    bench_transfers t = bench_take_transfers(n);
    build(&machine, &w);
    fill(&w, &t);
    bench_clock begin = bench_now();
    bench_run(&machine, &t);
    uint64_t check = 0, n_events = kb_engine_count(machine.engine).events;
    bench_clock end = bench_now();
    for (size_t k = 0; k < n; k++)
        check = bench_mix(check, (uint64_t)t.end_fs[k] / 1000 - w.gap_ps);
    bench_report("pipeline", args, (double)(n * w.n_flits * BENCH_SERVERS), (double)n_events, begin,
                 end, check, "");
    bench_destroy(&machine);
    bench_free_transfers(&t);
    return 0;
}
