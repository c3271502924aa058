"""What the cases of public kernels are made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from case import Arguments, Case, Tensor, to_storage, uniform, whole


def public(
    name: str,
    source: str,
    arguments: Callable[[np.random.Generator], Arguments],
    grid: tuple[int, ...] = (1,),
    ulps: int = 0,
    scale: float = 0.0,
) -> Case:
    """Return the case of a kernel as it is published, in our own words."""
    return Case(f"public/{name}", source, arguments, grid, ulps, scale)


def numbers(
    shape: tuple[int, ...] | int, rng: np.random.Generator, dtype: str = "float32"
) -> Tensor:
    """Small whole numbers, of which sums and products are exact."""
    return whole(dtype, shape, rng, -4, 5)


def floats(
    shape: tuple[int, ...] | int,
    rng: np.random.Generator,
    dtype: str = "float32",
    a: float = -1,
    b: float = 1,
) -> Tensor:
    """Random floats."""
    return uniform(dtype, shape, rng, a, b)


def room(shape: tuple[int, ...] | int, dtype: str = "float32") -> Tensor:
    """Zeros, for an output."""
    return Tensor(dtype, to_storage(np.zeros(shape), dtype))


def indices(values: Any, dtype: str = "int32") -> Tensor:
    """Return these integers."""
    return Tensor(dtype, np.array(values, dtype))
