#include "hw/pe/vm.h"

#include <inttypes.h>
#include <string.h>

#include "base/checked.h"
#include "hw/pe/place.h"
#include "kernel/scalar.h"

enum { MAX_TAKEN = 1 << 16 };

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

/* Copies what registers hold to the spare arena, so that a long loop does not pile up vectors. */
static kb_status collect(kb_vm *vm, kb_error *err) {
    kb_arena full = vm->arena;
    for (uint32_t i = 0; i < vm->n_blocks; i++)
        KB_TRY(kb_block_copy(&vm->spare, &vm->blocks[i], &vm->blocks[i], err));
    vm->arena = vm->spare;
    vm->spare = full;
    kb_arena_reset(&vm->spare);
    vm->n_taken = 0;
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

/* --- scalars ------------------------------------------------------------------------------------- */

static kb_status scalar(const kb_vm *vm, const kb_kir_inst *inst, kb_error *err) {
    const kb_reg *regs = vm->regs;
    kb_mathop op = (kb_mathop)inst->sub;
    uint16_t last = inst->c != KB_NO_REG ? inst->c : inst->b != KB_NO_REG ? inst->b : inst->a;
    uint64_t a = regs[inst->a].bits, b = inst->b != KB_NO_REG ? regs[inst->b].bits : 0;
    uint64_t c = inst->c != KB_NO_REG ? regs[inst->c].bits : 0;
    uint64_t *bits = &vm->regs[inst->dst].bits;
    kb_dtype operand = kb_vm_dtype(kb_vm_type(vm, last));
    return kb_scalar_math(op, operand, kb_vm_dtype(kb_vm_type(vm, inst->dst)), a, b, c, bits, err);
}

/* The origin that a result inherits: that of the one pointer among the operands, as far as they agree. */
static uint64_t inherited(const kb_vm *vm, const kb_kir_inst *inst) {
    const uint16_t operands[3] = {inst->a, inst->b, inst->c};
    uint64_t origin = 0;
    if (!kb_vm_type(vm, inst->dst)->pointer) return 0;
    for (int i = 0; i < 3; i++) {
        if (operands[i] == KB_NO_REG || !kb_vm_type(vm, operands[i])->pointer) continue;
        if (origin != 0 && vm->origins[operands[i]] != origin) return 0;
        origin = vm->origins[operands[i]];
    }
    return origin;
}

/* --- index blocks -------------------------------------------------------------------------------- */

const kb_blockval *kb_vm_block(const kb_vm *vm, uint16_t reg, const kb_kir_type *shape,
                               kb_blockval *place) {
    if (reg == KB_NO_REG) return NULL;
    const kb_kir_type *type = kb_vm_type(vm, reg);
    if (type->kind == KB_BLOCK) return vm->regs[reg].block;
    kb_kir_type spread = *shape;
    spread.dtype = type->dtype;
    spread.pointer = type->pointer;
    *place = kb_block_splat(&spread, (int64_t)vm->regs[reg].bits);
    return place;
}

static kb_status block(kb_vm *vm, const kb_kir_inst *inst, int64_t *work, kb_error *err) {
    const kb_kir_type *type = kb_vm_type(vm, inst->dst);
    kb_blockval places[3], *dst = vm->regs[inst->dst].block;
    const kb_blockval *a = kb_vm_block(vm, inst->a, type, &places[0]);
    switch (inst->op) {
    case KB_KIR_ARANGE:
        dst->is_mask = false;
        dst->block = kb_block_arange((kb_dtype)type->dtype, (int64_t)vm->kernel->consts[inst->imm],
                                     type->dims[0]);
        return KB_OK;
    case KB_KIR_SPLAT: *dst = *a; return KB_OK;
    case KB_KIR_BLOCK:
        return kb_block_math(&vm->arena, (kb_mathop)inst->sub, type, a,
                             kb_vm_block(vm, inst->b, type, &places[1]),
                             kb_vm_block(vm, inst->c, type, &places[2]), dst, work, err);
    case KB_KIR_BLOCK_PTRADD:
        return kb_block_ptradd(&vm->arena, type, a, kb_vm_block(vm, inst->b, type, &places[1]), dst,
                               work, err);
    case KB_KIR_BLOCK_RESHAPE: return kb_block_reshape(&vm->arena, type, a, dst, work, err);
    case KB_KIR_BLOCK_BROADCAST: return kb_block_broadcast(&vm->arena, type, a, dst, work, err);
    default:
        return kb_block_trans(&vm->arena, type, vm->kernel->consts[inst->imm], a, dst, work, err);
    }
}

/* --- instructions that need no time of the machine ----------------------------------------------- */

kb_status kb_vm_move(kb_vm *vm, const kb_kir_inst *inst, kb_error *err) {
    switch (kb_vm_type(vm, inst->dst)->kind) {
    case KB_SCALAR: vm->regs[inst->dst].bits = vm->regs[inst->a].bits; break;
    case KB_BLOCK: *vm->regs[inst->dst].block = *vm->regs[inst->a].block; break;
    default:
        kb_tcm_hold(vm->tcm, vm->regs[inst->a].tile);
        KB_TRY(kb_vm_set_tile(vm, inst->dst, vm->regs[inst->a].tile, err));
        if (inst->flags & KB_LAST_A && inst->a != inst->dst)
            KB_TRY(kb_vm_set_tile(vm, inst->a, KB_NO_TILE, err));
    }
    if (vm->origins) vm->origins[inst->dst] = inherited(vm, inst);
    return KB_OK;
}

static bool is_true(const kb_vm *vm, uint16_t reg) {
    return kb_scalar_is_true(kb_vm_dtype(kb_vm_type(vm, reg)), vm->regs[reg].bits);
}

static kb_status place(const kb_vm *vm, kb_at what, int64_t *number, kb_error *err) {
    const kb_node *at = vm->at;
    if (kb_place_number(kb_topology_system(vm->parts->topology), at, what, number)) return KB_OK;
    return kb_error_set(err, KB_INVALID,
                        "program %" PRId64 " on sip%" PRId32 ".cube%" PRId32 ".pe%" PRId32
                        ": expected a cube to the %s, got the edge of the SIP; ask "
                        "tl.cube_id first",
                        vm->program, at->sip, at->cube, at->pe, kb_at_text(what));
}

static bool meets_machine(uint8_t op) {
    switch (op) {
    case KB_KIR_LOAD:
    case KB_KIR_STORE:
    case KB_KIR_FULL:
    case KB_KIR_MATH:
    case KB_KIR_DOT:
    case KB_KIR_REDUCE:
    case KB_KIR_TRANS:
    case KB_KIR_GATHER:
    case KB_KIR_SEND:
    case KB_KIR_RECV:
    case KB_KIR_REDUCE_SEND:
    case KB_KIR_REDUCE_RECV:
    case KB_KIR_WAIT_TILE:
    case KB_KIR_MATERIALISE:
    case KB_KIR_WAIT_MEMORY:
    case KB_KIR_COMPOSITE:
    case KB_KIR_COMPOSITE_WAIT:
    case KB_KIR_RETURN: return true;
    default: return false;
    }
}

static kb_status step(kb_vm *vm, const kb_kir_inst *inst, int64_t *cycles, kb_error *err) {
    const kb_params_pe_cpu *costs = vm->costs;
    int64_t work = 0;
    uint32_t next = vm->pc + 1;
    *cycles += costs->scalar_cycles;
    switch (inst->op) {
    case KB_KIR_CONST: vm->regs[inst->dst].bits = vm->kernel->consts[inst->imm]; break;
    case KB_KIR_ALIAS:
    case KB_KIR_MOV: KB_TRY(kb_vm_move(vm, inst, err)); break;
    case KB_KIR_SCALAR:
        KB_TRY(scalar(vm, inst, err));
        vm->origins[inst->dst] = inherited(vm, inst);
        break;
    case KB_KIR_PTRADD: {
        uint64_t nbytes = kb_dtype_nbytes((kb_dtype)kb_vm_type(vm, inst->dst)->dtype);
        vm->regs[inst->dst].bits = vm->regs[inst->a].bits + vm->regs[inst->b].bits * nbytes;
        vm->origins[inst->dst] = vm->origins[inst->a];
        break;
    }
    case KB_KIR_PROGRAM_ID: vm->regs[inst->dst].bits = (uint64_t)vm->place[inst->imm]; break;
    case KB_KIR_NUM_PROGRAMS:
        vm->regs[inst->dst].bits = (uint64_t)vm->launch->grid[inst->imm];
        break;
    case KB_KIR_PLACE: {
        int64_t number = 0;
        KB_TRY(place(vm, (kb_at)inst->imm, &number, err));
        vm->regs[inst->dst].bits = (uint64_t)number;
        break;
    }
    case KB_KIR_JUMP:
    case KB_KIR_JUMP_IF:
    case KB_KIR_JUMP_UNLESS:
        *cycles += costs->branch_cycles - costs->scalar_cycles;
        if (inst->op == KB_KIR_JUMP || is_true(vm, inst->a) == (inst->op == KB_KIR_JUMP_IF))
            next = inst->imm;
        break;
    case KB_KIR_ASSERT:
        if (!is_true(vm, inst->a))
            return kb_error_set(err, KB_FAILED, "program %" PRId64 ": assertion failed: %.500s",
                                vm->program, vm->kernel->text + inst->imm);
        break;
    case KB_KIR_VIEW:
    case KB_KIR_VIEW_STRIDE: kb_vm_view(vm, inst); break;
    case KB_KIR_DROP:
        *cycles -= costs->scalar_cycles;
        KB_TRY(kb_vm_set_tile(vm, inst->a, KB_NO_TILE, err));
        break;
    default:
        KB_TRY(block(vm, inst, &work, err));
        vm->origins[inst->dst] = inherited(vm, inst);
        *cycles += costs->block_cycles - costs->scalar_cycles + costs->dense_cycles * work;
        vm->n_taken += work;
        vm->n_elements += (uint64_t)work;
        if (vm->n_taken > MAX_TAKEN) KB_TRY(collect(vm, err));
    }
    vm->pc = next;
    return KB_OK;
}

/* As far as quick code goes. */
static void go(kb_vm *vm, int64_t until, int64_t *cycles) {
    const kb_params_pe_cpu *costs = vm->costs;
    int64_t may_do = until - kb_vm_effort(vm);
    kb_quick_run run = {.pc = vm->pc, .left = may_do};
    kb_quick_go(vm->kernel->quick, vm->regs, vm->origins, &run);
    int64_t n_done = may_do - run.left;
    *cycles += (n_done - run.n_branches - run.n_blocks) * costs->scalar_cycles +
               run.n_branches * costs->branch_cycles + run.n_blocks * costs->block_cycles;
    vm->pc = run.pc;
    vm->n_executed += n_done;
}

kb_status kb_vm_run(kb_vm *vm, int64_t until, int64_t *cycles, bool *meets, kb_error *err) {
    const kb_kir_inst *insts = vm->kernel->insts;
    for (;;) {
        go(vm, until, cycles);
        *meets = meets_machine(insts[vm->pc].op);
        if (*meets || kb_vm_effort(vm) >= until) return KB_OK;
        kb_status status = step(vm, &insts[vm->pc], cycles, err);
        vm->n_executed++;
        if (status != KB_OK) return status;
    }
}

/* --- instructions that meet the machine ---------------------------------------------------------- */

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
    default: KB_TRY(kb_vm_submit(vm, err));
    }
    if (vm->wait != KB_VM_NOTHING) return KB_OK;
    vm->composed = false;
    vm->pc++;
    return KB_OK;
}
