/* The fabric: messages, cut into flits, over links with one serial server per output port (ADR-0037).
 *
 *   send ──> stream at the sender's port ──serve──> stream at the next port ... ──serve──> sink
 *            (arrivals as trains; the head flit is eligible `overhead` after it arrives, flit j at
 *             max(its arrival, the head's eligibility); a port serves in order of
 *             (eligibility, input, message id, flit); a served flit arrives s + p later)
 *
 * All interfaces speak of trains (start, period, count): the back-to-back flits of a message as one
 * arithmetic progression (hw/fabric/stream.h).  Ports serve them as such (ADR-0043: hw/train_*.h), or, where the
 * topology says `fabric: {mode: flit}`, flit by flit (hw/fabric/port.h): at the same times, to the femtosecond.
 *
 * Invariants
 *   F1. A port is never idle while an eligible flit waits (law L2).
 *   F2. Flit by flit: one pending service event per busy port (an earlier one that was overtaken is void), one pending
 *       arrival event per link with undelivered flits; what waits is trains in streams at the port, and
 *       a ring at the link, never events.  A service does the work of those that follow at its port, as far
 *       as no handler and no flit that it does not know of can come before: whoever looks, in a handler or
 *       after a run, finds all services before now done, and no later one.
 *   F3. A message id is (sender's node id, sender's own count), taken when the message starts.
 *   F4. Every flit sent is delivered once (law L5); the fabric frees a message after its tail.
 */
#ifndef KB_HW_FABRIC_FABRIC_H
#define KB_HW_FABRIC_FABRIC_H

#include <stdint.h>

#include "base/alloc.h"
#include "base/error.h"
#include "sim/sim.h"
#include "spec/topology.h"

/* count flits at start, start + period, ...; period may be 0 */
typedef struct kb_train {
    int64_t start_fs, period_fs;
    int64_t count;
} kb_train;

typedef struct kb_message {
    uint32_t src, dst; /* node ids */
    uint32_t count;    /* of the sender: the message id is (src, count) */
    uint32_t kind;     /* KB_MSG_* of hw/component/dispatch.h; the fabric does not look at it */
    uint32_t tag;      /* whatever sender and receiver agree on */
    int64_t nbytes;    /* payload */
    int64_t n_flits;   /* max(1, ceil(nbytes / flit_bytes)) */
    int64_t start_fs;  /* when it was sent */
} kb_message;

typedef struct kb_fabric kb_fabric;

/* Delivery.  `flits.count` flits, the first being number `first`, have arrived over `link` (UINT32_MAX:
 * sent to itself without a link); the tail is among them when first + count == n_flits.  Called at the
 * instant of the last of these arrivals, or later (KB_DELIVER_FLITS).  `message` is valid during the call. */
typedef void (*kb_deliver_fn)(void *self, const kb_message *message, uint32_t link, int64_t first,
                              kb_train flits);

/* At the tail, of which alone is told (first + 1 == n_flits), or every flit, in order of (arrival, link):
 * flit by flit an event each; by trains when a tail arrives at the node, all that came before it.  What
 * was sent without a link comes whole, either way, and waits for nothing. */
typedef enum kb_deliver { KB_DELIVER_TAIL, KB_DELIVER_FLITS } kb_deliver;

/* topology and sim are borrowed.  Creates one port per link.  Comes before the components' slots, so that
 * what one sends to itself without delay is there one delta later. */
kb_status kb_fabric_create(kb_alloc *alloc, kb_sim *sim, kb_topology *topology, kb_fabric **fabric,
                           kb_error *err) KB_MUST_CHECK;
void kb_fabric_destroy(kb_fabric *fabric); /* accepts NULL */

/* Whether it has regions (hw/fabric/regions.h) that reach each other by messages alone. */
bool kb_fabric_is_divided(const kb_fabric *fabric);

/* Who takes what arrives at `node`: once per message at its tail, or every flit. */
void kb_fabric_set_sink(kb_fabric *fabric, uint32_t node, kb_deliver deliver, kb_deliver_fn fn,
                        void *self);

/* Hands over what has arrived before now at a sink that takes every flit, and was kept for the next tail: by
 * trains; flit by flit nothing is kept.  For a component that works at times of its own. */
void kb_fabric_settle(kb_fabric *fabric, uint32_t node);

/* What to send. */
typedef struct kb_send {
    uint32_t src, dst;
    int32_t slice; /* of dst (or of src, for a memory's reply); KB_ANY_SLICE */
    uint32_t kind, tag;
    int64_t nbytes;
    uint32_t
        *path; /* of who often sends such a message: where its path's number is noted, at first 0 */
} kb_send;

/* Whether such a message could be started at start_fs: nodes, bytes, a path, and its last flit's departure
 * within the range of time. */
kb_status kb_fabric_check(kb_fabric *fabric, const kb_send *send, int64_t start_fs,
                          kb_error *err) KB_MUST_CHECK;

/* Starts a message now: all its flits are at the sender's port.  `handle` (may be NULL) names it until
 * its tail is delivered.  Fails without a trace when there is no path or no memory. */
kb_status kb_fabric_send(kb_fabric *fabric, const kb_send *send, uint32_t *handle,
                         kb_error *err) KB_MUST_CHECK;

/* Such a message may be sent soon, to any slice, as the KB_FORESEEN-th from now on: what that looks at first is brought
 * into the cache, each thing when what leads to it is there.  Means nothing, and may be wrong. */
enum { KB_FORESEEN = 8 };
void kb_fabric_foresee(kb_fabric *fabric, uint32_t src, uint32_t dst, int64_t nbytes);

/* Likewise: flits may be appended to it next. */
void kb_fabric_foresee_flits(const kb_fabric *fabric, uint32_t handle);

/* Starts a message whose flits come into being later; kb_fabric_append says when they are there (in
 * order, none earlier than now).  The head is eligible `overhead` of src after it is there. */
kb_status kb_fabric_open(kb_fabric *fabric, const kb_send *send, uint32_t *handle,
                         kb_error *err) KB_MUST_CHECK;
kb_status kb_fabric_append(kb_fabric *fabric, uint32_t handle, kb_train flits,
                           kb_error *err) KB_MUST_CHECK;

/* --- watching one message's last flit (kernbench probe) ------------------------------------------- */

/* One hop of the last flit: start_fs - arrive_fs = waiting + own + overhead, then link service and
 * propagation; the hops add up to the message's latency exactly. */
typedef struct kb_hop {
    uint32_t link;
    int64_t arrive_fs;   /* at this port */
    int64_t waiting_fs;  /* the port served other messages' flits */
    int64_t own_fs;      /* the port served this message's earlier flits */
    int64_t overhead_fs; /* the port was idle until the flit was eligible */
    int64_t service_fs, latency_fs;
} kb_hop;

/* Traces the message that is sent next: `hops` (borrowed, room for n_links of its path) is filled as its
 * last flit is served.  One message at a time.  By trains, a port that has served ahead of now counts as
 * busy with others until it is free; flit by flit there is no such thing. */
void kb_fabric_trace(kb_fabric *fabric, kb_hop *hops);

/* --- counters ----------------------------------------------------------------------------------- */

typedef struct kb_fabric_counters {
    uint64_t messages_sent, messages_delivered;
    uint64_t flits_sent, flits_delivered;
    uint64_t bytes_sent, bytes_delivered;
    uint64_t flit_hops;        /* services; by trains, some of them are still to come */
    uint64_t flit_ports;       /* that always serve flit by flit: in train mode, those of servers */
    uint64_t messages_by_flit; /* sent while a fabric of trains served flit by flit */
    uint64_t mode_changes;     /* to flits, or back */
    uint64_t train_pieces;     /* pieces handed from port to port */
} kb_fabric_counters;

kb_fabric_counters kb_fabric_count(const kb_fabric *fabric);

/* Flits that link's port has served, or by trains: that it is known to serve. */
uint64_t kb_fabric_link_flits(const kb_fabric *fabric, uint32_t link);

#endif
