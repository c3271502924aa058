/* A port's step in train mode: all that is eligible by its horizon, in the order of service
 * (eligibility, input, message id, flit), as few trains as that takes.
 *
 * The stream whose turn it is runs alone up to the key of the second (and the horizon): that many flits
 * by one division.  They leave as one train: at the rate of service behind a backlog or where they come
 * faster, at their own where the port is idle between them, cut in two where a backlog drains.
 *
 * Streams of one period interleave as rounds (hw/fabric/train_rounds.h), those of unlike pace take turns
 * (hw/fabric/train_mix.h).
 */
#ifndef KB_HW_FABRIC_TRAIN_SERVE_H
#define KB_HW_FABRIC_TRAIN_SERVE_H

#include "hw/fabric/fabric_core.h"

/* Serves all that is eligible by upto_fs at the port of `link`: nothing more becomes known of that time.
 * False when it failed, which kb_sim_fail knows. */
bool kb_train_serve(kb_fabric *fabric, uint32_t link, int64_t least_fs,
                    int64_t upto_fs) KB_MUST_CHECK;

#endif
