/* A message in brief: whole, from the backlog of its sender's port, of which it has left, it waits at the second
 * port of its path by its key alone, without a stream.
 *
 *     key.when_fs    its head's arrival there, and the overhead
 *     its flits      all of them, at the pace of the first port
 *
 * Where thousands of messages start at once they wait like this, and most go all the way at their turn
 * (hw/fabric/train_ride.h): a stream for each would be 64 bytes of memory that nobody has touched before.
 * The key has the number of the flight, marked, and the flight no stream.  Whoever needs more than the key
 * spells the message out first.
 */
#ifndef KB_HW_TRAIN_BRIEF_H
#define KB_HW_TRAIN_BRIEF_H

#include "hw/fabric/fabric_core.h"

/* Numbers of a pool are below. */
#define KB_BRIEF_MARK (UINT32_C(1) << 31)

/* The flits of a message that waits in brief, eligible at when_fs. */
static inline kb_train kb_brief_train(const kb_fabric *fabric, const kb_flight *flown,
                                      int64_t when_fs) {
    const kb_train_port *ports = fabric->trains.ports;
    return (kb_train){when_fs - ports[flown->path[1]].overhead_fs, ports[flown->path[0]].service_fs,
                      flown->message.n_flits};
}

bool kb_brief_spell_out_(kb_fabric *fabric, kb_train_port *port) KB_MUST_CHECK;

/* Gives streams to all that wait in brief at a port.  False when there is no memory, which kb_sim_fail knows. */
KB_MUST_CHECK static inline bool kb_brief_spell_out(kb_fabric *fabric, kb_train_port *port) {
    return port->n_brief == 0 || kb_brief_spell_out_(fabric, port);
}

#endif
