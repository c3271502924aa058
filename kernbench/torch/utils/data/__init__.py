"""``torch.utils.data``: the face of :mod:`kernbench.data`."""

from __future__ import annotations

from typing import Any

from kernbench.data import *  # noqa: F403 - a face: its list is there
from kernbench.data import __all__ as __all__
from kernbench.runtime.placeholder import Placeholder


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(f"module 'torch.utils.data' has no attribute '{name}'")
    return Placeholder(f"torch.utils.data.{name}")
