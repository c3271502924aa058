/* Reply flits as they come into being, gathered into trains. */
#ifndef KB_HW_COMPONENT_REPLY_H
#define KB_HW_COMPONENT_REPLY_H

#include "hw/fabric/fabric.h"

typedef struct kb_reply {
    kb_fabric *fabric;
    uint32_t handle;
    kb_train train;
    kb_status status; /* the first failure */
    kb_error *err;
} kb_reply;

static inline void kb_reply_flush(kb_reply *reply) {
    if (reply->train.count > 0 && reply->status == KB_OK)
        reply->status = kb_fabric_append(reply->fabric, reply->handle, reply->train, reply->err);
    reply->train.count = 0;
}

/* The next flits are there, no earlier than the one before: at the times of adding each by itself. */
static inline void kb_reply_add(kb_reply *reply, kb_train flits) {
    kb_train *train = &reply->train;
    if (train->count == 1) train->period_fs = flits.start_fs - train->start_fs;
    if (train->count > 0 && flits.start_fs == train->start_fs + train->period_fs * train->count) {
        int64_t n = flits.period_fs == train->period_fs ? flits.count : 1;
        train->count += n;
        if (n == flits.count) return;
        flits.start_fs += flits.period_fs;
        flits.count--;
    }
    kb_reply_flush(reply);
    *train = (kb_train){flits.start_fs, flits.count > 1 ? flits.period_fs : 0, flits.count};
}

#endif
