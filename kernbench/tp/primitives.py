"""Collectives on one tensor, as tensor parallelism needs them; a group of one does nothing.

Shapes: ``first`` is dimension 0 (the sequence), ``last`` the dimension that is split over ranks.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kernbench import distributed as dist
from kernbench.runtime import Tensor
from kernbench.runtime.dispatch import call
from kernbench.tp.utils import split_tensor_along_last_dim

__all__ = [
    "all_to_all",
    "gather_first",
    "gather_last",
    "reduce",
    "reduce_scatter_first",
    "reduce_scatter_last",
    "split_first",
    "split_last",
]


def _empty(shape: Sequence[int], like: Tensor) -> Tensor:
    made: Tensor = call("empty", tuple(shape), dtype=like.dtype, device=like.device)
    return made


def _times_first(x: Tensor, factor: int) -> list[int]:
    return [x.shape[0] * factor, *x.shape[1:]]


def _part_of_first(x: Tensor, size: int, what: str) -> int:
    if x.shape[0] % size:
        raise AssertionError(
            f"{what}: expected a first dimension that is divisible by tensor parallel size {size}, "
            f"got shape {tuple(x.shape)}"
        )
    return x.shape[0] // size


def reduce(x: Any, group: Any) -> Any:
    """Add up over the ranks, in `x` itself where it is contiguous."""
    if group.size() == 1:
        return x
    x = x.contiguous()
    dist.all_reduce(x, group=group)
    return x


def split_last(x: Any, group: Any) -> Any:
    """Return this rank's part of the last dimension."""
    if group.size() == 1:
        return x
    return split_tensor_along_last_dim(x, group.size())[group.rank()].contiguous()


def split_first(x: Any, group: Any) -> Any:
    """Return this rank's part of the first dimension."""
    if group.size() == 1:
        return x
    size = _part_of_first(x, group.size(), "split along the first dimension")
    start = group.rank() * size
    part: Tensor = x[start : start + size].contiguous()
    return part


def gather_first(x: Tensor, group: Any, output_split_sizes: Sequence[int] | None = None) -> Tensor:
    """Return all ranks' tensors, one after another along the first dimension."""
    if group.size() == 1:
        return x
    if output_split_sizes is not None:
        whole = _empty([sum(output_split_sizes), *x.shape[1:]], x)
        parts = list(call("split_with_sizes", whole, list(output_split_sizes), 0))
        dist.all_gather(parts, x.contiguous(), group=group)
        return whole
    whole = _empty(_times_first(x, group.size()), x)
    dist.all_gather_into_tensor(whole, x.contiguous(), group=group)
    return whole


def gather_last(x: Any, group: Any) -> Any:
    """Return all ranks' tensors side by side along the last dimension."""
    if group.size() == 1:
        return x
    stacked: Any = gather_first(x.reshape(1, *x.shape), group)
    whole: Any = call("cat", [stacked[i] for i in range(group.size())], -1)
    return whole.contiguous()


def reduce_scatter_first(
    x: Tensor, group: Any, input_split_sizes: Sequence[int] | None = None
) -> Tensor:
    """Add up over the ranks and return this rank's part of the first dimension."""
    if group.size() == 1:
        return x
    if input_split_sizes is not None:
        parts = [p.contiguous() for p in call("split_with_sizes", x, list(input_split_sizes), 0)]
        mine = _empty(parts[group.rank()].shape, x)
        dist.reduce_scatter(mine, parts, group=group)
        return mine
    size = _part_of_first(x, group.size(), "reduce-scatter")
    mine = _empty([size, *x.shape[1:]], x)
    dist.reduce_scatter_tensor(mine, x.contiguous(), group=group)
    return mine


def reduce_scatter_last(x: Any, group: Any) -> Any:
    """Add up over the ranks and return this rank's part of the last dimension."""
    if group.size() == 1:
        return x
    parts = split_tensor_along_last_dim(x.reshape(-1, x.shape[-1]), group.size())
    mine = reduce_scatter_first(call("cat", parts, 0), group)
    return mine.reshape(*x.shape[:-1], -1)


def all_to_all(
    x: Tensor,
    group: Any,
    output_split_sizes: Sequence[int] | None = None,
    input_split_sizes: Sequence[int] | None = None,
) -> Tensor:
    """Send the i-th part of the first dimension to rank i; return what came, in order of ranks."""
    if group.size() == 1:
        return x
    x = x.contiguous()
    rows = x.shape[0] if output_split_sizes is None else sum(output_split_sizes)
    came = _empty([rows, *x.shape[1:]], x)
    dist.all_to_all_single(
        came,
        x,
        output_split_sizes=output_split_sizes,
        input_split_sizes=input_split_sizes,
        group=group,
    )
    return came
