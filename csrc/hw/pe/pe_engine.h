/* What PE_GEMM and PE_MATH have in common: they run one command at a time, each for a time that is
 * known when it starts.
 *
 *   idle ──a command is ready──> running ──its time is over──> idle, or the next one at once
 */
#ifndef KB_HW_PE_PE_ENGINE_H
#define KB_HW_PE_PE_ENGINE_H

#include "hw/component/parts.h"
#include "hw/pe/pe_sched.h"

typedef struct kb_engine_unit kb_engine_unit;

/* How long a command takes; `idle`: the engine was not busy up to now.  Fills in what the record
 * has of it (setup, work, nbytes).  Returns true on overflow. */
typedef bool (*kb_engine_time_fn)(const kb_params *params, kb_command *command, bool idle,
                                  int64_t *time_fs);

kb_status kb_engine_unit_create(const kb_parts *parts, uint32_t node, kb_engine_kind kind,
                                kb_engine_time_fn time, void **unit, kb_error *err) KB_MUST_CHECK;
void kb_engine_unit_destroy(void *unit); /* accepts NULL */

#endif
