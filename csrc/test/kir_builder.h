/* Writes KIR by hand, for tests: what the compiler does, without the compiler.
 *
 *     kir_builder k;
 *     kir_begin(&k, "twice");
 *     uint16_t x = kir_param(&k, "x", kir_scalar(KB_INT32));
 *     uint16_t y = kir_reg(&k, kir_scalar(KB_INT32));
 *     kir_emit(&k, KB_KIR_SCALAR, KB_MATHOP_ADD, y, x, x, KB_NO_REG, 0);
 *     kir_emit(&k, KB_KIR_RETURN, 0, KB_NO_REG, KB_NO_REG, KB_NO_REG, KB_NO_REG, 0);
 *     kb_kernel *kernel = kir_make(&k, &alloc);
 *
 * Everything is in fixed arrays; a program that does not fit fails a check.
 */
#ifndef KB_TEST_KIR_BUILDER_H
#define KB_TEST_KIR_BUILDER_H

#include <stdlib.h>
#include <string.h>

#include "kernel/kir.h"
#include "test/tap.h"

enum { KIR_ROOM = 512, KIR_BYTES = 1 << 16 };

typedef struct kir_builder {
    kb_kir_header header;
    kb_kir_param params[KIR_ROOM];
    kb_kir_type types[KIR_ROOM];
    uint16_t regs[KIR_ROOM];
    uint64_t consts[KIR_ROOM];
    kb_kir_inst insts[KIR_ROOM];
    uint32_t lines[KIR_ROOM];
    char text[KIR_ROOM * 8];
    uint32_t line; /* of the next instruction */
    size_t nbytes;
    uint64_t bytes[KIR_BYTES / 8];
} kir_builder;

static inline uint32_t kir_text(kir_builder *self, const char *text) {
    uint32_t offset = self->header.n_text;
    size_t length = strlen(text) + 1;
    if (!CHECK(offset + length <= sizeof self->text)) abort();
    memcpy(self->text + offset, text, length);
    self->header.n_text += (uint32_t)length;
    return offset;
}

static inline void kir_begin(kir_builder *self, const char *name) {
    memset(self, 0, sizeof *self);
    self->header.magic = KB_KIR_MAGIC;
    self->header.version = KB_KIR_VERSION;
    self->line = 1;
    (void)kir_text(self, name);
}

static inline kb_kir_type kir_scalar(kb_dtype dtype) {
    return (kb_kir_type){KB_SCALAR, (uint8_t)dtype, 0, 0, {1, 1, 1, 1, 1}};
}

static inline kb_kir_type kir_pointer(kb_dtype dtype) {
    return (kb_kir_type){KB_SCALAR, (uint8_t)dtype, 1, 0, {1, 1, 1, 1, 1}};
}

/* rank dims, the rest 1 */
static inline kb_kir_type kir_shaped(kb_kind kind, kb_dtype dtype, uint8_t rank, uint32_t d0,
                                     uint32_t d1, uint32_t d2) {
    return (kb_kir_type){(uint8_t)kind, (uint8_t)dtype, 0, rank, {d0, d1, d2, 1, 1}};
}

static inline kb_kir_type kir_block(kb_dtype dtype, uint32_t n) {
    return kir_shaped(KB_BLOCK, dtype, 1, n, 1, 1);
}

static inline kb_kir_type kir_pointers(kb_dtype dtype, uint32_t n) {
    kb_kir_type type = kir_block(dtype, n);
    type.pointer = 1;
    return type;
}

static inline kb_kir_type kir_tile(kb_dtype dtype, uint32_t n) {
    return kir_shaped(KB_TILE, dtype, 1, n, 1, 1);
}

static inline kb_kir_type kir_tile2(kb_dtype dtype, uint32_t m, uint32_t n) {
    return kir_shaped(KB_TILE, dtype, 2, m, n, 1);
}

static inline uint16_t kir_type(kir_builder *self, kb_kir_type type) {
    for (uint32_t i = 0; i < self->header.n_types; i++)
        if (memcmp(&self->types[i], &type, sizeof type) == 0) return (uint16_t)i;
    if (!CHECK(self->header.n_types < KIR_ROOM)) abort();
    self->types[self->header.n_types] = type;
    return (uint16_t)self->header.n_types++;
}

static inline uint16_t kir_reg(kir_builder *self, kb_kir_type type) {
    if (!CHECK(self->header.n_regs < KIR_ROOM)) abort();
    self->regs[self->header.n_regs] = kir_type(self, type);
    return (uint16_t)self->header.n_regs++;
}

/* Before any other register. */
static inline uint16_t kir_param(kir_builder *self, const char *name, kb_kir_type type) {
    kb_kir_param *param = &self->params[self->header.n_params++];
    *param = (kb_kir_param){kir_type(self, type), 0, kir_text(self, name)};
    return kir_reg(self, type);
}

static inline uint32_t kir_number(kir_builder *self, uint64_t bits) {
    for (uint32_t i = 0; i < self->header.n_consts; i++)
        if (self->consts[i] == bits) return i;
    if (!CHECK(self->header.n_consts < KIR_ROOM)) abort();
    self->consts[self->header.n_consts] = bits;
    return self->header.n_consts++;
}

static inline uint32_t kir_emit(kir_builder *self, kb_kir_op op, int sub, uint16_t dst, uint16_t a,
                                uint16_t b, uint16_t c, uint32_t imm) {
    uint32_t index = self->header.n_insts;
    if (!CHECK(index < KIR_ROOM)) abort();
    self->insts[index] = (kb_kir_inst){(uint8_t)op, (uint8_t)sub, 0, 0, dst, a, b, c, imm};
    self->lines[index] = self->line;
    self->header.n_insts++;
    return index;
}

/* The last-use bits of the newest instruction. */
static inline void kir_last(kir_builder *self, int flags) {
    self->insts[self->header.n_insts - 1].flags = (uint8_t)flags;
}

static inline uint16_t kir_const(kir_builder *self, kb_kir_type type, uint64_t bits) {
    uint16_t reg = kir_reg(self, type);
    (void)kir_emit(self, KB_KIR_CONST, 0, reg, KB_NO_REG, KB_NO_REG, KB_NO_REG,
                   kir_number(self, bits));
    return reg;
}

/* A new register of that type = op(a, b), sub for the operations that have one. */
static inline uint16_t kir_value(kir_builder *self, kb_kir_op op, int sub, kb_kir_type type,
                                 uint16_t a, uint16_t b, uint16_t c) {
    uint16_t reg = kir_reg(self, type);
    (void)kir_emit(self, op, sub, reg, a, b, c, 0);
    return reg;
}

static inline uint32_t kir_jump(kir_builder *self, kb_kir_op op, uint16_t condition,
                                uint32_t target) {
    return kir_emit(self, op, 0, KB_NO_REG, condition, KB_NO_REG, KB_NO_REG, target);
}

static inline void kir_return(kir_builder *self) {
    (void)kir_emit(self, KB_KIR_RETURN, 0, KB_NO_REG, KB_NO_REG, KB_NO_REG, KB_NO_REG, 0);
}

static inline void kir_section(kir_builder *self, const void *items, size_t nbytes) {
    if (!CHECK(self->nbytes + nbytes + 8 <= sizeof self->bytes)) abort();
    memcpy((unsigned char *)self->bytes + self->nbytes, items, nbytes);
    self->nbytes += (nbytes + 7) / 8 * 8;
}

/* The bytes, in self->bytes and self->nbytes. */
static inline void kir_finish(kir_builder *self) {
    const kb_kir_header *h = &self->header;
    memset(self->bytes, 0, sizeof self->bytes);
    self->nbytes = 0;
    kir_section(self, h, sizeof *h);
    kir_section(self, self->params, h->n_params * sizeof *self->params);
    kir_section(self, self->types, h->n_types * sizeof *self->types);
    kir_section(self, self->regs, h->n_regs * sizeof *self->regs);
    kir_section(self, self->consts, h->n_consts * sizeof *self->consts);
    kir_section(self, self->insts, h->n_insts * sizeof *self->insts);
    kir_section(self, self->lines, h->n_insts * sizeof *self->lines);
    kir_section(self, self->text, h->n_text);
    self->nbytes -= ((size_t)0 - h->n_text) % 8;
}

/* The checked kernel; NULL, with a failed check that shows the message, when it is refused. */
static inline kb_kernel *kir_make(kir_builder *self, kb_alloc *alloc) {
    kb_error err = KB_ERROR_INIT;
    kb_kernel *kernel = NULL;
    kir_finish(self);
    if (!CHECK_EQ(kb_kernel_create(alloc, self->bytes, self->nbytes, &kernel, &err), KB_OK))
        printf("#     %s\n", err.message);
    return kernel;
}

#endif
