#include "replay_rig.h"

static const kb_operand none;

static void fill_floats(float *values, size_t count) {
    uint64_t state = 1;
    for (size_t i = 0; i < count; i++)
        values[i] = (float)(int64_t)(rig_random(&state) % 2001) / 8 - 125;
}

static void adds_two_vectors(void) {
    rig r;
    rig_init(&r, NULL);
    enum { N = 1000 };
    static float x[N], y[N];
    fill_floats(x, N);
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

/* --- life of tiles --------------------------------------------------------------------------- */

static void frees_tiles_as_the_machine_does(void) {
    rig r;
    rig_init(&r, NULL);
    const uint32_t dims[] = {8};
    const int32_t x[8] = {5};
    kb_va va = rig_tensor(&r, KB_INT32, 8, x);
    rig_load(&r, rig_box(KB_INT32, 1, dims, va), 1, NULL);
    rig_load(&r, rig_box(KB_INT32, 1, dims, va), 2, NULL);
    CHECK_EQ(rig_run(&r), KB_OK);
    CHECK_EQ(kb_replay_tiles(r.replay), 2);
    kb_operand unread = rig_last(rig_tile(KB_INT32, 1, dims, 3)),
               one = rig_tile(KB_INT32, 1, dims, 1);
    rig_op(&r, KB_OP_MATH, KB_MATHOP_ADD, unread, rig_last(one), rig_last(one), none);
    CHECK_EQ(rig_run(&r), KB_OK);
    CHECK_EQ(kb_replay_tiles(r.replay), 1);
    rig_drop(&r, 2);
    CHECK_EQ(rig_run(&r), KB_OK);
    CHECK_EQ(kb_replay_tiles(r.replay), 0);
    rig_drop(&r, 2);
    CHECK_EQ(rig_run(&r), KB_INTERNAL);
    CHECK_STR(r.err.message, "kernel:5: free: there is no tile 2 now (PE 3, program 7)");
    rig_free(&r);
}

static void makes_no_version_twice(void) {
    rig r;
    rig_init(&r, NULL);
    const uint32_t dims[] = {1};
    const int32_t x[] = {5};
    kb_va va = rig_tensor(&r, KB_INT32, 1, x);
    rig_load(&r, rig_box(KB_INT32, 1, dims, va), 1, NULL);
    rig_load(&r, rig_box(KB_INT32, 1, dims, va), 1, NULL);
    CHECK_EQ(rig_run(&r), KB_INTERNAL);
    CHECK_EQ(kb_replay_cursor(r.replay), 1);
    CHECK_EQ(kb_replay_tiles(r.replay), 1);
    rig_free(&r);
}

/* Versions that come and go in many orders stay findable, and their bytes their own. */
static void many_tiles(void) {
    rig r;
    rig_init(&r, NULL);
    enum { N = 3000 };
    static bool alive[N];
    const uint32_t dims[] = {1};
    uint64_t state = 7;
    int64_t n_alive = 0;
    int32_t value = 0;
    kb_va va = rig_tensor(&r, KB_INT32, 1, &value);
    for (int step = 0; step < 20000; step++) {
        uint64_t version = rig_random(&state) % N;
        if (alive[version]) {
            int64_t nbytes;
            const int32_t *tile = kb_replay_tile(r.replay, version, &nbytes);
            CHECK(tile && nbytes == 4 && *tile == (int32_t)version);
            rig_drop(&r, version);
        } else {
            *(int32_t *)rig_bytes(&r, va) = (int32_t)version;
            rig_load(&r, rig_box(KB_INT32, 1, dims, va), version, NULL);
        }
        CHECK_EQ(rig_run(&r), KB_OK);
        alive[version] = !alive[version];
        n_alive += alive[version] ? 1 : -1;
    }
    CHECK_EQ(kb_replay_tiles(r.replay), n_alive);
    rig_free(&r);
}

static void warm_replay_allocates_nothing(void) {
    rig r;
    rig_init(&r, NULL);
    enum { N = 64 };
    static float x[N * N];
    fill_floats(x, N * N);
    const uint32_t dims[] = {N, N};
    kb_va va = rig_tensor(&r, KB_FLOAT32, N * N, x), to = rig_tensor(&r, KB_FLOAT32, N * N, x);
    kb_blockval block = {.block = {.rank = 2, .dtype = KB_FLOAT32, .dims = {N, N, 1, 1, 1}}};
    kb_operand index = rig_operand(KB_OPERAND_BLOCK, KB_FLOAT32, 2, dims);
    index.block = &block;
    uint64_t version = 0, calls = 0;
    for (int round = 0; round < 5; round++, version += 4) {
        kb_operand a = rig_tile(KB_FLOAT32, 2, dims, version + 1), acc = a, c = a, d = a;
        acc.bits++;
        c.bits += 2;
        d.bits += 3;
        rig_load(&r, rig_box(KB_FLOAT32, 2, dims, va), a.bits, NULL);
        rig_op(&r, KB_OP_MATH, KB_MATHOP_ADD, acc, a, index, none);
        rig_op(&r, KB_OP_GEMM, 0, c, a, a, rig_last(acc));
        kb_payload trans = {.result = d, .n_operands = 1, .permutation = 0x01};
        trans.operand[0] = rig_last(a);
        rig_append(&r, KB_OP_TRANS, 0, &trans);
        rig_drop(&r, d.bits);
        rig_store(&r, rig_box(KB_FLOAT32, 2, dims, to), rig_last(c));
        r.alloc.n_calls = 0;
        if (!CHECK_EQ(rig_run(&r), KB_OK)) printf("# %s\n", r.err.message);
        if (round == 1) calls = r.alloc.n_calls;
    }
    CHECK_EQ(calls, 0);
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

/* --- failing allocations --------------------------------------------------------------------- */

static void program(rig *r, kb_va *out) {
    enum { N = 40 };
    static float x[N * N];
    fill_floats(x, N * N);
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
    TAP_RUN(loads_under_a_mask);
    TAP_RUN(loads_and_stores_runs);
    TAP_RUN(stores_scalars_blocks_and_rows);
    TAP_RUN(two_kernels_over_one_tcm_range);
    TAP_RUN(goes_in_slices_and_never_back);
    TAP_RUN(a_log_may_forget);
    TAP_RUN(skips_what_has_no_numbers);
    TAP_RUN(frees_tiles_as_the_machine_does);
    TAP_RUN(makes_no_version_twice);
    TAP_RUN(many_tiles);
    TAP_RUN(warm_replay_allocates_nothing);
    TAP_RUN(reading_unwritten_memory_is_an_error);
    TAP_RUN(reading_unwritten_memory_is_counted);
    TAP_RUN(unmapped_memory_is_a_page_fault);
    TAP_RUN(failed_allocations_are_survived);
    TAP_RUN(failed_creation_leaks_nothing);
    TAP_RUN(options_are_checked);
    TAP_RUN(equal_bits_everywhere);
    return tap_finish();
}
