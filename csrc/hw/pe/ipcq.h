/* PE_IPCQ: queues to and from other PEs (ADR-0023), the hardware of tl.send and tl.recv, and of
 * tl.reduce_send and tl.reduce_recv (ADR-0072).
 *
 *   send   ready ─> its turn, and a slot is free ─set-up─> posted: payload, tail ─> done
 *   recv   ready ─> its turn, and a slot is full ─copy───> done, credit back
 *
 * Payload and tail go from PE_DMA to PE_DMA (a ring in TCM) or to the memory that holds the ring, which
 * passes the tail on to the receiver when the slot is committed; credits go back from PE_DMA to PE_DMA.
 * Payload and tail are posted: no acknowledgement, no DMA window; a send is done when they are in the queue
 * of PE_DMA's port.  A full slot is copied into the tile through TCM's port, one after another, or read from
 * the memory that holds it.
 *
 * A ring by way of the switch (hw/pe/reducer.h) leads back to its PE: what was sent comes back as a total, into
 * TCM, as one message without a tail.  Its slot is free again when that is received; nobody else need know.
 *
 * Invariants
 *   I1. Rings do not hold each other up: what waits, waits at its ring (hw/pe/ring.h).
 *   I2. The set-up begins when the command's turn has come and a slot is free, and is pipelined: equal for
 *       all sends, so those that are being set up leave in the order in which they began.
 *   I3. The copy out of TCM is a serial server; its ends come in the order of its beginnings, too.
 */
#ifndef KB_HW_PE_IPCQ_H
#define KB_HW_PE_IPCQ_H

#include <stddef.h>

#include "hw/component/parts.h"
#include "hw/pe/command.h"

typedef struct kb_ipcq kb_ipcq;

kb_status kb_ipcq_create(const kb_parts *parts, uint32_t node, void **ipcq,
                         kb_error *err) KB_MUST_CHECK;
void kb_ipcq_destroy(void *ipcq); /* accepts NULL */

/* Gives a SEND or RECV command of nbytes, about to be submitted, its ring and its ticket.  KB_INVALID when
 * there is no such PE or channel, or the message is larger than a slot. */
kb_status kb_ipcq_enrol(kb_ipcq *ipcq, kb_command *command, int64_t peer, int64_t channel,
                        bool comm, int64_t nbytes, kb_error *err) KB_MUST_CHECK;

/* The same of a REDUCE_SEND or its recv, among the PEs of this number on the SIPs of a group (hw/pe/reducer.h);
 * record.op and record.dtype say what is done with a part.  KB_INVALID, too, when there is no switch that does
 * it, or this SIP is not of the group. */
kb_status kb_ipcq_enrol_part(kb_ipcq *ipcq, kb_command *command, int64_t group, int64_t channel,
                             bool comm, int64_t nbytes, kb_error *err) KB_MUST_CHECK;

/* Which sends and recvs wait for whom, since when; returns the length, 0 when none does. */
size_t kb_ipcq_describe(const void *ipcq, char *text, size_t capacity);

/* What was sent and never received, ring by ring, with the line of the first such send; returns the length, 0
 * when all was.  It has a meaning when the machine is at rest. */
size_t kb_ipcq_describe_left(const kb_parts *parts, char *text, size_t capacity);

#endif
