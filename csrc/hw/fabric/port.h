/* A port: the serial server of one link, the streams that wait at it, and what is on its way over it.
 *
 *   waiting   a heap of the streams with known flits, by the key of their next flit
 *             (eligibility, input, message id): the order of service
 *   due_fs    of the one service event that counts; an event at any other time is void
 *   arrivals  a ring of what the far end will be told, in order of time; one pending event, for the
 *             first of them
 */
#ifndef KB_HW_FABRIC_PORT_H
#define KB_HW_FABRIC_PORT_H

#include "hw/fabric/stream.h"
#include "hw/fabric/waitq.h"

typedef struct kb_arrival {
    int64_t when_fs;
    int64_t flit;
    uint32_t flight;
} kb_arrival;

typedef struct kb_port {
    int64_t free_fs; /* the server is taken until then */
    int64_t
        taken_fs;   /* what was served ended then: for the physics checks, which do not trust it */
    int64_t due_fs; /* KB_TIME_MAX when nothing waits */
    int64_t service_fs;
    int64_t travel_fs;   /* service and propagation */
    int64_t overhead_fs; /* of the node whose port this is */
    int64_t end_fs;      /* a service that starts later would leave the range of time */
    int64_t notice_fs;   /* of a flit's arrival here: the least travel to this node */
    kb_waitq waiting;
    uint32_t served_flight;                                /* whose flit was served last */
    uint32_t arrivals_head, n_arrivals, arrivals_capacity; /* a power of two */
    kb_arrival *arrivals;
    uint64_t n_served;
} kb_port;

void kb_port_deinit(kb_port *port, kb_alloc *alloc);
bool kb_port_grow_arrivals_(kb_port *port, kb_alloc *alloc) KB_MUST_CHECK;

/* When the first of the waiting streams can be served; there is one. */
static inline int64_t kb_port_next_fs(const kb_port *port) {
    return kb_max_i64(port->waiting.items[0].when_fs, port->free_fs);
}

KB_MUST_CHECK static inline bool kb_port_push_arrival(kb_port *port, kb_alloc *alloc,
                                                      kb_arrival arrival) {
    if (port->n_arrivals == port->arrivals_capacity && !kb_port_grow_arrivals_(port, alloc))
        return false;
    uint32_t mask = port->arrivals_capacity - 1;
    port->arrivals[(port->arrivals_head + port->n_arrivals++) & mask] = arrival;
    return true;
}

static inline kb_arrival kb_port_pop_arrival(kb_port *port) {
    kb_arrival first = port->arrivals[port->arrivals_head];
    port->arrivals_head = (port->arrivals_head + 1) & (port->arrivals_capacity - 1);
    port->n_arrivals--;
    return first;
}

#endif
