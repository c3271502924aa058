/* The virtual machine of one program: registers, program counter, and what its instructions do
 * (ADR-0040).
 *
 *   begin ─> run ─> (pure instructions: scalars, index blocks, jumps; time is only counted)
 *             │ at an instruction that meets the machine:
 *             └> compose ─> its cost is counted ─> act, when that time has come ─> run ...
 *                                                   │ not now (see kb_vm_wait): act again later
 *                                                   └ RETURN: done when its commands are done
 *
 * The VM knows no clock: it counts cycles, and PE_CPU turns them into time.  So a program runs ahead
 * of the simulation between two instructions that meet the machine, and never across one.
 *
 * Invariants
 *   V1. kb_kernel_create has checked the kernel: registers, types and operands are as declared, and no
 *       tile register is read while it holds none.
 *   V2. A tile register holds one reference to its tile (kb_tcm_hold); other registers none.
 *   V3. A pointer register carries the start of the tensor it was made from (0: unknown), and loads and
 *       stores through it stay within that tensor.
 */
#ifndef KB_HW_PE_VM_H
#define KB_HW_PE_VM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "hw/component/launch.h"
#include "hw/component/parts.h"
#include "hw/pe/ipcq.h"
#include "hw/pe/mmu.h"
#include "hw/pe/pe_sched.h"
#include "hw/pe/tcm.h"
#include "kernel/access.h"
#include "kernel/block.h"
#include "kernel/composite.h"
#include "kernel/quick.h"
#include "log/payload.h"

/* What an instruction waits for. */
typedef enum kb_vm_wait {
    KB_VM_NOTHING,
    KB_VM_QUEUE,     /* a place in PE_SCHED's queue */
    KB_VM_TCM,       /* room for its result */
    KB_VM_TILE,      /* the tile whose value it needs */
    KB_VM_MEMORY,    /* all earlier memory operations */
    KB_VM_COMPOSITE, /* one composite */
    KB_VM_END,       /* all commands of the program */
} kb_vm_wait;

/* Where an operand of a composite lies; strides in elements. */
typedef struct kb_view {
    uint64_t va, origin;
    int64_t extent[2], stride[2];
    uint8_t rank, dtype;
} kb_view;

typedef struct kb_vm {
    /* borrowed, set once */
    const kb_parts *parts;
    const kb_params_pe_cpu *costs;
    kb_sched *sched;
    kb_tcm *tcm;
    struct kb_composer *composer;
    kb_ipcq *ipcq;
    const kb_node *at; /* its PE_CPU */
    uint32_t context;
    int32_t pe;
    /* of the composer's VM alone (hw/pe/composer.h) */
    bool carves;    /* tiles come out of a reservation ... */
    uint32_t owner; /* ... of this context */
    uint32_t token; /* of its next command */
    /* the program */
    const kb_launch *launch;
    const kb_kernel *kernel;
    int64_t program, place[3]; /* linear number, and along each axis of the grid */
    uint32_t pc;
    int32_t sequence;                  /* of the next command */
    int64_t n_executed;                /* instructions */
    uint64_t n_elements;               /* that index arithmetic went through one by one */
    bool composed;                     /* the instruction at pc, and its cost counted */
    kb_vm_wait wait;                   /* of the instruction at pc */
    kb_access access;                  /* of the load or store at pc */
    kb_view views[KB_COMPOSITE_VIEWS]; /* for the next composite */
    kb_arena arena; /* vectors and runs; what is still held moves to `spare` now and then */
    kb_arena spare;
    int64_t n_taken; /* about as many words as were taken from `arena` */
    /* registers, room for `capacity` */
    uint32_t capacity;
    kb_reg *regs;
    uint64_t *origins;
    uint32_t n_blocks;
    kb_blockval *blocks;
} kb_vm;

/* An empty VM for `context` of the PE whose PE_CPU is `node`. */
void kb_vm_init(kb_vm *vm, const kb_parts *parts, uint32_t node, uint32_t context);
void kb_vm_deinit(kb_vm *vm);

/* Loads a program: registers are blank but for the arguments. */
kb_status kb_vm_begin(kb_vm *vm, const kb_launch *launch, int64_t program,
                      kb_error *err) KB_MUST_CHECK;

/* How long the program has kept the host, in instructions: index arithmetic on dense blocks counts too. */
static inline int64_t kb_vm_effort(const kb_vm *vm) {
    return vm->n_executed + (int64_t)(vm->n_elements / 8);
}

/* Executes pure instructions until the effort reaches `until`; adds their cost to *cycles.  *meets: stands
 * at one that meets the machine. */
kb_status kb_vm_run(kb_vm *vm, int64_t until, int64_t *cycles, bool *meets,
                    kb_error *err) KB_MUST_CHECK;

/* Prepares the instruction at pc (once) and adds its cost. */
kb_status kb_vm_compose(kb_vm *vm, int64_t *cycles, kb_error *err) KB_MUST_CHECK;

/* Performs the instruction at pc now; vm->wait says what for it could not be done.  *time_fs is what it
 * takes from now on (a value read from TCM).  After RETURN is done, *ended. */
kb_status kb_vm_act(kb_vm *vm, int64_t *time_fs, bool *ended, kb_error *err) KB_MUST_CHECK;

/* Whether what vm->wait waits for may be there. */
bool kb_vm_may_act(const kb_vm *vm);

/* Prepends "kernel:line: " of the instruction at pc. */
kb_status kb_vm_wrap(const kb_vm *vm, kb_error *err);

/* --- inside the VM: vm.c has the program, vm_run.c runs pure instructions, vm_act.c performs those that meet the
 * machine, vm_print.c prints, vm_command.c and vm_composite.c compose commands ----------------- */

static inline const kb_kir_type *kb_vm_type(const kb_vm *vm, uint16_t reg) {
    return kb_kernel_type(vm->kernel, reg);
}

/* The dtype in which arithmetic sees a value: addresses are int64. */
static inline kb_dtype kb_vm_dtype(const kb_kir_type *type) {
    return type->pointer ? KB_INT64 : (kb_dtype)type->dtype;
}

/* Lets a tile register go, or gives it another tile, whose reference it takes over. */
kb_status kb_vm_set_tile(kb_vm *vm, uint16_t reg, uint32_t tile, kb_error *err) KB_MUST_CHECK;

/* dst = a, of any kind: a tile gains a reference. */
kb_status kb_vm_move(kb_vm *vm, const kb_kir_inst *inst, kb_error *err) KB_MUST_CHECK;

/* The instructions `view` and `view_stride`; and `composite`: composes and submits it, and goes to its end. */
void kb_vm_view(kb_vm *vm, const kb_kir_inst *inst);
kb_status kb_vm_submit_composite(kb_vm *vm, kb_error *err) KB_MUST_CHECK;

/* A scalar or block register as a block with the rank of `shape`; `place` is where a scalar is spread. */
const kb_blockval *kb_vm_block(const kb_vm *vm, uint16_t reg, const kb_kir_type *shape,
                               kb_blockval *place);

/* What a register holds, as an operand of a payload; NONE for KB_NO_REG. */
void kb_vm_operand(const kb_vm *vm, uint16_t reg, kb_operand *operand);

/* The instruction `print`: leaves its record, and waits for nothing. */
kb_status kb_vm_print(kb_vm *vm, kb_error *err) KB_MUST_CHECK;

/* Composes, and submits, the load, store or tile operation at pc. */
kb_status kb_vm_compose_access(kb_vm *vm, int64_t *work, kb_error *err) KB_MUST_CHECK;
kb_status kb_vm_submit(kb_vm *vm, kb_error *err) KB_MUST_CHECK;

#endif
