#include "hw/component/parts.h"

void *kb_parts_find(const kb_parts *parts, kb_impl impl, int32_t sip, int32_t cube, int32_t pe) {
    uint32_t node = kb_topology_part(parts->topology, impl, sip, cube, pe);
    return node == UINT32_MAX ? NULL : parts->components[node];
}

int32_t kb_parts_pe(const kb_parts *parts, uint32_t node) {
    const kb_system *system = kb_topology_system(parts->topology);
    const kb_node *at = &kb_topology_nodes(parts->topology)[node];
    int64_t cube = at->sip * system->cubes_x * system->cubes_y + at->cube;
    return (int32_t)(cube * system->n_pes + at->pe);
}

int64_t kb_parts_n_pes(const kb_parts *parts) {
    const kb_system *system = kb_topology_system(parts->topology);
    return system->n_sips * system->cubes_x * system->cubes_y * system->n_pes;
}

uint32_t kb_parts_pe_node(const kb_parts *parts, kb_impl impl, int64_t pe) {
    const kb_system *system = kb_topology_system(parts->topology);
    int64_t n_cubes = system->cubes_x * system->cubes_y, cube = pe / system->n_pes;
    return kb_topology_part(parts->topology, impl, (int32_t)(cube / n_cubes),
                            (int32_t)(cube % n_cubes), (int32_t)(pe % system->n_pes));
}
