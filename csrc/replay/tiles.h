/* Tiles: the host memory behind tile versions, from the record that makes one to the one that reads
 * it last.
 *
 *     version ──hash table──> block (64-byte aligned)          free blocks: one list a size class
 *
 * Freed blocks are kept and handed out again, so a warm replay allocates nothing.  Size classes are
 * four to an octave.  Scratch is a block without a version, which lives until the end of its
 * record.
 *
 * Invariants
 * 1. A version has one block; its address stays until the version is dropped.
 * 2. kb_tiles_rename never fails: it is how an accumulator is updated in place.
 */
#ifndef KB_REPLAY_TILES_H
#define KB_REPLAY_TILES_H

#include <stddef.h>
#include <stdint.h>

#include "base/alloc.h"

typedef struct kb_tile_block kb_tile_block;

typedef struct kb_tile_slot {
    uint64_t version;
    kb_tile_block *block; /* NULL: the slot is free */
} kb_tile_slot;

enum { KB_TILE_CLASSES = 192 };

typedef struct kb_tiles {
    kb_alloc *alloc; /* borrowed */
    kb_tile_slot *slots;
    size_t n_slots, count; /* n_slots is 0 or a power of two, at most half of it used */
    kb_tile_block *scratch;
    kb_tile_block *spare[KB_TILE_CLASSES];
} kb_tiles;

void kb_tiles_init(kb_tiles *tiles, kb_alloc *alloc);
void kb_tiles_deinit(kb_tiles *tiles); /* frees everything */

/* A new version of `nbytes` bytes (0 is allowed), contents undefined; NULL when there is no
 * memory. */
void *kb_tiles_add(kb_tiles *tiles, uint64_t version, size_t nbytes);

/* The bytes of a version; NULL when there is none.  nbytes may be NULL. */
void *kb_tiles_find(const kb_tiles *tiles, uint64_t version, size_t *nbytes);

/* Forgets a version; one that is not there is ignored. */
void kb_tiles_drop(kb_tiles *tiles, uint64_t version);

/* The block of `version` becomes that of `renamed`, which is not there yet. */
void kb_tiles_rename(kb_tiles *tiles, uint64_t version, uint64_t renamed);

/* `nbytes` bytes until kb_tiles_end_record; NULL when there is no memory. */
void *kb_tiles_scratch(kb_tiles *tiles, size_t nbytes);
void kb_tiles_end_record(kb_tiles *tiles);

#endif
