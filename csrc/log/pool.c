#include "log/pool.h"

enum { STRETCH = 1 << 19, BITS = 7, MORE = 1 << BITS };

static uint64_t fold(int64_t word) {
    return (uint64_t)word << 1 ^ (word < 0 ? UINT64_MAX : 0);
}

static int64_t unfold(uint64_t folded) {
    return (int64_t)(folded >> 1 ^ (folded & 1 ? UINT64_MAX : 0));
}

static size_t n_bytes_of(uint64_t number) {
    return (size_t)(64 - __builtin_clzll(number | 1) + BITS - 1) / BITS;
}

static unsigned char *put(unsigned char *to, uint64_t number) {
    for (; number >= MORE; number >>= BITS) *to++ = (unsigned char)(number | MORE);
    *to++ = (unsigned char)number;
    return to;
}

static const unsigned char *get(const unsigned char *from, uint64_t *number) {
    unsigned shift = 0;
    *number = 0;
    do *number |= (uint64_t)(*from & (MORE - 1)) << shift, shift += BITS;
    while (*from++ & MORE);
    return from;
}

/* Room for nbytes contiguous bytes: where they are and their offset in the pool. */
static unsigned char *take(kb_pool *pool, size_t nbytes, int64_t record, int64_t *offset) {
    size_t newest = pool->stretches.count;
    if (newest == 0 || !pool->stretches.items[newest - 1].bytes ||
        pool->n_used + nbytes > pool->stretches.items[newest - 1].nbytes) {
        size_t n_chunks = (nbytes + STRETCH - 1) / STRETCH;
        if (!KB_VEC_RESERVE(&pool->stretches, pool->alloc, n_chunks)) return NULL;
        unsigned char *bytes = kb_alloc_zeroed(pool->alloc, n_chunks * STRETCH, 1);
        if (!bytes) return NULL;
        pool->nbytes += (int64_t)(n_chunks * STRETCH);
        pool->stretches.items[newest] = (kb_stretch){bytes, n_chunks * STRETCH, 0};
        for (size_t i = 1; i < n_chunks; i++)
            pool->stretches.items[newest + i] = (kb_stretch){NULL, 0, 0};
        pool->stretches.count += n_chunks;
        pool->n_used = 0;
        newest += 1;
    }
    kb_stretch *stretch = &pool->stretches.items[newest - 1];
    stretch->last_record = record;
    *offset = (int64_t)((newest - 1) * STRETCH + pool->n_used);
    unsigned char *bytes = stretch->bytes + pool->n_used;
    pool->n_used += nbytes;
    return bytes;
}

/* Room for the words of a payload that is read. */
static bool reserve_words(kb_pool *pool, size_t n_words) {
    if (n_words <= pool->n_words) return true;
    size_t wanted = n_words < 64 ? 64 : 2 * n_words;
    int64_t *words =
        kb_alloc_resize(pool->alloc, pool->words, pool->n_words, wanted, sizeof *words);
    if (!words) return false;
    pool->nbytes += (int64_t)((wanted - pool->n_words) * sizeof *words);
    pool->words = words;
    pool->n_words = wanted;
    return true;
}

bool kb_pool_add(kb_pool *pool, const int64_t *words, uint32_t n_words, int64_t record,
                 int64_t *offset) {
    size_t nbytes = n_bytes_of(n_words);
    for (uint32_t i = 0; i < n_words; i++) nbytes += n_bytes_of(fold(words[i]));
    if (!reserve_words(pool, n_words)) return false;
    unsigned char *to = take(pool, nbytes, record, offset);
    if (!to) return false;
    to = put(to, n_words);
    for (uint32_t i = 0; i < n_words; i++) to = put(to, fold(words[i]));
    return true;
}

const int64_t *kb_pool_get(const kb_pool *pool, int64_t offset, uint32_t *n_words) {
    uint64_t number;
    const unsigned char *from = pool->stretches.items[offset / STRETCH].bytes + offset % STRETCH;
    from = get(from, &number);
    *n_words = (uint32_t)number;
    for (uint32_t i = 0; i < *n_words; i++) {
        from = get(from, &number);
        pool->words[i] = unfold(number);
    }
    return pool->words;
}

void kb_pool_release(kb_pool *pool, int64_t record) {
    while (pool->n_freed + 1 < pool->stretches.count) {
        kb_stretch *stretch = &pool->stretches.items[pool->n_freed];
        size_t n_numbers = stretch->nbytes / STRETCH;
        if (stretch->last_record >= record || pool->n_freed + n_numbers >= pool->stretches.count)
            break;
        pool->nbytes -= (int64_t)stretch->nbytes;
        kb_alloc_free(pool->alloc, stretch->bytes, stretch->nbytes, 1);
        stretch->bytes = NULL;
        pool->n_freed += n_numbers;
    }
}

void kb_pool_deinit(kb_pool *pool) {
    for (size_t i = 0; i < pool->stretches.count; i++)
        kb_alloc_free(pool->alloc, pool->stretches.items[i].bytes, pool->stretches.items[i].nbytes,
                      1);
    KB_VEC_FREE(&pool->stretches, pool->alloc);
    kb_alloc_free(pool->alloc, pool->words, pool->n_words, sizeof *pool->words);
}
