#include "replay/replay.h"

#include <inttypes.h>

#include "base/checked.h"
#include "log/payload.h"
#include "replay/exec.h"
#include "replay/gather.h"
#include "replay/gemm.h"
#include "replay/lanes.h"
#include "replay/math.h"
#include "replay/reduce.h"
#include "replay/tiles.h"
#include "replay/trans.h"
#include "replay/transfer.h"

struct kb_replay {
    kb_alloc *alloc;
    kb_oplog *log;
    int64_t cursor;
    kb_tiles tiles;
    kb_arena arena; /* of the record that is executed */
    kb_exec exec;
    kb_prints prints;
    bool partial;
};

kb_status kb_replay_create(kb_alloc *alloc, kb_oplog *log, kb_store *store,
                           const kb_replay_options *options, kb_replay **replay, kb_error *err) {
    const kb_isa *isa;
    KB_TRY(kb_isa_find(options->isa, &isa, err));
    if (options->threads < 1)
        return kb_error_set(err, KB_INVALID, "replay: expected 1 thread or more, got %d",
                            options->threads);
    kb_replay *made = kb_alloc_zeroed(alloc, 1, sizeof *made);
    if (!made) return kb_error_nomem(err, "replay");
    made->alloc = alloc;
    made->log = log;
    made->partial = options->partial;
    kb_tiles_init(&made->tiles, alloc);
    kb_arena_init(&made->arena, alloc);
    made->prints.alloc = alloc;
    made->exec = (kb_exec){.isa = isa,
                           .tiles = &made->tiles,
                           .store = store,
                           .uninit_error = options->uninit_error,
                           .uninit_nan = options->uninit_nan};
    kb_status status = kb_crew_create(alloc, options->threads, &made->exec.crew, err);
    if (status) {
        kb_replay_destroy(made);
        return status;
    }
    *replay = made;
    return KB_OK;
}

void kb_replay_destroy(kb_replay *replay) {
    if (!replay) return;
    kb_crew_destroy(replay->exec.crew);
    kb_tiles_deinit(&replay->tiles);
    kb_arena_deinit(&replay->arena);
    kb_prints_deinit(&replay->prints);
    kb_alloc_free(replay->alloc, replay, 1, sizeof *replay);
}

static bool is_executed(kb_opkind kind) {
    switch (kind) {
    case KB_OP_DMA_READ:
    case KB_OP_DMA_WRITE:
    case KB_OP_GEMM:
    case KB_OP_MATH:
    case KB_OP_REDUCE:
    case KB_OP_TRANS:
    case KB_OP_SEND:
    case KB_OP_RECV:
    case KB_OP_COMBINE:
    case KB_OP_GATHER:
    case KB_OP_PRINT:
    case KB_OP_FREE: return true;
    default: return false;
    }
}

static kb_status free_version(kb_tiles *tiles, uint64_t version, kb_error *err) {
    if (!kb_tiles_find(tiles, version, NULL))
        return kb_error_set(err, KB_INTERNAL, "free: there is no tile %" PRIu64 " now", version);
    kb_tiles_drop(tiles, version);
    return KB_OK;
}

static kb_status execute(kb_replay *replay, const kb_record *record, const kb_payload *payload,
                         kb_error *err) {
    kb_exec *exec = &replay->exec;
    switch ((kb_opkind)record->kind) {
    case KB_OP_DMA_READ: return kb_transfer_read(exec, payload, err);
    case KB_OP_DMA_WRITE: return kb_transfer_write(exec, payload, err);
    case KB_OP_GEMM: return kb_gemm_run(exec, payload, err);
    case KB_OP_COMBINE:
    case KB_OP_MATH: return kb_math_run(exec, (kb_mathop)record->op, payload, err);
    case KB_OP_REDUCE: return kb_reduce_run(exec, (kb_reduceop)record->op, payload, err);
    case KB_OP_TRANS: return kb_trans_run(exec, payload, err);
    case KB_OP_GATHER: return kb_gather_run(exec, payload, err);
    case KB_OP_SEND: return kb_transfer_send(exec, payload, err);
    case KB_OP_RECV: return kb_transfer_recv(exec, payload, err);
    case KB_OP_PRINT: return kb_prints_take(&replay->prints, exec->tiles, record, payload, err);
    default: return free_version(exec->tiles, payload->operand[0].bits, err);
    }
}

/* Versions that nobody reads after this record go, as they do in the machine. */
static void drop_last_uses(kb_tiles *tiles, const kb_payload *payload) {
    for (uint32_t i = 0; i < payload->n_operands; i++) {
        const kb_operand *operand = &payload->operand[i];
        if (operand->kind == KB_OPERAND_TILE && operand->last_use)
            kb_tiles_drop(tiles, operand->bits);
    }
    if (payload->result.kind == KB_OPERAND_TILE && payload->result.last_use)
        kb_tiles_drop(tiles, payload->result.bits);
}

/* "kernel:line: message (PE n, program m)". */
static kb_status say_where(const kb_replay *replay, const kb_record *record, kb_status status,
                           const kb_error *inner, kb_error *err) {
    return kb_error_set(err, status, "%s:%d: %s (PE %d, program %d)",
                        kb_oplog_kernel_name(replay->log, record->kernel), record->line,
                        inner->message, record->pe, record->program);
}

/* Whether all that a record reads is there, in a partial replay. */
static bool is_known(const kb_exec *exec, const kb_payload *payload) {
    for (uint32_t i = 0; i < payload->n_operands; i++) {
        const kb_operand *operand = &payload->operand[i];
        if (operand->kind == KB_OPERAND_TILE && !kb_tiles_find(exec->tiles, operand->bits, NULL))
            return false;
    }
    kb_access_walk walk = kb_access_begin(&payload->access);
    kb_run row;
    while (kb_access_next(&walk, &row)) {
        const kb_extent *extent = kb_store_find(exec->store, row.va);
        if (!extent || !extent->bytes) return false;
    }
    return true;
}

/* The tensors that a record writes lose the bytes that they kept. */
static void drop_written(const kb_exec *exec, const kb_payload *payload) {
    kb_access_walk walk = kb_access_begin(&payload->access);
    kb_run row;
    while (kb_access_next(&walk, &row)) {
        kb_extent *extent = kb_store_find(exec->store, row.va);
        if (extent && extent->bytes) kb_extent_drop_bytes(extent);
    }
}

static kb_status execute_partly(kb_replay *replay, const kb_record *record,
                                const kb_payload *payload, kb_error *err) {
    const kb_exec *exec = &replay->exec;
    if (record->kind == KB_OP_PRINT) return KB_OK;
    if (record->kind == KB_OP_DMA_WRITE) drop_written(exec, payload);
    else if (record->kind == KB_OP_FREE) kb_tiles_drop(exec->tiles, payload->operand[0].bits);
    else if (is_known(exec, payload)) return execute(replay, record, payload, err);
    return KB_OK;
}

static int64_t work_of(const kb_record *record, const kb_payload *payload) {
    const kb_operand *shape =
        record->kind == KB_OP_REDUCE ? &payload->operand[0] : &payload->result;
    if (record->kind == KB_OP_DMA_WRITE) return (int64_t)payload->access.n_elements;
    int64_t count = (int64_t)kb_lanes_count(shape->rank, shape->dims);
    return record->kind == KB_OP_GEMM ? count * payload->operand[0].dims[1] : count;
}

static kb_status run_record(kb_replay *replay, const kb_record *record, int64_t index,
                            int64_t *work, kb_error *err) {
    kb_opkind kind = (kb_opkind)record->kind;
    kb_payload payload;
    uint32_t n_words;
    const int64_t *words = kb_oplog_payload(replay->log, index, &n_words);
    KB_TRY(kb_payload_decode(&replay->arena, kind, words, n_words, &payload, err));
    if (payload.result.kind == KB_OPERAND_TILE &&
        kb_tiles_find(&replay->tiles, payload.result.bits, NULL))
        return kb_error_set(err, KB_INTERNAL, "tile %" PRIu64 " is made twice",
                            payload.result.bits);
    kb_status status = replay->partial ? execute_partly(replay, record, &payload, err)
                                       : execute(replay, record, &payload, err);
    if (status == KB_OK && replay->prints.awaited.count > 0 &&
        payload.result.kind == KB_OPERAND_TILE)
        status = kb_prints_made(&replay->prints, &replay->tiles, payload.result.bits, err);
    if (status == KB_OK) drop_last_uses(&replay->tiles, &payload);
    else if (payload.result.kind == KB_OPERAND_TILE)
        kb_tiles_drop(&replay->tiles, payload.result.bits);
    *work = kind == KB_OP_FREE ? 1 : work_of(record, &payload);
    return status;
}

bool kb_replay_reads(const kb_replay *replay) {
    return !replay->partial || replay->tiles.count > 0 || kb_store_nbytes(replay->exec.store) > 0;
}

kb_status kb_replay_run(kb_replay *replay, int64_t upto, int64_t max_work, kb_error *err) {
    int64_t left = max_work;
    if (upto > kb_oplog_count(replay->log)) upto = kb_oplog_count(replay->log);
    if (!kb_replay_reads(replay)) {
        replay->cursor = kb_max_i64(replay->cursor, upto);
        kb_oplog_release(replay->log, replay->cursor);
    }
    while (replay->cursor < upto) {
        kb_record record = kb_oplog_get(replay->log, replay->cursor);
        int64_t work = 1;
        if (is_executed((kb_opkind)record.kind)) {
            kb_error inner = KB_ERROR_INIT;
            kb_status status = run_record(replay, &record, replay->cursor, &work, &inner);
            kb_tiles_end_record(&replay->tiles);
            kb_arena_reset(&replay->arena);
            if (status) return say_where(replay, &record, status, &inner, err);
        }
        replay->cursor++;
        kb_oplog_release(replay->log, replay->cursor);
        left -= work;
        if (left <= 0) break;
    }
    return KB_OK;
}

int64_t kb_replay_cursor(const kb_replay *replay) {
    return replay->cursor;
}

const void *kb_replay_tile(const kb_replay *replay, uint64_t version, int64_t *nbytes) {
    size_t there = 0;
    const void *data = kb_tiles_find(&replay->tiles, version, &there);
    *nbytes = (int64_t)there;
    return data;
}

kb_prints *kb_replay_prints(kb_replay *replay) {
    return &replay->prints;
}

uint64_t kb_replay_uninit_reads(const kb_replay *replay) {
    return replay->exec.n_uninit;
}

int64_t kb_replay_tiles(const kb_replay *replay) {
    return (int64_t)replay->tiles.count;
}

const char *kb_replay_isa(const kb_replay *replay) {
    return replay->exec.isa->name;
}
