#include "spec/check.h"

#include <inttypes.h>

#include "base/checked.h"
#include "mem/address.h"
#include "spec/graph.h"

/* Fails at a key of a mapping. */
#define FAIL_KEY(reader, map, key, ...)                           \
    do {                                                          \
        kb_place fail_place_ = kb_read_child((map), (key));       \
        return kb_read_fail((reader), &fail_place_, __VA_ARGS__); \
    } while (0)

kb_status kb_check_hbm(const kb_reader *reader, const kb_place *place, const kb_params_hbm *hbm,
                       int64_t flit_nbytes, int64_t n_slices) {
    int64_t stripe;
    if (!kb_is_power_of_two(hbm->interleave_nbytes) || hbm->interleave_nbytes < flit_nbytes)
        FAIL_KEY(reader, place, "interleave",
                 "expected a power of two of at least flit_bytes (%" PRId64 "), got %" PRId64,
                 flit_nbytes, hbm->interleave_nbytes);
    if (hbm->pcs % n_slices != 0)
        FAIL_KEY(reader, place, "pcs", "expected a multiple of %s (%" PRId64 "), got %" PRId64,
                 hbm->attach == KB_HBM_PER_PE ? "cube.pes" : "remote_ports", n_slices, hbm->pcs);
    if (kb_mul_i64(hbm->pcs, hbm->interleave_nbytes, &stripe) || hbm->capacity_nbytes % stripe != 0)
        FAIL_KEY(reader, place, "capacity",
                 "expected a multiple of pcs * interleave (%" PRId64 " * %" PRId64
                 "), got %" PRId64,
                 hbm->pcs, hbm->interleave_nbytes, hbm->capacity_nbytes);
    if (hbm->pc_hash == KB_PC_HASH_XOR && !kb_is_power_of_two(hbm->pcs / n_slices))
        FAIL_KEY(
            reader, place, "pc_hash",
            "expected none, as xor needs a power of two of PCs in a slice, got xor with %" PRId64,
            hbm->pcs / n_slices);
    return KB_OK;
}

kb_status kb_check_sram(const kb_reader *reader, const kb_place *place, const kb_params_sram *sram,
                        int64_t flit_nbytes) {
    if (sram->capacity_nbytes < flit_nbytes)
        FAIL_KEY(reader, place, "capacity",
                 "expected at least flit_bytes (%" PRId64 "), got %" PRId64, flit_nbytes,
                 sram->capacity_nbytes);
    return KB_OK;
}

static kb_status check_size(const kb_reader *reader, const kb_place *place,
                            const kb_system *system) {
    if (kb_hierarchy_count(system) <= KB_GRAPH_MAX_PARTS) return KB_OK;
    return kb_read_fail(reader, place,
                        "expected a machine of at most %d nodes and links, got %" PRId64
                        " SIPs of %" PRId64 " x %" PRId64 " cubes of %" PRId64 " PEs and %" PRId64
                        " x %" PRId64 " routers; lower the counts",
                        (int)KB_GRAPH_MAX_PARTS, system->n_sips, system->cubes_x, system->cubes_y,
                        system->n_pes, system->noc_x, system->noc_y);
}

/* Every byte has an address (mem/address.h). */
static kb_status check_addresses(const kb_reader *reader, const kb_place *place,
                                 const kb_system *system) {
    const kb_params *params = &system->params;
    int64_t memory = INT64_C(1) << KB_ADDR_OFFSET_BITS, tcm = memory >> KB_ADDR_PE_BITS;
    kb_place sip = kb_read_child(place, "sip"), cube = kb_read_child(place, "cube");
    kb_place hbm_place = kb_read_child(&cube, "hbm"), sram_place = kb_read_child(&cube, "sram");
    kb_place pe = kb_read_child(place, "pe"), tcm_place = kb_read_child(&pe, "tcm");
    if (system->cubes_x * system->cubes_y > INT64_C(1) << KB_ADDR_CUBE_BITS)
        FAIL_KEY(reader, &sip, "cubes",
                 "expected at most %d cubes in a SIP, got %" PRId64 " * %" PRId64,
                 1 << KB_ADDR_CUBE_BITS, system->cubes_x, system->cubes_y);
    if (params->hbm.capacity_nbytes > memory)
        FAIL_KEY(reader, &hbm_place, "capacity", "expected at most %" PRId64 " bytes, got %" PRId64,
                 memory, params->hbm.capacity_nbytes);
    if (params->sram.capacity_nbytes > memory)
        FAIL_KEY(reader, &sram_place, "capacity",
                 "expected at most %" PRId64 " bytes, got %" PRId64, memory,
                 params->sram.capacity_nbytes);
    if (params->pe_tcm.capacity_nbytes > tcm)
        FAIL_KEY(reader, &tcm_place, "capacity", "expected at most %" PRId64 " bytes, got %" PRId64,
                 tcm, params->pe_tcm.capacity_nbytes);
    return KB_OK;
}

static kb_status check_fabric(const kb_reader *reader, const kb_place *place,
                              const kb_system *system) {
    int64_t kind = system->params.fabric.kind;
    bool grid = kind == KB_FABRIC_MESH || kind == KB_FABRIC_TORUS;
    kb_place fabric = kb_read_child(place, "fabric"), dims;
    if (system->params.fabric.payload.num > system->params.fabric.payload.den)
        FAIL_KEY(reader, &fabric, "payload", "expected at most 1, got more");
    if (system->params.reduction.unit == KB_REDUCTION_SWITCH && kind != KB_FABRIC_SWITCH) {
        kb_place reduction = kb_read_child(&fabric, "reduction");
        FAIL_KEY(reader, &reduction, "unit",
                 "expected none, as the fabric has no switch, got switch; set fabric.kind: switch");
    }
    if (!kb_read_find(&fabric, "dims", &dims)) return KB_OK;
    if (!grid)
        return kb_read_fail(reader, &dims, "expected dims with kind mesh or torus only; remove it");
    if (system->fabric_x * system->fabric_y != system->n_sips)
        return kb_read_fail(reader, &dims,
                            "expected x * y = sips (%" PRId64 "), got %" PRId64 " * %" PRId64,
                            system->n_sips, system->fabric_x, system->fabric_y);
    return KB_OK;
}

/* A ring in a memory fits the receiver's share of it. */
static kb_status check_ipcq(const kb_reader *reader, const kb_place *pe, const kb_system *system) {
    const kb_params *params = &system->params;
    const kb_params_pe_ipcq *ipcq = &params->pe_ipcq;
    kb_place place = kb_read_child(pe, "ipcq");
    int64_t nbytes, room = INT64_MAX;
    if (ipcq->memory == KB_IPCQ_SRAM) room = params->sram.capacity_nbytes / system->n_pes;
    if (ipcq->memory == KB_IPCQ_HBM) room = params->hbm.capacity_nbytes / system->n_slices;
    if (kb_mul_i64(ipcq->depth, ipcq->slot_nbytes, &nbytes) || nbytes > room)
        FAIL_KEY(reader, &place, "slot",
                 "expected depth (%" PRId64
                 ") slots that fit a PE's share of the memory they lie in"
                 " (%" PRId64 " bytes), got %" PRId64 " bytes each",
                 ipcq->depth, room, ipcq->slot_nbytes);
    return KB_OK;
}

static kb_status check_pe(const kb_reader *reader, const kb_place *place, const kb_params *params,
                          int64_t flit_nbytes) {
    kb_place pe = kb_read_child(place, "pe"), tcm = kb_read_child(&pe, "tcm");
    kb_place dma = kb_read_child(&pe, "dma"), mmu = kb_read_child(&pe, "mmu");
    if (params->pe_dma.window_nbytes < flit_nbytes)
        FAIL_KEY(reader, &dma, "window", "expected at least flit_bytes (%" PRId64 "), got %" PRId64,
                 flit_nbytes, params->pe_dma.window_nbytes);
    if (params->pe_tcm.capacity_nbytes < flit_nbytes)
        FAIL_KEY(reader, &tcm, "capacity",
                 "expected at least flit_bytes (%" PRId64 "), got %" PRId64, flit_nbytes,
                 params->pe_tcm.capacity_nbytes);
    if (!kb_is_power_of_two(params->pe_mmu.page_nbytes))
        FAIL_KEY(reader, &mmu, "page", "expected a power of two, got %" PRId64,
                 params->pe_mmu.page_nbytes);
    return KB_OK;
}

kb_status kb_check_system(const kb_reader *reader, const kb_place *place, const kb_system *system,
                          int64_t flit_nbytes) {
    kb_place cube = kb_read_child(place, "cube"), hbm = kb_read_child(&cube, "hbm");
    kb_place sram = kb_read_child(&cube, "sram");
    KB_TRY(check_addresses(reader, place, system));
    KB_TRY(check_size(reader, place, system));
    KB_TRY(check_fabric(reader, place, system));
    if (!system->dram.standard)
        KB_TRY(kb_check_hbm(reader, &hbm, &system->params.hbm, flit_nbytes, system->n_slices));
    KB_TRY(kb_check_sram(reader, &sram, &system->params.sram, flit_nbytes));
    int64_t n_routers = system->noc_x * system->noc_y;
    if (system->params.hbm.remote_ports > n_routers)
        FAIL_KEY(reader, &hbm, "remote_ports",
                 "expected at most as many as the cube has routers (%" PRId64 "), got %" PRId64,
                 n_routers, system->params.hbm.remote_ports);
    kb_place pe = kb_read_child(place, "pe");
    KB_TRY(check_ipcq(reader, &pe, system));
    return check_pe(reader, place, &system->params, flit_nbytes);
}
