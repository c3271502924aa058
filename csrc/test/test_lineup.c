/* hw/fabric: a line-up against a heap, keys of which come and go in every order; and without memory. */
#include "test/tap.h"

#include <stdlib.h>

#include "hw/fabric/lineup.h"
#include "test/graph.h"

typedef struct pair {
    kb_alloc alloc;
    kb_lineup lineup;
    kb_waitq heap; /* says the same */
    uint64_t seed;
    uint32_t n_keys;
} pair;

static bool pair_push(pair *p, int64_t when_fs) {
    uint32_t number = p->n_keys;
    uint64_t rank = (uint64_t)graph_below(&p->seed, 3);
    if (!kb_lineup_reserve(&p->lineup, &p->alloc)) return false;
    if (!CHECK(kb_waitq_reserve(&p->heap, &p->alloc, p->heap.count + 1))) return false;
    kb_lineup_push(&p->lineup, when_fs, rank, (uint64_t)number << 32 | number);
    kb_waitq_push(&p->heap, when_fs, rank, number, number);
    p->n_keys++;
    return true;
}

/* The first of both is the same, as long as there is one. */
static bool pair_agrees(const pair *p) {
    if (!p->heap.count || !p->lineup.count) return p->heap.count == p->lineup.count;
    const kb_waiting *first = kb_lineup_items(&p->lineup);
    return first->count_number == p->heap.items[0].count_number &&
           first->when_fs == p->heap.items[0].when_fs &&
           kb_lineup_when(&p->lineup, 1) >= first->when_fs;
}

static void pair_deinit(pair *p) {
    kb_lineup_deinit(&p->lineup, &p->alloc);
    kb_waitq_deinit(&p->heap, &p->alloc);
    CHECK_EQ(p->alloc.live_nbytes, 0);
}

/* The first goes, or goes back behind others. */
static void pair_step(pair *p, int64_t span) {
    if (graph_below(&p->seed, 2)) {
        kb_lineup_drop_first(&p->lineup);
        kb_waitq_drop_first(&p->heap);
        return;
    }
    int64_t when_fs = p->heap.items[0].when_fs + graph_below(&p->seed, span);
    kb_lineup_move_first(&p->lineup, when_fs);
    kb_waitq_move_first(&p->heap, when_fs);
}

static void is_like_a_heap(void) {
    static const int64_t spans[] = {1, 3, 1000, 1000000};
    for (uint64_t seed = 1; seed <= 24; seed++) {
        pair p = {.alloc = kb_alloc_system(), .seed = seed * 977};
        int64_t span = spans[seed % 4];
        uint32_t n_most = seed % 3 ? 20000 : 700;
        bool runs = seed % 2, agrees = true;
        for (uint32_t i = 0; agrees && i < n_most; i++) {
            agrees = pair_push(&p, runs ? (int64_t)(i % 500) * span : graph_below(&p.seed, span)) &&
                     pair_agrees(&p);
            if (!graph_below(&p.seed, 4)) pair_step(&p, span);
        }
        while (agrees && p.heap.count) {
            pair_step(&p, span);
            if (!graph_below(&p.seed, 8)) agrees = pair_push(&p, graph_below(&p.seed, span));
            if (!graph_below(&p.seed, 50))
                while (kb_lineup_sort_more(&p.lineup, &p.alloc, span / 2)) continue;
            agrees = agrees && pair_agrees(&p);
        }
        CHECK(agrees);
        CHECK_EQ(p.lineup.count, 0);
        pair_deinit(&p);
    }
}

/* Each allocation fails once: what waits is what waited before. */
static void survives_failing_allocations(void) {
    uint64_t nth = 1;
    for (bool failed = true; failed; nth++) {
        pair p = {.alloc = kb_alloc_system(), .seed = 3};
        kb_alloc scarce = kb_alloc_system();
        scarce.fail_at = nth;
        failed = false;
        for (uint32_t i = 0; i < 3000; i++) {
            bool room = kb_lineup_reserve(&p.lineup, &scarce);
            failed = failed || !room;
            if (!room) continue;
            int64_t when_fs = graph_below(&p.seed, 1000);
            if (!CHECK(kb_waitq_reserve(&p.heap, &p.alloc, p.heap.count + 1))) break;
            kb_lineup_push(&p.lineup, when_fs, 0, (uint64_t)i << 32 | i);
            kb_waitq_push(&p.heap, when_fs, 0, i, i);
        }
        while (pair_agrees(&p) && p.heap.count) {
            kb_lineup_drop_first(&p.lineup);
            kb_waitq_drop_first(&p.heap);
        }
        CHECK_EQ(p.heap.count, 0);
        CHECK_EQ(p.lineup.count, 0);
        kb_lineup_deinit(&p.lineup, &scarce);
        kb_waitq_deinit(&p.heap, &p.alloc);
        CHECK_EQ(scarce.live_nbytes, 0);
    }
    CHECK(nth > 8);
}

int main(void) {
    TAP_RUN(is_like_a_heap);
    TAP_RUN(survives_failing_allocations);
    return tap_finish();
}
