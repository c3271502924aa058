/* The registry: which implementation a component's name in the topology stands for, and what every
 * component of a machine may borrow.
 *
 * A component is made from (parts, node) alone: what it needs of its neighbours it finds through the
 * topology.  Components are created in the order of the table in registry.c, within one implementation
 * in order of node ids, so a component finds those of earlier implementations; slots of the simulator, and
 * with them the order of simultaneous events, follow the same order (ADR-0039).
 */
#ifndef KB_HW_REGISTRY_H
#define KB_HW_REGISTRY_H

#include <stddef.h>
#include <stdint.h>

#include "base/alloc.h"
#include "base/error.h"
#include "hw/dispatch.h"
#include "hw/fabric.h"
#include "log/oplog.h"
#include "sim/sim.h"
#include "spec/topology.h"

typedef struct kb_requests kb_requests; /* hw/request.h */
typedef struct kb_launches kb_launches; /* hw/launch.h */
typedef struct kb_launch kb_launch;
typedef struct kb_mmu kb_mmu;   /* hw/mmu.h */
typedef struct kb_copy kb_copy; /* hw/m_cpu.h */
typedef struct kb_copies kb_copies;

/* What the machine asks of, and tells, the engine.  Any function may be NULL. */
typedef struct kb_hooks {
    void *self;
    /* The bytes of a tile version as of now (MATERIALISE): the engine replays the log so far. */
    kb_status (*tile_bytes)(void *self, uint64_t version, void *bytes, size_t nbytes,
                            kb_error *err);
    /* The response has reached the host.  Valid during the call. */
    void (*launch_done)(void *self, const kb_launch *launch);
    void (*copy_done)(void *self, const kb_copy *copy);
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
    kb_launches *launches;    /* NULL in an explicit graph, */
    kb_copies *copies;        /* and so are the next two */
    const int64_t *fanout_fs; /* D of each SIP */
    kb_mmu *mmu;
    kb_hooks hooks;
    void **components; /* by node id; NULL where there is none (yet) */
} kb_parts;

typedef struct kb_component_type {
    kb_impl impl;
    kb_status (*create)(const kb_parts *parts, uint32_t node, void **component, kb_error *err);
    void (*destroy)(void *component); /* accepts NULL */
    /* What it waits for, for DeadlockError: "line 12: ...", without a newline.  Returns the length of the
     * text, 0 when it is idle.  NULL: it never waits by itself. */
    size_t (*describe)(const void *component, char *text, size_t capacity);
} kb_component_type;

/* Types in order of creation; NULL past the last.  Implementations that are nothing but ports of the
 * fabric (transit, endpoint) have none.  PE_CPU's are kb_pe_cpu_{create, destroy, describe}. */
const kb_component_type *kb_registry_at(size_t index);

/* The component of a part (kb_topology_part); NULL when there is none. */
void *kb_parts_find(const kb_parts *parts, kb_impl impl, int32_t sip, int32_t cube, int32_t pe);

/* The PE number of a node within a PE, counted through all SIPs and cubes (record.pe). */
int32_t kb_parts_pe(const kb_parts *parts, uint32_t node);

/* Every parameter of the hierarchical machine. */
static inline const kb_params *kb_parts_params(const kb_parts *parts) {
    return &kb_topology_system(parts->topology)->params;
}

#endif
