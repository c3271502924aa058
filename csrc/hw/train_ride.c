#include "hw/train_ride.h"

#include "hw/train_pull.h"

/* The message at one port: its key there, its flits, and when the last of them is eligible. */
typedef struct ride {
    kb_waiting key;
    kb_train train;
    int64_t last_fs;
    uint32_t link;
    bool listed; /* as the first that waits there */
} ride;

/* Whether it may be served now, before all others; *upto_fs: what the port knows of then. */
static inline bool may_pass(const kb_trains *trains, const ride *r, int64_t now, int64_t *upto_fs) {
    const kb_train_port *port = &trains->ports[r->link];
    int64_t known_fs = kb_max_i64(kb_train_port_horizon(trains->ports, port, now), port->upto_fs);
    if (r->last_fs > known_fs) return false;
    if (port->n_waiting > r->listed) {
        const kb_waiting *second = &port->waiting[port->first + r->listed];
        if (r->last_fs > kb_waiting_until(&r->key, second)) return false;
        known_fs = kb_min_i64(known_fs, second->when_fs - 1);
    }
    *upto_fs = kb_max_i64(known_fs, port->upto_fs);
    return true;
}

bool kb_train_ride(kb_fabric *fabric, uint32_t number) {
    kb_trains *trains = &fabric->trains;
    kb_flight *flown = &fabric->flights.items[number];
    kb_stream *stream = &fabric->streams.pool.items[flown->next];
    int64_t now = kb_sim_now(fabric->sim), upto_fs, period_fs, length_fs;
    if (fabric->train_watch.path || fabric->servers.of || !kb_stream_is_whole(stream)) return true;
    uint32_t hop = stream->hop;
    ride r = {.link = flown->path[hop], .listed = true};
    const kb_train_port *first = &trains->ports[r.link];
    r.key = first->waiting[first->first];
    if ((uint32_t)r.key.count_number != flown->next) return true;
    r.train = stream->first;
    r.last_fs = kb_max_i64(kb_train_last_fs(&r.train), stream->head_fs);
    while (may_pass(trains, &r, now, &upto_fs)) {
        kb_train_port *port = &trains->ports[r.link];
        bool ends = hop + 1 == flown->n_links;
        int64_t begin_fs = kb_max_i64(port->free_fs, r.key.when_fs);
        if ((ends && kb_train_lands(fabric, &flown->message)) ||
            !kb_train_port_keeps(port, &r.train, begin_fs, &period_fs, &length_fs))
            break;
        if (r.listed) kb_train_port_remove_first(port);
        r.listed = false;
        port->upto_fs = upto_fs;
        port->free_fs = begin_fs + length_fs + port->service_fs;
        port->n_served += (uint64_t)r.train.count;
        r.train.start_fs = begin_fs + port->travel_fs;
        r.train.period_fs = period_fs;
        r.last_fs = r.train.start_fs + length_fs;
        if (ends) {
            flown->done_fs = r.last_fs;
            KB_POOL_GIVE(&fabric->streams.pool, flown->next);
            return true;
        }
        uint32_t to = flown->path[++hop];
        kb_train_port *into = &trains->ports[to];
        kb_inputs_drop(&into->open, r.link);
        fabric->streams.n_pieces++;
        r.key.when_fs = r.train.start_fs + into->overhead_fs;
        r.key.rank = kb_waiting_over(r.key.rank, r.link);
        r.last_fs = kb_max_i64(r.last_fs, r.key.when_fs);
        r.link = to;
    }
    if (r.listed) return true;
    kb_train_port *port = &trains->ports[r.link];
    if (!kb_train_port_reserve(port, fabric->alloc)) {
        kb_fabric_fail_nomem_(fabric, "a train");
        return false;
    }
    stream->hop = hop;
    stream->to = hop + 1 < flown->n_links ? flown->path[hop + 1] : KB_NONE;
    stream->head_fs = r.key.when_fs;
    stream->first = r.train;
    kb_train_port_enlist(port, r.key.when_fs, r.key.rank, r.key.count_number, flown->next);
    return true;
}
