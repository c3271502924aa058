#include "spec/params_table.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/checked.h"
#include "spec/decimal.h"

/* Rates stay where 64-bit femtoseconds can carry them: 1e-6 to 1e9 of their unit. */
static const char unbounded[] = "unbounded";

enum { NS_SHIFT = 6, RATE_SHIFT = 6, MIN_RATE_EXPONENT = -6, MAX_RATE_EXPONENT = 9 };

#define GROUP_ROWS(GROUP, group, path)                                        \
    static const kb_param_row *rows_of_##group(size_t *n_rows) {              \
        typedef kb_params_##group kb_row_type;                                \
        static const kb_param_row rows[] = {KB_PARAMS_##GROUP(KB_PARAM_ROW)}; \
        *n_rows = sizeof rows / sizeof rows[0];                               \
        return rows;                                                          \
    }
KB_PARAM_GROUPS(GROUP_ROWS)

kb_param_group kb_param_group_at(size_t index) {
    kb_param_group found = {NULL, NULL, 0, 0};
    switch (index) {
#define X(GROUP, group, path_)                       \
    case KB_PARAM_GROUP_##GROUP:                     \
        found.path = path_;                          \
        found.rows = rows_of_##group(&found.n_rows); \
        found.offset = offsetof(kb_params, group);   \
        break;
        KB_PARAM_GROUPS(X)
#undef X
    default: break;
    }
    return found;
}

void kb_param_rows_init(const kb_param_row *rows, size_t n_rows, void *values) {
    for (size_t i = 0; i < n_rows; i++) {
        char expected[KB_PARAM_EXPECTED];
        const char *text = rows[i].default_text;
        if (text)
            (void)kb_param_parse(&rows[i], text, strlen(text), (char *)values + rows[i].offset,
                                 expected);
    }
}

void kb_params_init(kb_params *params) {
    memset(params, 0, sizeof *params);
    for (size_t i = 0; i < KB_N_PARAM_GROUPS; i++) {
        kb_param_group group = kb_param_group_at(i);
        kb_param_rows_init(group.rows, group.n_rows, (char *)params + group.offset);
    }
}

const char *kb_choice_next(const char *word) {
    const char *end = strchr(word, '|');
    return end ? end + 1 : NULL;
}

size_t kb_choice_length(const char *word) {
    return strcspn(word, "|");
}

static const char *unit_of(kb_param_kind kind) {
    switch (kind) {
    case KB_PARAM_COUNT: return "an integer";
    case KB_PARAM_NBYTES: return "a number of bytes";
    case KB_PARAM_NS: return "nanoseconds";
    case KB_PARAM_GBPS: return "GB/s";
    case KB_PARAM_GHZ: return "GHz";
    default: return "a factor";
    }
}

static const char *describe(const kb_param_row *row, char expected[KB_PARAM_EXPECTED]) {
    switch (row->kind) {
    case KB_PARAM_FLAG: (void)snprintf(expected, KB_PARAM_EXPECTED, "true or false"); break;
    case KB_PARAM_CHOICE:
        (void)snprintf(expected, KB_PARAM_EXPECTED, "one of ");
        for (const char *word = row->choices; word; word = kb_choice_next(word)) {
            size_t length = strlen(expected);
            (void)snprintf(expected + length, KB_PARAM_EXPECTED - length, "%s%.*s",
                           word == row->choices ? "" : ", ", (int)kb_choice_length(word), word);
        }
        break;
    case KB_PARAM_LIMIT:
        (void)snprintf(expected, KB_PARAM_EXPECTED,
                       "an integer from %" PRId64 " to %" PRId64 ", or %s", row->minimum,
                       row->maximum, unbounded);
        break;
    case KB_PARAM_COUNT:
    case KB_PARAM_NBYTES:
    case KB_PARAM_NS:
        (void)snprintf(expected, KB_PARAM_EXPECTED, "%s from %" PRId64 " to %" PRId64,
                       unit_of(row->kind), row->minimum, row->maximum);
        break;
    default:
        (void)snprintf(expected, KB_PARAM_EXPECTED, "%s as a plain number from 1e%d to 1e%d",
                       unit_of(row->kind), (int)MIN_RATE_EXPONENT, (int)MAX_RATE_EXPONENT);
        break;
    }
    return expected;
}

static bool parse_choice(const char *choices, const char *text, size_t length, int64_t *value) {
    *value = 0;
    for (const char *word = choices; word; word = kb_choice_next(word), ++*value)
        if (kb_choice_length(word) == length && memcmp(word, text, length) == 0) return true;
    return false;
}

static bool parse_flag(const char *text, size_t length, int64_t *value) {
    *value = length == 4;
    return (length == 4 && memcmp(text, "true", 4) == 0) ||
           (length == 5 && memcmp(text, "false", 5) == 0);
}

/* An integer in units of 10^-shift of the key's unit, within the row's range. */
static bool parse_scaled(const kb_param_row *row, kb_decimal decimal, int32_t shift,
                         int64_t *value) {
    bool exact;
    int64_t minimum = row->minimum, maximum = row->maximum;
    for (int32_t i = 0; i < shift; i++)
        if (kb_mul_i64(minimum, 10, &minimum) || kb_mul_i64(maximum, 10, &maximum)) return false;
    if (kb_decimal_scale(decimal, shift, value, &exact)) return false;
    return (exact || row->kind == KB_PARAM_NS) && *value >= minimum && *value <= maximum;
}

static bool parse_rate(const kb_param_row *row, kb_decimal decimal, kb_ratio *ratio) {
    int64_t millionths;
    if (kb_decimal_scale(decimal, -MIN_RATE_EXPONENT, &millionths, NULL)) return false;
    kb_decimal least = {1, MIN_RATE_EXPONENT};
    bool too_small = decimal.digits == 0 || (millionths == 1 && decimal.exponent < least.exponent);
    if (too_small || millionths > INT64_C(1000000000000000)) return false;
    if (row->kind == KB_PARAM_FACTOR) return !kb_decimal_to_ratio(decimal, ratio);
    return !kb_decimal_invert(decimal, RATE_SHIFT, ratio);
}

const char *kb_param_parse(const kb_param_row *row, const char *text, size_t length, void *field,
                           char expected[KB_PARAM_EXPECTED]) {
    int64_t value = 0;
    kb_ratio ratio = {0, 1};
    kb_decimal decimal = {0, 0};
    bool good, none = row->kind == KB_PARAM_LIMIT && length == sizeof unbounded - 1 &&
                      memcmp(text, unbounded, length) == 0;
    if (none) good = true;
    else if (row->kind == KB_PARAM_CHOICE) good = parse_choice(row->choices, text, length, &value);
    else if (row->kind == KB_PARAM_FLAG) good = parse_flag(text, length, &value);
    else good = kb_decimal_parse(text, length, &decimal) == KB_DECIMAL_OK;
    if (!good) return describe(row, expected);
    switch (row->kind) {
    case KB_PARAM_GBPS:
    case KB_PARAM_GHZ:
    case KB_PARAM_FACTOR:
        if (!parse_rate(row, decimal, &ratio)) return describe(row, expected);
        memcpy(field, &ratio, sizeof ratio);
        return NULL;
    case KB_PARAM_NS: good = parse_scaled(row, decimal, NS_SHIFT, &value); break;
    case KB_PARAM_COUNT:
    case KB_PARAM_NBYTES: good = parse_scaled(row, decimal, 0, &value); break;
    case KB_PARAM_LIMIT: good = none || parse_scaled(row, decimal, 0, &value); break;
    case KB_PARAM_FLAG:
    case KB_PARAM_CHOICE: break;
    }
    if (!good) return describe(row, expected);
    memcpy(field, &value, sizeof value);
    return NULL;
}

static const char *print_choice(const char *choices, int64_t value, char text[KB_PARAM_TEXT]) {
    const char *word = choices;
    for (; value > 0 && kb_choice_next(word); value--) word = kb_choice_next(word);
    (void)snprintf(text, KB_PARAM_TEXT, "%.*s", (int)kb_choice_length(word), word);
    return text;
}

const char *kb_param_print(const kb_param_row *row, const void *field, char text[KB_PARAM_TEXT]) {
    int64_t value = 0;
    kb_ratio ratio = {0, 1};
    kb_decimal decimal = {0, 0};
    switch (row->kind) {
    case KB_PARAM_GBPS:
    case KB_PARAM_GHZ:
        memcpy(&ratio, field, sizeof ratio);
        (void)kb_decimal_from_inverse(ratio, RATE_SHIFT, &decimal);
        return kb_decimal_print(decimal, text);
    case KB_PARAM_FACTOR:
        memcpy(&ratio, field, sizeof ratio);
        (void)kb_decimal_from_ratio(ratio, &decimal);
        return kb_decimal_print(decimal, text);
    default: break;
    }
    memcpy(&value, field, sizeof value);
    if (row->kind == KB_PARAM_CHOICE) return print_choice(row->choices, value, text);
    if (row->kind == KB_PARAM_NS) return kb_decimal_print(kb_decimal_make(value, -NS_SHIFT), text);
    if (row->kind == KB_PARAM_LIMIT && value == 0)
        (void)snprintf(text, KB_PARAM_TEXT, "%s", unbounded);
    else if (row->kind == KB_PARAM_FLAG)
        (void)snprintf(text, KB_PARAM_TEXT, value ? "true" : "false");
    else (void)snprintf(text, KB_PARAM_TEXT, "%" PRId64, value);
    return text;
}
