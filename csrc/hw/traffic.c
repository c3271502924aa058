#include "hw/traffic.h"

#include "base/checked.h"
#include "base/pool.h"
#include "hw/component/request.h"
#include "hw/fabric/waitq.h"

/* A batch that still has transfers to start, or messages on their way. */
typedef struct active {
    kb_batch *batch;
    size_t *order; /* indices in order of (at_fs, index); NULL: they are in order */
    size_t n_started;
    uint32_t run;    /* of the one that starts next, unless that is the first of a run */
    uint32_t n_runs; /* that are not over */
    uint32_t next;
} active;

/* Transfers of a batch that start one after the other.  A message's tag is the number of its run and its place there,
 * so those that start together have tags in a row, which the fabric tells of in one (hw/fabric/train_backlog.h). */
enum { RUN_BITS = 8, RUN = 1 << RUN_BITS };

typedef struct run {
    uint32_t active;
    uint32_t n_left; /* messages that have not ended, and transfers that have not started */
    size_t first;    /* its position in the batch */
    uint32_t next;
} run;

struct kb_traffic {
    const kb_parts *parts;
    KB_POOL(active) actives;
    KB_POOL(run) runs;
    kb_waitq waiting; /* actives, by (next start, order of issue) */
    uint64_t n_batches;
    uint32_t slot;
};

static kb_transfer_op op_of(const kb_batch *batch, size_t i) {
    return batch->op ? (kb_transfer_op)batch->op[i] : KB_TRANSFER_MESSAGE;
}

static kb_send send_of(const kb_batch *batch, size_t i, uint32_t tag) {
    return (kb_send){.src = batch->src[i],
                     .dst = batch->dst[i],
                     .slice = KB_ANY_SLICE,
                     .kind = KB_MSG_RAW,
                     .tag = tag,
                     .nbytes = batch->nbytes[i]};
}

/* --- ends ------------------------------------------------------------------------------------------- */

static void finish(const kb_traffic *traffic, kb_batch *batch, size_t i) {
    batch->end_fs[i] = kb_sim_now(traffic->parts->sim);
    if (++batch->n_done == batch->n && batch->done) batch->done(batch->self, batch);
}

static size_t index_of(const active *each, size_t position) {
    return each->order ? each->order[position] : position;
}

static void retire(kb_traffic *traffic, uint32_t number) {
    active *each = &traffic->actives.items[number];
    kb_alloc_free(traffic->parts->alloc, each->order, each->batch->n, sizeof *each->order);
    each->order = NULL;
    KB_POOL_GIVE(&traffic->actives, number);
}

/* One transfer less is to start, or to end as a message; whoever is done with it all is retired. */
static void leave_run(kb_traffic *traffic, uint32_t number) {
    run *left = &traffic->runs.items[number];
    if (--left->n_left) return;
    uint32_t owner = left->active;
    active *each = &traffic->actives.items[owner];
    KB_POOL_GIVE(&traffic->runs, number);
    if (--each->n_runs == 0 && each->n_started == each->batch->n) retire(traffic, owner);
}

static void take_message(void *self, const kb_message *message, uint32_t link, int64_t first,
                         kb_train flits) {
    kb_traffic *traffic = self;
    uint32_t number = message->tag >> RUN_BITS;
    const run *of = &traffic->runs.items[number];
    const active *each = &traffic->actives.items[of->active];
    kb_batch *batch = each->batch;
    size_t i = index_of(each, of->first + message->tag % RUN);
    (void)link;
    (void)first;
    (void)flits;
    leave_run(traffic, number);
    finish(traffic, batch, i);
}

static void take_request(void *self, kb_request *request) {
    kb_batch *batch = self;
    size_t i = (size_t)request->token;
    if (request->write && batch->commit_fs) batch->commit_fs[i] = request->memory_end_fs;
    finish(batch->traffic, batch, i);
}

/* --- starts ----------------------------------------------------------------------------------------- */

/* The tag of the next one to start. */
static kb_status take_tag(kb_traffic *traffic, uint32_t number, uint32_t *tag, kb_error *err) {
    active *each = &traffic->actives.items[number];
    size_t place = each->n_started % RUN;
    if (place == 0) {
        size_t n_left = each->batch->n - each->n_started;
        if (!KB_POOL_TAKE(&traffic->runs, traffic->parts->alloc, &each->run) ||
            each->run >> (32 - RUN_BITS))
            return kb_error_nomem(err, "a transfer");
        each->n_runs++;
        traffic->runs.items[each->run] = (run){.active = number,
                                               .n_left = (uint32_t)(n_left < RUN ? n_left : RUN),
                                               .first = each->n_started};
    }
    *tag = each->run << RUN_BITS | (uint32_t)place;
    return KB_OK;
}

/* Transfer i of a batch, which is the next one. */
static kb_status start(kb_traffic *traffic, uint32_t number, size_t i, kb_error *err) {
    const kb_parts *parts = traffic->parts;
    active *each = &traffic->actives.items[number];
    kb_batch *batch = each->batch;
    uint32_t tag = 0;
    KB_TRY(take_tag(traffic, number, &tag, err));
    each->n_started++;
    batch->start_fs[i] = kb_sim_now(parts->sim);
    kb_transfer_op op = op_of(batch, i);
    if (op != KB_TRANSFER_MESSAGE) {
        leave_run(traffic, tag >> RUN_BITS);
        return kb_request_range(parts, batch->src[i], batch->dst[i], op == KB_TRANSFER_WRITE,
                                batch->addr ? batch->addr[i] : 0, (uint64_t)batch->nbytes[i],
                                take_request, batch, i, err);
    }
    kb_send send = send_of(batch, i, tag);
    if (batch->hops && i == 0) kb_fabric_trace(parts->fabric, batch->hops);
    return kb_fabric_send(parts->fabric, &send, NULL, err);
}

static bool go_alike(const kb_batch *batch, size_t a, size_t b) {
    return batch->src[a] == batch->src[b] && batch->dst[a] == batch->dst[b];
}

/* Item i goes its way, and `next` will soon go another one. */
static void foresee_way(const kb_parts *parts, const kb_batch *batch, size_t i, size_t next) {
    if (!go_alike(batch, i, next))
        kb_fabric_foresee(parts->fabric, batch->src[next], batch->dst[next], batch->nbytes[next]);
}

/* Item i starts, and one of those after it is looked at. */
static void foresee(const kb_traffic *traffic, const active *each, size_t i) {
    if (each->n_started + KB_FORESEEN >= each->batch->n) return;
    foresee_way(traffic->parts, each->batch, i, index_of(each, each->n_started + KB_FORESEEN));
}

/* As many as one event may start: those that run the engine look at Ctrl-C between events. */
enum { MOST_STARTS = 256 };

static void start_due(void *self, uint32_t arg) {
    (void)arg;
    kb_traffic *traffic = self;
    kb_sim *sim = traffic->parts->sim;
    int64_t now = kb_sim_now(sim);
    kb_error err;
    err.message[0] = '\0'; /* clearing all of it, for each event, would show */
    for (int left = MOST_STARTS; left && traffic->waiting.count; left--) {
        if (traffic->waiting.items[0].when_fs > now) break;
        uint32_t number = kb_waitq_first(&traffic->waiting);
        active *each = &traffic->actives.items[number];
        kb_batch *batch = each->batch;
        size_t i = index_of(each, each->n_started), after = each->n_started + 1;
        if (after < batch->n) {
            kb_waitq_move_first(&traffic->waiting, batch->at_fs[index_of(each, after)]);
            foresee(traffic, each, i);
        } else {
            kb_waitq_drop_first(&traffic->waiting);
        }
        kb_status status = start(traffic, number, i, &err);
        if (status != KB_OK) {
            (void)kb_error_set(kb_sim_fail(sim, status), status, "transfer %zu: %s", i,
                               err.message);
            return;
        }
    }
    if (traffic->waiting.count) kb_sim_at(sim, traffic->slot, traffic->waiting.items[0].when_fs);
}

/* --- submission ------------------------------------------------------------------------------------- */

/* What was found to be right: transfers like item i, to that slice, with starts up to until_fs.  Alike ones are
 * looked at once, as if they started last of all; where that is too late, each by itself. */
typedef struct checked {
    size_t i;
    int32_t slice;
    int64_t until_fs, last_fs; /* -1: none; the last start of the batch */
} checked;

static bool has_known_way(const kb_batch *batch, const checked *known, size_t i) {
    return batch->at_fs[i] <= known->until_fs && go_alike(batch, known->i, i) &&
           batch->nbytes[i] == batch->nbytes[known->i] && op_of(batch, i) == op_of(batch, known->i);
}

static kb_status check_way(const kb_parts *parts, const kb_send *send, int64_t at_fs,
                           checked *known, kb_error *err) {
    kb_status status = kb_fabric_check(parts->fabric, send, known->last_fs, err);
    if (status != KB_OVERFLOW) return status;
    known->until_fs = at_fs;
    if (err) kb_error_clear(err);
    return kb_fabric_check(parts->fabric, send, at_fs, err);
}

static kb_status check_way_there(const kb_parts *parts, const kb_batch *batch, size_t i,
                                 checked *known, kb_error *err) {
    kb_send send = send_of(batch, i, 0);
    if (op_of(batch, i) == KB_TRANSFER_READ) send.nbytes = kb_min_i64(send.nbytes, 0);
    *known = (checked){i, KB_ANY_SLICE, known->last_fs, known->last_fs};
    return check_way(parts, &send, batch->at_fs[i], known, err);
}

/* The memory, and the way back from it. */
static kb_status check_memory(const kb_parts *parts, const kb_batch *batch, size_t i,
                              bool knows_way, checked *known, kb_error *err) {
    int32_t slice = KB_ANY_SLICE;
    uint64_t offset = 0;
    if (!parts->requests)
        return kb_error_set(err, KB_INVALID,
                            "expected op \"message\": this machine has no memories");
    KB_TRY(kb_request_locate(parts, batch->dst[i], batch->addr ? batch->addr[i] : 0,
                             (uint64_t)batch->nbytes[i], &slice, &offset, err));
    if (knows_way && slice == known->slice) return KB_OK;
    kb_send reply = {.src = batch->dst[i], .dst = batch->src[i], .slice = slice};
    if (op_of(batch, i) == KB_TRANSFER_READ) reply.nbytes = batch->nbytes[i];
    known->slice = slice;
    return check_way(parts, &reply, batch->at_fs[i], known, err);
}

static kb_status check_transfer(const kb_parts *parts, const kb_batch *batch, size_t i,
                                checked *known, kb_error *err) {
    kb_transfer_op op = op_of(batch, i);
    if ((uint32_t)op >= KB_TRANSFER_COUNT)
        return kb_error_set(err, KB_INVALID,
                            "expected op 0 (message), 1 (read) or 2 (write), got %u", (unsigned)op);
    if (batch->at_fs[i] < kb_sim_now(parts->sim))
        return kb_error_set(err, KB_INVALID, "expected at_fs >= now, %lld fs, got %lld fs",
                            (long long)kb_sim_now(parts->sim), (long long)batch->at_fs[i]);
    bool knows_way = has_known_way(batch, known, i);
    if (!knows_way) KB_TRY(check_way_there(parts, batch, i, known, err));
    return op == KB_TRANSFER_MESSAGE ? KB_OK : check_memory(parts, batch, i, knows_way, known, err);
}

static kb_status check(const kb_parts *parts, const kb_batch *batch, kb_error *err) {
    checked known = {.until_fs = -1};
    for (size_t i = 0; i < batch->n; i++)
        known.last_fs = kb_max_i64(known.last_fs, batch->at_fs[i]);
    for (size_t i = 0; i < batch->n; i++) {
        foresee_way(parts, batch, i, i + KB_FORESEEN < batch->n ? i + KB_FORESEEN : i);
        if (check_transfer(parts, batch, i, &known, err) != KB_OK)
            return kb_error_wrap(err, "transfer %zu", i);
    }
    return KB_OK;
}

static bool in_order(const kb_batch *batch) {
    for (size_t i = 1; i < batch->n; i++)
        if (batch->at_fs[i] < batch->at_fs[i - 1]) return false;
    return true;
}

/* Merges runs of doubling width from one array to the other and back; returns the sorted one. */
static size_t *merge_sort(const int64_t *keys, size_t *from, size_t *to, size_t n) {
    for (size_t width = 1; width < n; width *= 2) {
        for (size_t low = 0; low < n; low += 2 * width) {
            size_t middle = width < n - low ? low + width : n;
            size_t high = width < n - middle ? middle + width : n;
            for (size_t out = low, a = low, b = middle; out < high; out++) {
                bool left = b == high || (a < middle && keys[from[a]] <= keys[from[b]]);
                to[out] = left ? from[a++] : from[b++];
            }
        }
        size_t *sorted = to;
        to = from;
        from = sorted;
    }
    return from;
}

static kb_status sort_starts(kb_alloc *alloc, const kb_batch *batch, size_t **order,
                             kb_error *err) {
    *order = NULL;
    if (in_order(batch)) return KB_OK;
    size_t n = batch->n;
    size_t *first = kb_alloc_zeroed(alloc, n, sizeof *first);
    size_t *second = kb_alloc_zeroed(alloc, n, sizeof *second);
    if (!first || !second) {
        kb_alloc_free(alloc, first, n, sizeof *first);
        kb_alloc_free(alloc, second, n, sizeof *second);
        return kb_error_nomem(err, "the order of a batch of transfers");
    }
    for (size_t i = 0; i < n; i++) first[i] = i;
    *order = merge_sort(batch->at_fs, first, second, n);
    kb_alloc_free(alloc, *order == first ? second : first, n, sizeof *first);
    return KB_OK;
}

kb_status kb_traffic_submit(kb_traffic *traffic, kb_batch *batch, kb_error *err) {
    const kb_parts *parts = traffic->parts;
    batch->n_done = 0;
    batch->traffic = traffic;
    KB_TRY(check(parts, batch, err));
    for (size_t i = 0; i < batch->n; i++) {
        batch->start_fs[i] = batch->end_fs[i] = -1;
        if (batch->commit_fs) batch->commit_fs[i] = -1;
    }
    if (batch->n == 0) {
        if (batch->done) batch->done(batch->self, batch);
        return KB_OK;
    }
    size_t *order = NULL;
    uint32_t number = KB_NONE;
    KB_TRY(sort_starts(parts->alloc, batch, &order, err));
    if (!kb_waitq_reserve(&traffic->waiting, parts->alloc, traffic->waiting.count + 1) ||
        !KB_POOL_TAKE(&traffic->actives, parts->alloc, &number)) {
        kb_alloc_free(parts->alloc, order, batch->n, sizeof *order);
        return kb_error_nomem(err, "a batch of transfers");
    }
    active *each = &traffic->actives.items[number];
    *each = (active){.batch = batch, .order = order};
    int64_t first_fs = batch->at_fs[index_of(each, 0)];
    kb_waitq_push(&traffic->waiting, first_fs, traffic->n_batches++, 0, number);
    kb_sim_at(parts->sim, traffic->slot, first_fs);
    return KB_OK;
}

/* --- making one --------------------------------------------------------------------------------------- */

kb_status kb_traffic_create(const kb_parts *parts, kb_traffic **traffic, kb_error *err) {
    kb_traffic *made = kb_alloc_zeroed(parts->alloc, 1, sizeof *made);
    if (!made) return kb_error_nomem(err, "the traffic generator");
    made->parts = parts;
    kb_pool_init(&made->actives.state);
    kb_pool_init(&made->runs.state);
    kb_status status = kb_sim_add_slot(parts->sim, start_due, made, 0, &made->slot, err);
    if (status != KB_OK) {
        kb_traffic_destroy(made);
        return status;
    }
    kb_dispatch_set_default(parts->dispatch, KB_MSG_RAW, take_message, made);
    *traffic = made;
    return KB_OK;
}

void kb_traffic_destroy(kb_traffic *traffic) {
    if (!traffic) return;
    kb_alloc *alloc = traffic->parts->alloc;
    for (uint32_t i = 0; i < traffic->actives.state.count; i++) {
        const active *each = &traffic->actives.items[i];
        if (each->order) kb_alloc_free(alloc, each->order, each->batch->n, sizeof *each->order);
    }
    kb_waitq_deinit(&traffic->waiting, alloc);
    KB_POOL_FREE(&traffic->actives, alloc);
    KB_POOL_FREE(&traffic->runs, alloc);
    kb_alloc_free(alloc, traffic, 1, sizeof *traffic);
}
