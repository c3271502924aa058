/* GEMM: c = a @ b + acc.
 *
 * Each element is one chain of fused multiply-adds over k in order, from the accumulator, or +0
 * where there is none; rounded once to the result's dtype (ADR-0047).  It runs in fp32 for floats
 * of up to 32 bits, in fp64 for fp64, in int32 for 8-bit integers.  tf32 rounds the inputs to 10
 * bits of mantissa, to nearest, ties away from zero; tf32x3 has the numbers of ieee.
 *
 *     c               +=   a                       *   b
 *     a few rows x         widened, row-major:         packed in panels of the kernel's
 *     two vectors          one element of each row     columns: two vectors for each k
 *
 * k is cut so that a panel of b stays in the first cache; the sums rest in c meanwhile, unrounded.
 * Threads take bands of rows, which changes no chain.  An accumulator that nobody else reads is
 * updated in place.
 */
#ifndef KB_REPLAY_GEMM_H
#define KB_REPLAY_GEMM_H

#include "replay/exec.h"

kb_status kb_gemm_run(kb_exec *exec, const kb_payload *payload, kb_error *err) KB_MUST_CHECK;

#endif
