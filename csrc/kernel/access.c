#include "kernel/access.h"

#include <string.h>

#include "kernel/separable.h"

/* --- making -------------------------------------------------------------------------------------- */

static bool is_affine(const kb_block *block) {
    bool affine = !block->dense;
    for (int d = 0; d < block->rank; d++) affine = affine && !block->vector[d];
    return affine;
}

static bool is_box(const kb_mask *mask) {
    bool box = !mask->dense && mask->n_planes == 0;
    for (int d = 0; d < mask->rank; d++) box = box && !mask->bits[d];
    return box;
}

static uint64_t clamp(kb_wide address) {
    return address < 0 ? 0 : address > INT64_MAX ? INT64_MAX : (uint64_t)address;
}

/* Of the lanes from access->lo on, access->count of them. */
static void make_box(const kb_block *block, kb_access *access) {
    kb_wide first = block->base, last = block->base;
    access->va = (uint64_t)block->base;
    access->n_elements = 1;
    for (int d = 0; d < block->rank; d++) {
        access->stride_nbytes[d] = block->stride[d];
        access->n_elements *= access->count[d];
        kb_wide at_lo = (kb_wide)block->stride[d] * access->lo[d];
        kb_wide at_hi = at_lo + (kb_wide)block->stride[d] * ((kb_wide)access->count[d] - 1);
        first += at_lo < at_hi ? at_lo : at_hi;
        last += at_lo < at_hi ? at_hi : at_lo;
    }
    if (access->n_elements == 0) return;
    access->first_va = clamp(first);
    access->end_va = clamp(last + (kb_wide)kb_dtype_nbytes((kb_dtype)access->dtype));
}

/* Runs in the making; doubles in the arena, whose blocks are never freed singly. */
typedef struct listing {
    kb_arena *arena;
    kb_run *runs;
    size_t count, capacity;
    uint64_t nbytes; /* of an element */
} listing;

static bool add_run(listing *self, uint32_t lane, uint32_t count, uint64_t va) {
    kb_run *last = self->count > 0 ? &self->runs[self->count - 1] : NULL;
    if (last && last->lane + last->count == lane && last->va + last->count * self->nbytes == va) {
        last->count += count;
        return true;
    }
    if (self->count == self->capacity) {
        size_t capacity = self->capacity ? self->capacity * 2 : 16;
        kb_run *runs = kb_arena_take(self->arena, capacity, sizeof *runs);
        if (!runs) return false;
        if (self->count > 0) memcpy(runs, self->runs, self->count * sizeof *runs);
        self->runs = runs;
        self->capacity = capacity;
    }
    self->runs[self->count++] = (kb_run){lane, count, va};
    return true;
}

/* Makes the listed runs those of an access that has none. */
static void describe_runs(const listing *self, kb_access *access) {
    access->runs = self->runs;
    access->n_runs = (uint32_t)self->count;
    for (size_t i = 0; i < self->count; i++) {
        uint64_t first = self->runs[i].va, end = first + self->runs[i].count * self->nbytes;
        if (end < first) end = UINT64_MAX;
        if (i == 0 || first < access->first_va) access->first_va = first;
        if (end > access->end_va) access->end_va = end;
        access->n_elements += self->runs[i].count;
    }
}

/* Where the mask is on along the last dimension, the others at `index`: an interval if the mask has no bits
 * there. */
static void row_interval(const kb_mask *mask, const uint32_t *index, int inner, uint32_t *lo,
                         uint32_t *hi) {
    kb_mask row = kb_mask_constant(1, &mask->dims[inner], true);
    row.lo[0] = mask->lo[inner];
    row.hi[0] = mask->hi[inner];
    row.n_planes = mask->n_planes;
    for (int p = 0; p < mask->n_planes; p++) {
        kb_wide constant = mask->planes[p].constant;
        for (int d = 0; d < inner; d++)
            constant += (kb_wide)mask->planes[p].coefficient[d] * index[d];
        row.planes[p].coefficient[0] = mask->planes[p].coefficient[inner];
        row.planes[p].constant = (int64_t)constant;
    }
    kb_mask_normalise(&row);
    *lo = row.lo[0];
    *hi = row.hi[0];
}

static kb_status make_runs(kb_arena *arena, const kb_blockval *pointers, const kb_mask *mask,
                           kb_access *access, kb_error *err) {
    const kb_block *block = &pointers->block;
    listing list = {.arena = arena, .nbytes = kb_dtype_nbytes((kb_dtype)access->dtype)};
    kb_blockval lanes = {.is_mask = true, .mask = *mask};
    int inner = block->rank - 1;
    uint32_t index[KB_MAX_RANK] = {0}, row = 0, width = block->dims[inner];
    bool strided = !block->dense && !block->vector[inner];
    bool dense_rows = strided && (uint64_t)block->stride[inner] == list.nbytes;
    bool by_rows = !mask->dense && !mask->bits[inner];
    bool added = true;
    do {
        uint32_t lo = 0, hi = width;
        bool on = true;
        for (int d = 0; d < inner && !mask->dense; d++)
            on = on && index[d] >= mask->lo[d] && index[d] < mask->hi[d] &&
                 (!mask->bits[d] || mask->bits[d][index[d]]);
        if (on && by_rows) row_interval(mask, index, inner, &lo, &hi);
        for (uint32_t i = lo; on && i < hi && added; i++) {
            index[inner] = i;
            if (!by_rows && !kb_block_at(&lanes, index)) continue;
            uint64_t va = (uint64_t)kb_block_at(pointers, index);
            uint32_t count = by_rows && dense_rows ? hi - lo : 1;
            added = add_run(&list, row * width + i, count, va);
            i += count - 1;
        }
        index[inner] = width - 1;
        row++;
    } while (added && kb_index_next(block->rank, block->dims, index));
    if (!added) return kb_error_nomem(err, "the runs of an access");
    describe_runs(&list, access);
    return KB_OK;
}

/* What a mask leaves of an access that has only its shape so far. */
static kb_status make_masked(kb_arena *arena, const kb_blockval *pointers, const kb_mask *mask,
                             kb_access *access, kb_error *err) {
    const kb_block *block = &pointers->block;
    kb_kir_type type = {.kind = KB_BLOCK, .dtype = KB_BOOL, .rank = block->rank};
    bool fits = true, value;
    memcpy(type.dims, block->dims, sizeof type.dims);
    kb_mask lanes =
        mask ? kb_mask_widen(mask, &type, &fits) : kb_mask_constant(block->rank, block->dims, true);
    if (!fits)
        return kb_error_set(err, KB_INTERNAL, "an access's mask and pointers differ in shape");
    kb_mask_normalise(&lanes);
    if (kb_mask_is_constant(&lanes, &value) && !value) return KB_OK;
    if (!is_affine(block) || !is_box(&lanes))
        return make_runs(arena, pointers, &lanes, access, err);
    for (int d = 0; d < block->rank; d++) {
        access->lo[d] = lanes.lo[d];
        access->count[d] = lanes.hi[d] - lanes.lo[d];
    }
    make_box(block, access);
    return KB_OK;
}

kb_status kb_access_make(kb_arena *arena, kb_dtype dtype, const kb_blockval *pointers,
                         const kb_mask *mask, kb_access *access, int64_t *work, kb_error *err) {
    const kb_block *block = &pointers->block;
    kb_access made = {.dtype = (uint8_t)dtype, .rank = block->rank};
    memcpy(made.dims, block->dims, sizeof made.dims);
    if (!mask && is_affine(block)) {
        memcpy(made.count, block->dims, sizeof made.count);
        make_box(block, &made);
    } else {
        KB_TRY(make_masked(arena, pointers, mask, &made, err));
    }
    made.masked = (int64_t)made.n_elements < kb_dims_count(block->rank, block->dims);
    *work += made.n_runs;
    *access = made;
    return KB_OK;
}

/* --- walking ------------------------------------------------------------------------------------- */

kb_access_walk kb_access_begin(const kb_access *access) {
    kb_access_walk walk = {.access = access, .row_lanes = 1, .row_rank = access->rank};
    int64_t nbytes = (int64_t)kb_dtype_nbytes((kb_dtype)access->dtype);
    walk.done = access->n_elements == 0;
    if (access->n_runs > 0) return walk;
    /* take dimensions into the row from the inside, while lanes and addresses both go on without a gap */
    for (int d = access->rank; d-- > 0;) {
        bool goes_on = access->count[d] == 1 || access->stride_nbytes[d] == nbytes * walk.row_lanes;
        if (!goes_on) break;
        walk.row_lanes *= access->count[d];
        walk.row_rank = (uint8_t)d;
        if (access->count[d] != access->dims[d]) break;
    }
    return walk;
}

bool kb_access_next(kb_access_walk *walk, kb_run *row) {
    const kb_access *access = walk->access;
    if (walk->done) return false;
    if (access->n_runs > 0) {
        *row = access->runs[walk->next_run++];
        walk->done = walk->next_run == access->n_runs;
        return true;
    }
    uint32_t lane = 0;
    uint64_t va = access->va;
    for (int d = 0; d < access->rank; d++) {
        uint32_t i = access->lo[d] + walk->index[d];
        lane = lane * access->dims[d] + i;
        va += (uint64_t)access->stride_nbytes[d] * i;
    }
    *row = (kb_run){lane, walk->row_lanes, va};
    walk->done = !kb_index_next(walk->row_rank, access->count, walk->index);
    return true;
}

kb_status kb_access_clip(kb_arena *arena, uint64_t first_va, uint64_t end_va, kb_access *access,
                         uint64_t *n_dropped, kb_error *err) {
    uint64_t nbytes = kb_dtype_nbytes((kb_dtype)access->dtype);
    listing list = {.arena = arena, .nbytes = nbytes};
    kb_access clipped = {.dtype = access->dtype, .rank = access->rank, .masked = true};
    memcpy(clipped.dims, access->dims, sizeof clipped.dims);
    kb_access_walk walk = kb_access_begin(access);
    kb_run row;
    while (kb_access_next(&walk, &row)) {
        uint64_t lo = row.va < first_va ? (first_va - row.va + nbytes - 1) / nbytes : 0;
        uint64_t hi = row.va < end_va ? (end_va - row.va) / nbytes : 0;
        if (hi > row.count) hi = row.count;
        if (lo >= hi) continue;
        if (!add_run(&list, row.lane + (uint32_t)lo, (uint32_t)(hi - lo), row.va + lo * nbytes))
            return kb_error_nomem(err, "the runs of an access");
    }
    describe_runs(&list, &clipped);
    *n_dropped = access->n_elements - clipped.n_elements;
    *access = clipped;
    return KB_OK;
}

/* --- as words ------------------------------------------------------------------------------------ */

/*   dtype | rank << 8 | masked << 16 | n_runs << 32      n_elements      first_va      end_va
 *   per dimension: dims       BOX: va, per dimension: lo | count << 32, stride        RUNS: the runs */
enum { HEADER_WORDS = 4, RUN_WORDS = sizeof(kb_run) / sizeof(int64_t) };
_Static_assert(sizeof(kb_run) == 16, "runs are borrowed from words");

static uint32_t words_of(uint8_t rank, uint32_t n_runs) {
    return HEADER_WORDS + rank + (n_runs > 0 ? n_runs * RUN_WORDS : 1 + 2 * (uint32_t)rank);
}

uint32_t kb_access_words(const kb_access *access) {
    return words_of(access->rank, access->n_runs);
}

void kb_access_encode(const kb_access *access, int64_t *words) {
    *words++ = access->dtype | (int64_t)access->rank << 8 | (int64_t)access->masked << 16 |
               (int64_t)((uint64_t)access->n_runs << 32);
    *words++ = (int64_t)access->n_elements;
    *words++ = (int64_t)access->first_va;
    *words++ = (int64_t)access->end_va;
    for (int d = 0; d < access->rank; d++) *words++ = access->dims[d];
    if (access->n_runs > 0) {
        memcpy(words, access->runs, access->n_runs * sizeof *access->runs);
        return;
    }
    *words++ = (int64_t)access->va;
    for (int d = 0; d < access->rank; d++) {
        *words++ = (int64_t)((uint64_t)access->count[d] << 32 | access->lo[d]);
        *words++ = access->stride_nbytes[d];
    }
}

kb_status kb_access_decode(const int64_t *words, uint32_t n_words, kb_access *access,
                           uint32_t *n_used, kb_error *err) {
    kb_access read = {.dims = {1, 1, 1, 1, 1}};
    uint64_t head = n_words >= HEADER_WORDS ? (uint64_t)words[0] : UINT64_MAX;
    read.dtype = head & 255;
    read.rank = head >> 8 & 255;
    read.masked = head >> 16 & 1;
    read.n_runs = (uint32_t)(head >> 32);
    if (read.dtype >= KB_DTYPE_COUNT || read.rank > KB_MAX_RANK || read.n_runs > n_words ||
        words_of(read.rank, read.n_runs) > n_words)
        return kb_error_set(err, KB_INTERNAL, "an access of the op log does not fit its %u words",
                            n_words);
    *n_used = words_of(read.rank, read.n_runs);
    read.n_elements = (uint64_t)words[1];
    read.first_va = (uint64_t)words[2];
    read.end_va = (uint64_t)words[3];
    words += HEADER_WORDS;
    for (int d = 0; d < read.rank; d++) read.dims[d] = (uint32_t)*words++;
    if (read.n_runs > 0) {
        read.runs = (const kb_run *)(const void *)words;
    } else {
        read.va = (uint64_t)*words++;
        for (int d = 0; d < read.rank; d++) {
            read.lo[d] = (uint32_t)*words;
            read.count[d] = (uint32_t)((uint64_t)*words++ >> 32);
            read.stride_nbytes[d] = *words++;
        }
    }
    *access = read;
    return KB_OK;
}
