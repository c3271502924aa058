#include "base/checked.h"
#include "sim/sim_core.h"

/* The first failure in order of events is the one that would have been, had all gone in that order. */
static kb_event note_failure(kb_sim *sim) {
    kb_windows *w = &sim->windows;
    w->failed_at = sim->last;
    w->failure = sim->failure;
    sim->failure.status = KB_OK;
    return w->failed_at;
}

/* All events of a region before until_fs. */
static void run_region(kb_sim *sim, uint32_t number, int64_t until_fs) {
    kb_windows *w = &sim->windows;
    kb_eventq *queue = &w->queues[number];
    kb_event end = {(uint64_t)until_fs, 0};
    uint64_t n_before = sim->n_events;
    if (kb_event_less(&w->failed_at, &end)) end = w->failed_at;
    w->region = number;
    kb_sim_move_to_(sim, w->handled_fs[number]);
    sim->last = KB_EVENT_NONE;
    for (;;) {
        kb_event next = kb_eventq_peek(queue);
        if (!kb_event_less(&next, &end)) break;
        kb_eventq_pop(queue);
        if (kb_sim_is_again_(sim, next)) continue;
        if ((int64_t)next.when_fs != sim->now_fs) kb_sim_move_to_(sim, (int64_t)next.when_fs);
        kb_sim_handle_(sim, next);
        if (sim->failure.status != KB_OK) end = note_failure(sim);
    }
    kb_sim_charge(sim, sim->n_events - n_before);
    w->last_fs = kb_max_i64(w->last_fs, sim->now_fs);
    w->handled_fs[number] = until_fs;
    kb_windows_update_(w, number);
}

/* --- how far ------------------------------------------------------------------------------------------ */

/* What is handled at those that may reach a region next: nothing reaches it for a lookahead from there on. */
static int64_t handled_around(const kb_windows *w, uint32_t region) {
    const uint32_t *neighbours;
    uint32_t n = kb_windows_neighbours_(w, region, &neighbours);
    int64_t least_fs = n ? INT64_MAX : w->least_handled_fs;
    for (uint32_t i = 0; i < n; i++) least_fs = kb_min_i64(least_fs, w->handled_fs[neighbours[i]]);
    return least_fs;
}

static void reach(kb_windows *w, uint32_t region, int64_t from_fs, uint32_t *n) {
    if (w->handled_fs[region] <= from_fs) return;
    w->handled_fs[region] = from_fs;
    w->turns[(*n)++] = region;
}

/* Regions with events begin with the window, others with the first that might come over from those: it is at that
 * instant that all before is handled there.  (In order of time, so none is reached twice.) */
static void begin(kb_windows *w, int64_t from_fs) {
    uint32_t n = 0;
    for (uint32_t r = 0; r < w->n_regions; r++) w->handled_fs[r] = w->until_fs;
    for (uint32_t b = 0; b < kb_windows_n_blocks_(w); b++) {
        if (w->least_fs[b] >= (uint64_t)w->until_fs) continue;
        for (uint32_t r = b * KB_WINDOWS_BLOCK; r < kb_windows_end_(w, b); r++)
            if (w->heads[r].when_fs < (uint64_t)w->until_fs) reach(w, r, from_fs, &n);
    }
    for (uint32_t i = 0; i < n; i++) {
        int64_t next_fs = kb_later_fs(w->handled_fs[w->turns[i]], w->lookahead_fs);
        const uint32_t *neighbours;
        uint32_t n_around = kb_windows_neighbours_(w, w->turns[i], &neighbours);
        if (next_fs >= w->until_fs) break;
        for (uint32_t k = 0; k < n_around; k++) reach(w, neighbours[k], next_fs, &n);
        for (uint32_t r = 1; n_around == 0 && r < w->n_regions; r++) reach(w, r, next_fs, &n);
    }
}

/* --- region by region ------------------------------------------------------------------------------- */

/* A region goes on as far as its neighbours allow.  False when it waits for them. */
static bool advance(kb_sim *sim, uint32_t region) {
    kb_windows *w = &sim->windows;
    int64_t to_fs = kb_later_fs(handled_around(w, region), w->lookahead_fs);
    to_fs = kb_min_i64(to_fs, w->until_fs);
    if (to_fs <= w->handled_fs[region]) return false;
    if (w->heads[region].when_fs < (uint64_t)to_fs) run_region(sim, region, to_fs);
    else w->handled_fs[region] = to_fs;
    return true;
}

/* So does each of its neighbours that had its turn before, and waited for it. */
static void advance_from(kb_sim *sim, uint32_t region) {
    kb_windows *w = &sim->windows;
    uint32_t n = 0;
    w->turns[n++] = region;
    while (n) {
        uint32_t each = w->turns[--n];
        w->has_turn[each] = false;
        if (!advance(sim, each)) continue;
        const uint32_t *neighbours;
        for (uint32_t i = kb_windows_neighbours_(w, each, &neighbours); i-- > 0;) {
            uint32_t other = neighbours[i];
            if (other > region || w->has_turn[other] || w->handled_fs[other] >= w->until_fs)
                continue;
            w->has_turn[other] = true;
            w->turns[n++] = other;
        }
    }
}

/* Once over all of them.  False when none had anything left to handle. */
static bool pass(kb_sim *sim) {
    kb_windows *w = &sim->windows;
    bool any = false;
    w->least_handled_fs = INT64_MAX;
    for (uint32_t r = 1; r < w->n_regions; r++)
        w->least_handled_fs = kb_min_i64(w->least_handled_fs, w->handled_fs[r]);
    for (uint32_t r = 1; r < w->n_regions; r++) {
        if (w->handled_fs[r] >= w->until_fs) continue;
        any = true;
        __builtin_prefetch(&w->queues[r + 1 < w->n_regions ? r + 1 : r]);
        advance_from(sim, r);
    }
    return any;
}

/* --- a window --------------------------------------------------------------------------------------- */

void kb_sim_run_window_(kb_sim *sim, int64_t from_fs, int64_t until_fs) {
    kb_windows *w = &sim->windows;
    w->open = true;
    w->until_fs = until_fs;
    w->failed_at = KB_EVENT_NONE;
    w->last_fs = from_fs;
    begin(w, from_fs);
    while (pass(sim)) continue;
    for (uint32_t b = 0; b < kb_windows_n_blocks_(w); b++)
        if (w->least_fs[b] < (uint64_t)until_fs) kb_windows_update_block_(w, b);
    w->open = false;
    w->region = KB_NO_REGION;
    kb_sim_move_to_(sim, w->last_fs);
    if (w->failed_at.when_fs <= KB_TIME_MAX) sim->failure = w->failure;
}
