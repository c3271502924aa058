#include <inttypes.h>
#include <stdio.h>

#include "hw/pe/ipcq_core.h"

const char *kb_ipcq_name_pe(const kb_parts *parts, uint32_t pe, char *text, size_t capacity) {
    const kb_node *at =
        &kb_topology_nodes(parts->topology)[kb_parts_pe_node(parts, KB_IMPL_PE_DMA, pe)];
    (void)snprintf(text, capacity, "PE %" PRIu32 " (sip%" PRId32 ".cube%" PRId32 ".pe%" PRId32 ")",
                   pe, at->sip, at->cube, at->pe);
    return text;
}

/* Why the first command of an end waits. */
static const char *why(const kb_ipcq *ipcq, const kb_ring *ring, bool sends) {
    const kb_rings *rings = ipcq->parts->rings;
    const kb_ring_end *end = sends ? &ring->send : &ring->recv;
    if (end->first->ticket != end->next) return "one before it is not ready";
    bool full = kb_ring_between(rings, ring->freed, ring->tail) == kb_ipcq_depth(ipcq, ring);
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
            const kb_command *first = sends ? ring->send.first : ring->recv.first;
            char peer[64];
            if ((sends ? ring->src : kb_ipcq_receiver(ring)) != self->pe || !first) continue;
            const kb_record *record = &first->record;
            int n = snprintf(
                text + length, capacity - length,
                "%s%s:%" PRId32 ": %s %s, channel %" PRIu32 ", since %" PRId64 " fs (%s)",
                length ? "; " : "", kb_oplog_kernel_name(self->parts->log, record->kernel),
                record->line, sends ? "send to" : "recv from",
                ring->group != 0 ? "the switch"
                                 : kb_ipcq_name_pe(self->parts, sends ? ring->dst : ring->src, peer,
                                                   sizeof peer),
                kb_ring_number_of_channel(ring), record->ready_fs, why(self, ring, sends));
            length += n > 0 ? (size_t)n : 0;
        }
    }
    return length < capacity ? length : capacity > 0 ? capacity - 1 : 0;
}

size_t kb_ipcq_describe_left(const kb_parts *parts, char *text, size_t capacity) {
    const kb_rings *rings = parts->rings;
    size_t length = 0;
    if (capacity > 0) text[0] = '\0';
    for (uint32_t i = 0; rings && i < kb_rings_count(rings) && length < capacity; i++) {
        const kb_ring *ring = kb_rings_at(rings, i);
        uint32_t n_left = kb_ring_between(rings, ring->taken, ring->tail);
        if (n_left == 0) continue;
        const kb_parcel *first = &ring->parcels[kb_ring_slot(rings, ring->taken)];
        char src[64], dst[64] = "the switch";
        if (ring->group == 0) (void)kb_ipcq_name_pe(parts, ring->dst, dst, sizeof dst);
        int n = snprintf(text + length, capacity - length,
                         "%s%s:%" PRId32 ": %" PRIu32 " of %s to %s, channel %" PRIu32,
                         length ? "; " : "", kb_oplog_kernel_name(parts->log, first->kernel),
                         first->line, n_left, kb_ipcq_name_pe(parts, ring->src, src, sizeof src),
                         dst, kb_ring_number_of_channel(ring));
        length += n > 0 ? (size_t)n : 0;
    }
    return length < capacity ? length : capacity > 0 ? capacity - 1 : 0;
}
