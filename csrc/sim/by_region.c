#include "base/checked.h"
#include "sim/sim_core.h"

/* However far regions are apart: a run is stopped, and records are let go, between two windows. */
#define WINDOW_MOST_FS INT64_C(1000000000)

/* --- queues ----------------------------------------------------------------------------------------- */

static bool add(kb_windows *w, uint32_t region, kb_event event) {
    if (!kb_eventq_push(&w->queues[region], event)) return false;
    if (kb_event_less(&event, &w->heads[region])) w->heads[region] = event;
    if (event.when_fs < w->least_fs[region / KB_WINDOWS_BLOCK])
        w->least_fs[region / KB_WINDOWS_BLOCK] = event.when_fs;
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

/* The first instant at which the region that has its turn may cause an event of another. */
static int64_t earliest(const kb_sim *sim, uint32_t region) {
    const kb_windows *w = &sim->windows;
    if (region == 0) return w->until_fs;
    return kb_max_i64(kb_later_fs(sim->now_fs, w->lookahead_fs), w->handled_fs[region]);
}

bool kb_sim_push_to_region_(kb_sim *sim, kb_event event) {
    kb_windows *w = &sim->windows;
    uint32_t region = kb_sim_region_of_(sim, kb_event_rank(event), kb_event_place(event));
    if (w->open && (int64_t)event.when_fs < earliest(sim, region)) {
        (void)kb_error_set(kb_sim_fail(sim, KB_INTERNAL), KB_INTERNAL,
                           "simulator: expected an event of another region from %lld fs on, got "
                           "one at %llu fs",
                           (long long)earliest(sim, region), (unsigned long long)event.when_fs);
        return true;
    }
    if (w->at_once && (int64_t)event.when_fs == sim->now_fs) return add_now(sim, event);
    return add(w, region, event);
}

/* --- an instant ------------------------------------------------------------------------------------- */

/* Takes all events of an instant out of their queues.  False when there is no memory. */
static bool gather(kb_sim *sim, uint64_t when_fs) {
    kb_windows *w = &sim->windows;
    for (uint32_t b = 0; b < kb_windows_n_blocks_(w); b++) {
        if (w->least_fs[b] != when_fs) continue;
        for (uint32_t r = b * KB_WINDOWS_BLOCK; r < kb_windows_end_(w, b); r++) {
            for (; w->heads[r].when_fs == when_fs; kb_windows_update_(w, r)) {
                if (!add_now(sim, w->heads[r])) return false;
                (void)kb_eventq_peek(&w->queues[r]);
                kb_eventq_pop(&w->queues[r]);
            }
        }
        kb_windows_update_block_(w, b);
    }
    return true;
}

/* All events of an instant, of all regions, in their order. */
static void run_instant(kb_sim *sim, uint64_t when_fs) {
    kb_windows *w = &sim->windows;
    uint64_t n_before = sim->n_events;
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
    kb_sim_charge(sim, sim->n_events - n_before);
}

/* --- a run ------------------------------------------------------------------------------------------ */

kb_run_end kb_sim_by_region_(kb_sim *sim, int64_t until_fs, uint64_t max_events) {
    kb_run_end end = KB_RUN_STOPPED;
    kb_windows *w = &sim->windows;
    sim->n_left = max_events;
    while (sim->failure.status == KB_OK) {
        uint64_t next_fs = UINT64_MAX, shared_fs = w->heads[0].when_fs;
        for (uint32_t b = 0; b < kb_windows_n_blocks_(w); b++)
            if (w->least_fs[b] < next_fs) next_fs = w->least_fs[b];
        if (kb_sim_ends_before_(sim, next_fs, until_fs, &end)) break;
        if (sim->n_left == 0) return KB_RUN_BUDGET;
        int64_t from_fs = (int64_t)next_fs, to_fs = kb_later_fs(from_fs, w->common_fs);
        to_fs = kb_min_i64(to_fs, kb_later_fs(until_fs, 1));
        if (shared_fs < (uint64_t)to_fs) to_fs = (int64_t)shared_fs;
        if (to_fs > from_fs) kb_sim_run_window_(sim, from_fs, to_fs);
        else run_instant(sim, next_fs);
        w->settle(w->settler, w->failed_at);
    }
    return end;
}

/* --- life ------------------------------------------------------------------------------------------- */

kb_status kb_sim_set_regions(kb_sim *sim, const kb_sim_regions *regions, kb_error *err) {
    kb_windows *w = &sim->windows;
    uint32_t n = w->n_regions = regions->count;
    kb_alloc *alloc = sim->alloc;
    w->region = KB_NO_REGION;
    w->failed_at = KB_EVENT_NONE;
    w->queues = kb_alloc_zeroed(alloc, n, sizeof *w->queues);
    w->heads = kb_alloc_zeroed(alloc, n, sizeof *w->heads);
    w->least_fs = kb_alloc_zeroed(alloc, kb_windows_n_blocks_(w), sizeof *w->least_fs);
    w->handled_fs = kb_alloc_zeroed(alloc, n, sizeof *w->handled_fs);
    w->turns = kb_alloc_zeroed(alloc, n, sizeof *w->turns);
    w->has_turn = kb_alloc_zeroed(alloc, n, sizeof *w->has_turn);
    if (!w->queues || !w->heads || !w->least_fs || !w->handled_fs || !w->turns || !w->has_turn)
        return kb_error_nomem(err, "the regions of the simulator");
    for (uint32_t r = 0; r < n; r++) {
        kb_eventq_init(&w->queues[r], alloc);
        w->heads[r] = KB_EVENT_NONE;
    }
    for (uint32_t b = 0; b < kb_windows_n_blocks_(w); b++) w->least_fs[b] = UINT64_MAX;
    w->lookahead_fs = kb_min_i64(regions->lookahead_fs, WINDOW_MOST_FS);
    w->common_fs = kb_min_i64(regions->common_fs, WINDOW_MOST_FS);
    w->neighbours = regions->neighbours;
    w->from = regions->from;
    w->to = regions->to;
    return KB_OK;
}

void kb_sim_free_regions_(kb_sim *sim) {
    kb_windows *w = &sim->windows;
    for (uint32_t r = 0; w->queues && r < w->n_regions; r++)
        if (w->queues[r].alloc) kb_eventq_deinit(&w->queues[r]);
    kb_alloc_free(sim->alloc, w->queues, w->n_regions, sizeof *w->queues);
    kb_alloc_free(sim->alloc, w->heads, w->n_regions, sizeof *w->heads);
    kb_alloc_free(sim->alloc, w->least_fs, kb_windows_n_blocks_(w), sizeof *w->least_fs);
    kb_alloc_free(sim->alloc, w->handled_fs, w->n_regions, sizeof *w->handled_fs);
    kb_alloc_free(sim->alloc, w->turns, w->n_regions, sizeof *w->turns);
    kb_alloc_free(sim->alloc, w->has_turn, w->n_regions, sizeof *w->has_turn);
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

bool kb_sim_is_by_region(const kb_sim *sim) {
    return sim->windows.on;
}

uint32_t kb_sim_region(const kb_sim *sim) {
    return sim->windows.open ? sim->windows.region : 0;
}

const int64_t *kb_sim_handled_fs(const kb_sim *sim) {
    return sim->windows.open ? sim->windows.handled_fs : NULL;
}

int64_t kb_sim_common_fs(const kb_sim *sim) {
    return sim->windows.open ? sim->windows.until_fs : sim->now_fs;
}
