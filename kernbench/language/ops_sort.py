"""``tl`` functions that order and count: sort, topk and histogram.

Sorting is Triton's bitonic network: what meets, and in which order, is the same.  As there, the one
of a pair that is not greater is taken twice where one of both is NaN.
"""

from __future__ import annotations

from kernbench.language import arithmetic
from kernbench.language.builtin import builtin, is_none
from kernbench.language.dtypes import float32, int8, int32, int64
from kernbench.language.emitter import Emitter
from kernbench.language.ops_dot import dot
from kernbench.language.ops_gather import ZERO, axis_of, places, take
from kernbench.language.values import (
    Const,
    Operand,
    Refusal,
    Value,
    as_int,
    as_python,
)

CHUNK_ELEMENTS = 1 << 15
"""What of a histogram's comparisons is there at a time: they lie in TCM."""


def _binary(e: Emitter, op: str, a: Operand, b: Operand) -> Value:
    return e.value(arithmetic.binary(e, op, a, b))


def _bit(e: Emitter, at: Value, number: int) -> Value:
    """Whether a bit of the place is set: a mask."""
    return _binary(e, "ne", _binary(e, "and", at, Const(1 << number)), ZERO)


def _merge(e: Emitter, value: Value, axis: int, stage: int, descending: bool | None) -> Value:
    """Order runs of 2^stage elements, by turns up and down where `descending` is None."""
    shape = value.type.shape
    at = e.to_tile(places(e, shape, axis))  # so that MATH computes the indices, not PE_CPU
    for number in reversed(range(stage)):
        other = take(e, value, _binary(e, "xor", at, Const(1 << number)), shape, axis)
        wants_less = _bit(e, at, number)  # the right one of a pair, going up, keeps the greater
        if descending is None:
            wants_less = _binary(e, "xor", wants_less, _bit(e, at, stage))
        elif descending:
            wants_less = _binary(e, "eq", wants_less, Const(False))
        changes = _binary(e, "xor", _binary(e, "gt", value, other), wants_less)
        value = arithmetic.where(e, changes, other, value)
    return value


def _log2(n: int) -> int:
    if n & (n - 1):
        raise Refusal(f"expected a power of 2 elements to sort, got {n}")
    return n.bit_length() - 1


def _begin(e: Emitter, x: Operand, dim: Operand | None) -> tuple[Value, int]:
    value = e.value(x)
    return e.to_tile(value), axis_of(dim, value.type.shape)


@builtin()
def sort(e: Emitter, x: Operand, dim: Operand | None = None, descending: Operand = ZERO) -> Value:
    """`x` in order along `dim` (default: the last), which has a power of 2 elements.

    Parameters
    ----------
    x : tensor
        Of numbers; not of bf16.
    dim : int, optional
        Known at compile time.
    descending : bool
        Whether the greatest comes first.

    Returns
    -------
    tensor
        Of the type and shape of `x`.

    Notes
    -----
    ``log2 n (log2 n + 1) / 2`` steps, each a GATHER and comparisons of MATH (ADR-0014 D11).

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(x_ptr):
    ...     offs = tl.arange(0, 4)
    ...     tl.store(x_ptr + offs, tl.sort(tl.load(x_ptr + offs)))
    >>> with kb.Context("small") as ctx:
    ...     x = ctx.tensor([2.0, 1.0, 5.0, 3.0])
    ...     _ = kernel[(1,)](x)
    ...     print(x.numpy())
    [1. 2. 3. 5.]
    """
    value, axis = _begin(e, x, dim)
    return _sorted(e, value, axis, bool(as_python(descending)))


def _sorted(e: Emitter, value: Value, axis: int, descending: bool) -> Value:
    last = _log2(value.type.shape[axis])
    for stage in range(1, last + 1):
        value = _merge(e, value, axis, stage, descending if stage == last else None)
    return value


@builtin()
def topk(e: Emitter, x: Operand, k: Operand, dim: Operand | None = None) -> Value:
    """Return the `k` greatest of `x` along `dim` (default: the last), the greatest first.

    `k` is a power of 2.  Where it is less than all, the result has at least 32 bits, as ``max``.

    Parameters
    ----------
    x : tensor
        As for ``sort``.
    k : int
        Known at compile time.
    dim : int, optional
        Known at compile time.

    Returns
    -------
    tensor
        With `k` elements along `dim`.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(x_ptr, out_ptr):
    ...     x = tl.load(x_ptr + tl.arange(0, 4))
    ...     tl.store(out_ptr + tl.arange(0, 2), tl.topk(x, 2))
    >>> with kb.Context("small") as ctx:
    ...     out = ctx.tensor([0.0] * 2)
    ...     _ = kernel[(1,)](ctx.tensor([2.0, 1.0, 5.0, 3.0]), out)
    ...     print(out.numpy())
    [5. 3.]
    """
    value, axis = _begin(e, x, dim)
    n = as_int(k, "k")
    shape = value.type.shape
    if n < 1 or n > shape[axis] or n & (n - 1):
        raise Refusal(f"expected a k that is a power of 2 from 1 to {shape[axis]}, got {n}")
    value = _sorted(e, value, axis, descending=True)
    if n == shape[axis]:
        return value
    first = (*shape[:axis], n, *shape[axis + 1 :])
    value = take(e, value, places(e, first, axis), first, axis)
    element = value.type.element
    if element.primitive_bitwidth < 32:
        value = e.cast(value, float32 if element.is_floating() else int32)
    return value


@builtin()
def bitonic_merge(
    e: Emitter, x: Operand, dim: Operand | None = None, descending: Operand = ZERO
) -> Value:
    """`x`, whose halves along `dim` are in opposite orders, in order.

    Parameters
    ----------
    x : tensor
        As for ``sort``.
    dim : int, optional
        Known at compile time.
    descending : bool
        Whether the greatest comes first.

    Returns
    -------
    tensor
        Of the type and shape of `x`; the last ``log2 n`` steps of ``sort``.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(x_ptr, out_ptr):
    ...     x = tl.load(x_ptr + tl.arange(0, 4))
    ...     tl.store(out_ptr + tl.arange(0, 4), tl.bitonic_merge(x))
    >>> with kb.Context("small") as ctx:
    ...     out = ctx.tensor([0.0] * 4)
    ...     _ = kernel[(1,)](ctx.tensor([1.0, 3.0, 4.0, 2.0]), out)
    ...     print(out.numpy())
    [1. 2. 3. 4.]
    """
    value, axis = _begin(e, x, dim)
    stage = _log2(value.type.shape[axis])
    return _merge(e, value, axis, stage, bool(as_python(descending)))


@builtin(method=True)
def histogram(e: Emitter, input: Operand, num_bins: Operand, mask: Operand | None = None) -> Value:
    """Return how often each of ``0 .. num_bins - 1`` is in `input`, as int32.

    `input` has one dimension, of integers.  What is in no bin, or where `mask` is false, does not
    count.

    Parameters
    ----------
    input : tensor
        Its length is a power of 2, as is `num_bins`.
    num_bins : int
        Known at compile time.
    mask : tensor of truth values, optional
        What counts.

    Notes
    -----
    A bin is a row and a column of a table with about ``sqrt(num_bins)`` of each.  MATH compares
    each element's row with every row and its column with every column; a product of what it found,
    of int8 with sums of int32, counts exactly: a dot with K as long as `input` (ADR-0014 D11).

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(x_ptr, out_ptr):
    ...     offs = tl.arange(0, 4)
    ...     tl.store(out_ptr + offs, tl.histogram(tl.load(x_ptr + offs), 4))
    >>> import numpy as np
    >>> with kb.Context("small") as ctx:
    ...     x = ctx.tensor(np.array([2, 1, 2, 3], np.int32))
    ...     _ = kernel[(1,)](x, x)
    ...     print(x.numpy())
    [0 1 2 1]
    """
    value, n_bins = e.value(input), as_int(num_bins, "num_bins")
    if value.type.rank != 1 or not value.type.element.is_int():
        raise Refusal(f"expected integers in one dimension to count, got a {value}")
    if n_bins < 1 or n_bins & (n_bins - 1):
        raise Refusal(f"expected a num_bins that is a power of 2, got {n_bins}")
    n = value.type.shape[0]
    value = e.cast(value, int64 if value.type.element.primitive_bitwidth == 64 else int32)
    if mask is not None and not is_none(mask):
        value = arithmetic.where(e, mask, value, Const(-1))
    n_rows, n_columns = 1 << n_bins.bit_length() // 2, 1 << (n_bins.bit_length() - 1) // 2
    chunk = max(1, min(n, CHUNK_ELEMENTS // n_rows))
    pieces = e.reshape(e.to_tile(value), (n // chunk, chunk))
    total: Value | None = None
    for number in range(n // chunk):
        piece = take(e, pieces, Const(number), (1, chunk), 0)
        row = _binary(e, "floordiv", piece, Const(n_columns))
        column = _binary(e, "sub", piece, _binary(e, "mul", row, Const(n_columns)))
        rows = places(e, (n_rows, 1), 0)
        columns = places(e, (1, n_columns), 1)
        in_row = e.cast(_binary(e, "eq", row, rows), int8)
        in_column = e.cast(_binary(e, "eq", e.reshape(column, (chunk, 1)), columns), int8)
        acc = [] if total is None else [total]
        total = e.value(dot.compile(e, [in_row, in_column, *acc], {}))
    assert total is not None
    return e.reshape(total, (n_bins,))
