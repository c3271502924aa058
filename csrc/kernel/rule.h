/* The rules of single opcodes, beyond what the letters of their operands say (kir.h).
 *
 * The verifier (verify.c) fills in a kb_rule for each instruction and calls the rule of its opcode; a rule
 * that is broken names the place: kernel, line, instruction.
 */
#ifndef KB_KERNEL_RULE_H
#define KB_KERNEL_RULE_H

#include "kernel/kir_type.h"
#include "kernel/verify.h"

/* One instruction under check, with the types of its registers (NULL where there is none). */
typedef struct kb_rule {
    const kb_kernel *kernel;
    const kb_kir_inst *inst;
    uint32_t index;
    const kb_kir_type *dst;
    const kb_kir_type *operand[3];
    kb_error *err;
} kb_rule;

#define KB_RULE_FAULT(self, ...) \
    kb_kernel_fault((self)->kernel, (self)->index, (self)->err, __VA_ARGS__)

#define KB_REQUIRE(self, condition, ...)                           \
    do {                                                           \
        if (!(condition)) return KB_RULE_FAULT(self, __VA_ARGS__); \
    } while (0)

/* --- values (rule_value.c) --- */

/* dst = sub(a, b, c): number, dtypes and dims of operands. */
kb_status kb_rule_math(kb_rule *self) KB_MUST_CHECK;
/* Scalars and blocks have no memory of their own: their vectors are of integers. */
kb_status kb_rule_block_math(kb_rule *self) KB_MUST_CHECK;
/* The bits are a value of the dtype. */
kb_status kb_rule_const(kb_rule *self) KB_MUST_CHECK;
/* Each of them fits the dtype. */
kb_status kb_rule_arange(kb_rule *self) KB_MUST_CHECK;

/* --- tiles and memory (rule_tile.c) --- */

/* Permutation consts[imm] takes the dims of `from` to those of `to`. */
kb_status kb_rule_permutation(kb_rule *self, const kb_kir_type *from,
                              const kb_kir_type *to) KB_MUST_CHECK;
/* Element types and shapes of pointers, mask, and what is moved. */
kb_status kb_rule_load(kb_rule *self) KB_MUST_CHECK;
kb_status kb_rule_store(kb_rule *self) KB_MUST_CHECK;
/* Shapes (M, K), (K, N) and (M, N), and dtypes that the engine multiplies. */
kb_status kb_rule_dot(kb_rule *self) KB_MUST_CHECK;
/* One axis less, and a dtype that the reduction gives. */
kb_status kb_rule_reduce(kb_rule *self) KB_MUST_CHECK;
/* Every element of the result has an index of its own, and its other coordinates from its place. */
kb_status kb_rule_gather(kb_rule *self) KB_MUST_CHECK;

#endif
