/* Bad topologies: each gives one clear message that begins with the place. */
#include "spec/topology.h"

#include "test/topology_text.h"

/* Shows the message when it is not the expected one; nothing may be lost. */
static void refuses(const char *text, const char *message) {
    kb_alloc alloc = kb_alloc_system();
    kb_error err = KB_ERROR_INIT;
    kb_topology *topology = NULL;
    kb_status status = kb_topology_parse(&alloc, text, strlen(text), "my.yaml", &topology, &err);
    CHECK_EQ(status, KB_TOPOLOGY);
    CHECK(!topology);
    if (!CHECK(strstr(err.message, message) == err.message))
        printf("#     got      %s\n#     expected %s\n", err.message, message);
    CHECK_EQ(alloc.live_nbytes, 0);
    kb_topology_destroy(topology);
}

static void refuses_bad_roots(void) {
    refuses("",
            "my.yaml:1:1: expected a mapping that begins with \"kernbench: 1\", got an empty text");
    refuses("- a\n", "my.yaml:1:1: expected a mapping that begins with \"kernbench: 1\"");
    refuses("text", "my.yaml:1:1: expected a mapping that begins with \"kernbench: 1\"");
    refuses("flit_bytes: 64\n",
            "my.yaml:1:1: expected the key kernbench, got none; begin with \"kernbench: 1\"");
    refuses("kernbench: 2\n",
            "my.yaml:1:12: kernbench: expected 1, the version of the format that is "
            "known here, got 2");
    refuses("kernbench: one\n",
            "my.yaml:1:12: kernbench: expected an integer from 0 to 1000000, got "
            "\"one\"");
    refuses("kernbench: 1\n", "my.yaml:1:1: expected components, meshes or a system, got none");
    refuses("kernbench: 1\nsytem: {}\n",
            "my.yaml:2:1: sytem: unknown key; did you mean system; expected one of: kernbench, "
            "flit_bytes, fabric, components, meshes, links, system");
    refuses("kernbench: 1\nflit_bytes: 0\nsystem: {}\n",
            "my.yaml:2:13: flit_bytes: expected a number of bytes from 1 to 65536, got \"0\"");
    refuses("kernbench: 1\nflit_bytes: \"64\"\nsystem: {}\n",
            "my.yaml:2:13: flit_bytes: expected a number or flag, got the quoted text \"64\"");
    refuses(
        "kernbench: 1\nfabric: {mode: trains}\nsystem: {}\n",
        "my.yaml:2:16: fabric.mode: expected one of train, flit, got \"trains\"; did you mean train");
    refuses("kernbench: 1\nfabric: {kind: ring}\nsystem: {}\n",
            "my.yaml:2:10: fabric.kind: unknown key");
    refuses("kernbench: 1\ncomponents: {}\n",
            "my.yaml:2:13: components: expected a list, got a mapping of 0 keys");
    refuses("kernbench: 1\nsystem: [1]\n",
            "my.yaml:2:9: system: expected a mapping, got a list of 1 item");
    refuses("kernbench: 1\nsystem: {sips: 2\n", "my.yaml:3:1: expected YAML, got an error");
}

#define HEAD "kernbench: 1\ncomponents:\n"
#define ENDS HEAD "- {name: a, impl: endpoint}\n- {name: b, impl: transit}\nlinks:\n"

static void refuses_bad_components(void) {
    refuses(HEAD "- a\n", "my.yaml:3:3: components[0]: expected a mapping, got \"a\"");
    refuses(HEAD "- {impl: transit}\n",
            "my.yaml:3:3: components[0]: expected the key name, got none");
    refuses(HEAD "- {nam: a, impl: transit}\n",
            "my.yaml:3:3: components[0]: expected the key name, got nam; rename it");
    refuses(HEAD "- {name: a}\n", "my.yaml:3:3: components[0]: expected the key impl, got none");
    refuses(
        HEAD "- {name: a, impl: router}\n",
        "my.yaml:3:19: components[0].impl: expected one of endpoint, transit, hbm, sram, got \"router\"");
    refuses(HEAD "- {name: a, impl: enpoint}\n",
            "my.yaml:3:19: components[0].impl: expected one of endpoint, transit, hbm, sram, got "
            "\"enpoint\"; did you mean endpoint");
    refuses(
        HEAD "- {name: \"a b\", impl: endpoint}\n",
        "my.yaml:3:10: components[0].name: expected a word of 1 to 255 bytes without spaces, got");
    refuses(
        HEAD "- {name: [], impl: endpoint}\n",
        "my.yaml:3:10: components[0].name: expected a word of 1 to 255 bytes without spaces, got a "
        "list of 0 items");
    refuses(
        HEAD "- {name: a, impl: endpoint}\n- {name: a, impl: transit}\n",
        "my.yaml:4:10: components[1].name: expected a name of its own, got \"a\", which another has");
    refuses(HEAD "- {name: a, impl: endpoint, overhead_ns: 1}\n",
            "my.yaml:3:29: components[0].overhead_ns: unknown key; expected one of: name, impl");
    refuses(HEAD "- {name: a, impl: transit, overhead: 1}\n",
            "my.yaml:3:28: components[0].overhead: unknown key; did you mean overhead_ns");
    refuses(HEAD "- {name: a, impl: transit, overhead_us: 1}\n",
            "my.yaml:3:28: components[0].overhead_us: unknown key; did you mean overhead_ns");
    refuses(HEAD "- {name: a, impl: transit, overhead_ns: 1, buffer: 8}\n",
            "my.yaml:3:44: components[0].buffer: unknown key; did you mean buffer_flits");
    refuses(HEAD "- {name: a, impl: transit, buffer_flits: 0}\n",
            "my.yaml:3:42: components[0].buffer_flits: expected an integer from 1 to 1000000, or "
            "unbounded, got \"0\"");
    refuses(HEAD "- {name: a, impl: transit, buffer_flits: none}\n",
            "my.yaml:3:42: components[0].buffer_flits: expected an integer from 1 to 1000000, or "
            "unbounded, got \"none\"");
    refuses(HEAD "- {name: a, impl: transit, buffer_flits: 4, virtual_channels: 3}\n",
            "my.yaml:3:63: components[0].virtual_channels: expected an integer from 1 to 2, got");
    refuses(HEAD "- {name: a, impl: transit, serialize: routers}\n",
            "my.yaml:3:39: components[0].serialize: expected one of port, router, got \"routers\"; "
            "did you mean router");
    refuses(HEAD "- {name: a, impl: endpoint, buffer_flits: 4}\n",
            "my.yaml:3:29: components[0].buffer_flits: unknown key; expected one of: name, impl");
    refuses(
        HEAD "- {name: a, impl: transit, overhead_ns: 5ns}\n",
        "my.yaml:3:41: components[0].overhead_ns: expected nanoseconds from 0 to 1000000000, got "
        "\"5ns\"; the unit belongs to the key, not to the value");
    refuses(
        HEAD "- {name: a, impl: transit, overhead_ns: -1}\n",
        "my.yaml:3:41: components[0].overhead_ns: expected nanoseconds from 0 to 1000000000, got "
        "\"-1\"");
    refuses(
        HEAD "- {name: a, impl: transit, overhead_ns: 1e10}\n",
        "my.yaml:3:41: components[0].overhead_ns: expected nanoseconds from 0 to 1000000000, got");
    refuses(HEAD "- {name: a, impl: hbm, pc: 4}\n",
            "my.yaml:3:24: components[0].pc: unknown key; did you mean pcs");
    refuses(HEAD "- {name: a, impl: hbm, remote_ports: 2}\n",
            "my.yaml:3:24: components[0].remote_ports: unknown key");
    refuses(
        HEAD "- {name: a, impl: hbm, interleave: 96}\n",
        "my.yaml:3:36: components[0].interleave: expected a power of two of at least flit_bytes "
        "(64), got 96");
    refuses(
        HEAD "- {name: a, impl: hbm, interleave: 32}\n",
        "my.yaml:3:36: components[0].interleave: expected a power of two of at least flit_bytes "
        "(64), got 32");
    refuses(HEAD "- {name: a, impl: hbm, pcs: 3, capacity: 768000}\n",
            "my.yaml:3:3: components[0].pc_hash: expected none, as xor needs a power of two");
    refuses(
        HEAD "- {name: a, impl: sram, GBps: 0}\n",
        "my.yaml:3:31: components[0].GBps: expected GB/s as a plain number from 1e-6 to 1e9, got "
        "\"0\"");
}

static void refuses_bad_links(void) {
    refuses(ENDS "- {from: a, to: b}\n",
            "my.yaml:6:3: links[0]: expected the key GBps, got none; add it");
    refuses(ENDS "- {from: a, GBps: 1}\n",
            "my.yaml:6:3: links[0]: expected the key to, got none; add it");
    refuses(ENDS "- {to: a, GBps: 1}\n", "my.yaml:6:3: links[0]: expected the key from, got none");
    refuses(
        ENDS "- {from: a, to: b, GBps: -64}\n",
        "my.yaml:6:26: links[0].GBps: expected GB/s as a plain number from 1e-6 to 1e9, got \"-64\"; "
        "the unit belongs to the key, not to the value");
    refuses(ENDS "- {from: a, to: b, GBps: 64GB/s}\n",
            "my.yaml:6:26: links[0].GBps: expected GB/s");
    refuses(ENDS "- {from: a, to: b, GBps: .nan}\n", "my.yaml:6:26: links[0].GBps: expected GB/s");
    refuses(ENDS "- {from: a, to: b, GBps: .inf}\n", "my.yaml:6:26: links[0].GBps: expected GB/s");
    refuses(ENDS "- {from: a, to: b, GBps: }\n", "my.yaml:6:26: links[0].GBps: expected GB/s");
    refuses(
        ENDS "- {from: a, to: b, GBps: [64]}\n",
        "my.yaml:6:26: links[0].GBps: expected GB/s as a plain number from 1e-6 to 1e9, got a list "
        "of 1 item");
    refuses(
        ENDS "- {from: a, to: b, Gbps: 64}\n",
        "my.yaml:6:20: links[0].Gbps: unknown key; did you mean GBps; expected one of: from, to, "
        "both, dateline, GBps, latency_ns");
    refuses(ENDS "- {from: a, to: b, GBps: 1, both: yes}\n",
            "my.yaml:6:35: links[0].both: expected true or false, got \"yes\"");
    refuses(
        ENDS "- {from: a, to: bb, GBps: 64}\n",
        "my.yaml:6:17: links[0].to: expected the name of a component, got \"bb\"; did you mean b");
    refuses(ENDS "- {from: elsewhere, to: b, GBps: 64}\n",
            "my.yaml:6:10: links[0].from: expected the name of a component, got \"elsewhere\"");
    refuses(
        ENDS "- {from: a, to: a, GBps: 64}\n",
        "my.yaml:6:3: links[0]: expected a link between two components, got one from a to itself");
    refuses(ENDS "- {from: a, to: b, GBps: 64}\n- {from: b, to: a, GBps: 2, both: true}\n",
            "my.yaml:7:3: links[1]: expected one link from a to b, got a second one; remove it");
}

static void refuses_bad_meshes(void) {
    static const char *const head = "kernbench: 1\nmeshes:\n- ";
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"{name: m, dims: [2, 2]}", "my.yaml:3:3: meshes[0]: expected the key link, got none"},
        {"{name: m, link: {GBps: 1}}", "my.yaml:3:3: meshes[0]: expected the key dims, got none"},
        {"{name: m, dims: [2], link: {GBps: 1}}",
         "my.yaml:3:19: meshes[0].dims: expected a list of two integers [x, y], got a list of 1 item"},
        {"{name: m, dims: 4, link: {GBps: 1}}",
         "my.yaml:3:19: meshes[0].dims: expected a list of two integers [x, y], got \"4\""},
        {"{name: m, dims: [2, 0], link: {GBps: 1}}",
         "my.yaml:3:23: meshes[0].dims[1]: expected an integer from 1 to 4096, got \"0\""},
        {"{name: m, dims: [2.5, 2], link: {GBps: 1}}",
         "my.yaml:3:20: meshes[0].dims[0]: expected an integer from 1 to 4096, got \"2.5\""},
        {"{name: m, dims: [4096, 4096], link: {GBps: 1}}",
         "my.yaml:3:19: meshes[0].dims: expected at most 4194304 nodes and links, got a mesh of"},
        {"{name: m, dims: [64, 65], wrap: true, link: {GBps: 1}, router: {buffer_flits: 4}}",
         "my.yaml:1:1: expected at most 4096 transit components where buffers are finite, got 4160: the "
         "routes between all of them are followed, to find cycles; use fewer, a mesh without wrap "
         "alone, or leave buffer_flits out"},
        {"{name: m, dims: [2, 2], link: {GBps: 1, latency: 2}}",
         "my.yaml:3:43: meshes[0].link.latency: unknown key; did you mean latency_ns"},
        {"{name: m, dims: [2, 2], link: {GBps: 1}, router: {impl: hbm}}",
         "my.yaml:3:59: meshes[0].router.impl: expected transit, the implementation that forwards"},
        {"{name: m, dims: [2, 2], link: {GBps: 1}, wrap: 1}",
         "my.yaml:3:50: meshes[0].wrap: expected true or false, got \"1\""},
        {"{name: m, dims: [2, 2], link: {GBps: 1}}\n- {name: m, dims: [1, 1], link: {GBps: 1}}",
         "my.yaml:4:10: meshes[1].name: expected router names of its own, got \"m.r0_0\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[256];
        (void)snprintf(text, sizeof text, "%s%s\n", head, cases[i].text);
        refuses(text, cases[i].message);
    }
}

/* XY routes of one mesh close no cycle, however large it is; beside another router they are followed. */
static void a_mesh_may_be_large(void) {
    static const char *const texts[] = {
        "{kernbench: 1, meshes: [{name: m, dims: [300, 200], link: {GBps: 1}, router: {buffer_flits: "
        "9}}], components: [{name: a, impl: endpoint}], links: [{from: a, to: m.r7_8, GBps: 1}]}",
        "{kernbench: 1, meshes: [{name: m, dims: [65, 64], link: {GBps: 1}, router: {buffer_flits: "
        "9}}], components: [{name: a, impl: transit}], links: [{from: a, to: m.r7_8, GBps: 1}]}"};
    for (int i = 0; i < 2; i++) {
        kb_alloc alloc = kb_alloc_system();
        kb_topology *topology = NULL;
        kb_status status =
            kb_topology_parse(&alloc, texts[i], strlen(texts[i]), "t", &topology, NULL);
        CHECK_EQ(status, i ? KB_TOPOLOGY : KB_OK);
        kb_topology_destroy(topology);
        CHECK_EQ(alloc.live_nbytes, 0);
    }
}

static void refuses_bad_systems(void) {
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"sips: 0", "my.yaml:3:9: system.sips: expected an integer from 1 to 4096, got \"0\""},
        {"sip: {cube: 4}",
         "my.yaml:3:9: system.sip.cube: unknown key; did you mean cubes; expected one "
         "of: cubes, io"},
        {"sip: {cubes: [1000000000, 1]}",
         "my.yaml:3:17: system.sip.cubes[0]: expected an integer from 1 to 1024, got \"1000000000\""},
        {"sip: {cubes: [100, 100]}",
         "my.yaml:3:16: system.sip.cubes: expected at most 1024 cubes in a SIP, got 100 * 100"},
        {"sips: 4096\n  sip: {cubes: [32, 32]}",
         "my.yaml:3:3: system: expected a machine of at most 4194304 nodes and links, got 4096 SIPs of "
         "32 x 32 cubes of 8 PEs and 4 x 4 routers; lower the counts"},
        {"sips: 4096\n  sip: {cubes: [32, 32]}\n  cube: {pes: 1024, hbm: {channels: 512}, noc: {dims: [4096, 4096]}}",
         "my.yaml:3:3: system: expected a machine of at most 4194304"},
        {"cube: {hbm: {capacity: 2199023255552}}",
         "my.yaml:3:26: system.cube.hbm.capacity: expected at most 1099511627776 bytes, got"},
        {"pe: {tcm: {capacity: 2147483648}}",
         "my.yaml:3:24: system.pe.tcm.capacity: expected at most 1073741824 bytes, got 2147483648"},
        {"cube: {noc: {dims: [4096, 4096]}}", "my.yaml:3:3: system: expected a machine of at most"},
        {"cube: {hbm: {pcs: 12}}",
         "my.yaml:3:21: system.cube.hbm.pcs: expected a multiple of cube.pes (8), got 12"},
        {"cube: {pes: 3}",
         "my.yaml:3:9: system.cube.hbm.channels: expected PCs in a multiple of cube.pes (3), got 16 channels"},
        {"cube: {hbm: {attach: port, remote_ports: 3}}",
         "my.yaml:3:15: system.cube.hbm.channels: expected PCs in a multiple of remote_ports (3), got 16 "},
        {"fabric: {payload: 1.01}",
         "my.yaml:3:21: system.fabric.payload: expected at most 1, got more"},
        {"fabric: {GBps: 123456.789123, payload: 0.123456789123}",
         "my.yaml: system: expected fabric.links * GBps * payload with fewer digits"},
        {"cube: {pes: 1, hbm: {pcs: 12, capacity: 3145728}}",
         "my.yaml:3:23: system.cube.hbm.pc_hash: expected none, as xor needs a power of two of PCs in a "
         "slice, got xor with 12"},
        {"cube: {hbm: {capacity: 1e6}}",
         "my.yaml:3:26: system.cube.hbm.capacity: expected a multiple of pcs * interleave (32 * 256), "
         "got 1000000"},
        {"cube: {noc: {dims: [1, 1]}}",
         "my.yaml:3:9: system.cube.hbm.remote_ports: expected at most as many as the cube has routers "
         "(1), got 2"},
        {"cube: {hbm: {pc_hash: yes}}",
         "my.yaml:3:25: system.cube.hbm.pc_hash: expected one of none, xor, got \"yes\""},
        {"cube: {noc: {gbps: 1}}",
         "my.yaml:3:16: system.cube.noc.gbps: unknown key; did you mean GBps"},
        {"pe: {gem: {}}", "my.yaml:3:8: system.pe.gem: unknown key; did you mean gemm"},
        {"pe: {clock_ghz: 0}", "my.yaml:3:19: system.pe.clock_ghz: expected GHz as a plain number"},
        {"pe: {clock: 1}", "my.yaml:3:8: system.pe.clock: unknown key; did you mean clock_ghz"},
        {"pe: {mmu: {page: 5000}}",
         "my.yaml:3:20: system.pe.mmu.page: expected a power of two, got 5000"},
        {"fabric: {kind: star}",
         "my.yaml:3:18: system.fabric.kind: expected one of switch, ring, mesh, torus, got \"star\""},
        {"fabric: {kind: ring, dims: [2, 1]}",
         "my.yaml:3:30: system.fabric.dims: expected dims with kind mesh or torus only; remove it"},
        {"fabric: {kind: torus, dims: [2, 2]}",
         "my.yaml:3:31: system.fabric.dims: expected x * y = sips (2), got 2 * 2"},
        {"components: []", "my.yaml:3:3: system.components: unknown key"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[256];
        (void)snprintf(text, sizeof text, "kernbench: 1\nsystem:\n  %s\n", cases[i].text);
        refuses(text, cases[i].message);
    }
    refuses(
        "kernbench: 1\nflit_bytes: 512\nsystem:\n",
        "my.yaml:3:8: system.cube.hbm.interleave: expected a power of two of at least flit_bytes "
        "(512) and at most a row (1024), got 256");
    refuses("kernbench: 1\nflit_bytes: 256\nsystem: {pe: {dma: {window: 128}}}\n",
            "my.yaml:3:29: system.pe.dma.window: expected at least flit_bytes (256), got 128");
    refuses("kernbench: 1\nflit_bytes: 256\nsystem: {pe: {tcm: {capacity: 64}}}\n",
            "my.yaml:3:31: system.pe.tcm.capacity: expected at least flit_bytes (256), got 64");
    refuses(
        "kernbench: 1\ncomponents: [{name: host, impl: endpoint}]\nsystem: {}\n",
        "my.yaml: system: expected host to be the machine's, got a component of that name; rename it");
}

/* Memories with a standard: what goes with what, and numbers that contradict each other. */
static void refuses_bad_standards(void) {
    static const struct {
        const char *keys, *message;
    } cases[] = {
        {"standard: HBM9",
         "standard: expected one of none, HBM2, HBM2E, HBM3, HBM3E, HBM4, HBM2_2000_16Gb_8hi, "},
        {"standard: HBM3_6400_16Gb_8h",
         "standard: expected one of none, HBM2, HBM2E, HBM3, HBM3E, HBM4, HBM2_2000_16Gb_8hi, "},
        {"queue: 4",
         "queue: expected a standard beside queue, for only a memory with one has banks"},
        {"mapping: [pc]", "mapping: expected a standard beside mapping"},
        {"standard: HBM3, capacity: 8192",
         "capacity: expected no capacity beside standard HBM3_6400_16Gb_8hi, which says it; remove"},
        {"standard: HBM3, pc_GBps: 3", "pc_GBps: expected no pc_GBps beside standard HBM3_6400"},
        {"standard: HBM3, channels: 0", "channels: expected an integer from 1 to 2048, got \"0\""},
        {"standard: HBM3, queue: 0", "queue: expected an integer from 1 to 4096, got \"0\""},
        {"standard: HBM3, refresh: all_banks",
         "refresh: expected one of none, all_bank, per_bank, got \"all_banks\"; did you mean all_bank"},
        {"standard: HBM3, write_low: 80", "expected write_low below write_high (80), got 80"},
        {"standard: HBM3, timing: {tRAS: 47}",
         "timing: expected tRAS + tRP <= tRC, got 47 + 26 > 72 CK; one of them is wrong"},
        {"standard: HBM3, timing: {tFAW: 3}", "timing: expected tFAW >= tRRD, got 3 < 5 CK"},
        {"standard: HBM3, timing: {tRFC: 6240}",
         "timing: expected tRFC < tREFI, got 6240 >= 6240 CK"},
        {"standard: HBM3, refresh: per_bank, timing: {tRFCpb: 9999}",
         "timing: expected tRFCpb < tREFI, got 9999 >= 6240 CK"},
        {"standard: HBM3, timing: {tREFI: 656}",
         "timing: expected tRFC + tRC + tFAW < tREFI, for rows to be opened between two refreshes, got "
         "560 + 72 + 24 >= 656 CK; one of them is wrong"},
        {"standard: HBM3, timing: {tREFI: 656, tRCDWR: 50}", "got 560 + 76 + 24 >= 656 CK"},
        {"standard: HBM3, refresh: per_bank, timing: {tREFI: 416}",
         "timing: expected tRFCpb + tRC + tFAW < tREFI, for rows to be opened between"},
        {"standard: HBM3, refresh: per_bank, timing: {tCK_ns: 0.000001, tREFI: 9, tRFCpb: 1, tRC: 2, "
         "tRAS: 1, tRP: 1, tRCDRD: 1, tRCDWR: 1, tFAW: 1, tRRD_S: 1, tRRD_L: 1}",
         "timing: expected a tREFI of at least 1 fs for each of 32 banks, got 9 fs"},
        {"standard: HBM3, timing: {tCCD_S: 5}", "timing: expected tCCD_L >= tCCD_S, got 4 < 5"},
        {"standard: HBM3, timing: {tRTW: 3}",
         "timing: expected tRTW >= tCL + tBL - tCWL, for the bus carries one burst at a time, got 3 < "},
        {"standard: HBM3, timing: {tRP: 0}",
         "timing.tRP: expected an integer from 1 to 1000000, got \"0\""},
        {"standard: HBM3, timing: {tCK_ns: 0}", "timing: expected tCK_ns above 0, got 0"},
        {"standard: HBM3, timing: {tRCD: 9}", "timing.tRCD: unknown key; did you mean tRC"},
        {"standard: HBM3, interleave: 96",
         "interleave: expected a power of two of at least flit_bytes (64) and at most a row (1024)"},
        {"standard: HBM3, interleave: 32", "interleave: expected a power of two of at least"},
        {"standard: HBM3, interleave: 2048", "interleave: expected a power of two of at least"},
        {"standard: HBM3, interleave: 256, mapping: [pc, bank_group, column, bank, sid, row]",
         "interleave: expected either interleave or mapping, got both; remove one"},
        {"standard: HBM3, mapping: [pc, bank_group, column, bank, sid]",
         "mapping: expected all of row, 16384 values, got 1; add row to the mapping"},
        {"standard: HBM3, mapping: [column.2, pc, bank_group, bank, sid, row]",
         "mapping: expected all of column, 32 values, got 4; add column"},
        {"standard: HBM3, mapping: [pc, bank_group, column, bank, sid, row, bank]",
         "mapping: expected bank once, with 4 values in all"},
        {"standard: HBM3, mapping: [column.9, pc, bank_group, column, bank, sid, row]",
         "mapping: expected column once, with 32 values in all"},
        {"standard: HBM3, mapping: [pc, banks]",
         "mapping[1]: expected one of pc, bank_group, column, bank, sid, row, or a part of it"},
        {"standard: HBM3, mapping: [pc, column.0]", "mapping[1]: expected one of pc, bank_group"},
        {"standard: HBM3, mapping: pc", "mapping: expected a list, got"},
        {"standard: HBM3, mapping: []", "mapping: expected all of pc, 32 values, got 1"},
        {"standard: HBM3, xor: [[10, 20], [20, 10]]",
         "xor: expected XORs that can be undone, got some by which two addresses fall together"},
        {"standard: HBM3, xor: [[10, 10]]", "xor: expected XORs that can be undone"},
        {"standard: HBM3, xor: [[4, 10]]", "xor: expected bits 5 to 33 of the offset, got [4, 10]"},
        {"standard: HBM3, xor: [[10]]", "xor[0]: expected a list of two integers"},
        {"standard: HBM3, channels: 3, xor: [[10, 20]]",
         "pc_hash: expected none, as xor needs a power of two of PCs in a slice, got xor with 6"},
        {"standard: HBM3, channels: 3, pc_hash: none, xor: [[10, 20]]",
         "xor: expected no XOR where a count is no power of two"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[512], message[256];
        (void)snprintf(text, sizeof text, "kernbench: 1\ncomponents:\n- {name: m, impl: hbm, %s}\n",
                       cases[i].keys);
        kb_alloc alloc = kb_alloc_system();
        kb_topology *topology = NULL;
        kb_error err = KB_ERROR_INIT;
        CHECK_EQ(kb_topology_parse(&alloc, text, strlen(text), "my.yaml", &topology, &err),
                 KB_TOPOLOGY);
        (void)snprintf(message, sizeof message, "%s", cases[i].message);
        if (!CHECK(strstr(err.message, message)))
            printf("#     got      %s\n#     expected %s\n", err.message, message);
        CHECK_EQ(alloc.live_nbytes, 0);
    }
}

static void lays_values_over_a_text(void) {
    static const char text[] = "kernbench: 1\nsystem: {sips: 4, cube: {pes: 4}}\n";
    static const struct {
        const char *overlay, *message;
    } cases[] = {
        {"{system: {sips: 0}}",
         "override: system.sips: expected an integer from 1 to 4096, got \"0\""},
        {"{system: {sipz: 2}}", "override: system.sipz: unknown key; did you mean sips"},
        {"{system: {pe: {tcm: {capacty: 2}}}}",
         "override: system.pe.tcm.capacty: unknown key; did you mean capacity"},
        {"{system: {cube: {pes: 5}}}",
         "my.yaml:2:25: system.cube.hbm.channels: expected PCs in a multiple of cube.pes (5), got 16 channels"},
        {"{system: 7}", "override: system: expected a mapping, got \"7\""},
        {"[1]", "override: expected a mapping that begins with"},
        {"{system: ", "override:2:1: expected YAML"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        kb_alloc alloc = kb_alloc_system();
        kb_error err = KB_ERROR_INIT;
        kb_topology *topology = NULL;
        kb_status status =
            kb_topology_parse_overlaid(&alloc, text, strlen(text), "my.yaml", cases[i].overlay,
                                       strlen(cases[i].overlay), &topology, &err);
        CHECK_EQ(status, KB_TOPOLOGY);
        if (!CHECK(strstr(err.message, cases[i].message) == err.message))
            printf("#     got      %s\n#     expected %s\n", err.message, cases[i].message);
        CHECK_EQ(alloc.live_nbytes, 0);
    }
}

/* Too big a machine costs neither time nor memory: four million cubes here. */
static void allocates_nothing_for_millions_of_cubes(void) {
    static const char text[] = "{kernbench: 1, system: {sips: 4096, sip: {cubes: [32, 32]}}}";
    kb_alloc alloc = kb_alloc_system();
    kb_topology *topology = NULL;
    CHECK_EQ(kb_topology_parse(&alloc, text, strlen(text), "t", &topology, NULL), KB_TOPOLOGY);
    CHECK(alloc.peak_nbytes < 100000);
    CHECK_EQ(alloc.live_nbytes, 0);
}

/* Every beginning of a good text is good, or refused with a message; nothing is lost. */
static void survives_truncation(void) {
    char *text = read_source_file(__FILE__, "kernbench/topology/presets/small.yaml");
    static const char graph[] =
        "{kernbench: 1, components: [{name: a, impl: endpoint}, {name: b, impl: transit}], meshes: "
        "[{name: m, dims: [2, 2], link: {GBps: 4}}], links: [{from: a, to: m.r0_1, GBps: \"1.5\"}]}";
    const char *const texts[] = {text ? text : "", graph};
    CHECK(text);
    for (size_t i = 0; i < 2; i++) {
        for (size_t length = 0; length < strlen(texts[i]); length++) {
            kb_alloc alloc = kb_alloc_system();
            kb_error err = KB_ERROR_INIT;
            kb_topology *topology = NULL;
            kb_status status = kb_topology_parse(&alloc, texts[i], length, "t", &topology, &err);
            CHECK(status == KB_OK || (status == KB_TOPOLOGY && strncmp(err.message, "t:", 2) == 0));
            kb_topology_destroy(topology);
            CHECK_EQ(alloc.live_nbytes, 0);
        }
    }
    free(text);
}

int main(void) {
    TAP_RUN(refuses_bad_roots);
    TAP_RUN(refuses_bad_components);
    TAP_RUN(refuses_bad_links);
    TAP_RUN(refuses_bad_meshes);
    TAP_RUN(a_mesh_may_be_large);
    TAP_RUN(refuses_bad_systems);
    TAP_RUN(refuses_bad_standards);
    TAP_RUN(lays_values_over_a_text);
    TAP_RUN(allocates_nothing_for_millions_of_cubes);
    TAP_RUN(survives_truncation);
    return tap_finish();
}
