/* Replay: phase 2.  Walks the op log over the memory store and so yields the numbers (ADR-0042).
 *
 *   log ──cursor──> record ──> DMA_READ   store ─> tile        DMA_WRITE  tile ─> store
 *                              GEMM, MATH, REDUCE, TRANS,
 *                              GATHER                          tiles ─> tile
 *                              FREE, last-use bits             tile ─> nothing
 *                              PRINT                           tile ─> prints
 *
 * Knows nothing of the clock, the topology or hw/.  A record is executed once, in log order; the
 * cursor only moves forward.  Threads share the lanes or rows of one record at a time; the bits do
 * not depend on their number, on the vector width or on the instruction set (ADR-0047).
 *
 * Tiles are named by version and live here in host memory from the record that makes them to the
 * one that reads them last.
 */
#ifndef KB_REPLAY_REPLAY_H
#define KB_REPLAY_REPLAY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/alloc.h"
#include "base/error.h"
#include "log/oplog.h"
#include "mem/store.h"
#include "replay/prints.h"

typedef struct kb_replay kb_replay;

typedef struct kb_replay_options {
    int32_t threads;   /* >= 1 */
    bool uninit_error; /* an element that no mask switched off and nobody ever wrote is an error */
    bool uninit_nan;   /* else: reads NaN (integers 0) instead of the zeros that are there */
    bool partial;      /* timing alone: computes only what comes from tensors that keep their bytes,
                             * until a record writes them; anything else has no tile */
    const char *isa;   /* which instruction set computes, by name; NULL: the best there is */
} kb_replay_options;

/* `alloc`, `log` and `store` are borrowed. */
kb_status kb_replay_create(kb_alloc *alloc, kb_oplog *log, kb_store *store,
                           const kb_replay_options *options, kb_replay **replay,
                           kb_error *err) KB_MUST_CHECK;
void kb_replay_destroy(kb_replay *replay); /* accepts NULL */

/* Executes records [cursor, upto), at most until about `max_work` element operations are done (at
 * least one record); the cursor says how far it came.  After each record that it has passed it
 * releases the log (kb_oplog_release).  Errors: "kernel:line: ..." with PE and program; the cursor
 * stays before the failing record. */
kb_status kb_replay_run(kb_replay *replay, int64_t upto, int64_t max_work,
                        kb_error *err) KB_MUST_CHECK;

/* Whether it reads records; else it passes over them all, for no tensor keeps its bytes and timing is all that
 * is asked for. */
bool kb_replay_reads(const kb_replay *replay);

/* The next record to execute. */
int64_t kb_replay_cursor(const kb_replay *replay);

/* The bytes of a tile version (row-major elements of its dtype), for MATERIALISE; NULL when there
 * is no such version now. */
const void *kb_replay_tile(const kb_replay *replay, uint64_t version, int64_t *nbytes);

/* What kernels printed, with data, of the records that are executed; the caller clears it. */
kb_prints *kb_replay_prints(kb_replay *replay);

/* Elements read that were never written (uninit_error off). */
uint64_t kb_replay_uninit_reads(const kb_replay *replay);

/* Tiles alive now: 0 after a launch has ended, else something leaks. */
int64_t kb_replay_tiles(const kb_replay *replay);

/* The instruction set that computes: "avx512", "avx2", "neon", "portable". */
const char *kb_replay_isa(const kb_replay *replay);

#endif
