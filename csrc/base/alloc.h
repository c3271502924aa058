/* The allocator: the engine's only way to memory.
 *
 * One function does all three jobs, as lua_Alloc does: (NULL, 0, n) allocates, (p, old, n) resizes
 * and (p, old, 0) frees.  Sizes are passed in, so a user's allocator needs no headers of its own.  What an
 * array that grows does not use yet is not touched: the first touch of a page is dear.
 * `counts` is kept by the wrappers below: tests read it to prove that a warm engine allocates
 * nothing, and fail the n-th call to prove that nothing leaks.
 */
#ifndef KB_BASE_ALLOC_H
#define KB_BASE_ALLOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct kb_alloc {
    void *(*resize)(void *user, void *block, size_t old_nbytes, size_t new_nbytes);
    void *(*zeroed)(void *user, size_t nbytes); /* a new block of zeros; NULL: it is zeroed here */
    void *user;
    uint64_t n_calls;    /* allocations and growths that were asked for, failed ones too */
    uint64_t fail_at;    /* the call (counted from 1) that fails; 0: none */
    int64_t live_nbytes; /* bytes handed out and not yet freed */
    int64_t peak_nbytes; /* the most that was ever live */
} kb_alloc;

/* An allocator over malloc/realloc/free. */
kb_alloc kb_alloc_system(void);

/* n_items * item_nbytes bytes, zeroed; NULL when there is no memory, when the product overflows, or
 * when this is the call that has to fail.  A request for nothing gives a valid block of one byte. */
void *kb_alloc_zeroed(kb_alloc *alloc, size_t n_items, size_t item_nbytes);

/* Resizes an array; new items are not zeroed.  On failure NULL, and the old block stays valid. */
void *kb_alloc_resize(kb_alloc *alloc, void *block, size_t old_items, size_t new_items,
                      size_t item_nbytes);

enum { KB_LINE_NBYTES = 64 };

/* Where the first line of the cache begins in a block, which has as much to spare.  Accepts NULL. */
static inline void *kb_first_line(void *block) {
    uintptr_t past = (uintptr_t)block % KB_LINE_NBYTES;
    return past ? (char *)block + (KB_LINE_NBYTES - past) : block;
}

/* A larger capacity for an array of old > 0 items, a power of two times that: in large steps for some hundreds,
 * since what is moved is touched anew, and what is not used yet costs nothing. */
static inline uint32_t kb_grown_capacity(uint32_t old) {
    return old < 64 || old > 8192 ? 2 * old : old < 1024 ? 4 * old : 16 * old;
}

/* Frees a block of n_items * item_nbytes bytes; accepts NULL. */
void kb_alloc_free(kb_alloc *alloc, void *block, size_t n_items, size_t item_nbytes);

#endif
