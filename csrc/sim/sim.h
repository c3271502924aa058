/* The simulator's clock and run loop.  It knows time and places, and nothing of hardware.
 *
 * Time is a signed 64-bit count of femtoseconds (ADR-0038).  Simultaneous events are ordered by
 * (when, delta, place), never by the order in which they were scheduled (ADR-0039):
 *
 *     when ──┬─ delta 0   slots (timers), by slot number
 *            ├─ delta 0   arrivals, by link number
 *            ├─ delta 1   slots that were signalled in delta 0, by slot number
 *            ├─ delta 2   ...
 *            └─ service   ports, by link number: last, for a service (>= 1 fs) causes nothing now
 *
 * A *slot* is a component's place in that order: a handler to call.  Arrivals and services have one
 * handler each, that of the fabric.  A handler must not care whether it is called once more than
 * needed: it looks at its own state and at kb_sim_now.
 *
 * Failures inside a handler do not unwind: kb_sim_fail notes the first one, and the run loop returns
 * it.  From then on the simulator refuses to run.
 */
#ifndef KB_SIM_SIM_H
#define KB_SIM_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/alloc.h"
#include "base/error.h"
#include "sim/event.h"

#define KB_TIME_MAX INT64_MAX
#define KB_FS_PER_NS INT64_C(1000000)

typedef struct kb_sim kb_sim;

typedef void (*kb_slot_fn)(void *self, uint32_t arg);
typedef void (*kb_place_fn)(void *self, uint32_t place);
/* failed_at: an event that failed, behind which nothing counts; KB_EVENT_NONE: none. */
typedef void (*kb_settle_fn)(void *self, kb_event failed_at);

typedef enum kb_run_end {
    KB_RUN_IDLE,    /* nothing is left to happen */
    KB_RUN_UNTIL,   /* the next event is later than `until_fs`; now is `until_fs` */
    KB_RUN_BUDGET,  /* `max_events` events were handled: call again */
    KB_RUN_STOPPED, /* kb_sim_stop was called; the instant was finished first */
} kb_run_end;

/* `alloc` is borrowed.  Now is 0. */
kb_status kb_sim_create(kb_alloc *alloc, kb_sim **sim, kb_error *err) KB_MUST_CHECK;
void kb_sim_destroy(kb_sim *sim); /* accepts NULL */

/* Adds a slot, numbered from 0 in order of creation; its handler is fn(self, arg). */
kb_status kb_sim_add_slot(kb_sim *sim, kb_slot_fn fn, void *self, uint32_t arg, uint32_t *slot,
                          kb_error *err) KB_MUST_CHECK;

/* Who handles arrivals and services: fn(self, link). */
void kb_sim_set_fabric(kb_sim *sim, kb_place_fn arrival, kb_place_fn service, void *self);

/* (Its first word: everyone asks for it all the time.) */
static inline int64_t kb_sim_now(const kb_sim *sim) {
    return *(const int64_t *)(const void *)sim;
}

/* Calls the slot's handler at when_fs >= now; when_fs == now: in the next delta of this instant. */
void kb_sim_at(kb_sim *sim, uint32_t slot, int64_t when_fs);

/* Calls the slot's handler in the next delta of this instant. */
void kb_sim_signal(kb_sim *sim, uint32_t slot);

/* One arrival event on `link` at when_fs > now, one service event at when_fs >= now. */
void kb_sim_arrival(kb_sim *sim, uint32_t link, int64_t when_fs);
void kb_sim_service(kb_sim *sim, uint32_t link, int64_t when_fs);

/* From a service: before this instant no slot's handler and no arrival's is called, as far as it is scheduled; -1:
 * that is not known.  (Its second word.)  The service may do the work of later ones of its port, before
 * that, where nothing comes in between that it does not know of; it says up to when, and how many. */
static inline int64_t kb_sim_quiet_until(const kb_sim *sim) {
    return ((const int64_t *)(const void *)sim)[1];
}
void kb_sim_go_ahead(kb_sim *sim, int64_t to_fs, uint64_t n_events);

/* --- regions --------------------------------------------------------------------------------------
 *
 * Parts of the machine that reach each other only `lookahead_fs` later may be simulated one after the other, so
 * that what they work on stays in the cache.  A window is as long as no event causes one of region 0, which all
 * share; in it a region goes on as far as its neighbours have come, and `lookahead_fs` from there:
 *
 *                            handled up to
 *                  1 lookahead   2    3          turns in a window of three, where each is a neighbour of
 *     region 1     turn  1       3    6          the next one: a region's are close to each other
 *            2           2       5    9
 *            3           4       8   12
 *
 * Events of a region are in their order, and windows too; an instant with events of region 0 is in the order of
 * all.  What depends on the order among regions is put in order when a window is over: by `settle`.
 *
 * While a window is open, now is that of the region whose events are being handled. */

/* Regions are numbered from 0, the shared one. */
enum { KB_SIM_NEIGHBOURS = 8 };

typedef struct kb_sim_regions {
    uint32_t count;
    int64_t lookahead_fs; /* from one to a neighbour at least, */
    int64_t common_fs;    /* and from any to region 0 */
    uint32_t *from, *to;  /* by link: of its services and its arrivals; `from` has one
                                              more, for the place behind the last link */
    uint32_t
        *neighbours; /* KB_SIM_NEIGHBOURS each, UINT32_MAX behind the last; none: any may be one */
} kb_sim_regions;

/* Its arrays are borrowed.  Slots before kb_sim_add_slots_to are of region 0. */
kb_status kb_sim_set_regions(kb_sim *sim, const kb_sim_regions *regions,
                             kb_error *err) KB_MUST_CHECK;

/* Slots that are added from now on belong to this region. */
void kb_sim_add_slots_to(kb_sim *sim, uint32_t region);

/* From now on by region; there are no events yet.  settle(self, ...) is called when all events before now are
 * handled in all regions. */
void kb_sim_run_by_region(kb_sim *sim, kb_settle_fn settle, void *self);

/* From now on in order of time alone; not from a handler. */
kb_status kb_sim_run_in_order(kb_sim *sim, kb_error *err) KB_MUST_CHECK;

bool kb_sim_is_by_region(const kb_sim *sim);

/* The region whose events are being handled; 0: all. */
uint32_t kb_sim_region(const kb_sim *sim);

/* By region: all its events before this instant are handled, for all that the present one knows, which has handled
 * its own before now.  NULL: so have all. */
const int64_t *kb_sim_handled_fs(const kb_sim *sim);

/* The first instant at which a handler may cause an event of region 0. */
int64_t kb_sim_common_fs(const kb_sim *sim);

/* The event that is being handled. */
const kb_event *kb_sim_event(const kb_sim *sim);

/* Handles events in order until one of the ends above; an until_fs in the past is now.  On failure
 * returns the status that kb_sim_fail noted; the message is copied to err. */
kb_status kb_sim_run(kb_sim *sim, int64_t until_fs, uint64_t max_events, kb_run_end *end,
                     kb_error *err) KB_MUST_CHECK;

/* From a handler: finish this instant, then return from kb_sim_run with KB_RUN_STOPPED. */
void kb_sim_stop(kb_sim *sim);

/* From a handler: what it did took the host about as long as `n_events` events; they count against
 * max_events, and nowhere else. */
void kb_sim_charge(kb_sim *sim, uint64_t n_events);

/* From a handler: note a failure (the first one stays).  Returns a buffer to write the message into
 * with kb_error_set, or NULL when an earlier failure stands. */
KB_COLD kb_error *kb_sim_fail(kb_sim *sim, kb_status status);

/* KB_OK, or the status of the noted failure. */
kb_status kb_sim_status(const kb_sim *sim);

/* Events handled so far. */
uint64_t kb_sim_n_events(const kb_sim *sim);

#endif
