/* Any bytes as a kernel: a status and a message, or a kernel that can be dumped, and that runs to an end
 * or an error on a small machine, whatever it does: the VM trusts the verifier.  Never a crash, never a
 * leak.  Then the same once more with an allocation that fails. */
#include "base/hash.h"
#include "hw/machine.h"
#include "kernel/kir.h"
#include "mem/address.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

enum {
    MAX_PARAMS = 16,
    MAX_ELEMENTS = 4096,
    MAX_EXECUTED = 3000,
    MAX_EVENTS = 100000,
    TENSOR_NBYTES = 65536,
    NEIGHBOURS = 500
};

static const char yaml[] =
    "{kernbench: 1, system: {sips: 1, sip: {cubes: [1, 1]}, cube: {pes: 1}}}\n";

/* A machine for one kernel. */
typedef struct bench {
    kb_alloc alloc;
    kb_topology *topology;
    kb_sim *sim;
    kb_oplog *log;
    kb_machine *machine;
    kb_placement placement;
} bench;

static void expect(int holds, const char *what) {
    if (holds) return;
    (void)fprintf(stderr, "fuzz_kir: %s\n", what);
    abort();
}

/* Every element is 1. */
static kb_status tile_bytes(void *self, uint64_t version, void *bytes, size_t nbytes,
                            kb_error *err) {
    (void)self, (void)version, (void)err;
    memset(bytes, 1, nbytes);
    return KB_OK;
}

static void bench_open(bench *b) {
    kb_error err = KB_ERROR_INIT;
    kb_hooks hooks = {.tile_bytes = tile_bytes};
    memset(b, 0, sizeof *b);
    b->alloc = kb_alloc_system();
    kb_status status =
        kb_topology_parse(&b->alloc, yaml, sizeof yaml - 1, "fuzz", &b->topology, &err);
    if (status == KB_OK) status = kb_sim_create(&b->alloc, &b->sim, &err);
    if (status == KB_OK) status = kb_oplog_create(&b->alloc, KB_OPLOG_HASH, &b->log, &err);
    if (status == KB_OK)
        status =
            kb_machine_create(&b->alloc, b->sim, b->topology, b->log, &hooks, &b->machine, &err);
    if (status == KB_OK)
        status = kb_placement_local(&b->placement, &b->alloc, TENSOR_NBYTES, 0, 1, &err);
    kb_mapping mapping = {KB_VA_GUARD_NBYTES, TENSOR_NBYTES, &b->placement, 0};
    if (status == KB_OK) status = kb_machine_map(b->machine, &mapping, &err);
    expect(status == KB_OK, err.message);
}

static void bench_close(bench *b) {
    kb_machine_destroy(b->machine);
    kb_oplog_destroy(b->log);
    kb_sim_destroy(b->sim);
    kb_placement_deinit(&b->placement);
    kb_topology_destroy(b->topology);
    expect(b->alloc.live_nbytes == 0, "nothing is lost by a machine");
}

static int is_small(const kb_kernel *kernel) {
    for (uint32_t i = 0; i < kernel->n_types; i++) {
        uint64_t count = 1;
        for (int d = 0; d < KB_MAX_RANK; d++) count *= kernel->types[i].dims[d];
        if (count > MAX_ELEMENTS) return 0;
    }
    return kernel->n_params <= MAX_PARAMS;
}

/* A message that nobody sends is waited for without end. */
static int receives(const kb_kernel *kernel) {
    for (uint32_t i = 0; i < kernel->n_insts; i++)
        if (kernel->insts[i].op == KB_KIR_RECV || kernel->insts[i].op == KB_KIR_SEND ||
            kernel->insts[i].op == KB_KIR_REDUCE_RECV || kernel->insts[i].op == KB_KIR_REDUCE_SEND)
            return 1;
    return 0;
}

/* One program, pointers into a tensor, numbers small. */
static void try_run(const kb_kernel *kernel) {
    uint64_t args[MAX_PARAMS];
    kb_error err = KB_ERROR_INIT;
    kb_run_end end = KB_RUN_IDLE;
    int32_t number, id;
    bench b;
    if (!is_small(kernel)) return;
    bench_open(&b);
    for (uint32_t i = 0; i < kernel->n_params; i++) {
        const kb_kir_type *type = kb_kernel_type(kernel, (uint16_t)i);
        args[i] = type->pointer ? KB_VA_GUARD_NBYTES + 4096 : 1;
        if (!type->pointer && kb_dtype_get_kind((kb_dtype)type->dtype) == KB_KIND_FLOAT)
            args[i] = 0;
    }
    expect(kb_oplog_add_kernel(b.log, kernel->name, &number, &err) == KB_OK, err.message);
    kb_launch_spec spec = {.kernel = kernel,
                           .kernel_number = number,
                           .args = args,
                           .grid = {2, 1, 1},
                           .max_instructions = MAX_EXECUTED};
    expect(kb_machine_launch(b.machine, &spec, &id, &err) == KB_OK, err.message);
    kb_status status = kb_sim_run(b.sim, KB_TIME_MAX, MAX_EVENTS, &end, &err);
    expect(status != KB_INTERNAL, err.message);
    expect(status == KB_OK || err.message[0], "a message of a run");
    expect(status != KB_OK || end == KB_RUN_IDLE, "a run ends");
    expect(status != KB_OK || receives(kernel) || kb_machine_n_pending(b.machine) == 0,
           "a launch ends");
    bench_close(&b);
}

static uint64_t try_kernel(const uint8_t *bytes, size_t n_bytes, uint64_t fail_at) {
    kb_alloc alloc = kb_alloc_system();
    kb_error err = KB_ERROR_INIT;
    kb_kernel *kernel = NULL;
    alloc.fail_at = fail_at;
    kb_status status = kb_kernel_create(&alloc, bytes, n_bytes, &kernel, &err);
    expect(status == KB_OK || status == KB_COMPILE || status == KB_NOMEM, "status of a kernel");
    expect(status == KB_OK || err.message[0], "a message");
    if (kernel) {
        char *text;
        size_t length;
        status = kb_kernel_dump(&alloc, kernel, &text, &length, &err);
        if (status == KB_OK) kb_alloc_free(&alloc, text, length + 1, 1);
        if (fail_at == 0) try_run(kernel);
    }
    kb_kernel_destroy(&alloc, kernel);
    expect(alloc.live_nbytes == 0, "nothing is lost");
    return alloc.n_calls;
}

static uint32_t next_random(uint64_t *seed, uint32_t n) {
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((*seed >> 33) % n);
}

/* Kernels near one that was accepted: fields of types, registers, constants and instructions become
 * small numbers or each other.  Mutations that know no fields hardly ever pass the verifier. */
static void try_neighbours(const uint8_t *bytes, size_t n_bytes, uint64_t seed) {
    const size_t field = sizeof(uint16_t), from = sizeof(kb_kir_header);
    uint8_t *near = malloc(n_bytes);
    expect(near != NULL, "memory");
    for (int i = 0; i < NEIGHBOURS; i++) {
        memcpy(near, bytes, n_bytes);
        for (uint32_t n = 1 + next_random(&seed, 3); n > 0; n--) {
            uint32_t n_fields = (uint32_t)((n_bytes - from) / field);
            size_t at = from + next_random(&seed, n_fields) * field;
            uint16_t value = (uint16_t)next_random(&seed, 40);
            if (next_random(&seed, 2))
                memcpy(&value, bytes + from + next_random(&seed, n_fields) * field, field);
            if (next_random(&seed, 2)) memcpy(near + at, &value, field);
            else near[at + next_random(&seed, 2)] = (uint8_t)value;
        }
        (void)try_kernel(near, n_bytes, 0);
    }
    free(near);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes) {
    uint64_t n_calls = try_kernel(bytes, n_bytes, 0);
    uint64_t hash = kb_hash_finish(kb_hash_bytes(KB_HASH_SEED, bytes, n_bytes));
    (void)try_kernel(bytes, n_bytes, 1 + hash % (n_calls + 1));
    if (n_calls > 1) try_neighbours(bytes, n_bytes, hash);
    return 0;
}
