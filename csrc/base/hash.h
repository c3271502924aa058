/* A 64-bit content hash, the same on every machine: FNV-like multiply and rotate over 64-bit words,
 * with a finalising avalanche.  Not for secrets: for op logs (law L10), caches and tables. */
#ifndef KB_BASE_HASH_H
#define KB_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#define KB_HASH_SEED UINT64_C(0x9e3779b97f4a7c15)

/* Adds one word to a running hash. */
static inline uint64_t kb_hash_u64(uint64_t hash, uint64_t word) {
    hash = (hash ^ word) * UINT64_C(0xff51afd7ed558ccd);
    return (hash << 29 | hash >> 35) + KB_HASH_SEED;
}

/* Spreads a running hash over all 64 bits; done once, at the end. */
static inline uint64_t kb_hash_finish(uint64_t hash) {
    hash = (hash ^ hash >> 33) * UINT64_C(0xff51afd7ed558ccd);
    hash = (hash ^ hash >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
    return hash ^ hash >> 33;
}

/* Adds nbytes bytes, little-endian words whatever the machine, and their number. */
uint64_t kb_hash_bytes(uint64_t hash, const void *bytes, size_t nbytes);

#endif
