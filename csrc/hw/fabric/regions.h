/* Regions: the parts of a machine that the simulator may go through one after the other (sim/sim.h).
 *
 *     0          the host, and all that is in no region
 *     1 + s      SIP s
 *     1 + n_sips what joins SIPs
 *
 * A message takes at least `lookahead_fs` from one into another: the least service and propagation of a link
 * between two.  A link's arrivals are events of the region that it leads to, its port and its services of
 * the one that it comes from.
 */
#ifndef KB_HW_FABRIC_REGIONS_H
#define KB_HW_FABRIC_REGIONS_H

#include "base/alloc.h"
#include "base/error.h"
#include "sim/sim.h"
#include "spec/topology.h"

kb_status kb_regions_init(kb_sim_regions *regions, kb_alloc *alloc, const kb_topology *topology,
                          kb_error *err) KB_MUST_CHECK;
void kb_regions_deinit(kb_sim_regions *regions, kb_alloc *alloc, uint32_t n_links);

uint32_t kb_region_of(const kb_topology *topology, const kb_node *node);

#endif
