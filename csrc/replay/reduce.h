/* REDUCE: one axis of a tile to one element.
 *
 * The tree is fixed by the number n of elements alone (ADR-0047): with h = ceil(n / 2), element i
 * becomes op(element i, element i + h) for i < n - h, the middle one of an odd n stays, and n
 * becomes h, until one is left.  So lane i always meets lane i + h, and vectors of any width do it
 * lane by lane.
 *
 * fp8, fp16 and bf16 are reduced in fp32 and rounded once, at the end; integers wrap.  MAX and MIN
 * let the other operand win over a NaN.  ARGMAX and ARGMIN give the leftmost of equals, NaNs lose,
 * and the index is 0 when all are NaN.
 */
#ifndef KB_REPLAY_REDUCE_H
#define KB_REPLAY_REDUCE_H

#include "replay/exec.h"

kb_status kb_reduce_run(kb_exec *exec, kb_reduceop op, const kb_payload *payload,
                        kb_error *err) KB_MUST_CHECK;

#endif
