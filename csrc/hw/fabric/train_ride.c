#include "hw/fabric/train_ride.h"

#include "hw/fabric/train_serve.h"

/* The message at one port: its key there, its flits, and when the last of them is eligible. */
typedef struct ride {
    kb_flight *flown;
    uint32_t hop, end; /* the hop, and the one that it cannot pass this way */
    uint32_t link;
    bool listed; /* as the first that waits there */
    kb_waiting key;
    kb_train train;
    int64_t last_fs;
} ride;

static inline ride begin_ride(kb_fabric *fabric, uint32_t number) {
    kb_flight *flown = &fabric->flights.items[number];
    const kb_stream *stream = &fabric->streams.pool.items[flown->next];
    return (ride){.flown = flown,
                  .hop = stream->hop,
                  .end = flown->n_links - kb_train_lands(fabric, &flown->message),
                  .link = flown->path[stream->hop],
                  .train = stream->first,
                  .last_fs = kb_max_i64(kb_train_last_fs(&stream->first), stream->head_fs)};
}

/* Whether all that could come before its last flit is known, and does not; *upto_fs: what the port knows of
 * then. */
static inline bool is_next(const kb_trains *trains, const ride *r, int64_t *upto_fs) {
    const kb_train_port *ports = trains->ports, *port = &ports[r->link];
    int64_t known_fs = kb_train_port_now(trains, port) - 1;
    for (uint32_t i = 0; i < port->open.count; i++)
        known_fs = kb_min_i64(known_fs, kb_train_port_silent_fs(&ports[port->open.items[i].link]));
    known_fs = kb_max_i64(known_fs, port->upto_fs);
    if (r->last_fs > known_fs) return false;
    if (port->n_waiting > r->listed) {
        const kb_waiting *second = &port->waiting[port->first + r->listed];
        if (r->last_fs > kb_waiting_until(&r->key, second)) return false;
        known_fs = kb_max_i64(kb_min_i64(known_fs, second->when_fs - 1), port->upto_fs);
    }
    *upto_fs = known_fs;
    return true;
}

/* Over one port, to the next or to its end.  False, and nothing changes, when it leaves as several trains or
 * not within the range of time. */
static inline bool pass(kb_fabric *fabric, ride *r, int64_t upto_fs) {
    kb_train_port *port = &fabric->trains.ports[r->link];
    int64_t begin_fs = kb_max_i64(port->free_fs, r->key.when_fs), period_fs, length_fs;
    if (!kb_train_port_keeps(port, &r->train, begin_fs, &period_fs, &length_fs)) return false;
    if (r->listed) kb_train_port_remove_first(port);
    r->listed = false;
    port->upto_fs = upto_fs;
    kb_train_count(fabric, r->link, port, r->train.count, begin_fs,
                   begin_fs + length_fs + port->service_fs);
    r->train.start_fs = begin_fs + port->travel_fs;
    r->train.period_fs = period_fs;
    r->last_fs = r->train.start_fs + length_fs;
    if (++r->hop == r->flown->n_links) return true;
    uint32_t to = r->flown->path[r->hop];
    kb_train_port *into = &fabric->trains.ports[to];
    kb_inputs_drop(&into->open, r->link);
    fabric->streams.n_pieces++;
    r->key.when_fs = r->train.start_fs + into->overhead_fs;
    r->key.rank = kb_waiting_over(r->key.rank, r->link);
    r->last_fs = kb_max_i64(r->last_fs, r->key.when_fs);
    r->link = to;
    return true;
}

/* Where the way ends it waits, or has arrived. */
static inline bool end_ride(kb_fabric *fabric, const ride *r) {
    kb_flight *flown = r->flown;
    uint32_t number = flown->next;
    if (r->listed) return true;
    if (r->hop == flown->n_links) {
        flown->done_fs = r->last_fs;
        KB_POOL_GIVE(&fabric->streams.pool, number);
        return true;
    }
    kb_stream *stream = &fabric->streams.pool.items[number];
    kb_train_port *port = &fabric->trains.ports[r->link];
    if (!kb_train_port_reserve(port, fabric->alloc)) {
        kb_fabric_fail_nomem_(fabric, "a train");
        return false;
    }
    stream->hop = r->hop;
    stream->to = r->hop + 1 < flown->n_links ? flown->path[r->hop + 1] : KB_NONE;
    stream->head_fs = r->key.when_fs;
    stream->first = r->train;
    kb_train_port_enlist(port, r->key.when_fs, r->key.rank, r->key.count_number, number);
    return true;
}

bool kb_train_ride(kb_fabric *fabric, uint32_t number) {
    const kb_train_port *ports = fabric->trains.ports;
    uint32_t tail = fabric->flights.items[number].next;
    if (fabric->train_watch.path || fabric->servers.of ||
        !kb_stream_is_whole(&fabric->streams.pool.items[tail]))
        return true;
    ride r = begin_ride(fabric, number);
    const kb_train_port *port = &ports[r.link];
    r.key = port->waiting[port->first];
    r.listed = true;
    if ((uint32_t)r.key.count_number != tail) return true;
    int64_t upto_fs;
    kb_train_look_(fabric);
    while (r.hop < r.end && is_next(&fabric->trains, &r, &upto_fs) && pass(fabric, &r, upto_fs)) {
    }
    return end_ride(fabric, &r);
}

bool kb_train_set_out(kb_fabric *fabric, uint32_t number) {
    ride r = begin_ride(fabric, number);
    int64_t eligible_fs = r.last_fs;
    r.key = (kb_waiting){eligible_fs, r.flown->message.src,
                         (uint64_t)r.flown->message.count << 32 | r.flown->next};
    bool plain = !fabric->train_watch.path && !fabric->servers.of;
    if (plain && r.end && pass(fabric, &r, eligible_fs - 1)) return end_ride(fabric, &r);
    kb_train_port *port = &fabric->trains.ports[r.link];
    kb_train_port_enlist(port, eligible_fs, r.key.rank, r.key.count_number, r.flown->next);
    bool good = kb_train_serve(fabric, r.link, eligible_fs, eligible_fs);
    port->upto_fs = eligible_fs - 1;
    return good;
}
