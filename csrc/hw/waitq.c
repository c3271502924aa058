#include "hw/waitq.h"

bool kb_waitq_reserve(kb_waitq *queue, kb_alloc *alloc, uint32_t n_items) {
    if (n_items <= queue->capacity) return true;
    if (n_items > UINT32_MAX / 2) return false;
    uint32_t capacity = queue->capacity ? 2 * queue->capacity : 4;
    if (capacity < n_items) capacity = n_items;
    kb_waiting *grown =
        kb_alloc_resize(alloc, queue->items, queue->capacity, capacity, sizeof *grown);
    if (!grown) return false;
    queue->items = grown;
    queue->capacity = capacity;
    return true;
}

void kb_waitq_deinit(kb_waitq *queue, kb_alloc *alloc) {
    kb_alloc_free(alloc, queue->items, queue->capacity, sizeof *queue->items);
    *queue = (kb_waitq){0};
}

static inline bool before(const kb_waiting *a, const kb_waiting *b) {
    if (a->when_fs != b->when_fs) return a->when_fs < b->when_fs;
    if (a->rank != b->rank) return a->rank < b->rank;
    return a->count < b->count;
}

void kb_waitq_push(kb_waitq *queue, kb_waiting waiting) {
    kb_waiting *items = queue->items;
    uint32_t hole = queue->count++;
    while (hole) {
        uint32_t parent = (hole - 1) / 2;
        if (!before(&waiting, &items[parent])) break;
        items[hole] = items[parent];
        hole = parent;
    }
    items[hole] = waiting;
}

static void sink(kb_waitq *queue, kb_waiting waiting) {
    kb_waiting *items = queue->items;
    uint32_t hole = 0;
    for (;;) {
        uint32_t child = 2 * hole + 1;
        if (child >= queue->count) break;
        if (child + 1 < queue->count && before(&items[child + 1], &items[child])) child++;
        if (!before(&items[child], &waiting)) break;
        items[hole] = items[child];
        hole = child;
    }
    items[hole] = waiting;
}

void kb_waitq_move_first(kb_waitq *queue, int64_t when_fs) {
    kb_waiting first = queue->items[0];
    first.when_fs = when_fs;
    sink(queue, first);
}

void kb_waitq_drop_first(kb_waitq *queue) {
    kb_waiting last = queue->items[--queue->count];
    if (queue->count) sink(queue, last);
}
