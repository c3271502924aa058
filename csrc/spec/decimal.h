/* Exact decimals: a number of a topology is the decimal that its text says, never a double (ADR-0038).
 *
 * digits * 10^exponent, digits >= 0 and without trailing zeros; 0 is {0, 0}.  Conversions work in
 * integers, round up where they must round, and report overflow instead of wrapping.
 */
#ifndef KB_SPEC_DECIMAL_H
#define KB_SPEC_DECIMAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ratio.h"

typedef struct kb_decimal {
    int64_t digits;
    int32_t exponent;
} kb_decimal;

typedef enum kb_decimal_fault {
    KB_DECIMAL_OK,
    KB_DECIMAL_NOT_A_NUMBER, /* "abc", "", "nan", "inf", "0x10", "1_000", "64GB" */
    KB_DECIMAL_NEGATIVE,     /* "-1", "-0.5"; "-0" is 0 */
    KB_DECIMAL_TOO_LONG      /* more than 18 significant digits, or an exponent beyond 9999 */
} kb_decimal_fault;

enum { KB_DECIMAL_TEXT = 64 };

/* Reads [+-]digits[.digits][e[+-]digits], with a digit on at least one side of the point. */
kb_decimal_fault kb_decimal_parse(const char *text, size_t length, kb_decimal *decimal);

/* ceil(decimal * 10^shift); `exact` (may be NULL) says whether nothing was rounded.  True on overflow. */
bool kb_decimal_scale(kb_decimal decimal, int32_t shift, int64_t *result, bool *exact);

/* The decimal itself; 10^shift / decimal for a decimal above 0.  In lowest terms.  True on overflow. */
bool kb_decimal_to_ratio(kb_decimal decimal, kb_ratio *ratio);
bool kb_decimal_invert(kb_decimal decimal, int32_t shift, kb_ratio *ratio);

/* The inverse of the two above.  True when the ratio is no decimal of 18 digits. */
bool kb_decimal_from_ratio(kb_ratio ratio, kb_decimal *decimal);
bool kb_decimal_from_inverse(kb_ratio ratio, int32_t shift, kb_decimal *decimal);

/* A decimal from an integer (value >= 0) times 10^exponent. */
kb_decimal kb_decimal_make(int64_t value, int32_t exponent);

/* The shortest text that parses to the same decimal: "819.2", "0.5", "1e-30". */
const char *kb_decimal_print(kb_decimal decimal, char text[KB_DECIMAL_TEXT]);

#endif
