#include "hw/fabric/audit.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/checked.h"
#include "hw/fabric/fabric_core.h"

/* --- what it is held to --------------------------------------------------------------------------- */

kb_status kb_audit_init(kb_fabric *fabric, kb_error *err) {
    kb_audit *audit = &fabric->audit;
    audit->due = kb_alloc_zeroed(fabric->alloc, fabric->n_links, sizeof *audit->due);
    audit->settled = kb_alloc_zeroed(fabric->alloc, fabric->n_links, sizeof *audit->settled);
    audit->used = kb_alloc_zeroed(fabric->alloc, fabric->n_links, sizeof *audit->used);
    audit->paths = kb_alloc_zeroed(fabric->alloc, kb_fabric_n_paths_(fabric), sizeof *audit->paths);
    if (audit->due && audit->settled && audit->used && audit->paths) return KB_OK;
    return kb_error_nomem(err, "the physics checks of the fabric");
}

void kb_audit_deinit(kb_fabric *fabric) {
    kb_audit *audit = &fabric->audit;
    kb_alloc_free(fabric->alloc, audit->due, fabric->n_links, sizeof *audit->due);
    kb_alloc_free(fabric->alloc, audit->settled, fabric->n_links, sizeof *audit->settled);
    kb_alloc_free(fabric->alloc, audit->used, fabric->n_links, sizeof *audit->used);
    kb_alloc_free(fabric->alloc, audit->paths, kb_fabric_n_paths_(fabric), sizeof *audit->paths);
}

int64_t kb_audit_least_fs(const kb_fabric *fabric, const uint32_t *path, uint32_t n_links,
                          int64_t n_flits) {
    int64_t fixed_fs = 0, overhead_fs = 0, longest_fs = 0, length_fs;
    for (uint32_t hop = 0; hop < n_links; hop++) {
        const kb_port *port = &fabric->ports[path[hop]];
        if (kb_mul_i64(port->service_fs, n_flits - 1, &length_fs)) return 0;
        fixed_fs = kb_later_fs(fixed_fs, port->travel_fs);
        overhead_fs = kb_later_fs(overhead_fs, port->overhead_fs);
        longest_fs = kb_max_i64(longest_fs, kb_later_fs(overhead_fs, length_fs));
    }
    return kb_later_fs(fixed_fs, longest_fs);
}

/* --- as it happens -------------------------------------------------------------------------------- */

void kb_audit_overlap_(kb_sim *sim, const char *name, const char *what, int64_t start_fs,
                       int64_t free_fs) {
    (void)kb_error_set(kb_sim_fail(sim, KB_INTERNAL), KB_INTERNAL,
                       "physics: %s: expected %s to be free until %" PRId64
                       " fs, got a service that begins at %" PRId64
                       " fs; this is a fault of kernbench, please report it",
                       name, what, free_fs, start_fs);
}

void kb_audit_overfull(kb_sim *sim, const char *name, const char *what, int64_t held,
                       int64_t capacity) {
    (void)kb_error_set(kb_sim_fail(sim, KB_INTERNAL), KB_INTERNAL,
                       "physics: %s: expected at most %" PRId64 " %s, got %" PRId64
                       "; this is a fault of kernbench, please report it",
                       name, capacity, what, held);
}

void kb_audit_early_(kb_fabric *fabric, const kb_message *message, int64_t least_fs,
                     int64_t end_fs) {
    (void)kb_error_set(kb_sim_fail(fabric->sim, KB_INTERNAL), KB_INTERNAL,
                       "physics: message from %s to %s: expected %" PRId64
                       " flits to be there at %" PRId64 " fs or later, got %" PRId64
                       " fs; this is a fault of kernbench, please report it",
                       fabric->nodes[message->src].name, fabric->nodes[message->dst].name,
                       message->n_flits, least_fs, end_fs);
}

/* --- at rest -------------------------------------------------------------------------------------- */

KB_PRINTF(4, 5)
static kb_status fail_link(const kb_fabric *fabric, uint32_t link, kb_error *err,
                           const char *format, ...) {
    const kb_link *at = &kb_topology_links(fabric->topology)[link];
    char what[160];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(what, sizeof what, format, args);
    va_end(args);
    return kb_error_set(
        err, KB_INTERNAL,
        "physics: link %s -> %s: %s; this is a fault of kernbench, please report it",
        fabric->nodes[at->src].name, fabric->nodes[at->dst].name, what);
}

static kb_status check_link(const kb_fabric *fabric, uint32_t link, kb_error *err) {
    const kb_audit *audit = &fabric->audit;
    uint64_t served = kb_fabric_link_flits(fabric, link) - audit->settled[link];
    int64_t window_fs = kb_sim_now(fabric->sim) - audit->since_fs, busy_fs;
    int64_t service_fs = fabric->ports[link].service_fs;
    if (served != audit->due[link])
        return fail_link(fabric, link, err, "expected %" PRIu64 " flits sent over it, got %" PRIu64,
                         audit->due[link], served);
    if (kb_mul_i64((int64_t)served, service_fs, &busy_fs) || busy_fs > window_fs)
        return fail_link(fabric, link, err,
                         "expected at most %" PRId64 " fs of service in as much time, got %" PRIu64
                         " flits of %" PRId64 " fs",
                         window_fs, served, service_fs);
    uint32_t n_places = kb_servers_held(fabric, link);
    if (n_places)
        return fail_link(fabric, link, err,
                         "expected all places behind it to be free at rest, got %" PRIu32
                         " taken or lost",
                         n_places);
    return KB_OK;
}

void kb_fabric_describe_blocked(const kb_fabric *fabric, char *text, size_t capacity) {
    uint32_t link, n_blocked = kb_servers_blocked(fabric, &link);
    if (capacity) text[0] = '\0';
    if (!n_blocked) return;
    const kb_link *at = &kb_topology_links(fabric->topology)[link];
    (void)snprintf(text, capacity, "%s: %" PRIu32 " messages wait for places in the buffer of %s",
                   fabric->nodes[at->src].name, n_blocked, fabric->nodes[at->dst].name);
}

static kb_status check_messages(const kb_fabric *fabric, kb_error *err) {
    const kb_fabric_counters *c = &fabric->counters;
    char blocked[512];
    kb_fabric_describe_blocked(fabric, blocked, sizeof blocked);
    if (blocked[0])
        return kb_error_set(err, KB_DEADLOCK,
                            "deadlock at %" PRId64 " fs: nothing can move any more; %s",
                            kb_sim_now(fabric->sim), blocked);
    if (c->messages_sent == c->messages_delivered && c->bytes_sent == c->bytes_delivered &&
        c->flits_sent == c->flits_delivered)
        return KB_OK;
    return kb_error_set(err, KB_INTERNAL,
                        "physics: the fabric: expected %" PRIu64 " messages of %" PRIu64
                        " bytes at rest, as were sent, got %" PRIu64 " of %" PRIu64
                        "; this is a fault of kernbench, please report it",
                        c->messages_sent, c->bytes_sent, c->messages_delivered, c->bytes_delivered);
}

void kb_audit_at_rest(kb_fabric *fabric, kb_rest_check *check) {
    check->listed = true;
    check->next = fabric->audit.checks;
    fabric->audit.checks = check;
}

void kb_audit_tell(kb_audit *audit, kb_path *path) {
    for (uint32_t hop = 0; path->n_due && hop < path->n_links; hop++) {
        uint32_t link = path->links[hop];
        if (audit->due[link] == 0) audit->used[audit->n_used++] = link;
        audit->due[link] += path->n_due;
    }
    path->n_due = 0;
}

kb_status kb_fabric_audit(kb_fabric *fabric, kb_error *err) {
    kb_audit *audit = &fabric->audit;
    for (kb_rest_check *each = audit->checks; each; each = audit->checks = each->next) {
        KB_TRY(each->check(each->self, err));
        each->listed = false;
    }
    KB_TRY(check_messages(fabric, err));
    while (audit->n_paths) {
        kb_path *path = audit->paths[--audit->n_paths];
        path->is_noted = false;
        kb_audit_tell(audit, path);
    }
    for (uint32_t i = 0; i < audit->n_used; i++) {
        uint32_t link = audit->used[i];
        KB_TRY(check_link(fabric, link, err));
        audit->settled[link] = kb_fabric_link_flits(fabric, link);
        audit->due[link] = 0;
    }
    audit->n_used = 0;
    audit->since_fs = kb_sim_now(fabric->sim);
    return KB_OK;
}
