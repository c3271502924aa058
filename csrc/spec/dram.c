#include "spec/dram.h"

static const kb_dram_standard standards[] = {
#define X(name, channels, pcs, sids, groups, banks, rows, columns, burst, act, pre, ...) \
    {name, {channels, pcs, sids, groups, banks, rows, columns, burst, act, pre}, {__VA_ARGS__}},
    KB_DRAM_STANDARDS(X)
#undef X
};

/* By choice of `standard:` (params.h), less one: a generation, then every name. */
static const uint8_t chosen[] = {1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5};

const kb_dram_standard *kb_dram_standard_at(int64_t choice) {
    if (choice < 1 || choice > (int64_t)sizeof chosen) return NULL;
    return &standards[chosen[choice - 1]];
}

int64_t kb_dram_capacity(const kb_dram_standard *standard, int64_t channels) {
    const kb_dram_geometry *g = &standard->geometry;
    return channels * g->pcs * g->sids * g->bank_groups * g->banks * g->rows * g->columns *
           g->burst_nbytes;
}
