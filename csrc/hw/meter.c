#include "hw/meter.h"

#include <inttypes.h>
#include <stdio.h>

static kb_status check(void *self, kb_error *err) {
    const kb_meter *meter = self;
    int64_t least_fs, taken_fs = meter->last_fs - meter->first_fs;
    char index[16] = "";
    if (!kb_ratio_scale(*meter->rate, (int64_t)meter->n_units, &least_fs) && least_fs <= taken_fs)
        return KB_OK;
    if (meter->index >= 0) (void)snprintf(index, sizeof index, " %" PRId32, meter->index);
    return kb_error_set(err, KB_INTERNAL,
                        "physics: %s: expected %s%s to take at least %" PRId64 " fs for %" PRIu64
                        " units, got %" PRId64
                        " fs; this is a fault of kernbench, please report it",
                        meter->name, meter->what, index, least_fs, meter->n_units, taken_fs);
}

void kb_meter_init(kb_meter *meter, kb_fabric *fabric, const char *name, const char *what,
                   int32_t index, const kb_ratio *rate) {
    *meter = (kb_meter){.rest = {.check = check, .self = meter},
                        .fabric = fabric,
                        .name = name,
                        .what = what,
                        .index = index,
                        .rate = rate};
}
