#include "hw/fabric/credit.h"

/* What was before the head follows the end of the old ring. */
bool kb_credits_grow_(kb_credits *credits, kb_alloc *alloc) {
    uint32_t old = credits->capacity;
    if (old > UINT32_MAX / 2) return false;
    uint32_t capacity = old ? 2 * old : 4;
    int64_t *grown = kb_alloc_resize(alloc, credits->coming, old, capacity, sizeof *grown);
    if (!grown) return false;
    for (uint32_t i = 0; i < credits->head; i++) grown[old + i] = grown[i];
    credits->coming = grown;
    credits->capacity = capacity;
    return true;
}

void kb_credits_deinit(kb_credits *credits, kb_alloc *alloc) {
    kb_alloc_free(alloc, credits->coming, credits->capacity, sizeof *credits->coming);
}
