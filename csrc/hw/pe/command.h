/* A command: what PE_CPU hands to PE_SCHED, and PE_SCHED to an engine (ADR-0014).
 *
 *   composed ─> waiting (operands, memory order) ─> ready ─> running (engine) ─> done ─> logged, freed
 *
 * The engine needs only the figures here; the words are the op log's payload, carried along.
 * Scoreboard: `waits` counts the unfinished commands that this one must follow (producers of its
 * operands, readers of a tile that it overwrites in place, earlier overlapping memory operations of its
 * program); when it falls to 0 the command is ready.  Engines take ready commands in order of
 * (ready time, program order).
 */
#ifndef KB_HW_PE_COMMAND_H
#define KB_HW_PE_COMMAND_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/access.h"
#include "log/oplog.h"

typedef enum kb_engine_kind {
    KB_ENGINE_DMA_READ,
    KB_ENGINE_DMA_WRITE,
    KB_ENGINE_GEMM,
    KB_ENGINE_MATH,
    KB_ENGINE_COMPOSER,
    KB_ENGINE_SEND,
    KB_ENGINE_RECV,
    KB_ENGINE_KIND_COUNT
} kb_engine_kind;

/* Bytes that a command touches: [first_va, end_va). */
typedef struct kb_span {
    uint64_t first_va, end_va;
    bool writes;
} kb_span;

typedef struct kb_command {
    uint8_t engine;        /* kb_engine_kind */
    uint8_t operand_dtype; /* GEMM, MATH: which rate */
    uint8_t precision;     /* GEMM: kb_precision */
    uint8_t cost;          /* MATH: kb_math_cost */
    uint32_t waits;        /* scoreboard */
    int64_t order;         /* program order within the PE: ties */
    const int64_t *words;  /* payload, owned by the command's slot */
    uint32_t n_words;
    union {
        uint32_t token;  /* a stage of a composite: which token it belongs to */
        uint32_t parcel; /* SEND, RECV: slot of its ring that it fills or empties */
    };
    kb_record record; /* kind, op, dtype, line, program ..., filled in as it goes along */
    union {           /* what its engine alone needs */
        struct {      /* GEMM */
            int64_t m, n, k;
        };
        struct {                /* MATH */
            int64_t n_elements; /* lanes x ... of the result; REDUCE: of the operand */
        };
        struct {                            /* COMPOSER */
            struct kb_composite *composite; /* what it describes (hw/pe/composer.h) */
            const kb_span *spans;           /* what it reads and writes, n_spans of them */
            uint32_t n_spans;
        };
        struct {              /* SEND, RECV: see hw/pe/ring.h */
            uint64_t version; /* SEND: of the message */
            uint32_t ring, ticket;
            struct kb_command *behind; /* the one behind it, at its ring or in its queue */
        };
        struct { /* DMA: what it touches lies within these; the payload has its access */
            uint64_t first_va, end_va;
            uint32_t outstanding; /* of its requests, from when it runs */
            bool all_sent;
        };
    };
} kb_command;

#endif
