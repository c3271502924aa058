#include "hw/control/m_cpu_dma.h"

#include <string.h>

#include "base/checked.h"
#include "base/vec.h"
#include "hw/component/copy.h"
#include "hw/component/home.h"
#include "hw/component/meter.h"
#include "hw/component/outbox.h"
#include "hw/component/request.h"

enum { NO_CUBE = -1, MAX_AHEAD = 64 };

/* A copy that is under way here. */
typedef struct active {
    kb_copy *copy;
    uint64_t from;     /* where its next piece is looked for */
    uint32_t n_pieces; /* under way */
    bool commanded;    /* by M_CPU; what the cube before says may come earlier */
    bool exhausted;
    uint64_t n_taken;   /* pieces, from the first on */
    uint64_t n_there;   /* pieces that the cube before has written */
    uint64_t n_written; /* pieces, all up to there; */
    uint64_t written;   /* and which of those behind, one bit each */
} active;

typedef enum stage { STAGE_IDLE, STAGE_READING, STAGE_HOLDING, STAGE_WRITING } stage;

typedef struct channel {
    struct kb_m_cpu_dma *dma;
    stage stage;
    kb_copy *copy;
    kb_copy_piece piece;
    kb_copy_piece source; /* the same piece where it is read, where that is not the host */
    uint64_t number;      /* of the piece */
    int64_t start_fs;
    int64_t write_fs; /* no earlier */
    kb_meter meter;   /* of bytes */
    uint32_t slot;
} channel;

typedef struct kb_m_cpu_dma {
    const kb_parts *parts;
    const kb_node *at;
    uint32_t node, m_cpu, host;
    int32_t before;      /* cube that replicated bytes come from; NO_CUBE: the host */
    uint32_t hbm_before; /* node */
    uint32_t n_next;
    uint32_t next[2]; /* nodes: M_CPU.DMA of the cubes that read from this one */
    uint32_t n_cubes;
    kb_ratio rate;
    kb_outbox *outbox;
    uint32_t n_channels;
    channel *channels;
    KB_VEC(active) copies;
} kb_m_cpu_dma;

static void take_done(void *self, kb_request *request);

/* Whether every cube gets the bytes, one from another. */
static bool is_relayed(const kb_m_cpu_dma *dma, const kb_copy *copy) {
    return copy->to_device && !copy->install && copy->placement->kind == KB_PLACEMENT_REPLICATED &&
           copy->placement->n_copies == dma->n_cubes;
}

static bool comes_from_before(const kb_m_cpu_dma *dma, const kb_copy *copy) {
    return dma->before != NO_CUBE && is_relayed(dma, copy);
}

/* Where a piece lies in this cube; page tables are in HBM whatever the tensor is in. */
static kb_home home_of(const kb_m_cpu_dma *dma, const kb_copy *copy, const kb_copy_piece *piece) {
    kb_space space = copy->install ? KB_SPACE_HBM : copy->placement->space;
    return kb_home_of(dma->parts->topology, space, (uint32_t)dma->at->sip, (uint32_t)dma->at->cube,
                      (uint32_t)piece->slice);
}

static kb_status send(channel *c, bool write, kb_error *err) {
    const kb_m_cpu_dma *dma = c->dma;
    bool before = !write && comes_from_before(dma, c->copy);
    bool at_host = write != c->copy->to_device && !before;
    const kb_copy_piece *place = before ? &c->source : &c->piece;
    kb_home home = at_host  ? (kb_home){dma->host, KB_ANY_SLICE}
                   : before ? (kb_home){dma->hbm_before, place->slice}
                            : home_of(dma, c->copy, place);
    kb_request *request;
    KB_TRY(kb_request_take(dma->parts->requests, &request, err));
    request->requester = dma->node;
    request->memory = home.memory;
    request->slice = home.slice;
    request->write = write;
    kb_request_set_range(request, at_host ? 0 : place->offset, place->nbytes);
    request->done = take_done;
    request->self = c;
    c->stage = write ? STAGE_WRITING : STAGE_READING;
    return kb_request_send(dma->parts->requests, request, err);
}

static void send_or_fail(channel *c, bool write) {
    kb_error error;
    kb_error_clear(&error);
    kb_status status = send(c, write, &error);
    if (status == KB_OK) return;
    (void)kb_error_set(kb_sim_fail(c->dma->parts->sim, status), status, "%s: %s",
                       kb_topology_nodes(c->dma->parts->topology)[c->dma->node].name,
                       error.message);
}

/* NULL when nothing of it has come here. */
static active *find(kb_m_cpu_dma *dma, const kb_copy *copy) {
    size_t i = 0;
    while (i < dma->copies.count && dma->copies.items[i].copy != copy) i++;
    return i < dma->copies.count ? &dma->copies.items[i] : NULL;
}

static void finish_if_done(kb_m_cpu_dma *dma, active *a) {
    if (a->n_pieces > 0 || !a->exhausted) return;
    kb_outbox_post(dma->outbox, kb_sim_now(dma->parts->sim), dma->m_cpu, KB_MSG_COPY,
                   a->copy->slot);
    size_t i = (size_t)(a - dma->copies.items);
    memmove(a, a + 1, (dma->copies.count - i - 1) * sizeof *a);
    dma->copies.count--;
}

static bool next_piece(kb_m_cpu_dma *dma, channel *c) {
    for (size_t i = 0; i < dma->copies.count; i++) {
        active *a = &dma->copies.items[i];
        if (a->exhausted || !a->commanded) continue;
        if (kb_copy_next(a->copy, (uint32_t)dma->at->cube, a->from, &c->piece)) {
            bool before = comes_from_before(dma, a->copy);
            if (before && a->n_taken == a->n_there) continue;
            if (a->n_taken - a->n_written == MAX_AHEAD) continue;
            if (before) (void)kb_copy_next(a->copy, (uint32_t)dma->before, a->from, &c->source);
            a->from = c->piece.done;
            a->n_pieces++;
            c->number = a->n_taken++;
            c->copy = a->copy;
            return true;
        }
        a->exhausted = true;
        if (a->n_pieces > 0) continue;
        finish_if_done(dma, a);
        i--;
    }
    return false;
}

static void start_piece(channel *c) {
    int64_t busy_fs, now_fs = kb_sim_now(c->dma->parts->sim);
    if (!next_piece(c->dma, c)) return;
    c->start_fs = now_fs;
    if (kb_ratio_scale(c->dma->rate, (int64_t)c->piece.nbytes, &busy_fs) ||
        kb_add_i64(now_fs, busy_fs, &c->write_fs))
        c->write_fs = KB_TIME_MAX;
    if (c->copy->install) { /* M_CPU makes the entries up itself */
        c->stage = STAGE_HOLDING;
        kb_sim_at(c->dma->parts->sim, c->slot, c->write_fs);
        return;
    }
    send_or_fail(c, false);
}

static void step(void *self, uint32_t arg) {
    kb_m_cpu_dma *dma = self;
    channel *c = &dma->channels[arg];
    if (c->stage == STAGE_IDLE) start_piece(c);
    else if (c->stage == STAGE_HOLDING && kb_sim_now(dma->parts->sim) >= c->write_fs)
        send_or_fail(c, true);
}

static void note_memory(kb_copy *copy, const kb_request *request) {
    if (copy->memory_start_fs == 0 || request->memory_start_fs < copy->memory_start_fs)
        copy->memory_start_fs = request->memory_start_fs;
    copy->memory_end_fs = kb_max_i64(copy->memory_end_fs, request->memory_end_fs);
    copy->n_requests++;
}

/* Lets those cubes have it that read it from here. */
static void hand_on(kb_m_cpu_dma *dma, active *a, uint64_t number) {
    a->written |= UINT64_C(1) << (number - a->n_written);
    for (; a->written & 1; a->written >>= 1, a->n_written++)
        for (uint32_t i = 0; i < dma->n_next && is_relayed(dma, a->copy); i++)
            kb_outbox_post(dma->outbox, kb_sim_now(dma->parts->sim), dma->next[i],
                           KB_MSG_COPY_PIECE, a->copy->slot);
}

static void take_done(void *self, kb_request *request) {
    channel *c = self;
    kb_m_cpu_dma *dma = c->dma;
    kb_sim *sim = dma->parts->sim;
    if (request->write == c->copy->to_device) note_memory(c->copy, request);
    if (!request->write) {
        c->stage = STAGE_HOLDING;
        kb_sim_at(sim, c->slot, kb_max_i64(c->write_fs, kb_sim_now(sim)));
        return;
    }
    active *a = find(dma, c->copy);
    kb_meter_run(&c->meter, c->piece.nbytes, c->start_fs, kb_sim_now(sim));
    a->n_pieces--;
    hand_on(dma, a, c->number);
    finish_if_done(dma, a);
    c->stage = STAGE_IDLE;
    kb_sim_signal(sim, c->slot);
}

/* From M_CPU, or from the cube before. */
static void take_copy(void *self, const kb_message *message, uint32_t link, int64_t first,
                      kb_train flits) {
    kb_m_cpu_dma *dma = self;
    (void)link, (void)first, (void)flits;
    if (!KB_VEC_RESERVE(&dma->copies, dma->parts->alloc, 1)) {
        (void)kb_error_nomem(kb_sim_fail(dma->parts->sim, KB_NOMEM), "a copy of M_CPU.DMA");
        return;
    }
    kb_copy *copy = kb_copies_at(dma->parts->copies, message->tag);
    active *a = find(dma, copy);
    if (!a) {
        a = &dma->copies.items[dma->copies.count++];
        *a = (active){.copy = copy};
    }
    if (message->kind == KB_MSG_COPY) a->commanded = true;
    else a->n_there++;
    for (uint32_t i = 0; i < dma->n_channels; i++)
        kb_sim_signal(dma->parts->sim, dma->channels[i].slot);
}

/* Whom replicated bytes come from, and go to: a tree over the cubes of the SIP. */
static void find_neighbours(kb_m_cpu_dma *dma) {
    const kb_topology *topology = dma->parts->topology;
    const kb_system *system = kb_topology_system(topology);
    int32_t width = (int32_t)system->cubes_x, cube = dma->at->cube;
    int32_t n_cubes = width * (int32_t)system->cubes_y;
    bool first_column = cube % width == 0;
    dma->n_cubes = (uint32_t)n_cubes;
    dma->before = !first_column ? cube - 1 : cube > 0 ? cube - width : NO_CUBE;
    if (dma->before != NO_CUBE)
        dma->hbm_before = kb_topology_part(topology, KB_IMPL_HBM, dma->at->sip, dma->before, -1);
    int32_t next[2] = {(cube + 1) % width ? cube + 1 : n_cubes,
                       first_column ? cube + width : n_cubes};
    for (int i = 0; i < 2; i++)
        if (next[i] < n_cubes)
            dma->next[dma->n_next++] =
                kb_topology_part(topology, KB_IMPL_M_CPU_DMA, dma->at->sip, next[i], -1);
}

static kb_status init(kb_m_cpu_dma *dma, kb_error *err) {
    const kb_parts *parts = dma->parts;
    const kb_params_m_cpu *params = &kb_parts_params(parts)->m_cpu;
    dma->m_cpu = kb_topology_part(parts->topology, KB_IMPL_M_CPU, dma->at->sip, dma->at->cube, -1);
    dma->host = kb_topology_part(parts->topology, KB_IMPL_HOST, -1, -1, -1);
    find_neighbours(dma);
    dma->rate = params->dma;
    dma->n_channels = (uint32_t)params->dma_channels;
    dma->channels = kb_alloc_zeroed(parts->alloc, dma->n_channels, sizeof *dma->channels);
    if (!dma->channels) return kb_error_nomem(err, "an M_CPU.DMA");
    for (uint32_t i = 0; i < dma->n_channels; i++) {
        dma->channels[i].dma = dma;
        kb_meter_init(&dma->channels[i].meter, parts->sim, dma->at->name, "channel", (int32_t)i,
                      &params->dma);
        KB_TRY(kb_sim_add_slot(parts->sim, step, dma, i, &dma->channels[i].slot, err));
    }
    KB_TRY(kb_outbox_create(parts, dma->node, &dma->outbox, err));
    kb_dispatch_set(parts->dispatch, dma->node, KB_MSG_COPY, KB_DELIVER_TAIL, take_copy, dma);
    kb_dispatch_set(parts->dispatch, dma->node, KB_MSG_COPY_PIECE, KB_DELIVER_TAIL, take_copy, dma);
    return KB_OK;
}

kb_status kb_m_cpu_dma_create(const kb_parts *parts, uint32_t node, void **dma, kb_error *err) {
    kb_m_cpu_dma *made = kb_alloc_zeroed(parts->alloc, 1, sizeof *made);
    if (!made) return kb_error_nomem(err, "an M_CPU.DMA");
    made->parts = parts;
    made->node = node;
    made->at = &kb_topology_nodes(parts->topology)[node];
    kb_status status = init(made, err);
    if (status == KB_OK) *dma = made;
    else kb_m_cpu_dma_destroy(made);
    return status;
}

void kb_m_cpu_dma_destroy(void *dma) {
    kb_m_cpu_dma *self = dma;
    if (!self) return;
    kb_outbox_destroy(self->outbox);
    KB_VEC_FREE(&self->copies, self->parts->alloc);
    kb_alloc_free(self->parts->alloc, self->channels, self->n_channels, sizeof *self->channels);
    kb_alloc_free(self->parts->alloc, self, 1, sizeof *self);
}
