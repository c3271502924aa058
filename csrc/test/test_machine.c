#include "hw/machine.h"

#include "base/checked.h"
#include "mem/address.h"
#include "test/kir_builder.h"
#include "test/tap.h"
#include "test/topology_text.h"

static const char *const small =
    "{kernbench: 1, system: {sips: 1, sip: {cubes: [1, 1]}, cube: {pes: 2}}}";
static const char *const uneven =
    "{kernbench: 1, system: {sips: 2, sip: {cubes: [3, 2]}, cube: {pes: 4, noc: {GBps: 77}}}}";
static const char *const graph =
    "{kernbench: 1, components: [{name: a, impl: endpoint}, {name: b, impl: endpoint}], "
    "links: [{from: a, to: b, GBps: 64, latency_ns: 1.0}]}";

enum { BLOCK = 256, N_TENSORS = 3, MAX_DONE = 16 };

typedef struct bench {
    kb_alloc alloc;
    kb_sim *sim;
    kb_topology *topology;
    kb_oplog *log;
    kb_machine *machine;
    kb_kernel *kernel;
    uint32_t n_pes; /* of a SIP */
    kb_placement tensors[N_TENSORS];
    uint64_t va[N_TENSORS];
    kb_launch done[MAX_DONE];
    int n_done;
    kb_error err;
} bench;

static void take_done(void *self, const kb_launch *launch) {
    bench *b = self;
    b->done[b->n_done++] = *launch;
}

static kb_status create(bench *b) {
    kb_hooks hooks = {.self = b, .launch_done = take_done};
    KB_TRY(kb_sim_create(&b->alloc, &b->sim, &b->err));
    KB_TRY(kb_oplog_create(&b->alloc, KB_OPLOG_FULL, &b->log, &b->err));
    return kb_machine_create(&b->alloc, b->sim, b->topology, b->log, &hooks, &b->machine, &b->err);
}

static void destroy(bench *b) {
    kb_machine_destroy(b->machine);
    kb_oplog_destroy(b->log);
    kb_sim_destroy(b->sim);
    b->machine = NULL;
    b->log = NULL;
    b->sim = NULL;
}

static bool open_bench(bench *b, const char *yaml) {
    memset(b, 0, sizeof *b);
    b->alloc = kb_alloc_system();
    b->topology = topology_parse(&b->alloc, yaml);
    if (!b->topology) return false;
    const kb_system *system = kb_topology_system(b->topology);
    b->n_pes = (uint32_t)(system->cubes_x * system->cubes_y * system->n_pes);
    if (CHECK_EQ(create(b), KB_OK)) return true;
    printf("#     %s\n", b->err.message);
    return false;
}

static void close_bench(bench *b) {
    destroy(b);
    for (int i = 0; i < N_TENSORS; i++) kb_placement_deinit(&b->tensors[i]);
    kb_kernel_destroy(&b->alloc, b->kernel);
    kb_topology_destroy(b->topology);
    CHECK_EQ(b->alloc.live_nbytes, 0);
}

static void run(bench *b) {
    kb_run_end end;
    if (!CHECK_EQ(kb_sim_run(b->sim, KB_TIME_MAX, UINT64_MAX, &end, &b->err), KB_OK))
        printf("#     %s\n", b->err.message);
}

/* out[i] = x[i] + y[i], i < n, BLOCK elements a program. */
static kb_kernel *vector_add(kb_alloc *alloc) {
    kir_builder k;
    kb_kir_type i32 = kir_scalar(KB_INT32), offs = kir_block(KB_INT32, BLOCK);
    kb_kir_type pointers = kir_pointers(KB_FLOAT32, BLOCK), tile = kir_tile(KB_FLOAT32, BLOCK);
    kir_begin(&k, "vector_add");
    uint16_t p[N_TENSORS], n, none = KB_NO_REG;
    static const char *const names[] = {"x", "y", "out"};
    for (int i = 0; i < N_TENSORS; i++) p[i] = kir_param(&k, names[i], kir_pointer(KB_FLOAT32));
    n = kir_param(&k, "n", i32);
    k.line = 2;
    uint16_t pid = kir_value(&k, KB_KIR_PROGRAM_ID, 0, i32, none, none, none);
    uint16_t size = kir_const(&k, i32, BLOCK);
    uint16_t first = kir_value(&k, KB_KIR_SCALAR, KB_MATHOP_MUL, i32, pid, size, none);
    uint16_t lane = kir_reg(&k, offs);
    (void)kir_emit(&k, KB_KIR_ARANGE, 0, lane, none, none, none, kir_number(&k, 0));
    uint16_t at = kir_value(&k, KB_KIR_BLOCK, KB_MATHOP_ADD, offs, lane, first, none);
    uint16_t mask =
        kir_value(&k, KB_KIR_BLOCK, KB_MATHOP_LT, kir_block(KB_BOOL, BLOCK), at, n, none);
    uint16_t tiles[3], where[3];
    for (int i = 0; i < 2; i++) {
        k.line = 3 + (uint32_t)i;
        where[i] = kir_value(&k, KB_KIR_BLOCK_PTRADD, 0, pointers, p[i], at, none);
        tiles[i] = kir_value(&k, KB_KIR_LOAD, 0, tile, where[i], mask, none);
    }
    k.line = 5;
    tiles[2] = kir_value(&k, KB_KIR_MATH, KB_MATHOP_ADD, tile, tiles[0], tiles[1], none);
    kir_last(&k, KB_LAST_A | KB_LAST_B);
    k.line = 6;
    where[2] = kir_value(&k, KB_KIR_BLOCK_PTRADD, 0, pointers, p[2], at, none);
    (void)kir_emit(&k, KB_KIR_STORE, 0, none, where[2], tiles[2], mask, 0);
    kir_last(&k, KB_LAST_B);
    kir_return(&k);
    return kir_make(&k, alloc);
}

static void map_tensors(bench *b, uint64_t n) {
    uint32_t per_cube = (uint32_t)kb_topology_system(b->topology)->n_pes;
    kb_slices slices = {0, b->n_pes, per_cube};
    uint64_t va = KB_VA_GUARD_NBYTES;
    for (int i = 0; i < N_TENSORS; i++) {
        CHECK_EQ(kb_placement_blocked(&b->tensors[i], &b->alloc, 4 * n, slices, &b->err), KB_OK);
        kb_mapping mapping = {va, 4 * n, &b->tensors[i], i};
        CHECK_EQ(kb_machine_map(b->machine, &mapping, &b->err), KB_OK);
        b->va[i] = va;
        va += 4 * n + KB_VA_GUARD_NBYTES;
    }
    b->kernel = vector_add(&b->alloc);
}

static void launch_add(bench *b, uint64_t n, int64_t at_fs) {
    uint64_t args[] = {b->va[0], b->va[1], b->va[2], n};
    int32_t kernel, id;
    CHECK_EQ(kb_oplog_add_kernel(b->log, "vector_add", &kernel, &b->err), KB_OK);
    kb_launch_spec spec = {.kernel = b->kernel,
                           .kernel_number = kernel,
                           .args = args,
                           .grid = {kb_ceil_div((int64_t)n, BLOCK), 1, 1},
                           .at_fs = at_fs};
    if (!CHECK_EQ(kb_machine_launch(b->machine, &spec, &id, &b->err), KB_OK))
        printf("#     %s\n", b->err.message);
}

static void a_kernel_runs_from_end_to_end(void) {
    bench b;
    if (open_bench(&b, small)) {
        map_tensors(&b, 1000);
        launch_add(&b, 1000, 0);
        CHECK_EQ(kb_machine_n_pending(b.machine), 1);
        run(&b);
        CHECK_EQ(kb_machine_n_pending(b.machine), 0);
        CHECK_EQ(b.n_done, 1);
        int64_t count[KB_OPKIND_COUNT] = {0}, nbytes[KB_OPKIND_COUNT] = {0};
        for (int64_t i = 0; i < kb_oplog_count(b.log); i++) {
            kb_record record = kb_oplog_get(b.log, i);
            count[record.kind]++;
            nbytes[record.kind] += record.nbytes;
            if (i > 0) CHECK(record.end_fs >= kb_oplog_get(b.log, i - 1).end_fs);
        }
        CHECK_EQ(count[KB_OP_DMA_READ], 8);
        CHECK_EQ(count[KB_OP_MATH], 4);
        CHECK_EQ(count[KB_OP_DMA_WRITE], 4);
        CHECK_EQ(count[KB_OP_PROGRAM], 4);
        CHECK_EQ(count[KB_OP_LAUNCH], 1);
        CHECK_EQ(nbytes[KB_OP_DMA_READ], 2 * 4000); /* masked lanes are not fetched */
        CHECK_EQ(nbytes[KB_OP_DMA_WRITE], 4000);
        kb_fabric_counters n = kb_fabric_count(kb_machine_parts(b.machine)->fabric);
        CHECK_EQ(n.messages_sent, n.messages_delivered);
        CHECK_EQ(n.bytes_delivered, 3 * 4000 + 2 * 64); /* and a page walk of each PE */
    }
    close_bench(&b);
}

/* Law L7: with nobody late or busy all PEs start at one instant, whatever their paths. */
static void check_equal_start(const char *yaml) {
    bench b;
    if (open_bench(&b, yaml)) {
        uint64_t n = (uint64_t)b.n_pes * 2 * BLOCK;
        map_tensors(&b, n);
        launch_add(&b, n, 123456);
        run(&b);
        CHECK_EQ(b.n_done, 1);
        CHECK_EQ(b.done[0].late_pes, 0);
        CHECK_EQ(b.done[0].busy_pes, 0);
        const kb_params *params = &kb_topology_system(b.topology)->params;
        CHECK_EQ(b.done[0].target_start_fs,
                 b.done[0].stamped_fs + kb_machine_fanout_fs(b.machine, 0) + params->io.margin_fs);
        uint32_t n_first = 0, n_programs = 0;
        for (int64_t i = 0; i < kb_oplog_count(b.log); i++) {
            kb_record record = kb_oplog_get(b.log, i);
            if (record.kind != KB_OP_PROGRAM) continue;
            n_programs++;
            CHECK(record.start_fs >= b.done[0].target_start_fs);
            if (record.start_fs == b.done[0].target_start_fs) n_first++;
            CHECK_EQ(record.program / 2, record.pe);
        }
        CHECK_EQ(n_programs, 2 * b.n_pes);
        CHECK_EQ(n_first, b.n_pes);
    }
    close_bench(&b);
}

static void all_pes_start_together(void) {
    check_equal_start(small);
    check_equal_start(uneven);
    check_equal_start("{kernbench: 1, system: {sips: 1}}");
}

/* Without a margin, waking makes the last PEs late: they are counted, and start later. */
static void late_pes_are_counted(void) {
    bench b;
    if (open_bench(&b, "{kernbench: 1, system: {sips: 1, sip: {cubes: [1, 1], io: {margin_ns: 0}}, "
                       "cube: {pes: 4, m_cpu: {issue_ns: 100}}}}")) {
        map_tensors(&b, 1024);
        launch_add(&b, 1024, 0);
        run(&b);
        CHECK_EQ(b.n_done, 1);
        CHECK_EQ(b.done[0].late_pes, 1);
        for (int64_t i = 0; i < kb_oplog_count(b.log); i++) {
            kb_record record = kb_oplog_get(b.log, i);
            if (record.kind == KB_OP_PROGRAM)
                CHECK_EQ(record.start_fs - b.done[0].target_start_fs,
                         record.pe == 3 ? 50 * KB_FS_PER_NS : 0);
        }
    }
    close_bench(&b);
}

static uint64_t hash_of_two_launches(void) {
    bench b;
    uint64_t hash = 0;
    if (open_bench(&b, uneven)) {
        map_tensors(&b, 20000);
        launch_add(&b, 20000, 0);
        launch_add(&b, 20000, 0);
        run(&b);
        CHECK_EQ(b.n_done, 2);
        CHECK(b.done[1].target_start_fs > b.done[0].target_start_fs);
        hash = kb_oplog_hash(b.log);
    }
    close_bench(&b);
    return hash;
}

static void runs_are_equal(void) {
    uint64_t hash = hash_of_two_launches();
    CHECK(hash != 0);
    CHECK(hash_of_two_launches() == hash);
}

static void copies_and_bad_submissions(void) {
    bench b;
    if (open_bench(&b, small)) {
        int32_t id;
        map_tensors(&b, 1000);
        kb_copy_spec copy = {.to_device = true, .va = b.va[0], .nbytes = 4000};
        CHECK_EQ(kb_machine_copy(b.machine, &copy, &id, &b.err), KB_OK);
        copy.nbytes = 4001;
        CHECK_EQ(kb_machine_copy(b.machine, &copy, &id, &b.err), KB_BOUNDS);
        copy.nbytes = 0;
        CHECK_EQ(kb_machine_copy(b.machine, &copy, &id, &b.err), KB_INVALID);
        copy.va = 8;
        copy.nbytes = 8;
        CHECK_EQ(kb_machine_copy(b.machine, &copy, &id, &b.err), KB_PAGE_FAULT);
        run(&b);
        kb_launch_spec spec = {
            .kernel = b.kernel, .grid = {1, 1, 1}, .sip = 1, .at_fs = kb_sim_now(b.sim)};
        CHECK_EQ(kb_machine_launch(b.machine, &spec, &id, &b.err), KB_INVALID);
        spec.sip = 0;
        spec.at_fs = kb_sim_now(b.sim) - 1;
        CHECK_EQ(kb_machine_launch(b.machine, &spec, &id, &b.err), KB_INVALID);
        CHECK(strstr(b.err.message, "expected a time from now") != NULL);
        CHECK_EQ(kb_machine_n_pending(b.machine), 0);
        CHECK_EQ(kb_oplog_count(b.log), 1);
    }
    close_bench(&b);
}

static void graphs_have_no_kernels(void) {
    bench b;
    if (open_bench(&b, graph)) {
        int32_t id;
        kb_launch_spec spec = {.grid = {1, 1, 1}};
        CHECK_EQ(kb_machine_launch(b.machine, &spec, &id, &b.err), KB_INVALID);
        CHECK(strstr(b.err.message, "explicit") != NULL);
        CHECK_EQ(kb_machine_n_pending(b.machine), 0);
        char why[64] = "x";
        kb_machine_why_stuck(b.machine, why, sizeof why);
        CHECK_STR(why, "");
    }
    close_bench(&b);
}

static void stuck_machines_say_why(void) {
    bench b;
    if (open_bench(&b, small)) {
        map_tensors(&b, 1000);
        launch_add(&b, 1000, 0);
        kb_run_end end = KB_RUN_IDLE;
        char why[512];
        size_t longest = 0;
        while (end != KB_RUN_IDLE || longest == 0) {
            CHECK_EQ(kb_sim_run(b.sim, KB_TIME_MAX, 10, &end, &b.err), KB_OK);
            kb_machine_why_stuck(b.machine, why, sizeof why);
            if (strlen(why) > longest) longest = strlen(why);
            if (end == KB_RUN_IDLE) break;
        }
        CHECK(longest > 0);
        CHECK_STR(why, ""); /* all is done */
        char cut[8];
        kb_machine_why_stuck(b.machine, cut, sizeof cut);
        CHECK(strlen(cut) < sizeof cut);
    }
    close_bench(&b);
}

static void failed_allocations_leave_nothing(void) {
    bench b;
    if (open_bench(&b, small)) {
        destroy(&b);
        uint64_t before = b.alloc.n_calls;
        int64_t live = b.alloc.live_nbytes;
        CHECK_EQ(create(&b), KB_OK);
        uint64_t n_calls = b.alloc.n_calls - before;
        destroy(&b);
        CHECK_EQ(b.alloc.live_nbytes, live);
        for (uint64_t i = 1; i <= n_calls; i++) {
            b.alloc.fail_at = b.alloc.n_calls + i;
            CHECK_EQ(create(&b), KB_NOMEM);
            b.alloc.fail_at = 0;
            destroy(&b);
            CHECK_EQ(b.alloc.live_nbytes, live);
        }
    }
    close_bench(&b);
}

/* A run in which the n-th allocation fails ends with an error, and everything is freed. */
static void failed_allocations_in_a_run(void) {
    for (uint64_t i = 1;; i++) {
        bench b;
        bool failed = false;
        if (open_bench(&b, small)) {
            map_tensors(&b, 1000);
            launch_add(&b, 1000, 0);
            b.alloc.fail_at = b.alloc.n_calls + i;
            kb_run_end end;
            kb_status status = kb_sim_run(b.sim, KB_TIME_MAX, UINT64_MAX, &end, &b.err);
            failed = b.alloc.n_calls >= b.alloc.fail_at;
            CHECK_EQ(status, failed ? KB_NOMEM : KB_OK);
            b.alloc.fail_at = 0;
        }
        close_bench(&b);
        if (!failed) break;
    }
}

int main(void) {
    TAP_RUN(a_kernel_runs_from_end_to_end);
    TAP_RUN(all_pes_start_together);
    TAP_RUN(late_pes_are_counted);
    TAP_RUN(runs_are_equal);
    TAP_RUN(copies_and_bad_submissions);
    TAP_RUN(graphs_have_no_kernels);
    TAP_RUN(stuck_machines_say_why);
    TAP_RUN(failed_allocations_leave_nothing);
    TAP_RUN(failed_allocations_in_a_run);
    return tap_finish();
}
