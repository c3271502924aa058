/* Whose turn comes when: keys in order, where most come last.  It serves the streams that wait at a port of
 * trains, and the wakes there.
 *
 *     items   sorted; the first is at `first`, room grows behind
 *     crowd   where there are very many, those that come after them all (hw/fabric/crowd.h)
 *
 * Where a key has moved KB_LINEUP_MOST others, those that come last go to the crowd: so what comes between others
 * moves few. As long as keys come in order any number is sorted, and so it is on demand (kb_lineup_sort_more), which
 * is for who takes all those.
 *
 * Invariants
 *   L1. Those in the crowd come after those that are sorted, of which there are two at least then.
 *   L2. The crowd has room for all when it is not empty.
 */
#ifndef KB_HW_FABRIC_LINEUP_H
#define KB_HW_FABRIC_LINEUP_H

#include "hw/fabric/crowd.h"
#include "sim/sim.h"

typedef struct kb_lineup {
    kb_waiting *items;
    uint32_t first, count, capacity; /* count: of those that are sorted */
    bool has_moved_many;             /* for one that came before them */
    kb_crowd *crowd;                 /* NULL: there never was one */
} kb_lineup;

enum {
    KB_LINEUP_MOST = KB_CROWD_BLOCK,
    KB_LINEUP_NEAR = 16 /* among more, a place further off is searched by halves */
};

void kb_lineup_deinit(kb_lineup *lineup, kb_alloc *alloc);

static inline kb_waiting *kb_lineup_items(const kb_lineup *lineup) {
    return lineup->items + lineup->first;
}

static inline bool kb_lineup_is_crowded(const kb_lineup *lineup) {
    return lineup->crowd && lineup->crowd->count;
}

bool kb_lineup_grow_(kb_lineup *lineup, kb_alloc *alloc) KB_MUST_CHECK;

/* Room for one more; false when there is no memory. */
KB_MUST_CHECK static inline bool kb_lineup_reserve(kb_lineup *lineup, kb_alloc *alloc) {
    bool room = lineup->first + lineup->count < lineup->capacity && !lineup->crowd &&
                !lineup->has_moved_many;
    return room || kb_lineup_grow_(lineup, alloc);
}

bool kb_lineup_sort_more_(kb_lineup *lineup, kb_alloc *alloc, int64_t until_fs) KB_MUST_CHECK;

/* Sorts some of a crowd, the first of whom comes by until_fs.  False when there are none, or no memory. */
KB_MUST_CHECK static inline bool kb_lineup_sort_more(kb_lineup *lineup, kb_alloc *alloc,
                                                     int64_t until_fs) {
    return kb_lineup_is_crowded(lineup) && kb_lineup_sort_more_(lineup, alloc, until_fs);
}

/* Those from the n-th on come no earlier: exactly then, if there are such. */
static inline int64_t kb_lineup_when(const kb_lineup *lineup, uint32_t n) {
    if (n < lineup->count) return kb_lineup_items(lineup)[n].when_fs;
    return kb_lineup_is_crowded(lineup) ? kb_crowd_first(lineup->crowd)->when_fs : KB_TIME_MAX;
}

/* In a crowd, who comes after those that are sorted is not sorted either.  There is room. */
static inline bool kb_lineup_puts_off(kb_lineup *lineup, const kb_waiting *key) {
    if (!kb_lineup_is_crowded(lineup) || kb_waiting_before(key, kb_crowd_first(lineup->crowd)))
        return false;
    kb_crowd_put(lineup->crowd, key);
    return true;
}

/* Makes room for a key that comes before the last, and returns where. */
uint32_t kb_lineup_open_(kb_lineup *lineup, const kb_waiting *key);

/* After kb_lineup_reserve.  Most come last. */
static inline void kb_lineup_push(kb_lineup *lineup, int64_t when_fs, uint64_t rank,
                                  uint64_t count_number) {
    const kb_waiting added = {when_fs, rank, count_number};
    if (lineup->crowd && kb_lineup_puts_off(lineup, &added)) return;
    kb_waiting *items = kb_lineup_items(lineup);
    uint32_t place = lineup->count;
    if (place > KB_LINEUP_NEAR && kb_waiting_before(&added, &items[place - KB_LINEUP_NEAR]))
        place = kb_lineup_open_(lineup, &added);
    lineup->count++;
    for (; place && kb_waiting_before(&added, &items[place - 1]); place--)
        items[place] = items[place - 1];
    items[place].when_fs = when_fs;
    items[place].rank = rank;
    items[place].count_number = count_number;
}

void kb_lineup_refill_(kb_lineup *lineup);

/* Of those that are sorted some are gone: where few are left, others are sorted. */
static inline void kb_lineup_close_up(kb_lineup *lineup) {
    if (lineup->count < 2 && kb_lineup_is_crowded(lineup)) kb_lineup_refill_(lineup);
}

static inline void kb_lineup_drop_first(kb_lineup *lineup) {
    lineup->first = --lineup->count ? lineup->first + 1 : 0;
    kb_lineup_close_up(lineup);
}

/* The first goes to its place far behind, or to the crowd. */
void kb_lineup_sink_first_(kb_lineup *lineup, kb_alloc *alloc);

/* The last goes to the crowd, if that is its place. */
void kb_lineup_put_off_last_(kb_lineup *lineup);

/* The first's time is a later one now: it goes where it belongs.  (Where there is no memory that takes longer.) */
static inline void kb_lineup_put_back_first(kb_lineup *lineup, kb_alloc *alloc) {
    kb_waiting *items = kb_lineup_items(lineup);
    if (lineup->count == 1 || !kb_waiting_before(&items[1], &items[0])) return;
    if (lineup->count > KB_LINEUP_NEAR && kb_waiting_before(&items[KB_LINEUP_NEAR], &items[0])) {
        kb_lineup_sink_first_(lineup, alloc);
        return;
    }
    kb_waiting moved = items[0];
    uint32_t place = 0;
    for (; place + 1 < lineup->count && kb_waiting_before(&items[place + 1], &moved); place++)
        items[place] = items[place + 1];
    items[place] = moved;
    if (place + 1 == lineup->count && kb_lineup_is_crowded(lineup)) kb_lineup_put_off_last_(lineup);
}

/* Gives the first a later time. */
static inline void kb_lineup_move_first(kb_lineup *lineup, kb_alloc *alloc, int64_t when_fs) {
    kb_lineup_items(lineup)->when_fs = when_fs;
    kb_lineup_put_back_first(lineup, alloc);
}

/* The first n have later times now: they go where they belong, or, at KB_TIME_MAX, away. */
void kb_lineup_put_back(kb_lineup *lineup, uint32_t n);

#endif
