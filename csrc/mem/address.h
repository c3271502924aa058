/* Addresses: where bytes are in the machine (physical), and what kernels and tensors use (virtual).
 *
 *   physical   63      52 51      42 41  40 39        30 29                                0
 *             |   sip    |   cube   | space|    pe      |         offset in TCM             |
 *             |          |          |      |            offset in HBM, SRAM                 |
 *   virtual    63      56 55        44 43                                                  0
 *             |     0    |    sip     |                   offset                            |
 *
 * The PE of a physical address is that of the TCM; HBM and SRAM belong to a cube and have none.
 * Virtual offsets below KB_VA_GUARD_NBYTES of each SIP are never mapped: they are null pointers and
 * what is reached from one by a small mistake.
 */
#ifndef KB_MEM_ADDRESS_H
#define KB_MEM_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum {
    KB_ADDR_SIP_BITS = 12,
    KB_ADDR_CUBE_BITS = 10,
    KB_ADDR_SPACE_BITS = 2,
    KB_ADDR_OFFSET_BITS = 40,
    KB_ADDR_PE_BITS = 10, /* of a TCM: the upper bits of the offset */
    KB_VA_SIP_BITS = 12,
    KB_VA_OFFSET_BITS = 44,
    KB_VA_GUARD_NBYTES = 65536
};

#define KB_VA_SIP_NBYTES (UINT64_C(1) << KB_VA_OFFSET_BITS)

/*   X(enumerator, name) */
#define KB_SPACE_LIST(X) \
    X(HBM, "hbm")        \
    X(SRAM, "sram")      \
    X(TCM, "tcm")

typedef enum kb_space {
#define X(enumerator, name) KB_SPACE_##enumerator,
    KB_SPACE_LIST(X)
#undef X
        KB_SPACE_COUNT
} kb_space;

typedef uint64_t kb_addr; /* a packed physical address */
typedef uint64_t kb_va;   /* a virtual address */

typedef struct kb_addr_parts {
    uint32_t sip;
    uint32_t cube;
    kb_space space;
    uint32_t pe; /* 0 unless the space is TCM */
    uint64_t offset;
} kb_addr_parts;

/* "hbm", "sram", "tcm"; "unknown" for a number that is no space. */
const char *kb_space_name(kb_space space);

/* Fails (KB_INVALID) when a part does not fit its field, or a PE is given outside TCM. */
KB_MUST_CHECK kb_status kb_addr_pack(const kb_addr_parts *parts, kb_addr *addr, kb_error *err);

kb_addr_parts kb_addr_unpack(kb_addr addr);

/* Longest text: "sip4095.cube1023.pe1023.tcm+0x3fffffff" and its terminator. */
enum { KB_ADDR_TEXT_CAPACITY = 48 };

/* "sip0.cube3.hbm+0x1000", "sip0.cube3.pe7.tcm+0x40": terminated, cut when the buffer is small.
 * Returns the length of the whole text. */
size_t kb_addr_print(kb_addr addr, char *text, size_t capacity);

/* Fails (KB_INVALID) when the SIP or the offset does not fit. */
KB_MUST_CHECK kb_status kb_va_pack(uint32_t sip, uint64_t offset, kb_va *va, kb_error *err);

static inline uint32_t kb_va_sip(kb_va va) {
    return (uint32_t)(va >> KB_VA_OFFSET_BITS) & ((1u << KB_VA_SIP_BITS) - 1);
}

static inline uint64_t kb_va_offset(kb_va va) {
    return va & (KB_VA_SIP_NBYTES - 1);
}

static inline bool kb_va_is_null(kb_va va) {
    return kb_va_offset(va) < KB_VA_GUARD_NBYTES;
}

#endif
