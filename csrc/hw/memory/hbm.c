#include "hw/memory/hbm.h"

#include "base/checked.h"
#include "hw/component/meter.h"
#include "hw/memory/hbm_banked.h"
#include "hw/memory/memory.h"

typedef struct channel {
    int64_t free_fs;
    kb_meter meter; /* of bytes */
} channel;

struct kb_hbm {
    kb_hbm_banked *banked; /* NULL, or instead of all below */
    kb_memory memory;
    kb_alloc *alloc;
    uint32_t n_pcs, slice_pcs;
    uint64_t interleave; /* a power of two: */
    uint32_t unit_bits;
    bool hashed;
    uint32_t digit_bits; /* hashed: log2(slice_pcs) */
    int64_t access_fs;
    int64_t *service_fs; /* of 0 .. flit_nbytes bytes */
    size_t n_services;
    channel *pcs;
};

static uint32_t unit_pc(const kb_hbm *hbm, uint64_t unit) {
    if (!hbm->hashed) return (uint32_t)(unit % hbm->slice_pcs);
    uint64_t pc = 0;
    for (; unit > 0; unit >>= hbm->digit_bits) pc ^= unit;
    return (uint32_t)pc & (hbm->slice_pcs - 1);
}

uint32_t kb_hbm_pc(const kb_hbm *hbm, int32_t slice, uint64_t offset) {
    uint32_t first = slice > 0 ? (uint32_t)slice * hbm->slice_pcs : 0;
    return first + unit_pc(hbm, offset >> hbm->unit_bits);
}

int64_t kb_hbm_pc_free_fs(const kb_hbm *hbm, uint32_t pc) {
    return hbm->pcs[pc].free_fs;
}

const kb_dram_stack *kb_hbm_stack(const kb_hbm *hbm) {
    return hbm->banked ? kb_hbm_banked_stack(hbm->banked) : NULL;
}

static int64_t serve(void *self, int32_t slice, uint64_t offset, uint64_t nbytes, int64_t at_fs,
                     uint64_t *taken) {
    kb_hbm *hbm = self;
    uint64_t left = hbm->interleave - (offset & (hbm->interleave - 1));
    *taken = nbytes < left ? nbytes : left;
    channel *serving = &hbm->pcs[kb_hbm_pc(hbm, slice, offset)];
    int64_t start_fs = kb_max_i64(serving->free_fs, at_fs);
    serving->free_fs = start_fs + hbm->service_fs[*taken];
    kb_meter_run(&serving->meter, *taken, start_fs, serving->free_fs);
    return serving->free_fs + hbm->access_fs;
}

static void serve_flits(void *self, int32_t slice, uint64_t offset, kb_train flits,
                        kb_train *served) {
    kb_hbm *hbm = self;
    uint64_t flit_nbytes = hbm->n_services - 1;
    uint64_t left = hbm->interleave - (offset & (hbm->interleave - 1));
    int64_t service_fs = hbm->service_fs[flit_nbytes];
    int64_t count = kb_min_i64(flits.count, (int64_t)(left / flit_nbytes));
    channel *serving = &hbm->pcs[kb_hbm_pc(hbm, slice, offset)];
    int64_t start_fs = kb_max_i64(serving->free_fs, flits.start_fs);
    int64_t period_fs = kb_max_i64(flits.period_fs, service_fs);
    if (period_fs > service_fs && start_fs > flits.start_fs) count = 0; /* it catches up */
    *served = (kb_train){start_fs + service_fs + hbm->access_fs, period_fs, count};
    if (count == 0) return;
    serving->free_fs = start_fs + (count - 1) * period_fs + service_fs;
    kb_meter_run(&serving->meter, (uint64_t)count * flit_nbytes, start_fs, serving->free_fs);
}

static kb_status fill_services(kb_hbm *hbm, kb_ratio rate, kb_error *err) {
    for (size_t i = 0; i < hbm->n_services; i++)
        if (kb_ratio_scale(rate, (int64_t)i, &hbm->service_fs[i]))
            return kb_error_set(
                err, KB_OVERFLOW,
                "expected a pseudo-channel that serves a flit in less than 2^63 fs");
    return KB_OK;
}

static kb_status init(kb_hbm *hbm, const kb_parts *parts, uint32_t node, kb_error *err) {
    const kb_params_hbm *params = kb_topology_hbm(parts->topology, node);
    const kb_node *at = &kb_topology_nodes(parts->topology)[node];
    int64_t n_slices = at->params >= 0 ? 1 : kb_topology_system(parts->topology)->n_slices;
    hbm->alloc = parts->alloc;
    hbm->n_pcs = (uint32_t)params->pcs;
    hbm->slice_pcs = (uint32_t)(params->pcs / n_slices);
    if (hbm->slice_pcs == 0 || params->pcs % n_slices != 0)
        return kb_error_set(err, KB_TOPOLOGY,
                            "%s: expected as many PCs in each slice, got %lld PCs for %lld slices",
                            at->name, (long long)params->pcs, (long long)n_slices);
    hbm->interleave = (uint64_t)params->interleave_nbytes;
    hbm->unit_bits = (uint32_t)__builtin_ctzll(hbm->interleave);
    hbm->hashed = params->pc_hash == KB_PC_HASH_XOR && hbm->slice_pcs > 1;
    while ((1u << hbm->digit_bits) < hbm->slice_pcs) hbm->digit_bits++;
    hbm->access_fs = params->access_fs;
    hbm->n_services = (size_t)kb_topology_flit_nbytes(parts->topology) + 1;
    hbm->service_fs = kb_alloc_zeroed(parts->alloc, hbm->n_services, sizeof *hbm->service_fs);
    hbm->pcs = kb_alloc_zeroed(parts->alloc, hbm->n_pcs, sizeof *hbm->pcs);
    if (!hbm->service_fs || !hbm->pcs) return kb_error_nomem(err, "an HBM controller");
    for (uint32_t i = 0; i < hbm->n_pcs; i++)
        kb_meter_init(&hbm->pcs[i].meter, parts->sim, at->name, "pseudo-channel", (int32_t)i,
                      &params->pc);
    KB_TRY(fill_services(hbm, params->pc, err));
    hbm->memory = (kb_memory){.parts = parts,
                              .node = node,
                              .request_fs = params->request_fs,
                              .response_fs = params->response_fs,
                              .serve = serve,
                              .serve_flits = serve_flits,
                              .self = hbm};
    kb_memory_attach(&hbm->memory);
    return KB_OK;
}

kb_status kb_hbm_create(const kb_parts *parts, uint32_t node, void **hbm, kb_error *err) {
    kb_hbm *made = kb_alloc_zeroed(parts->alloc, 1, sizeof *made);
    if (!made) return kb_error_nomem(err, "an HBM controller");
    made->alloc = parts->alloc;
    const kb_dram *dram = kb_topology_dram(parts->topology, node);
    kb_status status = dram ? kb_hbm_banked_create(parts, node, dram, &made->banked, err)
                            : init(made, parts, node, err);
    if (status == KB_OK) *hbm = made;
    else kb_hbm_destroy(made);
    return status;
}

void kb_hbm_destroy(void *hbm) {
    kb_hbm *self = hbm;
    if (!self) return;
    kb_hbm_banked_destroy(self->banked);
    kb_alloc_free(self->alloc, self->service_fs, self->n_services, sizeof *self->service_fs);
    kb_alloc_free(self->alloc, self->pcs, self->n_pcs, sizeof *self->pcs);
    kb_alloc_free(self->alloc, self, 1, sizeof *self);
}
