#include "hw/component/launch.h"

#include <inttypes.h>
#include <string.h>

#include "base/checked.h"
#include "base/vec.h"

/* A slot, and room for its launch's arguments. */
typedef struct holder {
    kb_launch launch;
    uint64_t *args;
    size_t capacity;
} holder;

struct kb_launches {
    kb_alloc *alloc;
    int32_t n_taken;
    KB_VEC(holder *) slots;
    KB_VEC(uint32_t) free; /* reserved for every slot */
};

/* The first program of a PE in the blocked map: the least i with floor(i * P / n) >= pe. */
static int64_t first_of(int64_t n_programs, int64_t n_pes, int64_t pe) {
    __extension__ typedef __int128 wide;
    return (int64_t)(((wide)pe * n_programs + n_pes - 1) / n_pes);
}

int64_t kb_launch_share(const kb_launch *launch, int64_t n_pes, int64_t pe) {
    int64_t n = launch->n_programs;
    if (launch->map == KB_MAP_EACH_PE) return 1;
    if (launch->map == KB_MAP_ROUND_ROBIN) return n / n_pes + (pe < n % n_pes);
    return first_of(n, n_pes, pe + 1) - first_of(n, n_pes, pe);
}

int64_t kb_launch_program(const kb_launch *launch, int64_t n_pes, int64_t pe, int64_t k) {
    if (launch->map == KB_MAP_EACH_PE) return pe;
    if (launch->map == KB_MAP_ROUND_ROBIN) return k * n_pes + pe;
    return first_of(launch->n_programs, n_pes, pe) + k;
}

kb_status kb_launches_create(kb_alloc *alloc, kb_launches **launches, kb_error *err) {
    kb_launches *made = kb_alloc_zeroed(alloc, 1, sizeof *made);
    if (!made) return kb_error_nomem(err, "the table of launches");
    made->alloc = alloc;
    *launches = made;
    return KB_OK;
}

void kb_launches_destroy(kb_launches *launches) {
    if (!launches) return;
    for (size_t i = 0; i < launches->slots.count; i++) {
        holder *h = launches->slots.items[i];
        kb_alloc_free(launches->alloc, h->args, h->capacity, sizeof *h->args);
        kb_alloc_free(launches->alloc, h, 1, sizeof *h);
    }
    KB_VEC_FREE(&launches->slots, launches->alloc);
    KB_VEC_FREE(&launches->free, launches->alloc);
    kb_alloc_free(launches->alloc, launches, 1, sizeof *launches);
}

static kb_status add_slot(kb_launches *launches, kb_error *err) {
    size_t n = launches->slots.count;
    if (!KB_VEC_RESERVE(&launches->slots, launches->alloc, 1) ||
        !KB_VEC_RESERVE(&launches->free, launches->alloc, n + 1))
        return kb_error_nomem(err, "a launch");
    holder *h = kb_alloc_zeroed(launches->alloc, 1, sizeof *h);
    if (!h) return kb_error_nomem(err, "a launch");
    launches->slots.items[launches->slots.count++] = h;
    launches->free.items[launches->free.count++] = (uint32_t)n;
    return KB_OK;
}

static kb_status count_programs(const kb_launch_spec *spec, int64_t *n_programs, kb_error *err) {
    const int64_t *grid = spec->grid;
    int64_t plane;
    if (grid[0] < 1 || grid[1] < 1 || grid[2] < 1)
        return kb_error_set(err, KB_INVALID,
                            "%s: expected a grid of at least 1 program each way, got (%" PRId64
                            ", %" PRId64 ", %" PRId64 ")",
                            spec->kernel->name, grid[0], grid[1], grid[2]);
    if (kb_mul_i64(grid[0], grid[1], &plane) || kb_mul_i64(plane, grid[2], n_programs) ||
        *n_programs > INT32_MAX)
        return kb_error_set(err, KB_OVERFLOW, "%s: expected fewer than 2^31 programs",
                            spec->kernel->name);
    return KB_OK;
}

static kb_status copy_args(kb_alloc *alloc, holder *h, const kb_launch_spec *spec, kb_error *err) {
    size_t n = spec->kernel->n_params;
    if (n > h->capacity) {
        uint64_t *grown = kb_alloc_resize(alloc, h->args, h->capacity, n, sizeof *grown);
        if (!grown) return kb_error_nomem(err, "a launch's arguments");
        h->args = grown;
        h->capacity = n;
    }
    if (n > 0) memcpy(h->args, spec->args, n * sizeof *h->args);
    return KB_OK;
}

kb_status kb_launches_take(kb_launches *launches, const kb_launch_spec *spec, int64_t n_pes,
                           kb_launch **launch, kb_error *err) {
    kb_launch_spec each_pe = *spec;
    if (spec->map == KB_MAP_EACH_PE) {
        each_pe.grid[0] = n_pes;
        each_pe.grid[1] = each_pe.grid[2] = 1;
    }
    int64_t n_programs = 0;
    KB_TRY(count_programs(&each_pe, &n_programs, err));
    if (launches->free.count == 0) KB_TRY(add_slot(launches, err));
    uint32_t slot = launches->free.items[launches->free.count - 1];
    holder *h = launches->slots.items[slot];
    KB_TRY(copy_args(launches->alloc, h, spec, err));
    launches->free.count--;
    h->launch = (kb_launch){.slot = slot,
                            .id = launches->n_taken++,
                            .kernel = spec->kernel,
                            .kernel_number = spec->kernel_number,
                            .args = h->args,
                            .n_programs = n_programs,
                            .map = spec->map,
                            .sip = spec->sip,
                            .stream = spec->stream,
                            .comm = spec->comm,
                            .turn = spec->turn,
                            .max_instructions = spec->max_instructions,
                            .submitted_fs = spec->at_fs};
    memcpy(h->launch.grid, each_pe.grid, sizeof h->launch.grid);
    *launch = &h->launch;
    return KB_OK;
}

void kb_launches_give(kb_launches *launches, const kb_launch *launch) {
    launches->free.items[launches->free.count++] = launch->slot;
}

kb_launch *kb_launches_at(const kb_launches *launches, uint32_t slot) {
    return &launches->slots.items[slot]->launch;
}

uint32_t kb_launches_count(const kb_launches *launches) {
    return (uint32_t)(launches->slots.count - launches->free.count);
}
