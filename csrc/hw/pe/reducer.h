/* The reduction unit of the switch: a message from each SIP of a group goes in, and their total comes out to
 * each (ADR-0072), the hardware of tl.reduce_send and tl.reduce_recv.
 *
 *   part arrives ─> the last of its total ─> its turn ─adders─> latency ─> combined, sent to every member
 *
 * The PEs of one number on the SIPs of a group meet on a channel: that is a *lane*, and the k-th part of each
 * of them makes its k-th total.  A part goes by a ring from the PE to itself by way of the switch
 * (hw/pe/ring.h): a PE sends part k + slots when it has received total k, so a lane never has more than `slots`
 * totals under way, and a total always finds room where it goes.  No credits are sent.
 *
 * Invariants
 *   S1. Parts are combined in order of rank, ((r0 op r1) op r2) ..., each step rounded to their dtype,
 *       whatever the order in which they arrive; all members get the same bits.
 *   S2. The adders are a serial server: a total of n bytes takes n / rate, all its parts at once; the
 *       latency behind them is pipelined.  Totals are made in the order in which their last parts arrive.
 *   S3. The parts of a total agree in operation, dtype and bytes; if not the run fails, and says whose.
 */
#ifndef KB_HW_PE_REDUCER_H
#define KB_HW_PE_REDUCER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hw/component/parts.h"
#include "kernel/mathop.h"
#include "mem/dtype.h"

/* SIPs first, first + stride, ...: rank r is the r-th.  Kernels pass them around as one number. */
typedef struct kb_sip_group {
    int64_t first, stride, size;
} kb_sip_group;

enum { KB_GROUP_FIRST_BITS = 12, KB_GROUP_STRIDE_BITS = 13, KB_GROUP_SIZE_BITS = 13 };

kb_sip_group kb_sip_group_of(int64_t number);

/* Whether all of a group is within n_sips, and it has `sip`. */
bool kb_sip_group_has(kb_sip_group group, int64_t n_sips, int64_t sip);

/* What the unit combines: sums, minima, maxima of floats of 16 bits or more and of integers of 32 or 64
 * bits; bit-wise operations of the latter. */
bool kb_reducer_does(kb_mathop op, kb_dtype dtype);

kb_status kb_reducer_create(const kb_parts *parts, uint32_t node, void **reducer,
                            kb_error *err) KB_MUST_CHECK;
void kb_reducer_destroy(void *reducer); /* accepts NULL */

/* Which totals lack whose part; returns the length, 0 when none does. */
size_t kb_reducer_describe(const void *reducer, char *text, size_t capacity);

#endif
