#include "hw/control/io_cpu.h"

#include <string.h>

#include "base/checked.h"
#include "base/vec.h"
#include "hw/component/copy.h"
#include "hw/component/launch.h"
#include "hw/component/mark.h"
#include "hw/component/outbox.h"

/* A launch, copy or mark on its way, in order of arrival. */
typedef struct job {
    kb_msg_kind kind; /* LAUNCH, COPY or MARK */
    uint32_t tag;
    uint32_t stream;
    const kb_turn *turn; /* its own; valid until it responds */
    int64_t decoded_fs;
    bool fanned_out;
    uint32_t due; /* cubes that have not responded */
} job;

typedef struct kb_io_cpu {
    const kb_parts *parts;
    const kb_params_io *params;
    uint32_t node;
    int32_t sip;
    uint32_t n_cubes;
    uint32_t slot;
    kb_outbox *outbox;
    int64_t decode_free_fs, issue_free_fs, merge_free_fs;
    KB_VEC(job) jobs;
} kb_io_cpu;

static bool waits_for(const job *later, const job *earlier) {
    if (earlier->stream == later->stream) return true;
    for (uint32_t k = 0; k < later->turn->n_after; k++)
        if (later->turn->after[k] == earlier->turn->job) return true;
    return false;
}

/* An earlier job that has to respond first is still under way. */
static bool is_behind(const kb_io_cpu *io, size_t number) {
    const job *jobs = io->jobs.items;
    for (size_t i = 0; i < number; i++)
        if (waits_for(&jobs[number], &jobs[i])) return true;
    return false;
}

static bool is_for_cube(const kb_io_cpu *io, const job *j, uint32_t cube) {
    kb_copy_piece piece;
    if (j->kind == KB_MSG_LAUNCH) return true;
    return kb_copy_next(kb_copies_at(io->parts->copies, j->tag), cube, 0, &piece);
}

static void stamp(const kb_io_cpu *io, uint32_t tag, int64_t now_fs) {
    kb_launch *launch = kb_launches_at(io->parts->launches, tag);
    launch->state = KB_LAUNCH_FANNED_OUT;
    launch->stamped_fs = now_fs;
    if (kb_add_i64(now_fs, io->parts->fanout_fs[io->sip], &launch->target_start_fs) ||
        kb_add_i64(launch->target_start_fs, io->params->margin_fs, &launch->target_start_fs))
        (void)kb_error_set(kb_sim_fail(io->parts->sim, KB_OVERFLOW), KB_OVERFLOW,
                           "launch %d: expected a start before 2^63 fs", (int)launch->id);
}

static void fan_out(kb_io_cpu *io, job *j, int64_t now_fs) {
    if (j->kind == KB_MSG_LAUNCH) stamp(io, j->tag, now_fs);
    j->fanned_out = true;
    for (uint32_t cube = 0; cube < io->n_cubes; cube++) {
        if (!is_for_cube(io, j, cube)) continue;
        uint32_t m_cpu =
            kb_topology_part(io->parts->topology, KB_IMPL_M_CPU, io->sip, (int32_t)cube, -1);
        int64_t at_fs = kb_serial_take(&io->issue_free_fs, now_fs, io->params->issue_fs);
        kb_outbox_post(io->outbox, at_fs, m_cpu, j->kind, j->tag);
        j->due++;
    }
}

static void remove_job(kb_io_cpu *io, size_t number) {
    job *j = &io->jobs.items[number];
    memmove(j, j + 1, (io->jobs.count - number - 1) * sizeof *j);
    io->jobs.count--;
}

static uint32_t host_of(const kb_io_cpu *io) {
    return kb_topology_part(io->parts->topology, KB_IMPL_HOST, -1, -1, -1);
}

static void answer_mark(kb_io_cpu *io, size_t number, int64_t now_fs) {
    uint32_t tag = io->jobs.items[number].tag;
    kb_marks_at(io->parts->marks, tag)->stamped_fs = now_fs;
    kb_outbox_post(io->outbox, kb_max_i64(now_fs, io->merge_free_fs), host_of(io), KB_MSG_MARK,
                   tag);
    remove_job(io, number);
}

/* Starts the fan-out whose turn it is; comes back when there may be another. */
static void step(void *self, uint32_t arg) {
    kb_io_cpu *io = self;
    int64_t now_fs = kb_sim_now(io->parts->sim);
    (void)arg;
    for (size_t i = 0; i < io->jobs.count; i++) {
        job *j = &io->jobs.items[i];
        if (j->fanned_out || is_behind(io, i)) continue;
        if (j->kind == KB_MSG_MARK) {
            answer_mark(io, i--, now_fs);
            continue;
        }
        int64_t at_fs = kb_max_i64(j->decoded_fs, io->issue_free_fs);
        if (at_fs > now_fs) kb_sim_at(io->parts->sim, io->slot, at_fs);
        else fan_out(io, j, now_fs);
    }
}

static void find_turn(const kb_io_cpu *io, job *j) {
    if (j->kind == KB_MSG_LAUNCH) {
        const kb_launch *launch = kb_launches_at(io->parts->launches, j->tag);
        j->stream = launch->stream;
        j->turn = &launch->turn;
    } else if (j->kind == KB_MSG_COPY) {
        const kb_copy *copy = kb_copies_at(io->parts->copies, j->tag);
        j->stream = copy->stream;
        j->turn = &copy->turn;
    } else {
        const kb_mark *mark = kb_marks_at(io->parts->marks, j->tag);
        j->stream = mark->stream;
        j->turn = &mark->turn;
    }
}

static void take_command(kb_io_cpu *io, const kb_message *message) {
    int64_t now_fs = kb_sim_now(io->parts->sim);
    job j = {.kind = (kb_msg_kind)message->kind, .tag = message->tag, .decoded_fs = now_fs};
    if (j.kind == KB_MSG_LAUNCH)
        j.decoded_fs = kb_serial_take(&io->decode_free_fs, now_fs, io->params->decode_fs);
    find_turn(io, &j);
    if (!KB_VEC_RESERVE(&io->jobs, io->parts->alloc, 1)) {
        (void)kb_error_nomem(kb_sim_fail(io->parts->sim, KB_NOMEM), "a job of IO_CPU");
        return;
    }
    io->jobs.items[io->jobs.count++] = j;
    kb_sim_at(io->parts->sim, io->slot, j.decoded_fs);
}

static void take_response(kb_io_cpu *io, kb_msg_kind kind, uint32_t tag) {
    int64_t merged_fs =
        kb_serial_take(&io->merge_free_fs, kb_sim_now(io->parts->sim), io->params->merge_fs);
    size_t i = 0;
    while (io->jobs.items[i].kind != kind || io->jobs.items[i].tag != tag) i++;
    job *j = &io->jobs.items[i];
    if (--j->due > 0) return;
    if (kind == KB_MSG_LAUNCH)
        kb_launches_at(io->parts->launches, tag)->state = KB_LAUNCH_RESPONDED;
    kb_outbox_post(io->outbox, merged_fs, host_of(io),
                   kind == KB_MSG_LAUNCH ? KB_MSG_LAUNCH_DONE : KB_MSG_COPY, tag);
    remove_job(io, i);
    kb_sim_signal(io->parts->sim, io->slot);
}

static void take(void *self, const kb_message *message, uint32_t link, int64_t first,
                 kb_train flits) {
    kb_io_cpu *io = self;
    (void)link, (void)first, (void)flits;
    bool from_host = kb_topology_nodes(io->parts->topology)[message->src].impl == KB_IMPL_HOST;
    if (from_host) take_command(io, message);
    else
        take_response(io, message->kind == KB_MSG_COPY ? KB_MSG_COPY : KB_MSG_LAUNCH, message->tag);
}

kb_status kb_io_cpu_create(const kb_parts *parts, uint32_t node, void **io_cpu, kb_error *err) {
    const kb_system *system = kb_topology_system(parts->topology);
    kb_io_cpu *made = kb_alloc_zeroed(parts->alloc, 1, sizeof *made);
    if (!made) return kb_error_nomem(err, "an IO_CPU");
    made->parts = parts;
    made->params = &system->params.io;
    made->node = node;
    made->sip = kb_topology_nodes(parts->topology)[node].sip;
    made->n_cubes = (uint32_t)(system->cubes_x * system->cubes_y);
    kb_status status = kb_sim_add_slot(parts->sim, step, made, 0, &made->slot, err);
    if (status == KB_OK) status = kb_outbox_create(parts, node, &made->outbox, err);
    if (status != KB_OK) {
        kb_io_cpu_destroy(made);
        return status;
    }
    kb_dispatch_set(parts->dispatch, node, KB_MSG_LAUNCH, KB_DELIVER_TAIL, take, made);
    kb_dispatch_set(parts->dispatch, node, KB_MSG_LAUNCH_DONE, KB_DELIVER_TAIL, take, made);
    kb_dispatch_set(parts->dispatch, node, KB_MSG_COPY, KB_DELIVER_TAIL, take, made);
    kb_dispatch_set(parts->dispatch, node, KB_MSG_MARK, KB_DELIVER_TAIL, take, made);
    *io_cpu = made;
    return KB_OK;
}

void kb_io_cpu_destroy(void *io_cpu) {
    kb_io_cpu *self = io_cpu;
    if (!self) return;
    kb_outbox_destroy(self->outbox);
    KB_VEC_FREE(&self->jobs, self->parts->alloc);
    kb_alloc_free(self->parts->alloc, self, 1, sizeof *self);
}
