/* Routes: which links a message takes (ADR-0037 D8).
 *
 * Between two ends of the hierarchical machine: machine.h.  Otherwise the least sum of o + s + p of one
 * flit, where o counts for nodes that send or forward and only transit nodes forward; equal sums: the
 * lexicographically least list of node ids.  Whatever a route crosses of one mesh in one run is then
 * replaced by the dimension-ordered run, x first, between the same two routers (unless a route that
 * crosses the mesh several times would then use a link twice: it keeps its shortest form).
 *
 * One search answers for every source, so its result, the next link of each node towards one
 * destination, is kept; so is every path that was asked for.
 */
#ifndef KB_SPEC_ROUTE_H
#define KB_SPEC_ROUTE_H

#include "base/vec.h"
#include "spec/topology.h"

typedef struct kb_route {
    uint32_t src, dst;
    int32_t port;
    uint32_t n_links;
    const uint32_t *links;   /* in the topology's arena */
    const uint8_t *channels; /* likewise; NULL: the topology has one channel everywhere */
} kb_route;

/* Zero-initialised; belongs to a topology. */
typedef struct kb_routes {
    KB_VEC(kb_route) found; /* by path number */
    uint32_t *slots;        /* open addressing: path number + 1, by hash of (src, dst, port) */
    size_t n_slots;         /* a power of two, or 0 */
    KB_VEC(uint32_t) trail; /* the route that is being made */
    uint32_t **trees;       /* by destination: the next link of each node, or NULL */
    size_t n_trees;
} kb_routes;

void kb_routes_deinit(kb_topology *topology);

/* Fills topology->routes.trail with the links of (src, dst, port), which it does not look for among those
 * found. */
kb_status kb_route_make(kb_topology *topology, uint32_t src, uint32_t dst, int32_t port,
                        kb_error *err) KB_MUST_CHECK;

/* Appends a link to topology->routes.trail. */
kb_status kb_route_push(kb_topology *topology, uint32_t link, kb_error *err) KB_MUST_CHECK;

/* Appends the dimension-ordered run between two routers of one mesh. */
kb_status kb_route_mesh(kb_topology *topology, uint32_t from, uint32_t to,
                        kb_error *err) KB_MUST_CHECK;

#endif
