"""Parameters as one vector, and back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kernbench.runtime.dispatch import call
from kernbench.runtime.tensor import Tensor

__all__ = ["parameters_to_vector", "vector_to_parameters"]


def parameters_to_vector(parameters: Iterable[Any]) -> Any:
    """Return the elements of all parameters in one dimension."""
    return call("cat", [call("reshape", each, -1) for each in parameters])


def vector_to_parameters(vec: Any, parameters: Iterable[Any]) -> None:
    """Let parameters be the parts of a vector."""
    if not isinstance(vec, Tensor):
        raise TypeError(f"expected torch.Tensor, but got: {type(vec)}")
    first = 0
    for each in parameters:
        part = call("slice", vec.detach(), 0, first, first + each.numel())
        each.data = call("view_as", part, each)
        first += each.numel()
