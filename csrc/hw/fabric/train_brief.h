/* A message in brief: whole, from the backlog of its sender's port, of which it has left, it waits at the second
 * port of its path by its key alone, without a stream.
 *
 *     known_fs       of the flight, and the time of its key: its head's arrival there, and the overhead
 *     its flits      all of them, at the pace of the first port
 *
 * Where thousands of messages start at once they wait like this, and most go all the way at their turn
 * (hw/fabric/train_ride.h): a stream for each would be 64 bytes of memory that nobody has touched before.
 * The key has the number of the flight, marked, and the flight no stream.  Whoever needs the stream of a key asks
 * here, and whoever needs that of a flight that has none: the message is spelled out then.
 */
#ifndef KB_HW_TRAIN_BRIEF_H
#define KB_HW_TRAIN_BRIEF_H

#include "hw/fabric/fabric_core.h"

/* Numbers of a pool are below. */
#define KB_BRIEF_MARK (UINT32_C(1) << 31)

/* The flits of a message that waits in brief. */
static inline kb_train kb_brief_train(const kb_fabric *fabric, const kb_flight *flown) {
    const kb_train_port *ports = fabric->trains.ports;
    return (kb_train){flown->known_fs - ports[flown->path[1]].overhead_fs,
                      ports[flown->path[0]].service_fs, flown->message.n_flits};
}

/* Gives it a stream.  False when there is no memory, which kb_sim_fail knows. */
bool kb_brief_spell_out(kb_fabric *fabric, uint32_t flight) KB_MUST_CHECK;

bool kb_brief_resolve_(kb_fabric *fabric, kb_waiting *key) KB_MUST_CHECK;

/* From now on the key has the number of a stream.  False when there is no memory, which kb_sim_fail knows. */
KB_MUST_CHECK static inline bool kb_brief_resolve(kb_fabric *fabric, kb_waiting *key) {
    return (uint32_t)key->count_number < KB_BRIEF_MARK || kb_brief_resolve_(fabric, key);
}

#endif
