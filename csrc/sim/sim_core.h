/* Inside of sim/: sim.c has the clock, the slots and the order of time; by_region.c goes region by region. */
#ifndef KB_SIM_SIM_CORE_H
#define KB_SIM_SIM_CORE_H

#include "base/vec.h"
#include "sim/eventq.h"
#include "sim/sim.h"

/* rank = delta << 1 | class; services come after every delta */
enum { KB_CLASS_SLOT = 0, KB_RANK_ARRIVAL = 1, KB_RANK_DELTA = 2 };
#define KB_RANK_SERVICE UINT32_MAX

#define KB_NO_REGION UINT32_MAX

typedef struct kb_slot {
    kb_slot_fn fn;
    void *self;
    int64_t signalled_fs; /* the last signal's instant and rank: a second one is the same event */
    uint32_t signalled_rank;
    uint32_t arg;
    uint32_t region;
} kb_slot;

/* Regions, and the window that they go through one after the other. */
typedef struct kb_windows {
    bool on;
    bool open;        /* the events of one are being handled, */
    uint32_t region;  /* those of this region; KB_NO_REGION: none */
    int64_t until_fs; /* its end */
    int64_t last_fs;  /* the latest event in it so far */
    uint32_t n_regions;
    int64_t lookahead_fs, common_fs; /* to a neighbour, and to region 0 */
    const uint32_t *neighbours;      /* KB_SIM_NEIGHBOURS by region */
    int64_t *handled_fs;             /* by region: what of the window is handled there */
    int64_t least_handled_fs;        /* of all of them */
    uint32_t *turns;                 /* a stack of those that may go on, */
    bool *has_turn;                  /* and by region, whether it is there */
    kb_eventq *queues;               /* by region; 0: what all share */
    kb_event *heads;                 /* by region: its first event, unless it has its turn */
    uint64_t *least_fs;              /* of the heads of some regions each */
    const uint32_t *from, *to;       /* by link: the regions of its services and of its arrivals */
    bool at_once;                    /* all events of an instant are in order in */
    kb_event_heap instant;           /* this heap */
    kb_settle_fn settle;
    void *settler;
    kb_event failed_at; /* KB_EVENT_NONE: no event of the window has failed */
    kb_error failure;
} kb_windows;

struct kb_sim {
    int64_t now_fs;   /* first: kb_sim_now */
    int64_t quiet_fs; /* second: kb_sim_quiet_until */
    kb_eventq queue;
    kb_eventq services;   /* of ports, which call no handler; by region they are in its queues */
    int64_t end_fs;       /* of this run in order: it handles what is before */
    int64_t ahead_fs;     /* the latest that services went ahead to */
    uint32_t signal_rank; /* of what is signalled now: the delta after the one being handled */
    bool stop;
    uint64_t n_events;
    uint64_t n_left; /* of max_events */
    kb_event last;
    KB_VEC(kb_slot) slots;
    kb_place_fn arrival, service;
    void *fabric;
    kb_alloc *alloc;
    kb_error failure;
    uint32_t new_region; /* of slots that are added */
    kb_windows windows;
};

_Static_assert(offsetof(struct kb_sim, now_fs) == 0 &&
                   offsetof(struct kb_sim, quiet_fs) == sizeof(int64_t),
               "kb_sim_now, kb_sim_quiet_until");

static inline void kb_sim_move_to_(kb_sim *sim, int64_t when_fs) {
    sim->now_fs = when_fs;
    sim->signal_rank = 0;
}

static inline bool kb_sim_is_again_(const kb_sim *sim, kb_event event) {
    return event.order == sim->last.order && event.when_fs == sim->last.when_fs &&
           kb_event_rank(event) != KB_RANK_SERVICE;
}

/* (What it takes of max_events is the caller's to charge.) */
static inline void kb_sim_handle_(kb_sim *sim, kb_event event) {
    uint32_t rank = kb_event_rank(event), place = kb_event_place(event);
    sim->last = event;
    sim->n_events++;
    if (rank == KB_RANK_SERVICE) {
        sim->service(sim->fabric, place);
    } else if (rank == KB_RANK_ARRIVAL) {
        sim->signal_rank = KB_RANK_DELTA;
        sim->arrival(sim->fabric, place);
    } else {
        const kb_slot *called = &sim->slots.items[place];
        sim->signal_rank = rank + KB_RANK_DELTA;
        called->fn(called->self, called->arg);
    }
}

/* The instant is over, and what is next is later, or nothing.  True when the run ends here. */
bool kb_sim_ends_before_(kb_sim *sim, uint64_t next_fs, int64_t until_fs, kb_run_end *end);

/* Where an event belongs. */
static inline uint32_t kb_sim_region_of_(const kb_sim *sim, uint32_t rank, uint32_t place) {
    if (rank == KB_RANK_SERVICE) return sim->windows.from[place];
    return rank == KB_RANK_ARRIVAL ? sim->windows.to[place] : sim->slots.items[place].region;
}

/* How many neighbours a region has; 0: any may be one. */
static inline uint32_t kb_windows_neighbours_(const kb_windows *w, uint32_t region,
                                              const uint32_t **neighbours) {
    const uint32_t *first = *neighbours = w->neighbours + (size_t)region * KB_SIM_NEIGHBOURS;
    uint32_t n = 0;
    while (n < KB_SIM_NEIGHBOURS && first[n] != UINT32_MAX) n++;
    return n;
}

/* Regions whose earliest event is known together. */
enum { KB_WINDOWS_BLOCK = 64 };

static inline uint32_t kb_windows_n_blocks_(const kb_windows *w) {
    return (w->n_regions + KB_WINDOWS_BLOCK - 1) / KB_WINDOWS_BLOCK;
}

static inline uint32_t kb_windows_end_(const kb_windows *w, uint32_t block) {
    return block < w->n_regions / KB_WINDOWS_BLOCK ? (block + 1) * KB_WINDOWS_BLOCK : w->n_regions;
}

static inline void kb_windows_update_(kb_windows *w, uint32_t region) {
    w->heads[region] = kb_eventq_peek(&w->queues[region]);
}

static inline void kb_windows_update_block_(kb_windows *w, uint32_t block) {
    uint64_t least_fs = UINT64_MAX;
    for (uint32_t r = block * KB_WINDOWS_BLOCK; r < kb_windows_end_(w, block); r++)
        if (w->heads[r].when_fs < least_fs) least_fs = w->heads[r].when_fs;
    w->least_fs[block] = least_fs;
}

/* window.c: all events of [from_fs, until_fs). */
void kb_sim_run_window_(kb_sim *sim, int64_t from_fs, int64_t until_fs);

/* by_region.c */
kb_run_end kb_sim_by_region_(kb_sim *sim, int64_t until_fs, uint64_t max_events);
bool kb_sim_push_to_region_(kb_sim *sim,
                            kb_event event) KB_MUST_CHECK; /* not the one with its turn */
void kb_sim_free_regions_(kb_sim *sim);

#endif
