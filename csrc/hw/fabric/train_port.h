/* A port that serves flit trains (ADR-0043), and what it knows.
 *
 *   waiting   the streams with known flits, by the key of their next flit (eligibility, input,
 *             message id)
 *   upto_fs   every flit eligible by then is known and served: final, whatever comes
 *   free_fs   the server is taken until then, which may be far ahead of the clock
 *   open      the inputs over which a started message has still to come
 *   n_own     messages that begin here and have flits that nobody knows yet
 *   n_parted  messages of which a part has come over an input, and the rest has not
 *   own_fs    the server has done all that began here by then at the earliest, were nobody else served
 *   backlog   messages that begin here, are far from their turn, and are none yet (hw/fabric/train_backlog.h)
 *   wakes     messages that end over this link, by a lower bound of their tail's arrival
 *   taken_fs  what was served ended then: for the physics checks, which do not trust free_fs
 *
 * Invariants
 *   R1. A flit handed on is eligible after the receiving port's upto_fs.
 *   R2. upto_fs < now + overhead_fs: a message may start at any time from now on.
 *   R3. An input is open from the start of its first message to the service of its last one's tail.
 */
#ifndef KB_HW_FABRIC_TRAIN_PORT_H
#define KB_HW_FABRIC_TRAIN_PORT_H

#include "base/checked.h"
#include "base/pool.h"
#include "hw/fabric/lineup.h"
#include "hw/fabric/stream.h"

typedef struct kb_input {
    uint32_t link;
    uint32_t n_messages;
} kb_input;

typedef struct kb_inputs {
    kb_input *items;
    uint32_t count, capacity;
} kb_inputs;

/* Messages alike that were sent one after the other: the tag and the number of the first one, those of each next one
 * are one more. */
typedef struct kb_held {
    int64_t start_fs, nbytes;
    uint32_t src, dst;
    int32_t slice;
    uint32_t kind, tag, count;
    uint32_t path; /* where that was last */
    uint32_t n_messages;
    uint32_t next;
} kb_held;

/* Runs of them, in order. */
typedef struct kb_backlog {
    uint32_t first, last; /* KB_NONE: there is none */
} kb_backlog;

/* In lines of the cache: those that pass by look at the first two, whose messages begin or end here at the third. */
typedef struct kb_train_port {
    _Alignas(KB_LINE_NBYTES) int64_t free_fs;
    int64_t upto_fs, taken_fs;
    int64_t service_fs;
    int64_t travel_fs;
    int64_t overhead_fs;
    int64_t end_fs;
    uint32_t region;
    uint32_t depth; /* 1 + its place on the stack of a pull; 0: it is not there */

    kb_lineup waiting;
    kb_inputs open;
    uint64_t n_served;
    uint32_t n_own;
    uint32_t n_parted;

    _Alignas(KB_LINE_NBYTES) kb_lineup wakes;
    int64_t wake_fs; /* the earliest event that is scheduled for `wakes`; KB_TIME_MAX: none */
    int64_t own_fs;
    kb_backlog backlog;
    uint32_t swept; /* the last sweep that took it in */
    bool is_met;    /* something else comes to a port with a backlog, which is to be released */
} kb_train_port;

_Static_assert(offsetof(kb_train_port, waiting) == KB_LINE_NBYTES &&
                   offsetof(kb_train_port, wakes) == 2 * KB_LINE_NBYTES &&
                   sizeof(kb_train_port) == 3 * KB_LINE_NBYTES,
               "what is in which line of the cache");

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
    kb_train_port *ports; /* by link, within `ports_block`; NULL in flit mode */
    void *ports_block;
    kb_inbox *inboxes; /* by node */
    kb_train_frame *stack;
    uint32_t *swept; /* room for all links */
    uint32_t n_sweeps;
    uint32_t n_met;
    uint32_t *met; /* ports with a backlog to which something else comes; room for all */
    KB_POOL(kb_held) held;
    int64_t now_fs; /* of what is under way, which is for this region; */
    uint32_t region;
    const int64_t *handled_fs; /* and what is handled in others, by region; NULL: all before now */
    KB_POOL(kb_landing) landings;
} kb_trains;

static inline uint32_t kb_inputs_find(const kb_inputs *inputs, uint32_t link) {
    uint32_t place = 0;
    while (place < inputs->count && inputs->items[place].link != link) place++;
    return place;
}

bool kb_inputs_grow_(kb_inputs *inputs, kb_alloc *alloc) KB_MUST_CHECK;

/* One message more, or fewer, will come over `link`.  False when there is no memory. */
KB_MUST_CHECK static inline bool kb_inputs_add(kb_inputs *inputs, kb_alloc *alloc, uint32_t link) {
    uint32_t place = kb_inputs_find(inputs, link);
    if (place < inputs->count) {
        inputs->items[place].n_messages++;
        return true;
    }
    if (place == inputs->capacity && !kb_inputs_grow_(inputs, alloc)) return false;
    inputs->items[place] = (kb_input){link, 1};
    inputs->count = place + 1;
    return true;
}

static inline void kb_inputs_drop(kb_inputs *inputs, uint32_t link) {
    kb_input *input = &inputs->items[kb_inputs_find(inputs, link)];
    if (--input->n_messages == 0) *input = inputs->items[--inputs->count];
}

/* The same, but an input without messages stays in its place until kb_inputs_prune. */
void kb_inputs_drop_later(kb_inputs *inputs, uint32_t link);
void kb_inputs_prune(kb_inputs *inputs);

void kb_inputs_deinit(kb_inputs *inputs, kb_alloc *alloc);

void kb_train_port_deinit(kb_train_port *port, kb_alloc *alloc);

/* Room for one more stream that waits; false when there is no memory. */
KB_MUST_CHECK static inline bool kb_train_port_reserve(kb_train_port *port, kb_alloc *alloc) {
    return kb_lineup_reserve(&port->waiting, alloc);
}

/* The rank of a stream at the port behind `link`, from its rank at the one before. */
static inline uint64_t kb_waiting_over(uint64_t rank, uint32_t link) {
    return (uint64_t)(link + 1) << 32 | (uint32_t)rank;
}

/* After kb_train_port_reserve.  count_of is a key of the same message. */
static inline void kb_train_port_enlist(kb_train_port *port, int64_t when_fs, uint64_t rank,
                                        uint64_t count_of, uint32_t number) {
    kb_lineup_push(&port->waiting, when_fs, rank, count_of >> 32 << 32 | number);
}

/* The last instant at which flits of `lead` still come before the first of `second`. */
static inline int64_t kb_waiting_until(const kb_waiting *lead, const kb_waiting *second) {
    bool after = lead->rank != second->rank ? lead->rank > second->rank
                                            : lead->count_number > second->count_number;
    return second->when_fs - after;
}

/* Whether the port serves this train, from begin_fs on, as one; *period_fs is its pace then, *length_fs
 * what lies between its first and its last. */
static inline bool kb_train_port_keeps(const kb_train_port *port, const kb_train *train,
                                       int64_t begin_fs, int64_t *period_fs, int64_t *length_fs) {
    *period_fs = port->service_fs;
    if (train->count > 1 && train->period_fs > port->service_fs) {
        if (begin_fs != train->start_fs) return false;
        *period_fs = train->period_fs;
    }
    return !kb_mul_i64(train->count - 1, *period_fs, length_fs) &&
           *length_fs <= port->end_fs - begin_fs;
}

/* As many of the first `count` flits of a train, the first one the head or behind it, as leave as one train, from
 * free_fs on; *last_fs is the last one's service.  Count 0: none can be served within the range of time. */
static inline kb_train kb_train_port_lead(const kb_train_port *port, int64_t free_fs,
                                          const kb_train *first, int64_t head_fs, int64_t count,
                                          int64_t *last_fs) {
    int64_t service = port->service_fs, period = first->period_fs;
    kb_train train = {kb_max_i64(free_fs, kb_max_i64(first->start_fs, head_fs)), service, count};
    if (count > 1 && period > service) {
        int64_t late_fs = train.start_fs - first->start_fs;
        if (late_fs == 0) train.period_fs = period;
        else train.count = kb_min_i64(count, late_fs / (period - service) + 1);
    }
    int64_t room = port->end_fs - train.start_fs, length;
    if (kb_mul_i64(train.count - 1, train.period_fs, &length) || length > room) {
        train.count = room < 0 ? 0 : room / train.period_fs + 1;
        length = (train.count - 1) * train.period_fs;
    }
    *last_fs = train.start_fs + length;
    return train;
}

/* The next flit of this port that is not known yet arrives at the far end later than this. */
static inline int64_t kb_train_port_silent_fs(const kb_train_port *port) {
    return kb_later_fs(kb_max_i64(port->free_fs, port->upto_fs + 1), port->travel_fs) - 1;
}

/* The next flit that comes over an input is eligible so long after its arrival at least: it is a head, unless a message
 * has parted. */
static inline int64_t kb_train_port_delay(const kb_train_port *port) {
    return port->n_parted ? 0 : port->overhead_fs;
}

/* What arrives over an input later than silent_fs is eligible later than this. */
static inline int64_t kb_train_port_comes_fs(const kb_train_port *port, int64_t silent_fs) {
    return kb_later_fs(silent_fs, kb_train_port_delay(port));
}

/* What begins at this port, or goes on, does so then at the earliest. */
static inline int64_t kb_train_port_now(const kb_trains *trains, const kb_train_port *port) {
    bool here = port->region == trains->region || !trains->handled_fs;
    return here ? trains->now_fs : trains->handled_fs[port->region];
}

/* It is eligible later than this. */
static inline int64_t kb_train_port_limit(const kb_trains *trains, const kb_train_port *port) {
    return kb_later_fs(kb_train_port_now(trains, port), port->n_own ? 0 : port->overhead_fs) - 1;
}

/* All that is eligible by then is known. */
static inline int64_t kb_train_port_horizon(const kb_trains *trains, const kb_train_port *port) {
    int64_t silent_fs = KB_TIME_MAX;
    for (uint32_t i = 0; i < port->open.count; i++)
        silent_fs = kb_min_i64(silent_fs,
                               kb_train_port_silent_fs(&trains->ports[port->open.items[i].link]));
    return kb_min_i64(kb_train_port_limit(trains, port), kb_train_port_comes_fs(port, silent_fs));
}

#endif
