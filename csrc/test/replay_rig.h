/* A replay over a hand-made op log: tests append records and run them.
 *
 *     rig r = rig_make(NULL);
 *     kb_va x = rig_tensor(&r, KB_FLOAT32, 4, values);
 *     rig_load(&r, rig_box(KB_FLOAT32, 1, dims, x), 1, NULL);          version 1
 *     ...
 *     CHECK_EQ(rig_run(&r), KB_OK);
 *     rig_free(&r);                                                    checks that nothing leaks
 */
#ifndef KB_TEST_REPLAY_RIG_H
#define KB_TEST_REPLAY_RIG_H

#include <stdlib.h>

#include "kernel/scalar.h"
#include "log/payload.h"
#include "replay/isa.h"
#include "replay/replay.h"
#include "tap.h"

typedef struct rig {
    kb_alloc alloc;
    kb_error err;
    kb_oplog *log;
    kb_store *store;
    kb_replay *replay;
    int32_t kernel, line;
    kb_va next_va;
} rig;

/* Options as kb_replay_create takes them; NULL: one thread, unwritten memory is an error. */
static inline void rig_init(rig *r, const kb_replay_options *options) {
    static const kb_replay_options plain = {.threads = 1, .uninit_error = true};
    memset(r, 0, sizeof *r);
    r->alloc = kb_alloc_system();
    CHECK_EQ(kb_oplog_create(&r->alloc, KB_OPLOG_FULL, &r->log, &r->err), KB_OK);
    CHECK_EQ(kb_store_create(&r->alloc, true, &r->store, &r->err), KB_OK);
    if (!CHECK_EQ(kb_replay_create(&r->alloc, r->log, r->store, options ? options : &plain,
                                   &r->replay, &r->err),
                  KB_OK)) {
        printf("# %s\n", r->err.message);
        exit(1);
    }
    CHECK_EQ(kb_oplog_add_kernel(r->log, "kernel", &r->kernel, &r->err), KB_OK);
    r->next_va = KB_VA_GUARD_NBYTES;
}

static inline void rig_free(rig *r) {
    kb_replay_destroy(r->replay);
    kb_store_destroy(r->store);
    kb_oplog_destroy(r->log);
    CHECK_EQ(r->alloc.live_nbytes, 0);
}

/* Runs all there is; prints the message of a failure. */
static inline kb_status rig_run(rig *r) {
    r->err = (kb_error)KB_ERROR_INIT;
    kb_status status = KB_OK;
    while (status == KB_OK && kb_replay_cursor(r->replay) < kb_oplog_count(r->log))
        status = kb_replay_run(r->replay, kb_oplog_count(r->log), INT64_MAX, &r->err);
    return status;
}

/* A tensor with these bytes; unwritten where `values` is NULL. */
static inline kb_va rig_tensor(rig *r, kb_dtype dtype, size_t count, const void *values) {
    kb_extent *extent = NULL;
    kb_va va = r->next_va;
    size_t nbytes = count * kb_dtype_nbytes(dtype);
    CHECK_EQ(kb_store_map(r->store, va, nbytes, values ? KB_MAP_ZEROED : 0, &extent, &r->err),
             KB_OK);
    if (values) memcpy(extent->bytes, values, nbytes);
    r->next_va += (nbytes + 4096 + 255) / 256 * 256;
    return va;
}

static inline void *rig_bytes(rig *r, kb_va va) {
    kb_extent *extent = kb_store_find(r->store, va);
    return extent ? extent->bytes + (va - extent->va) : NULL;
}

/* --- payloads ------------------------------------------------------------------------------------ */

static inline kb_operand rig_operand(kb_operand_kind kind, kb_dtype dtype, int rank,
                                     const uint32_t *dims) {
    kb_operand operand = {.kind = (uint8_t)kind, .dtype = (uint8_t)dtype, .rank = (uint8_t)rank};
    for (int d = 0; d < KB_MAX_RANK; d++) operand.dims[d] = d < rank ? dims[d] : 1;
    return operand;
}

static inline kb_operand rig_tile(kb_dtype dtype, int rank, const uint32_t *dims,
                                  uint64_t version) {
    kb_operand operand = rig_operand(KB_OPERAND_TILE, dtype, rank, dims);
    operand.bits = version;
    return operand;
}

/* The same, read for the last time. */
static inline kb_operand rig_last(kb_operand operand) {
    operand.last_use = true;
    return operand;
}

static inline kb_operand rig_scalar(kb_dtype dtype, double value) {
    kb_operand operand = rig_operand(KB_OPERAND_SCALAR, dtype, 0, NULL);
    operand.bits =
        kb_dtype_get_kind(dtype) == KB_KIND_FLOAT ? kb_f64_bits(value) : (uint64_t)(int64_t)value;
    return operand;
}

/* A row-major access of a whole tensor, unmasked. */
static inline kb_access rig_box(kb_dtype dtype, int rank, const uint32_t *dims, kb_va va) {
    kb_access access = {.dtype = (uint8_t)dtype, .rank = (uint8_t)rank, .va = va, .first_va = va};
    int64_t stride = (int64_t)kb_dtype_nbytes(dtype);
    access.n_elements = 1;
    for (int d = KB_MAX_RANK; d-- > 0;) {
        access.dims[d] = access.count[d] = d < rank ? dims[d] : 1;
        if (d >= rank) continue;
        access.stride_nbytes[d] = stride;
        stride *= dims[d];
        access.n_elements *= dims[d];
    }
    access.end_va = va + (uint64_t)stride;
    return access;
}

static inline void rig_append(rig *r, kb_opkind kind, int op, const kb_payload *payload) {
    static int64_t words[1 << 16];
    kb_record record = {.kind = (uint8_t)kind,
                        .op = (uint8_t)op,
                        .kernel = r->kernel,
                        .line = ++r->line,
                        .pe = 3,
                        .program = 7};
    uint32_t n_words = kb_payload_words(kind, payload);
    if (!CHECK(n_words <= sizeof words / sizeof *words)) exit(1);
    kb_payload_encode(kind, payload, words);
    CHECK_EQ(kb_oplog_append(r->log, &record, words, n_words, &r->err), KB_OK);
}

static inline void rig_load(rig *r, kb_access access, uint64_t version, const kb_operand *other) {
    kb_payload payload = {.access = access};
    payload.result = rig_tile((kb_dtype)access.dtype, access.rank, access.dims, version);
    if (other) {
        payload.n_operands = 1;
        payload.operand[0] = *other;
    }
    rig_append(r, KB_OP_DMA_READ, 0, &payload);
}

static inline void rig_store(rig *r, kb_access access, kb_operand value) {
    kb_payload payload = {.access = access, .n_operands = 1};
    payload.operand[0] = value;
    rig_append(r, KB_OP_DMA_WRITE, 0, &payload);
}

/* Up to three operands; those of kind NONE end the list. */
static inline void rig_op(rig *r, kb_opkind kind, int op, kb_operand result, kb_operand a,
                          kb_operand b, kb_operand c) {
    kb_payload payload = {.result = result};
    kb_operand operands[3] = {a, b, c};
    while (payload.n_operands < 3 && operands[payload.n_operands].kind != KB_OPERAND_NONE) {
        payload.operand[payload.n_operands] = operands[payload.n_operands];
        payload.n_operands++;
    }
    rig_append(r, kind, op, &payload);
}

static inline void rig_drop(rig *r, uint64_t version) {
    static const uint32_t one[1] = {1};
    kb_operand none = {0};
    rig_op(r, KB_OP_FREE, 0, none, rig_tile(KB_FLOAT32, 1, one, version), none, none);
}

/* --- instruction sets ---------------------------------------------------------------------------- */

/* The names of those that this machine has, best first; NULL after the last. */
static inline const char *rig_isa(int number) {
    static const char *const names[] = {"avx512", "avx2", "neon", "portable"};
    for (size_t i = 0; i < 4; i++) {
        const kb_isa *isa;
        if (kb_isa_find(names[i], &isa, NULL) == KB_OK && number-- == 0) return names[i];
    }
    return NULL;
}

/* --- numbers ------------------------------------------------------------------------------------- */

/* The same ones on every machine. */
static inline uint64_t rig_random(uint64_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* Whole eighths, the same ones on every machine. */
static inline void rig_fill_floats(float *values, size_t count) {
    uint64_t state = 1;
    for (size_t i = 0; i < count; i++)
        values[i] = (float)(int64_t)(rig_random(&state) % 2001) / 8 - 125;
}

#endif
