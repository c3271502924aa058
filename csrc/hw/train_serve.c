#include "hw/train_serve.h"

/* --- what leaves a port --------------------------------------------------------------------------- */

bool kb_train_land(kb_fabric *fabric, uint32_t link, const kb_stream *stream, kb_train train) {
    const kb_message *message = &fabric->flights.items[stream->flight].message;
    kb_inbox *inbox = &fabric->trains.inboxes[message->dst];
    uint32_t number = KB_NONE;
    if (!kb_waitq_reserve(&inbox->landed, fabric->alloc, inbox->landed.count + 1) ||
        !KB_POOL_TAKE(&fabric->trains.landings, fabric->alloc, &number))
        return false;
    fabric->trains.landings.items[number] =
        (kb_landing){.flight = stream->flight,
                     .link = link,
                     .first = message->n_flits - stream->n_left - train.count,
                     .train = train};
    kb_waitq_push(&inbox->landed, train.start_fs, link, 0, number);
    return true;
}

/* Flits of the stream at its last port reach the message's end. */
static bool land(kb_fabric *fabric, uint32_t link, const kb_stream *stream, kb_train train) {
    kb_flight *flown = &fabric->flights.items[stream->flight];
    const kb_message *message = &flown->message;
    if (stream->n_left == 0) flown->done_fs = kb_train_last_fs(&train);
    if (!kb_train_lands(fabric, message)) return true;
    if (stream->n_left == 0) kb_inputs_drop_later(&fabric->trains.inboxes[message->dst].open, link);
    return kb_train_land(fabric, link, stream, train);
}

/* A train goes on to a port that works by flits: it waits there, as trains do. */
static bool pass_to_server(kb_fabric *fabric, uint32_t to, uint32_t next, kb_train train) {
    kb_stream *ahead = &fabric->streams.pool.items[next];
    bool waits = ahead->first.count != 0;
    if (!waits && !kb_fabric_reserve_(fabric, to, ahead->flight, ahead->hop)) return false;
    if (!kb_stream_add(&fabric->streams, fabric->alloc, ahead, train)) return false;
    if (!waits) kb_server_enlist(fabric, to, next);
    return true;
}

/* Services of a train of a stream's flits: final.  (By pointer: a copy of what has just been stored piece
 * by piece is slow.) */
static bool emit(kb_fabric *fabric, uint32_t link, uint32_t number, const kb_train *train) {
    kb_train_port *port = &fabric->trains.ports[link];
    kb_stream *stream = &fabric->streams.pool.items[number];
    stream->n_left -= train->count;
    port->n_served += (uint64_t)train->count;
    if (fabric->train_watch.path &&
        !kb_train_watch_service(&fabric->train_watch, fabric->alloc, link, stream->flight, *train,
                                stream->n_left == 0))
        return false;
    int64_t arrive_fs = train->start_fs + port->travel_fs;
    uint32_t to = stream->to, next = stream->next;
    if (to == KB_NONE)
        return land(fabric, link, stream, (kb_train){arrive_fs, train->period_fs, train->count});
    if (next == KB_NONE && !kb_fabric_begin_stream_(fabric, number, arrive_fs, &next)) return false;
    if (kb_fabric_by_flit_(fabric, to))
        return pass_to_server(fabric, to, next,
                              (kb_train){arrive_fs, train->period_fs, train->count});
    kb_train_port *into = &fabric->trains.ports[to];
    if (fabric->streams.pool.items[number].n_left == 0) kb_inputs_drop(&into->open, link);
    kb_stream *ahead = &fabric->streams.pool.items[next];
    bool waits = ahead->first.count != 0;
    if (!waits && !kb_train_port_reserve(into, fabric->alloc)) return false;
    if (waits)
        return kb_stream_add(&fabric->streams, fabric->alloc, ahead,
                             (kb_train){arrive_fs, train->period_fs, train->count});
    ahead->first.start_fs = arrive_fs;
    ahead->first.period_fs = train->period_fs;
    ahead->first.count = train->count;
    fabric->streams.n_pieces++;
    kb_train_enlist(fabric, to, next);
    return true;
}

/* The first `count` flits of the stream at `place` have been served.  True when it waits no more; else
 * its key's time is that of its next flit, and it may be out of place. */
static bool settle(kb_fabric *fabric, kb_waiting *waiting, int64_t count) {
    uint32_t number = (uint32_t)waiting->count_number;
    kb_stream *stream = &fabric->streams.pool.items[number];
    kb_stream_take_off(&fabric->streams, stream, count);
    if (stream->first.count) {
        waiting->when_fs = kb_stream_eligible(stream);
        return false;
    }
    if (stream->n_left == 0) {
        fabric->flights.items[stream->flight].next = stream->next;
        KB_POOL_GIVE(&fabric->streams.pool, number);
    }
    return true;
}

/* --- several streams at once ---------------------------------------------------------------------- */

typedef struct round_plan {
    uint32_t n_streams;
    int64_t n_rounds, period_fs;
} round_plan;

/* How many streams take part, and how many rounds there can be: until one of them changes its pace or
 * ends, until the horizon, or until somebody else comes. */
static bool gather(const kb_fabric *fabric, const kb_train_port *port, int64_t upto_fs,
                   round_plan *plan) {
    const kb_waiting *items = port->waiting + port->first;
    const kb_stream *streams = fabric->streams.pool.items;
    const kb_train *lead = &streams[(uint32_t)items[0].count_number].first;
    int64_t period = lead->period_fs, limit = upto_fs;
    uint32_t n = 0;
    plan->n_rounds = INT64_MAX;
    for (; n < port->n_waiting && items[n].when_fs < lead->start_fs + period; n++) {
        const kb_stream *each = &streams[(uint32_t)items[n].count_number];
        const kb_train *train = &each->first;
        if (train->count == 1 || train->period_fs != period || train->start_fs < each->head_fs)
            break;
        plan->n_rounds = kb_min_i64(plan->n_rounds, train->count);
        if (each->more != KB_NONE)
            limit = kb_min_i64(limit, fabric->streams.pieces.items[each->more].train.start_fs - 1);
    }
    if (n < 2) return false;
    if (n < port->n_waiting) limit = kb_min_i64(limit, items[n].when_fs - 1);
    int64_t last_fs = items[n - 1].when_fs;
    if (limit < last_fs) return false;
    plan->n_streams = n;
    plan->n_rounds = kb_min_i64(plan->n_rounds, (limit - last_fs) / period + 1);
    return plan->n_rounds >= 2;
}

/* Lays out one round, and finds how far the others follow it.  False when that leaves the range. */
static bool lay_out(const kb_fabric *fabric, const kb_train_port *port, round_plan *plan) {
    const kb_waiting *items = port->waiting + port->first;
    int64_t period = fabric->streams.pool.items[(uint32_t)items[0].count_number].first.period_fs;
    int64_t service = port->service_fs, slack = INT64_MAX;
    int64_t first_fs = kb_max_i64(port->free_fs, items[0].when_fs), at_fs = first_fs;
    for (uint32_t i = 0; i < plan->n_streams; i++) {
        if (i) at_fs = kb_max_i64(at_fs + service, items[i].when_fs);
        if (at_fs > port->end_fs) return false;
        slack = kb_min_i64(slack, at_fs - items[i].when_fs);
    }
    int64_t busy = (plan->n_streams - 1) * service, room = port->end_fs - at_fs;
    plan->period_fs = 0;
    if (kb_max_i64(at_fs + service, items[0].when_fs + period) - first_fs == period) {
        plan->period_fs = period;
    } else if (at_fs == first_fs + busy) {
        plan->period_fs = busy + service;
        if (plan->period_fs < period)
            plan->n_rounds = kb_min_i64(plan->n_rounds, slack / (period - plan->period_fs) + 1);
    } else {
        plan->n_rounds = 1;
    }
    if (plan->period_fs) plan->n_rounds = kb_min_i64(plan->n_rounds, room / plan->period_fs + 1);
    return true;
}

/* Those that took part are put where they belong now. */
static void sort_again(kb_train_port *port) {
    kb_waiting *items = port->waiting + port->first;
    for (uint32_t i = 1; i < port->n_waiting; i++) {
        kb_waiting moved = items[i];
        uint32_t place = i;
        for (; place && kb_waiting_before(&moved, &items[place - 1]); place--)
            items[place] = items[place - 1];
        items[place] = moved;
    }
}

static bool serve_rounds(kb_fabric *fabric, uint32_t link, const round_plan *plan) {
    kb_train_port *port = &fabric->trains.ports[link];
    kb_waiting *items = port->waiting + port->first;
    int64_t at_fs = kb_max_i64(port->free_fs, items[0].when_fs);
    uint32_t n = plan->n_streams, left = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (i) at_fs = kb_max_i64(at_fs + port->service_fs, items[i].when_fs);
        kb_train train = {at_fs, plan->period_fs, plan->n_rounds};
        if (!emit(fabric, link, (uint32_t)items[i].count_number, &train)) return false;
    }
    port->free_fs = at_fs + (plan->n_rounds - 1) * plan->period_fs + port->service_fs;
    for (uint32_t i = 0; i < n; i++)
        if (!settle(fabric, &items[i], plan->n_rounds)) items[left++] = items[i];
    for (uint32_t i = n; i < port->n_waiting && left < n; i++) items[left + i - n] = items[i];
    port->n_waiting -= n - left;
    if (port->n_waiting == 0) port->first = 0;
    sort_again(port);
    return true;
}

/* --- one stream ----------------------------------------------------------------------------------- */

/* How many flits of the first train are eligible by then; the first of them is. */
static int64_t count_until(const kb_train *train, int64_t until_fs) {
    if (train->count == 1 || until_fs >= kb_train_last_fs(train)) return train->count;
    return (until_fs - train->start_fs) / train->period_fs + 1;
}

/* As many of the first `count` flits of a stream as leave as one train.  Count 0: none can be served
 * within the range of time. */
static kb_train lead_train(const kb_train_port *port, const kb_stream *stream, int64_t when_fs,
                           int64_t count) {
    const kb_train *first = &stream->first;
    int64_t service = port->service_fs, period = first->period_fs;
    kb_train train = {kb_max_i64(port->free_fs, when_fs), service, count};
    if (count > 1 && period > service) {
        if (first->start_fs < stream->head_fs)
            train.count = kb_min_i64(count, (stream->head_fs - first->start_fs) / period + 1);
        else if (port->free_fs <= first->start_fs) train.period_fs = period;
        else
            train.count =
                kb_min_i64(count, (port->free_fs - first->start_fs) / (period - service) + 1);
    }
    int64_t room = port->end_fs - train.start_fs, length;
    if (kb_mul_i64(train.count - 1, train.period_fs, &length) || length > room)
        train.count = room < 0 ? 0 : room / train.period_fs + 1;
    return train;
}

static bool serve_lead(kb_fabric *fabric, uint32_t link, int64_t count) {
    kb_train_port *port = &fabric->trains.ports[link];
    kb_waiting *lead = port->waiting + port->first;
    uint32_t number = (uint32_t)lead->count_number;
    kb_train train = lead_train(port, &fabric->streams.pool.items[number], lead->when_fs, count);
    if (train.count == 0) {
        kb_fabric_fail_overflow_(fabric, link, train.start_fs);
        return false;
    }
    if (!emit(fabric, link, number, &train)) {
        kb_fabric_fail_nomem_(fabric, "a train");
        return false;
    }
    port->free_fs = kb_train_last_fs(&train) + port->service_fs;
    if (settle(fabric, lead, train.count)) kb_train_port_remove_first(port);
    else kb_train_port_put_back_first(port);
    return true;
}

bool kb_train_serve(kb_fabric *fabric, uint32_t link, int64_t upto_fs) {
    kb_train_port *port = &fabric->trains.ports[link];
    port->upto_fs = upto_fs;
    while (port->n_waiting) {
        const kb_waiting *lead = port->waiting + port->first;
        if (lead->when_fs > upto_fs) break;
        const kb_train *train = &fabric->streams.pool.items[(uint32_t)lead->count_number].first;
        int64_t end_fs = upto_fs;
        if (port->n_waiting > 1) {
            bool after = lead[0].rank != lead[1].rank ? lead[0].rank > lead[1].rank
                                                      : lead[0].count_number > lead[1].count_number;
            end_fs = kb_min_i64(end_fs, lead[1].when_fs - after);
        }
        int64_t count = count_until(train, end_fs);
        round_plan plan;
        if (count <= 2 && count < train->count && end_fs < upto_fs &&
            gather(fabric, port, upto_fs, &plan) && lay_out(fabric, port, &plan)) {
            if (serve_rounds(fabric, link, &plan)) continue;
            kb_fabric_fail_nomem_(fabric, "a train");
            return false;
        }
        if (!serve_lead(fabric, link, count)) return false;
    }
    return true;
}
