/* The flits of a message at a port where nobody else is in its way, as trains: those that wait come as they left
 * the port before, and leave as
 *
 *     those that came before the head was eligible, and while they drain    at the pace of the service
 *     those behind, where they come slower than they are served             at their own
 *
 * so a message whose head is held up is two trains behind a slow link, and some more where its paces are several.
 */
#ifndef KB_HW_FABRIC_TRAIN_LONE_H
#define KB_HW_FABRIC_TRAIN_LONE_H

#include "hw/fabric/train_port.h"

enum { KB_LONE_TRAINS = 8 };

typedef struct kb_lone {
    uint32_t count;
    kb_train trains[KB_LONE_TRAINS];
} kb_lone;

/* All flits of a stream that are still to be served.  False when some are not known, or they are more trains. */
bool kb_lone_rest(const kb_streams *streams, const kb_stream *stream, kb_lone *lone);

/* The same where none of the message is at the next port.  (Where others are in the way most are refused at a
 * glance.) */
static inline bool kb_lone_of(const kb_streams *streams, const kb_stream *stream, kb_lone *lone) {
    if (stream->next != KB_NONE && stream->to != KB_NONE) return false;
    if (stream->more == KB_NONE && stream->first.count != stream->n_left) return false;
    return kb_lone_rest(streams, stream, lone);
}

/* As they arrive behind the port, the first eligible there from head_fs on; *last_fs is the last service.  False when
 * that is more trains, or is not within the range of time. */
bool kb_lone_pass(const kb_lone *lone, const kb_train_port *port, int64_t head_fs, kb_lone *left,
                  int64_t *last_fs);

#endif
