/* The message side of a memory: takes READ and WRITE requests at its node and answers them.  What
 * serves the bytes - pseudo-channels, one port - is behind kb_serve_fn.
 *
 *   READ   arrives ─> its bytes are served in order ─> reply flit i is there when all bytes of
 *          flits 0..i are, + response
 *   WRITE  flit arrives ─> its bytes are served (committed) ─> after the last one, + response: ack
 *
 * Bytes come to the server in order of (arrival, input, message, flit): the fabric delivers so, and
 * a flit is served on delivery, as of its arrival; by trains that is at the next tail's arrival, before
 * anybody can ask.  So nothing here takes an event of its own: times of the reply are
 * known when the request arrives, and handed to the fabric as trains.
 */
#ifndef KB_HW_MEMORY_MEMORY_H
#define KB_HW_MEMORY_MEMORY_H

#include "hw/component/parts.h"
#include "hw/component/request.h"

/* Serves the first part, at least one byte, of nbytes at an offset of a slice (-1 in a memory
 * without) that are there at at_fs.  *taken: how many; returns when they are served. */
typedef int64_t (*kb_serve_fn)(void *self, int32_t slice, uint64_t offset, uint64_t nbytes,
                               int64_t at_fs, uint64_t *taken);

/* The same for whole flits of a contiguous range, which are there as `flits` says: as many of the first ones as one
 * server takes in steps of one length, that is, as a train again.  *served: when; count 0: none, and nothing
 * changes. */
typedef void (*kb_serve_flits_fn)(void *self, int32_t slice, uint64_t offset, kb_train flits,
                                  kb_train *served);

typedef struct kb_memory {
    const kb_parts *parts;
    uint32_t node;
    uint64_t flit_nbytes;
    int64_t request_fs, response_fs; /* fixed, pipelined: before and after service */
    kb_serve_fn serve;
    kb_serve_flits_fn serve_flits; /* NULL: one by one */
    void *self;
} kb_memory;

/* Registers the memory at its node; it must not move from then on. */
void kb_memory_attach(kb_memory *memory);

#endif
