/* A heap of events: 4-ary, 16-byte events by value.
 *
 *     items[0]                     the four children of i are 4i+1 .. 4i+4, which lie in one
 *     items[1..4] [5..8] ...       64-byte line; behind the end lie sentinels, so that a node has
 *                                  always four children to compare and the walk down no branch for it
 *
 * A pop leaves a hole at the root.  A push that follows fills it with one walk down (a fused
 * "replace": the common case, for most events cause one); else the next look fills it with the last.
 *
 * Invariants
 *   H1. Without a hole, no item is less than its parent; with one, items[0] is void.
 *   H2. items[count .. capacity + 4) are sentinels, which compare greater than any event.
 */
#ifndef KB_SIM_EVENT_HEAP_H
#define KB_SIM_EVENT_HEAP_H

#include "base/alloc.h"
#include "base/status.h"
#include "sim/event.h"

typedef struct kb_event_heap {
    kb_event *items; /* within `block`, such that items[1] begins a 64-byte line */
    void *block;
    size_t count, capacity; /* count includes the hole */
    bool hole;
} kb_event_heap;

/* Makes room for n_events in all.  False, and nothing is lost, when there is no memory. */
bool kb_event_heap_resize(kb_event_heap *heap, kb_alloc *alloc, size_t n_events) KB_MUST_CHECK;
void kb_event_heap_deinit(kb_event_heap *heap, kb_alloc *alloc);

/* Puts `event` where it belongs on the way down from the root. */
static inline void kb_event_heap_sink_(kb_event_heap *heap, kb_event event) {
    kb_event *items = heap->items;
    size_t end = heap->count, hole = 0;
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

/* There is room. */
static inline void kb_event_heap_push(kb_event_heap *heap, kb_event event) {
    if (heap->hole) {
        heap->hole = false;
        kb_event_heap_sink_(heap, event);
        return;
    }
    kb_event *items = heap->items;
    size_t hole = heap->count++;
    while (hole) {
        size_t parent = (hole - 1) / 4;
        if (!kb_event_less(&event, &items[parent])) break;
        items[hole] = items[parent];
        hole = parent;
    }
    items[hole] = event;
}

/* Fills the hole, if there is one: items[0] is the least event unless count is 0. */
static inline void kb_event_heap_fill(kb_event_heap *heap) {
    if (!heap->hole) return;
    heap->hole = false;
    kb_event last = heap->items[--heap->count];
    heap->items[heap->count] = KB_EVENT_NONE;
    if (heap->count) kb_event_heap_sink_(heap, last);
}

/* Removes items[0]; there is no hole. */
static inline void kb_event_heap_pop(kb_event_heap *heap) {
    heap->hole = true;
}

#endif
