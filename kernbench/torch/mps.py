"""``torch.mps``: a kind of device that the simulated machine is not."""

from __future__ import annotations

from typing import Any

from kernbench.runtime.placeholder import Placeholder

__all__ = ["device_count", "is_available"]


def is_available() -> bool:
    """Return False."""
    return False


def device_count() -> int:
    """Return 0."""
    return 0


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(f"module 'torch.mps' has no attribute '{name}'")
    return Placeholder(f"torch.mps.{name}")
