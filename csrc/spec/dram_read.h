/* Reading a memory with a standard from YAML: the keys of an hbm that no table holds, what goes with what,
 * and whether the numbers agree. */
#ifndef KB_SPEC_DRAM_READ_H
#define KB_SPEC_DRAM_READ_H

#include <stdbool.h>

#include "spec/dram.h"
#include "spec/reader.h"

/* Keys of an hbm beside its table; ends with NULL. */
extern const char *const kb_dram_keys[];

/* `map` is the place of the hbm, whose table has been read into hbm; `written`: the text has such a mapping
 * (else map stands for messages).  A standard fills in pcs, capacity, pc and access of hbm, and dram;
 * without one, dram->standard is NULL. */
kb_status kb_dram_read(const kb_reader *reader, const kb_place *map, bool written,
                       int64_t flit_nbytes, int64_t n_slices, kb_params_hbm *hbm,
                       kb_dram *dram) KB_MUST_CHECK;

/* Whether the key of the table belongs in the text of such a memory. */
bool kb_dram_writes(const kb_dram *dram, const char *key);

#endif
