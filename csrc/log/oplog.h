/* The op log: one record per engine operation, in order of completion - the only place where timing and
 * data meet (ADR-0042).
 *
 * Phase 1 appends; phase 2 (replay/) and results read.  Columns are chunked; a chunk that is full is packed
 * (log/column.h).  What replay needs beyond the columns - descriptors, operands - is the record's *payload*,
 * int64 words (log/payload.h), kept in a pool of bytes: each word takes one for every 7 bits of its size.
 *
 * Modes: FULL keeps everything; HASH keeps nothing but the rolling hash and the counts (and payloads
 * until replay has passed them), for huge runs.
 *
 * The content hash covers every column and payload but the kernel's number, which is replaced by the
 * hash of its name: never a path, a wall time or a mode (law L10).
 */
#ifndef KB_LOG_OPLOG_H
#define KB_LOG_OPLOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/alloc.h"
#include "base/error.h"
#include "sim/event.h"

/* X(column, C type, NumPy type, unit, "meaning") */
#define KB_OPLOG_COLUMNS(X)                                                                       \
    X(end_fs, int64_t, "<i8", "fs", "completion; records are in order of it")                     \
    X(start_fs, int64_t, "<i8", "fs", "when the engine took the operation up")                    \
    X(ready_fs, int64_t, "<i8", "fs", "when its operands were there and its command composed")    \
    X(memory_start_fs, int64_t, "<i8", "fs", "first request at its memory; 0: none")              \
    X(memory_end_fs, int64_t, "<i8", "fs", "last byte served or committed by memory; 0: none")    \
    X(setup_fs, int64_t, "<i8", "fs", "part of start..end that was set-up (DMA), fill (GEMM)")    \
    X(nbytes, int64_t, "<i8", "B",                                                                \
      "payload moved (DMA, copy, message) or operands read (GEMM, MATH)")                         \
    X(work, int64_t, "<i8", "1",                                                                  \
      "multiply-adds (GEMM), element operations (MATH), requests (DMA), tokens (COMPOSITE), the " \
      "peer's PE (SEND, RECV; -1: the switch)")                                                   \
    X(payload, int64_t, "<i8", "B", "where the payload begins in the pool; -1: none")             \
    X(pe, int32_t, "<i4", "id", "PE, counted through all SIPs and cubes; -1: not in a PE")        \
    X(launch, int32_t, "<i4", "id", "launch, counted from 0; -1: none")                           \
    X(program, int32_t, "<i4", "id", "linear program number within the launch; -1: none")         \
    X(kernel, int32_t, "<i4", "id", "kernel, counted from 0; -1: none")                           \
    X(line, int32_t, "<i4", "line", "source line within the kernel, 1 = its def; 0: none")        \
    X(sequence, int32_t, "<i4", "1", "program order within (launch, program)")                    \
    X(kind, uint8_t, "<u1", "kb_opkind", "what kind of operation")                                \
    X(op, uint8_t, "<u1", "kb_mathop", "which operation of that kind (MATH, REDUCE, COMBINE)")    \
    X(dtype, uint8_t, "<u1", "kb_dtype", "of the result, or of what moved")

/* X(enumerator, "name", "meaning") */
#define KB_OPKIND_LIST(X)                                                             \
    X(DMA_READ, "dma_read", "memory to tile")                                         \
    X(DMA_WRITE, "dma_write", "tile to memory")                                       \
    X(GEMM, "gemm", "tile @ tile + tile")                                             \
    X(MATH, "math", "element-wise on tiles")                                          \
    X(REDUCE, "reduce", "along an axis of a tile")                                    \
    X(TRANS, "trans", "permutation of a tile's dimensions")                           \
    X(COPY_IN, "copy_in", "host to device")                                           \
    X(COPY_OUT, "copy_out", "device to host")                                         \
    X(LAUNCH, "launch", "from submission to the response at the host")                \
    X(PROGRAM, "program", "one program on one PE: from its start to its end")         \
    X(MESSAGE, "message", "a raw message over the fabric")                            \
    X(FREE, "free", "a tile version that nobody reads any more")                      \
    X(SEND, "send", "tile into a slot of another PE's ring")                          \
    X(RECV, "recv", "slot of a ring to tile")                                         \
    X(COMPOSITE, "composite", "a composite command, from its first tile to its last") \
    X(COMBINE, "combine", "messages to one message, in the switch")                   \
    X(GATHER, "gather", "elements of a tile by their index along an axis")            \
    X(PRINT, "print", "a value for the host to show; takes no time")

typedef enum kb_opkind {
#define X(name, text, meaning) KB_OP_##name,
    KB_OPKIND_LIST(X)
#undef X
        KB_OPKIND_COUNT
} kb_opkind;

typedef struct kb_record {
#define X(column, ctype, numpy, unit, meaning) ctype column;
    KB_OPLOG_COLUMNS(X)
#undef X
} kb_record;

typedef enum kb_oplog_mode { KB_OPLOG_FULL, KB_OPLOG_HASH } kb_oplog_mode;

enum { KB_OPLOG_CHUNK = 4096 }; /* records per chunk */

/* The columns by number. */
typedef enum kb_oplog_column {
#define X(column, ctype, numpy, unit, meaning) KB_COLUMN_##column,
    KB_OPLOG_COLUMNS(X)
#undef X
        KB_COLUMN_COUNT
} kb_oplog_column;

typedef struct kb_oplog kb_oplog;

const char *kb_opkind_name(kb_opkind kind);

kb_status kb_oplog_create(kb_alloc *alloc, kb_oplog_mode mode, kb_oplog **log,
                          kb_error *err) KB_MUST_CHECK;
void kb_oplog_destroy(kb_oplog *log); /* accepts NULL */

/* Names a kernel; its number is the next from 0.  Equal names get numbers of their own. */
kb_status kb_oplog_add_kernel(kb_oplog *log, const char *name, int32_t *kernel,
                              kb_error *err) KB_MUST_CHECK;
const char *kb_oplog_kernel_name(const kb_oplog *log, int32_t kernel);

/* Appends a copy of the record and of its n_words payload words (record->payload is set here). */
kb_status kb_oplog_append(kb_oplog *log, const kb_record *record, const int64_t *words,
                          uint32_t n_words, kb_error *err) KB_MUST_CHECK;

/* From now on records are held back, with the event of which each is: *event at that time (borrowed).  NULL:
 * no more; none is held then. */
void kb_oplog_hold(kb_oplog *log, const kb_event *event);

/* Appends what is held back of events up to `last`, in their order, and forgets the rest.  Unless somebody
 * reads them, HASH mode releases the records as they are hashed. */
kb_status kb_oplog_let_go(kb_oplog *log, kb_event last, bool read, kb_error *err) KB_MUST_CHECK;

/* Records appended so far. */
int64_t kb_oplog_count(const kb_oplog *log);

/* Record `index` (FULL, or not yet released), gathered from the columns. */
kb_record kb_oplog_get(const kb_oplog *log, int64_t index);

/* The words of record `index`; valid until the next call. */
const int64_t *kb_oplog_payload(const kb_oplog *log, int64_t index, uint32_t *n_words);

/* Records below `index` are not read again: HASH mode frees them; FULL ignores it. */
void kb_oplog_release(kb_oplog *log, int64_t index);

/* Records below this one are released. */
int64_t kb_oplog_released(const kb_oplog *log);

/* Whether all records can still be read. */
static inline bool kb_oplog_is_whole(const kb_oplog *log) {
    return kb_oplog_released(log) == 0;
}

/* All kb_oplog_count numbers of a column, of its own C type, while the log is whole. */
void kb_oplog_read_column(const kb_oplog *log, kb_oplog_column column, void *numbers);

/* The hash of everything appended so far. */
uint64_t kb_oplog_hash(const kb_oplog *log);

/* Bytes that the log holds, for the memory table. */
int64_t kb_oplog_nbytes(const kb_oplog *log);

/* Canonical text, one record a line, names and integers only (tests/golden).  The text is the
 * caller's: kb_alloc_free(alloc, text, length + 1, 1). */
kb_status kb_oplog_dump(kb_alloc *alloc, const kb_oplog *log, char **text, size_t *length,
                        kb_error *err) KB_MUST_CHECK;

#endif
