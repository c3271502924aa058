/* A launch: one kernel over one grid on one SIP, and how far it has got.
 *
 *   submitted ─> decoded ─> fanned out (stamped with target_start) ─> responses in ─> done
 *   host          IO_CPU     IO_CPU ─> M_CPU ─> PE_CPU                PE ─> M_CPU ─> IO_CPU ─> host
 *
 * Messages of a launch (KB_MSG_LAUNCH down, KB_MSG_LAUNCH_DONE up) are one flit; their tag is the
 * launch's slot.  A launch goes to all PEs of its SIP; one without a program answers at once.
 *
 * PE_CPU's side: it takes KB_MSG_LAUNCH at its node, is ready wake_ns after the arrival, starts at
 * max(target_start_fs, ready), counts itself in late_pes when ready is the later one, in busy_pes
 * when no context is free at that instant, and sends KB_MSG_LAUNCH_DONE with the same tag to the
 * M_CPU of its cube when its last program has ended.
 */
#ifndef KB_HW_COMPONENT_LAUNCH_H
#define KB_HW_COMPONENT_LAUNCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/alloc.h"
#include "base/error.h"
#include "hw/component/turn.h"
#include "kernel/kir.h"

/* Programs to PEs.  BLOCKED: program i of n on PE floor(i * P / n).  ROUND_ROBIN: on PE i mod P.
 * EACH_PE: one program on every PE; the grid is (P, 1, 1). */
typedef enum kb_launch_map { KB_MAP_BLOCKED, KB_MAP_ROUND_ROBIN, KB_MAP_EACH_PE } kb_launch_map;

typedef enum kb_launch_state {
    KB_LAUNCH_SUBMITTED,
    KB_LAUNCH_FANNED_OUT,
    KB_LAUNCH_RESPONDED, /* the last M_CPU's response is at IO_CPU */
    KB_LAUNCH_DONE
} kb_launch_state;

/* What a launch is made from; kernel is borrowed until it is done, args are copied. */
typedef struct kb_launch_spec {
    const kb_kernel *kernel;
    int32_t kernel_number; /* kb_oplog_add_kernel */
    const uint64_t *args;  /* kernel->n_params raw values: integers and pointers as int64, floats as
                              double */
    int64_t grid[3];       /* each >= 1; ignored for EACH_PE */
    kb_launch_map map;
    uint32_t sip;
    bool comm;       /* in the communication contexts of its PEs (ADR-0023) */
    uint32_t stream; /* launches of one (SIP, stream) run one after another */
    kb_turn turn;
    int64_t at_fs;            /* when the host submits it, >= now */
    int64_t max_instructions; /* that one program may execute; 0: no limit */
} kb_launch_spec;

typedef struct kb_launch {
    uint32_t slot; /* the messages' tag; reused */
    int32_t id;    /* counted from 0 in order of submission: record.launch */
    const kb_kernel *kernel;
    int32_t kernel_number;
    const uint64_t *args;
    int64_t grid[3];
    int64_t n_programs; /* product of grid */
    kb_launch_map map;
    uint32_t sip, stream;
    bool comm;
    kb_turn turn;
    kb_launch_state state;
    int64_t max_instructions;
    int64_t submitted_fs, stamped_fs, target_start_fs, done_fs;
    uint32_t late_pes, busy_pes;
} kb_launch;

/* How many programs PE `pe` (counted within the SIP) of `n_pes` runs, and which its k-th is. */
int64_t kb_launch_share(const kb_launch *launch, int64_t n_pes, int64_t pe);
int64_t kb_launch_program(const kb_launch *launch, int64_t n_pes, int64_t pe, int64_t k);

/* --- all launches of a machine ---------------------------------------------------------------- */

typedef struct kb_launches kb_launches;

kb_status kb_launches_create(kb_alloc *alloc, kb_launches **launches, kb_error *err) KB_MUST_CHECK;
void kb_launches_destroy(kb_launches *launches); /* accepts NULL */

/* A new launch, state SUBMITTED.  n_pes: of its SIP.  The pointer stays valid until
 * kb_launches_give. */
kb_status kb_launches_take(kb_launches *launches, const kb_launch_spec *spec, int64_t n_pes,
                           kb_launch **launch, kb_error *err) KB_MUST_CHECK;
void kb_launches_give(kb_launches *launches, const kb_launch *launch);

/* The launch in a slot: what a message's tag means. */
kb_launch *kb_launches_at(const kb_launches *launches, uint32_t slot);

/* Launches taken and not given back. */
uint32_t kb_launches_count(const kb_launches *launches);

#endif
