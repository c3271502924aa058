"""``tl`` functions that combine neighbours along an axis: scans, and reductions by any function.

A scan takes ``log2 n`` steps: in step k every element is combined with the one 2^k places before
it.  So sums of floats are added in that fixed order, which is another one than one by one.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from kernbench.language import arithmetic
from kernbench.language.builtin import builtin, is_none
from kernbench.language.dtypes import float32, int32, uint32
from kernbench.language.emitter import Emitter
from kernbench.language.ops_gather import ZERO, axis_of, places, take
from kernbench.language.values import (
    FALSE,
    Const,
    Kind,
    Operand,
    Pack,
    Refusal,
    Type,
    Value,
    as_bool,
    as_dtype,
)

Combine = Callable[[list[Value], list[Value]], list[Value]]


def _tensors(e: Emitter, input: Operand) -> list[Value]:
    """Return the tensors, of one shape, that are combined together."""
    given = input.listed if isinstance(input, Pack) else (input,)
    values = [e.value(item) for item in given]
    if not values or any(value.type.shape != values[0].type.shape for value in values):
        raise Refusal(f"expected tensors of one shape, got {', '.join(map(str, values))}")
    return values


def _combine_by(e: Emitter, combine_fn: Operand) -> Combine:
    """Return the user's function, whose results must be of its operands' types."""
    if not isinstance(combine_fn, Const):
        raise Refusal(f"expected a function decorated with @kb.jit, got a {combine_fn}")
    function, call = combine_fn.value, e.call

    def combine(before: list[Value], after: list[Value]) -> list[Value]:
        result = call(function, [*before, *after])
        items = result.listed if isinstance(result, Pack) else (result,)
        values = [e.value(item) for item in items]
        if [value.type.dtype for value in values] != [value.type.dtype for value in after]:
            raise Refusal(
                f"expected combine_fn to return {', '.join(str(v.type.dtype) for v in after)}, "
                f"got {', '.join(str(v.type.dtype) for v in values)}"
            )
        return values

    return combine


def _by(e: Emitter, op: str) -> Combine:
    def combine(before: list[Value], after: list[Value]) -> list[Value]:
        return [e.value(arithmetic.binary(e, op, before[0], after[0]))]

    return combine


def _within(e: Emitter, op: str, index: Operand, bound: int) -> Value:
    """Return the index, bounded by MATH: for PE_CPU it would be a vector, element by element."""
    value = e.value(index)
    type_ = Type(Kind.TILE, int32, value.type.shape)
    return e.emit("math", type_, value, e.constant(bound, int32), sub=op)


def _scan(
    e: Emitter, values: list[Value], axis: Operand, combine: Combine, reverse: Operand
) -> list[Value]:
    shape = values[0].type.shape
    place = axis_of(axis, shape)
    at, n = places(e, shape, place), shape[place]
    backwards = as_bool(reverse, "reverse")
    values = [e.to_tile(value) for value in values]
    step = 1
    while step < n:
        if backwards:
            there = arithmetic.binary(e, "lt", at, Const(n - step))
            index = _within(e, "min", arithmetic.binary(e, "add", at, Const(step)), n - 1)
        else:
            there = arithmetic.binary(e, "ge", at, Const(step))
            index = _within(e, "max", arithmetic.binary(e, "sub", at, Const(step)), 0)
        before = [take(e, value, index, shape, place) for value in values]
        both = combine(before, values)
        values = [
            arithmetic.where(e, there, new, old) for new, old in zip(both, values, strict=True)
        ]
        step *= 2
    return values


@builtin(method=True)
def associative_scan(
    e: Emitter, input: Operand, axis: Operand, combine_fn: Operand, reverse: Operand = FALSE
) -> Operand:
    """Return for each element what `combine_fn` makes of all up to it along `axis`.

    `combine_fn(before, after)` is associative and decorated with ``@kb.jit``; a tuple of tensors is
    scanned together by one of twice as many parameters.  `reverse` begins at the end.

    Parameters
    ----------
    input : tensor or tuple of tensors
        Of one shape.
    axis : int
        Along which; known at compile time.
    combine_fn : jit function
        Of the elements before and after; it is associative, and returns as many of their types.
    reverse : bool
        Whether to go from the last element on.

    Returns
    -------
    tensor or tuple of tensors
        As `input`.

    Notes
    -----
    ``log2 n`` steps (ADR-0047 D8), each a GATHER and what `combine_fn` does.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def greater(a, b):
    ...     return tl.maximum(a, b)
    >>> @kb.jit
    ... def kernel(x_ptr):
    ...     offs = tl.arange(0, 4)
    ...     tl.store(x_ptr + offs, tl.associative_scan(tl.load(x_ptr + offs), 0, greater))
    >>> with kb.Context("small") as ctx:
    ...     x = ctx.tensor([2.0, 1.0, 5.0, 3.0])
    ...     _ = kernel[(1,)](x)
    ...     print(x.numpy())
    [2. 2. 5. 5.]
    """
    values = _scan(e, _tensors(e, input), axis, _combine_by(e, combine_fn), reverse)
    return Pack(tuple(values)) if isinstance(input, Pack) else values[0]


def _widened(e: Emitter, input: Operand) -> Value:
    value = e.value(input)
    return e.cast(value, float32) if value.type.element.is_bf16() else value


@builtin(method=True)
def cumsum(
    e: Emitter,
    input: Operand,
    axis: Operand = ZERO,
    reverse: Operand = FALSE,
    dtype: Operand | None = None,
) -> Value:
    """Return for each element the sum of all up to it along `axis`.

    bf16 is summed in fp32, integers narrower than 32 bits in 32.

    Parameters
    ----------
    input : tensor
        With 1 dimension or more.
    axis : int
        Along which; known at compile time.
    reverse : bool
        Whether to go from the last element on.
    dtype : dtype, optional
        To convert `input` to before.

    Returns
    -------
    tensor
        Of the shape of `input`; ``log2 n`` steps (ADR-0047 D8).

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(x_ptr, out_ptr):
    ...     x = tl.load(x_ptr + tl.arange(0, 4))
    ...     tl.store(out_ptr + tl.arange(0, 4), tl.cumsum(x))
    >>> with kb.Context("small") as ctx:
    ...     out = ctx.tensor([0.0] * 4)
    ...     _ = kernel[(1,)](ctx.tensor([2.0, 1.0, 5.0, 3.0]), out)
    ...     print(out.numpy())
    [ 2.  3.  8. 11.]
    """
    value = _widened(e, input)
    element = value.type.element
    if dtype is not None and not is_none(dtype):
        value = e.cast(value, as_dtype(dtype, "dtype"))
    elif element.is_int() and element.primitive_bitwidth < 32:
        value = e.cast(value, int32 if element.is_int_signed() else uint32)
    return _scan(e, [value], axis, _by(e, "add"), reverse)[0]


@builtin(method=True)
def cumprod(e: Emitter, input: Operand, axis: Operand = ZERO, reverse: Operand = FALSE) -> Value:
    """Return for each element the product of all up to it along `axis`; bf16 in fp32.

    Parameters
    ----------
    input : tensor
        With 1 dimension or more.
    axis : int
        Along which; known at compile time.
    reverse : bool
        Whether to go from the last element on.

    Returns
    -------
    tensor
        Of the shape of `input`; ``log2 n`` steps (ADR-0047 D8).

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(x_ptr, out_ptr):
    ...     x = tl.load(x_ptr + tl.arange(0, 4))
    ...     tl.store(out_ptr + tl.arange(0, 4), tl.cumprod(x))
    >>> with kb.Context("small") as ctx:
    ...     out = ctx.tensor([0.0] * 4)
    ...     _ = kernel[(1,)](ctx.tensor([2.0, 1.0, 5.0, 3.0]), out)
    ...     print(out.numpy())
    [ 2.  2. 10. 30.]
    """
    return _scan(e, [_widened(e, input)], axis, _by(e, "mul"), reverse)[0]


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
    values = _halve(e, _tensors(e, input), axis, _combine_by(e, combine_fn), keep_dims)
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
    return _halve(e, [value], axis, _by(e, "or"), keep_dims)[0]
