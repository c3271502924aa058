#include "spec/system.h"

#include <stdio.h>
#include <string.h>

#include "mem/address.h"
#include "spec/check.h"
#include "spec/dram_read.h"

enum { MAX_EXTRA_KEYS = 8 };

const kb_count_row kb_count_rows[KB_N_COUNT_ROWS] = {
#define X(path, key, grid, field, fallback, maximum, meaning) \
    {path, key, grid, offsetof(kb_system, field), fallback, maximum},
    KB_COUNT_LIST(X)
#undef X
};

/* The maxima of the list are what an address can name. */
_Static_assert(1 << KB_ADDR_SIP_BITS == 4096, "SIPs");
_Static_assert(1 << KB_ADDR_CUBE_BITS == 1024, "cubes");
_Static_assert(1 << KB_ADDR_PE_BITS == 1024, "PEs");

kb_param_group kb_section_group(const char *path) {
    for (size_t i = 0; i < KB_N_PARAM_GROUPS; i++) {
        kb_param_group group = kb_param_group_at(i);
        if (strcmp(group.path, path) == 0) return group;
    }
    return (kb_param_group){NULL, NULL, 0, 0};
}

size_t kb_section_names(const char *path, char names[KB_MAX_SECTIONS][KB_SECTION_NAME]) {
    size_t n_names = 0, length = strlen(path);
    for (size_t i = 0; i < KB_N_PARAM_GROUPS; i++) {
        const char *rest = kb_param_group_at(i).path;
        if (strncmp(rest, path, length) != 0) continue;
        rest += length;
        if (length > 0 && *rest++ != '.') continue;
        int n = (int)strcspn(rest, ".");
        char name[KB_SECTION_NAME];
        (void)snprintf(name, sizeof name, "%.*s", n, rest);
        if (n_names > 0 && strcmp(names[n_names - 1], name) == 0) continue;
        memcpy(names[n_names++], name, sizeof name);
    }
    return n_names;
}

const char *kb_section_path(const char *path, const char *name, char below[KB_SECTION_PATH]) {
    int printed = snprintf(below, KB_SECTION_PATH, "%s%s%s", path, path[0] ? "." : "", name);
    return printed < KB_SECTION_PATH ? below : "";
}

void kb_system_init(kb_system *system) {
    memset(system, 0, sizeof *system);
    kb_params_init(&system->params);
}

static kb_status read_count(const kb_reader *reader, const kb_place *place, const kb_count_row *row,
                            kb_system *system) {
    char *base = (char *)system + row->offset;
    int64_t values[2];
    kb_param_row number = {
        .key = row->key, .kind = KB_PARAM_COUNT, .minimum = 1, .maximum = row->maximum};
    if (row->grid) KB_TRY(kb_read_dims(reader, place, row->maximum, &values[0], &values[1]));
    else KB_TRY(kb_read_value(reader, place, &number, &values[0]));
    memcpy(base, values, (row->grid ? 2 : 1) * sizeof values[0]);
    return KB_OK;
}

static kb_status read_section(const kb_reader *reader, const kb_place *place, const char *path,
                              kb_system *system) {
    char names[KB_MAX_SECTIONS][KB_SECTION_NAME], below[KB_SECTION_PATH];
    const char *others[KB_MAX_SECTIONS + KB_N_COUNT_ROWS + MAX_EXTRA_KEYS + 1];
    size_t n_names = kb_section_names(path, names), n_others = 0;
    if (strcmp(path, "cube.hbm") == 0)
        for (size_t i = 0; kb_dram_keys[i]; i++) others[n_others++] = kb_dram_keys[i];
    for (size_t i = 0; i < KB_N_COUNT_ROWS; i++)
        if (strcmp(kb_count_rows[i].path, path) == 0) others[n_others++] = kb_count_rows[i].key;
    for (size_t i = 0; i < n_names; i++) others[n_others++] = names[i];
    others[n_others] = NULL;
    kb_param_group group = kb_section_group(path);
    void *values = (char *)&system->params + group.offset;
    KB_TRY(kb_read_table(reader, place, group.rows, group.n_rows, others, values));
    kb_place child;
    for (size_t i = 0; i < KB_N_COUNT_ROWS; i++)
        if (strcmp(kb_count_rows[i].path, path) == 0 &&
            kb_read_find(place, kb_count_rows[i].key, &child))
            KB_TRY(read_count(reader, &child, &kb_count_rows[i], system));
    for (size_t i = 0; i < n_names; i++) {
        if (!kb_read_find(place, names[i], &child)) continue;
        KB_TRY(read_section(reader, &child, kb_section_path(path, names[i], below), system));
    }
    return KB_OK;
}

/* Meshes are as square as the number of SIPs allows, wider than high. */
static void set_default_dims(kb_system *system) {
    int64_t kind = system->params.fabric.kind, y = 1;
    bool grid = kind == KB_FABRIC_MESH || kind == KB_FABRIC_TORUS;
    for (int64_t side = 1; grid && side * side <= system->n_sips; side++)
        if (system->n_sips % side == 0) y = side;
    system->fabric_x = system->n_sips / y;
    system->fabric_y = y;
}

static void set_fallback(const kb_count_row *row, kb_system *system) {
    const int64_t values[2] = {row->fallback, row->fallback};
    memcpy((char *)system + row->offset, values, (row->grid ? 2 : 1) * sizeof values[0]);
}

kb_status kb_system_read(const kb_reader *reader, const kb_place *place, int64_t flit_nbytes,
                         kb_system *system) {
    kb_system_init(system);
    for (size_t i = 0; i < KB_N_COUNT_ROWS; i++) set_fallback(&kb_count_rows[i], system);
    KB_TRY(read_section(reader, place, "", system));
    if (system->fabric_x == 0) set_default_dims(system);
    bool per_pe = system->params.hbm.attach == KB_HBM_PER_PE;
    system->n_slices = per_pe ? system->n_pes : system->params.hbm.remote_ports;
    kb_place cube = kb_read_child(place, "cube"), hbm = kb_read_child(&cube, "hbm"), found;
    bool written = kb_read_find(place, "cube", &found) && kb_read_find(&found, "hbm", &found);
    KB_TRY(kb_dram_read(reader, &hbm, written, flit_nbytes, system->n_slices, &system->params.hbm,
                        &system->dram));
    return kb_check_system(reader, place, system, flit_nbytes);
}
