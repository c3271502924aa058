/* Who is next: a heap of (time, message id) keys, where every key is unlike the others.  It serves the
 * streams that wait at a port, messages without a link, and batches of transfers.
 */
#ifndef KB_HW_FABRIC_WAITQ_H
#define KB_HW_FABRIC_WAITQ_H

#include <stdbool.h>
#include <stdint.h>

#include "base/alloc.h"
#include "base/status.h"

typedef struct kb_waiting {
    int64_t when_fs;
    uint64_t rank;         /* of a stream: input << 32 | sender's node id */
    uint64_t count_number; /* the sender's count << 32 | whose key this is */
} kb_waiting;

/* The least is items[0]. */
typedef struct kb_waitq {
    kb_waiting *items;
    uint32_t count, capacity;
} kb_waitq;

bool kb_waitq_grow_(kb_waitq *queue, kb_alloc *alloc, uint32_t n_items) KB_MUST_CHECK;

/* Room for n_items in all; false when there is no memory. */
KB_MUST_CHECK static inline bool kb_waitq_reserve(kb_waitq *queue, kb_alloc *alloc,
                                                  uint32_t n_items) {
    return n_items <= queue->capacity || kb_waitq_grow_(queue, alloc, n_items);
}

void kb_waitq_deinit(kb_waitq *queue, kb_alloc *alloc);

/* At one instant. */
static inline bool kb_waiting_ranks_before(const kb_waiting *a, const kb_waiting *b) {
    return a->rank != b->rank ? a->rank < b->rank : a->count_number < b->count_number;
}

static inline bool kb_waiting_before(const kb_waiting *a, const kb_waiting *b) {
    if (a->when_fs != b->when_fs) return a->when_fs < b->when_fs;
    return kb_waiting_ranks_before(a, b);
}

/* Whose the first is; there is one. */
static inline uint32_t kb_waitq_first(const kb_waitq *queue) {
    return (uint32_t)queue->items[0].count_number;
}

/* Moves the item at `place` towards the root, to where it belongs. */
void kb_waitq_raise_(kb_waitq *queue, uint32_t place);

/* Puts a key where it belongs on the way from the root, which is void.  (In registers: a key that has
 * just been stored piece by piece is slow to load as a whole.) */
void kb_waitq_sink_(kb_waitq *queue, int64_t when_fs, uint64_t rank, uint64_t count_number);

/* After kb_waitq_reserve. */
static inline void kb_waitq_push(kb_waitq *queue, int64_t when_fs, uint64_t rank, uint32_t count,
                                 uint32_t number) {
    uint32_t place = queue->count++;
    kb_waiting *added = &queue->items[place];
    added->when_fs = when_fs;
    added->rank = rank;
    added->count_number = (uint64_t)count << 32 | number;
    if (place && kb_waiting_before(added, &queue->items[(place - 1) / 2]))
        kb_waitq_raise_(queue, place);
}

/* Gives the first a new time. */
static inline void kb_waitq_move_first(kb_waitq *queue, int64_t when_fs) {
    kb_waiting *first = &queue->items[0];
    if (queue->count == 1) first->when_fs = when_fs;
    else kb_waitq_sink_(queue, when_fs, first->rank, first->count_number);
}

static inline void kb_waitq_drop_first(kb_waitq *queue) {
    const kb_waiting *last = &queue->items[--queue->count];
    if (queue->count) kb_waitq_sink_(queue, last->when_fs, last->rank, last->count_number);
}

#endif
