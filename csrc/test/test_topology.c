#include "spec/hierarchy.h"
#include "spec/topology.h"

#include "test/topology_text.h"

static const char *const chain = "kernbench: 1\n"
                                 "flit_bytes: 64\n"
                                 "components:\n"
                                 "  - {name: src, impl: endpoint}\n"
                                 "  - {name: r0, impl: transit, overhead_ns: 5.0}\n"
                                 "  - {name: dst, impl: endpoint}\n"
                                 "links:\n"
                                 "  - {from: src, to: r0, GBps: 819.2, latency_ns: 1.0}\n"
                                 "  - {from: r0, to: dst, GBps: 3, latency_ns: 2.5}\n";

/* One chain of every kind of node: s = ceil(flit_bytes * 10^6 / GBps). */
static void reads_an_explicit_graph(void) {
    kb_alloc alloc = kb_alloc_system();
    kb_topology *topology = topology_parse(&alloc, chain);
    if (topology) {
        CHECK_EQ(kb_topology_n_nodes(topology), 3);
        CHECK_EQ(kb_topology_n_links(topology), 2);
        CHECK_EQ(kb_topology_flit_nbytes(topology), 64);
        CHECK_EQ(kb_topology_fabric_mode(topology), KB_FABRIC_TRAIN);
        const kb_node *nodes = kb_topology_nodes(topology);
        CHECK_STR(nodes[1].name, "r0");
        CHECK_EQ(nodes[1].impl, KB_IMPL_TRANSIT);
        CHECK_EQ(nodes[1].overhead_fs, 5000000);
        CHECK_EQ(nodes[0].overhead_fs, 0);
        CHECK(nodes[0].sip == -1 && nodes[0].mesh == -1 && nodes[0].params == -1);
        const kb_link *links = kb_topology_links(topology);
        CHECK_EQ(links[0].service_fs, 78125);
        CHECK_EQ(links[0].latency_fs, 1000000);
        CHECK_EQ(links[1].service_fs, 21333334);
        CHECK(links[1].src == 1 && links[1].dst == 2);
        CHECK_EQ(kb_topology_system(topology)->n_sips, 0);
        CHECK_EQ(kb_topology_system(topology)->params.host.call_fs, INT64_C(2000000000));
        CHECK_EQ(kb_topology_part(topology, KB_IMPL_HOST, -1, -1, -1), UINT32_MAX);
        CHECK(!kb_topology_hbm(topology, 0));
    }
    kb_topology_destroy(topology);
    CHECK_EQ(alloc.live_nbytes, 0);
}

static void finds_names(void) {
    kb_alloc alloc = kb_alloc_system();
    kb_error err = KB_ERROR_INIT;
    kb_topology *topology = topology_parse(&alloc, "{kernbench: 1, system: {}}");
    uint32_t node = 0;
    if (topology) {
        for (uint32_t i = 0; i < kb_topology_n_nodes(topology); i++)
            CHECK_EQ(topology_node(topology, kb_topology_nodes(topology)[i].name), i);
        CHECK_EQ(kb_topology_find(topology, "sip0.cube3.pe7.dmb", &node, &err), KB_TOPOLOGY);
        CHECK(strstr(err.message, "got \"sip0.cube3.pe7.dmb\"; did you mean sip0.cube3.pe7.dma"));
        CHECK_EQ(kb_topology_find(topology, "", &node, &err), KB_TOPOLOGY);
    }
    kb_topology_destroy(topology);
}

static void reads_both_ways_quotes_and_aliases(void) {
    kb_alloc alloc = kb_alloc_system();
    kb_topology *topology = topology_parse(
        &alloc, "kernbench: 1\nfabric: {mode: flit}\nflit_bytes: 32\n"
                "components: [{name: \"a\", impl: 'endpoint'}, {name: \xc3\xa9, impl: endpoint}]\n"
                "links: [{from: a, to: \xc3\xa9, GBps: &g 1e3, both: true, latency_ns: .5}]\n"
                "meshes: [{name: m, dims: [2, 1], link: {GBps: *g}}]\n");
    if (topology) {
        CHECK_EQ(kb_topology_fabric_mode(topology), KB_FABRIC_FLIT);
        CHECK_EQ(kb_topology_n_links(topology), 4);
        const kb_link *link = &kb_topology_links(topology)[3];
        CHECK(link->src == 1 && link->dst == 0);
        CHECK_EQ(link->service_fs, 32000);
        CHECK_EQ(link->latency_fs, 500000);
    }
    kb_topology_destroy(topology);
}

static void expands_meshes(void) {
    kb_alloc alloc = kb_alloc_system();
    static const struct {
        const char *dims, *wrap;
        uint32_t n_nodes, n_links;
    } cases[] = {{"[8, 8]", "false", 64, 224}, {"[8, 8]", "true", 64, 256},
                 {"[3, 2]", "false", 6, 14},   {"[3, 2]", "true", 6, 18},
                 {"[2, 2]", "true", 4, 8},     {"[1, 1]", "true", 1, 0},
                 {"[5, 1]", "true", 5, 10},    {"[1, 5]", "false", 5, 8}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[256];
        (void)snprintf(text, sizeof text,
                       "{kernbench: 1, meshes: [{name: noc, dims: %s, wrap: %s, router: {impl: "
                       "transit, overhead_ns: 2}, link: {GBps: 64, latency_ns: 1}}]}",
                       cases[i].dims, cases[i].wrap);
        kb_topology *topology = topology_parse(&alloc, text);
        if (!topology) continue;
        CHECK_EQ(kb_topology_n_nodes(topology), cases[i].n_nodes);
        CHECK_EQ(kb_topology_n_links(topology), cases[i].n_links);
        for (uint32_t n = 0; n < kb_topology_n_nodes(topology); n++) {
            const kb_node *node = &kb_topology_nodes(topology)[n];
            char name[32];
            (void)snprintf(name, sizeof name, "noc.r%d_%d", (int)node->x, (int)node->y);
            CHECK_STR(node->name, name);
            CHECK_EQ(node->mesh, 0);
            CHECK_EQ(node->overhead_fs, 2000000);
        }
        kb_topology_destroy(topology);
    }
    CHECK_EQ(alloc.live_nbytes, 0);
}

static void reads_memories(void) {
    kb_alloc alloc = kb_alloc_system();
    kb_topology *topology = topology_parse(
        &alloc, "kernbench: 1\ncomponents:\n"
                "  - {name: m, impl: hbm, pcs: 4, pc_GBps: 10, capacity: 1048576, interleave: 64,\n"
                "     pc_hash: none, request_ns: 0, response_ns: 0, access_ns: 7}\n"
                "  - {name: s, impl: sram, capacity: 4096}\n"
                "  - {name: n, impl: hbm}\n");
    if (topology) {
        CHECK_EQ(kb_topology_hbm(topology, 0)->pcs, 4);
        CHECK_EQ(kb_topology_hbm(topology, 0)->access_fs, 7000000);
        CHECK_EQ(kb_topology_hbm(topology, 2)->pcs, 32);
        CHECK_EQ(kb_topology_sram(topology, 1)->capacity_nbytes, 4096);
        CHECK_EQ(kb_topology_sram(topology, 1)->access_fs, 10000000);
        CHECK(!kb_topology_sram(topology, 0));
        CHECK(!kb_topology_hbm(topology, 99));
    }
    kb_topology_destroy(topology);
}

static void lays_values_over_a_text(void) {
    static const char text[] = "{kernbench: 1, system: {sips: 4, cube: {pes: 4, hbm: {pcs: 8}}}}";
    static const char overlay[] =
        "{flit_bytes: 128, system: {sips: 1, cube: {pes: 2}, pe: {contexts: 3}}}";
    for (uint64_t n = 0;; n++) { /* n = 0: no allocation fails */
        kb_alloc alloc = kb_alloc_system();
        kb_error err = KB_ERROR_INIT;
        kb_topology *topology = NULL;
        alloc.fail_at = n;
        kb_status status = kb_topology_parse_overlaid(&alloc, text, strlen(text), "t", overlay,
                                                      strlen(overlay), &topology, &err);
        bool reached = n > 0 && alloc.n_calls >= n;
        CHECK_EQ(status, reached ? KB_NOMEM : KB_OK);
        if (topology) {
            const kb_system *system = kb_topology_system(topology);
            CHECK_EQ(kb_topology_flit_nbytes(topology), 128);
            CHECK(system->n_sips == 1 && system->n_pes == 2);
            CHECK_EQ(system->params.hbm.pcs, 8);
            CHECK_EQ(system->params.pe.contexts, 3);
        }
        kb_topology_destroy(topology);
        CHECK_EQ(alloc.live_nbytes, 0);
        if (n > 0 && !reached) break;
    }
}

static int64_t count_impl(const kb_topology *topology, kb_impl impl) {
    int64_t count = 0;
    for (uint32_t i = 0; i < kb_topology_n_nodes(topology); i++)
        count += kb_topology_nodes(topology)[i].impl == impl;
    return count;
}

/* Every part is where kb_topology_part says, and is what its name says. */
static void check_parts(const kb_topology *topology) {
    const kb_system *system = kb_topology_system(topology);
    int64_t n_cubes = system->cubes_x * system->cubes_y, n_pes = system->n_pes;
    CHECK_EQ(kb_hierarchy_count(system),
             (int64_t)kb_topology_n_nodes(topology) + kb_topology_n_links(topology));
    CHECK_EQ(count_impl(topology, KB_IMPL_HOST), 1);
    CHECK_EQ(count_impl(topology, KB_IMPL_IO_CPU), system->n_sips);
    CHECK_EQ(count_impl(topology, KB_IMPL_HBM), system->n_sips * n_cubes);
    CHECK_EQ(count_impl(topology, KB_IMPL_PE_MMU), system->n_sips * n_cubes * n_pes);
    CHECK_EQ(count_impl(topology, KB_IMPL_PE_IPCQ), system->n_sips * n_cubes * n_pes);
    for (uint32_t i = 0; i < kb_topology_n_nodes(topology); i++) {
        const kb_node *node = &kb_topology_nodes(topology)[i];
        if (node->impl == KB_IMPL_TRANSIT || node->impl == KB_IMPL_ENDPOINT) continue;
        CHECK_EQ(kb_topology_part(topology, node->impl, node->sip, node->cube, node->pe), i);
    }
    CHECK_EQ(topology_node(topology, "host"), kb_topology_part(topology, KB_IMPL_HOST, -1, -1, -1));
    CHECK_EQ(topology_node(topology, "sip0.io.cpu"),
             kb_topology_part(topology, KB_IMPL_IO_CPU, 0, -1, -1));
    CHECK_EQ(topology_node(topology, "sip0.cube0.m_cpu.dma"),
             kb_topology_part(topology, KB_IMPL_M_CPU_DMA, 0, 0, -1));
    CHECK_EQ(topology_node(topology, "sip0.cube0.pe0.tcm"),
             kb_topology_part(topology, KB_IMPL_PE_TCM, 0, 0, 0));
    CHECK_EQ(kb_topology_part(topology, KB_IMPL_HBM, (int32_t)system->n_sips, 0, -1), UINT32_MAX);
    CHECK_EQ(kb_topology_part(topology, KB_IMPL_HBM, 0, (int32_t)n_cubes, -1), UINT32_MAX);
    CHECK_EQ(kb_topology_part(topology, KB_IMPL_HBM, 0, 0, 0), UINT32_MAX);
    CHECK_EQ(kb_topology_part(topology, KB_IMPL_PE_DMA, 0, 0, (int32_t)n_pes), UINT32_MAX);
    CHECK_EQ(kb_topology_part(topology, KB_IMPL_TRANSIT, 0, 0, -1), UINT32_MAX);
}

static void expands_the_default_machine(void) {
    kb_alloc alloc = kb_alloc_system();
    kb_topology *topology = topology_parse(&alloc, "{kernbench: 1, system: {}}");
    if (topology) {
        check_parts(topology);
        CHECK_EQ(kb_topology_n_nodes(topology), 2810);
        CHECK_EQ(kb_topology_n_links(topology), 3748);
        const kb_node *nodes = kb_topology_nodes(topology);
        const kb_node *router = &nodes[topology_node(topology, "sip1.cube5.noc.r3_2")];
        CHECK(router->sip == 1 && router->cube == 5 && router->x == 3 && router->y == 2);
        CHECK_EQ(router->overhead_fs, 2000000);
        CHECK_EQ(nodes[topology_node(topology, "sip0.cube0.pe7.dma")].overhead_fs, 2000000);
        CHECK_EQ(nodes[topology_node(topology, "sip0.cube0.ucie_w")].cube, 0);
        CHECK_EQ(nodes[topology_node(topology, "fabric.switch")].sip, -1);
        uint32_t none;
        CHECK_EQ(kb_topology_find(topology, "sip0.cube0.ucie_n", &none, NULL), KB_TOPOLOGY);
        CHECK_EQ(kb_topology_find(topology, "sip0.cube3.ucie_e", &none, NULL), KB_TOPOLOGY);
    }
    kb_topology_destroy(topology);
    CHECK_EQ(alloc.live_nbytes, 0);
}

static const char *const machines[] = {
    "{kernbench: 1, system: {sips: 1, sip: {cubes: [1, 1]}, cube: {pes: 1, noc: {dims: [1, 1]}, "
    "hbm: {remote_ports: 1}}}}",
    "{kernbench: 1, system: {sips: 1, sip: {cubes: [3, 2]}, cube: {pes: 2, noc: {dims: [2, 2]}}}}",
    "{kernbench: 1, system: {sips: 2, fabric: {kind: ring}, sip: {cubes: [1, 3]}, cube: {pes: 4}}}",
    "{kernbench: 1, system: {sips: 5, fabric: {kind: ring}, sip: {cubes: [2, 1]}, cube: {pes: 2}}}",
    "{kernbench: 1, system: {sips: 6, fabric: {kind: mesh}, sip: {cubes: [1, 1]}, cube: {pes: 1}}}",
    "{kernbench: 1, system: {sips: 8, fabric: {kind: torus, dims: [2, 4]}, sip: {cubes: [1, 1]}}}",
    "{kernbench: 1, system: {sips: 7, fabric: {kind: torus}, sip: {cubes: [1, 1]}, cube: {pes: 16, "
    "noc: {dims: [3, 2]}}}}",
    "{kernbench: 1, system: {sips: 1, sip: {cubes: [2, 1]}, cube: {pes: 3, noc: {kind: torus, dims: "
    "[3, 2]}, hbm: {attach: port, remote_ports: 2}}}}",
};

static void stripes_the_links_of_the_fabric(void) {
    kb_alloc alloc = kb_alloc_system();
    kb_topology *topology = topology_parse(
        &alloc, "{kernbench: 1, system: {fabric: {GBps: 25, links: 18, payload: 0.5}}}");
    if (topology) {
        uint32_t end = topology_node(topology, "fabric.switch");
        for (uint32_t i = 0; i < kb_topology_n_links(topology); i++) /* 64 B at 225 GB/s */
            if (kb_topology_links(topology)[i].dst == end)
                CHECK_EQ(kb_topology_links(topology)[i].service_fs, 284445);
    }
    kb_topology_destroy(topology);
    CHECK_EQ(alloc.live_nbytes, 0);
}

static void expands_other_machines(void) {
    kb_alloc alloc = kb_alloc_system();
    for (size_t i = 0; i < sizeof machines / sizeof machines[0]; i++) {
        kb_topology *topology = topology_parse(&alloc, machines[i]);
        if (topology) check_parts(topology);
        kb_topology_destroy(topology);
    }
    CHECK_EQ(alloc.live_nbytes, 0);
}

static bool same(const kb_topology *a, const kb_topology *b) {
    uint32_t n_nodes = kb_topology_n_nodes(a), n_links = kb_topology_n_links(a);
    if (n_nodes != kb_topology_n_nodes(b) || n_links != kb_topology_n_links(b)) return false;
    for (uint32_t i = 0; i < n_nodes; i++) {
        kb_node x = kb_topology_nodes(a)[i], y = kb_topology_nodes(b)[i];
        if (strcmp(x.name, y.name) != 0 || x.impl != y.impl || x.sip != y.sip || x.cube != y.cube ||
            x.pe != y.pe || x.mesh != y.mesh || x.x != y.x || x.y != y.y ||
            x.overhead_fs != y.overhead_fs || x.params != y.params)
            return false;
    }
    for (uint32_t i = 0; i < n_links; i++) {
        kb_link x = kb_topology_links(a)[i], y = kb_topology_links(b)[i];
        if (x.src != y.src || x.dst != y.dst || x.service_fs != y.service_fs ||
            x.latency_fs != y.latency_fs)
            return false;
    }
    return kb_topology_flit_nbytes(a) == kb_topology_flit_nbytes(b) &&
           kb_topology_fabric_mode(a) == kb_topology_fabric_mode(b) &&
           memcmp(kb_topology_system(a), kb_topology_system(b), sizeof(kb_system)) == 0;
}

static void check_round_trip(const char *text) {
    kb_alloc alloc = kb_alloc_system();
    kb_error err = KB_ERROR_INIT;
    kb_topology *first = topology_parse(&alloc, text), *second = NULL;
    const char *yaml = NULL, *again = NULL;
    size_t length = 0;
    if (first && CHECK_EQ(kb_topology_to_yaml(first, &yaml, &length, &err), KB_OK)) {
        CHECK_EQ(strlen(yaml), length);
        second = topology_parse(&alloc, yaml);
        CHECK(second && same(first, second));
        if (second && CHECK_EQ(kb_topology_to_yaml(second, &again, &length, &err), KB_OK))
            CHECK_STR(again, yaml);
        CHECK_EQ(kb_topology_to_yaml(first, &again, &length, &err), KB_OK);
        CHECK(again == yaml);
    }
    kb_topology_destroy(second);
    kb_topology_destroy(first);
    CHECK_EQ(alloc.live_nbytes, 0);
}

static const char *const mixed =
    "kernbench: 1\nflit_bytes: 32\nfabric: {mode: flit}\n"
    "components:\n"
    "  - {name: nic, impl: endpoint}\n"
    "  - {name: \"no\", impl: transit, overhead_ns: 0.000001}\n"
    "  - {name: 'odd\"\\name', impl: hbm, pcs: 1, pc_GBps: 17.17, pc_hash: none}\n"
    "  - {name: \"12.5\", impl: sram}\n"
    "meshes:\n"
    "  - {name: net, dims: [3, 3], wrap: true, link: {GBps: 81.92, latency_ns: 0.3}}\n"
    "system: {sips: 3, fabric: {kind: ring, GBps: 123.456789}, cube: {pes: 2}, sip: {cubes: [2, 1]}}\n"
    "links:\n"
    "  - {from: nic, to: \"no\", GBps: 64, both: true}\n"
    "  - {from: \"no\", to: net.r1_1, GBps: 7.000000001, both: true, latency_ns: 1e3}\n"
    "  - {from: net.r0_0, to: sip0.io.xbar, GBps: 64, both: true}\n";

static void writes_what_it_reads(void) {
    check_round_trip(mixed);
    check_round_trip(chain);
    check_round_trip("{kernbench: 1, system: {}}");
    for (size_t i = 0; i < sizeof machines / sizeof machines[0]; i++) check_round_trip(machines[i]);
}

static kb_status overlay(kb_alloc *alloc, const char *over, kb_topology **topology, kb_error *err) {
    static const char text[] = "kernbench: 1\nsystem: {sips: 2, sip: {cubes: [1, 1]}}\n";
    return kb_topology_parse_overlaid(alloc, text, strlen(text), "m.yaml", over, strlen(over),
                                      topology, err);
}

static void lays_overrides_over_the_text(void) {
    kb_alloc alloc = kb_alloc_system();
    kb_error err = KB_ERROR_INIT;
    kb_topology *topology = NULL;
    CHECK_EQ(overlay(&alloc, "{\"system\": {\"sips\": 3, \"pe\": {\"dma\": {\"window\": 4096}}}}",
                     &topology, &err),
             KB_OK);
    const kb_system *system = kb_topology_system(topology);
    CHECK_EQ(system->n_sips, 3);
    CHECK_EQ(system->cubes_x * system->cubes_y, 1);
    CHECK_EQ(system->params.pe_dma.window_nbytes, 4096);
    kb_topology_destroy(topology);
    CHECK_EQ(overlay(&alloc, "{\"system\": {\"sips\": -3}}", &topology, &err), KB_TOPOLOGY);
    CHECK(strncmp(err.message, "override: system.sips: expected", 31) == 0);
    CHECK_EQ(overlay(&alloc, "{\"system\": {\"sip\": {\"cubs\": 1}}}", &topology, &err),
             KB_TOPOLOGY);
    CHECK(strstr(err.message, "cubs") && strstr(err.message, "cubes"));
    CHECK_EQ(alloc.live_nbytes, 0);
}

/* Whatever allocation fails: a clear status, and nothing lost. */
static void survives_failing_allocations(void) {
    for (uint64_t n = 1;; n++) {
        kb_alloc alloc = kb_alloc_system();
        kb_error err = KB_ERROR_INIT;
        kb_topology *topology = NULL;
        const char *yaml;
        size_t length;
        const uint32_t *links;
        uint32_t n_links, path;
        alloc.fail_at = n;
        kb_status status = kb_topology_parse(&alloc, mixed, strlen(mixed), "t", &topology, &err);
        if (status == KB_OK) status = kb_topology_to_yaml(topology, &yaml, &length, &err);
        if (status == KB_OK)
            status = kb_topology_path(topology, 0, topology_node(topology, "net.r2_2"),
                                      KB_ANY_SLICE, &links, &n_links, &path, &err);
        if (status == KB_OK)
            status = kb_topology_path(topology, topology_node(topology, "host"),
                                      topology_node(topology, "sip1.cube1.hbm"), KB_ANY_SLICE,
                                      &links, &n_links, &path, &err);
        bool reached = alloc.n_calls >= n;
        CHECK_EQ(status, reached ? KB_NOMEM : KB_OK);
        kb_topology_destroy(topology);
        CHECK_EQ(alloc.live_nbytes, 0);
        if (!reached) break;
    }
}

int main(void) {
    TAP_RUN(reads_an_explicit_graph);
    TAP_RUN(finds_names);
    TAP_RUN(reads_both_ways_quotes_and_aliases);
    TAP_RUN(expands_meshes);
    TAP_RUN(reads_memories);
    TAP_RUN(lays_values_over_a_text);
    TAP_RUN(expands_the_default_machine);
    TAP_RUN(expands_other_machines);
    TAP_RUN(stripes_the_links_of_the_fabric);
    TAP_RUN(writes_what_it_reads);
    TAP_RUN(lays_overrides_over_the_text);
    TAP_RUN(survives_failing_allocations);
    return tap_finish();
}
