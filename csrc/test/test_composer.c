#include "hw/pe/composer.h"

#include "test/vm_rig.h"

#include "kir_kernels.h"

#define NS KB_FS_PER_NS

static const char *const one_pe =
    "{kernbench: 1, system: {sips: 1, sip: {cubes: [1, 1]}, cube: {pes: 1, hbm: {pcs: 4, capacity: "
    "4294967296}}, pe: {sched: {token_ns: 3}}}}\n";

static kir_builder k;
static vm_rig r;

/* Runs c (m x n) = relu(a (m x depth) @ b) by tiles of 64 x 32 and steps of 16. */
static bool run_product(const char *yaml, int64_t m, int64_t n, int64_t depth, uint32_t buffers) {
    if (!vm_open(&r, yaml)) return false;
    uint64_t a = vm_tensor(&r, (uint64_t)(m * depth * 2) + 1);
    uint64_t b = vm_tensor(&r, (uint64_t)(depth * n * 2) + 1);
    uint64_t c = vm_tensor(&r, (uint64_t)(m * n * 4) + 1);
    uint64_t args[6] = {a, b, c, (uint64_t)m, (uint64_t)n, (uint64_t)depth};
    (void)kir_product(&k, 64, 32, 16, buffers);
    vm_launch(&r, vm_kernel(&r, &k), args, 1, 0, 0);
    vm_run_well(&r);
    CHECK_EQ(r.n_done, 1);
    return true;
}

/* How many records of a kind had begun (ready) and not ended at the moment when one of them was ready. */
static int64_t most_at_once(kb_opkind kind) {
    int64_t most = 0, n = vm_count(&r, kind);
    for (int64_t i = 0; i < n; i++) {
        int64_t at_fs = vm_record(&r, kind, i, NULL).ready_fs, count = 0;
        for (int64_t j = 0; j < n; j++) {
            kb_record other = vm_record(&r, kind, j, NULL);
            count += other.ready_fs <= at_fs && at_fs < other.end_fs;
        }
        most = count > most ? count : most;
    }
    return most;
}

static void a_composite_is_cut_into_tiles(void) {
    if (!run_product(one_pe, 100, 70, 40, 4)) return;
    /* 2 x 3 tiles, 3 steps each, ragged along every axis */
    CHECK_EQ(vm_count(&r, KB_OP_DMA_READ), 6 * 3 * 2);
    CHECK_EQ(vm_count(&r, KB_OP_GEMM), 6 * 3);
    CHECK_EQ(vm_count(&r, KB_OP_MATH), 6 * 2);
    CHECK_EQ(vm_count(&r, KB_OP_DMA_WRITE), 6);
    CHECK_EQ(vm_count(&r, KB_OP_FREE), 0);
    kb_record all = vm_record(&r, KB_OP_COMPOSITE, 0, NULL);
    CHECK_EQ(all.work, 6 * (1 + 3 + 1));
    CHECK_EQ(all.nbytes, 3 * 100 * 40 * 2 + 2 * 40 * 70 * 2 + 100 * 70 * 4);
    CHECK_EQ(all.line, 5);
    CHECK_EQ(all.sequence, 0);
    CHECK_EQ(all.dtype, KB_FLOAT32);
    int64_t n_gemm = 0;
    for (int64_t i = 0; i < kb_oplog_count(r.log); i++) {
        kb_record record = kb_oplog_get(r.log, i);
        if (record.kind == KB_OP_LAUNCH || record.kind == KB_OP_PROGRAM) continue;
        CHECK(record.ready_fs >= all.start_fs && record.end_fs <= all.end_fs);
        CHECK_EQ(record.line, 5);
        CHECK_EQ(record.sequence, 0);
        if (record.kind == KB_OP_GEMM) n_gemm += record.work;
    }
    CHECK_EQ(n_gemm, 6 * 3 * 64 * 32 * 16); /* tiles are whole in TCM; the rest of them is zeros */
    vm_close(&r);
}

/* One tile, one step: the composite takes what its stages take, one after another (C1, C3). */
static void one_tile_takes_the_sum_of_its_stages(void) {
    if (!run_product(one_pe, 64, 32, 16, 4)) return;
    kb_record all = vm_record(&r, KB_OP_COMPOSITE, 0, NULL);
    kb_record zeros = vm_record(&r, KB_OP_MATH, 0, NULL), gemm = vm_record(&r, KB_OP_GEMM, 0, NULL);
    kb_record relu = vm_record(&r, KB_OP_MATH, 1, NULL);
    kb_record store = vm_record(&r, KB_OP_DMA_WRITE, 0, NULL);
    kb_record a = vm_record(&r, KB_OP_DMA_READ, 0, NULL),
              b = vm_record(&r, KB_OP_DMA_READ, 1, NULL);
    CHECK_EQ(zeros.ready_fs, all.start_fs);
    CHECK_EQ(a.ready_fs, all.start_fs + 3 * NS); /* the second token */
    CHECK_EQ(b.ready_fs, all.start_fs + 3 * NS);
    int64_t loaded_fs = a.end_fs > b.end_fs ? a.end_fs : b.end_fs;
    CHECK_EQ(gemm.ready_fs, loaded_fs);
    CHECK_EQ(relu.ready_fs, gemm.end_fs);
    CHECK_EQ(store.ready_fs, relu.end_fs);
    CHECK_EQ(all.end_fs, store.end_fs);
    CHECK_EQ(gemm.end_fs - gemm.start_fs, (16 + 126) * NS); /* 64 x 64 MACs, and the fill */
    CHECK_EQ(relu.end_fs - relu.start_fs, (64 * 32 / 64 + 2) * NS);
    vm_close(&r);
}

/* C1: tokens start at least token_ns apart. */
static void tokens_are_paced(void) {
    char yaml[512];
    (void)snprintf(yaml, sizeof yaml, "%.*s 900}}}}\n", (int)(strstr(one_pe, " 3}") - one_pe),
                   one_pe);
    if (!run_product(yaml, 64, 32, 64, 8)) return;
    kb_record all = vm_record(&r, KB_OP_COMPOSITE, 0, NULL);
    for (int64_t step = 0; step < 4; step++) /* no step takes as long */
        CHECK_EQ(vm_record(&r, KB_OP_DMA_READ, 2 * step, NULL).ready_fs,
                 all.start_fs + (1 + step) * 900 * NS);
    CHECK_EQ(vm_record(&r, KB_OP_MATH, 1, NULL).ready_fs, all.start_fs + 5 * 900 * NS);
    vm_close(&r);
}

/* C2: not more steps in flight than buffers, and as many. */
static void steps_in_flight_are_bounded(void) {
    for (uint32_t buffers = 1; buffers <= 3; buffers++) {
        if (!run_product(one_pe, 64, 32, 160, buffers)) return;
        CHECK_EQ(most_at_once(KB_OP_DMA_READ), 2 * buffers);
        vm_close(&r);
    }
}

/* C2: with less TCM fewer tiles are in flight, then fewer steps, then it is an error. */
static void buffers_are_those_that_fit(void) {
    enum { HEAD = 64 * 32 * 4, STEP = (64 + 32) * 16 * 2, TAIL = 64 * 32 * 4 };
    static const struct {
        int64_t capacity;
        int64_t reads;
        bool overlaps;
    } cases[] = {
        {2 * HEAD + 3 * STEP + 2 * TAIL, 6, true},
        {HEAD + 3 * STEP + TAIL, 6, false},
        {HEAD + 2 * STEP + TAIL, 4, false},
        {HEAD + STEP + TAIL, 2, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char yaml[512];
        (void)snprintf(yaml, sizeof yaml,
                       "{kernbench: 1, system: {sips: 1, sip: {cubes: [1, 1]}, cube: {pes: 1, hbm: "
                       "{pcs: 4, capacity: 4294967296}}, pe: {tcm: {capacity: %lld}}}}\n",
                       (long long)cases[i].capacity);
        if (!run_product(yaml, 128, 32, 160, 3)) return;
        CHECK_EQ(most_at_once(KB_OP_DMA_READ), cases[i].reads);
        kb_record stored = vm_record(&r, KB_OP_DMA_WRITE, 0, NULL);
        int64_t first_fs = INT64_MAX; /* when the second tile began: with its zeros */
        for (int64_t n = 1; n < 4; n++) {
            kb_record math = vm_record(&r, KB_OP_MATH, n, NULL);
            if (math.op == KB_MATHOP_MOVE && math.ready_fs < first_fs) first_fs = math.ready_fs;
        }
        CHECK_EQ(first_fs < stored.end_fs, cases[i].overlaps);
        vm_close(&r);
    }
}

static void what_can_never_fit_is_an_error(void) {
    static const char yaml[] =
        "{kernbench: 1, system: {sips: 1, sip: {cubes: [1, 1]}, cube: {pes: 1, hbm: {pcs: 4, "
        "capacity: 4294967296}}, pe: {tcm: {capacity: 19423}}}}\n";
    if (!vm_open(&r, yaml)) return;
    uint64_t args[6] = {vm_tensor(&r, 4096), vm_tensor(&r, 4096), vm_tensor(&r, 8192), 64, 32, 16};
    (void)kir_product(&k, 64, 32, 16, 4);
    vm_launch(&r, vm_kernel(&r, &k), args, 1, 0, 0);
    CHECK_EQ(vm_run(&r), KB_RESOURCES);
    CHECK_STR(
        r.err.message,
        "product:5: line 5: expected a composite whose tiles fit the TCM of a program, 19392 "
        "bytes, got one that needs at least 19456 bytes (head 8192 bytes: full float32[64, 32]; "
        "step 3072 bytes: view_load float16[64, 16] view_load float16[16, 32]; tail 8192 "
        "bytes: math float32[64, 32]); use smaller tiles");
    vm_close(&r);
}

/* The command behind it that touches its result waits for it; one that does not, does not. */
static void memory_order_is_kept(void) {
    if (!vm_open(&r, one_pe)) return;
    uint64_t a = vm_tensor(&r, 64 * 64 * 2), b = vm_tensor(&r, 64 * 32 * 2);
    uint64_t c = vm_tensor(&r, 64 * 32 * 4), d = vm_tensor(&r, 64);
    kb_kir_type i32 = kir_scalar(KB_INT32), tile = kir_shaped(KB_TILE, KB_FLOAT32, 0, 1, 1, 1);
    kir_begin(&k, "order");
    uint16_t pointers[3], other;
    pointers[0] = kir_param(&k, "a", kir_pointer(KB_FLOAT16));
    pointers[1] = kir_param(&k, "b", kir_pointer(KB_FLOAT16));
    pointers[2] = kir_param(&k, "c", kir_pointer(KB_FLOAT32));
    other = kir_param(&k, "d", kir_pointer(KB_FLOAT32));
    uint16_t one = kir_const(&k, i32, 1), m = kir_const(&k, i32, 64), n = kir_const(&k, i32, 32);
    (void)kir_compose(&k, pointers, m, n, m, one, 64, 32, 16, 2);
    k.line = 20;
    uint16_t of_result = kir_value(&k, KB_KIR_LOAD, 0, tile, pointers[2], KB_NO_REG, KB_NO_REG);
    (void)kir_emit(&k, KB_KIR_DROP, 0, KB_NO_REG, of_result, KB_NO_REG, KB_NO_REG, 0);
    k.line = 21;
    uint16_t elsewhere = kir_value(&k, KB_KIR_LOAD, 0, tile, other, KB_NO_REG, KB_NO_REG);
    (void)kir_emit(&k, KB_KIR_DROP, 0, KB_NO_REG, elsewhere, KB_NO_REG, KB_NO_REG, 0);
    kir_return(&k);
    uint64_t args[4] = {a, b, c, d};
    vm_launch(&r, vm_kernel(&r, &k), args, 1, 0, 0);
    vm_run_well(&r);
    kb_record all = vm_record(&r, KB_OP_COMPOSITE, 0, NULL);
    for (int64_t i = 0; i < vm_count(&r, KB_OP_DMA_READ); i++) {
        kb_record load = vm_record(&r, KB_OP_DMA_READ, i, NULL);
        if (load.line == 20) CHECK_EQ(load.ready_fs, all.end_fs);
        if (load.line == 21) CHECK(load.end_fs < all.end_fs);
    }
    vm_close(&r);
}

static void no_rows_are_no_tiles(void) {
    if (!run_product(one_pe, 0, 32, 16, 2)) return;
    kb_record all = vm_record(&r, KB_OP_COMPOSITE, 0, NULL);
    CHECK_EQ(all.work, 0);
    CHECK_EQ(all.end_fs, all.start_fs);
    vm_close(&r);
    if (!run_product(one_pe, 64, 32, 0, 2)) return;
    CHECK_EQ(vm_count(&r, KB_OP_GEMM), 0);
    CHECK_EQ(vm_record(&r, KB_OP_COMPOSITE, 0, NULL).work, 2);
    vm_close(&r);
}

static void each_failing_allocation_is_survived(void) {
    kb_status status = KB_NOMEM;
    for (uint64_t n = 1; n < 300 && status != KB_OK; n++) {
        if (!vm_open(&r, one_pe)) return;
        uint64_t args[6] = {
            vm_tensor(&r, 8192), vm_tensor(&r, 8192), vm_tensor(&r, 8192), 64, 32, 32};
        (void)kir_product(&k, 64, 32, 16, 2);
        kb_kernel *kernel = vm_kernel(&r, &k);
        int32_t number, id;
        CHECK_EQ(kb_oplog_add_kernel(r.log, kernel->name, &number, &r.err), KB_OK);
        kb_launch_spec spec = {
            .kernel = kernel, .kernel_number = number, .args = args, .grid = {1, 1, 1}};
        r.alloc.fail_at = r.alloc.n_calls + n;
        status = kb_machine_launch(r.machine, &spec, &id, &r.err);
        if (status == KB_OK) status = vm_run(&r);
        CHECK(status == KB_OK || status == KB_NOMEM);
        vm_close(&r);
    }
    CHECK_EQ(status, KB_OK);
}

int main(void) {
    TAP_RUN(a_composite_is_cut_into_tiles);
    TAP_RUN(one_tile_takes_the_sum_of_its_stages);
    TAP_RUN(tokens_are_paced);
    TAP_RUN(steps_in_flight_are_bounded);
    TAP_RUN(buffers_are_those_that_fit);
    TAP_RUN(what_can_never_fit_is_an_error);
    TAP_RUN(memory_order_is_kept);
    TAP_RUN(no_rows_are_no_tiles);
    TAP_RUN(each_failing_allocation_is_survived);
    return tap_finish();
}
