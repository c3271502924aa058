#include "hw/component/launch.h"

#include "base/checked.h"
#include "hw/barrier.h"
#include "hw/component/outbox.h"
#include "test/hw_rig.h"

static const char *const machine =
    "{kernbench: 1, system: {sips: 2, sip: {cubes: [3, 2]}, cube: {pes: 3, hbm: {pcs: 24, "
    "pc_hash: none, capacity: 1610612736}}}}";

/* --- programs to PEs -------------------------------------------------------------------------- */

static void check_map(kb_launch_map map, int64_t n_programs, int64_t n_pes) {
    kb_launch launch = {.map = map, .n_programs = map == KB_MAP_EACH_PE ? n_pes : n_programs};
    int64_t n = 0;
    for (int64_t pe = 0; pe < n_pes; pe++)
        for (int64_t k = 0; k < kb_launch_share(&launch, n_pes, pe); k++, n++) {
            int64_t program = kb_launch_program(&launch, n_pes, pe, k);
            CHECK(program >= 0 && program < launch.n_programs);
            if (map == KB_MAP_BLOCKED) {
                CHECK_EQ(program * n_pes / n_programs, pe);
                CHECK_EQ(program, n);
            }
            if (map == KB_MAP_ROUND_ROBIN) CHECK_EQ(program % n_pes, pe);
            if (map == KB_MAP_EACH_PE) CHECK_EQ(program, pe);
        }
    CHECK_EQ(n, launch.n_programs);
}

static void every_program_runs_once(void) {
    for (int64_t n = 1; n < 40; n++)
        for (int64_t pes = 1; pes < 12; pes++)
            for (int map = KB_MAP_BLOCKED; map <= KB_MAP_EACH_PE; map++)
                check_map((kb_launch_map)map, n, pes);
}

static void bad_grids(void) {
    static const kb_kernel kernel = {.name = "f"};
    kb_alloc alloc = kb_alloc_system();
    kb_launches *launches = NULL;
    kb_launch *launch;
    kb_error err = KB_ERROR_INIT;
    CHECK_EQ(kb_launches_create(&alloc, &launches, &err), KB_OK);
    kb_launch_spec spec = {.kernel = &kernel, .grid = {1, 0, 1}};
    CHECK_EQ(kb_launches_take(launches, &spec, 4, &launch, &err), KB_INVALID);
    CHECK(strstr(err.message, "(1, 0, 1)") != NULL);
    spec.grid[1] = INT64_C(1) << 62;
    CHECK_EQ(kb_launches_take(launches, &spec, 4, &launch, &err), KB_OVERFLOW);
    spec.map = KB_MAP_EACH_PE;
    CHECK_EQ(kb_launches_take(launches, &spec, 4, &launch, &err), KB_OK);
    CHECK_EQ(launch->n_programs, 4);
    CHECK_EQ(kb_launches_count(launches), 1);
    kb_launches_give(launches, launch);
    CHECK_EQ(kb_launches_count(launches), 0);
    kb_launches_destroy(launches);
    CHECK_EQ(alloc.live_nbytes, 0);
}

/* --- the way down and up, with PEs that only answer ------------------------------------------- */

enum { MAX_PES = 64, MAX_LAUNCHES = 8 };

/* In the place of PE_CPU. */
typedef struct fake_pe {
    struct test *t;
    uint32_t node, m_cpu;
    kb_outbox *outbox;
} fake_pe;

typedef struct test {
    rig r;
    uint32_t n_pes;
    fake_pe pes[MAX_PES];
    int64_t work_fs; /* of every PE */
    int64_t arrival_fs[MAX_LAUNCHES][MAX_PES];
    kb_launch done[MAX_LAUNCHES];
    int n_done;
} test;

static void take_launch(void *self, const kb_message *message, uint32_t link, int64_t first,
                        kb_train flits) {
    const fake_pe *pe = self;
    test *t = pe->t;
    const kb_launch *launch = kb_launches_at(t->r.parts.launches, message->tag);
    int64_t now_fs = kb_sim_now(t->r.parts.sim);
    (void)link, (void)first, (void)flits;
    t->arrival_fs[launch->id][pe - t->pes] = now_fs;
    kb_outbox_post(pe->outbox, kb_max_i64(now_fs, launch->target_start_fs) + t->work_fs, pe->m_cpu,
                   KB_MSG_LAUNCH_DONE, message->tag);
}

static void take_done(void *self, const kb_launch *launch) {
    test *t = self;
    t->done[t->n_done++] = *launch;
}

static bool open_test(test *t, const char *yaml) {
    memset(t, 0, sizeof *t);
    t->r.parts.hooks = (kb_hooks){.self = t, .launch_done = take_done};
    if (!rig_open(&t->r, yaml)) return false;
    t->r.parts.hooks = (kb_hooks){.self = t, .launch_done = take_done};
    const kb_node *nodes = kb_topology_nodes(t->r.topology);
    CHECK_EQ(kb_barrier_measure(&t->r.alloc, t->r.topology, t->r.fanout_fs, &t->r.err), KB_OK);
    for (uint32_t node = 0; node < t->r.n_nodes; node++) {
        if (nodes[node].impl != KB_IMPL_PE_CPU) continue;
        fake_pe *pe = &t->pes[t->n_pes++];
        *pe = (fake_pe){.t = t, .node = node};
        pe->m_cpu = rig_part(&t->r, KB_IMPL_M_CPU, nodes[node].sip, nodes[node].cube, -1);
        CHECK_EQ(kb_outbox_create(&t->r.parts, node, &pe->outbox, &t->r.err), KB_OK);
        kb_dispatch_set(t->r.parts.dispatch, node, KB_MSG_LAUNCH, KB_DELIVER_TAIL, take_launch, pe);
    }
    return true;
}

static void close_test(test *t) {
    for (uint32_t i = 0; i < t->n_pes; i++) kb_outbox_destroy(t->pes[i].outbox);
    rig_close(&t->r);
}

static kb_launch *submit(test *t, uint32_t sip, uint32_t stream, int64_t at_fs) {
    static const kb_kernel kernel = {.name = "f"};
    kb_launch_spec spec = {
        .kernel = &kernel, .grid = {1, 1, 1}, .sip = sip, .stream = stream, .at_fs = at_fs};
    kb_launch *launch = NULL;
    CHECK_EQ(kb_launches_take(t->r.parts.launches, &spec, t->n_pes / 2, &launch, &t->r.err), KB_OK);
    kb_host_launch(kb_parts_find(&t->r.parts, KB_IMPL_HOST, -1, -1, -1), launch);
    return launch;
}

/* A one-flit message on an idle path: overheads, services and propagations. */
static int64_t path_fs(test *t, uint32_t src, uint32_t dst) {
    int64_t there[1] = {0};
    rig_travel(&t->r, src, dst, KB_ANY_SLICE, there, 1);
    return there[0];
}

/* D by hand: the cube's issue, its path, decode, the PE's issue, its path. */
static void fan_out_is_measured_exactly(void) {
    test t;
    if (open_test(&t, machine)) {
        const kb_params *p = kb_parts_params(&t.r.parts);
        for (int32_t sip = 0; sip < 2; sip++) {
            uint32_t io = rig_part(&t.r, KB_IMPL_IO_CPU, sip, -1, -1);
            int64_t latest_fs = 0;
            for (int32_t cube = 0; cube < 6; cube++) {
                uint32_t m_cpu = rig_part(&t.r, KB_IMPL_M_CPU, sip, cube, -1);
                int64_t decoded_fs =
                    (cube + 1) * p->io.issue_fs + path_fs(&t, io, m_cpu) + p->m_cpu.decode_fs;
                for (int32_t pe = 0; pe < 3; pe++) {
                    uint32_t pe_cpu = rig_part(&t.r, KB_IMPL_PE_CPU, sip, cube, pe);
                    latest_fs = kb_max_i64(latest_fs, decoded_fs + (pe + 1) * p->m_cpu.issue_fs +
                                                          path_fs(&t, m_cpu, pe_cpu));
                }
            }
            CHECK_EQ(t.r.fanout_fs[sip], latest_fs);
        }
    }
    close_test(&t);
}

/* Law L7, as far as the command goes: it is at every PE D after the stamp at the latest, at one PE exactly
 * then, though paths are unequal; so all can start at target_start. */
static void every_pe_has_it_before_the_start(void) {
    test t;
    if (open_test(&t, machine)) {
        const kb_params *p = kb_parts_params(&t.r.parts);
        kb_launch *launch = submit(&t, 1, 0, 5 * KB_FS_PER_NS);
        rig_run_well(&t.r);
        if (CHECK_EQ(t.n_done, 1)) launch = &t.done[0];
        int64_t latest_fs = 0;
        bool unequal = false;
        for (uint32_t i = t.n_pes / 2; i < t.n_pes; i++) {
            latest_fs = kb_max_i64(latest_fs, t.arrival_fs[0][i]);
            unequal |= t.arrival_fs[0][i] != t.arrival_fs[0][t.n_pes / 2];
        }
        CHECK(unequal);
        uint32_t host = rig_part(&t.r, KB_IMPL_HOST, -1, -1, -1);
        uint32_t io = rig_part(&t.r, KB_IMPL_IO_CPU, 1, -1, -1);
        CHECK_EQ(launch->submitted_fs, 5 * KB_FS_PER_NS);
        CHECK_EQ(launch->stamped_fs,
                 launch->submitted_fs + path_fs(&t, host, io) + p->io.decode_fs);
        CHECK_EQ(latest_fs, launch->stamped_fs + t.r.fanout_fs[1]);
        CHECK_EQ(launch->target_start_fs, latest_fs + p->io.margin_fs);
        for (uint32_t i = 0; i < t.n_pes / 2; i++) CHECK_EQ(t.arrival_fs[0][i], 0);
    }
    close_test(&t);
}

/* Up by hand: all PEs answer at once; the last cube's response, merged behind the others'. */
static void responses_are_merged_level_by_level(void) {
    test t;
    if (open_test(&t, "{kernbench: 1, system: {sips: 1, sip: {cubes: [1, 1]}, cube: {pes: 2}}}")) {
        const kb_params *p = kb_parts_params(&t.r.parts);
        t.work_fs = 777;
        (void)submit(&t, 0, 0, 0);
        rig_run_well(&t.r);
        uint32_t host = rig_part(&t.r, KB_IMPL_HOST, -1, -1, -1);
        uint32_t io = rig_part(&t.r, KB_IMPL_IO_CPU, 0, -1, -1);
        uint32_t m_cpu = rig_part(&t.r, KB_IMPL_M_CPU, 0, 0, -1);
        int64_t slowest_fs = 0;
        for (int32_t pe = 0; pe < 2; pe++)
            slowest_fs = kb_max_i64(slowest_fs,
                                    path_fs(&t, rig_part(&t.r, KB_IMPL_PE_CPU, 0, 0, pe), m_cpu));
        int64_t law_fs = t.done[0].target_start_fs + 777 + slowest_fs + path_fs(&t, m_cpu, io) +
                         p->io.merge_fs + path_fs(&t, io, host);
        CHECK(t.done[0].done_fs >= law_fs); /* both answers may meet at a port */
        CHECK(t.done[0].done_fs <= law_fs + 1000000);
        kb_record record = kb_oplog_get(t.r.parts.log, 0);
        CHECK_EQ(record.kind, KB_OP_LAUNCH);
        CHECK_EQ(record.end_fs, t.done[0].done_fs);
        CHECK_EQ(record.ready_fs, t.done[0].target_start_fs);
        CHECK_EQ(kb_launches_count(t.r.parts.launches), 0);
    }
    close_test(&t);
}

/* --- streams ---------------------------------------------------------------------------------- */

static void a_stream_runs_in_order(void) {
    test t;
    if (open_test(&t, machine)) {
        const kb_params *p = kb_parts_params(&t.r.parts);
        t.work_fs = 10000 * KB_FS_PER_NS;
        for (int i = 0; i < 3; i++) (void)submit(&t, 0, 7, 0);
        rig_run_well(&t.r);
        CHECK_EQ(t.n_done, 3);
        for (int i = 1; i < 3; i++) {
            CHECK_EQ(t.done[i].id, i);
            /* decoded already: fanned out as soon as the one before has responded */
            CHECK(t.done[i].stamped_fs > t.done[i - 1].target_start_fs + t.work_fs);
            CHECK(t.done[i].stamped_fs < t.done[i - 1].done_fs);
            CHECK(t.done[i].stamped_fs <
                  t.done[i - 1].target_start_fs + t.work_fs + p->io.decode_fs);
            CHECK_EQ(t.done[i].target_start_fs,
                     t.done[i].stamped_fs + t.r.fanout_fs[0] + p->io.margin_fs);
        }
    }
    close_test(&t);
}

/* Other streams do not wait; their decodes and issues share IO_CPU one after another. */
static void streams_overlap(void) {
    test t;
    if (open_test(&t, machine)) {
        const kb_params *p = kb_parts_params(&t.r.parts);
        t.work_fs = 100000 * KB_FS_PER_NS;
        (void)submit(&t, 0, 0, 0);
        (void)submit(&t, 0, 1, 0);
        (void)submit(&t, 1, 0, 0);
        rig_run_well(&t.r);
        CHECK_EQ(t.n_done, 3);
        kb_launch by_id[3];
        for (int i = 0; i < 3; i++) by_id[t.done[i].id] = t.done[i];
        CHECK_EQ(by_id[1].stamped_fs - by_id[0].stamped_fs, p->io.decode_fs);
        CHECK_EQ(by_id[2].stamped_fs, by_id[0].stamped_fs);
    }
    close_test(&t);
}

static void warm_launches_take_no_memory(void) {
    test t;
    if (open_test(&t, machine)) {
        uint64_t n_calls = 0;
        for (int round = 0; round < 4; round++) {
            n_calls = t.r.alloc.n_calls;
            (void)submit(&t, 0, 0, kb_sim_now(t.r.parts.sim));
            (void)submit(&t, 0, 0, kb_sim_now(t.r.parts.sim));
            rig_run_well(&t.r);
        }
        CHECK_EQ(t.n_done, 8);
        CHECK_EQ(t.r.alloc.n_calls, n_calls);
    }
    close_test(&t);
}

/* --- copies ----------------------------------------------------------------------------------- */

typedef struct copies {
    kb_copy done[4];
    int n;
} copies;

static void take_copy_done(void *self, const kb_copy *copy) {
    copies *c = self;
    c->done[c->n++] = *copy;
}

static kb_copy *copy_of(test *t, const kb_placement *placement, bool to_device, uint64_t offset,
                        uint64_t nbytes) {
    kb_copy *copy = NULL;
    CHECK_EQ(kb_copies_take(t->r.parts.copies, &copy, &t->r.err), KB_OK);
    copy->to_device = to_device;
    copy->placement = placement;
    copy->offset = offset;
    copy->nbytes = nbytes;
    copy->submitted_fs = kb_sim_now(t->r.parts.sim);
    return copy;
}

/* Law L5: every byte comes to the cubes that hold it, and goes into its slice, once. */
static void copies_move_every_byte(void) {
    test t;
    if (open_test(&t, machine)) {
        copies c = {.n = 0};
        t.r.parts.hooks = (kb_hooks){.self = &c, .copy_done = take_copy_done};
        kb_host *host = kb_parts_find(&t.r.parts, KB_IMPL_HOST, -1, -1, -1);
        kb_slices slices = {0, 18, 3};
        kb_placement blocked, replicated;
        CHECK_EQ(kb_placement_blocked(&blocked, &t.r.alloc, 300000, slices, &t.r.err), KB_OK);
        CHECK_EQ(kb_placement_replicated(&replicated, &t.r.alloc, 300000, slices, &t.r.err), KB_OK);
        kb_host_copy(host, copy_of(&t, &blocked, true, 100, 250000));
        rig_run_well(&t.r);
        kb_fabric_counters before = kb_fabric_count(t.r.parts.fabric);
        CHECK_EQ(before.bytes_delivered, 2 * 250000);
        CHECK_EQ(c.n, 1);
        CHECK_EQ(c.done[0].n_requests,
                 13); /* 20480 bytes a slice, 100 into the first: 13 of them */
        kb_record record = kb_oplog_get(t.r.parts.log, 0);
        CHECK_EQ(record.kind, KB_OP_COPY_IN);
        CHECK_EQ(record.nbytes, 250000);
        CHECK(record.memory_start_fs > 0 && record.memory_end_fs < record.end_fs);
        kb_host_copy(host, copy_of(&t, &blocked, false, 0, 300000));
        rig_run_well(&t.r);
        kb_fabric_counters after = kb_fabric_count(t.r.parts.fabric);
        CHECK_EQ(after.bytes_delivered - before.bytes_delivered, 2 * 300000);
        CHECK_EQ(kb_oplog_get(t.r.parts.log, 1).kind, KB_OP_COPY_OUT);
        kb_host_copy(host, copy_of(&t, &replicated, true, 0, 300000));
        rig_run_well(&t.r);
        before = kb_fabric_count(t.r.parts.fabric);
        CHECK_EQ(before.bytes_delivered - after.bytes_delivered, 6 * 2 * 300000);
        kb_host_copy(host, copy_of(&t, &replicated, false, 0, 300000));
        rig_run_well(&t.r);
        after = kb_fabric_count(t.r.parts.fabric);
        CHECK_EQ(after.bytes_delivered - before.bytes_delivered, 2 * 300000);
        CHECK_EQ(kb_copies_count(t.r.parts.copies), 0);
        kb_placement_deinit(&blocked);
        kb_placement_deinit(&replicated);
    }
    close_test(&t);
}

/* ADR-0061 D6: a channel of M_CPU.DMA that moves bytes faster than it can. */
static void a_copy_that_is_too_fast_is_named(void) {
    test t;
    if (open_test(&t, machine)) {
        kb_host *host = kb_parts_find(&t.r.parts, KB_IMPL_HOST, -1, -1, -1);
        kb_params *params = (kb_params *)(uintptr_t)kb_parts_params(&t.r.parts);
        kb_slices slices = {0, 18, 3};
        kb_placement blocked;
        CHECK_EQ(kb_placement_blocked(&blocked, &t.r.alloc, 300000, slices, &t.r.err), KB_OK);
        params->m_cpu.dma.num *= 100;
        kb_host_copy(host, copy_of(&t, &blocked, true, 0, 300000));
        CHECK_EQ(rig_run(&t.r), KB_INTERNAL);
        CHECK(strstr(t.r.err.message, "physics: sip0.cube") == t.r.err.message);
        CHECK(strstr(t.r.err.message, ".m_cpu.dma: expected channel 0 to take at least ") != NULL);
        kb_placement_deinit(&blocked);
    }
    close_test(&t);
}

/* Many pieces: the host link is the bottleneck, and nearly always busy. */
static void copies_reach_the_host_links_rate(void) {
    test t;
    if (open_test(&t, machine)) {
        copies c = {.n = 0};
        t.r.parts.hooks = (kb_hooks){.self = &c, .copy_done = take_copy_done};
        kb_slices slices = {0, 18, 3};
        kb_placement blocked;
        uint64_t nbytes = 8 << 20;
        CHECK_EQ(kb_placement_blocked(&blocked, &t.r.alloc, nbytes, slices, &t.r.err), KB_OK);
        kb_host_copy(kb_parts_find(&t.r.parts, KB_IMPL_HOST, -1, -1, -1),
                     copy_of(&t, &blocked, true, 0, nbytes));
        rig_run_well(&t.r);
        int64_t law_fs;
        CHECK(!kb_ratio_scale(kb_parts_params(&t.r.parts)->host.link, (int64_t)nbytes, &law_fs));
        CHECK(c.done[0].done_fs > law_fs);
        CHECK(c.done[0].done_fs < law_fs + law_fs / 10);
        kb_placement_deinit(&blocked);
    }
    close_test(&t);
}

/* What every cube gets crosses the host link once: six cubes take little longer than one (ADR-0035 D7). */
static void replicated_bytes_cross_the_host_link_once(void) {
    test t;
    if (open_test(&t, machine)) {
        copies c = {.n = 0};
        t.r.parts.hooks = (kb_hooks){.self = &c, .copy_done = take_copy_done};
        kb_host *host = kb_parts_find(&t.r.parts, KB_IMPL_HOST, -1, -1, -1);
        kb_slices slices = {0, 18, 3};
        kb_placement replicated;
        uint64_t nbytes = (4 << 20) + 12345; /* not whole pieces; more of them than may be ahead */
        CHECK_EQ(kb_placement_replicated(&replicated, &t.r.alloc, nbytes, slices, &t.r.err), KB_OK);
        kb_fabric_counters before = kb_fabric_count(t.r.parts.fabric);
        kb_host_copy(host, copy_of(&t, &replicated, true, 7, nbytes - 7));
        rig_run_well(&t.r);
        kb_fabric_counters after = kb_fabric_count(t.r.parts.fabric);
        CHECK_EQ(after.bytes_delivered - before.bytes_delivered, 6 * 2 * ((int64_t)nbytes - 7));
        int64_t law_fs;
        CHECK(!kb_ratio_scale(kb_parts_params(&t.r.parts)->host.link, (int64_t)nbytes, &law_fs));
        CHECK(c.done[0].done_fs > law_fs);
        CHECK(c.done[0].done_fs < law_fs + law_fs / 3); /* two channels of one cube at the link */
        CHECK_EQ(c.done[0].n_requests % 6, 0);          /* pieces, the same in each cube */
        int64_t from_fs = kb_sim_now(t.r.parts.sim);
        for (int i = 0; i < 3; i++) { /* several at once, of several streams */
            kb_copy *copy = copy_of(&t, &replicated, true, 0, 200000);
            copy->stream = (uint32_t)i;
            kb_host_copy(host, copy);
        }
        rig_run_well(&t.r);
        CHECK_EQ(c.n, 4);
        CHECK(kb_sim_now(t.r.parts.sim) - from_fs < law_fs);
        kb_placement_deinit(&replicated);
    }
    close_test(&t);
}

/* A copy and a launch of one stream: one after the other. */
static void copies_take_their_turn(void) {
    test t;
    if (open_test(&t, machine)) {
        kb_slices slices = {0, 18, 3};
        kb_placement blocked;
        CHECK_EQ(kb_placement_blocked(&blocked, &t.r.alloc, 1 << 20, slices, &t.r.err), KB_OK);
        kb_host_copy(kb_parts_find(&t.r.parts, KB_IMPL_HOST, -1, -1, -1),
                     copy_of(&t, &blocked, true, 0, 1 << 20));
        (void)submit(&t, 0, 0, 0);
        rig_run_well(&t.r);
        CHECK_EQ(kb_oplog_count(t.r.parts.log), 2);
        kb_record copy = kb_oplog_get(t.r.parts.log, 0);
        CHECK_EQ(copy.kind, KB_OP_COPY_IN);
        CHECK(t.done[0].stamped_fs > copy.memory_end_fs);
        kb_placement_deinit(&blocked);
    }
    close_test(&t);
}

int main(void) {
    TAP_RUN(every_program_runs_once);
    TAP_RUN(bad_grids);
    TAP_RUN(fan_out_is_measured_exactly);
    TAP_RUN(every_pe_has_it_before_the_start);
    TAP_RUN(responses_are_merged_level_by_level);
    TAP_RUN(a_stream_runs_in_order);
    TAP_RUN(streams_overlap);
    TAP_RUN(warm_launches_take_no_memory);
    TAP_RUN(copies_move_every_byte);
    TAP_RUN(a_copy_that_is_too_fast_is_named);
    TAP_RUN(copies_reach_the_host_links_rate);
    TAP_RUN(replicated_bytes_cross_the_host_link_once);
    TAP_RUN(copies_take_their_turn);
    return tap_finish();
}
