#include "hw/fabric/train_start.h"

#include "hw/fabric/train_backlog.h"
#include "hw/fabric/train_leave.h"
#include "hw/fabric/train_serve.h"
#include "hw/fabric/train_wake.h"

bool kb_train_reserve(kb_fabric *fabric, uint32_t number) {
    const kb_flight *flown = &fabric->flights.items[number];
    return kb_fabric_reserve_(fabric, flown->path[0], number, 0) &&
           (flown->n_by_flit || kb_train_reserve_wake_(fabric, kb_train_last_link_(flown)));
}

/* Whether trains go on to a server behind this hop. */
static bool feeds(const kb_fabric *fabric, const kb_flight *flown, uint32_t hop) {
    return hop + 1 < flown->n_by_flit && !kb_fabric_by_flit_(fabric, flown->path[hop]) &&
           kb_fabric_by_flit_(fabric, flown->path[hop + 1]);
}

static bool open_hop(kb_fabric *fabric, const kb_flight *flown, uint32_t hop) {
    const uint32_t *path = flown->path;
    if (hop == flown->n_links) {
        if (!kb_train_lands(fabric, &flown->message)) return true;
        if (kb_fabric_by_flit_(fabric, kb_train_last_link_(flown))) return true;
        kb_inbox *inbox = &fabric->trains.inboxes[flown->message.dst];
        return kb_inputs_add(&inbox->open, fabric->alloc, kb_train_last_link_(flown));
    }
    if (feeds(fabric, flown, hop) && !kb_train_reserve_wake_(fabric, path[hop])) return false;
    if (hop == 0 || kb_fabric_by_flit_(fabric, path[hop])) return true;
    kb_backlog_meet(fabric, path[hop]);
    return kb_inputs_add(&fabric->trains.ports[path[hop]].open, fabric->alloc, path[hop - 1]);
}

/* Its first flit is at each server that trains lead to no earlier than if nobody were in its way. */
static void push_first_wakes(kb_fabric *fabric, uint32_t number) {
    const kb_flight *flown = &fabric->flights.items[number];
    int64_t at_fs = kb_sim_now(fabric->sim);
    for (uint32_t hop = 0; hop + 1 < flown->n_by_flit; hop++) {
        const kb_port *port = &fabric->ports[flown->path[hop]];
        at_fs = kb_later_fs(at_fs, kb_later_fs(port->overhead_fs, port->travel_fs));
        if (feeds(fabric, flown, hop)) kb_train_push_wake_(fabric, flown->path[hop], number, at_fs);
    }
}

bool kb_train_open(kb_fabric *fabric, uint32_t number) {
    const kb_flight *flown = &fabric->flights.items[number];
    const uint32_t *path = flown->path;
    kb_train_port *ports = fabric->trains.ports;
    uint32_t hop = 0;
    while (hop <= flown->n_links && open_hop(fabric, flown, hop)) hop++;
    if (hop > flown->n_links) {
        if (!kb_fabric_by_flit_(fabric, path[0])) ports[path[0]].n_own++;
        if (flown->n_by_flit) push_first_wakes(fabric, number);
        return true;
    }
    while (--hop > 0)
        if (!kb_fabric_by_flit_(fabric, path[hop]))
            kb_inputs_drop(&ports[path[hop]].open, path[hop - 1]);
    return false;
}

void kb_train_trace(kb_fabric *fabric, uint32_t number, kb_hop *hops) {
    const kb_flight *flown = &fabric->flights.items[number];
    int64_t now = kb_sim_now(fabric->sim);
    kb_train_watch *watch = &fabric->train_watch;
    bool good = true;
    kb_train_watch_begin(watch, fabric->ports, number, flown->path, flown->n_links,
                         flown->message.start_fs, hops);
    for (uint32_t hop = 0; hop < flown->n_links; hop++) {
        int64_t free_fs = fabric->trains.ports[flown->path[hop]].free_fs;
        if (free_fs > now)
            good = good && kb_train_watch_busy(watch, fabric->alloc, hop, now, free_fs);
    }
    if (!good) kb_fabric_fail_nomem_(fabric, "a trace");
}

/* A message is at the port where it begins, alone there and with no other to come: it is served at once, and what begins
 * later comes after it.  False when it failed, which kb_sim_fail knows. */
static inline bool set_out(kb_fabric *fabric, uint32_t link, kb_train_port *port,
                           const kb_stream *stream, const kb_waiting *key) {
    bool plain = !fabric->train_watch.path && !fabric->servers.of;
    int64_t begin_fs = kb_max_i64(port->free_fs, key->when_fs), period_fs, length_fs;
    bool good;
    if (plain && kb_train_port_keeps(port, &stream->first, begin_fs, &period_fs, &length_fs)) {
        good = kb_train_pass_(fabric, link, port, key, begin_fs, period_fs, length_fs);
        if (!good) kb_fabric_fail_nomem_(fabric, "a train");
    } else {
        kb_lineup_push(&port->waiting, key->when_fs, key->rank, key->count_number);
        good = kb_train_serve(fabric, link, key->when_fs, key->when_fs);
    }
    port->upto_fs = key->when_fs - 1;
    return good;
}

/* All flits of a message are here now, and none that began before has still to come into being: that one might
 * do so at this very instant, and be served before it.  Those that began here before are served before it.  It is
 * looked after when it would be there if nobody else were in its way: what the ports behind this one do until then is
 * not known yet. */
static inline void begin(kb_fabric *fabric, uint32_t number, const kb_flight *flown,
                         kb_train_port *port, const kb_stream *stream) {
    const kb_message *message = &flown->message;
    const kb_waiting key = {stream->head_fs, message->src,
                            (uint64_t)message->count << 32 | flown->next};
    int64_t begin_fs = kb_max_i64(port->own_fs, key.when_fs), busy_fs;
    if (!kb_mul_i64(message->n_flits, port->service_fs, &busy_fs))
        port->own_fs = kb_later_fs(begin_fs, busy_fs);
    begin_fs = kb_max_i64(begin_fs, port->free_fs);
    if (port->open.count || port->waiting.count)
        kb_lineup_push(&port->waiting, key.when_fs, key.rank, key.count_number);
    else if (!set_out(fabric, flown->path[0], port, stream, &key)) return;
    if (flown->n_by_flit) return;
    int64_t wake_fs = flown->done_fs;
    if (wake_fs < 0) {
        int64_t leave_fs = begin_fs - port->overhead_fs;
        int64_t least_fs = kb_max_i64(flown->least_fs - message->start_fs, 1); /* may be unknown */
        wake_fs = kb_later_fs(leave_fs, least_fs);
        if (message->n_flits > KB_TRAIN_STEP_FLITS)
            wake_fs = kb_min_i64(wake_fs, kb_train_step_(fabric, flown, leave_fs));
    }
    kb_train_push_wake_(fabric, kb_train_last_link_(flown), number, wake_fs);
}

bool kb_train_add(kb_fabric *fabric, uint32_t number, kb_train flits) {
    kb_flight *flown = &fabric->flights.items[number];
    uint32_t first = flown->path[0];
    kb_train_port *port = &fabric->trains.ports[first];
    kb_stream *stream = &fabric->streams.pool.items[flown->next];
    bool waits = stream->first.count != 0, by_flit = kb_fabric_by_flit_(fabric, first);
    bool all = flown->n_known + flits.count == flown->message.n_flits;
    bool wakes = all && !flown->n_by_flit;
    if ((!waits && !kb_fabric_reserve_(fabric, first, number, 0)) ||
        (wakes && !kb_train_reserve_wake_(fabric, kb_train_last_link_(flown))) ||
        !kb_stream_add(&fabric->streams, fabric->alloc, stream, &flits))
        return false;
    if (by_flit) {
        if (!waits) kb_server_enlist(fabric, first, flown->next);
        return true;
    }
    if (all && --port->n_own == 0 && flits.count == flown->message.n_flits &&
        flits.period_fs == 0 && flits.start_fs == kb_sim_now(fabric->sim)) {
        begin(fabric, number, flown, port, stream);
        return true;
    }
    if (!waits)
        kb_train_port_enlist(port, kb_stream_eligible(stream), flown->message.src,
                             (uint64_t)flown->message.count << 32, flown->next);
    if (wakes)
        kb_train_push_wake_(fabric, kb_train_last_link_(flown), number,
                            flown->done_fs >= 0 ? flown->done_fs : kb_train_bound_(fabric, flown));
    return true;
}

/* All inputs on a path without servers. */
static inline bool open_path(kb_fabric *fabric, const kb_flight *flown) {
    kb_train_port *ports = fabric->trains.ports;
    const uint32_t *path = flown->path;
    uint32_t hop = 1, n = flown->n_links;
    if (kb_backlog_is_anywhere(fabric))
        for (uint32_t i = 1; i < n; i++) kb_backlog_meet(fabric, path[i]);
    while (hop < n && kb_inputs_add(&ports[path[hop]].open, fabric->alloc, path[hop - 1])) hop++;
    if (hop == n && (!kb_train_lands(fabric, &flown->message) || open_hop(fabric, flown, n)))
        return true;
    while (--hop > 0) kb_inputs_drop(&ports[path[hop]].open, path[hop - 1]);
    return false;
}

bool kb_train_send(kb_fabric *fabric, const kb_send *send, const kb_path *path, int64_t start_fs,
                   uint32_t count, uint32_t *handle) {
    uint32_t link = path->links[0], number, first;
    kb_train_port *port = &fabric->trains.ports[link];
    if (!KB_POOL_TAKE(&fabric->flights, fabric->alloc, &number)) return false;
    kb_flight *flown = &fabric->flights.items[number];
    kb_flight_describe_(fabric, send, path, start_fs, count, flown);
    if (!kb_train_port_reserve(port, fabric->alloc) ||
        !kb_train_reserve_wake_(fabric, kb_train_last_link_(flown)) ||
        !kb_stream_take(&fabric->streams, fabric->alloc, &first)) {
        KB_POOL_GIVE(&fabric->flights, number);
        return false;
    }
    if (!open_path(fabric, flown)) {
        KB_POOL_GIVE(&fabric->streams.pool, first);
        KB_POOL_GIVE(&fabric->flights, number);
        return false;
    }
    kb_stream *stream = &fabric->streams.pool.items[first];
    stream->flight = number;
    stream->hop = 0;
    stream->to = flown->n_links > 1 ? flown->path[1] : KB_NONE;
    stream->head_fs = start_fs + port->overhead_fs;
    stream->n_left = path->n_flits;
    stream->first = (kb_train){start_fs, 0, path->n_flits};
    fabric->streams.n_pieces++;
    flown->next = first;
    flown->n_known = path->n_flits;
    if (handle) *handle = number;
    if (port->n_own == (port->backlog.first != KB_NONE)) {
        begin(fabric, number, flown, port, stream);
        return true;
    }
    kb_train_port_enlist(port, stream->head_fs, send->src, (uint64_t)count << 32, first);
    kb_train_push_wake_(fabric, kb_train_last_link_(flown), number, kb_train_bound_(fabric, flown));
    return true;
}

bool kb_train_adopt(kb_fabric *fabric, uint32_t number) {
    const kb_flight *flown = &fabric->flights.items[number];
    uint32_t last = kb_train_last_link_(flown);
    if (!kb_train_reserve_wake_(fabric, last)) return false;
    if (flown->done_fs < 0)
        for (uint32_t hop = fabric->streams.pool.items[flown->next].hop + 1; hop <= flown->n_links;
             hop++)
            if (!open_hop(fabric, flown, hop)) return false;
    if (flown->n_known < flown->message.n_flits) fabric->trains.ports[flown->path[0]].n_own++;
    else
        kb_train_push_wake_(fabric, last, number,
                            flown->done_fs >= 0 ? flown->done_fs : kb_train_bound_(fabric, flown));
    return true;
}

bool kb_train_follow(kb_fabric *fabric, const kb_stream *stream) {
    kb_flight *flown = &fabric->flights.items[stream->flight];
    flown->next = stream->next;
    if (stream->to == KB_NONE) return true;
    if (!kb_fabric_by_flit_(fabric, stream->to))
        kb_inputs_drop(&fabric->trains.ports[stream->to].open, flown->path[stream->hop]);
    if (stream->hop + 1 < flown->n_by_flit) return true;
    if (!kb_train_reserve_wake_(fabric, kb_train_last_link_(flown))) return false;
    kb_train_push_wake_(fabric, kb_train_last_link_(flown), stream->flight,
                        kb_train_bound_(fabric, flown));
    return true;
}
