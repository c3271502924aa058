/* A port's step in train mode: all that is eligible by its horizon, in the order of service
 * (eligibility, input, message id, flit), as few trains as that takes.
 *
 * The stream whose turn it is runs alone up to the key of the second (and the horizon): that many flits
 * by one division.  They leave as one train: at the rate of service behind a backlog or where they come
 * faster, at their own where the port is idle between them, cut in two where a backlog drains.
 *
 * Streams of one period p, a flit of each per round, interleave as whole rounds.  One round is laid out
 * flit by flit; when the next begins exactly p later, every round is as this one.  When the server is
 * never idle in it, all go on back to back, j services a round, for ever if that takes p or more, else
 * until the least slack is used up.  Streams of unlike pace take turns (hw/fabric/train_mix.h).
 */
#ifndef KB_HW_FABRIC_TRAIN_SERVE_H
#define KB_HW_FABRIC_TRAIN_SERVE_H

#include "hw/fabric/fabric_core.h"

void kb_train_overlap_(kb_fabric *fabric, uint32_t link, int64_t n, int64_t begin_fs,
                       int64_t end_fs);

/* The port serves n flits of one period, the first from begin_fs, the last until end_fs.  Physics: not before
 * those before have ended, and in as much time as they take one by one. */
static inline void kb_train_count(kb_fabric *fabric, uint32_t link, kb_train_port *port, int64_t n,
                                  int64_t begin_fs, int64_t end_fs) {
    if (begin_fs < port->taken_fs || n * port->service_fs > end_fs - begin_fs)
        kb_train_overlap_(fabric, link, n, begin_fs, end_fs);
    port->free_fs = port->taken_fs = end_fs;
    port->n_served += (uint64_t)n;
}

/* Services of a train of the first flits of the stream that waits as `lead`: final.  Its key's time is that of the
 * next flit then, so it may be out of place; KB_TIME_MAX: it waits no more.  False when there is no memory. */
bool kb_train_emit_(kb_fabric *fabric, uint32_t link, kb_waiting *lead,
                    kb_train train) KB_MUST_CHECK;

/* The first n that wait took part, and those of them that still wait are put where they belong now. */
void kb_train_put_back_(kb_lineup *waiting, uint32_t n);

/* Serves all that is eligible by upto_fs at the port of `link`: nothing more becomes known of that time.
 * False when it failed, which kb_sim_fail knows. */
bool kb_train_serve(kb_fabric *fabric, uint32_t link, int64_t least_fs,
                    int64_t upto_fs) KB_MUST_CHECK;

/* Flits of a message, n_left of which are still to come, will be at its end, where the sink takes every
 * flit.  False when there is no memory. */
bool kb_train_land(kb_fabric *fabric, uint32_t link, uint32_t flight, int64_t n_left,
                   kb_train train) KB_MUST_CHECK;

#endif
