"""What scripts hand to a context's factories, as shapes and arrays."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
import numpy.typing as npt

from kernbench.runtime.tensor import Tensor

__all__ = ["as_array", "as_shape"]


def as_shape(size: tuple[Any, ...]) -> tuple[int, ...]:
    """``(2, 3)`` of ``zeros(2, 3)`` and of ``zeros((2, 3))``."""
    if len(size) == 1 and isinstance(size[0], (tuple, list)):
        size = tuple(size[0])
    return tuple(operator.index(n) for n in size)


def as_array(data: Any) -> npt.NDArray[Any]:
    """Return numbers as an array; Python floats become float32, as in torch."""
    if isinstance(data, Tensor):
        raise TypeError("tensor: expected numbers or a NumPy array, got a Tensor")
    values = np.asarray(data)
    if not isinstance(data, (np.ndarray, np.generic)) and values.dtype == np.float64:
        values = values.astype(np.float32)
    return values
