#include "hw/component/mark.h"

#include "base/vec.h"

struct kb_marks {
    kb_alloc *alloc;
    KB_VEC(kb_mark *) slots;
    KB_VEC(uint32_t) free; /* reserved for every slot */
};

kb_status kb_marks_create(kb_alloc *alloc, kb_marks **marks, kb_error *err) {
    kb_marks *made = kb_alloc_zeroed(alloc, 1, sizeof *made);
    if (!made) return kb_error_nomem(err, "the table of marks");
    made->alloc = alloc;
    *marks = made;
    return KB_OK;
}

void kb_marks_destroy(kb_marks *marks) {
    if (!marks) return;
    for (size_t i = 0; i < marks->slots.count; i++)
        kb_alloc_free(marks->alloc, marks->slots.items[i], 1, sizeof(kb_mark));
    KB_VEC_FREE(&marks->slots, marks->alloc);
    KB_VEC_FREE(&marks->free, marks->alloc);
    kb_alloc_free(marks->alloc, marks, 1, sizeof *marks);
}

static kb_status add_slot(kb_marks *marks, kb_error *err) {
    size_t n = marks->slots.count;
    if (!KB_VEC_RESERVE(&marks->slots, marks->alloc, 1) ||
        !KB_VEC_RESERVE(&marks->free, marks->alloc, n + 1))
        return kb_error_nomem(err, "a mark");
    kb_mark *mark = kb_alloc_zeroed(marks->alloc, 1, sizeof *mark);
    if (!mark) return kb_error_nomem(err, "a mark");
    marks->slots.items[marks->slots.count++] = mark;
    marks->free.items[marks->free.count++] = (uint32_t)n;
    return KB_OK;
}

kb_status kb_marks_take(kb_marks *marks, kb_mark **mark, kb_error *err) {
    if (marks->free.count == 0) KB_TRY(add_slot(marks, err));
    uint32_t slot = marks->free.items[--marks->free.count];
    *mark = marks->slots.items[slot];
    **mark = (kb_mark){.slot = slot};
    return KB_OK;
}

void kb_marks_give(kb_marks *marks, const kb_mark *mark) {
    marks->free.items[marks->free.count++] = mark->slot;
}

kb_mark *kb_marks_at(const kb_marks *marks, uint32_t slot) {
    return marks->slots.items[slot];
}

uint32_t kb_marks_count(const kb_marks *marks) {
    return (uint32_t)(marks->slots.count - marks->free.count);
}
