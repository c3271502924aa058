/* PE_MATH: lanes of lane_bits / element bits, one command at a time.
 *
 * Cycles, rounded up to 1 fs once:
 *   element-wise   ceil(n / lanes) * cost + latency    cost by class: simple, divide, special
 *   transpose      ceil(n / lanes) * transpose + latency
 *   reduction      ceil(n / lanes) + log2(lanes)       n: elements of the operand
 * The element is the wider of result and operand.
 */
#ifndef KB_HW_PE_PE_MATH_H
#define KB_HW_PE_PE_MATH_H

#include "hw/component/parts.h"
#include "hw/pe/command.h"

kb_status kb_math_create(const kb_parts *parts, uint32_t node, void **math,
                         kb_error *err) KB_MUST_CHECK;
void kb_math_destroy(void *math); /* accepts NULL */

/* Cycles of one command. */
int64_t kb_math_cycles(const kb_params_pe_math *params, const kb_command *command);

#endif
