"""``tl`` functions that combine each element with those before it along an axis: scans.

A scan takes ``log2 n`` steps: in step k every element is combined with the one 2^k places before
it.  So sums of floats are added in that fixed order, which is another one than one by one.
"""

from __future__ import annotations

from kernbench.language import arithmetic
from kernbench.language.builtin import builtin, is_none
from kernbench.language.combine import Combine, by, combine_by, tensors
from kernbench.language.dtypes import float32, int32, uint32
from kernbench.language.emitter import Emitter
from kernbench.language.ops_gather import ZERO, axis_of, places, take
from kernbench.language.values import (
    FALSE,
    Const,
    Kind,
    Operand,
    Pack,
    Type,
    Value,
    as_bool,
    as_dtype,
)


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
    values = _scan(e, tensors(e, input), axis, combine_by(e, combine_fn), reverse)
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
    return _scan(e, [value], axis, by(e, "add"), reverse)[0]


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
    return _scan(e, [_widened(e, input)], axis, by(e, "mul"), reverse)[0]
