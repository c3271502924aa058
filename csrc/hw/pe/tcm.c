#include "hw/pe/tcm.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/vec.h"
#include "hw/component/launch.h"
#include "hw/fabric/audit.h"
#include "hw/pe/tcm_port.h"
#include "log/payload.h"

enum { MAX_WORDS = 64, MAX_LINES = 6 };

typedef struct share {
    int64_t nbytes; /* that it may hold */
    int64_t held;
    uint64_t pending; /* commands that make or read its tiles, once for each operand */
} share;

struct kb_tcm {
    kb_alloc *alloc;
    kb_sim *sim;
    kb_oplog *log;
    int32_t pe;
    size_t n_shares, n_compute; /* contexts: all, and those that are not for communication */
    share *shares;              /* by context */
    int64_t capacity_nbytes, lent_nbytes;
    const kb_parts *parts;
    const char *name;
    int64_t used_nbytes[2]; /* by all tiles of contexts to compute, and to communicate */
    int64_t comm_nbytes;    /* for those */
    kb_rest_check rest;
    kb_tcm_port port;
    uint64_t n_versions;
    KB_VEC(kb_tile) tiles;
    KB_VEC(uint32_t) free; /* reserved for every tile, so that freeing never fails */
};

static int64_t whole_granules(int64_t nbytes) {
    return nbytes - nbytes % KB_TCM_GRANULE;
}

static int64_t compute_share(const kb_tcm *tcm, int64_t lent_nbytes) {
    return whole_granules((tcm->capacity_nbytes - lent_nbytes) / (int64_t)tcm->n_compute);
}

static void split(kb_tcm *tcm, const kb_params *params) {
    int64_t n_comm = params->pe.comm_contexts;
    for (size_t i = 0; i < tcm->n_shares; i++)
        tcm->shares[i].nbytes = i < tcm->n_compute
                                    ? compute_share(tcm, 0)
                                    : whole_granules(params->pe.comm_tcm_nbytes / n_comm);
}

kb_status kb_tcm_lend(kb_tcm *tcm, int64_t nbytes, kb_error *err) {
    int64_t share_nbytes = compute_share(tcm, tcm->lent_nbytes + nbytes);
    for (size_t i = 0; i < tcm->n_compute; i++)
        if (tcm->shares[i].held > share_nbytes)
            return kb_error_set(err, KB_DEVICE_MEMORY,
                                "expected room for %" PRId64
                                " bytes of a tensor, got a kernel that "
                                "holds %" PRId64 " bytes in tiles; wait for it first",
                                nbytes, tcm->shares[i].held);
    tcm->lent_nbytes += nbytes;
    for (size_t i = 0; i < tcm->n_compute; i++) tcm->shares[i].nbytes = share_nbytes;
    return KB_OK;
}

/* When no launch is under way nobody holds a tile. */
static kb_status check_at_rest(void *self, kb_error *err) {
    const kb_tcm *tcm = self;
    int64_t used_nbytes = tcm->used_nbytes[0] + tcm->used_nbytes[1];
    if (used_nbytes == 0 || kb_launches_count(tcm->parts->launches) > 0) return KB_OK;
    return kb_error_set(err, KB_INTERNAL,
                        "physics: %s: expected all of it to be free at rest, got %" PRId64
                        " bytes of tiles; this is a fault of kernbench, please report it",
                        tcm->name, used_nbytes);
}

/* A tile takes, or leaves (negative), so much. */
static void use(kb_tcm *tcm, uint32_t context, int64_t nbytes) {
    bool comm = context >= tcm->n_compute;
    int64_t limit = comm ? tcm->comm_nbytes : tcm->capacity_nbytes - tcm->lent_nbytes;
    if (!tcm->rest.listed) kb_audit_at_rest(tcm->parts->fabric, &tcm->rest);
    tcm->shares[context].held += nbytes;
    tcm->used_nbytes[comm] += nbytes;
    if (tcm->used_nbytes[comm] > limit)
        kb_audit_overfull(tcm->sim, tcm->name, "bytes of tiles", tcm->used_nbytes[comm], limit);
}

kb_status kb_tcm_create(const kb_parts *parts, uint32_t node, void **tcm, kb_error *err) {
    const kb_params *params = kb_parts_params(parts);
    kb_tcm *made = kb_alloc_zeroed(parts->alloc, 1, sizeof *made);
    if (!made) return kb_error_nomem(err, "a TCM");
    made->alloc = parts->alloc;
    made->sim = parts->sim;
    made->log = parts->log;
    made->pe = kb_parts_pe(parts, node);
    made->parts = parts;
    made->name = kb_topology_nodes(parts->topology)[node].name;
    made->rest = (kb_rest_check){.self = made, .check = check_at_rest};
    made->comm_nbytes = params->pe.comm_tcm_nbytes;
    made->n_compute = (size_t)params->pe.contexts;
    made->n_shares = made->n_compute + (size_t)params->pe.comm_contexts;
    made->capacity_nbytes = params->pe_tcm.capacity_nbytes;
    made->shares = kb_alloc_zeroed(parts->alloc, made->n_shares, sizeof *made->shares);
    if (!made->shares) {
        kb_tcm_destroy(made);
        return kb_error_nomem(err, "a TCM");
    }
    split(made, params);
    kb_tcm_port_attach(&made->port, parts, node);
    *tcm = made;
    return KB_OK;
}

void kb_tcm_destroy(void *tcm) {
    kb_tcm *self = tcm;
    if (!self) return;
    KB_VEC_FREE(&self->tiles, self->alloc);
    KB_VEC_FREE(&self->free, self->alloc);
    kb_alloc_free(self->alloc, self->shares, self->n_shares, sizeof *self->shares);
    kb_alloc_free(self->alloc, self, 1, sizeof *self);
}

static bool is_live(const kb_tile *tile) {
    return tile->references || tile->readers || tile->producer != KB_NO_COMMAND;
}

/* "line 12: 3 x 32768 B": appended to text, one entry a line of the kernel. */
static void describe_holders(const kb_tcm *tcm, uint32_t context, char *text, size_t capacity) {
    int32_t last = -1;
    size_t length = 0;
    text[0] = '\0';
    for (int n_lines = 0; length < capacity; n_lines++) {
        int32_t line = INT32_MAX;
        int64_t nbytes = 0;
        int count = 0;
        for (size_t i = 0; i < tcm->tiles.count; i++) {
            const kb_tile *tile = &tcm->tiles.items[i];
            if (!is_live(tile) || tile->context != context || !tile->charged) continue;
            if (tile->line <= last || tile->line > line) continue;
            if (tile->line < line) {
                line = tile->line;
                nbytes = count = 0;
            }
            nbytes += tile->charged;
            count++;
        }
        if (count == 0) return;
        const char *separator = n_lines ? ", " : "";
        if (n_lines == MAX_LINES) {
            (void)snprintf(text + length, capacity - length, ", ...");
            return;
        }
        int n = snprintf(text + length, capacity - length,
                         "%sline %" PRId32 ": %d with %" PRId64 " bytes", separator, line, count,
                         nbytes);
        length += n > 0 ? (size_t)n : 0;
        last = line;
    }
}

static kb_status never_fits(const kb_tcm *tcm, uint32_t context, int64_t nbytes, int32_t line,
                            kb_error *err) {
    char holders[512];
    describe_holders(tcm, context, holders, sizeof holders);
    char lent[80] = "";
    if (tcm->lent_nbytes && context < tcm->n_compute)
        (void)snprintf(lent, sizeof lent, " (tensors take %" PRId64 " bytes of the PE's)",
                       tcm->lent_nbytes);
    return kb_error_set(err, KB_RESOURCES,
                        "line %" PRId32 ": expected a tile that fits the TCM of a program, %" PRId64
                        " bytes%s, got one of %" PRId64 " bytes beside %" PRId64
                        " bytes that are held (tiles by kernel line: %s); use smaller tiles",
                        line, tcm->shares[context].nbytes, lent, nbytes, tcm->shares[context].held,
                        holders[0] ? holders : "none");
}

static kb_status add(kb_tcm *tcm, kb_tile blank, uint32_t *slot, kb_error *err) {
    if (tcm->free.count > 0) {
        *slot = tcm->free.items[--tcm->free.count];
    } else {
        if (!KB_VEC_RESERVE(&tcm->tiles, tcm->alloc, 1) ||
            !KB_VEC_RESERVE(&tcm->free, tcm->alloc, tcm->tiles.count + 1))
            return kb_error_nomem(err, "a tile");
        *slot = (uint32_t)tcm->tiles.count++;
    }
    blank.version = kb_tcm_name(tcm);
    blank.references = 1;
    blank.producer = KB_NO_COMMAND;
    tcm->tiles.items[*slot] = blank;
    return KB_OK;
}

kb_status kb_tcm_take(kb_tcm *tcm, uint32_t context, int64_t nbytes, int32_t line, uint32_t *tile,
                      kb_error *err) {
    *tile = KB_NO_TILE;
    share *own = &tcm->shares[context];
    if (nbytes > own->nbytes) return never_fits(tcm, context, nbytes, line, err);
    int64_t charged = (nbytes + KB_TCM_GRANULE - 1) / KB_TCM_GRANULE * KB_TCM_GRANULE;
    if (charged > own->nbytes - own->held)
        return own->pending ? KB_OK : never_fits(tcm, context, nbytes, line, err);
    kb_tile blank = {.nbytes = nbytes, .charged = charged, .context = context, .line = line};
    KB_TRY(add(tcm, blank, tile, err));
    use(tcm, context, charged);
    return KB_OK;
}

kb_status kb_tcm_carve(kb_tcm *tcm, uint32_t context, int64_t nbytes, int32_t line, uint32_t *tile,
                       kb_error *err) {
    kb_tile blank = {.nbytes = nbytes, .context = context, .line = line};
    return add(tcm, blank, tile, err);
}

kb_status kb_tcm_succeed(kb_tcm *tcm, uint32_t old, int32_t line, uint32_t *tile, kb_error *err) {
    kb_tile blank = tcm->tiles.items[old];
    blank.readers = 0;
    blank.line = line;
    blank.logged = false;
    KB_TRY(add(tcm, blank, tile, err));
    tcm->tiles.items[old].charged = 0;
    return KB_OK;
}

void kb_tcm_hold(kb_tcm *tcm, uint32_t tile) {
    tcm->tiles.items[tile].references++;
}

static bool free_if_unneeded(kb_tcm *tcm, uint32_t slot) {
    kb_tile *tile = &tcm->tiles.items[slot];
    if (is_live(tile)) return false;
    use(tcm, tile->context, -tile->charged);
    tcm->free.items[tcm->free.count++] = slot;
    return true;
}

static kb_status log_free(const kb_tcm *tcm, const kb_tile *tile, kb_error *err) {
    int64_t words[MAX_WORDS];
    kb_payload payload = {.n_operands = 1};
    payload.operand[0] =
        (kb_operand){.kind = KB_OPERAND_TILE, .last_use = true, .bits = tile->version};
    uint32_t n_words = kb_payload_words(KB_OP_FREE, &payload);
    if (n_words > MAX_WORDS)
        return kb_error_set(err, KB_INTERNAL, "a FREE record: expected at most %d words, got %u",
                            MAX_WORDS, (unsigned)n_words);
    kb_payload_encode(KB_OP_FREE, &payload, words);
    int64_t now_fs = kb_sim_now(tcm->sim);
    kb_record record = {.end_fs = now_fs,
                        .start_fs = now_fs,
                        .ready_fs = now_fs,
                        .pe = tcm->pe,
                        .launch = tile->launch,
                        .program = tile->program,
                        .kernel = tile->kernel,
                        .line = tile->line,
                        .sequence = tile->sequence,
                        .kind = KB_OP_FREE};
    return kb_oplog_append(tcm->log, &record, words, n_words, err);
}

kb_status kb_tcm_drop(kb_tcm *tcm, uint32_t slot, kb_error *err) {
    kb_tile *tile = &tcm->tiles.items[slot];
    tile->references--;
    if (!free_if_unneeded(tcm, slot) || !tile->logged) return KB_OK;
    return log_free(tcm, tile, err);
}

const kb_tile *kb_tcm_tile(const kb_tcm *tcm, uint32_t tile) {
    return &tcm->tiles.items[tile];
}

bool kb_tcm_is_there(const kb_tcm *tcm, uint32_t tile) {
    return tcm->tiles.items[tile].producer == KB_NO_COMMAND;
}

int64_t kb_tcm_held(const kb_tcm *tcm, uint32_t context) {
    return tcm->shares[context].held;
}

int64_t kb_tcm_share(const kb_tcm *tcm, uint32_t context) {
    return tcm->shares[context].nbytes;
}

uint64_t kb_tcm_name(kb_tcm *tcm) {
    return kb_tile_version((uint32_t)tcm->pe, tcm->n_versions++);
}

void kb_tcm_produce(kb_tcm *tcm, uint32_t slot, uint32_t command, const kb_record *record) {
    kb_tile *tile = &tcm->tiles.items[slot];
    tile->producer = command;
    tile->launch = record->launch;
    tile->program = record->program;
    tile->kernel = record->kernel;
    tile->line = record->line;
    tile->sequence = record->sequence;
    tile->logged = true;
    tcm->shares[tile->context].pending++;
}

void kb_tcm_read(kb_tcm *tcm, uint32_t slot) {
    kb_tile *tile = &tcm->tiles.items[slot];
    tile->readers++;
    tcm->shares[tile->context].pending++;
}

bool kb_tcm_produced(kb_tcm *tcm, uint32_t slot, uint64_t *version) {
    kb_tile *tile = &tcm->tiles.items[slot];
    tile->producer = KB_NO_COMMAND;
    tcm->shares[tile->context].pending--;
    *version = tile->version;
    return free_if_unneeded(tcm, slot);
}

bool kb_tcm_unread(kb_tcm *tcm, uint32_t slot, uint64_t *version) {
    kb_tile *tile = &tcm->tiles.items[slot];
    tile->readers--;
    tcm->shares[tile->context].pending--;
    *version = tile->version;
    return free_if_unneeded(tcm, slot);
}
