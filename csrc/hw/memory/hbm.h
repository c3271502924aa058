/* The HBM controller of a cube: pseudo-channels (PCs) as serial servers, selected by address.
 *
 *   offset in a slice:  ... | unit | byte within `interleave` bytes
 *   unit u -> PC of the slice:  none   u mod n
 *                               xor    the digits of u to base n = 2^k, XORed
 *
 * A slice is the n = pcs / PEs consecutive PCs of one PE (all PCs of a memory that stands alone).
 * Each PC serves bytes in order of arrival, at its bandwidth; access_ns is fixed and pipelined.
 * A memory with a `standard` has banks and refresh: hw/memory/hbm_banked.h, behind the same component.
 */
#ifndef KB_HW_MEMORY_HBM_H
#define KB_HW_MEMORY_HBM_H

#include "hw/component/parts.h"
#include "hw/dram/dram_stack.h"

typedef struct kb_hbm kb_hbm;

kb_status kb_hbm_create(const kb_parts *parts, uint32_t node, void **hbm,
                        kb_error *err) KB_MUST_CHECK;
void kb_hbm_destroy(void *hbm); /* accepts NULL */

/* The PC, within the whole stack, that serves an offset of a slice. */
uint32_t kb_hbm_pc(const kb_hbm *hbm, int32_t slice, uint64_t offset);

/* The pseudo-channels of a memory with a standard, and their statistics; NULL without one. */
const kb_dram_stack *kb_hbm_stack(const kb_hbm *hbm);

/* When the PC has served everything so far. */
int64_t kb_hbm_pc_free_fs(const kb_hbm *hbm, uint32_t pc);

#endif
