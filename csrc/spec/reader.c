#include "spec/reader.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "spec/nearest.h"

enum { PATH_CAPACITY = 512, KEYS_CAPACITY = 512 };

static void append(char *text, size_t capacity, const char *format, ...) KB_PRINTF(3, 4);

static void append(char *text, size_t capacity, const char *format, ...) {
    size_t length = strlen(text);
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text + length, capacity - length, format, args);
    va_end(args);
}

static void append_path(char *text, const kb_place *place) {
    if (!place->up) return;
    append_path(text, place->up);
    if (place->key) append(text, PATH_CAPACITY, "%s%s", place->up->up ? "." : "", place->key);
    else append(text, PATH_CAPACITY, "[%zu]", place->index);
}

kb_status kb_read_fail(const kb_reader *reader, const kb_place *place, const char *format, ...) {
    char path[PATH_CAPACITY] = "", text[KB_ERROR_CAPACITY / 2];
    append_path(path, place);
    if (path[0]) append(path, sizeof path, ": ");
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (place->node->line == 0) /* kb_yaml_overlay */
        return kb_error_set(reader->err, KB_TOPOLOGY, "override: %s%s", path, text);
    return kb_error_set(reader->err, KB_TOPOLOGY, "%s:%" PRIu32 ":%" PRIu32 ": %s%s", reader->name,
                        place->node->line, place->node->column, path, text);
}

bool kb_read_find(const kb_place *map, const char *key, kb_place *place) {
    const kb_yaml_node *value = kb_yaml_get(map->node, key);
    *place = value ? (kb_place){map, key, 0, value} : *map;
    return value != NULL;
}

kb_place kb_read_child(const kb_place *map, const char *key) {
    const kb_yaml_node *value = kb_yaml_get(map->node, key);
    return (kb_place){map, key, 0, value ? value : map->node};
}

kb_status kb_read_require(const kb_reader *reader, const kb_place *map, const char *key,
                          kb_place *place) {
    if (kb_read_find(map, key, place)) return KB_OK;
    kb_nearest nearest = kb_nearest_start(key, strlen(key));
    for (const kb_yaml_item *item = map->node->items; item; item = item->next)
        kb_nearest_offer(&nearest, item->key->text, item->key->length);
    if (nearest.best)
        return kb_read_fail(reader, map, "expected the key %s, got %s; rename it", key,
                            nearest.best);
    return kb_read_fail(reader, map, "expected the key %s, got none; add it", key);
}

static kb_status read_kind(const kb_reader *reader, const kb_place *place, kb_yaml_kind kind,
                           const char *what) {
    char shown[KB_YAML_SHOWN];
    if (place->node->kind == kind || kb_yaml_is_null(place->node)) return KB_OK;
    return kb_read_fail(reader, place, "expected %s, got %s", what,
                        kb_yaml_show(place->node, shown));
}

kb_status kb_read_map(const kb_reader *reader, const kb_place *place) {
    return read_kind(reader, place, KB_YAML_MAP, "a mapping");
}

kb_status kb_read_list(const kb_reader *reader, const kb_place *place) {
    return read_kind(reader, place, KB_YAML_LIST, "a list");
}

kb_status kb_read_word(const kb_reader *reader, const kb_place *place, size_t max_length,
                       const char **word) {
    const kb_yaml_node *node = place->node;
    bool good = node->kind == KB_YAML_SCALAR && node->length > 0 && node->length <= max_length;
    for (size_t i = 0; good && i < node->length; i++)
        good = (unsigned char)node->text[i] > ' ' && node->text[i] != 0x7F;
    char shown[KB_YAML_SHOWN];
    if (!good)
        return kb_read_fail(reader, place,
                            "expected a word of 1 to %zu bytes without spaces, got %s", max_length,
                            kb_yaml_show(node, shown));
    *word = node->text;
    return KB_OK;
}

/* A word of a list that was mistyped. */
static kb_status fail_choice(const kb_reader *reader, const kb_place *place,
                             const kb_param_row *row, const char *expected) {
    const kb_yaml_node *node = place->node;
    char shown[KB_YAML_SHOWN];
    bool is_scalar = node->kind == KB_YAML_SCALAR;
    kb_nearest nearest =
        kb_nearest_start(is_scalar ? node->text : "", is_scalar ? node->length : 0);
    for (const char *word = row->choices; word; word = kb_choice_next(word))
        kb_nearest_offer(&nearest, word, kb_choice_length(word));
    return kb_read_fail(reader, place, "expected %s, got %s%s%.*s", expected,
                        kb_yaml_show(node, shown), nearest.best ? "; did you mean " : "",
                        (int)nearest.best_length, nearest.best ? nearest.best : "");
}

static bool has_unit(kb_param_kind kind) {
    return kind == KB_PARAM_NS || kind == KB_PARAM_NBYTES || kind == KB_PARAM_GBPS ||
           kind == KB_PARAM_GHZ;
}

/* Words may be quoted, numbers and flags may not. */
kb_status kb_read_value(const kb_reader *reader, const kb_place *place, const kb_param_row *row,
                        void *field) {
    const kb_yaml_node *node = place->node;
    char shown[KB_YAML_SHOWN], buffer[KB_PARAM_EXPECTED];
    bool is_scalar = node->kind == KB_YAML_SCALAR;
    const char *text = is_scalar ? node->text : "";
    const char *expected = kb_param_parse(row, text, strlen(text), field, buffer);
    if (row->kind == KB_PARAM_CHOICE)
        return expected ? fail_choice(reader, place, row, expected) : KB_OK;
    if (!expected && node->plain) return KB_OK;
    if (!expected)
        return kb_read_fail(reader, place,
                            "expected a number or flag, got the quoted text %s; remove the quotes",
                            kb_yaml_show(node, shown));
    return kb_read_fail(reader, place, "expected %s, got %s%s", expected, kb_yaml_show(node, shown),
                        is_scalar && node->length > 0 && has_unit(row->kind)
                            ? "; the unit belongs to the key, not to the value"
                            : "");
}

kb_status kb_read_dims(const kb_reader *reader, const kb_place *place, int64_t maximum, int64_t *x,
                       int64_t *y) {
    char shown[KB_YAML_SHOWN];
    const kb_yaml_node *node = place->node;
    if (node->kind != KB_YAML_LIST || node->n_items != 2)
        return kb_read_fail(reader, place, "expected a list of two integers [x, y], got %s",
                            kb_yaml_show(node, shown));
    kb_param_row row = {.key = "", .kind = KB_PARAM_COUNT, .minimum = 1, .maximum = maximum};
    kb_place first = {place, NULL, 0, node->items->value};
    kb_place second = {place, NULL, 1, node->items->next->value};
    KB_TRY(kb_read_value(reader, &first, &row, x));
    return kb_read_value(reader, &second, &row, y);
}

static const kb_param_row *find_row(const kb_param_row *rows, size_t n_rows, const char *key) {
    for (size_t i = 0; i < n_rows; i++)
        if (strcmp(rows[i].key, key) == 0) return &rows[i];
    return NULL;
}

static kb_status fail_unknown(const kb_reader *reader, const kb_place *place,
                              const kb_param_row *rows, size_t n_rows, const char *const *others) {
    char known[KEYS_CAPACITY] = "";
    kb_nearest nearest = kb_nearest_start(place->key, strlen(place->key));
    for (const char *const *other = others; other && *other; other++) {
        kb_nearest_offer(&nearest, *other, strlen(*other));
        append(known, sizeof known, "%s%s", known[0] ? ", " : "", *other);
    }
    for (size_t i = 0; i < n_rows; i++) {
        kb_nearest_offer(&nearest, rows[i].key, strlen(rows[i].key));
        append(known, sizeof known, "%s%s", known[0] ? ", " : "", rows[i].key);
    }
    const char *hint = nearest.best ? nearest.best : "";
    return kb_read_fail(reader, place, "unknown key%s%s; expected one of: %s",
                        nearest.best ? "; did you mean " : "", hint, known);
}

/* An unknown key is reported where the key stands, not its value. */
static kb_status read_item(const kb_reader *reader, const kb_place *map, const kb_yaml_item *item,
                           const kb_param_row *rows, size_t n_rows, const char *const *others,
                           void *values) {
    const char *key = item->key->text;
    kb_place place = {map, key, 0, item->value};
    for (const char *const *other = others; other && *other; other++)
        if (strcmp(*other, key) == 0) return KB_OK;
    const kb_param_row *row = find_row(rows, n_rows, key);
    if (row) return kb_read_value(reader, &place, row, (char *)values + row->offset);
    place = (kb_place){map, key, 0, item->key};
    return fail_unknown(reader, &place, rows, n_rows, others);
}

kb_status kb_read_table(const kb_reader *reader, const kb_place *map, const kb_param_row *rows,
                        size_t n_rows, const char *const *others, void *values) {
    KB_TRY(kb_read_map(reader, map));
    for (const kb_yaml_item *item = map->node->items; item; item = item->next)
        KB_TRY(read_item(reader, map, item, rows, n_rows, others, values));
    kb_place place;
    for (size_t i = 0; i < n_rows; i++)
        if (!rows[i].default_text) KB_TRY(kb_read_require(reader, map, rows[i].key, &place));
    return KB_OK;
}
