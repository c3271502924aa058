#include "hw/pe/pe_dma.h"

#include "base/checked.h"
#include "test/pe_rig.h"

static const char *const machine =
    "{kernbench: 1, system: {sips: 1, sip: {cubes: [2, 1]}, cube: {pes: 2, hbm: {standard: none, pc_hash: none}}, pe: {mmu: {walk: none}}}}";

static const int64_t setup_fs = 21 * KB_FS_PER_NS; /* set-up 20 ns, MMU hit 1 ns */

/* The law of one request of a load on an idle machine: request there, bytes served by their PCs, flits
 * back; written flit by flit from the definition.  `offset` of byte i of the packed bytes in its slice. */
static int64_t load_law(pe_rig *p, uint32_t slice, const uint64_t *offset, int64_t nbytes,
                        int64_t *memory_end_fs) {
    static int64_t there[RIG_MAX_FLITS];
    const kb_params_hbm *h = &kb_parts_params(&p->r.parts)->hbm;
    uint32_t dma = rig_part(&p->r, KB_IMPL_PE_DMA, 0, 0, 0);
    uint32_t hbm = rig_part(&p->r, KB_IMPL_HBM, 0, (int32_t)slice / 2, -1);
    int64_t free_fs[16] = {0}, request_fs[1] = {0}, ready_fs = 0, n_flits = (nbytes + 63) / 64;
    rig_travel(&p->r, dma, hbm, (int32_t)slice % 2, request_fs, 1);
    for (int64_t f = 0; f < n_flits; f++) {
        int64_t from = f * 64, end = kb_min_i64(from + 64, nbytes);
        while (from < end) {
            int64_t n = 1, busy_fs;
            while (from + n < end && offset[from + n] == offset[from] + (uint64_t)n &&
                   offset[from + n] % 256 != 0)
                n++;
            CHECK(!kb_ratio_scale(h->pc, n, &busy_fs));
            int64_t *pc = &free_fs[offset[from] / 256 % 16];
            *pc = kb_max_i64(*pc, request_fs[0] + h->request_fs) + busy_fs;
            ready_fs = kb_max_i64(ready_fs, *pc + h->access_fs);
            from += n;
        }
        there[f] = ready_fs + h->response_fs;
    }
    *memory_end_fs = there[n_flits - 1];
    rig_travel(&p->r, hbm, dma, (int32_t)slice % 2, there, n_flits);
    return there[n_flits - 1];
}

static void check_load(uint32_t slice, uint32_t rows, uint32_t columns, int64_t pitch,
                       uint64_t first) {
    static uint64_t offset[1 << 16];
    pe_rig p;
    if (pe_open(&p, machine)) {
        uint64_t va = pe_local(&p, 1 << 24, slice);
        int64_t nbytes = 0, memory_end_fs;
        for (uint32_t i = 0; i < rows; i++)
            for (uint32_t j = 0; j < 2 * columns; j++)
                offset[nbytes++] = first + (uint64_t)pitch * 2 * i + j;
        (void)pe_load(&p, pe_box(KB_FLOAT16, va + first, rows, columns, pitch));
        rig_run_well(&p.r);
        kb_record record = pe_record(&p, 1, KB_OP_DMA_READ);
        int64_t law_fs = load_law(&p, slice, offset, nbytes, &memory_end_fs);
        CHECK_EQ(record.ready_fs, 0);
        CHECK_EQ(record.start_fs, 0);
        CHECK_EQ(record.setup_fs, setup_fs);
        CHECK_EQ(record.end_fs, setup_fs + law_fs);
        CHECK_EQ(record.memory_end_fs, setup_fs + memory_end_fs);
        CHECK_EQ(record.nbytes, nbytes);
        CHECK_EQ(record.work, 1);
    }
    pe_close(&p);
}

static void zero_load_loads_obey_the_law(void) {
    for (uint32_t slice = 0; slice < 4; slice++) {
        check_load(slice, 1, 1, 1, 0);
        check_load(slice, 1, 32, 32, 0);
        check_load(slice, 1, 4096, 4096, 4096);
        check_load(slice, 64, 64, 64, 0);
        check_load(slice, 64, 64, 4096, 128);
        check_load(slice, 33, 37, 1000, 34);
    }
}

/* By hand, at the PE's own port: 1 flit there, 64 bytes of one PC, 1 flit back (defaults). */
static void one_flit_by_hand(void) {
    pe_rig p;
    if (pe_open(&p, machine)) {
        uint64_t va = pe_local(&p, 4096, 0);
        (void)pe_load(&p, pe_box(KB_FLOAT16, va, 1, 32, 32));
        rig_run_well(&p.r);
        int64_t hop_fs = 2000000 + 625000 + 500000;
        kb_record record = pe_record(&p, 1, KB_OP_DMA_READ);
        CHECK_EQ(record.end_fs,
                 setup_fs + hop_fs + 10000000 + 2500000 + 33100000 + 5000000 + hop_fs);
        CHECK_EQ(record.memory_start_fs, setup_fs + hop_fs);
    }
    pe_close(&p);
}

static void stores_end_with_their_commit(void) {
    pe_rig p;
    if (pe_open(&p, machine)) {
        uint64_t va = pe_local(&p, 1 << 20, 0);
        uint32_t tile = pe_load(&p, pe_box(KB_FLOAT16, va, 1, 256, 256));
        rig_run_well(&p.r);
        int64_t now_fs = kb_sim_now(p.r.parts.sim);
        pe_store(&p, tile, pe_box(KB_FLOAT16, va, 1, 128, 128));
        rig_run_well(&p.r);
        kb_record record = pe_record(&p, 2, KB_OP_DMA_WRITE);
        int64_t hop_fs = 2000000 + 625000 + 500000;
        CHECK_EQ(record.start_fs, now_fs);
        CHECK_EQ(record.memory_end_fs - now_fs,
                 setup_fs + hop_fs + 10000000 + 4 * 2500000 + 33100000);
        CHECK_EQ(record.end_fs, record.memory_end_fs + 5000000 + hop_fs);
        CHECK_EQ(record.nbytes, 256);
    }
    pe_close(&p);
}

/* --- the TLB ---------------------------------------------------------------------------------- */

static const char *const walking =
    "{kernbench: 1, system: {sips: 1, sip: {cubes: [2, 1]}, cube: {pes: 2, hbm: {standard: none, "
    "pc_hash: none}}, pe: {mmu: {page: 4096, entries: 2, miss_ns: 3}}}}";

/* One load after another at the PE's own port; returns how long each took. */
static int64_t load_at(pe_rig *p, uint64_t va, int32_t line, kb_record *record) {
    int64_t now_fs = kb_sim_now(p->r.parts.sim);
    (void)pe_load(p, pe_box(KB_FLOAT16, va, 1, 32, 32));
    rig_run_well(&p->r);
    *record = pe_record(p, line, KB_OP_DMA_READ);
    CHECK_EQ(record->start_fs, now_fs);
    return record->end_fs - now_fs;
}

/* A miss is one read of a flit in the PE's slice, and miss_ns; the third page drives out the first. */
static void misses_read_the_page_table(void) {
    pe_rig p;
    if (pe_open(&p, walking)) {
        uint64_t va = pe_local(&p, 1 << 20, 0);
        int64_t hop_fs = 2000000 + 625000 + 500000;
        int64_t read_fs = 2 * hop_fs + 10000000 + 2500000 + 33100000 + 5000000;
        static const struct {
            uint64_t page;
            bool hit;
        } steps[] = {{0, false}, {0, true},  {1, false}, {0, true},
                     {2, false}, {1, false}, {2, true},  {0, false}};
        for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
            kb_record record;
            int64_t walk_fs = steps[i].hit ? 0 : read_fs + 3000000;
            CHECK_EQ(load_at(&p, va + steps[i].page * 4096, (int32_t)i + 1, &record),
                     setup_fs + walk_fs + read_fs);
            CHECK_EQ(record.setup_fs, setup_fs + walk_fs);
            CHECK_EQ(record.work, 1);
        }
    }
    pe_close(&p);
}

/* A tile over three pages, of which two fit: three requests, a walk before each. */
static void requests_end_before_a_page_that_is_missing(void) {
    pe_rig p;
    if (pe_open(&p, walking)) {
        uint64_t va = pe_local(&p, 1 << 20, 0);
        (void)pe_load(&p, pe_box(KB_FLOAT16, va + 2048, 1, 5000, 5000));
        rig_run_well(&p.r);
        kb_record record = pe_record(&p, 1, KB_OP_DMA_READ);
        CHECK_EQ(record.work, 3);
        CHECK_EQ(record.nbytes, 10000);
    }
    pe_close(&p);
}

static void changed_maps_are_forgotten(void) {
    pe_rig p;
    if (pe_open(&p, walking)) {
        uint64_t va = pe_local(&p, 1 << 20, 0);
        kb_record record;
        int64_t missed_fs = load_at(&p, va, 1, &record), hit_fs = load_at(&p, va, 2, &record);
        CHECK(missed_fs > hit_fs);
        kb_dma_forget(kb_parts_find(&p.r.parts, KB_IMPL_PE_DMA, 0, 0, 0), va + 4096, va + 8192);
        CHECK_EQ(load_at(&p, va, 3, &record), hit_fs);
        kb_dma_forget(kb_parts_find(&p.r.parts, KB_IMPL_PE_DMA, 0, 0, 0), va + 4095, va + 4096);
        CHECK_EQ(load_at(&p, va, 4, &record), missed_fs);
    }
    pe_close(&p);
}

/* --- requests --------------------------------------------------------------------------------- */

static void one_request_for_each_chunk(void) {
    pe_rig p;
    if (pe_open(&p, machine)) {
        kb_placement placement;
        kb_slices slices = {0, 4, 2};
        CHECK_EQ(kb_placement_interleaved(&placement, &p.r.alloc, 1 << 20, 4096, slices, &p.r.err),
                 KB_OK);
        uint64_t va = pe_map(&p, placement);
        (void)pe_load(&p, pe_box(KB_FLOAT16, va, 4, 2048, 2048));        /* 1: 4 whole chunks */
        (void)pe_load(&p, pe_box(KB_FLOAT16, va + 2048, 1, 2048, 2048)); /* 2: halves of two */
        (void)pe_load(&p, pe_box(KB_FLOAT16, va, 16, 64, 512)); /* 3: 4 rows of each of 4 */
        rig_run_well(&p.r);
        CHECK_EQ(pe_record(&p, 1, KB_OP_DMA_READ).work, 4);
        CHECK_EQ(pe_record(&p, 2, KB_OP_DMA_READ).work, 2);
        CHECK_EQ(pe_record(&p, 3, KB_OP_DMA_READ).work, 4);
        CHECK_EQ(pe_record(&p, 3, KB_OP_DMA_READ).nbytes, 16 * 128);
    }
    pe_close(&p);
}

/* Column by column, the rows still go by address: one request a chunk, not one an element. */
static void transposed_loads_are_blocks(void) {
    pe_rig p;
    if (pe_open(&p, machine)) {
        uint64_t va = pe_local(&p, 1 << 20, 0);
        kb_access access = pe_box(KB_FLOAT16, va, 32, 16, 1);
        access.stride_nbytes[0] = 2;
        access.stride_nbytes[1] = 1024;
        access.end_va = va + 15 * 1024 + 64;
        (void)pe_load(&p, access);
        rig_run_well(&p.r);
        CHECK_EQ(pe_record(&p, 1, KB_OP_DMA_READ).work, 1);
        CHECK_EQ(pe_record(&p, 1, KB_OP_DMA_READ).nbytes, 1024);
    }
    pe_close(&p);
}

static void gather_lists(void) {
    pe_rig p;
    if (pe_open(&p, machine)) {
        uint64_t va = pe_local(&p, 1 << 20, 0);
        kb_run runs[] = {{0, 4, va + 8192}, {4, 1, va}, {5, 3, va + 70000}};
        kb_access access = {.dtype = KB_FLOAT16,
                            .rank = 1,
                            .dims = {8, 1, 1, 1, 1},
                            .n_elements = 8,
                            .n_runs = 3,
                            .runs = runs,
                            .first_va = va,
                            .end_va = va + 70006};
        (void)pe_load(&p, access);
        rig_run_well(&p.r);
        CHECK_EQ(pe_record(&p, 1, KB_OP_DMA_READ).work, 1);
        CHECK_EQ(pe_record(&p, 1, KB_OP_DMA_READ).nbytes, 16);
    }
    pe_close(&p);
}

/* A window of 4 KiB: large requests are cut at whole rows, a longer row at the window. */
static void window_cuts_requests(void) {
    pe_rig p;
    if (pe_open(&p, "{kernbench: 1, system: {sips: 1, sip: {cubes: [1, 1]}, cube: {pes: 2}, "
                    "pe: {dma: {window: 4096}}}}")) {
        uint64_t va = pe_local(&p, 1 << 20, 0);
        (void)pe_load(&p, pe_box(KB_FLOAT16, va, 10, 500, 600)); /* 1000 bytes a row: 4, 4, 2 */
        (void)pe_load(&p,
                      pe_box(KB_FLOAT16, va, 1, 5000, 5000)); /* 10000 bytes: 4096, 4096, 1808 */
        rig_run_well(&p.r);
        CHECK_EQ(pe_record(&p, 1, KB_OP_DMA_READ).work, 3);
        CHECK_EQ(pe_record(&p, 2, KB_OP_DMA_READ).work, 3);
        CHECK_EQ(pe_record(&p, 2, KB_OP_DMA_READ).nbytes, 10000);
    }
    pe_close(&p);
}

/* Requests of at most the window are outstanding: the second load's one starts when the first's is back. */
static void window_bounds_what_is_outstanding(void) {
    pe_rig p;
    if (pe_open(&p, machine)) {
        uint64_t va = pe_local(&p, 1 << 20, 0);
        (void)pe_load(&p, pe_box(KB_FLOAT16, va, 64, 64, 64));          /* half a window */
        (void)pe_load(&p, pe_box(KB_FLOAT16, va + 65536, 64, 64, 64));  /* the other half */
        (void)pe_load(&p, pe_box(KB_FLOAT16, va + 131072, 64, 64, 64)); /* has to wait */
        rig_run_well(&p.r);
        kb_record first = pe_record(&p, 1, KB_OP_DMA_READ),
                  second = pe_record(&p, 2, KB_OP_DMA_READ);
        kb_record third = pe_record(&p, 3, KB_OP_DMA_READ);
        CHECK_EQ(first.start_fs, 0);
        CHECK_EQ(second.start_fs, 0); /* set-up is pipelined */
        CHECK_EQ(third.start_fs + setup_fs, first.end_fs);
        CHECK(third.memory_start_fs < second.end_fs);
    }
    pe_close(&p);
}

static void nothing_costs_its_set_up(void) {
    pe_rig p;
    if (pe_open(&p, machine)) {
        uint64_t va = pe_local(&p, 4096, 0);
        kb_access access = pe_box(KB_FLOAT16, va, 4, 4, 4);
        access.n_elements = 0;
        access.first_va = access.end_va = 0;
        (void)pe_load(&p, access);
        rig_run_well(&p.r);
        kb_record record = pe_record(&p, 1, KB_OP_DMA_READ);
        CHECK_EQ(record.end_fs, setup_fs);
        CHECK_EQ(record.start_fs, 0);
        CHECK_EQ(record.nbytes, 0);
        CHECK_EQ(record.work, 0);
        CHECK_EQ(record.memory_end_fs, 0);
    }
    pe_close(&p);
}

/* Its slice is the PE's own: no router is touched. */
static void own_slice_uses_its_own_port(void) {
    pe_rig p;
    if (pe_open(&p, machine)) {
        uint64_t va = pe_local(&p, 1 << 20, 0);
        (void)pe_load(&p, pe_box(KB_FLOAT16, va, 64, 64, 64));
        rig_run_well(&p.r);
        uint32_t dma = rig_part(&p.r, KB_IMPL_PE_DMA, 0, 0, 0),
                 hbm = rig_part(&p.r, KB_IMPL_HBM, 0, 0, -1);
        const kb_link *links = kb_topology_links(p.r.topology);
        for (uint32_t i = 0; i < kb_topology_n_links(p.r.topology); i++) {
            uint64_t expected = 0;
            if (links[i].src == dma && links[i].dst == hbm) expected = 1;
            if (links[i].src == hbm && links[i].dst == dma) expected = 128;
            CHECK_EQ(kb_fabric_link_flits(p.r.parts.fabric, i), expected);
        }
    }
    pe_close(&p);
}

/* A replicated tensor is read from the PE's own cube, and not written. */
static void replicas(void) {
    pe_rig p;
    if (pe_open(&p, machine)) {
        kb_placement placement;
        kb_slices slices = {0, 4, 2};
        CHECK_EQ(kb_placement_replicated(&placement, &p.r.alloc, 1 << 20, slices, &p.r.err), KB_OK);
        uint64_t va = pe_map(&p, placement);
        uint32_t tile = pe_load(&p, pe_box(KB_FLOAT16, va, 64, 64, 64));
        rig_run_well(&p.r);
        CHECK_EQ(pe_record(&p, 1, KB_OP_DMA_READ).work, 1);
        pe_store(&p, tile, pe_box(KB_FLOAT16, va, 64, 64, 64));
        CHECK_EQ(rig_run(&p.r), KB_INVALID);
        CHECK(strstr(p.r.err.message, "kernel line 2, sip0.cube0.pe0") &&
              strstr(p.r.err.message, "replicated"));
    }
    pe_close(&p);
}

static void bad_addresses(void) {
    for (int i = 0; i < 3; i++) {
        pe_rig p;
        if (pe_open(&p, machine)) {
            uint64_t va = pe_local(&p, 4096, 0);
            uint64_t at = i == 0 ? 16 : i == 1 ? va + 4000 : va + 4096;
            (void)pe_load(&p, pe_box(KB_FLOAT16, at, 1, 64, 64));
            CHECK_EQ(rig_run(&p.r), i == 1 ? KB_BOUNDS : KB_PAGE_FAULT);
            CHECK(strstr(p.r.err.message,
                         "kernel line 1, sip0.cube0.pe0, program 0: load of float16: "));
            if (i == 0) CHECK(strstr(p.r.err.message, "null pointer") != NULL);
            if (i == 1) CHECK(strstr(p.r.err.message, "32 bytes past its end") != NULL);
        }
        pe_close(&p);
    }
}

int main(void) {
    TAP_RUN(one_flit_by_hand);
    TAP_RUN(misses_read_the_page_table);
    TAP_RUN(requests_end_before_a_page_that_is_missing);
    TAP_RUN(changed_maps_are_forgotten);
    TAP_RUN(zero_load_loads_obey_the_law);
    TAP_RUN(stores_end_with_their_commit);
    TAP_RUN(one_request_for_each_chunk);
    TAP_RUN(transposed_loads_are_blocks);
    TAP_RUN(gather_lists);
    TAP_RUN(window_cuts_requests);
    TAP_RUN(window_bounds_what_is_outstanding);
    TAP_RUN(nothing_costs_its_set_up);
    TAP_RUN(own_slice_uses_its_own_port);
    TAP_RUN(replicas);
    TAP_RUN(bad_addresses);
    return tap_finish();
}
