#include "hw/fabric/train_rounds.h"

#include "hw/fabric/train_leave.h"

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
static inline uint32_t count_alike(const kb_fabric *fabric, const kb_train_port *port, uint32_t n,
                                   int64_t period_fs, int64_t until_fs, round_plan *plan,
                                   int64_t *limit_fs) {
    const kb_waiting *items = kb_lineup_items(&port->waiting);
    for (uint32_t count = port->waiting.count; n < count && items[n].when_fs <= until_fs; n++) {
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

static bool serve_rounds(kb_fabric *fabric, uint32_t link, const round_plan *plan) {
    kb_train_port *port = &fabric->trains.ports[link];
    kb_waiting *items = kb_lineup_items(&port->waiting);
    int64_t at_fs = kb_max_i64(port->free_fs, items[0].when_fs), first_fs = at_fs;
    uint32_t n = plan->n_streams;
    for (uint32_t i = 0; i < n; i++) {
        if (i) at_fs = kb_max_i64(at_fs + port->service_fs, items[i].when_fs);
        kb_train train = {at_fs, plan->period_fs, plan->n_rounds};
        if (!kb_train_emit(fabric, link, port, &items[i], train)) return false;
        kb_train_count(fabric, link, port, 1, at_fs, at_fs + port->service_fs);
    }
    int64_t rest = plan->n_rounds - 1; /* as the first one, each a period after the one before */
    if (rest)
        kb_train_count(fabric, link, port, n * rest, first_fs + plan->period_fs,
                       at_fs + rest * plan->period_fs + port->service_fs);
    kb_lineup_put_back(&port->waiting, n);
    return true;
}

bool kb_train_rounds(kb_fabric *fabric, uint32_t link, int64_t upto_fs, bool *any) {
    kb_train_port *port = &fabric->trains.ports[link];
    uint32_t lead = (uint32_t)kb_lineup_items(&port->waiting)->count_number;
    round_plan plan;
    *any = gather(fabric, port, &fabric->streams.pool.items[lead], upto_fs, &plan) &&
           lay_out(fabric, port, &plan);
    return !*any || serve_rounds(fabric, link, &plan);
}
