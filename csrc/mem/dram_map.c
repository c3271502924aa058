#include "mem/dram_map.h"

#include <inttypes.h>
#include <string.h>

static const char *const field_names[KB_DRAM_N_FIELDS] = {
#define X(enumerator, name) name,
    KB_DRAM_FIELD_LIST(X)
#undef X
};

const char *kb_dram_field_name(kb_dram_field field) {
    return (unsigned)field < KB_DRAM_N_FIELDS ? field_names[field] : "unknown";
}

static bool is_power(uint64_t n) {
    return n > 0 && (n & (n - 1)) == 0;
}

static uint32_t bits_of(uint64_t n) {
    uint32_t bits = 0;
    while (bits < 63 && UINT64_C(1) << bits < n) bits++;
    return bits;
}

/* --- XORs as a matrix over two numbers ----------------------------------------------------------- */

static uint64_t multiply(const uint64_t rows[64], uint64_t value, uint32_t n_bits) {
    uint64_t product = 0;
    for (uint32_t i = 0; i < n_bits; i++)
        product |= (uint64_t)(__builtin_popcountll(rows[i] & value) & 1) << i;
    return product;
}

/* Gauss and Jordan; false when the matrix is singular. */
static bool invert(const uint64_t rows[64], uint64_t inverse[64], uint32_t n_bits) {
    uint64_t left[64];
    memcpy(left, rows, sizeof left);
    for (uint32_t i = 0; i < 64; i++) inverse[i] = UINT64_C(1) << i;
    for (uint32_t i = 0; i < n_bits; i++) {
        uint32_t pivot = i;
        while (pivot < n_bits && !(left[pivot] >> i & 1)) pivot++;
        if (pivot == n_bits) return false;
        uint64_t swapped = left[i], swapped_inverse = inverse[i];
        left[i] = left[pivot], inverse[i] = inverse[pivot];
        left[pivot] = swapped, inverse[pivot] = swapped_inverse;
        for (uint32_t k = 0; k < n_bits; k++)
            if (k != i && left[k] >> i & 1) left[k] ^= left[i], inverse[k] ^= inverse[i];
    }
    return true;
}

static kb_status seal_xors(kb_dram_map *map, kb_error *err) {
    uint32_t low = bits_of(map->burst_nbytes), n_bits = bits_of(map->n_bursts);
    for (uint32_t i = 0; i < 64; i++) map->rows[i] = UINT64_C(1) << i;
    if (map->n_xors == 0) return KB_OK;
    if (!is_power(map->n_bursts))
        return kb_error_set(err, KB_INVALID,
                            "expected no XOR where a count is no power of two, got %" PRIu64
                            " bursts",
                            map->n_bursts);
    for (uint32_t i = 0; i < map->n_xors; i++) {
        const kb_dram_xor *x = &map->xors[i];
        int64_t first = low, end = low + n_bits;
        if (x->flipped < first || x->flipped >= end || x->by < first || x->by >= end)
            return kb_error_set(err, KB_INVALID,
                                "expected bits %" PRId64 " to %" PRId64
                                " of the offset, got [%" PRId64 ", %" PRId64 "]",
                                first, end - 1, x->flipped, x->by);
        map->rows[x->flipped - first] ^= UINT64_C(1) << (x->by - first);
    }
    if (invert(map->rows, map->inverse, n_bits)) return KB_OK;
    return kb_error_set(err, KB_INVALID,
                        "expected XORs that can be undone, got some by which two addresses fall "
                        "together (the matrix is singular)");
}

/* --- pieces ------------------------------------------------------------------------------------- */

static kb_status seal_pieces(kb_dram_map *map, kb_error *err) {
    uint64_t covered[KB_DRAM_N_FIELDS], weight = 1;
    bool closed[KB_DRAM_N_FIELDS] = {false};
    for (uint32_t f = 0; f < KB_DRAM_N_FIELDS; f++) covered[f] = 1;
    for (uint32_t i = 0; i < map->n_pieces; i++) {
        kb_dram_piece *piece = &map->pieces[i];
        uint64_t size = map->sizes[piece->field];
        piece->weight = weight;
        piece->scale = covered[piece->field];
        uint64_t left = size % piece->scale == 0 ? size / piece->scale : 0;
        if (piece->count == 0) piece->count = left;
        if (closed[piece->field] || piece->count > left || left % piece->count != 0)
            return kb_error_set(err, KB_INVALID,
                                "expected %s once, with %" PRIu64
                                " values in all, got more than that; a part of a field is "
                                "\"%s.N\", N bits",
                                kb_dram_field_name(piece->field), size,
                                kb_dram_field_name(piece->field));
        covered[piece->field] *= piece->count;
        closed[piece->field] = covered[piece->field] == size;
        piece->shift = is_power(piece->count) ? (int32_t)bits_of(piece->count) : -1;
        weight *= piece->count;
    }
    for (uint32_t f = 0; f < KB_DRAM_N_FIELDS; f++)
        if (covered[f] != map->sizes[f])
            return kb_error_set(err, KB_INVALID,
                                "expected all of %s, %" PRIu64 " values, got %" PRIu64
                                "; add %s to the mapping",
                                kb_dram_field_name((kb_dram_field)f), map->sizes[f], covered[f],
                                kb_dram_field_name((kb_dram_field)f));
    map->n_bursts = weight;
    return KB_OK;
}

static kb_status check_hashes(const kb_dram_map *map, kb_error *err) {
    for (uint32_t i = 0; i < map->n_pieces; i++) {
        const kb_dram_piece *piece = &map->pieces[i];
        if (!map->hashed[piece->field]) continue;
        if (piece->count != map->sizes[piece->field] || !is_power(piece->count))
            return kb_error_set(err, KB_INVALID,
                                "expected a hashed field to be one piece of a power of two, got %s "
                                "with %" PRIu64 " values",
                                kb_dram_field_name(piece->field), map->sizes[piece->field]);
    }
    return KB_OK;
}

/* The XOR of the digits of a value to base 2^n_bits. */
static uint64_t fold(uint64_t value, uint32_t n_bits) {
    if (n_bits == 0) return 0;
    if ((n_bits & (n_bits - 1)) == 0)
        for (uint32_t half = 32; half >= n_bits; half /= 2) value ^= value >> half;
    else
        for (uint64_t rest = value >> n_bits; rest; rest >>= n_bits) value ^= rest;
    return value & ((UINT64_C(1) << n_bits) - 1);
}

/* Of what stands above a piece of a power of two. */
static uint64_t hash_of(const kb_dram_piece *piece, uint64_t burst) {
    uint64_t below = piece->weight * piece->count;
    uint64_t above = is_power(below) ? burst >> __builtin_ctzll(below) : burst / below;
    return fold(above, (uint32_t)piece->shift);
}

static kb_dram_place place_of(const kb_dram_map *map, uint64_t burst) {
    kb_dram_place place = {{0}};
    if (map->n_xors) burst = multiply(map->rows, burst, bits_of(map->n_bursts));
    uint64_t rest = burst;
    for (uint32_t i = 0; i < map->n_pieces; i++) {
        const kb_dram_piece *piece = &map->pieces[i];
        uint64_t digit = piece->shift < 0 ? rest % piece->count : rest & (piece->count - 1);
        rest = piece->shift < 0 ? rest / piece->count : rest >> piece->shift;
        if (map->hashed[piece->field]) digit ^= hash_of(piece, burst);
        place.at[piece->field] += digit * piece->scale;
    }
    return place;
}

static void seal_tables(kb_dram_map *map) {
    static const kb_dram_field upwards[KB_DRAM_N_FIELDS] = {
        KB_DRAM_BANK, KB_DRAM_BANK_GROUP, KB_DRAM_SID, KB_DRAM_ROW, KB_DRAM_PC, KB_DRAM_COLUMN};
    int32_t shift = 0;
    map->n_tables = 0;
    if (!is_power(map->n_bursts) ||
        bits_of(map->n_bursts) > KB_DRAM_TABLE_BITS * KB_DRAM_MAX_TABLES)
        return;
    for (uint32_t i = 0; i < KB_DRAM_N_FIELDS; i++) {
        map->shifts[upwards[i]] = shift;
        shift += (int32_t)bits_of(map->sizes[upwards[i]]);
    }
    for (uint32_t bit = 0; UINT64_C(1) << bit < map->n_bursts; bit++) {
        kb_dram_place place = place_of(map, UINT64_C(1) << bit);
        uint64_t *table = map->tables[bit / KB_DRAM_TABLE_BITS], word = 0;
        uint32_t own = 1U << bit % KB_DRAM_TABLE_BITS;
        for (uint32_t f = 0; f < KB_DRAM_N_FIELDS; f++) word |= place.at[f] << map->shifts[f];
        table[0] = 0;
        for (uint32_t i = 0; i < own; i++) table[own + i] = table[i] ^ word;
        map->n_tables = bit / KB_DRAM_TABLE_BITS + 1;
    }
}

kb_dram_spot kb_dram_map_work_out_(const kb_dram_map *map, uint64_t burst) {
    kb_dram_place place = place_of(map, burst);
    uint64_t group =
        place.at[KB_DRAM_SID] * map->sizes[KB_DRAM_BANK_GROUP] + place.at[KB_DRAM_BANK_GROUP];
    return (kb_dram_spot){.pc = (uint32_t)place.at[KB_DRAM_PC],
                          .bank =
                              (uint32_t)(group * map->sizes[KB_DRAM_BANK] + place.at[KB_DRAM_BANK]),
                          .row = (uint32_t)place.at[KB_DRAM_ROW]};
}

kb_dram_place kb_dram_map_decode(const kb_dram_map *map, uint64_t offset) {
    uint64_t burst = offset >> map->burst_shift;
    if (map->n_tables == 0) return place_of(map, burst);
    uint64_t word = kb_dram_map_look_up_(map, burst);
    kb_dram_place place;
    for (uint32_t f = 0; f < KB_DRAM_N_FIELDS; f++)
        place.at[f] = word >> map->shifts[f] & (map->sizes[f] - 1);
    return place;
}

kb_status kb_dram_map_seal(kb_dram_map *map, kb_error *err) {
    KB_TRY(seal_pieces(map, err));
    KB_TRY(check_hashes(map, err));
    KB_TRY(seal_xors(map, err));
    map->span_nbytes = map->burst_nbytes;
    for (uint32_t i = 0; i < map->n_pieces && map->pieces[i].field == KB_DRAM_COLUMN; i++)
        map->span_nbytes *= map->pieces[i].count;
    for (uint32_t i = 0; i < map->n_xors; i++) { /* bits of a column that change with others */
        uint64_t flipped = UINT64_C(1) << map->xors[i].flipped;
        uint64_t by = UINT64_C(1) << map->xors[i].by, least = flipped < by ? flipped : by;
        while (map->span_nbytes > least) map->span_nbytes /= 2;
    }
    if (map->span_nbytes < map->burst_nbytes) map->span_nbytes = map->burst_nbytes;
    map->burst_shift = (int32_t)bits_of(map->burst_nbytes);
    seal_tables(map);
    return KB_OK;
}

uint64_t kb_dram_map_encode(const kb_dram_map *map, const kb_dram_place *place) {
    uint64_t burst = 0;
    for (uint32_t i = map->n_pieces; i-- > 0;) {
        const kb_dram_piece *piece = &map->pieces[i];
        uint64_t digit = place->at[piece->field] / piece->scale % piece->count;
        if (map->hashed[piece->field]) digit ^= hash_of(piece, burst);
        burst += digit * piece->weight;
    }
    if (map->n_xors) burst = multiply(map->inverse, burst, bits_of(map->n_bursts));
    return burst * map->burst_nbytes;
}
