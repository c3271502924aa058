/* Meshes at and beyond saturation: what load an 8 x 8 mesh carries, and that nothing is lost when it is too
 * much, with queues without end and with buffers of a few flits. */
#include "test/tap.h"

#include "test/graph.h"

enum { SIDE = 8, NODES = SIDE * SIDE, S = 1000 };

typedef uint32_t (*pattern)(uint64_t *seed, uint32_t src);

/* Over all nodes, the sender included. */
static uint32_t uniform(uint64_t *seed, uint32_t src) {
    (void)src;
    return (uint32_t)graph_below(seed, NODES);
}

static uint32_t transpose(uint64_t *seed, uint32_t src) {
    (void)seed;
    return src % SIDE * SIDE + src / SIDE;
}

/* One-flit messages: each node begins one in each cycle, a flit's service, with this probability. */
static planned *plan_load(pattern to, int64_t per_million, int64_t n_cycles, int64_t n_flits,
                          uint32_t *n) {
    uint64_t seed = 12345;
    size_t room = (size_t)(NODES * n_cycles * per_million / 1000000 * 11 / 10 + 1000);
    planned *plan = malloc(room * sizeof *plan);
    *n = 0;
    if (!CHECK(plan != NULL)) return NULL;
    for (int64_t cycle = 0; cycle < n_cycles; cycle++)
        for (uint32_t src = 0; src < NODES; src++)
            if (graph_below(&seed, 1000000) < per_million && *n < room)
                plan[(*n)++] = (planned){src, to(&seed, src), cycle * S, n_flits, -1};
    return plan;
}

static double mean_latency(const planned *plan, uint32_t from, uint32_t to) {
    double sum = 0;
    for (uint32_t i = from; i < to; i++) sum += (double)(plan[i].end_fs - plan[i].at_fs) / S;
    return sum / (to - from);
}

/* Mean latencies of the second and the last quarter of the messages, in cycles. */
static void load_mesh(pattern to, int64_t serialize, int64_t per_million, int64_t n_cycles,
                      double means[2]) {
    static graph g;
    rig r;
    uint32_t n;
    kb_transit transit = {.serialize = serialize, .channels = 1};
    graph_mesh_of_endpoints(&g, SIDE, SIDE, S, transit);
    g.by_flit = true;
    planned *plan = plan_load(to, per_million, n_cycles, 1, &n);
    if (!plan || !rig_init(&r, &g, KB_DELIVER_TAIL)) return;
    rig_plan(&r, plan, n);
    CHECK(rig_run(&r));
    CHECK_EQ(r.n_delivered, n);
    means[0] = mean_latency(plan, n / 4, n / 2);
    means[1] = mean_latency(plan, n / 4 * 3, n);
    printf("# %s, a server a %s, at %.4f: mean latency %.1f, then %.1f cycles\n",
           to == uniform ? "uniform" : "transpose", serialize ? "router" : "port",
           (double)per_million / 1e6, means[0], means[1]);
    rig_deinit(&r);
    free(plan);
}

static void is_stable(pattern to, int64_t serialize, int64_t per_million, int64_t n_cycles) {
    double means[2] = {0, 0};
    load_mesh(to, serialize, per_million, n_cycles, means);
    CHECK(means[1] > 0 && means[1] < 1.3 * means[0] && means[1] < 150);
}

static void is_growing(pattern to, int64_t serialize, int64_t per_million, int64_t n_cycles) {
    double means[2] = {0, 0};
    load_mesh(to, serialize, per_million, n_cycles, means);
    CHECK(means[0] > 0 && means[1] > 1.6 * means[0]);
}

/* The busiest links carry 2 of the load under uniform traffic, 7 under transpose. */
static void a_mesh_carries_a_half_and_a_seventh(void) {
    is_stable(uniform, KB_SERIALIZE_PORT, 490000, 20000);
    is_growing(uniform, KB_SERIALIZE_PORT, 510000, 20000);
    is_stable(transpose, KB_SERIALIZE_PORT, 140000, 40000);
    is_growing(transpose, KB_SERIALIZE_PORT, 146000, 40000);
}

/* With one server a router, which serves what leaves the mesh too: 1 / 8.75 and 1 / 8, within 2 %. */
static void a_mesh_of_shared_servers_carries_less(void) {
    is_stable(uniform, KB_SERIALIZE_ROUTER, 112000, 40000);
    is_growing(uniform, KB_SERIALIZE_ROUTER, 116600, 40000);
    is_stable(transpose, KB_SERIALIZE_ROUTER, 122500, 40000);
    is_growing(transpose, KB_SERIALIZE_ROUTER, 127500, 40000);
}

/* Offered far more than they carry, meshes and tori with buffers of a few flits deliver everything, in both
 * modes at the same times; rig_run has the physics checked: every place is free in the end. */
static void loses_nothing_at_saturation(void) {
    static graph g;
    for (int round = 0; round < 12; round++) {
        int64_t n_flits = round % 3 == 2 ? 7 : 1;
        bool wrap = round % 4 == 3;
        kb_transit transit = {.serialize = round % 6 == 4 ? KB_SERIALIZE_ROUTER : KB_SERIALIZE_PORT,
                              .buffer_flits = 1 + round % 4,
                              .channels = 1 + wrap};
        graph_mesh(&g, SIDE, SIDE, wrap, 2 * S, S, S, transit);
        uint32_t n;
        planned *plan =
            plan_load(round % 2 ? transpose : uniform, 900000 / n_flits, 400, n_flits, &n);
        planned *again = malloc((n + 1) * sizeof *again);
        if (!plan || !CHECK(again != NULL)) return;
        memcpy(again, plan, n * sizeof *plan);
        for (int by_flit = 0; by_flit < 2; by_flit++) {
            rig r;
            g.by_flit = by_flit;
            if (!rig_init(&r, &g, KB_DELIVER_TAIL)) return;
            rig_plan(&r, by_flit ? again : plan, n);
            CHECK(rig_run(&r));
            CHECK_EQ(r.n_delivered, n);
            CHECK_EQ(r.bytes_delivered, (uint64_t)n * (uint64_t)n_flits);
            rig_deinit(&r);
        }
        CHECK(memcmp(plan, again, n * sizeof *plan) == 0);
        free(plan);
        free(again);
    }
}

/* A link never waits for a place from ceil((2 (s + p) + o) / s) places on, and with one fewer it does. */
static void the_warning_is_right(void) {
    static graph g;
    uint64_t seed = 4;
    for (int round = 0; round < 100; round++) {
        int64_t s = 1 + graph_below(&seed, 50), p = graph_below(&seed, 200);
        int64_t o = graph_below(&seed, 300);
        int64_t least = kb_ceil_div(2 * (s + p) + o, s), end_fs[3];
        for (int which = 0; which < 3; which++) {
            rig r;
            g.n_nodes = g.n_links = 0;
            for (int i = 0; i < 3; i++) (void)graph_node(&g, o);
            g.transit[1].buffer_flits = which == 0 ? 0 : which == 1 ? least : least - 1;
            for (uint32_t i = 0; i < 2; i++) (void)graph_link(&g, i, i + 1, s, p);
            if (!rig_init(&r, &g, KB_DELIVER_TAIL)) return;
            CHECK_EQ(kb_topology_n_warnings(r.topology), which == 2);
            planned plan[4096];
            for (uint32_t i = 0; i < 4096; i++) plan[i] = (planned){0, 2, 0, 1, -1};
            rig_plan(&r, plan, 4096);
            CHECK(rig_run(&r));
            end_fs[which] = plan[4095].end_fs;
            rig_deinit(&r);
        }
        CHECK_EQ(end_fs[1], end_fs[0]);
        CHECK(end_fs[2] > end_fs[0]);
        /* the loop's length, once for each round of places */
        if (least > 1)
            CHECK_EQ(end_fs[2] - end_fs[0],
                     4095 / (least - 1) * (2 * (s + p) + o - (least - 1) * s));
    }
}

int main(void) {
    TAP_RUN(a_mesh_carries_a_half_and_a_seventh);
    TAP_RUN(a_mesh_of_shared_servers_carries_less);
    TAP_RUN(loses_nothing_at_saturation);
    TAP_RUN(the_warning_is_right);
    return tap_finish();
}
