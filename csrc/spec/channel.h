/* Virtual channels: which of the buffers behind a link a message takes (ADR-0037 D10).
 *
 * Two things close cycles among finite buffers.  A message is in channel 0 until one of them is behind it,
 * and in channel 1 from there on:
 *
 *   a dateline  Links that can close a ring belong to a *line*: one direction axis of a mesh (x or y), or
 *               of the SIPs' fabric.  The *dateline* of a line is the link that closes the ring: the wrap
 *               links of meshes and fabrics, and links that say `dateline: true`.  Who enters another line
 *               is before its dateline again.
 *   a turn      Routes are X before Y over routers, and over cubes: after the Y links of one cube come the
 *               X links of the next.  The turn is the first link to a cube in the north or south.  Before
 *               it a message enters and leaves cubes by their west and east ports, in one row of
 *               routers, so that no Y link leads to an X link of another row; after it by the north and
 *               south ports, in one column, and no row leads out of the cube.
 *
 * Links that are neither keep the channel that the message has.  Where a buffer has one channel alone, all
 * take that one.  That two are enough is not taken on trust: spec/deadlock.h follows the routes.  They are
 * for every mesh of cubes whose routers are a mesh, and for some whose routers are a torus.
 */
#ifndef KB_SPEC_CHANNEL_H
#define KB_SPEC_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "spec/topology.h"

enum { KB_MAX_CHANNELS = 2 };

/* Zero-initialised; belongs to a topology. */
typedef struct kb_channels {
    bool many;       /* some buffer has more than one */
    int32_t *lines;  /* by link; -1: on none */
    bool *datelines; /* by link */
    bool *turns;     /* by link: from a cube to the one north or south of it */
} kb_channels;

/* Fills topology->channels; the graph is sealed. */
kb_status kb_channels_assign(kb_topology *topology, kb_error *err) KB_MUST_CHECK;

/* The channel behind each link of a path. */
void kb_channels_follow(const kb_topology *topology, const uint32_t *links, size_t n_links,
                        uint8_t *channels);

#endif
