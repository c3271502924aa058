/* A message that waits whole, as few trains (hw/fabric/train_lone.h), goes on over the ports at which nobody is in
 * its way: what a pull of each of them would do (hw/fabric/train_pull.h), in one go.  Where a part of it is ahead, the
 * rest catches up with that first, port by port.
 *
 * At a port where others wait, it comes before them all; at one where more may come over an input, no
 * earlier than its last flit is eligible.  Its key is in no port's list while it is on its way.
 */
#ifndef KB_HW_FABRIC_TRAIN_RIDE_H
#define KB_HW_FABRIC_TRAIN_RIDE_H

#include "hw/fabric/fabric_core.h"

/* A message that is under way goes as far as that, which may be nowhere.  False when it failed, which
 * kb_sim_fail knows. */
bool kb_train_ride(kb_fabric *fabric, uint32_t flight) KB_MUST_CHECK;

#endif
