#include "sim/event_heap.h"

#include <string.h>

enum { LINE_NBYTES = 64, N_SENTINELS = 4 };

/* Items, sentinels, and what it takes to align items[1]. */
static size_t block_nbytes(size_t capacity) {
    return (capacity + N_SENTINELS) * sizeof(kb_event) + 2 * LINE_NBYTES;
}

void kb_event_heap_deinit(kb_event_heap *heap, kb_alloc *alloc) {
    kb_alloc_free(alloc, heap->block, block_nbytes(heap->capacity), 1);
    *heap = (kb_event_heap){0};
}

bool kb_event_heap_resize(kb_event_heap *heap, kb_alloc *alloc, size_t capacity) {
    if (capacity <= heap->capacity) return true;
    unsigned char *block = kb_alloc_zeroed(alloc, block_nbytes(capacity), 1);
    if (!block) return false;
    size_t past_line = (uintptr_t)block % LINE_NBYTES;
    size_t to_line = past_line ? LINE_NBYTES - past_line : 0;
    kb_event *items = (kb_event *)(void *)(block + to_line + LINE_NBYTES - sizeof(kb_event));
    if (heap->count) memcpy(items, heap->items, heap->count * sizeof *items);
    for (size_t i = heap->count; i < capacity + N_SENTINELS; i++) items[i] = KB_EVENT_NONE;
    kb_alloc_free(alloc, heap->block, block_nbytes(heap->capacity), 1);
    heap->block = block;
    heap->items = items;
    heap->capacity = capacity;
    return true;
}
