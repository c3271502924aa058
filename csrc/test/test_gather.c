/* GATHER against a loop, element by element: every size of element, every axis, indices of every dtype. */
#include "replay_rig.h"

enum { MAX_COUNT = 1 << 12 };

static uint64_t state = 91;
static unsigned char values[MAX_COUNT * 8], places[MAX_COUNT * 8];

/* A tile of `dims` gathered along `axis` to `m` elements there; `worst` is the index of one of them. */
static kb_status gather(kb_dtype dtype, kb_dtype index, int rank, const uint32_t *dims, int axis,
                        uint32_t m, int64_t worst, rig *r) {
    uint32_t to[KB_MAX_RANK];
    size_t count = 1, n_results = 1, nbytes = kb_dtype_nbytes(dtype);
    for (int d = 0; d < rank; d++) {
        to[d] = d == axis ? m : dims[d];
        count *= dims[d];
        n_results *= to[d];
    }
    for (size_t i = 0; i < count * nbytes; i++) values[i] = (unsigned char)rig_random(&state);
    for (size_t i = 0; i < n_results; i++) {
        int64_t at = i == n_results / 2 ? worst : (int64_t)(rig_random(&state) % dims[axis]);
        kb_dtype_convert(index, places + i * kb_dtype_nbytes(index), KB_INT64, &at, 1);
    }
    rig_init(r, NULL);
    rig_load(r, rig_box(dtype, rank, dims, rig_tensor(r, dtype, count, values)), 1, NULL);
    rig_load(r, rig_box(index, rank, to, rig_tensor(r, index, n_results, places)), 2, NULL);
    kb_payload payload = {
        .result = rig_tile(dtype, rank, to, 3), .n_operands = 2, .axis = (uint8_t)axis};
    payload.operand[0] = rig_tile(dtype, rank, dims, 1);
    payload.operand[1] = rig_tile(index, rank, to, 2);
    rig_append(r, KB_OP_GATHER, 0, &payload);
    return rig_run(r);
}

static void check(kb_dtype dtype, kb_dtype index, int rank, const uint32_t *dims, int axis,
                  uint32_t m) {
    rig r;
    if (!CHECK_EQ(gather(dtype, index, rank, dims, axis, m, 0, &r), KB_OK))
        printf("# %s\n", r.err.message);
    size_t nbytes = kb_dtype_nbytes(dtype), inner = 1, outer = 1, wrong = 0;
    for (int d = 0; d < axis; d++) outer *= dims[d];
    for (int d = axis + 1; d < rank; d++) inner *= dims[d];
    int64_t there = 0;
    const unsigned char *got = kb_replay_tile(r.replay, 3, &there);
    CHECK_EQ(there, (int64_t)(outer * m * inner * nbytes));
    for (size_t i = 0; got && i < outer * m * inner; i++) {
        size_t at = (size_t)kb_scalar_load(index, places + i * kb_dtype_nbytes(index));
        size_t from = (i / (m * inner) * dims[axis] + at) * inner + i % inner;
        wrong += memcmp(got + i * nbytes, values + from * nbytes, nbytes) != 0;
    }
    CHECK_EQ(wrong, 0);
    rig_free(&r);
}

static void every_axis_and_size(void) {
    static const kb_dtype dtypes[] = {KB_INT8, KB_FLOAT16, KB_FLOAT32, KB_INT64};
    static const kb_dtype indices[] = {KB_INT32, KB_INT64, KB_UINT8, KB_INT16};
    static const uint32_t shapes[][KB_MAX_RANK] = {{9}, {3, 7}, {2, 5, 4}, {2, 3, 2, 3, 2}};
    static const int ranks[] = {1, 2, 3, 5};
    for (int t = 0; t < 4; t++)
        for (int s = 0; s < 4; s++)
            for (int axis = 0; axis < ranks[s]; axis++)
                for (uint32_t m = 1; m < 12; m += 5)
                    check(dtypes[t], indices[(t + s) % 4], ranks[s], shapes[s], axis, m);
}

static void an_index_outside_is_told(void) {
    static const uint32_t dims[] = {3, 7};
    static const int64_t worst[] = {7, -1, INT64_MIN};
    for (int i = 0; i < 3; i++) {
        rig r;
        CHECK_EQ(gather(KB_FLOAT32, KB_INT64, 2, dims, 1, 4, worst[i], &r), KB_BOUNDS);
        CHECK(strstr(r.err.message, "expected indices from 0 to 6, got") != NULL);
        CHECK_EQ(kb_replay_tiles(r.replay), 2);
        rig_free(&r);
    }
}

static void refuses_what_does_not_fit(void) {
    static const uint32_t dims[] = {2, 3}, other[] = {3, 3};
    const float x[9] = {0};
    for (int i = 0; i < 4; i++) {
        rig r;
        rig_init(&r, NULL);
        rig_load(&r, rig_box(KB_FLOAT32, 2, dims, rig_tensor(&r, KB_FLOAT32, 6, x)), 1, NULL);
        kb_payload payload = {.result = rig_tile(KB_FLOAT32, 2, dims, 2), .n_operands = 2};
        payload.operand[0] = rig_tile(KB_FLOAT32, 2, dims, 1);
        payload.operand[1] = rig_tile(i == 0 ? KB_FLOAT32 : KB_INT32, 2, dims, 1);
        if (i == 1) payload.axis = 2;
        if (i == 2) payload.result = rig_tile(KB_FLOAT32, 2, other, 2);
        if (i == 3) payload.result.dtype = KB_INT32;
        rig_append(&r, KB_OP_GATHER, 0, &payload);
        CHECK_EQ(rig_run(&r), KB_INTERNAL);
        rig_free(&r);
    }
}

int main(void) {
    TAP_RUN(every_axis_and_size);
    TAP_RUN(an_index_outside_is_told);
    TAP_RUN(refuses_what_does_not_fit);
    return tap_finish();
}
