/* Inside of hw/ipcq*.c: ipcq.c sends and receives, ipcq_ring.c knows which ring a command is of and where
 * the ring lies, ipcq_memory.c has what is done to a ring that does not lie in TCM, ipcq_describe.c says who
 * waits for whom. */
#ifndef KB_HW_PE_IPCQ_CORE_H
#define KB_HW_PE_IPCQ_CORE_H

#include "hw/component/meter.h"
#include "hw/component/request.h"
#include "hw/pe/ipcq.h"
#include "hw/pe/pe_sched.h"
#include "hw/pe/ring.h"

enum { KB_IPCQ_STEPS = 4 };

/* Commands that end their set-up, or their copy, in this order: record.end_fs says when. */
typedef struct kb_ipcq_queue {
    kb_command *first, *last; /* NULL: none, and then `last` has no meaning */
} kb_ipcq_queue;

struct kb_ipcq {
    const kb_parts *parts;
    const kb_node *at;
    uint32_t node; /* of PE_DMA, which sends and receives the messages */
    uint32_t pe;
    kb_sched *sched;
    int64_t setup_fs;
    int64_t copy_free_fs;
    kb_meter copies;               /* out of slots in TCM, of bytes */
    kb_ratio rate;                 /* of those, its own copy */
    uint32_t steps[KB_IPCQ_STEPS]; /* slots of the simulator */
    uint32_t sent_to,
        received_from; /* rings of the last send and recv, as most likely of the next */
    kb_ipcq_queue posting, copying;
};

static inline const kb_params_pe_ipcq *kb_ipcq_params(const kb_parts *parts) {
    return &kb_parts_params(parts)->pe_ipcq;
}

/* A total comes back to the PE that sent a part. */
static inline uint32_t kb_ipcq_receiver(const kb_ring *ring) {
    return ring->group != 0 ? ring->src : ring->dst;
}

/* How many messages of a ring may be under way. */
static inline uint32_t kb_ipcq_depth(const kb_ipcq *ipcq, const kb_ring *ring) {
    const kb_params *params = kb_parts_params(ipcq->parts);
    bool fewer = ring->group != 0 && params->reduction.slots < params->pe_ipcq.depth;
    return (uint32_t)(fewer ? params->reduction.slots : params->pe_ipcq.depth);
}

/* "PE 3 (sip1.cube0.pe0)". */
const char *kb_ipcq_name_pe(const kb_parts *parts, uint32_t pe, char *text, size_t capacity);

/* The payload of a send goes to its slot, the tile of a recv comes out of it: then `done`, with the command as
 * token. */
kb_status kb_ipcq_write_slot_(kb_ipcq *ipcq, const kb_ring *ring, const kb_command *command,
                              kb_error *err) KB_MUST_CHECK;
kb_status kb_ipcq_read_slot_(kb_ipcq *ipcq, const kb_ring *ring, kb_command *command,
                             kb_request_fn done, kb_error *err) KB_MUST_CHECK;

/* The tail of a send is at the memory (`self` is kb_parts), which passes it on when the slot is committed. */
void kb_ipcq_take_tail_at_memory_(void *self, const kb_message *message, uint32_t link,
                                  int64_t first, kb_train flits);

#endif
