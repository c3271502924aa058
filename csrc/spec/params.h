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
 * [A] assumption; none: a matter of choice.  The comment above a table opens its section of the page, where
 * numbers of ADRs and paths of pages become links.
 */
#ifndef KB_SPEC_PARAMS_H
#define KB_SPEC_PARAMS_H

#include <stdint.h>

#include "base/ratio.h"

/* The host runs the script and has one link to each SIP. Its calls take host time; copies, launches
 * and responses cross the link (ADR-0049). */
#define KB_PARAMS_HOST(X)                                                                   \
    X("call_ns", call_fs, NS, "2000", 0, 1e9,                                               \
      "what a call that issues work (a launch, a copy) takes of host time: the least time " \
      "between two of them [A]")                                                            \
    X("GBps", link, GBPS, "55", 0, 0,                                                       \
      "each SIP's host link, each way: the bound of copies; PCIe 5 x16, effective [S]")     \
    X("latency_ns", latency_fs, NS, "500", 0, 1e9,                                          \
      "host link, one way: on every copy, launch and response [A]")

/* What joins the SIPs at their IO chiplets. A flit takes ceil(flit_bytes / (links * GBps * payload))
 * on the way to a neighbour. Routes take X before Y, and the shorter way round (ADR-0037). `dims` is
 * for a mesh or torus. */
#define KB_PARAMS_FABRIC(X)                                                                      \
    X("kind", kind, CHOICE, "switch", "switch|ring|mesh|torus", 0,                               \
      "how the SIPs are joined: all to one switch, or each to its neighbours")                   \
    X("GBps", link, GBPS, "400", 0, 0, "one link, each way, before framing: NVLink-4 class [S]") \
    X("links", links, COUNT, "1", 1, 1024,                                                       \
      "links side by side between two neighbours; each flit is striped over all, so their "      \
      "rates add up")                                                                            \
    X("payload", payload, FACTOR, "1", 0, 0, "what framing leaves of a link's rate; at most 1")  \
    X("latency_ns", latency_fs, NS, "600", 0, 1e9, "one link, one way [A]")                      \
    X("overhead_ns", overhead_fs, NS, "2", 0, 1e9,                                               \
      "what the head flit of a message takes at a switch or port; pipelined: later, not "        \
      "slower [A]")                                                                              \
    X("serialize", serialize, CHOICE, "port", "port|router", 0,                                  \
      "`port`: a server for each output; `router`: one for all of them, which divides what "     \
      "it carries")                                                                              \
    X("buffer_flits", buffer_flits, LIMIT, "unbounded", 1, 1e6,                                  \
      "places in the buffer of each input link: a flit waits until it has one to go to, so "     \
      "what is ahead holds up what is behind; fewer than a round trip takes slow the link, "     \
      "and are warned of with the number that is enough [A]")                                    \
    X("virtual_channels", channels, COUNT, "1", 1, 2,                                            \
      "sets of such places for each input link; rings of more than four SIPs need 2 where "      \
      "buffers are finite [A]")

/* The switch adds up what the same PE of several SIPs sends it, and gives the total to each of them
 * (ADR-0072). */
#define KB_PARAMS_REDUCTION(X)                                                              \
    X("unit", unit, CHOICE, "none", "none|switch", 0,                                       \
      "what reduces on the way: nothing, or the switch, which needs `fabric.kind: switch`") \
    X("GBps", rate, GBPS, "1800", 0, 0,                                                     \
      "at which totals are made, all operands of one at once [A]")                          \
    X("latency_ns", latency_fs, NS, "50", 0, 1e9,                                           \
      "from the last operand to the total; pipelined [A]")                                  \
    X("slots", slots, COUNT, "16", 1, 65536,                                                \
      "totals of one group, channel and PE number under way; no more than `pe.ipcq.depth` " \
      "[A]")

/* The IO chiplet of a SIP: IO_CPU (ADR-0036), and the crossbar that joins it to the host link, the
 * cubes of column 0 and the fabric. */
#define KB_PARAMS_IO(X)                                                                       \
    X("decode_ns", decode_fs, NS, "500", 0, 1e9,                                              \
      "IO_CPU: decode of a launch, one after another; overlaps the launch before it in its "  \
      "stream [A]")                                                                           \
    X("issue_ns", issue_fs, NS, "20", 0, 1e9,                                                 \
      "IO_CPU: from one cube's message to the next one's: a fan-out takes as many as there "  \
      "are cubes [A]")                                                                        \
    X("merge_ns", merge_fs, NS, "10", 0, 1e9,                                                 \
      "IO_CPU: merging the response of one cube, one after another [A]")                      \
    X("margin_ns", margin_fs, NS, "50", 0, 1e9,                                               \
      "what the global start barrier adds to the time of an idle fan-out; PEs whose command " \
      "comes later still start late (`late_pes`) [A]")                                        \
    X("overhead_ns", overhead_fs, NS, "2", 0, 1e9,                                            \
      "what a head flit takes at the crossbar, the host port and so on; pipelined [A]")       \
    X("GBps", link, GBPS, "256", 0, 0, "links of the crossbar, each way [A]")                 \
    X("latency_ns", latency_fs, NS, "0.5", 0, 1e9, "links of the crossbar, one way [A]")      \
    X("serialize", serialize, CHOICE, "port", "port|router", 0,                               \
      "`port`: a server for each output; `router`: one for all of them, which divides what "  \
      "it carries")                                                                           \
    X("buffer_flits", buffer_flits, LIMIT, "unbounded", 1, 1e6,                               \
      "places in the buffer of each input link: a flit waits until it has one to go to, so "  \
      "what is ahead holds up what is behind; fewer than a round trip takes slow the link, "  \
      "and are warned of with the number that is enough [A]")                                 \
    X("virtual_channels", channels, COUNT, "1", 1, 2,                                         \
      "sets of such places for each input link, as those of `fabric` [A]")

/* M_CPU of a cube takes launches to its PEs, and its DMA moves the bytes of host copies (ADR-0035). */
#define KB_PARAMS_M_CPU(X)                                                                    \
    X("decode_ns", decode_fs, NS, "100", 0, 1e9,                                              \
      "decode of a launch or a copy, one after another [A]")                                  \
    X("issue_ns", issue_fs, NS, "10", 0, 1e9,                                                 \
      "from one PE's launch to the next one's: a fan-out takes as many as there are PEs [A]") \
    X("dma_channels", dma_channels, COUNT, "2", 1, 64,                                        \
      "pieces of copies that M_CPU.DMA moves at a time [A]")                                  \
    X("dma_GBps", dma, GBPS, "64", 0, 0,                                                      \
      "one such channel: a cube copies at `dma_channels` times that, or as fast as its "      \
      "links [A]")

/* The network of a cube: a mesh or torus of routers, to which PEs, M_CPU, SRAM, the ports of HBM and
 * the UCIe ports are attached (ADR-0017). X before Y. */
#define KB_PARAMS_NOC(X)                                                                     \
    X("kind", kind, CHOICE, "mesh", "mesh|torus", 0,                                         \
      "`torus` joins its edges, and routes take the shorter way round")                      \
    X("overhead_ns", overhead_fs, NS, "2", 0, 1e9,                                           \
      "what a head flit takes at a router; pipelined: each router on the way delays a "      \
      "message by it [A]")                                                                   \
    X("GBps", link, GBPS, "128", 0, 0,                                                       \
      "one link, each way, the attachments of parts too: 64 B each 0.5 ns [A]")              \
    X("latency_ns", latency_fs, NS, "0.5", 0, 1e9, "one link, one way [A]")                  \
    X("ni_in_ns", ni_in_fs, NS, "2", 0, 1e9,                                                 \
      "injection: the overhead of whatever sends into the network [A]")                      \
    X("ni_out_ns", ni_out_fs, NS, "2", 0, 1e9,                                               \
      "ejection: added to the propagation of the link out of it [A]")                        \
    X("serialize", serialize, CHOICE, "port", "port|router", 0,                              \
      "`port`: a server for each output; `router`: one for all of them, which divides what " \
      "it carries")                                                                          \
    X("buffer_flits", buffer_flits, LIMIT, "unbounded", 1, 1e6,                              \
      "places in the buffer of each input link: a flit waits until it has one to go to, so " \
      "what is ahead holds up what is behind; fewer than a round trip takes slow the link, " \
      "and are warned of with the number that is enough [A]")                                \
    X("virtual_channels", channels, COUNT, "1", 1, 2,                                        \
      "sets of such places for each input link; 2 where the network is a torus, or UCIe "    \
      "ports have finite buffers too (ADR-0037 D12) [A]")

/* The ports on a cube's four edges: links to the cubes beside it, and of column 0 to the IO chiplet. A
 * flit takes ceil(flit_bytes / GBps) from port to port. Between NoC and port it is `port_GBps`. */
#define KB_PARAMS_UCIE(X)                                                                    \
    X("GBps", link, GBPS, "236", 0, 0,                                                       \
      "one edge of a cube, each way: 2 x64 at 16 GT/s, framed [S]")                          \
    X("port_GBps", port, GBPS, "128", 0, 0, "from the network to the port, and back [A]")    \
    X("latency_ns", latency_fs, NS, "5", 0, 1e9,                                             \
      "from port to port, one way: PHY, adapter and crossing [S]")                           \
    X("overhead_ns", overhead_fs, NS, "2", 0, 1e9,                                           \
      "what a head flit takes at a port; pipelined [A]")                                     \
    X("serialize", serialize, CHOICE, "port", "port|router", 0,                              \
      "`port`: a server for each output; `router`: one for all of them, which divides what " \
      "it carries")                                                                          \
    X("buffer_flits", buffer_flits, LIMIT, "unbounded", 1, 1e6,                              \
      "places in the buffer of each input link: a flit waits until it has one to go to, so " \
      "what is ahead holds up what is behind; fewer than a round trip takes slow the link, " \
      "and are warned of with the number that is enough [A]")                                \
    X("virtual_channels", channels, COUNT, "1", 1, 2,                                        \
      "sets of such places for each input link; 1 is enough beside 2 of `noc` [A]")

/* The HBM of a cube. With a `standard` it has banks, and the standard gives its size, its
 * pseudo-channels (PCs) and its speed (docs/reference/dram-standards.md, ADR-0052); `standard: none`,
 * or any key of it, makes each PC a serial server of `pc_GBps` behind `access_ns` (ADR-0034). Keys
 * that say so are for one of them, and refused beside the other. `mapping`, `xor` and `timing`, too,
 * are for a standard (docs/howto/describe-a-machine.md). PCs, bytes and slices must divide evenly. */
#define KB_PARAMS_HBM(X)                                                                           \
    X("standard", standard, CHOICE, "HBM3_6400_16Gb_8hi",                                          \
      "none|HBM2|HBM2E|HBM3|HBM3E|HBM4|HBM2_2000_16Gb_8hi|HBM2_2400_16Gb_8hi|HBM2E_3600_16Gb_8hi|" \
      "HBM3_6400_16Gb_8hi|HBM3E_9600_16Gb_8hi|HBM4_8000_16Gb_8hi",                                 \
      0, "geometry and timing set by name; a generation's name is its fastest here [S]")           \
    X("channels", channels, COUNT, "16", 1, 2048,                                                  \
      "with a standard: channels of two PCs; those of the stack, or fewer [S]")                    \
    X("refresh", refresh, CHOICE, "all_bank", "none|all_bank|per_bank", 0,                         \
      "with a standard: every PC stops for tRFC each tREFI, or one bank at a time does, or "       \
      "none")                                                                                      \
    X("queue", queue, COUNT, "32", 1, 4096,                                                        \
      "with a standard: bursts that a PC looks ahead, for reads and for writes each; more "        \
      "find more row hits [S]")                                                                    \
    X("write_high", write_high, COUNT, "80", 1, 100,                                               \
      "with a standard: percent of the queue at which waiting writes are drained; above "          \
      "`write_low` [S]")                                                                           \
    X("write_low", write_low, COUNT, "20", 0, 99,                                                  \
      "with a standard: percent down to which they are drained [S]")                               \
    X("write_wait", write_wait, COUNT, "256", 1, 1e6,                                              \
      "with a standard: bursts read before writes that wait are drained anyway [A]")               \
    X("bank_hash", bank_hash, CHOICE, "xor", "none|xor", 0,                                        \
      "with a standard: bank group bits XOR all higher offset bits, so that strides spread "       \
      "over groups [A]")                                                                           \
    X("capacity", capacity_nbytes, NBYTES, "17179869184", 4096, 1e15,                              \
      "without a standard: bytes of the stack; 16 GiB is a 16Gb_8hi [S]")                          \
    X("pcs", pcs, COUNT, "32", 1, 4096,                                                            \
      "without a standard: pseudo-channels; 16 channels of 2 [S]")                                 \
    X("pc_GBps", pc, GBPS, "25.6", 0, 0, "without a standard: one pseudo-channel [S]")             \
    X("access_ns", access_fs, NS, "33.1", 0, 1e9,                                                  \
      "without a standard: from service to data, pipelined; a closed row's tRCD + tCL + "          \
      "burst of HBM3 [S]")                                                                         \
    X("interleave", interleave_nbytes, NBYTES, "256", 32, 1e9,                                     \
      "bytes in one PC before the next one's; a power of two, of `flit_bytes` at least [S]")       \
    X("pc_hash", pc_hash, CHOICE, "xor", "none|xor", 0,                                            \
      "PC bits XOR all higher offset bits, so that power-of-two strides spread over PCs [S]")      \
    X("request_ns", request_fs, NS, "10", 0, 1e9,                                                  \
      "controller, on the way in: before a request is served [A]")                                 \
    X("response_ns", response_fs, NS, "5", 0, 1e9,                                                 \
      "controller, on the way out: before the head of a reply leaves [A]")                         \
    X("attach", attach, CHOICE, "pe", "pe|port", 0,                                                \
      "whose slices the memory is cut into: `pe`, one for each PE, which has a port of its "       \
      "own to it; `port`, one for each remote port, and all go through the network")               \
    X("local_GBps", local, GBPS, "102.4", 0, 0,                                                    \
      "`attach: pe`: a PE's own port to its slice, each way; as fast as its 4 PCs [D]")            \
    X("local_latency_ns", local_latency_fs, NS, "0.5", 0, 1e9,                                     \
      "`attach: pe`: a PE's own port, one way [A]")                                                \
    X("remote_ports", remote_ports, COUNT, "2", 1, 64,                                             \
      "ports on the cube's network, which all but a PE's own accesses share; at most one "         \
      "for each router [A]")                                                                       \
    X("port_GBps", port, GBPS, "128", 0, 0, "one of these, each way [A]")

/* The SRAM of a cube, one port on its network. Tensors of `Local("cube0.sram")` lie here (ADR-0071),
 * and rings of `pe.ipcq.memory: sram`. */
#define KB_PARAMS_SRAM(X)                                                         \
    X("capacity", capacity_nbytes, NBYTES, "8388608", 64, 1e12,                   \
      "bytes; of `flit_bytes` at least [A]")                                      \
    X("GBps", rate, GBPS, "256", 0, 0, "its port, reads and writes together [A]") \
    X("access_ns", access_fs, NS, "10", 0, 1e9, "from service to data; pipelined [A]")

/* A processing element: PE_CPU, which runs programs, and the engines that it gives commands to
 * (ADR-0014). */
#define KB_PARAMS_PE(X)                                                           \
    X("clock_ghz", clock, GHZ, "1", 0, 0,                                         \
      "of PE_CPU and of the engines: all costs in cycles scale with it [A]")      \
    X("contexts", contexts, COUNT, "1", 1, 16,                                    \
      "programs in flight at a time; each has an equal share of the TCM")         \
    X("comm_contexts", comm_contexts, COUNT, "2", 1, 16,                          \
      "programs of collectives in flight at a time, beside those (ADR-0023 D27)") \
    X("comm_tcm", comm_tcm_nbytes, NBYTES, "524288", 64, 1e12,                    \
      "bytes of TCM of the programs of collectives, of their own [A]")

/* What PE_CPU takes for each kind of instruction, in cycles of the PE. Engines work meanwhile: it is
 * felt where tiles are small. */
#define KB_PARAMS_PE_CPU(X)                                                              \
    X("wake_ns", wake_fs, NS, "50", 0, 1e9, "from the arrival of a launch to ready [A]") \
    X("scalar_cycles", scalar_cycles, COUNT, "1", 0, 1e6,                                \
      "scalar arithmetic, comparison, move: one each [A]")                               \
    X("branch_cycles", branch_cycles, COUNT, "1", 0, 1e6, "a jump or branch [A]")        \
    X("block_cycles", block_cycles, COUNT, "2", 0, 1e6,                                  \
      "an operation on an affine index block, whatever its size [A]")                    \
    X("dense_cycles", dense_cycles, COUNT, "1", 0, 1e6,                                  \
      "each element of an index vector that is not affine: gathers, odd masks [A]")      \
    X("command_cycles", command_cycles, COUNT, "20", 0, 1e6,                             \
      "composing a command for an engine [A]")                                           \
    X("switch_cycles", switch_cycles, COUNT, "10", 0, 1e6,                               \
      "changing to another context when one stalls [A]")

/* PE_SCHED keeps the order of commands that depend on each other, and cuts composites into tile
 * tokens. */
#define KB_PARAMS_PE_SCHED(X)                                                              \
    X("queue", queue, COUNT, "64", 1, 65536,                                               \
      "commands that wait or run, for each context; PE_CPU stalls when it is full [A]")    \
    X("dispatch_ns", dispatch_fs, NS, "0", 0, 1e9,                                         \
      "from ready to the engine: on each command [A]")                                     \
    X("token_ns", token_fs, NS, "2", 0, 1e9,                                               \
      "from the start of one tile token of a composite to the next: the least time for a " \
      "tile [A]")

/* PE_DMA moves tiles between memories and TCM. A descriptor becomes one request for each chunk of
 * memory that it touches. */
#define KB_PARAMS_PE_DMA(X)                                                                  \
    X("setup_ns", setup_fs, NS, "20", 0, 1e9,                                                \
      "each descriptor; pipelined: a stream of them pays it once [A]")                       \
    X("window", window_nbytes, NBYTES, "16384", 64, 1e9,                                     \
      "bytes outstanding for each channel; of `flit_bytes` at least. Throughput is at most " \
      "`window` for each round trip [A]")                                                    \
    X("read_channels", read_channels, COUNT, "1", 1, 16, "descriptors read at a time [A]")   \
    X("write_channels", write_channels, COUNT, "1", 1, 16, "descriptors written at a time [A]")

/* PE_GEMM multiplies an M x K by a K x N tile in ceil(M / m) ceil(N / n) ceil(K / k) cycles over the
 * rate of the dtype, or as fast as TCM gives the operands (law L8). The peak of a PE is 2 m n k rate
 * `clock_ghz` GFLOPS. */
#define KB_PARAMS_PE_GEMM(X)                                                                     \
    X("m", m, COUNT, "64", 1, 65536, "rows of the MAC array [A]")                                \
    X("n", n, COUNT, "64", 1, 65536, "columns of the MAC array [A]")                             \
    X("k", k, COUNT, "1", 1, 65536,                                                              \
      "depth of the MAC array: products that each MAC adds up in a cycle [A]")                   \
    X("fill_cycles", fill_cycles, COUNT, "126", 0, 1e6,                                          \
      "filling the pipeline, when a command finds the engine idle; m + n - 2, which is not "     \
      "computed: set it with them [D]")                                                          \
    X("rate_fp8", rate_fp8, FACTOR, "2", 0, 0, "speed for fp8 operands, as a multiple [A]")      \
    X("rate_int8", rate_int8, FACTOR, "2", 0, 0, "speed for int8 operands [A]")                  \
    X("rate_fp16", rate_fp16, FACTOR, "1", 0, 0, "speed for fp16 and bf16 operands [A]")         \
    X("rate_tf32", rate_tf32, FACTOR, "0.5", 0, 0, "speed for fp32 operands, taken as tf32 [A]") \
    X("rate_fp32", rate_fp32, FACTOR, "0.25", 0, 0, "speed for fp32 operands, exact [A]")        \
    X("rate_fp64", rate_fp64, FACTOR, "0.0625", 0, 0, "speed for fp64 operands [A]")

/* PE_MATH has lane_bits / (bits of an element) lanes. n elements take ceil(n / lanes) times the cycles
 * of the operation, and the latency; a reduction ceil(n / lanes) + log2(lanes). */
#define KB_PARAMS_PE_MATH(X)                                                                       \
    X("lane_bits", lane_bits, COUNT, "2048", 64, 1e6, "width: 128 lanes of 16 bits, 64 of 32 [A]") \
    X("latency_cycles", latency_cycles, COUNT, "2", 0, 1e6,                                        \
      "pipeline latency of each command [S]")                                                      \
    X("simple_cycles", simple_cycles, COUNT, "1", 1, 1e6,                                          \
      "add, mul, max, cast, where, fma, move [S]")                                                 \
    X("divide_cycles", divide_cycles, COUNT, "4", 1, 1e6, "div, sqrt, rsqrt [A]")                  \
    X("special_cycles", special_cycles, COUNT, "8", 1, 1e6, "exp, log, sin, tanh, erf, pow [A]")   \
    X("transpose_cycles", transpose_cycles, COUNT, "2", 1, 1e6, "transpose, permute, gather [A]")

/* The tile memory of a PE. DMA, GEMM and MATH have a port each, the network one more. */
#define KB_PARAMS_PE_TCM(X)                                                                  \
    X("capacity", capacity_nbytes, NBYTES, "1048576", 64, 1e12,                              \
      "bytes for tiles, shared by `contexts`; a kernel whose tiles do not fit waits, or is " \
      "an error. Of `flit_bytes` at least [A]")                                              \
    X("bytes_per_cycle", bytes_per_cycle, COUNT, "512", 1, 1e6,                              \
      "each port: 16 banks of 32 B; GEMM reads operands at that [A]")                        \
    X("access_ns", access_fs, NS, "4", 0, 1e9, "a value that PE_CPU reads out of a tile [A]")

/* PE_MMU translates the addresses of kernels. Its TLB is fully associative and drops the page that was
 * not used for longest (ADR-0065). `entries` times `page` is what it reaches: kernels that stride
 * beyond it pay for misses. */
#define KB_PARAMS_PE_MMU(X)                                                                      \
    X("page", page_nbytes, NBYTES, "2097152", 4096, 1e12, "bytes of a page; a power of two [A]") \
    X("entries", entries, COUNT, "64", 1, 65536, "pages that the TLB of a PE holds [A]")         \
    X("hit_ns", hit_fs, NS, "1", 0, 1e9,                                                         \
      "look-up, once for a descriptor, a part of its set-up [A]")                                \
    X("walk", walk, CHOICE, "hbm", "hbm|none", 0,                                                \
      "what a miss does: reads a flit of the page table in the PE's own slice, or nothing")      \
    X("miss_ns", miss_fs, NS, "0", 0, 1e9, "a miss, beside what it reads [A]")                   \
    X("install", install, CHOICE, "free", "free|timed", 0,                                       \
      "whether mapping a tensor takes time: `timed` has each cube's M_CPU write its page "       \
      "tables")

/* Rings of messages between PEs, `depth` slots of `slot` bytes at the receiver (ADR-0023). A ring
 * carries at most `depth` messages for each round trip (law L9). */
#define KB_PARAMS_PE_IPCQ(X)                                                              \
    X("depth", depth, COUNT, "16", 1, 65536,                                              \
      "slots of a ring: messages under way before a send waits [A]")                      \
    X("slot", slot_nbytes, NBYTES, "16384", 1, 1e9,                                       \
      "the largest message; a longer one is an error [A]")                                \
    X("channels", channels, COUNT, "4096", 1, 1e6,                                        \
      "rings from one PE to another, each taken when it is first used [A]")               \
    X("memory", memory, CHOICE, "tcm", "tcm|sram|hbm", 0,                                 \
      "where a receiver's slots lie: beside its TCM, or in SRAM or HBM, whose room they " \
      "take from tensors")

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
