#include "base/checked.h"
#include "sim/sim_core.h"

/* However far regions are apart: a run is stopped, and records are let go, between two windows. */
#define WINDOW_MOST_FS INT64_C(1000000000)

enum { BLOCK = 64 }; /* regions whose earliest event is known together */

static uint32_t n_blocks(const kb_windows *w) {
    return (w->n_regions + BLOCK - 1) / BLOCK;
}

static uint32_t end_of(const kb_windows *w, uint32_t block) {
    return block < w->n_regions / BLOCK ? (block + 1) * BLOCK : w->n_regions;
}

/* --- queues ----------------------------------------------------------------------------------------- */

static void update(kb_windows *w, uint32_t region) {
    w->heads[region] = kb_eventq_peek(&w->queues[region]);
}

static void update_block(kb_windows *w, uint32_t block) {
    uint64_t least_fs = UINT64_MAX;
    for (uint32_t r = block * BLOCK; r < end_of(w, block); r++)
        if (w->heads[r].when_fs < least_fs) least_fs = w->heads[r].when_fs;
    w->least_fs[block] = least_fs;
}

static bool add(kb_windows *w, uint32_t region, kb_event event) {
    if (!kb_eventq_push(&w->queues[region], event)) return false;
    if (kb_event_less(&event, &w->heads[region])) w->heads[region] = event;
    if (event.when_fs < w->least_fs[region / BLOCK]) w->least_fs[region / BLOCK] = event.when_fs;
    return true;
}

static bool add_now(kb_sim *sim, kb_event event) {
    kb_event_heap *heap = &sim->windows.instant;
    if (heap->count == heap->capacity &&
        !kb_event_heap_resize(heap, sim->alloc, heap->capacity ? 2 * heap->capacity : 60))
        return false;
    kb_event_heap_push(heap, event);
    return true;
}

static uint32_t region_of(const kb_sim *sim, kb_event event) {
    uint32_t rank = kb_event_rank(event), place = kb_event_place(event);
    if (rank == KB_RANK_SERVICE) return sim->windows.from[place];
    return rank == KB_RANK_ARRIVAL ? sim->windows.to[place] : sim->slots.items[place].region;
}

bool kb_sim_push_by_region_(kb_sim *sim, kb_event event) {
    kb_windows *w = &sim->windows;
    uint32_t region = region_of(sim, event);
    if (w->open && region == w->region) return kb_eventq_push(&w->queues[region], event);
    if (w->open && (int64_t)event.when_fs < w->until_fs) {
        (void)kb_error_set(kb_sim_fail(sim, KB_INTERNAL), KB_INTERNAL,
                           "simulator: expected an event of another region from %lld fs on, got "
                           "one at %llu fs",
                           (long long)w->until_fs, (unsigned long long)event.when_fs);
        return true;
    }
    if (w->at_once && (int64_t)event.when_fs == sim->now_fs) return add_now(sim, event);
    return add(w, region, event);
}

/* --- a window --------------------------------------------------------------------------------------- */

/* The first failure in order of events is the one that would have been, had all gone in that order. */
static void note_failure(kb_sim *sim) {
    kb_windows *w = &sim->windows;
    w->failed_at = sim->last;
    w->failure = sim->failure;
    sim->failure.status = KB_OK;
}

static void run_region(kb_sim *sim, uint32_t number) {
    kb_windows *w = &sim->windows;
    kb_eventq *queue = &w->queues[number];
    w->region = number;
    sim->now_fs = w->from_fs;
    sim->last = KB_EVENT_NONE;
    for (;;) {
        kb_event next = kb_eventq_peek(queue);
        if ((int64_t)next.when_fs >= w->until_fs || !kb_event_less(&next, &w->failed_at)) break;
        kb_eventq_pop(queue);
        if (kb_sim_is_again_(sim, next)) continue;
        if ((int64_t)next.when_fs != sim->now_fs || sim->last.when_fs > KB_TIME_MAX)
            kb_sim_move_to_(sim, (int64_t)next.when_fs);
        kb_sim_handle_(sim, next);
        if (sim->failure.status != KB_OK) note_failure(sim);
    }
    update(w, number);
}

/* From `region` on, the first one that has events before until_fs. */
static uint32_t next_of(const kb_windows *w, uint32_t region, uint32_t end) {
    while (region < end && w->heads[region].when_fs >= (uint64_t)w->until_fs) region++;
    return region;
}

/* While one region has its turn, the next one's queue is brought into the cache. */
static int64_t run_block(kb_sim *sim, uint32_t block) {
    kb_windows *w = &sim->windows;
    int64_t last_fs = w->from_fs;
    uint32_t end = end_of(w, block), next = next_of(w, block * BLOCK, end);
    while (next < end) {
        uint32_t region = next;
        next = next_of(w, region + 1, end);
        if (next < end) __builtin_prefetch(&w->queues[next]);
        run_region(sim, region);
        last_fs = kb_max_i64(last_fs, sim->now_fs);
    }
    update_block(w, block);
    return last_fs;
}

static void run_window(kb_sim *sim, int64_t from_fs, int64_t until_fs) {
    kb_windows *w = &sim->windows;
    int64_t last_fs = from_fs;
    w->open = true;
    w->from_fs = from_fs;
    w->until_fs = until_fs;
    w->failed_at = KB_EVENT_NONE;
    for (uint32_t b = 0; b < n_blocks(w); b++)
        if (w->least_fs[b] < (uint64_t)until_fs) last_fs = kb_max_i64(last_fs, run_block(sim, b));
    w->open = false;
    kb_sim_move_to_(sim, last_fs);
    if (w->failed_at.when_fs <= KB_TIME_MAX) sim->failure = w->failure;
}

/* --- an instant ------------------------------------------------------------------------------------- */

/* Takes all events of an instant out of their queues.  False when there is no memory. */
static bool gather(kb_sim *sim, uint64_t when_fs) {
    kb_windows *w = &sim->windows;
    for (uint32_t b = 0; b < n_blocks(w); b++) {
        if (w->least_fs[b] != when_fs) continue;
        for (uint32_t r = b * BLOCK; r < end_of(w, b); r++) {
            for (; w->heads[r].when_fs == when_fs; update(w, r)) {
                if (!add_now(sim, w->heads[r])) return false;
                (void)kb_eventq_peek(&w->queues[r]);
                kb_eventq_pop(&w->queues[r]);
            }
        }
        update_block(w, b);
    }
    return true;
}

/* All events of an instant, of all regions, in their order. */
static void run_instant(kb_sim *sim, uint64_t when_fs) {
    kb_windows *w = &sim->windows;
    sim->last = KB_EVENT_NONE;
    if ((int64_t)when_fs != sim->now_fs) kb_sim_move_to_(sim, (int64_t)when_fs);
    if (!gather(sim, when_fs)) (void)kb_error_nomem(kb_sim_fail(sim, KB_NOMEM), "an event");
    w->at_once = true;
    while (sim->failure.status == KB_OK) {
        kb_event_heap_fill(&w->instant);
        if (w->instant.count == 0) break;
        kb_event next = w->instant.items[0];
        kb_event_heap_pop(&w->instant);
        if (!kb_sim_is_again_(sim, next)) kb_sim_handle_(sim, next);
    }
    w->at_once = false;
}

/* --- a run ------------------------------------------------------------------------------------------ */

kb_run_end kb_sim_by_region_(kb_sim *sim, int64_t until_fs, uint64_t max_events) {
    kb_run_end end = KB_RUN_STOPPED;
    kb_windows *w = &sim->windows;
    sim->n_left = max_events;
    while (sim->failure.status == KB_OK) {
        uint64_t next_fs = UINT64_MAX, shared_fs = w->heads[0].when_fs;
        for (uint32_t b = 0; b < n_blocks(w); b++)
            if (w->least_fs[b] < next_fs) next_fs = w->least_fs[b];
        if (kb_sim_ends_before_(sim, next_fs, until_fs, &end)) break;
        if (sim->n_left == 0) return KB_RUN_BUDGET;
        int64_t from_fs = (int64_t)next_fs, to_fs = kb_later_fs(from_fs, w->lookahead_fs);
        to_fs = kb_min_i64(to_fs, kb_later_fs(until_fs, 1));
        if (shared_fs < (uint64_t)to_fs) to_fs = (int64_t)shared_fs;
        if (to_fs > from_fs) run_window(sim, from_fs, to_fs);
        else run_instant(sim, next_fs);
        w->settle(w->settler, w->failed_at);
    }
    return end;
}

/* --- life ------------------------------------------------------------------------------------------- */

kb_status kb_sim_set_regions(kb_sim *sim, uint32_t n_regions, int64_t lookahead_fs,
                             const uint32_t *from, const uint32_t *to, kb_error *err) {
    kb_windows *w = &sim->windows;
    w->n_regions = n_regions;
    w->failed_at = KB_EVENT_NONE;
    w->queues = kb_alloc_zeroed(sim->alloc, n_regions, sizeof *w->queues);
    w->heads = kb_alloc_zeroed(sim->alloc, n_regions, sizeof *w->heads);
    w->least_fs = kb_alloc_zeroed(sim->alloc, n_blocks(w), sizeof *w->least_fs);
    if (!w->queues || !w->heads || !w->least_fs)
        return kb_error_nomem(err, "the regions of the simulator");
    for (uint32_t r = 0; r < n_regions; r++) {
        kb_eventq_init(&w->queues[r], sim->alloc);
        w->heads[r] = KB_EVENT_NONE;
    }
    for (uint32_t b = 0; b < n_blocks(w); b++) w->least_fs[b] = UINT64_MAX;
    w->lookahead_fs = kb_min_i64(lookahead_fs, WINDOW_MOST_FS);
    w->from = from;
    w->to = to;
    return KB_OK;
}

void kb_sim_free_regions_(kb_sim *sim) {
    kb_windows *w = &sim->windows;
    for (uint32_t r = 0; w->queues && r < w->n_regions; r++)
        if (w->queues[r].alloc) kb_eventq_deinit(&w->queues[r]);
    kb_alloc_free(sim->alloc, w->queues, w->n_regions, sizeof *w->queues);
    kb_alloc_free(sim->alloc, w->heads, w->n_regions, sizeof *w->heads);
    kb_alloc_free(sim->alloc, w->least_fs, n_blocks(w), sizeof *w->least_fs);
    kb_event_heap_deinit(&w->instant, sim->alloc);
}

void kb_sim_add_slots_to(kb_sim *sim, uint32_t region) {
    sim->new_region = region;
}

void kb_sim_run_by_region(kb_sim *sim, kb_settle_fn settle, void *self) {
    sim->windows.settle = settle;
    sim->windows.settler = self;
    sim->windows.on = true;
}

kb_status kb_sim_run_in_order(kb_sim *sim, kb_error *err) {
    kb_windows *w = &sim->windows;
    for (uint32_t r = 0; w->on && r < w->n_regions; r++) {
        for (kb_event next; (next = kb_eventq_peek(&w->queues[r])).when_fs <= KB_TIME_MAX;) {
            if (!kb_eventq_push(&sim->queue, next)) return kb_error_nomem(err, "an event");
            kb_eventq_pop(&w->queues[r]);
        }
    }
    w->on = false;
    return KB_OK;
}

uint32_t kb_sim_region(const kb_sim *sim) {
    return sim->windows.open ? sim->windows.region : 0;
}

int64_t kb_sim_handled_fs(const kb_sim *sim, uint32_t region) {
    return sim->windows.open && region != sim->windows.region ? sim->windows.from_fs : sim->now_fs;
}

int64_t kb_sim_common_fs(const kb_sim *sim) {
    return sim->windows.open ? sim->windows.until_fs : sim->now_fs;
}
