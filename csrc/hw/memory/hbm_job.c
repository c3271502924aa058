#include "hw/memory/hbm_job.h"

#include "base/checked.h"

enum { KEPT_FLITS = 4096 }; /* a table of more is given back with its job */
enum { FLIT_NBYTES = sizeof(kb_hbm_flit) + sizeof(uint32_t) };

void kb_hbm_jobs_init(kb_hbm_jobs *jobs, kb_alloc *alloc, int64_t flit_nbytes) {
    *jobs = (kb_hbm_jobs){.alloc = alloc, .touched = KB_NONE, .flit_nbytes = flit_nbytes};
    jobs->flit_shift =
        kb_is_power_of_two(flit_nbytes) ? (int32_t)__builtin_ctzll((uint64_t)flit_nbytes) : -1;
    kb_pool_init(&jobs->pool.state);
}

static void drop_flits(kb_hbm_jobs *jobs, kb_hbm_job *job) {
    kb_alloc_free(jobs->alloc, job->flits, job->capacity, FLIT_NBYTES);
    job->flits = NULL;
    job->capacity = 0;
}

void kb_hbm_jobs_deinit(kb_hbm_jobs *jobs) {
    for (uint32_t i = 0; i < jobs->n_made; i++) drop_flits(jobs, &jobs->pool.items[i]);
    KB_POOL_FREE(&jobs->pool, jobs->alloc);
}

bool kb_hbm_jobs_take(kb_hbm_jobs *jobs, uint32_t request, uint64_t nbytes, uint32_t *number) {
    if (!KB_POOL_TAKE(&jobs->pool, jobs->alloc, number)) return false;
    kb_hbm_job *taken = &jobs->pool.items[*number];
    if (jobs->pool.state.free != KB_NONE)
        __builtin_prefetch(&jobs->pool.items[jobs->pool.state.free]);
    bool is_new = *number >= jobs->n_made;
    if (is_new) jobs->n_made = *number + 1;
    *taken = (kb_hbm_job){.request = request,
                          .left = (int64_t)nbytes,
                          .flits = is_new ? NULL : taken->flits,
                          .capacity = is_new ? 0 : taken->capacity};
    return true;
}

void kb_hbm_jobs_give(kb_hbm_jobs *jobs, uint32_t number) {
    kb_hbm_job *job = &jobs->pool.items[number];
    if (job->capacity > KEPT_FLITS) drop_flits(jobs, job);
    KB_POOL_GIVE(&jobs->pool, number);
}

bool kb_hbm_jobs_reserve(kb_hbm_jobs *jobs, kb_hbm_job *job) {
    int64_t n = kb_max_i64(1, kb_ceil_div(job->left, jobs->flit_nbytes));
    if (n > UINT32_MAX) return false;
    job->n_flits = (uint32_t)n;
    if (n == 1 || n <= job->capacity) return true;
    drop_flits(jobs, job);
    job->flits = kb_alloc_zeroed(jobs->alloc, job->n_flits, FLIT_NBYTES);
    if (job->flits) job->capacity = job->n_flits;
    return job->flits;
}

void kb_hbm_job_count(const kb_hbm_jobs *jobs, kb_hbm_job *job, int64_t flit, int64_t nbytes,
                      int64_t when_fs) {
    uint32_t *counted = (uint32_t *)(job->flits + job->capacity) + flit;
    int64_t all = kb_min_i64(jobs->flit_nbytes, job->left - flit * jobs->flit_nbytes);
    when_fs = kb_max_i64(when_fs, -job->flits[flit]);
    *counted += (uint32_t)nbytes;
    job->flits[flit] = -when_fs;
    if (*counted < all) return;
    *counted = 0;
    job->flits[flit] = when_fs + 1;
}
