#include "hw/memory/hbm.h"

#include "base/checked.h"
#include "test/hw_rig.h"

static const char *const machine =
    "{kernbench: 1, system: {sips: 1, sip: {cubes: [2, 1]}, cube: {pes: 2, hbm: {standard: none, pc_hash: none}}}}";

static void note(void *self, kb_request *request) {
    *(kb_request *)self = *request;
}

static int64_t latency_of(rig *r, uint32_t requester, uint32_t memory, bool write, uint64_t address,
                          uint64_t nbytes, kb_request *seen) {
    int64_t start_fs = kb_sim_now(r->parts.sim);
    memset(seen, 0, sizeof *seen);
    CHECK_EQ(kb_request_range(&r->parts, requester, memory, write, address, nbytes, note, seen, 0,
                              &r->err),
             KB_OK);
    rig_run_well(r);
    return seen->done_fs - start_fs;
}

/* --- zero load: exact ------------------------------------------------------------------------- */

/* The default numbers: local port 64 B / 102.4 GB/s = 625,000 fs and 0.5 ns; NI-in 2 ns; PC 64 B / 25.6
 * GB/s = 2.5 ns; request 10, access 33.1, response 5 ns. */
static void one_pc_by_hand(void) {
    rig r;
    kb_request seen;
    if (rig_open(&r, machine)) {
        uint32_t dma = rig_part(&r, KB_IMPL_PE_DMA, 0, 0, 0),
                 hbm = rig_part(&r, KB_IMPL_HBM, 0, 0, -1);
        int64_t port = 625000 + 500000, ni = 2000000, pc = 2500000;
        int64_t fixed = 10000000 + 33100000 + 5000000;
        CHECK_EQ(latency_of(&r, dma, hbm, false, 0, 64, &seen),
                 (ni + port) + fixed + pc + (ni + port));
        CHECK_EQ(latency_of(&r, dma, hbm, false, 0, 256, &seen),
                 (ni + port) + fixed + 4 * pc + port);
        CHECK_EQ(latency_of(&r, dma, hbm, false, 0, 1, &seen),
                 (ni + port) + fixed + (pc + 63) / 64 + (ni + port));
        CHECK_EQ(latency_of(&r, dma, hbm, true, 0, 64, &seen),
                 (ni + port) + fixed + pc + (ni + port));
        CHECK_EQ(seen.memory_end_fs - seen.memory_start_fs, 10000000 + pc + 33100000);
        CHECK_EQ(latency_of(&r, dma, hbm, true, 0, 256, &seen),
                 (ni + port) + fixed + 4 * pc + (ni + port));
    }
    rig_close(&r);
}

/* Any size, any slice, near and far: the definition, flit by flit. */
static int64_t read_law(rig *r, uint32_t requester, uint32_t memory, uint64_t address,
                        int64_t nbytes) {
    static int64_t there[RIG_MAX_FLITS];
    const kb_params_hbm *p = &kb_parts_params(&r->parts)->hbm;
    int64_t n_pes = kb_topology_system(r->topology)->n_pes, slice_pcs = p->pcs / n_pes;
    int64_t free_fs[64] = {0}, ready_fs = 0, request_fs[1] = {0};
    int64_t n_flits = nbytes ? (nbytes + 63) / 64 : 1;
    int64_t slice_nbytes = p->capacity_nbytes / n_pes;
    int32_t slice = (int32_t)((int64_t)address / slice_nbytes);
    rig_travel(r, requester, memory, slice, request_fs, 1);
    for (int64_t f = 0; f < n_flits; f++) {
        int64_t left = kb_min_i64(64, nbytes - f * 64),
                at = (int64_t)address % slice_nbytes + f * 64;
        while (left > 0) {
            int64_t n = kb_min_i64(left, p->interleave_nbytes - at % p->interleave_nbytes), busy_fs;
            int64_t *pc = &free_fs[at / p->interleave_nbytes % slice_pcs];
            CHECK(!kb_ratio_scale(p->pc, n, &busy_fs));
            *pc = kb_max_i64(*pc, request_fs[0] + p->request_fs) + busy_fs;
            ready_fs = kb_max_i64(ready_fs, *pc + p->access_fs);
            left -= n;
            at += n;
        }
        there[f] = ready_fs + p->response_fs;
    }
    rig_travel(r, memory, requester, slice, there, n_flits);
    return there[n_flits - 1];
}

static void zero_load_reads(void) {
    static const int64_t sizes[] = {1, 63, 64, 65, 100, 256, 257, 1000, 4096, 10000, 65536};
    rig r;
    kb_request seen;
    if (rig_open(&r, machine)) {
        uint64_t slice = (uint64_t)kb_parts_params(&r.parts)->hbm.capacity_nbytes / 2;
        uint64_t addresses[] = {0, 100, 4096 + 32, slice, slice + 777};
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
            for (size_t a = 0; a < sizeof addresses / sizeof addresses[0]; a++)
                for (int32_t cube = 0; cube < 2; cube++) {
                    uint32_t dma = rig_part(&r, KB_IMPL_PE_DMA, 0, 0, 1);
                    uint32_t hbm = rig_part(&r, KB_IMPL_HBM, 0, cube, -1);
                    CHECK_EQ(
                        latency_of(&r, dma, hbm, false, addresses[a], (uint64_t)sizes[i], &seen),
                        read_law(&r, dma, hbm, addresses[a], sizes[i]));
                }
    }
    rig_close(&r);
}

/* --- bandwidth -------------------------------------------------------------------------------- */

/* 1 MiB from one slice: its port is as fast as its PCs, so they are busy all the time. */
static void slice_streams_at_its_peak(void) {
    rig r;
    kb_request seen;
    if (rig_open(
            &r,
            "{kernbench: 1, system: {sips: 1, sip: {cubes: [1, 1]}, cube: {pes: 8, hbm: {standard: none}}}}")) {
        uint32_t dma = rig_part(&r, KB_IMPL_PE_DMA, 0, 0, 3),
                 hbm = rig_part(&r, KB_IMPL_HBM, 0, 0, -1);
        uint64_t slice = (uint64_t)kb_parts_params(&r.parts)->hbm.capacity_nbytes / 8;
        (void)latency_of(&r, dma, hbm, false, 3 * slice, 1 << 20, &seen);
        int64_t bytes_fs = (1 << 20) / 1024 * INT64_C(10000000); /* 1 KiB each 10 ns: 102.4 GB/s */
        CHECK(seen.memory_end_fs - seen.memory_start_fs >= bytes_fs);
        CHECK(seen.memory_end_fs - seen.memory_start_fs <= bytes_fs + 48100000);
    }
    rig_close(&r);
}

static void pcs_are_selected_by_address(void) {
    rig plain, hashed;
    bool opened = rig_open(&plain, machine);
    opened = rig_open(&hashed, "{kernbench: 1, system: {sips: 1, sip: {cubes: [1, 1]}, "
                               "cube: {pes: 2, hbm: {standard: none, pc_hash: xor}}}}") &&
             opened;
    if (opened) {
        const kb_hbm *a = kb_parts_find(&plain.parts, KB_IMPL_HBM, 0, 0, -1);
        const kb_hbm *b = kb_parts_find(&hashed.parts, KB_IMPL_HBM, 0, 0, -1);
        for (uint64_t unit = 0; unit < 1000; unit++) {
            CHECK_EQ(kb_hbm_pc(a, 1, unit * 256 + unit % 256), 16 + unit % 16);
            CHECK_EQ(kb_hbm_pc(b, 1, unit * 256), 16 + (unit % 16 ^ unit / 16 % 16 ^ unit / 256));
        }
        /* a power-of-two stride meets one PC, or all of them */
        uint32_t met_plain = 0, met_hashed = 0;
        for (uint64_t i = 0; i < 16; i++) {
            met_plain |= 1u << kb_hbm_pc(a, 0, i * 4096);
            met_hashed |= 1u << kb_hbm_pc(b, 0, i * 4096);
        }
        CHECK_EQ(met_plain, 1);
        CHECK_EQ(met_hashed, 0xFFFF);
    }
    rig_close(&plain);
    rig_close(&hashed);
}

/* Two requests of one PC, sent together: the second waits for the first's bytes. */
static void requests_queue_at_their_pc(void) {
    rig r;
    kb_request first, second;
    if (rig_open(&r, machine)) {
        uint32_t dma = rig_part(&r, KB_IMPL_PE_DMA, 0, 0, 0),
                 hbm = rig_part(&r, KB_IMPL_HBM, 0, 0, -1);
        CHECK_EQ(kb_request_range(&r.parts, dma, hbm, false, 0, 256, note, &first, 0, &r.err),
                 KB_OK);
        CHECK_EQ(kb_request_range(&r.parts, dma, hbm, false, 4096, 256, note, &second, 0, &r.err),
                 KB_OK);
        rig_run_well(&r);
        CHECK_EQ(second.memory_start_fs - first.memory_start_fs, 625000); /* a flit of the port */
        CHECK_EQ(second.memory_end_fs - first.memory_end_fs, 4 * INT64_C(2500000));
        CHECK_EQ(kb_hbm_pc_free_fs(kb_parts_find(&r.parts, KB_IMPL_HBM, 0, 0, -1), 0),
                 first.memory_start_fs + 10000000 + 8 * INT64_C(2500000));
    }
    rig_close(&r);
}

static void memory_alone(void) {
    rig r;
    kb_request seen;
    const char *text =
        "{kernbench: 1, components: [{name: a, impl: endpoint}, "
        "{name: m, impl: hbm, pcs: 4, pc_hash: none, request_ns: 0, response_ns: 0}, "
        "{name: s, impl: sram, GBps: 64, access_ns: 10}], links: ["
        "{from: a, to: m, GBps: 64, latency_ns: 1.0, both: true}, "
        "{from: a, to: s, GBps: 64, latency_ns: 1.0, both: true}]}";
    if (rig_open(&r, text)) {
        uint32_t a = topology_node(r.topology, "a"), m = topology_node(r.topology, "m");
        uint32_t s = topology_node(r.topology, "s");
        int64_t link = 2000000;
        CHECK_EQ(latency_of(&r, a, m, false, 0, 64, &seen), link + 2500000 + 33100000 + link);
        /* the port, 1 ns a flit, is faster than one PC and slower than four */
        CHECK_EQ(latency_of(&r, a, m, false, 0, 256, &seen), link + 4 * 2500000 + 33100000 + link);
        CHECK_EQ(latency_of(&r, a, s, false, 0, 64, &seen), link + 1000000 + 10000000 + link);
        CHECK_EQ(latency_of(&r, a, s, true, 0, 640, &seen), link + 10 * 1000000 + 10000000 + link);
        CHECK_EQ(latency_of(&r, a, m, false, 0, 0, &seen), link + 0 + link);
    }
    rig_close(&r);
}

enum { N_ROUNDS = 60, N_AT_ONCE = 4 };

/* Reads and writes over links slower and faster than a PC, some at the same PCs: when they are served. */
static bool serve_mixed(const char *mode, kb_request seen[N_ROUNDS][N_AT_ONCE]) {
    char text[512];
    rig r;
    (void)snprintf(text, sizeof text,
                   "{kernbench: 1, fabric: {mode: %s}, components: [{name: a, impl: endpoint}, "
                   "{name: b, impl: endpoint}, {name: m, impl: hbm, pcs: 4, pc_hash: none}], "
                   "links: [{from: a, to: m, GBps: 64, latency_ns: 1.0, both: true}, "
                   "{from: b, to: m, GBps: 20, latency_ns: 1.0, both: true}]}",
                   mode);
    bool good = rig_open(&r, text);
    uint64_t random = 1;
    for (int i = 0; good && i < N_ROUNDS; i++) {
        for (int k = 0; k < N_AT_ONCE; k++) {
            random = random * UINT64_C(6364136223846793005) + 1442695040888963407;
            uint32_t from = topology_node(r.topology, k % 2 ? "b" : "a");
            bool even = i % 3 > 0; /* whole flits */
            uint64_t address = (random >> 40 & 1023) & (even ? ~UINT64_C(63) : ~UINT64_C(0));
            uint64_t nbytes = even ? 64 + (random >> 20 & 31) * 64 : 1 + (random >> 20 & 2047);
            good &= kb_request_range(&r.parts, from, topology_node(r.topology, "m"), k != i % 4,
                                     address, nbytes, note, &seen[i][k], 0, &r.err) == KB_OK;
        }
        rig_run_well(&r);
    }
    rig_close(&r);
    return good;
}

/* ADR-0043 D5: a PC serves flits that come as a train as it serves them one by one. */
static void trains_are_served_as_their_flits(void) {
    static kb_request by_train[N_ROUNDS][N_AT_ONCE], by_flit[N_ROUNDS][N_AT_ONCE];
    if (!CHECK(serve_mixed("train", by_train) && serve_mixed("flit", by_flit))) return;
    for (int i = 0; i < N_ROUNDS; i++)
        for (int k = 0; k < N_AT_ONCE; k++) {
            CHECK_EQ(by_train[i][k].memory_end_fs, by_flit[i][k].memory_end_fs);
            CHECK_EQ(by_train[i][k].done_fs, by_flit[i][k].done_fs);
        }
}

int main(void) {
    TAP_RUN(one_pc_by_hand);
    TAP_RUN(zero_load_reads);
    TAP_RUN(slice_streams_at_its_peak);
    TAP_RUN(pcs_are_selected_by_address);
    TAP_RUN(requests_queue_at_their_pc);
    TAP_RUN(memory_alone);
    TAP_RUN(trains_are_served_as_their_flits);
    return tap_finish();
}
