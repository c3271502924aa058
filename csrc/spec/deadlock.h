/* The dependencies among channels, and the search for a cycle in them (spec/buffers.h says which).
 *
 *   channel = link * KB_MAX_CHANNELS + virtual channel, of links into finite buffers
 *   a -> b    some route takes b right after a
 */
#ifndef KB_SPEC_DEADLOCK_H
#define KB_SPEC_DEADLOCK_H

#include "base/error.h"
#include "spec/topology.h"

enum { KB_DEADLOCK_TEXT = 512 };

/* `cycle` is the names of one's nodes, "a -> b -> a", or "" when there is none. */
kb_status kb_deadlock_find(kb_topology *topology, char cycle[KB_DEADLOCK_TEXT],
                           kb_error *err) KB_MUST_CHECK;

#endif
