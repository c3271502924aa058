/* What the execution of a record works with: lent by the replay to one record at a time. */
#ifndef KB_REPLAY_EXEC_H
#define KB_REPLAY_EXEC_H

#include "log/payload.h"
#include "mem/store.h"
#include "replay/crew.h"
#include "replay/isa.h"
#include "replay/tiles.h"

typedef struct kb_exec {
    const kb_isa *isa;
    kb_tiles *tiles;
    kb_store *store;
    kb_crew *crew;
    bool uninit_error, uninit_nan;
    uint64_t n_uninit; /* elements read that nobody wrote, when that is no error */
} kb_exec;

/* A new tile for the result of a record. */
static inline kb_status kb_exec_result(kb_exec *exec, const kb_operand *result, size_t count,
                                       void **data, kb_error *err) {
    *data =
        kb_tiles_add(exec->tiles, result->bits, count * kb_dtype_nbytes((kb_dtype)result->dtype));
    return *data ? KB_OK : kb_error_nomem(err, "a tile of replay");
}

#endif
