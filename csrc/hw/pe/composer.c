#include "hw/pe/composer.h"

#include <string.h>

#include "base/checked.h"
#include "base/vec.h"

enum { N_TOKENS = KB_LANE_SLOTS + 1, NO_TOKEN = N_TOKENS };

typedef struct token {
    kb_composite *composite;
    kb_section_kind kind;
    uint32_t left; /* stages that are not done */
    bool started;  /* with all of them */
} token;

/* Where the composite that is being cut stands. */
typedef struct place {
    int64_t row, column, step; /* the tile, and the step within its section */
    uint32_t section, inst;
    uint32_t token; /* that is being started, or NO_TOKEN */
} place;

struct kb_composer {
    const kb_parts *parts;
    kb_sched *sched;
    kb_tcm *tcm;
    uint32_t slot;
    kb_vm vm; /* which composes the stages */
    kb_composite *cutting;
    place at;
    int64_t next_fs; /* of a token */
    token tokens[N_TOKENS];
    KB_VEC(kb_composite *) all;
    KB_VEC(kb_composite *) free;
    KB_VEC(kb_composite *) running; /* taken up, in order; room for all */
};

/* --- composites ---------------------------------------------------------------------------------- */

static kb_status add(kb_composer *self, kb_error *err) {
    kb_alloc *alloc = self->parts->alloc;
    size_t room = self->all.count + 1;
    if (!KB_VEC_RESERVE(&self->all, alloc, 1) || !KB_VEC_RESERVE(&self->free, alloc, room) ||
        !KB_VEC_RESERVE(&self->running, alloc, room))
        return kb_error_nomem(err, "a composite");
    kb_composite *made = kb_alloc_zeroed(alloc, 1, sizeof *made);
    if (!made) return kb_error_nomem(err, "a composite");
    self->all.items[self->all.count++] = made;
    self->free.items[self->free.count++] = made;
    return KB_OK;
}

kb_status kb_composer_take(kb_composer *self, uint32_t n_regs, kb_composite **composite,
                           kb_error *err) {
    if (self->free.count == 0) KB_TRY(add(self, err));
    kb_composite *taken = self->free.items[self->free.count - 1];
    if (n_regs > taken->capacity) {
        kb_alloc *alloc = self->parts->alloc;
        kb_reg *regs = kb_alloc_zeroed(alloc, n_regs, sizeof *regs);
        if (!regs) return kb_error_nomem(err, "a composite");
        kb_alloc_free(alloc, taken->regs, taken->capacity, sizeof *regs);
        taken->regs = regs;
        taken->capacity = n_regs;
    }
    self->free.count--;
    kb_reg *regs = taken->regs;
    uint32_t capacity = taken->capacity;
    *taken = (kb_composite){.regs = regs, .capacity = capacity};
    *composite = taken;
    return KB_OK;
}

void kb_composer_give(kb_composer *self, kb_composite *composite) {
    self->free.items[self->free.count++] = composite;
}

/* --- stages -------------------------------------------------------------------------------------- */

/* The part of a view that lies at a place. */
static kb_access access_at(const kb_composite *c, const kb_kir_inst *inst, const kb_kir_type *tile,
                           const place *at) {
    const kb_view *view = &c->views[kb_view_number(inst)];
    int64_t size = (int64_t)kb_dtype_nbytes((kb_dtype)tile->dtype), lo = 0, hi = 0;
    const int64_t along[KB_AXIS_COUNT] = {0, at->row, at->column, at->step};
    kb_access access = {.dtype = tile->dtype, .rank = tile->rank, .n_elements = 1, .va = view->va};
    memcpy(access.dims, tile->dims, sizeof access.dims);
    for (int d = 0; d < tile->rank; d++) {
        int64_t first = along[kb_view_axis(inst, d)] * tile->dims[d];
        int64_t stride = view->stride[d] * size;
        int64_t count = kb_min_i64(tile->dims[d], view->extent[d] - first);
        access.va += (uint64_t)(first * stride);
        access.count[d] = (uint32_t)count;
        access.stride_nbytes[d] = stride;
        access.n_elements *= (uint64_t)count;
        access.masked = access.masked || count < tile->dims[d];
        lo += stride < 0 ? (count - 1) * stride : 0;
        hi += stride > 0 ? (count - 1) * stride : 0;
    }
    access.first_va = access.va + (uint64_t)lo;
    access.end_va = access.va + (uint64_t)(hi + size);
    return access;
}

/* Submits the instruction, or does it.  *waits: the lane is full. */
static kb_status start_stage(kb_composer *self, bool *waits, kb_error *err) {
    kb_composite *c = self->cutting;
    kb_vm *vm = &self->vm;
    vm->pc = self->at.inst;
    vm->sequence = c->sequence;
    vm->token = self->at.token;
    vm->wait = KB_VM_NOTHING;
    const kb_kir_inst *inst = &vm->kernel->insts[vm->pc];
    *waits = false;
    switch (inst->op) {
    case KB_KIR_ALIAS:
    case KB_KIR_MOV: return kb_vm_move(vm, inst, err);
    case KB_KIR_VIEW_LOAD:
        vm->access = access_at(c, inst, kb_vm_type(vm, inst->dst), &self->at);
        break;
    case KB_KIR_VIEW_STORE:
        vm->access = access_at(c, inst, kb_vm_type(vm, inst->a), &self->at);
        break;
    default: break;
    }
    KB_TRY(kb_vm_submit(vm, err));
    *waits = vm->wait != KB_VM_NOTHING;
    if (!*waits) self->tokens[self->at.token].left++;
    return KB_OK;
}

/* --- tokens -------------------------------------------------------------------------------------- */

/* Whether what C2 allows leaves room for the next token. */
static bool has_room(const kb_composite *c, kb_section_kind kind) {
    switch (kind) {
    case KB_SECTION_HEAD: return c->n_begun - c->n_stored < c->depth;
    case KB_SECTION_STEP: return c->n_steps < c->buffers;
    default: return true;
    }
}

static void start_token(kb_composer *self, kb_section_kind kind) {
    kb_composite *c = self->cutting;
    uint32_t number = 0;
    while (self->tokens[number].composite) number++;
    self->tokens[number] = (token){.composite = c, .kind = kind};
    self->at.token = number;
    c->n_tokens++;
    c->n_all++;
    c->n_begun += kind == KB_SECTION_HEAD;
    c->n_steps += kind == KB_SECTION_STEP;
}

static void retire(token *done) {
    kb_composite *c = done->composite;
    if (!done->started || done->left > 0) return;
    c->n_tokens--;
    c->n_steps -= done->kind == KB_SECTION_STEP;
    c->n_stored += done->kind == KB_SECTION_TAIL;
    done->composite = NULL;
}

static void note_stage(void *composer, const kb_command *command) {
    kb_composer *self = composer;
    token *own = &self->tokens[command->token];
    bool moves = command->record.kind == KB_OP_DMA_READ || command->record.kind == KB_OP_DMA_WRITE;
    if (moves) own->composite->nbytes += command->record.nbytes;
    own->left--;
    retire(own);
    kb_sim_signal(self->parts->sim, self->slot);
}

/* --- cutting ------------------------------------------------------------------------------------- */

/* Steps of a section: one, or as many as its view's last axis has. */
static int64_t n_steps(const kb_composite *c, const kb_section *section) {
    if (section->kind != KB_SECTION_STEP) return 1;
    const kb_view *view = &c->views[section->view];
    return kb_ceil_div(view->extent[view->rank - 1], section->size);
}

/* To the next section at its place that has something to do.  False behind the last one. */
static bool go_on(const kb_composite *c, place *at) {
    const kb_composite_body *body = &c->body;
    at->token = NO_TOKEN;
    at->step++;
    while (at->step >= n_steps(c, &body->sections[at->section])) {
        at->step = 0;
        if (++at->section < body->n_sections) continue;
        at->section = 0;
        if (++at->column < c->n_columns) continue;
        at->column = 0;
        if (++at->row == c->n_rows) return false;
    }
    at->inst = body->sections[at->section].first;
    return true;
}

/* Starts tokens as far as there is room.  *later: the next one only at next_fs. */
static kb_status cut(kb_composer *self, bool *later, kb_error *err) {
    kb_composite *c = self->cutting;
    int64_t now_fs = kb_sim_now(self->parts->sim);
    int64_t token_fs = kb_parts_params(self->parts)->pe_sched.token_fs;
    while (!c->cut) {
        const kb_section *section = &c->body.sections[self->at.section];
        if (self->at.token == NO_TOKEN) {
            if (!has_room(c, section->kind)) return KB_OK;
            *later = now_fs < self->next_fs;
            if (*later) return KB_OK;
            start_token(self, section->kind);
            if (kb_add_i64(now_fs, token_fs, &self->next_fs))
                return kb_error_set(err, KB_OVERFLOW, "simulated time overflows");
        }
        for (; self->at.inst < section->end; self->at.inst++) {
            bool waits;
            KB_TRY(start_stage(self, &waits, err));
            if (waits) return KB_OK;
        }
        token *made = &self->tokens[self->at.token];
        made->started = true;
        retire(made);
        c->cut = !go_on(c, &self->at);
    }
    return KB_OK;
}

/* --- one composite after another ------------------------------------------------------------------ */

static void take_up(kb_composer *self, kb_command *command) {
    kb_composite *c = command->composite;
    const kb_kernel *kernel = c->launch->kernel;
    c->command = command;
    command->record.start_fs = kb_sim_now(self->parts->sim);
    self->running.items[self->running.count++] = c;
    self->cutting = c;
    self->at = (place){.token = NO_TOKEN, .inst = c->body.sections[0].first};
    c->cut = c->n_rows == 0 || c->n_columns == 0;
    self->vm.kernel = kernel;
    self->vm.launch = c->launch;
    self->vm.program = c->program;
    self->vm.owner = c->context;
    self->vm.regs = c->regs;
}

/* Lets go of what it holds; PE_SCHED appends its record. */
static kb_status finish(kb_composer *self, kb_composite *c, kb_error *err) {
    kb_command *command = c->command;
    uint64_t version;
    self->vm.regs = c->regs;
    for (uint32_t i = c->body.composite; i < c->body.end; i++) {
        const kb_kir_inst *inst = &c->launch->kernel->insts[i];
        if (inst->dst != KB_NO_REG && kb_kernel_type(c->launch->kernel, inst->dst)->kind == KB_TILE)
            KB_TRY(kb_vm_set_tile(&self->vm, inst->dst, KB_NO_TILE, err));
    }
    if (self->cutting) self->vm.regs = self->cutting->regs;
    (void)kb_tcm_unread(self->tcm, c->reservation, &version);
    KB_TRY(kb_tcm_drop(self->tcm, c->reservation, err));
    command->record.nbytes = c->nbytes;
    command->record.work = c->n_all;
    kb_composer_give(self, c);
    kb_sched_done(self->sched, command);
    return KB_OK;
}

static kb_status finish_all(kb_composer *self, kb_error *err) {
    for (size_t i = 0; i < self->running.count;) {
        kb_composite *c = self->running.items[i];
        if (!c->cut || c->n_tokens > 0) {
            i++;
            continue;
        }
        self->running.count--;
        for (size_t k = i; k < self->running.count; k++)
            self->running.items[k] = self->running.items[k + 1];
        KB_TRY(finish(self, c, err));
    }
    return KB_OK;
}

static kb_status work(kb_composer *self, kb_error *err) {
    for (;;) {
        bool later = false;
        if (!self->cutting) {
            kb_command *next = kb_sched_next(self->sched, KB_ENGINE_COMPOSER);
            if (!next) break;
            take_up(self, next);
        }
        kb_status status = cut(self, &later, err);
        if (status != KB_OK) return kb_vm_wrap(&self->vm, err);
        if (later) kb_sim_at(self->parts->sim, self->slot, self->next_fs);
        if (!self->cutting->cut) break;
        self->cutting = NULL;
    }
    return finish_all(self, err);
}

static void step(void *composer, uint32_t arg) {
    kb_composer *self = composer;
    kb_error error;
    kb_error_clear(&error);
    (void)arg;
    kb_status status = work(self, &error);
    if (status != KB_OK)
        (void)kb_error_set(kb_sim_fail(self->parts->sim, status), status, "%s", error.message);
}

static void kick(void *composer) {
    kb_composer *self = composer;
    kb_sim_signal(self->parts->sim, self->slot);
}

/* --- life ---------------------------------------------------------------------------------------- */

kb_status kb_composer_create(const kb_parts *parts, uint32_t node, kb_composer **composer,
                             kb_error *err) {
    kb_composer *made = kb_alloc_zeroed(parts->alloc, 1, sizeof *made);
    if (!made) return kb_error_nomem(err, "a composer");
    made->parts = parts;
    kb_vm_init(&made->vm, parts, node, 0);
    made->sched = made->vm.sched;
    made->tcm = made->vm.tcm;
    made->vm.context = kb_sched_lane(made->sched);
    made->vm.carves = true;
    kb_status status = kb_sim_add_slot(parts->sim, step, made, 0, &made->slot, err);
    if (status != KB_OK) {
        kb_composer_destroy(made);
        return status;
    }
    kb_sched_attach(made->sched, KB_ENGINE_COMPOSER, kick, made);
    kb_sched_set_stage_done(made->sched, note_stage, made);
    *composer = made;
    return KB_OK;
}

void kb_composer_destroy(kb_composer *composer) {
    if (!composer) return;
    kb_alloc *alloc = composer->parts->alloc;
    for (size_t i = 0; i < composer->all.count; i++) {
        kb_composite *c = composer->all.items[i];
        kb_alloc_free(alloc, c->regs, c->capacity, sizeof *c->regs);
        kb_alloc_free(alloc, c, 1, sizeof *c);
    }
    KB_VEC_FREE(&composer->all, alloc);
    KB_VEC_FREE(&composer->free, alloc);
    KB_VEC_FREE(&composer->running, alloc);
    composer->vm.regs = NULL; /* a composite's */
    kb_vm_deinit(&composer->vm);
    kb_alloc_free(alloc, composer, 1, sizeof *composer);
}
