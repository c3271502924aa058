/* A growable array of one type.
 *
 *     KB_VEC(kb_link) links = {0};
 *     kb_link *slot = KB_VEC_PUSH(&links, alloc);     NULL when there is no memory
 *     KB_VEC_FREE(&links, alloc);
 *
 * Growth doubles, so items move: keep indices, not pointers.  `items[0..count)` is valid.
 */
#ifndef KB_BASE_VEC_H
#define KB_BASE_VEC_H

#include "base/alloc.h"

#define KB_VEC(type)     \
    struct {             \
        type *items;     \
        size_t count;    \
        size_t capacity; \
    }

/* Room for `extra` more items.  True when there is; nothing is lost when there is not. */
static inline int kb_vec_reserve_(kb_alloc *alloc, void **items, size_t count, size_t *capacity,
                                  size_t extra, size_t item_nbytes) {
    if (extra > SIZE_MAX - count) return 0;
    if (count + extra <= *capacity) return 1;
    size_t wanted = *capacity < 8 ? 8 : *capacity * 2;
    if (wanted < count + extra) wanted = count + extra;
    void *grown = kb_alloc_resize(alloc, *items, *capacity, wanted, item_nbytes);
    if (!grown) return 0;
    *items = grown;
    *capacity = wanted;
    return 1;
}

#define KB_VEC_RESERVE(vec, alloc, extra)                                                     \
    kb_vec_reserve_((alloc), (void **)&(vec)->items, (vec)->count, &(vec)->capacity, (extra), \
                    sizeof *(vec)->items)

/* Address of a new, uninitialised last item; NULL when there is no memory. */
#define KB_VEC_PUSH(vec, alloc) \
    (KB_VEC_RESERVE(vec, alloc, 1) ? &(vec)->items[(vec)->count++] : NULL)

#define KB_VEC_FREE(vec, alloc)                                                      \
    do {                                                                             \
        kb_alloc_free((alloc), (vec)->items, (vec)->capacity, sizeof *(vec)->items); \
        (vec)->items = NULL;                                                         \
        (vec)->count = (vec)->capacity = 0;                                          \
    } while (0)

#endif
