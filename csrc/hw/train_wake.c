#include "hw/train_wake.h"

#include "hw/train_pull.h"
#include "hw/train_serve.h"

static uint32_t last_link(const kb_flight *flown) {
    return flown->path[flown->n_links - 1];
}

/* Those that are due now are being woken. */
static void schedule(kb_fabric *fabric, uint32_t link) {
    kb_train_port *port = &fabric->trains.ports[link];
    if (port->wakes.count == 0) return;
    int64_t when_fs = port->wakes.items[0].when_fs;
    if (when_fs >= port->wake_fs || when_fs <= kb_sim_now(fabric->sim)) return;
    port->wake_fs = when_fs;
    kb_sim_arrival(fabric->sim, link, when_fs);
}

/* --- the start of a message ----------------------------------------------------------------------- */

static bool reserve_wake(kb_fabric *fabric, uint32_t link) {
    kb_waitq *wakes = &fabric->trains.ports[link].wakes;
    return kb_waitq_reserve(wakes, fabric->alloc, wakes->count + 1);
}

static void push_wake(kb_fabric *fabric, uint32_t link, uint32_t number, int64_t when_fs) {
    const kb_message *message = &fabric->flights.items[number].message;
    kb_waitq_push(&fabric->trains.ports[link].wakes, when_fs, message->src, message->count, number);
    schedule(fabric, link);
}

bool kb_train_reserve(kb_fabric *fabric, uint32_t number) {
    const kb_flight *flown = &fabric->flights.items[number];
    return kb_fabric_reserve_(fabric, flown->path[0], number, 0) &&
           (flown->n_by_flit || reserve_wake(fabric, last_link(flown)));
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
        if (kb_fabric_by_flit_(fabric, last_link(flown))) return true;
        kb_inbox *inbox = &fabric->trains.inboxes[flown->message.dst];
        return kb_inputs_add(&inbox->open, fabric->alloc, last_link(flown));
    }
    if (feeds(fabric, flown, hop) && !reserve_wake(fabric, path[hop])) return false;
    if (hop == 0 || kb_fabric_by_flit_(fabric, path[hop])) return true;
    return kb_inputs_add(&fabric->trains.ports[path[hop]].open, fabric->alloc, path[hop - 1]);
}

/* Its first flit is at each server that trains lead to no earlier than if nobody were in its way. */
static void push_first_wakes(kb_fabric *fabric, uint32_t number) {
    const kb_flight *flown = &fabric->flights.items[number];
    int64_t at_fs = kb_sim_now(fabric->sim);
    for (uint32_t hop = 0; hop + 1 < flown->n_by_flit; hop++) {
        const kb_port *port = &fabric->ports[flown->path[hop]];
        at_fs = kb_later_fs(at_fs, kb_later_fs(port->overhead_fs, port->travel_fs));
        if (feeds(fabric, flown, hop)) push_wake(fabric, flown->path[hop], number, at_fs);
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

/* --- when its tail may be there ------------------------------------------------------------------- */

/* The tail's arrival is not before: what is known, as if nobody else came from now on.  The first flit that
 * is left is served at least_fs or later. */
static int64_t bound(const kb_fabric *fabric, const kb_flight *flown, int64_t least_fs) {
    const kb_stream *streams = fabric->streams.pool.items, *stream = &streams[flown->next];
    int64_t next_fs = kb_max_i64(kb_stream_eligible(stream), least_fs), n_left = stream->n_left;
    int64_t tail_fs = kb_stream_last_eligible(&fabric->streams, stream);
    for (uint32_t hop = stream->hop;; hop++) {
        const kb_train_port *port = &fabric->trains.ports[flown->path[hop]];
        int64_t begin_fs = kb_max_i64(kb_max_i64(port->free_fs, port->upto_fs + 1), next_fs), busy;
        if (kb_mul_i64(n_left - 1, port->service_fs, &busy)) busy = KB_TIME_MAX;
        tail_fs = kb_later_fs(kb_max_i64(tail_fs, kb_later_fs(begin_fs, busy)), port->travel_fs);
        if (hop + 1 == flown->n_links) return tail_fs;
        next_fs = kb_later_fs(begin_fs, port->travel_fs);
        stream = stream && stream->next != KB_NONE ? &streams[stream->next] : NULL;
        if (stream) {
            if (stream->first.count) next_fs = kb_stream_eligible(stream);
            tail_fs = kb_max_i64(tail_fs, stream->head_fs);
            n_left = stream->n_left;
        } else {
            int64_t overhead_fs = fabric->trains.ports[flown->path[hop + 1]].overhead_fs;
            next_fs = kb_later_fs(next_fs, overhead_fs);
            tail_fs = kb_max_i64(tail_fs, next_fs);
            n_left = flown->message.n_flits;
        }
    }
}

/* A whole message begins here now, and none that began before has still to come into being: that one might
 * do so at this very instant, and be served before it.  Where nothing else waits or can come over a link,
 * it is next: what begins later comes after it.  Else, *least_fs: those that began here before are served
 * before it. */
static bool begin_whole(kb_fabric *fabric, uint32_t link, const kb_stream *stream,
                        int64_t *least_fs) {
    kb_train_port *port = &fabric->trains.ports[link];
    int64_t eligible_fs = stream->head_fs, busy;
    *least_fs = port->own_fs;
    if (!kb_mul_i64(stream->n_left, port->service_fs, &busy))
        port->own_fs = kb_later_fs(kb_max_i64(*least_fs, eligible_fs), busy);
    if (port->open.count || port->n_waiting > 1) return true;
    bool good = kb_train_serve(fabric, link, eligible_fs, eligible_fs);
    port->upto_fs = eligible_fs - 1;
    *least_fs = 0;
    return good;
}

bool kb_train_add(kb_fabric *fabric, uint32_t number, kb_train flits) {
    kb_flight *flown = &fabric->flights.items[number];
    uint32_t first = flown->path[0];
    kb_train_port *port = &fabric->trains.ports[first];
    kb_stream *stream = &fabric->streams.pool.items[flown->next];
    bool waits = stream->first.count != 0, by_flit = kb_fabric_by_flit_(fabric, first);
    if (!kb_train_reserve(fabric, number) ||
        !kb_stream_add(&fabric->streams, fabric->alloc, stream, flits))
        return false;
    if (!waits && by_flit) kb_server_enlist(fabric, first, flown->next);
    else if (!waits)
        kb_train_port_enlist(port, kb_stream_eligible(stream), flown->message.src,
                             (uint64_t)flown->message.count << 32, flown->next);
    if (by_flit || flown->n_known + flits.count < flown->message.n_flits) return true;
    port->n_own--;
    bool whole = port->n_own == 0 && flits.count == flown->message.n_flits &&
                 flits.period_fs == 0 && flits.start_fs == kb_sim_now(fabric->sim);
    int64_t least_fs = 0;
    if (whole && !begin_whole(fabric, first, stream, &least_fs)) return true;
    if (flown->n_by_flit) return true;
    push_wake(fabric, last_link(flown), number,
              flown->done_fs >= 0 ? flown->done_fs : bound(fabric, flown, least_fs));
    return true;
}

bool kb_train_adopt(kb_fabric *fabric, uint32_t number) {
    const kb_flight *flown = &fabric->flights.items[number];
    uint32_t last = last_link(flown);
    if (!reserve_wake(fabric, last)) return false;
    if (flown->done_fs < 0)
        for (uint32_t hop = fabric->streams.pool.items[flown->next].hop + 1; hop <= flown->n_links;
             hop++)
            if (!open_hop(fabric, flown, hop)) return false;
    if (flown->n_known < flown->message.n_flits) fabric->trains.ports[flown->path[0]].n_own++;
    else
        push_wake(fabric, last, number,
                  flown->done_fs >= 0 ? flown->done_fs : bound(fabric, flown, 0));
    return true;
}

bool kb_train_follow(kb_fabric *fabric, const kb_stream *stream) {
    kb_flight *flown = &fabric->flights.items[stream->flight];
    flown->next = stream->next;
    if (stream->to == KB_NONE) return true;
    if (!kb_fabric_by_flit_(fabric, stream->to))
        kb_inputs_drop(&fabric->trains.ports[stream->to].open, flown->path[stream->hop]);
    if (stream->hop + 1 < flown->n_by_flit) return true;
    if (!reserve_wake(fabric, last_link(flown))) return false;
    push_wake(fabric, last_link(flown), stream->flight, bound(fabric, flown, 0));
    return true;
}

/* --- on its way to a server ----------------------------------------------------------------------- */

/* Of the message's streams at or before this hop the farthest with known flits, else the one nearest to the
 * sender; KB_NONE when the tail has gone by. */
static uint32_t next_before(const kb_fabric *fabric, const kb_flight *flown, uint32_t hop) {
    const kb_stream *streams = fabric->streams.pool.items;
    uint32_t found = KB_NONE;
    for (uint32_t i = flown->next; i != KB_NONE && streams[i].hop <= hop; i = streams[i].next)
        if (found == KB_NONE || streams[i].first.count) found = i;
    return found;
}

/* The next flit of a stream that is at or before this hop arrives behind it no earlier. */
static int64_t next_bound(const kb_fabric *fabric, const kb_flight *flown, uint32_t number,
                          uint32_t hop) {
    const kb_stream *streams = fabric->streams.pool.items, *stream = &streams[number];
    int64_t now = kb_sim_now(fabric->sim);
    int64_t at_fs = stream->first.count ? kb_stream_eligible(stream) : now;
    for (uint32_t i = stream->hop;; i++) {
        const kb_train_port *port = &fabric->trains.ports[flown->path[i]];
        bool by_flit = kb_fabric_by_flit_(fabric, flown->path[i]);
        at_fs = kb_max_i64(at_fs, by_flit ? now : port->upto_fs + 1);
        at_fs = kb_later_fs(kb_max_i64(at_fs, port->free_fs), port->travel_fs);
        if (i == hop) return at_fs;
        stream = stream->next == KB_NONE ? stream : &streams[stream->next];
        if (stream->hop <= i)
            at_fs = kb_later_fs(at_fs, fabric->ports[flown->path[i + 1]].overhead_fs);
    }
}

/* Brings its flits as far as the server behind the hop, those that can be there by now.  *again_fs: when
 * to look again; KB_TIME_MAX: never. */
static bool feed(kb_fabric *fabric, uint32_t number, uint32_t hop, int64_t *again_fs) {
    int64_t now = kb_sim_now(fabric->sim);
    const kb_flight *flown = &fabric->flights.items[number];
    const kb_train_port *port = &fabric->trains.ports[flown->path[hop]];
    if (!kb_train_pull(fabric, flown->path[hop], now - port->travel_fs)) return false;
    *again_fs = KB_TIME_MAX;
    for (uint32_t i; (i = next_before(fabric, flown, hop)) != KB_NONE;) {
        const kb_stream *stream = &fabric->streams.pool.items[i];
        uint32_t at = flown->path[stream->hop];
        if (!stream->first.count || kb_stream_eligible(stream) >= now ||
            kb_fabric_by_flit_(fabric, at)) {
            int64_t bound_fs = kb_max_i64(next_bound(fabric, flown, i, hop), now + 1);
            *again_fs = kb_max_i64(bound_fs, kb_later_fs(kb_train_port_silent_fs(port), 1));
            return true;
        }
        if (!kb_train_pull(fabric, at, kb_stream_eligible(stream))) return false;
    }
    return true;
}

static uint32_t hop_of(const kb_flight *flown, uint32_t link) {
    uint32_t hop = 0;
    while (flown->path[hop] != link) hop++;
    return hop;
}

/* --- its end -------------------------------------------------------------------------------------- */

/* Hands over, of the landing that comes first, the flits before the second one's, and by (until_fs,
 * until_link) at the latest. */
static void hand_over_first(kb_fabric *fabric, kb_inbox *inbox, int64_t until_fs,
                            uint32_t until_link) {
    kb_waitq *landed = &inbox->landed;
    uint32_t number = kb_waitq_first(landed);
    kb_landing *landing = &fabric->trains.landings.items[number], first = *landing;
    for (uint32_t i = 1; i < landed->count && i <= 2; i++) {
        const kb_waiting *other = &landed->items[i];
        if (other->when_fs > until_fs || (other->when_fs == until_fs && other->rank > until_link))
            continue;
        until_fs = other->when_fs;
        until_link = (uint32_t)other->rank;
    }
    int64_t last_fs = until_fs - (first.link > until_link);
    if (last_fs < kb_train_last_fs(&first.train)) {
        first.train.count = (last_fs - first.train.start_fs) / first.train.period_fs + 1;
        landing->first += first.train.count;
        landing->train.count -= first.train.count;
        landing->train.start_fs += first.train.count * first.train.period_fs;
        kb_waitq_move_first(landed, landing->train.start_fs);
    } else {
        kb_waitq_drop_first(landed);
        KB_POOL_GIVE(&fabric->trains.landings, number);
    }
    kb_fabric_hand_over_(fabric, first.flight, first.link, first.first, first.train);
}

void kb_train_hand_over_landed(kb_fabric *fabric, kb_inbox *inbox, int64_t until_fs,
                               uint32_t until_link) {
    while (inbox->landed.count) {
        const kb_waiting *first = &inbox->landed.items[0];
        if (first->when_fs > until_fs || (first->when_fs == until_fs && first->rank > until_link))
            break;
        hand_over_first(fabric, inbox, until_fs, until_link);
    }
}

/* All flits that arrived by (until_fs, until_link). */
static bool hand_over_landed(kb_fabric *fabric, uint32_t node, int64_t until_fs,
                             uint32_t until_link) {
    kb_inbox *inbox = &fabric->trains.inboxes[node];
    kb_inputs_prune(&inbox->open);
    for (uint32_t i = 0; i < inbox->open.count; i++) {
        uint32_t input = inbox->open.items[i].link;
        if (!kb_train_pull(fabric, input, until_fs - fabric->trains.ports[input].travel_fs))
            return false;
    }
    kb_train_hand_over_landed(fabric, inbox, until_fs, until_link);
    return true;
}

void kb_train_settle(kb_fabric *fabric, uint32_t node) {
    (void)hand_over_landed(fabric, node, kb_sim_now(fabric->sim) - 1, UINT32_MAX);
}

/* The tail arrives now. */
static bool finish(kb_fabric *fabric, uint32_t number, uint32_t link) {
    const kb_message *message = &fabric->flights.items[number].message;
    bool lands = kb_train_lands(fabric, message);
    int64_t n_flits = message->n_flits;
    if (fabric->sinks[message->dst].deliver == KB_DELIVER_FLITS &&
        !hand_over_landed(fabric, message->dst, kb_sim_now(fabric->sim), link))
        return false;
    if (!lands)
        kb_fabric_hand_over_(fabric, number, link, n_flits - 1,
                             (kb_train){kb_sim_now(fabric->sim), 0, 1});
    return true;
}

/* Brings the ports that the tail has still to pass up to now, less the way from there. */
static bool pull_path(kb_fabric *fabric, const kb_flight *flown, int64_t now) {
    const kb_train_port *ports = fabric->trains.ports;
    uint32_t first = fabric->streams.pool.items[flown->next].hop;
    int64_t upto_fs = now;
    for (uint32_t hop = first; hop < flown->n_links; hop++)
        upto_fs -= ports[flown->path[hop]].travel_fs;
    for (uint32_t hop = first; hop < flown->n_links; hop++) {
        uint32_t link = flown->path[hop];
        if (!kb_train_pull(fabric, link, upto_fs)) return false;
        upto_fs += ports[link].travel_fs;
    }
    return true;
}

/* Brings the tail as far as it gets by now. */
static bool advance(kb_fabric *fabric, uint32_t number) {
    int64_t now = kb_sim_now(fabric->sim);
    const kb_flight *flown = &fabric->flights.items[number];
    if (!pull_path(fabric, flown, now)) return false;
    while (flown->done_fs < 0) {
        const kb_stream *stream = &fabric->streams.pool.items[flown->next];
        int64_t tail_fs = kb_stream_last_eligible(&fabric->streams, stream);
        uint32_t link = flown->path[stream->hop];
        if (tail_fs >= kb_sim_handled_fs(fabric->sim, fabric->trains.ports[link].region)) break;
        if (!kb_train_pull(fabric, link, tail_fs)) return false;
    }
    return true;
}

/* A tail arrives from a server. */
static void arrive(kb_fabric *fabric, uint32_t link) {
    kb_arrival arrival = kb_fabric_pop_arrival_(fabric, link);
    (void)finish(fabric, arrival.flight, link);
}

void kb_train_wake(void *self, uint32_t link) {
    kb_fabric *fabric = self;
    kb_train_port *port = &fabric->trains.ports[link];
    if (kb_fabric_by_flit_(fabric, link)) {
        arrive(fabric, link);
        return;
    }
    int64_t now = kb_sim_now(fabric->sim);
    if (port->wake_fs == now) port->wake_fs = KB_TIME_MAX;
    while (port->wakes.count && port->wakes.items[0].when_fs <= now) {
        uint32_t number = kb_waitq_first(&port->wakes);
        const kb_flight *flown = &fabric->flights.items[number];
        if (last_link(flown) != link) {
            int64_t again_fs;
            if (!feed(fabric, number, hop_of(flown, link), &again_fs)) return;
            if (again_fs == KB_TIME_MAX) kb_waitq_drop_first(&port->wakes);
            else kb_waitq_move_first(&port->wakes, again_fs);
            continue;
        }
        if (flown->done_fs < 0 && !advance(fabric, number)) return;
        if (flown->done_fs < 0) {
            kb_waitq_move_first(&port->wakes, kb_max_i64(bound(fabric, flown, 0), now + 1));
        } else if (flown->done_fs > now) {
            kb_waitq_move_first(&port->wakes, flown->done_fs);
        } else {
            kb_waitq_drop_first(&port->wakes);
            if (!finish(fabric, number, link)) return;
        }
    }
    schedule(fabric, link);
}

/* --- making them ---------------------------------------------------------------------------------- */

kb_status kb_trains_init(kb_fabric *fabric, kb_error *err) {
    kb_trains *trains = &fabric->trains;
    kb_alloc *alloc = fabric->alloc;
    kb_pool_init(&trains->landings.state);
    trains->ports = kb_alloc_zeroed(alloc, fabric->n_links, sizeof *trains->ports);
    trains->inboxes = kb_alloc_zeroed(alloc, fabric->n_nodes, sizeof *trains->inboxes);
    trains->stack = kb_alloc_zeroed(alloc, fabric->n_links, sizeof *trains->stack);
    trains->swept = kb_alloc_zeroed(alloc, fabric->n_links, sizeof *trains->swept);
    if (!trains->ports || !trains->inboxes || !trains->stack || !trains->swept)
        return kb_error_nomem(err, "the ports of the fabric");
    for (uint32_t i = 0; i < fabric->n_links; i++) {
        const kb_port *port = &fabric->ports[i];
        trains->ports[i] =
            (kb_train_port){.upto_fs = -1,
                            .service_fs = port->service_fs,
                            .travel_fs = port->travel_fs,
                            .overhead_fs = kb_fabric_by_flit_(fabric, i) ? 0 : port->overhead_fs,
                            .end_fs = port->end_fs,
                            .wake_fs = KB_TIME_MAX,
                            .region = fabric->regions.from ? fabric->regions.from[i] : 0};
    }
    return KB_OK;
}

void kb_trains_deinit(kb_fabric *fabric) {
    kb_trains *trains = &fabric->trains;
    kb_alloc *alloc = fabric->alloc;
    for (uint32_t i = 0; trains->ports && i < fabric->n_links; i++)
        kb_train_port_deinit(&trains->ports[i], alloc);
    for (uint32_t i = 0; trains->inboxes && i < fabric->n_nodes; i++) {
        kb_waitq_deinit(&trains->inboxes[i].landed, alloc);
        kb_inputs_deinit(&trains->inboxes[i].open, alloc);
    }
    kb_alloc_free(alloc, trains->ports, fabric->n_links, sizeof *trains->ports);
    kb_alloc_free(alloc, trains->inboxes, fabric->n_nodes, sizeof *trains->inboxes);
    kb_alloc_free(alloc, trains->stack, fabric->n_links, sizeof *trains->stack);
    kb_alloc_free(alloc, trains->swept, fabric->n_links, sizeof *trains->swept);
    KB_POOL_FREE(&trains->landings, alloc);
    KB_VEC_FREE(&fabric->train_watch.busy, alloc);
}
