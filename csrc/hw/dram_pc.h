/* One pseudo-channel of a DRAM with banks: what waits, which rows are open, what may be issued when.
 *
 *   add ─> backlog ─admitted─> window ─────────> banks ─ACT, PRE (row bus), RD, WR (column bus)─> served
 *          in order            look-ahead        open row, and who waits for it
 *
 * What waits is *runs*: bursts of one row, column after column, of one job.  Reads and writes have a
 * backlog and a window each.  The window holds up to `queue` bursts (a last run may stand out of it), and
 * none that arrived 4 * queue behind the oldest that waits: so none is passed by more, and nothing starves.
 *
 * First ready, first come: of all commands that serve the window, the one that can be issued first, at
 * equal times the one for the oldest burst.  A bank has one command: CAS while a run in the window hits the
 * open row, else PRE or ACT for its oldest run.  Commands are not aligned to edges of the clock.
 *
 * The bus serves reads until writes fill the window to its upper mark, or have let `write_wait` bursts
 * pass; then writes down to the lower mark.  Writes are served too while no read is there.
 *
 * Decisions are made as of their own instants, from what had arrived by then, whenever kb_dram_pc_advance
 * is called: the result depends on arrivals alone, never on how far each call went (invariant D1; a test
 * cuts time at every instant).  Runs of hits in one bank group, or alternating between two, are served as
 * one train.
 *
 * Each command is held to the times of those before (ADR-0061), not to the bounds by which it was chosen: tRC,
 * tRP, tFAW of an ACT, tRAS of a PRE, tRCD of a CAS, and a bus that carries one burst at a time.
 */
#ifndef KB_HW_DRAM_PC_H
#define KB_HW_DRAM_PC_H

#include <stdbool.h>
#include <stdint.h>

#include "hw/dram_statistics.h"
#include "hw/pool.h"
#include "spec/topology.h"

enum { KB_DRAM_MAX_BANKS = 64, KB_DRAM_MAX_GROUPS = 32 };

/* Times in femtoseconds, made once per memory. */
typedef struct kb_dram_rules {
    int64_t rcd[2], cas_burst[2],
        cas_pre[2]; /* by direction: ACT to CAS, CAS to its burst's end, to PRE */
    int64_t rp, ras, rc, ccd_s, ccd_l, ccd_r, rrd_s, rrd_l, faw, bl;
    int64_t write_read_s, write_read_l, read_write; /* CAS to CAS */
    int64_t rfc, refi;                              /* refi 0: no refresh */
    int64_t act_bus, pre_bus;
    bool per_bank;
    uint32_t n_banks;
    uint8_t group[KB_DRAM_MAX_BANKS],
        sid[KB_DRAM_MAX_BANKS];            /* of each bank; groups through all sids */
    uint32_t queue, high, low, write_wait; /* bursts */
} kb_dram_rules;

kb_dram_rules kb_dram_rules_of(const kb_dram *dram, const kb_params_hbm *params);

/* Bursts of one row that wait together. */
typedef struct kb_dram_run {
    uint32_t next;           /* in the backlog, and free */
    uint32_t older, younger; /* in the window */
    uint32_t before, after;  /* in its bank */
    uint32_t row;
    uint32_t job; /* the caller's, */
    uint32_t nbytes;
    uint64_t packed;          /* and where in it the run's bytes begin */
    uint32_t count, n_served; /* bursts */
    uint32_t skip;            /* bytes of the first burst that are not the run's */
    uint8_t bank;
    bool write, opened, closed; /* an ACT, a PRE was issued for it */
    uint64_t seq;               /* of its first burst, in its direction */
    int64_t when_fs;            /* it can be served from then on */
} kb_dram_run;

typedef KB_POOL(kb_dram_run) kb_dram_runs;

typedef struct kb_dram_bank {
    int64_t open_row;                  /* -1: closed */
    int64_t act_fs, pre_fs, cas_fs[2]; /* no earlier */
    int64_t acted_fs, closed_fs;       /* the last ACT and PRE */
    uint32_t first[2], last[2];        /* runs of the window, in order of age */
    uint32_t hit[2];                   /* the first of them in the open row, or KB_NONE */
    uint64_t age[2];                   /* of the hit, or else of the first: its seq */
} kb_dram_bank;

typedef struct kb_dram_group {
    int64_t cas_fs, read_fs, act_fs; /* no earlier */
} kb_dram_group;

typedef struct kb_dram_side { /* reads, or writes */
    uint32_t backlog_first, backlog_last;
    int64_t next_fs, next_seq; /* of the backlog's first; KB_TIME_MAX when there is none */
    uint32_t oldest, youngest; /* of the window */
    int64_t oldest_seq; /* of the oldest burst that is not served; far ahead when there is none */
    int64_t n_pending;  /* bursts in the window */
    uint64_t n_added;   /* bursts ever */
    uint64_t hits, others; /* banks with runs in the window: that hit, that do not */
} kb_dram_side;

typedef struct kb_dram_pc {
    int64_t now_fs;    /* all that is to be decided before is */
    int64_t column_fs; /* of the last CAS; far in the past before the first */
    int64_t cas_any_fs[2], act_any_fs, row_bus_fs, refresh_fs; /* act_any: tRRD_S and tFAW */
    int64_t acts_fs[4];                                        /* the last four */
    int64_t bus_free_fs;    /* the end of the last burst's data */
    int64_t row_command_fs; /* of row_bank's; KB_TIME_MAX when there is none */
    uint64_t row_age;
    uint32_t row_bank;
    bool row_known;                /* the two above are up to date */
    bool writing, draining, wrote; /* wrote: the last CAS */
    uint8_t n_acts, column_sid;
    uint32_t refresh_bank;
    int64_t drain_to; /* bursts */
    int64_t n_passed; /* bursts read while writes waited */
    kb_dram_side sides[2];
    kb_dram_statistics statistics;
    kb_dram_bank *banks; /* the caller's */
    kb_dram_group groups[KB_DRAM_MAX_GROUPS];
} kb_dram_pc;

/* `count` bursts of the run, from n_served on, were issued; the first one's data are there at there_fs,
 * each further one's period_fs later. */
typedef void (*kb_dram_served_fn)(void *self, const kb_dram_run *run, uint32_t count,
                                  int64_t there_fs, int64_t period_fs);

/* A command came at at_fs that had to wait until free_fs: for its bank, or (KB_NONE) for the data bus. */
typedef void (*kb_dram_fault_fn)(void *self, const kb_dram_pc *pc, uint32_t bank, int64_t at_fs,
                                 int64_t free_fs);

typedef struct kb_dram_core {
    kb_dram_rules rules;
    kb_dram_runs runs;
    kb_dram_served_fn served;
    kb_dram_fault_fn fault; /* of the physics checks; NULL: nobody hears */
    void *self;
} kb_dram_core;

/* `banks` is borrowed: room for those of the rules. */
void kb_dram_pc_init(kb_dram_pc *pc, const kb_dram_rules *rules, kb_dram_bank *banks);

/* Adds a run of the pool; its when_fs is no earlier than those added before in its direction, and later
 * than what any advance was called with. */
void kb_dram_pc_add(kb_dram_pc *pc, kb_dram_core *core, uint32_t run);

/* Makes every decision up to until_fs. */
void kb_dram_pc_advance(kb_dram_pc *pc, kb_dram_core *core, int64_t until_fs);

/* Whether anything waits. */
static inline bool kb_dram_pc_is_idle(const kb_dram_pc *pc) {
    return pc->sides[0].n_added + pc->sides[1].n_added ==
           (uint64_t)(pc->statistics.reads + pc->statistics.writes);
}

#endif
