/* Bytes of what the engine holds most of, as its allocator counts them: a line of JSON each. */
#include <stdio.h>
#include <stdlib.h>

#include "bench/machine.h"
#include "hw/pe/tcm.h"
#include "replay/tiles.h"
#include "sim/eventq.h"

enum { N = 1 << 16 };

static void report(const char *what, double value) {
    printf("{\"what\":\"%s\",\"value\":%.1f}\n", what, value);
}

static double of_event(void) {
    kb_alloc alloc = kb_alloc_system();
    kb_eventq queue;
    kb_eventq_init(&queue, &alloc);
    if (!kb_eventq_reserve(&queue, N)) exit(1);
    double nbytes = (double)alloc.live_nbytes / N;
    kb_eventq_deinit(&queue);
    return nbytes;
}

/* The most that a machine ever holds when it sends n messages of 64 flits over 5 links, every gap_ps: all are under way
 * at once, as the first link takes so long, or with no gap wait at their sender. */
static double most_of_messages(const char *mode, size_t n, uint64_t gap_ps) {
    enum { HOPS = 5, FLITS = 64 };
    bench_machine machine = {.mode = mode};
    bench_add_nodes(&machine, HOPS + 1, 2.0);
    for (uint32_t i = 0; i < HOPS; i++)
        bench_add_link(&machine, i, i + 1, 1000, i ? 1000 : 2 * N * gap_ps);
    bench_build(&machine);
    bench_transfers t = bench_take_transfers(n);
    for (size_t i = 0; i < n; i++) {
        t.src[i] = 0;
        t.dst[i] = HOPS;
        t.nbytes[i] = FLITS * BENCH_FLIT_NBYTES;
        t.at_fs[i] = (int64_t)(i * gap_ps * 1000);
    }
    bench_run(&machine, &t);
    double nbytes = (double)machine.alloc.peak_nbytes;
    bench_destroy(&machine);
    bench_free_transfers(&t);
    return nbytes;
}

static double of_message(const char *mode, uint64_t gap_ps) {
    return (most_of_messages(mode, 2 * N, gap_ps) - most_of_messages(mode, N, gap_ps)) / N;
}

/* Beside its elements. */
static double of_tile(void) {
    enum { TILE_NBYTES = 4096 };
    kb_alloc alloc = kb_alloc_system();
    kb_tiles tiles;
    kb_tiles_init(&tiles, &alloc);
    for (uint64_t i = 0; i < N; i++)
        if (!kb_tiles_add(&tiles, i, TILE_NBYTES)) exit(1);
    double nbytes = (double)alloc.live_nbytes / N - TILE_NBYTES;
    kb_tiles_deinit(&tiles);
    return nbytes;
}

int main(void) {
    report("of an event", of_event());
    report("of a message on its way, by trains", of_message("train", 65000));
    report("of a message on its way, flit by flit", of_message("flit", 65000));
    report("of a message in its sender's backlog, by trains", of_message("train", 0));
    report("of a message in its sender's backlog, flit by flit", of_message("flit", 0));
    report("of a tile in TCM", sizeof(kb_tile));
    report("of a tile in replay, beside its elements", of_tile());
    return 0;
}
