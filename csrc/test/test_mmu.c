/* The page table: ranges that are found, refused, and taken out again. */
#include "hw/pe/mmu.h"

#include <string.h>

#include "test/tap.h"

enum { BASE = 0x100000, NBYTES = 4096 };

static kb_mapping at(kb_va va, uint64_t nbytes) {
    return (kb_mapping){.va = va, .nbytes = nbytes, .tensor = (int32_t)(va >> 12)};
}

static void what_is_mapped_is_found(void) {
    kb_alloc alloc = kb_alloc_system();
    kb_error err = KB_ERROR_INIT;
    kb_mmu *mmu = NULL;
    CHECK_EQ(kb_mmu_create(&alloc, &mmu, &err), KB_OK);
    for (kb_va i = 0; i < 50; i++) { /* in no order, with gaps */
        kb_mapping mapping = at(BASE + i * 37 % 50 * 2 * NBYTES, NBYTES);
        CHECK_EQ(kb_mmu_map(mmu, &mapping, &err), KB_OK);
    }
    for (kb_va i = 0; i < 50; i++) {
        kb_va va = BASE + i * 2 * NBYTES;
        const kb_mapping *first = kb_mmu_find(mmu, va);
        CHECK(first && first->va == va && first == kb_mmu_find(mmu, va + NBYTES - 1));
        CHECK(kb_mmu_find(mmu, va + NBYTES) == NULL);
    }
    CHECK(kb_mmu_find(mmu, BASE - 1) == NULL);
    CHECK_EQ(kb_mmu_unmap(mmu, BASE + 2 * NBYTES, &err), KB_OK);
    CHECK(kb_mmu_find(mmu, BASE + 2 * NBYTES) == NULL);
    CHECK(kb_mmu_find(mmu, BASE + 4 * NBYTES) != NULL);
    kb_mmu_destroy(mmu);
    CHECK_EQ(alloc.live_nbytes, 0);
}

/* A second map of any byte is refused, and leaves the first as it was. */
static void a_double_map_is_refused(void) {
    static const struct {
        int64_t va, nbytes;
    } bad[] = {
        {BASE, NBYTES},              /* the same again */
        {BASE + 64, 64},             /* within */
        {BASE - NBYTES, NBYTES + 1}, /* over the first byte */
        {BASE + NBYTES - 1, NBYTES}, /* over the last byte */
        {BASE - NBYTES, 3 * NBYTES}, /* around */
        {BASE + NBYTES, 2 * NBYTES}, /* into the one behind */
        {BASE + 2 * NBYTES, 0},      /* nothing */
    };
    kb_alloc alloc = kb_alloc_system();
    kb_error err = KB_ERROR_INIT;
    kb_mmu *mmu = NULL;
    kb_mapping mapping = at(BASE, NBYTES), behind = at(BASE + 2 * NBYTES + 64, NBYTES);
    CHECK_EQ(kb_mmu_create(&alloc, &mmu, &err), KB_OK);
    CHECK_EQ(kb_mmu_map(mmu, &mapping, &err), KB_OK);
    CHECK_EQ(kb_mmu_map(mmu, &behind, &err), KB_OK);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        kb_mapping second = at((kb_va)bad[i].va, (uint64_t)bad[i].nbytes);
        CHECK_EQ(kb_mmu_map(mmu, &second, &err), KB_INVALID);
        CHECK(strstr(err.message, "page table: expected a range clear of the others, got 0x"));
        const kb_mapping *first = kb_mmu_find(mmu, BASE);
        CHECK(first && first->va == BASE && first->nbytes == NBYTES);
    }
    kb_mapping between = at(BASE + NBYTES, NBYTES + 64);
    CHECK_EQ(kb_mmu_map(mmu, &between, &err), KB_OK);
    kb_mmu_destroy(mmu);
}

static void only_what_starts_there_is_unmapped(void) {
    kb_alloc alloc = kb_alloc_system();
    kb_error err = KB_ERROR_INIT;
    kb_mmu *mmu = NULL;
    kb_mapping mapping = at(BASE, NBYTES);
    CHECK_EQ(kb_mmu_create(&alloc, &mmu, &err), KB_OK);
    CHECK_EQ(kb_mmu_unmap(mmu, BASE, &err), KB_PAGE_FAULT);
    CHECK_EQ(kb_mmu_map(mmu, &mapping, &err), KB_OK);
    CHECK_EQ(kb_mmu_unmap(mmu, BASE + 1, &err), KB_PAGE_FAULT);
    CHECK(strstr(err.message, "expected the start of a tensor, got 0x100001") != NULL);
    CHECK_EQ(kb_mmu_unmap(mmu, BASE, &err), KB_OK);
    CHECK_EQ(kb_mmu_unmap(mmu, BASE, &err), KB_PAGE_FAULT);
    CHECK_EQ(kb_mmu_map(mmu, &mapping, &err), KB_OK);
    kb_mmu_destroy(mmu);
}

static void accesses_are_checked(void) {
    kb_alloc alloc = kb_alloc_system();
    kb_error err = KB_ERROR_INIT;
    kb_mmu *mmu = NULL;
    kb_mapping mapping = at(BASE, NBYTES);
    CHECK_EQ(kb_mmu_create(&alloc, &mmu, &err), KB_OK);
    CHECK_EQ(kb_mmu_map(mmu, &mapping, &err), KB_OK);
    CHECK_EQ(kb_mmu_check(mmu, BASE, BASE + NBYTES, &err), KB_OK);
    CHECK_EQ(kb_mmu_check(mmu, BASE + 1, BASE + NBYTES + 3, &err), KB_BOUNDS);
    CHECK(strstr(err.message, "tensor 256 of 4096 bytes at 0x100000") != NULL);
    CHECK(strstr(err.message, "3 bytes past its end") != NULL);
    CHECK_EQ(kb_mmu_check(mmu, BASE + NBYTES, BASE + NBYTES + 1, &err), KB_PAGE_FAULT);
    CHECK_EQ(kb_mmu_check(mmu, 64, 65, &err), KB_PAGE_FAULT);
    CHECK(strstr(err.message, "(a null pointer)") != NULL);
    kb_mmu_destroy(mmu);
}

static void survives_failing_allocations(void) {
    int n = 1;
    for (bool reached = true; reached; n++) {
        kb_alloc alloc = kb_alloc_system();
        kb_error err = KB_ERROR_INIT;
        kb_mmu *mmu = NULL;
        alloc.fail_at = (uint64_t)n;
        kb_status status = kb_mmu_create(&alloc, &mmu, &err);
        for (kb_va i = 0; status == KB_OK && i < 40; i++) {
            kb_mapping mapping = at(BASE + i * NBYTES, NBYTES);
            status = kb_mmu_map(mmu, &mapping, &err);
            if (status != KB_OK) CHECK(kb_mmu_find(mmu, BASE + i * NBYTES) == NULL);
        }
        reached = status != KB_OK;
        if (reached) CHECK_EQ(status, KB_NOMEM);
        kb_mmu_destroy(mmu);
        CHECK_EQ(alloc.live_nbytes, 0);
    }
    CHECK(n > 3);
}

int main(void) {
    TAP_RUN(what_is_mapped_is_found);
    TAP_RUN(a_double_map_is_refused);
    TAP_RUN(only_what_starts_there_is_unmapped);
    TAP_RUN(accesses_are_checked);
    TAP_RUN(survives_failing_allocations);
    return tap_finish();
}
