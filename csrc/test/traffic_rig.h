/* A machine for tests of raw transfers: a rig (test/hw_rig.h) and its traffic, and lists of transfers that all
 * begin at once. */
#ifndef KB_TEST_TRAFFIC_RIG_H
#define KB_TEST_TRAFFIC_RIG_H

#include "hw/fabric/audit.h"
#include "hw/traffic.h"
#include "test/hw_rig.h"

typedef struct traffic_rig {
    rig machine;
    kb_traffic *traffic;
} traffic_rig;

/* False, with a failed check, when it cannot be made.  traffic_close must follow either way. */
static inline bool traffic_open(traffic_rig *t, const char *yaml) {
    t->traffic = NULL;
    return rig_open(&t->machine, yaml) &&
           CHECK_EQ(kb_traffic_create(&t->machine.parts, &t->traffic, NULL), KB_OK);
}

static inline void traffic_close(traffic_rig *t) {
    kb_traffic_destroy(t->traffic);
    rig_close(&t->machine);
}

enum { TRAFFIC_MOST = 1 << 15 };

typedef struct traffic_list {
    size_t n;
    uint32_t src[TRAFFIC_MOST], dst[TRAFFIC_MOST];
    int64_t nbytes[TRAFFIC_MOST], at_fs[TRAFFIC_MOST];
    int64_t start_fs[TRAFFIC_MOST], end_fs[TRAFFIC_MOST];
    uint8_t op[TRAFFIC_MOST];
} traffic_list;

/* At 0 fs; there is room. */
static inline void traffic_add(traffic_list *list, kb_transfer_op op, uint32_t src, uint32_t dst,
                               int64_t nbytes) {
    size_t i = list->n++;
    list->op[i] = (uint8_t)op;
    list->src[i] = src;
    list->dst[i] = dst;
    list->nbytes[i] = nbytes;
}

/* All of them end, and the machine is as it was. */
static inline void traffic_run(traffic_rig *t, traffic_list *list) {
    kb_error err = KB_ERROR_INIT;
    kb_batch batch = {.n = list->n,
                      .src = list->src,
                      .dst = list->dst,
                      .nbytes = list->nbytes,
                      .at_fs = list->at_fs,
                      .op = list->op,
                      .start_fs = list->start_fs,
                      .end_fs = list->end_fs};
    CHECK_EQ(kb_traffic_submit(t->traffic, &batch, NULL), KB_OK);
    rig_run_well(&t->machine);
    CHECK_EQ(batch.n_done, list->n);
    if (!CHECK_EQ(kb_fabric_audit(t->machine.parts.fabric, &err), KB_OK))
        printf("# %s\n", err.message);
}

#endif
