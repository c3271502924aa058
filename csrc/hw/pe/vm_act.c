#include "hw/pe/vm.h"
#include "kernel/scalar.h"

kb_status kb_vm_compose(kb_vm *vm, int64_t *cycles, kb_error *err) {
    const kb_params_pe_cpu *costs = vm->costs;
    int64_t work = 0;
    if (vm->composed) return KB_OK;
    switch (vm->kernel->insts[vm->pc].op) {
    case KB_KIR_RETURN: *cycles += costs->branch_cycles; break;
    case KB_KIR_WAIT_MEMORY:
    case KB_KIR_COMPOSITE_WAIT:
    case KB_KIR_WAIT_TILE:
    case KB_KIR_MATERIALISE: *cycles += costs->scalar_cycles; break;
    case KB_KIR_PRINT: break;
    case KB_KIR_LOAD:
    case KB_KIR_STORE: KB_TRY(kb_vm_compose_access(vm, &work, err)); /* fall through */
    default: *cycles += costs->command_cycles + costs->dense_cycles * work;
    }
    vm->n_taken += 2 * work;
    vm->n_elements += (uint64_t)work;
    vm->n_executed++;
    vm->composed = true;
    return KB_OK;
}

/* Reads the tile, as the replay has it by now, into a scalar or a block. */
static kb_status materialise(kb_vm *vm, const kb_kir_inst *inst, kb_error *err) {
    const kb_kir_type *type = kb_vm_type(vm, inst->dst);
    const kb_hooks *hooks = &vm->parts->hooks;
    const kb_tile *tile = kb_tcm_tile(vm->tcm, vm->regs[inst->a].tile);
    if (!hooks->tile_bytes)
        return kb_error_set(err, KB_NO_DATA,
                            "the value of a tile is needed, but there is no data; run "
                            "with data, or keep the tensor's bytes");
    vm->n_taken += tile->nbytes;
    void *bytes = kb_arena_take(&vm->arena, (size_t)tile->nbytes, 1);
    if (!bytes) return kb_error_nomem(err, "the value of a tile");
    KB_TRY(hooks->tile_bytes(hooks->self, tile->version, bytes, (size_t)tile->nbytes, err));
    if (type->kind == KB_SCALAR)
        vm->regs[inst->dst].bits = kb_scalar_load(kb_vm_dtype(type), bytes);
    else KB_TRY(kb_block_from_memory(&vm->arena, type, bytes, vm->regs[inst->dst].block, err));
    vm->origins[inst->dst] = 0;
    if (inst->flags & KB_LAST_A) KB_TRY(kb_vm_set_tile(vm, inst->a, KB_NO_TILE, err));
    return KB_OK;
}

static kb_status release_registers(kb_vm *vm, kb_error *err) {
    for (uint32_t i = 0; i < vm->kernel->n_regs; i++)
        if (kb_vm_type(vm, (uint16_t)i)->kind == KB_TILE)
            KB_TRY(kb_vm_set_tile(vm, (uint16_t)i, KB_NO_TILE, err));
    return KB_OK;
}

bool kb_vm_may_act(const kb_vm *vm) {
    const kb_kir_inst *inst = &vm->kernel->insts[vm->pc];
    switch (vm->wait) {
    case KB_VM_TILE: return kb_tcm_is_there(vm->tcm, vm->regs[inst->a].tile);
    case KB_VM_MEMORY: return kb_sched_memory_idle(vm->sched, vm->context);
    case KB_VM_END: return kb_sched_idle(vm->sched, vm->context);
    case KB_VM_COMPOSITE:
        return !kb_sched_has(vm->sched, vm->context, (int64_t)vm->regs[inst->a].bits);
    case KB_VM_QUEUE: return kb_sched_has_room(vm->sched, vm->context);
    default: return true;
    }
}

kb_status kb_vm_act(kb_vm *vm, int64_t *time_fs, bool *ended, kb_error *err) {
    const kb_kir_inst *inst = &vm->kernel->insts[vm->pc];
    *time_fs = 0;
    *ended = false;
    vm->wait = KB_VM_NOTHING;
    switch (inst->op) {
    case KB_KIR_RETURN:
        KB_TRY(release_registers(vm, err));
        if (!kb_sched_idle(vm->sched, vm->context)) vm->wait = KB_VM_END;
        *ended = vm->wait == KB_VM_NOTHING;
        return KB_OK;
    case KB_KIR_WAIT_MEMORY:
        if (!kb_sched_memory_idle(vm->sched, vm->context)) vm->wait = KB_VM_MEMORY;
        break;
    case KB_KIR_COMPOSITE_WAIT:
        if (kb_sched_has(vm->sched, vm->context, (int64_t)vm->regs[inst->a].bits))
            vm->wait = KB_VM_COMPOSITE;
        break;
    case KB_KIR_COMPOSITE: KB_TRY(kb_vm_submit_composite(vm, err)); break;
    case KB_KIR_WAIT_TILE:
        if (!kb_tcm_is_there(vm->tcm, vm->regs[inst->a].tile)) vm->wait = KB_VM_TILE;
        else if (inst->flags & KB_LAST_A) KB_TRY(kb_vm_set_tile(vm, inst->a, KB_NO_TILE, err));
        break;
    case KB_KIR_MATERIALISE:
        if (!kb_tcm_is_there(vm->tcm, vm->regs[inst->a].tile)) vm->wait = KB_VM_TILE;
        else KB_TRY(materialise(vm, inst, err));
        *time_fs = kb_parts_params(vm->parts)->pe_tcm.access_fs;
        break;
    case KB_KIR_PRINT: KB_TRY(kb_vm_print(vm, err)); break;
    default: KB_TRY(kb_vm_submit(vm, err));
    }
    if (vm->wait != KB_VM_NOTHING) return KB_OK;
    vm->composed = false;
    vm->pc++;
    return KB_OK;
}
