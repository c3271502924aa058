#include "bench/machine.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Noreturn void stop(const char *what, const char *why) {
    (void)fprintf(stderr, "%s: %s\n", what, why);
    exit(1);
}

KB_PRINTF(2, 3)
static void add_text(bench_machine *machine, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int nbytes = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (nbytes < 0) stop("machine", "a line that cannot be written");
    size_t needed = machine->length + (size_t)nbytes + 1;
    if (needed > machine->capacity) {
        machine->capacity = 2 * needed;
        machine->text = realloc(machine->text, machine->capacity);
        if (!machine->text) stop("machine", "no memory");
    }
    va_start(args, format);
    machine->length +=
        (size_t)vsnprintf(machine->text + machine->length, (size_t)nbytes + 1, format, args);
    va_end(args);
}

void bench_add_nodes(bench_machine *machine, uint32_t n_nodes, double overhead_ns) {
    if (machine->n_nodes == 0)
        add_text(machine, "kernbench: 1\nflit_bytes: %d\nfabric: {mode: %s}\ncomponents:\n",
                 BENCH_FLIT_NBYTES, machine->mode);
    for (uint32_t i = 0; i < n_nodes; i++)
        add_text(machine, "  - {name: n%" PRIu32 ", impl: transit, overhead_ns: %g}\n",
                 machine->n_nodes++, overhead_ns);
}

/* The rate is the least decimal of nine digits that serves a flit in service_ps or less. */
void bench_add_link(bench_machine *machine, uint32_t from, uint32_t to, uint64_t service_ps,
                    uint64_t latency_ps) {
    const uint64_t scaled = UINT64_C(1000) * BENCH_FLIT_NBYTES * 1000000000;
    uint64_t rate = (scaled + service_ps - 1) / service_ps;
    if (!strstr(machine->text, "links:")) add_text(machine, "links:\n");
    add_text(machine,
             "  - {from: n%" PRIu32 ", to: n%" PRIu32 ", GBps: %" PRIu64 ".%09" PRIu64
             ", latency_ns: %" PRIu64 ".%03" PRIu64 "}\n",
             from, to, rate / 1000000000, rate % 1000000000, latency_ps / 1000, latency_ps % 1000);
}

/* With buffers its routes have to be x first, as those of `meshes:` are. */
static void add_mesh_of_buffers(bench_machine *machine, uint32_t width) {
    machine->n_nodes = width * width;
    add_text(machine,
             "kernbench: 1\nflit_bytes: %d\nfabric: {mode: %s}\nmeshes:\n  - {name: m, "
             "dims: [%" PRIu32 ", %" PRIu32 "], router: {overhead_ns: 2, buffer_flits: %" PRIu32
             "}, link: {GBps: 64, latency_ns: 1}}\n",
             BENCH_FLIT_NBYTES, machine->mode, width, width, machine->buffer_flits);
}

void bench_add_mesh(bench_machine *machine, uint32_t width) {
    if (machine->buffer_flits && !machine->elsewhere) {
        add_mesh_of_buffers(machine, width);
        return;
    }
    bench_add_nodes(machine, width * width, 2.0);
    uint32_t end = machine->n_nodes;
    for (int i = 0; machine->elsewhere && i < 2; i++)
        add_text(machine, "  - {name: n%" PRIu32 ", impl: transit, buffer_flits: %" PRIu32 "}\n",
                 machine->n_nodes++, machine->buffer_flits);
    for (uint32_t v = 0; v < width * width; v++) {
        uint32_t x = v % width, y = v / width;
        if (x + 1 < width) bench_add_link(machine, v, v + 1, 1000, 1000);
        if (x > 0) bench_add_link(machine, v, v - 1, 1000, 1000);
        if (y + 1 < width) bench_add_link(machine, v, v + width, 1000, 1000);
        if (y > 0) bench_add_link(machine, v, v - width, 1000, 1000);
    }
    if (machine->elsewhere) bench_add_link(machine, end, end + 1, 1000, 1000);
}

void bench_parse(bench_machine *machine) {
    kb_error err = KB_ERROR_INIT;
    machine->alloc = kb_alloc_system();
    if (kb_topology_parse(&machine->alloc, machine->text, machine->length, "bench",
                          &machine->topology, &err) != KB_OK)
        stop("machine", err.message);
}

void bench_build(bench_machine *machine) {
    kb_error err = KB_ERROR_INIT;
    kb_engine_options options = kb_engine_default_options();
    options.data = false;
    bench_parse(machine);
    if (kb_engine_create(&machine->alloc, machine->topology, &options, &machine->engine, &err) !=
        KB_OK)
        stop("machine", err.message);
}

void bench_destroy(bench_machine *machine) {
    kb_engine_destroy(machine->engine);
    kb_topology_destroy(machine->topology);
    free(machine->text);
}

bench_transfers bench_take_transfers(size_t n) {
    bench_transfers t = {n,
                         malloc(n * sizeof *t.src),
                         malloc(n * sizeof *t.dst),
                         malloc(n * sizeof *t.nbytes),
                         malloc(n * sizeof *t.at_fs),
                         malloc(n * sizeof *t.start_fs),
                         malloc(n * sizeof *t.end_fs)};
    if (!t.src || !t.dst || !t.nbytes || !t.at_fs || !t.start_fs || !t.end_fs)
        stop("transfers", "no memory");
    return t;
}

void bench_run(bench_machine *machine, const bench_transfers *t) {
    kb_error err = KB_ERROR_INIT;
    kb_engine_end end;
    uint32_t handle;
    kb_traffic_order order = {.count = (int64_t)t->n,
                              .src = t->src,
                              .dst = t->dst,
                              .nbytes = t->nbytes,
                              .at_fs = t->at_fs,
                              .start_fs = t->start_fs,
                              .end_fs = t->end_fs};
    if (kb_engine_traffic(machine->engine, &order, &handle, &err) != KB_OK ||
        kb_engine_run(machine->engine, handle, INT64_MAX, UINT64_MAX, &end, &err) != KB_OK)
        stop("run", err.message);
    if (end != KB_ENGINE_DONE) stop("run", "some transfers never ended");
}

void bench_free_transfers(bench_transfers *t) {
    free(t->src);
    free(t->dst);
    free(t->nbytes);
    free(t->at_fs);
    free(t->start_fs);
    free(t->end_fs);
}
