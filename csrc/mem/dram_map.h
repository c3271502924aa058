/* Which pseudo-channel, bank, row and column the bytes of a DRAM lie in.
 *
 *   offset     ... | piece | piece | piece | byte of a burst
 *                    high           low
 *
 * An offset, in bursts, is a number whose digits are the *pieces*, from the least significant upwards.
 * A piece is all of a field, or its next lower part (`column.3`, then `column`: the lower 3 bits of the
 * column, and above whatever lies between, the rest of it).  Then
 *   - `xors` flips bit a of the offset where bit b is set, all at once, before it is cut into digits;
 *   - a *hashed* field is XORed with all digits, to its own base, of what stands above it.
 * Either way no two offsets fall together, so decoding has an inverse.
 *
 * Where all counts are powers of two, each bit of a field is the XOR of some bits of the offset: the fields,
 * side by side in one word, are the XOR of what each six bits of the burst's number contribute, by table:
 * tables so short stay in the first cache.
 */
#ifndef KB_MEM_DRAM_MAP_H
#define KB_MEM_DRAM_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/*   X(enumerator, "name") */
#define KB_DRAM_FIELD_LIST(X)   \
    X(PC, "pc")                 \
    X(BANK_GROUP, "bank_group") \
    X(COLUMN, "column")         \
    X(BANK, "bank")             \
    X(SID, "sid")               \
    X(ROW, "row")

typedef enum kb_dram_field {
#define X(enumerator, name) KB_DRAM_##enumerator,
    KB_DRAM_FIELD_LIST(X)
#undef X
        KB_DRAM_N_FIELDS
} kb_dram_field;

const char *kb_dram_field_name(kb_dram_field field);

enum { KB_DRAM_MAX_PIECES = 16, KB_DRAM_MAX_XORS = 64 };
enum {
    KB_DRAM_MAX_TABLES = 7,
    KB_DRAM_TABLE_BITS = 6,
    KB_DRAM_TABLE_SIZE = 1 << KB_DRAM_TABLE_BITS
};

/* Counts and digits are below 2^31. */
typedef struct kb_dram_piece {
    kb_dram_field field;
    uint64_t count;  /* of its values */
    uint64_t weight; /* in bursts: what one step of it adds to the offset */
    uint64_t scale;  /* what one step of it adds to the field */
    int32_t bits;    /* as the mapping says, 0 for the rest of a field: for writing it */
    int32_t shift;   /* log2(count); -1 where that is no power of two */
} kb_dram_piece;

typedef struct kb_dram_xor {
    int64_t flipped, by; /* bits of the offset in bytes */
} kb_dram_xor;

typedef struct kb_dram_map {
    uint64_t burst_nbytes; /* a power of two */
    int32_t burst_shift;   /* log2 of it */
    uint64_t sizes[KB_DRAM_N_FIELDS];
    uint64_t n_bursts; /* the product of the sizes */
    uint32_t n_pieces;
    kb_dram_piece pieces[KB_DRAM_MAX_PIECES];
    uint32_t n_xors;
    kb_dram_xor xors[KB_DRAM_MAX_XORS];
    uint64_t rows[64],
        inverse[64]; /* of the matrix of the XORs and of its inverse, by bit of the burst */
    bool hashed[KB_DRAM_N_FIELDS];
    uint64_t
        span_nbytes; /* an aligned range of so many bytes lies in one row, column after column */
    uint32_t
        n_tables; /* sixes of bits of a burst's number; 0: none, as a count is no power of two */
    int32_t
        shifts[KB_DRAM_N_FIELDS]; /* where a field stands in a word of the tables: the three that
                                         number the banks of a PC come first, as in kb_dram_spot */
    uint64_t tables[KB_DRAM_MAX_TABLES][KB_DRAM_TABLE_SIZE];
} kb_dram_map;

typedef struct kb_dram_place {
    uint64_t at[KB_DRAM_N_FIELDS];
} kb_dram_place;

/* Where a burst lies but for its column: the bank's number is (sid * bank groups + group) * banks + bank. */
typedef struct kb_dram_spot {
    uint32_t pc, bank, row;
} kb_dram_spot;

/* Works out weights, scales and the inverse of the XORs from sizes, pieces (field, count) and xors.
 * KB_INVALID when a field is left out or covered twice, a hashed field is no single piece of a power of
 * two, an XOR names a bit outside, or the XORs cannot be inverted. */
kb_status kb_dram_map_seal(kb_dram_map *map, kb_error *err) KB_MUST_CHECK;

/* Of an offset below n_bursts * burst_nbytes. */
kb_dram_place kb_dram_map_decode(const kb_dram_map *map, uint64_t offset);

kb_dram_spot kb_dram_map_work_out_(const kb_dram_map *map, uint64_t burst); /* without tables */

static inline uint64_t kb_dram_map_look_up_(const kb_dram_map *map, uint64_t burst) {
    uint64_t word = 0;
    for (uint32_t i = 0; i < map->n_tables; i++)
        word ^= map->tables[i][burst >> KB_DRAM_TABLE_BITS * i & (KB_DRAM_TABLE_SIZE - 1)];
    return word;
}

/* Here, so that a spot stays in registers: put together in memory, it would be waited for. */
static inline kb_dram_spot kb_dram_map_find(const kb_dram_map *map, uint64_t offset) {
    uint64_t burst = offset >> map->burst_shift;
    if (map->n_tables == 0) return kb_dram_map_work_out_(map, burst);
    uint64_t word = kb_dram_map_look_up_(map, burst);
    const int32_t *shifts = map->shifts;
    return (kb_dram_spot){
        .pc = (uint32_t)(word >> shifts[KB_DRAM_PC] & (map->sizes[KB_DRAM_PC] - 1)),
        .bank = (uint32_t)(word & ((UINT64_C(1) << shifts[KB_DRAM_ROW]) - 1)),
        .row = (uint32_t)(word >> shifts[KB_DRAM_ROW] & (map->sizes[KB_DRAM_ROW] - 1))};
}

/* The offset of the first byte of a burst; every field is below its size. */
uint64_t kb_dram_map_encode(const kb_dram_map *map, const kb_dram_place *place);

#endif
