/* Inside of hw/pe/pe_sched.c, sched_slot.c, which has the slots of commands, and scoreboard.c, which knows who
 * waits for whom. */
#ifndef KB_HW_PE_PE_SCHED_CORE_H
#define KB_HW_PE_PE_SCHED_CORE_H

#include <stddef.h>

#include "base/vec.h"
#include "hw/pe/pe_sched.h"

#define KB_SCHED_NONE UINT32_MAX

typedef enum kb_entry_state {
    KB_ENTRY_FREE,
    KB_ENTRY_WAITING,
    KB_ENTRY_READY,
    KB_ENTRY_RUNNING
} kb_entry_state;

enum { KB_FEW_WORDS = 12 };

/* A command's slot, of whole cache lines: a PE has many commands that wait, and thousands of PEs have more than
 * any cache holds.  `next` and `previous` link it into the free list, or the ready queue of its engine. */
typedef struct kb_sched_entry {
    uint32_t slot;
    kb_entry_state state;
    uint32_t context;
    uint32_t next, previous;
    uint32_t first_edge;
    uint32_t note; /* of a memory command: its place among those of its context */
    uint32_t words_capacity;
    int64_t *words; /* room for a payload that is long */
    kb_sched_tiles tiles;
    kb_command command;
    int64_t few_words[KB_FEW_WORDS]; /* a payload that is not */
} kb_sched_entry;

_Static_assert(sizeof(kb_sched_entry) % KB_LINE_NBYTES == 0, "slots share no line");

/* Slots with adjacent numbers, made when the first of them is used, from the first line of what was allocated
 * on. */
enum { KB_SCHED_BLOCK = 16 };
typedef struct kb_sched_block {
    kb_sched_entry slots[KB_SCHED_BLOCK];
    void *allocated;
} kb_sched_block;

/* "`follower` must wait for me": a list for each command. */
typedef struct kb_sched_edge {
    uint32_t follower;
    uint32_t next;
} kb_sched_edge;

/* An unfinished memory command: what it touches lies within [first_va, end_va).  Apart from its slot, for
 * each one that is submitted is compared with all of them. */
typedef struct kb_memory_note {
    uint64_t first_va, end_va;
    uint32_t slot;
    bool writes;
} kb_memory_note;

/* Slots that were never used follow those that were: most of a long queue is never touched. */
typedef struct kb_sched_context {
    uint32_t free;   /* the first free one of the used slots */
    uint32_t n_used; /* slots that were ever used */
    uint32_t count;
    KB_VEC(kb_memory_note) notes; /* its unfinished memory commands */
    uint32_t n_writes;            /* among them */
} kb_sched_context;

typedef struct kb_sched_engine {
    void (*kick)(void *engine);
    void *self;
    uint32_t first, last; /* ready queue, by (ready time, order) */
} kb_sched_engine;

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
    kb_sched_block **blocks; /* of slots, by number */
    kb_sched_context *contexts;
    KB_VEC(kb_sched_edge) edges;
    uint32_t free_edge;
    kb_sched_engine engines[KB_ENGINE_KIND_COUNT];
    kb_progress_fn progress;
    void *owner;
    kb_stage_fn stage_done;
    void *composer;
};

static inline uint32_t kb_sched_slots_of(const kb_sched *sched, uint32_t c) {
    return c == sched->n_contexts ? KB_LANE_SLOTS : sched->queue;
}

static inline kb_sched_entry *kb_sched_at(const kb_sched *sched, uint32_t slot) {
    return &sched->blocks[slot / KB_SCHED_BLOCK]->slots[slot % KB_SCHED_BLOCK];
}

/* Without memory false: deinit has what there is. */
bool kb_slots_init_(kb_sched *sched) KB_MUST_CHECK;
void kb_slots_deinit_(kb_sched *sched);

static inline kb_sched_entry *kb_slot_of_(const kb_command *command) {
    return (kb_sched_entry *)(uintptr_t)((const char *)command - offsetof(kb_sched_entry, command));
}

/* Where the command's payload is. */
static inline int64_t *kb_slot_words_(kb_sched_entry *e) {
    return e->command.n_words > KB_FEW_WORDS ? e->words : e->few_words;
}

/* One behind the last used slot of a context. */
static inline uint32_t kb_sched_used_end(const kb_sched *sched, uint32_t c) {
    return c * sched->queue + sched->contexts[c].n_used;
}

/* Makes the command of a slot, which is being submitted, wait for all that it must follow. */
kb_status kb_scoreboard_enter_(kb_sched *sched, uint32_t slot, kb_error *err) KB_MUST_CHECK;

/* It is done: nobody need follow it any more. */
void kb_scoreboard_leave_(kb_sched *sched, uint32_t slot);

#endif
