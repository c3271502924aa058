#include "hw/dram/dram_stack.h"

#include "base/checked.h"
#include "base/vec.h"
#include "sim/sim.h"
#include "test/topology_text.h"

/* --- a memory alone ------------------------------------------------------------------------------- */

enum { MAX_JOBS = 1 << 17 };

/* job j: one burst or a few; there_fs[j] is when its last one was served. */
typedef struct memory {
    kb_alloc alloc;
    kb_topology *topology;
    const kb_dram *dram;
    kb_dram_stack stack;
    uint32_t n_jobs;
    int64_t there_fs[MAX_JOBS];
    int64_t first_fs, last_fs;
    uint64_t trains, hash;
    uint32_t faults, fault_bank; /* of the physics checks */
    int64_t fault_fs, fault_free_fs;
} memory;

static void note(void *self, const kb_dram_run *run, uint32_t first, uint32_t count,
                 int64_t there_fs, int64_t period_fs) {
    memory *m = self;
    int64_t last_fs = there_fs + (count - 1) * period_fs;
    m->there_fs[run->job] = kb_max_i64(m->there_fs[run->job], last_fs);
    m->first_fs = kb_min_i64(m->first_fs, there_fs);
    m->last_fs = kb_max_i64(m->last_fs, last_fs);
    m->trains++;
    for (uint32_t i = 0; i < count; i++) { /* of the set of (burst, time): cut as it may be */
        uint64_t mixed = (run->packed + first + i) * UINT64_C(0x9E3779B97F4A7C15) ^
                         (uint64_t)run->job << 40 ^ (uint64_t)(there_fs + i * period_fs);
        mixed = (mixed ^ mixed >> 29) * UINT64_C(0xBF58476D1CE4E5B9);
        m->hash += mixed ^ mixed >> 32;
    }
}

static void hear(void *self, const kb_dram_pc *pc, uint32_t bank, int64_t at_fs, int64_t free_fs) {
    memory *m = self;
    (void)pc;
    if (m->faults++) return;
    m->fault_bank = bank;
    m->fault_fs = at_fs;
    m->fault_free_fs = free_fs;
}

static bool open_memory(memory *m, const char *keys) {
    char text[1024];
    (void)snprintf(text, sizeof text,
                   "{kernbench: 1, flit_bytes: 32, components: [{name: m, impl: hbm, %s}]}", keys);
    memset(m, 0, sizeof *m);
    m->first_fs = KB_TIME_MAX;
    m->alloc = kb_alloc_system();
    m->topology = topology_parse(&m->alloc, text);
    if (!CHECK(m->topology != NULL)) return false;
    kb_error err = KB_ERROR_INIT;
    m->dram = kb_topology_dram(m->topology, 0);
    if (!CHECK(m->dram != NULL)) return false;
    bool made = CHECK_EQ(kb_dram_stack_init(&m->stack, &m->alloc, m->dram,
                                            kb_topology_hbm(m->topology, 0), note, m, &err),
                         KB_OK);
    m->stack.core.fault = hear;
    return made;
}

static void close_memory(memory *m) {
    CHECK_EQ(m->faults, 0);
    kb_dram_stack_deinit(&m->stack);
    kb_topology_destroy(m->topology);
    CHECK_EQ(m->alloc.live_nbytes, 0);
}

static uint64_t at(const memory *m, uint64_t pc, uint64_t bank_group, uint64_t bank, uint64_t row,
                   uint64_t column) {
    kb_dram_place place = {{0}};
    place.at[KB_DRAM_PC] = pc;
    place.at[KB_DRAM_BANK_GROUP] = bank_group;
    place.at[KB_DRAM_BANK] = bank;
    place.at[KB_DRAM_ROW] = row;
    place.at[KB_DRAM_COLUMN] = column;
    return kb_dram_map_encode(&m->dram->map, &place);
}

static uint32_t add(memory *m, uint64_t offset, uint64_t nbytes, bool write, int64_t when_fs) {
    kb_dram_bytes bytes = {.offset = offset,
                           .nbytes = nbytes,
                           .flit_nbytes = nbytes,
                           .job = m->n_jobs,
                           .write = write,
                           .when_fs = when_fs};
    CHECK(kb_dram_stack_add(&m->stack, &bytes));
    return m->n_jobs++;
}

#define ONE_CHANNEL "standard: HBM3_6400_16Gb_8hi, channels: 1, refresh: none"

/* --- one access on an idle memory: exact ------------------------------------------------------------ */

static void zero_load_latencies(void) {
    static const struct {
        const char *standard;
        int64_t hit_fs, closed_fs, conflict_fs;
    } cases[] = {
        {"HBM2_2000_16Gb_8hi", 16000000, 30000000, 44000000},
        {"HBM2_2400_16Gb_8hi", 19 * 833334, 36 * 833334, 53 * 833334},
        {"HBM2E", 28 * 555556, 54 * 555556, 80 * 555556},
        {"HBM3", 13750000, 33125000, 49375000},
        {"HBM3E", 32 * 416667, 79 * 416667, 118 * 416667},
        {"HBM4", 22 * 500000, 61 * 500000, 94 * 500000},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        static memory m;
        char keys[128];
        (void)snprintf(keys, sizeof keys, "standard: %s, channels: 1, refresh: none",
                       cases[i].standard);
        if (open_memory(&m, keys)) {
            int64_t second_fs = 1000000000, third_fs = 2000000000;
            uint32_t closed = add(&m, at(&m, 0, 0, 0, 5, 0), 32, false, 7);
            uint32_t hit = add(&m, at(&m, 0, 0, 0, 5, 9), 32, false, second_fs);
            uint32_t conflict = add(&m, at(&m, 0, 0, 0, 6, 9), 32, false, third_fs);
            kb_dram_stack_advance(&m.stack, KB_TIME_MAX - 1);
            CHECK_EQ(m.there_fs[closed], 7 + cases[i].closed_fs);
            CHECK_EQ(m.there_fs[hit], second_fs + cases[i].hit_fs);
            CHECK_EQ(m.there_fs[conflict], third_fs + cases[i].conflict_fs);
            const kb_dram_statistics *s = &m.stack.pcs[0]->statistics;
            CHECK_EQ(s->hits, 1);
            CHECK_EQ(s->misses, 1);
            CHECK_EQ(s->conflicts, 1);
        }
        close_memory(&m);
    }
}

static void a_write_commits_after_cwl_and_its_burst(void) {
    static memory m;
    if (open_memory(&m, ONE_CHANNEL)) {
        uint32_t write = add(&m, 0, 32, true, 0);
        kb_dram_stack_advance(&m.stack, KB_TIME_MAX - 1);
        CHECK_EQ(m.there_fs[write], (15 + 10 + 2) * 625000);
    }
    close_memory(&m);
}

/* --- isolated patterns: their bounds ------------------------------------------------------------------ */

/* Bursts per second times 32, in MB/s (10^6), after a start of no account. */
static int64_t rate_of(const memory *m, int64_t n_bursts) {
    return n_bursts * 32 * INT64_C(1000) / (m->last_fs / 1000000 + 1);
}

/* Within 1 % below the bound, and never above it. */
static void check_rate(const memory *m, int64_t n_bursts, int64_t bound_mb_s) {
    int64_t rate = rate_of(m, n_bursts);
    if (!CHECK(rate <= bound_mb_s + 1) || !CHECK(rate * 100 >= bound_mb_s * 99))
        printf("#     %lld of %lld MB/s\n", (long long)rate, (long long)bound_mb_s);
}

/* n bursts, all there at once; place i: bank group, bank, row, column by the four functions of i. */
typedef struct pattern {
    uint64_t groups, banks,
        per_row; /* consecutive bursts in a row of one bank, then the next bank */
} pattern;

static void run_pattern(memory *m, pattern p, int64_t n, bool write) {
    for (int64_t i = 0; i < n; i++) {
        uint64_t visit = (uint64_t)i / p.per_row, column = (uint64_t)i % p.per_row;
        uint64_t group = visit % p.groups, bank = visit / p.groups % p.banks;
        uint64_t row = visit / (p.groups * p.banks);
        (void)add(m, at(m, 0, group, bank, row, column), 32, write, 0);
    }
    kb_dram_stack_advance(&m->stack, KB_TIME_MAX - 1);
    CHECK_EQ(m->stack.pcs[0]->statistics.reads + m->stack.pcs[0]->statistics.writes, n);
}

static void row_hits_over_bank_groups(void) {
    static memory m;
    if (open_memory(&m, ONE_CHANNEL ", mapping: [pc, bank_group, column, bank, sid, row]")) {
        int64_t n = 100000;
        for (int64_t i = 0; i < n; i++) /* all of PC 0, in order of address */
            (void)add(&m, (uint64_t)i * 64, 32, false, 0);
        kb_dram_stack_advance(&m.stack, KB_TIME_MAX - 1);
        check_rate(&m, n, 25600);
        CHECK(m.stack.pcs[0]->statistics.hits * 100 >= n * 96);
    }
    close_memory(&m);
}

static void row_hits_in_one_bank_group(void) {
    static memory m;
    if (open_memory(&m, ONE_CHANNEL)) {
        for (int64_t i = 0; i < 20000; i++)
            (void)add(&m, at(&m, 0, 2, (uint64_t)i / 32 % 4, (uint64_t)i / 128, (uint64_t)i % 32),
                      32, false, 0);
        kb_dram_stack_advance(&m.stack, KB_TIME_MAX - 1);
        check_rate(&m, 20000, 12800);
    }
    close_memory(&m);
}

static void a_new_row_each_time_in_one_bank(void) {
    static memory m;
    if (open_memory(&m, ONE_CHANNEL)) {
        run_pattern(&m, (pattern){1, 1, 1}, 10000, false);
        check_rate(&m, 10000, 711);
        CHECK_EQ(m.stack.pcs[0]->statistics.conflicts, 9999);
    }
    close_memory(&m);
}

/* k bursts a row.  From 5 on, a look-ahead of 32 falls a cycle short of PRE and ACT every 32 bursts. */
static void new_rows_in_rotating_banks(void) {
    static const int64_t bounds[] = {8533, 17066, 25600, 25600, 25600, 25600, 25600, 25600};
    for (uint64_t k = 1; k <= 8; k++) {
        for (int64_t queue = 32; queue <= 64; queue *= 2) {
            static memory m;
            char keys[128];
            (void)snprintf(keys, sizeof keys, ONE_CHANNEL ", queue: %d", (int)queue);
            if (open_memory(&m, keys)) {
                run_pattern(&m, (pattern){4, 4, k}, 40000, false);
                if (k < 5 || queue > 32) check_rate(&m, 40000, bounds[k - 1]);
                else CHECK(rate_of(&m, 40000) * 100 >= bounds[k - 1] * 98);
            }
            close_memory(&m);
        }
    }
}

static void refresh_costs_its_share(void) {
    static memory m;
    if (open_memory(&m, "standard: HBM3_6400_16Gb_8hi, channels: 1, refresh: all_bank, mapping: "
                        "[pc, bank_group, column, bank, sid, row]")) {
        int64_t n = 130000;
        for (int64_t i = 0; i < n; i++) (void)add(&m, (uint64_t)i * 64, 32, false, 0);
        kb_dram_stack_advance(&m.stack, KB_TIME_MAX - 1);
        int64_t rate = rate_of(&m, n), bound = 25600 * (6240 - 560) / 6240;
        CHECK(rate * 100 >= bound * 97);
        CHECK(rate <= bound * 101 / 100);
        CHECK_EQ(m.stack.pcs[0]->statistics.refreshes, m.last_fs / INT64_C(3900000000));
    }
    close_memory(&m);
}

/* A row was closed 5 ns before the refresh is due, which waits for tRP, and the ACT for tRFC. */
static void a_refresh_waits_for_a_row_that_was_just_closed(void) {
    static memory m;
    if (open_memory(&m, "standard: HBM3_6400_16Gb_8hi, channels: 1, refresh: all_bank")) {
        int64_t second_fs = INT64_C(3900000000) - 5000000;
        uint32_t closed = add(&m, at(&m, 0, 0, 0, 5, 0), 32, false, 7);
        uint32_t conflict = add(&m, at(&m, 0, 0, 0, 6, 0), 32, false, second_fs);
        kb_dram_stack_advance(&m.stack, KB_TIME_MAX - 1);
        CHECK_EQ(m.there_fs[closed], 7 + 33125000);
        CHECK_EQ(m.there_fs[conflict], second_fs + 16250000 + 350000000 + 33125000);
        CHECK_EQ(m.stack.pcs[0]->statistics.refreshes, 1);
    }
    close_memory(&m);
}

/* Runs of W reads and W writes that hit: 2 W bursts each 2 W BL - BL + RTW + CWL + WTR_S (cycles of it;
 * the last write's group is not the first read's).  Each batch is there when the one before is over. */
static void turning_the_bus_round(void) {
    for (int64_t w = 4; w <= 16; w *= 2) {
        static memory m;
        char keys[256];
        (void)snprintf(keys, sizeof keys, ONE_CHANNEL ", queue: %d, write_high: 100, write_low: 0",
                       (int)w);
        if (open_memory(&m, keys)) {
            int64_t period_fs = (4 * w - 2 + 20 + 10 + 7) * 625000, n_rounds = 500;
            for (int64_t r = 0; r < n_rounds; r++)
                for (int64_t i = 0; i < 2 * w; i++)
                    (void)add(&m, at(&m, 0, (uint64_t)i % 4, 0, 0, (uint64_t)(r * 2 + i / 4) % 32),
                              32, i >= w, r * period_fs);
            kb_dram_stack_advance(&m.stack, KB_TIME_MAX - 1);
            int64_t law_fs = n_rounds * period_fs;
            CHECK(m.last_fs <= law_fs * 101 / 100);
            CHECK(m.last_fs >= law_fs * 99 / 100);
            CHECK(m.stack.pcs[0]->statistics.turnarounds >= 2 * n_rounds - 2);
        }
        close_memory(&m);
    }
}

/* --- nothing depends on how far each call goes ---------------------------------------------------------- */

static uint32_t random_next(uint64_t *state) {
    *state = *state * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return (uint32_t)(*state >> 33);
}

/* Adds work as it becomes due, in calls `step_fs` apart. */
static void run_random(memory *m, uint64_t seed, int64_t step_fs) {
    uint64_t state = seed;
    uint64_t capacity = m->dram->map.n_bursts * 32, focus = 1 << (10 + seed % 12);
    int64_t now_fs = 0, due_fs = 0;
    for (int i = 0; i < 1500; i++) {
        if (random_next(&state) % 4 == 0) due_fs += random_next(&state) % 40000000;
        uint64_t offset = random_next(&state) % focus * 4;
        if (random_next(&state) % 8 == 0) offset = ((uint64_t)random_next(&state) << 4) % capacity;
        uint64_t nbytes = 1 + random_next(&state) % (random_next(&state) % 3 ? 64 : 2000);
        bool write = random_next(&state) % 8 < seed % 7;
        if (offset + nbytes > capacity) offset = 0;
        for (; now_fs < due_fs; now_fs += step_fs)
            kb_dram_stack_advance(&m->stack, kb_min_i64(now_fs, due_fs - 1));
        now_fs = due_fs;
        (void)add(m, offset, nbytes, write, due_fs);
    }
    for (int64_t end_fs = now_fs + INT64_C(60000000000); now_fs < end_fs && m->stack.n_waiting;
         now_fs += step_fs)
        kb_dram_stack_advance(&m->stack, now_fs);
    CHECK_EQ(m->stack.n_waiting, 0);
}

static void time_may_be_cut_anywhere(void) {
    static const char *const kinds[] = {
        ONE_CHANNEL, "standard: HBM3, channels: 2, refresh: all_bank",
        "standard: HBM3E, channels: 1, refresh: per_bank",
        "standard: HBM2, channels: 1, refresh: all_bank, mapping: [column, bank_group, bank, sid, "
        "pc, row]",
        "standard: HBM4, channels: 1, refresh: none, queue: 5, write_wait: 9, write_low: 50"};
    for (uint64_t seed = 0; seed < 60; seed++) {
        static memory whole, cut;
        bool opened = open_memory(&whole, kinds[seed % 5]);
        opened = open_memory(&cut, kinds[seed % 5]) && opened;
        if (opened) {
            run_random(&whole, seed, 1000000000);
            run_random(&cut, seed, 137001);
            if (!CHECK(whole.hash == cut.hash)) printf("#     seed %d\n", (int)seed);
            CHECK_EQ(whole.last_fs, cut.last_fs);
            kb_dram_statistics a = whole.stack.pcs[0]->statistics, b = cut.stack.pcs[0]->statistics;
            CHECK(memcmp(&a, &b, sizeof a) == 0);
            CHECK(whole.trains <= cut.trains);
        }
        close_memory(&whole);
        close_memory(&cut);
    }
}

/* A stream of hits passes a conflict by four times the look-ahead at most. */
static void nothing_starves(void) {
    static memory m;
    if (open_memory(&m, ONE_CHANNEL)) {
        (void)add(&m, at(&m, 0, 0, 0, 1, 0), 32, false, 0);
        uint32_t other = add(&m, at(&m, 0, 0, 0, 2, 0), 32, false, 0);
        for (uint64_t i = 0; i < 5000; i++) (void)add(&m, at(&m, 0, 0, 0, 1, i % 32), 32, false, 0);
        kb_dram_stack_advance(&m.stack, KB_TIME_MAX - 1);
        CHECK(m.there_fs[other] < (31 + 4 * 32 * 4 + 9 + 26 + 31 + 22 + 40) * 625000);
    }
    close_memory(&m);
}

static void writes_that_are_few_are_drained(void) {
    static memory m;
    if (open_memory(&m, ONE_CHANNEL ", write_wait: 100")) {
        uint32_t write = add(&m, at(&m, 0, 1, 1, 1, 0), 32, true, 1);
        for (uint64_t i = 0; i < 20000; i++)
            (void)add(&m, at(&m, 0, i % 4, 0, i / 128 % 100, i / 4 % 32), 32, false, 0);
        kb_dram_stack_advance(&m.stack, KB_TIME_MAX - 1);
        CHECK(m.there_fs[write] < 500 * 625000);
    }
    close_memory(&m);
}

static void map_is_a_permutation(void) {
    static const char *const kinds[] = {
        "standard: HBM3, channels: 1", "standard: HBM3E, channels: 3, pc_hash: none",
        "standard: HBM2E, channels: 1, mapping: [column.2, pc, bank_group.1, column.1, bank_group, "
        "column, bank, sid, row], xor: [[7, 20], [8, 21], [9, 7]]",
        "standard: HBM4, channels: 1, interleave: 1024"};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        static memory m;
        if (open_memory(&m, kinds[i])) {
            const kb_dram_map *map = &m.dram->map;
            uint64_t state = i;
            for (int k = 0; k < 20000; k++) {
                uint64_t offset = ((uint64_t)random_next(&state) << 31 | random_next(&state)) %
                                  map->n_bursts * 32;
                if (k < 5000) offset = (uint64_t)k * 32;
                kb_dram_place place = kb_dram_map_decode(map, offset + (uint64_t)k % 32);
                for (int f = 0; f < KB_DRAM_N_FIELDS; f++) CHECK(place.at[f] < map->sizes[f]);
                CHECK_EQ((int64_t)kb_dram_map_encode(map, &place), (int64_t)offset);
                uint64_t next = offset + 32;
                if (next % map->span_nbytes == 0 || next >= map->n_bursts * 32) continue;
                kb_dram_place beside = kb_dram_map_decode(map, next);
                CHECK_EQ((int64_t)beside.at[KB_DRAM_COLUMN], (int64_t)place.at[KB_DRAM_COLUMN] + 1);
                CHECK_EQ((int64_t)beside.at[KB_DRAM_ROW], (int64_t)place.at[KB_DRAM_ROW]);
            }
        }
        close_memory(&m);
    }
}

/* --- physics checks --------------------------------------------------------------------------------- */

static void check_fault(memory *m, uint32_t bank, int64_t at_fs, int64_t free_fs) {
    kb_dram_stack_advance(&m->stack, KB_TIME_MAX - 1);
    CHECK_EQ(m->faults > 0, true);
    CHECK_EQ(m->fault_bank, bank);
    CHECK_EQ(m->fault_fs, at_fs);
    CHECK_EQ(m->fault_free_fs, free_fs);
    m->faults = 0; /* as it should be */
    close_memory(m);
}

/* A bound by which a command is chosen is taken away: the times of those before still show it (ADR-0061). */
static void commands_that_come_early_are_heard(void) {
    static memory m;
    kb_dram_pc *pc;
    if (open_memory(&m, ONE_CHANNEL)) { /* CAS: tRCD */
        const kb_dram_rules *rules = &m.stack.core.rules;
        (void)add(&m, at(&m, 0, 0, 0, 5, 0), 32, false, 0);
        kb_dram_stack_advance(&m.stack, 0);
        m.stack.pcs[0]->hits[0].ready_fs = 0;
        m.stack.pcs[0]->cas_until_fs = -1;
        check_fault(&m, 0, 0, rules->rcd[0]);
    }
    if (open_memory(&m, ONE_CHANNEL)) { /* PRE: tRAS; then ACT: tRC */
        const kb_dram_rules *rules = &m.stack.core.rules;
        int64_t cas_fs = rules->rcd[0];
        pc = m.stack.pcs[0];
        (void)add(&m, at(&m, 0, 0, 0, 5, 0), 32, false, 0);
        kb_dram_stack_advance(&m.stack, cas_fs);
        (void)add(&m, at(&m, 0, 0, 0, 6, 0), 32, false, cas_fs + 1);
        pc->banks[0].pre_fs = 0;
        kb_dram_stack_advance(&m.stack, cas_fs + 1);
        CHECK_EQ(m.faults, 1);
        CHECK_EQ(m.fault_fs, cas_fs + 1);
        CHECK_EQ(m.fault_free_fs, rules->ras);
        m.faults = 0;
        pc->banks[0].act_fs = 0;
        pc->row_known = false;
        int64_t act_fs = kb_max_i64(pc->row_bus_fs, pc->group_act_fs[0]);
        check_fault(&m, 0, act_fs, rules->rc);
    }
    if (open_memory(&m, ONE_CHANNEL ", timing: {tFAW: 200}")) { /* ACT: tFAW */
        pc = m.stack.pcs[0];
        for (uint64_t i = 0; i < 5; i++) (void)add(&m, at(&m, 0, i % 4, i / 4, 5, 0), 32, false, 0);
        for (int64_t now_fs = 0; pc->n_acts < 4; now_fs += 1000)
            kb_dram_stack_advance(&m.stack, now_fs);
        pc->act_any_fs = 0;
        pc->row_known = false;
        int64_t act_fs = kb_max_i64(pc->row_bus_fs, kb_max_i64(pc->now_fs, pc->group_act_fs[0]));
        check_fault(&m, 1, act_fs, m.stack.core.rules.faw);
    }
    if (open_memory(&m, ONE_CHANNEL)) { /* the data bus */
        const kb_dram_rules *rules = &m.stack.core.rules;
        int64_t cas_fs = rules->rcd[0], end_fs = cas_fs + rules->cas_burst[0];
        pc = m.stack.pcs[0];
        (void)add(&m, at(&m, 0, 0, 0, 5, 0), 32, false, 0);
        (void)add(&m, at(&m, 0, 0, 0, 5, 9), 32, false, 0);
        kb_dram_stack_advance(&m.stack, cas_fs);
        pc->column_fs = -rules->ccd_l;
        pc->group_cas_fs[0] = 0;
        pc->cas_until_fs = -1;
        check_fault(&m, KB_NONE, end_fs - rules->bl, end_fs);
    }
}

int main(void) {
    TAP_RUN(zero_load_latencies);
    TAP_RUN(a_write_commits_after_cwl_and_its_burst);
    TAP_RUN(row_hits_over_bank_groups);
    TAP_RUN(row_hits_in_one_bank_group);
    TAP_RUN(a_new_row_each_time_in_one_bank);
    TAP_RUN(new_rows_in_rotating_banks);
    TAP_RUN(refresh_costs_its_share);
    TAP_RUN(a_refresh_waits_for_a_row_that_was_just_closed);
    TAP_RUN(turning_the_bus_round);
    TAP_RUN(time_may_be_cut_anywhere);
    TAP_RUN(nothing_starves);
    TAP_RUN(writes_that_are_few_are_drained);
    TAP_RUN(map_is_a_permutation);
    TAP_RUN(commands_that_come_early_are_heard);
    return tap_finish();
}
