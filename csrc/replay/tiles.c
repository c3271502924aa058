#include "replay/tiles.h"

#include <string.h>

#include "base/checked.h"
#include "base/hash.h"

enum { ALIGNMENT = 64, LEAST_NBYTES = 64 };

/* Lies in the ALIGNMENT bytes before its data. */
struct kb_tile_block {
    kb_tile_block *next; /* of the free or the scratch list */
    void *memory;        /* as the allocator gave it */
    size_t memory_nbytes;
    size_t nbytes; /* in use */
    uint32_t class_number;
};

static void *block_data(kb_tile_block *block) {
    return (unsigned char *)block + ALIGNMENT;
}

/* Class 4e + m holds blocks of (4 + m) * 2^e * LEAST_NBYTES / 4 bytes. */
static uint32_t class_of(size_t nbytes, size_t *capacity) {
    uint32_t number = 0;
    size_t step = LEAST_NBYTES / 4;
    while (number < KB_TILE_CLASSES && step * (4 + number % 4) < nbytes)
        if (++number % 4 == 0) step *= 2;
    *capacity = step * (4 + number % 4);
    return number;
}

static kb_tile_block *take_block(kb_tiles *tiles, size_t nbytes) {
    if (nbytes > PTRDIFF_MAX / 4) return NULL;
    size_t capacity;
    uint32_t number = class_of(nbytes, &capacity);
    kb_tile_block *block = tiles->spare[number];
    if (block) {
        tiles->spare[number] = block->next;
    } else {
        size_t memory_nbytes = capacity + 2 * ALIGNMENT;
        unsigned char *memory = kb_alloc_zeroed(tiles->alloc, memory_nbytes, 1);
        if (!memory) return NULL;
        size_t to_boundary = ALIGNMENT - (uintptr_t)memory % ALIGNMENT;
        block = (kb_tile_block *)(void *)(memory + to_boundary);
        *block = (kb_tile_block){NULL, memory, memory_nbytes, 0, number};
    }
    block->nbytes = nbytes;
    return block;
}

static void give_block(kb_tiles *tiles, kb_tile_block *block) {
    block->next = tiles->spare[block->class_number];
    tiles->spare[block->class_number] = block;
}

static void free_list(kb_tiles *tiles, kb_tile_block *block) {
    while (block) {
        kb_tile_block *next = block->next;
        kb_alloc_free(tiles->alloc, block->memory, block->memory_nbytes, 1);
        block = next;
    }
}

void kb_tiles_init(kb_tiles *tiles, kb_alloc *alloc) {
    memset(tiles, 0, sizeof *tiles);
    tiles->alloc = alloc;
}

void kb_tiles_deinit(kb_tiles *tiles) {
    kb_tiles_end_record(tiles);
    for (size_t i = 0; i < tiles->n_slots; i++)
        if (tiles->slots[i].block) give_block(tiles, tiles->slots[i].block);
    for (size_t i = 0; i < KB_TILE_CLASSES; i++) free_list(tiles, tiles->spare[i]);
    kb_alloc_free(tiles->alloc, tiles->slots, tiles->n_slots, sizeof *tiles->slots);
}

static size_t home_of(const kb_tiles *tiles, uint64_t version) {
    return (size_t)kb_hash_finish(version) & (tiles->n_slots - 1);
}

/* Where the version is, or the free slot where it would be. */
static size_t probe(const kb_tiles *tiles, uint64_t version) {
    size_t at = home_of(tiles, version);
    while (tiles->slots[at].block && tiles->slots[at].version != version)
        at = (at + 1) & (tiles->n_slots - 1);
    return at;
}

static int grow(kb_tiles *tiles) {
    kb_tiles grown = *tiles;
    grown.n_slots = tiles->n_slots ? 2 * tiles->n_slots : 64;
    grown.slots = kb_alloc_zeroed(tiles->alloc, grown.n_slots, sizeof *grown.slots);
    if (!grown.slots) return 0;
    for (size_t i = 0; i < tiles->n_slots; i++)
        if (tiles->slots[i].block)
            grown.slots[probe(&grown, tiles->slots[i].version)] = tiles->slots[i];
    kb_alloc_free(tiles->alloc, tiles->slots, tiles->n_slots, sizeof *tiles->slots);
    tiles->slots = grown.slots;
    tiles->n_slots = grown.n_slots;
    return 1;
}

void *kb_tiles_add(kb_tiles *tiles, uint64_t version, size_t nbytes) {
    if (2 * (tiles->count + 1) > tiles->n_slots && !grow(tiles)) return NULL;
    kb_tile_block *block = take_block(tiles, nbytes);
    if (!block) return NULL;
    tiles->slots[probe(tiles, version)] = (kb_tile_slot){version, block};
    tiles->count++;
    return block_data(block);
}

void *kb_tiles_find(const kb_tiles *tiles, uint64_t version, size_t *nbytes) {
    if (tiles->n_slots == 0) return NULL;
    kb_tile_block *block = tiles->slots[probe(tiles, version)].block;
    if (!block) return NULL;
    if (nbytes) *nbytes = block->nbytes;
    return block_data(block);
}

/* Takes a slot out; later ones of the same run of slots move up, so that no search stops early. */
static kb_tile_block *remove_slot(kb_tiles *tiles, size_t hole) {
    kb_tile_block *block = tiles->slots[hole].block;
    size_t mask = tiles->n_slots - 1;
    for (size_t at = (hole + 1) & mask; tiles->slots[at].block; at = (at + 1) & mask) {
        size_t home = home_of(tiles, tiles->slots[at].version);
        if (((at - home) & mask) < ((at - hole) & mask)) continue;
        tiles->slots[hole] = tiles->slots[at];
        hole = at;
    }
    tiles->slots[hole].block = NULL;
    tiles->count--;
    return block;
}

void kb_tiles_drop(kb_tiles *tiles, uint64_t version) {
    if (tiles->n_slots == 0) return;
    size_t at = probe(tiles, version);
    if (tiles->slots[at].block) give_block(tiles, remove_slot(tiles, at));
}

void kb_tiles_rename(kb_tiles *tiles, uint64_t version, uint64_t renamed) {
    kb_tile_block *block = remove_slot(tiles, probe(tiles, version));
    tiles->slots[probe(tiles, renamed)] = (kb_tile_slot){renamed, block};
    tiles->count++;
}

void *kb_tiles_scratch(kb_tiles *tiles, size_t nbytes) {
    kb_tile_block *block = take_block(tiles, nbytes);
    if (!block) return NULL;
    block->next = tiles->scratch;
    tiles->scratch = block;
    return block_data(block);
}

void kb_tiles_end_record(kb_tiles *tiles) {
    while (tiles->scratch) {
        kb_tile_block *block = tiles->scratch;
        tiles->scratch = block->next;
        give_block(tiles, block);
    }
}
