/* The hierarchical machine as a graph: where its parts are, how they are attached, and its routes.
 *
 *     host ── sipS.io.host ── sipS.io.xbar ─┬─ sipS.io.cpu
 *                                           ├─ sipS.io.ucieY ── west UCIe port of cube (0, Y)
 *                                           └─ sipS.io.c2cK ── fabric.switch, or another SIP's c2c port
 *
 *     cube: a mesh (or torus) of routers noc.rX_Y; each other part is attached to one router by a link each way
 *       ucie_w, ucie_e   the middle router of the west and east edge: y = (ny - 1) / 2
 *       ucie_n, ucie_s   the middle router of the north (y = 0) and south edge: x = (nx - 1) / 2
 *       m_cpu, m_cpu.dma router (nx / 2, (ny - 1) / 2)
 *       sram             router (nx / 2, ny - 1)
 *       hbm              remote port k of n: west edge for even k, east edge for odd k, spread over rows;
 *                        slice j of P enters and leaves by port j * n / P; where slices are attached
 *                        `port`, P = n and no PE has a port of its own
 *       peP.cpu, peP.dma one router per PE, spread in rows, every second row shifted (a checkerboard
 *                        where there are twice as many routers); peP.dma has a port of its own to hbm
 *     A small mesh has fewer routers than parts, and then parts share them.
 *
 * UCIe ports exist where there is a neighbour; the IO chiplet is the neighbour west of column 0.  c2c
 * ports are numbered by direction: 0 is +x, 1 is -x, 2 is +y, 3 is -y; a switch has port 0 alone.
 *
 * Routes between parts that send or receive are dimension-ordered, x first, at every level: over SIPs,
 * over cubes (the IO chiplet stands at column -1 of every row), over routers.  A PE's DMA reaches its own
 * slice by its own port.  Links that the explicit form adds to the machine do not change these routes.
 */
#ifndef KB_SPEC_HIERARCHY_H
#define KB_SPEC_HIERARCHY_H

#include <stdbool.h>

#include "spec/topology.h"

typedef struct kb_hierarchy {
    uint32_t first, end;    /* its nodes; first == end when there is none */
    uint32_t host;          /* UINT32_MAX when there is none, as are all below */
    uint32_t fabric_switch; /* kind switch, with two SIPs or more */
    const uint32_t *sips;   /* first node of each SIP's IO chiplet */
    const uint32_t *cubes;  /* first node of each cube, by sip * n_cubes + cube */
    const uint32_t
        *ports;      /* first link of each cube's hbm: port k in, out; then local port p in, out */
    int64_t n_cubes; /* of one SIP */
} kb_hierarchy;

/* How many nodes and links, together, a system expands to; INT64_MAX on overflow. */
int64_t kb_hierarchy_count(const kb_system *system);

/* Appends the machine of topology->system to the graph. */
kb_status kb_hierarchy_expand(kb_topology *topology, kb_error *err) KB_MUST_CHECK;

/* See kb_topology_part. */
uint32_t kb_hierarchy_part(const kb_topology *topology, kb_impl impl, int32_t sip, int32_t cube,
                           int32_t pe);

/* True for parts of the machine that send and receive: a route between them is the machine's.  (None is
 * between the host and a switch that reduces.) */
bool kb_hierarchy_joins(const kb_topology *topology, uint32_t src, uint32_t dst);

/* The port of an HBM that a route uses: 0 .. remote_ports - 1, remote_ports for the PE's own port, -1
 * when neither end is an HBM of the machine.  KB_INVALID when there is no such slice. */
kb_status kb_hierarchy_port(const kb_topology *topology, uint32_t src, uint32_t dst, int32_t slice,
                            int32_t *port, kb_error *err) KB_MUST_CHECK;

/* Pushes the links from src to dst (kb_hierarchy_joins) by that port to topology->routes.trail. */
kb_status kb_hierarchy_route(kb_topology *topology, uint32_t src, uint32_t dst, int32_t port,
                             kb_error *err) KB_MUST_CHECK;

#endif
