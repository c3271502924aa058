#include "mem/placement.h"

#include <inttypes.h>
#include <stdio.h>

static const char *const kind_names[KB_PLACEMENT_COUNT] = {
#define X(enumerator, name) name,
    KB_PLACEMENT_LIST(X)
#undef X
};

const char *kb_placement_kind_name(kb_placement_kind kind) {
    return (unsigned)kind < KB_PLACEMENT_COUNT ? kind_names[kind] : "unknown";
}

static uint64_t ceil_div(uint64_t a, uint64_t b) {
    return a / b + (a % b != 0);
}

static uint64_t min_u64(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

static kb_status check_nbytes(uint64_t nbytes, kb_error *err) {
    if (nbytes <= KB_VA_SIP_NBYTES) return KB_OK;
    return kb_error_set(err, KB_OVERFLOW,
                        "placement: expected at most %" PRIu64 " bytes, got %" PRIu64,
                        KB_VA_SIP_NBYTES, nbytes);
}

static kb_status check_slices(kb_slices slices, kb_error *err) {
    if (slices.count > 0 && slices.per_cube > 0 && slices.count <= UINT32_MAX - slices.first)
        return KB_OK;
    return kb_error_set(err, KB_INVALID,
                        "placement: expected at least one slice and one per cube, got %u from %u "
                        "on, %u per cube",
                        (unsigned)slices.count, (unsigned)slices.first, (unsigned)slices.per_cube);
}

static bool mul_overflows(uint64_t a, uint64_t b, uint64_t *product) {
    return __builtin_mul_overflow(a, b, product);
}

/* Takes the geometry over: where all of it fits one row, or one slice holds all, one row is made of
 * it, so that chunks are as long as they can be. */
static kb_status finish(kb_placement *placement, kb_alloc *alloc, kb_error *err) {
    kb_placement *p = placement;
    KB_TRY(check_nbytes(p->nbytes, err));
    if (p->shard_nbytes == 0) p->shard_nbytes = 1;
    if (p->row_nbytes == 0) p->row_nbytes = p->shard_nbytes;
    if (p->row_nbytes <= p->shard_nbytes || p->nbytes <= p->shard_nbytes) {
        p->shard_nbytes = p->nbytes ? p->nbytes : 1;
        p->row_nbytes = p->shard_nbytes;
    }
    p->alloc = alloc;
    p->bases = kb_alloc_zeroed(alloc, (size_t)p->n_copies * p->n_slices, sizeof *p->bases);
    if (!p->bases) return kb_error_nomem(err, "placement");
    return KB_OK;
}

kb_status kb_placement_blocked(kb_placement *placement, kb_alloc *alloc, uint64_t nbytes,
                               kb_slices slices, kb_error *err) {
    KB_TRY(check_slices(slices, err));
    KB_TRY(check_nbytes(nbytes, err));
    uint64_t granules = ceil_div(ceil_div(nbytes, slices.count), KB_PLACEMENT_GRANULE_NBYTES);
    uint64_t shard_nbytes = granules * KB_PLACEMENT_GRANULE_NBYTES;
    *placement = (kb_placement){
        .kind = KB_PLACEMENT_BLOCKED,
        .nbytes = nbytes,
        .row_nbytes = shard_nbytes * slices.count,
        .shard_nbytes = shard_nbytes,
        .first_slice = slices.first,
        .n_slices = slices.count,
        .n_copies = 1,
        .slices_per_cube = slices.per_cube,
    };
    return finish(placement, alloc, err);
}

kb_status kb_placement_interleaved(kb_placement *placement, kb_alloc *alloc, uint64_t nbytes,
                                   uint64_t chunk_nbytes, kb_slices slices, kb_error *err) {
    KB_TRY(check_slices(slices, err));
    uint64_t row_nbytes;
    if (chunk_nbytes == 0)
        return kb_error_set(err, KB_INVALID,
                            "placement: expected a chunk of 1 byte or more, got 0");
    if (mul_overflows(chunk_nbytes, slices.count, &row_nbytes)) row_nbytes = UINT64_MAX;
    *placement = (kb_placement){
        .kind = KB_PLACEMENT_INTERLEAVED,
        .nbytes = nbytes,
        .row_nbytes = row_nbytes,
        .shard_nbytes = chunk_nbytes,
        .first_slice = slices.first,
        .n_slices = slices.count,
        .n_copies = 1,
        .slices_per_cube = slices.per_cube,
    };
    return finish(placement, alloc, err);
}

/* Bytes of the dimensions from `dim` on. */
static kb_status inner_nbytes(const uint64_t *shape, size_t n_dims, size_t dim,
                              uint64_t item_nbytes, uint64_t *nbytes, kb_error *err) {
    *nbytes = item_nbytes;
    for (size_t i = dim; i < n_dims; i++)
        if (shape[i] == 0) *nbytes = 0;
    for (size_t i = dim; i < n_dims && *nbytes; i++)
        if (mul_overflows(*nbytes, shape[i], nbytes))
            return kb_error_set(err, KB_OVERFLOW,
                                "placement: expected a tensor of less than 2^64 bytes, got a shape "
                                "whose dimensions from %zu on have more",
                                i);
    return KB_OK;
}

kb_status kb_placement_sharded(kb_placement *placement, kb_alloc *alloc, const uint64_t *shape,
                               size_t n_dims, size_t dim, uint64_t item_nbytes, kb_slices slices,
                               kb_error *err) {
    KB_TRY(check_slices(slices, err));
    if (dim >= n_dims)
        return kb_error_set(err, KB_INVALID,
                            "placement: expected a dimension below %zu to shard by, got %zu",
                            n_dims, dim);
    uint64_t nbytes, row_nbytes, item_row_nbytes;
    KB_TRY(inner_nbytes(shape, n_dims, 0, item_nbytes, &nbytes, err));
    KB_TRY(check_nbytes(nbytes, err));
    KB_TRY(inner_nbytes(shape, n_dims, dim, item_nbytes, &row_nbytes, err));
    KB_TRY(inner_nbytes(shape, n_dims, dim + 1, item_nbytes, &item_row_nbytes, err));
    *placement = (kb_placement){
        .kind = KB_PLACEMENT_SHARDED,
        .nbytes = nbytes,
        .row_nbytes = nbytes ? row_nbytes : 0,
        .shard_nbytes = nbytes ? ceil_div(shape[dim], slices.count) * item_row_nbytes : 0,
        .first_slice = slices.first,
        .n_slices = slices.count,
        .n_copies = 1,
        .slices_per_cube = slices.per_cube,
    };
    return finish(placement, alloc, err);
}

kb_status kb_placement_local(kb_placement *placement, kb_alloc *alloc, uint64_t nbytes,
                             uint32_t slice, uint32_t slices_per_cube, kb_error *err) {
    KB_TRY(check_slices((kb_slices){slice, 1, slices_per_cube}, err));
    *placement = (kb_placement){
        .kind = KB_PLACEMENT_LOCAL,
        .nbytes = nbytes,
        .row_nbytes = nbytes,
        .shard_nbytes = nbytes,
        .first_slice = slice,
        .n_slices = 1,
        .n_copies = 1,
        .slices_per_cube = slices_per_cube,
    };
    return finish(placement, alloc, err);
}

kb_status kb_placement_replicated(kb_placement *placement, kb_alloc *alloc, uint64_t nbytes,
                                  kb_slices slices, kb_error *err) {
    KB_TRY(check_slices(slices, err));
    if (slices.first % slices.per_cube || slices.count % slices.per_cube)
        return kb_error_set(err, KB_INVALID,
                            "placement: expected whole cubes of %u slices to replicate over, got "
                            "%u slices from %u on",
                            (unsigned)slices.per_cube, (unsigned)slices.count,
                            (unsigned)slices.first);
    *placement = (kb_placement){
        .kind = KB_PLACEMENT_REPLICATED,
        .nbytes = nbytes,
        .row_nbytes = (uint64_t)KB_PLACEMENT_CHUNK_NBYTES * slices.per_cube,
        .shard_nbytes = KB_PLACEMENT_CHUNK_NBYTES,
        .first_slice = slices.first,
        .n_slices = slices.per_cube,
        .n_copies = slices.count / slices.per_cube,
        .slices_per_cube = slices.per_cube,
    };
    return finish(placement, alloc, err);
}

void kb_placement_deinit(kb_placement *placement) {
    if (placement->bases)
        kb_alloc_free(placement->alloc, placement->bases,
                      (size_t)placement->n_copies * placement->n_slices, sizeof *placement->bases);
    placement->bases = NULL;
}

void kb_placement_locate(const kb_placement *placement, uint64_t off, uint32_t requester_cube,
                         kb_chunk *chunk) {
    const kb_placement *p = placement;
    uint64_t row = off < p->row_nbytes ? 0 : off / p->row_nbytes;
    uint64_t in_row = off - row * p->row_nbytes;
    uint64_t shard = in_row / p->shard_nbytes;
    uint64_t in_shard = in_row - shard * p->shard_nbytes;
    uint32_t copy = requester_cube - p->first_slice / p->slices_per_cube;
    uint32_t index = (uint32_t)shard + (copy < p->n_copies ? copy * p->n_slices : 0);
    if (off >= p->nbytes) {
        *chunk = (kb_chunk){.slice = p->first_slice};
        return;
    }
    uint64_t in_row_left = min_u64(p->row_nbytes - in_row, p->nbytes - off);
    chunk->slice = p->first_slice + index;
    chunk->offset = p->bases[index] + row * p->shard_nbytes + in_shard;
    chunk->nbytes = min_u64(p->shard_nbytes - in_shard, in_row_left);
}

/* Bytes of a row of row_nbytes that lie in shard k. */
static uint64_t shard_part(const kb_placement *placement, uint64_t row_nbytes, uint32_t k) {
    uint64_t begin;
    if (mul_overflows(placement->shard_nbytes, k, &begin) || begin >= row_nbytes) return 0;
    return min_u64(row_nbytes - begin, placement->shard_nbytes);
}

uint64_t kb_placement_slice_nbytes(const kb_placement *placement, uint32_t slice) {
    const kb_placement *p = placement;
    if (slice < p->first_slice || p->nbytes == 0) return 0;
    uint32_t index = slice - p->first_slice;
    if (index / p->n_slices >= p->n_copies) return 0;
    uint32_t k = index % p->n_slices;
    uint64_t last_row = (p->nbytes - 1) / p->row_nbytes;
    uint64_t in_last = shard_part(p, p->nbytes - last_row * p->row_nbytes, k);
    if (in_last) return last_row * p->shard_nbytes + in_last;
    uint64_t in_full = last_row ? shard_part(p, p->row_nbytes, k) : 0;
    return in_full ? (last_row - 1) * p->shard_nbytes + in_full : 0;
}

uint64_t kb_placement_reserved_nbytes(const kb_placement *placement, uint32_t slice) {
    uint64_t nbytes = kb_placement_slice_nbytes(placement, slice);
    return ceil_div(nbytes, KB_PLACEMENT_GRANULE_NBYTES) * KB_PLACEMENT_GRANULE_NBYTES;
}

/* Gives back what the first `count` slices of the placement hold. */
static kb_status give_back(kb_placement *placement, kb_range *slices, uint32_t count,
                           kb_error *err) {
    for (uint32_t i = 0; i < count; i++) {
        uint32_t slice = placement->first_slice + i;
        uint64_t nbytes = kb_placement_reserved_nbytes(placement, slice);
        if (nbytes) KB_TRY(kb_range_give(&slices[slice], placement->bases[i], nbytes, err));
        placement->bases[i] = 0;
    }
    return KB_OK;
}

static kb_status check_machine(const kb_placement *placement, uint32_t n_slices, bool reserved,
                               kb_error *err) {
    uint32_t used = placement->n_copies * placement->n_slices;
    if (placement->first_slice > n_slices || n_slices - placement->first_slice < used)
        return kb_error_set(err, KB_INVALID,
                            "placement: expected a SIP of at least %u slices, got %u",
                            (unsigned)(placement->first_slice + used), (unsigned)n_slices);
    if (placement->reserved != reserved)
        return kb_error_set(
            err, KB_INVALID, "placement: expected one that is %s, got one that is %s",
            reserved ? "reserved" : "not reserved", reserved ? "not" : "reserved already");
    return KB_OK;
}

/* Prepends which memory it is that has no room. */
static void wrap_full(const kb_placement *placement, uint32_t slice, kb_error *err) {
    static const char *const parts[KB_SPACE_COUNT] = {
        [KB_SPACE_HBM] = "HBM slice", [KB_SPACE_SRAM] = "SRAM", [KB_SPACE_TCM] = "TCM of PE"};
    char index[16] = "";
    if (placement->space != KB_SPACE_SRAM)
        (void)snprintf(index, sizeof index, " %u", (unsigned)(slice % placement->slices_per_cube));
    kb_error_wrap(err, "cube %u, %s%s (%s tensor of %" PRIu64 " bytes)",
                  (unsigned)(slice / placement->slices_per_cube), parts[placement->space], index,
                  kb_placement_kind_name(placement->kind), placement->nbytes);
}

kb_status kb_placement_reserve(kb_placement *placement, kb_range *slices, uint32_t n_slices,
                               kb_error *err) {
    KB_TRY(check_machine(placement, n_slices, false, err));
    uint32_t count = placement->n_copies * placement->n_slices;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t slice = placement->first_slice + i;
        uint64_t nbytes = kb_placement_reserved_nbytes(placement, slice);
        if (nbytes == 0) continue;
        kb_status status = kb_range_take(&slices[slice], nbytes, KB_PLACEMENT_GRANULE_NBYTES,
                                         &placement->bases[i], err);
        if (status == KB_OK) continue;
        KB_TRY(give_back(placement, slices, i, err));
        wrap_full(placement, slice, err);
        return status;
    }
    placement->reserved = true;
    return KB_OK;
}

kb_status kb_placement_release(kb_placement *placement, kb_range *slices, uint32_t n_slices,
                               kb_error *err) {
    KB_TRY(check_machine(placement, n_slices, true, err));
    placement->reserved = false;
    return give_back(placement, slices, placement->n_copies * placement->n_slices, err);
}
