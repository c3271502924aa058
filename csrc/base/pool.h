/* A pool: items of one type by number, taken and given back in any order.
 *
 *     KB_POOL(kb_stream) streams;
 *     kb_pool_init(&streams.state);
 *     if (KB_POOL_TAKE(&streams, alloc, &number)) streams.items[number] = ...
 *
 * An item has a field `uint32_t next`, which threads the free ones.  Growth moves the items: keep
 * numbers, and look pointers up again after a take.
 */
#ifndef KB_BASE_POOL_H
#define KB_BASE_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/alloc.h"

#define KB_NONE UINT32_MAX

typedef struct kb_pool_state {
    uint32_t count, capacity; /* items that were ever taken, and that there is room for */
    uint32_t free;            /* the first free one, or KB_NONE */
    uint32_t n_live;
} kb_pool_state;

#define KB_POOL(type)        \
    struct {                 \
        type *items;         \
        kb_pool_state state; \
    }

static inline void kb_pool_init(kb_pool_state *state) {
    *state = (kb_pool_state){.free = KB_NONE};
}

/* From some to so many that the system moves them without touching them: what is not used yet costs nothing. */
static inline uint32_t kb_pool_capacity_(uint32_t old, size_t item_nbytes) {
    enum { SOME = 64, MANY_NBYTES = 192 * 1024 };
    uint32_t capacity = old ? 2 * old : SOME;
    while (old && capacity * item_nbytes < MANY_NBYTES) capacity *= 2;
    return capacity;
}

/* Room for one more item behind the last; false when there is no memory. */
static inline bool kb_pool_grow_(kb_alloc *alloc, void **items, kb_pool_state *state,
                                 size_t item_nbytes) {
    if (state->count < state->capacity) return true;
    if (state->capacity > UINT32_MAX / 4) return false; /* numbers stay below 2^31 */
    uint32_t capacity = kb_pool_capacity_(state->capacity, item_nbytes);
    void *grown = kb_alloc_resize(alloc, *items, state->capacity, capacity, item_nbytes);
    if (!grown) return false;
    *items = grown;
    state->capacity = capacity;
    return true;
}

/* Sets *number to that of an uninitialised item; false, and nothing changes, without memory. */
#define KB_POOL_TAKE(pool, alloc, number)                                                       \
    ((pool)->state.free != KB_NONE                                                              \
         ? (*(number) = (pool)->state.free, (pool)->state.free = (pool)->items[*(number)].next, \
            (pool)->state.n_live++, true)                                                       \
     : kb_pool_grow_((alloc), (void **)&(pool)->items, &(pool)->state, sizeof *(pool)->items)   \
         ? (*(number) = (pool)->state.count++, (pool)->state.n_live++, true)                    \
         : false)

#define KB_POOL_GIVE(pool, number)                                                   \
    ((pool)->items[number].next = (pool)->state.free, (pool)->state.free = (number), \
     (pool)->state.n_live--)

#define KB_POOL_FREE(pool, alloc)                                                          \
    (kb_alloc_free((alloc), (pool)->items, (pool)->state.capacity, sizeof *(pool)->items), \
     (pool)->items = NULL, kb_pool_init(&(pool)->state))

#endif
