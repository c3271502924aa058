#include "replay/half_x86.h"
#include "replay/isa_table.h"
#include "replay/special_avx512.h"

#define KB_ISA_FMAF __builtin_fmaf
#define KB_ISA_FMA __builtin_fma
#include "replay/loops_template.h"

#define GEMM(name) f32_gemm_##name
#define ELEMENT float
#define VECTOR __m512
#define LANES 16
#define LOAD _mm512_loadu_ps
#define STORE _mm512_storeu_ps
#define SPLAT(p) _mm512_set1_ps(*(p))
#define FMA _mm512_fmadd_ps
#define ROWS 12
#include "replay/gemm_template.h"

#define GEMM(name) f64_gemm_##name
#define ELEMENT double
#define VECTOR __m512d
#define LANES 8
#define LOAD _mm512_loadu_pd
#define STORE _mm512_storeu_pd
#define SPLAT(p) _mm512_set1_pd(*(p))
#define FMA _mm512_fmadd_pd
#define ROWS 12
#include "replay/gemm_template.h"

#define GEMM(name) i32_gemm_##name
#define ELEMENT int32_t
#define VECTOR __m512i
#define LANES 16
#define LOAD _mm512_loadu_si512
#define STORE _mm512_storeu_si512
#define SPLAT(p) _mm512_set1_epi32(*(p))
#define FMA(x, y, z) _mm512_add_epi32(_mm512_mullo_epi32((x), (y)), (z))
#define ROWS 12
#include "replay/gemm_template.h"

const kb_isa kb_isa_avx512 = {
    .name = "avx512",
    ISA_TABLE,
    .gemm_f32 = {f32_gemm_block, 12, 32},
    .gemm_f64 = {f64_gemm_block, 12, 16},
    .gemm_i32 = {i32_gemm_block, 12, 32},
};
