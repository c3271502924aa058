#include "hw/pe/pe_engine.h"

#include "hw/fabric/audit.h"

struct kb_engine_unit {
    kb_alloc *alloc;
    kb_sim *sim;
    const kb_params *params;
    kb_sched *sched;
    const char *name;
    kb_engine_kind kind;
    kb_engine_time_fn time;
    uint32_t slot;
    kb_command *running;
    int64_t busy_until_fs; /* -1 before the first command */
};

static void kick(void *self) {
    kb_engine_unit *unit = self;
    if (!unit->running) kb_sim_signal(unit->sim, unit->slot);
}

static void start(kb_engine_unit *unit, kb_command *command, int64_t now_fs) {
    int64_t time_fs;
    command->record.start_fs = now_fs;
    kb_audit_serial(unit->sim, unit->name, "the engine", now_fs, unit->busy_until_fs);
    if (unit->time(unit->params, command, now_fs > unit->busy_until_fs, &time_fs) ||
        time_fs > KB_TIME_MAX - now_fs) {
        (void)kb_error_set(kb_sim_fail(unit->sim, KB_OVERFLOW), KB_OVERFLOW,
                           "line %d: expected an operation that takes less than 2^63 fs",
                           (int)command->record.line);
        return;
    }
    unit->running = command;
    unit->busy_until_fs = now_fs + time_fs;
    kb_sim_at(unit->sim, unit->slot, unit->busy_until_fs);
}

static void step(void *self, uint32_t arg) {
    kb_engine_unit *unit = self;
    int64_t now_fs = kb_sim_now(unit->sim);
    (void)arg;
    if (unit->running) {
        if (now_fs < unit->busy_until_fs) return;
        kb_command *done = unit->running;
        unit->running = NULL;
        kb_sched_done(unit->sched, done);
    }
    kb_command *next = kb_sched_next(unit->sched, unit->kind);
    if (next) start(unit, next, now_fs);
}

kb_status kb_engine_unit_create(const kb_parts *parts, uint32_t node, kb_engine_kind kind,
                                kb_engine_time_fn time, void **unit, kb_error *err) {
    const kb_node *at = &kb_topology_nodes(parts->topology)[node];
    kb_engine_unit *made = kb_alloc_zeroed(parts->alloc, 1, sizeof *made);
    if (!made) return kb_error_nomem(err, "an engine of a PE");
    made->alloc = parts->alloc;
    made->sim = parts->sim;
    made->params = kb_parts_params(parts);
    made->sched = kb_parts_find(parts, KB_IMPL_PE_SCHED, at->sip, at->cube, at->pe);
    made->name = at->name;
    made->kind = kind;
    made->time = time;
    made->busy_until_fs = -1;
    kb_status status = kb_sim_add_slot(parts->sim, step, made, 0, &made->slot, err);
    if (status != KB_OK) {
        kb_engine_unit_destroy(made);
        return status;
    }
    kb_sched_attach(made->sched, kind, kick, made);
    *unit = made;
    return KB_OK;
}

void kb_engine_unit_destroy(void *unit) {
    kb_engine_unit *self = unit;
    if (self) kb_alloc_free(self->alloc, self, 1, sizeof *self);
}
