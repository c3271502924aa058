#include "hw/pe/vm.h"

#include "test/vm_rig.h"

#include "kir_kernels.h"

#define R KB_NO_REG

static const char *const one_pe =
    "{kernbench: 1, system: {sips: 1, sip: {cubes: [1, 1]}, cube: {pes: 1}}}\n";

static kir_builder k;
static vm_rig r;
static kb_arena arena;

static bool begin(void) {
    kb_arena_init(&arena, &r.alloc);
    return vm_open(&r, one_pe);
}

static void end(void) {
    kb_arena_deinit(&arena);
    vm_close(&r);
}

static void run(const uint64_t *args) {
    vm_launch(&r, vm_kernel(&r, &k), args, 1, 0, 0);
    vm_run_well(&r);
}

static kb_payload payload_of(kb_opkind kind, int64_t n) {
    kb_payload payload = {0};
    int64_t index = 0;
    uint32_t n_words = 0;
    (void)vm_record(&r, kind, n, &index);
    const int64_t *words = kb_oplog_payload(r.log, index, &n_words);
    CHECK_EQ(kb_payload_decode(&arena, kind, words, n_words, &payload, &r.err), KB_OK);
    return payload;
}

/* x[index[i]], where index was loaded: every element of it is what the hook says. */
static void a_loaded_block_may_be_an_address(void) {
    kb_kir_type line = kir_block(KB_INT32, 8), pointers = kir_pointers(KB_INT32, 8);
    kb_kir_type tile = kir_tile(KB_INT32, 8);
    if (!begin()) return;
    kir_begin(&k, "gather");
    uint16_t index = kir_param(&k, "index", kir_pointer(KB_INT32));
    uint16_t x = kir_param(&k, "x", kir_pointer(KB_INT32)), lane = kir_reg(&k, line);
    (void)kir_emit(&k, KB_KIR_ARANGE, 0, lane, R, R, R, kir_number(&k, 0));
    uint16_t where = kir_value(&k, KB_KIR_BLOCK_PTRADD, 0, pointers, index, lane, R);
    uint16_t loaded = kir_value(&k, KB_KIR_LOAD, 0, tile, where, R, R);
    uint16_t known = kir_value(&k, KB_KIR_MATERIALISE, 0, line, loaded, R, R);
    kir_last(&k, KB_LAST_A);
    uint16_t mixed = kir_value(&k, KB_KIR_BLOCK, KB_MATHOP_MUL, line, known, lane, R);
    uint16_t px = kir_value(&k, KB_KIR_BLOCK_PTRADD, 0, pointers, x, mixed, R);
    (void)kir_value(&k, KB_KIR_LOAD, 0, tile, px, R, R);
    kir_return(&k);
    r.tile_value = 3;
    uint64_t args[2] = {vm_tensor(&r, 32), vm_tensor(&r, 4096)};
    run(args);
    kb_payload gather = payload_of(KB_OP_DMA_READ, 1);
    CHECK_EQ(gather.access.n_runs, 0); /* 3 * i is affine, wherever it comes from */
    CHECK_EQ(gather.access.va, args[1]);
    CHECK_EQ(gather.access.stride_nbytes[0], 12);
    end();
}

/* *x where the mask, a scalar, is off; and a store under a mask of one lane. */
static void scalars_may_be_masks(void) {
    kb_kir_type i32 = kir_scalar(KB_INT32);
    if (!begin()) return;
    kir_begin(&k, "scalar_masks");
    uint16_t x = kir_param(&k, "x", kir_pointer(KB_INT32));
    uint16_t no = kir_const(&k, kir_scalar(KB_BOOL), 0),
             yes = kir_const(&k, kir_scalar(KB_BOOL), 1);
    uint16_t other = kir_const(&k, i32, (uint64_t)-5), lane = kir_reg(&k, kir_block(KB_INT32, 4));
    uint16_t tile = kir_reg(&k, kir_shaped(KB_TILE, KB_INT32, 0, 1, 1, 1));
    (void)kir_emit(&k, KB_KIR_LOAD, 0, tile, x, no, other, 0);
    (void)kir_emit(&k, KB_KIR_ARANGE, 0, lane, R, R, R, kir_number(&k, 0));
    uint16_t px = kir_value(&k, KB_KIR_BLOCK_PTRADD, 0, kir_pointers(KB_INT32, 4), x, lane, R);
    (void)kir_emit(&k, KB_KIR_STORE, 0, R, px, tile, yes, 0);
    (void)kir_emit(&k, KB_KIR_STORE, 0, R, px, lane, no, 0);
    kir_return(&k);
    uint64_t args[1] = {vm_tensor(&r, 64)};
    run(args);
    kb_payload load = payload_of(KB_OP_DMA_READ, 0);
    CHECK(load.access.masked);
    CHECK_EQ(load.access.n_elements, 0);
    CHECK_EQ((int64_t)load.operand[0].bits, -5);
    CHECK_EQ(load.result.rank, 0);
    int64_t n_elements[2] = {4, 0};
    for (int64_t i = 0; i < 2; i++) { /* in whichever order they are done */
        kb_payload store = payload_of(KB_OP_DMA_WRITE, i);
        bool by_tile = store.operand[0].kind == KB_OPERAND_TILE;
        CHECK_EQ(store.access.n_elements, n_elements[by_tile ? 0 : 1]);
        CHECK_EQ(store.operand[0].kind, by_tile ? KB_OPERAND_TILE : KB_OPERAND_BLOCK);
    }
    end();
}

/* A pointer keeps to its tensor through copies, casts between pointers and choices; one made from a number
 * may go anywhere that is mapped. */
static void pointers_remember_their_tensor(void) {
    for (int forgets = 0; forgets < 2; forgets++) {
        kb_kir_type p = kir_pointer(KB_INT32), i64 = kir_scalar(KB_INT64),
                    i32 = kir_scalar(KB_INT32);
        if (!begin()) return;
        kir_begin(&k, "provenance");
        uint16_t x = kir_param(&k, "x", p), far = kir_const(&k, i32, 64);
        uint16_t yes = kir_const(&k, kir_scalar(KB_BOOL), 1);
        uint16_t copy = kir_value(&k, KB_KIR_MOV, 0, p, x, R, R);
        uint16_t chosen = kir_value(&k, KB_KIR_SCALAR, KB_MATHOP_WHERE, p, yes, copy, x);
        if (forgets) {
            uint16_t number = kir_value(&k, KB_KIR_SCALAR, KB_MATHOP_CAST, i64, chosen, R, R);
            chosen = kir_value(&k, KB_KIR_SCALAR, KB_MATHOP_CAST, p, number, R, R);
        }
        uint16_t beyond = kir_value(&k, KB_KIR_PTRADD, 0, p, chosen, far, R);
        (void)kir_emit(&k, KB_KIR_STORE, 0, R, beyond, far, R, 0);
        kir_return(&k);
        uint64_t args[1] = {vm_tensor(&r, 256)}, next = vm_tensor(&r, 256);
        CHECK_EQ(next, args[0] + 256);
        vm_launch(&r, vm_kernel(&r, &k), args, 1, 0, 0);
        kb_status status = vm_run(&r);
        CHECK_EQ(status, forgets ? KB_OK : KB_BOUNDS);
        if (!forgets) CHECK(strstr(r.err.message, "element 64 of the tensor") != NULL);
        end();
    }
}

static void tile_operations_say_what_replay_needs(void) {
    kb_kir_type wide = kir_tile2(KB_FLOAT32, 4, 8), f32 = kir_scalar(KB_FLOAT32);
    if (!begin()) return;
    kir_begin(&k, "tiles");
    uint16_t half = kir_const(&k, f32, UINT64_C(0x3fe0000000000000));
    uint16_t full = kir_value(&k, KB_KIR_FULL, 0, wide, half, R, R);
    uint16_t flat = kir_value(&k, KB_KIR_ALIAS, 0, kir_tile(KB_FLOAT32, 32), full, R, R);
    uint16_t lane = kir_reg(&k, kir_block(KB_INT32, 32));
    (void)kir_emit(&k, KB_KIR_ARANGE, 0, lane, R, R, R, kir_number(&k, 5));
    uint16_t ramp =
        kir_value(&k, KB_KIR_MATH, KB_MATHOP_CAST, kir_tile(KB_FLOAT32, 32), lane, R, R);
    (void)kir_value(&k, KB_KIR_MATH, KB_MATHOP_FMA, kir_tile(KB_FLOAT32, 32), flat, ramp, half);
    uint16_t best = kir_reg(&k, kir_tile(KB_INT32, 4));
    (void)kir_emit(&k, KB_KIR_REDUCE, KB_REDUCEOP_ARGMAX, best, full, R, R, 1);
    uint16_t turned = kir_reg(&k, kir_tile2(KB_FLOAT32, 8, 4));
    (void)kir_emit(&k, KB_KIR_TRANS, 0, turned, full, R, R, kir_number(&k, 0x01));
    kir_last(&k, KB_LAST_A);
    uint16_t product = kir_reg(&k, kir_tile2(KB_FLOAT32, 8, 8));
    uint16_t again = kir_value(&k, KB_KIR_ALIAS, 0, wide, flat, R, R);
    (void)kir_emit(&k, KB_KIR_DOT, KB_TF32, product, turned, again, R, 0);
    kir_return(&k);
    run(NULL);
    kb_payload p = payload_of(KB_OP_MATH, 0);
    uint64_t first = p.result.bits;
    CHECK_EQ(vm_record(&r, KB_OP_MATH, 0, NULL).op, KB_MATHOP_MOVE);
    CHECK_EQ(p.operand[0].kind, KB_OPERAND_SCALAR);
    CHECK_EQ(p.result.rank, 2);
    p = payload_of(KB_OP_MATH, 1);
    CHECK_EQ(p.operand[0].kind, KB_OPERAND_BLOCK);
    CHECK_EQ(p.operand[0].dtype, KB_INT32);
    CHECK_EQ(kb_block_at(p.operand[0].block, &(uint32_t){7}), 12);
    p = payload_of(KB_OP_MATH, 2);
    CHECK_EQ(p.n_operands, 3);
    CHECK_EQ(p.operand[0].bits, first); /* an alias is the same version, with dims of its own */
    CHECK_EQ(p.operand[0].rank, 1);
    CHECK_EQ(p.operand[2].kind, KB_OPERAND_SCALAR);
    p = payload_of(KB_OP_REDUCE, 0);
    CHECK_EQ(p.axis, 1);
    CHECK_EQ(vm_record(&r, KB_OP_REDUCE, 0, NULL).op, KB_REDUCEOP_ARGMAX);
    CHECK_EQ(vm_record(&r, KB_OP_REDUCE, 0, NULL).dtype, KB_INT32);
    CHECK_EQ(vm_record(&r, KB_OP_REDUCE, 0, NULL).work, 32);
    CHECK_EQ(payload_of(KB_OP_TRANS, 0).permutation, 0x01);
    p = payload_of(KB_OP_GEMM, 0);
    CHECK_EQ(p.precision, KB_TF32);
    CHECK_EQ(p.operand[1].bits, first);
    CHECK_EQ(p.operand[1].rank, 2);
    CHECK_EQ(p.operand[2].kind, KB_OPERAND_NONE);
    CHECK_EQ(vm_record(&r, KB_OP_GEMM, 0, NULL).work, 8 * 8 * 4);
    end();
}

static void programs_know_their_place(void) {
    if (!begin()) return;
    kb_kir_type i32 = kir_scalar(KB_INT32);
    kir_begin(&k, "places");
    uint16_t out = kir_param(&k, "out", kir_pointer(KB_INT32)), sum = kir_const(&k, i32, 0);
    uint16_t ten = kir_const(&k, i32, 10), axis = kir_reg(&k, i32);
    for (uint32_t x = 0; x < 6; x++) {
        (void)kir_emit(&k, x < 3 ? KB_KIR_PROGRAM_ID : KB_KIR_NUM_PROGRAMS, 0, axis, R, R, R,
                       x % 3);
        (void)kir_emit(&k, KB_KIR_SCALAR, KB_MATHOP_MUL, sum, sum, ten, R, 0);
        (void)kir_emit(&k, KB_KIR_SCALAR, KB_MATHOP_ADD, sum, sum, axis, R, 0);
    }
    (void)kir_emit(&k, KB_KIR_STORE, 0, R, out, sum, R, 0);
    kir_return(&k);
    kb_kernel *kernel = vm_kernel(&r, &k);
    uint64_t args[1] = {vm_tensor(&r, 64)};
    int32_t number, id;
    CHECK_EQ(kb_oplog_add_kernel(r.log, "places", &number, &r.err), KB_OK);
    kb_launch_spec spec = {
        .kernel = kernel, .kernel_number = number, .args = args, .grid = {2, 3, 4}};
    CHECK_EQ(kb_machine_launch(r.machine, &spec, &id, &r.err), KB_OK);
    vm_run_well(&r);
    for (int64_t i = 0; i < 24; i++) {
        int64_t program = vm_record(&r, KB_OP_DMA_WRITE, i, NULL).program;
        int64_t place = program % 2 * 100 + program / 2 % 3 * 10 + program / 6;
        CHECK_EQ((int64_t)payload_of(KB_OP_DMA_WRITE, i).operand[0].bits, place * 1000 + 234);
    }
    end();
}

/* ADR-0074 D1: a kernel ends at the same instant with its print of a tile that is not there yet, and its record
 * is as old as the print. */
static void a_print_takes_no_time_and_waits_for_nothing(void) {
    int64_t end_fs[2];
    for (int prints = 0; prints < 2; prints++) {
        if (!begin()) return;
        kir_begin(&k, "prints");
        uint16_t x = kir_param(&k, "x", kir_pointer(KB_INT32));
        uint16_t tile = kir_reg(&k, kir_shaped(KB_TILE, KB_INT32, 0, 1, 1, 1));
        (void)kir_emit(&k, KB_KIR_LOAD, 0, tile, x, R, R, 0);
        k.line = 3;
        if (prints) (void)kir_emit(&k, KB_KIR_PRINT, 0, R, tile, R, R, kir_text(&k, "x: "));
        (void)kir_emit(&k, KB_KIR_STORE, 0, R, x, tile, R, 0);
        kir_return(&k);
        uint64_t args[1] = {vm_tensor(&r, 64)};
        run(args);
        end_fs[prints] = vm_record(&r, KB_OP_PROGRAM, 0, NULL).end_fs;
        if (prints) {
            kb_payload print = payload_of(KB_OP_PRINT, 0), load = payload_of(KB_OP_DMA_READ, 0);
            kb_record record = vm_record(&r, KB_OP_PRINT, 0, NULL);
            CHECK_EQ(record.line, 3);
            CHECK_EQ(record.start_fs, record.end_fs);
            CHECK(record.end_fs < vm_record(&r, KB_OP_DMA_READ, 0, NULL).end_fs);
            CHECK_EQ(print.operand[0].bits, load.result.bits);
            CHECK_EQ(print.operand[1].bits, 1);
            CHECK_EQ(print.operand[2].bits, 1 | UINT64_C(1) << 32);
        }
        end();
    }
    CHECK_EQ(end_fs[0], end_fs[1]);
}

/* Once warm, programs take no memory: registers, queues and tables are there. */
static void a_warm_machine_allocates_nothing(void) {
    if (!begin()) return;
    kir_vector_add(&k, 64);
    kb_kernel *kernel = vm_kernel(&r, &k);
    uint64_t args[4] = {vm_tensor(&r, 4000), vm_tensor(&r, 4000), vm_tensor(&r, 4000), 1000};
    vm_launch(&r, kernel, args, 16, 0, 0);
    vm_run_well(&r);
    int32_t number, id;
    CHECK_EQ(kb_oplog_add_kernel(r.log, "again", &number, &r.err), KB_OK);
    kb_launch_spec spec = {.kernel = kernel,
                           .kernel_number = number,
                           .args = args,
                           .grid = {16, 1, 1},
                           .at_fs = kb_sim_now(r.sim)};
    uint64_t n_calls = r.alloc.n_calls;
    CHECK_EQ(kb_machine_launch(r.machine, &spec, &id, &r.err), KB_OK);
    vm_run_well(&r);
    CHECK_EQ(r.n_done, 2);
    CHECK_EQ(r.alloc.n_calls, n_calls);
    end();
}

int main(void) {
    TAP_RUN(a_loaded_block_may_be_an_address);
    TAP_RUN(scalars_may_be_masks);
    TAP_RUN(pointers_remember_their_tensor);
    TAP_RUN(tile_operations_say_what_replay_needs);
    TAP_RUN(programs_know_their_place);
    TAP_RUN(a_print_takes_no_time_and_waits_for_nothing);
    TAP_RUN(a_warm_machine_allocates_nothing);
    return tap_finish();
}
