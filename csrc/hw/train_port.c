#include "hw/train_port.h"

#include <string.h>

/* --- inputs --------------------------------------------------------------------------------------- */

static uint32_t find(const kb_inputs *inputs, uint32_t link) {
    uint32_t place = 0;
    while (place < inputs->count && inputs->items[place].link != link) place++;
    return place;
}

static bool grow(kb_inputs *inputs, kb_alloc *alloc) {
    uint32_t capacity = inputs->capacity ? 2 * inputs->capacity : 4;
    if (inputs->capacity > UINT32_MAX / 2) return false;
    kb_input *grown =
        kb_alloc_resize(alloc, inputs->items, inputs->capacity, capacity, sizeof *grown);
    if (!grown) return false;
    inputs->items = grown;
    inputs->capacity = capacity;
    return true;
}

bool kb_inputs_add(kb_inputs *inputs, kb_alloc *alloc, uint32_t link) {
    uint32_t place = find(inputs, link);
    if (place == inputs->count) {
        if (place == inputs->capacity && !grow(inputs, alloc)) return false;
        inputs->items[inputs->count++] = (kb_input){link, 0};
    }
    inputs->items[place].n_messages++;
    return true;
}

void kb_inputs_drop_later(kb_inputs *inputs, uint32_t link) {
    inputs->items[find(inputs, link)].n_messages--;
}

void kb_inputs_drop(kb_inputs *inputs, uint32_t link) {
    uint32_t place = find(inputs, link);
    if (--inputs->items[place].n_messages == 0)
        inputs->items[place] = inputs->items[--inputs->count];
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

void kb_train_port_deinit(kb_train_port *port, kb_alloc *alloc) {
    kb_alloc_free(alloc, port->waiting, port->capacity, sizeof *port->waiting);
    kb_inputs_deinit(&port->open, alloc);
    kb_waitq_deinit(&port->wakes, alloc);
}

/* Half of the room at least is behind the last, where most come. */
bool kb_train_port_reserve(kb_train_port *port, kb_alloc *alloc) {
    if (port->first + port->n_waiting < port->capacity) return true;
    if (port->n_waiting >= port->capacity / 2) {
        if (port->capacity > UINT32_MAX / 2) return false;
        uint32_t capacity = port->capacity ? 2 * port->capacity : 8;
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

void kb_train_port_enlist(kb_train_port *port, kb_waiting added) {
    kb_waiting *items = port->waiting + port->first;
    uint32_t place = port->n_waiting++;
    for (; place && kb_waiting_before(&added, &items[place - 1]); place--)
        items[place] = items[place - 1];
    items[place] = added;
}

void kb_train_port_put_back(kb_train_port *port, uint32_t place, int64_t when_fs) {
    kb_waiting *items = port->waiting + port->first, moved = items[place];
    moved.when_fs = when_fs;
    for (; place + 1 < port->n_waiting && kb_waiting_before(&items[place + 1], &moved); place++)
        items[place] = items[place + 1];
    items[place] = moved;
}

void kb_train_port_remove(kb_train_port *port, uint32_t place) {
    kb_waiting *items = port->waiting + port->first;
    port->n_waiting--;
    if (port->n_waiting == 0) port->first = 0;
    else if (place == 0) port->first++;
    else memmove(items + place, items + place + 1, (port->n_waiting - place) * sizeof *items);
}
