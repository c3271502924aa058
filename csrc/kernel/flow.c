/* Definite assignment: forward over basic blocks, "written on every path" as one bit per register. */
#include <stdbool.h>
#include <string.h>

#include "kernel/verify.h"

enum { MAX_STATE_NBYTES = 64 << 20, NOBODY = -1 };

typedef struct flow {
    const kb_kernel *kernel;
    int32_t *block_of; /* instruction -> its block if it leads one, else NOBODY */
    uint32_t *leader;  /* block -> its first instruction */
    uint64_t *written; /* block -> registers written on entry, n_words each */
    uint64_t *current;
    uint32_t *pending; /* stack of blocks to walk; each at most once */
    bool *is_pending, *reached;
    uint32_t n_blocks, n_pending;
    size_t n_words;
} flow;

static bool ends_block(uint8_t op) {
    return op == KB_KIR_JUMP || op == KB_KIR_JUMP_IF || op == KB_KIR_JUMP_UNLESS ||
           op == KB_KIR_RETURN;
}

static bool jumps(uint8_t op) {
    return ends_block(op) && op != KB_KIR_RETURN;
}

static void lead(flow *self, uint32_t inst) {
    if (inst < self->kernel->n_insts) self->block_of[inst] = 0;
}

static void find_leaders(flow *self) {
    const kb_kernel *kernel = self->kernel;
    for (uint32_t i = 0; i < kernel->n_insts; i++) self->block_of[i] = NOBODY;
    lead(self, 0);
    for (uint32_t i = 0; i < kernel->n_insts; i++) {
        if (ends_block(kernel->insts[i].op)) lead(self, i + 1);
        if (jumps(kernel->insts[i].op)) lead(self, kernel->insts[i].imm);
    }
    for (uint32_t i = 0; i < kernel->n_insts; i++)
        if (self->block_of[i] != NOBODY) self->block_of[i] = (int32_t)self->n_blocks++;
}

/* Control enters `inst` with the current state: what is written there is what every path wrote. */
static void enter(flow *self, uint32_t inst) {
    uint32_t block = (uint32_t)self->block_of[inst];
    uint64_t *written = self->written + block * self->n_words;
    bool changed = !self->reached[block];
    if (changed) memcpy(written, self->current, self->n_words * sizeof *written);
    for (size_t w = 0; w < self->n_words; w++) {
        changed = changed || (written[w] & ~self->current[w]) != 0;
        written[w] &= self->current[w];
    }
    self->reached[block] = true;
    if (!changed || self->is_pending[block]) return;
    self->is_pending[block] = true;
    self->pending[self->n_pending++] = block;
}

/* The tiles of a composite's body are PE_SCHED's: the program has none of them. */
static void forget_body(flow *self, uint32_t end) {
    const kb_kir_inst *insts = self->kernel->insts;
    for (uint32_t i = end; insts[i].op != KB_KIR_COMPOSITE; i--)
        if (insts[i].dst != KB_NO_REG)
            self->current[insts[i].dst / 64] &= ~(UINT64_C(1) << insts[i].dst % 64);
}

static kb_status step(flow *self, uint32_t index, kb_error *err) {
    const kb_kir_inst *inst = &self->kernel->insts[index];
    const uint16_t operands[3] = {inst->a, inst->b, inst->c};
    for (int i = 0; i < 3 && inst->op != KB_KIR_DROP; i++) {
        uint16_t reg = operands[i];
        if (reg != KB_NO_REG && !(self->current[reg / 64] >> reg % 64 & 1))
            return kb_kernel_fault(
                self->kernel, index, err,
                "register %u is read before it is written, or after its last use", reg);
    }
    for (int i = 0; i < 3; i++)
        if (inst->flags >> i & 1 || (inst->op == KB_KIR_DROP && i == 0))
            self->current[operands[i] / 64] &= ~(UINT64_C(1) << operands[i] % 64);
    if (inst->dst != KB_NO_REG) self->current[inst->dst / 64] |= UINT64_C(1) << inst->dst % 64;
    if (inst->op == KB_KIR_COMPOSITE_END) forget_body(self, index);
    return KB_OK;
}

static kb_status walk_block(flow *self, uint32_t block, kb_error *err) {
    const kb_kernel *kernel = self->kernel;
    memcpy(self->current, self->written + block * self->n_words,
           self->n_words * sizeof *self->current);
    for (uint32_t i = self->leader[block];; i++) {
        KB_TRY(step(self, i, err));
        uint8_t op = kernel->insts[i].op;
        if (jumps(op)) enter(self, kernel->insts[i].imm);
        if (op == KB_KIR_JUMP || op == KB_KIR_RETURN) return KB_OK;
        if (self->block_of[i + 1] == NOBODY) continue;
        enter(self, i + 1);
        return KB_OK;
    }
}

static kb_status walk(flow *self, kb_error *err) {
    for (uint32_t i = 0, block = 0; i < self->kernel->n_insts; i++)
        if (self->block_of[i] != NOBODY) self->leader[block++] = i;
    for (uint32_t i = 0; i < self->kernel->n_params; i++)
        self->current[i / 64] |= UINT64_C(1) << i % 64;
    enter(self, 0);
    while (self->n_pending > 0) {
        uint32_t block = self->pending[--self->n_pending];
        self->is_pending[block] = false;
        KB_TRY(walk_block(self, block, err));
    }
    return KB_OK;
}

kb_status kb_kernel_verify_flow(kb_alloc *alloc, const kb_kernel *kernel, kb_error *err) {
    flow self = {.kernel = kernel, .n_words = kernel->n_regs / 64 + 1};
    self.block_of = kb_alloc_zeroed(alloc, kernel->n_insts, sizeof *self.block_of);
    if (!self.block_of) return kb_error_nomem(err, "the check of a kernel");
    find_leaders(&self);
    size_t n_blocks = self.n_blocks, n_state = n_blocks * self.n_words;
    kb_status status = KB_OK;
    if (n_state * sizeof *self.written > MAX_STATE_NBYTES) {
        status =
            kb_error_set(err, KB_COMPILE, "kernel %s: %u registers are too many for %u branches",
                         kernel->name, kernel->n_regs, self.n_blocks);
        n_blocks = n_state = 0;
    } else {
        self.leader = kb_alloc_zeroed(alloc, n_blocks, sizeof *self.leader);
        self.written = kb_alloc_zeroed(alloc, n_state, sizeof *self.written);
        self.current = kb_alloc_zeroed(alloc, self.n_words, sizeof *self.current);
        self.pending = kb_alloc_zeroed(alloc, n_blocks, sizeof *self.pending);
        self.is_pending = kb_alloc_zeroed(alloc, n_blocks, sizeof *self.is_pending);
        self.reached = kb_alloc_zeroed(alloc, n_blocks, sizeof *self.reached);
        bool ready = self.leader && self.written && self.current && self.pending &&
                     self.is_pending && self.reached;
        status = ready ? walk(&self, err) : kb_error_nomem(err, "the check of a kernel");
    }
    kb_alloc_free(alloc, self.reached, n_blocks, sizeof *self.reached);
    kb_alloc_free(alloc, self.is_pending, n_blocks, sizeof *self.is_pending);
    kb_alloc_free(alloc, self.pending, n_blocks, sizeof *self.pending);
    kb_alloc_free(alloc, self.current, self.n_words, sizeof *self.current);
    kb_alloc_free(alloc, self.written, n_state, sizeof *self.written);
    kb_alloc_free(alloc, self.leader, n_blocks, sizeof *self.leader);
    kb_alloc_free(alloc, self.block_of, kernel->n_insts, sizeof *self.block_of);
    return status;
}
