"""``tl.composite``: one command that describes a tiled pipeline (ADR-0014 D6 to D8).

The body of a composite is ordinary tile code, one section for what happens once for each tile of
the result before the K loop, one for each step of a loop, one after it.  PE_SCHED executes it; the
instructions and their order are those of csrc/kernel/composite.h.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from kernbench.language import arithmetic
from kernbench.language.builtin import BUILTINS, Builtin, builtin, is_none
from kernbench.language.dtypes import dtype, int64
from kernbench.language.emitter import Emitter
from kernbench.language.function import KernelFunction
from kernbench.language.ir import Inst
from kernbench.language.ops_descriptor import Descriptor, as_descriptor
from kernbench.language.ops_dot import FLOAT32, dot_result
from kernbench.language.values import (
    Const,
    Kind,
    Operand,
    Pack,
    Refusal,
    Type,
    Value,
    as_dtype,
    as_int,
    as_python,
)

HEAD, STEP, TAIL = 0, 1, 2
_AXES = ".mnk"
_BUFFERS = Const(8)
_KERNEL = Const("kernel")
_NONE_GIVEN = Pack(())
_MAX_VIEWS, _MAX_SECTIONS, _MAX_STAGES, _MAX_BUFFERS = 16, 8, 16, 16

_SCALAR = frozenset(["scalar", "ptradd", "program_id", "num_programs"])
"""Instructions of an epilogue that PE_CPU executes, once, before the composite."""
_STAGES = frozenset(["view_load", "view_store", "full", "math", "dot", "reduce", "trans"])
_RENAMINGS = frozenset(["alias", "mov"])


@dataclass(frozen=True, slots=True, eq=False)
class Epilogue:
    """What ``tl.epilogue`` made: a function of tiles, its other operands, and its scope."""

    function: KernelFunction | Builtin
    operands: tuple[Operand, ...]
    scope: str


@builtin()
def epilogue(e: Emitter, function: Operand, *operands: Operand, scope: Operand = _KERNEL) -> Const:
    """Describe what a composite does with a tile: ``tile = function(tile, *operands)``.

    Parameters
    ----------
    function
        A jit function, or a function of ``tl``, of tiles and scalars, element by element.
    operands
        Scalars, or descriptors: of a descriptor each tile gets its block.  A matrix goes along with
        rows and columns of the result, a vector with its columns, and a size of 1 stays where it
        is.  Anything else says its axes: ``(descriptor, "m.")``, of ``m``, ``n``, ``k`` (its
        block i at step i) and ``.``.
    scope
        ``"kernel"``: of the sum, after the K loop.  ``"tile"``: of each step's product, before it
        is added.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> import numpy as np
    >>> @kb.jit
    ... def kernel(a_ptr, b_ptr, out_ptr):
    ...     a = tl.make_tensor_descriptor(a_ptr, (32, 32), (32, 1), (16, 16))
    ...     b = tl.make_tensor_descriptor(b_ptr, (32, 32), (32, 1), (16, 16))
    ...     out = tl.make_tensor_descriptor(out_ptr, (32, 32), (32, 1), (16, 16))
    ...     done = tl.composite((a, b), out=out, epilogues=tl.epilogue(tl.mul, 3.0))
    ...     tl.wait(done)
    >>> with kb.Context("small") as ctx:
    ...     a = ctx.tensor(np.full((32, 32), 2, np.float32))
    ...     b, out = ctx.tensor(np.eye(32, dtype=np.float32)), ctx.zeros(32, 32)
    ...     _ = kernel[(1,)](a, b, out)
    ...     print(out.numpy()[:2, :4])
    [[6. 6. 6. 6.]
     [6. 6. 6. 6.]]
    """
    callee = function.value if isinstance(function, Const) else None
    if not isinstance(callee, (KernelFunction, Builtin)):
        raise Refusal(f"expected a jit function or a function of tl, got {function}")
    name = as_python(scope)
    if name not in ("kernel", "tile"):
        raise Refusal(f"expected scope 'kernel' or 'tile', got {name!r}")
    return Const(Epilogue(callee, operands, str(name)))


@builtin()
def composite(
    e: Emitter,
    *operations: Operand,
    out: Operand,
    epilogues: Operand = _NONE_GIVEN,
    input_precision: Operand | None = None,
    out_dtype: Operand = FLOAT32,
    buffers: Operand = _BUFFERS,
) -> Value:
    """Hand a whole tiled product to PE_SCHED: ``out = epilogues(sum of the operations)``.

    PE_CPU spends one command on it and goes on.  PE_SCHED cuts it into tiles, row by row of `out`,
    and each tile into steps along K: loads, product, epilogues and store of different tiles run
    side by side.  The numbers are those of the same loads, dots and stores in a loop.

    Parameters
    ----------
    operations
        Pairs ``(a, b)`` of descriptors, of (M, K) and (K, N): their products are added, in order.
        The first may be a descriptor alone, of (M, N): the tile that the sum starts with.
    out
        Descriptor of (M, N).  Block shapes are the sizes of tiles, and must agree.
    epilogues
        What ``tl.epilogue`` made, or several in a tuple or list, in order.
    input_precision, out_dtype
        As in ``tl.dot``: the sum is kept in `out_dtype`.
    buffers : int
        Steps that may be in flight, 1 to 16 (2: double buffering); fewer are when TCM has no room.

    Returns
    -------
    handle
        For ``tl.wait``.  A program's loads and stores wait for a composite that touches the same
        bytes, and it for them, without.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> import numpy as np
    >>> @kb.jit
    ... def kernel(a_ptr, b_ptr, out_ptr):
    ...     a = tl.make_tensor_descriptor(a_ptr, (32, 32), (32, 1), (16, 16))
    ...     b = tl.make_tensor_descriptor(b_ptr, (32, 32), (32, 1), (16, 16))
    ...     out = tl.make_tensor_descriptor(out_ptr, (32, 32), (32, 1), (16, 16))
    ...     tl.wait(tl.composite((a, b), out=out))
    >>> with kb.Context("small") as ctx:
    ...     a = ctx.tensor(np.full((32, 32), 2, np.float32))
    ...     b, out = ctx.tensor(np.eye(32, dtype=np.float32)), ctx.zeros(32, 32)
    ...     _ = kernel[(1,)](a, b, out)
    ...     print(out.numpy()[:2, :4])
    [[2. 2. 2. 2.]
     [2. 2. 2. 2.]]
    """
    body = _Body(e, as_descriptor(out, "out, a tensor descriptor"), _listed(epilogues))
    if body.out.rank != 2:
        raise Refusal(f"expected out to be a matrix, got a {body.out}")
    if not operations:
        raise Refusal("expected an operation: a pair (a, b) of descriptors to multiply")
    steps = [_pair(operation, place) for place, operation in enumerate(operations)]
    count = as_int(buffers, "buffers")
    if not 1 <= count <= _MAX_BUFFERS:
        raise Refusal(f"expected 1 to {_MAX_BUFFERS} buffers, got {count}")
    options = {"out_dtype": out_dtype}
    if input_precision is not None:
        options["input_precision"] = input_precision

    block, mark = e.open_block(), e.mark()
    total = body.head(steps, as_dtype(out_dtype, "out_dtype"))
    for pair in steps:
        if isinstance(pair, tuple):
            body.step(*pair, total, options)
    body.tail(total)
    if e.block is not block or len(e.function.blocks) != mark[0]:
        raise Refusal("an epilogue of a composite is straight-line: it has no branches or loops")
    insts = block.insts[mark[1] :]
    del block.insts[mark[1] :]
    block.insts += [inst for inst in insts if inst.op in _SCALAR]
    body.describe_views()
    handle = e.emit("composite", Type(Kind.SCALAR, int64), imm=count)
    block.insts += _checked([inst for inst in insts if inst.op not in _SCALAR])
    return handle


@builtin()
def wait(e: Emitter, handle: Operand) -> None:
    """Wait until the composite of that handle is done, its last store included; or a tile is there.

    What the program does after it, it does after that: a load, say, of what another PE stored
    before it sent the tile.

    Parameters
    ----------
    handle : handle or tensor
        What ``tl.composite`` returned, or a tile, such as one of ``tl.recv``.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(out_ptr):
    ...     me, n = tl.pe_id(), tl.num_pes()
    ...     tl.send((me + 1) % n, me)
    ...     told = tl.recv((me + n - 1) % n, (), tl.int32)
    ...     tl.wait(told)
    ...     tl.store(out_ptr + me, told)
    >>> with kb.Context("small") as ctx:
    ...     out = ctx.tensor([-1] * 2)
    ...     _ = kernel[kb.each_pe](out)
    ...     print(out.numpy())
    [1 0]
    """
    value = None if isinstance(handle, Const) else e.value(handle)
    if value is not None and value.type.kind is Kind.TILE:
        e.emit_effect("wait_tile", value)
        return
    if value is None or value.type != Type(Kind.SCALAR, int64):
        raise Refusal(f"expected the handle that tl.composite returned, or a tile, got {handle}")
    e.emit_effect("composite_wait", value)


def _listed(operand: Operand) -> tuple[Epilogue, ...]:
    if is_none(operand):
        return ()
    found = []
    for item in operand.items if isinstance(operand, Pack) else (operand,):
        if not (isinstance(item, Const) and isinstance(item.value, Epilogue)):
            raise Refusal(f"expected epilogues made by tl.epilogue, got {item}")
        found.append(item.value)
    return tuple(found)


def _pair(operation: Operand, place: int) -> Descriptor | tuple[Descriptor, Descriptor]:
    if isinstance(operation, Pack) and len(operation.items) == 2:
        a, b = (as_descriptor(item, "a descriptor") for item in operation.items)
        if a.rank != 2 or b.rank != 2:
            raise Refusal(f"expected two matrices to multiply, got a {a} and a {b}")
        if a.block_shape[1] != b.block_shape[0]:
            raise Refusal(
                f"expected blocks (M, K) and (K, N), got {list(a.block_shape)} and "
                f"{list(b.block_shape)}: K is {a.block_shape[1]}, and {b.block_shape[0]}"
            )
        return a, b
    if place == 0 and not isinstance(operation, Pack):
        return as_descriptor(operation, "a pair of descriptors, or a descriptor,")
    raise Refusal(f"expected a pair (a, b) of descriptors to multiply, got {operation}")


def _checked(insts: list[Inst]) -> list[Inst]:
    """Refuse what PE_SCHED does not execute."""
    n_stages = 0
    for inst in insts:
        if inst.op == "section":
            n_stages = 0
        elif inst.op in _STAGES:
            n_stages += 1
        elif inst.op not in _RENAMINGS and inst.op != "composite_end":
            raise Refusal(
                f"an epilogue of a composite works on tiles and scalars; '{inst.op}' does not; "
                "pass what it needs as an operand"
            )
        if n_stages > _MAX_STAGES:
            raise Refusal(f"expected at most {_MAX_STAGES} operations for a tile, got more")
    return insts


@dataclass(slots=True)
class _Body:
    """The body in the making; `views` are the descriptors that it moves, by number."""

    e: Emitter
    out: Descriptor
    epilogues: tuple[Epilogue, ...]
    views: list[Descriptor] = field(default_factory=list)
    n_sections: int = 0

    def _view(self, descriptor: Descriptor) -> int:
        if descriptor not in self.views:
            if len(self.views) == _MAX_VIEWS:
                raise Refusal(f"expected at most {_MAX_VIEWS} descriptors in a composite, got more")
            self.views.append(descriptor)
        return self.views.index(descriptor)

    def _section(self, kind: int, view: int = 0) -> None:
        self.n_sections += 1
        if self.n_sections > _MAX_SECTIONS:
            raise Refusal(f"expected at most {_MAX_SECTIONS - 2} products, got more")
        self.e.emit_effect("section", imm=kind | view << 8)

    def _place(self, descriptor: Descriptor, axes: str, *, in_step: bool = False) -> int:
        """Return the immediate of a view's load or store, its sizes checked."""
        sizes = dict(zip("mn.", (*self.out.block_shape, 1), strict=True))
        for axis, size in zip(axes, descriptor.block_shape, strict=True):
            if axis == "k" and not in_step:
                raise Refusal("axis 'k' is that of a step: give the epilogue scope='tile'")
            if axis != "k" and size != sizes[axis]:
                raise Refusal(
                    f"expected a block of {sizes[axis]} along axis '{axis}', got a {descriptor}"
                )
        shifted = (_AXES.index(axis) << 8 + 4 * d for d, axis in enumerate(axes))
        return self._view(descriptor) | sum(shifted)

    def _load(self, descriptor: Descriptor, axes: str, *, in_step: bool = False) -> Value:
        place = self._place(descriptor, axes, in_step=in_step)
        type_ = Type(Kind.TILE, descriptor.element, descriptor.block_shape)
        return self.e.emit("view_load", type_, imm=place)

    def head(
        self,
        steps: list[Descriptor | tuple[Descriptor, Descriptor]],
        out_dtype: dtype,
    ) -> Value:
        """Write what a tile starts with, and return it."""
        self._section(HEAD)
        first = steps[0]
        products = {
            dot_result(pair[0].element, out_dtype) for pair in steps if isinstance(pair, tuple)
        }
        if len(products) > 1:
            raise Refusal("expected products of one dtype, got " + " and ".join(map(str, products)))
        if isinstance(first, Descriptor):
            start = self._load(first, "mn")
            return self.e.cast(start, products.pop()) if products else start
        type_ = Type(Kind.TILE, products.pop(), self.out.block_shape)
        return self.e.emit("full", type_, self.e.constant(0, type_.element))

    def step(self, a: Descriptor, b: Descriptor, total: Value, options: dict[str, Operand]) -> None:
        """Write one step of a product: it is added to `total`."""
        e = self.e
        self._section(STEP, self._view(a))
        operands: list[Operand] = [
            self._load(a, "mk", in_step=True),
            self._load(b, "kn", in_step=True),
        ]
        scoped = [each for each in self.epilogues if each.scope == "tile"]
        if not scoped:
            e.move(total, e.value(BUILTINS["dot"].compile(e, [*operands, total], options)))
            return
        product = e.value(BUILTINS["dot"].compile(e, operands, options))
        for each in scoped:
            product = self._apply(each, product, in_step=True)
        product = e.cast(product, total.type.element)
        e.move(total, e.value(arithmetic.binary(e, "add", total, product)))

    def tail(self, total: Value) -> None:
        """Write what happens after the loop."""
        self._section(TAIL)
        result = total
        for each in self.epilogues:
            if each.scope == "kernel":
                result = self._apply(each, result)
        result = self.e.cast(result, self.out.element)
        self.e.emit_effect("view_store", result, imm=self._place(self.out, "mn"))
        self.e.emit_effect("composite_end")

    def _apply(self, each: Epilogue, tile: Value, *, in_step: bool = False) -> Value:
        """Write ``function(tile, *operands)``."""
        operands: list[Operand] = [tile]
        for operand in each.operands:
            axes = ""
            if isinstance(operand, Pack) and len(operand.items) == 2:
                descriptor_, axes_ = operand.items
                operand, axes = descriptor_, str(as_python(axes_))
            if isinstance(operand, Const) and isinstance(operand.value, Descriptor):
                descriptor = operand.value
                operand = self._load(descriptor, _axes_of(descriptor, axes), in_step=in_step)
            elif axes:
                raise Refusal(f"expected a descriptor before the axes {axes!r}, got {operand}")
            operands.append(operand)
        result = self.e.value(self.e.call(each.function, operands))
        if result.type.kind is not Kind.TILE or result.type.shape != tile.type.shape:
            raise Refusal(f"expected an epilogue that returns a tile like its {tile}, got {result}")
        return result

    def describe_views(self) -> None:
        """Write where the operands lie."""
        for number, view in enumerate(self.views):
            self.e.emit_effect("view", view.base, *view.shape, imm=number)
            self.e.emit_effect("view_stride", *view.strides, imm=number)


def _axes_of(descriptor: Descriptor, given: str) -> str:
    if given:
        if len(given) != descriptor.rank or any(axis not in _AXES for axis in given):
            raise Refusal(
                f"expected {descriptor.rank} axes of 'm', 'n', 'k' and '.', got {given!r}"
            )
        return given
    if descriptor.rank > 2:
        raise Refusal(f"expected a matrix or a vector, got a {descriptor}")
    names = "mn"[2 - descriptor.rank :]
    pairs = zip(names, descriptor.block_shape, strict=True)
    return "".join("." if size == 1 else axis for axis, size in pairs)
