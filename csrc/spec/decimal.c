#include "spec/decimal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { MAX_DIGITS = 18, MAX_EXPONENT = 9999 };

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/* value * 10^power; true on overflow */
static bool times_power_of_ten(int64_t value, int32_t power, int64_t *result) {
    *result = value;
    if (value == 0) return false;
    for (; power > 0; power--)
        if (__builtin_mul_overflow(*result, 10, result)) return true;
    return false;
}

kb_decimal kb_decimal_make(int64_t value, int32_t exponent) {
    if (value == 0) return (kb_decimal){0, 0};
    while (value % 10 == 0) {
        value /= 10;
        exponent++;
    }
    return (kb_decimal){value, exponent};
}

/* [+-]digits at text[*at]; a magnitude beyond the limit stays beyond it */
static bool parse_exponent(const char *text, size_t length, size_t *at, int32_t *exponent) {
    bool minus = *at < length && text[*at] == '-';
    if (*at < length && (text[*at] == '-' || text[*at] == '+')) ++*at;
    size_t first = *at;
    int32_t magnitude = 0;
    for (; *at < length && is_digit(text[*at]); ++*at)
        if (magnitude <= MAX_EXPONENT) magnitude = magnitude * 10 + (text[*at] - '0');
    *exponent = minus ? -magnitude : magnitude;
    return *at > first;
}

kb_decimal_fault kb_decimal_parse(const char *text, size_t length, kb_decimal *decimal) {
    size_t at = 0;
    bool minus = length > 0 && text[0] == '-';
    if (length > 0 && (text[0] == '-' || text[0] == '+')) at++;

    int64_t digits = 0;
    int32_t n_digits = 0, n_zeros = 0, exponent = 0;
    bool point = false, any = false, too_long = false;
    for (; at < length && (is_digit(text[at]) || (text[at] == '.' && !point)); at++) {
        if (text[at] == '.') {
            point = true;
            continue;
        }
        any = true;
        if (exponent > -MAX_EXPONENT && point) exponent--;
        if (text[at] == '0') { /* held back: trailing zeros cost no digits */
            if (digits && n_zeros < MAX_EXPONENT) n_zeros++;
            continue;
        }
        if (n_digits + n_zeros >= MAX_DIGITS) {
            too_long = true;
            continue;
        }
        n_digits += digits ? n_zeros + 1 : 1;
        for (; n_zeros > 0; n_zeros--) digits *= 10;
        digits = digits * 10 + (text[at] - '0');
    }
    if (!any) return KB_DECIMAL_NOT_A_NUMBER;
    int32_t written = 0;
    if (at < length && (text[at] == 'e' || text[at] == 'E')) {
        at++;
        if (!parse_exponent(text, length, &at, &written)) return KB_DECIMAL_NOT_A_NUMBER;
    }
    if (at < length) return KB_DECIMAL_NOT_A_NUMBER;
    if (minus && (digits || too_long)) return KB_DECIMAL_NEGATIVE;
    if (too_long || written > MAX_EXPONENT || written < -MAX_EXPONENT) return KB_DECIMAL_TOO_LONG;
    *decimal = kb_decimal_make(digits, exponent + n_zeros + written);
    return KB_DECIMAL_OK;
}

bool kb_decimal_scale(kb_decimal decimal, int32_t shift, int64_t *result, bool *exact) {
    int32_t power = decimal.exponent + shift;
    if (exact) *exact = decimal.digits == 0 || power >= 0;
    if (power >= 0) return times_power_of_ten(decimal.digits, power, result);
    int64_t value = decimal.digits;
    bool rounded = false;
    for (; power < 0 && value > 0; power++) {
        rounded = rounded || value % 10 != 0;
        value /= 10;
    }
    *result = value + rounded;
    return false;
}

static int64_t greatest_common_divisor(int64_t a, int64_t b) {
    while (b) {
        int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

static kb_ratio lowest_terms(int64_t num, int64_t den) {
    int64_t common = greatest_common_divisor(num, den);
    return (kb_ratio){num / common, den / common};
}

/* num * 10^power / den, cancelling twos and fives before anything can overflow */
static bool make_ratio(int64_t num, int64_t den, int32_t power, kb_ratio *ratio) {
    *ratio = lowest_terms(num, den);
    for (; power > 0; power--) {
        int64_t factor = 10, common = greatest_common_divisor(ratio->den, 10);
        ratio->den /= common;
        factor /= common;
        if (__builtin_mul_overflow(ratio->num, factor, &ratio->num)) return true;
    }
    for (; power < 0 && ratio->num > 0; power++) {
        int64_t factor = 10, common = greatest_common_divisor(ratio->num, 10);
        ratio->num /= common;
        factor /= common;
        if (__builtin_mul_overflow(ratio->den, factor, &ratio->den)) return true;
    }
    return false;
}

bool kb_decimal_to_ratio(kb_decimal decimal, kb_ratio *ratio) {
    return make_ratio(decimal.digits, 1, decimal.exponent, ratio);
}

bool kb_decimal_invert(kb_decimal decimal, int32_t shift, kb_ratio *ratio) {
    return decimal.digits == 0 || make_ratio(1, decimal.digits, shift - decimal.exponent, ratio);
}

bool kb_decimal_from_ratio(kb_ratio ratio, kb_decimal *decimal) {
    kb_ratio rest = lowest_terms(ratio.num, ratio.den);
    int32_t exponent = 0;
    while (rest.den > 1) {
        int64_t common = greatest_common_divisor(rest.den, 10);
        if (common == 1) return true;
        rest.den /= common;
        if (__builtin_mul_overflow(rest.num, 10 / common, &rest.num)) return true;
        exponent--;
    }
    *decimal = kb_decimal_make(rest.num, exponent);
    return false;
}

bool kb_decimal_from_inverse(kb_ratio ratio, int32_t shift, kb_decimal *decimal) {
    kb_ratio inverse = {ratio.den, ratio.num};
    if (ratio.num == 0 || kb_decimal_from_ratio(inverse, decimal)) return true;
    *decimal = kb_decimal_make(decimal->digits, decimal->exponent + shift);
    return false;
}

const char *kb_decimal_print(kb_decimal decimal, char text[KB_DECIMAL_TEXT]) {
    char digits[24];
    int n = snprintf(digits, sizeof digits, "%" PRId64, decimal.digits);
    int point = n + decimal.exponent; /* how many digits stand before the point */
    if (decimal.exponent >= 0 && point <= MAX_DIGITS) {
        memcpy(text, digits, (size_t)n);
        memset(text + n, '0', (size_t)decimal.exponent);
        text[point] = '\0';
    } else if (decimal.exponent < 0 && point > 0) {
        (void)snprintf(text, KB_DECIMAL_TEXT, "%.*s.%s", point, digits, digits + point);
    } else if (decimal.exponent < 0 && point > -6) {
        (void)snprintf(text, KB_DECIMAL_TEXT, "0.%.*s%s", -point, "000000", digits);
    } else {
        (void)snprintf(text, KB_DECIMAL_TEXT, "%se%d", digits, (int)decimal.exponent);
    }
    return text;
}
