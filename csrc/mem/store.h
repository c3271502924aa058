/* The memory store: the bytes behind virtual addresses, and which of them were ever written.
 *
 *     va:   ....[ extent ]......[   extent   ][ extent ]....    one extent per tensor; none overlap
 *
 * Invariants
 * 1. An extent never moves and never grows: `bytes` stays valid until unmap, and for as long as it is
 *    pinned even after unmap and after kb_store_destroy.
 * 2. Memory is asked for once and zeroed lazily by the system: what nobody touches costs nothing.
 * 3. Written state is one of nothing | some | all.  Only `some` has a bitmap (one bit a byte), and it
 *    is freed as soon as all bytes are written.
 * 4. An extent without bytes (timing alone) keeps no written state: nothing counts as unwritten.
 *
 * One thread at a time: even kb_store_find moves a cache.
 */
#ifndef KB_MEM_STORE_H
#define KB_MEM_STORE_H

#include <stdbool.h>

#include "base/alloc.h"
#include "base/error.h"
#include "mem/address.h"

typedef struct kb_store kb_store;

typedef enum kb_written { KB_WRITTEN_NOTHING, KB_WRITTEN_SOME, KB_WRITTEN_ALL } kb_written;

/* Read the first four members freely; the store alone changes them. */
typedef struct kb_extent {
    kb_va va;
    uint64_t nbytes;
    unsigned char *bytes; /* NULL without data */
    uint32_t pins;
    kb_written written;
    bool mapped;
    unsigned char *block; /* owned; outlives `bytes` when dropped while pinned */
    uint64_t *bitmap;     /* owned; only while `written` is some */
    uint64_t n_written;   /* bits set in it */
    kb_alloc *alloc;      /* borrowed */
} kb_extent;

enum {
    KB_MAP_ZEROED = 1, /* zeros were written; otherwise nothing was */
    KB_MAP_KEEP = 2    /* has bytes even in a store that keeps none */
};

/* `alloc` is borrowed and must outlive the store and every pin.  Without keep_data (timing alone)
 * extents have no bytes, except those mapped with KB_MAP_KEEP. */
KB_MUST_CHECK kb_status kb_store_create(kb_alloc *alloc, bool keep_data, kb_store **store,
                                        kb_error *err);

/* Unmaps everything; pinned extents live on until their last unpin.  Accepts NULL. */
void kb_store_destroy(kb_store *store);

/* Maps [va, va + nbytes), nbytes > 0, within one SIP and clear of its guard.  `extent` is borrowed
 * from the store.  KB_INVALID when it overlaps another extent. */
KB_MUST_CHECK kb_status kb_store_map(kb_store *store, kb_va va, uint64_t nbytes, unsigned flags,
                                     kb_extent **extent, kb_error *err);

/* Unmaps the extent that starts at va; KB_PAGE_FAULT when none does. */
KB_MUST_CHECK kb_status kb_store_unmap(kb_store *store, kb_va va, kb_error *err);

/* The extent that holds this byte; NULL when none does. */
kb_extent *kb_store_find(kb_store *store, kb_va va);

/* The extent that holds all of [va, va + nbytes); KB_PAGE_FAULT when no single one does. */
KB_MUST_CHECK kb_status kb_store_access(kb_store *store, kb_va va, uint64_t nbytes,
                                        kb_extent **extent, kb_error *err);

/* Notes that these bytes are written. */
KB_MUST_CHECK kb_status kb_store_mark(kb_store *store, kb_va va, uint64_t nbytes, kb_error *err);

/* The same for n_rows rows of row_nbytes, `stride` bytes (of either sign) from each to the next.
 * All rows lie in one extent, else nothing is marked. */
KB_MUST_CHECK kb_status kb_store_mark_rows(kb_store *store, kb_va va, uint64_t row_nbytes,
                                           uint64_t n_rows, int64_t stride, kb_error *err);

/* The first byte of [va, va + nbytes) never written; va + nbytes when all are. */
KB_MUST_CHECK kb_status kb_store_first_unwritten(kb_store *store, kb_va va, uint64_t nbytes,
                                                 kb_va *unwritten, kb_error *err);

/* Forgets the bytes of an extent that a kernel wrote in a run without data. */
void kb_extent_drop_bytes(kb_extent *extent);

/* Bytes that all extents have together, written or not. */
uint64_t kb_store_nbytes(const kb_store *store);

/* A pin keeps `block` where it is for a zero-copy view.  Unpin by the thread that owns the store's
 * allocator; the last one frees an extent that is no longer mapped. */
void kb_extent_pin(kb_extent *extent);
void kb_extent_unpin(kb_extent *extent);

#endif
