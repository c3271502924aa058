#if defined(__linux__)
#define _DEFAULT_SOURCE /* madvise */
#include <sys/mman.h>
#endif

#include "base/pages.h"

#include <stdlib.h>
#include <string.h>

enum { HUGE_PAGE = 1 << 21, STEP = 16, SMALL = 1 << 15, N_SIZES = SMALL / STEP + 1 };

/* A block that is free, and a chunk: each knows the one before it. */
typedef struct link {
    struct link *older;
} link;

struct kb_pages {
    link *chunks;
    size_t used; /* bytes of the newest chunk */
    link *freed[N_SIZES];
};

/* The whole huge pages of these bytes. */
static void ask_for_huge_pages(void *block, size_t nbytes) {
#if defined(MADV_HUGEPAGE)
    uintptr_t first = ((uintptr_t)block + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
    uintptr_t end = ((uintptr_t)block + nbytes) / HUGE_PAGE * HUGE_PAGE;
    if (first < end)
        (void)madvise((char *)block + (first - (uintptr_t)block), end - first, MADV_HUGEPAGE);
#else
    (void)block, (void)nbytes;
#endif
}

static size_t size_of(size_t nbytes) {
    return (nbytes + STEP - 1) / STEP;
}

static void *take_small(kb_pages *pages, size_t nbytes) {
    size_t size = size_of(nbytes);
    link *block = pages->freed[size];
    if (block) {
        pages->freed[size] = block->older;
        return block;
    }
    if (!pages->chunks || pages->used + size * STEP > HUGE_PAGE) {
        link *chunk = aligned_alloc(HUGE_PAGE, HUGE_PAGE);
        if (!chunk) return NULL;
        if (pages->chunks) ask_for_huge_pages(chunk, HUGE_PAGE);
        chunk->older = pages->chunks;
        pages->chunks = chunk;
        pages->used = STEP;
    }
    block = (link *)(void *)((char *)pages->chunks + pages->used);
    pages->used += size * STEP;
    return block;
}

/* As it comes: what an array that grows does not use yet is not touched. */
static void *take(kb_pages *pages, size_t nbytes) {
    if (nbytes <= SMALL) return take_small(pages, nbytes);
    void *block = malloc(nbytes);
    if (block) ask_for_huge_pages(block, nbytes);
    return block;
}

static void give(kb_pages *pages, void *block, size_t nbytes) {
    if (nbytes > SMALL) {
        free(block);
        return;
    }
    link *freed = block;
    freed->older = pages->freed[size_of(nbytes)];
    pages->freed[size_of(nbytes)] = freed;
}

static void *paged_resize(void *user, void *block, size_t old_nbytes, size_t new_nbytes) {
    kb_pages *pages = user;
    if (!block) return take(pages, new_nbytes);
    if (new_nbytes == 0) {
        give(pages, block, old_nbytes);
        return NULL;
    }
    void *grown;
    if (old_nbytes > SMALL && new_nbytes > SMALL) {
        grown = realloc(block, new_nbytes);
        if (grown) ask_for_huge_pages(grown, new_nbytes);
        return grown;
    }
    if (old_nbytes <= SMALL && new_nbytes <= SMALL && size_of(old_nbytes) == size_of(new_nbytes))
        return block;
    grown = take(pages, new_nbytes);
    if (!grown) return NULL;
    memcpy(grown, block, old_nbytes < new_nbytes ? old_nbytes : new_nbytes);
    give(pages, block, old_nbytes);
    return grown;
}

static void *paged_zeroed(void *user, size_t nbytes) {
    kb_pages *pages = user;
    void *block;
    if (nbytes <= SMALL) {
        block = take_small(pages, nbytes);
        if (block) memset(block, 0, nbytes);
    } else {
        /* calloc of a large block is given zero pages by the system and touches none of them. */
        block = calloc(1, nbytes);
        if (block) ask_for_huge_pages(block, nbytes);
    }
    return block;
}

kb_pages *kb_pages_create(void) {
    return calloc(1, sizeof(kb_pages));
}

void kb_pages_destroy(kb_pages *pages) {
    if (!pages) return;
    for (link *chunk = pages->chunks, *older; chunk; chunk = older) {
        older = chunk->older;
        free(chunk);
    }
    free(pages);
}

kb_alloc kb_alloc_paged(kb_pages *pages) {
    return (kb_alloc){.resize = paged_resize, .zeroed = paged_zeroed, .user = pages};
}
