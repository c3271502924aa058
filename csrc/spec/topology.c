#include "spec/topology.h"

#include <string.h>

#include "spec/buffers.h"
#include "spec/explicit.h"
#include "spec/graph.h"
#include "spec/overlay.h"
#include "spec/reader.h"
#include "spec/system.h"

enum { FORMAT_VERSION = 1, MAX_FLIT = 65536 };

/* --- making one ------------------------------------------------------------------------------- */

static kb_status read_version(const kb_reader *reader, const kb_place *root) {
    static const kb_param_row row = {"kernbench", KB_PARAM_COUNT, 0, NULL, 0, 1000000, NULL, ""};
    kb_place place;
    int64_t version;
    if (!kb_read_find(root, "kernbench", &place))
        return kb_read_fail(reader, root,
                            "expected the key kernbench, got none; begin with \"kernbench: %d\"",
                            (int)FORMAT_VERSION);
    KB_TRY(kb_read_value(reader, &place, &row, &version));
    if (version == FORMAT_VERSION) return KB_OK;
    return kb_read_fail(reader, &place,
                        "expected %d, the version of the format that is known here, got %lld",
                        (int)FORMAT_VERSION, (long long)version);
}

static kb_status read_flits(kb_topology *topology, const kb_reader *reader, const kb_place *root) {
    static const kb_param_row size = {
        "flit_bytes", KB_PARAM_NBYTES, 0, NULL, 1, MAX_FLIT, NULL, ""};
    static const kb_param_row mode = {"mode", KB_PARAM_CHOICE, 0, "train", 0, 0, "train|flit", ""};
    kb_place place;
    int64_t chosen = KB_FABRIC_TRAIN;
    topology->flit_nbytes = 64;
    if (kb_read_find(root, "flit_bytes", &place))
        KB_TRY(kb_read_value(reader, &place, &size, &topology->flit_nbytes));
    if (kb_read_find(root, "fabric", &place))
        KB_TRY(kb_read_table(reader, &place, &mode, 1, NULL, &chosen));
    topology->mode = (kb_fabric_mode)chosen;
    return KB_OK;
}

static kb_status read_root(kb_topology *topology, const kb_reader *reader, const kb_place *root) {
    static const char *const keys[] = {"kernbench", "flit_bytes", "fabric", "components",
                                       "meshes",    "links",      "system", NULL};
    kb_place system;
    if (root->node->kind != KB_YAML_MAP)
        return kb_read_fail(reader, root, "expected a mapping that begins with \"kernbench: %d\"",
                            (int)FORMAT_VERSION);
    KB_TRY(kb_read_table(reader, root, NULL, 0, keys, NULL));
    KB_TRY(read_version(reader, root));
    KB_TRY(read_flits(topology, reader, root));
    KB_TRY(kb_explicit_nodes(topology, reader, root));
    if (kb_read_find(root, "system", &system)) {
        KB_TRY(kb_system_read(reader, &system, topology->flit_nbytes, &topology->system));
        kb_status status = kb_hierarchy_expand(topology, reader->err);
        if (status == KB_TOPOLOGY) (void)kb_error_wrap(reader->err, "%s: system", reader->name);
        KB_TRY(status);
    }
    if (topology->nodes.count == 0)
        return kb_read_fail(reader, root,
                            "expected components, meshes or a system, got none of them");
    KB_TRY(kb_explicit_links(topology, reader, root));
    KB_TRY(kb_graph_seal(topology, reader->err));
    KB_TRY(kb_explicit_check(topology, reader, root));
    return kb_buffers_check(topology, reader, root);
}

kb_status kb_topology_parse(kb_alloc *alloc, const char *text, size_t length, const char *name,
                            kb_topology **topology, kb_error *err) {
    return kb_topology_parse_overlaid(alloc, text, length, name, NULL, 0, topology, err);
}

/* The tree of the text, and what the overlay changes of it. */
static kb_status parse_tree(kb_arena *tree, const char *text, size_t length, const char *name,
                            const char *overlay, size_t overlay_length, const kb_yaml_node **root,
                            kb_error *err) {
    const kb_yaml_node *over;
    KB_TRY(kb_yaml_parse(tree, text, length, name, root, err));
    if (overlay_length == 0) return KB_OK;
    KB_TRY(kb_yaml_parse(tree, overlay, overlay_length, "override", &over, err));
    return kb_yaml_overlay(tree, *root, over, root, err);
}

kb_status kb_topology_parse_overlaid(kb_alloc *alloc, const char *text, size_t length,
                                     const char *name, const char *overlay, size_t overlay_length,
                                     kb_topology **topology, kb_error *err) {
    kb_topology *made = kb_alloc_zeroed(alloc, 1, sizeof *made);
    if (!made) return kb_error_nomem(err, "the topology");
    made->alloc = alloc;
    kb_arena_init(&made->arena, alloc);
    kb_system_init(&made->system);
    kb_arena tree;
    kb_arena_init(&tree, alloc);
    kb_reader reader = {name, err};
    kb_place root = {NULL, NULL, 0, NULL};
    kb_status status =
        parse_tree(&tree, text, length, name, overlay, overlay_length, &root.node, err);
    if (status == KB_OK) status = read_root(made, &reader, &root);
    kb_arena_deinit(&tree);
    if (status == KB_OK) *topology = made;
    else kb_topology_destroy(made);
    return status;
}

void kb_topology_destroy(kb_topology *topology) {
    if (!topology) return;
    kb_alloc *alloc = topology->alloc;
    kb_routes_deinit(topology);
    KB_VEC_FREE(&topology->nodes, alloc);
    KB_VEC_FREE(&topology->links, alloc);
    KB_VEC_FREE(&topology->meshes, alloc);
    KB_VEC_FREE(&topology->hbms, alloc);
    KB_VEC_FREE(&topology->drams, alloc);
    KB_VEC_FREE(&topology->srams, alloc);
    KB_VEC_FREE(&topology->link_texts, alloc);
    KB_VEC_FREE(&topology->mesh_texts, alloc);
    KB_VEC_FREE(&topology->yaml, alloc);
    KB_VEC_FREE(&topology->warnings, alloc);
    kb_alloc_free(alloc, topology->names, topology->n_names, sizeof *topology->names);
    kb_arena_deinit(&topology->arena);
    kb_alloc_free(alloc, topology, 1, sizeof *topology);
}

/* --- reading it ------------------------------------------------------------------------------- */

uint32_t kb_topology_n_nodes(const kb_topology *topology) {
    return (uint32_t)topology->nodes.count;
}

uint32_t kb_topology_n_links(const kb_topology *topology) {
    return (uint32_t)topology->links.count;
}

const kb_node *kb_topology_nodes(const kb_topology *topology) {
    return topology->nodes.items;
}

const kb_link *kb_topology_links(const kb_topology *topology) {
    return topology->links.items;
}

int64_t kb_topology_flit_nbytes(const kb_topology *topology) {
    return topology->flit_nbytes;
}

kb_fabric_mode kb_topology_fabric_mode(const kb_topology *topology) {
    return topology->mode;
}

const kb_system *kb_topology_system(const kb_topology *topology) {
    return &topology->system;
}

bool kb_topology_by_flit(const kb_topology *topology, uint32_t link) {
    const kb_node *src = &topology->nodes.items[topology->links.items[link].src];
    const kb_node *dst = &topology->nodes.items[topology->links.items[link].dst];
    return src->transit.buffer_flits || dst->transit.buffer_flits ||
           src->transit.serialize == KB_SERIALIZE_ROUTER;
}

uint32_t kb_topology_n_warnings(const kb_topology *topology) {
    return (uint32_t)topology->warnings.count;
}

const char *kb_topology_warning(const kb_topology *topology, uint32_t index) {
    return topology->warnings.items[index];
}

const kb_params_hbm *kb_topology_hbm(const kb_topology *topology, uint32_t node) {
    if (node >= topology->nodes.count || topology->nodes.items[node].impl != KB_IMPL_HBM)
        return NULL;
    int32_t params = topology->nodes.items[node].params;
    return params >= 0 ? &topology->hbms.items[params] : &topology->system.params.hbm;
}

const kb_dram *kb_topology_dram(const kb_topology *topology, uint32_t node) {
    if (!kb_topology_hbm(topology, node)) return NULL;
    int32_t params = topology->nodes.items[node].params;
    const kb_dram *dram = params >= 0 ? topology->drams.items[params] : &topology->system.dram;
    return dram->standard ? dram : NULL;
}

const kb_params_sram *kb_topology_sram(const kb_topology *topology, uint32_t node) {
    if (node >= topology->nodes.count || topology->nodes.items[node].impl != KB_IMPL_SRAM)
        return NULL;
    int32_t params = topology->nodes.items[node].params;
    return params >= 0 ? &topology->srams.items[params] : &topology->system.params.sram;
}

kb_status kb_topology_find(const kb_topology *topology, const char *name, uint32_t *node,
                           kb_error *err) {
    uint32_t found = kb_graph_find(topology, name);
    if (found != UINT32_MAX) {
        *node = found;
        return KB_OK;
    }
    const char *nearest = kb_graph_nearest(topology, name);
    return kb_error_set(err, KB_TOPOLOGY, "expected the name of a component, got \"%.255s\"%s%s",
                        name, nearest ? "; did you mean " : "", nearest ? nearest : "");
}

uint32_t kb_topology_part(const kb_topology *topology, kb_impl impl, int32_t sip, int32_t cube,
                          int32_t pe) {
    return kb_hierarchy_part(topology, impl, sip, cube, pe);
}
