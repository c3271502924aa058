/* The error buffer: one message, with context prepended on the way up.
 *
 * A message reads `<where>: expected <X>, got <Y>; <what to do>`: lower case, no full stop, values
 * with their units.  The function that finds the fault calls kb_error_set; each caller that knows
 * more about the place calls kb_error_wrap.  Every function accepts err == NULL.
 */
#ifndef KB_BASE_ERROR_H
#define KB_BASE_ERROR_H

#include "base/status.h"

enum { KB_ERROR_CAPACITY = 2048 };

typedef struct kb_error {
    kb_status status;
    char message[KB_ERROR_CAPACITY]; /* always terminated; cut, never overrun, when too long */
} kb_error;

#define KB_ERROR_INIT {KB_OK, {0}}

/* The same at run time, without writing the whole message: for handlers of events. */
static inline void kb_error_clear(kb_error *err) {
    err->status = KB_OK;
    err->message[0] = '\0';
}

/* Sets status and message, replacing what was there.  Returns `status`, so that a caller can
 * write `return kb_error_set(err, KB_INVALID, "...")`. */
KB_COLD kb_status kb_error_set(kb_error *err, kb_status status, const char *format, ...)
    KB_PRINTF(3, 4);

/* Prepends "<context>: " to the message.  Returns the status that is there. */
kb_status kb_error_wrap(kb_error *err, const char *format, ...) KB_PRINTF(2, 3);

/* Shorthand for a failed allocation of `what`. */
KB_COLD kb_status kb_error_nomem(kb_error *err, const char *what);

/* Forwards a failure to the caller. */
#define KB_TRY(expr)                                                             \
    do {                                                                         \
        kb_status kb_try_status_ = (expr);                                       \
        if (__builtin_expect(kb_try_status_ != KB_OK, 0)) return kb_try_status_; \
    } while (0)

#endif
