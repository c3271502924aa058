/* Routes, against brute force on small graphs and against their own laws on machines (ADR-0037). */
#include "spec/topology.h"

#include <stdint.h>

#include "test/topology_text.h"

typedef struct route {
    const uint32_t *links;
    uint32_t n_links, path;
    kb_status status;
    kb_error err;
} route;

static route find(kb_topology *topology, uint32_t src, uint32_t dst, int32_t slice) {
    route r = {NULL, 0, 0, KB_OK, KB_ERROR_INIT};
    r.status = kb_topology_path(topology, src, dst, slice, &r.links, &r.n_links, &r.path, &r.err);
    return r;
}

static void name_nodes(const kb_topology *topology, const route *r, char *text, size_t capacity) {
    text[0] = '\0';
    for (uint32_t i = 0; i < r->n_links; i++) {
        size_t at = strlen(text);
        const kb_link *link = &kb_topology_links(topology)[r->links[i]];
        (void)snprintf(text + at, capacity - at, "%s%s", i ? " " : "",
                       kb_topology_nodes(topology)[link->dst].name);
    }
}

/* The names of the nodes that a route reaches, in order, without its start. */
static void goes(kb_topology *topology, const char *src, const char *dst, int32_t slice,
                 const char *expected) {
    char text[4096];
    route r = find(topology, topology_node(topology, src), topology_node(topology, dst), slice);
    if (!CHECK_EQ(r.status, KB_OK)) printf("#     %s\n", r.err.message);
    name_nodes(topology, &r, text, sizeof text);
    if (!CHECK_STR(text, expected)) printf("#     from %s to %s\n", src, dst);
}

/* Connected, from src to dst, through nodes that forward, no link twice. */
static bool is_path(const kb_topology *topology, uint32_t src, uint32_t dst, const route *r) {
    const kb_link *links = kb_topology_links(topology);
    uint32_t at = src;
    for (uint32_t i = 0; i < r->n_links; i++) {
        if (links[r->links[i]].src != at) return false;
        at = links[r->links[i]].dst;
        bool last = i + 1 == r->n_links;
        if (!last && kb_topology_nodes(topology)[at].impl != KB_IMPL_TRANSIT) return false;
        for (uint32_t j = 0; j < i; j++)
            if (r->links[i] == r->links[j]) return false;
    }
    return at == dst;
}

/* --- explicit graphs -------------------------------------------------------------------------- */

enum { MAX_NODES = 9 };

typedef struct brute {
    const kb_topology *topology;
    uint32_t dst;
    bool used[MAX_NODES];
    uint32_t trail[MAX_NODES], best[MAX_NODES];
    size_t n_trail, n_best;
    int64_t best_fs;
} brute;

static bool comes_before(const brute *b) {
    for (size_t i = 0; i < b->n_trail && i < b->n_best; i++)
        if (b->trail[i] != b->best[i]) return b->trail[i] < b->best[i];
    return b->n_trail < b->n_best;
}

/* All simple paths. */
static void search(brute *b, uint32_t at, int64_t cost_fs) {
    const kb_node *nodes = kb_topology_nodes(b->topology);
    if (at == b->dst) {
        if (cost_fs > b->best_fs || (cost_fs == b->best_fs && !comes_before(b))) return;
        b->best_fs = cost_fs;
        b->n_best = b->n_trail;
        memcpy(b->best, b->trail, sizeof b->best);
        return;
    }
    if (b->n_trail > 0 && nodes[at].impl != KB_IMPL_TRANSIT) return;
    b->used[at] = true;
    for (uint32_t i = 0; i < kb_topology_n_links(b->topology); i++) {
        const kb_link *link = &kb_topology_links(b->topology)[i];
        if (link->src != at || b->used[link->dst]) continue;
        b->trail[b->n_trail++] = link->dst;
        search(b, link->dst, cost_fs + nodes[at].overhead_fs + link->service_fs + link->latency_fs);
        b->n_trail--;
    }
    b->used[at] = false;
}

static uint32_t next_random(uint64_t *seed, uint32_t n) {
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*seed >> 33) % n;
}

/* Small integers for every cost: many ties. */
static void random_graph(uint64_t *seed, char *text, size_t capacity, uint32_t *n_nodes) {
    *n_nodes = 3 + next_random(seed, MAX_NODES - 2);
    size_t at = (size_t)snprintf(text, capacity, "{kernbench: 1, components: [");
    for (uint32_t i = 0; i < *n_nodes; i++)
        at += (size_t)snprintf(text + at, capacity - at,
                               next_random(seed, 4) ? "{name: n%u, impl: transit, overhead_ns: %u},"
                                                    : "{name: n%u, impl: endpoint},",
                               i, next_random(seed, 2));
    at += (size_t)snprintf(text + at, capacity - at, "], links: [");
    for (uint32_t i = 0; i < *n_nodes; i++)
        for (uint32_t j = 0; j < *n_nodes; j++)
            if (i != j && next_random(seed, 5) < 2)
                at += (size_t)snprintf(text + at, capacity - at,
                                       "{from: n%u, to: n%u, GBps: 64, latency_ns: %u},", i, j,
                                       next_random(seed, 3));
    (void)snprintf(text + at, capacity - at, "]}");
}

static void check_against_brute_force(kb_topology *topology, uint32_t src, uint32_t dst) {
    brute b = {.topology = topology, .dst = dst, .best_fs = INT64_MAX};
    search(&b, src, 0);
    route r = find(topology, src, dst, KB_ANY_SLICE);
    if (b.best_fs == INT64_MAX) {
        CHECK_EQ(r.status, KB_TOPOLOGY);
        return;
    }
    CHECK_EQ(r.status, KB_OK);
    CHECK_EQ(r.n_links, b.n_best);
    for (uint32_t i = 0; i < r.n_links && i < b.n_best; i++)
        CHECK_EQ(kb_topology_links(topology)[r.links[i]].dst, b.best[i]);
}

static void takes_the_least_path(void) {
    kb_alloc alloc = kb_alloc_system();
    uint64_t seed = 2024;
    for (int i = 0; i < 400; i++) {
        char text[16384];
        uint32_t n_nodes;
        random_graph(&seed, text, sizeof text, &n_nodes);
        kb_topology *topology = topology_parse(&alloc, text);
        for (uint32_t src = 0; topology && src < n_nodes; src++)
            for (uint32_t dst = 0; dst < n_nodes; dst++)
                if (src != dst) check_against_brute_force(topology, src, dst);
        kb_topology_destroy(topology);
    }
    CHECK_EQ(alloc.live_nbytes, 0);
}

static void remembers_paths(void) {
    kb_alloc alloc = kb_alloc_system();
    kb_topology *topology = topology_parse(&alloc, "{kernbench: 1, system: {sips: 1}}");
    if (!topology) return;
    uint32_t dma = topology_node(topology, "sip0.cube0.pe3.dma");
    uint32_t hbm = topology_node(topology, "sip0.cube0.hbm");
    uint32_t sram = topology_node(topology, "sip0.cube1.sram");
    route own = find(topology, dma, hbm, 3), any = find(topology, dma, hbm, KB_ANY_SLICE);
    route other = find(topology, dma, hbm, 4), twin = find(topology, dma, hbm, 7);
    CHECK(own.links == any.links && own.path == any.path);
    CHECK(other.links == twin.links && other.path == twin.path); /* slices behind one port */
    CHECK(other.path != own.path);
    CHECK_EQ(find(topology, dma, sram, 0).path, find(topology, dma, sram, KB_ANY_SLICE).path);
    CHECK_EQ(find(topology, sram, dma, 0).path, 3);
    for (uint32_t i = 0; i < 500; i++) /* paths stay where they are while others come */
        CHECK_EQ(find(topology, dma, topology_node(topology, "host"), KB_ANY_SLICE).path, 4);
    uint64_t calls = alloc.n_calls;
    CHECK(find(topology, dma, hbm, 3).links == own.links);
    CHECK_EQ(alloc.n_calls, calls);
    kb_topology_destroy(topology);
}

static void refuses_bad_questions(void) {
    kb_alloc alloc = kb_alloc_system();
    kb_topology *topology = topology_parse(&alloc, "{kernbench: 1, system: {sips: 1}}");
    if (!topology) return;
    uint32_t dma = topology_node(topology, "sip0.cube0.pe3.dma");
    uint32_t hbm = topology_node(topology, "sip0.cube0.hbm");
    uint32_t gemm = topology_node(topology, "sip0.cube0.pe3.gemm");
    CHECK_EQ(find(topology, dma, hbm, 8).status, KB_INVALID);
    CHECK_EQ(find(topology, dma, hbm, -2).status, KB_INVALID);
    CHECK_EQ(find(topology, dma, 1000000, -1).status, KB_INVALID);
    route r = find(topology, dma, gemm, KB_ANY_SLICE);
    CHECK_EQ(r.status, KB_TOPOLOGY);
    CHECK(strstr(r.err.message, "from sip0.cube0.pe3.dma to sip0.cube0.pe3.gemm, got none"));
    CHECK_EQ(find(topology, gemm, dma, KB_ANY_SLICE).status, KB_TOPOLOGY);
    CHECK_EQ(find(topology, dma, hbm, 3).status, KB_OK);
    kb_topology_destroy(topology);
}

/* --- meshes ----------------------------------------------------------------------------------- */

static kb_topology *parse_mesh(kb_alloc *alloc, int nx, int ny, bool wrap) {
    char text[1024];
    (void)snprintf(
        text, sizeof text,
        "{kernbench: 1, components: [{name: a, impl: endpoint}, {name: b, impl: endpoint}], "
        "meshes: [{name: m, dims: [%d, %d], wrap: %s, router: {overhead_ns: 2}, "
        "link: {GBps: 64, latency_ns: 1}}], links: ["
        "{from: a, to: m.r0_0, GBps: 64, both: true}, "
        "{from: b, to: m.r%d_%d, GBps: 64, both: true}]}",
        nx, ny, wrap ? "true" : "false", nx - 1, ny - 1);
    return topology_parse(alloc, text);
}

static int modulo(int a, int n) {
    return ((a % n) + n) % n;
}

/* Dimension order, x first, written as plainly as can be. */
static void check_mesh(int nx, int ny, bool wrap) {
    kb_alloc alloc = kb_alloc_system();
    kb_topology *topology = parse_mesh(&alloc, nx, ny, wrap);
    for (int pair = 0; topology && pair < nx * ny * nx * ny; pair++) {
        int from = pair % (nx * ny), to = pair / (nx * ny);
        int at[2] = {from % nx, from / nx}, end[2] = {to % nx, to / nx}, n[2] = {nx, ny};
        uint32_t first = topology_node(topology, "m.r0_0");
        route r = find(topology, first + (uint32_t)from, first + (uint32_t)to, KB_ANY_SLICE);
        uint32_t hop = 0;
        CHECK_EQ(r.status, KB_OK);
        for (int axis = 0; axis < 2; axis++) {
            int plus = modulo(end[axis] - at[axis], n[axis]);
            int minus = modulo(at[axis] - end[axis], n[axis]);
            int sign = end[axis] > at[axis] ? 1 : -1;
            if (wrap) sign = plus < minus || (plus == minus && at[axis] % 2 == 0) ? 1 : -1;
            for (; at[axis] != end[axis]; hop++) {
                at[axis] = modulo(at[axis] + sign, n[axis]);
                uint32_t next = first + (uint32_t)(at[1] * nx + at[0]);
                CHECK(hop < r.n_links && kb_topology_links(topology)[r.links[hop]].dst == next);
            }
        }
        CHECK_EQ(r.n_links, hop);
    }
    kb_topology_destroy(topology);
}

static void goes_x_first_in_meshes(void) {
    check_mesh(4, 3, false);
    check_mesh(4, 4, true);
    check_mesh(5, 4, true);
    check_mesh(2, 3, true);
    check_mesh(1, 6, true);
    check_mesh(1, 1, false);
    kb_alloc alloc = kb_alloc_system();
    kb_topology *topology = parse_mesh(&alloc, 3, 3, false);
    if (topology) {
        goes(topology, "a", "b", KB_ANY_SLICE, "m.r0_0 m.r1_0 m.r2_0 m.r2_1 m.r2_2 b");
        goes(topology, "b", "a", KB_ANY_SLICE, "m.r2_2 m.r1_2 m.r0_2 m.r0_1 m.r0_0 a");
        goes(topology, "a", "a", KB_ANY_SLICE, "m.r0_0 a");
        goes(topology, "m.r1_1", "m.r1_1", KB_ANY_SLICE, "");
    }
    kb_topology_destroy(topology);
}

/* A shortcut that leaves the mesh is taken where it is shorter; each run inside stays XY. */
static void straightens_each_run(void) {
    kb_alloc alloc = kb_alloc_system();
    kb_topology *topology = topology_parse(
        &alloc, "kernbench: 1\n"
                "components: [{name: x, impl: transit}, {name: lone, impl: endpoint}]\n"
                "meshes: [{name: m, dims: [9, 2], link: {GBps: 64, latency_ns: 1}}]\n"
                "links: [{from: m.r1_1, to: x, GBps: 64}, {from: x, to: m.r7_1, GBps: 64}]\n");
    if (topology) {
        goes(topology, "m.r0_0", "m.r8_0", KB_ANY_SLICE, "m.r1_0 m.r1_1 x m.r7_1 m.r8_1 m.r8_0");
        goes(topology, "m.r8_0", "m.r0_0", KB_ANY_SLICE,
             "m.r7_0 m.r6_0 m.r5_0 m.r4_0 m.r3_0 m.r2_0 m.r1_0 m.r0_0");
        goes(topology, "lone", "lone", KB_ANY_SLICE, "");
        CHECK_EQ(find(topology, topology_node(topology, "lone"), 0, KB_ANY_SLICE).status,
                 KB_TOPOLOGY);
    }
    kb_topology_destroy(topology);
}

/* --- machines --------------------------------------------------------------------------------- */

static bool has_links(const kb_topology *topology, uint32_t node, bool out) {
    for (uint32_t i = 0; i < kb_topology_n_links(topology); i++) {
        const kb_link *link = &kb_topology_links(topology)[i];
        if ((out ? link->src : link->dst) == node) return true;
    }
    return false;
}

/* Every pair of linked nodes, every slice. */
static void check_every_pair(const char *text) {
    kb_alloc alloc = kb_alloc_system();
    kb_topology *topology = topology_parse(&alloc, text);
    uint32_t n_nodes = topology ? kb_topology_n_nodes(topology) : 0;
    for (uint32_t src = 0; src < n_nodes; src++) {
        if (!has_links(topology, src, true)) continue;
        for (uint32_t dst = 0; dst < n_nodes; dst++) {
            if (!has_links(topology, dst, false)) continue;
            int64_t n_slices = kb_topology_system(topology)->n_slices;
            for (int32_t slice = KB_ANY_SLICE; slice < n_slices; slice++) {
                route r = find(topology, src, dst, slice);
                if (!CHECK(r.status == KB_OK && is_path(topology, src, dst, &r)))
                    printf("#     %s: %s to %s\n", text, kb_topology_nodes(topology)[src].name,
                           kb_topology_nodes(topology)[dst].name);
            }
        }
    }
    kb_topology_destroy(topology);
    CHECK_EQ(alloc.live_nbytes, 0);
}

static void joins_every_pair(void) {
    check_every_pair("{kernbench: 1, system: {sips: 1, sip: {cubes: [1, 1]}, cube: {pes: 1, noc: "
                     "{dims: [1, 1]}, hbm: {remote_ports: 1}}}}");
    check_every_pair("{kernbench: 1, system: {sips: 1, sip: {cubes: [2, 2]}, cube: {pes: 2, noc: "
                     "{dims: [2, 2]}}}}");
    check_every_pair("{kernbench: 1, system: {sips: 2, fabric: {kind: ring}, sip: {cubes: [1, 2]}, "
                     "cube: {pes: 2, noc: {dims: [1, 2]}}}}");
    check_every_pair("{kernbench: 1, system: {sips: 3, sip: {cubes: [1, 1]}, cube: {pes: 1, noc: "
                     "{dims: [2, 1]}}}}");
    check_every_pair("{kernbench: 1, system: {sips: 5, fabric: {kind: ring}, sip: {cubes: [1, 1]}, "
                     "cube: {pes: 1, noc: {dims: [1, 2]}}}}");
    check_every_pair("{kernbench: 1, system: {sips: 6, fabric: {kind: mesh}, sip: {cubes: [1, 1]}, "
                     "cube: {pes: 1, noc: {dims: [1, 1]}, hbm: {remote_ports: 1}}}}");
    check_every_pair(
        "{kernbench: 1, system: {sips: 8, fabric: {kind: torus, dims: [2, 4]}, sip: "
        "{cubes: [1, 1]}, cube: {pes: 1, noc: {dims: [1, 1]}, hbm: {remote_ports: 1}}}}");
    check_every_pair("{kernbench: 1, system: {sips: 1, sip: {cubes: [1, 2]}, cube: {pes: 3, noc: "
                     "{kind: torus, dims: [4, 3]}, hbm: {attach: port, remote_ports: 4}}}}");
}

/* The torus of a cube takes the shorter way round, x first (ADR-0017 D1). */
static void goes_round_a_torus(void) {
    kb_alloc alloc = kb_alloc_system();
    kb_topology *topology = topology_parse(
        &alloc, "{kernbench: 1, system: {sips: 1, sip: {cubes: [1, 1]}, cube: {pes: 1, noc: {kind: "
                "torus, dims: [5, 5]}, hbm: {attach: port, remote_ports: 1}}}}");
    if (topology) {
        uint32_t west = topology_node(topology, "sip0.cube0.noc.r0_0");
        uint32_t east = topology_node(topology, "sip0.cube0.noc.r4_4");
        route r = find(topology, west, east, KB_ANY_SLICE);
        CHECK(r.status == KB_OK && r.n_links == 2);
    }
    kb_topology_destroy(topology);
}

/* Attached by ports, slice j is reached by port j, even from a PE of the cube (ADR-0017 D7). */
static void reaches_slices_by_their_ports(void) {
    kb_alloc alloc = kb_alloc_system();
    kb_topology *topology = topology_parse(
        &alloc, "{kernbench: 1, system: {sips: 1, sip: {cubes: [1, 1]}, cube: {pes: 3, noc: {dims: "
                "[2, 4]}, hbm: {attach: port, remote_ports: 4}}}}");
    if (topology) {
        uint32_t dma = topology_node(topology, "sip0.cube0.pe1.dma");
        uint32_t hbm = topology_node(topology, "sip0.cube0.hbm");
        for (int32_t slice = 0; slice < 4; slice++) {
            route r = find(topology, dma, hbm, slice);
            if (!CHECK(r.status == KB_OK && r.n_links >= 2)) continue;
            const kb_link *last = &kb_topology_links(topology)[r.links[r.n_links - 1]];
            const kb_node *router = &kb_topology_nodes(topology)[last->src];
            CHECK(router->x == slice % 2 && router->y == 1 + 2 * (slice / 2));
        }
        CHECK_EQ(find(topology, dma, hbm, 4).status, KB_INVALID);
    }
    kb_topology_destroy(topology);
}

static void joins_a_sample_of_the_default(void) {
    kb_alloc alloc = kb_alloc_system();
    kb_topology *topology = topology_parse(&alloc, "{kernbench: 1, system: {}}");
    uint64_t seed = 5;
    for (int i = 0; topology && i < 20000; i++) {
        static const kb_impl impls[] = {KB_IMPL_HOST,      KB_IMPL_IO_CPU, KB_IMPL_M_CPU,
                                        KB_IMPL_M_CPU_DMA, KB_IMPL_PE_CPU, KB_IMPL_PE_DMA,
                                        KB_IMPL_HBM,       KB_IMPL_SRAM};
        uint32_t ends[2];
        for (int end = 0; end < 2; end++) {
            kb_impl impl = impls[next_random(&seed, 8)];
            int32_t sip = impl == KB_IMPL_HOST ? -1 : (int32_t)next_random(&seed, 2);
            int32_t cube = sip < 0 || impl == KB_IMPL_IO_CPU ? -1 : (int32_t)next_random(&seed, 16);
            bool in_pe = impl == KB_IMPL_PE_CPU || impl == KB_IMPL_PE_DMA;
            int32_t pe = in_pe ? (int32_t)next_random(&seed, 8) : -1;
            ends[end] = kb_topology_part(topology, impl, sip, cube, pe);
        }
        route r = find(topology, ends[0], ends[1], (int32_t)next_random(&seed, 9) - 1);
        CHECK(r.status == KB_OK && is_path(topology, ends[0], ends[1], &r));
    }
    kb_topology_destroy(topology);
}

static void follows_the_hierarchy(void) {
    kb_alloc alloc = kb_alloc_system();
    kb_topology *topology = topology_parse(&alloc, "{kernbench: 1, system: {}}");
    if (!topology) return;
    goes(topology, "sip0.cube0.pe3.dma", "sip0.cube0.hbm", 3, "sip0.cube0.hbm");
    goes(topology, "sip0.cube0.hbm", "sip0.cube0.pe3.dma", 3, "sip0.cube0.pe3.dma");
    goes(topology, "sip0.cube0.pe0.dma", "sip0.cube0.hbm", 3,
         "sip0.cube0.noc.r0_0 sip0.cube0.noc.r0_1 sip0.cube0.noc.r0_2 sip0.cube0.hbm");
    goes(topology, "sip0.cube0.hbm", "sip0.cube0.pe0.dma", 7,
         "sip0.cube0.noc.r3_2 sip0.cube0.noc.r2_2 sip0.cube0.noc.r1_2 sip0.cube0.noc.r0_2 "
         "sip0.cube0.noc.r0_1 sip0.cube0.noc.r0_0 sip0.cube0.pe0.dma");
    goes(topology, "sip0.cube0.pe0.dma", "sip0.cube0.pe0.dma", KB_ANY_SLICE,
         "sip0.cube0.noc.r0_0 sip0.cube0.pe0.dma");
    goes(topology, "sip0.cube0.hbm", "sip0.cube0.hbm", 7, "sip0.cube0.noc.r3_2 sip0.cube0.hbm");
    goes(topology, "host", "host", KB_ANY_SLICE, "");
    goes(topology, "host", "sip1.io.cpu", KB_ANY_SLICE, "sip1.io.host sip1.io.xbar sip1.io.cpu");
    goes(topology, "sip1.io.cpu", "host", KB_ANY_SLICE, "sip1.io.xbar sip1.io.host host");
    goes(topology, "sip0.io.cpu", "sip0.cube4.m_cpu", KB_ANY_SLICE,
         "sip0.io.xbar sip0.io.ucie1 sip0.cube4.ucie_w sip0.cube4.noc.r0_1 sip0.cube4.noc.r1_1 "
         "sip0.cube4.noc.r2_1 sip0.cube4.m_cpu");
    goes(topology, "sip0.cube5.m_cpu", "sip0.cube10.sram", KB_ANY_SLICE,
         "sip0.cube5.noc.r2_1 sip0.cube5.noc.r3_1 sip0.cube5.ucie_e sip0.cube6.ucie_w "
         "sip0.cube6.noc.r0_1 sip0.cube6.noc.r1_1 sip0.cube6.noc.r1_2 sip0.cube6.noc.r1_3 "
         "sip0.cube6.ucie_s sip0.cube10.ucie_n sip0.cube10.noc.r1_0 sip0.cube10.noc.r2_0 "
         "sip0.cube10.noc.r2_1 sip0.cube10.noc.r2_2 sip0.cube10.noc.r2_3 sip0.cube10.sram");
    goes(topology, "sip0.io.cpu", "sip1.io.cpu", KB_ANY_SLICE,
         "sip0.io.xbar sip0.io.c2c0 fabric.switch sip1.io.c2c0 sip1.io.xbar sip1.io.cpu");
    kb_topology_destroy(topology);
}

static void follows_the_fabric(void) {
    kb_alloc alloc = kb_alloc_system();
    kb_topology *topology = topology_parse(
        &alloc, "{kernbench: 1, system: {sips: 4, fabric: {kind: ring}, sip: {cubes: [1, 1]}}}");
    if (topology) { /* both ways are equally long: + from an even SIP, - from an odd one */
        goes(topology, "sip0.io.cpu", "sip2.io.cpu", KB_ANY_SLICE,
             "sip0.io.xbar sip0.io.c2c0 sip1.io.c2c1 sip1.io.xbar sip1.io.c2c0 sip2.io.c2c1 "
             "sip2.io.xbar sip2.io.cpu");
        goes(topology, "sip1.io.cpu", "sip3.io.cpu", KB_ANY_SLICE,
             "sip1.io.xbar sip1.io.c2c1 sip0.io.c2c0 sip0.io.xbar sip0.io.c2c1 sip3.io.c2c0 "
             "sip3.io.xbar sip3.io.cpu");
        goes(topology, "sip0.io.cpu", "sip3.io.cpu", KB_ANY_SLICE,
             "sip0.io.xbar sip0.io.c2c1 sip3.io.c2c0 sip3.io.xbar sip3.io.cpu");
    }
    kb_topology_destroy(topology);
    topology = topology_parse(
        &alloc, "{kernbench: 1, system: {sips: 6, fabric: {kind: mesh}, sip: {cubes: [1, 1]}}}");
    if (topology) { /* 3 x 2 */
        CHECK_EQ(kb_topology_system(topology)->fabric_x, 3);
        goes(topology, "sip0.io.cpu", "sip5.io.cpu", KB_ANY_SLICE,
             "sip0.io.xbar sip0.io.c2c0 sip1.io.c2c1 sip1.io.xbar sip1.io.c2c0 sip2.io.c2c1 "
             "sip2.io.xbar sip2.io.c2c2 sip5.io.c2c3 sip5.io.xbar sip5.io.cpu");
        uint32_t none;
        CHECK_EQ(kb_topology_find(topology, "sip0.io.c2c1", &none, NULL), KB_TOPOLOGY);
    }
    kb_topology_destroy(topology);
}

/* A component of the explicit form may be joined to the machine; machine routes do not change. */
static void joins_explicit_parts(void) {
    kb_alloc alloc = kb_alloc_system();
    kb_topology *topology =
        topology_parse(&alloc, "kernbench: 1\nsystem: {sips: 1, sip: {cubes: [1, 1]}}\n"
                               "components: [{name: nic, impl: endpoint}]\n"
                               "links: [{from: nic, to: sip0.io.xbar, GBps: 50, both: true}]\n");
    if (topology) {
        goes(topology, "nic", "sip0.io.cpu", KB_ANY_SLICE, "sip0.io.xbar sip0.io.cpu");
        goes(
            topology, "sip0.cube0.hbm", "nic", 0,
            "sip0.cube0.noc.r0_2 sip0.cube0.noc.r0_1 sip0.cube0.ucie_w sip0.io.ucie0 sip0.io.xbar nic");
        goes(topology, "nic", "host", KB_ANY_SLICE, "sip0.io.xbar sip0.io.host host");
    }
    kb_topology_destroy(topology);
}

/* NI-out is in the latency of links from a router to a part, NI-in is the part's overhead. */
static void counts_network_interfaces(void) {
    kb_alloc alloc = kb_alloc_system();
    kb_topology *topology = topology_parse(
        &alloc, "{kernbench: 1, system: {sips: 1, cube: {noc: {latency_ns: 1, ni_in_ns: 3, "
                "ni_out_ns: 4, overhead_ns: 5}, hbm: {local_latency_ns: 0.25}}}}");
    if (topology) {
        const kb_node *nodes = kb_topology_nodes(topology);
        const kb_link *links = kb_topology_links(topology);
        uint32_t dma = topology_node(topology, "sip0.cube0.pe0.dma");
        route there = find(topology, dma, topology_node(topology, "sip0.cube0.sram"), KB_ANY_SLICE);
        CHECK_EQ(nodes[dma].overhead_fs, 3000000);
        CHECK_EQ(links[there.links[0]].latency_fs, 1000000);
        CHECK_EQ(links[there.links[there.n_links - 1]].latency_fs, 5000000);
        CHECK_EQ(nodes[links[there.links[0]].dst].overhead_fs, 5000000);
        route own = find(topology, dma, topology_node(topology, "sip0.cube0.hbm"), 0);
        CHECK_EQ(own.n_links, 1);
        CHECK_EQ(links[own.links[0]].latency_fs, 250000);
        CHECK_EQ(links[own.links[0]].service_fs, 625000);
    }
    kb_topology_destroy(topology);
}

int main(void) {
    TAP_RUN(takes_the_least_path);
    TAP_RUN(remembers_paths);
    TAP_RUN(refuses_bad_questions);
    TAP_RUN(goes_x_first_in_meshes);
    TAP_RUN(straightens_each_run);
    TAP_RUN(joins_every_pair);
    TAP_RUN(goes_round_a_torus);
    TAP_RUN(reaches_slices_by_their_ports);
    TAP_RUN(joins_a_sample_of_the_default);
    TAP_RUN(follows_the_hierarchy);
    TAP_RUN(follows_the_fabric);
    TAP_RUN(joins_explicit_parts);
    TAP_RUN(counts_network_interfaces);
    return tap_finish();
}
