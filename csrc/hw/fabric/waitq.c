#include "hw/fabric/waitq.h"

bool kb_waitq_grow_(kb_waitq *queue, kb_alloc *alloc, uint32_t n_items) {
    if (n_items > UINT32_MAX / 2) return false;
    uint32_t capacity = queue->capacity ? kb_grown_capacity(queue->capacity) : 4;
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

void kb_waitq_raise_(kb_waitq *queue, uint32_t place) {
    kb_waiting *items = queue->items, moved = items[place];
    while (place && kb_waiting_before(&moved, &items[(place - 1) / 2])) {
        items[place] = items[(place - 1) / 2];
        place = (place - 1) / 2;
    }
    items[place] = moved;
}

void kb_waitq_sink_(kb_waitq *queue, int64_t when_fs, uint64_t rank, uint64_t count_number) {
    kb_waiting *items = queue->items, moved = {when_fs, rank, count_number};
    uint32_t place = 0;
    for (uint32_t child = 1; child < queue->count; child = 2 * place + 1) {
        if (child + 1 < queue->count && kb_waiting_before(&items[child + 1], &items[child]))
            child++;
        if (!kb_waiting_before(&items[child], &moved)) break;
        items[place] = items[child];
        place = child;
    }
    items[place].when_fs = when_fs;
    items[place].rank = rank;
    items[place].count_number = count_number;
}
