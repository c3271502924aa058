/* A column of the op log at rest: KB_OPLOG_CHUNK numbers in as few bytes each as they need.
 *
 * A number is kept as its distance from the least of its chunk, or, for times, as the distance back from the
 * end of its record, and 0 for 0.  A distance takes 0, 1, 2, 4 or 8 bytes, the same for all of a chunk;
 * whichever way takes less is taken.
 */
#ifndef KB_LOG_COLUMN_H
#define KB_LOG_COLUMN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct kb_column {
    int64_t base;
    uint32_t at;     /* of its bytes, in those of the chunk */
    uint8_t n_bytes; /* of a distance */
    bool by_end;
} kb_column;

/* How `n` numbers are best kept; column->at is the caller's.  `ends` is NULL for the ends themselves. */
kb_column kb_column_plan(const int64_t *numbers, const int64_t *ends, size_t n);

void kb_column_pack(const kb_column *column, const int64_t *numbers, const int64_t *ends, size_t n,
                    unsigned char *bytes);

/* Number `row`; `end` is that of its record. */
int64_t kb_column_get(const kb_column *column, const unsigned char *bytes, size_t row, int64_t end);

#endif
