#include <inttypes.h>

#include "engine/engine.h"

/* A batch that is under way; one of a single transfer has its columns here. */
struct kb_engine_batch {
    kb_batch batch;
    kb_engine *engine;
    uint32_t handle;
    bool single;
    uint32_t src, dst;
    int64_t nbytes, at_fs, start_fs, end_fs;
    uint64_t address;
    uint8_t op;
    kb_engine_batch *next;
};

static void log_message(kb_engine *engine, const kb_engine_batch *job) {
    kb_record record = {.end_fs = job->end_fs,
                        .start_fs = job->start_fs,
                        .ready_fs = job->start_fs,
                        .nbytes = job->nbytes,
                        .payload = -1,
                        .pe = -1,
                        .launch = -1,
                        .program = -1,
                        .kernel = -1,
                        .kind = KB_OP_MESSAGE,
                        .op = job->op};
    kb_error err;
    kb_error_clear(&err);
    kb_status status = kb_oplog_append(engine->log, &record, NULL, 0, &err);
    if (status) {
        kb_error *noted = kb_sim_fail(engine->sim, status);
        if (noted) *noted = err;
    }
}

static void batch_done(void *self, kb_batch *batch) {
    kb_engine_batch *job = self;
    kb_engine *engine = job->engine;
    int64_t first_fs = INT64_MAX, last_fs = 0;
    for (size_t i = 0; i < batch->n; i++) {
        if (batch->start_fs[i] < first_fs) first_fs = batch->start_fs[i];
        if (batch->end_fs[i] > last_fs) last_fs = batch->end_fs[i];
    }
    if (batch->n == 0) first_fs = last_fs = kb_engine_now(engine);
    if (job->single) log_message(engine, job);
    engine->jobs.items[job->handle].start_fs = first_fs;
    uint32_t handle = job->handle;
    kb_engine_batch **at = &engine->batches;
    while (*at != job) at = &(*at)->next;
    *at = job->next;
    kb_alloc_free(engine->alloc, job, 1, sizeof *job);
    kb_engine_finish_job(engine, handle, last_fs);
}

void kb_engine_traffic_destroy(kb_engine *engine) {
    kb_traffic_destroy(engine->traffic);
    while (engine->batches) {
        kb_engine_batch *next = engine->batches->next;
        kb_alloc_free(engine->alloc, engine->batches, 1, sizeof *next);
        engine->batches = next;
    }
}

/* A job for a batch, not yet submitted. */
static kb_status begin(kb_engine *engine, int64_t submit_fs, kb_engine_batch **job, kb_error *err) {
    uint32_t handle;
    KB_TRY(kb_engine_run_in_order(engine, err));
    KB_TRY(kb_engine_add_job(engine, submit_fs, &handle, err));
    kb_engine_batch *made = kb_alloc_zeroed(engine->alloc, 1, sizeof *made);
    if (!made) {
        engine->jobs.count--;
        return kb_error_nomem(err, "transfer");
    }
    made->engine = engine;
    made->handle = handle;
    made->batch.done = batch_done;
    made->batch.self = made;
    *job = made;
    return KB_OK;
}

/* On failure the job is taken back.  A batch that is done at once frees itself within submit. */
static kb_status submit(kb_engine *engine, kb_engine_batch *job, uint32_t *handle, kb_error *err) {
    uint32_t made = job->handle;
    job->next = engine->batches;
    engine->batches = job;
    kb_status status = kb_traffic_submit(engine->traffic, &job->batch, err);
    if (status) {
        engine->batches = job->next;
        engine->jobs.count--;
        kb_alloc_free(engine->alloc, job, 1, sizeof *job);
        return status;
    }
    *handle = made;
    return KB_OK;
}

static kb_status submit_one(kb_engine *engine, uint32_t src, uint32_t dst, int64_t nbytes,
                            int64_t at_fs, kb_traffic_op op, int64_t address, kb_hop *hops,
                            uint32_t *handle, kb_error *err) {
    if (address < 0)
        return kb_error_set(err, KB_INVALID, "addr: expected at least 0, got %" PRId64, address);
    kb_engine_batch *job = NULL;
    KB_TRY(begin(engine, at_fs, &job, err));
    job->single = true;
    job->src = src;
    job->dst = dst;
    job->nbytes = nbytes;
    job->at_fs = at_fs;
    job->op = (uint8_t)op;
    job->address = (uint64_t)address;
    kb_batch *batch = &job->batch;
    batch->n = 1;
    batch->src = &job->src;
    batch->dst = &job->dst;
    batch->nbytes = &job->nbytes;
    batch->at_fs = &job->at_fs;
    batch->op = &job->op;
    batch->addr = &job->address;
    batch->start_fs = &job->start_fs;
    batch->end_fs = &job->end_fs;
    batch->hops = hops;
    return submit(engine, job, handle, err);
}

kb_status kb_engine_transfer(kb_engine *engine, uint32_t src, uint32_t dst, int64_t nbytes,
                             int64_t at_fs, kb_traffic_op op, int64_t address, uint32_t *handle,
                             kb_error *err) {
    return submit_one(engine, src, dst, nbytes, at_fs, op, address, NULL, handle, err);
}

kb_status kb_engine_traffic(kb_engine *engine, const kb_traffic_order *order, uint32_t *handle,
                            kb_error *err) {
    kb_engine_batch *job = NULL;
    for (int64_t i = 0; order->address && i < order->count; i++)
        if (order->address[i] < 0)
            return kb_error_set(err, KB_INVALID,
                                "transfer %" PRId64 ": addr: expected at least 0, got %" PRId64, i,
                                order->address[i]);
    KB_TRY(begin(engine, kb_engine_now(engine), &job, err));
    kb_batch *batch = &job->batch;
    batch->n = (size_t)order->count;
    batch->src = order->src;
    batch->dst = order->dst;
    batch->nbytes = order->nbytes;
    batch->at_fs = order->at_fs;
    batch->op = order->op;
    batch->addr = (const uint64_t *)order->address; /* none is negative */
    batch->start_fs = order->start_fs;
    batch->end_fs = order->end_fs;
    return submit(engine, job, handle, err);
}

/* The messages before the one that is followed: columns of n items each, alike. */
typedef struct forerunners {
    size_t n;
    uint32_t *src, *dst;
    int64_t *nbytes, *at_fs, *start_fs, *end_fs;
} forerunners;

static void free_forerunners(kb_alloc *alloc, const forerunners *f) {
    kb_alloc_free(alloc, f->src, f->n, sizeof *f->src);
    kb_alloc_free(alloc, f->dst, f->n, sizeof *f->dst);
    kb_alloc_free(alloc, f->nbytes, f->n, sizeof *f->nbytes);
    kb_alloc_free(alloc, f->at_fs, f->n, sizeof *f->at_fs);
    kb_alloc_free(alloc, f->start_fs, f->n, sizeof *f->start_fs);
    kb_alloc_free(alloc, f->end_fs, f->n, sizeof *f->end_fs);
}

static kb_status send_forerunners(kb_engine *engine, forerunners *f, uint32_t src, uint32_t dst,
                                  int64_t nbytes, kb_error *err) {
    kb_alloc *alloc = engine->alloc;
    uint32_t handle;
    f->src = kb_alloc_zeroed(alloc, f->n, sizeof *f->src);
    f->dst = kb_alloc_zeroed(alloc, f->n, sizeof *f->dst);
    f->nbytes = kb_alloc_zeroed(alloc, f->n, sizeof *f->nbytes);
    f->at_fs = kb_alloc_zeroed(alloc, f->n, sizeof *f->at_fs);
    f->start_fs = kb_alloc_zeroed(alloc, f->n, sizeof *f->start_fs);
    f->end_fs = kb_alloc_zeroed(alloc, f->n, sizeof *f->end_fs);
    if (!f->src || !f->dst || !f->nbytes || !f->at_fs || !f->start_fs || !f->end_fs)
        return kb_error_nomem(err, "the messages of a probe");
    for (size_t i = 0; i < f->n; i++) {
        f->src[i] = src;
        f->dst[i] = dst;
        f->nbytes[i] = nbytes;
        f->at_fs[i] = kb_engine_now(engine);
    }
    kb_traffic_order order = {.count = (int64_t)f->n,
                              .src = f->src,
                              .dst = f->dst,
                              .nbytes = f->nbytes,
                              .at_fs = f->at_fs,
                              .start_fs = f->start_fs,
                              .end_fs = f->end_fs};
    return kb_engine_traffic(engine, &order, &handle, err);
}

/* Runs until nothing is left to happen, or somebody interrupts. */
static kb_status run_probe(kb_engine *engine, kb_error *err) {
    enum { SLICE = 1 << 10 }; /* events, of which one may start hundreds of messages */
    const kb_engine_options *options = &engine->options;
    kb_engine_end end = KB_ENGINE_BUDGET;
    while (end == KB_ENGINE_BUDGET) {
        KB_TRY(kb_engine_run(engine, KB_NO_HANDLE, INT64_MAX, SLICE, &end, err));
        if (options->is_interrupted && options->is_interrupted(options->interrupter)) {
            (void)kb_error_set(err, KB_INTERRUPTED, "interrupted");
            return kb_engine_fail(engine, KB_INTERRUPTED, err);
        }
    }
    return KB_OK;
}

kb_status kb_engine_probe(kb_engine *engine, uint32_t src, uint32_t dst, int64_t nbytes,
                          int64_t count, kb_probe_hop *hops, uint32_t capacity, uint32_t *n_hops,
                          int64_t *latency_fs, kb_error *err) {
    const uint32_t *links;
    uint32_t n_links, path, handle;
    if (src >= kb_topology_n_nodes(engine->topology) ||
        dst >= kb_topology_n_nodes(engine->topology))
        return kb_error_set(err, KB_INVALID, "probe: expected node ids below %u",
                            kb_topology_n_nodes(engine->topology));
    if (count < 1)
        return kb_error_set(err, KB_INVALID, "count: expected at least 1, got %" PRId64, count);
    KB_TRY(
        kb_topology_path(engine->topology, src, dst, KB_ANY_SLICE, &links, &n_links, &path, err));
    if (n_links > capacity)
        return kb_error_set(err, KB_INVALID, "probe: expected a path of at most %u hops, got %u",
                            capacity, n_links);
    forerunners before = {.n = (size_t)(count - 1)};
    kb_hop *watched = kb_alloc_zeroed(engine->alloc, n_links, sizeof *watched);
    kb_status status = watched ? KB_OK : kb_error_nomem(err, "hops of a probe");
    if (status == KB_OK && before.n)
        status = send_forerunners(engine, &before, src, dst, nbytes, err);
    if (status == KB_OK)
        status = submit_one(engine, src, dst, nbytes, kb_engine_now(engine), KB_TRAFFIC_MESSAGE, 0,
                            watched, &handle, err);
    if (status == KB_OK) status = run_probe(engine, err);
    for (uint32_t i = 0; status == KB_OK && i < n_links; i++)
        hops[i] =
            (kb_probe_hop){watched[i].link,        watched[i].waiting_fs, watched[i].own_fs,
                           watched[i].overhead_fs, watched[i].service_fs, watched[i].latency_fs};
    if (status == KB_OK) {
        const kb_job *job = &engine->jobs.items[handle];
        *n_hops = n_links;
        *latency_fs = job->end_fs - job->start_fs;
    }
    free_forerunners(engine->alloc, &before);
    kb_alloc_free(engine->alloc, watched, n_links, sizeof *watched);
    return status;
}
