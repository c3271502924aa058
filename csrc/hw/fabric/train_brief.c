#include "hw/fabric/train_brief.h"

static bool spell_out(kb_fabric *fabric, kb_waiting *key) {
    uint32_t number = (uint32_t)key->count_number & ~KB_BRIEF_MARK;
    kb_flight *flown = &fabric->flights.items[number];
    if (!kb_stream_take(&fabric->streams, fabric->alloc, &flown->next)) return false;
    kb_stream *stream = &fabric->streams.pool.items[flown->next];
    stream->flight = number;
    stream->hop = 1;
    stream->to = flown->n_links > 2 ? flown->path[2] : KB_NONE;
    stream->head_fs = key->when_fs;
    stream->n_left = flown->message.n_flits;
    stream->first = kb_brief_train(fabric, flown, key->when_fs);
    key->count_number = key->count_number >> 32 << 32 | flown->next;
    return true;
}

bool kb_brief_spell_out_(kb_fabric *fabric, kb_train_port *port) {
    for (kb_waiting *key = port->waiting + port->first; port->n_brief; key++) {
        if (!((uint32_t)key->count_number & KB_BRIEF_MARK)) continue;
        if (!spell_out(fabric, key)) {
            kb_fabric_fail_nomem_(fabric, "a train");
            return false;
        }
        port->n_brief--;
    }
    return true;
}
