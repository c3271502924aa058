#include "hw/dram/dram_window.h"

#include "hw/dram/dram_row.h"

void kb_dram_sides_init_(kb_dram_pc *pc) {
    for (int d = 0; d < 2; d++)
        pc->sides[d] = (kb_dram_side){
            .oldest = KB_NONE, .youngest = KB_NONE, .backlog = KB_NONE, .next_fs = KB_TIME_MAX};
}

void kb_dram_take_in_(kb_dram_side *side, kb_dram_run *items, kb_dram_inbox *inbox) {
    uint32_t first = inbox->first;
    if (side->oldest == KB_NONE) side->oldest = first, side->oldest_seq = items[first].seq;
    else items[side->youngest].next = first;
    side->youngest = inbox->last;
    inbox->first = KB_NONE;
    if (side->backlog != KB_NONE) return;
    side->backlog = first;
    side->next_fs = items[first].when_fs;
}

/* --- hits ------------------------------------------------------------------------------------------- */

/* The first run from `number` on, of one bank, that hits its open row. */
static inline uint32_t next_hit(const kb_dram_bank *bank, const kb_dram_run *items,
                                uint32_t number) {
    while (number != KB_NONE &&
           ((int32_t)items[number].row != bank->open_row || kb_dram_run_is_served(&items[number])))
        number = items[number].after;
    return number;
}

void kb_dram_add_hit_(kb_dram_pc *pc, const kb_dram_core *core, uint32_t b, uint32_t number) {
    const kb_dram_run *items = core->runs.items;
    kb_dram_hit *hits = pc->hits;
    uint32_t place = pc->n_hits++;
    for (; place && kb_dram_run_is_before(&items[number], &items[hits[place - 1].run]); place--)
        hits[place] = hits[place - 1];
    hits[place] = (kb_dram_hit){.ready_fs = pc->banks[b].open_fs + core->rules.rcd[pc->writing],
                                .run = number,
                                .group = core->rules.group[b],
                                .sid = core->rules.sid[b]};
    pc->hitting |= UINT64_C(1) << b;
    if (hits[place].ready_fs <= pc->cas_fs) kb_dram_forget_cas_(pc);
    if (place <= pc->cas_place) pc->cas_place++;
}

void kb_dram_remove_hit_(kb_dram_pc *pc, uint32_t b, uint32_t place) {
    kb_dram_forget_cas_(pc);
    pc->hitting &= ~(UINT64_C(1) << b);
    for (pc->n_hits--; place < pc->n_hits; place++) pc->hits[place] = pc->hits[place + 1];
}

void kb_dram_look_anew_(kb_dram_pc *pc, kb_dram_core *core) {
    bool d = pc->writing;
    kb_dram_forget_cas_(pc);
    pc->n_hits = 0;
    pc->hitting = 0;
    for (uint64_t left = pc->sides[d].banks; left; left &= left - 1) {
        uint32_t b = (uint32_t)__builtin_ctzll(left);
        kb_dram_bank *bank = &pc->banks[b];
        bank->age = core->runs.items[bank->first[d]].seq;
        uint32_t hit = next_hit(bank, core->runs.items, bank->first[d]);
        if (hit != KB_NONE) kb_dram_add_hit_(pc, core, b, hit);
    }
    kb_dram_gather_others_(pc, core);
}

/* --- in and out --------------------------------------------------------------------------------------- */

static inline void link_run(kb_dram_pc *pc, kb_dram_run *items, uint32_t number, int d,
                            bool is_first) {
    kb_dram_run *run = &items[number];
    kb_dram_bank *bank = &pc->banks[run->bank];
    run->linked = true;
    run->after = KB_NONE;
    if (is_first) bank->first[d] = number;
    else items[bank->last[d]].after = number;
    bank->last[d] = number;
    pc->sides[d].banks |= UINT64_C(1) << run->bank;
}

void kb_dram_enter_(kb_dram_pc *pc, kb_dram_core *core, int d) {
    kb_dram_side *side = &pc->sides[d];
    uint32_t number = side->backlog;
    kb_dram_run *items = core->runs.items, *run = &items[number];
    uint64_t bit = UINT64_C(1) << run->bank;
    bool is_first = !(side->banks & bit);
    int64_t left = run->count - run->n_entered, n = run->flit;
    if (n >= left) {
        n = left;
        side->backlog = run->next;
        side->next_fs = KB_TIME_MAX;
        if (run->next != KB_NONE) {
            const kb_dram_run *next = &items[run->next];
            side->next_fs = next->when_fs;
            if (next->next != KB_NONE) __builtin_prefetch(&items[next->next]);
            __builtin_prefetch(&pc->banks[next->bank]);
        }
    } else {
        side->next_fs += run->period_fs;
    }
    run->n_entered = (uint16_t)(run->n_entered + n);
    side->n_pending += n;
    side->next_seq += (uint32_t)n;
    int64_t n_pending = pc->sides[KB_DRAM_READ].n_pending + pc->sides[KB_DRAM_WRITE].n_pending;
    if (n_pending > pc->statistics.peak_queue) pc->statistics.peak_queue = n_pending;
    if (!run->linked) link_run(pc, items, number, d, is_first);
    if (d != pc->writing || pc->hitting & bit) return;
    kb_dram_bank *bank = &pc->banks[run->bank];
    if (is_first) bank->age = run->seq;
    if (bank->open_row == (int32_t)run->row) {
        kb_dram_add_hit_(pc, core, run->bank, number);
        if (!is_first) kb_dram_remove_other_(pc, run->bank);
    } else if (is_first) {
        kb_dram_add_other_(pc, core, run->bank);
    }
}

/* Those of a bank's first runs that are served. */
static inline void unlink_runs(kb_dram_pc *pc, kb_dram_run *items, uint32_t b) {
    kb_dram_bank *bank = &pc->banks[b];
    uint32_t first = bank->first[pc->writing];
    while (first != KB_NONE && kb_dram_run_is_served(&items[first])) {
        items[first].linked = false;
        first = items[first].after;
    }
    bank->first[pc->writing] = first;
    if (first == KB_NONE) pc->sides[pc->writing].banks &= ~(UINT64_C(1) << b);
    else bank->age = items[first].seq;
}

void kb_dram_leave_(kb_dram_pc *pc, kb_dram_core *core, kb_dram_hit *place) {
    kb_dram_run *items = core->runs.items;
    kb_dram_side *side = &pc->sides[pc->writing];
    const kb_dram_hit *end = pc->hits + pc->n_hits;
    uint32_t b = items[place->run].bank, after = items[place->run].after;
    uint32_t hit = next_hit(&pc->banks[b], items, after);
    unlink_runs(pc, items, b);
    if (hit == KB_NONE) {
        kb_dram_remove_hit_(pc, b, (uint32_t)(place - pc->hits));
        if (side->banks >> b & 1) kb_dram_add_other_(pc, core, b);
    } else {
        kb_dram_hit moved = *place;
        moved.run = hit;
        for (; place + 1 < end && kb_dram_run_is_before(&items[place[1].run], &items[hit]); place++)
            *place = place[1];
        *place = moved;
    }
}

void kb_dram_give_back_(kb_dram_side *side, kb_dram_core *core) {
    const kb_dram_run *items = core->runs.items;
    uint32_t oldest = side->oldest;
    while (side->n_over > 0 && items[oldest].n_served == items[oldest].count) {
        uint32_t served = oldest;
        side->n_over--;
        side->oldest_seq += items[served].count;
        oldest = items[served].next;
        kb_dram_runs_give(&core->runs, served);
    }
    side->oldest = oldest;
}
