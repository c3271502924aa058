#include "mem/range.h"
#include "test/tap.h"

static void takes_first_fit_and_coalesces(void) {
    kb_alloc alloc = kb_alloc_system();
    kb_range range;
    uint64_t a, b, c, d;
    CHECK_EQ(kb_range_init(&range, &alloc, 4096, 1000, NULL), KB_OK);
    CHECK_EQ(kb_range_take(&range, 100, 1, &a, NULL), KB_OK);
    CHECK_EQ(kb_range_take(&range, 200, 1, &b, NULL), KB_OK);
    CHECK_EQ(kb_range_take(&range, 300, 1, &c, NULL), KB_OK);
    CHECK_EQ(a, 4096);
    CHECK_EQ(b, 4196);
    CHECK_EQ(c, 4396);
    CHECK_EQ(range.free_nbytes, 400);
    CHECK_EQ(kb_range_give(&range, a, 100, NULL), KB_OK);
    CHECK_EQ(range.holes.count, 2);
    CHECK_EQ(kb_range_take(&range, 101, 1, &d, NULL), KB_OK);
    CHECK_EQ(d, 4696);
    CHECK_EQ(kb_range_give(&range, d, 101, NULL), KB_OK);
    CHECK_EQ(kb_range_give(&range, c, 300, NULL), KB_OK);
    CHECK_EQ(range.holes.count, 2);
    CHECK_EQ(kb_range_give(&range, b, 200, NULL), KB_OK);
    CHECK_EQ(range.holes.count, 1);
    CHECK_EQ(range.free_nbytes, 1000);
    CHECK_EQ(kb_range_largest_hole(&range), 1000);
    kb_range_deinit(&range);
    CHECK_EQ(alloc.live_nbytes, 0);
}

static void keeps_alignment(void) {
    kb_alloc alloc = kb_alloc_system();
    kb_range range;
    uint64_t at;
    CHECK_EQ(kb_range_init(&range, &alloc, 10, 10000, NULL), KB_OK);
    CHECK_EQ(kb_range_take(&range, 10, 4096, &at, NULL), KB_OK);
    CHECK_EQ(at, 4096);
    CHECK_EQ(kb_range_take(&range, 4000, 16, &at, NULL), KB_OK);
    CHECK_EQ(at, 16);
    CHECK_EQ(kb_range_take(&range, 6, 1, &at, NULL), KB_OK);
    CHECK_EQ(at, 10);
    kb_range_deinit(&range);
}

/* From the end downwards, whatever comes and goes at the beginning. */
static void takes_the_last_fit(void) {
    kb_alloc alloc = kb_alloc_system();
    kb_error err = KB_ERROR_INIT;
    kb_range range;
    uint64_t low, last, other;
    CHECK_EQ(kb_range_init(&range, &alloc, 4096, 4 * 4096 + 100, &err), KB_OK);
    CHECK_EQ(kb_range_take_last(&range, 50, 4096, &last, &err), KB_OK);
    CHECK_EQ(last, 5 * 4096);
    CHECK_EQ(kb_range_take(&range, 4096, 4096, &low, &err), KB_OK);
    CHECK_EQ(low, 4096);
    CHECK_EQ(kb_range_take_last(&range, 4097, 4096, &other, &err), KB_OK);
    CHECK_EQ(other, 3 * 4096);
    CHECK_EQ(kb_range_take_last(&range, 8192, 4096, &other, &err), KB_DEVICE_MEMORY);
    CHECK_EQ(kb_range_take_last(&range, 4096, 4096, &other, &err), KB_OK);
    CHECK_EQ(other, 2 * 4096);
    CHECK_EQ(range.free_nbytes, 4 * 4096 + 100 - 50 - 4096 - 4097 - 4096);
    CHECK_EQ(kb_range_give(&range, last, 50, &err), KB_OK);
    CHECK_EQ(kb_range_give(&range, low, 4096, &err), KB_OK);
    CHECK_EQ(kb_range_take_last(&range, 0, 1, &other, &err), KB_INVALID);
    CHECK_EQ(kb_range_take_last(&range, 8, 3, &other, &err), KB_INVALID);
    kb_range_deinit(&range);
    CHECK_EQ(alloc.live_nbytes, 0);
}

static void says_what_there_is(void) {
    kb_alloc alloc = kb_alloc_system();
    kb_error err = KB_ERROR_INIT;
    kb_range range;
    uint64_t at[4];
    CHECK_EQ(kb_range_init(&range, &alloc, 0, 4000, &err), KB_OK);
    for (int i = 0; i < 4; i++) CHECK_EQ(kb_range_take(&range, 1000, 1, &at[i], &err), KB_OK);
    CHECK_EQ(kb_range_give(&range, at[0], 1000, &err), KB_OK);
    CHECK_EQ(kb_range_give(&range, at[2], 1000, &err), KB_OK);
    CHECK_EQ(kb_range_take(&range, 1500, 8, &at[0], &err), KB_DEVICE_MEMORY);
    CHECK_STR(err.message,
              "expected room for 1500 bytes at a multiple of 8, got 2000 of 4000 bytes "
              "free, the largest hole 1000 bytes");
    CHECK_EQ(range.free_nbytes, 2000);
    kb_range_deinit(&range);
}

static void refuses_nonsense(void) {
    kb_alloc alloc = kb_alloc_system();
    kb_error err = KB_ERROR_INIT;
    kb_range range;
    uint64_t at;
    CHECK_EQ(kb_range_init(&range, &alloc, 2, UINT64_MAX, &err), KB_INVALID);
    kb_range_deinit(&range);
    CHECK_EQ(kb_range_init(&range, &alloc, 0, 0, &err), KB_OK);
    CHECK_EQ(kb_range_take(&range, 1, 1, &at, &err), KB_DEVICE_MEMORY);
    CHECK_EQ(kb_range_give(&range, 0, 1, &err), KB_INVALID);
    kb_range_deinit(&range);
    CHECK_EQ(kb_range_init(&range, &alloc, 100, 100, &err), KB_OK);
    CHECK_EQ(kb_range_take(&range, 0, 1, &at, &err), KB_INVALID);
    CHECK_EQ(kb_range_take(&range, 1, 0, &at, &err), KB_INVALID);
    CHECK_EQ(kb_range_take(&range, 1, 24, &at, &err), KB_INVALID);
    CHECK_EQ(kb_range_take(&range, UINT64_MAX, 1, &at, &err), KB_DEVICE_MEMORY);
    CHECK_EQ(kb_range_take(&range, 1, UINT64_C(1) << 63, &at, &err), KB_DEVICE_MEMORY);
    CHECK_EQ(kb_range_take(&range, 50, 1, &at, &err), KB_OK);
    CHECK_EQ(kb_range_give(&range, 99, 10, &err), KB_INVALID);
    CHECK_EQ(kb_range_give(&range, 140, 20, &err), KB_INVALID);
    CHECK_EQ(kb_range_give(&range, 160, 10, &err), KB_INVALID);
    CHECK_EQ(kb_range_give(&range, 100, UINT64_MAX, &err), KB_INVALID);
    CHECK_EQ(kb_range_give(&range, 100, 0, &err), KB_INVALID);
    CHECK_EQ(kb_range_give(&range, 100, 50, &err), KB_OK);
    CHECK_EQ(kb_range_give(&range, 100, 50, &err), KB_INVALID);
    CHECK_EQ(range.free_nbytes, 100);
    kb_range_deinit(&range);
    CHECK_EQ(alloc.live_nbytes, 0);
}

static void serves_the_end_of_the_number_line(void) {
    kb_alloc alloc = kb_alloc_system();
    kb_range range;
    uint64_t at, whole = UINT64_MAX;
    CHECK_EQ(kb_range_init(&range, &alloc, 0, whole, NULL), KB_OK);
    CHECK_EQ(kb_range_take(&range, whole, 1, &at, NULL), KB_OK);
    CHECK_EQ(range.free_nbytes, 0);
    CHECK_EQ(range.holes.count, 0);
    CHECK_EQ(kb_range_give(&range, 0, whole, NULL), KB_OK);
    CHECK_EQ(kb_range_largest_hole(&range), whole);
    kb_range_deinit(&range);
}

enum { N_PARTS = 64, N_BYTES = 2048 };

/* Against a map of single bytes: no overlap, first fit, and one hole per run of free bytes. */
static void agrees_with_a_byte_map(void) {
    kb_alloc alloc = kb_alloc_system();
    kb_range range;
    uint64_t at[N_PARTS], nbytes[N_PARTS] = {0}, seed = 7;
    unsigned char taken[N_BYTES + 1] = {0};
    bool agrees = true;
    CHECK_EQ(kb_range_init(&range, &alloc, 0, N_BYTES, NULL), KB_OK);
    for (int round = 0; round < 20000; round++) {
        seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
        unsigned i = (unsigned)(seed >> 40) % N_PARTS;
        if (nbytes[i]) {
            agrees &= kb_range_give(&range, at[i], nbytes[i], NULL) == KB_OK;
            memset(taken + at[i], 0, nbytes[i]);
            nbytes[i] = 0;
        } else {
            uint64_t wanted = 1 + (seed >> 50) % 90, alignment = UINT64_C(1) << (seed >> 33) % 7;
            uint64_t expected = 0;
            while (expected + wanted <= N_BYTES && memchr(taken + expected, 1, wanted))
                expected += alignment;
            bool fits = expected + wanted <= N_BYTES;
            kb_status status = kb_range_take(&range, wanted, alignment, &at[i], NULL);
            agrees &= status == (fits ? KB_OK : KB_DEVICE_MEMORY) && (!fits || at[i] == expected);
            if (status == KB_OK) {
                nbytes[i] = wanted;
                memset(taken + at[i], 1, wanted);
            }
        }
        size_t n_holes = 0, n_free = 0;
        for (size_t k = 0; k < N_BYTES; k++) {
            n_free += !taken[k];
            n_holes += !taken[k] && (k == 0 || taken[k - 1]);
        }
        agrees &= range.holes.count == n_holes && range.free_nbytes == n_free;
    }
    CHECK(agrees);
    kb_range_deinit(&range);
    CHECK_EQ(alloc.live_nbytes, 0);
}

/* Every second part is given back, which makes the most holes there can be. */
static kb_status fill_and_punch(kb_alloc *alloc) {
    kb_range range;
    uint64_t at[200];
    kb_status status = kb_range_init(&range, alloc, 0, 4000, NULL);
    int n = 0;
    while (status == KB_OK && n < 200) status = kb_range_take(&range, 10, 1, &at[n++], NULL);
    if (status != KB_OK) n--;
    uint64_t calls = alloc->n_calls;
    for (int i = 0; i < n; i += 2) CHECK_EQ(kb_range_give(&range, at[i], 10, NULL), KB_OK);
    for (int i = 1; i < n; i += 2) CHECK_EQ(kb_range_give(&range, at[i], 10, NULL), KB_OK);
    CHECK_EQ(alloc->n_calls, calls);
    CHECK_EQ(range.free_nbytes, range.holes.count ? 4000 : 0);
    kb_range_deinit(&range);
    return status;
}

static void survives_each_failing_allocation(void) {
    kb_status status = KB_NOMEM;
    uint64_t fail_at = 0;
    while (status == KB_NOMEM && fail_at < 100) {
        kb_alloc alloc = kb_alloc_system();
        alloc.fail_at = ++fail_at;
        status = fill_and_punch(&alloc);
        CHECK_EQ(alloc.live_nbytes, 0);
    }
    CHECK_EQ(status, KB_OK);
    CHECK(fail_at > 2);
}

int main(void) {
    TAP_RUN(takes_first_fit_and_coalesces);
    TAP_RUN(keeps_alignment);
    TAP_RUN(takes_the_last_fit);
    TAP_RUN(says_what_there_is);
    TAP_RUN(refuses_nonsense);
    TAP_RUN(serves_the_end_of_the_number_line);
    TAP_RUN(agrees_with_a_byte_map);
    TAP_RUN(survives_each_failing_allocation);
    return tap_finish();
}
