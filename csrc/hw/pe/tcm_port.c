#include "hw/pe/tcm_port.h"

#include "base/checked.h"
#include "hw/component/request.h"

/* Sends a reply, or an acknowledgement, whose flits are all there when the port is done. */
static kb_status serve(kb_tcm_port *port, kb_request *request, kb_error *err) {
    const kb_parts *parts = port->parts;
    const kb_params *params = kb_parts_params(parts);
    int64_t now_fs = kb_sim_now(parts->sim), from_fs = kb_max_i64(port->free_fs, now_fs), copy_fs;
    int64_t cycles = kb_ceil_div((int64_t)request->nbytes, params->pe_tcm.bytes_per_cycle);
    if (kb_ratio_scale(params->pe.clock, cycles, &copy_fs) ||
        kb_add_i64(from_fs, copy_fs, &port->free_fs))
        return kb_error_set(err, KB_OVERFLOW, "expected bytes to be copied before 2^63 fs");
    kb_meter_run(&port->meter, request->nbytes, from_fs, port->free_fs);
    request->memory_start_fs = now_fs;
    request->memory_end_fs = port->free_fs;
    kb_send send = {.src = port->node,
                    .dst = request->requester,
                    .slice = KB_ANY_SLICE,
                    .kind = request->write ? KB_MSG_WRITE_ACK : KB_MSG_READ_REPLY,
                    .tag = request->number,
                    .nbytes = request->write ? 0 : (int64_t)request->nbytes};
    uint32_t handle;
    KB_TRY(kb_fabric_open(parts->fabric, &send, &handle, err));
    int64_t flit = kb_topology_flit_nbytes(parts->topology);
    int64_t n_flits = send.nbytes ? kb_ceil_div(send.nbytes, flit) : 1;
    return kb_fabric_append(parts->fabric, handle, (kb_train){port->free_fs, 0, n_flits}, err);
}

static void take(void *self, const kb_message *message, uint32_t link, int64_t first,
                 kb_train flits) {
    kb_tcm_port *port = self;
    kb_error error;
    kb_error_clear(&error);
    (void)link, (void)first, (void)flits;
    kb_status status = serve(port, kb_requests_at(port->parts->requests, message->tag), &error);
    if (status != KB_OK)
        (void)kb_error_set(kb_sim_fail(port->parts->sim, status), status, "%s: %s",
                           kb_topology_nodes(port->parts->topology)[port->node].name,
                           error.message);
}

void kb_tcm_port_attach(kb_tcm_port *port, const kb_parts *parts, uint32_t node) {
    const kb_node *at = &kb_topology_nodes(parts->topology)[node];
    const kb_params *params = kb_parts_params(parts);
    *port = (kb_tcm_port){.parts = parts, .rate = kb_tcm_port_rate(params)};
    kb_meter_init(&port->meter, parts->sim, kb_topology_nodes(parts->topology)[node].name,
                  "its port to the network", -1, &port->rate);
    port->node = kb_topology_part(parts->topology, KB_IMPL_PE_DMA, at->sip, at->cube, at->pe);
    kb_dispatch_set(parts->dispatch, port->node, KB_MSG_READ, KB_DELIVER_TAIL, take, port);
    kb_dispatch_set(parts->dispatch, port->node, KB_MSG_WRITE, KB_DELIVER_TAIL, take, port);
}
