/* The requests under way at an HBM with banks, and what of each has been served.
 *
 *     take ── reserve (a read) ── touch when a burst is decided ── give
 *
 * A read keeps an account of each flit of its reply, a write one of all its bytes.  Jobs that were touched
 * are a list, so that what was decided in one step is handed on once.
 *
 * Invariants
 *   J1. A flit that was sent, or that no burst has served, is blank: all its bytes are still to come.
 *   J2. A job that is given back keeps its table of flits for the next, unless it is large.
 */
#ifndef KB_HW_MEMORY_HBM_JOB_H
#define KB_HW_MEMORY_HBM_JOB_H

#include "base/pool.h"
#include "base/status.h"

/* A flit of a reply: its bytes that are not there yet, and when those that are came. */
typedef struct kb_hbm_flit {
    int64_t there_fs;
    int64_t left;
} kb_hbm_flit;

/* 64 bytes, of which the first 48 are all that a burst touches. */
typedef struct kb_hbm_job {
    uint32_t next_touched;
    uint32_t handle;    /* of the reply or of the acknowledgement */
    kb_hbm_flit *flits; /* of a reply of several */
    kb_hbm_flit
        only; /* of a reply of one; of a write: the last commit, and the bytes not committed */
    int64_t there_fs; /* of a read: of the flits sent */
    uint32_t n_flits; /* of the reply */
    bool write, has_tail, touched;
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

/* Both return false when there is no memory; reserve leaves a job that can be given back. */
bool kb_hbm_jobs_take(kb_hbm_jobs *jobs, uint32_t request, bool write,
                      uint32_t *number) KB_MUST_CHECK;
bool kb_hbm_jobs_reserve(kb_hbm_jobs *jobs, kb_hbm_job *job, uint64_t nbytes) KB_MUST_CHECK;

void kb_hbm_jobs_give(kb_hbm_jobs *jobs, uint32_t number);

static inline kb_hbm_flit *kb_hbm_job_flits(kb_hbm_job *job) {
    return job->n_flits == 1 ? &job->only : job->flits;
}

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
