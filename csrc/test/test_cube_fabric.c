/* Finite buffers in the routers of cubes and at their UCIe ports together (ADR-0037 D10): which shapes need
 * two channels, which channel a message takes, and that traffic far above what the machine carries ends. */
#include "test/traffic_rig.h"

enum { MOST_TEXT = 1024 };

typedef struct shape {
    int32_t cubes_x, cubes_y, routers_x, routers_y, n_pes;
    const char *kind; /* of the routers */
} shape;

/* `io` is whether the ways between SIPs have finite buffers, too. */
static const char *text_of(const shape *s, int noc, int ucie, bool io, const char *mode,
                           char text[MOST_TEXT]) {
    (void)snprintf(
        text, MOST_TEXT,
        "{kernbench: 1, fabric: {mode: %s}, system: {sips: 2, fabric: {latency_ns: 20%s}, sip: {cubes: "
        "[%d, %d], io: {latency_ns: 0.5%s}}, cube: {pes: %d, noc: {kind: %s, dims: [%d, %d], "
        "buffer_flits: 3, virtual_channels: %d}, ucie: {buffer_flits: 5, virtual_channels: %d}, "
        "hbm: {remote_ports: 1}}}}",
        mode, io ? ", buffer_flits: 9" : "", s->cubes_x, s->cubes_y, io ? ", buffer_flits: 4" : "",
        s->n_pes, s->kind, s->routers_x, s->routers_y, noc, ucie);
    return text;
}

static kb_status parse(const shape *s, int noc, int ucie, bool io, kb_error *err) {
    kb_alloc alloc = kb_alloc_system();
    char text[MOST_TEXT];
    kb_topology *topology = NULL;
    (void)text_of(s, noc, ucie, io, "train", text);
    kb_status status = kb_topology_parse(&alloc, text, strlen(text), "t.yaml", &topology, err);
    kb_topology_destroy(topology);
    CHECK_EQ(alloc.live_nbytes, 0);
    return status;
}

/* --- which shapes --------------------------------------------------------------------------------- */

static void two_channels_are_enough_for_meshes(void) {
    int32_t n_refused = 0;
    for (int32_t i = 0; i < 2 * 3 * 3 * 4 * 4; i++) {
        bool io = i % 2;
        shape s = {1 + i / 2 % 3, 1 + i / 6 % 3, 1 + i / 18 % 4, 1 + i / 72, 1, "mesh"};
        int32_t n_routers = s.routers_x * s.routers_y;
        while (2 * s.n_pes <= n_routers) s.n_pes *= 2;
        kb_error err = KB_ERROR_INIT;
        if (!CHECK_EQ(parse(&s, 2, 2, io, &err), KB_OK))
            printf("# %d x %d cubes of %d x %d routers: %s\n", s.cubes_x, s.cubes_y, s.routers_x,
                   s.routers_y, err.message);
        kb_status alone = parse(&s, 1, 1, io, &err);
        n_refused += alone == KB_TOPOLOGY;
        if (alone == KB_TOPOLOGY)
            CHECK(
                strstr(err.message, "expected no cycle among links with finite buffers, got sip") &&
                strstr(err.message, ".ucie_") && strstr(err.message, "`virtual_channels: 2`"));
        /* one cube, or one row of them, has no turn, and so no cycle */
        if (s.cubes_y == 1) CHECK_EQ(alone, KB_OK);
    }
    CHECK(n_refused > 50);
}

/* Around rings a message leaves a cube in either direction, whatever side it leaves it by: two channels are
 * enough for some tori, and the others are refused. */
static void a_torus_of_routers_is_searched(void) {
    static const shape small = {3, 3, 4, 4, 8, "torus"}, large = {3, 3, 5, 2, 8, "torus"};
    kb_error err = KB_ERROR_INIT;
    CHECK_EQ(parse(&small, 2, 2, true, &err), KB_OK);
    CHECK_EQ(parse(&large, 2, 2, false, &err), KB_TOPOLOGY);
    CHECK(strstr(err.message, "expected no cycle among links with finite buffers") != NULL);
}

/* --- which channel -------------------------------------------------------------------------------- */

/* Channel 1 begins with the first link to a cube in the north or south, and is kept. */
static void the_second_channel_begins_with_the_turn(void) {
    static const shape s = {3, 3, 3, 4, 8, "mesh"};
    char text[MOST_TEXT];
    kb_alloc alloc = kb_alloc_system();
    kb_topology *t = topology_parse(&alloc, text_of(&s, 2, 2, true, "train", text));
    const kb_node *nodes = t ? kb_topology_nodes(t) : NULL;
    int32_t n_turned = 0;
    for (int32_t pair = 0; t && pair < 81; pair++) {
        uint32_t src = kb_topology_part(t, KB_IMPL_PE_DMA, 0, pair / 9, pair % 8);
        uint32_t dst = kb_topology_part(t, KB_IMPL_PE_CPU, 0, pair % 9, pair / 9 % 8);
        const uint32_t *path;
        uint32_t n_links = 0, number = 0;
        CHECK_EQ(kb_topology_path(t, src, dst, KB_ANY_SLICE, &path, &n_links, &number, NULL),
                 KB_OK);
        const uint8_t *channels = kb_topology_channels(t, number);
        bool turned = false;
        for (uint32_t i = 0; i < n_links; i++) {
            const kb_node *from = &nodes[kb_topology_links(t)[path[i]].src];
            const kb_node *to = &nodes[kb_topology_links(t)[path[i]].dst];
            turned = turned || from->cube % 3 != to->cube % 3 ? turned : from->cube != to->cube;
            n_turned += turned;
            CHECK_EQ(channels[i], turned && to->transit.buffer_flits);
        }
    }
    CHECK(n_turned > 100);
    kb_topology_destroy(t);
    CHECK_EQ(alloc.live_nbytes, 0);
}

/* --- traffic -------------------------------------------------------------------------------------- */

static int32_t below(uint64_t *seed, int32_t n) {
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (int32_t)((*seed >> 33) % (uint64_t)n);
}

/* Every PE to PEs, memories and SRAMs of all cubes, both SIPs', at once: messages, reads and writes. */
static void plan(const rig *r, const shape *s, traffic_list *list) {
    uint64_t seed = 77;
    int32_t n_cubes = s->cubes_x * s->cubes_y;
    for (int32_t from = 0; from < n_cubes * s->n_pes * 2; from++) {
        int32_t sip = from % 2, cube = from / 2 % n_cubes, pe = from / 2 / n_cubes;
        for (int32_t to = 0; to < 2 * n_cubes && list->n + KB_TRANSFER_COUNT <= TRAFFIC_MOST;
             to++) {
            for (int k = 0; k < KB_TRANSFER_COUNT; k++) {
                int32_t far_sip = below(&seed, 4) ? sip : 1 - sip, far_cube = to / 2;
                kb_impl memory = below(&seed, 2) ? KB_IMPL_HBM : KB_IMPL_SRAM;
                uint32_t src = rig_part(r, KB_IMPL_PE_DMA, sip, cube, pe);
                uint32_t dst =
                    k == KB_TRANSFER_MESSAGE
                        ? rig_part(r, KB_IMPL_PE_CPU, far_sip, far_cube, below(&seed, s->n_pes))
                        : rig_part(r, memory, far_sip, far_cube, -1);
                traffic_add(list, (kb_transfer_op)k, src, dst, 64 * (1 + below(&seed, 9)));
            }
        }
    }
}

static void nothing_blocks_for_ever(void) {
    static const shape shapes[] = {
        {2, 2, 2, 2, 4, "mesh"}, {3, 3, 4, 4, 8, "mesh"}, {1, 3, 3, 1, 2, "mesh"},
        {3, 2, 1, 3, 2, "mesh"}, {4, 2, 1, 1, 1, "mesh"}, {2, 3, 4, 4, 8, "torus"},
    };
    static traffic_list lists[2];
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        for (int mode = 0; mode < 2; mode++) {
            char text[MOST_TEXT];
            traffic_rig t;
            lists[mode].n = 0;
            if (traffic_open(
                    &t, text_of(&shapes[i], 2, 1 + i % 2, true, mode ? "flit" : "train", text))) {
                plan(&t.machine, &shapes[i], &lists[mode]);
                traffic_run(&t, &lists[mode]);
            }
            traffic_close(&t);
        }
        CHECK(lists[0].n > 0);
        CHECK(memcmp(lists[0].end_fs, lists[1].end_fs, lists[0].n * sizeof lists[0].end_fs[0]) ==
              0);
    }
}

int main(void) {
    TAP_RUN(two_channels_are_enough_for_meshes);
    TAP_RUN(a_torus_of_routers_is_searched);
    TAP_RUN(the_second_channel_begins_with_the_turn);
    TAP_RUN(nothing_blocks_for_ever);
    return tap_finish();
}
