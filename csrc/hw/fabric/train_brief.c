#include "hw/fabric/train_brief.h"

bool kb_brief_spell_out(kb_fabric *fabric, uint32_t number) {
    kb_flight *flown = &fabric->flights.items[number];
    if (!kb_stream_take(&fabric->streams, fabric->alloc, &flown->next)) {
        kb_fabric_fail_nomem_(fabric, "a train");
        return false;
    }
    kb_stream *stream = &fabric->streams.pool.items[flown->next];
    stream->flight = number;
    stream->hop = 1;
    stream->to = flown->n_links > 2 ? flown->path[2] : KB_NONE;
    stream->head_fs = flown->known_fs;
    stream->n_left = flown->message.n_flits;
    stream->first = kb_brief_train(fabric, flown);
    return true;
}

bool kb_brief_resolve_(kb_fabric *fabric, kb_waiting *key) {
    uint32_t number = (uint32_t)key->count_number & ~KB_BRIEF_MARK;
    const kb_flight *flown = &fabric->flights.items[number];
    if (flown->next == KB_NONE && !kb_brief_spell_out(fabric, number)) return false;
    key->count_number = key->count_number >> 32 << 32 | flown->next;
    return true;
}
