/* PE_CPU: runs the programs of a PE on one virtual machine per context (ADR-0040, ADR-0048).
 *
 *   launch arrives ─wake─> ready ─target start─> started ─a context is free─> programs, one after another
 *                                                          ─ all ended ─> LAUNCH_DONE to M_CPU
 *   context    idle ──> running <──> stalled (queue, TCM, tile, memory, end of program) ──> idle
 *
 * Collectives have contexts of their own, so that one that waits for its peers keeps no kernel of users out.
 * One context computes at a time.  It runs ahead of the simulation, only counting cycles, until its next
 * instruction meets the machine; PE_CPU sleeps until that instruction's time and performs it then.  On a
 * stall the next context that can go on gets PE_CPU, round robin, for pe.cpu.switch_cycles.
 *
 * Invariants
 *   C1. What meets the machine at simulated time t (a command, a value read, the end) is done in an event
 *       at t, after all cycles of the instructions before it.
 *   C2. Time is start + ceil(cycles * clock): cycles add up exactly from start or the last stall on.
 *   C3. An event executes a bounded number of instructions: an endless loop never holds up the run loop.
 */
#ifndef KB_HW_PE_PE_CPU_H
#define KB_HW_PE_PE_CPU_H

#include <stddef.h>

#include "hw/component/parts.h"

kb_status kb_pe_cpu_create(const kb_parts *parts, uint32_t node, void **pe_cpu,
                           kb_error *err) KB_MUST_CHECK;
void kb_pe_cpu_destroy(void *pe_cpu); /* accepts NULL */

/* What its programs wait for, "line 12: the tile of line 9; ..."; returns the length, 0 when idle. */
size_t kb_pe_cpu_describe(const void *pe_cpu, char *text, size_t capacity);

#endif
