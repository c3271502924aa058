/* Instruction sets: the same loops compiled once for each, chosen at run time.
 *
 *     loops_template.h, gemm_template.h
 *         └─included by──> isa_avx512.c  isa_avx2.c  isa_neon.c  isa_portable.c
 *
 * Each object is its own static library with its own compiler flags; nothing else of the engine is
 * compiled for more than the base machine.  All of them give the same bits (ADR-0047 D7).
 *
 * Element-wise work is done in a *lane type*, to which a dtype is widened and from which the result is
 * narrowed: fp8, fp16, bf16 and fp32 in float, fp64 in double, integers in their own width, bools in
 * 32 bits.  Reductions take integers of 8 and 16 bits in 32 (they wrap when they are narrowed).
 */
#ifndef KB_REPLAY_ISA_H
#define KB_REPLAY_ISA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "kernel/mathop.h"
#include "mem/dtype.h"

typedef enum kb_lane {
    KB_LANE_F32,
    KB_LANE_F64,
    KB_LANE_I32,
    KB_LANE_U32,
    KB_LANE_I64,
    KB_LANE_U64,
    KB_LANE_I8, /* from here on element-wise only */
    KB_LANE_U8,
    KB_LANE_I16,
    KB_LANE_U16,
    KB_LANE_COUNT
} kb_lane;

/* dst[i] = op(a[i], b[i], c[i]) for i < count; dst overlaps none of them.  Comparisons store bools;
 * CAST, of float lanes only, makes NaNs canonical. */
typedef void kb_math_loop(void *dst, const void *a, const void *b, const void *c, size_t count);

/* dst[i] = value[0] for i < count, whatever its bits mean. */
typedef void kb_splat_loop(void *dst, const void *value, size_t count);

/* Widens or narrows `count` elements; dst does not overlap src.  Widening may leave a NaN any NaN;
 * what is narrowed has canonical ones. */
typedef void kb_convert_loop(void *dst, const void *src, size_t count);

/* dst[i] = table[src[i]]; bytes. */
typedef void kb_table_loop(void *restrict dst, const void *restrict src, const uint8_t table[256],
                           size_t count);

/* Reduces n rows of `width` lanes, row i at values + i * width, by the tree of replay/reduce.h;
 * `values` is overwritten and has room for one row more.  Returns where the width results are
 * (int32 indices for ARGMAX and ARGMIN). */
typedef const void *kb_tree_loop(void *values, size_t n, size_t width);

/* c[i][j] = fma(a[i][k], b[k][j], c[i][j]) over k < depth in order, for i < n_rows and all columns
 * of a register block.  b is packed: n_columns adjacent elements for each k.  Strides in
 * elements. */
typedef void kb_gemm_block(size_t n_rows, size_t depth, const void *a, size_t a_stride,
                           const void *b, void *c, size_t c_stride);

typedef struct kb_gemm_kernel {
    kb_gemm_block *block;
    uint32_t n_rows, n_columns; /* of a register block, at most */
} kb_gemm_kernel;

typedef struct kb_isa {
    const char *name;
    kb_math_loop *math[KB_LANE_COUNT][KB_MATHOP_COUNT]; /* NULL: not defined on that lane type */
    /* Of small floats at one go, without their lane type; NULL: by way of it. */
    kb_math_loop *small[KB_DTYPE_COUNT][KB_MATHOP_COUNT];
    kb_math_loop *select[4]; /* WHERE, by log2 of the element's bytes */
    kb_splat_loop *splat[4]; /* by log2 of the element's bytes */
    kb_tree_loop *tree[KB_LANE_COUNT][KB_REDUCEOP_COUNT];
    kb_convert_loop *widen[KB_DTYPE_COUNT]; /* NULL: the dtype is its lane type */
    kb_convert_loop *narrow[KB_DTYPE_COUNT];
    kb_convert_loop *to_f32[KB_DTYPE_COUNT]; /* rounded once; NULL: float itself */
    kb_table_loop *look_up;
    kb_convert_loop *to_tf32; /* float to float: 10 bits of mantissa, nearest, ties away from 0 */
    void (*canonical_f32)(void *values, size_t count); /* NaNs become the canonical one */
    void (*canonical_f64)(void *values, size_t count);
    kb_gemm_kernel gemm_f32, gemm_f64, gemm_i32;
} kb_isa;

/* The instruction set of that name, or the best that this machine has (NULL).  KB_INVALID when
 * there is no such name, or the machine has it not. */
kb_status kb_isa_find(const char *name, const kb_isa **isa, kb_error *err) KB_MUST_CHECK;

/* The lane type of a dtype in sums and reductions, the one of element-wise operations, and the bytes of
 * one lane.  */
kb_lane kb_lane_of(kb_dtype dtype);
kb_lane kb_lane_of_math(kb_dtype dtype);
size_t kb_lane_nbytes(kb_lane lane);

#endif
