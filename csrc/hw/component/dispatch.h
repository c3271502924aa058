/* Who takes which messages at a node.
 *
 * A node of the fabric has one sink.  The dispatcher is that sink, for all nodes, and hands each
 * message on by its kind: to the handler of (node, kind), else to the handler of the kind everywhere,
 * else the simulation fails.  So memories, processors and raw traffic share a node without knowing of
 * each other.
 */
#ifndef KB_HW_COMPONENT_DISPATCH_H
#define KB_HW_COMPONENT_DISPATCH_H

#include "base/alloc.h"
#include "base/error.h"
#include "hw/fabric/fabric.h"

/* What a message is.  X(enumerator, "name") */
#define KB_MSG_LIST(X)            \
    X(RAW, "raw")                 \
    X(READ, "read")               \
    X(READ_REPLY, "read-reply")   \
    X(WRITE, "write")             \
    X(WRITE_ACK, "write-ack")     \
    X(LAUNCH, "launch")           \
    X(LAUNCH_DONE, "launch-done") \
    X(COPY, "copy")               \
    X(COPY_PIECE, "copy-piece")   \
    X(MARK, "mark")               \
    X(IPCQ_DATA, "ipcq-data")     \
    X(IPCQ_TAIL, "ipcq-tail")     \
    X(IPCQ_CREDIT, "ipcq-credit") \
    X(REDUCE_PART, "reduce-part") \
    X(REDUCE_TOTAL, "reduce-total")

typedef enum kb_msg_kind {
#define X(name, text) KB_MSG_##name,
    KB_MSG_LIST(X)
#undef X
        KB_MSG_COUNT
} kb_msg_kind;

/* The kind's name; "unknown" for a number that is none. */
const char *kb_msg_name(uint32_t kind);

typedef struct kb_dispatch kb_dispatch;

/* sim and fabric are borrowed.  Becomes the sink of all n_nodes nodes of the fabric. */
kb_status kb_dispatch_create(kb_alloc *alloc, kb_sim *sim, kb_fabric *fabric, uint32_t n_nodes,
                             kb_dispatch **dispatch, kb_error *err) KB_MUST_CHECK;
void kb_dispatch_destroy(kb_dispatch *dispatch); /* accepts NULL */

/* fn(self, ...) takes the messages of `kind` for `node`: at their tail, or flit by flit.  Replaces an
 * earlier handler of the same (node, kind).  A node where any kind is taken flit by flit costs, in
 * the fabric's flit mode, an event per flit for all its messages. */
void kb_dispatch_set(kb_dispatch *dispatch, uint32_t node, kb_msg_kind kind, kb_deliver deliver,
                     kb_deliver_fn fn, void *self);

/* fn(self, ...) takes the messages of `kind`, at their tail, at all nodes that have no handler of
 * their own for it. */
void kb_dispatch_set_default(kb_dispatch *dispatch, kb_msg_kind kind, kb_deliver_fn fn, void *self);

#endif
