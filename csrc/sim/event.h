/* An event: nothing but its key (when, rank, place), so the order is total: equal events are the same event,
 * and what order they were pushed in is lost on purpose (ADR-0039).
 */
#ifndef KB_SIM_EVENT_H
#define KB_SIM_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct kb_event {
    uint64_t when_fs;
    uint64_t order; /* rank << 32 | place */
} kb_event;

#define KB_EVENT_NONE ((kb_event){UINT64_MAX, UINT64_MAX})

__extension__ typedef unsigned __int128 kb_event_key_;

static inline kb_event kb_event_of(int64_t when_fs, uint32_t rank, uint32_t place) {
    return (kb_event){(uint64_t)when_fs, (uint64_t)rank << 32 | place};
}

static inline uint32_t kb_event_rank(kb_event event) {
    return (uint32_t)(event.order >> 32);
}

static inline uint32_t kb_event_place(kb_event event) {
    return (uint32_t)event.order;
}

/* As one 128-bit comparison: two instructions and no branch. */
static inline bool kb_event_less(const kb_event *a, const kb_event *b) {
    return ((kb_event_key_)a->when_fs << 64 | a->order) <
           ((kb_event_key_)b->when_fs << 64 | b->order);
}

#endif
