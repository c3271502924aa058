#include "hw/control/host.h"

#include "hw/component/outbox.h"
#include "hw/memory/memory.h"

struct kb_host {
    const kb_parts *parts;
    kb_outbox *outbox;
    kb_memory memory;
};

static int64_t serve(void *self, int32_t slice, uint64_t offset, uint64_t nbytes, int64_t at_fs,
                     uint64_t *taken) {
    (void)self, (void)slice, (void)offset;
    *taken = nbytes;
    return at_fs;
}

static void append(kb_host *host, const kb_record *record, const int64_t *words, uint32_t n_words) {
    kb_error error;
    kb_error_clear(&error);
    kb_status status = kb_oplog_append(host->parts->log, record, words, n_words, &error);
    if (status != KB_OK)
        (void)kb_error_set(kb_sim_fail(host->parts->sim, status), status, "%s", error.message);
}

static void take_launch_done(void *self, const kb_message *message, uint32_t link, int64_t first,
                             kb_train flits) {
    kb_host *host = self;
    const kb_hooks *hooks = &host->parts->hooks;
    kb_launch *launch = kb_launches_at(host->parts->launches, message->tag);
    (void)link, (void)first, (void)flits;
    launch->state = KB_LAUNCH_DONE;
    launch->done_fs = kb_sim_now(host->parts->sim);
    kb_record record = {.end_fs = launch->done_fs,
                        .start_fs = launch->submitted_fs,
                        .ready_fs = launch->target_start_fs,
                        .work = launch->n_programs,
                        .pe = -1,
                        .launch = launch->id,
                        .program = -1,
                        .kernel = launch->kernel_number,
                        .kind = KB_OP_LAUNCH};
    append(host, &record, NULL, 0);
    if (hooks->launch_done) hooks->launch_done(hooks->self, launch);
    kb_launches_give(host->parts->launches, launch);
}

static void take_copy_done(void *self, const kb_message *message, uint32_t link, int64_t first,
                           kb_train flits) {
    kb_host *host = self;
    const kb_hooks *hooks = &host->parts->hooks;
    kb_copy *copy = kb_copies_at(host->parts->copies, message->tag);
    (void)link, (void)first, (void)flits;
    copy->done_fs = kb_sim_now(host->parts->sim);
    kb_record record = {.end_fs = copy->done_fs,
                        .start_fs = copy->submitted_fs,
                        .ready_fs = copy->submitted_fs,
                        .memory_start_fs = copy->memory_start_fs,
                        .memory_end_fs = copy->memory_end_fs,
                        .nbytes = (int64_t)copy->nbytes,
                        .work = copy->n_requests,
                        .pe = -1,
                        .launch = -1,
                        .program = -1,
                        .kernel = -1,
                        .kind = copy->to_device ? KB_OP_COPY_IN : KB_OP_COPY_OUT};
    append(host, &record, copy->words, copy->n_words);
    if (hooks->copy_done) hooks->copy_done(hooks->self, copy);
    kb_copies_give(host->parts->copies, copy);
}

static void take_mark_done(void *self, const kb_message *message, uint32_t link, int64_t first,
                           kb_train flits) {
    kb_host *host = self;
    const kb_hooks *hooks = &host->parts->hooks;
    kb_mark *mark = kb_marks_at(host->parts->marks, message->tag);
    (void)link, (void)first, (void)flits;
    mark->done_fs = kb_sim_now(host->parts->sim);
    if (hooks->mark_done) hooks->mark_done(hooks->self, mark);
    kb_marks_give(host->parts->marks, mark);
}

kb_status kb_host_create(const kb_parts *parts, uint32_t node, void **host, kb_error *err) {
    kb_host *made = kb_alloc_zeroed(parts->alloc, 1, sizeof *made);
    if (!made) return kb_error_nomem(err, "the host");
    made->parts = parts;
    kb_status status = kb_outbox_create(parts, node, &made->outbox, err);
    if (status != KB_OK) {
        kb_host_destroy(made);
        return status;
    }
    made->memory = (kb_memory){.parts = parts, .node = node, .serve = serve, .self = made};
    kb_memory_attach(&made->memory);
    kb_dispatch_set(parts->dispatch, node, KB_MSG_LAUNCH_DONE, KB_DELIVER_TAIL, take_launch_done,
                    made);
    kb_dispatch_set(parts->dispatch, node, KB_MSG_COPY, KB_DELIVER_TAIL, take_copy_done, made);
    kb_dispatch_set(parts->dispatch, node, KB_MSG_MARK, KB_DELIVER_TAIL, take_mark_done, made);
    *host = made;
    return KB_OK;
}

void kb_host_destroy(void *host) {
    kb_host *self = host;
    if (!self) return;
    kb_outbox_destroy(self->outbox);
    kb_alloc_free(self->parts->alloc, self, 1, sizeof *self);
}

static uint32_t io_cpu_of(const kb_host *host, uint32_t sip) {
    return kb_topology_part(host->parts->topology, KB_IMPL_IO_CPU, (int32_t)sip, -1, -1);
}

void kb_host_launch(kb_host *host, const kb_launch *launch) {
    kb_outbox_post(host->outbox, launch->submitted_fs, io_cpu_of(host, launch->sip), KB_MSG_LAUNCH,
                   launch->slot);
}

void kb_host_copy(kb_host *host, const kb_copy *copy) {
    kb_outbox_post(host->outbox, copy->submitted_fs, io_cpu_of(host, copy->sip), KB_MSG_COPY,
                   copy->slot);
}

void kb_host_mark(kb_host *host, const kb_mark *mark) {
    kb_outbox_post(host->outbox, mark->submitted_fs, io_cpu_of(host, mark->sip), KB_MSG_MARK,
                   mark->slot);
}
