#include "replay/lanes.h"

#include <inttypes.h>
#include <string.h>

#include "kernel/scalar.h"

size_t kb_lanes_count(uint8_t rank, const uint32_t *dims) {
    size_t count = 1;
    for (uint8_t d = 0; d < rank; d++) count *= dims[d];
    return count;
}

/* The values of a block as elements of its dtype, in scratch. */
static kb_status expand_block(kb_tiles *tiles, const kb_operand *operand, kb_lanes *lanes,
                              kb_error *err) {
    size_t count = kb_lanes_count(operand->rank, operand->dims);
    int64_t *values = kb_tiles_scratch(tiles, count * sizeof *values);
    void *elements = kb_tiles_scratch(tiles, count * lanes->nbytes);
    if (!values || !elements) return kb_error_nomem(err, "an index block of replay");
    kb_block_expand(operand->block, values);
    kb_dtype_convert(lanes->dtype, elements, KB_INT64, values, count);
    lanes->elements = elements;
    return KB_OK;
}

static kb_status find_elements(kb_tiles *tiles, const kb_operand *operand, kb_lanes *lanes,
                               kb_error *err) {
    size_t expected = kb_lanes_count(operand->rank, operand->dims) * lanes->nbytes, nbytes = 0;
    switch (operand->kind) {
    case KB_OPERAND_SCALAR:
        kb_scalar_store(lanes->dtype, operand->bits, lanes->scalar);
        lanes->elements = lanes->scalar;
        return KB_OK;
    case KB_OPERAND_BLOCK: return expand_block(tiles, operand, lanes, err);
    case KB_OPERAND_TILE:
        lanes->elements = kb_tiles_find(tiles, operand->bits, &nbytes);
        if (lanes->elements && nbytes == expected) return KB_OK;
        return kb_error_set(err, KB_INTERNAL,
                            "tile %" PRIu64 ": expected %zu bytes of %s, got %zu%s", operand->bits,
                            expected, kb_dtype_name(lanes->dtype), nbytes,
                            lanes->elements ? "" : ": there is no such version now");
    default:
        return kb_error_set(err, KB_INTERNAL, "expected a tile, scalar or block as operand, got %u",
                            operand->kind);
    }
}

kb_status kb_lanes_open(kb_tiles *tiles, const kb_operand *operand, uint8_t rank,
                        const uint32_t *dims, kb_lanes *lanes, kb_error *err) {
    memset(lanes, 0, sizeof *lanes);
    lanes->dtype = (kb_dtype)operand->dtype;
    lanes->nbytes = kb_dtype_nbytes(lanes->dtype);
    KB_TRY(find_elements(tiles, operand, lanes, err));
    bool scalar = operand->kind == KB_OPERAND_SCALAR || operand->rank == 0;
    if (!scalar && operand->rank != rank)
        return kb_error_set(err, KB_INTERNAL, "expected an operand of rank %u, got %u", rank,
                            operand->rank);
    /* From the innermost dimension out; the order is turned round at the end. */
    uint8_t used = 0;
    size_t step = 1;
    for (uint8_t i = 0; i < rank; i++) {
        uint8_t d = (uint8_t)(rank - 1 - i);
        uint32_t own = scalar ? 1 : operand->dims[d];
        if ((own != dims[d] && own != 1) || dims[d] == 0)
            return kb_error_set(err, KB_INTERNAL, "dimension %u: expected %u or 1 elements, got %u",
                                d, dims[d], own);
        size_t stride = own == 1 ? 0 : step;
        step *= own;
        if (dims[d] == 1) continue;
        size_t *merged = used ? &lanes->dims[used - 1] : NULL;
        if (merged && stride == lanes->stride[used - 1] * (stride ? *merged : 1)) {
            *merged *= dims[d];
            continue;
        }
        lanes->dims[used] = dims[d];
        lanes->stride[used++] = stride;
    }
    if (used == 0) lanes->dims[used++] = 1;
    lanes->rank = used;
    for (uint8_t i = 0; i < used / 2; i++) {
        uint8_t j = (uint8_t)(used - 1 - i);
        size_t dim = lanes->dims[i], stride = lanes->stride[i];
        lanes->dims[i] = lanes->dims[j];
        lanes->stride[i] = lanes->stride[j];
        lanes->dims[j] = dim;
        lanes->stride[j] = stride;
    }
    return KB_OK;
}

bool kb_lanes_uniform(const kb_lanes *lanes) {
    return lanes->rank == 1 && lanes->stride[0] == 0;
}

bool kb_lanes_contiguous(const kb_lanes *lanes) {
    return lanes->rank == 1 && (lanes->stride[0] == 1 || lanes->dims[0] == 1);
}

const void *kb_lanes_read(const kb_lanes *lanes, const kb_isa *isa, size_t at, size_t count,
                          void *buffer) {
    if (kb_lanes_contiguous(lanes)) return lanes->elements + at * lanes->nbytes;
    size_t index[KB_MAX_RANK], rest = at;
    uint8_t inner = (uint8_t)(lanes->rank - 1);
    const unsigned char *row = lanes->elements;
    for (uint8_t i = 0; i < lanes->rank; i++) {
        uint8_t d = (uint8_t)(inner - i);
        index[d] = rest % lanes->dims[d];
        rest /= lanes->dims[d];
        if (d != inner) row += index[d] * lanes->stride[d] * lanes->nbytes;
    }
    kb_splat_loop *splat = isa->splat[__builtin_ctzll((unsigned long long)lanes->nbytes)];
    unsigned char *out = buffer;
    while (count > 0) {
        size_t run = lanes->dims[inner] - index[inner];
        if (run > count) run = count;
        if (lanes->stride[inner])
            memcpy(out, row + index[inner] * lanes->nbytes, run * lanes->nbytes);
        else splat(out, row, run);
        out += run * lanes->nbytes;
        count -= run;
        index[inner] = 0;
        for (uint8_t d = inner; d-- > 0;) {
            row += lanes->stride[d] * lanes->nbytes;
            if (++index[d] < lanes->dims[d]) break;
            row -= lanes->dims[d] * lanes->stride[d] * lanes->nbytes;
            index[d] = 0;
        }
    }
    return buffer;
}
