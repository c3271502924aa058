/* hw/fabric_mode: when a fabric goes over to flits and back, and that no allocation may hurt it.  (That
 * times stay the same: test_trains.) */
#include "test/tap.h"

#include "hw/fabric/fabric_mode.h"
#include "test/graph.h"

/* 0 ─> 1 ─> 2, 3 ─> 1 */
static void small_graph(graph *g) {
    g->n_nodes = g->n_links = 0;
    for (int i = 0; i < 4; i++) (void)graph_node(g, 3);
    (void)graph_link(g, 0, 1, 10, 5);
    (void)graph_link(g, 1, 2, 10, 7);
    (void)graph_link(g, 3, 1, 10, 9);
}

enum { N_SINGLE = 3 * KB_MODE_WINDOW, N_LONG = 40, LONG = 500 };

/* Single flits, then long messages, then single ones again: by trains at first, later flit by flit. */
static void decides_by_length(void) {
    static graph g;
    small_graph(&g);
    g.by_flit = false;
    rig r;
    static planned plan[2 * N_SINGLE + N_LONG];
    int64_t at_fs = 0;
    uint32_t n = 0;
    for (uint32_t i = 0; i < N_SINGLE; i++) plan[n++] = (planned){0, 2, at_fs += 11, 1, 0};
    for (uint32_t i = 0; i < N_LONG; i++) plan[n++] = (planned){0, 2, at_fs += 9 * LONG, LONG, 0};
    if (!rig_init(&r, &g, KB_DELIVER_TAIL)) return;
    rig_plan(&r, plan, n);
    kb_run_end end;
    CHECK_EQ(kb_sim_run(r.sim, 11 * KB_MODE_WINDOW - 1, UINT64_MAX, &end, NULL), KB_OK);
    CHECK_EQ(kb_fabric_count(r.fabric).mode_changes, 0);
    CHECK_EQ(kb_sim_run(r.sim, 11 * N_SINGLE, UINT64_MAX, &end, NULL), KB_OK);
    CHECK_EQ(kb_fabric_count(r.fabric).mode_changes, 1);
    CHECK_EQ(kb_fabric_count(r.fabric).messages_by_flit, N_SINGLE - KB_MODE_WINDOW);
    CHECK(rig_run(&r));
    kb_fabric_counters counters = kb_fabric_count(r.fabric);
    CHECK_EQ(counters.mode_changes, 2);
    /* The ninth of the long ones is the first beyond two windows of flits. */
    CHECK_EQ(counters.messages_by_flit, N_SINGLE - KB_MODE_WINDOW + 9);
    CHECK_EQ(counters.messages_delivered, n);
    rig_deinit(&r);
}

/* What the topology asks for stays. */
static void stays_by_flit_when_told(void) {
    static graph g;
    small_graph(&g);
    g.by_flit = true;
    rig r;
    static planned plan[N_SINGLE];
    for (uint32_t i = 0; i < N_SINGLE; i++) plan[i] = (planned){0, 2, 20 * i, i < 4000 ? 1 : 90, 0};
    if (!rig_init(&r, &g, KB_DELIVER_TAIL)) return;
    rig_plan(&r, plan, N_SINGLE);
    CHECK(rig_run(&r));
    CHECK_EQ(kb_fabric_count(r.fabric).mode_changes, 0);
    CHECK_EQ(kb_fabric_count(r.fabric).messages_by_flit, 0);
    rig_deinit(&r);
}

/* Messages of all kinds under way, two changes; every allocation may fail: an error, and no leak. */
static void survives_failing_allocations(void) {
    static graph g;
    small_graph(&g);
    g.by_flit = false;
    uint64_t nth = 1;
    for (bool failed = true; failed; nth++) {
        kb_alloc alloc = kb_alloc_system(), scarce = kb_alloc_system();
        kb_topology *topology = graph_build(&g, &alloc);
        kb_sim *sim = NULL;
        kb_fabric *fabric = NULL;
        kb_error err = KB_ERROR_INIT;
        if (!topology || !CHECK_EQ(kb_sim_create(&scarce, &sim, NULL), KB_OK)) return;
        kb_status status = kb_fabric_create(&scarce, sim, topology, &fabric, &err);
        if (!CHECK_EQ(status, KB_OK)) return;
        kb_fabric_set_sink(fabric, 2, KB_DELIVER_FLITS, NULL, NULL);
        scarce.fail_at = scarce.n_calls + nth;
        for (int64_t i = 0; status == KB_OK && i < 30; i++) {
            kb_send send = {i % 2 ? 0 : 3, i % 5 ? 2 : 1, KB_ANY_SLICE, 0, 0, 1 + i % 9, NULL};
            status = kb_fabric_send(fabric, &send, NULL, &err);
        }
        uint32_t handle = 0;
        kb_send later = {0, 2, KB_ANY_SLICE, 0, 0, 2, NULL};
        if (status == KB_OK) status = kb_fabric_open(fabric, &later, &handle, &err);
        kb_run_end end;
        for (int64_t until_fs = 100; status == KB_OK && until_fs <= 400; until_fs += 100) {
            kb_fabric_mode_ask(fabric);
            status = kb_sim_run(sim, until_fs, UINT64_MAX, &end, &err);
        }
        if (status == KB_OK)
            status = kb_fabric_append(fabric, handle, (kb_train){400, 10, 2}, &err);
        if (status == KB_OK) status = kb_sim_run(sim, KB_TIME_MAX, UINT64_MAX, &end, &err);
        failed = status != KB_OK;
        if (failed) CHECK_EQ(status, KB_NOMEM);
        else CHECK_EQ(kb_fabric_count(fabric).messages_delivered, 31);
        kb_fabric_destroy(fabric);
        kb_sim_destroy(sim);
        kb_topology_destroy(topology);
        CHECK_EQ(scarce.live_nbytes, 0);
        CHECK_EQ(alloc.live_nbytes, 0);
    }
    CHECK(nth > 15);
}

int main(void) {
    TAP_RUN(decides_by_length);
    TAP_RUN(stays_by_flit_when_told);
    TAP_RUN(survives_failing_allocations);
    return tap_finish();
}
