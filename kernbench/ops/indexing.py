"""``x[...]`` and ``x[...] = ...``, and what picks elements by their places."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from kernbench.ops import functions as fn
from kernbench.ops.copying import to_device
from kernbench.ops.picking import take_places
from kernbench.ops.scattering import write_on_machine
from kernbench.ops.support import (
    INT64,
    from_host,
    new_empty,
    on_machine,
)
from kernbench.runtime import dtypes
from kernbench.runtime.devices import CPU, device
from kernbench.runtime.dispatch import call, register
from kernbench.runtime.factories import from_data
from kernbench.runtime.geometry import (
    broadcast_shapes,
    broadcast_strides,
    permuted_strides,
    view_strides,
)
from kernbench.runtime.tensor import Tensor

__all__: list[str] = []

INDEX_DTYPES = ("int64", "int32", "bool", "uint8", "int16", "int8")


def _parse(self: Tensor, index: Any) -> tuple[Tensor, list[Any] | None]:
    """Do what of an index is a view; return that, and the tensors that pick from its dimensions.

    The list has an entry a dimension: an index tensor of int64, or None.
    """
    items = list(index) if isinstance(index, tuple) else [index]
    if isinstance(index, list) and any(
        isinstance(each, (slice, Tensor, list, tuple)) or each is None or each is Ellipsis
        for each in index
    ):
        items = list(index)
    items = [_as_index(each, self) for each in items]
    used = sum(_consumes(each) for each in items)
    if used > self.ndim:
        raise IndexError(f"too many indices for tensor of dimension {self.ndim}")
    if not any(each is Ellipsis for each in items):
        items.append(Ellipsis)
    seen, dim, origin = self, 0, 0
    picks: list[Any] = []
    for item in items:
        if item is Ellipsis:
            skip = self.ndim - used
            picks += [None] * skip
            dim += skip
            origin += skip
        elif item is None:
            seen = call("unsqueeze", seen, dim)
            picks.append(None)
            dim += 1
        elif isinstance(item, slice):
            seen = _sliced(seen, dim, item)
            picks.append(None)
            dim += 1
            origin += 1
        elif isinstance(item, bool):
            seen = call("unsqueeze", seen, dim)
            places = from_host(np.zeros(int(item), np.int64), INT64)
            picks.append(places)
            dim += 1
        elif isinstance(item, int):
            seen = _selected(seen, dim, item, origin)
            origin += 1
        else:
            picks += _pick(seen, dim, item)
            dim += _consumes(item)
            origin += _consumes(item)
    return seen, picks if any(each is not None for each in picks) else None


def _as_index(item: Any, self: Tensor) -> Any:
    if item is None or item is Ellipsis or isinstance(item, (slice, bool)):
        return item
    if isinstance(item, (list, tuple, np.ndarray)):
        item = from_data(np.asarray(item) if isinstance(item, np.ndarray) else list(item))
        if item._dtype.is_floating_point and item.numel() == 0:
            item = call("to", item, INT64)
    if isinstance(item, Tensor):
        if item._dtype.name not in INDEX_DTYPES:
            raise IndexError("tensors used as indices must be long, int, byte or bool tensors")
        if item.ndim == 0 and item._dtype.name not in ("bool", "uint8"):
            return int(item.item())
        return item
    if hasattr(item, "__index__"):
        return item.__index__()
    if isinstance(item, str):
        raise TypeError("new(): invalid data type 'str'")
    raise IndexError(
        "only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables are valid "
        f"indices (got {type(item).__name__})"
    )


def _consumes(item: Any) -> int:
    if item is None or item is Ellipsis or isinstance(item, bool):
        return 0
    if isinstance(item, Tensor) and item._dtype.name in ("bool", "uint8"):
        return item.ndim
    return 1


def _sliced(seen: Tensor, dim: int, item: slice) -> Tensor:
    start, stop, step = (
        None if each is None else int(each) for each in (item.start, item.stop, item.step)
    )
    if step is not None and step <= 0:
        raise ValueError("step must be greater than zero")
    if start is None and stop is None and step is None:
        return seen
    return call("slice", seen, dim, start, stop, 1 if step is None else step)  # type: ignore[no-any-return]


def _selected(seen: Tensor, dim: int, number: int, origin: int) -> Tensor:
    if not seen._shape:
        raise IndexError(
            "invalid index of a 0-dim tensor. Use `tensor.item()` in Python or `tensor.item<T>()` "
            "in C++ to convert a 0-dim tensor to a number"
        )
    size = seen._shape[dim]
    if not -size <= number < size:
        raise IndexError(f"index {number} is out of bounds for dimension {origin} with size {size}")
    return call("select", seen, dim, number)  # type: ignore[no-any-return]


def _pick(seen: Tensor, dim: int, item: Tensor) -> list[Any]:
    """Return the index tensors of one index: several for a mask of several dimensions."""
    if item._dtype.name not in ("bool", "uint8"):
        return [item]
    for offset, size in enumerate(item._shape):
        if seen._shape[dim + offset] != size:
            raise IndexError(
                f"The shape of the mask {list(item._shape)} at index {offset} does not match the "
                f"shape of the indexed tensor {list(seen._shape)} at index {dim + offset}"
            )
    if item.ndim == 0:
        return [from_host(np.zeros(int(bool(item.item())), np.int64), INT64)]
    return [call("to", each, INT64) for each in call("nonzero", item, as_tuple=True)]


@register("getitem", "composite")
def getitem(self: Tensor, index: Any) -> Any:
    """Do ``self[index]``: a view, or for index tensors and masks a copy."""
    if type(index) is int:
        return _selected(self, 0, index, 0)
    seen, picks = _parse(self, index)
    if picks is None:
        return seen if seen is not self else call("alias", self)
    return call("index", seen, picks)


@register("setitem_", "inplace")
def setitem_(self: Tensor, index: Any, value: Any) -> None:
    """Do ``self[index] = value``."""
    simple = isinstance(index, Tensor) and index._dtype.name == "bool"
    if simple and index._shape == self._shape and not isinstance(value, Tensor):
        call("masked_fill_", self, index, value)
        return
    seen, picks = _parse(self, index)
    if picks is None:
        if isinstance(value, Tensor):
            extra = value.ndim - seen.ndim
            if extra > 0 and all(n == 1 for n in value._shape[:extra]):
                value = call("view", value, value._shape[extra:])
            call("copy_", seen, value)
        else:
            call("fill_", seen, value)
        return
    if not isinstance(value, Tensor):
        value = from_data(value, self._dtype)
    if value._dtype is not self._dtype and value.ndim == 0:
        value = call("to", value, self._dtype)
    call("index_put_", seen, picks, value)


def _host_picks(picks: Sequence[Any], ndim: int) -> tuple[Any, ...]:
    return tuple(
        slice(None) if each is None else to_device(each, CPU)._host().astype(np.int64)
        for each in [*picks, *[None] * (ndim - len(picks))]
    )


def _check_bounds(self: Tensor, picks: Sequence[Any]) -> None:
    shapes = [each._shape for each in picks if each is not None]
    try:
        broadcast_shapes(*shapes)
    except RuntimeError:
        listed = ", ".join(str(list(shape)) for shape in shapes)
        raise IndexError(
            f"shape mismatch: indexing tensors could not be broadcast together with shapes {listed}"
        ) from None
    place = -1  # torch counts the dimensions that are picked from
    for dim, each in enumerate(picks):
        if each is None:
            continue
        place += 1
        if not each.numel() or on_machine(each):
            continue
        held, size = each._host(), self._shape[dim]
        bad = held[(held < -size) | (held >= size)]
        if bad.size:
            raise IndexError(
                f"index {bad.reshape(-1)[0]} is out of bounds for dimension {place} with size "
                f"{size}"
            )


class _Picked:
    """Index tensors for some dimensions of a tensor, and where their dimensions stand in a result.

    ``lone`` are the dimensions picked from, ``kept`` the sizes of the others; the index's own
    dimensions stand in the place of ``lone`` where those are neighbours, else in front.
    """

    def __init__(self, self_: Tensor, indices: Sequence[Any]) -> None:
        self.indices = indices
        self.lone = [d for d, each in enumerate(indices) if each is not None]
        self.rest = [d for d in range(self_.ndim) if d not in self.lone]
        self.sizes = [self_._shape[d] for d in self.lone]
        self.kept = tuple(self_._shape[d] for d in self.rest)
        self.picked = broadcast_shapes(*(indices[d]._shape for d in self.lone))
        first, last = self.lone[0], self.lone[-1]
        self.lead = first if self.lone == list(range(first, last + 1)) else 0
        self.shape = (*self.kept[: self.lead], *self.picked, *self.kept[self.lead :])

    def among_kept(self, steps: Sequence[int], kept: Sequence[int] | None = None) -> list[int]:
        """Strides over the result: `steps` over the index's dimensions, `kept` (or 0) elsewhere."""
        others = [0] * len(self.kept) if kept is None else list(kept)
        return [*others[: self.lead], *steps, *others[self.lead :]]

    def layout(self, self_: Tensor) -> tuple[int, ...]:
        """Strides of what is picked, as torch has them: in the order of the source's."""
        kept = [self_._strides[d] for d in self.rest]
        seen = [self.among_kept([0] * len(self.picked), kept)]
        for d in self.lone:
            each = self.indices[d]
            own = broadcast_strides(self.picked, each._shape, each._strides)
            seen.append(self.among_kept(own))
        return permuted_strides(self.shape, seen)

    def places(self, where: device) -> Any:
        """Return one index tensor for the dimensions together, on a device."""
        found: Any = None
        for dim, size in zip(self.lone, self.sizes, strict=True):
            each = to_device(self.indices[dim], where)
            if len(self.lone) > 1:
                each = call("where", call("lt", each, 0), call("add", each, size), each)
            found = each if found is None else call("add", call("mul", found, size), each)
        return found

    def merged(self, self_: Tensor) -> Tensor | None:
        """View the dimensions picked from as one, in front; None where they do not lie so."""
        moved = call("permute", self_, (*self.lone, *self.rest))
        shape = (math.prod(self.sizes), *self.kept)
        strides = view_strides(moved._shape, moved._strides, shape)
        return None if strides is None else self_._view(shape, strides, self_._offset)


@register("index")
def index_(self: Tensor, indices: Sequence[Any]) -> Tensor:
    """Pick elements by index tensors, one for each dimension that is picked from."""
    _check_bounds(self, indices)
    pick = _Picked(self, indices)
    strides = pick.layout(self)
    if not on_machine(self):
        picked = self._host()[_host_picks(indices, self.ndim)]
        return from_host(dtypes.to_compute(picked, self._dtype), self._dtype, strides)
    rows = pick.merged(self)
    if rows is None:
        rows = pick.merged(call("contiguous", self))
        assert rows is not None or len(pick.lone) > 1
    if rows is None:  # the dimensions are no neighbours: a copy with them in front
        moved = call("contiguous", call("permute", self, (*pick.lone, *pick.rest)))
        rows = call("view", moved, (math.prod(pick.sizes), *pick.kept))
    places = pick.places(self.device)
    own = broadcast_strides(pick.picked, places._shape, places._strides)
    kept = pick.among_kept([0] * len(pick.picked), rows._strides[1:])
    made = new_empty(pick.shape, self._dtype, self.device, strides)
    take_places(made, rows, 0, places, pick.among_kept(own), kept, wrap=True)
    return made


@register("index_put_", "inplace")
def index_put_(
    self: Tensor, indices: Sequence[Any], values: Tensor, accumulate: bool = False
) -> Tensor:
    """Write elements by index tensors."""
    if self._dtype is not values._dtype:
        raise RuntimeError(
            f"Index put requires the source and destination dtypes match, got {self._dtype.label} "
            f"for the destination and {values._dtype.label} for the source."
        )
    _check_bounds(self, indices)
    if on_machine(self):
        return _put_on_machine(self, indices, values, accumulate)
    places = _host_picks(indices, self.ndim)
    held = self._host()
    given = values._host()
    target = held[places].shape
    try:
        given = np.broadcast_to(given, target)
    except ValueError:
        raise RuntimeError(
            f"shape mismatch: value tensor of shape {list(values._shape)} cannot be broadcast to "
            f"indexing result of shape {list(target)}"
        ) from None
    if accumulate:
        wide = dtypes.to_compute(held, self._dtype).copy()
        np.add.at(wide, places, dtypes.to_compute(given, self._dtype))
        held[...] = dtypes.from_compute(wide, self._dtype)
    else:
        held[places] = given
    self._version += 1
    return self


@register("index_put", "composite")
def index_put(self: Tensor, indices: Any, values: Tensor, accumulate: bool = False) -> Any:
    """Copy with elements written by index tensors."""
    return call("index_put_", call("clone", self), indices, values, accumulate)


def _put_on_machine(
    self: Tensor, indices: Sequence[Any], values: Tensor, accumulate: bool
) -> Tensor:
    """Write rows of the dimensions that are not picked from, each to its place."""
    pick = _Picked(self, indices)
    rows = pick.merged(self)
    if rows is None:  # it crosses the link, and back
        home = to_device(self, CPU)
        index_put_(home, indices, to_device(values, CPU), accumulate)
        return call("copy_", self, home)  # type: ignore[no-any-return]
    values = to_device(values, self.device)
    if broadcast_shapes(values._shape, pick.shape) != pick.shape:
        raise RuntimeError(
            f"shape mismatch: value tensor of shape {list(values._shape)} cannot be broadcast to "
            f"indexing result of shape {list(pick.shape)}"
        )
    lead, count = pick.lead, len(pick.picked)
    order = [*range(lead, lead + count), *range(lead), *range(lead + count, len(pick.shape))]
    given = call("permute", call("expand", values, pick.shape), order)
    given = call("reshape", given, (math.prod(pick.picked), *pick.kept))
    index = call("reshape", pick.places(self.device), (-1, *(1,) * len(pick.kept)))
    write_on_machine(
        rows, 0, call("expand", index, given._shape), given, fn.add if accumulate else None
    )
    self._version += 1
    return self
