"""``tl`` functions that change shape, not values."""

from __future__ import annotations

import math

from kernbench.language.builtin import builtin
from kernbench.language.emitter import Emitter, joint_shape
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
    as_python,
    as_shape,
)


def _sizes(sizes: tuple[Operand, ...]) -> Operand:
    return sizes[0] if len(sizes) == 1 else Pack(sizes)


@builtin(method=True)
def broadcast_to(e: Emitter, input: Operand, *shape: Operand) -> Value:
    """`input`, repeated along its dimensions of 1 to fill `shape`.

    Parameters
    ----------
    input : tensor or number
        Whose dimensions are 1 or those of `shape`.
    *shape : int
        Or one tuple of them; known at compile time.

    Returns
    -------
    tensor
        Of that shape; an index block still takes no memory (ADR-0041).

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(out_ptr):
    ...     row = tl.arange(0, 4)[None, :]
    ...     at = 4 * tl.arange(0, 2)[:, None] + row
    ...     tl.store(out_ptr + at, tl.broadcast_to(row, (2, 4)))
    >>> with kb.Context("small") as ctx:
    ...     out = ctx.tensor([[0] * 4] * 2)
    ...     _ = kernel[(1,)](out)
    ...     print(out.numpy())
    [[0 1 2 3]
     [0 1 2 3]]
    """
    return e.broadcast(e.value(input), as_shape(_sizes(shape)))


@builtin()
def broadcast(e: Emitter, input: Operand, other: Operand) -> Pack:
    """Both operands, broadcast to one shape.

    Parameters
    ----------
    input, other : tensor
        Whose dimensions are equal or 1.

    Returns
    -------
    tuple of 2 tensors
        Of one shape.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(out_ptr):
    ...     row, column = tl.broadcast(tl.arange(0, 4)[None, :], tl.arange(0, 2)[:, None])
    ...     tl.store(out_ptr + 4 * column + row, column)
    >>> with kb.Context("small") as ctx:
    ...     out = ctx.tensor([[0] * 4] * 2)
    ...     _ = kernel[(1,)](out)
    ...     print(out.numpy())
    [[0 0 0 0]
     [1 1 1 1]]
    """
    a, b = e.value(input), e.value(other)
    shape = joint_shape(a.type.shape, b.type.shape)
    return Pack((e.broadcast(a, shape), e.broadcast(b, shape)))


@builtin(method=True)
def expand_dims(e: Emitter, input: Operand, axis: Operand) -> Value:
    """`input` with dimensions of 1 put in at `axis`, an integer or several.

    Parameters
    ----------
    input : tensor
        Of any shape.
    axis : int or tuple of int
        Places in the result; known at compile time.

    Returns
    -------
    tensor
        The same elements; ``x[:, None]`` says it too.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(out_ptr):
    ...     column = tl.expand_dims(tl.arange(0, 2), 1)
    ...     at = 4 * column + tl.arange(0, 4)
    ...     tl.store(out_ptr + at, at)
    >>> with kb.Context("small") as ctx:
    ...     out = ctx.tensor([[0] * 4] * 2)
    ...     _ = kernel[(1,)](out)
    ...     print(out.numpy())
    [[0 1 2 3]
     [4 5 6 7]]
    """
    value = e.value(input)
    axes = as_python(axis)
    places = list(axes) if isinstance(axes, tuple) else [axes]
    rank = value.type.rank + len(places)
    wanted = set()
    for place in places:
        if not isinstance(place, int) or not -rank <= place < rank:
            raise Refusal(f"expected an axis from {-rank} to {rank - 1}, got {place!r}")
        wanted.add(place % rank)
    if len(wanted) != len(places):
        raise Refusal(f"expected different axes, got {axes!r}")
    rest = iter(value.type.shape)
    return e.reshape(value, tuple(1 if d in wanted else next(rest) for d in range(rank)))


@builtin("reshape", method=True)
def reshape(e: Emitter, input: Operand, *shape: Operand, can_reorder: Operand = FALSE) -> Value:
    """Return the elements of `input`, row-major, in another shape.

    Parameters
    ----------
    input : tensor
        Of any shape.
    *shape : int
        Or one tuple of them, of as many elements; known at compile time.
    can_reorder : bool
        Ignored: the order stays.

    Returns
    -------
    tensor
        The same elements, at no cost.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(x_ptr, out_ptr):
    ...     x = tl.load(x_ptr + tl.arange(0, 4))
    ...     tl.store(out_ptr + tl.arange(0, 2), tl.sum(tl.reshape(x, (2, 2)), 1))
    >>> with kb.Context("small") as ctx:
    ...     x, out = ctx.tensor([1.0, 2.0, 3.0, 4.0]), ctx.tensor([0.0, 0.0])
    ...     _ = kernel[(1,)](x, out)
    ...     print(out.numpy())
    [3. 7.]
    """
    return e.reshape(e.value(input), as_shape(_sizes(shape)))


@builtin("view", method=True)
def view(e: Emitter, input: Operand, *shape: Operand) -> Value:
    """As ``reshape``.

    Parameters
    ----------
    input : tensor
        Of any shape.
    *shape : int
        Or one tuple of them, of as many elements; known at compile time.

    Returns
    -------
    tensor
        The same elements, at no cost.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(x_ptr, out_ptr):
    ...     x = tl.load(x_ptr + tl.arange(0, 4))
    ...     tl.store(out_ptr + tl.arange(0, 2), tl.sum(x.view(2, 2), 0))
    >>> with kb.Context("small") as ctx:
    ...     x, out = ctx.tensor([1.0, 2.0, 3.0, 4.0]), ctx.tensor([0.0, 0.0])
    ...     _ = kernel[(1,)](x, out)
    ...     print(out.numpy())
    [4. 6.]
    """
    return e.reshape(e.value(input), as_shape(_sizes(shape)))


@builtin(method=True)
def ravel(e: Emitter, x: Operand, can_reorder: Operand = FALSE) -> Value:
    """Return the elements of `x`, row-major, in one dimension.

    Parameters
    ----------
    x : tensor
        Of any shape.
    can_reorder : bool
        Ignored: the order stays.

    Returns
    -------
    tensor
        Of 1 dimension, at no cost.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(out_ptr):
    ...     at = 2 * tl.arange(0, 2)[:, None] + tl.arange(0, 2)[None, :]
    ...     tl.store(out_ptr + tl.arange(0, 4), tl.ravel(at * at))
    >>> with kb.Context("small") as ctx:
    ...     out = ctx.tensor([0] * 4)
    ...     _ = kernel[(1,)](out)
    ...     print(out.numpy())
    [0 1 4 9]
    """
    value = e.value(x)
    return e.reshape(value, (math.prod(value.type.shape),))


@builtin(method=True)
def trans(e: Emitter, input: Operand, *dims: Operand) -> Value:
    """`input` with its dimensions in order `dims`; the last two swapped when none are given.

    Parameters
    ----------
    input : tensor
        Of 2 dimensions or more.
    *dims : int
        Or one tuple of them; known at compile time.

    Returns
    -------
    tensor
        One transposition of MATH; of an index block, none (ADR-0041).

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(x_ptr):
    ...     at = 2 * tl.arange(0, 2)[:, None] + tl.arange(0, 2)[None, :]
    ...     tl.store(x_ptr + at, tl.trans(tl.load(x_ptr + at)))
    >>> with kb.Context("small") as ctx:
    ...     x = ctx.tensor([[1.0, 2.0], [3.0, 4.0]])
    ...     _ = kernel[(1,)](x)
    ...     print(x.numpy())
    [[1. 3.]
     [2. 4.]]
    """
    value = e.value(input)
    if dims:
        return _permute(e, value, as_python(_sizes(dims)))
    if value.type.rank < 2:
        raise Refusal(f"expected at least 2 dimensions to transpose, got a {value}")
    order = list(range(value.type.rank))
    order[-2:] = reversed(order[-2:])
    return _permute(e, value, tuple(order))


@builtin(method=True)
def permute(e: Emitter, input: Operand, *dims: Operand) -> Value:
    """`input` with its dimensions in order `dims`.

    Parameters
    ----------
    input : tensor
        Of any shape.
    *dims : int
        Or one tuple of them, each dimension once; known at compile time.

    Returns
    -------
    tensor
        One transposition of MATH; of an index block, none (ADR-0041).

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(x_ptr):
    ...     at = 2 * tl.arange(0, 2)[:, None] + tl.arange(0, 2)[None, :]
    ...     tl.store(x_ptr + at, tl.permute(tl.load(x_ptr + at), (1, 0)))
    >>> with kb.Context("small") as ctx:
    ...     x = ctx.tensor([[1.0, 2.0], [3.0, 4.0]])
    ...     _ = kernel[(1,)](x)
    ...     print(x.numpy())
    [[1. 3.]
     [2. 4.]]
    """
    return _permute(e, e.value(input), as_python(_sizes(dims)))


def _permute(e: Emitter, value: Value, dims: object) -> Value:
    rank = value.type.rank
    if not isinstance(dims, tuple) or sorted(d % rank for d in dims) != list(range(rank)):
        raise Refusal(f"expected an order of the dimensions 0 to {rank - 1}, got {dims!r}")
    order = [as_int(Const(d), "a dimension") % rank for d in dims]
    if order == list(range(rank)):
        return value
    nibbles = sum(d << (4 * place) for place, d in enumerate(order))
    shape = tuple(value.type.shape[d] for d in order)
    op = "trans" if value.type.kind is Kind.TILE else "block_trans"
    return e.emit(op, Type(value.type.kind, value.type.dtype, shape), value, imm=("int", nibbles))
