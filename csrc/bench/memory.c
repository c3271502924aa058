/* memory: closed loops of reads on an 8 x 8 mesh.  256 readers, four at a node, each with one read in
 * flight: a flit asks one of 16 memories (at the left and right edge), which answers with F flits
 * 50 ns later; the reader asks again 10 ns after the last of them.  mode = train or flit. */
#include <stdio.h>
#include <stdlib.h>

#include "bench/machine.h"
#include "bench/workload.h"
#include "hw/fabric/fabric.h"
#include "hw/fabric/waitq.h"

enum { WIDTH = 8, N_NODES = WIDTH * WIDTH, N_READERS = 256, N_MEMORIES = 16 };
enum { THINK_PS = 10000, ANSWER_PS = 50000, KIND_ASK = 0, KIND_ANSWER = 1 };

typedef struct loop {
    bench_machine machine;
    kb_sim *sim;
    kb_fabric *fabric;
    bench_random random;
    kb_waitq due; /* readers, by the time of their next message */
    uint32_t slot;
    uint32_t memories[N_READERS];
    bool answers[N_READERS]; /* the next message is the memory's */
    uint64_t n_left[N_READERS];
    int64_t nbytes;
    uint64_t check;
} loop;

static void plan(loop *l, uint32_t reader, int64_t when_fs) {
    kb_waitq_push(&l->due, when_fs, reader, 0, reader);
    kb_sim_at(l->sim, l->slot, when_fs);
}

static void send(loop *l, uint32_t reader) {
    uint32_t home = reader % N_NODES, memory = l->memories[reader];
    bool answer = l->answers[reader];
    if (!answer) {
        do {
            uint32_t k = bench_random_next(&l->random) % N_MEMORIES;
            memory = k / 2 * WIDTH + k % 2 * (WIDTH - 1);
        } while (memory == home);
        l->memories[reader] = memory;
    }
    kb_send message = {.src = answer ? memory : home,
                       .dst = answer ? home : memory,
                       .slice = KB_ANY_SLICE,
                       .kind = answer ? KIND_ANSWER : KIND_ASK,
                       .tag = reader,
                       .nbytes = answer ? l->nbytes : 1};
    kb_error err = KB_ERROR_INIT;
    if (kb_fabric_send(l->fabric, &message, NULL, &err) != KB_OK)
        (void)kb_error_set(kb_sim_fail(l->sim, KB_INTERNAL), KB_INTERNAL, "%s", err.message);
}

static void send_due(void *self, uint32_t arg) {
    loop *l = self;
    (void)arg;
    kb_sim *sim = l->sim;
    while (l->due.count && l->due.items[0].when_fs <= kb_sim_now(sim)) {
        uint32_t reader = kb_waitq_first(&l->due);
        kb_waitq_drop_first(&l->due);
        send(l, reader);
    }
    if (l->due.count) kb_sim_at(sim, l->slot, l->due.items[0].when_fs);
}

static void take(void *self, const kb_message *message, uint32_t link, int64_t first,
                 kb_train flits) {
    loop *l = self;
    (void)link;
    (void)first;
    (void)flits;
    uint32_t reader = message->tag;
    int64_t now = kb_sim_now(l->sim);
    bool asked = message->kind == KIND_ASK;
    l->answers[reader] = asked;
    if (!asked) {
        l->check = bench_mix(l->check, (uint64_t)now);
        if (--l->n_left[reader] == 0) return;
    }
    plan(l, reader, now + (asked ? ANSWER_PS : THINK_PS) * INT64_C(1000));
}

int bench_memory(bench_args args) {
    loop *l = calloc(1, sizeof *l);
    if (!l) return 1;
    uint64_t n = (uint64_t)bench_number(args, "n", 20);
    l->machine.mode = bench_text(args, "mode", "train");
    l->nbytes = (int64_t)bench_number(args, "F", 256) * BENCH_FLIT_NBYTES;
    l->random = bench_random_make(777, 1);
    bench_add_mesh(&l->machine, WIDTH);
    bench_parse(&l->machine);
    kb_alloc *alloc = &l->machine.alloc;
    if (kb_sim_create(alloc, &l->sim, NULL) != KB_OK ||
        kb_fabric_create(alloc, l->sim, l->machine.topology, &l->fabric, NULL) != KB_OK ||
        kb_sim_add_slot(l->sim, send_due, l, 0, &l->slot, NULL) != KB_OK ||
        !kb_waitq_reserve(&l->due, alloc, N_READERS))
        return 1;
    for (uint32_t v = 0; v < N_NODES; v++)
        kb_fabric_set_sink(l->fabric, v, KB_DELIVER_TAIL, take, l);
    for (uint32_t reader = 0; reader < N_READERS; reader++) {
        l->n_left[reader] = n;
        plan(l, reader, (int64_t)(bench_random_next(&l->random) % 100) * 1000000);
    }
    kb_run_end end;
    kb_error err = KB_ERROR_INIT;
    bench_clock begin = bench_now();
    kb_status status = kb_sim_run(l->sim, KB_TIME_MAX, UINT64_MAX, &end, &err);
    bench_clock stop = bench_now();
    if (status != KB_OK) (void)fprintf(stderr, "memory: %s\n", err.message);
    kb_fabric_counters counters = kb_fabric_count(l->fabric);
    char extra[192];
    (void)snprintf(
        extra, sizeof extra, ",\"flit_hops\":%llu,\"train_pieces\":%llu,\"by_flit\":%llu",
        (unsigned long long)counters.flit_hops, (unsigned long long)counters.train_pieces,
        (unsigned long long)counters.messages_by_flit);
    bench_report("memory", args, (double)(n * N_READERS), (double)kb_sim_n_events(l->sim), begin,
                 stop, l->check, extra);
    kb_waitq_deinit(&l->due, alloc);
    kb_fabric_destroy(l->fabric);
    kb_sim_destroy(l->sim);
    bench_destroy(&l->machine);
    free(l);
    return status != KB_OK;
}
