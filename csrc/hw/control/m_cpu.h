/* M_CPU: a cube's end of launches and copies.
 *
 *   LAUNCH ─> decode ─> issued to PE 0, 1, ... one after another, issue_ns each
 *          <─ one response when all PEs of the cube have answered
 *   COPY   ─> decode ─> M_CPU.DMA
 *          <─ one response when M_CPU.DMA has answered
 *
 * M_CPU decodes one command at a time and issues one message at a time, in order of arrival;
 * decoding overlaps issuing.
 */
#ifndef KB_HW_CONTROL_M_CPU_H
#define KB_HW_CONTROL_M_CPU_H

#include "hw/component/parts.h"

kb_status kb_m_cpu_create(const kb_parts *parts, uint32_t node, void **m_cpu,
                          kb_error *err) KB_MUST_CHECK;
void kb_m_cpu_destroy(void *m_cpu); /* accepts NULL */

#endif
