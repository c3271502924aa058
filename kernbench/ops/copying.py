"""Copies: between devices, dtypes and layouts; ``cat`` and ``stack``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from kernbench.ops import pointwise
from kernbench.ops.support import deliver, new_empty, on_machine, only
from kernbench.runtime.devices import CPU, as_device, device
from kernbench.runtime.dispatch import call, register
from kernbench.runtime.dtypes import BY_NAME, dtype
from kernbench.runtime.factories import empty_on
from kernbench.runtime.geometry import broadcast_shapes, dense_strides, like_strides, wrap_dim
from kernbench.runtime.promotion import promote_types
from kernbench.runtime.storage import HostStorage, Storage
from kernbench.runtime.tensor import Tensor

__all__ = ["clone", "copy_", "to_device"]


def to_device(source: Tensor, where: device, wait: bool = True, blank: bool = False) -> Tensor:
    """Return the elements as a tensor of another device: a timed copy over the host link.

    Without `wait` a copy to the machine is left to its stream (``non_blocking=True``).  With
    `blank`, a tensor of a run of timing alone comes home as zeros, in the same time.
    """
    if source._storage.device == where:
        return source
    if blank and isinstance(source._storage, Storage) and not source._storage.has_values:
        source._storage.context._host_link.carry(source)
        return empty_on(source._shape, source._dtype, CPU, zeroed=True)
    if not on_machine(source):
        strides = like_strides(source._shape, source._strides)
        image = new_empty(source._shape, source._dtype, CPU, strides)
        image._host()[...] = source._host()
        kept = source._dtype.is_integral
        made = empty_on(source._shape, source._dtype, where, strides, keep=kept)
        assert isinstance(image._storage, HostStorage)
        assert isinstance(made._storage, Storage)
        made._storage.context._host_link.write(made, image._storage.bytes.tobytes(), wait)
        return made
    if where.type == "cpu":
        strides = like_strides(source._shape, source._strides)
        made = new_empty(source._shape, source._dtype, CPU, strides)
        made._host()[...] = source._host()
        return made
    return to_device(to_device(source, CPU), where)


def _memory_strides(source: Tensor, memory_format: Any) -> tuple[int, ...]:
    name = getattr(memory_format, "name", memory_format)
    if name in (None, "preserve_format"):
        return like_strides(source._shape, source._strides)
    return dense_strides(source._shape)


@register("clone")
def clone(source: Tensor, *, memory_format: Any = None) -> Tensor:
    """Copy a tensor."""
    strides = _memory_strides(source, memory_format)
    made = new_empty(source._shape, source._dtype, source.device, strides)
    return pointwise.assign(made, source)


@register("contiguous")
def contiguous(source: Tensor, memory_format: Any = None) -> Tensor:
    """Return a row-major tensor of the same elements: the same one, if it is."""
    if source.is_contiguous():
        return source
    made = new_empty(source._shape, source._dtype, source.device)
    return pointwise.assign(made, source)


@register("copy_", "inplace")
def copy_(target: Tensor, source: Any, non_blocking: bool = False) -> Tensor:
    """Write the elements of `source` to `target`."""
    if not isinstance(source, Tensor):
        source = call("tensor", source, device=target.device)
    shape = broadcast_shapes(target._shape, source._shape)
    if tuple(shape) != tuple(target._shape):
        raise RuntimeError(
            f"The size of tensor a ({target._shape[-1] if target._shape else 0}) must match the "
            f"size of tensor b ({source._shape[-1]}) at non-singleton dimension "
            f"{len(target._shape) - 1}"
            if len(source._shape) <= len(target._shape)
            else f"output with shape {list(target._shape)} doesn't match the broadcast shape "
            f"{list(shape)}"
        )
    pointwise.check_overlap(target, ())
    if source._storage is target._storage and target._span() != source._span():
        source = clone(source)
    if source.device == target.device:
        return pointwise.assign(target, source)
    if on_machine(target):
        if source._dtype is not target._dtype:
            source = call("to", source, target._dtype)
        dense = target.is_contiguous() and source._shape == target._shape
        if dense and not on_machine(source):
            held = np.ascontiguousarray(source._host())
            assert isinstance(target._storage, Storage)
            target._storage.context._host_link.write(target, held.tobytes(), not non_blocking)
            target._version += 1
            return target
    return pointwise.assign(target, to_device(source, target.device))


@register("to")
def to(source: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """Return the elements in another dtype, on another device, or both."""
    only("to", kwargs, "device", "dtype", "other", "copy", "memory_format", "non_blocking")
    if "other" in kwargs:
        args = (kwargs["other"], *args)
    where, kind = kwargs.get("device"), kwargs.get("dtype")
    copy, memory_format = kwargs.get("copy", False), kwargs.get("memory_format")
    wait = not kwargs.get("non_blocking", False)
    names = ["non_blocking", "copy"]
    for each in args:
        if isinstance(each, Tensor):
            where, kind = each.device, each._dtype
        elif isinstance(each, dtype) or type(each).__name__ == "dtype":
            kind = each
        elif isinstance(each, bool):
            if names.pop(0) == "copy":
                copy = each
            else:
                wait = not each
        elif each is not None:
            where = each
    return _to(source, where, kind, copy, memory_format, wait)


def _to(
    source: Tensor,
    where: Any,
    kind: Any,
    copy: bool = False,
    memory: Any = None,
    wait: bool = True,
) -> Tensor:
    from kernbench.runtime.dtypes import as_dtype

    target = source.device if where is None else as_device(where)
    wanted = source._dtype if kind is None else as_dtype(kind)
    if target == source.device and wanted is source._dtype:
        return call("clone", source, memory_format=memory) if copy else source
    if wanted is not source._dtype:
        made = new_empty(source._shape, wanted, source.device, _memory_strides(source, memory))
        source = pointwise.assign(made, source)
    return to_device(source, target, wait)


def _register_conversions() -> None:
    names = {
        "float": "float32",
        "double": "float64",
        "half": "float16",
        "bfloat16": "bfloat16",
        "int": "int32",
        "long": "int64",
        "short": "int16",
        "char": "int8",
        "byte": "uint8",
        "bool": "bool",
    }
    for name, kind in names.items():

        def convert(self: Tensor, memory_format: Any = None, kind: dtype = BY_NAME[kind]) -> Any:
            return call("to", self, kind)

        register(name, "composite")(convert)


_register_conversions()


@register("cpu", "composite")
def cpu(self: Tensor, memory_format: Any = None) -> Any:
    """Return the tensor on the host."""
    return call("to", self, CPU)


@register("cuda", "composite")
def cuda(
    self: Tensor, device: Any = None, non_blocking: bool = False, memory_format: Any = None
) -> Any:
    """Return the tensor on the machine: on the current SIP unless told."""
    where = as_device("cuda" if device is None else device)
    return call("to", self, where, non_blocking=non_blocking)


@register("type", "composite")
def type_(self: Tensor, dtype: Any = None, non_blocking: bool = False) -> Any:
    """Return the tensor's legacy type name, or the tensor in another dtype."""
    if dtype is None:
        prefix = "torch.cuda." if self.is_cuda else "torch."
        return f"{prefix}{self._dtype.label}Tensor"
    if isinstance(dtype, str):
        label = dtype.rpartition(".")[2].removesuffix("Tensor")
        dtype = next(each for each in BY_NAME.values() if each.label == label)
    return call("to", self, getattr(dtype, "dtype", dtype))


@register("type_as", "composite")
def type_as(self: Tensor, other: Tensor) -> Any:
    """Return the tensor in another's dtype and on its device."""
    return call("to", self, other)


@register("cat")
def cat(tensors: Sequence[Tensor], dim: int = 0, *, out: Tensor | None = None) -> Tensor:
    """Join tensors along a dimension."""
    parts = list(tensors)
    if not parts:
        raise ValueError("torch.cat(): expected a non-empty list of Tensors")
    kind = parts[0]._dtype
    for each in parts[1:]:
        kind = promote_types(kind, each._dtype)
    real = [each for each in parts if each._shape != (0,)]
    if any(not each._shape for each in parts):
        place = next(i for i, each in enumerate(parts) if not each._shape)
        raise RuntimeError(f"zero-dimensional tensor (at position {place}) cannot be concatenated")
    if not real:
        return deliver(new_empty((0,), kind, parts[0].device), out)
    first = real[0]
    place = wrap_dim(dim, first.ndim)
    for number, each in enumerate(parts):
        if each._shape == (0,):
            continue
        if each.ndim != first.ndim:
            raise RuntimeError(
                f"Tensors must have same number of dimensions: got {first.ndim} and {each.ndim}"
            )
        for axis, (a, b) in enumerate(zip(first._shape, each._shape, strict=True)):
            if axis != place and a != b:
                raise RuntimeError(
                    f"Sizes of tensors must match except in dimension {place}. Expected size {a} "
                    f"but got size {b} for tensor number {number} in the list."
                )
        if each.device != first.device:
            raise RuntimeError(
                "Expected all tensors to be on the same device, but found at least two devices, "
                f"{first.device} and {each.device}!"
            )
    shape = list(first._shape)
    shape[place] = sum(each._shape[place] for each in real)
    made = new_empty(shape, kind, first.device)
    start = 0
    for each in real:
        size = each._shape[place]
        offset = made._offset + start * made._strides[place]
        pointwise.assign(made._view(each._shape, made._strides, offset), each)
        start += size
    return deliver(made, out)


@register("stack", "composite")
def stack(tensors: Sequence[Tensor], dim: int = 0, *, out: Tensor | None = None) -> Any:
    """Join tensors along a new dimension."""
    parts = list(tensors)
    if not parts:
        raise RuntimeError("stack expects a non-empty TensorList")
    for number, each in enumerate(parts):
        if each._shape != parts[0]._shape:
            raise RuntimeError(
                f"stack expects each tensor to be equal size, but got {list(parts[0]._shape)} at "
                f"entry 0 and {list(each._shape)} at entry {number}"
            )
    place = wrap_dim(dim, parts[0].ndim + 1)
    return call("cat", [call("unsqueeze", each, place) for each in parts], place, out=out)
