/* A cube's shared SRAM: one port that serves bytes in order of arrival, and a fixed, pipelined
 * access. */
#ifndef KB_HW_MEMORY_SRAM_H
#define KB_HW_MEMORY_SRAM_H

#include "hw/component/parts.h"

kb_status kb_sram_create(const kb_parts *parts, uint32_t node, void **sram,
                         kb_error *err) KB_MUST_CHECK;
void kb_sram_destroy(void *sram); /* accepts NULL */

#endif
