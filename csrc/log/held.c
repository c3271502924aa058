#include "log/held.h"

#include <string.h>

bool kb_held_add(kb_held *held, kb_alloc *alloc, const kb_event *event, const kb_record *record,
                 const int64_t *words, uint32_t n_words) {
    size_t n = kb_held_record_words_(n_words), at = held->records.count;
    if (!KB_VEC_RESERVE(&held->groups, alloc, 1) || !KB_VEC_RESERVE(&held->records, alloc, n))
        return false;
    kb_held_group *last = held->groups.items + held->groups.count - 1;
    if (held->groups.count == 0 || last->event.when_fs != event->when_fs ||
        last->event.order != event->order) {
        held->groups.count++;
        *++last = (kb_held_group){*event, (uint32_t)at, 0};
    }
    last->n_records++;
    kb_held_record *added = (void *)&held->records.items[at];
    added->record = *record;
    added->n_words = n_words;
    for (uint32_t i = 0; i < n_words; i++) added->words[i] = words[i];
    held->records.count += n;
    return true;
}

/* --- in order ------------------------------------------------------------------------------------ */

/* So few are sorted by putting each where it belongs. */
enum { FEW = 16 };

static bool is_in_order(const kb_held *held) {
    const kb_held_group *groups = held->groups.items;
    size_t i = 1;
    while (i < held->groups.count && kb_event_less(&groups[i - 1].event, &groups[i].event)) i++;
    return i >= held->groups.count;
}

/* Stretches of time of equal length, not many more than there are groups. */
typedef struct stretches {
    uint64_t from_fs;
    uint32_t shift;
    size_t count;
} stretches;

static stretches divide(const kb_held *held) {
    const kb_held_group *groups = held->groups.items;
    uint64_t first_fs = UINT64_MAX, last_fs = 0;
    for (size_t i = 0; i < held->groups.count; i++) {
        uint64_t when_fs = groups[i].event.when_fs;
        if (when_fs < first_fs) first_fs = when_fs;
        if (when_fs > last_fs) last_fs = when_fs;
    }
    stretches made = {.from_fs = first_fs};
    while ((last_fs - first_fs) >> made.shift >= held->groups.count) made.shift++;
    made.count = (size_t)((last_fs - first_fs) >> made.shift) + 1;
    return made;
}

/* Into `sorted`, by stretch and as they were in each; ends[s] is where stretch s ends then. */
static void deal_out(kb_held *held, const stretches *by) {
    size_t *ends = held->ends.items;
    const kb_held_group *groups = held->groups.items;
    memset(ends, 0, (by->count + 1) * sizeof *ends);
    for (size_t i = 0; i < held->groups.count; i++)
        ends[((groups[i].event.when_fs - by->from_fs) >> by->shift) + 1]++;
    for (size_t s = 1; s < by->count; s++) ends[s] += ends[s - 1];
    for (size_t i = 0; i < held->groups.count; i++) {
        size_t s = (size_t)((groups[i].event.when_fs - by->from_fs) >> by->shift);
        held->sorted.items[ends[s]++] = groups[i];
    }
}

static void sort_few(kb_held_group *groups, size_t n) {
    for (size_t i = 1; i < n; i++) {
        const kb_held_group moved = groups[i];
        size_t place = i;
        for (; place && kb_event_less(&moved.event, &groups[place - 1].event); place--)
            groups[place] = groups[place - 1];
        groups[place] = moved;
    }
}

/* The end of the run in order that begins at `first`. */
static size_t run_end(const kb_held_group *groups, size_t first, size_t n) {
    size_t end = first + 1;
    while (end < n && kb_event_less(&groups[end - 1].event, &groups[end].event)) end++;
    return end;
}

/* Events of one region are handed in as runs in order: these are merged, with room for n in `spare`. */
static void sort_many(kb_held_group *groups, kb_held_group *spare, size_t n) {
    while (run_end(groups, 0, n) < n) {
        for (size_t first = 0, end; first < n; first = end) {
            size_t middle = run_end(groups, first, n), a = first, b = middle;
            end = middle < n ? run_end(groups, middle, n) : n;
            for (size_t i = first; i < end; i++) {
                bool second =
                    a == middle || (b < end && kb_event_less(&groups[b].event, &groups[a].event));
                spare[i] = groups[second ? b++ : a++];
            }
        }
        memcpy(groups, spare, n * sizeof *groups);
    }
}

bool kb_held_sort(kb_held *held, kb_alloc *alloc) {
    if (is_in_order(held)) return true;
    const stretches by = divide(held);
    held->sorted.count = held->ends.count = 0;
    if (!KB_VEC_RESERVE(&held->sorted, alloc, held->groups.capacity) ||
        !KB_VEC_RESERVE(&held->ends, alloc, by.count + 1))
        return false;
    deal_out(held, &by);
    kb_held_group *sorted = held->sorted.items;
    for (size_t s = 0, first = 0; s < by.count; s++) {
        size_t n = held->ends.items[s] - first;
        if (n <= FEW) sort_few(sorted + first, n);
        else sort_many(sorted + first, held->groups.items + first, n);
        first += n;
    }
    size_t capacity = held->groups.capacity;
    held->sorted.items = held->groups.items;
    held->groups.items = sorted;
    held->groups.capacity = held->sorted.capacity;
    held->sorted.capacity = capacity;
    return true;
}

void kb_held_clear(kb_held *held) {
    held->groups.count = held->records.count = 0;
}

void kb_held_deinit(kb_held *held, kb_alloc *alloc) {
    KB_VEC_FREE(&held->groups, alloc);
    KB_VEC_FREE(&held->sorted, alloc);
    KB_VEC_FREE(&held->ends, alloc);
    KB_VEC_FREE(&held->records, alloc);
}
