/* The composer: the part of PE_SCHED that runs composite commands (ADR-0014 D6 to D8).
 *
 *   ready ─> cut into tokens, one after another ─> all tokens done ─> done
 *
 * To PE_SCHED a composite is a command of one more engine, which waits like any other for earlier commands
 * that touch its bytes.  Here it is cut, tile by tile of its result, row by row:
 *
 *   tile    head            step 0   step 1 ...  tail         head of the next tile ...
 *   token   (one for each of these)
 *   stage   load, full ...  load, load, dot      math, store
 *
 * A token is one section at one place.  When it starts, its stages are submitted to the lane of PE_SCHED in
 * order, each with the tile versions that it reads and makes; so from then on the token carries what is
 * left to do, and its data take it from engine to engine: whatever a finished stage has made ready goes on
 * at once, without PE_CPU and without the composer.  A stage costs what the same command of PE_CPU would.
 *
 * Invariants
 *   C1. Tokens start in order; between two starts lie at least pe.sched.token_ns.
 *   C2. A composite holds one reservation of TCM, taken when PE_CPU submits it; its tiles are carved out of
 *       it.  It has room for `buffers` steps, and heads and tails of `depth` tiles, so
 *         steps in flight <= buffers, tiles begun and not stored <= depth.
 *   C3. The stages of a composite follow one another as the same commands in a program would: the op log
 *       has the same kinds of records, and replay the same numbers.
 *   C4. The next composite is cut as soon as the one before is cut; they end in any order.
 */
#ifndef KB_HW_PE_COMPOSER_H
#define KB_HW_PE_COMPOSER_H

#include "hw/component/launch.h"
#include "hw/component/parts.h"
#include "hw/pe/pe_sched.h"
#include "hw/pe/vm.h"
#include "kernel/composite.h"

enum { KB_COMPOSITE_DEPTH = 4 };

/* A composite command: everything of its program that it needs. */
typedef struct kb_composite {
    const kb_launch *launch;
    int64_t program;
    int32_t sequence;
    uint32_t context;
    kb_composite_body body;
    kb_view views[KB_COMPOSITE_VIEWS];
    kb_span spans[KB_COMPOSITE_VIEWS];
    uint32_t capacity;
    kb_reg *regs;         /* scalars as they were, tiles as they come; n_regs of the kernel */
    uint32_t reservation; /* a tile */
    uint32_t buffers, depth;
    /* what the composer counts */
    int64_t n_rows, n_columns;  /* tiles of the result */
    int64_t n_begun, n_stored;  /* tiles */
    uint32_t n_steps, n_tokens; /* in flight */
    int64_t n_all;              /* tokens, so far */
    int64_t nbytes;             /* moved, so far */
    bool cut;                   /* into its last token */
    kb_command *command;
} kb_composite;

typedef struct kb_composer kb_composer;

/* The composer of the PE whose PE_CPU is `node`; PE_SCHED must be there. */
kb_status kb_composer_create(const kb_parts *parts, uint32_t node, kb_composer **composer,
                             kb_error *err) KB_MUST_CHECK;
void kb_composer_destroy(kb_composer *composer); /* accepts NULL */

/* A composite with room for n_regs registers, and one that was not submitted after all. */
kb_status kb_composer_take(kb_composer *composer, uint32_t n_regs, kb_composite **composite,
                           kb_error *err) KB_MUST_CHECK;
void kb_composer_give(kb_composer *composer, kb_composite *composite);

#endif
