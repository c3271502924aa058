/* Any bytes as a topology: a status and a message or a machine; never a crash, never a leak.  A machine
 * writes itself as YAML that makes it again, and its first nodes have paths or errors.  Then the same
 * once more with an allocation that fails. */
#include "base/hash.h"
#include "spec/topology.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

enum { MAX_TRIED = 12, MAX_WRITTEN = 100000 };

static void expect(int holds, const char *what) {
    if (holds) return;
    (void)fprintf(stderr, "fuzz_topology: %s\n", what);
    abort();
}

static void try_paths(kb_topology *topology) {
    uint32_t n_nodes = kb_topology_n_nodes(topology);
    uint32_t n_tried = n_nodes < MAX_TRIED ? n_nodes : MAX_TRIED;
    for (uint32_t src = 0; src < n_tried; src++) {
        for (uint32_t k = 0; k < n_tried; k++) {
            kb_error err = KB_ERROR_INIT;
            const uint32_t *links;
            uint32_t n_links, path, dst = n_nodes - 1 - k, at = src;
            kb_status status =
                kb_topology_path(topology, src, dst, KB_ANY_SLICE, &links, &n_links, &path, &err);
            expect(status == KB_OK || status == KB_NOMEM || status == KB_TOPOLOGY,
                   "status of a path");
            for (uint32_t i = 0; status == KB_OK && i < n_links; i++) {
                expect(kb_topology_links(topology)[links[i]].src == at, "a path is connected");
                at = kb_topology_links(topology)[links[i]].dst;
            }
            expect(status != KB_OK || at == dst, "a path arrives");
        }
    }
}

static void try_round_trip(kb_topology *topology, kb_alloc *alloc) {
    kb_error err = KB_ERROR_INIT;
    kb_topology *again = NULL;
    const char *text;
    size_t length;
    kb_status status = kb_topology_to_yaml(topology, &text, &length, &err);
    if (status == KB_OK) status = kb_topology_parse(alloc, text, length, "again", &again, &err);
    expect(status == KB_OK || status == KB_NOMEM, err.message);
    expect(!again || kb_topology_n_links(again) == kb_topology_n_links(topology), "round trip");
    kb_topology_destroy(again);
}

static uint64_t try_text(const uint8_t *bytes, size_t n_bytes, uint64_t fail_at) {
    kb_alloc alloc = kb_alloc_system();
    kb_error err = KB_ERROR_INIT;
    kb_topology *topology = NULL;
    alloc.fail_at = fail_at;
    kb_status status =
        kb_topology_parse(&alloc, (const char *)bytes, n_bytes, "fuzz", &topology, &err);
    expect(status == KB_OK || status == KB_TOPOLOGY || status == KB_NOMEM, "status of a text");
    expect(status == KB_OK || err.message[0], "a message");
    if (topology) {
        try_paths(topology);
        if (kb_topology_n_nodes(topology) < MAX_WRITTEN) try_round_trip(topology, &alloc);
    }
    kb_topology_destroy(topology);
    expect(alloc.live_nbytes == 0, "nothing is lost");
    return alloc.n_calls;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes) {
    uint64_t n_calls = try_text(bytes, n_bytes, 0);
    uint64_t hash = kb_hash_finish(kb_hash_bytes(KB_HASH_SEED, bytes, n_bytes));
    (void)try_text(bytes, n_bytes, 1 + hash % (n_calls + 1));
    return 0;
}
