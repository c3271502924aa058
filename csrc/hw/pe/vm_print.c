/* A print takes no time and waits for nothing (ADR-0074): it names its value, and the replay has it when
 * that is made.  So a kernel takes as long with its prints as without. */
#include "hw/pe/vm.h"

static void draft_print(const kb_vm *vm, const kb_kir_inst *inst, kb_payload *payload) {
    const int64_t *grid = vm->launch->grid;
    kb_operand number = {.kind = KB_OPERAND_SCALAR, .dtype = KB_INT64, .dims = {1, 1, 1, 1, 1}};
    *payload = (kb_payload){.n_operands = 3};
    kb_vm_operand(vm, inst->a, &payload->operand[0]);
    payload->operand[1] = payload->operand[2] = number;
    payload->operand[1].bits = vm->pc;
    payload->operand[2].bits = (uint64_t)grid[0] | (uint64_t)grid[1] << 32;
}

kb_status kb_vm_print(kb_vm *vm, kb_error *err) {
    const kb_kir_inst *inst = &vm->kernel->insts[vm->pc];
    kb_alloc *alloc = vm->parts->alloc;
    int64_t now_fs = kb_sim_now(vm->parts->sim);
    kb_payload payload;
    draft_print(vm, inst, &payload);
    uint32_t n_words = kb_payload_words(KB_OP_PRINT, &payload);
    int64_t *words = kb_alloc_zeroed(alloc, n_words, sizeof *words);
    if (!words) return kb_error_nomem(err, "a print");
    kb_payload_encode(KB_OP_PRINT, &payload, words);
    kb_record record = {.end_fs = now_fs,
                        .start_fs = now_fs,
                        .ready_fs = now_fs,
                        .pe = vm->pe,
                        .launch = vm->launch->id,
                        .program = (int32_t)vm->program,
                        .kernel = vm->launch->kernel_number,
                        .line = (int32_t)vm->kernel->lines[vm->pc],
                        .sequence = vm->sequence++,
                        .kind = KB_OP_PRINT,
                        .dtype = payload.operand[0].dtype};
    kb_status status = kb_oplog_append(vm->parts->log, &record, words, n_words, err);
    kb_alloc_free(alloc, words, n_words, sizeof *words);
    KB_TRY(status);
    return inst->flags & KB_LAST_A ? kb_vm_set_tile(vm, inst->a, KB_NO_TILE, err) : KB_OK;
}
