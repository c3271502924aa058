/* A meter: that a port which serves one thing at a time does so, and no faster than it can, for the physics
 * checks (ADR-0061).
 *
 *     |  units at the rate  |     |  units  |        each service begins when the one before has ended,
 *     start                 end   start     end      and takes units * rate at least
 *
 * The rate is what the topology says, and not what the port computes with.
 */
#ifndef KB_HW_COMPONENT_METER_H
#define KB_HW_COMPONENT_METER_H

#include "base/ratio.h"
#include "hw/fabric/audit.h"

typedef struct kb_meter {
    kb_sim *sim;
    const char *name;     /* of the component */
    const char *what;     /* "its port", "pseudo-channel" */
    int32_t index;        /* of it; -1: there is one */
    const kb_ratio *rate; /* femtoseconds for a unit */
    int64_t taken_fs;     /* the last service ended then */
} kb_meter;

/* All is borrowed. */
void kb_meter_init(kb_meter *meter, kb_sim *sim, const char *name, const char *what, int32_t index,
                   const kb_ratio *rate);

void kb_meter_fail_(const kb_meter *meter, uint64_t n_units, int64_t start_fs, int64_t end_fs);

/* So many units were, or will be, served from start_fs to end_fs: after those before. */
static inline void kb_meter_run(kb_meter *meter, uint64_t n_units, int64_t start_fs,
                                int64_t end_fs) {
    if (start_fs < meter->taken_fs || !kb_ratio_fits(*meter->rate, n_units, end_fs - start_fs))
        kb_meter_fail_(meter, n_units, start_fs, end_fs);
    meter->taken_fs = end_fs;
}

#endif
