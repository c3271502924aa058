#include "mem/address.h"

#include <inttypes.h>
#include <stdio.h>

enum {
    PE_SHIFT = KB_ADDR_OFFSET_BITS - KB_ADDR_PE_BITS,
    SPACE_SHIFT = KB_ADDR_OFFSET_BITS,
    CUBE_SHIFT = SPACE_SHIFT + KB_ADDR_SPACE_BITS,
    SIP_SHIFT = CUBE_SHIFT + KB_ADDR_CUBE_BITS
};

_Static_assert(SIP_SHIFT + KB_ADDR_SIP_BITS == 64, "the fields of a physical address fill it");
_Static_assert((int)KB_SPACE_COUNT <= 1 << KB_ADDR_SPACE_BITS, "every space has a code");

static const char *const space_names[KB_SPACE_COUNT] = {
#define X(enumerator, name) name,
    KB_SPACE_LIST(X)
#undef X
};

const char *kb_space_name(kb_space space) {
    return (unsigned)space < KB_SPACE_COUNT ? space_names[space] : "unknown";
}

static kb_status check_field(const char *what, uint64_t value, unsigned bits, kb_error *err) {
    if (value >> bits == 0) return KB_OK;
    return kb_error_set(err, KB_INVALID, "address: expected %s below %" PRIu64 ", got %" PRIu64,
                        what, UINT64_C(1) << bits, value);
}

kb_status kb_addr_pack(const kb_addr_parts *parts, kb_addr *addr, kb_error *err) {
    KB_TRY(check_field("a SIP", parts->sip, KB_ADDR_SIP_BITS, err));
    KB_TRY(check_field("a cube", parts->cube, KB_ADDR_CUBE_BITS, err));
    KB_TRY(check_field("a PE", parts->pe, KB_ADDR_PE_BITS, err));
    KB_TRY(check_field("an offset", parts->offset,
                       parts->space == KB_SPACE_TCM ? PE_SHIFT : KB_ADDR_OFFSET_BITS, err));
    if ((unsigned)parts->space >= KB_SPACE_COUNT)
        return kb_error_set(err, KB_INVALID, "address: expected a space (hbm, sram, tcm), got %u",
                            (unsigned)parts->space);
    if (parts->pe && parts->space != KB_SPACE_TCM)
        return kb_error_set(err, KB_INVALID,
                            "address: expected PE 0 in %s, which belongs to a cube, got PE %u",
                            kb_space_name(parts->space), (unsigned)parts->pe);
    *addr = (uint64_t)parts->sip << SIP_SHIFT | (uint64_t)parts->cube << CUBE_SHIFT |
            (uint64_t)parts->space << SPACE_SHIFT | (uint64_t)parts->pe << PE_SHIFT | parts->offset;
    return KB_OK;
}

static uint64_t field(kb_addr addr, unsigned shift, unsigned bits) {
    return addr >> shift & ((UINT64_C(1) << bits) - 1);
}

kb_addr_parts kb_addr_unpack(kb_addr addr) {
    kb_space space = (kb_space)field(addr, SPACE_SHIFT, KB_ADDR_SPACE_BITS);
    bool tcm = space == KB_SPACE_TCM;
    return (kb_addr_parts){
        .sip = (uint32_t)field(addr, SIP_SHIFT, KB_ADDR_SIP_BITS),
        .cube = (uint32_t)field(addr, CUBE_SHIFT, KB_ADDR_CUBE_BITS),
        .space = space,
        .pe = tcm ? (uint32_t)field(addr, PE_SHIFT, KB_ADDR_PE_BITS) : 0,
        .offset = field(addr, 0, tcm ? PE_SHIFT : KB_ADDR_OFFSET_BITS),
    };
}

size_t kb_addr_print(kb_addr addr, char *text, size_t capacity) {
    kb_addr_parts parts = kb_addr_unpack(addr);
    char pe[16] = "";
    if (parts.pe || parts.space == KB_SPACE_TCM)
        (void)snprintf(pe, sizeof pe, ".pe%u", (unsigned)parts.pe);
    int length = snprintf(text, capacity, "sip%u.cube%u%s.%s+0x%" PRIx64, (unsigned)parts.sip,
                          (unsigned)parts.cube, pe, kb_space_name(parts.space), parts.offset);
    return length < 0 ? 0 : (size_t)length;
}

kb_status kb_va_pack(uint32_t sip, uint64_t offset, kb_va *va, kb_error *err) {
    KB_TRY(check_field("a SIP", sip, KB_VA_SIP_BITS, err));
    KB_TRY(check_field("a virtual offset", offset, KB_VA_OFFSET_BITS, err));
    *va = (uint64_t)sip << KB_VA_OFFSET_BITS | offset;
    return KB_OK;
}
