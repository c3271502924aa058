/* The inside of an engine: the one place that wires the layers together.
 *
 *     engine ── machine (hw: phase 1) ──appends──> op log ──read by──> replay (phase 2) ── store
 *            └─ memory: per SIP a virtual range and the free ranges of its HBM slices
 *            └─ jobs: what was submitted, by handle
 */
#ifndef KB_ENGINE_ENGINE_H
#define KB_ENGINE_ENGINE_H

#include "base/vec.h"
#include "engine/kb.h"
#include "hw/machine.h"
#include "hw/traffic.h"
#include "mem/placement.h"
#include "mem/range.h"
#include "mem/store.h"
#include "replay/replay.h"

/* One mapped range: a tensor's virtual bytes and where they lie. */
typedef struct kb_tensor_range {
    kb_va va;
    uint64_t nbytes;
    kb_placement placement;
} kb_tensor_range;

typedef struct kb_sip_memory {
    kb_range virtual_range;
    kb_range *spaces[KB_SPACE_COUNT]; /* free offsets, cube by cube: of each HBM slice, SRAM, TCM */
} kb_sip_memory;

typedef struct kb_engine_memory {
    kb_alloc *alloc;
    uint32_t n_sips, n_cubes;          /* cubes of a SIP */
    uint32_t per_cube[KB_SPACE_COUNT]; /* slices, 1, PEs */
    kb_sip_memory *sips;
    KB_VEC(kb_tensor_range *) tensors; /* sorted by va */
    uint64_t ring_nbytes;              /* of rings in SRAM and HBM */
} kb_engine_memory;

/* What was submitted under a handle. */
typedef struct kb_job {
    bool done, awaited;
    int32_t sip;    /* whose streams it is in; -1: none */
    int32_t launch; /* -1: not one */
    int64_t start_fs, end_fs, target_fs;
    uint32_t late_pes, busy_pes;
} kb_job;

typedef struct kb_engine_batch kb_engine_batch;

struct kb_engine {
    kb_alloc *alloc;
    kb_topology *topology;
    kb_engine_options options;
    kb_oplog *log;
    kb_sim *sim;
    kb_store *store;
    kb_replay *replay;
    kb_machine *machine;
    kb_traffic *traffic;
    kb_engine_batch *batches; /* raw transfers under way, a list */
    kb_engine_memory memory;
    KB_VEC(kb_job) jobs;               /* by handle */
    KB_VEC(const kb_kernel *) kernels; /* by number in the log */
    uint64_t n_dropped;                /* elements outside of their tensor */
    uint32_t run_for;                  /* whose completion stops the run; KB_NO_HANDLE */
    KB_VEC(uint32_t) arrived;          /* awaited handles that are done; room for all awaited */
    size_t n_awaited;
    bool run_for_awaited; /* the first of those stops the run */
    bool log_is_read;     /* replay needs the records of this run */
    bool prints;          /* a kernel does that was launched */
    kb_error failure;     /* KB_OK until the engine has failed */
};

/* memory.c */
kb_status kb_engine_memory_create(kb_engine *engine, kb_error *err) KB_MUST_CHECK;
void kb_engine_memory_destroy(kb_engine *engine);

/* For a ring of messages, and for good: at the end of the memory, away from tensors, which lie where they
 * would without it.  KB_DEVICE_MEMORY when tensors and rings leave no room. */
kb_status kb_engine_take_room(void *engine, uint32_t memory, int32_t slice, uint64_t nbytes,
                              uint64_t *offset, kb_error *err) KB_MUST_CHECK;

/* traffic.c */
void kb_engine_traffic_destroy(kb_engine *engine);

/* work.c: what the machine tells of launches, copies and marks */
void kb_engine_launch_done(void *engine, const kb_launch *launch);
void kb_engine_copy_done(void *engine, const kb_copy *copy);
void kb_engine_mark_done(void *engine, const kb_mark *mark);

/* A new job, not done; its handle.  KB_FAILED with the first message once the engine has failed. */
kb_status kb_engine_add_job(kb_engine *engine, int64_t submit_fs, uint32_t *handle,
                            kb_error *err) KB_MUST_CHECK;

/* An awaited handle is done: moves it to `arrived`. */
void kb_engine_arrive(kb_engine *engine, uint32_t handle);

/* The job is done: stops the run that waits for it. */
void kb_engine_finish_job(kb_engine *engine, uint32_t handle, int64_t end_fs);

/* What is submitted asks in which order things happen on all SIPs: from now on they do so in that order. */
kb_status kb_engine_run_in_order(kb_engine *engine, kb_error *err) KB_MUST_CHECK;

/* KB_FAILED with the first message once the engine has failed. */
kb_status kb_engine_usable(const kb_engine *engine, kb_error *err) KB_MUST_CHECK;

/* Notes the failure (the first one stays) and returns it. */
kb_status kb_engine_fail(kb_engine *engine, kb_status status, const kb_error *err);

#endif
