/* The HBM controller with bank timing (ADR-0052), on the messages of hw/memory/memory.h.
 *
 *   READ   arrives ─> its runs wait at their PCs ─> as bursts are decided on, flits of the reply come into
 *          being: flit i when all bytes of flits 0..i are there, + response
 *   WRITE  flit arrives ─> its bytes wait ─> after the last commit, and the tail, + response: ack
 *
 * Service is not in order of arrival, so times are not known when a request arrives.  A decision shows
 * tCL + tBL + response later at the earliest (a write's tCWL + tBL + response): so often, and no more, the
 * controller wakes, makes the decisions of the time that has passed, and hands on what follows from them.
 */
#ifndef KB_HW_MEMORY_HBM_BANKED_H
#define KB_HW_MEMORY_HBM_BANKED_H

#include "hw/component/parts.h"
#include "hw/dram/dram_stack.h"

typedef struct kb_hbm_banked kb_hbm_banked;

kb_status kb_hbm_banked_create(const kb_parts *parts, uint32_t node, const kb_dram *dram,
                               kb_hbm_banked **banked, kb_error *err) KB_MUST_CHECK;
void kb_hbm_banked_destroy(kb_hbm_banked *banked); /* accepts NULL */

const kb_dram_stack *kb_hbm_banked_stack(const kb_hbm_banked *banked);

#endif
