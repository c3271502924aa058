/* Placements: how the bytes of one tensor are spread over the HBM slices of its SIP.
 *
 * One formula serves all of them.  The tensor is cut into rows of row_nbytes, each row into shards
 * of shard_nbytes, and shard k of every row lies on the k-th slice, one row's shard after another:
 *
 *     byte off:  row = off / row_nbytes     in_row = off % row_nbytes
 *     slice  = first_slice + copy * n_slices + in_row / shard_nbytes
 *     offset = base[slice - first_slice] + row * shard_nbytes + in_row % shard_nbytes
 *
 *     kind         shard_nbytes                              row_nbytes                copies
 *     blocked      ceil(nbytes / slices) up to 4 KiB         all shards: one row       1
 *     interleaved  chunk                                     chunk * slices            1
 *     sharded      ceil(size of dim / slices) * inner bytes  bytes of dims >= dim      1
 *     local        nbytes                                    one row                   1
 *     replicated   64 KiB                                    64 KiB * slices of a cube one per cube
 *
 * A slice is the part of a cube's HBM that belongs to one PE; slices are numbered through a SIP in
 * PE order.  A *chunk* is a part of the tensor that is contiguous in one slice.  Of a tensor in SRAM the
 * slices are the SRAMs of the cubes, one each; of one in TCM, the TCMs of the PEs.
 */
#ifndef KB_MEM_PLACEMENT_H
#define KB_MEM_PLACEMENT_H

#include <stdbool.h>

#include "base/alloc.h"
#include "base/error.h"
#include "mem/address.h"
#include "mem/range.h"

/*   X(enumerator, name) */
#define KB_PLACEMENT_LIST(X)      \
    X(BLOCKED, "blocked")         \
    X(INTERLEAVED, "interleaved") \
    X(SHARDED, "sharded")         \
    X(LOCAL, "local")             \
    X(REPLICATED, "replicated")

typedef enum kb_placement_kind {
#define X(enumerator, name) KB_PLACEMENT_##enumerator,
    KB_PLACEMENT_LIST(X)
#undef X
        KB_PLACEMENT_COUNT
} kb_placement_kind;

enum { KB_PLACEMENT_CHUNK_NBYTES = 65536, KB_PLACEMENT_GRANULE_NBYTES = 4096 };

/* The slices that a tensor is spread over: `count` of them from `first` on. */
typedef struct kb_slices {
    uint32_t first;
    uint32_t count;
    uint32_t per_cube;
} kb_slices;

typedef struct kb_placement {
    kb_placement_kind kind;
    kb_space space;  /* HBM, unless whoever made it says otherwise */
    uint64_t nbytes; /* of the tensor */
    uint64_t row_nbytes;
    uint64_t shard_nbytes;
    uint32_t first_slice;
    uint32_t n_slices; /* that one copy is spread over */
    uint32_t n_copies; /* cubes that have one; 1 unless replicated */
    uint32_t slices_per_cube;
    uint64_t *bases; /* owned; n_copies * n_slices offsets within their slices, 0 until reserved */
    kb_alloc *alloc; /* borrowed */
    bool reserved;
} kb_placement;

typedef struct kb_chunk {
    uint32_t slice;  /* SIP-wide; its cube is slice / slices_per_cube */
    uint64_t offset; /* in the slice, base included */
    uint64_t
        nbytes; /* contiguous there from `off` on; 0 when off is not below the tensor's nbytes */
} kb_chunk;

/* Constructors.  `alloc` is borrowed; on success the caller owes kb_placement_deinit, on failure
 * nothing.  KB_INVALID for no slices, KB_OVERFLOW for more bytes than a SIP's virtual space has.
 * A tensor of 0 bytes is fine: it reserves nothing. */
KB_MUST_CHECK kb_status kb_placement_blocked(kb_placement *placement, kb_alloc *alloc,
                                             uint64_t nbytes, kb_slices slices, kb_error *err);
KB_MUST_CHECK kb_status kb_placement_interleaved(kb_placement *placement, kb_alloc *alloc,
                                                 uint64_t nbytes, uint64_t chunk_nbytes,
                                                 kb_slices slices, kb_error *err);
/* `shape` has n_dims sizes, the last one dense in memory; dim < n_dims. */
KB_MUST_CHECK kb_status kb_placement_sharded(kb_placement *placement, kb_alloc *alloc,
                                             const uint64_t *shape, size_t n_dims, size_t dim,
                                             uint64_t item_nbytes, kb_slices slices, kb_error *err);
KB_MUST_CHECK kb_status kb_placement_local(kb_placement *placement, kb_alloc *alloc,
                                           uint64_t nbytes, uint32_t slice,
                                           uint32_t slices_per_cube, kb_error *err);
/* `slices` are whole cubes. */
KB_MUST_CHECK kb_status kb_placement_replicated(kb_placement *placement, kb_alloc *alloc,
                                                uint64_t nbytes, kb_slices slices, kb_error *err);

/* Frees what the placement owns; it must have been released.  Accepts a zeroed struct. */
void kb_placement_deinit(kb_placement *placement);

/* The name of a kind; "unknown" for a number that is none. */
const char *kb_placement_kind_name(kb_placement_kind kind);

/* The chunk that starts at byte `off`, as seen from a cube (numbered within its SIP; it matters to
 * replicated tensors only, a cube without a copy reads that of the first). */
void kb_placement_locate(const kb_placement *placement, uint64_t off, uint32_t requester_cube,
                         kb_chunk *chunk);

/* Bytes that a slice (SIP-wide number) must hold for this tensor; 0 when it holds none.  And what is
 * reserved for them: up to a multiple of the granule. */
uint64_t kb_placement_slice_nbytes(const kb_placement *placement, uint32_t slice);
uint64_t kb_placement_reserved_nbytes(const kb_placement *placement, uint32_t slice);

/* Takes room in every slice, all or nothing, at multiples of the granule, and sets the bases.
 * `slices` are the free ranges of the SIP's slices, indexed by SIP-wide number. */
KB_MUST_CHECK kb_status kb_placement_reserve(kb_placement *placement, kb_range *slices,
                                             uint32_t n_slices, kb_error *err);

/* Gives back what reserve took. */
KB_MUST_CHECK kb_status kb_placement_release(kb_placement *placement, kb_range *slices,
                                             uint32_t n_slices, kb_error *err);

#endif
