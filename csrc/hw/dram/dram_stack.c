#include "hw/dram/dram_stack.h"

#include <string.h>

#include "base/checked.h"
#include "sim/sim.h"

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
        .slice_pcs = (uint32_t)(dram->n_pcs / dram->n_slices)};
    stack->pcs = kb_alloc_zeroed(alloc, stack->n_pcs, sizeof *stack->pcs);
    stack->hits = kb_alloc_zeroed(alloc, n_banks(stack), sizeof *stack->hits);
    stack->inboxes = kb_alloc_zeroed(alloc, stack->n_pcs, sizeof *stack->inboxes);
    stack->waiting = kb_alloc_zeroed(alloc, stack->n_pcs, sizeof *stack->waiting);
    stack->due_fs = kb_alloc_zeroed(alloc, stack->n_pcs, sizeof *stack->due_fs);
    const kb_dram_rules *rules = &stack->core.rules;
    bool whole = stack->pcs && stack->hits && stack->inboxes && stack->waiting && stack->due_fs;
    for (uint32_t i = 0; whole && i < stack->n_pcs; i++) {
        stack->pcs[i] = kb_alloc_resize(alloc, NULL, 0, 1, kb_dram_pc_nbytes(rules));
        whole = stack->pcs[i] != NULL;
    }
    if (!whole) {
        kb_dram_stack_deinit(stack);
        return kb_error_nomem(err, "an HBM's pseudo-channels");
    }
    for (uint32_t i = 0; i < stack->n_pcs; i++) {
        size_t first = (size_t)i * rules->n_banks;
        kb_dram_pc_init(stack->pcs[i], rules, i, stack->hits + first);
        stack->inboxes[i][0].first = stack->inboxes[i][1].first = KB_NONE;
        stack->due_fs[i] = KB_TIME_MAX;
    }
    return KB_OK;
}

void kb_dram_stack_deinit(kb_dram_stack *stack) {
    if (!stack->alloc) return;
    kb_dram_runs_deinit(&stack->core.runs, stack->alloc);
    for (uint32_t i = 0; stack->pcs && i < stack->n_pcs; i++)
        kb_alloc_free(stack->alloc, stack->pcs[i], 1, kb_dram_pc_nbytes(&stack->core.rules));
    kb_alloc_free(stack->alloc, stack->pcs, stack->n_pcs, sizeof *stack->pcs);
    kb_alloc_free(stack->alloc, stack->hits, n_banks(stack), sizeof *stack->hits);
    kb_alloc_free(stack->alloc, stack->inboxes, stack->n_pcs, sizeof *stack->inboxes);
    kb_alloc_free(stack->alloc, stack->waiting, stack->n_pcs, sizeof *stack->waiting);
    kb_alloc_free(stack->alloc, stack->due_fs, stack->n_pcs, sizeof *stack->due_fs);
    *stack = (kb_dram_stack){0};
}

/* Whole flits lie in a span, and begin with a burst. */
static bool has_whole_flits(const kb_dram_map *map, const kb_dram_bytes *bytes) {
    uint64_t flit = bytes->flit_nbytes;
    return flit % map->burst_nbytes == 0 && map->span_nbytes % flit == 0 &&
           bytes->offset % flit == 0 && flit >> map->burst_shift <= UINT16_MAX;
}

static bool add_flit_by_flit(kb_dram_stack *stack, kb_dram_bytes bytes) {
    uint64_t left = bytes.nbytes;
    for (; left > 0; left -= bytes.nbytes) {
        bytes.nbytes = left < bytes.flit_nbytes ? left : bytes.flit_nbytes;
        if (!kb_dram_stack_add(stack, &bytes)) return false;
        bytes.offset += bytes.nbytes;
        bytes.packed += bytes.nbytes;
        bytes.when_fs += bytes.period_fs;
    }
    return true;
}

static inline void post(kb_dram_stack *stack, uint32_t pc, uint32_t number, bool write,
                        int64_t when_fs) {
    int64_t *due_fs = &stack->due_fs[pc];
    kb_dram_inbox_add(&stack->inboxes[pc][write], stack->core.runs.items, number);
    if (*due_fs == KB_TIME_MAX) stack->waiting[stack->n_waiting++] = pc;
    if (when_fs < *due_fs) *due_fs = when_fs;
}

/* The first nbytes, of one span, as a run of which nothing has happened yet; where it lies is not said. */
static inline kb_dram_run run_of(const kb_dram_map *map, const kb_dram_bytes *bytes,
                                 uint64_t nbytes) {
    uint64_t skip = bytes->offset & (map->burst_nbytes - 1), end = skip + nbytes;
    kb_dram_run run = {.next = KB_NONE,
                       .packed = bytes->packed,
                       .when_fs = bytes->when_fs,
                       .job = bytes->job,
                       .write = bytes->write};
    run.count = (uint16_t)((end + map->burst_nbytes - 1) >> map->burst_shift);
    run.skip = (uint8_t)skip;
    run.spare = (uint8_t)(-end & (map->burst_nbytes - 1));
    run.flit = run.count;
    if (nbytes > bytes->flit_nbytes) {
        run.flit = (uint16_t)(bytes->flit_nbytes >> map->burst_shift);
        run.period_fs = bytes->period_fs;
    }
    return run;
}

/* n runs alike, from the first bytes on: each is nbytes of one span, `stride` behind the one before and later_fs later. */
static inline bool add_runs(kb_dram_stack *stack, const kb_dram_bytes *bytes, uint64_t nbytes,
                            uint64_t stride, uint64_t n, int64_t later_fs) {
    enum { ALWAYS = offsetof(kb_dram_run, period_fs) };
    const kb_dram_map *map = &stack->dram->map;
    kb_dram_run run = run_of(map, bytes, nbytes);
    uint64_t span = bytes->offset & ~(map->span_nbytes - 1);
    uint32_t number, first_pc = bytes->slice * stack->slice_pcs;
    for (; n > 0; n--, span += stride, run.packed += nbytes, run.when_fs += later_fs) {
        kb_dram_spot spot = kb_dram_map_find(map, span);
        if (!kb_dram_runs_take(&stack->core.runs, stack->alloc, &number)) return false;
        run.row = spot.row;
        run.bank = (uint8_t)spot.bank;
        kb_dram_run *added = &stack->core.runs.items[number];
        memcpy(added, &run, ALWAYS);
        if (run.flit != run.count) added->period_fs = run.period_fs;
        post(stack, first_pc + spot.pc, number, run.write, run.when_fs);
    }
    return true;
}

bool kb_dram_stack_add(kb_dram_stack *stack, const kb_dram_bytes *bytes) {
    const kb_dram_map *map = &stack->dram->map;
    kb_dram_bytes left = *bytes;
    bool by_flit = bytes->nbytes > bytes->flit_nbytes;
    if (by_flit && !has_whole_flits(map, bytes)) return add_flit_by_flit(stack, left);
    while (left.nbytes > 0) {
        uint64_t in_span = left.offset & (map->span_nbytes - 1), nbytes = left.nbytes, n = 1;
        if (nbytes > map->span_nbytes - in_span) nbytes = map->span_nbytes - in_span;
        if (nbytes == map->span_nbytes) n = left.nbytes / map->span_nbytes;
        uint64_t n_flits = by_flit ? (nbytes + left.flit_nbytes - 1) / left.flit_nbytes : 0;
        int64_t later_fs = (int64_t)n_flits * left.period_fs;
        if (!add_runs(stack, &left, nbytes, map->span_nbytes, n, later_fs)) return false;
        left.offset += n * nbytes;
        left.packed += n * nbytes;
        left.nbytes -= n * nbytes;
        left.when_fs += (int64_t)n * later_fs;
    }
    return true;
}

bool kb_dram_stack_add_rows(kb_dram_stack *stack, const kb_dram_bytes *row, uint64_t stride,
                            uint64_t n) {
    uint64_t span_nbytes = stack->dram->map.span_nbytes, in_span = row->offset & (span_nbytes - 1);
    if (in_span + row->nbytes <= span_nbytes && (stride & (span_nbytes - 1)) == 0)
        return add_runs(stack, row, row->nbytes, stride, n, 0);
    kb_dram_bytes each = *row;
    for (; n > 0; n--, each.offset += stride, each.packed += each.nbytes)
        if (!kb_dram_stack_add(stack, &each)) return false;
    return true;
}

/* Begins to bring into the cache what every step of a PC looks at, */
static inline void fetch(const kb_dram_pc *pc, const kb_dram_hit *hits) {
    const char *first = (const char *)pc, *end = (const char *)&pc->statistics;
    __builtin_prefetch(hits);
    __builtin_prefetch(hits + 2);
    for (; first < end; first += 64) __builtin_prefetch(first);
}

/* and, once that is there, what it leads to. */
static inline void fetch_runs(const kb_dram_pc *pc, const kb_dram_inbox inboxes[2],
                              const kb_dram_run *items) {
    for (uint32_t i = 0; i < pc->n_hits; i++) {
        __builtin_prefetch(&items[pc->hits[i].run]);
        __builtin_prefetch(&pc->banks[items[pc->hits[i].run].bank]);
    }
    for (int d = 0; d < 2; d++) {
        if (pc->sides[d].oldest != KB_NONE) __builtin_prefetch(&items[pc->sides[d].oldest]);
        if (pc->sides[d].backlog != KB_NONE) __builtin_prefetch(&items[pc->sides[d].backlog]);
        else if (inboxes[d].first != KB_NONE) __builtin_prefetch(&items[inboxes[d].first]);
    }
}

int64_t kb_dram_stack_advance(kb_dram_stack *stack, int64_t until_fs) {
    uint32_t left = 0;
    int64_t least_fs = KB_TIME_MAX;
    for (uint32_t i = 0; i < stack->n_waiting; i++) {
        uint32_t pc = stack->waiting[i];
        int64_t *due_fs = &stack->due_fs[pc];
        if (i + 2 < stack->n_waiting) {
            size_t next = stack->waiting[i + 2];
            fetch(stack->pcs[next], &stack->hits[next * stack->core.rules.n_banks]);
        }
        if (i + 1 < stack->n_waiting)
            fetch_runs(stack->pcs[stack->waiting[i + 1]], stack->inboxes[stack->waiting[i + 1]],
                       stack->core.runs.items);
        if (*due_fs <= until_fs)
            *due_fs =
                kb_dram_pc_advance(stack->pcs[pc], &stack->core, stack->inboxes[pc], until_fs);
        if (*due_fs == KB_TIME_MAX) continue;
        stack->waiting[left++] = pc;
        least_fs = kb_min_i64(least_fs, *due_fs);
    }
    stack->n_waiting = left;
    return least_fs;
}
