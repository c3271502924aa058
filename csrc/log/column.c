#include "log/column.h"

#include <string.h>

static uint64_t distance(const kb_column *column, int64_t number, int64_t end) {
    if (!column->by_end) return (uint64_t)number - (uint64_t)column->base;
    return number == 0 ? 0 : (uint64_t)end - (uint64_t)number + 1;
}

static uint8_t bytes_of(uint64_t distance) {
    return distance == 0            ? 0
           : distance <= UINT8_MAX  ? 1
           : distance <= UINT16_MAX ? 2
           : distance <= UINT32_MAX ? 4
                                    : 8;
}

static uint8_t most_bytes(const kb_column *column, const int64_t *numbers, const int64_t *ends,
                          size_t n) {
    uint64_t all = 0;
    for (size_t i = 0; i < n; i++) all |= distance(column, numbers[i], ends[i]);
    return bytes_of(all);
}

kb_column kb_column_plan(const int64_t *numbers, const int64_t *ends, size_t n) {
    kb_column plain = {.base = n ? numbers[0] : 0}, by_end = {.by_end = true};
    if (!ends) {
        for (size_t i = 0; i < n; i++)
            if (numbers[i] < plain.base) plain.base = numbers[i];
        plain.n_bytes = most_bytes(&plain, numbers, numbers, n);
        return plain;
    }
    bool fits = true; /* 0 stands for 0, not for the femtosecond after the end */
    for (size_t i = 0; i < n; i++) {
        if (numbers[i] < plain.base) plain.base = numbers[i];
        fits &= numbers[i] == 0 || (uint64_t)ends[i] + 1 != (uint64_t)numbers[i];
    }
    plain.n_bytes = most_bytes(&plain, numbers, ends, n);
    by_end.n_bytes = most_bytes(&by_end, numbers, ends, n);
    return fits && by_end.n_bytes < plain.n_bytes ? by_end : plain;
}

void kb_column_pack(const kb_column *column, const int64_t *numbers, const int64_t *ends, size_t n,
                    unsigned char *bytes) {
    unsigned char *out = bytes + column->at;
    for (size_t i = 0; i < n; i++) {
        uint64_t packed = distance(column, numbers[i], ends[i]);
        for (uint8_t b = 0; b < column->n_bytes; b++) *out++ = (unsigned char)(packed >> 8 * b);
    }
}

int64_t kb_column_get(const kb_column *column, const unsigned char *bytes, size_t row,
                      int64_t end) {
    const unsigned char *in = bytes + column->at + row * column->n_bytes;
    uint64_t packed = 0;
    for (uint8_t b = 0; b < column->n_bytes; b++) packed |= (uint64_t)in[b] << 8 * b;
    if (!column->by_end) return (int64_t)(packed + (uint64_t)column->base);
    return packed == 0 ? 0 : (int64_t)((uint64_t)end + 1 - packed);
}
