#include "hw/pe/ipcq.h"
#include "hw/pe/ring.h"

#include "vm_rig.h"

#define R KB_NO_REG

static const char machine[] =
    "{kernbench: 1, system: {sips: 1, sip: {cubes: [1, 1]}, cube: {pes: 2}, "
    "pe: {ipcq: {depth: 2}}}}";

/* --- the table of rings ----------------------------------------------------------------------- */

static void a_ring_is_made_once(void) {
    kb_alloc alloc = kb_alloc_system();
    kb_error err = KB_ERROR_INIT;
    kb_rings *rings = NULL;
    CHECK_EQ(kb_rings_create(&alloc, 3, &rings, &err), KB_OK);
    for (int again = 0; again < 2; again++)
        for (uint32_t i = 0; i < 1000; i++) {
            uint32_t number = 0;
            bool made = false;
            CHECK_EQ(kb_rings_find(rings, i % 40, i / 40, i % 3, &number, &made, &err), KB_OK);
            CHECK_EQ(made, !again);
            const kb_ring *ring = kb_rings_at(rings, number);
            CHECK(ring->src == i % 40 && ring->dst == i / 40 && ring->channel == i % 3);
        }
    CHECK_EQ(kb_rings_count(rings), 1000);
    kb_rings_destroy(rings);
    CHECK_EQ(alloc.live_nbytes, 0);
}

/* Full and empty differ, as counts are modulo twice the depth (R1). */
static void counts_tell_full_from_empty(void) {
    kb_alloc alloc = kb_alloc_system();
    kb_error err = KB_ERROR_INIT;
    for (uint32_t depth = 1; depth <= 5; depth++) {
        kb_rings *rings = NULL;
        CHECK_EQ(kb_rings_create(&alloc, depth, &rings, &err), KB_OK);
        uint32_t tail = 0, freed = 0;
        for (uint32_t turn = 0; turn < 7; turn++) {
            for (uint32_t i = 0; i < depth; i++) {
                CHECK_EQ(kb_ring_between(rings, freed, tail), i);
                CHECK_EQ(kb_ring_slot(rings, tail), i);
                tail = kb_ring_next(rings, tail);
            }
            CHECK_EQ(kb_ring_between(rings, freed, tail), depth);
            for (uint32_t i = 0; i < depth; i++) freed = kb_ring_next(rings, freed);
            CHECK_EQ(freed, tail);
        }
        kb_rings_destroy(rings);
    }
}

/* --- a machine -------------------------------------------------------------------------------- */

/* Every PE sends n tiles to the other one, and receives as many. */
static kb_kernel *exchange(vm_rig *r, uint64_t n) {
    static kir_builder k;
    kb_kir_type i32 = kir_scalar(KB_INT32), tile = kir_tile(KB_FLOAT32, 64);
    kir_begin(&k, "exchange");
    uint16_t me = kir_reg(&k, i32);
    (void)kir_emit(&k, KB_KIR_PLACE, 0, me, R, R, R, KB_AT_PE);
    uint16_t one = kir_const(&k, i32, 1), count = kir_const(&k, i32, n);
    uint16_t peer = kir_value(&k, KB_KIR_SCALAR, KB_MATHOP_SUB, i32, one, me, R);
    uint16_t left = kir_reg(&k, i32), value = kir_const(&k, kir_scalar(KB_FLOAT32), 0);
    (void)kir_emit(&k, KB_KIR_MOV, 0, left, count, R, R, 0);
    uint32_t head = kir_emit(&k, KB_KIR_SCALAR, KB_MATHOP_SUB, left, left, one, R, 0);
    uint16_t sent = kir_value(&k, KB_KIR_FULL, 0, tile, value, R, R);
    (void)kir_emit(&k, KB_KIR_SEND, 0, R, peer, sent, one, 0);
    (void)kir_emit(&k, KB_KIR_RECV, 0, kir_reg(&k, tile), peer, one, R, 0);
    (void)kir_jump(&k, KB_KIR_JUMP_IF, left, head);
    kir_return(&k);
    return vm_kernel(r, &k);
}

static void rings_are_empty_in_the_end(void) {
    vm_rig r;
    if (vm_open(&r, machine)) {
        vm_launch(&r, exchange(&r, 20), NULL, 2, 0, 0);
        vm_run_well(&r);
        CHECK_EQ(vm_count(&r, KB_OP_SEND), 40);
        CHECK_EQ(vm_count(&r, KB_OP_RECV), 40);
        const kb_rings *rings = kb_machine_parts(r.machine)->rings;
        CHECK_EQ(kb_rings_count(rings), 2);
        for (uint32_t i = 0; i < kb_rings_count(rings); i++) {
            const kb_ring *ring = kb_rings_at(rings, i);
            CHECK_EQ(ring->channel, kb_ring_channel(1, false));
            CHECK(ring->freed == ring->tail && ring->head == ring->arrived);
        }
        char text[64];
        CHECK_EQ(kb_ipcq_describe_left(kb_machine_parts(r.machine), text, sizeof text), 0);
        CHECK_STR(text, "");
        kb_record sent = vm_record(&r, KB_OP_SEND, 0, NULL);
        CHECK_EQ(sent.nbytes, 256);
        CHECK_EQ(sent.work, 1 - sent.pe);
        CHECK_EQ(sent.setup_fs, 20 * KB_FS_PER_NS);
    }
    vm_close(&r);
}

/* D23: a tail that arrives without a credit taken is a fault. */
static void an_overrun_is_a_fault(void) {
    for (uint32_t tag = 0; tag < 2; tag++) {
        vm_rig r;
        if (vm_open(&r, machine)) {
            const kb_parts *parts = kb_machine_parts(r.machine);
            vm_launch(&r, exchange(&r, 1), NULL, 2, 0, 0);
            vm_run_well(&r);
            uint32_t number = 0;
            bool made;
            CHECK_EQ(kb_rings_find(parts->rings, 0, 1, kb_ring_channel(1, false), &number, &made,
                                   &r.err),
                     KB_OK);
            kb_send send = {.src = kb_parts_pe_node(parts, KB_IMPL_PE_DMA, 0),
                            .dst = kb_parts_pe_node(parts, KB_IMPL_PE_DMA, 1),
                            .slice = KB_ANY_SLICE,
                            .kind = KB_MSG_IPCQ_TAIL,
                            .tag = tag ? 99 : number};
            CHECK_EQ(kb_fabric_send(parts->fabric, &send, NULL, &r.err), KB_OK);
            CHECK_EQ(vm_run(&r), KB_INTERNAL);
            CHECK(strstr(r.err.message, "sip0.cube0.pe1.ipcq: overrun"));
        }
        vm_close(&r);
    }
}

/* ADR-0061 D6: what is copied out of slots faster than TCM's rate is a fault. */
static void copies_that_are_too_fast_are_named(void) {
    vm_rig r;
    if (vm_open(&r, machine)) {
        kb_params *params = (kb_params *)(uintptr_t)kb_parts_params(kb_machine_parts(r.machine));
        vm_launch(&r, exchange(&r, 3), NULL, 2, 0, 0);
        params->pe.clock.den *= 4;
        CHECK_EQ(vm_run(&r), KB_INTERNAL);
        CHECK(strstr(r.err.message, "physics: sip0.cube0.pe") == r.err.message);
        CHECK(strstr(r.err.message, ".ipcq: expected its copies to take at least ") != NULL);
    }
    vm_close(&r);
}

static void failed_allocations_end_the_run(void) {
    for (uint64_t i = 1;; i++) {
        vm_rig r;
        bool failed = false;
        if (vm_open(&r, machine)) {
            vm_launch(&r, exchange(&r, 3), NULL, 2, 0, 0);
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
    TAP_RUN(a_ring_is_made_once);
    TAP_RUN(counts_tell_full_from_empty);
    TAP_RUN(rings_are_empty_in_the_end);
    TAP_RUN(an_overrun_is_a_fault);
    TAP_RUN(copies_that_are_too_fast_are_named);
    TAP_RUN(failed_allocations_end_the_run);
    return tap_finish();
}
