/* Exact positive rationals, for rates: femtoseconds per byte, femtoseconds per cycle.
 *
 * A topology writes `GBps: 819.2` or `clock_ghz: 1.83`; the number is kept as the exact decimal that
 * it is (ADR-0038 D2), and a duration is rounded up to 1 fs once, when it is computed from a count.
 */
#ifndef KB_BASE_RATIO_H
#define KB_BASE_RATIO_H

#include <stdbool.h>
#include <stdint.h>

typedef struct kb_ratio {
    int64_t num; /* >= 0 */
    int64_t den; /* > 0 */
} kb_ratio;

/* ceil(count * ratio) for count >= 0.  Returns true on overflow of int64. */
static inline bool kb_ratio_scale(kb_ratio ratio, int64_t count, int64_t *result) {
    __extension__ typedef unsigned __int128 u128;
    u128 product = (u128)(uint64_t)ratio.num * (uint64_t)count;
    if (ratio.den == 1) { /* most clocks: a division takes as long as some ten multiplications */
        *result = (int64_t)product;
        return product > INT64_MAX;
    }
    u128 rounded = (product + (uint64_t)ratio.den - 1) / (uint64_t)ratio.den;
    *result = (int64_t)rounded;
    return rounded > INT64_MAX;
}

/* Whether count * ratio, as it is, is no more than `most` (>= 0). */
static inline bool kb_ratio_fits(kb_ratio ratio, uint64_t count, int64_t most) {
    __extension__ typedef unsigned __int128 u128;
    return (u128)(uint64_t)ratio.num * count <= (u128)(uint64_t)most * (uint64_t)ratio.den;
}

#endif
