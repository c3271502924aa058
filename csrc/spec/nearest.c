#include "spec/nearest.h"

#include <stdbool.h>
#include <string.h>

enum { MAX_WORD = 64 };

static size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}

static char lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Edit distance in half steps: 2 to insert, delete or change a letter or to swap two neighbours, 1 to
 * change its case. */
static size_t edit_distance(const char *a, size_t a_length, const char *b, size_t b_length) {
    size_t before[MAX_WORD + 1], last[MAX_WORD + 1], row[MAX_WORD + 1];
    for (size_t j = 0; j <= b_length; j++) before[j] = last[j] = 2 * j;
    for (size_t i = 1; i <= a_length; i++) {
        row[0] = 2 * i;
        for (size_t j = 1; j <= b_length; j++) {
            size_t change = a[i - 1] == b[j - 1] ? 0 : lower(a[i - 1]) == lower(b[j - 1]) ? 1 : 2;
            size_t cost = least(last[j - 1] + change, least(last[j], row[j - 1]) + 2);
            bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            row[j] = swapped ? least(cost, before[j - 2] + 2) : cost;
        }
        memcpy(before, last, (b_length + 1) * sizeof *row);
        memcpy(last, row, (b_length + 1) * sizeof *row);
    }
    return last[b_length];
}

kb_nearest kb_nearest_start(const char *wanted, size_t length) {
    return (kb_nearest){.wanted = wanted, .length = length, .best = NULL};
}

void kb_nearest_offer(kb_nearest *nearest, const char *candidate, size_t length) {
    size_t longer = length > nearest->length ? length : nearest->length;
    if (longer > MAX_WORD || longer == 0) return;
    size_t distance = edit_distance(nearest->wanted, nearest->length, candidate, length);
    if (distance > longer) return; /* over half of the word is wrong: not meant */
    if (nearest->best && distance >= nearest->distance) return;
    nearest->best = candidate;
    nearest->best_length = length;
    nearest->distance = distance;
}
