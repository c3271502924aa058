/* The nearest known word to a mistyped one: "did you mean latency_ns?". */
#ifndef KB_SPEC_NEAREST_H
#define KB_SPEC_NEAREST_H

#include <stddef.h>

/* Offers candidates one by one; the first of the nearest wins. */
typedef struct kb_nearest {
    const char *wanted; /* borrowed */
    size_t length;
    const char *best; /* borrowed from the candidates; NULL while none is near enough to be meant */
    size_t best_length;
    size_t distance;
} kb_nearest;

kb_nearest kb_nearest_start(const char *wanted, size_t length);
void kb_nearest_offer(kb_nearest *nearest, const char *candidate, size_t length);

#endif
