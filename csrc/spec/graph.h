/* The inside of a topology: the graph, and what the folder's other files need to fill and walk it.
 *
 * Built in one order - components, links' ends, then sealed - and never changed afterwards, except for
 * the caches of route.h.  Everything of constant size lives in the arena.
 */
#ifndef KB_SPEC_GRAPH_H
#define KB_SPEC_GRAPH_H

#include <stdatomic.h>

#include "base/arena.h"
#include "base/vec.h"
#include "spec/channel.h"
#include "spec/hierarchy.h"
#include "spec/route.h"
#include "spec/topology.h"

enum {
    KB_GRAPH_MAX_PARTS = 1 << 22, /* nodes + links */
    KB_GRAPH_MAX_NAME = 255       /* bytes */
};

/* A mesh of transit nodes: router (x, y) is node first + y * nx + x. */
typedef struct kb_mesh {
    uint32_t first;
    int32_t nx, ny;
    bool wrap;
} kb_mesh;

/* What the explicit form wrote, for kb_topology_to_yaml: service times are rounded, rates are not. */
typedef struct kb_link_rate {
    kb_ratio rate; /* fs per byte */
    int64_t latency_fs;
    int64_t dateline; /* of explicit links: 0 or 1 */
} kb_link_rate;

typedef struct kb_mesh_text {
    const char *name;
    int64_t overhead_fs;
    kb_transit transit;
    kb_link_rate link;
} kb_mesh_text;

struct kb_topology {
    atomic_flag busy; /* held while a route or the text is made: threads share a topology */
    kb_alloc *alloc;  /* borrowed */
    kb_arena arena;
    int64_t flit_nbytes;
    kb_fabric_mode mode;
    KB_VEC(kb_node) nodes;
    KB_VEC(kb_link) links;
    KB_VEC(kb_mesh) meshes;
    KB_VEC(kb_params_hbm) hbms; /* of explicit memories, by kb_node.params */
    KB_VEC(kb_dram *) drams;    /* in the arena, in parallel */
    KB_VEC(kb_params_sram) srams;
    uint32_t *names;     /* open addressing: node id + 1, by hash of the name; 0 is free */
    size_t n_names;      /* a power of two, or 0 */
    uint32_t *first_out; /* sealed: links of node n are out[first_out[n] .. first_out[n + 1]), */
    uint32_t *out;       /*         by (destination, link id) */
    uint32_t *first_in;  /* sealed: the same for links that arrive */
    uint32_t *in;
    kb_system system;
    kb_hierarchy machine;
    kb_routes routes;
    kb_channels channels;
    KB_VEC(const char *) warnings; /* texts in the arena */
    /* explicit part, in order of definition */
    uint32_t n_components; /* nodes 0 .. n_components - 1 */
    uint32_t first_link;   /* explicit links are the last: first_link .. n_links - 1 */
    KB_VEC(kb_link_rate) link_texts;
    KB_VEC(kb_mesh_text) mesh_texts;
    KB_VEC(char) yaml; /* made by kb_topology_to_yaml, once */
};

/* Adds a node and takes its name's text over into the topology.  `node->name` must be new: when it is not,
 * *id is the node that has it and the result is KB_INVALID without a message. */
kb_status kb_graph_add_node(kb_topology *topology, const kb_node *node, uint32_t *id,
                            kb_error *err) KB_MUST_CHECK;

/* Notes a warning. */
kb_status kb_graph_warn(kb_topology *topology, kb_error *err, const char *format, ...)
    KB_PRINTF(3, 4) KB_MUST_CHECK;

/* Adds a directed link; s = ceil(flit bytes * rate). */
kb_status kb_graph_add_link(kb_topology *topology, uint32_t src, uint32_t dst, kb_ratio rate,
                            int64_t latency_fs, kb_error *err) KB_MUST_CHECK;

/* The four (or, in a torus, wrapped) neighbours of every router, both ways: links of mesh `index`. */
kb_status kb_graph_add_mesh_links(kb_topology *topology, const kb_mesh *mesh, kb_ratio rate,
                                  int64_t latency_fs, kb_error *err) KB_MUST_CHECK;

/* Sorts the links by their ends; nothing can be added after it. */
kb_status kb_graph_seal(kb_topology *topology, kb_error *err) KB_MUST_CHECK;

/* Waits for its turn; a route takes microseconds. */
static inline void kb_graph_lock(kb_topology *topology) {
    while (atomic_flag_test_and_set_explicit(&topology->busy, memory_order_acquire)) {
    }
}

static inline void kb_graph_unlock(kb_topology *topology) {
    atomic_flag_clear_explicit(&topology->busy, memory_order_release);
}

/* UINT32_MAX when no node has the name. */
uint32_t kb_graph_find(const kb_topology *topology, const char *name);

/* The known name that is nearest to a wrong one; NULL when none is near. */
const char *kb_graph_nearest(const kb_topology *topology, const char *name);

/* The first link from src to dst of a sealed graph; UINT32_MAX when there is none. */
uint32_t kb_graph_link(const kb_topology *topology, uint32_t src, uint32_t dst);

/* One step from coordinate a towards b on an axis of n: +1, -1, or 0 when there.  On a ring the shorter
 * way; both equally long: + if a is even, else - (ADR-0037 D8). */
int32_t kb_axis_step(int32_t a, int32_t b, int32_t n, bool wrap);

bool kb_impl_forwards(kb_impl impl);

#endif
