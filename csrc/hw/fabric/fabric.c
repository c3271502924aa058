#include "hw/fabric/fabric_core.h"

#include "hw/fabric/fabric_mode.h"
#include "hw/fabric/train_backlog.h"
#include "hw/fabric/train_leave.h"
#include "hw/fabric/train_start.h"
#include "hw/fabric/train_wake.h"

/* Flits that a service may go ahead: an event takes a short time. */
enum { AHEAD_MOST = 256 };

/* --- delivery ------------------------------------------------------------------------------------- */

void kb_fabric_hand_over_(kb_fabric *fabric, uint32_t number, uint32_t link, int64_t first,
                          kb_train flits) {
    kb_message message = fabric->flights.items[number].message;
    const kb_sink *to = &fabric->sinks[message.dst];
    if (first + flits.count == message.n_flits) {
        int64_t least_fs = fabric->flights.items[number].least_fs,
                end_fs = kb_train_last_fs(&flits);
        if (end_fs < least_fs) kb_audit_early_(fabric, &message, least_fs, end_fs);
        fabric->counters.messages_delivered++;
        fabric->counters.flits_delivered += (uint64_t)message.n_flits;
        fabric->counters.bytes_delivered += (uint64_t)message.nbytes;
        KB_POOL_GIVE(&fabric->flights, number);
    }
    if (to->fn) to->fn(to->self, &message, link, first, flits);
}

kb_arrival kb_fabric_pop_arrival_(kb_fabric *fabric, uint32_t link) {
    kb_port *port = &fabric->ports[link];
    kb_arrival arrival = kb_port_pop_arrival(port);
    if (port->n_arrivals)
        kb_sim_arrival(fabric->sim, link, port->arrivals[port->arrivals_head].when_fs);
    return arrival;
}

/* An event that was meant for trains is void. */
static __attribute__((noinline)) void arrive_by_flit(kb_fabric *fabric, uint32_t link) {
    const kb_port *port = &fabric->ports[link];
    if (port->n_arrivals == 0 ||
        port->arrivals[port->arrivals_head].when_fs != kb_sim_now(fabric->sim))
        return;
    kb_arrival arrival = kb_fabric_pop_arrival_(fabric, link);
    kb_fabric_hand_over_(fabric, arrival.flight, link, arrival.flit,
                         (kb_train){arrival.when_fs, 0, 1});
}

/* By trains, it may be the time of a tail. */
void kb_fabric_arrive_(void *self, uint32_t link) {
    kb_fabric *fabric = self;
    if (fabric->by_train) kb_train_wake(fabric, link);
    else arrive_by_flit(fabric, link);
}

static void announce(kb_fabric *fabric, uint32_t link, kb_arrival arrival) {
    kb_port *port = &fabric->ports[link];
    if (!kb_port_push_arrival(port, fabric->alloc, arrival)) {
        kb_fabric_fail_nomem_(fabric, "an arrival");
        return;
    }
    if (port->n_arrivals == 1) kb_sim_arrival(fabric->sim, link, arrival.when_fs);
}

/* --- messages to oneself, without a link ---------------------------------------------------------- */

void kb_fabric_complete_(kb_fabric *fabric, uint32_t number, int64_t when_fs) {
    const kb_message *message = &fabric->flights.items[number].message;
    kb_locals *locals = &fabric->locals[kb_fabric_region_(fabric, message->src)];
    kb_waitq_push(&locals->due, when_fs, message->src, message->count, number);
    kb_sim_at(fabric->sim, locals->slot, when_fs);
}

/* All that are due are gathered first: what their receivers send to themselves in turn comes one
 * delta later. */
void kb_fabric_deliver_locals_(void *self, uint32_t region) {
    kb_fabric *fabric = self;
    kb_locals *locals = &fabric->locals[region];
    int64_t now = kb_sim_now(fabric->sim);
    uint32_t first = KB_NONE, *end = &first;
    while (locals->due.count && locals->due.items[0].when_fs <= now) {
        *end = kb_waitq_first(&locals->due);
        end = &fabric->flights.items[*end].next;
        kb_waitq_drop_first(&locals->due);
        locals->n_open--;
    }
    *end = KB_NONE;
    while (first != KB_NONE) {
        const kb_flight *flown = &fabric->flights.items[first];
        uint32_t number = first;
        first = flown->next;
        kb_fabric_hand_over_(fabric, number, UINT32_MAX, 0,
                             (kb_train){now, 0, flown->message.n_flits});
    }
}

/* --- ports ---------------------------------------------------------------------------------------- */

static void schedule(kb_fabric *fabric, uint32_t link) {
    kb_port *port = &fabric->ports[link];
    int64_t next_fs = kb_port_next_fs(port);
    if (next_fs >= port->due_fs) return;
    port->due_fs = next_fs;
    kb_sim_service(fabric->sim, link, next_fs);
}

/* Room has been made. */
static inline void wait_at(kb_fabric *fabric, uint32_t link, int64_t eligible_fs, uint64_t rank,
                           uint32_t count, uint32_t number) {
    kb_waitq_push(&fabric->ports[link].waiting, eligible_fs, rank, count, number);
    schedule(fabric, link);
}

void kb_fabric_resume_port_(kb_fabric *fabric, uint32_t link) {
    kb_port *port = &fabric->ports[link];
    if (port->waiting.count) schedule(fabric, link);
    if (port->n_arrivals)
        kb_sim_arrival(fabric->sim, link, port->arrivals[port->arrivals_head].when_fs);
}

bool kb_fabric_reserve_(kb_fabric *fabric, uint32_t link, uint32_t flight, uint32_t hop) {
    if (kb_fabric_by_flit_(fabric, link)) return kb_server_reserve(fabric, link, flight, hop);
    if (kb_fabric_has_trains_(fabric))
        return kb_train_port_reserve(&fabric->trains.ports[link], fabric->alloc);
    kb_waitq *waiting = &fabric->ports[link].waiting;
    return kb_waitq_reserve(waiting, fabric->alloc, waiting->count + 1);
}

void kb_fabric_enlist_(kb_fabric *fabric, uint32_t link, uint32_t number) {
    if (kb_fabric_by_flit_(fabric, link)) {
        kb_server_enlist(fabric, link, number);
        return;
    }
    if (kb_fabric_has_trains_(fabric)) {
        const kb_stream *stream = &fabric->streams.pool.items[number];
        const kb_flight *flown = &fabric->flights.items[stream->flight];
        kb_train_port_enlist(&fabric->trains.ports[link], kb_stream_eligible(stream),
                             kb_waiting_over(flown->message.src, flown->path[stream->hop - 1]),
                             (uint64_t)flown->message.count << 32, number);
        return;
    }
    const kb_stream *stream = &fabric->streams.pool.items[number];
    const kb_flight *flown = &fabric->flights.items[stream->flight];
    uint64_t input = stream->hop ? (uint64_t)flown->path[stream->hop - 1] + 1 : 0;
    wait_at(fabric, link, kb_stream_eligible(stream), input << 32 | flown->message.src,
            flown->message.count, number);
}

bool kb_fabric_begin_stream_(kb_fabric *fabric, uint32_t number, int64_t arrive_fs,
                             uint32_t *next) {
    if (!kb_stream_take(&fabric->streams, fabric->alloc, next)) return false;
    kb_stream *from = &fabric->streams.pool.items[number];
    kb_stream *made = &fabric->streams.pool.items[*next];
    const kb_flight *flown = &fabric->flights.items[from->flight];
    from->next = *next;
    made->flight = from->flight;
    made->hop = from->hop + 1;
    made->to = made->hop + 1 < flown->n_links ? flown->path[made->hop + 1] : KB_NONE;
    made->head_fs = arrive_fs + kb_fabric_overhead_(fabric, from->to);
    made->n_left = flown->message.n_flits;
    return true;
}

/* A flit of the stream goes on to the next port. */
bool kb_fabric_pass_on_(kb_fabric *fabric, uint32_t number, int64_t arrive_fs) {
    uint32_t to = fabric->streams.pool.items[number].to;
    uint32_t next = fabric->streams.pool.items[number].next;
    if (next == KB_NONE && !kb_fabric_begin_stream_(fabric, number, arrive_fs, &next)) return false;
    kb_stream *stream = &fabric->streams.pool.items[next];
    bool waits = stream->first.count != 0;
    if (!waits && !kb_fabric_reserve_(fabric, to, stream->flight, stream->hop)) return false;
    if (!kb_stream_add_flit(&fabric->streams, fabric->alloc, stream, arrive_fs)) return false;
    if (!waits) kb_fabric_enlist_(fabric, to, next);
    return true;
}

/* A flit of the stream goes on to the message's end. */
static void deliver(kb_fabric *fabric, uint32_t link, const kb_stream *stream, int64_t arrive_fs) {
    const kb_message *message = &fabric->flights.items[stream->flight].message;
    if (stream->n_left && fabric->sinks[message->dst].deliver == KB_DELIVER_TAIL) return;
    announce(fabric, link,
             (kb_arrival){arrive_fs, message->n_flits - 1 - stream->n_left, stream->flight});
}

bool kb_fabric_land_(kb_fabric *fabric, uint32_t link, uint32_t number, int64_t arrive_fs) {
    const kb_stream *stream = &fabric->streams.pool.items[number];
    if (!kb_fabric_has_trains_(fabric)) {
        deliver(fabric, link, stream, arrive_fs);
        return true;
    }
    kb_flight *flown = &fabric->flights.items[stream->flight];
    if (kb_train_lands(fabric, &flown->message) &&
        !kb_train_land(fabric, link, stream->flight, stream->n_left, (kb_train){arrive_fs, 0, 1}))
        return false;
    if (stream->n_left == 0)
        announce(fabric, link, (kb_arrival){arrive_fs, flown->message.n_flits - 1, stream->flight});
    return true;
}

bool kb_fabric_end_stream_(kb_fabric *fabric, uint32_t number) {
    const kb_stream stream = fabric->streams.pool.items[number];
    if (kb_fabric_has_trains_(fabric) && !kb_train_follow(fabric, &stream)) return false;
    KB_POOL_GIVE(&fabric->streams.pool, number);
    return true;
}

/* The only flit of a message goes on: its stream moves to the next port.  `served`: its key at this one. */
static bool move_on(kb_fabric *fabric, uint32_t link, kb_waiting served, int64_t arrive_fs) {
    uint32_t number = (uint32_t)served.count_number;
    kb_stream *stream = &fabric->streams.pool.items[number];
    const kb_flight *flown = &fabric->flights.items[stream->flight];
    uint32_t to = stream->to, hop = ++stream->hop;
    stream->to = hop + 1 < flown->n_links ? flown->path[hop + 1] : KB_NONE;
    stream->head_fs = arrive_fs + fabric->ports[to].overhead_fs;
    stream->n_left = 1;
    stream->first = (kb_train){arrive_fs, 0, 1};
    fabric->streams.n_pieces++;
    if (kb_fabric_by_flit_(fabric, to)) {
        if (!kb_server_reserve(fabric, to, stream->flight, hop)) return false;
        kb_server_enlist(fabric, to, number);
        return true;
    }
    kb_waitq *waiting = &fabric->ports[to].waiting;
    if (!kb_waitq_reserve(waiting, fabric->alloc, waiting->count + 1)) return false;
    uint64_t rank = ((uint64_t)link + 1) << 32 | (uint32_t)served.rank;
    wait_at(fabric, to, stream->head_fs, rank, (uint32_t)(served.count_number >> 32), number);
    return true;
}

/* Most flits join those that are on their way to the next port, or wait there. */
static inline bool joins(kb_fabric *fabric, const kb_stream *stream, int64_t arrive_fs) {
    if (stream->next == KB_NONE) return false;
    const kb_train flit = {arrive_fs, 0, 1};
    return kb_stream_join(&fabric->streams, &fabric->streams.pool.items[stream->next], &flit);
}

/* The port serves the first of what waits, at when_fs. */
static inline void serve_flit(kb_fabric *fabric, kb_port *port, uint32_t link, int64_t when_fs) {
    const kb_waiting served = port->waiting.items[0];
    uint32_t number = (uint32_t)served.count_number;
    kb_stream *stream = &fabric->streams.pool.items[number];
    kb_stream_advance(&fabric->streams, stream);
    bool tail = stream->n_left == 0;
    if (fabric->watch.link == link)
        kb_watch_service(&fabric->watch, fabric->ports, when_fs, stream->flight, tail, stream->to);

    if (when_fs < port->taken_fs) kb_fabric_fail_overlap_(fabric, link, when_fs, port->taken_fs);
    port->free_fs = port->taken_fs = when_fs + port->service_fs;
    port->served_flight = stream->flight;
    port->n_served++;
    if (stream->first.count) kb_waitq_move_first(&port->waiting, kb_stream_eligible(stream));
    else kb_waitq_drop_first(&port->waiting);

    int64_t arrive_fs = when_fs + port->travel_fs;
    bool only = tail && stream->to != KB_NONE && stream->next == KB_NONE;
    if (stream->to == KB_NONE) deliver(fabric, link, stream, arrive_fs);
    else if (!joins(fabric, stream, arrive_fs) &&
             !(only ? move_on(fabric, link, served, arrive_fs)
                    : kb_fabric_pass_on_(fabric, number, arrive_fs)))
        kb_fabric_fail_nomem_(fabric, "a flit");
    if (tail && !only) KB_POOL_GIVE(&fabric->streams.pool, number);
}

/* Whether a flit that is served at next_fs > now may be served now: no other one comes to the port before that it
 * does not know of, and no handler is called. */
static inline bool is_known(const kb_fabric *fabric, const kb_port *port, int64_t next_fs) {
    int64_t now = kb_sim_now(fabric->sim);
    return next_fs < kb_sim_quiet_until(fabric->sim) && next_fs - now < port->notice_fs &&
           next_fs - now < fabric->notice_fs && next_fs <= port->end_fs;
}

void kb_fabric_serve_(void *self, uint32_t link) {
    kb_fabric *fabric = self;
    if (link == fabric->n_links) {
        kb_fabric_mode_change(fabric);
        return;
    }
    if (kb_fabric_by_flit_(fabric, link)) {
        kb_server_serve(fabric, link);
        return;
    }
    if (fabric->by_train) {
        kb_backlog_release_due(fabric, link);
        return;
    }
    kb_port *port = &fabric->ports[link];
    int64_t now = kb_sim_now(fabric->sim), when_fs = now;
    if (port->due_fs != now) return;
    if (now > port->end_fs) {
        kb_fabric_fail_overflow_(fabric, link, now);
        return;
    }
    for (uint64_t n_ahead = 0;; n_ahead++) {
        serve_flit(fabric, port, link, when_fs);
        int64_t next_fs = port->waiting.count ? kb_port_next_fs(port) : KB_TIME_MAX;
        if (n_ahead < AHEAD_MOST && is_known(fabric, port, next_fs)) {
            when_fs = next_fs;
            continue;
        }
        if (n_ahead) kb_sim_go_ahead(fabric->sim, when_fs, n_ahead);
        port->due_fs = next_fs;
        if (port->waiting.count) kb_sim_service(fabric->sim, link, next_fs);
        return;
    }
}

/* --- its receivers -------------------------------------------------------------------------------- */

void kb_fabric_set_sink(kb_fabric *fabric, uint32_t node, kb_deliver deliver, kb_deliver_fn fn,
                        void *self) {
    fabric->sinks[node] = (kb_sink){fn, self, deliver};
}

void kb_fabric_settle(kb_fabric *fabric, uint32_t node) {
    if (kb_fabric_has_trains_(fabric)) kb_train_settle(fabric, node);
}

/* --- reading it ----------------------------------------------------------------------------------- */

bool kb_fabric_is_divided(const kb_fabric *fabric) {
    return fabric->regions.count > 1 && !fabric->servers.of;
}

void kb_fabric_trace(kb_fabric *fabric, kb_hop *hops) {
    fabric->traced = hops;
}

void kb_fabric_begin_trace_(kb_fabric *fabric, uint32_t handle) {
    const kb_flight *flown = &fabric->flights.items[handle];
    kb_hop *hops = fabric->traced;
    fabric->traced = NULL;
    if (!flown->n_links) return;
    if (fabric->by_train) {
        kb_train_trace(fabric, handle, hops);
        return;
    }
    fabric->watch.hop = hops;
    fabric->watch.flight = handle;
    kb_watch_begin(&fabric->watch, fabric->ports, flown->path[0], flown->message.start_fs);
}

kb_fabric_counters kb_fabric_count(const kb_fabric *fabric) {
    kb_fabric_counters counters = fabric->counters;
    counters.train_pieces = fabric->streams.n_pieces;
    for (uint32_t i = 0; i < fabric->n_links; i++)
        counters.flit_ports += !fabric->trains.ports || kb_fabric_by_flit_(fabric, i);
    for (uint32_t i = 0; i < fabric->n_links; i++)
        counters.flit_hops += kb_fabric_link_flits(fabric, i);
    return counters;
}

uint64_t kb_fabric_link_flits(const kb_fabric *fabric, uint32_t link) {
    uint64_t n_served = fabric->ports[link].n_served;
    return fabric->trains.ports ? n_served + fabric->trains.ports[link].n_served : n_served;
}
