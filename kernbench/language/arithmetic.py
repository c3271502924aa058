"""Element-wise operations on operands of any kind: who computes them, and in which type."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import cast

from kernbench.language.dtypes import dtype, float32, int1, int8, int16, int32, int64, round_to
from kernbench.language.emitter import Emitter, is_float, joint_shape, wrap
from kernbench.language.promotion import number_dtype, promote
from kernbench.language.values import (
    Const,
    Kind,
    Operand,
    Refusal,
    Type,
    Value,
    is_number,
)

Number = bool | int | float

COMPARISONS = ("eq", "ne", "lt", "le", "gt", "ge")
_INTEGER_ONLY = ("floordiv", "and", "or", "xor", "shl", "shr")
_SYMBOLS = {
    "add": "+",
    "sub": "-",
    "mul": "*",
    "div": "/",
    "floordiv": "//",
    "mod": "%",
    "pow": "**",
    "and": "&",
    "or": "|",
    "xor": "^",
    "shl": "<<",
    "shr": ">>",
    "eq": "==",
    "ne": "!=",
    "lt": "<",
    "le": "<=",
    "gt": ">",
    "ge": ">=",
}
_PYTHON: dict[str, Callable[[Number, Number], Number]] = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "div": operator.truediv,
    "floordiv": operator.floordiv,
    "mod": operator.mod,
    "pow": operator.pow,
    "and": operator.and_,
    "or": operator.or_,
    "xor": operator.xor,
    "shl": operator.lshift,
    "shr": operator.rshift,
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
}


def elementwise(e: Emitter, op: str, operands: list[Value], result: dtype) -> Value:
    """Write `op` on values that have the types it wants, wherever it can be computed earliest.

    Scalars alone: PE_CPU at once.  Integers and truths of scalars and blocks: an index block.
    Whatever has a tile, or floats in a block: MATH.
    """
    operands = settle_together(e, operands)
    shape = joint_shape(*(value.type.shape for value in operands))
    kinds = {value.type.kind for value in operands}
    if kinds == {Kind.SCALAR}:
        return e.emit("scalar", Type(Kind.SCALAR, result), *operands, sub=op)
    operands = [e.align(value, len(shape)) for value in operands]
    floats = result.is_floating() or any(is_float(value.type) for value in operands)
    if Kind.TILE in kinds or floats:
        return e.emit("math", Type(Kind.TILE, result, shape), *operands, sub=op)
    return e.emit("block", Type(Kind.BLOCK, result, shape), *operands, sub=op)


def settle_together(e: Emitter, operands: list[Value]) -> list[Value]:
    """Materialise 0-d integer tiles that meet what PE_CPU knows, unless a true tile is there."""
    tiles = [v for v in operands if v.type.kind is Kind.TILE]
    if len(tiles) == len(operands) or any(v.type.rank or is_float(v.type) for v in tiles):
        return operands
    return [e.settle(value) for value in operands]


def binary(e: Emitter, op: str, a: Operand, b: Operand) -> Operand:
    """Return ``a op b``, with Triton's promotion; numbers alone are computed at compile time."""
    folded = fold(op, a, b)
    if folded is not None:
        return folded
    for operand in (a, b):
        if isinstance(operand, Value) and operand.type.is_pointer:
            return _pointer_arithmetic(e, op, a, b)
    if op in COMPARISONS:
        a, b = _typed(a), _typed(b)
    left, right, type_ = promoted(
        e, a, b, division=op in ("div", "floordiv", "mod"), symbol=_SYMBOLS[op]
    )
    if op == "shr" and isinstance(a, Value) and a.type.element.is_int_signed():
        return _arithmetic_shift(e, left, right, type_)
    if op in _INTEGER_ONLY and not type_.is_int():
        raise Refusal(f"{_SYMBOLS[op]} expects integers, got {type_}")
    if op == "div" and type_.is_int():
        left, right, type_ = e.cast(left, float32), e.cast(right, float32), float32
    if op == "pow" and not type_.is_floating():
        raise Refusal(f"** expects floats, got {type_}; cast with .to(tl.float32)")
    return elementwise(e, op, [left, right], int1 if op in COMPARISONS else type_)


def _typed(operand: Operand) -> Operand:
    """Give a bare number its own type: comparisons promote by it, so int8 may be < 300."""
    if isinstance(operand, Const) and operand.dtype is None and is_number(operand):
        return Const(operand.value, number_dtype(cast(Number, operand.value)))
    return operand


def _rounded(number: Const) -> Number:
    """Return the value of a number in the type that it has, if it has one."""
    value = cast(Number, number.value)
    if isinstance(value, float) and number.dtype is not None and number.dtype.is_floating():
        return round_to(value, number.dtype)
    return value


def _arithmetic_shift(e: Emitter, left: Value, right: Value, type_: dtype) -> Value:
    """Shift copies of the sign in: the left operand is signed, even if the result is not."""
    if not type_.is_int():
        raise Refusal(f">> expects integers, got {type_}")
    signed = {1: type_, 8: int8, 16: int16, 32: int32, 64: int64}[type_.primitive_bitwidth]
    shifted = elementwise(e, "shr", [e.cast(left, signed), e.cast(right, signed)], signed)
    return e.cast(shifted, type_)


def promoted(
    e: Emitter, a: Operand, b: Operand, *, division: bool = False, symbol: str = ""
) -> tuple[Value, Value, dtype]:
    """Both operands, in the type in which they meet."""
    weak = [isinstance(operand, Const) and operand.dtype is None for operand in (a, b)]
    settled = settle_together(e, [e.value(a), e.value(b)])
    types = [value.type.element for value in settled]
    type_ = promote(types[0], types[1], a_weak=weak[0], b_weak=weak[1], division=division)
    for operand, is_weak in zip((a, b), weak, strict=True):
        if is_weak:
            _check_number(cast(Const, operand), type_, symbol)
    left, right = (
        e.constant(_rounded(operand), type_) if isinstance(operand, Const) else e.cast(value, type_)
        for operand, value in zip((a, b), settled, strict=True)
    )
    return left, right, type_


def _check_number(number: Const, type_: dtype, symbol: str) -> None:
    value = cast(Number, number.value)
    if not type_.is_int() or isinstance(value, float):
        return
    low, high = type_.get_int_min_value(), type_.get_int_max_value()
    if not low <= value <= high:
        raise Refusal(
            f"{symbol or 'the operation'} takes place in {type_}, which does not hold {value}; "
            "cast the tensor to a wider type"
        )


def _pointer_arithmetic(e: Emitter, op: str, a: Operand, b: Operand) -> Value:
    pointer, index = e.value(a), e.value(b)
    if op == "add" and not pointer.type.is_pointer:
        pointer, index = index, pointer
    if op in COMPARISONS and pointer.type.is_pointer and index.type.is_pointer:
        return elementwise(e, op, [e.cast(pointer, int64), e.cast(index, int64)], int1)
    if op not in ("add", "sub") or index.type.is_pointer or not pointer.type.is_pointer:
        raise Refusal(f"{_SYMBOLS[op]} is not defined between {pointer} and {index}")
    if not index.type.element.is_int():
        raise Refusal(
            f"expected integers to move a pointer by, got a {index}; cast with .to(tl.int32), or "
            "divide with //"
        )
    index = e.materialise(index)
    if index.type.dtype == int1:
        index = e.cast(index, int32)
    if op == "sub":
        index = elementwise(e, "neg", [index], index.type.element)
    shape = joint_shape(pointer.type.shape, index.type.shape)
    if not shape:
        return e.emit("ptradd", pointer.type, pointer, index)
    pointer, index = e.align(pointer, len(shape)), e.align(index, len(shape))
    return e.emit("block_ptradd", Type(Kind.BLOCK, pointer.type.dtype, shape), pointer, index)


def fold(op: str, a: Operand, b: Operand) -> Const | None:
    """Return the result where both operands are compile-time objects, else None."""
    if not isinstance(a, Const) or not isinstance(b, Const):
        return None
    if not is_number(a) or not is_number(b):
        return _fold_objects(op, a, b)
    x, y = cast(Number, a.value), cast(Number, b.value)
    typed = a.dtype is not None or b.dtype is not None
    if typed and (isinstance(x, float) or isinstance(y, float) or op in ("div", "pow")):
        return None
    try:
        if typed and op in ("floordiv", "mod") and (x < 0) != (y < 0):
            quotient = -(-x // y) if y else 0
            result: Number = quotient if op == "floordiv" else x - y * quotient
        else:
            result = _PYTHON[op](x, y)
    except ZeroDivisionError as error:
        raise Refusal(f"{x} {_SYMBOLS[op]} {y}: division by zero") from error
    except (TypeError, ValueError, OverflowError) as error:
        raise Refusal(f"{x} {_SYMBOLS[op]} {y}: {error}") from error
    if not typed or op in COMPARISONS:
        return Const(result)
    type_ = promote(
        a.dtype or number_dtype(x),
        b.dtype or number_dtype(y),
        a_weak=a.dtype is None,
        b_weak=b.dtype is None,
    )
    return Const(wrap(cast(int, result), type_), type_)


def _fold_objects(op: str, a: Const, b: Const) -> Const:
    if op in ("eq", "ne"):
        return Const((a.value == b.value) == (op == "eq"))
    if isinstance(a.value, str) and isinstance(b.value, str) and op == "add":
        return Const(a.value + b.value)
    raise Refusal(f"{_SYMBOLS[op]} is not defined between {a} and {b}")


def negative(e: Emitter, a: Operand) -> Operand:
    """Return ``-a``."""
    if isinstance(a, Const) and is_number(a):
        number = -cast(Number, a.value)
        return Const(
            number
            if a.dtype is None or a.dtype.is_floating()
            else wrap(cast(int, number), a.dtype),
            a.dtype,
        )
    value = e.value(a)
    if value.type.element is int1:
        raise Refusal("- is not defined for truths (int1); use ~ or cast with .to(tl.int32)")
    return elementwise(e, "neg", [value], value.type.element)


def invert(e: Emitter, a: Operand) -> Operand:
    """Return ``~a``."""
    if isinstance(a, Const) and is_number(a) and not isinstance(a.value, float):
        number = (
            (not a.value)
            if isinstance(a.value, bool) and a.dtype is not None
            else ~cast(int, a.value)
        )
        return Const(number, a.dtype)
    value = e.value(a)
    if not value.type.element.is_int():
        raise Refusal(f"~ expects integers or truths, got {value.type.dtype}")
    return elementwise(e, "not", [value], value.type.element)


def truth(e: Emitter, a: Operand) -> Value:
    """Element-wise ``a != 0``, as ``int1``."""
    value = e.value(a)
    if value.type.dtype == int1:
        return value
    return elementwise(e, "ne", [value, e.constant(0, value.type.element)], int1)


def logical_not(e: Emitter, a: Operand) -> Operand:
    """``not a``."""
    if isinstance(a, Value):
        return elementwise(e, "not", [truth(e, a)], int1)
    return Const(not getattr(a, "value", getattr(a, "items", None)))


def where(e: Emitter, condition: Operand, x: Operand, y: Operand) -> Value:
    """`x` where the condition holds, else `y`."""
    test = truth(e, condition)
    values = [e.value(x), e.value(y)]
    if values[0].type.is_pointer or values[1].type.is_pointer:
        if values[0].type.dtype != values[1].type.dtype:
            raise Refusal(f"expected two pointers of one type, got {values[0]} and {values[1]}")
        values = [e.materialise(value) for value in (test, *values)]
        shape = joint_shape(*(value.type.shape for value in values))
        op, kind = ("block", Kind.BLOCK) if shape else ("scalar", Kind.SCALAR)
        values = [e.align(value, len(shape)) for value in values]
        return e.emit(op, Type(kind, values[1].type.dtype, shape), *values, sub="where")
    left, right, type_ = promoted(e, x, y)
    return elementwise(e, "where", [test, left, right], type_)


def extremum(e: Emitter, op: str, a: Operand, b: Operand) -> Value:
    """``minimum`` and ``maximum``: numbers count with their own type, bf16 in fp32."""
    left, right, type_ = promoted(e, *(widen(e, operand) for operand in (a, b)))
    return elementwise(e, op, [left, right], type_)


def widen(e: Emitter, operand: Operand) -> Value:
    """Return the operand in a register; bf16 becomes fp32."""
    value = e.value(operand)
    return e.cast(value, float32) if value.type.element.is_bf16() else value


def special(e: Emitter, op: str, a: Operand) -> Value:
    """Return a mathematical function of fp32 or fp64, which Triton does not define for less."""
    value = e.value(a)
    if not (value.type.element.is_fp32() or value.type.element.is_fp64()):
        raise Refusal(
            f"tl.{op} expects fp32 or fp64, got {value.type.dtype}; cast with .to(tl.float32)"
        )
    return elementwise(e, op, [value], value.type.element)


def absolute(e: Emitter, a: Operand) -> Operand:
    """``abs(a)``."""
    if isinstance(a, Const) and is_number(a):
        return Const(abs(cast(Number, a.value)), a.dtype)
    value = e.value(a)
    if value.type.element.is_int_unsigned():
        return value
    return elementwise(e, "abs", [value], value.type.element)
