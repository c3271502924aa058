"""``torch.linalg``: norms."""

from __future__ import annotations

from typing import Any

from kernbench.runtime.dispatch import call
from kernbench.runtime.placeholder import Placeholder

__all__ = ["norm", "vector_norm"]


def vector_norm(
    x: Any, ord: Any = 2, dim: Any = None, keepdim: bool = False, *, dtype: Any = None
) -> Any:
    """Return the norm of the elements."""
    return call("norm", x, ord, dim, keepdim, dtype)


def norm(A: Any, ord: Any = None, dim: Any = None, keepdim: bool = False, **names: Any) -> Any:
    """Return the norm of the elements: the square root of the sum of squares unless told."""
    return call("norm", A, "fro" if ord is None else ord, dim, keepdim, names.get("dtype"))


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(f"module 'torch.linalg' has no attribute '{name}'")
    return Placeholder(f"torch.linalg.{name}")
