#include "base/checked.h"
#include "hw/pe/ipcq_core.h"

static uint64_t offset_of(const kb_parts *parts, const kb_ring *ring, uint32_t parcel) {
    return ring->offset + parcel * (uint64_t)kb_ipcq_params(parts)->slot_nbytes;
}

static kb_status forward_tail(const kb_parts *parts, kb_ring *ring, uint32_t number,
                              const kb_parcel *parcel, kb_error *err) {
    const kb_params_hbm *hbm = kb_topology_hbm(parts->topology, ring->home);
    kb_send send = {.src = ring->home,
                    .dst = ring->dst_node,
                    .slice = ring->slice,
                    .kind = KB_MSG_IPCQ_TAIL,
                    .tag = number};
    uint32_t handle;
    int64_t there_fs;
    if (kb_add_i64(parcel->commit_fs, hbm ? hbm->response_fs : 0, &there_fs))
        return kb_error_set(err, KB_OVERFLOW, "expected slots to be written before 2^63 fs");
    ring->forward_fs = kb_max_i64(ring->forward_fs, kb_max_i64(there_fs, kb_sim_now(parts->sim)));
    KB_TRY(kb_fabric_open(parts->fabric, &send, &handle, err));
    return kb_fabric_append(parts->fabric, handle, (kb_train){ring->forward_fs, 0, 1}, err);
}

/* Tails whose payload is committed go on, in order. */
static void forward_tails(const kb_parts *parts, kb_ring *ring, uint32_t number) {
    while (ring->forwarded != ring->tail) {
        kb_parcel *parcel = &ring->parcels[kb_ring_slot(parts->rings, ring->forwarded)];
        kb_error error;
        kb_error_clear(&error);
        if (!parcel->tail_here || parcel->commit_fs < 0) return;
        ring->forwarded = kb_ring_next(parts->rings, ring->forwarded);
        parcel->tail_here = false;
        kb_status status = forward_tail(parts, ring, number, parcel, &error);
        if (status != KB_OK)
            (void)kb_error_set(kb_sim_fail(parts->sim, status), status, "%s", error.message);
    }
}

void kb_ipcq_take_tail_at_memory_(void *self, const kb_message *message, uint32_t link,
                                  int64_t first, kb_train flits) {
    const kb_parts *parts = self;
    kb_ring *ring = kb_rings_at(parts->rings, message->tag);
    (void)link, (void)first, (void)flits;
    ring->parcels[kb_ring_slot(parts->rings, ring->committed)].tail_here = true;
    ring->committed = kb_ring_next(parts->rings, ring->committed);
    forward_tails(parts, ring, message->tag);
}

/* The payload of a slot that lies in a memory is committed. */
static void take_commit(void *self, kb_request *request) {
    const kb_ipcq *ipcq = self;
    uint32_t number = (uint32_t)(request->token >> 32);
    kb_ring *ring = kb_rings_at(ipcq->parts->rings, number);
    ring->parcels[(uint32_t)request->token].commit_fs = request->memory_end_fs;
    forward_tails(ipcq->parts, ring, number);
}

kb_status kb_ipcq_write_slot_(kb_ipcq *ipcq, const kb_ring *ring, const kb_command *command,
                              kb_error *err) {
    const kb_parts *parts = ipcq->parts;
    kb_request *request;
    KB_TRY(kb_request_take(parts->requests, &request, err));
    request->requester = ipcq->node;
    request->memory = ring->home;
    request->slice = ring->slice;
    request->write = request->posted = true;
    kb_request_set_range(request, offset_of(parts, ring, command->parcel),
                         (uint64_t)command->record.nbytes);
    request->done = take_commit;
    request->self = ipcq;
    request->token = (uint64_t)command->ring << 32 | command->parcel;
    return kb_request_send(parts->requests, request, err);
}

kb_status kb_ipcq_read_slot_(kb_ipcq *ipcq, const kb_ring *ring, kb_command *command,
                             kb_request_fn done, kb_error *err) {
    kb_request *request;
    KB_TRY(kb_request_take(ipcq->parts->requests, &request, err));
    request->requester = ipcq->node;
    request->memory = ring->home;
    request->slice = ring->slice;
    kb_request_set_range(request, offset_of(ipcq->parts, ring, command->parcel),
                         (uint64_t)command->record.nbytes);
    request->done = done;
    request->self = ipcq;
    request->token = (uint64_t)(uintptr_t)command;
    return kb_request_send(ipcq->parts->requests, request, err);
}
