/* Element types: one list, and exact conversion between any two of them.
 *
 * Values in memory have the host's byte order.  A bool is one byte, 0 or 1; any other byte counts as
 * true.  The two 8-bit floats are those of Triton and ml_dtypes: float8e4nv (e4m3fn: no infinity,
 * overflow gives NaN, largest 448) and float8e5 (e5m2: IEEE-like, overflow gives infinity).
 */
#ifndef KB_MEM_DTYPE_H
#define KB_MEM_DTYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mem/minifloat.h"

typedef enum kb_dtype_kind { KB_KIND_BOOL, KB_KIND_INT, KB_KIND_UINT, KB_KIND_FLOAT } kb_dtype_kind;

/*   X(enumerator, name, nbytes, kind, explicit mantissa bits; 0 for what is no float) */
#define KB_DTYPE_LIST(X)                     \
    X(BOOL, "bool", 1, BOOL, 0)              \
    X(INT8, "int8", 1, INT, 0)               \
    X(INT16, "int16", 2, INT, 0)             \
    X(INT32, "int32", 4, INT, 0)             \
    X(INT64, "int64", 8, INT, 0)             \
    X(UINT8, "uint8", 1, UINT, 0)            \
    X(UINT16, "uint16", 2, UINT, 0)          \
    X(UINT32, "uint32", 4, UINT, 0)          \
    X(UINT64, "uint64", 8, UINT, 0)          \
    X(FLOAT8E4NV, "float8e4nv", 1, FLOAT, 3) \
    X(FLOAT8E5, "float8e5", 1, FLOAT, 2)     \
    X(FLOAT16, "float16", 2, FLOAT, 10)      \
    X(BFLOAT16, "bfloat16", 2, FLOAT, 7)     \
    X(FLOAT32, "float32", 4, FLOAT, 23)      \
    X(FLOAT64, "float64", 8, FLOAT, 52)

/* Numbered from 0 in the order of the list; a record stores one in a uint8_t. */
typedef enum kb_dtype {
#define X(enumerator, name, nbytes, kind, mantissa) KB_##enumerator,
    KB_DTYPE_LIST(X)
#undef X
        KB_DTYPE_COUNT
} kb_dtype;

/* For a number that is no dtype: "unknown", 0 bytes, KB_KIND_BOOL, 0 bits. */
const char *kb_dtype_name(kb_dtype dtype);
size_t kb_dtype_nbytes(kb_dtype dtype);
kb_dtype_kind kb_dtype_get_kind(kb_dtype dtype);
unsigned kb_dtype_mantissa_bits(kb_dtype dtype);

/* The dtype of that name (length bytes, not terminated); false when there is none. */
bool kb_dtype_find(const char *name, size_t length, kb_dtype *dtype);

/* Converts `count` values.  Any alignment; dst and src must not overlap; both types must be valid.
 * Every pair is defined, with one rounding:
 *   to a float     nearest, ties to even, subnormals kept; too large: infinity (NaN for float8e4nv);
 *                  a NaN becomes the canonical quiet NaN of the target (positive, payload 0)
 *   float to int   toward zero; what is out of range saturates, NaN gives 0 (as PTX's cvt.rzi; where
 *                  C and NumPy define a result, it is this one)
 *   int to int     modulo 2^bits (two's complement)
 *   to bool        value != 0, so NaN is true and -0.0 false
 * Equal types copy the bits, NaNs too; only bool is normalised to 0 or 1.
 * Needs the default floating-point environment (nearest, no flush to zero). */
void kb_dtype_convert(kb_dtype dst_type, void *dst, kb_dtype src_type, const void *src,
                      size_t count);

#endif
