#include "hw/component/copy.h"

#include "base/vec.h"

struct kb_copies {
    kb_alloc *alloc;
    int32_t n_taken;
    KB_VEC(kb_copy *) slots;
    KB_VEC(uint32_t) free; /* reserved for every slot */
};

static bool next_entries(const kb_copy *copy, uint64_t from, kb_copy_piece *piece) {
    uint64_t slice = from / copy->table_nbytes, in_table = from % copy->table_nbytes;
    uint64_t nbytes = copy->table_nbytes - in_table;
    if (from >= copy->nbytes) return false;
    if (nbytes > KB_PLACEMENT_CHUNK_NBYTES) nbytes = KB_PLACEMENT_CHUNK_NBYTES;
    *piece = (kb_copy_piece){from + nbytes, nbytes, (int32_t)slice, copy->table_offset + in_table};
    return true;
}

bool kb_copy_next(const kb_copy *copy, uint32_t cube, uint64_t from, kb_copy_piece *piece) {
    const kb_placement *p = copy->placement;
    if (copy->install) return next_entries(copy, from, piece);
    bool every_copy = copy->to_device && p->kind == KB_PLACEMENT_REPLICATED;
    uint32_t seen_from = every_copy ? cube : p->first_slice / p->slices_per_cube;
    while (from < copy->nbytes) {
        kb_chunk chunk;
        kb_placement_locate(p, copy->offset + from, seen_from, &chunk);
        uint64_t nbytes = copy->nbytes - from;
        if (nbytes > chunk.nbytes) nbytes = chunk.nbytes;
        if (chunk.slice / p->slices_per_cube == cube) {
            if (nbytes > KB_PLACEMENT_CHUNK_NBYTES) nbytes = KB_PLACEMENT_CHUNK_NBYTES;
            *piece = (kb_copy_piece){from + nbytes, nbytes,
                                     (int32_t)(chunk.slice % p->slices_per_cube), chunk.offset};
            return true;
        }
        from += nbytes;
    }
    return false;
}

kb_status kb_copies_create(kb_alloc *alloc, kb_copies **copies, kb_error *err) {
    kb_copies *made = kb_alloc_zeroed(alloc, 1, sizeof *made);
    if (!made) return kb_error_nomem(err, "the table of copies");
    made->alloc = alloc;
    *copies = made;
    return KB_OK;
}

void kb_copies_destroy(kb_copies *copies) {
    if (!copies) return;
    for (size_t i = 0; i < copies->slots.count; i++)
        kb_alloc_free(copies->alloc, copies->slots.items[i], 1, sizeof(kb_copy));
    KB_VEC_FREE(&copies->slots, copies->alloc);
    KB_VEC_FREE(&copies->free, copies->alloc);
    kb_alloc_free(copies->alloc, copies, 1, sizeof *copies);
}

static kb_status add_slot(kb_copies *copies, kb_error *err) {
    size_t n = copies->slots.count;
    if (!KB_VEC_RESERVE(&copies->slots, copies->alloc, 1) ||
        !KB_VEC_RESERVE(&copies->free, copies->alloc, n + 1))
        return kb_error_nomem(err, "a copy");
    kb_copy *copy = kb_alloc_zeroed(copies->alloc, 1, sizeof *copy);
    if (!copy) return kb_error_nomem(err, "a copy");
    copies->slots.items[copies->slots.count++] = copy;
    copies->free.items[copies->free.count++] = (uint32_t)n;
    return KB_OK;
}

kb_status kb_copies_take(kb_copies *copies, kb_copy **copy, kb_error *err) {
    if (copies->free.count == 0) KB_TRY(add_slot(copies, err));
    uint32_t slot = copies->free.items[--copies->free.count];
    *copy = copies->slots.items[slot];
    **copy = (kb_copy){.slot = slot, .id = copies->n_taken++};
    return KB_OK;
}

void kb_copies_give(kb_copies *copies, const kb_copy *copy) {
    copies->free.items[copies->free.count++] = copy->slot;
}

kb_copy *kb_copies_at(const kb_copies *copies, uint32_t slot) {
    return copies->slots.items[slot];
}

uint32_t kb_copies_count(const kb_copies *copies) {
    return (uint32_t)(copies->slots.count - copies->free.count);
}
