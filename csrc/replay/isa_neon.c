#include "replay/isa_table.h"

#include <arm_neon.h>

#define KB_ISA_FMAF __builtin_fmaf
#define KB_ISA_FMA __builtin_fma
#include "replay/loops_template.h"

#define GEMM(name) f32_gemm_##name
#define ELEMENT float
#define VECTOR float32x4_t
#define LANES 4
#define LOAD vld1q_f32
#define STORE vst1q_f32
#define SPLAT vld1q_dup_f32
#define FMA(x, y, z) vfmaq_f32((z), (x), (y))
#define ROWS 8
#include "replay/gemm_template.h"

#define GEMM(name) f64_gemm_##name
#define ELEMENT double
#define VECTOR float64x2_t
#define LANES 2
#define LOAD vld1q_f64
#define STORE vst1q_f64
#define SPLAT vld1q_dup_f64
#define FMA(x, y, z) vfmaq_f64((z), (x), (y))
#define ROWS 8
#include "replay/gemm_template.h"

#define GEMM(name) i32_gemm_##name
#define ELEMENT int32_t
#define VECTOR int32x4_t
#define LANES 4
#define LOAD vld1q_s32
#define STORE vst1q_s32
#define SPLAT vld1q_dup_s32
#define FMA(x, y, z) vmlaq_s32((z), (x), (y))
#define ROWS 8
#include "replay/gemm_template.h"

const kb_isa kb_isa_neon = {
    .name = "neon",
    ISA_TABLE,
    .gemm_f32 = {f32_gemm_block, 8, 8},
    .gemm_f64 = {f64_gemm_block, 8, 4},
    .gemm_i32 = {i32_gemm_block, 8, 8},
};
