#include "sim/eventq.h"

#include <string.h>

/* So many make a day full. */
enum { FULL = 12, FIRST_CAPACITY = 60, MIN_DAYS = 256, SAMPLES = 31 };
#define MAX_DAYS ((uint64_t)1 << 22)

void kb_eventq_init(kb_eventq *queue, kb_alloc *alloc) {
    *queue = (kb_eventq){.alloc = alloc,
                         .until_fs = UINT64_MAX,
                         .today = UINT64_MAX,
                         .limit = KB_EVENTQ_FEW,
                         .most_few = KB_EVENTQ_FEW,
                         .free = KB_EVENT_NO_NOTE};
}

static void set_today(kb_eventq *queue, uint64_t today) {
    queue->today = today;
    queue->until_fs = ((today + 1) << queue->shift) - 1;
}

static size_t n_words(size_t n_days) {
    return n_days / 64;
}

void kb_eventq_deinit(kb_eventq *queue) {
    kb_alloc *alloc = queue->alloc;
    kb_event_heap_deinit(&queue->near, alloc);
    kb_event_heap_deinit(&queue->far, alloc);
    kb_alloc_free(alloc, queue->notes, queue->capacity, sizeof *queue->notes);
    kb_alloc_free(alloc, queue->days, queue->days_capacity, sizeof *queue->days);
    kb_alloc_free(alloc, queue->used, n_words(queue->days_capacity), sizeof *queue->used);
    kb_eventq_init(queue, alloc);
}

/* --- room ------------------------------------------------------------------------------------------- */

/* Four days an event at least, within limits. */
static uint64_t days_for(size_t n_events) {
    uint64_t n_days = MIN_DAYS;
    while (n_days < 4 * n_events && n_days < MAX_DAYS) n_days *= 2;
    return n_days;
}

static bool grow_days(kb_eventq *queue, size_t n_days) {
    kb_alloc *alloc = queue->alloc;
    size_t old = queue->days_capacity;
    if (n_days <= old) return true;
    uint32_t *days = kb_alloc_zeroed(alloc, n_days, sizeof *days);
    uint64_t *used = kb_alloc_zeroed(alloc, n_words(n_days), sizeof *used);
    if (!days || !used) {
        kb_alloc_free(alloc, days, n_days, sizeof *days);
        kb_alloc_free(alloc, used, n_words(n_days), sizeof *used);
        return false;
    }
    if (old) {
        memcpy(days, queue->days, old * sizeof *days);
        memcpy(used, queue->used, n_words(old) * sizeof *used);
    }
    kb_alloc_free(alloc, queue->days, old, sizeof *days);
    kb_alloc_free(alloc, queue->used, n_words(old), sizeof *used);
    queue->days = days;
    queue->used = used;
    queue->days_capacity = n_days;
    return true;
}

bool kb_eventq_reserve(kb_eventq *queue, size_t n_events) {
    size_t old = queue->capacity;
    if (n_events <= old) return true;
    if (n_events > UINT32_MAX / 4) return false;
    size_t capacity = old ? 2 * old : FIRST_CAPACITY;
    if (capacity < n_events) capacity = n_events;
    if (!kb_event_heap_resize(&queue->near, queue->alloc, capacity) ||
        !kb_event_heap_resize(&queue->far, queue->alloc, capacity) ||
        !grow_days(queue, days_for(capacity)))
        return false;
    kb_event_note *notes =
        kb_alloc_resize(queue->alloc, queue->notes, old, capacity, sizeof *notes);
    if (!notes) return false;
    for (size_t i = capacity; i-- > old;) {
        notes[i].next = queue->free;
        queue->free = (uint32_t)i;
    }
    queue->notes = notes;
    queue->capacity = capacity;
    return true;
}

/* --- days ------------------------------------------------------------------------------------------- */

static inline void put_in_day(kb_eventq *queue, kb_event event, uint64_t day) {
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

static inline void file(kb_eventq *queue, kb_event event) {
    uint64_t day = event.when_fs >> queue->shift;
    if (day <= queue->today) {
        kb_event_heap_push(&queue->near, event);
    } else if (day - queue->today < queue->n_days) {
        put_in_day(queue, event, day);
    } else {
        kb_event_heap_push(&queue->far, event);
        queue->n_late++;
    }
}

static void empty_day(kb_eventq *queue, uint64_t place) {
    uint32_t number = queue->days[place];
    while (true) {
        kb_event_note *note = &queue->notes[number];
        kb_event_heap_push(&queue->near, note->event);
        queue->n_ring--;
        if (note->next == KB_EVENT_NO_NOTE) {
            note->next = queue->free;
            break;
        }
        number = note->next;
    }
    queue->free = queue->days[place];
    queue->used[place / 64] &= ~(UINT64_C(1) << place % 64);
}

/* How many days after today the next one with events is; there is one. */
static uint64_t days_until_next(const kb_eventq *queue) {
    uint64_t mask = queue->n_days - 1, place = (queue->today + 1) & mask, past = place % 64;
    uint64_t word = queue->used[place / 64] >> past;
    if (word) return 1 + (uint64_t)__builtin_ctzll(word);
    for (uint64_t gone = 64 - past;; gone += 64) {
        word = queue->used[((place + gone) & mask) / 64];
        if (word) return 1 + gone + (uint64_t)__builtin_ctzll(word);
    }
}

/* What is far no more. */
static void call_in(kb_eventq *queue) {
    while (queue->far.count) {
        kb_event first = queue->far.items[0];
        uint64_t day = first.when_fs >> queue->shift;
        if (day > queue->today && day - queue->today >= queue->n_days) break;
        kb_event_heap_pop(&queue->far);
        kb_event_heap_fill(&queue->far);
        file(queue, first);
    }
}

/* All events are near, and there is no calendar. */
static void close(kb_eventq *queue) {
    kb_event_heap *near = &queue->near, *far = &queue->far;
    for (uint64_t word = 0; queue->n_ring; word++)
        while (queue->used[word])
            empty_day(queue, word * 64 + (uint64_t)__builtin_ctzll(queue->used[word]));
    kb_event_heap_fill(far);
    for (; far->count; far->items[far->count] = KB_EVENT_NONE)
        kb_event_heap_push(near, far->items[--far->count]);
    kb_event_heap_fill(near);
    queue->n_days = 0;
    queue->shift = 0;
    set_today(queue, UINT64_MAX);
    queue->limit = KB_EVENTQ_FEW;
    queue->n_late = queue->n_moved = queue->n_begun = 0;
}

/* --- from few to many, and back --------------------------------------------------------------------- */

/* All those near are few. */
static void become_few(kb_eventq *queue) {
    kb_event_heap *near = &queue->near;
    close(queue);
    queue->most_few = KB_EVENTQ_FEW;
    queue->count = 0;
    for (; near->count; near->items[near->count] = KB_EVENT_NONE)
        kb_eventq_insert_(queue, near->items[--near->count]);
}

static void become_many(kb_eventq *queue) {
    queue->most_few = 0;
    for (size_t i = 0; i < queue->count; i++)
        kb_event_heap_push(&queue->near, kb_eventq_few_(queue, queue->head++));
}

/* --- the width of a day ----------------------------------------------------------------------------- */

/* The median of some of the times that wait, from the first on. */
static uint64_t median_wait(const kb_event_heap *all) {
    uint64_t waits[SAMPLES];
    for (size_t i = 0; i < SAMPLES; i++) {
        uint64_t wait =
            all->items[(2 * i + 1) * all->count / (2 * SAMPLES)].when_fs - all->items[0].when_fs;
        size_t k = i;
        for (; k && waits[k - 1] > wait; k--) waits[k] = waits[k - 1];
        waits[k] = wait;
    }
    return waits[SAMPLES / 2];
}

static void lay_out(kb_eventq *queue) {
    kb_event_heap *near = &queue->near;
    close(queue);
    uint64_t width = 2 * median_wait(near) / near->count;
    while (width >> queue->shift > 1) queue->shift++;
    queue->n_days = days_for(near->count);
    set_today(queue, near->items[0].when_fs >> queue->shift);
    size_t n = near->count;
    near->count = 0;
    for (size_t i = 0; i < n; i++) {
        kb_event event = near->items[i];
        near->items[i] = KB_EVENT_NONE;
        file(queue, event);
    }
    queue->limit = SIZE_MAX;
    queue->n_late = 0;
}

/* Whether days hold few events each. */
static void review(kb_eventq *queue) {
    uint32_t shift = queue->shift;
    if (queue->n_moved < queue->count) return;
    bool full = queue->n_moved > FULL * queue->n_begun;
    queue->n_moved = queue->n_begun = 0;
    if (!full) return;
    lay_out(queue);
    if (queue->shift < shift) return;
    close(queue);
    queue->limit = 2 * queue->near.count;
}

/* --- many ------------------------------------------------------------------------------------------- */

static __attribute__((noinline)) bool push_elsewhere(kb_eventq *queue, kb_event event) {
    if (queue->count == 0) {
        become_few(queue);
        kb_eventq_insert_(queue, event);
        return true;
    }
    if (queue->count >= queue->capacity && !kb_eventq_reserve(queue, queue->count + 1))
        return false;
    if (queue->most_few) become_many(queue);
    queue->count++;
    file(queue, event);
    if (queue->near.count > queue->limit || queue->n_late > 4 * queue->count) lay_out(queue);
    return true;
}

/* Most are of one of the next days. */
bool kb_eventq_push_to_many_(kb_eventq *queue, kb_event event) {
    uint64_t day = event.when_fs >> queue->shift;
    if (event.when_fs <= queue->until_fs || day - queue->today >= queue->n_days ||
        queue->count == queue->capacity)
        return push_elsewhere(queue, event);
    queue->count++;
    put_in_day(queue, event, day);
    return true;
}

kb_event kb_eventq_next_day_(kb_eventq *queue) {
    if (queue->count < KB_EVENTQ_FEW / 2) {
        become_few(queue);
        return kb_eventq_few_(queue, queue->head);
    }
    if (queue->n_ring) {
        set_today(queue, queue->today + days_until_next(queue));
        empty_day(queue, queue->today & (queue->n_days - 1));
    } else {
        set_today(queue, queue->far.items[0].when_fs >> queue->shift);
    }
    call_in(queue);
    queue->n_moved += queue->near.count;
    queue->n_begun++;
    review(queue);
    return queue->near.items[0];
}
