/* The registry: which implementation a component's name in the topology stands for.
 *
 * A component is made from (parts, node) alone: what it needs of its neighbours it finds through
 * the topology.  Components are created in the order of the table in registry.c, within one
 * implementation in order of node ids, so a component finds those of earlier implementations; slots
 * of the simulator, and with them the order of simultaneous events, follow the same order
 * (ADR-0039).
 */
#ifndef KB_HW_REGISTRY_H
#define KB_HW_REGISTRY_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "hw/component/parts.h"
#include "spec/topology.h"

typedef struct kb_component_type {
    kb_impl impl;
    kb_status (*create)(const kb_parts *parts, uint32_t node, void **component, kb_error *err);
    void (*destroy)(void *component); /* accepts NULL */
    /* What it waits for, for DeadlockError: "line 12: ...", without a newline.  Returns the length
     * of the text, 0 when it is idle.  NULL: it never waits by itself. */
    size_t (*describe)(const void *component, char *text, size_t capacity);
} kb_component_type;

/* Types in order of creation; NULL past the last.  Implementations that are nothing but ports of
 * the fabric or parameters (transit, endpoint, PE_MMU) have none.  PE_CPU's functions are
 * kb_pe_cpu_{create, destroy, describe}. */
const kb_component_type *kb_registry_at(size_t index);

#endif
