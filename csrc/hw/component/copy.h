/* A copy between host memory and a range of one tensor, and how far it has got.
 *
 *   submitted ─> IO_CPU ─> M_CPU of each cube that holds part of it ─> M_CPU.DMA, piece by piece
 *   host      <─ IO_CPU <─ one response a cube, when its pieces are written
 *
 * Its messages (KB_MSG_COPY, down and up) are one flit; their tag is the copy's slot.  The bytes go
 * in requests of M_CPU.DMA, between the host's memory and the slices.
 */
#ifndef KB_HW_COMPONENT_COPY_H
#define KB_HW_COMPONENT_COPY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/alloc.h"
#include "base/error.h"
#include "hw/component/turn.h"
#include "mem/address.h"
#include "mem/placement.h"

typedef struct kb_copy {
    uint32_t slot; /* the messages' tag; reused */
    int32_t id;    /* counted from 0 in order of submission */
    bool to_device;
    bool
        install; /* no bytes of the tensor, but its pages' entries, into the table of every slice: */
    uint64_t table_offset, table_nbytes; /* there */
    kb_va va;
    uint64_t nbytes;
    uint64_t offset;               /* of va in its tensor */
    const kb_placement *placement; /* borrowed until it is done */
    uint32_t sip, stream;
    kb_turn turn;
    const int64_t *words; /* payload of its record, the engine's; borrowed until it is done */
    uint32_t n_words;
    int64_t submitted_fs, done_fs;
    int64_t memory_start_fs, memory_end_fs; /* 0: none yet */
    int64_t n_requests;                     /* at the device's memory */
} kb_copy;

/* A part of a copy that is contiguous in one slice of the cube, or in its SRAM, or in a TCM. */
typedef struct kb_copy_piece {
    uint64_t done; /* bytes of the copy up to its end */
    uint64_t nbytes;
    int32_t slice; /* of the cube; of its SRAM 0; the PE of a TCM */
    uint64_t offset;
} kb_copy_piece;

/* The first piece in `cube` from byte `from` of the copy on, cut at KB_PLACEMENT_CHUNK_NBYTES;
 * false when there is none.  What is replicated is written to every copy, and read from the
 * first; page tables are written in every slice of every cube. */
bool kb_copy_next(const kb_copy *copy, uint32_t cube, uint64_t from, kb_copy_piece *piece);

typedef struct kb_copies kb_copies;

kb_status kb_copies_create(kb_alloc *alloc, kb_copies **copies, kb_error *err) KB_MUST_CHECK;
void kb_copies_destroy(kb_copies *copies); /* accepts NULL */

/* A blank copy with its slot and id; the pointer stays valid until kb_copies_give. */
kb_status kb_copies_take(kb_copies *copies, kb_copy **copy, kb_error *err) KB_MUST_CHECK;
void kb_copies_give(kb_copies *copies, const kb_copy *copy);
kb_copy *kb_copies_at(const kb_copies *copies, uint32_t slot);
uint32_t kb_copies_count(const kb_copies *copies); /* taken and not given back */

#endif
