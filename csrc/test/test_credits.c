/* Finite buffers, virtual channels and shared servers (ADR-0037 D7) against an oracle: the rules word for
 * word, one flit at a time, by looking at every flit and every place at every step. */
#include "test/tap.h"

#include "test/graph.h"

enum { MAX_MESSAGES = 48, MAX_HOPS = 24, MAX_PLACES = 12, N_CHANNELS = 2 };

/* --- the oracle ----------------------------------------------------------------------------------- */

typedef struct slow_message {
    uint32_t count; /* of its sender */
    uint32_t n_hops;
    const uint32_t *path;
    uint32_t channel[MAX_HOPS];
    int64_t n_left;            /* flits not yet at the end */
    int64_t head_fs[MAX_HOPS]; /* the head's eligibility at each port */
} slow_message;

typedef struct slow_flit {
    uint32_t message, hop;
    int64_t number, eligible_fs;
    uint32_t place; /* that it holds behind the link it came by */
} slow_flit;

typedef struct slow {
    const graph *g;
    planned *plan;
    slow_message messages[MAX_MESSAGES];
    slow_flit *flits;
    size_t n_flits;
    int64_t *server_free_fs; /* by link or, past the links, by node */
    int64_t *usable_fs;      /* by link, channel, place; INT64_MAX: taken */
} slow;

static const kb_transit *behind(const slow *s, uint32_t link) {
    return &s->g->transit[s->g->links[link].dst];
}

/* The way round a mesh that a link belongs to: x or y; in other graphs all links are one. */
static uint32_t axis(const graph *g, uint32_t link) {
    const kb_link *at = &g->links[link];
    return g->mesh_nx && at->src % g->mesh_nx == at->dst % g->mesh_nx ? 1 : 0;
}

static void slow_channels(const slow *s, slow_message *m) {
    bool crossed = false;
    for (uint32_t i = 0; i < m->n_hops; i++) {
        if (i && axis(s->g, m->path[i]) != axis(s->g, m->path[i - 1])) crossed = false;
        crossed = crossed || s->g->dateline[m->path[i]];
        m->channel[i] = crossed && behind(s, m->path[i])->channels == 2;
    }
}

static uint32_t slow_link(const slow *s, const slow_flit *f) {
    return s->messages[f->message].path[f->hop];
}

static uint32_t slow_server(const slow *s, uint32_t link) {
    uint32_t src = s->g->links[link].src;
    return s->g->transit[src].serialize ? s->g->n_links + src : link;
}

static int64_t *places(const slow *s, const slow_message *m, uint32_t hop) {
    return &s->usable_fs[(m->path[hop] * N_CHANNELS + m->channel[hop]) * MAX_PLACES];
}

/* The place behind the flit's link that can be used first, and when; where buffers have no end: now. */
static int64_t first_place(const slow *s, const slow_flit *f, uint32_t *place) {
    const slow_message *m = &s->messages[f->message];
    int64_t n = behind(s, m->path[f->hop])->buffer_flits;
    const int64_t *usable_fs = places(s, m, f->hop);
    *place = 0;
    if (n == 0) return 0;
    for (uint32_t i = 1; i < n; i++)
        if (usable_fs[i] < usable_fs[*place]) *place = i;
    return usable_fs[*place];
}

static int64_t slow_start(const slow *s, const slow_flit *f) {
    uint32_t place;
    int64_t free_fs = s->server_free_fs[slow_server(s, slow_link(s, f))];
    return kb_max_i64(kb_max_i64(f->eligible_fs, free_fs), first_place(s, f, &place));
}

static int64_t slow_input(const slow *s, const slow_flit *f) {
    return f->hop ? (int64_t)s->messages[f->message].path[f->hop - 1] : -1;
}

/* Is `a` served before `b`?  At one instant, at one server: by eligibility, input, message, number. */
static bool slow_before(const slow *s, const slow_flit *a, const slow_flit *b) {
    int64_t a_fs = slow_start(s, a), b_fs = slow_start(s, b);
    if (a_fs != b_fs) return a_fs < b_fs;
    uint32_t p = slow_server(s, slow_link(s, a)), q = slow_server(s, slow_link(s, b));
    if (p != q) return p < q;
    if (a->eligible_fs != b->eligible_fs) return a->eligible_fs < b->eligible_fs;
    if (slow_input(s, a) != slow_input(s, b)) return slow_input(s, a) < slow_input(s, b);
    uint32_t a_src = s->plan[a->message].src, b_src = s->plan[b->message].src;
    if (a_src != b_src) return a_src < b_src;
    uint32_t a_count = s->messages[a->message].count, b_count = s->messages[b->message].count;
    if (a_count != b_count) return a_count < b_count;
    return a->number < b->number;
}

static void free_place(slow *s, const slow_message *m, uint32_t hop, uint32_t place,
                       int64_t left_fs) {
    if (behind(s, m->path[hop])->buffer_flits)
        places(s, m, hop)[place] = left_fs + s->g->links[m->path[hop]].latency_fs;
}

static void slow_serve(slow *s, size_t index) {
    slow_flit *f = &s->flits[index];
    slow_message *m = &s->messages[f->message];
    const kb_link *link = &s->g->links[slow_link(s, f)];
    int64_t start_fs = slow_start(s, f), left_fs = start_fs + link->service_fs;
    uint32_t place;
    (void)first_place(s, f, &place);
    if (behind(s, slow_link(s, f))->buffer_flits) places(s, m, f->hop)[place] = INT64_MAX;
    s->server_free_fs[slow_server(s, slow_link(s, f))] = left_fs;
    if (f->hop) free_place(s, m, f->hop - 1, f->place, left_fs);
    int64_t arrive_fs = left_fs + link->latency_fs;
    if (f->hop + 1 == m->n_hops) {
        free_place(s, m, f->hop, place, arrive_fs);
        if (--m->n_left == 0) s->plan[f->message].end_fs = arrive_fs;
        s->flits[index] = s->flits[--s->n_flits];
        return;
    }
    f->hop++;
    f->place = place;
    if (f->number == 0) m->head_fs[f->hop] = arrive_fs + s->g->overhead_fs[link->dst];
    f->eligible_fs = kb_max_i64(arrive_fs, m->head_fs[f->hop]);
}

static void slow_begin(slow *s, kb_topology *topology, const int64_t *paces, uint32_t n,
                       uint32_t i) {
    slow_message *m = &s->messages[i];
    planned *plan = s->plan;
    uint32_t number;
    CHECK_EQ(kb_topology_path(topology, plan[i].src, plan[i].dst, KB_ANY_SLICE, &m->path,
                              &m->n_hops, &number, NULL),
             KB_OK);
    if (!CHECK(m->n_hops <= MAX_HOPS)) m->n_hops = 0;
    slow_channels(s, m);
    m->n_left = kb_max_i64(1, plan[i].nbytes);
    for (uint32_t j = 0; j < n; j++) {
        bool earlier = plan[j].at_fs < plan[i].at_fs || (plan[j].at_fs == plan[i].at_fs && j < i);
        m->count += plan[j].src == plan[i].src && earlier;
    }
    int64_t eligible_fs = plan[i].at_fs + s->g->overhead_fs[plan[i].src];
    plan[i].end_fs =
        m->n_hops ? -1 : kb_max_i64(eligible_fs, plan[i].at_fs + (m->n_left - 1) * paces[i]);
    for (int64_t k = 0; m->n_hops && k < m->n_left; k++)
        s->flits[s->n_flits++] =
            (slow_flit){i, 0, k, kb_max_i64(eligible_fs, plan[i].at_fs + k * paces[i]), 0};
}

static void slow_run(const graph *g, kb_topology *topology, planned *plan, const int64_t *paces,
                     uint32_t n) {
    slow s = {.g = g, .plan = plan};
    size_t room = 1;
    for (uint32_t i = 0; i < n; i++) room += (size_t)kb_max_i64(1, plan[i].nbytes);
    s.flits = malloc(room * sizeof *s.flits);
    s.server_free_fs = calloc(g->n_links + g->n_nodes, sizeof *s.server_free_fs);
    s.usable_fs = calloc((size_t)g->n_links * N_CHANNELS * MAX_PLACES, sizeof *s.usable_fs);
    for (uint32_t i = 0; i < n; i++) slow_begin(&s, topology, paces, n, i);
    while (s.n_flits) {
        size_t first = 0;
        for (size_t i = 1; i < s.n_flits; i++)
            if (slow_before(&s, &s.flits[i], &s.flits[first])) first = i;
        if (!CHECK(slow_start(&s, &s.flits[first]) < INT64_MAX)) break; /* a deadlock */
        slow_serve(&s, first);
    }
    free(s.flits);
    free(s.server_free_fs);
    free(s.usable_fs);
}

/* --- random machines and loads -------------------------------------------------------------------- */

static int64_t pick(uint64_t *seed, const int64_t *values, int64_t n) {
    return values[graph_below(seed, n)];
}

static kb_transit random_transit(uint64_t *seed, bool channels) {
    static const int64_t sizes[] = {0, 1, 1, 2, 3, 5, 8, MAX_PLACES};
    kb_transit transit = {.buffer_flits = pick(seed, sizes, 8), .channels = 1 + channels};
    if (graph_below(seed, 5) == 0) transit.serialize = KB_SERIALIZE_ROUTER;
    return transit;
}

typedef struct palette {
    int64_t services[3], latencies[3], overheads[3];
} palette;

static palette random_palette(uint64_t *seed) {
    palette p;
    bool wide = graph_below(seed, 2);
    for (int i = 0; i < 3; i++) {
        p.services[i] = wide ? 1 + graph_below(seed, 5000) : 1 + graph_below(seed, 4);
        p.latencies[i] = wide ? graph_below(seed, 9000) : graph_below(seed, 4);
        p.overheads[i] = wide ? graph_below(seed, 20000) : graph_below(seed, 9);
    }
    return p;
}

static void join(graph *g, const palette *p, uint64_t *seed, uint32_t from, uint32_t to) {
    if (from != to && !graph_has(g, from, to))
        (void)graph_link(g, from, to, pick(seed, p->services, 3), pick(seed, p->latencies, 3));
}

/* Chains and trees both ways, rings with a dateline, meshes, tori, anything. */
static void random_graph(graph *g, uint64_t number, uint64_t *seed) {
    palette p = random_palette(seed);
    uint32_t family = (uint32_t)(number % 6);
    g->n_nodes = g->n_links = 0;
    if (family >= 3 && family < 5) {
        bool wrap = family == 4;
        kb_transit transit = random_transit(seed, wrap);
        graph_mesh(g, (uint32_t)(2 + graph_below(seed, 4)), (uint32_t)(1 + graph_below(seed, 4)),
                   wrap, p.overheads[0], p.services[0], p.latencies[0], transit);
        return;
    }
    uint32_t n = (uint32_t)(3 + graph_below(seed, 7));
    bool ring = family == 2, same = graph_below(seed, 2);
    kb_transit transit = random_transit(seed, ring);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t node = graph_node(g, pick(seed, p.overheads, 3));
        g->transit[node] = same ? transit : random_transit(seed, ring);
    }
    for (uint32_t i = 1; i < n; i++) {
        uint32_t to = family == 1 ? (uint32_t)graph_below(seed, i) : i - 1;
        join(g, &p, seed, i, to);
        join(g, &p, seed, to, i);
    }
    if (ring) {
        join(g, &p, seed, n - 1, 0);
        join(g, &p, seed, 0, n - 1);
        for (uint32_t i = 0; i < g->n_links; i++)
            g->dateline[i] = g->links[i].src + g->links[i].dst == n - 1 &&
                             (g->links[i].src == 0 || g->links[i].dst == 0);
    }
    for (uint32_t i = 0; family == 5 && i < n; i++)
        join(g, &p, seed, (uint32_t)graph_below(seed, n), (uint32_t)graph_below(seed, n));
}

/* Takes buffers away from half of the nodes, then from half of the rest, until no cycle is left. */
static bool build(rig *r, graph *g, uint64_t *seed, uint32_t *n_cycles) {
    for (int turn = 0; turn < 20; turn++) {
        bool cycle = false;
        kb_alloc alloc = kb_alloc_system();
        kb_topology *topology = graph_try(g, &alloc, &cycle);
        kb_topology_destroy(topology);
        CHECK_EQ(alloc.live_nbytes, 0);
        if (!cycle) break;
        ++*n_cycles;
        bool none = g->mesh_nx != 0;
        for (uint32_t i = 0; i < g->n_nodes; i++)
            if (none || graph_below(seed, 2)) g->transit[i].buffer_flits = 0;
    }
    return rig_init(r, g, graph_below(seed, 2) ? KB_DELIVER_FLITS : KB_DELIVER_TAIL);
}

static uint32_t random_plan(const graph *g, planned *plan, uint64_t *seed) {
    uint32_t n = (uint32_t)graph_below(seed, MAX_MESSAGES + 1);
    int64_t s = g->links[0].service_fs, longest = graph_below(seed, 2) ? 30 : 6;
    int64_t span = 1 + graph_below(seed, 2 * s * (n + 1) * longest);
    for (uint32_t i = 0; i < n; i++)
        plan[i] = (planned){(uint32_t)graph_below(seed, g->n_nodes),
                            (uint32_t)graph_below(seed, g->n_nodes),
                            graph_below(seed, span) / s * s, graph_below(seed, longest), -1};
    return n;
}

static uint64_t n_cases = 4000;

static bool equals_slow(uint64_t number, uint64_t *n_hops, uint64_t *n_by_flit,
                        uint32_t *n_cycles) {
    static graph g;
    planned plan[MAX_MESSAGES], expected[MAX_MESSAGES];
    int64_t paces[MAX_MESSAGES];
    uint64_t seed = number * UINT64_C(0x9e3779b97f4a7c15) + 5;
    random_graph(&g, number, &seed);
    g.by_flit = number / 6 % 2;
    rig r;
    if (!build(&r, &g, &seed, n_cycles)) return false;
    uint32_t n = random_plan(&g, plan, &seed);
    memcpy(expected, plan, sizeof plan);
    for (uint32_t i = 0; i < n; i++)
        paces[i] = graph_below(&seed, 3) ? 0 : graph_below(&seed, 3 * g.links[0].service_fs);
    slow_run(&g, r.topology, expected, paces, n);
    r.paces = paces;
    rig_plan(&r, plan, n);
    bool right = rig_run(&r);
    for (uint32_t i = 0; right && i < n; i++) {
        right = plan[i].end_fs == expected[i].end_fs;
        if (!right)
            printf("# case %" PRIu64 ", message %u of %u: got %" PRId64 ", expected %" PRId64 "\n",
                   number, i, n, plan[i].end_fs, expected[i].end_fs);
    }
    kb_fabric_counters c = kb_fabric_count(r.fabric);
    right = right && r.n_delivered == n && c.flits_delivered == c.flits_sent &&
            c.bytes_delivered == c.bytes_sent;
    *n_hops += c.flit_hops;
    for (uint32_t i = 0; i < g.n_links; i++)
        if (kb_topology_by_flit(r.topology, i)) *n_by_flit += kb_fabric_link_flits(r.fabric, i);
    rig_deinit(&r);
    return CHECK(right);
}

static void equals_the_oracle(void) {
    uint64_t n_hops = 0, n_by_flit = 0;
    uint32_t n_cycles = 0;
    for (uint64_t number = 0; number < n_cases; number++)
        if (!equals_slow(number, &n_hops, &n_by_flit, &n_cycles)) return;
    printf("# %" PRIu64 " flit-hops, %" PRIu64 " of them by servers; %u cycles\n", n_hops,
           n_by_flit, n_cycles);
    CHECK(n_by_flit > n_hops / 4 && n_by_flit < n_hops && n_cycles > 0);
}

int main(int n_args, char **args) {
    if (n_args > 1) n_cases = strtoull(args[1], NULL, 10);
    TAP_RUN(equals_the_oracle);
    return tap_finish();
}
