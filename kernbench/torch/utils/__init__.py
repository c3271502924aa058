"""``torch.utils``: data and checkpoint; other names are placeholders."""

from __future__ import annotations

from typing import Any

from kernbench.runtime.placeholder import Placeholder
from kernbench.torch.utils import checkpoint, data

__all__ = ["checkpoint", "data"]


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(f"module 'torch.utils' has no attribute '{name}'")
    return Placeholder(f"torch.utils.{name}")
