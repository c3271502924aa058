#include "hw/dram/dram_run.h"

bool kb_dram_runs_grow_(kb_dram_runs *runs, kb_alloc *alloc) {
    uint32_t old = runs->capacity, capacity = kb_pool_capacity_(old, sizeof *runs->items);
    if (old > UINT32_MAX / 4) return false;
    uint32_t *numbers = kb_alloc_zeroed(alloc, capacity, sizeof *numbers);
    if (!numbers) return false;
    kb_dram_run *grown = kb_alloc_resize(alloc, runs->items, old, capacity, sizeof *runs->items);
    if (!grown) {
        kb_alloc_free(alloc, numbers, capacity, sizeof *numbers);
        return false;
    }
    kb_alloc_free(alloc, runs->free, old, sizeof *runs->free);
    for (uint32_t number = capacity; number-- > old;) numbers[runs->n_free++] = number;
    runs->items = grown;
    runs->free = numbers;
    runs->capacity = capacity;
    return true;
}

void kb_dram_runs_deinit(kb_dram_runs *runs, kb_alloc *alloc) {
    kb_alloc_free(alloc, runs->items, runs->capacity, sizeof *runs->items);
    kb_alloc_free(alloc, runs->free, runs->capacity, sizeof *runs->free);
    *runs = (kb_dram_runs){0};
}
