#include "spec/buffers.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/checked.h"
#include "spec/deadlock.h"
#include "spec/graph.h"

/* --- full rate ------------------------------------------------------------------------------------ */

enum { MAX_KINDS = 16 };

/* Links that want the same: told of once. */
typedef struct kind {
    int64_t got, wanted;
    uint32_t first, n_links;
} kind;

/* INT64_MAX on overflow. */
static int64_t places_for_full_rate(const kb_link *link, int64_t overhead_fs) {
    int64_t loop_fs;
    if (kb_add_i64(link->service_fs, link->latency_fs, &loop_fs) ||
        kb_mul_i64(loop_fs, 2, &loop_fs) || kb_add_i64(loop_fs, overhead_fs, &loop_fs))
        return INT64_MAX;
    return kb_ceil_div(loop_fs, link->service_fs);
}

static kb_status warn(kb_topology *topology, const char *name, const kind *each, kb_error *err) {
    const kb_link *link = &topology->links.items[each->first];
    char others[48] = "";
    if (each->n_links > 1)
        (void)snprintf(others, sizeof others, ", and %" PRIu32 " more", each->n_links - 1);
    return kb_graph_warn(topology, err,
                         "%s: buffer_flits: expected at least %" PRId64
                         ", ceil((2 (s + p) + o) / s), for full rate, got %" PRId64
                         " (link %s -> %s%s)",
                         name, each->wanted, each->got, topology->nodes.items[link->src].name,
                         topology->nodes.items[link->dst].name, others);
}

static kb_status warn_of_short_loops(kb_topology *topology, const char *name, kb_error *err) {
    kind kinds[MAX_KINDS];
    size_t n_kinds = 0, k;
    for (size_t i = 0; i < topology->links.count; i++) {
        const kb_link *link = &topology->links.items[i];
        const kb_node *at = &topology->nodes.items[link->dst];
        int64_t got = at->transit.buffer_flits;
        int64_t wanted = places_for_full_rate(link, at->overhead_fs);
        if (got == 0 || got >= wanted) continue;
        for (k = 0; k < n_kinds; k++)
            if (kinds[k].got == got && kinds[k].wanted == wanted) break;
        if (k == MAX_KINDS) continue;
        if (k == n_kinds) kinds[n_kinds++] = (kind){got, wanted, (uint32_t)i, 0};
        kinds[k].n_links++;
    }
    for (k = 0; k < n_kinds; k++) KB_TRY(warn(topology, name, &kinds[k], err));
    return KB_OK;
}

/* --- no deadlock ---------------------------------------------------------------------------------- */

static bool has_buffers(const kb_topology *topology) {
    for (size_t i = 0; i < topology->nodes.count; i++)
        if (topology->nodes.items[i].transit.buffer_flits) return true;
    return false;
}

kb_status kb_buffers_check(kb_topology *topology, const kb_reader *reader, const kb_place *root) {
    char cycle[KB_DEADLOCK_TEXT];
    if (!has_buffers(topology)) return KB_OK;
    KB_TRY(kb_channels_assign(topology, reader->err));
    kb_error why = KB_ERROR_INIT;
    kb_status status = kb_deadlock_find(topology, cycle, &why);
    if (status == KB_TOPOLOGY) return kb_read_fail(reader, root, "%s", why.message);
    if (status != KB_OK) return kb_error_set(reader->err, status, "%s", why.message);
    if (cycle[0])
        return kb_read_fail(reader, root,
                            "expected no cycle among links with finite buffers, got %s; give its "
                            "buffers `virtual_channels: 2` and one of its links `dateline: true` "
                            "(the wrap links of meshes have it), or leave one of them unbounded",
                            cycle);
    return warn_of_short_loops(topology, reader->name, reader->err);
}
