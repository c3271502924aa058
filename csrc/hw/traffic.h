/* Traffic: batches of raw transfers over the fabric, without kernels (Context.transfer, transfers).
 *
 * A message ends with its last flit at dst; a read (src asks the memory dst) with its last reply flit at
 * src; a write with its acknowledgement at src.  Transfers start in order of (at_fs, batch, index): equal
 * starts in order of issue.  All that are still to start share one timer.
 */
#ifndef KB_HW_TRAFFIC_H
#define KB_HW_TRAFFIC_H

#include "hw/component/parts.h"

/* X(enumerator, "name") */
#define KB_TRANSFER_LIST(X) \
    X(MESSAGE, "message")   \
    X(READ, "read")         \
    X(WRITE, "write")

typedef enum kb_transfer_op {
#define X(name, text) KB_TRANSFER_##name,
    KB_TRANSFER_LIST(X)
#undef X
        KB_TRANSFER_COUNT
} kb_transfer_op;

typedef struct kb_traffic kb_traffic;
typedef struct kb_batch kb_batch;
typedef void (*kb_batch_fn)(void *self, kb_batch *batch);

/* All arrays have n items and belong to the caller; they stay where they are until `done` is called. */
struct kb_batch {
    size_t n;
    const uint32_t *src, *dst; /* nodes */
    const int64_t *nbytes;
    const int64_t *at_fs;
    const uint8_t *op;    /* kb_transfer_op; NULL: all are messages */
    const uint64_t *addr; /* offsets in the memory; NULL: 0 */
    int64_t *start_fs;    /* results, -1 until they are known; */
    int64_t *end_fs;
    int64_t *commit_fs; /* of writes: the last commit; may be NULL */
    kb_hop *hops; /* NULL, or room for the path of item 0, a message: its last flit is watched */
    kb_batch_fn done; /* may be NULL: called once, when all have ended; at once when n is 0 */
    void *self;
    size_t n_done; /* the traffic's own, from here on */
    kb_traffic *traffic;
};

/* `parts` is borrowed: alloc, sim, topology, fabric, dispatch and (for reads and writes) requests.  Takes
 * the messages of kind RAW. */
kb_status kb_traffic_create(const kb_parts *parts, kb_traffic **traffic,
                            kb_error *err) KB_MUST_CHECK;
void kb_traffic_destroy(kb_traffic *traffic); /* accepts NULL */

/* Starts each transfer at its time.  All are checked first: when one is wrong, none is started and the
 * message says which. */
kb_status kb_traffic_submit(kb_traffic *traffic, kb_batch *batch, kb_error *err) KB_MUST_CHECK;

#endif
