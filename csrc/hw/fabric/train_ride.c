#include "hw/fabric/train_ride.h"

#include "hw/fabric/train_leave.h"
#include "hw/fabric/train_lone.h"

/* The message at one port: when it is eligible there, its flits, and when the last of them is. */
typedef struct ride {
    kb_flight *flown;
    const uint32_t *at, *end;  /* its place in the path, and the one that it cannot pass this way */
    kb_train_port *port;       /* which is there */
    const kb_train_port *left; /* that of the link `from`, which it has come over last */
    uint32_t from;
    uint32_t n_trains;
    int64_t n_flits;
    int64_t start_fs, period_fs; /* of the only train, or the first of several */
    int64_t when_fs;
    int64_t last_fs;
    int64_t least_fs; /* what may still come to the port is eligible later */
} ride;

/* What is left of it at the port where its tail waits.  False when not all of that is known.  *several: its trains, if
 * they are. */
static inline bool begin_ride(kb_fabric *fabric, kb_flight *flown, const kb_stream *stream, ride *r,
                              kb_lone *several) {
    r->n_trains = 1;
    if (stream->first.count != stream->n_left) {
        if (!kb_lone_rest(&fabric->streams, stream, several)) return false;
        r->n_trains = several->count;
    }
    r->flown = flown;
    r->at = flown->path + stream->hop;
    r->end = flown->path + flown->n_links - kb_train_lands(fabric, &flown->message);
    r->n_flits = stream->n_left;
    r->start_fs = stream->first.start_fs;
    r->period_fs = stream->first.period_fs;
    r->when_fs = kb_stream_eligible(stream);
    r->last_fs = kb_stream_last_eligible(&fabric->streams, stream);
    return r->at != r->end;
}

/* At a port that it has come to on its way. */
static inline kb_waiting key_of(const ride *r) {
    const kb_message *message = &r->flown->message;
    return (kb_waiting){r->when_fs, kb_waiting_over(message->src, r->from),
                        (uint64_t)message->count << 32 | r->flown->next};
}

/* What is still unknown of an open input arrives later than this.  If that is before upto_fs, time passes at the port
 * that leads here, to the first that waits there; and before that at the one behind it, and so on for some ports, as
 * far as each has no other input. */
static int64_t silent_fs(const kb_trains *trains, uint32_t link, int64_t upto_fs, int n_ports) {
    kb_train_port *port = &trains->ports[link];
    int64_t known_fs = kb_train_port_silent_fs(port);
    if (known_fs >= upto_fs || port->open.count > 1 || n_ports == 0) return known_fs;
    int64_t least_fs = kb_train_port_limit(trains, port);
    least_fs = kb_min_i64(least_fs, kb_lineup_when(&port->waiting, 0) - 1);
    if (port->open.count)
        least_fs = kb_min_i64(least_fs, silent_fs(trains, port->open.items[0].link,
                                                  upto_fs - port->travel_fs, n_ports - 1));
    port->upto_fs = kb_max_i64(port->upto_fs, least_fs);
    return kb_train_port_silent_fs(port);
}

/* It has come to the port over the link `from`, as one of several inputs: one message fewer will.  What comes over
 * them is eligible later than this, if all goes well later than upto_fs. */
static __attribute__((noinline)) int64_t come_beside(const kb_trains *trains, kb_train_port *port,
                                                     uint32_t from, int64_t upto_fs) {
    enum { PORTS_BACK = 8 };
    kb_inputs *open = &port->open;
    uint32_t place = kb_inputs_find(open, from);
    int64_t least_fs = KB_TIME_MAX;
    if (--open->items[place].n_messages == 0) open->items[place] = open->items[--open->count];
    for (uint32_t i = 0; i < open->count; i++)
        least_fs =
            kb_min_i64(least_fs, silent_fs(trains, open->items[i].link, upto_fs, PORTS_BACK));
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
        int64_t before_fs = known_fs;
        if (!is_before(&key, second, r->last_fs, &before_fs)) return false;
        known_fs = kb_max_i64(before_fs, port->upto_fs);
    }
    *upto_fs = known_fs;
    return true;
}

/* As they leave the port, which is not as one train.  False, and nothing changes, when that is too many, or not within
 * the range of time. */
static __attribute__((noinline)) bool pass_as_several(const kb_train_port *port, int64_t when_fs,
                                                      kb_lone *several, int64_t *length_fs) {
    const kb_lone came = *several;
    int64_t last_fs;
    if (!kb_lone_pass(&came, port, when_fs, several, &last_fs)) {
        *several = came;
        return false;
    }
    *length_fs = last_fs - kb_max_i64(port->free_fs, when_fs);
    return true;
}

/* Over one port.  False, and nothing changes, when it cannot. */
static inline bool pass(kb_fabric *fabric, ride *r, kb_lone *several, bool listed,
                        int64_t upto_fs) {
    kb_train_port *port = r->port;
    const kb_train only = {r->start_fs, r->period_fs, r->n_flits};
    int64_t begin_fs = kb_max_i64(port->free_fs, r->when_fs), length_fs;
    if (r->n_trains == 1 && kb_train_port_keeps(port, &only, begin_fs, &r->period_fs, &length_fs)) {
        r->start_fs = begin_fs + port->travel_fs;
    } else {
        if (r->n_trains == 1) *several = (kb_lone){.count = 1, .trains = {only}};
        if (!pass_as_several(port, r->when_fs, several, &length_fs)) return false;
        r->n_trains = several->count;
        r->start_fs = several->trains[0].start_fs;
        r->period_fs = several->trains[0].period_fs;
    }
    if (listed) kb_lineup_drop_first(&port->waiting);
    port->upto_fs = upto_fs;
    kb_train_count(fabric, *r->at, port, r->n_flits, begin_fs,
                   begin_fs + length_fs + port->service_fs);
    r->last_fs = begin_fs + length_fs + port->travel_fs;
    r->left = port;
    r->from = *r->at++;
    return true;
}

/* It comes to the next port: one message fewer will. */
static inline void come(kb_fabric *fabric, ride *r) {
    kb_trains *trains = &fabric->trains;
    kb_train_port *port = r->port = &trains->ports[*r->at];
    int64_t least_fs = kb_train_port_now(trains, port) - 1;
    r->when_fs = r->start_fs + port->overhead_fs;
    r->last_fs = kb_max_i64(r->last_fs, r->when_fs);
    if (port->open.count > 1)
        least_fs = kb_min_i64(least_fs, come_beside(trains, port, r->from, r->last_fs));
    else if (--port->open.items[0].n_messages)
        least_fs = kb_min_i64(least_fs, kb_train_port_silent_fs(r->left));
    else port->open.count = 0;
    r->least_fs = least_fs;
    fabric->streams.n_pieces += r->n_trains;
}

/* It waits at the port that it has come to. */
static inline bool wait_there(kb_fabric *fabric, const ride *r, const kb_lone *several) {
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
    kb_stream_drop_more(&fabric->streams, stream);
    stream->first.start_fs = r->start_fs;
    stream->first.period_fs = r->period_fs;
    stream->first.count = r->n_trains == 1 ? r->n_flits : several->trains[0].count;
    for (uint32_t i = 1; i < r->n_trains; i++) {
        if (kb_stream_add(&fabric->streams, fabric->alloc, stream, &several->trains[i])) continue;
        kb_fabric_fail_nomem_(fabric, "a train");
        return false;
    }
    kb_lineup_push(&r->port->waiting, key.when_fs, key.rank, key.count_number);
    return true;
}

/* The flits before these are at the next port, or further: these come behind them. */
static inline bool catch_up(kb_fabric *fabric, const ride *r, kb_lone *several) {
    kb_flight *flown = r->flown;
    kb_streams *streams = &fabric->streams;
    kb_train_port *into = &fabric->trains.ports[*r->at];
    kb_stream *stream = &streams->pool.items[flown->next];
    uint32_t next = stream->next;
    kb_stream *ahead = &streams->pool.items[next];
    bool waits = ahead->first.count != 0;
    kb_inputs_drop(&into->open, r->from);
    kb_stream_drop_more(streams, stream);
    KB_POOL_GIVE(&streams->pool, flown->next);
    flown->next = next;
    if (r->n_trains == 1) {
        several->count = 1;
        several->trains[0] = (kb_train){r->start_fs, r->period_fs, r->n_flits};
    }
    bool good = waits || kb_train_port_reserve(into, fabric->alloc);
    for (uint32_t i = 0; good && i < several->count; i++)
        good = kb_stream_add(streams, fabric->alloc, ahead, &several->trains[i]);
    if (!good) {
        kb_fabric_fail_nomem_(fabric, "a train");
        return false;
    }
    if (!waits)
        kb_train_port_enlist(into, kb_stream_eligible(ahead),
                             kb_waiting_over(flown->message.src, r->from),
                             (uint64_t)flown->message.count << 32, next);
    return true;
}

/* At the end of the path. */
static void arrive(kb_fabric *fabric, const ride *r) {
    kb_flight *flown = r->flown;
    flown->done_fs = r->last_fs;
    kb_stream_drop_more(&fabric->streams, &fabric->streams.pool.items[flown->next]);
    KB_POOL_GIVE(&fabric->streams.pool, flown->next);
}

bool kb_train_ride(kb_fabric *fabric, uint32_t number) {
    kb_flight *flown = &fabric->flights.items[number];
    const uint32_t *path_end = flown->path + flown->n_links;
    kb_lone several;
    ride r;
    int64_t upto_fs;
    if (fabric->train_watch.path || fabric->servers.of) return true;
    kb_train_look_(fabric);
    for (;;) {
        const kb_stream *stream = &fabric->streams.pool.items[flown->next];
        kb_train_port *port = r.port = &fabric->trains.ports[flown->path[stream->hop]];
        bool parted = stream->next != KB_NONE && stream->to != KB_NONE;
        if (stream->first.count == 0 ||
            (uint32_t)kb_lineup_items(&port->waiting)->count_number != flown->next ||
            !begin_ride(fabric, flown, stream, &r, &several))
            return true;
        r.least_fs = kb_train_port_horizon(&fabric->trains, port);
        bool listed = true;
        while (is_next(&r, listed, &upto_fs) && pass(fabric, &r, &several, listed, upto_fs)) {
            listed = false;
            if (parted) break;
            if (r.at == path_end) {
                arrive(fabric, &r);
                return true;
            }
            come(fabric, &r);
            if (r.at == r.end) break;
        }
        if (listed) return true;
        if (!parted) return wait_there(fabric, &r, &several);
        if (!catch_up(fabric, &r, &several)) return false;
    }
}
