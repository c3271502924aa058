/* DMA: bytes between the store and a tile, row by row of an access.
 *
 * A read fills the lanes that its mask leaves off with `other` (0 where there is none).  A lane
 * that is on and whose bytes nobody ever wrote is an error, or is counted and reads NaN or the
 * zeros that are there.  A write marks its bytes as written.  Where the whole access lies in one
 * tensor, and that is written throughout, rows cost no look-up.
 */
#ifndef KB_REPLAY_TRANSFER_H
#define KB_REPLAY_TRANSFER_H

#include "replay/exec.h"

kb_status kb_transfer_read(kb_exec *exec, const kb_payload *payload, kb_error *err) KB_MUST_CHECK;
kb_status kb_transfer_write(kb_exec *exec, const kb_payload *payload, kb_error *err) KB_MUST_CHECK;

/* A message is a tile version of its own: a send copies its value into it, or gives the value away where this
 * was its last use; a recv turns the message into its result. */
kb_status kb_transfer_send(kb_exec *exec, const kb_payload *payload, kb_error *err) KB_MUST_CHECK;
kb_status kb_transfer_recv(kb_exec *exec, const kb_payload *payload, kb_error *err) KB_MUST_CHECK;

#endif
