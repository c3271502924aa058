/* Streams of unlike pace at one port: they take turns, a few flits at a time.
 *
 *     a: every service      a a b a a b a a b
 *     b: every second one
 *
 * What is known of each is a lane.  The lane whose next flit comes first goes until another one's does; what
 * leaves of it is kept back while it goes on at one pace, so the next port gets few trains.  It ends where a
 * stream that is no lane could come in between, or where nothing more of one is known.
 */
#ifndef KB_HW_FABRIC_TRAIN_MIX_H
#define KB_HW_FABRIC_TRAIN_MIX_H

#include "hw/fabric/fabric_core.h"

/* Whether the first two that wait, which there are, differ in pace, and no head holds others up:
 * else they seldom take turns for long. */
static inline bool kb_train_differ(const kb_fabric *fabric, const kb_train_port *port) {
    const kb_waiting *items = kb_lineup_items(&port->waiting);
    const kb_stream *streams = fabric->streams.pool.items;
    const kb_stream *lead = &streams[(uint32_t)items[0].count_number];
    const kb_stream *second = &streams[(uint32_t)items[1].count_number];
    return second->first.period_fs != lead->first.period_fs &&
           second->first.start_fs >= second->head_fs && lead->first.start_fs >= lead->head_fs;
}

/* Serves those that wait first at the port of `link`, in turns, as kb_train_serve has to.  *any: a flit at least;
 * else that has to serve the first alone.  False when there is no memory. */
bool kb_train_mix(kb_fabric *fabric, uint32_t link, int64_t least_fs, int64_t upto_fs,
                  bool *any) KB_MUST_CHECK;

#endif
