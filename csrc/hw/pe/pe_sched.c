#include "hw/pe/pe_sched.h"

#include <stddef.h>
#include <string.h>

#include "hw/pe/pe_sched_core.h"
#include "log/payload.h"

static const kb_sched_entry *entry_of(const kb_command *command) {
    return (const kb_sched_entry *)(const void *)((const char *)command -
                                                  offsetof(kb_sched_entry, command));
}

uint32_t kb_sched_slot(const kb_sched *sched, const kb_command *command) {
    return (uint32_t)(entry_of(command) - sched->entries);
}

uint32_t kb_sched_n_slots(const kb_sched *sched) {
    return sched->queue * sched->n_contexts + KB_LANE_SLOTS;
}

uint32_t kb_sched_lane(const kb_sched *sched) {
    return sched->n_contexts;
}

static void kick_engines(void *self, uint32_t arg) {
    kb_sched *sched = self;
    (void)arg;
    for (int kind = 0; kind < KB_ENGINE_KIND_COUNT; kind++)
        if (kb_sched_peek(sched, (kb_engine_kind)kind))
            sched->engines[kind].kick(sched->engines[kind].self);
}

kb_status kb_sched_create(const kb_parts *parts, uint32_t node, void **sched, kb_error *err) {
    const kb_params *params = kb_parts_params(parts);
    const kb_node *at = &kb_topology_nodes(parts->topology)[node];
    kb_sched *made = kb_alloc_zeroed(parts->alloc, 1, sizeof *made);
    if (!made) return kb_error_nomem(err, "a PE_SCHED");
    made->alloc = parts->alloc;
    made->sim = parts->sim;
    made->log = parts->log;
    made->tcm = kb_parts_find(parts, KB_IMPL_PE_TCM, at->sip, at->cube, at->pe);
    made->pe = kb_parts_pe(parts, node);
    made->dispatch_fs = params->pe_sched.dispatch_fs;
    made->queue = (uint32_t)params->pe_sched.queue;
    made->n_contexts = (uint32_t)(params->pe.contexts + params->pe.comm_contexts);
    made->free_edge = KB_SCHED_NONE;
    made->entries = kb_alloc_zeroed(parts->alloc, kb_sched_n_slots(made), sizeof *made->entries);
    made->contexts = kb_alloc_zeroed(parts->alloc, made->n_contexts + 1, sizeof *made->contexts);
    made->notes = kb_alloc_zeroed(parts->alloc, kb_sched_n_slots(made), sizeof *made->notes);
    kb_status status = KB_OK;
    if (!made->entries || !made->contexts || !made->notes)
        status = kb_error_nomem(err, "a PE_SCHED");
    else status = kb_sim_add_slot(parts->sim, kick_engines, made, 0, &made->sim_slot, err);
    if (status != KB_OK) {
        kb_sched_destroy(made);
        return status;
    }
    for (int kind = 0; kind < KB_ENGINE_KIND_COUNT; kind++)
        made->engines[kind].first = made->engines[kind].last = KB_SCHED_NONE;
    for (uint32_t c = 0; c <= made->n_contexts; c++) {
        uint32_t first = c * made->queue, count = kb_sched_slots_of(made, c);
        made->contexts[c] = (kb_sched_context){.free = first};
        for (uint32_t i = 0; i < count; i++)
            made->entries[first + i].next = i + 1 < count ? first + i + 1 : KB_SCHED_NONE;
    }
    *sched = made;
    return KB_OK;
}

void kb_sched_destroy(void *sched) {
    kb_sched *self = sched;
    if (!self) return;
    for (uint32_t i = 0; self->entries && i < kb_sched_n_slots(self); i++)
        kb_alloc_free(self->alloc, self->entries[i].words, self->entries[i].words_capacity,
                      sizeof(int64_t));
    kb_alloc_free(self->alloc, self->entries, kb_sched_n_slots(self), sizeof *self->entries);
    kb_alloc_free(self->alloc, self->notes, kb_sched_n_slots(self), sizeof *self->notes);
    kb_alloc_free(self->alloc, self->contexts, self->n_contexts + 1, sizeof *self->contexts);
    KB_VEC_FREE(&self->edges, self->alloc);
    kb_alloc_free(self->alloc, self, 1, sizeof *self);
}

void kb_sched_set_progress(kb_sched *sched, kb_progress_fn fn, void *self) {
    sched->progress = fn;
    sched->owner = self;
}

void kb_sched_set_stage_done(kb_sched *sched, kb_stage_fn fn, void *self) {
    sched->stage_done = fn;
    sched->composer = self;
}

void kb_sched_attach(kb_sched *sched, kb_engine_kind kind, void (*kick)(void *engine), void *self) {
    sched->engines[kind].kick = kick;
    sched->engines[kind].self = self;
}

kb_command *kb_sched_take(kb_sched *sched, uint32_t c) {
    uint32_t slot = sched->contexts[c].free;
    if (slot == KB_SCHED_NONE) return NULL;
    kb_command *command = &sched->entries[slot].command;
    memset(command, 0, offsetof(kb_command, access));
    return command;
}

kb_status kb_sched_words(kb_sched *sched, kb_command *command, uint32_t n_words, int64_t **words,
                         kb_error *err) {
    kb_sched_entry *e = &sched->entries[kb_sched_slot(sched, command)];
    if (n_words > e->words_capacity) {
        size_t wanted = e->words_capacity * 2 > n_words ? e->words_capacity * 2 : n_words;
        int64_t *grown =
            kb_alloc_resize(sched->alloc, e->words, e->words_capacity, wanted, sizeof *grown);
        if (!grown) return kb_error_nomem(err, "a command's payload");
        e->words = grown;
        e->words_capacity = wanted;
    }
    command->words = *words = e->words;
    command->n_words = n_words;
    return KB_OK;
}

/* --- ready queues ----------------------------------------------------------------------------- */

/* Ready times come in order, so only commands of this instant stand behind an earlier one. */
static void make_ready(kb_sched *sched, uint32_t slot) {
    kb_sched_entry *e = &sched->entries[slot];
    kb_sched_engine *g = &sched->engines[e->command.engine];
    int64_t now_fs = kb_sim_now(sched->sim);
    uint32_t after = g->last;
    e->state = KB_ENTRY_READY;
    e->command.record.ready_fs = now_fs;
    while (after != KB_SCHED_NONE && sched->entries[after].command.record.ready_fs == now_fs &&
           sched->entries[after].command.order > e->command.order)
        after = sched->entries[after].previous;
    e->previous = after;
    e->next = after == KB_SCHED_NONE ? g->first : sched->entries[after].next;
    *(e->previous == KB_SCHED_NONE ? &g->first : &sched->entries[e->previous].next) = slot;
    *(e->next == KB_SCHED_NONE ? &g->last : &sched->entries[e->next].previous) = slot;
    if (sched->dispatch_fs) kb_sim_at(sched->sim, sched->sim_slot, now_fs + sched->dispatch_fs);
    else g->kick(g->self);
}

const kb_command *kb_sched_peek(const kb_sched *sched, kb_engine_kind kind) {
    uint32_t slot = sched->engines[kind].first;
    if (slot == KB_SCHED_NONE) return NULL;
    const kb_command *command = &sched->entries[slot].command;
    bool dispatched = kb_sim_now(sched->sim) - command->record.ready_fs >= sched->dispatch_fs;
    return dispatched ? command : NULL;
}

kb_command *kb_sched_next(kb_sched *sched, kb_engine_kind kind) {
    if (!kb_sched_peek(sched, kind)) return NULL;
    kb_sched_engine *g = &sched->engines[kind];
    kb_sched_entry *e = &sched->entries[g->first];
    g->first = e->next;
    if (e->next == KB_SCHED_NONE) g->last = KB_SCHED_NONE;
    else sched->entries[e->next].previous = KB_SCHED_NONE;
    e->state = KB_ENTRY_RUNNING;
    return &e->command;
}

/* --- submission and completion ---------------------------------------------------------------- */

kb_status kb_sched_submit(kb_sched *sched, kb_command *command, uint32_t c,
                          const kb_sched_tiles *tiles, kb_error *err) {
    uint32_t slot = kb_sched_slot(sched, command);
    kb_sched_entry *e = &sched->entries[slot];
    sched->contexts[c].free = e->next;
    sched->contexts[c].count++;
    e->state = KB_ENTRY_WAITING;
    e->context = c;
    e->tiles = *tiles;
    e->first_edge = KB_SCHED_NONE;
    command->order = sched->n_submitted++;
    command->waits = 0;
    command->record.pe = sched->pe;
    KB_TRY(kb_scoreboard_enter_(sched, slot, err));
    for (uint32_t i = 0; i < tiles->n_inputs; i++) {
        kb_tcm_read(sched->tcm, tiles->inputs[i]);
        command->record.nbytes += kb_tcm_tile(sched->tcm, tiles->inputs[i])->nbytes;
    }
    if (tiles->output != KB_NO_TILE)
        kb_tcm_produce(sched->tcm, tiles->output, slot, &command->record);
    if (command->waits == 0) make_ready(sched, slot);
    return KB_OK;
}

/* Lets go of the command's tiles; what nobody needs any more is marked in its payload. */
static kb_status release_tiles(kb_sched *sched, kb_sched_entry *e, kb_error *err) {
    const kb_sched_tiles *tiles = &e->tiles;
    uint64_t version;
    for (uint32_t i = 0; i <= tiles->n_inputs; i++) {
        bool output = i == tiles->n_inputs;
        bool freed = false;
        if (!output) freed = kb_tcm_unread(sched->tcm, tiles->inputs[i], &version);
        else if (tiles->output != KB_NO_TILE)
            freed = kb_tcm_produced(sched->tcm, tiles->output, &version);
        if (freed && !kb_payload_set_last_use(e->words, e->command.n_words, version))
            return kb_error_set(err, KB_INTERNAL, "line %d: expected the payload to name tile %llu",
                                (int)e->command.record.line, (unsigned long long)version);
    }
    return KB_OK;
}

static void release_followers(kb_sched *sched, kb_sched_entry *e) {
    while (e->first_edge != KB_SCHED_NONE) {
        uint32_t number = e->first_edge;
        uint32_t follower = sched->edges.items[number].follower;
        e->first_edge = sched->edges.items[number].next;
        sched->edges.items[number].next = sched->free_edge;
        sched->free_edge = number;
        if (--sched->entries[follower].command.waits == 0) make_ready(sched, follower);
    }
}

void kb_sched_done(kb_sched *sched, kb_command *command) {
    uint32_t slot = kb_sched_slot(sched, command);
    kb_sched_entry *e = &sched->entries[slot];
    uint32_t c = e->context;
    kb_error error;
    kb_error_clear(&error);
    command->record.end_fs = kb_sim_now(sched->sim);
    kb_status status = release_tiles(sched, e, &error);
    if (status == KB_OK)
        status = kb_oplog_append(sched->log, &command->record, e->words, command->n_words, &error);
    if (status != KB_OK) {
        (void)kb_error_set(kb_sim_fail(sched->sim, status), status, "%s", error.message);
        return;
    }
    kb_scoreboard_leave_(sched, slot);
    release_followers(sched, e);
    e->state = KB_ENTRY_FREE;
    e->next = sched->contexts[c].free;
    sched->contexts[c].free = slot;
    sched->contexts[c].count--;
    if (c == sched->n_contexts) sched->stage_done(sched->composer, command);
    else if (sched->progress) sched->progress(sched->owner, c);
}

bool kb_sched_has(const kb_sched *sched, uint32_t c, int64_t order) {
    for (uint32_t i = c * sched->queue; i < c * sched->queue + kb_sched_slots_of(sched, c); i++)
        if (sched->entries[i].state != KB_ENTRY_FREE && sched->entries[i].command.order == order)
            return true;
    return false;
}

bool kb_sched_idle(const kb_sched *sched, uint32_t c) {
    return sched->contexts[c].count == 0;
}

bool kb_sched_memory_idle(const kb_sched *sched, uint32_t c) {
    return sched->contexts[c].n_memory == 0;
}

uint32_t kb_sched_count(const kb_sched *sched, uint32_t c) {
    return sched->contexts[c].count;
}
