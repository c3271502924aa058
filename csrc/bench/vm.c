/* How fast PE_CPU's virtual machine is on this computer: instructions per second of loops of scalars, of
 * pointer blocks that advance, of masks, and of vectors.  One program on a machine of one PE; the time is that
 * of the whole run loop. */
#define _POSIX_C_SOURCE 200809L

#include <time.h>

#include "test/vm_rig.h"

#define R KB_NO_REG

static kir_builder k;
static vm_rig r;

typedef enum body { SCALARS, POINTERS, MASKS, VECTORS, BODY_COUNT } body;

static const char *const names[] = {"scalars", "pointer blocks", "masks", "vectors of 128"};

static double seconds(void) {
    struct timespec time;
    (void)clock_gettime(CLOCK_MONOTONIC, &time);
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

int main(void) {
    for (int kind = 0; kind < BODY_COUNT; kind++) {
        uint64_t n = kind == SCALARS ? 4000000 : kind == POINTERS ? 2000000 : 100000;
        if (!vm_open(&r,
                     "{kernbench: 1, system: {sips: 1, sip: {cubes: [1, 1]}, cube: {pes: 1}}}\n"))
            return 1;
        uint64_t args[2] = {vm_tensor(&r, 4096), n};
        vm_launch(&r, loop_over((body)kind), args, 1, 0, 0);
        double begin = seconds();
        vm_run_well(&r);
        double time = seconds() - begin;
        int64_t n_executed = vm_record(&r, KB_OP_PROGRAM, 0, NULL).work;
        printf("%-16s %7.1f million instructions per second\n", names[kind],
               (double)n_executed / time / 1e6);
        vm_close(&r);
    }
    return tap.n_failed != 0;
}
