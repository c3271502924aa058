/* Where the parts of the hierarchical machine are among the nodes, and which router each is attached to
 * (the picture is in machine.h).  All in closed form.
 *
 * Order of nodes: host, switch; then each SIP: xbar, cpu, host, ucie*, c2c*, cubes; each cube: routers,
 * the parts below, PEs, and those UCIe ports that exist.
 */
#ifndef KB_SPEC_LAYOUT_H
#define KB_SPEC_LAYOUT_H

#include <stdbool.h>

#include "spec/topology.h"

enum { KB_IO_XBAR, KB_IO_CPU, KB_IO_HOST, KB_IO_UCIE };
enum { KB_CUBE_M_CPU, KB_CUBE_M_CPU_DMA, KB_CUBE_SRAM, KB_CUBE_HBM, KB_CUBE_PES };
enum {
    KB_PART_PE_CPU,
    KB_PART_PE_DMA,
    KB_PART_PE_SCHED,
    KB_PART_PE_GEMM,
    KB_PART_PE_MATH,
    KB_PART_PE_TCM,
    KB_PART_PE_MMU,
    KB_PART_PE_IPCQ,
    KB_N_PE_PARTS
};
enum { KB_WEST, KB_EAST, KB_NORTH, KB_SOUTH, KB_N_SIDES }; /* side ^ 1 is the opposite one */
enum { KB_PLUS_X, KB_MINUS_X, KB_PLUS_Y, KB_MINUS_Y, KB_N_DIRECTIONS }; /* likewise */

int64_t kb_layout_n_routers(const kb_system *system);

/* Cube (x, y) has a UCIe port on this side. */
bool kb_layout_has_side(const kb_system *system, int64_t x, int64_t y, int side);

bool kb_layout_fabric_wraps(const kb_system *system);

/* The SIP that a c2c port leads to, -1 where it leads to none; whether the port exists. */
int64_t kb_layout_neighbour(const kb_system *system, int64_t sip, int direction);
bool kb_layout_has_c2c(const kb_system *system, int64_t sip, int direction);

/* Offsets within a cube: of a part, of a part of a PE (routers come first: y * noc_x + x). */
int64_t kb_layout_part(const kb_system *system, int64_t part);
int64_t kb_layout_pe(const kb_system *system, int64_t pe, int64_t part);

/* Node ids: an offset within a cube or an IO chiplet, a UCIe port, a c2c port. */
uint32_t kb_layout_cube(const kb_topology *topology, int64_t sip, int64_t cube, int64_t offset);
uint32_t kb_layout_io(const kb_topology *topology, int64_t sip, int64_t offset);
uint32_t kb_layout_side(const kb_topology *topology, int64_t sip, int64_t cube, int side);
uint32_t kb_layout_c2c(const kb_topology *topology, int64_t sip, int direction);

/* Offsets of the routers that parts are attached to. */
int64_t kb_layout_side_router(const kb_system *system, int side);
int64_t kb_layout_port_router(const kb_system *system, int64_t port);
int64_t kb_layout_pe_router(const kb_system *system, int64_t pe);
int64_t kb_layout_part_router(const kb_system *system, int64_t part);

/* The router node of a part of a cube; of an HBM, that of a remote port. */
uint32_t kb_layout_router(const kb_topology *topology, uint32_t node, int32_t port);

#endif
