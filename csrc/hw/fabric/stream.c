#include "hw/fabric/stream.h"

void kb_streams_init(kb_streams *streams) {
    *streams = (kb_streams){.most_pieces = KB_STREAM_PIECES};
    kb_pool_init(&streams->pool.state);
    kb_pool_init(&streams->pieces.state);
}

void kb_streams_deinit(kb_streams *streams, kb_alloc *alloc) {
    KB_POOL_FREE(&streams->pool, alloc);
    KB_POOL_FREE(&streams->pieces, alloc);
}

bool kb_stream_append_(kb_streams *streams, kb_alloc *alloc, kb_stream *stream,
                       const kb_train *train) {
    uint32_t number;
    if (streams->pieces.state.n_live == streams->most_pieces) return false;
    if (!KB_POOL_TAKE(&streams->pieces, alloc, &number)) return false;
    streams->pieces.items[number] = (kb_piece){*train, KB_NONE};
    if (stream->last == KB_NONE) stream->more = number;
    else streams->pieces.items[stream->last].next = number;
    stream->last = number;
    streams->n_pieces++;
    return true;
}

void kb_stream_next_piece_(kb_streams *streams, kb_stream *stream) {
    uint32_t number = stream->more;
    stream->first = streams->pieces.items[number].train;
    stream->more = streams->pieces.items[number].next;
    if (stream->more == KB_NONE) stream->last = KB_NONE;
    else __builtin_prefetch(&streams->pieces.items[stream->more]);
    KB_POOL_GIVE(&streams->pieces, number);
}
