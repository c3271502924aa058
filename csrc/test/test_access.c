#include "kernel/access.h"

#include "tap.h"

static kb_alloc alloc;
static kb_arena arena;
static kb_error err;
static int64_t work;

enum { MOST = 2048 };

static void begin(void) {
    alloc = kb_alloc_system();
    kb_arena_init(&arena, &alloc);
    err = (kb_error)KB_ERROR_INIT;
    work = 0;
}

static void end(void) {
    kb_arena_deinit(&arena);
    CHECK_EQ(alloc.live_nbytes, 0);
}

static kb_blockval box_pointers(uint8_t rank, const uint32_t *dims, int64_t base,
                                const int64_t *stride) {
    kb_blockval v = {.is_mask = false};
    v.block.rank = rank;
    v.block.dtype = KB_INT64;
    v.block.base = base;
    for (int d = 0; d < KB_MAX_RANK; d++) v.block.dims[d] = d < rank ? dims[d] : 1;
    for (int d = 0; d < rank; d++) v.block.stride[d] = stride[d];
    return v;
}

static kb_mask all_lanes(const kb_blockval *pointers) {
    kb_mask mask = {.rank = pointers->block.rank};
    memcpy(mask.dims, pointers->block.dims, sizeof mask.dims);
    memcpy(mask.hi, pointers->block.dims, sizeof mask.hi);
    return mask;
}

static kb_access make(kb_dtype dtype, const kb_blockval *pointers, const kb_mask *mask) {
    kb_access access = {0};
    if (!CHECK_EQ(kb_access_make(&arena, dtype, pointers, mask, &access, &work, &err), KB_OK))
        printf("#     %s\n", err.message);
    return access;
}

static uint32_t n_rows(const kb_access *access) {
    kb_access_walk walk = kb_access_begin(access);
    kb_run row;
    uint32_t n = 0;
    while (kb_access_next(&walk, &row)) n++;
    return n;
}

static void a_full_matrix_tile_is_its_rows(void) {
    begin();
    kb_blockval p = box_pointers(2, (uint32_t[]){128, 64}, 1 << 20, (int64_t[]){8192, 2});
    kb_access access = make(KB_FLOAT16, &p, NULL);
    CHECK_EQ(access.n_runs, 0);
    CHECK_EQ(access.n_elements, 128 * 64);
    CHECK(!access.masked);
    CHECK_EQ(access.first_va, 1 << 20);
    CHECK_EQ(access.end_va, (1 << 20) + 127 * 8192 + 128);
    CHECK_EQ(n_rows(&access), 128);
    CHECK_EQ(work, 0);
    /* without gaps it is one row */
    p.block.stride[0] = 128;
    access = make(KB_FLOAT16, &p, NULL);
    CHECK_EQ(n_rows(&access), 1);
    end();
}

static void one_pointer_is_one_element(void) {
    begin();
    kb_blockval p = box_pointers(0, NULL, 4096, NULL);
    kb_access access = make(KB_FLOAT32, &p, NULL);
    CHECK_EQ(access.n_elements, 1);
    CHECK_EQ(access.first_va, 4096);
    CHECK_EQ(access.end_va, 4100);
    CHECK_EQ(n_rows(&access), 1);
    kb_mask off = {.rank = 0, .dims = {1, 1, 1, 1, 1}, .dense = (const uint8_t *)""};
    access = make(KB_FLOAT32, &p, &off);
    CHECK_EQ(access.n_elements, 0);
    CHECK(access.masked);
    CHECK_EQ(n_rows(&access), 0);
    end();
}

static void the_last_tile_is_clipped(void) {
    begin();
    kb_blockval p = box_pointers(1, (uint32_t[]){1024}, 8192, (int64_t[]){4});
    kb_mask mask = all_lanes(&p);
    mask.hi[0] = 100;
    kb_access access = make(KB_FLOAT32, &p, &mask);
    CHECK_EQ(access.n_runs, 0);
    CHECK_EQ(access.n_elements, 100);
    CHECK(access.masked);
    CHECK_EQ(access.end_va, 8192 + 400);
    end();
}

static void a_diagonal_is_a_run_per_row(void) {
    begin();
    kb_blockval p = box_pointers(2, (uint32_t[]){32, 32}, 0x10000, (int64_t[]){1024, 4});
    kb_mask mask = all_lanes(&p);
    mask.n_planes = 1;
    mask.planes[0] = (kb_plane){{-1, 1}, 0}; /* n <= m */
    kb_access access = make(KB_FLOAT32, &p, &mask);
    CHECK_EQ(access.n_runs, 32);
    CHECK_EQ(access.n_elements, 33 * 16);
    CHECK_EQ(access.runs[5].count, 6);
    CHECK_EQ(access.runs[5].lane, 160);
    CHECK_EQ(access.runs[5].va, 0x10000 + 5 * 1024);
    CHECK_EQ(work, 32);
    end();
}

static void addresses_out_of_this_world_are_seen_as_such(void) {
    begin();
    kb_blockval p = box_pointers(1, (uint32_t[]){4}, 8, (int64_t[]){-8});
    kb_access access = make(KB_FLOAT32, &p, NULL);
    CHECK_EQ(access.first_va, 0);
    CHECK_EQ(access.end_va, 12);
    p = box_pointers(1, (uint32_t[]){4}, INT64_MAX - 4, (int64_t[]){8});
    access = make(KB_FLOAT32, &p, NULL);
    CHECK_EQ(access.end_va, INT64_MAX);
    end();
}

/* --- against brute force ------------------------------------------------------------------------- */

static uint64_t state = 3;

static uint32_t below(uint32_t n) {
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((state >> 33) % n);
}

static bool
    nested; /* the last random pointers: strides fit into each other, as those of a tensor do */

static kb_blockval random_pointers(int64_t nbytes) {
    uint8_t rank = (uint8_t)(1 + below(3));
    nested = true;
    uint32_t dims[3];
    int64_t stride[3], gap = nbytes;
    for (int d = rank; d-- > 0;) {
        dims[d] = 1 + below(rank == 1 ? 300 : 9);
        stride[d] = below(4) ? gap : (int64_t)below(7) * 8 - 16;
        nested = nested && stride[d] == gap;
        gap = gap * dims[d] + (below(2) ? 64 : 0);
    }
    kb_blockval p = box_pointers(rank, dims, 1 << 20, stride);
    int d = (int)below(rank);
    if (below(3) == 0) {
        int64_t *vector = kb_arena_take(&arena, dims[d], sizeof *vector);
        for (uint32_t i = 0; i < dims[d]; i++)
            vector[i] = nbytes * (below(4) ? (int64_t)i : below(50));
        p.block.vector[d] = vector;
    }
    return p;
}

static kb_mask random_mask(const kb_blockval *p) {
    kb_mask mask = all_lanes(p);
    for (int d = 0; d < mask.rank; d++) {
        if (below(2)) mask.lo[d] = below(mask.dims[d]);
        if (below(2)) mask.hi[d] = below(mask.dims[d] + 1);
        if (below(5)) continue;
        uint8_t *bits = kb_arena_take(&arena, mask.dims[d], 1);
        for (uint32_t i = 0; i < mask.dims[d]; i++) bits[i] = below(4) != 0;
        mask.bits[d] = bits;
    }
    mask.n_planes = (uint8_t)below(3);
    for (int n = 0; n < mask.n_planes; n++) {
        for (int d = 0; d < mask.rank; d++) mask.planes[n].coefficient[d] = (int64_t)below(5) - 2;
        mask.planes[n].constant = (int64_t)below(20) - 10;
    }
    return mask;
}

/* Rows cover exactly the lanes that are on, in order, each at its address, and are as long as can be. */
static void check_rows(const kb_access *access, const kb_blockval *p, const kb_mask *mask,
                       uint64_t nbytes) {
    static int64_t va[MOST], on[MOST];
    kb_blockval lanes = {.is_mask = true, .mask = *mask};
    kb_access_walk walk = kb_access_begin(access);
    kb_run row, before = {0};
    uint64_t n_on = 0, first = UINT64_MAX, last = 0;
    size_t lane = 0, count = 1;
    for (int d = 0; d < p->block.rank; d++) count *= p->block.dims[d];
    kb_block_expand(p, va);
    kb_block_expand(&lanes, on);
    while (kb_access_next(&walk, &row)) {
        for (; lane < row.lane; lane++) CHECK(!on[lane]);
        CHECK_EQ(row.lane, lane);
        bool adjacent = before.count > 0 && before.lane + before.count == row.lane &&
                        before.va + before.count * nbytes == row.va;
        CHECK(!adjacent || (access->n_runs == 0 && !nested));
        for (uint32_t i = 0; i < row.count; i++, lane++) {
            CHECK(on[lane]);
            CHECK_EQ((uint64_t)va[lane], row.va + i * nbytes);
        }
        before = row;
    }
    for (; lane < count; lane++) CHECK(!on[lane]);
    for (size_t i = 0; i < count; i++) {
        if (!on[i]) continue;
        n_on++;
        if ((uint64_t)va[i] < first) first = (uint64_t)va[i];
        if ((uint64_t)va[i] + nbytes > last) last = (uint64_t)va[i] + nbytes;
    }
    CHECK_EQ(access->n_elements, n_on);
    CHECK_EQ(access->masked, n_on < count);
    CHECK_EQ(access->first_va, n_on ? first : 0);
    CHECK_EQ(access->end_va, last);
}

/* What kb_access_clip leaves is what of the walk lies within the window, in order. */
static void check_clipped(kb_access access, uint64_t nbytes) {
    uint64_t first = access.first_va + below(40), end = access.end_va - below(40), n_dropped = 0;
    kb_access clipped = access;
    CHECK_EQ(kb_access_clip(&arena, first, end, &clipped, &n_dropped, &err), KB_OK);
    CHECK_EQ(clipped.n_elements + n_dropped, access.n_elements);
    kb_access_walk all = kb_access_begin(&access), left = kb_access_begin(&clipped);
    kb_run row, kept = {0};
    uint32_t next = 0;
    while (kb_access_next(&all, &row))
        for (uint32_t i = 0; i < row.count; i++) {
            uint64_t va = row.va + i * nbytes;
            if (va < first || va + nbytes > end) continue;
            if (next == kept.count) {
                CHECK(kb_access_next(&left, &kept));
                next = 0;
            }
            CHECK_EQ(kept.lane + next, row.lane + i);
            CHECK_EQ(kept.va + next * nbytes, va);
            next++;
        }
    CHECK(next == kept.count && !kb_access_next(&left, &kept));
}

static void random_accesses_equal_brute_force(void) {
    static int64_t words[4 * MOST];
    int n_boxes = 0, n_runs = 0;
    for (int round = 0; round < 20000; round++) {
        begin();
        kb_dtype dtype = below(2) ? KB_FLOAT32 : KB_FLOAT16;
        uint64_t nbytes = kb_dtype_nbytes(dtype);
        kb_blockval p = random_pointers((int64_t)nbytes);
        kb_mask mask = random_mask(&p), full = all_lanes(&p);
        bool is_masked = below(3) != 0;
        if (!is_masked) mask = full;
        kb_access access = make(dtype, &p, is_masked ? &mask : NULL), read;
        check_rows(&access, &p, &mask, nbytes);
        if (access.n_runs) n_runs++;
        else n_boxes++;
        uint32_t n_words = kb_access_words(&access), n_used = 0;
        if (!CHECK(n_words <= 4 * MOST)) return;
        memset(words, 0x33, sizeof words);
        kb_access_encode(&access, words);
        CHECK_EQ(words[n_words], INT64_C(0x3333333333333333));
        CHECK_EQ(kb_access_decode(words, n_words, &read, &n_used, &err), KB_OK);
        CHECK_EQ(n_used, n_words);
        check_rows(&read, &p, &mask, nbytes);
        CHECK_EQ(kb_access_decode(words, n_words - 1, &read, &n_used, &err), KB_INTERNAL);
        if (round % 10 == 0) check_clipped(access, nbytes);
        end();
    }
    printf("# %d boxes, %d lists of runs\n", n_boxes, n_runs);
    CHECK(n_boxes > 2000 && n_runs > 2000);
}

static void each_failing_allocation_is_survived(void) {
    kb_status status = KB_NOMEM;
    for (uint64_t fail_at = 1; fail_at < 20 && status != KB_OK; fail_at++) {
        begin();
        kb_blockval p = box_pointers(1, (uint32_t[]){3000}, 8192, (int64_t[]){8});
        kb_mask mask = all_lanes(&p);
        uint8_t bits[3000];
        for (int i = 0; i < 3000; i++) bits[i] = i % 2 == 0;
        mask.bits[0] = bits;
        alloc.fail_at = fail_at;
        kb_access access;
        status = kb_access_make(&arena, KB_FLOAT32, &p, &mask, &access, &work, &err);
        CHECK(status == KB_OK || status == KB_NOMEM);
        end();
    }
    CHECK_EQ(status, KB_OK);
}

int main(void) {
    TAP_RUN(a_full_matrix_tile_is_its_rows);
    TAP_RUN(one_pointer_is_one_element);
    TAP_RUN(the_last_tile_is_clipped);
    TAP_RUN(a_diagonal_is_a_run_per_row);
    TAP_RUN(addresses_out_of_this_world_are_seen_as_such);
    TAP_RUN(random_accesses_equal_brute_force);
    TAP_RUN(each_failing_allocation_is_survived);
    return tap_finish();
}
