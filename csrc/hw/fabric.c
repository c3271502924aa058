#include "hw/fabric.h"

#include "hw/port.h"
#include "hw/watch.h"

/* A message on its way. */
typedef struct flight {
    kb_message message;
    const uint32_t *path; /* links, of the topology */
    uint32_t n_links;
    uint32_t next;   /* its stream at the sender; then as others need it */
    int64_t n_known; /* flits that have come into being, the last of them at known_fs */
    int64_t known_fs;
} flight;

typedef struct sink {
    kb_deliver_fn fn;
    void *self;
    kb_deliver deliver;
} sink;

struct kb_fabric {
    kb_sim *sim;
    kb_alloc *alloc;
    kb_topology *topology;
    const kb_node *nodes;
    kb_port *ports;
    sink *sinks;      /* by node */
    uint32_t *counts; /* messages sent, by node */
    uint32_t n_nodes, n_links;
    int64_t flit_nbytes;
    kb_streams streams;
    KB_POOL(flight) flights;
    kb_waitq locals; /* messages without a link, by (completion, message id); numbers of flights */
    uint32_t local_slot;
    kb_watch watch;
    kb_fabric_counters counters;
};

/* --- failures inside the run ---------------------------------------------------------------------- */

static void fail_nomem(kb_fabric *fabric, const char *what) {
    (void)kb_error_nomem(kb_sim_fail(fabric->sim, KB_NOMEM), what);
}

static void fail_overflow(kb_fabric *fabric, uint32_t link) {
    (void)kb_error_set(
        kb_sim_fail(fabric->sim, KB_OVERFLOW), KB_OVERFLOW,
        "link %u: expected all times below 2^63 fs (2.5 hours), got a flit served at "
        "%lld fs that would arrive later; send less, or over faster links",
        link, (long long)kb_sim_now(fabric->sim));
}

/* --- delivery ------------------------------------------------------------------------------------- */

static void hand_over(kb_fabric *fabric, uint32_t number, uint32_t link, int64_t first,
                      kb_train flits) {
    kb_message message = fabric->flights.items[number].message;
    const sink *to = &fabric->sinks[message.dst];
    if (first + flits.count == message.n_flits) {
        fabric->counters.messages_delivered++;
        fabric->counters.flits_delivered += (uint64_t)message.n_flits;
        fabric->counters.bytes_delivered += (uint64_t)message.nbytes;
        KB_POOL_GIVE(&fabric->flights, number);
    }
    if (to->fn) to->fn(to->self, &message, link, first, flits);
}

static void arrive(void *self, uint32_t link) {
    kb_fabric *fabric = self;
    kb_port *port = &fabric->ports[link];
    kb_arrival arrival = kb_port_pop_arrival(port);
    if (port->n_arrivals)
        kb_sim_arrival(fabric->sim, link, port->arrivals[port->arrivals_head].when_fs);
    hand_over(fabric, arrival.flight, link, arrival.flit, (kb_train){arrival.when_fs, 0, 1});
}

static void announce(kb_fabric *fabric, uint32_t link, kb_arrival arrival) {
    kb_port *port = &fabric->ports[link];
    if (!kb_port_push_arrival(port, fabric->alloc, arrival)) {
        fail_nomem(fabric, "an arrival");
        return;
    }
    if (port->n_arrivals == 1) kb_sim_arrival(fabric->sim, link, arrival.when_fs);
}

/* --- messages to oneself, without a link ---------------------------------------------------------- */

/* Room for it has been made. */
static void complete_locally(kb_fabric *fabric, uint32_t number, int64_t when_fs) {
    const kb_message *message = &fabric->flights.items[number].message;
    kb_waitq_push(&fabric->locals, (kb_waiting){when_fs, message->src, message->count, number});
    kb_sim_at(fabric->sim, fabric->local_slot, when_fs);
}

/* All that are due are gathered first: what their receivers send to themselves in turn comes one
 * delta later. */
static void deliver_locals(void *self, uint32_t arg) {
    (void)arg;
    kb_fabric *fabric = self;
    int64_t now = kb_sim_now(fabric->sim);
    uint32_t first = KB_NONE, *end = &first;
    while (fabric->locals.count && fabric->locals.items[0].when_fs <= now) {
        *end = fabric->locals.items[0].number;
        end = &fabric->flights.items[*end].next;
        kb_waitq_drop_first(&fabric->locals);
    }
    *end = KB_NONE;
    while (first != KB_NONE) {
        const flight *flown = &fabric->flights.items[first];
        uint32_t number = first;
        first = flown->next;
        hand_over(fabric, number, UINT32_MAX, 0, (kb_train){now, 0, flown->message.n_flits});
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

/* Adds known flits to a stream at the port of `link`. */
static bool extend(kb_fabric *fabric, uint32_t link, uint32_t number, kb_train flits) {
    kb_port *port = &fabric->ports[link];
    kb_stream *stream = &fabric->streams.pool.items[number];
    bool waits = stream->first.count != 0;
    if (!waits && !kb_waitq_reserve(&port->waiting, fabric->alloc, port->waiting.count + 1))
        return false;
    if (!kb_stream_add(&fabric->streams, fabric->alloc, stream, flits)) return false;
    if (waits) return true;
    const kb_message *message = &fabric->flights.items[stream->flight].message;
    kb_waitq_push(&port->waiting, (kb_waiting){kb_stream_eligible(stream),
                                               (uint64_t)stream->input << 32 | message->src,
                                               message->count, number});
    schedule(fabric, link);
    return true;
}

/* The flit that `from` has just served goes on to the next port of its path. */
static bool pass_on(kb_fabric *fabric, uint32_t from, uint32_t to, uint32_t number,
                    int64_t arrive_fs) {
    kb_stream *stream = &fabric->streams.pool.items[number];
    uint32_t next = stream->next;
    if (next == KB_NONE) {
        if (!kb_stream_take(&fabric->streams, fabric->alloc, stream->flight, stream->hop + 1,
                            from + 1, &next))
            return false;
        fabric->streams.pool.items[number].next = next;
        fabric->streams.pool.items[next].head_fs = arrive_fs + fabric->ports[to].overhead_fs;
    }
    return extend(fabric, to, next, (kb_train){arrive_fs, 0, 1});
}

static void serve(void *self, uint32_t link) {
    kb_fabric *fabric = self;
    kb_port *port = &fabric->ports[link];
    int64_t now = kb_sim_now(fabric->sim);
    if (port->due_fs != now) return;
    if (now > port->end_fs) {
        fail_overflow(fabric, link);
        return;
    }
    uint32_t number = port->waiting.items[0].number;
    kb_stream *stream = &fabric->streams.pool.items[number];
    const flight *flown = &fabric->flights.items[stream->flight];
    uint32_t to = stream->hop + 1 < flown->n_links ? flown->path[stream->hop + 1] : KB_NONE;
    int64_t flit = stream->n_served, arrive_fs = now + port->travel_fs;
    bool tail = flit + 1 == flown->message.n_flits;

    if (fabric->watch.link == link)
        kb_watch_service(&fabric->watch, fabric->ports, now, stream->flight, tail, to);
    port->free_fs = now + port->service_fs;
    port->due_fs = KB_TIME_MAX;
    port->served_flight = stream->flight;
    port->n_served++;
    fabric->counters.flit_hops++;

    kb_stream_advance(&fabric->streams, stream);
    if (stream->first.count) kb_waitq_move_first(&port->waiting, kb_stream_eligible(stream));
    else kb_waitq_drop_first(&port->waiting);
    if (port->waiting.count) schedule(fabric, link);

    if (to != KB_NONE) {
        if (!pass_on(fabric, link, to, number, arrive_fs)) fail_nomem(fabric, "a flit");
    } else if (tail || fabric->sinks[flown->message.dst].deliver == KB_DELIVER_FLITS) {
        announce(fabric, link, (kb_arrival){arrive_fs, flit, stream->flight});
    }
    if (tail) KB_POOL_GIVE(&fabric->streams.pool, number);
}

/* --- sending -------------------------------------------------------------------------------------- */

/* Refuses what must leave the range of time: the least time of the tail's arrival at the next node. */
static kb_status check_range(const kb_fabric *fabric, const flight *made, kb_error *err) {
    int64_t last_fs = made->message.start_fs,
            overhead = fabric->nodes[made->message.src].overhead_fs;
    bool over = kb_add_i64(last_fs, overhead, &last_fs);
    if (made->n_links) {
        const kb_port *port = &fabric->ports[made->path[0]];
        int64_t before_fs;
        over = over || kb_mul_i64(made->message.n_flits - 1, port->service_fs, &before_fs) ||
               kb_add_i64(last_fs, before_fs, &last_fs) || last_fs > port->end_fs;
    }
    if (!over) return KB_OK;
    return kb_error_set(err, KB_OVERFLOW,
                        "message from \"%s\": expected its last flit to leave before 2^63 fs (2.5 "
                        "hours), got %lld flits at %lld fs; send less, or over faster links",
                        fabric->nodes[made->message.src].name, (long long)made->message.n_flits,
                        (long long)made->message.start_fs);
}

static kb_status describe(kb_fabric *fabric, const kb_send *send, int64_t start_fs, flight *made,
                          kb_error *err) {
    if (send->src >= fabric->n_nodes || send->dst >= fabric->n_nodes)
        return kb_error_set(err, KB_INVALID, "message: expected nodes 0 to %u, got %u to %u",
                            fabric->n_nodes - 1, send->src, send->dst);
    if (send->nbytes < 0)
        return kb_error_set(err, KB_INVALID, "message: expected nbytes >= 0, got %lld",
                            (long long)send->nbytes);
    if (fabric->counts[send->src] == UINT32_MAX)
        return kb_error_set(
            err, KB_OVERFLOW,
            "message: expected at most 2^32 - 1 messages from one node, got one more "
            "from \"%s\"",
            fabric->nodes[send->src].name);
    uint32_t path;
    *made = (flight){
        .message = {.src = send->src,
                    .dst = send->dst,
                    .count = fabric->counts[send->src],
                    .kind = send->kind,
                    .tag = send->tag,
                    .nbytes = send->nbytes,
                    .n_flits = kb_max_i64(1, kb_ceil_div(send->nbytes, fabric->flit_nbytes)),
                    .start_fs = start_fs}};
    KB_TRY(kb_topology_path(fabric->topology, send->src, send->dst, send->slice, &made->path,
                            &made->n_links, &path, err));
    return check_range(fabric, made, err);
}

kb_status kb_fabric_check(kb_fabric *fabric, const kb_send *send, int64_t start_fs, kb_error *err) {
    flight made;
    return describe(fabric, send, start_fs, &made, err);
}

/* Takes all that the message needs, or nothing; then nothing below can fail. */
static kb_status launch(kb_fabric *fabric, const flight *made, uint32_t *number, kb_error *err) {
    kb_waitq *queue = made->n_links ? &fabric->ports[made->path[0]].waiting : &fabric->locals;
    uint32_t n_most = made->n_links ? queue->count : fabric->flights.state.n_live, stream;
    if (!kb_waitq_reserve(queue, fabric->alloc, n_most + 1) ||
        !KB_POOL_TAKE(&fabric->flights, fabric->alloc, number))
        return kb_error_nomem(err, "a message");
    if (!kb_stream_take(&fabric->streams, fabric->alloc, *number, 0, 0, &stream)) {
        KB_POOL_GIVE(&fabric->flights, *number);
        return kb_error_nomem(err, "a message");
    }
    flight *flown = &fabric->flights.items[*number];
    *flown = *made;
    flown->next = stream;
    fabric->counts[made->message.src]++;
    fabric->counters.messages_sent++;
    fabric->counters.flits_sent += (uint64_t)made->message.n_flits;
    fabric->counters.bytes_sent += (uint64_t)made->message.nbytes;
    return KB_OK;
}

kb_status kb_fabric_open(kb_fabric *fabric, const kb_send *send, uint32_t *handle, kb_error *err) {
    flight made;
    uint32_t number = KB_NONE;
    KB_TRY(describe(fabric, send, kb_sim_now(fabric->sim), &made, err));
    KB_TRY(launch(fabric, &made, &number, err));
    if (handle) *handle = number;
    return KB_OK;
}

static kb_status check_append(const kb_fabric *fabric, const flight *flown, kb_train flits,
                              int64_t *last_fs, kb_error *err) {
    if (flits.count < 1 || flits.period_fs < 0 ||
        flits.count > flown->message.n_flits - flown->n_known)
        return kb_error_set(
            err, KB_INTERNAL,
            "message from \"%s\": expected 1 to %lld more flits, got %lld every %lld fs",
            fabric->nodes[flown->message.src].name,
            (long long)(flown->message.n_flits - flown->n_known), (long long)flits.count,
            (long long)flits.period_fs);
    int64_t least_fs = kb_max_i64(kb_sim_now(fabric->sim), flown->known_fs);
    if (flits.start_fs < least_fs)
        return kb_error_set(
            err, KB_INTERNAL,
            "message from \"%s\": expected flits from %lld fs on, got one at %lld fs",
            fabric->nodes[flown->message.src].name, (long long)least_fs, (long long)flits.start_fs);
    int64_t end_fs = flown->n_links ? fabric->ports[flown->path[0]].end_fs : KB_TIME_MAX,
            eligible_fs;
    if (kb_mul_i64(flits.period_fs, flits.count - 1, last_fs) ||
        kb_add_i64(*last_fs, flits.start_fs, last_fs) ||
        kb_add_i64(*last_fs, fabric->nodes[flown->message.src].overhead_fs, &eligible_fs) ||
        eligible_fs > end_fs)
        return kb_error_set(err, KB_OVERFLOW,
                            "message from \"%s\": expected flits before 2^63 fs (2.5 hours), got "
                            "%lld from %lld fs on, every %lld fs",
                            fabric->nodes[flown->message.src].name, (long long)flits.count,
                            (long long)flits.start_fs, (long long)flits.period_fs);
    return KB_OK;
}

kb_status kb_fabric_append(kb_fabric *fabric, uint32_t handle, kb_train flits, kb_error *err) {
    flight *flown = &fabric->flights.items[handle];
    int64_t last_fs = 0;
    KB_TRY(check_append(fabric, flown, flits, &last_fs, err));
    uint32_t number = flown->next;
    kb_stream *stream = &fabric->streams.pool.items[number];
    if (flown->n_known == 0)
        stream->head_fs = flits.start_fs + fabric->nodes[flown->message.src].overhead_fs;
    flown->n_known += flits.count;
    flown->known_fs = last_fs;
    if (flown->n_links) {
        if (!extend(fabric, flown->path[0], number, flits))
            return kb_error_nomem(err, "the flits of a message");
    } else if (flown->n_known == flown->message.n_flits) {
        int64_t when_fs = kb_max_i64(last_fs, stream->head_fs);
        KB_POOL_GIVE(&fabric->streams.pool, number);
        complete_locally(fabric, handle, when_fs);
    }
    return KB_OK;
}

kb_status kb_fabric_send(kb_fabric *fabric, const kb_send *send, uint32_t *handle, kb_error *err) {
    uint32_t number = KB_NONE;
    KB_TRY(kb_fabric_open(fabric, send, &number, err));
    const kb_message *message = &fabric->flights.items[number].message;
    KB_TRY(
        kb_fabric_append(fabric, number, (kb_train){message->start_fs, 0, message->n_flits}, err));
    if (handle) *handle = number;
    return KB_OK;
}

/* --- making one ----------------------------------------------------------------------------------- */

static kb_status init_ports(kb_fabric *fabric, kb_error *err) {
    const kb_link *links = kb_topology_links(fabric->topology);
    for (uint32_t i = 0; i < fabric->n_links; i++) {
        kb_port *port = &fabric->ports[i];
        int64_t last_fs;
        if (kb_add_i64(links[i].service_fs, links[i].latency_fs, &port->travel_fs) ||
            kb_add_i64(port->travel_fs, fabric->nodes[links[i].dst].overhead_fs, &last_fs) ||
            last_fs == KB_TIME_MAX)
            return kb_error_set(err, KB_OVERFLOW,
                                "link %u: expected service, propagation and overhead below 2^63 fs "
                                "(2.5 hours), got %lld and %lld fs and %lld fs",
                                i, (long long)links[i].service_fs, (long long)links[i].latency_fs,
                                (long long)fabric->nodes[links[i].dst].overhead_fs);
        port->due_fs = KB_TIME_MAX;
        port->service_fs = links[i].service_fs;
        port->overhead_fs = fabric->nodes[links[i].src].overhead_fs;
        port->end_fs = KB_TIME_MAX - 1 - last_fs;
    }
    return KB_OK;
}

kb_status kb_fabric_create(kb_alloc *alloc, kb_sim *sim, kb_topology *topology, kb_fabric **fabric,
                           kb_error *err) {
    kb_fabric *made = kb_alloc_zeroed(alloc, 1, sizeof *made);
    if (!made) return kb_error_nomem(err, "the fabric");
    made->sim = sim;
    made->alloc = alloc;
    made->topology = topology;
    made->nodes = kb_topology_nodes(topology);
    made->n_nodes = kb_topology_n_nodes(topology);
    made->n_links = kb_topology_n_links(topology);
    made->flit_nbytes = kb_topology_flit_nbytes(topology);
    made->watch.link = KB_NONE;
    kb_streams_init(&made->streams);
    kb_pool_init(&made->flights.state);
    made->ports = kb_alloc_zeroed(alloc, made->n_links, sizeof *made->ports);
    made->sinks = kb_alloc_zeroed(alloc, made->n_nodes, sizeof *made->sinks);
    made->counts = kb_alloc_zeroed(alloc, made->n_nodes, sizeof *made->counts);
    kb_status status = KB_OK;
    if (!made->ports || !made->sinks || !made->counts)
        status = kb_error_nomem(err, "the ports of the fabric");
    if (status == KB_OK) status = init_ports(made, err);
    if (status == KB_OK)
        status = kb_sim_add_slot(sim, deliver_locals, made, 0, &made->local_slot, err);
    if (status != KB_OK) {
        kb_fabric_destroy(made);
        return status;
    }
    kb_sim_set_fabric(sim, arrive, serve, made);
    *fabric = made;
    return KB_OK;
}

void kb_fabric_destroy(kb_fabric *fabric) {
    if (!fabric) return;
    kb_alloc *alloc = fabric->alloc;
    for (uint32_t i = 0; fabric->ports && i < fabric->n_links; i++)
        kb_port_deinit(&fabric->ports[i], alloc);
    kb_alloc_free(alloc, fabric->ports, fabric->n_links, sizeof *fabric->ports);
    kb_alloc_free(alloc, fabric->sinks, fabric->n_nodes, sizeof *fabric->sinks);
    kb_alloc_free(alloc, fabric->counts, fabric->n_nodes, sizeof *fabric->counts);
    kb_streams_deinit(&fabric->streams, alloc);
    KB_POOL_FREE(&fabric->flights, alloc);
    kb_waitq_deinit(&fabric->locals, alloc);
    kb_alloc_free(alloc, fabric, 1, sizeof *fabric);
}

void kb_fabric_set_sink(kb_fabric *fabric, uint32_t node, kb_deliver deliver, kb_deliver_fn fn,
                        void *self) {
    fabric->sinks[node] = (sink){fn, self, deliver};
}

/* --- reading it ----------------------------------------------------------------------------------- */

void kb_fabric_trace(kb_fabric *fabric, uint32_t handle, kb_hop *hops) {
    const flight *flown = &fabric->flights.items[handle];
    if (!flown->n_links) return;
    fabric->watch.hop = hops;
    fabric->watch.flight = handle;
    kb_watch_begin(&fabric->watch, fabric->ports, flown->path[0], flown->message.start_fs);
}

kb_fabric_counters kb_fabric_count(const kb_fabric *fabric) {
    kb_fabric_counters counters = fabric->counters;
    counters.train_pieces = fabric->streams.n_pieces;
    return counters;
}

uint64_t kb_fabric_link_flits(const kb_fabric *fabric, uint32_t link) {
    return fabric->ports[link].n_served;
}
