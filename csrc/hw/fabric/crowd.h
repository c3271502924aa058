/* A crowd: those that come after all that are sorted (hw/fabric/lineup.h), where there are very many.  Blocks
 * of keys, in order; in a block, in no order.
 *
 *     least of block    500         300          100
 *     its keys          520 500     310 333 300  140 100 111        <─ the first block is the last
 *
 * A key is put to those of its block, which is found by halves; a block that is full is sorted, and cut in two.
 * Who wants the first ones gets a block of them, sorted.  So a key costs as much as to sort a block, which the
 * first cache holds, however many there are: in a heap of 100,000 each would wait for memory at every level.
 *
 * Invariants
 *   C1. `least` is one of its block's keys; the first block's is the first of all.
 *   C2. A block is at least half full, and has room for one more.
 */
#ifndef KB_HW_FABRIC_CROWD_H
#define KB_HW_FABRIC_CROWD_H

#include "hw/fabric/waitq.h"

enum { KB_CROWD_BLOCK = 128 };

typedef struct kb_crowd_block {
    kb_waiting least;
    uint32_t place, count; /* its keys are at place * KB_CROWD_BLOCK */
} kb_crowd_block;

typedef struct kb_crowd {
    kb_waiting *keys; /* n_places blocks of them */
    kb_crowd_block
        *blocks; /* n_blocks, and behind them, up to `capacity`, the places that are free */
    uint32_t n_places, n_blocks, capacity;
    uint32_t count; /* of keys */
} kb_crowd;

void kb_crowd_deinit(kb_crowd *crowd, kb_alloc *alloc);

bool kb_crowd_grow_(kb_crowd *crowd, kb_alloc *alloc, uint64_t n_blocks) KB_MUST_CHECK;

/* Room for n_keys in all; false when there is no memory. */
KB_MUST_CHECK static inline bool kb_crowd_reserve(kb_crowd *crowd, kb_alloc *alloc,
                                                  uint32_t n_keys) {
    uint64_t n_blocks = (uint64_t)n_keys / (KB_CROWD_BLOCK / 2) + 2;
    return n_blocks <= crowd->capacity || kb_crowd_grow_(crowd, alloc, n_blocks);
}

/* The first; there is one. */
static inline const kb_waiting *kb_crowd_first(const kb_crowd *crowd) {
    return &crowd->blocks[crowd->n_blocks - 1].least;
}

/* One that does not come before the first. */
void kb_crowd_put(kb_crowd *crowd, const kb_waiting *key);

/* Half a block of keys or more that come before all, in order. */
void kb_crowd_put_before(kb_crowd *crowd, const kb_waiting *keys, uint32_t n_keys);

/* The first ones, in order, to where there is room for a block of them.  How many they were. */
uint32_t kb_crowd_take(kb_crowd *crowd, kb_waiting *keys);

#endif
