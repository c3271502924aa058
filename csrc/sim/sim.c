#include "sim/sim.h"

#include "base/checked.h"
#include "sim/sim_core.h"

#define RANK_LIMIT (UINT32_MAX - 3)

kb_status kb_sim_create(kb_alloc *alloc, kb_sim **sim, kb_error *err) {
    kb_sim *made = kb_alloc_zeroed(alloc, 1, sizeof *made);
    if (!made) return kb_error_nomem(err, "the simulator");
    made->alloc = alloc;
    made->last = KB_EVENT_NONE;
    made->ahead_fs = made->quiet_fs = -1;
    kb_eventq_init(&made->queue, alloc);
    kb_eventq_init(&made->services, alloc);
    *sim = made;
    return KB_OK;
}

void kb_sim_destroy(kb_sim *sim) {
    if (!sim) return;
    kb_eventq_deinit(&sim->queue);
    kb_eventq_deinit(&sim->services);
    kb_sim_free_regions_(sim);
    KB_VEC_FREE(&sim->slots, sim->alloc);
    kb_alloc_free(sim->alloc, sim, 1, sizeof *sim);
}

kb_status kb_sim_add_slot(kb_sim *sim, kb_slot_fn fn, void *self, uint32_t arg, uint32_t *number,
                          kb_error *err) {
    if (sim->slots.count == UINT32_MAX)
        return kb_error_set(err, KB_OVERFLOW, "simulator: expected fewer than 2^32 - 1 slots");
    kb_slot *added = KB_VEC_PUSH(&sim->slots, sim->alloc);
    if (!added) return kb_error_nomem(err, "a slot of the simulator");
    *added = (kb_slot){
        .fn = fn, .self = self, .arg = arg, .region = sim->new_region, .signalled_fs = -1};
    *number = (uint32_t)(sim->slots.count - 1);
    return KB_OK;
}

void kb_sim_set_fabric(kb_sim *sim, kb_place_fn arrival, kb_place_fn service, void *self) {
    sim->arrival = arrival;
    sim->service = service;
    sim->fabric = self;
}

static void fail_past(kb_sim *sim, int64_t when_fs) {
    (void)kb_error_set(kb_sim_fail(sim, KB_INTERNAL), KB_INTERNAL,
                       "simulator: expected an event at or after now, %lld fs, got one at %lld fs",
                       (long long)sim->now_fs, (long long)when_fs);
}

/* The queue of such events; NULL: that of a region which has not its turn. */
static kb_eventq *queue_of(kb_sim *sim, uint32_t rank, uint32_t place) {
    const kb_windows *w = &sim->windows;
    if (!w->on) return rank == KB_RANK_SERVICE ? &sim->services : &sim->queue;
    uint32_t region = kb_sim_region_of_(sim, rank, place);
    return region == w->region ? &w->queues[region] : NULL;
}

/* (One copy of its code for all that call it: each time other code has been in the cache.) */
static __attribute__((noinline)) void push(kb_sim *sim, int64_t when_fs, uint32_t rank,
                                           uint32_t place) {
    if (when_fs < sim->now_fs) {
        fail_past(sim, when_fs);
        return;
    }
    kb_event event = kb_event_of(when_fs, rank, place);
    kb_eventq *queue = queue_of(sim, rank, place);
    if (!(queue ? kb_eventq_push(queue, event) : kb_sim_push_to_region_(sim, event)))
        (void)kb_error_nomem(kb_sim_fail(sim, KB_NOMEM), "an event");
}

void kb_sim_signal(kb_sim *sim, uint32_t number) {
    kb_slot *raised = &sim->slots.items[number];
    uint32_t rank = sim->signal_rank;
    if (raised->signalled_fs == sim->now_fs && raised->signalled_rank == rank) return;
    if (rank > RANK_LIMIT) {
        (void)kb_error_set(
            kb_sim_fail(sim, KB_OVERFLOW), KB_OVERFLOW,
            "simulator: at %lld fs: expected time to go on, got 2^31 rounds of signals "
            "at one instant",
            (long long)sim->now_fs);
        return;
    }
    raised->signalled_fs = sim->now_fs;
    raised->signalled_rank = rank;
    push(sim, sim->now_fs, rank, number);
}

void kb_sim_at(kb_sim *sim, uint32_t number, int64_t when_fs) {
    if (when_fs == sim->now_fs) kb_sim_signal(sim, number);
    else push(sim, when_fs, KB_CLASS_SLOT, number);
}

void kb_sim_arrival(kb_sim *sim, uint32_t link, int64_t when_fs) {
    if (when_fs == sim->now_fs) fail_past(sim, when_fs);
    else push(sim, when_fs, KB_RANK_ARRIVAL, link);
}

void kb_sim_service(kb_sim *sim, uint32_t link, int64_t when_fs) {
    push(sim, when_fs, KB_RANK_SERVICE, link);
}

bool kb_sim_ends_before_(kb_sim *sim, uint64_t next_fs, int64_t until_fs, kb_run_end *end) {
    if (sim->stop) *end = KB_RUN_STOPPED;
    else if (next_fs > KB_TIME_MAX) *end = KB_RUN_IDLE;
    else if ((int64_t)next_fs > until_fs) *end = KB_RUN_UNTIL;
    else return false;
    sim->stop = false;
    if (*end == KB_RUN_UNTIL && until_fs > sim->now_fs) kb_sim_move_to_(sim, until_fs);
    return true;
}

/* The queue with the next event, which is *next; KB_EVENT_NONE when both are empty. */
static inline kb_eventq *peek(kb_sim *sim, kb_event *next) {
    *next = kb_eventq_peek(&sim->queue);
    sim->quiet_fs = -1;
    if (kb_eventq_count(&sim->services) == 0) return &sim->queue;
    kb_event service = kb_eventq_peek(&sim->services);
    if (!kb_event_less(&service, next)) return &sim->queue;
    if (!sim->stop && sim->n_left > 0)
        sim->quiet_fs = kb_min_i64((int64_t)(next->when_fs & INT64_MAX), sim->end_fs);
    *next = service;
    return &sim->services;
}

static kb_run_end run(kb_sim *sim, int64_t until_fs, uint64_t max_events) {
    kb_run_end end = KB_RUN_STOPPED;
    sim->n_left = max_events;
    sim->end_fs = kb_later_fs(until_fs, 1);
    while (sim->failure.status == KB_OK) {
        kb_event next;
        kb_eventq *queue = peek(sim, &next);
        bool later = (int64_t)next.when_fs != sim->now_fs;
        if (later && (sim->stop || next.when_fs > (uint64_t)until_fs) &&
            kb_sim_ends_before_(sim, next.when_fs, until_fs, &end))
            break;
        bool again = kb_sim_is_again_(sim, next);
        if (!again && sim->n_left == 0 && (int64_t)next.when_fs > sim->ahead_fs) {
            if (sim->ahead_fs > sim->now_fs) kb_sim_move_to_(sim, sim->ahead_fs);
            return KB_RUN_BUDGET;
        }
        kb_eventq_pop(queue);
        if (again) continue;
        if (later) kb_sim_move_to_(sim, (int64_t)next.when_fs);
        sim->n_left -= sim->n_left > 0;
        kb_sim_handle_(sim, next);
    }
    return end;
}

void kb_sim_go_ahead(kb_sim *sim, int64_t to_fs, uint64_t n_events) {
    sim->ahead_fs = kb_max_i64(sim->ahead_fs, to_fs);
    sim->n_events += n_events;
    kb_sim_charge(sim, n_events);
}

const kb_event *kb_sim_event(const kb_sim *sim) {
    return &sim->last;
}

kb_status kb_sim_run(kb_sim *sim, int64_t until_fs, uint64_t max_events, kb_run_end *end,
                     kb_error *err) {
    sim->quiet_fs = -1;
    if (sim->failure.status == KB_OK)
        *end = (sim->windows.on ? kb_sim_by_region_ : run)(sim, kb_max_i64(until_fs, sim->now_fs),
                                                           max_events);
    if (sim->failure.status != KB_OK && err) *err = sim->failure;
    return sim->failure.status;
}

void kb_sim_charge(kb_sim *sim, uint64_t n_events) {
    sim->n_left -= n_events < sim->n_left ? n_events : sim->n_left;
}

void kb_sim_stop(kb_sim *sim) {
    sim->stop = true;
}

kb_error *kb_sim_fail(kb_sim *sim, kb_status status) {
    if (sim->failure.status != KB_OK) return NULL;
    (void)kb_error_set(&sim->failure, status, "%s", kb_status_name(status));
    return &sim->failure;
}

kb_status kb_sim_status(const kb_sim *sim) {
    return sim->failure.status;
}

uint64_t kb_sim_n_events(const kb_sim *sim) {
    return sim->n_events;
}
