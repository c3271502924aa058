/* M_CPU.DMA: moves the bytes of copies between host memory and the memories of its cube: the slices of its
 * HBM, its SRAM, the TCMs of its PEs.
 *
 *   COPY from M_CPU ─> pieces, in order ─> a free channel: read whole ─> written ─> next piece
 *                   <─ COPY, when the last piece is written
 *
 * What goes to every cube of a SIP crosses the host link once: cube (0, 0) reads it from the host, every
 * other one from the cube before it, west of it in its row, north of it in column 0.  A COPY_PIECE from
 * there says that one more piece, in order, is written there and may be read.
 *
 * `dma_channels` pieces are under way at a time; each occupies its channel for at least its bytes
 * at the channel's rate between the start of its read and the start of its write.
 */
#ifndef KB_HW_CONTROL_M_CPU_DMA_H
#define KB_HW_CONTROL_M_CPU_DMA_H

#include "hw/component/parts.h"

kb_status kb_m_cpu_dma_create(const kb_parts *parts, uint32_t node, void **dma,
                              kb_error *err) KB_MUST_CHECK;
void kb_m_cpu_dma_destroy(void *dma); /* accepts NULL */

#endif
