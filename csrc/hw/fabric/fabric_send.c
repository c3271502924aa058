#include "hw/fabric/fabric_core.h"

#include "base/checked.h"
#include "hw/fabric/fabric_mode.h"
#include "hw/fabric/train_backlog.h"
#include "hw/fabric/train_start.h"

kb_status kb_fabric_check(kb_fabric *fabric, const kb_send *send, int64_t start_fs, kb_error *err) {
    kb_path *path;
    return kb_fabric_find_path_(fabric, send, start_fs, &path, err);
}

static bool take_local_room(kb_fabric *fabric, uint32_t src) {
    kb_locals *locals = &fabric->locals[kb_fabric_region_(fabric, src)];
    if (!kb_waitq_reserve(&locals->due, fabric->alloc, locals->n_open + 1)) return false;
    locals->n_open++;
    return true;
}

/* Takes all that a message needs: what makes it known at its sender cannot fail then. */
static kb_status take_room(kb_fabric *fabric, uint32_t number, kb_error *err) {
    kb_flight *flown = &fabric->flights.items[number];
    bool by_train = flown->n_links && kb_fabric_has_trains_(fabric);
    bool room = kb_stream_take(&fabric->streams, fabric->alloc, &flown->next);
    if (!room) return kb_error_nomem(err, "a message");
    room = !flown->n_links ? take_local_room(fabric, flown->message.src)
           : by_train      ? kb_train_reserve(fabric, number)
                           : kb_fabric_reserve_(fabric, flown->path[0], number, 0);
    if (!room) {
        KB_POOL_GIVE(&fabric->streams.pool, flown->next);
        return kb_error_nomem(err, "a message");
    }
    if (by_train && !kb_train_open(fabric, number)) {
        KB_POOL_GIVE(&fabric->streams.pool, flown->next);
        return kb_error_nomem(err, "a message");
    }
    kb_stream *stream = &fabric->streams.pool.items[flown->next];
    stream->flight = number;
    stream->hop = 0;
    stream->to = flown->n_links > 1 ? flown->path[1] : KB_NONE;
    stream->n_left = flown->message.n_flits;
    return KB_OK;
}

static inline void count(kb_fabric *fabric, const kb_send *send, kb_path *path) {
    kb_audit_send(&fabric->audit, path);
    fabric->counts[send->src]++;
    fabric->counters.messages_sent++;
    kb_fabric_mode_note(fabric, path->n_flits);
    fabric->counters.flits_sent += (uint64_t)path->n_flits;
    fabric->counters.bytes_sent += (uint64_t)send->nbytes;
}

/* What is held at the port where it begins comes before it.  (That may be of another size over the same path.) */
static kb_status clear_way(kb_fabric *fabric, const kb_send *send, kb_path **path, kb_error *err) {
    if (!kb_backlog_release_all(fabric, (*path)->links[0]))
        return kb_fabric_nomem_(fabric, "a message", err);
    return kb_fabric_locate_path_(fabric, send, path, err);
}

static kb_status open_path(kb_fabric *fabric, const kb_send *send, kb_path *path, uint32_t *handle,
                           kb_error *err) {
    uint32_t number = KB_NONE;
    if (fabric->by_train && path->n_links && kb_backlog_is_at(fabric, path->links[0]))
        KB_TRY(clear_way(fabric, send, &path, err));
    if (!KB_POOL_TAKE(&fabric->flights, fabric->alloc, &number))
        return kb_error_nomem(err, "a message");
    kb_flight_describe_(fabric, send, path, kb_sim_now(fabric->sim), fabric->counts[send->src],
                        &fabric->flights.items[number]);
    kb_status status = take_room(fabric, number, err);
    if (status != KB_OK) {
        KB_POOL_GIVE(&fabric->flights, number);
        return status;
    }
    count(fabric, send, path);
    if (!kb_backlog_release_met(fabric)) return kb_fabric_nomem_(fabric, "a message", err);
    if (handle) *handle = number;
    return KB_OK;
}

kb_status kb_fabric_open(kb_fabric *fabric, const kb_send *send, uint32_t *handle, kb_error *err) {
    kb_path *path;
    KB_TRY(kb_fabric_find_path_(fabric, send, kb_sim_now(fabric->sim), &path, err));
    return open_path(fabric, send, path, handle, err);
}

static kb_status check_append(const kb_fabric *fabric, const kb_flight *flown, kb_train flits,
                              int64_t *last_fs, kb_error *err) {
    if (flits.count < 1 || flits.period_fs < 0 ||
        flits.count > flown->message.n_flits - flown->n_known)
        return kb_error_set(
            err, KB_INTERNAL,
            "message from \"%s\": expected 1 to %lld more flits, got %lld every %lld fs",
            fabric->nodes[flown->message.src].name,
            (long long)(flown->message.n_flits - flown->n_known), (long long)flits.count,
            (long long)flits.period_fs);
    int64_t least_fs = kb_max_i64(kb_sim_now(fabric->sim), flown->known_fs);
    if (flits.start_fs < least_fs)
        return kb_error_set(
            err, KB_INTERNAL,
            "message from \"%s\": expected flits from %lld fs on, got one at %lld fs",
            fabric->nodes[flown->message.src].name, (long long)least_fs, (long long)flits.start_fs);
    int64_t end_fs = flown->n_links ? fabric->ports[flown->path[0]].end_fs : KB_TIME_MAX,
            eligible_fs;
    if (kb_mul_i64(flits.period_fs, flits.count - 1, last_fs) ||
        kb_add_i64(*last_fs, flits.start_fs, last_fs) ||
        kb_add_i64(*last_fs, fabric->nodes[flown->message.src].overhead_fs, &eligible_fs) ||
        eligible_fs > end_fs)
        return kb_error_set(err, KB_OVERFLOW,
                            "message from \"%s\": expected flits before 2^63 fs (2.5 hours), got "
                            "%lld from %lld fs on, every %lld fs",
                            fabric->nodes[flown->message.src].name, (long long)flits.count,
                            (long long)flits.start_fs, (long long)flits.period_fs);
    return KB_OK;
}

/* All the flits of a message that is just opened, or the next ones. */
static kb_status make_known(kb_fabric *fabric, uint32_t handle, kb_train flits, int64_t last_fs,
                            kb_error *err) {
    kb_flight *flown = &fabric->flights.items[handle];
    uint32_t number = flown->next;
    kb_stream *stream = &fabric->streams.pool.items[number];
    if (flown->n_known == 0)
        stream->head_fs = flits.start_fs + fabric->nodes[flown->message.src].overhead_fs;
    if (flown->n_links && fabric->by_train) {
        if (!kb_train_add(fabric, handle, flits))
            return kb_fabric_nomem_(fabric, "the flits of a message", err);
    } else if (flown->n_links) {
        bool waits = stream->first.count != 0;
        if ((!waits && !kb_fabric_reserve_(fabric, flown->path[0], handle, 0)) ||
            !kb_stream_add(&fabric->streams, fabric->alloc, stream, &flits))
            return kb_fabric_nomem_(fabric, "the flits of a message", err);
        if (!waits) kb_fabric_enlist_(fabric, flown->path[0], number);
    } else if (flown->n_known + flits.count == flown->message.n_flits) {
        int64_t when_fs = kb_max_i64(last_fs, stream->head_fs);
        KB_POOL_GIVE(&fabric->streams.pool, number);
        kb_fabric_complete_(fabric, handle, when_fs);
    }
    flown->n_known += flits.count;
    if (flown->n_known < flown->message.n_flits) flown->known_fs = last_fs;
    return KB_OK;
}

kb_status kb_fabric_append(kb_fabric *fabric, uint32_t handle, kb_train flits, kb_error *err) {
    int64_t last_fs = 0;
    KB_TRY(check_append(fabric, &fabric->flights.items[handle], flits, &last_fs, err));
    return make_known(fabric, handle, flits, last_fs, err);
}

static kb_status send_by_train(kb_fabric *fabric, const kb_send *send, kb_path *path,
                               uint32_t *handle, kb_error *err) {
    if (kb_backlog_takes(fabric, path)) {
        if (!handle) {
            if (!kb_backlog_add(fabric, send, path)) return kb_error_nomem(err, "a message");
            count(fabric, send, path);
            return KB_OK;
        }
        KB_TRY(clear_way(fabric, send, &path, err));
    }
    if (!kb_train_send(fabric, send, path, kb_sim_now(fabric->sim), fabric->counts[send->src],
                       handle))
        return kb_error_nomem(err, "a message");
    count(fabric, send, path);
    if (!kb_backlog_release_met(fabric)) return kb_fabric_nomem_(fabric, "a message", err);
    return KB_OK;
}

kb_status kb_fabric_send(kb_fabric *fabric, const kb_send *send, uint32_t *handle, kb_error *err) {
    uint32_t number = KB_NONE;
    kb_path *path;
    KB_TRY(kb_fabric_find_path_(fabric, send, kb_sim_now(fabric->sim), &path, err));
    if (fabric->by_train && path->n_links && !fabric->servers.of && !fabric->traced)
        return send_by_train(fabric, send, path, handle, err);
    KB_TRY(open_path(fabric, send, path, &number, err));
    if (fabric->traced) kb_fabric_begin_trace_(fabric, number);
    const kb_message *message = &fabric->flights.items[number].message;
    kb_train flits = {message->start_fs, 0, message->n_flits};
    KB_TRY(make_known(fabric, number, flits, message->start_fs, err));
    if (handle) *handle = number;
    return KB_OK;
}
