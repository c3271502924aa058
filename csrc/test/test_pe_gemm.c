#include "hw/pe/pe_gemm.h"

#include "kernel/kir.h"
#include "test/pe_rig.h"

static const char *const machine =
    "{kernbench: 1, system: {sips: 1, sip: {cubes: [1, 1]}, cube: {pes: 2}}}";

/* Defaults: 64 x 64 x 1, 1 GHz, fill 126 cycles, TCM 512 bytes a cycle. */
static int64_t cycles(const kb_params *params, int64_t m, int64_t n, int64_t k, kb_dtype dtype,
                      kb_precision precision, bool idle) {
    int64_t time_fs = 0, fill_fs = 0;
    CHECK(!kb_gemm_time(params, m, n, k, dtype, (uint8_t)precision, idle, &time_fs, &fill_fs));
    CHECK_EQ(fill_fs, idle ? 126 * KB_FS_PER_NS : 0);
    CHECK_EQ(time_fs % KB_FS_PER_NS, 0);
    return time_fs / KB_FS_PER_NS;
}

static void law_8_by_hand(void) {
    pe_rig p;
    if (pe_open(&p, machine)) {
        const kb_params *g = kb_parts_params(&p.r.parts);
        CHECK_EQ(cycles(g, 128, 128, 64, KB_FLOAT16, KB_IEEE, false), 2 * 2 * 64);
        CHECK_EQ(cycles(g, 128, 128, 64, KB_FLOAT16, KB_IEEE, true), 2 * 2 * 64 + 126);
        CHECK_EQ(cycles(g, 129, 65, 64, KB_BFLOAT16, KB_IEEE, false), 3 * 2 * 64);
        CHECK_EQ(cycles(g, 128, 128, 64, KB_FLOAT8E5, KB_IEEE, false), 128);
        CHECK_EQ(cycles(g, 128, 128, 64, KB_INT8, KB_IEEE, false), 128);
        CHECK_EQ(cycles(g, 128, 128, 64, KB_FLOAT32, KB_IEEE, false), 1024);
        CHECK_EQ(cycles(g, 128, 128, 64, KB_FLOAT32, KB_TF32, false), 512);
        CHECK_EQ(cycles(g, 128, 128, 64, KB_FLOAT32, KB_TF32X3, false), 1536);
        CHECK_EQ(cycles(g, 128, 128, 64, KB_FLOAT64, KB_IEEE, false), 4096);
        /* operands: (MK + KN) bytes at 512 a cycle */
        CHECK_EQ(cycles(g, 16, 64, 1024, KB_FLOAT16, KB_IEEE, false), 1024);
        CHECK_EQ(cycles(g, 1, 64, 1024, KB_FLOAT64, KB_IEEE, false), 16 * 1024);
    }
    pe_close(&p);
}

static void narrow_tcm_is_the_limit(void) {
    pe_rig p;
    if (pe_open(&p, "{kernbench: 1, system: {sips: 1, sip: {cubes: [1, 1]}, cube: {pes: 2}, "
                    "pe: {tcm: {bytes_per_cycle: 100}}}}")) {
        const kb_params *g = kb_parts_params(&p.r.parts);
        /* (64*64 + 64*64) * 2 = 16384 bytes: 163.84 cycles, more than 64 */
        int64_t time_fs, fill_fs;
        CHECK(!kb_gemm_time(g, 64, 64, 64, KB_FLOAT16, KB_IEEE, false, &time_fs, &fill_fs));
        CHECK_EQ(time_fs, 163840000);
        CHECK(!kb_gemm_time(g, 64, 64, 64, KB_FLOAT16, KB_IEEE, true, &time_fs, &fill_fs));
        CHECK_EQ(time_fs, 163840000 + 126000000);
        CHECK_EQ(fill_fs, 126000000);
    }
    pe_close(&p);
}

/* Fractions are rounded up once, at the end: 3 GHz, rate 0.7. */
static void rounded_once(void) {
    pe_rig p;
    if (pe_open(&p, "{kernbench: 1, system: {sips: 1, sip: {cubes: [1, 1]}, cube: {pes: 2}, "
                    "pe: {clock_ghz: 3, gemm: {rate_fp16: 0.7}}}}")) {
        const kb_params *g = kb_parts_params(&p.r.parts);
        int64_t time_fs, fill_fs;
        CHECK(!kb_gemm_time(g, 1, 1, 100, KB_FLOAT16, KB_IEEE, false, &time_fs, &fill_fs));
        CHECK_EQ(time_fs, 47619048); /* 100 / 0.7 / 3 GHz = 47619047.6 fs */
        CHECK(!kb_gemm_time(g, 1, 1, 100, KB_FLOAT16, KB_IEEE, true, &time_fs, &fill_fs));
        CHECK_EQ(time_fs, 89619048);
        CHECK_EQ(fill_fs, 42000000);
    }
    pe_close(&p);
}

static void overflow_is_told(void) {
    pe_rig p;
    if (pe_open(&p, machine)) {
        int64_t time_fs, fill_fs, big = INT64_C(1) << 40;
        CHECK(kb_gemm_time(kb_parts_params(&p.r.parts), big, big, big, KB_FLOAT64, KB_IEEE, true,
                           &time_fs, &fill_fs));
    }
    pe_close(&p);
}

/* A chain of products over one accumulator runs back to back: the fill is paid once. */
static void fill_overlaps_back_to_back(void) {
    pe_rig p;
    if (pe_open(&p, machine)) {
        uint64_t va = pe_local(&p, 1 << 20, 0);
        uint32_t a = pe_load(&p, pe_box(KB_FLOAT16, va, 64, 64, 64)), acc = KB_NO_TILE;
        for (int i = 0; i < 3; i++) acc = pe_dot(&p, a, a, acc, 64, 64, 64);
        rig_run_well(&p.r);
        kb_record first = pe_record(&p, 2, KB_OP_GEMM), last = pe_record(&p, 4, KB_OP_GEMM);
        CHECK_EQ(first.end_fs - first.start_fs, (64 + 126) * KB_FS_PER_NS);
        CHECK_EQ(first.setup_fs, 126 * KB_FS_PER_NS);
        CHECK_EQ(last.end_fs - first.end_fs, 2 * 64 * KB_FS_PER_NS);
        CHECK_EQ(last.setup_fs, 0);
        CHECK_EQ(last.work, 64 * 64 * 64);
        CHECK_EQ(last.nbytes, 2 * 64 * 64 * 2);
        /* later, on an idle engine, it is paid again */
        (void)pe_dot(&p, a, a, acc, 64, 64, 64);
        rig_run_well(&p.r);
        CHECK_EQ(pe_record(&p, 5, KB_OP_GEMM).setup_fs, 0); /* this very instant */
        (void)pe_load(&p, pe_box(KB_FLOAT16, va, 64, 64, 64));
        rig_run_well(&p.r);
        (void)pe_dot(&p, a, a, KB_NO_TILE, 64, 64, 64);
        rig_run_well(&p.r);
        CHECK_EQ(pe_record(&p, 7, KB_OP_GEMM).setup_fs, 126 * KB_FS_PER_NS);
    }
    pe_close(&p);
}

int main(void) {
    TAP_RUN(law_8_by_hand);
    TAP_RUN(narrow_tcm_is_the_limit);
    TAP_RUN(rounded_once);
    TAP_RUN(overflow_is_told);
    TAP_RUN(fill_overlaps_back_to_back);
    return tap_finish();
}
