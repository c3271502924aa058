/* Tiles of a replay: made once, freed as the machine frees them. */
#include "replay_rig.h"

static const kb_operand none;

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
    rig_fill_floats(x, N * N);
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

int main(void) {
    TAP_RUN(frees_tiles_as_the_machine_does);
    TAP_RUN(makes_no_version_twice);
    TAP_RUN(many_tiles);
    TAP_RUN(warm_replay_allocates_nothing);
    return tap_finish();
}
