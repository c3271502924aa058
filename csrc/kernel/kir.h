/* KIR: the bytecode that PE_CPU executes (ADR-0040).
 *
 * A kernel is straight-line instructions with jumps over typed registers.  The compiler
 * (kernbench/language) writes it as bytes; kb_kernel_create checks every one of them, so that the VM
 * need not: types, registers, jump targets, constants, shapes.
 *
 * Values, by who knows them (ADR-0040, ADR-0041):
 *   SCALAR  at once       one number; a pointer is the int64 virtual address of its element
 *   BLOCK   at once       an index block, a mask (dtype bool) or a pointer block: separable, kernel/block.h
 *   TILE    when its engine is done: a tile version in TCM; rank 0 is allowed
 *
 * The bytes, all little-endian:
 *   header   kb_kir_header
 *   params   n_params x kb_kir_param     argument i is in register i at the start
 *   types    n_types  x kb_kir_type
 *   regs     n_regs   x uint16           the type of each register (padded to 8 bytes in all)
 *   consts   n_consts x uint64           raw bits: integers as int64, floats as double, permutations as
 *                                        nibbles (dimension d of the result is dimension nibble d)
 *   insts    n_insts  x kb_kir_inst
 *   lines    n_insts  x uint32           source line within the kernel, 1 = its `def` (padded to 8)
 *   text     n_text bytes                kernel name '\0' parameter names '\0' ... messages '\0' ...
 */
#ifndef KB_KERNEL_KIR_H
#define KB_KERNEL_KIR_H

#include <stddef.h>
#include <stdint.h>

#include "base/alloc.h"
#include "base/error.h"
#include "kernel/mathop.h"
#include "mem/dtype.h"

enum { KB_MAX_RANK = 5, KB_NO_REG = 0xFFFF, KB_KIR_VERSION = 1, KB_MAX_TILE_ELEMENTS = 1 << 22 };

#define KB_KIR_MAGIC UINT32_C(0x52494B4B) /* "KKIR" */

typedef enum kb_kind { KB_SCALAR, KB_BLOCK, KB_TILE, KB_KIND_COUNT } kb_kind;

/* Opcodes.  X(enumerator, "name", dst, a, b, c, imm)
 * An operand's letter says what may stand there:
 *   - nothing      s scalar    i integer scalar    p pointer scalar    k block    t tile
 *   b scalar or block          q pointer scalar or pointer block       m bool scalar or bool block
 *   v any of scalar, block, tile          * same type as dst          ? as the next letter, or KB_NO_REG
 * imm: - unused, c constant index, j instruction index (jump), x axis, n text offset, d see composite.h.
 * `sub` is a kb_mathop (MATH ops, REDUCE_SEND), a kb_reduceop (REDUCE), a kb_precision (DOT) or a
 * truth (PRINT). */
#define KB_KIR_LIST(X)                                                                            \
    /* scalars */                                                                                 \
    X(CONST, "const", "s", "-", "-", "-", "c")           /* dst = consts[imm] */                  \
    X(MOV, "mov", "v", "*", "-", "-", "-")               /* any kind; a tile gains a reference */ \
    X(SCALAR, "scalar", "s", "s", "?s", "?s", "-")       /* dst = sub(a, b, c) */                 \
    X(PTRADD, "ptradd", "p", "p", "i", "-", "-")         /* dst = a + b elements */               \
    X(PROGRAM_ID, "program_id", "i", "-", "-", "-", "x") /* its place on axis imm */              \
    X(NUM_PROGRAMS, "num_programs", "i", "-", "-", "-", "x")                                      \
    X(JUMP, "jump", "-", "-", "-", "-", "j")                                                      \
    X(JUMP_IF, "jump_if", "-", "s", "-", "-", "j") /* if a is not zero */                         \
    X(JUMP_UNLESS, "jump_unless", "-", "s", "-", "-", "j")                                        \
    X(RETURN, "return", "-", "-", "-", "-", "-")                                                  \
    X(ASSERT, "assert", "-", "s", "-", "-", "n") /* text at imm when a is zero */                 \
    /* index, mask and pointer blocks */                                                          \
    X(ARANGE, "arange", "k", "-", "-", "-", "c") /* consts[imm] + 0, 1, ... (rank 1) */           \
    X(SPLAT, "splat", "k", "s", "-", "-", "-")   /* a everywhere */                               \
    X(BLOCK, "block", "k", "b", "?b", "?b", "-") /* dst = sub(a, b, c), dims of 1 broadcast */    \
    X(BLOCK_PTRADD, "block_ptradd", "k", "q", "b", "-", "-")                                      \
    X(BLOCK_RESHAPE, "block_reshape", "k", "k", "-", "-", "-") /* row-major; expand_dims too */   \
    X(BLOCK_BROADCAST, "block_broadcast", "k", "k", "-", "-", "-")                                \
    X(BLOCK_TRANS, "block_trans", "k", "k", "-", "-", "c") /* permutation consts[imm] */          \
    /* memory */                                                                                  \
    X(LOAD, "load", "t", "q", "?m", "?s", "-")  /* pointer, mask, other */                        \
    X(STORE, "store", "-", "q", "v", "?m", "-") /* pointer, value, mask */                        \
    /* tiles */                                                                                   \
    X(FULL, "full", "t", "s", "-", "-", "-")                                                      \
    X(MATH, "math", "t", "v", "?v", "?v", "-")   /* at least one tile or block among them */      \
    X(DOT, "dot", "t", "t", "t", "?t", "-")      /* a @ b + c */                                  \
    X(REDUCE, "reduce", "t", "t", "-", "-", "x") /* over axis imm */                              \
    X(ALIAS, "alias", "t", "t", "-", "-", "-")   /* the same tile, row-major, other dims */       \
    X(TRANS, "trans", "t", "t", "-", "-", "c")   /* permutation consts[imm] */                    \
    X(DROP, "drop", "-", "t", "-", "-", "-")     /* the register's tile is not used again */      \
    X(MATERIALISE, "materialise", "b", "t", "-", "-", "-") /* stalls until the tile is there */   \
    X(WAIT_MEMORY, "wait_memory", "-", "-", "-", "-",                                             \
      "-") /* all earlier memory operations done */                                               \
    /* other PEs */                                                                               \
    X(PLACE, "place", "i", "-", "-", "-", "x") /* number imm of KB_AT_LIST */                     \
    X(SEND, "send", "-", "i", "t", "?i", "-")  /* PE, value, channel (none: 0) */                 \
    X(RECV, "recv", "t", "i", "?i", "-", "-")  /* PE, channel (none: 0) */                        \
    X(REDUCE_SEND, "reduce_send", "-", "i", "t", "?i", "-")                                       \
    /* group (hw/pe/reducer.h), value, channel (none: 0); sub: how it is combined */              \
    X(REDUCE_RECV, "reduce_recv", "t", "i", "?i", "-", "-") /* group, channel (none: 0) */        \
    X(WAIT_TILE, "wait_tile", "-", "t", "-", "-", "-")      /* until the tile is there */         \
    /* composite commands, and what their bodies are made of (kernel/composite.h) */              \
    X(VIEW, "view", "-", "p", "i", "?i", "d")               /* origin, extents */                 \
    X(VIEW_STRIDE, "view_stride", "-", "i", "?i", "-", "d") /* in elements */                     \
    X(COMPOSITE, "composite", "i", "-", "-", "-", "d")      /* dst: a handle */                   \
    X(SECTION, "section", "-", "-", "-", "-", "d")                                                \
    X(VIEW_LOAD, "view_load", "t", "-", "-", "-", "d")                                            \
    X(VIEW_STORE, "view_store", "-", "t", "-", "-", "d")                                          \
    X(COMPOSITE_END, "composite_end", "-", "-", "-", "-", "-")                                    \
    X(COMPOSITE_WAIT, "composite_wait", "-", "i", "-", "-", "-") /* until that one is done */     \
    X(GATHER, "gather", "t", "t", "v", "-", "x") /* of a, along axis imm, those at indices b */   \
    /* for the host (ADR-0074) */                                                                 \
    X(PRINT, "print", "-", "?v", "-", "-", "n") /* text at imm, and a; sub 1: in hexadecimal */

typedef enum kb_kir_op {
#define X(name, text, dst, a, b, c, imm) KB_KIR_##name,
    KB_KIR_LIST(X)
#undef X
        KB_KIR_COUNT
} kb_kir_op;

/* Where a program is in the machine, and who is next to it (the same PE of another cube or SIP; a cube has
 * none beyond the edge of its SIP, the SIPs go round in order of number).  X(enumerator, "name") */
#define KB_AT_LIST(X)               \
    X(PE, "pe")                     \
    X(PE_IN_SIP, "pe_in_sip")       \
    X(PE_IN_CUBE, "pe_in_cube")     \
    X(CUBE, "cube")                 \
    X(CUBE_IN_SIP, "cube_in_sip")   \
    X(SIP, "sip")                   \
    X(PES, "pes")                   \
    X(PES_OF_SIP, "pes_of_sip")     \
    X(PES_OF_CUBE, "pes_of_cube")   \
    X(CUBES, "cubes")               \
    X(CUBES_OF_SIP, "cubes_of_sip") \
    X(SIPS, "sips")                 \
    X(EAST, "east")                 \
    X(WEST, "west")                 \
    X(NORTH, "north")               \
    X(SOUTH, "south")               \
    X(NEXT_PE, "next_pe")           \
    X(PREVIOUS_PE, "previous_pe")   \
    X(NEXT_SIP, "next_sip")         \
    X(PREVIOUS_SIP, "previous_sip")

typedef enum kb_at {
#define X(name, text) KB_AT_##name,
    KB_AT_LIST(X)
#undef X
        KB_AT_COUNT
} kb_at;

typedef enum kb_precision { KB_IEEE, KB_TF32, KB_TF32X3, KB_PRECISION_COUNT } kb_precision;

/* Bits of kb_kir_inst.flags: after this instruction the register's tile is not read again, so that the
 * VM lets go of it (liveness is known at compile time). */
enum { KB_LAST_A = 1, KB_LAST_B = 2, KB_LAST_C = 4 };

typedef struct kb_kir_header {
    uint32_t magic, version;
    uint32_t n_params, n_types, n_regs, n_consts, n_insts, n_text;
} kb_kir_header;

typedef struct kb_kir_param {
    uint16_t type;     /* must be a scalar type */
    uint16_t reserved; /* 0 */
    uint32_t name;     /* text offset */
} kb_kir_param;

typedef struct kb_kir_type {
    uint8_t kind;               /* kb_kind */
    uint8_t dtype;              /* kb_dtype; of the element where it is a pointer */
    uint8_t pointer;            /* 0 or 1 */
    uint8_t rank;               /* 0..KB_MAX_RANK; scalars 0, blocks >= 1 */
    uint32_t dims[KB_MAX_RANK]; /* unused ones 1 */
} kb_kir_type;

typedef struct kb_kir_inst {
    uint8_t op, sub, flags, reserved;
    uint16_t dst, a, b, c; /* KB_NO_REG where there is none */
    uint32_t imm;
} kb_kir_inst;

/* A checked kernel; never changes, may be shared by engines and threads. */
typedef struct kb_kernel {
    const char *name;
    uint32_t n_params, n_types, n_regs, n_consts, n_insts;
    const kb_kir_param *params;
    const kb_kir_type *types;
    const uint16_t *regs;
    const uint64_t *consts;
    const kb_kir_inst *insts;
    const uint32_t *lines;
    const char *text;
    uint32_t n_text;
    uint64_t hash;                /* of the bytes */
    const struct kb_quick *quick; /* the same instructions, decoded (kernel/quick.h) */
} kb_kernel;

/* Checks and copies `nbytes` bytes.  KB_COMPILE with the instruction's number and line when something
 * does not fit: untrusted bytes never crash it. */
kb_status kb_kernel_create(kb_alloc *alloc, const void *bytes, size_t nbytes, kb_kernel **kernel,
                           kb_error *err) KB_MUST_CHECK;
void kb_kernel_destroy(kb_alloc *alloc, kb_kernel *kernel); /* accepts NULL */

/* The type of a register. */
static inline const kb_kir_type *kb_kernel_type(const kb_kernel *kernel, uint16_t reg) {
    return &kernel->types[kernel->regs[reg]];
}

const char *kb_kir_op_name(kb_kir_op op);

/* Canonical text, an instruction a line, for tests and `--dump`; the text is the caller's, freed with
 * kb_alloc_free(alloc, text, length + 1, 1). */
kb_status kb_kernel_dump(kb_alloc *alloc, const kb_kernel *kernel, char **text, size_t *length,
                         kb_error *err) KB_MUST_CHECK;

#endif
