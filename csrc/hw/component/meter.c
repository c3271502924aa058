#include "hw/component/meter.h"

#include <inttypes.h>
#include <stdio.h>

void kb_meter_fail_(const kb_meter *meter, uint64_t n_units, int64_t start_fs, int64_t end_fs) {
    char what[64];
    int64_t least_fs = INT64_MAX;
    if (meter->index < 0) (void)snprintf(what, sizeof what, "%s", meter->what);
    else (void)snprintf(what, sizeof what, "%s %" PRId32, meter->what, meter->index);
    if (start_fs < meter->taken_fs) {
        kb_audit_overlap_(meter->sim, meter->name, what, start_fs, meter->taken_fs);
        return;
    }
    (void)kb_ratio_scale(*meter->rate, (int64_t)n_units, &least_fs);
    (void)kb_error_set(kb_sim_fail(meter->sim, KB_INTERNAL), KB_INTERNAL,
                       "physics: %s: expected %s to take at least %" PRId64 " fs for %" PRIu64
                       " units, got %" PRId64 " fs; this is a fault of kernbench, please report it",
                       meter->name, what, least_fs, n_units, end_fs - start_fs);
}

void kb_meter_init(kb_meter *meter, kb_sim *sim, const char *name, const char *what, int32_t index,
                   const kb_ratio *rate) {
    *meter = (kb_meter){sim, name, what, index, rate, INT64_MIN};
}
