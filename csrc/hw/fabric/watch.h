/* Watching one message's last flit over its path: where its time goes (kernbench probe).
 *
 * From the flit's arrival at a port to its service, the port serves other messages' flits (waiting),
 * the message's own earlier ones (own), or is idle until the flit is eligible (overhead).
 */
#ifndef KB_HW_FABRIC_WATCH_H
#define KB_HW_FABRIC_WATCH_H

#include "hw/fabric/port.h"

typedef struct kb_watch {
    kb_hop *hop;   /* the one that is being filled in */
    uint32_t link; /* KB_NONE: nothing is watched */
    uint32_t flight;
} kb_watch;

/* The last flit of `flight` will be at the port of `link` at arrive_fs >= now. */
void kb_watch_begin(kb_watch *watch, const kb_port *ports, uint32_t link, int64_t arrive_fs);

/* The watched port starts to serve a flit of `flight`, which goes on to port `to` or ends (KB_NONE). */
void kb_watch_service(kb_watch *watch, const kb_port *ports, int64_t now_fs, uint32_t flight,
                      bool tail, uint32_t to);

#endif
