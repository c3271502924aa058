/* hw/dispatch: who takes which messages. */
#include "test/tap.h"

#include "hw/component/dispatch.h"
#include "test/graph.h"

typedef struct taker {
    uint32_t n_calls;
    int64_t n_flits;
    uint32_t last_kind;
} taker;

static void take(void *self, const kb_message *message, uint32_t link, int64_t first,
                 kb_train flits) {
    taker *t = self;
    (void)link;
    (void)first;
    t->n_calls++;
    t->n_flits += flits.count;
    t->last_kind = message->kind;
}

/* 0 -> 1, flits of one byte */
static bool open_rig(rig *r, kb_dispatch **dispatch) {
    static graph g;
    g.n_nodes = g.n_links = 0;
    g.by_flit = true; /* an event each */
    for (int i = 0; i < 2; i++) (void)graph_node(&g, 0);
    (void)graph_link(&g, 0, 1, 10, 1);
    return rig_init(r, &g, KB_DELIVER_TAIL) &&
           CHECK_EQ(kb_dispatch_create(&r->alloc, r->sim, r->fabric, 2, dispatch, NULL), KB_OK);
}

static void send(rig *r, uint32_t dst, uint32_t kind) {
    kb_send message = {.src = 0, .dst = dst, .slice = KB_ANY_SLICE, .kind = kind, .nbytes = 5};
    CHECK_EQ(kb_fabric_send(r->fabric, &message, NULL, NULL), KB_OK);
}

static void kinds_have_names(void) {
    CHECK_STR(kb_msg_name(KB_MSG_RAW), "raw");
    CHECK_STR(kb_msg_name(KB_MSG_WRITE_ACK), "write-ack");
    CHECK_STR(kb_msg_name(KB_MSG_COUNT), "unknown");
    CHECK_EQ(KB_MSG_RAW, 0);
}

static void hands_on_by_node_and_kind(void) {
    rig r;
    kb_dispatch *dispatch;
    if (!open_rig(&r, &dispatch)) return;
    taker raw = {0}, read = {0}, write = {0};
    kb_dispatch_set_default(dispatch, KB_MSG_RAW, take, &raw);
    kb_dispatch_set(dispatch, 1, KB_MSG_READ, KB_DELIVER_TAIL, take, &read);
    kb_dispatch_set(dispatch, 1, KB_MSG_WRITE, KB_DELIVER_FLITS, take, &write);
    send(&r, 1, KB_MSG_READ);
    send(&r, 1, KB_MSG_WRITE);
    send(&r, 1, KB_MSG_RAW);
    send(&r, 0, KB_MSG_RAW);
    CHECK(rig_run(&r));
    CHECK_EQ(read.n_calls,
             1); /* its tail alone, though writes make the node's flits come one by one */
    CHECK_EQ(write.n_calls, 5);
    CHECK_EQ(write.n_flits, 5);
    CHECK_EQ(raw.n_calls, 2);
    CHECK_EQ(raw.last_kind, KB_MSG_RAW);
    CHECK_EQ(kb_sim_n_events(r.sim), 1 + 3 * 5 + 3 * 5); /* itself; services; arrivals */
    kb_dispatch_destroy(dispatch);
    rig_deinit(&r);
}

/* A node's own handler comes before the default; without flit-wise handlers a message is one arrival. */
static void own_handlers_come_first(void) {
    rig r;
    kb_dispatch *dispatch;
    if (!open_rig(&r, &dispatch)) return;
    taker everywhere = {0}, here = {0}, later = {0};
    kb_dispatch_set_default(dispatch, KB_MSG_READ, take, &everywhere);
    kb_dispatch_set(dispatch, 1, KB_MSG_READ, KB_DELIVER_FLITS, take, &here);
    kb_dispatch_set(dispatch, 1, KB_MSG_READ, KB_DELIVER_TAIL, take, &later);
    send(&r, 1, KB_MSG_READ);
    send(&r, 0, KB_MSG_READ);
    CHECK(rig_run(&r));
    CHECK_EQ(here.n_calls, 0);
    CHECK_EQ(later.n_calls, 1);
    CHECK_EQ(everywhere.n_calls, 1);
    CHECK_EQ(kb_sim_n_events(r.sim), 1 + 5 + 1);
    kb_dispatch_destroy(dispatch);
    rig_deinit(&r);
}

static void strangers_fail(void) {
    static const uint32_t kinds[] = {KB_MSG_LAUNCH, KB_MSG_COUNT, UINT32_MAX};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        rig r;
        kb_dispatch *dispatch;
        if (!open_rig(&r, &dispatch)) return;
        send(&r, 1, kinds[i]);
        kb_run_end end;
        kb_error err = KB_ERROR_INIT;
        CHECK_EQ(kb_sim_run(r.sim, KB_TIME_MAX, UINT64_MAX, &end, &err), KB_INTERNAL);
        CHECK(strstr(err.message, "node 1: a message of kind") != NULL);
        kb_dispatch_destroy(dispatch);
        rig_deinit(&r);
    }
}

static void survives_failing_allocations(void) {
    kb_dispatch_destroy(NULL);
    rig r;
    kb_dispatch *dispatch = NULL, *none = NULL;
    if (!open_rig(&r, &dispatch)) return;
    for (uint64_t nth = 1; nth <= 2; nth++) {
        r.alloc.fail_at = r.alloc.n_calls + nth;
        CHECK_EQ(kb_dispatch_create(&r.alloc, r.sim, r.fabric, 2, &none, NULL), KB_NOMEM);
        CHECK(none == NULL);
    }
    kb_dispatch_destroy(dispatch);
    rig_deinit(&r);
}

int main(void) {
    TAP_RUN(kinds_have_names);
    TAP_RUN(hands_on_by_node_and_kind);
    TAP_RUN(own_handlers_come_first);
    TAP_RUN(strangers_fail);
    TAP_RUN(survives_failing_allocations);
    return tap_finish();
}
