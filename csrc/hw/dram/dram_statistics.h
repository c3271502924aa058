/* What a pseudo-channel counts (kb_engine_memory_counts, Context.memory_statistics). */
#ifndef KB_HW_DRAM_DRAM_STATISTICS_H
#define KB_HW_DRAM_DRAM_STATISTICS_H

#include <stdint.h>

/* What users see; all of bursts unless they say otherwise. */
#define KB_DRAM_STATISTICS(X)                                               \
    X(reads, "bursts read")                                                 \
    X(writes, "bursts written")                                             \
    X(hits, "bursts whose row was open")                                    \
    X(misses, "bursts for which a closed bank was opened")                  \
    X(conflicts, "bursts for which another row was closed first")           \
    X(refreshes, "refreshes, of all banks or of one")                       \
    X(turnarounds, "changes of the bus between reads and writes")           \
    X(busy_fs, "femtoseconds in which the data bus carried a burst")        \
    X(wait_fs, "femtoseconds that bursts waited for their command, in sum") \
    X(peak_queue, "the most bursts in the look-ahead, reads and writes")

typedef struct kb_dram_statistics {
#define X(name, meaning) int64_t name;
    KB_DRAM_STATISTICS(X)
#undef X
} kb_dram_statistics;

#endif
