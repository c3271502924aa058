"""How tensors come to be: from memory, from numbers, from arrays; on the host or a SIP."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from kernbench.runtime import dtypes
from kernbench.runtime.devices import as_device, device
from kernbench.runtime.dtypes import BY_NAME, dtype
from kernbench.runtime.geometry import dense_strides, span
from kernbench.runtime.placement import Placement
from kernbench.runtime.rank_state import rank_state
from kernbench.runtime.storage import HostStorage
from kernbench.runtime.tensor import Tensor

if TYPE_CHECKING:
    from kernbench.runtime.context import Context

__all__ = ["default_dtype", "empty_on", "from_data", "from_numpy", "shape_of", "zeros_on"]


def default_dtype() -> dtype:
    """Return the type of new floating-point tensors."""
    return BY_NAME[rank_state().default_dtype]


def shape_of(size: tuple[Any, ...], name: str = "empty") -> tuple[int, ...]:
    """``(2, 3)`` of ``f(2, 3)`` and of ``f((2, 3))``; `name` is the function that complains."""
    if len(size) == 1 and isinstance(size[0], (tuple, list)):
        size = tuple(size[0])
    for each in size:
        if isinstance(each, float) or not hasattr(each, "__index__"):
            raise TypeError(
                f"{name}(): argument 'size' (position 1) must be tuple of ints, not "
                f"{type(each).__name__}"
            )
    shape = tuple(each.__index__() for each in size)
    if name == "zeros" and any(each < 0 for each in shape):
        raise RuntimeError("zeros: Dimension size must be non-negative.")
    return shape


def _context() -> Context:
    from kernbench.runtime.context import current_context

    return current_context()


def check_size(shape: Sequence[int]) -> None:
    """Refuse negative sizes in torch's words."""
    if any(size < 0 for size in shape):
        bad = next(size for size in shape if size < 0)
        raise RuntimeError(f"Trying to create tensor with negative dimension {bad}: {list(shape)}")


def empty_on(
    shape: Sequence[int],
    kind: dtype,
    where: device,
    strides: Sequence[int] | None = None,
    *,
    zeroed: bool = False,
    keep: bool = False,
    placement: Placement | None = None,
) -> Tensor:
    """Make a tensor of memory never written, or of zeros, with these strides (dense unless told).

    `keep` keeps its bytes in a run of timing alone too, until a kernel writes them.

    Raises
    ------
    OutOfMemoryError
        When the memory has no room.
    """
    check_size(shape)
    if where.type == "cuda":
        if kind.element is None:
            raise NotImplementedError(f"kernbench: tensors of {kind!r} on the simulated machine")
        if strides is None or tuple(strides) == dense_strides(shape):
            return _context()._map(
                shape, kind, placement, where.index or 0, zeroed=zeroed, keep=keep
            )
        room = (span(shape, strides),)
        flat = _context()._map(room, kind, placement, where.index or 0, zeroed=zeroed, keep=keep)
        return Tensor._over(flat._storage, kind, shape, strides)
    count = math.prod(shape) if strides is None else span(shape, strides)
    if count * kind.itemsize >= 1 << 63:
        raise RuntimeError("Storage size calculation overflowed with sizes=" + str(list(shape)))
    make = np.zeros if zeroed else np.empty
    try:
        data = make(count * kind.itemsize, np.uint8)
    except (MemoryError, ValueError):
        raise RuntimeError(
            f"[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory: you "
            f"tried to allocate {count * kind.itemsize} bytes."
        ) from None
    return Tensor._over(HostStorage(data), kind, shape, strides)


def zeros_on(shape: Sequence[int], kind: dtype, where: device) -> Tensor:
    """Make a tensor of zeros, written when it is created, in no simulated time."""
    return empty_on(shape, kind, where, zeroed=True)


def from_numpy(array: npt.NDArray[Any]) -> Tensor:
    """Make a host tensor that shares an array's memory, as ``torch.from_numpy``."""
    if not isinstance(array, np.ndarray):
        raise TypeError(f"expected np.ndarray (got {type(array).__name__})")
    kind = dtypes.of_numpy(array.dtype)
    storage, offset, strides = HostStorage.of_array(array)
    return Tensor._over(storage, kind, array.shape, strides, offset)


def from_data(
    data: Any, kind: dtype | None = None, where: device | None = None, pinned: bool = False
) -> Tensor:
    """Make a tensor with these values, as ``torch.tensor``: copied, to the device asked for."""
    from kernbench.runtime.dispatch import call

    if isinstance(data, Tensor):
        made = call("clone", call("detach", data))
        return call("to", made, where or data.device, kind or data.dtype)  # type: ignore[no-any-return]
    if isinstance(data, (np.ndarray, np.generic)):
        array = np.asarray(data)
        found = dtypes.of_numpy(array.dtype)
        array = dtypes.to_compute(array.view(found.storage), found)
    else:
        array, found = _array_of(data)
    kind = kind or found
    _check_values(array, found, kind)
    held = np.ascontiguousarray(dtypes.from_compute(array, kind)).reshape(array.shape)
    if held is array or not held.flags.writeable or held.base is not None:
        held = held.copy()
    made = Tensor._over(HostStorage(held.reshape(-1).view(np.uint8)), kind, array.shape)
    where = where or as_device(None)
    return made if where.type == "cpu" else call("to", made, where)


def _check_values(array: npt.NDArray[Any], found: dtype, kind: dtype) -> None:
    if found.is_integral and kind.is_integral and kind.name != "bool" and array.size:
        limits = np.iinfo(kind.storage)
        if found.name == "int64" and (array.min() < limits.min or array.max() > limits.max):
            raise RuntimeError(f"value cannot be converted to type {kind.name} without overflow")


def _array_of(data: Any) -> tuple[npt.NDArray[Any], dtype]:
    """Return the numbers of nested sequences, and the type that torch gives them."""
    if isinstance(data, (list, tuple)):
        data = _without_tensors(data, 0, [])
    elif not isinstance(data, (bool, int, float, complex)) and hasattr(data, "__array__"):
        array = np.asarray(data)
        return array, dtypes.of_numpy(array.dtype)
    elif not isinstance(data, (bool, int, float, complex)):
        if isinstance(data, str):
            raise TypeError("new(): invalid data type 'str'")
        raise RuntimeError(f"Could not infer dtype of {type(data).__name__}")
    try:
        array = np.asarray(data)
    except OverflowError:
        raise ValueError("Overflow when unpacking long long") from None
    if array.dtype.kind == "f" or (array.size == 0 and array.dtype.kind != "O"):
        return array.astype(np.float64), default_dtype()
    if array.dtype.kind == "c":
        return array, default_dtype().to_complex()
    if array.dtype.kind == "b":
        return array, BY_NAME["bool"]
    if array.dtype.kind == "i":
        return array.astype(np.int64), BY_NAME["int64"]
    if array.dtype.kind in "uO" and array.size:
        raise ValueError("Overflow when unpacking long long")
    if array.dtype.kind == "U":
        raise ValueError("too many dimensions 'str'")
    raise TypeError(f"new(): invalid data type '{type(array.flat[0]).__name__}'")


def _without_tensors(data: Any, depth: int, lengths: list[int]) -> Any:
    """Check that nested sequences are even, and read the tensors among them."""
    if not isinstance(data, (list, tuple)):
        if len(lengths) > depth:
            if isinstance(data, Tensor) and data.ndim:
                return data.tolist()
            raise TypeError("not a sequence")
        return data.tolist() if isinstance(data, Tensor) else data
    if len(lengths) == depth:
        lengths.append(len(data))
    elif len(data) != lengths[depth]:
        raise ValueError(
            f"expected sequence of length {lengths[depth]} at dim {depth} (got {len(data)})"
        )
    return [_without_tensors(each, depth + 1, lengths) for each in data]
