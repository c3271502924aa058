"""Writing elements by their places along one dimension: ``scatter``, ``index_add`` and kin.

On the machine, writes are spread over all PEs; what folds into elements goes through the index in
order, column by column, so that the bits do not depend on chance.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from kernbench.ops import functions as fn
from kernbench.ops import kernels, pointwise
from kernbench.ops.copying import to_device
from kernbench.ops.launching import block_for, launch, next_power_of_2, pes_of
from kernbench.ops.picking import check_range
from kernbench.ops.support import on_machine
from kernbench.runtime import dtypes
from kernbench.runtime.dispatch import call, register
from kernbench.runtime.factories import from_data
from kernbench.runtime.geometry import wrap_dim
from kernbench.runtime.tensor import Tensor

__all__ = ["write_on_machine"]


def _scatter_host(self: Tensor, dim: int, index: Tensor, src: Any, how: Any) -> Tensor:
    place = wrap_dim(dim, self.ndim)
    places = index._host()
    check_range("scatter", places, self._shape[place] if self._shape else 1, place)
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


_FOLDS: dict[Any, Any] = {
    np.add.at: fn.add,
    np.multiply.at: fn.mul,
    np.maximum.at: fn.maximum,
    np.minimum.at: fn.minimum,
}


def write_on_machine(self: Tensor, dim: int, index: Tensor, src: Any, fold: Any = None) -> None:
    """Write `src` (of index's shape, or a number) to the places of `index` along `dim`.

    With `fold`, a function in ``tl``, fold it into what is there, in the order of the index.
    """
    if not index.numel():
        return
    index = to_device(index, self.device)
    shape = index._shape
    x_steps = [0 if d == dim else s for d, s in enumerate(self._strides)]
    given = src._strides if isinstance(src, Tensor) else [0] * len(shape)
    number = None
    if not isinstance(src, Tensor):
        number = float(src) if self._dtype.is_floating_point else int(src)
    steps = [list(index._strides), x_steps, list(given)]
    ct = pointwise.compute_type(self._dtype)
    operands = (self, src if number is None else number, index)
    size, step = (self._shape[dim], self._strides[dim]) if self._shape else (1, 1)
    if fold is None:
        sizes, strides = pointwise.collapse(shape, steps)
        lead = sizes[0] if len(sizes) == 5 else 0
        flat = [s for each in strides for s in each[1:]]
        count = index.numel()
        if lead == 1:
            block = block_for(count, pes_of(self), 1024, 256)
            launch(
                kernels.put_rows,
                self,
                -(-count // block),
                (*operands, count, size, *sizes[2:], *flat, step),
                IS_NUMBER=number is not None,
                CT=ct,
                COLS=block,
            )
            return
    rest = [n for d, n in enumerate(shape) if d != dim]
    cut = [[s for d, s in enumerate(each) if d != dim] for each in steps]
    sizes, strides = pointwise.collapse(rest, cut)
    if len(sizes) > 5 or sizes[0] != 1:
        raise NotImplementedError(
            f"kernbench: writing by index to shape {tuple(self._shape)} on the machine walks at "
            "most 5 dimensions of its own; make the operands contiguous first"
        )
    along = [each[dim] if shape else 0 for each in steps]
    count = math.prod(rest)
    block = min(max(next_power_of_2(-(-count // pes_of(self))), 16), 1024)
    flat = [s for each in strides for s in each[1:]]
    launch(
        kernels.fold_rows,
        self,
        -(-count // block),
        (
            *operands,
            shape[dim] if shape else 1,
            count,
            size,
            *sizes[2:],
            *flat,
            along[0],
            along[2],
            step,
        ),
        FN=fn.second if fold is None else fold,
        IS_NUMBER=number is not None,
        CT=ct,
        COLS=block,
    )


def _scatter(
    name: str, self: Tensor, dim: int, index: Tensor, src: Any, how: Callable[..., Any]
) -> Tensor:
    _check_scatter(name, self, dim, index, src)
    if on_machine(self):
        place = wrap_dim(dim, self.ndim)
        if isinstance(src, Tensor):
            src = to_device(src, self.device)
        write_on_machine(self, place, index, src, _FOLDS.get(how))
        self._version += 1
        return self
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
