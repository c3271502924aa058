/* Who is next: a heap of (time, message id) keys, where every key is unlike the others.  It serves the
 * streams that wait at a port, messages without a link, and batches of transfers.
 */
#ifndef KB_HW_WAITQ_H
#define KB_HW_WAITQ_H

#include <stdbool.h>
#include <stdint.h>

#include "base/alloc.h"
#include "base/status.h"

typedef struct kb_waiting {
    int64_t when_fs;
    uint64_t rank;   /* of a stream: input << 32 | sender's node id */
    uint32_t count;  /* of a stream: the sender's count */
    uint32_t number; /* whose key this is; not a part of it */
} kb_waiting;

/* The least is items[0]. */
typedef struct kb_waitq {
    kb_waiting *items;
    uint32_t count, capacity;
} kb_waitq;

/* Room for n_items in all; false when there is no memory. */
bool kb_waitq_reserve(kb_waitq *queue, kb_alloc *alloc, uint32_t n_items) KB_MUST_CHECK;
void kb_waitq_deinit(kb_waitq *queue, kb_alloc *alloc);

/* After kb_waitq_reserve. */
void kb_waitq_push(kb_waitq *queue, kb_waiting waiting);

/* Gives the first a new time, or removes it. */
void kb_waitq_move_first(kb_waitq *queue, int64_t when_fs);
void kb_waitq_drop_first(kb_waitq *queue);

#endif
