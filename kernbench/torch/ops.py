"""``torch.ops``: what generated code calls by this path."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

from kernbench.runtime.dispatch import call
from kernbench.runtime.placeholder import Placeholder

__all__ = ["inductor"]


def _reinterpret_tensor(
    self: Any, size: Sequence[int], stride: Sequence[int], offset_increment: int = 0
) -> Any:
    """View a tensor's storage from `offset_increment` elements behind its first one."""
    return call("as_strided", self, size, stride, self.storage_offset() + offset_increment)


inductor = SimpleNamespace(_reinterpret_tensor=_reinterpret_tensor)


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(f"module 'torch.ops' has no attribute '{name}'")
    return Placeholder(f"torch.ops.{name}")
