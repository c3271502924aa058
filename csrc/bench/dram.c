/* How fast an HBM with banks is, in requests a second of CPU time:
 *
 *     bench_dram [n=N] [part=controller|transfers] [kind=random|stream|write] [standard=HBM3]
 *
 * drives the controller alone, every PC with 32 requests of 32 bytes (a stream: of 256 bytes) in a closed
 * loop, or sends such random requests as a batch of transfers over a fabric. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/workload.h"
#include "hw/component/dispatch.h"
#include "hw/component/request.h"
#include "hw/dram/dram_stack.h"
#include "hw/memory/hbm.h"
#include "hw/traffic.h"

enum { PER_PC = 32, STEP_FS = 13750000, ACROSS = 6 };

typedef struct loop {
    kb_dram_stack stack;
    bench_random random;
    uint64_t n_left, n_done, next_offset, capacity, nbytes;
    bool is_stream, writes;
    int64_t now_fs;
    uint32_t *served; /* offsets that are done, to be asked anew */
    uint32_t n_served;
    uint32_t *left; /* of each job: bytes */
} loop;

static uint64_t next_offset(loop *l) {
    if (!l->is_stream) {
        uint64_t at = (uint64_t)bench_random_next(&l->random) << 20 ^ bench_random_next(&l->random);
        return at % (l->capacity / 32) * 32;
    }
    l->next_offset += l->nbytes;
    return l->next_offset % l->capacity;
}

static void note(void *self, const kb_dram_run *run, uint32_t first, uint32_t count,
                 int64_t there_fs, int64_t period_fs) {
    loop *l = self;
    (void)first, (void)there_fs, (void)period_fs;
    l->left[run->job] -= count * 32;
    if (l->left[run->job] > 0) return;
    l->served[l->n_served++] = run->job;
    l->n_done++;
}

static bool ask(loop *l, uint32_t job) {
    l->left[job] = (uint32_t)l->nbytes;
    kb_dram_bytes bytes = {.offset = next_offset(l),
                           .nbytes = l->nbytes,
                           .flit_nbytes = l->nbytes,
                           .job = job,
                           .write = l->writes,
                           .when_fs = l->now_fs};
    return kb_dram_stack_add(&l->stack, &bytes);
}

static int stop(const char *what) {
    (void)fprintf(stderr, "bench_dram: %s\n", what);
    return 1;
}

static int run_alone(bench_args args, const kb_dram *dram, const kb_params_hbm *params,
                     kb_alloc *alloc, uint64_t n) {
    static loop l;
    const char *kind = bench_text(args, "kind", "random");
    kb_error err = KB_ERROR_INIT;
    if (kb_dram_stack_init(&l.stack, alloc, dram, params, note, &l, &err) != KB_OK)
        return stop(err.message);
    uint32_t n_jobs = l.stack.n_pcs * PER_PC;
    l.random = bench_random_make(1, 1);
    l.is_stream = strcmp(kind, "stream") == 0;
    l.writes = strcmp(kind, "write") == 0;
    l.nbytes = l.is_stream ? 256 : 32;
    l.capacity = dram->map.n_bursts * 32;
    l.served = calloc(n_jobs, sizeof *l.served);
    l.left = calloc(n_jobs, sizeof *l.left);
    if (!l.served || !l.left) return stop("no memory");
    bench_clock begin = bench_now();
    for (uint32_t job = 0; job < n_jobs; job++)
        if (!ask(&l, job)) return stop("no memory");
    while (l.n_done < n) {
        l.now_fs += STEP_FS;
        kb_dram_stack_advance(&l.stack, l.now_fs - 1);
        uint32_t n_served = l.n_served;
        l.n_served = 0;
        for (uint32_t i = 0; i < n_served; i++)
            if (!ask(&l, l.served[i])) return stop("no memory");
    }
    bench_clock end = bench_now();
    char extra[160];
    (void)snprintf(extra, sizeof extra, ",\"kind\":\"%s\",\"simulated_GBps\":%.1f", kind,
                   (double)(l.n_done * l.nbytes) / ((double)l.now_fs * 1e-6));
    bench_report("dram", args, (double)l.n_done, (double)l.n_done, begin, end, (uint64_t)l.now_fs,
                 extra);
    kb_dram_stack_deinit(&l.stack);
    free(l.served);
    free(l.left);
    return 0;
}

typedef struct columns {
    uint32_t *src, *dst;
    int64_t *nbytes, *at_fs, *start_fs, *end_fs;
    uint8_t *op;
    uint64_t *addr;
} columns;

/* The same requests as reads of one endpoint, ACROSS of them a nanosecond. */
static int run_transfers(bench_args args, kb_topology *topology, kb_alloc *alloc, uint64_t n) {
    kb_parts parts = {.alloc = alloc, .topology = topology};
    kb_error err = KB_ERROR_INIT;
    kb_traffic *traffic = NULL;
    void *hbm = NULL;
    if (kb_sim_create(alloc, &parts.sim, &err) != KB_OK ||
        kb_fabric_create(alloc, parts.sim, topology, &parts.fabric, &err) != KB_OK ||
        kb_dispatch_create(alloc, parts.sim, parts.fabric, 2, &parts.dispatch, &err) != KB_OK ||
        kb_requests_create(alloc, parts.sim, parts.fabric, parts.dispatch, &parts.requests, &err) !=
            KB_OK ||
        kb_hbm_create(&parts, 1, &hbm, &err) != KB_OK ||
        kb_traffic_create(&parts, &traffic, &err) != KB_OK)
        return stop(err.message);
    columns c = {calloc(n, sizeof *c.src),      calloc(n, sizeof *c.dst),
                 calloc(n, sizeof *c.nbytes),   calloc(n, sizeof *c.at_fs),
                 calloc(n, sizeof *c.start_fs), calloc(n, sizeof *c.end_fs),
                 calloc(n, sizeof *c.op),       calloc(n, sizeof *c.addr)};
    if (!c.src || !c.dst || !c.nbytes || !c.at_fs || !c.start_fs || !c.end_fs || !c.op || !c.addr)
        return stop("no memory");
    uint64_t capacity = (uint64_t)kb_topology_hbm(topology, 1)->capacity_nbytes;
    bench_random random = bench_random_make(1, 1);
    for (uint64_t i = 0; i < n; i++) {
        uint64_t at = (uint64_t)bench_random_next(&random) << 20 ^ bench_random_next(&random);
        c.dst[i] = 1;
        c.nbytes[i] = 32;
        c.at_fs[i] = (int64_t)(i * 1000000 / ACROSS);
        c.op[i] = strcmp(bench_text(args, "kind", "random"), "write") == 0 ? KB_TRANSFER_WRITE
                                                                           : KB_TRANSFER_READ;
        c.addr[i] = at % (capacity / 32) * 32;
    }
    kb_batch batch = {.n = n,
                      .src = c.src,
                      .dst = c.dst,
                      .nbytes = c.nbytes,
                      .at_fs = c.at_fs,
                      .op = c.op,
                      .addr = c.addr,
                      .start_fs = c.start_fs,
                      .end_fs = c.end_fs};
    kb_run_end run_end;
    bench_clock begin = bench_now();
    if (kb_traffic_submit(traffic, &batch, &err) != KB_OK ||
        kb_sim_run(parts.sim, KB_TIME_MAX, UINT64_MAX, &run_end, &err) != KB_OK)
        return stop(err.message);
    bench_clock end = bench_now();
    bench_report("dram-transfers", args, (double)n, (double)kb_sim_n_events(parts.sim), begin, end,
                 (uint64_t)kb_sim_now(parts.sim), "");
    void *owned[] = {c.src, c.dst, c.nbytes, c.at_fs, c.start_fs, c.end_fs, c.op, c.addr};
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++) free(owned[i]);
    kb_traffic_destroy(traffic);
    kb_hbm_destroy(hbm);
    kb_requests_destroy(parts.requests);
    kb_dispatch_destroy(parts.dispatch);
    kb_fabric_destroy(parts.fabric);
    kb_sim_destroy(parts.sim);
    return 0;
}

int main(int n_args, char **args) {
    bench_args options = {.n = n_args - 1, .items = args + 1, .longer = 1};
    uint64_t n = (uint64_t)bench_number(options, "n", 2e6);
    char text[512];
    (void)snprintf(text, sizeof text,
                   "{kernbench: 1, components: [{name: a, impl: endpoint}, {name: m, impl: hbm, "
                   "standard: %s}], links: [{from: a, to: m, GBps: 4000, both: true}]}",
                   bench_text(options, "standard", "HBM3"));
    kb_alloc alloc = kb_alloc_system();
    kb_topology *topology = NULL;
    kb_error err = KB_ERROR_INIT;
    if (kb_topology_parse(&alloc, text, strlen(text), "bench", &topology, &err) != KB_OK)
        return stop(err.message);
    bool alone = strcmp(bench_text(options, "part", "controller"), "controller") == 0;
    int failed = alone ? run_alone(options, kb_topology_dram(topology, 1),
                                   kb_topology_hbm(topology, 1), &alloc, n)
                       : run_transfers(options, topology, &alloc, n);
    kb_topology_destroy(topology);
    return failed;
}
