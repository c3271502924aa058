#include "hw/fabric/watch.h"

static void add_busy(kb_watch *watch, uint32_t flight, int64_t from_fs, int64_t to_fs) {
    int64_t busy_fs = to_fs - kb_max_i64(from_fs, watch->hop->arrive_fs);
    if (busy_fs <= 0) return;
    if (flight == watch->flight) watch->hop->own_fs += busy_fs;
    else watch->hop->waiting_fs += busy_fs;
}

void kb_watch_begin(kb_watch *watch, const kb_port *ports, uint32_t link, int64_t arrive_fs) {
    const kb_port *port = &ports[link];
    watch->link = link;
    *watch->hop = (kb_hop){.link = link,
                           .arrive_fs = arrive_fs,
                           .service_fs = port->service_fs,
                           .latency_fs = port->travel_fs - port->service_fs};
    add_busy(watch, port->served_flight, arrive_fs, port->free_fs);
}

void kb_watch_service(kb_watch *watch, const kb_port *ports, int64_t now_fs, uint32_t flight,
                      bool tail, uint32_t to) {
    const kb_port *port = &ports[watch->link];
    kb_hop *hop = watch->hop;
    if (flight != watch->flight || !tail) {
        add_busy(watch, flight, now_fs, now_fs + port->service_fs);
        return;
    }
    hop->overhead_fs = now_fs - hop->arrive_fs - hop->waiting_fs - hop->own_fs;
    watch->link = KB_NONE;
    if (to == KB_NONE) return;
    watch->hop++;
    kb_watch_begin(watch, ports, to, now_fs + port->travel_fs);
}
