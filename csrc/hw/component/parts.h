/* What every component of a machine may borrow, and how it finds its neighbours. */
#ifndef KB_HW_COMPONENT_PARTS_H
#define KB_HW_COMPONENT_PARTS_H

#include <stddef.h>
#include <stdint.h>

#include "base/alloc.h"
#include "base/error.h"
#include "hw/component/dispatch.h"
#include "hw/fabric/fabric.h"
#include "log/oplog.h"
#include "sim/sim.h"
#include "spec/topology.h"

typedef struct kb_requests kb_requests; /* hw/component/request.h */
typedef struct kb_rings kb_rings;       /* hw/pe/ring.h */
typedef struct kb_launches kb_launches; /* hw/component/launch.h */
typedef struct kb_launch kb_launch;
typedef struct kb_mmu kb_mmu;   /* hw/pe/mmu.h */
typedef struct kb_copy kb_copy; /* hw/component/copy.h */
typedef struct kb_copies kb_copies;
typedef struct kb_mark kb_mark; /* hw/component/mark.h */
typedef struct kb_marks kb_marks;

/* What the machine asks of, and tells, the engine.  Any function may be NULL. */
typedef struct kb_hooks {
    void *self;
    /* The bytes of a tile version as of now (MATERIALISE): the engine replays the log so far. */
    kb_status (*tile_bytes)(void *self, uint64_t version, void *bytes, size_t nbytes,
                            kb_error *err);
    /* So many elements of an access were dropped, for they lie outside of their tensor.  NULL: such an access
     * is KB_BOUNDS. */
    void (*dropped)(void *self, uint64_t n_elements);
    /* Room for a ring in a memory (and a slice, of an HBM), which nobody else has; *offset is its place.  NULL:
     * all lie at 0. */
    kb_status (*take_room)(void *self, uint32_t memory, int32_t slice, uint64_t nbytes,
                           uint64_t *offset, kb_error *err);
    /* The response has reached the host.  Valid during the call. */
    void (*launch_done)(void *self, const kb_launch *launch);
    void (*copy_done)(void *self, const kb_copy *copy);
    void (*mark_done)(void *self, const kb_mark *mark);
} kb_hooks;

/* Everything is borrowed, and lives as long as the machine. */
typedef struct kb_parts {
    kb_alloc *alloc;
    kb_sim *sim;
    kb_topology *topology;
    kb_fabric *fabric;
    kb_dispatch *dispatch;
    kb_oplog *log;
    kb_requests *requests;
    kb_launches *launches; /* NULL in an explicit graph, */
    kb_copies *copies;     /* and so are the next four */
    kb_marks *marks;
    kb_rings *rings;
    const int64_t *fanout_fs; /* D of each SIP */
    kb_mmu *mmu;
    kb_hooks hooks;
    void **components; /* by node id; NULL where there is none (yet) */
} kb_parts;

/* The component of a part (kb_topology_part); NULL when there is none. */
void *kb_parts_find(const kb_parts *parts, kb_impl impl, int32_t sip, int32_t cube, int32_t pe);

/* The node of a part of a PE, counted through all SIPs and cubes; UINT32_MAX when there is none. */
uint32_t kb_parts_pe_node(const kb_parts *parts, kb_impl impl, int64_t pe);

/* PEs of the machine. */
int64_t kb_parts_n_pes(const kb_parts *parts);

/* The PE number of a node within a PE, counted through all SIPs and cubes (record.pe). */
int32_t kb_parts_pe(const kb_parts *parts, uint32_t node);

/* Every parameter of the hierarchical machine. */
static inline const kb_params *kb_parts_params(const kb_parts *parts) {
    return &kb_topology_system(parts->topology)->params;
}

#endif
