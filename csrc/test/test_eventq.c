/* sim/eventq: the order is that of the keys, whatever the order of insertion. */
#include <stdlib.h>

#include "sim/eventq.h"
#include "test/tap.h"

static uint64_t next_random(uint64_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state * UINT64_C(0x2545F4914F6CDD1D) >> 16;
}

static int compare(const void *left, const void *right) {
    const kb_event *a = left, *b = right;
    return kb_event_less(a, b) ? -1 : kb_event_less(b, a);
}

static bool equal(kb_event a, kb_event b) {
    return a.when_fs == b.when_fs && a.order == b.order;
}

static void order_is_when_rank_place(void) {
    kb_event events[] = {
        kb_event_of(0, 0, 1),         kb_event_of(0, 1, 0),
        kb_event_of(0, 2, 0),         kb_event_of(0, UINT32_MAX, 0),
        kb_event_of(1, 0, 0),         kb_event_of(1, 0, UINT32_MAX),
        kb_event_of(INT64_MAX, 0, 0), kb_event_of(INT64_MAX, UINT32_MAX, UINT32_MAX),
    };
    for (size_t i = 0; i + 1 < sizeof events / sizeof *events; i++) {
        CHECK(kb_event_less(&events[i], &events[i + 1]));
        CHECK(!kb_event_less(&events[i + 1], &events[i]));
        CHECK(!kb_event_less(&events[i], &events[i]));
    }
    CHECK_EQ(kb_event_rank(events[3]), UINT32_MAX);
    CHECK_EQ(kb_event_place(events[5]), UINT32_MAX);
}

/* Pushes and pops at random against a sorted copy; narrow keys make many duplicates. */
static void pops_what_sorting_gives(void) {
    uint64_t seed = 1;
    for (size_t round = 0; round < 300; round++) {
        kb_alloc alloc = kb_alloc_system();
        kb_eventq queue;
        kb_eventq_init(&queue, &alloc);
        size_t n = 1 + next_random(&seed) % 400;
        uint64_t width = 1 + next_random(&seed) % 50;
        kb_event *all = malloc(n * sizeof *all);
        if (!CHECK(all != NULL)) return;
        for (size_t i = 0; i < n; i++) {
            all[i] = kb_event_of((int64_t)(next_random(&seed) % width),
                                 (uint32_t)(next_random(&seed) % 3), (uint32_t)(i % 7));
            CHECK(kb_eventq_push(&queue, all[i]));
        }
        qsort(all, n, sizeof *all, compare);
        size_t n_wrong = 0;
        for (size_t i = 0; i < n; i++) {
            n_wrong += !equal(kb_eventq_peek(&queue), all[i]);
            kb_eventq_pop(&queue);
            n_wrong += kb_eventq_count(&queue) != n - 1 - i;
        }
        CHECK_EQ(n_wrong, 0);
        CHECK(equal(kb_eventq_peek(&queue), KB_EVENT_NONE));
        kb_eventq_deinit(&queue);
        CHECK_EQ(alloc.live_nbytes, 0);
        free(all);
    }
}

/* The hold model: times never go back, and a shuffled filling gives the same sequence. */
static void replaces_at_the_root(void) {
    enum { N = 5000, HOLDS = 50000 };
    uint64_t sums[2] = {0, 0};
    for (uint32_t turn = 0; turn < 2; turn++) {
        kb_alloc alloc = kb_alloc_system();
        kb_eventq queue;
        kb_eventq_init(&queue, &alloc);
        for (uint32_t i = 0; i < N; i++) {
            uint32_t place = turn ? (i * 1237u) % N : i;
            uint64_t seed = place + 1;
            CHECK(kb_eventq_push(&queue,
                                 kb_event_of((int64_t)(next_random(&seed) % 1000), 0, place)));
        }
        uint64_t n_calls = alloc.n_calls, last = 0, n_wrong = 0;
        for (uint32_t i = 0; i < HOLDS; i++) {
            kb_event top = kb_eventq_peek(&queue);
            kb_eventq_pop(&queue);
            n_wrong += top.when_fs < last;
            last = top.when_fs;
            uint64_t seed = top.when_fs * 31 + kb_event_place(top) + 1;
            sums[turn] = sums[turn] * 33 + top.when_fs * 7 + kb_event_place(top);
            n_wrong += !kb_eventq_push(
                &queue, kb_event_of((int64_t)(top.when_fs + next_random(&seed) % 1000), 0,
                                    kb_event_place(top)));
        }
        CHECK_EQ(n_wrong, 0);
        CHECK_EQ(alloc.n_calls, n_calls);
        kb_eventq_deinit(&queue);
    }
    CHECK_EQ(sums[0], sums[1]);
}

enum { N_SHAPES = 6 };

/* How long after now the next event is: near and even, near and far, bursts, powers of two, all at once,
 * and beyond every day there is. */
static uint64_t wait_of(int shape, uint64_t *seed) {
    uint64_t random = next_random(seed);
    switch (shape) {
    case 0: return random % 1000;
    case 1: return random % 50 ? random % 4000 : random % UINT64_C(1000000000000);
    case 2: return random % 3 * UINT64_C(100000);
    case 3: return random & ((UINT64_C(1) << random % 41) - 1);
    case 4: return 0;
    default: return random % 2 ? random % 10 : (uint64_t)INT64_MAX / 100000;
    }
}

/* Against a heap, step by step: the number that wait grows and shrinks, and how they are spread changes. */
static void compare_with_heap(size_t n_most) {
    enum { STEPS = 400000 };
    kb_alloc alloc = kb_alloc_system();
    kb_eventq queue;
    kb_event_heap heap = {0};
    kb_eventq_init(&queue, &alloc);
    if (!CHECK(kb_event_heap_resize(&heap, &alloc, 2 * n_most))) return;
    uint64_t seed = 7, now = 0;
    size_t n_wrong = 0, n_wait = 0, most = 0, n_calls = 0;
    for (int step = 0; step < STEPS; step++) {
        int shape = step / 20000 % N_SHAPES, phase = step / 5000 % 5;
        uint64_t odds = phase == 0 ? 90 : phase == 1 ? 50 : phase == 2 ? 20 : 55;
        bool push = n_wait == 0 || (n_wait < n_most && next_random(&seed) % 100 < odds);
        uint64_t when = now + wait_of(shape, &seed);
        if (push && when < (uint64_t)INT64_MAX) {
            kb_event event = kb_event_of((int64_t)when, (uint32_t)(next_random(&seed) % 3),
                                         (uint32_t)(next_random(&seed) % 50));
            n_wrong += !kb_eventq_push(&queue, event);
            kb_event_heap_push(&heap, event);
            if (++n_wait > most) {
                most = n_wait;
                n_calls = alloc.n_calls;
            }
        } else if (n_wait) {
            kb_event_heap_fill(&heap);
            kb_event next = kb_eventq_peek(&queue);
            n_wrong += !equal(next, heap.items[0]);
            now = next.when_fs;
            kb_eventq_pop(&queue);
            kb_event_heap_pop(&heap);
            n_wait--;
        }
        n_wrong += kb_eventq_count(&queue) != n_wait;
    }
    CHECK_EQ(n_wrong, 0);
    CHECK_EQ(alloc.n_calls, n_calls); /* none since the most waited */
    while (kb_eventq_count(&queue)) {
        kb_event_heap_fill(&heap);
        n_wrong += !equal(kb_eventq_peek(&queue), heap.items[0]);
        kb_eventq_pop(&queue);
        kb_event_heap_pop(&heap);
    }
    CHECK_EQ(n_wrong, 0);
    kb_eventq_deinit(&queue);
    kb_event_heap_deinit(&heap, &alloc);
    CHECK_EQ(alloc.live_nbytes, 0);
}

static void is_a_heap_whatever_the_times(void) {
    compare_with_heap(20000);
}

static void few_become_many_and_few_again(void) {
    for (size_t n_most = KB_EVENTQ_FEW - 1; n_most < KB_EVENTQ_FEW + 20; n_most += 6)
        compare_with_heap(n_most);
}

/* A push fills the hole of a pop only while there is room for it: others may have come meanwhile. */
static void grows_in_spite_of_a_hole(void) {
    enum { N = 1000 };
    kb_alloc alloc = kb_alloc_system();
    kb_eventq queue;
    kb_eventq_init(&queue, &alloc);
    bool pushed = true;
    for (uint32_t i = 0; i < 60; i++) pushed &= kb_eventq_push(&queue, kb_event_of(i, 0, i));
    size_t most = queue.capacity;
    while (kb_eventq_count(&queue) < most) pushed &= kb_eventq_push(&queue, kb_event_of(100, 0, 0));
    for (uint32_t i = 0; i < N; i++) {
        int64_t now = (int64_t)kb_eventq_peek(&queue).when_fs;
        kb_eventq_pop(&queue);
        pushed &= kb_eventq_push(&queue, kb_event_of(now + 1000000000 + i, 0, 0));
        pushed &= kb_eventq_push(&queue, kb_event_of(now, 0, i));
    }
    CHECK(pushed);
    CHECK(kb_eventq_count(&queue) <= queue.capacity);
    CHECK_EQ(kb_eventq_count(&queue), most + N);
    uint64_t last = 0, n_wrong = 0;
    for (; kb_eventq_count(&queue); kb_eventq_pop(&queue)) {
        n_wrong += kb_eventq_peek(&queue).when_fs < last;
        last = kb_eventq_peek(&queue).when_fs;
    }
    CHECK_EQ(n_wrong, 0);
    kb_eventq_deinit(&queue);
}

static void a_million_at_one_instant(void) {
    enum { N = 1000000 };
    kb_alloc alloc = kb_alloc_system();
    kb_eventq queue;
    kb_eventq_init(&queue, &alloc);
    size_t n_wrong = 0;
    for (uint32_t i = 0; i < N; i++)
        n_wrong += !kb_eventq_push(&queue, kb_event_of(5, 0, (uint32_t)(i * 999983ull % N)));
    for (uint32_t i = 0; i < N; i++) {
        n_wrong += kb_event_place(kb_eventq_peek(&queue)) != i;
        kb_eventq_pop(&queue);
    }
    CHECK_EQ(n_wrong, 0);
    CHECK_EQ(kb_eventq_count(&queue), 0);
    kb_eventq_deinit(&queue);
}

static void survives_failing_allocations(void) {
    for (uint64_t nth = 1; nth <= 12; nth++) {
        kb_alloc alloc = kb_alloc_system();
        alloc.fail_at = nth;
        kb_eventq queue;
        kb_eventq_init(&queue, &alloc);
        int64_t n_pushed = 0;
        while (n_pushed < 1000 && kb_eventq_push(&queue, kb_event_of(1000 - n_pushed, 0, 0)))
            n_pushed++;
        CHECK(n_pushed < 1000);
        CHECK_EQ(kb_eventq_count(&queue), n_pushed);
        CHECK(kb_eventq_push(&queue, kb_event_of(1000 - n_pushed, 0, 0)));
        int64_t n_wrong = 0;
        for (int64_t i = n_pushed; i >= 0; i--) {
            n_wrong += kb_eventq_peek(&queue).when_fs != (uint64_t)(1000 - i);
            kb_eventq_pop(&queue);
        }
        CHECK_EQ(n_wrong, 0);
        kb_eventq_deinit(&queue);
        CHECK_EQ(alloc.live_nbytes, 0);
    }
    kb_alloc alloc = kb_alloc_system();
    kb_eventq queue;
    kb_eventq_init(&queue, &alloc);
    CHECK(!kb_eventq_reserve(&queue, SIZE_MAX));
    kb_eventq_deinit(&queue);
}

int main(void) {
    TAP_RUN(order_is_when_rank_place);
    TAP_RUN(pops_what_sorting_gives);
    TAP_RUN(replaces_at_the_root);
    TAP_RUN(is_a_heap_whatever_the_times);
    TAP_RUN(few_become_many_and_few_again);
    TAP_RUN(grows_in_spite_of_a_hole);
    TAP_RUN(a_million_at_one_instant);
    TAP_RUN(survives_failing_allocations);
    return tap_finish();
}
