#include "spec/dram_read.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "spec/params_table.h"

const char *const kb_dram_keys[] = {"mapping", "xor", "timing", NULL};

/* Keys that say something of banks, and keys that the standard says. */
static const char *const banked_keys[] = {"channels",  "refresh",    "queue",     "write_high",
                                          "write_low", "write_wait", "bank_hash", "mapping",
                                          "xor",       "timing",     NULL};
static const char *const serial_keys[] = {"capacity", "pcs", "pc_GBps", "access_ns", NULL};

enum { MAX_CK_NS = 1000, MAX_CKS = 1000000 };

static const kb_param_row *timing_rows(size_t *n_rows) {
    typedef kb_dram_timing kb_row_type;
    static const kb_param_row rows[] = {
        KB_PARAM_ROW("tCK_ns", ck_fs, NS, "", 0, MAX_CK_NS, "one cycle")
#define X(key, field, minimum, meaning) \
    KB_PARAM_ROW(key, field, COUNT, "", minimum, MAX_CKS, meaning)
            KB_DRAM_TIMING_LIST(X)
#undef X
    };
    *n_rows = sizeof rows / sizeof rows[0];
    return rows;
}

static bool is_among(const char *const *keys, const char *key) {
    while (*keys && strcmp(*keys, key) != 0) keys++;
    return *keys != NULL;
}

bool kb_dram_writes(const kb_dram *dram, const char *key) {
    if (!dram->standard) return strcmp(key, "standard") == 0 || !is_among(banked_keys, key);
    return !is_among(serial_keys, key) && !(dram->maps && strcmp(key, "interleave") == 0);
}

/* Without a word of a standard, a key of a serial server says that it is one. */
static void settle_standard(const kb_place *map, kb_params_hbm *hbm) {
    kb_place place;
    if (kb_read_find(map, "standard", &place)) return;
    for (const char *const *key = serial_keys; *key; key++)
        if (kb_read_find(map, *key, &place)) hbm->standard = KB_STANDARD_NONE;
}

/* `standard: none` laid over a text takes that text's banks away. */
static bool is_overridden(const kb_place *map, const kb_place *key) {
    kb_place standard;
    return kb_read_find(map, "standard", &standard) && standard.node->line == 0 &&
           key->node->line > 0;
}

static kb_status check_keys(const kb_reader *reader, const kb_place *map,
                            const kb_dram_standard *standard) {
    kb_place place;
    for (const char *const *key = standard ? serial_keys : banked_keys; *key; key++) {
        if (!kb_read_find(map, *key, &place)) continue;
        if (!standard && is_overridden(map, &place)) continue;
        if (!standard)
            return kb_read_fail(reader, &place,
                                "expected a standard beside %s, for only a memory with one has "
                                "banks; add `standard: HBM3_6400_16Gb_8hi` or remove %s",
                                *key, *key);
        return kb_read_fail(reader, &place,
                            "expected no %s beside standard %s, which says it; remove it, or "
                            "say `standard: none` (`channels` sets the size, `timing` the speed)",
                            *key, standard->name);
    }
    return KB_OK;
}

/* --- timing --------------------------------------------------------------------------------------- */

#define REFUSE(place, condition, ...)                                     \
    do {                                                                  \
        if (condition) return kb_read_fail(reader, (place), __VA_ARGS__); \
    } while (0)

/* After a refresh rows are opened, read or written, and closed by the next one: with less time than that
 * between them, what waits might wait for ever. */
static kb_status check_refresh(const kb_reader *reader, const kb_place *place,
                               const kb_params_hbm *hbm, const kb_dram_standard *standard,
                               const kb_dram_timing *t) {
    bool per = hbm->refresh == KB_REFRESH_PER_BANK;
    int64_t rfc = per ? t->rfc_pb : t->rfc, row = kb_max_i64(t->rc, t->rp + t->rcd_wr);
    int64_t n_banks =
        standard->geometry.sids * standard->geometry.bank_groups * standard->geometry.banks;
    const char *name = per ? "tRFCpb" : "tRFC", *known = "CK; one of them is wrong";
    if (hbm->refresh == KB_REFRESH_NONE) return KB_OK;
    REFUSE(place, rfc >= t->refi, "expected %s < tREFI, got %" PRId64 " >= %" PRId64 " %s", name,
           rfc, t->refi, known);
    REFUSE(place, rfc + row + t->faw >= t->refi,
           "expected %s + tRC + tFAW < tREFI, for rows to be opened between two refreshes, got "
           "%" PRId64 " + %" PRId64 " + %" PRId64 " >= %" PRId64 " %s",
           name, rfc, row, t->faw, t->refi, known);
    REFUSE(place, per && t->refi * t->ck_fs < n_banks,
           "expected a tREFI of at least 1 fs for each of %" PRId64 " banks, got %" PRId64 " fs",
           n_banks, t->refi * t->ck_fs);
    return KB_OK;
}

/* A set that contradicts itself is one in which the greater of two times can never be reached. */
static kb_status check_timing(const kb_reader *reader, const kb_place *place,
                              const kb_dram_timing *t) {
    const char *known = "CK; one of them is wrong";
    REFUSE(place, t->ck_fs < 1, "expected tCK_ns above 0, got 0");
    REFUSE(place, t->ras + t->rp > t->rc,
           "expected tRAS + tRP <= tRC, got %" PRId64 " + %" PRId64 " > %" PRId64 " %s", t->ras,
           t->rp, t->rc, known);
    REFUSE(place, t->faw < t->rrd_s || t->faw < t->rrd_l,
           "expected tFAW >= tRRD, got %" PRId64 " < %" PRId64 " %s", t->faw,
           kb_max_i64(t->rrd_s, t->rrd_l), known);
    REFUSE(place, t->ccd_l < t->ccd_s,
           "expected tCCD_L >= tCCD_S, got %" PRId64 " < %" PRId64 " %s", t->ccd_l, t->ccd_s,
           known);
    REFUSE(place, t->ccd_r < t->ccd_s,
           "expected tCCD_R >= tCCD_S, got %" PRId64 " < %" PRId64 " %s", t->ccd_r, t->ccd_s,
           known);
    REFUSE(place, t->rrd_l < t->rrd_s,
           "expected tRRD_L >= tRRD_S, got %" PRId64 " < %" PRId64 " %s", t->rrd_l, t->rrd_s,
           known);
    REFUSE(place, t->wtr_l < t->wtr_s,
           "expected tWTR_L >= tWTR_S, got %" PRId64 " < %" PRId64 " %s", t->wtr_l, t->wtr_s,
           known);
    REFUSE(
        place, t->rtw < t->cl + t->bl - t->cwl,
        "expected tRTW >= tCL + tBL - tCWL, for the bus carries one burst at a time, got %" PRId64
        " < %" PRId64 " + %" PRId64 " - %" PRId64 " %s",
        t->rtw, t->cl, t->bl, t->cwl, known);
    REFUSE(place, t->ras < t->rcd_rd, "expected tRAS >= tRCDRD, got %" PRId64 " < %" PRId64 " %s",
           t->ras, t->rcd_rd, known);
    return KB_OK;
}

static kb_status read_timing(const kb_reader *reader, const kb_place *map, bool written,
                             const kb_params_hbm *hbm, kb_dram *dram) {
    kb_place place = *map;
    dram->timing = dram->standard->timing;
    if (written && kb_read_find(map, "timing", &place)) {
        size_t n_rows;
        const kb_param_row *rows = timing_rows(&n_rows);
        KB_TRY(kb_read_table(reader, &place, rows, n_rows, NULL, &dram->timing));
    }
    dram->timing.ccd_s = kb_max_i64(dram->timing.ccd_s, dram->timing.bl);
    dram->timing.ccd_l = kb_max_i64(dram->timing.ccd_l, dram->timing.bl);
    dram->timing.ccd_r = kb_max_i64(dram->timing.ccd_r, dram->timing.bl);
    KB_TRY(check_timing(reader, &place, &dram->timing));
    return check_refresh(reader, &place, hbm, dram->standard, &dram->timing);
}

/* --- mapping -------------------------------------------------------------------------------------- */

/* "column" or "column.3". */
static kb_status read_piece(const kb_reader *reader, const kb_place *place, kb_dram_map *map) {
    const char *text;
    KB_TRY(kb_read_word(reader, place, 31, &text));
    size_t length = strcspn(text, ".");
    long bits = text[length] ? strtol(text + length + 1, NULL, 10) : 0;
    bool good =
        !text[length] || (bits >= 1 && bits <= 32 && text[length + 1] != '+' &&
                          strspn(text + length + 1, "0123456789") == strlen(text + length + 1));
    if (map->n_pieces == KB_DRAM_MAX_PIECES)
        return kb_read_fail(reader, place, "expected at most %d parts", (int)KB_DRAM_MAX_PIECES);
    for (int f = 0; good && f < KB_DRAM_N_FIELDS; f++) {
        const char *name = kb_dram_field_name((kb_dram_field)f);
        if (strlen(name) != length || memcmp(name, text, length) != 0) continue;
        map->pieces[map->n_pieces++] = (kb_dram_piece){.field = (kb_dram_field)f,
                                                       .count = bits ? UINT64_C(1) << bits : 0,
                                                       .bits = (int32_t)bits};
        return KB_OK;
    }
    return kb_read_fail(reader, place,
                        "expected one of pc, bank_group, column, bank, sid, row, or a part of it "
                        "of N bits, as in column.3; got %s",
                        text);
}

static kb_status read_mapping(const kb_reader *reader, const kb_place *list, kb_dram_map *map) {
    KB_TRY(kb_read_list(reader, list));
    kb_place place = {list, NULL, 0, NULL};
    for (const kb_yaml_item *item = list->node->items; item; item = item->next, place.index++) {
        place.node = item->value;
        KB_TRY(read_piece(reader, &place, map));
    }
    return KB_OK;
}

static kb_status read_xors(const kb_reader *reader, const kb_place *list, kb_dram_map *map) {
    KB_TRY(kb_read_list(reader, list));
    kb_place place = {list, NULL, 0, NULL};
    for (const kb_yaml_item *item = list->node->items; item; item = item->next, place.index++) {
        place.node = item->value;
        if (map->n_xors == KB_DRAM_MAX_XORS)
            return kb_read_fail(reader, &place, "expected at most %d pairs", (int)KB_DRAM_MAX_XORS);
        kb_dram_xor *x = &map->xors[map->n_xors++];
        KB_TRY(kb_read_dims(reader, &place, 63, &x->flipped, &x->by));
    }
    return KB_OK;
}

/* Units of `interleave` bytes go to one PC after another; then bank groups, so that a stream uses all. */
static kb_status default_mapping(const kb_reader *reader, const kb_place *place,
                                 const kb_params_hbm *hbm, int64_t flit_nbytes, kb_dram_map *map) {
    static const kb_dram_field order[] = {KB_DRAM_PC,   KB_DRAM_BANK_GROUP, KB_DRAM_COLUMN,
                                          KB_DRAM_BANK, KB_DRAM_SID,        KB_DRAM_ROW};
    int64_t burst = (int64_t)map->burst_nbytes, unit = hbm->interleave_nbytes;
    int64_t row = burst * (int64_t)map->sizes[KB_DRAM_COLUMN];
    int64_t least = kb_max_i64(burst, flit_nbytes);
    if (!kb_is_power_of_two(unit) || unit < least || unit > row || row % unit != 0)
        return kb_read_fail(reader, place,
                            "expected a power of two of at least flit_bytes (%" PRId64
                            ") and at most a row (%" PRId64 "), got %" PRId64,
                            least, row, unit);
    if (unit > burst && unit < row) {
        int32_t bits = 0;
        while (burst << bits < unit) bits++;
        map->pieces[map->n_pieces++] =
            (kb_dram_piece){.field = KB_DRAM_COLUMN, .count = UINT64_C(1) << bits, .bits = bits};
    } else if (unit == row) {
        map->pieces[map->n_pieces++] = (kb_dram_piece){.field = KB_DRAM_COLUMN};
    }
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++)
        if (order[i] != KB_DRAM_COLUMN || unit < row)
            map->pieces[map->n_pieces++] = (kb_dram_piece){.field = order[i]};
    return KB_OK;
}

/* A hash is there where the text asks for it, or has a mapping of ours. */
static bool is_hashed(const kb_place *map, bool written, const char *key, bool maps,
                      int64_t *hash) {
    kb_place place;
    if (maps && !(written && kb_read_find(map, key, &place))) *hash = KB_PC_HASH_NONE;
    return *hash == KB_PC_HASH_XOR;
}

static kb_status read_map(const kb_reader *reader, const kb_place *place, bool written,
                          int64_t flit_nbytes, kb_params_hbm *hbm, kb_dram *dram) {
    const kb_dram_geometry *g = &dram->standard->geometry;
    kb_dram_map *map = &dram->map;
    kb_place at = *place, other;
    map->burst_nbytes = (uint64_t)g->burst_nbytes;
    const int64_t sizes[KB_DRAM_N_FIELDS] = {
        dram->n_pcs / dram->n_slices, g->bank_groups, g->columns, g->banks, g->sids, g->rows};
    for (int f = 0; f < KB_DRAM_N_FIELDS; f++) map->sizes[f] = (uint64_t)sizes[f];
    dram->maps = written && kb_read_find(place, "mapping", &at);
    if (dram->maps) {
        if (kb_read_find(place, "interleave", &other))
            return kb_read_fail(reader, &other,
                                "expected either interleave or mapping, got both; remove one");
        KB_TRY(read_mapping(reader, &at, map));
    } else {
        at = kb_read_child(place, "interleave");
        KB_TRY(default_mapping(reader, &at, hbm, flit_nbytes, map));
    }
    if (written && kb_read_find(place, "xor", &other)) KB_TRY(read_xors(reader, &other, map));
    map->hashed[KB_DRAM_PC] =
        is_hashed(place, written, "pc_hash", dram->maps, &hbm->pc_hash) && sizes[KB_DRAM_PC] > 1;
    map->hashed[KB_DRAM_BANK_GROUP] =
        is_hashed(place, written, "bank_hash", dram->maps, &hbm->bank_hash) &&
        sizes[KB_DRAM_BANK_GROUP] > 1;
    if (map->hashed[KB_DRAM_PC] && !kb_is_power_of_two(sizes[KB_DRAM_PC])) {
        other = kb_read_child(place, "pc_hash");
        return kb_read_fail(reader, &other,
                            "expected none, as xor needs a power of two of PCs in a slice, got xor "
                            "with %" PRId64,
                            sizes[KB_DRAM_PC]);
    }
    kb_error why = KB_ERROR_INIT;
    kb_status status = kb_dram_map_seal(map, &why);
    if (status == KB_INVALID) {
        if (map->n_pieces == 0 || map->n_xors > 0) at = map->n_xors ? other : at;
        return kb_read_fail(reader, &at, "%s", why.message);
    }
    return status;
}

kb_status kb_dram_read(const kb_reader *reader, const kb_place *map, bool written,
                       int64_t flit_nbytes, int64_t n_slices, kb_params_hbm *hbm, kb_dram *dram) {
    memset(dram, 0, sizeof *dram);
    if (written) settle_standard(map, hbm);
    dram->standard = kb_dram_standard_at(hbm->standard);
    if (written) KB_TRY(check_keys(reader, map, dram->standard));
    if (!dram->standard) return KB_OK;
    const kb_dram_geometry *g = &dram->standard->geometry;
    kb_place place;
    if (!(written && kb_read_find(map, "channels", &place))) {
        hbm->channels = g->channels;
        place = kb_read_child(map, "channels");
    }
    dram->n_pcs = hbm->channels * g->pcs;
    dram->n_slices = n_slices;
    if (dram->n_pcs % n_slices != 0)
        return kb_read_fail(reader, &place,
                            "expected PCs in a multiple of %s (%" PRId64 "), got %" PRId64
                            " channels of %" PRId64,
                            hbm->attach == KB_HBM_PER_PE ? "cube.pes" : "remote_ports", n_slices,
                            hbm->channels, g->pcs);
    if (hbm->write_low >= hbm->write_high)
        return kb_read_fail(reader, map,
                            "expected write_low below write_high (%" PRId64 "), got %" PRId64,
                            hbm->write_high, hbm->write_low);
    KB_TRY(read_timing(reader, map, written, hbm, dram));
    KB_TRY(read_map(reader, map, written, flit_nbytes, hbm, dram));
    const kb_dram_timing *t = &dram->timing;
    hbm->pcs = dram->n_pcs;
    hbm->capacity_nbytes = kb_dram_capacity(dram->standard, hbm->channels);
    hbm->pc = (kb_ratio){t->ck_fs * t->ccd_s, g->burst_nbytes};
    hbm->access_fs = t->ck_fs * (t->rcd_rd + t->cl + t->bl);
    return KB_OK;
}
