/* kb.h: the public C API of the engine.  py/ and the benchmarks use this header and nothing below it.
 *
 *     kb_topology_parse ─> kb_engine_create ─> kb_engine_map, kb_engine_launch ... ─> kb_engine_run
 *                                                            ─> kb_engine_replay ─> kb_engine_view
 *
 * An engine is one simulated machine with its clock, op log and memory store.  It has no global state:
 * any number of engines run in parallel, each used by one thread at a time.
 *
 * Work is *submitted* at a time not before the engine's now (the caller's host clock, ADR-0049) and named
 * by a handle, counted from 0.  Nothing happens until kb_engine_run.
 *
 * After a failure inside the machine (out of bounds, no TCM, overflow ...) the engine is *failed*: each
 * later call that would go on returns KB_FAILED with the first message; reading what is there works.
 */
#ifndef KB_ENGINE_KB_H
#define KB_ENGINE_KB_H

#include <stdbool.h>
#include <stdint.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/pages.h"
#include "hw/dram/dram_statistics.h"
#include "kernel/kir.h"
#include "log/oplog.h"
#include "mem/dtype.h"
#include "spec/topology.h"

#define KB_VERSION "0.1.0"

typedef struct kb_engine kb_engine;

/* What an access outside its tensor, or an unmasked read of memory never written, does. */
typedef enum kb_check { KB_CHECK_ERROR, KB_CHECK_REPAIR, KB_CHECK_IGNORE } kb_check;

typedef struct kb_engine_options {
    bool data; /* false: timing alone; tensors have no bytes */
    kb_oplog_mode oplog;
    kb_check uninit; /* ERROR; REPAIR reads NaN (integers 0); IGNORE reads zeros, counted */
    kb_check oob;    /* ERROR; REPAIR reads `other`, or 0, and drops writes, counted */
    int64_t instruction_budget; /* KIR instructions per program before a DeadlockError; 0: none */
    int32_t replay_threads;     /* >= 1 */
    const char *
        isa; /* which instruction set computes values; NULL: the best there is; borrowed by create */
    /* Asked every few milliseconds while a kernel waits for a value; true fails the engine with
     * KB_INTERRUPTED.  NULL: nobody ever interrupts. */
    bool (*is_interrupted)(void *interrupter);
    void *interrupter;
} kb_engine_options;

kb_engine_options kb_engine_default_options(void);

/* `alloc` and `topology` are borrowed and must outlive the engine. */
kb_status kb_engine_create(kb_alloc *alloc, kb_topology *topology, const kb_engine_options *options,
                           kb_engine **engine, kb_error *err) KB_MUST_CHECK;
void kb_engine_destroy(kb_engine *engine); /* accepts NULL */

int64_t kb_engine_now(const kb_engine *engine);
bool kb_engine_has_failed(const kb_engine *engine);

/* --- memory ---------------------------------------------------------------------------------- */

typedef enum kb_placement_name {
    KB_PLACE_BLOCKED,
    KB_PLACE_INTERLEAVED, /* chunk_nbytes */
    KB_PLACE_REPLICATED,
    KB_PLACE_SHARDED, /* dim_count things of inner_nbytes each, per row, over the slices */
    KB_PLACE_LOCAL,   /* slice */
} kb_placement_name;

typedef struct kb_map_spec {
    int32_t sip;
    int64_t nbytes; /* 0 is allowed: an address, and no bytes */
    kb_placement_name placement;
    int64_t chunk_nbytes;
    int64_t dim_count, inner_nbytes;
    int32_t slice; /* of HBM, counted through the cubes of the SIP */
    const char *
        node; /* LOCAL: instead of a slice, an SRAM or TCM by name: [sipN.]cubeN.sram, ...peN.tcm */
    bool zeroed; /* zeros are written, in no simulated time; else unwritten */
    bool keep;   /* keep the bytes even without data (kernels that decide by them) */
} kb_map_spec;

/* Reserves one contiguous virtual range and the physical bytes behind it.  KB_DEVICE_MEMORY when the
 * memory has no room; KB_TOPOLOGY, with the nearest name, when there is no such node. */
kb_status kb_engine_map(kb_engine *engine, const kb_map_spec *spec, uint64_t *va,
                        kb_error *err) KB_MUST_CHECK;

/* Gives a range back.  Bytes that are pinned stay until the last unpin. */
kb_status kb_engine_unmap(kb_engine *engine, uint64_t va, kb_error *err) KB_MUST_CHECK;

/* Bytes of a SIP's HBM that neither tensors nor rings of messages hold. */
kb_status kb_engine_free_nbytes(const kb_engine *engine, int32_t sip, uint64_t *nbytes,
                                kb_error *err) KB_MUST_CHECK;

/* Writes bytes at once, in no simulated time; the caller submits the copy that accounts for it.  Not
 * while work that uses the range is under way. */
kb_status kb_engine_write(kb_engine *engine, uint64_t va, const void *bytes, int64_t nbytes,
                          kb_error *err) KB_MUST_CHECK;

/* The bytes of [va, va + nbytes) within one range, as of the records replayed so far, pinned: they stay
 * and never move until kb_engine_unpin(pin).  KB_NO_DATA without data; KB_UNINIT when a byte was never
 * written and options.uninit is ERROR. */
kb_status kb_engine_view(kb_engine *engine, uint64_t va, int64_t nbytes, const void **bytes,
                         void **pin, kb_error *err) KB_MUST_CHECK;
void kb_engine_unpin(kb_engine *engine, void *pin);

/* --- work ------------------------------------------------------------------------------------- */

/* How programs are dealt out to PEs: program i of n on PE floor(i * P / n); on PE i mod P; one on every
 * PE, whatever the grid. */
typedef enum kb_deal { KB_DEAL_BLOCKED, KB_DEAL_ROUND_ROBIN, KB_DEAL_EACH_PE } kb_deal;

typedef struct kb_launch_order {
    const kb_kernel *kernel; /* borrowed until the engine is destroyed */
    int32_t sip;
    uint32_t grid[3];     /* >= 1 each */
    const uint64_t *args; /* raw bits, kernel->n_params of them, copied */
    int32_t stream;       /* launches, copies and marks of one (SIP, stream) run in order */
    const uint32_t
        *after;       /* n_after handles of other streams of the SIP, which come first: at most */
    uint32_t n_after; /* 8 that are not done, none submitted later */
    kb_deal deal;
    bool comm;         /* in the communication contexts of its PEs, beside the kernels of users */
    int64_t submit_fs; /* the host's clock, >= now */
} kb_launch_order;

kb_status kb_engine_launch(kb_engine *engine, const kb_launch_order *order, uint32_t *handle,
                           kb_error *err) KB_MUST_CHECK;

typedef struct kb_copy_order {
    bool
        install; /* not the bytes, but the entries of their pages, in every page table (ADR-0035 D6) */
    uint64_t va;
    int64_t nbytes;
    bool to_device;
    int32_t stream;
    const uint32_t *after; /* as of a launch */
    uint32_t n_after;
    int64_t submit_fs;
} kb_copy_order;

/* A timed copy over the host link and M_CPU.DMA, in order with its stream; moves no bytes of its own
 * (see kb_engine_write). */
kb_status kb_engine_copy(kb_engine *engine, const kb_copy_order *order, uint32_t *handle,
                         kb_error *err) KB_MUST_CHECK;

typedef struct kb_mark_order {
    int32_t sip, stream;
    const uint32_t *after; /* as of a launch */
    uint32_t n_after;
    int64_t submit_fs;
} kb_mark_order;

/* A mark in a stream: IO_CPU stamps it (kb_handle_info.target_fs) when all before it has responded. */
kb_status kb_engine_mark(kb_engine *engine, const kb_mark_order *order, uint32_t *handle,
                         kb_error *err) KB_MUST_CHECK;

typedef enum kb_traffic_op { KB_TRAFFIC_MESSAGE, KB_TRAFFIC_READ, KB_TRAFFIC_WRITE } kb_traffic_op;

/* One raw transfer (ctx.transfer): src, dst are node ids; at_fs >= now; address: offset in the memory. */
kb_status kb_engine_transfer(kb_engine *engine, uint32_t src, uint32_t dst, int64_t nbytes,
                             int64_t at_fs, kb_traffic_op op, int64_t address, uint32_t *handle,
                             kb_error *err) KB_MUST_CHECK;

/* A batch of `count` raw transfers (ctx.transfers); arrays are borrowed until `handle` is done. `start_fs`
 * and `end_fs` are filled in. */
typedef struct kb_traffic_order {
    int64_t count;
    const uint32_t *src, *dst;
    const int64_t *nbytes, *at_fs;
    const uint8_t *op;      /* kb_traffic_op; NULL: all messages */
    const int64_t *address; /* NULL: all 0 */
    int64_t *start_fs, *end_fs;
} kb_traffic_order;

kb_status kb_engine_traffic(kb_engine *engine, const kb_traffic_order *order, uint32_t *handle,
                            kb_error *err) KB_MUST_CHECK;

/* --- running ---------------------------------------------------------------------------------- */

enum { KB_NO_HANDLE = UINT32_MAX };

typedef enum kb_engine_end {
    KB_ENGINE_DONE,   /* `handle` is done (or, for KB_NO_HANDLE, nothing is left to happen) */
    KB_ENGINE_UNTIL,  /* until_fs is reached */
    KB_ENGINE_BUDGET, /* max_events are handled: check for signals and call again */
    KB_ENGINE_IDLE,   /* kb_engine_run_awaited: nothing is left to happen */
} kb_engine_end;

/* Runs until `handle` is done, finishing the instant; at most max_events events.  KB_DEADLOCK, with who
 * waits for what, when nothing is left to happen and the handle is not done. */
kb_status kb_engine_run(kb_engine *engine, uint32_t handle, int64_t until_fs, uint64_t max_events,
                        kb_engine_end *end, kb_error *err) KB_MUST_CHECK;

/* Says whether the handle is awaited: the completion of any that is ends kb_engine_run_awaited.  A handle
 * that is done arrives at once. */
kb_status kb_engine_await(kb_engine *engine, uint32_t handle, bool awaited,
                          kb_error *err) KB_MUST_CHECK;

/* Runs until the first awaited handle is done, finishing the instant; or as kb_engine_run.  That nothing
 * is left to happen is no error here: whoever waits may have more to submit. */
kb_status kb_engine_run_awaited(kb_engine *engine, int64_t until_fs, uint64_t max_events,
                                kb_engine_end *end, kb_error *err) KB_MUST_CHECK;

/* One of the handles that were awaited and are done, each once, in no order; false: none is left. */
bool kb_engine_next_arrived(kb_engine *engine, uint32_t *handle);

typedef struct kb_handle_info {
    bool done;
    int64_t start_fs, end_fs; /* end is -1 until done */
    int32_t launch;           /* the op log's number; -1 for others */
    int64_t target_fs;        /* launches: the common start; marks: the stamp */
    uint32_t late_pes, busy_pes;
} kb_handle_info;

kb_status kb_engine_handle(const kb_engine *engine, uint32_t handle, kb_handle_info *info,
                           kb_error *err) KB_MUST_CHECK;

/* --- values ----------------------------------------------------------------------------------- */

/* Phase 2: executes records that were logged and not yet executed, until none is left or about
 * `max_work` element operations are done; `more` says which.  Errors carry the kernel's line and fail the
 * engine.  Nothing to do without data. */
kb_status kb_engine_replay(kb_engine *engine, int64_t max_work, bool *more,
                           kb_error *err) KB_MUST_CHECK;

/* The name of the instruction set that computes values. */
const char *kb_engine_isa(const kb_engine *engine);

const kb_oplog *kb_engine_log(const kb_engine *engine);

/* --- prints of kernels (ADR-0074) ------------------------------------------------------------- */

typedef enum kb_print_form { KB_PRINT_PLAIN, KB_PRINT_HEX, KB_PRINT_ADDRESS } kb_print_form;

typedef struct kb_print {
    int32_t launch, program, sequence; /* they are to be shown in order of these */
    uint32_t place[3];                 /* of the program in the grid */
    const char *text;
    kb_print_form form;
    kb_dtype dtype;
    uint8_t rank;
    uint32_t dims[KB_MAX_RANK];
    size_t n_values;    /* row-major, as many as were kept; 0: it has none */
    const void *values; /* until kb_engine_clear_prints */
} kb_print;

/* How many prints wait for the host: those of records that are replayed and, in an engine that has failed, of
 * all before the failure.  At most 262,144 values wait; *n_lost more are gone. */
size_t kb_engine_n_prints(kb_engine *engine, uint64_t *n_lost);
kb_print kb_engine_print(const kb_engine *engine, size_t index);

/* The host has shown them. */
void kb_engine_clear_prints(kb_engine *engine);

/* --- looking ---------------------------------------------------------------------------------- */

/* Sends `count` messages of nbytes bytes each now, one behind the other, and follows the last one's last
 * flit: the hops' shares and the latency, to which they add up with the hop-less rest 0.  `hops` is the
 * caller's, room for `capacity`.  Asks is_interrupted while it runs. */
typedef struct kb_probe_hop {
    uint32_t link;
    int64_t waiting_fs, own_fs, overhead_fs, service_fs, latency_fs;
} kb_probe_hop;

kb_status kb_engine_probe(kb_engine *engine, uint32_t src, uint32_t dst, int64_t nbytes,
                          int64_t count, kb_probe_hop *hops, uint32_t capacity, uint32_t *n_hops,
                          int64_t *latency_fs, kb_error *err) KB_MUST_CHECK;

/* X(counter, "meaning") */
#define KB_COUNTERS(X)                                                       \
    X(events, "events that the simulator handled")                           \
    X(messages, "messages sent over the fabric")                             \
    X(messages_delivered, "messages whose tail arrived")                     \
    X(flits, "flits sent")                                                   \
    X(flit_hops, "flits served by ports")                                    \
    X(flit_ports, "ports that serve flit by flit: all, or those of servers") \
    X(train_pieces, "pieces of trains handed from port to port")             \
    X(messages_by_flit, "messages sent while trains gave way to flits")      \
    X(bytes_sent, "payload bytes sent")                                      \
    X(bytes_delivered, "payload bytes delivered")                            \
    X(requests, "memory requests")                                           \
    X(records, "records of the op log")                                      \
    X(uninit_reads, "elements read that were never written")                 \
    X(oob_elements, "elements outside their tensor that were dropped")       \
    X(log_nbytes, "bytes that the op log holds")                             \
    X(store_nbytes, "bytes that tensors reserve in the store")               \
    X(ring_nbytes, "bytes of SRAM and HBM that rings of messages hold")      \
    X(allocations, "calls of the allocator")                                 \
    X(peak_nbytes, "the most bytes that were ever allocated")

typedef struct kb_counters {
#define X(counter, meaning) uint64_t counter;
    KB_COUNTERS(X)
#undef X
} kb_counters;

kb_counters kb_engine_count(const kb_engine *engine);

/* Messages between PEs that lie in their rings and were never received, as text; "" when there are none, or when
 * work is under way or has failed, which may yet have received them. */
void kb_engine_describe_left(const kb_engine *engine, char *text, size_t capacity);

/* What each of the n_pcs pseudo-channels of a memory with a standard has counted; *statistics is the caller's,
 * room for `capacity`.  KB_INVALID when the node is no such memory. */
kb_status kb_engine_memory_counts(const kb_engine *engine, uint32_t node,
                                  kb_dram_statistics *statistics, uint32_t capacity,
                                  uint32_t *n_pcs, kb_error *err) KB_MUST_CHECK;

#endif
