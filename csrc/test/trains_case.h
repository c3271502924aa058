/* Random cases for the fabric: a graph, and messages that start by themselves or when others end.
 *
 *   shape   chain, merge, in-tree, mesh, torus, ring, random graph, ring fed by slow links
 *   load    0.02 to 1.5, in bursts or not, at any instant or on a coarse grid (equal instants)
 *   start   at its time, and after the messages that it waits for, with a delay: in the call itself
 *           (KB_NOW), in the next delta (0), or later
 *   mode    a fabric by trains changes to flits and back at some instants, or never
 *   flits   all there at the start, or, one message in eight, coming into being by and by
 *   crowd   in one case in fifty thousands of messages within some instants, so that hundreds wait at a port
 *   alike   in one case in twenty slow links of one pace, eight at least, into one fast port, and what begins there
 *           now and again comes in between: rounds of many, cut where no more is known
 *   ports   in half of the cases some nodes have finite buffers, in cycles two channels and datelines,
 *           or one server for all of their ports
 */
#ifndef KB_TEST_TRAINS_CASE_H
#define KB_TEST_TRAINS_CASE_H

#include <string.h>

#include "test/graph.h"

enum { CASE_MAX_MESSAGES = 60000, CASE_MAX_TRIGGERS = 120000, CASE_IN_CALL = -1 };

typedef struct job {
    uint32_t src, dst;
    int64_t n_flits, start_fs;
    int64_t gap_fs;       /* of flits that come by and by; 0: all are there at the start */
    uint32_t n_parents;   /* that it waits for */
    uint32_t first_child; /* a trigger; UINT32_MAX: none */
    bool skipped;         /* by the shrinker */
} job;

typedef struct trigger {
    uint32_t parent, child, next;
    int64_t delay_fs;
} trigger;

typedef struct trains_case {
    graph graph;
    const char *shape;
    double load;
    uint32_t n_jobs, n_triggers;
    bool takes_flits[GRAPH_MAX_NODES];
    int64_t slice_fs;   /* of time that one run takes; 0: all in one */
    int64_t change_fs;  /* a fabric by trains goes over to flits, and back, this often; 0: never */
    uint32_t n_changes; /* at most */
    job jobs[CASE_MAX_MESSAGES];
    trigger triggers[CASE_MAX_TRIGGERS];
} trains_case;

typedef struct dice {
    uint64_t state;
    int64_t service_fs, latency_fs;
    bool vary_service, vary_latency;
} dice;

static inline int64_t dice_pick(dice *d, const int64_t *items, size_t n) {
    return items[graph_below(&d->state, (int64_t)n)];
}
#define DICE_PICK(d, items) dice_pick((d), (items), sizeof(items) / sizeof *(items))

static inline bool dice_one_in(dice *d, int64_t n) {
    return graph_below(&d->state, n) == 0;
}

static inline void case_link(trains_case *c, dice *d, uint32_t from, uint32_t to) {
    if (from == to || graph_has(&c->graph, from, to)) return;
    int64_t s = d->vary_service ? 1 + graph_below(&d->state, d->service_fs) : d->service_fs;
    int64_t p = d->vary_latency ? graph_below(&d->state, d->latency_fs + 1) : d->latency_fs;
    (void)graph_link(&c->graph, from, to, s, p);
}

/* Trees towards node 0: every link leads from a node to a lower one. */
static inline uint32_t case_tree(trains_case *c, dice *d, int kind) {
    uint32_t n = (uint32_t)(kind == 0   ? 2 + graph_below(&d->state, 9)
                            : kind == 1 ? 3 + graph_below(&d->state, 12)
                                        : 4 + graph_below(&d->state, 28));
    uint32_t stem = (uint32_t)(1 + graph_below(&d->state, 3));
    for (uint32_t v = 1; v < n; v++)
        case_link(c, d, v,
                  kind == 0   ? v - 1
                  : kind == 1 ? (v <= stem ? v - 1 : stem)
                              : (uint32_t)graph_below(&d->state, v));
    return n;
}

static inline uint32_t case_grid(trains_case *c, dice *d, uint32_t width, uint32_t height,
                                 bool torus) {
    for (uint32_t v = 0; v < width * height; v++) {
        uint32_t x = v % width, y = v / width;
        if (torus || x + 1 < width) case_link(c, d, v, y * width + (x + 1) % width);
        if (torus || x > 0) case_link(c, d, v, y * width + (x + width - 1) % width);
        if (torus || y + 1 < height) case_link(c, d, v, (y + 1) % height * width + x);
        if (torus || y > 0) case_link(c, d, v, (y + height - 1) % height * width + x);
    }
    return width * height;
}

static inline uint32_t case_ring(trains_case *c, dice *d, bool chords) {
    uint32_t n = (uint32_t)(3 + graph_below(&d->state, chords ? 8 : 6));
    for (uint32_t v = 0; v < n; v++) case_link(c, d, v, (v + 1) % n);
    for (int64_t k = chords ? graph_below(&d->state, 2 * n) : 0; k > 0; k--)
        case_link(c, d, (uint32_t)graph_below(&d->state, n), (uint32_t)graph_below(&d->state, n));
    return n;
}

/* A fast ring, and a node with a slow link into each of its nodes: ports wait for each other all round, for
 * much longer than a lap takes. */
static inline uint32_t case_fed_ring(trains_case *c, dice *d) {
    uint32_t n = (uint32_t)(3 + graph_below(&d->state, 4));
    int64_t slow_fs = kb_min_i64(d->service_fs * (1 + graph_below(&d->state, 30)), 1000);
    for (uint32_t v = 0; v < n; v++) {
        case_link(c, d, v, (v + 1) % n);
        (void)graph_link(&c->graph, n + v, v, slow_fs, graph_below(&d->state, d->latency_fs + 1));
    }
    return 2 * n;
}

static inline uint32_t case_graph(trains_case *c, dice *d, bool *tree, bool big) {
    static const char *const names[] = {"chain", "merge", "in-tree", "mesh",
                                        "torus", "ring",  "random",  "fed ring"};
    int shape = big ? 3 + (int)graph_below(&d->state, 2) : (int)graph_below(&d->state, 8);
    c->shape = names[shape];
    c->graph.n_nodes = c->graph.n_links = 0;
    *tree = shape < 3;
    uint32_t width =
        (uint32_t)(big ? 6 + graph_below(&d->state, 3) : 2 + graph_below(&d->state, 3));
    if (shape < 3) return case_tree(c, d, shape);
    if (shape < 5)
        return case_grid(c, d, width, (uint32_t)(2 + graph_below(&d->state, 3)), shape == 4);
    return shape == 7 ? case_fed_ring(c, d) : case_ring(c, d, shape == 6);
}

/* A way there is one. */
static inline void case_ends(const trains_case *c, dice *d, bool tree, job *made) {
    made->src = made->dst = (uint32_t)graph_below(&d->state, c->graph.n_nodes);
    bool fed = strcmp(c->shape, "fed ring") == 0;
    int64_t n_ends = fed ? c->graph.n_nodes / 2 : c->graph.n_nodes; /* a feeder is no end */
    while (!tree && (made->dst >= n_ends || (made->dst == made->src && !dice_one_in(d, 20))))
        made->dst = (uint32_t)graph_below(&d->state, n_ends);
    if (!tree) return;
    made->src = (uint32_t)(1 + graph_below(&d->state, c->graph.n_nodes - 1));
    made->dst = c->graph.links[made->src - 1].dst; /* link v - 1 leaves node v */
    while (made->dst && !dice_one_in(d, 4)) made->dst = c->graph.links[made->dst - 1].dst;
}

static inline void case_trigger(trains_case *c, uint32_t parent, uint32_t child, int64_t delay_fs) {
    if (c->n_triggers == CASE_MAX_TRIGGERS) return;
    c->triggers[c->n_triggers] = (trigger){parent, child, c->jobs[parent].first_child, delay_fs};
    c->jobs[parent].first_child = c->n_triggers++;
    c->jobs[child].n_parents++;
}

/* In large numbers, as femtoseconds are. */
static inline void case_scale(trains_case *c, dice *d) {
    const int64_t k = 1000003;
    for (uint32_t i = 0; i < c->graph.n_links; i++) {
        c->graph.links[i].service_fs *= k;
        c->graph.links[i].latency_fs *= k;
    }
    for (uint32_t i = 0; i < c->graph.n_nodes; i++) c->graph.overhead_fs[i] *= k;
    for (uint32_t i = 0; i < c->n_jobs; i++) {
        c->jobs[i].start_fs *= k;
        c->jobs[i].gap_fs *= k;
    }
    c->change_fs *= k;
    for (uint32_t i = 0; i < c->n_triggers; i++)
        if (c->triggers[i].delay_fs > 0)
            c->triggers[i].delay_fs = c->triggers[i].delay_fs * k + graph_below(&d->state, 3);
}

static inline void case_overheads(trains_case *c, dice *d, uint32_t n_nodes) {
    static const int64_t overheads[] = {0, 0, 1, 3, 7, 20, 333};
    int64_t most = DICE_PICK(d, overheads);
    bool vary = dice_one_in(d, 3), flits = dice_one_in(d, 2);
    c->graph.n_nodes = 0;
    for (uint32_t v = 0; v < n_nodes; v++) {
        (void)graph_node(&c->graph, vary ? graph_below(&d->state, most + 1) : most);
        c->takes_flits[v] = flits && dice_one_in(d, 2);
    }
}

static inline void case_parents(trains_case *c, dice *d, uint32_t child) {
    for (int64_t k = 1 + graph_below(&d->state, dice_one_in(d, 3) ? 3 : 1); k > 0; k--) {
        int64_t back = graph_below(&d->state, dice_one_in(d, 2) ? child : child < 4 ? child : 4);
        int64_t delay = dice_one_in(d, 3)   ? CASE_IN_CALL
                        : dice_one_in(d, 2) ? 0
                                            : graph_below(&d->state, 3 * d->service_fs + 5);
        case_trigger(c, child - 1 - (uint32_t)back, child, delay);
    }
    if (dice_one_in(d, 2)) c->jobs[child].start_fs = 0;
}

static inline void case_jobs(trains_case *c, dice *d, bool tree, bool big) {
    static const int64_t sizes[] = {1, 2, 3, 8, 64, 300}, loads[] = {2, 10, 30, 50, 80, 95, 150};
    c->load = (double)DICE_PICK(d, loads) / 100;
    int64_t fixed = dice_one_in(d, 2) ? DICE_PICK(d, sizes) : 0;
    size_t n_sizes = dice_one_in(d, 3) ? 4 : 6;
    int64_t most = !dice_one_in(d, 4) ? 40 : !dice_one_in(d, 6) ? 150 : 800;
    c->n_jobs = big ? 50000 : (uint32_t)(2 + graph_below(&d->state, most));
    bool bursts = !dice_one_in(d, 3), loops = dice_one_in(d, 2), streams = dice_one_in(d, 2);
    int64_t grain = 1 + graph_below(&d->state, 3) * d->service_fs * 4, at_fs = 0;
    double mean = (double)d->service_fs * (fixed ? (double)fixed : 60) /
                  (c->load * (tree ? 1 : c->graph.n_nodes * 0.6));
    for (uint32_t i = 0; i < c->n_jobs; i++) {
        job *made = &c->jobs[i];
        if (!bursts || dice_one_in(d, 6))
            at_fs += (int64_t)(mean * (bursts ? 12 : 2) * (double)graph_below(&d->state, 1000000) /
                               1000000);
        *made = (job){.n_flits = fixed ? fixed : dice_pick(d, sizes, n_sizes),
                      .start_fs = at_fs / grain * grain,
                      .first_child = UINT32_MAX};
        case_ends(c, d, tree, made);
        if (streams && dice_one_in(d, 8))
            made->gap_fs = 1 + graph_below(&d->state, 2 * d->service_fs);
        if (loops && i > 2 && !dice_one_in(d, 3)) case_parents(c, d, i);
    }
}

/* Buffers, of few nodes or of many, so that trains go into servers and come out of them. */
static inline void case_buffers(trains_case *c, dice *d) {
    static const int64_t sizes[] = {1, 1, 2, 3, 4, 7, 20, 100};
    int64_t one_in = 1 + graph_below(&d->state, 6), size = DICE_PICK(d, sizes);
    bool vary = dice_one_in(d, 2);
    for (uint32_t v = 0; v < c->graph.n_nodes; v++) {
        kb_transit *transit = &c->graph.transit[v];
        if (dice_one_in(d, 3 * one_in)) transit->serialize = KB_SERIALIZE_ROUTER;
        if (!dice_one_in(d, one_in)) continue;
        transit->buffer_flits = vary ? DICE_PICK(d, sizes) : size;
        transit->channels = 1 + dice_one_in(d, 2);
    }
    for (uint32_t i = 0; i < c->graph.n_links; i++)
        c->graph.dateline[i] = c->graph.links[i].src > c->graph.links[i].dst + 1;
}

/* Takes buffers away until they close no cycle. */
static inline void case_break_cycles(trains_case *c, dice *d) {
    bool cycle = true;
    while (cycle) {
        kb_alloc alloc = kb_alloc_system();
        kb_topology_destroy(graph_try(&c->graph, &alloc, &cycle));
        for (uint32_t v = 0; cycle && v < c->graph.n_nodes; v++)
            if (dice_one_in(d, 2)) c->graph.transit[v].buffer_flits = 0;
    }
}

/* One message so long that it is looked after on its way (KB_TRAIN_STEP_FLITS). */
static inline void case_lengthen(trains_case *c, dice *d) {
    job *made = &c->jobs[graph_below(&d->state, c->n_jobs)];
    made->n_flits = 66000 + graph_below(&d->state, 70000);
}

/* So many, all to one node, that ports have crowds (hw/fabric/crowd.h): backlogs of senders, which come whole, and
 * what comes between them. */
static inline void case_crowd(trains_case *c, dice *d, bool tree) {
    static const int64_t sizes[] = {1, 2, 2, 3, 8, 30}, spans[] = {0, 20, 1000, 3000};
    int64_t size = dice_one_in(d, 2) ? DICE_PICK(d, sizes) : 0;
    int64_t span_fs = DICE_PICK(d, spans) * d->service_fs;
    job first = {.first_child = UINT32_MAX};
    case_ends(c, d, tree, &first);
    c->n_triggers = 0;
    c->n_jobs = (uint32_t)(500 + graph_below(&d->state, 2000));
    for (uint32_t i = 0; i < c->n_jobs; i++) {
        job *made = &c->jobs[i];
        *made = first;
        made->n_flits = size ? size : DICE_PICK(d, sizes);
        made->start_fs = graph_below(&d->state, span_fs + 1);
        if (dice_one_in(d, 50)) made->gap_fs = 1 + graph_below(&d->state, 2 * d->service_fs);
        if (tree) made->dst = 0;
        if (!dice_one_in(d, 3)) made->src = (uint32_t)graph_below(&d->state, c->graph.n_nodes);
        if (made->src == made->dst) made->src = (made->dst + 1) % c->graph.n_nodes;
    }
}

/* Many streams of one pace at one port, that of node 1, into which slow links lead. */
static inline void case_alike(trains_case *c, dice *d) {
    static const int64_t sizes[] = {2, 8, 64, 300};
    uint32_t n_slow = (uint32_t)(8 + graph_below(&d->state, 5)), n_nodes = 2 + n_slow;
    int64_t slow_fs = d->service_fs * (n_slow - 2 + graph_below(&d->state, 3 * n_slow));
    int64_t size = DICE_PICK(d, sizes), span_fs = slow_fs * size;
    c->shape = "alike";
    c->graph.n_nodes = c->graph.n_links = c->n_triggers = 0;
    case_overheads(c, d, n_nodes);
    (void)graph_link(&c->graph, 1, 0, d->service_fs, d->latency_fs);
    for (uint32_t v = 2; v < n_nodes; v++)
        (void)graph_link(&c->graph, v, 1, slow_fs, graph_below(&d->state, slow_fs));
    c->n_jobs = 2 * n_slow + (uint32_t)graph_below(&d->state, 100);
    for (uint32_t i = 0; i < c->n_jobs; i++) {
        bool slow = i < 2 * n_slow;
        c->jobs[i] = (job){.src = slow ? 2 + i % n_slow : 1,
                           .n_flits = slow ? size : 1 + graph_below(&d->state, 2),
                           .start_fs = graph_below(&d->state, slow ? slow_fs : 2 * span_fs),
                           .first_child = UINT32_MAX};
    }
}

/* One that random cases hardly ever come upon: none of the ring's ports has messages of its own and each takes long to
 * pass a flit on, so that only the feeders, which are no part of a sweep of the ring, say when the next flit comes. */
static inline void case_swept_ring(trains_case *c) {
    static const int64_t service_fs[] = {3, 1, 2, 4}, latency_fs[] = {1, 2, 0, 1};
    static const job jobs[] = {{.src = 4, .dst = 1, .n_flits = 300, .start_fs = 0},
                               {.src = 4, .dst = 3, .n_flits = 64, .start_fs = 1197},
                               {.src = 6, .dst = 1, .n_flits = 300, .start_fs = 1197},
                               {.src = 5, .dst = 3, .n_flits = 1, .start_fs = 1890},
                               {.src = 7, .dst = 1, .n_flits = 3, .start_fs = 1890}};
    memset(&c->graph, 0, sizeof c->graph);
    c->shape = "swept ring";
    c->load = 0.5;
    c->slice_fs = c->change_fs = 0;
    c->n_triggers = c->n_changes = 0;
    for (uint32_t v = 0; v < 8; v++) {
        (void)graph_node(&c->graph, 421);
        c->takes_flits[v] = v != 0 && v != 2;
    }
    for (uint32_t v = 0; v < 4; v++) {
        (void)graph_link(&c->graph, v, (v + 1) % 4, service_fs[v], 2);
        (void)graph_link(&c->graph, 4 + v, v, 105, latency_fs[v]);
    }
    c->n_jobs = sizeof jobs / sizeof *jobs;
    for (uint32_t i = 0; i < c->n_jobs; i++) {
        c->jobs[i] = jobs[i];
        c->jobs[i].first_child = UINT32_MAX;
    }
}

static inline void case_make(trains_case *c, uint64_t seed, bool big) {
    static const int64_t services[] = {1, 1, 2, 3, 5, 7, 10, 100, 1000},
                         latencies[] = {0, 0, 1, 2, 3, 10, 37, 1500};
    dice d = {.state = seed * UINT64_C(0x9E3779B97F4A7C15) | 1};
    for (int i = 0; i < 8; i++) (void)graph_random(&d.state);
    bool tree;
    d.service_fs = DICE_PICK(&d, services);
    d.latency_fs = DICE_PICK(&d, latencies);
    d.vary_service = dice_one_in(&d, 3);
    d.vary_latency = dice_one_in(&d, 3);
    c->n_triggers = 0;
    case_overheads(c, &d, case_graph(c, &d, &tree, big));
    case_jobs(c, &d, tree, big);
    if (dice_one_in(&d, 2)) {
        case_buffers(c, &d);
        case_break_cycles(c, &d);
    }
    c->slice_fs = dice_one_in(&d, 4) ? 1 + graph_below(&d.state, 100 * d.service_fs) : 0;
    c->n_changes = big ? 20 : 300;
    c->change_fs = dice_one_in(&d, 3) ? 1 + graph_below(&d.state, 400 * d.service_fs) : 0;
    if (!c->slice_fs && dice_one_in(&d, 8)) case_scale(c, &d);
    if (!big && dice_one_in(&d, 200)) case_lengthen(c, &d);
    if (!big && dice_one_in(&d, 50)) case_crowd(c, &d, tree);
    else if (!big && dice_one_in(&d, 20)) case_alike(c, &d);
}

#endif
