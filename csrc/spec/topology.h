/* A topology: the checked machine, in plain integers.
 *
 * Nodes and links are a directed graph.  The hierarchical form of the YAML (`system:`) and its meshes
 * are expanded to the same graph, so whatever runs on it sees only nodes, links and paths.  A topology
 * never changes once it is made, and any number of engines and threads may share it (the routes and the
 * text, which are made on demand, are guarded).
 *
 * Node ids are positions in the order of definition, link ids likewise; both are the static `places`
 * that order simultaneous events (ADR-0039).
 */
#ifndef KB_SPEC_TOPOLOGY_H
#define KB_SPEC_TOPOLOGY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/alloc.h"
#include "base/error.h"
#include "spec/dram.h"
#include "spec/params.h"

/* Implementations that a component may name.  X(enumerator, "impl name", forwards, sinks) */
#define KB_IMPL_LIST(X)             \
    X(ENDPOINT, "endpoint", 0, 1)   \
    X(TRANSIT, "transit", 1, 0)     \
    X(SWITCH, "switch", 1, 1)       \
    X(HOST, "host", 0, 1)           \
    X(IO_CPU, "io_cpu", 0, 1)       \
    X(M_CPU, "m_cpu", 0, 1)         \
    X(M_CPU_DMA, "m_cpu_dma", 0, 1) \
    X(PE_CPU, "pe_cpu", 0, 1)       \
    X(PE_DMA, "pe_dma", 0, 1)       \
    X(HBM, "hbm", 0, 1)             \
    X(SRAM, "sram", 0, 1)           \
    X(PE_SCHED, "pe_sched", 0, 0)   \
    X(PE_GEMM, "pe_gemm", 0, 0)     \
    X(PE_MATH, "pe_math", 0, 0)     \
    X(PE_TCM, "pe_tcm", 0, 0)       \
    X(PE_MMU, "pe_mmu", 0, 0)       \
    X(PE_IPCQ, "pe_ipcq", 0, 0)

typedef enum kb_impl {
#define X(name, text, forwards, sinks) KB_IMPL_##name,
    KB_IMPL_LIST(X)
#undef X
        KB_IMPL_COUNT
} kb_impl;

/* The name that a component's `impl:` has in YAML. */
const char *kb_impl_text(kb_impl impl);

/* How a transit component passes flits on (ADR-0037 D7). */
typedef struct kb_transit {
    int64_t
        serialize; /* KB_SERIALIZE_PORT: a server per output, or KB_SERIALIZE_ROUTER: one in all */
    int64_t buffer_flits; /* places of each input link and virtual channel; 0: without limit */
    int64_t channels;     /* virtual channels of each input link; 0 counts as 1 */
} kb_transit;

typedef struct kb_node {
    const char *name; /* owned by the topology */
    kb_impl impl;
    int32_t sip, cube, pe; /* -1 where it is in none; cube and pe count within their parent */
    int32_t mesh, x, y;    /* mesh number and position of a mesh router, else -1 */
    int64_t overhead_fs;   /* transit: of a head flit; others: of what they send (NI-in) */
    int32_t params;        /* explicit memories: index into `memories`; else -1 */
    kb_transit transit;    /* others than transit: all 0 */
} kb_node;

typedef struct kb_link {
    uint32_t src, dst;  /* node ids */
    int64_t service_fs; /* s: one flit's occupancy, >= 1 */
    int64_t latency_fs; /* p: propagation, >= 0, NI-out included on ejection links */
} kb_link;

/* Where the parts of the hierarchical machine are; absent (n_sips = 0) in a purely explicit graph. */
typedef struct kb_system {
    int64_t n_sips;
    int64_t cubes_x, cubes_y; /* cube c of a SIP is at (c % cubes_x, c / cubes_x) */
    int64_t n_pes;            /* per cube */
    int64_t n_slices;         /* of a cube's HBM: slice j belongs to PE j, or lies behind port j */
    int64_t noc_x, noc_y;
    int64_t fabric_x,
        fabric_y; /* SIP s is at (s % fabric_x, s / fabric_x); a ring and a switch: (n, 1) */
    kb_params params;
    kb_dram dram; /* of each cube's hbm */
} kb_system;

typedef enum kb_fabric_mode { KB_FABRIC_TRAIN, KB_FABRIC_FLIT } kb_fabric_mode;

typedef struct kb_topology kb_topology;

/* --- making one ------------------------------------------------------------------------------ */

/* Parses and checks `length` bytes of YAML.  `name` is what messages call the text ("my.yaml").
 * Errors are KB_TOPOLOGY: "my.yaml:12:5: components[3].GBps: expected ..., got ...; ...". */
kb_status kb_topology_parse(kb_alloc *alloc, const char *text, size_t length, const char *name,
                            kb_topology **topology, kb_error *err) KB_MUST_CHECK;

/* The same with `overlay`, YAML too (or no bytes), laid over the text: its keys replace or join those of
 * the text, mapping by mapping.  Messages about what it brought begin with "override: ". */
kb_status kb_topology_parse_overlaid(kb_alloc *alloc, const char *text, size_t length,
                                     const char *name, const char *overlay, size_t overlay_length,
                                     kb_topology **topology, kb_error *err) KB_MUST_CHECK;

/* Accepts NULL. */
void kb_topology_destroy(kb_topology *topology);

/* The whole machine as YAML, every parameter written out; parsing it gives an equal topology.  The
 * text belongs to the topology and lives as long. */
kb_status kb_topology_to_yaml(kb_topology *topology, const char **text, size_t *length,
                              kb_error *err) KB_MUST_CHECK;

/* --- reading it ------------------------------------------------------------------------------ */

uint32_t kb_topology_n_nodes(const kb_topology *topology);
uint32_t kb_topology_n_links(const kb_topology *topology);
const kb_node *kb_topology_nodes(const kb_topology *topology);
const kb_link *kb_topology_links(const kb_topology *topology);
int64_t kb_topology_flit_nbytes(const kb_topology *topology);
kb_fabric_mode kb_topology_fabric_mode(const kb_topology *topology);
const kb_system *kb_topology_system(const kb_topology *topology);

/* Whether the port of a link serves flit by flit in any mode: a buffer behind it or before it is finite,
 * or it shares its server with the node's other ports. */
bool kb_topology_by_flit(const kb_topology *topology, uint32_t link);

/* What is allowed and yet hardly meant, in words: buffers too small for full rate. */
uint32_t kb_topology_n_warnings(const kb_topology *topology);
const char *kb_topology_warning(const kb_topology *topology, uint32_t index);

/* Parameters of an explicit memory component; NULL unless `node` is one (or the cube's own hbm/sram). */
const kb_params_hbm *kb_topology_hbm(const kb_topology *topology, uint32_t node);
/* What a memory with a standard is made of; NULL unless `node` is an hbm that has one. */
const kb_dram *kb_topology_dram(const kb_topology *topology, uint32_t node);
const kb_params_sram *kb_topology_sram(const kb_topology *topology, uint32_t node);

/* The id of a name, by hash.  KB_TOPOLOGY with the nearest known name when there is none. */
kb_status kb_topology_find(const kb_topology *topology, const char *name, uint32_t *node,
                           kb_error *err) KB_MUST_CHECK;

/* The node of a part of the hierarchical machine, O(1): impl PE_CPU with (sip, cube, pe), HBM with
 * (sip, cube, -1), IO_CPU with (sip, -1, -1), HOST and (one that reduces) SWITCH with (-1, -1, -1).  UINT32_MAX
 * when there is none. */
uint32_t kb_topology_part(const kb_topology *topology, kb_impl impl, int32_t sip, int32_t cube,
                          int32_t pe);

/* --- paths ----------------------------------------------------------------------------------- */

enum { KB_ANY_SLICE = -1 };

/* The links from src to dst, in order (ADR-0037 D8; machine.h, route.h).
 *
 * dst an HBM of the machine, which has several ports: `slice` says which slice of the cube the address
 * lies in, and so by which port the path enters; KB_ANY_SLICE takes src's own port if it has one, else
 * slice 0's.  For replies, src is the HBM and `slice` likewise says by which port the path leaves.
 * Elsewhere `slice` is not looked at.  src == dst: n_links = 0, or through the attached router and back.
 *
 * `links` belongs to the topology and lives as long; equal questions give the same array and the same
 * `path` number (dense, from 0).  KB_TOPOLOGY when there is no path, KB_INVALID when there is no such node
 * or slice. */
kb_status kb_topology_path(kb_topology *topology, uint32_t src, uint32_t dst, int32_t slice,
                           const uint32_t **links, uint32_t *n_links, uint32_t *path,
                           kb_error *err) KB_MUST_CHECK;

/* The virtual channel of each link of a path, by path number; NULL when the topology has no buffer with
 * more than one.  Belongs to the topology. */
const uint8_t *kb_topology_channels(kb_topology *topology, uint32_t path);

#endif
