#include "hw/memory/sram.h"

#include "base/checked.h"
#include "hw/component/meter.h"
#include "hw/memory/memory.h"

typedef struct kb_sram {
    kb_memory memory;
    kb_ratio rate;
    int64_t access_fs;
    int64_t free_fs;
    kb_meter meter; /* of bytes */
} kb_sram;

static int64_t serve(void *self, int32_t slice, uint64_t offset, uint64_t nbytes, int64_t at_fs,
                     uint64_t *taken) {
    kb_sram *sram = self;
    int64_t service_fs;
    (void)slice, (void)offset;
    *taken = nbytes;
    if (kb_ratio_scale(sram->rate, (int64_t)nbytes, &service_fs))
        (void)kb_error_set(kb_sim_fail(sram->memory.parts->sim, KB_OVERFLOW), KB_OVERFLOW,
                           "SRAM: expected a flit to be served in less than 2^63 fs");
    int64_t start_fs = kb_max_i64(sram->free_fs, at_fs);
    sram->free_fs = start_fs + service_fs;
    kb_meter_run(&sram->meter, nbytes, start_fs, sram->free_fs);
    return sram->free_fs + sram->access_fs;
}

kb_status kb_sram_create(const kb_parts *parts, uint32_t node, void **sram, kb_error *err) {
    const kb_params_sram *params = kb_topology_sram(parts->topology, node);
    kb_sram *made = kb_alloc_zeroed(parts->alloc, 1, sizeof *made);
    if (!made) return kb_error_nomem(err, "an SRAM");
    made->rate = params->rate;
    made->access_fs = params->access_fs;
    made->memory = (kb_memory){.parts = parts, .node = node, .serve = serve, .self = made};
    kb_meter_init(&made->meter, parts->sim, kb_topology_nodes(parts->topology)[node].name,
                  "its port", -1, &params->rate);
    kb_memory_attach(&made->memory);
    *sram = made;
    return KB_OK;
}

void kb_sram_destroy(void *sram) {
    kb_sram *self = sram;
    if (self) kb_alloc_free(self->memory.parts->alloc, self, 1, sizeof *self);
}
