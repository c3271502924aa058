"""What a name of Python's world is inside a kernel: globals, closures, modules, builtins."""

from __future__ import annotations

import enum
import inspect
import math
from collections.abc import Callable
from types import BuiltinFunctionType, ModuleType
from typing import Any

from kernbench.language.builtin import BUILTINS, BoundMethod, Builtin, builtin
from kernbench.language.constant import constexpr
from kernbench.language.dtypes import block_type, dtype, pointer_type
from kernbench.language.emitter import Emitter
from kernbench.language.function import ConstexprFunction, KernelFunction
from kernbench.language.ops_descriptor import Descriptor
from kernbench.language.ops_loop import range_
from kernbench.language.ops_math import abs_, maximum, minimum
from kernbench.language.ops_print import device_print
from kernbench.language.values import Const, Named, Operand, Pack, Refusal, Value, as_python


@builtin("<len>")
def _len(e: Emitter, obj: Operand) -> Const:
    if isinstance(obj, Pack):
        return Const(len(obj.listed))
    if isinstance(obj, Value) and obj.type.rank:
        return Const(obj.type.shape[0])
    if isinstance(obj, Const) and isinstance(obj.value, str):
        return Const(len(obj.value))
    raise Refusal(f"len() expects a tuple or a tensor with dimensions, got {obj}")


@builtin("<isinstance>")
def _isinstance(e: Emitter, obj: Operand, kind: Operand) -> Const:
    kinds = as_python(kind)
    listed = kinds if isinstance(kinds, tuple) else (kinds,)
    if any(getattr(k, "__name__", "") == "tensor" for k in listed) and isinstance(obj, Value):
        return Const(True)
    if any(getattr(k, "__name__", "") == "tensor_descriptor" for k in listed):
        return Const(isinstance(obj, Const) and isinstance(obj.value, Descriptor))
    plain = tuple(k for k in listed if isinstance(k, type))
    if isinstance(obj, Pack):
        if isinstance(obj.kind, Named):
            return Const(issubclass(obj.kind.cls, plain))
        return Const(obj.kind is None and (tuple in listed or list in listed))
    return Const(isinstance(obj, Const) and isinstance(obj.value, plain))


ZERO = Const(0)


def _number(convert: Callable[[Any], Any]) -> Callable[..., Const]:
    def function(e: Emitter, x: Operand = ZERO) -> Const:
        value = as_python(x)
        try:
            return Const(convert(value))
        except (TypeError, ValueError) as error:
            raise Refusal(str(error)) from None

    return function


PYTHON_NAMES: dict[str, Operand] = {
    "True": Const(True),
    "False": Const(False),
    "None": Const(None),
    "range": Const(range_),
    "min": Const(minimum),
    "max": Const(maximum),
    "abs": Const(abs_),
    "print": Const(device_print),
    "len": Const(_len),
    "isinstance": Const(_isinstance),
    "int": Const(builtin("<int>")(_number(int))),
    "float": Const(builtin("<float>")(_number(float))),
    "bool": Const(builtin("<bool>")(_number(bool))),
    "str": Const(builtin("<str>")(_number(str))),
}
"""Python's own names, as kernels see them; ``min`` and ``max`` are element-wise, as in Triton."""

PYTHON_TYPES = {"<int>": int, "<float>": float, "<bool>": bool, "<str>": str, "tuple": tuple}

_DECORATE = (
    "decorate it with @kb.jit, or with @tl.constexpr_function when its arguments are known at "
    "compile time"
)
_PLAIN = (bool, int, float, str, type(None), dtype, pointer_type, block_type, enum.Enum)
_CALLABLE = (Builtin, BoundMethod, ConstexprFunction, ModuleType, BuiltinFunctionType, type)


def wrap_global(name: str, value: Any) -> Operand:
    """Return the operand for a Python object that a kernel names."""
    if isinstance(value, Value):  # of an object of the language, such as a descriptor's shape
        return value
    if isinstance(value, constexpr):
        return wrap_global(name, value.value)
    if isinstance(value, (tuple, list)):
        return packed(type(value), tuple(wrap_global(name, item) for item in value))
    if isinstance(value, (*_PLAIN, *_CALLABLE, KernelFunction)):
        return Const(value)
    if hasattr(value, "__index__") and type(value).__module__ == "numpy":
        return Const(int(value))
    if name in BUILTINS and callable(value):
        raise Refusal(f"'{name}' is a {type(value).__name__} of Python's world; use tl.{name}")
    if inspect.isfunction(value):
        raise Refusal(f"'{name}' is a Python function; {_DECORATE}")
    raise Refusal(
        f"'{name}' is a {type(value).__name__}; a kernel may use numbers, strings, dtypes, tuples, "
        "modules, tl.constexpr objects and functions decorated with @kb.jit from outside"
    )


def is_named(kind: object) -> bool:
    """Whether it is a class made by ``typing.NamedTuple``."""
    return isinstance(kind, type) and issubclass(kind, tuple) and hasattr(kind, "_fields")


def packed(cls: type, items: tuple[Operand, ...]) -> Pack:
    """Return the tuple of this class."""
    return Pack((Const(Named(cls)), *items) if is_named(cls) else items)


def _named(cls: Any, args: list[Operand], kwargs: dict[str, Operand]) -> Pack:
    try:
        bound = inspect.signature(cls).bind(*args, **kwargs)
    except TypeError as error:
        raise Refusal(f"{cls.__name__}({', '.join(cls._fields)}): {error}") from None
    defaults = {name: wrap_global(name, value) for name, value in cls._field_defaults.items()}
    fields = defaults | bound.arguments
    return packed(cls, tuple(fields[name] for name in cls._fields))


def call_python(function: Any, args: list[Operand], kwargs: dict[str, Operand]) -> Operand:
    """Call a Python function whose arguments are known at compile time, or make a named tuple."""
    if is_named(function):
        return _named(function, args, kwargs)
    owner = getattr(function, "__self__", None)
    known = isinstance(function, ConstexprFunction) or owner is math
    known = known or isinstance(owner, (dtype, pointer_type, block_type, str))
    if not known and function not in (pointer_type, block_type, constexpr):
        if isinstance(function, dtype):
            raise Refusal(
                f"{function} is a dtype, no function; use tl.cast(x, dtype), or x.to(dtype)"
            )
        if isinstance(function, type):
            raise Refusal(
                f"'{function.__name__}' makes no values in kernels; use tl.full, tl.arange, "
                "tl.load, a tuple or a typing.NamedTuple"
            )
        name = getattr(function, "__name__", repr(function))
        raise Refusal(f"'{name}' is not a function of the kernel language; {_DECORATE}")
    if owner is math and any(isinstance(arg, Value) for arg in args):
        name = function.__name__
        advice = f"; use tl.{name}" if name in BUILTINS else ""
        raise Refusal(f"math.{name} computes at compile time, and got a {args[0]}{advice}")
    try:
        result = function(
            *(as_python(arg) for arg in args), **{k: as_python(arg) for k, arg in kwargs.items()}
        )
    except Refusal:
        raise
    except Exception as error:
        raise Refusal(f"{type(error).__name__}: {error}") from error
    return wrap_global(getattr(function, "__name__", "the result"), result)
