/* The fabrics between SIPs (ring, mesh, torus, switch): routes, both ways round, ties, law L1 over them, and
 * finite buffers with two channels under more traffic than they carry. */
#include "test/traffic_rig.h"

enum { MOST_SIPS = 64, MOST_TEXT = 1024 };

typedef struct shape {
    const char *kind;
    int32_t nx, ny;
    bool wrap;
} shape;

static const shape shapes[] = {
    {"ring", 2, 1, true},    {"ring", 3, 1, true},    {"ring", 4, 1, true},  {"ring", 5, 1, true},
    {"ring", 8, 1, true},    {"ring", 9, 1, true},    {"mesh", 2, 1, false}, {"mesh", 4, 2, false},
    {"mesh", 3, 3, false},   {"mesh", 1, 5, false},   {"torus", 2, 2, true}, {"torus", 4, 4, true},
    {"torus", 2, 5, true},   {"torus", 5, 3, true},   {"torus", 6, 1, true}, {"torus", 3, 8, true},
    {"switch", 2, 1, false}, {"switch", 7, 1, false},
};
enum { N_SHAPES = sizeof shapes / sizeof *shapes };

/* A machine of small SIPs; `more` is further keys of `fabric`, of `sip.io`. */
static const char *text_of(const shape *s, const char *fabric, const char *io,
                           char text[MOST_TEXT]) {
    char dims[48] = "";
    if (strcmp(s->kind, "mesh") == 0 || strcmp(s->kind, "torus") == 0)
        (void)snprintf(dims, sizeof dims, ", dims: [%d, %d]", s->nx, s->ny);
    (void)snprintf(text, MOST_TEXT,
                   "{kernbench: 1, system: {sips: %d, fabric: {kind: %s%s%s}, sip: {cubes: [1, 1], "
                   "io: {overhead_ns: 2%s}}, cube: {pes: 1, noc: {dims: [1, 1]}, hbm: "
                   "{remote_ports: 1}}}}",
                   s->nx * s->ny, s->kind, dims, fabric, io);
    return text;
}

/* --- routes --------------------------------------------------------------------------------------- */

/* The next coordinate on the way from a to b: the shorter way, and of two equal ones that which an even
 * start takes upwards and an odd one downwards. */
static int32_t next_on_axis(int32_t from, int32_t at, int32_t to, int32_t n, bool wrap) {
    int32_t up = ((to - from) % n + n) % n, down = n - up;
    bool ahead = wrap ? up < down || (up == down && from % 2 == 0) : to > from;
    return (at + (ahead ? 1 : n - 1)) % n;
}

/* The SIPs of the way, x first; how many there are. */
static uint32_t expected_sips(const shape *s, int32_t from, int32_t to, int32_t sips[MOST_SIPS]) {
    uint32_t n = 0;
    int32_t x = from % s->nx, y = from / s->nx;
    sips[n++] = from;
    if (strcmp(s->kind, "switch") == 0) {
        if (from != to) sips[n++] = to;
        return n;
    }
    while (x != to % s->nx) {
        x = next_on_axis(from % s->nx, x, to % s->nx, s->nx, s->wrap);
        sips[n++] = y * s->nx + x;
    }
    while (y != to / s->nx) {
        y = next_on_axis(from / s->nx, y, to / s->nx, s->ny, s->wrap);
        sips[n++] = y * s->nx + x;
    }
    return n;
}

static uint32_t found_sips(kb_topology *topology, uint32_t src, uint32_t dst,
                           int32_t sips[MOST_SIPS]) {
    const kb_node *nodes = kb_topology_nodes(topology);
    const uint32_t *path;
    uint32_t n_links = 0, number, n = 0;
    CHECK_EQ(kb_topology_path(topology, src, dst, KB_ANY_SLICE, &path, &n_links, &number, NULL),
             KB_OK);
    sips[n++] = nodes[src].sip;
    for (uint32_t i = 0; i < n_links; i++) {
        int32_t sip = nodes[kb_topology_links(topology)[path[i]].dst].sip;
        if (sip >= 0 && sip != sips[n - 1] && n < MOST_SIPS) sips[n++] = sip;
    }
    return n;
}

static void goes_the_shorter_way(void) {
    char text[MOST_TEXT];
    for (size_t i = 0; i < N_SHAPES; i++) {
        kb_alloc alloc = kb_alloc_system();
        kb_topology *topology = topology_parse(&alloc, text_of(&shapes[i], "", "", text));
        int32_t n_sips = shapes[i].nx * shapes[i].ny, n_wrong = 0;
        for (int32_t a = 0; topology && a < n_sips; a++) {
            for (int32_t b = 0; b < n_sips; b++) {
                int32_t found[MOST_SIPS], expected[MOST_SIPS];
                uint32_t src = kb_topology_part(topology, KB_IMPL_PE_DMA, a, 0, 0);
                uint32_t dst = kb_topology_part(topology, KB_IMPL_HBM, b, 0, -1);
                uint32_t n = expected_sips(&shapes[i], a, b, expected);
                bool right = found_sips(topology, src, dst, found) == n &&
                             memcmp(found, expected, n * sizeof *found) == 0;
                n_wrong += !right;
                if (!right)
                    printf("# %s %d x %d: from SIP %d to %d\n", shapes[i].kind, shapes[i].nx,
                           shapes[i].ny, a, b);
            }
        }
        CHECK_EQ(n_wrong, 0);
        kb_topology_destroy(topology);
        CHECK_EQ(alloc.live_nbytes, 0);
    }
}

/* Under traffic between all pairs each link of a ring or torus is used, and with an even number of SIPs the
 * two ways round equally: the tie rule shares the longest ways out. */
static void uses_both_ways_round(void) {
    char text[MOST_TEXT];
    for (size_t i = 0; i < N_SHAPES; i++) {
        const shape *s = &shapes[i];
        if (!s->wrap || s->nx < 3 || s->ny > 1) continue;
        kb_alloc alloc = kb_alloc_system();
        kb_topology *topology = topology_parse(&alloc, text_of(s, "", "", text));
        int32_t up = 0, down = 0;
        for (int32_t a = 0; topology && a < s->nx; a++) {
            for (int32_t b = 0; b < s->nx; b++) {
                int32_t sips[MOST_SIPS];
                uint32_t n =
                    found_sips(topology, kb_topology_part(topology, KB_IMPL_IO_CPU, a, -1, -1),
                               kb_topology_part(topology, KB_IMPL_IO_CPU, b, -1, -1), sips);
                for (uint32_t k = 1; k < n; k++)
                    *(sips[k] == (sips[k - 1] + 1) % s->nx ? &up : &down) += 1;
            }
        }
        CHECK(up > 0);
        CHECK_EQ(up, down);
        kb_topology_destroy(topology);
    }
}

/* --- time ----------------------------------------------------------------------------------------- */

/* One message on an idle machine: as law L1 says, and flit by flit by hand. */
static void obeys_law_1(void) {
    static traffic_list list;
    char text[MOST_TEXT];
    for (size_t i = 0; i < N_SHAPES; i++) {
        traffic_rig t;
        if (traffic_open(&t, text_of(&shapes[i], "", "", text))) {
            int32_t last = shapes[i].nx * shapes[i].ny - 1;
            uint32_t src = rig_part(&t.machine, KB_IMPL_PE_DMA, 0, 0, 0);
            uint32_t dst = rig_part(&t.machine, KB_IMPL_PE_DMA, last - last / 3, 0, 0);
            int64_t there[37] = {0};
            list.n = 0;
            traffic_add(&list, KB_TRANSFER_MESSAGE, src, dst, 64 * 37);
            traffic_run(&t, &list);
            rig_travel(&t.machine, src, dst, KB_ANY_SLICE, there, 37);
            const uint32_t *path;
            uint32_t n_links, number;
            CHECK_EQ(kb_topology_path(t.machine.topology, src, dst, KB_ANY_SLICE, &path, &n_links,
                                      &number, NULL),
                     KB_OK);
            CHECK_EQ(list.end_fs[0], there[36]);
            CHECK_EQ(list.end_fs[0], kb_audit_least_fs(t.machine.parts.fabric, path, n_links, 37));
        }
        traffic_close(&t);
    }
}

/* --- finite buffers ------------------------------------------------------------------------------- */

/* Between SIPs a message leaves the ring for a crossbar and comes back: with finite buffers in both a ring
 * is a cycle, unless both have two channels. */
static void rings_need_two_channels(void) {
    static const struct {
        const char *fabric, *io;
        bool good;
    } cases[] = {
        {"", "", true},
        {", buffer_flits: 8", "", true},
        {", buffer_flits: 8", ", buffer_flits: 8", false},
        {", buffer_flits: 8, virtual_channels: 2", ", buffer_flits: 8", false},
        {", buffer_flits: 8, virtual_channels: 2", ", buffer_flits: 8, virtual_channels: 2", true},
    };
    char text[MOST_TEXT];
    for (size_t i = 0; i < N_SHAPES; i++) {
        for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
            kb_alloc alloc = kb_alloc_system();
            kb_topology *topology = NULL;
            kb_error err = KB_ERROR_INIT;
            const shape *s = &shapes[i];
            const char *yaml = text_of(s, cases[k].fabric, cases[k].io, text);
            kb_status status =
                kb_topology_parse(&alloc, yaml, strlen(yaml), "t.yaml", &topology, &err);
            /* of four, even ones go two steps up and odd ones two down: that closes nothing */
            bool round = s->wrap && (s->nx > 4 || s->ny > 4);
            if (!CHECK_EQ(status, cases[k].good || !round ? KB_OK : KB_TOPOLOGY))
                printf("# %s %d x %d, case %zu: %s\n", s->kind, s->nx, s->ny, k, err.message);
            if (status != KB_OK) {
                CHECK(strstr(err.message, "expected no cycle among links with finite buffers") !=
                      NULL);
                CHECK(strstr(err.message, ".io.c2c") != NULL);
            }
            kb_topology_destroy(topology);
            CHECK_EQ(alloc.live_nbytes, 0);
        }
    }
}

/* All SIPs to all others at once, reads and writes of remote memory too. */
static void plan_all_to_all(const rig *r, int32_t n_sips, traffic_list *list) {
    for (int32_t a = 0; a < n_sips; a++)
        for (int32_t b = 0; b < n_sips; b++)
            for (int k = 0; k < KB_TRANSFER_COUNT && a != b; k++) {
                bool message = k == KB_TRANSFER_MESSAGE;
                uint32_t src = rig_part(r, KB_IMPL_PE_DMA, a, 0, 0);
                uint32_t dst =
                    rig_part(r, message ? KB_IMPL_PE_CPU : KB_IMPL_HBM, b, 0, message ? 0 : -1);
                traffic_add(list, (kb_transfer_op)k, src, dst, 64 * (1 + (a + 3 * b) % 9));
            }
}

/* All ends, in both modes alike. */
static void nothing_blocks_for_ever(void) {
    static traffic_list lists[2];
    for (size_t i = 0; i < N_SHAPES; i++) {
        const shape *s = &shapes[i];
        int32_t n_sips = s->nx * s->ny;
        for (int mode = 0; mode < 2; mode++) {
            char text[MOST_TEXT], whole[MOST_TEXT + 64];
            traffic_rig t;
            (void)text_of(s, ", buffer_flits: 3, virtual_channels: 2",
                          ", buffer_flits: 2, virtual_channels: 2", text);
            (void)snprintf(whole, sizeof whole, "{fabric: {mode: %s}, %s", mode ? "flit" : "train",
                           text + 1);
            lists[mode].n = 0;
            if (traffic_open(&t, whole)) {
                plan_all_to_all(&t.machine, n_sips, &lists[mode]);
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
    TAP_RUN(goes_the_shorter_way);
    TAP_RUN(uses_both_ways_round);
    TAP_RUN(obeys_law_1);
    TAP_RUN(rings_need_two_channels);
    TAP_RUN(nothing_blocks_for_ever);
    return tap_finish();
}
