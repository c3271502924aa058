/* Finite buffers: what a topology with credits must keep to, and what it had better.
 *
 *   no deadlock   a channel is a link's buffer (and virtual channel); whoever holds a place in one may wait
 *                 for a place in the next of its path.  These dependencies, over all routes, must not
 *                 close a cycle: a KB_TOPOLOGY error names one.
 *   full rate     a place comes back after 2 (s + p) + o, so a link is never idle for want of one from
 *                 ceil((2 (s + p) + o) / s) places on; fewer is a warning with that number.
 *
 * Which routes: in an explicit graph, between all nodes (in a large one, all transit components: what
 * else is attached to them only lengthens a route at its ends, where no cycle can pass); of one mesh
 * without wrap none, as XY closes no cycle.  In the hierarchical machine, within a SIP between one part at
 * each router; between SIPs, whose routes all go through the IO chiplets, between enough parts to meet each
 * way in and out.
 */
#ifndef KB_SPEC_BUFFERS_H
#define KB_SPEC_BUFFERS_H

#include "spec/reader.h"
#include "spec/topology.h"

/* Where any buffer is finite: assigns the virtual channels, warns and refuses.  The graph is sealed. */
kb_status kb_buffers_check(kb_topology *topology, const kb_reader *reader,
                           const kb_place *root) KB_MUST_CHECK;

#endif
