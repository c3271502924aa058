"""``tl`` functions that put elements in other places: gather and flip; squeeze and unsqueeze.

The first two are a GATHER, MATH's one command that crosses lanes by an index (ADR-0014 D11).
"""

from __future__ import annotations

from kernbench.language import arithmetic
from kernbench.language.builtin import builtin, is_none
from kernbench.language.dtypes import int1, int32
from kernbench.language.emitter import Emitter
from kernbench.language.values import (
    Const,
    Kind,
    Operand,
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

    Parameters
    ----------
    src : tensor
        With 1 dimension or more.
    index : tensor of integers
        Of the shape of `src`, but for `axis`.
    axis : int
        Known at compile time.

    Returns
    -------
    tensor
        Of the dtype of `src` and the shape of `index`.

    Notes
    -----
    One GATHER of MATH (ADR-0014 D11): it costs what a transposition does.

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

    Parameters
    ----------
    x : tensor
        With 1 dimension or more.
    dim : int, optional
        Known at compile time.

    Returns
    -------
    tensor
        Of the type and shape of `x`; one GATHER of MATH (ADR-0014 D11).

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
def squeeze(e: Emitter, x: Operand, dim: Operand) -> Value:
    """`x` without its dimension `dim`, which is 1.

    Parameters
    ----------
    x : tensor
        With 1 dimension or more.
    dim : int
        Known at compile time.

    Returns
    -------
    tensor
        With one dimension less.

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

    Parameters
    ----------
    x : tensor
        Of any shape.
    dim : int
        Place of the new dimension; known at compile time.

    Returns
    -------
    tensor
        With one dimension more.

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
