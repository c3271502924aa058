/* The start of a message in train mode: its inputs open, its flits wait at the sender's port, and a wake is set
 * (hw/fabric/train_wake.h).
 */
#ifndef KB_HW_FABRIC_TRAIN_START_H
#define KB_HW_FABRIC_TRAIN_START_H

#include "hw/fabric/fabric_core.h"

/* Room for the first flits of a message, and for its wake; false when there is none. */
bool kb_train_reserve(kb_fabric *fabric, uint32_t flight) KB_MUST_CHECK;

/* The message has started: all inputs on its path are open.  False, and nothing changes, when there is
 * no memory. */
bool kb_train_open(kb_fabric *fabric, uint32_t flight) KB_MUST_CHECK;

/* The next flits of a message come into being.  False, and nothing changes, when there is no memory;
 * never after kb_train_reserve. */
bool kb_train_add(kb_fabric *fabric, uint32_t flight, kb_train flits) KB_MUST_CHECK;

/* A message begins that started at start_fs as its sender's number `count`, all of it, over a path that has links, in a
 * fabric without servers: the port that it begins at has heard of no later one.  The same as to open it and to append
 * its flits, in one go; handle may be NULL.  False, and nothing changes, when there is no memory. */
bool kb_train_send(kb_fabric *fabric, const kb_send *send, const kb_path *path, int64_t start_fs,
                   uint32_t count, uint32_t *handle) KB_MUST_CHECK;

/* A server has served the stream's last flit, and the stream ends: from here on the tail may have trains
 * before it alone.  False when there is no memory. */
bool kb_train_follow(kb_fabric *fabric, const kb_stream *stream) KB_MUST_CHECK;

/* Begins to trace a message with a path. */
void kb_train_trace(kb_fabric *fabric, uint32_t flight, kb_hop *hops);

/* A message that is under way flit by flit, its tail's stream being `next` (or its tail's arrival done_fs):
 * its inputs from there on open, and its tail wakes.  False when there is no memory. */
bool kb_train_adopt(kb_fabric *fabric, uint32_t flight) KB_MUST_CHECK;

#endif
