#include "replay/math.h"

#include <string.h>

#include "kernel/scalar.h"
#include "replay/lanes.h"

enum {
    PART_LANES = 1 << 16, /* what one thread takes at a time */
    LANE_NBYTES = 8,      /* of the widest */
    N_CODES = 256,        /* of an 8-bit float */
};

/* An operand, ready to be read lane by lane in the lane type. */
typedef struct input {
    kb_lanes lanes;
    kb_convert_loop *widen; /* NULL: none */
    void *fixed; /* a whole block of a uniform one, in scratch; NULL: it is not uniform */
} input;

typedef struct job {
    input inputs[3];
    uint32_t n_inputs;
    kb_math_loop *loop;       /* NULL: a copy, or */
    kb_convert_loop *convert; /* this alone makes the result of the one input */
    kb_dtype from, to;
    bool cast;               /* by kb_dtype_convert */
    kb_convert_loop *narrow; /* NULL: none */
    const uint8_t *table;    /* of the result of every code of an 8-bit operand; NULL: none */
    const kb_isa *isa;
    size_t result_nbytes;
    unsigned char *result;
    size_t count;
    bool direct; /* nothing is copied on the way: one call does a whole part */
} job;

/* The lanes [at, at + count) of an input in its lane type; `buffer` has room for two blocks. */
static const void *read_input(const input *in, const kb_isa *isa, size_t at, size_t count,
                              unsigned char *buffer) {
    if (in->fixed) return in->fixed;
    const void *raw = kb_lanes_read(&in->lanes, isa, at, count, buffer);
    if (!in->widen) return raw;
    void *wide = buffer + KB_LANES_BLOCK * LANE_NBYTES;
    in->widen(wide, raw, count);
    return wide;
}

static void run_block(const job *self, size_t at, size_t count, unsigned char *buffers) {
    const void *values[3] = {NULL, NULL, NULL};
    for (uint32_t i = 0; i < self->n_inputs; i++)
        values[i] = read_input(&self->inputs[i], self->isa, at, count,
                               buffers + 2 * i * KB_LANES_BLOCK * LANE_NBYTES);
    unsigned char *result = self->result + at * self->result_nbytes;
    if (self->convert) {
        self->convert(result, values[0], count);
        return;
    }
    if (self->cast) {
        kb_dtype_convert(self->to, result, self->from, values[0], count);
        return;
    }
    if (!self->loop) {
        memcpy(result, values[0], count * self->result_nbytes);
        return;
    }
    _Alignas(64) unsigned char computed[KB_LANES_BLOCK * LANE_NBYTES];
    self->loop(self->narrow ? computed : result, values[0], values[1], values[2], count);
    if (self->narrow) self->narrow(result, computed, count);
}

static void run_part(void *argument, size_t part) {
    const job *self = argument;
    _Alignas(64) unsigned char buffers[6 * KB_LANES_BLOCK * LANE_NBYTES];
    size_t begin = part * PART_LANES;
    size_t end = self->count - begin < PART_LANES ? self->count : begin + PART_LANES;
    if (self->table) {
        const unsigned char *codes = self->inputs[0].lanes.elements;
        self->isa->look_up(self->result + begin, codes + begin, self->table, end - begin);
        return;
    }
    if (self->direct) {
        const void *values[3] = {NULL, NULL, NULL};
        for (uint32_t i = 0; i < self->n_inputs; i++)
            values[i] = kb_lanes_read(&self->inputs[i].lanes, self->isa, begin, end - begin, NULL);
        unsigned char *result = self->result + begin * self->result_nbytes;
        if (self->convert) self->convert(result, values[0], end - begin);
        else self->loop(result, values[0], values[1], values[2], end - begin);
        return;
    }
    for (size_t at = begin; at < end; at += KB_LANES_BLOCK) {
        size_t count = end - at < KB_LANES_BLOCK ? end - at : KB_LANES_BLOCK;
        run_block(self, at, count, buffers);
    }
}

/* A function of one 8-bit float has 256 results: of a larger tile they are computed once. */
static kb_status make_table(kb_tiles *tiles, job *self, kb_error *err) {
    bool is_worth_it = self->n_inputs == 1 && self->count >= 4 * N_CODES && self->loop &&
                       kb_dtype_get_kind(self->from) == KB_KIND_FLOAT &&
                       kb_dtype_nbytes(self->from) == 1 && self->result_nbytes == 1 &&
                       kb_lanes_contiguous(&self->inputs[0].lanes);
    if (!is_worth_it) return KB_OK;
    _Alignas(64) unsigned char buffers[6 * KB_LANES_BLOCK * LANE_NBYTES];
    uint8_t codes[N_CODES], *table = kb_tiles_scratch(tiles, N_CODES);
    if (!table) return kb_error_nomem(err, "replay");
    for (int i = 0; i < N_CODES; i++) codes[i] = (uint8_t)i;
    job of_codes = *self;
    of_codes.inputs[0].lanes.elements = codes;
    of_codes.result = table;
    run_block(&of_codes, 0, N_CODES, buffers);
    self->table = table;
    return KB_OK;
}

/* A uniform operand is read and widened once. */
static kb_status fix_input(kb_exec *exec, input *in, kb_error *err) {
    _Alignas(64) unsigned char raw[KB_LANES_BLOCK * LANE_NBYTES];
    if (!kb_lanes_uniform(&in->lanes) || in->lanes.dims[0] == 1) return KB_OK;
    in->fixed = kb_tiles_scratch(exec->tiles, KB_LANES_BLOCK * LANE_NBYTES);
    if (!in->fixed) return kb_error_nomem(err, "replay");
    const void *elements = kb_lanes_read(&in->lanes, exec->isa, 0, KB_LANES_BLOCK, raw);
    if (in->widen) in->widen(in->fixed, elements, KB_LANES_BLOCK);
    else memcpy(in->fixed, elements, KB_LANES_BLOCK * in->lanes.nbytes);
    return KB_OK;
}

static bool is_small_float(kb_dtype dtype) {
    return kb_dtype_get_kind(dtype) == KB_KIND_FLOAT && kb_dtype_nbytes(dtype) < sizeof(float);
}

/* Which loops a CAST takes: by way of float where that rounds once, else kb_dtype_convert.  The NaNs of small
 * floats are yet to be made canonical. */
static void plan_cast(const kb_isa *isa, job *self) {
    bool from_exact = self->from == KB_FLOAT32 || is_small_float(self->from) ||
                      (kb_dtype_get_kind(self->from) != KB_KIND_FLOAT &&
                       kb_dtype_nbytes(self->from) < sizeof(int32_t));
    bool by_float = self->to == KB_FLOAT32 || (is_small_float(self->to) && from_exact);
    if (self->from == self->to) return;
    self->cast = !by_float;
    if (self->cast) return;
    if (self->to == KB_FLOAT32 && !is_small_float(self->from)) {
        self->convert = isa->to_f32[self->from];
        return;
    }
    self->inputs[0].widen = isa->to_f32[self->from];
    self->loop = isa->math[KB_LANE_F32][KB_MATHOP_CAST];
    self->narrow = isa->narrow[self->to];
}

static uint32_t log2_nbytes(size_t nbytes) {
    return (uint32_t)__builtin_ctzll((unsigned long long)nbytes);
}

static kb_status plan(const kb_isa *isa, kb_mathop op, job *self, kb_error *err) {
    switch (op) {
    case KB_MATHOP_MOVE:
    case KB_MATHOP_BITCAST: return KB_OK;
    case KB_MATHOP_CAST: plan_cast(isa, self); return KB_OK;
    case KB_MATHOP_WHERE: self->loop = isa->select[log2_nbytes(self->result_nbytes)]; return KB_OK;
    default: break;
    }
    self->loop = isa->small[self->from][op];
    if (self->loop) return KB_OK;
    kb_lane lane = kb_lane_of_math(self->from);
    self->loop = isa->math[lane][op];
    if (!self->loop)
        return kb_error_set(err, KB_INTERNAL, "operation %s is not defined on %s",
                            kb_mathop_name(op), kb_dtype_name(self->from));
    if (lane != kb_lane_of(self->from)) return KB_OK; /* computed as it is */
    for (uint32_t i = 0; i < self->n_inputs; i++) self->inputs[i].widen = isa->widen[self->from];
    if (kb_mathop_result(op) == KB_RESULT_SAME) self->narrow = isa->narrow[self->to];
    return KB_OK;
}

static kb_status check(kb_mathop op, const kb_payload *payload, kb_error *err) {
    uint32_t arity = (uint32_t)kb_mathop_arity(op), n = payload->n_operands;
    if (arity == 0 || n != arity)
        return kb_error_set(err, KB_INTERNAL, "operation %s: expected %u operands, got %u",
                            kb_mathop_name(op), arity, n);
    kb_dtype operand = (kb_dtype)payload->operand[n - 1].dtype;
    if (!kb_scalar_defined(op, operand, (kb_dtype)payload->result.dtype))
        return kb_error_set(err, KB_INTERNAL, "operation %s is not defined from %s to %s",
                            kb_mathop_name(op), kb_dtype_name(operand),
                            kb_dtype_name((kb_dtype)payload->result.dtype));
    for (uint32_t i = 0; i + 1 < n; i++) {
        kb_dtype expected = op == KB_MATHOP_WHERE && i == 0 ? KB_BOOL : operand;
        if (payload->operand[i].dtype != expected)
            return kb_error_set(err, KB_INTERNAL, "operation %s: expected operand %u of %s, got %s",
                                kb_mathop_name(op), i, kb_dtype_name(expected),
                                kb_dtype_name((kb_dtype)payload->operand[i].dtype));
    }
    return KB_OK;
}

kb_status kb_math_run(kb_exec *exec, kb_mathop op, const kb_payload *payload, kb_error *err) {
    const kb_operand *result = &payload->result;
    KB_TRY(check(op, payload, err));
    job *self = kb_tiles_scratch(exec->tiles, sizeof *self);
    if (!self) return kb_error_nomem(err, "replay");
    *self = (job){.n_inputs = payload->n_operands,
                  .from = (kb_dtype)payload->operand[payload->n_operands - 1].dtype,
                  .to = (kb_dtype)result->dtype,
                  .isa = exec->isa,
                  .result_nbytes = kb_dtype_nbytes((kb_dtype)result->dtype),
                  .count = kb_lanes_count(result->rank, result->dims)};
    for (uint32_t i = 0; i < self->n_inputs; i++)
        KB_TRY(kb_lanes_open(exec->tiles, &payload->operand[i], result->rank, result->dims,
                             &self->inputs[i].lanes, err));
    KB_TRY(plan(exec->isa, op, self, err));
    self->direct = (self->loop || self->convert) && !self->narrow;
    for (uint32_t i = 0; i < self->n_inputs; i++) {
        input *in = &self->inputs[i];
        KB_TRY(fix_input(exec, in, err));
        if (in->fixed || in->widen || !kb_lanes_contiguous(&in->lanes)) self->direct = false;
    }
    void *data;
    KB_TRY(make_table(exec->tiles, self, err));
    KB_TRY(kb_exec_result(exec, result, self->count, &data, err));
    self->result = data;
    kb_crew_run(exec->crew, (self->count + PART_LANES - 1) / PART_LANES, run_part, self);
    return KB_OK;
}
