/* An arena: many small blocks with one lifetime, freed together.
 *
 *     first chunk            second chunk
 *     [header|a|b|c....]  <- [header|d.........]   blocks are handed out from the left of the newest
 *
 * Blocks are 16-byte aligned, zeroed and never move.  Under AddressSanitizer what has not been handed
 * out is poisoned, so an arena does not blind the sanitizer.
 */
#ifndef KB_BASE_ARENA_H
#define KB_BASE_ARENA_H

#include "base/alloc.h"

typedef struct kb_arena_chunk kb_arena_chunk;

typedef struct kb_arena {
    kb_alloc *alloc; /* borrowed */
    kb_arena_chunk *newest;
} kb_arena;

/* `alloc` is borrowed and must outlive the arena. */
void kb_arena_init(kb_arena *arena, kb_alloc *alloc);

/* n_items * item_nbytes zeroed bytes, valid until kb_arena_deinit; NULL when there is no memory. */
void *kb_arena_take(kb_arena *arena, size_t n_items, size_t item_nbytes);

/* A terminated copy of length bytes of text; NULL when there is no memory. */
char *kb_arena_copy_text(kb_arena *arena, const char *text, size_t length);

/* Takes every block back at once and keeps one chunk for those to come. */
void kb_arena_reset(kb_arena *arena);

/* Frees every block at once. */
void kb_arena_deinit(kb_arena *arena);

#endif
