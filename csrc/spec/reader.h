/* Reading a YAML tree against a schema, with errors that say where.
 *
 * A place is a node and the way to it, so that every message begins with
 * `name:line:column: components[3].GBps: `.  Places live on the C stack of whoever walks the tree.
 */
#ifndef KB_SPEC_READER_H
#define KB_SPEC_READER_H

#include "spec/params_table.h"
#include "spec/yaml_tree.h"

typedef struct kb_reader {
    const char *name; /* what messages call the text */
    kb_error *err;
} kb_reader;

typedef struct kb_place kb_place;
struct kb_place {
    const kb_place *up; /* NULL at the root */
    const char *key;    /* NULL in lists */
    size_t index;
    const kb_yaml_node *node;
};

/* Fails with KB_TOPOLOGY at a place. */
kb_status kb_read_fail(const kb_reader *reader, const kb_place *place, const char *format, ...)
    KB_PRINTF(3, 4) KB_MUST_CHECK;

/* The value of a key; when the mapping has none, the place of the mapping and false. */
bool kb_read_find(const kb_place *map, const char *key, kb_place *place);

/* The same for messages about a value that may have been left out: then it stands at the mapping. */
kb_place kb_read_child(const kb_place *map, const char *key);

/* Finds the value of a key that must be there. */
kb_status kb_read_require(const kb_reader *reader, const kb_place *map, const char *key,
                          kb_place *place) KB_MUST_CHECK;

/* Checks that the place holds a mapping (or list); nothing at all counts as an empty one. */
kb_status kb_read_map(const kb_reader *reader, const kb_place *place) KB_MUST_CHECK;
kb_status kb_read_list(const kb_reader *reader, const kb_place *place) KB_MUST_CHECK;

/* A text: not empty, no control characters, no spaces, at most `max_length` bytes. */
kb_status kb_read_word(const kb_reader *reader, const kb_place *place, size_t max_length,
                       const char **word) KB_MUST_CHECK;

/* The value of one row of a table; dims: a list of exactly two integers from 1 to maximum. */
kb_status kb_read_value(const kb_reader *reader, const kb_place *place, const kb_param_row *row,
                        void *field) KB_MUST_CHECK;
kb_status kb_read_dims(const kb_reader *reader, const kb_place *place, int64_t maximum, int64_t *x,
                       int64_t *y) KB_MUST_CHECK;

/* Reads a mapping whose keys are the rows of a table, into its struct (set to defaults before), plus
 * `others`, a list of keys that end with NULL and that the caller reads.  Any other key is an error with
 * the nearest known one; a row without a default must be there. */
kb_status kb_read_table(const kb_reader *reader, const kb_place *map, const kb_param_row *rows,
                        size_t n_rows, const char *const *others, void *values) KB_MUST_CHECK;

#endif
