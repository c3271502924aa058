/* Virtual channels: which of the buffers behind a link a message takes (ADR-0037 D7).
 *
 * Links that can close a ring belong to a *line*: one direction axis of a mesh (x or y), or of the SIPs'
 * fabric.  A message is in channel 0 when it enters a line, and in channel 1 from that line's *dateline* on,
 * the link that closes the ring: the wrap links of meshes and fabrics, and links that say
 * `dateline: true`.  Other links keep the channel that the message has.  Where a buffer has one channel
 * alone, all take that one.
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
} kb_channels;

/* Fills topology->channels; the graph is sealed. */
kb_status kb_channels_assign(kb_topology *topology, kb_error *err) KB_MUST_CHECK;

/* The channel behind each link of a path. */
void kb_channels_follow(const kb_topology *topology, const uint32_t *links, size_t n_links,
                        uint8_t *channels);

#endif
