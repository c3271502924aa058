"""Picking elements by their places along one dimension: ``gather``, ``index_select``, ``take``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from kernbench.ops import kernels, pointwise
from kernbench.ops.copying import to_device
from kernbench.ops.launching import block_for, launch, pes_of
from kernbench.ops.support import deliver, from_host, new_empty, on_machine
from kernbench.runtime import dtypes
from kernbench.runtime.dispatch import call, register
from kernbench.runtime.geometry import broadcast_shapes, wrap_dim
from kernbench.runtime.tensor import Tensor

__all__ = ["check_range", "take_places"]


def _check_index(name: str, index: Tensor) -> None:
    if index._dtype.name not in ("int64", "int32"):
        raise RuntimeError(f"{name}(): Expected dtype int32/int64 for index")


def take_places(
    made: Tensor,
    source: Tensor,
    dim: int,
    index: Tensor,
    index_steps: Sequence[int],
    source_steps: Sequence[int],
    wrap: bool = False,
) -> None:
    """Fill `made` on the machine: each element from the place along `dim` that the index says.

    Parameters
    ----------
    made : Tensor
        Where to.
    source, dim : Tensor, int
        Where from.
    index : Tensor
        The places.
    index_steps, source_steps : sequence of int
        The strides with which index and source (but for `dim`) are walked over made's shape.
    wrap : bool
        Whether negative places count from the end.
    """
    count = made.numel()
    if not count:
        return
    sizes, strides = pointwise.collapse(made._shape, [index_steps, source_steps, made._strides])
    if len(sizes) > 5 or sizes[0] != 1:
        raise NotImplementedError(
            f"kernbench: picking from shape {tuple(source._shape)} on the machine walks at most 4 "
            "dimensions of its own; make the operands contiguous first"
        )
    block = block_for(count, pes_of(source), 1024, 256)
    size, step = (source._shape[dim], source._strides[dim]) if source._shape else (1, 1)
    walked = [step for each in strides for step in each[1:]]
    launch(
        kernels.take_rows,
        source,
        -(-count // block),
        (made, source, index, count, size, *sizes[2:], *walked, step),
        WRAP=wrap,
        COLS=block,
    )


def _take(source: Tensor, dim: int, index: Tensor, shape: Sequence[int], steps: Any) -> Tensor:
    made = new_empty(shape, source._dtype, source.device)
    along = [0 if d == dim else s for d, s in enumerate(source._strides)]
    take_places(made, source, dim, index, steps, along)
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
    check_range("gather", places, size, place)
    if not self._shape:
        return deliver(call("clone", self), out)
    held = self._host()[
        tuple(slice(None) if d == place else slice(n) for d, n in enumerate(index._shape))
    ]
    picked = np.take_along_axis(held, places.astype(np.int64), axis=place)
    return deliver(from_host(dtypes.to_compute(picked, self._dtype), self._dtype), out)


def check_range(name: str, places: Any, size: int, dim: int) -> None:
    """Refuse places beyond the ends of a dimension."""
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
