#include "hw/fabric/train_port.h"

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

void kb_train_port_deinit(kb_train_port *port, kb_alloc *alloc) {
    kb_lineup_deinit(&port->waiting, alloc);
    kb_inputs_deinit(&port->open, alloc);
    kb_lineup_deinit(&port->wakes, alloc);
}
