#include "replay/half_x86.h"
#include "replay/isa_table.h"
#include "replay/special_avx2.h"

#define KB_ISA_FMAF __builtin_fmaf
#define KB_ISA_FMA __builtin_fma
#include "replay/loops_template.h"

#define GEMM(name) f32_gemm_##name
#define ELEMENT float
#define VECTOR __m256
#define LANES 8
#define LOAD _mm256_loadu_ps
#define STORE _mm256_storeu_ps
#define SPLAT _mm256_broadcast_ss
#define FMA _mm256_fmadd_ps
#define ROWS 6
#include "replay/gemm_template.h"

#define GEMM(name) f64_gemm_##name
#define ELEMENT double
#define VECTOR __m256d
#define LANES 4
#define LOAD _mm256_loadu_pd
#define STORE _mm256_storeu_pd
#define SPLAT _mm256_broadcast_sd
#define FMA _mm256_fmadd_pd
#define ROWS 6
#include "replay/gemm_template.h"

#define GEMM(name) i32_gemm_##name
#define ELEMENT int32_t
#define VECTOR __m256i
#define LANES 8
#define LOAD(p) _mm256_loadu_si256((const __m256i *)(const void *)(p))
#define STORE(p, v) _mm256_storeu_si256((__m256i *)(void *)(p), (v))
#define SPLAT(p) _mm256_set1_epi32(*(p))
#define FMA(x, y, z) _mm256_add_epi32(_mm256_mullo_epi32((x), (y)), (z))
#define ROWS 6
#include "replay/gemm_template.h"

const kb_isa kb_isa_avx2 = {
    .name = "avx2",
    ISA_TABLE,
    .gemm_f32 = {f32_gemm_block, 6, 16},
    .gemm_f64 = {f64_gemm_block, 6, 8},
    .gemm_i32 = {i32_gemm_block, 6, 16},
};
