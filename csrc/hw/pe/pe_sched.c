#include "hw/pe/pe_sched.h"

#include "hw/pe/pe_sched_core.h"
#include "log/payload.h"

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
    kb_status status = KB_OK;
    if (!kb_slots_init_(made)) status = kb_error_nomem(err, "a PE_SCHED");
    else status = kb_sim_add_slot(parts->sim, kick_engines, made, 0, &made->sim_slot, err);
    if (status != KB_OK) {
        kb_sched_destroy(made);
        return status;
    }
    for (int kind = 0; kind < KB_ENGINE_KIND_COUNT; kind++)
        made->engines[kind].first = made->engines[kind].last = KB_SCHED_NONE;
    *sched = made;
    return KB_OK;
}

void kb_sched_destroy(void *sched) {
    kb_sched *self = sched;
    if (!self) return;
    kb_slots_deinit_(self);
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

/* --- ready queues ----------------------------------------------------------------------------- */

/* Ready times come in order, so only commands of this instant stand behind an earlier one. */
static void make_ready(kb_sched *sched, uint32_t slot) {
    kb_sched_entry *e = kb_sched_at(sched, slot);
    kb_sched_engine *g = &sched->engines[e->command.engine];
    int64_t now_fs = kb_sim_now(sched->sim);
    uint32_t after = g->last;
    e->state = KB_ENTRY_READY;
    e->command.record.ready_fs = now_fs;
    while (after != KB_SCHED_NONE) {
        const kb_sched_entry *other = kb_sched_at(sched, after);
        if (other->command.record.ready_fs != now_fs || other->command.order < e->command.order)
            break;
        after = other->previous;
    }
    e->previous = after;
    e->next = after == KB_SCHED_NONE ? g->first : kb_sched_at(sched, after)->next;
    *(e->previous == KB_SCHED_NONE ? &g->first : &kb_sched_at(sched, e->previous)->next) = slot;
    *(e->next == KB_SCHED_NONE ? &g->last : &kb_sched_at(sched, e->next)->previous) = slot;
    if (sched->dispatch_fs) kb_sim_at(sched->sim, sched->sim_slot, now_fs + sched->dispatch_fs);
    else g->kick(g->self);
}

const kb_command *kb_sched_peek(const kb_sched *sched, kb_engine_kind kind) {
    uint32_t slot = sched->engines[kind].first;
    if (slot == KB_SCHED_NONE) return NULL;
    const kb_command *command = &kb_sched_at(sched, slot)->command;
    bool dispatched = kb_sim_now(sched->sim) - command->record.ready_fs >= sched->dispatch_fs;
    return dispatched ? command : NULL;
}

kb_command *kb_sched_next(kb_sched *sched, kb_engine_kind kind) {
    if (!kb_sched_peek(sched, kind)) return NULL;
    kb_sched_engine *g = &sched->engines[kind];
    kb_sched_entry *e = kb_sched_at(sched, g->first);
    g->first = e->next;
    if (e->next == KB_SCHED_NONE) g->last = KB_SCHED_NONE;
    else kb_sched_at(sched, e->next)->previous = KB_SCHED_NONE;
    e->state = KB_ENTRY_RUNNING;
    return &e->command;
}

/* --- submission and completion ---------------------------------------------------------------- */

kb_status kb_sched_submit(kb_sched *sched, kb_command *command, uint32_t c,
                          const kb_sched_tiles *tiles, kb_error *err) {
    kb_sched_entry *e = kb_slot_of_(command);
    uint32_t slot = e->slot;
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
        if (freed && !kb_payload_set_last_use(kb_slot_words_(e), e->command.n_words, version))
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
        if (--kb_sched_at(sched, follower)->command.waits == 0) make_ready(sched, follower);
    }
}

void kb_sched_done(kb_sched *sched, kb_command *command) {
    kb_sched_entry *e = kb_slot_of_(command);
    uint32_t slot = e->slot, c = e->context;
    kb_error error;
    kb_error_clear(&error);
    command->record.end_fs = kb_sim_now(sched->sim);
    kb_status status = release_tiles(sched, e, &error);
    if (status == KB_OK)
        status =
            kb_oplog_append(sched->log, &command->record, command->words, command->n_words, &error);
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
    for (uint32_t i = c * sched->queue; i < kb_sched_used_end(sched, c); i++) {
        const kb_sched_entry *e = kb_sched_at(sched, i);
        if (e->state != KB_ENTRY_FREE && e->command.order == order) return true;
    }
    return false;
}

bool kb_sched_idle(const kb_sched *sched, uint32_t c) {
    return sched->contexts[c].count == 0;
}

bool kb_sched_memory_idle(const kb_sched *sched, uint32_t c) {
    return sched->contexts[c].notes.count == 0;
}

bool kb_sched_has_room(const kb_sched *sched, uint32_t c) {
    return sched->contexts[c].count < kb_sched_slots_of(sched, c);
}

uint32_t kb_sched_count(const kb_sched *sched, uint32_t c) {
    return sched->contexts[c].count;
}
