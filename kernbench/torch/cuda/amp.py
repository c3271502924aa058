"""``torch.cuda.amp``: mixed precision."""

from __future__ import annotations

from typing import Any

from kernbench.runtime.mixed import GradScaler, autocast, custom_bwd, custom_fwd
from kernbench.runtime.placeholder import Placeholder

__all__ = ["GradScaler", "autocast", "custom_bwd", "custom_fwd"]


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(f"module 'torch.cuda.amp' has no attribute '{name}'")
    return Placeholder(f"torch.cuda.amp.{name}")
