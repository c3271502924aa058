/* What the engine is compared with: the same work as a plain loop in C, as fast as one is written by hand for
 * that work alone.
 *
 *   plain_hold       a 4-ary heap of 16-byte entries by value, whose children share a cache line; the event that
 *                    is filed takes the place of the one that is taken
 *   plain_pipeline   flit by flit; a port knows when a flit leaves as soon as it arrives, holds its flits in a
 *                    ring, and has one event in the heap, that of the first
 */
#include <stdlib.h>

#include "bench/pipeline.h"

enum { TABLE = 1 << 16, WARM = 20000, ROOT = 3 };

typedef struct entry {
    uint64_t when;
    uint32_t place;
} entry;

typedef struct heap {
    entry *at; /* the root is at 3, the children of i at 4 (i - 2) */
    size_t end;
} heap;

static void *take(size_t n, size_t nbytes) {
    void *memory = aligned_alloc(64, (n * nbytes + 63) / 64 * 64);
    if (!memory) exit(1);
    return memory;
}

/* An empty heap with room for n. */
static heap make_heap(size_t n) {
    heap h = {take(n + ROOT + 4, sizeof *h.at), ROOT};
    for (size_t i = 0; i < n + ROOT + 4; i++) h.at[i] = (entry){UINT64_MAX, 0};
    return h;
}

static inline bool is_before(const entry *a, const entry *b) {
    return (a->when < b->when) | ((a->when == b->when) & (a->place < b->place));
}

/* What lies behind the end is never before anything. */
static void sink_root(heap *h, entry new) {
    entry *at = h->at;
    size_t i = ROOT;
    for (size_t child = 4; child < h->end; child = 4 * (i - 2)) {
        size_t left = child + is_before(&at[child + 1], &at[child]);
        size_t right = child + 2 + is_before(&at[child + 3], &at[child + 2]);
        size_t least = is_before(&at[right], &at[left]) ? right : left;
        if (!is_before(&at[least], &new)) break;
        at[i] = at[least];
        i = least;
    }
    at[i] = new;
}

static void push(heap *h, entry new) {
    size_t i = h->end++;
    while (i > ROOT && is_before(&new, &h->at[i / 4 + 2])) {
        h->at[i] = h->at[i / 4 + 2];
        i = i / 4 + 2;
    }
    h->at[i] = new;
}

static void pop(heap *h) {
    entry last = h->at[--h->end];
    h->at[h->end].when = UINT64_MAX;
    if (h->end > ROOT) sink_root(h, last);
}

int bench_plain_hold(bench_args args) {
    uint32_t n = (uint32_t)bench_number(args, "n", 1000);
    uint64_t n_ops = (uint64_t)bench_number(args, "ops", 1e6), check = 0, k = 0;
    uint32_t *gaps = take(TABLE, sizeof *gaps);
    heap h = make_heap(n);
    bench_random random = bench_random_make(12345, 1);
    for (int i = 0; i < TABLE; i++) gaps[i] = (uint32_t)bench_exponential_ps(&random, 16777216.0);
    for (uint32_t i = 0; i < n; i++) push(&h, (entry){gaps[k++ % TABLE], i});
    bench_clock begin = bench_now();
    for (uint64_t i = 0; i < WARM + n_ops; i++) {
        if (i == WARM) begin = bench_now();
        entry event = h.at[ROOT];
        if (i < WARM) check = bench_mix(check, event.when);
        event.when += gaps[k++ % TABLE];
        sink_root(&h, event);
    }
    bench_report("hold", args, (double)n_ops, (double)n_ops, begin, bench_now(), check, "");
    free(gaps);
    free(h.at);
    return 0;
}

/* --- pipeline -------------------------------------------------------------------------------- */

typedef struct flit {
    uint64_t due;    /* where the port leads to */
    size_t transfer; /* of all */
} flit;

typedef struct port {
    uint64_t free; /* from when on */
    flit *ring;
    uint32_t head, n, capacity, next;
} port;

typedef struct source {
    size_t transfer, end; /* the one under way, of all; and the one behind its last */
    uint64_t n_left;      /* flits of it that have not gone */
} source;

typedef struct loop {
    bench_pipeline_work work;
    heap heap;
    port *ports; /* the own ones of the sources, then the shared ones */
    uint32_t n_ports;
    source *sources;
    uint64_t *starts, *done; /* [source][transfer] */
    uint64_t *left;          /* flits of a transfer that have not arrived */
    uint64_t n_events;
} loop;

static void arrive(loop *l, uint32_t at, size_t transfer, uint64_t now) {
    port *p = &l->ports[at];
    if (p->n == p->capacity) {
        uint32_t capacity = p->capacity ? 2 * p->capacity : 16;
        flit *ring = take(capacity, sizeof *ring);
        for (uint32_t i = 0; i < p->n; i++) ring[i] = p->ring[(p->head + i) & (p->capacity - 1)];
        free(p->ring);
        p->ring = ring;
        p->capacity = capacity;
        p->head = 0;
    }
    p->free = (p->free > now ? p->free : now) + l->work.service_ps;
    flit arrived = {p->free + l->work.hop_ps, transfer};
    p->ring[(p->head + p->n++) & (p->capacity - 1)] = arrived;
    if (p->n == 1) push(&l->heap, (entry){arrived.due, at});
}

/* A flit of a source goes now; the next one a gap later. */
static void send(loop *l, entry event) {
    const bench_pipeline_work *w = &l->work;
    uint32_t m = event.place - l->n_ports;
    source *from = &l->sources[m];
    size_t transfer = from->transfer;
    uint64_t when = event.when + w->gap_ps;
    if (--from->n_left == 0) {
        from->n_left = w->n_flits;
        if (++from->transfer < from->end && l->starts[from->transfer] > when)
            when = l->starts[from->transfer];
    }
    if (from->transfer < from->end) sink_root(&l->heap, (entry){when, event.place});
    else pop(&l->heap);
    arrive(l, m * BENCH_OWN_SERVERS, transfer, event.when);
}

static void run(loop *l) {
    heap *h = &l->heap;
    while (h->end > ROOT) {
        entry event = h->at[ROOT];
        l->n_events++;
        if (event.place >= l->n_ports) {
            send(l, event);
            continue;
        }
        port *p = &l->ports[event.place];
        flit moved = p->ring[p->head];
        p->head = (p->head + 1) & (p->capacity - 1);
        if (--p->n) sink_root(h, (entry){p->ring[p->head].due, event.place});
        else pop(h);
        if (p->next < l->n_ports) arrive(l, p->next, moved.transfer, event.when);
        else if (--l->left[moved.transfer] == 0) l->done[moved.transfer] = event.when;
    }
}

int bench_plain_pipeline(bench_args args) {
    loop l = {.work = bench_pipeline_read(args)};
    const bench_pipeline_work *w = &l.work;
    size_t n = w->n_sources * w->n_transfers;
    l.n_ports = (w->n_sources + 1) * BENCH_OWN_SERVERS;
    l.ports = calloc(l.n_ports, sizeof *l.ports);
    if (!l.ports) return 1;
    l.sources = take(w->n_sources, sizeof *l.sources);
    l.starts = take(n, sizeof *l.starts);
    l.done = take(n, sizeof *l.done);
    l.left = take(n, sizeof *l.left);
    l.heap = make_heap(l.n_ports + w->n_sources + 1);
    uint32_t shared = w->n_sources * BENCH_OWN_SERVERS;
    for (uint32_t i = 0; i < l.n_ports; i++)
        l.ports[i].next = i % BENCH_OWN_SERVERS + 1 < BENCH_OWN_SERVERS ? i + 1
                          : i < shared                                  ? shared
                                                                        : l.n_ports;
    for (size_t i = 0; i < n; i++) l.left[i] = w->n_flits;
    for (uint32_t m = 0; m < w->n_sources; m++) {
        size_t first = m * w->n_transfers;
        bench_pipeline_starts(w, m, l.starts + first);
        l.sources[m] = (source){first, first + w->n_transfers, w->n_flits};
        push(&l.heap, (entry){l.starts[first], l.n_ports + m});
    }
    bench_clock begin = bench_now();
    run(&l);
    bench_clock end = bench_now();
    uint64_t check = 0;
    for (size_t i = 0; i < w->n_transfers; i++)
        for (uint32_t m = 0; m < w->n_sources; m++)
            check = bench_mix(check, l.done[m * w->n_transfers + i]);
    bench_report("pipeline", args, (double)(n * w->n_flits * BENCH_SERVERS), (double)l.n_events,
                 begin, end, check, "");
    for (uint32_t i = 0; i < l.n_ports; i++) free(l.ports[i].ring);
    free(l.ports);
    free(l.sources);
    free(l.starts);
    free(l.done);
    free(l.left);
    free(l.heap.at);
    return 0;
}
