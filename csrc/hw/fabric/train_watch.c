#include "hw/fabric/train_watch.h"

void kb_train_watch_begin(kb_train_watch *watch, const kb_port *ports, uint32_t flight,
                          const uint32_t *path, uint32_t n_links, int64_t arrive_fs, kb_hop *hops) {
    watch->path = path;
    watch->n_links = n_links;
    watch->flight = flight;
    watch->hop = 0;
    watch->hops = hops;
    watch->busy.count = 0;
    for (uint32_t i = 0; i < n_links; i++) {
        const kb_port *port = &ports[path[i]];
        hops[i] = (kb_hop){.link = path[i],
                           .arrive_fs = arrive_fs,
                           .service_fs = port->service_fs,
                           .latency_fs = port->travel_fs - port->service_fs};
    }
}

static bool note(kb_train_watch *watch, kb_alloc *alloc, kb_busy noted) {
    kb_busy *added = KB_VEC_PUSH(&watch->busy, alloc);
    if (!added) return false;
    *added = noted;
    return true;
}

bool kb_train_watch_busy(kb_train_watch *watch, kb_alloc *alloc, uint32_t hop, int64_t from_fs,
                         int64_t until_fs) {
    kb_train once = {from_fs, 0, 1};
    return note(watch, alloc, (kb_busy){once, until_fs - from_fs, hop, false});
}

/* How much of it is after from_fs; nothing of it overlaps. */
static int64_t time_after(const kb_busy *busy, int64_t from_fs) {
    const kb_train *times = &busy->times;
    int64_t before = 0, gone_fs = from_fs - times->start_fs;
    if (gone_fs <= 0) return times->count * busy->length_fs;
    if (times->count > 1) before = gone_fs / times->period_fs;
    if (before >= times->count) before = times->count - 1;
    int64_t cut_fs = kb_min_i64(gone_fs - before * times->period_fs, busy->length_fs);
    return (times->count - before) * busy->length_fs - cut_fs;
}

/* The flit's service at the hop begins. */
static void leave(kb_train_watch *watch, int64_t serve_fs) {
    kb_hop *hop = &watch->hops[watch->hop];
    for (size_t i = 0; i < watch->busy.count; i++) {
        const kb_busy *busy = &watch->busy.items[i];
        if (busy->hop != watch->hop) continue;
        *(busy->own ? &hop->own_fs : &hop->waiting_fs) += time_after(busy, hop->arrive_fs);
    }
    hop->overhead_fs = serve_fs - hop->arrive_fs - hop->waiting_fs - hop->own_fs;
    if (++watch->hop < watch->n_links)
        hop[1].arrive_fs = serve_fs + hop->service_fs + hop->latency_fs;
    else watch->path = NULL;
}

bool kb_train_watch_service(kb_train_watch *watch, kb_alloc *alloc, uint32_t link, uint32_t flight,
                            kb_train services, bool tail) {
    uint32_t hop = watch->hop;
    while (hop < watch->n_links && watch->path[hop] != link) hop++;
    if (hop == watch->n_links) return true;
    bool own = flight == watch->flight, leaves = own && tail;
    int64_t last_fs = services.start_fs + services.period_fs * (services.count - 1);
    services.count -= leaves;
    int64_t length_fs = watch->hops[hop].service_fs;
    if (services.count && !note(watch, alloc, (kb_busy){services, length_fs, hop, own}))
        return false;
    if (leaves) leave(watch, last_fs);
    return true;
}
