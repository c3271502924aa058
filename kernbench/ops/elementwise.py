"""The element-wise operations: what each computes on the host and on the machine."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from kernbench.ops import functions as fn
from kernbench.ops import special
from kernbench.ops.pointwise import Pointwise, compute
from kernbench.ops.support import only
from kernbench.runtime.dispatch import call, register
from kernbench.runtime.dtypes import DTYPES
from kernbench.runtime.tensor import Tensor

__all__ = ["POINTWISE", "alias", "enter", "whole"]

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
OPERANDS = ("input", "other", "exponent", "end", "weight", "values")
"""How torch calls operands behind the first."""
UNSIGNED = frozenset({"uint16", "uint32", "uint64"})


def enter(op: Pointwise, aliases: Sequence[str] = ()) -> None:
    """Register an operation and its in-place form, under all its names."""
    POINTWISE[op.name] = op

    only_tensors = op.name in ONLY_TENSORS
    arity = op.host.nin if isinstance(op.host, np.ufunc) else op.host.__code__.co_argcount

    def run(*operands: Any, out: Tensor | None = None, **names: Any) -> Tensor:
        only(op.name, names, *OPERANDS)
        operands = (*operands, *names.values())
        if len(operands) != arity:
            raise _miscounted(op.name, arity, len(operands))
        if only_tensors:
            _check_tensors(op.name, operands, 1)
        return compute(op, operands, out)

    def change(self: Tensor, *operands: Any, **names: Any) -> Tensor:
        only(f"{op.name}_", names, *OPERANDS)
        operands = (*operands, *names.values())
        if len(operands) + 1 != arity:
            raise _miscounted(f"{op.name}_", arity, len(operands) + 1)
        if only_tensors:
            _check_tensors(f"{op.name}_", operands, 0)
        return compute(op, (self, *operands), self)

    for function, end in ((run, ""), (change, "_")):
        function.__doc__ = f"Do ``torch.{op.name}{end}``, element by element."
    register(op.name)(run)
    register(f"{op.name}_", "inplace")(change)
    for other in aliases:
        alias(other, op.name)


def _miscounted(name: str, arity: int, n_given: int) -> TypeError:
    if n_given > arity:
        return TypeError(f"{name}() takes {arity} positional arguments but {n_given} were given")
    missing = ", ".join(f'"{each}"' for each in ("input", "other", "weight")[n_given:arity])
    return TypeError(f"{name}() missing {arity - n_given} required positional arguments: {missing}")


def _check_tensors(name: str, operands: Sequence[Any], before: int) -> None:
    """Refuse numbers where torch does."""
    for place, each in enumerate(operands):
        if not isinstance(each, Tensor):
            which = "input" if place + 1 - before == 0 else "other"
            raise TypeError(
                f"{name}(): argument '{which}' (position {place + 1}) must be Tensor, not "
                f"{type(each).__name__}"
            )


def alias(other: str, name: str) -> None:
    """Register another name of an operation, and of its in-place form."""
    for end in ("", "_"):

        def again(*args: Any, name: str = name + end, **kwargs: Any) -> Any:
            return call(name, *args, **kwargs)

        again.__doc__ = f"Do ``torch.{name}{end}``."
        register(other + end, "composite")(again)


def whole(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
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
    ("floor", whole(np.floor), fn.floor, fn.move, (), COMPLEX | BOOL),
    ("ceil", whole(np.ceil), fn.ceil, fn.move, (), COMPLEX | BOOL),
    ("trunc", whole(np.trunc), fn.trunc, fn.move, ("fix",), COMPLEX | BOOL),
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
        enter(
            Pointwise(name, host, function, "same", integers, None, refuses, LABELS.get(name, "")),
            aliases,
        )
    for name, host, function, aliases in UNARY_FLOAT:
        enter(Pointwise(name, host, function, "float"), aliases)
    for name, host, function, integers in UNARY_BOOL:
        enter(Pointwise(name, host, function, "bool", integers))
    for name, host, function, integers, truths, result, aliases, refuses in BINARY:
        label = LABELS.get(name, "")
        enter(Pointwise(name, host, function, result, integers, truths, refuses, label), aliases)


_register_all()
