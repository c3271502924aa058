/* Messages in train mode: from their start to the event at their tail's arrival.
 *
 *   start ─> its inputs open, its flits wait at the sender's port ─> wake at a lower bound of the tail's
 *   arrival: the last port is pulled up to now, then the ports on the way while the tail is eligible
 *   there ─> tail known: an event at its arrival; else: wake at the new bound
 *
 * Each wake takes the tail over a hop at least.  The event at the tail's arrival is that of the link, as
 * flit by flit, so all that follows is in the same order.
 *
 * Where a port of trains leads to one that works by flits (hw/server.h), which must have each flit in
 * time, a message has a wake at a lower bound of its next flit's arrival there, from its start until its
 * tail has gone by; and its last wake is set when the tail has left the last such server on its path.
 *
 * A sink that takes every flit gets them as trains, in order of (arrival, link), when a tail arrives
 * there: all that came before it.  So what it does with them must show at tails alone.
 */
#ifndef KB_HW_TRAIN_WAKE_H
#define KB_HW_TRAIN_WAKE_H

#include "hw/fabric_core.h"

kb_status kb_trains_init(kb_fabric *fabric, kb_error *err) KB_MUST_CHECK;
void kb_trains_deinit(kb_fabric *fabric);

/* Room for the first flits of a message, and for its wake; false when there is none. */
bool kb_train_reserve(kb_fabric *fabric, uint32_t flight) KB_MUST_CHECK;

/* The message has started: all inputs on its path are open.  False, and nothing changes, when there is
 * no memory. */
bool kb_train_open(kb_fabric *fabric, uint32_t flight) KB_MUST_CHECK;

/* The next flits of a message come into being.  False, and nothing changes, when there is no memory;
 * never after kb_train_reserve. */
bool kb_train_add(kb_fabric *fabric, uint32_t flight, kb_train flits) KB_MUST_CHECK;

/* A server has served the stream's last flit, and the stream ends: from here on the tail may have trains
 * before it alone.  False when there is no memory. */
bool kb_train_follow(kb_fabric *fabric, const kb_stream *stream) KB_MUST_CHECK;

/* Begins to trace a message with a path. */
void kb_train_trace(kb_fabric *fabric, uint32_t flight, kb_hop *hops);

/* A message that is under way flit by flit, its tail's stream being `next` (or its tail's arrival done_fs):
 * its inputs from there on open, and its tail wakes.  False when there is no memory. */
bool kb_train_adopt(kb_fabric *fabric, uint32_t flight) KB_MUST_CHECK;

/* Hands over what has landed by (until_fs, link). */
void kb_train_hand_over_landed(kb_fabric *fabric, kb_inbox *inbox, int64_t until_fs, uint32_t link);
/* kb_fabric_settle. */
void kb_train_settle(kb_fabric *fabric, uint32_t node);

/* The simulator's handler: whose tail may be there over `link`. */
void kb_train_wake(void *fabric, uint32_t link);

#endif
