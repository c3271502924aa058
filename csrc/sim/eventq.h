/* The event queue: what happens next.  A calendar over a heap (ADR-0058 says what was measured).
 *
 *     today and before ─> near: a heap (sim/event_heap.h), whose root is next
 *     the next n_days  ─> days: a ring of unsorted lists, a day being 2^shift fs; a bit says which have events
 *     later            ─> far: a heap
 *
 * When `near` is empty the next day with events is moved into it, and what is no more far into the ring.  So
 * an event is filed by its day, in no order, and sorted among those of the same day alone: a push and a
 * pop cost the same however many events wait.  The order is that of the keys in every case; how wide a
 * day is only changes the speed.  Few events are all `near`, and there is no calendar.
 *
 * The calendar is laid out anew when days are too full, or too much is far, and as many events have gone by
 * as wait: the median of the times that wait says how wide a day should be.  Where many events are at
 * equal times, which no calendar tells apart, there is none.
 *
 * Invariants
 *   Q1. Each event of `near` is of `today` or before, each of the ring of (today, today + n_days), each of
 *       `far` of today + n_days or later; without a calendar, `today` is the last there is.
 *   Q2. Each part has room for all events: moving them needs no memory.
 *   Q3. No call allocates while the number of events stays below the most there ever were.
 */
#ifndef KB_SIM_EVENTQ_H
#define KB_SIM_EVENTQ_H

#include "sim/event_heap.h"

#define KB_EVENT_NO_NOTE UINT32_MAX

typedef struct kb_event_note {
    kb_event event;
    uint32_t next;
} kb_event_note;

typedef struct kb_eventq {
    kb_alloc *alloc;
    uint64_t until_fs; /* the end of today */
    uint64_t today;
    uint32_t shift;
    size_t limit; /* without a calendar: more events get one */
    kb_event_heap near;
    size_t count, capacity;
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

void kb_eventq_next_day_(kb_eventq *queue);
void kb_eventq_push_far_(kb_eventq *queue, kb_event event);

static inline size_t kb_eventq_count(const kb_eventq *queue) {
    return queue->count;
}

static inline void kb_eventq_file_(kb_eventq *queue, kb_event event, uint64_t day) {
    uint64_t place = day & (queue->n_days - 1);
    uint32_t number = queue->free;
    kb_event_note *note = &queue->notes[number];
    queue->free = note->next;
    uint64_t *used = &queue->used[place / 64], bit = UINT64_C(1) << place % 64;
    note->event = event;
    note->next = *used & bit ? queue->days[place] : KB_EVENT_NO_NOTE;
    queue->days[place] = number;
    *used |= bit;
    queue->n_ring++;
}

bool kb_eventq_push_slow_(kb_eventq *queue, kb_event event) KB_MUST_CHECK;

/* False, and nothing is lost, when there is no memory. */
KB_MUST_CHECK static inline bool kb_eventq_push(kb_eventq *queue, kb_event event) {
    bool near = event.when_fs <= queue->until_fs;
    if (near && queue->near.hole && queue->count < queue->capacity) {
        queue->count++;
        queue->near.hole = false;
        kb_event_heap_sink_(&queue->near, event);
        return true;
    }
    if (queue->count == queue->capacity || queue->near.count >= queue->limit)
        return kb_eventq_push_slow_(queue, event);
    queue->count++;
    uint64_t day = event.when_fs >> queue->shift;
    if (near) kb_event_heap_push(&queue->near, event);
    else if (day - queue->today < queue->n_days) kb_eventq_file_(queue, event, day);
    else kb_eventq_push_far_(queue, event);
    return true;
}

/* The least event, which stays; KB_EVENT_NONE when there is none. */
static inline kb_event kb_eventq_peek(kb_eventq *queue) {
    kb_event_heap_fill(&queue->near);
    if (queue->near.count == 0) {
        if (queue->count == 0) return KB_EVENT_NONE;
        kb_eventq_next_day_(queue);
    }
    return queue->near.items[0];
}

/* Removes the event that kb_eventq_peek has just returned (not KB_EVENT_NONE). */
static inline void kb_eventq_pop(kb_eventq *queue) {
    kb_event_heap_pop(&queue->near);
    queue->count--;
}

#endif
