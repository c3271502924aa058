/* Lanes: an operand as the stream of elements that an operation sees.
 *
 *   tile     its elements; dims of 1 repeat                    scalar   one element, everywhere
 *   block    expanded into scratch, then as a tile of its dims
 *
 * Lane i of an operation with dims (d0 .. dr-1) is row-major element i of the result.  Dimensions
 * that an operand walks through in one stride are merged when it is opened, so most operands are
 * one run.
 */
#ifndef KB_REPLAY_LANES_H
#define KB_REPLAY_LANES_H

#include "base/error.h"
#include "log/payload.h"
#include "replay/isa.h"
#include "replay/tiles.h"

enum { KB_LANES_BLOCK = 512 }; /* lanes that are widened, computed and narrowed at a time */

typedef struct kb_lanes {
    const unsigned char *elements;
    kb_dtype dtype;
    size_t nbytes; /* of an element */
    uint8_t rank;  /* of what is left after merging, at least 1; innermost last */
    size_t dims[KB_MAX_RANK];
    size_t stride[KB_MAX_RANK];          /* elements; 0: repeats */
    _Alignas(8) unsigned char scalar[8]; /* SCALAR: elements points here */
} kb_lanes;

/* Lanes per result of these dims; 1 for rank 0. */
size_t kb_lanes_count(uint8_t rank, const uint32_t *dims);

/* Opens `operand` for an operation with `rank` dims.  Tiles are borrowed until they are dropped,
 * blocks go to scratch.  KB_INTERNAL when the version is not there or does not have these dims.
 * `lanes` must not move afterwards. */
kb_status kb_lanes_open(kb_tiles *tiles, const kb_operand *operand, uint8_t rank,
                        const uint32_t *dims, kb_lanes *lanes, kb_error *err) KB_MUST_CHECK;

/* True when all lanes are one value. */
bool kb_lanes_uniform(const kb_lanes *lanes);

/* True when lane i is element i of memory. */
bool kb_lanes_contiguous(const kb_lanes *lanes);

/* `count` elements from lane `at` on: in memory where they are adjacent there, else copied to
 * `buffer` (count elements). */
const void *kb_lanes_read(const kb_lanes *lanes, const kb_isa *isa, size_t at, size_t count,
                          void *buffer);

#endif
