#include "kernel/kir_type.h"

#include <string.h>

bool kb_kir_type_is_valid(const kb_kir_type *type) {
    bool valid = type->kind < KB_KIND_COUNT && type->dtype < KB_DTYPE_COUNT && type->pointer <= 1 &&
                 type->rank <= KB_MAX_RANK;
    if (valid && type->kind == KB_SCALAR) valid = type->rank == 0;
    if (valid && type->kind == KB_BLOCK)
        valid =
            type->rank >= 1 && (type->pointer || kb_dtype_get_kind(type->dtype) != KB_KIND_FLOAT);
    int64_t count = 1;
    for (int d = 0; valid && d < KB_MAX_RANK; d++) {
        valid = d < type->rank ? type->dims[d] >= 1 : type->dims[d] == 1;
        count *= type->dims[d];
        valid = valid && count <= KB_MAX_TILE_ELEMENTS;
    }
    return valid;
}

int64_t kb_kir_type_n_elements(const kb_kir_type *type) {
    int64_t count = 1;
    for (int d = 0; d < type->rank; d++) count *= type->dims[d];
    return count;
}

bool kb_kir_type_is_integer(const kb_kir_type *type) {
    return !type->pointer && (kb_dtype_get_kind(type->dtype) == KB_KIND_INT ||
                              kb_dtype_get_kind(type->dtype) == KB_KIND_UINT);
}

bool kb_kir_type_same_element(const kb_kir_type *a, const kb_kir_type *b) {
    return a->dtype == b->dtype && a->pointer == b->pointer;
}

bool kb_kir_type_same_dims(const kb_kir_type *a, const kb_kir_type *b) {
    return a->rank == b->rank && memcmp(a->dims, b->dims, sizeof a->dims) == 0;
}

bool kb_kir_type_same(const kb_kir_type *a, const kb_kir_type *b) {
    return a->kind == b->kind && kb_kir_type_same_element(a, b) && kb_kir_type_same_dims(a, b);
}

bool kb_kir_type_broadcasts(const kb_kir_type *from, const kb_kir_type *to) {
    if (from->rank == 0) return true;
    if (from->rank != to->rank) return false;
    for (int d = 0; d < to->rank; d++)
        if (from->dims[d] != 1 && from->dims[d] != to->dims[d]) return false;
    return true;
}

kb_dtype kb_kir_type_seen_dtype(const kb_kir_type *type) {
    return type->pointer ? KB_INT64 : (kb_dtype)type->dtype;
}
