#include "hw/fabric/fabric_mode.h"

#include "hw/fabric/train_backlog.h"
#include "hw/fabric/train_leave.h"
#include "hw/fabric/train_pull.h"
#include "hw/fabric/train_start.h"
#include "hw/fabric/train_wake.h"

/* --- which of them -------------------------------------------------------------------------------- */

void kb_fabric_mode_decide_(kb_fabric *fabric) {
    kb_mode_window *window = &fabric->window;
    bool change = fabric->by_train ? window->n_flits * 4 <= (uint64_t)window->n_messages * 5
                                   : window->n_flits > 2 * (uint64_t)window->n_messages;
    *window = (kb_mode_window){0};
    if (change) kb_fabric_mode_ask(fabric);
}

void kb_fabric_mode_ask(kb_fabric *fabric) {
    if (!kb_fabric_adapts_(fabric) || fabric->is_changing) return;
    fabric->is_changing = true;
    kb_sim_service(fabric->sim, fabric->n_links, kb_sim_common_fs(fabric->sim));
}

/* --- from trains to flits ------------------------------------------------------------------------- */

static bool pull_all(kb_fabric *fabric, int64_t upto_fs) {
    for (uint32_t link = 0; link < fabric->n_links; link++)
        if (!kb_backlog_release_all(fabric, link)) return false;
    for (uint32_t link = 0; link < fabric->n_links; link++)
        if (!kb_train_pull(fabric, link, upto_fs)) return false;
    return true;
}

/* Arrivals of one link come in order of time, but for those at the end of messages. */
static bool put_arrival(kb_fabric *fabric, uint32_t link, kb_arrival arrival) {
    kb_port *port = &fabric->ports[link];
    if (!kb_port_push_arrival(port, fabric->alloc, arrival)) return false;
    uint32_t mask = port->arrivals_capacity - 1, last = port->arrivals_head + port->n_arrivals - 1;
    kb_arrival *ring = port->arrivals;
    for (; last != port->arrivals_head && ring[(last - 1) & mask].when_fs > arrival.when_fs; last--)
        ring[last & mask] = ring[(last - 1) & mask];
    ring[last & mask] = arrival;
    return true;
}

/* What has landed by now is handed over, the rest arrives flit by flit. */
static bool unland(kb_fabric *fabric, uint32_t node, int64_t now) {
    kb_inbox *inbox = &fabric->trains.inboxes[node];
    kb_waitq *landed = &inbox->landed;
    kb_train_hand_over_landed(fabric, inbox, now, UINT32_MAX);
    while (landed->count) {
        uint32_t number = kb_waitq_first(landed);
        kb_landing *each = &fabric->trains.landings.items[number];
        kb_arrival arrival = {each->train.start_fs, each->first, each->flight};
        if (!put_arrival(fabric, each->link, arrival)) return false;
        each->first++;
        each->train.start_fs += each->train.period_fs;
        if (--each->train.count) {
            kb_waitq_move_first(landed, each->train.start_fs);
        } else {
            kb_waitq_drop_first(landed);
            KB_POOL_GIVE(&fabric->trains.landings, number);
        }
    }
    inbox->open.count = 0;
    return true;
}

static bool port_to_flits(kb_fabric *fabric, uint32_t link) {
    kb_train_port *from = &fabric->trains.ports[link];
    kb_port *to = &fabric->ports[link];
    for (; from->waiting.count; kb_lineup_drop_first(&from->waiting)) {
        const kb_waiting *each = kb_lineup_items(&from->waiting);
        if (!kb_waitq_reserve(&to->waiting, fabric->alloc, to->waiting.count + 1)) return false;
        kb_waitq_push(&to->waiting, each->when_fs, each->rank, (uint32_t)(each->count_number >> 32),
                      (uint32_t)each->count_number);
    }
    for (; from->wakes.count; kb_lineup_drop_first(&from->wakes)) {
        uint32_t number = (uint32_t)kb_lineup_items(&from->wakes)->count_number;
        const kb_flight *flown = &fabric->flights.items[number];
        if (flown->done_fs < 0 || kb_train_lands(fabric, &flown->message)) continue;
        if (!put_arrival(fabric, link,
                         (kb_arrival){flown->done_fs, flown->message.n_flits - 1, number}))
            return false;
    }
    to->free_fs = from->free_fs;
    to->taken_fs = from->taken_fs;
    to->served_flight = KB_NONE;
    from->n_own = from->n_parted = 0;
    from->own_fs = 0;
    from->open.count = 0;
    from->wake_fs = KB_TIME_MAX;
    return true;
}

static bool to_flits(kb_fabric *fabric) {
    int64_t now = kb_sim_now(fabric->sim);
    if (!pull_all(fabric, now - 1)) return false;
    for (uint32_t node = 0; node < fabric->n_nodes; node++)
        if (!unland(fabric, node, now)) return false;
    for (uint32_t link = 0; link < fabric->n_links; link++)
        if (!port_to_flits(fabric, link)) return false;
    fabric->by_train = false;
    for (uint32_t link = 0; link < fabric->n_links; link++) kb_fabric_resume_port_(fabric, link);
    return true;
}

/* --- from flits to trains ------------------------------------------------------------------------- */

/* The stream that holds a message's tail is the one nearest to its sender. */
static void find_tail(kb_fabric *fabric, uint32_t number) {
    const kb_stream *streams = fabric->streams.pool.items;
    kb_flight *flown = &fabric->flights.items[streams[number].flight];
    if (flown->n_known < flown->message.n_flits) return;
    if (flown->next == KB_NONE || streams[flown->next].hop > streams[number].hop)
        flown->next = number;
}

static bool port_to_trains(kb_fabric *fabric, uint32_t link, int64_t now) {
    kb_port *from = &fabric->ports[link];
    kb_train_port *to = &fabric->trains.ports[link];
    to->free_fs = from->free_fs;
    to->taken_fs = from->taken_fs;
    to->upto_fs = now - 1;
    if (from->waiting.count)
        to->upto_fs = kb_min_i64(to->upto_fs, from->waiting.items[0].when_fs - 1);
    while (from->waiting.count) {
        kb_waiting first = from->waiting.items[0];
        if (!kb_train_port_reserve(to, fabric->alloc)) return false;
        kb_train_port_enlist(to, first.when_fs, first.rank, first.count_number,
                             (uint32_t)first.count_number);
        find_tail(fabric, (uint32_t)first.count_number);
        kb_waitq_drop_first(&from->waiting);
    }
    from->due_fs = KB_TIME_MAX;
    while (from->n_arrivals) {
        kb_arrival each = kb_port_pop_arrival(from);
        kb_flight *flown = &fabric->flights.items[each.flight];
        bool tail = each.flit + 1 == flown->message.n_flits;
        if (tail) flown->done_fs = each.when_fs;
        if (kb_train_lands(fabric, &flown->message) &&
            !kb_train_land(fabric, link, each.flight, flown->message.n_flits - each.flit - 1,
                           (kb_train){each.when_fs, 0, 1}))
            return false;
    }
    return true;
}

/* Marks those of `flights` that are none. */
static void mark_free(const kb_fabric *fabric, bool *is_free) {
    for (uint32_t i = fabric->flights.state.free; i != KB_NONE; i = fabric->flights.items[i].next)
        is_free[i] = true;
}

static bool move_to_trains(kb_fabric *fabric, const bool *is_free) {
    int64_t now = kb_sim_now(fabric->sim);
    uint32_t n_flights = fabric->flights.state.count;
    for (uint32_t i = 0; i < n_flights; i++) {
        kb_flight *flown = &fabric->flights.items[i];
        if (is_free[i] || !flown->n_links) continue;
        flown->done_fs = -1;
        if (flown->n_known == flown->message.n_flits) flown->next = KB_NONE;
    }
    for (uint32_t link = 0; link < fabric->n_links; link++)
        if (!port_to_trains(fabric, link, now)) return false;
    fabric->by_train = true;
    for (uint32_t i = 0; i < n_flights; i++)
        if (!is_free[i] && fabric->flights.items[i].n_links && !kb_train_adopt(fabric, i))
            return false;
    return true;
}

static bool to_trains(kb_fabric *fabric) {
    uint32_t n_flights = fabric->flights.state.count;
    bool *is_free = kb_alloc_zeroed(fabric->alloc, n_flights, sizeof *is_free);
    if (!is_free) return false;
    mark_free(fabric, is_free);
    bool moved = move_to_trains(fabric, is_free);
    kb_alloc_free(fabric->alloc, is_free, n_flights, sizeof *is_free);
    return moved;
}

void kb_fabric_mode_change(kb_fabric *fabric) {
    fabric->is_changing = false;
    if (fabric->train_watch.path || fabric->watch.link != KB_NONE) return;
    fabric->counters.mode_changes++;
    if (!(fabric->by_train ? to_flits(fabric) : to_trains(fabric)))
        kb_fabric_fail_nomem_(fabric, "a change between trains and flits");
}
