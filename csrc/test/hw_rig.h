/* A machine for tests of its parts: a topology from text, everything shared, and those components
 * that a test wants.  It needs no PE_CPU. */
#ifndef KB_TEST_HW_RIG_H
#define KB_TEST_HW_RIG_H

#include "hw/component/copy.h"
#include "hw/component/launch.h"
#include "hw/component/request.h"
#include "hw/control/host.h"
#include "hw/control/io_cpu.h"
#include "hw/control/m_cpu.h"
#include "hw/control/m_cpu_dma.h"
#include "hw/memory/hbm.h"
#include "hw/memory/sram.h"
#include "hw/pe/mmu.h"
#include "hw/pe/pe_dma.h"
#include "hw/pe/pe_gemm.h"
#include "hw/pe/pe_math.h"
#include "hw/pe/pe_sched.h"
#include "hw/registry.h"
#include "test/topology_text.h"

static const kb_component_type rig_types[] = {
    {KB_IMPL_HBM, kb_hbm_create, kb_hbm_destroy, NULL},
    {KB_IMPL_SRAM, kb_sram_create, kb_sram_destroy, NULL},
    {KB_IMPL_PE_TCM, kb_tcm_create, kb_tcm_destroy, NULL},
    {KB_IMPL_PE_SCHED, kb_sched_create, kb_sched_destroy, NULL},
    {KB_IMPL_PE_DMA, kb_dma_create, kb_dma_destroy, NULL},
    {KB_IMPL_PE_GEMM, kb_gemm_create, kb_gemm_destroy, NULL},
    {KB_IMPL_PE_MATH, kb_math_create, kb_math_destroy, NULL},
    {KB_IMPL_M_CPU_DMA, kb_m_cpu_dma_create, kb_m_cpu_dma_destroy, NULL},
    {KB_IMPL_M_CPU, kb_m_cpu_create, kb_m_cpu_destroy, NULL},
    {KB_IMPL_IO_CPU, kb_io_cpu_create, kb_io_cpu_destroy, NULL},
    {KB_IMPL_HOST, kb_host_create, kb_host_destroy, NULL},
};

enum { RIG_N_TYPES = sizeof rig_types / sizeof rig_types[0], RIG_MAX_SIPS = 8 };

typedef struct rig {
    kb_alloc alloc;
    kb_topology *topology;
    kb_parts parts;
    int64_t fanout_fs[RIG_MAX_SIPS];
    uint32_t n_nodes;
    kb_error err;
} rig;

static inline kb_status rig_create(rig *r) {
    kb_parts *p = &r->parts;
    const kb_node *nodes = kb_topology_nodes(r->topology);
    r->n_nodes = kb_topology_n_nodes(r->topology);
    p->components = kb_alloc_zeroed(&r->alloc, r->n_nodes, sizeof *p->components);
    if (!p->components) return kb_error_nomem(&r->err, "the rig");
    KB_TRY(kb_sim_create(&r->alloc, &p->sim, &r->err));
    KB_TRY(kb_oplog_create(&r->alloc, KB_OPLOG_FULL, &p->log, &r->err));
    KB_TRY(kb_fabric_create(&r->alloc, p->sim, r->topology, &p->fabric, &r->err));
    KB_TRY(kb_dispatch_create(&r->alloc, p->sim, p->fabric, r->n_nodes, &p->dispatch, &r->err));
    KB_TRY(kb_requests_create(&r->alloc, p->sim, p->fabric, p->dispatch, &p->requests, &r->err));
    KB_TRY(kb_mmu_create(&r->alloc, &p->mmu, &r->err));
    KB_TRY(kb_launches_create(&r->alloc, &p->launches, &r->err));
    KB_TRY(kb_copies_create(&r->alloc, &p->copies, &r->err));
    for (int i = 0; i < RIG_N_TYPES; i++)
        for (uint32_t node = 0; node < r->n_nodes; node++)
            if (nodes[node].impl == rig_types[i].impl)
                KB_TRY(rig_types[i].create(p, node, &p->components[node], &r->err));
    return KB_OK;
}

static inline void rig_destroy(rig *r) {
    kb_parts *p = &r->parts;
    for (uint32_t node = 0; p->components && node < r->n_nodes; node++)
        for (int i = 0; i < RIG_N_TYPES; i++)
            if (kb_topology_nodes(r->topology)[node].impl == rig_types[i].impl)
                rig_types[i].destroy(p->components[node]);
    kb_copies_destroy(p->copies);
    kb_launches_destroy(p->launches);
    kb_mmu_destroy(p->mmu);
    kb_requests_destroy(p->requests);
    kb_dispatch_destroy(p->dispatch);
    kb_fabric_destroy(p->fabric);
    kb_oplog_destroy(p->log);
    kb_sim_destroy(p->sim);
    kb_alloc_free(&r->alloc, p->components, r->n_nodes, sizeof *p->components);
    memset(p, 0, sizeof *p);
}

/* False, with a failed check, when it cannot be made.  rig_close must follow either way. */
static inline bool rig_open(rig *r, const char *yaml) {
    memset(r, 0, sizeof *r);
    r->alloc = kb_alloc_system();
    r->topology = topology_parse(&r->alloc, yaml);
    if (!r->topology) return false;
    r->parts.alloc = &r->alloc;
    r->parts.topology = r->topology;
    r->parts.fanout_fs = r->fanout_fs;
    if (CHECK_EQ(rig_create(r), KB_OK)) return true;
    printf("#     %s\n", r->err.message);
    return false;
}

static inline void rig_close(rig *r) {
    if (r->topology) rig_destroy(r);
    kb_topology_destroy(r->topology);
    CHECK_EQ(r->alloc.live_nbytes, 0);
}

/* Runs until nothing is left to happen. */
static inline kb_status rig_run(rig *r) {
    kb_run_end end = KB_RUN_BUDGET;
    kb_status status = kb_sim_run(r->parts.sim, KB_TIME_MAX, UINT64_MAX, &end, &r->err);
    if (status == KB_OK) CHECK_EQ(end, KB_RUN_IDLE);
    return status;
}

static inline void rig_run_well(rig *r) {
    if (!CHECK_EQ(rig_run(r), KB_OK)) printf("#     %s\n", r->err.message);
}

static inline uint32_t rig_part(const rig *r, kb_impl impl, int32_t sip, int32_t cube, int32_t pe) {
    return kb_topology_part(r->topology, impl, sip, cube, pe);
}

/* --- what one message does on an idle path, flit by flit (the definition, without trains) ----- */

enum { RIG_MAX_FLITS = 4096 };

/* there[i]: when flit i is at its sender; afterwards, when it is at the receiver. */
static inline void rig_travel(rig *r, uint32_t src, uint32_t dst, int32_t slice, int64_t *there,
                              int64_t n_flits) {
    const kb_link *links = kb_topology_links(r->topology);
    const kb_node *nodes = kb_topology_nodes(r->topology);
    const uint32_t *path;
    uint32_t n_links, number;
    if (!CHECK_EQ(kb_topology_path(r->topology, src, dst, slice, &path, &n_links, &number, &r->err),
                  KB_OK))
        return;
    for (uint32_t i = 0; i < n_links; i++) {
        const kb_link *link = &links[path[i]];
        int64_t head_fs = there[0] + nodes[link->src].overhead_fs, free_fs = 0;
        for (int64_t f = 0; f < n_flits; f++) {
            int64_t start_fs = there[f] > head_fs ? there[f] : head_fs;
            if (start_fs < free_fs) start_fs = free_fs;
            free_fs = start_fs + link->service_fs;
            there[f] = free_fs + link->latency_fs;
        }
    }
}

#endif
