#include "replay/prints.h"

#include <string.h>

#include "replay/lanes.h"

void kb_prints_deinit(kb_prints *prints) {
    KB_VEC_FREE(&prints->items, prints->alloc);
    KB_VEC_FREE(&prints->elements, prints->alloc);
    KB_VEC_FREE(&prints->awaited, prints->alloc);
}

void kb_prints_clear(kb_prints *prints) {
    prints->items.count = prints->elements.count = 0;
    prints->n_values = 0;
    prints->n_lost = 0;
}

/* Copies as many elements of the value as there is room for. */
static kb_status keep(kb_prints *prints, kb_tiles *tiles, kb_printed item, const kb_operand *value,
                      kb_error *err) {
    bool has_value = value->kind != KB_OPERAND_NONE;
    size_t wanted = has_value ? kb_lanes_count(value->rank, value->dims) : 1;
    size_t room = KB_PRINTS_MAX - prints->n_values;
    size_t count = wanted < room ? wanted : room;
    prints->n_lost += wanted - count;
    if (count == 0) return KB_OK;
    kb_lanes lanes = {0};
    if (has_value) KB_TRY(kb_lanes_open(tiles, value, value->rank, value->dims, &lanes, err));
    size_t nbytes = count * lanes.nbytes;
    item.first = prints->elements.count;
    item.count = has_value ? count : 0;
    kb_printed *place = NULL;
    if (KB_VEC_RESERVE(&prints->elements, prints->alloc, nbytes))
        place = KB_VEC_PUSH(&prints->items, prints->alloc);
    if (!place) return kb_error_nomem(err, "what kernels print");
    *place = item;
    if (nbytes > 0) memcpy(prints->elements.items + item.first, lanes.elements, nbytes);
    prints->elements.count += nbytes;
    prints->n_values += count;
    return KB_OK;
}

kb_status kb_prints_take(kb_prints *prints, kb_tiles *tiles, const kb_record *record,
                         const kb_payload *payload, kb_error *err) {
    const kb_operand *value = &payload->operand[0];
    uint64_t grid = payload->operand[2].bits;
    kb_printed item = {.launch = record->launch,
                       .program = record->program,
                       .sequence = record->sequence,
                       .kernel = record->kernel,
                       .inst = (uint32_t)payload->operand[1].bits,
                       .grid = {(uint32_t)grid, (uint32_t)(grid >> 32)},
                       .rank = value->rank,
                       .dtype = (kb_dtype)value->dtype};
    memcpy(item.dims, value->dims, sizeof item.dims);
    bool is_known =
        value->kind != KB_OPERAND_TILE || kb_tiles_find(tiles, value->bits, NULL) != NULL;
    if (is_known) return keep(prints, tiles, item, value, err);
    if (prints->awaited.count == KB_PRINTS_MAX) {
        prints->n_lost += kb_lanes_count(value->rank, value->dims);
        return KB_OK;
    }
    kb_print_awaited *place = KB_VEC_PUSH(&prints->awaited, prints->alloc);
    if (!place) return kb_error_nomem(err, "what kernels print");
    *place = (kb_print_awaited){item, *value};
    return KB_OK;
}

kb_status kb_prints_made(kb_prints *prints, kb_tiles *tiles, uint64_t version, kb_error *err) {
    kb_status status = KB_OK;
    size_t n_left = 0;
    for (size_t i = 0; i < prints->awaited.count; i++) {
        const kb_print_awaited *it = &prints->awaited.items[i];
        if (status == KB_OK && it->tile.bits == version)
            status = keep(prints, tiles, it->item, &it->tile, err);
        else prints->awaited.items[n_left++] = *it;
    }
    prints->awaited.count = n_left;
    return status;
}
