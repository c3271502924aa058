/* A pseudo-channel as hw/dram/dram_pc.h describes it, and nothing more: one command after the other, each found
 * by looking at every run that waits.  Slow, and what the fast one has to agree with. */
#ifndef KB_TEST_DRAM_REFERENCE_H
#define KB_TEST_DRAM_REFERENCE_H

#include <string.h>

#include "base/checked.h"
#include "hw/dram/dram_stack.h"
#include "sim/sim.h"

enum { REFERENCE_RUNS = 1 << 14 };

typedef struct reference_run {
    int64_t when_fs, seq, count, n_served;
    uint64_t packed, skip; /* as of a kb_dram_run */
    uint32_t job, row, bank;
    bool write, admitted, opened, closed;
} reference_run;

typedef struct reference {
    const kb_dram_rules *rules;
    reference_run runs[REFERENCE_RUNS]; /* in order of arrival */
    uint32_t n_runs, begin,
        end; /* all before begin are served, none from end on is in the window */
    int64_t n_added[2], n_pending[2];
    int64_t now_fs, row_bus_fs, refresh_fs, cas_fs, cas_by[2], acts_fs[4];
    int64_t open_row[KB_DRAM_MAX_BANKS], act_fs[KB_DRAM_MAX_BANKS], pre_fs[KB_DRAM_MAX_BANKS],
        opened_fs[KB_DRAM_MAX_BANKS];
    int64_t group_cas_fs[KB_DRAM_MAX_GROUPS][2], group_act_fs[KB_DRAM_MAX_GROUPS];
    uint32_t refresh_bank;
    uint8_t sid;
    bool writing, draining, wrote;
    int64_t drain_to, n_passed;
    kb_dram_statistics statistics;
} reference;

typedef void (*reference_fn)(void *self, const reference_run *run, int64_t there_fs);

static const int64_t reference_never = -(INT64_C(1) << 60);

static inline void reference_init(reference *r, const kb_dram_rules *rules) {
    memset(r, 0, sizeof *r);
    r->rules = rules;
    r->refresh_fs = rules->refi;
    r->cas_fs = r->cas_by[0] = r->cas_by[1] = reference_never;
    for (int i = 0; i < 4; i++) r->acts_fs[i] = reference_never;
    for (int b = 0; b < KB_DRAM_MAX_BANKS; b++) r->open_row[b] = -1;
    for (int g = 0; g < KB_DRAM_MAX_GROUPS; g++)
        r->group_cas_fs[g][0] = r->group_cas_fs[g][1] = r->group_act_fs[g] = reference_never;
}

static inline void reference_add(reference *r, reference_run run) {
    run.seq = r->n_added[run.write];
    r->n_added[run.write] += run.count;
    r->runs[r->n_runs++] = run;
}

static inline bool reference_waits(const reference_run *run, bool write) {
    return run->write == write && run->admitted && run->n_served < run->count;
}

/* The next of a direction to enter, if there is room for it. */
static inline reference_run *reference_next(reference *r, bool write) {
    reference_run *next = NULL, *oldest = NULL;
    for (uint32_t i = r->begin; i < r->n_runs && !next; i++) {
        reference_run *run = &r->runs[i];
        if (!oldest && reference_waits(run, write)) oldest = run;
        if (run->write == write && !run->admitted) next = run;
    }
    int64_t queue = r->rules->queue;
    if (!next || r->n_pending[write] >= queue) return NULL;
    return oldest && next->seq - oldest->seq - oldest->n_served >= 4 * queue ? NULL : next;
}

static inline void reference_admit(reference *r) {
    for (int d = 0; d < 2; d++) {
        reference_run *run;
        while ((run = reference_next(r, d)) && run->when_fs <= r->now_fs) {
            uint32_t end = (uint32_t)(run - r->runs) + 1;
            run->admitted = true;
            if (end > r->end) r->end = end;
            r->n_pending[d] += run->count;
            r->statistics.peak_queue =
                kb_max_i64(r->statistics.peak_queue, r->n_pending[0] + r->n_pending[1]);
        }
    }
}

static inline void reference_turn(reference *r) {
    int64_t n_reads = r->n_pending[0], n_writes = r->n_pending[1];
    bool full = n_writes >= r->rules->high, waited = r->n_passed >= r->rules->write_wait;
    if (!r->writing) {
        if (n_writes == 0 || (n_reads > 0 && !full && !waited)) return;
        r->writing = true;
        r->draining = full || waited;
        r->drain_to = full ? r->rules->low : 0;
        r->n_passed = 0;
        return;
    }
    if (r->draining && n_writes <= r->drain_to) r->draining = false;
    if (!r->draining && full) {
        r->draining = true;
        r->drain_to = r->rules->low;
    }
    if (n_reads > 0 && (n_writes == 0 || !r->draining)) r->writing = r->draining = false;
}

/* The first run of the window that is for a bank, in its open row or in any. */
static inline reference_run *reference_first(reference *r, uint32_t bank, bool hits) {
    for (uint32_t i = r->begin; i < r->end; i++) {
        reference_run *run = &r->runs[i];
        if (reference_waits(run, r->writing) && run->bank == bank &&
            (!hits || run->row == r->open_row[bank]))
            return run;
    }
    return NULL;
}

static inline int64_t reference_cas_fs(const reference *r, uint32_t b) {
    const kb_dram_rules *rules = r->rules;
    int d = r->writing;
    const int64_t *group = r->group_cas_fs[rules->group[b]];
    int64_t at_fs = kb_max_i64(r->opened_fs[b] + rules->rcd[d], r->cas_fs + rules->ccd_s);
    at_fs = kb_max_i64(at_fs, kb_max_i64(group[0], group[1]) + rules->ccd_l);
    at_fs = kb_max_i64(at_fs, r->cas_by[!d] + rules->turn[d]);
    if (d == 0) at_fs = kb_max_i64(at_fs, group[1] + rules->group_gap[1][0]);
    return kb_max_i64(at_fs, r->now_fs);
}

static inline int64_t reference_row_fs(const reference *r, uint32_t b) {
    const kb_dram_rules *rules = r->rules;
    int64_t at_fs = kb_max_i64(r->row_bus_fs, r->now_fs), last_fs = reference_never;
    if (r->open_row[b] >= 0) return kb_max_i64(at_fs, r->pre_fs[b]);
    for (int i = 0; i < 4; i++) last_fs = kb_max_i64(last_fs, r->acts_fs[i]);
    at_fs = kb_max_i64(at_fs, kb_max_i64(r->act_fs[b], last_fs + rules->rrd_s));
    at_fs = kb_max_i64(at_fs, r->group_act_fs[rules->group[b]] + rules->rrd_l);
    for (int i = 0; i < 4; i++) last_fs = kb_min_i64(last_fs, r->acts_fs[i]);
    return kb_max_i64(at_fs, last_fs + rules->faw);
}

static inline void reference_row_command(reference *r, reference_run *run) {
    uint32_t b = run->bank;
    if (r->open_row[b] >= 0) {
        run->closed = true;
        r->open_row[b] = -1;
        r->act_fs[b] = kb_max_i64(r->act_fs[b], r->now_fs + r->rules->rp);
        r->row_bus_fs = r->now_fs + r->rules->pre_bus;
        return;
    }
    run->opened = true;
    r->open_row[b] = run->row;
    r->opened_fs[b] = r->now_fs;
    r->act_fs[b] = r->now_fs + r->rules->rc;
    r->pre_fs[b] = r->now_fs + r->rules->ras;
    r->row_bus_fs = r->now_fs + r->rules->act_bus;
    r->group_act_fs[r->rules->group[b]] = r->now_fs;
    for (int i = 0; i < 3; i++) r->acts_fs[i] = r->acts_fs[i + 1];
    r->acts_fs[3] = r->now_fs;
}

static inline void reference_cas(reference *r, reference_run *run, reference_fn served,
                                 void *self) {
    kb_dram_statistics *s = &r->statistics;
    uint32_t b = run->bank;
    int d = run->write;
    bool is_first = run->n_served == 0;
    *(!is_first || !run->opened ? &s->hits : run->closed ? &s->conflicts : &s->misses) += 1;
    s->turnarounds += d != r->wrote && s->reads + s->writes > 0;
    *(d ? &s->writes : &s->reads) += 1;
    s->busy_fs += r->rules->bl;
    s->wait_fs += r->now_fs - run->when_fs;
    if (d == 0 && r->n_pending[1] > 0) r->n_passed++;
    r->wrote = d;
    r->n_pending[d]--;
    r->cas_fs = r->cas_by[d] = r->group_cas_fs[r->rules->group[b]][d] = r->now_fs;
    r->pre_fs[b] = kb_max_i64(r->pre_fs[b], r->now_fs + r->rules->cas_pre[d]);
    r->sid = r->rules->sid[b];
    served(self, run, r->now_fs + r->rules->cas_burst[d]);
    run->n_served++;
    while (r->begin < r->end && r->runs[r->begin].n_served == r->runs[r->begin].count) r->begin++;
}

static inline void reference_refresh(reference *r) {
    const kb_dram_rules *rules = r->rules;
    uint32_t first = rules->per_bank ? r->refresh_bank : 0;
    uint32_t end = rules->per_bank ? first + 1 : rules->n_banks;
    int64_t at_fs = r->refresh_fs;
    for (uint32_t b = first; b < end; b++)
        at_fs = kb_max_i64(at_fs, r->open_row[b] < 0
                                      ? r->act_fs[b]
                                      : kb_max_i64(r->pre_fs[b], r->refresh_fs) + rules->rp);
    for (uint32_t b = first; b < end; b++) {
        r->open_row[b] = -1;
        r->act_fs[b] = at_fs + rules->rfc;
    }
    r->now_fs = kb_max_i64(r->now_fs, r->refresh_fs);
    r->refresh_fs += rules->refi;
    r->refresh_bank = (r->refresh_bank + 1) % rules->n_banks;
    r->statistics.refreshes++;
}

/* Serves all. */
static inline void reference_run_all(reference *r, reference_fn served, void *self) {
    for (;;) {
        reference_admit(r);
        reference_turn(r);
        int64_t arrival_fs = KB_TIME_MAX, cas_fs = KB_TIME_MAX, row_fs = KB_TIME_MAX;
        reference_run *cas = NULL, *row = NULL;
        for (int d = 0; d < 2; d++) {
            const reference_run *next = reference_next(r, d);
            if (next) arrival_fs = kb_min_i64(arrival_fs, next->when_fs);
        }
        for (uint32_t b = 0; b < r->rules->n_banks; b++) {
            reference_run *hit = reference_first(r, b, true), *first = reference_first(r, b, false);
            if (!first) continue;
            int64_t at_fs = hit ? reference_cas_fs(r, b) : reference_row_fs(r, b);
            if (hit && (at_fs < cas_fs || (at_fs == cas_fs && hit->seq < cas->seq)))
                cas = hit, cas_fs = at_fs;
            if (!hit && (at_fs < row_fs || (at_fs == row_fs && first->seq < row->seq)))
                row = first, row_fs = at_fs;
        }
        if (cas && r->rules->sid[cas->bank] != r->sid)
            cas_fs = kb_max_i64(cas_fs, r->cas_fs + r->rules->ccd_r);
        int64_t command_fs = kb_min_i64(cas_fs, row_fs),
                next_fs = kb_min_i64(command_fs, arrival_fs);
        if (next_fs == KB_TIME_MAX) return;
        if (r->rules->refi > 0 && r->refresh_fs <= next_fs) {
            reference_refresh(r);
            continue;
        }
        r->now_fs = next_fs;
        if (arrival_fs <= command_fs) continue;
        if (row_fs < cas_fs) reference_row_command(r, row);
        else reference_cas(r, cas, served, self);
    }
}

#endif
