/* The HBM with banks behind messages: times of the whole way, and the same in both modes of the fabric. */
#include "hw/traffic.h"
#include "test/hw_rig.h"

enum { MOST = 4000 };

typedef struct bench {
    rig machine;
    kb_traffic *traffic;
    kb_batch batch;
    uint32_t src[MOST], dst[MOST];
    int64_t nbytes[MOST], at_fs[MOST], start_fs[MOST], end_fs[MOST], commit_fs[MOST];
    uint8_t op[MOST];
    uint64_t addr[MOST];
} bench;

enum { NEAR, FAR, ROUTER, MEMORY };

static bool open_bench(bench *b, const char *mode, const char *keys) {
    char text[1024];
    (void)snprintf(text, sizeof text,
                   "{kernbench: 1, fabric: {mode: %s}, components: [{name: near, impl: endpoint}, "
                   "{name: far, impl: endpoint}, {name: r, impl: transit, overhead_ns: 3}, "
                   "{name: m, impl: hbm, %s}], links: ["
                   "{from: near, to: m, GBps: 64, latency_ns: 1, both: true}, "
                   "{from: far, to: r, GBps: 128, latency_ns: 2, both: true}, "
                   "{from: r, to: m, GBps: 1000, latency_ns: 0.25, both: true}]}",
                   mode, keys);
    memset(b, 0, sizeof *b);
    if (!rig_open(&b->machine, text)) return false;
    b->batch = (kb_batch){.src = b->src,
                          .dst = b->dst,
                          .nbytes = b->nbytes,
                          .at_fs = b->at_fs,
                          .op = b->op,
                          .addr = b->addr,
                          .start_fs = b->start_fs,
                          .end_fs = b->end_fs,
                          .commit_fs = b->commit_fs};
    return CHECK_EQ(kb_traffic_create(&b->machine.parts, &b->traffic, NULL), KB_OK);
}

static void close_bench(bench *b) {
    kb_traffic_destroy(b->traffic);
    rig_close(&b->machine);
}

static size_t add(bench *b, kb_transfer_op op, uint32_t src, uint64_t addr, int64_t nbytes,
                  int64_t at_fs) {
    size_t i = b->batch.n++;
    b->op[i] = (uint8_t)op;
    b->src[i] = src;
    b->dst[i] = MEMORY;
    b->addr[i] = addr;
    b->nbytes[i] = nbytes;
    b->at_fs[i] = at_fs;
    return i;
}

static void run(bench *b) {
    CHECK_EQ(kb_traffic_submit(b->traffic, &b->batch, &b->machine.err), KB_OK);
    rig_run_well(&b->machine);
    CHECK_EQ(b->batch.n_done, b->batch.n);
}

static const kb_dram_stack *stack_of(const bench *b) {
    return kb_hbm_stack(b->machine.parts.components[MEMORY]);
}

/* A link takes 1 ns and 1 ns. */
static void one_request_by_hand(void) {
    static bench b;
    if (open_bench(&b, "train",
                   "standard: HBM3_6400_16Gb_8hi, channels: 1, refresh: none, mapping: [pc, "
                   "bank_group, column, bank, sid, row], request_ns: 10, response_ns: 5")) {
        int64_t way = 2000000, fixed = 15000000, later = 1000000000;
        size_t closed = add(&b, KB_TRANSFER_READ, NEAR, 0, 32, 0);
        size_t hit = add(&b, KB_TRANSFER_READ, NEAR, 0, 32, later);
        size_t conflict = add(&b, KB_TRANSFER_READ, NEAR, 1 << 20, 32, 2 * later);
        size_t both = add(&b, KB_TRANSFER_READ, NEAR, (1 << 20) + 64, 64, 3 * later);
        size_t nothing = add(&b, KB_TRANSFER_READ, NEAR, 0, 0, 4 * later);
        size_t write = add(&b, KB_TRANSFER_WRITE, NEAR, 1 << 20, 32, 5 * later);
        size_t no_write = add(&b, KB_TRANSFER_WRITE, NEAR, 0, 0, 6 * later);
        run(&b);
        CHECK_EQ(b.end_fs[closed], 2 * way + fixed + 33125000);
        CHECK_EQ(b.end_fs[hit] - later, 2 * way + fixed + 13750000);
        CHECK_EQ(b.end_fs[conflict] - 2 * later, 2 * way + fixed + 49375000);
        /* two PCs at once: one has the row open, the other none */
        CHECK_EQ(b.end_fs[both] - 3 * later, 2 * way + fixed + 33125000);
        CHECK_EQ(b.end_fs[nothing] - 4 * later, 2 * way + fixed);
        CHECK_EQ(b.end_fs[write] - 5 * later, 2 * way + fixed + 7500000);
        CHECK_EQ(b.commit_fs[write] - 5 * later, way + 10000000 + 7500000);
        CHECK_EQ(b.end_fs[no_write] - 6 * later, 2 * way + fixed);
    }
    close_bench(&b);
}

/* Law L6: a stream over all PCs, less its refreshes; one PC has its share. */
static void streams_reach_the_peak(void) {
    static bench b;
    if (open_bench(&b, "train", "standard: HBM3, channels: 2")) {
        int64_t nbytes = 4 << 20, peak_fs = nbytes / 4 * 1250000 / 32,
                refreshed_fs = peak_fs * 39 / 35;
        size_t all = add(&b, KB_TRANSFER_READ, FAR, 0, nbytes, 0);
        run(&b);
        CHECK(b.end_fs[all] >= refreshed_fs * 98 / 100);
        CHECK(b.end_fs[all] <= refreshed_fs * 102 / 100);
        const kb_dram_stack *stack = stack_of(&b);
        for (uint32_t pc = 0; pc < 4; pc++)
            CHECK_EQ(stack->pcs[pc]->statistics.reads, nbytes / 32 / 4);
        CHECK(stack->pcs[0]->statistics.hits > nbytes / 32 / 4 * 95 / 100);
    }
    close_bench(&b);
    if (open_bench(&b, "train",
                   "standard: HBM3, channels: 2, refresh: none, mapping: [bank_group, column, "
                   "bank, sid, row, pc]")) {
        size_t one = add(&b, KB_TRANSFER_READ, FAR, 0, 1 << 20, 0);
        run(&b);
        /* row after row in one PC, rotating bank groups: its bus is never idle for long */
        CHECK(b.end_fs[one] >= (1 << 20) / 32 * INT64_C(1250000));
        CHECK(b.end_fs[one] <= (1 << 20) / 32 * INT64_C(1250000) * 102 / 100);
        CHECK_EQ(stack_of(&b)->pcs[1]->statistics.reads, 0);
    }
    close_bench(&b);
}

static uint32_t random_next(uint64_t *state) {
    *state = *state * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return (uint32_t)(*state >> 33);
}

static void add_random(bench *b, uint64_t seed) {
    uint64_t state = seed, focus = UINT64_C(1) << (8 + seed % 16);
    int64_t at_fs = 0;
    for (int i = 0; i < 600; i++) {
        if (random_next(&state) % 3 == 0) at_fs += random_next(&state) % 30000000;
        uint64_t addr = random_next(&state) % focus;
        if (random_next(&state) % 8 == 0) addr = (uint64_t)random_next(&state) % (1u << 29);
        int64_t nbytes = random_next(&state) % (random_next(&state) % 4 ? 200 : 5000);
        kb_transfer_op op =
            random_next(&state) % 10 < 1 + seed % 9 ? KB_TRANSFER_READ : KB_TRANSFER_WRITE;
        (void)add(b, op, random_next(&state) % 2 ? FAR : NEAR, addr, nbytes, at_fs);
    }
}

static void both_modes_agree(void) {
    static const char *const kinds[] = {
        "standard: HBM3, channels: 1", "standard: HBM3, channels: 2, request_ns: 0, response_ns: 0",
        "standard: HBM2, channels: 1, refresh: per_bank, queue: 8",
        "standard: HBM3E, channels: 1, refresh: none, mapping: [pc, bank_group, column, bank, sid, "
        "row], request_ns: 0",
        "pcs: 2, pc_hash: none"};
    static bench trains, flits;
    for (uint64_t seed = 0; seed < 60; seed++) {
        bool opened = open_bench(&trains, "train", kinds[seed % 5]);
        opened = open_bench(&flits, "flit", kinds[seed % 5]) && opened;
        if (opened) {
            add_random(&trains, seed);
            add_random(&flits, seed);
            run(&trains);
            run(&flits);
            if (!CHECK(memcmp(trains.end_fs, flits.end_fs, sizeof trains.end_fs) == 0))
                printf("#     seed %d\n", (int)seed);
            CHECK(memcmp(trains.commit_fs, flits.commit_fs, sizeof trains.commit_fs) == 0);
            int64_t read = 0, written = 0;
            const kb_dram_stack *stack = stack_of(&trains);
            for (uint32_t pc = 0; stack && pc < stack->n_pcs; pc++) {
                read += stack->pcs[pc]->statistics.reads;
                written += stack->pcs[pc]->statistics.writes;
                CHECK(kb_dram_pc_is_idle(stack->pcs[pc]));
            }
            if (stack) CHECK(read > 0 && written > 0);
        }
        close_bench(&trains);
        close_bench(&flits);
    }
}

/* Whatever allocation fails, it is an error, and nothing is lost or leaks. */
static void survives_failing_allocations(void) {
    static bench b;
    bool done = false;
    for (uint64_t more = 1; !done && more < 4000; more += 1 + more / 16) {
        if (open_bench(&b, "train", "standard: HBM3, channels: 1")) {
            add_random(&b, 3);
            b.machine.alloc.fail_at = b.machine.alloc.n_calls + more;
            kb_status status = kb_traffic_submit(b.traffic, &b.batch, &b.machine.err);
            if (status == KB_OK) status = rig_run(&b.machine);
            CHECK(status == KB_OK || status == KB_NOMEM);
            done = status == KB_OK;
            b.machine.alloc.fail_at = 0;
        }
        close_bench(&b);
    }
    CHECK(done);
}

int main(void) {
    TAP_RUN(one_request_by_hand);
    TAP_RUN(streams_reach_the_peak);
    TAP_RUN(both_modes_agree);
    TAP_RUN(survives_failing_allocations);
    return tap_finish();
}
