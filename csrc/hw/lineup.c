#include "hw/lineup.h"

/* What was before the head follows the end of the old ring. */
bool kb_lineup_grow_(kb_lineup *lineup, kb_alloc *alloc) {
    uint32_t count = kb_lineup_count(lineup), old = lineup->capacity;
    if (!kb_waitq_reserve(&lineup->heap, alloc, count + 1)) return false;
    if (count < old) return true;
    if (old > UINT32_MAX / 4) return false;
    uint32_t capacity = old ? 2 * old : 4;
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
