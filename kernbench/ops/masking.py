"""Masks: ``masked_fill``, ``nonzero`` ...; and forms of writing by index that return copies."""

from __future__ import annotations

from typing import Any

import numpy as np

from kernbench.ops.copying import to_device
from kernbench.ops.support import INT64, deliver, from_host, on_machine, staged
from kernbench.runtime.devices import CPU
from kernbench.runtime.dispatch import call, register
from kernbench.runtime.geometry import broadcast_shapes
from kernbench.runtime.tensor import Tensor

__all__: list[str] = []


@register("masked_fill_", "inplace")
def masked_fill_(self: Tensor, mask: Tensor, value: Any) -> Tensor:
    """Write a number where the mask holds."""
    if mask._dtype.name != "bool":
        raise RuntimeError(
            f"masked_fill_ only supports boolean masks, but got mask with dtype "
            f"{mask._dtype.label.lower()}"
        )
    if isinstance(value, Tensor):
        if value.ndim:
            raise RuntimeError(
                "masked_fill_ only supports a 0-dimensional value tensor, but got tensor with "
                f"{value.ndim} dimension(s)."
            )
        value = value.item() if not on_machine(value) else value
    shape = broadcast_shapes(self._shape, mask._shape)
    if shape != tuple(self._shape):
        raise RuntimeError(
            f"output with shape {list(self._shape)} doesn't match the broadcast shape {list(shape)}"
        )
    if not isinstance(value, Tensor) and self._dtype.is_integral and isinstance(value, float):
        value = int(value)
    return call("copy_", self, call("where", mask, value, self))  # type: ignore[no-any-return]


@register("masked_select")
def masked_select(self: Tensor, mask: Tensor, *, out: Any = None) -> Any:
    """Pick the elements where the mask holds."""
    if mask._dtype.name != "bool":
        raise RuntimeError("masked_select: expected BoolTensor for mask")
    shape = broadcast_shapes(self._shape, mask._shape)
    seen, where = (call("expand", each, shape) for each in (self, mask))
    return deliver(
        call(
            "index",
            call("reshape", seen, -1),
            list(call("nonzero", call("reshape", where, -1), as_tuple=True)),
        ),
        out,
    )


@register("masked_scatter_", "inplace")
def masked_scatter_(self: Tensor, mask: Tensor, source: Tensor) -> Any:
    """Write elements of `source`, in order, where the mask holds."""
    where = call("expand", mask, self._shape)
    places = call("nonzero", where, as_tuple=True)
    count = places[0].numel()
    if source.numel() < count:
        raise RuntimeError(
            f"masked_scatter: expected source to have at least {count} elements, got "
            f"{source.numel()}"
        )
    given = call("slice", call("reshape", source, -1), 0, 0, count)
    return call("index_put_", self, list(places), given)


@register("nonzero")
def nonzero(self: Tensor, *, as_tuple: bool = False, out: Any = None) -> Any:
    """Return the places of elements that are not zero: a host read, for their number."""
    if on_machine(self):
        return staged(lambda x: nonzero(x, as_tuple=as_tuple), self, sized_by_values=True)
    found = np.nonzero(np.atleast_1d(self._values()))
    if as_tuple:
        return tuple(from_host(each.astype(np.int64), INT64) for each in found)
    if not self._shape:
        return from_host(np.zeros((len(found[0]), 0), np.int64), INT64)
    stacked = np.stack(found, axis=1).astype(np.int64)
    count = stacked.shape[0]
    return deliver(from_host(stacked, INT64, (1, count) if count > 1 else None), out)


@register("argwhere", "composite")
def argwhere(self: Tensor) -> Any:
    """Return the places of elements that are not zero."""
    return call("nonzero", self)


def _functional(name: str) -> None:
    @register(name, "composite")
    def copied(self: Tensor, *args: Any, **kwargs: Any) -> Any:
        memory = None if name == "index_fill" else "contiguous_format"
        target = call("clone", self, memory_format=memory)
        return call(f"{name}_", target, *args, **kwargs)

    copied.__doc__ = f"Do ``{name}_`` on a copy."


for _name in (
    "scatter",
    "scatter_add",
    "scatter_reduce",
    "index_add",
    "index_copy",
    "index_fill",
    "masked_fill",
    "masked_scatter",
):
    _functional(_name)


@register("put_", "inplace")
def put_(self: Tensor, index: Tensor, source: Tensor, accumulate: bool = False) -> Any:
    """Write elements by their place in row-major order."""
    places = np.unravel_index(to_device(index, CPU)._host(), self._shape)
    picks = [from_host(each.astype(np.int64), INT64) for each in places]
    return call("index_put_", self, picks, source, accumulate)


@register("slice_scatter", "composite")
def slice_scatter(
    self: Tensor, src: Tensor, dim: int = 0, start: Any = None, end: Any = None, step: int = 1
) -> Any:
    """Copy with a slice replaced."""
    made = call("clone", self)
    call("copy_", call("slice", made, dim, start, end, step), src)
    return made


@register("fill_diagonal_", "inplace")
def fill_diagonal_(self: Tensor, fill_value: Any, wrap: bool = False) -> Tensor:
    """Write a number on the diagonal."""
    call("fill_", call("diagonal", self), fill_value)
    return self
