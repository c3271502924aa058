/* Where a PE is in the machine, and which PE is next to it: what tl.pe_id() and directions stand for. */
#ifndef KB_HW_PE_PLACE_H
#define KB_HW_PE_PLACE_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/kir.h"
#include "spec/topology.h"

/* The number of KB_AT_LIST for a part of a PE; false where there is no such neighbour.  Neighbours are PEs
 * counted through the machine: the PE of the same number in the next cube or SIP, or the next of the cube. */
bool kb_place_number(const kb_system *system, const kb_node *at, kb_at what, int64_t *number);

/* Its name in KB_AT_LIST. */
const char *kb_at_text(kb_at what);

#endif
