/* Physics checks (ADR-0061): each is silent in a good run, and fires when its fault is put into the
 * machine's own state, naming the component. */
#include "test/tap.h"

#include "hw/fabric/fabric_core.h"
#include "test/graph.h"

/* 0 -> 1 -> 2, with places for three flits at 1. */
static void small_graph(graph *g, bool by_flit) {
    g->n_nodes = g->n_links = 0;
    g->by_flit = by_flit;
    for (int i = 0; i < 3; i++) (void)graph_node(g, 5);
    g->transit[1].buffer_flits = 3;
    (void)graph_link(g, 0, 1, 10, 2);
    (void)graph_link(g, 1, 2, 10, 2);
}

static void trains_graph(graph *g, bool by_flit) {
    small_graph(g, by_flit);
    g->transit[1].buffer_flits = 0;
}

typedef enum fault {
    NONE,
    SERVER_BUSY,
    TOO_MANY_HELD,
    TOO_EARLY,
    FLIT_LOST,
    FLIT_TWICE,
    CREDIT_LOST,
    BYTES_LOST,
    TOO_FAST,
    N_FAULTS
} fault;

static void inject(rig *r, fault what, uint32_t handle) {
    kb_fabric *f = r->fabric;
    switch (what) {
    case SERVER_BUSY:
        /* the event that is due comes nevertheless */
        f->servers.items[f->servers.of[0]].taken_fs = 1000;
        break;
    case TOO_MANY_HELD: f->servers.lanes[f->servers.lane_of[0]].credits.n_held = 7; break;
    case TOO_EARLY: f->flights.items[handle].least_fs = 1000; break;
    case FLIT_LOST: f->ports[1].n_served--; break;
    case FLIT_TWICE: f->ports[0].n_served++; break;
    case CREDIT_LOST: f->servers.lanes[f->servers.lane_of[0]].credits.n_ready--; break;
    case BYTES_LOST: f->counters.bytes_sent++; break;
    case TOO_FAST: f->audit.since_fs = kb_sim_now(r->sim) + 65; break;
    default: break;
    }
}

static const char *const words[N_FAULTS] = {
    [NONE] = "",
    [SERVER_BUSY] = "physics: n0: expected its port to be free until 1000 fs, got a service that "
                    "begins at 5 fs",
    [TOO_MANY_HELD] = "physics: n1: expected at most 3 flits in an input buffer, got 8",
    [TOO_EARLY] = "physics: message from n0 to n2: expected 4 flits to be there at 1000 fs or "
                  "later, got",
    [FLIT_LOST] = "physics: link n1 -> n2: expected 4 flits sent over it, got 3",
    [FLIT_TWICE] = "physics: link n0 -> n1: expected 4 flits sent over it, got 5",
    [CREDIT_LOST] = "physics: link n0 -> n1: expected all places behind it to be free at rest, "
                    "got 1 taken or lost",
    [BYTES_LOST] = "physics: the fabric: expected 1 messages of 5 bytes at rest, as were sent, got "
                   "1 of 4",
    [TOO_FAST] = "physics: link n0 -> n1: expected at most",
};

/* Four flits from 0 to 2: the run, then the audit. */
static kb_status run_with(const graph *g, fault what, kb_error *err) {
    rig r;
    kb_run_end end;
    uint32_t handle = 0;
    if (!rig_init(&r, g, KB_DELIVER_TAIL)) return KB_OK;
    kb_send send = {0, 2, KB_ANY_SLICE, 0, UINT32_MAX, 4, NULL};
    CHECK_EQ(kb_fabric_send(r.fabric, &send, &handle, NULL), KB_OK);
    inject(&r, what, handle);
    kb_status status = kb_sim_run(r.sim, KB_TIME_MAX, UINT64_MAX, &end, err);
    if (status == KB_OK) status = kb_fabric_audit(r.fabric, err);
    rig_deinit(&r);
    return status;
}

static void names_each_fault(void) {
    static graph g;
    for (int by_flit = 0; by_flit < 2; by_flit++) {
        small_graph(&g, by_flit);
        for (int what = NONE; what < N_FAULTS; what++) {
            kb_error err = KB_ERROR_INIT;
            CHECK_EQ(run_with(&g, (fault)what, &err), what == NONE ? KB_OK : KB_INTERNAL);
            if (!CHECK(strstr(err.message, words[what]) == err.message))
                printf("#     got %s\n#     expected %s\n", err.message, words[what]);
            if (what != NONE) CHECK(strstr(err.message, "please report it") != NULL);
        }
    }
}

/* The same for ports of their own, by flits and by trains. */
static void names_faults_of_plain_ports(void) {
    static graph g;
    static const fault faults[] = {NONE, TOO_EARLY, FLIT_LOST, FLIT_TWICE, BYTES_LOST, TOO_FAST};
    for (int by_flit = 0; by_flit < 2; by_flit++) {
        trains_graph(&g, by_flit);
        for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
            kb_error err = KB_ERROR_INIT;
            CHECK_EQ(run_with(&g, faults[i], &err), i ? KB_INTERNAL : KB_OK);
            if (!CHECK(strstr(err.message, words[faults[i]]) == err.message))
                printf("#     got %s\n#     expected %s\n", err.message, words[faults[i]]);
        }
    }
}

/* In the middle of a run a port forgets that it is taken: though it has time enough before it comes to rest,
 * two services that overlap are found. */
static void no_window_is_too_short(void) {
    static graph g;
    for (int by_flit = 0; by_flit < 2; by_flit++) {
        for (int buffers = 0; buffers < 2; buffers++) {
            for (int forgets = 0; forgets < 2; forgets++) {
                rig r;
                kb_run_end end;
                kb_error err = KB_ERROR_INIT;
                small_graph(&g, by_flit);
                if (!buffers) g.transit[1].buffer_flits = 0;
                if (!rig_init(&r, &g, KB_DELIVER_TAIL)) return;
                kb_send send = {0, 2, KB_ANY_SLICE, 0, UINT32_MAX, 4, NULL};
                CHECK_EQ(kb_fabric_send(r.fabric, &send, NULL, NULL), KB_OK);
                CHECK_EQ(kb_sim_run(r.sim, 17, UINT64_MAX, &end, NULL), KB_OK);
                int64_t *free_fs =
                    by_flit ? &r.fabric->ports[0].free_fs : &r.fabric->trains.ports[0].free_fs;
                if (buffers) free_fs = &r.fabric->servers.items[r.fabric->servers.of[0]].free_fs;
                if (forgets) *free_fs = 17;
                CHECK_EQ(kb_fabric_send(r.fabric, &send, NULL, NULL), KB_OK);
                kb_status status = kb_sim_run(r.sim, KB_TIME_MAX, UINT64_MAX, &end, &err);
                if (status == KB_OK) status = kb_fabric_audit(r.fabric, &err);
                CHECK_EQ(status, forgets ? KB_INTERNAL : KB_OK);
                if (!CHECK(!forgets ||
                           strstr(err.message, "physics: n0: expected its port to be free until")))
                    printf("#     got %s\n", err.message);
                rig_deinit(&r);
            }
        }
    }
}

/* What waits for a credit that never comes is a deadlock, and not a fault of the accounts. */
static void names_who_is_blocked(void) {
    static graph g;
    rig r;
    kb_run_end end;
    kb_error err = KB_ERROR_INIT;
    small_graph(&g, false);
    if (!rig_init(&r, &g, KB_DELIVER_TAIL)) return;
    kb_send send = {0, 2, KB_ANY_SLICE, 0, UINT32_MAX, 4, NULL};
    r.fabric->servers.lanes[r.fabric->servers.lane_of[0]].credits.n_ready = 0;
    CHECK_EQ(kb_fabric_send(r.fabric, &send, NULL, NULL), KB_OK);
    CHECK_EQ(kb_sim_run(r.sim, KB_TIME_MAX, UINT64_MAX, &end, NULL), KB_OK);
    CHECK_EQ(end, KB_RUN_IDLE);
    CHECK_EQ(kb_fabric_audit(r.fabric, &err), KB_DEADLOCK);
    CHECK_STR(err.message, "deadlock at 0 fs: nothing can move any more; n0: 1 messages wait for "
                           "places in the buffer of n1");
    rig_deinit(&r);
}

static void serial_and_overfull_name_the_component(void) {
    kb_alloc alloc = kb_alloc_system();
    kb_sim *sim = NULL;
    kb_run_end end;
    kb_error err = KB_ERROR_INIT;
    if (!CHECK_EQ(kb_sim_create(&alloc, &sim, NULL), KB_OK)) return;
    kb_audit_serial(sim, "sip0.cube0.pe0.gemm", "the engine", 10, 10);
    CHECK_EQ(kb_sim_status(sim), KB_OK);
    kb_audit_serial(sim, "sip0.cube0.pe0.gemm", "the engine", 9, 10);
    CHECK_EQ(kb_sim_run(sim, KB_TIME_MAX, UINT64_MAX, &end, &err), KB_INTERNAL);
    CHECK(strstr(err.message,
                 "physics: sip0.cube0.pe0.gemm: expected the engine to be free until 10 "
                 "fs, got a service that begins at 9 fs") == err.message);
    kb_sim_destroy(sim);
    if (!CHECK_EQ(kb_sim_create(&alloc, &sim, NULL), KB_OK)) return;
    kb_audit_overfull(sim, "sip0.cube0.pe0.tcm", "bytes", 65, 64);
    CHECK_EQ(kb_sim_run(sim, KB_TIME_MAX, UINT64_MAX, &end, &err), KB_INTERNAL);
    CHECK(strstr(err.message, "physics: sip0.cube0.pe0.tcm: expected at most 64 bytes, got 65") ==
          err.message);
    kb_sim_destroy(sim);
    CHECK_EQ(alloc.live_nbytes, 0);
}

/* On an idle path the bound is law L1 itself. */
static void bounds_are_tight(void) {
    static graph g;
    uint64_t seed = 9;
    for (int round = 0; round < 200; round++) {
        g.n_nodes = g.n_links = 0;
        for (int i = 0; i < 3; i++) (void)graph_node(&g, graph_below(&seed, 50));
        for (uint32_t i = 0; i < 2; i++)
            (void)graph_link(&g, i, i + 1, 1 + graph_below(&seed, 30), graph_below(&seed, 30));
        rig r;
        if (!rig_init(&r, &g, KB_DELIVER_TAIL)) return;
        planned plan = {0, 2, 3, 1 + graph_below(&seed, 20), -1};
        const uint32_t path[] = {0, 1};
        rig_plan(&r, &plan, 1);
        CHECK(rig_run(&r));
        CHECK_EQ(plan.end_fs - 3, kb_audit_least_fs(r.fabric, path, 2, plan.nbytes));
        CHECK_EQ(kb_fabric_audit(r.fabric, NULL), KB_OK);
        rig_deinit(&r);
    }
}

int main(void) {
    TAP_RUN(names_each_fault);
    TAP_RUN(names_faults_of_plain_ports);
    TAP_RUN(no_window_is_too_short);
    TAP_RUN(names_who_is_blocked);
    TAP_RUN(serial_and_overfull_name_the_component);
    TAP_RUN(bounds_are_tight);
    return tap_finish();
}
