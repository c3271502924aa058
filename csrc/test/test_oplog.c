#include <string.h>

#include "log/oplog.h"
#include "test/tap.h"

static kb_alloc alloc;

static kb_record record_at(int64_t i) {
    kb_record record = {0};
    record.end_fs = 10 * i;
    record.start_fs = 10 * i - 5;
    record.pe = (int32_t)(i % 8);
    record.kind = KB_OP_MATH;
    record.kernel = 0;
    record.payload = -1;
    return record;
}

/* Appends n records with payloads of 0..4 words, one of them huge; returns the log's hash. */
static uint64_t fill(kb_oplog_mode mode, int64_t n, const char *kernel_name, int64_t release_every,
                     int64_t *peak) {
    kb_error err = KB_ERROR_INIT;
    kb_oplog *log = NULL;
    int64_t *huge = kb_alloc_zeroed(&alloc, 70000, sizeof *huge);
    int32_t kernel = -1;
    CHECK(huge && kb_oplog_create(&alloc, mode, &log, &err) == KB_OK);
    CHECK(kb_oplog_add_kernel(log, "unused", &kernel, &err) == KB_OK);
    CHECK(kb_oplog_add_kernel(log, kernel_name, &kernel, &err) == KB_OK);
    CHECK_EQ(kernel, 1);
    bool good = true;
    *peak = 0;
    for (int64_t i = 0; i < n; i++) {
        kb_record record = record_at(i);
        record.kernel = kernel;
        int64_t words[4] = {i, -i, 7, i * i};
        bool is_huge = i == n / 2;
        good &= kb_oplog_append(log, &record, is_huge ? huge : words,
                                is_huge ? 70000 : (uint32_t)(i % 5), &err) == KB_OK;
        if (release_every && i % release_every == 0) kb_oplog_release(log, i);
        if (kb_oplog_nbytes(log) > *peak) *peak = kb_oplog_nbytes(log);
    }
    CHECK(good);
    CHECK_EQ(kb_oplog_count(log), n);
    if (mode == KB_OPLOG_FULL) {
        for (int64_t i = 0; i < n; i++) {
            uint32_t n_words;
            const int64_t *words = kb_oplog_payload(log, i, &n_words);
            good &= kb_oplog_get(log, i).end_fs == 10 * i;
            if (i == n / 2) good &= n_words == 70000;
            else good &= n_words == (uint32_t)(i % 5) && (n_words == 0 || words[0] == i);
        }
        CHECK(good);
    }
    uint64_t hash = kb_oplog_hash(log);
    kb_oplog_destroy(log);
    kb_alloc_free(&alloc, huge, 70000, sizeof *huge);
    return hash;
}

/* Numbers of every size and sign, in every column, before and after their chunk is packed. */
static void any_number_comes_back(void) {
    enum { N = 2 * KB_OPLOG_CHUNK + 100 };
    kb_error err = KB_ERROR_INIT;
    kb_oplog *log = NULL;
    static kb_record written[N];
    static int64_t ends[N], memory_ends[N];
    static int32_t pes[N];
    uint64_t state = 5;
    CHECK(kb_oplog_create(&alloc, KB_OPLOG_FULL, &log, &err) == KB_OK);
    bool good = true;
    for (int64_t i = 0; i < N; i++) {
        int64_t numbers[4];
        for (int j = 0; j < 4; j++) {
            state = state * UINT64_C(6364136223846793005) + 1442695040888963407;
            numbers[j] = (int64_t)state >> (state >> 58);
        }
        kb_record *record = &written[i];
        record->end_fs = i < KB_OPLOG_CHUNK ? 1000 * i : numbers[0];
        record->start_fs = record->end_fs - 7;
        record->ready_fs = i % 3 ? 0 : record->end_fs + i % 2; /* one after the end, too */
        record->memory_end_fs = i % 5 ? record->end_fs - i % 90 : 0;
        record->setup_fs = numbers[1];
        record->nbytes = i < KB_OPLOG_CHUNK ? 4096 : INT64_MAX;
        record->work = i == 77 ? INT64_MIN : 1;
        record->pe = (int32_t)numbers[2];
        record->kind = (uint8_t)numbers[3];
        record->kernel = record->launch = -1;
        good &= kb_oplog_append(log, record, numbers, (uint32_t)(i % 5), &err) == KB_OK;
        uint32_t n_words;
        const int64_t *words = kb_oplog_payload(log, i, &n_words);
        good &= n_words == (uint32_t)(i % 5);
        good &= n_words == 0 || memcmp(words, numbers, n_words * sizeof *words) == 0;
    }
    CHECK(good);
    for (int64_t i = 0; i < N; i++) {
        kb_record record = kb_oplog_get(log, i);
        if (i % 5) CHECK(record.payload >= 0);
        record.payload = written[i].payload;
        good &= memcmp(&record, &written[i], sizeof record) == 0;
    }
    CHECK(good);
    CHECK(kb_oplog_is_whole(log));
    kb_oplog_read_column(log, KB_COLUMN_end_fs, ends);
    kb_oplog_read_column(log, KB_COLUMN_memory_end_fs, memory_ends);
    kb_oplog_read_column(log, KB_COLUMN_pe, pes);
    for (int64_t i = 0; i < N; i++)
        good &= ends[i] == written[i].end_fs && memory_ends[i] == written[i].memory_end_fs &&
                pes[i] == written[i].pe;
    CHECK(good);
    kb_oplog_destroy(log);
}

static void dump(void) {
    kb_error err = KB_ERROR_INIT;
    kb_oplog *log = NULL;
    char *text = NULL;
    size_t length = 0;
    int32_t kernel;
    CHECK(kb_oplog_create(&alloc, KB_OPLOG_FULL, &log, &err) == KB_OK);
    CHECK(kb_oplog_add_kernel(log, "add", &kernel, &err) == KB_OK);
    kb_record record = record_at(1);
    int64_t words[2] = {5, -6};
    CHECK(kb_oplog_append(log, &record, words, 2, &err) == KB_OK);
    CHECK(kb_oplog_dump(&alloc, log, &text, &length, &err) == KB_OK);
    CHECK(text && strncmp(text, "math kernel=add end_fs=10 start_fs=5 ", 37) == 0);
    CHECK(text && strstr(text, " | 5 -6\n") == text + length - 8);
    kb_alloc_free(&alloc, text, length + 1, 1);
    kb_oplog_destroy(log);
}

/* Every allocation fails once: an error, no leak, and the log stays as it was. */
static void failing_allocations(void) {
    bool good = true;
    for (uint64_t n = 1; n < 16; n++) {
        kb_alloc failing = kb_alloc_system();
        failing.fail_at = n;
        kb_error err = KB_ERROR_INIT;
        kb_oplog *log = NULL;
        int32_t kernel;
        int64_t word = 1;
        kb_record record = record_at(1);
        if (kb_oplog_create(&failing, KB_OPLOG_FULL, &log, &err) == KB_OK) {
            if (kb_oplog_add_kernel(log, "k", &kernel, &err) != KB_OK)
                good &= kb_oplog_count(log) == 0;
            for (int i = 0; i < 3; i++) {
                int64_t before = kb_oplog_count(log);
                if (kb_oplog_append(log, &record, &word, 1, &err) != KB_OK)
                    good &= kb_oplog_count(log) == before;
            }
            char *text = NULL;
            size_t length = 0;
            if (kb_oplog_dump(&failing, log, &text, &length, &err) == KB_OK)
                kb_alloc_free(&failing, text, length + 1, 1);
        }
        kb_oplog_destroy(log);
        good &= failing.live_nbytes == 0;
    }
    CHECK(good);
}

static void modes_agree(void) {
    int64_t full = 0, hash = 0, longer = 0;
    uint64_t expected = fill(KB_OPLOG_FULL, 50000, "gemm", 0, &full);
    CHECK(expected == fill(KB_OPLOG_HASH, 50000, "gemm", 100, &hash));
    CHECK(expected != fill(KB_OPLOG_FULL, 50000, "other", 0, &full));
    CHECK(expected != fill(KB_OPLOG_FULL, 50001, "gemm", 0, &full));
    (void)fill(KB_OPLOG_HASH, 400000, "gemm", 100, &longer);
    CHECK(longer <= hash + (1 << 20)); /* of 35 MB */
}

/* Records that nobody reads are hashed and gone; those after them can be read as ever. */
static void unread_records_are_only_hashed(void) {
    enum { N = 100, ROUNDS = 200 };
    kb_error err = KB_ERROR_INIT;
    kb_oplog *plain = NULL, *held = NULL;
    kb_event now = kb_event_of(0, 0, 0);
    bool good = true;
    CHECK(kb_oplog_create(&alloc, KB_OPLOG_FULL, &plain, &err) == KB_OK);
    CHECK(kb_oplog_create(&alloc, KB_OPLOG_HASH, &held, &err) == KB_OK);
    kb_oplog_hold(held, &now);
    for (int64_t round = 0; round < ROUNDS; round++) {
        bool read = round % 70 >= 60;
        for (int64_t i = round * N; i < (round + 1) * N; i++) {
            kb_record record = record_at(i);
            int64_t words[3] = {i, -i, 7};
            record.kernel = -1;
            now = kb_event_of(i, 0, 0);
            good &= kb_oplog_append(plain, &record, words, (uint32_t)(i % 4), &err) == KB_OK;
            good &= kb_oplog_append(held, &record, words, (uint32_t)(i % 4), &err) == KB_OK;
        }
        good &= kb_oplog_let_go(held, now, read, &err) == KB_OK;
        for (int64_t i = round * N; read && i < (round + 1) * N; i++) {
            uint32_t n_words;
            const int64_t *words = kb_oplog_payload(held, i, &n_words);
            good &= n_words == (uint32_t)(i % 4) && (n_words == 0 || words[0] == i);
            good &= kb_oplog_get(held, i).end_fs == record_at(i).end_fs;
        }
        good &= !kb_oplog_is_whole(held);
    }
    CHECK(good);
    CHECK_EQ(kb_oplog_count(held), kb_oplog_count(plain));
    CHECK(kb_oplog_hash(held) == kb_oplog_hash(plain));
    kb_oplog_destroy(plain);
    kb_oplog_destroy(held);
}

/* Regions hand in what they have, some of each at a time; the log is as if all had come in order of events.  Times
 * are few or many, near each other or far apart. */
static void held_records_come_in_order(void) {
    enum { REGIONS = 40, EACH = 50, N = REGIONS * EACH };
    static const uint64_t steps[] = {0, 1, 3, 1000, UINT64_C(1) << 50};
    for (size_t round = 0; round < sizeof steps / sizeof *steps; round++) {
        kb_error err = KB_ERROR_INIT;
        kb_oplog *plain = NULL, *held = NULL;
        kb_event now, events[N];
        uint64_t state = round + 1;
        bool good = true;
        CHECK(kb_oplog_create(&alloc, KB_OPLOG_HASH, &plain, &err) == KB_OK);
        CHECK(kb_oplog_create(&alloc, KB_OPLOG_HASH, &held, &err) == KB_OK);
        kb_oplog_hold(held, &now);
        for (uint32_t r = 0; r < REGIONS; r++) {
            uint64_t when_fs = 0;
            for (uint32_t i = 0; i < EACH; i++) {
                state = state * UINT64_C(6364136223846793005) + 1442695040888963407;
                when_fs += (state >> 60) * steps[round];
                now = events[r * EACH + i] = kb_event_of((int64_t)when_fs, i, r);
                kb_record record = record_at((int64_t)when_fs % 1000 + r * EACH + i);
                good &= kb_oplog_append(held, &record, NULL, 0, &err) == KB_OK;
                record.line = 1;
                good &= kb_oplog_append(held, &record, NULL, 0, &err) == KB_OK;
            }
        }
        for (uint32_t i = 0; i < N; i++) { /* the plain way */
            kb_event first = KB_EVENT_NONE;
            uint32_t at = 0;
            for (uint32_t k = 0; k < N; k++)
                if (kb_event_less(&events[k], &first)) first = events[at = k];
            kb_record record = record_at((int64_t)(first.when_fs % 1000) + at);
            events[at] = KB_EVENT_NONE;
            good &= kb_oplog_append(plain, &record, NULL, 0, &err) == KB_OK;
            record.line = 1;
            good &= kb_oplog_append(plain, &record, NULL, 0, &err) == KB_OK;
        }
        good &= kb_oplog_let_go(held, KB_EVENT_NONE, false, &err) == KB_OK;
        CHECK(good);
        CHECK_EQ(kb_oplog_count(held), 2 * N);
        CHECK(kb_oplog_hash(held) == kb_oplog_hash(plain));
        kb_oplog_destroy(plain);
        kb_oplog_destroy(held);
    }
}

int main(void) {
    alloc = kb_alloc_system();
    TAP_RUN(modes_agree);
    TAP_RUN(any_number_comes_back);
    TAP_RUN(dump);
    TAP_RUN(unread_records_are_only_hashed);
    TAP_RUN(held_records_come_in_order);
    TAP_RUN(failing_allocations);
    CHECK_EQ(alloc.live_nbytes, 0);
    return tap_finish();
}
