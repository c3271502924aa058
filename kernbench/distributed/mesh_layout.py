"""Which ranks of a grid belong together: arithmetic alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

__all__ = ["check_names", "check_ranks", "lines_along", "part_at", "step_of"]


def check_ranks(ranks: Any, world_size: int) -> None:
    """Refuse a grid whose ranks there are not, or one of them twice."""
    if ranks.size > world_size:
        raise RuntimeError(
            f"Mesh should not be bigger than default world size {world_size}, but found "
            f"{ranks.size} ranks!"
        )
    for rank in ranks.flat:
        if not 0 <= rank < world_size:
            raise ValueError(
                f"Rank {rank} is out of range. Valid ranks are 0 to {world_size - 1} "
                f"(world_size={world_size})"
            )
    if len(set(ranks.flat)) < ranks.size:
        raise ValueError(f"ranks list must not contain duplicate entries, got {ranks.tolist()}")


def check_names(names: tuple[str, ...], ndim: int) -> None:
    """Refuse names that are not one for each dimension, each once."""
    if len(names) != ndim:
        raise RuntimeError(
            f"mesh_dim_names: expected a name for each of {ndim} dimensions, got {names}"
        )
    if len(set(names)) != len(names):
        raise RuntimeError(
            f"Each mesh_dim_name must be unique. Found repeated mesh_dim_name in mesh_dim_names "
            f"{names}"
        )


def lines_along(ranks: Any, dims: Sequence[int]) -> list[list[int]]:
    """Return the ranks that differ in their place along some dimensions alone: a line of each."""
    length = math.prod(ranks.shape[dim] for dim in dims)
    last = np.moveaxis(ranks, list(dims), list(range(-len(dims), 0)))
    lines: list[list[int]] = last.reshape(-1, length).tolist()
    return lines


def part_at(ranks: Any, place: Sequence[int], parts: Sequence[Sequence[int]]) -> Any:
    """Return the ranks at a place: each part's dimensions as one, which are in ascending order."""
    kept = {dim for part in parts for dim in part}
    cut = tuple(slice(None) if dim in kept else place[dim] for dim in range(ranks.ndim))
    return ranks[cut].reshape([math.prod(ranks.shape[dim] for dim in part) for part in parts])


def step_of(ranks: Any, dim: int) -> int:
    """Return how far the ranks of a dimension lie apart."""
    line = lines_along(ranks, [dim])[0]
    return line[1] - line[0] if len(line) > 1 else math.prod(ranks.shape[dim + 1 :])
