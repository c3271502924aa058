#include "spec/graph.h"
#include "spec/hierarchy.h"
#include "spec/layout.h"

/* Walks the machine, from node to linked node. */
typedef struct walk {
    kb_topology *topology;
    kb_error *err;
    uint32_t at;
} walk;

static kb_status step(walk *w, uint32_t to) {
    uint32_t link = kb_graph_link(w->topology, w->at, to);
    if (link == UINT32_MAX)
        return kb_error_set(w->err, KB_INTERNAL, "expected a link from %s to %s in the machine",
                            w->topology->nodes.items[w->at].name,
                            w->topology->nodes.items[to].name);
    w->at = to;
    return kb_route_push(w->topology, link, w->err);
}

static kb_status to_router(walk *w, uint32_t router) {
    uint32_t from = w->at;
    w->at = router;
    return kb_route_mesh(w->topology, from, router, w->err);
}

/* From a router of a cube to the facing router of its neighbour on one side. */
static kb_status to_neighbour(walk *w, int64_t sip, int64_t cube, int side, int64_t next) {
    const kb_topology *topology = w->topology;
    int64_t exit = kb_layout_side_router(&topology->system, side);
    int64_t entry = kb_layout_side_router(&topology->system, side ^ 1);
    KB_TRY(to_router(w, kb_layout_cube(topology, sip, cube, exit)));
    KB_TRY(step(w, kb_layout_side(topology, sip, cube, side)));
    KB_TRY(step(w, kb_layout_side(topology, sip, next, side ^ 1)));
    return step(w, kb_layout_cube(topology, sip, next, entry));
}

static kb_status to_cube(walk *w, int64_t sip, int64_t from, int64_t to) {
    int64_t width = w->topology->system.cubes_x;
    for (int64_t at = from, next; at != to; at = next) {
        bool in_column = at % width == to % width;
        int side = in_column ? (to > at ? KB_SOUTH : KB_NORTH)
                             : (to % width > at % width ? KB_EAST : KB_WEST);
        int64_t distance = in_column ? width : 1;
        next = side == KB_EAST || side == KB_SOUTH ? at + distance : at - distance;
        KB_TRY(to_neighbour(w, sip, at, side, next));
    }
    return KB_OK;
}

static kb_status cube_to_io(walk *w, int64_t sip, int64_t cube) {
    const kb_topology *topology = w->topology;
    int64_t width = topology->system.cubes_x, row = cube / width;
    KB_TRY(to_cube(w, sip, cube, row * width));
    int64_t exit = kb_layout_side_router(&topology->system, KB_WEST);
    KB_TRY(to_router(w, kb_layout_cube(topology, sip, row * width, exit)));
    KB_TRY(step(w, kb_layout_side(topology, sip, row * width, KB_WEST)));
    KB_TRY(step(w, kb_layout_io(topology, sip, KB_IO_UCIE + row)));
    return step(w, kb_layout_io(topology, sip, KB_IO_XBAR));
}

static kb_status io_to_cube(walk *w, int64_t sip, int64_t cube) {
    const kb_topology *topology = w->topology;
    int64_t width = topology->system.cubes_x, row = cube / width;
    int64_t entry = kb_layout_side_router(&topology->system, KB_WEST);
    KB_TRY(step(w, kb_layout_io(topology, sip, KB_IO_UCIE + row)));
    KB_TRY(step(w, kb_layout_side(topology, sip, row * width, KB_WEST)));
    KB_TRY(step(w, kb_layout_cube(topology, sip, row * width, entry)));
    return to_cube(w, sip, row * width, cube);
}

/* From the crossbar of a SIP to the switch, and back. */
static kb_status to_switch(walk *w, int64_t sip) {
    KB_TRY(step(w, kb_layout_c2c(w->topology, sip, 0)));
    return step(w, w->topology->machine.fabric_switch);
}

static kb_status from_switch(walk *w, int64_t sip) {
    KB_TRY(step(w, kb_layout_c2c(w->topology, sip, 0)));
    return step(w, kb_layout_io(w->topology, sip, KB_IO_XBAR));
}

static kb_status to_sip(walk *w, int64_t from, int64_t to) {
    const kb_topology *topology = w->topology;
    const kb_system *system = &topology->system;
    if (system->params.fabric.kind == KB_FABRIC_SWITCH) {
        KB_TRY(to_switch(w, from));
        return from_switch(w, to);
    }
    int32_t nx = (int32_t)system->fabric_x, ny = (int32_t)system->fabric_y;
    bool wrap = kb_layout_fabric_wraps(system);
    for (int64_t at = from, next; at != to; at = next) {
        int32_t x = kb_axis_step((int32_t)(at % nx), (int32_t)(to % nx), nx, wrap);
        int32_t y = x ? 0 : kb_axis_step((int32_t)(at / nx), (int32_t)(to / nx), ny, wrap);
        /* a ring of two has one link, whichever way round it is called */
        if (x && nx == 2) x = at % nx == 0 ? 1 : -1;
        if (y && ny == 2) y = at / nx == 0 ? 1 : -1;
        int direction = x ? (x > 0 ? KB_PLUS_X : KB_MINUS_X) : (y > 0 ? KB_PLUS_Y : KB_MINUS_Y);
        next = kb_layout_neighbour(system, at, direction);
        KB_TRY(step(w, kb_layout_c2c(topology, at, direction)));
        KB_TRY(step(w, kb_layout_c2c(topology, next, direction ^ 1)));
        KB_TRY(step(w, kb_layout_io(topology, next, KB_IO_XBAR)));
    }
    return KB_OK;
}

/* The link of an HBM's port: inwards, or outwards. */
static uint32_t port_link(const kb_topology *topology, uint32_t hbm, int32_t port, int32_t pe,
                          bool outwards) {
    const kb_node *node = &topology->nodes.items[hbm];
    int64_t n_ports = topology->system.params.hbm.remote_ports;
    int64_t pair = port == n_ports ? n_ports + pe : port;
    uint32_t first = topology->machine.ports[node->sip * topology->machine.n_cubes + node->cube];
    return first + (uint32_t)(2 * pair) + (outwards ? 1 : 0);
}

/* From a part to what forwards for it: its router, or the crossbar of its (or, from the host, the other
 * end's) IO chiplet. */
static kb_status leave(walk *w, uint32_t src, int32_t port, int32_t dst_sip) {
    const kb_topology *topology = w->topology;
    const kb_node *node = &topology->nodes.items[src];
    w->at = src;
    if (node->impl == KB_IMPL_HOST) {
        KB_TRY(step(w, kb_layout_io(topology, dst_sip, KB_IO_HOST)));
        return step(w, kb_layout_io(topology, dst_sip, KB_IO_XBAR));
    }
    if (node->impl == KB_IMPL_IO_CPU) return step(w, kb_layout_io(topology, node->sip, KB_IO_XBAR));
    uint32_t router = kb_layout_router(topology, src, port);
    if (node->impl != KB_IMPL_HBM) return step(w, router);
    w->at = router;
    return kb_route_push(w->topology, port_link(topology, src, port, -1, true), w->err);
}

static kb_status arrive(walk *w, uint32_t dst, int32_t port) {
    const kb_topology *topology = w->topology;
    const kb_node *node = &topology->nodes.items[dst];
    if (node->impl == KB_IMPL_HOST)
        KB_TRY(step(w, kb_layout_io(topology, topology->nodes.items[w->at].sip, KB_IO_HOST)));
    if (node->cube >= 0) KB_TRY(to_router(w, kb_layout_router(topology, dst, port)));
    if (node->impl != KB_IMPL_HBM) return step(w, dst);
    return kb_route_push(w->topology, port_link(topology, dst, port, -1, false), w->err);
}

static kb_status route_own_port(kb_topology *topology, uint32_t src, uint32_t dst, kb_error *err) {
    const kb_node *nodes = topology->nodes.items;
    int32_t port = (int32_t)topology->system.params.hbm.remote_ports;
    bool outwards = nodes[src].impl == KB_IMPL_HBM;
    uint32_t hbm = outwards ? src : dst, dma = outwards ? dst : src;
    return kb_route_push(topology, port_link(topology, hbm, port, nodes[dma].pe, outwards), err);
}

kb_status kb_hierarchy_route(kb_topology *topology, uint32_t src, uint32_t dst, int32_t port,
                             kb_error *err) {
    const kb_node *from = &topology->nodes.items[src], *to = &topology->nodes.items[dst];
    if (port == topology->system.params.hbm.remote_ports)
        return route_own_port(topology, src, dst, err);
    if (src == dst && from->impl == KB_IMPL_HOST) return KB_OK;
    walk w = {topology, err, src};
    if (from->impl == KB_IMPL_SWITCH) {
        KB_TRY(from_switch(&w, to->sip));
        if (to->cube >= 0) KB_TRY(io_to_cube(&w, to->sip, to->cube));
        return arrive(&w, dst, port);
    }
    KB_TRY(leave(&w, src, port, to->sip));
    int32_t sip = from->impl == KB_IMPL_HOST ? to->sip : from->sip;
    bool same_sip = to->sip == sip, in_cubes = from->cube >= 0 && to->cube >= 0;
    if (same_sip && in_cubes) {
        KB_TRY(to_cube(&w, sip, from->cube, to->cube));
        return arrive(&w, dst, port);
    }
    if (from->cube >= 0) KB_TRY(cube_to_io(&w, sip, from->cube));
    if (to->impl == KB_IMPL_SWITCH) return to_switch(&w, sip);
    if (!same_sip && to->sip >= 0) KB_TRY(to_sip(&w, sip, to->sip));
    if (to->cube >= 0) KB_TRY(io_to_cube(&w, to->sip, to->cube));
    return arrive(&w, dst, port);
}

static bool is_end(const kb_topology *topology, uint32_t node) {
    static const bool sinks[KB_IMPL_COUNT] = {
#define X(name, text, forwards, sinks_) sinks_,
        KB_IMPL_LIST(X)
#undef X
    };
    return node >= topology->machine.first && node < topology->machine.end &&
           sinks[topology->nodes.items[node].impl];
}

bool kb_hierarchy_joins(const kb_topology *topology, uint32_t src, uint32_t dst) {
    const kb_node *from = &topology->nodes.items[src], *to = &topology->nodes.items[dst];
    if (!is_end(topology, src) || !is_end(topology, dst)) return false;
    bool switched = from->impl == KB_IMPL_SWITCH || to->impl == KB_IMPL_SWITCH;
    return !switched || from->sip >= 0 || to->sip >= 0;
}

kb_status kb_hierarchy_port(const kb_topology *topology, uint32_t src, uint32_t dst, int32_t slice,
                            int32_t *port, kb_error *err) {
    const kb_node *nodes = topology->nodes.items;
    const kb_system *system = &topology->system;
    bool to_hbm = nodes[dst].impl == KB_IMPL_HBM;
    const kb_node *hbm = to_hbm ? &nodes[dst] : &nodes[src];
    const kb_node *other = to_hbm ? &nodes[src] : &nodes[dst];
    *port = -1;
    if (!kb_hierarchy_joins(topology, src, dst)) return KB_OK;
    if (hbm->impl != KB_IMPL_HBM) return KB_OK;
    if (slice != KB_ANY_SLICE && (slice < 0 || slice >= system->n_slices))
        return kb_error_set(err, KB_INVALID, "expected a slice of %s from 0 to %lld, got %d",
                            hbm->name, (long long)system->n_slices - 1, (int)slice);
    int64_t n_ports = system->params.hbm.remote_ports;
    bool own = system->params.hbm.attach == KB_HBM_PER_PE && other->impl == KB_IMPL_PE_DMA &&
               other->sip == hbm->sip && other->cube == hbm->cube;
    if (own && (slice == KB_ANY_SLICE || slice == other->pe)) *port = (int32_t)n_ports;
    else *port = (int32_t)((slice == KB_ANY_SLICE ? 0 : slice) * n_ports / system->n_slices);
    return KB_OK;
}
