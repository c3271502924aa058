/* Streams of one period p at a port, a flit of each per round, interleave as whole rounds.
 *
 *     a: at 0, p, 2p ...     a b c . a b c . a b c .      begins again exactly p later: every round is as this one
 *     b: at 1, p+1, ...      a b c a b c a b c            never idle: back to back, n services a round
 *     c: at 2, p+2, ...
 *
 * One round is laid out flit by flit. Where all go on back to back they do so for ever if a round takes p or more,
 * else until the least slack is used up. So a train of each leaves, whatever the number of rounds. Streams of unlike
 * pace take turns (hw/fabric/train_mix.h).
 */
#ifndef KB_HW_FABRIC_TRAIN_ROUNDS_H
#define KB_HW_FABRIC_TRAIN_ROUNDS_H

#include "hw/fabric/fabric_core.h"

/* Serves whole rounds of those that wait first at the port of `link`, the lead's flits being several, and eligible by
 * upto_fs at the latest. *any: there was a round; else nothing changes. False when there is no memory. */
bool kb_train_rounds(kb_fabric *fabric, uint32_t link, int64_t upto_fs, bool *any) KB_MUST_CHECK;

#endif
