/* M_CPU: a cube's end of launches and copies, and M_CPU.DMA, which moves a copy's bytes.
 *
 *   LAUNCH ─> decode ─> issue to PE 0, 1, ... one after another (issue_ns each)
 *          <─ one response when all PEs of the cube have answered
 *   COPY   ─> decode ─> M_CPU.DMA: `dma_channels` pieces at a time, each read whole, then written
 *          <─ one response when every piece of this cube is written
 *
 * M_CPU decodes one command at a time and issues one message at a time, in order of arrival; decoding
 * overlaps issuing.  A piece occupies its channel for at least nbytes at the channel's rate.
 */
#ifndef KB_HW_M_CPU_H
#define KB_HW_M_CPU_H

#include <stdbool.h>
#include <stdint.h>

#include "hw/registry.h"
#include "mem/address.h"
#include "mem/placement.h"

/* One copy between host memory and a range of one tensor. */
struct kb_copy {
    uint32_t slot; /* the messages' tag */
    int32_t id;    /* counted from 0 in order of submission */
    bool to_device;
    kb_va va;
    uint64_t nbytes;
    uint64_t offset;               /* of va in its tensor */
    const kb_placement *placement; /* borrowed until it is done */
    uint32_t sip;
    const int64_t *words; /* payload of its record, the engine's; borrowed until it is done */
    uint32_t n_words;
    int64_t submitted_fs, done_fs;
    int64_t memory_start_fs, memory_end_fs; /* 0: none yet */
    int64_t n_requests;
    uint32_t responses_due;
    struct kb_copy *next; /* private to the host */
};

/* True when part of the copy lies in the cube. */
bool kb_copy_touches(const kb_copy *copy, uint32_t cube);

typedef struct kb_copies kb_copies;

kb_status kb_copies_create(kb_alloc *alloc, kb_copies **copies, kb_error *err) KB_MUST_CHECK;
void kb_copies_destroy(kb_copies *copies); /* accepts NULL */
kb_status kb_copies_take(kb_copies *copies, kb_copy **copy, kb_error *err) KB_MUST_CHECK;
void kb_copies_give(kb_copies *copies, kb_copy *copy);
kb_copy *kb_copies_at(const kb_copies *copies, uint32_t slot);

kb_status kb_m_cpu_create(const kb_parts *parts, uint32_t node, void **m_cpu,
                          kb_error *err) KB_MUST_CHECK;
void kb_m_cpu_destroy(void *m_cpu); /* accepts NULL */

#endif
