#include "log/payload.h"

#include <string.h>

/* Words of a payload, in this order:
 *
 *   head      n_operands | has_result << 8 | has_access << 9 | axis << 16 | precision << 24
 *             | permutation << 32
 *   result    an operand, if there is one
 *   operands  n_operands of them
 *   access    as kernel/access.h writes it, if there is one; its runs end the payload
 *
 * An operand:
 *   kind | dtype << 8 | rank << 16 | last_use << 24 | length in words << 32
 *   dims, two to a word            (not NONE)
 *   bits                           (TILE, SCALAR)
 *   a block or a mask              (BLOCK)
 *
 * A block:  form << 0 | is_mask << 8, base, its dims, then per dimension what the form says
 */
enum { LAST_USE_SHIFT = 24, LENGTH_SHIFT = 32 };
enum { HAS_RESULT = 1 << 8, HAS_ACCESS = 1 << 9, IS_MASK = 1 << 8, IS_DENSE = 1 << 9 };

/* Writes words, or counts them where `words` is NULL. */
typedef struct writer {
    int64_t *words;
    uint32_t n;
} writer;

typedef struct reader {
    const int64_t *words;
    uint32_t n, at;
    bool failed;
} reader;

static void put(writer *out, int64_t word) {
    if (out->words) out->words[out->n] = word;
    out->n++;
}

static void put_words(writer *out, const int64_t *words, int64_t count) {
    if (out->words) memcpy(out->words + out->n, words, (size_t)count * sizeof *words);
    out->n += (uint32_t)count;
}

/* Bytes, packed and padded with zeros to whole words. */
static void put_bytes(writer *out, const uint8_t *bytes, int64_t count) {
    uint32_t n_words = (uint32_t)((count + 7) / 8);
    if (out->words) {
        memset(out->words + out->n, 0, n_words * sizeof *out->words);
        memcpy(out->words + out->n, bytes, (size_t)count);
    }
    out->n += n_words;
}

static int64_t take(reader *in) {
    if (in->at < in->n) return in->words[in->at++];
    in->failed = true;
    return 0;
}

static const int64_t *take_words(reader *in, uint64_t count) {
    const int64_t *words = in->words + in->at;
    if (count > in->n - in->at) {
        in->failed = true;
        return NULL;
    }
    in->at += (uint32_t)count;
    return words;
}

static const uint8_t *take_bytes(reader *in, uint64_t count) {
    return (const uint8_t *)take_words(in, count / 8 + (count % 8 != 0));
}

static void put_dims(writer *out, int rank, const uint32_t *dims) {
    for (int d = 0; d < rank; d += 2)
        put(out, (int64_t)((uint64_t)(d + 1 < rank ? dims[d + 1] : 0) << 32 | dims[d]));
}

/* The product, or 0 when a dim is. */
static uint64_t take_dims(reader *in, int rank, uint32_t *dims) {
    uint64_t count = 1;
    for (int d = 0; d < KB_MAX_RANK; d++) dims[d] = 1;
    for (int d = 0; d < rank; d += 2) {
        uint64_t word = (uint64_t)take(in);
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

/* --- blocks -------------------------------------------------------------------------------------- */

static void put_block(writer *out, const kb_block *block) {
    int64_t head = block->dtype | (block->dense ? IS_DENSE : 0), count = 1;
    for (int d = 0; d < block->rank; d++) {
        head |= (int64_t)(block->vector[d] != NULL) << (16 + d);
        count *= block->dims[d];
    }
    put(out, head);
    put_dims(out, block->rank, block->dims);
    put(out, block->base);
    if (block->dense) {
        put_words(out, block->dense, count);
        return;
    }
    for (int d = 0; d < block->rank; d++) {
        if (block->vector[d]) put_words(out, block->vector[d], block->dims[d]);
        else put(out, block->stride[d]);
    }
}

static void take_block(reader *in, int rank, int64_t head, kb_block *block) {
    block->rank = (uint8_t)rank;
    block->dtype = (uint8_t)(head & 255);
    if (block->dtype >= KB_DTYPE_COUNT) in->failed = true;
    uint64_t count = take_dims(in, rank, block->dims);
    block->base = take(in);
    if (head & IS_DENSE) {
        block->dense = take_words(in, count);
        return;
    }
    for (int d = 0; d < rank; d++) {
        if (head >> (16 + d) & 1) block->vector[d] = take_words(in, block->dims[d]);
        else block->stride[d] = take(in);
    }
}

static void put_mask(writer *out, const kb_mask *mask) {
    int64_t head = IS_MASK | (mask->dense ? IS_DENSE : 0) | (int64_t)mask->n_planes << 24,
            count = 1;
    for (int d = 0; d < mask->rank; d++) {
        head |= (int64_t)(mask->bits[d] != NULL) << (16 + d);
        count *= mask->dims[d];
    }
    put(out, head);
    put_dims(out, mask->rank, mask->dims);
    if (mask->dense) {
        put_bytes(out, mask->dense, count);
        return;
    }
    for (int d = 0; d < mask->rank; d++) {
        put(out, (int64_t)((uint64_t)mask->hi[d] << 32 | mask->lo[d]));
        if (mask->bits[d]) put_bytes(out, mask->bits[d], mask->dims[d]);
    }
    for (int p = 0; p < mask->n_planes; p++) {
        put(out, mask->planes[p].constant);
        put_words(out, mask->planes[p].coefficient, mask->rank);
    }
}

static void take_mask(reader *in, int rank, int64_t head, kb_mask *mask) {
    mask->rank = (uint8_t)rank;
    uint64_t count = take_dims(in, rank, mask->dims);
    if (head & IS_DENSE) {
        mask->dense = take_bytes(in, count);
        return;
    }
    for (int d = 0; d < rank; d++) {
        uint64_t interval = (uint64_t)take(in);
        mask->lo[d] = (uint32_t)interval;
        mask->hi[d] = (uint32_t)(interval >> 32);
        if (head >> (16 + d) & 1) mask->bits[d] = take_bytes(in, mask->dims[d]);
    }
    uint8_t n_planes = (uint8_t)(head >> 24 & 255);
    if (n_planes > KB_MAX_PLANES) in->failed = true;
    for (int p = 0; p < n_planes && !in->failed; p++) {
        mask->planes[p].constant = take(in);
        for (int d = 0; d < rank; d++) mask->planes[p].coefficient[d] = take(in);
    }
    mask->n_planes = n_planes;
}

/* --- operands ------------------------------------------------------------------------------------ */

/* One without a block, as most are; its words are never counted this way (operand_words). */
static inline void put_plain_operand(writer *out, const kb_operand *operand, uint64_t head) {
    int64_t *at = out->words + out->n;
    uint32_t length = 1;
    if (operand->kind != KB_OPERAND_NONE) {
        for (int d = 0; d < operand->rank; d += 2) {
            uint32_t second = d + 1 < operand->rank ? operand->dims[d + 1] : 0;
            at[length++] = (int64_t)((uint64_t)second << 32 | operand->dims[d]);
        }
        at[length++] = (int64_t)operand->bits;
    }
    at[0] = (int64_t)(head | (uint64_t)length << LENGTH_SHIFT);
    out->n += length;
}

static void put_block_operand(writer *out, const kb_operand *operand, uint64_t head) {
    uint32_t start = out->n;
    put(out, 0);
    put_dims(out, operand->rank, operand->dims);
    if (operand->block->is_mask) put_mask(out, &operand->block->mask);
    else put_block(out, &operand->block->block);
    if (out->words)
        out->words[start] = (int64_t)(head | (uint64_t)(out->n - start) << LENGTH_SHIFT);
}

static inline void put_operand(writer *out, const kb_operand *operand) {
    uint64_t head = operand->kind | (uint64_t)operand->dtype << 8 | (uint64_t)operand->rank << 16 |
                    (uint64_t)operand->last_use << LAST_USE_SHIFT;
    if (operand->kind == KB_OPERAND_BLOCK) put_block_operand(out, operand, head);
    else put_plain_operand(out, operand, head);
}

static void take_operand(reader *in, kb_arena *arena, kb_operand *operand) {
    uint64_t head = (uint64_t)take(in);
    *operand = (kb_operand){.kind = head & 255, .dtype = head >> 8 & 255, .rank = head >> 16 & 255};
    operand->last_use = head >> LAST_USE_SHIFT & 1;
    if (operand->kind > KB_OPERAND_BLOCK || operand->dtype >= KB_DTYPE_COUNT ||
        operand->rank > KB_MAX_RANK)
        in->failed = true;
    if (in->failed || operand->kind == KB_OPERAND_NONE) return;
    (void)take_dims(in, operand->rank, operand->dims);
    if (operand->kind != KB_OPERAND_BLOCK) {
        operand->bits = (uint64_t)take(in);
        return;
    }
    kb_blockval *block = kb_arena_take(arena, 1, sizeof *block);
    int64_t form = take(in);
    if (!block || in->failed) return;
    block->is_mask = (form & IS_MASK) != 0;
    if (block->is_mask) take_mask(in, operand->rank, form, &block->mask);
    else take_block(in, operand->rank, form, &block->block);
    operand->block = block;
}

/* --- payloads ------------------------------------------------------------------------------------ */

static bool has_access(kb_opkind kind) {
    return kind == KB_OP_DMA_READ || kind == KB_OP_DMA_WRITE;
}

static void put_payload(writer *out, kb_opkind kind, const kb_payload *payload) {
    bool has_result = payload->result.kind != KB_OPERAND_NONE;
    uint64_t head = payload->n_operands | (has_result ? HAS_RESULT : 0) |
                    (has_access(kind) ? HAS_ACCESS : 0) | (uint64_t)payload->axis << 16 |
                    (uint64_t)payload->precision << 24 | payload->permutation << 32;
    put(out, (int64_t)head);
    if (has_result) put_operand(out, &payload->result);
    for (uint32_t i = 0; i < payload->n_operands; i++) put_operand(out, &payload->operand[i]);
    if (!has_access(kind)) return;
    if (out->words) kb_access_encode(&payload->access, out->words + out->n);
    out->n += kb_access_words(&payload->access);
}

static uint32_t operand_words(const kb_operand *operand) {
    writer out = {0};
    if (operand->kind == KB_OPERAND_NONE) return 1;
    if (operand->kind != KB_OPERAND_BLOCK) return 2 + (uint32_t)(operand->rank + 1) / 2;
    put_block_operand(&out, operand, 0);
    return out.n;
}

uint32_t kb_payload_words(kb_opkind kind, const kb_payload *payload) {
    uint32_t n = 1 + (has_access(kind) ? kb_access_words(&payload->access) : 0);
    if (payload->result.kind != KB_OPERAND_NONE) n += operand_words(&payload->result);
    for (uint32_t i = 0; i < payload->n_operands; i++) n += operand_words(&payload->operand[i]);
    return n;
}

void kb_payload_encode(kb_opkind kind, const kb_payload *payload, int64_t *words) {
    writer out = {.words = words};
    put_payload(&out, kind, payload);
}

kb_status kb_payload_decode(kb_arena *arena, kb_opkind kind, const int64_t *words, uint32_t n_words,
                            kb_payload *payload, kb_error *err) {
    reader in = {.words = words, .n = n_words};
    kb_payload read = {0};
    uint64_t head = (uint64_t)take(&in);
    read.n_operands = head & 255;
    read.axis = head >> 16 & 255;
    read.precision = head >> 24 & 255;
    read.permutation = head >> 32;
    if (read.n_operands > 3 || ((head & HAS_ACCESS) != 0) != has_access(kind)) in.failed = true;
    if (!in.failed && head & HAS_RESULT) take_operand(&in, arena, &read.result);
    for (uint32_t i = 0; i < read.n_operands && !in.failed; i++) {
        take_operand(&in, arena, &read.operand[i]);
        if (read.operand[i].kind == KB_OPERAND_BLOCK && !read.operand[i].block && !in.failed)
            return kb_error_nomem(err, "a payload of the op log");
    }
    if (!in.failed && has_access(kind)) {
        uint32_t n_used = 0;
        KB_TRY(kb_access_decode(words + in.at, n_words - in.at, &read.access, &n_used, err));
        in.at += n_used;
    }
    if (in.failed || in.at != n_words)
        return kb_error_set(err, KB_INTERNAL,
                            "a payload of the op log (%s) does not fit its %u words",
                            kb_opkind_name(kind), n_words);
    *payload = read;
    return KB_OK;
}

/* Operands with a result among them. */
static uint32_t n_named(uint64_t head) {
    return (uint32_t)(head & 255) + ((head & HAS_RESULT) != 0);
}

kb_status kb_payload_access(const int64_t *words, uint32_t n_words, kb_access *access,
                            kb_error *err) {
    uint64_t head = n_words > 0 ? (uint64_t)words[0] : 0;
    uint32_t at = 1, n_used;
    for (uint32_t i = 0; i < n_named(head) && at < n_words; i++)
        at += (uint32_t)((uint64_t)words[at] >> LENGTH_SHIFT);
    if (at > n_words) at = n_words;
    return kb_access_decode(words + at, n_words - at, access, &n_used, err);
}

void kb_payload_set_last_tile(int64_t *words, uint32_t n_words, uint64_t version) {
    words[n_words - 1] = (int64_t)version;
}

bool kb_payload_set_last_use(int64_t *words, uint32_t n_words, uint64_t version) {
    if (n_words == 0) return false;
    uint32_t n_operands = n_named((uint64_t)words[0]), at = 1;
    for (uint32_t i = 0; i < n_operands && at < n_words; i++) {
        uint64_t operand = (uint64_t)words[at];
        int rank = operand >> 16 & 255;
        uint32_t length = (uint32_t)(operand >> LENGTH_SHIFT),
                 bits = at + 1 + (uint32_t)(rank + 1) / 2;
        bool is_tile = (operand & 255) == KB_OPERAND_TILE && bits < n_words;
        if (is_tile && (uint64_t)words[bits] == version) {
            words[at] = (int64_t)(operand | UINT64_C(1) << LAST_USE_SHIFT);
            return true;
        }
        at += length;
    }
    return false;
}
