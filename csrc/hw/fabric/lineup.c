#include "hw/fabric/lineup.h"

#include <string.h>

void kb_lineup_deinit(kb_lineup *lineup, kb_alloc *alloc) {
    kb_alloc_free(alloc, lineup->items, lineup->capacity, sizeof *lineup->items);
    if (lineup->crowd) kb_crowd_deinit(lineup->crowd, alloc);
    kb_alloc_free(alloc, lineup->crowd, 1, sizeof *lineup->crowd);
    *lineup = (kb_lineup){0};
}

/* --- those that are sorted ------------------------------------------------------------------------ */

/* How many of items[0, count) come before the key. */
static uint32_t n_before(const kb_waiting *items, uint32_t count, const kb_waiting *key) {
    uint32_t first = 0;
    while (count > 0) {
        uint32_t half = count / 2;
        if (kb_waiting_before(&items[first + half], key)) {
            first += half + 1;
            count -= half + 1;
        } else {
            count = half;
        }
    }
    return first;
}

uint32_t kb_lineup_open_(kb_lineup *lineup, const kb_waiting *key) {
    kb_waiting *items = kb_lineup_items(lineup);
    uint32_t place = n_before(items, lineup->count, key), n_moved = lineup->count - place;
    memmove(&items[place + 1], &items[place], n_moved * sizeof *items);
    if (n_moved >= KB_LINEUP_MOST) lineup->has_moved_many = true;
    return place;
}

static void to_front(kb_lineup *lineup) {
    memmove(lineup->items, kb_lineup_items(lineup), lineup->count * sizeof *lineup->items);
    lineup->first = 0;
}

static bool widen(kb_lineup *lineup, kb_alloc *alloc) {
    if (lineup->capacity > UINT32_MAX / 32) return false;
    uint32_t capacity = lineup->capacity ? kb_grown_capacity(lineup->capacity) : 8;
    kb_waiting *grown =
        kb_alloc_resize(alloc, lineup->items, lineup->capacity, capacity, sizeof *grown);
    if (!grown) return false;
    lineup->items = grown;
    lineup->capacity = capacity;
    return true;
}

/* --- the crowd ------------------------------------------------------------------------------------ */

/* Half of KB_LINEUP_MOST stay. */
static void spill(kb_lineup *lineup) {
    uint32_t n_left = KB_LINEUP_MOST / 2;
    kb_crowd_put_before(lineup->crowd, kb_lineup_items(lineup) + n_left, lineup->count - n_left);
    lineup->count = n_left;
}

static bool reserve_crowd(kb_lineup *lineup, kb_alloc *alloc) {
    if (!lineup->crowd) lineup->crowd = kb_alloc_zeroed(alloc, 1, sizeof *lineup->crowd);
    return lineup->crowd &&
           kb_crowd_reserve(lineup->crowd, alloc, lineup->crowd->count + lineup->count + 1);
}

/* Half of the room at least is behind the last, where most come. */
bool kb_lineup_grow_(kb_lineup *lineup, kb_alloc *alloc) {
    bool crowded = kb_lineup_is_crowded(lineup);
    bool spills = lineup->count >= KB_LINEUP_MOST && (crowded || lineup->has_moved_many);
    if ((spills || crowded) && !reserve_crowd(lineup, alloc)) return false;
    if (spills) spill(lineup);
    lineup->has_moved_many = false;
    if (lineup->first + lineup->count < lineup->capacity) return true;
    if (lineup->count >= lineup->capacity / 2 && !widen(lineup, alloc)) return false;
    to_front(lineup);
    return true;
}

static void take_block(kb_lineup *lineup) {
    lineup->count += kb_crowd_take(lineup->crowd, kb_lineup_items(lineup) + lineup->count);
}

void kb_lineup_refill_(kb_lineup *lineup) {
    to_front(lineup);
    take_block(lineup);
}

bool kb_lineup_sort_more_(kb_lineup *lineup, kb_alloc *alloc, int64_t until_fs) {
    if (kb_crowd_first(lineup->crowd)->when_fs > until_fs) return false;
    if (lineup->count + KB_CROWD_BLOCK > lineup->capacity && !widen(lineup, alloc)) return false;
    if (lineup->first + lineup->count + KB_CROWD_BLOCK > lineup->capacity) to_front(lineup);
    take_block(lineup);
    return true;
}

void kb_lineup_put_off_last_(kb_lineup *lineup) {
    if (!kb_lineup_puts_off(lineup, &kb_lineup_items(lineup)[lineup->count - 1])) return;
    lineup->count--;
    kb_lineup_close_up(lineup);
}

void kb_lineup_sink_first_(kb_lineup *lineup, kb_alloc *alloc) {
    kb_waiting *items = kb_lineup_items(lineup), moved = items[0];
    uint32_t place = n_before(items + 1, lineup->count - 1, &moved);
    if (place >= KB_LINEUP_MOST && reserve_crowd(lineup, alloc)) spill(lineup);
    if (kb_lineup_puts_off(lineup, &moved)) {
        kb_lineup_drop_first(lineup);
        return;
    }
    memmove(&items[0], &items[1], place * sizeof *items);
    items[place] = moved;
}

void kb_lineup_put_back(kb_lineup *lineup, uint32_t n) {
    kb_waiting *items = kb_lineup_items(lineup);
    uint32_t gone = n, end = lineup->count;
    while (n-- > 0) {
        if (items[n].when_fs == KB_TIME_MAX) continue;
        kb_waiting moved = items[n];
        if (kb_lineup_puts_off(lineup, &moved)) continue;
        uint32_t place = --gone;
        for (; place + 1 < end && kb_waiting_before(&items[place + 1], &moved); place++)
            items[place] = items[place + 1];
        items[place] = moved;
    }
    lineup->count -= gone;
    lineup->first = lineup->count ? lineup->first + gone : 0;
    kb_lineup_close_up(lineup);
}
