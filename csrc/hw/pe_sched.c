#include "hw/pe_sched.h"

#include <stddef.h>
#include <string.h>

#include "base/vec.h"
#include "log/payload.h"

#define NONE UINT32_MAX

typedef enum entry_state { ENTRY_FREE, ENTRY_WAITING, ENTRY_READY, ENTRY_RUNNING } entry_state;

/* A command's slot: what changes hands first, so that it lies on few cache lines.  `next` and `previous` link
 * it into the free list, or the ready queue of its engine. */
typedef struct entry {
    entry_state state;
    uint32_t context;
    uint32_t next, previous;
    uint32_t first_edge;
    uint32_t note; /* of a memory command: its place among those of its context */
    int64_t *words;
    size_t words_capacity;
    kb_sched_tiles tiles;
    kb_command command;
} entry;

/* "`follower` must wait for me": a list for each command. */
typedef struct edge {
    uint32_t follower;
    uint32_t next;
} edge;

/* An unfinished memory command: what it touches lies within [first_va, end_va).  Apart from its slot, for
 * each one that is submitted is compared with all of them. */
typedef struct memory_note {
    uint64_t first_va, end_va;
    uint32_t slot;
    bool writes;
} memory_note;

typedef struct context {
    uint32_t free;
    uint32_t count;
    uint32_t n_memory; /* its unfinished memory commands */
    uint32_t n_writes; /* among its unfinished memory commands */
} context;

typedef struct engine {
    void (*kick)(void *engine);
    void *self;
    uint32_t first, last; /* ready queue, by (ready time, order) */
} engine;

struct kb_sched {
    kb_alloc *alloc;
    kb_sim *sim;
    kb_oplog *log;
    kb_tcm *tcm;
    uint32_t sim_slot;
    int32_t pe;
    int64_t dispatch_fs;
    uint32_t queue; /* slots of one context */
    uint32_t n_contexts;
    int64_t n_submitted;
    entry *entries;
    memory_note *notes; /* a context's from its first slot's number on */
    context *contexts;
    KB_VEC(edge) edges;
    uint32_t free_edge;
    engine engines[KB_ENGINE_KIND_COUNT];
    kb_progress_fn progress;
    void *owner;
    kb_stage_fn stage_done;
    void *composer;
};

static const entry *entry_of(const kb_command *command) {
    return (const entry *)(const void *)((const char *)command - offsetof(entry, command));
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

static uint32_t slots_of(const kb_sched *sched, uint32_t c) {
    return c == sched->n_contexts ? KB_LANE_SLOTS : sched->queue;
}

static bool is_memory(const kb_command *command) {
    return command->engine == KB_ENGINE_DMA_READ || command->engine == KB_ENGINE_DMA_WRITE ||
           command->engine == KB_ENGINE_COMPOSER;
}

static bool writes_memory(const kb_command *command) {
    return command->engine == KB_ENGINE_DMA_WRITE || command->engine == KB_ENGINE_COMPOSER;
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
    made->free_edge = NONE;
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
        made->engines[kind].first = made->engines[kind].last = NONE;
    for (uint32_t c = 0; c <= made->n_contexts; c++) {
        uint32_t first = c * made->queue, count = slots_of(made, c);
        made->contexts[c] = (context){.free = first};
        for (uint32_t i = 0; i < count; i++)
            made->entries[first + i].next = i + 1 < count ? first + i + 1 : NONE;
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
    if (slot == NONE) return NULL;
    kb_command *command = &sched->entries[slot].command;
    memset(command, 0, offsetof(kb_command, access));
    return command;
}

kb_status kb_sched_words(kb_sched *sched, kb_command *command, uint32_t n_words, int64_t **words,
                         kb_error *err) {
    entry *e = &sched->entries[kb_sched_slot(sched, command)];
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

/* --- scoreboard ------------------------------------------------------------------------------- */

static kb_status follow(kb_sched *sched, uint32_t leader, uint32_t follower, kb_error *err) {
    uint32_t number = sched->free_edge;
    if (number != NONE) {
        sched->free_edge = sched->edges.items[number].next;
    } else {
        if (!KB_VEC_RESERVE(&sched->edges, sched->alloc, 1))
            return kb_error_nomem(err, "the scoreboard");
        number = (uint32_t)sched->edges.count++;
    }
    sched->edges.items[number] = (edge){follower, sched->entries[leader].first_edge};
    sched->entries[leader].first_edge = number;
    sched->entries[follower].command.waits++;
    return KB_OK;
}

static kb_status follow_producers(kb_sched *sched, uint32_t slot, kb_error *err) {
    const kb_sched_tiles *tiles = &sched->entries[slot].tiles;
    for (uint32_t i = 0; i < tiles->n_inputs; i++) {
        uint32_t producer = kb_tcm_tile(sched->tcm, tiles->inputs[i])->producer;
        if (producer != KB_NO_COMMAND) KB_TRY(follow(sched, producer, slot, err));
    }
    return KB_OK;
}

/* How many operands are this tile. */
static uint32_t reads(const kb_sched_tiles *tiles, uint32_t tile) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < tiles->n_inputs; i++) n += tiles->inputs[i] == tile;
    return n;
}

/* Whose storage is overwritten: its readers, and its producer where nobody reads it. */
static kb_status follow_readers(kb_sched *sched, uint32_t slot, kb_error *err) {
    const entry *e = &sched->entries[slot];
    uint32_t old = e->tiles.in_place;
    if (old == KB_NO_TILE) return KB_OK;
    const kb_tile *tile = kb_tcm_tile(sched->tcm, old);
    if (tile->producer != KB_NO_COMMAND && !reads(&e->tiles, old))
        KB_TRY(follow(sched, tile->producer, slot, err));
    uint32_t first = e->context * sched->queue, end = first + slots_of(sched, e->context);
    uint32_t n_left = tile->readers; /* few, and in low slots, which are used first */
    for (uint32_t i = first; n_left && i < end; i++) {
        if (sched->entries[i].state == ENTRY_FREE || i == slot) continue;
        uint32_t n = reads(&sched->entries[i].tiles, old);
        if (n) KB_TRY(follow(sched, i, slot, err));
        n_left -= n;
    }
    return KB_OK;
}

static kb_span span_at(const kb_command *command, uint32_t index) {
    if (command->engine == KB_ENGINE_COMPOSER) return command->spans[index];
    return (kb_span){command->access.first_va, command->access.end_va, writes_memory(command)};
}

static uint32_t n_spans(const kb_command *command) {
    return command->engine == KB_ENGINE_COMPOSER ? command->n_spans : 1;
}

/* Whether their bytes overlap (conservative), and one of the two writes there. */
static bool is_hazard(const kb_command *a, const kb_command *b) {
    for (uint32_t i = 0; i < n_spans(a); i++) {
        kb_span x = span_at(a, i);
        for (uint32_t k = 0; k < n_spans(b); k++) {
            kb_span y = span_at(b, k);
            if ((x.writes || y.writes) && x.first_va < y.end_va && y.first_va < x.end_va)
                return true;
        }
    }
    return false;
}

static memory_note *notes_of(const kb_sched *sched, uint32_t c) {
    return sched->notes + c * sched->queue;
}

static memory_note note_of(const kb_command *command, uint32_t slot) {
    memory_note note = {UINT64_MAX, 0, slot, writes_memory(command)};
    for (uint32_t i = 0; i < n_spans(command); i++) {
        kb_span span = span_at(command, i);
        if (span.first_va < note.first_va) note.first_va = span.first_va;
        if (span.end_va > note.end_va) note.end_va = span.end_va;
    }
    return note;
}

static kb_status follow_memory(kb_sched *sched, const memory_note *mine, kb_error *err) {
    const entry *e = &sched->entries[mine->slot];
    const context *c = &sched->contexts[e->context];
    const memory_note *notes = notes_of(sched, e->context);
    if (!mine->writes && c->n_writes == 0) return KB_OK; /* reads may overlap */
    for (uint32_t i = 0; i < c->n_memory; i++) {
        const memory_note *earlier = &notes[i];
        bool apart = earlier->first_va >= mine->end_va || mine->first_va >= earlier->end_va;
        if (apart || !(mine->writes || earlier->writes)) continue;
        if (is_hazard(&sched->entries[earlier->slot].command, &e->command))
            KB_TRY(follow(sched, earlier->slot, mine->slot, err));
    }
    return KB_OK;
}

static void link_memory(kb_sched *sched, const memory_note *note) {
    entry *e = &sched->entries[note->slot];
    context *c = &sched->contexts[e->context];
    e->note = c->n_memory++;
    notes_of(sched, e->context)[e->note] = *note;
    c->n_writes += note->writes;
}

static void unlink_memory(kb_sched *sched, uint32_t slot) {
    const entry *e = &sched->entries[slot];
    context *c = &sched->contexts[e->context];
    memory_note *notes = notes_of(sched, e->context), last = notes[--c->n_memory];
    c->n_writes -= notes[e->note].writes;
    notes[e->note] = last;
    sched->entries[last.slot].note = e->note;
}

/* --- ready queues ----------------------------------------------------------------------------- */

/* Ready times come in order, so only commands of this instant stand behind an earlier one. */
static void make_ready(kb_sched *sched, uint32_t slot) {
    entry *e = &sched->entries[slot];
    engine *g = &sched->engines[e->command.engine];
    int64_t now_fs = kb_sim_now(sched->sim);
    uint32_t after = g->last;
    e->state = ENTRY_READY;
    e->command.record.ready_fs = now_fs;
    while (after != NONE && sched->entries[after].command.record.ready_fs == now_fs &&
           sched->entries[after].command.order > e->command.order)
        after = sched->entries[after].previous;
    e->previous = after;
    e->next = after == NONE ? g->first : sched->entries[after].next;
    *(e->previous == NONE ? &g->first : &sched->entries[e->previous].next) = slot;
    *(e->next == NONE ? &g->last : &sched->entries[e->next].previous) = slot;
    if (sched->dispatch_fs) kb_sim_at(sched->sim, sched->sim_slot, now_fs + sched->dispatch_fs);
    else g->kick(g->self);
}

const kb_command *kb_sched_peek(const kb_sched *sched, kb_engine_kind kind) {
    uint32_t slot = sched->engines[kind].first;
    if (slot == NONE) return NULL;
    const kb_command *command = &sched->entries[slot].command;
    bool dispatched = kb_sim_now(sched->sim) - command->record.ready_fs >= sched->dispatch_fs;
    return dispatched ? command : NULL;
}

kb_command *kb_sched_next(kb_sched *sched, kb_engine_kind kind) {
    if (!kb_sched_peek(sched, kind)) return NULL;
    engine *g = &sched->engines[kind];
    entry *e = &sched->entries[g->first];
    g->first = e->next;
    if (e->next == NONE) g->last = NONE;
    else sched->entries[e->next].previous = NONE;
    e->state = ENTRY_RUNNING;
    return &e->command;
}

/* --- submission and completion ---------------------------------------------------------------- */

kb_status kb_sched_submit(kb_sched *sched, kb_command *command, uint32_t c,
                          const kb_sched_tiles *tiles, kb_error *err) {
    uint32_t slot = kb_sched_slot(sched, command);
    entry *e = &sched->entries[slot];
    sched->contexts[c].free = e->next;
    sched->contexts[c].count++;
    e->state = ENTRY_WAITING;
    e->context = c;
    e->tiles = *tiles;
    e->first_edge = NONE;
    command->order = sched->n_submitted++;
    command->waits = 0;
    command->record.pe = sched->pe;
    KB_TRY(follow_producers(sched, slot, err));
    KB_TRY(follow_readers(sched, slot, err));
    if (is_memory(command)) {
        const memory_note note = note_of(command, slot);
        KB_TRY(follow_memory(sched, &note, err));
        link_memory(sched, &note);
    }
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
static kb_status release_tiles(kb_sched *sched, entry *e, kb_error *err) {
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

static void release_followers(kb_sched *sched, entry *e) {
    while (e->first_edge != NONE) {
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
    entry *e = &sched->entries[slot];
    uint32_t c = e->context;
    kb_error error = KB_ERROR_INIT;
    command->record.end_fs = kb_sim_now(sched->sim);
    kb_status status = release_tiles(sched, e, &error);
    if (status == KB_OK)
        status = kb_oplog_append(sched->log, &command->record, e->words, command->n_words, &error);
    if (status != KB_OK) {
        (void)kb_error_set(kb_sim_fail(sched->sim, status), status, "%s", error.message);
        return;
    }
    if (is_memory(command)) unlink_memory(sched, slot);
    release_followers(sched, e);
    e->state = ENTRY_FREE;
    e->next = sched->contexts[c].free;
    sched->contexts[c].free = slot;
    sched->contexts[c].count--;
    if (c == sched->n_contexts) sched->stage_done(sched->composer, command);
    else if (sched->progress) sched->progress(sched->owner, c);
}

bool kb_sched_has(const kb_sched *sched, uint32_t c, int64_t order) {
    for (uint32_t i = c * sched->queue; i < c * sched->queue + slots_of(sched, c); i++)
        if (sched->entries[i].state != ENTRY_FREE && sched->entries[i].command.order == order)
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
