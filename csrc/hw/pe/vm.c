#include "hw/pe/vm.h"

#include <inttypes.h>
#include <string.h>

void kb_vm_init(kb_vm *vm, const kb_parts *parts, uint32_t node, uint32_t context) {
    const kb_node *at = &kb_topology_nodes(parts->topology)[node];
    *vm = (kb_vm){.parts = parts, .costs = &kb_parts_params(parts)->pe_cpu, .context = context};
    vm->sched = kb_parts_find(parts, KB_IMPL_PE_SCHED, at->sip, at->cube, at->pe);
    vm->tcm = kb_parts_find(parts, KB_IMPL_PE_TCM, at->sip, at->cube, at->pe);
    vm->ipcq = kb_parts_find(parts, KB_IMPL_PE_IPCQ, at->sip, at->cube, at->pe);
    vm->at = at;
    vm->pe = kb_parts_pe(parts, node);
    kb_arena_init(&vm->arena, parts->alloc);
    kb_arena_init(&vm->spare, parts->alloc);
}

void kb_vm_deinit(kb_vm *vm) {
    kb_alloc *alloc = vm->parts ? vm->parts->alloc : NULL;
    if (!alloc) return;
    kb_arena_deinit(&vm->arena);
    kb_arena_deinit(&vm->spare);
    kb_alloc_free(alloc, vm->regs, vm->capacity, sizeof *vm->regs);
    kb_alloc_free(alloc, vm->origins, vm->capacity, sizeof *vm->origins);
    kb_alloc_free(alloc, vm->blocks, vm->n_blocks, sizeof *vm->blocks);
}

/* --- a program ----------------------------------------------------------------------------------- */

static kb_status reserve(kb_vm *vm, uint32_t n_regs, uint32_t n_blocks, kb_error *err) {
    kb_alloc *alloc = vm->parts->alloc;
    if (n_regs > vm->capacity) {
        kb_reg *regs = kb_alloc_zeroed(alloc, n_regs, sizeof *regs);
        uint64_t *origins = kb_alloc_zeroed(alloc, n_regs, sizeof *origins);
        if (!regs || !origins) {
            kb_alloc_free(alloc, regs, n_regs, sizeof *regs);
            kb_alloc_free(alloc, origins, n_regs, sizeof *origins);
            return kb_error_nomem(err, "the registers of a program");
        }
        kb_alloc_free(alloc, vm->regs, vm->capacity, sizeof *regs);
        kb_alloc_free(alloc, vm->origins, vm->capacity, sizeof *origins);
        vm->regs = regs;
        vm->origins = origins;
        vm->capacity = n_regs;
    }
    if (n_blocks > vm->n_blocks) {
        kb_blockval *blocks = kb_alloc_zeroed(alloc, n_blocks, sizeof *blocks);
        if (!blocks) return kb_error_nomem(err, "the registers of a program");
        kb_alloc_free(alloc, vm->blocks, vm->n_blocks, sizeof *blocks);
        vm->blocks = blocks;
        vm->n_blocks = n_blocks;
    }
    return KB_OK;
}

kb_status kb_vm_begin(kb_vm *vm, const kb_launch *launch, int64_t program, kb_error *err) {
    const kb_kernel *kernel = launch->kernel;
    uint32_t n_blocks = 0;
    for (uint32_t i = 0; i < kernel->n_regs; i++)
        n_blocks += kb_kernel_type(kernel, (uint16_t)i)->kind == KB_BLOCK;
    KB_TRY(reserve(vm, kernel->n_regs, n_blocks, err));
    vm->launch = launch;
    vm->kernel = kernel;
    vm->program = program;
    vm->place[0] = program % launch->grid[0];
    vm->place[1] = program / launch->grid[0] % launch->grid[1];
    vm->place[2] = program / launch->grid[0] / launch->grid[1];
    vm->pc = 0;
    vm->sequence = 0;
    vm->n_executed = 0;
    vm->n_elements = 0;
    vm->composed = false;
    vm->wait = KB_VM_NOTHING;
    kb_arena_reset(&vm->arena);
    vm->n_taken = 0;
    if (n_blocks > 0) memset(vm->blocks, 0, n_blocks * sizeof *vm->blocks);
    n_blocks = 0;
    for (uint32_t i = 0; i < kernel->n_regs; i++) {
        const kb_kir_type *type = kb_kernel_type(kernel, (uint16_t)i);
        vm->origins[i] = 0;
        if (type->kind == KB_TILE) vm->regs[i].tile = KB_NO_TILE;
        else if (type->kind == KB_BLOCK) vm->regs[i].block = &vm->blocks[n_blocks++];
        if (i >= kernel->n_params) continue;
        vm->regs[i].bits = launch->args[i];
        const kb_mapping *mapping =
            type->pointer ? kb_mmu_find(vm->parts->mmu, launch->args[i]) : NULL;
        if (mapping) vm->origins[i] = mapping->va;
    }
    return KB_OK;
}

kb_status kb_vm_wrap(const kb_vm *vm, kb_error *err) {
    return kb_error_wrap(err, "%s:%" PRIu32, vm->kernel->name, vm->kernel->lines[vm->pc]);
}

kb_status kb_vm_set_tile(kb_vm *vm, uint16_t reg, uint32_t tile, kb_error *err) {
    uint32_t old = vm->regs[reg].tile;
    vm->regs[reg].tile = tile;
    return old == KB_NO_TILE ? KB_OK : kb_tcm_drop(vm->tcm, old, err);
}
