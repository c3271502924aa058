#include "hw/ipcq.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/checked.h"
#include "hw/memory.h"
#include "hw/meter.h"
#include "hw/pe_sched.h"
#include "hw/reducer.h"
#include "hw/request.h"
#include "hw/ring.h"
#include "hw/tcm_port.h"
#include "log/payload.h"

#define NONE UINT32_MAX

enum { TAKE_SENDS, POST, TAKE_RECVS, END_COPY, N_STEPS };

/* A command under way here, by its slot in PE_SCHED. */
typedef struct work {
    kb_command *command; /* NULL: none */
    int64_t nbytes;
    int64_t when_fs; /* being set up, or copied: when that ends */
    uint32_t next;   /* behind it at its ring, or in its queue */
    uint32_t parcel; /* slot of its ring that it fills or empties */
} work;

/* Slots of PE_SCHED whose commands end their set-up, or their copy, in this order. */
typedef struct queue {
    uint32_t first, last;
} queue;

struct kb_ipcq {
    const kb_parts *parts;
    const kb_node *at;
    uint32_t node; /* of PE_DMA, which sends and receives the messages */
    uint32_t pe;
    kb_sched *sched;
    int64_t setup_fs;
    int64_t copy_free_fs;
    kb_meter copies;         /* out of slots in TCM, of bytes */
    kb_ratio rate;           /* of those, its own copy */
    uint32_t steps[N_STEPS]; /* slots of the simulator */
    work *works;
    queue posting, copying;
};

static void fail(const kb_ipcq *ipcq, kb_status status, const char *message) {
    (void)kb_error_set(kb_sim_fail(ipcq->parts->sim, status), status, "%s: %s", ipcq->at->name,
                       message);
}

static const kb_params_pe_ipcq *params_of(const kb_parts *parts) {
    return &kb_parts_params(parts)->pe_ipcq;
}

/* --- rings ------------------------------------------------------------------------------------ */

static uint32_t receiver_of(const kb_ring *ring) {
    return ring->group != 0 ? ring->src : ring->dst;
}

/* Where the slots of a new ring lie. */
static kb_status place_ring(const kb_parts *parts, kb_ring *ring, kb_error *err) {
    const kb_params_pe_ipcq *ipcq = &kb_parts_params(parts)->pe_ipcq;
    const kb_system *system = kb_topology_system(parts->topology);
    ring->src_node = kb_parts_pe_node(parts, KB_IMPL_PE_DMA, ring->src);
    ring->dst_node = ring->home = kb_parts_pe_node(parts, KB_IMPL_PE_DMA, ring->dst);
    ring->slice = KB_ANY_SLICE;
    if (ipcq->memory == KB_IPCQ_TCM) return KB_OK;
    bool hbm = ipcq->memory == KB_IPCQ_HBM;
    const kb_node *nodes = kb_topology_nodes(parts->topology), *to = &nodes[ring->dst_node];
    ring->home =
        kb_topology_part(parts->topology, hbm ? KB_IMPL_HBM : KB_IMPL_SRAM, to->sip, to->cube, -1);
    if (hbm) ring->slice = (int32_t)(to->pe * system->n_slices / system->n_pes);
    if (!parts->hooks.take_room) return KB_OK;
    uint64_t nbytes = (uint64_t)(ipcq->depth * ipcq->slot_nbytes);
    if (parts->hooks.take_room(parts->hooks.self, ring->home, ring->slice, nbytes, &ring->offset,
                               err) == KB_OK)
        return KB_OK;
    return kb_error_wrap(err,
                         "IPCQ ring from PE %" PRIu32 " to PE %" PRIu32 ", channel %" PRIu32
                         ", of pe.ipcq.depth * pe.ipcq.slot bytes in %s",
                         ring->src, ring->dst, kb_ring_number_of_channel(ring),
                         nodes[ring->home].name);
}

static uint64_t offset_of(const kb_parts *parts, const kb_ring *ring, uint32_t parcel) {
    return ring->offset + parcel * (uint64_t)params_of(parts)->slot_nbytes;
}

static kb_status find_ring(const kb_ipcq *ipcq, uint32_t src, uint32_t dst, uint32_t channel,
                           uint32_t *number, kb_error *err) {
    bool made;
    KB_TRY(kb_rings_find(ipcq->parts->rings, src, dst, channel, number, &made, err));
    if (!made) return KB_OK;
    return place_ring(ipcq->parts, kb_rings_at(ipcq->parts->rings, *number), err);
}

/* `peer` is a PE, or -1: the switch. */
static kb_status check_message(const kb_ipcq *ipcq, const char *what, int64_t peer, int64_t channel,
                               int64_t nbytes, kb_error *err) {
    const kb_params_pe_ipcq *params = params_of(ipcq->parts);
    char between[64] = "the switch";
    if (channel < 0 || channel >= params->channels)
        return kb_error_set(err, KB_INVALID,
                            "%s: expected a channel from 0 to %" PRId64 " (pe.ipcq.channels), got "
                            "%" PRId64,
                            what, params->channels - 1, channel);
    if (nbytes <= params->slot_nbytes) return KB_OK;
    if (peer >= 0) (void)snprintf(between, sizeof between, "PE %" PRId64, peer);
    return kb_error_set(err, KB_INVALID,
                        "%s: PE %" PRIu32 " and %s, channel %" PRId64
                        ": expected a message that fits a slot (pe.ipcq.slot, %" PRId64
                        " bytes), got %" PRId64 " bytes; send smaller tiles",
                        what, ipcq->pe, between, channel, params->slot_nbytes, nbytes);
}

/* A ring by way of the switch. */
static kb_status find_ring_of_group(const kb_ipcq *ipcq, int64_t group, uint32_t channel,
                                    uint32_t *number, kb_error *err) {
    uint32_t dst;
    bool made;
    kb_ring_name_sums(group, &dst, &channel);
    KB_TRY(kb_rings_find(ipcq->parts->rings, ipcq->pe, dst, channel, number, &made, err));
    kb_ring *ring = kb_rings_at(ipcq->parts->rings, *number);
    if (!made) return KB_OK;
    ring->group = group;
    ring->src_node = ring->dst_node = ipcq->node;
    ring->home = kb_topology_part(ipcq->parts->topology, KB_IMPL_SWITCH, -1, -1, -1);
    ring->slice = KB_ANY_SLICE;
    return KB_OK;
}

static void take_ticket(kb_ipcq *ipcq, kb_command *command, int64_t peer, int64_t nbytes) {
    kb_ring *ring = kb_rings_at(ipcq->parts->rings, command->ring);
    bool sends = command->engine == KB_ENGINE_SEND;
    command->ticket = sends ? ring->send.n_tickets++ : ring->recv.n_tickets++;
    command->record.work = peer;
    ipcq->works[kb_sched_slot(ipcq->sched, command)].nbytes = nbytes;
}

static kb_status check_switch(const kb_ipcq *ipcq, const kb_command *command, int64_t number,
                              kb_error *err) {
    const kb_record *record = &command->record;
    bool sends = command->engine == KB_ENGINE_SEND;
    const char *what = sends ? "reduce_send" : "reduce_recv";
    if (kb_topology_part(ipcq->parts->topology, KB_IMPL_SWITCH, -1, -1, -1) == UINT32_MAX)
        return kb_error_set(err, KB_INVALID,
                            "%s: expected a fabric whose switch reduces, got none; set "
                            "system.fabric.kind: switch and system.fabric.reduction.unit: switch",
                            what);
    kb_sip_group group = kb_sip_group_of(number);
    int64_t n_sips = kb_topology_system(ipcq->parts->topology)->n_sips;
    if (!kb_sip_group_has(group, n_sips, ipcq->at->sip))
        return kb_error_set(err, KB_INVALID,
                            "%s: expected a group of the %" PRId64 " SIPs that sip%" PRId32
                            " is in, got %" PRId64 " SIPs from %" PRId64 " on, %" PRId64 " apart",
                            what, n_sips, ipcq->at->sip, group.size, group.first, group.stride);
    if (sends && !kb_reducer_does((kb_mathop)record->op, (kb_dtype)record->dtype))
        return kb_error_set(err, KB_INVALID,
                            "%s: expected add, min or max of floats of 16 bits or more, or these "
                            "and and, or, xor of integers of 32 or 64 bits, got %s of %s",
                            what, kb_mathop_name((kb_mathop)record->op),
                            kb_dtype_name((kb_dtype)record->dtype));
    return KB_OK;
}

kb_status kb_ipcq_enrol_part(kb_ipcq *ipcq, kb_command *command, int64_t group, int64_t channel,
                             bool comm, int64_t nbytes, kb_error *err) {
    KB_TRY(check_switch(ipcq, command, group, err));
    const char *what = command->engine == KB_ENGINE_SEND ? "reduce_send" : "reduce_recv";
    KB_TRY(check_message(ipcq, what, -1, channel, nbytes, err));
    KB_TRY(find_ring_of_group(ipcq, group, kb_ring_channel((uint32_t)channel, comm), &command->ring,
                              err));
    take_ticket(ipcq, command, -1, nbytes);
    return KB_OK;
}

kb_status kb_ipcq_enrol(kb_ipcq *ipcq, kb_command *command, int64_t peer, int64_t channel,
                        bool comm, int64_t nbytes, kb_error *err) {
    int64_t n_pes = kb_parts_n_pes(ipcq->parts);
    bool sends = command->engine == KB_ENGINE_SEND;
    const char *what = sends ? "send" : "recv";
    if (peer < 0 || peer >= n_pes)
        return kb_error_set(err, KB_INVALID,
                            "%s: expected a PE from 0 to %" PRId64 ", got %" PRId64, what,
                            n_pes - 1, peer);
    KB_TRY(check_message(ipcq, what, peer, channel, nbytes, err));
    uint32_t src = sends ? ipcq->pe : (uint32_t)peer, dst = sends ? (uint32_t)peer : ipcq->pe;
    KB_TRY(
        find_ring(ipcq, src, dst, kb_ring_channel((uint32_t)channel, comm), &command->ring, err));
    take_ticket(ipcq, command, peer, nbytes);
    return KB_OK;
}

/* A ready command takes its place at its ring, by ticket. */
static void stand(kb_ipcq *ipcq, kb_ring_end *end, kb_command *command) {
    uint32_t slot = kb_sched_slot(ipcq->sched, command), *at = &end->first;
    work *w = &ipcq->works[slot];
    w->command = command;
    bool is_last = end->first == NONE ||
                   (int32_t)(command->ticket - ipcq->works[end->last].command->ticket) > 0;
    if (is_last && end->first != NONE) at = &ipcq->works[end->last].next;
    if (is_last) end->last = slot;
    while (!is_last && *at != NONE &&
           (int32_t)(command->ticket - ipcq->works[*at].command->ticket) > 0)
        at = &ipcq->works[*at].next;
    w->next = *at;
    *at = slot;
}

/* Takes the command whose turn it is; NULL when it is not ready. */
static work *step_up(const kb_ipcq *ipcq, kb_ring_end *end) {
    if (end->first == NONE || ipcq->works[end->first].command->ticket != end->next) return NULL;
    work *w = &ipcq->works[end->first];
    end->first = w->next;
    end->next++;
    return w;
}

static void push(kb_ipcq *ipcq, queue *q, work *w, uint32_t step) {
    uint32_t slot = (uint32_t)(w - ipcq->works);
    w->next = NONE;
    if (q->first == NONE) {
        q->first = slot;
        kb_sim_at(ipcq->parts->sim, ipcq->steps[step], w->when_fs);
    } else {
        ipcq->works[q->last].next = slot;
    }
    q->last = slot;
}

/* The next one that has ended by now; NULL, with the step called again in time, when none has. */
static work *pop(kb_ipcq *ipcq, queue *q, uint32_t step) {
    if (q->first == NONE) return NULL;
    work *w = &ipcq->works[q->first];
    if (w->when_fs > kb_sim_now(ipcq->parts->sim)) {
        kb_sim_at(ipcq->parts->sim, ipcq->steps[step], w->when_fs);
        return NULL;
    }
    q->first = w->next;
    return w;
}

/* --- sending ---------------------------------------------------------------------------------- */

/* How many messages of a ring may be under way. */
static uint32_t depth_of(const kb_ipcq *ipcq, const kb_ring *ring) {
    const kb_params *params = kb_parts_params(ipcq->parts);
    bool fewer = ring->group != 0 && params->reduction.slots < params->pe_ipcq.depth;
    return (uint32_t)(fewer ? params->reduction.slots : params->pe_ipcq.depth);
}

/* Sends that may begin: their turn, and a slot is free. */
static void begin_sends(kb_ipcq *ipcq, kb_ring *ring) {
    const kb_rings *rings = ipcq->parts->rings;
    uint32_t depth = depth_of(ipcq, ring);
    work *w;
    while (kb_ring_between(rings, ring->freed, ring->tail) < depth &&
           (w = step_up(ipcq, &ring->send)) != NULL) {
        const kb_command *command = w->command;
        w->parcel = kb_ring_slot(rings, ring->tail);
        ring->tail = kb_ring_next(rings, ring->tail);
        ring->parcels[w->parcel] = (kb_parcel){.nbytes = w->nbytes,
                                               .version = command->version,
                                               .commit_fs = -1,
                                               .kernel = command->record.kernel,
                                               .line = command->record.line,
                                               .op = command->record.op,
                                               .dtype = command->record.dtype};
        if (kb_add_i64(kb_sim_now(ipcq->parts->sim), ipcq->setup_fs, &w->when_fs))
            fail(ipcq, KB_OVERFLOW, "expected sends to leave before 2^63 fs");
        push(ipcq, &ipcq->posting, w, POST);
    }
}

static void take_sends(void *self, uint32_t arg) {
    kb_ipcq *ipcq = self;
    kb_command *command;
    (void)arg;
    while ((command = kb_sched_next(ipcq->sched, KB_ENGINE_SEND)) != NULL) {
        kb_ring *ring = kb_rings_at(ipcq->parts->rings, command->ring);
        stand(ipcq, &ring->send, command);
        begin_sends(ipcq, ring);
    }
}

static void forward_tails(const kb_parts *parts, kb_ring *ring, uint32_t number);

/* The payload of a slot that lies in a memory is committed. */
static void take_commit(void *self, kb_request *request) {
    const kb_ipcq *ipcq = self;
    uint32_t number = (uint32_t)(request->token >> 32);
    kb_ring *ring = kb_rings_at(ipcq->parts->rings, number);
    ring->parcels[(uint32_t)request->token].commit_fs = request->memory_end_fs;
    forward_tails(ipcq->parts, ring, number);
}

static kb_status post_payload(kb_ipcq *ipcq, const kb_ring *ring, const work *w, kb_error *err) {
    const kb_parts *parts = ipcq->parts;
    kb_send send = {.src = ipcq->node,
                    .dst = ring->home,
                    .slice = ring->slice,
                    .kind = ring->group != 0 ? KB_MSG_REDUCE_PART : KB_MSG_IPCQ_DATA,
                    .tag = w->command->ring,
                    .nbytes = w->nbytes};
    if (ring->home == ring->dst_node || ring->group != 0)
        return kb_fabric_send(parts->fabric, &send, NULL, err);
    kb_request *request;
    KB_TRY(kb_request_take(parts->requests, &request, err));
    request->requester = ipcq->node;
    request->memory = ring->home;
    request->slice = ring->slice;
    request->write = request->posted = true;
    request->nbytes = (uint64_t)w->nbytes;
    request->shape = kb_shape_range(offset_of(parts, ring, w->parcel), request->nbytes);
    request->cursor = kb_cursor_begin(&request->shape);
    request->done = take_commit;
    request->self = ipcq;
    request->token = (uint64_t)w->command->ring << 32 | w->parcel;
    return kb_request_send(parts->requests, request, err);
}

static kb_status post_one(kb_ipcq *ipcq, const work *w, kb_error *err) {
    const kb_ring *ring = kb_rings_at(ipcq->parts->rings, w->command->ring);
    kb_send tail = {.src = ipcq->node,
                    .dst = ring->home,
                    .slice = ring->slice,
                    .kind = KB_MSG_IPCQ_TAIL,
                    .tag = w->command->ring};
    KB_TRY(post_payload(ipcq, ring, w, err));
    if (ring->group != 0) return KB_OK;
    return kb_fabric_send(ipcq->parts->fabric, &tail, NULL, err);
}

static void post(void *self, uint32_t arg) {
    kb_ipcq *ipcq = self;
    work *w;
    (void)arg;
    while ((w = pop(ipcq, &ipcq->posting, POST)) != NULL) {
        kb_error error = KB_ERROR_INIT;
        kb_record *record = &w->command->record;
        kb_status status = post_one(ipcq, w, &error);
        if (status != KB_OK) {
            fail(ipcq, status, error.message);
            return;
        }
        record->start_fs = w->when_fs - ipcq->setup_fs;
        record->setup_fs = ipcq->setup_fs;
        record->nbytes = w->nbytes;
        kb_sched_done(ipcq->sched, w->command);
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

/* --- in the memory that holds a ring ------------------------------------------------------------ */

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
        kb_error error = KB_ERROR_INIT;
        if (!parcel->tail_here || parcel->commit_fs < 0) return;
        ring->forwarded = kb_ring_next(parts->rings, ring->forwarded);
        parcel->tail_here = false;
        kb_status status = forward_tail(parts, ring, number, parcel, &error);
        if (status != KB_OK)
            (void)kb_error_set(kb_sim_fail(parts->sim, status), status, "%s", error.message);
    }
}

static void take_tail_at_memory(void *self, const kb_message *message, uint32_t link, int64_t first,
                                kb_train flits) {
    const kb_parts *parts = self;
    kb_ring *ring = kb_rings_at(parts->rings, message->tag);
    (void)link, (void)first, (void)flits;
    ring->parcels[kb_ring_slot(parts->rings, ring->committed)].tail_here = true;
    ring->committed = kb_ring_next(parts->rings, ring->committed);
    forward_tails(parts, ring, message->tag);
}

/* --- receiving -------------------------------------------------------------------------------- */

/* "PE 3 (sip1.cube0.pe0)" without the parts of its name behind the PE's. */
static const char *name_pe(const kb_parts *parts, uint32_t pe, char *text, size_t capacity) {
    const kb_node *at =
        &kb_topology_nodes(parts->topology)[kb_parts_pe_node(parts, KB_IMPL_PE_DMA, pe)];
    (void)snprintf(text, capacity, "PE %" PRIu32 " (sip%" PRId32 ".cube%" PRId32 ".pe%" PRId32 ")",
                   pe, at->sip, at->cube, at->pe);
    return text;
}

static void mismatch(const kb_ipcq *ipcq, const kb_ring *ring, const work *w,
                     const kb_parcel *parcel) {
    const kb_oplog *log = ipcq->parts->log;
    const kb_record *record = &w->command->record;
    char message[512], src[64], dst[64];
    (void)snprintf(message, sizeof message,
                   "%s:%" PRId32 ": recv of %s, channel %" PRIu32 ": expected a message of %" PRId64
                   " bytes, got one of %" PRId64 " bytes that %s sent at %s:%" PRId32
                   "; state the shape and dtype that are sent",
                   kb_oplog_kernel_name(log, record->kernel), record->line,
                   name_pe(ipcq->parts, receiver_of(ring), dst, sizeof dst),
                   kb_ring_number_of_channel(ring), w->nbytes, parcel->nbytes,
                   name_pe(ipcq->parts, ring->src, src, sizeof src),
                   kb_oplog_kernel_name(log, parcel->kernel), parcel->line);
    fail(ipcq, KB_INVALID, message);
}

static kb_status send_credit(const kb_ipcq *ipcq, uint32_t number, kb_error *err) {
    const kb_ring *ring = kb_rings_at(ipcq->parts->rings, number);
    kb_send send = {.src = ipcq->node,
                    .dst = ring->src_node,
                    .slice = KB_ANY_SLICE,
                    .kind = KB_MSG_IPCQ_CREDIT,
                    .tag = number};
    return kb_fabric_send(ipcq->parts->fabric, &send, NULL, err);
}

/* The tile is there: the slot is free. */
static void end_recv(kb_ipcq *ipcq, const work *w, int64_t copied_fs) {
    kb_command *command = w->command;
    kb_ring *ring = kb_rings_at(ipcq->parts->rings, command->ring);
    kb_error error = KB_ERROR_INIT;
    command->record.start_fs = command->record.ready_fs;
    command->record.setup_fs = copied_fs;
    command->record.nbytes = w->nbytes;
    kb_payload_set_last_tile((int64_t *)(uintptr_t)command->words, command->n_words,
                             ring->parcels[w->parcel].version);
    ring->head = kb_ring_next(ipcq->parts->rings, ring->head);
    kb_status status = KB_OK;
    if (ring->group != 0) take_back(ipcq, ring);
    else status = send_credit(ipcq, command->ring, &error);
    if (status != KB_OK) fail(ipcq, status, error.message);
    kb_sched_done(ipcq->sched, command);
}

static void end_copies(void *self, uint32_t arg) {
    kb_ipcq *ipcq = self;
    const work *w;
    (void)arg;
    while ((w = pop(ipcq, &ipcq->copying, END_COPY)) != NULL) {
        const kb_ring *ring = kb_rings_at(ipcq->parts->rings, w->command->ring);
        int64_t from_fs =
            kb_max_i64(ring->parcels[w->parcel].there_fs, w->command->record.ready_fs);
        end_recv(ipcq, w, w->when_fs - from_fs);
    }
}

static void take_reply(void *self, kb_request *request) {
    kb_ipcq *ipcq = self;
    end_recv(ipcq, &ipcq->works[request->token], request->done_fs - request->sent_fs);
}

static kb_status begin_read(kb_ipcq *ipcq, const kb_ring *ring, const work *w, kb_error *err) {
    kb_request *request;
    KB_TRY(kb_request_take(ipcq->parts->requests, &request, err));
    request->requester = ipcq->node;
    request->memory = ring->home;
    request->slice = ring->slice;
    request->nbytes = (uint64_t)w->nbytes;
    request->shape = kb_shape_range(offset_of(ipcq->parts, ring, w->parcel), (uint64_t)w->nbytes);
    request->cursor = kb_cursor_begin(&request->shape);
    request->done = take_reply;
    request->self = ipcq;
    request->token = (uint64_t)(w - ipcq->works);
    return kb_request_send(ipcq->parts->requests, request, err);
}

static kb_status begin_copy(kb_ipcq *ipcq, work *w, kb_error *err) {
    const kb_params *params = kb_parts_params(ipcq->parts);
    int64_t cycles = kb_ceil_div(w->nbytes, params->pe_tcm.bytes_per_cycle), copy_fs;
    int64_t from_fs = kb_max_i64(ipcq->copy_free_fs, kb_sim_now(ipcq->parts->sim));
    if (kb_ratio_scale(params->pe.clock, cycles, &copy_fs) ||
        kb_add_i64(from_fs, copy_fs, &w->when_fs))
        return kb_error_set(err, KB_OVERFLOW, "expected messages to be copied before 2^63 fs");
    kb_meter_run(&ipcq->copies, (uint64_t)w->nbytes, from_fs, w->when_fs);
    ipcq->copy_free_fs = w->when_fs;
    push(ipcq, &ipcq->copying, w, END_COPY);
    return KB_OK;
}

/* Recvs that may begin: their turn, and a slot is full. */
static void begin_recvs(kb_ipcq *ipcq, kb_ring *ring) {
    const kb_rings *rings = ipcq->parts->rings;
    work *w;
    while (ring->taken != ring->arrived && (w = step_up(ipcq, &ring->recv)) != NULL) {
        kb_error error = KB_ERROR_INIT;
        w->parcel = kb_ring_slot(rings, ring->taken);
        ring->taken = kb_ring_next(rings, ring->taken);
        if (ring->parcels[w->parcel].nbytes != w->nbytes) {
            mismatch(ipcq, ring, w, &ring->parcels[w->parcel]);
            return;
        }
        bool in_tcm = ring->home == ring->dst_node || ring->group != 0;
        kb_status status = in_tcm ? begin_copy(ipcq, w, &error) : begin_read(ipcq, ring, w, &error);
        if (status != KB_OK) fail(ipcq, status, error.message);
    }
}

static void take_recvs(void *self, uint32_t arg) {
    kb_ipcq *ipcq = self;
    kb_command *command;
    (void)arg;
    while ((command = kb_sched_next(ipcq->sched, KB_ENGINE_RECV)) != NULL) {
        kb_ring *ring = kb_rings_at(ipcq->parts->rings, command->ring);
        stand(ipcq, &ring->recv, command);
        begin_recvs(ipcq, ring);
    }
}

static void take_tail(void *self, const kb_message *message, uint32_t link, int64_t first,
                      kb_train flits) {
    kb_ipcq *ipcq = self;
    const kb_rings *rings = ipcq->parts->rings;
    (void)link, (void)first, (void)flits;
    kb_ring *ring = message->tag < kb_rings_count(rings) ? kb_rings_at(rings, message->tag) : NULL;
    if (!ring || receiver_of(ring) != ipcq->pe || ring->arrived == ring->tail) {
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
    static const kb_slot_fn steps[N_STEPS] = {take_sends, post, take_recvs, end_copies};
    const kb_parts *parts = ipcq->parts;
    const kb_node *at = ipcq->at;
    kb_dispatch *dispatch = parts->dispatch;
    ipcq->node = kb_topology_part(parts->topology, KB_IMPL_PE_DMA, at->sip, at->cube, at->pe);
    ipcq->pe = (uint32_t)kb_parts_pe(parts, ipcq->node);
    ipcq->sched = kb_parts_find(parts, KB_IMPL_PE_SCHED, at->sip, at->cube, at->pe);
    ipcq->setup_fs = kb_parts_params(parts)->pe_dma.setup_fs;
    ipcq->rate = kb_tcm_port_rate(kb_parts_params(parts));
    kb_meter_init(&ipcq->copies, parts->sim, at->name, "its copies", -1, &ipcq->rate);
    ipcq->posting = ipcq->copying = (queue){NONE, NONE};
    ipcq->works = kb_alloc_zeroed(parts->alloc, kb_sched_n_slots(ipcq->sched), sizeof *ipcq->works);
    if (!ipcq->works) return kb_error_nomem(err, "a PE_IPCQ");
    for (uint32_t i = 0; i < N_STEPS; i++)
        KB_TRY(kb_sim_add_slot(parts->sim, steps[i], ipcq, i, &ipcq->steps[i], err));
    kb_sched_attach(ipcq->sched, KB_ENGINE_SEND, kick_sends, ipcq);
    kb_sched_attach(ipcq->sched, KB_ENGINE_RECV, kick_recvs, ipcq);
    kb_dispatch_set(dispatch, ipcq->node, KB_MSG_IPCQ_DATA, KB_DELIVER_TAIL, take_payload, ipcq);
    kb_dispatch_set(dispatch, ipcq->node, KB_MSG_IPCQ_TAIL, KB_DELIVER_TAIL, take_tail, ipcq);
    kb_dispatch_set(dispatch, ipcq->node, KB_MSG_REDUCE_TOTAL, KB_DELIVER_TAIL, take_tail, ipcq);
    kb_dispatch_set(dispatch, ipcq->node, KB_MSG_IPCQ_CREDIT, KB_DELIVER_TAIL, take_credit, ipcq);
    kb_dispatch_set_default(dispatch, KB_MSG_IPCQ_TAIL, take_tail_at_memory,
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
    kb_alloc *alloc = self->parts->alloc;
    if (self->works)
        kb_alloc_free(alloc, self->works, kb_sched_n_slots(self->sched), sizeof *self->works);
    kb_alloc_free(alloc, self, 1, sizeof *self);
}

/* Why the first command of an end waits. */
static const char *why(const kb_ipcq *ipcq, const kb_ring *ring, bool sends) {
    const kb_rings *rings = ipcq->parts->rings;
    const kb_ring_end *end = sends ? &ring->send : &ring->recv;
    if (ipcq->works[end->first].command->ticket != end->next) return "one before it is not ready";
    bool full = kb_ring_between(rings, ring->freed, ring->tail) == depth_of(ipcq, ring);
    if (sends) return full ? "its ring is full" : "its turn";
    if (ring->tail == ring->taken) return "nothing was sent";
    return ring->group != 0 ? "its total is not there" : "what was sent is on its way";
}

size_t kb_ipcq_describe(const void *ipcq, char *text, size_t capacity) {
    const kb_ipcq *self = ipcq;
    const kb_rings *rings = self->parts->rings;
    size_t length = 0;
    if (capacity > 0) text[0] = '\0';
    for (uint32_t i = 0; i < kb_rings_count(rings) && length < capacity; i++) {
        const kb_ring *ring = kb_rings_at(rings, i);
        for (int pass = 0; pass <= 1; pass++) {
            bool sends = pass == 1;
            uint32_t slot = sends ? ring->send.first : ring->recv.first;
            char peer[64];
            if ((sends ? ring->src : receiver_of(ring)) != self->pe || slot == NONE) continue;
            const kb_record *record = &self->works[slot].command->record;
            int n =
                snprintf(text + length, capacity - length,
                         "%s%s:%" PRId32 ": %s %s, channel %" PRIu32 ", since %" PRId64 " fs (%s)",
                         length ? "; " : "", kb_oplog_kernel_name(self->parts->log, record->kernel),
                         record->line, sends ? "send to" : "recv from",
                         ring->group != 0 ? "the switch"
                                          : name_pe(self->parts, sends ? ring->dst : ring->src,
                                                    peer, sizeof peer),
                         kb_ring_number_of_channel(ring), record->ready_fs, why(self, ring, sends));
            length += n > 0 ? (size_t)n : 0;
        }
    }
    return length < capacity ? length : capacity > 0 ? capacity - 1 : 0;
}
