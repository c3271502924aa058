/* GATHER: elements of a tile by their index along an axis; all other coordinates are those of their place in
 * the result.  KB_BOUNDS where an index is outside the axis. */
#ifndef KB_REPLAY_GATHER_H
#define KB_REPLAY_GATHER_H

#include "replay/exec.h"

kb_status kb_gather_run(kb_exec *exec, const kb_payload *payload, kb_error *err) KB_MUST_CHECK;

#endif
