#include "base/alloc.h"
#include "base/arena.h"
#include "base/checked.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/pages.h"
#include "base/status.h"
#include "base/vec.h"
#include "test/tap.h"

static void status_names(void) {
    CHECK_EQ(KB_OK, 0);
    CHECK_STR(kb_status_name(KB_OK), "ok");
    CHECK_STR(kb_status_name(KB_NOMEM), "out-of-host-memory");
    CHECK_STR(kb_status_name(KB_RACE), "race");
    CHECK_STR(kb_status_name(KB_STATUS_COUNT), "unknown-status");
    CHECK_STR(kb_status_name((kb_status)-1), "unknown-status");
    CHECK_STR(kb_status_exception(KB_NOMEM), "MemoryError");
    CHECK_STR(kb_status_exception(KB_PAGE_FAULT), "PageFaultError");
    CHECK_STR(kb_status_exception(KB_STATUS_COUNT), "KernbenchError");
    for (int a = 0; a < KB_STATUS_COUNT; a++)
        for (int b = 0; b < a; b++)
            CHECK(strcmp(kb_status_name((kb_status)a), kb_status_name((kb_status)b)) != 0);
}

static void errors_wrap(void) {
    kb_error err = KB_ERROR_INIT;
    CHECK_EQ(kb_error_set(&err, KB_INVALID, "expected %d, got %d", 1, 2), KB_INVALID);
    CHECK_STR(err.message, "expected 1, got 2");
    CHECK_EQ(kb_error_wrap(&err, "links[%d]", 7), KB_INVALID);
    CHECK_EQ(kb_error_wrap(&err, "%s", "mesh.yaml:3:5"), KB_INVALID);
    CHECK_STR(err.message, "mesh.yaml:3:5: links[7]: expected 1, got 2");
    CHECK_EQ(kb_error_set(&err, KB_BUSY, "again"), KB_BUSY);
    CHECK_STR(err.message, "again");
    CHECK_EQ(err.status, KB_BUSY);
    CHECK_EQ(kb_error_nomem(&err, "the event queue"), KB_NOMEM);
    CHECK(strstr(err.message, "the event queue") != NULL);
    CHECK_EQ(kb_error_set(NULL, KB_BOUNDS, "nobody reads this"), KB_BOUNDS);
    CHECK(kb_error_wrap(NULL, "nor this") != KB_OK);
}

static void errors_are_cut_and_never_overrun(void) {
    struct {
        kb_error err;
        char guard[64];
    } box = {.err = KB_ERROR_INIT};
    char text[2 * KB_ERROR_CAPACITY];
    memset(box.guard, 'g', sizeof box.guard);
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    CHECK_EQ(kb_error_set(&box.err, KB_INVALID, "%s", text), KB_INVALID);
    CHECK_EQ(strlen(box.err.message), KB_ERROR_CAPACITY - 1);
    CHECK_EQ(kb_error_wrap(&box.err, "where"), KB_INVALID);
    CHECK_EQ(strlen(box.err.message), KB_ERROR_CAPACITY - 1);
    CHECK(strncmp(box.err.message, "where: xxx", 10) == 0);
    for (int i = 0; i < 4; i++) {
        CHECK_EQ(kb_error_wrap(&box.err, "%s", text), KB_INVALID);
        CHECK(memchr(box.err.message, '\0', KB_ERROR_CAPACITY) != NULL);
    }
    for (size_t i = 0; i < sizeof box.guard; i++) CHECK_EQ(box.guard[i], 'g');
}

static kb_status forwards(kb_status status, bool *went_on) {
    KB_TRY(status);
    *went_on = true;
    return KB_OK;
}

static void try_forwards_failures(void) {
    bool went_on = false;
    CHECK_EQ(forwards(KB_TYPE, &went_on), KB_TYPE);
    CHECK(!went_on);
    CHECK_EQ(forwards(KB_OK, &went_on), KB_OK);
    CHECK(went_on);
}

static void allocator_counts_and_fails(void) {
    kb_alloc alloc = kb_alloc_system();
    unsigned char *block = kb_alloc_zeroed(&alloc, 10, 3);
    if (!CHECK(block != NULL)) return;
    for (int i = 0; i < 30; i++) CHECK_EQ(block[i], 0);
    CHECK_EQ(alloc.live_nbytes, 30);
    memset(block, 7, 30);
    alloc.fail_at = alloc.n_calls + 1;
    CHECK(kb_alloc_resize(&alloc, block, 10, 20, 3) == NULL);
    CHECK_EQ(block[29], 7);
    CHECK_EQ(alloc.live_nbytes, 30);
    unsigned char *grown = kb_alloc_resize(&alloc, block, 10, 20, 3);
    if (!CHECK(grown != NULL)) grown = block;
    CHECK_EQ(grown[29], 7);
    CHECK_EQ(alloc.live_nbytes, 60);
    CHECK_EQ(alloc.n_calls, 3);
    kb_alloc_free(&alloc, grown, 20, 3);
    kb_alloc_free(&alloc, NULL, 20, 3);
    CHECK_EQ(alloc.live_nbytes, 0);
    CHECK_EQ(alloc.peak_nbytes, 60);
    CHECK(kb_alloc_zeroed(&alloc, SIZE_MAX / 2, 3) == NULL);
    CHECK(kb_alloc_zeroed(&alloc, SIZE_MAX, 1) == NULL);
    void *empty = kb_alloc_zeroed(&alloc, 0, 8);
    CHECK(empty != NULL);
    kb_alloc_free(&alloc, empty, 0, 8);
    CHECK_EQ(alloc.live_nbytes, 0);
}

static void *dirty_resize(void *user, void *block, size_t old_nbytes, size_t new_nbytes) {
    kb_alloc *inner = user;
    if (new_nbytes == 0) {
        kb_alloc_free(inner, block, old_nbytes, 1);
        return NULL;
    }
    unsigned char *grown = kb_alloc_resize(inner, block, old_nbytes, new_nbytes, 1);
    if (grown) memset(grown + old_nbytes, 0xee, new_nbytes - old_nbytes);
    return grown;
}

static void a_users_allocator_is_zeroed_too(void) {
    kb_alloc inner = kb_alloc_system();
    kb_alloc alloc = {.resize = dirty_resize, .user = &inner};
    unsigned char *block = kb_alloc_zeroed(&alloc, 4, 4);
    if (!CHECK(block != NULL)) return;
    for (int i = 0; i < 16; i++) CHECK_EQ(block[i], 0);
    kb_alloc_free(&alloc, block, 4, 4);
    CHECK_EQ(alloc.live_nbytes, 0);
    CHECK_EQ(inner.live_nbytes, 0);
}

/* Blocks of all sizes, small and large, live beside each other, grow, shrink and are made anew. */
static void paged_blocks_are_zeroed_and_apart(void) {
    enum { N = 64, ROUNDS = 40 };
    kb_pages *pages = kb_pages_create();
    if (!CHECK(pages != NULL)) return;
    kb_alloc alloc = kb_alloc_paged(pages);
    unsigned char *blocks[N] = {0};
    size_t sizes[N] = {0}, n_dirty = 0, n_changed = 0;
    for (size_t round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i < N; i++) {
            size_t wanted =
                (1 + i * i * 37 + round * round * 1001) % (i == 0 ? 6000000 : 70000) + 1;
            size_t kept = sizes[i] < wanted ? sizes[i] : wanted;
            bool anew = (i + round) % 3 == 0;
            if (anew) kb_alloc_free(&alloc, blocks[i], sizes[i], 1);
            unsigned char *block = anew || !blocks[i]
                                       ? kb_alloc_zeroed(&alloc, wanted, 1)
                                       : kb_alloc_resize(&alloc, blocks[i], sizes[i], wanted, 1);
            if (!CHECK(block != NULL)) return;
            CHECK_EQ((uintptr_t)block % 16, 0);
            if (anew || !blocks[i]) kept = 0;
            for (size_t at = 0; at < kept; at++) n_changed += block[at] != i + 1;
            for (size_t at = 0; at < wanted && kept == 0; at++) n_dirty += block[at] != 0;
            memset(block, (int)i + 1, wanted);
            blocks[i] = block;
            sizes[i] = wanted;
        }
    }
    CHECK_EQ(n_dirty, 0);
    CHECK_EQ(n_changed, 0);
    for (size_t i = 0; i < N; i++) kb_alloc_free(&alloc, blocks[i], sizes[i], 1);
    CHECK_EQ(alloc.live_nbytes, 0);
    kb_pages_destroy(pages);
    kb_pages_destroy(NULL);
}

static void arena_blocks_are_aligned_zeroed_and_apart(void) {
    kb_alloc alloc = kb_alloc_system();
    kb_arena arena;
    kb_arena_init(&arena, &alloc);
    unsigned char *blocks[200];
    for (size_t i = 0; i < 200; i++) {
        size_t nbytes = 1 + i * i % 5000;
        blocks[i] = kb_arena_take(&arena, nbytes, 1);
        if (!CHECK(blocks[i] != NULL)) break;
        CHECK_EQ((uintptr_t)blocks[i] % 16, 0);
        size_t n_dirty = 0;
        for (size_t at = 0; at < nbytes; at++) n_dirty += blocks[i][at] != 0;
        CHECK_EQ(n_dirty, 0);
        memset(blocks[i], (int)i, nbytes);
    }
    for (size_t i = 0; i < 200; i++) {
        size_t nbytes = 1 + i * i % 5000, n_changed = 0;
        for (size_t at = 0; at < nbytes; at++) n_changed += blocks[i][at] != i;
        CHECK_EQ(n_changed, 0);
    }
    CHECK(kb_arena_take(&arena, 1, 1 << 20) != NULL);
    CHECK(kb_arena_take(&arena, 0, 8) != NULL);
    CHECK(kb_arena_take(&arena, SIZE_MAX / 4, 8) == NULL);
    CHECK(kb_arena_take(&arena, SIZE_MAX - 8, 1) == NULL);
    CHECK_STR(kb_arena_copy_text(&arena, "sip0.cube1", 4), "sip0");
    CHECK_STR(kb_arena_copy_text(&arena, "", 0), "");
    kb_arena_deinit(&arena);
    kb_arena_deinit(&arena);
    CHECK_EQ(alloc.live_nbytes, 0);
}

static void arena_survives_each_failing_allocation(void) {
    enum { N_BLOCKS = 20, NBYTES = 40 * 1024 };
    for (uint64_t fail_at = 1; fail_at <= N_BLOCKS + 1; fail_at++) {
        kb_alloc alloc = kb_alloc_system();
        kb_arena arena;
        int n_failed = 0;
        alloc.fail_at = fail_at;
        kb_arena_init(&arena, &alloc);
        for (int i = 0; i < N_BLOCKS; i++) {
            char *block = kb_arena_take(&arena, NBYTES, 1);
            if (block) memset(block, i, NBYTES);
            else n_failed++;
        }
        CHECK_EQ(n_failed, fail_at <= N_BLOCKS);
        kb_arena_deinit(&arena);
        CHECK_EQ(alloc.live_nbytes, 0);
    }
}

static void vec_grows_and_survives_failure(void) {
    kb_alloc alloc = kb_alloc_system();
    KB_VEC(int64_t) numbers = {0};
    for (int64_t i = 0; i < 1000; i++) {
        int64_t *slot = KB_VEC_PUSH(&numbers, &alloc);
        if (!CHECK(slot != NULL)) return;
        *slot = i * i;
    }
    CHECK_EQ(numbers.count, 1000);
    CHECK(numbers.capacity >= 1000);
    CHECK(alloc.n_calls <= 10);
    while (numbers.count < numbers.capacity) *KB_VEC_PUSH(&numbers, &alloc) = -1;
    size_t full = numbers.count;
    alloc.fail_at = alloc.n_calls + 1;
    CHECK(KB_VEC_PUSH(&numbers, &alloc) == NULL);
    CHECK_EQ(numbers.count, full);
    for (int64_t i = 0; i < 1000; i++) CHECK_EQ(numbers.items[i], i * i);
    CHECK(!KB_VEC_RESERVE(&numbers, &alloc, SIZE_MAX));
    CHECK(!KB_VEC_RESERVE(&numbers, &alloc, SIZE_MAX / 8));
    CHECK(KB_VEC_RESERVE(&numbers, &alloc, 5000));
    uint64_t n_calls = alloc.n_calls;
    for (int i = 0; i < 5000; i++) *KB_VEC_PUSH(&numbers, &alloc) = i;
    CHECK_EQ(alloc.n_calls, n_calls);
    KB_VEC_FREE(&numbers, &alloc);
    CHECK_EQ(alloc.live_nbytes, 0);
    CHECK_EQ(numbers.count, 0);
    KB_VEC_FREE(&numbers, &alloc);
}

/* The values are part of what an op log's hash means: they may change only together with it. */
static void hash_golden_values(void) {
    unsigned char bytes[17] = "kernbench golden";
    CHECK_EQ(kb_hash_finish(KB_HASH_SEED), UINT64_C(0x9ca066f1a4ab2eea));
    CHECK_EQ(kb_hash_finish(kb_hash_u64(KB_HASH_SEED, 1)), UINT64_C(0x7e3d58c3864a6ce2));
    CHECK_EQ(kb_hash_bytes(KB_HASH_SEED, bytes, 16), UINT64_C(0x9012e35fe75adb9d));
    CHECK_EQ(kb_hash_bytes(KB_HASH_SEED, bytes, 13), UINT64_C(0x97a8f3e8db766c3e));
}

static void hash_tells_inputs_apart(void) {
    static const unsigned char zeros[64];
    uint64_t seen[64];
    for (size_t n = 0; n < 64; n++) {
        seen[n] = kb_hash_bytes(KB_HASH_SEED, zeros, n);
        for (size_t other = 0; other < n; other++) CHECK(seen[n] != seen[other]);
    }
    uint64_t forth = kb_hash_u64(kb_hash_u64(KB_HASH_SEED, 1), 2);
    uint64_t back = kb_hash_u64(kb_hash_u64(KB_HASH_SEED, 2), 1);
    CHECK(kb_hash_finish(forth) != kb_hash_finish(back));
    int n_flipped = 0;
    for (int bit = 0; bit < 64; bit++) {
        uint64_t one = kb_hash_finish(kb_hash_u64(KB_HASH_SEED, 0));
        uint64_t two = kb_hash_finish(kb_hash_u64(KB_HASH_SEED, UINT64_C(1) << bit));
        n_flipped += __builtin_popcountll(one ^ two);
    }
    CHECK(n_flipped > 64 * 28 && n_flipped < 64 * 36);
}

static void checked_arithmetic(void) {
    int64_t sum;
    size_t product;
    CHECK(!kb_add_i64(INT64_MAX - 1, 1, &sum));
    CHECK_EQ(sum, INT64_MAX);
    CHECK(kb_add_i64(INT64_MAX, 1, &sum));
    CHECK(kb_add_i64(INT64_MIN, -1, &sum));
    CHECK(!kb_mul_i64(INT64_C(1) << 31, INT64_C(1) << 31, &sum));
    CHECK_EQ(sum, INT64_C(1) << 62);
    CHECK(kb_mul_i64(INT64_C(1) << 32, INT64_C(1) << 31, &sum));
    CHECK(kb_mul_i64(INT64_MIN, -1, &sum));
    CHECK(!kb_mul_size(SIZE_MAX, 1, &product));
    CHECK(kb_mul_size(SIZE_MAX / 2 + 1, 2, &product));
    CHECK_EQ(kb_ceil_div(0, 5), 0);
    CHECK_EQ(kb_ceil_div(10, 5), 2);
    CHECK_EQ(kb_ceil_div(11, 5), 3);
    CHECK_EQ(kb_ceil_div(INT64_MAX, 2), (INT64_C(1) << 62));
    CHECK_EQ(kb_min_i64(-3, 2), -3);
    CHECK_EQ(kb_max_i64(-3, 2), 2);
    CHECK(kb_is_power_of_two(1) && kb_is_power_of_two(INT64_C(1) << 62));
    CHECK(!kb_is_power_of_two(0) && !kb_is_power_of_two(-4) && !kb_is_power_of_two(12));
    CHECK(!kb_is_power_of_two(INT64_MIN));
}

int main(void) {
    TAP_RUN(status_names);
    TAP_RUN(errors_wrap);
    TAP_RUN(errors_are_cut_and_never_overrun);
    TAP_RUN(try_forwards_failures);
    TAP_RUN(allocator_counts_and_fails);
    TAP_RUN(a_users_allocator_is_zeroed_too);
    TAP_RUN(paged_blocks_are_zeroed_and_apart);
    TAP_RUN(arena_blocks_are_aligned_zeroed_and_apart);
    TAP_RUN(arena_survives_each_failing_allocation);
    TAP_RUN(vec_grows_and_survives_failure);
    TAP_RUN(hash_golden_values);
    TAP_RUN(hash_tells_inputs_apart);
    TAP_RUN(checked_arithmetic);
    return tap_finish();
}
