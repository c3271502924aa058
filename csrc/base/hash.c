#include "base/hash.h"

uint64_t kb_hash_bytes(uint64_t hash, const void *bytes, size_t nbytes) {
    const unsigned char *byte = bytes;
    for (size_t at = 0; at < nbytes; at += 8) {
        uint64_t word = 0;
        size_t n = nbytes - at < 8 ? nbytes - at : 8;
        for (size_t i = 0; i < n; i++) word |= (uint64_t)byte[at + i] << (8 * i);
        hash = kb_hash_u64(hash, word);
    }
    return kb_hash_u64(hash, nbytes);
}
