#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

kb_status kb_error_set(kb_error *err, kb_status status, const char *format, ...) {
    if (err) {
        va_list args;
        va_start(args, format);
        (void)vsnprintf(err->message, sizeof err->message, format, args);
        va_end(args);
        err->status = status;
    }
    return status;
}

kb_status kb_error_wrap(kb_error *err, const char *format, ...) {
    if (!err) return KB_INTERNAL;
    char context[KB_ERROR_CAPACITY / 2];
    va_list args;
    va_start(args, format);
    int printed = vsnprintf(context, sizeof context - 2, format, args);
    va_end(args);
    size_t length = printed < 0 ? 0 : strlen(context);
    context[length] = ':';
    context[length + 1] = ' ';
    length += 2;
    size_t room = sizeof err->message - 1 - length;
    size_t kept = strlen(err->message);
    if (kept > room) kept = room;
    memmove(err->message + length, err->message, kept);
    memcpy(err->message, context, length);
    err->message[length + kept] = '\0';
    return err->status;
}

kb_status kb_error_nomem(kb_error *err, const char *what) {
    return kb_error_set(err, KB_NOMEM, "%s: the host has no memory left for it", what);
}
