#include "hw/pe/reducer.h"

#include "hw/pe/ring.h"
#include "hw/pe/tcm.h"

#include "vm_rig.h"

#define R KB_NO_REG

enum { SIPS = 3, PES = 2, ELEMENTS = 64 };

static const char machine[] =
    "{kernbench: 1, system: {sips: 3, fabric: {kind: switch, reduction: {unit: switch, GBps: 100, "
    "latency_ns: 7, slots: 3}}, sip: {cubes: [1, 1]}, cube: {pes: 2}, pe: {ipcq: {depth: 4}}}}";

static int64_t number_of(int64_t first, int64_t stride, int64_t size) {
    return first | (stride + 4096) << KB_GROUP_FIRST_BITS |
           size << (KB_GROUP_FIRST_BITS + KB_GROUP_STRIDE_BITS);
}

/* --- groups and operations -------------------------------------------------------------------- */

static void a_group_is_one_number(void) {
    static const kb_sip_group groups[] = {{0, 1, 1},        {0, 1, 8}, {7, -1, 8},
                                          {4095, -4095, 2}, {1, 3, 2}, {0, 4095, 2}};
    for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++) {
        kb_sip_group got =
            kb_sip_group_of(number_of(groups[i].first, groups[i].stride, groups[i].size));
        CHECK_EQ(got.first, groups[i].first);
        CHECK_EQ(got.stride, groups[i].stride);
        CHECK_EQ(got.size, groups[i].size);
    }
}

static void who_is_in_a_group(void) {
    kb_sip_group back = {6, -2, 3};
    for (int64_t sip = 0; sip < 8; sip++)
        CHECK_EQ(kb_sip_group_has(back, 8, sip), sip == 2 || sip == 4 || sip == 6);
    CHECK(kb_sip_group_has((kb_sip_group){5, 0, 1}, 8, 5));
    CHECK(!kb_sip_group_has((kb_sip_group){5, 0, 1}, 8, 4));
    static const kb_sip_group none[] = {{0, 1, 0}, {0, 0, 2},  {0, 1, 9}, {8, 1, 1},
                                        {7, 1, 2}, {1, -1, 3}, {0, 1, -1}};
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
        CHECK(!kb_sip_group_has(none[i], 8, none[i].first));
}

static void what_the_unit_does(void) {
    CHECK(kb_reducer_does(KB_MATHOP_ADD, KB_FLOAT16) &&
          kb_reducer_does(KB_MATHOP_MAX, KB_BFLOAT16));
    CHECK(kb_reducer_does(KB_MATHOP_ADD, KB_UINT32) && kb_reducer_does(KB_MATHOP_XOR, KB_INT64));
    CHECK(!kb_reducer_does(KB_MATHOP_AND, KB_FLOAT32) &&
          !kb_reducer_does(KB_MATHOP_MUL, KB_FLOAT32));
    CHECK(!kb_reducer_does(KB_MATHOP_ADD, KB_INT16) &&
          !kb_reducer_does(KB_MATHOP_ADD, KB_FLOAT8E5));
    CHECK(!kb_reducer_does(KB_MATHOP_ADD, KB_BOOL));
}

/* --- a machine -------------------------------------------------------------------------------- */

/* Every PE sends n tiles into the totals of all SIPs, and receives as many. */
static kb_kernel *summing(vm_rig *r, uint64_t n, kb_mathop op, uint32_t elements, int64_t group) {
    static kir_builder k;
    kb_kir_type i32 = kir_scalar(KB_INT32), tile = kir_tile(KB_FLOAT32, elements);
    kir_begin(&k, "summing");
    uint16_t all = kir_const(&k, kir_scalar(KB_INT64), (uint64_t)group);
    uint16_t one = kir_const(&k, i32, 1), count = kir_const(&k, i32, n);
    uint16_t left = kir_reg(&k, i32), value = kir_const(&k, kir_scalar(KB_FLOAT32), 0);
    (void)kir_emit(&k, KB_KIR_MOV, 0, left, count, R, R, 0);
    uint32_t head = kir_emit(&k, KB_KIR_SCALAR, KB_MATHOP_SUB, left, left, one, R, 0);
    uint16_t sent = kir_value(&k, KB_KIR_FULL, 0, tile, value, R, R);
    (void)kir_emit(&k, KB_KIR_REDUCE_SEND, (int)op, R, all, sent, one, 0);
    (void)kir_emit(&k, KB_KIR_REDUCE_RECV, 0, kir_reg(&k, tile), all, one, R, 0);
    (void)kir_jump(&k, KB_KIR_JUMP_IF, left, head);
    kir_return(&k);
    return vm_kernel(r, &k);
}

static void launch_on(vm_rig *r, const kb_kernel *kernel, uint32_t sip, int64_t at_fs) {
    int32_t number, id;
    if (!kernel) return;
    CHECK_EQ(kb_oplog_add_kernel(r->log, kernel->name, &number, &r->err), KB_OK);
    kb_launch_spec spec = {
        .kernel = kernel, .kernel_number = number, .sip = sip, .grid = {PES, 1, 1}, .at_fs = at_fs};
    CHECK_EQ(kb_machine_launch(r->machine, &spec, &id, &r->err), KB_OK);
}

static kb_operand operand_at(vm_rig *r, int64_t index, uint32_t which, uint64_t *result) {
    kb_arena arena;
    kb_payload payload;
    uint32_t n_words;
    kb_arena_init(&arena, &r->alloc);
    kb_record record = kb_oplog_get(r->log, index);
    const int64_t *words = kb_oplog_payload(r->log, index, &n_words);
    CHECK_EQ(kb_payload_decode(&arena, (kb_opkind)record.kind, words, n_words, &payload, &r->err),
             KB_OK);
    kb_arena_deinit(&arena);
    *result = payload.result.bits;
    return payload.operand[which];
}

/* ADR-0061 D6: totals that are made faster than the unit can are a fault. */
static void a_unit_that_is_too_fast_is_named(void) {
    vm_rig r;
    if (vm_open(&r, machine)) {
        kb_params *params = (kb_params *)(uintptr_t)kb_parts_params(kb_machine_parts(r.machine));
        kb_kernel *kernel = summing(&r, 1, KB_MATHOP_ADD, ELEMENTS, number_of(0, 1, SIPS));
        for (uint32_t sip = 0; sip < SIPS; sip++) launch_on(&r, kernel, sip, 0);
        params->reduction.rate.den *= 2;
        CHECK_EQ(vm_run(&r), KB_INTERNAL);
        CHECK(
            strstr(r.err.message, "physics: fabric.switch: expected its adder to take at least ") ==
            r.err.message);
    }
    vm_close(&r);
}

/* S1: the highest rank comes first, and is added last. */
static void parts_are_combined_in_order_of_rank(void) {
    vm_rig r;
    if (vm_open(&r, machine)) {
        kb_kernel *kernel = summing(&r, 1, KB_MATHOP_ADD, ELEMENTS, number_of(0, 1, SIPS));
        for (uint32_t sip = 0; sip < SIPS; sip++)
            launch_on(&r, kernel, sip, (SIPS - sip) * 1000 * KB_FS_PER_NS);
        vm_run_well(&r);
        int64_t first = 0, second = 0, copy = 0;
        uint64_t total, result;
        kb_record add = vm_record(&r, KB_OP_COMBINE, 0, &first);
        (void)vm_record(&r, KB_OP_COMBINE, 1, &second);
        (void)vm_record(&r, KB_OP_COMBINE, 2, &copy);
        CHECK_EQ(add.op, KB_MATHOP_ADD);
        CHECK_EQ(add.nbytes, 2 * ELEMENTS * 4);
        CHECK_EQ(operand_at(&r, first, 0, &total).bits >> KB_TILE_VERSION_BITS, 0);
        CHECK_EQ(operand_at(&r, first, 1, &total).bits >> KB_TILE_VERSION_BITS, PES);
        CHECK_EQ(operand_at(&r, second, 0, &result).bits, total);
        CHECK_EQ(operand_at(&r, second, 1, &result).bits >> KB_TILE_VERSION_BITS, 2 * PES);
        CHECK_EQ(operand_at(&r, copy, 0, &total).bits, result);
    }
    vm_close(&r);
}

/* S2: a total takes its bytes' time in turn, then the latency. */
static void totals_take_turns(void) {
    enum { N = 20 };
    vm_rig r;
    if (vm_open(&r, machine)) {
        kb_kernel *kernel = summing(&r, N, KB_MATHOP_MAX, ELEMENTS, number_of(2, -1, SIPS));
        for (uint32_t sip = 0; sip < SIPS; sip++) launch_on(&r, kernel, sip, 0);
        vm_run_well(&r);
        CHECK_EQ(vm_count(&r, KB_OP_SEND), SIPS * PES * N);
        CHECK_EQ(vm_count(&r, KB_OP_RECV), SIPS * PES * N);
        CHECK_EQ(vm_count(&r, KB_OP_COMBINE), PES * N * 2 * (SIPS - 1));
        int64_t free_fs = 0, n_queued = 0;
        for (int64_t i = 0; i < PES * N; i++) {
            kb_record one = vm_record(&r, KB_OP_COMBINE, i * 2 * (SIPS - 1), NULL);
            CHECK_EQ(one.start_fs, one.ready_fs > free_fs ? one.ready_fs : free_fs);
            free_fs = one.start_fs + ELEMENTS * 4 * KB_FS_PER_NS / 100;
            CHECK_EQ(one.end_fs, free_fs + 7 * KB_FS_PER_NS);
            n_queued += one.start_fs > one.ready_fs;
        }
        CHECK(n_queued > 0);
        const kb_rings *rings = kb_machine_parts(r.machine)->rings;
        CHECK_EQ(kb_rings_count(rings), SIPS * PES);
        for (uint32_t i = 0; i < kb_rings_count(rings); i++) {
            const kb_ring *ring = kb_rings_at(rings, i);
            CHECK_EQ(kb_ring_number_of_channel(ring), 1);
            CHECK(ring->freed == ring->tail && ring->head == ring->arrived);
            CHECK_EQ(ring->committed, ring->tail);
        }
    }
    vm_close(&r);
}

/* S3 */
static void parts_that_differ_are_an_error(void) {
    vm_rig r;
    if (vm_open(&r, machine)) {
        int64_t group = number_of(0, 1, SIPS);
        kb_kernel *sum = summing(&r, 1, KB_MATHOP_ADD, ELEMENTS, group);
        kb_kernel *most = summing(&r, 1, KB_MATHOP_MAX, ELEMENTS, group);
        for (uint32_t sip = 0; sip < SIPS; sip++) launch_on(&r, sip == 1 ? most : sum, sip, 0);
        CHECK_EQ(vm_run(&r), KB_INVALID);
        CHECK(strstr(r.err.message,
                     "fabric.switch: channel 1: expected equal parts of a total, got "
                     "256 bytes of float32 to add from PE 0 (summing:"));
        CHECK(strstr(r.err.message, "256 bytes of float32 to max from PE 2 (summing:"));
    }
    vm_close(&r);
}

/* Who is missing is said when nothing moves any more. */
static void a_part_that_lacks_is_named(void) {
    vm_rig r;
    if (vm_open(&r, machine)) {
        int64_t group = number_of(0, 1, SIPS);
        launch_on(&r, summing(&r, 2, KB_MATHOP_ADD, ELEMENTS, group), 0, 0);
        launch_on(&r, summing(&r, 1, KB_MATHOP_ADD, ELEMENTS, group), 2, 0);
        vm_run_well(&r);
        char text[1024];
        kb_machine_why_stuck(r.machine, text, sizeof text);
        CHECK(strstr(text, "fabric.switch: total lacks PE 0 of sip1; total lacks PE 1 of sip1"));
        CHECK(strstr(text, "recv from the switch, channel 1"));
        CHECK(strstr(text, "its total is not there"));
    }
    vm_close(&r);
}

static void what_cannot_be_sent(void) {
    static const struct {
        int64_t first, stride, size;
        kb_mathop op;
        const char *message;
    } cases[] = {
        {1, 1, 2, KB_MATHOP_ADD, "expected a group of the 3 SIPs that sip0 is in, got 2 SIPs from"},
        {0, 1, 4, KB_MATHOP_ADD, "expected a group of the 3 SIPs that sip0 is in, got 4 SIPs from"},
        {0, 1, 3, KB_MATHOP_MUL, "reduce_send: expected add, min or max of floats of 16 bits"},
        {0, 1, 3, KB_MATHOP_AND, "got and of float32"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        vm_rig r;
        if (vm_open(&r, machine)) {
            int64_t group = number_of(cases[i].first, cases[i].stride, cases[i].size);
            launch_on(&r, summing(&r, 1, cases[i].op, ELEMENTS, group), 0, 0);
            CHECK_EQ(vm_run(&r), KB_INVALID);
            if (!CHECK(strstr(r.err.message, cases[i].message))) printf("#   %s\n", r.err.message);
        }
        vm_close(&r);
    }
}

static void failed_allocations_end_the_run(void) {
    for (uint64_t i = 1;; i++) {
        vm_rig r;
        bool failed = false;
        if (vm_open(&r, machine)) {
            kb_kernel *kernel = summing(&r, 4, KB_MATHOP_ADD, ELEMENTS, number_of(0, 1, SIPS));
            for (uint32_t sip = 0; sip < SIPS; sip++) launch_on(&r, kernel, sip, 0);
            r.alloc.fail_at = r.alloc.n_calls + i;
            kb_status status = vm_run(&r);
            failed = r.alloc.n_calls >= r.alloc.fail_at;
            CHECK_EQ(status, failed ? KB_NOMEM : KB_OK);
            r.alloc.fail_at = 0;
        }
        vm_close(&r);
        if (!failed) break;
    }
}

int main(void) {
    TAP_RUN(a_group_is_one_number);
    TAP_RUN(who_is_in_a_group);
    TAP_RUN(what_the_unit_does);
    TAP_RUN(a_unit_that_is_too_fast_is_named);
    TAP_RUN(parts_are_combined_in_order_of_rank);
    TAP_RUN(totals_take_turns);
    TAP_RUN(parts_that_differ_are_an_error);
    TAP_RUN(a_part_that_lacks_is_named);
    TAP_RUN(what_cannot_be_sent);
    TAP_RUN(failed_allocations_end_the_run);
    return tap_finish();
}
