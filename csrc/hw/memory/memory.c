#include "hw/memory/memory.h"

#include "base/checked.h"
#include "hw/component/reply.h"
#include "hw/fabric/stream.h"

/* Serves the next nbytes of a request; returns when the last of them is served. */
static int64_t serve(const kb_memory *memory, kb_request *request, uint64_t nbytes, int64_t at_fs) {
    int64_t served_fs = at_fs;
    while (nbytes > 0) {
        uint64_t address, taken;
        uint64_t in_row = kb_cursor_row(&request->cursor, &address);
        uint64_t wanted = in_row < nbytes ? in_row : nbytes;
        int64_t done_fs = memory->serve(memory->self, request->slice, address - request->delta,
                                        wanted, at_fs, &taken);
        served_fs = kb_max_i64(served_fs, done_fs);
        kb_cursor_advance(&request->cursor, &request->shape, taken);
        nbytes -= taken;
    }
    return served_fs;
}

static uint64_t next_flit(const kb_memory *memory, kb_request *request) {
    uint64_t nbytes = request->left < memory->flit_nbytes ? request->left : memory->flit_nbytes;
    request->left -= nbytes;
    return nbytes;
}

/* Serves the first of a request's next flits, one or several in one go, and says when each is served. */
static kb_train serve_flits(const kb_memory *memory, kb_request *request, kb_train flits) {
    uint64_t address, in_row = kb_cursor_row(&request->cursor, &address);
    uint64_t n_whole = (in_row < request->left ? in_row : request->left) / memory->flit_nbytes;
    kb_train served = {0};
    if (memory->serve_flits && n_whole > 1 && flits.count > 1) {
        flits.count = kb_min_i64(flits.count, (int64_t)n_whole);
        memory->serve_flits(memory->self, request->slice, address - request->delta, flits, &served);
    }
    if (served.count == 0)
        return (kb_train){serve(memory, request, next_flit(memory, request), flits.start_fs), 0, 1};
    uint64_t nbytes = (uint64_t)served.count * memory->flit_nbytes;
    kb_cursor_advance(&request->cursor, &request->shape, nbytes);
    request->left -= nbytes;
    return served;
}

/* Flits of a reply that were served so.  None leaves before the one in front of it, which is there at *there_fs. */
static void reply_with(kb_reply *reply, kb_train flits, int64_t *there_fs) {
    int64_t last_fs = kb_train_last_fs(&flits), n_held = 0;
    if (last_fs <= *there_fs) n_held = flits.count;
    else if (flits.start_fs <= *there_fs)
        n_held = (*there_fs - flits.start_fs) / flits.period_fs + 1;
    if (n_held > 0) kb_reply_add(reply, (kb_train){*there_fs, 0, n_held});
    if (n_held == flits.count) return;
    flits.start_fs += n_held * flits.period_fs;
    flits.count -= n_held;
    kb_reply_add(reply, flits);
    *there_fs = last_fs;
}

static kb_status read(kb_memory *memory, kb_request *request, const kb_message *message,
                      kb_error *err) {
    kb_fabric *fabric = memory->parts->fabric;
    int64_t now_fs = kb_sim_now(memory->parts->sim);
    kb_send send = {.src = memory->node,
                    .dst = message->src,
                    .slice = request->slice,
                    .kind = KB_MSG_READ_REPLY,
                    .tag = request->number,
                    .nbytes = (int64_t)request->nbytes};
    kb_reply r = {.fabric = fabric, .err = err};
    KB_TRY(kb_fabric_open(fabric, &send, &r.handle, err));
    int64_t there_fs = now_fs;
    do {
        kb_train flits = {now_fs + memory->request_fs, 0, INT64_MAX};
        kb_train served = serve_flits(memory, request, flits);
        served.start_fs += memory->response_fs;
        reply_with(&r, served, &there_fs);
    } while (request->left > 0);
    kb_reply_flush(&r);
    request->memory_start_fs = now_fs;
    request->memory_end_fs = there_fs;
    return r.status;
}

static void take_read(void *self, const kb_message *message, uint32_t link, int64_t first,
                      kb_train flits) {
    kb_memory *memory = self;
    kb_error error;
    kb_error_clear(&error);
    (void)link, (void)first, (void)flits;
    kb_request *request = kb_requests_at(memory->parts->requests, message->tag);
    kb_status status = read(memory, request, message, &error);
    if (status != KB_OK)
        (void)kb_error_set(kb_sim_fail(memory->parts->sim, status), status, "%s", error.message);
}

static kb_status acknowledge(kb_memory *memory, const kb_request *request, kb_error *err) {
    kb_send send = {.src = memory->node,
                    .dst = request->requester,
                    .slice = request->slice,
                    .kind = KB_MSG_WRITE_ACK,
                    .tag = request->number};
    uint32_t handle;
    KB_TRY(kb_fabric_open(memory->parts->fabric, &send, &handle, err));
    kb_train flit = {request->memory_end_fs + memory->response_fs, 0, 1};
    return kb_fabric_append(memory->parts->fabric, handle, flit, err);
}

static void take_write(void *self, const kb_message *message, uint32_t link, int64_t first,
                       kb_train flits) {
    kb_memory *memory = self;
    kb_request *request = kb_requests_at(memory->parts->requests, message->tag);
    (void)link;
    if (first == 0) request->memory_start_fs = flits.start_fs;
    kb_train left = flits;
    left.start_fs += memory->request_fs;
    while (left.count > 0) {
        kb_train served = serve_flits(memory, request, left);
        left.start_fs += served.count * left.period_fs;
        left.count -= served.count;
        request->memory_end_fs = kb_max_i64(request->memory_end_fs, kb_train_last_fs(&served));
    }
    if (first + flits.count < message->n_flits) return;
    if (request->posted) {
        kb_request_committed(memory->parts->requests, request);
        return;
    }
    kb_error error;
    kb_error_clear(&error);
    kb_status status = acknowledge(memory, request, &error);
    if (status != KB_OK)
        (void)kb_error_set(kb_sim_fail(memory->parts->sim, status), status, "%s", error.message);
}

void kb_memory_attach(kb_memory *memory) {
    kb_dispatch *dispatch = memory->parts->dispatch;
    memory->flit_nbytes = (uint64_t)kb_topology_flit_nbytes(memory->parts->topology);
    kb_dispatch_set(dispatch, memory->node, KB_MSG_READ, KB_DELIVER_TAIL, take_read, memory);
    kb_dispatch_set(dispatch, memory->node, KB_MSG_WRITE, KB_DELIVER_FLITS, take_write, memory);
}
