/* MATH: element-wise operations on tiles, scalars and index blocks.
 *
 * A block of lanes at a time: read (dims of 1 repeat), widen to the lane type, compute, narrow.
 * Steps that change nothing are left out, so fp32 + fp32 runs from tile to tile.  fp8, fp16 and
 * bf16 are computed in fp32 and rounded after every operation.  Semantics of each operation:
 * kernel/scalar.h, of which this is the vector twin; MOVE, WHERE, BITCAST and a CAST to the same
 * dtype keep bits, every other NaN result is the canonical one.
 */
#ifndef KB_REPLAY_MATH_H
#define KB_REPLAY_MATH_H

#include "replay/exec.h"

kb_status kb_math_run(kb_exec *exec, kb_mathop op, const kb_payload *payload,
                      kb_error *err) KB_MUST_CHECK;

#endif
