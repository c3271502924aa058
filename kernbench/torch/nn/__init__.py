"""``torch.nn``: modules, parameters, and :mod:`functional`."""

from __future__ import annotations

from typing import Any

from kernbench.runtime.placeholder import Placeholder
from kernbench.torch.nn import functional

__all__ = ["functional"]


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(f"module 'torch.nn' has no attribute '{name}'")
    from kernbench.torch._known import NN

    if name not in NN:
        raise AttributeError(f"module 'torch.nn' has no attribute '{name}'")
    return Placeholder(f"torch.nn.{name}")
