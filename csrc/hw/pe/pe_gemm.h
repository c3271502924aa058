/* PE_GEMM: an m x n x k array of multiply-adders, one command at a time.
 *
 * Law L8: time = max(compute, operands) + fill, in cycles, rounded up to 1 fs once:
 *   compute   ceil(M/m) * ceil(N/n) * ceil(K/k) / rate(dtype)
 *   operands  (M*K + K*N) * size / TCM bytes per cycle
 *   fill      fill_cycles for a command that finds the engine idle; back to back it overlaps
 */
#ifndef KB_HW_PE_PE_GEMM_H
#define KB_HW_PE_PE_GEMM_H

#include <stdbool.h>

#include "hw/component/parts.h"
#include "mem/dtype.h"

kb_status kb_gemm_create(const kb_parts *parts, uint32_t node, void **gemm,
                         kb_error *err) KB_MUST_CHECK;
void kb_gemm_destroy(void *gemm); /* accepts NULL */

/* L8 for one command, of operands of `dtype` in precision `precision` (kb_precision).  Returns true
 * on overflow.  *fill_fs: what of it is fill, 0 unless `idle`. */
bool kb_gemm_time(const kb_params *params, int64_t m, int64_t n, int64_t k, kb_dtype dtype,
                  uint8_t precision, bool idle, int64_t *time_fs, int64_t *fill_fs);

#endif
