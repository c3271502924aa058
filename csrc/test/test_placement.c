#include "mem/address.h"
#include "mem/placement.h"
#include "test/tap.h"

enum { PER_CUBE = 4, N_CUBES = 3, N_SLICES = PER_CUBE * N_CUBES };

static const kb_slices whole_sip = {0, N_SLICES, PER_CUBE};

typedef struct place {
    uint32_t slice;
    uint64_t offset;
} place;

/* Where a placement puts byte `off`, said in the words of the definition and not of the formula. */
typedef place where(uint64_t off, const uint64_t *shape, uint64_t parameter, uint32_t cube);

static place where_blocked(uint64_t off, const uint64_t *shape, uint64_t nbytes, uint32_t cube) {
    (void)shape;
    (void)cube;
    uint64_t part = (nbytes + N_SLICES - 1) / N_SLICES;
    part = (part + 4095) & ~UINT64_C(4095);
    return (place){(uint32_t)(off / part), off % part};
}

static place where_interleaved(uint64_t off, const uint64_t *shape, uint64_t chunk, uint32_t cube) {
    (void)shape;
    (void)cube;
    uint64_t i = off / chunk;
    return (place){(uint32_t)(i % N_SLICES), i / N_SLICES * chunk + off % chunk};
}

static place where_replicated(uint64_t off, const uint64_t *shape, uint64_t unused, uint32_t cube) {
    (void)shape;
    (void)unused;
    uint64_t i = off / 65536;
    return (place){cube * PER_CUBE + (uint32_t)(i % PER_CUBE), i / PER_CUBE * 65536 + off % 65536};
}

static place where_local(uint64_t off, const uint64_t *shape, uint64_t slice, uint32_t cube) {
    (void)shape;
    (void)cube;
    return (place){(uint32_t)slice, off};
}

/* A tensor of three dimensions of 2-byte items: slice j holds part j of the dimension, for itself a
 * tensor whose dimension has the size of a part. */
static place where_sharded(uint64_t off, const uint64_t *shape, uint64_t dim, uint32_t cube) {
    (void)cube;
    uint64_t item = off / 2, index[3], size[3] = {shape[0], shape[1], shape[2]};
    index[2] = item % shape[2];
    index[1] = item / shape[2] % shape[1];
    index[0] = item / shape[2] / shape[1];
    size[dim] = (shape[dim] + N_SLICES - 1) / N_SLICES;
    uint32_t slice = (uint32_t)(index[dim] / size[dim]);
    index[dim] %= size[dim];
    return (place){slice, ((index[0] * size[1] + index[1]) * size[2] + index[2]) * 2 + off % 2};
}

/* Walks the chunks: they tile the tensor, each byte is where it should be, no chunk could have been
 * longer, and each slice holds as many bytes as it says. */
static void check_walk(const kb_placement *p, where *expected, const uint64_t *shape,
                       uint64_t parameter, uint32_t cube, uint64_t step) {
    uint64_t held[N_SLICES] = {0};
    bool right = true, maximal = true;
    uint64_t off = 0, previous_end = 0;
    uint32_t previous_slice = UINT32_MAX;
    while (off < p->nbytes) {
        kb_chunk chunk, inside;
        kb_placement_locate(p, off, cube, &chunk);
        if (!CHECK(chunk.nbytes > 0 && chunk.nbytes <= p->nbytes - off)) return;
        maximal &= chunk.slice != previous_slice || chunk.offset != previous_end;
        for (uint64_t i = 0; i < chunk.nbytes;
             i += i + step < chunk.nbytes ? step : chunk.nbytes - i) {
            place at = expected(off + i, shape, parameter, cube);
            kb_placement_locate(p, off + i, cube, &inside);
            right &= at.slice == chunk.slice && at.offset == chunk.offset + i;
            right &= inside.slice == chunk.slice && inside.offset == at.offset &&
                     inside.nbytes == chunk.nbytes - i;
        }
        previous_slice = chunk.slice;
        previous_end = chunk.offset + chunk.nbytes;
        if (held[chunk.slice] < previous_end) held[chunk.slice] = previous_end;
        off += chunk.nbytes;
    }
    CHECK(right);
    CHECK(maximal);
    for (uint32_t slice = 0; slice < N_SLICES; slice++)
        if (p->kind != KB_PLACEMENT_REPLICATED || slice / PER_CUBE == cube)
            CHECK_EQ(kb_placement_slice_nbytes(p, slice), held[slice]);
    CHECK_EQ(kb_placement_slice_nbytes(p, N_SLICES), 0);
}

static const uint64_t sizes[] = {1,     4095,  4096,       4097,           49152,
                                 49153, 65537, 12 * 65536, 12 * 65536 + 1, 3000000};

enum { N_SIZES = sizeof sizes / sizeof *sizes };

static void blocked(void) {
    kb_alloc alloc = kb_alloc_system();
    for (int i = 0; i < N_SIZES; i++) {
        kb_placement p;
        CHECK_EQ(kb_placement_blocked(&p, &alloc, sizes[i], whole_sip, NULL), KB_OK);
        check_walk(&p, where_blocked, NULL, sizes[i], 0, 97);
        kb_placement_deinit(&p);
    }
    CHECK_EQ(alloc.live_nbytes, 0);
}

static void interleaved(void) {
    static const uint64_t chunks[] = {1, 7, 4096, 65536, UINT64_C(1) << 62};
    kb_alloc alloc = kb_alloc_system();
    for (int i = 0; i < N_SIZES; i++)
        for (int c = 0; c < 5; c++) {
            kb_placement p;
            if (chunks[c] < 4096 && sizes[i] > 50000) continue;
            CHECK_EQ(kb_placement_interleaved(&p, &alloc, sizes[i], chunks[c], whole_sip, NULL),
                     KB_OK);
            check_walk(&p, where_interleaved, NULL, chunks[c], 0, 997);
            kb_placement_deinit(&p);
        }
    CHECK_EQ(alloc.live_nbytes, 0);
}

static void replicated(void) {
    kb_alloc alloc = kb_alloc_system();
    for (int i = 0; i < N_SIZES; i++) {
        kb_placement p;
        CHECK_EQ(kb_placement_replicated(&p, &alloc, sizes[i], whole_sip, NULL), KB_OK);
        CHECK_EQ(p.n_copies, N_CUBES);
        for (uint32_t cube = 0; cube < N_CUBES; cube++)
            check_walk(&p, where_replicated, NULL, 0, cube, 997);
        kb_placement_deinit(&p);
    }
    CHECK_EQ(alloc.live_nbytes, 0);
}

static void replicated_over_some_cubes(void) {
    kb_alloc alloc = kb_alloc_system();
    kb_placement p;
    kb_chunk chunk;
    CHECK_EQ(kb_placement_replicated(&p, &alloc, 70000, (kb_slices){4, 8, 4}, NULL), KB_OK);
    kb_placement_locate(&p, 65536, 2, &chunk);
    CHECK_EQ(chunk.slice, 9);
    kb_placement_locate(&p, 65536, 0, &chunk);
    CHECK_EQ(chunk.slice, 5);
    kb_placement_locate(&p, 65536, 3, &chunk);
    CHECK_EQ(chunk.slice, 5);
    CHECK_EQ(kb_placement_slice_nbytes(&p, 3), 0);
    CHECK_EQ(kb_placement_slice_nbytes(&p, 9), 70000 - 65536);
    kb_placement_deinit(&p);
}

static void sharded(void) {
    static const uint64_t shapes[][3] = {{24, 5, 8}, {25, 5, 8}, {3, 24, 10}, {3, 25, 7},
                                         {4, 6, 13}, {1, 1, 36}, {5, 7, 1},   {2, 11, 1200}};
    kb_alloc alloc = kb_alloc_system();
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (size_t dim = 0; dim < 3; dim++) {
            kb_placement p;
            CHECK_EQ(kb_placement_sharded(&p, &alloc, shapes[i], 3, dim, 2, whole_sip, NULL),
                     KB_OK);
            CHECK_EQ(p.nbytes, shapes[i][0] * shapes[i][1] * shapes[i][2] * 2);
            check_walk(&p, where_sharded, shapes[i], dim, 0, 1);
            kb_placement_deinit(&p);
        }
    CHECK_EQ(alloc.live_nbytes, 0);
}

static void local(void) {
    kb_alloc alloc = kb_alloc_system();
    kb_placement p;
    CHECK_EQ(kb_placement_local(&p, &alloc, 100000, 7, PER_CUBE, NULL), KB_OK);
    check_walk(&p, where_local, NULL, 7, 2, 997);
    kb_placement_deinit(&p);
    CHECK_EQ(alloc.live_nbytes, 0);
}

static void empty_tensors_hold_nothing(void) {
    static const uint64_t shape[] = {3, 0, 5};
    kb_alloc alloc = kb_alloc_system();
    kb_range ranges[N_SLICES];
    kb_placement p[4];
    kb_chunk chunk;
    CHECK_EQ(kb_placement_blocked(&p[0], &alloc, 0, whole_sip, NULL), KB_OK);
    CHECK_EQ(kb_placement_interleaved(&p[1], &alloc, 0, 64, whole_sip, NULL), KB_OK);
    CHECK_EQ(kb_placement_sharded(&p[2], &alloc, shape, 3, 1, 4, whole_sip, NULL), KB_OK);
    CHECK_EQ(kb_placement_replicated(&p[3], &alloc, 0, whole_sip, NULL), KB_OK);
    for (int s = 0; s < N_SLICES; s++)
        CHECK_EQ(kb_range_init(&ranges[s], &alloc, 0, 0, NULL), KB_OK);
    for (int i = 0; i < 4; i++) {
        CHECK_EQ(kb_placement_slice_nbytes(&p[i], 0), 0);
        kb_placement_locate(&p[i], 0, 0, &chunk);
        CHECK_EQ(chunk.nbytes, 0);
        CHECK_EQ(kb_placement_reserve(&p[i], ranges, N_SLICES, NULL), KB_OK);
        CHECK_EQ(kb_placement_release(&p[i], ranges, N_SLICES, NULL), KB_OK);
        kb_placement_deinit(&p[i]);
    }
    for (int s = 0; s < N_SLICES; s++) kb_range_deinit(&ranges[s]);
    CHECK_EQ(alloc.live_nbytes, 0);
}

static void refuses_nonsense(void) {
    kb_alloc alloc = kb_alloc_system();
    kb_error err = KB_ERROR_INIT;
    kb_placement p;
    uint64_t huge[] = {UINT64_C(1) << 40, UINT64_C(1) << 40, 8}, shape[] = {4, 4};
    uint64_t too_much = KB_VA_SIP_NBYTES + 1;
    kb_slices none = {0, 0, 4}, flat = {0, 4, 0}, torn = {0, 6, 4}, beyond = {UINT32_MAX, 1, 1};
    CHECK_EQ(kb_placement_blocked(&p, &alloc, 1, none, &err), KB_INVALID);
    CHECK_EQ(kb_placement_blocked(&p, &alloc, 1, flat, &err), KB_INVALID);
    CHECK_EQ(kb_placement_blocked(&p, &alloc, 1, beyond, &err), KB_INVALID);
    CHECK_EQ(kb_placement_blocked(&p, &alloc, UINT64_MAX, whole_sip, &err), KB_OVERFLOW);
    CHECK_EQ(kb_placement_interleaved(&p, &alloc, 1, 0, whole_sip, &err), KB_INVALID);
    CHECK_EQ(kb_placement_interleaved(&p, &alloc, too_much, 1, whole_sip, &err), KB_OVERFLOW);
    CHECK_EQ(kb_placement_sharded(&p, &alloc, shape, 2, 2, 4, whole_sip, &err), KB_INVALID);
    CHECK_STR(err.message, "placement: expected a dimension below 2 to shard by, got 2");
    CHECK_EQ(kb_placement_sharded(&p, &alloc, huge, 3, 0, 8, whole_sip, &err), KB_OVERFLOW);
    CHECK_EQ(kb_placement_sharded(&p, &alloc, huge, 2, 1, 8, whole_sip, &err), KB_OVERFLOW);
    CHECK_EQ(kb_placement_replicated(&p, &alloc, 1, torn, &err), KB_INVALID);
    CHECK_EQ(kb_placement_local(&p, &alloc, UINT64_MAX, 0, 4, &err), KB_OVERFLOW);
    CHECK_EQ(alloc.live_nbytes, 0);
    CHECK_STR(kb_placement_kind_name(KB_PLACEMENT_SHARDED), "sharded");
    CHECK_STR(kb_placement_kind_name(KB_PLACEMENT_COUNT), "unknown");
}

static void make_machine(kb_range *ranges, kb_alloc *alloc, uint64_t slice_nbytes) {
    for (int i = 0; i < N_SLICES; i++)
        CHECK_EQ(kb_range_init(&ranges[i], alloc, 0, slice_nbytes, NULL), KB_OK);
}

static uint64_t free_nbytes(const kb_range *ranges) {
    uint64_t sum = 0;
    for (int i = 0; i < N_SLICES; i++) sum += ranges[i].free_nbytes;
    return sum;
}

static void reserves_all_or_nothing(void) {
    kb_alloc alloc = kb_alloc_system();
    kb_error err = KB_ERROR_INIT;
    kb_range ranges[N_SLICES];
    kb_placement small, big, copies;
    kb_chunk chunk;
    make_machine(ranges, &alloc, 65536);
    CHECK_EQ(kb_placement_local(&small, &alloc, 5000, 6, PER_CUBE, &err), KB_OK);
    CHECK_EQ(kb_placement_reserve(&small, ranges, N_SLICES, &err), KB_OK);
    CHECK_EQ(ranges[6].free_nbytes, 65536 - 8192);
    CHECK_EQ(kb_placement_reserve(&small, ranges, N_SLICES, &err), KB_INVALID);

    CHECK_EQ(kb_placement_blocked(&big, &alloc, N_SLICES * 65536, whole_sip, &err), KB_OK);
    CHECK_EQ(kb_placement_release(&big, ranges, N_SLICES, &err), KB_INVALID);
    CHECK_EQ(kb_placement_reserve(&big, ranges, N_SLICES, &err), KB_DEVICE_MEMORY);
    CHECK_STR(err.message,
              "cube 1, HBM slice 2 (blocked tensor of 786432 bytes): expected room for "
              "65536 bytes at a multiple of 4096, got 57344 of 65536 bytes free, the "
              "largest hole 57344 bytes");
    CHECK_EQ(free_nbytes(ranges), N_SLICES * 65536 - 8192);
    CHECK_EQ(kb_placement_reserve(&big, ranges, N_SLICES - 1, &err), KB_INVALID);

    CHECK_EQ(kb_placement_replicated(&copies, &alloc, 140000, whole_sip, &err), KB_OK);
    CHECK_EQ(kb_placement_release(&small, ranges, N_SLICES, &err), KB_OK);
    CHECK_EQ(kb_placement_reserve(&copies, ranges, N_SLICES, &err), KB_OK);
    CHECK_EQ(ranges[11].free_nbytes, 65536);
    CHECK_EQ(ranges[10].free_nbytes, 65536 - 12288);
    CHECK_EQ(kb_placement_reserve(&small, ranges, N_SLICES, &err), KB_OK);
    kb_placement_locate(&small, 10, 0, &chunk);
    CHECK_EQ(chunk.offset, 12288 + 10);
    CHECK_EQ(kb_placement_release(&small, ranges, N_SLICES, &err), KB_OK);
    CHECK_EQ(kb_placement_release(&copies, ranges, N_SLICES, &err), KB_OK);
    CHECK_EQ(kb_placement_reserve(&big, ranges, N_SLICES, &err), KB_OK);
    CHECK_EQ(free_nbytes(ranges), 0);
    CHECK_EQ(kb_placement_release(&big, ranges, N_SLICES, &err), KB_OK);
    CHECK_EQ(free_nbytes(ranges), N_SLICES * 65536);
    kb_placement_deinit(&small);
    kb_placement_deinit(&big);
    kb_placement_deinit(&copies);
    for (int i = 0; i < N_SLICES; i++) kb_range_deinit(&ranges[i]);
    CHECK_EQ(alloc.live_nbytes, 0);
}

static void survives_each_failing_allocation(void) {
    kb_status status = KB_NOMEM;
    uint64_t n_failed = 0;
    while (status == KB_NOMEM && n_failed < 100) {
        kb_alloc alloc = kb_alloc_system();
        kb_range ranges[N_SLICES];
        kb_placement p[5] = {{0}};
        make_machine(ranges, &alloc, 65536);
        alloc.fail_at = alloc.n_calls + ++n_failed;
        status = KB_OK;
        for (int i = 0; i < 5 && status == KB_OK; i++) {
            status = kb_placement_interleaved(&p[i], &alloc, 49152, 4096, whole_sip, NULL);
            if (status == KB_OK) status = kb_placement_reserve(&p[i], ranges, N_SLICES, NULL);
        }
        for (int i = 0; i < 5; i++) {
            if (p[i].reserved) CHECK_EQ(kb_placement_release(&p[i], ranges, N_SLICES, NULL), KB_OK);
            kb_placement_deinit(&p[i]);
        }
        CHECK_EQ(free_nbytes(ranges), N_SLICES * 65536);
        for (int i = 0; i < N_SLICES; i++) kb_range_deinit(&ranges[i]);
        CHECK_EQ(alloc.live_nbytes, 0);
    }
    CHECK_EQ(status, KB_OK);
    CHECK(n_failed > 5);
}

int main(void) {
    TAP_RUN(blocked);
    TAP_RUN(interleaved);
    TAP_RUN(replicated);
    TAP_RUN(replicated_over_some_cubes);
    TAP_RUN(sharded);
    TAP_RUN(local);
    TAP_RUN(empty_tensors_hold_nothing);
    TAP_RUN(refuses_nonsense);
    TAP_RUN(reserves_all_or_nothing);
    TAP_RUN(survives_each_failing_allocation);
    return tap_finish();
}
