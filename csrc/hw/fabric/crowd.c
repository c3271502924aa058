#include "hw/fabric/crowd.h"

#include <string.h>

/* --- sorting -------------------------------------------------------------------------------------- */

enum { RUN = 8 };

/* A run of few. */
static void insert_each(kb_waiting *keys, uint32_t n_keys) {
    for (uint32_t i = 1; i < n_keys; i++) {
        kb_waiting moved = keys[i];
        uint32_t place = i;
        for (; place && kb_waiting_before(&moved, &keys[place - 1]); place--)
            keys[place] = keys[place - 1];
        keys[place] = moved;
    }
}

/* Runs [0, n_first) and [n_first, n_keys) become one, elsewhere. */
static void merge(const kb_waiting *from, uint32_t n_first, uint32_t n_keys, kb_waiting *to) {
    const kb_waiting *a = from, *a_end = from + n_first, *b = a_end, *b_end = from + n_keys;
    if (kb_waiting_before(b - 1, b)) a_end = b_end; /* as they are */
    else
        while (a < a_end && b < b_end) *to++ = kb_waiting_before(b, a) ? *b++ : *a++;
    memcpy(to, a, (size_t)(a_end - a) * sizeof *a);
    if (a_end != b_end) memcpy(to + (a_end - a), b, (size_t)(b_end - b) * sizeof *b);
}

/* `room` is for as many. */
static void sort(kb_waiting *keys, uint32_t n_keys, kb_waiting *room) {
    kb_waiting *from = keys, *to = room;
    for (uint32_t i = 0; i < n_keys; i += RUN)
        insert_each(keys + i, RUN < n_keys - i ? RUN : n_keys - i);
    for (uint32_t width = RUN; width < n_keys; width *= 2) {
        for (uint32_t i = 0; i < n_keys; i += 2 * width) {
            uint32_t left = n_keys - i;
            if (left > width) merge(from + i, width, left < 2 * width ? left : 2 * width, to + i);
            else memcpy(to + i, from + i, left * sizeof *to);
        }
        kb_waiting *sorted = to;
        to = from;
        from = sorted;
    }
    if (from != keys) memcpy(keys, from, n_keys * sizeof *keys);
}

/* --- blocks --------------------------------------------------------------------------------------- */

void kb_crowd_deinit(kb_crowd *crowd, kb_alloc *alloc) {
    kb_alloc_free(alloc, crowd->keys, (size_t)crowd->n_places * KB_CROWD_BLOCK,
                  sizeof *crowd->keys);
    kb_alloc_free(alloc, crowd->blocks, crowd->capacity, sizeof *crowd->blocks);
    *crowd = (kb_crowd){0};
}

bool kb_crowd_grow_(kb_crowd *crowd, kb_alloc *alloc, uint64_t n_blocks) {
    enum { FEW = 16, MOST = UINT32_MAX / (2 * KB_CROWD_BLOCK) };
    uint32_t old = crowd->capacity, capacity = old ? old : FEW;
    if (n_blocks > MOST) return false;
    while (capacity < n_blocks) capacity *= 2;
    if (crowd->n_places < capacity) {
        kb_waiting *keys =
            kb_alloc_resize(alloc, crowd->keys, (size_t)crowd->n_places * KB_CROWD_BLOCK,
                            (size_t)capacity * KB_CROWD_BLOCK, sizeof *keys);
        if (!keys) return false;
        crowd->keys = keys;
        crowd->n_places = capacity;
    }
    kb_crowd_block *blocks = kb_alloc_resize(alloc, crowd->blocks, old, capacity, sizeof *blocks);
    if (!blocks) return false;
    for (uint32_t i = old; i < capacity; i++) blocks[i].place = i;
    crowd->blocks = blocks;
    crowd->capacity = capacity;
    return true;
}

static kb_waiting *keys_of(const kb_crowd *crowd, const kb_crowd_block *block) {
    return crowd->keys + (size_t)block->place * KB_CROWD_BLOCK;
}

/* An empty one, before those from `i` on. */
static kb_crowd_block *add_block(kb_crowd *crowd, uint32_t i) {
    kb_crowd_block *blocks = crowd->blocks;
    uint32_t place = blocks[crowd->n_blocks].place;
    memmove(&blocks[i + 1], &blocks[i], (crowd->n_blocks++ - i) * sizeof *blocks);
    blocks[i] = (kb_crowd_block){.place = place};
    return &blocks[i];
}

static void fill(kb_crowd *crowd, kb_crowd_block *block, const kb_waiting *keys, uint32_t n_keys) {
    memcpy(keys_of(crowd, block), keys, n_keys * sizeof *keys);
    block->least = keys[0];
    block->count = n_keys;
}

/* The half that comes last becomes a block of its own. */
static void cut(kb_crowd *crowd, uint32_t i) {
    kb_crowd_block *upper = add_block(crowd, i), *block = upper + 1;
    kb_waiting *keys = keys_of(crowd, block);
    sort(keys, block->count, keys_of(crowd, upper));
    uint32_t n_left = block->count / 2;
    fill(crowd, upper, keys + n_left, block->count - n_left);
    block->count = n_left;
}

/* Which block's it is. */
static uint32_t find(const kb_crowd *crowd, const kb_waiting *key) {
    uint32_t first = 0, count = crowd->n_blocks - 1;
    while (count > 0) {
        uint32_t half = count / 2;
        if (kb_waiting_before(key, &crowd->blocks[first + half].least)) {
            first += half + 1;
            count -= half + 1;
        } else {
            count = half;
        }
    }
    return first;
}

void kb_crowd_put(kb_crowd *crowd, const kb_waiting *key) {
    uint32_t i = find(crowd, key);
    kb_crowd_block *block = &crowd->blocks[i];
    keys_of(crowd, block)[block->count++] = *key;
    crowd->count++;
    if (block->count == KB_CROWD_BLOCK) cut(crowd, i);
}

void kb_crowd_put_before(kb_crowd *crowd, const kb_waiting *keys, uint32_t n_keys) {
    crowd->count += n_keys;
    while (n_keys) {
        uint32_t n = n_keys < KB_CROWD_BLOCK ? n_keys : KB_CROWD_BLOCK / 2;
        n_keys -= n;
        fill(crowd, add_block(crowd, crowd->n_blocks), keys + n_keys, n);
    }
}

uint32_t kb_crowd_take(kb_crowd *crowd, kb_waiting *keys) {
    const kb_crowd_block *first = &crowd->blocks[--crowd->n_blocks];
    kb_waiting *own = keys_of(crowd, first);
    memcpy(keys, own, first->count * sizeof *keys);
    sort(keys, first->count, own);
    crowd->count -= first->count;
    return first->count;
}
