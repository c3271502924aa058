/* The instruction sets that this library was built with; see isa.h. */
#ifndef KB_REPLAY_ISA_TABLE_H
#define KB_REPLAY_ISA_TABLE_H

#include "replay/isa.h"

extern const kb_isa kb_isa_avx512, kb_isa_avx2, kb_isa_neon, kb_isa_portable;

#endif
