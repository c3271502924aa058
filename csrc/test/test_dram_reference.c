/* ADR-0052: the pseudo-channels serve every burst when the reference does, and count the same. */
#include "test/dram_reference.h"

#include "test/topology_text.h"

enum { MAX_PCS = 4 };

/* The set of (burst, time), and what the last one's time is. */
typedef struct outcome {
    uint64_t hash;
    int64_t last_fs;
} outcome;

typedef struct pair {
    kb_alloc alloc;
    kb_topology *topology;
    const kb_dram *dram;
    kb_dram_stack stack;
    reference references[MAX_PCS];
    outcome fast, slow;
} pair;

/* Of a job, what a run's burst begins with. */
static uint64_t first_byte(uint64_t packed, uint64_t skip, uint64_t burst) {
    return burst ? packed + burst * 32 - skip : packed;
}

static void note(outcome *o, uint32_t job, uint64_t byte, int64_t there_fs) {
    uint64_t mixed =
        (byte * UINT64_C(0x9E3779B97F4A7C15)) ^ (uint64_t)job << 40 ^ (uint64_t)there_fs;
    mixed = (mixed ^ mixed >> 29) * UINT64_C(0xBF58476D1CE4E5B9);
    o->hash += mixed ^ mixed >> 32;
    o->last_fs = kb_max_i64(o->last_fs, there_fs);
}

static void note_fast(void *self, const kb_dram_run *run, uint32_t first, uint32_t count,
                      int64_t there_fs, int64_t period_fs) {
    pair *p = self;
    for (uint32_t i = 0; i < count; i++)
        note(&p->fast, run->job, first_byte(run->packed, run->skip, first + i),
             there_fs + i * period_fs);
}

static void note_slow(void *self, const reference_run *run, int64_t there_fs) {
    pair *p = self;
    note(&p->slow, run->job, first_byte(run->packed, run->skip, (uint64_t)run->n_served), there_fs);
}

static bool open_pair(pair *p, const char *keys) {
    char text[1024];
    (void)snprintf(text, sizeof text,
                   "{kernbench: 1, flit_bytes: 32, components: [{name: m, impl: hbm, %s}]}", keys);
    memset(&p->stack, 0, sizeof p->stack);
    p->fast = p->slow = (outcome){0, 0};
    p->alloc = kb_alloc_system();
    p->topology = topology_parse(&p->alloc, text);
    if (!CHECK(p->topology != NULL)) return false;
    p->dram = kb_topology_dram(p->topology, 0);
    if (!CHECK(p->dram != NULL && p->dram->n_pcs <= MAX_PCS)) return false;
    kb_error err = KB_ERROR_INIT;
    if (!CHECK_EQ(kb_dram_stack_init(&p->stack, &p->alloc, p->dram, kb_topology_hbm(p->topology, 0),
                                     note_fast, p, &err),
                  KB_OK))
        return false;
    for (int64_t i = 0; i < p->dram->n_pcs; i++)
        reference_init(&p->references[i], &p->stack.core.rules);
    return true;
}

static void close_pair(pair *p) {
    kb_dram_stack_deinit(&p->stack);
    kb_topology_destroy(p->topology);
    CHECK_EQ(p->alloc.live_nbytes, 0);
}

/* Span by span, as each is a run. */
static void add_slow(pair *p, uint32_t job, uint64_t offset, uint64_t nbytes, uint64_t n_before,
                     bool write, int64_t when_fs) {
    const kb_dram_map *map = &p->dram->map;
    while (nbytes > 0) {
        uint64_t left = map->span_nbytes - offset % map->span_nbytes;
        uint64_t taken = nbytes < left ? nbytes : left, skip = offset % map->burst_nbytes;
        kb_dram_place place = kb_dram_map_decode(map, offset);
        uint64_t group =
            place.at[KB_DRAM_SID] * map->sizes[KB_DRAM_BANK_GROUP] + place.at[KB_DRAM_BANK_GROUP];
        reference *r = &p->references[place.at[KB_DRAM_PC]];
        reference_run run = {
            .when_fs = when_fs,
            .count = (int64_t)((skip + taken + map->burst_nbytes - 1) / map->burst_nbytes),
            .packed = n_before,
            .skip = skip,
            .job = job,
            .row = (uint32_t)place.at[KB_DRAM_ROW],
            .bank = (uint32_t)(group * map->sizes[KB_DRAM_BANK] + place.at[KB_DRAM_BANK]),
            .write = write};
        if (!CHECK(r->n_runs < REFERENCE_RUNS)) return;
        reference_add(r, run);
        n_before += taken;
        offset += taken;
        nbytes -= taken;
    }
}

/* What rows, or the flits of one, ask for: the reference gets each by itself. */
static void add(pair *p, kb_dram_bytes bytes, uint64_t stride, uint64_t n_rows) {
    if (n_rows > 1) CHECK(kb_dram_stack_add_rows(&p->stack, &bytes, stride, n_rows));
    else CHECK(kb_dram_stack_add(&p->stack, &bytes));
    for (uint64_t n = 0, taken; n < bytes.nbytes; n += taken) {
        taken = bytes.nbytes - n < bytes.flit_nbytes ? bytes.nbytes - n : bytes.flit_nbytes;
        add_slow(p, bytes.job, bytes.offset + n, taken, n, bytes.write, bytes.when_fs);
        bytes.when_fs += bytes.period_fs;
    }
    for (uint64_t i = 1; i < n_rows; i++)
        add_slow(p, bytes.job, bytes.offset + i * stride, bytes.nbytes, i * bytes.nbytes,
                 bytes.write, bytes.when_fs);
}

static uint32_t random_next(uint64_t *state) {
    *state = *state * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return (uint32_t)(*state >> 33);
}

/* Scattered, in strides, or as a stream flit by flit; crowded or sparse; read, written, or both. */
static void run_random(pair *p, uint64_t seed) {
    uint64_t state = seed * 77 + 1, capacity = p->dram->map.n_bursts * 32, offset = 0;
    uint64_t focus = UINT64_C(1) << (8 + random_next(&state) % 14);
    uint64_t stride = UINT64_C(64) << random_next(&state) % 9;
    uint32_t n_writes = random_next(&state) % 9, crowd = 1 + random_next(&state) % 6;
    uint32_t kind = random_next(&state) % 4, gap_fs = random_next(&state) % 2 ? 2000000 : 40000000;
    int64_t step_fs = 1000000 + random_next(&state) % 60000000, now_fs = 0, due_fs = 0;
    for (uint32_t job = 0; job < 500; job++) {
        if (random_next(&state) % crowd == 0) due_fs += random_next(&state) % gap_fs;
        if (random_next(&state) % 200 == 0) due_fs += INT64_C(4000000000);
        uint64_t nbytes = 128;
        bool jumps = random_next(&state) % 20 == 0, write = random_next(&state) % 8 < n_writes;
        offset = (offset + (kind == 1 ? stride : 64)) % capacity;
        if (kind == 0) nbytes = 1 + random_next(&state) % (random_next(&state) % 3 ? 64 : 1500);
        if (kind == 0 || jumps) offset = (uint64_t)random_next(&state) % focus * 4 % capacity;
        if (kind == 2) nbytes = 64;
        uint64_t n_rows = kind == 1 ? 1 + random_next(&state) % 4 : 1, flit_nbytes = nbytes;
        int64_t period_fs = 0;
        if (kind == 3 && random_next(&state) % 2) { /* most of them begin with a burst */
            static const uint64_t flits[] = {32, 64, 64, 64, 128, 96, 512};
            flit_nbytes = flits[random_next(&state) % 7];
            offset = (offset + flit_nbytes - 1) / flit_nbytes * flit_nbytes;
            if (random_next(&state) % 16 == 0) offset += 8;
            nbytes = 1 + random_next(&state) % 2000;
            period_fs = random_next(&state) % 4 ? random_next(&state) % 6000000 : 1000000;
        }
        if (offset + nbytes + (n_rows - 1) * stride > capacity) offset = 0;
        for (; now_fs < due_fs; now_fs += step_fs)
            (void)kb_dram_stack_advance(&p->stack, kb_min_i64(now_fs, due_fs - 1));
        now_fs = due_fs;
        add(p,
            (kb_dram_bytes){.offset = offset,
                            .nbytes = nbytes,
                            .job = job,
                            .write = write,
                            .when_fs = due_fs,
                            .period_fs = period_fs,
                            .flit_nbytes = flit_nbytes},
            stride, n_rows);
        if (nbytes > flit_nbytes) due_fs += (int64_t)((nbytes - 1) / flit_nbytes) * period_fs;
    }
    (void)kb_dram_stack_advance(&p->stack, INT64_C(1) << 60);
    CHECK_EQ(p->stack.n_waiting, 0);
    for (int64_t i = 0; i < p->dram->n_pcs; i++) reference_run_all(&p->references[i], note_slow, p);
}

static void agrees_with_the_reference(void) {
    static const char *const kinds[] = {
        "standard: HBM3, channels: 1, refresh: none",
        "standard: HBM3, channels: 2, refresh: all_bank",
        "standard: HBM3E, channels: 1, refresh: per_bank",
        "standard: HBM2, channels: 1, refresh: all_bank, mapping: [column, bank_group, bank, sid, "
        "pc, row]",
        "standard: HBM4, channels: 1, refresh: none, queue: 5, write_wait: 9, write_low: 50",
        "standard: HBM2E, channels: 1, refresh: none, queue: 64",
        "standard: HBM3, channels: 1, refresh: none, timing: {tCCD_S: 3, tCCD_L: 4, tCCD_R: 5}",
        "standard: HBM3, channels: 1, refresh: none, bank_hash: none, queue: 1, timing: {tRTP: 1}"};
    static pair p;
    for (uint64_t seed = 0; seed < 240; seed++) {
        if (open_pair(&p, kinds[seed % 8])) {
            run_random(&p, seed);
            if (!CHECK(p.fast.hash == p.slow.hash)) printf("#     seed %d\n", (int)seed);
            CHECK_EQ(p.fast.last_fs, p.slow.last_fs);
            for (int64_t i = 0; i < p.dram->n_pcs; i++)
                CHECK(memcmp(&p.stack.pcs[i]->statistics, &p.references[i].statistics,
                             sizeof(kb_dram_statistics)) == 0);
        }
        close_pair(&p);
    }
}

int main(void) {
    TAP_RUN(agrees_with_the_reference);
    return tap_finish();
}
