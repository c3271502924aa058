#include "hw/memory/hbm_banked.h"

#include <stdio.h>

#include "base/checked.h"
#include "hw/component/reply.h"
#include "hw/component/request.h"
#include "hw/fabric/audit.h"
#include "hw/memory/hbm_job.h"

struct kb_hbm_banked {
    const kb_parts *parts;
    uint32_t node, slot;
    int32_t burst_shift;
    int32_t
        flit_shift; /* log2 of the bursts of a flit; -1 where it is no power of two, or less than one */
    int64_t request_fs, response_fs;
    int64_t read_ahead_fs, write_ahead_fs; /* from a decision to what it shows, at the least */
    int64_t wake_fs;                       /* KB_TIME_MAX: no need */
    kb_dram_stack stack;
    kb_hbm_jobs jobs;
    uint32_t n_reads, n_writes; /* under way; writes with their tail */
};

static void fail(const kb_hbm_banked *hbm, kb_status status, const kb_error *why) {
    (void)kb_error_set(kb_sim_fail(hbm->parts->sim, status), status, "%s", why->message);
}

static void fail_nomem(const kb_hbm_banked *hbm) {
    (void)kb_error_nomem(kb_sim_fail(hbm->parts->sim, KB_NOMEM), "requests of an HBM");
}

/* --- what has been decided -------------------------------------------------------------------------- */

/* Bursts of a run whose flits are all its own: of each flit the last one is so many bursts after the one before's. */
static inline void serve_whole(kb_hbm_flit *flits, int32_t shift, uint32_t first, uint32_t count,
                               int64_t there_fs, int64_t period_fs) {
    uint32_t flit = first >> shift, end = (first + count) >> shift;
    int64_t when_fs = there_fs + (((int64_t)(flit + 1) << shift) - 1 - first) * period_fs;
    for (; flit < end; flit++, when_fs += period_fs << shift) flits[flit] = when_fs + 1;
}

static void served(void *self, const kb_dram_run *run, uint32_t first, uint32_t count,
                   int64_t there_fs, int64_t period_fs) {
    kb_hbm_banked *hbm = self;
    kb_hbm_job *j = &hbm->jobs.pool.items[run->job];
    int64_t skip = run->skip, packed = (int64_t)run->packed, flit_nbytes = hbm->jobs.flit_nbytes;
    int32_t shift = hbm->burst_shift;
    int64_t run_end = ((int64_t)run->count << shift) - skip - run->spare; /* in the run */
    kb_hbm_jobs_touch(&hbm->jobs, run->job);
    if (j->n_flits > 1 && hbm->flit_shift >= 0 && skip == 0 &&
        ((packed | run_end) & (flit_nbytes - 1)) == 0) {
        serve_whole(j->flits + (packed >> hbm->jobs.flit_shift), hbm->flit_shift, first, count,
                    there_fs, period_fs);
        return;
    }
    int64_t begin = first ? ((int64_t)first << shift) - skip : 0;
    int64_t end = kb_min_i64(((int64_t)(first + count) << shift) - skip, run_end);
    if (j->n_flits <= 1) {
        j->left -= end - begin;
        j->served_fs = kb_max_i64(j->served_fs, there_fs + (count - 1) * period_fs);
        return;
    }
    int64_t number = kb_hbm_jobs_flit_of(&hbm->jobs, packed + begin);
    int64_t flit_begin = number * flit_nbytes - packed;
    for (; begin < end; number++) {
        int64_t flit_end = kb_min_i64(flit_begin + flit_nbytes, j->left - packed);
        int64_t upto = kb_min_i64(end, flit_end);
        int64_t when_fs = there_fs + (((upto - 1 + skip) >> shift) - first) * period_fs;
        if (flit_begin < 0 || flit_end > run_end)
            kb_hbm_job_count(&hbm->jobs, j, number, upto - begin, when_fs);
        else if (upto == flit_end) j->flits[number] = when_fs + 1;
        begin = flit_begin = upto;
    }
}

static void fault(void *self, const kb_dram_pc *pc, uint32_t bank, int64_t at_fs, int64_t free_fs) {
    const kb_hbm_banked *hbm = self;
    unsigned number = pc->number;
    char what[64];
    if (bank == KB_NONE) (void)snprintf(what, sizeof what, "data bus %u", number);
    else (void)snprintf(what, sizeof what, "bank %u of pseudo-channel %u", (unsigned)bank, number);
    kb_audit_overlap_(hbm->parts->sim, kb_topology_nodes(hbm->parts->topology)[hbm->node].name,
                      what, at_fs, free_fs);
}

static void end_read(kb_hbm_banked *hbm, uint32_t number, int64_t there_fs) {
    const kb_hbm_job *j = &hbm->jobs.pool.items[number];
    kb_requests_at(hbm->parts->requests, j->request)->memory_end_fs = there_fs;
    hbm->n_reads--;
    kb_hbm_jobs_give(&hbm->jobs, number);
}

static kb_status send_flit(kb_hbm_banked *hbm, uint32_t number, kb_error *err) {
    kb_hbm_job *j = &hbm->jobs.pool.items[number];
    if (j->left > 0) return KB_OK;
    kb_train flit = {j->served_fs + hbm->response_fs, 0, 1};
    uint32_t handle = j->handle;
    end_read(hbm, number, flit.start_fs);
    return kb_fabric_append(hbm->parts->fabric, handle, flit, err);
}

static kb_status send_flits(kb_hbm_banked *hbm, uint32_t number, kb_error *err) {
    kb_hbm_job *j = &hbm->jobs.pool.items[number];
    if (j->n_flits == 1) return send_flit(hbm, number, err);
    kb_reply reply = {.fabric = hbm->parts->fabric, .handle = j->handle, .err = err};
    kb_hbm_flit *next = j->flits + j->n_sent, *end = j->flits + j->n_flits;
    int64_t there_fs = j->there_fs;
    for (; next < end && *next > 0; next++) {
        there_fs = kb_max_i64(there_fs, *next - 1 + hbm->response_fs);
        kb_reply_add(&reply, (kb_train){there_fs, 0, 1});
        *next = 0;
    }
    j->there_fs = there_fs;
    j->n_sent = (uint32_t)(next - j->flits);
    if (j->n_sent == j->n_flits) end_read(hbm, number, there_fs);
    kb_reply_flush(&reply);
    return reply.status;
}

static kb_status acknowledge(kb_hbm_banked *hbm, uint32_t number, kb_error *err) {
    kb_hbm_job *j = &hbm->jobs.pool.items[number];
    if (!j->has_tail || j->left > 0) return KB_OK;
    kb_request *request = kb_requests_at(hbm->parts->requests, j->request);
    request->memory_end_fs = j->served_fs;
    kb_train ack = {j->served_fs + hbm->response_fs, 0, 1};
    uint32_t handle = j->handle;
    hbm->n_writes--;
    kb_hbm_jobs_give(&hbm->jobs, number);
    if (request->posted) {
        kb_request_committed(hbm->parts->requests, request);
        return KB_OK;
    }
    return kb_fabric_append(hbm->parts->fabric, handle, ack, err);
}

/* What is handed on of a job is brought into the cache, and the job after it. */
static inline void foresee(const kb_hbm_banked *hbm, const kb_hbm_job *j) {
    kb_fabric_foresee_flits(hbm->parts->fabric, j->handle);
    __builtin_prefetch(&kb_requests_at(hbm->parts->requests, j->request)->memory_end_fs);
    if (j->next_touched != KB_NONE) __builtin_prefetch(&hbm->jobs.pool.items[j->next_touched]);
}

static void hand_on(kb_hbm_banked *hbm) {
    kb_status status = KB_OK;
    kb_error err;
    kb_error_clear(&err);
    uint32_t number = hbm->jobs.touched;
    hbm->jobs.touched = KB_NONE;
    while (number != KB_NONE && status == KB_OK) {
        kb_hbm_job *j = &hbm->jobs.pool.items[number];
        uint32_t next = j->next_touched;
        if (next != KB_NONE) foresee(hbm, &hbm->jobs.pool.items[next]);
        j->touched = false;
        status = j->n_flits ? send_flits(hbm, number, &err) : acknowledge(hbm, number, &err);
        number = next;
    }
    if (status != KB_OK) fail(hbm, status, &err);
}

static void wake_by(kb_hbm_banked *hbm, int64_t when_fs) {
    if (when_fs >= hbm->wake_fs) return;
    hbm->wake_fs = when_fs;
    kb_sim_at(hbm->parts->sim, hbm->slot, when_fs);
}

/* What is still to come delays reads that wait, but may fill the window, so that writes are served sooner. */
static void step(void *self, uint32_t arg) {
    kb_hbm_banked *hbm = self;
    int64_t now_fs = kb_sim_now(hbm->parts->sim);
    (void)arg;
    if (now_fs < hbm->wake_fs) return;
    hbm->wake_fs = KB_TIME_MAX;
    kb_fabric_settle(hbm->parts->fabric, hbm->node);
    int64_t known_fs = now_fs + hbm->request_fs - 1;
    int64_t due_fs = kb_dram_stack_advance(&hbm->stack, known_fs);
    hand_on(hbm);
    if (hbm->n_reads > 0) wake_by(hbm, due_fs + hbm->read_ahead_fs);
    if (hbm->n_writes > 0) wake_by(hbm, known_fs + 1 + hbm->write_ahead_fs);
}

/* --- requests ----------------------------------------------------------------------------------------- */

static inline uint32_t slice_of(const kb_request *request) {
    return request->slice > 0 ? (uint32_t)request->slice : 0;
}

/* All of a read waits, rows at one stride in one go. */
static bool add_rows(kb_hbm_banked *hbm, kb_request *request) {
    kb_dram_bytes row = {.slice = slice_of(request),
                         .job = request->job,
                         .when_fs = kb_sim_now(hbm->parts->sim) + hbm->request_fs,
                         .flit_nbytes = UINT64_MAX};
    while (request->left > 0) {
        uint64_t address, stride, in_row = kb_cursor_row(&request->cursor, &address);
        uint64_t n = kb_cursor_rows(&request->cursor, &request->shape, &stride);
        uint64_t n_whole = request->left / in_row; /* 0: the request ends within the row */
        if (n > n_whole) n = n_whole > 0 ? n_whole : 1;
        row.offset = address - request->delta;
        row.nbytes = n_whole > 0 ? in_row : request->left;
        row.packed = request->nbytes - request->left;
        if (!kb_dram_stack_add_rows(&hbm->stack, &row, stride, n)) return false;
        request->left -= n * row.nbytes;
        if (request->left > 0) kb_cursor_skip_rows(&request->cursor, &request->shape, n);
    }
    return true;
}

/* The next nbytes of a write wait, row after row, flit by flit as they came. */
static bool add_bytes(kb_hbm_banked *hbm, kb_request *request, uint64_t nbytes, kb_train flits) {
    uint64_t flit_nbytes = flits.count > 1 ? (uint64_t)hbm->jobs.flit_nbytes : UINT64_MAX;
    uint64_t in_flit = flit_nbytes; /* left of the one that is begun */
    kb_dram_bytes bytes = {.slice = slice_of(request),
                           .job = request->job,
                           .write = true,
                           .when_fs = flits.start_fs + hbm->request_fs,
                           .period_fs = flits.period_fs,
                           .flit_nbytes = flit_nbytes};
    while (nbytes > 0) {
        uint64_t address, in_row = kb_cursor_row(&request->cursor, &address);
        uint64_t taken = in_row < nbytes ? in_row : nbytes, n_flits = 0;
        if (in_flit < flit_nbytes) taken = taken < in_flit ? taken : in_flit;
        if (taken >= flit_nbytes) { /* whole flits, and after them the last one, if it is short */
            n_flits = taken / flit_nbytes;
            if (taken < nbytes) taken = n_flits * flit_nbytes;
        } else {
            in_flit -= taken;
            if (in_flit == 0) in_flit = flit_nbytes, n_flits = 1;
        }
        bytes.offset = address - request->delta;
        bytes.nbytes = taken;
        bytes.packed = request->nbytes - request->left;
        if (!kb_dram_stack_add(&hbm->stack, &bytes)) return false;
        bytes.when_fs += (int64_t)n_flits * bytes.period_fs;
        kb_cursor_advance(&request->cursor, &request->shape, taken);
        request->left -= taken;
        nbytes -= taken;
    }
    return true;
}

/* Room for what a decision may add to an instant. */
static bool is_in_time(kb_hbm_banked *hbm, int64_t now_fs) {
    if (now_fs < KB_TIME_MAX - (INT64_C(1) << 56)) return true;
    (void)kb_error_set(
        kb_sim_fail(hbm->parts->sim, KB_OVERFLOW), KB_OVERFLOW,
        "%s: expected requests before 2^63 - 2^56 fs (2.5 hours), got one at %lld fs",
        kb_topology_nodes(hbm->parts->topology)[hbm->node].name, (long long)now_fs);
    return false;
}

static kb_status open_reply(kb_hbm_banked *hbm, const kb_request *request, kb_msg_kind kind,
                            uint32_t *handle, kb_error *err) {
    kb_send send = {.src = hbm->node,
                    .dst = request->requester,
                    .slice = request->slice,
                    .kind = kind,
                    .tag = request->number,
                    .nbytes = kind == KB_MSG_READ_REPLY ? (int64_t)request->nbytes : 0};
    return kb_fabric_open(hbm->parts->fabric, &send, handle, err);
}

static void take_read(void *self, const kb_message *message, uint32_t link, int64_t first,
                      kb_train flits) {
    kb_hbm_banked *hbm = self;
    kb_request *request = kb_requests_at(hbm->parts->requests, message->tag);
    int64_t now_fs = kb_sim_now(hbm->parts->sim), when_fs = now_fs + hbm->request_fs;
    kb_error err;
    kb_error_clear(&err);
    (void)link, (void)first, (void)flits;
    if (!is_in_time(hbm, now_fs)) return;
    request->memory_start_fs = now_fs;
    if (!kb_hbm_jobs_take(&hbm->jobs, request->number, request->nbytes, &request->job)) {
        fail_nomem(hbm);
        return;
    }
    kb_hbm_job *j = &hbm->jobs.pool.items[request->job];
    kb_status status = open_reply(hbm, request, KB_MSG_READ_REPLY, &j->handle, &err);
    if (status != KB_OK) {
        fail(hbm, status, &err);
        return;
    }
    hbm->n_reads++;
    if (!kb_hbm_jobs_reserve(&hbm->jobs, j) || !add_rows(hbm, request)) {
        fail_nomem(hbm);
        return;
    }
    if (request->nbytes > 0) {
        wake_by(hbm, when_fs + hbm->read_ahead_fs);
        return;
    }
    j->served_fs = when_fs;
    kb_hbm_jobs_touch(&hbm->jobs, request->job);
    hand_on(hbm);
}

static void take_write(void *self, const kb_message *message, uint32_t link, int64_t first,
                       kb_train flits) {
    kb_hbm_banked *hbm = self;
    kb_request *request = kb_requests_at(hbm->parts->requests, message->tag);
    kb_error err;
    kb_error_clear(&err);
    (void)link;
    if (!is_in_time(hbm, kb_sim_now(hbm->parts->sim))) return;
    if (first == 0) {
        request->memory_start_fs = flits.start_fs;
        if (!kb_hbm_jobs_take(&hbm->jobs, request->number, request->nbytes, &request->job)) {
            fail_nomem(hbm);
            return;
        }
    }
    uint64_t most = (uint64_t)(hbm->jobs.flit_nbytes * flits.count);
    uint64_t nbytes = request->left < most ? request->left : most;
    if (!add_bytes(hbm, request, nbytes, flits)) {
        fail_nomem(hbm);
        return;
    }
    if (first + flits.count < message->n_flits) return;
    kb_hbm_job *j = &hbm->jobs.pool.items[request->job];
    int64_t when_fs = kb_sim_now(hbm->parts->sim) + hbm->request_fs;
    j->has_tail = true;
    hbm->n_writes++;
    kb_status status = KB_OK;
    if (!request->posted) status = open_reply(hbm, request, KB_MSG_WRITE_ACK, &j->handle, &err);
    if (status != KB_OK) {
        fail(hbm, status, &err);
        return;
    }
    if (j->left > 0) {
        wake_by(hbm, when_fs + hbm->write_ahead_fs);
        return;
    }
    j->served_fs = kb_max_i64(j->served_fs, when_fs);
    kb_hbm_jobs_touch(&hbm->jobs, request->job);
    hand_on(hbm);
}

/* --- making one ---------------------------------------------------------------------------------------- */

static kb_status init(kb_hbm_banked *hbm, const kb_dram *dram, kb_error *err) {
    const kb_parts *parts = hbm->parts;
    const kb_params_hbm *params = kb_topology_hbm(parts->topology, hbm->node);
    hbm->wake_fs = KB_TIME_MAX;
    kb_hbm_jobs_init(&hbm->jobs, parts->alloc, kb_topology_flit_nbytes(parts->topology));
    hbm->burst_shift = dram->map.burst_shift;
    hbm->flit_shift = hbm->jobs.flit_shift - hbm->burst_shift;
    hbm->request_fs = params->request_fs;
    hbm->response_fs = params->response_fs;
    KB_TRY(kb_dram_stack_init(&hbm->stack, parts->alloc, dram, params, served, hbm, err));
    hbm->stack.core.fault = fault;
    const kb_dram_rules *rules = &hbm->stack.core.rules;
    hbm->read_ahead_fs = rules->cas_burst[0] + hbm->response_fs;
    hbm->write_ahead_fs = rules->cas_burst[1] + hbm->response_fs;
    KB_TRY(kb_sim_add_slot(parts->sim, step, hbm, 0, &hbm->slot, err));
    kb_dispatch_set(parts->dispatch, hbm->node, KB_MSG_READ, KB_DELIVER_TAIL, take_read, hbm);
    kb_dispatch_set(parts->dispatch, hbm->node, KB_MSG_WRITE, KB_DELIVER_FLITS, take_write, hbm);
    return KB_OK;
}

kb_status kb_hbm_banked_create(const kb_parts *parts, uint32_t node, const kb_dram *dram,
                               kb_hbm_banked **banked, kb_error *err) {
    kb_hbm_banked *made = kb_alloc_zeroed(parts->alloc, 1, sizeof *made);
    if (!made) return kb_error_nomem(err, "an HBM controller");
    made->parts = parts;
    made->node = node;
    kb_status status = init(made, dram, err);
    if (status == KB_OK) *banked = made;
    else kb_hbm_banked_destroy(made);
    return status;
}

void kb_hbm_banked_destroy(kb_hbm_banked *banked) {
    if (!banked) return;
    kb_hbm_jobs_deinit(&banked->jobs);
    kb_dram_stack_deinit(&banked->stack);
    kb_alloc_free(banked->parts->alloc, banked, 1, sizeof *banked);
}

const kb_dram_stack *kb_hbm_banked_stack(const kb_hbm_banked *banked) {
    return &banked->stack;
}
