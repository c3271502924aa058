#include "hw/fabric/train_mix.h"

#include "hw/fabric/train_leave.h"

/* A stream that takes part. */
typedef struct lane {
    kb_train train;   /* of it that is next, */
    kb_train served;  /* and what was served of that and is not handed on yet */
    int64_t until_fs; /* it goes no further: for others that wait, or what is not known */
    kb_waiting *item; /* which waits as that */
} lane;

enum { MOST_LANES = 4 };

static inline bool comes_before(const lane *a, const lane *b) {
    if (a->train.start_fs != b->train.start_fs) return a->train.start_fs < b->train.start_fs;
    return kb_waiting_ranks_before(a->item, b->item);
}

/* Those that come before the lead's train is at its end, and one another's. */
static uint32_t take_lanes(const kb_fabric *fabric, const kb_train_port *port, int64_t least_fs,
                           int64_t upto_fs, lane *lanes) {
    const kb_lineup *waiting = &port->waiting;
    kb_waiting *items = kb_lineup_items(waiting);
    int64_t last_fs = INT64_MAX;
    uint32_t n = 0;
    for (; n < waiting->count && n < MOST_LANES && items[n].when_fs <= last_fs; n++) {
        const kb_stream *stream = &fabric->streams.pool.items[(uint32_t)items[n].count_number];
        if (stream->first.start_fs < stream->head_fs) break;
        int64_t end_fs = kb_train_last_fs(&stream->first);
        last_fs = kb_min_i64(last_fs, end_fs);
        lanes[n].train = stream->first;
        lanes[n].served.count = 0;
        lanes[n].until_fs = end_fs > upto_fs ? kb_min_i64(least_fs, upto_fs) : upto_fs;
        lanes[n].item = &items[n];
    }
    int64_t before_fs = kb_lineup_when(waiting, n) - 1;
    for (uint32_t i = 0; i < n; i++) {
        if (n < waiting->count) before_fs = kb_waiting_until(&items[i], &items[n]);
        lanes[i].until_fs = kb_min_i64(lanes[i].until_fs, before_fs);
    }
    return n;
}

static bool emit(kb_fabric *fabric, uint32_t link, kb_waiting *item, kb_train train) {
    return kb_train_emit(fabric, link, &fabric->trains.ports[link], item, train);
}

/* The services of a train go on at the pace of those before, or these are handed on. */
static inline bool keep_back(kb_fabric *fabric, uint32_t link, lane *each, const kb_train *train) {
    kb_train *served = &each->served;
    if (served->count) {
        if (kb_train_join(served, train)) return true;
        if (!emit(fabric, link, each->item, *served)) return false;
    }
    *served = *train;
    return true;
}

/* The lane's train is at its end: the next one.  *ends: none is known. */
static inline bool begin_next(kb_fabric *fabric, uint32_t link, lane *each, bool *ends) {
    if (!emit(fabric, link, each->item, each->served)) return false;
    each->served.count = 0;
    *ends = each->item->when_fs == KB_TIME_MAX;
    if (!*ends) each->train = fabric->streams.pool.items[(uint32_t)each->item->count_number].first;
    return true;
}

/* The services of those flits of the lead that come before the first of the second, the port being free from free_fs
 * on: as many as leave as one train.  None when that is out of the range of time. */
static inline kb_train take_turn(const kb_train_port *port, int64_t free_fs, const lane *lead,
                                 const lane *second, int64_t *last_fs) {
    const kb_train *train = &lead->train;
    int64_t start_fs = train->start_fs, period = train->period_fs, count = train->count;
    int64_t room_fs = kb_min_i64(lead->until_fs, second->train.start_fs - 1) - start_fs;
    if (count == 1 || room_fs < period) {
        *last_fs = kb_max_i64(free_fs, start_fs);
        return (kb_train){*last_fs, 0, *last_fs <= port->end_fs};
    }
    if (period * (count - 1) > room_fs) count = room_fs < 2 * period ? 2 : room_fs / period + 1;
    return kb_train_port_lead(port, free_fs, train, start_fs, count, last_fs);
}

bool kb_train_mix(kb_fabric *fabric, uint32_t link, int64_t least_fs, int64_t upto_fs, bool *any) {
    lane lanes[MOST_LANES], *order[MOST_LANES];
    kb_train_port *port = &fabric->trains.ports[link];
    uint32_t n = take_lanes(fabric, port, least_fs, upto_fs, lanes);
    bool ends = false;
    *any = false;
    if (n < 2) return true;
    for (uint32_t i = 0; i < n; i++) order[i] = &lanes[i];
    int64_t free_fs = port->free_fs, n_served = 0;
    int64_t begin_fs = kb_max_i64(free_fs, lanes[0].train.start_fs);
    while (!ends && order[0]->train.start_fs <= order[0]->until_fs) {
        lane *lead = order[0];
        int64_t last_fs;
        kb_train services = take_turn(port, free_fs, lead, order[1], &last_fs);
        if (services.count == 0) break; /* out of the range of time: kb_train_serve says so */
        n_served += services.count;
        free_fs = last_fs + port->service_fs;
        lead->train.count -= services.count;
        lead->train.start_fs += services.count * lead->train.period_fs;
        if (!keep_back(fabric, link, lead, &services) ||
            (lead->train.count == 0 && !begin_next(fabric, link, lead, &ends)))
            return false;
        uint32_t place = 0;
        for (; place + 1 < n && comes_before(order[place + 1], lead); place++)
            order[place] = order[place + 1];
        order[place] = lead;
    }
    for (uint32_t i = 0; i < n; i++)
        if (lanes[i].served.count && !emit(fabric, link, lanes[i].item, lanes[i].served))
            return false;
    *any = n_served > 0;
    if (*any) kb_train_count(fabric, link, port, n_served, begin_fs, free_fs);
    kb_lineup_put_back(&port->waiting, n);
    return true;
}
