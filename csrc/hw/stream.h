/* A stream: one message at one port, the flits of it that have arrived (or are known to arrive) and
 * are not yet served, as trains.
 *
 *     arrivals   train, train, ...      eligible(flit) = max(its arrival, head_fs)
 *
 * A flit that continues the last train joins it, so a message that comes without gaps is one train at
 * every port, whatever its length.
 *
 * Invariants
 *   S1. Trains are in order of time; none is empty, but for `first` when no flit is known.
 *   S2. n_served counts the flits that are gone; the next one is flit n_served.
 *   S3. `next` is the message's stream at the next port, from its head's service on.
 */
#ifndef KB_HW_STREAM_H
#define KB_HW_STREAM_H

#include "base/checked.h"
#include "hw/fabric.h"
#include "hw/pool.h"

/* A train behind the first one of a stream. */
typedef struct kb_piece {
    kb_train train;
    uint32_t next;
} kb_piece;

typedef struct kb_stream {
    uint32_t next;
    uint32_t flight;     /* the message */
    uint32_t hop, input; /* position in its path; 0 at its sender, else number of the link + 1 */
    int64_t head_fs;     /* the head's eligibility */
    int64_t n_served;
    kb_train first;
    uint32_t more, last; /* further pieces, or KB_NONE */
} kb_stream;

typedef struct kb_streams {
    KB_POOL(kb_stream) pool;
    KB_POOL(kb_piece) pieces;
    uint64_t n_pieces; /* trains that were begun */
} kb_streams;

void kb_streams_init(kb_streams *streams);
void kb_streams_deinit(kb_streams *streams, kb_alloc *alloc);

/* A stream without flits.  False when there is no memory. */
bool kb_stream_take(kb_streams *streams, kb_alloc *alloc, uint32_t flight, uint32_t hop,
                    uint32_t input, uint32_t *number) KB_MUST_CHECK;

/* Adds a piece behind the others; false when there is no memory. */
bool kb_stream_add_piece_(kb_streams *streams, kb_alloc *alloc, kb_stream *stream,
                          kb_train train) KB_MUST_CHECK;
void kb_stream_next_piece_(kb_streams *streams, kb_stream *stream);

static inline int64_t kb_train_last_fs(kb_train train) {
    return train.start_fs + train.period_fs * (train.count - 1);
}

/* Lengthens `train` by `more`, when that goes on where it ends. */
static inline bool kb_train_join(kb_train *train, kb_train more) {
    int64_t gap = more.start_fs - kb_train_last_fs(*train);
    bool first_gap = train->count == 1;
    if (!first_gap && gap != train->period_fs) return false;
    if (more.count > 1 && gap != more.period_fs) return false;
    if (first_gap) train->period_fs = gap;
    train->count += more.count;
    return true;
}

/* Adds flits that arrive no earlier than those before.  False when there is no memory. */
KB_MUST_CHECK static inline bool kb_stream_add(kb_streams *streams, kb_alloc *alloc,
                                               kb_stream *stream, kb_train train) {
    if (stream->first.count == 0) {
        stream->first = train;
        streams->n_pieces++;
        return true;
    }
    kb_train *end =
        stream->last == KB_NONE ? &stream->first : &streams->pieces.items[stream->last].train;
    return kb_train_join(end, train) || kb_stream_add_piece_(streams, alloc, stream, train);
}

/* When the next flit is eligible; there is one. */
static inline int64_t kb_stream_eligible(const kb_stream *stream) {
    return kb_max_i64(stream->first.start_fs, stream->head_fs);
}

/* Takes the next flit off. */
static inline void kb_stream_advance(kb_streams *streams, kb_stream *stream) {
    stream->n_served++;
    if (--stream->first.count) stream->first.start_fs += stream->first.period_fs;
    else if (stream->more != KB_NONE) kb_stream_next_piece_(streams, stream);
}

#endif
