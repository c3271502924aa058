"""``tl`` functions that reduce an axis by any function: its halves meet, ``log2 n`` times."""

from __future__ import annotations

import math

from kernbench.language import arithmetic
from kernbench.language.builtin import builtin, is_none
from kernbench.language.combine import Combine, by, combine_by, tensors
from kernbench.language.emitter import Emitter
from kernbench.language.ops_gather import axis_of, places, take
from kernbench.language.values import FALSE, Const, Operand, Pack, Refusal, Value, as_bool


def _halve(
    e: Emitter, values: list[Value], axis: Operand, combine: Combine, keep_dims: Operand
) -> list[Value]:
    whole = values[0].type.shape
    if is_none(axis):
        values = [e.reshape(value, (math.prod(whole),)) for value in values]
    shape = values[0].type.shape
    place = axis_of(axis, shape, 0)
    rest, n = (shape[:place], shape[place + 1 :]), shape[place]
    if n & (n - 1):
        raise Refusal(f"expected a power of 2 elements along axis {place}, got {n}")
    while n > 1:
        n //= 2
        half = (*rest[0], n, *rest[1])
        at = places(e, half, place)
        later = arithmetic.binary(e, "add", at, Const(n))
        values = combine(
            [take(e, value, at, half, place) for value in values],
            [take(e, value, later, half, place) for value in values],
        )
    result = (*rest[0], *rest[1])
    if as_bool(keep_dims, "keep_dims"):
        result = (1,) * len(whole) if is_none(axis) else (*rest[0], 1, *rest[1])
    return [e.reshape(value, result) for value in values]


@builtin(method=True)
def reduce(
    e: Emitter,
    input: Operand,
    axis: Operand,
    combine_fn: Operand,
    keep_dims: Operand = FALSE,
) -> Operand:
    """Return what `combine_fn` makes of all elements along `axis`, or of all: halves meet.

    The axis has a power of 2 elements; `combine_fn` is as for ``associative_scan``.

    Parameters
    ----------
    input : tensor or tuple of tensors
        Of one shape.
    axis : int, optional
        Along which; all elements where it is None.
    combine_fn : jit function
        Of two elements, which must be associative; it returns as many of their types.
    keep_dims : bool
        Whether a dimension of 1 stays where `axis` was.

    Returns
    -------
    tensor or tuple of tensors
        With one dimension less; ``log2 n`` steps.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def product(a, b):
    ...     return a * b
    >>> @kb.jit
    ... def kernel(x_ptr):
    ...     tl.store(x_ptr, tl.reduce(tl.load(x_ptr + tl.arange(0, 4)), 0, product))
    >>> with kb.Context("small") as ctx:
    ...     x = ctx.tensor([2.0, 1.0, 5.0, 3.0])
    ...     _ = kernel[(1,)](x)
    ...     print(x.numpy()[0])
    30.0
    """
    values = _halve(e, tensors(e, input), axis, combine_by(e, combine_fn), keep_dims)
    return Pack(tuple(values)) if isinstance(input, Pack) else values[0]


@builtin(method=True)
def reduce_or(e: Emitter, input: Operand, axis: Operand, keep_dims: Operand = FALSE) -> Value:
    """Return the or along `axis`, or of all; of integers or truths.

    Parameters
    ----------
    input : tensor of integers
        With 1 dimension or more.
    axis : int
        Along which; known at compile time.
    keep_dims : bool
        Whether a dimension of 1 stays where `axis` was.

    Returns
    -------
    tensor
        Of integers.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(x_ptr, out_ptr):
    ...     x = tl.load(x_ptr + tl.arange(0, 4))
    ...     tl.store(out_ptr + tl.arange(0, 4), tl.reduce_or(x > 4, 0))
    >>> with kb.Context("small") as ctx:
    ...     out = ctx.tensor([0.0] * 4)
    ...     _ = kernel[(1,)](ctx.tensor([2.0, 1.0, 5.0, 3.0]), out)
    ...     print(out.numpy())
    [1. 1. 1. 1.]
    """
    value = e.value(input)
    if not value.type.element.is_int():
        raise Refusal(f"tl.reduce_or expects integers, got {value.type.dtype}")
    return _halve(e, [value], axis, by(e, "or"), keep_dims)[0]
