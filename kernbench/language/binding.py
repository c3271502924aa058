"""What the arguments of a launch are to a kernel: constants, pointers, or numbers of some type."""

from __future__ import annotations

import numbers
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kernbench.language.advice import nearest
from kernbench.language.constant import constexpr
from kernbench.language.dtypes import (
    dtype,
    float32,
    int1,
    int32,
    int64,
    pointer_type,
    round_to,
    to_dtype,
    uint64,
)
from kernbench.language.host_descriptor import DescriptorType, TensorDescriptor

if TYPE_CHECKING:
    from kernbench.language.jit import JITFunction


@dataclass(frozen=True, slots=True)
class Fixed:
    """An argument whose value a kernel is compiled for; `key` is equal for equal ones."""

    value: Any = field(compare=False)
    key: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class TupleType:
    """What a tuple is to a kernel: each of its items; `cls` is a NamedTuple's class, or tuple."""

    items: tuple[ArgumentType | Fixed, ...]
    cls: type


ArgumentType = dtype | pointer_type | DescriptorType | TupleType
"""What a run-time argument is to a kernel; descriptors and tuples come as several parameters."""

IGNORED_OPTIONS = frozenset(
    [
        "num_warps",
        "num_stages",
        "num_ctas",
        "maxnreg",
        "extern_libs",
        "launch_pdl",
        "launch_cooperative_grid",
        "warp_specialize",
        "waves_per_eu",
        "matrix_instr_nonkdim",
        "kpack",
        "enable_fp_fusion",
        "debug",
        "sanitize_overflow",
        "allow_fp8e4nv",
        "max_num_imprecise_acc_default",
        "cluster_dims",
        "num_buffers_warp_spec",
        "num_consumer_groups",
        "reg_dec_producer",
        "reg_inc_consumer",
    ]
)
"""Launch options of Triton that mean nothing on this machine."""


@dataclass(frozen=True, slots=True)
class Bound:
    """The arguments of a launch, sorted.

    Attributes
    ----------
    types : dict
        Type of each run-time argument, by name.
    constants : dict
        Value of each compile-time parameter, by name.
    arguments : tuple
        Values of the kernel's parameters, in order: one for each run-time argument, of a
        descriptor base, shape and strides, of a tuple those of its items.
    key : tuple
        Equal for launches that one compiled kernel serves.
    everything : dict
        All arguments by name, for a grid that is a function.
    """

    types: dict[str, ArgumentType]
    constants: dict[str, Any]
    arguments: tuple[Any, ...]
    key: tuple[Any, ...]
    everything: dict[str, Any]


def bind(function: JITFunction, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Bound:
    """Sort the arguments of a launch of `function`.

    Raises
    ------
    TypeError
        For a missing, unknown or doubled argument, or one that no kernel can take; it names the
        parameter.
    """
    name = function.__name__
    given = dict(kwargs)
    for option in list(given):
        if option not in function.arg_names:
            if option not in IGNORED_OPTIONS:
                hint = nearest(option, [*function.arg_names, *IGNORED_OPTIONS])
                hint = hint or f"; it takes ({', '.join(function.arg_names)})"
                raise TypeError(f"{name}() has no parameter '{option}'{hint}")
            del given[option]
    try:
        bound = function.signature.bind(*args, **given)
    except TypeError as error:
        takes = ", ".join(function.arg_names)
        raise TypeError(f"{name}(): {error}; it takes ({takes})") from None
    bound.apply_defaults()
    types: dict[str, ArgumentType] = {}
    constants: dict[str, Any] = {}
    arguments: list[Any] = []
    key: list[Any] = []
    for parameter, value in bound.arguments.items():
        if parameter in function.constexpr_names:
            if hasattr(value, "data_ptr"):
                raise TypeError(
                    f"{name}(): argument '{parameter}' is a {type(value).__name__}, and the "
                    "parameter is annotated tl.constexpr; tensors go to parameters without"
                )
            value = constexpr(value)
        annotated = function.annotated_types.get(parameter)
        type_, values = _sorted(name, parameter, value, annotated)
        arguments += values
        if isinstance(type_, Fixed):
            constants[parameter] = type_.value
            key.append(type_.key)
        else:
            types[parameter] = type_
            key.append(type_)
    return Bound(types, constants, tuple(arguments), tuple(key), dict(bound.arguments))


def _sorted(
    kernel: str, parameter: str, value: Any, annotated: dtype | None = None
) -> tuple[ArgumentType | Fixed, list[Any]]:
    """Return what an argument is to the kernel, and the values of the parameters that it takes."""
    if value is None or isinstance(value, constexpr):
        plain = _plain(value)
        return Fixed(plain, (type(plain).__name__, _hashable(kernel, parameter, plain))), []
    if isinstance(value, TensorDescriptor):
        return value.type, list(value.values)
    if isinstance(value, tuple):
        items = [_sorted(kernel, f"{parameter}[{i}]", item) for i, item in enumerate(value)]
        values = [each for _, given in items for each in given]
        return TupleType(tuple(type_ for type_, _ in items), type(value)), values
    type_ = argument_type(kernel, parameter, value, annotated)
    return type_, [value if isinstance(type_, pointer_type) else _number(value, type_)]


def argument_type(
    kernel: str, parameter: str, value: Any, annotated: dtype | None = None
) -> dtype | pointer_type:
    """Return the type that a launch argument has in a kernel.

    A tensor (whatever has ``data_ptr`` and ``dtype``) is a pointer to its elements; a bool is int1,
    an int the first of int32, int64 and uint64 that holds it, a float fp32.
    """
    if hasattr(value, "data_ptr") and hasattr(value, "dtype"):
        return pointer_type(to_dtype(value.dtype))
    if isinstance(value, bool) or type(value).__name__ in ("bool_", "bool"):
        return annotated or int1
    if isinstance(value, numbers.Integral):
        for candidate in (
            (annotated,) if annotated and annotated.is_int() else (int32, int64, uint64)
        ):
            if candidate.get_int_min_value() <= int(value) <= candidate.get_int_max_value():
                return candidate
        wanted = annotated or "64 bits"
        raise TypeError(f"{kernel}(): argument '{parameter}' = {value} does not fit {wanted}")
    if isinstance(value, numbers.Real):
        return annotated if annotated and annotated.is_floating() else float32
    raise TypeError(
        f"{kernel}(): argument '{parameter}' is a {type(value).__name__}; expected a tensor on the "
        "device, a number, None, a tuple of these, or a value for a parameter annotated "
        "tl.constexpr"
    )


def _plain(value: Any) -> Any:
    if isinstance(value, constexpr):
        return _plain(value.value)
    if isinstance(value, (tuple, list)):
        items = [_plain(item) for item in value]
        return type(value)(*items) if hasattr(value, "_fields") else tuple(items)
    if (
        type(value).__module__ == "numpy"
        and hasattr(value, "item")
        and not hasattr(value, "__len__")
    ):
        return value.item()
    return value


def _hashable(kernel: str, parameter: str, value: Any) -> Any:
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, tuple):
        return tuple((type(item).__name__, _hashable(kernel, parameter, item)) for item in value)
    try:
        hash(value)
    except TypeError:
        raise TypeError(
            f"{kernel}(): constexpr argument '{parameter}' is a {type(value).__name__}, which "
            "cannot be a compile-time value"
        ) from None
    return value


def _number(value: Any, type_: dtype) -> bool | int | float:
    if type_.is_floating():
        return round_to(float(value), type_)
    return bool(value) if type_ is int1 else int(value)
