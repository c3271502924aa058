#include "replay/transfer.h"

#include <inttypes.h>
#include <string.h>

#include "kernel/scalar.h"
#include "replay/lanes.h"

/* The tensor that holds all of an access, if one does; rows then need no search. */
static kb_extent *whole_extent(kb_exec *exec, const kb_access *access) {
    kb_extent *extent = kb_store_find(exec->store, access->first_va);
    if (!extent || access->end_va - extent->va > extent->nbytes) return NULL;
    return extent->bytes ? extent : NULL;
}

/* The host bytes of a row. */
static kb_status find_row(kb_exec *exec, kb_extent *whole, const kb_run *row, size_t nbytes,
                          unsigned char **bytes, kb_error *err) {
    kb_extent *extent = whole;
    if (!whole) {
        KB_TRY(kb_store_access(exec->store, row->va, nbytes, &extent, err));
        if (!extent->bytes)
            return kb_error_set(
                err, KB_NO_DATA,
                "expected a tensor with data at 0x%" PRIx64 ", got one of timing alone", row->va);
    }
    *bytes = extent->bytes + (row->va - extent->va);
    return KB_OK;
}

/* NaN, or 0 for integers. */
static void set_unknown(kb_dtype dtype, void *element) {
    bool is_float = kb_dtype_get_kind(dtype) == KB_KIND_FLOAT;
    kb_scalar_store(dtype, is_float ? KB_F64_NAN : 0, element);
}

/* Deals with the elements of a row that nobody wrote, or only in part; their lanes are in
 * `lanes`. */
static kb_status check_written(kb_exec *exec, kb_dtype dtype, const kb_run *row,
                               unsigned char *lanes, kb_error *err) {
    size_t size = kb_dtype_nbytes(dtype);
    kb_va end = row->va + row->count * size, unwritten;
    KB_TRY(kb_store_first_unwritten(exec->store, row->va, end - row->va, &unwritten, err));
    while (unwritten < end) {
        size_t element = (size_t)(unwritten - row->va) / size;
        if (exec->uninit_error)
            return kb_error_set(err, KB_UNINIT,
                                "load: expected memory that was written, got 0x%" PRIx64
                                " (lane %" PRIu64
                                "), which nobody ever wrote; write it, mask it, or set uninit",
                                row->va + element * size, (uint64_t)(row->lane + element));
        exec->n_uninit++;
        if (exec->uninit_nan) set_unknown(dtype, lanes + element * size);
        kb_va next = row->va + (element + 1) * size;
        KB_TRY(kb_store_first_unwritten(exec->store, next, end - next, &unwritten, err));
    }
    return KB_OK;
}

static kb_status fill(const kb_exec *exec, const kb_operand *other, kb_dtype dtype, void *tile,
                      size_t count, kb_error *err) {
    uint64_t bits = 0;
    if (other->kind == KB_OPERAND_SCALAR) bits = other->bits;
    else if (other->kind != KB_OPERAND_NONE)
        return kb_error_set(err, KB_INTERNAL, "load: expected a scalar as `other`, got operand %u",
                            other->kind);
    size_t size = kb_dtype_nbytes(dtype);
    _Alignas(8) unsigned char element[8];
    kb_scalar_store(dtype, bits, element);
    kb_lanes lanes = {.elements = element, .dtype = dtype, .nbytes = size, .rank = 1};
    lanes.dims[0] = count;
    if (kb_lanes_read(&lanes, exec->isa, 0, count, tile) != tile) memcpy(tile, element, size);
    return KB_OK;
}

static kb_status read_rows(kb_exec *exec, const kb_payload *payload, unsigned char *tile,
                           kb_error *err) {
    const kb_access *access = &payload->access;
    kb_dtype dtype = (kb_dtype)access->dtype;
    size_t size = kb_dtype_nbytes(dtype), count = kb_lanes_count(access->rank, access->dims);
    static const kb_operand none = {.kind = KB_OPERAND_NONE};
    if (access->masked)
        KB_TRY(fill(exec, payload->n_operands ? &payload->operand[0] : &none, dtype, tile, count,
                    err));
    kb_extent *whole = whole_extent(exec, access);
    bool written = whole && whole->written == KB_WRITTEN_ALL;
    kb_access_walk walk = kb_access_begin(access);
    kb_run row;
    while (kb_access_next(&walk, &row)) {
        unsigned char *bytes = NULL, *lanes = tile + row.lane * size;
        if (row.lane > count || row.count > count - row.lane)
            return kb_error_set(err, KB_INTERNAL, "load: lanes %u+%u of a tile of %zu", row.lane,
                                row.count, count);
        KB_TRY(find_row(exec, whole, &row, row.count * size, &bytes, err));
        memcpy(lanes, bytes, row.count * size);
        if (!written) KB_TRY(check_written(exec, dtype, &row, lanes, err));
    }
    return KB_OK;
}

kb_status kb_transfer_read(kb_exec *exec, const kb_payload *payload, kb_error *err) {
    const kb_access *access = &payload->access;
    size_t count = kb_lanes_count(access->rank, access->dims);
    const kb_operand *result = &payload->result;
    if (result->dtype != access->dtype || kb_lanes_count(result->rank, result->dims) != count)
        return kb_error_set(err, KB_INTERNAL, "load: expected a tile of %zu %s, got %zu %s", count,
                            kb_dtype_name((kb_dtype)access->dtype),
                            kb_lanes_count(result->rank, result->dims),
                            kb_dtype_name((kb_dtype)result->dtype));
    void *tile;
    uint64_t n_uninit = exec->n_uninit;
    KB_TRY(kb_exec_result(exec, result, count, &tile, err));
    kb_status status = read_rows(exec, payload, tile, err);
    if (status) exec->n_uninit = n_uninit;
    return status;
}

/* The value as elements of the access's dtype, lane by lane. */
static kb_status whole_value(kb_exec *exec, const kb_payload *payload, const unsigned char **value,
                             kb_error *err) {
    const kb_access *access = &payload->access;
    const kb_operand *operand = &payload->operand[0];
    size_t count = kb_lanes_count(access->rank, access->dims);
    if (payload->n_operands == 0 || operand->dtype != access->dtype)
        return kb_error_set(err, KB_INTERNAL, "store: expected a value of %s",
                            kb_dtype_name((kb_dtype)access->dtype));
    kb_lanes lanes;
    KB_TRY(kb_lanes_open(exec->tiles, operand, access->rank, access->dims, &lanes, err));
    if (kb_lanes_contiguous(&lanes) && operand->kind != KB_OPERAND_SCALAR) {
        *value = lanes.elements;
        return KB_OK;
    }
    unsigned char *buffer = kb_tiles_scratch(exec->tiles, count * lanes.nbytes);
    if (!buffer) return kb_error_nomem(err, "a value that replay stores");
    const void *read = kb_lanes_read(&lanes, exec->isa, 0, count, buffer);
    if (read != buffer) memcpy(buffer, read, count * lanes.nbytes);
    *value = buffer;
    return KB_OK;
}

kb_status kb_transfer_write(kb_exec *exec, const kb_payload *payload, kb_error *err) {
    const kb_access *access = &payload->access;
    size_t size = kb_dtype_nbytes((kb_dtype)access->dtype);
    size_t count = kb_lanes_count(access->rank, access->dims);
    const unsigned char *value = NULL;
    KB_TRY(whole_value(exec, payload, &value, err));
    kb_extent *whole = whole_extent(exec, access);
    kb_access_walk walk = kb_access_begin(access);
    kb_run row;
    while (kb_access_next(&walk, &row)) {
        unsigned char *bytes = NULL;
        if (row.lane > count || row.count > count - row.lane)
            return kb_error_set(err, KB_INTERNAL, "store: lanes %u+%u of a value of %zu", row.lane,
                                row.count, count);
        KB_TRY(find_row(exec, whole, &row, row.count * size, &bytes, err));
        if (!whole || whole->written != KB_WRITTEN_ALL)
            KB_TRY(kb_store_mark(exec->store, row.va, row.count * size, err));
        memcpy(bytes, value + row.lane * size, row.count * size);
    }
    return KB_OK;
}

/* The bytes of a message, and whether they fit the result. */
static kb_status find_message(const kb_exec *exec, const kb_payload *payload, const void **bytes,
                              size_t *nbytes, kb_error *err) {
    const kb_operand *result = &payload->result, *from = &payload->operand[0];
    size_t wanted =
        kb_lanes_count(result->rank, result->dims) * kb_dtype_nbytes((kb_dtype)result->dtype);
    *bytes = payload->n_operands ? kb_tiles_find(exec->tiles, from->bits, nbytes) : NULL;
    if (*bytes && *nbytes == wanted) return KB_OK;
    return kb_error_set(err, KB_INTERNAL,
                        "message: expected tile %" PRIu64 " of %zu bytes, got %zu", from->bits,
                        wanted, *bytes ? *nbytes : 0);
}

kb_status kb_transfer_send(kb_exec *exec, const kb_payload *payload, kb_error *err) {
    const void *bytes;
    size_t nbytes = 0;
    KB_TRY(find_message(exec, payload, &bytes, &nbytes, err));
    if (payload->operand[0].last_use) {
        kb_tiles_rename(exec->tiles, payload->operand[0].bits, payload->result.bits);
        return KB_OK;
    }
    void *copy = kb_tiles_add(exec->tiles, payload->result.bits, nbytes);
    if (!copy) return kb_error_nomem(err, "a message of replay");
    memcpy(copy, bytes, nbytes);
    return KB_OK;
}

kb_status kb_transfer_recv(kb_exec *exec, const kb_payload *payload, kb_error *err) {
    const void *bytes;
    size_t nbytes = 0;
    KB_TRY(find_message(exec, payload, &bytes, &nbytes, err));
    kb_tiles_rename(exec->tiles, payload->operand[0].bits, payload->result.bits);
    return KB_OK;
}
