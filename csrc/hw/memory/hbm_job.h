/* The requests under way at an HBM with banks, and what of each has been served.
 *
 *     take ── reserve (a read) ── touch when a burst is decided ── give
 *
 * A read of several flits keeps an account of each of them: 8 bytes, as thousands are under way at once.  A write,
 * and a read of one flit, keeps one of all its bytes.  Jobs that were touched are a list, so that what was decided in
 * one step is handed on once.
 *
 * A flit that lies in one run is there when its last burst is, as a run's bursts are served in order.  One that
 * several runs have a part in is there when all of its bytes have been counted.
 *
 * Invariants
 *   J1. A flit that was sent, or that no burst has served, is blank, and none of its bytes is counted.
 *   J2. A job that is given back keeps its table of flits for the next, unless it is large.
 */
#ifndef KB_HW_MEMORY_HBM_JOB_H
#define KB_HW_MEMORY_HBM_JOB_H

#include "base/pool.h"
#include "base/status.h"

/* A flit of a reply: 1 + when it is there; until all of it is, minus when the last of it came that did. */
typedef int64_t kb_hbm_flit;

/* 64 bytes, of which the first 48 are all that a burst touches. */
typedef struct kb_hbm_job {
    uint32_t next_touched;
    uint32_t handle;    /* of the reply or of the acknowledgement */
    kb_hbm_flit *flits; /* of a reply of several; behind them the bytes of each that are counted */
    int64_t left;       /* bytes that are not served; of a reply of several flits: all */
    int64_t served_fs;  /* the last burst, of all; of a reply of several flits unused */
    int64_t there_fs;   /* of a read: of the flits sent */
    uint32_t n_flits;   /* of the reply; 0: it is a write */
    bool has_tail, touched;
    uint32_t next, request;
    uint32_t n_sent, capacity; /* flits; room for them */
} kb_hbm_job;

_Static_assert(sizeof(kb_hbm_job) == 64, "a job lies in as few lines as it can");

typedef struct kb_hbm_jobs {
    kb_alloc *alloc;
    KB_POOL(kb_hbm_job) pool;
    uint32_t n_made;  /* ever at once */
    uint32_t touched; /* the last of them, or KB_NONE */
    int64_t flit_nbytes;
    int32_t flit_shift; /* log2 of it; -1 where that is no power of two */
} kb_hbm_jobs;

/* Borrows alloc. */
void kb_hbm_jobs_init(kb_hbm_jobs *jobs, kb_alloc *alloc, int64_t flit_nbytes);

void kb_hbm_jobs_deinit(kb_hbm_jobs *jobs);

/* Both return false when there is no memory; reserve, of a read, leaves a job that can be given back. */
bool kb_hbm_jobs_take(kb_hbm_jobs *jobs, uint32_t request, uint64_t nbytes,
                      uint32_t *number) KB_MUST_CHECK;
bool kb_hbm_jobs_reserve(kb_hbm_jobs *jobs, kb_hbm_job *job) KB_MUST_CHECK;

void kb_hbm_jobs_give(kb_hbm_jobs *jobs, uint32_t number);

/* Of a flit in which other runs have a part: nbytes more of it are there, at when_fs. */
void kb_hbm_job_count(const kb_hbm_jobs *jobs, kb_hbm_job *job, int64_t flit, int64_t nbytes,
                      int64_t when_fs);

/* The flit of a reply that holds its byte of that number. */
static inline int64_t kb_hbm_jobs_flit_of(const kb_hbm_jobs *jobs, int64_t byte) {
    return jobs->flit_shift < 0 ? byte / jobs->flit_nbytes : byte >> jobs->flit_shift;
}

static inline void kb_hbm_jobs_touch(kb_hbm_jobs *jobs, uint32_t number) {
    kb_hbm_job *job = &jobs->pool.items[number];
    if (job->touched) return;
    job->touched = true;
    job->next_touched = jobs->touched;
    jobs->touched = number;
}

#endif
