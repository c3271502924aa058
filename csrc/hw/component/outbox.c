#include "hw/component/outbox.h"

#include <string.h>

#include "base/checked.h"
#include "base/vec.h"

typedef struct letter {
    int64_t at_fs;
    uint32_t dst;
    kb_msg_kind kind;
    uint32_t tag;
} letter;

struct kb_outbox {
    const kb_parts *parts;
    uint32_t node;
    uint32_t slot;
    size_t first; /* those before it are sent */
    KB_VEC(letter) letters;
};

static void send_due(void *self, uint32_t arg) {
    kb_outbox *outbox = self;
    kb_sim *sim = outbox->parts->sim;
    kb_error error;
    kb_error_clear(&error);
    (void)arg;
    for (; outbox->first < outbox->letters.count; outbox->first++) {
        const letter *l = &outbox->letters.items[outbox->first];
        if (l->at_fs > kb_sim_now(sim)) break;
        kb_send send = {.src = outbox->node,
                        .dst = l->dst,
                        .slice = KB_ANY_SLICE,
                        .kind = l->kind,
                        .tag = l->tag};
        kb_status status = kb_fabric_send(outbox->parts->fabric, &send, NULL, &error);
        if (status != KB_OK) {
            (void)kb_error_set(kb_sim_fail(sim, status), status, "%s", error.message);
            return;
        }
    }
    if (outbox->first < outbox->letters.count) return;
    outbox->first = outbox->letters.count = 0;
}

kb_status kb_outbox_create(const kb_parts *parts, uint32_t node, kb_outbox **outbox,
                           kb_error *err) {
    kb_outbox *made = kb_alloc_zeroed(parts->alloc, 1, sizeof *made);
    if (!made) return kb_error_nomem(err, "an outbox");
    made->parts = parts;
    made->node = node;
    kb_status status = kb_sim_add_slot(parts->sim, send_due, made, 0, &made->slot, err);
    if (status == KB_OK) *outbox = made;
    else kb_outbox_destroy(made);
    return status;
}

void kb_outbox_destroy(kb_outbox *outbox) {
    if (!outbox) return;
    KB_VEC_FREE(&outbox->letters, outbox->parts->alloc);
    kb_alloc_free(outbox->parts->alloc, outbox, 1, sizeof *outbox);
}

static void drop_sent(kb_outbox *outbox) {
    letter *items = outbox->letters.items;
    outbox->letters.count -= outbox->first;
    memmove(items, items + outbox->first, outbox->letters.count * sizeof *items);
    outbox->first = 0;
}

void kb_outbox_post(kb_outbox *outbox, int64_t at_fs, uint32_t dst, kb_msg_kind kind,
                    uint32_t tag) {
    kb_sim *sim = outbox->parts->sim;
    if (at_fs == KB_TIME_MAX) {
        (void)kb_error_set(kb_sim_fail(sim, KB_OVERFLOW), KB_OVERFLOW,
                           "%s: expected commands to be sent before 2^63 fs",
                           kb_topology_nodes(outbox->parts->topology)[outbox->node].name);
        return;
    }
    if (outbox->first > outbox->letters.count / 2) drop_sent(outbox);
    if (!KB_VEC_RESERVE(&outbox->letters, outbox->parts->alloc, 1)) {
        (void)kb_error_nomem(kb_sim_fail(sim, KB_NOMEM), "an outbox");
        return;
    }
    letter *items = outbox->letters.items;
    size_t i = outbox->letters.count++;
    for (; i > outbox->first && items[i - 1].at_fs > at_fs; i--) items[i] = items[i - 1];
    items[i] = (letter){at_fs, dst, kind, tag};
    kb_sim_at(sim, outbox->slot, at_fs);
}

int64_t kb_serial_take(int64_t *free_fs, int64_t at_fs, int64_t cost_fs) {
    if (kb_add_i64(kb_max_i64(*free_fs, at_fs), cost_fs, free_fs)) *free_fs = KB_TIME_MAX;
    return *free_fs;
}
