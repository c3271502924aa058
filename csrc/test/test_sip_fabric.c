/* The fabrics between SIPs (ring, mesh, torus, switch): routes, both ways round, ties, law L1 over them, and
 * finite buffers with two channels under more traffic than they carry. */
#include "hw/fabric/audit.h"
#include "hw/traffic.h"
#include "test/hw_rig.h"

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

typedef struct traffic {
    rig machine;
    kb_traffic *traffic;
} traffic;

static bool open_traffic(traffic *t, const char *text) {
    t->traffic = NULL;
    return rig_open(&t->machine, text) &&
           CHECK_EQ(kb_traffic_create(&t->machine.parts, &t->traffic, NULL), KB_OK);
}

static void close_traffic(traffic *t) {
    kb_traffic_destroy(t->traffic);
    rig_close(&t->machine);
}

/* One message on an idle machine: as law L1 says, and flit by flit by hand. */
static void obeys_law_1(void) {
    char text[MOST_TEXT];
    for (size_t i = 0; i < N_SHAPES; i++) {
        traffic t;
        if (open_traffic(&t, text_of(&shapes[i], "", "", text))) {
            int32_t last = shapes[i].nx * shapes[i].ny - 1;
            uint32_t src = rig_part(&t.machine, KB_IMPL_PE_DMA, 0, 0, 0);
            uint32_t dst = rig_part(&t.machine, KB_IMPL_PE_DMA, last - last / 3, 0, 0);
            int64_t nbytes = 64 * 37, at_fs = 5, start_fs, end_fs, there[37] = {0};
            kb_batch batch = {.n = 1,
                              .src = &src,
                              .dst = &dst,
                              .nbytes = &nbytes,
                              .at_fs = &at_fs,
                              .start_fs = &start_fs,
                              .end_fs = &end_fs};
            CHECK_EQ(kb_traffic_submit(t.traffic, &batch, NULL), KB_OK);
            rig_run_well(&t.machine);
            rig_travel(&t.machine, src, dst, KB_ANY_SLICE, there, 37);
            const uint32_t *path;
            uint32_t n_links, number;
            CHECK_EQ(kb_topology_path(t.machine.topology, src, dst, KB_ANY_SLICE, &path, &n_links,
                                      &number, NULL),
                     KB_OK);
            CHECK_EQ(end_fs - at_fs, there[36]);
            CHECK_EQ(end_fs - at_fs, kb_audit_least_fs(t.machine.parts.fabric, path, n_links, 37));
            CHECK_EQ(kb_fabric_audit(t.machine.parts.fabric, NULL), KB_OK);
        }
        close_traffic(&t);
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

/* All SIPs to all others at once, reads and writes of remote memory too: all ends, in both modes alike. */
static void nothing_blocks_for_ever(void) {
    enum { MOST = 4096 };
    static uint32_t src[MOST], dst[MOST];
    static int64_t nbytes[MOST], at_fs[MOST], start_fs[2][MOST], end_fs[2][MOST];
    static uint8_t op[MOST];
    for (size_t i = 0; i < N_SHAPES; i++) {
        const shape *s = &shapes[i];
        int32_t n_sips = s->nx * s->ny;
        size_t n = 0;
        for (int mode = 0; mode < 2; mode++) {
            char text[MOST_TEXT], whole[MOST_TEXT + 64];
            traffic t;
            (void)text_of(s, ", buffer_flits: 3, virtual_channels: 2",
                          ", buffer_flits: 2, virtual_channels: 2", text);
            (void)snprintf(whole, sizeof whole, "{fabric: {mode: %s}, %s", mode ? "flit" : "train",
                           text + 1);
            if (open_traffic(&t, whole)) {
                n = 0;
                for (int32_t a = 0; a < n_sips; a++)
                    for (int32_t b = 0; b < n_sips; b++)
                        for (uint8_t k = 0; k < KB_TRANSFER_COUNT && n < MOST && a != b; k++, n++) {
                            src[n] = rig_part(&t.machine, KB_IMPL_PE_DMA, a, 0, 0);
                            dst[n] = rig_part(&t.machine, KB_IMPL_HBM, b, 0, -1);
                            if (k == KB_TRANSFER_MESSAGE)
                                dst[n] = rig_part(&t.machine, KB_IMPL_PE_CPU, b, 0, 0);
                            op[n] = k;
                            nbytes[n] = 64 * (1 + (a + 3 * b) % 9);
                        }
                kb_batch batch = {.n = n,
                                  .src = src,
                                  .dst = dst,
                                  .nbytes = nbytes,
                                  .at_fs = at_fs,
                                  .op = op,
                                  .start_fs = start_fs[mode],
                                  .end_fs = end_fs[mode]};
                CHECK_EQ(kb_traffic_submit(t.traffic, &batch, NULL), KB_OK);
                rig_run_well(&t.machine);
                CHECK_EQ(batch.n_done, n);
                kb_error err = KB_ERROR_INIT;
                if (!CHECK_EQ(kb_fabric_audit(t.machine.parts.fabric, &err), KB_OK))
                    printf("# %s\n", err.message);
            }
            close_traffic(&t);
        }
        CHECK(memcmp(end_fs[0], end_fs[1], n * sizeof end_fs[0][0]) == 0);
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
