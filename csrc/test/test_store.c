#include "mem/store.h"
#include "test/tap.h"

enum { BASE = KB_VA_GUARD_NBYTES };

static kb_store *make_store(kb_alloc *alloc, bool keep_data) {
    kb_store *store = NULL;
    CHECK_EQ(kb_store_create(alloc, keep_data, &store, NULL), KB_OK);
    return store;
}

static kb_extent *map(kb_store *store, kb_va va, uint64_t nbytes, unsigned flags) {
    kb_extent *extent = NULL;
    CHECK_EQ(kb_store_map(store, va, nbytes, flags, &extent, NULL), KB_OK);
    return extent;
}

static kb_va first_unwritten(kb_store *store, kb_va va, uint64_t nbytes) {
    kb_va unwritten = 0;
    CHECK_EQ(kb_store_first_unwritten(store, va, nbytes, &unwritten, NULL), KB_OK);
    return unwritten;
}

static void maps_finds_and_unmaps(void) {
    kb_alloc alloc = kb_alloc_system();
    kb_store *store = make_store(&alloc, true);
    kb_extent *b = map(store, BASE + 1000, 100, 0), *a = map(store, BASE, 1000, 0);
    kb_extent *c = map(store, BASE + 2000, 1, KB_MAP_ZEROED);
    CHECK(kb_store_find(store, BASE) == a && kb_store_find(store, BASE + 999) == a);
    CHECK(kb_store_find(store, BASE + 1000) == b && kb_store_find(store, BASE + 1099) == b);
    CHECK(kb_store_find(store, BASE + 2000) == c);
    CHECK(!kb_store_find(store, BASE + 1100) && !kb_store_find(store, BASE + 2001));
    CHECK(!kb_store_find(store, BASE - 1) && !kb_store_find(store, UINT64_MAX));
    CHECK_EQ(a->nbytes, 1000);
    CHECK(a->bytes[0] == 0 && a->bytes[999] == 0);
    CHECK_EQ(kb_store_unmap(store, BASE + 1000, NULL), KB_OK);
    CHECK(!kb_store_find(store, BASE + 1000));
    CHECK(kb_store_find(store, BASE + 999) == a);
    CHECK(map(store, BASE + 1000, 1000, 0) != NULL);
    kb_store_destroy(store);
    CHECK_EQ(alloc.live_nbytes, 0);
}

static void refuses_bad_ranges(void) {
    kb_alloc alloc = kb_alloc_system();
    kb_error err = KB_ERROR_INIT;
    kb_store *store = make_store(&alloc, false);
    kb_extent *extent = map(store, BASE + 100, 100, 0);
    static const struct {
        kb_va va;
        uint64_t nbytes;
    } bad[] = {
        {0, 100},
        {BASE - 1, 10},
        {BASE, 0},
        {BASE, UINT64_MAX},
        {BASE, 101},
        {BASE + 150, 1},
        {BASE + 199, 1},
        {BASE + 100, 100},
        {BASE, 1000},
        {UINT64_MAX, 1},
        {KB_VA_SIP_NBYTES, 1},
        {UINT64_C(1) << 52, 1},
        {KB_VA_SIP_NBYTES - 1, 2},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK_EQ(kb_store_map(store, bad[i].va, bad[i].nbytes, 0, &extent, &err), KB_INVALID);
    CHECK(map(store, BASE, 100, 0) && map(store, BASE + 200, 1, 0));
    CHECK(map(store, KB_VA_SIP_NBYTES - 1, 1, 0) != NULL);
    CHECK(map(store, KB_VA_SIP_NBYTES + BASE, KB_VA_SIP_NBYTES - BASE, 0) != NULL);
    CHECK_EQ(kb_store_unmap(store, BASE + 101, &err), KB_PAGE_FAULT);
    CHECK_STR(err.message, "memory store: expected the start of a mapping, got 0x10065");
    CHECK_EQ(kb_store_unmap(store, 0, &err), KB_PAGE_FAULT);
    kb_store_destroy(store);
    kb_store_destroy(NULL);
    CHECK_EQ(alloc.live_nbytes, 0);
}

static void checks_accesses(void) {
    kb_alloc alloc = kb_alloc_system();
    kb_error err = KB_ERROR_INIT;
    kb_store *store = make_store(&alloc, true);
    kb_extent *a = map(store, BASE, 256, 0), *got = NULL;
    kb_va at;
    (void)map(store, BASE + 256, 256, 0);
    CHECK_EQ(kb_store_access(store, BASE + 10, 246, &got, &err), KB_OK);
    CHECK(got == a);
    CHECK_EQ(kb_store_access(store, BASE + 10, 247, &got, &err), KB_PAGE_FAULT);
    CHECK_STR(err.message, "expected mapped memory, got 247 bytes at 0x1000a, past the end of the "
                           "256 bytes mapped at 0x10000");
    CHECK_EQ(kb_store_access(store, BASE + 10, UINT64_MAX, &got, &err), KB_PAGE_FAULT);
    CHECK_EQ(kb_store_access(store, 64, 4, &got, &err), KB_PAGE_FAULT);
    CHECK_STR(err.message, "expected mapped memory, got 4 bytes at 0x40, where nothing is mapped");
    CHECK_EQ(kb_store_mark(store, BASE + 255, 2, &err), KB_PAGE_FAULT);
    CHECK_EQ(kb_store_first_unwritten(store, BASE + 512, 1, &at, &err), KB_PAGE_FAULT);
    CHECK_EQ(kb_store_mark_rows(store, BASE, 16, 3, 200, &err), KB_PAGE_FAULT);
    CHECK_EQ(kb_store_mark_rows(store, BASE + 16, 16, 3, -16, &err), KB_PAGE_FAULT);
    CHECK_EQ(kb_store_mark_rows(store, BASE, 16, UINT64_MAX, 16, &err), KB_PAGE_FAULT);
    CHECK_EQ(kb_store_mark_rows(store, BASE, 16, INT64_MAX, INT64_MIN, &err), KB_PAGE_FAULT);
    CHECK_EQ(a->written, KB_WRITTEN_NOTHING);
    CHECK_EQ(kb_store_mark_rows(store, 0, 16, 0, 16, &err), KB_OK);
    CHECK_EQ(kb_store_mark(store, 0, 0, &err), KB_OK);
    kb_store_destroy(store);
    CHECK_EQ(alloc.live_nbytes, 0);
}

static void knows_what_is_written(void) {
    kb_alloc alloc = kb_alloc_system();
    kb_store *store = make_store(&alloc, true);
    kb_extent *a = map(store, BASE, 1000, 0), *zeros = map(store, BASE + 4096, 1000, KB_MAP_ZEROED);
    int64_t without_bitmap = alloc.live_nbytes;
    CHECK_EQ(first_unwritten(store, BASE + 7, 10), BASE + 7);
    CHECK_EQ(first_unwritten(store, BASE + 4096, 1000), BASE + 5096);
    CHECK_EQ(zeros->written, KB_WRITTEN_ALL);
    CHECK_EQ(kb_store_mark(store, BASE + 100, 300, NULL), KB_OK);
    CHECK_EQ(a->written, KB_WRITTEN_SOME);
    CHECK(alloc.live_nbytes > without_bitmap);
    CHECK_EQ(first_unwritten(store, BASE + 100, 300), BASE + 400);
    CHECK_EQ(first_unwritten(store, BASE + 100, 301), BASE + 400);
    CHECK_EQ(first_unwritten(store, BASE + 99, 10), BASE + 99);
    CHECK_EQ(first_unwritten(store, BASE + 500, 0), BASE + 500);
    CHECK_EQ(kb_store_mark(store, BASE, 101, NULL), KB_OK);
    CHECK_EQ(kb_store_mark(store, BASE + 401, 599, NULL), KB_OK);
    CHECK_EQ(first_unwritten(store, BASE, 1000), BASE + 400);
    CHECK_EQ(kb_store_mark(store, BASE + 400, 1, NULL), KB_OK);
    CHECK_EQ(a->written, KB_WRITTEN_ALL);
    CHECK_EQ(alloc.live_nbytes, without_bitmap);
    CHECK_EQ(kb_store_mark(store, BASE, 1, NULL), KB_OK);
    CHECK_EQ(first_unwritten(store, BASE, 1000), BASE + 1000);
    kb_store_destroy(store);
    CHECK_EQ(alloc.live_nbytes, 0);
}

static void marks_whole_extents_without_a_bitmap(void) {
    kb_alloc alloc = kb_alloc_system();
    kb_store *store = make_store(&alloc, true);
    kb_extent *a = map(store, BASE, 1000, 0);
    uint64_t n_calls = alloc.n_calls;
    CHECK_EQ(kb_store_mark(store, BASE, 1000, NULL), KB_OK);
    CHECK_EQ(a->written, KB_WRITTEN_ALL);
    CHECK_EQ(alloc.n_calls, n_calls);
    kb_store_destroy(store);
}

enum { N_BYTES = 777 };

/* Rows of any size and stride, against one flag a byte. */
static void agrees_with_a_byte_map(void) {
    kb_alloc alloc = kb_alloc_system();
    uint64_t seed = 3;
    bool agrees = true;
    for (int trial = 0; trial < 200; trial++) {
        kb_store *store = make_store(&alloc, true);
        kb_extent *extent = map(store, BASE, N_BYTES, 0);
        unsigned char flags[N_BYTES] = {0};
        for (int mark = 0; mark < 30; mark++) {
            seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
            uint64_t row_nbytes = 1 + (seed >> 20) % 150, n_rows = 1 + (seed >> 30) % 9;
            int64_t stride = (int64_t)((seed >> 40) % 300) - 150;
            int64_t first = (int64_t)((seed >> 50) % N_BYTES);
            int64_t last = first + (int64_t)(n_rows - 1) * stride;
            bool inside = last >= 0 && first + (int64_t)row_nbytes <= N_BYTES &&
                          last + (int64_t)row_nbytes <= N_BYTES;
            kb_status status =
                kb_store_mark_rows(store, BASE + (uint64_t)first, row_nbytes, n_rows, stride, NULL);
            agrees &= status == (inside ? KB_OK : KB_PAGE_FAULT);
            for (uint64_t row = 0; inside && row < n_rows; row++)
                memset(flags + first + (int64_t)row * stride, 1, row_nbytes);
            for (uint64_t at = 0; at < N_BYTES; at += 13) {
                const unsigned char *hole = memchr(flags + at, 0, N_BYTES - at);
                uint64_t expected = hole ? (uint64_t)(hole - flags) : N_BYTES;
                uint64_t part = at + 100 < N_BYTES ? 100 : N_BYTES - at;
                uint64_t in_part = expected < at + part ? expected : at + part;
                agrees &= first_unwritten(store, BASE + at, N_BYTES - at) == BASE + expected;
                agrees &= first_unwritten(store, BASE + at, part) == BASE + in_part;
            }
            bool any = memchr(flags, 1, N_BYTES), all = !memchr(flags, 0, N_BYTES);
            agrees &= extent->written == (all   ? KB_WRITTEN_ALL
                                          : any ? KB_WRITTEN_SOME
                                                : KB_WRITTEN_NOTHING);
        }
        kb_store_destroy(store);
    }
    CHECK(agrees);
    CHECK_EQ(alloc.live_nbytes, 0);
}

static void keeps_no_data_without_data(void) {
    kb_alloc alloc = kb_alloc_system();
    kb_store *store = make_store(&alloc, false);
    uint64_t huge = UINT64_C(1) << 43;
    kb_extent *bare = map(store, BASE, huge, 0);
    kb_extent *kept = map(store, BASE + huge, 64, KB_MAP_KEEP);
    CHECK(!bare->bytes);
    CHECK(kept->bytes != NULL);
    CHECK(alloc.peak_nbytes < 4096);
    CHECK_EQ(first_unwritten(store, BASE + 5, 5), BASE + 10);
    CHECK_EQ(kb_store_mark(store, BASE + 5, 5, NULL), KB_OK);
    CHECK_EQ(first_unwritten(store, BASE + huge, 5), BASE + huge);
    CHECK_EQ(kb_store_mark(store, BASE + huge, 32, NULL), KB_OK);
    kb_extent_drop_bytes(kept);
    CHECK(!kept->bytes);
    CHECK_EQ(first_unwritten(store, BASE + huge, 64), BASE + huge + 64);
    kb_extent_drop_bytes(kept);
    kb_store_destroy(store);
    CHECK_EQ(alloc.live_nbytes, 0);
}

static void large_extents_are_zero(void) {
    kb_alloc alloc = kb_alloc_system();
    kb_store *store = make_store(&alloc, true);
    kb_extent *extent = map(store, BASE, UINT64_C(1) << 27, 0);
    extent->bytes[0] = 1;
    extent->bytes[(UINT64_C(1) << 27) - 1] = 2;
    CHECK_EQ(kb_store_mark(store, BASE + 12345, 1, NULL), KB_OK);
    CHECK_EQ(extent->bytes[UINT64_C(1) << 26], 0);
    CHECK_EQ(first_unwritten(store, BASE + 12345, 2), BASE + 12346);
    kb_store_destroy(store);
    CHECK_EQ(alloc.live_nbytes, 0);
}

static void pins_outlive_unmap_and_store(void) {
    kb_alloc alloc = kb_alloc_system();
    kb_store *store = make_store(&alloc, true);
    kb_extent *a = map(store, BASE, 100, 0), *b = map(store, BASE + 100, 100, 0);
    unsigned char *bytes = a->bytes;
    bytes[99] = 42;
    kb_extent_pin(a);
    kb_extent_pin(a);
    kb_extent_pin(b);
    CHECK_EQ(kb_store_unmap(store, BASE, NULL), KB_OK);
    CHECK(!kb_store_find(store, BASE));
    kb_extent *again = map(store, BASE, 100, KB_MAP_ZEROED);
    CHECK(again != a && again->bytes != bytes);
    kb_extent_unpin(a);
    CHECK(a->bytes == bytes && bytes[99] == 42);
    kb_store_destroy(store);
    CHECK(a->bytes == bytes && bytes[99] == 42);
    kb_extent_unpin(a);
    CHECK(alloc.live_nbytes > 0);
    kb_extent_unpin(b);
    CHECK_EQ(alloc.live_nbytes, 0);
}

static void a_dropped_block_waits_for_its_pins(void) {
    kb_alloc alloc = kb_alloc_system();
    kb_store *store = make_store(&alloc, false);
    kb_extent *extent = map(store, BASE, 5000, KB_MAP_KEEP);
    unsigned char *bytes = extent->bytes;
    kb_extent_pin(extent);
    kb_extent_drop_bytes(extent);
    CHECK(!extent->bytes);
    bytes[4999] = 1;
    CHECK(alloc.live_nbytes >= 5000);
    kb_extent_unpin(extent);
    CHECK(alloc.live_nbytes < 5000);
    CHECK(kb_store_find(store, BASE) == extent);
    kb_store_destroy(store);
    CHECK_EQ(alloc.live_nbytes, 0);
}

static kb_status use_store(kb_alloc *alloc) {
    kb_store *store = NULL;
    kb_status status = kb_store_create(alloc, true, &store, NULL);
    for (uint64_t i = 0; i < 20 && status == KB_OK; i++) {
        kb_extent *extent = NULL;
        kb_va va = BASE + (i * 7 % 20) * 256;
        status = kb_store_map(store, va, 256, 0, &extent, NULL);
        CHECK((status == KB_OK) == (kb_store_find(store, va) != NULL));
        if (status == KB_OK) status = kb_store_mark(store, va + 1, 5, NULL);
        if (status == KB_OK) CHECK_EQ(first_unwritten(store, va + 1, 10), va + 6);
        else if (extent) CHECK_EQ(first_unwritten(store, va + 1, 10), va + 1);
    }
    kb_store_destroy(store);
    return status;
}

static void survives_each_failing_allocation(void) {
    kb_status status = KB_NOMEM;
    uint64_t fail_at = 0;
    while (status == KB_NOMEM && fail_at < 200) {
        kb_alloc alloc = kb_alloc_system();
        alloc.fail_at = ++fail_at;
        status = use_store(&alloc);
        CHECK_EQ(alloc.live_nbytes, 0);
    }
    CHECK_EQ(status, KB_OK);
    CHECK(fail_at > 60);
}

static void *refuse_large(void *user, void *block, size_t old_nbytes, size_t new_nbytes) {
    kb_alloc *system = user;
    return new_nbytes > 1000000 ? NULL
                                : system->resize(system->user, block, old_nbytes, new_nbytes);
}

static void says_when_the_host_is_full(void) {
    kb_alloc system = kb_alloc_system();
    kb_alloc alloc = {.resize = refuse_large, .user = &system};
    kb_error err = KB_ERROR_INIT;
    kb_store *store = make_store(&alloc, true);
    kb_extent *extent = NULL;
    CHECK_EQ(kb_store_map(store, BASE, KB_VA_SIP_NBYTES - BASE, 0, &extent, &err), KB_NOMEM);
    CHECK_STR(err.message, "memory store: the host has no memory left for 17592185978880 bytes of "
                           "data; run without data, or on a host with more");
    CHECK(!extent && !kb_store_find(store, BASE));
    CHECK(map(store, BASE, 1000, 0) != NULL);
    kb_store_destroy(store);
    CHECK_EQ(alloc.live_nbytes, 0);
}

int main(void) {
    TAP_RUN(maps_finds_and_unmaps);
    TAP_RUN(refuses_bad_ranges);
    TAP_RUN(checks_accesses);
    TAP_RUN(knows_what_is_written);
    TAP_RUN(marks_whole_extents_without_a_bitmap);
    TAP_RUN(agrees_with_a_byte_map);
    TAP_RUN(keeps_no_data_without_data);
    TAP_RUN(large_extents_are_zero);
    TAP_RUN(pins_outlive_unmap_and_store);
    TAP_RUN(a_dropped_block_waits_for_its_pins);
    TAP_RUN(survives_each_failing_allocation);
    TAP_RUN(says_when_the_host_is_full);
    return tap_finish();
}
