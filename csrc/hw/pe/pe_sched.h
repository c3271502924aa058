/* PE_SCHED: keeps the dependencies between the commands of a PE and hands ready ones to the engines
 * (ADR-0014).
 *
 *   kb_sched_take ─> composed by PE_CPU ─> kb_sched_submit ─> waiting ─> ready ─> running ─> done
 *   (NULL: queue full)                                 scoreboard, then engine    log, progress
 *
 * A command follows
 *   - the producers of its inputs;
 *   - in place: the readers of the version whose storage it takes over;
 *   - if it is a DMA: earlier unfinished DMA commands of its program whose access overlaps, when
 *     one of the two writes.
 * An engine takes its ready commands in order of (ready time, order of submission).
 *
 * When a command is done its record is appended to the log.  It carries the last-use bit of each
 * tile that nobody needs from then on.  Dependents become ready, the slot is free again, and PE_CPU
 * is told.
 *
 * Each context runs one program at a time; its commands never depend on another context's.  Behind the
 * contexts of PE_CPU there is one more, the lane, whose commands are the stages of composites: the composer
 * (hw/pe/composer.h), to which a composite itself is a command like any other, submits them there.
 */
#ifndef KB_HW_PE_PE_SCHED_H
#define KB_HW_PE_PE_SCHED_H

#include <stdbool.h>
#include <stdint.h>

#include "hw/component/parts.h"
#include "hw/pe/command.h"
#include "hw/pe/tcm.h"

enum { KB_MAX_INPUTS = 3, KB_LANE_SLOTS = 64 };

typedef struct kb_sched kb_sched;

kb_status kb_sched_create(const kb_parts *parts, uint32_t node, void **sched,
                          kb_error *err) KB_MUST_CHECK;
void kb_sched_destroy(void *sched); /* accepts NULL */

/* --- for PE_CPU ------------------------------------------------------------------------------- */

/* Who is told when a command of a context is done (so: queue, TCM or a tile may be there now).  The
 * call comes from within an engine's event; it may take and submit at once. */
typedef void (*kb_progress_fn)(void *self, uint32_t context);
void kb_sched_set_progress(kb_sched *sched, kb_progress_fn fn, void *self);

/* A blank command, or NULL when pe.sched.queue commands of the context wait or run (and without memory, which the
 * run fails of).  Until it is submitted, the context's next take gives the same one, blank again. */
kb_command *kb_sched_take(kb_sched *sched, uint32_t context);

/* Room for n_words payload words in the command's slot; command->words and n_words are set to
 * it. */
kb_status kb_sched_words(kb_sched *sched, kb_command *command, uint32_t n_words, int64_t **words,
                         kb_error *err) KB_MUST_CHECK;

/* The tiles of a command.  in_place: the old version of `output`, whose storage it has
 * (kb_tcm_succeed); it may be among the inputs too.  KB_NO_TILE where there is none. */
typedef struct kb_sched_tiles {
    uint32_t n_inputs;
    uint32_t inputs[KB_MAX_INPUTS]; /* the same tile twice: listed twice */
    uint32_t output, in_place;
} kb_sched_tiles;

/* Submits a command now, after which it belongs to PE_SCHED.  PE_CPU has filled in `engine`,
 * record.{kind, op, dtype, launch, program, kernel, line, sequence}, the words, and what its engine
 * needs: first_va, end_va (DMA); m, n, k, operand_dtype, precision (GEMM); n_elements, cost, operand_dtype
 * (MATH).  The rest of the record is filled in on the way.  Inputs must have been produced or be
 * some submitted command's output. */
kb_status kb_sched_submit(kb_sched *sched, kb_command *command, uint32_t context,
                          const kb_sched_tiles *tiles, kb_error *err) KB_MUST_CHECK;

/* True when no command of the context, or none that accesses memory, waits or runs. */
bool kb_sched_idle(const kb_sched *sched, uint32_t context);
bool kb_sched_memory_idle(const kb_sched *sched, uint32_t context);

/* Whether the context's next take gives a command. */
bool kb_sched_has_room(const kb_sched *sched, uint32_t context);

/* Commands of the context that wait or run. */
uint32_t kb_sched_count(const kb_sched *sched, uint32_t context);

/* Whether the context's command with that number (kb_command.order) waits or runs. */
bool kb_sched_has(const kb_sched *sched, uint32_t context, int64_t order);

/* --- for the composer ------------------------------------------------------------------------- */

/* The number of the lane, as a context. */
uint32_t kb_sched_lane(const kb_sched *sched);

/* Who is told when a command of the lane is done; it may take and submit at once. */
typedef void (*kb_stage_fn)(void *self, const kb_command *command);
void kb_sched_set_stage_done(kb_sched *sched, kb_stage_fn fn, void *self);

/* --- for the engines -------------------------------------------------------------------------- */

/* `kick` is called when a command has become ready for the engine, and must not take it at once: it
 * signals the engine's own slot. */
void kb_sched_attach(kb_sched *sched, kb_engine_kind engine, void (*kick)(void *engine),
                     void *self);

/* The next ready command, which runs from now on; NULL when there is none.  peek leaves it
 * there. */
kb_command *kb_sched_next(kb_sched *sched, kb_engine_kind engine);
const kb_command *kb_sched_peek(const kb_sched *sched, kb_engine_kind engine);

/* The command is done now; record.{start_fs, setup_fs, memory_*_fs, nbytes, work} are filled in. */
void kb_sched_done(kb_sched *sched, kb_command *command);

#endif
