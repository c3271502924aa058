/* A stream: one message at one port, the flits of it that have arrived (or are known to arrive) and
 * are not yet served, as trains.
 *
 *     arrivals   train, train, ...      eligible(flit) = max(its arrival, head_fs)
 *
 * A flit that continues the last train joins it, so a message that comes without gaps is one train at
 * every port, whatever its length.  Where messages of unlike pace meet, a train may be one flit; a queue of those
 * could grow until memory ends, so no more than KB_STREAM_PIECES trains wait behind others: one more is an error
 * that says where most of them are.
 *
 * Invariants
 *   S1. Trains are in order of time; none is empty, but for `first` when no flit is known.
 *   S2. n_left counts the flits that are not served yet, known or not.
 *   S3. `next` is the message's stream at the next port, from its head's service on.
 */
#ifndef KB_HW_FABRIC_STREAM_H
#define KB_HW_FABRIC_STREAM_H

#include "base/checked.h"
#include "base/pool.h"
#include "hw/fabric/fabric.h"

enum { KB_STREAM_PIECES = 1 << 26 }; /* 2 GiB */

/* A train behind the first one of a stream. */
typedef struct kb_piece {
    kb_train train;
    uint32_t next;
} kb_piece;

typedef struct kb_stream {
    uint32_t next;
    uint32_t flight; /* the message */
    uint32_t hop;    /* position of this port in its path, */
    uint32_t to;     /* and the port that comes next; KB_NONE: the end */
    int64_t head_fs; /* the head's eligibility */
    int64_t n_left;
    kb_train first;
    uint32_t more, last; /* further pieces, or KB_NONE */
} kb_stream;

typedef struct kb_streams {
    KB_POOL(kb_stream) pool;
    KB_POOL(kb_piece) pieces;
    uint32_t most_pieces; /* KB_STREAM_PIECES, or fewer for a test */
    uint64_t n_pieces;    /* trains that were begun */
} kb_streams;

void kb_streams_init(kb_streams *streams);
void kb_streams_deinit(kb_streams *streams, kb_alloc *alloc);

/* A stream without trains; the rest is to be filled in.  False when there is no memory. */
KB_MUST_CHECK static inline bool kb_stream_take(kb_streams *streams, kb_alloc *alloc,
                                                uint32_t *number) {
    if (!KB_POOL_TAKE(&streams->pool, alloc, number)) return false;
    kb_stream *stream = &streams->pool.items[*number];
    if (streams->pool.state.free != KB_NONE)
        __builtin_prefetch(&streams->pool.items[streams->pool.state.free]);
    stream->next = stream->more = stream->last = KB_NONE;
    stream->first.count = 0;
    return true;
}

void kb_stream_next_piece_(kb_streams *streams, kb_stream *stream);

static inline int64_t kb_train_last_fs(const kb_train *train) {
    return train->start_fs + train->period_fs * (train->count - 1);
}

/* The train that a flit could join. */
static inline kb_train *kb_stream_end_(kb_streams *streams, kb_stream *stream) {
    return stream->last == KB_NONE ? &stream->first : &streams->pieces.items[stream->last].train;
}

/* Lengthens a train, which has flits, by another one, which arrives no earlier, where that goes on at its pace.
 * False, and nothing changes, where it does not. */
static inline bool kb_train_join(kb_train *end, const kb_train *more) {
    int64_t gap = more->start_fs - kb_train_last_fs(end);
    if (end->count > 1 && gap != end->period_fs) return false;
    if (more->count > 1 && gap != more->period_fs) return false;
    end->period_fs = gap;
    end->count += more->count;
    return true;
}

/* The same for the last train of a stream, if there is one. */
static inline bool kb_stream_join(kb_streams *streams, kb_stream *stream, const kb_train *more) {
    kb_train *end = kb_stream_end_(streams, stream);
    return end->count && kb_train_join(end, more);
}

bool kb_stream_append_(kb_streams *streams, kb_alloc *alloc, kb_stream *stream,
                       const kb_train *train) KB_MUST_CHECK;

/* Adds flits that arrive no earlier than those before.  False when there is no memory, or no room for a train. */
KB_MUST_CHECK static inline bool kb_stream_add(kb_streams *streams, kb_alloc *alloc,
                                               kb_stream *stream, const kb_train *train) {
    if (stream->first.count == 0) {
        stream->first = *train;
        streams->n_pieces++;
        return true;
    }
    return kb_train_join(kb_stream_end_(streams, stream), train) ||
           kb_stream_append_(streams, alloc, stream, train);
}

/* The same for one flit: the hot path of serving flit by flit. */
KB_MUST_CHECK static inline bool kb_stream_add_flit(kb_streams *streams, kb_alloc *alloc,
                                                    kb_stream *stream, int64_t arrive_fs) {
    if (stream->first.count == 0) {
        stream->first = (kb_train){arrive_fs, 0, 1};
        streams->n_pieces++;
        return true;
    }
    kb_train *end = kb_stream_end_(streams, stream);
    int64_t gap = arrive_fs - kb_train_last_fs(end);
    if (end->count == 1) end->period_fs = gap;
    if (gap != end->period_fs)
        return kb_stream_append_(streams, alloc, stream, &(kb_train){arrive_fs, 0, 1});
    end->count++;
    return true;
}

/* When the next flit is eligible; there is one. */
static inline int64_t kb_stream_eligible(const kb_stream *stream) {
    return kb_max_i64(stream->first.start_fs, stream->head_fs);
}

/* Whether all that is left of a message is here, known and as one train, and nothing of it is at the next
 * port. */
static inline bool kb_stream_is_whole(const kb_stream *stream) {
    return stream->first.count == stream->n_left &&
           (stream->next == KB_NONE || stream->to == KB_NONE);
}

/* Its trains behind the first one are no more. */
static inline void kb_stream_drop_more(kb_streams *streams, kb_stream *stream) {
    while (stream->more != KB_NONE) kb_stream_next_piece_(streams, stream);
}

/* Takes the next flit off. */
static inline void kb_stream_advance(kb_streams *streams, kb_stream *stream) {
    stream->n_left--;
    if (--stream->first.count) stream->first.start_fs += stream->first.period_fs;
    else if (stream->more != KB_NONE) kb_stream_next_piece_(streams, stream);
}

/* Takes `count` flits of the first train off. */
static inline void kb_stream_take_off(kb_streams *streams, kb_stream *stream, int64_t count) {
    stream->first.count -= count;
    if (stream->first.count) stream->first.start_fs += count * stream->first.period_fs;
    else if (stream->more != KB_NONE) kb_stream_next_piece_(streams, stream);
}

/* When the last flit that is known is eligible; there is one. */
static inline int64_t kb_stream_last_eligible(const kb_streams *streams, const kb_stream *stream) {
    const kb_train *end =
        stream->last == KB_NONE ? &stream->first : &streams->pieces.items[stream->last].train;
    return kb_max_i64(kb_train_last_fs(end), stream->head_fs);
}

#endif
