/* The hierarchical form: `system` of the YAML, read into counts and parameters. */
#ifndef KB_SPEC_SYSTEM_H
#define KB_SPEC_SYSTEM_H

#include "spec/reader.h"
#include "spec/topology.h"

/* A part of the hierarchy that is counted: `key: n`, or `key: [x, y]` for a grid. */
typedef struct kb_count_row {
    const char *path; /* of the mapping, under `system:` */
    const char *key;
    bool grid;
    size_t offset;    /* in kb_system; of a grid: x, and y follows */
    int64_t fallback; /* of a grid: of each; 0: as other values say */
    int64_t maximum;  /* of a grid: of each */
} kb_count_row;

enum {
#define X(path, key, grid, field, fallback, maximum, meaning) KB_COUNT_##field,
    KB_COUNT_LIST(X)
#undef X
        KB_N_COUNT_ROWS
};
extern const kb_count_row kb_count_rows[KB_N_COUNT_ROWS];

/* The mappings under a path: the first parts of the paths of the parameter groups below it. */
enum { KB_MAX_SECTIONS = 12, KB_SECTION_NAME = 16 };
size_t kb_section_names(const char *path, char names[KB_MAX_SECTIONS][KB_SECTION_NAME]);

/* The path of a mapping within the one of another path: "cube" and "hbm" give "cube.hbm". */
enum { KB_SECTION_PATH = 64 };
const char *kb_section_path(const char *path, const char *name, char below[KB_SECTION_PATH]);

/* The parameter group of exactly this path; rows == NULL when there is none. */
kb_param_group kb_section_group(const char *path);

/* The default machine without any SIP: its parameters are what `system` leaves out. */
void kb_system_init(kb_system *system);

/* Reads and checks the mapping. */
kb_status kb_system_read(const kb_reader *reader, const kb_place *place, int64_t flit_nbytes,
                         kb_system *system) KB_MUST_CHECK;

#endif
