/* A C test harness that speaks TAP (Test Anything Protocol) to `meson test`.
 *
 *     static void wraps_errors(void) { CHECK_EQ(kb_error_wrap(...), KB_INVALID); }
 *     int main(void) { TAP_RUN(wraps_errors); return tap_finish(); }
 *
 * One function is one TAP point; a check that fails says where and what, and the function goes on.
 * A function without a single check counts as failed, and so does a program without a function.
 * Checks outside of TAP_RUN count towards the exit code too.  Each program includes this file once.
 */
#ifndef KB_TEST_TAP_H
#define KB_TEST_TAP_H

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

__extension__ typedef __int128 tap_int; /* holds every integer type: -1 never equals UINT64_MAX */

static struct {
    int n_points, n_failed_points;
    long n_checks, n_failed; /* of the whole program */
    bool quiet;              /* counts, but prints nothing: to test the checks themselves */
} tap;

enum { TAP_MAX_SHOWN = 100 };

static inline bool tap_fail(const char *file, int line, const char *text) {
    bool shown = !tap.quiet && tap.n_failed < TAP_MAX_SHOWN;
    tap.n_failed++;
    if (shown) printf("# %s:%d: failed: %s\n", file, line, text);
    return shown;
}

static inline bool tap_check(bool passed, const char *file, int line, const char *text) {
    tap.n_checks++;
    if (!passed) (void)tap_fail(file, line, text);
    return passed;
}

static inline const char *tap_decimal(tap_int value, char text[32]) {
    if (value < 0) (void)snprintf(text, 32, "%lld", (long long)value);
    else (void)snprintf(text, 32, "%llu", (unsigned long long)value);
    return text;
}

static inline bool tap_check_eq(tap_int got, tap_int expected, const char *file, int line,
                                const char *text) {
    char left[32], right[32];
    tap.n_checks++;
    if (got != expected && tap_fail(file, line, text))
        printf("#     got %s, expected %s\n", tap_decimal(got, left), tap_decimal(expected, right));
    return got == expected;
}

static inline bool tap_check_str(const char *got, const char *expected, const char *file, int line,
                                 const char *text) {
    bool equal = got && expected ? strcmp(got, expected) == 0 : got == expected;
    tap.n_checks++;
    if (!equal && tap_fail(file, line, text))
        printf("#     got      \"%s\"\n#     expected \"%s\"\n", got ? got : "(null)",
               expected ? expected : "(null)");
    return equal;
}

#define TAP_INTEGER(x) _Generic((x), float: (void *)0, double: (void *)0, default: (x))

/* Each evaluates its arguments once and is true when it passed. */
#define CHECK(expr) tap_check((expr) ? true : false, __FILE__, __LINE__, #expr)
#define CHECK_EQ(got, expected)                                                                 \
    tap_check_eq((tap_int)TAP_INTEGER(got), (tap_int)TAP_INTEGER(expected), __FILE__, __LINE__, \
                 #got " == " #expected)
#define CHECK_STR(got, expected) \
    tap_check_str((got), (expected), __FILE__, __LINE__, #got " == " #expected)

static inline void tap_run(void (*function)(void), const char *name) {
    long n_checks = tap.n_checks, n_failed = tap.n_failed;
    function();
    if (tap.n_checks == n_checks) (void)tap_fail(name, 0, "nothing was checked");
    bool passed = tap.n_failed == n_failed;
    tap.n_points++;
    if (!passed) tap.n_failed_points++;
    if (!tap.quiet) printf("%s %d - %s\n", passed ? "ok" : "not ok", tap.n_points, name);
    (void)fflush(stdout);
}

#define TAP_RUN(function) tap_run((function), #function)

/* Prints the plan; the result is main's. */
static inline int tap_finish(void) {
    if (!tap.quiet)
        printf("1..%d\n# %ld checks, %ld failed\n", tap.n_points, tap.n_checks, tap.n_failed);
    return tap.n_points == 0 || tap.n_failed != 0;
}

#endif
