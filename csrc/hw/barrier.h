/* The global start barrier's D: how long a launch takes from IO_CPU's stamp to the last PE's
 * arrival, when nothing else is going on.
 *
 * It is measured, not computed: a machine of host, IO_CPUs and M_CPUs on the same topology runs an
 * empty launch on every SIP at once (they share no link), serial issues and decodes included.
 */
#ifndef KB_HW_BARRIER_H
#define KB_HW_BARRIER_H

#include <stdint.h>

#include "base/alloc.h"
#include "base/error.h"
#include "spec/topology.h"

/* fanout_fs: room for every SIP. */
kb_status kb_barrier_measure(kb_alloc *alloc, kb_topology *topology, int64_t *fanout_fs,
                             kb_error *err) KB_MUST_CHECK;

#endif
