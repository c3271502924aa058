#include "hw/fabric/fabric_core.h"

/* The stream behind whose first train most others wait, *n of them. */
static uint32_t find_longest(const kb_streams *streams, uint32_t *n) {
    uint32_t longest = KB_NONE;
    *n = 0;
    for (uint32_t i = 0; i < streams->pool.state.count; i++) {
        uint32_t own = 0;
        for (uint32_t k = streams->pool.items[i].more; k != KB_NONE; own++)
            k = streams->pieces.items[k].next;
        if (own <= *n) continue;
        *n = own;
        longest = i;
    }
    return longest;
}

static kb_status set_crowded(const kb_fabric *fabric, kb_error *err) {
    const kb_streams *streams = &fabric->streams;
    uint32_t n, number = find_longest(streams, &n);
    if (number == KB_NONE) return kb_error_nomem(err, "a train");
    const kb_stream *stream = &streams->pool.items[number];
    const kb_flight *flown = &fabric->flights.items[stream->flight];
    const kb_message *message = &flown->message;
    const kb_link *at = &kb_topology_links(fabric->topology)[flown->path[stream->hop]];
    return kb_error_set(
        err, KB_OVERFLOW,
        "port of \"%s\" to \"%s\": expected no more than %u trains of flits that wait behind others "
        "in all, got one more, %u of them of the message from \"%s\" to \"%s\" (%lld bytes, sent at "
        "%lld fs); send less at a time, or over faster links",
        fabric->nodes[at->src].name, fabric->nodes[at->dst].name, streams->most_pieces, n,
        fabric->nodes[message->src].name, fabric->nodes[message->dst].name,
        (long long)message->nbytes, (long long)message->start_fs);
}

kb_status kb_fabric_nomem_(const kb_fabric *fabric, const char *what, kb_error *err) {
    const kb_streams *streams = &fabric->streams;
    return streams->pieces.state.n_live == streams->most_pieces ? set_crowded(fabric, err)
                                                                : kb_error_nomem(err, what);
}

void kb_fabric_fail_nomem_(kb_fabric *fabric, const char *what) {
    kb_error *err = kb_sim_fail(fabric->sim, KB_NOMEM);
    if (err) (void)kb_fabric_nomem_(fabric, what, err);
}

void kb_fabric_fail_overflow_(kb_fabric *fabric, uint32_t link, int64_t served_fs) {
    (void)kb_error_set(
        kb_sim_fail(fabric->sim, KB_OVERFLOW), KB_OVERFLOW,
        "link %u: expected all times below 2^63 fs (2.5 hours), got a flit served at "
        "%lld fs that would arrive later; send less, or over faster links",
        link, (long long)served_fs);
}

void kb_fabric_fail_overlap_(kb_fabric *fabric, uint32_t link, int64_t begin_fs, int64_t free_fs) {
    uint32_t src = kb_topology_links(fabric->topology)[link].src;
    kb_audit_overlap_(fabric->sim, fabric->nodes[src].name, "its port", begin_fs, free_fs);
}
