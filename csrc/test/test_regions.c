/* sim/sim.h: region by region, what is put in order again (log/held.h) is what would have been in order of
 * time: on random machines, however their regions are joined, in slices, with failures, and where memory runs
 * out. */
#include <string.h>

#include "log/oplog.h"
#include "sim/sim.h"
#include "test/tap.h"

enum { N_REGIONS = 9, PER_REGION = 3, N_SLOTS = N_REGIONS * PER_REGION, LOOKAHEAD = 10, END = 400 };

/* How regions 1 to 8 are joined: each with each; in a ring; all with the last. */
enum { ALL, RING, STAR, N_KINDS };

typedef struct rig {
    kb_alloc alloc;
    kb_sim *sim;
    kb_oplog *log;
    uint64_t seed;
    int kind;
    int64_t common_fs; /* from any region to region 0 */
    uint32_t neighbours[N_REGIONS * KB_SIM_NEIGHBOURS];
    int64_t fails_from; /* from then on each fifth event of regions other than 0 fails */
    bool early;         /* tells another region too early */
} rig;

static uint64_t mix(uint64_t seed, int64_t when_fs, uint32_t slot, uint32_t what) {
    uint64_t x = seed ^ ((uint64_t)when_fs << 20) ^ ((uint64_t)slot << 8) ^ what;
    for (int i = 0; i < 3; i++) x = (x ^ x >> 31) * UINT64_C(0x9e3779b97f4a7c15) + 1;
    return x >> 17;
}

static uint32_t n_hops(int kind, uint32_t from, uint32_t to) {
    uint32_t around = from > to ? from - to : to - from;
    if (kind == ALL || from == 0 || from == to) return 1;
    if (kind == STAR) return from == N_REGIONS - 1 || to == N_REGIONS - 1 ? 1 : 2;
    return around < N_REGIONS - 1 - around ? around : N_REGIONS - 1 - around;
}

static int64_t distance(const rig *r, uint32_t from, uint32_t to) {
    if (from && to == 0) return r->common_fs;
    return (int64_t)n_hops(r->kind, from, to) * LOOKAHEAD;
}

/* The last of a star and each of ALL have as many neighbours as there can be, and name none. */
static void find_neighbours(rig *r) {
    for (uint32_t i = 0; i < N_REGIONS * KB_SIM_NEIGHBOURS; i++) r->neighbours[i] = UINT32_MAX;
    for (uint32_t from = 1; from < N_REGIONS; from++) {
        uint32_t n = 0;
        if (r->kind == ALL || (r->kind == STAR && from == N_REGIONS - 1)) continue;
        for (uint32_t to = 1; to < N_REGIONS; to++)
            if (to != from && n_hops(r->kind, from, to) == 1)
                r->neighbours[from * KB_SIM_NEIGHBOURS + n++] = to;
    }
}

static void write_down(rig *r, uint32_t slot, int32_t n) {
    int64_t words[2] = {(int64_t)slot, n};
    kb_record record = {.end_fs = kb_sim_now(r->sim), .line = (int32_t)slot, .sequence = n};
    kb_error err = KB_ERROR_INIT;
    kb_status status = kb_oplog_append(r->log, &record, words, (uint32_t)n % 3, &err);
    if (status) (void)kb_error_set(kb_sim_fail(r->sim, status), status, "%s", err.message);
}

/* Causes something later in its region, sometimes at once, and something in another, no earlier than that
 * can be. */
static void on_slot(void *self, uint32_t slot) {
    rig *r = self;
    int64_t now = kb_sim_now(r->sim);
    uint32_t region = slot / PER_REGION, first = region * PER_REGION;
    uint64_t h = mix(r->seed, now, slot, 0);
    for (int32_t i = 0; i < (int32_t)(h % 3); i++) write_down(r, slot, i);
    if (region && now >= r->fails_from && h % 5 == 0) {
        (void)kb_error_set(kb_sim_fail(r->sim, KB_BOUNDS), KB_BOUNDS, "slot %u at %lld", slot,
                           (long long)now);
        return;
    }
    if (now >= END) return;
    if (r->early && region == 1) kb_sim_at(r->sim, 2 * PER_REGION, now + LOOKAHEAD - 1);
    if (h % 4 == 0 && slot + 1 < first + PER_REGION) kb_sim_signal(r->sim, slot + 1);
    if (h % 7 < 4)
        kb_sim_at(r->sim, first + (uint32_t)(h >> 8) % PER_REGION,
                  now + 1 + (int64_t)(h >> 16) % 6);
    uint32_t told = (uint32_t)(h >> 24) % N_SLOTS;
    if (h % 9 < 4)
        kb_sim_at(r->sim, told,
                  now + distance(r, region, told / PER_REGION) + (int64_t)(h >> 32) % 4);
}

static void settle(void *self, kb_event failed_at) {
    rig *r = self;
    kb_error err = KB_ERROR_INIT;
    kb_status status = kb_oplog_let_go(r->log, failed_at, true, &err);
    if (status) (void)kb_sim_fail(r->sim, status);
}

static kb_status begin(rig *r, bool by_region, kb_error *err) {
    const kb_sim_regions regions = {.count = N_REGIONS,
                                    .lookahead_fs = LOOKAHEAD,
                                    .common_fs = r->common_fs,
                                    .neighbours = r->neighbours};
    find_neighbours(r);
    kb_status status = kb_sim_create(&r->alloc, &r->sim, err);
    if (status == KB_OK) status = kb_oplog_create(&r->alloc, KB_OPLOG_FULL, &r->log, err);
    if (status == KB_OK) status = kb_sim_set_regions(r->sim, &regions, err);
    for (uint32_t i = 0; i < N_SLOTS && status == KB_OK; i++) {
        uint32_t number;
        kb_sim_add_slots_to(r->sim, i / PER_REGION);
        status = kb_sim_add_slot(r->sim, on_slot, r, i, &number, err);
    }
    if (status != KB_OK || !by_region) return status;
    kb_oplog_hold(r->log, kb_sim_event(r->sim));
    kb_sim_run_by_region(r->sim, settle, r);
    return KB_OK;
}

/* Runs to the end, in slices where step_fs says so; changes over to order of time at `change_fs`. */
static kb_status run(rig *r, int64_t step_fs, uint64_t budget, int64_t change_fs, kb_error *err) {
    kb_run_end end = KB_RUN_UNTIL;
    for (uint32_t i = 0; i < N_SLOTS; i += 2) kb_sim_at(r->sim, i, 1 + i % 3);
    for (int64_t until_fs = step_fs; end != KB_RUN_IDLE;
         until_fs += end == KB_RUN_UNTIL ? step_fs : 0) {
        KB_TRY(kb_sim_run(r->sim, until_fs, budget, &end, err));
        if (end == KB_RUN_UNTIL) CHECK_EQ(kb_sim_now(r->sim), until_fs);
        if (until_fs < change_fs) continue;
        kb_oplog_hold(r->log, NULL);
        KB_TRY(kb_sim_run_in_order(r->sim, err));
    }
    return KB_OK;
}

static void finish(rig *r) {
    kb_oplog_destroy(r->log);
    kb_sim_destroy(r->sim);
    CHECK_EQ(r->alloc.live_nbytes, 0);
}

typedef struct result {
    kb_status status;
    int64_t n_records, now_fs;
    uint64_t hash;
    kb_error err;
} result;

static result result_of(uint64_t seed, int64_t fails_from, bool by_region, int64_t step_fs,
                        uint64_t budget, int64_t change_fs) {
    rig r = {.alloc = kb_alloc_system(),
             .seed = seed,
             .kind = (int)(seed % N_KINDS),
             .common_fs = LOOKAHEAD + (int64_t)(seed / N_KINDS % 4) * 13,
             .fails_from = fails_from};
    result done = {.err = KB_ERROR_INIT};
    CHECK_EQ(begin(&r, by_region, &done.err), KB_OK);
    done.status = run(&r, step_fs, budget, change_fs, &done.err);
    done.n_records = kb_oplog_count(r.log);
    done.hash = kb_oplog_hash(r.log);
    done.now_fs = kb_sim_now(r.sim);
    finish(&r);
    return done;
}

static void the_order_is_that_of_time(void) {
    int64_t longest = 0;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        result wanted = result_of(seed, INT64_MAX, false, KB_TIME_MAX / 2, UINT64_MAX, INT64_MAX);
        result whole = result_of(seed, INT64_MAX, true, KB_TIME_MAX / 2, UINT64_MAX, INT64_MAX);
        result sliced = result_of(seed, INT64_MAX, true, 7, 3, INT64_MAX);
        result changed = result_of(seed, INT64_MAX, true, 7, 100, 150);
        CHECK_EQ(wanted.status, KB_OK);
        CHECK(whole.hash == wanted.hash && whole.now_fs == wanted.now_fs);
        CHECK(sliced.hash == wanted.hash);
        CHECK(changed.hash == wanted.hash);
        if (wanted.n_records > longest) longest = wanted.n_records;
    }
    CHECK(longest > 300);
}

static void the_first_failure_in_time_stands(void) {
    int n_failed = 0;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        result wanted = result_of(seed, 40, false, KB_TIME_MAX / 2, UINT64_MAX, INT64_MAX);
        result found = result_of(seed, 40, true, KB_TIME_MAX / 2, UINT64_MAX, INT64_MAX);
        CHECK_EQ(found.status, wanted.status);
        CHECK_STR(found.err.message, wanted.err.message);
        CHECK(found.hash == wanted.hash);
        n_failed += wanted.status != KB_OK;
    }
    CHECK(n_failed > 100);
}

static void too_early_for_another_region(void) {
    rig r = {.alloc = kb_alloc_system(),
             .seed = 1,
             .common_fs = LOOKAHEAD,
             .fails_from = INT64_MAX,
             .early = true};
    kb_error err = KB_ERROR_INIT;
    kb_run_end end;
    CHECK_EQ(begin(&r, true, &err), KB_OK);
    kb_sim_at(r.sim, PER_REGION, 5);
    CHECK_EQ(kb_sim_run(r.sim, KB_TIME_MAX, UINT64_MAX, &end, &err), KB_INTERNAL);
    CHECK_STR(err.message,
              "simulator: expected an event of another region from 15 fs on, got one at 14 fs");
    finish(&r);
}

typedef struct ticker {
    kb_sim *sim;
    uint32_t slot;
    int n_settled;
} ticker;

#define TICK_FS (100 * KB_FS_PER_NS)
enum { N_TICKS = 200 };

static void tick(void *self, uint32_t arg) {
    (void)arg;
    ticker *t = self;
    int64_t next_fs = kb_sim_now(t->sim) + TICK_FS;
    if (next_fs <= N_TICKS * TICK_FS) kb_sim_at(t->sim, t->slot, next_fs);
}

static void count_settled(void *self, kb_event failed_at) {
    ticker *t = self;
    CHECK(failed_at.when_fs > KB_TIME_MAX);
    t->n_settled++;
}

/* Regions that never reach each other: still a run can be left every microsecond, and records let go. */
static void a_window_is_a_microsecond_at_most(void) {
    uint32_t none[2 * KB_SIM_NEIGHBOURS];
    for (uint32_t i = 0; i < 2 * KB_SIM_NEIGHBOURS; i++) none[i] = UINT32_MAX;
    const kb_sim_regions regions = {
        .count = 2, .lookahead_fs = KB_TIME_MAX, .common_fs = KB_TIME_MAX, .neighbours = none};
    const int64_t most_fs = 1000 * KB_FS_PER_NS;
    kb_alloc alloc = kb_alloc_system();
    ticker t = {0};
    kb_run_end end = KB_RUN_BUDGET;
    CHECK_EQ(kb_sim_create(&alloc, &t.sim, NULL), KB_OK);
    CHECK_EQ(kb_sim_set_regions(t.sim, &regions, NULL), KB_OK);
    kb_sim_add_slots_to(t.sim, 1);
    CHECK_EQ(kb_sim_add_slot(t.sim, tick, &t, 0, &t.slot, NULL), KB_OK);
    kb_sim_run_by_region(t.sim, count_settled, &t);
    kb_sim_at(t.sim, t.slot, TICK_FS);
    int n_runs = 0;
    for (; end == KB_RUN_BUDGET; n_runs++) {
        int64_t from_fs = kb_sim_now(t.sim);
        CHECK_EQ(kb_sim_run(t.sim, KB_TIME_MAX, 1, &end, NULL), KB_OK);
        CHECK(kb_sim_now(t.sim) - from_fs <= most_fs);
        CHECK_EQ(t.n_settled, n_runs + 1);
    }
    CHECK_EQ(end, KB_RUN_IDLE);
    CHECK_EQ(kb_sim_n_events(t.sim), N_TICKS);
    CHECK_EQ(n_runs, N_TICKS * TICK_FS / most_fs);
    kb_sim_destroy(t.sim);
    CHECK_EQ(alloc.live_nbytes, 0);
}

/* All regions of a ring tick: windows are as long as region 0 is away, however near a neighbour is. */
static void a_window_is_as_long_as_region_0_is_away(void) {
    rig r = {.alloc = kb_alloc_system(), .kind = RING, .common_fs = 5 * TICK_FS};
    kb_sim_regions regions = {.count = N_REGIONS,
                              .lookahead_fs = 2 * TICK_FS,
                              .common_fs = r.common_fs,
                              .neighbours = r.neighbours};
    ticker t[N_REGIONS] = {0};
    kb_run_end end;
    find_neighbours(&r);
    CHECK_EQ(kb_sim_create(&r.alloc, &t[0].sim, NULL), KB_OK);
    CHECK_EQ(kb_sim_set_regions(t[0].sim, &regions, NULL), KB_OK);
    kb_sim_run_by_region(t[0].sim, count_settled, &t[0]);
    for (uint32_t i = 1; i < N_REGIONS; i++) {
        t[i].sim = t[0].sim;
        kb_sim_add_slots_to(t[i].sim, i);
        CHECK_EQ(kb_sim_add_slot(t[i].sim, tick, &t[i], 0, &t[i].slot, NULL), KB_OK);
        kb_sim_at(t[i].sim, t[i].slot, TICK_FS);
    }
    CHECK_EQ(kb_sim_run(t[0].sim, KB_TIME_MAX, UINT64_MAX, &end, NULL), KB_OK);
    CHECK_EQ(end, KB_RUN_IDLE);
    CHECK_EQ(kb_sim_n_events(t[0].sim), (N_REGIONS - 1) * N_TICKS);
    CHECK_EQ(t[0].n_settled, N_TICKS / 5);
    kb_sim_destroy(t[0].sim);
    CHECK_EQ(r.alloc.live_nbytes, 0);
}

static void survives_failing_allocations(void) {
    bool failed = true;
    uint64_t nth = 1;
    for (; failed && nth < 10000; nth++) {
        rig r = {.alloc = kb_alloc_system(),
                 .seed = 3,
                 .kind = RING,
                 .common_fs = 3 * LOOKAHEAD,
                 .fails_from = INT64_MAX};
        kb_error err = KB_ERROR_INIT;
        r.alloc.fail_at = nth;
        kb_status status = begin(&r, true, &err);
        if (status == KB_OK) status = run(&r, KB_TIME_MAX / 2, UINT64_MAX, INT64_MAX, &err);
        failed = status != KB_OK;
        if (failed) CHECK_EQ(status, KB_NOMEM);
        kb_oplog_destroy(r.log);
        kb_sim_destroy(r.sim);
        CHECK_EQ(r.alloc.live_nbytes, 0);
    }
    CHECK(nth > 20);
}

int main(void) {
    TAP_RUN(the_order_is_that_of_time);
    TAP_RUN(the_first_failure_in_time_stands);
    TAP_RUN(too_early_for_another_region);
    TAP_RUN(a_window_is_a_microsecond_at_most);
    TAP_RUN(a_window_is_as_long_as_region_0_is_away);
    TAP_RUN(survives_failing_allocations);
    return tap_finish();
}
