/* hw/fabric: trains against flits.  The same driver runs each random case in both modes, through the
 * public interface (and some change from trains to flits and back on their way); every message must end at the same femtosecond, in the same order, and sinks
 * that take flits must have had the same ones at every tail.
 *
 *     test_trains [cases [first seed [aloud]]]
 *
 * Aloud it says each seed before its case, so that a program that hangs or dies has said where.
 */
#include "test/tap.h"

#include "hw/fabric/audit.h"
#include "hw/fabric/fabric_mode.h"
#include "hw/fabric/waitq.h"
#include "test/trains_case.h"

/* --- running a case --------------------------------------------------------------------------------- */

typedef struct outcome {
    int64_t end_fs[CASE_MAX_MESSAGES];
    uint64_t order; /* of all that was delivered */
    uint64_t n_delivered, flit_hops, train_pieces, n_events, mode_changes;
    uint64_t link_flits; /* a hash of the counts */
    kb_status status;
} outcome;

typedef struct driver {
    const trains_case *c;
    outcome *out;
    kb_alloc alloc;
    kb_topology *topology;
    kb_sim *sim;
    kb_fabric *fabric;
    kb_waitq due; /* jobs by (start, number), and the further flits of those under way */
    uint32_t slot, change;
    uint32_t n_asked;    /* changes of mode */
    uint32_t n_planned;  /* jobs that are not skipped */
    uint64_t *seen;      /* by node: a hash of the flits it has had */
    uint32_t *n_waiting; /* by job: the parents that have not ended */
    int64_t *ready_fs, *n_known;
    uint32_t *handles;
} driver;

static void mix(uint64_t *hash, int64_t value) {
    *hash = (*hash ^ (uint64_t)value) * UINT64_C(0x9E3779B97F4A7C15);
    *hash ^= *hash >> 29;
}

static void fail(driver *d, kb_status status, const kb_error *err) {
    (void)kb_error_set(kb_sim_fail(d->sim, status), status, "%s", err->message);
}

static void set_due(driver *d, uint32_t number, int64_t when_fs) {
    if (!kb_waitq_reserve(&d->due, &d->alloc, d->due.count + 1)) return;
    kb_waitq_push(&d->due, when_fs, number, 0, number);
    kb_sim_at(d->sim, d->slot, when_fs);
}

/* The next flits of a message that comes by and by: a few now or soon, then again. */
static void append(driver *d, uint32_t number) {
    const job *each = &d->c->jobs[number];
    kb_error err = KB_ERROR_INIT;
    int64_t now = kb_sim_now(d->sim), left = each->n_flits - d->n_known[number];
    int64_t count = kb_min_i64(left, 1 + (number + d->n_known[number]) % 5);
    kb_train flits = {now + number % 2 * each->gap_fs, number % 3 * each->gap_fs, count};
    d->n_known[number] += count;
    kb_status status = kb_fabric_append(d->fabric, d->handles[number], flits, &err);
    if (status != KB_OK) fail(d, status, &err);
    else if (left > count)
        set_due(d, number,
                flits.start_fs + flits.period_fs * (count - 1) + number % 4 * each->gap_fs);
}

static void change_mode(void *self, uint32_t arg) {
    (void)arg;
    driver *d = self;
    kb_fabric_mode_ask(d->fabric);
    if (d->out->n_delivered < d->n_planned && ++d->n_asked < d->c->n_changes)
        kb_sim_at(d->sim, d->change, kb_sim_now(d->sim) + d->c->change_fs);
}

static void start(driver *d, uint32_t number) {
    const job *each = &d->c->jobs[number];
    kb_error err = KB_ERROR_INIT;
    kb_send send = {each->src, each->dst, KB_ANY_SLICE, 0, number, each->n_flits, NULL};
    bool open = each->gap_fs > 0;
    kb_status status = open ? kb_fabric_open(d->fabric, &send, &d->handles[number], &err)
                            : kb_fabric_send(d->fabric, &send, NULL, &err);
    if (status != KB_OK) fail(d, status, &err);
    else if (open) append(d, number);
}

static void start_due(void *self, uint32_t arg) {
    (void)arg;
    driver *d = self;
    while (d->due.count && d->due.items[0].when_fs <= kb_sim_now(d->sim)) {
        uint32_t number = kb_waitq_first(&d->due);
        kb_waitq_drop_first(&d->due);
        if (d->n_known[number]) append(d, number);
        else start(d, number);
    }
}

static void end(driver *d, uint32_t number) {
    int64_t now = kb_sim_now(d->sim);
    d->out->end_fs[number] = now;
    d->out->n_delivered++;
    for (uint32_t t = d->c->jobs[number].first_child; t != UINT32_MAX; t = d->c->triggers[t].next) {
        const trigger *each = &d->c->triggers[t];
        int64_t *ready_fs = &d->ready_fs[each->child];
        if (d->c->jobs[each->child].skipped) continue;
        *ready_fs = kb_max_i64(*ready_fs, now + kb_max_i64(each->delay_fs, 0));
        if (--d->n_waiting[each->child]) continue;
        if (each->delay_fs == CASE_IN_CALL && *ready_fs <= now) start(d, each->child);
        else set_due(d, each->child, kb_max_i64(*ready_fs, now));
    }
}

/* Without a link nothing says which flits over links come first. */
static void deliver(void *self, const kb_message *message, uint32_t link, int64_t first,
                    kb_train flits) {
    driver *d = self;
    bool tail = first + flits.count == message->n_flits;
    uint64_t *seen = &d->seen[message->dst];
    for (int64_t i = 0; link != UINT32_MAX && i < flits.count; i++) {
        mix(seen, flits.start_fs + i * flits.period_fs);
        mix(seen, link);
        mix(seen, message->tag);
        mix(seen, first + i);
    }
    if (!tail) return;
    if (link != UINT32_MAX) mix(&d->out->order, (int64_t)*seen);
    mix(&d->out->order, message->tag);
    mix(&d->out->order, message->count);
    mix(&d->out->order, message->start_fs);
    mix(&d->out->order, kb_sim_now(d->sim));
    end(d, message->tag);
}

static void run_sliced(driver *d) {
    kb_run_end how = KB_RUN_UNTIL;
    int64_t until_fs = 0;
    kb_status status = KB_OK;
    while (status == KB_OK && how != KB_RUN_IDLE) {
        until_fs = d->c->slice_fs ? until_fs + d->c->slice_fs : KB_TIME_MAX;
        kb_error err = KB_ERROR_INIT;
        status = kb_sim_run(d->sim, until_fs, UINT64_MAX, &how, &err);
        if (status != KB_OK) printf("# %s\n", err.message);
    }
    kb_error err = KB_ERROR_INIT;
    if (status == KB_OK) status = kb_fabric_audit(d->fabric, &err);
    if (status != KB_OK) printf("# %s\n", err.message);
    d->out->status = status;
}

static void plan(driver *d) {
    const trains_case *c = d->c;
    for (uint32_t t = 0; t < c->n_triggers; t++)
        if (!c->jobs[c->triggers[t].parent].skipped) d->n_waiting[c->triggers[t].child]++;
    for (uint32_t i = 0; i < c->n_jobs; i++) {
        d->out->end_fs[i] = -1;
        d->ready_fs[i] = c->jobs[i].start_fs;
        d->n_planned += !c->jobs[i].skipped;
        if (!c->jobs[i].skipped && d->n_waiting[i] == 0) set_due(d, i, c->jobs[i].start_fs);
    }
}

static void read_counters(driver *d) {
    kb_fabric_counters counters = kb_fabric_count(d->fabric);
    d->out->flit_hops = counters.flit_hops;
    d->out->mode_changes = counters.mode_changes;
    d->out->train_pieces = counters.train_pieces;
    d->out->n_events = kb_sim_n_events(d->sim);
    for (uint32_t i = 0; i < d->c->graph.n_links; i++)
        mix(&d->out->link_flits, (int64_t)kb_fabric_link_flits(d->fabric, i));
}

/* False, and a failed check, when the case itself is none. */
static bool run(trains_case *c, bool by_flit, outcome *out) {
    driver d = {.c = c, .out = out, .alloc = kb_alloc_system()};
    c->graph.by_flit = by_flit;
    out->order = out->n_delivered = out->link_flits = 0;
    d.seen = calloc(c->graph.n_nodes, sizeof *d.seen);
    d.n_waiting = calloc(c->n_jobs, sizeof *d.n_waiting);
    d.ready_fs = calloc(c->n_jobs, sizeof *d.ready_fs);
    d.n_known = calloc(c->n_jobs, sizeof *d.n_known);
    d.handles = calloc(c->n_jobs, sizeof *d.handles);
    d.topology = graph_build(&c->graph, &d.alloc);
    bool made = d.topology && CHECK_EQ(kb_sim_create(&d.alloc, &d.sim, NULL), KB_OK) &&
                CHECK_EQ(kb_fabric_create(&d.alloc, d.sim, d.topology, &d.fabric, NULL), KB_OK) &&
                CHECK_EQ(kb_sim_add_slot(d.sim, start_due, &d, 0, &d.slot, NULL), KB_OK) &&
                CHECK_EQ(kb_sim_add_slot(d.sim, change_mode, &d, 0, &d.change, NULL), KB_OK);
    for (uint32_t v = 0; made && v < c->graph.n_nodes; v++)
        kb_fabric_set_sink(d.fabric, v, c->takes_flits[v] ? KB_DELIVER_FLITS : KB_DELIVER_TAIL,
                           deliver, &d);
    if (made) {
        plan(&d);
        if (c->change_fs && !by_flit) kb_sim_at(d.sim, d.change, c->change_fs);
        run_sliced(&d);
        read_counters(&d);
    }
    kb_waitq_deinit(&d.due, &d.alloc);
    kb_fabric_destroy(d.fabric);
    kb_sim_destroy(d.sim);
    kb_topology_destroy(d.topology);
    free(d.seen), free(d.n_waiting), free(d.ready_fs), free(d.n_known), free(d.handles);
    return CHECK_EQ(d.alloc.live_nbytes, 0) && made;
}

/* --- comparing -------------------------------------------------------------------------------------- */

/* The first job that differs; n_jobs: none, but something else does; UINT32_MAX: all is equal. */
static uint32_t first_difference(const trains_case *c, const outcome *flit, const outcome *train) {
    for (uint32_t i = 0; i < c->n_jobs; i++)
        if (flit->end_fs[i] != train->end_fs[i] || (flit->end_fs[i] < 0 && !c->jobs[i].skipped))
            return i;
    bool equal = flit->status == KB_OK && train->status == KB_OK && flit->order == train->order &&
                 flit->n_delivered == train->n_delivered && flit->flit_hops == train->flit_hops &&
                 flit->link_flits == train->link_flits;
    return equal ? UINT32_MAX : c->n_jobs;
}

enum { SHRINK_MESSAGES = 1000000 }; /* of all runs that shrink a case, about */

static bool differs(trains_case *c, outcome *flit, outcome *train) {
    return run(c, true, flit) && run(c, false, train) &&
           first_difference(c, flit, train) != UINT32_MAX;
}

/* Leaves jobs out, half of them, a quarter, ... one, as long as the modes differ; of a large case as far as that
 * takes a few runs, as to its end would take days. */
static void shrink(trains_case *c, outcome *flit, outcome *train) {
    uint64_t tries = 0;
    for (uint32_t width = c->n_jobs / 2; width; width /= 2) {
        for (uint32_t low = 0; low < c->n_jobs; low += width) {
            if (tries++ * c->n_jobs > SHRINK_MESSAGES) break;
            bool were[CASE_MAX_MESSAGES];
            uint32_t high = low + width < c->n_jobs ? low + width : c->n_jobs;
            for (uint32_t i = low; i < high; i++) {
                were[i] = c->jobs[i].skipped;
                c->jobs[i].skipped = true;
            }
            if (differs(c, flit, train)) continue;
            for (uint32_t i = low; i < high; i++) c->jobs[i].skipped = were[i];
        }
    }
    (void)differs(c, flit, train);
}

static void print_case(const trains_case *c, const outcome *flit, const outcome *train) {
    for (uint32_t i = 0; i < c->graph.n_links; i++)
        printf("#   link %u: %u > %u s %" PRId64 " p %" PRId64 "\n", i, c->graph.links[i].src,
               c->graph.links[i].dst, c->graph.links[i].service_fs, c->graph.links[i].latency_fs);
    for (uint32_t i = 0; i < c->graph.n_nodes; i++)
        printf("#   node %u: o %" PRId64 "%s\n", i, c->graph.overhead_fs[i],
               c->takes_flits[i] ? ", takes flits" : "");
    for (uint32_t i = 0; i < c->n_jobs; i++)
        if (!c->jobs[i].skipped)
            printf("#   message %u: %u > %u, %" PRId64 " flits (gap %" PRId64 ") at %" PRId64
                   ": by flits %" PRId64 ", by trains %" PRId64 "\n",
                   i, c->jobs[i].src, c->jobs[i].dst, c->jobs[i].n_flits, c->jobs[i].gap_fs,
                   c->jobs[i].start_fs, flit->end_fs[i], train->end_fs[i]);
    for (uint32_t t = 0; t < c->n_triggers; t++)
        if (!c->jobs[c->triggers[t].parent].skipped && !c->jobs[c->triggers[t].child].skipped)
            printf("#   end of %u starts %u after %" PRId64 "\n", c->triggers[t].parent,
                   c->triggers[t].child, c->triggers[t].delay_fs);
}

static trains_case the_case;
static outcome by_flit, by_train;
static uint64_t n_cases, first_seed;
static bool aloud, small_ones_differ;

static bool check_the_case(uint64_t seed) {
    if (!differs(&the_case, &by_flit, &by_train)) return CHECK(true);
    printf("# seed %" PRIu64 " (%s, %u messages, load %.2f): the modes differ; shrunk:\n", seed,
           the_case.shape, the_case.n_jobs, the_case.load);
    (void)fflush(stdout);
    shrink(&the_case, &by_flit, &by_train);
    print_case(&the_case, &by_flit, &by_train);
    return CHECK(!"trains differ from flits");
}

static bool check_case(uint64_t seed, bool big) {
    if (aloud) {
        printf("# case %" PRIu64 "\n", seed);
        (void)fflush(stdout);
    }
    case_make(&the_case, seed, big);
    return check_the_case(seed);
}

static void equal_flits_in_a_swept_ring(void) {
    case_swept_ring(&the_case);
    (void)check_the_case(0);
}

static void equal_flits_at_random(void) {
    uint64_t n_messages = 0, n_hops = 0, n_changes = 0;
    int n_wrong = 0;
    for (uint64_t i = 0; i < n_cases && n_wrong < 5; i++) {
        n_wrong += !check_case(first_seed + i, false);
        n_messages += by_train.n_delivered;
        n_hops += by_flit.flit_hops;
        n_changes += by_train.mode_changes;
    }
    printf("# %" PRIu64 " cases, %" PRIu64 " messages, %" PRIu64 " flit-hops, %" PRIu64
           " changes of mode\n",
           n_cases, n_messages, n_hops, n_changes);
    small_ones_differ = n_wrong > 0;
}

/* Not when smaller ones tell more, and sooner. */
static void equal_flits_in_large_cases(void) {
    if (small_ones_differ) return;
    for (uint64_t i = 0; i < 1 + n_cases / 20000; i++)
        if (!check_case(first_seed + i, true)) return;
}

int main(int n_args, char **args) {
    n_cases = n_args > 1 ? strtoull(args[1], NULL, 10) : 10000;
    first_seed = n_args > 2 ? strtoull(args[2], NULL, 10) : 1;
    aloud = n_args > 3;
    TAP_RUN(equal_flits_in_a_swept_ring);
    TAP_RUN(equal_flits_at_random);
    TAP_RUN(equal_flits_in_large_cases);
    return tap_finish();
}
