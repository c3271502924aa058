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
 * is called: the result depends on arrivals alone, never on how far each call went (a test cuts time at
 * every instant).
 *
 * Invariants
 *   D1. A direction's runs are one chain in order of arrival: those of the window, then the backlog.  One
 *       that is served stays in it until all before it are.
 *   D2. A bank's runs in the window are a chain in that order too, by direction, whose first is not served.
 *   D3. Banks that the bus's direction waits for either hit, and are in `hits` by the age of the run that
 *       does, or are in `others` by their own.  Of the other direction it is only known which banks it
 *       waits for.
 *   D4. Bursts of a run at one pace are told of together, no later than the call returns.
 *
 * What waits is hw/dram/dram_run.h; the window and its hits, dram_window; ACT, PRE and refresh, dram_row; RD and WR,
 * dram_column; telling, dram_tell; the physics checks, dram_hold.
 *
 * Each command is held to the times of those before (ADR-0061), not to the bounds by which it was chosen: tRC,
 * tRP, tFAW of an ACT, tRAS of a PRE, tRCD of a CAS, and a bus that carries one burst at a time.
 */
#ifndef KB_HW_DRAM_DRAM_PC_H
#define KB_HW_DRAM_DRAM_PC_H

#include <stdbool.h>
#include <stdint.h>

#include "hw/dram/dram_rules.h"
#include "hw/dram/dram_run.h"
#include "hw/dram/dram_statistics.h"

typedef struct kb_dram_bank {
    int64_t open_fs; /* of the last ACT; after a PRE, of one that the next may follow as soon */
    int64_t act_fs, pre_fs; /* no earlier */
    int32_t open_row;       /* -1: closed */
    uint32_t first[2];      /* runs of the window, where the bank is waited for */
    uint32_t age;           /* the first one's seq, in the direction of the bus */
    uint32_t last[2];
} kb_dram_bank;

/* A run that hits the open row of its bank. */
typedef struct kb_dram_hit {
    int64_t ready_fs;           /* of the row */
    int64_t last_fs, period_fs; /* of its bursts that were issued and nobody was told of */
    uint32_t run;
    uint16_t n_untold; /* so many */
    uint8_t group, sid;
} kb_dram_hit;

enum { KB_DRAM_NO_BANK = 0xFF };

/* Banks in a chain by their age. */
typedef struct kb_dram_link {
    uint8_t older, younger; /* KB_DRAM_NO_BANK: none */
} kb_dram_link;

typedef struct kb_dram_side { /* reads, or writes */
    int64_t next_fs;          /* the first of the backlog arrives; KB_TIME_MAX when there is none */
    int64_t n_pending;        /* bursts in the window */
    uint64_t banks;           /* that it waits for */
    uint32_t oldest, youngest;     /* of all that is not served; oldest KB_NONE: there is none */
    uint32_t backlog;              /* the first that is not all in the window, or KB_NONE */
    uint32_t oldest_seq, next_seq; /* of the oldest run; of the next burst that enters the window */
    uint32_t n_over;               /* runs that are served and still in the chain */
} kb_dram_side;

typedef struct kb_dram_pc {
    int64_t now_fs;         /* all that is to be decided before is */
    int64_t column_fs;      /* of the last CAS; far in the past before the first */
    int64_t row_command_fs; /* of row_bank's; KB_TIME_MAX when there is none */
    int64_t cas_fs;         /* of the hit that is served next, at cas_place */
    int64_t cas_until_fs;   /* cas_place and cas_fs are up to date while now_fs is no later */
    uint64_t hitting, open; /* banks: those in hits, and those whose row is open */
    kb_dram_hit *hits;      /* the caller's */
    uint32_t n_hits, cas_place;
    kb_dram_link others
        [2]; /* closed banks that wait for ACT, open ones for PRE: the youngest and the oldest, */
    uint8_t row_bank, column_sid;
    bool row_known;                /* row_bank and row_command_fs are up to date */
    bool writing, draining, wrote; /* wrote: the last CAS */
    uint8_t n_acts;
    kb_dram_side sides[2];
    int64_t refresh_fs, refreshed_fs; /* the next; the end of the last one of all banks */
    int64_t closed_fs;              /* by then each closed bank can be refreshed with all others */
    int64_t bus_free_fs;            /* the end of the last burst's data */
    int64_t act_any_fs, row_bus_fs; /* act_any: tRRD_S and tFAW */
    int32_t drain_to;               /* bursts */
    int32_t n_passed;               /* bursts read while writes waited */
    uint32_t refresh_bank, number;  /* the PC's own, for faults */
    kb_dram_statistics statistics;
    int64_t acts_fs[4];                    /* the last four */
    kb_dram_link links[KB_DRAM_MAX_BANKS]; /* and those between */
    /* Of bank groups: no earlier, a CAS of the bus's direction and an ACT.  The former when the bus turned: where it is
     * the same still, no CAS came since; those whose last one before was a WR. */
    int64_t group_cas_fs[KB_DRAM_MAX_GROUPS], group_act_fs[KB_DRAM_MAX_GROUPS];
    int64_t turned_fs[KB_DRAM_MAX_GROUPS];
    uint32_t written;
    kb_dram_bank banks[]; /* of the rules */
} kb_dram_pc;

/* `count` bursts of the run, from `first` on, were issued; the first one's data are there at there_fs,
 * each further one's period_fs later.  It adds no runs. */
typedef void (*kb_dram_served_fn)(void *self, const kb_dram_run *run, uint32_t first,
                                  uint32_t count, int64_t there_fs, int64_t period_fs);

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

/* Bytes of a PC with its banks. */
static inline size_t kb_dram_pc_nbytes(const kb_dram_rules *rules) {
    return sizeof(kb_dram_pc) + rules->n_banks * sizeof(kb_dram_bank);
}

/* `pc` has room for its banks; `hits` is borrowed: room for as many. */
void kb_dram_pc_init(kb_dram_pc *pc, const kb_dram_rules *rules, uint32_t number,
                     kb_dram_hit *hits);

/* Makes every decision up to until_fs, of what is there and in the inboxes of reads and writes.  The next is
 * made no earlier than it returns, if nothing is added; KB_TIME_MAX: nothing waits. */
int64_t kb_dram_pc_advance(kb_dram_pc *pc, kb_dram_core *core, kb_dram_inbox inboxes[2],
                           int64_t until_fs);

/* Whether nothing waits but what is in the inboxes. */
static inline bool kb_dram_pc_is_idle(const kb_dram_pc *pc) {
    return pc->sides[0].oldest == KB_NONE && pc->sides[1].oldest == KB_NONE;
}

#endif
