"""Derivatives of element-wise operations.

Gradients that a broadcast made too large are added up by the engine, so no rule here cares.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from kernbench.autograd.recording import rule
from kernbench.runtime.dispatch import call
from kernbench.runtime.tensor import Tensor

__all__: list[str] = []


def same(grad: Any) -> Any:
    """Hand the gradient on."""
    return grad


@rule("empty_like", "zeros_like", "ones_like", "full_like", "unique", "unique_consecutive")
@rule("as_tensor", "histc", "Tensor", "tensor")
def nothing(save: Any, result: Any, *operands: Any, **names: Any) -> None:
    """Say that these depend on no values, or not smoothly."""


@rule("add")
def add(save: Any, result: Any, self: Any, other: Any, *, alpha: Any = 1, **names: Any) -> Any:
    return same, same if alpha == 1 else lambda g: g * alpha


@rule("sub")
def sub(save: Any, result: Any, self: Any, other: Any, *, alpha: Any = 1, **names: Any) -> Any:
    return same, lambda g: g * -alpha


@rule("mul", old_values="other")
def mul(save: Any, result: Any, self: Any, other: Any) -> Any:
    x, y = save(self), save(other)
    return lambda g: g * y(), lambda g: g * x()


@rule("true_div", "div", old_values="other")
def true_div(save: Any, result: Any, self: Any, other: Any, *, rounding_mode: Any = None) -> Any:
    if rounding_mode is not None:
        return flat(save, result, self, other)
    x, y = save(self), save(other)
    return lambda g: g / y(), lambda g: -g * x() / (y() * y())


@rule("pow", old_values="self")
def pow_(save: Any, result: Any, self: Any, exponent: Any) -> Any:
    x, r = save(self), save(result)
    n: Callable[[], Any] = save(exponent)
    one_power = not isinstance(exponent, Tensor)

    def base(g: Any) -> Any:
        power = n()
        if one_power:
            return call("zeros_like", g) if power == 0 else g * (x() ** (power - 1)) * power
        return call("where", power == 0, 0.0, g * (power * x() ** (power - 1)))

    def power(g: Any) -> Any:
        given = x()
        log = call("log", given) if isinstance(given, Tensor) else math.log(given)
        if not isinstance(given, Tensor):
            return g * r() * log
        return g * call("where", call("eq", given, 0) & (n() >= 0), 0.0, r() * log)

    return base, power


def _unary(name: str, derivative: Any, of_result: bool = False) -> None:
    """Enter ``g * derivative(x)``, or of the result."""

    def one(save: Any, result: Any, self: Any, **names: Any) -> Any:
        x = save(result if of_result else self)
        return (lambda g: derivative(g, x()),)

    rule(name, old_values="" if of_result else "self")(one)


_SQRT_PI = math.sqrt(math.pi)
for _name, _derivative in {
    "neg": lambda g, x: -g,
    "abs": lambda g, x: g * call("sgn", x),
    "square": lambda g, x: g * x * 2,
    "log": lambda g, x: g / x,
    "log2": lambda g, x: g / (x * math.log(2)),
    "log10": lambda g, x: g / (x * math.log(10)),
    "log1p": lambda g, x: g / (x + 1),
    "sin": lambda g, x: g * call("cos", x),
    "cos": lambda g, x: -g * call("sin", x),
    "asin": lambda g, x: g * call("rsqrt", 1 - x * x),
    "acos": lambda g, x: -g * call("rsqrt", 1 - x * x),
    "atan": lambda g, x: g / (x * x + 1),
    "sinh": lambda g, x: g * call("cosh", x),
    "cosh": lambda g, x: g * call("sinh", x),
    "asinh": lambda g, x: g * call("rsqrt", x * x + 1),
    "acosh": lambda g, x: g * call("rsqrt", x * x - 1),
    "atanh": lambda g, x: g / (1 - x * x),
    "erf": lambda g, x: g * (2 / _SQRT_PI) * call("exp", -(x * x)),
    "erfc": lambda g, x: g * (-2 / _SQRT_PI) * call("exp", -(x * x)),
    "deg2rad": lambda g, x: g * (math.pi / 180),
    "rad2deg": lambda g, x: g * (180 / math.pi),
    "frac": lambda g, x: g,
    "positive": lambda g, x: g,
}.items():
    _unary(_name, _derivative)
for _name, _derivative in {
    "exp": lambda g, r: g * r,
    "exp2": lambda g, r: g * r * math.log(2),
    "expm1": lambda g, r: g * (r + 1),
    "sqrt": lambda g, r: g / (r * 2),
    "rsqrt": lambda g, r: g * -0.5 * (r * r * r),
    "reciprocal": lambda g, r: -g * r * r,
    "tan": lambda g, r: g * (r * r + 1),
    "tanh": lambda g, r: g * (1 - r * r),
    "sigmoid": lambda g, r: g * (1 - r) * r,
    "relu": lambda g, r: g * (r > 0),
}.items():
    _unary(_name, _derivative, of_result=True)


@rule("floor", "ceil", "trunc", "round", "sign", "heaviside", "div_trunc", "floor_divide")
def flat(save: Any, result: Any, *operands: Any, **names: Any) -> Any:
    return [lambda g: call("zeros_like", g)] * len(operands)


@rule("remainder", old_values="other")
def remainder(save: Any, result: Any, self: Any, other: Any) -> Any:
    x, y = save(self), save(other)
    return same, lambda g: -g * call("floor", x() / y())


@rule("fmod", old_values="other")
def fmod(save: Any, result: Any, self: Any, other: Any) -> Any:
    x, y = save(self), save(other)
    return same, lambda g: -g * call("trunc", x() / y())


@rule("maximum", "fmax", old_values="self")
def maximum(save: Any, result: Any, self: Any, other: Any) -> Any:
    return _choice(save(self), save(other), "gt")


@rule("minimum", "fmin", old_values="self")
def minimum(save: Any, result: Any, self: Any, other: Any) -> Any:
    return _choice(save(self), save(other), "lt")


def _choice(x: Any, y: Any, wins: str) -> Any:
    """Give the winner the gradient, and each half of it where both are equal."""

    def share(a: Any, b: Any, g: Any) -> Any:
        half = call("where", a == b, g * 0.5, 0.0)
        return call("where", call(wins, a, b), g, half)

    return lambda g: share(x(), y(), g), lambda g: share(y(), x(), g)


@rule("where")
def where(save: Any, result: Any, condition: Any, self: Any = None, other: Any = None) -> Any:
    c = save(condition)
    return (
        None,
        lambda g: call("where", c(), g, 0.0),
        lambda g: call("where", c(), 0.0, g),
    )


@rule("clamp", old_values="self")
def clamp(save: Any, result: Any, self: Any, min: Any = None, max: Any = None) -> Any:
    return _clamp(save, self, min, max)


@rule("clamp_min", old_values="self")
def clamp_min(save: Any, result: Any, self: Any, min: Any) -> Any:
    return _clamp(save, self, min, None)[:2]


@rule("clamp_max", old_values="self")
def clamp_max(save: Any, result: Any, self: Any, max: Any) -> Any:
    return _clamp(save, self, None, max)[::2]


def _clamp(save: Any, self: Any, min: Any, max: Any) -> tuple[Any, Any, Any]:
    x, low, high = save(self), save(min), save(max)

    def inside(g: Any) -> Any:
        held = x()
        if low() is not None:
            g = call("where", held >= low(), g, 0.0)
        if high() is not None:
            g = call("where", held <= high(), g, 0.0)
        return g

    def at_low(g: Any) -> Any:
        below = x() < low()
        return call("where", below if high() is None else below & (low() < high()), g, 0.0)

    def at_high(g: Any) -> Any:
        above = x() > high()
        return call("where", above if low() is None else above | (low() >= high()), g, 0.0)

    return inside, at_low, at_high


@rule("lerp", old_values="other")
def lerp(save: Any, result: Any, self: Any, end: Any, weight: Any) -> Any:
    x, y, w = save(self), save(end), save(weight)
    return (
        lambda g: g * (1 - w()),
        lambda g: g * w(),
        lambda g: g * (y() - x()),
    )


@rule("addcmul")
def addcmul(save: Any, result: Any, self: Any, a: Any, b: Any, *, value: Any = 1, **n: Any) -> Any:
    x, y = save(a), save(b)
    return same, lambda g: g * y() * value, lambda g: g * x() * value


@rule("addcdiv")
def addcdiv(save: Any, result: Any, self: Any, a: Any, b: Any, *, value: Any = 1, **n: Any) -> Any:
    x, y = save(a), save(b)
    return same, lambda g: g * value / y(), lambda g: -g * x() * value / (y() * y())


@rule("atan2", old_values="self")
def atan2(save: Any, result: Any, self: Any, other: Any) -> Any:
    y, x = save(self), save(other)
    return (
        lambda g: g * x() / (x() * x() + y() * y()),
        lambda g: -g * y() / (x() * x() + y() * y()),
    )


@rule("hypot", old_values="self")
def hypot(save: Any, result: Any, self: Any, other: Any) -> Any:
    x, y, r = save(self), save(other), save(result)
    return lambda g: g * (x() / r()), lambda g: g * (y() / r())


@rule("logaddexp", old_values="self")
def logaddexp(save: Any, result: Any, self: Any, other: Any) -> Any:
    x, y, r = save(self), save(other), save(result)
    return lambda g: g * call("exp", x() - r()), lambda g: g * call("exp", y() - r())


@rule("xlogy", old_values="self")
def xlogy(save: Any, result: Any, self: Any, other: Any) -> Any:
    x, y = save(self), save(other)
    return (
        lambda g: g * call("where", x() == 0, 0.0, call("log", call("add", y(), 0.0))),
        lambda g: g * x() / y(),
    )


@rule("copysign", old_values="self")
def copysign(save: Any, result: Any, self: Any, other: Any) -> Any:
    x, r = save(self), save(result)
    return lambda g: g * call("sgn", x()) * call("sgn", r()), lambda g: call("zeros_like", g)


@rule("nan_to_num", old_values="self")
def nan_to_num(save: Any, result: Any, self: Any, *limits: Any, **names: Any) -> Any:
    x = save(self)
    return (lambda g: g * call("isfinite", x()),)


@rule("masked_fill")
def masked_fill(save: Any, result: Any, self: Any, mask: Any, value: Any) -> Any:
    m = save(mask)
    return (
        lambda g: call("where", m(), 0.0, g),
        None,
        lambda g: call("sum", call("where", m(), g, 0.0)),
    )
