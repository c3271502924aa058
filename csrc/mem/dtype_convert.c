/* Conversion between any two dtypes through one of four hubs: float, double, int64 or uint64.
 *
 *     src --decode--> hub --encode--> dst
 *
 * Decoding is exact, or rounds to odd, which costs no accuracy: the rounding is the encoder's.  A hub
 * type needs no step of its own, so float16 <-> float32, say, is a single loop. */
#include "mem/dtype.h"

enum { BLOCK_COUNT = 256 };

typedef enum hub { HUB_F32, HUB_F64, HUB_I64, HUB_U64, HUB_COUNT } hub;

typedef void convert_loop(unsigned char *restrict dst, const unsigned char *restrict src,
                          size_t count);

static int64_t truncate_i64(double value) {
    if (value != value) return 0;
    if (value >= 0x1p63) return INT64_MAX;
    if (value < -0x1p63) return INT64_MIN;
    return (int64_t)value;
}

static uint64_t truncate_u64(double value) {
    if (value != value || value <= -1.0) return 0;
    if (value >= 0x1p64) return UINT64_MAX;
    return (uint64_t)value;
}

static int64_t clamp_i64(int64_t value, int64_t low, int64_t high) {
    return value < low ? low : value > high ? high : value;
}

static uint64_t clamp_u64(uint64_t value, uint64_t high) {
    return value > high ? high : value;
}

/* Rounds to odd, as kb_f64_to_f32_odd does: what comes after it still rounds exactly. */
static double u64_to_f64_odd(uint64_t value) {
    if (value >> 53 == 0) return (double)value;
    return (double)(value >> 11 | ((value & 0x7ff) != 0)) * 2048.0;
}

static double i64_to_f64_odd(int64_t value) {
    return value < 0 ? -u64_to_f64_odd(0 - (uint64_t)value) : u64_to_f64_odd((uint64_t)value);
}

/* A loop over `src_type x`, unaligned, that stores `expr` as `dst_type`. */
#define LOOP(name, src_type, dst_type, expr)                                         \
    static void name(unsigned char *restrict dst, const unsigned char *restrict src, \
                     size_t count) {                                                 \
        for (size_t i = 0; i < count; i++) {                                         \
            src_type x;                                                              \
            memcpy(&x, src + i * sizeof x, sizeof x);                                \
            dst_type y = (dst_type)(expr);                                           \
            memcpy(dst + i * sizeof y, &y, sizeof y);                                \
        }                                                                            \
    }

LOOP(e4m3_decode, uint8_t, float, kb_e4m3_to_f32(x))
LOOP(e5m2_decode, uint8_t, float, kb_e5m2_to_f32(x))
LOOP(f16_decode, uint16_t, float, kb_f16_to_f32(x))
LOOP(bf16_decode, uint16_t, float, kb_bf16_to_f32(x))
LOOP(bool_decode, uint8_t, int64_t, x != 0)
LOOP(i8_decode, int8_t, int64_t, x)
LOOP(i16_decode, int16_t, int64_t, x)
LOOP(i32_decode, int32_t, int64_t, x)
LOOP(u8_decode, uint8_t, uint64_t, x)
LOOP(u16_decode, uint16_t, uint64_t, x)
LOOP(u32_decode, uint32_t, uint64_t, x)

/* Toward a float smaller than float: through float, exactly or rounded to odd. */
LOOP(bool_decode_f32, uint8_t, float, x != 0)
LOOP(i8_decode_f32, int8_t, float, x)
LOOP(i16_decode_f32, int16_t, float, x)
LOOP(i32_decode_f32, int32_t, float, kb_f64_to_f32_odd(x))
LOOP(i64_decode_f32, int64_t, float, kb_f64_to_f32_odd(i64_to_f64_odd(x)))
LOOP(u8_decode_f32, uint8_t, float, x)
LOOP(u16_decode_f32, uint16_t, float, x)
LOOP(u32_decode_f32, uint32_t, float, kb_f64_to_f32_odd(x))
LOOP(u64_decode_f32, uint64_t, float, kb_f64_to_f32_odd(u64_to_f64_odd(x)))
LOOP(f64_decode_f32, double, float, kb_f64_to_f32_odd(x))

static const struct {
    hub hub;
    convert_loop *decode;     /* NULL: the type is its hub's */
    convert_loop *decode_f32; /* NULL: the hub is float anyway */
} sources[KB_DTYPE_COUNT] = {
    [KB_BOOL] = {HUB_I64, bool_decode, bool_decode_f32},
    [KB_INT8] = {HUB_I64, i8_decode, i8_decode_f32},
    [KB_INT16] = {HUB_I64, i16_decode, i16_decode_f32},
    [KB_INT32] = {HUB_I64, i32_decode, i32_decode_f32},
    [KB_INT64] = {HUB_I64, NULL, i64_decode_f32},
    [KB_UINT8] = {HUB_U64, u8_decode, u8_decode_f32},
    [KB_UINT16] = {HUB_U64, u16_decode, u16_decode_f32},
    [KB_UINT32] = {HUB_U64, u32_decode, u32_decode_f32},
    [KB_UINT64] = {HUB_U64, NULL, u64_decode_f32},
    [KB_FLOAT8E4NV] = {HUB_F32, e4m3_decode, NULL},
    [KB_FLOAT8E5] = {HUB_F32, e5m2_decode, NULL},
    [KB_FLOAT16] = {HUB_F32, f16_decode, NULL},
    [KB_BFLOAT16] = {HUB_F32, bf16_decode, NULL},
    [KB_FLOAT32] = {HUB_F32, NULL, NULL},
    [KB_FLOAT64] = {HUB_F64, NULL, f64_decode_f32},
};

#define FLOAT_ENCODERS(from, src_type)                                                       \
    LOOP(from##_to_bool, src_type, uint8_t, x != 0)                                          \
    LOOP(from##_to_i8, src_type, int8_t, clamp_i64(truncate_i64(x), INT8_MIN, INT8_MAX))     \
    LOOP(from##_to_i16, src_type, int16_t, clamp_i64(truncate_i64(x), INT16_MIN, INT16_MAX)) \
    LOOP(from##_to_i32, src_type, int32_t, clamp_i64(truncate_i64(x), INT32_MIN, INT32_MAX)) \
    LOOP(from##_to_i64, src_type, int64_t, truncate_i64(x))                                  \
    LOOP(from##_to_u8, src_type, uint8_t, clamp_u64(truncate_u64(x), UINT8_MAX))             \
    LOOP(from##_to_u16, src_type, uint16_t, clamp_u64(truncate_u64(x), UINT16_MAX))          \
    LOOP(from##_to_u32, src_type, uint32_t, clamp_u64(truncate_u64(x), UINT32_MAX))          \
    LOOP(from##_to_u64, src_type, uint64_t, truncate_u64(x))

#define INT_ENCODERS(from, src_type)                \
    LOOP(from##_to_bool, src_type, uint8_t, x != 0) \
    LOOP(from##_to_i8, src_type, int8_t, x)         \
    LOOP(from##_to_i16, src_type, int16_t, x)       \
    LOOP(from##_to_i32, src_type, int32_t, x)       \
    LOOP(from##_to_u8, src_type, uint8_t, x)        \
    LOOP(from##_to_u16, src_type, uint16_t, x)      \
    LOOP(from##_to_u32, src_type, uint32_t, x)      \
    LOOP(from##_to_f32, src_type, float, x)         \
    LOOP(from##_to_f64, src_type, double, x)

FLOAT_ENCODERS(f32, float)
FLOAT_ENCODERS(f64, double)
INT_ENCODERS(i64, int64_t)
INT_ENCODERS(u64, uint64_t)
LOOP(f32_to_e4m3, float, uint8_t, kb_f32_to_e4m3(x))
LOOP(f32_to_e5m2, float, uint8_t, kb_f32_to_e5m2(x))
LOOP(f32_to_f16, float, uint16_t, kb_f32_to_f16(x))
LOOP(f32_to_bf16, float, uint16_t, kb_f32_to_bf16(x))
LOOP(f32_to_f64, float, double, kb_f32_to_f64(x))
LOOP(f64_to_f32, double, float, kb_f64_to_f32(x))
LOOP(u64_to_i64, uint64_t, int64_t, x)
LOOP(i64_to_u64, int64_t, uint64_t, x)

#define ENCODERS(from)                                                                  \
    [KB_BOOL] = from##_to_bool, [KB_INT8] = from##_to_i8, [KB_INT16] = from##_to_i16,   \
    [KB_INT32] = from##_to_i32, [KB_UINT8] = from##_to_u8, [KB_UINT16] = from##_to_u16, \
    [KB_UINT32] = from##_to_u32

/* NULL: the hub's own type, or (small floats) reached through float alone. */
static convert_loop *const encoders[HUB_COUNT][KB_DTYPE_COUNT] = {
    [HUB_F32] = {ENCODERS(f32), [KB_INT64] = f32_to_i64, [KB_UINT64] = f32_to_u64,
                 [KB_FLOAT8E4NV] = f32_to_e4m3, [KB_FLOAT8E5] = f32_to_e5m2,
                 [KB_FLOAT16] = f32_to_f16, [KB_BFLOAT16] = f32_to_bf16, [KB_FLOAT64] = f32_to_f64},
    [HUB_F64] = {ENCODERS(f64), [KB_INT64] = f64_to_i64, [KB_UINT64] = f64_to_u64,
                 [KB_FLOAT32] = f64_to_f32},
    [HUB_I64] = {ENCODERS(i64), [KB_UINT64] = i64_to_u64, [KB_FLOAT32] = i64_to_f32,
                 [KB_FLOAT64] = i64_to_f64},
    [HUB_U64] = {ENCODERS(u64), [KB_INT64] = u64_to_i64, [KB_FLOAT32] = u64_to_f32,
                 [KB_FLOAT64] = u64_to_f64},
};

static bool is_small_float(kb_dtype dtype) {
    return kb_dtype_get_kind(dtype) == KB_KIND_FLOAT && kb_dtype_nbytes(dtype) < sizeof(float);
}

void kb_dtype_convert(kb_dtype dst_type, void *dst, kb_dtype src_type, const void *src,
                      size_t count) {
    size_t dst_nbytes = kb_dtype_nbytes(dst_type), src_nbytes = kb_dtype_nbytes(src_type);
    if (count == 0) return;
    if (dst_type == src_type && dst_type != KB_BOOL) {
        memcpy(dst, src, count * src_nbytes);
        return;
    }
    hub via = sources[src_type].hub;
    convert_loop *decode = sources[src_type].decode;
    if (via != HUB_F32 && is_small_float(dst_type)) {
        via = HUB_F32;
        decode = sources[src_type].decode_f32;
    }
    convert_loop *encode = encoders[via][dst_type];
    if (!decode || !encode) {
        (decode ? decode : encode)(dst, src, count);
        return;
    }
    uint64_t block[BLOCK_COUNT];
    unsigned char *out = dst;
    const unsigned char *in = src;
    for (size_t at = 0; at < count; at += BLOCK_COUNT) {
        size_t n = count - at < BLOCK_COUNT ? count - at : BLOCK_COUNT;
        decode((unsigned char *)block, in + at * src_nbytes, n);
        encode(out + at * dst_nbytes, (const unsigned char *)block, n);
    }
}
