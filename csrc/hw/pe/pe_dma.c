#include "hw/pe/pe_dma.h"

#include <inttypes.h>

#include "base/checked.h"
#include "hw/component/home.h"
#include "hw/component/request.h"
#include "hw/pe/mmu.h"
#include "hw/pe/pe_sched.h"
#include "hw/pe/tlb.h"
#include "log/payload.h"

/* The next request of a channel's command: cut off, not yet sent. */
typedef struct piece {
    uint64_t nbytes; /* 0: none */
    kb_cursor cursor;
    uint32_t memory;
    int32_t slice;
    uint64_t delta;
} piece;

typedef struct channel {
    struct kb_dma *dma;
    kb_engine_kind kind;
    uint32_t slot;
    kb_command *command; /* whose requests are being sent */
    int64_t eligible_fs; /* of its first request */
    bool started;
    kb_shape shape;
    kb_cursor cursor; /* after the piece */
    piece piece;
    uint64_t outstanding_nbytes;
    bool misses;     /* the TLB has not the page of the next byte: */
    uint64_t missed; /* this one */
} channel;

typedef struct kb_dma {
    const kb_parts *parts;
    const kb_node *at;
    uint32_t node;
    kb_sched *sched;
    int64_t setup_fs; /* with the MMU's hit time */
    uint64_t window_nbytes;
    uint32_t n_channels;
    channel *channels;
    kb_tlb tlb;
    uint32_t page_shift;
    bool walking;
    uint64_t walked; /* the page */
    int64_t walk_fs; /* when the walk began */
    uint32_t walk_slot;
} kb_dma;

static void fail(const kb_dma *dma, const kb_command *command, kb_status status,
                 const kb_error *why) {
    const kb_record *r = &command->record;
    (void)kb_error_set(kb_sim_fail(dma->parts->sim, status), status,
                       "kernel line %" PRId32 ", sip%d.cube%d.pe%d, program %" PRId32
                       ": %s of %s: %s",
                       r->line, dma->at->sip, dma->at->cube, dma->at->pe, r->program,
                       command->engine == KB_ENGINE_DMA_WRITE ? "store" : "load",
                       kb_dtype_name((kb_dtype)r->dtype), why->message);
}

/* --- cutting a command into requests ---------------------------------------------------------- */

/* A stretch of virtual addresses that one slice holds with one displacement. */
typedef struct stretch {
    uint64_t first, end; /* virtual addresses */
    uint32_t memory;
    int32_t slice;
    uint64_t delta;
} stretch;

static kb_status locate(const kb_dma *dma, uint64_t va, bool write, stretch *s, kb_error *err) {
    const kb_mapping *mapping = kb_mmu_find(dma->parts->mmu, va);
    if (!mapping || !mapping->placement) return kb_mmu_check(dma->parts->mmu, va, va + 1, err);
    const kb_placement *placement = mapping->placement;
    if (write && placement->kind == KB_PLACEMENT_REPLICATED)
        return kb_error_set(err, KB_INVALID,
                            "expected a tensor with one copy of its bytes, got a replicated one, "
                            "which kernels only read; store to another tensor");
    kb_chunk chunk;
    kb_placement_locate(placement, va - mapping->va, (uint32_t)dma->at->cube, &chunk);
    s->first = va;
    s->end = va + chunk.nbytes;
    kb_home home = kb_home_of(dma->parts->topology, placement->space, kb_va_sip(va),
                              chunk.slice / placement->slices_per_cube,
                              chunk.slice % placement->slices_per_cube);
    s->memory = home.memory;
    s->slice = home.slice;
    s->delta = va - chunk.offset;
    return KB_OK;
}

/* Moves the stretch to va.  *same: it still is in the same slice with the same displacement. */
static kb_status relocate(const kb_dma *dma, uint64_t va, bool write, stretch *s, bool *same,
                          kb_error *err) {
    *same = true;
    if (va >= s->first && va < s->end) return KB_OK;
    stretch other;
    KB_TRY(locate(dma, va, write, &other, err));
    *same = other.memory == s->memory && other.slice == s->slice && other.delta == s->delta;
    *s = other;
    return KB_OK;
}

/* How many of the n bytes from va on lie in pages that the TLB has; *page: the last one that it had. */
static uint64_t translated(channel *c, uint64_t va, uint64_t n, uint64_t *page) {
    kb_dma *dma = c->dma;
    uint64_t last = (va + n - 1) >> dma->page_shift;
    for (uint64_t p = va >> dma->page_shift; p <= last; p++) {
        if (p == *page) continue;
        if (!kb_tlb_has(&dma->tlb, p)) {
            uint64_t start = p << dma->page_shift;
            c->missed = p;
            return start > va ? start - va : 0;
        }
        *page = p;
    }
    return n;
}

/* How many rows of n bytes from the cursor's own one on, at va, lie with it in the stretch and in the page, and fit into
 * `room`, as it does: nothing has to be asked for the others. */
static uint64_t rows_alike(const channel *c, const stretch *s, uint64_t va, uint64_t n,
                           uint64_t page, uint64_t room) {
    uint32_t shift = c->dma->page_shift;
    uint64_t stride, n_rows = kb_cursor_rows(&c->cursor, &c->shape, &stride);
    if (n_rows == 1 || va >> shift != page) return 1;
    uint64_t end = s->end, page_end = (page + 1) << shift;
    if (page_end < end) end = page_end;
    uint64_t within = (end - va - n) / stride + 1, fitting = room / n;
    if (fitting < within) within = fitting;
    return within < n_rows ? within : n_rows;
}

/* Cuts the next request off at the cursor: rows while they lie in one chunk, fit the window and are
 * translated.  Nothing, and misses: the first page is not. */
static kb_status cut(channel *c, kb_error *err) {
    const kb_dma *dma = c->dma;
    bool write = c->kind == KB_ENGINE_DMA_WRITE;
    uint64_t va, left = kb_cursor_row(&c->cursor, &va), page = UINT64_MAX;
    stretch s;
    c->misses = false;
    if (left == 0) return KB_OK;
    KB_TRY(locate(dma, va, write, &s, err));
    piece p = {0, c->cursor, s.memory, s.slice, s.delta};
    while ((left = kb_cursor_row(&c->cursor, &va)) > 0) {
        bool same;
        KB_TRY(relocate(dma, va, write, &s, &same, err));
        if (!same) break;
        uint64_t n = left < s.end - va ? left : s.end - va;
        if (n > dma->window_nbytes - p.nbytes) {
            if (p.nbytes > 0) break;
            n = dma->window_nbytes;
        }
        uint64_t known = translated(c, va, n, &page);
        c->misses = known == 0 && p.nbytes == 0;
        if (known == 0) break;
        if (known == left) {
            uint64_t n_rows = rows_alike(c, &s, va, n, page, dma->window_nbytes - p.nbytes);
            kb_cursor_skip_rows(&c->cursor, &c->shape, n_rows);
            known *= n_rows;
        } else {
            kb_cursor_advance(&c->cursor, &c->shape, known);
        }
        p.nbytes += known;
        if (p.nbytes == dma->window_nbytes) break;
    }
    c->piece = p;
    return KB_OK;
}

/* --- sending ---------------------------------------------------------------------------------- */

static void note_memory(kb_record *record, const kb_request *request) {
    bool first = record->memory_start_fs == 0 || request->memory_start_fs < record->memory_start_fs;
    if (first) record->memory_start_fs = request->memory_start_fs;
    record->memory_end_fs = kb_max_i64(record->memory_end_fs, request->memory_end_fs);
}

static void take_done(void *self, kb_request *request) {
    channel *c = self;
    kb_command *command = (kb_command *)(uintptr_t)request->token;
    note_memory(&command->record, request);
    c->outstanding_nbytes -= request->nbytes;
    if (c->piece.nbytes > 0) kb_sim_signal(c->dma->parts->sim, c->slot); /* it fits now, perhaps */
    if (--command->outstanding == 0 && command->all_sent) kb_sched_done(c->dma->sched, command);
}

static kb_status send_piece(channel *c, kb_error *err) {
    const kb_dma *dma = c->dma;
    kb_request *request;
    KB_TRY(kb_request_take(dma->parts->requests, &request, err));
    request->requester = dma->node;
    request->memory = c->piece.memory;
    request->slice = c->piece.slice;
    request->write = c->kind == KB_ENGINE_DMA_WRITE;
    request->nbytes = c->piece.nbytes;
    request->shape = c->shape;
    request->cursor = c->piece.cursor;
    request->delta = c->piece.delta;
    request->done = take_done;
    request->self = c;
    request->token = (uint64_t)(uintptr_t)c->command;
    c->outstanding_nbytes += c->piece.nbytes;
    c->command->record.nbytes += (int64_t)c->piece.nbytes;
    c->command->record.work++;
    c->command->outstanding++;
    c->piece.nbytes = 0;
    return kb_request_send(dma->parts->requests, request, err);
}

/* All that the access touches lies in one tensor, or, where it is a list of runs, each run does. */
static kb_status check_bounds(const kb_dma *dma, const kb_access *access, kb_error *err) {
    kb_mmu *mmu = dma->parts->mmu;
    if (access->first_va == access->end_va) return KB_OK;
    if (access->n_runs == 0) return kb_mmu_check(mmu, access->first_va, access->end_va, err);
    uint64_t item = kb_dtype_nbytes((kb_dtype)access->dtype);
    for (uint32_t i = 0; i < access->n_runs; i++) {
        const kb_run *run = &access->runs[i];
        KB_TRY(kb_mmu_check(mmu, run->va, run->va + run->count * item, err));
    }
    return KB_OK;
}

static bool take_command(channel *c) {
    kb_dma *dma = c->dma;
    kb_error error;
    kb_error_clear(&error);
    c->command = kb_sched_next(dma->sched, c->kind);
    if (!c->command) return false;
    kb_access access;
    kb_status status = kb_payload_access(c->command->words, c->command->n_words, &access, &error);
    if (status == KB_OK) status = check_bounds(dma, &access, &error);
    if (status != KB_OK) {
        fail(dma, c->command, status, &error);
        return false;
    }
    kb_record *record = &c->command->record;
    c->eligible_fs =
        record->ready_fs + kb_parts_params(dma->parts)->pe_sched.dispatch_fs + dma->setup_fs;
    c->started = false;
    c->shape = kb_shape_access(&access);
    c->cursor = kb_cursor_begin(&c->shape);
    c->piece.nbytes = 0;
    record->nbytes = record->work = 0;
    record->setup_fs = dma->setup_fs;
    return true;
}

/* --- page walks ------------------------------------------------------------------------------- */

/* The last 256 KiB of a slice hold 8 bytes for a page; pages far from each other share them. */
uint64_t kb_page_entry_offset(const kb_parts *parts, uint64_t va) {
    enum { ENTRY = 8 };
    const kb_params *params = kb_parts_params(parts);
    int64_t n_slices = kb_topology_system(parts->topology)->n_slices;
    uint64_t slice_nbytes = (uint64_t)(params->hbm.capacity_nbytes / n_slices);
    uint64_t table = slice_nbytes < KB_PAGE_TABLE_NBYTES ? slice_nbytes : KB_PAGE_TABLE_NBYTES;
    uint64_t page = va / (uint64_t)params->pe_mmu.page_nbytes;
    return slice_nbytes - table + page % (table / ENTRY) * ENTRY;
}

static void end_walk(void *self, uint32_t arg) {
    kb_dma *dma = self;
    (void)arg;
    if (!dma->walking) return;
    dma->walking = false;
    kb_tlb_insert(&dma->tlb, dma->walked);
    for (uint32_t i = 0; i < dma->n_channels; i++) {
        channel *c = &dma->channels[i];
        if (!c->command || !c->misses) continue;
        kb_record *record = &c->command->record;
        if (record->work == 0 && c->missed == dma->walked)
            record->setup_fs += kb_sim_now(dma->parts->sim) - dma->walk_fs;
        kb_sim_signal(dma->parts->sim, c->slot);
    }
}

static void take_entry(void *self, kb_request *request) {
    kb_dma *dma = self;
    (void)request;
    int64_t end_fs;
    if (kb_add_i64(kb_sim_now(dma->parts->sim), kb_parts_params(dma->parts)->pe_mmu.miss_fs,
                   &end_fs))
        end_fs = KB_TIME_MAX;
    kb_sim_at(dma->parts->sim, dma->walk_slot, end_fs);
}

/* Begins a walk for the channel's missing page, when nobody walks. */
static kb_status walk(channel *c, kb_error *err) {
    enum { READ_NBYTES = 64 };
    kb_dma *dma = c->dma;
    const kb_system *system = kb_topology_system(dma->parts->topology);
    if (dma->walking) return KB_OK;
    dma->walking = true;
    dma->walked = c->missed;
    dma->walk_fs = kb_sim_now(dma->parts->sim);
    if (system->params.pe_mmu.walk == KB_WALK_NONE) {
        take_entry(dma, NULL);
        return KB_OK;
    }
    uint64_t slice_nbytes = (uint64_t)(system->params.hbm.capacity_nbytes / system->n_slices);
    uint64_t slice = (uint64_t)(dma->at->pe * system->n_slices / system->n_pes);
    uint64_t at = kb_page_entry_offset(dma->parts, c->missed << dma->page_shift);
    uint32_t memory =
        kb_topology_part(dma->parts->topology, KB_IMPL_HBM, dma->at->sip, dma->at->cube, -1);
    return kb_request_range(dma->parts, dma->node, memory, false,
                            slice * slice_nbytes + at / READ_NBYTES * READ_NBYTES, READ_NBYTES,
                            take_entry, dma, 0, err);
}

void kb_dma_forget(void *dma, uint64_t first, uint64_t end) {
    kb_dma *self = dma;
    if (end > first)
        kb_tlb_forget(&self->tlb, first >> self->page_shift, (end - 1) >> self->page_shift);
}

/* Sends what may be sent of the channel's command.  True when all of it is. */
static kb_status send_command(channel *c, bool *all_sent, kb_error *err) {
    const kb_dma *dma = c->dma;
    int64_t now_fs = kb_sim_now(dma->parts->sim);
    *all_sent = false;
    if (now_fs < c->eligible_fs) {
        kb_sim_at(dma->parts->sim, c->slot, c->eligible_fs);
        return KB_OK;
    }
    for (;;) {
        if (c->piece.nbytes == 0) KB_TRY(cut(c, err));
        if (c->piece.nbytes == 0 && c->misses) {
            if (!c->started) c->command->record.start_fs = now_fs - dma->setup_fs;
            c->started = true;
            return walk(c, err);
        }
        if (c->piece.nbytes > dma->window_nbytes - c->outstanding_nbytes) return KB_OK;
        if (!c->started) c->command->record.start_fs = now_fs - dma->setup_fs;
        c->started = true;
        if (c->piece.nbytes == 0) {
            *all_sent = true;
            return KB_OK;
        }
        KB_TRY(send_piece(c, err));
    }
}

static void step(void *self, uint32_t arg) {
    kb_dma *dma = self;
    channel *c = &dma->channels[arg];
    while (c->command || take_command(c)) {
        bool all_sent;
        kb_error error;
        kb_error_clear(&error);
        kb_status status = send_command(c, &all_sent, &error);
        if (status != KB_OK) fail(dma, c->command, status, &error);
        if (status != KB_OK || !all_sent) return;
        kb_command *sent = c->command;
        sent->all_sent = true;
        c->command = NULL;
        if (sent->outstanding == 0) kb_sched_done(dma->sched, sent);
    }
}

static void kick(kb_dma *dma, kb_engine_kind kind) {
    for (uint32_t i = 0; i < dma->n_channels; i++)
        if (dma->channels[i].kind == kind && !dma->channels[i].command)
            kb_sim_signal(dma->parts->sim, dma->channels[i].slot);
}

static void kick_read(void *self) {
    kick(self, KB_ENGINE_DMA_READ);
}

static void kick_write(void *self) {
    kick(self, KB_ENGINE_DMA_WRITE);
}

static kb_status init(kb_dma *dma, kb_error *err) {
    const kb_params *params = kb_parts_params(dma->parts);
    const kb_node *at = dma->at;
    dma->sched = kb_parts_find(dma->parts, KB_IMPL_PE_SCHED, at->sip, at->cube, at->pe);
    dma->window_nbytes = (uint64_t)params->pe_dma.window_nbytes;
    if (kb_add_i64(params->pe_dma.setup_fs, params->pe_mmu.hit_fs, &dma->setup_fs))
        return kb_error_set(err, KB_OVERFLOW, "%s: expected a set-up below 2^63 fs", at->name);
    uint32_t n_reads = (uint32_t)params->pe_dma.read_channels;
    dma->n_channels = n_reads + (uint32_t)params->pe_dma.write_channels;
    dma->channels = kb_alloc_zeroed(dma->parts->alloc, dma->n_channels, sizeof *dma->channels);
    if (!dma->channels) return kb_error_nomem(err, "a PE_DMA");
    for (uint32_t i = 0; i < dma->n_channels; i++) {
        channel *c = &dma->channels[i];
        c->dma = dma;
        c->kind = i < n_reads ? KB_ENGINE_DMA_READ : KB_ENGINE_DMA_WRITE;
        KB_TRY(kb_sim_add_slot(dma->parts->sim, step, dma, i, &c->slot, err));
    }
    while (INT64_C(1) << dma->page_shift < params->pe_mmu.page_nbytes) dma->page_shift++;
    if (!kb_tlb_init(&dma->tlb, dma->parts->alloc, (uint32_t)params->pe_mmu.entries))
        return kb_error_nomem(err, "a TLB");
    KB_TRY(kb_sim_add_slot(dma->parts->sim, end_walk, dma, 0, &dma->walk_slot, err));
    kb_sched_attach(dma->sched, KB_ENGINE_DMA_READ, kick_read, dma);
    kb_sched_attach(dma->sched, KB_ENGINE_DMA_WRITE, kick_write, dma);
    return KB_OK;
}

kb_status kb_dma_create(const kb_parts *parts, uint32_t node, void **dma, kb_error *err) {
    kb_dma *made = kb_alloc_zeroed(parts->alloc, 1, sizeof *made);
    if (!made) return kb_error_nomem(err, "a PE_DMA");
    made->parts = parts;
    made->node = node;
    made->at = &kb_topology_nodes(parts->topology)[node];
    kb_status status = init(made, err);
    if (status == KB_OK) *dma = made;
    else kb_dma_destroy(made);
    return status;
}

void kb_dma_destroy(void *dma) {
    kb_dma *self = dma;
    if (!self) return;
    kb_alloc *alloc = self->parts->alloc;
    kb_alloc_free(alloc, self->channels, self->n_channels, sizeof *self->channels);
    kb_tlb_deinit(&self->tlb, alloc);
    kb_alloc_free(alloc, self, 1, sizeof *self);
}
