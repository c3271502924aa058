#include "hw/component/request.h"

#include "test/hw_rig.h"

static const char *const machine =
    "{kernbench: 1, system: {sips: 1, sip: {cubes: [2, 1]}, cube: {pes: 2}}}";

/* --- shapes ----------------------------------------------------------------------------------- */

/* The addresses of a shape's bytes, one by one. */
static size_t walk(const kb_shape *shape, uint64_t *addresses, size_t step) {
    kb_cursor cursor = kb_cursor_begin(shape);
    size_t n = 0;
    uint64_t address, left;
    while ((left = kb_cursor_row(&cursor, &address)) > 0) {
        uint64_t taken = left < step ? left : step;
        for (uint64_t i = 0; i < taken; i++) addresses[n++] = address + i;
        kb_cursor_advance(&cursor, shape, taken);
    }
    return n;
}

/* The same, rows at one stride in one go: n_goes of them. */
static size_t walk_rows(const kb_shape *shape, uint64_t *addresses, size_t *n_goes) {
    kb_cursor cursor = kb_cursor_begin(shape);
    size_t n = 0;
    uint64_t address, left, stride;
    for (*n_goes = 0; (left = kb_cursor_row(&cursor, &address)) > 0; ++*n_goes) {
        uint64_t n_rows = kb_cursor_rows(&cursor, shape, &stride);
        for (uint64_t i = 0; i < n_rows * left; i++)
            addresses[n++] = address + i / left * stride + i % left;
        kb_cursor_skip_rows(&cursor, shape, n_rows);
    }
    return n;
}

static void ranges(void) {
    uint64_t addresses[64];
    kb_request request;
    kb_request_set_range(&request, 1000, 37);
    CHECK_EQ(walk(&request.shape, addresses, 5), 37);
    for (uint64_t i = 0; i < 37; i++) CHECK_EQ(addresses[i], 1000 + i);
    kb_request_set_range(&request, 1000, 0);
    CHECK_EQ(walk(&request.shape, addresses, 5), 0);
}

/* 3 x 4 elements of 2 bytes, rows 100 bytes apart. */
static kb_access block_access(void) {
    return (kb_access){.dtype = KB_FLOAT16,
                       .rank = 2,
                       .dims = {3, 4},
                       .n_elements = 12,
                       .va = 5000,
                       .count = {3, 4},
                       .stride_nbytes = {100, 2}};
}

static void rows(void) {
    uint64_t addresses[64];
    kb_access access = block_access();
    kb_shape shape = kb_shape_access(&access);
    CHECK_EQ(shape.nbytes, 24);
    CHECK_EQ(shape.row_nbytes, 8);
    CHECK_EQ(walk(&shape, addresses, 3), 24);
    for (uint64_t i = 0; i < 24; i++) CHECK_EQ(addresses[i], 5000 + i / 8 * 100 + i % 8);
}

static void rows_at_one_stride_in_one_go(void) {
    uint64_t addresses[64], others[64];
    size_t n_goes;
    kb_access access = {.dtype = KB_FLOAT16,
                        .rank = 3,
                        .dims = {2, 3, 4},
                        .n_elements = 24,
                        .va = 5000,
                        .count = {2, 3, 4},
                        .stride_nbytes = {1000, 100, 2}};
    kb_shape shape = kb_shape_access(&access);
    CHECK_EQ(walk(&shape, addresses, 3), 48);
    CHECK_EQ(walk_rows(&shape, others, &n_goes), 48);
    CHECK_EQ(n_goes, 2);
    CHECK(memcmp(addresses, others, 48 * sizeof *others) == 0);
    kb_cursor cursor = kb_cursor_begin(&shape);
    uint64_t address, stride;
    kb_cursor_advance(&cursor, &shape, 8);
    kb_cursor_advance(&cursor, &shape, 3); /* within the second */
    CHECK_EQ(kb_cursor_rows(&cursor, &shape, &stride), 1);
    kb_cursor_skip_rows(&cursor, &shape, 1);
    CHECK_EQ(kb_cursor_row(&cursor, &address), 8);
    CHECK_EQ(address, 5200);
    CHECK_EQ(kb_cursor_rows(&cursor, &shape, &stride), 1);
}

static void adjacent_rows_are_one(void) {
    kb_access access = block_access();
    access.stride_nbytes[0] = 8;
    kb_shape shape = kb_shape_access(&access);
    CHECK_EQ(shape.n_levels, 0);
    CHECK_EQ(shape.row_nbytes, 24);
}

static void transposed_and_reversed_boxes_go_by_address(void) {
    uint64_t addresses[64];
    kb_access access = block_access();
    access.stride_nbytes[0] = 2;
    access.stride_nbytes[1] = -100;
    kb_shape shape = kb_shape_access(&access);
    CHECK_EQ(walk(&shape, addresses, 64), 24);
    for (uint64_t i = 0; i < 24; i++) CHECK_EQ(addresses[i], 5000 - 300 + i / 6 * 100 + i % 6);
}

static void masks_and_broadcasts(void) {
    uint64_t addresses[64];
    kb_access access = block_access();
    access.lo[0] = 1;
    access.count[0] = 2;
    access.stride_nbytes[1] = 0;
    kb_shape shape = kb_shape_access(&access);
    CHECK_EQ(shape.nbytes, 4);
    CHECK_EQ(walk(&shape, addresses, 64), 4);
    CHECK_EQ(addresses[0], 5100);
    CHECK_EQ(addresses[3], 5201);
    access.n_elements = 0;
    shape = kb_shape_access(&access);
    CHECK_EQ(walk(&shape, addresses, 64), 0);
}

static void runs(void) {
    uint64_t addresses[64];
    kb_run list[] = {{0, 2, 7000}, {2, 1, 100}, {3, 3, 9000}};
    kb_access access = {
        .dtype = KB_FLOAT32, .rank = 1, .dims = {6}, .n_elements = 6, .n_runs = 3, .runs = list};
    kb_shape shape = kb_shape_access(&access);
    CHECK_EQ(walk(&shape, addresses, 64), 24);
    CHECK_EQ(addresses[0], 7000);
    CHECK_EQ(addresses[8], 100);
    CHECK_EQ(addresses[12], 9000);
    CHECK_EQ(addresses[23], 9011);
    size_t n_goes;
    CHECK_EQ(walk_rows(&shape, addresses, &n_goes), 24);
    CHECK_EQ(n_goes, 3);
    CHECK_EQ(addresses[23], 9011);
}

/* --- the protocol ----------------------------------------------------------------------------- */

typedef struct seen {
    int count;
    kb_request last;
} seen;

static void note(void *self, kb_request *request) {
    seen *s = self;
    s->count++;
    s->last = *request;
}

static void reads_and_writes_come_back(void) {
    rig r;
    seen s = {0};
    if (rig_open(&r, machine)) {
        uint32_t dma = rig_part(&r, KB_IMPL_PE_DMA, 0, 1, 0),
                 hbm = rig_part(&r, KB_IMPL_HBM, 0, 0, -1);
        CHECK_EQ(kb_request_range(&r.parts, dma, hbm, false, 4096, 1000, note, &s, 7, &r.err),
                 KB_OK);
        rig_run_well(&r);
        CHECK_EQ(s.count, 1);
        CHECK_EQ(s.last.token, 7);
        CHECK_EQ(s.last.done_fs, kb_sim_now(r.parts.sim));
        CHECK(s.last.memory_start_fs > 0 && s.last.memory_end_fs > s.last.memory_start_fs);
        CHECK_EQ(kb_request_range(&r.parts, dma, hbm, true, 4096, 1000, note, &s, 8, &r.err),
                 KB_OK);
        rig_run_well(&r);
        CHECK_EQ(s.count, 2);
        CHECK_EQ(s.last.token, 8);
        CHECK_EQ(s.last.left, 0);
        CHECK_EQ(kb_requests_count(r.parts.requests), 2);
        kb_fabric_counters n = kb_fabric_count(r.parts.fabric);
        CHECK_EQ(n.messages_sent, 4);
        CHECK_EQ(n.messages_delivered, 4);
        CHECK_EQ(n.bytes_delivered, 2000);
    }
    rig_close(&r);
}

static void bad_ranges(void) {
    rig r;
    if (rig_open(&r, machine)) {
        uint32_t dma = rig_part(&r, KB_IMPL_PE_DMA, 0, 0, 0),
                 hbm = rig_part(&r, KB_IMPL_HBM, 0, 0, -1);
        uint32_t sram = rig_part(&r, KB_IMPL_SRAM, 0, 0, -1);
        const kb_params *params = kb_parts_params(&r.parts);
        uint64_t end = (uint64_t)params->hbm.capacity_nbytes;
        CHECK_EQ(kb_request_range(&r.parts, dma, hbm, false, end, 0, note, NULL, 0, &r.err),
                 KB_BOUNDS);
        CHECK_EQ(kb_request_range(&r.parts, dma, hbm, false, end - 1, 2, note, NULL, 0, &r.err),
                 KB_BOUNDS);
        CHECK_EQ(kb_request_range(&r.parts, dma, hbm, false, end / 2 - 1, 2, note, NULL, 0, &r.err),
                 KB_BOUNDS);
        CHECK_EQ(kb_request_range(&r.parts, dma, sram, true, end, 1, note, NULL, 0, &r.err),
                 KB_BOUNDS);
        uint32_t cpu = rig_part(&r, KB_IMPL_M_CPU, 0, 0, -1);
        CHECK_EQ(kb_request_range(&r.parts, dma, cpu, true, 0, 1, note, NULL, 0, &r.err),
                 KB_INVALID);
        rig_run_well(&r);
        CHECK_EQ(kb_requests_count(r.parts.requests), 0);
    }
    rig_close(&r);
}

static void warm_requests_take_no_memory(void) {
    rig r;
    seen s = {0};
    if (rig_open(&r, machine)) {
        uint32_t dma = rig_part(&r, KB_IMPL_PE_DMA, 0, 0, 0),
                 hbm = rig_part(&r, KB_IMPL_HBM, 0, 0, -1);
        uint64_t n_calls = 0;
        for (int round = 0; round < 4; round++) {
            n_calls = r.alloc.n_calls;
            for (uint64_t i = 0; i < 32; i++)
                CHECK_EQ(kb_request_range(&r.parts, dma, hbm, i % 2 == 0, i * 8192, 3000, note, &s,
                                          i, &r.err),
                         KB_OK);
            rig_run_well(&r);
        }
        CHECK_EQ(r.alloc.n_calls, n_calls);
        CHECK_EQ(s.count, 128);
    }
    rig_close(&r);
}

int main(void) {
    TAP_RUN(ranges);
    TAP_RUN(rows);
    TAP_RUN(rows_at_one_stride_in_one_go);
    TAP_RUN(adjacent_rows_are_one);
    TAP_RUN(transposed_and_reversed_boxes_go_by_address);
    TAP_RUN(masks_and_broadcasts);
    TAP_RUN(runs);
    TAP_RUN(reads_and_writes_come_back);
    TAP_RUN(bad_ranges);
    TAP_RUN(warm_requests_take_no_memory);
    return tap_finish();
}
