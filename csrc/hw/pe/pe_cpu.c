#include "hw/pe/pe_cpu.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/checked.h"
#include "base/vec.h"
#include "hw/component/outbox.h"
#include "hw/pe/composer.h"
#include "hw/pe/vm.h"

/* INSTRUCTIONS_PER_EVENT: so many keep the host about as long as an event of the fabric. */
enum { SLICE_INSTRUCTIONS = 1 << 8, INSTRUCTIONS_PER_EVENT = 16, NOBODY = -1 };

/* A launch that is not done here. */
typedef struct pending {
    kb_launch *launch;
    int64_t start_fs;
    int64_t n_programs, next; /* of this PE */
    int64_t n_running;
    bool started;
} pending;

typedef struct context {
    kb_vm vm;
    kb_launch *launch; /* NULL: idle */
    int64_t start_fs;  /* of the program */
    bool can_go;
} context;

typedef struct kb_pe_cpu {
    const kb_parts *parts;
    const kb_params *params;
    uint32_t slot, m_cpu;
    int32_t pe;        /* counted through all SIPs and cubes */
    int64_t n_pes, at; /* of the SIP, and which of them */
    kb_outbox *outbox;
    kb_composer *composer;
    KB_VEC(pending) launches;       /* by (target start, id) */
    int64_t n_unbegun;              /* their programs that no context runs yet */
    uint32_t n_contexts, n_compute; /* those behind n_compute run collectives */
    context *contexts;
    int current, last; /* context that computes, or did last */
    int64_t base_fs;   /* the clock: base + ceil(cycles * period) */
    int64_t cycles;
    int64_t until_fs; /* busy until then */
} kb_pe_cpu;

static void fail(const kb_pe_cpu *self, kb_status status, const char *message) {
    (void)kb_error_set(kb_sim_fail(self->parts->sim, status), status, "%s", message);
}

/* --- launches ------------------------------------------------------------------------------------ */

static bool is_before(const kb_launch *a, const kb_launch *b) {
    if (a->target_start_fs != b->target_start_fs) return a->target_start_fs < b->target_start_fs;
    return a->id < b->id;
}

static void take_launch(void *component, const kb_message *message, uint32_t link, int64_t first,
                        kb_train flits) {
    kb_pe_cpu *self = component;
    kb_sim *sim = self->parts->sim;
    kb_launch *launch = kb_launches_at(self->parts->launches, message->tag);
    int64_t now_fs = kb_sim_now(sim), ready_fs;
    int64_t n_programs = kb_launch_share(launch, self->n_pes, self->at);
    (void)link, (void)first, (void)flits;
    if (n_programs == 0) {
        kb_outbox_post(self->outbox, now_fs, self->m_cpu, KB_MSG_LAUNCH_DONE, message->tag);
        return;
    }
    if (kb_add_i64(now_fs, self->params->pe_cpu.wake_fs, &ready_fs)) {
        fail(self, KB_OVERFLOW, "PE_CPU: simulated time overflows");
        return;
    }
    if (!KB_VEC_RESERVE(&self->launches, self->parts->alloc, 1)) {
        fail(self, KB_NOMEM, "no memory for a launch of PE_CPU");
        return;
    }
    if (ready_fs > launch->target_start_fs) launch->late_pes++;
    pending entry = {.launch = launch, .n_programs = n_programs};
    entry.start_fs = kb_max_i64(launch->target_start_fs, ready_fs);
    size_t i = self->launches.count++;
    for (; i > 0 && is_before(launch, self->launches.items[i - 1].launch); i--)
        self->launches.items[i] = self->launches.items[i - 1];
    self->launches.items[i] = entry;
    self->n_unbegun += n_programs;
    kb_sim_at(sim, self->slot, entry.start_fs);
}

static pending *find_pending(kb_pe_cpu *self, const kb_launch *launch) {
    size_t i = 0;
    while (self->launches.items[i].launch != launch) i++;
    return &self->launches.items[i];
}

static kb_status begin_program(kb_pe_cpu *self, context *c, pending *p, kb_error *err) {
    int64_t program = kb_launch_program(p->launch, self->n_pes, self->at, p->next);
    p->next++;
    p->n_running++;
    self->n_unbegun--;
    c->launch = p->launch;
    c->start_fs = kb_sim_now(self->parts->sim);
    c->can_go = true;
    return kb_vm_begin(&c->vm, p->launch, program, err);
}

/* Starts the launches whose time has come, and gives idle contexts their programs. */
static kb_status begin_programs(kb_pe_cpu *self, kb_error *err) {
    int64_t now_fs = kb_sim_now(self->parts->sim);
    uint32_t idle[2] = {0, self->n_compute}, end[2] = {self->n_compute, self->n_contexts};
    for (size_t i = 0; i < self->launches.count; i++) {
        pending *p = &self->launches.items[i];
        bool starts = !p->started && p->start_fs <= now_fs, comm = p->launch->comm;
        p->started = p->started || starts;
        while (p->started && p->next < p->n_programs) {
            while (idle[comm] < end[comm] && self->contexts[idle[comm]].launch) idle[comm]++;
            if (idle[comm] == end[comm]) break;
            KB_TRY(begin_program(self, &self->contexts[idle[comm]], p, err));
        }
        if (starts && p->next == 0) p->launch->busy_pes++;
    }
    return KB_OK;
}

static kb_status end_program(kb_pe_cpu *self, context *c, kb_error *err) {
    pending *p = find_pending(self, c->launch);
    int64_t now_fs = kb_sim_now(self->parts->sim);
    kb_record record = {.end_fs = now_fs,
                        .start_fs = c->start_fs,
                        .ready_fs = p->start_fs,
                        .work = c->vm.n_executed,
                        .payload = -1,
                        .pe = self->pe,
                        .launch = c->launch->id,
                        .program = (int32_t)c->vm.program,
                        .kernel = c->launch->kernel_number,
                        .sequence = c->vm.sequence,
                        .kind = KB_OP_PROGRAM};
    KB_TRY(kb_oplog_append(self->parts->log, &record, NULL, 0, err));
    uint32_t tag = c->launch->slot;
    c->launch = NULL;
    c->can_go = false;
    if (--p->n_running > 0 || p->next < p->n_programs) return KB_OK;
    for (; p + 1 < self->launches.items + self->launches.count; p++) p[0] = p[1];
    self->launches.count--;
    kb_outbox_post(self->outbox, now_fs, self->m_cpu, KB_MSG_LAUNCH_DONE, tag);
    return KB_OK;
}

/* --- computing ----------------------------------------------------------------------------------- */

/* The next context that can go on, after the last one; NOBODY when all are idle or stalled. */
static int pick(const kb_pe_cpu *self) {
    for (uint32_t i = 1; i <= self->n_contexts; i++) {
        uint32_t c = ((uint32_t)(self->last + 1) + i - 1) % self->n_contexts;
        if (self->contexts[c].can_go) return (int)c;
    }
    return NOBODY;
}

static void turn_to(kb_pe_cpu *self, int c) {
    bool switches = self->last != NOBODY && self->last != c;
    self->base_fs = kb_sim_now(self->parts->sim);
    self->cycles = switches ? self->params->pe_cpu.switch_cycles : 0;
    self->current = self->last = c;
}

/* Waits for the time of what has been computed; *waits is false when that is now. */
static kb_status catch_up(kb_pe_cpu *self, bool *waits, kb_error *err) {
    int64_t elapsed_fs;
    *waits = false;
    bool over = kb_ratio_scale(self->params->pe.clock, self->cycles, &elapsed_fs);
    if (over || kb_add_i64(self->base_fs, elapsed_fs, &self->until_fs))
        return kb_error_set(err, KB_OVERFLOW, "simulated time overflows");
    *waits = self->until_fs > kb_sim_now(self->parts->sim);
    if (*waits) kb_sim_at(self->parts->sim, self->slot, self->until_fs);
    return KB_OK;
}

static kb_status check_limit(const context *c, kb_error *err) {
    int64_t limit = c->launch->max_instructions;
    if (limit == 0 || c->vm.n_executed <= limit) return KB_OK;
    return kb_error_set(err, KB_DEADLOCK,
                        "program %" PRId64 " has executed more than %" PRId64
                        " instructions; it may loop "
                        "for ever (or raise the launch's instruction budget)",
                        c->vm.program, limit);
}

/* Lets the current context go on until it stalls or ends, or (*keeps) computes on at a later event. */
static kb_status compute(kb_pe_cpu *self, bool *keeps, kb_error *err) {
    context *c = &self->contexts[self->current];
    int64_t until = kb_vm_effort(&c->vm) + SLICE_INSTRUCTIONS;
    for (;;) {
        bool meets = c->vm.composed, ended, waits;
        int64_t time_fs;
        if (!meets) {
            KB_TRY(kb_vm_run(&c->vm, until, &self->cycles, &meets, err));
            if (meets) KB_TRY(kb_vm_compose(&c->vm, &self->cycles, err));
            KB_TRY(check_limit(c, err));
        }
        KB_TRY(catch_up(self, &waits, err));
        if (!meets && !waits) kb_sim_signal(self->parts->sim, self->slot);
        *keeps = waits || !meets;
        if (*keeps) return KB_OK;
        KB_TRY(kb_vm_act(&c->vm, &time_fs, &ended, err));
        if (ended) KB_TRY(end_program(self, c, err));
        else c->can_go = c->vm.wait == KB_VM_NOTHING;
        if (!c->can_go) return KB_OK;
        if (time_fs > 0 && kb_add_i64(kb_sim_now(self->parts->sim), time_fs, &self->base_fs))
            return kb_error_set(err, KB_OVERFLOW, "simulated time overflows");
        if (time_fs > 0) self->cycles = 0;
    }
}

static kb_status work(kb_pe_cpu *self, kb_error *err) {
    for (;;) {
        bool keeps = false;
        if (self->n_unbegun > 0) KB_TRY(begin_programs(self, err));
        if (self->current == NOBODY) {
            int next = pick(self);
            if (next == NOBODY) return KB_OK;
            turn_to(self, next);
        }
        const context *c = &self->contexts[self->current];
        int64_t effort = kb_vm_effort(&c->vm);
        kb_status status = compute(self, &keeps, err);
        effort = kb_vm_effort(&c->vm) - effort;
        kb_sim_charge(self->parts->sim, (uint64_t)effort / INSTRUCTIONS_PER_EVENT);
        if (status != KB_OK) return c->launch ? kb_vm_wrap(&c->vm, err) : status;
        if (keeps) return KB_OK;
        self->current = NOBODY;
    }
}

static void wake(void *component, uint32_t arg) {
    kb_pe_cpu *self = component;
    kb_error err;
    (void)arg;
    kb_error_clear(&err);
    kb_status status = KB_OK;
    bool busy = self->current != NOBODY && self->until_fs > kb_sim_now(self->parts->sim);
    if (!busy) status = work(self, &err);
    else if (self->n_unbegun > 0) status = begin_programs(self, &err);
    if (status != KB_OK) fail(self, status, err.message);
}

/* A command of a context is done. */
static void note_progress(void *component, uint32_t number) {
    kb_pe_cpu *self = component;
    context *c = &self->contexts[number];
    if (!c->launch || c->can_go || !kb_vm_may_act(&c->vm)) return;
    c->can_go = true;
    if (self->current == NOBODY) kb_sim_signal(self->parts->sim, self->slot);
}

/* --- life ---------------------------------------------------------------------------------------- */

kb_status kb_pe_cpu_create(const kb_parts *parts, uint32_t node, void **pe_cpu, kb_error *err) {
    const kb_system *system = kb_topology_system(parts->topology);
    const kb_node *at = &kb_topology_nodes(parts->topology)[node];
    kb_pe_cpu *made = kb_alloc_zeroed(parts->alloc, 1, sizeof *made);
    if (!made) return kb_error_nomem(err, "a PE_CPU");
    made->parts = parts;
    made->params = &system->params;
    made->m_cpu = kb_topology_part(parts->topology, KB_IMPL_M_CPU, at->sip, at->cube, -1);
    made->pe = kb_parts_pe(parts, node);
    made->n_pes = system->cubes_x * system->cubes_y * system->n_pes;
    made->at = at->cube * system->n_pes + at->pe;
    made->current = made->last = NOBODY;
    made->n_compute = (uint32_t)system->params.pe.contexts;
    made->n_contexts = made->n_compute + (uint32_t)system->params.pe.comm_contexts;
    made->contexts = kb_alloc_zeroed(parts->alloc, made->n_contexts, sizeof *made->contexts);
    kb_status status = made->contexts ? kb_outbox_create(parts, node, &made->outbox, err)
                                      : kb_error_nomem(err, "a PE_CPU");
    if (status == KB_OK) status = kb_composer_create(parts, node, &made->composer, err);
    if (status == KB_OK) status = kb_sim_add_slot(parts->sim, wake, made, 0, &made->slot, err);
    if (status != KB_OK) {
        kb_pe_cpu_destroy(made);
        return status;
    }
    for (uint32_t i = 0; i < made->n_contexts; i++) {
        kb_vm_init(&made->contexts[i].vm, parts, node, i);
        made->contexts[i].vm.composer = made->composer;
    }
    kb_sched_set_progress(kb_parts_find(parts, KB_IMPL_PE_SCHED, at->sip, at->cube, at->pe),
                          note_progress, made);
    kb_dispatch_set(parts->dispatch, node, KB_MSG_LAUNCH, KB_DELIVER_TAIL, take_launch, made);
    *pe_cpu = made;
    return KB_OK;
}

void kb_pe_cpu_destroy(void *pe_cpu) {
    kb_pe_cpu *self = pe_cpu;
    if (!self) return;
    for (uint32_t i = 0; self->contexts && i < self->n_contexts; i++)
        kb_vm_deinit(&self->contexts[i].vm);
    kb_alloc_free(self->parts->alloc, self->contexts, self->n_contexts, sizeof *self->contexts);
    kb_composer_destroy(self->composer);
    kb_outbox_destroy(self->outbox);
    KB_VEC_FREE(&self->launches, self->parts->alloc);
    kb_alloc_free(self->parts->alloc, self, 1, sizeof *self);
}

static const char *describe_wait(const kb_vm *vm, char *text, size_t capacity) {
    uint16_t reg = vm->kernel->insts[vm->pc].a;
    switch (vm->wait) {
    case KB_VM_QUEUE: return "a place in the command queue";
    case KB_VM_TCM: return "room in TCM";
    case KB_VM_MEMORY: return "earlier memory operations";
    case KB_VM_END: return "its last commands";
    case KB_VM_COMPOSITE: return "a composite";
    case KB_VM_TILE:
        (void)snprintf(text, capacity, "the tile of line %" PRId32,
                       kb_tcm_tile(vm->tcm, vm->regs[reg].tile)->line);
        return text;
    default: return "PE_CPU";
    }
}

size_t kb_pe_cpu_describe(const void *pe_cpu, char *text, size_t capacity) {
    const kb_pe_cpu *self = pe_cpu;
    size_t length = 0;
    if (capacity > 0) text[0] = '\0';
    for (uint32_t i = 0; i < self->n_contexts; i++) {
        const context *c = &self->contexts[i];
        char tile[64];
        if (!c->launch || length >= capacity) continue;
        int n = snprintf(text + length, capacity - length,
                         "%s%s:%" PRIu32 ": program %" PRId64 " waits for %s", length ? "; " : "",
                         c->vm.kernel->name, c->vm.kernel->lines[c->vm.pc], c->vm.program,
                         describe_wait(&c->vm, tile, sizeof tile));
        length += n > 0 ? (size_t)n : 0;
    }
    for (size_t i = 0; i < self->launches.count; i++) {
        const pending *p = &self->launches.items[i];
        if (!p->started || p->next == p->n_programs || length >= capacity) continue;
        int n = snprintf(text + length, capacity - length,
                         p->launch->comm ? "%s%s waits for a free communication context: raise "
                                           "system.pe.comm_contexts"
                                         : "%s%s waits for a free context",
                         length ? "; " : "", p->launch->kernel->name);
        length += n > 0 ? (size_t)n : 0;
    }
    return length < capacity ? length : capacity > 0 ? capacity - 1 : 0;
}
