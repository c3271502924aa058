#include "engine/engine.h"

#include <string.h>

#include "hw/component/request.h"
#include "hw/fabric/audit.h"
#include "hw/memory/hbm.h"
#include "hw/pe/ipcq.h"

/* Element operations that MATERIALISE computes before it looks whether it is interrupted. */
enum { REPLAY_SLICE = 1 << 22 };

/* --- life ------------------------------------------------------------------------------------ */

kb_engine_options kb_engine_default_options(void) {
    kb_engine_options options = {.data = true,
                                 .oplog = KB_OPLOG_FULL,
                                 .uninit = KB_CHECK_ERROR,
                                 .oob = KB_CHECK_ERROR,
                                 .replay_threads = 1};
    return options;
}

/* MATERIALISE: replays what has completed by now, then reads the tile (ADR-0040). */
static kb_status tile_bytes(void *self, uint64_t version, void *bytes, size_t nbytes,
                            kb_error *err) {
    kb_engine *engine = self;
    const kb_engine_options *options = &engine->options;
    int64_t upto = kb_oplog_count(engine->log);
    while (kb_replay_cursor(engine->replay) < upto) {
        KB_TRY(kb_replay_run(engine->replay, upto, REPLAY_SLICE, err));
        if (options->is_interrupted && options->is_interrupted(options->interrupter))
            return kb_error_set(err, KB_INTERRUPTED,
                                "interrupted while a value was computed that the kernel waits for");
    }
    int64_t there = 0;
    const void *tile = kb_replay_tile(engine->replay, version, &there);
    if (!tile && !options->data)
        return kb_error_set(err, KB_NO_DATA,
                            "a value from memory decides what the kernel does: expected one that "
                            "comes from host values of integers alone, or of tensors with "
                            "keep=True, got one without data (data=False); make the Context with "
                            "data=True");
    if (!tile || there != (int64_t)nbytes)
        return kb_error_set(err, KB_INTERNAL,
                            "tile %llu: expected %zu bytes after replay, got %lld",
                            (unsigned long long)version, nbytes, (long long)(tile ? there : -1));
    memcpy(bytes, tile, nbytes);
    return KB_OK;
}

static void note_dropped(void *self, uint64_t n_elements) {
    ((kb_engine *)self)->n_dropped += n_elements;
}

/* All regions are done with all before now. */
static void settle(void *self, kb_event failed_at) {
    kb_engine *engine = self;
    kb_error err;
    kb_error_clear(&err);
    kb_status status = kb_oplog_let_go(engine->log, failed_at, engine->log_is_read, &err);
    kb_error *noted = status ? kb_sim_fail(engine->sim, status) : NULL;
    if (noted) *noted = err;
}

/* Timing alone may go through the machine SIP by SIP (hw/fabric/regions.h).  Not where servers hand on credits at
 * once, nor where the memory of a ring depends on which was made first. */
static void run_by_region(kb_engine *engine) {
    const kb_parts *parts = kb_machine_parts(engine->machine);
    if (engine->options.data || !kb_fabric_is_divided(parts->fabric) ||
        kb_parts_params(parts)->pe_ipcq.memory != KB_IPCQ_TCM)
        return;
    kb_oplog_hold(engine->log, kb_sim_event(engine->sim));
    kb_sim_run_by_region(engine->sim, settle, engine);
}

kb_status kb_engine_run_in_order(kb_engine *engine, kb_error *err) {
    kb_oplog_hold(engine->log, NULL);
    return kb_sim_run_in_order(engine->sim, err);
}

static kb_status create_parts(kb_engine *engine, kb_error *err) {
    const kb_engine_options *options = &engine->options;
    kb_hooks hooks = {.self = engine,
                      .tile_bytes = tile_bytes,
                      .dropped = options->oob == KB_CHECK_REPAIR ? note_dropped : NULL,
                      .take_room = kb_engine_take_room,
                      .launch_done = kb_engine_launch_done,
                      .copy_done = kb_engine_copy_done,
                      .mark_done = kb_engine_mark_done};
    kb_replay_options replay = {.threads = options->replay_threads,
                                .uninit_error = options->uninit == KB_CHECK_ERROR,
                                .uninit_nan = options->uninit == KB_CHECK_REPAIR,
                                .partial = !options->data,
                                .isa = options->isa};
    KB_TRY(kb_oplog_create(engine->alloc, options->oplog, &engine->log, err));
    KB_TRY(kb_sim_create(engine->alloc, &engine->sim, err));
    KB_TRY(kb_store_create(engine->alloc, options->data, &engine->store, err));
    KB_TRY(
        kb_replay_create(engine->alloc, engine->log, engine->store, &replay, &engine->replay, err));
    KB_TRY(kb_machine_create(engine->alloc, engine->sim, engine->topology, engine->log, &hooks,
                             &engine->machine, err));
    KB_TRY(kb_traffic_create(kb_machine_parts(engine->machine), &engine->traffic, err));
    run_by_region(engine);
    return kb_engine_memory_create(engine, err);
}

kb_status kb_engine_create(kb_alloc *alloc, kb_topology *topology, const kb_engine_options *options,
                           kb_engine **engine, kb_error *err) {
    if (options->replay_threads < 1)
        return kb_error_set(err, KB_INVALID, "replay_threads: expected at least 1, got %d",
                            options->replay_threads);
    if (options->instruction_budget < 0)
        return kb_error_set(err, KB_INVALID,
                            "instruction_budget: expected at least 0 (0: none), got %lld",
                            (long long)options->instruction_budget);
    kb_engine *created = kb_alloc_zeroed(alloc, 1, sizeof *created);
    if (!created) return kb_error_nomem(err, "engine");
    created->alloc = alloc;
    created->topology = topology;
    created->options = *options;
    created->run_for = KB_NO_HANDLE;
    kb_status status = create_parts(created, err);
    if (status) {
        kb_engine_destroy(created);
        return status;
    }
    *engine = created;
    return KB_OK;
}

void kb_engine_destroy(kb_engine *engine) {
    if (!engine) return;
    kb_engine_traffic_destroy(engine);
    kb_machine_destroy(engine->machine);
    kb_engine_memory_destroy(engine);
    kb_replay_destroy(engine->replay);
    kb_store_destroy(engine->store);
    kb_sim_destroy(engine->sim);
    kb_oplog_destroy(engine->log);
    KB_VEC_FREE(&engine->jobs, engine->alloc);
    KB_VEC_FREE(&engine->arrived, engine->alloc);
    KB_VEC_FREE(&engine->kernels, engine->alloc);
    kb_alloc_free(engine->alloc, engine, 1, sizeof *engine);
}

/* --- failure ----------------------------------------------------------------------------------- */

bool kb_engine_has_failed(const kb_engine *engine) {
    return engine->failure.status != KB_OK;
}

kb_status kb_engine_usable(const kb_engine *engine, kb_error *err) {
    if (engine->failure.status == KB_OK) return KB_OK;
    return kb_error_set(
        err, KB_FAILED,
        "the Context has failed: its op log can be read, and ctx.reset() revives it; "
        "the failure was: %s",
        engine->failure.message);
}

kb_status kb_engine_fail(kb_engine *engine, kb_status status, const kb_error *err) {
    if (engine->failure.status == KB_OK) {
        if (err) engine->failure = *err;
        engine->failure.status = status;
    }
    return status;
}

/* --- running ----------------------------------------------------------------------------------- */

int64_t kb_engine_now(const kb_engine *engine) {
    return kb_sim_now(engine->sim);
}

static bool is_done(const kb_engine *engine, uint32_t handle) {
    if (handle == KB_NO_HANDLE) return false;
    return engine->jobs.items[handle].done;
}

/* Nothing is left to happen, and what was waited for has not come. */
static kb_status deadlock(kb_engine *engine, kb_error *err) {
    char why[KB_ERROR_CAPACITY - 256];
    kb_machine_why_stuck(engine->machine, why, sizeof why);
    return kb_error_set(err, KB_DEADLOCK, "deadlock at %lld fs: nothing can move any more; %s",
                        (long long)kb_engine_now(engine), why);
}

/* Runs the simulator, and what follows from it. */
static kb_status run_sim(kb_engine *engine, int64_t until_fs, uint64_t max_events, kb_run_end *end,
                         kb_error *err) {
    engine->log_is_read = kb_replay_reads(engine->replay);
    KB_TRY(kb_sim_run(engine->sim, until_fs, max_events, end, err));
    if (engine->options.data) return KB_OK;
    return kb_replay_run(engine->replay, kb_oplog_count(engine->log), INT64_MAX, err);
}

kb_status kb_engine_run(kb_engine *engine, uint32_t handle, int64_t until_fs, uint64_t max_events,
                        kb_engine_end *end, kb_error *err) {
    if (handle != KB_NO_HANDLE && handle >= engine->jobs.count)
        return kb_error_set(err, KB_INVALID, "handle: expected one of the %zu submitted, got %u",
                            engine->jobs.count, handle);
    *end = KB_ENGINE_DONE;
    if (is_done(engine, handle)) return KB_OK;
    KB_TRY(kb_engine_usable(engine, err));
    kb_error inner = KB_ERROR_INIT;
    kb_run_end run_end = KB_RUN_IDLE;
    engine->run_for = handle;
    kb_status status = run_sim(engine, until_fs, max_events, &run_end, &inner);
    engine->run_for = KB_NO_HANDLE;
    if (status == KB_OK && run_end == KB_RUN_IDLE && !is_done(engine, handle) &&
        (handle != KB_NO_HANDLE || kb_machine_n_pending(engine->machine) > 0))
        status = deadlock(engine, &inner);
    else if (status == KB_OK && run_end == KB_RUN_IDLE)
        status = kb_fabric_audit(kb_machine_parts(engine->machine)->fabric, &inner);
    if (status) {
        if (err) *err = inner;
        return kb_engine_fail(engine, status, &inner);
    }
    if (run_end == KB_RUN_BUDGET) *end = KB_ENGINE_BUDGET;
    if (run_end == KB_RUN_UNTIL) *end = KB_ENGINE_UNTIL;
    return KB_OK;
}

/* --- waiting for many --------------------------------------------------------------------------- */

kb_status kb_engine_await(kb_engine *engine, uint32_t handle, bool awaited, kb_error *err) {
    if (handle >= engine->jobs.count)
        return kb_error_set(err, KB_INVALID, "handle: expected one of the %zu submitted, got %u",
                            engine->jobs.count, handle);
    kb_job *job = &engine->jobs.items[handle];
    if (job->awaited == awaited) return KB_OK;
    if (!awaited) {
        job->awaited = false;
        engine->n_awaited--;
        return KB_OK;
    }
    if (!KB_VEC_RESERVE(&engine->arrived, engine->alloc, engine->n_awaited + 1))
        return kb_error_nomem(err, "the table of awaited handles");
    job->awaited = true;
    engine->n_awaited++;
    if (job->done) kb_engine_arrive(engine, handle);
    return KB_OK;
}

void kb_engine_arrive(kb_engine *engine, uint32_t handle) {
    engine->jobs.items[handle].awaited = false;
    engine->n_awaited--;
    engine->arrived.items[engine->arrived.count++] = handle;
}

bool kb_engine_next_arrived(kb_engine *engine, uint32_t *handle) {
    if (engine->arrived.count == 0) return false;
    *handle = engine->arrived.items[--engine->arrived.count];
    return true;
}

kb_status kb_engine_run_awaited(kb_engine *engine, int64_t until_fs, uint64_t max_events,
                                kb_engine_end *end, kb_error *err) {
    *end = KB_ENGINE_DONE;
    if (engine->arrived.count > 0) return KB_OK;
    KB_TRY(kb_engine_usable(engine, err));
    kb_error inner = KB_ERROR_INIT;
    kb_run_end run_end = KB_RUN_IDLE;
    engine->run_for_awaited = true;
    kb_status status = run_sim(engine, until_fs, max_events, &run_end, &inner);
    engine->run_for_awaited = false;
    if (status) {
        if (err) *err = inner;
        return kb_engine_fail(engine, status, &inner);
    }
    if (run_end == KB_RUN_IDLE) *end = KB_ENGINE_IDLE;
    if (run_end == KB_RUN_BUDGET) *end = KB_ENGINE_BUDGET;
    if (run_end == KB_RUN_UNTIL) *end = KB_ENGINE_UNTIL;
    return KB_OK;
}

/* --- values ------------------------------------------------------------------------------------ */

kb_status kb_engine_replay(kb_engine *engine, int64_t max_work, bool *more, kb_error *err) {
    *more = false;
    if (!engine->options.data) return KB_OK;
    KB_TRY(kb_engine_usable(engine, err));
    int64_t upto = kb_oplog_count(engine->log);
    kb_error inner = KB_ERROR_INIT;
    kb_status status = kb_replay_run(engine->replay, upto, max_work, &inner);
    if (status) {
        if (err) *err = inner;
        return kb_engine_fail(engine, status, &inner);
    }
    *more = kb_replay_cursor(engine->replay) < upto;
    return KB_OK;
}

const char *kb_engine_isa(const kb_engine *engine) {
    return kb_replay_isa(engine->replay);
}

const kb_oplog *kb_engine_log(const kb_engine *engine) {
    return engine->log;
}

/* --- counters ---------------------------------------------------------------------------------- */

kb_counters kb_engine_count(const kb_engine *engine) {
    const kb_parts *parts = kb_machine_parts(engine->machine);
    kb_fabric_counters fabric = kb_fabric_count(parts->fabric);
    kb_counters counters;
    memset(&counters, 0, sizeof counters);
    counters.events = kb_sim_n_events(engine->sim);
    counters.messages = fabric.messages_sent;
    counters.messages_delivered = fabric.messages_delivered;
    counters.flits = fabric.flits_sent;
    counters.flit_hops = fabric.flit_hops;
    counters.flit_ports = fabric.flit_ports;
    counters.train_pieces = fabric.train_pieces;
    counters.messages_by_flit = fabric.messages_by_flit;
    counters.bytes_sent = fabric.bytes_sent;
    counters.bytes_delivered = fabric.bytes_delivered;
    counters.requests = kb_requests_count(parts->requests);
    counters.records = (uint64_t)kb_oplog_count(engine->log);
    counters.uninit_reads = kb_replay_uninit_reads(engine->replay);
    counters.oob_elements = engine->n_dropped;
    counters.store_nbytes = kb_store_nbytes(engine->store);
    counters.ring_nbytes = engine->memory.ring_nbytes;
    counters.log_nbytes = (uint64_t)kb_oplog_nbytes(engine->log);
    counters.allocations = engine->alloc->n_calls;
    counters.peak_nbytes = (uint64_t)engine->alloc->peak_nbytes;
    return counters;
}

void kb_engine_describe_left(const kb_engine *engine, char *text, size_t capacity) {
    if (capacity > 0) text[0] = '\0';
    if (engine->failure.status || kb_machine_n_pending(engine->machine) > 0) return;
    (void)kb_ipcq_describe_left(kb_machine_parts(engine->machine), text, capacity);
}

kb_status kb_engine_memory_counts(const kb_engine *engine, uint32_t node,
                                  kb_dram_statistics *statistics, uint32_t capacity,
                                  uint32_t *n_pcs, kb_error *err) {
    if (!kb_topology_dram(engine->topology, node))
        return kb_error_set(err, KB_INVALID,
                            "memory: expected an hbm with a standard, got %s, which has no banks",
                            node < kb_topology_n_nodes(engine->topology)
                                ? kb_topology_nodes(engine->topology)[node].name
                                : "no node");
    const kb_dram_stack *stack = kb_hbm_stack(kb_machine_parts(engine->machine)->components[node]);
    *n_pcs = stack->n_pcs;
    for (uint32_t i = 0; i < stack->n_pcs && i < capacity; i++)
        statistics[i] = stack->pcs[i]->statistics;
    return KB_OK;
}
