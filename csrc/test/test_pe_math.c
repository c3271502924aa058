#include "hw/pe/pe_math.h"

#include "test/pe_rig.h"

static int64_t cycles(const kb_params_pe_math *params, kb_opkind kind, kb_math_cost cost,
                      kb_dtype result, kb_dtype operand, int64_t n) {
    kb_command command = {
        .n_elements = n, .cost = (uint8_t)cost, .operand_dtype = (uint8_t)operand};
    command.record.kind = (uint8_t)kind;
    command.record.dtype = (uint8_t)result;
    return kb_math_cycles(params, &command);
}

static void cycles_by_hand(void) {
    /* 128 lanes of 16 bits */
    kb_params_pe_math p = {.lane_bits = 2048,
                           .latency_cycles = 2,
                           .simple_cycles = 1,
                           .divide_cycles = 4,
                           .special_cycles = 8,
                           .transpose_cycles = 2};
    CHECK_EQ(cycles(&p, KB_OP_MATH, KB_MATH_SIMPLE, KB_FLOAT16, KB_FLOAT16, 128), 1 + 2);
    CHECK_EQ(cycles(&p, KB_OP_MATH, KB_MATH_SIMPLE, KB_FLOAT16, KB_FLOAT16, 129), 2 + 2);
    CHECK_EQ(cycles(&p, KB_OP_MATH, KB_MATH_SIMPLE, KB_FLOAT32, KB_FLOAT32, 129), 3 + 2);
    CHECK_EQ(cycles(&p, KB_OP_MATH, KB_MATH_DIVIDE, KB_FLOAT32, KB_FLOAT32, 64), 4 + 2);
    CHECK_EQ(cycles(&p, KB_OP_MATH, KB_MATH_SPECIAL, KB_FLOAT64, KB_FLOAT64, 64), 2 * 8 + 2);
    CHECK_EQ(cycles(&p, KB_OP_MATH, KB_MATH_SIMPLE, KB_BOOL, KB_FLOAT32, 128),
             2 + 2); /* comparison */
    CHECK_EQ(cycles(&p, KB_OP_MATH, KB_MATH_SIMPLE, KB_INT8, KB_INT8, 257), 2 + 2);
    CHECK_EQ(cycles(&p, KB_OP_TRANS, KB_MATH_SIMPLE, KB_FLOAT16, KB_FLOAT16, 1024), 8 * 2 + 2);
    CHECK_EQ(cycles(&p, KB_OP_GATHER, KB_MATH_SIMPLE, KB_FLOAT16, KB_INT32, 1024), 16 * 2 + 2);
    CHECK_EQ(cycles(&p, KB_OP_REDUCE, KB_MATH_SIMPLE, KB_FLOAT16, KB_FLOAT16, 1024), 8 + 7);
    CHECK_EQ(cycles(&p, KB_OP_REDUCE, KB_MATH_SIMPLE, KB_FLOAT32, KB_FLOAT32, 1000), 16 + 6);
}

static void one_command_at_a_time(void) {
    pe_rig p;
    if (pe_open(&p, "{kernbench: 1, system: {sips: 1, sip: {cubes: [1, 1]}, cube: {pes: 2}, "
                    "pe: {clock_ghz: 0.3}}}")) {
        uint64_t va = pe_local(&p, 1 << 20, 0);
        uint32_t a = pe_load(&p, pe_box(KB_FLOAT16, va, 1, 1024, 1024));
        uint32_t b = pe_math(&p, a, a, 1024, KB_MATH_SIMPLE);
        (void)pe_math(&p, b, KB_NO_TILE, 1024, KB_MATH_SPECIAL);
        rig_run_well(&p.r);
        kb_record add = pe_record(&p, 2, KB_OP_MATH), exp = pe_record(&p, 3, KB_OP_MATH);
        CHECK_EQ(add.start_fs, pe_record(&p, 1, KB_OP_DMA_READ).end_fs);
        CHECK_EQ(add.end_fs - add.start_fs, 33333334); /* 10 cycles of 3.3.. ns, rounded up once */
        CHECK_EQ(add.work, 1024);
        CHECK_EQ(add.nbytes, 2 * 2048);
        CHECK_EQ(add.memory_start_fs, 0);
        CHECK_EQ(exp.start_fs, add.end_fs);
        CHECK_EQ(exp.end_fs - exp.start_fs, 220000000);
    }
    pe_close(&p);
}

int main(void) {
    TAP_RUN(cycles_by_hand);
    TAP_RUN(one_command_at_a_time);
    return tap_finish();
}
