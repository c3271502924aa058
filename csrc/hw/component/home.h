/* The home of bytes of a tensor: the memory that serves them, as requests name it. */
#ifndef KB_HW_COMPONENT_HOME_H
#define KB_HW_COMPONENT_HOME_H

#include <stdint.h>

#include "mem/address.h"
#include "spec/topology.h"

typedef struct kb_home {
    uint32_t memory; /* node; a TCM is at that of its PE's DMA */
    int32_t slice;   /* of the memory; KB_ANY_SLICE in one without */
} kb_home;

/* In a cube of a SIP: slice `index` of its HBM, its SRAM (index 0), or the TCM of PE `index`. */
kb_home kb_home_of(const kb_topology *topology, kb_space space, uint32_t sip, uint32_t cube,
                   uint32_t index);

#endif
