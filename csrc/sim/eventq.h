/* The event queue: what happens next.
 *
 * A 4-ary heap of 16-byte events by value.  An event is nothing but its key (when, rank, place), so
 * the order is total: equal events are the same event, and what order they were pushed in is lost on
 * purpose (ADR-0039).
 *
 *     items[0]                     the four children of i are 4i+1 .. 4i+4, which lie in one
 *     items[1..4] [5..8] ...       64-byte line; behind the end lie sentinels, so that a node has
 *                                  always four children to compare and the walk down no branch for it
 *
 * A pop leaves a hole at the root.  A push that follows fills it with one walk down (a fused
 * "replace": the common case, for most events cause one); else the next look fills it with the last.
 *
 * Invariants
 *   Q1. Without a hole, no item is less than its parent; with one, items[0] is void.
 *   Q2. items[count .. capacity + 4) are sentinels, which compare greater than any event.
 *   Q3. No call allocates while the number of events stays below the most there ever were.
 */
#ifndef KB_SIM_EVENTQ_H
#define KB_SIM_EVENTQ_H

#include <stdbool.h>
#include <stdint.h>

#include "base/alloc.h"
#include "base/status.h"

typedef struct kb_event {
    uint64_t when_fs;
    uint64_t order; /* rank << 32 | place */
} kb_event;

typedef struct kb_eventq {
    kb_alloc *alloc;
    kb_event *items; /* within `block`, such that items[1] begins a 64-byte line */
    void *block;
    size_t count, capacity; /* count includes the hole */
    bool hole;
} kb_eventq;

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

/* `alloc` is borrowed. */
void kb_eventq_init(kb_eventq *queue, kb_alloc *alloc);
void kb_eventq_deinit(kb_eventq *queue);

/* Makes room for n_events in all.  False, and nothing is lost, when there is no memory. */
bool kb_eventq_reserve(kb_eventq *queue, size_t n_events) KB_MUST_CHECK;

static inline size_t kb_eventq_count(const kb_eventq *queue) {
    return queue->count - queue->hole;
}

/* Puts `event` where it belongs on the way down from the root. */
static inline void kb_eventq_sink_(kb_eventq *queue, kb_event event) {
    kb_event *items = queue->items;
    size_t end = queue->count, hole = 0;
    for (;;) {
        size_t child = 4 * hole + 1;
        if (child >= end) break;
        const kb_event *c = &items[child];
        size_t left = (size_t)kb_event_less(&c[1], &c[0]);
        size_t right = 2 + (size_t)kb_event_less(&c[3], &c[2]);
        size_t least = left ^ ((left ^ right) & (0 - (size_t)kb_event_less(&c[right], &c[left])));
        if (!kb_event_less(&c[least], &event)) break;
        items[hole] = c[least];
        hole = child + least;
    }
    items[hole] = event;
}

/* False, and nothing is lost, when there is no memory. */
KB_MUST_CHECK static inline bool kb_eventq_push(kb_eventq *queue, kb_event event) {
    if (queue->hole) {
        queue->hole = false;
        kb_eventq_sink_(queue, event);
        return true;
    }
    if (queue->count == queue->capacity && !kb_eventq_reserve(queue, queue->count + 1))
        return false;
    kb_event *items = queue->items;
    size_t hole = queue->count++;
    while (hole) {
        size_t parent = (hole - 1) / 4;
        if (!kb_event_less(&event, &items[parent])) break;
        items[hole] = items[parent];
        hole = parent;
    }
    items[hole] = event;
    return true;
}

/* The least event, which stays; KB_EVENT_NONE when there is none. */
static inline kb_event kb_eventq_peek(kb_eventq *queue) {
    if (queue->hole) {
        queue->hole = false;
        kb_event last = queue->items[--queue->count];
        queue->items[queue->count] = KB_EVENT_NONE;
        if (queue->count) kb_eventq_sink_(queue, last);
    }
    return queue->count ? queue->items[0] : KB_EVENT_NONE;
}

/* Removes the event that kb_eventq_peek has just returned (not KB_EVENT_NONE). */
static inline void kb_eventq_pop(kb_eventq *queue) {
    queue->hole = true;
}

#endif
