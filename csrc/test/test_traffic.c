/* hw/traffic: batches of raw transfers. */
#include "test/traffic_rig.h"

static const char *const machine = "kernbench: 1\n"
                                   "flit_bytes: 64\n"
                                   "components:\n"
                                   "  - {name: a, impl: endpoint}\n"
                                   "  - {name: r, impl: transit, overhead_ns: 5.0}\n"
                                   "  - {name: b, impl: endpoint}\n"
                                   "  - {name: m, impl: sram}\n"
                                   "  - {name: deaf, impl: endpoint}\n"
                                   "links:\n"
                                   "  - {from: a, to: r, GBps: 64, latency_ns: 1.0, both: true}\n"
                                   "  - {from: b, to: r, GBps: 64, latency_ns: 1.0, both: true}\n"
                                   "  - {from: r, to: m, GBps: 32, latency_ns: 2.5, both: true}\n"
                                   "  - {from: r, to: deaf, GBps: 64}\n";
enum { A, R, B, M, DEAF };

enum { MOST = 64 };

/* A batch with room of its own, filled one by one. */
typedef struct list {
    uint32_t src[MOST], dst[MOST];
    int64_t nbytes[MOST], at_fs[MOST], start_fs[MOST], end_fs[MOST], commit_fs[MOST];
    uint8_t op[MOST];
    uint64_t addr[MOST];
    uint32_t n_calls;
    kb_batch batch;
} list;

static void count_call(void *self, kb_batch *batch) {
    list *l = self;
    l->n_calls++;
    CHECK(batch == &l->batch);
}

static void clear(list *l) {
    memset(l, 0, sizeof *l);
    l->batch = (kb_batch){.src = l->src,
                          .dst = l->dst,
                          .nbytes = l->nbytes,
                          .at_fs = l->at_fs,
                          .op = l->op,
                          .addr = l->addr,
                          .start_fs = l->start_fs,
                          .end_fs = l->end_fs,
                          .commit_fs = l->commit_fs,
                          .done = count_call,
                          .self = l};
}

static void add(list *l, kb_transfer_op op, uint32_t src, uint32_t dst, int64_t nbytes,
                int64_t at_fs) {
    size_t i = l->batch.n++;
    l->op[i] = (uint8_t)op;
    l->src[i] = src;
    l->dst[i] = dst;
    l->nbytes[i] = nbytes;
    l->at_fs[i] = at_fs;
}

/* s = 1 ns, p = 1 ns, o = 5 ns at r: 9 ns for one flit, and 1 ns for each more. */
static void starts_in_order_of_time(void) {
    traffic_rig b;
    list l;
    clear(&l);
    if (!traffic_open(&b, machine)) return;
    add(&l, KB_TRANSFER_MESSAGE, A, B, 64, 900000000);
    add(&l, KB_TRANSFER_MESSAGE, A, B, 640, 100000000);
    add(&l, KB_TRANSFER_MESSAGE, A, B, 0, 100000000); /* behind the one before, in order of issue */
    add(&l, KB_TRANSFER_MESSAGE, A, B, 65, 0);
    add(&l, KB_TRANSFER_MESSAGE, A, A, 64, 500000000); /* through the router and back */
    CHECK_EQ(kb_traffic_submit(b.traffic, &l.batch, NULL), KB_OK);
    rig_run_well(&b.machine);
    CHECK_EQ(l.n_calls, 1);
    CHECK_EQ(l.batch.n_done, 5);
    for (size_t i = 0; i < 5; i++) CHECK_EQ(l.start_fs[i], l.at_fs[i]);
    CHECK_EQ(l.end_fs[0], 909000000);
    CHECK_EQ(l.end_fs[1], 118000000);
    CHECK_EQ(l.end_fs[2], 119000000);
    CHECK_EQ(l.end_fs[3], 10000000);
    CHECK_EQ(l.end_fs[4], 509000000);
    traffic_close(&b);
}

/* However many begin at once, an event starts some hundreds of them, so that a run can be stopped between. */
static void many_start_at_once_in_several_events(void) {
    enum { N = 5000 };
    static uint32_t src[N], dst[N];
    static int64_t nbytes[N], at_fs[N], start_fs[N], end_fs[N];
    traffic_rig b;
    kb_run_end end = KB_RUN_IDLE;
    if (!traffic_open(&b, machine)) return;
    for (int i = 0; i < N; i++) dst[i] = B, nbytes[i] = 64;
    kb_batch batch = {.n = N,
                      .src = src,
                      .dst = dst,
                      .nbytes = nbytes,
                      .at_fs = at_fs,
                      .start_fs = start_fs,
                      .end_fs = end_fs};
    CHECK_EQ(kb_traffic_submit(b.traffic, &batch, NULL), KB_OK);
    for (int at = 0, started = 0; started < N;) {
        CHECK_EQ(kb_sim_run(b.machine.parts.sim, KB_TIME_MAX, 1, &end, NULL), KB_OK);
        while (at < N && start_fs[at] >= 0) at++;
        if (!CHECK(at > started && at - started < 1000)) break;
        started = at;
    }
    rig_run_well(&b.machine);
    for (int i = 0; i < N; i++) {
        CHECK_EQ(start_fs[i], 0);
        CHECK_EQ(end_fs[i], 9000000 + i * INT64_C(1000000));
    }
    traffic_close(&b);
}

/* Two batches, equal starts: the first one's go first. */
static void batches_overlap(void) {
    traffic_rig b;
    list first, second;
    clear(&first);
    clear(&second);
    if (!traffic_open(&b, machine)) return;
    for (int64_t i = 0; i < 3; i++) {
        add(&first, KB_TRANSFER_MESSAGE, A, B, 1, 1000000 * i);
        add(&second, KB_TRANSFER_MESSAGE, A, B, 1, 1000000 * i);
    }
    CHECK_EQ(kb_traffic_submit(b.traffic, &first.batch, NULL), KB_OK);
    CHECK_EQ(kb_traffic_submit(b.traffic, &second.batch, NULL), KB_OK);
    rig_run_well(&b.machine);
    for (int64_t i = 0; i < 3; i++) {
        CHECK_EQ(first.end_fs[i], 9000000 + 2000000 * i);
        CHECK_EQ(second.end_fs[i], 10000000 + 2000000 * i);
    }
    CHECK_EQ(first.n_calls, 1);
    CHECK_EQ(second.n_calls, 1);

    clear(&first); /* from now on, with and without something to do */
    CHECK_EQ(kb_traffic_submit(b.traffic, &first.batch, NULL), KB_OK);
    CHECK_EQ(first.n_calls, 1);
    int64_t now = kb_sim_now(b.machine.parts.sim);
    add(&first, KB_TRANSFER_MESSAGE, A, B, 1, now);
    first.batch.op = NULL;
    first.batch.addr = NULL;
    first.batch.commit_fs = NULL;
    CHECK_EQ(kb_traffic_submit(b.traffic, &first.batch, NULL), KB_OK);
    rig_run_well(&b.machine);
    CHECK_EQ(first.end_fs[0], now + 9000000);
    traffic_close(&b);
}

/* One flit each way around the SRAM's own time; a write's last flit is committed before it ends. */
static void reads_and_writes(void) {
    traffic_rig b;
    list l;
    clear(&l);
    if (!traffic_open(&b, machine)) return;
    enum { FLITS = 4 };
    const int64_t far = 1000000000;
    add(&l, KB_TRANSFER_READ, A, M, 64 * FLITS, 0);
    add(&l, KB_TRANSFER_WRITE, B, M, 64 * FLITS, far);
    l.addr[1] = 4096;
    CHECK_EQ(kb_traffic_submit(b.traffic, &l.batch, NULL), KB_OK);
    rig_run_well(&b.machine);
    CHECK_EQ(l.n_calls, 1);

    const kb_params_sram *sram = kb_topology_sram(b.machine.topology, M);
    int64_t service_fs = 0, request[1] = {0}, reply[FLITS], write[FLITS], ack[1];
    CHECK(!kb_ratio_scale(sram->rate, 64, &service_fs));
    rig_travel(&b.machine, A, M, KB_ANY_SLICE, request, 1);
    for (int64_t i = 0; i < FLITS; i++)
        reply[i] = request[0] + (i + 1) * service_fs + sram->access_fs;
    rig_travel(&b.machine, M, A, KB_ANY_SLICE, reply, FLITS);
    CHECK_EQ(l.end_fs[0], reply[FLITS - 1]);
    CHECK_EQ(l.commit_fs[0], -1);

    int64_t free_fs = 0;
    for (int64_t i = 0; i < FLITS; i++) write[i] = far;
    rig_travel(&b.machine, B, M, KB_ANY_SLICE, write, FLITS);
    for (int64_t i = 0; i < FLITS; i++)
        free_fs = (free_fs > write[i] ? free_fs : write[i]) + service_fs;
    CHECK_EQ(l.commit_fs[1], free_fs + sram->access_fs);
    ack[0] = l.commit_fs[1];
    rig_travel(&b.machine, M, B, KB_ANY_SLICE, ack, 1);
    CHECK_EQ(l.end_fs[1], ack[0]);
    traffic_close(&b);
}

/* Raw messages to nodes that memories, DMA engines and processors listen at disturb nobody. */
static void shares_nodes_with_components(void) {
    traffic_rig b;
    list l;
    clear(&l);
    if (!traffic_open(&b,
                      "{kernbench: 1, system: {sips: 1, sip: {cubes: [2, 1]}, cube: {pes: 2}}}"))
        return;
    uint32_t dma = rig_part(&b.machine, KB_IMPL_PE_DMA, 0, 0, 0);
    uint32_t hbm = rig_part(&b.machine, KB_IMPL_HBM, 0, 1, -1);
    uint32_t cpu = rig_part(&b.machine, KB_IMPL_PE_CPU, 0, 1, 1);
    uint32_t host = rig_part(&b.machine, KB_IMPL_HOST, -1, -1, -1);
    uint32_t io_cpu = rig_part(&b.machine, KB_IMPL_IO_CPU, 0, -1, -1);
    add(&l, KB_TRANSFER_MESSAGE, dma, hbm, 1000, 5);
    add(&l, KB_TRANSFER_WRITE, dma, hbm, 1000, 5);
    add(&l, KB_TRANSFER_MESSAGE, hbm, dma, 1000, 6);
    add(&l, KB_TRANSFER_READ, dma, hbm, 1000, 7);
    add(&l, KB_TRANSFER_MESSAGE, host, io_cpu, 0, 8);
    add(&l, KB_TRANSFER_MESSAGE, io_cpu, cpu, 64, 8);
    kb_error err = KB_ERROR_INIT;
    if (!CHECK_EQ(kb_traffic_submit(b.traffic, &l.batch, &err), KB_OK))
        printf("# %s\n", err.message);
    rig_run_well(&b.machine);
    CHECK_EQ(l.n_calls, 1);
    for (size_t i = 0; i < l.batch.n; i++) CHECK(l.end_fs[i] > l.start_fs[i]);
    CHECK(l.commit_fs[1] > l.start_fs[1] && l.commit_fs[1] < l.end_fs[1]);
    traffic_close(&b);
}

static void refuses_bad_batches(void) {
    static const struct {
        uint32_t op, src, dst;
        int64_t nbytes, at_fs;
        kb_status status;
        const char *words;
    } cases[] = {
        {KB_TRANSFER_MESSAGE, A, B, 1, 9, KB_INVALID,
         "transfer 1: expected at_fs >= now, 10 fs, got 9"},
        {KB_TRANSFER_MESSAGE, A, B, -1, 10, KB_INVALID,
         "transfer 1: message: expected nbytes >= 0"},
        {KB_TRANSFER_READ, A, M, -1, 10, KB_INVALID, "transfer 1: message: expected nbytes >= 0"},
        {KB_TRANSFER_MESSAGE, A, 77, 1, 10, KB_INVALID, "expected nodes 0 to 4, got 0 to 77"},
        {KB_TRANSFER_MESSAGE, 77, A, 1, 10, KB_INVALID, "expected nodes 0 to 4, got 77 to 0"},
        {KB_TRANSFER_MESSAGE, DEAF, A, 1, 10, KB_TOPOLOGY, "transfer 1: "},
        {KB_TRANSFER_READ, A, B, 1, 10, KB_INVALID, "expected a memory"},
        {KB_TRANSFER_READ, DEAF, M, 1, 10, KB_TOPOLOGY, "transfer 1: "},
        {KB_TRANSFER_WRITE, A, M, INT64_C(1) << 40, 10, KB_BOUNDS,
         "transfer 1: m: expected at most"},
        {KB_TRANSFER_MESSAGE, A, B, INT64_MAX, 10, KB_OVERFLOW, "send less"},
        {KB_TRANSFER_MESSAGE, A, B, 1, INT64_MAX, KB_OVERFLOW, "2.5 hours"},
        {7, A, B, 1, 10, KB_INVALID, "expected op 0 (message), 1 (read) or 2 (write), got 7"},
    };
    traffic_rig b;
    if (!traffic_open(&b, machine)) return;
    list l;
    clear(&l);
    add(&l, KB_TRANSFER_MESSAGE, A, B, 1, 20);
    CHECK_EQ(kb_traffic_submit(b.traffic, &l.batch, NULL), KB_OK);
    kb_run_end end;
    CHECK_EQ(kb_sim_run(b.machine.parts.sim, 10, UINT64_MAX, &end, NULL), KB_OK);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        list bad;
        clear(&bad);
        add(&bad, KB_TRANSFER_MESSAGE, A, B, 1, 10);
        add(&bad, (kb_transfer_op)cases[i].op, cases[i].src, cases[i].dst, cases[i].nbytes,
            cases[i].at_fs);
        kb_error err = KB_ERROR_INIT;
        CHECK_EQ(kb_traffic_submit(b.traffic, &bad.batch, &err), cases[i].status);
        if (!CHECK(strstr(err.message, cases[i].words) != NULL)) printf("# %s\n", err.message);
        CHECK_EQ(bad.n_calls, 0);
    }
    rig_run_well(&b.machine);
    CHECK_EQ(kb_fabric_count(b.machine.parts.fabric).messages_sent, 1);
    CHECK_EQ(l.end_fs[0], 20 + 9000000);
    traffic_close(&b);
}

typedef struct relay {
    traffic_rig *b;
    list lists[3];
    uint32_t n_done;
} relay;

static void submit_next(void *self, kb_batch *batch) {
    relay *r = self;
    CHECK(batch == &r->lists[r->n_done].batch);
    if (++r->n_done == 3) return;
    list *next = &r->lists[r->n_done];
    next->at_fs[0] = kb_sim_now(r->b->machine.parts.sim);
    CHECK_EQ(kb_traffic_submit(r->b->traffic, &next->batch, NULL), KB_OK);
}

/* A batch may be submitted when another ends: it starts at that instant. */
static void batches_follow_each_other(void) {
    traffic_rig b;
    static relay r;
    if (!traffic_open(&b, machine)) return;
    r = (relay){.b = &b};
    for (int i = 0; i < 3; i++) {
        clear(&r.lists[i]);
        add(&r.lists[i], KB_TRANSFER_MESSAGE, A, B, 1, 0);
        r.lists[i].batch.done = submit_next;
        r.lists[i].batch.self = &r;
    }
    CHECK_EQ(kb_traffic_submit(b.traffic, &r.lists[0].batch, NULL), KB_OK);
    rig_run_well(&b.machine);
    CHECK_EQ(r.n_done, 3);
    CHECK_EQ(r.lists[2].end_fs[0], 27000000);
    traffic_close(&b);
}

static void allocates_nothing_once_warm(void) {
    traffic_rig b;
    list l;
    if (!traffic_open(&b, machine)) return;
    uint64_t n_calls = 0;
    for (int round = 0; round < 3; round++) {
        clear(&l);
        int64_t now = kb_sim_now(b.machine.parts.sim);
        for (int64_t i = 0; i < MOST; i++)
            add(&l, (kb_transfer_op)(i % 3), i % 2 ? A : B, i % 3 ? M : R, 100 * i,
                now + 1000 * (i / 4));
        n_calls = b.machine.alloc.n_calls;
        CHECK_EQ(kb_traffic_submit(b.traffic, &l.batch, NULL), KB_OK);
        rig_run_well(&b.machine);
        CHECK_EQ(l.n_calls, 1);
    }
    CHECK_EQ(b.machine.alloc.n_calls, n_calls);
    traffic_close(&b);
}

static void survives_failing_allocations(void) {
    kb_traffic_destroy(NULL);
    uint64_t nth = 1;
    for (bool failed = true; failed; nth++) {
        rig m;
        kb_traffic *traffic = NULL;
        list l;
        clear(&l);
        if (!rig_open(&m, machine)) return;
        for (int64_t i = 0; i < MOST; i++)
            add(&l, (kb_transfer_op)(i % 3), i % 2 ? A : B, i % 3 ? M : B, 100, 5000 - i);
        m.alloc.fail_at = m.alloc.n_calls + nth;
        kb_error err = KB_ERROR_INIT;
        kb_status status = kb_traffic_create(&m.parts, &traffic, &err);
        if (status == KB_OK) status = kb_traffic_submit(traffic, &l.batch, &err);
        if (status == KB_OK) status = rig_run(&m);
        failed = status != KB_OK;
        if (failed) CHECK_EQ(status, KB_NOMEM);
        else CHECK_EQ(l.n_calls, 1);
        kb_traffic_destroy(traffic);
        rig_close(&m);
    }
    CHECK(nth > 10);
}

int main(void) {
    TAP_RUN(starts_in_order_of_time);
    TAP_RUN(many_start_at_once_in_several_events);
    TAP_RUN(batches_overlap);
    TAP_RUN(reads_and_writes);
    TAP_RUN(shares_nodes_with_components);
    TAP_RUN(refuses_bad_batches);
    TAP_RUN(batches_follow_each_other);
    TAP_RUN(allocates_nothing_once_warm);
    TAP_RUN(survives_failing_allocations);
    return tap_finish();
}
