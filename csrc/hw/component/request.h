/* Requests: reads and writes of memory, over the fabric.
 *
 *   read    requester ──1 flit──> memory ──payload flits──> requester: done at the tail
 *   write   requester ──payload flits──> memory, flit by flit ──1 flit──> requester: done
 *
 * A message's tag is the number of its request, in one pool for the machine.  A requester fills a
 * request in, sends it, and is called back when it is done; the memory finds in it what to serve.
 *
 * What a request touches is a *shape*: rows of equal length at nested strides, or a list of runs;
 * the request is the part [first, first + nbytes) of the shape's packed bytes, and all of it lies
 * in one slice of one memory, at (shape address - delta).
 */
#ifndef KB_HW_COMPONENT_REQUEST_H
#define KB_HW_COMPONENT_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hw/component/parts.h"
#include "kernel/access.h"

/* Rows at base + sum_l stride[l] * i_l, 0 <= i_l < count[l], level 0 outermost, row_nbytes each;
 * packed, they follow each other in that order.  With runs: run after run instead, items of
 * item_nbytes. */
typedef struct kb_shape {
    uint64_t count[KB_MAX_RANK];
    uint64_t stride[KB_MAX_RANK];
    uint64_t base;
    uint64_t row_nbytes;
    uint64_t nbytes;    /* of all rows */
    const kb_run *runs; /* borrowed */
    uint32_t n_runs;
    uint32_t
        n_levels; /* <= KB_MAX_RANK: so many have a count and a stride, and an index in a cursor */
    uint32_t item_nbytes;
} kb_shape;

/* What an access touches, in the order of addresses where it is a BOX: strides descend and are
 * positive, dimensions of stride 0 are touched once. */
kb_shape kb_shape_access(const kb_access *access);

/* Walks a shape's rows.  kb_cursor_row says what lies at the cursor: *address and the bytes left of
 * its row (0 at the end); kb_cursor_advance moves on by at most that many. */
typedef struct kb_cursor {
    uint64_t address; /* of the row */
    uint64_t in_row;
    uint64_t row_left;
    uint32_t run;
    uint64_t index[KB_MAX_RANK];
} kb_cursor;

kb_cursor kb_cursor_begin(const kb_shape *shape);
static inline uint64_t kb_cursor_row(const kb_cursor *cursor, uint64_t *address) {
    *address = cursor->address + cursor->in_row;
    return cursor->row_left;
}
void kb_cursor_advance(kb_cursor *cursor, const kb_shape *shape, uint64_t nbytes);

/* How many rows come from here on at one stride, the cursor's own one included, which it must be at the begin of; of
 * others it is the only one. */
static inline uint64_t kb_cursor_rows(const kb_cursor *cursor, const kb_shape *shape,
                                      uint64_t *stride) {
    uint32_t n = shape->n_levels;
    *stride = n > 0 ? shape->stride[n - 1] : 0;
    return n > 0 && cursor->in_row == 0 ? shape->count[n - 1] - cursor->index[n - 1] : 1;
}

/* Moves on by n of those. */
void kb_cursor_skip_rows(kb_cursor *cursor, const kb_shape *shape, uint64_t n);

typedef struct kb_request kb_request;
typedef void (*kb_request_fn)(void *self, kb_request *request);

/* What a contiguous range needs of it lies together, as that is most of what there is, and so does what is looked
 * at when it is done. */
struct kb_request {
    kb_shape shape; /* by the requester, as all up to `posted` */
    uint64_t nbytes;
    uint64_t delta; /* offset in the slice = shape address - delta */
    kb_request_fn done;
    void *self;
    uint64_t token;             /* the requester's own */
    uint32_t number;            /* of this one */
    uint32_t requester, memory; /* nodes */
    int32_t slice;              /* of the memory; KB_ANY_SLICE in one without */
    bool write;
    bool posted; /* a write without acknowledgement: done once memory knows when it is committed */
    /* filled in on the way */
    uint32_t job; /* the memory's own number for it */
    int64_t done_fs;
    int64_t memory_start_fs; /* first flit at the memory */
    int64_t memory_end_fs;   /* last byte served; of a write: its last commit */
    int64_t sent_fs;
    uint64_t left;    /* bytes that memory has yet to see */
    kb_cursor cursor; /* by the requester, at the request's first byte; memory moves it on */
};

/* sim, fabric and dispatch are borrowed; takes READ_REPLY and WRITE_ACK at all nodes. */
kb_status kb_requests_create(kb_alloc *alloc, kb_sim *sim, kb_fabric *fabric, kb_dispatch *dispatch,
                             kb_requests **requests, kb_error *err) KB_MUST_CHECK;
void kb_requests_destroy(kb_requests *requests); /* accepts NULL */

/* A request that is blank but for shape and cursor; the pointer stays valid until it is done and `done` has
 * returned. */
kb_status kb_request_take(kb_requests *requests, kb_request **request, kb_error *err) KB_MUST_CHECK;

/* It is contiguous, from that address of its shape on: nbytes, shape and cursor. */
static inline void kb_request_set_range(kb_request *request, uint64_t base, uint64_t nbytes) {
    kb_shape *shape = &request->shape;
    kb_cursor *cursor = &request->cursor;
    request->nbytes = shape->nbytes = shape->row_nbytes = cursor->row_left = nbytes;
    shape->base = cursor->address = base;
    shape->runs = NULL;
    shape->n_runs = shape->n_levels = shape->item_nbytes = 0;
    cursor->in_row = cursor->run = 0;
}

/* Sends it now.  On failure it is given back. */
kb_status kb_request_send(kb_requests *requests, kb_request *request, kb_error *err) KB_MUST_CHECK;

/* Whole-memory offset to slice and offset within it, for traffic with raw addresses; KB_BOUNDS past
 * the end.  `memory` is an HBM or SRAM node, or that of a PE's DMA, which stands for its TCM. */
kb_status kb_request_locate(const kb_parts *parts, uint32_t memory, uint64_t address,
                            uint64_t nbytes, int32_t *slice, uint64_t *offset,
                            kb_error *err) KB_MUST_CHECK;

/* A plain read or write of [address, address + nbytes) of a memory, sent now (traffic, M_CPU.DMA).
 * It must lie in one slice. */
kb_status kb_request_range(const kb_parts *parts, uint32_t requester, uint32_t memory, bool write,
                           uint64_t address, uint64_t nbytes, kb_request_fn done, void *self,
                           uint64_t token, kb_error *err) KB_MUST_CHECK;

/* --- for memories ----------------------------------------------------------------------------- */

/* The request that a READ or WRITE message's tag names. */
kb_request *kb_requests_at(const kb_requests *requests, uint32_t number);

/* All of a posted write is committed, at memory_end_fs, which may be later than now. */
void kb_request_committed(kb_requests *requests, kb_request *request);

/* Requests ever sent. */
uint64_t kb_requests_count(const kb_requests *requests);

#endif
