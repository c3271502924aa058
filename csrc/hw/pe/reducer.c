#include "hw/pe/reducer.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/checked.h"
#include "base/vec.h"
#include "hw/component/meter.h"
#include "hw/pe/ring.h"
#include "hw/pe/tcm.h"
#include "log/payload.h"

#define NONE UINT32_MAX

enum { MAX_WORDS = 64 };

/* Parts that meet: the PEs of one number on the SIPs of a group, on a channel. */
typedef struct lane {
    int64_t group;
    uint32_t channel, pe_in_sip, size;
    uint32_t *rings;   /* by rank; NONE: it has sent nothing yet */
    uint32_t *n_there; /* parts, by slot */
} lane;

/* A total whose parts are there, from its last part's arrival to its end. */
typedef struct total {
    uint32_t lane, slot;
    int64_t ready_fs, start_fs, end_fs;
} total;

typedef struct reducer {
    const kb_parts *parts;
    uint32_t node, step;
    uint32_t depth; /* slots of a ring */
    int64_t free_fs;
    kb_meter meter; /* of bytes */
    kb_ratio rate;  /* its own copy */
    uint64_t n_versions;
    KB_VEC(lane) lanes;
    KB_VEC(total) totals; /* in order of their ends, from `first` on */
    size_t first;
} reducer;

static const kb_params_reduction *params_of(const reducer *self) {
    return &kb_parts_params(self->parts)->reduction;
}

/* --- groups and operations ---------------------------------------------------------------------- */

kb_sip_group kb_sip_group_of(int64_t number) {
    enum { STRIDE_AT = KB_GROUP_FIRST_BITS, SIZE_AT = STRIDE_AT + KB_GROUP_STRIDE_BITS };
    const int64_t one = 1;
    return (kb_sip_group){
        .first = number & ((one << KB_GROUP_FIRST_BITS) - 1),
        .stride = (number >> STRIDE_AT & ((one << KB_GROUP_STRIDE_BITS) - 1)) -
                  (one << (KB_GROUP_STRIDE_BITS - 1)),
        .size = number >> SIZE_AT,
    };
}

bool kb_sip_group_has(kb_sip_group group, int64_t n_sips, int64_t sip) {
    if (group.size < 1 || group.size > n_sips || (group.stride == 0 && group.size > 1))
        return false;
    int64_t last = group.first + (group.size - 1) * group.stride;
    if (group.first >= n_sips || last < 0 || last >= n_sips) return false;
    int64_t step = sip - group.first;
    if (group.size == 1) return step == 0;
    return step % group.stride == 0 && step / group.stride >= 0 && step / group.stride < group.size;
}

bool kb_reducer_does(kb_mathop op, kb_dtype dtype) {
    bool is_float = kb_dtype_get_kind(dtype) == KB_KIND_FLOAT;
    if (kb_dtype_nbytes(dtype) < (is_float ? 2 : 4)) return false;
    switch (op) {
    case KB_MATHOP_ADD:
    case KB_MATHOP_MIN:
    case KB_MATHOP_MAX: return true;
    case KB_MATHOP_AND:
    case KB_MATHOP_OR:
    case KB_MATHOP_XOR: return !is_float;
    default: return false;
    }
}

static uint32_t rank_of(const lane *at, int32_t sip) {
    kb_sip_group group = kb_sip_group_of(at->group);
    return group.size == 1 ? 0 : (uint32_t)((sip - group.first) / group.stride);
}

/* --- making a total ----------------------------------------------------------------------------- */

static kb_parcel *part_at(const reducer *self, const lane *at, uint32_t rank, uint32_t slot) {
    return &kb_rings_at(self->parts->rings, at->rings[rank])->parcels[slot];
}

static kb_status mismatch(const reducer *self, const lane *at, uint32_t slot, uint32_t rank,
                          kb_error *err) {
    const kb_oplog *log = self->parts->log;
    const kb_parcel *a = part_at(self, at, 0, slot), *b = part_at(self, at, rank, slot);
    const kb_ring *first = kb_rings_at(self->parts->rings, at->rings[0]),
                  *other = kb_rings_at(self->parts->rings, at->rings[rank]);
    return kb_error_set(
        err, KB_INVALID,
        "%s: channel %" PRIu32 ": expected equal parts of a total, got %" PRId64 " bytes of %s "
        "to %s from PE %" PRIu32 " (%s:%" PRId32 ") and %" PRId64 " bytes of %s to %s from PE "
        "%" PRIu32 " (%s:%" PRId32 ")",
        kb_topology_nodes(self->parts->topology)[self->node].name, kb_ring_number_of_channel(first),
        a->nbytes, kb_dtype_name((kb_dtype)a->dtype), kb_mathop_name((kb_mathop)a->op), first->src,
        kb_oplog_kernel_name(log, a->kernel), a->line, b->nbytes, kb_dtype_name((kb_dtype)b->dtype),
        kb_mathop_name((kb_mathop)b->op), other->src, kb_oplog_kernel_name(log, b->kernel),
        b->line);
}

static kb_status check_parts(const reducer *self, const lane *at, uint32_t slot, kb_error *err) {
    const kb_parcel *a = part_at(self, at, 0, slot);
    for (uint32_t rank = 1; rank < at->size; rank++) {
        const kb_parcel *b = part_at(self, at, rank, slot);
        if (a->nbytes != b->nbytes || a->op != b->op || a->dtype != b->dtype)
            return mismatch(self, at, slot, rank, err);
    }
    return KB_OK;
}

static kb_operand tile(const kb_parcel *like, uint64_t version, bool last_use) {
    kb_operand operand = {.kind = KB_OPERAND_TILE,
                          .dtype = like->dtype,
                          .rank = 1,
                          .last_use = last_use,
                          .dims = {1, 1, 1, 1, 1},
                          .bits = version};
    operand.dims[0] = (uint32_t)((size_t)like->nbytes / kb_dtype_nbytes((kb_dtype)like->dtype));
    return operand;
}

/* A version of the switch's own: the PEs' numbers are lower. */
static uint64_t name_version(reducer *self) {
    return kb_tile_version((uint32_t)kb_parts_n_pes(self->parts), self->n_versions++);
}

/* The record of one step: `result` = a, or a op b; a is not needed any more unless it is `kept`. */
static kb_status log_step(const reducer *self, const total *t, const kb_parcel *like, kb_mathop op,
                          uint64_t result, uint64_t a, const uint64_t *b, bool kept,
                          kb_error *err) {
    int64_t words[MAX_WORDS];
    kb_payload payload = {.n_operands = b ? 2 : 1, .result = tile(like, result, false)};
    payload.operand[0] = tile(like, a, !kept);
    if (b) payload.operand[1] = tile(like, *b, true);
    uint32_t n_words = kb_payload_words(KB_OP_COMBINE, &payload);
    if (n_words > MAX_WORDS)
        return kb_error_set(err, KB_INTERNAL, "combine: expected at most %d words, got %" PRIu32,
                            MAX_WORDS, n_words);
    kb_payload_encode(KB_OP_COMBINE, &payload, words);
    kb_record record = {.end_fs = t->end_fs,
                        .start_fs = t->start_fs,
                        .ready_fs = t->ready_fs,
                        .nbytes = like->nbytes * (int64_t)payload.n_operands,
                        .work = b ? payload.result.dims[0] : 0,
                        .pe = -1,
                        .launch = -1,
                        .program = -1,
                        .kernel = like->kernel,
                        .line = like->line,
                        .kind = KB_OP_COMBINE,
                        .op = (uint8_t)op,
                        .dtype = like->dtype};
    return kb_oplog_append(self->parts->log, &record, words, n_words, err);
}

/* Combines the parts in order of rank; each member's slot then holds a message of the total (S1). */
static kb_status combine(reducer *self, const total *t, const lane *at, kb_error *err) {
    const kb_parcel like = *part_at(self, at, 0, t->slot);
    uint64_t sum = like.version;
    for (uint32_t rank = 1; rank < at->size; rank++) {
        uint64_t next = name_version(self);
        KB_TRY(log_step(self, t, &like, (kb_mathop)like.op, next, sum,
                        &part_at(self, at, rank, t->slot)->version, false, err));
        sum = next;
    }
    for (uint32_t rank = 0; rank < at->size; rank++) {
        kb_parcel *parcel = part_at(self, at, rank, t->slot);
        parcel->version = sum;
        if (rank + 1 == at->size) break;
        parcel->version = name_version(self);
        KB_TRY(log_step(self, t, &like, KB_MATHOP_MOVE, parcel->version, sum, NULL, true, err));
    }
    return KB_OK;
}

static kb_status send_total(const reducer *self, const lane *at, int64_t nbytes, kb_error *err) {
    for (uint32_t rank = 0; rank < at->size; rank++) {
        kb_send send = {.src = self->node,
                        .dst = kb_rings_at(self->parts->rings, at->rings[rank])->src_node,
                        .slice = KB_ANY_SLICE,
                        .kind = KB_MSG_REDUCE_TOTAL,
                        .tag = at->rings[rank],
                        .nbytes = nbytes};
        KB_TRY(kb_fabric_send(self->parts->fabric, &send, NULL, err));
    }
    return KB_OK;
}

static kb_status finish_one(reducer *self, const total *t, kb_error *err) {
    const lane *at = &self->lanes.items[t->lane];
    KB_TRY(check_parts(self, at, t->slot, err));
    KB_TRY(combine(self, t, at, err));
    return send_total(self, at, part_at(self, at, 0, t->slot)->nbytes, err);
}

static void fail(const reducer *self, kb_status status, const kb_error *error) {
    (void)kb_error_set(kb_sim_fail(self->parts->sim, status), status, "%s", error->message);
}

static void finish(void *unit, uint32_t arg) {
    reducer *self = unit;
    (void)arg;
    while (self->first < self->totals.count) {
        total t = self->totals.items[self->first];
        kb_error error;
        kb_error_clear(&error);
        if (t.end_fs > kb_sim_now(self->parts->sim)) {
            kb_sim_at(self->parts->sim, self->step, t.end_fs);
            return;
        }
        self->first++;
        kb_status status = finish_one(self, &t, &error);
        if (status != KB_OK) {
            fail(self, status, &error);
            return;
        }
    }
    self->first = self->totals.count = 0;
}

/* Totals that are done make room once they are half of all. */
static void drop_finished(reducer *self) {
    size_t left = self->totals.count - self->first;
    if (self->first == 0 || self->first < left) return;
    memmove(self->totals.items, self->totals.items + self->first,
            left * sizeof *self->totals.items);
    self->totals.count = left;
    self->first = 0;
}

/* All parts are there: it takes its turn (S2). */
static kb_status begin(reducer *self, uint32_t number, uint32_t slot, int64_t nbytes,
                       kb_error *err) {
    const kb_params_reduction *params = params_of(self);
    drop_finished(self);
    total *t = KB_VEC_PUSH(&self->totals, self->parts->alloc);
    int64_t now_fs = kb_sim_now(self->parts->sim), adding_fs;
    if (!t) return kb_error_nomem(err, "the totals of a switch");
    *t = (total){.lane = number, .slot = slot, .ready_fs = now_fs};
    t->start_fs = kb_max_i64(now_fs, self->free_fs);
    if (kb_ratio_scale(params->rate, nbytes, &adding_fs) ||
        kb_add_i64(t->start_fs, adding_fs, &self->free_fs) ||
        kb_add_i64(self->free_fs, params->latency_fs, &t->end_fs))
        return kb_error_set(err, KB_OVERFLOW, "expected totals to be made before 2^63 fs");
    kb_meter_run(&self->meter, (uint64_t)nbytes, t->start_fs, self->free_fs);
    if (self->totals.count == self->first + 1) kb_sim_at(self->parts->sim, self->step, t->end_fs);
    return KB_OK;
}

/* --- parts -------------------------------------------------------------------------------------- */

static void free_lane(const reducer *self, lane *at) {
    kb_alloc *alloc = self->parts->alloc;
    kb_alloc_free(alloc, at->rings, at->size, sizeof *at->rings);
    kb_alloc_free(alloc, at->n_there, self->depth, sizeof *at->n_there);
}

static kb_status make_lane(reducer *self, const lane *wanted, kb_error *err) {
    kb_alloc *alloc = self->parts->alloc;
    lane made = *wanted;
    made.rings = kb_alloc_zeroed(alloc, made.size, sizeof *made.rings);
    made.n_there = kb_alloc_zeroed(alloc, self->depth, sizeof *made.n_there);
    lane *at = made.rings && made.n_there ? KB_VEC_PUSH(&self->lanes, alloc) : NULL;
    if (!at) {
        free_lane(self, &made);
        return kb_error_nomem(err, "the lanes of a switch");
    }
    for (uint32_t rank = 0; rank < made.size; rank++) made.rings[rank] = NONE;
    *at = made;
    return KB_OK;
}

/* The lane that a ring leads to; found once for each ring. */
static kb_status find_lane(reducer *self, uint32_t number, kb_ring *ring, uint32_t *found,
                           kb_error *err) {
    const kb_system *system = kb_topology_system(self->parts->topology);
    uint32_t pes_of_sip = (uint32_t)(system->cubes_x * system->cubes_y * system->n_pes);
    lane wanted = {.group = ring->group,
                   .channel = ring->channel,
                   .pe_in_sip = ring->src % pes_of_sip,
                   .size = (uint32_t)kb_sip_group_of(ring->group).size};
    *found = ring->lane - 1;
    if (ring->lane != 0) return KB_OK;
    for (*found = 0; *found < self->lanes.count; ++*found) {
        const lane *at = &self->lanes.items[*found];
        if (at->group == wanted.group && at->channel == wanted.channel &&
            at->pe_in_sip == wanted.pe_in_sip)
            break;
    }
    if (*found == self->lanes.count) KB_TRY(make_lane(self, &wanted, err));
    lane *at = &self->lanes.items[*found];
    at->rings[rank_of(at, (int32_t)(ring->src / pes_of_sip))] = number;
    ring->lane = *found + 1;
    return KB_OK;
}

static void take_part(void *unit, const kb_message *message, uint32_t link, int64_t first,
                      kb_train flits) {
    reducer *self = unit;
    kb_ring *ring = kb_rings_at(self->parts->rings, message->tag);
    kb_error error;
    kb_error_clear(&error);
    uint32_t number = 0;
    (void)link, (void)first, (void)flits;
    kb_status status = find_lane(self, message->tag, ring, &number, &error);
    if (status == KB_OK) {
        lane *at = &self->lanes.items[number];
        uint32_t slot = kb_ring_slot(self->parts->rings, ring->committed);
        ring->committed = kb_ring_next(self->parts->rings, ring->committed);
        if (++at->n_there[slot] < at->size) return;
        at->n_there[slot] = 0;
        status = begin(self, number, slot, message->nbytes, &error);
    }
    if (status != KB_OK) fail(self, status, &error);
}

/* --- life --------------------------------------------------------------------------------------- */

kb_status kb_reducer_create(const kb_parts *parts, uint32_t node, void **unit, kb_error *err) {
    reducer *made = kb_alloc_zeroed(parts->alloc, 1, sizeof *made);
    if (!made) return kb_error_nomem(err, "the reduction unit of a switch");
    made->parts = parts;
    made->node = node;
    made->depth = (uint32_t)kb_parts_params(parts)->pe_ipcq.depth;
    made->rate = params_of(made)->rate;
    kb_meter_init(&made->meter, parts->sim, kb_topology_nodes(parts->topology)[node].name,
                  "its adder", -1, &made->rate);
    kb_status status = kb_sim_add_slot(parts->sim, finish, made, 0, &made->step, err);
    if (status != KB_OK) {
        kb_reducer_destroy(made);
        return status;
    }
    kb_dispatch_set(parts->dispatch, node, KB_MSG_REDUCE_PART, KB_DELIVER_TAIL, take_part, made);
    *unit = made;
    return KB_OK;
}

void kb_reducer_destroy(void *unit) {
    reducer *self = unit;
    if (!self) return;
    kb_alloc *alloc = self->parts->alloc;
    for (size_t i = 0; i < self->lanes.count; i++) free_lane(self, &self->lanes.items[i]);
    KB_VEC_FREE(&self->lanes, alloc);
    KB_VEC_FREE(&self->totals, alloc);
    kb_alloc_free(alloc, self, 1, sizeof *self);
}

/* The ranks that the next total of a lane waits for, while others have sent their parts. */
static size_t describe_lane(const reducer *self, const lane *at, char *text, size_t capacity) {
    const kb_rings *rings = self->parts->rings;
    kb_sip_group group = kb_sip_group_of(at->group);
    size_t length = 0;
    bool some = false;
    for (uint32_t slot = 0; slot < self->depth; slot++) some |= at->n_there[slot] > 0;
    for (uint32_t rank = 0; some && rank < at->size && length < capacity; rank++) {
        const kb_ring *ring = at->rings[rank] == NONE ? NULL : kb_rings_at(rings, at->rings[rank]);
        if (ring && ring->committed != ring->arrived) continue;
        int n = snprintf(text + length, capacity - length, "%s PE %" PRIu32 " of sip%" PRId64,
                         length ? "," : "total lacks", at->pe_in_sip,
                         group.first + rank * group.stride);
        length += n > 0 ? (size_t)n : 0;
    }
    return length < capacity ? length : capacity - 1;
}

size_t kb_reducer_describe(const void *unit, char *text, size_t capacity) {
    const reducer *self = unit;
    size_t length = 0;
    if (capacity == 0) return 0;
    text[0] = '\0';
    for (size_t i = 0; i < self->lanes.count && length + 2 < capacity; i++) {
        const size_t separator = length ? 2 : 0;
        size_t n = describe_lane(self, &self->lanes.items[i], text + length + separator,
                                 capacity - length - separator);
        if (n == 0) {
            text[length] = '\0';
            continue;
        }
        if (separator) text[length] = ';', text[length + 1] = ' ';
        length += separator + n;
    }
    return length;
}
