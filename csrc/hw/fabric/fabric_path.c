#include "hw/fabric/fabric_path.h"

#include "base/checked.h"
#include "hw/fabric/fabric_core.h"

/* Each node that sends at all sends to a few others, and most do not. */
enum { PATH_BITS_LEAST = 14, PATH_BITS_MOST = 20 };

/* A path is at the first of so many in a row that was free. */
enum { PLACES = 4 };

kb_status kb_fabric_paths_init_(kb_fabric *fabric, kb_error *err) {
    fabric->path_bits = PATH_BITS_LEAST;
    while (fabric->path_bits < PATH_BITS_MOST && fabric->n_nodes > kb_fabric_n_paths_(fabric) / 4)
        fabric->path_bits++;
    fabric->path_numbers =
        kb_alloc_zeroed(fabric->alloc, kb_fabric_n_paths_(fabric), sizeof *fabric->path_numbers);
    fabric->paths_block = kb_alloc_zeroed(fabric->alloc, kb_fabric_n_paths_(fabric) + 1,
                                          sizeof *fabric->paths); /* one to align them */
    if (!fabric->path_numbers || !fabric->paths_block)
        return kb_error_nomem(err, "the paths of the fabric");
    fabric->paths = kb_first_line(fabric->paths_block);
    return KB_OK;
}

void kb_fabric_paths_deinit_(kb_fabric *fabric) {
    kb_alloc_free(fabric->alloc, fabric->path_numbers, kb_fabric_n_paths_(fabric),
                  sizeof *fabric->path_numbers);
    kb_alloc_free(fabric->alloc, fabric->paths_block, kb_fabric_n_paths_(fabric) + 1,
                  sizeof *fabric->paths);
}

static kb_status check_send(const kb_fabric *fabric, const kb_send *send, kb_error *err) {
    if (send->src >= fabric->n_nodes || send->dst >= fabric->n_nodes)
        return kb_error_set(err, KB_INVALID, "message: expected nodes 0 to %u, got %u to %u",
                            fabric->n_nodes - 1, send->src, send->dst);
    if (send->nbytes < 0)
        return kb_error_set(err, KB_INVALID, "message: expected nbytes >= 0, got %lld",
                            (long long)send->nbytes);
    return KB_OK;
}

/* Where `anew`, nothing is in the path yet.  (To look at it would cost a page fault more for each page of paths: one
 * that is read before it is written is mapped twice.) */
static kb_status look_up(kb_fabric *fabric, const kb_send *send, bool anew, kb_path *path,
                         kb_error *err) {
    uint32_t number;
    kb_path found = {.src = send->src,
                     .dst = send->dst,
                     .slice = send->slice,
                     .is_noted = !anew && path->is_noted};
    KB_TRY(kb_topology_path(fabric->topology, send->src, send->dst, send->slice, &found.links,
                            &found.n_links, &number, err));
    if (!anew) kb_audit_tell(&fabric->audit, path);
    *path = found;
    if (found.n_links) {
        const kb_port *last = &fabric->ports[found.links[found.n_links - 1]];
        fabric->notice_fs = kb_min_i64(fabric->notice_fs, last->travel_fs);
    }
    if (!fabric->servers.of) return KB_OK;
    fabric->servers.channels[path - fabric->paths] = kb_topology_channels(fabric->topology, number);
    for (uint32_t hop = 0; hop < path->n_links; hop++)
        if (kb_fabric_by_flit_(fabric, path->links[hop])) path->n_by_flit = hop + 1;
    return KB_OK;
}

/* When the last of n_flits has still left its port within the range of time; -1: never. */
static int64_t find_latest(const kb_fabric *fabric, const kb_path *path, int64_t n_flits) {
    int64_t overhead_fs = fabric->nodes[path->src].overhead_fs, before_fs;
    if (!path->n_links) return KB_TIME_MAX - overhead_fs;
    const kb_port *port = &fabric->ports[path->links[0]];
    if (kb_mul_i64(n_flits - 1, port->service_fs, &before_fs)) return -1;
    return kb_max_i64(port->end_fs - kb_later_fs(overhead_fs, before_fs), -1);
}

static void set_size(const kb_fabric *fabric, kb_path *path, int64_t n_flits) {
    path->n_flits = n_flits;
    path->latest_fs = find_latest(fabric, path, n_flits);
    path->latency_fs = path->n_links
                           ? kb_audit_least_fs(fabric, path->links, path->n_links, n_flits)
                           : fabric->nodes[path->src].overhead_fs;
}

/* -1, which is the size of no path, when nbytes is none. */
static inline int64_t count_flits(const kb_fabric *fabric, int64_t nbytes) {
    int64_t flit_nbytes = fabric->flit_nbytes;
    if (nbytes <= flit_nbytes) return nbytes < 0 ? -1 : 1;
    bool shifts = (flit_nbytes & (flit_nbytes - 1)) == 0;
    return shifts ? ((nbytes - 1) >> fabric->flit_shift) + 1 : kb_ceil_div(nbytes, flit_nbytes);
}

static KB_COLD kb_status fail_range(const kb_fabric *fabric, const kb_path *path, int64_t start_fs,
                                    kb_error *err) {
    return kb_error_set(err, KB_OVERFLOW,
                        "message from \"%s\": expected its last flit to leave before 2^63 fs (2.5 "
                        "hours), got %lld flits at %lld fs; send less, or over faster links",
                        fabric->nodes[path->src].name, (long long)path->n_flits,
                        (long long)start_fs);
}

static inline bool is_long(const kb_fabric *fabric, int64_t nbytes) {
    return nbytes > fabric->flit_nbytes;
}

/* Single flits have one of their own: requests and acknowledgements of the data that goes the same way. */
static inline uint32_t first_place(const kb_fabric *fabric, uint32_t src, uint32_t dst,
                                   int32_t slice, int64_t nbytes) {
    uint32_t mixed = src * fabric->n_nodes + dst + (uint32_t)slice * 61 +
                     is_long(fabric, nbytes) * UINT32_C(2741);
    return mixed * UINT32_C(0x9e3779b1) >> (32 - fabric->path_bits);
}

static inline uint32_t first_place_of(const kb_fabric *fabric, const kb_send *send) {
    return first_place(fabric, send->src, send->dst, send->slice, send->nbytes);
}

/* The path at the place that was foreseen so many calls before. */
static inline const kb_path *foreseen(const kb_fabric *fabric, uint32_t n_before) {
    const kb_foresight *seen = &fabric->foresight;
    return &fabric->paths[fabric->path_numbers[seen->places[(seen->n - n_before) % KB_FORESEEN]]];
}

void kb_fabric_foresee(kb_fabric *fabric, uint32_t src, uint32_t dst, int64_t nbytes) {
    kb_foresight *seen = &fabric->foresight;
    uint32_t place = first_place(fabric, src, dst, KB_ANY_SLICE, nbytes);
    seen->places[++seen->n % KB_FORESEEN] = place;
    __builtin_prefetch(&fabric->path_numbers[place]);
    __builtin_prefetch(foreseen(fabric, 3));
    __builtin_prefetch(foreseen(fabric, 6)->links);
}

void kb_fabric_foresee_flits(const kb_fabric *fabric, uint32_t handle) {
    const char *flown = (const char *)&fabric->flights.items[handle];
    __builtin_prefetch(flown);
    __builtin_prefetch(flown + sizeof(kb_flight) - 1);
}

/* Whether a path is that of such a message, and sized for it.  (Two numbers that were just stored one by one, and lie
 * together, would be compared as one, which waits for both stores: so others come in between.) */
static inline bool is_path_of(const kb_path *path, const kb_send *send, int64_t n_flits) {
    return path->src == send->src && path->n_flits == n_flits && path->dst == send->dst &&
           path->slice == send->slice;
}

/* The place of such a path, else the first free one among those that it may have, else NULL. */
static uint32_t *search(const kb_fabric *fabric, const kb_send *send) {
    uint32_t first = first_place_of(fabric, send), most = (UINT32_C(1) << fabric->path_bits) - 1;
    for (uint32_t i = 0; i < PLACES; i++) {
        uint32_t *place = &fabric->path_numbers[(first + i) & most];
        const kb_path *path = &fabric->paths[*place];
        bool same = is_path_of(path, send, path->n_flits);
        if (*place == 0 || (same && (path->n_flits > 1) == is_long(fabric, send->nbytes)))
            return place;
    }
    return NULL;
}

/* It is not at its first place, or of another size there. */
static __attribute__((noinline)) kb_status find_anew(kb_fabric *fabric, const kb_send *send,
                                                     int64_t n_flits, kb_path **found,
                                                     kb_error *err) {
    KB_TRY(check_send(fabric, send, err));
    uint32_t *place = search(fabric, send);
    bool known = place && *place, anew = place && !*place;
    if (!place) place = &fabric->path_numbers[first_place_of(fabric, send)];
    kb_path *path = &fabric->paths[anew ? fabric->n_paths + 1 : *place];
    if (!known) KB_TRY(look_up(fabric, send, anew, path, err));
    if (anew) *place = ++fabric->n_paths;
    if (path->n_flits != n_flits) set_size(fabric, path, n_flits);
    *found = path;
    return KB_OK;
}

static KB_COLD kb_status fail_count(const kb_fabric *fabric, const kb_send *send, kb_error *err) {
    return kb_error_set(err, KB_OVERFLOW,
                        "message: expected at most 2^32 - 1 messages from one node, got one more "
                        "from \"%s\"",
                        fabric->nodes[send->src].name);
}

static inline kb_status locate(kb_fabric *fabric, const kb_send *send, kb_path **found,
                               kb_error *err) {
    int64_t n_flits = count_flits(fabric, send->nbytes);
    kb_path *path = &fabric->paths[send->path ? *send->path : 0];
    if (!is_path_of(path, send, n_flits)) {
        path = &fabric->paths[fabric->path_numbers[first_place_of(fabric, send)]];
        if (!is_path_of(path, send, n_flits)) KB_TRY(find_anew(fabric, send, n_flits, &path, err));
        if (send->path) *send->path = (uint32_t)(path - fabric->paths);
    }
    *found = path;
    return KB_OK;
}

kb_status kb_fabric_locate_path_(kb_fabric *fabric, const kb_send *send, kb_path **found,
                                 kb_error *err) {
    return locate(fabric, send, found, err);
}

kb_status kb_fabric_find_path_(kb_fabric *fabric, const kb_send *send, int64_t start_fs,
                               kb_path **found, kb_error *err) {
    kb_path *path;
    KB_TRY(locate(fabric, send, &path, err));
    *found = path;
    if (start_fs > path->latest_fs) return fail_range(fabric, path, start_fs, err);
    if (fabric->counts[send->src] == UINT32_MAX) return fail_count(fabric, send, err);
    return KB_OK;
}
