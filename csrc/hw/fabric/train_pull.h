/* Bringing ports up to date in train mode, conservatively: nothing handed on is ever taken back.
 *
 * A port that knows all by upto_fs and whose server is taken until free_fs sends its next, yet unknown,
 * flit to arrive at max(free_fs, upto_fs + 1) + travel at the earliest.  A port's *horizon* is the least
 * of these over its open inputs, minus 1, and what may start here from now on.
 *
 * To bring a port up to U, every open input that is short is brought to U - travel first, and so on
 * backwards; each port that is visited serves as far as it knows, not only as far as was asked: that
 * is what keeps visits few.  Ports that wait for each other in a ring are gathered and *swept* forwards,
 * and the time in which nothing is known to happen at any of them is skipped.
 */
#ifndef KB_HW_FABRIC_TRAIN_PULL_H
#define KB_HW_FABRIC_TRAIN_PULL_H

#include "hw/fabric/fabric_core.h"

bool kb_train_pull_(kb_fabric *fabric, uint32_t link, int64_t upto_fs) KB_MUST_CHECK;

/* Brings the port of `link` up to upto_fs < now at least.  False when it failed, which kb_sim_fail
 * knows. */
KB_MUST_CHECK static inline bool kb_train_pull(kb_fabric *fabric, uint32_t link, int64_t upto_fs) {
    return fabric->trains.ports[link].upto_fs >= upto_fs || kb_train_pull_(fabric, link, upto_fs);
}

#endif
