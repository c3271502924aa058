/* Records that are held back until it is known in which order they come (sim/sim.h: regions).
 *
 *     add, add, ...  those of one event stand together, as a group, in the order in which they were added
 *     sort           groups by event; then record by record
 *
 * Events are handed in region by region, some of each for a short time.  So they are dealt out by time first, about
 * one to a stretch; what is then together is sorted.
 */
#ifndef KB_LOG_HELD_H
#define KB_LOG_HELD_H

#include "base/vec.h"
#include "log/oplog.h"

typedef struct kb_held_group {
    kb_event event;
    uint32_t at, n_records; /* where the first one is in `records` */
} kb_held_group;

/* A record, and behind it its words: what is looked at together in other than its order lies together. */
typedef struct kb_held_record {
    kb_record record;
    uint32_t n_words;
    int64_t words[];
} kb_held_record;

typedef struct kb_held {
    KB_VEC(kb_held_group) groups;
    KB_VEC(kb_held_group) sorted; /* room to sort them, and */
    KB_VEC(size_t) ends;          /* by stretch of time: where it ends there */
    KB_VEC(int64_t) records;      /* kb_held_record, one behind the other */
} kb_held;

static inline size_t kb_held_record_words_(uint32_t n_words) {
    return sizeof(kb_held_record) / sizeof(int64_t) + n_words;
}

static inline const kb_held_record *kb_held_first(const kb_held *held, const kb_held_group *group) {
    return (const void *)&held->records.items[group->at];
}

static inline const kb_held_record *kb_held_next(const kb_held_record *record) {
    return (const void *)&record->words[record->n_words];
}

/* False, and nothing is added, when there is no memory. */
bool kb_held_add(kb_held *held, kb_alloc *alloc, const kb_event *event, const kb_record *record,
                 const int64_t *words, uint32_t n_words) KB_MUST_CHECK;
bool kb_held_sort(kb_held *held, kb_alloc *alloc) KB_MUST_CHECK;
void kb_held_clear(kb_held *held);
void kb_held_deinit(kb_held *held, kb_alloc *alloc);

#endif
