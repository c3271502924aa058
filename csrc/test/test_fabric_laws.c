/* The laws of the fabric (L1 to L5), exact to the femtosecond, and an oracle: the rules of forwarding
 * (ADR-0037) word for word, one flit at a time, by looking at all flits at every step. */
#include <math.h>

#include "test/tap.h"

#include "test/graph.h"

/* --- the oracle ----------------------------------------------------------------------------------- */

enum { MAX_MESSAGES = 64, MAX_HOPS = 40 };

typedef struct slow_message {
    uint32_t count; /* of its sender */
    uint32_t n_hops;
    const uint32_t *path;
    int64_t n_left;            /* flits not yet at the end */
    int64_t head_fs[MAX_HOPS]; /* the head's eligibility at each port */
} slow_message;

typedef struct slow_flit {
    uint32_t message, hop;
    int64_t number, eligible_fs;
} slow_flit;

typedef struct slow {
    const graph *g;
    planned *plan;
    uint32_t n_messages;
    slow_message messages[MAX_MESSAGES];
    slow_flit *flits;
    size_t n_flits;
    int64_t *free_fs;
} slow;

static uint32_t slow_port(const slow *s, const slow_flit *f) {
    return s->messages[f->message].path[f->hop];
}

static int64_t slow_input(const slow *s, const slow_flit *f) {
    return f->hop ? (int64_t)s->messages[f->message].path[f->hop - 1] : -1;
}

/* Is `a` served before `b`? */
static bool slow_before(const slow *s, const slow_flit *a, const slow_flit *b) {
    uint32_t p = slow_port(s, a), q = slow_port(s, b);
    int64_t a_fs = kb_max_i64(a->eligible_fs, s->free_fs[p]);
    int64_t b_fs = kb_max_i64(b->eligible_fs, s->free_fs[q]);
    if (a_fs != b_fs) return a_fs < b_fs;
    if (p != q) return p < q;
    if (a->eligible_fs != b->eligible_fs) return a->eligible_fs < b->eligible_fs;
    if (slow_input(s, a) != slow_input(s, b)) return slow_input(s, a) < slow_input(s, b);
    uint32_t a_src = s->plan[a->message].src, b_src = s->plan[b->message].src;
    if (a_src != b_src) return a_src < b_src;
    uint32_t a_count = s->messages[a->message].count, b_count = s->messages[b->message].count;
    if (a_count != b_count) return a_count < b_count;
    return a->number < b->number;
}

static void slow_serve(slow *s, size_t index) {
    slow_flit *f = &s->flits[index];
    slow_message *m = &s->messages[f->message];
    const kb_link *link = &s->g->links[slow_port(s, f)];
    int64_t start_fs = kb_max_i64(f->eligible_fs, s->free_fs[slow_port(s, f)]);
    s->free_fs[slow_port(s, f)] = start_fs + link->service_fs;
    int64_t arrive_fs = start_fs + link->service_fs + link->latency_fs;
    if (++f->hop == m->n_hops) {
        if (--m->n_left == 0) s->plan[f->message].end_fs = arrive_fs;
        s->flits[index] = s->flits[--s->n_flits];
        return;
    }
    if (f->number == 0) m->head_fs[f->hop] = arrive_fs + s->g->overhead_fs[link->dst];
    f->eligible_fs = kb_max_i64(arrive_fs, m->head_fs[f->hop]);
}

static void slow_run(const graph *g, kb_topology *topology, planned *plan, const int64_t *paces,
                     uint32_t n) {
    slow s = {.g = g, .plan = plan, .n_messages = n};
    size_t room = 1;
    for (uint32_t i = 0; i < n; i++) room += (size_t)kb_max_i64(1, plan[i].nbytes);
    s.flits = malloc(room * sizeof *s.flits);
    s.free_fs = calloc(g->n_links + 1, sizeof *s.free_fs);
    for (uint32_t i = 0; i < n; i++) {
        slow_message *m = &s.messages[i];
        uint32_t number;
        CHECK_EQ(kb_topology_path(topology, plan[i].src, plan[i].dst, KB_ANY_SLICE, &m->path,
                                  &m->n_hops, &number, NULL),
                 KB_OK);
        m->n_left = kb_max_i64(1, plan[i].nbytes);
        for (uint32_t j = 0; j < n; j++) {
            bool earlier =
                plan[j].at_fs < plan[i].at_fs || (plan[j].at_fs == plan[i].at_fs && j < i);
            m->count += plan[j].src == plan[i].src && earlier;
        }
        int64_t eligible_fs = plan[i].at_fs + g->overhead_fs[plan[i].src];
        int64_t last_fs = kb_max_i64(eligible_fs, plan[i].at_fs + (m->n_left - 1) * paces[i]);
        plan[i].end_fs = m->n_hops ? -1 : last_fs;
        for (int64_t k = 0; m->n_hops && k < m->n_left; k++)
            s.flits[s.n_flits++] =
                (slow_flit){i, 0, k, kb_max_i64(eligible_fs, plan[i].at_fs + k * paces[i])};
    }
    while (s.n_flits) {
        size_t first = 0;
        for (size_t i = 1; i < s.n_flits; i++)
            if (slow_before(&s, &s.flits[i], &s.flits[first])) first = i;
        slow_serve(&s, first);
    }
    free(s.flits);
    free(s.free_fs);
}

/* --- random machines and loads -------------------------------------------------------------------- */

static int64_t pick(uint64_t *seed, const int64_t *values, int64_t n) {
    return values[graph_below(seed, n)];
}

/* Few values make ties, wide ones make none. */
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

static uint32_t add_node(graph *g, const palette *p, uint64_t *seed) {
    return graph_node(g, pick(seed, p->overheads, 3));
}

static void add_link(graph *g, uint32_t a, uint32_t b, const palette *p, uint64_t *seed) {
    if (a != b && !graph_has(g, a, b))
        (void)graph_link(g, a, b, pick(seed, p->services, 3), pick(seed, p->latencies, 3));
}

static void add_both(graph *g, uint32_t a, uint32_t b, const palette *p, uint64_t *seed) {
    add_link(g, a, b, p, seed);
    add_link(g, b, a, p, seed);
}

/* A grid with links both ways; a torus when it wraps. */
static void add_grid(graph *g, uint32_t nx, uint32_t ny, bool wrap, const palette *p,
                     uint64_t *seed) {
    for (uint32_t i = 0; i < nx * ny; i++) (void)add_node(g, p, seed);
    for (uint32_t y = 0; y < ny; y++)
        for (uint32_t x = 0; x < nx; x++) {
            uint32_t at = y * nx + x;
            if (x + 1 < nx || wrap) add_both(g, at, y * nx + (x + 1) % nx, p, seed);
            if (y + 1 < ny || wrap) add_both(g, at, (y + 1) % ny * nx + x, p, seed);
        }
}

enum { CHAIN, MERGE, TREE, MESH, TORUS, RING, RANDOM, N_FAMILIES };

static void random_graph(graph *g, int64_t family, uint64_t *seed) {
    palette p = random_palette(seed);
    g->n_nodes = g->n_links = 0;
    uint32_t n = (uint32_t)(2 + graph_below(seed, 8));
    if (family == MESH || family == TORUS) {
        add_grid(g, (uint32_t)(1 + graph_below(seed, 4)), (uint32_t)(2 + graph_below(seed, 3)),
                 family == TORUS, &p, seed);
        return;
    }
    for (uint32_t i = 0; i < n; i++) (void)add_node(g, &p, seed);
    for (uint32_t i = 1; i < n; i++) {
        if (family == CHAIN) add_link(g, i - 1, i, &p, seed);
        if (family == MERGE && i > 1) add_link(g, i, 1, &p, seed);
        if (family == TREE) add_link(g, i, (uint32_t)graph_below(seed, i), &p, seed);
        if (family == RING || family == RANDOM) add_link(g, i - 1, i, &p, seed);
    }
    if (family == MERGE) add_link(g, 1, 0, &p, seed);
    if (family == RING || family == RANDOM) add_link(g, n - 1, 0, &p, seed);
    for (uint32_t i = 0; family == RANDOM && i < n; i++)
        add_link(g, (uint32_t)graph_below(seed, n), (uint32_t)graph_below(seed, n), &p, seed);
}

static uint32_t random_plan(const graph *g, kb_topology *topology, planned *plan, uint32_t n_most,
                            uint64_t *seed) {
    static const int64_t spans[] = {1, 10, 300, 100000};
    int64_t span = pick(seed, spans, 4), longest = 1 + graph_below(seed, 12);
    uint32_t n = 0;
    for (uint32_t tries = 0; tries < n_most; tries++) {
        planned next = {(uint32_t)graph_below(seed, g->n_nodes),
                        (uint32_t)graph_below(seed, g->n_nodes), graph_below(seed, span),
                        graph_below(seed, longest + 1), -1};
        const uint32_t *path;
        uint32_t n_hops, number;
        kb_status status = kb_topology_path(topology, next.src, next.dst, KB_ANY_SLICE, &path,
                                            &n_hops, &number, NULL);
        if (status == KB_OK && n_hops <= MAX_HOPS) plan[n++] = next;
    }
    return n;
}

static int64_t sum_of_bytes(const planned *plan, uint32_t n) {
    int64_t sum = 0;
    for (uint32_t i = 0; i < n; i++) sum += plan[i].nbytes;
    return sum;
}

/* The hops of a traced message are those of its path, and add up to its latency. */
static bool hops_add_up(kb_topology *topology, const planned *traced, const kb_hop *hops) {
    const uint32_t *path;
    uint32_t n_hops, number;
    if (kb_topology_path(topology, traced->src, traced->dst, KB_ANY_SLICE, &path, &n_hops, &number,
                         NULL) != KB_OK)
        return false;
    int64_t at_fs = traced->at_fs;
    for (uint32_t i = 0; i < n_hops; i++) {
        const kb_hop *hop = &hops[i];
        if (hop->link != path[i] || hop->arrive_fs != at_fs) return false;
        if (hop->waiting_fs < 0 || hop->own_fs < 0 || hop->overhead_fs < 0) return false;
        at_fs +=
            hop->waiting_fs + hop->own_fs + hop->overhead_fs + hop->service_fs + hop->latency_fs;
    }
    return n_hops == 0 || at_fs == traced->end_fs;
}

static void equals_the_oracle(void) {
    enum { CASES = 3500 };
    static graph g;
    planned plan[MAX_MESSAGES], expected[MAX_MESSAGES];
    uint64_t n_messages = 0, n_hops = 0;
    for (uint64_t number = 0; number < CASES; number++) {
        uint64_t seed = number * UINT64_C(0x9e3779b97f4a7c15) + 1;
        random_graph(&g, (int64_t)(number % N_FAMILIES), &seed);
        g.by_flit = number / N_FAMILIES % 2;
        rig r;
        if (!rig_init(&r, &g, graph_below(&seed, 2) ? KB_DELIVER_FLITS : KB_DELIVER_TAIL)) return;
        uint32_t n = random_plan(&g, r.topology, plan, MAX_MESSAGES, &seed);
        memcpy(expected, plan, sizeof plan);
        int64_t paces[MAX_MESSAGES];
        for (uint32_t i = 0; i < n; i++)
            paces[i] = graph_below(&seed, 3) ? 0 : graph_below(&seed, 3 * g.links[0].service_fs);
        slow_run(&g, r.topology, expected, paces, n);
        r.paces = paces;
        rig_plan(&r, plan, n);
        kb_hop hops[MAX_HOPS] = {{0}};
        r.hops = hops;
        r.traced = n ? (uint32_t)graph_below(&seed, n) : 0;
        if (n && paces[r.traced]) r.hops = NULL; /* only what is there when it is sent is traced */
        bool right = rig_run(&r);
        if (r.hops && n) right = CHECK(hops_add_up(r.topology, &plan[r.traced], hops)) && right;
        for (uint32_t i = 0; right && i < n; i++) {
            right = plan[i].end_fs == expected[i].end_fs;
            if (!right)
                printf("# case %" PRIu64 ", message %u of %u: got %" PRId64 ", expected %" PRId64
                       "\n",
                       number, i, n, plan[i].end_fs, expected[i].end_fs);
        }
        kb_fabric_counters c = kb_fabric_count(r.fabric);
        right = right && r.n_delivered == n && c.messages_delivered == n && /* law L5 */
                c.flits_delivered == c.flits_sent && c.bytes_delivered == c.bytes_sent &&
                (int64_t)r.bytes_delivered == sum_of_bytes(plan, n);
        CHECK(right);
        n_messages += n;
        n_hops += c.flit_hops;
        rig_deinit(&r);
        if (!right) return;
    }
    printf("# %" PRIu64 " messages, %" PRIu64 " flit-hops\n", n_messages, n_hops);
    CHECK(n_messages > 50000 && n_hops > 500000);
}

/* Until an instant, the services of each link. */
static bool count_until(const graph *g, const planned *plan, uint32_t n, int64_t until_fs,
                        uint64_t n_served[GRAPH_MAX_LINKS]) {
    planned again[MAX_MESSAGES];
    rig r;
    kb_run_end end;
    memcpy(again, plan, n * sizeof *plan);
    if (!rig_init(&r, g, KB_DELIVER_TAIL)) return false;
    rig_plan(&r, again, n);
    bool ran = CHECK_EQ(kb_sim_run(r.sim, until_fs, UINT64_MAX, &end, NULL), KB_OK);
    for (uint32_t i = 0; i < g->n_links; i++) n_served[i] = kb_fabric_link_flits(r.fabric, i);
    rig_deinit(&r);
    return ran;
}

/* Whoever looks after a run finds all services before now done, and none after it (F2). */
static bool has_served_up_to_now(const graph *g, const rig *r, const planned *plan, uint32_t n) {
    static uint64_t before[GRAPH_MAX_LINKS], with[GRAPH_MAX_LINKS];
    int64_t now = kb_sim_now(r->sim);
    bool right = count_until(g, plan, n, now - 1, before) && count_until(g, plan, n, now, with);
    for (uint32_t i = 0; right && i < g->n_links; i++) {
        uint64_t n_served = kb_fabric_link_flits(r->fabric, i);
        right = n_served >= before[i] && n_served <= with[i];
    }
    return right;
}

/* Runs the first n of a plan, cut once all have started: by a budget, or at an instant.  There, if it is not over,
 * the last message of the plan is told to start next; true when it was. */
static bool run_cut(const graph *g, planned *plan, uint32_t n, uint64_t *seed) {
    rig r;
    if (!rig_init(&r, g, KB_DELIVER_TAIL)) return false;
    kb_run_end end = KB_RUN_BUDGET;
    int64_t step = 1 + graph_below(seed, 200), n_steps = 1 + graph_below(seed, 20);
    bool by_budget = graph_below(seed, 2);
    rig_plan(&r, plan, n);
    while (end != KB_RUN_IDLE && (r.n_started < n || --n_steps > 0)) {
        int64_t until_fs = by_budget ? KB_TIME_MAX : kb_sim_now(r.sim) + step;
        uint64_t budget = by_budget ? (uint64_t)step : UINT64_MAX;
        CHECK_EQ(kb_sim_run(r.sim, until_fs, budget, &end, NULL), KB_OK);
    }
    bool cut = end != KB_RUN_IDLE;
    if (cut) {
        CHECK(has_served_up_to_now(g, &r, plan, n));
        plan[n].at_fs = kb_sim_now(r.sim) + 1;
        r.order[r.n_planned++] = n;
        kb_sim_at(r.sim, r.slot, plan[n].at_fs);
        CHECK(rig_run(&r));
    }
    rig_deinit(&r);
    return cut;
}

/* Flit by flit a port goes ahead of the others, but never of what may still be sent. */
static void may_be_cut_anywhere(void) {
    static graph g;
    planned plan[MAX_MESSAGES + 1], whole[MAX_MESSAGES + 1];
    int n_cut = 0;
    for (uint64_t number = 0; number < 2000; number++) {
        uint64_t seed = number * UINT64_C(0x9e3779b97f4a7c15) + 7;
        random_graph(&g, (int64_t)(number % N_FAMILIES), &seed);
        g.by_flit = true;
        rig r;
        if (!rig_init(&r, &g, KB_DELIVER_TAIL)) return;
        uint32_t n = random_plan(&g, r.topology, plan, MAX_MESSAGES, &seed);
        if (n > 1 && run_cut(&g, plan, --n, &seed)) {
            n_cut++;
            memcpy(whole, plan, sizeof plan);
            rig_plan(&r, whole, n + 1);
            bool right = CHECK(rig_run(&r));
            for (uint32_t i = 0; i <= n; i++) right = right && plan[i].end_fs == whole[i].end_fs;
            if (!CHECK(right)) printf("# case %" PRIu64 "\n", number);
        }
        rig_deinit(&r);
    }
    CHECK(n_cut > 500);
}

/* Whoever is issued first, different senders' messages have the same times. */
static void order_of_issue_does_not_matter(void) {
    static graph g;
    planned plan[MAX_MESSAGES], first[MAX_MESSAGES];
    for (uint64_t number = 0; number < 200; number++) {
        uint64_t seed = number * UINT64_C(0x9e3779b97f4a7c15) + 77;
        random_graph(&g, (int64_t)(number % N_FAMILIES), &seed);
        uint32_t n = 0, name[MAX_MESSAGES];
        for (uint32_t turn = 0; turn < 4; turn++) {
            rig r;
            if (!rig_init(&r, &g, KB_DELIVER_TAIL)) return;
            if (turn == 0) {
                n = random_plan(&g, r.topology, plan, MAX_MESSAGES, &seed);
                for (uint32_t i = 0; i < n; i++) name[i] = i;
            }
            for (uint32_t k = 0; turn && k < n * n; k++) {
                uint32_t i = (uint32_t)graph_below(&seed, n ? n : 1);
                if (i + 1 >= n || plan[i].src == plan[i + 1].src) continue;
                planned moved = plan[i];
                uint32_t moved_name = name[i];
                plan[i] = plan[i + 1], name[i] = name[i + 1];
                plan[i + 1] = moved, name[i + 1] = moved_name;
            }
            rig_plan(&r, plan, n);
            bool right = rig_run(&r);
            for (uint32_t i = 0; i < n; i++) {
                if (turn == 0) first[i] = plan[i];
                right = right && plan[i].end_fs == first[name[i]].end_fs;
            }
            CHECK(right);
            rig_deinit(&r);
        }
    }
}

/* --- the laws ------------------------------------------------------------------------------------- */

/* L1: T = sum(s_i + p_i) + max_m(sum_{i<=m} o_i + (F - 1) s_m) */
static void law_1_zero_load(void) {
    static graph g;
    uint64_t seed = 11;
    for (int round = 0; round < 300; round++) {
        uint32_t n_hops = (uint32_t)(1 + graph_below(&seed, 8));
        int64_t n_flits = 1 + graph_below(&seed, round % 10 ? 300 : 6000);
        g.n_nodes = g.n_links = 0;
        int64_t sum_fs = 0, sum_overhead = 0, greatest = 0;
        for (uint32_t i = 0; i <= n_hops; i++)
            (void)graph_node(&g, graph_below(&seed, 2) ? graph_below(&seed, 200000) : 0);
        for (uint32_t i = 0; i < n_hops; i++) {
            int64_t service = 1 + graph_below(&seed, 3000), latency = graph_below(&seed, 100000);
            (void)graph_link(&g, i, i + 1, service, latency);
            sum_fs += service + latency;
            sum_overhead += g.overhead_fs[i];
            greatest = kb_max_i64(greatest, sum_overhead + (n_flits - 1) * service);
        }
        rig r;
        if (!rig_init(&r, &g, KB_DELIVER_TAIL)) return;
        planned plan = {0, n_hops, graph_below(&seed, 1000000), n_flits, 0};
        rig_plan(&r, &plan, 1);
        CHECK(rig_run(&r));
        CHECK_EQ(plan.end_fs - plan.at_fs, sum_fs + greatest);
        rig_deinit(&r);
    }
}

/* L2: a port that always has flits sends one every s. */
static void law_2_bottleneck(void) {
    static graph g;
    uint64_t seed = 22;
    for (int round = 0; round < 100; round++) {
        uint32_t n_sources = (uint32_t)(1 + graph_below(&seed, 6));
        int64_t service = 500 + graph_below(&seed, 500), overhead = graph_below(&seed, 3000);
        g.n_nodes = g.n_links = 0;
        uint32_t sink = graph_node(&g, 0), hub = graph_node(&g, overhead);
        planned plan[6];
        int64_t n_flits = 0, first_fs = INT64_MAX, last_fs = 0;
        for (uint32_t i = 0; i < n_sources; i++) {
            uint32_t source = graph_node(&g, graph_below(&seed, 100));
            int64_t fast = 1 + graph_below(&seed, service), latency = graph_below(&seed, 100);
            (void)graph_link(&g, source, hub, fast, latency);
            plan[i] = (planned){source, sink, 0, 100 + graph_below(&seed, 100), 0};
            n_flits += plan[i].nbytes;
            int64_t there = g.overhead_fs[source] + fast + latency + overhead;
            if (there < first_fs) first_fs = there;
        }
        (void)graph_link(&g, hub, sink, service, 40);
        rig r;
        if (!rig_init(&r, &g, KB_DELIVER_TAIL)) return;
        rig_plan(&r, plan, n_sources);
        CHECK(rig_run(&r));
        for (uint32_t i = 0; i < n_sources; i++) last_fs = kb_max_i64(last_fs, plan[i].end_fs);
        CHECK_EQ(last_fs, first_fs + n_flits * service + 40);
        rig_deinit(&r);
    }
}

enum { SHARED = 400 };

typedef struct sharers {
    uint32_t src[2 * SHARED];
    uint32_t n;
} sharers;

static void note_sender(void *self, const kb_message *message, uint32_t link, int64_t first,
                        kb_train flits) {
    (void)link;
    (void)first;
    sharers *s = self;
    for (int64_t i = 0; i < flits.count && s->n < 2 * SHARED; i++) s->src[s->n++] = message->src;
}

/* L3: two equal streams get half each over any window, within ceil(o/s) + 1 flits. */
static void law_3_sharing(void) {
    static graph g;
    uint64_t seed = 33;
    for (int round = 0; round < 200; round++) {
        int64_t service = 100 + graph_below(&seed, 100);
        int64_t overhead = round % 4 ? graph_below(&seed, 1500) : 0;
        int64_t latency = graph_below(&seed, 1000);
        g.n_nodes = g.n_links = 0;
        uint32_t sink = graph_node(&g, 0), hub = graph_node(&g, overhead);
        uint32_t a = graph_node(&g, 0), b = graph_node(&g, 0);
        (void)graph_link(&g, a, hub, service, latency);
        (void)graph_link(&g, b, hub, service, latency);
        (void)graph_link(&g, hub, sink, service, 0);
        rig r;
        if (!rig_init(&r, &g, KB_DELIVER_TAIL)) return;
        sharers s = {.n = 0};
        kb_fabric_set_sink(r.fabric, sink, KB_DELIVER_FLITS, note_sender, &s);
        planned plan[] = {{a, sink, 0, SHARED, 0},
                          {b, sink, graph_below(&seed, 50 * service), SHARED, 0}};
        rig_plan(&r, plan, 2);
        CHECK(rig_run(&r));
        CHECK_EQ(s.n, 2 * SHARED);
        uint32_t from = 0, to = s.n; /* where both are there */
        while (from < s.n && s.src[from] == a) from++;
        while (to > from && s.src[to - 1] == s.src[s.n - 1]) to--;
        int64_t balance = 0, least = 0, most = 0, n_repeats = 0;
        for (uint32_t i = from; i < to; i++) {
            balance += s.src[i] == a ? 1 : -1;
            least = kb_min_i64(least, balance);
            most = kb_max_i64(most, balance);
            n_repeats += i > from && s.src[i] == s.src[i - 1];
        }
        CHECK(to - from > SHARED);
        CHECK(most - least <= kb_ceil_div(overhead, service) + 1);
        if (overhead == 0) CHECK_EQ(n_repeats, 0);
        rig_deinit(&r);
    }
}

/* L4: each wait is Lindley's; with Poisson arrivals the mean is that of M/D/1. */
static void law_4_queueing(void) {
    enum { N = 1000000 };
    static const double loads[] = {0.5, 0.8};
    const int64_t service = 1000000, latency = 5;
    static graph g;
    for (int k = 0; k < 2; k++) {
        g.n_nodes = g.n_links = 0;
        for (int i = 0; i < 2; i++) (void)graph_node(&g, 0);
        (void)graph_link(&g, 0, 1, service, latency);
        rig r;
        planned *plan = malloc(N * sizeof *plan);
        if (!CHECK(plan != NULL) || !rig_init(&r, &g, KB_DELIVER_TAIL)) return;
        uint64_t seed = 44;
        double mean_gap = (double)service / loads[k];
        int64_t at_fs = 0;
        for (uint32_t i = 0; i < N; i++) {
            double u = ((double)(graph_random(&seed) & UINT32_MAX) + 0.5) / 4294967296.0;
            at_fs += (int64_t)(-log(u) * mean_gap);
            plan[i] = (planned){0, 1, at_fs, 1, 0};
        }
        rig_plan(&r, plan, N);
        CHECK(rig_run(&r));
        int64_t wait_fs = 0, sum_fs = 0, n_wrong = 0;
        for (uint32_t i = 0; i < N; i++) {
            if (i) wait_fs = kb_max_i64(0, wait_fs + service - (plan[i].at_fs - plan[i - 1].at_fs));
            n_wrong += plan[i].end_fs - plan[i].at_fs != wait_fs + service + latency;
            sum_fs += plan[i].end_fs - plan[i].at_fs - service - latency;
        }
        CHECK_EQ(n_wrong, 0);
        double mean = (double)sum_fs / N;
        double theory = loads[k] * (double)service / (2 * (1 - loads[k]));
        printf("# load %.1f: mean wait %.4f services, M/D/1 %.4f\n", loads[k],
               mean / (double)service, theory / (double)service);
        CHECK(fabs(mean / theory - 1) < 0.02);
        free(plan);
        rig_deinit(&r);
    }
}

/* L5 on larger machines, with traffic that goes on and on: every byte sent is received once. */
static void law_5_conservation(void) {
    enum { MESSAGES = 5000 };
    static graph g;
    planned *plan = malloc(MESSAGES * sizeof *plan);
    if (!CHECK(plan != NULL)) return;
    for (uint64_t number = 0; number < 12; number++) {
        uint64_t seed = number + 55;
        palette p = random_palette(&seed);
        g.n_nodes = g.n_links = 0;
        add_grid(&g, 8, 8, number % 2, &p, &seed);
        rig r;
        if (!rig_init(&r, &g, number % 3 ? KB_DELIVER_TAIL : KB_DELIVER_FLITS)) return;
        for (uint32_t i = 0; i < MESSAGES; i++)
            plan[i] =
                (planned){(uint32_t)graph_below(&seed, 64), (uint32_t)graph_below(&seed, 64),
                          graph_below(&seed, 3000 * p.services[0]), graph_below(&seed, 20), 0};
        rig_plan(&r, plan, MESSAGES);
        CHECK(rig_run(&r));
        uint64_t n_unfinished = 0, n_served = 0;
        for (uint32_t i = 0; i < MESSAGES; i++) n_unfinished += plan[i].end_fs < plan[i].at_fs;
        for (uint32_t i = 0; i < g.n_links; i++) n_served += kb_fabric_link_flits(r.fabric, i);
        kb_fabric_counters c = kb_fabric_count(r.fabric);
        CHECK_EQ(n_unfinished, 0);
        CHECK_EQ(r.n_delivered, MESSAGES);
        CHECK_EQ(r.bytes_delivered, sum_of_bytes(plan, MESSAGES));
        CHECK_EQ(c.flits_delivered, c.flits_sent);
        CHECK_EQ(c.flit_hops, n_served);
        rig_deinit(&r);
    }
    free(plan);
}

int main(void) {
    TAP_RUN(equals_the_oracle);
    TAP_RUN(may_be_cut_anywhere);
    TAP_RUN(order_of_issue_does_not_matter);
    TAP_RUN(law_1_zero_load);
    TAP_RUN(law_2_bottleneck);
    TAP_RUN(law_3_sharing);
    TAP_RUN(law_4_queueing);
    TAP_RUN(law_5_conservation);
    return tap_finish();
}
