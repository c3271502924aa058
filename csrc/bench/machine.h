/* A machine for benchmarks: the text of a topology, grown line by line, and transfers over it, by the public
 * API of the engine. */
#ifndef KB_BENCH_MACHINE_H
#define KB_BENCH_MACHINE_H

#include <stdbool.h>

#include "engine/kb.h"

enum { BENCH_FLIT_NBYTES = 64 };

typedef struct bench_machine {
    char *text;
    size_t length, capacity;
    const char *mode;      /* of the fabric: "train" or "flit" */
    uint32_t n_nodes;      /* node i is called "n<i>" */
    uint32_t buffer_flits; /* of a mesh: behind each of its links, or, with `elsewhere`, */
    bool elsewhere;        /* between two more nodes that nobody sends to; 0: without limit */
    kb_alloc alloc;
    kb_topology *topology;
    kb_engine *engine; /* bench_build */
} bench_machine;

/* All nodes come before all links.  Each ends the program when it fails. */
void bench_add_nodes(bench_machine *machine, uint32_t n_nodes, double overhead_ns);
void bench_add_link(bench_machine *machine, uint32_t from, uint32_t to, uint64_t service_ps,
                    uint64_t latency_ps);
void bench_add_mesh(bench_machine *machine, uint32_t width); /* width x width nodes */
void bench_parse(bench_machine *machine);                    /* the topology alone */
void bench_build(bench_machine *machine);
void bench_destroy(bench_machine *machine);

/* n messages, to be filled in. */
typedef struct bench_transfers {
    size_t n;
    uint32_t *src, *dst;
    int64_t *nbytes, *at_fs, *start_fs, *end_fs;
} bench_transfers;

bench_transfers bench_take_transfers(size_t n);
void bench_run(bench_machine *machine, const bench_transfers *transfers);
void bench_free_transfers(bench_transfers *transfers);

#endif
