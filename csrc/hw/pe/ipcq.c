#include "hw/pe/ipcq.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/checked.h"
#include "hw/component/request.h"
#include "hw/pe/ipcq_core.h"
#include "hw/pe/tcm_port.h"
#include "log/payload.h"

enum { TAKE_SENDS, POST, TAKE_RECVS, END_COPY };

static void fail(const kb_ipcq *ipcq, kb_status status, const char *message) {
    (void)kb_error_set(kb_sim_fail(ipcq->parts->sim, status), status, "%s: %s", ipcq->at->name,
                       message);
}

/* A ready command takes its place at its ring, by ticket. */
static void stand(kb_ring_end *end, kb_command *command) {
    kb_command **at = &end->first;
    bool is_last = !end->first || (int32_t)(command->ticket - end->last->ticket) > 0;
    if (is_last && end->first) at = &end->last->behind;
    if (is_last) end->last = command;
    while (!is_last && (int32_t)(command->ticket - (*at)->ticket) > 0) at = &(*at)->behind;
    command->behind = is_last ? NULL : *at;
    *at = command;
}

/* Takes the command whose turn it is; NULL when it is not ready. */
static kb_command *step_up(kb_ring_end *end) {
    kb_command *command = end->first;
    if (!command || command->ticket != end->next) return NULL;
    end->first = command->behind;
    end->next++;
    return command;
}

static void push(kb_ipcq *ipcq, kb_ipcq_queue *q, kb_command *command, uint32_t step) {
    command->behind = NULL;
    if (!q->first) {
        q->first = command;
        kb_sim_at(ipcq->parts->sim, ipcq->steps[step], command->record.end_fs);
    } else {
        q->last->behind = command;
    }
    q->last = command;
}

/* The next one that has ended by now; NULL, with the step called again in time, when none has. */
static kb_command *pop(kb_ipcq *ipcq, kb_ipcq_queue *q, uint32_t step) {
    kb_command *command = q->first;
    if (!command) return NULL;
    if (command->record.end_fs > kb_sim_now(ipcq->parts->sim)) {
        kb_sim_at(ipcq->parts->sim, ipcq->steps[step], command->record.end_fs);
        return NULL;
    }
    q->first = command->behind;
    return command;
}

/* --- sending ---------------------------------------------------------------------------------- */

/* Sends that may begin: their turn, and a slot is free. */
static void begin_sends(kb_ipcq *ipcq, kb_ring *ring) {
    const kb_rings *rings = ipcq->parts->rings;
    uint32_t depth = kb_ipcq_depth(ipcq, ring);
    kb_command *command;
    while (kb_ring_between(rings, ring->freed, ring->tail) < depth &&
           (command = step_up(&ring->send)) != NULL) {
        kb_record *record = &command->record;
        command->parcel = kb_ring_slot(rings, ring->tail);
        ring->tail = kb_ring_next(rings, ring->tail);
        ring->parcels[command->parcel] = (kb_parcel){.nbytes = record->nbytes,
                                                     .version = command->version,
                                                     .commit_fs = -1,
                                                     .kernel = record->kernel,
                                                     .line = record->line,
                                                     .op = record->op,
                                                     .dtype = record->dtype};
        record->start_fs = kb_sim_now(ipcq->parts->sim);
        record->setup_fs = ipcq->setup_fs;
        if (kb_add_i64(record->start_fs, ipcq->setup_fs, &record->end_fs))
            fail(ipcq, KB_OVERFLOW, "expected sends to leave before 2^63 fs");
        push(ipcq, &ipcq->posting, command, POST);
    }
}

static void take_sends(void *self, uint32_t arg) {
    kb_ipcq *ipcq = self;
    kb_command *command;
    (void)arg;
    while ((command = kb_sched_next(ipcq->sched, KB_ENGINE_SEND)) != NULL) {
        kb_ring *ring = kb_rings_at(ipcq->parts->rings, command->ring);
        stand(&ring->send, command);
        begin_sends(ipcq, ring);
    }
}

static kb_status post_payload(kb_ipcq *ipcq, kb_ring *ring, const kb_command *command,
                              kb_error *err) {
    const kb_parts *parts = ipcq->parts;
    kb_send send = {.src = ipcq->node,
                    .dst = ring->home,
                    .slice = ring->slice,
                    .kind = ring->group != 0 ? KB_MSG_REDUCE_PART : KB_MSG_IPCQ_DATA,
                    .tag = command->ring,
                    .nbytes = command->record.nbytes,
                    .path = &ring->data_path};
    if (ring->home == ring->dst_node || ring->group != 0)
        return kb_fabric_send(parts->fabric, &send, NULL, err);
    return kb_ipcq_write_slot_(ipcq, ring, command, err);
}

static kb_status post_one(kb_ipcq *ipcq, const kb_command *command, kb_error *err) {
    kb_ring *ring = kb_rings_at(ipcq->parts->rings, command->ring);
    kb_send tail = {.src = ipcq->node,
                    .dst = ring->home,
                    .slice = ring->slice,
                    .kind = KB_MSG_IPCQ_TAIL,
                    .tag = command->ring,
                    .path = &ring->tail_path};
    KB_TRY(post_payload(ipcq, ring, command, err));
    if (ring->group != 0) return KB_OK;
    return kb_fabric_send(ipcq->parts->fabric, &tail, NULL, err);
}

static void post(void *self, uint32_t arg) {
    kb_ipcq *ipcq = self;
    kb_command *command;
    (void)arg;
    while ((command = pop(ipcq, &ipcq->posting, POST)) != NULL) {
        kb_error error;
        kb_error_clear(&error);
        kb_status status = post_one(ipcq, command, &error);
        if (status != KB_OK) {
            fail(ipcq, status, error.message);
            return;
        }
        kb_sched_done(ipcq->sched, command);
    }
}

/* A slot is free again. */
static void take_back(kb_ipcq *ipcq, kb_ring *ring) {
    ring->freed = kb_ring_next(ipcq->parts->rings, ring->freed);
    begin_sends(ipcq, ring);
}

static void take_credit(void *self, const kb_message *message, uint32_t link, int64_t first,
                        kb_train flits) {
    kb_ipcq *ipcq = self;
    kb_ring *ring = kb_rings_at(ipcq->parts->rings, message->tag);
    (void)link, (void)first, (void)flits;
    take_back(ipcq, ring);
}

/* --- receiving -------------------------------------------------------------------------------- */

static void mismatch(const kb_ipcq *ipcq, const kb_ring *ring, const kb_record *record,
                     const kb_parcel *parcel) {
    const kb_oplog *log = ipcq->parts->log;
    char message[512], src[64], dst[64];
    (void)snprintf(message, sizeof message,
                   "%s:%" PRId32 ": recv of %s, channel %" PRIu32 ": expected a message of %" PRId64
                   " bytes, got one of %" PRId64 " bytes that %s sent at %s:%" PRId32
                   "; state the shape and dtype that are sent",
                   kb_oplog_kernel_name(log, record->kernel), record->line,
                   kb_ipcq_name_pe(ipcq->parts, kb_ipcq_receiver(ring), dst, sizeof dst),
                   kb_ring_number_of_channel(ring), record->nbytes, parcel->nbytes,
                   kb_ipcq_name_pe(ipcq->parts, ring->src, src, sizeof src),
                   kb_oplog_kernel_name(log, parcel->kernel), parcel->line);
    fail(ipcq, KB_INVALID, message);
}

static kb_status send_credit(const kb_ipcq *ipcq, uint32_t number, kb_error *err) {
    kb_ring *ring = kb_rings_at(ipcq->parts->rings, number);
    kb_send send = {.src = ipcq->node,
                    .dst = ring->src_node,
                    .slice = KB_ANY_SLICE,
                    .kind = KB_MSG_IPCQ_CREDIT,
                    .tag = number,
                    .path = &ring->credit_path};
    return kb_fabric_send(ipcq->parts->fabric, &send, NULL, err);
}

/* The tile is there: the slot is free. */
static void end_recv(kb_ipcq *ipcq, kb_command *command, int64_t copied_fs) {
    kb_ring *ring = kb_rings_at(ipcq->parts->rings, command->ring);
    kb_error error;
    kb_error_clear(&error);
    command->record.start_fs = command->record.ready_fs;
    command->record.setup_fs = copied_fs;
    kb_payload_set_last_tile((int64_t *)(uintptr_t)command->words, command->n_words,
                             ring->parcels[command->parcel].version);
    ring->head = kb_ring_next(ipcq->parts->rings, ring->head);
    kb_status status = KB_OK;
    if (ring->group != 0) take_back(ipcq, ring);
    else status = send_credit(ipcq, command->ring, &error);
    if (status != KB_OK) fail(ipcq, status, error.message);
    kb_sched_done(ipcq->sched, command);
}

static void end_copies(void *self, uint32_t arg) {
    kb_ipcq *ipcq = self;
    kb_command *command;
    (void)arg;
    while ((command = pop(ipcq, &ipcq->copying, END_COPY)) != NULL) {
        const kb_ring *ring = kb_rings_at(ipcq->parts->rings, command->ring);
        const kb_record *record = &command->record;
        int64_t from_fs = kb_max_i64(ring->parcels[command->parcel].there_fs, record->ready_fs);
        end_recv(ipcq, command, record->end_fs - from_fs);
    }
}

static void take_reply(void *self, kb_request *request) {
    end_recv(self, (kb_command *)(uintptr_t)request->token, request->done_fs - request->sent_fs);
}

static kb_status begin_copy(kb_ipcq *ipcq, kb_command *command, kb_error *err) {
    kb_record *record = &command->record;
    const kb_params *params = kb_parts_params(ipcq->parts);
    int64_t cycles = kb_ceil_div(record->nbytes, params->pe_tcm.bytes_per_cycle), copy_fs;
    int64_t from_fs = kb_max_i64(ipcq->copy_free_fs, kb_sim_now(ipcq->parts->sim));
    if (kb_ratio_scale(params->pe.clock, cycles, &copy_fs) ||
        kb_add_i64(from_fs, copy_fs, &record->end_fs))
        return kb_error_set(err, KB_OVERFLOW, "expected messages to be copied before 2^63 fs");
    kb_meter_run(&ipcq->copies, (uint64_t)record->nbytes, from_fs, record->end_fs);
    ipcq->copy_free_fs = record->end_fs;
    push(ipcq, &ipcq->copying, command, END_COPY);
    return KB_OK;
}

/* Recvs that may begin: their turn, and a slot is full. */
static void begin_recvs(kb_ipcq *ipcq, kb_ring *ring) {
    const kb_rings *rings = ipcq->parts->rings;
    kb_command *command;
    while (ring->taken != ring->arrived && (command = step_up(&ring->recv)) != NULL) {
        kb_error error;
        kb_error_clear(&error);
        command->parcel = kb_ring_slot(rings, ring->taken);
        const kb_parcel *parcel = &ring->parcels[command->parcel];
        ring->taken = kb_ring_next(rings, ring->taken);
        if (parcel->nbytes != command->record.nbytes) {
            mismatch(ipcq, ring, &command->record, parcel);
            return;
        }
        bool in_tcm = ring->home == ring->dst_node || ring->group != 0;
        kb_status status = in_tcm ? begin_copy(ipcq, command, &error)
                                  : kb_ipcq_read_slot_(ipcq, ring, command, take_reply, &error);
        if (status != KB_OK) fail(ipcq, status, error.message);
    }
}

static void take_recvs(void *self, uint32_t arg) {
    kb_ipcq *ipcq = self;
    kb_command *command;
    (void)arg;
    while ((command = kb_sched_next(ipcq->sched, KB_ENGINE_RECV)) != NULL) {
        kb_ring *ring = kb_rings_at(ipcq->parts->rings, command->ring);
        stand(&ring->recv, command);
        begin_recvs(ipcq, ring);
    }
}

static void take_tail(void *self, const kb_message *message, uint32_t link, int64_t first,
                      kb_train flits) {
    kb_ipcq *ipcq = self;
    const kb_rings *rings = ipcq->parts->rings;
    (void)link, (void)first, (void)flits;
    kb_ring *ring = message->tag < kb_rings_count(rings) ? kb_rings_at(rings, message->tag) : NULL;
    if (!ring || kb_ipcq_receiver(ring) != ipcq->pe || ring->arrived == ring->tail) {
        fail(ipcq, KB_INTERNAL, "overrun: a tail arrived for which no slot had been taken");
        return;
    }
    ring->parcels[kb_ring_slot(rings, ring->arrived)].there_fs = kb_sim_now(ipcq->parts->sim);
    ring->arrived = kb_ring_next(rings, ring->arrived);
    begin_recvs(ipcq, ring);
}

/* The payload lies in TCM; the tail says so. */
static void take_payload(void *self, const kb_message *message, uint32_t link, int64_t first,
                         kb_train flits) {
    (void)self, (void)message, (void)link, (void)first, (void)flits;
}

/* --- life ------------------------------------------------------------------------------------- */

static void kick_sends(void *self) {
    const kb_ipcq *ipcq = self;
    kb_sim_signal(ipcq->parts->sim, ipcq->steps[TAKE_SENDS]);
}

static void kick_recvs(void *self) {
    const kb_ipcq *ipcq = self;
    kb_sim_signal(ipcq->parts->sim, ipcq->steps[TAKE_RECVS]);
}

static kb_status init(kb_ipcq *ipcq, kb_error *err) {
    static const kb_slot_fn steps[KB_IPCQ_STEPS] = {take_sends, post, take_recvs, end_copies};
    const kb_parts *parts = ipcq->parts;
    const kb_node *at = ipcq->at;
    kb_dispatch *dispatch = parts->dispatch;
    ipcq->node = kb_topology_part(parts->topology, KB_IMPL_PE_DMA, at->sip, at->cube, at->pe);
    ipcq->pe = (uint32_t)kb_parts_pe(parts, ipcq->node);
    ipcq->sched = kb_parts_find(parts, KB_IMPL_PE_SCHED, at->sip, at->cube, at->pe);
    ipcq->setup_fs = kb_parts_params(parts)->pe_dma.setup_fs;
    ipcq->rate = kb_tcm_port_rate(kb_parts_params(parts));
    kb_meter_init(&ipcq->copies, parts->sim, at->name, "its copies", -1, &ipcq->rate);
    for (uint32_t i = 0; i < KB_IPCQ_STEPS; i++)
        KB_TRY(kb_sim_add_slot(parts->sim, steps[i], ipcq, i, &ipcq->steps[i], err));
    kb_sched_attach(ipcq->sched, KB_ENGINE_SEND, kick_sends, ipcq);
    kb_sched_attach(ipcq->sched, KB_ENGINE_RECV, kick_recvs, ipcq);
    kb_dispatch_set(dispatch, ipcq->node, KB_MSG_IPCQ_DATA, KB_DELIVER_TAIL, take_payload, ipcq);
    kb_dispatch_set(dispatch, ipcq->node, KB_MSG_IPCQ_TAIL, KB_DELIVER_TAIL, take_tail, ipcq);
    kb_dispatch_set(dispatch, ipcq->node, KB_MSG_REDUCE_TOTAL, KB_DELIVER_TAIL, take_tail, ipcq);
    kb_dispatch_set(dispatch, ipcq->node, KB_MSG_IPCQ_CREDIT, KB_DELIVER_TAIL, take_credit, ipcq);
    kb_dispatch_set_default(dispatch, KB_MSG_IPCQ_TAIL, kb_ipcq_take_tail_at_memory_,
                            (void *)(uintptr_t)parts);
    return KB_OK;
}

kb_status kb_ipcq_create(const kb_parts *parts, uint32_t node, void **ipcq, kb_error *err) {
    kb_ipcq *made = kb_alloc_zeroed(parts->alloc, 1, sizeof *made);
    if (!made) return kb_error_nomem(err, "a PE_IPCQ");
    made->parts = parts;
    made->at = &kb_topology_nodes(parts->topology)[node];
    kb_status status = init(made, err);
    if (status == KB_OK) *ipcq = made;
    else kb_ipcq_destroy(made);
    return status;
}

void kb_ipcq_destroy(void *ipcq) {
    kb_ipcq *self = ipcq;
    if (!self) return;
    kb_alloc_free(self->parts->alloc, self, 1, sizeof *self);
}
