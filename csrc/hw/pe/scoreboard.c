#include "hw/pe/pe_sched_core.h"

static bool is_memory(const kb_command *command) {
    return command->engine == KB_ENGINE_DMA_READ || command->engine == KB_ENGINE_DMA_WRITE ||
           command->engine == KB_ENGINE_COMPOSER;
}

static bool writes_memory(const kb_command *command) {
    return command->engine == KB_ENGINE_DMA_WRITE || command->engine == KB_ENGINE_COMPOSER;
}

static kb_status follow(kb_sched *sched, uint32_t leader, uint32_t follower, kb_error *err) {
    uint32_t number = sched->free_edge;
    if (number != KB_SCHED_NONE) {
        sched->free_edge = sched->edges.items[number].next;
    } else {
        if (!KB_VEC_RESERVE(&sched->edges, sched->alloc, 1))
            return kb_error_nomem(err, "the scoreboard");
        number = (uint32_t)sched->edges.count++;
    }
    sched->edges.items[number] = (kb_sched_edge){follower, kb_sched_at(sched, leader)->first_edge};
    kb_sched_at(sched, leader)->first_edge = number;
    kb_sched_at(sched, follower)->command.waits++;
    return KB_OK;
}

static kb_status follow_producers(kb_sched *sched, uint32_t slot, kb_error *err) {
    const kb_sched_tiles *tiles = &kb_sched_at(sched, slot)->tiles;
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
    const kb_sched_entry *e = kb_sched_at(sched, slot);
    uint32_t old = e->tiles.in_place;
    if (old == KB_NO_TILE) return KB_OK;
    const kb_tile *tile = kb_tcm_tile(sched->tcm, old);
    if (tile->producer != KB_NO_COMMAND && !reads(&e->tiles, old))
        KB_TRY(follow(sched, tile->producer, slot, err));
    uint32_t first = e->context * sched->queue, end = kb_sched_used_end(sched, e->context);
    uint32_t n_left = tile->readers; /* few, and in low slots, which are used first */
    for (uint32_t i = first; n_left && i < end; i++) {
        if (kb_sched_at(sched, i)->state == KB_ENTRY_FREE || i == slot) continue;
        uint32_t n = reads(&kb_sched_at(sched, i)->tiles, old);
        if (n) KB_TRY(follow(sched, i, slot, err));
        n_left -= n;
    }
    return KB_OK;
}

static kb_span span_at(const kb_command *command, uint32_t index) {
    if (command->engine == KB_ENGINE_COMPOSER) return command->spans[index];
    return (kb_span){command->first_va, command->end_va, writes_memory(command)};
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

static kb_memory_note note_of(const kb_command *command, uint32_t slot) {
    kb_memory_note note = {UINT64_MAX, 0, slot, writes_memory(command)};
    for (uint32_t i = 0; i < n_spans(command); i++) {
        kb_span span = span_at(command, i);
        if (span.first_va < note.first_va) note.first_va = span.first_va;
        if (span.end_va > note.end_va) note.end_va = span.end_va;
    }
    return note;
}

static kb_status follow_memory(kb_sched *sched, const kb_memory_note *mine, kb_error *err) {
    const kb_sched_entry *e = kb_sched_at(sched, mine->slot);
    const kb_sched_context *c = &sched->contexts[e->context];
    if (!mine->writes && c->n_writes == 0) return KB_OK; /* reads may overlap */
    for (size_t i = 0; i < c->notes.count; i++) {
        const kb_memory_note *earlier = &c->notes.items[i];
        bool apart = earlier->first_va >= mine->end_va || mine->first_va >= earlier->end_va;
        if (apart || !(mine->writes || earlier->writes)) continue;
        if (is_hazard(&kb_sched_at(sched, earlier->slot)->command, &e->command))
            KB_TRY(follow(sched, earlier->slot, mine->slot, err));
    }
    return KB_OK;
}

static kb_status link_memory(kb_sched *sched, const kb_memory_note *note, kb_error *err) {
    kb_sched_entry *e = kb_sched_at(sched, note->slot);
    kb_sched_context *c = &sched->contexts[e->context];
    kb_memory_note *added = KB_VEC_PUSH(&c->notes, sched->alloc);
    if (!added) return kb_error_nomem(err, "the scoreboard");
    *added = *note;
    e->note = (uint32_t)c->notes.count - 1;
    c->n_writes += note->writes;
    return KB_OK;
}

static void unlink_memory(kb_sched *sched, uint32_t slot) {
    const kb_sched_entry *e = kb_sched_at(sched, slot);
    kb_sched_context *c = &sched->contexts[e->context];
    kb_memory_note *notes = c->notes.items, last = notes[--c->notes.count];
    c->n_writes -= notes[e->note].writes;
    notes[e->note] = last;
    kb_sched_at(sched, last.slot)->note = e->note;
}

kb_status kb_scoreboard_enter_(kb_sched *sched, uint32_t slot, kb_error *err) {
    const kb_command *command = &kb_sched_at(sched, slot)->command;
    KB_TRY(follow_producers(sched, slot, err));
    KB_TRY(follow_readers(sched, slot, err));
    if (!is_memory(command)) return KB_OK;
    const kb_memory_note note = note_of(command, slot);
    KB_TRY(follow_memory(sched, &note, err));
    return link_memory(sched, &note, err);
}

void kb_scoreboard_leave_(kb_sched *sched, uint32_t slot) {
    if (is_memory(&kb_sched_at(sched, slot)->command)) unlink_memory(sched, slot);
}
