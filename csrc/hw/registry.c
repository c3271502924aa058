#include "hw/registry.h"

#include "hw/control/host.h"
#include "hw/control/io_cpu.h"
#include "hw/control/m_cpu.h"
#include "hw/control/m_cpu_dma.h"
#include "hw/memory/hbm.h"
#include "hw/memory/sram.h"
#include "hw/pe/ipcq.h"
#include "hw/pe/pe_cpu.h"
#include "hw/pe/pe_dma.h"
#include "hw/pe/pe_gemm.h"
#include "hw/pe/pe_math.h"
#include "hw/pe/pe_sched.h"
#include "hw/pe/reducer.h"
#include "hw/pe/tcm.h"

static const kb_component_type types[] = {
    {KB_IMPL_HBM, kb_hbm_create, kb_hbm_destroy, NULL},
    {KB_IMPL_SRAM, kb_sram_create, kb_sram_destroy, NULL},
    {KB_IMPL_PE_TCM, kb_tcm_create, kb_tcm_destroy, NULL},
    {KB_IMPL_PE_SCHED, kb_sched_create, kb_sched_destroy, NULL},
    {KB_IMPL_PE_DMA, kb_dma_create, kb_dma_destroy, NULL},
    {KB_IMPL_PE_GEMM, kb_gemm_create, kb_gemm_destroy, NULL},
    {KB_IMPL_PE_MATH, kb_math_create, kb_math_destroy, NULL},
    {KB_IMPL_PE_IPCQ, kb_ipcq_create, kb_ipcq_destroy, kb_ipcq_describe},
    {KB_IMPL_PE_CPU, kb_pe_cpu_create, kb_pe_cpu_destroy, kb_pe_cpu_describe},
    {KB_IMPL_M_CPU_DMA, kb_m_cpu_dma_create, kb_m_cpu_dma_destroy, NULL},
    {KB_IMPL_M_CPU, kb_m_cpu_create, kb_m_cpu_destroy, NULL},
    {KB_IMPL_IO_CPU, kb_io_cpu_create, kb_io_cpu_destroy, NULL},
    {KB_IMPL_SWITCH, kb_reducer_create, kb_reducer_destroy, kb_reducer_describe},
    {KB_IMPL_HOST, kb_host_create, kb_host_destroy, NULL},
};

const kb_component_type *kb_registry_at(size_t index) {
    return index < sizeof types / sizeof types[0] ? &types[index] : NULL;
}
