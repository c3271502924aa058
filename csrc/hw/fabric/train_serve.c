#include "hw/fabric/train_serve.h"

#include "hw/fabric/train_leave.h"
#include "hw/fabric/train_lone.h"
#include "hw/fabric/train_mix.h"
#include "hw/fabric/train_rounds.h"

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
    if (!kb_train_emit(fabric, link, port, lead, train)) {
        kb_fabric_fail_nomem_(fabric, "a train");
        return false;
    }
    if (lead->when_fs == KB_TIME_MAX) kb_lineup_drop_first(&port->waiting);
    else kb_lineup_put_back_first(&port->waiting, fabric->alloc);
    return true;
}

/* The lead leaves as one train.  False when there is no memory. */
static inline bool pass_lead(kb_fabric *fabric, uint32_t link, kb_train_port *port,
                             int64_t begin_fs, int64_t period_fs, int64_t length_fs) {
    const kb_waiting lead = *kb_lineup_items(&port->waiting);
    kb_lineup_drop_first(&port->waiting);
    return kb_train_pass_(fabric, link, port, &lead, begin_fs, period_fs, length_fs);
}

/* Whether all flits of the lead wait here, and are eligible by end_fs; then *left is what leaves, the last service at
 * *last_fs. */
static inline bool leaves_alone(const kb_fabric *fabric, const kb_train_port *port,
                                const kb_waiting *lead, int64_t end_fs, kb_lone *left,
                                int64_t *last_fs) {
    const kb_stream *stream = &fabric->streams.pool.items[(uint32_t)lead->count_number];
    kb_lone came;
    return kb_stream_last_eligible(&fabric->streams, stream) <= end_fs &&
           kb_lone_of(&fabric->streams, stream, &came) &&
           kb_lone_pass(&came, port, lead->when_fs, left, last_fs);
}

/* All trains of a message arrive at its end. */
static bool land_all(kb_fabric *fabric, uint32_t link, uint32_t flight, int64_t n_left,
                     const kb_lone *lone) {
    for (uint32_t i = 0; i < lone->count; i++) {
        n_left -= lone->trains[i].count;
        if (!kb_train_reach_(fabric, link, flight, n_left, lone->trains[i])) return false;
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
    kb_stream_drop_more(streams, stream);
    stream->first = lone->trains[0];
    if (to == KB_NONE) {
        uint32_t flight = stream->flight;
        int64_t n_left = stream->n_left;
        KB_POOL_GIVE(&streams->pool, number);
        return land_all(fabric, link, flight, n_left, lone);
    }
    kb_train_port *into = &fabric->trains.ports[to];
    kb_inputs_drop(&into->open, link);
    kb_train_move_on_(fabric, stream, lone->trains[0].start_fs);
    streams->n_pieces++;
    for (uint32_t i = 1; i < lone->count; i++)
        if (!kb_stream_add(streams, fabric->alloc, stream, &lone->trains[i])) return false;
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
                if (pass_lead(fabric, link, port, begin_fs, period_fs, length_fs)) continue;
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
            bool any, good = kb_train_rounds(fabric, link, upto_fs, &any);
            if (!any && kb_train_differ(fabric, port))
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
