#include "spec/route.h"

#include <string.h>

#include "base/checked.h"
#include "base/hash.h"
#include "spec/graph.h"

enum { MAX_TREE_ENTRIES = 16 << 20 };

/* --- the search ------------------------------------------------------------------------------- */

typedef struct heap_item {
    int64_t cost_fs;
    uint32_t node;
} heap_item;

typedef struct search {
    const kb_topology *topology;
    uint32_t dst;
    int64_t *cost_fs; /* from each node to dst; INT64_MAX: no way known */
    heap_item *heap;  /* least cost first; holds outdated items too */
    size_t n_heap, heap_capacity;
} search;

static void heap_push(search *s, heap_item item) {
    size_t at = s->n_heap++;
    for (; at > 0 && s->heap[(at - 1) / 2].cost_fs > item.cost_fs; at = (at - 1) / 2)
        s->heap[at] = s->heap[(at - 1) / 2];
    s->heap[at] = item;
}

static heap_item heap_pop(search *s) {
    heap_item top = s->heap[0], moved = s->heap[--s->n_heap];
    size_t at = 0;
    for (size_t child = 1; child < s->n_heap; child = 2 * at + 1) {
        if (child + 1 < s->n_heap && s->heap[child + 1].cost_fs < s->heap[child].cost_fs) child++;
        if (s->heap[child].cost_fs >= moved.cost_fs) break;
        s->heap[at] = s->heap[child];
        at = child;
    }
    s->heap[at] = moved;
    return top;
}

/* o + s + p of one flit over a link, added to `rest`; INT64_MAX when that is no int64 */
static int64_t cost_over(const kb_topology *topology, uint32_t link_id, int64_t rest) {
    const kb_link *link = &topology->links.items[link_id];
    int64_t cost_fs = rest;
    bool overflow = kb_add_i64(cost_fs, link->service_fs, &cost_fs) ||
                    kb_add_i64(cost_fs, link->latency_fs, &cost_fs) ||
                    kb_add_i64(cost_fs, topology->nodes.items[link->src].overhead_fs, &cost_fs);
    return overflow ? INT64_MAX : cost_fs;
}

static bool may_pass(const search *s, uint32_t node) {
    return node == s->dst || kb_impl_forwards(s->topology->nodes.items[node].impl);
}

/* Dijkstra's algorithm, against the links, from the destination. */
static void find_costs(search *s) {
    const kb_topology *topology = s->topology;
    for (size_t n = 0; n < topology->nodes.count; n++) s->cost_fs[n] = INT64_MAX;
    s->cost_fs[s->dst] = 0;
    heap_push(s, (heap_item){0, s->dst});
    while (s->n_heap) {
        heap_item item = heap_pop(s);
        if (item.cost_fs > s->cost_fs[item.node] || !may_pass(s, item.node)) continue;
        for (uint32_t i = topology->first_in[item.node]; i < topology->first_in[item.node + 1];
             i++) {
            uint32_t from = topology->links.items[topology->in[i]].src;
            int64_t cost_fs = cost_over(topology, topology->in[i], item.cost_fs);
            if (cost_fs >= s->cost_fs[from]) continue;
            s->cost_fs[from] = cost_fs;
            heap_push(s, (heap_item){cost_fs, from});
        }
    }
}

/* Links leave a node in order of their far ends, so the first that keeps the cost is the least. */
static uint32_t next_link(const search *s, uint32_t node) {
    const kb_topology *topology = s->topology;
    if (node == s->dst || s->cost_fs[node] == INT64_MAX) return UINT32_MAX;
    for (uint32_t i = topology->first_out[node]; i < topology->first_out[node + 1]; i++) {
        uint32_t link = topology->out[i], to = topology->links.items[link].dst;
        if (!may_pass(s, to) || s->cost_fs[to] == INT64_MAX) continue;
        if (cost_over(topology, link, s->cost_fs[to]) == s->cost_fs[node]) return link;
    }
    return UINT32_MAX;
}

static kb_status run_search(const kb_topology *topology, uint32_t dst, uint32_t *next,
                            kb_error *err) {
    size_t n_nodes = topology->nodes.count;
    search s = {.topology = topology, .dst = dst, .heap_capacity = topology->links.count + 1};
    s.cost_fs = kb_alloc_resize(topology->alloc, NULL, 0, n_nodes, sizeof *s.cost_fs);
    s.heap = kb_alloc_resize(topology->alloc, NULL, 0, s.heap_capacity, sizeof *s.heap);
    bool ready = s.cost_fs && s.heap;
    if (ready) {
        find_costs(&s);
        for (size_t n = 0; n < n_nodes; n++) next[n] = next_link(&s, (uint32_t)n);
    }
    kb_alloc_free(topology->alloc, s.heap, s.heap_capacity, sizeof *s.heap);
    kb_alloc_free(topology->alloc, s.cost_fs, n_nodes, sizeof *s.cost_fs);
    return ready ? KB_OK : kb_error_nomem(err, "the search for a route");
}

static void free_trees(kb_topology *topology) {
    kb_routes *routes = &topology->routes;
    size_t n_nodes = topology->nodes.count;
    for (size_t n = 0; routes->trees && n < n_nodes; n++) {
        kb_alloc_free(topology->alloc, routes->trees[n], n_nodes, sizeof **routes->trees);
        routes->trees[n] = NULL;
    }
    routes->n_trees = 0;
}

/* The next links towards dst; made when they are first asked for. */
static kb_status find_tree(kb_topology *topology, uint32_t dst, const uint32_t **next,
                           kb_error *err) {
    kb_routes *routes = &topology->routes;
    size_t n_nodes = topology->nodes.count;
    if (!routes->trees) {
        routes->trees = kb_alloc_zeroed(topology->alloc, n_nodes, sizeof *routes->trees);
        if (!routes->trees) return kb_error_nomem(err, "the search for a route");
    }
    if (!routes->trees[dst]) {
        if ((routes->n_trees + 1) * n_nodes > MAX_TREE_ENTRIES) free_trees(topology);
        uint32_t *made = kb_alloc_zeroed(topology->alloc, n_nodes, sizeof *made);
        if (!made) return kb_error_nomem(err, "the search for a route");
        kb_status status = run_search(topology, dst, made, err);
        if (status != KB_OK) {
            kb_alloc_free(topology->alloc, made, n_nodes, sizeof *made);
            return status;
        }
        routes->trees[dst] = made;
        routes->n_trees++;
    }
    *next = routes->trees[dst];
    return KB_OK;
}

/* --- making a route --------------------------------------------------------------------------- */

static inline kb_status push(kb_topology *topology, uint32_t link, kb_error *err) {
    uint32_t *slot = KB_VEC_PUSH(&topology->routes.trail, topology->alloc);
    if (!slot) return kb_error_nomem(err, "a route");
    *slot = link;
    return KB_OK;
}

kb_status kb_route_push(kb_topology *topology, uint32_t link, kb_error *err) {
    return push(topology, link, err);
}

kb_status kb_route_mesh(kb_topology *topology, uint32_t from, uint32_t to, kb_error *err) {
    const kb_node *nodes = topology->nodes.items;
    const kb_mesh *mesh = &topology->meshes.items[nodes[from].mesh];
    int32_t x = nodes[from].x, y = nodes[from].y;
    for (uint32_t at = from; at != to;) {
        int32_t step_x = kb_axis_step(x, nodes[to].x, mesh->nx, mesh->wrap);
        int32_t step_y = step_x ? 0 : kb_axis_step(y, nodes[to].y, mesh->ny, mesh->wrap);
        x = (x + step_x + mesh->nx) % mesh->nx;
        y = (y + step_y + mesh->ny) % mesh->ny;
        uint32_t next = mesh->first + (uint32_t)(y * mesh->nx + x);
        KB_TRY(kb_route_push(topology, kb_graph_link(topology, at, next), err));
        at = next;
    }
    return KB_OK;
}

static kb_status follow_tree(kb_topology *topology, uint32_t src, uint32_t dst,
                             const uint32_t *next, bool straighten, kb_error *err) {
    const kb_node *nodes = topology->nodes.items;
    const kb_link *links = topology->links.items;
    for (uint32_t at = src; at != dst;) {
        uint32_t end = at;
        while (straighten && nodes[at].mesh >= 0 && end != dst &&
               nodes[links[next[end]].dst].mesh == nodes[at].mesh)
            end = links[next[end]].dst;
        if (end != at) {
            KB_TRY(kb_route_mesh(topology, at, end, err));
            at = end;
        } else {
            KB_TRY(push(topology, next[at], err));
            at = links[next[at]].dst;
        }
    }
    return KB_OK;
}

static bool repeats_a_link(const kb_topology *topology) {
    const uint32_t *trail = topology->routes.trail.items;
    if (topology->meshes.count == 0) return false;
    for (size_t i = 1; i < topology->routes.trail.count; i++)
        for (size_t j = 0; j < i; j++)
            if (trail[i] == trail[j]) return true;
    return false;
}

/* From a node to itself: through the cheapest transit node that it is linked with both ways, if any. */
static kb_status route_home(kb_topology *topology, uint32_t node, kb_error *err) {
    const kb_node *nodes = topology->nodes.items;
    uint32_t best_there = UINT32_MAX, best_back = UINT32_MAX;
    int64_t best_fs = INT64_MAX;
    if (kb_impl_forwards(nodes[node].impl)) return KB_OK;
    for (uint32_t i = topology->first_out[node]; i < topology->first_out[node + 1]; i++) {
        uint32_t there = topology->out[i], router = topology->links.items[there].dst;
        uint32_t back = kb_graph_link(topology, router, node);
        if (!kb_impl_forwards(nodes[router].impl) || back == UINT32_MAX) continue;
        int64_t cost_fs = cost_over(topology, there, cost_over(topology, back, 0));
        if (cost_fs >= best_fs) continue;
        best_fs = cost_fs, best_there = there, best_back = back;
    }
    if (best_there == UINT32_MAX) return KB_OK;
    KB_TRY(kb_route_push(topology, best_there, err));
    return kb_route_push(topology, best_back, err);
}

static kb_status route_by_cost(kb_topology *topology, uint32_t src, uint32_t dst, kb_error *err) {
    if (src == dst) return route_home(topology, src, err);
    const uint32_t *next = NULL;
    KB_TRY(find_tree(topology, dst, &next, err));
    if (next[src] == UINT32_MAX)
        return kb_error_set(err, KB_TOPOLOGY,
                            "expected a path from %s to %s, got none; only transit components "
                            "forward, and links go one way unless they say `both: true`",
                            topology->nodes.items[src].name, topology->nodes.items[dst].name);
    KB_TRY(follow_tree(topology, src, dst, next, topology->meshes.count > 0, err));
    if (!repeats_a_link(topology)) return KB_OK;
    topology->routes.trail.count = 0;
    return follow_tree(topology, src, dst, next, false, err);
}

/* --- the cache -------------------------------------------------------------------------------- */

static size_t route_slot(const kb_routes *routes, uint32_t src, uint32_t dst, int32_t port) {
    uint64_t hash = kb_hash_u64(KB_HASH_SEED, (uint64_t)src << 32 | dst);
    hash = kb_hash_finish(kb_hash_u64(hash, (uint64_t)(int64_t)port));
    size_t mask = routes->n_slots - 1, slot = (size_t)hash & mask;
    for (; routes->slots[slot]; slot = (slot + 1) & mask) {
        const kb_route *route = &routes->found.items[routes->slots[slot] - 1];
        if (route->src == src && route->dst == dst && route->port == port) break;
    }
    return slot;
}

static kb_status grow_slots(kb_topology *topology, kb_error *err) {
    kb_routes *routes = &topology->routes;
    if (routes->found.count * 2 < routes->n_slots) return KB_OK;
    size_t n_old = routes->n_slots, n_new = n_old ? n_old * 2 : 64;
    uint32_t *slots = kb_alloc_zeroed(topology->alloc, n_new, sizeof *slots);
    if (!slots) return kb_error_nomem(err, "the routes");
    kb_alloc_free(topology->alloc, routes->slots, n_old, sizeof *slots);
    routes->slots = slots;
    routes->n_slots = n_new;
    for (size_t i = 0; i < routes->found.count; i++) {
        const kb_route *route = &routes->found.items[i];
        slots[route_slot(routes, route->src, route->dst, route->port)] = (uint32_t)i + 1;
    }
    return KB_OK;
}

kb_status kb_route_make(kb_topology *topology, uint32_t src, uint32_t dst, int32_t port,
                        kb_error *err) {
    topology->routes.trail.count = 0;
    if (kb_hierarchy_joins(topology, src, dst))
        return kb_hierarchy_route(topology, src, dst, port, err);
    return route_by_cost(topology, src, dst, err);
}

static kb_status add_route(kb_topology *topology, kb_route wanted, kb_error *err) {
    kb_routes *routes = &topology->routes;
    KB_TRY(kb_route_make(topology, wanted.src, wanted.dst, wanted.port, err));
    size_t n_links = routes->trail.count;
    uint32_t *links = kb_arena_take(&topology->arena, n_links, sizeof *links);
    uint8_t *channels = NULL;
    if (topology->channels.many) {
        channels = kb_arena_take(&topology->arena, n_links, sizeof *channels);
        if (!channels) return kb_error_nomem(err, "a route");
        kb_channels_follow(topology, routes->trail.items, n_links, channels);
    }
    kb_route *route = links ? KB_VEC_PUSH(&routes->found, topology->alloc) : NULL;
    if (!route) return kb_error_nomem(err, "a route");
    if (n_links) memcpy(links, routes->trail.items, n_links * sizeof *links);
    wanted.links = links;
    wanted.channels = channels;
    wanted.n_links = (uint32_t)n_links;
    *route = wanted;
    return KB_OK;
}

static kb_status find_route(kb_topology *topology, uint32_t src, uint32_t dst, int32_t slice,
                            const uint32_t **links, uint32_t *n_links, uint32_t *path,
                            kb_error *err) {
    kb_routes *routes = &topology->routes;
    kb_route wanted = {.src = src, .dst = dst};
    KB_TRY(kb_hierarchy_port(topology, src, dst, slice, &wanted.port, err));
    KB_TRY(grow_slots(topology, err));
    size_t slot = route_slot(routes, src, dst, wanted.port);
    if (!routes->slots[slot]) {
        KB_TRY(add_route(topology, wanted, err));
        routes->slots[slot] = (uint32_t)routes->found.count;
    }
    *path = routes->slots[slot] - 1;
    *links = routes->found.items[*path].links;
    *n_links = routes->found.items[*path].n_links;
    return KB_OK;
}

kb_status kb_topology_path(kb_topology *topology, uint32_t src, uint32_t dst, int32_t slice,
                           const uint32_t **links, uint32_t *n_links, uint32_t *path,
                           kb_error *err) {
    if (src >= topology->nodes.count || dst >= topology->nodes.count)
        return kb_error_set(err, KB_INVALID, "expected node ids below %zu, got %u and %u",
                            topology->nodes.count, src, dst);
    kb_graph_lock(topology);
    kb_status status = find_route(topology, src, dst, slice, links, n_links, path, err);
    kb_graph_unlock(topology);
    return status;
}

const uint8_t *kb_topology_channels(kb_topology *topology, uint32_t path) {
    if (!topology->channels.many) return NULL;
    kb_graph_lock(topology);
    const uint8_t *channels = topology->routes.found.items[path].channels;
    kb_graph_unlock(topology);
    return channels;
}

void kb_routes_deinit(kb_topology *topology) {
    kb_routes *routes = &topology->routes;
    free_trees(topology);
    kb_alloc_free(topology->alloc, routes->trees, topology->nodes.count, sizeof *routes->trees);
    kb_alloc_free(topology->alloc, routes->slots, routes->n_slots, sizeof *routes->slots);
    KB_VEC_FREE(&routes->found, topology->alloc);
    KB_VEC_FREE(&routes->trail, topology->alloc);
}
