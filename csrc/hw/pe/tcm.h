/* TCM of one PE: which tiles hold how much of it, and who still needs them.
 *
 *   take ──> producer pending ──> there ──> nobody needs it ──> storage freed
 *            (command unfinished)           (references == 0, readers == 0, producer done)
 *
 * A tile is one *version* of a value.  Versions are never reused; slots are.  TCM is accounted by
 * bytes, rounded up to KB_TCM_GRANULE (there is no fragmentation), and split evenly among the
 * contexts; the communication contexts, which are numbered behind the others, split pe.comm_tcm.
 * What tensors in TCM take is lent: the compute contexts split the rest.
 *
 * Invariants
 *   T1. held(context) = sum of `charged` of its tiles <= share(context); of all contexts, with what is
 *       lent, at most the capacity; and nothing when no launch is under way (hw/fabric/audit.h).
 *   T2. references counts registers (PE_CPU); readers and producer count unfinished commands
 *       (PE_SCHED).
 *   T3. A version that succeeds another in place takes its storage over: the old one charges
 *       nothing.
 */
#ifndef KB_HW_PE_TCM_H
#define KB_HW_PE_TCM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "hw/component/parts.h"

enum { KB_TCM_GRANULE = 32 };

#define KB_NO_TILE UINT32_MAX

typedef struct kb_tile {
    uint64_t version; /* (PE number << 40) + count of the PE */
    int64_t nbytes;   /* of the value */
    int64_t charged;  /* of the TCM */
    uint32_t context;
    uint32_t references; /* registers that hold it */
    uint32_t readers;    /* unfinished commands that read it, once for each operand */
    uint32_t
        producer; /* slot of the unfinished command that makes it; KB_NO_COMMAND: it is there */
    int32_t launch, program, kernel, line, sequence; /* of the command that made it */
    bool logged; /* a record names it: whoever frees it says so in the log */
} kb_tile;

#define KB_NO_COMMAND UINT32_MAX

typedef struct kb_tcm kb_tcm;

kb_status kb_tcm_create(const kb_parts *parts, uint32_t node, void **tcm,
                        kb_error *err) KB_MUST_CHECK;
void kb_tcm_destroy(void *tcm); /* accepts NULL */

/* Room for a value of nbytes, as a new version with one reference and no producer yet.  *tile is
 * KB_NO_TILE when it has to wait for tiles in flight: ask again at the next progress of the
 * context. KB_RESOURCES when it can never fit: it is larger than the context's share, or no command
 * in flight could free anything.  The message names the tiles that hold the share, by kernel
 * line. */
kb_status kb_tcm_take(kb_tcm *tcm, uint32_t context, int64_t nbytes, int32_t line, uint32_t *tile,
                      kb_error *err) KB_MUST_CHECK;

/* The same within storage that was taken already, a composite's reservation: it charges nothing and never
 * has to wait. */
kb_status kb_tcm_carve(kb_tcm *tcm, uint32_t context, int64_t nbytes, int32_t line, uint32_t *tile,
                       kb_error *err) KB_MUST_CHECK;

/* A new version in the storage of `old` (same size), with one reference: an accumulator updated in
 * place.  `old` keeps its references and readers but no storage.  Never has to wait. */
kb_status kb_tcm_succeed(kb_tcm *tcm, uint32_t old, int32_t line, uint32_t *tile,
                         kb_error *err) KB_MUST_CHECK;

/* One register more, or fewer.  A drop frees what nobody needs any more, and appends a FREE
 * record. */
void kb_tcm_hold(kb_tcm *tcm, uint32_t tile);
kb_status kb_tcm_drop(kb_tcm *tcm, uint32_t tile, kb_error *err) KB_MUST_CHECK;

/* Read only; valid until the next take. */
const kb_tile *kb_tcm_tile(const kb_tcm *tcm, uint32_t tile);

/* True when the tile's producer is done. */
bool kb_tcm_is_there(const kb_tcm *tcm, uint32_t tile);

/* Takes nbytes more (or fewer: negative) of the TCM for tensors, out of the shares of the compute contexts.
 * KB_DEVICE_MEMORY when kernels hold that much of it. */
kb_status kb_tcm_lend(kb_tcm *tcm, int64_t nbytes, kb_error *err) KB_MUST_CHECK;

/* Bytes that a context holds, and may hold. */
int64_t kb_tcm_held(const kb_tcm *tcm, uint32_t context);
int64_t kb_tcm_share(const kb_tcm *tcm, uint32_t context);

/* The n-th version that a PE names: none is used twice in a machine's life. */
enum { KB_TILE_VERSION_BITS = 40 };
static inline uint64_t kb_tile_version(uint32_t pe, uint64_t n) {
    return ((uint64_t)pe << KB_TILE_VERSION_BITS) + n;
}

/* A version for what is no tile: a message to another PE. */
uint64_t kb_tcm_name(kb_tcm *tcm);

/* --- for PE_SCHED ----------------------------------------------------------------------------- */

/* A command that makes, or reads, the tile was submitted; its record says where in the kernel. */
void kb_tcm_produce(kb_tcm *tcm, uint32_t tile, uint32_t command, const kb_record *record);
void kb_tcm_read(kb_tcm *tcm, uint32_t tile);

/* It is done.  True when nobody needs the tile any more: it is freed, and the caller's record must
 * say so (*version names it). */
bool kb_tcm_produced(kb_tcm *tcm, uint32_t tile, uint64_t *version);
bool kb_tcm_unread(kb_tcm *tcm, uint32_t tile, uint64_t *version);

#endif
