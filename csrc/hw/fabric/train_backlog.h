/* The backlog of a sender's port: messages that have started and are far from their turn are told of in a few
 * numbers, runs of like ones in as few as one, until their turn is near.
 *
 *     start ─> behind many like it that began here before: held.  It has its number, and counts as sent
 *           ─> at an event, when few are before it: released.  It goes on as one that began when it did
 *
 * Where thousands start at once they wait like this: each would be 200 bytes of memory that nobody has touched before,
 * and those on their way are so few that the cache holds them.
 *
 * That nobody sees a difference: the port has served all that came before the backlog (hw/fabric/train_start.c), and
 * nothing can come to it over a link; as soon as something can, all are released.  So they are served as what comes
 * last there.  And no port behind it knows of an instant at which one that starts now might come, so it knows of none
 * at which one comes that is released now and served no earlier than that.
 *
 * Invariants
 *   H1. At a port with a backlog nothing waits, no input is open, and n_own counts the backlog alone, as one.  It is an
 *       open input of no other, as what began there has left it; so none pulls it, and its upto_fs is before all that
 *       is held is eligible.
 *   H2. own_fs is later than now + overhead as long as there is a backlog: it is seen to at half of the time till then.
 *   H3. Time is that of the whole fabric: where it goes by region (sim/sim.h) nothing is held.
 */
#ifndef KB_HW_FABRIC_TRAIN_BACKLOG_H
#define KB_HW_FABRIC_TRAIN_BACKLOG_H

#include "hw/fabric/fabric_core.h"

/* So many like a message are before one that is held. */
enum { KB_BACKLOG_BEHIND = 16 };

/* Whether a message of n_flits that is the next to begin there would be served after so many like it. */
static inline bool kb_backlog_is_far(const kb_train_port *port, int64_t now_fs, int64_t n_flits) {
    int64_t busy_fs, ahead_fs = port->own_fs - port->overhead_fs - now_fs;
    return !kb_mul_i64(n_flits, port->service_fs, &busy_fs) &&
           ahead_fs / KB_BACKLOG_BEHIND > busy_fs;
}

/* Whether a message over that path that starts now is to be held. */
static inline bool kb_backlog_takes(const kb_fabric *fabric, const kb_path *path) {
    const kb_train_port *port = &fabric->trains.ports[path->links[0]];
    if (port->backlog.first != KB_NONE) return true;
    return kb_backlog_is_far(port, kb_sim_now(fabric->sim), path->n_flits) && !port->n_own &&
           !port->open.count && !port->waiting.count && !kb_sim_is_by_region(fabric->sim);
}

/* It starts, and is held.  False, and nothing changes, when there is no memory. */
bool kb_backlog_add(kb_fabric *fabric, const kb_send *send, const kb_path *path) KB_MUST_CHECK;

/* The event: those that are far no more are released. */
void kb_backlog_release_due(kb_fabric *fabric, uint32_t link);

static inline bool kb_backlog_is_at(const kb_fabric *fabric, uint32_t link) {
    return fabric->trains.ports[link].backlog.first != KB_NONE;
}

static inline bool kb_backlog_is_anywhere(const kb_fabric *fabric) {
    return fabric->trains.held.state.n_live != 0;
}

/* Something else comes to the port of a link: its backlog comes first.  False when that failed, which kb_sim_fail
 * knows. */
bool kb_backlog_release_all(kb_fabric *fabric, uint32_t link) KB_MUST_CHECK;

void kb_backlog_note_(kb_fabric *fabric, uint32_t link);

/* An input opens at the port of a link, of a message that begins now. */
static inline void kb_backlog_meet(kb_fabric *fabric, uint32_t link) {
    if (fabric->trains.ports[link].n_own) kb_backlog_note_(fabric, link);
}

bool kb_backlog_release_met_(kb_fabric *fabric) KB_MUST_CHECK;

/* The message has begun: what it met is released.  False when that failed, which kb_sim_fail knows. */
KB_MUST_CHECK static inline bool kb_backlog_release_met(kb_fabric *fabric) {
    return !fabric->trains.n_met || kb_backlog_release_met_(fabric);
}

#endif
