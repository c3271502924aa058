/* The machine: every component of a topology, wired together, and the way in for the engine.
 *
 * A hierarchical topology gets all of its components (ADR-0037); an explicit graph gets its fabric, its
 * memories and raw traffic, and refuses launches and copies.
 *
 * The engine runs the simulator; the machine reacts.  Completions come through the hooks, within
 * kb_sim_run.
 */
#ifndef KB_HW_MACHINE_H
#define KB_HW_MACHINE_H

#include <stddef.h>
#include <stdint.h>

#include "hw/component/copy.h"
#include "hw/component/launch.h"
#include "hw/component/mark.h"
#include "hw/component/parts.h"
#include "hw/pe/mmu.h"

typedef struct kb_machine kb_machine;

/* alloc, sim, topology and log are borrowed; hooks are copied.  Creating it measures D of every SIP
 * (the start barrier) by running an empty fan-out on a machine of its own, which is thrown away. */
kb_status kb_machine_create(kb_alloc *alloc, kb_sim *sim, kb_topology *topology, kb_oplog *log,
                            const kb_hooks *hooks, kb_machine **machine,
                            kb_error *err) KB_MUST_CHECK;
void kb_machine_destroy(kb_machine *machine); /* accepts NULL */

/* Tensors: where a virtual range lies.  The placement is borrowed until unmap. */
kb_status kb_machine_map(kb_machine *machine, const kb_mapping *mapping,
                         kb_error *err) KB_MUST_CHECK;
kb_status kb_machine_unmap(kb_machine *machine, kb_va va, kb_error *err) KB_MUST_CHECK;

/* Submits a launch; *id is its number in the log.  hooks.launch_done is told when it is done. */
kb_status kb_machine_launch(kb_machine *machine, const kb_launch_spec *spec, int32_t *id,
                            kb_error *err) KB_MUST_CHECK;

typedef struct kb_copy_spec {
    bool to_device;
    bool
        install; /* instead: the entries of the mapping's pages, into every page table of its SIP */
    kb_va va;    /* [va, va + nbytes) within one mapping */
    uint64_t nbytes;
    int64_t at_fs;
    const int64_t
        *words; /* the record's payload: what replay needs to find the host's bytes; borrowed
                             until it is done */
    uint32_t n_words;
    uint32_t stream; /* copies and launches of one (SIP, stream) run one after another */
    kb_turn turn;
} kb_copy_spec;

/* Submits a copy; hooks.copy_done is told when it is done. */
kb_status kb_machine_copy(kb_machine *machine, const kb_copy_spec *spec, int32_t *id,
                          kb_error *err) KB_MUST_CHECK;

typedef struct kb_mark_spec {
    uint32_t sip, stream;
    kb_turn turn;
    int64_t at_fs;
} kb_mark_spec;

/* Submits a mark; hooks.mark_done is told when it is done. */
kb_status kb_machine_mark(kb_machine *machine, const kb_mark_spec *spec,
                          kb_error *err) KB_MUST_CHECK;

/* What traffic, tests and the engine need of it. */
const kb_parts *kb_machine_parts(const kb_machine *machine);

/* D of a SIP: from the stamp to the last PE's arrival on an idle machine. */
int64_t kb_machine_fanout_fs(const kb_machine *machine, uint32_t sip);

/* Launches, copies and marks that are not done. */
uint32_t kb_machine_n_pending(const kb_machine *machine);

/* Why nothing moves any more: per PE that is not idle, kernel line and what it waits for. */
void kb_machine_why_stuck(const kb_machine *machine, char *text, size_t capacity);

#endif
