#include <stddef.h>
#include <string.h>

#include "hw/pe/pe_sched_core.h"

enum { BLOCK_NBYTES = sizeof(kb_sched_block) + KB_LINE_NBYTES };

static uint32_t n_blocks(const kb_sched *sched) {
    uint32_t n_slots = sched->queue * sched->n_contexts + KB_LANE_SLOTS;
    return (n_slots + KB_SCHED_BLOCK - 1) / KB_SCHED_BLOCK;
}

bool kb_slots_init_(kb_sched *sched) {
    kb_alloc *alloc = sched->alloc;
    sched->contexts = kb_alloc_zeroed(alloc, sched->n_contexts + 1, sizeof *sched->contexts);
    sched->blocks = kb_alloc_zeroed(alloc, n_blocks(sched), sizeof *sched->blocks);
    if (!sched->contexts || !sched->blocks) return false;
    for (uint32_t c = 0; c <= sched->n_contexts; c++) sched->contexts[c].free = KB_SCHED_NONE;
    return true;
}

void kb_slots_deinit_(kb_sched *sched) {
    kb_alloc *alloc = sched->alloc;
    for (uint32_t c = 0; sched->contexts && c <= sched->n_contexts; c++)
        KB_VEC_FREE(&sched->contexts[c].notes, alloc);
    for (uint32_t c = 0; sched->blocks && sched->contexts && c <= sched->n_contexts; c++)
        for (uint32_t slot = c * sched->queue; slot < kb_sched_used_end(sched, c); slot++) {
            kb_sched_entry *e = kb_sched_at(sched, slot);
            kb_alloc_free(alloc, e->words, e->words_capacity, sizeof *e->words);
        }
    for (uint32_t i = 0; sched->blocks && i < n_blocks(sched); i++)
        if (sched->blocks[i]) kb_alloc_free(alloc, sched->blocks[i]->allocated, 1, BLOCK_NBYTES);
    kb_alloc_free(alloc, sched->blocks, n_blocks(sched), sizeof *sched->blocks);
    kb_alloc_free(alloc, sched->contexts, sched->n_contexts + 1, sizeof *sched->contexts);
}

/* A slot of a context that was never used becomes its free one; KB_SCHED_NONE when all were. */
static KB_COLD uint32_t open_slot(kb_sched *sched, uint32_t c) {
    kb_sched_context *context = &sched->contexts[c];
    if (context->n_used == kb_sched_slots_of(sched, c)) return KB_SCHED_NONE;
    uint32_t slot = kb_sched_used_end(sched, c);
    kb_sched_block **block = &sched->blocks[slot / KB_SCHED_BLOCK];
    if (!*block) {
        void *allocated = kb_alloc_resize(sched->alloc, NULL, 0, 1, BLOCK_NBYTES);
        if (!allocated) {
            (void)kb_error_nomem(kb_sim_fail(sched->sim, KB_NOMEM), "a PE_SCHED");
            return KB_SCHED_NONE;
        }
        *block = kb_first_line(allocated);
        (*block)->allocated = allocated;
    }
    *kb_sched_at(sched, slot) = (kb_sched_entry){.slot = slot, .next = KB_SCHED_NONE};
    context->n_used++;
    return context->free = slot;
}

kb_command *kb_sched_take(kb_sched *sched, uint32_t c) {
    uint32_t slot = sched->contexts[c].free;
    if (slot == KB_SCHED_NONE) slot = open_slot(sched, c);
    if (slot == KB_SCHED_NONE) return NULL;
    kb_command *command = &kb_sched_at(sched, slot)->command;
    memset(command, 0, sizeof *command);
    return command;
}

kb_status kb_sched_words(kb_sched *sched, kb_command *command, uint32_t n_words, int64_t **words,
                         kb_error *err) {
    kb_sched_entry *e = kb_slot_of_(command);
    if (n_words > KB_FEW_WORDS && n_words > e->words_capacity) {
        uint32_t wanted = e->words_capacity * 2 > n_words ? e->words_capacity * 2 : n_words;
        int64_t *grown =
            kb_alloc_resize(sched->alloc, e->words, e->words_capacity, wanted, sizeof *grown);
        if (!grown) return kb_error_nomem(err, "a command's payload");
        e->words = grown;
        e->words_capacity = wanted;
    }
    command->n_words = n_words;
    command->words = *words = kb_slot_words_(e);
    return KB_OK;
}
