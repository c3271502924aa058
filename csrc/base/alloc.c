#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"

static void *system_resize(void *user, void *block, size_t old_nbytes, size_t new_nbytes) {
    (void)user;
    (void)old_nbytes;
    if (new_nbytes == 0) {
        free(block);
        return NULL;
    }
    return realloc(block, new_nbytes);
}

/* calloc of a large block is given zero pages by the system and touches none of them. */
static void *system_zeroed(void *user, size_t nbytes) {
    (void)user;
    return calloc(1, nbytes);
}

kb_alloc kb_alloc_system(void) {
    return (kb_alloc){.resize = system_resize, .zeroed = system_zeroed};
}

static size_t request_nbytes(size_t n_items, size_t item_nbytes) {
    size_t nbytes;
    if (kb_mul_size(n_items, item_nbytes, &nbytes) || nbytes > PTRDIFF_MAX) return 0;
    return nbytes ? nbytes : 1;
}

static void *request(kb_alloc *alloc, void *block, size_t old_nbytes, size_t new_nbytes,
                     bool zeroes) {
    alloc->n_calls++;
    if (new_nbytes == 0 || alloc->n_calls == alloc->fail_at) return NULL;
    bool comes_zeroed = zeroes && alloc->zeroed;
    void *grown = comes_zeroed ? alloc->zeroed(alloc->user, new_nbytes)
                               : alloc->resize(alloc->user, block, old_nbytes, new_nbytes);
    if (!grown) return NULL;
    if (zeroes && !comes_zeroed) memset(grown, 0, new_nbytes);
    alloc->live_nbytes += (int64_t)new_nbytes - (int64_t)old_nbytes;
    if (alloc->live_nbytes > alloc->peak_nbytes) alloc->peak_nbytes = alloc->live_nbytes;
    return grown;
}

void *kb_alloc_zeroed(kb_alloc *alloc, size_t n_items, size_t item_nbytes) {
    return request(alloc, NULL, 0, request_nbytes(n_items, item_nbytes), true);
}

void *kb_alloc_resize(kb_alloc *alloc, void *block, size_t old_items, size_t new_items,
                      size_t item_nbytes) {
    size_t old_nbytes = block ? request_nbytes(old_items, item_nbytes) : 0;
    return request(alloc, block, old_nbytes, request_nbytes(new_items, item_nbytes), false);
}

void kb_alloc_free(kb_alloc *alloc, void *block, size_t n_items, size_t item_nbytes) {
    if (!block) return;
    size_t nbytes = request_nbytes(n_items, item_nbytes);
    alloc->live_nbytes -= (int64_t)nbytes;
    (void)alloc->resize(alloc->user, block, nbytes, 0);
}
