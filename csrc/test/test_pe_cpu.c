#include "hw/pe/pe_cpu.h"

#include "test/vm_rig.h"

#include "kir_kernels.h"

#define R KB_NO_REG

#define NS KB_FS_PER_NS

static const char *const two_pes =
    "{kernbench: 1, system: {sips: 1, sip: {cubes: [1, 1]}, cube: {pes: 2}}}\n";

static kir_builder k;
static vm_rig r;

static kb_kernel *vector_add(uint32_t block_size) {
    kir_vector_add(&k, block_size);
    return vm_kernel(&r, &k);
}

static kb_payload payload_of(kb_arena *arena, kb_opkind kind, int64_t n) {
    kb_payload payload = {0};
    int64_t index = 0;
    uint32_t n_words = 0;
    (void)vm_record(&r, kind, n, &index);
    const int64_t *words = kb_oplog_payload(r.log, index, &n_words);
    CHECK_EQ(kb_payload_decode(arena, kind, words, n_words, &payload, &r.err), KB_OK);
    return payload;
}

static void a_vector_add_runs(void) {
    if (!vm_open(&r, two_pes)) return;
    uint64_t args[4] = {vm_tensor(&r, 4000), vm_tensor(&r, 4000), vm_tensor(&r, 4000), 1000};
    vm_launch(&r, vector_add(256), args, 4, 0, 0);
    vm_run_well(&r);
    CHECK_EQ(r.n_done, 1);
    CHECK_EQ(r.last.late_pes, 0);
    CHECK_EQ(r.last.busy_pes, 0);
    CHECK_EQ(vm_count(&r, KB_OP_DMA_READ), 8);
    CHECK_EQ(vm_count(&r, KB_OP_MATH), 4);
    CHECK_EQ(vm_count(&r, KB_OP_DMA_WRITE), 4);
    CHECK_EQ(vm_count(&r, KB_OP_PROGRAM), 4);
    CHECK_EQ(vm_count(&r, KB_OP_FREE), 0); /* every last use is known when its command completes */
    CHECK_EQ(vm_count(&r, KB_OP_LAUNCH), 1);
    int64_t n_on_pe[2] = {0}, last_end_fs = 0;
    for (int64_t i = 0; i < 4; i++) {
        kb_record program = vm_record(&r, KB_OP_PROGRAM, i, NULL);
        if (!CHECK(program.pe == 0 || program.pe == 1)) continue;
        CHECK_EQ(program.pe, program.program / 2);
        if (n_on_pe[program.pe]++ == 0) CHECK_EQ(program.start_fs, r.last.target_start_fs);
        last_end_fs = program.end_fs;
    }
    CHECK(last_end_fs < r.last.done_fs);
    kb_arena arena;
    kb_arena_init(&arena, &r.alloc);
    for (int64_t i = 0; i < 4; i++) {
        int64_t index;
        kb_payload add = payload_of(&arena, KB_OP_MATH, i),
                   store = payload_of(&arena, KB_OP_DMA_WRITE, i);
        kb_record record = vm_record(&r, KB_OP_DMA_WRITE, i, &index);
        CHECK_EQ(add.n_operands, 2);
        CHECK(add.operand[0].last_use && add.operand[1].last_use && !add.result.last_use);
        CHECK(store.operand[0].last_use);
        CHECK_EQ(store.access.va, args[2] + (uint64_t)record.program * 1024);
        CHECK_EQ(store.access.n_elements, record.program == 3 ? 232 : 256);
        CHECK_EQ(store.access.masked, record.program == 3);
        CHECK_EQ(record.line, 7);
        CHECK_EQ(record.sequence, 3);
        CHECK_EQ(record.nbytes, record.program == 3 ? 928 : 1024);
    }
    kb_arena_deinit(&arena);
    vm_close(&r);
}

/* Costs of the default machine: scalar 1, block 2, command 20 cycles of 1 ns. */
static void commands_are_submitted_when_they_are_composed(void) {
    if (!vm_open(&r, two_pes)) return;
    uint64_t args[4] = {vm_tensor(&r, 4096), vm_tensor(&r, 4096), vm_tensor(&r, 4096), 1024};
    vm_launch(&r, vector_add(1024), args, 1, 0, 0);
    vm_run_well(&r);
    int64_t start_fs = r.last.target_start_fs;
    kb_record first = vm_record(&r, KB_OP_DMA_READ, 0, NULL),
              second = vm_record(&r, KB_OP_DMA_READ, 1, NULL);
    CHECK_EQ(first.ready_fs - start_fs, (3 + 3 * 2 + 2 + 20) * NS);
    CHECK_EQ(second.ready_fs - first.ready_fs, (2 + 20) * NS);
    kb_record add = vm_record(&r, KB_OP_MATH, 0, NULL);
    CHECK_EQ(add.ready_fs, second.end_fs);
    kb_record store = vm_record(&r, KB_OP_DMA_WRITE, 0, NULL),
              program = vm_record(&r, KB_OP_PROGRAM, 0, NULL);
    CHECK_EQ(store.ready_fs, add.end_fs);
    CHECK_EQ(program.end_fs, store.end_fs);
    CHECK_EQ(program.work, 14);
    vm_close(&r);
}

static kb_kernel *sum_up(void) {
    kir_sum_up(&k);
    return vm_kernel(&r, &k);
}

static void a_loop_counts_its_cycles(void) {
    if (!vm_open(&r, two_pes)) return;
    uint64_t args[2] = {vm_tensor(&r, 64), 100000};
    vm_launch(&r, sum_up(), args, 1, 0, 0);
    vm_run_well(&r);
    kb_arena arena;
    kb_arena_init(&arena, &r.alloc);
    kb_payload store = payload_of(&arena, KB_OP_DMA_WRITE, 0);
    kb_record record = vm_record(&r, KB_OP_DMA_WRITE, 0, NULL);
    CHECK_EQ((int64_t)store.operand[0].bits, 704982704); /* 4999950000 in 32 bits */
    CHECK_EQ(record.ready_fs - r.last.target_start_fs, (3 + 100000 * 5 + 2 + 20) * NS);
    kb_arena_deinit(&arena);
    vm_close(&r);
}

/* A clock whose period is no whole number of fs: cycles add up before they are rounded. */
static void cycles_add_up_exactly(void) {
    if (!vm_open(
            &r,
            "{kernbench: 1, system: {sips: 1, sip: {cubes: [1, 1]}, cube: {pes: 2}, pe: {clock_ghz: 1.83}}}\n"))
        return;
    uint64_t args[2] = {vm_tensor(&r, 64), 100000};
    vm_launch(&r, sum_up(), args, 1, 0, 0);
    vm_run_well(&r);
    kb_record record = vm_record(&r, KB_OP_DMA_WRITE, 0, NULL);
    CHECK_EQ(record.ready_fs - r.last.target_start_fs, (INT64_C(500025) * 100000000 + 182) / 183);
    vm_close(&r);
}

static void an_endless_loop_is_bounded(void) {
    kb_run_end end;
    if (!vm_open(&r, two_pes)) return;
    kir_begin(&k, "spin");
    k.line = 9;
    (void)kir_jump(&k, KB_KIR_JUMP, R, 0);
    kb_kernel *kernel = vm_kernel(&r, &k);
    vm_launch(&r, kernel, NULL, 1, 0, 0);
    CHECK_EQ(kb_sim_run(r.sim, KB_TIME_MAX, 1000, &end, &r.err), KB_OK);
    CHECK_EQ(end, KB_RUN_BUDGET);
    CHECK_EQ(kb_sim_run(r.sim, KB_TIME_MAX, 1000, &end, &r.err), KB_OK);
    CHECK_EQ(end, KB_RUN_BUDGET);
    vm_close(&r);
    if (!vm_open(&r, two_pes)) return;
    kernel = vm_kernel(&r, &k);
    vm_launch(&r, kernel, NULL, 2, 0, 1000000);
    CHECK_EQ(vm_run(&r), KB_DEADLOCK);
    CHECK(strncmp(r.err.message, "spin:9: program 0 has executed more than 1000000 instructions",
                  61) == 0);
    vm_close(&r);
}

/* offs = (offs + 1) % 100, many times: a vector each time, and no pile of them. */
static void a_loop_over_vectors_holds_its_memory(void) {
    kb_kir_type i32 = kir_scalar(KB_INT32), line = kir_block(KB_INT32, 256);
    if (!vm_open(&r, two_pes)) return;
    kir_begin(&k, "vectors");
    uint16_t out = kir_param(&k, "out", kir_pointer(KB_INT32)), n = kir_param(&k, "n", i32);
    uint16_t i = kir_const(&k, i32, 0), one = kir_const(&k, i32, 1),
             hundred = kir_const(&k, i32, 100);
    uint16_t more = kir_reg(&k, kir_scalar(KB_BOOL)), offs = kir_reg(&k, line);
    (void)kir_emit(&k, KB_KIR_ARANGE, 0, offs, R, R, R, kir_number(&k, 0));
    uint32_t head = kir_emit(&k, KB_KIR_BLOCK, KB_MATHOP_ADD, offs, offs, one, R, 0);
    (void)kir_emit(&k, KB_KIR_BLOCK, KB_MATHOP_MOD, offs, offs, hundred, R, 0);
    (void)kir_emit(&k, KB_KIR_SCALAR, KB_MATHOP_ADD, i, i, one, R, 0);
    (void)kir_emit(&k, KB_KIR_SCALAR, KB_MATHOP_LT, more, i, n, R, 0);
    (void)kir_jump(&k, KB_KIR_JUMP_IF, more, head);
    uint16_t p = kir_value(&k, KB_KIR_BLOCK_PTRADD, 0, kir_pointers(KB_INT32, 256), out, offs, R);
    (void)kir_emit(&k, KB_KIR_STORE, 0, R, p, offs, R, 0);
    kir_return(&k);
    uint64_t args[2] = {vm_tensor(&r, 400), 20000};
    int64_t before = r.alloc.live_nbytes;
    vm_launch(&r, vm_kernel(&r, &k), args, 1, 0, 0);
    vm_run_well(&r);
    CHECK(r.alloc.peak_nbytes - before < 4 << 20);
    kb_arena arena;
    kb_arena_init(&arena, &r.alloc);
    kb_payload store = payload_of(&arena, KB_OP_DMA_WRITE, 0);
    CHECK_EQ(store.access.n_runs, 3); /* 0 .. 99, 0 .. 99, 0 .. 55 */
    for (uint32_t lane = 0; lane < 256; lane++)
        CHECK_EQ(kb_block_at(store.operand[0].block, &lane), (lane + 20000) % 100);
    kb_arena_deinit(&arena);
    vm_close(&r);
}

/* --- stalls -------------------------------------------------------------------------------------- */

static kb_kernel *load_many(int n, uint32_t block_size, bool drops) {
    kir_load_many(&k, n, block_size, drops);
    return vm_kernel(&r, &k);
}

static void a_full_queue_stalls(void) {
    const char *yaml =
        "{kernbench: 1, system: {sips: 1, sip: {cubes: [1, 1]}, cube: {pes: 2}, pe: {sched: {queue: 2}}}}\n";
    if (!vm_open(&r, yaml)) return;
    uint64_t args[1] = {vm_tensor(&r, 65536)};
    vm_launch(&r, load_many(6, 4096, false), args, 1, 0, 0);
    vm_run_well(&r);
    CHECK_EQ(vm_count(&r, KB_OP_DMA_READ), 6);
    for (int64_t i = 2; i < 6; i++) {
        kb_record late = vm_record(&r, KB_OP_DMA_READ, i, NULL);
        CHECK_EQ(late.ready_fs, vm_record(&r, KB_OP_DMA_READ, i - 2, NULL).end_fs);
    }
    CHECK_EQ(vm_count(&r, KB_OP_FREE), 4); /* the last two were still on their way: last-use bits */
    vm_close(&r);
}

static void a_full_tcm_stalls_or_fails(void) {
    const char *yaml =
        "{kernbench: 1, system: {sips: 1, sip: {cubes: [1, 1]}, cube: {pes: 2}, pe: {tcm: {capacity: 32768}}}}\n";
    if (!vm_open(&r, yaml)) return;
    uint64_t args[1] = {vm_tensor(&r, 65536)};
    vm_launch(&r, load_many(5, 4096, true), args, 1, 0, 0);
    vm_run_well(&r);
    CHECK_EQ(vm_count(&r, KB_OP_DMA_READ), 5);
    CHECK(vm_record(&r, KB_OP_DMA_READ, 2, NULL).ready_fs >=
          vm_record(&r, KB_OP_DMA_READ, 0, NULL).end_fs);
    vm_close(&r);
    if (!vm_open(&r, yaml)) return;
    args[0] = vm_tensor(&r, 65536);
    vm_launch(&r, load_many(3, 4096, false), args, 1, 0, 0);
    CHECK_EQ(vm_run(&r), KB_RESOURCES);
    if (!CHECK(strncmp(r.err.message, "load_many:12: ", 14) == 0))
        printf("#     %s\n", r.err.message);
    vm_close(&r);
}

static kb_kernel *branch_on_a_load(void) {
    kir_branch(&k);
    return vm_kernel(&r, &k);
}

static void a_branch_may_depend_on_a_load(void) {
    for (int64_t value = 0; value < 2; value++) {
        if (!vm_open(&r, two_pes)) return;
        uint64_t args[2] = {vm_tensor(&r, 64), vm_tensor(&r, 64)};
        r.tile_value = value;
        vm_launch(&r, branch_on_a_load(), args, 1, 0, 0);
        vm_run_well(&r);
        kb_arena arena;
        kb_arena_init(&arena, &r.alloc);
        kb_payload store = payload_of(&arena, KB_OP_DMA_WRITE, 0);
        kb_record read = vm_record(&r, KB_OP_DMA_READ, 0, NULL),
                  write = vm_record(&r, KB_OP_DMA_WRITE, 0, NULL);
        CHECK_EQ(store.operand[0].bits, value ? 7 : 8);
        CHECK_EQ(write.ready_fs - read.end_fs, (4 + 1 + 20) * NS); /* TCM 4 ns, branch, command */
        CHECK_EQ(vm_count(&r, KB_OP_FREE), 1); /* the tile is dropped after its value was read */
        kb_arena_deinit(&arena);
        vm_close(&r);
    }
}

static void wait_memory_waits(void) {
    kb_kir_type i32 = kir_scalar(KB_INT32);
    if (!vm_open(&r, two_pes)) return;
    kir_begin(&k, "fence");
    uint16_t out = kir_param(&k, "out", kir_pointer(KB_INT32)), one = kir_const(&k, i32, 1);
    (void)kir_emit(&k, KB_KIR_STORE, 0, R, out, one, R, 0);
    (void)kir_emit(&k, KB_KIR_WAIT_MEMORY, 0, R, R, R, R, 0);
    uint16_t next = kir_value(&k, KB_KIR_PTRADD, 0, kir_pointer(KB_INT32), out, one, R);
    (void)kir_emit(&k, KB_KIR_STORE, 0, R, next, one, R, 0);
    kir_return(&k);
    uint64_t args[1] = {vm_tensor(&r, 64)};
    vm_launch(&r, vm_kernel(&r, &k), args, 1, 0, 0);
    vm_run_well(&r);
    CHECK_EQ(vm_record(&r, KB_OP_DMA_WRITE, 1, NULL).ready_fs,
             vm_record(&r, KB_OP_DMA_WRITE, 0, NULL).end_fs + 21 * NS);
    vm_close(&r);
}

/* acc += a @ a, in a loop */
static void an_accumulator_is_updated_in_place(void) {
    kb_kir_type square = kir_tile2(KB_FLOAT32, 64, 64), i32 = kir_scalar(KB_INT32);
    if (!vm_open(
            &r,
            "{kernbench: 1, system: {sips: 1, sip: {cubes: [1, 1]}, cube: {pes: 2}, pe: {tcm: {capacity: 49152}}}}\n"))
        return;
    kir_begin(&k, "accumulate");
    uint16_t zero = kir_const(&k, kir_scalar(KB_FLOAT32), 0), i = kir_const(&k, i32, 0);
    uint16_t one = kir_const(&k, i32, 1), many = kir_const(&k, i32, 10),
             more = kir_reg(&k, kir_scalar(KB_BOOL));
    uint16_t a = kir_value(&k, KB_KIR_FULL, 0, square, zero, R, R),
             acc = kir_value(&k, KB_KIR_FULL, 0, square, zero, R, R);
    uint32_t head = kir_emit(&k, KB_KIR_DOT, KB_IEEE, acc, a, a, acc, 0);
    (void)kir_emit(&k, KB_KIR_SCALAR, KB_MATHOP_ADD, i, i, one, R, 0);
    (void)kir_emit(&k, KB_KIR_SCALAR, KB_MATHOP_LT, more, i, many, R, 0);
    (void)kir_jump(&k, KB_KIR_JUMP_IF, more, head);
    /* now somebody else holds it: a new tile */
    uint16_t held = kir_value(&k, KB_KIR_MOV, 0, square, acc, R, R);
    (void)kir_emit(&k, KB_KIR_DOT, KB_IEEE, acc, a, a, acc, 0);
    (void)kir_emit(&k, KB_KIR_DROP, 0, R, held, R, R, 0);
    kir_return(&k);
    vm_launch(&r, vm_kernel(&r, &k), NULL, 1, 0, 0);
    vm_run_well(&r);
    CHECK_EQ(vm_count(&r, KB_OP_GEMM), 11);
    kb_arena arena;
    kb_arena_init(&arena, &r.alloc);
    for (int64_t n = 0; n < 11; n++) {
        kb_payload p = payload_of(&arena, KB_OP_GEMM, n);
        CHECK(p.result.bits != p.operand[2].bits);
        CHECK_EQ(p.operand[0].bits, p.operand[1].bits);
        if (n == 0) continue;
        kb_record before = vm_record(&r, KB_OP_GEMM, n - 1, NULL),
                  now = vm_record(&r, KB_OP_GEMM, n, NULL);
        CHECK(now.start_fs >= before.end_fs);
        CHECK_EQ(p.operand[2].bits, payload_of(&arena, KB_OP_GEMM, n - 1).result.bits);
    }
    kb_arena_deinit(&arena);
    vm_close(&r);
}

/* --- errors -------------------------------------------------------------------------------------- */

static void leaving_a_tensor_is_an_error(void) {
    if (!vm_open(&r, two_pes)) return;
    uint64_t args[4] = {vm_tensor(&r, 4000), vm_tensor(&r, 4000), vm_tensor(&r, 4000), 1001};
    vm_launch(&r, vector_add(256), args, 4, 0, 0);
    CHECK_EQ(vm_run(&r), KB_BOUNDS);
    const char *expected =
        "vector_add:4: load of float32 outside of its tensor: PE 1, program 3: expected "
        "an address in [0x10000, 0x10fa0) (tensor 0, 1000 elements), got 0x10fa0, element "
        "1000 of the tensor, by element 232 of the block; mask it";
    CHECK_STR(r.err.message, expected);
    vm_close(&r);
}

static void a_null_pointer_is_an_error(void) {
    if (!vm_open(&r, two_pes)) return;
    uint64_t args[4] = {0, 0, 0, 256};
    vm_launch(&r, vector_add(256), args, 1, 0, 0);
    CHECK_EQ(vm_run(&r), KB_PAGE_FAULT);
    CHECK(strncmp(r.err.message, "vector_add:4: ", 14) == 0);
    CHECK(strstr(r.err.message, "null pointer") != NULL);
    vm_close(&r);
}

static void nothing_is_touched_where_all_lanes_are_off(void) {
    if (!vm_open(&r, two_pes)) return;
    uint64_t args[4] = {vm_tensor(&r, 4000), vm_tensor(&r, 4000), vm_tensor(&r, 4000), 0};
    vm_launch(&r, vector_add(256), args, 8, 0, 0);
    vm_run_well(&r);
    CHECK_EQ(vm_count(&r, KB_OP_DMA_READ), 16);
    CHECK_EQ(vm_record(&r, KB_OP_DMA_READ, 0, NULL).nbytes, 0);
    CHECK_EQ(vm_count(&r, KB_OP_PROGRAM), 8);
    vm_close(&r);
}

static void an_assertion_says_where(void) {
    if (!vm_open(&r, two_pes)) return;
    kir_begin(&k, "asserts");
    uint16_t no = kir_const(&k, kir_scalar(KB_BOOL), 0);
    k.line = 4;
    (void)kir_emit(&k, KB_KIR_ASSERT, 0, R, no, R, R, kir_text(&k, "n is even"));
    kir_return(&k);
    vm_launch(&r, vm_kernel(&r, &k), NULL, 1, 0, 0);
    CHECK_EQ(vm_run(&r), KB_FAILED);
    CHECK_STR(r.err.message, "asserts:4: program 0: assertion failed: n is even");
    vm_close(&r);
}

/* --- several programs ---------------------------------------------------------------------------- */

static int64_t time_of(const char *yaml, int64_t n_programs) {
    if (!vm_open(&r, yaml)) return 0;
    uint64_t args[1] = {vm_tensor(&r, 65536)};
    vm_launch(&r, load_many(2, 64, false), args, n_programs, 0, 0);
    vm_run_well(&r);
    CHECK_EQ(vm_count(&r, KB_OP_PROGRAM), n_programs);
    int64_t time_fs = r.last.done_fs - r.last.target_start_fs;
    vm_close(&r);
    return time_fs;
}

static void contexts_overlap(void) {
    int64_t one_fs = time_of(two_pes, 16);
    int64_t two_fs = time_of(
        "{kernbench: 1, system: {sips: 1, sip: {cubes: [1, 1]}, cube: {pes: 2}, pe: {contexts: 2}}}\n",
        16);
    CHECK(two_fs < one_fs);
    CHECK(two_fs > one_fs / 2);
}

static void a_launch_waits_for_a_context(void) {
    if (!vm_open(&r, two_pes)) return;
    uint64_t args[2] = {vm_tensor(&r, 64), 100000};
    kb_kernel *kernel = sum_up();
    vm_launch(&r, kernel, args, 1, 0, 0); /* on PE 0 */
    vm_launch(&r, kernel, args, 2, 1, 0); /* another stream, on both */
    vm_run_well(&r);
    CHECK_EQ(r.n_done, 2);
    CHECK_EQ(r.last.id, 1);
    CHECK_EQ(r.last.busy_pes, 1);
    kb_record first = vm_record(&r, KB_OP_PROGRAM, 0, NULL),
              last = vm_record(&r, KB_OP_PROGRAM, 2, NULL);
    CHECK_EQ(first.launch, 0);
    CHECK_EQ(last.launch, 1);
    CHECK_EQ(last.pe, 0);
    CHECK_EQ(last.start_fs, first.end_fs);
    CHECK(last.start_fs > last.ready_fs);
    vm_close(&r);
}

static void two_runs_are_equal(void) {
    uint64_t hashes[2] = {0};
    for (int run = 0; run < 2; run++) {
        if (!vm_open(&r, two_pes)) return;
        uint64_t args[4] = {vm_tensor(&r, 4000), vm_tensor(&r, 4000), vm_tensor(&r, 4000), 1000};
        vm_launch(&r, vector_add(64), args, 16, 0, 0);
        vm_run_well(&r);
        hashes[run] = kb_oplog_hash(r.log);
        vm_close(&r);
    }
    CHECK_EQ(hashes[0], hashes[1]);
    CHECK(hashes[0] != 0);
}

static void what_it_waits_for_is_described(void) {
    kb_run_end end;
    char text[256];
    if (!vm_open(&r, two_pes)) return;
    uint64_t args[2] = {vm_tensor(&r, 64), vm_tensor(&r, 64)};
    const kb_parts *parts = kb_machine_parts(r.machine);
    const void *pe = kb_parts_find(parts, KB_IMPL_PE_CPU, 0, 0, 0);
    CHECK_EQ(kb_pe_cpu_describe(pe, text, sizeof text), 0);
    vm_launch(&r, branch_on_a_load(), args, 1, 0, 0);
    while (kb_pe_cpu_describe(pe, text, sizeof text) == 0 || !strstr(text, "tile"))
        if (!CHECK_EQ(kb_sim_run(r.sim, KB_TIME_MAX, 1, &end, &r.err), KB_OK) || end == KB_RUN_IDLE)
            break;
    CHECK_STR(text, "branch:1: program 0 waits for the tile of line 1");
    CHECK_EQ(kb_pe_cpu_describe(pe, text, 10), 9);
    CHECK_STR(text, "branch:1:");
    vm_run_well(&r);
    CHECK_EQ(kb_pe_cpu_describe(pe, text, sizeof text), 0);
    vm_close(&r);
}

static void each_failing_allocation_is_survived(void) {
    kb_status status = KB_NOMEM;
    uint64_t n_calls = 0;
    if (!vm_open(&r, two_pes)) return;
    uint64_t made = r.alloc.n_calls;
    vm_close(&r);
    for (uint64_t fail_at = made + 1; fail_at < made + 400 && status != KB_OK; fail_at++) {
        if (!vm_open(&r, two_pes)) return;
        uint64_t args[4] = {vm_tensor(&r, 4000), vm_tensor(&r, 4000), vm_tensor(&r, 4000), 1000};
        kb_kernel *kernel = vector_add(256);
        int32_t number, id;
        CHECK_EQ(kb_oplog_add_kernel(r.log, kernel->name, &number, &r.err), KB_OK);
        kb_launch_spec spec = {
            .kernel = kernel, .kernel_number = number, .args = args, .grid = {4, 1, 1}};
        if (n_calls == 0) n_calls = r.alloc.n_calls;
        r.alloc.fail_at = n_calls + (fail_at - made);
        status = kb_machine_launch(r.machine, &spec, &id, &r.err);
        if (status == KB_OK) status = vm_run(&r);
        CHECK(status == KB_OK || status == KB_NOMEM);
        vm_close(&r);
    }
    CHECK_EQ(status, KB_OK);
}

int main(void) {
    TAP_RUN(a_vector_add_runs);
    TAP_RUN(commands_are_submitted_when_they_are_composed);
    TAP_RUN(a_loop_counts_its_cycles);
    TAP_RUN(cycles_add_up_exactly);
    TAP_RUN(an_endless_loop_is_bounded);
    TAP_RUN(a_loop_over_vectors_holds_its_memory);
    TAP_RUN(a_full_queue_stalls);
    TAP_RUN(a_full_tcm_stalls_or_fails);
    TAP_RUN(a_branch_may_depend_on_a_load);
    TAP_RUN(wait_memory_waits);
    TAP_RUN(an_accumulator_is_updated_in_place);
    TAP_RUN(leaving_a_tensor_is_an_error);
    TAP_RUN(a_null_pointer_is_an_error);
    TAP_RUN(nothing_is_touched_where_all_lanes_are_off);
    TAP_RUN(an_assertion_says_where);
    TAP_RUN(contexts_overlap);
    TAP_RUN(a_launch_waits_for_a_context);
    TAP_RUN(two_runs_are_equal);
    TAP_RUN(what_it_waits_for_is_described);
    TAP_RUN(each_failing_allocation_is_survived);
    return tap_finish();
}
