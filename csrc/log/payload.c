#include "log/payload.h"

#include "log/words.h"

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
 */
enum { LAST_USE_SHIFT = 24, LENGTH_SHIFT = 32 };
enum { HAS_RESULT = 1 << 8, HAS_ACCESS = 1 << 9 };

/* --- operands ------------------------------------------------------------------------------------ */

/* One without a block, as most are; its words are never counted this way (operand_words). */
static inline void put_plain_operand(kb_words_out *out, const kb_operand *operand, uint64_t head) {
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

static void put_block_operand(kb_words_out *out, const kb_operand *operand, uint64_t head) {
    uint32_t start = out->n;
    kb_words_put(out, 0);
    kb_words_put_dims(out, operand->rank, operand->dims);
    kb_words_put_block(out, operand->block);
    if (out->words)
        out->words[start] = (int64_t)(head | (uint64_t)(out->n - start) << LENGTH_SHIFT);
}

static inline void put_operand(kb_words_out *out, const kb_operand *operand) {
    uint64_t head = operand->kind | (uint64_t)operand->dtype << 8 | (uint64_t)operand->rank << 16 |
                    (uint64_t)operand->last_use << LAST_USE_SHIFT;
    if (operand->kind == KB_OPERAND_BLOCK) put_block_operand(out, operand, head);
    else put_plain_operand(out, operand, head);
}

static void take_operand(kb_words_in *in, kb_arena *arena, kb_operand *operand) {
    uint64_t head = (uint64_t)kb_words_take(in);
    *operand = (kb_operand){.kind = head & 255, .dtype = head >> 8 & 255, .rank = head >> 16 & 255};
    operand->last_use = head >> LAST_USE_SHIFT & 1;
    if (operand->kind > KB_OPERAND_BLOCK || operand->dtype >= KB_DTYPE_COUNT ||
        operand->rank > KB_MAX_RANK)
        in->failed = true;
    if (in->failed || operand->kind == KB_OPERAND_NONE) return;
    (void)kb_words_take_dims(in, operand->rank, operand->dims);
    if (operand->kind != KB_OPERAND_BLOCK) {
        operand->bits = (uint64_t)kb_words_take(in);
        return;
    }
    kb_blockval *block = kb_arena_take(arena, 1, sizeof *block);
    if (!block || in->failed) return;
    kb_words_take_block(in, operand->rank, block);
    operand->block = block;
}

/* --- payloads ------------------------------------------------------------------------------------ */

static bool has_access(kb_opkind kind) {
    return kind == KB_OP_DMA_READ || kind == KB_OP_DMA_WRITE;
}

static void put_payload(kb_words_out *out, kb_opkind kind, const kb_payload *payload) {
    bool has_result = payload->result.kind != KB_OPERAND_NONE;
    uint64_t head = payload->n_operands | (has_result ? HAS_RESULT : 0) |
                    (has_access(kind) ? HAS_ACCESS : 0) | (uint64_t)payload->axis << 16 |
                    (uint64_t)payload->precision << 24 | payload->permutation << 32;
    kb_words_put(out, (int64_t)head);
    if (has_result) put_operand(out, &payload->result);
    for (uint32_t i = 0; i < payload->n_operands; i++) put_operand(out, &payload->operand[i]);
    if (!has_access(kind)) return;
    if (out->words) kb_access_encode(&payload->access, out->words + out->n);
    out->n += kb_access_words(&payload->access);
}

static uint32_t operand_words(const kb_operand *operand) {
    kb_words_out out = {0};
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
    kb_words_out out = {.words = words};
    put_payload(&out, kind, payload);
}

kb_status kb_payload_decode(kb_arena *arena, kb_opkind kind, const int64_t *words, uint32_t n_words,
                            kb_payload *payload, kb_error *err) {
    kb_words_in in = {.words = words, .n = n_words};
    kb_payload read = {0};
    uint64_t head = (uint64_t)kb_words_take(&in);
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
