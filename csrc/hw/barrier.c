#include "hw/barrier.h"

#include "base/checked.h"
#include "hw/component/launch.h"
#include "hw/control/host.h"
#include "hw/control/io_cpu.h"
#include "hw/control/m_cpu.h"
#include "hw/registry.h"

/* The machine that is thrown away. */
typedef struct rehearsal {
    kb_parts parts;
    int64_t *fanout_fs;
    uint32_t n_nodes;
} rehearsal;

static const kb_component_type types[] = {
    {KB_IMPL_M_CPU, kb_m_cpu_create, kb_m_cpu_destroy, NULL},
    {KB_IMPL_IO_CPU, kb_io_cpu_create, kb_io_cpu_destroy, NULL},
    {KB_IMPL_HOST, kb_host_create, kb_host_destroy, NULL},
};

enum { N_TYPES = sizeof types / sizeof types[0] };

/* In the place of PE_CPU: the latest arrival counts. */
static void take_launch(void *self, const kb_message *message, uint32_t link, int64_t first,
                        kb_train flits) {
    rehearsal *r = self;
    const kb_launch *launch = kb_launches_at(r->parts.launches, message->tag);
    int64_t *fanout_fs = &r->fanout_fs[launch->sip];
    (void)link, (void)first, (void)flits;
    *fanout_fs = kb_max_i64(*fanout_fs, kb_sim_now(r->parts.sim) - launch->stamped_fs);
}

static kb_status create(rehearsal *r, kb_error *err) {
    kb_parts *p = &r->parts;
    const kb_node *nodes = kb_topology_nodes(p->topology);
    r->n_nodes = kb_topology_n_nodes(p->topology);
    p->components = kb_alloc_zeroed(p->alloc, r->n_nodes, sizeof *p->components);
    if (!p->components) return kb_error_nomem(err, "the start barrier");
    KB_TRY(kb_sim_create(p->alloc, &p->sim, err));
    KB_TRY(kb_fabric_create(p->alloc, p->sim, p->topology, &p->fabric, err));
    KB_TRY(kb_dispatch_create(p->alloc, p->sim, p->fabric, r->n_nodes, &p->dispatch, err));
    KB_TRY(kb_launches_create(p->alloc, &p->launches, err));
    for (int i = 0; i < N_TYPES; i++)
        for (uint32_t node = 0; node < r->n_nodes; node++)
            if (nodes[node].impl == types[i].impl)
                KB_TRY(types[i].create(p, node, &p->components[node], err));
    for (uint32_t node = 0; node < r->n_nodes; node++)
        if (nodes[node].impl == KB_IMPL_PE_CPU)
            kb_dispatch_set(p->dispatch, node, KB_MSG_LAUNCH, KB_DELIVER_TAIL, take_launch, r);
    return KB_OK;
}

static void destroy(rehearsal *r) {
    kb_parts *p = &r->parts;
    const kb_node *nodes = kb_topology_nodes(p->topology);
    for (uint32_t node = 0; p->components && node < r->n_nodes; node++)
        for (int i = 0; i < N_TYPES; i++)
            if (nodes[node].impl == types[i].impl) types[i].destroy(p->components[node]);
    kb_launches_destroy(p->launches);
    kb_dispatch_destroy(p->dispatch);
    kb_fabric_destroy(p->fabric);
    kb_sim_destroy(p->sim);
    kb_alloc_free(p->alloc, p->components, r->n_nodes, sizeof *p->components);
}

static kb_status run(rehearsal *r, kb_error *err) {
    static const kb_kernel nothing = {.name = "nothing"};
    const kb_parts *p = &r->parts;
    kb_host *host = kb_parts_find(p, KB_IMPL_HOST, -1, -1, -1);
    int64_t n_sips = kb_topology_system(p->topology)->n_sips;
    for (uint32_t sip = 0; sip < n_sips; sip++) {
        kb_launch_spec spec = {.kernel = &nothing, .grid = {1, 1, 1}, .sip = sip};
        kb_launch *launch;
        KB_TRY(kb_launches_take(p->launches, &spec, 1, &launch, err));
        kb_host_launch(host, launch);
    }
    kb_run_end end;
    return kb_sim_run(p->sim, KB_TIME_MAX, UINT64_MAX, &end, err);
}

kb_status kb_barrier_measure(kb_alloc *alloc, kb_topology *topology, int64_t *fanout_fs,
                             kb_error *err) {
    int64_t n_sips = kb_topology_system(topology)->n_sips;
    rehearsal r = {.parts = {.alloc = alloc, .topology = topology}};
    r.fanout_fs = kb_alloc_zeroed(alloc, (size_t)n_sips, sizeof *r.fanout_fs);
    if (!r.fanout_fs) return kb_error_nomem(err, "the start barrier");
    r.parts.fanout_fs = fanout_fs; /* of no use to it yet: all 0 */
    kb_status status = create(&r, err);
    if (status == KB_OK) status = run(&r, err);
    if (status != KB_OK) kb_error_wrap(err, "measuring the start barrier");
    for (int64_t sip = 0; sip < n_sips && status == KB_OK; sip++) fanout_fs[sip] = r.fanout_fs[sip];
    destroy(&r);
    kb_alloc_free(alloc, r.fanout_fs, (size_t)n_sips, sizeof *r.fanout_fs);
    return status;
}
