/* The verifier of KIR: every rule that the VM relies on, so that it need not look again.
 *
 * kb_kernel_create has checked that the sections fit the bytes; here come types, registers, operand
 * letters (kir.h), shapes, constants, jump targets, and that no path reads a register before something
 * was written to it: DROP and the last-use flags make a tile register unwritten again.  DROP itself
 * accepts a register that may be unwritten.
 */
#ifndef KB_KERNEL_VERIFY_H
#define KB_KERNEL_VERIFY_H

#include "kernel/kir.h"

/* KB_COMPILE when a rule is broken.  Scratch memory comes from alloc and is freed. */
kb_status kb_kernel_verify(kb_alloc *alloc, const kb_kernel *kernel, kb_error *err) KB_MUST_CHECK;

/* Of every composite: its views, its sections, what stands in them (composite.c). */
kb_status kb_kernel_verify_composites(const kb_kernel *kernel, kb_error *err) KB_MUST_CHECK;

/* The second half of it: every register is written before it is read (flow.c). */
kb_status kb_kernel_verify_flow(kb_alloc *alloc, const kb_kernel *kernel,
                                kb_error *err) KB_MUST_CHECK;

/* Sets KB_COMPILE with the place: "kernel k: line 3: instruction 7 (add): <message>". */
kb_status kb_kernel_fault(const kb_kernel *kernel, uint32_t inst, kb_error *err, const char *format,
                          ...) KB_PRINTF(4, 5);

/* An opcode's operands, as written in KB_KIR_LIST. */
typedef struct kb_kir_signature {
    const char *name, *dst, *a, *b, *c;
    char imm;
} kb_kir_signature;

extern const kb_kir_signature kb_kir_signatures[KB_KIR_COUNT];

#endif
