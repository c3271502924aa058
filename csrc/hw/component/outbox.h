/* An outbox: the commands (one-flit messages) that a processor sends at known times.
 *
 *   post(at, ...) ─> waits, by (time, order of posting) ─> sent at its time
 */
#ifndef KB_HW_COMPONENT_OUTBOX_H
#define KB_HW_COMPONENT_OUTBOX_H

#include "hw/component/parts.h"

typedef struct kb_outbox kb_outbox;

/* Sends from `node`.  parts is borrowed. */
kb_status kb_outbox_create(const kb_parts *parts, uint32_t node, kb_outbox **outbox,
                           kb_error *err) KB_MUST_CHECK;
void kb_outbox_destroy(kb_outbox *outbox); /* accepts NULL */

/* at_fs >= now.  Without memory for it the simulation fails. */
void kb_outbox_post(kb_outbox *outbox, int64_t at_fs, uint32_t dst, kb_msg_kind kind, uint32_t tag);

/* A serial unit takes up work of cost_fs at the earliest at at_fs; returns when that is done.
 * INT64_MAX when time overflows (posting that fails the simulation). */
int64_t kb_serial_take(int64_t *free_fs, int64_t at_fs, int64_t cost_fs);

#endif
