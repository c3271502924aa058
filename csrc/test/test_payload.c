#include "log/payload.h"

#include "tap.h"

static kb_alloc alloc;
static kb_arena arena;
static kb_error err;
static int64_t words[1 << 12];
static uint32_t n_words;

static void begin(void) {
    alloc = kb_alloc_system();
    kb_arena_init(&arena, &alloc);
    err = (kb_error)KB_ERROR_INIT;
}

static void end(void) {
    kb_arena_deinit(&arena);
    CHECK_EQ(alloc.live_nbytes, 0);
}

static kb_operand tile(uint64_t version, uint32_t m, uint32_t n) {
    return (kb_operand){KB_OPERAND_TILE, KB_FLOAT16, 2, false, {m, n, 1, 1, 1}, version, NULL};
}

static kb_operand scalar(uint64_t bits) {
    return (kb_operand){KB_OPERAND_SCALAR, KB_FLOAT32, 0, false, {1, 1, 1, 1, 1}, bits, NULL};
}

static kb_payload round_trip(kb_opkind kind, const kb_payload *payload) {
    kb_payload read = {0};
    n_words = kb_payload_words(kind, payload);
    if (!CHECK(n_words < 1 << 12)) return read;
    memset(words, 0x77, sizeof words);
    kb_payload_encode(kind, payload, words);
    CHECK_EQ(words[n_words], INT64_C(0x7777777777777777));
    if (!CHECK_EQ(kb_payload_decode(&arena, kind, words, n_words, &read, &err), KB_OK))
        printf("#     %s\n", err.message);
    return read;
}

static void check_operand(const kb_operand *got, const kb_operand *expected) {
    CHECK_EQ(got->kind, expected->kind);
    CHECK_EQ(got->dtype, expected->dtype);
    CHECK_EQ(got->rank, expected->rank);
    CHECK_EQ(got->last_use, expected->last_use);
    CHECK(memcmp(got->dims, expected->dims, sizeof got->dims) == 0);
    CHECK_EQ(got->bits, expected->bits);
}

static void a_gemm(void) {
    begin();
    kb_payload p = {.result = tile(UINT64_C(7) << 40, 128, 64), .n_operands = 3, .precision = 2};
    p.operand[0] = tile(1, 128, 32);
    p.operand[1] = tile(2, 32, 64);
    p.operand[2] = tile(3, 128, 64);
    p.operand[2].last_use = true;
    kb_payload read = round_trip(KB_OP_GEMM, &p);
    check_operand(&read.result, &p.result);
    for (int i = 0; i < 3; i++) check_operand(&read.operand[i], &p.operand[i]);
    CHECK_EQ(read.precision, 2);
    end();
}

static void loads_and_stores(void) {
    begin();
    kb_payload p = {.result = tile(5, 4, 8), .n_operands = 1};
    p.operand[0] = scalar(UINT64_C(0x3ff0000000000000));
    p.access = (kb_access){.dtype = KB_FLOAT16,
                           .rank = 2,
                           .masked = true,
                           .dims = {4, 8, 1, 1, 1},
                           .n_elements = 12,
                           .va = 4096,
                           .lo = {1, 0},
                           .count = {3, 4},
                           .stride_nbytes = {-64, 2},
                           .first_va = 4096 - 192,
                           .end_va = 4096 - 64 + 8};
    kb_payload read = round_trip(KB_OP_DMA_READ, &p);
    check_operand(&read.operand[0], &p.operand[0]);
    CHECK_EQ(read.access.stride_nbytes[0], -64);
    CHECK_EQ(read.access.count[1], 4);
    CHECK_EQ(read.access.lo[0], 1);
    CHECK_EQ(read.access.n_runs, 0);
    CHECK(read.access.masked);
    kb_run runs[3] = {{0, 2, 4096}, {5, 1, 8192}, {7, 1, 64}};
    p.result.kind = KB_OPERAND_NONE;
    p.access.n_runs = 3;
    p.access.runs = runs;
    read = round_trip(KB_OP_DMA_WRITE, &p);
    CHECK_EQ(read.result.kind, KB_OPERAND_NONE);
    CHECK_EQ(read.access.n_runs, 3);
    CHECK(memcmp(read.access.runs, runs, sizeof runs) == 0);
    end();
}

/* Every form of block and mask has the same values on the other side. */
static void blocks_of_every_form(void) {
    static const int64_t vector[5] = {3, 1, 4, 1, 5},
                         dense[15] = {2, 7, 1, 8, 2, 8, 1, 8, 2, 8, 4, 5, 9, 0, 4};
    static const uint8_t bits[5] = {1, 0, 1, 1, 0}, dense_bits[15] = {1, 1, 0, 1};
    begin();
    kb_blockval forms[6] = {{.is_mask = false}};
    for (int i = 0; i < 3; i++)
        forms[i].block = (kb_block){
            .rank = 2, .dtype = KB_INT32, .dims = {3, 5, 1, 1, 1}, .base = -9, .stride = {100, 1}};
    forms[1].block.vector[1] = vector;
    forms[2].block.dense = dense;
    for (int i = 3; i < 6; i++) {
        forms[i].is_mask = true;
        forms[i].mask =
            (kb_mask){.rank = 2, .dims = {3, 5, 1, 1, 1}, .lo = {1, 0}, .hi = {3, 5, 1, 1, 1}};
    }
    forms[3].mask.n_planes = 2;
    forms[3].mask.planes[0] = (kb_plane){{1, -1}, 0};
    forms[3].mask.planes[1] = (kb_plane){{1, 1}, -4};
    forms[4].mask.bits[1] = bits;
    forms[5].mask.dense = dense_bits;
    for (int i = 0; i < 6; i++) {
        int64_t expected[15], got[15];
        kb_payload p = {.result = tile(9, 3, 5), .n_operands = 2};
        p.operand[0] =
            (kb_operand){KB_OPERAND_BLOCK, KB_INT32, 2, false, {3, 5, 1, 1, 1}, 0, &forms[i]};
        p.operand[1] = tile(8, 3, 5);
        kb_payload read = round_trip(KB_OP_MATH, &p);
        if (!CHECK(read.operand[0].block != NULL)) continue;
        kb_block_expand(&forms[i], expected);
        kb_block_expand(read.operand[0].block, got);
        CHECK(memcmp(got, expected, sizeof got) == 0);
        check_operand(&read.operand[1], &p.operand[1]);
    }
    end();
}

static void reductions_transpositions_and_frees(void) {
    begin();
    kb_payload p = {.result = tile(1, 3, 1), .n_operands = 1, .axis = 1, .permutation = 0x43210};
    p.operand[0] = tile(2, 3, 5);
    CHECK_EQ(round_trip(KB_OP_REDUCE, &p).axis, 1);
    CHECK_EQ(round_trip(KB_OP_TRANS, &p).permutation, 0x43210);
    p.result.kind = KB_OPERAND_NONE;
    kb_payload read = round_trip(KB_OP_FREE, &p);
    check_operand(&read.operand[0], &p.operand[0]);
    end();
}

static void the_last_use_is_set_afterwards(void) {
    begin();
    kb_payload p = {.result = tile(4, 2, 2), .n_operands = 3}, read;
    p.operand[0] = tile(1, 2, 2);
    p.operand[1] = scalar(3);
    p.operand[2] = tile(3, 2, 2);
    (void)round_trip(KB_OP_MATH, &p);
    CHECK(kb_payload_set_last_use(words, n_words, 3));
    CHECK(!kb_payload_set_last_use(words, n_words, 9));
    CHECK_EQ(kb_payload_decode(&arena, KB_OP_MATH, words, n_words, &read, &err), KB_OK);
    CHECK(!read.result.last_use && !read.operand[0].last_use && !read.operand[1].last_use);
    CHECK(read.operand[2].last_use);
    CHECK(kb_payload_set_last_use(words, n_words, 4));
    CHECK_EQ(kb_payload_decode(&arena, KB_OP_MATH, words, n_words, &read, &err), KB_OK);
    CHECK(read.result.last_use);
    CHECK(!kb_payload_set_last_use(words, 0, 4));
    end();
}

static void words_that_are_no_payload_are_refused(void) {
    begin();
    static const int64_t vector[5] = {3, 1, 4, 1, 5};
    kb_blockval form = {.is_mask = false};
    form.block =
        (kb_block){.rank = 2, .dtype = KB_INT32, .dims = {3, 5, 1, 1, 1}, .vector = {NULL, vector}};
    kb_payload p = {.result = tile(1, 3, 5), .n_operands = 2}, read;
    p.operand[0] = (kb_operand){KB_OPERAND_BLOCK, KB_INT32, 2, false, {3, 5, 1, 1, 1}, 0, &form};
    p.operand[1] = tile(2, 3, 5);
    (void)round_trip(KB_OP_MATH, &p);
    for (uint32_t n = 0; n < n_words; n++)
        CHECK_EQ(kb_payload_decode(&arena, KB_OP_MATH, words, n, &read, &err), KB_INTERNAL);
    CHECK_EQ(kb_payload_decode(&arena, KB_OP_MATH, words, n_words + 1, &read, &err), KB_INTERNAL);
    CHECK_EQ(kb_payload_decode(&arena, KB_OP_DMA_READ, words, n_words, &read, &err), KB_INTERNAL);
    for (uint32_t i = 0; i < n_words; i++)
        for (int bit = 0; bit < 64; bit++) { /* survived, whatever it says */
            words[i] ^= (int64_t)(UINT64_C(1) << bit);
            kb_status status = kb_payload_decode(&arena, KB_OP_MATH, words, n_words, &read, &err);
            CHECK(status == KB_OK || status == KB_INTERNAL);
            words[i] ^= (int64_t)(UINT64_C(1) << bit);
        }
    kb_arena failing;
    kb_alloc other = kb_alloc_system();
    other.fail_at = 1;
    kb_arena_init(&failing, &other);
    CHECK_EQ(kb_payload_decode(&failing, KB_OP_MATH, words, n_words, &read, &err), KB_NOMEM);
    end();
}

int main(void) {
    TAP_RUN(a_gemm);
    TAP_RUN(loads_and_stores);
    TAP_RUN(blocks_of_every_form);
    TAP_RUN(reductions_transpositions_and_frees);
    TAP_RUN(the_last_use_is_set_afterwards);
    TAP_RUN(words_that_are_no_payload_are_refused);
    return tap_finish();
}
