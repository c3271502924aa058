/* Plain C for any machine, and the reference that the other instruction sets must equal. */
#include "replay/isa_table.h"

#include "mem/minifloat.h"

/* a * b + c, rounded once.  The product is exact in double.  The sum is rounded to odd there, that
 * is: when it is not exact, the last bit is set, toward the error; double has more than two bits to
 * spare over float, so rounding that to float is the one right rounding. */
static inline float fused_f32(float a, float b, float c) {
    double product = (double)a * (double)b, addend = (double)c;
    double sum = product + addend;
    double virtual = sum - product;
    double error = (product - (sum - virtual)) + (addend - virtual);
    uint64_t bits = kb_f64_bits(sum);
    uint64_t inexact = (error > 0.0) | (error < 0.0);
    uint64_t toward_zero = (uint64_t)(error > 0.0) ^ (uint64_t)(sum > 0.0);
    bits += inexact & ~bits & 1 & ~toward_zero;
    bits -= inexact & ~bits & 1 & toward_zero;
    return (float)kb_f64_from_bits(bits);
}

#define KB_ISA_FMAF fused_f32
#define KB_ISA_FMA __builtin_fma
#include "replay/loops_template.h"

/* A vector is one element; compilers vectorise over the columns as far as they like. */
#define PLAIN_LOAD(p) (*(p))
#define PLAIN_STORE(p, v) ((void)(*(p) = (v)))

#define GEMM(name) f32_gemm_##name
#define ELEMENT float
#define VECTOR float
#define LANES 1
#define LOAD PLAIN_LOAD
#define STORE PLAIN_STORE
#define SPLAT PLAIN_LOAD
#define FMA fused_f32
#define ROWS 4
#include "replay/gemm_template.h"

#define GEMM(name) f64_gemm_##name
#define ELEMENT double
#define VECTOR double
#define LANES 1
#define LOAD PLAIN_LOAD
#define STORE PLAIN_STORE
#define SPLAT PLAIN_LOAD
#define FMA __builtin_fma
#define ROWS 4
#include "replay/gemm_template.h"

#define GEMM(name) i32_gemm_##name
#define ELEMENT int32_t
#define VECTOR int32_t
#define LANES 1
#define LOAD PLAIN_LOAD
#define STORE PLAIN_STORE
#define SPLAT PLAIN_LOAD
#define FMA(x, y, z) (int32_t)((uint32_t)(x) * (uint32_t)(y) + (uint32_t)(z))
#define ROWS 4
#include "replay/gemm_template.h"

const kb_isa kb_isa_portable = {
    .name = "portable",
    ISA_TABLE,
    .gemm_f32 = {f32_gemm_block, 4, 2},
    .gemm_f64 = {f64_gemm_block, 4, 2},
    .gemm_i32 = {i32_gemm_block, 4, 2},
};
