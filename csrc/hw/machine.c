#include "hw/machine.h"

#include <inttypes.h>
#include <stdio.h>

#include "hw/barrier.h"
#include "hw/component/request.h"
#include "hw/control/host.h"
#include "hw/fabric/audit.h"
#include "hw/fabric/regions.h"
#include "hw/pe/pe_dma.h"
#include "hw/pe/ring.h"
#include "hw/pe/tcm.h"
#include "hw/registry.h"

struct kb_machine {
    kb_parts parts;
    uint32_t n_nodes;
    int64_t *fanout_fs; /* by SIP */
};

/* --- creation --------------------------------------------------------------------------------- */

static kb_status create_shared(kb_machine *machine, kb_error *err) {
    kb_parts *p = &machine->parts;
    machine->n_nodes = kb_topology_n_nodes(p->topology);
    p->components = kb_alloc_zeroed(p->alloc, machine->n_nodes, sizeof *p->components);
    if (!p->components) return kb_error_nomem(err, "the machine's components");
    KB_TRY(kb_fabric_create(p->alloc, p->sim, p->topology, &p->fabric, err));
    KB_TRY(kb_dispatch_create(p->alloc, p->sim, p->fabric, machine->n_nodes, &p->dispatch, err));
    KB_TRY(kb_requests_create(p->alloc, p->sim, p->fabric, p->dispatch, &p->requests, err));
    return kb_mmu_create(p->alloc, &p->mmu, err);
}

static kb_status create_system(kb_machine *machine, kb_error *err) {
    kb_parts *p = &machine->parts;
    size_t n_sips = (size_t)kb_topology_system(p->topology)->n_sips;
    if (n_sips == 0) return KB_OK;
    machine->fanout_fs = kb_alloc_zeroed(p->alloc, n_sips, sizeof *machine->fanout_fs);
    if (!machine->fanout_fs) return kb_error_nomem(err, "the start barrier");
    p->fanout_fs = machine->fanout_fs;
    KB_TRY(kb_launches_create(p->alloc, &p->launches, err));
    KB_TRY(kb_copies_create(p->alloc, &p->copies, err));
    KB_TRY(kb_rings_create(p->alloc, (uint32_t)kb_parts_params(p)->pe_ipcq.depth, &p->rings, err));
    KB_TRY(kb_marks_create(p->alloc, &p->marks, err));
    return kb_barrier_measure(p->alloc, p->topology, machine->fanout_fs, err);
}

static kb_status create_components(kb_machine *machine, kb_error *err) {
    const kb_node *nodes = kb_topology_nodes(machine->parts.topology);
    const kb_component_type *type;
    for (size_t i = 0; (type = kb_registry_at(i)) != NULL; i++)
        for (uint32_t node = 0; node < machine->n_nodes; node++)
            if (nodes[node].impl == type->impl) {
                kb_sim_add_slots_to(machine->parts.sim,
                                    kb_region_of(machine->parts.topology, &nodes[node]));
                KB_TRY(type->create(&machine->parts, node, &machine->parts.components[node], err));
            }
    kb_sim_add_slots_to(machine->parts.sim, 0);
    return KB_OK;
}

kb_status kb_machine_create(kb_alloc *alloc, kb_sim *sim, kb_topology *topology, kb_oplog *log,
                            const kb_hooks *hooks, kb_machine **machine, kb_error *err) {
    kb_machine *made = kb_alloc_zeroed(alloc, 1, sizeof *made);
    if (!made) return kb_error_nomem(err, "the machine");
    made->parts = (kb_parts){.alloc = alloc, .sim = sim, .topology = topology, .log = log};
    if (hooks) made->parts.hooks = *hooks;
    kb_status status = create_shared(made, err);
    if (status == KB_OK) status = create_system(made, err);
    if (status == KB_OK) status = create_components(made, err);
    if (status == KB_OK) *machine = made;
    else kb_machine_destroy(made);
    return status;
}

/* Components first, in reverse order: they still use what is shared. */
static void destroy_components(kb_machine *machine) {
    const kb_node *nodes = kb_topology_nodes(machine->parts.topology);
    size_t n_types = 0;
    while (kb_registry_at(n_types)) n_types++;
    for (size_t i = n_types; i-- > 0;)
        for (uint32_t node = 0; node < machine->n_nodes; node++)
            if (nodes[node].impl == kb_registry_at(i)->impl)
                kb_registry_at(i)->destroy(machine->parts.components[node]);
}

void kb_machine_destroy(kb_machine *machine) {
    if (!machine) return;
    kb_parts *p = &machine->parts;
    if (p->components) destroy_components(machine);
    kb_alloc_free(p->alloc, p->components, machine->n_nodes, sizeof *p->components);
    if (machine->fanout_fs)
        kb_alloc_free(p->alloc, machine->fanout_fs, (size_t)kb_topology_system(p->topology)->n_sips,
                      sizeof *machine->fanout_fs);
    kb_rings_destroy(p->rings);
    kb_marks_destroy(p->marks);
    kb_copies_destroy(p->copies);
    kb_launches_destroy(p->launches);
    kb_mmu_destroy(p->mmu);
    kb_requests_destroy(p->requests);
    kb_dispatch_destroy(p->dispatch);
    kb_fabric_destroy(p->fabric);
    kb_alloc_free(p->alloc, machine, 1, sizeof *machine);
}

/* --- work ------------------------------------------------------------------------------------- */

const kb_parts *kb_machine_parts(const kb_machine *machine) {
    return &machine->parts;
}

int64_t kb_machine_fanout_fs(const kb_machine *machine, uint32_t sip) {
    return machine->fanout_fs[sip];
}

/* Takes what the tensor needs of a TCM from the kernels (1), or gives it back (-1). */
static kb_status lend_tcm(const kb_machine *machine, const kb_mapping *mapping, int64_t sign,
                          kb_error *err) {
    const kb_placement *p = mapping->placement;
    if (!p || p->space != KB_SPACE_TCM) return KB_OK;
    kb_tcm *tcm = kb_parts_find(&machine->parts, KB_IMPL_PE_TCM, (int32_t)kb_va_sip(mapping->va),
                                (int32_t)(p->first_slice / p->slices_per_cube),
                                (int32_t)(p->first_slice % p->slices_per_cube));
    int64_t nbytes = (int64_t)kb_placement_reserved_nbytes(p, p->first_slice);
    return kb_tcm_lend(tcm, sign * nbytes, err);
}

kb_status kb_machine_map(kb_machine *machine, const kb_mapping *mapping, kb_error *err) {
    KB_TRY(kb_mmu_map(machine->parts.mmu, mapping, err));
    kb_status status = lend_tcm(machine, mapping, 1, err);
    if (status != KB_OK) {
        kb_status ignored = kb_mmu_unmap(machine->parts.mmu, mapping->va, NULL);
        (void)ignored;
    }
    return status;
}

kb_status kb_machine_unmap(kb_machine *machine, kb_va va, kb_error *err) {
    const kb_parts *p = &machine->parts;
    const kb_node *nodes = kb_topology_nodes(p->topology);
    const kb_mapping *mapping = kb_mmu_find(p->mmu, va);
    kb_va end = mapping ? mapping->va + mapping->nbytes : va;
    if (mapping && mapping->va == va) KB_TRY(lend_tcm(machine, mapping, -1, err));
    KB_TRY(kb_mmu_unmap(p->mmu, va, err));
    for (uint32_t node = 0; node < machine->n_nodes; node++)
        if (nodes[node].impl == KB_IMPL_PE_DMA) kb_dma_forget(p->components[node], va, end);
    return KB_OK;
}

static kb_status check_submission(const kb_machine *machine, uint32_t sip, int64_t at_fs,
                                  kb_error *err) {
    int64_t n_sips = kb_topology_system(machine->parts.topology)->n_sips;
    int64_t now_fs = kb_sim_now(machine->parts.sim);
    if (n_sips == 0)
        return kb_error_set(err, KB_INVALID,
                            "expected a machine with SIPs, got a graph of explicit components; "
                            "use a topology with `system:`");
    if (sip >= n_sips)
        return kb_error_set(err, KB_INVALID, "expected a SIP from 0 to %" PRId64 ", got %u",
                            n_sips - 1, (unsigned)sip);
    if (at_fs < now_fs)
        return kb_error_set(err, KB_INVALID,
                            "expected a time from now, %" PRId64 " fs, on, got %" PRId64 " fs",
                            now_fs, at_fs);
    return KB_OK;
}

static kb_host *host_of(const kb_machine *machine) {
    return kb_parts_find(&machine->parts, KB_IMPL_HOST, -1, -1, -1);
}

kb_status kb_machine_launch(kb_machine *machine, const kb_launch_spec *spec, int32_t *id,
                            kb_error *err) {
    const kb_system *system = kb_topology_system(machine->parts.topology);
    kb_launch *launch;
    KB_TRY(check_submission(machine, spec->sip, spec->at_fs, err));
    KB_TRY(kb_launches_take(machine->parts.launches, spec,
                            system->cubes_x * system->cubes_y * system->n_pes, &launch, err));
    *id = launch->id;
    kb_host_launch(host_of(machine), launch);
    return KB_OK;
}

/* The entries lie side by side; more pages than a table holds share them. */
static void plan_install(const kb_parts *parts, kb_copy *copy) {
    enum { ENTRY = 8 };
    const kb_system *system = kb_topology_system(parts->topology);
    uint64_t page = (uint64_t)system->params.pe_mmu.page_nbytes;
    uint64_t n_pages = (copy->va + copy->nbytes - 1) / page - copy->va / page + 1;
    uint64_t slice_nbytes = (uint64_t)(system->params.hbm.capacity_nbytes / system->n_slices);
    uint64_t most = slice_nbytes < KB_PAGE_TABLE_NBYTES ? slice_nbytes : KB_PAGE_TABLE_NBYTES;
    copy->install = true;
    copy->table_offset = kb_page_entry_offset(parts, copy->va);
    copy->table_nbytes = n_pages * ENTRY < most ? n_pages * ENTRY : most;
    if (copy->table_nbytes > slice_nbytes - copy->table_offset)
        copy->table_offset = slice_nbytes - copy->table_nbytes;
    copy->nbytes = copy->table_nbytes * (uint64_t)system->n_slices;
}

kb_status kb_machine_copy(kb_machine *machine, const kb_copy_spec *spec, int32_t *id,
                          kb_error *err) {
    kb_copy *copy;
    KB_TRY(check_submission(machine, kb_va_sip(spec->va), spec->at_fs, err));
    if (spec->nbytes == 0)
        return kb_error_set(err, KB_INVALID, "copy: expected at least 1 byte, got none");
    KB_TRY(kb_mmu_check(machine->parts.mmu, spec->va, spec->va + spec->nbytes, err));
    const kb_mapping *mapping = kb_mmu_find(machine->parts.mmu, spec->va);
    KB_TRY(kb_copies_take(machine->parts.copies, &copy, err));
    copy->to_device = spec->to_device || spec->install;
    copy->va = spec->va;
    copy->nbytes = spec->nbytes;
    if (spec->install) plan_install(&machine->parts, copy);
    copy->offset = spec->va - mapping->va;
    copy->placement = mapping->placement;
    copy->sip = kb_va_sip(spec->va);
    copy->stream = spec->stream;
    copy->turn = spec->turn;
    copy->words = spec->words;
    copy->n_words = spec->n_words;
    copy->submitted_fs = spec->at_fs;
    *id = copy->id;
    kb_host_copy(host_of(machine), copy);
    return KB_OK;
}

kb_status kb_machine_mark(kb_machine *machine, const kb_mark_spec *spec, kb_error *err) {
    kb_mark *mark;
    KB_TRY(check_submission(machine, spec->sip, spec->at_fs, err));
    KB_TRY(kb_marks_take(machine->parts.marks, &mark, err));
    mark->sip = spec->sip;
    mark->stream = spec->stream;
    mark->turn = spec->turn;
    mark->submitted_fs = spec->at_fs;
    kb_host_mark(host_of(machine), mark);
    return KB_OK;
}

uint32_t kb_machine_n_pending(const kb_machine *machine) {
    const kb_parts *p = &machine->parts;
    if (!p->launches) return 0;
    return kb_launches_count(p->launches) + kb_copies_count(p->copies) + kb_marks_count(p->marks);
}

void kb_machine_why_stuck(const kb_machine *machine, char *text, size_t capacity) {
    const kb_node *nodes = kb_topology_nodes(machine->parts.topology);
    const kb_component_type *type;
    size_t length = 0;
    if (capacity > 0) text[0] = '\0';
    for (size_t i = 0; (type = kb_registry_at(i)) != NULL; i++) {
        if (!type->describe) continue;
        for (uint32_t node = 0; node < machine->n_nodes && length < capacity; node++) {
            char why[256];
            if (nodes[node].impl != type->impl) continue;
            if (type->describe(machine->parts.components[node], why, sizeof why) == 0) continue;
            int n = snprintf(text + length, capacity - length, "%s%s: %s", length ? "; " : "",
                             nodes[node].name, why);
            length += n > 0 ? (size_t)n : 0;
        }
    }
    char blocked[512];
    kb_fabric_describe_blocked(machine->parts.fabric, blocked, sizeof blocked);
    if (blocked[0] && length < capacity)
        (void)snprintf(text + length, capacity - length, "%s%s", length ? "; " : "", blocked);
}
