#include "hw/fabric/train_leave.h"

__attribute__((cold, noinline)) void kb_train_overlap_(kb_fabric *fabric, uint32_t link, int64_t n,
                                                       int64_t begin_fs, int64_t end_fs) {
    const kb_train_port *port = &fabric->trains.ports[link];
    if (begin_fs < port->taken_fs) kb_fabric_fail_overlap_(fabric, link, begin_fs, port->taken_fs);
    else kb_fabric_fail_overlap_(fabric, link, end_fs, begin_fs + n * port->service_fs);
}

bool kb_train_land(kb_fabric *fabric, uint32_t link, uint32_t flight, int64_t n_left,
                   kb_train train) {
    const kb_message *message = &fabric->flights.items[flight].message;
    kb_inbox *inbox = &fabric->trains.inboxes[message->dst];
    uint32_t number = KB_NONE;
    if (!kb_waitq_reserve(&inbox->landed, fabric->alloc, inbox->landed.count + 1) ||
        !KB_POOL_TAKE(&fabric->trains.landings, fabric->alloc, &number))
        return false;
    fabric->trains.landings.items[number] =
        (kb_landing){.flight = flight,
                     .link = link,
                     .first = message->n_flits - n_left - train.count,
                     .train = train};
    kb_waitq_push(&inbox->landed, train.start_fs, link, 0, number);
    return true;
}

bool kb_train_hand_on_(kb_fabric *fabric, uint32_t link, const kb_waiting *lead, int64_t n_left,
                       const kb_train *train) {
    uint32_t number = (uint32_t)lead->count_number;
    kb_stream *stream = &fabric->streams.pool.items[number];
    uint32_t to = stream->to, next = stream->next, flight = stream->flight;
    int64_t arrive_fs = train->start_fs;
    if (to == KB_NONE) {
        if (n_left == 0) KB_POOL_GIVE(&fabric->streams.pool, number);
        return kb_train_reach_(fabric, link, flight, n_left, *train);
    }
    kb_train_port *into = &fabric->trains.ports[to];
    bool by_flit = kb_fabric_by_flit_(fabric, to);
    if (n_left == 0 && !by_flit) kb_inputs_drop(&into->open, link);
    if (next == KB_NONE && n_left == 0) {
        kb_train_move_on_(fabric, stream, arrive_fs);
        next = number;
    } else if (next == KB_NONE) {
        if (!kb_fabric_begin_stream_(fabric, number, arrive_fs, &next)) return false;
    } else if (n_left == 0) {
        if (!by_flit) into->n_parted--;
        fabric->flights.items[flight].next = next;
        KB_POOL_GIVE(&fabric->streams.pool, number);
    }
    kb_stream *ahead = &fabric->streams.pool.items[next];
    if (ahead->first.count) return kb_stream_add(&fabric->streams, fabric->alloc, ahead, train);
    if (by_flit ? !kb_server_reserve(fabric, to, flight, ahead->hop)
                : !kb_train_port_reserve(into, fabric->alloc))
        return false;
    ahead->first.start_fs = arrive_fs;
    ahead->first.period_fs = train->period_fs;
    ahead->first.count = train->count;
    fabric->streams.n_pieces++;
    if (by_flit) kb_server_enlist(fabric, to, next);
    else
        kb_train_port_enlist(into, kb_max_i64(arrive_fs, ahead->head_fs),
                             kb_waiting_over(lead->rank, link), lead->count_number, next);
    return true;
}
