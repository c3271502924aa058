#include "kernel/kir.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/vec.h"
#include "kernel/quick.h"
#include "kernel/verify.h"

const kb_kir_signature kb_kir_signatures[KB_KIR_COUNT] = {
#define X(name, text, dst, a, b, c, imm) {text, dst, a, b, c, imm[0]},
    KB_KIR_LIST(X)
#undef X
};

const char *kb_kir_op_name(kb_kir_op op) {
    return (size_t)op < KB_KIR_COUNT ? kb_kir_signatures[op].name : "unknown";
}

/* --- reading ------------------------------------------------------------------------------------- */

/* A kernel and the copy of its bytes that it points into. */
typedef struct image {
    kb_kernel kernel;
    size_t nbytes; /* of `bytes` */
    uint64_t bytes[];
} image;

static size_t padded(size_t nbytes) {
    return (nbytes + 7) / 8 * 8;
}

/* Takes the next section; NULL when the bytes end before it. */
static const void *section(const image *self, size_t *offset, size_t count, size_t item_nbytes) {
    size_t nbytes = count * item_nbytes; /* both below 2^32 */
    if (nbytes > self->nbytes - *offset || padded(nbytes) > self->nbytes - *offset) return NULL;
    const void *start = (const unsigned char *)self->bytes + *offset;
    *offset += padded(nbytes);
    return start;
}

static kb_status read_sections(image *self, size_t nbytes, kb_error *err) {
    const kb_kir_header *header = (const kb_kir_header *)(const void *)self->bytes;
    kb_kernel *kernel = &self->kernel;
    size_t offset = sizeof *header;
    kernel->n_params = header->n_params;
    kernel->n_types = header->n_types;
    kernel->n_regs = header->n_regs;
    kernel->n_consts = header->n_consts;
    kernel->n_insts = header->n_insts;
    kernel->n_text = header->n_text;
    kernel->params = section(self, &offset, header->n_params, sizeof *kernel->params);
    if (kernel->params)
        kernel->types = section(self, &offset, header->n_types, sizeof *kernel->types);
    if (kernel->types) kernel->regs = section(self, &offset, header->n_regs, sizeof *kernel->regs);
    if (kernel->regs)
        kernel->consts = section(self, &offset, header->n_consts, sizeof *kernel->consts);
    if (kernel->consts)
        kernel->insts = section(self, &offset, header->n_insts, sizeof *kernel->insts);
    if (kernel->insts)
        kernel->lines = section(self, &offset, header->n_insts, sizeof *kernel->lines);
    if (kernel->lines) kernel->text = section(self, &offset, header->n_text, 1);
    if (!kernel->text || offset - padded(kernel->n_text) + kernel->n_text != nbytes)
        return kb_error_set(
            err, KB_COMPILE,
            "kernel: expected sections that fill the bytes exactly, got %zu bytes for "
            "%u parameters, %u types, %u registers, %u constants, %u instructions and "
            "%u bytes of text",
            nbytes, kernel->n_params, kernel->n_types, kernel->n_regs, kernel->n_consts,
            kernel->n_insts, kernel->n_text);
    if (kernel->n_text == 0 || kernel->text[kernel->n_text - 1] != '\0' || !kernel->text[0])
        return kb_error_set(
            err, KB_COMPILE,
            "kernel: expected text that begins with a name and ends with a zero byte");
    kernel->name = kernel->text;
    return KB_OK;
}

static kb_status decode(kb_alloc *alloc, kb_kernel *kernel, kb_error *err) {
    kb_quick *quick = kb_alloc_zeroed(alloc, kernel->n_insts, sizeof *quick);
    if (!quick) return kb_error_nomem(err, "a kernel");
    kb_quick_decode(kernel, quick);
    kernel->quick = quick;
    return KB_OK;
}

kb_status kb_kernel_create(kb_alloc *alloc, const void *bytes, size_t nbytes, kb_kernel **kernel,
                           kb_error *err) {
    kb_kir_header header;
    if (nbytes < sizeof header)
        return kb_error_set(err, KB_COMPILE,
                            "kernel: expected a header of %zu bytes, got %zu bytes", sizeof header,
                            nbytes);
    memcpy(&header, bytes, sizeof header);
    if (header.magic != KB_KIR_MAGIC || header.version != KB_KIR_VERSION)
        return kb_error_set(
            err, KB_COMPILE,
            "kernel: expected magic %08x and version %u, got %08x and %u; compile it "
            "again",
            KB_KIR_MAGIC, (unsigned)KB_KIR_VERSION, header.magic, header.version);
    if (nbytes > SIZE_MAX / 2) return kb_error_nomem(err, "a kernel");
    image *self = kb_alloc_zeroed(alloc, sizeof *self + padded(nbytes), 1);
    if (!self) return kb_error_nomem(err, "a kernel");
    self->nbytes = padded(nbytes);
    memcpy(self->bytes, bytes, nbytes);
    self->kernel.hash = kb_hash_finish(kb_hash_bytes(KB_HASH_SEED, bytes, nbytes));
    kb_status status = read_sections(self, nbytes, err);
    if (status == KB_OK) status = kb_kernel_verify(alloc, &self->kernel, err);
    if (status == KB_OK) status = decode(alloc, &self->kernel, err);
    if (status != KB_OK) {
        kb_kernel_destroy(alloc, &self->kernel);
        return status;
    }
    *kernel = &self->kernel;
    return KB_OK;
}

void kb_kernel_destroy(kb_alloc *alloc, kb_kernel *kernel) {
    image *self = (image *)(void *)kernel;
    if (!self) return;
    kb_alloc_free(alloc, (void *)(uintptr_t)kernel->quick, kernel->n_insts, sizeof *kernel->quick);
    kb_alloc_free(alloc, self, sizeof *self + self->nbytes, 1);
}

kb_status kb_kernel_fault(const kb_kernel *kernel, uint32_t inst, kb_error *err, const char *format,
                          ...) {
    char message[512];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(message, sizeof message, format, args);
    va_end(args);
    return kb_error_set(err, KB_COMPILE, "kernel %s: line %u: instruction %u (%s): %s",
                        kernel->name, kernel->lines[inst], inst,
                        kb_kir_op_name(kernel->insts[inst].op), message);
}

/* --- dump ---------------------------------------------------------------------------------------- */

typedef struct writer {
    kb_alloc *alloc;
    KB_VEC(char) text;
    bool failed;
} writer;

static void put(writer *out, const char *format, ...) KB_PRINTF(2, 3);

static void put(writer *out, const char *format, ...) {
    char piece[512];
    va_list args;
    va_start(args, format);
    int wanted = vsnprintf(piece, sizeof piece, format, args);
    va_end(args);
    size_t length = wanted < 0 ? 0 : (size_t)wanted;
    if (length >= sizeof piece) length = sizeof piece - 1;
    if (out->failed || !KB_VEC_RESERVE(&out->text, out->alloc, length)) {
        out->failed = true;
        return;
    }
    memcpy(out->text.items + out->text.count, piece, length);
    out->text.count += length;
}

static void put_type(writer *out, const kb_kir_type *type) {
    static const char *const kinds[] = {"scalar", "block", "tile"};
    put(out, "%s %s%s", kinds[type->kind], type->pointer ? "*" : "", kb_dtype_name(type->dtype));
    for (int d = 0; d < type->rank; d++) put(out, "%s%u", d ? "x" : " ", type->dims[d]);
}

static void put_sub(writer *out, const kb_kir_inst *inst) {
    static const char *const precisions[] = {"ieee", "tf32", "tf32x3"};
    switch (inst->op) {
    case KB_KIR_SCALAR:
    case KB_KIR_BLOCK:
    case KB_KIR_REDUCE_SEND:
    case KB_KIR_MATH: put(out, ".%s", kb_mathop_name(inst->sub)); break;
    case KB_KIR_REDUCE: put(out, ".%s", kb_reduceop_name(inst->sub)); break;
    case KB_KIR_DOT: put(out, ".%s", precisions[inst->sub]); break;
    case KB_KIR_PRINT: put(out, "%s", inst->sub ? ".hex" : ""); break;
    default: break;
    }
}

static void put_inst(writer *out, const kb_kernel *kernel, uint32_t index) {
    const kb_kir_inst *inst = &kernel->insts[index];
    const uint16_t operands[3] = {inst->a, inst->b, inst->c};
    put(out, "%5u  line %-4u ", index, kernel->lines[index]);
    if (inst->dst != KB_NO_REG) put(out, "r%u = ", inst->dst);
    put(out, "%s", kb_kir_op_name(inst->op));
    put_sub(out, inst);
    for (int i = 0; i < 3; i++) {
        if (operands[i] == KB_NO_REG) continue;
        put(out, " r%u%s", operands[i], inst->flags >> i & 1 ? "!" : "");
    }
    switch (kb_kir_signatures[inst->op].imm) {
    case 'c': put(out, " #%llu", (unsigned long long)kernel->consts[inst->imm]); break;
    case 'j': put(out, " -> %u", inst->imm); break;
    case 'x': put(out, " axis %u", inst->imm); break;
    case 'd': put(out, " %#x", inst->imm); break;
    case 'n': put(out, " \"%.200s\"", kernel->text + inst->imm); break;
    default: break;
    }
    put(out, "\n");
}

kb_status kb_kernel_dump(kb_alloc *alloc, const kb_kernel *kernel, char **text, size_t *length,
                         kb_error *err) {
    writer out = {.alloc = alloc};
    put(&out, "kernel %.200s\n", kernel->name);
    for (uint32_t i = 0; i < kernel->n_regs; i++) {
        put(&out, "r%u: ", i);
        put_type(&out, kb_kernel_type(kernel, (uint16_t)i));
        if (i < kernel->n_params) put(&out, "  %.200s", kernel->text + kernel->params[i].name);
        put(&out, "\n");
    }
    for (uint32_t i = 0; i < kernel->n_insts; i++) put_inst(&out, kernel, i);
    size_t count = out.text.count;
    char *exact = NULL;
    if (!out.failed) exact = kb_alloc_zeroed(alloc, count + 1, 1);
    if (exact) memcpy(exact, out.text.items, count);
    KB_VEC_FREE(&out.text, alloc);
    if (!exact) return kb_error_nomem(err, "the text of a kernel");
    *text = exact;
    *length = count;
    return KB_OK;
}
