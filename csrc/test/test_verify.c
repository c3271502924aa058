#include "kernel/kir.h"

#include "tap.h"

#include "kir_kernels.h"

#define R KB_NO_REG

static kir_builder k;
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

/* The kernel as it stands is refused with a message that holds `text`. */
#define REFUSED(text)                                                             \
    do {                                                                          \
        if (!CHECK_EQ(verify(), KB_COMPILE) || !CHECK(strstr(err.message, text))) \
            printf("#     line %d: %s\n", __LINE__, err.message);                 \
    } while (0)

#define ACCEPTED()                                                                            \
    do {                                                                                      \
        if (!CHECK_EQ(verify(), KB_OK)) printf("#     line %d: %s\n", __LINE__, err.message); \
    } while (0)

static kir_everything r;

static void build(void) {
    r = kir_use_everything(&k);
}

static void every_opcode_is_accepted(void) {
    build();
    ACCEPTED();
    bool seen[KB_KIR_COUNT] = {false};
    for (uint32_t i = 0; i < k.header.n_insts; i++) seen[k.insts[i].op] = true;
    seen[KB_KIR_JUMP] = seen[KB_KIR_JUMP_UNLESS] = true; /* in test_kir */
    for (int op = 0; op < KB_KIR_COUNT; op++)
        if (!CHECK(seen[op])) printf("#     %s\n", kb_kir_op_name((kb_kir_op)op));
}

static void faults_name_their_place(void) {
    build();
    k.lines[r.load] = 7;
    k.insts[r.load].a = r.n;
    CHECK_EQ(verify(), KB_COMPILE);
    char where[64];
    (void)snprintf(where, sizeof where,
                   "kernel everything: line 7: instruction %u (load): ", r.load);
    CHECK(strncmp(err.message, where, strlen(where)) == 0);
}

static void instructions_are_well_formed(void) {
    build(), k.insts[r.dot].op = KB_KIR_COUNT;
    REFUSED("expected an opcode");
    build(), k.insts[r.dot].reserved = 1;
    REFUSED("reserved");
    build(), k.insts[r.first].imm = 3;
    REFUSED("expected an axis below 3");
    build(), k.insts[r.first].sub = 1;
    REFUSED("unused sub");
    build(), k.insts[r.dot].imm = 1;
    REFUSED("unused immediate");
    build(), k.insts[r.dot].dst = 400;
    REFUSED("expected a register below");
    build(), k.insts[r.dot].a = R;
    REFUSED("expected an operand a");
    build(), k.insts[r.first].a = r.n;
    REFUSED("expected no operand a");
    build(), k.insts[r.load].flags = 8;
    REFUSED("flags 8");
    build(), k.insts[r.load].flags = KB_LAST_A;
    REFUSED("set on no tile");
    build(), k.insts[r.jump].imm = k.header.n_insts;
    REFUSED("expected a target");
    build(), k.header.n_insts--;
    REFUSED("jump or return at the end");
}

static void registers_and_types_exist(void) {
    build(), k.regs[r.total] = 99;
    REFUSED("expected a type below");
    build(), k.types[0].kind = 3;
    REFUSED("type 0: expected a scalar");
    build(), k.types[0].dims[2] = 2;
    REFUSED("type 0");
    build(), k.types[1].rank = 1;
    REFUSED("type 1");
    build(), k.types[kir_type(&k, kir_tile(KB_FLOAT32, 64))].dims[0] = KB_MAX_TILE_ELEMENTS + 1;
    REFUSED("elements");
    build(), k.types[kir_type(&k, kir_tile(KB_FLOAT32, 64))].dims[0] = 0;
    REFUSED("elements");
    build(), k.types[kir_type(&k, kir_block(KB_INT32, 64))].dtype = KB_FLOAT32;
    REFUSED("block of integers");
    build(), k.types[0].dtype = KB_DTYPE_COUNT;
    REFUSED("dtype");
    build(), k.params[0].reserved = 1;
    REFUSED("parameter 0");
    build(), k.params[1].name = 1 << 20;
    REFUSED("parameter 1");
    build(), k.params[1].type = k.params[0].type;
    REFUSED("parameter 1");
}

static void dtypes_and_shapes_agree(void) {
    build(), k.insts[r.dot].sub = KB_PRECISION_COUNT;
    REFUSED("precision");
    build(), k.insts[r.dot].b = r.tile;
    REFUSED("(M, K) @ (K, N)");
    build(), k.insts[r.reduce].imm = 2;
    REFUSED("axis below 2");
    build(), k.insts[r.reduce].sub = KB_REDUCEOP_ARGMAX;
    REFUSED("cannot give");
    build(), k.insts[r.reduce].sub = KB_REDUCEOP_XOR;
    REFUSED("xor is not defined");
    build(), k.insts[r.trans].imm = kir_number(&k, 0x11);
    REFUSED("permutation");
    build(), k.insts[r.trans].imm = kir_number(&k, 0x201);
    REFUSED("permutation");
    build(), k.insts[r.gather].imm = 2;
    REFUSED("above axis 2");
    build(), k.insts[r.gather].b = r.offs;
    REFUSED("for each element");
    build(), k.insts[r.gather].b = r.square;
    REFUSED("index of integers");
    build(), k.insts[r.gather].a = r.tile;
    REFUSED("one rank");
    build(), k.insts[r.load].dst = r.acc;
    REFUSED("differ in shape");
    build(), k.insts[r.load].c = r.n;
    REFUSED("expected `other` of float32");
    build(), k.insts[r.materialise].a = r.tile;
    REFUSED("tile and result differ");
}

static void arithmetic_is_defined(void) {
    kb_kir_type i32 = kir_scalar(KB_INT32), f32 = kir_scalar(KB_FLOAT32);
    kb_kir_type p = kir_pointer(KB_FLOAT32), yes = kir_scalar(KB_BOOL);
    struct {
        kb_mathop op;
        kb_kir_type dst, a, b;
        const char *fault; /* NULL: accepted */
    } cases[] = {
        {KB_MATHOP_ADD, i32, i32, i32, NULL},
        {KB_MATHOP_ADD, i32, i32, f32, "operands differ"},
        {KB_MATHOP_ADD, f32, i32, i32, "not defined from int32 to float32"},
        {KB_MATHOP_AND, f32, f32, f32, "not defined"},
        {KB_MATHOP_DIV, i32, i32, i32, "not defined"},
        {KB_MATHOP_LT, yes, f32, f32, NULL},
        {KB_MATHOP_LT, i32, i32, i32, "not defined"},
        {KB_MATHOP_EQ, yes, p, p, NULL},
        {KB_MATHOP_EQ, yes, p, i32, "operands differ"},
        {KB_MATHOP_ADD, p, p, p, "not defined on pointers"},
        {KB_MATHOP_EXP, f32, f32, f32, "takes 1 operands"},
        {KB_MATHOP_WHERE, f32, f32, f32, "takes 3 operands"},
        {KB_MATHOP_COUNT, i32, i32, i32, "expected an operation"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        kir_begin(&k, "arithmetic");
        uint16_t a = kir_param(&k, "a", cases[i].a), b = kir_param(&k, "b", cases[i].b);
        (void)kir_value(&k, KB_KIR_SCALAR, cases[i].op, cases[i].dst, a, b, R);
        kir_return(&k);
        if (cases[i].fault) REFUSED(cases[i].fault);
        else ACCEPTED();
    }
    kir_begin(&k, "casts");
    uint16_t a = kir_param(&k, "a", p);
    uint16_t number = kir_value(&k, KB_KIR_SCALAR, KB_MATHOP_CAST, kir_scalar(KB_INT64), a, R, R);
    (void)kir_value(&k, KB_KIR_SCALAR, KB_MATHOP_CAST, p, number, R, R);
    (void)kir_value(&k, KB_KIR_SCALAR, KB_MATHOP_MOVE, p, a, R, R);
    kir_return(&k);
    ACCEPTED();
    k.insts[1].sub = KB_MATHOP_MOVE;
    REFUSED("pointer and number differ");
}

static kb_kir_inst *first_of(kb_kir_op op) {
    for (uint32_t i = 0; i < k.header.n_insts; i++)
        if (k.insts[i].op == op) return &k.insts[i];
    CHECK(!"an instruction of that kind");
    return k.insts;
}

static void messages_are_of_numbers(void) {
    kb_kir_type pointers = kir_tile(KB_FLOAT32, 64);
    pointers.pointer = 1;
    build(), first_of(KB_KIR_PLACE)->imm = KB_AT_COUNT;
    REFUSED("expected a place below");
    build(), first_of(KB_KIR_SEND)->b = kir_reg(&k, pointers);
    REFUSED("expected numbers to send");
    build(), first_of(KB_KIR_SEND)->a = r.f;
    REFUSED("operand a: register");
    build(), first_of(KB_KIR_RECV)->dst = kir_reg(&k, pointers);
    REFUSED("expected numbers to receive");
    build(), first_of(KB_KIR_RECV)->b = R;
    ACCEPTED();
    static const int no_sums[] = {KB_MATHOP_NEG, KB_MATHOP_LT, KB_MATHOP_FMA, KB_MATHOP_COUNT};
    for (size_t i = 0; i < sizeof no_sums / sizeof no_sums[0]; i++) {
        build(), first_of(KB_KIR_REDUCE_SEND)->sub = (uint8_t)no_sums[i];
        REFUSED("expected an operation of two operands");
    }
    build(), first_of(KB_KIR_REDUCE_SEND)->b = kir_reg(&k, pointers);
    REFUSED("expected numbers to combine");
    build(), first_of(KB_KIR_REDUCE_RECV)->dst = kir_reg(&k, pointers);
    REFUSED("expected numbers to receive");
}

static void prints_have_a_text_and_a_form(void) {
    build(), k.insts[r.print].imm = UINT32_MAX;
    REFUSED("expected text below");
    build(), k.insts[r.print].sub = 2;
    REFUSED("expected 0, or 1 for hexadecimal, got 2");
    build(), k.insts[r.print].dst = r.n;
    REFUSED("expected no operand dst");
    build(), k.insts[r.print].a = r.mask;
    ACCEPTED();
}

static void constants_are_values(void) {
    build(), k.consts[k.insts[r.first + 2].imm] = UINT64_C(1) << 40;
    REFUSED("is no value of int32");
    build(), k.insts[r.first + 2].imm = k.header.n_consts;
    REFUSED("expected a constant below");
    build(), k.insts[r.first + 4].imm = kir_number(&k, INT32_MAX - 62);
    REFUSED("do not fit int32");
    build(), k.insts[r.first + 4].imm = kir_number(&k, INT32_MAX - 63);
    ACCEPTED();
}

static void nothing_is_read_before_it_is_written(void) {
    build(), k.insts[r.first + 3].b = r.index; /* a float, but the order of checks is types first */
    REFUSED("is not of the kind");
    /* the last use of an accumulator, then the loop reads it again */
    build(), k.insts[r.trans].flags = KB_LAST_A;
    REFUSED("after its last use");
    build(), k.insts[r.dot].flags = KB_LAST_C;
    ACCEPTED();

    kb_kir_type i32 = kir_scalar(KB_INT32);
    for (int both = 0; both < 2; both++) {
        kir_begin(&k, "branch");
        uint16_t n = kir_param(&k, "n", i32);
        uint16_t x = kir_reg(&k, i32);
        uint32_t skip = kir_jump(&k, KB_KIR_JUMP_UNLESS, n, 0);
        (void)kir_emit(&k, KB_KIR_MOV, 0, x, n, R, R, 0);
        uint32_t over = kir_jump(&k, KB_KIR_JUMP, R, 0);
        k.insts[skip].imm = k.header.n_insts;
        if (both) (void)kir_emit(&k, KB_KIR_MOV, 0, x, n, R, R, 0);
        k.insts[over].imm = k.header.n_insts;
        (void)kir_value(&k, KB_KIR_SCALAR, KB_MATHOP_NEG, i32, x, R, R);
        kir_return(&k);
        if (both) ACCEPTED();
        else REFUSED("read before it is written");
    }
}

static void unreachable_code_is_not_walked(void) {
    kb_kir_type i32 = kir_scalar(KB_INT32);
    kir_begin(&k, "dead");
    uint16_t x = kir_reg(&k, i32);
    kir_return(&k);
    (void)kir_value(&k, KB_KIR_SCALAR, KB_MATHOP_NEG, i32, x, R, R);
    kir_return(&k);
    ACCEPTED();
}

int main(void) {
    TAP_RUN(every_opcode_is_accepted);
    TAP_RUN(faults_name_their_place);
    TAP_RUN(instructions_are_well_formed);
    TAP_RUN(registers_and_types_exist);
    TAP_RUN(dtypes_and_shapes_agree);
    TAP_RUN(arithmetic_is_defined);
    TAP_RUN(messages_are_of_numbers);
    TAP_RUN(prints_have_a_text_and_a_form);
    TAP_RUN(constants_are_values);
    TAP_RUN(nothing_is_read_before_it_is_written);
    TAP_RUN(unreachable_code_is_not_walked);
    return tap_finish();
}
