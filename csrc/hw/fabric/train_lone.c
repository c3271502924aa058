#include "hw/fabric/train_lone.h"

bool kb_lone_rest(const kb_streams *streams, const kb_stream *stream, kb_lone *lone) {
    int64_t n_known = stream->first.count;
    lone->count = 1;
    lone->trains[0] = stream->first;
    for (uint32_t i = stream->more; i != KB_NONE; i = streams->pieces.items[i].next) {
        const kb_train *train = &streams->pieces.items[i].train;
        if (lone->count == KB_LONE_TRAINS) return false;
        lone->trains[lone->count++] = *train;
        n_known += train->count;
    }
    return n_known == stream->n_left;
}

static bool add(kb_lone *lone, const kb_train *train) {
    if (lone->count && kb_train_join(&lone->trains[lone->count - 1], train)) return true;
    if (lone->count == KB_LONE_TRAINS) return false;
    lone->trains[lone->count++] = *train;
    return true;
}

bool kb_lone_pass(const kb_lone *lone, const kb_train_port *port, int64_t head_fs, kb_lone *left,
                  int64_t *last_fs) {
    int64_t free_fs = port->free_fs;
    left->count = 0;
    for (uint32_t i = 0; i < lone->count; i++) {
        kb_train train = lone->trains[i];
        while (train.count) {
            kb_train lead =
                kb_train_port_lead(port, free_fs, &train, head_fs, train.count, last_fs);
            if (lead.count == 0) return false;
            free_fs = *last_fs + port->service_fs;
            train.start_fs += lead.count * train.period_fs;
            train.count -= lead.count;
            lead.start_fs += port->travel_fs;
            if (!add(left, &lead)) return false;
        }
    }
    return true;
}
