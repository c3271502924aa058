#include <inttypes.h>

#include "engine/engine.h"

/* --- jobs ------------------------------------------------------------------------------------ */

kb_status kb_engine_add_job(kb_engine *engine, int64_t submit_fs, uint32_t *handle, kb_error *err) {
    KB_TRY(kb_engine_usable(engine, err));
    if (submit_fs < kb_engine_now(engine))
        return kb_error_set(err, KB_INVALID,
                            "submission: expected a time not before now (%" PRId64
                            " fs), got %" PRId64 " fs",
                            kb_engine_now(engine), submit_fs);
    kb_job *job = KB_VEC_PUSH(&engine->jobs, engine->alloc);
    if (!job) return kb_error_nomem(err, "table of handles");
    *job = (kb_job){.sip = -1, .launch = -1, .start_fs = submit_fs, .end_fs = -1};
    *handle = (uint32_t)(engine->jobs.count - 1);
    return KB_OK;
}

void kb_engine_finish_job(kb_engine *engine, uint32_t handle, int64_t end_fs) {
    kb_job *job = &engine->jobs.items[handle];
    job->done = true;
    job->end_fs = end_fs;
    bool awaited = job->awaited;
    if (awaited) kb_engine_arrive(engine, handle);
    if (engine->run_for == handle || (awaited && engine->run_for_awaited)) kb_sim_stop(engine->sim);
}

kb_status kb_engine_handle(const kb_engine *engine, uint32_t handle, kb_handle_info *info,
                           kb_error *err) {
    if (handle >= engine->jobs.count)
        return kb_error_set(err, KB_INVALID, "handle: expected one of the %zu submitted, got %u",
                            engine->jobs.count, handle);
    const kb_job *job = &engine->jobs.items[handle];
    *info = (kb_handle_info){job->done,      job->start_fs, job->end_fs,  job->launch,
                             job->target_fs, job->late_pes, job->busy_pes};
    return KB_OK;
}

/* --- turns -------------------------------------------------------------------------------------- */

typedef struct kb_stream_order {
    int32_t sip, stream;
    int64_t submit_fs;
    const uint32_t *after;
    uint32_t n_after;
} kb_stream_order;

static kb_status check_after(const kb_engine *engine, const kb_stream_order *order, uint32_t handle,
                             kb_error *err) {
    if (handle >= engine->jobs.count)
        return kb_error_set(err, KB_INVALID, "after: expected one of the %zu handles, got %u",
                            engine->jobs.count, handle);
    const kb_job *job = &engine->jobs.items[handle];
    if (job->sip != order->sip)
        return kb_error_set(err, KB_INVALID,
                            "after: expected work in a stream of SIP %d, got handle %u, of SIP %d",
                            order->sip, handle, job->sip);
    if (job->start_fs > order->submit_fs)
        return kb_error_set(err, KB_INVALID,
                            "after: expected work that was submitted by %" PRId64
                            " fs, got handle %u, of %" PRId64 " fs",
                            order->submit_fs, handle, job->start_fs);
    return KB_OK;
}

/* A job in a stream, and its turn, which names what it has to wait for. */
static kb_status add_stream_job(kb_engine *engine, const kb_stream_order *order, kb_turn *turn,
                                uint32_t *handle, kb_error *err) {
    if (order->stream < 0)
        return kb_error_set(err, KB_INVALID, "stream: expected a number from 0 on, got %d",
                            order->stream);
    *turn = (kb_turn){0};
    for (uint32_t i = 0; i < order->n_after; i++) {
        KB_TRY(check_after(engine, order, order->after[i], err));
        if (engine->jobs.items[order->after[i]].done) continue;
        if (turn->n_after == KB_TURN_AFTER)
            return kb_error_set(err, KB_INVALID,
                                "after: expected at most %d handles that are not done, got more",
                                KB_TURN_AFTER);
        turn->after[turn->n_after++] = order->after[i];
    }
    KB_TRY(kb_engine_add_job(engine, order->submit_fs, handle, err));
    engine->jobs.items[*handle].sip = order->sip;
    turn->job = *handle;
    return KB_OK;
}

/* --- launches ---------------------------------------------------------------------------------- */

static bool has(const kb_kernel *kernel, kb_kir_op op) {
    for (uint32_t i = 0; i < kernel->n_insts; i++)
        if (kernel->insts[i].op == op) return true;
    return false;
}

/* The kernel's number in the log, given at its first launch. */
static kb_status kernel_number(kb_engine *engine, const kb_kernel *kernel, int32_t *number,
                               kb_error *err) {
    for (size_t i = engine->kernels.count; i-- > 0;)
        if (engine->kernels.items[i] == kernel) {
            *number = (int32_t)i;
            return KB_OK;
        }
    if (!KB_VEC_RESERVE(&engine->kernels, engine->alloc, 1))
        return kb_error_nomem(err, "the table of kernels");
    /* It may ask for a value that the op log so far leads to. */
    if (has(kernel, KB_KIR_MATERIALISE)) KB_TRY(kb_engine_run_in_order(engine, err));
    KB_TRY(kb_oplog_add_kernel(engine->log, kernel->name, number, err));
    engine->kernels.items[engine->kernels.count++] = kernel;
    engine->prints = engine->prints || has(kernel, KB_KIR_PRINT);
    return KB_OK;
}

kb_status kb_engine_launch(kb_engine *engine, const kb_launch_order *order, uint32_t *handle,
                           kb_error *err) {
    static const kb_launch_map maps[] = {KB_MAP_BLOCKED, KB_MAP_ROUND_ROBIN, KB_MAP_EACH_PE};
    if (order->sip < 0 || (uint32_t)order->sip >= engine->memory.n_sips)
        return kb_error_set(err, KB_INVALID, "%s: expected a SIP below %u, got %d",
                            order->kernel->name, engine->memory.n_sips, order->sip);
    kb_launch_spec spec = {.kernel = order->kernel,
                           .args = order->args,
                           .map = maps[order->deal],
                           .sip = (uint32_t)order->sip,
                           .stream = (uint32_t)order->stream,
                           .comm = order->comm,
                           .at_fs = order->submit_fs,
                           .max_instructions = engine->options.instruction_budget};
    for (int i = 0; i < 3; i++) spec.grid[i] = order->grid[i];
    uint32_t created;
    int32_t id = -1;
    kb_stream_order place = {order->sip, order->stream, order->submit_fs, order->after,
                             order->n_after};
    KB_TRY(add_stream_job(engine, &place, &spec.turn, &created, err));
    kb_status status = kernel_number(engine, order->kernel, &spec.kernel_number, err);
    if (status == KB_OK) status = kb_machine_launch(engine->machine, &spec, &id, err);
    if (status) {
        engine->jobs.count--;
        return status;
    }
    engine->jobs.items[created].launch = id;
    *handle = created;
    return KB_OK;
}

void kb_engine_launch_done(void *self, const kb_launch *launch) {
    kb_engine *engine = self;
    kb_job *job = &engine->jobs.items[launch->turn.job];
    job->target_fs = launch->target_start_fs;
    job->late_pes = launch->late_pes;
    job->busy_pes = launch->busy_pes;
    kb_engine_finish_job(engine, launch->turn.job, launch->done_fs);
}

/* --- copies ------------------------------------------------------------------------------------- */

kb_status kb_engine_copy(kb_engine *engine, const kb_copy_order *order, uint32_t *handle,
                         kb_error *err) {
    if (order->nbytes < 1)
        return kb_error_set(err, KB_INVALID, "copy: expected at least 1 byte, got %" PRId64,
                            order->nbytes);
    kb_copy_spec spec = {.to_device = order->to_device,
                         .install = order->install,
                         .va = order->va,
                         .nbytes = (uint64_t)order->nbytes,
                         .at_fs = order->submit_fs,
                         .stream = (uint32_t)order->stream};
    uint32_t created;
    int32_t id = -1;
    kb_stream_order place = {(int32_t)kb_va_sip(order->va), order->stream, order->submit_fs,
                             order->after, order->n_after};
    KB_TRY(add_stream_job(engine, &place, &spec.turn, &created, err));
    kb_status status = kb_machine_copy(engine->machine, &spec, &id, err);
    if (status) {
        engine->jobs.count--;
        return status;
    }
    *handle = created;
    return KB_OK;
}

void kb_engine_copy_done(void *self, const kb_copy *copy) {
    kb_engine *engine = self;
    kb_engine_finish_job(engine, copy->turn.job, copy->done_fs);
}

/* --- marks -------------------------------------------------------------------------------------- */

kb_status kb_engine_mark(kb_engine *engine, const kb_mark_order *order, uint32_t *handle,
                         kb_error *err) {
    kb_mark_spec spec = {
        .sip = (uint32_t)order->sip, .stream = (uint32_t)order->stream, .at_fs = order->submit_fs};
    uint32_t created;
    kb_stream_order place = {order->sip, order->stream, order->submit_fs, order->after,
                             order->n_after};
    KB_TRY(add_stream_job(engine, &place, &spec.turn, &created, err));
    kb_status status = kb_machine_mark(engine->machine, &spec, err);
    if (status) {
        engine->jobs.count--;
        return status;
    }
    *handle = created;
    return KB_OK;
}

void kb_engine_mark_done(void *self, const kb_mark *mark) {
    kb_engine *engine = self;
    engine->jobs.items[mark->turn.job].target_fs = mark->stamped_fs;
    kb_engine_finish_job(engine, mark->turn.job, mark->done_fs);
}
