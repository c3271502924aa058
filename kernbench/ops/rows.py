"""Tensors on the machine seen as rows: what a reduction or a scan over some dimensions walks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kernbench.language import dtypes as tl
from kernbench.ops import kernels
from kernbench.ops.launching import launch, next_power_of_2, pes_of
from kernbench.ops.support import new_empty
from kernbench.runtime.dispatch import call
from kernbench.runtime.dtypes import BY_NAME, dtype
from kernbench.runtime.tensor import Tensor

__all__ = ["Rows", "as_rows", "reduce_on_machine", "tile_of", "work_dtype"]

TILE = 4096


@dataclass(frozen=True, slots=True)
class Rows:
    """A tensor as rows over three dimensions (sizes n0, n1, n2), with elements `step` apart."""

    tensor: Tensor
    rows: int
    cols: int
    sizes: tuple[int, int, int]
    strides: tuple[int, int, int]
    step: int

    @property
    def arguments(self) -> tuple[int, ...]:
        """What a kernel is told of it."""
        return (self.rows, self.cols, self.sizes[1], self.sizes[2], *self.strides, self.step)


def _merge(shape: Sequence[int], strides: Sequence[int]) -> tuple[list[int], list[int]]:
    sizes: list[int] = []
    steps: list[int] = []
    for size, stride in zip(shape, strides, strict=True):
        if size == 1:
            continue
        if sizes and steps[-1] == stride * size:
            sizes[-1] *= size
            steps[-1] = stride
        else:
            sizes.append(size)
            steps.append(stride)
    return sizes, steps


def as_rows(tensor: Tensor, dims: Sequence[int], copied: bool = False) -> Rows:
    """See a tensor as rows along `dims`; a copy is made where its strides do not allow it."""
    keep = [d for d in range(tensor.ndim) if d not in dims]
    kept, kept_steps = _merge([tensor._shape[d] for d in keep], [tensor._strides[d] for d in keep])
    folded, folded_steps = _merge(
        [tensor._shape[d] for d in dims], [tensor._strides[d] for d in dims]
    )
    if len(kept) > 3 or len(folded) > 1:
        assert not copied
        moved = call("contiguous", call("permute", tensor, (*keep, *dims)))
        return as_rows(moved, range(len(keep), tensor.ndim), copied=True)
    lead = 3 - len(kept)
    sizes = (*(1,) * lead, *kept)
    steps = (*(0,) * lead, *kept_steps)
    cols = math.prod(folded)
    return Rows(tensor, math.prod(kept), cols, sizes, steps, folded_steps[0] if folded else 1)  # type: ignore[arg-type]


def tile_of(rows: int, cols: int, pes: int, most: int = TILE) -> tuple[int, int]:
    """Choose rows and columns of a tile: a share of the rows for each PE, and few turns."""
    width = min(next_power_of_2(cols), most)
    height = min(next_power_of_2(-(-rows // pes)), max(1, most // width))
    return max(1, height), width


def work_dtype(kind: dtype) -> dtype:
    """Return the type in which the machine folds elements of `kind`."""
    if kind.is_floating_point:
        return kind if kind.name == "float64" else BY_NAME["float32"]
    return BY_NAME["int64"]


_STARTS = {"sum": 0, "mean": 0, "count": 0, "any": 0, "prod": 1, "all": 1}


def _start(name: str, work: tl.dtype) -> Any:
    if name in _STARTS:
        return _STARTS[name]
    if work.is_floating():
        return float("-inf") if name == "max" else float("inf")
    return work.get_int_min_value() if name == "max" else work.get_int_max_value()


def reduce_on_machine(
    name: str, tensor: Tensor, dims: Sequence[int], kept: Sequence[int], result: dtype, work: dtype
) -> Tensor:
    """Fold the dimensions `dims` of a tensor into one of shape `kept`.

    Few long rows are cut into parts, a PE each, whose results are folded in turn.
    """
    seen = as_rows(tensor, dims)
    out = new_empty(kept, result, tensor.device)
    divisor = float(seen.cols)
    pes = pes_of(tensor)
    parts = min(pes // max(seen.rows, 1), seen.cols // 1024) if seen.cols else 0
    if parts > 1 and seen.sizes[0] * seen.sizes[1] == 1:
        seen = _in_parts(name, seen, parts, work)
        name = {"count": "sum"}.get(name, name)
    _fold(name, seen, out, work, divisor)
    return out


def _in_parts(name: str, seen: Rows, parts: int, work: dtype) -> Rows:
    """Fold parts of each row; return the rows of their results."""
    each, rest = divmod(seen.cols, parts)
    partial = new_empty((seen.rows, parts + (rest > 0)), work, seen.tensor.device)
    inner = {"mean": "sum"}.get(name, name)
    width = partial._shape[1]
    base, row_step = seen.tensor, seen.strides[2]
    shape, strides = (seen.rows, parts, each), (row_step, each * seen.step, seen.step)
    body = base._view(shape, strides, base._offset)
    # The partial results of a row lie side by side.
    out = partial._view((seen.rows, parts), (width, 1), 0)
    _fold_strided(inner, as_rows(body, (2,)), out, work)
    if rest:
        tail = base._view(
            (seen.rows, rest), (row_step, seen.step), base._offset + parts * each * seen.step
        )
        _fold_strided(
            inner, as_rows(tail, (1,)), partial._view((seen.rows,), (width,), parts), work
        )
    return as_rows(partial, (1,))


def _fold_strided(name: str, seen: Rows, out: Tensor, work: dtype) -> None:
    if out.is_contiguous():
        _fold(name, seen, out, work, 1.0)
        return
    dense = new_empty(out._shape, work, out.device)
    _fold(name, seen, dense, work, 1.0)
    call("copy_", out, dense)


def _fold(name: str, seen: Rows, out: Tensor, work: dtype, divisor: float) -> None:
    if seen.rows == 0:
        return
    element = work.element
    assert element is not None
    height, width = tile_of(seen.rows, max(seen.cols, 1), pes_of(seen.tensor))
    if name == "prod":
        height, width = min(next_power_of_2(seen.rows), 1024), 1
    launch(
        kernels.reduce_rows,
        out,
        -(-seen.rows // height),
        (out, seen.tensor, *seen.arguments, divisor if name == "mean" else None),
        KIND=name,
        START=_start(name, element),
        WT=element,
        FLOAT=element.is_floating(),
        ROWS=height,
        COLS=width,
    )
