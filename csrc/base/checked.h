/* Checked and rounded integer arithmetic.  Each kb_add/kb_mul function returns true on overflow and
 * then leaves *result unspecified, as the compiler's builtins do. */
#ifndef KB_BASE_CHECKED_H
#define KB_BASE_CHECKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline bool kb_add_i64(int64_t a, int64_t b, int64_t *result) {
    return __builtin_add_overflow(a, b, result);
}

static inline bool kb_mul_i64(int64_t a, int64_t b, int64_t *result) {
    return __builtin_mul_overflow(a, b, result);
}

static inline bool kb_mul_size(size_t a, size_t b, size_t *result) {
    return __builtin_mul_overflow(a, b, result);
}

/* ceil(a / b) for a >= 0, b > 0 */
static inline int64_t kb_ceil_div(int64_t a, int64_t b) {
    return a / b + (a % b != 0);
}

static inline int64_t kb_min_i64(int64_t a, int64_t b) {
    return a < b ? a : b;
}

static inline int64_t kb_max_i64(int64_t a, int64_t b) {
    return a > b ? a : b;
}

static inline bool kb_is_power_of_two(int64_t value) {
    return value > 0 && (value & (value - 1)) == 0;
}

/* a + b for a, b >= 0, at most the end of time. */
static inline int64_t kb_later_fs(int64_t a, int64_t b) {
    int64_t sum;
    return kb_add_i64(a, b, &sum) ? INT64_MAX : sum;
}

#endif
