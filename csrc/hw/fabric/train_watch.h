/* Watching one message's last flit in train mode (hw/fabric/watch.h says what is told).
 *
 * Ports serve ahead of the clock, and before it is known when the flit arrives.  So what the ports on the
 * path serve from the trace's begin on is noted, and counted when the flit's own service is known.  What
 * a port had served ahead of the begin counts as one wait until it is free.
 */
#ifndef KB_HW_FABRIC_TRAIN_WATCH_H
#define KB_HW_FABRIC_TRAIN_WATCH_H

#include "base/vec.h"
#include "hw/fabric/fabric.h"
#include "hw/fabric/port.h"

/* The port of hop `hop` is busy for length_fs at each of these times. */
typedef struct kb_busy {
    kb_train times;
    int64_t length_fs;
    uint32_t hop;
    bool own;
} kb_busy;

typedef struct kb_train_watch {
    const uint32_t *path; /* NULL: nothing is watched */
    uint32_t n_links;
    uint32_t flight;
    uint32_t hop; /* the first one that the flit has not left */
    kb_hop *hops;
    KB_VEC(kb_busy) busy;
} kb_train_watch;

/* The last flit of `flight` will be at the first port of its path at arrive_fs.  Ports that
 * are taken beyond now are told of by kb_train_watch_busy. */
void kb_train_watch_begin(kb_train_watch *watch, const kb_port *ports, uint32_t flight,
                          const uint32_t *path, uint32_t n_links, int64_t arrive_fs, kb_hop *hops);

/* A port is busy with others.  False when there is no memory. */
bool kb_train_watch_busy(kb_train_watch *watch, kb_alloc *alloc, uint32_t hop, int64_t from_fs,
                         int64_t until_fs) KB_MUST_CHECK;

/* The port of `link` serves flits of `flight`; the tail is the last of them, or none.  False when there
 * is no memory. */
bool kb_train_watch_service(kb_train_watch *watch, kb_alloc *alloc, uint32_t link, uint32_t flight,
                            kb_train services, bool tail) KB_MUST_CHECK;

#endif
