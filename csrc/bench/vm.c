/* How fast PE_CPU's virtual machine is on this computer, a line of JSON for each figure: instructions per second
 * of loops of scalars, of pointer blocks that advance, of masks, and of vectors.  One program on a machine of one
 * PE; the time is the CPU time of the whole run loop.  The last is what a masked load of 128 x 64 costs the
 * machine: its access, payload and command, until the command is in PE_SCHED's queue; what the DMA makes of it is
 * not measured. */
#define _POSIX_C_SOURCE 200809L

#include <time.h>

#include "hw/pe/vm.h"
#include "test/pe_rig.h"
#include "test/vm_rig.h"

#define R KB_NO_REG

enum { N_LOADS = 100000, LOADS_IN_KERNEL = 64 };

static const char *const one_pe =
    "{kernbench: 1, system: {sips: 1, sip: {cubes: [1, 1]}, cube: {pes: 1}}}\n";

static kir_builder k;
static vm_rig r;

typedef enum body { SCALARS, POINTERS, MASKS, VECTORS, BODY_COUNT } body;

static const char *const names[] = {"scalars", "pointer blocks", "masks", "vectors of 128"};

static double seconds(void) {
    struct timespec time;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

/* while i < n: four instructions of the kind, i += 1 */
static kb_kernel *loop_over(body kind) {
    kb_kir_type i32 = kir_scalar(KB_INT32), square = kir_shaped(KB_BLOCK, KB_INT32, 2, 128, 64, 1);
    kb_kir_type truth = square, pointers = square, line = kir_block(KB_INT32, 128);
    truth.dtype = KB_BOOL;
    pointers.pointer = 1;
    kir_begin(&k, "loop");
    uint16_t x = kir_param(&k, "x", kir_pointer(KB_INT32)), n = kir_param(&k, "n", i32);
    uint16_t i = kir_const(&k, i32, 0), one = kir_const(&k, i32, 1), sum = kir_const(&k, i32, 0);
    uint16_t more = kir_reg(&k, kir_scalar(KB_BOOL)), lane = kir_reg(&k, line),
             column = kir_reg(&k, line);
    uint16_t place = kir_value(&k, KB_KIR_SPLAT, 0, pointers, x, R, R);
    (void)kir_emit(&k, KB_KIR_ARANGE, 0, lane, R, R, R, kir_number(&k, 0));
    uint16_t rows = kir_value(&k, KB_KIR_BLOCK_RESHAPE, 0,
                              kir_shaped(KB_BLOCK, KB_INT32, 2, 128, 1, 1), lane, R, R);
    uint16_t mask = kir_reg(&k, truth);
    uint32_t head = k.header.n_insts;
    for (int repeat = 0; repeat < 4; repeat++) {
        if (kind == SCALARS) (void)kir_emit(&k, KB_KIR_SCALAR, KB_MATHOP_ADD, sum, sum, i, R, 0);
        if (kind == POINTERS) (void)kir_emit(&k, KB_KIR_BLOCK_PTRADD, 0, place, place, one, R, 0);
        if (kind == MASKS) (void)kir_emit(&k, KB_KIR_BLOCK, KB_MATHOP_LT, mask, rows, i, R, 0);
        if (kind == VECTORS)
            (void)kir_emit(&k, KB_KIR_BLOCK, KB_MATHOP_MUL, column, lane, lane, R, 0);
    }
    (void)kir_emit(&k, KB_KIR_SCALAR, KB_MATHOP_ADD, i, i, one, R, 0);
    (void)kir_emit(&k, KB_KIR_SCALAR, KB_MATHOP_LT, more, i, n, R, 0);
    (void)kir_jump(&k, KB_KIR_JUMP_IF, more, head);
    kir_return(&k);
    return vm_kernel(&r, &k);
}

/* x[rows, columns] under a mask of the first n rows, again and again. */
static kb_kernel *loads(kb_alloc *alloc) {
    kb_kir_type i32 = kir_scalar(KB_INT32), square = kir_shaped(KB_BLOCK, KB_INT32, 2, 128, 64, 1);
    kb_kir_type truth = square, pointers = square, line = kir_block(KB_INT32, 128),
                tall = kir_shaped(KB_BLOCK, KB_INT32, 2, 128, 1, 1),
                wide = kir_shaped(KB_BLOCK, KB_INT32, 2, 1, 64, 1);
    truth.dtype = KB_BOOL;
    pointers.pointer = 1;
    pointers.dtype = KB_FLOAT16;
    kir_begin(&k, "loads");
    uint16_t x = kir_param(&k, "x", kir_pointer(KB_FLOAT16)), n = kir_param(&k, "n", i32);
    uint16_t pitch = kir_const(&k, i32, 100), lane = kir_reg(&k, line),
             column = kir_reg(&k, kir_block(KB_INT32, 64));
    (void)kir_emit(&k, KB_KIR_ARANGE, 0, lane, R, R, R, kir_number(&k, 0));
    (void)kir_emit(&k, KB_KIR_ARANGE, 0, column, R, R, R, kir_number(&k, 0));
    uint16_t rows = kir_value(&k, KB_KIR_BLOCK_RESHAPE, 0, tall, lane, R, R);
    uint16_t columns = kir_value(&k, KB_KIR_BLOCK_RESHAPE, 0, wide, column, R, R);
    uint16_t starts = kir_value(&k, KB_KIR_BLOCK, KB_MATHOP_MUL, tall, rows, pitch, R);
    uint16_t index = kir_value(&k, KB_KIR_BLOCK, KB_MATHOP_ADD, square, starts, columns, R);
    uint16_t place = kir_value(&k, KB_KIR_BLOCK_PTRADD, 0, pointers, x, index, R);
    uint16_t mask = kir_value(&k, KB_KIR_BLOCK, KB_MATHOP_LT, truth, rows, n, R);
    uint16_t tile = kir_reg(&k, kir_tile2(KB_FLOAT16, 128, 64));
    for (int i = 0; i < LOADS_IN_KERNEL; i++)
        (void)kir_emit(&k, KB_KIR_LOAD, 0, tile, place, mask, R, 0);
    kir_return(&k);
    return kir_make(&k, alloc);
}

/* Composes loads until the queue or TCM is full, and adds the time to *time; *ended after the last. */
static int64_t compose_loads(kb_vm *vm, double *time, bool *ended, kb_error *err) {
    int64_t n_composed = 0, cycles = 0, time_fs;
    double begin = seconds();
    while (!*ended && vm->wait == KB_VM_NOTHING) {
        if (!CHECK_EQ(kb_vm_compose(vm, &cycles, err), KB_OK)) break;
        if (!CHECK_EQ(kb_vm_act(vm, &time_fs, ended, err), KB_OK)) break;
        n_composed += vm->wait == KB_VM_NOTHING;
    }
    *time += seconds() - begin;
    return n_composed;
}

static void measure_loads(void) {
    static pe_rig p;
    static kb_vm vm;
    double time = 0;
    int64_t n_composed = 0;
    /* the DMA takes a command up later than now, so not within the time measured */
    if (!pe_open(&p, "{kernbench: 1, system: {sips: 1, sip: {cubes: [1, 1]}, cube: {pes: 1},\n"
                     " pe: {sched: {dispatch_ns: 1}}}}\n"))
        return;
    kb_kernel *kernel = loads(&p.r.alloc);
    uint64_t args[2] = {pe_local(&p, 1 << 20, 0), 100};
    kb_launch launch = {.kernel = kernel, .args = args, .grid = {1, 1, 1}, .n_programs = 1};
    kb_vm_init(&vm, &p.r.parts, rig_part(&p.r, KB_IMPL_PE_CPU, 0, 0, 0), 0);
    while (kernel && n_composed < N_LOADS && tap.n_failed == 0) {
        bool meets = false, ended = false;
        int64_t cycles = 0;
        CHECK_EQ(kb_vm_begin(&vm, &launch, 0, &p.r.err), KB_OK);
        CHECK_EQ(kb_vm_run(&vm, INT64_MAX, &cycles, &meets, &p.r.err), KB_OK);
        while (!ended && tap.n_failed == 0) {
            n_composed += compose_loads(&vm, &time, &ended, &p.r.err);
            rig_run_well(&p.r);
            vm.wait = KB_VM_NOTHING;
        }
    }
    printf("{\"what\":\"masked load\",\"value\":%.3f,\"unit\":\"us\"}\n",
           time / (double)n_composed * 1e6);
    kb_vm_deinit(&vm);
    kb_kernel_destroy(&p.r.alloc, kernel);
    pe_close(&p);
}

int main(void) {
    for (int kind = 0; kind < BODY_COUNT; kind++) {
        uint64_t n = kind == SCALARS ? 4000000 : kind == POINTERS ? 2000000 : 100000;
        if (!vm_open(&r, one_pe)) return 1;
        uint64_t args[2] = {vm_tensor(&r, 4096), n};
        vm_launch(&r, loop_over((body)kind), args, 1, 0, 0);
        double begin = seconds();
        vm_run_well(&r);
        double time = seconds() - begin;
        int64_t n_executed = vm_record(&r, KB_OP_PROGRAM, 0, NULL).work;
        printf("{\"what\":\"%s\",\"value\":%.3f,\"unit\":\"M/s\"}\n", names[kind],
               (double)n_executed / time / 1e6);
        vm_close(&r);
    }
    measure_loads();
    return tap.n_failed != 0;
}
