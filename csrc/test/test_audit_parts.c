/* Physics checks of components (ADR-0061): each fault, put into the machine's own state, is found and the
 * component named.  (Those of the fabric: test_audit.c; of a DRAM's commands: test_dram.c.) */
#include "hw/fabric/audit.h"

#include "hw/dram/dram_stack.h"
#include "hw/pe/pe_engine.c" /* these two: their state has no other way in */
#include "hw/pe/tcm.c"
#include "test/pe_rig.h"

#define PLAIN                                                                                      \
    "{kernbench: 1, system: {sips: 1, sip: {cubes: [1, 1]}, cube: {pes: 2, hbm: {standard: none, " \
    "pcs: 16}}}}"
#define BANKED                                                                                     \
    "{kernbench: 1, system: {sips: 1, sip: {cubes: [1, 1]}, cube: {pes: 2, hbm: {standard: HBM3, " \
    "refresh: none}}}}"

static void ignore(void *self, kb_request *request) {
    (void)self, (void)request;
}

/* Reads 4 KiB of a memory from the other PE's DMA, and comes to rest. */
static kb_status read_and_rest(pe_rig *p, kb_impl impl, kb_error *err) {
    int32_t pe = impl == KB_IMPL_PE_DMA ? 0 : -1;
    uint32_t memory = rig_part(&p->r, impl, 0, 0, pe);
    uint32_t dma = rig_part(&p->r, KB_IMPL_PE_DMA, 0, 0, 1);
    KB_TRY(kb_request_range(&p->r.parts, dma, memory, false, 0, 4096, ignore, NULL, 0, err));
    kb_run_end end;
    KB_TRY(kb_sim_run(p->r.parts.sim, KB_TIME_MAX, UINT64_MAX, &end, err));
    return kb_fabric_audit(p->r.parts.fabric, err);
}

static void expect(kb_status status, const kb_error *err, const char *words) {
    CHECK_EQ(status, KB_INTERNAL);
    if (!CHECK(strncmp(err->message, words, strlen(words)) == 0))
        printf("#     got %s\n#     expected %s\n", err->message, words);
    CHECK(strstr(err->message, "please report it") != NULL);
}

/* The topology says that a unit takes twice as long as the component takes. */
static void ports_that_are_too_fast_are_named(void) {
    static const struct {
        kb_impl impl;
        const char *words;
    } cases[] = {
        {KB_IMPL_SRAM, "physics: sip0.cube0.sram: expected its port to take at least 500000 fs "
                       "for 64 units, got 250000 fs"},
        {KB_IMPL_HBM, "physics: sip0.cube0.hbm: expected pseudo-channel "},
        {KB_IMPL_PE_DMA, "physics: sip0.cube0.pe0.tcm: expected its port to the network to take at "
                         "least 16000000 fs for 4096 units, got 8000000 fs"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (int faulty = 0; faulty < 2; faulty++) {
            pe_rig p;
            kb_error err = KB_ERROR_INIT;
            if (pe_open(&p, PLAIN)) {
                CHECK_EQ(read_and_rest(&p, cases[i].impl, &err), KB_OK);
                kb_params *params = (kb_params *)(uintptr_t)kb_parts_params(&p.r.parts);
                if (faulty) {
                    params->sram.rate.num *= 2;
                    params->hbm.pc.num *= 2;
                    p.tcm->port.rate.num *= 2;
                }
                kb_status status = read_and_rest(&p, cases[i].impl, &err);
                if (faulty) expect(status, &err, cases[i].words);
                else CHECK_EQ(status, KB_OK);
            }
            pe_close(&p);
        }
}

/* Banks that may be opened before tRC is over, and a bus that still carries a burst. */
static void a_dram_that_is_too_fast_is_named(void) {
    for (int bus = 0; bus < 2; bus++) {
        pe_rig p;
        kb_error err = KB_ERROR_INIT;
        if (pe_open(&p, BANKED)) {
            const kb_hbm *hbm = kb_parts_find(&p.r.parts, KB_IMPL_HBM, 0, 0, -1);
            kb_dram_stack *stack = (kb_dram_stack *)(uintptr_t)kb_hbm_stack(hbm);
            int64_t late_fs = 1000 * KB_FS_PER_NS;
            for (uint32_t i = 0; i < stack->n_pcs; i++) {
                kb_dram_pc *pc = stack->pcs[i];
                if (bus) pc->bus_free_fs = late_fs;
                for (uint32_t b = 0; !bus && b < stack->core.rules.n_banks; b++)
                    pc->banks[b].open_fs = late_fs;
            }
            expect(read_and_rest(&p, KB_IMPL_HBM, &err), &err,
                   bus ? "physics: sip0.cube0.hbm: expected data bus "
                       : "physics: sip0.cube0.hbm: expected bank ");
            CHECK((strstr(err.message, " of pseudo-channel ") == NULL) == (bus == 1));
            CHECK(strstr(err.message, " to be free until ") != NULL);
        }
        pe_close(&p);
    }
}

static void a_tcm_that_holds_too_much_is_named(void) {
    pe_rig p;
    uint32_t tile;
    if (pe_open(&p, PLAIN)) {
        CHECK_EQ(kb_tcm_lend(p.tcm, 4096, &p.r.err), KB_OK);
        p.tcm->shares[0].nbytes = 1 << 20; /* as if nothing were lent */
        CHECK_EQ(kb_tcm_take(p.tcm, 0, (1 << 20) - 4096, 3, &tile, &p.r.err), KB_OK);
        CHECK_EQ(rig_run(&p.r), KB_OK);
        CHECK_EQ(kb_tcm_take(p.tcm, 0, 64, 4, &tile, &p.r.err), KB_OK);
        expect(rig_run(&p.r), &p.r.err,
               "physics: sip0.cube0.pe0.tcm: expected at most 1044480 bytes of tiles, got 1044544");
    }
    pe_close(&p);
}

/* Tiles that nobody gives back. */
static void a_tcm_that_is_not_empty_at_rest_is_named(void) {
    pe_rig p;
    kb_error err = KB_ERROR_INIT;
    if (pe_open(&p, PLAIN)) {
        uint32_t tile = pe_tile(&p, 1000);
        expect(
            kb_fabric_audit(p.r.parts.fabric, &err), &err,
            "physics: sip0.cube0.pe0.tcm: expected all of it to be free at rest, got 1024 bytes");
        pe_drop(&p, tile);
        CHECK_EQ(kb_fabric_audit(p.r.parts.fabric, &err), KB_OK);
    }
    pe_close(&p);
}

/* A command begins on an engine that is busy. */
static void an_engine_that_serves_two_is_named(void) {
    pe_rig p;
    if (pe_open(&p, PLAIN)) {
        kb_engine_unit *unit = kb_parts_find(&p.r.parts, KB_IMPL_PE_GEMM, 0, 0, 0);
        uint64_t va = pe_local(&p, 1 << 16, 0);
        uint32_t a = pe_load(&p, pe_box(KB_FLOAT16, va, 64, 64, 64));
        uint32_t b = pe_load(&p, pe_box(KB_FLOAT16, va, 64, 64, 64));
        (void)pe_dot(&p, a, b, KB_NO_TILE, 64, 64, 64);
        unit->busy_until_fs = 1000000 * KB_FS_PER_NS;
        expect(
            rig_run(&p.r), &p.r.err,
            "physics: sip0.cube0.pe0.gemm: expected the engine to be free until 1000000000000 fs");
    }
    pe_close(&p);
}

int main(void) {
    TAP_RUN(ports_that_are_too_fast_are_named);
    TAP_RUN(a_dram_that_is_too_fast_is_named);
    TAP_RUN(a_tcm_that_holds_too_much_is_named);
    TAP_RUN(a_tcm_that_is_not_empty_at_rest_is_named);
    TAP_RUN(an_engine_that_serves_two_is_named);
    return tap_finish();
}
