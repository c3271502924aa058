#include "hw/fabric/train_serve.h"

#include "hw/fabric/train_brief.h"
#include "hw/fabric/train_lone.h"
#include "hw/fabric/train_mix.h"

/* --- what leaves a port --------------------------------------------------------------------------- */

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

/* Flits of a message reach its end; n_left are to come. */
static inline bool land(kb_fabric *fabric, uint32_t link, uint32_t flight, int64_t n_left,
                        kb_train train) {
    kb_flight *flown = &fabric->flights.items[flight];
    if (n_left == 0) flown->done_fs = kb_train_last_fs(&train);
    if (!kb_train_lands(fabric, &flown->message)) return true;
    if (n_left == 0) kb_inputs_drop_later(&fabric->trains.inboxes[flown->message.dst].open, link);
    return kb_train_land(fabric, link, flight, n_left, train);
}

/* The stream moves on to the next port. */
static inline void move_on(const kb_fabric *fabric, kb_stream *stream, int64_t arrive_fs) {
    const kb_flight *flown = &fabric->flights.items[stream->flight];
    uint32_t hop = ++stream->hop;
    stream->head_fs = arrive_fs + kb_fabric_overhead_(fabric, stream->to);
    stream->to = hop + 1 < flown->n_links ? flown->path[hop + 1] : KB_NONE;
    stream->n_left = flown->message.n_flits;
}

/* A train of flits of a stream, n_left of which are still to come, goes on to the next port, or to its end. */
static bool hand_on(kb_fabric *fabric, uint32_t link, const kb_waiting *lead, int64_t n_left,
                    const kb_train *train) {
    uint32_t number = (uint32_t)lead->count_number;
    kb_stream *stream = &fabric->streams.pool.items[number];
    uint32_t to = stream->to, next = stream->next, flight = stream->flight;
    int64_t arrive_fs = train->start_fs;
    if (to == KB_NONE) {
        if (n_left == 0) KB_POOL_GIVE(&fabric->streams.pool, number);
        return land(fabric, link, flight, n_left, *train);
    }
    kb_train_port *into = &fabric->trains.ports[to];
    bool by_flit = kb_fabric_by_flit_(fabric, to);
    if (n_left == 0 && !by_flit) kb_inputs_drop(&into->open, link);
    if (next == KB_NONE && n_left == 0) {
        move_on(fabric, stream, arrive_fs);
        next = number;
    } else if (next == KB_NONE) {
        if (!kb_fabric_begin_stream_(fabric, number, arrive_fs, &next)) return false;
    } else if (n_left == 0) {
        fabric->flights.items[flight].next = next;
        KB_POOL_GIVE(&fabric->streams.pool, number);
    }
    kb_stream *ahead = &fabric->streams.pool.items[next];
    if (ahead->first.count) return kb_stream_add(&fabric->streams, fabric->alloc, ahead, *train);
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

/* Services of a train of the first flits of the stream that waits as `lead`: final, and counted.  Its key's
 * time is that of the next flit then, so it may be out of place; KB_TIME_MAX: it waits no more. */
static inline bool emit(kb_fabric *fabric, uint32_t link, const kb_train_port *port,
                        kb_waiting *lead, kb_train train) {
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
    if (n_left && stream->next != KB_NONE &&
        kb_stream_join(&fabric->streams, &fabric->streams.pool.items[stream->next], &train))
        return true;
    return hand_on(fabric, link, lead, n_left, &train);
}

bool kb_train_emit_(kb_fabric *fabric, uint32_t link, kb_waiting *lead, kb_train train) {
    return emit(fabric, link, &fabric->trains.ports[link], lead, train);
}

/* --- several streams at once ---------------------------------------------------------------------- */

typedef struct round_plan {
    uint32_t n_streams;
    int64_t n_rounds, period_fs;
} round_plan;

/* To lay out a single round pays from so many streams on: to look at them all again for each would not. */
enum { ROUND_ALONE = 8 };

/* A stream of the lead's period takes part until it changes its pace or ends: so many flits of its first train, and
 * up to then. */
static inline void take_part(const kb_fabric *fabric, const kb_stream *stream, round_plan *plan,
                             int64_t *limit_fs) {
    plan->n_rounds = kb_min_i64(plan->n_rounds, stream->first.count);
    if (stream->more == KB_NONE) return;
    int64_t change_fs = fabric->streams.pieces.items[stream->more].train.start_fs;
    *limit_fs = kb_min_i64(*limit_fs, change_fs - 1);
}

/* How many of those that are sorted take part, and come by until_fs; n of them are known. */
static inline uint32_t count_alike(kb_fabric *fabric, const kb_train_port *port, uint32_t n,
                                   int64_t period_fs, int64_t until_fs, round_plan *plan,
                                   int64_t *limit_fs) {
    kb_waiting *items = kb_lineup_items(&port->waiting);
    for (uint32_t count = port->waiting.count; n < count && items[n].when_fs <= until_fs; n++) {
        if (!kb_brief_resolve(fabric, &items[n])) return n;
        const kb_stream *each = &fabric->streams.pool.items[(uint32_t)items[n].count_number];
        const kb_train *train = &each->first;
        if (train->count == 1 || train->period_fs != period_fs || train->start_fs < each->head_fs)
            return n;
        take_part(fabric, each, plan, limit_fs);
    }
    return n;
}

/* How many streams take part, and how many rounds there can be: until one of them changes its pace or
 * ends, until the horizon, or until somebody else comes.  The lead has several flits, and is not alone. */
static bool gather(kb_fabric *fabric, kb_train_port *port, const kb_stream *lead, int64_t upto_fs,
                   round_plan *plan) {
    kb_lineup *waiting = &port->waiting;
    int64_t period = lead->first.period_fs, limit = upto_fs;
    int64_t until_fs = kb_min_i64(lead->first.start_fs + period - 1, upto_fs);
    if (lead->first.start_fs < lead->head_fs || kb_lineup_items(waiting)[1].when_fs > until_fs)
        return false;
    uint32_t n = 1;
    plan->n_rounds = INT64_MAX;
    take_part(fabric, lead, plan, &limit);
    do n = count_alike(fabric, port, n, period, until_fs, plan, &limit);
    while (n == waiting->count && kb_lineup_sort_more(waiting, fabric->alloc, until_fs));
    if (n < 2) return false;
    limit = kb_min_i64(limit, kb_lineup_when(waiting, n) - 1);
    int64_t last_fs = kb_lineup_items(waiting)[n - 1].when_fs;
    plan->n_streams = n;
    plan->n_rounds =
        limit < last_fs ? 1 : kb_min_i64(plan->n_rounds, (limit - last_fs) / period + 1);
    return plan->n_rounds >= 2 || n >= ROUND_ALONE;
}

/* Lays out one round, and finds how far the others follow it.  False when that leaves the range. */
static bool lay_out(const kb_fabric *fabric, const kb_train_port *port, round_plan *plan) {
    const kb_waiting *items = kb_lineup_items(&port->waiting);
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

void kb_train_put_back_(kb_lineup *waiting, uint32_t n) {
    kb_waiting *items = kb_lineup_items(waiting);
    uint32_t gone = n, end = waiting->count;
    while (n-- > 0) {
        if (items[n].when_fs == KB_TIME_MAX) continue;
        kb_waiting moved = items[n];
        if (kb_lineup_puts_off(waiting, &moved)) continue;
        uint32_t place = --gone;
        for (; place + 1 < end && kb_waiting_before(&items[place + 1], &moved); place++)
            items[place] = items[place + 1];
        items[place] = moved;
    }
    waiting->count -= gone;
    waiting->first = waiting->count ? waiting->first + gone : 0;
    kb_lineup_close_up(waiting);
}

static bool serve_rounds(kb_fabric *fabric, uint32_t link, const round_plan *plan) {
    kb_train_port *port = &fabric->trains.ports[link];
    kb_waiting *items = kb_lineup_items(&port->waiting);
    int64_t at_fs = kb_max_i64(port->free_fs, items[0].when_fs), first_fs = at_fs;
    uint32_t n = plan->n_streams;
    for (uint32_t i = 0; i < n; i++) {
        if (i) at_fs = kb_max_i64(at_fs + port->service_fs, items[i].when_fs);
        kb_train train = {at_fs, plan->period_fs, plan->n_rounds};
        if (!emit(fabric, link, port, &items[i], train)) return false;
        kb_train_count(fabric, link, port, 1, at_fs, at_fs + port->service_fs);
    }
    int64_t rest = plan->n_rounds - 1; /* as the first one, each a period after the one before */
    if (rest)
        kb_train_count(fabric, link, port, n * rest, first_fs + plan->period_fs,
                       at_fs + rest * plan->period_fs + port->service_fs);
    kb_train_put_back_(&port->waiting, n);
    return true;
}

/* --- one stream ----------------------------------------------------------------------------------- */

static inline bool serve_lead(kb_fabric *fabric, uint32_t link, kb_train_port *port,
                              kb_waiting *lead, const kb_stream *stream, int64_t count) {
    int64_t last_fs;
    kb_train train =
        kb_train_port_lead(port, port->free_fs, &stream->first, stream->head_fs, count, &last_fs);
    if (train.count == 0) {
        kb_fabric_fail_overflow_(fabric, link, train.start_fs);
        return false;
    }
    kb_train_count(fabric, link, port, train.count, train.start_fs, last_fs + port->service_fs);
    if (!emit(fabric, link, port, lead, train)) {
        kb_fabric_fail_nomem_(fabric, "a train");
        return false;
    }
    if (lead->when_fs == KB_TIME_MAX) kb_lineup_drop_first(&port->waiting);
    else kb_lineup_put_back_first(&port->waiting, fabric->alloc);
    return true;
}

/* The lead leaves as one train: its stream moves on, or ends.  False when there is no memory. */
static inline bool pass_lead(kb_fabric *fabric, uint32_t link, int64_t begin_fs, int64_t period_fs,
                             int64_t length_fs) {
    kb_train_port *port = &fabric->trains.ports[link];
    const kb_waiting lead = *kb_lineup_items(&port->waiting);
    uint32_t number = (uint32_t)lead.count_number;
    kb_stream *stream = &fabric->streams.pool.items[number];
    int64_t arrive_fs = begin_fs + port->travel_fs;
    uint32_t to = stream->to;
    kb_train_count(fabric, link, port, stream->n_left, begin_fs,
                   begin_fs + length_fs + port->service_fs);
    kb_lineup_drop_first(&port->waiting);
    if (to == KB_NONE) {
        uint32_t flight = stream->flight;
        kb_train train = {arrive_fs, period_fs, stream->n_left};
        KB_POOL_GIVE(&fabric->streams.pool, number);
        return land(fabric, link, flight, 0, train);
    }
    kb_train_port *into = &fabric->trains.ports[to];
    kb_inputs_drop(&into->open, link);
    move_on(fabric, stream, arrive_fs);
    stream->first.start_fs = arrive_fs;
    stream->first.period_fs = period_fs;
    fabric->streams.n_pieces++;
    if (!kb_train_port_reserve(into, fabric->alloc)) return false;
    kb_train_port_enlist(into, kb_max_i64(arrive_fs, stream->head_fs),
                         kb_waiting_over(lead.rank, link), lead.count_number, number);
    return true;
}

/* Whether all flits of the lead wait here, and are eligible by end_fs; then *left is what leaves, the last service at
 * *last_fs. */
static inline bool leaves_alone(const kb_fabric *fabric, const kb_train_port *port,
                                const kb_waiting *lead, int64_t end_fs, kb_lone *left,
                                int64_t *last_fs) {
    const kb_stream *stream = &fabric->streams.pool.items[(uint32_t)lead->count_number];
    kb_lone came;
    return kb_lone_of(&fabric->streams, stream, &came) &&
           kb_train_last_fs(&came.trains[came.count - 1]) <= end_fs &&
           kb_lone_pass(&came, port, lead->when_fs, left, last_fs);
}

/* All trains of a message arrive at its end. */
static bool land_all(kb_fabric *fabric, uint32_t link, uint32_t flight, int64_t n_left,
                     const kb_lone *lone) {
    for (uint32_t i = 0; i < lone->count; i++) {
        n_left -= lone->trains[i].count;
        if (!land(fabric, link, flight, n_left, lone->trains[i])) return false;
    }
    return true;
}

/* The lead waits with all its flits, and leaves with them as several trains: its stream moves on, or ends.  False
 * when there is no memory. */
static bool pass_lone(kb_fabric *fabric, uint32_t link, const kb_lone *lone, int64_t last_fs) {
    kb_train_port *port = &fabric->trains.ports[link];
    const kb_waiting lead = *kb_lineup_items(&port->waiting);
    uint32_t number = (uint32_t)lead.count_number;
    kb_streams *streams = &fabric->streams;
    kb_stream *stream = &streams->pool.items[number];
    uint32_t to = stream->to;
    kb_train_count(fabric, link, port, stream->n_left, kb_max_i64(port->free_fs, lead.when_fs),
                   last_fs + port->service_fs);
    kb_lineup_drop_first(&port->waiting);
    kb_stream_replace(streams, stream, &lone->trains[0]);
    if (to == KB_NONE) {
        uint32_t flight = stream->flight;
        int64_t n_left = stream->n_left;
        KB_POOL_GIVE(&streams->pool, number);
        return land_all(fabric, link, flight, n_left, lone);
    }
    kb_train_port *into = &fabric->trains.ports[to];
    kb_inputs_drop(&into->open, link);
    move_on(fabric, stream, lone->trains[0].start_fs);
    streams->n_pieces++;
    for (uint32_t i = 1; i < lone->count; i++)
        if (!kb_stream_add(streams, fabric->alloc, stream, lone->trains[i])) return false;
    if (!kb_train_port_reserve(into, fabric->alloc)) return false;
    kb_train_port_enlist(into, stream->head_fs, kb_waiting_over(lead.rank, link), lead.count_number,
                         number);
    return true;
}

bool kb_train_serve(kb_fabric *fabric, uint32_t link, int64_t least_fs, int64_t upto_fs) {
    kb_train_port *port = &fabric->trains.ports[link];
    bool plain = !fabric->train_watch.path && !fabric->servers.of;
    port->upto_fs = upto_fs;
    while (port->waiting.count) {
        kb_waiting *lead = kb_lineup_items(&port->waiting);
        if (lead->when_fs > upto_fs) break;
        if (!kb_brief_resolve(fabric, lead)) return false;
        const kb_stream *stream = &fabric->streams.pool.items[(uint32_t)lead->count_number];
        const kb_train *train = &stream->first;
        int64_t end_fs = upto_fs, last_fs = kb_train_last_fs(train), count = train->count;
        if (last_fs > upto_fs && lead->when_fs > least_fs) {
            port->upto_fs = lead->when_fs - 1;
            break;
        }
        if (port->waiting.count > 1) end_fs = kb_min_i64(end_fs, kb_waiting_until(lead, lead + 1));
        if (last_fs <= end_fs && plain) {
            int64_t begin_fs = kb_max_i64(port->free_fs, lead->when_fs), period_fs, length_fs;
            if (kb_stream_is_whole(stream) &&
                kb_train_port_keeps(port, train, begin_fs, &period_fs, &length_fs)) {
                if (pass_lead(fabric, link, begin_fs, period_fs, length_fs)) continue;
                kb_fabric_fail_nomem_(fabric, "a train");
                return false;
            }
            kb_lone left;
            if (leaves_alone(fabric, port, lead, end_fs, &left, &last_fs)) {
                if (pass_lone(fabric, link, &left, last_fs)) continue;
                kb_fabric_fail_nomem_(fabric, "a train");
                return false;
            }
        } else if (last_fs > end_fs && count > 1) {
            int64_t length_fs = end_fs - train->start_fs;
            count = length_fs < train->period_fs ? 1 : length_fs / train->period_fs + 1;
        }
        if (count <= 2 && count < train->count && end_fs < upto_fs) {
            round_plan plan;
            bool any = gather(fabric, port, stream, upto_fs, &plan) && lay_out(fabric, port, &plan);
            bool good = true;
            if (any) good = serve_rounds(fabric, link, &plan);
            else if (kb_train_differ(fabric, port))
                good = kb_train_mix(fabric, link, least_fs, upto_fs, &any);
            if (!good) {
                kb_fabric_fail_nomem_(fabric, "a train");
                return false;
            }
            if (any) continue;
            lead = kb_lineup_items(&port->waiting); /* where they are now */
            stream = &fabric->streams.pool.items[(uint32_t)lead->count_number];
        }
        if (!serve_lead(fabric, link, port, lead, stream, count)) return false;
    }
    return true;
}
