#include "hw/fabric/train_ride.h"

#include "hw/fabric/train_leave.h"
#include "hw/fabric/train_lone.h"

/* The message at one port: when it is eligible there, its flits, and when the last of them is. */
typedef struct ride {
    kb_flight *flown;
    const uint32_t *at, *end; /* its place in the path, and the one that it cannot pass this way */
    kb_train_port *port;      /* which is there */
    uint32_t from;            /* the link that it has come over last, */
    int64_t silent_fs;        /* whose next flit arrives later */
    int64_t when_fs;
    int64_t last_fs;
    int64_t least_fs; /* what may still come to the port is eligible later */
    kb_lone flits;
} ride;

/* Its flits are `r->flits`, the first one eligible at when_fs. */
static inline void begin_at(const kb_fabric *fabric, uint32_t number, uint32_t hop, int64_t when_fs,
                            ride *r) {
    kb_flight *flown = r->flown = &fabric->flights.items[number];
    r->at = flown->path + hop;
    r->end = flown->path + flown->n_links - kb_train_lands(fabric, &flown->message);
    r->port = &fabric->trains.ports[*r->at];
    r->when_fs = when_fs;
    r->last_fs = kb_max_i64(kb_train_last_fs(&r->flits.trains[r->flits.count - 1]), when_fs);
}

/* False when not all of its flits are there. */
static inline bool begin_ride(const kb_fabric *fabric, uint32_t number, ride *r) {
    const kb_stream *stream = &fabric->streams.pool.items[fabric->flights.items[number].next];
    if (!kb_lone_of(&fabric->streams, stream, &r->flits)) return false;
    begin_at(fabric, number, stream->hop, kb_stream_eligible(stream), r);
    return true;
}

/* At a port that it has come to on its way. */
static inline kb_waiting key_of(const ride *r) {
    const kb_message *message = &r->flown->message;
    return (kb_waiting){r->when_fs, kb_waiting_over(message->src, r->from),
                        (uint64_t)message->count << 32 | r->flown->next};
}

/* It has come to the port over the link `from`, as one of several inputs: one message fewer will.  What comes over
 * them is eligible later than this. */
static __attribute__((noinline)) int64_t come_beside(const kb_train_port *ports,
                                                     kb_train_port *port, uint32_t from,
                                                     int64_t silent_fs) {
    kb_inputs *open = &port->open;
    uint32_t place = kb_inputs_find(open, from);
    int64_t least_fs = KB_TIME_MAX;
    if (--open->items[place].n_messages) least_fs = silent_fs;
    else open->items[place] = open->items[--open->count];
    for (uint32_t i = 0; i < open->count; i++)
        if (open->items[i].link != from)
            least_fs = kb_min_i64(least_fs, kb_train_port_silent_fs(&ports[open->items[i].link]));
    return least_fs;
}

/* Whether its last flit comes before the one that waits as `second`; if so, no more than before that is known. */
static __attribute__((noinline)) bool is_before(const kb_waiting *lead, const kb_waiting *second,
                                                int64_t last_fs, int64_t *known_fs) {
    if (last_fs > kb_waiting_until(lead, second)) return false;
    *known_fs = kb_min_i64(*known_fs, second->when_fs - 1);
    return true;
}

/* Whether all that could come before its last flit is known, and does not; *upto_fs: what the port knows of
 * then.  `listed`: it is the first that waits there. */
static inline bool is_next(const ride *r, bool listed, int64_t *upto_fs) {
    const kb_train_port *port = r->port;
    int64_t known_fs = kb_max_i64(r->least_fs, port->upto_fs);
    if (r->last_fs > known_fs) return false;
    if (port->waiting.count > listed) {
        const kb_waiting *second = kb_lineup_items(&port->waiting) + listed;
        const kb_waiting key = listed ? second[-1] : key_of(r);
        if (!is_before(&key, second, r->last_fs, &known_fs)) return false;
    }
    *upto_fs = kb_max_i64(known_fs, port->upto_fs);
    return true;
}

/* Over one port, the last flit's service at last_fs. */
static inline void leave(kb_fabric *fabric, ride *r, bool listed, int64_t upto_fs, int64_t begin_fs,
                         int64_t last_fs, int64_t n_flits) {
    kb_train_port *port = r->port;
    if (listed) kb_lineup_drop_first(&port->waiting);
    port->upto_fs = upto_fs;
    kb_train_count(fabric, *r->at, port, n_flits, begin_fs, last_fs + port->service_fs);
    r->last_fs = last_fs + port->travel_fs;
    r->silent_fs = kb_train_port_silent_fs(port);
    r->from = *r->at++;
}

static __attribute__((noinline)) bool pass_as_several(kb_fabric *fabric, ride *r, bool listed,
                                                      int64_t upto_fs) {
    const kb_lone came = r->flits;
    int64_t last_fs, n_flits = 0;
    if (!kb_lone_pass(&came, r->port, r->when_fs, &r->flits, &last_fs)) {
        r->flits = came;
        return false;
    }
    for (uint32_t i = 0; i < came.count; i++) n_flits += came.trains[i].count;
    leave(fabric, r, listed, upto_fs, kb_max_i64(r->port->free_fs, r->when_fs), last_fs, n_flits);
    return true;
}

/* Over one port.  False, and nothing changes, when it leaves as too many trains or not within the range of
 * time. */
static inline bool pass(kb_fabric *fabric, ride *r, bool listed, int64_t upto_fs) {
    kb_train_port *port = r->port;
    kb_train *train = &r->flits.trains[0];
    int64_t begin_fs = kb_max_i64(port->free_fs, r->when_fs), period_fs, length_fs;
    if (r->flits.count > 1 || !kb_train_port_keeps(port, train, begin_fs, &period_fs, &length_fs))
        return pass_as_several(fabric, r, listed, upto_fs);
    train->start_fs = begin_fs + port->travel_fs;
    train->period_fs = period_fs;
    leave(fabric, r, listed, upto_fs, begin_fs, begin_fs + length_fs, train->count);
    return true;
}

/* It comes to the next port: one message fewer will. */
static inline void come(kb_fabric *fabric, ride *r) {
    kb_trains *trains = &fabric->trains;
    kb_train_port *port = r->port = &trains->ports[*r->at];
    int64_t least_fs = KB_TIME_MAX;
    if (port->open.count > 1) least_fs = come_beside(trains->ports, port, r->from, r->silent_fs);
    else if (--port->open.items[0].n_messages) least_fs = r->silent_fs;
    else port->open.count = 0;
    r->least_fs = kb_min_i64(least_fs, kb_train_port_now(trains, port) - 1);
    r->when_fs = r->flits.trains[0].start_fs + port->overhead_fs;
    r->last_fs = kb_max_i64(r->last_fs, r->when_fs);
    fabric->streams.n_pieces += r->flits.count;
}

/* It waits at the port that it has come to. */
static inline bool wait_there(kb_fabric *fabric, const ride *r) {
    kb_flight *flown = r->flown;
    if (!kb_train_port_reserve(r->port, fabric->alloc)) {
        kb_fabric_fail_nomem_(fabric, "a train");
        return false;
    }
    kb_stream *stream = &fabric->streams.pool.items[flown->next];
    const kb_waiting key = key_of(r);
    uint32_t hop = (uint32_t)(r->at - flown->path);
    stream->hop = hop;
    stream->to = hop + 1 < flown->n_links ? r->at[1] : KB_NONE;
    stream->head_fs = key.when_fs;
    kb_stream_replace(&fabric->streams, stream, &r->flits.trains[0]);
    for (uint32_t i = 1; i < r->flits.count; i++) {
        if (kb_stream_add(&fabric->streams, fabric->alloc, stream, &r->flits.trains[i])) continue;
        kb_fabric_fail_nomem_(fabric, "a train");
        return false;
    }
    kb_train_port_enlist(r->port, key.when_fs, key.rank, key.count_number, flown->next);
    return true;
}

/* It has passed all ports that it can pass this way: it has arrived, or waits at the last. */
static inline bool end_ride(kb_fabric *fabric, ride *r) {
    kb_flight *flown = r->flown;
    if (r->at != flown->path + flown->n_links) {
        come(fabric, r);
        return wait_there(fabric, r);
    }
    flown->done_fs = r->last_fs;
    kb_stream_replace(&fabric->streams, &fabric->streams.pool.items[flown->next],
                      &r->flits.trains[0]);
    KB_POOL_GIVE(&fabric->streams.pool, flown->next);
    return true;
}

bool kb_train_ride(kb_fabric *fabric, uint32_t number) {
    const kb_flight *flown = &fabric->flights.items[number];
    bool plain = !fabric->train_watch.path && !fabric->servers.of;
    const kb_stream *stream = &fabric->streams.pool.items[flown->next];
    if (!plain || stream->first.count == 0) return true;
    kb_train_port *port = &fabric->trains.ports[flown->path[stream->hop]];
    uint32_t first = (uint32_t)kb_lineup_items(&port->waiting)->count_number;
    ride r;
    int64_t upto_fs;
    if (first != flown->next || !begin_ride(fabric, number, &r)) return true;
    kb_train_look_(fabric);
    r.least_fs = kb_train_port_horizon(&fabric->trains, port);
    if (r.at == r.end || !is_next(&r, true, &upto_fs) || !pass(fabric, &r, true, upto_fs))
        return true;
    while (r.at != r.end) {
        come(fabric, &r);
        if (!is_next(&r, false, &upto_fs) || !pass(fabric, &r, false, upto_fs))
            return wait_there(fabric, &r);
    }
    return end_ride(fabric, &r);
}
