#include "spec/explicit.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "spec/check.h"
#include "spec/dram_read.h"
#include "spec/graph.h"

enum { MAX_MESH_SIDE = 4096 };

#define LINK_ROWS(X)                                      \
    X("GBps", rate, GBPS, NULL, 0, 0, "rate of the link") \
    X("latency_ns", latency_fs, NS, "0", 0, 1e9, "propagation of the link")

static const kb_param_row *link_rows(size_t *n_rows) {
    typedef kb_link_rate kb_row_type;
    static const kb_param_row rows[] = {LINK_ROWS(KB_PARAM_ROW)};
    *n_rows = sizeof rows / sizeof rows[0];
    return rows;
}

#define TRANSIT_ROWS(X)                                                                \
    X("overhead_ns", overhead_fs, NS, "0", 0, 1e9, "head flit")                        \
    X("serialize", transit.serialize, CHOICE, "port", "port|router", 0, "servers")     \
    X("buffer_flits", transit.buffer_flits, LIMIT, "unbounded", 1, 1e6, "input links") \
    X("virtual_channels", transit.channels, COUNT, "1", 1, 2, "of each input link")

const kb_param_row *kb_explicit_transit_rows(size_t *n_rows) {
    typedef kb_node kb_row_type;
    static const kb_param_row rows[] = {TRANSIT_ROWS(KB_PARAM_ROW)};
    *n_rows = sizeof rows / sizeof rows[0];
    return rows;
}

static const kb_param_row flag_row = {"", KB_PARAM_FLAG, 0, "false", 0, 0, NULL, ""};

/* --- components ------------------------------------------------------------------------------- */

static const char *const component_keys[] = {"name", "impl", NULL};
static const char *const hbm_keys[] = {"name", "impl", "mapping", "xor", "timing", NULL};

static kb_status read_hbm(kb_topology *topology, const kb_reader *reader, const kb_place *place,
                          kb_params_hbm *hbm, size_t n_rows) {
    kb_param_group group = kb_param_group_at(KB_PARAM_GROUP_HBM);
    kb_dram *dram = kb_arena_take(&topology->arena, 1, sizeof *dram);
    kb_dram **kept = dram ? KB_VEC_PUSH(&topology->drams, topology->alloc) : NULL;
    if (!kept) return kb_error_nomem(reader->err, "the topology's memories");
    *kept = dram;
    hbm->standard = KB_STANDARD_NONE;
    KB_TRY(kb_read_table(reader, place, group.rows, n_rows, hbm_keys, hbm));
    KB_TRY(kb_dram_read(reader, place, true, topology->flit_nbytes, 1, hbm, dram));
    return dram->standard ? KB_OK : kb_check_hbm(reader, place, hbm, topology->flit_nbytes, 1);
}

static kb_status read_memory(kb_topology *topology, const kb_reader *reader, const kb_place *place,
                             kb_node *node) {
    bool is_hbm = node->impl == KB_IMPL_HBM;
    kb_param_group group = kb_param_group_at(is_hbm ? KB_PARAM_GROUP_HBM : KB_PARAM_GROUP_SRAM);
    void *values = is_hbm ? (void *)KB_VEC_PUSH(&topology->hbms, topology->alloc)
                          : (void *)KB_VEC_PUSH(&topology->srams, topology->alloc);
    if (!values) return kb_error_nomem(reader->err, "the topology's memories");
    node->params = (int32_t)(is_hbm ? topology->hbms.count : topology->srams.count) - 1;
    kb_param_rows_init(group.rows, group.n_rows, values);
    size_t n_rows = group.n_rows - (is_hbm ? KB_HBM_ATTACHMENT_ROWS : 0);
    if (is_hbm) return read_hbm(topology, reader, place, values, n_rows);
    KB_TRY(kb_read_table(reader, place, group.rows, n_rows, component_keys, values));
    return kb_check_sram(reader, place, values, topology->flit_nbytes);
}

static kb_status read_impl(const kb_reader *reader, const kb_place *place, kb_impl *impl) {
    static const kb_impl impls[] = {KB_IMPL_ENDPOINT, KB_IMPL_TRANSIT, KB_IMPL_HBM, KB_IMPL_SRAM};
    static const kb_param_row row = {
        "impl", KB_PARAM_CHOICE, 0, NULL, 0, 0, "endpoint|transit|hbm|sram", "implementation"};
    int64_t choice;
    KB_TRY(kb_read_value(reader, place, &row, &choice));
    *impl = impls[choice];
    return KB_OK;
}

/* An endpoint or a transit component. */
static kb_status read_plain(const kb_reader *reader, const kb_place *place, kb_node *node) {
    size_t n_rows;
    const kb_param_row *rows = kb_explicit_transit_rows(&n_rows);
    if (node->impl != KB_IMPL_TRANSIT) n_rows = 0;
    kb_param_rows_init(rows, n_rows, node);
    return kb_read_table(reader, place, rows, n_rows, component_keys, node);
}

static kb_status read_component(kb_topology *topology, const kb_reader *reader,
                                const kb_place *place) {
    kb_node node = {.sip = -1, .cube = -1, .pe = -1, .mesh = -1, .x = -1, .y = -1, .params = -1};
    kb_place name, impl;
    KB_TRY(kb_read_map(reader, place));
    KB_TRY(kb_read_require(reader, place, "name", &name));
    KB_TRY(kb_read_require(reader, place, "impl", &impl));
    KB_TRY(kb_read_word(reader, &name, KB_GRAPH_MAX_NAME, &node.name));
    KB_TRY(read_impl(reader, &impl, &node.impl));
    if (node.impl == KB_IMPL_HBM || node.impl == KB_IMPL_SRAM)
        KB_TRY(read_memory(topology, reader, place, &node));
    else KB_TRY(read_plain(reader, place, &node));
    uint32_t id;
    kb_status status = kb_graph_add_node(topology, &node, &id, reader->err);
    if (status != KB_INVALID) return status;
    return kb_read_fail(reader, &name,
                        "expected a name of its own, got \"%s\", which another has too; rename one",
                        node.name);
}

/* --- meshes ----------------------------------------------------------------------------------- */

static kb_status read_router(const kb_reader *reader, const kb_place *mesh, kb_mesh_text *text) {
    static const char *const keys[] = {"impl", NULL};
    kb_place place, impl;
    kb_node node = {.overhead_fs = 0};
    size_t n_rows;
    const kb_param_row *rows = kb_explicit_transit_rows(&n_rows);
    kb_param_rows_init(rows, n_rows, &node);
    if (kb_read_find(mesh, "router", &place))
        KB_TRY(kb_read_table(reader, &place, rows, n_rows, keys, &node));
    text->overhead_fs = node.overhead_fs;
    text->transit = node.transit;
    if (!kb_read_find(mesh, "router", &place)) return KB_OK;
    if (!kb_read_find(&place, "impl", &impl)) return KB_OK;
    kb_impl router;
    KB_TRY(read_impl(reader, &impl, &router));
    if (router == KB_IMPL_TRANSIT) return KB_OK;
    return kb_read_fail(reader, &impl, "expected transit, the implementation that forwards, got %s",
                        kb_impl_text(router));
}

static kb_status read_rate(const kb_reader *reader, const kb_place *place,
                           const char *const *others, kb_link_rate *rate) {
    size_t n_rows;
    const kb_param_row *rows = link_rows(&n_rows);
    kb_param_rows_init(rows, n_rows, rate);
    return kb_read_table(reader, place, rows, n_rows, others, rate);
}

static kb_status add_routers(kb_topology *topology, const kb_reader *reader, const kb_place *name,
                             const kb_mesh *mesh, const kb_mesh_text *text) {
    kb_node node = {.impl = KB_IMPL_TRANSIT, .sip = -1, .cube = -1, .pe = -1, .params = -1};
    node.overhead_fs = text->overhead_fs;
    node.transit = text->transit;
    node.mesh = (int32_t)topology->meshes.count - 1;
    for (node.y = 0; node.y < mesh->ny; node.y++) {
        for (node.x = 0; node.x < mesh->nx; node.x++) {
            char router[KB_GRAPH_MAX_NAME + 32];
            uint32_t id;
            (void)snprintf(router, sizeof router, "%s.r%" PRId32 "_%" PRId32, text->name, node.x,
                           node.y);
            node.name = router;
            kb_status status = kb_graph_add_node(topology, &node, &id, reader->err);
            if (status == KB_INVALID)
                return kb_read_fail(
                    reader, name,
                    "expected router names of its own, got \"%s\", which another has too", router);
            KB_TRY(status);
        }
    }
    return KB_OK;
}

static kb_status read_mesh(kb_topology *topology, const kb_reader *reader, const kb_place *place) {
    static const char *const keys[] = {"name", "dims", "wrap", "router", "link", NULL};
    kb_place name, dims, link, wrap;
    kb_mesh_text text;
    int64_t nx, ny, wraps = 0;
    KB_TRY(kb_read_table(reader, place, NULL, 0, keys, NULL));
    KB_TRY(kb_read_require(reader, place, "name", &name));
    KB_TRY(kb_read_require(reader, place, "dims", &dims));
    KB_TRY(kb_read_require(reader, place, "link", &link));
    KB_TRY(kb_read_word(reader, &name, KB_GRAPH_MAX_NAME - 16, &text.name));
    KB_TRY(kb_read_dims(reader, &dims, MAX_MESH_SIDE, &nx, &ny));
    KB_TRY(read_rate(reader, &link, NULL, &text.link));
    KB_TRY(read_router(reader, place, &text));
    if (kb_read_find(place, "wrap", &wrap)) KB_TRY(kb_read_value(reader, &wrap, &flag_row, &wraps));
    if (5 * nx * ny + (int64_t)(topology->nodes.count + topology->links.count) > KB_GRAPH_MAX_PARTS)
        return kb_read_fail(
            reader, &dims, "expected at most %d nodes and links, got a mesh of %" PRId64 " routers",
            (int)KB_GRAPH_MAX_PARTS, nx * ny);
    text.name = kb_arena_copy_text(&topology->arena, text.name, strlen(text.name));
    kb_mesh *mesh = KB_VEC_PUSH(&topology->meshes, topology->alloc);
    kb_mesh_text *kept = mesh ? KB_VEC_PUSH(&topology->mesh_texts, topology->alloc) : NULL;
    if (!text.name || !kept) return kb_error_nomem(reader->err, "the topology's meshes");
    *mesh = (kb_mesh){(uint32_t)topology->nodes.count, (int32_t)nx, (int32_t)ny, wraps != 0};
    *kept = text;
    KB_TRY(add_routers(topology, reader, &name, mesh, &text));
    return kb_graph_add_mesh_links(topology, mesh, text.link.rate, text.link.latency_fs,
                                   reader->err);
}

/* --- links ------------------------------------------------------------------------------------ */

static kb_status read_end(const kb_topology *topology, const kb_reader *reader,
                          const kb_place *link, const char *key, uint32_t *node) {
    kb_place place;
    const char *name;
    KB_TRY(kb_read_require(reader, link, key, &place));
    KB_TRY(kb_read_word(reader, &place, KB_GRAPH_MAX_NAME, &name));
    *node = kb_graph_find(topology, name);
    if (*node != UINT32_MAX) return KB_OK;
    const char *nearest = kb_graph_nearest(topology, name);
    return kb_read_fail(reader, &place, "expected the name of a component, got \"%s\"%s%s", name,
                        nearest ? "; did you mean " : "", nearest ? nearest : "");
}

/* The ends of a link and whether it goes both ways. */
static kb_status read_ends(const kb_topology *topology, const kb_reader *reader,
                           const kb_place *place, uint32_t *src, uint32_t *dst, int64_t *both) {
    kb_place flag;
    *both = 0;
    KB_TRY(read_end(topology, reader, place, "from", src));
    KB_TRY(read_end(topology, reader, place, "to", dst));
    if (kb_read_find(place, "both", &flag)) KB_TRY(kb_read_value(reader, &flag, &flag_row, both));
    return KB_OK;
}

static kb_status add_link(kb_topology *topology, const kb_reader *reader, uint32_t src,
                          uint32_t dst, kb_link_rate rate) {
    kb_link_rate *kept = KB_VEC_PUSH(&topology->link_texts, topology->alloc);
    if (!kept) return kb_error_nomem(reader->err, "the topology's links");
    *kept = rate;
    return kb_graph_add_link(topology, src, dst, rate.rate, rate.latency_fs, reader->err);
}

static kb_status read_link(kb_topology *topology, const kb_reader *reader, const kb_place *place) {
    static const char *const keys[] = {"from", "to", "both", "dateline", NULL};
    uint32_t src, dst;
    int64_t both;
    kb_link_rate rate = {.dateline = 0};
    kb_place dateline;
    KB_TRY(read_rate(reader, place, keys, &rate));
    if (kb_read_find(place, "dateline", &dateline))
        KB_TRY(kb_read_value(reader, &dateline, &flag_row, &rate.dateline));
    KB_TRY(read_ends(topology, reader, place, &src, &dst, &both));
    if (src == dst)
        return kb_read_fail(reader, place,
                            "expected a link between two components, got one from %s to itself",
                            topology->nodes.items[src].name);
    KB_TRY(add_link(topology, reader, src, dst, rate));
    return both ? add_link(topology, reader, dst, src, rate) : KB_OK;
}

static kb_status check_link(const kb_topology *topology, const kb_reader *reader,
                            const kb_place *place, uint32_t *id) {
    uint32_t src, dst;
    int64_t both;
    KB_TRY(read_ends(topology, reader, place, &src, &dst, &both));
    for (int64_t way = 0; way <= both; way++) {
        uint32_t from = way ? dst : src, to = way ? src : dst;
        if (kb_graph_link(topology, from, to) != (*id)++)
            return kb_read_fail(reader, place,
                                "expected one link from %s to %s, got a second one; remove it",
                                topology->nodes.items[from].name, topology->nodes.items[to].name);
    }
    return KB_OK;
}

/* --- lists ------------------------------------------------------------------------------------ */

typedef kb_status (*read_item)(kb_topology *topology, const kb_reader *reader,
                               const kb_place *place);

static kb_status read_list(kb_topology *topology, const kb_reader *reader, const kb_place *root,
                           const char *key, read_item read) {
    kb_place list;
    if (!kb_read_find(root, key, &list)) return KB_OK;
    KB_TRY(kb_read_list(reader, &list));
    kb_place place = {&list, NULL, 0, NULL};
    for (const kb_yaml_item *item = list.node->items; item; item = item->next, place.index++) {
        place.node = item->value;
        KB_TRY(read(topology, reader, &place));
    }
    return KB_OK;
}

kb_status kb_explicit_nodes(kb_topology *topology, const kb_reader *reader, const kb_place *root) {
    KB_TRY(read_list(topology, reader, root, "components", read_component));
    topology->n_components = (uint32_t)topology->nodes.count;
    return read_list(topology, reader, root, "meshes", read_mesh);
}

kb_status kb_explicit_links(kb_topology *topology, const kb_reader *reader, const kb_place *root) {
    topology->first_link = (uint32_t)topology->links.count;
    return read_list(topology, reader, root, "links", read_link);
}

kb_status kb_explicit_check(const kb_topology *topology, const kb_reader *reader,
                            const kb_place *root) {
    kb_place list;
    uint32_t id = topology->first_link;
    if (!kb_read_find(root, "links", &list)) return KB_OK;
    kb_place place = {&list, NULL, 0, NULL};
    for (const kb_yaml_item *item = list.node->items; item; item = item->next, place.index++) {
        place.node = item->value;
        KB_TRY(check_link(topology, reader, &place, &id));
    }
    return KB_OK;
}
