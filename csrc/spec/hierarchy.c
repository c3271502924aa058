#include "spec/hierarchy.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/checked.h"
#include "spec/graph.h"
#include "spec/layout.h"

static const char *const side_names[KB_N_SIDES] = {"ucie_w", "ucie_e", "ucie_n", "ucie_s"};

static int64_t times(int64_t a, int64_t b) {
    int64_t product;
    return kb_mul_i64(a, b, &product) ? INT64_MAX : product;
}

static int64_t plus(int64_t a, int64_t b) {
    int64_t sum;
    return kb_add_i64(a, b, &sum) ? INT64_MAX : sum;
}

/* Joined pairs of neighbours on a grid; a ring of two is one pair. */
static int64_t grid_pairs(int64_t nx, int64_t ny, bool wrap) {
    int64_t in_row = wrap && nx > 2 ? nx : nx - 1, in_column = wrap && ny > 2 ? ny : ny - 1;
    return plus(times(in_row, ny), times(in_column, nx));
}

static int64_t count_cube(const kb_system *system) {
    int64_t routers = times(system->noc_x, system->noc_y);
    bool wrap = system->params.noc.kind == KB_NOC_TORUS;
    int64_t mesh = plus(routers, times(2, grid_pairs(system->noc_x, system->noc_y, wrap)));
    int64_t pe_links = system->params.hbm.attach == KB_HBM_PER_PE ? 3 * 2 : 2 * 2;
    int64_t pes = times(system->n_pes, KB_N_PE_PARTS + pe_links);
    return plus(plus(mesh, pes), KB_CUBE_PES + 3 * 2 + 2 * system->params.hbm.remote_ports);
}

/* A pair of neighbouring cubes has two UCIe ports, each with two links, and two links between them; the
 * IO chiplet and each cube of column 0 likewise. */
static int64_t count_sip(const kb_system *system) {
    int64_t cubes = times(system->cubes_x, system->cubes_y);
    int64_t pairs = plus(grid_pairs(system->cubes_x, system->cubes_y, false), system->cubes_y);
    int64_t io = KB_IO_UCIE + 2 + 2 + 2; /* parts; links of cpu, host and to the host */
    return plus(plus(times(cubes, count_cube(system)), times(pairs, 2 + 4 + 2)), io);
}

int64_t kb_hierarchy_count(const kb_system *system) {
    bool one = system->n_sips == 1;
    int64_t pairs = grid_pairs(system->fabric_x, system->fabric_y, kb_layout_fabric_wraps(system));
    int64_t fabric = times(pairs, 2 + 4 + 2); /* two c2c ports, their links, and two between them */
    if (system->params.fabric.kind == KB_FABRIC_SWITCH)
        fabric = one ? 0 : plus(times(system->n_sips, 1 + 2 + 2), 1);
    return plus(plus(times(system->n_sips, count_sip(system)), fabric), 1);
}

typedef struct builder {
    kb_topology *topology;
    const kb_system *system;
    kb_error *err;
    kb_node node; /* position of what is added next */
} builder;

/* What a group says of its transit components. */
#define TRANSIT(group) ((kb_transit){(group).serialize, (group).buffer_flits, (group).channels})

static kb_status add_node(builder *b, kb_impl impl, int64_t overhead_fs, uint32_t *id,
                          const char *format, ...) KB_PRINTF(5, 6);

static kb_status add_node(builder *b, kb_impl impl, int64_t overhead_fs, uint32_t *id,
                          const char *format, ...) {
    char name[KB_GRAPH_MAX_NAME + 1];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(name, sizeof name, format, args);
    va_end(args);
    kb_node node = b->node;
    node.name = name;
    node.impl = impl;
    node.overhead_fs = overhead_fs;
    if (!kb_impl_forwards(impl)) node.transit = (kb_transit){0, 0, 0};
    kb_status status = kb_graph_add_node(b->topology, &node, id, b->err);
    if (status != KB_INVALID) return status;
    return kb_error_set(b->err, KB_TOPOLOGY,
                        "expected %s to be the machine's, got a component of that name; rename it",
                        name);
}

static kb_status add_pair(builder *b, uint32_t a, uint32_t c, kb_ratio rate, int64_t latency_fs) {
    KB_TRY(kb_graph_add_link(b->topology, a, c, rate, latency_fs, b->err));
    return kb_graph_add_link(b->topology, c, a, rate, latency_fs, b->err);
}

static kb_status add_routers(builder *b, int64_t sip, int64_t cube, uint32_t *first) {
    const kb_system *system = b->system;
    kb_mesh *mesh = KB_VEC_PUSH(&b->topology->meshes, b->topology->alloc);
    if (!mesh) return kb_error_nomem(b->err, "the topology's meshes");
    *first = (uint32_t)b->topology->nodes.count;
    *mesh = (kb_mesh){*first, (int32_t)system->noc_x, (int32_t)system->noc_y,
                      system->params.noc.kind == KB_NOC_TORUS};
    b->node.mesh = (int32_t)b->topology->meshes.count - 1;
    b->node.transit = TRANSIT(system->params.noc);
    for (int64_t i = 0; i < kb_layout_n_routers(system); i++) {
        uint32_t id;
        b->node.x = (int32_t)(i % system->noc_x);
        b->node.y = (int32_t)(i / system->noc_x);
        KB_TRY(add_node(b, KB_IMPL_TRANSIT, system->params.noc.overhead_fs, &id,
                        "sip%" PRId64 ".cube%" PRId64 ".noc.r%" PRId32 "_%" PRId32, sip, cube,
                        b->node.x, b->node.y));
    }
    b->node.mesh = b->node.x = b->node.y = -1;
    return KB_OK;
}

static kb_status add_pe(builder *b, int64_t sip, int64_t cube, int64_t pe) {
    static const struct {
        kb_impl impl;
        const char *name;
    } parts[KB_N_PE_PARTS] = {{KB_IMPL_PE_CPU, "cpu"},     {KB_IMPL_PE_DMA, "dma"},
                              {KB_IMPL_PE_SCHED, "sched"}, {KB_IMPL_PE_GEMM, "gemm"},
                              {KB_IMPL_PE_MATH, "math"},   {KB_IMPL_PE_TCM, "tcm"},
                              {KB_IMPL_PE_MMU, "mmu"},     {KB_IMPL_PE_IPCQ, "ipcq"}};
    b->node.pe = (int32_t)pe;
    for (int i = 0; i < KB_N_PE_PARTS; i++) {
        uint32_t id;
        int64_t ni_in_fs = i <= KB_PART_PE_DMA ? b->system->params.noc.ni_in_fs : 0;
        KB_TRY(add_node(b, parts[i].impl, ni_in_fs, &id,
                        "sip%" PRId64 ".cube%" PRId64 ".pe%" PRId64 ".%s", sip, cube, pe,
                        parts[i].name));
    }
    b->node.pe = -1;
    return KB_OK;
}

static kb_status add_cube_nodes(builder *b, int64_t sip, int64_t cube, uint32_t *first) {
    static const struct {
        kb_impl impl;
        const char *name;
    } parts[KB_CUBE_PES] = {{KB_IMPL_M_CPU, "m_cpu"},
                            {KB_IMPL_M_CPU_DMA, "m_cpu.dma"},
                            {KB_IMPL_SRAM, "sram"},
                            {KB_IMPL_HBM, "hbm"}};
    const kb_system *system = b->system;
    uint32_t id;
    b->node.cube = (int32_t)cube;
    KB_TRY(add_routers(b, sip, cube, first));
    for (int i = 0; i < KB_CUBE_PES; i++)
        KB_TRY(add_node(b, parts[i].impl, system->params.noc.ni_in_fs, &id,
                        "sip%" PRId64 ".cube%" PRId64 ".%s", sip, cube, parts[i].name));
    for (int64_t pe = 0; pe < system->n_pes; pe++) KB_TRY(add_pe(b, sip, cube, pe));
    b->node.transit = TRANSIT(system->params.ucie);
    for (int side = 0; side < KB_N_SIDES; side++)
        if (kb_layout_has_side(system, cube % system->cubes_x, cube / system->cubes_x, side))
            KB_TRY(add_node(b, KB_IMPL_TRANSIT, system->params.ucie.overhead_fs, &id,
                            "sip%" PRId64 ".cube%" PRId64 ".%s", sip, cube, side_names[side]));
    b->node.cube = -1;
    return KB_OK;
}

static kb_status add_sip_nodes(builder *b, int64_t sip, uint32_t *first, uint32_t *cubes) {
    const kb_params *params = &b->system->params;
    uint32_t id;
    b->node.sip = (int32_t)sip;
    b->node.transit = TRANSIT(params->io);
    KB_TRY(
        add_node(b, KB_IMPL_TRANSIT, params->io.overhead_fs, first, "sip%" PRId64 ".io.xbar", sip));
    KB_TRY(add_node(b, KB_IMPL_IO_CPU, 0, &id, "sip%" PRId64 ".io.cpu", sip));
    KB_TRY(
        add_node(b, KB_IMPL_TRANSIT, params->io.overhead_fs, &id, "sip%" PRId64 ".io.host", sip));
    b->node.transit = TRANSIT(params->ucie);
    for (int64_t y = 0; y < b->system->cubes_y; y++)
        KB_TRY(add_node(b, KB_IMPL_TRANSIT, params->ucie.overhead_fs, &id,
                        "sip%" PRId64 ".io.ucie%" PRId64, sip, y));
    b->node.transit = TRANSIT(params->fabric);
    for (int direction = 0; direction < KB_N_DIRECTIONS; direction++)
        if (kb_layout_has_c2c(b->system, sip, direction))
            KB_TRY(add_node(b, KB_IMPL_TRANSIT, params->fabric.overhead_fs, &id,
                            "sip%" PRId64 ".io.c2c%d", sip, direction));
    for (int64_t cube = 0; cube < b->topology->machine.n_cubes; cube++)
        KB_TRY(add_cube_nodes(b, sip, cube, &cubes[cube]));
    b->node.sip = -1;
    return KB_OK;
}

static kb_status attach(builder *b, uint32_t part, uint32_t router, kb_ratio rate) {
    const kb_params_noc *noc = &b->system->params.noc;
    KB_TRY(kb_graph_add_link(b->topology, router, part, rate, noc->latency_fs + noc->ni_out_fs,
                             b->err));
    return kb_graph_add_link(b->topology, part, router, rate, noc->latency_fs, b->err);
}

static kb_status add_hbm_links(builder *b, int64_t sip, int64_t cube, uint32_t *first) {
    const kb_system *system = b->system;
    const kb_params_hbm *hbm = &system->params.hbm;
    uint32_t id = kb_layout_cube(b->topology, sip, cube, kb_layout_part(system, KB_CUBE_HBM));
    *first = (uint32_t)b->topology->links.count;
    for (int64_t port = 0; port < hbm->remote_ports; port++)
        KB_TRY(attach(b, id,
                      kb_layout_cube(b->topology, sip, cube, kb_layout_port_router(system, port)),
                      hbm->port));
    for (int64_t pe = 0; hbm->attach == KB_HBM_PER_PE && pe < system->n_pes; pe++) {
        uint32_t dma =
            kb_layout_cube(b->topology, sip, cube, kb_layout_pe(system, pe, KB_PART_PE_DMA));
        KB_TRY(add_pair(b, dma, id, hbm->local, hbm->local_latency_fs));
    }
    return KB_OK;
}

static kb_status add_cube_links(builder *b, int64_t sip, int64_t cube, uint32_t *ports) {
    const kb_system *system = b->system;
    const kb_topology *topology = b->topology;
    const kb_params *params = &system->params;
    const kb_mesh mesh = {kb_layout_cube(topology, sip, cube, 0), (int32_t)system->noc_x,
                          (int32_t)system->noc_y, params->noc.kind == KB_NOC_TORUS};
    KB_TRY(kb_graph_add_mesh_links(b->topology, &mesh, params->noc.link, params->noc.latency_fs,
                                   b->err));
    for (int part = 0; part < KB_CUBE_HBM; part++)
        KB_TRY(attach(b, kb_layout_cube(topology, sip, cube, kb_layout_part(system, part)),
                      kb_layout_cube(topology, sip, cube, kb_layout_part_router(system, part)),
                      params->noc.link));
    for (int64_t pe = 0; pe < system->n_pes; pe++)
        for (int part = KB_PART_PE_CPU; part <= KB_PART_PE_DMA; part++)
            KB_TRY(attach(b, kb_layout_cube(topology, sip, cube, kb_layout_pe(system, pe, part)),
                          kb_layout_cube(topology, sip, cube, kb_layout_pe_router(system, pe)),
                          params->noc.link));
    for (int side = 0; side < KB_N_SIDES; side++)
        if (kb_layout_has_side(system, cube % system->cubes_x, cube / system->cubes_x, side))
            KB_TRY(
                add_pair(b, kb_layout_side(topology, sip, cube, side),
                         kb_layout_cube(topology, sip, cube, kb_layout_side_router(system, side)),
                         params->ucie.port, params->noc.latency_fs));
    return add_hbm_links(b, sip, cube, ports);
}

static kb_status add_ucie_links(builder *b, int64_t sip, int64_t cube) {
    const kb_system *system = b->system;
    const kb_params_ucie *ucie = &system->params.ucie;
    int64_t x = cube % system->cubes_x, y = cube / system->cubes_x;
    if (x == 0)
        KB_TRY(add_pair(b, kb_layout_io(b->topology, sip, KB_IO_UCIE + y),
                        kb_layout_side(b->topology, sip, cube, KB_WEST), ucie->link,
                        ucie->latency_fs));
    if (kb_layout_has_side(system, x, y, KB_EAST))
        KB_TRY(add_pair(b, kb_layout_side(b->topology, sip, cube, KB_EAST),
                        kb_layout_side(b->topology, sip, cube + 1, KB_WEST), ucie->link,
                        ucie->latency_fs));
    if (kb_layout_has_side(system, x, y, KB_SOUTH))
        KB_TRY(add_pair(b, kb_layout_side(b->topology, sip, cube, KB_SOUTH),
                        kb_layout_side(b->topology, sip, cube + system->cubes_x, KB_NORTH),
                        ucie->link, ucie->latency_fs));
    return KB_OK;
}

/* All links between two neighbours as one: their payload together. */
static kb_status fabric_rate(builder *b, kb_ratio *rate) {
    const kb_params_fabric *fabric = &b->system->params.fabric;
    int64_t den;
    bool overflow = kb_mul_i64(fabric->link.num, fabric->payload.den, &rate->num) ||
                    kb_mul_i64(fabric->link.den, fabric->payload.num, &den) ||
                    kb_mul_i64(den, fabric->links, &rate->den);
    if (!overflow) return KB_OK;
    return kb_error_set(
        b->err, KB_TOPOLOGY,
        "expected fabric.links * GBps * payload with fewer digits than 64 bits hold");
}

static kb_status add_fabric_links(builder *b, int64_t sip) {
    const kb_params_fabric *fabric = &b->system->params.fabric;
    kb_ratio rate;
    KB_TRY(fabric_rate(b, &rate));
    if (fabric->kind == KB_FABRIC_SWITCH) {
        if (b->system->n_sips == 1) return KB_OK;
        return add_pair(b, kb_layout_c2c(b->topology, sip, 0), b->topology->machine.fabric_switch,
                        rate, fabric->latency_fs);
    }
    for (int direction = KB_PLUS_X; direction <= KB_PLUS_Y; direction += KB_PLUS_Y - KB_PLUS_X) {
        int64_t next = kb_layout_neighbour(b->system, sip, direction);
        if (next >= 0)
            KB_TRY(add_pair(b, kb_layout_c2c(b->topology, sip, direction),
                            kb_layout_c2c(b->topology, next, direction + 1), rate,
                            fabric->latency_fs));
    }
    return KB_OK;
}

static kb_status add_sip_links(builder *b, int64_t sip, uint32_t *ports) {
    const kb_params *params = &b->system->params;
    uint32_t xbar = kb_layout_io(b->topology, sip, KB_IO_XBAR),
             end = b->topology->machine.cubes[sip * b->topology->machine.n_cubes];
    for (uint32_t id = xbar + 1; id < end; id++)
        KB_TRY(add_pair(b, xbar, id, params->io.link, params->io.latency_fs));
    KB_TRY(add_pair(b, b->topology->machine.host, kb_layout_io(b->topology, sip, KB_IO_HOST),
                    params->host.link, params->host.latency_fs));
    KB_TRY(add_fabric_links(b, sip));
    for (int64_t cube = 0; cube < b->topology->machine.n_cubes; cube++) {
        KB_TRY(add_cube_links(b, sip, cube, &ports[cube]));
        KB_TRY(add_ucie_links(b, sip, cube));
    }
    return KB_OK;
}

kb_status kb_hierarchy_expand(kb_topology *topology, kb_error *err) {
    const kb_system *system = &topology->system;
    kb_hierarchy *machine = &topology->machine;
    int64_t n_cubes = system->cubes_x * system->cubes_y;
    size_t n_all = (size_t)(system->n_sips * n_cubes);
    bool reduces = system->params.reduction.unit == KB_REDUCTION_SWITCH;
    uint32_t *sips = kb_arena_take(&topology->arena, (size_t)system->n_sips, sizeof *sips);
    uint32_t *cubes = kb_arena_take(&topology->arena, n_all, sizeof *cubes);
    uint32_t *ports = kb_arena_take(&topology->arena, n_all, sizeof *ports);
    if (!sips || !cubes || !ports) return kb_error_nomem(err, "the machine");
    *machine = (kb_hierarchy){.first = (uint32_t)topology->nodes.count,
                              .host = UINT32_MAX,
                              .fabric_switch = UINT32_MAX,
                              .sips = sips,
                              .cubes = cubes,
                              .ports = ports,
                              .n_cubes = n_cubes};
    builder b = {.topology = topology, .system = system, .err = err};
    b.node = (kb_node){.sip = -1, .cube = -1, .pe = -1, .mesh = -1, .x = -1, .y = -1, .params = -1};
    KB_TRY(add_node(&b, KB_IMPL_HOST, 0, &machine->host, "host"));
    b.node.transit = TRANSIT(system->params.fabric);
    if (system->params.fabric.kind == KB_FABRIC_SWITCH && system->n_sips > 1)
        KB_TRY(add_node(&b, reduces ? KB_IMPL_SWITCH : KB_IMPL_TRANSIT,
                        system->params.fabric.overhead_fs, &machine->fabric_switch,
                        "fabric.switch"));
    for (int64_t sip = 0; sip < system->n_sips; sip++)
        KB_TRY(add_sip_nodes(&b, sip, &sips[sip], &cubes[sip * n_cubes]));
    machine->end = (uint32_t)topology->nodes.count;
    for (int64_t sip = 0; sip < system->n_sips; sip++)
        KB_TRY(add_sip_links(&b, sip, &ports[sip * n_cubes]));
    return KB_OK;
}
