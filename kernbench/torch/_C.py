"""``torch._C``: the few of its names that scripts reach for."""

from __future__ import annotations

import importlib
from typing import Any

from kernbench.runtime.placeholder import Placeholder
from kernbench.runtime.streams import current_stream

__all__: list[str] = []


def _cuda_getCurrentRawStream(device: int) -> int:
    """Return the number of a SIP's current stream."""
    return current_stream(device).stream_id


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(f"module 'torch._C' has no attribute '{name}'")
    if name == "_distributed_c10d":  # where torch defines ProcessGroup, Work and their like
        return importlib.import_module("kernbench.distributed")
    return Placeholder(f"torch._C.{name}")
