/* Every parameter of a machine: one table per group, from which come the struct, the YAML keys, the
 * defaults (= preset `default`), the range checks and the generated reference page.
 *
 * X(key, field, kind, default, minimum, maximum, "meaning [source]")
 *   kind      YAML value                C type      meaning of the field
 *   COUNT     integer                   int64_t     a number of things
 *   NBYTES    integer                   int64_t     bytes
 *   NS        decimal, nanoseconds      int64_t     femtoseconds, rounded up once (ADR-0038 D2)
 *   GBPS      decimal, 10^9 bytes/s     kb_ratio    femtoseconds per byte
 *   GHZ       decimal                   kb_ratio    femtoseconds per cycle
 *   FACTOR    decimal                   kb_ratio    a plain exact number
 *   FLAG      true | false              int64_t     0 or 1
 *   LIMIT     integer | unbounded       int64_t     a number of things; 0: without limit
 *   CHOICE    one of a list of words    int64_t     position in the list; `minimum` is the list, words
 *                                                   separated by '|', `maximum` is unused
 * The default is the text as a YAML file would write it.  Sources: [S] public figure, [D] derived,
 * [A] assumption; the figures are collected in docs/reference.
 */
#ifndef KB_SPEC_PARAMS_H
#define KB_SPEC_PARAMS_H

#include <stdint.h>

#include "base/ratio.h"

#define KB_PARAMS_HOST(X)                                                                         \
    X("call_ns", call_fs, NS, "2000", 0, 1e9, "host time of a runtime call that issues work [A]") \
    X("GBps", link, GBPS, "55", 0, 0, "host link, each way: PCIe 5 x16 effective [S]")            \
    X("latency_ns", latency_fs, NS, "500", 0, 1e9, "host link, one way [A]")

#define KB_PARAMS_FABRIC(X)                                                                    \
    X("kind", kind, CHOICE, "switch", "switch|ring|mesh|torus", 0, "how the SIPs are joined")  \
    X("GBps", link, GBPS, "400", 0, 0, "one link, each way: NVLink-4 class [S]")               \
    X("links", links, COUNT, "1", 1, 1024, "links side by side, each flit striped over all")   \
    X("payload", payload, FACTOR, "1", 0, 0, "what framing leaves of a link's rate, up to 1")  \
    X("latency_ns", latency_fs, NS, "600", 0, 1e9, "one link, one way [A]")                    \
    X("overhead_ns", overhead_fs, NS, "2", 0, 1e9, "head flit at a switch or port [A]")        \
    X("serialize", serialize, CHOICE, "port", "port|router", 0,                                \
      "a switch or port: a server a port, or one")                                             \
    X("buffer_flits", buffer_flits, LIMIT, "unbounded", 1, 1e6, "places of an input link [A]") \
    X("virtual_channels", channels, COUNT, "1", 1, 2, "that have such a buffer each [A]")

/* The switch adds up what the same PE of several SIPs sends it, and gives the total to each of them
 * (ADR-0072). */
#define KB_PARAMS_REDUCTION(X)                                                     \
    X("unit", unit, CHOICE, "none", "none|switch", 0,                              \
      "what reduces on the way: nothing, or the switch of `kind: switch`")         \
    X("GBps", rate, GBPS, "1800", 0, 0, "totals, all operands of one at once [A]") \
    X("latency_ns", latency_fs, NS, "50", 0, 1e9, "pipelined [A]")                 \
    X("slots", slots, COUNT, "16", 1, 65536,                                       \
      "totals of one group, channel and PE number under way; no more than `pe.ipcq.depth` [A]")

#define KB_PARAMS_IO(X)                                                                        \
    X("decode_ns", decode_fs, NS, "500", 0, 1e9, "IO_CPU: decode of a launch [A]")             \
    X("issue_ns", issue_fs, NS, "20", 0, 1e9, "IO_CPU: serial issue to one cube [A]")          \
    X("merge_ns", merge_fs, NS, "10", 0, 1e9, "IO_CPU: merging one cube's response [A]")       \
    X("margin_ns", margin_fs, NS, "50", 0, 1e9, "slack of the global start barrier [A]")       \
    X("overhead_ns", overhead_fs, NS, "2", 0, 1e9, "head flit at the IO crossbar [A]")         \
    X("GBps", link, GBPS, "256", 0, 0, "links of the IO crossbar, each way [A]")               \
    X("latency_ns", latency_fs, NS, "0.5", 0, 1e9, "links of the IO crossbar [A]")             \
    X("serialize", serialize, CHOICE, "port", "port|router", 0,                                \
      "the IO crossbar: a server a port, or one")                                              \
    X("buffer_flits", buffer_flits, LIMIT, "unbounded", 1, 1e6, "places of an input link [A]") \
    X("virtual_channels", channels, COUNT, "1", 1, 2, "that have such a buffer each [A]")

#define KB_PARAMS_M_CPU(X)                                                           \
    X("decode_ns", decode_fs, NS, "100", 0, 1e9, "decode of a launch or a copy [A]") \
    X("issue_ns", issue_fs, NS, "10", 0, 1e9, "serial issue to one PE [A]")          \
    X("dma_channels", dma_channels, COUNT, "2", 1, 64, "M_CPU.DMA channels [A]")     \
    X("dma_GBps", dma, GBPS, "64", 0, 0, "one M_CPU.DMA channel [A]")

#define KB_PARAMS_NOC(X)                                                                         \
    X("kind", kind, CHOICE, "mesh", "mesh|torus", 0, "a torus joins its edges, both ways")       \
    X("overhead_ns", overhead_fs, NS, "2", 0, 1e9, "head flit at a router [A]")                  \
    X("GBps", link, GBPS, "128", 0, 0, "one mesh link, each way: 64 B each 0.5 ns [A]")          \
    X("latency_ns", latency_fs, NS, "0.5", 0, 1e9, "one mesh link [A]")                          \
    X("ni_in_ns", ni_in_fs, NS, "2", 0, 1e9, "injection: overhead of the sending component [A]") \
    X("ni_out_ns", ni_out_fs, NS, "2", 0, 1e9, "ejection: added to its link's propagation [A]")  \
    X("serialize", serialize, CHOICE, "port", "port|router", 0,                                  \
      "a router: a server a port, or one")                                                       \
    X("buffer_flits", buffer_flits, LIMIT, "unbounded", 1, 1e6, "places of an input link [A]")   \
    X("virtual_channels", channels, COUNT, "1", 1, 2, "that have such a buffer each [A]")

#define KB_PARAMS_UCIE(X)                                                                       \
    X("GBps", link, GBPS, "236", 0, 0, "one cube edge, each way: 2 x64 at 16 GT/s, framed [S]") \
    X("port_GBps", port, GBPS, "128", 0, 0, "from the NoC to the port, each way [A]")           \
    X("latency_ns", latency_fs, NS, "5", 0, 1e9, "PHY, adapter and crossing [S]")               \
    X("overhead_ns", overhead_fs, NS, "2", 0, 1e9, "head flit at a UCIe port [A]")              \
    X("serialize", serialize, CHOICE, "port", "port|router", 0,                                 \
      "a UCIe port: a server a port, or one")                                                   \
    X("buffer_flits", buffer_flits, LIMIT, "unbounded", 1, 1e6, "places of an input link [A]")  \
    X("virtual_channels", channels, COUNT, "1", 1, 2, "that have such a buffer each [A]")

/* A memory with a `standard` has banks (ADR-0052), and its size and speed are the standard's; without one,
 * each PC is a serial server (`pc_GBps`) behind a fixed, pipelined access time (ADR-0034).  The keys of one
 * are refused beside the other (spec/dram_read.h), which also reads `mapping`, `xor` and `timing`. */
#define KB_PARAMS_HBM(X)                                                                           \
    X("standard", standard, CHOICE, "HBM3_6400_16Gb_8hi",                                          \
      "none|HBM2|HBM2E|HBM3|HBM3E|HBM4|HBM2_2000_16Gb_8hi|HBM2_2400_16Gb_8hi|HBM2E_3600_16Gb_8hi|" \
      "HBM3_6400_16Gb_8hi|HBM3E_9600_16Gb_8hi|HBM4_8000_16Gb_8hi",                                 \
      0, "named geometry and timing set; a generation is its fastest here [S]")                    \
    X("channels", channels, COUNT, "16", 1, 2048, "with a standard: of the stack, or fewer [S]")   \
    X("refresh", refresh, CHOICE, "all_bank", "none|all_bank|per_bank", 0, "with a standard")      \
    X("queue", queue, COUNT, "32", 1, 4096,                                                        \
      "with a standard: look-ahead of a PC, in bursts, for reads and for writes [S]")              \
    X("write_high", write_high, COUNT, "80", 1, 100,                                               \
      "with a standard: percent of the queue from which writes are drained [S]")                   \
    X("write_low", write_low, COUNT, "20", 0, 99, "with a standard: down to so many percent [S]")  \
    X("write_wait", write_wait, COUNT, "256", 1, 1e6,                                              \
      "with a standard: bursts read before writes that wait are drained anyway [A]")               \
    X("bank_hash", bank_hash, CHOICE, "xor", "none|xor", 0,                                        \
      "with a standard: bank group bits XOR all higher offset bits [A]")                           \
    X("capacity", capacity_nbytes, NBYTES, "17179869184", 4096, 1e15, "one stack: 16Gb_8hi [S]")   \
    X("pcs", pcs, COUNT, "32", 1, 4096, "pseudo-channels: 16 channels x 2 [S]")                    \
    X("pc_GBps", pc, GBPS, "25.6", 0, 0, "one pseudo-channel [S]")                                 \
    X("access_ns", access_fs, NS, "33.1", 0, 1e9, "closed row: tRCD + tCL + BL of HBM3 [S]")       \
    X("interleave", interleave_nbytes, NBYTES, "256", 32, 1e9, "bytes per PC before the next [S]") \
    X("pc_hash", pc_hash, CHOICE, "xor", "none|xor", 0, "PC bits XOR all higher offset bits [S]")  \
    X("request_ns", request_fs, NS, "10", 0, 1e9, "controller, on the way in [A]")                 \
    X("response_ns", response_fs, NS, "5", 0, 1e9, "controller, on the way out [A]")               \
    X("attach", attach, CHOICE, "pe", "pe|port", 0, "a slice for each PE, or each remote port")    \
    X("local_GBps", local, GBPS, "102.4", 0, 0, "a PE's own port to its slice: 4 PCs [D]")         \
    X("local_latency_ns", local_latency_fs, NS, "0.5", 0, 1e9, "a PE's own port [A]")              \
    X("remote_ports", remote_ports, COUNT, "2", 1, 64, "ports on the cube NoC [A]")                \
    X("port_GBps", port, GBPS, "128", 0, 0, "one port on the cube NoC, each way [A]")

#define KB_PARAMS_SRAM(X)                                                                    \
    X("capacity", capacity_nbytes, NBYTES, "8388608", 64, 1e12, "shared SRAM of a cube [A]") \
    X("GBps", rate, GBPS, "256", 0, 0, "one port [A]")                                       \
    X("access_ns", access_fs, NS, "10", 0, 1e9, "fixed, pipelined [A]")

#define KB_PARAMS_PE(X)                                                          \
    X("clock_ghz", clock, GHZ, "1", 0, 0, "clock of the PE and its engines [A]") \
    X("contexts", contexts, COUNT, "1", 1, 16, "programs in flight per PE")      \
    X("comm_contexts", comm_contexts, COUNT, "2", 1, 16,                         \
      "programs of collectives in flight per PE, beside those")                  \
    X("comm_tcm", comm_tcm_nbytes, NBYTES, "524288", 64, 1e12,                   \
      "TCM of the programs of collectives, of their own [A]")

/* Costs are in PE_CPU cycles. */
#define KB_PARAMS_PE_CPU(X)                                                                      \
    X("wake_ns", wake_fs, NS, "50", 0, 1e9, "from launch command to ready [A]")                  \
    X("scalar_cycles", scalar_cycles, COUNT, "1", 0, 1e6, "scalar arithmetic, moves [A]")        \
    X("branch_cycles", branch_cycles, COUNT, "1", 0, 1e6, "jumps and branches [A]")              \
    X("block_cycles", block_cycles, COUNT, "2", 0, 1e6, "affine index-block operation [A]")      \
    X("dense_cycles", dense_cycles, COUNT, "1", 0, 1e6, "per element of a dense vector [A]")     \
    X("command_cycles", command_cycles, COUNT, "20", 0, 1e6, "composing one engine command [A]") \
    X("switch_cycles", switch_cycles, COUNT, "10", 0, 1e6, "changing to another context [A]")

#define KB_PARAMS_PE_SCHED(X)                                                              \
    X("queue", queue, COUNT, "64", 1, 65536, "commands that wait or run, per context [A]") \
    X("dispatch_ns", dispatch_fs, NS, "0", 0, 1e9, "from ready to the engine [A]")         \
    X("token_ns", token_fs, NS, "2", 0, 1e9, "from one tile token of a composite to the next [A]")

#define KB_PARAMS_PE_DMA(X)                                                                   \
    X("setup_ns", setup_fs, NS, "20", 0, 1e9, "per descriptor, pipelined [A]")                \
    X("window", window_nbytes, NBYTES, "16384", 64, 1e9, "outstanding bytes per channel [A]") \
    X("read_channels", read_channels, COUNT, "1", 1, 16, "read channels [A]")                 \
    X("write_channels", write_channels, COUNT, "1", 1, 16, "write channels [A]")

/* Rates multiply the MAC array's speed for operands of that dtype. */
#define KB_PARAMS_PE_GEMM(X)                                                                       \
    X("m", m, COUNT, "64", 1, 65536, "rows of the MAC array [A]")                                  \
    X("n", n, COUNT, "64", 1, 65536, "columns of the MAC array [A]")                               \
    X("k", k, COUNT, "1", 1, 65536, "depth of the MAC array per cycle [A]")                        \
    X("fill_cycles", fill_cycles, COUNT, "126", 0, 1e6, "m + n - 2, when the engine was idle [D]") \
    X("rate_fp8", rate_fp8, FACTOR, "2", 0, 0, "fp8 operands [A]")                                 \
    X("rate_int8", rate_int8, FACTOR, "2", 0, 0, "int8 operands [A]")                              \
    X("rate_fp16", rate_fp16, FACTOR, "1", 0, 0, "fp16 and bf16 operands [A]")                     \
    X("rate_tf32", rate_tf32, FACTOR, "0.5", 0, 0, "fp32 operands as tf32 [A]")                    \
    X("rate_fp32", rate_fp32, FACTOR, "0.25", 0, 0, "fp32 operands [A]")                           \
    X("rate_fp64", rate_fp64, FACTOR, "0.0625", 0, 0, "fp64 operands [A]")

/* Cycles are per element and lane.  A reduction of n elements: n / lanes + log2(lanes) cycles. */
#define KB_PARAMS_PE_MATH(X)                                                                     \
    X("lane_bits", lane_bits, COUNT, "2048", 64, 1e6, "128 lanes of 16 bits, 64 of 32 [A]")      \
    X("latency_cycles", latency_cycles, COUNT, "2", 0, 1e6, "pipeline latency [S]")              \
    X("simple_cycles", simple_cycles, COUNT, "1", 1, 1e6, "add mul max cast where fma move [S]") \
    X("divide_cycles", divide_cycles, COUNT, "4", 1, 1e6, "div sqrt rsqrt [A]")                  \
    X("special_cycles", special_cycles, COUNT, "8", 1, 1e6, "exp log sin tanh erf pow [A]")      \
    X("transpose_cycles", transpose_cycles, COUNT, "2", 1, 1e6, "transpose, permute, gather [A]")

#define KB_PARAMS_PE_TCM(X)                                                                 \
    X("capacity", capacity_nbytes, NBYTES, "1048576", 64, 1e12, "scratchpad of one PE [A]") \
    X("bytes_per_cycle", bytes_per_cycle, COUNT, "512", 1, 1e6,                             \
      "each engine's port: 16 x 32 B [A]")                                                  \
    X("access_ns", access_fs, NS, "4", 0, 1e9, "a value that PE_CPU reads [A]")

#define KB_PARAMS_PE_MMU(X)                                                        \
    X("page", page_nbytes, NBYTES, "2097152", 4096, 1e12, "page size [A]")         \
    X("entries", entries, COUNT, "64", 1, 65536, "TLB entries [A]")                \
    X("hit_ns", hit_fs, NS, "1", 0, 1e9, "per descriptor [A]")                     \
    X("walk", walk, CHOICE, "hbm", "hbm|none", 0,                                  \
      "what a TLB miss reads: the page table in the PE's slice, or nothing")       \
    X("miss_ns", miss_fs, NS, "0", 0, 1e9, "a TLB miss, beside what it reads [A]") \
    X("install", install, CHOICE, "free", "free|timed", 0,                         \
      "whether a tensor's map takes time: each cube's M_CPU writes its page tables")

/* What lies at the receiver of a ring is depth * slot bytes, beside the TCM of kernels. */
#define KB_PARAMS_PE_IPCQ(X)                                                   \
    X("depth", depth, COUNT, "16", 1, 65536, "slots of a ring [A]")            \
    X("slot", slot_nbytes, NBYTES, "16384", 1, 1e9, "the largest message [A]") \
    X("channels", channels, COUNT, "4096", 1, 1e6,                             \
      "rings from one PE to another, each"                                     \
      " taken when it is first used [A]")                                      \
    X("memory", memory, CHOICE, "tcm", "tcm|sram|hbm", 0, "where a receiver's slots lie")

/* What is counted: X(path under `system:`, key, grid, field of kb_system, default, maximum, "meaning").  A
 * grid is `key: [x, y]`, and default and maximum are those of each.  Maxima: what an address can name. */
#define KB_COUNT_LIST(X)                                                                   \
    X("", "sips", false, n_sips, 2, 4096, "SIPs; one rank is one SIP")                     \
    X("fabric", "dims", true, fabric_x, 0, 4096, "SIPs of a mesh or torus: columns, rows") \
    X("sip", "cubes", true, cubes_x, 4, 1024, "cubes of a SIP: columns, rows")             \
    X("cube", "pes", false, n_pes, 8, 1024, "PEs of a cube")                               \
    X("cube.noc", "dims", true, noc_x, 4, 4096,                                            \
      "routers of a cube: columns, rows; 1 x 1: a crossbar")

/* X(group, YAML key path under `system:`) - every table above, in the order of the reference page */
#define KB_PARAM_GROUPS(X)                      \
    X(HOST, host, "host")                       \
    X(FABRIC, fabric, "fabric")                 \
    X(REDUCTION, reduction, "fabric.reduction") \
    X(IO, io, "sip.io")                         \
    X(M_CPU, m_cpu, "cube.m_cpu")               \
    X(NOC, noc, "cube.noc")                     \
    X(UCIE, ucie, "cube.ucie")                  \
    X(HBM, hbm, "cube.hbm")                     \
    X(SRAM, sram, "cube.sram")                  \
    X(PE, pe, "pe")                             \
    X(PE_CPU, pe_cpu, "pe.cpu")                 \
    X(PE_SCHED, pe_sched, "pe.sched")           \
    X(PE_DMA, pe_dma, "pe.dma")                 \
    X(PE_GEMM, pe_gemm, "pe.gemm")              \
    X(PE_MATH, pe_math, "pe.math")              \
    X(PE_TCM, pe_tcm, "pe.tcm")                 \
    X(PE_MMU, pe_mmu, "pe.mmu")                 \
    X(PE_IPCQ, pe_ipcq, "pe.ipcq")

#define KB_PARAM_TYPE_COUNT int64_t
#define KB_PARAM_TYPE_NBYTES int64_t
#define KB_PARAM_TYPE_NS int64_t
#define KB_PARAM_TYPE_GBPS kb_ratio
#define KB_PARAM_TYPE_GHZ kb_ratio
#define KB_PARAM_TYPE_FACTOR kb_ratio
#define KB_PARAM_TYPE_FLAG int64_t
#define KB_PARAM_TYPE_CHOICE int64_t
#define KB_PARAM_TYPE_LIMIT int64_t

#define KB_PARAM_FIELD(key, field, kind, default_, minimum, maximum, meaning) \
    KB_PARAM_TYPE_##kind field;

/* struct kb_params_hbm { int64_t capacity_nbytes; ... }, one per group */
#define KB_PARAM_STRUCT(GROUP, group, path) \
    typedef struct kb_params_##group {      \
        KB_PARAMS_##GROUP(KB_PARAM_FIELD)   \
    } kb_params_##group;
KB_PARAM_GROUPS(KB_PARAM_STRUCT)
#undef KB_PARAM_STRUCT

enum { KB_FABRIC_SWITCH, KB_FABRIC_RING, KB_FABRIC_MESH, KB_FABRIC_TORUS };
enum { KB_REDUCTION_NONE, KB_REDUCTION_SWITCH };
enum { KB_SERIALIZE_PORT, KB_SERIALIZE_ROUTER };
enum { KB_IPCQ_TCM, KB_IPCQ_SRAM, KB_IPCQ_HBM };
enum { KB_NOC_MESH, KB_NOC_TORUS };
enum { KB_PC_HASH_NONE, KB_PC_HASH_XOR };
enum { KB_WALK_HBM, KB_WALK_NONE };
enum { KB_INSTALL_FREE, KB_INSTALL_TIMED };
enum { KB_STANDARD_NONE };
enum { KB_REFRESH_NONE, KB_REFRESH_ALL_BANK, KB_REFRESH_PER_BANK };
enum { KB_HBM_PER_PE, KB_HBM_PER_PORT };

/* Every parameter of one machine. */
typedef struct kb_params {
#define X(GROUP, group, path) kb_params_##group group;
    KB_PARAM_GROUPS(X)
#undef X
} kb_params;

#endif
