/* Arithmetic on single numbers: PE_CPU's scalars and the elements of index blocks.
 *
 * A number is 64 raw bits, whatever its dtype: integers and bools as int64 (uint64: its bits), floats as
 * the double of the same value, NaN as the canonical one.  A result is always a value of its dtype:
 * integers wrap to their width, floats are rounded once.  fp64 is computed in double; the smaller
 * floats in float, then rounded to their own format.
 *
 *   // and %     toward zero; by zero 0 and the dividend; the least integer by -1 wraps
 *   << and >>    a count that is negative or at least the width shifts everything out
 *   min, max     the other operand when one is NaN
 *   bool         an integer of one bit
 */
#ifndef KB_KERNEL_SCALAR_H
#define KB_KERNEL_SCALAR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "kernel/mathop.h"
#include "mem/dtype.h"

/* True when `op` is defined on operands of that dtype (WHERE: of its second and third) and can give that
 * result: the one rule for scalars, blocks and tiles. */
bool kb_scalar_defined(kb_mathop op, kb_dtype operand, kb_dtype result);

/* *bits = op(a, b, c); operands beyond the operation's number are ignored.  KB_COMPILE when it is not
 * defined (see above). */
kb_status kb_scalar_math(kb_mathop op, kb_dtype operand, kb_dtype result, uint64_t a, uint64_t b,
                         uint64_t c, uint64_t *bits, kb_error *err) KB_MUST_CHECK;

/* The same for `count` integers or bools; unused operands may be any `count` numbers, and values may be an
 * operand. */
kb_status kb_scalar_row(kb_mathop op, kb_dtype operand, kb_dtype result, const int64_t *a,
                        const int64_t *b, const int64_t *c, uint32_t count, int64_t *values,
                        kb_error *err) KB_MUST_CHECK;

/* An integer wrapped to the width of `dtype` (an integer type or bool). */
static inline int64_t kb_scalar_wrap(kb_dtype dtype, int64_t value) {
    switch (dtype) {
    case KB_BOOL: return value & 1;
    case KB_INT8: return (int8_t)value;
    case KB_INT16: return (int16_t)value;
    case KB_INT32: return (int32_t)value;
    case KB_UINT8: return (uint8_t)value;
    case KB_UINT16: return (uint16_t)value;
    case KB_UINT32: return (uint32_t)value;
    default: return value;
    }
}

/* The least and greatest value of an integer dtype or bool; of uint64 as far as int64 can say it. */
static inline int64_t kb_scalar_least(kb_dtype dtype) {
    return kb_dtype_get_kind(dtype) == KB_KIND_INT
               ? INT64_MIN >> (64 - 8 * (int)kb_dtype_nbytes(dtype))
               : 0;
}

static inline int64_t kb_scalar_greatest(kb_dtype dtype) {
    if (dtype == KB_BOOL) return 1;
    int bits = 8 * (int)kb_dtype_nbytes(dtype);
    if (kb_dtype_get_kind(dtype) == KB_KIND_INT || bits == 64) bits--;
    return (int64_t)((UINT64_C(1) << bits) - 1);
}

/* The value that a condition sees: not zero (NaN is true, -0.0 false). */
static inline bool kb_scalar_is_true(kb_dtype dtype, uint64_t bits) {
    return (kb_dtype_get_kind(dtype) == KB_KIND_FLOAT ? bits << 1 : bits) != 0;
}

/* Between bits and a value of `dtype` in memory, any alignment. */
uint64_t kb_scalar_load(kb_dtype dtype, const void *memory);
void kb_scalar_store(kb_dtype dtype, uint64_t bits, void *memory);

/* True when `bits` is how a value of `dtype` is written. */
bool kb_scalar_is_value(kb_dtype dtype, uint64_t bits);

#endif
