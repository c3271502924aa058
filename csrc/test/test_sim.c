/* sim/sim: order of simultaneous events, slices, coalescing, failures. */
#include "sim/sim.h"
#include "test/tap.h"

/* A machine of slots and links that writes down what happens and does what its script says. */
typedef struct step {
    int64_t when_fs; /* at this instant ... */
    char kind;       /* 's'lot, 'a'rrival, 'p'ort */
    uint32_t place;  /* ... when this place is called, */
    char effect;     /* 's'ignal, 't'imer, 'a'rrival, 'p'ort, 'x' stop, 'f'ail */
    uint32_t target;
    int64_t target_fs;
} step;

typedef struct machine {
    kb_alloc alloc;
    kb_sim *sim;
    const step *script;
    size_t n_steps;
    char log[4096];
} machine;

static void act(machine *m, char kind, uint32_t place) {
    size_t length = strlen(m->log);
    (void)snprintf(m->log + length, sizeof m->log - length, "%lld%c%u ",
                   (long long)kb_sim_now(m->sim), kind, place);
    for (size_t i = 0; i < m->n_steps; i++) {
        const step *s = &m->script[i];
        if (s->when_fs != kb_sim_now(m->sim) || s->kind != kind || s->place != place) continue;
        if (s->effect == 's') kb_sim_signal(m->sim, s->target);
        if (s->effect == 't') kb_sim_at(m->sim, s->target, s->target_fs);
        if (s->effect == 'a') kb_sim_arrival(m->sim, s->target, s->target_fs);
        if (s->effect == 'p') kb_sim_service(m->sim, s->target, s->target_fs);
        if (s->effect == 'x') kb_sim_stop(m->sim);
        if (s->effect == 'f')
            (void)kb_error_set(kb_sim_fail(m->sim, KB_BOUNDS), KB_BOUNDS, "slot %u broke", place);
    }
}

static void on_slot(void *self, uint32_t arg) {
    act(self, 's', arg);
}
static void on_arrival(void *self, uint32_t link) {
    act(self, 'a', link);
}
static void on_service(void *self, uint32_t link) {
    act(self, 'p', link);
}

static bool start(machine *m, const step *script, size_t n_steps) {
    *m = (machine){.alloc = kb_alloc_system(), .script = script, .n_steps = n_steps};
    if (!CHECK_EQ(kb_sim_create(&m->alloc, &m->sim, NULL), KB_OK)) return false;
    kb_sim_set_fabric(m->sim, on_arrival, on_service, m);
    for (uint32_t i = 0; i < 8; i++) {
        uint32_t number;
        CHECK_EQ(kb_sim_add_slot(m->sim, on_slot, m, i, &number, NULL), KB_OK);
        CHECK_EQ(number, i);
    }
    return true;
}

static kb_run_end run(machine *m, int64_t until_fs, uint64_t max_events) {
    kb_run_end end = KB_RUN_BUDGET;
    CHECK_EQ(kb_sim_run(m->sim, until_fs, max_events, &end, NULL), KB_OK);
    return end;
}

static void finish(machine *m) {
    kb_sim_destroy(m->sim);
    CHECK_EQ(m->alloc.live_nbytes, 0);
}

static void instants_have_an_order(void) {
    static const step script[] = {
        {5, 's', 3, 's', 1, 0}, {5, 's', 3, 's', 0, 0}, {5, 'a', 2, 's', 2, 0},
        {5, 's', 0, 's', 5, 0}, {5, 's', 2, 'p', 1, 5}, {5, 'p', 1, 'a', 1, 6},
    };
    static const char expected[] = "5s3 5s4 5a2 5a7 5s0 5s1 5s2 5s5 5p1 5p6 6a1 ";
    for (uint32_t turn = 0; turn < 24; turn++) { /* every order of filing the four first events */
        machine m;
        if (!start(&m, script, sizeof script / sizeof *script)) return;
        uint32_t left[4] = {0, 1, 2, 3}, code = turn;
        for (uint32_t n = 4; n > 0; n--) {
            uint32_t pick = code % n, what = left[pick];
            code /= n;
            left[pick] = left[n - 1];
            if (what == 0) kb_sim_service(m.sim, 6, 5);
            if (what == 1) kb_sim_arrival(m.sim, 7, 5), kb_sim_arrival(m.sim, 2, 5);
            if (what == 2) kb_sim_at(m.sim, 4, 5);
            if (what == 3) kb_sim_at(m.sim, 3, 5);
        }
        CHECK_EQ(run(&m, KB_TIME_MAX, UINT64_MAX), KB_RUN_IDLE);
        CHECK_STR(m.log, expected);
        CHECK_EQ(kb_sim_n_events(m.sim), 11);
        finish(&m);
    }
}

static void signals_coalesce_and_timers_do_not(void) {
    static const step script[] = {
        {1, 's', 0, 's', 5, 0}, {1, 's', 0, 's', 5, 0}, {1, 's', 1, 's', 5, 0},
        {1, 's', 0, 't', 5, 1}, {1, 's', 0, 't', 5, 9}, {1, 's', 1, 't', 5, 9},
        {1, 's', 0, 't', 5, 7}, {1, 's', 5, 't', 5, 8},
    };
    machine m;
    if (!start(&m, script, sizeof script / sizeof *script)) return;
    kb_sim_at(m.sim, 0, 1);
    kb_sim_at(m.sim, 1, 1);
    kb_sim_at(m.sim, 1, 1);
    CHECK_EQ(run(&m, KB_TIME_MAX, UINT64_MAX), KB_RUN_IDLE);
    CHECK_STR(m.log, "1s0 1s1 1s5 7s5 8s5 9s5 ");
    finish(&m);
}

static void runs_in_slices(void) {
    static const step script[] = {{3, 's', 0, 's', 1, 0}, {3, 's', 1, 's', 2, 0}};
    machine whole, sliced;
    if (!start(&whole, script, 2) || !start(&sliced, script, 2)) return;
    for (int64_t t = 0; t < 6; t++) {
        kb_sim_at(whole.sim, 0, t);
        kb_sim_at(sliced.sim, 0, t);
    }
    CHECK_EQ(run(&whole, KB_TIME_MAX, UINT64_MAX), KB_RUN_IDLE);
    CHECK_EQ(run(&sliced, KB_TIME_MAX, 0), KB_RUN_BUDGET);
    int n_slices = 0;
    while (run(&sliced, KB_TIME_MAX, 1) == KB_RUN_BUDGET) n_slices++;
    CHECK_EQ(n_slices, 7); /* the eighth finds nothing more to do */
    CHECK_STR(sliced.log, whole.log);
    CHECK_EQ(kb_sim_n_events(sliced.sim), kb_sim_n_events(whole.sim));
    finish(&whole);
    finish(&sliced);
}

static void runs_until(void) {
    machine m;
    if (!start(&m, NULL, 0)) return;
    CHECK_EQ(run(&m, 50, UINT64_MAX), KB_RUN_IDLE);
    CHECK_EQ(kb_sim_now(m.sim), 0);
    kb_sim_at(m.sim, 0, 10);
    kb_sim_at(m.sim, 1, 20);
    CHECK_EQ(run(&m, 9, UINT64_MAX), KB_RUN_UNTIL);
    CHECK_EQ(kb_sim_now(m.sim), 9);
    CHECK_EQ(run(&m, 10, UINT64_MAX), KB_RUN_UNTIL);
    CHECK_STR(m.log, "10s0 ");
    kb_sim_signal(m.sim, 2); /* from outside, when the instant was over: it goes on */
    kb_sim_at(m.sim, 0, 10);
    kb_sim_service(m.sim, 3, 10);
    CHECK_EQ(run(&m, 15, UINT64_MAX), KB_RUN_UNTIL);
    CHECK_STR(m.log, "10s0 10s0 10s2 10p3 ");
    CHECK_EQ(kb_sim_now(m.sim), 15);
    CHECK_EQ(run(&m, KB_TIME_MAX, UINT64_MAX), KB_RUN_IDLE);
    CHECK_EQ(kb_sim_now(m.sim), 20);
    kb_sim_at(m.sim, 0, KB_TIME_MAX);
    CHECK_EQ(run(&m, KB_TIME_MAX, UINT64_MAX), KB_RUN_IDLE);
    CHECK_EQ(kb_sim_now(m.sim), KB_TIME_MAX);
    finish(&m);
}

static void stops_after_the_instant(void) {
    static const step script[] = {{4, 's', 0, 'x', 0, 0},
                                  {4, 's', 0, 's', 1, 0},
                                  {4, 's', 1, 'p', 2, 4},
                                  {8, 's', 0, 'x', 0, 0}};
    machine m;
    if (!start(&m, script, sizeof script / sizeof *script)) return;
    kb_sim_at(m.sim, 0, 4);
    kb_sim_at(m.sim, 0, 8);
    CHECK_EQ(run(&m, KB_TIME_MAX, UINT64_MAX), KB_RUN_STOPPED);
    CHECK_STR(m.log, "4s0 4s1 4p2 ");
    CHECK_EQ(kb_sim_now(m.sim), 4);
    CHECK_EQ(run(&m, KB_TIME_MAX, UINT64_MAX), KB_RUN_STOPPED);
    CHECK_EQ(run(&m, KB_TIME_MAX, UINT64_MAX), KB_RUN_IDLE);
    finish(&m);
}

static void the_first_failure_stands(void) {
    static const step script[] = {{4, 's', 0, 'f', 0, 0}, {4, 's', 0, 'f', 0, 0}};
    machine m;
    if (!start(&m, script, 2)) return;
    kb_sim_at(m.sim, 0, 4);
    kb_sim_at(m.sim, 1, 5);
    kb_run_end end = KB_RUN_IDLE;
    kb_error err = KB_ERROR_INIT;
    CHECK_EQ(kb_sim_run(m.sim, KB_TIME_MAX, UINT64_MAX, &end, &err), KB_BOUNDS);
    CHECK_EQ(err.status, KB_BOUNDS);
    CHECK_STR(err.message, "slot 0 broke");
    CHECK(kb_sim_fail(m.sim, KB_NOMEM) == NULL);
    CHECK_EQ(kb_sim_status(m.sim), KB_BOUNDS);
    CHECK_EQ(kb_sim_run(m.sim, KB_TIME_MAX, UINT64_MAX, &end, NULL), KB_BOUNDS);
    CHECK_STR(m.log, "4s0 ");
    finish(&m);
}

static void the_past_is_refused(void) {
    for (int what = 0; what < 4; what++) {
        machine m;
        if (!start(&m, NULL, 0)) return;
        kb_sim_at(m.sim, 0, 10);
        CHECK_EQ(run(&m, KB_TIME_MAX, UINT64_MAX), KB_RUN_IDLE);
        if (what == 0) kb_sim_at(m.sim, 0, 9);
        if (what == 1) kb_sim_arrival(m.sim, 0, 10); /* an arrival is never now */
        if (what == 2) kb_sim_service(m.sim, 0, 9);
        if (what == 3) kb_sim_at(m.sim, 0, -1);
        CHECK_EQ(kb_sim_status(m.sim), KB_INTERNAL);
        finish(&m);
    }
}

typedef struct spinner {
    kb_sim *sim;
    uint64_t n_calls;
} spinner;

static void spin(void *self, uint32_t arg) {
    spinner *s = self;
    s->n_calls++;
    kb_sim_signal(s->sim, arg);
}

/* A loop without delay takes its budget and no memory; it does not hang. */
static void endless_instants_end(void) {
    kb_alloc alloc = kb_alloc_system();
    spinner s = {NULL, 0};
    uint32_t number;
    if (!CHECK_EQ(kb_sim_create(&alloc, &s.sim, NULL), KB_OK)) return;
    CHECK_EQ(kb_sim_add_slot(s.sim, spin, &s, 0, &number, NULL), KB_OK);
    kb_sim_signal(s.sim, number);
    kb_run_end end = KB_RUN_IDLE;
    CHECK_EQ(kb_sim_run(s.sim, KB_TIME_MAX, 10, &end, NULL), KB_OK);
    uint64_t n_allocs = alloc.n_calls;
    CHECK_EQ(kb_sim_run(s.sim, KB_TIME_MAX, 1000000, &end, NULL), KB_OK);
    CHECK_EQ(end, KB_RUN_BUDGET);
    CHECK_EQ(s.n_calls, 1000010);
    CHECK_EQ(alloc.n_calls, n_allocs);
    CHECK_EQ(kb_sim_now(s.sim), 0);
    kb_sim_destroy(s.sim);
}

static void survives_failing_allocations(void) {
    kb_sim_destroy(NULL);
    uint64_t nth = 1;
    for (bool failed = true; failed; nth++) {
        kb_alloc alloc = kb_alloc_system();
        alloc.fail_at = nth;
        kb_sim *sim = NULL;
        kb_error err = KB_ERROR_INIT;
        kb_run_end end;
        uint32_t number = 0;
        spinner s = {NULL, 0};
        kb_status status = kb_sim_create(&alloc, &sim, &err);
        if (status == KB_OK) status = kb_sim_add_slot(sim, spin, &s, 0, &number, &err);
        if (status == KB_OK) {
            s.sim = sim;
            for (int64_t t = 1; t < 200; t++) kb_sim_at(sim, number, t);
            status = kb_sim_run(sim, KB_TIME_MAX, 10, &end, &err);
        }
        failed = status != KB_OK;
        if (failed) CHECK_EQ(status, KB_NOMEM), CHECK_EQ(err.status, KB_NOMEM);
        kb_sim_destroy(sim);
        CHECK_EQ(alloc.live_nbytes, 0);
    }
    CHECK(nth > 4);
}

int main(void) {
    TAP_RUN(instants_have_an_order);
    TAP_RUN(signals_coalesce_and_timers_do_not);
    TAP_RUN(runs_in_slices);
    TAP_RUN(runs_until);
    TAP_RUN(stops_after_the_instant);
    TAP_RUN(the_first_failure_stands);
    TAP_RUN(the_past_is_refused);
    TAP_RUN(endless_instants_end);
    TAP_RUN(survives_failing_allocations);
    return tap_finish();
}
