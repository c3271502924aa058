#include "hw/fabric/regions.h"

#include "base/checked.h"

uint32_t kb_region_of(const kb_topology *topology, const kb_node *node) {
    uint32_t n_sips = (uint32_t)kb_topology_system(topology)->n_sips;
    if (n_sips < 2 || node->impl == KB_IMPL_HOST) return 0;
    return 1 + (node->sip < 0 ? n_sips : (uint32_t)node->sip);
}

static void find_lookaheads(kb_sim_regions *regions, const kb_topology *topology) {
    const kb_node *nodes = kb_topology_nodes(topology);
    const kb_link *links = kb_topology_links(topology);
    for (uint32_t i = 0; i < kb_topology_n_links(topology); i++) {
        uint32_t from = regions->from[i] = kb_region_of(topology, &nodes[links[i].src]);
        uint32_t to = regions->to[i] = kb_region_of(topology, &nodes[links[i].dst]);
        int64_t travel_fs = kb_later_fs(links[i].service_fs, links[i].latency_fs);
        int64_t *least_fs = to ? &regions->lookahead_fs : &regions->common_fs;
        if (from != to) *least_fs = kb_min_i64(*least_fs, travel_fs);
    }
    regions->lookahead_fs = kb_min_i64(regions->lookahead_fs, regions->common_fs);
}

/* More of them than there is room for: any may be one, which is what none is. */
static void add_neighbour(uint32_t *neighbours, uint32_t *count, uint32_t added) {
    for (uint32_t i = 0; i < *count && i < KB_SIM_NEIGHBOURS; i++)
        if (neighbours[i] == added) return;
    if (*count < KB_SIM_NEIGHBOURS) neighbours[(*count)++] = added;
    else neighbours[0] = UINT32_MAX;
}

static kb_status find_neighbours(kb_sim_regions *regions, kb_alloc *alloc, uint32_t n_links,
                                 kb_error *err) {
    size_t count = regions->count;
    uint32_t *n = kb_alloc_zeroed(alloc, count, sizeof *n), *all;
    all = regions->neighbours = kb_alloc_zeroed(alloc, count * KB_SIM_NEIGHBOURS, sizeof *all);
    if (!n || !all) {
        kb_alloc_free(alloc, n, count, sizeof *n);
        return kb_error_nomem(err, "the regions of the machine");
    }
    for (size_t i = 0; i < count * KB_SIM_NEIGHBOURS; i++) all[i] = UINT32_MAX;
    for (uint32_t i = 0; i < n_links; i++) {
        uint32_t from = regions->from[i], to = regions->to[i];
        if (!from || !to || from == to) continue;
        add_neighbour(all + (size_t)from * KB_SIM_NEIGHBOURS, &n[from], to);
        add_neighbour(all + (size_t)to * KB_SIM_NEIGHBOURS, &n[to], from);
    }
    kb_alloc_free(alloc, n, count, sizeof *n);
    return KB_OK;
}

kb_status kb_regions_init(kb_sim_regions *regions, kb_alloc *alloc, const kb_topology *topology,
                          kb_error *err) {
    uint32_t n_links = kb_topology_n_links(topology);
    *regions = (kb_sim_regions){.count = 1, .lookahead_fs = KB_TIME_MAX, .common_fs = KB_TIME_MAX};
    if (kb_topology_system(topology)->n_sips < 2) return KB_OK;
    regions->count = 2 + (uint32_t)kb_topology_system(topology)->n_sips;
    regions->from = kb_alloc_zeroed(alloc, (size_t)n_links + 1, sizeof *regions->from);
    regions->to = kb_alloc_zeroed(alloc, n_links, sizeof *regions->to);
    if (!regions->from || !regions->to) return kb_error_nomem(err, "the regions of the machine");
    find_lookaheads(regions, topology);
    return find_neighbours(regions, alloc, n_links, err);
}

void kb_regions_deinit(kb_sim_regions *regions, kb_alloc *alloc, uint32_t n_links) {
    kb_alloc_free(alloc, regions->from, (size_t)n_links + 1, sizeof *regions->from);
    kb_alloc_free(alloc, regions->to, n_links, sizeof *regions->to);
    kb_alloc_free(alloc, regions->neighbours, (size_t)regions->count * KB_SIM_NEIGHBOURS,
                  sizeof *regions->neighbours);
}
