"""``tl`` functions that reduce a tile along an axis: one REDUCE command of MATH each (ADR-0014)."""

from __future__ import annotations

import math

from kernbench.language.builtin import builtin, is_none
from kernbench.language.dtypes import float32, int32, uint32
from kernbench.language.emitter import Emitter
from kernbench.language.values import (
    FALSE,
    TRUE,
    Kind,
    Operand,
    Pack,
    Refusal,
    Type,
    Value,
    as_bool,
    as_dtype,
    as_int,
)


def _reduce(e: Emitter, op: str, value: Value, axis: Operand | None, keep_dims: Operand) -> Value:
    """Reduce over one axis, or over all elements where there is none."""
    keep = as_bool(keep_dims, "keep_dims")
    shape = value.type.shape
    if not shape:
        raise Refusal(f"expected a tensor with dimensions to reduce, got a {value}")
    if is_none(axis) or axis is None:
        place, kept = 0, (1,) * len(shape)
        value = e.reshape(value, (math.prod(shape),))
    else:
        place = as_int(axis, "axis")
        if not -len(shape) <= place < len(shape):
            raise Refusal(f"expected an axis from {-len(shape)} to {len(shape) - 1}, got {place}")
        place %= len(shape)
        kept = (*shape[:place], 1, *shape[place + 1 :])
    value = e.to_tile(value)
    rest = value.type.shape[:place] + value.type.shape[place + 1 :]
    result = int32 if op in ("argmax", "argmin") else value.type.element
    reduced = e.emit("reduce", Type(Kind.TILE, result, rest), value, sub=op, imm=place)
    return e.reshape(reduced, kept) if keep else reduced


@builtin("sum", method=True)
def sum_(
    e: Emitter,
    input: Operand,
    axis: Operand | None = None,
    keep_dims: Operand = FALSE,
    dtype: Operand | None = None,
) -> Value:
    """Return the sum along `axis`, or of all; integers narrower than 32 bits are summed in 32.

    Parameters
    ----------
    input : tensor
        With 1 dimension or more.
    axis : int, optional
        Along which; all elements where it is None.
    keep_dims : bool
        Whether a dimension of 1 stays where `axis` was.
    dtype : dtype, optional
        To convert `input` to, before it is summed.

    Returns
    -------
    tensor
        Of the type of `input`; of int32 or uint32 where that is a narrower integer.

    Notes
    -----
    One command of MATH (ADR-0014); the tree of a sum of floats is fixed (ADR-0047 D4).

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(x_ptr, out_ptr):
    ...     rows, columns = tl.arange(0, 2)[:, None], tl.arange(0, 4)[None, :]
    ...     x = tl.load(x_ptr + 4 * rows + columns)
    ...     tl.store(out_ptr + tl.arange(0, 2), tl.sum(x, axis=1))
    >>> with kb.Context("small") as ctx:
    ...     x, out = ctx.tensor([[1.0, 2.0, 3.0, 4.0], [5.0] * 4]), ctx.tensor([0.0, 0.0])
    ...     _ = kernel[(1,)](x, out)
    ...     print(out.numpy())
    [10. 20.]
    """
    value = e.value(input)
    element = value.type.element
    if dtype is not None and not is_none(dtype):
        value = e.cast(value, as_dtype(dtype, "dtype"))
    elif element.is_int() and element.primitive_bitwidth < 32:
        value = e.cast(value, int32 if element.is_int_signed() else uint32)
    return _reduce(e, "sum", value, axis, keep_dims)


@builtin(method=True)
def xor_sum(
    e: Emitter, input: Operand, axis: Operand | None = None, keep_dims: Operand = FALSE
) -> Value:
    """Return the exclusive or along `axis`, or of all; of integers.

    Parameters
    ----------
    input : tensor of integers
        With 1 dimension or more.
    axis : int, optional
        Along which; all elements where it is None.
    keep_dims : bool
        Whether a dimension of 1 stays where `axis` was.

    Returns
    -------
    tensor
        Of the type of `input`.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(out_ptr):
    ...     tl.store(out_ptr, tl.xor_sum(tl.arange(0, 4) + 1))
    >>> with kb.Context("small") as ctx:
    ...     out = ctx.tensor([0])
    ...     _ = kernel[(1,)](out)
    ...     print(out.numpy())
    [4]
    """
    value = e.value(input)
    if not value.type.element.is_int():
        raise Refusal(f"tl.xor_sum expects integers, got {value.type.dtype}")
    return _reduce(e, "xor", value, axis, keep_dims)


def _extremum(
    e: Emitter,
    op: str,
    input: Operand,
    axis: Operand | None,
    return_indices: Operand,
    tie_break_left: Operand,
    keep_dims: Operand,
) -> Operand:
    value = e.value(input)
    element = value.type.element
    if element.is_bf16():
        value = e.cast(value, float32)
    if as_bool(return_indices, "return_indices"):
        best = _reduce(e, op, value, axis, keep_dims)
        return Pack((best, _reduce(e, f"arg{op}", value, axis, keep_dims)))
    if element.primitive_bitwidth < 32:
        value = e.cast(value, float32 if element.is_floating() else int32)
    return _reduce(e, op, value, axis, keep_dims)


@builtin("max", method=True)
def max_(
    e: Emitter,
    input: Operand,
    axis: Operand | None = None,
    return_indices: Operand = FALSE,
    return_indices_tie_break_left: Operand = TRUE,
    keep_dims: Operand = FALSE,
) -> Operand:
    """Return the greatest along `axis`, or of all; with `return_indices`, also where (leftmost).

    Parameters
    ----------
    input : tensor
        With 1 dimension or more.
    axis : int, optional
        Along which; all elements where it is None.
    return_indices : bool
        Whether to return places too, as ``argmax`` does.
    return_indices_tie_break_left : bool
        Ignored: it is the leftmost of equals always.
    keep_dims : bool
        Whether a dimension of 1 stays where `axis` was.

    Returns
    -------
    tensor
        Of the type of `input`, or of 32 bits where that is narrower.

    Notes
    -----
    One command of MATH (ADR-0014); the tree of a sum of floats is fixed (ADR-0047 D4).

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(x_ptr, out_ptr):
    ...     best, place = tl.max(tl.load(x_ptr + tl.arange(0, 4)), 0, return_indices=True)
    ...     tl.store(out_ptr, best)
    ...     tl.store(out_ptr + 1, place)
    >>> with kb.Context("small") as ctx:
    ...     x, out = ctx.tensor([2.0, 5.0, 1.0, 3.0]), ctx.tensor([0.0, 0.0])
    ...     _ = kernel[(1,)](x, out)
    ...     print(out.numpy())
    [5. 1.]
    """
    tie = return_indices_tie_break_left
    return _extremum(e, "max", input, axis, return_indices, tie, keep_dims)


@builtin("min", method=True)
def min_(
    e: Emitter,
    input: Operand,
    axis: Operand | None = None,
    return_indices: Operand = FALSE,
    return_indices_tie_break_left: Operand = TRUE,
    keep_dims: Operand = FALSE,
) -> Operand:
    """Return the smallest along `axis`, or of all; with `return_indices`, also where (leftmost).

    Parameters
    ----------
    input : tensor
        With 1 dimension or more.
    axis : int, optional
        Along which; all elements where it is None.
    return_indices : bool
        Whether to return places too, as ``argmin`` does.
    return_indices_tie_break_left : bool
        Ignored: it is the leftmost of equals always.
    keep_dims : bool
        Whether a dimension of 1 stays where `axis` was.

    Returns
    -------
    tensor
        Of the type of `input`, or of 32 bits where that is narrower.

    Notes
    -----
    One command of MATH (ADR-0014); the tree of a sum of floats is fixed (ADR-0047 D4).

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(x_ptr, out_ptr):
    ...     best, place = tl.min(tl.load(x_ptr + tl.arange(0, 4)), 0, return_indices=True)
    ...     tl.store(out_ptr, best)
    ...     tl.store(out_ptr + 1, place)
    >>> with kb.Context("small") as ctx:
    ...     x, out = ctx.tensor([2.0, 5.0, 1.0, 3.0]), ctx.tensor([0.0, 0.0])
    ...     _ = kernel[(1,)](x, out)
    ...     print(out.numpy())
    [1. 2.]
    """
    tie = return_indices_tie_break_left
    return _extremum(e, "min", input, axis, return_indices, tie, keep_dims)


@builtin(method=True)
def argmax(
    e: Emitter,
    input: Operand,
    axis: Operand | None = None,
    tie_break_left: Operand = TRUE,
    keep_dims: Operand = FALSE,
) -> Value:
    """Where the greatest is along `axis`, as int32; the leftmost of equals.

    Parameters
    ----------
    input : tensor
        With 1 dimension or more.
    axis : int, optional
        Along which; where it is None, the place is that among all elements, row-major.
    tie_break_left : bool
        Ignored: it is the leftmost always.
    keep_dims : bool
        Whether a dimension of 1 stays where `axis` was.

    Returns
    -------
    tensor
        Of int32; one command of MATH.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(x_ptr, out_ptr):
    ...     tl.store(out_ptr, tl.argmax(tl.load(x_ptr + tl.arange(0, 4)), 0))
    >>> with kb.Context("small") as ctx:
    ...     out = ctx.tensor([0])
    ...     _ = kernel[(1,)](ctx.tensor([2.0, 5.0, 1.0, 5.0]), out)
    ...     print(out.numpy())
    [1]
    """
    return _reduce(e, "argmax", e.value(input), axis, keep_dims)


@builtin(method=True)
def argmin(
    e: Emitter,
    input: Operand,
    axis: Operand | None = None,
    tie_break_left: Operand = TRUE,
    keep_dims: Operand = FALSE,
) -> Value:
    """Where the smallest is along `axis`, as int32; the leftmost of equals.

    Parameters
    ----------
    input : tensor
        With 1 dimension or more.
    axis : int, optional
        Along which; where it is None, the place is that among all elements, row-major.
    tie_break_left : bool
        Ignored: it is the leftmost always.
    keep_dims : bool
        Whether a dimension of 1 stays where `axis` was.

    Returns
    -------
    tensor
        Of int32; one command of MATH.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(x_ptr, out_ptr):
    ...     tl.store(out_ptr, tl.argmin(tl.load(x_ptr + tl.arange(0, 4)), 0))
    >>> with kb.Context("small") as ctx:
    ...     out = ctx.tensor([0])
    ...     _ = kernel[(1,)](ctx.tensor([2.0, 5.0, 1.0, 5.0]), out)
    ...     print(out.numpy())
    [2]
    """
    return _reduce(e, "argmin", e.value(input), axis, keep_dims)
