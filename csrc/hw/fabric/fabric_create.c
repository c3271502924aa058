#include "hw/fabric/fabric_core.h"

#include "hw/fabric/train_wake.h"

/* Of the fastest link to each node. */
static kb_status find_notice(kb_fabric *fabric, kb_error *err) {
    const kb_link *links = kb_topology_links(fabric->topology);
    int64_t *least_fs = kb_alloc_zeroed(fabric->alloc, fabric->n_nodes, sizeof *least_fs);
    if (!least_fs) return kb_error_nomem(err, "the ports of the fabric");
    for (uint32_t i = 0; i < fabric->n_nodes; i++) least_fs[i] = KB_TIME_MAX;
    for (uint32_t i = 0; i < fabric->n_links; i++)
        least_fs[links[i].dst] = kb_min_i64(least_fs[links[i].dst], fabric->ports[i].travel_fs);
    for (uint32_t i = 0; i < fabric->n_links; i++)
        fabric->ports[i].notice_fs = least_fs[links[i].src];
    kb_alloc_free(fabric->alloc, least_fs, fabric->n_nodes, sizeof *least_fs);
    fabric->notice_fs = KB_TIME_MAX;
    return KB_OK;
}

static kb_status init_ports(kb_fabric *fabric, kb_error *err) {
    const kb_link *links = kb_topology_links(fabric->topology);
    for (uint32_t i = 0; i < fabric->n_links; i++) {
        kb_port *port = &fabric->ports[i];
        int64_t last_fs;
        if (kb_add_i64(links[i].service_fs, links[i].latency_fs, &port->travel_fs) ||
            kb_add_i64(port->travel_fs, fabric->nodes[links[i].dst].overhead_fs, &last_fs) ||
            last_fs == KB_TIME_MAX)
            return kb_error_set(err, KB_OVERFLOW,
                                "link %u: expected service, propagation and overhead below 2^63 fs "
                                "(2.5 hours), got %lld and %lld fs and %lld fs",
                                i, (long long)links[i].service_fs, (long long)links[i].latency_fs,
                                (long long)fabric->nodes[links[i].dst].overhead_fs);
        port->due_fs = KB_TIME_MAX;
        port->service_fs = links[i].service_fs;
        port->overhead_fs = fabric->nodes[links[i].src].overhead_fs;
        port->end_fs = KB_TIME_MAX - 1 - last_fs;
    }
    KB_TRY(find_notice(fabric, err));
    if (kb_topology_fabric_mode(fabric->topology) == KB_FABRIC_FLIT) return KB_OK;
    return kb_trains_init(fabric, err);
}

/* Before any other slot. */
static kb_status init_regions(kb_fabric *fabric, kb_error *err) {
    kb_sim_regions *regions = &fabric->regions;
    kb_status status = kb_regions_init(regions, fabric->alloc, fabric->topology, err);
    fabric->locals = kb_alloc_zeroed(fabric->alloc, regions->count, sizeof *fabric->locals);
    if (status == KB_OK && !fabric->locals) status = kb_error_nomem(err, "the fabric");
    if (status == KB_OK && regions->count > 1)
        status = kb_sim_set_regions(fabric->sim, regions, err);
    for (uint32_t i = 0; status == KB_OK && i < regions->count; i++) {
        kb_sim_add_slots_to(fabric->sim, i);
        status = kb_sim_add_slot(fabric->sim, kb_fabric_deliver_locals_, fabric, i,
                                 &fabric->locals[i].slot, err);
    }
    kb_sim_add_slots_to(fabric->sim, 0);
    return status;
}

kb_status kb_fabric_create(kb_alloc *alloc, kb_sim *sim, kb_topology *topology, kb_fabric **fabric,
                           kb_error *err) {
    kb_fabric *made = kb_alloc_zeroed(alloc, 1, sizeof *made);
    if (!made) return kb_error_nomem(err, "the fabric");
    made->sim = sim;
    made->alloc = alloc;
    made->topology = topology;
    made->nodes = kb_topology_nodes(topology);
    made->n_nodes = kb_topology_n_nodes(topology);
    made->n_links = kb_topology_n_links(topology);
    made->flit_nbytes = kb_topology_flit_nbytes(topology);
    made->flit_shift = __builtin_ctzll((uint64_t)made->flit_nbytes);
    made->watch.link = KB_NONE;
    kb_streams_init(&made->streams);
    kb_pool_init(&made->flights.state);
    made->ports = kb_alloc_zeroed(alloc, made->n_links, sizeof *made->ports);
    made->sinks = kb_alloc_zeroed(alloc, made->n_nodes, sizeof *made->sinks);
    made->counts = kb_alloc_zeroed(alloc, made->n_nodes, sizeof *made->counts);
    kb_status status = KB_OK;
    if (!made->ports || !made->sinks || !made->counts)
        status = kb_error_nomem(err, "the ports of the fabric");
    if (status == KB_OK) status = kb_fabric_paths_init_(made, err);
    if (status == KB_OK) status = kb_audit_init(made, err);
    if (status == KB_OK) status = kb_servers_init(made, err);
    if (status == KB_OK) status = init_regions(made, err);
    if (status == KB_OK) status = init_ports(made, err);
    if (status != KB_OK) {
        kb_fabric_destroy(made);
        return status;
    }
    made->by_train = made->trains.ports != NULL;
    kb_sim_set_fabric(sim, kb_fabric_arrive_, kb_fabric_serve_, made);
    *fabric = made;
    return KB_OK;
}

void kb_fabric_destroy(kb_fabric *fabric) {
    if (!fabric) return;
    kb_alloc *alloc = fabric->alloc;
    kb_trains_deinit(fabric);
    kb_servers_deinit(fabric);
    kb_audit_deinit(fabric);
    kb_fabric_paths_deinit_(fabric);
    for (uint32_t i = 0; fabric->ports && i < fabric->n_links; i++)
        kb_port_deinit(&fabric->ports[i], alloc);
    kb_alloc_free(alloc, fabric->ports, fabric->n_links, sizeof *fabric->ports);
    kb_alloc_free(alloc, fabric->sinks, fabric->n_nodes, sizeof *fabric->sinks);
    kb_alloc_free(alloc, fabric->counts, fabric->n_nodes, sizeof *fabric->counts);
    kb_streams_deinit(&fabric->streams, alloc);
    KB_POOL_FREE(&fabric->flights, alloc);
    for (uint32_t i = 0; fabric->locals && i < fabric->regions.count; i++)
        kb_waitq_deinit(&fabric->locals[i].due, alloc);
    kb_alloc_free(alloc, fabric->locals, fabric->regions.count, sizeof *fabric->locals);
    kb_regions_deinit(&fabric->regions, alloc, fabric->n_links);
    kb_alloc_free(alloc, fabric, 1, sizeof *fabric);
}
