#include "hw/pe/pe_math.h"

#include "base/checked.h"
#include "hw/pe/pe_engine.h"
#include "mem/dtype.h"

static int64_t cost_of(const kb_params_pe_math *params, const kb_command *command) {
    bool crosses = command->record.kind == KB_OP_TRANS || command->record.kind == KB_OP_GATHER;
    if (crosses) return params->transpose_cycles;
    if (command->cost == KB_MATH_DIVIDE) return params->divide_cycles;
    return command->cost == KB_MATH_SPECIAL ? params->special_cycles : params->simple_cycles;
}

static int64_t floor_log2(int64_t n) {
    int64_t log = 0;
    while (n >>= 1) log++;
    return log;
}

int64_t kb_math_cycles(const kb_params_pe_math *params, const kb_command *command) {
    int64_t result_bits = 8 * (int64_t)kb_dtype_nbytes((kb_dtype)command->record.dtype);
    int64_t operand_bits = 8 * (int64_t)kb_dtype_nbytes((kb_dtype)command->operand_dtype);
    int64_t lanes = params->lane_bits / kb_max_i64(result_bits, operand_bits);
    int64_t steps = kb_ceil_div(command->n_elements, lanes);
    if (command->record.kind == KB_OP_REDUCE) return steps + floor_log2(lanes);
    return steps * cost_of(params, command) + params->latency_cycles;
}

static bool time_command(const kb_params *params, kb_command *command, bool idle,
                         int64_t *time_fs) {
    (void)idle;
    command->record.work = command->n_elements;
    return kb_ratio_scale(params->pe.clock, kb_math_cycles(&params->pe_math, command), time_fs);
}

kb_status kb_math_create(const kb_parts *parts, uint32_t node, void **math, kb_error *err) {
    return kb_engine_unit_create(parts, node, KB_ENGINE_MATH, time_command, math, err);
}

void kb_math_destroy(void *math) {
    kb_engine_unit_destroy(math);
}
