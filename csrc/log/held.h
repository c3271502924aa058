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
    uint32_t first, n_records;
} kb_held_group;

typedef struct kb_held_record {
    kb_record record;
    size_t first_word;
    uint32_t n_words;
} kb_held_record;

typedef struct kb_held {
    KB_VEC(kb_held_group) groups;
    KB_VEC(kb_held_group) sorted; /* room to sort them, and */
    KB_VEC(size_t) ends;          /* by stretch of time: where it ends there */
    KB_VEC(kb_held_record) records;
    KB_VEC(int64_t) words;
} kb_held;

/* False, and nothing is added, when there is no memory. */
bool kb_held_add(kb_held *held, kb_alloc *alloc, kb_event event, const kb_record *record,
                 const int64_t *words, uint32_t n_words) KB_MUST_CHECK;
bool kb_held_sort(kb_held *held, kb_alloc *alloc) KB_MUST_CHECK;
void kb_held_clear(kb_held *held);
void kb_held_deinit(kb_held *held, kb_alloc *alloc);

#endif
