/* Random programs run with their quick code and without it: both must stand at the same places with the same
 * registers, after equal cycles and instructions. */
#include "kernel/quick.h"

#include "hw/pe/vm.h"
#include "test/pe_rig.h"

#include "kernel/scalar.h"
#include "kir_builder.h"

#define R KB_NO_REG

enum {
    N_PROGRAMS = 400,
    N_DTYPES = 8,
    N_EACH = 3, /* registers of each type */
    N_BODY = 60,
    N_ROUNDS = 12,
    N_ELEMENTS = 32
};

static const char *const one_pe =
    "{kernbench: 1, system: {sips: 1, sip: {cubes: [1, 1]}, cube: {pes: 1}, pe: {cpu: "
    "{scalar_cycles: 3, branch_cycles: 5, block_cycles: 7}}}}\n";

static const kb_dtype dtypes[N_DTYPES] = {KB_BOOL,   KB_INT8,   KB_INT32,  KB_INT64,
                                          KB_UINT32, KB_UINT64, KB_UINT16, KB_FLOAT32};

/* A program in the making: N_EACH registers of each dtype, of pointers, and of blocks of two kinds. */
typedef struct maker {
    kir_builder k;
    uint64_t state;
    uint16_t scalars[N_DTYPES][N_EACH];
    uint16_t pointers[N_EACH], blocks[N_EACH], pointer_blocks[N_EACH];
    uint16_t lane, rows;
} maker;

static maker m;
static pe_rig p;

static uint32_t draw(uint32_t below) {
    m.state = m.state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((m.state >> 33) % below);
}

static uint16_t one_of(const uint16_t *regs) {
    return regs[draw(N_EACH)];
}

static uint64_t number(kb_dtype dtype) {
    static const int64_t edges[] = {0, 1, -1, 2, 7, INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN, 31};
    uint64_t bits = 0;
    int64_t value = draw(3) == 0 ? (int64_t)draw(100) : edges[draw(10)];
    if (dtype == KB_FLOAT32) value = (int64_t)draw(5) - 2;
    kb_dtype from = dtype == KB_UINT64 ? KB_UINT64 : KB_INT64;
    CHECK_EQ(kb_scalar_math(KB_MATHOP_CAST, from, dtype, (uint64_t)value, 0, 0, &bits, &p.r.err),
             KB_OK);
    return bits;
}

static kb_kir_type square(kb_dtype dtype, bool pointer) {
    kb_kir_type type = kir_shaped(KB_BLOCK, dtype, 2, 4, 8, 1);
    type.pointer = pointer;
    return type;
}

static void emit(kb_kir_op op, int sub, uint16_t dst, uint16_t a, uint16_t b, uint16_t c) {
    (void)kir_emit(&m.k, op, sub, dst, a, b, c, 0);
}

/* Its target is filled in when the body's length is known. */
static void emit_jump(kb_kir_op op, uint16_t condition) {
    (void)kir_jump(&m.k, op, condition, 0);
}

static void emit_scalar(void) {
    uint32_t of = draw(N_DTYPES), to = draw(N_DTYPES);
    kb_mathop op = (kb_mathop)draw(KB_MATHOP_COUNT);
    if (draw(2)) op = (kb_mathop)(KB_MATHOP_ADD + draw(3));
    if (draw(3) == 0) op = (kb_mathop)(KB_MATHOP_EQ + draw(6));
    if (kb_mathop_result(op) == KB_RESULT_SAME) to = of;
    if (kb_mathop_result(op) == KB_RESULT_BOOL) to = 0;
    if (op == KB_MATHOP_WHERE || !kb_scalar_defined(op, dtypes[of], dtypes[to])) return;
    int arity = kb_mathop_arity(op);
    uint16_t dst = one_of(m.scalars[to]);
    emit(KB_KIR_SCALAR, op, dst, one_of(m.scalars[of]), arity > 1 ? one_of(m.scalars[of]) : R,
         arity > 2 ? one_of(m.scalars[of]) : R);
    if (to == 0 && draw(2)) emit_jump(draw(2) ? KB_KIR_JUMP_IF : KB_KIR_JUMP_UNLESS, dst);
}

static void emit_pointer(void) {
    uint16_t dst = one_of(m.pointers), a = one_of(m.pointers);
    switch (draw(4)) {
    case 0: emit(KB_KIR_MOV, 0, dst, a, R, R); break;
    case 1: emit(KB_KIR_SCALAR, KB_MATHOP_LT, one_of(m.scalars[0]), dst, a, R); break;
    case 2: emit(KB_KIR_SCALAR, KB_MATHOP_WHERE, dst, one_of(m.scalars[0]), a, dst); break;
    default: emit(KB_KIR_PTRADD, 0, dst, a, one_of(m.scalars[1 + draw(6)]), R);
    }
}

static void emit_block(void) {
    uint16_t dst = one_of(m.blocks), a = one_of(m.blocks), i32 = one_of(m.scalars[2]);
    uint16_t to = one_of(m.pointer_blocks);
    switch (draw(8)) {
    case 0: emit(KB_KIR_BLOCK, KB_MATHOP_ADD, dst, a, i32, R); break;
    case 6: emit(KB_KIR_BLOCK, KB_MATHOP_ADD, dst, i32, a, R); break;
    case 7: emit(KB_KIR_BLOCK_PTRADD, 0, to, one_of(m.pointers), a, R); break;
    case 1: emit(KB_KIR_BLOCK, KB_MATHOP_SUB, dst, a, i32, R); break;
    case 2: emit(KB_KIR_BLOCK, KB_MATHOP_SUB, dst, i32, a, R); break;
    case 3: emit(KB_KIR_BLOCK_RESHAPE, 0, dst, m.lane, R, R); break;
    case 4: emit(KB_KIR_SPLAT, 0, to, one_of(m.pointers), R, R); break;
    default:
        emit(KB_KIR_BLOCK_PTRADD, 0, draw(2) ? to : one_of(m.pointer_blocks), to,
             draw(2) ? one_of(m.scalars[1 + draw(6)]) : dst, R);
    }
}

static void emit_any(void) {
    uint32_t of = draw(N_DTYPES);
    uint16_t dst = one_of(m.scalars[of]), a = one_of(m.scalars[of]);
    switch (draw(10)) {
    case 0: emit_pointer(); break;
    case 1:
    case 2: emit_block(); break;
    case 3: emit(KB_KIR_MOV, 0, dst, a, R, R); break;
    case 4:
        (void)kir_emit(&m.k, KB_KIR_CONST, 0, dst, R, R, R, kir_number(&m.k, number(dtypes[of])));
        break;
    case 5: emit_jump((kb_kir_op)(KB_KIR_JUMP + (int)draw(3)), a); break;
    default: emit_scalar();
    }
}

static void declare(void) {
    kb_kir_type pointer = kir_pointer(KB_INT32);
    uint16_t x = kir_param(&m.k, "x", pointer), y = kir_param(&m.k, "y", pointer);
    for (int i = 0; i < N_DTYPES; i++)
        for (int n = 0; n < N_EACH; n++)
            m.scalars[i][n] = kir_const(&m.k, kir_scalar(dtypes[i]), number(dtypes[i]));
    m.lane = kir_reg(&m.k, kir_block(KB_INT32, N_ELEMENTS));
    (void)kir_emit(&m.k, KB_KIR_ARANGE, 0, m.lane, R, R, R, kir_number(&m.k, 3));
    for (int n = 0; n < N_EACH; n++) {
        m.pointers[n] = n == 0 ? x : kir_value(&m.k, KB_KIR_MOV, 0, pointer, n == 1 ? x : y, R, R);
        m.blocks[n] =
            kir_value(&m.k, KB_KIR_BLOCK_RESHAPE, 0, square(KB_INT32, false), m.lane, R, R);
        m.pointer_blocks[n] =
            kir_value(&m.k, KB_KIR_SPLAT, 0, square(KB_INT32, true), m.pointers[n], R, R);
    }
}

/* A loop of N_ROUNDS over instructions that may jump forward within it. */
static kb_kernel *make_program(uint64_t seed) {
    kb_kir_type i32 = kir_scalar(KB_INT32);
    m.state = seed;
    kir_begin(&m.k, "random");
    declare();
    uint16_t round = kir_const(&m.k, i32, 0), one = kir_const(&m.k, i32, 1);
    uint16_t rounds = kir_const(&m.k, i32, N_ROUNDS), more = kir_reg(&m.k, kir_scalar(KB_BOOL));
    uint32_t head = m.k.header.n_insts;
    while (m.k.header.n_insts < head + N_BODY) emit_any();
    uint32_t end = m.k.header.n_insts;
    for (uint32_t i = head; i < end; i++) {
        kb_kir_inst *inst = &m.k.insts[i];
        if (inst->op != KB_KIR_JUMP && inst->op != KB_KIR_JUMP_IF && inst->op != KB_KIR_JUMP_UNLESS)
            continue;
        if (inst->op == KB_KIR_JUMP) inst->a = R;
        inst->imm = i + 1 + draw(end - i < 6 ? end - i : 6);
    }
    emit(KB_KIR_SCALAR, KB_MATHOP_ADD, round, round, one, R);
    emit(KB_KIR_SCALAR, KB_MATHOP_LT, more, round, rounds, R);
    (void)kir_jump(&m.k, KB_KIR_JUMP_IF, more, head);
    kir_return(&m.k);
    return kir_make(&m.k, &p.r.alloc);
}

/* --- running both -------------------------------------------------------------------------------- */

static bool same_register(const kb_vm *a, const kb_vm *b, uint16_t reg) {
    const kb_kir_type *type = kb_vm_type(a, reg);
    int64_t left[N_ELEMENTS] = {0}, right[N_ELEMENTS] = {0}; /* blank blocks have one element */
    if (type->kind == KB_SCALAR)
        return a->regs[reg].bits == b->regs[reg].bits &&
               (!type->pointer || a->origins[reg] == b->origins[reg]);
    if (type->pointer && a->origins[reg] != b->origins[reg]) return false;
    kb_block_expand(a->regs[reg].block, left);
    kb_block_expand(b->regs[reg].block, right);
    return memcmp(left, right, sizeof left) == 0;
}

/* Runs both slice by slice, until RETURN; false at the first difference. */
static bool run_both(kb_vm *quick, kb_vm *slow) {
    bool quick_meets = false, slow_meets = false;
    int64_t quick_cycles = 0, slow_cycles = 0;
    while (!quick_meets) {
        int64_t until = kb_vm_effort(quick) + 1 + draw(40);
        bool same =
            CHECK_EQ(kb_vm_run(quick, until, &quick_cycles, &quick_meets, &p.r.err), KB_OK) &&
            CHECK_EQ(kb_vm_run(slow, until, &slow_cycles, &slow_meets, &p.r.err), KB_OK);
        same = same && CHECK_EQ(quick->pc, slow->pc) && CHECK_EQ(quick_cycles, slow_cycles) &&
               CHECK_EQ(quick->n_executed, slow->n_executed) && CHECK_EQ(quick_meets, slow_meets);
        for (uint16_t reg = 0; same && reg < quick->kernel->n_regs; reg++)
            same = CHECK(same_register(quick, slow, reg));
        if (!same) return false;
    }
    return true;
}

static void quick_code_does_what_instructions_say(void) {
    static kb_quick none[KIR_ROOM]; /* of zeros: KB_QUICK_NONE throughout */
    int64_t n_quick = 0;
    if (!pe_open(&p, one_pe)) return;
    uint64_t args[2] = {pe_local(&p, 1 << 16, 0), pe_local(&p, 1 << 16, 0)};
    uint32_t node = rig_part(&p.r, KB_IMPL_PE_CPU, 0, 0, 0);
    for (uint64_t seed = 0; seed < N_PROGRAMS && tap.n_failed == 0; seed++) {
        kb_kernel *kernel = make_program(seed);
        if (!kernel) break;
        for (uint32_t i = 0; i < kernel->n_insts; i++)
            n_quick += kernel->quick[i].op != KB_QUICK_NONE;
        kb_kernel plain = *kernel;
        plain.quick = none;
        kb_launch launches[2] = {
            {.kernel = kernel, .args = args, .grid = {1, 1, 1}, .n_programs = 1},
            {.kernel = &plain, .args = args, .grid = {1, 1, 1}, .n_programs = 1}};
        kb_vm vms[2];
        for (int i = 0; i < 2; i++) {
            kb_vm_init(&vms[i], &p.r.parts, node, 0);
            CHECK_EQ(kb_vm_begin(&vms[i], &launches[i], 0, &p.r.err), KB_OK);
        }
        if (!run_both(&vms[0], &vms[1]))
            printf("#     seed %u, instruction %u\n", (unsigned)seed, (unsigned)vms[0].pc);
        for (int i = 0; i < 2; i++) kb_vm_deinit(&vms[i]);
        kb_kernel_destroy(&p.r.alloc, kernel);
    }
    CHECK(n_quick > N_PROGRAMS * N_BODY / 2);
    pe_close(&p);
}

int main(void) {
    TAP_RUN(quick_code_does_what_instructions_say);
    return tap_finish();
}
