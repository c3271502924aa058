#include "hw/fabric/port.h"

void kb_port_deinit(kb_port *port, kb_alloc *alloc) {
    kb_waitq_deinit(&port->waiting, alloc);
    kb_alloc_free(alloc, port->arrivals, port->arrivals_capacity, sizeof *port->arrivals);
}

/* What was before the head follows the end of the old ring. */
bool kb_port_grow_arrivals_(kb_port *port, kb_alloc *alloc) {
    uint32_t old = port->arrivals_capacity;
    if (old > UINT32_MAX / 2) return false;
    uint32_t capacity = old ? 2 * old : 4;
    kb_arrival *grown = kb_alloc_resize(alloc, port->arrivals, old, capacity, sizeof *grown);
    if (!grown) return false;
    for (uint32_t i = 0; i < port->arrivals_head; i++) grown[old + i] = grown[i];
    port->arrivals = grown;
    port->arrivals_capacity = capacity;
    return true;
}
