/* A replay: its order, slices, failures and options. */
#include "replay_rig.h"

static const kb_operand none;

static void adds_two_vectors(void) {
    rig r;
    rig_init(&r, NULL);
    enum { N = 1000 };
    static float x[N], y[N];
    rig_fill_floats(x, N);
    for (int i = 0; i < N; i++) y[i] = x[N - 1 - i] * 3;
    const uint32_t dims[] = {N};
    kb_va vx = rig_tensor(&r, KB_FLOAT32, N, x), vy = rig_tensor(&r, KB_FLOAT32, N, y);
    kb_va vz = rig_tensor(&r, KB_FLOAT32, N, NULL);
    rig_load(&r, rig_box(KB_FLOAT32, 1, dims, vx), 1, NULL);
    rig_load(&r, rig_box(KB_FLOAT32, 1, dims, vy), 2, NULL);
    rig_op(&r, KB_OP_MATH, KB_MATHOP_ADD, rig_tile(KB_FLOAT32, 1, dims, 3),
           rig_last(rig_tile(KB_FLOAT32, 1, dims, 1)), rig_last(rig_tile(KB_FLOAT32, 1, dims, 2)),
           none);
    rig_store(&r, rig_box(KB_FLOAT32, 1, dims, vz), rig_last(rig_tile(KB_FLOAT32, 1, dims, 3)));
    CHECK_EQ(kb_replay_cursor(r.replay), 0);
    CHECK_EQ(rig_run(&r), KB_OK);
    CHECK_EQ(kb_replay_cursor(r.replay), 4);
    CHECK_EQ(kb_replay_tiles(r.replay), 0);
    const float *z = rig_bytes(&r, vz);
    for (int i = 0; i < N; i++) CHECK(z[i] == x[i] + y[i]);
    CHECK_EQ(kb_store_find(r.store, vz)->written, KB_WRITTEN_ALL);
    rig_free(&r);
}

/* A box that its mask clips, out of the middle of a matrix. */
/* --- order ----------------------------------------------------------------------------------- */

/* Law L11: two kernels that had one TCM range, replayed only when both have ended.  The first one's
 * store completes late, when the second has long made its tile; by versions each keeps its own
 * bytes. */
static void two_kernels_over_one_tcm_range(void) {
    rig r;
    rig_init(&r, NULL);
    const uint32_t dims[] = {4};
    const float x[] = {1, 2, 3, 4}, y[] = {10, 20, 30, 40};
    kb_va vx = rig_tensor(&r, KB_FLOAT32, 4, x), vy = rig_tensor(&r, KB_FLOAT32, 4, y);
    kb_va first = rig_tensor(&r, KB_FLOAT32, 4, NULL), second = rig_tensor(&r, KB_FLOAT32, 4, NULL);
    rig_load(&r, rig_box(KB_FLOAT32, 1, dims, vx), 1, NULL);
    rig_load(&r, rig_box(KB_FLOAT32, 1, dims, vy), 2, NULL);
    rig_store(&r, rig_box(KB_FLOAT32, 1, dims, vx), rig_tile(KB_FLOAT32, 1, dims, 2));
    rig_store(&r, rig_box(KB_FLOAT32, 1, dims, first), rig_last(rig_tile(KB_FLOAT32, 1, dims, 1)));
    rig_store(&r, rig_box(KB_FLOAT32, 1, dims, second), rig_last(rig_tile(KB_FLOAT32, 1, dims, 2)));
    CHECK_EQ(rig_run(&r), KB_OK);
    CHECK(memcmp(rig_bytes(&r, first), x, sizeof x) == 0);
    CHECK(memcmp(rig_bytes(&r, second), y, sizeof y) == 0);
    CHECK(memcmp(rig_bytes(&r, vx), y, sizeof y) == 0);
    CHECK_EQ(kb_replay_tiles(r.replay), 0);
    rig_free(&r);
}

static void goes_in_slices_and_never_back(void) {
    rig r;
    rig_init(&r, NULL);
    const uint32_t dims[] = {100};
    kb_va va = rig_tensor(&r, KB_INT8, 100, NULL);
    for (int i = 0; i < 10; i++)
        rig_store(&r, rig_box(KB_INT8, 1, dims, va), rig_scalar(KB_INT8, i));
    CHECK_EQ(kb_replay_run(r.replay, 10, 1, &r.err), KB_OK);
    CHECK_EQ(kb_replay_cursor(r.replay), 1);
    CHECK_EQ(kb_replay_run(r.replay, 10, 250, &r.err), KB_OK);
    CHECK_EQ(kb_replay_cursor(r.replay), 4);
    CHECK_EQ(*(const int8_t *)rig_bytes(&r, va), 3);
    CHECK_EQ(kb_replay_run(r.replay, 2, INT64_MAX, &r.err), KB_OK);
    CHECK_EQ(kb_replay_cursor(r.replay), 4);
    CHECK_EQ(kb_replay_run(r.replay, 1000, INT64_MAX, &r.err), KB_OK);
    CHECK_EQ(kb_replay_cursor(r.replay), 10);
    CHECK_EQ(*(const int8_t *)rig_bytes(&r, va), 9);
    rig_free(&r);
}

/* A log that forgets what replay has passed gives the same numbers, and does not grow. */
static void a_log_may_forget(void) {
    rig r;
    rig_init(&r, NULL);
    kb_replay_destroy(r.replay);
    kb_oplog_destroy(r.log);
    const kb_replay_options options = {.threads = 1};
    const uint32_t dims[] = {2};
    const int32_t x[2] = {0, 10};
    CHECK_EQ(kb_oplog_create(&r.alloc, KB_OPLOG_HASH, &r.log, &r.err), KB_OK);
    CHECK_EQ(kb_replay_create(&r.alloc, r.log, r.store, &options, &r.replay, &r.err), KB_OK);
    kb_va va = rig_tensor(&r, KB_INT32, 2, x);
    enum { ROUNDS = 30000 };
    int64_t early = 0;
    for (uint64_t i = 0; i < ROUNDS; i++) {
        kb_operand a = rig_tile(KB_INT32, 1, dims, 2 * i);
        kb_operand b = rig_tile(KB_INT32, 1, dims, 2 * i + 1);
        rig_load(&r, rig_box(KB_INT32, 1, dims, va), a.bits, NULL);
        rig_op(&r, KB_OP_MATH, KB_MATHOP_ADD, b, rig_last(a), rig_scalar(KB_INT32, 1), none);
        rig_store(&r, rig_box(KB_INT32, 1, dims, va), rig_last(b));
        if (i % 100 == 99) CHECK_EQ(rig_run(&r), KB_OK);
        if (i == ROUNDS / 2) early = kb_oplog_nbytes(r.log);
    }
    CHECK_EQ(((const int32_t *)rig_bytes(&r, va))[1], ROUNDS + 10);
    CHECK(kb_oplog_nbytes(r.log) <= early * 3 / 2);
    rig_free(&r);
}

static void skips_what_has_no_numbers(void) {
    rig r;
    rig_init(&r, NULL);
    static const kb_opkind kinds[] = {KB_OP_COPY_IN, KB_OP_COPY_OUT, KB_OP_LAUNCH, KB_OP_PROGRAM,
                                      KB_OP_MESSAGE};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        kb_record record = {.kind = (uint8_t)kinds[i], .kernel = -1, .pe = -1};
        CHECK_EQ(kb_oplog_append(r.log, &record, NULL, 0, NULL), KB_OK);
    }
    CHECK_EQ(rig_run(&r), KB_OK);
    CHECK_EQ(kb_replay_cursor(r.replay), 5);
    rig_free(&r);
}

/* --- failing allocations --------------------------------------------------------------------- */

static void program(rig *r, kb_va *out) {
    enum { N = 40 };
    static float x[N * N];
    rig_fill_floats(x, N * N);
    const uint32_t dims[] = {N, N}, row[] = {N};
    kb_va va = rig_tensor(r, KB_FLOAT32, N * N, x);
    kb_va vh = rig_tensor(r, KB_FLOAT16, N * N, NULL);
    *out = rig_tensor(r, KB_FLOAT32, N, NULL);
    kb_operand a = rig_tile(KB_FLOAT32, 2, dims, 1), h = rig_tile(KB_FLOAT16, 2, dims, 2);
    kb_operand g = rig_tile(KB_FLOAT16, 2, dims, 3), acc = rig_tile(KB_FLOAT32, 2, dims, 4);
    kb_operand sum = rig_tile(KB_FLOAT32, 1, row, 6);
    rig_load(r, rig_box(KB_FLOAT32, 2, dims, va), 1, NULL);
    rig_op(r, KB_OP_MATH, KB_MATHOP_CAST, h, a, none, none);
    rig_store(r, rig_box(KB_FLOAT16, 2, dims, vh), h);
    rig_op(r, KB_OP_GEMM, 0, g, h, h, none);
    rig_op(r, KB_OP_GEMM, 0, acc, rig_last(h), rig_last(g), a);
    kb_operand in_place = acc;
    in_place.bits = 5;
    rig_op(r, KB_OP_GEMM, 0, in_place, a, a, rig_last(acc));
    kb_payload payload = {.result = sum, .n_operands = 1, .axis = 1};
    payload.operand[0] = rig_last(in_place);
    rig_append(r, KB_OP_REDUCE, KB_REDUCEOP_SUM, &payload);
    rig_store(r, rig_box(KB_FLOAT32, 1, row, *out), rig_last(sum));
    rig_drop(r, 1);
}

/* Each allocation of the replay fails once; going on afterwards gives the same bytes. */
static void failed_allocations_are_survived(void) {
    uint8_t expected[160];
    uint64_t n_calls = 0;
    for (uint64_t fail = 0; fail <= n_calls; fail++) {
        rig r;
        kb_va out;
        rig_init(&r, NULL);
        program(&r, &out);
        r.alloc.n_calls = 0;
        r.alloc.fail_at = fail;
        kb_status status = rig_run(&r);
        CHECK_EQ(status, fail ? KB_NOMEM : KB_OK);
        if (fail == 0) n_calls = r.alloc.n_calls;
        if (status) CHECK_EQ(rig_run(&r), KB_OK);
        CHECK_EQ(kb_replay_tiles(r.replay), 0);
        if (fail == 0) memcpy(expected, rig_bytes(&r, out), sizeof expected);
        CHECK(memcmp(expected, rig_bytes(&r, out), sizeof expected) == 0);
        rig_free(&r);
    }
    CHECK(n_calls > 10);
}

static void failed_creation_leaks_nothing(void) {
    for (uint64_t fail = 1; fail < 10; fail++) {
        kb_alloc alloc = kb_alloc_system();
        kb_replay_options options = {.threads = 2};
        kb_replay *replay = NULL;
        alloc.fail_at = fail;
        kb_status status = kb_replay_create(&alloc, NULL, NULL, &options, &replay, NULL);
        CHECK(status == KB_NOMEM || status == KB_OK);
        kb_replay_destroy(replay);
        CHECK_EQ(alloc.live_nbytes, 0);
    }
}

static void options_are_checked(void) {
    kb_alloc alloc = kb_alloc_system();
    kb_replay *replay = NULL;
    kb_error err = KB_ERROR_INIT;
    kb_replay_options options = {.threads = 0};
    CHECK_EQ(kb_replay_create(&alloc, NULL, NULL, &options, &replay, &err), KB_INVALID);
    options = (kb_replay_options){.threads = 1, .isa = "mmx"};
    CHECK_EQ(kb_replay_create(&alloc, NULL, NULL, &options, &replay, &err), KB_INVALID);
    options.isa = "portable";
    if (!CHECK_EQ(kb_replay_create(&alloc, NULL, NULL, &options, &replay, &err), KB_OK)) return;
    CHECK_STR(kb_replay_isa(replay), "portable");
    kb_replay_destroy(replay);
    kb_replay_destroy(NULL);
    CHECK_EQ(alloc.live_nbytes, 0);
}

/* The same bits from every instruction set, at one and at three threads. */
static void equal_bits_everywhere(void) {
    uint8_t expected[160];
    for (int i = 0; rig_isa(i); i++)
        for (int threads = 1; threads <= 3; threads += 2) {
            rig r;
            kb_va out;
            kb_replay_options options = {
                .threads = threads, .uninit_error = true, .isa = rig_isa(i)};
            rig_init(&r, &options);
            CHECK_STR(kb_replay_isa(r.replay), rig_isa(i));
            program(&r, &out);
            CHECK_EQ(rig_run(&r), KB_OK);
            if (i == 0 && threads == 1) memcpy(expected, rig_bytes(&r, out), sizeof expected);
            CHECK(memcmp(expected, rig_bytes(&r, out), sizeof expected) == 0);
            rig_free(&r);
        }
}

int main(void) {
    TAP_RUN(adds_two_vectors);
    TAP_RUN(two_kernels_over_one_tcm_range);
    TAP_RUN(goes_in_slices_and_never_back);
    TAP_RUN(a_log_may_forget);
    TAP_RUN(skips_what_has_no_numbers);
    TAP_RUN(failed_allocations_are_survived);
    TAP_RUN(failed_creation_leaks_nothing);
    TAP_RUN(options_are_checked);
    TAP_RUN(equal_bits_everywhere);
    return tap_finish();
}
