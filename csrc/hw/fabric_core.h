/* What the fabric is made of: private to fabric.c (ports, delivery) and fabric_send.c (messages). */
#ifndef KB_HW_FABRIC_CORE_H
#define KB_HW_FABRIC_CORE_H

#include "hw/port.h"
#include "hw/watch.h"

/* A message on its way. */
typedef struct kb_flight {
    kb_message message;
    const uint32_t *path; /* links, of the topology */
    uint32_t n_links;
    uint32_t next;   /* its stream at the sender; threads free ones, and those to be delivered */
    int64_t n_known; /* flits that have come into being, the last of them at known_fs */
    int64_t known_fs;
} kb_flight;

typedef struct kb_sink {
    kb_deliver_fn fn;
    void *self;
    kb_deliver deliver;
} kb_sink;

struct kb_fabric {
    kb_sim *sim;
    kb_alloc *alloc;
    kb_topology *topology;
    const kb_node *nodes;
    kb_port *ports;
    kb_sink *sinks;   /* by node */
    uint32_t *counts; /* messages sent, by node */
    uint32_t n_nodes, n_links;
    int64_t flit_nbytes;
    kb_streams streams;
    KB_POOL(kb_flight) flights;
    kb_waitq locals; /* messages without a link, by (completion, message id); numbers of flights */
    uint32_t local_slot;
    kb_watch watch;
    kb_fabric_counters counters;
};

/* The first known flits of a stream at the port of `link` are there: it waits.  Room has been made. */
void kb_fabric_enlist_(kb_fabric *fabric, uint32_t link, uint32_t stream);

/* A message without a link is complete at when_fs.  Room has been made. */
void kb_fabric_complete_(kb_fabric *fabric, uint32_t flight, int64_t when_fs);

#endif
