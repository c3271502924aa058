/* Servers: ports that work flit by flit, by events, in either mode of the fabric (ADR-0037 D7).
 *
 * A port needs one when a buffer behind it is finite (it waits for credits), when one before it is (its
 * services free places, and the ports that wait for them must know at once), or when its node has one
 * server for all of its ports (`serialize: router`).
 *
 *     lane    the flits that wait for the same thing: a link, or one of its virtual channels
 *     server  serves, as soon as it is free, the first in order of (eligibility, input, message id,
 *             flit) of those eligible flits whose lane has a credit
 *
 * A place is taken when a flit's service begins.  It is free when its service at the next port ends
 * (or, where the flit is at its message's end, when it arrives), and can be used a propagation later.
 *
 * Beside trains: what a server hands to a port of trains, it hands on flit by flit, as of now, so that
 * port's knowledge of it ends with the present: in hw/fabric/train_pull.h a server's link is a port that waits
 * for nobody and has nothing of its own.  The other way, a message's wake (hw/fabric/train_wake.h) is at a lower
 * bound of its next flit's arrival at the server; trains that are known earlier wait here.
 *
 * Invariants
 *   V1. due_fs is the earliest instant at which a lane has an eligible flit and a credit and the server
 *       is free; one service event at that time counts, any other is void.
 *   V2. When nothing is under way, every lane has all of its places (hw/fabric/audit.h).
 */
#ifndef KB_HW_FABRIC_SERVER_H
#define KB_HW_FABRIC_SERVER_H

#include "hw/fabric/credit.h"
#include "hw/fabric/fabric.h"
#include "hw/fabric/waitq.h"

typedef struct kb_lane {
    kb_waitq waiting; /* streams, as at a port */
    kb_credits credits;
} kb_lane;

typedef struct kb_server {
    int64_t free_fs;
    int64_t taken_fs; /* the last service ended then: for the physics checks */
    int64_t due_fs;   /* KB_TIME_MAX: nothing can be served, as far as is known */
    uint32_t first_lane, n_lanes;
    uint32_t link; /* its place among events: the first of its links */
} kb_server;

typedef struct kb_servers {
    kb_server *items;
    kb_lane *lanes;
    uint32_t count, n_lanes;
    uint32_t *of;      /* by link: its server; KB_NONE: it is a port of its own.  NULL: all are */
    uint32_t *lane_of; /* by link: the lane of channel 0 */
    const uint8_t **channels; /* virtual ones of the links of the fabric's `paths`; NULL: all 0 */
} kb_servers;

kb_status kb_servers_init(kb_fabric *fabric, kb_error *err) KB_MUST_CHECK;
void kb_servers_deinit(kb_fabric *fabric);

/* Room for one more stream at the server of `link`, that of hop `hop` of a flight; false when there is no
 * memory. */
bool kb_server_reserve(kb_fabric *fabric, uint32_t link, uint32_t flight,
                       uint32_t hop) KB_MUST_CHECK;

/* The first known flits of a stream are at the port of `link`: it waits.  Room has been made. */
void kb_server_enlist(kb_fabric *fabric, uint32_t link, uint32_t stream);

/* The simulator's handler: the server whose place is `link` may serve. */
void kb_server_serve(kb_fabric *fabric, uint32_t link);

/* Places behind a link that are taken, or lost. */
uint32_t kb_servers_held(const kb_fabric *fabric, uint32_t link);

/* The first lane in which messages wait for a credit that is not even on its way: its link, and how many
 * they are (0: no lane is like that).  For a run that is stuck. */
uint32_t kb_servers_blocked(const kb_fabric *fabric, uint32_t *link);

#endif
