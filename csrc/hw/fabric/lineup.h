/* Whose turn comes when, where most keys come in order: those that do are a run, the others a heap
 * (hw/fabric/waitq.h).
 *
 *     run    a ring, in order         first <─ the lesser of both
 *     heap   what came out of order
 */
#ifndef KB_HW_FABRIC_LINEUP_H
#define KB_HW_FABRIC_LINEUP_H

#include "hw/fabric/waitq.h"

typedef struct kb_lineup {
    kb_waiting *run;
    uint32_t head, n_run, capacity; /* a power of two */
    kb_waitq heap;
} kb_lineup;

bool kb_lineup_grow_(kb_lineup *lineup, kb_alloc *alloc) KB_MUST_CHECK;
void kb_lineup_deinit(kb_lineup *lineup, kb_alloc *alloc);

static inline uint32_t kb_lineup_count(const kb_lineup *lineup) {
    return lineup->n_run + lineup->heap.count;
}

/* Room for one more; false when there is no memory.  (Any may go over to the heap.) */
KB_MUST_CHECK static inline bool kb_lineup_reserve(kb_lineup *lineup, kb_alloc *alloc) {
    uint32_t count = kb_lineup_count(lineup);
    return (count < lineup->capacity && count < lineup->heap.capacity) ||
           kb_lineup_grow_(lineup, alloc);
}

/* Whether the first is that of the run; there is one. */
static inline bool kb_lineup_in_run_(const kb_lineup *lineup) {
    return lineup->heap.count == 0 ||
           (lineup->n_run && kb_waiting_before(&lineup->run[lineup->head], &lineup->heap.items[0]));
}

/* The first; there is one. */
static inline const kb_waiting *kb_lineup_first(const kb_lineup *lineup) {
    return kb_lineup_in_run_(lineup) ? &lineup->run[lineup->head] : &lineup->heap.items[0];
}

/* After kb_lineup_reserve. */
static inline void kb_lineup_push(kb_lineup *lineup, int64_t when_fs, uint64_t rank,
                                  uint64_t count_number) {
    const kb_waiting added = {when_fs, rank, count_number};
    uint32_t mask = lineup->capacity - 1, end = lineup->head + lineup->n_run;
    if (lineup->n_run && kb_waiting_before(&added, &lineup->run[(end - 1) & mask])) {
        kb_waitq_push(&lineup->heap, when_fs, rank, (uint32_t)(count_number >> 32),
                      (uint32_t)count_number);
        return;
    }
    kb_waiting *item = &lineup->run[end & mask];
    item->when_fs = when_fs;
    item->rank = rank;
    item->count_number = count_number;
    lineup->n_run++;
}

static inline void kb_lineup_drop_first(kb_lineup *lineup) {
    if (!kb_lineup_in_run_(lineup)) {
        kb_waitq_drop_first(&lineup->heap);
        return;
    }
    lineup->head = (lineup->head + 1) & (lineup->capacity - 1);
    lineup->n_run--;
}

/* Gives the first a later time. */
static inline void kb_lineup_move_first(kb_lineup *lineup, int64_t when_fs) {
    if (!kb_lineup_in_run_(lineup)) {
        kb_waitq_move_first(&lineup->heap, when_fs);
        return;
    }
    kb_waiting moved = lineup->run[lineup->head];
    kb_lineup_drop_first(lineup);
    kb_lineup_push(lineup, when_fs, moved.rank, moved.count_number);
}

#endif
