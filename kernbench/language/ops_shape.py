"""``tl`` functions that change shape or type, not values."""

from __future__ import annotations

import math

from kernbench.language.builtin import builtin, is_none
from kernbench.language.dtypes import dtype, pointer_type
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
    as_bool,
    as_int,
    as_python,
    as_shape,
    is_number,
)


def _cast(
    e: Emitter,
    input: Operand,
    dtype: Operand,
    fp_downcast_rounding: Operand | None = None,
    bitcast: Operand | None = None,
) -> Value:
    """`input` converted to `dtype`, rounded to nearest even; with `bitcast`, its bits reread."""
    target = _type(dtype)
    if not is_none(fp_downcast_rounding) and fp_downcast_rounding is not None:
        rounding = as_python(fp_downcast_rounding)
        if rounding != "rtne":
            raise Refusal(f"expected fp_downcast_rounding 'rtne', got {rounding!r}")
    value = e.value(input)
    if bitcast is None or not as_bool(bitcast, "bitcast"):
        if isinstance(input, Const) and is_number(input) and not isinstance(target, pointer_type):
            number = input.value
            assert isinstance(number, (bool, int, float))
            if not (isinstance(number, float) and target.is_int()):
                return e.constant(number, target)
        return e.cast(value, target)
    return _bitcast(e, value, target)


def _type(operand: Operand) -> dtype | pointer_type:
    target = as_python(operand)
    if not isinstance(target, (dtype, pointer_type)):
        raise Refusal(f"expected a dtype such as tl.float32, got {target!r}")
    return target


def _bitcast(e: Emitter, value: Value, target: dtype | pointer_type) -> Value:
    source = value.type.dtype
    if source == target:
        return value
    if isinstance(source, pointer_type) or isinstance(target, pointer_type):
        return e.cast(value, target)
    if source.primitive_bitwidth != target.primitive_bitwidth:
        raise Refusal(f"cannot reread the bits of {source} as {target}: their sizes differ")
    type_ = Type(value.type.kind, target, value.type.shape)
    if value.type.kind is Kind.SCALAR:
        return e.emit("scalar", type_, value, sub="bitcast")
    if value.type.kind is Kind.BLOCK and not target.is_floating():
        return e.emit("block", type_, value, sub="bitcast")
    type_ = Type(Kind.TILE, target, value.type.shape)
    return e.emit("math", type_, value, sub="bitcast")


cast = builtin("cast", method=True)(_cast)
builtin("to", method=True)(_cast)


def _sizes(sizes: tuple[Operand, ...]) -> Operand:
    return sizes[0] if len(sizes) == 1 else Pack(sizes)


@builtin(method=True)
def broadcast_to(e: Emitter, input: Operand, *shape: Operand) -> Value:
    """`input`, repeated along its dimensions of 1 to fill `shape`."""
    return e.broadcast(e.value(input), as_shape(_sizes(shape)))


@builtin()
def broadcast(e: Emitter, input: Operand, other: Operand) -> Pack:
    """Both operands, broadcast to one shape."""
    a, b = e.value(input), e.value(other)
    shape = joint_shape(a.type.shape, b.type.shape)
    return Pack((e.broadcast(a, shape), e.broadcast(b, shape)))


@builtin(method=True)
def expand_dims(e: Emitter, input: Operand, axis: Operand) -> Value:
    """`input` with dimensions of 1 put in at `axis`, an integer or several."""
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
    """Return the elements of `input`, row-major, in another shape."""
    return e.reshape(e.value(input), as_shape(_sizes(shape)))


@builtin("view", method=True)
def view(e: Emitter, input: Operand, *shape: Operand) -> Value:
    """As ``reshape``."""
    return e.reshape(e.value(input), as_shape(_sizes(shape)))


@builtin(method=True)
def ravel(e: Emitter, x: Operand, can_reorder: Operand = FALSE) -> Value:
    """Return the elements of `x`, row-major, in one dimension."""
    value = e.value(x)
    return e.reshape(value, (math.prod(value.type.shape),))


@builtin(method=True)
def trans(e: Emitter, input: Operand, *dims: Operand) -> Value:
    """`input` with its dimensions in order `dims`; the last two swapped when none are given."""
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
    """`input` with its dimensions in order `dims`."""
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
