"""``tl`` functions that put elements in other places: gather, flip, join, split and the like.

All but joins are a GATHER, MATH's one command that crosses lanes by an index (ADR-0014 D11).
"""

from __future__ import annotations

from kernbench.language import arithmetic
from kernbench.language.builtin import builtin, is_none
from kernbench.language.dtypes import int1, int32
from kernbench.language.emitter import Emitter
from kernbench.language.ops_shape import permute
from kernbench.language.values import (
    FALSE,
    Const,
    Kind,
    Operand,
    Pack,
    Refusal,
    Type,
    Value,
    as_int,
)

ZERO = Const(0)


def axis_of(axis: Operand | None, shape: tuple[int, ...], otherwise: int = -1) -> int:
    """Return the axis, counted from the first one; `otherwise` where it was left out."""
    if not shape:
        raise Refusal("expected a tensor with dimensions, got a scalar")
    place = otherwise if axis is None or is_none(axis) else as_int(axis, "axis")
    if not -len(shape) <= place < len(shape):
        raise Refusal(f"expected an axis from {-len(shape)} to {len(shape) - 1}, got {place}")
    return place % len(shape)


def places(e: Emitter, shape: tuple[int, ...], axis: int) -> Value:
    """Return for each element of a tensor its place along `axis`: an index block."""
    row = e.emit("arange", Type(Kind.BLOCK, int32, (shape[axis],)), imm=("int", 0))
    return e.reshape(row, tuple(n if d == axis else 1 for d, n in enumerate(shape)))


def take(e: Emitter, value: Value, index: Operand, shape: tuple[int, ...], axis: int) -> Value:
    """Return the elements at `index` along `axis`; `index` broadcasts to `shape`."""
    at = e.broadcast(e.value(index), shape)
    type_ = Type(Kind.TILE, value.type.element, shape)
    return e.emit("gather", type_, e.to_tile(value), at, imm=axis)


@builtin(method=True)
def gather(e: Emitter, src: Operand, index: Operand, axis: Operand) -> Value:
    """Return the elements of `src` whose place along `axis` is in `index`.

    The shapes are equal but for `axis`.  An index outside of it is an `OutOfBoundsError`.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(x_ptr, out_ptr):
    ...     offs = tl.arange(0, 4)
    ...     tl.store(out_ptr + offs, tl.gather(tl.load(x_ptr + offs), offs ^ 1, 0))
    >>> with kb.Context("small") as ctx:
    ...     x = ctx.tensor([10.0, 20.0, 30.0, 40.0])
    ...     _ = kernel[(1,)](x, x)
    ...     print(x.numpy())
    [20. 10. 40. 30.]
    """
    value, at = e.value(src), e.value(index)
    place = axis_of(axis, value.type.shape)
    if at.type.is_pointer or not at.type.element.is_int() or at.type.dtype == int1:
        raise Refusal(f"expected an index of integers, got a {at}")
    fits = len(at.type.shape) == len(value.type.shape) and all(
        d == place or n == m
        for d, (n, m) in enumerate(zip(value.type.shape, at.type.shape, strict=True))
    )
    if not fits:
        raise Refusal(f"expected an index with the shape of {value} but for axis {place}, got {at}")
    return take(e, value, at, at.type.shape, place)


@builtin(method=True)
def flip(e: Emitter, x: Operand, dim: Operand | None = None) -> Value:
    """`x` with the order of its elements along `dim` turned round (default: the last one).

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(x_ptr, out_ptr):
    ...     x = tl.load(x_ptr + tl.arange(0, 4))
    ...     tl.store(out_ptr + tl.arange(0, 4), tl.flip(x))
    >>> with kb.Context("small") as ctx:
    ...     out = ctx.tensor([0.0] * 4)
    ...     _ = kernel[(1,)](ctx.tensor([2.0, 1.0, 5.0, 3.0]), out)
    ...     print(out.numpy())
    [3. 5. 1. 2.]
    """
    value = e.value(x)
    shape = value.type.shape
    axis = axis_of(dim, shape)
    index = arithmetic.binary(e, "sub", Const(shape[axis] - 1), places(e, shape, axis))
    return take(e, value, index, shape, axis)


@builtin()
def join(e: Emitter, a: Operand, b: Operand) -> Value:
    """Both, of one dtype and broadcast to one shape, along a new last dimension of 2.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(x_ptr, out_ptr):
    ...     x = tl.load(x_ptr + tl.arange(0, 4))
    ...     tl.store(out_ptr + tl.arange(0, 8), tl.reshape(tl.join(x, x + 10), (8,)))
    >>> with kb.Context("small") as ctx:
    ...     out = ctx.tensor([0.0] * 8)
    ...     _ = kernel[(1,)](ctx.tensor([2.0, 1.0, 5.0, 3.0]), out)
    ...     print(out.numpy())
    [ 2. 12.  1. 11.  5. 15.  3. 13.]
    """
    left, right = e.value(a), e.value(b)
    if left.type.dtype != right.type.dtype:
        raise Refusal(f"expected tensors of one dtype, got {left} and {right}")
    sides = [e.reshape(side, (*side.type.shape, 1)) for side in (left, right)]
    side = e.emit("arange", Type(Kind.BLOCK, int32, (2,)), imm=("int", 0))
    return arithmetic.where(e, arithmetic.binary(e, "eq", side, ZERO), *sides)


@builtin(method=True)
def split(e: Emitter, a: Operand) -> Pack:
    """Both halves of a tensor whose last dimension is 2: what ``join`` was given.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(x_ptr, out_ptr):
    ...     x = tl.load(x_ptr + tl.arange(0, 4))
    ...     tl.store(out_ptr + tl.arange(0, 2), tl.split(tl.reshape(x, (2, 2)))[1])
    >>> with kb.Context("small") as ctx:
    ...     out = ctx.tensor([0.0] * 2)
    ...     _ = kernel[(1,)](ctx.tensor([2.0, 1.0, 5.0, 3.0]), out)
    ...     print(out.numpy())
    [1. 3.]
    """
    value = e.value(a)
    shape = value.type.shape
    if not shape or shape[-1] != 2:
        raise Refusal(f"expected a last dimension of 2 to split, got a {value}")
    half = (*shape[:-1], 1)
    sides = (take(e, value, Const(side), half, len(shape) - 1) for side in range(2))
    return Pack(tuple(e.reshape(side, shape[:-1]) for side in sides))


@builtin()
def interleave(e: Emitter, a: Operand, b: Operand) -> Value:
    """Elements of `a` and `b` by turns, along the last dimension.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(x_ptr, out_ptr):
    ...     x = tl.load(x_ptr + tl.arange(0, 4))
    ...     tl.store(out_ptr + tl.arange(0, 8), tl.interleave(x, x + 10))
    >>> with kb.Context("small") as ctx:
    ...     out = ctx.tensor([0.0] * 8)
    ...     _ = kernel[(1,)](ctx.tensor([2.0, 1.0, 5.0, 3.0]), out)
    ...     print(out.numpy())
    [ 2. 12.  1. 11.  5. 15.  3. 13.]
    """
    both = e.value(join.compile(e, [a, b], {}))
    shape = both.type.shape
    return both if len(shape) == 1 else e.reshape(both, (*shape[:-2], 2 * shape[-2]))


@builtin()
def cat(
    e: Emitter,
    input: Operand,
    other: Operand,
    can_reorder: Operand = FALSE,
    dim: Operand = ZERO,
) -> Value:
    """`input` and then `other`, of one shape, along `dim`; never reordered.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(x_ptr, out_ptr):
    ...     x = tl.load(x_ptr + tl.arange(0, 4))
    ...     tl.store(out_ptr + tl.arange(0, 8), tl.cat(x, x + 10))
    >>> with kb.Context("small") as ctx:
    ...     out = ctx.tensor([0.0] * 8)
    ...     _ = kernel[(1,)](ctx.tensor([2.0, 1.0, 5.0, 3.0]), out)
    ...     print(out.numpy())
    [ 2.  1.  5.  3. 12. 11. 15. 13.]
    """
    left, right = e.value(input), e.value(other)
    if left.type.shape != right.type.shape:
        raise Refusal(f"expected tensors of one shape, got {left} and {right}")
    shape = left.type.shape
    axis = axis_of(dim, shape)
    order = list(range(len(shape)))
    order.insert(axis, len(shape))
    both = join.compile(e, [left, right], {})
    both = e.value(permute.compile(e, [both, *map(Const, order)], {}))
    return e.reshape(both, (*shape[:axis], 2 * shape[axis], *shape[axis + 1 :]))


@builtin()
def squeeze(e: Emitter, x: Operand, dim: Operand) -> Value:
    """`x` without its dimension `dim`, which is 1.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(out_ptr):
    ...     column = tl.arange(0, 4)[:, None]
    ...     tl.store(out_ptr + tl.arange(0, 4), tl.squeeze(column, 1))
    >>> with kb.Context("small") as ctx:
    ...     out = ctx.tensor([0] * 4)
    ...     _ = kernel[(1,)](out)
    ...     print(out.numpy())
    [0 1 2 3]
    """
    value = e.value(x)
    shape = value.type.shape
    axis = axis_of(dim, shape)
    if shape[axis] != 1:
        raise Refusal(f"expected dimension {axis} to be 1, got a {value}")
    return e.reshape(value, shape[:axis] + shape[axis + 1 :])


@builtin()
def unsqueeze(e: Emitter, x: Operand, dim: Operand) -> Value:
    """`x` with a dimension of 1 put in at `dim`.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(out_ptr):
    ...     column = tl.unsqueeze(tl.arange(0, 2), 1)
    ...     at = 4 * column + tl.arange(0, 4)
    ...     tl.store(out_ptr + at, at)
    >>> with kb.Context("small") as ctx:
    ...     out = ctx.tensor([[0] * 4] * 2)
    ...     _ = kernel[(1,)](out)
    ...     print(out.numpy())
    [[0 1 2 3]
     [4 5 6 7]]
    """
    value = e.value(x)
    axis = axis_of(dim, (*value.type.shape, 1))
    return e.reshape(value, (*value.type.shape[:axis], 1, *value.type.shape[axis:]))
