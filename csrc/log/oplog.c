#include "log/oplog.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/checked.h"
#include "base/hash.h"
#include "base/vec.h"

enum { POOL_CHUNK = 1 << 16 }; /* words */

/* A stretch of the pool.  A payload lies in one stretch; one that is larger than POOL_CHUNK has a
 * stretch of several chunk numbers for itself, of which only the first has words. */
typedef struct pool_chunk {
    int64_t *words;
    size_t n_words;
    int64_t last_record; /* the last record with a payload here: freed when that is released */
} pool_chunk;

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
    KB_VEC(kb_oplog_chunk *) chunks;
    kb_oplog_chunk *spare; /* HASH: the chunk last given back, for the next one */
    KB_VEC(pool_chunk) pool;
    size_t pool_used;  /* words used of the newest stretch */
    size_t pool_freed; /* stretches before this one are freed */
    KB_VEC(kernel_name) kernels;
    int64_t nbytes;
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
    *log = created;
    return KB_OK;
}

void kb_oplog_destroy(kb_oplog *log) {
    if (!log) return;
    kb_alloc *alloc = log->alloc;
    for (size_t i = 0; i < log->chunks.count; i++)
        kb_alloc_free(alloc, log->chunks.items[i], 1, sizeof(kb_oplog_chunk));
    kb_alloc_free(alloc, log->spare, 1, sizeof(kb_oplog_chunk));
    for (size_t i = 0; i < log->pool.count; i++)
        kb_alloc_free(alloc, log->pool.items[i].words, log->pool.items[i].n_words, sizeof(int64_t));
    for (size_t i = 0; i < log->kernels.count; i++)
        kb_alloc_free(alloc, log->kernels.items[i].text, log->kernels.items[i].nbytes, 1);
    KB_VEC_FREE(&log->chunks, alloc);
    KB_VEC_FREE(&log->pool, alloc);
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

/* Room for n_words contiguous words: where they are and their offset in the pool. */
static int64_t *pool_take(kb_oplog *log, size_t n_words, int64_t *offset) {
    size_t newest = log->pool.count;
    if (newest == 0 || !log->pool.items[newest - 1].words ||
        log->pool_used + n_words > log->pool.items[newest - 1].n_words) {
        size_t n_chunks = (n_words + POOL_CHUNK - 1) / POOL_CHUNK;
        if (!KB_VEC_RESERVE(&log->pool, log->alloc, n_chunks)) return NULL;
        int64_t *words = kb_alloc_zeroed(log->alloc, n_chunks * POOL_CHUNK, sizeof *words);
        if (!words) return NULL;
        log->nbytes += (int64_t)(n_chunks * POOL_CHUNK * sizeof *words);
        log->pool.items[newest] = (pool_chunk){words, n_chunks * POOL_CHUNK, 0};
        for (size_t i = 1; i < n_chunks; i++)
            log->pool.items[newest + i] = (pool_chunk){NULL, 0, 0};
        log->pool.count += n_chunks;
        log->pool_used = 0;
        newest += 1;
    }
    pool_chunk *chunk = &log->pool.items[newest - 1];
    chunk->last_record = log->count;
    *offset = (int64_t)((newest - 1) * POOL_CHUNK + log->pool_used);
    int64_t *words = chunk->words + log->pool_used;
    log->pool_used += n_words;
    return words;
}

static kb_oplog_chunk *chunk_of(kb_oplog *log, int64_t index) {
    size_t number = (size_t)(index / KB_OPLOG_CHUNK);
    if (number < log->chunks.count) return log->chunks.items[number];
    if (!KB_VEC_RESERVE(&log->chunks, log->alloc, 1)) return NULL;
    kb_oplog_chunk *chunk = log->spare;
    log->spare = NULL;
    if (!chunk) {
        chunk = kb_alloc_zeroed(log->alloc, 1, sizeof *chunk);
        if (!chunk) return NULL;
        log->nbytes += (int64_t)sizeof *chunk;
    }
    log->chunks.items[log->chunks.count++] = chunk;
    return chunk;
}

static uint64_t hash_record(const kb_oplog *log, const kb_record *record, const int64_t *words,
                            uint32_t n_words) {
    kb_record hashed = *record;
    hashed.kernel = 0;
    hashed.payload = 0;
    uint64_t hash = log->hash;
    if (record->kernel >= 0 && (size_t)record->kernel < log->kernels.count)
        hash = kb_hash_u64(hash, log->kernels.items[record->kernel].hash);
#define X(column, ctype, numpy, unit, meaning) \
    hash = kb_hash_u64(hash, (uint64_t)(int64_t)hashed.column);
    KB_OPLOG_COLUMNS(X)
#undef X
    for (uint32_t i = 0; i < n_words; i++) hash = kb_hash_u64(hash, (uint64_t)words[i]);
    return hash;
}

kb_status kb_oplog_append(kb_oplog *log, const kb_record *record, const int64_t *words,
                          uint32_t n_words, kb_error *err) {
    kb_oplog_chunk *chunk = chunk_of(log, log->count);
    if (!chunk) return kb_error_nomem(err, "op log");
    int64_t offset = -1;
    if (n_words) {
        int64_t *kept = pool_take(log, (size_t)n_words + 1, &offset);
        if (!kept) return kb_error_nomem(err, "op log payload");
        kept[0] = n_words;
        memcpy(kept + 1, words, n_words * sizeof *words);
    }
    size_t row = (size_t)(log->count % KB_OPLOG_CHUNK);
#define X(column, ctype, numpy, unit, meaning) chunk->column[row] = record->column;
    KB_OPLOG_COLUMNS(X)
#undef X
    chunk->payload[row] = offset;
    log->hash = hash_record(log, record, words, n_words);
    log->count++;
    return KB_OK;
}

int64_t kb_oplog_count(const kb_oplog *log) {
    return log->count;
}

kb_record kb_oplog_get(const kb_oplog *log, int64_t index) {
    const kb_oplog_chunk *chunk = log->chunks.items[index / KB_OPLOG_CHUNK];
    size_t row = (size_t)(index % KB_OPLOG_CHUNK);
    kb_record record;
    memset(&record, 0, sizeof record);
#define X(column, ctype, numpy, unit, meaning) record.column = chunk->column[row];
    KB_OPLOG_COLUMNS(X)
#undef X
    return record;
}

const int64_t *kb_oplog_payload(const kb_oplog *log, int64_t index, uint32_t *n_words) {
    int64_t offset = log->chunks.items[index / KB_OPLOG_CHUNK]->payload[index % KB_OPLOG_CHUNK];
    *n_words = 0;
    if (offset < 0) return NULL;
    const int64_t *kept = log->pool.items[offset / POOL_CHUNK].words + offset % POOL_CHUNK;
    *n_words = (uint32_t)kept[0];
    return kept + 1;
}

void kb_oplog_release(kb_oplog *log, int64_t index) {
    if (log->mode != KB_OPLOG_HASH) return;
    if (index > log->count) index = log->count;
    for (int64_t i = log->released / KB_OPLOG_CHUNK; i < index / KB_OPLOG_CHUNK; i++) {
        kb_oplog_chunk *chunk = log->chunks.items[i];
        log->chunks.items[i] = NULL;
        if (log->spare) {
            log->nbytes -= (int64_t)sizeof *chunk;
            kb_alloc_free(log->alloc, chunk, 1, sizeof *chunk);
        } else {
            log->spare = chunk;
        }
    }
    log->released = kb_max_i64(log->released, index);
    /* The newest stretch stays: it is being written. */
    while (log->pool_freed + 1 < log->pool.count) {
        pool_chunk *chunk = &log->pool.items[log->pool_freed];
        size_t n_chunks = chunk->n_words / POOL_CHUNK;
        if (chunk->last_record >= log->released || log->pool_freed + n_chunks >= log->pool.count)
            break;
        log->nbytes -= (int64_t)(chunk->n_words * sizeof(int64_t));
        kb_alloc_free(log->alloc, chunk->words, chunk->n_words, sizeof(int64_t));
        chunk->words = NULL;
        log->pool_freed += n_chunks;
    }
}

const kb_oplog_chunk *kb_oplog_chunk_at(const kb_oplog *log, int64_t index) {
    return index >= 0 && (size_t)index < log->chunks.count ? log->chunks.items[index] : NULL;
}

uint64_t kb_oplog_hash(const kb_oplog *log) {
    return kb_hash_finish(kb_hash_u64(log->hash, (uint64_t)log->count));
}

int64_t kb_oplog_nbytes(const kb_oplog *log) {
    return log->nbytes;
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
    for (int64_t i = log->released / KB_OPLOG_CHUNK * KB_OPLOG_CHUNK; i < log->count; i++)
        dump_record(&out, log, i);
    size_t count = out.chars.count;
    char *fitted = out.failed ? NULL : kb_alloc_zeroed(alloc, count + 1, 1);
    if (fitted && count) memcpy(fitted, out.chars.items, count);
    KB_VEC_FREE(&out.chars, alloc);
    if (!fitted) return kb_error_nomem(err, "text of the op log");
    *dumped = fitted;
    *length = count;
    return KB_OK;
}
