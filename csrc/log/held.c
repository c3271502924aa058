#include "log/held.h"

#include <string.h>

bool kb_held_add(kb_held *held, kb_alloc *alloc, kb_event event, const kb_record *record,
                 const int64_t *words, uint32_t n_words) {
    if (!KB_VEC_RESERVE(&held->groups, alloc, 1) || !KB_VEC_RESERVE(&held->records, alloc, 1) ||
        !KB_VEC_RESERVE(&held->words, alloc, n_words))
        return false;
    const kb_held_group *last =
        held->groups.count ? &held->groups.items[held->groups.count - 1] : NULL;
    if (!last || last->event.when_fs != event.when_fs || last->event.order != event.order)
        held->groups.items[held->groups.count++] =
            (kb_held_group){event, (uint32_t)held->records.count, 0};
    held->groups.items[held->groups.count - 1].n_records++;
    held->records.items[held->records.count++] =
        (kb_held_record){*record, held->words.count, n_words};
    if (n_words) memcpy(held->words.items + held->words.count, words, n_words * sizeof *words);
    held->words.count += n_words;
    return true;
}

/* The end of the run that begins at `first`. */
static size_t run_end(const kb_held *held, size_t first) {
    const kb_held_group *groups = held->groups.items;
    size_t end = first + 1;
    while (end < held->groups.count && kb_event_less(&groups[end - 1].event, &groups[end].event))
        end++;
    return end;
}

/* Merges [first, middle) and [middle, end) into `sorted`, at the same place. */
static void merge(kb_held *held, size_t first, size_t middle, size_t end) {
    const kb_held_group *from = held->groups.items;
    size_t a = first, b = middle;
    for (size_t i = first; i < end; i++) {
        bool second = a == middle || (b < end && kb_event_less(&from[b].event, &from[a].event));
        held->sorted.items[i] = from[second ? b++ : a++];
    }
}

bool kb_held_sort(kb_held *held, kb_alloc *alloc) {
    size_t n = held->groups.count;
    if (n == 0 || run_end(held, 0) == n) return true;
    held->sorted.count = 0;
    if (!KB_VEC_RESERVE(&held->sorted, alloc, held->groups.capacity)) return false;
    while (run_end(held, 0) < n) {
        for (size_t first = 0; first < n;) {
            size_t middle = run_end(held, first), end = middle < n ? run_end(held, middle) : n;
            merge(held, first, middle, end);
            first = end;
        }
        memcpy(held->groups.items, held->sorted.items, n * sizeof *held->groups.items);
    }
    return true;
}

void kb_held_clear(kb_held *held) {
    held->groups.count = held->records.count = held->words.count = 0;
}

void kb_held_deinit(kb_held *held, kb_alloc *alloc) {
    KB_VEC_FREE(&held->groups, alloc);
    KB_VEC_FREE(&held->sorted, alloc);
    KB_VEC_FREE(&held->records, alloc);
    KB_VEC_FREE(&held->words, alloc);
}
