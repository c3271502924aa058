/* How the ports of a fabric serve: by trains, or flit by flit where messages are single flits (ADR-0043 D8).
 *
 * Both give the same times.  A fabric by trains counts the flits of the messages that start: where nearly
 * all are single ones it goes over to flits, and back when longer ones come, at the end of an instant:
 * ports are brought up to date, and what waits at them and is on its way is handed over.  Messages are
 * counted, never the time that they take, so a run is the same each time.  `fabric: {mode: flit}` never changes.
 */
#ifndef KB_HW_FABRIC_FABRIC_MODE_H
#define KB_HW_FABRIC_FABRIC_MODE_H

#include "hw/fabric/fabric_core.h"

/* It is decided after so many messages: to flits up to 5 flits in 4 messages, to trains from 2 a message on;
 * and to trains at once when twice as many flits have started. */
enum { KB_MODE_WINDOW = 2048 };

void kb_fabric_mode_decide_(kb_fabric *fabric);

/* A message starts. */
static inline void kb_fabric_mode_note(kb_fabric *fabric, int64_t n_flits) {
    kb_mode_window *window = &fabric->window;
    if (!kb_fabric_adapts_(fabric)) return;
    fabric->counters.messages_by_flit += !fabric->by_train;
    window->n_flits += (uint64_t)n_flits;
    if (++window->n_messages == KB_MODE_WINDOW ||
        (!fabric->by_train && window->n_flits > 2 * KB_MODE_WINDOW))
        kb_fabric_mode_decide_(fabric);
}

/* Asks for the other mode at the end of this instant, or of the first that is no region's own.  Nothing happens where a message is traced then, or
 * where ports are those of servers. */
void kb_fabric_mode_ask(kb_fabric *fabric);

/* The end of the instant: the simulator's service at the place behind the last link. */
void kb_fabric_mode_change(kb_fabric *fabric);

#endif
