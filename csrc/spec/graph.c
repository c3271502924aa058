#include "spec/graph.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/checked.h"
#include "base/hash.h"
#include "spec/nearest.h"

enum { MAX_COMPARED = 100000 };

static uint64_t hash_name(const char *name) {
    return kb_hash_finish(kb_hash_bytes(KB_HASH_SEED, name, strlen(name)));
}

/* The slot that holds a name, or the free one where it would go. */
static size_t name_slot(const kb_topology *topology, const char *name) {
    size_t mask = topology->n_names - 1;
    size_t slot = (size_t)hash_name(name) & mask;
    for (; topology->names[slot]; slot = (slot + 1) & mask)
        if (strcmp(topology->nodes.items[topology->names[slot] - 1].name, name) == 0) break;
    return slot;
}

static kb_status grow_names(kb_topology *topology, kb_error *err) {
    if (topology->nodes.count * 2 < topology->n_names) return KB_OK;
    size_t n_old = topology->n_names;
    uint32_t *old = topology->names;
    size_t n_slots = n_old ? n_old * 2 : 64;
    uint32_t *slots = kb_alloc_zeroed(topology->alloc, n_slots, sizeof *slots);
    if (!slots) return kb_error_nomem(err, "the topology's names");
    topology->names = slots;
    topology->n_names = n_slots;
    for (size_t i = 0; i < n_old; i++)
        if (old[i]) slots[name_slot(topology, topology->nodes.items[old[i] - 1].name)] = old[i];
    kb_alloc_free(topology->alloc, old, n_old, sizeof *old);
    return KB_OK;
}

uint32_t kb_graph_find(const kb_topology *topology, const char *name) {
    if (!topology->n_names) return UINT32_MAX;
    return topology->names[name_slot(topology, name)] - 1;
}

const char *kb_graph_nearest(const kb_topology *topology, const char *name) {
    kb_nearest nearest = kb_nearest_start(name, strlen(name));
    for (size_t i = 0; i < topology->nodes.count && i < MAX_COMPARED; i++)
        kb_nearest_offer(&nearest, topology->nodes.items[i].name,
                         strlen(topology->nodes.items[i].name));
    return nearest.best;
}

static kb_status check_size(const kb_topology *topology, kb_error *err) {
    if (topology->nodes.count + topology->links.count < KB_GRAPH_MAX_PARTS) return KB_OK;
    return kb_error_set(err, KB_TOPOLOGY, "expected at most %d nodes and links, got more",
                        (int)KB_GRAPH_MAX_PARTS);
}

kb_status kb_graph_add_node(kb_topology *topology, const kb_node *node, uint32_t *id,
                            kb_error *err) {
    KB_TRY(check_size(topology, err));
    KB_TRY(grow_names(topology, err));
    size_t slot = name_slot(topology, node->name);
    if (topology->names[slot]) {
        *id = topology->names[slot] - 1;
        return KB_INVALID;
    }
    const char *name = kb_arena_copy_text(&topology->arena, node->name, strlen(node->name));
    kb_node *added = name ? KB_VEC_PUSH(&topology->nodes, topology->alloc) : NULL;
    if (!added) return kb_error_nomem(err, "the topology's nodes");
    *added = *node;
    added->name = name;
    *id = (uint32_t)topology->nodes.count - 1;
    topology->names[slot] = *id + 1;
    return KB_OK;
}

kb_status kb_graph_warn(kb_topology *topology, kb_error *err, const char *format, ...) {
    char text[KB_ERROR_CAPACITY];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    const char *kept = kb_arena_copy_text(&topology->arena, text, strlen(text));
    const char **slot = kept ? KB_VEC_PUSH(&topology->warnings, topology->alloc) : NULL;
    if (!slot) return kb_error_nomem(err, "the topology's warnings");
    *slot = kept;
    return KB_OK;
}

kb_status kb_graph_add_link(kb_topology *topology, uint32_t src, uint32_t dst, kb_ratio rate,
                            int64_t latency_fs, kb_error *err) {
    int64_t service_fs;
    KB_TRY(check_size(topology, err));
    if (kb_ratio_scale(rate, topology->flit_nbytes, &service_fs))
        return kb_error_set(err, KB_TOPOLOGY,
                            "expected flits that take below 2^63 fs, got longer ones");
    kb_link *link = KB_VEC_PUSH(&topology->links, topology->alloc);
    if (!link) return kb_error_nomem(err, "the topology's links");
    *link = (kb_link){src, dst, service_fs, latency_fs};
    return KB_OK;
}

static kb_status add_pair(kb_topology *topology, uint32_t a, uint32_t b, kb_ratio rate,
                          int64_t latency_fs, kb_error *err) {
    KB_TRY(kb_graph_add_link(topology, a, b, rate, latency_fs, err));
    return kb_graph_add_link(topology, b, a, rate, latency_fs, err);
}

/* A ring of two would join the same pair twice: it has one link each way, as a line has. */
kb_status kb_graph_add_mesh_links(kb_topology *topology, const kb_mesh *mesh, kb_ratio rate,
                                  int64_t latency_fs, kb_error *err) {
    for (int32_t y = 0; y < mesh->ny; y++) {
        for (int32_t x = 0; x < mesh->nx; x++) {
            uint32_t here = mesh->first + (uint32_t)(y * mesh->nx + x);
            uint32_t row = mesh->first + (uint32_t)(y * mesh->nx);
            uint32_t column = mesh->first + (uint32_t)x;
            bool east = x + 1 < mesh->nx, south = y + 1 < mesh->ny;
            if (east) KB_TRY(add_pair(topology, here, here + 1, rate, latency_fs, err));
            else if (mesh->wrap && mesh->nx > 2)
                KB_TRY(add_pair(topology, here, row, rate, latency_fs, err));
            if (south)
                KB_TRY(add_pair(topology, here, here + (uint32_t)mesh->nx, rate, latency_fs, err));
            else if (mesh->wrap && mesh->ny > 2)
                KB_TRY(add_pair(topology, here, column, rate, latency_fs, err));
        }
    }
    return KB_OK;
}

/* Counting sort of the links by one end; stable, so equal ends keep the order of `order` (or of ids). */
static void sort_links(const kb_topology *topology, bool by_src, const uint32_t *order,
                       uint32_t *first, uint32_t *sorted) {
    const kb_link *links = topology->links.items;
    size_t n_nodes = topology->nodes.count, n_links = topology->links.count;
    memset(first, 0, (n_nodes + 2) * sizeof *first);
    for (size_t i = 0; i < n_links; i++) first[(by_src ? links[i].src : links[i].dst) + 2]++;
    for (size_t n = 1; n < n_nodes + 2; n++) first[n] += first[n - 1];
    for (size_t i = 0; i < n_links; i++) {
        uint32_t link = order ? order[i] : (uint32_t)i;
        sorted[first[(by_src ? links[link].src : links[link].dst) + 1]++] = link;
    }
}

/* Sorting by one end and then, stably, by the other orders each node's links by their far ends. */
kb_status kb_graph_seal(kb_topology *topology, kb_error *err) {
    size_t n_nodes = topology->nodes.count, n_links = topology->links.count;
    kb_arena *arena = &topology->arena;
    topology->first_out = kb_arena_take(arena, n_nodes + 2, sizeof *topology->first_out);
    topology->first_in = kb_arena_take(arena, n_nodes + 2, sizeof *topology->first_in);
    topology->out = kb_arena_take(arena, n_links, sizeof *topology->out);
    topology->in = kb_arena_take(arena, n_links, sizeof *topology->in);
    if (!topology->first_out || !topology->first_in || !topology->out || !topology->in)
        return kb_error_nomem(err, "the topology's links");
    sort_links(topology, false, NULL, topology->first_in, topology->in);
    sort_links(topology, true, topology->in, topology->first_out, topology->out);
    sort_links(topology, false, topology->out, topology->first_in, topology->in);
    return KB_OK;
}

uint32_t kb_graph_link(const kb_topology *topology, uint32_t src, uint32_t dst) {
    uint32_t low = topology->first_out[src], high = topology->first_out[src + 1];
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (topology->links.items[topology->out[middle]].dst < dst) low = middle + 1;
        else high = middle;
    }
    if (low == topology->first_out[src + 1]) return UINT32_MAX;
    return topology->links.items[topology->out[low]].dst == dst ? topology->out[low] : UINT32_MAX;
}

int32_t kb_axis_step(int32_t a, int32_t b, int32_t n, bool wrap) {
    if (a == b) return 0;
    if (!wrap) return b > a ? 1 : -1;
    int32_t ahead = b > a ? b - a : b - a + n;
    if (2 * (int64_t)ahead == n) return a % 2 == 0 ? 1 : -1;
    return 2 * (int64_t)ahead < n ? 1 : -1;
}

bool kb_impl_forwards(kb_impl impl) {
    static const bool forwards[KB_IMPL_COUNT] = {
#define X(name, text, forwards_, sinks) forwards_,
        KB_IMPL_LIST(X)
#undef X
    };
    return forwards[impl];
}

const char *kb_impl_text(kb_impl impl) {
    static const char *const texts[KB_IMPL_COUNT] = {
#define X(name, text, forwards, sinks) text,
        KB_IMPL_LIST(X)
#undef X
    };
    return texts[impl];
}
