#include "sim/eventq.h"

#include <string.h>

enum { LINE_NBYTES = 64, FIRST_CAPACITY = 60, N_SENTINELS = 4 };

/* Items, sentinels, and what it takes to align items[1]. */
static size_t block_nbytes(size_t capacity) {
    return (capacity + N_SENTINELS) * sizeof(kb_event) + 2 * LINE_NBYTES;
}

void kb_eventq_init(kb_eventq *queue, kb_alloc *alloc) {
    *queue = (kb_eventq){.alloc = alloc};
}

void kb_eventq_deinit(kb_eventq *queue) {
    kb_alloc_free(queue->alloc, queue->block, block_nbytes(queue->capacity), 1);
    kb_eventq_init(queue, queue->alloc);
}

bool kb_eventq_reserve(kb_eventq *queue, size_t n_events) {
    if (n_events <= queue->capacity) return true;
    if (n_events > SIZE_MAX / 4 / sizeof(kb_event)) return false;
    size_t capacity = queue->capacity ? 2 * queue->capacity : FIRST_CAPACITY;
    if (capacity < n_events) capacity = n_events;
    unsigned char *block = kb_alloc_zeroed(queue->alloc, block_nbytes(capacity), 1);
    if (!block) return false;

    size_t past_line = (uintptr_t)block % LINE_NBYTES;
    size_t to_line = past_line ? LINE_NBYTES - past_line : 0;
    kb_event *items = (kb_event *)(void *)(block + to_line + LINE_NBYTES - sizeof(kb_event));
    if (queue->count) memcpy(items, queue->items, queue->count * sizeof *items);
    for (size_t i = queue->count; i < capacity + N_SENTINELS; i++) items[i] = KB_EVENT_NONE;
    kb_alloc_free(queue->alloc, queue->block, block_nbytes(queue->capacity), 1);
    queue->block = block;
    queue->items = items;
    queue->capacity = capacity;
    return true;
}
