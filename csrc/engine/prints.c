#include "engine/engine.h"

size_t kb_engine_n_prints(kb_engine *engine, uint64_t *n_lost) {
    const kb_prints *prints = kb_replay_prints(engine->replay);
    if (engine->prints && engine->options.data && engine->failure.status) {
        /* What led to the failure is what is asked for; one of the replay itself only stops it again. */
        kb_error ignored = KB_ERROR_INIT;
        kb_status status =
            kb_replay_run(engine->replay, kb_oplog_count(engine->log), INT64_MAX, &ignored);
        (void)status;
    }
    *n_lost = prints->n_lost;
    return prints->items.count;
}

kb_print kb_engine_print(const kb_engine *engine, size_t index) {
    const kb_prints *prints = kb_replay_prints(engine->replay);
    const kb_printed *item = &prints->items.items[index];
    const kb_kernel *kernel = engine->kernels.items[item->kernel];
    const kb_kir_inst *inst = &kernel->insts[item->inst];
    uint32_t program = (uint32_t)item->program, rows = program / item->grid[0];
    kb_print print = {
        .launch = item->launch,
        .program = item->program,
        .sequence = item->sequence,
        .place = {program % item->grid[0], rows % item->grid[1], rows / item->grid[1]},
        .text = kernel->text + inst->imm,
        .form = inst->sub ? KB_PRINT_HEX : KB_PRINT_PLAIN,
        .dtype = item->dtype,
        .rank = item->rank,
        .n_values = item->count};
    if (inst->a != KB_NO_REG && kb_kernel_type(kernel, inst->a)->pointer)
        print.form = KB_PRINT_ADDRESS;
    for (int d = 0; d < item->rank; d++) print.dims[d] = item->dims[d];
    if (item->count > 0) print.values = prints->elements.items + item->first;
    return print;
}

void kb_engine_clear_prints(kb_engine *engine) {
    kb_prints_clear(kb_replay_prints(engine->replay));
}
