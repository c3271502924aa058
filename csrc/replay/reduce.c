#include "replay/reduce.h"

#include <string.h>

#include "replay/lanes.h"

enum { STRIP_LANES = 1 << 15 }; /* lanes of a wide tile that are reduced at a time */

/* The tile as (outer, n, inner) with the axis in the middle; a unit is one outer index and `width`
 * of the inner ones. */
typedef struct job {
    const unsigned char *elements;
    size_t nbytes; /* of an element */
    size_t outer, n, inner, width, strips;
    kb_convert_loop *widen, *narrow; /* NULL: none */
    size_t lane_nbytes, result_nbytes;
    kb_tree_loop *tree;
    unsigned char *result;
    unsigned char *scratch; /* for each part: a unit's lanes, then its results */
    size_t scratch_nbytes;
    size_t n_parts;
} job;

static size_t min_size(size_t x, size_t y) {
    return x < y ? x : y;
}

static void read_rows(const job *self, const unsigned char *elements, size_t width,
                      unsigned char *lanes) {
    size_t rows = self->n, row = width;
    if (width == self->inner) { /* all rows are adjacent */
        rows = 1;
        row = self->n * width;
    }
    for (size_t i = 0; i < rows; i++) {
        const unsigned char *from = elements + i * self->inner * self->nbytes;
        unsigned char *to = lanes + i * row * self->lane_nbytes;
        if (self->widen) self->widen(to, from, row);
        else memcpy(to, from, row * self->nbytes);
    }
}

static void run_unit(const job *self, size_t unit, unsigned char *lanes) {
    size_t outer = unit / self->strips, column = unit % self->strips * self->width;
    size_t width = min_size(self->width, self->inner - column);
    read_rows(self, self->elements + (outer * self->n * self->inner + column) * self->nbytes, width,
              lanes);
    const void *reduced = self->tree(lanes, self->n, width);
    unsigned char *to = self->result + (outer * self->inner + column) * self->result_nbytes;
    if (self->narrow) self->narrow(to, reduced, width);
    else memcpy(to, reduced, width * self->result_nbytes);
}

static void run_part(void *argument, size_t part) {
    const job *self = argument;
    size_t units = self->outer * self->strips;
    size_t begin = units * part / self->n_parts, end = units * (part + 1) / self->n_parts;
    for (size_t unit = begin; unit < end; unit++)
        run_unit(self, unit, self->scratch + part * self->scratch_nbytes);
}

static kb_status check(kb_reduceop op, const kb_payload *payload, kb_error *err) {
    const kb_operand *from = &payload->operand[0], *to = &payload->result;
    bool fits = payload->n_operands == 1 && payload->axis < from->rank &&
                to->rank + 1 == from->rank && from->kind == KB_OPERAND_TILE &&
                (unsigned)op < KB_REDUCEOP_COUNT;
    for (uint8_t d = 0; fits && d < to->rank; d++)
        fits = to->dims[d] == from->dims[d < payload->axis ? d : d + 1];
    bool is_index = op == KB_REDUCEOP_ARGMAX || op == KB_REDUCEOP_ARGMIN;
    fits = fits && to->dtype == (is_index ? KB_INT32 : from->dtype) && from->dims[payload->axis];
    return fits ? KB_OK
                : kb_error_set(err, KB_INTERNAL, "%s: the result's type does not fit",
                               kb_reduceop_name(op));
}

kb_status kb_reduce_run(kb_exec *exec, kb_reduceop op, const kb_payload *payload, kb_error *err) {
    const kb_operand *from = &payload->operand[0], *to = &payload->result;
    KB_TRY(check(op, payload, err));
    kb_dtype dtype = (kb_dtype)from->dtype, result_dtype = (kb_dtype)to->dtype;
    kb_lane lane = kb_lane_of(dtype);
    bool is_index = op == KB_REDUCEOP_ARGMAX || op == KB_REDUCEOP_ARGMIN;
    kb_lanes lanes;
    KB_TRY(kb_lanes_open(exec->tiles, from, from->rank, from->dims, &lanes, err));
    job self = {.elements = lanes.elements,
                .nbytes = lanes.nbytes,
                .outer = kb_lanes_count(payload->axis, from->dims),
                .n = from->dims[payload->axis],
                .inner = kb_lanes_count((uint8_t)(from->rank - payload->axis - 1),
                                        from->dims + payload->axis + 1),
                .widen = exec->isa->widen[dtype],
                .narrow = is_index ? NULL : exec->isa->narrow[dtype],
                .lane_nbytes = kb_lane_nbytes(lane),
                .result_nbytes = kb_dtype_nbytes(result_dtype),
                .tree = exec->isa->tree[lane][op]};
    if (!self.tree)
        return kb_error_set(err, KB_INTERNAL, "%s is not defined on %s", kb_reduceop_name(op),
                            kb_dtype_name(dtype));
    size_t fitting = STRIP_LANES / self.n;
    self.width = min_size(self.inner, fitting > 64 ? fitting : 64);
    self.strips = (self.inner + self.width - 1) / self.width;
    self.n_parts = min_size((size_t)kb_crew_size(exec->crew), self.outer * self.strips);
    /* One row more than there is, for the indices of ARGMAX and ARGMIN. */
    self.scratch_nbytes = ((self.n + 1) * self.width * self.lane_nbytes + 63) / 64 * 64;
    self.scratch = kb_tiles_scratch(exec->tiles, self.n_parts * self.scratch_nbytes);
    if (!self.scratch) return kb_error_nomem(err, "a reduction of replay");
    void *data;
    KB_TRY(kb_exec_result(exec, to, self.outer * self.inner, &data, err));
    self.result = data;
    kb_crew_run(exec->crew, self.n_parts, run_part, &self);
    return KB_OK;
}
