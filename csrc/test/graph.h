/* Small machines for tests of the fabric: a graph of transit nodes, every number in femtoseconds, and
 * flits of one byte, so that a message of n bytes has n flits.  It goes through the text of a topology,
 * as any machine does.  Include after test/tap.h. */
#ifndef KB_TEST_GRAPH_H
#define KB_TEST_GRAPH_H

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>

#include "base/checked.h"
#include "hw/fabric/audit.h"
#include "hw/fabric/fabric.h"
#include "spec/topology.h"

enum { GRAPH_MAX_NODES = 12000, GRAPH_MAX_LINKS = 12000 };

typedef struct graph {
    bool by_flit; /* fabric: {mode: flit} */
    uint32_t n_nodes, n_links;
    int64_t overhead_fs[GRAPH_MAX_NODES];
    kb_transit transit[GRAPH_MAX_NODES];
    kb_link links[GRAPH_MAX_LINKS];
    bool dateline[GRAPH_MAX_LINKS];
    uint32_t mesh_nx,
        mesh_ny; /* all of it is one mesh, of equal parts (graph_mesh); 0: it is none */
    bool mesh_wrap;
    bool mesh_ends; /* nodes 0 .. n - 1 are endpoints, each joined to router n + itself */
} graph;

static inline uint32_t graph_node(graph *g, int64_t overhead_fs) {
    if (g->n_nodes == 0) g->mesh_nx = g->mesh_ends = 0;
    g->overhead_fs[g->n_nodes] = overhead_fs;
    g->transit[g->n_nodes] = (kb_transit){.channels = 1};
    return g->n_nodes++;
}

static inline uint32_t graph_link(graph *g, uint32_t src, uint32_t dst, int64_t service_fs,
                                  int64_t latency_fs) {
    g->links[g->n_links] = (kb_link){src, dst, service_fs, latency_fs};
    g->dateline[g->n_links] = false;
    return g->n_links++;
}

/* One mesh or torus instead of components and links, as `meshes:` makes it: routes are x first. */
static inline void graph_mesh(graph *g, uint32_t nx, uint32_t ny, bool wrap, int64_t overhead_fs,
                              int64_t service_fs, int64_t latency_fs, kb_transit transit) {
    g->n_nodes = g->n_links = 0;
    for (uint32_t v = 0; v < nx * ny; v++) g->transit[graph_node(g, overhead_fs)] = transit;
    for (uint32_t v = 0; v < nx * ny; v++) {
        uint32_t x = v % nx, y = v / nx;
        for (int south = 0; south < 2; south++) {
            uint32_t at = south ? y : x, n = south ? ny : nx;
            if (at + 1 == n && !(wrap && n > 2)) continue;
            uint32_t to = south ? (y + 1) % ny * nx + x : y * nx + (x + 1) % nx;
            bool closes = at + 1 == n;
            g->dateline[graph_link(g, v, to, service_fs, latency_fs)] = closes;
            g->dateline[graph_link(g, to, v, service_fs, latency_fs)] = closes;
        }
    }
    g->mesh_nx = nx;
    g->mesh_ny = ny;
    g->mesh_wrap = wrap;
}

/* The same with an endpoint at each router. */
static inline void graph_mesh_of_endpoints(graph *g, uint32_t nx, uint32_t ny, int64_t service_fs,
                                           kb_transit transit) {
    uint32_t n = nx * ny;
    graph_mesh(g, nx, ny, false, 0, service_fs, 0, transit);
    for (uint32_t i = 0; i < g->n_links; i++) g->links[i].src += n, g->links[i].dst += n;
    for (uint32_t v = 0; v < n; v++) {
        g->transit[graph_node(g, 0)] = transit;
        g->transit[v] = (kb_transit){.channels = 1};
        (void)graph_link(g, v, n + v, service_fs, 0);
        (void)graph_link(g, n + v, v, service_fs, 0);
    }
    g->mesh_ends = true;
}

static inline bool graph_has(const graph *g, uint32_t src, uint32_t dst) {
    for (uint32_t i = 0; i < g->n_links; i++)
        if (g->links[i].src == src && g->links[i].dst == dst) return true;
    return false;
}

/* The least GBps of 12 decimals at which one byte takes no more than service_fs. */
static inline int graph_print_rate(char *text, size_t room, int64_t service_fs) {
    __extension__ unsigned __int128 scaled = (unsigned __int128)1000000 * 1000000000000u;
    scaled = (scaled + (uint64_t)service_fs - 1) / (uint64_t)service_fs;
    uint64_t whole = (uint64_t)(scaled / 1000000000000u),
             rest = (uint64_t)(scaled % 1000000000000u);
    if (rest == 0) return snprintf(text, room, "%" PRIu64, whole);
    return snprintf(text, room, "%" PRIu64 ".%012" PRIu64, whole, rest);
}

typedef struct graph_text {
    char *text;
    size_t room, length;
} graph_text;

KB_PRINTF(2, 3)
static inline void graph_print(graph_text *t, const char *format, ...) {
    va_list args;
    va_start(args, format);
    t->length += (size_t)vsnprintf(t->text + t->length, t->room - t->length, format, args);
    va_end(args);
}

static inline void graph_print_ns(graph_text *t, const char *key, int64_t fs) {
    graph_print(t, ", %s: %" PRId64 ".%06" PRId64, key, fs / KB_FS_PER_NS, fs % KB_FS_PER_NS);
}

static inline void graph_print_transit(graph_text *t, const graph *g, uint32_t node) {
    const kb_transit *transit = &g->transit[node];
    graph_print_ns(t, "overhead_ns", g->overhead_fs[node]);
    if (transit->serialize) graph_print(t, ", serialize: router");
    if (transit->buffer_flits) graph_print(t, ", buffer_flits: %" PRId64, transit->buffer_flits);
    if (transit->channels == 2) graph_print(t, ", virtual_channels: 2");
}

static inline void graph_print_link(graph_text *t, const kb_link *link) {
    char rate[64];
    (void)graph_print_rate(rate, sizeof rate, link->service_fs);
    graph_print(t, "GBps: %s", rate);
    graph_print_ns(t, "latency_ns", link->latency_fs);
}

static inline void graph_print_end(graph_text *t, const graph *g, uint32_t node) {
    uint32_t n = g->n_nodes / 2, router = node - n;
    if (g->mesh_ends && node >= n)
        graph_print(t, "m.r%u_%u", router % g->mesh_nx, router / g->mesh_nx);
    else graph_print(t, "n%u", node);
}

static inline void graph_print_all(graph_text *t, const graph *g) {
    graph_print(t, "kernbench: 1\nflit_bytes: 1\nfabric: {mode: %s}\n",
                g->by_flit ? "flit" : "train");
    if (g->mesh_nx) {
        graph_print(t, "meshes:\n  - {name: m, dims: [%u, %u], wrap: %s, router: {impl: transit",
                    g->mesh_nx, g->mesh_ny, g->mesh_wrap ? "true" : "false");
        graph_print_transit(t, g, g->n_nodes - 1);
        graph_print(t, "}, link: {");
        graph_print_link(t, &g->links[0]);
        graph_print(t, "}}\n");
        if (!g->mesh_ends) return;
    }
    uint32_t n_components = g->mesh_ends ? g->n_nodes / 2 : g->n_nodes;
    graph_print(t, "components:\n");
    for (uint32_t i = 0; i < n_components; i++) {
        graph_print(t, "  - {name: n%u, impl: %s", i, g->mesh_ends ? "endpoint" : "transit");
        if (!g->mesh_ends) graph_print_transit(t, g, i);
        graph_print(t, "}\n");
    }
    graph_print(t, "links:\n");
    for (uint32_t i = 0; i < g->n_links; i++) {
        const kb_link *link = &g->links[i];
        if (g->mesh_ends && link->src >= n_components && link->dst >= n_components) continue;
        graph_print(t, "  - {from: ");
        graph_print_end(t, g, link->src);
        graph_print(t, ", to: ");
        graph_print_end(t, g, link->dst);
        graph_print(t, ", ");
        graph_print_link(t, link);
        graph_print(t, "%s}\n", g->dateline[i] ? ", dateline: true" : "");
    }
}

/* NULL, and a failed check, when it does not become what it says.  With `cycle`: sets it, and fails no
 * check, when the buffers close one. */
static inline kb_topology *graph_try(const graph *g, kb_alloc *alloc, bool *cycle) {
    graph_text t = {.room = 512 + 160 * (size_t)g->n_nodes + 160 * (size_t)g->n_links};
    kb_topology *topology = NULL;
    kb_error err = KB_ERROR_INIT;
    t.text = malloc(t.room);
    if (!CHECK(t.text != NULL)) return NULL;
    graph_print_all(&t, g);
    kb_status status = kb_topology_parse(alloc, t.text, t.length, "graph", &topology, &err);
    free(t.text);
    if (cycle) *cycle = status == KB_TOPOLOGY && strstr(err.message, "expected no cycle");
    if (cycle && *cycle) return NULL;
    if (!CHECK_EQ(status, KB_OK)) printf("# %s\n", err.message);
    if (status != KB_OK) return NULL;
    bool same =
        kb_topology_n_nodes(topology) == g->n_nodes && kb_topology_n_links(topology) == g->n_links;
    for (uint32_t i = 0; same && i < g->n_links; i++) {
        const kb_link *link = &kb_topology_links(topology)[i];
        same = link->src == g->links[i].src && link->dst == g->links[i].dst &&
               link->service_fs == g->links[i].service_fs &&
               link->latency_fs == g->links[i].latency_fs;
    }
    if (CHECK(same)) return topology;
    kb_topology_destroy(topology);
    return NULL;
}

static inline kb_topology *graph_build(const graph *g, kb_alloc *alloc) {
    return graph_try(g, alloc, NULL);
}

/* --- a machine: graph, simulator and fabric, and messages that start by themselves ---------------- */

typedef struct planned {
    uint32_t src, dst;
    int64_t at_fs, nbytes;
    int64_t end_fs; /* -1 until its tail is delivered */
} planned;

typedef struct rig {
    kb_alloc alloc;
    kb_topology *topology;
    kb_sim *sim;
    kb_fabric *fabric;
    uint32_t slot;
    planned *plan;        /* borrowed, in order of issue; started in order of (at_fs, issue) */
    const int64_t *paces; /* NULL, or of each message: its flits come into being that far apart */
    uint32_t n_planned, n_started;
    uint32_t *order;
    uint64_t n_delivered, bytes_delivered, n_misplaced;
    uint32_t path;   /* of all messages: that of the last one, which is of others mostly */
    uint32_t traced; /* of the plan, when there are hops */
    kb_hop *hops;
} rig;

static inline void rig_deliver(void *self, const kb_message *message, uint32_t link, int64_t first,
                               kb_train flits) {
    rig *r = self;
    bool right = link == UINT32_MAX ? message->src == message->dst
                                    : kb_topology_links(r->topology)[link].dst == message->dst;
    bool tail = first + flits.count == message->n_flits;
    int64_t late_fs = kb_sim_now(r->sim) - flits.start_fs - flits.period_fs * (flits.count - 1);
    if (!right || (tail ? late_fs != 0 : late_fs < 0)) r->n_misplaced++;
    if (!tail) return;
    r->n_delivered++;
    r->bytes_delivered += (uint64_t)message->nbytes;
    if (message->tag < r->n_planned) r->plan[message->tag].end_fs = kb_sim_now(r->sim);
}

/* In two pieces, the second as long before its time as there is. */
static inline kb_status rig_send_paced(rig *r, const kb_send *send, int64_t pace_fs,
                                       uint32_t *handle, kb_error *err) {
    int64_t n_flits = send->nbytes > 1 ? send->nbytes : 1, n_first = (n_flits + 1) / 2;
    int64_t now = kb_sim_now(r->sim);
    KB_TRY(kb_fabric_open(r->fabric, send, handle, err));
    KB_TRY(kb_fabric_append(r->fabric, *handle, (kb_train){now, pace_fs, n_first}, err));
    if (n_first == n_flits) return KB_OK;
    kb_train rest = {now + n_first * pace_fs, pace_fs, n_flits - n_first};
    return kb_fabric_append(r->fabric, *handle, rest, err);
}

static inline void rig_start(void *self, uint32_t arg) {
    (void)arg;
    rig *r = self;
    for (; r->n_started < r->n_planned; r->n_started++) {
        const planned *next = &r->plan[r->order[r->n_started]];
        if (next->at_fs > kb_sim_now(r->sim)) {
            kb_sim_at(r->sim, r->slot, next->at_fs);
            return;
        }
        kb_error err = KB_ERROR_INIT;
        kb_send send = {next->src,    next->dst, KB_ANY_SLICE, 0, r->order[r->n_started],
                        next->nbytes, &r->path};
        uint32_t handle = 0;
        if (r->hops && r->order[r->n_started] == r->traced) kb_fabric_trace(r->fabric, r->hops);
        int64_t pace_fs = r->paces ? r->paces[r->order[r->n_started]] : 0;
        kb_status status = pace_fs ? rig_send_paced(r, &send, pace_fs, &handle, &err)
                                   : kb_fabric_send(r->fabric, &send, &handle, &err);
        if (status != KB_OK)
            (void)kb_error_set(kb_sim_fail(r->sim, status), status, "%s", err.message);
    }
}

static inline void rig_deinit(rig *r) {
    kb_fabric_destroy(r->fabric);
    kb_sim_destroy(r->sim);
    kb_topology_destroy(r->topology);
    free(r->order);
    CHECK_EQ(r->alloc.live_nbytes, 0);
}

static inline bool rig_init(rig *r, const graph *g, kb_deliver deliver) {
    *r = (rig){.alloc = kb_alloc_system()};
    r->topology = graph_build(g, &r->alloc);
    bool made =
        r->topology && CHECK_EQ(kb_sim_create(&r->alloc, &r->sim, NULL), KB_OK) &&
        CHECK_EQ(kb_fabric_create(&r->alloc, r->sim, r->topology, &r->fabric, NULL), KB_OK) &&
        CHECK_EQ(kb_sim_add_slot(r->sim, rig_start, r, 0, &r->slot, NULL), KB_OK);
    if (!made) {
        rig_deinit(r);
        return false;
    }
    for (uint32_t n = 0; n < g->n_nodes; n++)
        kb_fabric_set_sink(r->fabric, n, deliver, rig_deliver, r);
    return true;
}

/* Which of equal starts is issued first is their order in the plan. */
static inline void rig_plan(rig *r, planned *plan, uint32_t n_planned) {
    r->plan = plan;
    r->n_planned = n_planned;
    r->n_started = 0;
    free(r->order);
    r->order = malloc((n_planned + 1) * sizeof *r->order);
    uint32_t *other = malloc((n_planned + 1) * sizeof *other);
    for (uint32_t i = 0; i < n_planned; i++) {
        r->order[i] = i;
        plan[i].end_fs = -1;
    }
    for (uint32_t width = 1; width < n_planned; width *= 2) { /* merge sort: stable */
        for (uint32_t low = 0; low < n_planned; low += 2 * width) {
            uint32_t middle = low + width < n_planned ? low + width : n_planned;
            uint32_t high = middle + width < n_planned ? middle + width : n_planned;
            for (uint32_t i = low, a = low, b = middle; i < high; i++) {
                bool left =
                    a < middle && (b == high || plan[r->order[a]].at_fs <= plan[r->order[b]].at_fs);
                other[i] = left ? r->order[a++] : r->order[b++];
            }
        }
        uint32_t *sorted = other;
        other = r->order;
        r->order = sorted;
    }
    free(other);
    if (n_planned) kb_sim_at(r->sim, r->slot, plan[r->order[0]].at_fs);
}

static inline bool rig_run(rig *r) {
    kb_run_end end = KB_RUN_BUDGET;
    kb_error err = KB_ERROR_INIT;
    kb_status status = kb_sim_run(r->sim, KB_TIME_MAX, UINT64_MAX, &end, &err);
    if (status == KB_OK && end == KB_RUN_IDLE) status = kb_fabric_audit(r->fabric, &err);
    if (status != KB_OK) printf("# %s\n", err.message);
    return CHECK_EQ(status, KB_OK) && CHECK_EQ(end, KB_RUN_IDLE) && CHECK_EQ(r->n_misplaced, 0);
}

static inline uint64_t graph_random(uint64_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state * UINT64_C(0x2545F4914F6CDD1D) >> 16;
}

static inline int64_t graph_below(uint64_t *state, int64_t n) {
    return (int64_t)(graph_random(state) % (uint64_t)n);
}

#endif
