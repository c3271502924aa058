#include "replay/trans.h"

#include <string.h>

#include "replay/lanes.h"

enum { SQUARE = 16 }; /* elements a side of what is moved at a time: stays in the first cache */

/* The result in row-major order reads the source with these strides, in elements. */
typedef struct shape {
    size_t dims[KB_MAX_RANK], stride[KB_MAX_RANK];
    uint8_t rank;
} shape;

/* dst[i][j] = src[i * row_stride + j * stride], i < rows, j < columns; dst rows are dst_stride
 * apart. */
#define MOVE(type)                                                                            \
    static void move_##type(void *dst, size_t dst_stride, const void *src, size_t row_stride, \
                            size_t stride, size_t rows, size_t columns) {                     \
        type *out = dst;                                                                      \
        const type *in = src;                                                                 \
        for (size_t i0 = 0; i0 < rows; i0 += SQUARE)                                          \
            for (size_t j0 = 0; j0 < columns; j0 += SQUARE)                                   \
                for (size_t i = i0; i < rows && i < i0 + SQUARE; i++)                         \
                    for (size_t j = j0; j < columns && j < j0 + SQUARE; j++)                  \
                        out[i * dst_stride + j] = in[i * row_stride + j * stride];            \
    }
MOVE(uint16_t)
MOVE(uint32_t)
MOVE(uint64_t)

/* The two halves of a square of bytes as one, byte by byte: what has row and column rc in hexadecimal turns its
 * eight bits by one. */
static void interleave(uint8_t *restrict dst, const uint8_t *restrict src) {
    for (size_t i = 0; i < SQUARE * SQUARE / 2; i++) {
        dst[2 * i] = src[i];
        dst[2 * i + 1] = src[i + SQUARE * SQUARE / 2];
    }
}

/* Whole squares of bytes whose columns are adjacent in the source are turned by turning their bits by four. */
static void move_uint8_t(void *dst, size_t dst_stride, const void *src, size_t row_stride,
                         size_t stride, size_t rows, size_t columns) {
    uint8_t *out = dst, square[2][SQUARE * SQUARE];
    const uint8_t *in = src;
    for (size_t i0 = 0; i0 < rows; i0 += SQUARE)
        for (size_t j0 = 0; j0 < columns; j0 += SQUARE) {
            size_t i1 = i0 + SQUARE, j1 = j0 + SQUARE;
            if (row_stride != 1 || i1 > rows || j1 > columns) {
                for (size_t i = i0; i < rows && i < i1; i++)
                    for (size_t j = j0; j < columns && j < j1; j++)
                        out[i * dst_stride + j] = in[i * row_stride + j * stride];
                continue;
            }
            for (size_t j = 0; j < SQUARE; j++)
                memcpy(square[0] + j * SQUARE, in + i0 + (j0 + j) * stride, SQUARE);
            for (int turn = 0; turn < 4; turn++) interleave(square[~turn & 1], square[turn & 1]);
            for (size_t i = 0; i < SQUARE; i++)
                memcpy(out + (i0 + i) * dst_stride + j0, square[0] + i * SQUARE, SQUARE);
        }
}

static void move(size_t nbytes, void *dst, size_t dst_stride, const void *src, size_t row_stride,
                 size_t stride, size_t rows, size_t columns) {
    switch (nbytes) {
    case 1: move_uint8_t(dst, dst_stride, src, row_stride, stride, rows, columns); break;
    case 2: move_uint16_t(dst, dst_stride, src, row_stride, stride, rows, columns); break;
    case 4: move_uint32_t(dst, dst_stride, src, row_stride, stride, rows, columns); break;
    default: move_uint64_t(dst, dst_stride, src, row_stride, stride, rows, columns); break;
    }
}

static kb_status plan(const kb_payload *payload, shape *self, kb_error *err) {
    const kb_operand *from = &payload->operand[0], *to = &payload->result;
    size_t source_stride[KB_MAX_RANK], step = 1;
    unsigned seen = 0;
    for (uint8_t d = from->rank; d-- > 0;) {
        source_stride[d] = step;
        step *= from->dims[d];
    }
    self->rank = to->rank;
    for (uint8_t d = 0; d < to->rank && to->rank == from->rank; d++) {
        unsigned axis = (unsigned)(payload->permutation >> (4 * d)) & 15;
        if (axis >= from->rank || from->dims[axis] != to->dims[d]) break;
        seen |= 1u << axis;
        self->dims[d] = to->dims[d];
        self->stride[d] = source_stride[axis];
    }
    if (payload->n_operands != 1 || to->rank != from->rank || to->dtype != from->dtype ||
        seen != (1u << to->rank) - 1)
        return kb_error_set(err, KB_INTERNAL, "trans: the result's type does not fit");
    return KB_OK;
}

/* The dimension of the result, other than the last, along which the source is adjacent: with the
 * last one it spans the squares that are moved.  The one before the last where there is none. */
static uint8_t partner_of(const shape *self) {
    uint8_t last = (uint8_t)(self->rank - 1);
    for (uint8_t d = 0; d < last; d++)
        if (self->stride[d] == 1) return d;
    return (uint8_t)(last - 1);
}

static void permute(const shape *self, size_t nbytes, const unsigned char *src,
                    unsigned char *dst) {
    size_t dst_stride[KB_MAX_RANK], step = 1, index[KB_MAX_RANK] = {0};
    for (uint8_t d = self->rank; d-- > 0;) {
        dst_stride[d] = step;
        step *= self->dims[d];
    }
    uint8_t last = (uint8_t)(self->rank - 1), partner = partner_of(self);
    for (;;) {
        size_t from = 0, to = 0;
        for (uint8_t d = 0; d < self->rank; d++) {
            from += index[d] * self->stride[d];
            to += index[d] * dst_stride[d];
        }
        move(nbytes, dst + to * nbytes, dst_stride[partner], src + from * nbytes,
             self->stride[partner], self->stride[last], self->dims[partner], self->dims[last]);
        uint8_t d = last;
        for (;; d--) {
            if (d != last && d != partner && ++index[d] < self->dims[d]) break;
            if (d != last && d != partner) index[d] = 0;
            if (d == 0) return;
        }
    }
}

kb_status kb_trans_run(kb_exec *exec, const kb_payload *payload, kb_error *err) {
    const kb_operand *result = &payload->result;
    shape self = {{0}, {0}, 0};
    KB_TRY(plan(payload, &self, err));
    kb_lanes lanes;
    KB_TRY(kb_lanes_open(exec->tiles, &payload->operand[0], result->rank, payload->operand[0].dims,
                         &lanes, err));
    size_t count = kb_lanes_count(result->rank, result->dims);
    void *data;
    KB_TRY(kb_exec_result(exec, result, count, &data, err));
    if (self.rank < 2) memcpy(data, lanes.elements, count * lanes.nbytes);
    else permute(&self, lanes.nbytes, lanes.elements, data);
    return KB_OK;
}
