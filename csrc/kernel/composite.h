/* Composite commands in KIR: one command that describes a tiled pipeline (ADR-0014 D6 to D8).
 *
 *   view 0, view_stride 0, view 1 ...   where the operands lie: origin, extents, strides
 *   composite                           dst = its handle; imm: how many steps may be in flight
 *     section head                      once for each tile of the result
 *     section step, of view v           once for each step along the last axis of v; any number of them
 *     section tail                      once for each tile of the result; stores it
 *   composite_end
 *
 * PE_CPU hands everything from `composite` to `composite_end` to PE_SCHED and goes on behind it; there the
 * body's instructions are executed, section by section, tile by tile, as PE_CPU would have.
 *
 * A body is straight-line code on tiles: view_load, view_store, full, math, dot, reduce, trans, alias, mov.
 * Its tiles are its own: it reads none that the program made, and the program none of its.  A tile that a
 * step finds was left to it by the head or by the step before (an accumulator), so a step that reads one
 * writes it again.  Scalars are those of the program when it came to `composite`.
 *
 * view_load and view_store take the part of a view that lies at the tile's place: imm says which view, and
 * for each of its axes whether it goes along with the rows or columns of the result (m, n), with the steps
 * (k: block i at step i), or stays at 0 (none).  What lies beyond the extents is not read (zeros are) and not written.
 *
 *   imm   view, view_stride   number of the view
 *         composite           buffers
 *         section             kind | view << 8
 *         view_load, _store   view | axis 0 << 8 | axis 1 << 12
 */
#ifndef KB_KERNEL_COMPOSITE_H
#define KB_KERNEL_COMPOSITE_H

#include "kernel/kir.h"

enum {
    KB_COMPOSITE_VIEWS = 16,
    KB_COMPOSITE_SECTIONS = 8,
    KB_COMPOSITE_STAGES = 16, /* commands of one section */
    KB_COMPOSITE_INSTS = 128, /* instructions of a body */
    KB_COMPOSITE_BUFFERS = 16
};

typedef enum kb_axis { KB_AXIS_NONE, KB_AXIS_M, KB_AXIS_N, KB_AXIS_K, KB_AXIS_COUNT } kb_axis;

typedef enum kb_section_kind { KB_SECTION_HEAD, KB_SECTION_STEP, KB_SECTION_TAIL } kb_section_kind;

typedef struct kb_section {
    kb_section_kind kind;
    uint32_t view;       /* STEP: whose last axis it goes along */
    uint32_t size;       /* STEP: of one step, in elements of that axis */
    uint32_t first, end; /* instructions */
    int64_t nbytes;      /* of the tiles that it makes */
} kb_section;

typedef struct kb_composite_body {
    uint32_t composite, end; /* instructions: `composite`, `composite_end` */
    uint32_t buffers;
    uint32_t result;        /* the view that the tail stores to */
    uint32_t rows, columns; /* of a tile of the result */
    uint32_t n_views, n_sections;
    kb_section sections[KB_COMPOSITE_SECTIONS];
} kb_composite_body;

static inline uint32_t kb_view_number(const kb_kir_inst *inst) {
    return inst->imm & 255;
}

static inline kb_axis kb_view_axis(const kb_kir_inst *inst, int dimension) {
    return (kb_axis)(inst->imm >> (8 + 4 * dimension) & 15);
}

/* Reads the body of the `composite` at that instruction of a checked kernel. */
void kb_composite_read(const kb_kernel *kernel, uint32_t composite, kb_composite_body *body);

#endif
