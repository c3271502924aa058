#include "base/arena.h"

#include <string.h>

#include "base/checked.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#define POISON(block, nbytes) __asan_poison_memory_region((block), (nbytes))
#define UNPOISON(block, nbytes) __asan_unpoison_memory_region((block), (nbytes))
#else
#define POISON(block, nbytes) ((void)0)
#define UNPOISON(block, nbytes) ((void)0)
#endif

enum { ALIGNMENT = 16, CHUNK_NBYTES = 64 * 1024 };

struct kb_arena_chunk {
    kb_arena_chunk *older;
    size_t nbytes; /* the whole chunk, header included */
    size_t used;
    size_t padding;
};

void kb_arena_init(kb_arena *arena, kb_alloc *alloc) {
    arena->alloc = alloc;
    arena->newest = NULL;
}

void *kb_arena_take(kb_arena *arena, size_t n_items, size_t item_nbytes) {
    size_t nbytes;
    if (kb_mul_size(n_items, item_nbytes, &nbytes) || nbytes > PTRDIFF_MAX / 2) return NULL;
    nbytes = (nbytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    kb_arena_chunk *chunk = arena->newest;
    if (!chunk || chunk->nbytes - chunk->used < nbytes) {
        size_t wanted = sizeof *chunk + nbytes;
        if (wanted < CHUNK_NBYTES) wanted = CHUNK_NBYTES;
        chunk = kb_alloc_zeroed(arena->alloc, 1, wanted);
        if (!chunk) return NULL;
        chunk->older = arena->newest;
        chunk->nbytes = wanted;
        chunk->used = sizeof *chunk;
        arena->newest = chunk;
        POISON((char *)chunk + chunk->used, chunk->nbytes - chunk->used);
    }
    char *block = (char *)chunk + chunk->used;
    chunk->used += nbytes;
    UNPOISON(block, nbytes);
    return block;
}

char *kb_arena_copy_text(kb_arena *arena, const char *text, size_t length) {
    char *copy = kb_arena_take(arena, length + 1, 1);
    if (copy) memcpy(copy, text, length);
    return copy;
}

static void free_chunks(kb_arena *arena, kb_arena_chunk *chunk) {
    while (chunk) {
        kb_arena_chunk *older = chunk->older;
        UNPOISON((char *)chunk, chunk->nbytes);
        kb_alloc_free(arena->alloc, chunk, 1, chunk->nbytes);
        chunk = older;
    }
}

void kb_arena_reset(kb_arena *arena) {
    kb_arena_chunk *kept = arena->newest;
    if (!kept) return;
    free_chunks(arena, kept->older);
    kept->older = NULL;
    memset(kept + 1, 0, kept->used - sizeof *kept);
    kept->used = sizeof *kept;
    POISON((char *)kept + kept->used, kept->nbytes - kept->used);
}

void kb_arena_deinit(kb_arena *arena) {
    free_chunks(arena, arena->newest);
    arena->newest = NULL;
}
