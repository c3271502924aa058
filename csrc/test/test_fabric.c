/* hw/fabric: delivery, traces, ranges of time, memory. */
#include "test/tap.h"

#include "hw/fabric/fabric_core.h"
#include "test/graph.h"

typedef struct heard {
    kb_sim *sim;
    char log[2048];
} heard;

static void hear(void *self, const kb_message *message, uint32_t link, int64_t first,
                 kb_train flits) {
    heard *h = self;
    size_t length = strlen(h->log);
    (void)snprintf(h->log + length, sizeof h->log - length,
                   "%" PRId64 ":%u>%u#%u t%u l%d [%" PRId64 "+%" PRId64 "/%" PRId64 "] ",
                   kb_sim_now(h->sim), message->src, message->dst, message->count, message->tag,
                   link == UINT32_MAX ? -1 : (int)link, first, flits.count, message->n_flits);
}

/* 0 -> 1 -> 2, and 3 -> 1 */
static void fork_graph(graph *g) {
    g->n_nodes = g->n_links = 0;
    for (int64_t o = 0; o < 4; o++) (void)graph_node(g, 100 * o);
    (void)graph_link(g, 0, 1, 10, 5);
    (void)graph_link(g, 1, 2, 20, 7);
    (void)graph_link(g, 3, 1, 10, 0);
    (void)graph_link(g, 1, 3, 10, 0);
}

static void delivers_tails_or_flits(void) {
    static graph g;
    fork_graph(&g);
    for (int turn = 0; turn < 4; turn++) {
        rig r;
        g.by_flit = turn >= 2;
        if (!rig_init(&r, &g, KB_DELIVER_TAIL)) return;
        heard h = {.sim = r.sim};
        kb_fabric_set_sink(r.fabric, 2, turn % 2 ? KB_DELIVER_FLITS : KB_DELIVER_TAIL, hear, &h);
        planned plan[] = {{0, 2, 1000, 3, 0}, {0, 2, 0, 0, 0}};
        rig_plan(&r, plan, 2);
        CHECK(rig_run(&r));
        /* o0 + s0 + p0 + o1 + s1 + p1 = 0 + 15 + 100 + 27; then 1142, a flit every 20 */
        static const char *const expected[] = {
            "142:0>2#0 t1 l1 [0+1/1] 1182:0>2#1 t0 l1 [2+1/3] ",
            "142:0>2#0 t1 l1 [0+1/1] 1182:0>2#1 t0 l1 [0+3/3] ",
            "142:0>2#0 t1 l1 [0+1/1] 1182:0>2#1 t0 l1 [2+1/3] ",
            "142:0>2#0 t1 l1 [0+1/1] 1142:0>2#1 t0 l1 [0+1/3] 1162:0>2#1 t0 l1 [1+1/3] "
            "1182:0>2#1 t0 l1 [2+1/3] "};
        CHECK_STR(h.log, expected[turn]);
        kb_fabric_counters c = kb_fabric_count(r.fabric);
        CHECK_EQ(c.messages_sent, 2);
        CHECK_EQ(c.messages_delivered, 2);
        CHECK_EQ(c.flits_sent, 4);
        CHECK_EQ(c.flits_delivered, 4);
        CHECK_EQ(c.bytes_sent, 3);
        CHECK_EQ(c.bytes_delivered, 3);
        CHECK_EQ(c.flit_hops, 8);
        CHECK_EQ(kb_fabric_link_flits(r.fabric, 0), 4);
        CHECK_EQ(kb_fabric_link_flits(r.fabric, 2), 0);
        rig_deinit(&r);
    }
}

/* Without a link: after the sender's overhead; equal times in order of message id. */
static void delivers_to_itself(void) {
    static graph g;
    g.n_nodes = g.n_links = 0;
    for (int i = 0; i < 3; i++) (void)graph_node(&g, i == 1 ? 50 : 0);
    (void)graph_link(&g, 0, 2, 1, 0);
    rig r;
    if (!rig_init(&r, &g, KB_DELIVER_TAIL)) return;
    heard h = {.sim = r.sim};
    for (uint32_t n = 0; n < 3; n++) kb_fabric_set_sink(r.fabric, n, KB_DELIVER_FLITS, hear, &h);
    planned plan[] = {{1, 1, 10, 5, 0}, {1, 1, 10, 0, 0}, {0, 0, 60, 9, 0}, {0, 0, 0, 1, 0}};
    rig_plan(&r, plan, 4);
    CHECK(rig_run(&r));
    CHECK_STR(h.log, "0:0>0#0 t3 l-1 [0+1/1] 60:1>1#0 t0 l-1 [0+5/5] 60:1>1#1 t1 l-1 [0+1/1] "
                     "60:0>0#1 t2 l-1 [0+9/9] ");
    rig_deinit(&r);
}

/* A reply whose flits come into being later. */
static void open_and_append(bool by_flit) {
    static graph g;
    fork_graph(&g);
    g.by_flit = by_flit;
    rig r;
    if (!rig_init(&r, &g, KB_DELIVER_TAIL)) return;
    heard h = {.sim = r.sim};
    kb_fabric_set_sink(r.fabric, 2, KB_DELIVER_FLITS, hear, &h);
    kb_fabric_set_sink(r.fabric, 1, KB_DELIVER_FLITS, hear, &h);
    uint32_t handle = 0, local = 0;
    kb_send send = {1, 2, KB_ANY_SLICE, 0, 7, 4, NULL}, own = {1, 1, KB_ANY_SLICE, 0, 8, 2, NULL};
    CHECK_EQ(kb_fabric_open(r.fabric, &send, &handle, NULL), KB_OK);
    CHECK_EQ(kb_fabric_open(r.fabric, &own, &local, NULL), KB_OK);
    /* flit 0 is there at 30: eligible at 130; 1 and 2 at 110 and 190; 3 at 195 */
    CHECK_EQ(kb_fabric_append(r.fabric, handle, (kb_train){30, 0, 1}, NULL), KB_OK);
    CHECK_EQ(kb_fabric_append(r.fabric, handle, (kb_train){110, 80, 2}, NULL), KB_OK);
    CHECK_EQ(kb_fabric_append(r.fabric, local, (kb_train){40, 0, 1}, NULL), KB_OK);
    CHECK_EQ(kb_fabric_append(r.fabric, local, (kb_train){41, 0, 1}, NULL), KB_OK);
    kb_error err = KB_ERROR_INIT;
    CHECK_EQ(kb_fabric_append(r.fabric, handle, (kb_train){189, 0, 1}, &err), KB_INTERNAL);
    CHECK(strstr(err.message, "expected flits from 190 fs on, got one at 189 fs") != NULL);
    CHECK_EQ(kb_fabric_append(r.fabric, handle, (kb_train){195, 0, 2}, &err), KB_INTERNAL);
    CHECK_EQ(kb_fabric_append(r.fabric, handle, (kb_train){195, 0, 0}, &err), KB_INTERNAL);
    CHECK_EQ(kb_fabric_append(r.fabric, handle, (kb_train){195, -1, 1}, &err), KB_INTERNAL);
    CHECK_EQ(kb_fabric_append(r.fabric, handle, (kb_train){INT64_MAX - 3, 0, 1}, &err),
             KB_OVERFLOW);
    CHECK_EQ(kb_fabric_append(r.fabric, handle, (kb_train){195, 0, 1}, NULL), KB_OK);
    CHECK(rig_run(&r));
    CHECK_STR(h.log, by_flit ? "140:1>1#1 t8 l-1 [0+2/2] 157:1>2#0 t7 l1 [0+1/4] "
                               "177:1>2#0 t7 l1 [1+1/4] 217:1>2#0 t7 l1 [2+1/4] "
                               "237:1>2#0 t7 l1 [3+1/4] "
                             : "140:1>1#1 t8 l-1 [0+2/2] 237:1>2#0 t7 l1 [0+2/4] "
                               "237:1>2#0 t7 l1 [2+2/4] ");
    rig_deinit(&r);
}

static void opens_and_appends(void) {
    open_and_append(false);
    open_and_append(true);
}

/* Hops add up to the latency, whatever is in the way; waiting is the others' service alone. */
static void trace_the_last_flit(bool by_flit) {
    static graph g;
    fork_graph(&g);
    g.by_flit = by_flit;
    rig r;
    if (!rig_init(&r, &g, KB_DELIVER_TAIL)) return;
    kb_hop hops[2];
    uint32_t handle = 0;
    /* From 3 comes a flit to 1's port at 310 .. 350, eligible 100 later, or as the head is. */
    planned plan[] = {{3, 2, 0, 5, 0}};
    rig_plan(&r, plan, 1);
    heard h = {.sim = r.sim};
    kb_fabric_set_sink(r.fabric, 2, KB_DELIVER_TAIL, hear, &h);
    kb_run_end end;
    kb_send send = {0, 2, KB_ANY_SLICE, 0, 1, 3, NULL};
    CHECK_EQ(kb_sim_run(r.sim, 299, UINT64_MAX, &end, NULL), KB_OK);
    kb_fabric_trace(r.fabric, hops);
    CHECK_EQ(kb_fabric_send(r.fabric, &send, &handle, NULL), KB_OK);
    CHECK(rig_run(&r));
    /* Link 0: eligible 299, flits at 299, 309, 319; at node 1 at 314, 324, 334, eligible 414.
     * Link 1: the other message's five from 410 on, each 20, in turn with ours: input 0 < input 2, so
     * at 430 the others' 2nd to 5th (eligible 410 too) go first, until 510; ours at 510, 530, 550. */
    CHECK_EQ(hops[0].link, 0);
    CHECK_EQ(hops[0].arrive_fs, 299);
    CHECK_EQ(hops[0].waiting_fs, 0);
    CHECK_EQ(hops[0].own_fs, 20);
    CHECK_EQ(hops[0].overhead_fs, 0);
    CHECK_EQ(hops[0].service_fs, 10);
    CHECK_EQ(hops[0].latency_fs, 5);
    CHECK_EQ(hops[1].link, 1);
    CHECK_EQ(hops[1].arrive_fs, 334);
    CHECK_EQ(hops[1].overhead_fs, 410 - 334);
    CHECK_EQ(hops[1].waiting_fs, 100);
    CHECK_EQ(hops[1].own_fs, 40);
    CHECK_EQ(hops[1].service_fs, 20);
    CHECK_EQ(hops[1].latency_fs, 7);
    int64_t sum = 0;
    for (int i = 0; i < 2; i++)
        sum += hops[i].waiting_fs + hops[i].own_fs + hops[i].overhead_fs + hops[i].service_fs +
               hops[i].latency_fs;
    CHECK_EQ(299 + sum, 577);
    CHECK_STR(h.log, "517:3>2#0 t0 l1 [4+1/5] 577:0>2#0 t1 l1 [2+1/3] ");
    rig_deinit(&r);
}

static void traces_the_last_flit(void) {
    trace_the_last_flit(false);
    trace_the_last_flit(true);
}

static void refuses_what_cannot_be(void) {
    static graph g;
    fork_graph(&g);
    rig r;
    if (!rig_init(&r, &g, KB_DELIVER_TAIL)) return;
    static const struct {
        kb_send send;
        kb_status status;
        const char *words;
    } cases[] = {
        {{0, 9, KB_ANY_SLICE, 0, 0, 1, NULL}, KB_INVALID, "expected nodes 0 to 3, got 0 to 9"},
        {{9, 0, KB_ANY_SLICE, 0, 0, 1, NULL}, KB_INVALID, "expected nodes 0 to 3, got 9 to 0"},
        {{0, 1, KB_ANY_SLICE, 0, 0, -1, NULL}, KB_INVALID, "expected nbytes >= 0, got -1"},
        {{2, 0, KB_ANY_SLICE, 0, 0, 1, NULL}, KB_TOPOLOGY, ""},
        {{0, 1, KB_ANY_SLICE, 0, 0, INT64_MAX, NULL}, KB_OVERFLOW, "2.5 hours"},
        {{0, 1, KB_ANY_SLICE, 0, 0, INT64_MAX / 10, NULL}, KB_OVERFLOW, "send less"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        kb_error err = KB_ERROR_INIT;
        CHECK_EQ(kb_fabric_send(r.fabric, &cases[i].send, NULL, &err), cases[i].status);
        CHECK(strstr(err.message, cases[i].words) != NULL);
    }
    CHECK_EQ(kb_fabric_count(r.fabric).messages_sent, 0);
    CHECK(rig_run(&r));
    rig_deinit(&r);
}

/* Times at the end of the range: the last service that fits, fits; the next one fails, in so many words. */
static void never_wrap(bool by_flit) {
    static graph g;
    fork_graph(&g);
    g.by_flit = by_flit;
    rig r;
    if (!rig_init(&r, &g, KB_DELIVER_TAIL)) return;
    kb_run_end end;
    kb_error err = KB_ERROR_INIT;
    kb_send send = {0, 2, KB_ANY_SLICE, 0, 0, 1, NULL};
    kb_sim_at(r.sim, r.slot, INT64_MAX - 150);
    CHECK_EQ(kb_sim_run(r.sim, KB_TIME_MAX, UINT64_MAX, &end, NULL), KB_OK);
    CHECK_EQ(kb_sim_now(r.sim), INT64_MAX - 150);
    CHECK_EQ(kb_fabric_send(r.fabric, &send, NULL, NULL), KB_OK);
    CHECK_EQ(kb_sim_run(r.sim, KB_TIME_MAX, UINT64_MAX, &end, &err), KB_OVERFLOW);
    CHECK(strstr(err.message, "link 1: expected all times below 2^63 fs (2.5 hours)") != NULL);
    CHECK_EQ(kb_fabric_count(r.fabric).messages_delivered, 0);
    rig_deinit(&r);
}

/* Link 1 is slow, and knows of flits that come long before their service: it goes ahead of none that would end
 * beyond the range. */
static void never_wraps_ahead(void) {
    static graph g;
    g.n_nodes = g.n_links = 0;
    g.by_flit = true;
    for (int i = 0; i < 3; i++) (void)graph_node(&g, 0);
    const int64_t service_fs = INT64_C(1000000000000), latency_fs = INT64_C(20000000000000);
    (void)graph_link(&g, 0, 1, 1, latency_fs);
    (void)graph_link(&g, 1, 2, service_fs, latency_fs);
    rig r;
    if (!rig_init(&r, &g, KB_DELIVER_TAIL)) return;
    planned plan[] = {{0, 2, INT64_MAX - 2 * latency_fs - 10 * service_fs, 100, 0}};
    rig_plan(&r, plan, 1);
    kb_run_end end;
    kb_error err = KB_ERROR_INIT;
    CHECK_EQ(kb_sim_run(r.sim, KB_TIME_MAX, UINT64_MAX, &end, &err), KB_OVERFLOW);
    CHECK(strstr(err.message, "link 1: expected all times below 2^63 fs (2.5 hours)") != NULL);
    CHECK_EQ(kb_fabric_link_flits(r.fabric, 1), 9);
    rig_deinit(&r);
}

static void never_wraps(void) {
    never_wrap(false);
    never_wrap(true);
    never_wraps_ahead();
}

/* 2^40 bytes: no memory per flit, and a budget ends it. */
static void carries_endless_messages(void) {
    static graph g;
    g.n_nodes = g.n_links = 0;
    for (int i = 0; i < 3; i++) (void)graph_node(&g, 0);
    (void)graph_link(&g, 0, 1, 1, 0);
    (void)graph_link(&g, 1, 2, 1, 0);
    rig r;
    g.by_flit = true;
    if (!rig_init(&r, &g, KB_DELIVER_TAIL)) return;
    kb_send send = {0, 2, KB_ANY_SLICE, 0, 0, INT64_C(1) << 40, NULL};
    kb_run_end end;
    CHECK_EQ(kb_fabric_send(r.fabric, &send, NULL, NULL), KB_OK);
    CHECK_EQ(kb_sim_run(r.sim, KB_TIME_MAX, 1000, &end, NULL), KB_OK);
    uint64_t n_calls = r.alloc.n_calls;
    CHECK_EQ(kb_sim_run(r.sim, KB_TIME_MAX, 1000000, &end, NULL), KB_OK);
    CHECK_EQ(end, KB_RUN_BUDGET);
    CHECK_EQ(r.alloc.n_calls, n_calls);
    CHECK_EQ(kb_sim_now(r.sim), 500500); /* one flit a femtosecond at each of two ports */
    CHECK_EQ(kb_fabric_count(r.fabric).bytes_sent, UINT64_C(1) << 40);
    rig_deinit(&r);
    g.by_flit = false;
    if (!rig_init(&r, &g, KB_DELIVER_TAIL)) return;
    CHECK_EQ(kb_fabric_send(r.fabric, &send, NULL, NULL), KB_OK);
    CHECK(rig_run(&r));
    CHECK_EQ(kb_sim_now(r.sim), (INT64_C(1) << 40) + 1);
    CHECK_EQ(kb_fabric_count(r.fabric).train_pieces, 2);
    rig_deinit(&r);
}

/* What services do ahead counts against a run's budget, which is kept to within one of them at each port. */
static void goes_ahead_within_its_budget(void) {
    static graph g;
    g.n_nodes = g.n_links = 0;
    g.by_flit = true;
    for (int i = 0; i < 4; i++) (void)graph_node(&g, 0);
    for (uint32_t i = 0; i < 3; i++) (void)graph_link(&g, i, i + 1, 1, 1000);
    rig r;
    if (!rig_init(&r, &g, KB_DELIVER_TAIL)) return;
    kb_send send = {0, 3, KB_ANY_SLICE, 0, 0, 1000000, NULL};
    kb_run_end end = KB_RUN_BUDGET;
    CHECK_EQ(kb_fabric_send(r.fabric, &send, NULL, NULL), KB_OK);
    while (end == KB_RUN_BUDGET) {
        enum { BUDGET = 1000, AHEAD = 257, PORTS = 3 };
        uint64_t before = kb_sim_n_events(r.sim);
        if (!CHECK_EQ(kb_sim_run(r.sim, KB_TIME_MAX, BUDGET, &end, NULL), KB_OK)) break;
        if (!CHECK(kb_sim_n_events(r.sim) - before <= BUDGET + PORTS * AHEAD)) break;
    }
    CHECK_EQ(end, KB_RUN_IDLE);
    CHECK_EQ(kb_sim_now(r.sim), 1000000 + 2 + 3 * 1000);
    rig_deinit(&r);
}

static void stop_here(void *self, uint32_t arg) {
    (void)arg;
    kb_sim_stop(((rig *)self)->sim);
}

/* 0 -> 1 -> 2: at 30 fs link 1 serves the first of two flits, and knows of the second, which comes at 40.  A run
 * that ends in between (at an instant, or since somebody stops it) leaves room for one from node 1. */
static void goes_ahead_of_no_cut(void) {
    static graph g;
    g.n_nodes = g.n_links = 0;
    g.by_flit = true;
    for (int i = 0; i < 3; i++) (void)graph_node(&g, 0);
    (void)graph_link(&g, 0, 1, 10, 20);
    (void)graph_link(&g, 1, 2, 10, 20);
    for (int stopped = 0; stopped < 2; stopped++) {
        rig r;
        if (!rig_init(&r, &g, KB_DELIVER_TAIL)) return;
        uint32_t stopper;
        planned plan[] = {{0, 2, 0, 2, -1}, {1, 2, 31, 1, -1}};
        CHECK_EQ(kb_sim_add_slot(r.sim, stop_here, &r, 0, &stopper, NULL), KB_OK);
        rig_plan(&r, plan, 2);
        r.n_planned = 1;
        if (stopped) kb_sim_at(r.sim, stopper, 30);
        kb_run_end end;
        CHECK_EQ(kb_sim_run(r.sim, stopped ? KB_TIME_MAX : 30, UINT64_MAX, &end, NULL), KB_OK);
        CHECK_EQ(end, stopped ? KB_RUN_STOPPED : KB_RUN_UNTIL);
        CHECK_EQ(kb_sim_now(r.sim), 30);
        r.n_planned = 2;
        kb_sim_at(r.sim, r.slot, 31);
        CHECK(rig_run(&r));
        CHECK_EQ(plan[1].end_fs, 40 + 10 + 20);
        CHECK_EQ(plan[0].end_fs, 50 + 10 + 20);
        rig_deinit(&r);
    }
}

static void allocate_nothing_once_warm(bool by_flit) {
    static graph g;
    g.n_nodes = g.n_links = 0;
    g.by_flit = by_flit;
    enum { N = 6, MESSAGES = 4000 };
    for (uint32_t i = 0; i < N; i++) (void)graph_node(&g, 3);
    for (uint32_t i = 0; i < N; i++) {
        (void)graph_link(&g, i, (i + 1) % N, 7, 2);
        (void)graph_link(&g, (i + 1) % N, i, 5, 4);
    }
    rig r;
    if (!rig_init(&r, &g, KB_DELIVER_FLITS)) return;
    planned *plan = malloc(MESSAGES * sizeof *plan);
    if (!CHECK(plan != NULL)) return;
    uint64_t seed = 3, n_calls = 0;
    for (int round = 0; round < 3; round++) {
        uint64_t again = seed;
        for (uint32_t i = 0; i < MESSAGES; i++)
            plan[i] = (planned){(uint32_t)graph_below(&again, N), (uint32_t)graph_below(&again, N),
                                kb_sim_now(r.sim) + graph_below(&again, 200000),
                                graph_below(&again, 20), 0};
        rig_plan(&r, plan, MESSAGES);
        n_calls = r.alloc.n_calls;
        CHECK(rig_run(&r));
    }
    CHECK_EQ(r.alloc.n_calls, n_calls);
    CHECK_EQ(r.n_delivered, 3 * MESSAGES);
    free(plan);
    rig_deinit(&r);
}

static void allocates_nothing_once_warm(void) {
    allocate_nothing_once_warm(false);
    allocate_nothing_once_warm(true);
}

/* Every allocation may fail: an error, no leak, and messages that were refused left no trace. */
static void survive_failing_allocations(bool by_flit) {
    static graph g;
    fork_graph(&g);
    g.by_flit = by_flit;
    uint64_t nth = 1;
    for (bool failed = true; failed; nth++) {
        kb_alloc alloc = kb_alloc_system();
        kb_topology *topology = graph_build(&g, &alloc);
        kb_alloc scarce = kb_alloc_system();
        kb_sim *sim = NULL;
        kb_fabric *fabric = NULL;
        kb_error err = KB_ERROR_INIT;
        if (!topology || !CHECK_EQ(kb_sim_create(&scarce, &sim, NULL), KB_OK)) return;
        scarce.fail_at = scarce.n_calls + nth;
        kb_status status = kb_fabric_create(&scarce, sim, topology, &fabric, &err);
        if (status == KB_OK) kb_fabric_set_sink(fabric, 2, KB_DELIVER_FLITS, NULL, NULL);
        for (int64_t i = 0; status == KB_OK && i < 100; i++) {
            kb_send send = {
                i % 3 == 0 ? 0 : i % 3 == 1 ? 3 : 2, 2, KB_ANY_SLICE, 0, 0, i % 9, NULL};
            uint64_t n_sent = kb_fabric_count(fabric).messages_sent;
            status = kb_fabric_send(fabric, &send, NULL, &err);
            CHECK_EQ(kb_fabric_count(fabric).messages_sent, n_sent + (status == KB_OK));
        }
        kb_run_end end;
        if (status == KB_OK) status = kb_sim_run(sim, KB_TIME_MAX, UINT64_MAX, &end, &err);
        failed = status != KB_OK;
        if (failed) CHECK_EQ(status, KB_NOMEM);
        else CHECK_EQ(kb_fabric_count(fabric).messages_delivered, 100);
        kb_fabric_destroy(fabric);
        kb_sim_destroy(sim);
        kb_topology_destroy(topology);
        CHECK_EQ(scarce.live_nbytes, 0);
        CHECK_EQ(alloc.live_nbytes, 0);
    }
    CHECK(nth > 15);
    kb_fabric_destroy(NULL);
}

static void survives_failing_allocations(void) {
    survive_failing_allocations(false);
    survive_failing_allocations(true);
}

/* Two messages of unlike pace go over "n2" flit by flit, and only one flit in ten gets away from "n3"; a third one is
 * in their way at "n4".  A queue without end is an error that names where most wait, and whose. */
static void refuse_an_endless_queue(bool by_flit) {
    static graph g;
    g.n_nodes = g.n_links = 0;
    g.by_flit = by_flit;
    for (int i = 0; i < 7; i++) (void)graph_node(&g, 0);
    (void)graph_link(&g, 0, 2, 10, 1);
    (void)graph_link(&g, 1, 2, 13, 1);
    (void)graph_link(&g, 2, 3, 3, 1);
    (void)graph_link(&g, 3, 4, 50, 1);
    (void)graph_link(&g, 4, 5, 10, 1);
    (void)graph_link(&g, 6, 4, 77, 1);
    rig r;
    if (!rig_init(&r, &g, KB_DELIVER_TAIL)) return;
    planned plan[] = {{0, 5, 0, 1 << 20, 0}, {1, 5, 0, 1 << 20, 0}, {6, 5, 0, 1 << 20, 0}};
    rig_plan(&r, plan, 3);
    r.fabric->streams.most_pieces = 1000;
    kb_run_end end;
    kb_error err = KB_ERROR_INIT;
    CHECK_EQ(kb_sim_run(r.sim, KB_TIME_MAX, UINT64_MAX, &end, &err), KB_OVERFLOW);
    if (!CHECK(strstr(err.message, "port of \"n3\" to \"n4\": expected no more than 1000 trains") &&
               strstr(err.message, "of the message from \"n") &&
               strstr(err.message, "(1048576 bytes, sent at 0 fs); send less")))
        printf("# %s\n", err.message);
    CHECK(r.fabric->streams.pieces.state.n_live <= 1000);
    rig_deinit(&r);
}

static void refuses_an_endless_queue(void) {
    refuse_an_endless_queue(false);
    refuse_an_endless_queue(true);
}

/* Ten thousand senders and one port, their flits from links of all lengths: no square of anything. */
static void serve_a_hot_spot(bool by_flit) {
    enum { SENDERS = 10000, FLITS = 8 };
    static graph g;
    g.n_nodes = g.n_links = 0;
    g.by_flit = by_flit;
    uint32_t sink = graph_node(&g, 0), hub = graph_node(&g, 10);
    planned *plan = malloc(SENDERS * sizeof *plan);
    if (!CHECK(plan != NULL)) return;
    uint64_t seed = 5;
    for (uint32_t i = 0; i < SENDERS; i++) {
        uint32_t sender = graph_node(&g, 0);
        (void)graph_link(&g, sender, hub, 1, graph_below(&seed, 1000000));
        plan[i] = (planned){sender, sink, graph_below(&seed, 3), FLITS, 0};
    }
    (void)graph_link(&g, hub, sink, 100, 0);
    rig r;
    if (!rig_init(&r, &g, KB_DELIVER_TAIL)) return;
    rig_plan(&r, plan, SENDERS);
    CHECK(rig_run(&r));
    CHECK_EQ(r.n_delivered, SENDERS);
    CHECK_EQ(kb_fabric_link_flits(r.fabric, SENDERS), SENDERS * FLITS);
    free(plan);
    rig_deinit(&r);
}

static void serves_a_hot_spot(void) {
    serve_a_hot_spot(false);
    serve_a_hot_spot(true);
}

/* A million messages at one instant, at one sender, in order of issue. */
static void send_a_million_at_once(bool by_flit) {
    enum { N = 1000000 };
    static graph g;
    g.n_nodes = g.n_links = 0;
    g.by_flit = by_flit;
    for (int i = 0; i < 2; i++) (void)graph_node(&g, 0);
    (void)graph_link(&g, 0, 1, 3, 1);
    rig r;
    if (!rig_init(&r, &g, KB_DELIVER_TAIL)) return;
    planned *plan = malloc(N * sizeof *plan);
    if (!CHECK(plan != NULL)) return;
    for (uint32_t i = 0; i < N; i++) plan[i] = (planned){0, i % 10 ? 1 : 0, 7, 1, 0};
    rig_plan(&r, plan, N);
    CHECK(rig_run(&r));
    int64_t n_wrong = 0, n_over = 0;
    for (uint32_t i = 0; i < N; i++)
        n_wrong += plan[i].end_fs != (plan[i].dst ? 7 + 3 * ++n_over + 1 : 7);
    CHECK_EQ(n_wrong, 0);
    free(plan);
    rig_deinit(&r);
}

static void sends_a_million_at_once(void) {
    send_a_million_at_once(false);
    send_a_million_at_once(true);
}

int main(void) {
    TAP_RUN(delivers_tails_or_flits);
    TAP_RUN(delivers_to_itself);
    TAP_RUN(opens_and_appends);
    TAP_RUN(traces_the_last_flit);
    TAP_RUN(refuses_what_cannot_be);
    TAP_RUN(never_wraps);
    TAP_RUN(carries_endless_messages);
    TAP_RUN(goes_ahead_of_no_cut);
    TAP_RUN(goes_ahead_within_its_budget);
    TAP_RUN(refuses_an_endless_queue);
    TAP_RUN(serves_a_hot_spot);
    TAP_RUN(sends_a_million_at_once);
    TAP_RUN(allocates_nothing_once_warm);
    TAP_RUN(survives_failing_allocations);
    return tap_finish();
}
