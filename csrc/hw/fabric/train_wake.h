/* Messages in train mode: from their start (hw/fabric/train_start.h) to the event at their tail's arrival.
 *
 *   start ─> its inputs open, its flits wait at the sender's port ─> wake at a lower bound of the tail's
 *   arrival: the port where the tail waits is pulled as far as it, then the next one, while it is eligible
 *   there before now ─> tail known: an event at its arrival; else: wake at the new bound
 *
 * Each wake takes the tail over a hop at least.  The event at the tail's arrival is that of the link, as
 * flit by flit, so all that follows is in the same order.
 *
 * Where a port of trains leads to one that works by flits (hw/fabric/server.h), which must have each flit in
 * time, a message has a wake at a lower bound of its next flit's arrival there, from its start until its
 * tail has gone by; and its last wake is set when the tail has left the last such server on its path.
 *
 * A sink that takes every flit gets them as trains, in order of (arrival, link), when a tail arrives
 * there: all that came before it.  So what it does with them must show at tails alone.
 */
#ifndef KB_HW_FABRIC_TRAIN_WAKE_H
#define KB_HW_FABRIC_TRAIN_WAKE_H

#include "hw/fabric/fabric_core.h"

kb_status kb_trains_init(kb_fabric *fabric, kb_error *err) KB_MUST_CHECK;
void kb_trains_deinit(kb_fabric *fabric);

/* The link at whose end a message is received. */
static inline uint32_t kb_train_last_link_(const kb_flight *flown) {
    return flown->path[flown->n_links - 1];
}

/* The tail's arrival is not before: what is known, as if nobody else came from now on; and no later than
 * kb_train_step_ from now. */
int64_t kb_train_bound_(const kb_fabric *fabric, const kb_flight *flown);

/* Ports on the path of a message of very many flits are pulled after that many services of the slowest, lest
 * one event take minutes, and a port hold millions of pieces that the next has not asked for yet. */
#define KB_TRAIN_STEP_FLITS (INT64_C(1) << 16)
int64_t kb_train_step_(const kb_fabric *fabric, const kb_flight *flown, int64_t from_fs);

/* Room for one more wake at the port of `link`; false when there is no memory. */
KB_MUST_CHECK static inline bool kb_train_reserve_wake_(kb_fabric *fabric, uint32_t link) {
    return kb_lineup_reserve(&fabric->trains.ports[link].wakes, fabric->alloc);
}

/* The event of the first wake at the port of `link`.  (Those that are due now are being woken.) */
static inline void kb_train_schedule_(kb_fabric *fabric, uint32_t link) {
    kb_train_port *port = &fabric->trains.ports[link];
    int64_t when_fs = kb_lineup_when(&port->wakes, 0);
    if (when_fs >= port->wake_fs || when_fs <= kb_sim_now(fabric->sim)) return;
    port->wake_fs = when_fs;
    kb_sim_arrival(fabric->sim, link, when_fs);
}

/* A message is looked after at when_fs > now, at the port of `link`.  Room has been made. */
static inline void kb_train_push_wake_(kb_fabric *fabric, uint32_t link, uint32_t number,
                                       int64_t when_fs) {
    const kb_message *message = &fabric->flights.items[number].message;
    kb_lineup_push(&fabric->trains.ports[link].wakes, when_fs, message->src,
                   (uint64_t)message->count << 32 | number);
    kb_train_schedule_(fabric, link);
}

/* Hands over what has landed by (until_fs, link). */
void kb_train_hand_over_landed(kb_fabric *fabric, kb_inbox *inbox, int64_t until_fs, uint32_t link);
/* kb_fabric_settle. */
void kb_train_settle(kb_fabric *fabric, uint32_t node);

/* The simulator's handler: whose tail may be there over `link`. */
void kb_train_wake(void *fabric, uint32_t link);

#endif
