#include "hw/pe/pe_sched.h"

#include "test/pe_rig.h"

static const char *const machine =
    "{kernbench: 1, system: {sips: 1, sip: {cubes: [1, 1]}, cube: {pes: 2}, "
    "pe: {sched: {queue: 8}}}}";

static kb_access rows_at(uint64_t va, uint32_t rows) {
    return pe_box(KB_FLOAT16, va, rows, 64, 64);
}

static void commands_follow_their_producers(void) {
    pe_rig p;
    if (pe_open(&p, machine)) {
        uint64_t va = pe_local(&p, 1 << 20, 0);
        uint32_t a = pe_load(&p, rows_at(va, 64)), b = pe_load(&p, rows_at(va + 8192, 64));
        uint32_t c = pe_dot(&p, a, b, KB_NO_TILE, 64, 64, 64);
        pe_store(&p, c, rows_at(va + 65536, 64));
        CHECK_EQ(kb_sched_count(p.sched, 0), 4);
        CHECK(!kb_sched_idle(p.sched, 0) && !kb_sched_memory_idle(p.sched, 0));
        rig_run_well(&p.r);
        kb_record load_b = pe_record(&p, 2, KB_OP_DMA_READ), dot = pe_record(&p, 3, KB_OP_GEMM);
        kb_record store = pe_record(&p, 4, KB_OP_DMA_WRITE);
        CHECK(pe_record(&p, 1, KB_OP_DMA_READ).end_fs < load_b.end_fs);
        CHECK_EQ(dot.ready_fs, load_b.end_fs);
        CHECK_EQ(dot.start_fs, dot.ready_fs);
        CHECK_EQ(store.ready_fs, dot.end_fs);
        CHECK_EQ(p.n_progress, 4);
        CHECK(kb_sched_idle(p.sched, 0) && kb_sched_memory_idle(p.sched, 0));
    }
    pe_close(&p);
}

static void engines_run_side_by_side(void) {
    pe_rig p;
    if (pe_open(&p, machine)) {
        uint64_t va = pe_local(&p, 1 << 20, 0);
        uint32_t a = pe_load(&p, rows_at(va, 64));
        uint32_t c = pe_dot(&p, a, a, KB_NO_TILE, 64, 64, 64);
        uint32_t d = pe_math(&p, a, KB_NO_TILE, 4096, KB_MATH_SIMPLE);
        rig_run_well(&p.r);
        kb_record dot = pe_record(&p, 2, KB_OP_GEMM), math = pe_record(&p, 3, KB_OP_MATH);
        CHECK_EQ(dot.start_fs, math.start_fs);
        CHECK(kb_tcm_is_there(p.tcm, c) && kb_tcm_is_there(p.tcm, d));
    }
    pe_close(&p);
}

/* Ready at one instant: in order of submission. */
static void ties_go_in_program_order(void) {
    pe_rig p;
    if (pe_open(&p, machine)) {
        uint64_t va = pe_local(&p, 1 << 20, 0);
        uint32_t a = pe_load(&p, rows_at(va, 64));
        for (int i = 0; i < 4; i++) (void)pe_math(&p, a, KB_NO_TILE, 4096, KB_MATH_SIMPLE);
        rig_run_well(&p.r);
        for (int32_t line = 3; line < 6; line++) {
            CHECK_EQ(pe_record(&p, line, KB_OP_MATH).ready_fs,
                     pe_record(&p, 2, KB_OP_MATH).ready_fs);
            CHECK_EQ(pe_record(&p, line, KB_OP_MATH).start_fs,
                     pe_record(&p, line - 1, KB_OP_MATH).end_fs);
        }
    }
    pe_close(&p);
}

/* The accumulator of the second dot overwrites what the store still reads. */
static void in_place_waits_for_readers(void) {
    pe_rig p;
    if (pe_open(&p, machine)) {
        uint64_t va = pe_local(&p, 1 << 20, 0);
        uint32_t a = pe_load(&p, rows_at(va, 64));
        uint32_t acc = pe_dot(&p, a, a, KB_NO_TILE, 64, 64, 64);
        pe_store(&p, acc, rows_at(va + 65536, 64));
        int64_t held = kb_tcm_held(p.tcm, 0);
        uint32_t next = pe_dot(&p, a, a, acc, 64, 64, 64);
        CHECK_EQ(kb_tcm_held(p.tcm, 0), held);
        CHECK(kb_tcm_tile(p.tcm, next)->version != kb_tcm_tile(p.tcm, acc)->version);
        pe_drop(&p, acc);
        rig_run_well(&p.r);
        CHECK_EQ(pe_record(&p, 4, KB_OP_GEMM).ready_fs, pe_record(&p, 3, KB_OP_DMA_WRITE).end_fs);
        CHECK_EQ(kb_tcm_held(p.tcm, 0), held);
    }
    pe_close(&p);
}

static void overlapping_memory_keeps_program_order(void) {
    pe_rig p;
    if (pe_open(&p, machine)) {
        uint64_t va = pe_local(&p, 1 << 20, 0);
        uint32_t a = pe_load(&p, rows_at(va, 64));
        pe_store(&p, a, rows_at(va + 8192, 64));        /* line 2 */
        (void)pe_load(&p, rows_at(va + 8192 + 128, 8)); /* 3: reads what 2 writes */
        (void)pe_load(&p, rows_at(va + 2 * 8192, 64));  /* 4: touches it nowhere */
        pe_store(&p, a, rows_at(va + 2 * 8192, 64));    /* 5: overwrites what 4 reads */
        rig_run_well(&p.r);
        CHECK_EQ(pe_record(&p, 3, KB_OP_DMA_READ).ready_fs,
                 pe_record(&p, 2, KB_OP_DMA_WRITE).end_fs);
        CHECK_EQ(pe_record(&p, 4, KB_OP_DMA_READ).ready_fs, 0);
        CHECK_EQ(pe_record(&p, 5, KB_OP_DMA_WRITE).ready_fs,
                 pe_record(&p, 4, KB_OP_DMA_READ).end_fs);
    }
    pe_close(&p);
}

/* --- versions --------------------------------------------------------------------------------- */

static bool operand_is_last_use(const pe_rig *p, int32_t line, kb_opkind kind, uint64_t version,
                                bool *result) {
    kb_arena arena;
    kb_arena_init(&arena, (kb_alloc *)&p->r.alloc);
    bool last = false;
    for (int64_t i = 0; i < kb_oplog_count(p->r.parts.log); i++) {
        kb_record record = kb_oplog_get(p->r.parts.log, i);
        kb_payload payload;
        uint32_t n_words;
        if (record.line != line || record.kind != kind) continue;
        const int64_t *words = kb_oplog_payload(p->r.parts.log, i, &n_words);
        kb_error err = KB_ERROR_INIT;
        CHECK_EQ(kb_payload_decode(&arena, kind, words, n_words, &payload, &err), KB_OK);
        *result = payload.result.last_use;
        for (uint32_t j = 0; j < payload.n_operands; j++)
            if (payload.operand[j].bits == version) last |= payload.operand[j].last_use;
    }
    kb_arena_deinit(&arena);
    return last;
}

static int count_kind(const pe_rig *p, kb_opkind kind) {
    int n = 0;
    for (int64_t i = 0; i < kb_oplog_count(p->r.parts.log); i++)
        if (kb_oplog_get(p->r.parts.log, i).kind == kind) n++;
    return n;
}

static void last_uses_are_logged(void) {
    pe_rig p;
    bool result;
    if (pe_open(&p, machine)) {
        uint64_t va = pe_local(&p, 1 << 20, 0);
        uint32_t a = pe_load(&p, rows_at(va, 64));
        uint64_t version = kb_tcm_tile(p.tcm, a)->version;
        (void)pe_math(&p, a, KB_NO_TILE, 4096, KB_MATH_SIMPLE);
        uint32_t unread = pe_math(&p, a, a, 4096, KB_MATH_SIMPLE);
        pe_drop(&p, a);
        pe_drop(&p, unread);
        CHECK_EQ(kb_tcm_held(p.tcm, 0), 3 * 8192);
        rig_run_well(&p.r);
        CHECK(!operand_is_last_use(&p, 2, KB_OP_MATH, version, &result));
        CHECK(!result);
        CHECK(operand_is_last_use(&p, 3, KB_OP_MATH, version, &result));
        CHECK(result); /* computed and dropped */
        CHECK_EQ(count_kind(&p, KB_OP_FREE), 0);
        CHECK_EQ(kb_tcm_held(p.tcm, 0), 8192);
    }
    pe_close(&p);
}

static void later_drops_are_free_records(void) {
    pe_rig p;
    if (pe_open(&p, machine)) {
        uint64_t va = pe_local(&p, 1 << 20, 0);
        uint32_t a = pe_load(&p, rows_at(va, 64));
        kb_tcm_hold(p.tcm, a);
        rig_run_well(&p.r);
        pe_drop(&p, a);
        CHECK_EQ(count_kind(&p, KB_OP_FREE), 0);
        pe_drop(&p, a);
        CHECK_EQ(count_kind(&p, KB_OP_FREE), 1);
        CHECK_EQ(pe_record(&p, 1, KB_OP_FREE).end_fs, kb_sim_now(p.r.parts.sim));
        CHECK_EQ(kb_tcm_held(p.tcm, 0), 0);
    }
    pe_close(&p);
}

static void versions_are_never_reused(void) {
    pe_rig p;
    if (pe_open(&p, machine)) {
        uint64_t seen = 0;
        for (uint64_t i = 0; i < 10; i++) {
            uint32_t tile = pe_tile(&p, 100);
            CHECK_EQ(kb_tcm_tile(p.tcm, tile)->version, i);
            seen |= UINT64_C(1) << tile;
            pe_drop(&p, tile);
        }
        CHECK_EQ(seen, 1); /* slots are */
        CHECK_EQ(kb_oplog_count(p.r.parts.log), 0);
        kb_tcm *other = kb_parts_find(&p.r.parts, KB_IMPL_PE_TCM, 0, 0, 1);
        uint32_t tile;
        CHECK_EQ(kb_tcm_take(other, 0, 1, 1, &tile, &p.r.err), KB_OK);
        CHECK_EQ(kb_tcm_tile(other, tile)->version, UINT64_C(1) << 40);
        CHECK_EQ(kb_tcm_held(other, 0), KB_TCM_GRANULE);
    }
    pe_close(&p);
}

/* --- limits ----------------------------------------------------------------------------------- */

static void queue_is_bounded(void) {
    pe_rig p;
    if (pe_open(&p, machine)) {
        uint64_t va = pe_local(&p, 1 << 20, 0);
        for (uint64_t i = 0; i < 8; i++) (void)pe_load(&p, rows_at(va + i * 8192, 1));
        CHECK(kb_sched_take(p.sched, 0) == NULL);
        rig_run_well(&p.r);
        CHECK(kb_sched_take(p.sched, 0) != NULL);
        CHECK(kb_sched_take(p.sched, 0) == kb_sched_take(p.sched, 0));
    }
    pe_close(&p);
}

static void tcm_waits_for_tiles_in_flight(void) {
    pe_rig p;
    if (pe_open(&p, machine)) {
        uint64_t va = pe_local(&p, 1 << 20, 0);
        uint32_t a = pe_load(&p, rows_at(va, 1024)), tile; /* 128 KiB of 1 MiB */
        CHECK_EQ(kb_tcm_share(p.tcm, 0), 1 << 20);
        CHECK_EQ(kb_tcm_take(p.tcm, 0, 1 << 20, 9, &tile, &p.r.err), KB_OK);
        CHECK_EQ(tile, KB_NO_TILE);
        pe_drop(&p, a);
        rig_run_well(&p.r);
        CHECK_EQ(kb_tcm_take(p.tcm, 0, 1 << 20, 9, &tile, &p.r.err), KB_OK);
        CHECK(tile != KB_NO_TILE);
    }
    pe_close(&p);
}

static void tcm_says_what_can_never_fit(void) {
    pe_rig p;
    if (pe_open(&p, machine)) {
        uint64_t va = pe_local(&p, 1 << 20, 0);
        uint32_t tile;
        CHECK_EQ(kb_tcm_take(p.tcm, 0, (1 << 20) + 1, 12, &tile, &p.r.err), KB_RESOURCES);
        CHECK(strstr(p.r.err.message, "line 12: ") == p.r.err.message);
        CHECK(strstr(p.r.err.message, "1048577") && strstr(p.r.err.message, "1048576"));
        (void)pe_load(&p, rows_at(va, 1024));
        (void)pe_load(&p, rows_at(va, 2048));
        rig_run_well(&p.r);
        CHECK_EQ(kb_tcm_take(p.tcm, 0, 800000, 13, &tile, &p.r.err), KB_RESOURCES);
        CHECK_EQ(tile, KB_NO_TILE);
        CHECK(strstr(p.r.err.message, "line 1: 1 with 131072 bytes, line 2: 1 with 262144 bytes"));
    }
    pe_close(&p);
}

/* What tensors take leaves less for tiles, and comes back (ADR-0071 D4). */
static void tcm_is_lent_to_tensors(void) {
    pe_rig p;
    if (pe_open(&p, machine)) {
        uint32_t tile;
        CHECK_EQ(kb_tcm_lend(p.tcm, 1 << 19, &p.r.err), KB_OK);
        CHECK_EQ(kb_tcm_lend(p.tcm, 4096, &p.r.err), KB_OK);
        CHECK_EQ(kb_tcm_share(p.tcm, 0), (1 << 19) - 4096);
        CHECK_EQ(kb_tcm_take(p.tcm, 0, 1 << 19, 7, &tile, &p.r.err), KB_RESOURCES);
        CHECK(strstr(p.r.err.message, "520192 bytes (tensors take 528384 bytes of the PE's)"));
        CHECK_EQ(kb_tcm_lend(p.tcm, -4096, &p.r.err), KB_OK);
        CHECK_EQ(kb_tcm_take(p.tcm, 0, 1 << 19, 7, &tile, &p.r.err), KB_OK);
        CHECK_EQ(kb_tcm_lend(p.tcm, 4096, &p.r.err), KB_DEVICE_MEMORY);
        CHECK(strstr(p.r.err.message, "holds 524288 bytes in tiles") != NULL);
        CHECK_EQ(kb_tcm_share(p.tcm, 0), 1 << 19);
        CHECK_EQ(kb_tcm_share(p.tcm, 1), 1 << 18); /* for communication: its own */
        CHECK_EQ(kb_tcm_lend(p.tcm, -(1 << 19), &p.r.err), KB_OK);
        CHECK_EQ(kb_tcm_share(p.tcm, 0), 1 << 20);
    }
    pe_close(&p);
}

static void contexts_split_the_tcm(void) {
    pe_rig p;
    if (pe_open(&p, "{kernbench: 1, system: {sips: 1, sip: {cubes: [1, 1]}, cube: {pes: 2}, "
                    "pe: {contexts: 3}}}")) {
        uint32_t tile;
        CHECK_EQ(kb_tcm_share(p.tcm, 0), (1 << 20) / 3 / 32 * 32);
        for (uint32_t c = 0; c < 3; c++) {
            CHECK_EQ(kb_tcm_take(p.tcm, c, 300000, 1, &tile, &p.r.err), KB_OK);
            CHECK(tile != KB_NO_TILE);
            CHECK_EQ(kb_tcm_take(p.tcm, c, 300000, 1, &tile, &p.r.err), KB_RESOURCES);
        }
        CHECK(kb_sched_take(p.sched, 0) != kb_sched_take(p.sched, 2));
    }
    pe_close(&p);
}

/* --- memory ----------------------------------------------------------------------------------- */

static void a_round(pe_rig *p, uint64_t va) {
    uint32_t acc = KB_NO_TILE;
    for (uint64_t i = 0; i < 2; i++) {
        uint32_t a = pe_load(p, rows_at(va + i * 8192, 64));
        uint32_t next = pe_dot(p, a, a, acc, 64, 64, 64);
        if (acc != KB_NO_TILE) pe_drop(p, acc);
        pe_drop(p, a);
        acc = next;
    }
    pe_store(p, acc, rows_at(va, 64));
    pe_drop(p, acc);
    rig_run_well(&p->r);
}

/* The log grows, and nothing else does. */
static void warm_commands_take_no_memory(void) {
    pe_rig p;
    if (pe_open(&p, machine)) {
        uint64_t va = pe_local(&p, 1 << 20, 0);
        for (int i = 0; i < 4; i++) a_round(&p, va);
        uint64_t n_calls = p.r.alloc.n_calls;
        int64_t log_nbytes = kb_oplog_nbytes(p.r.parts.log);
        for (int i = 0; i < 4; i++) a_round(&p, va);
        CHECK_EQ(kb_oplog_nbytes(p.r.parts.log), log_nbytes);
        CHECK_EQ(p.r.alloc.n_calls, n_calls);
        CHECK_EQ(kb_tcm_held(p.tcm, 0), 0);
        CHECK_EQ(count_kind(&p, KB_OP_GEMM), 16);
    }
    pe_close(&p);
}

int main(void) {
    TAP_RUN(commands_follow_their_producers);
    TAP_RUN(engines_run_side_by_side);
    TAP_RUN(ties_go_in_program_order);
    TAP_RUN(in_place_waits_for_readers);
    TAP_RUN(overlapping_memory_keeps_program_order);
    TAP_RUN(last_uses_are_logged);
    TAP_RUN(later_drops_are_free_records);
    TAP_RUN(versions_are_never_reused);
    TAP_RUN(queue_is_bounded);
    TAP_RUN(tcm_waits_for_tiles_in_flight);
    TAP_RUN(tcm_says_what_can_never_fit);
    TAP_RUN(tcm_is_lent_to_tensors);
    TAP_RUN(contexts_split_the_tcm);
    TAP_RUN(warm_commands_take_no_memory);
    return tap_finish();
}
