#include "hw/fabric/server.h"

#include "base/checked.h"
#include "hw/fabric/fabric_core.h"
#include "hw/fabric/train_wake.h"

/* --- making them ---------------------------------------------------------------------------------- */

/* The buffers behind a link. */
static const kb_transit *behind(const kb_fabric *fabric, uint32_t link) {
    return &fabric->nodes[kb_topology_links(fabric->topology)[link].dst].transit;
}

static uint32_t count_lanes(const kb_fabric *fabric, uint32_t link) {
    const kb_transit *transit = behind(fabric, link);
    return transit->buffer_flits && transit->channels > 1 ? (uint32_t)transit->channels : 1;
}

/* Numbers the servers; `by_node` is room for the one that all links of a node share. */
static uint32_t number_servers(kb_fabric *fabric, uint32_t *by_node) {
    const kb_link *links = kb_topology_links(fabric->topology);
    uint32_t *of = fabric->servers.of, n = 0;
    for (uint32_t i = 0; i < fabric->n_nodes; i++) by_node[i] = KB_NONE;
    for (uint32_t i = 0; i < fabric->n_links; i++) {
        uint32_t src = links[i].src;
        bool shared = fabric->nodes[src].transit.serialize == KB_SERIALIZE_ROUTER;
        of[i] = KB_NONE;
        if (!kb_topology_by_flit(fabric->topology, i)) continue;
        of[i] = shared && by_node[src] != KB_NONE ? by_node[src] : n++;
        if (shared) by_node[src] = of[i];
    }
    return n;
}

/* Those of one server follow each other, in order of links and channels. */
static void place_lanes(kb_fabric *fabric) {
    kb_servers *servers = &fabric->servers;
    uint32_t n = 0;
    for (uint32_t i = fabric->n_links; i-- > 0;) {
        if (servers->of[i] == KB_NONE) continue;
        kb_server *server = &servers->items[servers->of[i]];
        server->due_fs = KB_TIME_MAX;
        server->link = i;
        server->n_lanes += count_lanes(fabric, i);
    }
    for (uint32_t i = 0; i < servers->count; i++) {
        servers->items[i].first_lane = n;
        n += servers->items[i].n_lanes;
        servers->items[i].n_lanes = 0;
    }
    for (uint32_t i = 0; i < fabric->n_links; i++) {
        if (servers->of[i] == KB_NONE) continue;
        kb_server *server = &servers->items[servers->of[i]];
        servers->lane_of[i] = server->first_lane + server->n_lanes;
        server->n_lanes += count_lanes(fabric, i);
    }
}

static void fill_lanes(kb_fabric *fabric) {
    kb_servers *servers = &fabric->servers;
    for (uint32_t i = 0; i < fabric->n_links; i++) {
        if (servers->of[i] == KB_NONE) continue;
        uint32_t n_places = (uint32_t)behind(fabric, i)->buffer_flits;
        for (uint32_t k = 0; k < count_lanes(fabric, i); k++) {
            kb_credits *credits = &servers->lanes[servers->lane_of[i] + k].credits;
            credits->n_places = credits->n_ready = n_places;
        }
    }
}

kb_status kb_servers_init(kb_fabric *fabric, kb_error *err) {
    kb_servers *servers = &fabric->servers;
    kb_alloc *alloc = fabric->alloc;
    uint32_t n_by_flit = 0;
    for (uint32_t i = 0; i < fabric->n_links; i++)
        if (kb_topology_by_flit(fabric->topology, i)) {
            n_by_flit++;
            servers->n_lanes += count_lanes(fabric, i);
        }
    if (n_by_flit == 0) return KB_OK;
    uint32_t *by_node = kb_alloc_zeroed(alloc, fabric->n_nodes, sizeof *by_node);
    servers->of = kb_alloc_zeroed(alloc, fabric->n_links, sizeof *servers->of);
    servers->lane_of = kb_alloc_zeroed(alloc, fabric->n_links, sizeof *servers->lane_of);
    servers->lanes = kb_alloc_zeroed(alloc, servers->n_lanes, sizeof *servers->lanes);
    servers->channels =
        kb_alloc_zeroed(alloc, kb_fabric_n_paths_(fabric), sizeof *servers->channels);
    bool ready = by_node && servers->of && servers->lane_of && servers->lanes && servers->channels;
    if (ready) servers->count = number_servers(fabric, by_node);
    kb_alloc_free(alloc, by_node, fabric->n_nodes, sizeof *by_node);
    if (ready) servers->items = kb_alloc_zeroed(alloc, servers->count, sizeof *servers->items);
    if (!ready || !servers->items) return kb_error_nomem(err, "the servers of the fabric");
    place_lanes(fabric);
    fill_lanes(fabric);
    return KB_OK;
}

void kb_servers_deinit(kb_fabric *fabric) {
    kb_servers *servers = &fabric->servers;
    kb_alloc *alloc = fabric->alloc;
    for (uint32_t i = 0; servers->lanes && i < servers->n_lanes; i++) {
        kb_waitq_deinit(&servers->lanes[i].waiting, alloc);
        kb_credits_deinit(&servers->lanes[i].credits, alloc);
    }
    kb_alloc_free(alloc, servers->of, fabric->n_links, sizeof *servers->of);
    kb_alloc_free(alloc, servers->lane_of, fabric->n_links, sizeof *servers->lane_of);
    kb_alloc_free(alloc, servers->lanes, servers->n_lanes, sizeof *servers->lanes);
    kb_alloc_free(alloc, servers->channels, kb_fabric_n_paths_(fabric), sizeof *servers->channels);
    kb_alloc_free(alloc, servers->items, servers->count, sizeof *servers->items);
}

/* --- who waits ------------------------------------------------------------------------------------ */

static uint32_t channel_of(const kb_flight *flown, uint32_t hop) {
    return flown->channels ? flown->channels[hop] : 0;
}

static kb_lane *lane_of(const kb_fabric *fabric, uint32_t link, const kb_flight *flown,
                        uint32_t hop) {
    return &fabric->servers.lanes[fabric->servers.lane_of[link] + channel_of(flown, hop)];
}

static int64_t lane_next_fs(const kb_lane *lane) {
    return kb_max_i64(lane->waiting.items[0].when_fs, kb_credits_next_fs(&lane->credits));
}

static void schedule(kb_fabric *fabric, kb_server *server) {
    int64_t next_fs = KB_TIME_MAX;
    for (uint32_t i = 0; i < server->n_lanes; i++) {
        const kb_lane *lane = &fabric->servers.lanes[server->first_lane + i];
        if (lane->waiting.count) next_fs = kb_min_i64(next_fs, lane_next_fs(lane));
    }
    if (next_fs == KB_TIME_MAX) return;
    next_fs = kb_max_i64(next_fs, server->free_fs);
    if (next_fs >= server->due_fs) return;
    server->due_fs = next_fs;
    kb_sim_service(fabric->sim, server->link, next_fs);
}

bool kb_server_reserve(kb_fabric *fabric, uint32_t link, uint32_t flight, uint32_t hop) {
    kb_waitq *waiting = &lane_of(fabric, link, &fabric->flights.items[flight], hop)->waiting;
    return kb_waitq_reserve(waiting, fabric->alloc, waiting->count + 1);
}

void kb_server_enlist(kb_fabric *fabric, uint32_t link, uint32_t number) {
    const kb_stream *stream = &fabric->streams.pool.items[number];
    const kb_flight *flown = &fabric->flights.items[stream->flight];
    uint64_t input = stream->hop ? (uint64_t)flown->path[stream->hop - 1] + 1 : 0;
    kb_waitq_push(&lane_of(fabric, link, flown, stream->hop)->waiting, kb_stream_eligible(stream),
                  input << 32 | flown->message.src, flown->message.count, number);
    schedule(fabric, &fabric->servers.items[fabric->servers.of[link]]);
}

uint32_t kb_servers_held(const kb_fabric *fabric, uint32_t link) {
    uint32_t n = 0;
    if (!kb_fabric_by_flit_(fabric, link)) return 0;
    for (uint32_t k = 0; k < count_lanes(fabric, link); k++) {
        const kb_credits *credits =
            &fabric->servers.lanes[fabric->servers.lane_of[link] + k].credits;
        n += credits->n_places - credits->n_ready - credits->n_coming;
    }
    return n;
}

uint32_t kb_servers_blocked(const kb_fabric *fabric, uint32_t *link) {
    const kb_servers *servers = &fabric->servers;
    for (uint32_t i = 0; servers->of && i < fabric->n_links; i++) {
        for (uint32_t k = 0; servers->of[i] != KB_NONE && k < count_lanes(fabric, i); k++) {
            const kb_lane *lane = &servers->lanes[servers->lane_of[i] + k];
            if (!lane->waiting.count || kb_credits_next_fs(&lane->credits) != KB_TIME_MAX) continue;
            *link = i;
            return lane->waiting.count;
        }
    }
    return 0;
}

/* --- service -------------------------------------------------------------------------------------- */

/* A place in the buffer behind the path's link of this hop can be taken again from when_fs on. */
static bool give_place(kb_fabric *fabric, const kb_flight *flown, uint32_t hop, int64_t when_fs) {
    uint32_t link = flown->path[hop];
    if (behind(fabric, link)->buffer_flits == 0) return true;
    kb_lane *lane = lane_of(fabric, link, flown, hop);
    if (!kb_credits_give(&lane->credits, fabric->alloc, when_fs)) return false;
    if (lane->waiting.count) schedule(fabric, &fabric->servers.items[fabric->servers.of[link]]);
    return true;
}

/* The lane whose turn it is. */
static kb_lane *pick(const kb_fabric *fabric, const kb_server *server, int64_t now) {
    kb_lane *best = NULL;
    for (uint32_t i = 0; i < server->n_lanes; i++) {
        kb_lane *lane = &fabric->servers.lanes[server->first_lane + i];
        if (!lane->waiting.count || lane_next_fs(lane) > now) continue;
        if (!best || kb_waiting_before(&lane->waiting.items[0], &best->waiting.items[0]))
            best = lane;
    }
    return best;
}

/* What is told of the watched flit (hw/fabric/watch.h), and that it was held up after it was eligible. */
static bool watch(kb_fabric *fabric, uint32_t link, const kb_stream *stream, int64_t eligible_fs) {
    bool tail = stream->n_left == 0;
    int64_t now = kb_sim_now(fabric->sim);
    kb_hop *hop = fabric->watch.hop;
    if (fabric->train_watch.path) {
        if (!kb_train_watch_service(&fabric->train_watch, fabric->alloc, link, stream->flight,
                                    (kb_train){now, 0, 1}, tail))
            return false;
        if (!tail || stream->flight != fabric->train_watch.flight) return true;
        hop = &fabric->train_watch.hops[stream->hop];
    } else {
        if (fabric->watch.link != link) return true;
        kb_watch_service(&fabric->watch, fabric->ports, now, stream->flight, tail, stream->to);
        if (!tail || stream->flight != fabric->watch.flight) return true;
    }
    int64_t held_fs = hop->overhead_fs - kb_max_i64(0, eligible_fs - hop->arrive_fs);
    if (held_fs <= 0) return true;
    hop->overhead_fs -= held_fs;
    hop->waiting_fs += held_fs;
    return true;
}

/* Physics: one flit at a time, and no more of them behind the link than there are places. */
static void check(kb_fabric *fabric, const kb_server *server, const kb_lane *lane, uint32_t link,
                  int64_t now) {
    const kb_link *at = &kb_topology_links(fabric->topology)[link];
    if (now < server->taken_fs) kb_fabric_fail_overlap_(fabric, link, now, server->taken_fs);
    if (lane->credits.n_held > lane->credits.n_places)
        kb_audit_overfull(fabric->sim, fabric->nodes[at->dst].name, "flits in an input buffer",
                          lane->credits.n_held, lane->credits.n_places);
}

void kb_server_serve(kb_fabric *fabric, uint32_t place) {
    kb_server *server = &fabric->servers.items[fabric->servers.of[place]];
    int64_t now = kb_sim_now(fabric->sim);
    if (server->due_fs != now) return;
    kb_lane *lane = pick(fabric, server, now);
    uint32_t number = kb_waitq_first(&lane->waiting);
    int64_t eligible_fs = lane->waiting.items[0].when_fs;
    kb_stream *stream = &fabric->streams.pool.items[number];
    const kb_flight *flown = &fabric->flights.items[stream->flight];
    uint32_t hop = stream->hop, link = flown->path[hop];
    kb_port *port = &fabric->ports[link];
    if (now > port->end_fs) {
        kb_fabric_fail_overflow_(fabric, link, now);
        return;
    }
    kb_credits_take(&lane->credits, now);
    check(fabric, server, lane, link, now);
    kb_stream_advance(&fabric->streams, stream);
    if (stream->first.count) kb_waitq_move_first(&lane->waiting, kb_stream_eligible(stream));
    else kb_waitq_drop_first(&lane->waiting);
    if (!watch(fabric, link, stream, eligible_fs)) {
        kb_fabric_fail_nomem_(fabric, "a trace");
        return;
    }
    server->free_fs = server->taken_fs = port->free_fs = now + port->service_fs;
    server->due_fs = KB_TIME_MAX;
    port->served_flight = stream->flight;
    port->n_served++;
    if (kb_fabric_has_trains_(fabric)) fabric->trains.ports[link].free_fs = port->free_fs;
    int64_t arrive_fs = now + port->travel_fs, latency_fs = port->travel_fs - port->service_fs;
    bool ends = stream->to == KB_NONE, tail = stream->n_left == 0, good = true;
    if (hop) {
        const kb_port *input = &fabric->ports[flown->path[hop - 1]];
        good = give_place(fabric, flown, hop - 1,
                          kb_later_fs(port->free_fs, input->travel_fs - input->service_fs));
    }
    if (ends) good = good && give_place(fabric, flown, hop, kb_later_fs(arrive_fs, latency_fs));
    schedule(fabric, server);
    good = good && (ends ? kb_fabric_land_(fabric, link, number, arrive_fs)
                         : kb_fabric_pass_on_(fabric, number, arrive_fs));
    if (good && tail) good = kb_fabric_end_stream_(fabric, number);
    if (!good) kb_fabric_fail_nomem_(fabric, "a flit");
}
