#include "hw/fabric/train_wake.h"

#include "hw/fabric/train_pull.h"
#include "hw/fabric/train_ride.h"

/* --- when its tail may be there ------------------------------------------------------------------- */

int64_t kb_train_step_(const kb_fabric *fabric, const kb_flight *flown, int64_t from_fs) {
    int64_t slowest_fs = 1, length_fs;
    if (flown->message.n_flits <= KB_TRAIN_STEP_FLITS) return KB_TIME_MAX;
    for (uint32_t hop = 0; hop < flown->n_links; hop++)
        slowest_fs = kb_max_i64(slowest_fs, fabric->trains.ports[flown->path[hop]].service_fs);
    if (kb_mul_i64(slowest_fs, KB_TRAIN_STEP_FLITS, &length_fs)) return KB_TIME_MAX;
    return kb_later_fs(from_fs, length_fs);
}

/* As if nobody else came from now on. */
static int64_t undisturbed(const kb_fabric *fabric, const kb_flight *flown) {
    const kb_stream *streams = fabric->streams.pool.items, *stream = &streams[flown->next];
    int64_t next_fs = kb_stream_eligible(stream), n_left = stream->n_left;
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

int64_t kb_train_bound_(const kb_fabric *fabric, const kb_flight *flown) {
    return kb_min_i64(undisturbed(fabric, flown),
                      kb_train_step_(fabric, flown, kb_sim_now(fabric->sim)));
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

/* Of very many flits those before the tail go on as well. */
static bool pull_last(kb_fabric *fabric, const kb_flight *flown) {
    uint32_t link = kb_train_last_link_(flown);
    return kb_train_pull(fabric, link,
                         kb_sim_now(fabric->sim) - fabric->trains.ports[link].travel_fs);
}

/* Brings the tail as far as it gets by now: in a ride, or over the port where it waits, which is pulled as far as the
 * tail and no further.  (To pull those behind as well cuts what passes there into trains that nobody has asked for.) */
static bool advance(kb_fabric *fabric, uint32_t number) {
    const kb_flight *flown = &fabric->flights.items[number];
    for (;;) {
        if (!kb_train_ride(fabric, number)) return false;
        if (flown->done_fs >= 0) return true;
        const kb_stream *stream = &fabric->streams.pool.items[flown->next];
        int64_t tail_fs = kb_stream_last_eligible(&fabric->streams, stream);
        uint32_t link = flown->path[stream->hop];
        kb_train_look_(fabric);
        if (tail_fs >= kb_train_port_now(&fabric->trains, &fabric->trains.ports[link]))
            return flown->message.n_flits <= KB_TRAIN_STEP_FLITS || pull_last(fabric, flown);
        if (!kb_train_pull(fabric, link, tail_fs)) return false;
        if (flown->done_fs >= 0) return true;
    }
}

/* A tail arrives from a server. */
static void arrive(kb_fabric *fabric, uint32_t link) {
    kb_arrival arrival = kb_fabric_pop_arrival_(fabric, link);
    (void)finish(fabric, arrival.flight, link);
}

static void wake(kb_fabric *fabric, uint32_t link) {
    kb_train_port *port = &fabric->trains.ports[link];
    if (kb_fabric_by_flit_(fabric, link)) {
        arrive(fabric, link);
        return;
    }
    int64_t now = kb_sim_now(fabric->sim);
    if (port->wake_fs == now) port->wake_fs = KB_TIME_MAX;
    while (port->wakes.count) {
        const kb_waiting *first = kb_lineup_items(&port->wakes);
        if (first->when_fs > now) break;
        uint32_t number = (uint32_t)first->count_number;
        const kb_flight *flown = &fabric->flights.items[number];
        if (fabric->servers.of && kb_train_last_link_(flown) != link) {
            int64_t again_fs;
            if (!feed(fabric, number, hop_of(flown, link), &again_fs)) return;
            if (again_fs == KB_TIME_MAX) kb_lineup_drop_first(&port->wakes);
            else kb_lineup_move_first(&port->wakes, fabric->alloc, again_fs);
            continue;
        }
        if (flown->done_fs < 0 && !advance(fabric, number)) return;
        if (flown->done_fs < 0) {
            kb_lineup_move_first(&port->wakes, fabric->alloc,
                                 kb_max_i64(kb_train_bound_(fabric, flown), now + 1));
        } else if (flown->done_fs > now) {
            kb_lineup_move_first(&port->wakes, fabric->alloc, flown->done_fs);
        } else {
            kb_lineup_drop_first(&port->wakes);
            if (!finish(fabric, number, link)) return;
        }
    }
    kb_train_schedule_(fabric, link);
}

void kb_train_wake(void *self, uint32_t link) {
    enum { PIECES_PER_EVENT = 16 };
    kb_fabric *fabric = self;
    uint64_t before = fabric->streams.n_pieces;
    wake(fabric, link);
    uint64_t n_events = (fabric->streams.n_pieces - before) / PIECES_PER_EVENT;
    if (n_events) kb_sim_charge(fabric->sim, n_events);
}

/* --- making them ---------------------------------------------------------------------------------- */

kb_status kb_trains_init(kb_fabric *fabric, kb_error *err) {
    kb_trains *trains = &fabric->trains;
    kb_alloc *alloc = fabric->alloc;
    kb_pool_init(&trains->landings.state);
    kb_pool_init(&trains->held.state);
    trains->ports_block = kb_alloc_zeroed(alloc, fabric->n_links + 1, sizeof *trains->ports);
    trains->ports = kb_first_line(trains->ports_block);
    trains->inboxes = kb_alloc_zeroed(alloc, fabric->n_nodes, sizeof *trains->inboxes);
    trains->stack = kb_alloc_zeroed(alloc, fabric->n_links, sizeof *trains->stack);
    trains->swept = kb_alloc_zeroed(alloc, fabric->n_links, sizeof *trains->swept);
    trains->met = kb_alloc_zeroed(alloc, fabric->n_links, sizeof *trains->met);
    if (!trains->ports || !trains->inboxes || !trains->stack || !trains->swept || !trains->met)
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
                            .backlog = {KB_NONE, KB_NONE},
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
    kb_alloc_free(alloc, trains->ports_block, fabric->n_links + 1, sizeof *trains->ports);
    kb_alloc_free(alloc, trains->inboxes, fabric->n_nodes, sizeof *trains->inboxes);
    kb_alloc_free(alloc, trains->stack, fabric->n_links, sizeof *trains->stack);
    kb_alloc_free(alloc, trains->swept, fabric->n_links, sizeof *trains->swept);
    kb_alloc_free(alloc, trains->met, fabric->n_links, sizeof *trains->met);
    KB_POOL_FREE(&trains->landings, alloc);
    KB_POOL_FREE(&trains->held, alloc);
    KB_VEC_FREE(&fabric->train_watch.busy, alloc);
}
