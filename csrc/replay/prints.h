/* What kernels printed: values that a `print` names, kept for the host until it shows them (ADR-0074).
 *
 *   record PRINT ──> the value is known (a number, a block, a tile that is there) ──> items
 *               └──> its tile is not made yet ──> awaited ──> made ──> items
 *
 * A tile that a print names may be gone when the record after the one that makes it is executed; so it is
 * copied at once.
 *
 * Invariants
 *   1. Items hold at most KB_PRINTS_MAX values; what is more is counted in n_lost, and gone.
 *   2. So are items without a value, one each; and at most as many prints are awaited.
 */
#ifndef KB_REPLAY_PRINTS_H
#define KB_REPLAY_PRINTS_H

#include "base/vec.h"
#include "log/payload.h"
#include "replay/tiles.h"

enum { KB_PRINTS_MAX = 1 << 18 };

typedef struct kb_printed {
    int32_t launch, program, sequence, kernel;
    uint32_t inst;    /* of the kernel */
    uint32_t grid[2]; /* programs along the first two axes */
    uint8_t rank;
    uint32_t dims[KB_MAX_RANK];
    kb_dtype dtype;
    size_t first,
        count; /* where its elements begin, in bytes, and how many were kept: 0 if it has none */
} kb_printed;

typedef struct kb_print_awaited {
    kb_printed item;
    kb_operand tile;
} kb_print_awaited;

typedef struct kb_prints {
    kb_alloc *alloc; /* borrowed */
    KB_VEC(kb_printed) items;
    KB_VEC(unsigned char) elements;
    KB_VEC(kb_print_awaited) awaited;
    size_t n_values;
    uint64_t n_lost;
} kb_prints;

void kb_prints_deinit(kb_prints *prints);

/* A PRINT record: `payload` is its own. */
kb_status kb_prints_take(kb_prints *prints, kb_tiles *tiles, const kb_record *record,
                         const kb_payload *payload, kb_error *err) KB_MUST_CHECK;

/* That tile version has been made, and is there. */
kb_status kb_prints_made(kb_prints *prints, kb_tiles *tiles, uint64_t version,
                         kb_error *err) KB_MUST_CHECK;

/* The host has them: forgets the items, and what was lost. */
void kb_prints_clear(kb_prints *prints);

#endif
