/* Kernels by hand, for the tests of the verifier and PE_CPU and as the corpus of its fuzz target. */
#ifndef KB_TEST_KIR_KERNELS_H
#define KB_TEST_KIR_KERNELS_H

#include "kernel/composite.h"

#include "kir_builder.h"

#define R KB_NO_REG

/* out[i] = x[i] + y[i] for i < n: the kernel of every tutorial. */
static inline void kir_vector_add(kir_builder *k, uint32_t block_size) {
    kb_kir_type i32 = kir_scalar(KB_INT32), p = kir_pointer(KB_FLOAT32),
                tile = kir_tile(KB_FLOAT32, block_size);
    kir_begin(k, "vector_add");
    uint16_t x = kir_param(k, "x", p), y = kir_param(k, "y", p), out = kir_param(k, "out", p);
    uint16_t n = kir_param(k, "n", i32);
    uint16_t pid = kir_reg(k, i32), lane = kir_reg(k, kir_block(KB_INT32, block_size));
    k->line = 2;
    (void)kir_emit(k, KB_KIR_PROGRAM_ID, 0, pid, R, R, R, 0);
    uint16_t size = kir_const(k, i32, block_size);
    uint16_t start = kir_value(k, KB_KIR_SCALAR, KB_MATHOP_MUL, i32, pid, size, R);
    k->line = 3;
    (void)kir_emit(k, KB_KIR_ARANGE, 0, lane, R, R, R, kir_number(k, 0));
    uint16_t offs =
        kir_value(k, KB_KIR_BLOCK, KB_MATHOP_ADD, kir_block(KB_INT32, block_size), lane, start, R);
    uint16_t mask =
        kir_value(k, KB_KIR_BLOCK, KB_MATHOP_LT, kir_block(KB_BOOL, block_size), offs, n, R);
    k->line = 4;
    uint16_t px =
        kir_value(k, KB_KIR_BLOCK_PTRADD, 0, kir_pointers(KB_FLOAT32, block_size), x, offs, R);
    uint16_t tx = kir_value(k, KB_KIR_LOAD, 0, tile, px, mask, R);
    k->line = 5;
    uint16_t py =
        kir_value(k, KB_KIR_BLOCK_PTRADD, 0, kir_pointers(KB_FLOAT32, block_size), y, offs, R);
    uint16_t ty = kir_value(k, KB_KIR_LOAD, 0, tile, py, mask, R);
    k->line = 6;
    uint16_t sum = kir_value(k, KB_KIR_MATH, KB_MATHOP_ADD, tile, tx, ty, R);
    kir_last(k, KB_LAST_A | KB_LAST_B);
    k->line = 7;
    uint16_t pout =
        kir_value(k, KB_KIR_BLOCK_PTRADD, 0, kir_pointers(KB_FLOAT32, block_size), out, offs, R);
    (void)kir_emit(k, KB_KIR_STORE, 0, R, pout, sum, mask, 0);
    kir_last(k, KB_LAST_B);
    kir_return(k);
}

/* *out = 0 + 1 + ... + (n - 1), by a loop. */
static inline void kir_sum_up(kir_builder *k) {
    kb_kir_type i32 = kir_scalar(KB_INT32);
    kir_begin(k, "sum_up");
    uint16_t out = kir_param(k, "out", kir_pointer(KB_INT32)), n = kir_param(k, "n", i32);
    uint16_t total = kir_const(k, i32, 0), i = kir_const(k, i32, 0), one = kir_const(k, i32, 1);
    uint16_t more = kir_reg(k, kir_scalar(KB_BOOL));
    k->line = 3;
    uint32_t head = kir_emit(k, KB_KIR_SCALAR, KB_MATHOP_LT, more, i, n, R, 0);
    uint32_t leave = kir_jump(k, KB_KIR_JUMP_UNLESS, more, 0);
    (void)kir_emit(k, KB_KIR_SCALAR, KB_MATHOP_ADD, total, total, i, R, 0);
    (void)kir_emit(k, KB_KIR_SCALAR, KB_MATHOP_ADD, i, i, one, R, 0);
    (void)kir_jump(k, KB_KIR_JUMP, R, head);
    k->insts[leave].imm = k->header.n_insts;
    k->line = 5;
    (void)kir_emit(k, KB_KIR_STORE, 0, R, out, total, R, 0);
    kir_return(k);
}

/* Loads n tiles, one after another, and holds them all. */
static inline void kir_load_many(kir_builder *k, int n, uint32_t block_size, bool drops) {
    kir_begin(k, "load_many");
    uint16_t x = kir_param(k, "x", kir_pointer(KB_FLOAT32));
    uint16_t lane = kir_reg(k, kir_block(KB_INT32, block_size));
    (void)kir_emit(k, KB_KIR_ARANGE, 0, lane, R, R, R, kir_number(k, 0));
    uint16_t px =
        kir_value(k, KB_KIR_BLOCK_PTRADD, 0, kir_pointers(KB_FLOAT32, block_size), x, lane, R);
    for (int i = 0; i < n; i++) {
        k->line = 10 + (uint32_t)i;
        uint16_t tile = kir_value(k, KB_KIR_LOAD, 0, kir_tile(KB_FLOAT32, block_size), px, R, R);
        if (drops) (void)kir_emit(k, KB_KIR_DROP, 0, R, tile, R, R, 0);
    }
    kir_return(k);
}

/* flag = load(x); if flag: store 7 else store 8 */
static inline void kir_branch(kir_builder *k) {
    kb_kir_type i32 = kir_scalar(KB_INT32);
    kir_begin(k, "branch");
    uint16_t x = kir_param(k, "x", kir_pointer(KB_INT32)),
             out = kir_param(k, "out", kir_pointer(KB_INT32));
    uint16_t seven = kir_const(k, i32, 7), eight = kir_const(k, i32, 8);
    uint16_t tile =
        kir_value(k, KB_KIR_LOAD, 0, kir_shaped(KB_TILE, KB_INT32, 0, 1, 1, 1), x, R, R);
    uint16_t flag = kir_value(k, KB_KIR_MATERIALISE, 0, i32, tile, R, R);
    kir_last(k, KB_LAST_A);
    uint32_t skip = kir_jump(k, KB_KIR_JUMP_UNLESS, flag, 0);
    (void)kir_emit(k, KB_KIR_STORE, 0, R, out, seven, R, 0);
    (void)kir_emit(k, KB_KIR_WAIT_MEMORY, 0, R, R, R, R, 0);
    kir_return(k);
    k->insts[skip].imm = k->header.n_insts;
    (void)kir_emit(k, KB_KIR_STORE, 0, R, out, eight, R, 0);
    kir_return(k);
}

/* Where the parts of a composite are. */
typedef struct kir_composite {
    uint32_t first_view, composite, head, step, load_a, load_b, dot, tail, store, end;
    uint16_t handle, acc;
} kir_composite;

/* c = relu(a @ b), fp16 into fp32, by tiles of rows x columns and steps of `step`; extents and strides
 * are registers of integers, strides of 1 are `one`. */
static inline kir_composite kir_compose(kir_builder *k, const uint16_t pointers[3], uint16_t m,
                                        uint16_t n, uint16_t depth, uint16_t one, uint32_t rows,
                                        uint32_t columns, uint32_t step, uint32_t buffers) {
    kir_composite r;
    const uint16_t extents[3][2] = {{m, depth}, {depth, n}, {m, n}};
    kb_kir_type sum = kir_tile2(KB_FLOAT32, rows, columns);
    uint16_t zero = kir_const(k, kir_scalar(KB_FLOAT32), 0);
    r.first_view = k->header.n_insts;
    for (uint32_t i = 0; i < 3; i++) {
        (void)kir_emit(k, KB_KIR_VIEW, 0, R, pointers[i], extents[i][0], extents[i][1], i);
        (void)kir_emit(k, KB_KIR_VIEW_STRIDE, 0, R, extents[i][1], one, R, i);
    }
    r.handle = kir_reg(k, kir_scalar(KB_INT64));
    r.composite = kir_emit(k, KB_KIR_COMPOSITE, 0, r.handle, R, R, R, buffers);
    r.head = kir_emit(k, KB_KIR_SECTION, 0, R, R, R, R, KB_SECTION_HEAD);
    r.acc = kir_value(k, KB_KIR_FULL, 0, sum, zero, R, R);
    r.step = kir_emit(k, KB_KIR_SECTION, 0, R, R, R, R, KB_SECTION_STEP);
    uint16_t a = kir_reg(k, kir_tile2(KB_FLOAT16, rows, step));
    uint16_t b = kir_reg(k, kir_tile2(KB_FLOAT16, step, columns));
    r.load_a = kir_emit(k, KB_KIR_VIEW_LOAD, 0, a, R, R, R, KB_AXIS_M << 8 | KB_AXIS_K << 12);
    r.load_b = kir_emit(k, KB_KIR_VIEW_LOAD, 0, b, R, R, R, 1 | KB_AXIS_K << 8 | KB_AXIS_N << 12);
    r.dot = kir_emit(k, KB_KIR_DOT, 0, r.acc, a, b, r.acc, 0);
    kir_last(k, KB_LAST_A | KB_LAST_B | KB_LAST_C);
    r.tail = kir_emit(k, KB_KIR_SECTION, 0, R, R, R, R, KB_SECTION_TAIL);
    uint16_t positive = kir_value(k, KB_KIR_MATH, KB_MATHOP_MAX, sum, r.acc, zero, R);
    kir_last(k, KB_LAST_A);
    r.store =
        kir_emit(k, KB_KIR_VIEW_STORE, 0, R, positive, R, R, 2 | KB_AXIS_M << 8 | KB_AXIS_N << 12);
    kir_last(k, KB_LAST_A);
    r.end = kir_emit(k, KB_KIR_COMPOSITE_END, 0, R, R, R, R, 0);
    return r;
}

/* c = relu(a @ b) by one composite, and waits for it. */
static inline kir_composite kir_product(kir_builder *k, uint32_t rows, uint32_t columns,
                                        uint32_t step, uint32_t buffers) {
    kb_kir_type i32 = kir_scalar(KB_INT32);
    kir_begin(k, "product");
    uint16_t pointers[3];
    pointers[0] = kir_param(k, "a", kir_pointer(KB_FLOAT16));
    pointers[1] = kir_param(k, "b", kir_pointer(KB_FLOAT16));
    pointers[2] = kir_param(k, "c", kir_pointer(KB_FLOAT32));
    uint16_t m = kir_param(k, "m", i32), n = kir_param(k, "n", i32), depth = kir_param(k, "k", i32);
    uint16_t one = kir_const(k, i32, 1);
    k->line = 5;
    kir_composite r = kir_compose(k, pointers, m, n, depth, one, rows, columns, step, buffers);
    k->line = 6;
    (void)kir_emit(k, KB_KIR_COMPOSITE_WAIT, 0, R, r.handle, R, R, 0);
    kir_return(k);
    return r;
}

/* Places in a kernel that uses every opcode but the unconditional jumps. */
typedef struct kir_everything {
    uint16_t x, n, f, pid, one, offs, mask, ptrs, tile, square, acc, total, index;
    uint32_t load, dot, reduce, trans, gather, jump, materialise, print, first;
} kir_everything;

static inline kir_everything kir_use_everything(kir_builder *k) {
    kir_everything r;
    kb_kir_type i32 = kir_scalar(KB_INT32), f32 = kir_scalar(KB_FLOAT32);
    kb_kir_type square = kir_tile2(KB_FLOAT32, 8, 8);
    kir_begin(k, "everything");
    r.x = kir_param(k, "x", kir_pointer(KB_FLOAT32));
    r.n = kir_param(k, "n", i32);
    r.f = kir_param(k, "f", f32);
    uint16_t half = kir_param(k, "h", kir_pointer(KB_FLOAT16));
    r.pid = kir_reg(k, i32);
    r.first = kir_emit(k, KB_KIR_PROGRAM_ID, 0, r.pid, R, R, R, 0);
    (void)kir_emit(k, KB_KIR_NUM_PROGRAMS, 0, kir_reg(k, i32), R, R, R, 2);
    r.one = kir_const(k, i32, 1);
    uint16_t base = kir_value(k, KB_KIR_PTRADD, 0, kir_pointer(KB_FLOAT32), r.x, r.pid, R);
    r.offs = kir_reg(k, kir_block(KB_INT32, 64));
    (void)kir_emit(k, KB_KIR_ARANGE, 0, r.offs, R, R, R, kir_number(k, 0));
    uint16_t wide = kir_value(k, KB_KIR_SPLAT, 0, kir_block(KB_INT32, 64), r.n, R, R);
    r.mask = kir_value(k, KB_KIR_BLOCK, KB_MATHOP_LT, kir_block(KB_BOOL, 64), r.offs, wide, R);
    (void)kir_value(k, KB_KIR_BLOCK, KB_MATHOP_LT, kir_block(KB_BOOL, 64), r.offs, r.n, R);
    r.ptrs = kir_value(k, KB_KIR_BLOCK_PTRADD, 0, kir_pointers(KB_FLOAT32, 64), base, r.offs, R);
    uint16_t row = kir_value(k, KB_KIR_BLOCK_RESHAPE, 0,
                             kir_shaped(KB_BLOCK, KB_INT32, 2, 1, 64, 1), r.offs, R, R);
    uint16_t grid = kir_value(k, KB_KIR_BLOCK_BROADCAST, 0,
                              kir_shaped(KB_BLOCK, KB_INT32, 2, 4, 64, 1), row, R, R);
    uint16_t turned = kir_reg(k, kir_shaped(KB_BLOCK, KB_INT32, 2, 64, 4, 1));
    (void)kir_emit(k, KB_KIR_BLOCK_TRANS, 0, turned, grid, R, R, kir_number(k, 0x01));
    r.tile = kir_reg(k, kir_tile(KB_FLOAT32, 64));
    r.load = kir_emit(k, KB_KIR_LOAD, 0, r.tile, r.ptrs, r.mask, r.f, 0);
    r.square = kir_value(k, KB_KIR_ALIAS, 0, square, r.tile, R, R);
    r.acc = kir_value(k, KB_KIR_FULL, 0, square, r.f, R, R);
    uint32_t head = k->header.n_insts;
    r.dot = kir_emit(k, KB_KIR_DOT, KB_TF32, r.acc, r.square, r.square, r.acc, 0);
    uint16_t copy = kir_value(k, KB_KIR_MOV, 0, square, r.acc, R, R);
    uint16_t sum = kir_reg(k, kir_tile(KB_FLOAT32, 8));
    r.reduce = kir_emit(k, KB_KIR_REDUCE, KB_REDUCEOP_SUM, sum, copy, R, R, 1);
    kir_last(k, KB_LAST_A);
    r.total = kir_reg(k, kir_shaped(KB_TILE, KB_FLOAT32, 0, 1, 1, 1));
    (void)kir_emit(k, KB_KIR_REDUCE, KB_REDUCEOP_MAX, r.total, sum, R, R, 0);
    (void)kir_emit(k, KB_KIR_DROP, 0, R, sum, R, R, 0);
    uint16_t transposed = kir_reg(k, square);
    r.trans = kir_emit(k, KB_KIR_TRANS, 0, transposed, r.acc, R, R, kir_number(k, 0x01));
    uint16_t at = kir_value(k, KB_KIR_BLOCK_RESHAPE, 0, kir_shaped(KB_BLOCK, KB_INT32, 2, 8, 8, 1),
                            r.offs, R, R);
    r.gather = kir_emit(k, KB_KIR_GATHER, 0, kir_reg(k, square), r.acc, at, R, 1);
    uint16_t added = kir_value(k, KB_KIR_MATH, KB_MATHOP_ADD, square, transposed, r.total, R);
    (void)kir_value(k, KB_KIR_MATH, KB_MATHOP_MUL, square, added, r.f, R);
    r.index = kir_reg(k, kir_scalar(KB_FLOAT32));
    r.materialise = kir_emit(k, KB_KIR_MATERIALISE, 0, r.index, r.total, R, R, 0);
    (void)kir_emit(k, KB_KIR_WAIT_MEMORY, 0, R, R, R, R, 0);
    uint16_t pe = kir_reg(k, i32);
    (void)kir_emit(k, KB_KIR_PLACE, 0, pe, R, R, R, KB_AT_PE);
    (void)kir_emit(k, KB_KIR_SEND, 0, R, pe, r.tile, R, 0);
    (void)kir_emit(k, KB_KIR_RECV, 0, kir_reg(k, kir_tile(KB_FLOAT32, 64)), pe, r.one, R, 0);
    (void)kir_emit(k, KB_KIR_REDUCE_SEND, KB_MATHOP_ADD, R, pe, r.tile, r.one, 0);
    (void)kir_emit(k, KB_KIR_REDUCE_RECV, 0, kir_reg(k, kir_tile(KB_FLOAT32, 64)), pe, R, R, 0);
    (void)kir_emit(k, KB_KIR_WAIT_TILE, 0, R, r.tile, R, R, 0);
    (void)kir_emit(k, KB_KIR_STORE, 0, R, r.ptrs, r.tile, r.mask, 0);
    (void)kir_emit(k, KB_KIR_STORE, 0, R, base, r.f, R, 0);
    const uint16_t pointers[3] = {half, half, r.x};
    kir_composite composite = kir_compose(k, pointers, r.one, r.one, r.one, r.one, 4, 8, 2, 2);
    (void)kir_emit(k, KB_KIR_COMPOSITE_WAIT, 0, R, composite.handle, R, R, 0);
    uint16_t more = kir_value(k, KB_KIR_SCALAR, KB_MATHOP_LT, kir_scalar(KB_BOOL), r.index, r.f, R);
    (void)kir_emit(k, KB_KIR_ASSERT, 0, R, more, R, R, kir_text(k, "index below f"));
    r.print = kir_emit(k, KB_KIR_PRINT, 1, R, r.tile, R, R, kir_text(k, "tile: "));
    (void)kir_emit(k, KB_KIR_PRINT, 0, R, R, R, R, kir_text(k, "no value"));
    r.jump = kir_jump(k, KB_KIR_JUMP_IF, more, head);
    kir_return(k);
    return r;
}

#undef R

#endif
