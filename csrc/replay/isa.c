#include "replay/isa.h"

#include <string.h>

#include "replay/isa_table.h"

#if defined(__x86_64__)
static bool has_avx512(void) {
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}

/* Every machine with AVX2 and FMA has F16C. */
static bool has_avx2(void) {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}
#endif

static bool always(void) {
    return true;
}

/* The best first. */
static const struct {
    const kb_isa *isa;
    bool (*is_there)(void);
} known[] = {
#if defined(__x86_64__)
    {&kb_isa_avx512, has_avx512},
    {&kb_isa_avx2, has_avx2},
#elif defined(__aarch64__)
    {&kb_isa_neon, always},
#endif
    {&kb_isa_portable, always},
};

kb_status kb_isa_find(const char *name, const kb_isa **isa, kb_error *err) {
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if ((name && strcmp(name, known[i].isa->name) != 0) || !known[i].is_there()) continue;
        *isa = known[i].isa;
        return KB_OK;
    }
    return kb_error_set(
        err, KB_INVALID,
        "instruction set: expected one that this machine has of avx512, avx2, neon, "
        "portable, got %s",
        name);
}

kb_lane kb_lane_of(kb_dtype dtype) {
    switch (dtype) {
    case KB_FLOAT64: return KB_LANE_F64;
    case KB_INT64: return KB_LANE_I64;
    case KB_UINT64: return KB_LANE_U64;
    default: break;
    }
    switch (kb_dtype_get_kind(dtype)) {
    case KB_KIND_FLOAT: return KB_LANE_F32;
    case KB_KIND_INT: return KB_LANE_I32;
    default: return KB_LANE_U32;
    }
}

kb_lane kb_lane_of_math(kb_dtype dtype) {
    switch (dtype) {
    case KB_INT8: return KB_LANE_I8;
    case KB_UINT8: return KB_LANE_U8;
    case KB_INT16: return KB_LANE_I16;
    case KB_UINT16: return KB_LANE_U16;
    default: return kb_lane_of(dtype);
    }
}

size_t kb_lane_nbytes(kb_lane lane) {
    switch (lane) {
    case KB_LANE_I8:
    case KB_LANE_U8: return 1;
    case KB_LANE_I16:
    case KB_LANE_U16: return 2;
    case KB_LANE_F32:
    case KB_LANE_I32:
    case KB_LANE_U32: return 4;
    default: return 8;
    }
}
