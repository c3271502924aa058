"""What all operations need: new tensors, operands of one device, torch's complaints."""

from __future__ import annotations

import numbers
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from kernbench.runtime import dtypes
from kernbench.runtime.devices import CPU, device
from kernbench.runtime.dtypes import BY_NAME, dtype
from kernbench.runtime.factories import empty_on
from kernbench.runtime.geometry import dense_strides, span
from kernbench.runtime.storage import HostStorage
from kernbench.runtime.tensor import Tensor

__all__ = [
    "BOOL",
    "FLOAT32",
    "INT64",
    "common_device",
    "deliver",
    "finished",
    "from_host",
    "is_number",
    "listed",
    "new_empty",
    "on_machine",
    "only",
    "plain_number",
    "staged",
    "values",
]

Array = npt.NDArray[Any]
BOOL, INT64, FLOAT32 = BY_NAME["bool"], BY_NAME["int64"], BY_NAME["float32"]


def is_number(value: Any) -> bool:
    """Whether it is a Python or NumPy number."""
    return isinstance(value, (numbers.Number, np.generic))


def plain_number(value: Any) -> Any:
    """Return a Python number for a NumPy one."""
    return value.item() if isinstance(value, np.generic) else value


def only(name: str, given: Iterable[str], *known: str) -> None:
    """Refuse arguments by names that a function does not know, in Python's words."""
    for each in given:
        if each not in known:
            raise TypeError(f"{name}() got an unexpected keyword argument {each!r}")


def listed(
    name: str, what: str, given: tuple[Any, ...], names: Mapping[str, Any] = MappingProxyType({})
) -> tuple[Any, ...]:
    """``(2, 3)`` of ``f(2, 3)``, of ``f((2, 3))``, and of ``f(what=(2, 3))``."""
    only(name, names, what)
    given = (*given, *names.values())
    if not given:
        raise TypeError(f'{name}() missing 1 required positional argument: "{what}"')
    return tuple(given[0]) if len(given) == 1 and isinstance(given[0], (tuple, list)) else given


def on_machine(tensor: Tensor) -> bool:
    """Whether a tensor lies on the simulated machine."""
    return type(tensor._storage) is not HostStorage


def common_device(name: str, operands: Sequence[Any]) -> device:
    """Return the device of the operands; numbers and 0-d host tensors go anywhere.

    Raises
    ------
    RuntimeError
        When two of them lie on different devices.
    """
    found: device | None = None
    scalars: device | None = None
    for operand in operands:
        if not isinstance(operand, Tensor):
            continue
        where = operand._storage.device
        if where is CPU and not operand._shape:
            scalars = where
        elif found is None:
            found = where
        elif found is not where and found != where:
            raise RuntimeError(
                "Expected all tensors to be on the same device, but found at least two devices, "
                f"{min(str(found), str(where), key=lambda s: s == 'cpu')} and "
                f"{max(str(found), str(where), key=lambda s: s == 'cpu')}!"
            )
    return found or scalars or CPU


def new_empty(
    shape: Sequence[int], kind: dtype, where: device, strides: Sequence[int] | None = None
) -> Tensor:
    """Make a tensor of memory never written, with these strides."""
    return empty_on(shape, kind, where, strides)


def from_host(array: Array, kind: dtype, strides: Sequence[int] | None = None) -> Tensor:
    """Make a host tensor of computed numbers, laid out as `strides` say."""
    held = dtypes.from_compute(array, kind)
    shape = held.shape
    if strides is None or tuple(strides) == dense_strides(shape):
        held = np.ascontiguousarray(held)
        if not held.flags.writeable or held.base is not None:
            held = held.copy()
        return Tensor._over(HostStorage(held.reshape(-1).view(np.uint8)), kind, shape)
    made = empty_on(shape, kind, CPU, strides)
    made._host()[...] = held
    return made


def finished(made: Tensor, requires_grad: bool, out: Tensor | None = None) -> Tensor:
    """Return what a factory made, as its ``requires_grad=`` and ``out=`` ask."""
    if requires_grad:
        if made._dtype.is_integral:
            raise RuntimeError(
                "Only Tensors of floating point and complex dtype can require gradients"
            )
        made.requires_grad = True
    return deliver(made, out)


def deliver(result: Tensor, out: Tensor | None) -> Tensor:
    """Return `result`, or write it to `out`, as ``out=`` asks."""
    if out is None:
        return result
    from kernbench.runtime.promotion import can_cast

    if not can_cast(result._dtype, out._dtype):
        raise RuntimeError(
            f"result type {result._dtype.label} can't be cast to the desired output type "
            f"{out._dtype.label}"
        )
    if out._shape != result._shape:
        resize(out, result._shape)
    from kernbench.ops.copying import copy_

    copy_(out, result)
    return out


def resize(out: Tensor, shape: Sequence[int]) -> None:
    """Give a tensor another shape, dense, with new memory where it has too little."""
    wanted = empty_on(shape, out._dtype, out.device)
    room = out._storage.nbytes() // out._dtype.itemsize - out._offset
    if room < span(shape, wanted._strides):
        out._storage, out._offset = wanted._storage, 0
    out._shape, out._strides = wanted._shape, wanted._strides


def values(operand: Any, kind: dtype) -> Array:
    """Return an operand of a host operation as numbers of `kind`, rounded to it if it is narrow."""
    if not isinstance(operand, Tensor):
        return np.asarray(operand).astype(kind.compute)
    if operand._dtype is kind:
        return operand._values()
    converted = dtypes.from_compute(operand._values(), kind)
    return dtypes.to_compute(converted, kind)


def staged(function: Any, *operands: Any, sized_by_values: bool = False, **kwargs: Any) -> Any:
    """Do an operation of tensors on the machine that has no kernel yet: on the host.

    The operands cross the host link, the host computes in no simulated time, and the results cross
    back; both ways are timed copies.  In a run of timing alone the copies take their time and carry
    nothing; where values say how large the results are (`sized_by_values`), that is an error.
    """
    where = next(each.device for each in operands if isinstance(each, Tensor) and on_machine(each))
    from kernbench.ops.copying import to_device

    blank = not sized_by_values
    home = [
        to_device(each, CPU, blank=blank) if isinstance(each, Tensor) else each for each in operands
    ]
    result = function(*home, **kwargs)
    if isinstance(result, Tensor):
        return to_device(result, where)
    if isinstance(result, tuple):
        back = [to_device(each, where) for each in result]
        return type(result)(*back) if hasattr(result, "_fields") else tuple(back)
    if isinstance(result, list):
        return [to_device(each, where) for each in result]
    return result
