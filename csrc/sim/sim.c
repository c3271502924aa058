#include "sim/sim.h"

#include "base/checked.h"
#include "base/vec.h"
#include "sim/eventq.h"

/* rank = delta << 1 | class; services come after every delta */
enum { CLASS_SLOT = 0, RANK_ARRIVAL = 1, RANK_DELTA = 2 };
enum { FETCH_NBYTES = 256, LINE_NBYTES = 64 };

/* However far regions are apart: a run is stopped, and records are let go, between two windows. */
#define WINDOW_MOST_FS INT64_C(1000000000)
#define RANK_SERVICE UINT32_MAX
#define RANK_LIMIT (UINT32_MAX - 3)
#define NONE UINT32_MAX

typedef struct slot {
    kb_slot_fn fn;
    void *self;
    int64_t signalled_fs; /* the last signal's instant and rank: a second one is the same event */
    uint32_t signalled_rank;
    uint32_t arg;
    uint32_t region;
} slot;

/* An event of a window, and the next one of its region. */
typedef struct note {
    kb_event event;
    uint32_t next;
} note;

/* Its events of the window, in order; NONE: it has none. */
typedef struct share {
    uint32_t first, last;
} share;

/* Regions, and the window that they go through one after the other. */
typedef struct windows {
    bool on;
    bool open;                 /* the events of one are being handled, */
    uint32_t region;           /* those of this region */
    int64_t from_fs, until_fs; /* and all of [from_fs, until_fs) */
    int64_t lookahead_fs;
    uint32_t n_regions;
    share *regions;
    const uint32_t *from, *to; /* by link: the regions of its services and of its arrivals */
    KB_VEC(note) notes;
    KB_VEC(uint32_t) active; /* regions with events */
    kb_event_heap heap;      /* events of `region` */
    kb_eventq shared;        /* those of region 0 */
    kb_settle_fn settle;
    void *settler;
    kb_event failed_at; /* KB_EVENT_NONE: no event of the window has failed */
    kb_error failure;
} windows;

struct kb_sim {
    int64_t now_fs;   /* first: kb_sim_now */
    int64_t quiet_fs; /* second: kb_sim_quiet_until */
    kb_eventq queue;
    kb_eventq services;   /* while not by region */
    int64_t end_fs;       /* of this run: it handles what is before */
    int64_t ahead_fs;     /* the latest that services went ahead to */
    uint32_t signal_rank; /* of what is signalled now: the delta after the one being handled */
    bool stop;
    uint64_t n_events;
    uint64_t n_left; /* of max_events */
    kb_event last;
    KB_VEC(slot) slots;
    kb_place_fn arrival, service;
    void *fabric;
    const void *ports; /* what arrivals work on, by link; NULL: not told */
    size_t port_nbytes;
    kb_alloc *alloc;
    kb_error failure;
    uint32_t new_region; /* of slots that are added */
    windows windows;
};

_Static_assert(offsetof(struct kb_sim, now_fs) == 0 &&
                   offsetof(struct kb_sim, quiet_fs) == sizeof(int64_t),
               "kb_sim_now, kb_sim_quiet_until");

kb_status kb_sim_create(kb_alloc *alloc, kb_sim **sim, kb_error *err) {
    kb_sim *made = kb_alloc_zeroed(alloc, 1, sizeof *made);
    if (!made) return kb_error_nomem(err, "the simulator");
    made->alloc = alloc;
    made->last = KB_EVENT_NONE;
    made->ahead_fs = made->quiet_fs = -1;
    kb_eventq_init(&made->queue, alloc);
    kb_eventq_init(&made->services, alloc);
    kb_eventq_init(&made->windows.shared, alloc);
    *sim = made;
    return KB_OK;
}

void kb_sim_destroy(kb_sim *sim) {
    if (!sim) return;
    kb_eventq_deinit(&sim->queue);
    kb_eventq_deinit(&sim->services);
    kb_eventq_deinit(&sim->windows.shared);
    kb_event_heap_deinit(&sim->windows.heap, sim->alloc);
    kb_alloc_free(sim->alloc, sim->windows.regions, sim->windows.n_regions,
                  sizeof *sim->windows.regions);
    KB_VEC_FREE(&sim->windows.notes, sim->alloc);
    KB_VEC_FREE(&sim->windows.active, sim->alloc);
    KB_VEC_FREE(&sim->slots, sim->alloc);
    kb_alloc_free(sim->alloc, sim, 1, sizeof *sim);
}

kb_status kb_sim_add_slot(kb_sim *sim, kb_slot_fn fn, void *self, uint32_t arg, uint32_t *number,
                          kb_error *err) {
    if (sim->slots.count == UINT32_MAX)
        return kb_error_set(err, KB_OVERFLOW, "simulator: expected fewer than 2^32 - 1 slots");
    slot *added = KB_VEC_PUSH(&sim->slots, sim->alloc);
    if (!added) return kb_error_nomem(err, "a slot of the simulator");
    *added =
        (slot){.fn = fn, .self = self, .arg = arg, .region = sim->new_region, .signalled_fs = -1};
    *number = (uint32_t)(sim->slots.count - 1);
    return KB_OK;
}

void kb_sim_set_fabric(kb_sim *sim, kb_place_fn arrival, kb_place_fn service, void *self) {
    sim->arrival = arrival;
    sim->service = service;
    sim->fabric = self;
}

void kb_sim_set_ports(kb_sim *sim, const void *ports, size_t port_nbytes) {
    sim->ports = ports;
    sim->port_nbytes = port_nbytes;
}

static void fail_past(kb_sim *sim, int64_t when_fs) {
    (void)kb_error_set(kb_sim_fail(sim, KB_INTERNAL), KB_INTERNAL,
                       "simulator: expected an event at or after now, %lld fs, got one at %lld fs",
                       (long long)sim->now_fs, (long long)when_fs);
}

static uint32_t region_of(const kb_sim *sim, kb_event event) {
    uint32_t rank = kb_event_rank(event), place = kb_event_place(event);
    if (rank == RANK_SERVICE) return sim->windows.from[place];
    return rank == RANK_ARRIVAL ? sim->windows.to[place] : sim->slots.items[place].region;
}

static bool heap_push(kb_sim *sim, kb_event event) {
    kb_event_heap *heap = &sim->windows.heap;
    if (heap->count == heap->capacity &&
        !kb_event_heap_resize(heap, sim->alloc, heap->capacity ? 2 * heap->capacity : 60))
        return false;
    kb_event_heap_push(heap, event);
    return true;
}

/* While a window is open: an event of another region, or of a later window, waits. */
static bool push_by_region(kb_sim *sim, kb_event event) {
    windows *w = &sim->windows;
    uint32_t region = region_of(sim, event);
    if (!w->open || (int64_t)event.when_fs >= w->until_fs)
        return kb_eventq_push(region ? &sim->queue : &w->shared, event);
    if (region == w->region) return heap_push(sim, event);
    (void)kb_error_set(kb_sim_fail(sim, KB_INTERNAL), KB_INTERNAL,
                       "simulator: expected an event of another region from %lld fs on, got one at "
                       "%llu fs",
                       (long long)w->until_fs, (unsigned long long)event.when_fs);
    return true;
}

static void push(kb_sim *sim, int64_t when_fs, uint32_t rank, uint32_t place) {
    if (when_fs < sim->now_fs) {
        fail_past(sim, when_fs);
        return;
    }
    kb_event event = kb_event_of(when_fs, rank, place);
    kb_eventq *queue = rank == RANK_SERVICE ? &sim->services : &sim->queue;
    if (!(sim->windows.on ? push_by_region(sim, event) : kb_eventq_push(queue, event)))
        (void)kb_error_nomem(kb_sim_fail(sim, KB_NOMEM), "an event");
}

void kb_sim_signal(kb_sim *sim, uint32_t number) {
    slot *raised = &sim->slots.items[number];
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
    else push(sim, when_fs, CLASS_SLOT, number);
}

void kb_sim_arrival(kb_sim *sim, uint32_t link, int64_t when_fs) {
    if (when_fs == sim->now_fs) fail_past(sim, when_fs);
    else push(sim, when_fs, RANK_ARRIVAL, link);
}

void kb_sim_service(kb_sim *sim, uint32_t link, int64_t when_fs) {
    push(sim, when_fs, RANK_SERVICE, link);
}

static void handle(kb_sim *sim, kb_event event) {
    uint32_t rank = kb_event_rank(event), place = kb_event_place(event);
    if (rank == RANK_SERVICE) {
        sim->service(sim->fabric, place);
    } else if (rank == RANK_ARRIVAL) {
        sim->signal_rank = RANK_DELTA;
        sim->arrival(sim->fabric, place);
    } else {
        const slot *called = &sim->slots.items[place];
        sim->signal_rank = rank + RANK_DELTA;
        called->fn(called->self, called->arg);
    }
}

static void move_to(kb_sim *sim, int64_t when_fs) {
    sim->now_fs = when_fs;
    sim->signal_rank = 0;
}

/* The instant is over, and `next` is later, or none.  True when the run ends here. */
static bool ends_before(kb_sim *sim, kb_event next, int64_t until_fs, kb_run_end *end) {
    bool none = next.when_fs > KB_TIME_MAX;
    if (sim->stop) *end = KB_RUN_STOPPED;
    else if (none) *end = KB_RUN_IDLE;
    else if ((int64_t)next.when_fs > until_fs) *end = KB_RUN_UNTIL;
    else return false;
    sim->stop = false;
    if (*end == KB_RUN_UNTIL && until_fs > sim->now_fs) move_to(sim, until_fs);
    return true;
}

/* What follows is one of the root's children, unless the event to be handled causes an earlier one: on a
 * large machine, what it works on is in no cache by then. */
static inline void fetch_ahead(const kb_sim *sim) {
    const kb_event *items = sim->queue.near.items;
    size_t end = sim->queue.near.count < 5 ? sim->queue.near.count : 5, least = 1;
    for (size_t i = 1; i < end; i++) {
        if (kb_event_less(&items[i], &items[least])) least = i;
        if (kb_event_rank(items[i]) != RANK_ARRIVAL && kb_event_rank(items[i]) != RANK_SERVICE)
            __builtin_prefetch(&sim->slots.items[kb_event_place(items[i])]);
    }
    if (end < 2) return;
    uint32_t rank = kb_event_rank(items[least]), place = kb_event_place(items[least]);
    if (rank == RANK_SERVICE) return;
    uintptr_t works_on = rank == RANK_ARRIVAL
                             ? (uintptr_t)sim->ports + (uintptr_t)place * sim->port_nbytes
                             : (uintptr_t)sim->slots.items[place].self;
    for (uintptr_t i = 0; i < FETCH_NBYTES; i += LINE_NBYTES)
        __builtin_prefetch((const void *)(works_on + i));
}

static bool is_again(const kb_sim *sim, kb_event event) {
    return event.order == sim->last.order && event.when_fs == sim->last.when_fs &&
           kb_event_rank(event) != RANK_SERVICE;
}

static void handle_one(kb_sim *sim, kb_event event) {
    sim->last = event;
    sim->n_events++;
    sim->n_left -= sim->n_left > 0;
    handle(sim, event);
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
        if (later && ends_before(sim, next, until_fs, &end)) break;
        bool again = is_again(sim, next);
        if (!again && sim->n_left == 0 && (int64_t)next.when_fs > sim->ahead_fs) {
            if (sim->ahead_fs > sim->now_fs) move_to(sim, sim->ahead_fs);
            return KB_RUN_BUDGET;
        }
        kb_eventq_pop(queue);
        if (again) continue;
        if (queue == &sim->queue) fetch_ahead(sim);
        if (later) move_to(sim, (int64_t)next.when_fs);
        handle_one(sim, next);
    }
    return end;
}

/* --- by region ------------------------------------------------------------------------------------ */

/* Gives the events before until_fs to their regions.  False when there is no memory. */
static bool deal(kb_sim *sim, int64_t until_fs) {
    windows *w = &sim->windows;
    w->notes.count = w->active.count = 0;
    for (;;) {
        kb_event event = kb_eventq_peek(&sim->queue);
        if (event.when_fs >= (uint64_t)until_fs) return true;
        uint32_t number = (uint32_t)w->notes.count, of = region_of(sim, event);
        if (!KB_VEC_RESERVE(&w->notes, sim->alloc, 1) || !KB_VEC_RESERVE(&w->active, sim->alloc, 1))
            return false;
        kb_eventq_pop(&sim->queue);
        w->notes.items[w->notes.count++] = (note){event, NONE};
        share *r = &w->regions[of];
        if (r->first == NONE) {
            r->first = number;
            w->active.items[w->active.count++] = of;
        } else {
            w->notes.items[r->last].next = number;
        }
        r->last = number;
    }
}

/* The first failure in order of events is the one that would have been, had all gone in that order. */
static void note_failure(kb_sim *sim) {
    windows *w = &sim->windows;
    w->failed_at = sim->last;
    w->failure = sim->failure;
    sim->failure.status = KB_OK;
}

static void run_region(kb_sim *sim, uint32_t number) {
    windows *w = &sim->windows;
    share *r = &w->regions[number];
    w->region = number;
    sim->last = KB_EVENT_NONE;
    for (uint32_t i = r->first; i != NONE; i = w->notes.items[i].next)
        if (!heap_push(sim, w->notes.items[i].event))
            (void)kb_error_nomem(kb_sim_fail(sim, KB_NOMEM), "an event");
    r->first = NONE;
    for (;;) {
        kb_event_heap_fill(&w->heap);
        if (w->heap.count == 0) break;
        kb_event next = w->heap.items[0];
        kb_event_heap_pop(&w->heap);
        if (is_again(sim, next) || !kb_event_less(&next, &w->failed_at)) continue;
        if ((int64_t)next.when_fs != sim->now_fs || sim->last.when_fs > KB_TIME_MAX)
            move_to(sim, (int64_t)next.when_fs);
        handle_one(sim, next);
        if (sim->failure.status != KB_OK) note_failure(sim);
    }
}

static void run_window(kb_sim *sim, int64_t from_fs, int64_t until_fs) {
    windows *w = &sim->windows;
    int64_t last_fs = from_fs;
    if (!deal(sim, until_fs)) {
        (void)kb_error_nomem(kb_sim_fail(sim, KB_NOMEM), "an event");
        return;
    }
    w->open = true;
    w->from_fs = from_fs;
    w->until_fs = until_fs;
    w->failed_at = KB_EVENT_NONE;
    for (size_t i = 0; i < w->active.count; i++) {
        sim->now_fs = from_fs;
        run_region(sim, w->active.items[i]);
        last_fs = kb_max_i64(last_fs, sim->now_fs);
    }
    w->open = false;
    move_to(sim, last_fs);
    if (w->failed_at.when_fs <= KB_TIME_MAX) sim->failure = w->failure;
}

/* All events of an instant, of all regions, in their order. */
static void run_instant(kb_sim *sim, uint64_t when_fs) {
    windows *w = &sim->windows;
    sim->last = KB_EVENT_NONE;
    if ((int64_t)when_fs != sim->now_fs) move_to(sim, (int64_t)when_fs);
    while (sim->failure.status == KB_OK) {
        kb_event a = kb_eventq_peek(&sim->queue), b = kb_eventq_peek(&w->shared);
        bool shared = kb_event_less(&b, &a);
        kb_event next = shared ? b : a;
        if (next.when_fs != when_fs) return;
        kb_eventq_pop(shared ? &w->shared : &sim->queue);
        if (!is_again(sim, next)) handle_one(sim, next);
    }
}

static kb_run_end run_by_region(kb_sim *sim, int64_t until_fs, uint64_t max_events) {
    kb_run_end end = KB_RUN_STOPPED;
    windows *w = &sim->windows;
    sim->n_left = max_events;
    while (sim->failure.status == KB_OK) {
        kb_event next = kb_eventq_peek(&sim->queue), shared = kb_eventq_peek(&w->shared);
        bool apart = next.when_fs < shared.when_fs;
        if (!apart) next = shared;
        if (ends_before(sim, next, until_fs, &end)) break;
        if (sim->n_left == 0) return KB_RUN_BUDGET;
        int64_t from_fs = (int64_t)next.when_fs, to_fs = kb_later_fs(from_fs, w->lookahead_fs);
        to_fs = kb_min_i64(to_fs, kb_later_fs(until_fs, 1));
        if (shared.when_fs < (uint64_t)to_fs) to_fs = (int64_t)shared.when_fs;
        if (apart && to_fs > from_fs) run_window(sim, from_fs, to_fs);
        else run_instant(sim, next.when_fs);
        w->settle(w->settler, w->failed_at);
    }
    return end;
}

kb_status kb_sim_set_regions(kb_sim *sim, uint32_t n_regions, int64_t lookahead_fs,
                             const uint32_t *from, const uint32_t *to, kb_error *err) {
    windows *w = &sim->windows;
    w->failed_at = KB_EVENT_NONE;
    w->regions = kb_alloc_zeroed(sim->alloc, n_regions, sizeof *w->regions);
    if (!w->regions) return kb_error_nomem(err, "the regions of the simulator");
    w->n_regions = n_regions;
    w->lookahead_fs = kb_min_i64(lookahead_fs, WINDOW_MOST_FS);
    w->from = from;
    w->to = to;
    for (uint32_t i = 0; i < n_regions; i++) w->regions[i].first = NONE;
    return KB_OK;
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
    windows *w = &sim->windows;
    for (kb_event next; (next = kb_eventq_peek(&w->shared)).when_fs <= KB_TIME_MAX;) {
        if (!kb_eventq_push(&sim->queue, next)) return kb_error_nomem(err, "an event");
        kb_eventq_pop(&w->shared);
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
        *end = (sim->windows.on ? run_by_region : run)(sim, kb_max_i64(until_fs, sim->now_fs),
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
