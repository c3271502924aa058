/* Words of an index block or a mask:
 *
 *   form << 0 | is_mask << 8, base, its dims, then per dimension what the form says
 */
#include "log/words.h"

enum { IS_MASK = 1 << 8, IS_DENSE = 1 << 9 };

static void put_block(kb_words_out *out, const kb_block *block) {
    int64_t head = block->dtype | (block->dense ? IS_DENSE : 0), count = 1;
    for (int d = 0; d < block->rank; d++) {
        head |= (int64_t)(block->vector[d] != NULL) << (16 + d);
        count *= block->dims[d];
    }
    kb_words_put(out, head);
    kb_words_put_dims(out, block->rank, block->dims);
    kb_words_put(out, block->base);
    if (block->dense) {
        kb_words_put_words(out, block->dense, count);
        return;
    }
    for (int d = 0; d < block->rank; d++) {
        if (block->vector[d]) kb_words_put_words(out, block->vector[d], block->dims[d]);
        else kb_words_put(out, block->stride[d]);
    }
}

static void take_block(kb_words_in *in, int rank, int64_t head, kb_block *block) {
    block->rank = (uint8_t)rank;
    block->dtype = (uint8_t)(head & 255);
    if (block->dtype >= KB_DTYPE_COUNT) in->failed = true;
    uint64_t count = kb_words_take_dims(in, rank, block->dims);
    block->base = kb_words_take(in);
    if (head & IS_DENSE) {
        block->dense = kb_words_take_words(in, count);
        return;
    }
    for (int d = 0; d < rank; d++) {
        if (head >> (16 + d) & 1) block->vector[d] = kb_words_take_words(in, block->dims[d]);
        else block->stride[d] = kb_words_take(in);
    }
}

static void put_mask(kb_words_out *out, const kb_mask *mask) {
    int64_t head = IS_MASK | (mask->dense ? IS_DENSE : 0) | (int64_t)mask->n_planes << 24,
            count = 1;
    for (int d = 0; d < mask->rank; d++) {
        head |= (int64_t)(mask->bits[d] != NULL) << (16 + d);
        count *= mask->dims[d];
    }
    kb_words_put(out, head);
    kb_words_put_dims(out, mask->rank, mask->dims);
    if (mask->dense) {
        kb_words_put_bytes(out, mask->dense, count);
        return;
    }
    for (int d = 0; d < mask->rank; d++) {
        kb_words_put(out, (int64_t)((uint64_t)mask->hi[d] << 32 | mask->lo[d]));
        if (mask->bits[d]) kb_words_put_bytes(out, mask->bits[d], mask->dims[d]);
    }
    for (int p = 0; p < mask->n_planes; p++) {
        kb_words_put(out, mask->planes[p].constant);
        kb_words_put_words(out, mask->planes[p].coefficient, mask->rank);
    }
}

static void take_mask(kb_words_in *in, int rank, int64_t head, kb_mask *mask) {
    mask->rank = (uint8_t)rank;
    uint64_t count = kb_words_take_dims(in, rank, mask->dims);
    if (head & IS_DENSE) {
        mask->dense = kb_words_take_bytes(in, count);
        return;
    }
    for (int d = 0; d < rank; d++) {
        uint64_t interval = (uint64_t)kb_words_take(in);
        mask->lo[d] = (uint32_t)interval;
        mask->hi[d] = (uint32_t)(interval >> 32);
        if (head >> (16 + d) & 1) mask->bits[d] = kb_words_take_bytes(in, mask->dims[d]);
    }
    uint8_t n_planes = (uint8_t)(head >> 24 & 255);
    if (n_planes > KB_MAX_PLANES) in->failed = true;
    for (int p = 0; p < n_planes && !in->failed; p++) {
        mask->planes[p].constant = kb_words_take(in);
        for (int d = 0; d < rank; d++) mask->planes[p].coefficient[d] = kb_words_take(in);
    }
    mask->n_planes = n_planes;
}

void kb_words_put_block(kb_words_out *out, const kb_blockval *block) {
    if (block->is_mask) put_mask(out, &block->mask);
    else put_block(out, &block->block);
}

void kb_words_take_block(kb_words_in *in, int rank, kb_blockval *block) {
    int64_t form = kb_words_take(in);
    if (in->failed) return;
    block->is_mask = (form & IS_MASK) != 0;
    if (block->is_mask) take_mask(in, rank, form, &block->mask);
    else take_block(in, rank, form, &block->block);
}
