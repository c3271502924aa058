#include "hw/pe/ring.h"

#include "base/hash.h"

enum { FIRST_BUCKETS = 64, BLOCK_NBYTES = sizeof(kb_ring_block) + KB_LINE_NBYTES };

kb_status kb_rings_create(kb_alloc *alloc, uint32_t depth, kb_rings **rings, kb_error *err) {
    kb_rings *made = kb_alloc_zeroed(alloc, 1, sizeof *made);
    if (!made) return kb_error_nomem(err, "the table of IPCQ rings");
    made->alloc = alloc;
    made->depth = depth;
    *rings = made;
    return KB_OK;
}

void kb_rings_destroy(kb_rings *rings) {
    if (!rings) return;
    kb_alloc *alloc = rings->alloc;
    for (uint32_t i = 0; i < rings->count; i++)
        kb_alloc_free(alloc, kb_rings_at(rings, i)->parcels, rings->depth, sizeof(kb_parcel));
    for (size_t i = 0; i < rings->blocks.count; i++)
        kb_alloc_free(alloc, rings->blocks.items[i]->allocated, 1, BLOCK_NBYTES);
    KB_VEC_FREE(&rings->blocks, alloc);
    kb_alloc_free(alloc, rings->buckets, rings->n_buckets, sizeof *rings->buckets);
    kb_alloc_free(alloc, rings, 1, sizeof *rings);
}

static uint32_t bucket_of(uint32_t n_buckets, uint32_t src, uint32_t dst, uint32_t channel) {
    uint64_t hash = kb_hash_u64(KB_HASH_SEED, (uint64_t)src << 32 | dst);
    return (uint32_t)kb_hash_finish(kb_hash_u64(hash, channel)) & (n_buckets - 1);
}

static void enter(const kb_rings *rings, uint32_t *buckets, uint32_t n_buckets, uint32_t number) {
    const kb_ring *ring = kb_rings_at(rings, number);
    uint32_t at = bucket_of(n_buckets, ring->src, ring->dst, ring->channel);
    while (buckets[at]) at = (at + 1) & (n_buckets - 1);
    buckets[at] = number + 1;
}

/* Room for one more ring in the table and in the blocks. */
static bool reserve(kb_rings *rings) {
    if (rings->count == rings->blocks.count * KB_RING_BLOCK) {
        if (!KB_VEC_RESERVE(&rings->blocks, rings->alloc, 1)) return false;
        void *allocated = kb_alloc_zeroed(rings->alloc, 1, BLOCK_NBYTES);
        if (!allocated) return false;
        kb_ring_block *block = kb_first_line(allocated);
        block->allocated = allocated;
        rings->blocks.items[rings->blocks.count++] = block;
    }
    if (rings->count < rings->n_buckets / 2) return true;
    uint32_t n_buckets = rings->n_buckets ? 2 * rings->n_buckets : FIRST_BUCKETS;
    uint32_t *buckets = kb_alloc_zeroed(rings->alloc, n_buckets, sizeof *buckets);
    if (!buckets) return false;
    for (uint32_t i = 0; i < rings->count; i++) enter(rings, buckets, n_buckets, i);
    kb_alloc_free(rings->alloc, rings->buckets, rings->n_buckets, sizeof *rings->buckets);
    rings->buckets = buckets;
    rings->n_buckets = n_buckets;
    return true;
}

static bool is(const kb_ring *ring, uint32_t src, uint32_t dst, uint32_t channel) {
    return ring->src == src && ring->dst == dst && ring->channel == channel;
}

kb_status kb_rings_find(kb_rings *rings, uint32_t src, uint32_t dst, uint32_t channel,
                        uint32_t *number, bool *made, kb_error *err) {
    *made = false;
    if (*number < rings->count && is(kb_rings_at(rings, *number), src, dst, channel)) return KB_OK;
    if (rings->n_buckets > 0) {
        uint32_t at = bucket_of(rings->n_buckets, src, dst, channel);
        for (; rings->buckets[at]; at = (at + 1) & (rings->n_buckets - 1)) {
            *number = rings->buckets[at] - 1;
            if (is(kb_rings_at(rings, *number), src, dst, channel)) return KB_OK;
        }
    }
    kb_parcel *parcels = NULL;
    if (reserve(rings)) parcels = kb_alloc_zeroed(rings->alloc, rings->depth, sizeof *parcels);
    if (!parcels) return kb_error_nomem(err, "an IPCQ ring");
    *number = rings->count++;
    *kb_rings_at(rings, *number) =
        (kb_ring){.src = src, .dst = dst, .channel = channel, .parcels = parcels};
    enter(rings, rings->buckets, rings->n_buckets, *number);
    *made = true;
    return KB_OK;
}
