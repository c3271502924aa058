/* The public C API, end to end: map, write, launch, run, replay, view - and every way to misuse it. */
#include "engine/kb.h"

#include <string.h>

#include "kir_kernels.h"
#include "test/tap.h"

enum { N = 1000, BLOCK = 128, PROGRAMS = (N + BLOCK - 1) / BLOCK };

static const char small[] = "kernbench: 1\n"
                            "system: {sips: 1, sip: {cubes: [1, 1]}, cube: {pes: 2, hbm: "
                            "{remote_ports: 1}, noc: {dims: [2, 2]}}}\n";

typedef struct bench {
    kb_alloc alloc;
    kb_topology *topology;
    kb_kernel *kernel;
    kb_engine *engine;
    float x[N], out[N];
    uint64_t x_va, out_va;
    uint64_t hash;
} bench;

static kb_status run_all(bench *b, uint32_t handle, kb_error *err) {
    kb_engine_end end = KB_ENGINE_BUDGET;
    while (end == KB_ENGINE_BUDGET)
        KB_TRY(kb_engine_run(b->engine, handle, INT64_MAX, 1000, &end, err));
    return KB_OK;
}

static kb_status replay_all(bench *b, kb_error *err) {
    bool more = true;
    while (more) KB_TRY(kb_engine_replay(b->engine, 5000, &more, err));
    return KB_OK;
}

static kb_status open_bench(bench *b, const kb_engine_options *options, kb_error *err) {
    kir_builder *k = malloc(sizeof *k);
    if (!k) return KB_NOMEM;
    kir_vector_add(k, BLOCK);
    kir_finish(k);
    kb_status status = kb_kernel_create(&b->alloc, k->bytes, k->nbytes, &b->kernel, err);
    free(k);
    KB_TRY(status);
    KB_TRY(kb_topology_parse(&b->alloc, small, strlen(small), "small", &b->topology, err));
    return kb_engine_create(&b->alloc, b->topology, options, &b->engine, err);
}

static kb_status launch(bench *b, uint32_t *handle, kb_error *err) {
    uint64_t args[] = {b->x_va, b->x_va, b->out_va, N};
    kb_launch_order order = {.kernel = b->kernel,
                             .grid = {PROGRAMS, 1, 1},
                             .args = args,
                             .submit_fs = kb_engine_now(b->engine)};
    return kb_engine_launch(b->engine, &order, handle, err);
}

static kb_status add_vectors(bench *b, const kb_engine_options *options, kb_error *err) {
    uint32_t handle;
    const void *bytes;
    void *pin;
    KB_TRY(open_bench(b, options, err));
    kb_map_spec map = {.nbytes = sizeof b->x, .placement = KB_PLACE_BLOCKED};
    KB_TRY(kb_engine_map(b->engine, &map, &b->x_va, err));
    KB_TRY(kb_engine_map(b->engine, &map, &b->out_va, err));
    kb_map_spec in_tcm = {.nbytes = 5000, .placement = KB_PLACE_LOCAL, .node = "cube0.pe1.tcm"};
    uint64_t tcm_va;
    KB_TRY(kb_engine_map(b->engine, &in_tcm, &tcm_va, err));
    KB_TRY(kb_engine_unmap(b->engine, tcm_va, err));
    for (int i = 0; i < N; i++) b->x[i] = (float)i;
    KB_TRY(kb_engine_write(b->engine, b->x_va, b->x, sizeof b->x, err));
    kb_copy_order copy = {.va = b->x_va, .nbytes = sizeof b->x, .to_device = true};
    KB_TRY(kb_engine_copy(b->engine, &copy, &handle, err));
    KB_TRY(run_all(b, handle, err));
    KB_TRY(launch(b, &handle, err));
    KB_TRY(run_all(b, KB_NO_HANDLE, err));
    b->hash = kb_oplog_hash(kb_engine_log(b->engine));
    KB_TRY(replay_all(b, err));
    if (!options->data) return KB_OK;
    KB_TRY(kb_engine_view(b->engine, b->out_va, sizeof b->out, &bytes, &pin, err));
    memcpy(b->out, bytes, sizeof b->out);
    kb_engine_unpin(b->engine, pin);
    KB_TRY(kb_engine_unmap(b->engine, b->x_va, err));
    return kb_engine_unmap(b->engine, b->out_va, err);
}

static void close_bench(bench *b) {
    kb_engine_destroy(b->engine);
    kb_kernel_destroy(&b->alloc, b->kernel);
    kb_topology_destroy(b->topology);
    b->engine = NULL;
    b->kernel = NULL;
    b->topology = NULL;
}

static bench b;

static void begin(void) {
    memset(&b, 0, sizeof b);
    b.alloc = kb_alloc_system();
}

static void adds_vectors(void) {
    kb_engine_options options = kb_engine_default_options();
    kb_error err = KB_ERROR_INIT;
    begin();
    CHECK_EQ(add_vectors(&b, &options, &err), KB_OK);
    CHECK_STR(err.message, "");
    int wrong = 0;
    for (int i = 0; i < N; i++) wrong += b.out[i] != 2.0f * (float)i;
    CHECK_EQ(wrong, 0);
    kb_counters counters = kb_engine_count(b.engine);
    CHECK_EQ(counters.messages, counters.messages_delivered);
    CHECK_EQ(counters.bytes_sent, counters.bytes_delivered);
    CHECK(counters.events > 0 && counters.records > PROGRAMS);
    close_bench(&b);
    CHECK_EQ(b.alloc.live_nbytes, 0);
}

/* Timing alone, a log that keeps nothing, a second run: the same hash (law L10). */
static void hashes_agree(void) {
    kb_engine_options options = kb_engine_default_options();
    uint64_t hashes[4];
    for (int i = 0; i < 4; i++) {
        options.data = i != 1;
        options.oplog = i == 2 ? KB_OPLOG_HASH : KB_OPLOG_FULL;
        begin();
        CHECK_EQ(add_vectors(&b, &options, NULL), KB_OK);
        hashes[i] = b.hash;
        close_bench(&b);
        CHECK_EQ(b.alloc.live_nbytes, 0);
    }
    CHECK_EQ(hashes[1], hashes[0]);
    CHECK_EQ(hashes[2], hashes[0]);
    CHECK_EQ(hashes[3], hashes[0]);
}

static void survives_failing_allocations(void) {
    kb_engine_options options = kb_engine_default_options();
    int failed = 0, leaked = 0, silent = 0;
    for (uint64_t n = 1;; n++) {
        kb_error err = KB_ERROR_INIT;
        begin();
        b.alloc.fail_at = n;
        kb_status status = add_vectors(&b, &options, &err);
        bool reached = b.alloc.n_calls >= n;
        failed += status != (reached ? KB_NOMEM : KB_OK);
        silent += status != KB_OK && err.message[0] == '\0';
        close_bench(&b);
        leaked += b.alloc.live_nbytes != 0;
        if (!reached) break;
    }
    CHECK_EQ(failed, 0);
    CHECK_EQ(leaked, 0);
    CHECK_EQ(silent, 0);
}

static void refuses_what_cannot_be(void) {
    kb_engine_options options = kb_engine_default_options();
    kb_error err = KB_ERROR_INIT;
    uint32_t handle = 7;
    uint64_t va = 7;
    kb_engine_end end;
    kb_handle_info info;
    begin();
    CHECK_EQ(open_bench(&b, &options, &err), KB_OK);
    kb_map_spec far_sip = {.sip = 1, .nbytes = 4}, negative = {.nbytes = -1};
    kb_map_spec huge = {.nbytes = INT64_C(1) << 42};
    CHECK_EQ(kb_engine_map(b.engine, &far_sip, &va, &err), KB_INVALID);
    CHECK_EQ(kb_engine_map(b.engine, &negative, &va, &err), KB_INVALID);
    CHECK_EQ(kb_engine_map(b.engine, &huge, &va, &err), KB_DEVICE_MEMORY);
    kb_map_spec nowhere = {.nbytes = 4, .placement = KB_PLACE_LOCAL, .node = "cube0.pe2.tcm"};
    CHECK_EQ(kb_engine_map(b.engine, &nowhere, &va, &err), KB_TOPOLOGY);
    CHECK(strstr(err.message, "did you mean sip0.cube0.pe") != NULL);
    nowhere.node = "sip0.cube0.hbm";
    CHECK_EQ(kb_engine_map(b.engine, &nowhere, &va, &err), KB_INVALID);
    CHECK(strstr(err.message, "expected an SRAM or a TCM of SIP 0") != NULL);
    CHECK_EQ(va, 7);
    CHECK_EQ(kb_engine_unmap(b.engine, 0x10000, &err), KB_PAGE_FAULT);
    CHECK_EQ(kb_engine_run(b.engine, 3, INT64_MAX, 10, &end, &err), KB_INVALID);
    CHECK_EQ(kb_engine_handle(b.engine, 0, &info, &err), KB_INVALID);
    uint64_t args[4] = {0};
    kb_launch_order order = {.kernel = b.kernel, .sip = 5, .grid = {1, 1, 1}, .args = args};
    CHECK_EQ(kb_engine_launch(b.engine, &order, &handle, &err), KB_INVALID);
    order.sip = 0;
    order.submit_fs = -1;
    CHECK_EQ(kb_engine_launch(b.engine, &order, &handle, &err), KB_INVALID);
    CHECK_EQ(
        kb_engine_transfer(b.engine, 0, UINT32_MAX, 1, 0, KB_TRAFFIC_MESSAGE, 0, &handle, &err),
        KB_INVALID);
    CHECK_EQ(handle, 7);
    options.replay_threads = 0;
    kb_engine *other = NULL;
    CHECK_EQ(kb_engine_create(&b.alloc, b.topology, &options, &other, &err), KB_INVALID);
    CHECK(other == NULL);
    close_bench(&b);
    CHECK_EQ(b.alloc.live_nbytes, 0);
}

/* A kernel that reads address 0 fails the engine; what is there can still be read. */
static void a_failure_stays(void) {
    kb_engine_options options = kb_engine_default_options();
    kb_error err = KB_ERROR_INIT;
    uint32_t handle;
    const void *bytes;
    void *pin;
    begin();
    CHECK_EQ(open_bench(&b, &options, &err), KB_OK);
    kb_map_spec map = {.nbytes = 16, .zeroed = true};
    CHECK_EQ(kb_engine_map(b.engine, &map, &b.out_va, &err), KB_OK);
    CHECK_EQ(launch(&b, &handle, &err), KB_OK);
    kb_status status = run_all(&b, handle, &err);
    CHECK(status == KB_PAGE_FAULT || status == KB_BOUNDS);
    CHECK(strstr(err.message, "vector_add:4") != NULL);
    CHECK_EQ(launch(&b, &handle, &err), KB_FAILED);
    CHECK(strstr(err.message, "vector_add:4") != NULL);
    CHECK_EQ(kb_engine_view(b.engine, b.out_va, 16, &bytes, &pin, &err), KB_OK);
    kb_engine_unpin(b.engine, pin);
    close_bench(&b);
    CHECK_EQ(b.alloc.live_nbytes, 0);
}

static void probes_add_up(void) {
    kb_engine_options options = kb_engine_default_options();
    kb_error err = KB_ERROR_INIT;
    kb_probe_hop hops[32];
    uint32_t n_hops = 0, src, dst;
    int64_t latency_fs = 0, sum_fs = 0;
    begin();
    CHECK_EQ(open_bench(&b, &options, &err), KB_OK);
    CHECK_EQ(kb_topology_find(b.topology, "sip0.cube0.pe0.dma", &src, &err), KB_OK);
    CHECK_EQ(kb_topology_find(b.topology, "sip0.cube0.sram", &dst, &err), KB_OK);
    CHECK_EQ(kb_engine_probe(b.engine, src, dst, 4096, 1, hops, 32, &n_hops, &latency_fs, &err),
             KB_OK);
    for (uint32_t i = 0; i < n_hops; i++)
        sum_fs += hops[i].waiting_fs + hops[i].own_fs + hops[i].overhead_fs + hops[i].service_fs +
                  hops[i].latency_fs;
    CHECK(n_hops > 1);
    CHECK_EQ(sum_fs, latency_fs);
    close_bench(&b);
    CHECK_EQ(b.alloc.live_nbytes, 0);
}

/* --- streams and waiting ---------------------------------------------------------------------- */

static kb_handle_info info_of(uint32_t handle) {
    kb_handle_info info = {.end_fs = -1};
    kb_error err = KB_ERROR_INIT;
    CHECK_EQ(kb_engine_handle(b.engine, handle, &info, &err), KB_OK);
    return info;
}

static uint32_t mark(int32_t stream, int64_t submit_fs, const uint32_t *after, uint32_t n_after) {
    kb_mark_order order = {
        .stream = stream, .submit_fs = submit_fs, .after = after, .n_after = n_after};
    uint32_t handle = KB_NO_HANDLE;
    kb_error err = KB_ERROR_INIT;
    CHECK_EQ(kb_engine_mark(b.engine, &order, &handle, &err), KB_OK);
    return handle;
}

static uint32_t copy_in(int32_t stream, int64_t submit_fs) {
    kb_copy_order order = {.va = b.x_va,
                           .nbytes = sizeof b.x,
                           .to_device = true,
                           .stream = stream,
                           .submit_fs = submit_fs};
    uint32_t handle = KB_NO_HANDLE;
    kb_error err = KB_ERROR_INIT;
    CHECK_EQ(kb_engine_copy(b.engine, &order, &handle, &err), KB_OK);
    return handle;
}

static void open_streams(void) {
    kb_engine_options options = kb_engine_default_options();
    kb_error err = KB_ERROR_INIT;
    begin();
    CHECK_EQ(open_bench(&b, &options, &err), KB_OK);
    kb_map_spec map = {.nbytes = sizeof b.x, .zeroed = true};
    CHECK_EQ(kb_engine_map(b.engine, &map, &b.x_va, &err), KB_OK);
}

/* A mark is stamped when what is before it in its stream, and what it names, has responded. */
static void marks_are_stamped_in_turn(void) {
    kb_error err = KB_ERROR_INIT;
    open_streams();
    uint32_t copy = copy_in(0, 0);
    uint32_t behind = mark(0, 0, NULL, 0), beside = mark(1, 0, NULL, 0);
    uint32_t named = mark(2, 0, &copy, 1), third = mark(2, 0, NULL, 0);
    uint32_t last = mark(1, 500000000, &named, 1);
    CHECK_EQ(run_all(&b, KB_NO_HANDLE, &err), KB_OK);
    CHECK(info_of(beside).target_fs < info_of(behind).target_fs);
    CHECK_EQ(info_of(named).target_fs, info_of(behind).target_fs);
    CHECK_EQ(info_of(third).target_fs, info_of(behind).target_fs);
    CHECK(info_of(behind).target_fs < info_of(copy).end_fs);
    CHECK(info_of(behind).end_fs > info_of(behind).target_fs);
    CHECK(info_of(last).target_fs >= info_of(named).target_fs);
    close_bench(&b);
    CHECK_EQ(b.alloc.live_nbytes, 0);
}

static void turns_name_what_there_is(void) {
    kb_error err = KB_ERROR_INIT;
    uint32_t handle = 77, later, many[9];
    open_streams();
    for (int i = 0; i < 9; i++) many[i] = copy_in(i, 0);
    later = copy_in(9, 1000);
    kb_mark_order order = {.stream = 20, .after = &later, .n_after = 1};
    CHECK_EQ(kb_engine_mark(b.engine, &order, &handle, &err), KB_INVALID);
    CHECK(strstr(err.message, "submitted by 0 fs") != NULL);
    order.after = many;
    order.n_after = 9;
    CHECK_EQ(kb_engine_mark(b.engine, &order, &handle, &err), KB_INVALID);
    CHECK(strstr(err.message, "at most 8") != NULL);
    later = 999;
    order.after = &later;
    order.n_after = 1;
    CHECK_EQ(kb_engine_mark(b.engine, &order, &handle, &err), KB_INVALID);
    order.n_after = 0;
    order.sip = 3;
    CHECK_EQ(kb_engine_mark(b.engine, &order, &handle, &err), KB_INVALID);
    order.sip = 0;
    order.stream = -1;
    CHECK_EQ(kb_engine_mark(b.engine, &order, &handle, &err), KB_INVALID);
    CHECK_EQ(handle, 77);
    CHECK_EQ(run_all(&b, KB_NO_HANDLE, &err), KB_OK);
    CHECK_EQ(mark(20, kb_engine_now(b.engine), many, 9), 10);
    close_bench(&b);
    CHECK_EQ(b.alloc.live_nbytes, 0);
}

/* Runs end at the first awaited handle, at a time, or idle, and nothing arrives twice. */
static void the_first_awaited_ends_the_run(void) {
    kb_error err = KB_ERROR_INIT;
    kb_engine_end end;
    uint32_t arrived = 77;
    open_streams();
    uint32_t slow = copy_in(0, 0), fast = mark(1, 0, NULL, 0), other = mark(2, 0, NULL, 0);
    CHECK_EQ(kb_engine_await(b.engine, slow, true, &err), KB_OK);
    CHECK_EQ(kb_engine_await(b.engine, fast, true, &err), KB_OK);
    CHECK_EQ(kb_engine_await(b.engine, fast, true, &err), KB_OK);
    CHECK_EQ(kb_engine_await(b.engine, other, true, &err), KB_OK);
    CHECK_EQ(kb_engine_await(b.engine, other, false, &err), KB_OK);
    CHECK_EQ(kb_engine_await(b.engine, 99, true, &err), KB_INVALID);
    CHECK_EQ(kb_engine_run_awaited(b.engine, 10, 1000, &end, &err), KB_OK);
    CHECK_EQ(end, KB_ENGINE_UNTIL);
    CHECK(!kb_engine_next_arrived(b.engine, &arrived));
    CHECK_EQ(kb_engine_run_awaited(b.engine, INT64_MAX, 100000, &end, &err), KB_OK);
    CHECK_EQ(end, KB_ENGINE_DONE);
    CHECK(kb_engine_next_arrived(b.engine, &arrived));
    CHECK_EQ(arrived, fast);
    CHECK(!kb_engine_next_arrived(b.engine, &arrived));
    CHECK_EQ(kb_engine_now(b.engine), info_of(fast).end_fs);
    CHECK_EQ(kb_engine_run_awaited(b.engine, INT64_MAX, 1, &end, &err), KB_OK);
    CHECK_EQ(end, KB_ENGINE_BUDGET);
    CHECK_EQ(kb_engine_run_awaited(b.engine, INT64_MAX, 1000000, &end, &err), KB_OK);
    CHECK(kb_engine_next_arrived(b.engine, &arrived));
    CHECK_EQ(arrived, slow);
    CHECK_EQ(kb_engine_run_awaited(b.engine, INT64_MAX, 1000000, &end, &err), KB_OK);
    CHECK_EQ(end, KB_ENGINE_IDLE);
    CHECK_EQ(kb_engine_await(b.engine, slow, true, &err), KB_OK);
    CHECK(kb_engine_next_arrived(b.engine, &arrived));
    CHECK_EQ(arrived, slow);
    close_bench(&b);
    CHECK_EQ(b.alloc.live_nbytes, 0);
}

int main(void) {
    TAP_RUN(adds_vectors);
    TAP_RUN(hashes_agree);
    TAP_RUN(survives_failing_allocations);
    TAP_RUN(refuses_what_cannot_be);
    TAP_RUN(a_failure_stays);
    TAP_RUN(probes_add_up);
    TAP_RUN(marks_are_stamped_in_turn);
    TAP_RUN(turns_name_what_there_is);
    TAP_RUN(the_first_awaited_ends_the_run);
    return tap_finish();
}
