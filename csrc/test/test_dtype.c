/* Conversions of every dtype to every other one, against a slow reference that knows nothing of the
 * bit tricks: values are long doubles, rounding is a search among all codes for the nearest one. */
#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "mem/dtype.h"
#include "test/tap.h"

_Static_assert(LDBL_MANT_DIG >= 64, "the reference holds every 64-bit integer exactly");

typedef struct format {
    kb_dtype dtype;
    int exponent_bits;
    uint32_t top;      /* code of infinity, or of the largest number */
    uint32_t overflow; /* code of what is too large */
    uint32_t nan;
    long double *values; /* of the codes 0 .. top; where top is infinity, as if it were a number */
} format;

static format formats[] = {
    {KB_FLOAT16, 5, 0x7c00, 0x7c00, 0x7e00, NULL},
    {KB_BFLOAT16, 8, 0x7f80, 0x7f80, 0x7fc0, NULL},
    {KB_FLOAT8E5, 5, 0x7c, 0x7c, 0x7e, NULL},
    {KB_FLOAT8E4NV, 4, 0x7e, 0x7f, 0x7f, NULL},
};

enum { N_FORMATS = 4 };

static format *format_of(kb_dtype dtype) {
    for (int i = 0; i < N_FORMATS; i++)
        if (formats[i].dtype == dtype) return &formats[i];
    return NULL;
}

/* The value of a positive code by the definition of a float format. */
static long double code_value(const format *f, uint32_t code) {
    int m = (int)kb_dtype_mantissa_bits(f->dtype);
    int bias = (1 << (f->exponent_bits - 1)) - 1;
    int exponent = (int)(code >> m);
    long double fraction = (long double)(code & ((1u << m) - 1));
    if (exponent == 0) return ldexpl(fraction, 1 - bias - m);
    return ldexpl(fraction + (long double)(1 << m), exponent - bias - m);
}

static void make_values(void) {
    for (int i = 0; i < N_FORMATS; i++) {
        formats[i].values = calloc(formats[i].top + 2, sizeof(long double));
        if (!formats[i].values) exit(1);
        for (uint32_t code = 0; code <= formats[i].top + 1; code++)
            formats[i].values[code] = code_value(&formats[i], code);
    }
}

static uint32_t sign_bit(const format *f) {
    return 1u << (8 * kb_dtype_nbytes(f->dtype) - 1);
}

static long double small_decode(const format *f, uint32_t code) {
    uint32_t magnitude = code & (sign_bit(f) - 1);
    long double sign = code & sign_bit(f) ? -1.0L : 1.0L;
    if (magnitude > f->top) return (long double)NAN;
    if (magnitude == f->top && f->overflow == f->top) return sign * (long double)INFINITY;
    return sign * f->values[magnitude];
}

static uint32_t small_encode(const format *f, long double value) {
    if (isnan(value)) return f->nan;
    uint32_t sign = signbit(value) ? sign_bit(f) : 0;
    long double magnitude = fabsl(value);
    uint32_t low = 0, high = f->top + 1; /* the largest code whose value is not above */
    while (high - low > 1) {
        uint32_t middle = (low + high) / 2;
        if (f->values[middle] <= magnitude) low = middle;
        else high = middle;
    }
    if (low == f->top && f->overflow == f->top) return f->overflow | sign;
    long double midpoint = (f->values[low] + f->values[low + 1]) / 2;
    bool up = magnitude > midpoint || (magnitude == midpoint && (low & 1));
    uint32_t code = low + (up ? 1 : 0);
    if (code > f->top)
        return isnan((float)small_decode(f, f->overflow)) ? f->nan : f->overflow | sign;
    return code | sign;
}

static uint64_t load(kb_dtype dtype, const unsigned char *bytes) {
    uint64_t code = 0;
    memcpy(&code, bytes, kb_dtype_nbytes(dtype));
    return code;
}

static long double reference_decode(kb_dtype dtype, uint64_t code) {
    const format *f = format_of(dtype);
    if (f) return small_decode(f, (uint32_t)code);
    if (dtype == KB_FLOAT32) return (long double)kb_f32_from_bits((uint32_t)code);
    if (dtype == KB_FLOAT64) return (long double)kb_f64_from_bits(code);
    if (dtype == KB_BOOL) return code ? 1.0L : 0.0L;
    unsigned bits = 8 * (unsigned)kb_dtype_nbytes(dtype);
    long double value = (long double)code;
    bool negative = kb_dtype_get_kind(dtype) == KB_KIND_INT && code >> (bits - 1);
    return negative ? value - ldexpl(1.0L, (int)bits) : value;
}

static uint64_t reference_encode(kb_dtype dtype, long double value, bool wraps) {
    const format *f = format_of(dtype);
    if (f) return small_encode(f, value);
    if (dtype == KB_FLOAT32) return isnan(value) ? 0x7fc00000 : kb_f32_bits((float)value);
    if (dtype == KB_FLOAT64)
        return isnan(value) ? UINT64_C(0x7ff8000000000000) : kb_f64_bits((double)value);
    if (dtype == KB_BOOL) return isnan(value) || value != 0.0L;
    int bits = 8 * (int)kb_dtype_nbytes(dtype);
    uint64_t mask = UINT64_MAX >> (64 - bits);
    bool is_signed = kb_dtype_get_kind(dtype) == KB_KIND_INT;
    if (wraps) return (value < 0 ? 0 - (uint64_t)-value : (uint64_t)value) & mask;
    long double low = is_signed ? -ldexpl(1.0L, bits - 1) : 0.0L;
    long double high = ldexpl(1.0L, is_signed ? bits - 1 : bits) - 1.0L;
    value = isnan(value) ? 0.0L : truncl(value);
    value = value < low ? low : value > high ? high : value;
    return (value < 0 ? 0 - (uint64_t)-value : (uint64_t)value) & mask;
}

static uint64_t next_random(uint64_t *state) {
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *state >> 32 ^ *state << 17;
}

typedef struct samples {
    unsigned char *bytes;
    size_t count;
    size_t nbytes; /* of one */
} samples;

enum { MAX_SAMPLES = 700000 };

static void add(samples *s, uint64_t code) {
    if (s->count < MAX_SAMPLES) memcpy(s->bytes + s->count * s->nbytes, &code, s->nbytes);
    s->count++;
}

static void add_value(samples *s, kb_dtype dtype, long double value) {
    for (int sign = 0; sign < 2; sign++, value = -value) {
        uint64_t code =
            dtype == KB_FLOAT32 ? kb_f32_bits((float)value) : kb_f64_bits((double)value);
        for (int step = -1; step <= 1; step++) add(s, code + (uint64_t)step);
    }
}

/* Every code of an 8- or 16-bit type.  For a larger float: every midpoint between two codes of every
 * small format, every code, their neighbours, the limits of the integers, and random bits.  For a
 * larger integer: sums and differences of two powers of two, their neighbours, and random bits. */
static samples make_samples(kb_dtype dtype) {
    samples s = {calloc(MAX_SAMPLES, 8), 0, kb_dtype_nbytes(dtype)};
    uint64_t random = 1;
    if (!s.bytes) exit(1);
    if (s.nbytes <= 2) {
        for (uint64_t code = 0; code < UINT64_C(1) << (8 * s.nbytes); code++) add(&s, code);
        return s;
    }
    for (int i = 0; i < 20000; i++) add(&s, next_random(&random));
    if (kb_dtype_get_kind(dtype) != KB_KIND_FLOAT) {
        for (int high = 0; high < 64; high++)
            for (int low = 0; low <= high; low++)
                for (int step = -1; step <= 1; step++) {
                    add(&s, (UINT64_C(1) << high) + (UINT64_C(1) << low) + (uint64_t)step);
                    add(&s, (UINT64_C(1) << high) - (UINT64_C(1) << low) + (uint64_t)step);
                    add(&s, 0 - (UINT64_C(1) << high) - (UINT64_C(1) << low) + (uint64_t)step);
                }
        return s;
    }
    for (int i = 0; i < N_FORMATS; i++)
        for (uint32_t code = 0; code <= formats[i].top; code++) {
            add_value(&s, dtype, (formats[i].values[code] + formats[i].values[code + 1]) / 2);
            if (code % 16 == 0) add_value(&s, dtype, formats[i].values[code]);
        }
    for (int power = -1; power <= 65; power++)
        for (int half = -2; half <= 2; half++)
            add_value(&s, dtype, ldexpl(1.0L, power) + 0.5L * (long double)half);
    add_value(&s, dtype, (long double)INFINITY);
    add(&s, dtype == KB_FLOAT32 ? 0xffc12345 : UINT64_C(0xfff8123456789abc));
    add(&s, dtype == KB_FLOAT32 ? 0x7f800001 : UINT64_C(0x7ff0000000000001));
    return s;
}

static bool is_exact_copy(kb_dtype dst_type, kb_dtype src_type) {
    return dst_type == src_type && dst_type != KB_BOOL;
}

/* Compares a whole array; one check, which names the first difference. */
static void check_pair(kb_dtype dst_type, kb_dtype src_type, const samples *s) {
    size_t dst_nbytes = kb_dtype_nbytes(dst_type);
    bool wraps = kb_dtype_get_kind(src_type) != KB_KIND_FLOAT;
    unsigned char *dst = malloc(s->count * dst_nbytes);
    if (!dst) exit(1);
    kb_dtype_convert(dst_type, dst, src_type, s->bytes, s->count);
    size_t n_wrong = 0;
    for (size_t i = 0; i < s->count; i++) {
        uint64_t code = load(src_type, s->bytes + i * s->nbytes);
        uint64_t got = load(dst_type, dst + i * dst_nbytes);
        uint64_t expected =
            is_exact_copy(dst_type, src_type)
                ? code
                : reference_encode(dst_type, reference_decode(src_type, code), wraps);
        if (got == expected || n_wrong++) continue;
        printf("# %s 0x%llx -> %s: got 0x%llx, expected 0x%llx\n", kb_dtype_name(src_type),
               (unsigned long long)code, kb_dtype_name(dst_type), (unsigned long long)got,
               (unsigned long long)expected);
    }
    CHECK_EQ(n_wrong, 0);
    free(dst);
}

static void converts_every_pair(void) {
    for (unsigned src = 0; src < KB_DTYPE_COUNT; src++) {
        samples s = make_samples((kb_dtype)src);
        CHECK(s.count > 255 && s.count <= MAX_SAMPLES);
        for (unsigned dst = 0; dst < KB_DTYPE_COUNT; dst++)
            check_pair((kb_dtype)dst, (kb_dtype)src, &s);
        free(s.bytes);
    }
}

static void scalars_agree_with_the_reference(void) {
    samples s = make_samples(KB_FLOAT64);
    size_t n_wrong = 0;
    for (size_t i = 0; i < s.count; i++) {
        double value = kb_f64_from_bits(load(KB_FLOAT64, s.bytes + 8 * i));
        long double exact = (long double)value;
        n_wrong += kb_f64_to_f16(value) != small_encode(format_of(KB_FLOAT16), exact);
        n_wrong += kb_f64_to_bf16(value) != small_encode(format_of(KB_BFLOAT16), exact);
        n_wrong += kb_f64_to_e5m2(value) != small_encode(format_of(KB_FLOAT8E5), exact);
        n_wrong += kb_f64_to_e4m3(value) != small_encode(format_of(KB_FLOAT8E4NV), exact);
    }
    CHECK_EQ(n_wrong, 0);
    free(s.bytes);
}

static void rounds_twice_nowhere(void) {
    /* Just above a midpoint of float16; rounded to float first it would lie on the midpoint. */
    double above = 1.0 + 0x1p-11 + 0x1p-40;
    CHECK_EQ(kb_f64_to_f16(above), 0x3c01);
    CHECK_EQ(kb_f32_to_f16((float)above), 0x3c00);
    int64_t whole = (INT64_C(1) << 62) + (INT64_C(1) << 54) + 1;
    uint16_t code;
    kb_dtype_convert(KB_BFLOAT16, &code, KB_INT64, &whole, 1);
    CHECK_EQ(code, 0x5e81);
}

static void known_codes(void) {
    CHECK_EQ(kb_f32_to_f16(65504.0f), 0x7bff);
    CHECK_EQ(kb_f32_to_f16(65520.0f), 0x7c00);
    CHECK_EQ(kb_f32_to_f16(-0x1p-24f), 0x8001);
    CHECK_EQ(kb_f32_to_f16(0x1p-25f), 0);
    CHECK_EQ(kb_f32_to_e4m3(448.0f), 0x7e);
    CHECK_EQ(kb_f32_to_e4m3(464.0f), 0x7e);
    CHECK_EQ(kb_f32_to_e4m3(-465.0f), 0x7f);
    CHECK_EQ(kb_f32_to_e5m2(57344.0f), 0x7b);
    CHECK_EQ(kb_f32_to_e5m2(-1e9f), 0xfc);
    CHECK_EQ(kb_f32_to_bf16(-1.0f), 0xbf80);
    CHECK_EQ(kb_f32_bits(kb_f16_to_f32(0xfe01)), 0x7fc00000);
    CHECK_EQ(kb_f64_bits(kb_f32_to_f64(kb_f32_from_bits(0xffc00001))),
             UINT64_C(0x7ff8000000000000));
    CHECK_EQ(kb_f32_bits(kb_f64_to_f32(-(double)NAN)), 0x7fc00000);
}

/* Any count, any alignment, and not a byte too many. */
static void array_ends_are_kept(void) {
    static const size_t counts[] = {0, 1, 3, 15, 255, 256, 257, 513};
    unsigned char src[513 * 8 + 3], dst[513 * 8 + 16], whole[513 * 8];
    for (size_t i = 0; i < sizeof src; i++) src[i] = (unsigned char)(i * 37);
    for (unsigned from = 0; from < KB_DTYPE_COUNT; from++)
        for (unsigned to = 0; to < KB_DTYPE_COUNT; to++)
            for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
                size_t nbytes = counts[c] * kb_dtype_nbytes((kb_dtype)to);
                unsigned char *out = dst + 5;
                memset(dst, 0xa5, sizeof dst);
                kb_dtype_convert((kb_dtype)to, out, (kb_dtype)from, src + 3, counts[c]);
                for (size_t i = 0; i < counts[c]; i++)
                    kb_dtype_convert((kb_dtype)to, whole + i * kb_dtype_nbytes((kb_dtype)to),
                                     (kb_dtype)from, src + 3 + i * kb_dtype_nbytes((kb_dtype)from),
                                     1);
                CHECK(memcmp(out, whole, nbytes) == 0);
                CHECK(dst[4] == 0xa5 && out[nbytes] == 0xa5);
            }
}

static void names_and_sizes(void) {
    kb_dtype dtype;
    for (unsigned i = 0; i < KB_DTYPE_COUNT; i++) {
        const char *name = kb_dtype_name((kb_dtype)i);
        CHECK(kb_dtype_find(name, strlen(name), &dtype) && dtype == (kb_dtype)i);
    }
    CHECK_EQ(kb_dtype_nbytes(KB_FLOAT8E4NV), 1);
    CHECK_EQ(kb_dtype_mantissa_bits(KB_FLOAT16), 10);
    CHECK_EQ(kb_dtype_get_kind(KB_UINT16), KB_KIND_UINT);
    CHECK(!kb_dtype_find("float", 5, &dtype));
    CHECK(!kb_dtype_find("", 0, &dtype));
    CHECK_STR(kb_dtype_name(KB_DTYPE_COUNT), "unknown");
    CHECK_EQ(kb_dtype_nbytes((kb_dtype)200), 0);
}

int main(void) {
    make_values();
    TAP_RUN(names_and_sizes);
    TAP_RUN(known_codes);
    TAP_RUN(rounds_twice_nowhere);
    TAP_RUN(converts_every_pair);
    TAP_RUN(scalars_agree_with_the_reference);
    TAP_RUN(array_ends_are_kept);
    for (int i = 0; i < N_FORMATS; i++) free(formats[i].values);
    return tap_finish();
}
