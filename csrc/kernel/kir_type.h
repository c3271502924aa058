/* Types of registers: whether one is a type at all, and how two of them fit together.
 *
 * What the verifier asks of an instruction's operands; the VM asks nothing (verify.h).
 */
#ifndef KB_KERNEL_KIR_TYPE_H
#define KB_KERNEL_KIR_TYPE_H

#include <stdbool.h>

#include "kernel/kir.h"

/* A scalar, a block of integers or pointers, or a tile: with at most KB_MAX_RANK dims of 1 or more, those
 * beyond the rank being 1, and at most KB_MAX_TILE_ELEMENTS elements. */
bool kb_kir_type_is_valid(const kb_kir_type *type);

int64_t kb_kir_type_n_elements(const kb_kir_type *type);
bool kb_kir_type_is_integer(const kb_kir_type *type); /* bool and pointers are none */

/* One dtype, and both pointers or none. */
bool kb_kir_type_same_element(const kb_kir_type *a, const kb_kir_type *b);
bool kb_kir_type_same_dims(const kb_kir_type *a, const kb_kir_type *b);
bool kb_kir_type_same(const kb_kir_type *a, const kb_kir_type *b); /* kind, element and dims */

/* Whether a value of type `from` can be seen with the dims of `to`. */
bool kb_kir_type_broadcasts(const kb_kir_type *from, const kb_kir_type *to);

/* The dtype in which arithmetic sees a value: addresses are int64. */
kb_dtype kb_kir_type_seen_dtype(const kb_kir_type *type);

#endif
