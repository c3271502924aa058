/* What leaves a port of trains: counted, and handed on to the next port or to its end.
 *
 *     kb_train_emit    some flits of a stream that waits: they join its stream at the next port, or wait there
 *     hand on          a train, to the next port: the head begins a stream there, the tail takes its own along
 *     reach            a train, to the end of its message; kb_train_land where the sink takes every flit
 *
 * What is handed on is final (train_pull.h).
 */
#ifndef KB_HW_FABRIC_TRAIN_LEAVE_H
#define KB_HW_FABRIC_TRAIN_LEAVE_H

#include "hw/fabric/fabric_core.h"

void kb_train_overlap_(kb_fabric *fabric, uint32_t link, int64_t n, int64_t begin_fs,
                       int64_t end_fs);

/* The port serves n flits of one period, the first from begin_fs, the last until end_fs.  Physics: not before
 * those before have ended, and in as much time as they take one by one. */
static inline void kb_train_count(kb_fabric *fabric, uint32_t link, kb_train_port *port, int64_t n,
                                  int64_t begin_fs, int64_t end_fs) {
    if (begin_fs < port->taken_fs || n * port->service_fs > end_fs - begin_fs)
        kb_train_overlap_(fabric, link, n, begin_fs, end_fs);
    port->free_fs = port->taken_fs = end_fs;
    port->n_served += (uint64_t)n;
}

/* Flits of a message, n_left of which are still to come, will be at its end, where the sink takes every
 * flit.  False when there is no memory. */
bool kb_train_land(kb_fabric *fabric, uint32_t link, uint32_t flight, int64_t n_left,
                   kb_train train) KB_MUST_CHECK;

/* Flits of a message reach its end; n_left are to come. */
KB_MUST_CHECK static inline bool kb_train_reach_(kb_fabric *fabric, uint32_t link, uint32_t flight,
                                                 int64_t n_left, kb_train train) {
    kb_flight *flown = &fabric->flights.items[flight];
    if (n_left == 0) flown->done_fs = kb_train_last_fs(&train);
    if (!kb_train_lands(fabric, &flown->message)) return true;
    if (n_left == 0) kb_inputs_drop_later(&fabric->trains.inboxes[flown->message.dst].open, link);
    return kb_train_land(fabric, link, flight, n_left, train);
}

/* The stream moves on to the next port. */
static inline void kb_train_move_on_(const kb_fabric *fabric, kb_stream *stream,
                                     int64_t arrive_fs) {
    const kb_flight *flown = &fabric->flights.items[stream->flight];
    uint32_t hop = ++stream->hop;
    stream->head_fs = arrive_fs + kb_fabric_overhead_(fabric, stream->to);
    stream->to = hop + 1 < flown->n_links ? flown->path[hop + 1] : KB_NONE;
    stream->n_left = flown->message.n_flits;
}

/* What is left of a message is at the port of `link` as one train, of that key, and leaves as one: its stream moves on,
 * or ends.  Room at the next port is made here.  False when there is no memory. */
KB_MUST_CHECK static inline bool kb_train_pass_(kb_fabric *fabric, uint32_t link,
                                                kb_train_port *port, const kb_waiting *key,
                                                int64_t begin_fs, int64_t period_fs,
                                                int64_t length_fs) {
    uint32_t number = (uint32_t)key->count_number;
    kb_stream *stream = &fabric->streams.pool.items[number];
    int64_t arrive_fs = begin_fs + port->travel_fs;
    uint32_t to = stream->to;
    kb_train_count(fabric, link, port, stream->n_left, begin_fs,
                   begin_fs + length_fs + port->service_fs);
    if (to == KB_NONE) {
        uint32_t flight = stream->flight;
        kb_train train = {arrive_fs, period_fs, stream->n_left};
        KB_POOL_GIVE(&fabric->streams.pool, number);
        return kb_train_reach_(fabric, link, flight, 0, train);
    }
    kb_train_port *into = &fabric->trains.ports[to];
    kb_inputs_drop(&into->open, link);
    kb_train_move_on_(fabric, stream, arrive_fs);
    stream->first.start_fs = arrive_fs;
    stream->first.period_fs = period_fs;
    fabric->streams.n_pieces++;
    if (!kb_train_port_reserve(into, fabric->alloc)) return false;
    kb_train_port_enlist(into, kb_max_i64(arrive_fs, stream->head_fs),
                         kb_waiting_over(key->rank, link), key->count_number, number);
    return true;
}

/* A train of flits of a stream, n_left of which are still to come, goes on to the next port, or to its end. */
bool kb_train_hand_on_(kb_fabric *fabric, uint32_t link, const kb_waiting *lead, int64_t n_left,
                       const kb_train *train) KB_MUST_CHECK;

/* Services of a train of the first flits of the stream that waits as `lead`: final, and counted.  Its key's
 * time is that of the next flit then, so it may be out of place; KB_TIME_MAX: it waits no more. */
KB_MUST_CHECK static inline bool kb_train_emit(kb_fabric *fabric, uint32_t link,
                                               const kb_train_port *port, kb_waiting *lead,
                                               kb_train train) {
    kb_stream *stream = &fabric->streams.pool.items[(uint32_t)lead->count_number];
    int64_t n_left = stream->n_left - train.count;
    stream->n_left = n_left;
    if (fabric->train_watch.path &&
        !kb_train_watch_service(&fabric->train_watch, fabric->alloc, link, stream->flight, train,
                                n_left == 0))
        return false;
    kb_stream_take_off(&fabric->streams, stream, train.count);
    lead->when_fs = stream->first.count ? kb_stream_eligible(stream) : KB_TIME_MAX;
    train.start_fs += port->travel_fs;
    if (n_left && stream->next != KB_NONE) {
        kb_stream *ahead = &fabric->streams.pool.items[stream->next];
        if (ahead->first.count)
            return kb_stream_add(&fabric->streams, fabric->alloc, ahead, &train);
    }
    return kb_train_hand_on_(fabric, link, lead, n_left, &train);
}

#endif
