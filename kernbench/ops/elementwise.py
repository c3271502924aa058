"""The element-wise operations: what each computes on the host and on the machine."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from kernbench.ops import functions as fn
from kernbench.ops import special
from kernbench.ops.pointwise import Pointwise, compute
from kernbench.ops.support import from_host, is_number, values
from kernbench.runtime.dispatch import call, register
from kernbench.runtime.dtypes import DTYPES
from kernbench.runtime.promotion import number_dtype, promote_types, result_type
from kernbench.runtime.tensor import Tensor

__all__ = ["POINTWISE"]

POINTWISE: dict[str, Pointwise] = {}
BOOL = frozenset({"bool"})
FLOATS = frozenset(each.name for each in DTYPES if each.is_floating_point)
FP8 = frozenset({"float8_e4m3fn", "float8_e5m2"})
COMPLEX = frozenset({"complex64", "complex128"})
INTEGERS = frozenset(each.name for each in DTYPES if each.is_integral and each.name != "bool")
ONLY_TENSORS = frozenset(
    [
        "maximum",
        "minimum",
        "fmax",
        "fmin",
        "logical_and",
        "logical_or",
        "logical_xor",
        "atan2",
        "hypot",
        "logaddexp",
        "nextafter",
        "heaviside",
    ]
)
UNSIGNED = frozenset({"uint16", "uint32", "uint64"})


def _enter(op: Pointwise, aliases: Sequence[str] = ()) -> None:
    """Register an operation and its in-place form, under all its names."""
    POINTWISE[op.name] = op

    only_tensors = op.name in ONLY_TENSORS

    def run(*operands: Any, out: Tensor | None = None, **names: Any) -> Tensor:
        operands = (*operands, *names.values())
        if only_tensors:
            _check_tensors(op.name, operands, 1)
        return compute(op, operands, out)

    def change(self: Tensor, *operands: Any, **names: Any) -> Tensor:
        operands = (*operands, *names.values())
        if only_tensors:
            _check_tensors(f"{op.name}_", operands, 0)
        return compute(op, (self, *operands), self)

    for function, end in ((run, ""), (change, "_")):
        function.__doc__ = f"Do ``torch.{op.name}{end}``, element by element."
    register(op.name)(run)
    register(f"{op.name}_", "inplace")(change)
    for alias in aliases:
        _alias(alias, op.name)


def _check_tensors(name: str, operands: Sequence[Any], before: int) -> None:
    """Refuse numbers where torch does."""
    for place, each in enumerate(operands):
        if not isinstance(each, Tensor):
            which = "input" if place + 1 - before == 0 else "other"
            raise TypeError(
                f"{name}(): argument '{which}' (position {place + 1}) must be Tensor, not "
                f"{type(each).__name__}"
            )


def _alias(alias: str, name: str) -> None:
    for end in ("", "_"):

        def again(*args: Any, name: str = name + end, **kwargs: Any) -> Any:
            return call(name, *args, **kwargs)

        again.__doc__ = f"Do ``torch.{name}{end}``."
        register(alias + end, "composite")(again)


def _round_even(x: Any) -> Any:
    return np.round(x)


def _whole(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Leave integers as they are."""
    return lambda x: function(x) if x.dtype.kind in "fc" else x


def _sign(x: Any) -> Any:
    return np.sign(x) if x.dtype.kind != "b" else x


def _sign_float(x: Any) -> Any:
    return np.where(np.isnan(x), 0.0, np.sign(x)).astype(x.dtype)


def _relu(x: Any) -> Any:
    return np.where(x > 0, x, np.where(np.isnan(x), x, x.dtype.type(0)))


def _sigmoid(x: Any) -> Any:
    one = x.dtype.type(1)
    return one / (one + np.exp(-x))


# name, host, tl, tl for integers, aliases, what torch refuses
UNARY_SAME: tuple[tuple[Any, ...], ...] = (
    ("square", lambda x: x * x, fn.square, None, (), frozenset()),
    ("floor", _whole(np.floor), fn.floor, fn.move, (), COMPLEX | BOOL),
    ("ceil", _whole(np.ceil), fn.ceil, fn.move, (), COMPLEX | BOOL),
    ("trunc", _whole(np.trunc), fn.trunc, fn.move, ("fix",), COMPLEX | BOOL),
    ("frac", lambda x: x - np.trunc(x), fn.frac, None, (), INTEGERS | BOOL | COMPLEX),
    (
        "sign",
        lambda x: _sign_float(x) if x.dtype.kind == "f" else _sign(x),
        fn.sign,
        None,
        (),
        COMPLEX,
    ),
    ("relu", _relu, fn.relu, fn.relu, (), BOOL),
    ("bitwise_not", np.invert, None, fn.bitwise_not, (), FLOATS | COMPLEX),
)
UNARY_FLOAT: tuple[tuple[Any, ...], ...] = (
    ("exp", np.exp, fn.exp, ()),
    ("exp2", np.exp2, fn.exp2, ("special_exp2",)),
    ("expm1", np.expm1, fn.expm1, ()),
    ("log", np.log, fn.log, ()),
    ("log2", np.log2, fn.log2, ()),
    ("log10", np.log10, fn.log10, ()),
    ("log1p", np.log1p, fn.log1p, ()),
    ("sqrt", np.sqrt, fn.sqrt, ()),
    ("rsqrt", lambda x: x.dtype.type(1) / np.sqrt(x), fn.rsqrt, ()),
    ("reciprocal", lambda x: x.dtype.type(1) / x, fn.reciprocal, ()),
    ("sin", np.sin, fn.sin, ()),
    ("cos", np.cos, fn.cos, ()),
    ("tan", np.tan, fn.tan, ()),
    ("asin", np.arcsin, fn.asin, ("arcsin",)),
    ("acos", np.arccos, fn.acos, ("arccos",)),
    ("atan", np.arctan, fn.atan, ("arctan",)),
    ("sinh", np.sinh, fn.sinh, ()),
    ("cosh", np.cosh, fn.cosh, ()),
    ("tanh", np.tanh, fn.tanh, ()),
    ("asinh", np.arcsinh, fn.asinh, ("arcsinh",)),
    ("acosh", np.arccosh, fn.acosh, ("arccosh",)),
    ("atanh", np.arctanh, fn.atanh, ("arctanh",)),
    ("sigmoid", _sigmoid, fn.sigmoid, ("special_expit",)),
    ("erf", special.erf, fn.erf, ("special_erf",)),
    ("erfc", special.erfc, fn.erfc, ("special_erfc",)),
    ("lgamma", special.lgamma, None, ()),
    ("deg2rad", lambda x: x * x.dtype.type(math.pi / 180), fn.deg2rad, ()),
    ("rad2deg", lambda x: x * x.dtype.type(180 / math.pi), fn.rad2deg, ()),
)
UNARY_BOOL: tuple[tuple[Any, ...], ...] = (
    ("isnan", np.isnan, fn.isnan, fn.false),
    ("isinf", np.isinf, fn.isinf, fn.false),
    ("isfinite", np.isfinite, fn.isfinite, fn.true),
    (
        "isposinf",
        lambda x: np.isposinf(x) if x.dtype.kind == "f" else np.zeros(x.shape, bool),
        fn.isposinf,
        fn.false,
    ),
    (
        "isneginf",
        lambda x: np.isneginf(x) if x.dtype.kind == "f" else np.zeros(x.shape, bool),
        fn.isneginf,
        fn.false,
    ),
    ("logical_not", lambda x: x == 0, fn.logical_not, fn.logical_not),
    (
        "signbit",
        lambda x: np.signbit(x) if x.dtype.kind == "f" else x < 0,
        fn.signbit,
        fn.negative,
    ),
)


def _floor_divide(x: Any, y: Any) -> Any:
    if x.dtype.kind == "b":
        return x
    if x.dtype.kind == "f":
        rest = np.fmod(x, y)
        quotient = (x - rest) / y
        quotient = np.where((rest != 0) & ((y < 0) != (rest < 0)), quotient - 1, quotient)
        near = np.floor(quotient)
        near = np.where(quotient - near > 0.5, near + 1, near)
        near = np.where(quotient != 0, near, np.copysign(np.zeros_like(quotient), x / y))
        return np.where(y == 0, x / y, near).astype(x.dtype)
    return np.floor_divide(x, y)


def _divide_trunc(x: Any, y: Any) -> Any:
    if x.dtype.kind == "f":
        return np.trunc(x / y)
    quotient, rest = np.floor_divide(x, y), np.remainder(x, y)
    return quotient + ((rest != 0) & ((x < 0) != (y < 0)))


def _remainder(x: Any, y: Any) -> Any:
    if x.dtype.kind == "f":
        rest = np.fmod(x, y)
        return np.where((rest != 0) & ((rest < 0) != (y < 0)), rest + y, rest)
    return np.remainder(x, y)


def _power(x: Any, y: Any) -> Any:
    if x.dtype.kind not in "iu":
        return np.power(x, y)
    if x.dtype.kind == "u" or not (y < 0).any():
        return np.power(x, np.maximum(y, 0) if x.dtype.kind == "i" else y)
    base = np.where(x == 1, 1, np.where(x == -1, np.where(y % 2 == 0, 1, -1), 0))
    return np.where(y < 0, base, np.power(x, np.maximum(y, 0))).astype(x.dtype)


def _shift(function: Callable[..., Any], fill: Callable[..., Any]) -> Callable[..., Any]:
    def shift(x: Any, y: Any) -> Any:
        bits = x.dtype.itemsize * 8
        bad = (y < 0) | (y >= bits)
        return np.where(bad, fill(x), function(x, np.where(bad, 0, y))).astype(x.dtype)

    return shift


def _zero(x: Any) -> Any:
    return np.zeros_like(x)


def _sign_fill(x: Any) -> Any:
    return np.where(x < 0, -1, 0).astype(x.dtype) if x.dtype.kind == "i" else np.zeros_like(x)


def _add(x: Any, y: Any) -> Any:
    return np.add(x, y)


BINARY: tuple[tuple[Any, ...], ...] = (
    # name, host, tl, tl for integers, tl for truths, result, aliases, refused
    ("mul", np.multiply, fn.mul, None, fn.bitwise_and, "same", ("multiply",), FP8),
    (
        "floor_divide",
        _floor_divide,
        fn.floor_div,
        fn.int_floor_div,
        None,
        "same",
        (),
        FP8 | COMPLEX,
    ),
    ("div_trunc", _divide_trunc, fn.div_trunc, fn.int_div_trunc, None, "same", (), FP8 | COMPLEX),
    ("true_div", np.divide, fn.div, fn.div, fn.div, "float", (), FP8),
    ("remainder", _remainder, fn.remainder, None, None, "same", (), FP8 | COMPLEX | BOOL),
    ("fmod", np.fmod, fn.fmod, None, None, "same", (), FP8 | COMPLEX | BOOL),
    ("maximum", np.maximum, fn.maximum, None, fn.bitwise_or, "same", (), COMPLEX | FP8),
    ("minimum", np.minimum, fn.minimum, None, fn.bitwise_and, "same", (), COMPLEX | FP8),
    ("fmax", np.fmax, fn.fmax, None, fn.bitwise_or, "same", (), COMPLEX | FP8),
    ("fmin", np.fmin, fn.fmin, None, fn.bitwise_and, "same", (), COMPLEX | FP8),
    ("eq", np.equal, fn.eq, None, None, "bool", (), frozenset()),
    ("ne", np.not_equal, fn.ne, None, None, "bool", ("not_equal",), frozenset()),
    ("lt", np.less, fn.lt, None, None, "bool", ("less",), COMPLEX),
    ("le", np.less_equal, fn.le, None, None, "bool", ("less_equal",), COMPLEX),
    ("gt", np.greater, fn.gt, None, None, "bool", ("greater",), COMPLEX),
    ("ge", np.greater_equal, fn.ge, None, None, "bool", ("greater_equal",), COMPLEX),
    (
        "logical_and",
        lambda x, y: (x != 0) & (y != 0),
        fn.logical_and,
        None,
        None,
        "bool",
        (),
        frozenset(),
    ),
    (
        "logical_or",
        lambda x, y: (x != 0) | (y != 0),
        fn.logical_or,
        None,
        None,
        "bool",
        (),
        frozenset(),
    ),
    (
        "logical_xor",
        lambda x, y: (x != 0) ^ (y != 0),
        fn.logical_xor,
        None,
        None,
        "bool",
        (),
        frozenset(),
    ),
    ("bitwise_and", np.bitwise_and, fn.bitwise_and, None, None, "same", (), FLOATS | COMPLEX),
    ("bitwise_or", np.bitwise_or, fn.bitwise_or, None, None, "same", (), FLOATS | COMPLEX),
    ("bitwise_xor", np.bitwise_xor, fn.bitwise_xor, None, None, "same", (), FLOATS | COMPLEX),
    (
        "bitwise_left_shift",
        _shift(np.left_shift, _zero),
        fn.left_shift,
        None,
        None,
        "same",
        (),
        FLOATS | COMPLEX | BOOL,
    ),
    (
        "bitwise_right_shift",
        _shift(np.right_shift, _sign_fill),
        fn.right_shift,
        None,
        None,
        "same",
        (),
        FLOATS | COMPLEX | BOOL,
    ),
    ("atan2", np.arctan2, fn.atan2, None, None, "float", ("arctan2",), COMPLEX | FP8),
    ("hypot", np.hypot, fn.hypot, None, None, "same", (), COMPLEX | FP8),
    ("copysign", np.copysign, fn.copysign, None, None, "float", (), COMPLEX | FP8),
    ("logaddexp", np.logaddexp, fn.logaddexp, None, None, "same", (), FP8),
    ("nextafter", np.nextafter, None, None, None, "same", (), COMPLEX | FP8),
    ("heaviside", np.heaviside, None, None, None, "same", (), COMPLEX | FP8),
    (
        "xlogy",
        lambda x, y: np.where(np.isnan(y), y, np.where(x == 0, 0, x * np.log(y))),
        fn.xlogy,
        None,
        None,
        "float",
        (),
        FP8,
    ),
)
LABELS = {
    "mul": "mul",
    "maximum": "maximum",
    "minimum": "minimum",
    "bitwise_and": "bitwise_and",
    "bitwise_or": "bitwise_or",
    "bitwise_xor": "bitwise_xor",
    "bitwise_left_shift": "lshift",
    "bitwise_right_shift": "rshift",
    "lt": "lt",
    "floor_divide": "div_floor",
    "div_trunc": "div_trunc",
    "remainder": "remainder",
    "fmod": "fmod",
    "bitwise_not": "bitwise_not",
    "floor": "floor_vml",
    "ceil": "ceil_vml",
    "trunc": "trunc_vml",
}


def _register_all() -> None:
    for name, host, function, integers, aliases, refuses in UNARY_SAME:
        _enter(
            Pointwise(name, host, function, "same", integers, None, refuses, LABELS.get(name, "")),
            aliases,
        )
    for name, host, function, aliases in UNARY_FLOAT:
        _enter(Pointwise(name, host, function, "float"), aliases)
    for name, host, function, integers in UNARY_BOOL:
        _enter(Pointwise(name, host, function, "bool", integers))
    for name, host, function, integers, truths, result, aliases, refuses in BINARY:
        label = LABELS.get(name, "")
        _enter(Pointwise(name, host, function, result, integers, truths, refuses, label), aliases)


_register_all()

_ADD = Pointwise("add", _add, fn.add, "same", None, fn.bitwise_or, frozenset(), "add_stub")
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
    return compute(_ADD_SCALED, (self, other, _as_kind(alpha, self, other)), out)


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


def _as_kind(alpha: Any, *operands: Any) -> Any:
    return alpha


@register("add_", "inplace")
def add_(self: Tensor, other: Any, *, alpha: Any = 1) -> Tensor:
    """``self += alpha * other``."""
    return add(self, other, alpha=alpha, out=self)


@register("sub_", "inplace")
def sub_(self: Tensor, other: Any, *, alpha: Any = 1) -> Tensor:
    """``self -= alpha * other``."""
    return sub(self, other, alpha=alpha, out=self)


_alias("subtract", "sub")


_enter(Pointwise("abs", np.abs, fn.absolute, "real"), ("absolute",))
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


_alias("negative", "neg")


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


_alias("divide", "div")
_alias("true_divide", "true_div")


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
            TABLE[name + end] = Op(op.name, guarded, op.kind)

    _guarded(_name)


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
_WHERE = Pointwise("where", np.where, fn.where)
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


def _where_method(self: Tensor, condition: Tensor, other: Any) -> Any:
    return call("where", condition, self, other)


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


_alias("clip", "clamp")


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


_ROUND = Pointwise("round", _whole(np.round), fn.round_even, "same", fn.move)


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
