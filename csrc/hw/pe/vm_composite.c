#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/checked.h"
#include "hw/pe/composer.h"

__extension__ typedef __int128 wide;

/* An extent beyond this is no tensor's. */
#define MAX_EXTENT (INT64_C(1) << 48)

void kb_vm_view(kb_vm *vm, const kb_kir_inst *inst) {
    kb_view *view = &vm->views[inst->imm];
    if (inst->op == KB_KIR_VIEW) {
        *view = (kb_view){.va = vm->regs[inst->a].bits,
                          .origin = vm->origins[inst->a],
                          .extent = {(int64_t)vm->regs[inst->b].bits, 1},
                          .rank = 1,
                          .dtype = kb_vm_type(vm, inst->a)->dtype};
        if (inst->c == KB_NO_REG) return;
        view->rank = 2;
        view->extent[1] = (int64_t)vm->regs[inst->c].bits;
    } else {
        view->stride[0] = (int64_t)vm->regs[inst->a].bits;
        if (inst->b != KB_NO_REG) view->stride[1] = (int64_t)vm->regs[inst->b].bits;
    }
}

/* --- views --------------------------------------------------------------------------------------- */

/* "float16[1024, 64] by [64, 1]" */
static const char *describe_view(const kb_view *view, char text[128]) {
    int n =
        snprintf(text, 128, "%s[%" PRId64, kb_dtype_name((kb_dtype)view->dtype), view->extent[0]);
    if (view->rank == 2)
        (void)snprintf(text + n, 128 - (size_t)n, ", %" PRId64 "] by [%" PRId64 ", %" PRId64 "]",
                       view->extent[1], view->stride[0], view->stride[1]);
    else (void)snprintf(text + n, 128 - (size_t)n, "] by [%" PRId64 "]", view->stride[0]);
    return text;
}

/* The bytes of a view: none where an extent is 0. */
static kb_status find_span(const kb_vm *vm, const kb_view *view, bool writes, kb_span *span,
                           kb_error *err) {
    int64_t size = (int64_t)kb_dtype_nbytes((kb_dtype)view->dtype);
    wide lo = (wide)view->va, hi = (wide)view->va + size;
    char text[128];
    *span = (kb_span){0, 0, writes};
    for (int d = 0; d < view->rank; d++) {
        if (view->extent[d] < 0 || view->extent[d] > MAX_EXTENT)
            return kb_error_set(err, KB_INVALID,
                                "composite: expected extents from 0 to 2^48, got the view %s",
                                describe_view(view, text));
        if (view->extent[d] == 0) return KB_OK;
        wide reach = (wide)(view->extent[d] - 1) * view->stride[d] * size;
        *(reach < 0 ? &lo : &hi) += reach;
    }
    const kb_mapping *mapping = kb_mmu_find(vm->parts->mmu, view->origin ? view->origin : view->va);
    if (!mapping || lo < (wide)mapping->va || hi > (wide)mapping->va + (wide)mapping->nbytes) {
        if (!mapping) return kb_mmu_check(vm->parts->mmu, view->va, view->va + 1, err);
        return kb_error_set(err, KB_BOUNDS,
                            "composite outside of a tensor: PE %" PRId32 ", program %" PRId64
                            ": expected a view within [0x%" PRIx64 ", 0x%" PRIx64
                            ") (tensor %" PRId32 "), got %s from 0x%" PRIx64
                            " on, which lies outside; give the extents that are there",
                            vm->pe, vm->program, mapping->va, mapping->va + mapping->nbytes,
                            mapping->tensor, describe_view(view, text), view->va);
    }
    if (writes && mapping->placement && mapping->placement->kind == KB_PLACEMENT_REPLICATED)
        return kb_error_set(err, KB_PAGE_FAULT,
                            "composite: PE %" PRId32 ", program %" PRId64
                            ": expected a result with one copy of its bytes, got tensor %" PRId32
                            ", which is replicated, for kernels to read only; place it otherwise",
                            vm->pe, vm->program, mapping->tensor);
    span->first_va = (uint64_t)lo;
    span->end_va = (uint64_t)hi;
    return KB_OK;
}

/* What a view must have along a dimension: what the result, or the view that a step walks, has. */
static int64_t wanted_extent(const kb_composite *c, const kb_section *section,
                             const kb_kir_inst *load, uint32_t size, int dimension) {
    const kb_view *view = &c->views[kb_view_number(load)], *walked = &c->views[section->view];
    int64_t extent = view->extent[dimension], steps;
    switch (kb_view_axis(load, dimension)) {
    case KB_AXIS_M: return c->views[c->body.result].extent[0];
    case KB_AXIS_N: return c->views[c->body.result].extent[1];
    case KB_AXIS_K:
        steps = walked->extent[walked->rank - 1];
        if (size == section->size) return steps;
        steps = kb_ceil_div(steps, section->size);
        return kb_ceil_div(extent, size) == steps ? extent : steps * size;
    default: return kb_max_i64(extent, 1);
    }
}

static kb_status check_extents(const kb_vm *vm, const kb_composite *c, kb_error *err) {
    for (uint32_t s = 0; s < c->body.n_sections; s++) {
        const kb_section *section = &c->body.sections[s];
        for (uint32_t i = section->first; i < section->end; i++) {
            const kb_kir_inst *inst = &vm->kernel->insts[i];
            if (inst->op != KB_KIR_VIEW_LOAD) continue;
            const kb_view *view = &c->views[kb_view_number(inst)];
            for (int d = 0; d < view->rank; d++) {
                uint32_t size = kb_vm_type(vm, inst->dst)->dims[d];
                int64_t wanted = wanted_extent(c, section, inst, size, d);
                char text[128];
                if (view->extent[d] == wanted) continue;
                return kb_error_set(
                    err, KB_INVALID,
                    "composite: operand %s: expected %" PRId64
                    " along dimension %d, as what goes along with it has, got %" PRId64,
                    describe_view(view, text), wanted, d, view->extent[d]);
            }
        }
    }
    return KB_OK;
}

/* --- room ---------------------------------------------------------------------------------------- */

/* What a section's tiles need at most, over all sections of a kind. */
static int64_t room_of(const kb_composite_body *body, kb_section_kind kind) {
    int64_t nbytes = 0;
    for (uint32_t s = 0; s < body->n_sections; s++)
        if (body->sections[s].kind == kind) nbytes = kb_max_i64(nbytes, body->sections[s].nbytes);
    return nbytes;
}

static int64_t room_for(const kb_composite_body *body, uint32_t buffers, uint32_t depth) {
    return depth * (room_of(body, KB_SECTION_HEAD) + room_of(body, KB_SECTION_TAIL)) +
           buffers * room_of(body, KB_SECTION_STEP);
}

/* "step 16384 bytes: view_load float16[128, 32] ...": the tiles of each section. */
static void describe_tiles(const kb_kernel *kernel, const kb_composite_body *body, char *text,
                           size_t capacity) {
    static const char *const kinds[] = {"head", "step", "tail"};
    size_t length = 0;
    text[0] = '\0';
    for (uint32_t s = 0; s < body->n_sections; s++) {
        const kb_section *section = &body->sections[s];
        int n =
            snprintf(text + length, capacity - length, "%s%s %" PRId64 " bytes:", s > 0 ? "; " : "",
                     kinds[section->kind], section->nbytes);
        length = (size_t)kb_min_i64((int64_t)length + n, (int64_t)capacity - 1);
        for (uint32_t i = section->first; i < section->end; i++) {
            const kb_kir_inst *inst = &kernel->insts[i];
            if (inst->dst == KB_NO_REG || inst->op == KB_KIR_ALIAS || inst->op == KB_KIR_MOV ||
                (inst->op == KB_KIR_DOT && inst->c == inst->dst))
                continue;
            const kb_kir_type *type = kb_kernel_type(kernel, inst->dst);
            n = snprintf(text + length, capacity - length, " %s %s[%" PRIu32,
                         kb_kir_op_name(inst->op), kb_dtype_name(kb_vm_dtype(type)), type->dims[0]);
            length = (size_t)kb_min_i64((int64_t)length + n, (int64_t)capacity - 1);
            n = snprintf(text + length, capacity - length, type->rank > 1 ? ", %" PRIu32 "]" : "]",
                         type->dims[1]);
            length = (size_t)kb_min_i64((int64_t)length + n, (int64_t)capacity - 1);
        }
    }
}

/* How much it may have in flight in the TCM of a program: the most that ever fits. */
static kb_status plan(const kb_vm *vm, kb_composite *c, int64_t *nbytes, kb_error *err) {
    int64_t share = kb_tcm_share(vm->tcm, vm->context);
    for (uint32_t buffers = c->body.buffers; buffers > 0; buffers--) {
        for (uint32_t depth = KB_COMPOSITE_DEPTH; depth > 0; depth--) {
            c->buffers = buffers;
            c->depth = depth;
            *nbytes = room_for(&c->body, buffers, depth);
            if (*nbytes <= share) return KB_OK;
        }
    }
    char tiles[512];
    describe_tiles(vm->kernel, &c->body, tiles, sizeof tiles);
    return kb_error_set(err, KB_RESOURCES,
                        "line %" PRIu32 ": expected a composite whose tiles fit the TCM of a "
                        "program, %" PRId64 " bytes, got one that needs at least %" PRId64
                        " bytes (%s); use smaller tiles",
                        vm->kernel->lines[vm->pc], share, *nbytes, tiles);
}

/* --- the command --------------------------------------------------------------------------------- */

static kb_status describe(const kb_vm *vm, kb_composite *c, kb_error *err) {
    const kb_kernel *kernel = vm->kernel;
    kb_composite_read(kernel, vm->pc, &c->body);
    c->launch = vm->launch;
    c->program = vm->program;
    c->sequence = vm->sequence;
    c->context = vm->context;
    memcpy(c->views, vm->views, sizeof c->views);
    for (uint32_t i = 0; i < kernel->n_regs; i++) {
        c->regs[i] = vm->regs[i];
        if (kb_kernel_type(kernel, (uint16_t)i)->kind == KB_TILE) c->regs[i].tile = KB_NO_TILE;
    }
    for (uint32_t i = vm->pc; c->body.n_views > 0 && i > vm->pc - 2 * c->body.n_views; i--) {
        uint32_t number = kernel->insts[i - 1].imm;
        KB_TRY(find_span(vm, &c->views[number], number == c->body.result, &c->spans[number], err));
    }
    KB_TRY(check_extents(vm, c, err));
    const kb_view *result = &c->views[c->body.result];
    c->n_rows = kb_ceil_div(result->extent[0], c->body.rows);
    c->n_columns = kb_ceil_div(result->extent[1], c->body.columns);
    return KB_OK;
}

static void fill(const kb_vm *vm, kb_composite *c, kb_command *command) {
    command->engine = KB_ENGINE_COMPOSER;
    command->composite = c;
    command->spans = c->spans;
    command->n_spans = KB_COMPOSITE_VIEWS;
    command->record.kind = KB_OP_COMPOSITE;
    command->record.dtype = c->views[c->body.result].dtype;
    command->record.launch = vm->launch->id;
    command->record.program = (int32_t)vm->program;
    command->record.kernel = vm->launch->kernel_number;
    command->record.line = (int32_t)vm->kernel->lines[vm->pc];
    command->record.sequence = vm->sequence;
}

static kb_status prepare(kb_vm *vm, kb_composite *c, kb_error *err) {
    int64_t nbytes;
    KB_TRY(describe(vm, c, err));
    KB_TRY(plan(vm, c, &nbytes, err));
    KB_TRY(kb_tcm_take(vm->tcm, vm->context, nbytes, (int32_t)vm->kernel->lines[vm->pc],
                       &c->reservation, err));
    if (c->reservation == KB_NO_TILE) vm->wait = KB_VM_TCM;
    else kb_tcm_read(vm->tcm, c->reservation);
    return KB_OK;
}

kb_status kb_vm_submit_composite(kb_vm *vm, kb_error *err) {
    static const kb_sched_tiles none = {.output = KB_NO_TILE, .in_place = KB_NO_TILE};
    kb_composite *c;
    kb_command *command = kb_sched_take(vm->sched, vm->context);
    if (!command) {
        vm->wait = KB_VM_QUEUE;
        return KB_OK;
    }
    KB_TRY(kb_composer_take(vm->composer, vm->kernel->n_regs, &c, err));
    kb_status status = prepare(vm, c, err);
    if (status != KB_OK || vm->wait != KB_VM_NOTHING) {
        kb_composer_give(vm->composer, c);
        return status;
    }
    fill(vm, c, command);
    KB_TRY(kb_sched_submit(vm->sched, command, vm->context, &none, err));
    vm->sequence++;
    vm->regs[vm->kernel->insts[vm->pc].dst].bits = (uint64_t)command->order;
    vm->pc = c->body.end;
    return KB_OK;
}
