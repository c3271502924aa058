#include "kernel/composite.h"

#include "tap.h"

#include "kir_kernels.h"

#define R KB_NO_REG

static kir_builder k;
static kir_composite at;
static kb_error err;

static kb_status verify(void) {
    kb_alloc alloc = kb_alloc_system();
    kb_kernel *kernel = NULL;
    err = (kb_error)KB_ERROR_INIT;
    kir_finish(&k);
    kb_status status = kb_kernel_create(&alloc, k.bytes, k.nbytes, &kernel, &err);
    kb_kernel_destroy(&alloc, kernel);
    CHECK_EQ(alloc.live_nbytes, 0);
    return status;
}

static void build(void) {
    at = kir_product(&k, 64, 32, 16, 2);
}

static void a_body_is_read(void) {
    kb_alloc alloc = kb_alloc_system();
    build();
    kb_kernel *kernel = kir_make(&k, &alloc);
    kb_composite_body body;
    if (kernel) {
        kb_composite_read(kernel, at.composite, &body);
        CHECK_EQ(body.end, at.end);
        CHECK_EQ(body.buffers, 2);
        CHECK_EQ(body.n_views, 3);
        CHECK_EQ(body.result, 2);
        CHECK_EQ(body.rows, 64);
        CHECK_EQ(body.columns, 32);
        CHECK_EQ(body.n_sections, 3);
        CHECK_EQ(body.sections[0].nbytes, 64 * 32 * 4);
        CHECK_EQ(body.sections[1].kind, KB_SECTION_STEP);
        CHECK_EQ(body.sections[1].view, 0);
        CHECK_EQ(body.sections[1].size, 16);
        CHECK_EQ(body.sections[1].first, at.load_a);
        CHECK_EQ(body.sections[1].end, at.tail);
        CHECK_EQ(body.sections[1].nbytes, (64 + 32) * 16 * 2); /* the sum is added to in place */
        CHECK_EQ(body.sections[2].end, at.end);
        CHECK_EQ(body.sections[2].nbytes, 64 * 32 * 4);
    }
    kb_kernel_destroy(&alloc, kernel);
}

/* Field by field: what the rest relies on is refused when it is not so. */
static void faults_are_refused(void) {
    enum { OP, DST, A, B, C, IMM, FLAGS };
    build();
    const struct {
        uint32_t inst;
        int field;
        uint32_t value;
        const char *message;
    } cases[] = {
        {at.composite, IMM, 0, "expected 1 to 16 buffers, got 0"},
        {at.composite, IMM, 17, "expected 1 to 16 buffers, got 17"},
        {at.composite, DST, 3, "expected a handle of int64"},
        {at.composite, OP, KB_KIR_WAIT_MEMORY, "expected no operand dst"},
        {at.first_view, IMM, 16, "expected a view below 16, got 16"},
        {at.first_view, IMM, 1, "expected the strides of a view behind it"},
        {at.first_view + 2, IMM, 0, "view 0 is described twice"},
        {at.first_view + 1, B, R, "expected the strides of a view behind it, one for each extent"},
        {at.first_view, A, 3, "is not of the kind that \"p\" stands for"},
        {at.first_view, B, 0, "is not of the kind that \"i\" stands for"},
        {at.head, IMM, KB_SECTION_TAIL, "expected a head, steps and a tail"},
        {at.head, OP, KB_KIR_DROP, "expected an operand a"},
        {at.head, IMM, 256, "expected a head, steps and a tail"},
        {at.step, IMM, KB_SECTION_HEAD, "expected a head, steps and a tail"},
        {at.step, IMM, 7, "expected a head, steps and a tail"},
        {at.step, IMM, KB_SECTION_STEP | 2 << 8, "expected a step that loads from view 2"},
        {at.step, IMM, KB_SECTION_STEP | 99 << 8, "expected a head, steps and a tail"},
        {at.tail, IMM, KB_SECTION_STEP, "ends with a tail"},
        {at.end, OP, KB_KIR_WAIT_MEMORY, "ends with a tail"},
        {at.load_b, IMM, 5 | KB_AXIS_K << 8 | KB_AXIS_N << 12, "expected the number of a view"},
        {at.load_a, IMM, KB_AXIS_N << 8 | KB_AXIS_K << 12, "expected a size of 32, got 64"},
        {at.load_a, IMM, KB_AXIS_M << 8, "dimension 1: expected a size of 1, got 16"},
        {at.load_a, IMM, KB_AXIS_M << 8 | 9 << 12, "dimension 1: no axis 9"},
        {at.load_a, IMM, KB_AXIS_M << 8 | KB_AXIS_K << 12 | 1 << 16, "an axis for each dimension"},
        {at.load_b, IMM, 2 | KB_AXIS_K << 8 | KB_AXIS_N << 12, "a tile of rank 2 and float32"},
        {at.load_a, DST, at.acc, "expected a tile of rank 2 and float16"},
        {at.store, IMM, 2 | KB_AXIS_M << 8 | KB_AXIS_M << 12, "a store of rows and columns"},
        {at.store, IMM, 2 | KB_AXIS_K << 8 | KB_AXIS_N << 12, "a store of rows and columns"},
        {at.dot, DST, (uint32_t)at.acc + 3, "leaves none to the next"},
        {at.dot, FLAGS, KB_LAST_A | KB_LAST_B, NULL}, /* the register is written again anyway */
        {at.tail + 1, A, (uint32_t)at.acc + 3, "no tile of this composite"},
        {at.end + 1, A, 3, "expected a handle of int64"},
        {at.end + 1, OP, KB_KIR_SECTION, "expected no operand a"},
        {at.end + 1, OP, KB_KIR_DROP, "is not of the kind"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        build();
        kb_kir_inst *inst = &k.insts[cases[i].inst];
        uint32_t value = cases[i].value;
        switch (cases[i].field) {
        case OP: inst->op = (uint8_t)value; break;
        case DST: inst->dst = (uint16_t)value; break;
        case A: inst->a = (uint16_t)value; break;
        case B: inst->b = (uint16_t)value; break;
        case C: inst->c = (uint16_t)value; break;
        case FLAGS: inst->flags = (uint8_t)value; break;
        default: inst->imm = value;
        }
        kb_status status = verify();
        if (!cases[i].message) {
            CHECK_EQ(status, KB_OK);
            continue;
        }
        if (!CHECK_EQ(status, KB_COMPILE) || !CHECK(strstr(err.message, cases[i].message)))
            printf("#     case %zu: %s\n", i, err.message);
    }
}

#define REFUSED(text)                                                             \
    do {                                                                          \
        if (!CHECK_EQ(verify(), KB_COMPILE) || !CHECK(strstr(err.message, text))) \
            printf("#     line %d: %s\n", __LINE__, err.message);                 \
    } while (0)

static void tiles_stay_on_their_side(void) {
    build(); /* the program reads a tile of the body */
    k.header.n_insts--;
    (void)kir_emit(&k, KB_KIR_DROP, 0, R, at.acc, R, R, 0); /* a drop may find none */
    kir_return(&k);
    CHECK_EQ(verify(), KB_OK);
    build();
    k.header.n_insts--;
    kb_kir_type sum = kir_tile2(KB_FLOAT32, 64, 32);
    (void)kir_value(&k, KB_KIR_MATH, KB_MATHOP_NEG, sum, at.acc, R, R);
    kir_return(&k);
    REFUSED("is read before it is written");
}

static void views_stand_before_their_composite(void) {
    build();
    k.insts[at.composite] = k.insts[at.end + 1];
    k.insts[at.composite].a = at.handle;
    REFUSED("expected views right before their composite");
    build();
    k.insts[at.end] = k.insts[at.load_a];
    REFUSED("ends with a tail");
    build();
    k.header.n_insts--;
    (void)kir_emit(&k, KB_KIR_SECTION, 0, R, R, R, R, 0);
    kir_return(&k);
    REFUSED("expected it within a composite");
}

static void nothing_jumps_into_it(void) {
    for (uint32_t offset = 0; offset < 4; offset++) {
        build();
        const uint32_t targets[4] = {at.composite, at.load_a, at.end, at.first_view};
        k.header.n_insts--;
        (void)kir_jump(&k, KB_KIR_JUMP, R, targets[offset]);
        if (offset < 3) REFUSED("expected no jump into a composite");
        else CHECK_EQ(verify(), KB_OK);
    }
}

/* A section's number of stages, a body's length, the number of sections. */
static void bounds_are_kept(void) {
    for (int n = 0; n < 2; n++) {
        build();
        k.header.n_insts = at.tail + 2;
        kb_kir_type sum = kir_tile2(KB_FLOAT32, 64, 32);
        uint16_t value = k.insts[at.tail + 1].dst;
        for (int i = 0; i < 14 + n; i++) {
            value = kir_value(&k, KB_KIR_MATH, KB_MATHOP_NEG, sum, value, R, R);
            kir_last(&k, KB_LAST_A);
        }
        (void)kir_emit(&k, KB_KIR_VIEW_STORE, 0, R, value, R, R,
                       2 | KB_AXIS_M << 8 | KB_AXIS_N << 12);
        (void)kir_emit(&k, KB_KIR_COMPOSITE_END, 0, R, R, R, R, 0);
        kir_return(&k);
        if (n == 0) CHECK_EQ(verify(), KB_OK);
        else REFUSED("expected at most 16 operations in a section, got 17");
    }
    build();
    k.header.n_insts = at.step;
    for (int i = 0; i < 9; i++) (void)kir_emit(&k, KB_KIR_SECTION, 0, R, R, R, R, KB_SECTION_STEP);
    kir_return(&k);
    REFUSED("at most 8 sections");
    build();
    k.header.n_insts = at.tail + 1;
    for (int i = 0; i < 200; i++) (void)kir_emit(&k, KB_KIR_MOV, 0, at.acc, at.acc, R, R, 0);
    kir_return(&k);
    REFUSED("expected a body of at most 128 instructions");
}

int main(void) {
    TAP_RUN(a_body_is_read);
    TAP_RUN(faults_are_refused);
    TAP_RUN(tiles_stay_on_their_side);
    TAP_RUN(views_stand_before_their_composite);
    TAP_RUN(nothing_jumps_into_it);
    TAP_RUN(bounds_are_kept);
    return tap_finish();
}
