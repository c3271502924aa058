#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "engine/engine.h"

/* Tensors start at multiples of this, so that those of one SIP never share a 4 KiB granule. */
enum { VA_ALIGNMENT = 4096, VA_GAP = 4096 };

/* --- life ------------------------------------------------------------------------------------ */

static uint32_t n_slices(const kb_engine_memory *memory, kb_space space) {
    return memory->n_cubes * memory->per_cube[space];
}

static kb_status create_sip(kb_engine_memory *memory, uint32_t sip,
                            const uint64_t nbytes[KB_SPACE_COUNT], kb_error *err) {
    kb_sip_memory *part = &memory->sips[sip];
    kb_va first;
    KB_TRY(kb_va_pack(sip, KB_VA_GUARD_NBYTES, &first, err));
    KB_TRY(kb_range_init(&part->virtual_range, memory->alloc, first,
                         KB_VA_SIP_NBYTES - KB_VA_GUARD_NBYTES, err));
    for (int space = 0; space < KB_SPACE_COUNT; space++) {
        uint32_t count = n_slices(memory, (kb_space)space);
        kb_range *slices = kb_alloc_zeroed(memory->alloc, count, sizeof *slices);
        if (!slices) return kb_error_nomem(err, "free ranges of the memories");
        part->spaces[space] = slices;
        for (uint32_t i = 0; i < count; i++)
            KB_TRY(kb_range_init(&slices[i], memory->alloc, 0, nbytes[space], err));
    }
    return KB_OK;
}

kb_status kb_engine_memory_create(kb_engine *engine, kb_error *err) {
    kb_engine_memory *memory = &engine->memory;
    const kb_system *system = kb_topology_system(engine->topology);
    memory->alloc = engine->alloc;
    if (!system || system->n_sips == 0) return KB_OK;
    uint32_t n_sips = (uint32_t)system->n_sips;
    memory->n_cubes = (uint32_t)(system->cubes_x * system->cubes_y);
    memory->per_cube[KB_SPACE_HBM] = (uint32_t)system->n_slices;
    memory->per_cube[KB_SPACE_SRAM] = 1;
    memory->per_cube[KB_SPACE_TCM] = (uint32_t)system->n_pes;
    memory->sips = kb_alloc_zeroed(engine->alloc, n_sips, sizeof *memory->sips);
    if (!memory->sips) return kb_error_nomem(err, "memory of the SIPs");
    memory->n_sips = n_sips;
    const uint64_t nbytes[KB_SPACE_COUNT] = {
        [KB_SPACE_HBM] = (uint64_t)(system->params.hbm.capacity_nbytes / system->n_slices),
        [KB_SPACE_SRAM] = (uint64_t)system->params.sram.capacity_nbytes,
        [KB_SPACE_TCM] = (uint64_t)system->params.pe_tcm.capacity_nbytes};
    for (uint32_t i = 0; i < n_sips; i++) KB_TRY(create_sip(memory, i, nbytes, err));
    return KB_OK;
}

static void destroy_tensor(kb_engine_memory *memory, kb_tensor_range *tensor) {
    kb_placement_deinit(&tensor->placement);
    kb_alloc_free(memory->alloc, tensor, 1, sizeof *tensor);
}

void kb_engine_memory_destroy(kb_engine *engine) {
    kb_engine_memory *memory = &engine->memory;
    for (size_t i = 0; i < memory->tensors.count; i++)
        destroy_tensor(memory, memory->tensors.items[i]);
    KB_VEC_FREE(&memory->tensors, memory->alloc);
    for (uint32_t i = 0; i < memory->n_sips; i++) {
        kb_sip_memory *part = &memory->sips[i];
        kb_range_deinit(&part->virtual_range);
        for (int space = 0; space < KB_SPACE_COUNT; space++) {
            kb_range *slices = part->spaces[space];
            uint32_t count = n_slices(memory, (kb_space)space);
            for (uint32_t k = 0; slices && k < count; k++) kb_range_deinit(&slices[k]);
            kb_alloc_free(memory->alloc, slices, count, sizeof *slices);
        }
    }
    kb_alloc_free(memory->alloc, memory->sips, memory->n_sips, sizeof *memory->sips);
}

/* --- map and unmap ------------------------------------------------------------------------------ */

/* The memory of a name, with or without the SIP in front, and its number among those of the SIP. */
static kb_status find_memory(const kb_engine *engine, const kb_map_spec *spec, kb_space *space,
                             uint32_t *slice, kb_error *err) {
    char name[256];
    uint32_t id;
    bool whole = strncmp(spec->node, "sip", 3) == 0;
    if (whole) (void)snprintf(name, sizeof name, "%s", spec->node);
    else (void)snprintf(name, sizeof name, "sip%d.%s", spec->sip, spec->node);
    kb_status status = kb_topology_find(engine->topology, name, &id, err);
    if (status) {
        kb_error_wrap(err, "placement");
        return status;
    }
    const kb_node *node = &kb_topology_nodes(engine->topology)[id];
    bool sram = node->impl == KB_IMPL_SRAM, tcm = node->impl == KB_IMPL_PE_TCM;
    if (node->sip != spec->sip || (!sram && !tcm))
        return kb_error_set(err, KB_INVALID,
                            "placement: expected an SRAM or a TCM of SIP %d, such as cube0.sram or "
                            "cube0.pe0.tcm, or the number of a slice of HBM, got %s",
                            spec->sip, spec->node);
    *space = sram ? KB_SPACE_SRAM : KB_SPACE_TCM;
    *slice =
        (uint32_t)node->cube * engine->memory.per_cube[*space] + (tcm ? (uint32_t)node->pe : 0);
    return KB_OK;
}

/* The whole tensor in one slice of HBM, in one SRAM or in one TCM. */
static kb_status place_local(kb_engine *engine, const kb_map_spec *spec, kb_placement *placement,
                             kb_error *err) {
    kb_engine_memory *memory = &engine->memory;
    kb_space space = KB_SPACE_HBM;
    uint32_t slice = (uint32_t)spec->slice, count = n_slices(memory, KB_SPACE_HBM);
    if (spec->node) KB_TRY(find_memory(engine, spec, &space, &slice, err));
    else if (spec->slice < 0 || slice >= count)
        return kb_error_set(err, KB_INVALID, "placement: expected a slice from 0 to %u, got %d",
                            count - 1, spec->slice);
    KB_TRY(kb_placement_local(placement, memory->alloc, (uint64_t)spec->nbytes, slice,
                              memory->per_cube[space], err));
    placement->space = space;
    return KB_OK;
}

static kb_status place(kb_engine *engine, const kb_map_spec *spec, kb_placement *placement,
                       kb_error *err) {
    kb_engine_memory *memory = &engine->memory;
    kb_slices all = {0, n_slices(memory, KB_SPACE_HBM), memory->per_cube[KB_SPACE_HBM]};
    uint64_t nbytes = (uint64_t)spec->nbytes;
    switch (spec->placement) {
    case KB_PLACE_BLOCKED: return kb_placement_blocked(placement, memory->alloc, nbytes, all, err);
    case KB_PLACE_INTERLEAVED:
        return kb_placement_interleaved(placement, memory->alloc, nbytes,
                                        (uint64_t)spec->chunk_nbytes, all, err);
    case KB_PLACE_REPLICATED:
        return kb_placement_replicated(placement, memory->alloc, nbytes, all, err);
    case KB_PLACE_SHARDED: {
        uint64_t row = (uint64_t)spec->dim_count * (uint64_t)spec->inner_nbytes;
        uint64_t shape[3] = {row ? nbytes / row : 0, (uint64_t)spec->dim_count,
                             (uint64_t)spec->inner_nbytes};
        return kb_placement_sharded(placement, memory->alloc, shape, 3, 1, 1, all, err);
    }
    case KB_PLACE_LOCAL: return place_local(engine, spec, placement, err);
    }
    return kb_error_set(err, KB_INVALID, "placement: unknown number %d", (int)spec->placement);
}

/* The first tensor that starts after va. */
static size_t tensor_after(const kb_engine_memory *memory, kb_va va) {
    size_t lo = 0, hi = memory->tensors.count;
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (memory->tensors.items[mid]->va <= va) lo = mid + 1;
        else hi = mid;
    }
    return lo;
}

static uint64_t reserved_nbytes(uint64_t nbytes) {
    return (nbytes + VA_ALIGNMENT - 1) / VA_ALIGNMENT * VA_ALIGNMENT + VA_GAP;
}

/* Undoes the steps of a map from the last one done. */
enum { STEP_TENSOR, STEP_PLACED, STEP_RESERVED, STEP_VIRTUAL, STEP_STORED };

static void undo(kb_engine *engine, kb_sip_memory *sip, kb_tensor_range *tensor, int done) {
    kb_engine_memory *memory = &engine->memory;
    kb_space space = tensor->placement.space;
    kb_status ignored = KB_OK;
    if (done >= STEP_STORED) ignored = kb_store_unmap(engine->store, tensor->va, NULL);
    if (done >= STEP_VIRTUAL)
        ignored =
            kb_range_give(&sip->virtual_range, tensor->va, reserved_nbytes(tensor->nbytes), NULL);
    if (done >= STEP_RESERVED)
        ignored = kb_placement_release(&tensor->placement, sip->spaces[space],
                                       n_slices(memory, space), NULL);
    (void)ignored;
    destroy_tensor(memory, tensor);
}

static kb_status map_tensor(kb_engine *engine, const kb_map_spec *spec, kb_sip_memory *sip,
                            kb_tensor_range *tensor, int *done, kb_error *err) {
    kb_engine_memory *memory = &engine->memory;
    KB_TRY(place(engine, spec, &tensor->placement, err));
    *done = STEP_PLACED;
    kb_space space = tensor->placement.space;
    KB_TRY(
        kb_placement_reserve(&tensor->placement, sip->spaces[space], n_slices(memory, space), err));
    *done = STEP_RESERVED;
    KB_TRY(kb_range_take(&sip->virtual_range, reserved_nbytes(tensor->nbytes), VA_ALIGNMENT,
                         &tensor->va, err));
    *done = STEP_VIRTUAL;
    if (tensor->nbytes) {
        kb_extent *extent;
        unsigned flags = (spec->zeroed ? KB_MAP_ZEROED : 0u) | (spec->keep ? KB_MAP_KEEP : 0u);
        KB_TRY(kb_store_map(engine->store, tensor->va, tensor->nbytes, flags, &extent, err));
        *done = STEP_STORED;
        kb_mapping mapping = {tensor->va, tensor->nbytes, &tensor->placement,
                              (int32_t)memory->tensors.count};
        KB_TRY(kb_machine_map(engine->machine, &mapping, err));
    }
    return KB_OK;
}

static kb_status check_sip(const kb_engine_memory *memory, int32_t sip, kb_error *err) {
    if (sip >= 0 && (uint32_t)sip < memory->n_sips) return KB_OK;
    return kb_error_set(err, KB_INVALID, "sip: expected one of the machine's %u, got %d",
                        memory->n_sips, sip);
}

kb_status kb_engine_map(kb_engine *engine, const kb_map_spec *spec, uint64_t *va, kb_error *err) {
    kb_engine_memory *memory = &engine->memory;
    KB_TRY(check_sip(memory, spec->sip, err));
    if (spec->nbytes < 0)
        return kb_error_set(err, KB_INVALID, "nbytes: expected at least 0, got %" PRId64,
                            spec->nbytes);
    kb_sip_memory *sip = &memory->sips[spec->sip];
    if (!KB_VEC_RESERVE(&memory->tensors, engine->alloc, 1))
        return kb_error_nomem(err, "table of tensors");
    kb_tensor_range *tensor = kb_alloc_zeroed(engine->alloc, 1, sizeof *tensor);
    if (!tensor) return kb_error_nomem(err, "tensor");
    tensor->nbytes = (uint64_t)spec->nbytes;
    int done = STEP_TENSOR;
    kb_status status = map_tensor(engine, spec, sip, tensor, &done, err);
    if (status) {
        undo(engine, sip, tensor, done);
        return status;
    }
    size_t at = tensor_after(memory, tensor->va);
    memmove(&memory->tensors.items[at + 1], &memory->tensors.items[at],
            (memory->tensors.count - at) * sizeof *memory->tensors.items);
    memory->tensors.items[at] = tensor;
    memory->tensors.count++;
    *va = tensor->va;
    return KB_OK;
}

static kb_status find_tensor(const kb_engine_memory *memory, kb_va va, size_t *at, kb_error *err) {
    *at = tensor_after(memory, va);
    if (*at == 0) goto none;
    *at -= 1;
    const kb_tensor_range *tensor = memory->tensors.items[*at];
    if (va == tensor->va || va - tensor->va < tensor->nbytes) return KB_OK;
none:
    return kb_error_set(err, KB_PAGE_FAULT, "address 0x%" PRIx64 ": no tensor is mapped there", va);
}

kb_status kb_engine_unmap(kb_engine *engine, uint64_t va, kb_error *err) {
    kb_engine_memory *memory = &engine->memory;
    size_t at;
    KB_TRY(find_tensor(memory, va, &at, err));
    kb_tensor_range *tensor = memory->tensors.items[at];
    if (tensor->nbytes) KB_TRY(kb_machine_unmap(engine->machine, tensor->va, err));
    memory->tensors.count--;
    memmove(&memory->tensors.items[at], &memory->tensors.items[at + 1],
            (memory->tensors.count - at) * sizeof *memory->tensors.items);
    undo(engine, &memory->sips[kb_va_sip(tensor->va)], tensor,
         tensor->nbytes ? STEP_STORED : STEP_VIRTUAL);
    return KB_OK;
}

kb_status kb_engine_free_nbytes(const kb_engine *engine, int32_t sip, uint64_t *nbytes,
                                kb_error *err) {
    const kb_engine_memory *memory = &engine->memory;
    KB_TRY(check_sip(memory, sip, err));
    const kb_range *slices = memory->sips[sip].spaces[KB_SPACE_HBM];
    *nbytes = 0;
    for (uint32_t i = 0; i < n_slices(memory, KB_SPACE_HBM); i++) *nbytes += slices[i].free_nbytes;
    return KB_OK;
}

kb_status kb_engine_take_room(void *self, uint32_t node, int32_t slice, uint64_t nbytes,
                              uint64_t *offset, kb_error *err) {
    kb_engine *engine = self;
    kb_engine_memory *memory = &engine->memory;
    const kb_node *at = &kb_topology_nodes(engine->topology)[node];
    kb_space space = at->impl == KB_IMPL_HBM ? KB_SPACE_HBM : KB_SPACE_SRAM;
    uint32_t index = (uint32_t)at->cube * memory->per_cube[space];
    if (space == KB_SPACE_HBM) index += (uint32_t)slice;
    KB_TRY(kb_range_take_last(&memory->sips[at->sip].spaces[space][index], nbytes, VA_ALIGNMENT,
                              offset, err));
    memory->ring_nbytes += nbytes;
    return KB_OK;
}

/* --- bytes --------------------------------------------------------------------------------------- */

kb_status kb_engine_write(kb_engine *engine, uint64_t va, const void *bytes, int64_t nbytes,
                          kb_error *err) {
    if (nbytes == 0) return KB_OK;
    kb_extent *extent;
    KB_TRY(kb_store_access(engine->store, va, (uint64_t)nbytes, &extent, err));
    if (!extent->bytes) return KB_OK;
    memcpy(extent->bytes + (va - extent->va), bytes, (size_t)nbytes);
    return kb_store_mark(engine->store, va, (uint64_t)nbytes, err);
}

kb_status kb_engine_view(kb_engine *engine, uint64_t va, int64_t nbytes, const void **bytes,
                         void **pin, kb_error *err) {
    static const char nothing[1] = {0};
    *pin = NULL;
    *bytes = nothing;
    if (nbytes == 0) return KB_OK;
    kb_extent *extent;
    KB_TRY(kb_store_access(engine->store, va, (uint64_t)nbytes, &extent, err));
    if (!extent->bytes)
        return kb_error_set(err, KB_NO_DATA,
                            "host read: expected data, got a run of timing alone; "
                            "make the Context with data=True, or the tensor with keep=True");
    kb_va unwritten = va;
    KB_TRY(kb_store_first_unwritten(engine->store, va, (uint64_t)nbytes, &unwritten, err));
    if (engine->options.uninit == KB_CHECK_ERROR && unwritten != va + (uint64_t)nbytes)
        return kb_error_set(err, KB_UNINIT,
                            "host read: expected bytes that were written, got byte "
                            "%" PRIu64 " of the tensor, which never was; use zeros instead of "
                            "empty, or uninit=\"ignore\"",
                            unwritten - extent->va);
    kb_extent_pin(extent);
    *pin = extent;
    *bytes = extent->bytes + (va - extent->va);
    return KB_OK;
}

void kb_engine_unpin(kb_engine *engine, void *pin) {
    (void)engine;
    if (pin) kb_extent_unpin(pin);
}
