#include "spec/layout.h"

#include "spec/graph.h"

/* --- where things are ------------------------------------------------------------------------- */

int64_t kb_layout_n_routers(const kb_system *system) {
    return system->noc_x * system->noc_y;
}

/* Cube (x, y) has a UCIe port on this side. */
bool kb_layout_has_side(const kb_system *system, int64_t x, int64_t y, int side) {
    switch (side) {
    case KB_WEST: return true;
    case KB_EAST: return x + 1 < system->cubes_x;
    case KB_NORTH: return y > 0;
    default: return y + 1 < system->cubes_y;
    }
}

bool kb_layout_fabric_wraps(const kb_system *system) {
    return system->params.fabric.kind == KB_FABRIC_RING ||
           system->params.fabric.kind == KB_FABRIC_TORUS;
}

/* The SIP that a c2c port leads to; -1 where the port does not exist.  A ring of two is one link. */
int64_t kb_layout_neighbour(const kb_system *system, int64_t sip, int direction) {
    int64_t n = direction < KB_PLUS_Y ? system->fabric_x : system->fabric_y;
    int64_t x = sip % system->fabric_x, y = sip / system->fabric_x;
    int64_t at = direction < KB_PLUS_Y ? x : y;
    int64_t to = at + (direction == KB_PLUS_X || direction == KB_PLUS_Y ? 1 : -1);
    if (to < 0 || to >= n) {
        if (!kb_layout_fabric_wraps(system) || n <= 2) return -1;
        to = (to + n) % n;
    }
    return direction < KB_PLUS_Y ? y * system->fabric_x + to : to * system->fabric_x + x;
}

bool kb_layout_has_c2c(const kb_system *system, int64_t sip, int direction) {
    if (system->n_sips == 1) return false;
    if (system->params.fabric.kind == KB_FABRIC_SWITCH) return direction == 0;
    return kb_layout_neighbour(system, sip, direction) >= 0;
}

uint32_t kb_layout_cube(const kb_topology *topology, int64_t sip, int64_t cube, int64_t local) {
    return topology->machine.cubes[sip * topology->machine.n_cubes + cube] + (uint32_t)local;
}

int64_t kb_layout_part(const kb_system *system, int64_t part) {
    return kb_layout_n_routers(system) + part;
}

int64_t kb_layout_pe(const kb_system *system, int64_t pe, int64_t part) {
    return kb_layout_n_routers(system) + KB_CUBE_PES + pe * KB_N_PE_PARTS + part;
}

uint32_t kb_layout_side(const kb_topology *topology, int64_t sip, int64_t cube, int side) {
    const kb_system *system = &topology->system;
    int64_t offset = kb_layout_pe(system, system->n_pes, 0);
    for (int other = 0; other < side; other++)
        offset += kb_layout_has_side(system, cube % system->cubes_x, cube / system->cubes_x, other);
    return kb_layout_cube(topology, sip, cube, offset);
}

uint32_t kb_layout_io(const kb_topology *topology, int64_t sip, int64_t local) {
    return topology->machine.sips[sip] + (uint32_t)local;
}

uint32_t kb_layout_c2c(const kb_topology *topology, int64_t sip, int direction) {
    int64_t local = KB_IO_UCIE + topology->system.cubes_y;
    for (int other = 0; other < direction; other++)
        local += kb_layout_has_c2c(&topology->system, sip, other);
    return kb_layout_io(topology, sip, local);
}

/* --- which router a part is attached to ------------------------------------------------------- */

static int64_t router_at(const kb_system *system, int64_t x, int64_t y) {
    return y * system->noc_x + x;
}

int64_t kb_layout_side_router(const kb_system *system, int side) {
    int64_t middle_x = (system->noc_x - 1) / 2, middle_y = (system->noc_y - 1) / 2;
    switch (side) {
    case KB_WEST: return router_at(system, 0, middle_y);
    case KB_EAST: return router_at(system, system->noc_x - 1, middle_y);
    case KB_NORTH: return router_at(system, middle_x, 0);
    default: return router_at(system, middle_x, system->noc_y - 1);
    }
}

int64_t kb_layout_port_router(const kb_system *system, int64_t port) {
    int64_t per_side = (system->params.hbm.remote_ports + 1) / 2;
    int64_t y = (2 * (port / 2) + 1) * system->noc_y / (2 * per_side);
    return router_at(system, port % 2 == 0 ? 0 : system->noc_x - 1, y);
}

int64_t kb_layout_pe_router(const kb_system *system, int64_t pe) {
    int64_t first = pe * kb_layout_n_routers(system) / system->n_pes;
    int64_t next = (pe + 1) * kb_layout_n_routers(system) / system->n_pes;
    int64_t y = first / system->noc_x, shifted = first + (next - first) / 2;
    return y % 2 == 1 && shifted / system->noc_x == y ? shifted : first;
}

int64_t kb_layout_part_router(const kb_system *system, int64_t part) {
    if (part == KB_CUBE_SRAM) return router_at(system, system->noc_x / 2, system->noc_y - 1);
    return router_at(system, system->noc_x / 2, (system->noc_y - 1) / 2);
}

uint32_t kb_layout_router(const kb_topology *topology, uint32_t id, int32_t port) {
    const kb_system *system = &topology->system;
    const kb_node *node = &topology->nodes.items[id];
    int64_t router;
    if (node->pe >= 0) router = kb_layout_pe_router(system, node->pe);
    else if (node->impl == KB_IMPL_HBM) router = kb_layout_port_router(system, port);
    else
        router = kb_layout_part_router(system,
                                       node->impl == KB_IMPL_SRAM ? KB_CUBE_SRAM : KB_CUBE_M_CPU);
    return kb_layout_cube(topology, node->sip, node->cube, router);
}

/* --- finding parts ---------------------------------------------------------------------------- */

static uint32_t cube_part(const kb_topology *topology, kb_impl impl, int32_t sip, int32_t cube,
                          int32_t pe) {
    const kb_system *system = &topology->system;
    static const int8_t of_cube[KB_IMPL_COUNT] = {[KB_IMPL_M_CPU] = KB_CUBE_M_CPU + 1,
                                                  [KB_IMPL_M_CPU_DMA] = KB_CUBE_M_CPU_DMA + 1,
                                                  [KB_IMPL_SRAM] = KB_CUBE_SRAM + 1,
                                                  [KB_IMPL_HBM] = KB_CUBE_HBM + 1};
    static const int8_t of_pe[KB_IMPL_COUNT] = {
        [KB_IMPL_PE_CPU] = KB_PART_PE_CPU + 1,     [KB_IMPL_PE_DMA] = KB_PART_PE_DMA + 1,
        [KB_IMPL_PE_SCHED] = KB_PART_PE_SCHED + 1, [KB_IMPL_PE_GEMM] = KB_PART_PE_GEMM + 1,
        [KB_IMPL_PE_MATH] = KB_PART_PE_MATH + 1,   [KB_IMPL_PE_TCM] = KB_PART_PE_TCM + 1,
        [KB_IMPL_PE_MMU] = KB_PART_PE_MMU + 1,     [KB_IMPL_PE_IPCQ] = KB_PART_PE_IPCQ + 1};
    if (of_cube[impl] && pe == -1)
        return kb_layout_cube(topology, sip, cube, kb_layout_part(system, of_cube[impl] - 1));
    if (of_pe[impl] && pe >= 0 && pe < system->n_pes)
        return kb_layout_cube(topology, sip, cube, kb_layout_pe(system, pe, of_pe[impl] - 1));
    return UINT32_MAX;
}

uint32_t kb_hierarchy_part(const kb_topology *topology, kb_impl impl, int32_t sip, int32_t cube,
                           int32_t pe) {
    const kb_system *system = &topology->system;
    if ((unsigned)impl >= KB_IMPL_COUNT || system->n_sips == 0) return UINT32_MAX;
    bool none = cube == -1 && pe == -1;
    if (impl == KB_IMPL_HOST) return sip == -1 && none ? topology->machine.host : UINT32_MAX;
    if (impl == KB_IMPL_SWITCH) {
        bool reduces = system->params.reduction.unit == KB_REDUCTION_SWITCH;
        return reduces && sip == -1 && none ? topology->machine.fabric_switch : UINT32_MAX;
    }
    if (sip < 0 || sip >= system->n_sips) return UINT32_MAX;
    if (impl == KB_IMPL_IO_CPU) return none ? kb_layout_io(topology, sip, KB_IO_CPU) : UINT32_MAX;
    if (cube < 0 || cube >= topology->machine.n_cubes) return UINT32_MAX;
    return cube_part(topology, impl, sip, cube, pe);
}
