#include <inttypes.h>

#include "hw/pe/place.h"
#include "hw/pe/vm.h"
#include "kernel/scalar.h"

enum { MAX_TAKEN = 1 << 16 };

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
    case KB_KIR_PRINT:
    case KB_KIR_RETURN: return true;
    default: return false;
    }
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
