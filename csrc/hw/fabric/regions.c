#include "hw/fabric/regions.h"

#include "base/checked.h"

uint32_t kb_region_of(const kb_topology *topology, const kb_node *node) {
    uint32_t n_sips = (uint32_t)kb_topology_system(topology)->n_sips;
    if (n_sips < 2 || node->impl == KB_IMPL_HOST) return 0;
    return 1 + (node->sip < 0 ? n_sips : (uint32_t)node->sip);
}

kb_status kb_regions_init(kb_regions *regions, kb_alloc *alloc, const kb_topology *topology,
                          kb_error *err) {
    const kb_node *nodes = kb_topology_nodes(topology);
    const kb_link *links = kb_topology_links(topology);
    uint32_t n_links = kb_topology_n_links(topology);
    *regions = (kb_regions){.count = 1, .lookahead_fs = INT64_MAX};
    if (kb_topology_system(topology)->n_sips < 2) return KB_OK;
    regions->count = 2 + (uint32_t)kb_topology_system(topology)->n_sips;
    regions->from = kb_alloc_zeroed(alloc, (size_t)n_links + 1, sizeof *regions->from);
    regions->to = kb_alloc_zeroed(alloc, n_links, sizeof *regions->to);
    if (!regions->from || !regions->to) return kb_error_nomem(err, "the regions of the machine");
    for (uint32_t i = 0; i < n_links; i++) {
        regions->from[i] = kb_region_of(topology, &nodes[links[i].src]);
        regions->to[i] = kb_region_of(topology, &nodes[links[i].dst]);
        int64_t travel_fs = kb_later_fs(links[i].service_fs, links[i].latency_fs);
        if (regions->from[i] != regions->to[i])
            regions->lookahead_fs = kb_min_i64(regions->lookahead_fs, travel_fs);
    }
    return KB_OK;
}

void kb_regions_deinit(kb_regions *regions, kb_alloc *alloc, uint32_t n_links) {
    kb_alloc_free(alloc, regions->from, (size_t)n_links + 1, sizeof *regions->from);
    kb_alloc_free(alloc, regions->to, n_links, sizeof *regions->to);
}
