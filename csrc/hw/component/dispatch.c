#include "hw/component/dispatch.h"

typedef struct handler {
    kb_deliver_fn fn;
    void *self;
    kb_deliver deliver;
} handler;

struct kb_dispatch {
    kb_alloc *alloc;
    kb_sim *sim;
    kb_fabric *fabric;
    uint32_t n_nodes;
    handler (*nodes)[KB_MSG_COUNT];
    handler defaults[KB_MSG_COUNT];
};

const char *kb_msg_name(uint32_t kind) {
    static const char *const names[] = {
#define X(name, text) text,
        KB_MSG_LIST(X)
#undef X
    };
    return kind < KB_MSG_COUNT ? names[kind] : "unknown";
}

static void take(void *self, const kb_message *message, uint32_t link, int64_t first,
                 kb_train flits) {
    kb_dispatch *dispatch = self;
    const handler *found = NULL;
    if (message->kind < KB_MSG_COUNT) {
        found = &dispatch->nodes[message->dst][message->kind];
        if (!found->fn) found = &dispatch->defaults[message->kind];
    }
    if (!found || !found->fn) {
        (void)kb_error_set(
            kb_sim_fail(dispatch->sim, KB_INTERNAL), KB_INTERNAL,
            "node %u: a message of kind %u (%s) from node %u: expected one of a kind "
            "that is handled there",
            message->dst, message->kind, kb_msg_name(message->kind), message->src);
        return;
    }
    bool tail = first + flits.count == message->n_flits;
    if (tail || found->deliver == KB_DELIVER_FLITS)
        found->fn(found->self, message, link, first, flits);
}

kb_status kb_dispatch_create(kb_alloc *alloc, kb_sim *sim, kb_fabric *fabric, uint32_t n_nodes,
                             kb_dispatch **dispatch, kb_error *err) {
    kb_dispatch *made = kb_alloc_zeroed(alloc, 1, sizeof *made);
    if (!made) return kb_error_nomem(err, "the message dispatcher");
    made->nodes = kb_alloc_zeroed(alloc, n_nodes, sizeof *made->nodes);
    if (!made->nodes) {
        kb_alloc_free(alloc, made, 1, sizeof *made);
        return kb_error_nomem(err, "the table of message handlers");
    }
    made->alloc = alloc;
    made->sim = sim;
    made->fabric = fabric;
    made->n_nodes = n_nodes;
    for (uint32_t node = 0; node < n_nodes; node++)
        kb_fabric_set_sink(fabric, node, KB_DELIVER_TAIL, take, made);
    *dispatch = made;
    return KB_OK;
}

void kb_dispatch_destroy(kb_dispatch *dispatch) {
    if (!dispatch) return;
    kb_alloc *alloc = dispatch->alloc;
    kb_alloc_free(alloc, dispatch->nodes, dispatch->n_nodes, sizeof *dispatch->nodes);
    kb_alloc_free(alloc, dispatch, 1, sizeof *dispatch);
}

void kb_dispatch_set(kb_dispatch *dispatch, uint32_t node, kb_msg_kind kind, kb_deliver deliver,
                     kb_deliver_fn fn, void *self) {
    dispatch->nodes[node][kind] = (handler){fn, self, deliver};
    kb_deliver finest = KB_DELIVER_TAIL;
    for (uint32_t k = 0; k < KB_MSG_COUNT; k++) {
        const handler *each = &dispatch->nodes[node][k];
        if (each->fn && each->deliver == KB_DELIVER_FLITS) finest = KB_DELIVER_FLITS;
    }
    kb_fabric_set_sink(dispatch->fabric, node, finest, take, dispatch);
}

void kb_dispatch_set_default(kb_dispatch *dispatch, kb_msg_kind kind, kb_deliver_fn fn,
                             void *self) {
    dispatch->defaults[kind] = (handler){fn, self, KB_DELIVER_TAIL};
}
