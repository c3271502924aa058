/* The port of a TCM towards the network: a memory at the node of the PE's DMA, for what comes from outside of
 * the PE's commands - M_CPU.DMA, and the DMA of any PE that reaches for a tensor in TCM.
 *
 *   READ    arrives ─> waits for the port ─> copied out, whole ─> reply: all of its flits are there
 *   WRITE   its tail arrives ─> waits for the port ─> copied in, whole ─> acknowledgement
 *
 * A copy takes ceil(nbytes / bytes_per_cycle) cycles of the PE.  The port is none of those of DMA, GEMM and
 * MATH, and serves one request at a time, in order of (arrival, input, message).
 */
#ifndef KB_HW_PE_TCM_PORT_H
#define KB_HW_PE_TCM_PORT_H

#include "hw/component/meter.h"
#include "hw/component/parts.h"

typedef struct kb_tcm_port {
    const kb_parts *parts;
    uint32_t node; /* of PE_DMA */
    int64_t free_fs;
    kb_ratio rate;  /* femtoseconds for a byte, at the least */
    kb_meter meter; /* of bytes */
} kb_tcm_port;

/* The least time for a byte at a port of a TCM. */
static inline kb_ratio kb_tcm_port_rate(const kb_params *params) {
    return (kb_ratio){params->pe.clock.num, params->pe.clock.den * params->pe_tcm.bytes_per_cycle};
}

/* Becomes the memory at the node of the DMA of the PE that `node` is a part of; it must not move from then
 * on. */
void kb_tcm_port_attach(kb_tcm_port *port, const kb_parts *parts, uint32_t node);

#endif
