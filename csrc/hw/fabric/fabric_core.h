/* What the fabric is made of: private to fabric.c (ports, delivery),
 * fabric_create.c, fabric_send.c (messages) and fabric_fail.c. */
#ifndef KB_HW_FABRIC_FABRIC_CORE_H
#define KB_HW_FABRIC_FABRIC_CORE_H

#include "hw/fabric/audit.h"
#include "hw/fabric/fabric_path.h"
#include "hw/fabric/port.h"
#include "hw/fabric/regions.h"
#include "hw/fabric/server.h"
#include "hw/fabric/train_port.h"
#include "hw/fabric/train_watch.h"
#include "hw/fabric/watch.h"

/* A message on its way. */
typedef struct kb_flight {
    kb_message message;
    const uint32_t *path; /* links, of the topology */
    uint32_t n_links;
    uint32_t n_by_flit;      /* links up to the last whose port is a server's */
    const uint8_t *channels; /* virtual ones, of these links; NULL: all 0 */
    uint32_t
        next; /* its stream at the sender, in train mode: where its tail is; threads free ones, and those to be
                 delivered */
    int64_t n_known;  /* flits that have come into being, */
    int64_t known_fs; /* the last of them, while there are more to come */
    int64_t least_fs; /* its tail cannot be there before */
    int64_t done_fs;  /* in train mode: the tail's arrival, once it is known; before, -1 */
} kb_flight;

typedef struct kb_sink {
    kb_deliver_fn fn;
    void *self;
    kb_deliver deliver;
} kb_sink;

/* What was sent since it was last decided how to serve (hw/fabric/fabric_mode.h). */
typedef struct kb_mode_window {
    uint32_t n_messages;
    uint64_t n_flits;
} kb_mode_window;

/* Messages of a region without a link. */
typedef struct kb_locals {
    kb_waitq due; /* by (completion, message id); numbers of flights */
    uint32_t n_open;
    uint32_t slot;
} kb_locals;

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
    int flit_shift; /* its logarithm, where it is a power of two */
    kb_streams streams;
    kb_trains trains;
    kb_servers servers;
    kb_audit audit;
    KB_POOL(kb_flight) flights;
    kb_sim_regions regions;
    kb_locals *locals; /* by region */
    bool by_train;     /* how ports serve now, */
    bool is_changing;  /* and that this instant ends with the other way */
    kb_mode_window window;
    kb_watch watch;
    kb_train_watch train_watch;
    kb_hop *traced; /* of the message that is sent next; NULL: nobody asks */
    kb_fabric_counters counters;
    uint32_t path_bits;
    uint32_t *path_numbers; /* 2^path_bits, by hash: of one of */
    kb_path *paths;         /* these, within `paths_block`; the first is none */
    uint32_t n_paths;
    void *paths_block;
    kb_foresight foresight;
    int64_t notice_fs; /* of a message's end: the least travel of the last link of a known path */
};

/* Room for so many paths, and the one that is none. */
static inline size_t kb_fabric_n_paths_(const kb_fabric *fabric) {
    return ((size_t)1 << fabric->path_bits) + 1;
}

/* The stream at the next port of a message whose head leaves for it.  False when there is no memory. */
bool kb_fabric_begin_stream_(kb_fabric *fabric, uint32_t stream, int64_t arrive_fs,
                             uint32_t *next) KB_MUST_CHECK;

/* What the sim calls: an arrival over a link, or a service of its port, is due; or messages of a region without
 * a link are. */
void kb_fabric_arrive_(void *fabric, uint32_t link);
void kb_fabric_serve_(void *fabric, uint32_t link);
void kb_fabric_deliver_locals_(void *fabric, uint32_t region);

/* Flits [first, first + flits.count) are there: the receiver is told; a message ends with its tail. */
void kb_fabric_hand_over_(kb_fabric *fabric, uint32_t flight, uint32_t link, int64_t first,
                          kb_train flits);

/* The arrival over `link` that is due. */
kb_arrival kb_fabric_pop_arrival_(kb_fabric *fabric, uint32_t link);

/* kb_fabric_trace for a message that is open and has no flits yet. */
void kb_fabric_begin_trace_(kb_fabric *fabric, uint32_t flight);

/* There was no memory for it, or too many trains wait already (hw/fabric/stream.h): where most do is told. */
KB_COLD kb_status kb_fabric_nomem_(const kb_fabric *fabric, const char *what, kb_error *err);
KB_COLD void kb_fabric_fail_nomem_(kb_fabric *fabric, const char *what);
KB_COLD void kb_fabric_fail_overflow_(kb_fabric *fabric, uint32_t link, int64_t served_fs);

/* Physics: the port of a link begins a service before the one before has ended, at free_fs. */
KB_COLD void kb_fabric_fail_overlap_(kb_fabric *fabric, uint32_t link, int64_t begin_fs,
                                     int64_t free_fs);

/* Whether it is by trains, or might be at another time.  Where there are servers it is always the same. */
static inline bool kb_fabric_adapts_(const kb_fabric *fabric) {
    return fabric->trains.ports && !fabric->servers.of;
}

/* Whether a link's port is a server's, and works flit by flit in either mode. */
static inline bool kb_fabric_by_flit_(const kb_fabric *fabric, uint32_t link) {
    return fabric->servers.of && fabric->servers.of[link] != KB_NONE;
}

/* The overhead of the node whose port a link is: from the ports that are worked on anyway. */
static inline int64_t kb_fabric_overhead_(const kb_fabric *fabric, uint32_t link) {
    bool by_flit = !fabric->by_train || kb_fabric_by_flit_(fabric, link);
    return by_flit ? fabric->ports[link].overhead_fs : fabric->trains.ports[link].overhead_fs;
}

/* A message that sets out over a path that is sized for it. */
static inline void kb_flight_describe_(const kb_fabric *fabric, const kb_send *send,
                                       const kb_path *path, int64_t start_fs, uint32_t count,
                                       kb_flight *made) {
    made->message.src = send->src;
    made->message.dst = send->dst;
    made->message.count = count;
    made->message.kind = send->kind;
    made->message.tag = send->tag;
    made->message.nbytes = send->nbytes;
    made->message.n_flits = path->n_flits;
    made->message.start_fs = start_fs;
    made->path = path->links;
    made->channels = fabric->servers.of ? fabric->servers.channels[path - fabric->paths] : NULL;
    made->n_links = path->n_links;
    made->n_by_flit = path->n_by_flit;
    made->n_known = made->known_fs = 0;
    made->least_fs = kb_later_fs(start_fs, path->latency_fs);
    made->done_fs = -1;
}

static inline bool kb_fabric_has_trains_(const kb_fabric *fabric) {
    return fabric->by_train;
}

/* Of which region a node is. */
static inline uint32_t kb_fabric_region_(const kb_fabric *fabric, uint32_t node) {
    return kb_region_of(fabric->topology, &fabric->nodes[node]);
}

/* What trains know of the time now. */
static inline void kb_train_look_(kb_fabric *fabric) {
    kb_trains *trains = &fabric->trains;
    trains->now_fs = kb_sim_now(fabric->sim);
    if (fabric->regions.count <= 1) return;
    trains->region = kb_sim_region(fabric->sim);
    trains->handled_fs = kb_sim_handled_fs(fabric->sim);
}

/* What waits at a port, and is on its way over it, was put there: goes on flit by flit. */
void kb_fabric_resume_port_(kb_fabric *fabric, uint32_t link);

/* Whether the message's flits are handed over before its tail. */
static inline bool kb_train_lands(const kb_fabric *fabric, const kb_message *message) {
    return message->n_flits > 1 && fabric->sinks[message->dst].deliver == KB_DELIVER_FLITS;
}

/* The first known flits of a stream at the port of `link` are there: it waits.  Room has been made. */
void kb_fabric_enlist_(kb_fabric *fabric, uint32_t link, uint32_t stream);

/* Room for one more stream, that of hop `hop` of a flight, at the port of `link`; false when there is none. */
bool kb_fabric_reserve_(kb_fabric *fabric, uint32_t link, uint32_t flight,
                        uint32_t hop) KB_MUST_CHECK;

/* A flit of a server's stream, just taken off, arrives at the next port, or at the message's end; and the
 * stream is at its end.  False when there is no memory. */
bool kb_fabric_pass_on_(kb_fabric *fabric, uint32_t stream, int64_t arrive_fs) KB_MUST_CHECK;
bool kb_fabric_land_(kb_fabric *fabric, uint32_t link, uint32_t stream,
                     int64_t arrive_fs) KB_MUST_CHECK;
bool kb_fabric_end_stream_(kb_fabric *fabric, uint32_t stream) KB_MUST_CHECK;

/* A message without a link is complete at when_fs.  Room has been made. */
void kb_fabric_complete_(kb_fabric *fabric, uint32_t flight, int64_t when_fs);

#endif
