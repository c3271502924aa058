#include "mem/address.h"
#include "test/tap.h"

static void check_text(kb_addr_parts parts, const char *expected) {
    kb_addr addr = 0;
    char text[KB_ADDR_TEXT_CAPACITY];
    CHECK_EQ(kb_addr_pack(&parts, &addr, NULL), KB_OK);
    CHECK_EQ(kb_addr_print(addr, text, sizeof text), strlen(expected));
    CHECK_STR(text, expected);
    kb_addr_parts back = kb_addr_unpack(addr);
    CHECK_EQ(back.sip, parts.sip);
    CHECK_EQ(back.cube, parts.cube);
    CHECK_EQ(back.space, parts.space);
    CHECK_EQ(back.pe, parts.pe);
    CHECK_EQ(back.offset, parts.offset);
}

static void packs_prints_and_unpacks(void) {
    check_text((kb_addr_parts){0, 0, KB_SPACE_HBM, 0, 0}, "sip0.cube0.hbm+0x0");
    check_text((kb_addr_parts){0, 3, KB_SPACE_HBM, 0, 0x1000}, "sip0.cube3.hbm+0x1000");
    check_text((kb_addr_parts){0, 3, KB_SPACE_TCM, 7, 0x40}, "sip0.cube3.pe7.tcm+0x40");
    check_text((kb_addr_parts){1, 0, KB_SPACE_TCM, 0, 0}, "sip1.cube0.pe0.tcm+0x0");
    check_text((kb_addr_parts){5, 15, KB_SPACE_SRAM, 0, 77}, "sip5.cube15.sram+0x4d");
    check_text((kb_addr_parts){4095, 1023, KB_SPACE_TCM, 1023, (UINT64_C(1) << 30) - 1},
               "sip4095.cube1023.pe1023.tcm+0x3fffffff");
    check_text((kb_addr_parts){4095, 1023, KB_SPACE_HBM, 0, (UINT64_C(1) << 40) - 1},
               "sip4095.cube1023.hbm+0xffffffffff");
}

static void layout_is_as_documented(void) {
    kb_addr addr;
    kb_addr_parts parts = {1, 2, KB_SPACE_TCM, 3, 4};
    CHECK_EQ(kb_addr_pack(&parts, &addr, NULL), KB_OK);
    CHECK_EQ(addr,
             UINT64_C(1) << 52 | UINT64_C(2) << 42 | UINT64_C(2) << 40 | UINT64_C(3) << 30 | 4);
    kb_va va;
    CHECK_EQ(kb_va_pack(3, 0x10000, &va, NULL), KB_OK);
    CHECK_EQ(va, UINT64_C(3) << 44 | 0x10000);
}

static void check_refused(kb_addr_parts parts, const char *message) {
    kb_error err = KB_ERROR_INIT;
    kb_addr addr = 42;
    CHECK_EQ(kb_addr_pack(&parts, &addr, &err), KB_INVALID);
    CHECK_STR(err.message, message);
    CHECK_EQ(addr, 42);
}

static void refuses_what_does_not_fit(void) {
    check_refused((kb_addr_parts){4096, 0, KB_SPACE_HBM, 0, 0},
                  "address: expected a SIP below 4096, got 4096");
    check_refused((kb_addr_parts){0, 1024, KB_SPACE_HBM, 0, 0},
                  "address: expected a cube below 1024, got 1024");
    check_refused((kb_addr_parts){0, 0, KB_SPACE_TCM, 1024, 0},
                  "address: expected a PE below 1024, got 1024");
    check_refused((kb_addr_parts){0, 0, KB_SPACE_HBM, 0, UINT64_MAX},
                  "address: expected an offset below 1099511627776, got 18446744073709551615");
    check_refused((kb_addr_parts){0, 0, KB_SPACE_COUNT, 0, 0},
                  "address: expected a space (hbm, sram, tcm), got 3");
    check_refused((kb_addr_parts){0, 0, KB_SPACE_HBM, 1, 0},
                  "address: expected PE 0 in hbm, which belongs to a cube, got PE 1");
}

static void prints_what_is_no_space_and_cuts(void) {
    char text[8];
    CHECK_STR(kb_space_name(KB_SPACE_COUNT), "unknown");
    CHECK_EQ(kb_addr_print(UINT64_C(3) << 40, text, sizeof text), strlen("sip0.cube0.unknown+0x0"));
    CHECK_STR(text, "sip0.cu");
    CHECK_EQ(kb_addr_print(0, NULL, 0), strlen("sip0.cube0.hbm+0x0"));
}

static void virtual_addresses(void) {
    kb_error err = KB_ERROR_INIT;
    kb_va va;
    CHECK_EQ(kb_va_pack(4095, KB_VA_SIP_NBYTES - 1, &va, &err), KB_OK);
    CHECK_EQ(kb_va_sip(va), 4095);
    CHECK_EQ(kb_va_offset(va), KB_VA_SIP_NBYTES - 1);
    CHECK_EQ(va >> 56, 0);
    CHECK_EQ(kb_va_pack(4096, 0, &va, &err), KB_INVALID);
    CHECK_EQ(kb_va_pack(0, KB_VA_SIP_NBYTES, &va, &err), KB_INVALID);
    CHECK_EQ(kb_va_pack(7, 0, &va, &err), KB_OK);
    CHECK(kb_va_is_null(va));
    CHECK(kb_va_is_null(va + KB_VA_GUARD_NBYTES - 1));
    CHECK(!kb_va_is_null(va + KB_VA_GUARD_NBYTES));
}

int main(void) {
    TAP_RUN(packs_prints_and_unpacks);
    TAP_RUN(layout_is_as_documented);
    TAP_RUN(refuses_what_does_not_fit);
    TAP_RUN(prints_what_is_no_space_and_cuts);
    TAP_RUN(virtual_addresses);
    return tap_finish();
}
