#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "hw/pe/vm.h"
#include "kernel/scalar.h"
#include "log/payload.h"

/* A command in the making: its tiles and its payload. */
typedef struct draft {
    kb_opkind kind;
    kb_sched_tiles tiles;
    kb_payload payload;
} draft;

static int64_t n_elements(const kb_kir_type *type) {
    int64_t count = 1;
    for (int d = 0; d < type->rank; d++) count *= type->dims[d];
    return count;
}

static int64_t tile_nbytes(const kb_kir_type *type) {
    return n_elements(type) * (int64_t)kb_dtype_nbytes(kb_vm_dtype(type));
}

/* --- accesses ------------------------------------------------------------------------------------ */

static bool is_within(const kb_run *row, uint64_t nbytes, const kb_mapping *mapping) {
    return row->va >= mapping->va && row->va - mapping->va <= mapping->nbytes &&
           row->count * nbytes <= mapping->nbytes - (row->va - mapping->va);
}

/* The first element that lies outside of the tensor. */
static kb_status out_of_bounds(const kb_vm *vm, const kb_mapping *mapping, kb_error *err) {
    const kb_access *access = &vm->access;
    uint64_t nbytes = kb_dtype_nbytes((kb_dtype)access->dtype);
    kb_access_walk walk = kb_access_begin(access);
    kb_run row = {0};
    while (kb_access_next(&walk, &row))
        if (!is_within(&row, nbytes, mapping)) break;
    uint32_t i = 0;
    while (i + 1 < row.count && is_within(&(kb_run){0, 1, row.va + i * nbytes}, nbytes, mapping))
        i++;
    uint64_t va = row.va + i * nbytes;
    bool stores = vm->kernel->insts[vm->pc].op == KB_KIR_STORE;
    return kb_error_set(
        err, KB_BOUNDS,
        "%s of %s outside of its tensor: PE %" PRId32 ", program %" PRId64 ": expected an "
        "address in [0x%" PRIx64 ", 0x%" PRIx64 ") (tensor %" PRId32 ", %" PRIu64
        " elements), got 0x%" PRIx64 ", element %" PRId64 " of the tensor, by element %" PRIu32
        " of the block; mask it",
        stores ? "store" : "load", kb_dtype_name((kb_dtype)access->dtype), vm->pe, vm->program,
        mapping->va, mapping->va + mapping->nbytes, mapping->tensor, mapping->nbytes / nbytes, va,
        (int64_t)(va - mapping->va) / (int64_t)nbytes, row.lane + i);
}

/* What lies outside of the tensor is an error or, where the engine wants that, dropped. */
static kb_status check_bounds(kb_vm *vm, uint64_t origin, int64_t *work, kb_error *err) {
    const kb_hooks *hooks = &vm->parts->hooks;
    kb_access *access = &vm->access;
    uint64_t n_dropped = 0;
    const kb_mapping *mapping =
        kb_mmu_find(vm->parts->mmu, origin != 0 ? origin : access->first_va);
    if (access->n_elements == 0) return KB_OK;
    if (mapping && mapping->placement && mapping->placement->kind == KB_PLACEMENT_REPLICATED &&
        vm->kernel->insts[vm->pc].op == KB_KIR_STORE)
        return kb_error_set(err, KB_PAGE_FAULT,
                            "store: PE %" PRId32 ", program %" PRId64
                            ": expected a tensor with one "
                            "copy of its bytes, got tensor %" PRId32 ", which is replicated, for "
                            "kernels to read only; place it otherwise",
                            vm->pe, vm->program, mapping->tensor);
    if (!mapping) return kb_mmu_check(vm->parts->mmu, access->first_va, access->end_va, err);
    if (access->first_va >= mapping->va && access->end_va - mapping->va <= mapping->nbytes)
        return KB_OK;
    if (!hooks->dropped) return out_of_bounds(vm, mapping, err);
    KB_TRY(kb_access_clip(&vm->arena, mapping->va, mapping->va + mapping->nbytes, access,
                          &n_dropped, err));
    *work += access->n_runs;
    hooks->dropped(hooks->self, n_dropped);
    return KB_OK;
}

kb_status kb_vm_compose_access(kb_vm *vm, int64_t *work, kb_error *err) {
    const kb_kir_inst *inst = &vm->kernel->insts[vm->pc];
    const kb_kir_type *type = kb_vm_type(vm, inst->a);
    uint16_t mask = inst->op == KB_KIR_LOAD ? inst->b : inst->c;
    kb_blockval places[2];
    const kb_blockval *lanes = kb_vm_block(vm, mask, type, &places[1]);
    if (lanes && lanes->mask.dense && type->kind == KB_BLOCK) {
        kb_kir_type truth = *type;
        truth.dtype = KB_BOOL;
        truth.pointer = 0;
        KB_TRY(kb_block_broadcast(&vm->arena, &truth, lanes, &places[1], work, err));
        lanes = &places[1];
    }
    KB_TRY(kb_access_make(&vm->arena, (kb_dtype)type->dtype,
                          kb_vm_block(vm, inst->a, type, &places[0]), lanes ? &lanes->mask : NULL,
                          &vm->access, work, err));
    return check_bounds(vm, vm->origins[inst->a], work, err);
}

/* --- operands ------------------------------------------------------------------------------------ */

static void shape_operand(const kb_kir_type *type, kb_operand *operand) {
    operand->dtype = (uint8_t)kb_vm_dtype(type);
    operand->rank = type->rank;
    for (int d = 0; d < KB_MAX_RANK; d++) operand->dims[d] = type->dims[d];
}

void kb_vm_operand(const kb_vm *vm, uint16_t reg, kb_operand *operand) {
    if (reg == KB_NO_REG) return;
    const kb_kir_type *type = kb_vm_type(vm, reg);
    shape_operand(type, operand);
    switch (type->kind) {
    case KB_TILE:
        operand->kind = KB_OPERAND_TILE;
        operand->bits = kb_tcm_tile(vm->tcm, vm->regs[reg].tile)->version;
        break;
    case KB_BLOCK:
        operand->kind = KB_OPERAND_BLOCK;
        operand->block = vm->regs[reg].block;
        break;
    default: operand->kind = KB_OPERAND_SCALAR; operand->bits = vm->regs[reg].bits;
    }
}

static void add_operand(const kb_vm *vm, uint16_t reg, draft *self) {
    kb_operand *operand = &self->payload.operand[self->payload.n_operands++];
    kb_vm_operand(vm, reg, operand);
    if (operand->kind == KB_OPERAND_TILE)
        self->tiles.inputs[self->tiles.n_inputs++] = vm->regs[reg].tile;
}

/* An accumulator is updated in place when this is its last use and nobody else holds it. */
static bool is_in_place(const kb_vm *vm, const kb_kir_inst *inst) {
    if (inst->op != KB_KIR_DOT || inst->c == KB_NO_REG) return false;
    uint32_t tile = vm->regs[inst->c].tile;
    bool last = inst->dst == inst->c || inst->flags & KB_LAST_C;
    return last && kb_tcm_tile(vm->tcm, tile)->references == 1 && vm->regs[inst->a].tile != tile &&
           vm->regs[inst->b].tile != tile;
}

/* Room for the result; vm->wait when there is none now. */
static kb_status take_result(kb_vm *vm, const kb_kir_inst *inst, draft *self, kb_error *err) {
    if (inst->dst == KB_NO_REG) return KB_OK;
    const kb_kir_type *type = kb_vm_type(vm, inst->dst);
    int32_t line = (int32_t)vm->kernel->lines[vm->pc];
    if (is_in_place(vm, inst)) {
        self->tiles.in_place = vm->regs[inst->c].tile;
        KB_TRY(kb_tcm_succeed(vm->tcm, self->tiles.in_place, line, &self->tiles.output, err));
    } else if (vm->carves) {
        KB_TRY(kb_tcm_carve(vm->tcm, vm->owner, tile_nbytes(type), line, &self->tiles.output, err));
    } else {
        KB_TRY(
            kb_tcm_take(vm->tcm, vm->context, tile_nbytes(type), line, &self->tiles.output, err));
        if (self->tiles.output == KB_NO_TILE) {
            vm->wait = KB_VM_TCM;
            return KB_OK;
        }
    }
    shape_operand(type, &self->payload.result);
    self->payload.result.kind = KB_OPERAND_TILE;
    self->payload.result.bits = kb_tcm_tile(vm->tcm, self->tiles.output)->version;
    return KB_OK;
}

/* --- commands ------------------------------------------------------------------------------------ */

static void draft_math(const kb_vm *vm, const kb_kir_inst *inst, kb_command *command, draft *self) {
    const uint16_t operands[3] = {inst->a, inst->b, inst->c};
    kb_mathop op = inst->op == KB_KIR_FULL ? KB_MATHOP_MOVE : (kb_mathop)inst->sub;
    uint16_t last = inst->a;
    self->kind = KB_OP_MATH;
    for (int i = 0; i < kb_mathop_arity(op); i++) add_operand(vm, last = operands[i], self);
    command->engine = KB_ENGINE_MATH;
    command->record.op = (uint8_t)op;
    command->cost = (uint8_t)kb_mathop_cost(op);
    command->n_elements = n_elements(kb_vm_type(vm, inst->dst));
    command->operand_dtype = (uint8_t)kb_vm_dtype(kb_vm_type(vm, last));
}

static void draft_dot(const kb_vm *vm, const kb_kir_inst *inst, kb_command *command, draft *self) {
    const kb_kir_type *a = kb_vm_type(vm, inst->a), *dst = kb_vm_type(vm, inst->dst);
    self->kind = KB_OP_GEMM;
    add_operand(vm, inst->a, self);
    add_operand(vm, inst->b, self);
    add_operand(vm, inst->c, self);
    self->payload.precision = inst->sub;
    command->engine = KB_ENGINE_GEMM;
    command->m = dst->dims[0];
    command->n = dst->dims[1];
    command->k = a->dims[1];
    command->operand_dtype = a->dtype;
    command->precision = inst->sub;
}

/* REDUCE and TRANS go through MATH's lanes, by elements of their operand. */
static void draft_lanes(const kb_vm *vm, const kb_kir_inst *inst, kb_command *command,
                        draft *self) {
    const kb_kir_type *a = kb_vm_type(vm, inst->a);
    bool reduces = inst->op == KB_KIR_REDUCE;
    self->kind = reduces ? KB_OP_REDUCE : KB_OP_TRANS;
    add_operand(vm, inst->a, self);
    if (reduces) self->payload.axis = (uint8_t)inst->imm;
    else self->payload.permutation = vm->kernel->consts[inst->imm];
    command->engine = KB_ENGINE_MATH;
    command->record.op = inst->sub;
    command->cost = KB_MATH_SIMPLE;
    command->n_elements = n_elements(a);
    command->operand_dtype = a->dtype;
}

/* Through the lanes as TRANS, which crosses them too; by elements of the result. */
static void draft_gather(const kb_vm *vm, const kb_kir_inst *inst, kb_command *command,
                         draft *self) {
    self->kind = KB_OP_GATHER;
    add_operand(vm, inst->a, self);
    add_operand(vm, inst->b, self);
    self->payload.axis = (uint8_t)inst->imm;
    command->engine = KB_ENGINE_MATH;
    command->cost = KB_MATH_SIMPLE;
    command->n_elements = n_elements(kb_vm_type(vm, inst->dst));
    command->operand_dtype = (uint8_t)kb_vm_dtype(kb_vm_type(vm, inst->b));
}

static void draft_access(const kb_vm *vm, const kb_kir_inst *inst, kb_command *command,
                         draft *self) {
    bool loads = inst->op == KB_KIR_LOAD || inst->op == KB_KIR_VIEW_LOAD;
    self->kind = loads ? KB_OP_DMA_READ : KB_OP_DMA_WRITE;
    add_operand(vm, loads ? inst->c : inst->op == KB_KIR_STORE ? inst->b : inst->a, self);
    self->payload.access = vm->access;
    command->engine = loads ? KB_ENGINE_DMA_READ : KB_ENGINE_DMA_WRITE;
    command->first_va = vm->access.first_va;
    command->end_va = vm->access.end_va;
    command->record.dtype = vm->access.dtype;
}

/* A message is a version of its own, from the send that makes it to the recv that takes it. */
static void draft_send(const kb_vm *vm, const kb_kir_inst *inst, kb_command *command, draft *self) {
    const kb_kir_type *type = kb_vm_type(vm, inst->b);
    self->kind = KB_OP_SEND;
    add_operand(vm, inst->b, self);
    shape_operand(type, &self->payload.result);
    self->payload.result.kind = KB_OPERAND_TILE;
    self->payload.result.bits = command->version = kb_tcm_name(vm->tcm);
    command->engine = KB_ENGINE_SEND;
    command->record.dtype = (uint8_t)kb_vm_dtype(type);
}

static void draft_recv(kb_command *command, draft *self) {
    self->kind = KB_OP_RECV;
    self->payload.n_operands = 1;
    self->payload.operand[0] = (kb_operand){.kind = KB_OPERAND_TILE, .last_use = true};
    command->engine = KB_ENGINE_RECV;
}

static kb_status enrol(const kb_vm *vm, const kb_kir_inst *inst, kb_command *command,
                       kb_error *err) {
    bool sends = command->engine == KB_ENGINE_SEND, comm = vm->launch->comm;
    if (!sends && command->engine != KB_ENGINE_RECV) return KB_OK;
    uint16_t reg = sends ? inst->c : inst->b;
    int64_t channel = reg == KB_NO_REG ? 0 : (int64_t)vm->regs[reg].bits;
    int64_t peer = (int64_t)vm->regs[inst->a].bits;
    int64_t nbytes = tile_nbytes(kb_vm_type(vm, sends ? inst->b : inst->dst));
    if (inst->op == KB_KIR_REDUCE_SEND || inst->op == KB_KIR_REDUCE_RECV)
        return kb_ipcq_enrol_part(vm->ipcq, command, peer, channel, comm, nbytes, err);
    return kb_ipcq_enrol(vm->ipcq, command, peer, channel, comm, nbytes, err);
}

/* Blank but for the access, which is large and which few have. */
static inline void begin_draft(draft *self) {
    memset(self, 0, offsetof(draft, payload.access));
    self->tiles.output = self->tiles.in_place = KB_NO_TILE;
    self->payload.permutation = 0;
    self->payload.axis = self->payload.precision = 0;
}

static void draft_command(const kb_vm *vm, const kb_kir_inst *inst, kb_command *command,
                          draft *self) {
    switch (inst->op) {
    case KB_KIR_LOAD:
    case KB_KIR_STORE:
    case KB_KIR_VIEW_LOAD:
    case KB_KIR_VIEW_STORE: draft_access(vm, inst, command, self); break;
    case KB_KIR_REDUCE_SEND: command->record.op = inst->sub; /* fall through */
    case KB_KIR_SEND: draft_send(vm, inst, command, self); break;
    case KB_KIR_REDUCE_RECV:
    case KB_KIR_RECV: draft_recv(command, self); break;
    case KB_KIR_DOT: draft_dot(vm, inst, command, self); break;
    case KB_KIR_REDUCE:
    case KB_KIR_TRANS: draft_lanes(vm, inst, command, self); break;
    case KB_KIR_GATHER: draft_gather(vm, inst, command, self); break;
    default: draft_math(vm, inst, command, self);
    }
    command->record.kind = (uint8_t)self->kind;
    if (inst->dst != KB_NO_REG)
        command->record.dtype = (uint8_t)kb_vm_dtype(kb_vm_type(vm, inst->dst));
    command->record.launch = vm->launch->id;
    command->record.program = (int32_t)vm->program;
    command->record.kernel = vm->launch->kernel_number;
    command->record.line = (int32_t)vm->kernel->lines[vm->pc];
    command->record.sequence = vm->sequence;
    command->token = vm->token;
}

/* Registers after the command: the last uses let go, the result takes its place. */
static kb_status settle(kb_vm *vm, const kb_kir_inst *inst, uint32_t output, kb_error *err) {
    const uint16_t operands[3] = {inst->a, inst->b, inst->c};
    for (int i = 0; i < 3; i++)
        if (inst->flags >> i & 1) KB_TRY(kb_vm_set_tile(vm, operands[i], KB_NO_TILE, err));
    return inst->dst == KB_NO_REG ? KB_OK : kb_vm_set_tile(vm, inst->dst, output, err);
}

kb_status kb_vm_submit(kb_vm *vm, kb_error *err) {
    const kb_kir_inst *inst = &vm->kernel->insts[vm->pc];
    draft self;
    int64_t *words;
    kb_command *command = kb_sched_take(vm->sched, vm->context);
    if (!command) {
        vm->wait = KB_VM_QUEUE;
        return KB_OK;
    }
    begin_draft(&self);
    draft_command(vm, inst, command, &self);
    KB_TRY(take_result(vm, inst, &self, err));
    if (vm->wait != KB_VM_NOTHING) return KB_OK;
    KB_TRY(enrol(vm, inst, command, err));
    uint32_t n_words = kb_payload_words(self.kind, &self.payload);
    KB_TRY(kb_sched_words(vm->sched, command, n_words, &words, err));
    kb_payload_encode(self.kind, &self.payload, words);
    KB_TRY(kb_sched_submit(vm->sched, command, vm->context, &self.tiles, err));
    vm->sequence++;
    return settle(vm, inst, self.tiles.output, err);
}
