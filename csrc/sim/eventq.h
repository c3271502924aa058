/* The event queue: what happens next.  A sorted ring for few, a calendar over a heap for many (ADR-0058 says what was
 * measured).
 *
 *     few              ─> few: a ring in order of time, whose first is next
 *
 *     today and before ─> near: a heap (sim/event_heap.h), whose root is next
 *     the next n_days  ─> days: a ring of unsorted lists, a day being 2^shift fs; a bit says which have events
 *     later            ─> far: a heap
 *
 * An event comes to its place in the ring from the end that is nearer, so it moves few others: most are caused late,
 * or are next.
 *
 * When `near` is empty the next day with events is moved into it, and what is no more far into the ring.  So
 * an event is filed by its day, in no order, and sorted among those of the same day alone: a push and a
 * pop cost the same however many events wait.  The order is that of the keys in every case; how wide a
 * day is only changes the speed.
 *
 * The calendar is laid out anew when days are too full, or too much is far, and as many events have gone by
 * as wait: the median of the times that wait says how wide a day should be.  Where many events are at
 * equal times, which no calendar tells apart, there is none.
 *
 * Invariants
 *   Q0. All events are in the ring of few, or none is.
 *   Q1. Else each event of `near` is of `today` or before, each of the ring of (today, today + n_days), each of
 *       `far` of today + n_days or later; without a calendar, `today` is the last there is.
 *   Q2. Each part has room for all events, as long as they are many: moving them needs no memory.
 *   Q3. No call allocates while the number of events stays below the most there ever were.
 */
#ifndef KB_SIM_EVENTQ_H
#define KB_SIM_EVENTQ_H

#include "sim/event_heap.h"

#define KB_EVENT_NO_NOTE UINT32_MAX

enum { KB_EVENTQ_FEW = 32 }; /* a power of two */

typedef struct kb_event_note {
    kb_event event;
    uint32_t next;
} kb_event_note;

typedef struct kb_eventq {
    size_t count;
    size_t most_few; /* KB_EVENTQ_FEW, or 0: they are many */
    uint32_t head;
    uint32_t shift;
    uint64_t few_fs[KB_EVENTQ_FEW], few_order[KB_EVENTQ_FEW]; /* in halves, as they are written */
    kb_event_heap near;
    uint64_t until_fs; /* the end of today */
    uint64_t today;
    size_t limit; /* without a calendar: more events get one */
    size_t capacity;
    kb_alloc *alloc;
    uint64_t n_days; /* a power of two; 0: no calendar */
    size_t n_ring;
    size_t n_late; /* pushed to `far` since it was laid out */
    size_t n_moved,
        n_begun;    /* events, in so many days, since it was last looked whether days are full */
    uint32_t *days; /* the first note of each that has one */
    uint64_t *used; /* a bit for each day */
    size_t days_capacity;
    kb_event_note *notes;
    uint32_t free; /* the first note that is none */
    kb_event_heap far;
} kb_eventq;

/* `alloc` is borrowed. */
void kb_eventq_init(kb_eventq *queue, kb_alloc *alloc);
void kb_eventq_deinit(kb_eventq *queue);

/* Makes room for n_events in all.  False, and nothing is lost, when there is no memory. */
bool kb_eventq_reserve(kb_eventq *queue, size_t n_events) KB_MUST_CHECK;

static inline size_t kb_eventq_count(const kb_eventq *queue) {
    return queue->count;
}

static inline kb_event kb_eventq_few_(const kb_eventq *queue, uint32_t place) {
    place %= KB_EVENTQ_FEW;
    return (kb_event){queue->few_fs[place], queue->few_order[place]};
}

static inline void kb_eventq_set_few_(kb_eventq *queue, uint32_t place, kb_event event) {
    place %= KB_EVENTQ_FEW;
    queue->few_fs[place] = event.when_fs;
    queue->few_order[place] = event.order;
}

/* There is room. */
static inline void kb_eventq_insert_(kb_eventq *queue, kb_event event) {
    uint32_t head = queue->head, n = (uint32_t)queue->count++, at = head + n;
    kb_event other = kb_eventq_few_(queue, head + n / 2);
    if (n && kb_event_less(&event, &other)) {
        at = queue->head = head - 1;
        for (;; at++) {
            other = kb_eventq_few_(queue, at + 1);
            if (!kb_event_less(&other, &event)) break;
            kb_eventq_set_few_(queue, at, other);
        }
    } else if (n) {
        for (;; at--) {
            other = kb_eventq_few_(queue, at - 1);
            if (!kb_event_less(&event, &other)) break;
            kb_eventq_set_few_(queue, at, other);
        }
    }
    kb_eventq_set_few_(queue, at, event);
}

bool kb_eventq_push_to_many_(kb_eventq *queue, kb_event event) KB_MUST_CHECK;

/* False, and nothing is lost, when there is no memory. */
KB_MUST_CHECK static inline bool kb_eventq_push(kb_eventq *queue, kb_event event) {
    if (queue->count >= queue->most_few) return kb_eventq_push_to_many_(queue, event);
    kb_eventq_insert_(queue, event);
    return true;
}

kb_event kb_eventq_next_day_(kb_eventq *queue);

/* The least event, which stays; KB_EVENT_NONE when there is none. */
static inline kb_event kb_eventq_peek(kb_eventq *queue) {
    if (queue->count == 0) return KB_EVENT_NONE;
    if (queue->most_few) return kb_eventq_few_(queue, queue->head);
    kb_event_heap_fill(&queue->near);
    return queue->near.count ? queue->near.items[0] : kb_eventq_next_day_(queue);
}

/* Removes the event that kb_eventq_peek has just returned (not KB_EVENT_NONE). */
static inline void kb_eventq_pop(kb_eventq *queue) {
    queue->count--;
    if (queue->most_few) queue->head++;
    else kb_event_heap_pop(&queue->near);
}

#endif
