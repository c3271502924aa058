/* mm1: customers with exponential gaps and services at one desk; arrivals and departures are events. */
#include <stdio.h>
#include <stdlib.h>

#include "bench/workload.h"
#include "sim/sim.h"

typedef struct desk {
    kb_sim *sim;
    uint32_t arrival, departure; /* slots */
    uint32_t n, n_checked, n_arrived, n_left;
    uint32_t *gaps, *services;
    int64_t *arrived;
    uint64_t sum, check; /* of all times in the system, and of the first n_checked */
} desk;

static void arrive(void *self, uint32_t arg) {
    desk *d = self;
    (void)arg;
    int64_t now = kb_sim_now(d->sim);
    d->arrived[d->n_arrived] = now;
    if (d->n_arrived++ == d->n_left) kb_sim_at(d->sim, d->departure, now + d->services[d->n_left]);
    if (d->n_arrived < d->n) kb_sim_at(d->sim, d->arrival, now + d->gaps[d->n_arrived]);
}

static void depart(void *self, uint32_t arg) {
    desk *d = self;
    (void)arg;
    int64_t now = kb_sim_now(d->sim);
    d->sum += (uint64_t)(now - d->arrived[d->n_left++]);
    if (d->n_left == d->n_checked) d->check = d->sum;
    if (d->n_left < d->n_arrived) kb_sim_at(d->sim, d->departure, now + d->services[d->n_left]);
}

int bench_mm1(bench_args args) {
    desk d = {.n = (uint32_t)bench_number(args, "n", 1e6)};
    d.n_checked = d.n / (uint32_t)args.longer;
    d.gaps = malloc(d.n * sizeof *d.gaps);
    d.services = malloc(d.n * sizeof *d.services);
    d.arrived = malloc(d.n * sizeof *d.arrived);
    kb_alloc alloc = kb_alloc_system();
    if (!d.gaps || !d.services || !d.arrived) return 1;
    if (kb_sim_create(&alloc, &d.sim, NULL) != KB_OK ||
        kb_sim_add_slot(d.sim, arrive, &d, 0, &d.arrival, NULL) != KB_OK ||
        kb_sim_add_slot(d.sim, depart, &d, 0, &d.departure, NULL) != KB_OK)
        return 1;
    bench_random gap = bench_random_make(2024, 11), service = bench_random_make(2024, 12);
    for (uint32_t i = 0; i < d.n; i++) {
        d.gaps[i] = (uint32_t)bench_exponential_ps(&gap, 1250000.0);
        d.services[i] = (uint32_t)bench_exponential_ps(&service, 1000000.0);
    }

    bench_clock begin = bench_now();
    kb_run_end end;
    kb_sim_at(d.sim, d.arrival, d.gaps[0]);
    if (kb_sim_run(d.sim, KB_TIME_MAX, UINT64_MAX, &end, NULL) != KB_OK) return 1;
    bench_clock stop = bench_now();
    char extra[96];
    (void)snprintf(extra, sizeof extra, ",\"mean_us\":%.6f,\"theory_us\":5.0",
                   (double)d.sum / d.n * 1e-6);
    bench_report("mm1", args, d.n, (double)kb_sim_n_events(d.sim), begin, stop, d.check, extra);
    kb_sim_destroy(d.sim);
    free(d.gaps);
    free(d.services);
    free(d.arrived);
    return 0;
}
