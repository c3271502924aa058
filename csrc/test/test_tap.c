/* The checks themselves: each must fire when it should, and only then. */
#include "test/tap.h"

#include <stdint.h>

/* How many failures the checks in `function` count; they leave no trace in this program's result. */
static long failures_of(void (*function)(void)) {
    struct {
        int n_points, n_failed_points;
        long n_checks, n_failed;
    } before = {tap.n_points, tap.n_failed_points, tap.n_checks, tap.n_failed};
    tap.quiet = true;
    tap_run(function, "inner");
    long failures = tap.n_failed - before.n_failed;
    tap.quiet = false;
    tap.n_points = before.n_points;
    tap.n_failed_points = before.n_failed_points;
    tap.n_checks = before.n_checks;
    tap.n_failed = before.n_failed;
    return failures;
}

static int n_evaluations;

static int evaluated(int value) {
    n_evaluations++;
    return value;
}

static void false_expressions(void) {
    int x = 3;
    CHECK(x == 4);
    CHECK(0);
    CHECK(x & 4);
}

static void unequal_integers(void) {
    CHECK_EQ(evaluated(1), evaluated(2));
    CHECK_EQ(-1, UINT64_MAX);
    CHECK_EQ(UINT64_MAX, -1);
    CHECK_EQ(UINT64_C(1) << 32, 0);
}

static void unequal_texts(void) {
    const char *nothing = NULL;
    CHECK_STR("a", "b");
    CHECK_STR(nothing, "b");
    CHECK_STR("a", nothing);
}

static void no_checks(void) {}

static void true_checks(void) {
    const char *nothing = NULL;
    int x = 3;
    CHECK(x == 3);
    CHECK(x & 2);
    CHECK_EQ(x, 3);
    CHECK_EQ(UINT64_MAX, UINT64_MAX);
    CHECK_EQ(INT64_MIN, INT64_MIN);
    CHECK_STR("a", "a");
    CHECK_STR(nothing, NULL);
}

static void checks_fire(void) {
    CHECK_EQ(failures_of(false_expressions), 3);
    CHECK_EQ(failures_of(unequal_integers), 4);
    CHECK_EQ(n_evaluations, 2);
    CHECK_EQ(failures_of(unequal_texts), 3);
    CHECK_EQ(failures_of(no_checks), 1);
    CHECK_EQ(failures_of(true_checks), 0);
}

static void exit_code_tells(void) {
    tap.quiet = true;
    int passing = tap_finish();
    tap.n_failed++;
    int failing = tap_finish();
    tap.n_failed--;
    int n_points = tap.n_points;
    tap.n_points = 0;
    int empty = tap_finish();
    tap.n_points = n_points;
    tap.quiet = false;
    CHECK_EQ(passing, 0);
    CHECK_EQ(failing, 1);
    CHECK_EQ(empty, 1);
}

int main(void) {
    /* A check that never fires could hide its own failure, so this one does not rely on checks. */
    if (failures_of(false_expressions) != 3) return 1;
    TAP_RUN(checks_fire);
    TAP_RUN(exit_code_tells);
    return tap_finish();
}
