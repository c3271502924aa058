"""Functions that make tensors of nothing but numbers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from kernbench.ops import functions, kernels, pointwise
from kernbench.ops.launching import block_for, launch, pes_of
from kernbench.ops.support import (
    BOOL,
    INT64,
    deliver,
    finished,
    from_host,
    listed,
    on_machine,
    only,
)
from kernbench.runtime.devices import as_device
from kernbench.runtime.dispatch import call, register
from kernbench.runtime.dtypes import as_dtype, dtype
from kernbench.runtime.factories import (
    default_dtype,
    empty_on,
    from_data,
    from_numpy,
    shape_of,
    zeros_on,
)
from kernbench.runtime.geometry import dense_strides, like_strides
from kernbench.runtime.tensor import Tensor

__all__: list[str] = []


def _kind(given: Any) -> dtype:
    return default_dtype() if given is None else as_dtype(given)


def _size(size: tuple[Any, ...], names: dict[str, Any], name: str) -> tuple[int, ...]:
    return shape_of(listed(name, "size", size, names), name)


@register("empty")
def empty(
    *size: Any,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    out: Any = None,
    layout: Any = None,
    pin_memory: bool = False,
    memory_format: Any = None,
    placement: Any = None,
    **names: Any,
) -> Tensor:
    """Make a tensor of memory never written."""
    shape = _size(size, names, "empty")
    made = empty_on(shape, _kind(dtype), as_device(device), placement=placement)
    return finished(made, requires_grad, out)


@register("zeros")
def zeros(
    *size: Any,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    out: Any = None,
    layout: Any = None,
    pin_memory: bool = False,
    **names: Any,
) -> Tensor:
    """Make a tensor of zeros, in no simulated time."""
    made = zeros_on(_size(size, names, "zeros"), _kind(dtype), as_device(device))
    return finished(made, requires_grad, out)


@register("ones")
def ones(
    *size: Any,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    out: Any = None,
    layout: Any = None,
    pin_memory: bool = False,
    **names: Any,
) -> Tensor:
    """Make a tensor of ones."""
    made = empty_on(_size(size, names, "ones"), _kind(dtype), as_device(device))
    return finished(fill_(made, 1), requires_grad, out)


@register("full")
def full(
    size: Any,
    fill_value: Any,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    out: Any = None,
    layout: Any = None,
    pin_memory: bool = False,
) -> Tensor:
    """Make a tensor that holds a number everywhere."""
    value = fill_value.item() if isinstance(fill_value, Tensor) else fill_value
    if not isinstance(value, (bool, int, float, complex, np.generic)):
        raise TypeError(
            f"full(): argument 'fill_value' (position 2) must be Number, not {type(value).__name__}"
        )
    if dtype is None:
        if isinstance(value, bool):
            kind = BOOL
        elif isinstance(value, int):
            kind = INT64
        elif isinstance(value, complex):
            kind = default_dtype().to_complex()
        else:
            kind = default_dtype()
    else:
        kind = as_dtype(dtype)
    shape = shape_of((size,))
    return finished(fill_(empty_on(shape, kind, as_device(device)), value), requires_grad, out)


def _like(self: Tensor, dtype: Any, device: Any, memory_format: Any) -> Tensor:
    name = getattr(memory_format, "name", memory_format)
    dense = name not in (None, "preserve_format")
    strides = dense_strides(self._shape) if dense else like_strides(self._shape, self._strides)
    kind = self._dtype if dtype is None else as_dtype(dtype)
    return empty_on(
        self._shape, kind, self.device if device is None else as_device(device), strides
    )


@register("empty_like")
def empty_like(
    self: Tensor,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    memory_format: Any = None,
    layout: Any = None,
    pin_memory: bool = False,
) -> Tensor:
    """Make a tensor of another's shape, of memory never written."""
    return finished(_like(self, dtype, device, memory_format), requires_grad)


@register("zeros_like")
def zeros_like(
    self: Tensor,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    memory_format: Any = None,
    layout: Any = None,
    pin_memory: bool = False,
) -> Tensor:
    """Make a tensor of zeros, of another's shape."""
    kind = self._dtype if dtype is None else as_dtype(dtype)
    where = self.device if device is None else as_device(device)
    strides = like_strides(self._shape, self._strides)
    return finished(empty_on(self._shape, kind, where, strides, zeroed=True), requires_grad)


@register("ones_like")
def ones_like(
    self: Tensor,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    memory_format: Any = None,
    layout: Any = None,
    pin_memory: bool = False,
) -> Tensor:
    """Make a tensor of ones, of another's shape."""
    return finished(fill_(_like(self, dtype, device, memory_format), 1), requires_grad)


@register("full_like")
def full_like(
    self: Tensor,
    fill_value: Any,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    memory_format: Any = None,
    layout: Any = None,
    pin_memory: bool = False,
) -> Tensor:
    """Make a tensor of another's shape that holds a number everywhere."""
    return finished(fill_(_like(self, dtype, device, memory_format), fill_value), requires_grad)


@register("empty_strided")
def empty_strided(
    size: Any,
    stride: Any,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    layout: Any = None,
    pin_memory: bool = False,
) -> Tensor:
    """Make a tensor with these strides, of memory never written."""
    made = empty_on(tuple(size), _kind(dtype), as_device(device), tuple(stride))
    return finished(made, requires_grad)


def _new(name: str) -> None:
    @register(f"new_{name}", "composite")
    def make(self: Tensor, *args: Any, dtype: Any = None, device: Any = None, **names: Any) -> Any:
        kind = self._dtype if dtype is None else as_dtype(dtype)
        where = self.device if device is None else device
        return call(name, *args, dtype=kind, device=where, **names)

    make.__doc__ = f"Do ``torch.{name}`` with this tensor's dtype and device."


for _name in ("empty", "zeros", "ones", "full", "tensor"):
    _new(_name)


@register("new_empty_strided", "composite")
def new_empty_strided(self: Tensor, size: Any, stride: Any, **names: Any) -> Any:
    """Make a tensor with these strides, with this tensor's dtype and device."""
    names = {"dtype": self._dtype, "device": self.device} | names
    return call("empty_strided", size, stride, **names)


@register("fill_", "inplace")
def fill_(self: Tensor, value: Any) -> Tensor:
    """Write a number everywhere."""
    if isinstance(value, Tensor):
        if value.ndim:
            raise RuntimeError(
                f"fill_ only supports 0-dimension value tensor but got tensor with {value.ndim} "
                "dimensions."
            )
        if on_machine(value) and on_machine(self):
            return pointwise.assign(self, value)
        value = value.item()
    kind = self._dtype
    if isinstance(value, complex) and not kind.is_complex:
        raise RuntimeError("value cannot be converted to type float without overflow")
    if not on_machine(self):
        pointwise.assign_host(self, np.asarray(value).astype(_number_kind(value, kind)), kind)
        return self
    self._version += 1
    if not self.numel():
        return self
    number = float(value) if kind.is_floating_point else int(value)
    if kind.name == "bool":
        number = int(bool(value))
    low, high = self._span()
    if high - low == self.numel():
        block = block_for(self.numel(), pes_of(self))
        flat = self._view((self.numel(),), (1,), low)
        launch(
            kernels.fill, flat, -(-self.numel() // block), (flat, number, self.numel()), BLOCK=block
        )
        return self
    pointwise.run(functions.move, [number], self, kind)
    return self


def _number_kind(value: Any, kind: dtype) -> Any:
    if kind.is_integral and isinstance(value, float):
        return np.float64
    return kind.compute


@register("zero_", "inplace")
def zero_(self: Tensor) -> Tensor:
    """Write zeros everywhere."""
    return fill_(self, 0)


@register("tensor")
def tensor(
    data: Any,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """Make a tensor with these values."""
    kind = None if dtype is None else as_dtype(dtype)
    where = None if device is None else as_device(device)
    return finished(from_data(data, kind, where), requires_grad)


@register("as_tensor")
def as_tensor(data: Any, dtype: Any = None, device: Any = None) -> Any:
    """Return a tensor of these values: sharing memory where it can."""
    if isinstance(data, Tensor):
        return call("to", data, device or data.device, dtype or data._dtype)
    if isinstance(data, np.ndarray):
        made = from_numpy(data)
        return call("to", made, as_device(device), dtype or made._dtype)
    return call("tensor", data, dtype=dtype, device=device)


register("asarray", "composite")(
    lambda obj, *, dtype=None, device=None, copy=None: as_tensor(obj, dtype, device)
)


@register("from_numpy")
def from_numpy_(ndarray: Any) -> Tensor:
    """Make a host tensor over an array's memory."""
    return from_numpy(ndarray)


@register("scalar_tensor", "composite")
def scalar_tensor(value: Any, **names: Any) -> Any:
    """Make a 0-d tensor."""
    names.setdefault("dtype", default_dtype())
    return call("tensor", value, **names)


@register("Tensor")
def legacy(*args: Any, device: Any = None, kind: dtype | None = None) -> Tensor:
    """Make what ``torch.Tensor(...)`` makes: of sizes, or of values."""
    kind = kind or default_dtype()
    if not args:
        return empty_on((0,), kind, as_device(device))
    if len(args) == 1 and isinstance(args[0], Tensor):
        return args[0]
    if len(args) == 1 and not hasattr(args[0], "__index__") and type(args[0]).__name__ != "Size":
        return from_data(args[0], kind, as_device(device))
    return empty_on(shape_of(args), kind, as_device(device))


def _plain(bound: Any) -> Any:
    return bound.item() if isinstance(bound, Tensor) else bound


@register("arange")
def arange(
    *bounds: Any,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    out: Any = None,
    layout: Any = None,
    pin_memory: bool = False,
    **names: Any,
) -> Tensor:
    """Make evenly spaced numbers, up to an end that is not among them."""
    only("arange", names, "start", "end", "step")
    given = list(bounds)
    start = names.get("start", given.pop(0) if len(given) > 1 else 0)
    end = names.get("end", given.pop(0) if given else None)
    step = names.get("step", given.pop(0) if given else 1)
    start, end, step = (_plain(each) for each in (start, end, step))
    whole = all(isinstance(each, (int, np.integer)) for each in (start, end, step))
    kind = (INT64 if whole else default_dtype()) if dtype is None else as_dtype(dtype)
    if step == 0:
        raise RuntimeError("step must be nonzero")
    if (step > 0 and end < start) or (step < 0 and end > start):
        raise RuntimeError("upper bound and lower bound inconsistent with step sign")
    if whole:
        count = -(-(end - start) // step)
        values = start + step * np.arange(count, dtype=np.int64)
    else:
        count = math.ceil((end - start) / step)
        values = start + step * np.arange(count, dtype=np.float64)
    return finished(_placed(values, kind, device), requires_grad, out)


def _placed(values: Any, kind: dtype, device: Any) -> Tensor:
    made = from_host(np.asarray(values), kind)
    where = as_device(device)
    return made if where.type == "cpu" else call("to", made, where)


@register("range", "composite")
def range_(start: Any, end: Any, step: Any = 1, *, dtype: Any = None, device: Any = None) -> Any:
    """Make evenly spaced numbers, the end among them."""
    count = math.floor((end - start) / step) + 1
    return _placed(start + step * np.arange(count, dtype=np.float64), _kind(dtype), device)


@register("linspace")
def linspace(
    start: Any,
    end: Any,
    steps: int,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    out: Any = None,
) -> Tensor:
    """Make `steps` evenly spaced numbers, both ends among them."""
    if steps < 0:
        raise RuntimeError("number of steps must be non-negative")
    start, end = (each.item() if isinstance(each, Tensor) else each for each in (start, end))
    kind = _kind(dtype)
    if kind.is_integral:
        gap = (float(end) - float(start)) / (steps - 1) if steps > 1 else 0.0
        places = np.arange(steps)
        values = np.where(
            places < steps / 2, start + gap * places, end - gap * (steps - places - 1)
        )
        return finished(_placed(values, kind, device), requires_grad, out)
    wide = kind.compute.type
    step = (wide(end) - wide(start)) / wide(steps - 1) if steps > 1 else wide(0)
    places = np.arange(steps)
    # Each number is one fused multiply-add.
    up = (np.float64(wide(start)) + np.float64(step) * places).astype(wide)
    down = (np.float64(wide(end)) - np.float64(step) * (steps - places - 1)).astype(wide)
    values = np.where(places < steps // 2, up, down) if steps > 1 else up
    return finished(_placed(values, kind, device), requires_grad, out)


@register("logspace", "composite")
def logspace(start: Any, end: Any, steps: int, base: float = 10.0, **names: Any) -> Any:
    """Make powers with evenly spaced exponents."""
    return call("pow", base, call("linspace", start, end, steps, **names))


@register("eye")
def eye(
    n: int,
    m: int | None = None,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    out: Any = None,
) -> Tensor:
    """Make a matrix with ones on its diagonal."""
    values = np.eye(n, n if m is None else m)
    return finished(_placed(values, _kind(dtype), device), requires_grad, out)


def _triangle(name: str, keep: Any) -> None:
    @register(name)
    def cut(self: Tensor, diagonal: int = 0, *, out: Any = None) -> Any:
        if self.ndim < 2:
            raise RuntimeError(f"{name}: input tensor must have at least 2 dimensions")
        rows, cols = self._shape[-2:]
        mask = _placed(keep(np.ones((rows, cols), bool), diagonal), BOOL, self.device)
        zero = False if self._dtype.name == "bool" else 0
        return deliver(call("where", mask, self, zero), out)

    @register(f"{name}_", "inplace")
    def cut_(self: Tensor, diagonal: int = 0) -> Any:
        return call("copy_", self, cut(self, diagonal))

    cut.__doc__ = f"Keep a triangle, as ``torch.{name}``."
    cut_.__doc__ = f"Keep a triangle, as ``torch.{name}``."


_triangle("tril", np.tril)
_triangle("triu", np.triu)


def _triangle_indices(name: str, places: Any) -> None:
    @register(f"{name}_indices", "composite")
    def indices(
        row: int, col: int, offset: int = 0, *, dtype: Any = None, device: Any = None
    ) -> Any:
        kind = INT64 if dtype is None else as_dtype(dtype)
        return _placed(np.stack(places(row, offset, col)), kind, device)

    indices.__doc__ = f"Make the places of a triangle, as ``torch.{name}_indices``."


_triangle_indices("tril", np.tril_indices)
_triangle_indices("triu", np.triu_indices)


@register("diag", "composite")
def diag(self: Tensor, diagonal: int = 0) -> Any:
    """Make a matrix with this diagonal, or take a matrix's."""
    if self.ndim == 1:
        return call("diag_embed", self, diagonal)
    if self.ndim != 2:
        raise RuntimeError(f"diag(): Supports 1D or 2D tensors. Got {self.ndim}D")
    return call("clone", call("diagonal", self, diagonal), memory_format="contiguous_format")


@register("diag_embed", "composite")
def diag_embed(self: Tensor, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Any:
    """Make matrices with these diagonals."""
    size = self._shape[-1] + abs(offset)
    made = zeros_on((*self._shape[:-1], size, size), self._dtype, self.device)
    call("copy_", call("diagonal", made, offset, -2, -1), self)
    return call("movedim", made, (-2, -1), (dim1, dim2))


@register("meshgrid", "composite")
def meshgrid(*tensors: Any, indexing: str = "ij") -> Any:
    """Expand vectors to the grid of all their combinations."""
    parts = list(tensors[0]) if isinstance(tensors[0], (list, tuple)) else list(tensors)
    swap = indexing == "xy" and len(parts) > 1
    if swap:
        parts[0], parts[1] = parts[1], parts[0]
    shape = [each.numel() for each in parts]
    grids = []
    for place, each in enumerate(parts):
        lone = [1] * len(parts)
        lone[place] = shape[place]
        grids.append(call("expand", call("reshape", each, lone), shape))
    if swap:
        grids[0], grids[1] = grids[1], grids[0]
    return tuple(grids)


@register("strided_layout", "composite")
def strided_layout() -> Any:
    """Return ``torch.strided``."""
    from kernbench.runtime.enums import strided

    return strided


@register("get_default_dtype", "composite")
def get_default_dtype() -> dtype:
    """Return the type of new floating-point tensors."""
    return default_dtype()


@register("complex", "composite")
def complex_(real: Tensor, imag: Tensor) -> Tensor:
    """Make complex numbers of their parts."""
    kind = real._dtype.to_complex()
    return from_host(real._values() + 1j * imag._values(), kind)
