/* Physics checks, in every run: what a machine cannot do is an error that names the component (ADR-0061).
 *
 *   as it happens    no server serves two at once, flit by flit or train by train (hw/fabric/train_leave.h),
 *                    no buffer holds more than its places, no message is faster than its path allows
 *                    (law L1, as if it were alone)
 *   when all is idle every message has arrived, with all of its bytes; over each link went the flits
 *                    that were sent over it, no faster than it can; every credit is back
 *
 * It costs an addition for each message, a comparison for each service, and a look at the paths and links that were used whenever the
 * machine comes to rest.  A violation is a fault of ours, never of a script: KB_INTERNAL.
 *
 * Any component that serves one thing at a time says when a service begins:
 *
 *     kb_audit_serial(sim, node->name, "the MAC array", start_fs, unit->busy_until_fs);
 *
 * A memory's port has a meter (hw/component/meter.h), a DRAM's banks and bus the times of their commands
 * (hw/dram/dram_pc.h), a TCM the bytes that it holds (hw/pe/tcm.h).
 */
#ifndef KB_HW_FABRIC_AUDIT_H
#define KB_HW_FABRIC_AUDIT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/alloc.h"
#include "base/error.h"
#include "hw/fabric/fabric_path.h"
#include "sim/sim.h"

/* What a component wants checked when the machine comes to rest; its own, and listed only when it ran. */
typedef struct kb_rest_check kb_rest_check;
struct kb_rest_check {
    kb_rest_check *next;
    bool listed;
    void *self;
    kb_status (*check)(void *self, kb_error *err);
};

/* Lists a check that is not listed. */
void kb_audit_at_rest(kb_fabric *fabric, kb_rest_check *check);

/* What the fabric is held to; zero-initialised, and a part of it. */
typedef struct kb_audit {
    uint64_t *due; /* by link: flits that messages sent since the last audit have to take over it */
    uint64_t *settled; /* by link: flits served at the last audit */
    uint32_t *used;    /* links with flits due */
    uint32_t n_used;
    kb_path *
        *paths; /* over which messages were sent since the last audit: room for all there are */
    uint32_t n_paths;
    int64_t since_fs;      /* of the last audit */
    kb_rest_check *checks; /* of components */
} kb_audit;

kb_status kb_audit_init(kb_fabric *fabric, kb_error *err) KB_MUST_CHECK;
void kb_audit_deinit(kb_fabric *fabric);

/* The least latency of n_flits flits over a path, by law L1; 0 when it is out of range. */
int64_t kb_audit_least_fs(const kb_fabric *fabric, const uint32_t *path, uint32_t n_links,
                          int64_t n_flits);

/* A message sets out over a path that is sized for it. */
static inline void kb_audit_send(kb_audit *audit, kb_path *path) {
    path->n_due += (uint64_t)path->n_flits;
    if (path->is_noted) return;
    path->is_noted = true;
    audit->paths[audit->n_paths++] = path;
}

/* The links of a path are told what is due over it. */
void kb_audit_tell(kb_audit *audit, kb_path *path);

/* The machine is at rest: nothing is left to happen.  KB_INTERNAL for a violation; KB_DEADLOCK when
 * messages wait for places that nobody will free. */
kb_status kb_fabric_audit(kb_fabric *fabric, kb_error *err) KB_MUST_CHECK;

/* Who waits for places that nobody will free, as text; "" when nobody does.  The machine is at rest. */
void kb_fabric_describe_blocked(const kb_fabric *fabric, char *text, size_t capacity);

/* Fails the run: `name` began to serve at start_fs what has to wait until free_fs. */
void kb_audit_overlap_(kb_sim *sim, const char *name, const char *what, int64_t start_fs,
                       int64_t free_fs);

static inline void kb_audit_serial(kb_sim *sim, const char *name, const char *what,
                                   int64_t start_fs, int64_t free_fs) {
    if (start_fs < free_fs) kb_audit_overlap_(sim, name, what, start_fs, free_fs);
}

/* Fails the run: `name` holds more than it can. */
void kb_audit_overfull(kb_sim *sim, const char *name, const char *what, int64_t held,
                       int64_t capacity);

/* Fails the run when the message's last flit is there, at end_fs, before it can be. */
void kb_audit_early_(kb_fabric *fabric, const kb_message *message, int64_t least_fs,
                     int64_t end_fs);

#endif
