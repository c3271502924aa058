#include "replay/gemm.h"

#include <string.h>

#include "replay/lanes.h"

enum {
    PANEL_NBYTES = 24 << 10, /* of b, for as many k as that is: the first cache holds it */
    BAND_ROWS = 144,  /* rows of a that go through all panels: for those k the second cache does */
    THREAD_ROWS = 48, /* the same where threads share the bands */
    THREAD_WORK = 1 << 23, /* multiply-adds from which on they do: to wake one takes some time */
    MAX_BLOCK = 12 * 32,   /* elements of a register block */
};

typedef struct job {
    const kb_gemm_kernel *kernel;
    size_t m, n, k, size; /* size: bytes of a lane */
    size_t depth;         /* k taken at a time */
    size_t band_rows;
    const unsigned char *a; /* widened, row-major, k apart */
    unsigned char *b;       /* packed: [depth block][panel][k][n_columns] */
    unsigned char *c;       /* sums, row-major, n apart */
} job;

static size_t min_size(size_t x, size_t y) {
    return x < y ? x : y;
}

static size_t n_panels(const job *self) {
    return (self->n + self->kernel->n_columns - 1) / self->kernel->n_columns;
}

/* Rows of the blocks that share `rows`: even ones, so that none has too few sums in flight. */
static size_t block_rows(size_t rows, size_t most) {
    size_t n_blocks = (rows + most - 1) / most;
    return (rows + n_blocks - 1) / n_blocks;
}

/* One register block; where the panel is wider than c, by way of a block of its own. */
static void run_block(const job *self, size_t row, size_t rows, size_t panel, size_t k0,
                      size_t depth) {
    size_t columns = self->kernel->n_columns, column = panel * columns, size = self->size;
    size_t there = min_size(columns, self->n - column);
    const unsigned char *a = self->a + (row * self->k + k0) * size;
    const unsigned char *b = self->b + (k0 * n_panels(self) + panel * depth) * columns * size;
    unsigned char *c = self->c + (row * self->n + column) * size;
    if (there == columns) {
        self->kernel->block(rows, depth, a, self->k, b, c, self->n);
        return;
    }
    _Alignas(64) unsigned char edge[MAX_BLOCK * sizeof(double)];
    memset(edge, 0, rows * columns * size);
    for (size_t i = 0; i < rows; i++)
        memcpy(edge + i * columns * size, c + i * self->n * size, there * size);
    self->kernel->block(rows, depth, a, self->k, b, edge, columns);
    for (size_t i = 0; i < rows; i++)
        memcpy(c + i * self->n * size, edge + i * columns * size, there * size);
}

static void run_band(void *argument, size_t band) {
    const job *self = argument;
    size_t begin = band * self->band_rows, end = min_size(begin + self->band_rows, self->m);
    for (size_t k0 = 0; k0 < self->k; k0 += self->depth) {
        size_t depth = min_size(self->depth, self->k - k0);
        for (size_t panel = 0; panel < n_panels(self); panel++)
            for (size_t row = begin, rows; row < end; row += rows) {
                rows = block_rows(end - row, self->kernel->n_rows);
                run_block(self, row, rows, panel, k0, depth);
            }
    }
}

/* --- operands -------------------------------------------------------------------------------- */

/* Widens `count` elements of an input to lanes, as the precision wants them. */
static void widen(const kb_exec *exec, kb_dtype dtype, bool tf32, const void *src, void *dst,
                  size_t count) {
    kb_convert_loop *loop = exec->isa->widen[dtype];
    if (loop) loop(dst, src, count);
    else if (tf32) exec->isa->to_tf32(dst, src, count);
    else memcpy(dst, src, count * kb_lane_nbytes(kb_lane_of(dtype)));
}

static kb_status widen_a(kb_exec *exec, const kb_operand *operand, bool tf32, job *self,
                         kb_error *err) {
    kb_lanes lanes;
    KB_TRY(kb_lanes_open(exec->tiles, operand, operand->rank, operand->dims, &lanes, err));
    self->a = lanes.elements;
    if (!exec->isa->widen[lanes.dtype] && !tf32) return KB_OK;
    void *wide = kb_tiles_scratch(exec->tiles, self->m * self->k * self->size);
    if (!wide) return kb_error_nomem(err, "a matrix of replay");
    widen(exec, lanes.dtype, tf32, lanes.elements, wide, self->m * self->k);
    self->a = wide;
    return KB_OK;
}

static kb_status pack_b(kb_exec *exec, const kb_operand *operand, bool tf32, job *self,
                        kb_error *err) {
    size_t columns = self->kernel->n_columns, panels = n_panels(self), size = self->size;
    kb_lanes lanes;
    KB_TRY(kb_lanes_open(exec->tiles, operand, operand->rank, operand->dims, &lanes, err));
    self->b = kb_tiles_scratch(exec->tiles, self->k * panels * columns * size);
    void *row = kb_tiles_scratch(exec->tiles, panels * columns * size);
    if (!self->b || !row) return kb_error_nomem(err, "a matrix of replay");
    memset(row, 0, panels * columns * size);
    for (size_t k = 0; k < self->k; k++) {
        size_t k0 = k / self->depth * self->depth, depth = min_size(self->depth, self->k - k0);
        widen(exec, lanes.dtype, tf32, lanes.elements + k * self->n * lanes.nbytes, row, self->n);
        unsigned char *to = self->b + (k0 * panels + (k - k0)) * columns * size;
        for (size_t panel = 0; panel < panels; panel++)
            memcpy(to + panel * depth * columns * size,
                   (unsigned char *)row + panel * columns * size, columns * size);
    }
    return KB_OK;
}

static kb_status check(const kb_payload *payload, kb_error *err) {
    const kb_operand *a = &payload->operand[0], *b = &payload->operand[1], *c = &payload->result;
    if (payload->n_operands < 2 || a->rank != 2 || b->rank != 2 || c->rank != 2 ||
        a->dims[1] != b->dims[0] || a->dims[0] != c->dims[0] || b->dims[1] != c->dims[1] ||
        a->kind != KB_OPERAND_TILE || b->kind != KB_OPERAND_TILE)
        return kb_error_set(err, KB_INTERNAL, "dot: expected tiles (M, K) @ (K, N) -> (M, N)");
    kb_lane lane = kb_lane_of((kb_dtype)a->dtype), result = kb_lane_of((kb_dtype)c->dtype);
    bool bytes = kb_dtype_nbytes((kb_dtype)a->dtype) == 1 && c->dtype == KB_INT32;
    bool floats = (lane == KB_LANE_F32 || lane == KB_LANE_F64) &&
                  (result == KB_LANE_F32 || result == KB_LANE_F64);
    if (lane != kb_lane_of((kb_dtype)b->dtype) || !(floats || bytes))
        return kb_error_set(err, KB_INTERNAL, "dot: not defined on %s and %s to %s",
                            kb_dtype_name((kb_dtype)a->dtype), kb_dtype_name((kb_dtype)b->dtype),
                            kb_dtype_name((kb_dtype)c->dtype));
    return KB_OK;
}

/* --- the sums -------------------------------------------------------------------------------- */

/* The dtype in which sums are kept. */
static kb_dtype sum_dtype(kb_lane lane) {
    return lane == KB_LANE_F32 ? KB_FLOAT32 : lane == KB_LANE_F64 ? KB_FLOAT64 : KB_INT32;
}

static kb_status begin_sums(kb_exec *exec, const kb_operand *acc, kb_dtype sums, void *c,
                            const kb_operand *result, kb_error *err) {
    size_t count = kb_lanes_count(result->rank, result->dims);
    if (acc->kind == KB_OPERAND_NONE) {
        memset(c, 0, count * kb_dtype_nbytes(sums));
        return KB_OK;
    }
    kb_lanes lanes;
    KB_TRY(kb_lanes_open(exec->tiles, acc, result->rank, result->dims, &lanes, err));
    void *whole = kb_tiles_scratch(exec->tiles, count * lanes.nbytes);
    if (!whole) return kb_error_nomem(err, "an accumulator of replay");
    kb_dtype_convert(sums, c, lanes.dtype, kb_lanes_read(&lanes, exec->isa, 0, count, whole),
                     count);
    return KB_OK;
}

/* Chains that met NaN hold the machine's; the canonical one takes its place. */
static void finish_sums(const kb_exec *exec, kb_dtype sums, void *c, kb_dtype dtype, void *result,
                        size_t count) {
    kb_convert_loop *narrow = sums == KB_FLOAT32 ? exec->isa->narrow[dtype] : NULL;
    if (sums == KB_FLOAT32) exec->isa->canonical_f32(c, count);
    if (sums == KB_FLOAT64) exec->isa->canonical_f64(c, count);
    if (narrow) narrow(result, c, count);
    else if (dtype != sums) kb_dtype_convert(dtype, result, sums, c, count);
}

static bool is_in_place(const kb_payload *payload, kb_dtype sums) {
    const kb_operand *acc = &payload->operand[2], *result = &payload->result;
    bool is_read = acc->bits == payload->operand[0].bits || acc->bits == payload->operand[1].bits;
    return payload->n_operands == 3 && acc->kind == KB_OPERAND_TILE && acc->last_use && !is_read &&
           acc->dtype == sums && result->dtype == sums &&
           kb_lanes_count(acc->rank, acc->dims) == kb_lanes_count(result->rank, result->dims);
}

kb_status kb_gemm_run(kb_exec *exec, const kb_payload *payload, kb_error *err) {
    static const kb_operand none = {.kind = KB_OPERAND_NONE};
    const kb_operand *a = &payload->operand[0], *b = &payload->operand[1];
    const kb_operand *acc = payload->n_operands == 3 ? &payload->operand[2] : &none;
    const kb_operand *result = &payload->result;
    KB_TRY(check(payload, err));
    kb_lane lane = kb_lane_of((kb_dtype)a->dtype);
    kb_dtype sums = sum_dtype(lane), dtype = (kb_dtype)result->dtype;
    const kb_isa *isa = exec->isa;
    job self = {.kernel = lane == KB_LANE_F32   ? &isa->gemm_f32
                          : lane == KB_LANE_F64 ? &isa->gemm_f64
                                                : &isa->gemm_i32,
                .m = a->dims[0],
                .n = b->dims[1],
                .k = a->dims[1],
                .size = kb_dtype_nbytes(sums)};
    self.depth = PANEL_NBYTES / (self.kernel->n_columns * self.size);
    size_t count = self.m * self.n;
    bool shares = kb_crew_size(exec->crew) > 1 && count * self.k >= THREAD_WORK;
    self.band_rows = shares ? THREAD_ROWS : BAND_ROWS;
    bool tf32 = payload->precision == KB_TF32 && a->dtype == KB_FLOAT32;
    KB_TRY(widen_a(exec, a, tf32, &self, err));
    KB_TRY(pack_b(exec, b, tf32, &self, err));
    void *data = NULL;
    bool in_place = is_in_place(payload, sums);
    if (in_place) {
        kb_lanes lanes;
        KB_TRY(kb_lanes_open(exec->tiles, acc, result->rank, result->dims, &lanes, err));
        data = kb_tiles_find(exec->tiles, acc->bits, NULL);
        self.c = data;
    } else {
        KB_TRY(kb_exec_result(exec, result, count, &data, err));
        self.c = dtype == sums ? data : kb_tiles_scratch(exec->tiles, count * self.size);
        if (!self.c) return kb_error_nomem(err, "an accumulator of replay");
        KB_TRY(begin_sums(exec, acc, sums, self.c, result, err));
    }
    kb_crew_run(exec->crew, (self.m + self.band_rows - 1) / self.band_rows, run_band, &self);
    finish_sums(exec, sums, self.c, dtype, data, count);
    if (in_place) kb_tiles_rename(exec->tiles, acc->bits, result->bits);
    return KB_OK;
}
