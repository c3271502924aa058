#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/vec.h"
#include "log/oplog.h"

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
    for (int64_t i = kb_oplog_released(log); i < kb_oplog_count(log); i++)
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
