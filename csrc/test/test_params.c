#include "spec/params_table.h"

#include "test/topology_text.h"

static void has_the_documented_defaults(void) {
    kb_params params;
    kb_params_init(&params);
    CHECK_EQ(params.host.call_fs, INT64_C(2000000000));
    CHECK_EQ(params.fabric.kind, KB_FABRIC_SWITCH);
    CHECK_EQ(params.io.latency_fs, 500000);
    CHECK_EQ(params.hbm.capacity_nbytes, INT64_C(17179869184));
    CHECK_EQ(params.hbm.access_fs, 33100000);
    CHECK_EQ(params.hbm.pc_hash, KB_PC_HASH_XOR);
    CHECK_EQ(params.pe_gemm.rate_fp64.num, 1);
    CHECK_EQ(params.pe_gemm.rate_fp64.den, 16);
    int64_t fs;
    CHECK(!kb_ratio_scale(params.hbm.pc, 32, &fs)); /* a burst of 32 bytes at 25.6 GB/s */
    CHECK_EQ(fs, 1250000);
    CHECK(!kb_ratio_scale(params.pe.clock, 3, &fs)); /* three cycles at 1 GHz */
    CHECK_EQ(fs, 3000000);
}

/* Every row: its default is in its range, and prints and parses back to the same value. */
static void rows_print_what_they_parse(void) {
    kb_params params;
    kb_params_init(&params);
    for (size_t i = 0; i < KB_N_PARAM_GROUPS; i++) {
        kb_param_group group = kb_param_group_at(i);
        CHECK(group.n_rows > 0 && group.path[0]);
        for (size_t j = 0; j < group.n_rows; j++) {
            const kb_param_row *row = &group.rows[j];
            const char *field = (const char *)&params + group.offset + row->offset;
            char text[KB_PARAM_TEXT], expected[KB_PARAM_EXPECTED];
            kb_ratio value = {0, 0};
            CHECK_STR(kb_param_print(row, field, text), row->default_text);
            CHECK_STR(kb_param_parse(row, text, strlen(text), &value, expected), NULL);
            bool is_rate = row->kind == KB_PARAM_GBPS || row->kind == KB_PARAM_GHZ ||
                           row->kind == KB_PARAM_FACTOR;
            CHECK(memcmp(&value, field, is_rate ? sizeof value : sizeof value.num) == 0);
            CHECK(row->meaning[0]);
        }
    }
}

static const kb_param_row *row_of(size_t index, const char *key) {
    kb_param_group group = kb_param_group_at(index);
    for (size_t i = 0; i < group.n_rows; i++)
        if (strcmp(group.rows[i].key, key) == 0) return &group.rows[i];
    return NULL;
}

static void expects(size_t group, const char *key, const char *text, const char *expected) {
    char buffer[KB_PARAM_EXPECTED];
    kb_ratio value = {0, 0};
    const kb_param_row *row = row_of(group, key);
    if (CHECK(row)) CHECK_STR(kb_param_parse(row, text, strlen(text), &value, buffer), expected);
}

static void checks_ranges(void) {
    static const char rate[] = "GB/s as a plain number from 1e-6 to 1e9";
    static const char ports[] = "an integer from 1 to 64";
    expects(KB_PARAM_GROUP_NOC, "GBps", "1e-6", NULL);
    expects(KB_PARAM_GROUP_NOC, "GBps", "1e9", NULL);
    static const char *const bad_rates[] = {"0", "9e-7", "1.1e9", "-1", "nan", "inf", "64GB/s", ""};
    for (size_t i = 0; i < sizeof bad_rates / sizeof bad_rates[0]; i++)
        expects(KB_PARAM_GROUP_NOC, "GBps", bad_rates[i], rate);
    expects(KB_PARAM_GROUP_HBM, "remote_ports", "1", NULL);
    expects(KB_PARAM_GROUP_HBM, "remote_ports", "6.4e1", NULL);
    static const char *const bad_ports[] = {"0", "65", "1.5", "-1", "two", "1e30", "true"};
    for (size_t i = 0; i < sizeof bad_ports / sizeof bad_ports[0]; i++)
        expects(KB_PARAM_GROUP_HBM, "remote_ports", bad_ports[i], ports);
    expects(KB_PARAM_GROUP_NOC, "latency_ns", "0", NULL);
    expects(KB_PARAM_GROUP_NOC, "latency_ns", "1000000000", NULL);
    expects(KB_PARAM_GROUP_NOC, "latency_ns", "1000000000.1", "nanoseconds from 0 to 1000000000");
    expects(KB_PARAM_GROUP_HBM, "capacity", "4095",
            "a number of bytes from 4096 to 1000000000000000");
    expects(KB_PARAM_GROUP_HBM, "pc_hash", "none", NULL);
    expects(KB_PARAM_GROUP_HBM, "pc_hash", "xo", "one of none, xor");
    expects(KB_PARAM_GROUP_HBM, "pc_hash", "none|xor", "one of none, xor");
    expects(KB_PARAM_GROUP_FABRIC, "kind", "torus", NULL);
}

static kb_topology *parse_preset(kb_alloc *alloc, const char *name) {
    char path[128];
    (void)snprintf(path, sizeof path, "kernbench/topology/presets/%s.yaml", name);
    char *text = read_source_file(__FILE__, path);
    kb_topology *topology = CHECK(text) ? topology_parse(alloc, text) : NULL;
    free(text);
    return topology;
}

/* Preset `default` and the tables say the same, and the preset leaves nothing out. */
static void preset_default_is_the_tables(void) {
    kb_alloc alloc = kb_alloc_system();
    kb_error err = KB_ERROR_INIT;
    kb_topology *preset = parse_preset(&alloc, "default");
    kb_topology *bare = topology_parse(&alloc, "{kernbench: 1, system: {}}");
    const char *text = "", *bare_text = "";
    size_t length = 0, bare_length = 0;
    if (preset && bare && CHECK_EQ(kb_topology_to_yaml(preset, &text, &length, &err), KB_OK) &&
        CHECK_EQ(kb_topology_to_yaml(bare, &bare_text, &bare_length, &err), KB_OK))
        CHECK_STR(text, bare_text);
    char *source = read_source_file(__FILE__, "kernbench/topology/presets/default.yaml");
    for (const char *line = bare_text; source && *line; line = strchr(line, '\n') + 1) {
        char wanted[128];
        (void)snprintf(wanted, sizeof wanted, "\n%.*s", (int)strcspn(line, "\n"), line);
        if (strncmp(line, "kernbench", 9) != 0 && !CHECK(strstr(source, wanted)))
            printf("#     the preset has no line %s\n", wanted + 1);
    }
    free(source);
    kb_topology_destroy(preset);
    kb_topology_destroy(bare);
    CHECK_EQ(alloc.live_nbytes, 0);
}

static void preset_small_is_small(void) {
    kb_alloc alloc = kb_alloc_system();
    kb_topology *topology = parse_preset(&alloc, "small");
    if (topology) {
        const kb_system *system = kb_topology_system(topology);
        CHECK_EQ(system->n_sips, 1);
        CHECK_EQ(system->cubes_x * system->cubes_y, 1);
        CHECK_EQ(system->n_pes, 2);
        CHECK_EQ(system->params.hbm.pcs / system->n_pes, 4);
        CHECK(kb_topology_n_nodes(topology) < 40);
    }
    kb_topology_destroy(topology);
}

int main(void) {
    TAP_RUN(has_the_documented_defaults);
    TAP_RUN(rows_print_what_they_parse);
    TAP_RUN(checks_ranges);
    TAP_RUN(preset_default_is_the_tables);
    TAP_RUN(preset_small_is_small);
    return tap_finish();
}
