/* What waits for a pseudo-channel of DRAM: runs of bursts, and the inboxes that they come by. */
#ifndef KB_HW_DRAM_DRAM_RUN_H
#define KB_HW_DRAM_DRAM_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/pool.h"

/* Bursts of one row, column after column, of one job, that come all at once or flit by flit.
 *
 * 64 bytes, of which the first 48 are used all the time: those lie in one line of the cache where the pool is
 * large, since such a block of the system's begins 16 bytes into a line. */
typedef struct kb_dram_run {
    uint32_t next;  /* the one that arrived then */
    uint32_t after; /* in its bank */
    uint32_t seq;   /* bursts of its direction before it, modulo 2^32 */
    uint32_t row;
    int64_t when_fs;                     /* its first flit can be served from then on */
    uint64_t packed;                     /* where in its job the run's bytes begin */
    uint32_t job;                        /* the caller's */
    uint16_t count, n_entered, n_served; /* bursts; in the window; issued */
    uint16_t flit;                       /* bursts of a flit; count: all at once */
    uint8_t bank;
    bool write : 1, linked : 1;  /* linked: in the bank's chain */
    bool opened : 1, closed : 1; /* an ACT, a PRE was issued for the flit that is next */
    uint8_t skip, spare; /* bytes of the first burst, and of the last, that are not the run's */
    int64_t period_fs;   /* from flit to flit, where there are several */
    uint8_t rest[8];     /* of the 64, so that the first 48 of each lie alike */
} kb_dram_run;

_Static_assert(offsetof(kb_dram_run, period_fs) == 48 && sizeof(kb_dram_run) == 64,
               "what is used all the time lies in one line");

/* All runs of a memory by number.  Which are free is told apart from them: one that is taken is written to and not
 * looked at, which would mean to wait for it, as it left the cache since it was given back. */
typedef struct kb_dram_runs {
    kb_dram_run *items; /* taking moves them */
    uint32_t *free;     /* the numbers of those that nobody has, n_free of them */
    uint32_t n_free, capacity;
} kb_dram_runs;

/* Room for more, when none is free; false, and nothing changes, without memory. */
bool kb_dram_runs_grow_(kb_dram_runs *runs, kb_alloc *alloc) KB_MUST_CHECK;

void kb_dram_runs_deinit(kb_dram_runs *runs, kb_alloc *alloc);

/* An uninitialised run; those to be taken soon are brought into the cache. */
KB_MUST_CHECK static inline bool kb_dram_runs_take(kb_dram_runs *runs, kb_alloc *alloc,
                                                   uint32_t *number) {
    enum { SOON = 4 };
    if (runs->n_free == 0 && !kb_dram_runs_grow_(runs, alloc)) return false;
    *number = runs->free[--runs->n_free];
    if (runs->n_free >= SOON) __builtin_prefetch(&runs->items[runs->free[runs->n_free - SOON]], 1);
    return true;
}

static inline void kb_dram_runs_give(kb_dram_runs *runs, uint32_t number) {
    runs->free[runs->n_free++] = number;
}

/* What was added to a pseudo-channel since it was advanced: runs of a direction, in order.  Apart from the
 * rest of it, so that adding touches little. */
typedef struct kb_dram_inbox {
    uint32_t first, last; /* KB_NONE: none */
    uint32_t n_added;     /* bursts ever, modulo 2^32 */
} kb_dram_inbox;

/* Adds a run of the pool, of which nothing has happened yet, to its direction's inbox; its when_fs is no earlier than
 * those added before, and later than what any advance was called with. */
static inline void kb_dram_inbox_add(kb_dram_inbox *inbox, kb_dram_run *items, uint32_t number) {
    kb_dram_run *run = &items[number];
    run->seq = inbox->n_added;
    inbox->n_added += run->count;
    if (inbox->first == KB_NONE) inbox->first = number;
    else items[inbox->last].next = number;
    inbox->last = number;
}

/* All of it that is in the window. */
static inline bool kb_dram_run_is_served(const kb_dram_run *run) {
    return run->n_served == run->n_entered;
}

static inline bool kb_dram_run_is_before(const kb_dram_run *a, const kb_dram_run *b) {
    return (int32_t)(a->seq - b->seq) < 0;
}

#endif
