#include "hw/dram_stack.h"

static size_t n_banks(const kb_dram_stack *stack) {
    return (size_t)stack->n_pcs * stack->core.rules.n_banks;
}

kb_status kb_dram_stack_init(kb_dram_stack *stack, kb_alloc *alloc, const kb_dram *dram,
                             const kb_params_hbm *params, kb_dram_served_fn served, void *self,
                             kb_error *err) {
    *stack = (kb_dram_stack){
        .alloc = alloc,
        .dram = dram,
        .core = {.rules = kb_dram_rules_of(dram, params), .served = served, .self = self},
        .n_pcs = (uint32_t)dram->n_pcs,
        .slice_pcs = (uint32_t)(dram->n_pcs / dram->n_slices),
        .known_span = UINT64_MAX};
    kb_pool_init(&stack->core.runs.state);
    stack->pcs = kb_alloc_zeroed(alloc, stack->n_pcs, sizeof *stack->pcs);
    stack->banks = kb_alloc_zeroed(alloc, n_banks(stack), sizeof *stack->banks);
    stack->waiting = kb_alloc_zeroed(alloc, stack->n_pcs, sizeof *stack->waiting);
    stack->is_waiting = kb_alloc_zeroed(alloc, stack->n_pcs, sizeof *stack->is_waiting);
    if (!stack->pcs || !stack->banks || !stack->waiting || !stack->is_waiting) {
        kb_dram_stack_deinit(stack);
        return kb_error_nomem(err, "an HBM's pseudo-channels");
    }
    const kb_dram_rules *rules = &stack->core.rules;
    for (uint32_t i = 0; i < stack->n_pcs; i++)
        kb_dram_pc_init(&stack->pcs[i], rules, stack->banks + (size_t)i * rules->n_banks);
    return KB_OK;
}

void kb_dram_stack_deinit(kb_dram_stack *stack) {
    if (!stack->alloc) return;
    KB_POOL_FREE(&stack->core.runs, stack->alloc);
    kb_alloc_free(stack->alloc, stack->pcs, stack->n_pcs, sizeof *stack->pcs);
    kb_alloc_free(stack->alloc, stack->banks, n_banks(stack), sizeof *stack->banks);
    kb_alloc_free(stack->alloc, stack->waiting, stack->n_pcs, sizeof *stack->waiting);
    kb_alloc_free(stack->alloc, stack->is_waiting, stack->n_pcs, sizeof *stack->is_waiting);
    *stack = (kb_dram_stack){0};
}

bool kb_dram_stack_add(kb_dram_stack *stack, uint32_t slice, uint64_t offset, uint64_t nbytes,
                       bool write, int64_t when_fs, uint32_t job, uint64_t packed) {
    const kb_dram_map *map = &stack->dram->map;
    const kb_dram_geometry *g = &stack->dram->standard->geometry;
    while (nbytes > 0) {
        uint64_t left = map->span_nbytes - (offset & (map->span_nbytes - 1));
        uint64_t taken = nbytes < left ? nbytes : left;
        uint64_t span = offset & ~(map->span_nbytes - 1);
        if (span != stack->known_span) {
            stack->known = kb_dram_map_decode(map, offset);
            stack->known_span = span;
        }
        const kb_dram_place place = stack->known;
        uint32_t number;
        if (!KB_POOL_TAKE(&stack->core.runs, stack->alloc, &number)) return false;
        kb_dram_run *run = &stack->core.runs.items[number];
        uint64_t skip = offset & (map->burst_nbytes - 1);
        run->row = (uint32_t)place.at[KB_DRAM_ROW];
        run->job = job;
        run->packed = packed;
        run->nbytes = (uint32_t)taken;
        run->count = (uint32_t)((skip + taken + map->burst_nbytes - 1) / map->burst_nbytes);
        run->skip = (uint32_t)skip;
        run->bank = (uint8_t)((place.at[KB_DRAM_SID] * (uint64_t)g->bank_groups +
                               place.at[KB_DRAM_BANK_GROUP]) *
                                  (uint64_t)g->banks +
                              place.at[KB_DRAM_BANK]);
        run->write = write;
        run->when_fs = when_fs;
        uint32_t pc = slice * stack->slice_pcs + (uint32_t)place.at[KB_DRAM_PC];
        kb_dram_pc_add(&stack->pcs[pc], &stack->core, number);
        if (!stack->is_waiting[pc]) stack->waiting[stack->n_waiting++] = pc;
        stack->is_waiting[pc] = true;
        offset += taken;
        packed += taken;
        nbytes -= taken;
    }
    return true;
}

/* Begins to bring a PC into the cache, but for its banks. */
static inline void fetch(const kb_dram_stack *stack, uint32_t pc) {
    const kb_dram_rules *rules = &stack->core.rules;
    const char *first = (const char *)&stack->pcs[pc];
    const char *end = (const char *)&stack->pcs[pc].groups[rules->group[rules->n_banks - 1] + 1];
    for (; first < end; first += 64) __builtin_prefetch(first);
}

void kb_dram_stack_advance(kb_dram_stack *stack, int64_t until_fs) {
    uint32_t left = 0;
    for (uint32_t i = 0; i < stack->n_waiting; i++) {
        uint32_t pc = stack->waiting[i];
        if (i + 1 < stack->n_waiting) fetch(stack, stack->waiting[i + 1]);
        kb_dram_pc_advance(&stack->pcs[pc], &stack->core, until_fs);
        if (kb_dram_pc_is_idle(&stack->pcs[pc])) stack->is_waiting[pc] = false;
        else stack->waiting[left++] = pc;
    }
    stack->n_waiting = left;
}
