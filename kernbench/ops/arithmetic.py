"""Arithmetic with arguments or rules of its own: ``add`` with alpha, ``div``, ``pow`` ..."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from kernbench.ops import functions as fn
from kernbench.ops import special
from kernbench.ops.elementwise import BOOL, FP8, POINTWISE, alias, enter, whole
from kernbench.ops.pointwise import Pointwise, compute
from kernbench.ops.support import from_host, is_number, values
from kernbench.runtime.dispatch import call, register
from kernbench.runtime.dtypes import DTYPES
from kernbench.runtime.promotion import number_dtype, promote_types, result_type
from kernbench.runtime.tensor import Tensor

__all__: list[str] = []


_ADD = Pointwise("add", np.add, fn.add, "same", None, fn.bitwise_or, frozenset(), "add_stub")
_SUB = Pointwise("sub", np.subtract, fn.sub)
_ADD_SCALED = Pointwise("add", lambda x, y, a: x + a * y, fn.add_scaled)


def _check_alpha(alpha: Any, operands: Sequence[Any]) -> None:
    kind = result_type(operands)
    if isinstance(alpha, bool) and kind.name != "bool":
        raise RuntimeError("Boolean alpha only supported for Boolean results.")
    if isinstance(alpha, float) and kind.is_integral:
        raise RuntimeError(
            "For integral input tensors, argument alpha must not be a floating point number."
        )


@register("add")
def add(self: Any, other: Any, *, alpha: Any = 1, out: Tensor | None = None) -> Tensor:
    """``self + alpha * other``."""
    if alpha == 1 and not isinstance(alpha, bool):
        return compute(_ADD, (self, other), out)
    _check_alpha(alpha, (self, other))
    return compute(_ADD_SCALED, (self, other, alpha), out)


@register("sub")
def sub(self: Any, other: Any, *, alpha: Any = 1, out: Tensor | None = None) -> Tensor:
    """``self - alpha * other``."""
    kinds = [
        each._dtype.name if isinstance(each, Tensor) else number_dtype(each).name
        for each in (self, other)
    ]
    if kinds == ["bool", "bool"]:
        raise RuntimeError(
            "Subtraction, the `-` operator, with two bool tensors is not supported. Use the `^` or "
            "`logical_xor()` operator instead."
        )
    if "bool" in kinds:
        raise RuntimeError(
            "Subtraction, the `-` operator, with a bool tensor is not supported. If you are trying "
            "to invert a mask, use the `~` or `logical_not()` operator instead."
        )
    if alpha == 1:
        return compute(_SUB, (self, other), out)
    _check_alpha(alpha, (self, other))
    return compute(_ADD_SCALED, (self, other, -alpha), out)


@register("add_", "inplace")
def add_(self: Tensor, other: Any, *, alpha: Any = 1) -> Tensor:
    """``self += alpha * other``."""
    return add(self, other, alpha=alpha, out=self)


@register("sub_", "inplace")
def sub_(self: Tensor, other: Any, *, alpha: Any = 1) -> Tensor:
    """``self -= alpha * other``."""
    return sub(self, other, alpha=alpha, out=self)


alias("subtract", "sub")


enter(Pointwise("abs", np.abs, fn.absolute, "real"), ("absolute",))
_NEG = Pointwise("neg", np.negative, fn.neg)


def _check_negation(self: Tensor) -> None:
    if self._dtype.name == "bool":
        raise RuntimeError(
            "Negation, the `-` operator, on a bool tensor is not supported. If you are trying to "
            "invert a mask, use the `~` or `logical_not()` operator instead."
        )


@register("neg")
def neg(self: Tensor, *, out: Tensor | None = None) -> Tensor:
    """``-self``."""
    _check_negation(self)
    return compute(_NEG, (self,), out)


@register("neg_", "inplace")
def neg_(self: Tensor) -> Tensor:
    """``self = -self``, in place."""
    _check_negation(self)
    return compute(_NEG, (self,), self)


alias("negative", "neg")


@register("positive", "composite")
def positive(self: Tensor) -> Tensor:
    """``+self``: the tensor itself."""
    if self._dtype.name == "bool":
        raise RuntimeError("The `+` operator, on a bool tensor is not supported.")
    return self


@register("invert", "composite")
def invert(self: Tensor) -> Any:
    """``~self``."""
    if not self._dtype.is_integral:
        raise TypeError(
            "~ (operator.invert) is only implemented on integer and Boolean-type tensors"
        )
    return call("bitwise_not", self)


@register("rdiv", "composite")
def rdiv(self: Tensor, other: Any) -> Any:
    """``other / self``, as torch has it for numbers: by way of the reciprocal."""
    return call("mul", call("reciprocal", self), other)


@register("rsub", "composite")
def rsub(self: Any, other: Any, *, alpha: Any = 1) -> Any:
    """``other - alpha * self``."""
    return call("sub", other, self, alpha=alpha)


@register("div", "composite")
def div(self: Any, other: Any, *, rounding_mode: str | None = None, out: Any = None) -> Any:
    """``self / other``, rounded as told."""
    names = {None: "true_div", "floor": "floor_divide", "trunc": "div_trunc"}
    if rounding_mode not in names:
        raise RuntimeError(
            "div expected rounding_mode to be one of None, 'trunc', or 'floor' but found "
            f"'{rounding_mode}'"
        )
    _check_zero(names[rounding_mode], self, other)
    return call(names[rounding_mode], self, other, out=out)


@register("div_", "inplace")
def div_(self: Tensor, other: Any, *, rounding_mode: str | None = None) -> Any:
    """``self /= other``."""
    names = {None: "true_div", "floor": "floor_divide", "trunc": "div_trunc"}
    return call(names[rounding_mode] + "_", self, other)


alias("divide", "div")
alias("true_divide", "true_div")


def _check_zero(name: str, self: Any, other: Any) -> None:
    if name == "true_div" or result_type((self, other)).is_floating_point:
        return
    on_host = not any(isinstance(each, Tensor) and each.is_cuda for each in (self, other))
    if on_host and (values(other, result_type((self, other))) == 0).any():
        raise RuntimeError("ZeroDivisionError")


for _name in ("floor_divide", "remainder", "fmod"):

    def _guarded(name: str) -> None:
        from kernbench.runtime.dispatch import TABLE, Op

        for end in ("", "_"):
            op = TABLE[name + end]

            def guarded(self: Any, other: Any, function: Any = op.function, **kwargs: Any) -> Any:
                _check_zero(name, self, other)
                return function(self, other, **kwargs)

            guarded.__doc__ = op.function.__doc__
            guarded.__name__ = guarded.__qualname__ = op.name
            TABLE[name + end] = Op(op.name, guarded, op.kind)

    _guarded(_name)


def _power(x: Any, y: Any) -> Any:
    if x.dtype.kind not in "iu":
        return np.power(x, y)
    if x.dtype.kind == "u" or not (y < 0).any():
        return np.power(x, np.maximum(y, 0) if x.dtype.kind == "i" else y)
    base = np.where(x == 1, 1, np.where(x == -1, np.where(y % 2 == 0, 1, -1), 0))
    return np.where(y < 0, base, np.power(x, np.maximum(y, 0))).astype(x.dtype)


_POW = Pointwise("pow", _power, fn.power, "same", None, None, BOOL | FP8)


@register("pow")
def pow_(self: Any, exponent: Any, *, out: Tensor | None = None) -> Tensor:
    """``self ** exponent``."""
    if is_number(exponent) and isinstance(self, Tensor):
        if self._dtype.is_integral and isinstance(exponent, int) and exponent < 0:
            raise RuntimeError("Integers to negative integer powers are not allowed.")
        if not self._dtype.is_integral or isinstance(exponent, int):
            if exponent == 2:
                return compute(POINTWISE["square"], (self,), out)
            if exponent == 0.5:
                return compute(POINTWISE["sqrt"], (self,), out)
            if exponent == 1:
                copied: Tensor = call("clone", self)
                return copied if out is None else call("copy_", out, copied)
            if exponent == 3:
                return compute(_CUBE, (self,), out)
    if (isinstance(self, Tensor) and self.is_cuda) or (
        isinstance(exponent, Tensor) and exponent.is_cuda
    ):
        kind = result_type((self, exponent))
        if kind.is_integral:
            from kernbench.ops.support import staged

            found = staged(pow_, self, exponent)
            return found if out is None else call("copy_", out, found)  # type: ignore[no-any-return]
    return compute(_POW, (self, exponent), out)


@register("pow_", "inplace")
def pow__(self: Tensor, exponent: Any) -> Tensor:
    """``self **= exponent``."""
    return pow_(self, exponent, out=self)


@register("float_power", "composite")
def float_power(self: Any, exponent: Any) -> Any:
    """``self ** exponent`` in double precision."""
    return call("pow", call("to", self, DTYPES[14]), exponent)


_CUBE = Pointwise("pow", lambda x: x * x * x, fn.cube)
_CLAMP = Pointwise("clamp", lambda x, a, b: np.minimum(np.maximum(x, a), b), fn.clamp)
_LERP = Pointwise(
    "lerp",
    lambda x, y, w: np.where(np.abs(w) < 0.5, x + w * (y - x), y - (y - x) * (1 - w)),
    fn.lerp,
)
_ADDCMUL = Pointwise("addcmul", lambda x, y, z: x + y * z, fn.mul_add)
_ADDCDIV = Pointwise("addcdiv", lambda x, y, z: x + y / z, fn.div_add)


@register("where")
def where(condition: Any, self: Any = None, other: Any = None, *, out: Any = None) -> Any:
    """Elements of `self` where the condition holds, else of `other`."""
    if self is None and other is None:
        return call("nonzero", condition, as_tuple=True)
    if not isinstance(condition, Tensor):
        raise TypeError(
            "where(): argument 'condition' (position 1) must be Tensor, not "
            f"{type(condition).__name__}"
        )
    if condition._dtype.name not in ("bool", "uint8"):
        raise RuntimeError(
            f"where expected condition to be a boolean tensor, but got a tensor with dtype "
            f"{condition._dtype.label}"
        )
    return special.where(condition, self, other, out)


@register("clamp")
def clamp(self: Tensor, min: Any = None, max: Any = None, *, out: Tensor | None = None) -> Tensor:
    """Elements kept within bounds."""
    if min is None and max is None:
        raise RuntimeError("torch.clamp: At least one of 'min' or 'max' must not be None")
    if max is None:
        return compute(POINTWISE["maximum"], (self, min), out)
    if min is None:
        return compute(POINTWISE["minimum"], (self, max), out)
    return compute(_CLAMP, (self, min, max), out)


@register("clamp_", "inplace")
def clamp_(self: Tensor, min: Any = None, max: Any = None) -> Tensor:
    """Keep the elements within bounds."""
    return clamp(self, min, max, out=self)


alias("clip", "clamp")


@register("clamp_min", "composite")
def clamp_min(self: Tensor, min: Any) -> Any:
    """Elements, or the bound where they are below it."""
    return call("clamp", self, min)


@register("clamp_max", "composite")
def clamp_max(self: Tensor, max: Any) -> Any:
    """Elements, or the bound where they are above it."""
    return call("clamp", self, None, max)


@register("clamp_min_", "inplace")
def clamp_min_(self: Tensor, min: Any) -> Any:
    """Raise the elements to the bound."""
    return clamp(self, min, out=self)


@register("clamp_max_", "inplace")
def clamp_max_(self: Tensor, max: Any) -> Any:
    """Lower the elements to the bound."""
    return clamp(self, None, max, out=self)


@register("lerp")
def lerp(self: Tensor, end: Tensor, weight: Any, *, out: Tensor | None = None) -> Tensor:
    """``self + weight * (end - self)``."""
    if self._dtype is not end._dtype:
        raise RuntimeError(
            f"expected dtype {self._dtype.label.lower()} for `end` but got dtype "
            f"{end._dtype.label.lower()}"
        )
    return compute(_LERP, (self, end, weight), out)


@register("lerp_", "inplace")
def lerp_(self: Tensor, end: Tensor, weight: Any) -> Tensor:
    """``self += weight * (end - self)``."""
    return lerp(self, end, weight, out=self)


@register("addcmul")
def addcmul(
    self: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Any = 1, out: Any = None
) -> Tensor:
    """``self + value * tensor1 * tensor2``."""
    scaled = tensor1 if value == 1 else compute(POINTWISE["mul"], (tensor1, value))
    return compute(_ADDCMUL, (self, scaled, tensor2), out)


@register("addcdiv")
def addcdiv(
    self: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Any = 1, out: Any = None
) -> Tensor:
    """``self + value * tensor1 / tensor2``."""
    scaled = tensor1 if value == 1 else compute(POINTWISE["mul"], (tensor1, value))
    return compute(_ADDCDIV, (self, scaled, tensor2), out)


@register("addcmul_", "inplace")
def addcmul_(self: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Any = 1) -> Tensor:
    """``self += value * tensor1 * tensor2``."""
    return addcmul(self, tensor1, tensor2, value=value, out=self)


@register("addcdiv_", "inplace")
def addcdiv_(self: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Any = 1) -> Tensor:
    """``self += value * tensor1 / tensor2``."""
    return addcdiv(self, tensor1, tensor2, value=value, out=self)


_ROUND = Pointwise("round", whole(np.round), fn.round_even, "same", fn.move)


@register("round")
def round_(self: Tensor, *, decimals: int = 0, out: Tensor | None = None) -> Tensor:
    """Nearest whole numbers, halves to even; or to so many decimals."""
    if decimals == 0:
        return compute(_ROUND, (self,), out)
    if self._dtype.is_integral:
        raise RuntimeError(f"\"round_cpu\" not implemented for '{self._dtype.label}'")
    ten = float(10 ** abs(decimals))
    scaled = call("mul" if decimals > 0 else "true_div", self, ten)
    return call("true_div" if decimals > 0 else "mul", compute(_ROUND, (scaled,)), ten, out=out)  # type: ignore[no-any-return]


@register("round_", "inplace")
def round__(self: Tensor, *, decimals: int = 0) -> Tensor:
    """Round the elements."""
    return round_(self, decimals=decimals, out=self)


@register("nan_to_num")
def nan_to_num(self: Tensor, nan: Any = None, posinf: Any = None, neginf: Any = None) -> Tensor:
    """Elements, with numbers in place of NaN and infinities."""
    if self._dtype.is_integral:
        return call("clone", self)  # type: ignore[no-any-return]
    from kernbench.runtime.dtypes import finfo

    limits = finfo(self._dtype)
    top = limits.max if posinf is None else posinf
    low = limits.min if neginf is None else neginf
    found = call("where", call("isnan", self), 0.0 if nan is None else nan, self)
    found = call("where", call("isposinf", self), top, found)
    return call("where", call("isneginf", self), low, found)  # type: ignore[no-any-return]


@register("nan_to_num_", "inplace")
def nan_to_num_(self: Tensor, nan: Any = None, posinf: Any = None, neginf: Any = None) -> Any:
    """Put numbers in place of NaN and infinities."""
    return call("copy_", self, nan_to_num(self, nan, posinf, neginf))


@register("logit", "composite")
def logit(self: Tensor, eps: float | None = None) -> Any:
    """``log(x / (1 - x))``."""
    x = self if eps is None else call("clamp", self, eps, 1 - eps)
    return call("log", call("true_div", x, call("sub", 1, x)))


@register("sgn", "composite")
def sgn(self: Tensor) -> Any:
    """Sign."""
    return call("sign", self)


@register("sinc", "composite")
def sinc(self: Tensor) -> Any:
    """``sin(pi x) / (pi x)``."""
    x = call("mul", self, math.pi)
    return call("where", call("eq", self, 0), 1.0, call("true_div", call("sin", x), x))


@register("conj", "composite")
def conj(self: Tensor) -> Any:
    """Complex conjugates."""
    if not self._dtype.is_complex:
        return self
    return from_host(np.conj(self._values()), self._dtype)


@register("ldexp", "composite")
def ldexp(self: Tensor, other: Any) -> Any:
    """``self * 2**other``."""
    return call("mul", self, call("pow", 2.0, other))


@register("isreal", "composite")
def isreal(self: Tensor) -> Any:
    """Whether elements are real."""
    return call("eq", call("imag", self), 0) if self._dtype.is_complex else call("eq", self, self)


@register("result_type", "composite")
def result_type_(left: Any, right: Any) -> Any:
    """Return the type in which two operands meet."""
    return result_type((left, right))


@register("promote_types", "composite")
def promote_types_(type1: Any, type2: Any) -> Any:
    """Return the smallest type to which both convert."""
    return promote_types(type1, type2)
