/* A whole machine that runs hand-assembled kernels: topology from text, tensors of one SIP, launches. */
#ifndef KB_TEST_VM_RIG_H
#define KB_TEST_VM_RIG_H

#include "hw/machine.h"
#include "log/payload.h"
#include "mem/address.h"
#include "test/topology_text.h"

#include "kir_builder.h"

enum { VM_MAX_TENSORS = 8, VM_MAX_KERNELS = 4 };

typedef struct vm_rig {
    kb_alloc alloc;
    kb_topology *topology;
    kb_sim *sim;
    kb_oplog *log;
    kb_machine *machine;
    kb_kernel *kernels[VM_MAX_KERNELS];
    uint32_t n_kernels, n_done;
    kb_placement tensors[VM_MAX_TENSORS];
    uint32_t n_tensors;
    uint64_t next_va;
    int64_t tile_value; /* what the hook says that every element is, as int32 */
    kb_launch last;     /* the launch that was done last */
    kb_error err;
} vm_rig;

static inline void vm_note_done(void *self, const kb_launch *launch) {
    vm_rig *r = self;
    r->n_done++;
    r->last = *launch;
}

static inline kb_status vm_tile_bytes(void *self, uint64_t version, void *bytes, size_t nbytes,
                                      kb_error *err) {
    const vm_rig *r = self;
    int32_t value = (int32_t)r->tile_value;
    (void)version, (void)err;
    for (size_t i = 0; i + sizeof value <= nbytes; i += sizeof value)
        memcpy((unsigned char *)bytes + i, &value, sizeof value);
    return KB_OK;
}

static inline bool vm_open(vm_rig *r, const char *yaml) {
    memset(r, 0, sizeof *r);
    r->alloc = kb_alloc_system();
    r->next_va = KB_VA_GUARD_NBYTES;
    r->topology = topology_parse(&r->alloc, yaml);
    if (!r->topology) return false;
    kb_hooks hooks = {.self = r, .tile_bytes = vm_tile_bytes, .launch_done = vm_note_done};
    kb_status status = kb_sim_create(&r->alloc, &r->sim, &r->err);
    if (status == KB_OK) status = kb_oplog_create(&r->alloc, KB_OPLOG_FULL, &r->log, &r->err);
    if (status == KB_OK)
        status =
            kb_machine_create(&r->alloc, r->sim, r->topology, r->log, &hooks, &r->machine, &r->err);
    if (!CHECK_EQ(status, KB_OK)) printf("#     %s\n", r->err.message);
    return status == KB_OK;
}

static inline void vm_close(vm_rig *r) {
    kb_machine_destroy(r->machine);
    kb_oplog_destroy(r->log);
    kb_sim_destroy(r->sim);
    for (uint32_t i = 0; i < r->n_tensors; i++) kb_placement_deinit(&r->tensors[i]);
    for (uint32_t i = 0; i < r->n_kernels; i++) kb_kernel_destroy(&r->alloc, r->kernels[i]);
    kb_topology_destroy(r->topology);
    CHECK_EQ(r->alloc.live_nbytes, 0);
}

/* Maps a tensor of nbytes, blocked over the slices of SIP 0; its address. */
static inline uint64_t vm_tensor(vm_rig *r, uint64_t nbytes) {
    const kb_system *system = kb_topology_system(r->topology);
    uint32_t n_pes = (uint32_t)system->n_pes;
    kb_slices slices = {0, n_pes * (uint32_t)(system->cubes_x * system->cubes_y), n_pes};
    kb_placement *placement = &r->tensors[r->n_tensors];
    uint64_t va = r->next_va;
    CHECK_EQ(kb_placement_blocked(placement, &r->alloc, nbytes, slices, &r->err), KB_OK);
    kb_mapping mapping = {va, nbytes, placement, (int32_t)r->n_tensors++};
    CHECK_EQ(kb_machine_map(r->machine, &mapping, &r->err), KB_OK);
    r->next_va += (nbytes + 255) / 256 * 256; /* close to each other, so that leaving one is seen */
    return va;
}

static inline kb_kernel *vm_kernel(vm_rig *r, kir_builder *k) {
    kb_kernel *kernel = kir_make(k, &r->alloc);
    if (kernel) r->kernels[r->n_kernels++] = kernel;
    return kernel;
}

static inline void vm_launch(vm_rig *r, const kb_kernel *kernel, const uint64_t *args,
                             int64_t n_programs, uint32_t stream, int64_t max_instructions) {
    int32_t number, id;
    if (!kernel) return;
    CHECK_EQ(kb_oplog_add_kernel(r->log, kernel->name, &number, &r->err), KB_OK);
    kb_launch_spec spec = {.kernel = kernel,
                           .kernel_number = number,
                           .args = args,
                           .grid = {n_programs, 1, 1},
                           .stream = stream,
                           .at_fs = kb_sim_now(r->sim),
                           .max_instructions = max_instructions};
    if (!CHECK_EQ(kb_machine_launch(r->machine, &spec, &id, &r->err), KB_OK))
        printf("#     %s\n", r->err.message);
}

/* Runs until nothing is left to happen. */
static inline kb_status vm_run(vm_rig *r) {
    kb_run_end end = KB_RUN_BUDGET;
    kb_status status = kb_sim_run(r->sim, KB_TIME_MAX, UINT64_MAX, &end, &r->err);
    if (status == KB_OK) CHECK_EQ(end, KB_RUN_IDLE);
    return status;
}

static inline void vm_run_well(vm_rig *r) {
    if (!CHECK_EQ(vm_run(r), KB_OK)) printf("#     %s\n", r->err.message);
}

/* The n-th record (from 0) of a kind; a failed check when there is none. */
static inline kb_record vm_record(const vm_rig *r, kb_opkind kind, int64_t n, int64_t *index) {
    kb_record record = {0};
    for (int64_t i = 0; i < kb_oplog_count(r->log); i++) {
        record = kb_oplog_get(r->log, i);
        if (record.kind != kind || n-- > 0) continue;
        if (index) *index = i;
        return record;
    }
    CHECK(!"a record of that kind");
    return record;
}

static inline int64_t vm_count(const vm_rig *r, kb_opkind kind) {
    int64_t count = 0;
    for (int64_t i = 0; i < kb_oplog_count(r->log); i++)
        count += kb_oplog_get(r->log, i).kind == kind;
    return count;
}

#endif
