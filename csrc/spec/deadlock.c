#include "spec/deadlock.h"

#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "spec/graph.h"
#include "spec/layout.h"

enum {
    MAX_ALL_NODES = 1024, /* beyond, routes between transit components stand for all */
    MAX_TRANSIT_NODES =
        4096 /* of a graph with finite buffers: 16 million routes take half a minute */
};

typedef struct edge {
    uint32_t from, to; /* channels */
} edge;

typedef struct search {
    kb_topology *topology;
    kb_error *err;
    KB_VEC(edge) edges;
    uint32_t *slots; /* open addressing: edge + 1 */
    size_t n_slots;
    KB_VEC(uint8_t) channels; /* of the trail */
} search;

/* --- dependencies --------------------------------------------------------------------------------- */

static size_t slot_of(const search *s, edge e) {
    uint64_t hash = kb_hash_finish(kb_hash_u64(KB_HASH_SEED, (uint64_t)e.from << 32 | e.to));
    size_t mask = s->n_slots - 1, slot = (size_t)hash & mask;
    for (; s->slots[slot]; slot = (slot + 1) & mask) {
        const edge *other = &s->edges.items[s->slots[slot] - 1];
        if (other->from == e.from && other->to == e.to) break;
    }
    return slot;
}

static kb_status grow_slots(search *s) {
    if (2 * s->edges.count < s->n_slots) return KB_OK;
    size_t n_slots = s->n_slots ? 2 * s->n_slots : 1024;
    uint32_t *slots = kb_alloc_zeroed(s->topology->alloc, n_slots, sizeof *slots);
    if (!slots) return kb_error_nomem(s->err, "the topology's channel dependencies");
    kb_alloc_free(s->topology->alloc, s->slots, s->n_slots, sizeof *s->slots);
    s->slots = slots;
    s->n_slots = n_slots;
    for (size_t i = 0; i < s->edges.count; i++)
        s->slots[slot_of(s, s->edges.items[i])] = (uint32_t)i + 1;
    return KB_OK;
}

static kb_status add_edge(search *s, edge e) {
    KB_TRY(grow_slots(s));
    size_t slot = slot_of(s, e);
    if (s->slots[slot]) return KB_OK;
    edge *added = KB_VEC_PUSH(&s->edges, s->topology->alloc);
    if (!added) return kb_error_nomem(s->err, "the topology's channel dependencies");
    *added = e;
    s->slots[slot] = (uint32_t)s->edges.count;
    return KB_OK;
}

/* The dependencies of one route.  Where there is no path there are none. */
static kb_status add_route(search *s, uint32_t src, uint32_t dst, int32_t slice) {
    kb_topology *topology = s->topology;
    const kb_link *links = topology->links.items;
    kb_error why = KB_ERROR_INIT;
    int32_t port;
    KB_TRY(kb_hierarchy_port(topology, src, dst, slice, &port, s->err));
    kb_status status = kb_route_make(topology, src, dst, port, &why);
    if (status == KB_TOPOLOGY) return KB_OK;
    if (status != KB_OK) return kb_error_set(s->err, status, "%s", why.message);
    size_t n_links = topology->routes.trail.count;
    const uint32_t *trail = topology->routes.trail.items;
    s->channels.count = 0;
    if (!KB_VEC_RESERVE(&s->channels, topology->alloc, n_links))
        return kb_error_nomem(s->err, "the topology's channel dependencies");
    kb_channels_follow(topology, trail, n_links, s->channels.items);
    for (size_t i = 1; i < n_links; i++)
        if (topology->nodes.items[links[trail[i - 1]].dst].transit.buffer_flits &&
            topology->nodes.items[links[trail[i]].dst].transit.buffer_flits)
            KB_TRY(add_edge(s, (edge){KB_MAX_CHANNELS * trail[i - 1] + s->channels.items[i - 1],
                                      KB_MAX_CHANNELS * trail[i] + s->channels.items[i]}));
    return KB_OK;
}

/* --- which routes --------------------------------------------------------------------------------- */

/* A place where routes begin and end. */
typedef struct end {
    uint32_t node;
    int32_t slice;
    bool gate; /* takes part in routes between SIPs */
} end;

typedef KB_VEC(end) end_list;

static kb_status add_end(search *s, end_list *ends, uint32_t node, int32_t slice, bool gate) {
    end *added = KB_VEC_PUSH(ends, s->topology->alloc);
    if (!added) return kb_error_nomem(s->err, "the ends of the topology's routes");
    *added = (end){node, slice, gate};
    return KB_OK;
}

/* All that forwards in the explicit graph is one mesh without wrap: routes take its X links before its Y
 * links, and neither closes a ring. */
static bool is_one_mesh(const kb_topology *topology) {
    uint32_t first = topology->machine.first, last = topology->machine.end;
    int32_t mesh = -1;
    for (uint32_t i = 0; i < topology->nodes.count; i++) {
        const kb_node *node = &topology->nodes.items[i];
        if ((i >= first && i < last) || !kb_impl_forwards(node->impl)) continue;
        if (node->mesh < 0 || (mesh >= 0 && node->mesh != mesh)) return false;
        mesh = node->mesh;
    }
    return mesh >= 0 && !topology->meshes.items[mesh].wrap;
}

static kb_status add_explicit_ends(search *s, end_list *ends) {
    const kb_topology *topology = s->topology;
    size_t n_transits = 0, n_nodes = topology->nodes.count;
    uint32_t first = topology->machine.first, last = topology->machine.end;
    if (is_one_mesh(topology)) return KB_OK;
    for (size_t i = 0; i < n_nodes; i++)
        n_transits += (i < first || i >= last) && kb_impl_forwards(topology->nodes.items[i].impl);
    if (n_transits > MAX_TRANSIT_NODES)
        return kb_error_set(s->err, KB_TOPOLOGY,
                            "expected at most %d transit components where buffers are finite, got "
                            "%zu: the routes between all of them are followed, to find cycles; use "
                            "fewer, a mesh without wrap alone, or leave buffer_flits out",
                            (int)MAX_TRANSIT_NODES, n_transits);
    for (uint32_t i = 0; i < n_nodes; i++)
        if ((i < first || i >= last) &&
            (n_nodes <= MAX_ALL_NODES || kb_impl_forwards(topology->nodes.items[i].impl)))
            KB_TRY(add_end(s, ends, i, KB_ANY_SLICE, true));
    return KB_OK;
}

static kb_status add_cube_ends(search *s, end_list *ends, int32_t sip, int32_t cube) {
    const kb_topology *topology = s->topology;
    const kb_system *system = &topology->system;
    bool near = cube % system->cubes_x <= 1;
    static const kb_impl parts[] = {KB_IMPL_M_CPU, KB_IMPL_SRAM};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        KB_TRY(add_end(s, ends, kb_topology_part(topology, parts[i], sip, cube, -1), KB_ANY_SLICE,
                       near));
    for (int32_t pe = 0; pe < system->n_pes; pe++)
        KB_TRY(add_end(s, ends, kb_topology_part(topology, KB_IMPL_PE_CPU, sip, cube, pe),
                       KB_ANY_SLICE, near));
    uint32_t hbm = kb_topology_part(topology, KB_IMPL_HBM, sip, cube, -1);
    int64_t before = -1;
    for (int32_t slice = 0; slice < system->n_pes; slice++) {
        int64_t port = slice * system->params.hbm.remote_ports / system->n_pes;
        if (port != before) KB_TRY(add_end(s, ends, hbm, slice, near));
        before = port;
    }
    return KB_OK;
}

static kb_status add_machine_ends(search *s, end_list *ends) {
    const kb_topology *topology = s->topology;
    if (topology->system.n_sips == 0) return KB_OK;
    KB_TRY(add_end(s, ends, topology->machine.host, KB_ANY_SLICE, true));
    for (int32_t sip = 0; sip < topology->system.n_sips; sip++) {
        KB_TRY(add_end(s, ends, kb_topology_part(topology, KB_IMPL_IO_CPU, sip, -1, -1),
                       KB_ANY_SLICE, true));
        for (int32_t cube = 0; cube < topology->machine.n_cubes; cube++)
            KB_TRY(add_cube_ends(s, ends, sip, cube));
    }
    return KB_OK;
}

static kb_status add_routes(search *s, const end_list *ends) {
    const kb_node *nodes = s->topology->nodes.items;
    for (size_t i = 0; i < ends->count; i++) {
        const end *to = &ends->items[i];
        for (size_t j = 0; j < ends->count; j++) {
            const end *from = &ends->items[j];
            bool far = nodes[from->node].sip != nodes[to->node].sip;
            if (from->node == to->node || (far && !(from->gate && to->gate))) continue;
            int32_t slice = to->slice == KB_ANY_SLICE ? from->slice : to->slice;
            KB_TRY(add_route(s, from->node, to->node, slice));
        }
    }
    return KB_OK;
}

/* --- the cycle ------------------------------------------------------------------------------------ */

typedef struct walk {
    uint32_t n_channels;
    uint32_t *first; /* by channel: its successors are next[first[c] .. first[c + 1]) */
    uint32_t *next;
    uint32_t *place; /* by channel: how many of its successors have been entered, + 1; 0: not yet */
    uint32_t *stack;
    bool *done;
} walk;

/* Successors by counting sort. */
static void sort_edges(const search *s, walk *w) {
    for (size_t i = 0; i < s->edges.count; i++) w->first[s->edges.items[i].from + 2]++;
    for (uint32_t c = 1; c < w->n_channels + 2; c++) w->first[c] += w->first[c - 1];
    for (size_t i = 0; i < s->edges.count; i++)
        w->next[w->first[s->edges.items[i].from + 1]++] = s->edges.items[i].to;
}

/* The length of the stack whose channels from *begin on are a cycle; 0: none is reached from `root`. */
static uint32_t descend(walk *w, uint32_t root, uint32_t *begin) {
    uint32_t depth = 0;
    if (w->done[root]) return 0;
    w->stack[depth++] = root;
    w->place[root] = 1;
    while (depth) {
        uint32_t at = w->stack[depth - 1], i = w->first[at] + w->place[at] - 1;
        if (i == w->first[at + 1]) {
            w->done[at] = true;
            depth--;
            continue;
        }
        w->place[at]++;
        uint32_t to = w->next[i];
        if (w->done[to]) continue;
        if (w->place[to]) {
            for (*begin = 0; w->stack[*begin] != to;) ++*begin;
            return depth;
        }
        w->place[to] = 1;
        w->stack[depth++] = to;
    }
    return 0;
}

static void print_cycle(const kb_topology *topology, const uint32_t *channels, uint32_t n,
                        char cycle[KB_DEADLOCK_TEXT]) {
    enum { MOST = 8 };
    const kb_node *nodes = topology->nodes.items;
    size_t length = 0;
    for (uint32_t i = 0; i < n && i < MOST; i++) {
        const kb_link *link = &topology->links.items[channels[i] / KB_MAX_CHANNELS];
        length += (size_t)snprintf(cycle + length, KB_DEADLOCK_TEXT - length, "%.40s -> ",
                                   nodes[link->src].name);
    }
    if (n > MOST)
        length += (size_t)snprintf(cycle + length, KB_DEADLOCK_TEXT - length, "(%u more) -> ",
                                   n - (uint32_t)MOST);
    (void)snprintf(cycle + length, KB_DEADLOCK_TEXT - length, "%.40s",
                   nodes[topology->links.items[channels[0] / KB_MAX_CHANNELS].src].name);
}

static kb_status find_cycle(search *s, char cycle[KB_DEADLOCK_TEXT]) {
    kb_alloc *alloc = s->topology->alloc;
    uint32_t n = (uint32_t)(KB_MAX_CHANNELS * s->topology->links.count);
    walk w = {.n_channels = n};
    w.first = kb_alloc_zeroed(alloc, n + 2, sizeof *w.first);
    w.next = kb_alloc_zeroed(alloc, s->edges.count, sizeof *w.next);
    w.place = kb_alloc_zeroed(alloc, n, sizeof *w.place);
    w.stack = kb_alloc_zeroed(alloc, n, sizeof *w.stack);
    w.done = kb_alloc_zeroed(alloc, n, sizeof *w.done);
    bool ready = w.first && w.next && w.place && w.stack && w.done;
    if (ready) {
        sort_edges(s, &w);
        uint32_t begin = 0, depth = 0;
        for (uint32_t c = 0; c < n && depth == 0; c++) depth = descend(&w, c, &begin);
        if (depth) print_cycle(s->topology, w.stack + begin, depth - begin, cycle);
    }
    kb_alloc_free(alloc, w.first, n + 2, sizeof *w.first);
    kb_alloc_free(alloc, w.next, s->edges.count, sizeof *w.next);
    kb_alloc_free(alloc, w.place, n, sizeof *w.place);
    kb_alloc_free(alloc, w.stack, n, sizeof *w.stack);
    kb_alloc_free(alloc, w.done, n, sizeof *w.done);
    return ready ? KB_OK : kb_error_nomem(s->err, "the search for a cycle of channels");
}

kb_status kb_deadlock_find(kb_topology *topology, char cycle[KB_DEADLOCK_TEXT], kb_error *err) {
    search s = {.topology = topology, .err = err};
    end_list ends = {0};
    cycle[0] = '\0';
    kb_status status = add_explicit_ends(&s, &ends);
    if (status == KB_OK) status = add_machine_ends(&s, &ends);
    if (status == KB_OK) status = add_routes(&s, &ends);
    if (status == KB_OK && s.edges.count) status = find_cycle(&s, cycle);
    KB_VEC_FREE(&ends, topology->alloc);
    KB_VEC_FREE(&s.edges, topology->alloc);
    KB_VEC_FREE(&s.channels, topology->alloc);
    kb_alloc_free(topology->alloc, s.slots, s.n_slots, sizeof *s.slots);
    return status;
}
