"""``tl`` functions that put two tensors together, and one asunder: join, split and the like.

A join is two selections by MATH; a split is two GATHERs (ADR-0014 D11).
"""

from __future__ import annotations

from collections.abc import Sequence

from kernbench.language import arithmetic
from kernbench.language.builtin import builtin
from kernbench.language.emitter import Emitter
from kernbench.language.ops_gather import ZERO, axis_of, places, take
from kernbench.language.ops_shape import permute
from kernbench.language.values import FALSE, Const, Operand, Pack, Refusal, Value


@builtin()
def join(e: Emitter, a: Operand, b: Operand) -> Value:
    """Both, of one dtype and broadcast to one shape, along a new last dimension of 2.

    Parameters
    ----------
    a, b : tensor
        Of one dtype; broadcast to one shape.

    Returns
    -------
    tensor
        Of that shape and 2.

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
    return beside(e, sides, max(left.type.rank, right.type.rank))


def beside(e: Emitter, sides: Sequence[Value], axis: int) -> Value:
    """Both sides, of 1 along `axis`, along that dimension of 2; they broadcast to one shape."""
    left, right = sides
    rank = max(left.type.rank, right.type.rank)
    side = places(e, tuple(2 if d == axis else 1 for d in range(rank)), axis)
    return arithmetic.where(e, arithmetic.binary(e, "eq", side, ZERO), left, right)


def stack(e: Emitter, values: list[Value]) -> Value:
    """Return a power of 2 of tiles of one type along a new first dimension: neighbours meet."""
    shape = values[0].type.shape
    parts = [e.reshape(value, (1, *shape)) for value in values]
    while len(parts) > 1:
        size = parts[0].type.shape[0]
        sides = [e.reshape(part, (1, size, *shape)) for part in parts]
        pairs = zip(sides[::2], sides[1::2], strict=True)
        parts = [e.reshape(beside(e, pair, 0), (2 * size, *shape)) for pair in pairs]
    return parts[0]


@builtin(method=True)
def split(e: Emitter, a: Operand) -> Pack:
    """Both halves of a tensor whose last dimension is 2: what ``join`` was given.

    Parameters
    ----------
    a : tensor
        Whose last dimension is 2.

    Returns
    -------
    tuple of 2 tensors
        Without the last dimension; a GATHER each (ADR-0014 D11).

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

    Parameters
    ----------
    a, b : tensor
        Of one dtype; broadcast to one shape.

    Returns
    -------
    tensor
        Twice as long along the last dimension.

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

    Parameters
    ----------
    input, other : tensor
        Of one dtype and shape.
    can_reorder : bool
        Ignored.
    dim : int
        Known at compile time.

    Returns
    -------
    tensor
        Twice as long along `dim`.

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
