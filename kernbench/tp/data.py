"""Handing one rank's batch to all ranks of a tensor group."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from kernbench import distributed as dist
from kernbench.runtime import Tensor
from kernbench.runtime.dispatch import call
from kernbench.tp.utils import get_tensor_model_parallel_group_if_none

__all__ = ["broadcast_data"]


def broadcast_data(
    keys: Sequence[str],
    data: Mapping[str, Tensor] | None,
    datatype: Any,
    tp_group: Any = None,
) -> dict[str, Tensor]:
    """Send the tensors under `keys` from the group's first rank to all of it.

    Parameters
    ----------
    keys : sequence of str
        Equal on all ranks.
    data : mapping of str to Tensor, or None
        Read on the group's first rank only.
    datatype : dtype
        Of all of them.

    Raises
    ------
    AssertionError
        When one of the tensors has another dtype; it says which.
    """
    group = get_tensor_model_parallel_group_if_none(tp_group)
    source = dist.get_process_group_ranks(group)[0]
    mine = group.rank() == 0
    shapes: list[Any] = [None]
    if mine:
        assert data is not None, "broadcast_data: expected data on the group's first rank"
        for key in keys:
            assert data[key].dtype == datatype, (
                f"{key} has data type {data[key].dtype} which is different than {datatype}"
            )
        shapes = [[tuple(data[key].shape) for key in keys]]
    dist.broadcast_object_list(shapes, src=source, group=group)
    sizes = [math.prod(shape) for shape in shapes[0]]
    if mine and data is not None:
        flat = call("cat", [data[key].contiguous().view(-1) for key in keys], 0).cuda()
    else:
        flat = call("empty", sum(sizes), dtype=datatype, device="cuda")
    dist.broadcast(flat, src=source, group=group)
    found, at = {}, 0
    for key, shape, size in zip(keys, shapes[0], sizes, strict=True):
        found[key] = flat[at : at + size].view(shape)
        at += size
    return found
