/* TRANS: a tile with its dimensions in another order; dimension d of the result is dimension nibble
 * d of the permutation. */
#ifndef KB_REPLAY_TRANS_H
#define KB_REPLAY_TRANS_H

#include "replay/exec.h"

kb_status kb_trans_run(kb_exec *exec, const kb_payload *payload, kb_error *err) KB_MUST_CHECK;

#endif
