#include "hw/fabric_core.h"

#include "base/checked.h"
#include "hw/fabric_mode.h"
#include "hw/train_wake.h"

static void first_port(const kb_fabric *fabric, uint32_t link, int64_t *service_fs,
                       int64_t *end_fs) {
    const kb_train_port *train = fabric->by_train ? &fabric->trains.ports[link] : NULL;
    *service_fs = train ? train->service_fs : fabric->ports[link].service_fs;
    *end_fs = train ? train->end_fs : fabric->ports[link].end_fs;
}

/* Refuses what must leave the range of time: the least time of the tail's arrival at the next node. */
static kb_status check_range(const kb_fabric *fabric, const kb_flight *made, kb_error *err) {
    int64_t last_fs = made->message.start_fs,
            overhead = fabric->nodes[made->message.src].overhead_fs;
    bool over = kb_add_i64(last_fs, overhead, &last_fs);
    if (made->n_links) {
        int64_t before_fs, service_fs, end_fs;
        first_port(fabric, made->path[0], &service_fs, &end_fs);
        over = over || kb_mul_i64(made->message.n_flits - 1, service_fs, &before_fs) ||
               kb_add_i64(last_fs, before_fs, &last_fs) || last_fs > end_fs;
    }
    if (!over) return KB_OK;
    return kb_error_set(err, KB_OVERFLOW,
                        "message from \"%s\": expected its last flit to leave before 2^63 fs (2.5 "
                        "hours), got %lld flits at %lld fs; send less, or over faster links",
                        fabric->nodes[made->message.src].name, (long long)made->message.n_flits,
                        (long long)made->message.start_fs);
}

/* What servers have to do with a path that is looked up anew. */
static void note_servers(kb_fabric *fabric, const kb_path_memo *memo, uint32_t path) {
    kb_server_path *by_flit = &fabric->servers.paths[memo - fabric->paths];
    by_flit->channels = kb_topology_channels(fabric->topology, path);
    by_flit->n_by_flit = 0;
    for (uint32_t hop = 0; hop < memo->n_links; hop++)
        if (kb_fabric_by_flit_(fabric, memo->links[hop])) by_flit->n_by_flit = hop + 1;
}

static kb_status find_path(kb_fabric *fabric, const kb_send *send, kb_flight *made, kb_error *err) {
    uint32_t mixed = send->src * UINT32_C(0x9e3779b1) + send->dst * UINT32_C(0x85ebca6b) +
                     (uint32_t)send->slice * 61;
    kb_path_memo *memo = &fabric->paths[(mixed ^ mixed >> 16) & (fabric->n_paths - 1)];
    if (!memo->links || memo->src != send->src || memo->dst != send->dst ||
        memo->slice != send->slice) {
        uint32_t path;
        KB_TRY(kb_topology_path(fabric->topology, send->src, send->dst, send->slice, &made->path,
                                &made->n_links, &path, err));
        *memo = (kb_path_memo){.links = made->path,
                               .least_fs = kb_audit_least_fs(fabric, made->path, made->n_links, 1),
                               .n_links = made->n_links,
                               .src = send->src,
                               .dst = send->dst,
                               .slice = send->slice};
        if (!made->n_links) memo->least_fs = fabric->nodes[send->src].overhead_fs;
        if (fabric->servers.of) note_servers(fabric, memo, path);
    }
    made->path = memo->links;
    made->n_links = memo->n_links;
    made->channels = NULL;
    made->n_by_flit = 0;
    if (fabric->servers.of) {
        const kb_server_path *by_flit = &fabric->servers.paths[memo - fabric->paths];
        made->channels = by_flit->channels;
        made->n_by_flit = by_flit->n_by_flit;
    }
    bool is_long = made->n_links && made->message.n_flits > 1;
    if (is_long && memo->n_flits != made->message.n_flits) {
        memo->n_flits = made->message.n_flits;
        memo->all_fs = kb_audit_least_fs(fabric, made->path, made->n_links, memo->n_flits);
    }
    made->least_fs = kb_later_fs(made->message.start_fs, is_long ? memo->all_fs : memo->least_fs);
    return KB_OK;
}

static kb_status describe(kb_fabric *fabric, const kb_send *send, int64_t start_fs, kb_flight *made,
                          kb_error *err) {
    if (send->src >= fabric->n_nodes || send->dst >= fabric->n_nodes)
        return kb_error_set(err, KB_INVALID, "message: expected nodes 0 to %u, got %u to %u",
                            fabric->n_nodes - 1, send->src, send->dst);
    if (send->nbytes < 0)
        return kb_error_set(err, KB_INVALID, "message: expected nbytes >= 0, got %lld",
                            (long long)send->nbytes);
    if (fabric->counts[send->src] == UINT32_MAX)
        return kb_error_set(
            err, KB_OVERFLOW,
            "message: expected at most 2^32 - 1 messages from one node, got one more "
            "from \"%s\"",
            fabric->nodes[send->src].name);
    made->message.src = send->src;
    made->message.dst = send->dst;
    made->message.count = fabric->counts[send->src];
    made->message.kind = send->kind;
    made->message.tag = send->tag;
    made->message.nbytes = send->nbytes;
    made->message.n_flits =
        send->nbytes <= fabric->flit_nbytes ? 1 : kb_ceil_div(send->nbytes, fabric->flit_nbytes);
    made->message.start_fs = start_fs;
    made->n_known = made->known_fs = 0;
    made->done_fs = -1;
    KB_TRY(find_path(fabric, send, made, err));
    return check_range(fabric, made, err);
}

kb_status kb_fabric_check(kb_fabric *fabric, const kb_send *send, int64_t start_fs, kb_error *err) {
    kb_flight made;
    return describe(fabric, send, start_fs, &made, err);
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

kb_status kb_fabric_open(kb_fabric *fabric, const kb_send *send, uint32_t *handle, kb_error *err) {
    uint32_t number = KB_NONE;
    if (!KB_POOL_TAKE(&fabric->flights, fabric->alloc, &number))
        return kb_error_nomem(err, "a message");
    kb_flight *flown = &fabric->flights.items[number];
    kb_status status = describe(fabric, send, kb_sim_now(fabric->sim), flown, err);
    if (status == KB_OK) status = take_room(fabric, number, err);
    if (status != KB_OK) {
        KB_POOL_GIVE(&fabric->flights, number);
        return status;
    }
    kb_audit_send(&fabric->audit, flown->path, flown->n_links, flown->message.n_flits);
    fabric->counts[send->src]++;
    fabric->counters.messages_sent++;
    kb_fabric_mode_note(fabric, flown->message.n_flits);
    fabric->counters.flits_sent += (uint64_t)flown->message.n_flits;
    fabric->counters.bytes_sent += (uint64_t)send->nbytes;
    if (handle) *handle = number;
    return KB_OK;
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
    int64_t service_fs, end_fs = KB_TIME_MAX, eligible_fs;
    if (flown->n_links) first_port(fabric, flown->path[0], &service_fs, &end_fs);
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
            return kb_error_nomem(err, "the flits of a message");
    } else if (flown->n_links) {
        bool waits = stream->first.count != 0;
        if ((!waits && !kb_fabric_reserve_(fabric, flown->path[0], handle, 0)) ||
            !kb_stream_add(&fabric->streams, fabric->alloc, stream, flits))
            return kb_error_nomem(err, "the flits of a message");
        if (!waits) kb_fabric_enlist_(fabric, flown->path[0], number);
    } else if (flown->n_known + flits.count == flown->message.n_flits) {
        int64_t when_fs = kb_max_i64(last_fs, stream->head_fs);
        KB_POOL_GIVE(&fabric->streams.pool, number);
        kb_fabric_complete_(fabric, handle, when_fs);
    }
    flown->n_known += flits.count;
    flown->known_fs = last_fs;
    return KB_OK;
}

kb_status kb_fabric_append(kb_fabric *fabric, uint32_t handle, kb_train flits, kb_error *err) {
    int64_t last_fs = 0;
    KB_TRY(check_append(fabric, &fabric->flights.items[handle], flits, &last_fs, err));
    return make_known(fabric, handle, flits, last_fs, err);
}

kb_status kb_fabric_send(kb_fabric *fabric, const kb_send *send, uint32_t *handle, kb_error *err) {
    uint32_t number = KB_NONE;
    KB_TRY(kb_fabric_open(fabric, send, &number, err));
    if (fabric->traced) kb_fabric_begin_trace_(fabric, number);
    const kb_message *message = &fabric->flights.items[number].message;
    kb_train flits = {message->start_fs, 0, message->n_flits};
    KB_TRY(make_known(fabric, number, flits, message->start_fs, err));
    if (handle) *handle = number;
    return KB_OK;
}
