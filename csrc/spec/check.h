/* Checks between values: each value alone is in its range by then. */
#ifndef KB_SPEC_CHECK_H
#define KB_SPEC_CHECK_H

#include "spec/reader.h"
#include "spec/topology.h"

/* `place` is the mapping with the keys of the memory; `n_slices` is into how many parts of whole PCs the
 * memory is divided: the PEs of a cube, or 1. */
kb_status kb_check_hbm(const kb_reader *reader, const kb_place *place, const kb_params_hbm *hbm,
                       int64_t flit_nbytes, int64_t n_slices) KB_MUST_CHECK;
kb_status kb_check_sram(const kb_reader *reader, const kb_place *place, const kb_params_sram *sram,
                        int64_t flit_nbytes) KB_MUST_CHECK;

/* `place` is the `system` mapping. */
kb_status kb_check_system(const kb_reader *reader, const kb_place *place, const kb_system *system,
                          int64_t flit_nbytes) KB_MUST_CHECK;

#endif
