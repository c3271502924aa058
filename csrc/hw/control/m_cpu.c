#include "hw/control/m_cpu.h"

#include "base/checked.h"
#include "base/vec.h"
#include "hw/component/outbox.h"

/* A launch whose PEs have not all answered. */
typedef struct waiting {
    uint32_t tag;
    uint32_t due;
} waiting;

typedef struct kb_m_cpu {
    const kb_parts *parts;
    const kb_params_m_cpu *params;
    const kb_node *at;
    uint32_t io_cpu, dma; /* nodes */
    int32_t n_pes;
    kb_outbox *outbox;
    int64_t decode_free_fs, issue_free_fs;
    KB_VEC(waiting) launches;
} kb_m_cpu;

static void take_launch(void *self, const kb_message *message, uint32_t link, int64_t first,
                        kb_train flits) {
    kb_m_cpu *m = self;
    kb_sim *sim = m->parts->sim;
    (void)link, (void)first, (void)flits;
    if (!KB_VEC_RESERVE(&m->launches, m->parts->alloc, 1)) {
        (void)kb_error_nomem(kb_sim_fail(sim, KB_NOMEM), "a launch of M_CPU");
        return;
    }
    m->launches.items[m->launches.count++] = (waiting){message->tag, (uint32_t)m->n_pes};
    int64_t decoded_fs = kb_serial_take(&m->decode_free_fs, kb_sim_now(sim), m->params->decode_fs);
    for (int32_t pe = 0; pe < m->n_pes; pe++) {
        uint32_t pe_cpu =
            kb_topology_part(m->parts->topology, KB_IMPL_PE_CPU, m->at->sip, m->at->cube, pe);
        int64_t at_fs = kb_serial_take(&m->issue_free_fs, decoded_fs, m->params->issue_fs);
        kb_outbox_post(m->outbox, at_fs, pe_cpu, KB_MSG_LAUNCH, message->tag);
    }
}

static void take_launch_done(void *self, const kb_message *message, uint32_t link, int64_t first,
                             kb_train flits) {
    kb_m_cpu *m = self;
    (void)link, (void)first, (void)flits;
    size_t i = 0;
    while (m->launches.items[i].tag != message->tag) i++;
    if (--m->launches.items[i].due > 0) return;
    m->launches.items[i] = m->launches.items[--m->launches.count];
    kb_outbox_post(m->outbox, kb_sim_now(m->parts->sim), m->io_cpu, KB_MSG_LAUNCH_DONE,
                   message->tag);
}

static void take_copy(void *self, const kb_message *message, uint32_t link, int64_t first,
                      kb_train flits) {
    kb_m_cpu *m = self;
    int64_t now_fs = kb_sim_now(m->parts->sim);
    (void)link, (void)first, (void)flits;
    if (message->src == m->dma) {
        kb_outbox_post(m->outbox, now_fs, m->io_cpu, KB_MSG_COPY, message->tag);
        return;
    }
    int64_t decoded_fs = kb_serial_take(&m->decode_free_fs, now_fs, m->params->decode_fs);
    kb_outbox_post(m->outbox, decoded_fs, m->dma, KB_MSG_COPY, message->tag);
}

kb_status kb_m_cpu_create(const kb_parts *parts, uint32_t node, void **m_cpu, kb_error *err) {
    const kb_system *system = kb_topology_system(parts->topology);
    kb_m_cpu *made = kb_alloc_zeroed(parts->alloc, 1, sizeof *made);
    if (!made) return kb_error_nomem(err, "an M_CPU");
    made->parts = parts;
    made->params = &system->params.m_cpu;
    made->at = &kb_topology_nodes(parts->topology)[node];
    made->io_cpu = kb_topology_part(parts->topology, KB_IMPL_IO_CPU, made->at->sip, -1, -1);
    made->dma =
        kb_topology_part(parts->topology, KB_IMPL_M_CPU_DMA, made->at->sip, made->at->cube, -1);
    made->n_pes = (int32_t)system->n_pes;
    kb_status status = kb_outbox_create(parts, node, &made->outbox, err);
    if (status != KB_OK) {
        kb_m_cpu_destroy(made);
        return status;
    }
    kb_dispatch_set(parts->dispatch, node, KB_MSG_LAUNCH, KB_DELIVER_TAIL, take_launch, made);
    kb_dispatch_set(parts->dispatch, node, KB_MSG_LAUNCH_DONE, KB_DELIVER_TAIL, take_launch_done,
                    made);
    kb_dispatch_set(parts->dispatch, node, KB_MSG_COPY, KB_DELIVER_TAIL, take_copy, made);
    *m_cpu = made;
    return KB_OK;
}

void kb_m_cpu_destroy(void *m_cpu) {
    kb_m_cpu *self = m_cpu;
    if (!self) return;
    kb_outbox_destroy(self->outbox);
    KB_VEC_FREE(&self->launches, self->parts->alloc);
    kb_alloc_free(self->parts->alloc, self, 1, sizeof *self);
}
