/* Rings: the queues between PE_IPCQ units, one per (sender, receiver, channel) (ADR-0023).
 *
 *   sender    ticket ─> ready ─> a slot is free: taken (tail + 1) ─> payload, then tail, leave
 *   receiver  tail arrives (arrived + 1) ─> a recv takes the slot (taken + 1) ─> slot freed (head + 1)
 *   sender    credit arrives (freed + 1)
 *
 * A ring comes into being when one of its ends first names it, so that a machine of many PEs costs nothing
 * for those that never speak to each other.  The struct holds the registers of both ends; each end only
 * touches its own, and learns of the other's by message.
 *
 * Invariants
 *   R1. Counts are modulo 2 * depth: tail - freed slots are taken, so full and empty differ (D17).
 *   R2. head <= taken <= arrived <= tail <= freed + depth, as counts go.
 *   R3. Tickets are given in program order; sends leave, and recvs are served, in order of tickets.
 */
#ifndef KB_HW_PE_RING_H
#define KB_HW_PE_RING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/vec.h"
#include "hw/pe/command.h"

/* What a slot holds, from its send to its credit. */
typedef struct kb_parcel {
    int64_t nbytes;
    uint64_t version;     /* of the message, as replay knows it */
    int64_t there_fs;     /* its tail at the receiver's PE_IPCQ */
    int64_t commit_fs;    /* in a memory: its last byte; -1: not yet */
    bool tail_here;       /* in a memory: the tail has arrived */
    int32_t kernel, line; /* of the send */
    uint8_t op, dtype;    /* to the switch: how it is combined with the others, and as what */
} kb_parcel;

/* Commands of one end that are ready, by ticket. */
typedef struct kb_ring_end {
    uint32_t n_tickets;       /* given */
    uint32_t next;            /* ticket whose turn it is */
    kb_command *first, *last; /* NULL: none, and then `last` has no meaning */
} kb_ring_end;

/* In lines of the cache: what stays as it is, what the sender looks at, what the receiver does. */
typedef struct kb_ring {
    uint32_t src, dst;           /* PEs, counted through the machine; see kb_ring_name_sums */
    uint32_t channel;            /* see kb_ring_channel */
    uint32_t lane;               /* with a group: the switch's number for what it meets, + 1 */
    int64_t group;               /* 0: from PE to PE; else from a PE by way of the switch, where it
                                    meets those of a group of SIPs (hw/pe/reducer.h), to itself */
    uint32_t src_node, dst_node; /* the ends' PE_DMA, which the messages go between */
    uint32_t home;               /* node that holds the slots: dst_node for TCM, else SRAM or HBM */
    int32_t slice;               /* of an HBM */
    uint64_t offset;             /* of slot 0 in it */
    kb_parcel *parcels;          /* by slot */

    _Alignas(KB_LINE_NBYTES) kb_ring_end send;
    uint32_t tail, freed;
    uint32_t data_path, tail_path; /* of its messages (kb_send.path) */
    uint32_t committed,
        forwarded;      /* of the memory that holds it: payloads written, tails passed on */
    int64_t forward_fs; /* when the last tail was passed on */

    _Alignas(KB_LINE_NBYTES) kb_ring_end recv;
    uint32_t arrived, taken, head;
    uint32_t credit_path;
} kb_ring;

enum { KB_RING_BLOCK = 32 };

/* Rings with adjacent numbers, from the first line of what was allocated on. */
typedef struct kb_ring_block {
    kb_ring rings[KB_RING_BLOCK];
    void *allocated;
} kb_ring_block;

typedef struct kb_rings {
    kb_alloc *alloc;
    uint32_t depth;
    KB_VEC(kb_ring_block *) blocks;
    uint32_t count;
    uint32_t *buckets; /* ring number + 1, by hash, open addressing; at most half full */
    uint32_t n_buckets;
} kb_rings;

kb_status kb_rings_create(kb_alloc *alloc, uint32_t depth, kb_rings **rings,
                          kb_error *err) KB_MUST_CHECK;
void kb_rings_destroy(kb_rings *rings); /* accepts NULL */

/* *number: of a ring that is likely to be it, and then of that which it is; *made: it is new, and its nodes are
 * to be filled in. */
kb_status kb_rings_find(kb_rings *rings, uint32_t src, uint32_t dst, uint32_t channel,
                        uint32_t *number, bool *made, kb_error *err) KB_MUST_CHECK;

/* A ring never moves. */
static inline kb_ring *kb_rings_at(const kb_rings *rings, uint32_t number) {
    return &rings->blocks.items[number / KB_RING_BLOCK]->rings[number % KB_RING_BLOCK];
}

static inline uint32_t kb_rings_count(const kb_rings *rings) {
    return rings->count;
}

/* Kernels and collectives have channels of their own (D5). */
static inline uint32_t kb_ring_channel(uint32_t channel, bool comm) {
    return 2 * channel + comm;
}

/* What takes the place of dst and channel in the name of a ring by way of the switch: no PE has that number,
 * and groups differ. */
enum { KB_RING_CHANNEL_BITS = 21 };
static inline void kb_ring_name_sums(int64_t group, uint32_t *dst, uint32_t *channel) {
    *dst = UINT32_C(1) << 31 | (uint32_t)(group & INT32_MAX);
    *channel |= (uint32_t)(group >> 31) << KB_RING_CHANNEL_BITS;
}

/* The channel as kernels count it. */
static inline uint32_t kb_ring_number_of_channel(const kb_ring *ring) {
    return (ring->channel & ((UINT32_C(1) << KB_RING_CHANNEL_BITS) - 1)) / 2;
}

/* The next count modulo 2 * depth, the slot of a count, and how far `b` is ahead of `a`. */
static inline uint32_t kb_ring_next(const kb_rings *rings, uint32_t count) {
    return count + 1 < 2 * rings->depth ? count + 1 : 0;
}

static inline uint32_t kb_ring_slot(const kb_rings *rings, uint32_t count) {
    return count < rings->depth ? count : count - rings->depth;
}

static inline uint32_t kb_ring_between(const kb_rings *rings, uint32_t a, uint32_t b) {
    return b >= a ? b - a : b + 2 * rings->depth - a;
}

#endif
