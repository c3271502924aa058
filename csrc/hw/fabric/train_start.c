#include "hw/fabric/train_start.h"

#include "hw/fabric/train_backlog.h"
#include "hw/fabric/train_ride.h"
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

/* Whether it goes to another region than the one that it is in.  The ports on its way there are not in the cache, and
 * the way is long beside what others do to it: so they are not asked how long it takes. */
static inline bool goes_far(const kb_fabric *fabric, const kb_flight *flown, uint32_t region) {
    return fabric->regions.count > 1 && fabric->regions.to[kb_train_last_link_(flown)] != region;
}

/* All flits of a message are here now, and none that began before has still to come into being: that one might
 * do so at this very instant, and be served before it.  Those that began here before are served before it;
 * where nothing else waits or can come over a link, it is served at once. */
static void begin(kb_fabric *fabric, uint32_t number) {
    const kb_flight *flown = &fabric->flights.items[number];
    kb_train_port *port = &fabric->trains.ports[flown->path[0]];
    int64_t eligible_fs = fabric->streams.pool.items[flown->next].head_fs, busy_fs;
    int64_t after_fs = port->own_fs;
    if (!kb_mul_i64(flown->message.n_flits, port->service_fs, &busy_fs))
        port->own_fs = kb_later_fs(kb_max_i64(after_fs, eligible_fs), busy_fs);
    if (port->open.count || port->waiting.count)
        kb_train_port_enlist(port, eligible_fs, flown->message.src,
                             (uint64_t)flown->message.count << 32, flown->next);
    else if (!kb_train_set_out(fabric, number)) return;
    if (flown->n_by_flit) return;
    int64_t wake_fs = flown->done_fs;
    if (wake_fs < 0 && (after_fs > eligible_fs || goes_far(fabric, flown, port->region))) {
        int64_t begin_fs = kb_max_i64(after_fs, eligible_fs) - port->overhead_fs;
        wake_fs = kb_min_i64(kb_later_fs(begin_fs, flown->least_fs - flown->message.start_fs),
                             kb_train_step_(fabric, flown, begin_fs));
    } else if (wake_fs < 0) wake_fs = kb_train_bound_(fabric, flown);
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
        begin(fabric, number);
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
static bool open_path(kb_fabric *fabric, const kb_flight *flown) {
    kb_train_port *ports = fabric->trains.ports;
    const uint32_t *path = flown->path;
    uint32_t hop = 1, n = flown->n_links;
    for (; hop < n; hop++) {
        kb_backlog_meet(fabric, path[hop]);
        if (!kb_inputs_add(&ports[path[hop]].open, fabric->alloc, path[hop - 1])) break;
    }
    if (hop == n && (!kb_train_lands(fabric, &flown->message) || open_hop(fabric, flown, n)))
        return true;
    while (--hop > 0) kb_inputs_drop(&ports[path[hop]].open, path[hop - 1]);
    return false;
}

bool kb_train_send(kb_fabric *fabric, uint32_t number) {
    kb_flight *flown = &fabric->flights.items[number];
    kb_train_port *port = &fabric->trains.ports[flown->path[0]];
    if (!kb_train_port_reserve(port, fabric->alloc) ||
        !kb_train_reserve_wake_(fabric, kb_train_last_link_(flown)) ||
        !kb_stream_take(&fabric->streams, fabric->alloc, &flown->next))
        return false;
    if (!open_path(fabric, flown)) {
        KB_POOL_GIVE(&fabric->streams.pool, flown->next);
        return false;
    }
    kb_stream *stream = &fabric->streams.pool.items[flown->next];
    int64_t now = flown->message.start_fs, n_flits = flown->message.n_flits;
    stream->flight = number;
    stream->hop = 0;
    stream->to = flown->n_links > 1 ? flown->path[1] : KB_NONE;
    stream->head_fs = now + port->overhead_fs;
    stream->n_left = n_flits;
    stream->first = (kb_train){now, 0, n_flits};
    fabric->streams.n_pieces++;
    flown->n_known = n_flits;
    if (port->n_own == (port->backlog.first != KB_NONE)) {
        begin(fabric, number);
        return true;
    }
    kb_train_port_enlist(port, stream->head_fs, flown->message.src,
                         (uint64_t)flown->message.count << 32, flown->next);
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
