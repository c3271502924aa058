#include "hw/component/home.h"

kb_home kb_home_of(const kb_topology *topology, kb_space space, uint32_t sip, uint32_t cube,
                   uint32_t index) {
    static const kb_impl impls[KB_SPACE_COUNT] = {[KB_SPACE_HBM] = KB_IMPL_HBM,
                                                  [KB_SPACE_SRAM] = KB_IMPL_SRAM,
                                                  [KB_SPACE_TCM] = KB_IMPL_PE_DMA};
    int32_t pe = space == KB_SPACE_TCM ? (int32_t)index : -1;
    return (kb_home){kb_topology_part(topology, impls[space], (int32_t)sip, (int32_t)cube, pe),
                     space == KB_SPACE_HBM ? (int32_t)index : KB_ANY_SLICE};
}
