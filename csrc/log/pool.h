/* The payloads of the op log: int64 words, kept as bytes in stretches of memory that never move.
 *
 * A payload is its number of words, then the words: each takes one byte for every 7 bits of its size, small
 * numbers of either sign few.  It is named by the offset of its first byte.
 */
#ifndef KB_LOG_POOL_H
#define KB_LOG_POOL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/alloc.h"
#include "base/vec.h"

/* A payload lies in one stretch; one that is larger than usual has a stretch of several numbers for itself, of
 * which only the first has bytes. */
typedef struct kb_stretch {
    unsigned char *bytes;
    size_t nbytes;
    int64_t last_record; /* with a payload here: freed when that is released */
} kb_stretch;

typedef struct kb_pool {
    kb_alloc *alloc; /* borrowed */
    KB_VEC(kb_stretch) stretches;
    size_t n_used;  /* bytes of the newest stretch */
    size_t n_freed; /* stretches before this one are freed */
    int64_t *words; /* of the payload that was read last; room for the largest */
    size_t n_words;
    int64_t nbytes; /* held */
} kb_pool;

void kb_pool_deinit(kb_pool *pool); /* one that is zeroed but for `alloc` is empty */

/* Keeps a payload of record `record`; false when there is no memory. */
bool kb_pool_add(kb_pool *pool, const int64_t *words, uint32_t n_words, int64_t record,
                 int64_t *offset);

/* The words; valid until the next call. */
const int64_t *kb_pool_get(const kb_pool *pool, int64_t offset, uint32_t *n_words);

/* Frees what only records below `record` need; the newest stretch stays. */
void kb_pool_release(kb_pool *pool, int64_t record);

#endif
