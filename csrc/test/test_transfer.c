/* Loads and stores of a replay: masks, runs, blocks, and memory that nobody wrote. */
#include "replay_rig.h"

static void loads_under_a_mask(void) {
    rig r;
    rig_init(&r, NULL);
    float x[8 * 10];
    for (int i = 0; i < 80; i++) x[i] = (float)i;
    kb_va va = rig_tensor(&r, KB_FLOAT32, 80, x);
    const uint32_t dims[] = {4, 6};
    kb_access access = rig_box(KB_FLOAT32, 2, dims, va + 4 * (5 * 10 + 3));
    access.stride_nbytes[0] = 40;
    access.masked = true;
    access.lo[1] = 1;
    access.count[0] = 3;
    access.count[1] = 4;
    access.n_elements = 12;
    access.first_va = va + 4 * 54;
    access.end_va = va + 4 * (74 + 4);
    kb_operand other = rig_scalar(KB_FLOAT32, -2.5);
    rig_load(&r, access, 1, &other);
    rig_load(&r, access, 2, NULL);
    CHECK_EQ(rig_run(&r), KB_OK);
    int64_t nbytes = 0;
    const float *tile = kb_replay_tile(r.replay, 1, &nbytes);
    CHECK_EQ(nbytes, 4 * 24);
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 6; j++) {
            bool on = i < 3 && j >= 1 && j < 5;
            CHECK(tile[i * 6 + j] == (on ? (float)((5 + i) * 10 + 3 + j) : -2.5f));
        }
    tile = kb_replay_tile(r.replay, 2, &nbytes);
    CHECK(tile[0] == 0.0f && tile[23] == 0.0f && tile[1] == 54.0f);
    CHECK(!kb_replay_tile(r.replay, 3, &nbytes));
    rig_free(&r);
}

/* A gather list: lanes 0..1 and 3 from here and there. */
static void loads_and_stores_runs(void) {
    rig r;
    rig_init(&r, NULL);
    const int16_t x[] = {10, 11, 12, 13, 14, 15, 16, 17};
    kb_va from = rig_tensor(&r, KB_INT16, 8, x), to = rig_tensor(&r, KB_INT16, 8, NULL);
    kb_run runs[] = {{0, 2, from + 12}, {3, 1, from + 2}};
    kb_access access = {.dtype = KB_INT16,
                        .rank = 1,
                        .masked = true,
                        .dims = {4, 1, 1, 1, 1},
                        .n_elements = 3,
                        .n_runs = 2,
                        .runs = runs,
                        .first_va = from + 2,
                        .end_va = from + 16};
    kb_operand other = rig_scalar(KB_INT16, -1);
    rig_load(&r, access, 1, &other);
    runs[0].va = to + 6;
    runs[1].va = to;
    access.first_va = to;
    access.end_va = to + 10;
    const uint32_t dims[] = {4};
    rig_store(&r, access, rig_tile(KB_INT16, 1, dims, 1));
    CHECK_EQ(rig_run(&r), KB_OK);
    int64_t nbytes;
    const int16_t *tile = kb_replay_tile(r.replay, 1, &nbytes);
    CHECK(tile[0] == 16 && tile[1] == 17 && tile[2] == -1 && tile[3] == 11);
    const int16_t *y = rig_bytes(&r, to);
    CHECK(y[3] == 16 && y[4] == 17 && y[0] == 11);
    kb_va unwritten;
    CHECK_EQ(kb_store_first_unwritten(r.store, to, 16, &unwritten, NULL), KB_OK);
    CHECK_EQ(unwritten, to + 2);
    CHECK_EQ(kb_store_first_unwritten(r.store, to + 6, 10, &unwritten, NULL), KB_OK);
    CHECK_EQ(unwritten, to + 10);
    rig_free(&r);
}

static void stores_scalars_blocks_and_rows(void) {
    rig r;
    rig_init(&r, NULL);
    const uint32_t dims[] = {3, 4}, row[] = {1, 4}, one[] = {1};
    kb_va a = rig_tensor(&r, KB_INT32, 12, NULL), b = rig_tensor(&r, KB_INT32, 12, NULL);
    kb_va c = rig_tensor(&r, KB_INT32, 12, NULL), d = rig_tensor(&r, KB_FLOAT16, 1, NULL);
    kb_blockval block = {
        .block = {.rank = 2, .dtype = KB_INT32, .dims = {3, 4, 1, 1, 1}, .base = 100}};
    block.block.stride[0] = 10;
    block.block.stride[1] = -1;
    rig_store(&r, rig_box(KB_INT32, 2, dims, a), rig_scalar(KB_INT32, -7));
    kb_operand operand = rig_operand(KB_OPERAND_BLOCK, KB_INT32, 2, dims);
    operand.block = &block;
    rig_store(&r, rig_box(KB_INT32, 2, dims, b), operand);
    rig_load(&r, rig_box(KB_INT32, 2, row, b), 1, NULL);
    rig_store(&r, rig_box(KB_INT32, 2, dims, c), rig_tile(KB_INT32, 2, row, 1));
    kb_access element = rig_box(KB_FLOAT16, 1, one, d);
    element.rank = 0;
    rig_store(&r, element, rig_scalar(KB_FLOAT16, 1.5));
    CHECK_EQ(rig_run(&r), KB_OK);
    const int32_t *x = rig_bytes(&r, a), *y = rig_bytes(&r, b), *z = rig_bytes(&r, c);
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 4; j++) {
            CHECK_EQ(x[i * 4 + j], -7);
            CHECK_EQ(y[i * 4 + j], 100 + 10 * i - j);
            CHECK_EQ(z[i * 4 + j], 100 - j);
        }
    CHECK_EQ(*(const uint16_t *)rig_bytes(&r, d), 0x3e00);
    rig_free(&r);
}

/* --- memory never written -------------------------------------------------------------------- */

/* Of 6 elements 0..1 and 3 are written; a mask leaves lanes 0..3 on. */
static void load_unwritten(rig *r, uint32_t lanes) {
    const uint32_t two[] = {2}, one[] = {1}, six[] = {6};
    kb_va va = rig_tensor(r, KB_FLOAT32, 6, NULL);
    rig_store(r, rig_box(KB_FLOAT32, 1, two, va), rig_scalar(KB_FLOAT32, 4));
    rig_store(r, rig_box(KB_FLOAT32, 1, one, va + 12), rig_scalar(KB_FLOAT32, 5));
    kb_access access = rig_box(KB_FLOAT32, 1, six, va);
    access.masked = lanes < 6;
    access.count[0] = lanes;
    access.n_elements = lanes;
    access.end_va = va + 4 * lanes;
    rig_load(r, access, 1, NULL);
}

static void reading_unwritten_memory_is_an_error(void) {
    rig r;
    rig_init(&r, NULL);
    load_unwritten(&r, 2);
    CHECK_EQ(rig_run(&r), KB_OK);
    rig_free(&r);
    rig_init(&r, NULL);
    load_unwritten(&r, 4);
    CHECK_EQ(rig_run(&r), KB_UNINIT);
    CHECK_STR(
        r.err.message,
        "kernel:3: load: expected memory that was written, got 0x10008 (lane 2), which nobody "
        "ever wrote; write it, mask it, or set uninit (PE 3, program 7)");
    CHECK_EQ(kb_replay_cursor(r.replay), 2);
    CHECK_EQ(kb_replay_tiles(r.replay), 0);
    CHECK_EQ(kb_replay_uninit_reads(r.replay), 0);
    rig_free(&r);
}

static void reading_unwritten_memory_is_counted(void) {
    for (int nan = 0; nan < 2; nan++) {
        rig r;
        kb_replay_options options = {.threads = 1, .uninit_nan = nan};
        rig_init(&r, &options);
        load_unwritten(&r, 6);
        CHECK_EQ(rig_run(&r), KB_OK);
        CHECK_EQ(kb_replay_uninit_reads(r.replay), 3);
        int64_t nbytes;
        const float *tile = kb_replay_tile(r.replay, 1, &nbytes);
        CHECK(tile[0] == 4 && tile[1] == 4 && tile[3] == 5);
        uint32_t unknown = nan ? KB_F32_NAN : 0;
        CHECK_EQ(kb_f32_bits(tile[2]), unknown);
        CHECK_EQ(kb_f32_bits(tile[4]), unknown);
        CHECK_EQ(kb_f32_bits(tile[5]), unknown);
        rig_free(&r);
    }
}

static void unmapped_memory_is_a_page_fault(void) {
    rig r;
    rig_init(&r, NULL);
    const uint32_t dims[] = {4};
    rig_load(&r, rig_box(KB_FLOAT32, 1, dims, 0x123400), 1, NULL);
    CHECK_EQ(rig_run(&r), KB_PAGE_FAULT);
    CHECK(strstr(r.err.message, "kernel:1: ") == r.err.message);
    rig_free(&r);
}

int main(void) {
    TAP_RUN(loads_under_a_mask);
    TAP_RUN(loads_and_stores_runs);
    TAP_RUN(stores_scalars_blocks_and_rows);
    TAP_RUN(reading_unwritten_memory_is_an_error);
    TAP_RUN(reading_unwritten_memory_is_counted);
    TAP_RUN(unmapped_memory_is_a_page_fault);
    return tap_finish();
}
