/* The tables of params.h as data: what the YAML reader, the writer and the reference page walk. */
#ifndef KB_SPEC_PARAMS_TABLE_H
#define KB_SPEC_PARAMS_TABLE_H

#include <stddef.h>

#include "spec/params.h"

typedef enum kb_param_kind {
    KB_PARAM_COUNT,
    KB_PARAM_NBYTES,
    KB_PARAM_NS,
    KB_PARAM_GBPS,
    KB_PARAM_GHZ,
    KB_PARAM_FACTOR,
    KB_PARAM_FLAG,
    KB_PARAM_LIMIT,
    KB_PARAM_CHOICE
} kb_param_kind;

typedef struct kb_param_row {
    const char *key;
    kb_param_kind kind;
    size_t offset;            /* of the field in its struct */
    const char *default_text; /* as in YAML; NULL: the key must be there */
    int64_t minimum, maximum; /* COUNT, LIMIT, NBYTES, NS: in the unit of the key */
    const char *choices;      /* CHOICE: words separated by '|', else NULL */
    const char *meaning;
} kb_param_row;

typedef struct kb_param_group {
    const char *path; /* "cube.hbm": under `system:` */
    const kb_param_row *rows;
    size_t n_rows;
    size_t offset; /* of the group in kb_params */
} kb_param_group;

enum {
#define X(GROUP, group, path) KB_PARAM_GROUP_##GROUP,
    KB_PARAM_GROUPS(X)
#undef X
        KB_N_PARAM_GROUPS
};

/* The group of a number below KB_N_PARAM_GROUPS. */
kb_param_group kb_param_group_at(size_t index);

/* Sets the fields of a table, or of all groups, to their defaults; `values` is the table's struct. */
void kb_param_rows_init(const kb_param_row *rows, size_t n_rows, void *values);
void kb_params_init(kb_params *params);

/* Walks the words of a CHOICE: for (word = row->choices; word; word = kb_choice_next(word)). */
const char *kb_choice_next(const char *word);
size_t kb_choice_length(const char *word);

/* A plain scalar's text as the value of a row.  NULL when it was stored in `field`; else what was
 * expected instead ("nanoseconds from 0 to 1000000000"), written into `expected`. */
enum { KB_PARAM_EXPECTED = 256 };
const char *kb_param_parse(const kb_param_row *row, const char *text, size_t length, void *field,
                           char expected[KB_PARAM_EXPECTED]);

/* The value of a field as YAML text that parses to the same value. */
enum { KB_PARAM_TEXT = 64 };
const char *kb_param_print(const kb_param_row *row, const void *field, char text[KB_PARAM_TEXT]);

/* --- rows of other tables --------------------------------------------------------------------- */

#define KB_PARAM_MINIMUM_COUNT(minimum) (int64_t)(minimum)
#define KB_PARAM_MINIMUM_NBYTES(minimum) (int64_t)(minimum)
#define KB_PARAM_MINIMUM_NS(minimum) (int64_t)(minimum)
#define KB_PARAM_MINIMUM_GBPS(minimum) 0
#define KB_PARAM_MINIMUM_GHZ(minimum) 0
#define KB_PARAM_MINIMUM_FACTOR(minimum) 0
#define KB_PARAM_MINIMUM_FLAG(minimum) 0
#define KB_PARAM_MINIMUM_CHOICE(minimum) 0
#define KB_PARAM_MINIMUM_LIMIT(minimum) (int64_t)(minimum)
#define KB_PARAM_CHOICES_COUNT(minimum) NULL
#define KB_PARAM_CHOICES_NBYTES(minimum) NULL
#define KB_PARAM_CHOICES_NS(minimum) NULL
#define KB_PARAM_CHOICES_GBPS(minimum) NULL
#define KB_PARAM_CHOICES_GHZ(minimum) NULL
#define KB_PARAM_CHOICES_FACTOR(minimum) NULL
#define KB_PARAM_CHOICES_FLAG(minimum) NULL
#define KB_PARAM_CHOICES_LIMIT(minimum) NULL
#define KB_PARAM_CHOICES_CHOICE(minimum) minimum

/* One row of a table.  The struct of its values must be called kb_row_type where this is expanded: a
 * typedef in the block around it. */
#define KB_PARAM_ROW(key, field, kind, default_, minimum, maximum, meaning) \
    {key,                                                                   \
     KB_PARAM_##kind,                                                       \
     offsetof(kb_row_type, field),                                          \
     default_,                                                              \
     KB_PARAM_MINIMUM_##kind(minimum),                                      \
     (int64_t)(maximum),                                                    \
     KB_PARAM_CHOICES_##kind(minimum),                                      \
     meaning},

#endif
