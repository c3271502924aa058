#include "mem/dtype.h"

typedef struct dtype_info {
    const char *name;
    size_t nbytes;
    kb_dtype_kind kind;
    unsigned mantissa_bits;
} dtype_info;

static const dtype_info infos[KB_DTYPE_COUNT + 1] = {
#define X(enumerator, name, nbytes, kind, mantissa) {name, nbytes, KB_KIND_##kind, mantissa},
    KB_DTYPE_LIST(X)
#undef X
        {"unknown", 0, KB_KIND_BOOL, 0},
};

static const dtype_info *info_of(kb_dtype dtype) {
    return &infos[(unsigned)dtype < KB_DTYPE_COUNT ? (unsigned)dtype : KB_DTYPE_COUNT];
}

const char *kb_dtype_name(kb_dtype dtype) {
    return info_of(dtype)->name;
}

size_t kb_dtype_nbytes(kb_dtype dtype) {
    return info_of(dtype)->nbytes;
}

kb_dtype_kind kb_dtype_get_kind(kb_dtype dtype) {
    return info_of(dtype)->kind;
}

unsigned kb_dtype_mantissa_bits(kb_dtype dtype) {
    return info_of(dtype)->mantissa_bits;
}

bool kb_dtype_find(const char *name, size_t length, kb_dtype *dtype) {
    for (unsigned i = 0; i < KB_DTYPE_COUNT; i++) {
        if (strlen(infos[i].name) == length && memcmp(infos[i].name, name, length) == 0) {
            *dtype = (kb_dtype)i;
            return true;
        }
    }
    return false;
}
