#include "hw/fabric/train_port.h"

#include <string.h>

/* --- inputs --------------------------------------------------------------------------------------- */

bool kb_inputs_grow_(kb_inputs *inputs, kb_alloc *alloc) {
    uint32_t capacity = inputs->capacity ? 2 * inputs->capacity : 4;
    if (inputs->capacity > UINT32_MAX / 2) return false;
    kb_input *grown =
        kb_alloc_resize(alloc, inputs->items, inputs->capacity, capacity, sizeof *grown);
    if (!grown) return false;
    inputs->items = grown;
    inputs->capacity = capacity;
    return true;
}

void kb_inputs_drop_later(kb_inputs *inputs, uint32_t link) {
    inputs->items[kb_inputs_find(inputs, link)].n_messages--;
}

void kb_inputs_prune(kb_inputs *inputs) {
    uint32_t left = 0;
    for (uint32_t i = 0; i < inputs->count; i++)
        if (inputs->items[i].n_messages) inputs->items[left++] = inputs->items[i];
    inputs->count = left;
}

void kb_inputs_deinit(kb_inputs *inputs, kb_alloc *alloc) {
    kb_alloc_free(alloc, inputs->items, inputs->capacity, sizeof *inputs->items);
}

/* --- who waits ------------------------------------------------------------------------------------ */

/* How many of items[0, count) come before the key. */
static uint32_t n_before(const kb_waiting *items, uint32_t count, const kb_waiting *key) {
    uint32_t first = 0;
    while (count > 0) {
        uint32_t half = count / 2;
        if (kb_waiting_before(&items[first + half], key)) {
            first += half + 1;
            count -= half + 1;
        } else {
            count = half;
        }
    }
    return first;
}

uint32_t kb_waiting_open_(kb_waiting *items, uint32_t count, const kb_waiting *key) {
    uint32_t place = n_before(items, count, key);
    memmove(&items[place + 1], &items[place], (count - place) * sizeof *items);
    return place;
}

void kb_waiting_sink_(kb_waiting *items, uint32_t count) {
    kb_waiting moved = items[0];
    uint32_t place = n_before(items + 1, count - 1, &moved);
    memmove(&items[0], &items[1], place * sizeof *items);
    items[place] = moved;
}

void kb_train_port_deinit(kb_train_port *port, kb_alloc *alloc) {
    kb_alloc_free(alloc, port->waiting, port->capacity, sizeof *port->waiting);
    kb_inputs_deinit(&port->open, alloc);
    kb_lineup_deinit(&port->wakes, alloc);
}

/* Half of the room at least is behind the last, where most come. */
bool kb_train_port_grow_(kb_train_port *port, kb_alloc *alloc) {
    if (port->n_waiting >= port->capacity / 2) {
        if (port->capacity > UINT32_MAX / 2) return false;
        uint32_t capacity = port->capacity ? kb_grown_capacity(port->capacity) : 8;
        kb_waiting *grown =
            kb_alloc_resize(alloc, port->waiting, port->capacity, capacity, sizeof *grown);
        if (!grown) return false;
        port->waiting = grown;
        port->capacity = capacity;
    }
    memmove(port->waiting, port->waiting + port->first, port->n_waiting * sizeof *port->waiting);
    port->first = 0;
    return true;
}
