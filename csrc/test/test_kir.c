#include "kernel/kir.h"

#include "base/hash.h"
#include "tap.h"

#include "kir_builder.h"

#define R KB_NO_REG

/* for i in range(n): total += i */
static void build_sum(kir_builder *k) {
    kb_kir_type i32 = kir_scalar(KB_INT32);
    kir_begin(k, "sum_up");
    uint16_t n = kir_param(k, "n", i32);
    uint16_t total = kir_const(k, i32, 0);
    uint16_t i = kir_const(k, i32, 0), one = kir_const(k, i32, 1);
    uint16_t more = kir_reg(k, kir_scalar(KB_BOOL));
    k->line = 3;
    uint32_t head = kir_emit(k, KB_KIR_SCALAR, KB_MATHOP_LT, more, i, n, R, 0);
    uint32_t leave = kir_jump(k, KB_KIR_JUMP_UNLESS, more, 0);
    (void)kir_emit(k, KB_KIR_SCALAR, KB_MATHOP_ADD, total, total, i, R, 0);
    (void)kir_emit(k, KB_KIR_SCALAR, KB_MATHOP_ADD, i, i, one, R, 0);
    (void)kir_jump(k, KB_KIR_JUMP, R, head);
    k->insts[leave].imm = k->header.n_insts;
    kir_return(k);
}

static void a_kernel_is_read_back(void) {
    static kir_builder k;
    kb_alloc alloc = kb_alloc_system();
    build_sum(&k);
    kb_kernel *kernel = kir_make(&k, &alloc);
    if (!kernel) return;
    CHECK_STR(kernel->name, "sum_up");
    CHECK_EQ(kernel->n_params, 1);
    CHECK_EQ(kernel->n_regs, 5);
    CHECK_EQ(kernel->n_insts, 9);
    CHECK_EQ(kernel->lines[3], 3);
    CHECK_EQ(kernel->insts[3].op, KB_KIR_SCALAR);
    CHECK_EQ(kb_kernel_type(kernel, 4)->dtype, KB_BOOL);
    CHECK_EQ(kernel->hash, kb_hash_finish(kb_hash_bytes(KB_HASH_SEED, k.bytes, k.nbytes)));
    kb_kernel_destroy(&alloc, kernel);
    kb_kernel_destroy(&alloc, NULL);
    CHECK_EQ(alloc.live_nbytes, 0);
}

static void dump_is_canonical(void) {
    static kir_builder k;
    kb_alloc alloc = kb_alloc_system();
    kb_error err = KB_ERROR_INIT;
    char *text = NULL;
    size_t length = 0;
    build_sum(&k);
    kb_kernel *kernel = kir_make(&k, &alloc);
    if (!kernel || !CHECK_EQ(kb_kernel_dump(&alloc, kernel, &text, &length, &err), KB_OK)) return;
    CHECK_STR(text, "kernel sum_up\n"
                    "r0: scalar int32  n\n"
                    "r1: scalar int32\n"
                    "r2: scalar int32\n"
                    "r3: scalar int32\n"
                    "r4: scalar bool\n"
                    "    0  line 1    r1 = const #0\n"
                    "    1  line 1    r2 = const #0\n"
                    "    2  line 1    r3 = const #1\n"
                    "    3  line 3    r4 = scalar.lt r2 r0\n"
                    "    4  line 3    jump_unless r4 -> 8\n"
                    "    5  line 3    r1 = scalar.add r1 r2\n"
                    "    6  line 3    r2 = scalar.add r2 r3\n"
                    "    7  line 3    jump -> 3\n"
                    "    8  line 3    return\n");
    CHECK_EQ(length, strlen(text));
    kb_alloc_free(&alloc, text, length + 1, 1);
    kb_kernel_destroy(&alloc, kernel);
    CHECK_EQ(alloc.live_nbytes, 0);
}

static void every_truncation_is_refused(void) {
    static kir_builder k;
    kb_alloc alloc = kb_alloc_system();
    kb_error err = KB_ERROR_INIT;
    kb_kernel *kernel = NULL;
    build_sum(&k);
    kir_finish(&k);
    for (size_t n = 0; n < k.nbytes; n++)
        CHECK_EQ(kb_kernel_create(&alloc, k.bytes, n, &kernel, &err), KB_COMPILE);
    CHECK_EQ(kb_kernel_create(&alloc, k.bytes, k.nbytes + 1, &kernel, &err), KB_COMPILE);
    CHECK_EQ(alloc.live_nbytes, 0);
    CHECK(kernel == NULL);
}

static void another_version_is_refused(void) {
    static kir_builder k;
    kb_alloc alloc = kb_alloc_system();
    kb_error err = KB_ERROR_INIT;
    kb_kernel *kernel = NULL;
    build_sum(&k);
    k.header.version++;
    kir_finish(&k);
    CHECK_EQ(kb_kernel_create(&alloc, k.bytes, k.nbytes, &kernel, &err), KB_COMPILE);
    CHECK(strstr(err.message, "compile it again") != NULL);
}

static void each_failing_allocation_is_survived(void) {
    static kir_builder k;
    build_sum(&k);
    kir_finish(&k);
    bool passed = false;
    for (uint64_t fail_at = 1; fail_at < 100 && !passed; fail_at++) {
        kb_alloc alloc = kb_alloc_system();
        kb_error err = KB_ERROR_INIT;
        kb_kernel *kernel = NULL;
        char *text;
        size_t length;
        alloc.fail_at = fail_at;
        kb_status status = kb_kernel_create(&alloc, k.bytes, k.nbytes, &kernel, &err);
        if (status == KB_OK) {
            status = kb_kernel_dump(&alloc, kernel, &text, &length, &err);
            if (status == KB_OK) kb_alloc_free(&alloc, text, length + 1, 1);
            kb_kernel_destroy(&alloc, kernel);
        }
        passed = status == KB_OK;
        CHECK(passed || status == KB_NOMEM);
        CHECK_EQ(alloc.live_nbytes, 0);
    }
    CHECK(passed);
}

/* No single changed byte crashes it; what is accepted dumps and dies well. */
static void every_changed_byte_is_survived(void) {
    static kir_builder k;
    kb_alloc alloc = kb_alloc_system();
    static const unsigned char changes[] = {0x01, 0x80, 0xff};
    int n_accepted = 0;
    build_sum(&k);
    kir_finish(&k);
    for (size_t i = 0; i < k.nbytes; i++)
        for (size_t c = 0; c < sizeof changes; c++) {
            kb_error err = KB_ERROR_INIT;
            kb_kernel *kernel = NULL;
            char *text = NULL;
            size_t length = 0;
            ((unsigned char *)k.bytes)[i] ^= changes[c];
            if (kb_kernel_create(&alloc, k.bytes, k.nbytes, &kernel, &err) == KB_OK) {
                n_accepted++;
                if (CHECK_EQ(kb_kernel_dump(&alloc, kernel, &text, &length, &err), KB_OK))
                    kb_alloc_free(&alloc, text, length + 1, 1);
                kb_kernel_destroy(&alloc, kernel);
            }
            ((unsigned char *)k.bytes)[i] ^= changes[c];
        }
    CHECK(n_accepted > 0 && n_accepted < (int)k.nbytes * 3 / 2);
    CHECK_EQ(alloc.live_nbytes, 0);
}

int main(void) {
    TAP_RUN(a_kernel_is_read_back);
    TAP_RUN(dump_is_canonical);
    TAP_RUN(every_truncation_is_refused);
    TAP_RUN(another_version_is_refused);
    TAP_RUN(each_failing_allocation_is_survived);
    TAP_RUN(every_changed_byte_is_survived);
    return tap_finish();
}
