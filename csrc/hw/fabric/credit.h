/* Credits: the places of one finite buffer, as the port that sends into it counts them.
 *
 *     take ──> place taken ──(served behind the buffer, its credit travels back)──> give(usable from when)
 *
 * Invariant: n_ready + n_coming + n_held = n_places.
 */
#ifndef KB_HW_FABRIC_CREDIT_H
#define KB_HW_FABRIC_CREDIT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/alloc.h"
#include "base/status.h"
#include "sim/sim.h"

typedef struct kb_credits {
    uint32_t n_places; /* 0: without limit, and nothing is counted */
    uint32_t n_ready;
    uint32_t n_held;                   /* places taken */
    uint32_t head, n_coming, capacity; /* a power of two */
    int64_t *coming;                   /* a ring, in order of time */
} kb_credits;

/* Room for `capacity` credits on their way; false when there is none. */
bool kb_credits_grow_(kb_credits *credits, kb_alloc *alloc) KB_MUST_CHECK;
void kb_credits_deinit(kb_credits *credits, kb_alloc *alloc);

/* When a place can be taken; KB_TIME_MAX: none is on its way. */
static inline int64_t kb_credits_next_fs(const kb_credits *credits) {
    if (credits->n_places == 0 || credits->n_ready) return 0;
    return credits->n_coming ? credits->coming[credits->head] : KB_TIME_MAX;
}

/* Takes a place; kb_credits_next_fs is not after now. */
static inline void kb_credits_take(kb_credits *credits, int64_t now_fs) {
    if (credits->n_places == 0) return;
    for (; credits->n_coming && credits->coming[credits->head] <= now_fs; credits->n_coming--) {
        credits->head = (credits->head + 1) & (credits->capacity - 1);
        credits->n_ready++;
    }
    credits->n_ready--;
    credits->n_held++;
}

/* A place can be taken again from when_fs on.  False when there is no memory. */
KB_MUST_CHECK static inline bool kb_credits_give(kb_credits *credits, kb_alloc *alloc,
                                                 int64_t when_fs) {
    if (credits->n_coming == credits->capacity && !kb_credits_grow_(credits, alloc)) return false;
    uint32_t mask = credits->capacity - 1, place = credits->n_coming++;
    credits->n_held--;
    for (; place && credits->coming[(credits->head + place - 1) & mask] > when_fs; place--)
        credits->coming[(credits->head + place) & mask] =
            credits->coming[(credits->head + place - 1) & mask];
    credits->coming[(credits->head + place) & mask] = when_fs;
    return true;
}

#endif
