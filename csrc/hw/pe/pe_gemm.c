#include "hw/pe/pe_gemm.h"

#include "base/checked.h"
#include "hw/pe/pe_engine.h"
#include "kernel/kir.h"

__extension__ typedef __int128 wide;

static kb_ratio rate_of(const kb_params_pe_gemm *params, kb_dtype dtype, uint8_t precision) {
    bool is_float = kb_dtype_get_kind(dtype) == KB_KIND_FLOAT;
    switch (kb_dtype_nbytes(dtype)) {
    case 1: return is_float ? params->rate_fp8 : params->rate_int8;
    case 2: return params->rate_fp16;
    case 4: return is_float && precision != KB_IEEE ? params->rate_tf32 : params->rate_fp32;
    default: return params->rate_fp64;
    }
}

/* cycles = num / den, both > 0; true on overflow */
static bool cycles_to_fs(wide num, wide den, kb_ratio clock, int64_t *fs) {
    if (__builtin_mul_overflow(num, (wide)clock.num, &num) ||
        __builtin_mul_overflow(den, (wide)clock.den, &den))
        return true;
    wide rounded = num / den + (num % den != 0);
    *fs = (int64_t)rounded;
    return rounded > INT64_MAX;
}

bool kb_gemm_time(const kb_params *params, int64_t m, int64_t n, int64_t k, kb_dtype dtype,
                  uint8_t precision, bool idle, int64_t *time_fs, int64_t *fill_fs) {
    const kb_params_pe_gemm *gemm = &params->pe_gemm;
    kb_ratio rate = rate_of(gemm, dtype, precision);
    wide passes = precision == KB_TF32X3 && dtype == KB_FLOAT32 ? 3 : 1;
    wide tiles = (wide)kb_ceil_div(m, gemm->m) * kb_ceil_div(n, gemm->n);
    wide num, den = rate.num;
    if (__builtin_mul_overflow(tiles, (wide)kb_ceil_div(k, gemm->k), &num) ||
        __builtin_mul_overflow(num, passes * rate.den, &num))
        return true;
    wide nbytes = ((wide)m * k + (wide)k * n) * (wide)kb_dtype_nbytes(dtype);
    wide width = params->pe_tcm.bytes_per_cycle, left, right;
    if (__builtin_mul_overflow(num, width, &left) || __builtin_mul_overflow(nbytes, den, &right))
        return true;
    if (right > left) {
        num = nbytes;
        den = width;
    }
    int64_t without_fs;
    if (cycles_to_fs(num, den, params->pe.clock, &without_fs)) return true;
    *time_fs = without_fs;
    if (idle && cycles_to_fs(num + den * gemm->fill_cycles, den, params->pe.clock, time_fs))
        return true;
    *fill_fs = *time_fs - without_fs;
    return false;
}

static bool time_command(const kb_params *params, kb_command *command, bool idle,
                         int64_t *time_fs) {
    int64_t m = command->m, n = command->n, k = command->k;
    int64_t size = (int64_t)kb_dtype_nbytes((kb_dtype)command->operand_dtype);
    command->record.nbytes = (m * k + k * n) * size;
    command->record.work = m * n * k;
    return kb_gemm_time(params, m, n, k, (kb_dtype)command->operand_dtype, command->precision, idle,
                        time_fs, &command->record.setup_fs);
}

kb_status kb_gemm_create(const kb_parts *parts, uint32_t node, void **gemm, kb_error *err) {
    return kb_engine_unit_create(parts, node, KB_ENGINE_GEMM, time_command, gemm, err);
}

void kb_gemm_destroy(void *gemm) {
    kb_engine_unit_destroy(gemm);
}
