#include "kernel/composite.h"

#include <stdbool.h>

#include "kernel/verify.h"

enum { NBYTES_GRANULE = 32, PRELUDE = 2 * KB_COMPOSITE_VIEWS };

static int64_t tile_nbytes(const kb_kir_type *type) {
    int64_t nbytes = (int64_t)kb_dtype_nbytes(type->pointer ? KB_INT64 : (kb_dtype)type->dtype);
    for (int d = 0; d < type->rank; d++) nbytes *= type->dims[d];
    return (nbytes + NBYTES_GRANULE - 1) / NBYTES_GRANULE * NBYTES_GRANULE;
}

static bool is_stage(uint8_t op) {
    return op == KB_KIR_VIEW_LOAD || op == KB_KIR_VIEW_STORE || op == KB_KIR_FULL ||
           op == KB_KIR_MATH || op == KB_KIR_DOT || op == KB_KIR_REDUCE || op == KB_KIR_TRANS;
}

static bool is_renaming(uint8_t op) {
    return op == KB_KIR_ALIAS || op == KB_KIR_MOV;
}

static bool is_prelude(uint8_t op) {
    return op == KB_KIR_VIEW || op == KB_KIR_VIEW_STRIDE;
}

/* --- reading ------------------------------------------------------------------------------------- */

static void read_inst(const kb_kernel *kernel, uint32_t index, kb_section *section,
                      kb_composite_body *body) {
    const kb_kir_inst *inst = &kernel->insts[index];
    bool in_place = inst->op == KB_KIR_DOT && inst->c == inst->dst;
    if (inst->dst != KB_NO_REG && is_stage(inst->op) && !in_place)
        section->nbytes += tile_nbytes(kb_kernel_type(kernel, inst->dst));
    if (inst->op == KB_KIR_VIEW_LOAD && section->kind == KB_SECTION_STEP &&
        kb_view_number(inst) == section->view && section->size == 0) {
        const kb_kir_type *type = kb_kernel_type(kernel, inst->dst);
        section->size = type->rank > 0 ? type->dims[type->rank - 1] : 1;
    }
    if (inst->op == KB_KIR_VIEW_STORE) {
        const kb_kir_type *type = kb_kernel_type(kernel, inst->a);
        body->result = kb_view_number(inst);
        body->rows = type->dims[0];
        body->columns = type->dims[1];
    }
}

void kb_composite_read(const kb_kernel *kernel, uint32_t composite, kb_composite_body *body) {
    *body = (kb_composite_body){.composite = composite, .buffers = kernel->insts[composite].imm};
    for (uint32_t i = composite; i > 0 && is_prelude(kernel->insts[i - 1].op); i--)
        body->n_views += kernel->insts[i - 1].op == KB_KIR_VIEW;
    kb_section *section = NULL;
    uint32_t i = composite + 1;
    for (; kernel->insts[i].op != KB_KIR_COMPOSITE_END; i++) {
        uint32_t imm = kernel->insts[i].imm;
        if (kernel->insts[i].op == KB_KIR_SECTION) {
            section = &body->sections[body->n_sections++];
            *section = (kb_section){
                .kind = (kb_section_kind)(imm & 255), .view = imm >> 8, .first = i + 1};
        } else {
            read_inst(kernel, i, section, body);
        }
        section->end = i + 1;
    }
    body->end = i;
}

/* --- checking ------------------------------------------------------------------------------------ */

#define REQUIRE(kernel, index, err, condition, ...)                                      \
    do {                                                                                 \
        if (!(condition)) return kb_kernel_fault((kernel), (index), (err), __VA_ARGS__); \
    } while (0)

/* What is known of a view: its pointer's type, and the extents' number. */
typedef struct view {
    const kb_kir_type *pointer;
    uint8_t rank;
    bool has_strides;
} view;

static kb_status check_views(const kb_kernel *kernel, uint32_t composite,
                             view views[KB_COMPOSITE_VIEWS], kb_error *err) {
    uint32_t first = composite;
    while (first > 0 && is_prelude(kernel->insts[first - 1].op)) first--;
    for (uint32_t i = first; i < composite; i++) {
        const kb_kir_inst *inst = &kernel->insts[i];
        REQUIRE(kernel, i, err, inst->imm < KB_COMPOSITE_VIEWS, "expected a view below %d, got %u",
                KB_COMPOSITE_VIEWS, inst->imm);
        view *v = &views[inst->imm];
        if (inst->op == KB_KIR_VIEW) {
            REQUIRE(kernel, i, err, !v->pointer, "view %u is described twice", inst->imm);
            v->pointer = kb_kernel_type(kernel, inst->a);
            v->rank = inst->c == KB_NO_REG ? 1 : 2;
        } else {
            REQUIRE(kernel, i, err,
                    v->pointer && !v->has_strides && v->rank == (inst->b == KB_NO_REG ? 1 : 2),
                    "expected the strides of a view behind it, one for each extent");
            v->has_strides = true;
        }
    }
    for (uint32_t n = 0; n < KB_COMPOSITE_VIEWS; n++)
        REQUIRE(kernel, composite, err, !views[n].pointer || views[n].has_strides,
                "view %u has no strides", n);
    return KB_OK;
}

/* The size of a tile along an axis, but for that of the steps. */
typedef struct sizes {
    uint32_t along[KB_AXIS_K];
} sizes;

static kb_status check_place(const kb_kernel *kernel, uint32_t index, const kb_kir_type *tile,
                             const view views[KB_COMPOSITE_VIEWS], bool in_step, const sizes *known,
                             kb_error *err) {
    const kb_kir_inst *inst = &kernel->insts[index];
    uint32_t number = kb_view_number(inst);
    REQUIRE(kernel, index, err, number < KB_COMPOSITE_VIEWS && views[number].pointer,
            "expected the number of a view, got %u", number);
    const view *v = &views[number];
    REQUIRE(kernel, index, err,
            tile->rank == v->rank && !tile->pointer && tile->dtype == v->pointer->dtype,
            "expected a tile of rank %u and %s", v->rank, kb_dtype_name(v->pointer->dtype));
    REQUIRE(kernel, index, err, inst->imm >> (8 + 4 * v->rank) == 0,
            "expected an axis for each dimension, got imm %x", inst->imm);
    for (int d = 0; d < v->rank; d++) {
        kb_axis axis = kb_view_axis(inst, d);
        REQUIRE(kernel, index, err, axis < KB_AXIS_COUNT && (axis != KB_AXIS_K || in_step),
                "dimension %d: no axis %u", d, axis);
        if (axis == KB_AXIS_K) continue; /* block i at step i, whatever its size */
        REQUIRE(kernel, index, err, tile->dims[d] == known->along[axis],
                "dimension %d: expected a size of %u, got %u", d, known->along[axis],
                tile->dims[d]);
    }
    return KB_OK;
}

static bool writes(const kb_kernel *kernel, uint32_t first, uint32_t end, uint16_t reg) {
    for (uint32_t i = first; i < end; i++)
        if (kernel->insts[i].dst == reg) return true;
    return false;
}

/* Whether the register, which holds a tile before `first`, holds one at the end. */
static bool leaves(const kb_kernel *kernel, uint32_t first, uint32_t end, uint16_t reg) {
    bool held = true;
    for (uint32_t i = first; i < end; i++) {
        const kb_kir_inst *inst = &kernel->insts[i];
        const uint16_t operands[3] = {inst->a, inst->b, inst->c};
        for (int k = 0; k < 3; k++)
            if (operands[k] == reg && inst->flags >> k & 1) held = false;
        if (inst->dst == reg) held = true;
    }
    return held;
}

/* A tile that is read was written before it in the section; or in the head, as there may be no step, and
 * then each step leaves one to the next, or to the tail. */
static kb_status check_tiles(const kb_kernel *kernel, uint32_t index, const kb_section *section,
                             const kb_section *head, kb_error *err) {
    const kb_kir_inst *inst = &kernel->insts[index];
    const uint16_t operands[3] = {inst->a, inst->b, inst->c};
    for (int i = 0; i < 3; i++) {
        uint16_t reg = operands[i];
        if (reg == KB_NO_REG || kb_kernel_type(kernel, reg)->kind == KB_SCALAR) continue;
        REQUIRE(kernel, index, err, kb_kernel_type(kernel, reg)->kind == KB_TILE,
                "operand %c: expected a scalar or a tile", 'a' + i);
        if (writes(kernel, section->first, index, reg)) continue;
        REQUIRE(kernel, index, err,
                section != head && writes(kernel, head->first, head->end, reg) &&
                    leaves(kernel, head->first, head->end, reg),
                "operand %c: register %u is no tile of this composite", 'a' + i, reg);
        REQUIRE(kernel, index, err,
                section->kind != KB_SECTION_STEP || leaves(kernel, index, section->end, reg),
                "operand %c: a step reads register %u and leaves none to the next", 'a' + i, reg);
    }
    return KB_OK;
}

static kb_status check_section(const kb_kernel *kernel, const kb_section *section,
                               const kb_section *head, const view views[KB_COMPOSITE_VIEWS],
                               const sizes *known, kb_error *err) {
    uint32_t n_stages = 0, n_stores = 0;
    uint32_t at = section->first - 1;
    bool steps = section->kind == KB_SECTION_STEP;
    REQUIRE(kernel, at, err, !steps || section->size > 0, "expected a step that loads from view %u",
            section->view);
    for (uint32_t i = section->first; i < section->end; i++) {
        const kb_kir_inst *inst = &kernel->insts[i];
        REQUIRE(kernel, i, err, is_stage(inst->op) || is_renaming(inst->op),
                "expected an operation on tiles within a composite");
        n_stages += is_stage(inst->op);
        n_stores += inst->op == KB_KIR_VIEW_STORE;
        if (inst->op == KB_KIR_VIEW_LOAD || inst->op == KB_KIR_VIEW_STORE)
            KB_TRY(check_place(
                kernel, i,
                kb_kernel_type(kernel, inst->op == KB_KIR_VIEW_LOAD ? inst->dst : inst->a), views,
                steps, known, err));
        KB_TRY(check_tiles(kernel, i, section, head, err));
    }
    REQUIRE(kernel, at, err, n_stages <= KB_COMPOSITE_STAGES,
            "expected at most %d operations in a section, got %u", KB_COMPOSITE_STAGES, n_stages);
    REQUIRE(kernel, at, err, n_stores == (section->kind == KB_SECTION_TAIL),
            "expected one store, in the tail, got %u", n_stores);
    return KB_OK;
}

/* The length of a body and its markers, so that it can be read. */
static kb_status check_frame(const kb_kernel *kernel, uint32_t composite, kb_error *err) {
    uint32_t n_sections = 0, imm = 0, i = composite + 1;
    const kb_kir_inst *insts = kernel->insts;
    uint32_t buffers = insts[composite].imm;
    REQUIRE(kernel, composite, err, buffers >= 1 && buffers <= KB_COMPOSITE_BUFFERS,
            "expected 1 to %d buffers, got %u", KB_COMPOSITE_BUFFERS, buffers);
    for (; i < kernel->n_insts && i - composite <= KB_COMPOSITE_INSTS; i++) {
        if (insts[i].op == KB_KIR_COMPOSITE_END) break;
        REQUIRE(kernel, i, err, n_sections > 0 || insts[i].op == KB_KIR_SECTION,
                "expected a section");
        if (insts[i].op != KB_KIR_SECTION) continue;
        bool after_tail = n_sections > 0 && (imm & 255) == KB_SECTION_TAIL;
        imm = insts[i].imm;
        uint32_t kind = imm & 255;
        REQUIRE(kernel, i, err,
                !after_tail && n_sections < KB_COMPOSITE_SECTIONS &&
                    (kind == KB_SECTION_HEAD) == (n_sections == 0) && kind <= KB_SECTION_TAIL &&
                    (kind == KB_SECTION_STEP ? imm >> 8 < KB_COMPOSITE_VIEWS : imm >> 8 == 0),
                "expected a head, steps and a tail, at most %d sections", KB_COMPOSITE_SECTIONS);
        n_sections++;
    }
    bool ends = i < kernel->n_insts && insts[i].op == KB_KIR_COMPOSITE_END;
    REQUIRE(kernel, composite, err, ends && n_sections > 0 && (imm & 255) == KB_SECTION_TAIL,
            "expected a body of at most %d instructions that ends with a tail", KB_COMPOSITE_INSTS);
    return KB_OK;
}

static kb_status check_composite(const kb_kernel *kernel, uint32_t composite, uint32_t *end,
                                 kb_error *err) {
    view views[KB_COMPOSITE_VIEWS] = {{NULL, 0, false}};
    sizes known = {{1, 0, 0}};
    kb_composite_body body;
    KB_TRY(check_views(kernel, composite, views, err));
    KB_TRY(check_frame(kernel, composite, err));
    uint32_t last = composite + 1; /* the tail's store fixes the sizes of rows and columns */
    for (uint32_t i = last; kernel->insts[i].op != KB_KIR_COMPOSITE_END; i++)
        if (kernel->insts[i].op == KB_KIR_VIEW_STORE) last = i;
    const kb_kir_inst *store = &kernel->insts[last];
    REQUIRE(kernel, composite, err,
            store->op == KB_KIR_VIEW_STORE && kb_kernel_type(kernel, store->a)->rank == 2 &&
                kb_view_axis(store, 0) == KB_AXIS_M && kb_view_axis(store, 1) == KB_AXIS_N,
            "expected a store of rows and columns");
    kb_composite_read(kernel, composite, &body);
    known.along[KB_AXIS_M] = body.rows;
    known.along[KB_AXIS_N] = body.columns;
    for (uint32_t s = 0; s < body.n_sections; s++)
        KB_TRY(check_section(kernel, &body.sections[s], &body.sections[0], views, &known, err));
    *end = body.end;
    return KB_OK;
}

/* Whether control can only come to the instruction from the one before it. */
static bool is_inside(const kb_kernel *kernel, uint32_t index) {
    uint32_t reach = PRELUDE + KB_COMPOSITE_INSTS;
    if (index > 0 && is_prelude(kernel->insts[index - 1].op)) return true;
    for (uint32_t i = index; i > 0 && index - i < reach; i--) {
        if (kernel->insts[i - 1].op == KB_KIR_COMPOSITE_END) return false;
        if (kernel->insts[i - 1].op == KB_KIR_COMPOSITE) return true;
    }
    return false;
}

kb_status kb_kernel_verify_composites(const kb_kernel *kernel, kb_error *err) {
    bool any = false;
    for (uint32_t i = 0; i < kernel->n_insts; i++) {
        uint8_t op = kernel->insts[i].op;
        if (is_prelude(op)) {
            uint8_t next = i + 1 < kernel->n_insts ? kernel->insts[i + 1].op : KB_KIR_RETURN;
            REQUIRE(kernel, i, err, is_prelude(next) || next == KB_KIR_COMPOSITE,
                    "expected views right before their composite");
        }
        REQUIRE(kernel, i, err,
                op != KB_KIR_SECTION && op != KB_KIR_VIEW_LOAD && op != KB_KIR_VIEW_STORE &&
                    op != KB_KIR_COMPOSITE_END,
                "expected it within a composite");
        if (op != KB_KIR_COMPOSITE) continue;
        KB_TRY(check_composite(kernel, i, &i, err));
        any = true;
    }
    for (uint32_t i = 0; any && i < kernel->n_insts; i++) {
        bool jumps = kb_kir_signatures[kernel->insts[i].op].imm == 'j';
        REQUIRE(kernel, i, err, !jumps || !is_inside(kernel, kernel->insts[i].imm),
                "expected no jump into a composite");
    }
    return KB_OK;
}
