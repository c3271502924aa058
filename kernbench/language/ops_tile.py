"""``tl`` functions that the tile engines do as a whole: dot and the reductions."""

from __future__ import annotations

import math

from kernbench.language.builtin import builtin, is_none
from kernbench.language.dtypes import dtype, float32, float64, int32, uint32
from kernbench.language.emitter import Emitter
from kernbench.language.values import (
    FALSE,
    TRUE,
    Const,
    Kind,
    Operand,
    Pack,
    Refusal,
    Type,
    Value,
    as_bool,
    as_dtype,
    as_int,
    as_python,
)

FLOAT32 = Const(float32)
_PRECISIONS = ("ieee", "tf32", "tf32x3")


@builtin()
def dot(
    e: Emitter,
    input: Operand,
    other: Operand,
    acc: Operand | None = None,
    input_precision: Operand | None = None,
    allow_tf32: Operand | None = None,
    max_num_imprecise_acc: Operand | None = None,
    out_dtype: Operand = FLOAT32,
) -> Value:
    """Return the matrix product ``input @ other + acc`` of shapes (M, K), (K, N) and (M, N).

    Sums are kept in fp32 (fp64 of fp64, int32 of int8), and rounded once to `out_dtype`.
    `max_num_imprecise_acc` is ignored.

    Differs from Triton: an `input_precision` of None means ``"ieee"``; Triton takes ``"tf32"``.
    """
    a, b = e.to_tile(e.value(input)), e.to_tile(e.value(other))
    for operand in (a, b):
        if operand.type.rank == 3:
            raise Refusal("tl.dot of 3 dimensions (a batch) is not supported; loop over the batch")
        if operand.type.rank != 2:
            raise Refusal(f"expected operands of 2 dimensions, got a {operand}")
    (m, k), (k_other, n) = a.type.shape, b.type.shape
    if k != k_other:
        raise Refusal(f"expected (M, K) and (K, N), got {a} and {b}: K is {k}, and {k_other}")
    both_fp8 = a.type.element.is_fp8() and b.type.element.is_fp8()
    if a.type.dtype != b.type.dtype and not both_fp8:
        raise Refusal(f"expected operands of one dtype, got {a} and {b}; cast one with .to()")
    type_ = Type(Kind.TILE, dot_result(a.type.element, as_dtype(out_dtype, "out_dtype")), (m, n))
    start = None if is_none(acc) or acc is None else e.value(acc)
    if start is not None:
        start = e.to_tile(e.broadcast(start, (m, n)) if not start.type.rank else start)
        if start.type != type_:
            raise Refusal(f"expected acc to be a {type_}, got a {start}")
    precision = _precision(input_precision, allow_tf32)
    return e.emit("dot", type_, a, b, start, sub=precision)


def dot_result(source: dtype, wanted: dtype) -> dtype:
    """Return the dtype of a product of `source` where `wanted` was asked for."""
    if source.is_int():
        if source.primitive_bitwidth != 8 or source.is_int_unsigned():
            raise Refusal(f"expected floats or int8, got {source}")
        return int32
    if source.is_fp64():
        return float64
    if wanted.is_bf16():
        raise Refusal("out_dtype=bfloat16 is not supported, as in Triton; use float32 and cast")
    return float32 if source.is_fp32() or source.is_bf16() or not wanted.is_fp16() else wanted


def _precision(input_precision: Operand | None, allow_tf32: Operand | None) -> str:
    if is_none(input_precision) or input_precision is None:
        allowed = allow_tf32 is not None and not is_none(allow_tf32)
        return "tf32" if allowed and as_bool(allow_tf32, "allow_tf32") else "ieee"  # type: ignore[arg-type]
    if not is_none(allow_tf32):
        raise Refusal("give input_precision or allow_tf32, not both")
    name = as_python(input_precision)
    if name not in _PRECISIONS:
        raise Refusal(f"expected input_precision one of {', '.join(_PRECISIONS)}, got {name!r}")
    return str(name)


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
    """Return the sum along `axis`, or of all; integers narrower than 32 bits are summed in 32."""
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
    """Return the exclusive or along `axis`, or of all; of integers."""
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
    """Return the greatest along `axis`, or of all; with `return_indices`, also where (leftmost)."""
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
    """Return the smallest along `axis`, or of all; with `return_indices`, also where (leftmost)."""
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
    """Where the greatest is along `axis`, as int32; the leftmost of equals."""
    return _reduce(e, "argmax", e.value(input), axis, keep_dims)


@builtin(method=True)
def argmin(
    e: Emitter,
    input: Operand,
    axis: Operand | None = None,
    tie_break_left: Operand = TRUE,
    keep_dims: Operand = FALSE,
) -> Value:
    """Where the smallest is along `axis`, as int32; the leftmost of equals."""
    return _reduce(e, "argmin", e.value(input), axis, keep_dims)
