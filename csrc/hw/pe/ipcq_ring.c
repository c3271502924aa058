#include <inttypes.h>
#include <stdio.h>

#include "hw/pe/ipcq_core.h"
#include "hw/pe/reducer.h"

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
    const kb_params_pe_ipcq *params = kb_ipcq_params(ipcq->parts);
    char between[64] = "the switch";
    if (channel < 0 || channel >= params->channels)
        return kb_error_set(err, KB_INVALID,
                            "%s: PE %" PRIu32 ": expected a channel from 0 to %" PRId64
                            " (pe.ipcq.channels), got %" PRId64,
                            what, ipcq->pe, params->channels - 1, channel);
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
    if (!sends) command->record.nbytes = nbytes; /* those of a send are its operand's */
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
    uint32_t *last = command->engine == KB_ENGINE_SEND ? &ipcq->sent_to : &ipcq->received_from;
    KB_TRY(find_ring_of_group(ipcq, group, kb_ring_channel((uint32_t)channel, comm), last, err));
    command->ring = *last;
    take_ticket(ipcq, command, -1, nbytes);
    return KB_OK;
}

kb_status kb_ipcq_enrol(kb_ipcq *ipcq, kb_command *command, int64_t peer, int64_t channel,
                        bool comm, int64_t nbytes, kb_error *err) {
    int64_t n_pes = kb_parts_n_pes(ipcq->parts);
    bool sends = command->engine == KB_ENGINE_SEND;
    uint32_t *last = sends ? &ipcq->sent_to : &ipcq->received_from;
    const char *what = sends ? "send" : "recv";
    if (peer < 0 || peer >= n_pes)
        return kb_error_set(err, KB_INVALID,
                            "%s: PE %" PRIu32 ": expected the other PE from 0 to %" PRId64
                            ", got %" PRId64,
                            what, ipcq->pe, n_pes - 1, peer);
    KB_TRY(check_message(ipcq, what, peer, channel, nbytes, err));
    uint32_t src = sends ? ipcq->pe : (uint32_t)peer, dst = sends ? (uint32_t)peer : ipcq->pe;
    KB_TRY(find_ring(ipcq, src, dst, kb_ring_channel((uint32_t)channel, comm), last, err));
    command->ring = *last;
    take_ticket(ipcq, command, peer, nbytes);
    return KB_OK;
}
