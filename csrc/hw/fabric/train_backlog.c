#include "hw/fabric/train_backlog.h"

#include "hw/fabric/train_start.h"

/* --- what is held --------------------------------------------------------------------------------- */

static kb_held describe(const kb_fabric *fabric, const kb_send *send, const kb_path *path) {
    return (kb_held){.start_fs = kb_sim_now(fabric->sim),
                     .nbytes = send->nbytes,
                     .src = send->src,
                     .dst = send->dst,
                     .slice = send->slice,
                     .kind = send->kind,
                     .tag = send->tag,
                     .count = fabric->counts[send->src],
                     .path = (uint32_t)(path - fabric->paths),
                     .n_messages = 1,
                     .next = KB_NONE};
}

/* Whether a message goes on with a run. */
static bool continues(const kb_held *run, const kb_held *held) {
    return run->dst == held->dst && run->slice == held->slice && run->kind == held->kind &&
           run->nbytes == held->nbytes && run->start_fs == held->start_fs &&
           run->tag + run->n_messages == held->tag && run->count + run->n_messages == held->count;
}

/* The first of those that are held at a port is no more. */
static void drop_first(kb_trains *trains, kb_train_port *port) {
    uint32_t number = port->backlog.first;
    kb_held *run = &trains->held.items[number];
    run->tag++;
    run->count++;
    if (--run->n_messages) return;
    port->backlog.first = run->next;
    if (run->next == KB_NONE) port->n_own--;
    KB_POOL_GIVE(&trains->held, number);
}

/* It is seen to when half of what is before it is done. */
static void schedule(kb_fabric *fabric, uint32_t link) {
    const kb_train_port *port = &fabric->trains.ports[link];
    int64_t now = kb_sim_now(fabric->sim);
    kb_sim_service(fabric->sim, link, now + (port->own_fs - port->overhead_fs - now) / 2);
}

bool kb_backlog_add(kb_fabric *fabric, const kb_send *send, const kb_path *path) {
    kb_trains *trains = &fabric->trains;
    uint32_t link = path->links[0], number = KB_NONE;
    kb_backlog *backlog = &trains->ports[link].backlog;
    const kb_held held = describe(fabric, send, path);
    bool first = backlog->first == KB_NONE;
    if (!first && continues(&trains->held.items[backlog->last], &held)) {
        trains->held.items[backlog->last].n_messages++;
        return true;
    }
    if (!KB_POOL_TAKE(&trains->held, fabric->alloc, &number)) return false;
    trains->held.items[number] = held;
    if (first) {
        backlog->first = number;
        trains->ports[link].n_own++;
        schedule(fabric, link);
    } else {
        trains->held.items[backlog->last].next = number;
    }
    backlog->last = number;
    return true;
}

/* --- its turn ------------------------------------------------------------------------------------- */

/* Those of a port's first run that are far no more, or all of them, begin as they would have begun then: all before
 * them is served. */
static kb_status release_run(kb_fabric *fabric, kb_train_port *port, bool all, kb_error *err) {
    uint32_t number = port->backlog.first;
    kb_held *run = &fabric->trains.held.items[number];
    kb_send send = {.src = run->src,
                    .dst = run->dst,
                    .slice = run->slice,
                    .kind = run->kind,
                    .nbytes = run->nbytes,
                    .path = &run->path};
    int64_t now = kb_sim_now(fabric->sim), start_fs = run->start_fs;
    kb_path *path;
    KB_TRY(kb_fabric_locate_path_(fabric, &send, &path, err));
    while (port->backlog.first == number && (all || !kb_backlog_is_far(port, now, path->n_flits))) {
        uint32_t count = run->count;
        send.tag = run->tag;
        drop_first(&fabric->trains, port);
        if (!kb_train_send(fabric, &send, path, start_fs, count, NULL))
            return kb_error_nomem(err, "a message");
    }
    return KB_OK;
}

static bool release(kb_fabric *fabric, uint32_t link, bool all) {
    kb_train_port *port = &fabric->trains.ports[link];
    uint32_t number;
    kb_error err;
    kb_error_clear(&err);
    while ((number = port->backlog.first) != KB_NONE) {
        kb_status status = release_run(fabric, port, all, &err);
        if (status != KB_OK) {
            kb_error *noted = kb_sim_fail(fabric->sim, status);
            if (noted) *noted = err;
            return false;
        }
        if (port->backlog.first == number) break; /* the rest is far */
    }
    return true;
}

void kb_backlog_release_due(kb_fabric *fabric, uint32_t link) {
    if (!release(fabric, link, false) || !kb_backlog_release_met(fabric)) return;
    if (fabric->trains.ports[link].backlog.first != KB_NONE) schedule(fabric, link);
}

bool kb_backlog_release_all(kb_fabric *fabric, uint32_t link) {
    return release(fabric, link, true) && kb_backlog_release_met(fabric);
}

/* --- others come to the port ---------------------------------------------------------------------- */

void kb_backlog_note_(kb_fabric *fabric, uint32_t link) {
    kb_trains *trains = &fabric->trains;
    kb_train_port *port = &trains->ports[link];
    if (port->backlog.first == KB_NONE || port->is_met) return;
    port->is_met = true;
    trains->met[trains->n_met++] = link;
}

bool kb_backlog_release_met_(kb_fabric *fabric) {
    kb_trains *trains = &fabric->trains;
    while (trains->n_met) {
        uint32_t link = trains->met[--trains->n_met];
        trains->ports[link].is_met = false;
        if (!release(fabric, link, true)) return false;
    }
    return true;
}
