#include "hw/component/request.h"

#include <inttypes.h>
#include <string.h>

#include "base/vec.h"
#include "mem/dtype.h"

enum { BLOCK = 64 }; /* requests that are allocated together, so that they never move */

struct kb_requests {
    kb_alloc *alloc;
    kb_sim *sim;
    kb_fabric *fabric;
    KB_VEC(kb_request *) blocks;
    KB_VEC(uint32_t) free; /* reserved for every request */
    uint64_t n_sent;
};

/* --- shapes ----------------------------------------------------------------------------------- */

typedef struct dimension {
    uint64_t count, stride;
} dimension;

/* The dimensions of a BOX that move the address, by stride, greatest first. */
static uint32_t sort_dimensions(const kb_access *access, dimension *sorted, uint64_t *base) {
    uint32_t n = 0;
    *base = access->va;
    for (uint32_t d = 0; d < access->rank; d++) {
        int64_t stride = access->stride_nbytes[d];
        uint64_t count = access->count[d];
        *base += (uint64_t)stride * access->lo[d];
        if (stride < 0) *base += (uint64_t)stride * (count - 1);
        if (count == 1 || stride == 0) continue;
        dimension each = {count, stride < 0 ? 0 - (uint64_t)stride : (uint64_t)stride};
        uint32_t at = n++;
        for (; at > 0 && sorted[at - 1].stride < each.stride; at--) sorted[at] = sorted[at - 1];
        sorted[at] = each;
    }
    return n;
}

kb_shape kb_shape_access(const kb_access *access) {
    uint64_t item = kb_dtype_nbytes((kb_dtype)access->dtype);
    kb_shape shape = {
        .item_nbytes = (uint32_t)item, .n_runs = access->n_runs, .runs = access->runs};
    if (access->n_elements == 0) shape.n_runs = 0;
    if (access->n_elements == 0 || shape.n_runs > 0) {
        shape.nbytes = access->n_elements * item;
        return shape;
    }
    dimension sorted[KB_MAX_RANK];
    uint32_t n = sort_dimensions(access, sorted, &shape.base);
    shape.row_nbytes = item;
    while (n > 0 && sorted[n - 1].stride == shape.row_nbytes) shape.row_nbytes *= sorted[--n].count;
    shape.nbytes = shape.row_nbytes;
    shape.n_levels = n;
    for (uint32_t l = 0; l < n; l++) {
        shape.count[l] = sorted[l].count;
        shape.stride[l] = sorted[l].stride;
        shape.nbytes *= sorted[l].count;
    }
    return shape;
}

static void enter_run(kb_cursor *cursor, const kb_shape *shape) {
    bool end = cursor->run == shape->n_runs;
    cursor->address = end ? 0 : shape->runs[cursor->run].va;
    cursor->row_left = end ? 0 : (uint64_t)shape->runs[cursor->run].count * shape->item_nbytes;
}

kb_cursor kb_cursor_begin(const kb_shape *shape) {
    kb_cursor cursor = {.address = shape->base, .row_left = shape->row_nbytes};
    if (shape->n_runs > 0) enter_run(&cursor, shape);
    return cursor;
}

static void enter_next_row(kb_cursor *cursor, const kb_shape *shape) {
    cursor->in_row = 0;
    if (shape->n_runs > 0) {
        cursor->run++;
        enter_run(cursor, shape);
        return;
    }
    for (uint32_t l = shape->n_levels; l-- > 0;) {
        cursor->address += shape->stride[l];
        if (++cursor->index[l] < shape->count[l]) {
            cursor->row_left = shape->row_nbytes;
            return;
        }
        cursor->address -= shape->stride[l] * shape->count[l];
        cursor->index[l] = 0;
    }
}

void kb_cursor_advance(kb_cursor *cursor, const kb_shape *shape, uint64_t nbytes) {
    cursor->in_row += nbytes;
    cursor->row_left -= nbytes;
    if (cursor->row_left == 0) enter_next_row(cursor, shape);
}

void kb_cursor_skip_rows(kb_cursor *cursor, const kb_shape *shape, uint64_t n) {
    if (n > 1) {
        cursor->address += (n - 1) * shape->stride[shape->n_levels - 1];
        cursor->index[shape->n_levels - 1] += n - 1;
    }
    kb_cursor_advance(cursor, shape, cursor->row_left);
}

/* --- the pool --------------------------------------------------------------------------------- */

kb_request *kb_requests_at(const kb_requests *requests, uint32_t number) {
    return &requests->blocks.items[number / BLOCK][number % BLOCK];
}

uint64_t kb_requests_count(const kb_requests *requests) {
    return requests->n_sent;
}

static void give(kb_requests *requests, const kb_request *request) {
    requests->free.items[requests->free.count++] = request->number;
}

static void take_reply(void *self, const kb_message *message, uint32_t link, int64_t first,
                       kb_train flits) {
    kb_requests *requests = self;
    kb_request *request = kb_requests_at(requests, message->tag);
    (void)link, (void)first, (void)flits;
    request->done_fs = kb_sim_now(requests->sim);
    request->done(request->self, request);
    give(requests, request);
}

void kb_request_committed(kb_requests *requests, kb_request *request) {
    request->done_fs = request->memory_end_fs;
    request->done(request->self, request);
    give(requests, request);
}

kb_status kb_requests_create(kb_alloc *alloc, kb_sim *sim, kb_fabric *fabric, kb_dispatch *dispatch,
                             kb_requests **requests, kb_error *err) {
    kb_requests *made = kb_alloc_zeroed(alloc, 1, sizeof *made);
    if (!made) return kb_error_nomem(err, "the pool of requests");
    made->alloc = alloc;
    made->sim = sim;
    made->fabric = fabric;
    kb_dispatch_set_default(dispatch, KB_MSG_READ_REPLY, take_reply, made);
    kb_dispatch_set_default(dispatch, KB_MSG_WRITE_ACK, take_reply, made);
    *requests = made;
    return KB_OK;
}

void kb_requests_destroy(kb_requests *requests) {
    if (!requests) return;
    for (size_t i = 0; i < requests->blocks.count; i++)
        kb_alloc_free(requests->alloc, requests->blocks.items[i], BLOCK, sizeof(kb_request));
    KB_VEC_FREE(&requests->blocks, requests->alloc);
    KB_VEC_FREE(&requests->free, requests->alloc);
    kb_alloc_free(requests->alloc, requests, 1, sizeof *requests);
}

static kb_status add_block(kb_requests *requests, kb_error *err) {
    size_t n = requests->blocks.count * BLOCK;
    if (!KB_VEC_RESERVE(&requests->blocks, requests->alloc, 1) ||
        !KB_VEC_RESERVE(&requests->free, requests->alloc, n + BLOCK - requests->free.count))
        return kb_error_nomem(err, "requests");
    kb_request *block = kb_alloc_zeroed(requests->alloc, BLOCK, sizeof *block);
    if (!block) return kb_error_nomem(err, "requests");
    requests->blocks.items[requests->blocks.count++] = block;
    for (uint32_t i = BLOCK; i-- > 0;)
        requests->free.items[requests->free.count++] = (uint32_t)n + i;
    return KB_OK;
}

/* Begins to bring what is written of a request into the cache. */
static inline void fetch(const kb_requests *requests, uint32_t number) {
    const char *first = (const char *)kb_requests_at(requests, number) + offsetof(kb_shape, base);
    const char *end = first + offsetof(kb_request, cursor.index) - offsetof(kb_shape, base);
    for (; first < end; first += 64) __builtin_prefetch(first);
}

kb_status kb_request_take(kb_requests *requests, kb_request **request, kb_error *err) {
    if (requests->free.count == 0) KB_TRY(add_block(requests, err));
    uint32_t number = requests->free.items[--requests->free.count];
    kb_request *taken = kb_requests_at(requests, number);
    if (requests->free.count > 0) fetch(requests, requests->free.items[requests->free.count - 1]);
    size_t first = sizeof(kb_shape);
    memset((char *)taken + first, 0, offsetof(kb_request, cursor) - first);
    taken->number = number;
    *request = taken;
    return KB_OK;
}

kb_status kb_request_send(kb_requests *requests, kb_request *request, kb_error *err) {
    kb_send send = {.src = request->requester,
                    .dst = request->memory,
                    .slice = request->slice,
                    .kind = request->write ? KB_MSG_WRITE : KB_MSG_READ,
                    .tag = request->number,
                    .nbytes = request->write ? (int64_t)request->nbytes : 0};
    request->sent_fs = kb_sim_now(requests->sim);
    request->left = request->nbytes;
    kb_status status = kb_fabric_send(requests->fabric, &send, NULL, err);
    if (status == KB_OK) requests->n_sent++;
    else give(requests, request);
    return status;
}

/* --- whole-memory addresses ------------------------------------------------------------------- */

kb_status kb_request_locate(const kb_parts *parts, uint32_t memory, uint64_t address,
                            uint64_t nbytes, int32_t *slice, uint64_t *offset, kb_error *err) {
    const kb_node *node = &kb_topology_nodes(parts->topology)[memory];
    const kb_params_hbm *hbm = kb_topology_hbm(parts->topology, memory);
    const kb_params_sram *sram = kb_topology_sram(parts->topology, memory);
    bool tcm = node->impl == KB_IMPL_PE_DMA;
    if (!hbm && !sram && !tcm)
        return kb_error_set(err, KB_INVALID,
                            "%s: expected a memory (hbm, sram, or dma of a PE for its TCM), got "
                            "another part",
                            node->name);
    uint64_t capacity = (uint64_t)(hbm    ? hbm->capacity_nbytes
                                   : sram ? sram->capacity_nbytes
                                          : kb_parts_params(parts)->pe_tcm.capacity_nbytes);
    if (address >= capacity || nbytes > capacity - address)
        return kb_error_set(err, KB_BOUNDS,
                            "%s: expected at most %" PRIu64 " bytes, got %" PRIu64
                            " bytes at offset %" PRIu64,
                            node->name, capacity, nbytes, address);
    *slice = KB_ANY_SLICE;
    *offset = address;
    if (!hbm || node->params >= 0) return KB_OK;
    uint64_t slice_nbytes = capacity / (uint64_t)kb_topology_system(parts->topology)->n_slices;
    *slice = (int32_t)(address / slice_nbytes);
    *offset = address % slice_nbytes;
    if (nbytes <= slice_nbytes - *offset) return KB_OK;
    return kb_error_set(err, KB_BOUNDS,
                        "%s: expected a request within one slice of %" PRIu64 " bytes, got %" PRIu64
                        " bytes at offset %" PRIu64,
                        node->name, slice_nbytes, nbytes, address);
}

kb_status kb_request_range(const kb_parts *parts, uint32_t requester, uint32_t memory, bool write,
                           uint64_t address, uint64_t nbytes, kb_request_fn done, void *self,
                           uint64_t token, kb_error *err) {
    int32_t slice = KB_ANY_SLICE;
    uint64_t offset = 0;
    kb_request *request;
    KB_TRY(kb_request_locate(parts, memory, address, nbytes, &slice, &offset, err));
    KB_TRY(kb_request_take(parts->requests, &request, err));
    request->requester = requester;
    request->memory = memory;
    request->slice = slice;
    request->write = write;
    kb_request_set_range(request, offset, nbytes);
    request->done = done;
    request->self = self;
    request->token = token;
    return kb_request_send(parts->requests, request, err);
}
