/* Inside of log/payload*.c: int64 words written one after another, and read again. */
#ifndef KB_LOG_WORDS_H
#define KB_LOG_WORDS_H

#include <string.h>

#include "log/payload.h"

/* Writes words, or counts them where `words` is NULL. */
typedef struct kb_words_out {
    int64_t *words;
    uint32_t n;
} kb_words_out;

typedef struct kb_words_in {
    const int64_t *words;
    uint32_t n, at;
    bool failed;
} kb_words_in;

static inline void kb_words_put(kb_words_out *out, int64_t word) {
    if (out->words) out->words[out->n] = word;
    out->n++;
}

static inline void kb_words_put_words(kb_words_out *out, const int64_t *words, int64_t count) {
    if (out->words) memcpy(out->words + out->n, words, (size_t)count * sizeof *words);
    out->n += (uint32_t)count;
}

/* Bytes, packed and padded with zeros to whole words. */
static inline void kb_words_put_bytes(kb_words_out *out, const uint8_t *bytes, int64_t count) {
    uint32_t n_words = (uint32_t)((count + 7) / 8);
    if (out->words) {
        memset(out->words + out->n, 0, n_words * sizeof *out->words);
        memcpy(out->words + out->n, bytes, (size_t)count);
    }
    out->n += n_words;
}

static inline int64_t kb_words_take(kb_words_in *in) {
    if (in->at < in->n) return in->words[in->at++];
    in->failed = true;
    return 0;
}

static inline const int64_t *kb_words_take_words(kb_words_in *in, uint64_t count) {
    const int64_t *words = in->words + in->at;
    if (count > in->n - in->at) {
        in->failed = true;
        return NULL;
    }
    in->at += (uint32_t)count;
    return words;
}

static inline const uint8_t *kb_words_take_bytes(kb_words_in *in, uint64_t count) {
    return (const uint8_t *)kb_words_take_words(in, count / 8 + (count % 8 != 0));
}

static inline void kb_words_put_dims(kb_words_out *out, int rank, const uint32_t *dims) {
    for (int d = 0; d < rank; d += 2)
        kb_words_put(out, (int64_t)((uint64_t)(d + 1 < rank ? dims[d + 1] : 0) << 32 | dims[d]));
}

/* The product, or 0 when a dim is. */
static inline uint64_t kb_words_take_dims(kb_words_in *in, int rank, uint32_t *dims) {
    uint64_t count = 1;
    for (int d = 0; d < KB_MAX_RANK; d++) dims[d] = 1;
    for (int d = 0; d < rank; d += 2) {
        uint64_t word = (uint64_t)kb_words_take(in);
        dims[d] = (uint32_t)word;
        if (d + 1 < rank) dims[d + 1] = (uint32_t)(word >> 32);
    }
    for (int d = 0; d < rank; d++) {
        count *= dims[d];
        if (count > KB_MAX_TILE_ELEMENTS) in->failed = true;
        if (in->failed) return 0;
    }
    return count;
}

/* An index block or a mask: payload_block.c. */
void kb_words_put_block(kb_words_out *out, const kb_blockval *block);
void kb_words_take_block(kb_words_in *in, int rank, kb_blockval *block);

#endif
