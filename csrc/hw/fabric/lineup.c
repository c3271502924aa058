#include "hw/fabric/lineup.h"

/* What nobody uses yet is not moved. */
static bool grow_heap(kb_waitq *heap, kb_alloc *alloc, uint32_t capacity) {
    if (heap->count) return kb_waitq_reserve(heap, alloc, capacity);
    kb_waitq larger = {0};
    if (!kb_waitq_reserve(&larger, alloc, capacity)) return false;
    kb_waitq_deinit(heap, alloc);
    *heap = larger;
    return true;
}

/* What was before the head follows the end of the old ring. */
bool kb_lineup_grow_(kb_lineup *lineup, kb_alloc *alloc) {
    uint32_t old = lineup->capacity;
    if (old > UINT32_MAX / 32) return false;
    uint32_t capacity = old ? kb_grown_capacity(old) : 4;
    if (!grow_heap(&lineup->heap, alloc, capacity)) return false;
    kb_waiting *grown = kb_alloc_resize(alloc, lineup->run, old, capacity, sizeof *grown);
    if (!grown) return false;
    for (uint32_t i = 0; i < lineup->head; i++) grown[old + i] = grown[i];
    lineup->run = grown;
    lineup->capacity = capacity;
    return true;
}

void kb_lineup_deinit(kb_lineup *lineup, kb_alloc *alloc) {
    kb_alloc_free(alloc, lineup->run, lineup->capacity, sizeof *lineup->run);
    kb_waitq_deinit(&lineup->heap, alloc);
    *lineup = (kb_lineup){0};
}
