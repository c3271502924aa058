"""``tl`` functions of values, element by element."""

from __future__ import annotations

import enum

from kernbench.language import arithmetic
from kernbench.language.arithmetic import elementwise, extremum, promoted, special
from kernbench.language.builtin import Builtin, builtin
from kernbench.language.emitter import Emitter
from kernbench.language.values import Operand, Refusal, Value


def _special(name: str, text: str) -> Builtin:
    def function(e: Emitter, x: Operand) -> Value:
        return special(e, name, x)

    function.__doc__ = f"{text}; of fp32 or fp64."
    return builtin(name, method=True)(function)


exp = _special("exp", "e to the power of `x`")
exp2 = _special("exp2", "2 to the power of `x`")
log = _special("log", "The natural logarithm of `x`")
log2 = _special("log2", "The logarithm of `x` to base 2")
sin = _special("sin", "The sine of `x`, in radians")
cos = _special("cos", "The cosine of `x`, in radians")
tanh = _special("tanh", "The hyperbolic tangent of `x`")
erf = _special("erf", "The error function of `x`")
sqrt = _special("sqrt", "The square root of `x`")
rsqrt = _special("rsqrt", "One over the square root of `x`")
floor = _special("floor", "The greatest whole number that is at most `x`")
ceil = _special("ceil", "The least whole number that is at least `x`")
sigmoid = _special("sigmoid", "``1 / (1 + exp(-x))``")


@builtin("sqrt_rn", method=True)
def sqrt_rn(e: Emitter, x: Operand) -> Value:
    """Return the square root of `x`, rounded to nearest; ``sqrt`` is too, on this machine."""
    return special(e, "sqrt", x)


@builtin("abs", method=True)
def abs_(e: Emitter, x: Operand) -> Operand:
    """Return the magnitude of `x`, of any number type."""
    return arithmetic.absolute(e, x)


@builtin(method=True)
def where(e: Emitter, condition: Operand, x: Operand, y: Operand) -> Value:
    """`x` where `condition` holds, `y` elsewhere; both are computed."""
    return arithmetic.where(e, condition, x, y)


class PropagateNan(enum.IntEnum):
    """What ``maximum`` and ``minimum`` make of a number and a NaN: NONE, the number."""

    NONE = 0
    ALL = 0xFFFF


def _refuse_nan_propagation(propagate_nan: Operand | None) -> None:
    if propagate_nan is not None and "ALL" in str(propagate_nan):
        raise Refusal("propagate_nan=ALL is not supported; only NONE is")


@builtin()
def maximum(e: Emitter, x: Operand, y: Operand, propagate_nan: Operand | None = None) -> Operand:
    """Return the greater of `x` and `y`, element by element; of a number and a NaN, the number."""
    _refuse_nan_propagation(propagate_nan)
    return extremum(e, "max", x, y)


@builtin()
def minimum(e: Emitter, x: Operand, y: Operand, propagate_nan: Operand | None = None) -> Operand:
    """Return the smaller of `x` and `y`, element by element; of a number and a NaN, the number."""
    _refuse_nan_propagation(propagate_nan)
    return extremum(e, "min", x, y)


@builtin()
def clamp(
    e: Emitter, x: Operand, min: Operand, max: Operand, propagate_nan: Operand | None = None
) -> Value:
    """`x`, raised to `min` and lowered to `max`; of floats."""
    _refuse_nan_propagation(propagate_nan)
    value = extremum(e, "min", extremum(e, "max", x, min), max)
    if not value.type.element.is_floating():
        raise Refusal(f"tl.clamp expects floats, got {value.type.dtype}")
    return value


@builtin()
def fma(e: Emitter, x: Operand, y: Operand, z: Operand) -> Value:
    """``x * y + z``, rounded once."""
    left, right, _ = promoted(e, x, y)
    addend, product, type_ = promoted(e, z, left)
    if not type_.is_floating():
        raise Refusal(f"tl.fma expects floats, got {type_}")
    return elementwise(e, "fma", [product, e.cast(right, type_), addend], type_)


@builtin()
def fdiv(e: Emitter, x: Operand, y: Operand, ieee_rounding: Operand | None = None) -> Operand:
    """``x / y`` of floats; always rounded as IEEE says."""
    left, right, type_ = promoted(e, x, y)
    if not type_.is_floating():
        raise Refusal(f"tl.fdiv expects floats, got {type_}")
    return elementwise(e, "div", [left, right], type_)


@builtin("div_rn")
def div_rn(e: Emitter, x: Operand, y: Operand) -> Operand:
    """``x / y`` of floats, rounded to nearest."""
    return fdiv.compile(e, [x, y], {})


@builtin("pow", method=True)
def pow_(e: Emitter, x: Operand, y: Operand) -> Operand:
    """`x` to the power of `y`; of floats."""
    return arithmetic.binary(e, "pow", x, y)


@builtin("add")
def add(e: Emitter, x: Operand, y: Operand) -> Operand:
    """``x + y``."""
    return arithmetic.binary(e, "add", x, y)


@builtin("sub")
def sub(e: Emitter, x: Operand, y: Operand) -> Operand:
    """``x - y``."""
    return arithmetic.binary(e, "sub", x, y)


@builtin("mul")
def mul(e: Emitter, x: Operand, y: Operand) -> Operand:
    """``x * y``."""
    return arithmetic.binary(e, "mul", x, y)


@builtin(method=True)
def logical_and(e: Emitter, x: Operand, y: Operand) -> Operand:
    """Whether both are true, element by element."""
    return arithmetic.binary(e, "and", arithmetic.truth(e, x), arithmetic.truth(e, y))


@builtin(method=True)
def logical_or(e: Emitter, x: Operand, y: Operand) -> Operand:
    """Whether one of both is true, element by element."""
    return arithmetic.binary(e, "or", arithmetic.truth(e, x), arithmetic.truth(e, y))


@builtin(method=True)
def isnan(e: Emitter, x: Operand) -> Operand:
    """Whether `x` is not a number."""
    value = e.value(x)
    return arithmetic.binary(e, "ne", value, value)
