/* kb_topology_to_yaml: the machine as the text that would make it again, every parameter written out. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "spec/decimal.h"
#include "spec/dram_read.h"
#include "spec/explicit.h"
#include "spec/graph.h"
#include "spec/system.h"

enum { LINE_CAPACITY = 1024 };

static kb_status put(kb_topology *topology, kb_error *err, const char *format, ...)
    KB_PRINTF(3, 4) KB_MUST_CHECK;

static kb_status put(kb_topology *topology, kb_error *err, const char *format, ...) {
    char line[LINE_CAPACITY];
    va_list args;
    va_start(args, format);
    int printed = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    size_t length = printed < 0 ? 0 : strlen(line);
    if (!KB_VEC_RESERVE(&topology->yaml, topology->alloc, length + 1))
        return kb_error_nomem(err, "the topology's text");
    memcpy(topology->yaml.items + topology->yaml.count, line, length + 1);
    topology->yaml.count += length;
    return KB_OK;
}

typedef struct quoted {
    char text[2 * KB_GRAPH_MAX_NAME + 3]; /* at most two bytes for each of a name */
} quoted;

/* Other readers of YAML take these for flags or for nothing. */
static bool is_reserved(const char *name) {
    static const char *const words[] = {"y",   "n",    "yes",   "no",  "on",
                                        "off", "true", "false", "null"};
    char lower[8];
    size_t length = strlen(name);
    if (length >= sizeof lower) return false;
    for (size_t i = 0; i <= length; i++)
        lower[i] = name[i] >= 'A' && name[i] <= 'Z' ? (char)(name[i] - 'A' + 'a') : name[i];
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcmp(lower, words[i]) == 0) return true;
    return false;
}

/* A name as a YAML scalar: as it is when it is plainly a word, else in double quotes. */
static quoted quote(const char *name) {
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789.";
    quoted result;
    size_t n = 0;
    bool word = strspn(name, letters) == strlen(name) && strcspn(name, "0123456789.") > 0;
    if (word && !is_reserved(name)) {
        (void)snprintf(result.text, sizeof result.text, "%s", name);
        return result;
    }
    result.text[n++] = '"';
    for (const char *c = name; *c && n < 2 * KB_GRAPH_MAX_NAME; c++) {
        if (*c == '"' || *c == '\\') result.text[n++] = '\\';
        result.text[n++] = *c;
    }
    result.text[n++] = '"';
    result.text[n] = '\0';
    return result;
}

static const char *print_ns(int64_t fs, char text[KB_DECIMAL_TEXT]) {
    return kb_decimal_print(kb_decimal_make(fs, -6), text);
}

static const char *print_rate(kb_ratio rate, char text[KB_DECIMAL_TEXT]) {
    kb_decimal decimal = {0, 0};
    (void)kb_decimal_from_inverse(rate, 6, &decimal);
    return kb_decimal_print(decimal, text);
}

/* --- memories with a standard -------------------------------------------------------------------- */

static kb_status put_mapping(kb_topology *topology, const kb_dram_map *map, kb_error *err) {
    for (uint32_t i = 0; i < map->n_pieces; i++) {
        const kb_dram_piece *piece = &map->pieces[i];
        KB_TRY(
            put(topology, err, "%s%s", i ? ", " : "mapping: [", kb_dram_field_name(piece->field)));
        if (piece->bits) KB_TRY(put(topology, err, ".%" PRId32, piece->bits));
    }
    return put(topology, err, "]");
}

static kb_status put_xors(kb_topology *topology, const kb_dram_map *map, kb_error *err) {
    for (uint32_t i = 0; i < map->n_xors; i++)
        KB_TRY(put(topology, err, "%s[%" PRId64 ", %" PRId64 "]", i ? ", " : "xor: [",
                   map->xors[i].flipped, map->xors[i].by));
    return put(topology, err, "]");
}

static kb_status put_timing(kb_topology *topology, const kb_dram_timing *t, kb_error *err) {
    char text[KB_DECIMAL_TEXT];
    KB_TRY(put(topology, err, "timing: {tCK_ns: %s", print_ns(t->ck_fs, text)));
#define X(key, field, minimum, meaning) KB_TRY(put(topology, err, ", %s: %" PRId64, key, t->field));
    KB_DRAM_TIMING_LIST(X)
#undef X
    return put(topology, err, "}");
}

/* What no table holds, each part between `before` and `after`. */
static kb_status put_dram(kb_topology *topology, const kb_dram *dram, const char *before,
                          const char *after, kb_error *err) {
    if (!dram->standard) return KB_OK;
    if (dram->maps) {
        KB_TRY(put(topology, err, "%s", before));
        KB_TRY(put_mapping(topology, &dram->map, err));
        KB_TRY(put(topology, err, "%s", after));
    }
    if (dram->map.n_xors) {
        KB_TRY(put(topology, err, "%s", before));
        KB_TRY(put_xors(topology, &dram->map, err));
        KB_TRY(put(topology, err, "%s", after));
    }
    if (memcmp(&dram->timing, &dram->standard->timing, sizeof dram->timing) == 0) return KB_OK;
    KB_TRY(put(topology, err, "%s", before));
    KB_TRY(put_timing(topology, &dram->timing, err));
    return put(topology, err, "%s", after);
}

/* --- the hierarchical form -------------------------------------------------------------------- */

static kb_status put_count(kb_topology *topology, const kb_count_row *row, int indent,
                           kb_error *err) {
    int64_t values[2];
    const kb_system *system = &topology->system;
    int64_t kind = system->params.fabric.kind;
    if (row->offset == offsetof(kb_system, fabric_x) && kind != KB_FABRIC_MESH &&
        kind != KB_FABRIC_TORUS)
        return KB_OK;
    memcpy(values, (const char *)system + row->offset, (row->grid ? 2 : 1) * sizeof values[0]);
    if (!row->grid)
        return put(topology, err, "%*s%s: %" PRId64 "\n", indent, "", row->key, values[0]);
    return put(topology, err, "%*s%s: [%" PRId64 ", %" PRId64 "]\n", indent, "", row->key,
               values[0], values[1]);
}

static kb_status put_section(kb_topology *topology, const char *path, int indent, kb_error *err) {
    char names[KB_MAX_SECTIONS][KB_SECTION_NAME], below[KB_SECTION_PATH], text[KB_PARAM_TEXT];
    for (size_t i = 0; i < KB_N_COUNT_ROWS; i++)
        if (strcmp(kb_count_rows[i].path, path) == 0)
            KB_TRY(put_count(topology, &kb_count_rows[i], indent, err));
    kb_param_group group = kb_section_group(path);
    const char *values = (const char *)&topology->system.params + group.offset;
    bool is_hbm = strcmp(path, "cube.hbm") == 0;
    for (size_t i = 0; i < group.n_rows; i++)
        if (!is_hbm || kb_dram_writes(&topology->system.dram, group.rows[i].key))
            KB_TRY(put(topology, err, "%*s%s: %s\n", indent, "", group.rows[i].key,
                       kb_param_print(&group.rows[i], values + group.rows[i].offset, text)));
    if (is_hbm) KB_TRY(put_dram(topology, &topology->system.dram, "      ", "\n", err));
    size_t n_names = kb_section_names(path, names);
    for (size_t i = 0; i < n_names; i++) {
        KB_TRY(put(topology, err, "%*s%s:\n", indent, "", names[i]));
        KB_TRY(put_section(topology, kb_section_path(path, names[i], below), indent + 2, err));
    }
    return KB_OK;
}

/* --- the explicit form ------------------------------------------------------------------------ */

static kb_status put_memory(kb_topology *topology, const kb_node *node, kb_error *err) {
    bool is_hbm = node->impl == KB_IMPL_HBM;
    kb_param_group group = kb_param_group_at(is_hbm ? KB_PARAM_GROUP_HBM : KB_PARAM_GROUP_SRAM);
    const char *values = is_hbm ? (const char *)&topology->hbms.items[node->params]
                                : (const char *)&topology->srams.items[node->params];
    char text[KB_PARAM_TEXT];
    size_t n_rows = group.n_rows - (is_hbm ? KB_HBM_ATTACHMENT_ROWS : 0);
    const kb_dram *dram = is_hbm ? topology->drams.items[node->params] : NULL;
    for (size_t i = 0; i < n_rows; i++)
        if (!dram || kb_dram_writes(dram, group.rows[i].key))
            KB_TRY(put(topology, err, ", %s: %s", group.rows[i].key,
                       kb_param_print(&group.rows[i], values + group.rows[i].offset, text)));
    return dram ? put_dram(topology, dram, ", ", "", err) : KB_OK;
}

static kb_status put_transit(kb_topology *topology, const kb_node *node, kb_error *err) {
    size_t n_rows;
    char text[KB_PARAM_TEXT];
    const kb_param_row *rows = kb_explicit_transit_rows(&n_rows);
    for (size_t i = 0; i < n_rows; i++)
        KB_TRY(put(topology, err, ", %s: %s", rows[i].key,
                   kb_param_print(&rows[i], (const char *)node + rows[i].offset, text)));
    return KB_OK;
}

static kb_status put_components(kb_topology *topology, kb_error *err) {
    if (topology->n_components > 0) KB_TRY(put(topology, err, "components:\n"));
    for (uint32_t i = 0; i < topology->n_components; i++) {
        const kb_node *node = &topology->nodes.items[i];
        KB_TRY(put(topology, err, "  - {name: %s, impl: %s", quote(node->name).text,
                   kb_impl_text(node->impl)));
        if (node->impl == KB_IMPL_TRANSIT) KB_TRY(put_transit(topology, node, err));
        if (node->params >= 0) KB_TRY(put_memory(topology, node, err));
        KB_TRY(put(topology, err, "}\n"));
    }
    return KB_OK;
}

static kb_status put_meshes(kb_topology *topology, kb_error *err) {
    char rate[KB_DECIMAL_TEXT], latency[KB_DECIMAL_TEXT];
    if (topology->mesh_texts.count > 0) KB_TRY(put(topology, err, "meshes:\n"));
    for (size_t i = 0; i < topology->mesh_texts.count; i++) {
        const kb_mesh_text *text = &topology->mesh_texts.items[i];
        const kb_mesh *mesh = &topology->meshes.items[i];
        kb_node router = {.overhead_fs = text->overhead_fs, .transit = text->transit};
        KB_TRY(put(topology, err,
                   "  - {name: %s, dims: [%" PRId32 ", %" PRId32 "], wrap: %s, "
                   "router: {impl: transit",
                   quote(text->name).text, mesh->nx, mesh->ny, mesh->wrap ? "true" : "false"));
        KB_TRY(put_transit(topology, &router, err));
        KB_TRY(put(topology, err, "}, link: {GBps: %s, latency_ns: %s}}\n",
                   print_rate(text->link.rate, rate), print_ns(text->link.latency_fs, latency)));
    }
    return KB_OK;
}

static kb_status put_links(kb_topology *topology, kb_error *err) {
    char rate[KB_DECIMAL_TEXT], latency[KB_DECIMAL_TEXT];
    if (topology->link_texts.count > 0) KB_TRY(put(topology, err, "links:\n"));
    for (size_t i = 0; i < topology->link_texts.count; i++) {
        const kb_link *link = &topology->links.items[topology->first_link + i];
        const kb_link_rate *text = &topology->link_texts.items[i];
        KB_TRY(put(topology, err, "  - {from: %s, ",
                   quote(topology->nodes.items[link->src].name).text));
        KB_TRY(put(topology, err, "to: %s, GBps: %s, latency_ns: %s%s}\n",
                   quote(topology->nodes.items[link->dst].name).text, print_rate(text->rate, rate),
                   print_ns(text->latency_fs, latency), text->dateline ? ", dateline: true" : ""));
    }
    return KB_OK;
}

static kb_status put_all(kb_topology *topology, kb_error *err) {
    KB_TRY(put(topology, err, "kernbench: 1\nflit_bytes: %" PRId64 "\nfabric:\n  mode: %s\n",
               topology->flit_nbytes, topology->mode == KB_FABRIC_FLIT ? "flit" : "train"));
    KB_TRY(put_components(topology, err));
    KB_TRY(put_meshes(topology, err));
    if (topology->system.n_sips > 0) {
        KB_TRY(put(topology, err, "system:\n"));
        KB_TRY(put_section(topology, "", 2, err));
    }
    return put_links(topology, err);
}

kb_status kb_topology_to_yaml(kb_topology *topology, const char **text, size_t *length,
                              kb_error *err) {
    kb_graph_lock(topology);
    kb_status status = KB_OK;
    if (topology->yaml.count == 0) status = put_all(topology, err);
    if (status != KB_OK) topology->yaml.count = 0;
    kb_graph_unlock(topology);
    KB_TRY(status);
    *text = topology->yaml.items;
    *length = topology->yaml.count;
    return KB_OK;
}
