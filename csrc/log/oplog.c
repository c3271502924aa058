#include "log/oplog.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/checked.h"
#include "base/hash.h"
#include "base/vec.h"
#include "log/column.h"
#include "log/held.h"
#include "log/pool.h"

/* A column is a cache line longer than its rows: else those of one row, 32 KiB apart, would all be in one set
 * of the cache. */
enum { COLUMN_LENGTH = KB_OPLOG_CHUNK + 8 };

/* Rows of every column: the newest are wide, those of a FULL log's other chunks packed. */
typedef struct wide {
    int64_t numbers[KB_COLUMN_COUNT][COLUMN_LENGTH];
} wide;

typedef struct chunk {
    wide *wide; /* NULL: packed, or released */
    unsigned char *bytes;
    size_t nbytes;
    kb_column columns[KB_COLUMN_COUNT];
} chunk;

typedef struct kernel_name {
    char *text;
    size_t nbytes;
    uint64_t hash;
} kernel_name;

struct kb_oplog {
    kb_alloc *alloc;
    kb_oplog_mode mode;
    int64_t count;
    int64_t released; /* records below are gone (HASH) */
    uint64_t hash;
    KB_VEC(chunk *) chunks; /* NULL: released */
    wide *spare;            /* rows for the next chunk */
    chunk *spare_chunk;     /* a released one, for the next */
    kb_pool pool;
    KB_VEC(kernel_name) kernels;
    int64_t nbytes;
    const kb_event *event; /* of what is appended; NULL: nothing is held back */
    kb_held held;
};

static const char *const kind_names[KB_OPKIND_COUNT] = {
#define X(name, text, meaning) text,
    KB_OPKIND_LIST(X)
#undef X
};

const char *kb_opkind_name(kb_opkind kind) {
    return (unsigned)kind < KB_OPKIND_COUNT ? kind_names[kind] : "unknown";
}

kb_status kb_oplog_create(kb_alloc *alloc, kb_oplog_mode mode, kb_oplog **log, kb_error *err) {
    kb_oplog *created = kb_alloc_zeroed(alloc, 1, sizeof *created);
    if (!created) return kb_error_nomem(err, "op log");
    created->alloc = alloc;
    created->mode = mode;
    created->hash = KB_HASH_SEED;
    created->pool.alloc = alloc;
    *log = created;
    return KB_OK;
}

/* Its rows, and it itself, are kept for the next chunk. */
static void free_chunk(kb_oplog *log, chunk *old) {
    if (!old) return;
    if (old->wide && log->spare) {
        log->nbytes -= (int64_t)sizeof *old->wide;
        kb_alloc_free(log->alloc, old->wide, 1, sizeof *old->wide);
    } else if (old->wide) {
        log->spare = old->wide;
    }
    log->nbytes -= (int64_t)old->nbytes;
    kb_alloc_free(log->alloc, old->bytes, old->nbytes, 1);
    memset(old, 0, sizeof *old);
    if (!log->spare_chunk) {
        log->spare_chunk = old;
        return;
    }
    log->nbytes -= (int64_t)sizeof *old;
    kb_alloc_free(log->alloc, old, 1, sizeof *old);
}

void kb_oplog_destroy(kb_oplog *log) {
    if (!log) return;
    kb_alloc *alloc = log->alloc;
    for (size_t i = 0; i < log->chunks.count; i++) free_chunk(log, log->chunks.items[i]);
    kb_alloc_free(alloc, log->spare, 1, sizeof *log->spare);
    kb_alloc_free(alloc, log->spare_chunk, 1, sizeof *log->spare_chunk);
    kb_pool_deinit(&log->pool);
    kb_held_deinit(&log->held, alloc);
    for (size_t i = 0; i < log->kernels.count; i++)
        kb_alloc_free(alloc, log->kernels.items[i].text, log->kernels.items[i].nbytes, 1);
    KB_VEC_FREE(&log->chunks, alloc);
    KB_VEC_FREE(&log->kernels, alloc);
    kb_alloc_free(alloc, log, 1, sizeof *log);
}

kb_status kb_oplog_add_kernel(kb_oplog *log, const char *name, int32_t *kernel, kb_error *err) {
    size_t nbytes = strlen(name) + 1;
    char *text = kb_alloc_zeroed(log->alloc, nbytes, 1);
    kernel_name *entry = text ? KB_VEC_PUSH(&log->kernels, log->alloc) : NULL;
    if (!entry) {
        kb_alloc_free(log->alloc, text, nbytes, 1);
        return kb_error_nomem(err, "kernel name in the op log");
    }
    memcpy(text, name, nbytes);
    *entry = (kernel_name){text, nbytes, kb_hash_finish(kb_hash_bytes(KB_HASH_SEED, name, nbytes))};
    *kernel = (int32_t)(log->kernels.count - 1);
    return KB_OK;
}

const char *kb_oplog_kernel_name(const kb_oplog *log, int32_t kernel) {
    return kernel >= 0 && (size_t)kernel < log->kernels.count ? log->kernels.items[kernel].text
                                                              : "";
}

/* --- chunks -------------------------------------------------------------------------------------- */

/* Packs a chunk that is full; its rows are free for the next one. */
static bool seal(kb_oplog *log, chunk *full) {
    const int64_t *ends = full->wide->numbers[KB_COLUMN_end_fs];
    size_t nbytes = 0;
    for (int c = 0; c < KB_COLUMN_COUNT; c++) {
        full->columns[c] = kb_column_plan(full->wide->numbers[c],
                                          c == KB_COLUMN_end_fs ? NULL : ends, KB_OPLOG_CHUNK);
        full->columns[c].at = (uint32_t)nbytes;
        nbytes += (size_t)full->columns[c].n_bytes * KB_OPLOG_CHUNK;
    }
    full->bytes = kb_alloc_zeroed(log->alloc, nbytes, 1);
    if (!full->bytes) return false;
    for (int c = 0; c < KB_COLUMN_COUNT; c++)
        kb_column_pack(&full->columns[c], full->wide->numbers[c], ends, KB_OPLOG_CHUNK,
                       full->bytes);
    full->nbytes = nbytes;
    log->nbytes += (int64_t)nbytes;
    log->spare = full->wide;
    full->wide = NULL;
    return true;
}

/* The rows of record `index`, which is the next. */
static wide *rows_of(kb_oplog *log, int64_t index) {
    size_t number = (size_t)(index / KB_OPLOG_CHUNK);
    if (number < log->chunks.count) return log->chunks.items[number]->wide;
    if (!KB_VEC_RESERVE(&log->chunks, log->alloc, number + 1 - log->chunks.count)) return NULL;
    while (log->chunks.count < number) log->chunks.items[log->chunks.count++] = NULL;
    chunk *last = number > 0 ? log->chunks.items[number - 1] : NULL;
    if (log->mode == KB_OPLOG_FULL && last && last->wide && !seal(log, last)) return NULL;
    if (!log->spare) {
        log->spare = kb_alloc_zeroed(log->alloc, 1, sizeof *log->spare);
        if (!log->spare) return NULL;
        log->nbytes += (int64_t)sizeof *log->spare;
    }
    if (!log->spare_chunk) {
        log->spare_chunk = kb_alloc_zeroed(log->alloc, 1, sizeof *log->spare_chunk);
        if (!log->spare_chunk) return NULL;
        log->nbytes += (int64_t)sizeof *log->spare_chunk;
    }
    chunk *next = log->spare_chunk;
    log->spare_chunk = NULL;
    next->wide = log->spare;
    log->spare = NULL;
    log->chunks.items[log->chunks.count++] = next;
    return next->wide;
}

static int64_t number_at(const kb_oplog *log, int64_t index, kb_oplog_column column) {
    const chunk *from = log->chunks.items[index / KB_OPLOG_CHUNK];
    size_t row = (size_t)(index % KB_OPLOG_CHUNK);
    if (from->wide) return from->wide->numbers[column][row];
    const kb_column *ends = &from->columns[KB_COLUMN_end_fs];
    int64_t end = from->columns[column].by_end ? kb_column_get(ends, from->bytes, row, 0) : 0;
    return kb_column_get(&from->columns[column], from->bytes, row, end);
}

static inline bool is_hashed(kb_oplog_column column) {
    return column != KB_COLUMN_kernel && column != KB_COLUMN_payload;
}

static uint64_t hash_record(const kb_oplog *log, const kb_record *record, const int64_t *words,
                            uint32_t n_words) {
    uint64_t hash = log->hash;
    if (record->kernel >= 0 && (size_t)record->kernel < log->kernels.count)
        hash = kb_hash_u64(hash, log->kernels.items[record->kernel].hash);
#define X(column, ctype, numpy, unit, meaning) \
    hash = kb_hash_u64(hash, is_hashed(KB_COLUMN_##column) ? (uint64_t)(int64_t)record->column : 0);
    KB_OPLOG_COLUMNS(X)
#undef X
    for (uint32_t i = 0; i < n_words; i++) hash = kb_hash_u64(hash, (uint64_t)words[i]);
    return hash;
}

/* Keeps record log->count, which is to be hashed next. */
static kb_status keep(kb_oplog *log, const kb_record *record, const int64_t *words,
                      uint32_t n_words, kb_error *err) {
    wide *rows = rows_of(log, log->count);
    if (!rows) return kb_error_nomem(err, "op log");
    int64_t offset = -1;
    if (n_words && !kb_pool_add(&log->pool, words, n_words, log->count, &offset))
        return kb_error_nomem(err, "op log payload");
    size_t row = (size_t)(log->count % KB_OPLOG_CHUNK);
#define X(column, ctype, numpy, unit, meaning) \
    rows->numbers[KB_COLUMN_##column][row] = (int64_t)record->column;
    KB_OPLOG_COLUMNS(X)
#undef X
    rows->numbers[KB_COLUMN_payload][row] = offset;
    return KB_OK;
}

static void hash_next(kb_oplog *log, const kb_record *record, const int64_t *words,
                      uint32_t n_words) {
    log->hash = hash_record(log, record, words, n_words);
    log->count++;
}

static __attribute__((noinline)) kb_status append_now(kb_oplog *log, const kb_record *record,
                                                      const int64_t *words, uint32_t n_words,
                                                      kb_error *err) {
    KB_TRY(keep(log, record, words, n_words, err));
    hash_next(log, record, words, n_words);
    return KB_OK;
}

kb_status kb_oplog_append(kb_oplog *log, const kb_record *record, const int64_t *words,
                          uint32_t n_words, kb_error *err) {
    if (!log->event) return append_now(log, record, words, n_words, err);
    if (kb_held_add(&log->held, log->alloc, log->event, record, words, n_words)) return KB_OK;
    return kb_error_nomem(err, "op log");
}

void kb_oplog_hold(kb_oplog *log, const kb_event *event) {
    log->event = event;
}

kb_status kb_oplog_let_go(kb_oplog *log, kb_event last, bool read, kb_error *err) {
    kb_held *held = &log->held;
    bool keeps = read || log->mode == KB_OPLOG_FULL;
    if (!kb_held_sort(held, log->alloc)) return kb_error_nomem(err, "op log");
    for (size_t i = 0; i < held->groups.count; i++) {
        const kb_held_group *group = &held->groups.items[i];
        if (kb_event_less(&last, &group->event)) break;
        const kb_held_record *each = kb_held_first(held, group);
        for (uint32_t k = 0; k < group->n_records; k++, each = kb_held_next(each)) {
            if (keeps) KB_TRY(keep(log, &each->record, each->words, each->n_words, err));
            hash_next(log, &each->record, each->words, each->n_words);
        }
    }
    kb_held_clear(held);
    if (!keeps) kb_oplog_release(log, log->count);
    return KB_OK;
}

int64_t kb_oplog_count(const kb_oplog *log) {
    return log->count;
}

kb_record kb_oplog_get(const kb_oplog *log, int64_t index) {
    kb_record record;
    memset(&record, 0, sizeof record);
#define X(column, ctype, numpy, unit, meaning) \
    record.column = (ctype)number_at(log, index, KB_COLUMN_##column);
    KB_OPLOG_COLUMNS(X)
#undef X
    return record;
}

const int64_t *kb_oplog_payload(const kb_oplog *log, int64_t index, uint32_t *n_words) {
    int64_t offset = number_at(log, index, KB_COLUMN_payload);
    *n_words = 0;
    if (offset < 0) return NULL;
    return kb_pool_get(&log->pool, offset, n_words);
}

void kb_oplog_release(kb_oplog *log, int64_t index) {
    if (log->mode != KB_OPLOG_HASH) return;
    if (index > log->count) index = log->count;
    int64_t end = kb_min_i64(index / KB_OPLOG_CHUNK, (int64_t)log->chunks.count);
    for (int64_t i = log->released / KB_OPLOG_CHUNK; i < end; i++) {
        free_chunk(log, log->chunks.items[i]);
        log->chunks.items[i] = NULL;
    }
    log->released = kb_max_i64(log->released, index);
    kb_pool_release(&log->pool, log->released);
}

bool kb_oplog_is_whole(const kb_oplog *log) {
    return log->released == 0;
}

void kb_oplog_read_column(const kb_oplog *log, kb_oplog_column column, void *numbers) {
    switch (column) {
#define X(name, ctype, numpy, unit, meaning)                          \
    case KB_COLUMN_##name:                                            \
        for (int64_t i = 0; i < log->count; i++)                      \
            ((ctype *)numbers)[i] = (ctype)number_at(log, i, column); \
        return;
        KB_OPLOG_COLUMNS(X)
#undef X
    default: return;
    }
}

uint64_t kb_oplog_hash(const kb_oplog *log) {
    return kb_hash_finish(kb_hash_u64(log->hash, (uint64_t)log->count));
}

int64_t kb_oplog_nbytes(const kb_oplog *log) {
    return log->nbytes + log->pool.nbytes;
}

/* --- text ------------------------------------------------------------------------------------ */

typedef struct text {
    kb_alloc *alloc;
    KB_VEC(char) chars;
    bool failed;
} text;

static void KB_PRINTF(2, 3) text_add(text *out, const char *format, ...) {
    char piece[256];
    va_list args;
    va_start(args, format);
    int printed = vsnprintf(piece, sizeof piece, format, args);
    va_end(args);
    size_t length = printed < 0 ? 0 : strlen(piece);
    if (out->failed || !KB_VEC_RESERVE(&out->chars, out->alloc, length)) {
        out->failed = true;
        return;
    }
    memcpy(out->chars.items + out->chars.count, piece, length);
    out->chars.count += length;
}

static void dump_record(text *out, const kb_oplog *log, int64_t index) {
    kb_record record = kb_oplog_get(log, index);
    text_add(out, "%s kernel=%s", kb_opkind_name((kb_opkind)record.kind),
             kb_oplog_kernel_name(log, record.kernel));
    record.kind = 0;
    record.kernel = 0;
    record.payload = 0;
#define X(column, ctype, numpy, unit, meaning)                                              \
    if (strcmp(#column, "kind") && strcmp(#column, "kernel") && strcmp(#column, "payload")) \
        text_add(out, " %s=%" PRId64, #column, (int64_t)record.column);
    KB_OPLOG_COLUMNS(X)
#undef X
    uint32_t n_words;
    const int64_t *words = kb_oplog_payload(log, index, &n_words);
    for (uint32_t i = 0; i < n_words; i++) text_add(out, "%s%" PRId64, i ? " " : " | ", words[i]);
    text_add(out, "\n");
}

kb_status kb_oplog_dump(kb_alloc *alloc, const kb_oplog *log, char **dumped, size_t *length,
                        kb_error *err) {
    text out = {alloc, {0}, false};
    for (int64_t i = log->released; i < log->count; i++) dump_record(&out, log, i);
    size_t count = out.chars.count;
    char *fitted = out.failed ? NULL : kb_alloc_zeroed(alloc, count + 1, 1);
    if (fitted && count) memcpy(fitted, out.chars.items, count);
    KB_VEC_FREE(&out.chars, alloc);
    if (!fitted) return kb_error_nomem(err, "text of the op log");
    *dumped = fitted;
    *length = count;
    return KB_OK;
}
