"""``x[...]`` and ``x[...] = ...``, and what picks elements by their places."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from kernbench.ops import kernels, pointwise
from kernbench.ops.copying import to_device
from kernbench.ops.launching import block_for, launch, pes_of
from kernbench.ops.support import (
    INT64,
    deliver,
    from_host,
    new_empty,
    on_machine,
    staged,
)
from kernbench.runtime import dtypes
from kernbench.runtime.devices import CPU
from kernbench.runtime.dispatch import call, register
from kernbench.runtime.factories import from_data
from kernbench.runtime.geometry import broadcast_shapes, wrap_dim
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


@register("index")
def index_(self: Tensor, indices: Sequence[Any]) -> Tensor:
    """Pick elements by index tensors, one for each dimension that is picked from."""
    _check_bounds(self, indices)
    if not on_machine(self):
        picked = self._host()[_host_picks(indices, self.ndim)]
        return from_host(dtypes.to_compute(picked, self._dtype), self._dtype)
    lone = [d for d, each in enumerate(indices) if each is not None]
    if len(lone) == 1:
        places = to_device(indices[lone[0]], self.device)
        flat = call("index_select", self, lone[0], call("reshape", places, -1))
        shape = (*self._shape[: lone[0]], *places._shape, *self._shape[lone[0] + 1 :])
        return call("reshape", flat, shape)  # type: ignore[no-any-return]
    flat, places, shape = _flattened(self, indices)
    return call("reshape", call("index_select", flat, 0, places), shape)  # type: ignore[no-any-return]


def _flattened(self: Tensor, indices: Sequence[Any]) -> tuple[Tensor, Tensor, tuple[int, ...]]:
    """Turn index tensors for several dimensions into one for the first: rows of what is left."""
    lone = [d for d, each in enumerate(indices) if each is not None]
    rest = [d for d in range(self.ndim) if d not in lone]
    together = lone == list(range(lone[0], lone[-1] + 1))
    moved = call("contiguous", call("permute", self, (*lone, *rest)))
    sizes = [self._shape[d] for d in lone]
    flat = call("reshape", moved, (math.prod(sizes), *(self._shape[d] for d in rest)))
    places: Any = None
    for dim, size in zip(lone, sizes, strict=True):
        each = to_device(indices[dim], self.device)
        each = call("where", call("lt", each, 0), call("add", each, size), each)
        places = each if places is None else call("add", call("mul", places, size), each)
    picked = places._shape
    first = tuple(self._shape[d] for d in rest)
    if together and lone[0] > 0:
        lead = lone[0]
        shape = (*first[:lead], *picked, *first[lead:])
        found = call("index_select", flat, 0, call("reshape", places, -1))
        found = call("reshape", found, (*picked, *first))
        order = [
            *range(len(picked), len(picked) + lead),
            *range(len(picked)),
            *range(len(picked) + lead, len(picked) + len(first)),
        ]
        found = call("contiguous", call("permute", found, order))
        return (
            found,
            call("arange", found._shape[0] if found.ndim else 1, device=self.device),
            shape,
        )
    return flat, call("reshape", places, -1), (*picked, *first)


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
        home = to_device(self, CPU)
        index_put_(home, indices, to_device(values, CPU), accumulate)
        return call("copy_", self, home)  # type: ignore[no-any-return]
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


# --- along one dimension --------------------------------------------------------------------------


def _check_index(name: str, index: Tensor) -> None:
    if index._dtype.name not in ("int64", "int32"):
        raise RuntimeError(f"{name}(): Expected dtype int32/int64 for index")


def _take(
    self: Tensor, dim: int, index: Tensor, shape: Sequence[int], steps: Sequence[int]
) -> Tensor:
    """Pick on the machine: places along `dim` are those of `index`, walked by `steps`."""
    made = new_empty(shape, self._dtype, self.device)
    if not made.numel():
        return made
    x_steps = [0 if d == dim else s for d, s in enumerate(self._strides)]
    sizes, strides = pointwise.collapse(shape, [steps, x_steps, made._strides])
    if sizes[0] != 1:
        raise NotImplementedError(
            f"kernbench: picking from shape {tuple(self._shape)} on the machine walks at most 4 "
            "dimensions of its own; make the operands contiguous first"
        )
    count = made.numel()
    block = block_for(count, pes_of(self), 1024, 256)
    launch(
        kernels.take_rows,
        self,
        -(-count // block),
        (
            made,
            self,
            index,
            count,
            self._shape[dim] if self._shape else 1,
            *sizes[1:],
            *strides[0][1:],
            *strides[1][1:],
            *strides[2][1:],
            self._strides[dim],
        ),
        COLS=block,
    )
    return made


@register("index_select")
def index_select(self: Tensor, dim: int, index: Tensor, *, out: Any = None) -> Tensor:
    """Pick places of a dimension."""
    place = wrap_dim(dim, self.ndim)
    if index.ndim > 1:
        raise IndexError("index_select(): Index is supposed to be a vector")
    _check_index("index_select", index)
    if not on_machine(self):
        if not self._shape:
            return deliver(call("clone", self), out)
        held, size = index._host().reshape(-1), self._shape[place]
        if held.size and (held.min() < 0 or held.max() >= size):
            raise IndexError("index out of range in self")
        picked = np.take(self._host(), held, axis=place)
        return deliver(from_host(dtypes.to_compute(picked, self._dtype), self._dtype), out)
    index = call("reshape", index, -1)
    shape = list(self._shape)
    shape[place] = index.numel()
    steps = [0] * self.ndim
    steps[place] = index._strides[0]
    return deliver(_take(self, place, to_device(index, self.device), shape, steps), out)


@register("gather")
def gather(
    self: Tensor, dim: int, index: Tensor, *, sparse_grad: bool = False, out: Any = None
) -> Tensor:
    """Pick, at each place of `index`, the element at index's number along `dim`."""
    place = wrap_dim(dim, self.ndim)
    if index._dtype.name not in ("int64", "int32"):
        raise RuntimeError("gather(): Expected dtype int32/int64 for index")
    if max(index.ndim, 1) != max(self.ndim, 1):
        raise RuntimeError("Index tensor must have the same number of dimensions as input tensor")
    for d in range(index.ndim):
        if d != place and index._shape[d] > self._shape[d]:
            raise RuntimeError(
                f"Size does not match at dimension {d} expected index {list(index._shape)} to be "
                f"no larger than self {list(self._shape)} apart from dimension {place}"
            )
    if on_machine(self):
        index = to_device(index, self.device)
        cut = self._view(
            [n if d == place else index._shape[d] for d, n in enumerate(self._shape)],
            self._strides,
            self._offset,
        )
        return deliver(_take(cut, place, index, index._shape, index._strides), out)
    places, size = index._host(), self._shape[place] if self._shape else 1
    _check_range("gather", places, size, place)
    if not self._shape:
        return deliver(call("clone", self), out)
    held = self._host()[
        tuple(slice(None) if d == place else slice(n) for d, n in enumerate(index._shape))
    ]
    picked = np.take_along_axis(held, places.astype(np.int64), axis=place)
    return deliver(from_host(dtypes.to_compute(picked, self._dtype), self._dtype), out)


def _check_range(name: str, places: Any, size: int, dim: int) -> None:
    bad = places[(places < 0) | (places >= size)]
    if bad.size:
        raise RuntimeError(
            f"index {bad.reshape(-1)[0]} is out of bounds for dimension {dim} with size {size}"
        )


@register("take", "composite")
def take(self: Tensor, index: Tensor) -> Any:
    """Pick elements by their place in row-major order."""
    flat = call("reshape", self, -1)
    picked = call("index", flat, [call("reshape", index, -1)])
    return call("reshape", picked, index._shape)


@register("take_along_dim", "composite")
def take_along_dim(self: Tensor, indices: Tensor, dim: int | None = None) -> Any:
    """Gather, after broadcasting."""
    if dim is None:
        return call("gather", call("reshape", self, -1), 0, call("reshape", indices, -1))
    place = wrap_dim(dim, self.ndim)
    lead = list(
        broadcast_shapes(
            [1 if d == place else n for d, n in enumerate(self._shape)],
            [1 if d == place else n for d, n in enumerate(indices._shape)],
        )
    )
    wide = [n if d != place else self._shape[place] for d, n in enumerate(lead)]
    narrow = [n if d != place else indices._shape[place] for d, n in enumerate(lead)]
    return call("gather", call("expand", self, wide), place, call("expand", indices, narrow))


def _scatter_host(self: Tensor, dim: int, index: Tensor, src: Any, how: Any) -> Tensor:
    place = wrap_dim(dim, self.ndim)
    places = index._host()
    _check_range("scatter", places, self._shape[place] if self._shape else 1, place)
    if not index.numel():
        return self
    wide = dtypes.to_compute(self._host(), self._dtype).copy()
    flat = wide.reshape(1) if wide.ndim == 0 else wide
    where: list[Any] = list(np.indices(places.shape if places.ndim else (1,)))
    where[place] = places.reshape(where[place].shape)
    if isinstance(src, Tensor):
        given = dtypes.to_compute(src._host(), src._dtype)
        given = given[tuple(slice(n) for n in places.shape)].reshape(where[place].shape)
    else:
        given = np.broadcast_to(np.asarray(src, wide.dtype), where[place].shape)
    how(flat, tuple(where), given)
    self._host()[...] = dtypes.from_compute(wide, self._dtype)
    self._version += 1
    return self


def _put(target: Any, where: Any, given: Any) -> None:
    target[where] = given


_REDUCERS = {
    None: _put,
    "add": np.add.at,
    "sum": np.add.at,
    "multiply": np.multiply.at,
    "prod": np.multiply.at,
    "amax": np.maximum.at,
    "amin": np.minimum.at,
}


def _check_scatter(name: str, self: Tensor, dim: int, index: Tensor, src: Any) -> None:
    if index._dtype.name not in ("int64", "int32"):
        raise RuntimeError(f"{name}(): Expected dtype int32/int64 for index")
    if isinstance(src, Tensor) and src._dtype is not self._dtype:
        raise RuntimeError(f"{name}(): Expected self.dtype to be equal to src.dtype")
    place = wrap_dim(dim, self.ndim)
    if max(index.ndim, 1) != max(self.ndim, 1):
        raise RuntimeError("Index tensor must have the same number of dimensions as self tensor")
    for d in range(index.ndim):
        big = d != place and index._shape[d] > self._shape[d]
        if isinstance(src, Tensor) and (big or index._shape[d] > src._shape[d]):
            raise RuntimeError(
                f"Expected index {list(index._shape)} to be no larger than self "
                f"{list(self._shape)} apart from dimension {place} and to be no larger size than "
                f"src {list(src._shape)}"
            )
        if big:
            raise RuntimeError(
                f"Expected index {list(index._shape)} to be no larger than self "
                f"{list(self._shape)} apart from dimension {place}"
            )


def _scatter(name: str, self: Tensor, dim: int, index: Tensor, src: Any, how: Any) -> Tensor:
    _check_scatter(name, self, dim, index, src)
    if on_machine(self):
        home = [
            to_device(each, CPU) if isinstance(each, Tensor) else each
            for each in (self, index, src)
        ]
        return call("copy_", self, _scatter_host(home[0], dim, home[1], home[2], how))  # type: ignore[no-any-return]
    return _scatter_host(self, dim, index, src, how)


@register("scatter_", "inplace")
def scatter_(
    self: Tensor,
    dim: int,
    index: Tensor,
    src: Any = None,
    *,
    value: Any = None,
    reduce: str | None = None,
) -> Tensor:
    """Write elements of `src`, or a number, at index's places along `dim`."""
    return _scatter("scatter", self, dim, index, value if src is None else src, _REDUCERS[reduce])


@register("scatter_add_", "inplace")
def scatter_add_(self: Tensor, dim: int, index: Tensor, src: Tensor) -> Tensor:
    """Add elements of `src` at index's places along `dim`."""
    return _scatter("scatter", self, dim, index, src, np.add.at)


@register("scatter_reduce_", "inplace")
def scatter_reduce_(
    self: Tensor, dim: int, index: Tensor, src: Tensor, reduce: str, *, include_self: bool = True
) -> Tensor:
    """Fold elements of `src` into index's places along `dim`."""
    if not include_self:
        start = {"sum": 0, "prod": 1, "amax": -math.inf, "amin": math.inf}[reduce]
        _scatter("scatter", self, dim, index, start, _put)
    return _scatter("scatter_reduce", self, dim, index, src, _REDUCERS[reduce])


@register("index_add_", "inplace")
def index_add_(self: Tensor, dim: int, index: Tensor, source: Tensor, *, alpha: Any = 1) -> Any:
    """Add slices of `source` at places of a dimension."""
    place = wrap_dim(dim, self.ndim)
    picks: list[Any] = [None] * place + [index]
    scaled = source if alpha == 1 else call("mul", source, alpha)
    return (
        call("index_put_", self, picks, scaled, True)
        if place == 0
        else _moved_add(self, place, index, scaled)
    )


def _moved_add(self: Tensor, place: int, index: Tensor, source: Tensor) -> Any:
    call(
        "index_put_",
        call("movedim", self, place, 0),
        [index],
        call("movedim", source, place, 0),
        True,
    )
    return self


@register("index_copy_", "inplace")
def index_copy_(self: Tensor, dim: int, index: Tensor, source: Tensor) -> Any:
    """Write slices of `source` at places of a dimension."""
    place = wrap_dim(dim, self.ndim)
    call("index_put_", call("movedim", self, place, 0), [index], call("movedim", source, place, 0))
    return self


@register("index_fill_", "inplace")
def index_fill_(self: Tensor, dim: int, index: Tensor, value: Any) -> Any:
    """Write a number at places of a dimension."""
    place = wrap_dim(dim, self.ndim)
    value = from_data(value.item() if isinstance(value, Tensor) else value, self._dtype)
    call("index_put_", call("movedim", self, place, 0), [index], value)
    return self


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
        return staged(lambda x: nonzero(x, as_tuple=as_tuple), self)
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
        target = call("clone", self, memory_format="contiguous_format")
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
