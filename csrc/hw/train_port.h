/* A port that serves flit trains (ADR-0043), and what it knows.
 *
 *   waiting   the streams with known flits, sorted by the key of their next flit
 *             (eligibility, input, message id); the first is at `first`, room grows behind
 *   upto_fs   every flit eligible by then is known and served: final, whatever comes
 *   free_fs   the server is taken until then, which may be far ahead of the clock
 *   open      the inputs over which a started message has still to come
 *   n_own     messages that begin here and have flits that nobody knows yet
 *   wakes     messages that end over this link, by a lower bound of their tail's arrival
 *
 * Invariants
 *   R1. A flit handed on is eligible after the receiving port's upto_fs.
 *   R2. upto_fs < now + overhead_fs: a message may start at any time from now on.
 *   R3. An input is open from the start of its first message to the service of its last one's tail.
 */
#ifndef KB_HW_TRAIN_PORT_H
#define KB_HW_TRAIN_PORT_H

#include "base/checked.h"
#include "hw/pool.h"
#include "hw/stream.h"
#include "hw/waitq.h"

typedef struct kb_input {
    uint32_t link;
    uint32_t n_messages;
} kb_input;

typedef struct kb_inputs {
    kb_input *items;
    uint32_t count, capacity;
} kb_inputs;

typedef struct kb_train_port {
    int64_t free_fs, upto_fs;
    int64_t service_fs;
    int64_t travel_fs;
    int64_t overhead_fs;
    int64_t end_fs;
    kb_waiting *waiting;
    uint32_t first, n_waiting, capacity;
    uint32_t n_own;
    kb_inputs open;
    uint32_t depth; /* 1 + its place on the stack of a pull; 0: it is not there */
    uint32_t swept; /* the last sweep that took it in */
    kb_waitq wakes;
    int64_t wake_fs; /* the earliest event that is scheduled for `wakes`; KB_TIME_MAX: none */
    uint64_t n_served;
} kb_train_port;

/* Flits that arrived at a sink that takes every flit, and that are not handed over yet. */
typedef struct kb_landing {
    uint32_t next;
    uint32_t flight, link;
    int64_t first;
    kb_train train;
} kb_landing;

/* Such a sink: what has landed, by (arrival, link), and the links over which more may come. */
typedef struct kb_inbox {
    kb_waitq landed;
    kb_inputs open;
} kb_inbox;

typedef struct kb_train_frame {
    int64_t upto_fs;  /* what is asked for */
    int64_t least_fs; /* of the inputs looked at so far: what is still unknown comes later */
    uint32_t link;
    uint32_t n_open, n_seen;
} kb_train_frame;

typedef struct kb_trains {
    kb_train_port *ports; /* by link; NULL in flit mode */
    kb_inbox *inboxes;    /* by node */
    kb_train_frame *stack;
    uint32_t *swept; /* room for all links */
    uint32_t n_sweeps;
    KB_POOL(kb_landing) landings;
} kb_trains;

/* One message more, or fewer, will come over `link`.  False when there is no memory. */
bool kb_inputs_add(kb_inputs *inputs, kb_alloc *alloc, uint32_t link) KB_MUST_CHECK;
void kb_inputs_drop(kb_inputs *inputs, uint32_t link);

/* The same, but an input without messages stays in its place until kb_inputs_prune. */
void kb_inputs_drop_later(kb_inputs *inputs, uint32_t link);
void kb_inputs_prune(kb_inputs *inputs);

void kb_inputs_deinit(kb_inputs *inputs, kb_alloc *alloc);

void kb_train_port_deinit(kb_train_port *port, kb_alloc *alloc);

/* Room for one more stream that waits; false when there is no memory. */
bool kb_train_port_reserve(kb_train_port *port, kb_alloc *alloc) KB_MUST_CHECK;

/* After kb_train_port_reserve. */
void kb_train_port_enlist(kb_train_port *port, kb_waiting added);

/* Gives the stream at `place` (from the first on) a later time; those behind it close up. */
void kb_train_port_put_back(kb_train_port *port, uint32_t place, int64_t when_fs);

/* The stream at `place` waits no more. */
void kb_train_port_remove(kb_train_port *port, uint32_t place);

/* a + b for a, b >= 0, at most the end of time. */
static inline int64_t kb_later_fs(int64_t a, int64_t b) {
    int64_t sum;
    return kb_add_i64(a, b, &sum) ? KB_TIME_MAX : sum;
}

/* The next flit of this port that is not known yet arrives at the far end later than this. */
static inline int64_t kb_train_port_silent_fs(const kb_train_port *port) {
    return kb_later_fs(kb_max_i64(port->free_fs, port->upto_fs + 1), port->travel_fs) - 1;
}

#endif
