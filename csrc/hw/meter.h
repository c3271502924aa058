/* A meter: what a port that serves one thing at a time has served between two rests, for the physics checks
 * (ADR-0061).
 *
 *     first service of all            last one
 *     |  units, units, ...            |            units * rate <= last_fs - first_fs
 *
 * The rate is what the topology says, and not what the port computes with; the check is made when the machine
 * comes to rest, of those meters that ran.
 */
#ifndef KB_HW_METER_H
#define KB_HW_METER_H

#include "base/ratio.h"
#include "hw/audit.h"

typedef struct kb_meter {
    kb_rest_check rest;
    kb_fabric *fabric;
    const char *name;     /* of the component */
    const char *what;     /* "its port", "pseudo-channel" */
    int32_t index;        /* of it; -1: there is one */
    const kb_ratio *rate; /* femtoseconds for a unit */
    uint64_t n_units;
    int64_t first_fs, last_fs;
} kb_meter;

/* All is borrowed; the meter must not move from then on. */
void kb_meter_init(kb_meter *meter, kb_fabric *fabric, const char *name, const char *what,
                   int32_t index, const kb_ratio *rate);

/* So many units were, or will be, served from start_fs to end_fs: after those before. */
static inline void kb_meter_run(kb_meter *meter, uint64_t n_units, int64_t start_fs,
                                int64_t end_fs) {
    if (!meter->rest.listed) {
        kb_audit_at_rest(meter->fabric, &meter->rest);
        meter->n_units = 0;
        meter->first_fs = start_fs;
    }
    meter->n_units += n_units;
    meter->last_fs = end_fs;
}

#endif
