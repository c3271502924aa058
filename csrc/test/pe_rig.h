/* A PE driven by hand, in the place of PE_CPU: tensors, loads, stores, products and element-wise
 * operations of one program, submitted to PE_SCHED at the time of the call. */
#ifndef KB_TEST_PE_RIG_H
#define KB_TEST_PE_RIG_H

#include "hw/pe/tcm.h"
#include "log/payload.h"
#include "mem/address.h"
#include "test/hw_rig.h"

enum { PE_MAX_TENSORS = 8 };

typedef struct pe_rig {
    rig r;
    kb_tcm *tcm;
    kb_sched *sched;
    uint32_t n_progress;
    int32_t line; /* of the next command; counts up */
    kb_placement tensors[PE_MAX_TENSORS];
    uint32_t n_tensors;
    uint64_t next_va;
} pe_rig;

static inline void pe_note_progress(void *self, uint32_t context) {
    pe_rig *p = self;
    (void)context;
    p->n_progress++;
}

static inline bool pe_open(pe_rig *p, const char *yaml) {
    memset(p, 0, sizeof *p);
    if (!rig_open(&p->r, yaml)) return false;
    p->tcm = kb_parts_find(&p->r.parts, KB_IMPL_PE_TCM, 0, 0, 0);
    p->sched = kb_parts_find(&p->r.parts, KB_IMPL_PE_SCHED, 0, 0, 0);
    kb_sched_set_progress(p->sched, pe_note_progress, p);
    p->line = 1;
    p->next_va = KB_VA_GUARD_NBYTES;
    return true;
}

static inline void pe_close(pe_rig *p) {
    for (uint32_t i = 0; i < p->n_tensors; i++) kb_placement_deinit(&p->tensors[i]);
    rig_close(&p->r);
}

/* Maps a tensor; `placement` was made by one of the constructors.  Its slices start at offset 0. */
static inline uint64_t pe_map(pe_rig *p, kb_placement placement) {
    uint64_t va = p->next_va;
    p->tensors[p->n_tensors] = placement;
    kb_mapping mapping = {va, placement.nbytes, &p->tensors[p->n_tensors], (int32_t)p->n_tensors};
    CHECK_EQ(kb_mmu_map(p->r.parts.mmu, &mapping, &p->r.err), KB_OK);
    p->n_tensors++;
    p->next_va += placement.nbytes + 4096;
    return va;
}

/* A tensor in one slice of the SIP. */
static inline uint64_t pe_local(pe_rig *p, uint64_t nbytes, uint32_t slice) {
    kb_placement placement;
    uint32_t per_cube = (uint32_t)kb_topology_system(p->r.topology)->n_pes;
    CHECK_EQ(kb_placement_local(&placement, &p->r.alloc, nbytes, slice, per_cube, &p->r.err),
             KB_OK);
    return pe_map(p, placement);
}

/* rows x columns elements, `pitch` elements from row to row. */
static inline kb_access pe_box(kb_dtype dtype, uint64_t va, uint32_t rows, uint32_t columns,
                               int64_t pitch) {
    int64_t size = (int64_t)kb_dtype_nbytes(dtype);
    uint64_t n = (uint64_t)rows * columns;
    uint64_t span = (uint64_t)(((int64_t)rows - 1) * pitch * size + (int64_t)columns * size);
    return (kb_access){.dtype = (uint8_t)dtype,
                       .rank = 2,
                       .dims = {rows, columns, 1, 1, 1},
                       .n_elements = n,
                       .va = va,
                       .count = {rows, columns, 1, 1, 1},
                       .stride_nbytes = {pitch * size, size},
                       .first_va = va,
                       .end_va = n ? va + span : va};
}

static inline kb_operand pe_operand(const pe_rig *p, uint32_t tile) {
    kb_operand operand = {.kind = KB_OPERAND_TILE,
                          .dtype = KB_FLOAT16,
                          .rank = 1,
                          .dims = {1, 1, 1, 1, 1},
                          .bits = kb_tcm_tile(p->tcm, tile)->version};
    return operand;
}

/* Submits: fills in names and payload. */
static inline void pe_submit(pe_rig *p, kb_command *command, kb_opkind kind, kb_dtype dtype,
                             const kb_sched_tiles *tiles, const kb_access *access) {
    kb_payload payload = {.n_operands = tiles->n_inputs};
    int64_t *words;
    for (uint32_t i = 0; i < tiles->n_inputs; i++)
        payload.operand[i] = pe_operand(p, tiles->inputs[i]);
    if (access) {
        payload.access = *access;
        command->first_va = access->first_va;
        command->end_va = access->end_va;
    }
    if (tiles->output != KB_NO_TILE) payload.result = pe_operand(p, tiles->output);
    CHECK_EQ(kb_sched_words(p->sched, command, kb_payload_words(kind, &payload), &words, &p->r.err),
             KB_OK);
    kb_payload_encode(kind, &payload, words);
    command->record.kind = (uint8_t)kind;
    command->record.dtype = (uint8_t)dtype;
    command->record.line = p->line;
    command->record.sequence = p->line++;
    CHECK_EQ(kb_sched_submit(p->sched, command, 0, tiles, &p->r.err), KB_OK);
}

static inline uint32_t pe_tile(pe_rig *p, int64_t nbytes) {
    uint32_t tile = KB_NO_TILE;
    if (!CHECK_EQ(kb_tcm_take(p->tcm, 0, nbytes, p->line, &tile, &p->r.err), KB_OK))
        printf("#     %s\n", p->r.err.message);
    CHECK(tile != KB_NO_TILE);
    return tile;
}

static inline kb_command *pe_command(pe_rig *p, kb_engine_kind engine) {
    kb_command *command = kb_sched_take(p->sched, 0);
    CHECK(command != NULL);
    command->engine = (uint8_t)engine;
    return command;
}

static inline uint32_t pe_load(pe_rig *p, kb_access access) {
    kb_command *command = pe_command(p, KB_ENGINE_DMA_READ);
    kb_dtype dtype = (kb_dtype)access.dtype;
    int64_t nbytes = (int64_t)access.dims[0] * access.dims[1] * (int64_t)kb_dtype_nbytes(dtype);
    kb_sched_tiles tiles = {.output = pe_tile(p, nbytes), .in_place = KB_NO_TILE};
    pe_submit(p, command, KB_OP_DMA_READ, dtype, &tiles, &access);
    return tiles.output;
}

static inline void pe_store(pe_rig *p, uint32_t tile, kb_access access) {
    kb_command *command = pe_command(p, KB_ENGINE_DMA_WRITE);
    kb_sched_tiles tiles = {
        .n_inputs = 1, .inputs = {tile}, .output = KB_NO_TILE, .in_place = KB_NO_TILE};
    pe_submit(p, command, KB_OP_DMA_WRITE, (kb_dtype)access.dtype, &tiles, &access);
}

/* a (m x k) @ b (k x n), fp16, into fp32; acc: added to in place, KB_NO_TILE: none. */
static inline uint32_t pe_dot(pe_rig *p, uint32_t a, uint32_t b, uint32_t acc, int64_t m, int64_t n,
                              int64_t k) {
    kb_command *command = pe_command(p, KB_ENGINE_GEMM);
    kb_sched_tiles tiles = {.n_inputs = 2, .inputs = {a, b, acc}, .in_place = acc};
    if (acc == KB_NO_TILE) {
        tiles.output = pe_tile(p, m * n * 4);
    } else {
        tiles.n_inputs = 3;
        CHECK_EQ(kb_tcm_succeed(p->tcm, acc, p->line, &tiles.output, &p->r.err), KB_OK);
    }
    command->m = m;
    command->n = n;
    command->k = k;
    command->operand_dtype = KB_FLOAT16;
    pe_submit(p, command, KB_OP_GEMM, KB_FLOAT32, &tiles, NULL);
    return tiles.output;
}

static inline uint32_t pe_math(pe_rig *p, uint32_t a, uint32_t b, int64_t n, kb_math_cost cost) {
    kb_command *command = pe_command(p, KB_ENGINE_MATH);
    kb_sched_tiles tiles = {.n_inputs = b == KB_NO_TILE ? 1 : 2,
                            .inputs = {a, b},
                            .output = pe_tile(p, 2 * n),
                            .in_place = KB_NO_TILE};
    command->n_elements = n;
    command->cost = (uint8_t)cost;
    command->operand_dtype = KB_FLOAT16;
    pe_submit(p, command, KB_OP_MATH, KB_FLOAT16, &tiles, NULL);
    return tiles.output;
}

static inline void pe_drop(pe_rig *p, uint32_t tile) {
    CHECK_EQ(kb_tcm_drop(p->tcm, tile, &p->r.err), KB_OK);
}

/* The record of a kernel line; a failed check when there is not exactly one of that kind. */
static inline kb_record pe_record(const pe_rig *p, int32_t line, kb_opkind kind) {
    kb_record found = {0};
    int n = 0;
    for (int64_t i = 0; i < kb_oplog_count(p->r.parts.log); i++) {
        kb_record record = kb_oplog_get(p->r.parts.log, i);
        if (record.line != line || record.kind != kind) continue;
        found = record;
        n++;
    }
    CHECK_EQ(n, 1);
    return found;
}

#endif
